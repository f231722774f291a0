/* test_store_write.c - db/store_write.c, read back through store_load.c: what is written is read,
 * and identifiers are unique where they must be. */
#include "test_db.h"

#include "oq_log.h"

/* --- round trips ----------------------------------------------------------------------------- */

static void fill(struct oq_group *group)
{
    sample_group(group, 7);
    sample_job(group, 7, 3);
    set_text(&group->description,
             "two\nlines, a ' quote, \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x9a\x80");
    set_text(&group->notify_clsid, "{0123abcd-0000-4000-8000-00000000000f}");
    group->state = OQ_GROUP_ERROR;
    group->is_foreground = true;
    group->notify_flags = 0x44;
    group->event = OQ_EVENT_ERROR;
    group->error.code = UINT32_MAX;
    group->error.win32 = UINT32_MAX;
    group->error.http = UINT32_MAX;
    group->error.file_index = 2;
    set_text(&group->error.text, "nicht gefunden \xe2\x9c\x97");
    group->retries = UINT32_MAX;
    group->created_at_ms = OQ_TIME_MIN_MS;
    group->changed_at_ms = OQ_TIME_MAX_MS;
    group->no_progress_since_ms = -1;

    struct oq_file *file = &group->job.files[0]; /* everything known */
    file->state = OQ_FILE_FETCHED;
    set_text(&file->remote, "https://user@b\xc3\xbc"
                            "cher.example/%20?a=b&c='d'");
    set_text(&file->local, "\\\\server\\share\\\xe6\x97\xa5\xe6\x9c\xac.bin");
    set_text(&file->temp_path, "\\\\server\\share\\OQ1.tmp");
    set_text(&file->etag, "\"x-\xc3\xbf\"");
    set_text(&file->last_modified, "Tue, 15 Nov 1994 12:45:26 GMT");
    file->size_bytes = INT64_MAX;
    file->done_bytes = INT64_MAX;
    set_text(&file->digest, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    file->source = 2;
    file->bad_sources = UINT32_MAX;
    file->mismatches = 7;
    file->expectations = sample_expectations();
    file = &group->job.files[1]; /* 0 bytes are known, and all there */
    file->state = OQ_FILE_FINAL;
    file->size_bytes = 0;
    file = &group->job.files[2]; /* above 4 GiB, in the middle */
    set_text(&file->temp_path, "t");
    file->source = OQ_NO_SOURCE;
    file->size_bytes = (uint64_t)5 << 32;
    file->done_bytes = ((uint64_t)4 << 32) + 1;
}

/* Shows IOpenQmgrGroup.saved */
static void store__every_column_set__comes_back(void **state)
{
    struct oq_group group;
    fill(&group);
    insert(*state, &group);
    assert_true(group.id > 0);
    assert_true(group.job.id > 0);
    assert_null(oq_group_check(&group));
    assert_only_group(state, &group);
    oq_group_release(&group);
}

/* A file's row of expectations must not inherit from the row written before it. */
static void store__files_with_different_expectations__none_has_anothers(void **state)
{
    struct oq_group group;
    sample_group(&group, 9);
    sample_job(&group, 9, 5);
    group.job.files[0].expectations = sample_expectations(); /* everything */
    for (uint32_t i = 1; i < 5; i++) {
        group.job.files[i].expectations = oq_expectations_new();
        assert_non_null(group.job.files[i].expectations);
    }
    group.job.files[1].expectations->size_bytes = 77; /* a size only */
    group.job.files[2].expectations->has_sha256 = true;
    memset(group.job.files[2].expectations->sha256, 0x5a, OQ_SHA256_BYTES);
    assert_int_equal(
        oq_expectations_set_pieces(group.job.files[3].expectations,
                                   &(struct oq_pieces){.kind = OQ_HASH_SHA256,
                                                       .piece_bytes = 500,
                                                       .count = 1,
                                                       .hashes = (uint8_t[32]){1, 2, 3}},
                                   &err),
        OQ_OK);
    assert_int_equal(
        oq_expectations_add_mirror(group.job.files[4].expectations, "https://three.example/"),
        OQ_OK);
    insert(*state, &group);
    assert_only_group(state, &group);
    oq_group_release(&group);
}

/* What a clock says must never make a row that cannot be read. */
static void store__time_that_no_row_may_hold__is_stored_as_the_nearest(void **state)
{
    struct oq_group group;
    sample_group(&group, 8);
    group.created_at_ms = INT64_MIN;
    group.changed_at_ms = INT64_MAX;
    group.no_progress_since_ms = OQ_TIME_MAX_MS + 1;
    insert(*state, &group);
    group.created_at_ms = OQ_TIME_MIN_MS;
    group.changed_at_ms = group.no_progress_since_ms = OQ_TIME_MAX_MS;
    assert_only_group(state, &group);
    oq_group_release(&group);
}

static void store__fewer_mirrors_than_before__none_of_the_old_ones_stays(void **state)
{
    struct oq_group group;
    sample_group(&group, 9);
    sample_job(&group, 9, 1);
    struct oq_file *file = &group.job.files[0];
    file->expectations = sample_expectations();
    insert(*state, &group);
    oq_expectations_free(file->expectations);
    file->expectations = oq_expectations_new();
    assert_non_null(file->expectations);
    assert_int_equal(oq_expectations_add_mirror(file->expectations, "https://three.example/"),
                     OQ_OK);
    assert_ok(oq_store_begin(*state, &err), err);
    assert_ok(oq_store_update_expectations(*state, group.job.id, file, &err), err);
    assert_ok(oq_store_commit(*state, &err), err);
    assert_only_group(state, &group);
    oq_group_release(&group);
}

static void store__expectation_that_breaks_a_promise__is_not_written(void **state)
{
    struct oq_group group;
    sample_group(&group, 9);
    sample_job(&group, 9, 1);
    struct oq_file *file = &group.job.files[0];
    file->expectations = sample_expectations();
    insert(*state, &group);
    uint64_t piece_bytes = file->expectations->pieces.piece_bytes;
    file->expectations->pieces.piece_bytes = 0;
    assert_ok(oq_store_begin(*state, &err), err);
    assert_status(oq_store_update_expectations(*state, group.job.id, file, &err), OQ_E_BUG, err);
    assert_ok(oq_store_commit(*state, &err), err);
    file->expectations->pieces.piece_bytes = piece_bytes;
    assert_only_group(state, &group);
    oq_group_release(&group);
}

/* SQLite rolls back by itself after some errors; a caller who overlooks one must not take the
 * commit for done. */
static void store__commit_of_what_was_rolled_back__fails(void **state)
{
    assert_ok(oq_store_begin(*state, &err), err);
    run_sql(*state, "ROLLBACK");
    assert_status(oq_store_commit(*state, &err), OQ_E_DB, err);
    insert_sample(*state, 1, 1); /* the next one works */
}

static void store__everything_empty__comes_back(void **state)
{
    struct oq_group group;
    sample_group(&group, 8);
    set_text(&group.display_name, "");
    group.created_at_ms = 0;
    group.changed_at_ms = 0;
    insert(*state, &group);
    assert_only_group(state, &group);
    oq_group_release(&group);
}

static void store__job_without_files__comes_back(void **state)
{
    struct oq_group group;
    sample_group(&group, 8);
    sample_job(&group, 8, 0);
    insert(*state, &group);
    assert_only_group(state, &group);
    oq_group_release(&group);
}

static void store__long_texts__come_back(void **state)
{
    struct oq_group group;
    char text[20001];

    sample_group(&group, 8);
    sample_job(&group, 8, 2);
    memset(text, 'u', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    set_text(&group.job.files[0].remote, text);
    set_text(&group.job.files[1].local, text);
    insert(*state, &group);
    assert_only_group(state, &group);
    oq_group_release(&group);
}

static void store__update_of_every_column__comes_back(void **state)
{
    struct oq_group before, after;

    sample_group(&before, 7);
    sample_job(&before, 7, 3);
    insert(*state, &before);
    fill(&after);
    after.id = before.id;
    after.job.id = before.job.id;
    for (int round = 0; round < 2; round++) { /* there, and back to NULL and zero */
        const struct oq_group *wanted = round == 0 ? &after : &before;
        assert_ok(oq_store_begin(*state, &err), err);
        assert_ok(oq_store_update_group(*state, wanted, &err), err);
        for (uint32_t i = 0; i < 3; i++) {
            assert_ok(oq_store_update_file(*state, wanted->job.id, &wanted->job.files[i], &err),
                      err);
            assert_ok(
                oq_store_update_expectations(*state, wanted->job.id, &wanted->job.files[i], &err),
                err);
        }
        assert_ok(oq_store_commit(*state, &err), err);
        assert_only_group(state, wanted);
    }
    oq_group_release(&before);
    oq_group_release(&after);
}

static void store__update__touches_its_row_only(void **state)
{
    struct oq_group group;
    insert_sample(*state, 1, 3);
    insert_sample(*state, 2, 3);
    sample_group(&group, 2);
    sample_job(&group, 2, 3);
    struct sample_queue queue = load(*state);
    queue.groups[0].retries = 5;
    queue.groups[0].job.files[1].size_bytes = 77;
    assert_ok(oq_store_begin(*state, &err), err);
    assert_ok(oq_store_update_group(*state, &queue.groups[0], &err), err);
    assert_ok(
        oq_store_update_file(*state, queue.groups[0].job.id, &queue.groups[0].job.files[1], &err),
        err);
    assert_ok(oq_store_commit(*state, &err), err);
    struct sample_queue again = load(*state);
    assert_int_equal(again.count, 2);
    assert_same_group(&again.groups[0], &queue.groups[0]);
    assert_same_group(&again.groups[1], &group);
    sample_queue_release(&queue);
    sample_queue_release(&again);
    oq_group_release(&group);
}

/* What can be written but not read would be damage at the next start. */
static void store__text_that_is_not_utf8__is_not_written(void **state)
{
    struct oq_group group;
    sample_group(&group, 1);
    sample_job(&group, 1, 1);
    insert(*state, &group);
    oq_log_set_level((enum oq_log_level) - 1);
    assert_ok(oq_store_begin(*state, &err), err);
    char *good = group.job.files[0].remote;
    group.job.files[0].remote = (char[]){"http://h/\xe4"};
    assert_status(oq_store_update_file(*state, group.job.id, &group.job.files[0], &err), OQ_E_BUG,
                  err);
    group.job.files[0].remote = good;
    good = group.owner_sid;
    group.owner_sid = (char[]){"\xff"};
    assert_status(oq_store_update_group(*state, &group, &err), OQ_E_BUG, err);
    group.owner_sid = good;
    assert_ok(oq_store_commit(*state, &err), err);
    oq_log_set_level(OQ_LOG_ERROR);
    assert_only_group(state, &group);
    oq_group_release(&group);
}

static void store__failure_text_that_is_not_utf8__is_left_out(void **state)
{
    struct oq_group group;
    sample_group(&group, 1);
    group.state = OQ_GROUP_ERROR;
    group.error.code = 5;
    group.error.win32 = 5;
    set_text(&group.error.text, "Zugriff verweigert: f\xfcr");
    insert(*state, &group);
    set_text(&group.error.text, NULL);
    assert_only_group(state, &group);
    oq_group_release(&group);
}

/* The schema spells the states once more (a released schema file never changes); this keeps the two
 * lists together. */
static void store__every_state__can_be_stored(void **state)
{
    for (int i = 0; i < OQ_GROUP_STATE_COUNT; i++) {
        struct oq_group group;
        sample_group(&group, 20 + (uint32_t)i);
        sample_job(&group, 20 + (uint32_t)i, 1);
        group.job.files[0].state = OQ_FILE_FINAL;
        group.job.files[0].size_bytes = 0;
        group.state = (enum oq_group_state)i;
        group.error.code = group.state == OQ_GROUP_ERROR;
        group.error.win32 = group.error.code;
        insert(*state, &group);
        oq_group_release(&group);
    }
    for (int i = 0; i < OQ_FILE_STATE_COUNT; i++) {
        struct oq_group group;
        sample_group(&group, 40 + (uint32_t)i);
        sample_job(&group, 40 + (uint32_t)i, 1);
        struct oq_file *file = &group.job.files[0];
        file->state = (enum oq_file_state)i;
        file->size_bytes = 1;
        file->done_bytes = 1;
        if (file->state != OQ_FILE_FINAL)
            set_text(&file->temp_path, "t");
        insert(*state, &group);
        oq_group_release(&group);
    }
    struct sample_queue queue = load(*state);
    assert_int_equal(queue.count, OQ_GROUP_STATE_COUNT + OQ_FILE_STATE_COUNT);
    for (size_t i = 0; i < OQ_GROUP_STATE_COUNT; i++)
        assert_int_equal(queue.groups[i].state, i);
    for (size_t i = 0; i < OQ_FILE_STATE_COUNT; i++)
        assert_int_equal(queue.groups[OQ_GROUP_STATE_COUNT + i].job.files[0].state, i);
    sample_queue_release(&queue);
}

static void store__every_event__can_be_stored(void **state)
{
    for (int i = 0; i <= OQ_EVENT_ERROR; i++) {
        struct oq_group group;
        sample_group(&group, 60 + (uint32_t)i);
        group.state = OQ_GROUP_CANCELLING;
        group.event = (enum oq_event_kind)i;
        insert(*state, &group);
        oq_group_release(&group);
    }
    struct sample_queue queue = load(*state);
    assert_int_equal(queue.count, 3);
    for (size_t i = 0; i < queue.count; i++)
        assert_int_equal(queue.groups[i].event, i);
    sample_queue_release(&queue);
}

static void store__sizes_above_int64__are_refused(void **state)
{
    static const struct {
        uint64_t size, done;
    } refused[] = {
        {(uint64_t)INT64_MAX + 1, 0},
        {UINT64_MAX - 1, 0},
        {OQ_SIZE_UNKNOWN, (uint64_t)INT64_MAX + 1},
        {OQ_SIZE_UNKNOWN, UINT64_MAX},
    };
    struct oq_group group;

    sample_group(&group, 1);
    sample_job(&group, 1, 1);
    insert(*state, &group);
    struct oq_file *file = &group.job.files[0];
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        file->size_bytes = refused[i].size;
        file->done_bytes = refused[i].done;
        assert_ok(oq_store_begin(*state, &err), err);
        assert_status(oq_store_update_file(*state, group.job.id, file, &err), OQ_E_INVALID_ARG,
                      err);
        file->index = 1;
        assert_status(oq_store_insert_file(*state, group.job.id, file, &err), OQ_E_INVALID_ARG,
                      err);
        file->index = 0;
        assert_ok(oq_store_commit(*state, &err), err);
    }
    file->size_bytes = OQ_SIZE_UNKNOWN;
    file->done_bytes = 0;
    assert_only_group(state, &group);
    assert_int_equal(query_int(*state, "SELECT size_bytes IS NULL FROM files"), 1);
    oq_group_release(&group);
}

/* --- identifiers ----------------------------------------------------------------------------- */

/* Inserts sample `number` in a transaction that is rolled back if that fails. */
static enum oq_status try_insert(struct oq_store *store, uint32_t number, uint32_t job_number,
                                 enum oq_group_state group_state)
{
    struct oq_group group;
    sample_group(&group, number);
    group.state = group_state;
    if (job_number > 0)
        sample_job(&group, job_number, 1);
    assert_ok(oq_store_begin(store, &err), err);
    group.id = -7;
    group.job.id = -7;
    enum oq_status status = oq_store_insert_group(store, &group, &err);
    assert_true(status == OQ_OK ? group.id > 0 : group.id == -7);
    if (status == OQ_OK && job_number > 0) {
        status = oq_store_insert_job(store, &group, &err);
        assert_true(status == OQ_OK ? group.job.id > 0 : group.job.id == -7);
    }
    if (status == OQ_OK)
        assert_ok(oq_store_commit(store, &err), err);
    else
        oq_store_rollback(store);
    oq_group_release(&group);
    return status;
}

static void set_state(struct oq_store *store, int64_t group_id, enum oq_group_state group_state)
{
    struct sample_queue queue = load(store);
    for (size_t i = 0; i < queue.count; i++) {
        if (queue.groups[i].id == group_id) {
            queue.groups[i].state = group_state;
            assert_ok(oq_store_begin(store, &err), err);
            assert_ok(oq_store_update_group(store, &queue.groups[i], &err), err);
            assert_ok(oq_store_commit(store, &err), err);
        }
    }
    sample_queue_release(&queue);
}

static void store__group_guid_taken__is_refused(void **state)
{
    insert_sample(*state, 1, 0);
    assert_int_equal(try_insert(*state, 1, 0, OQ_GROUP_SUSPENDED), OQ_E_EXISTS);
    assert_int_equal(try_insert(*state, 2, 0, OQ_GROUP_SUSPENDED), OQ_OK);
    struct sample_queue queue = load(*state);
    assert_int_equal(queue.count, 2);
    sample_queue_release(&queue);
}

/* Shows IBackgroundCopyGroup::CancelGroup.identifiers-group-job */
static void store__group_guid_of_a_cancelling_group__is_free(void **state)
{
    int64_t id = insert_sample(*state, 1, 1);
    set_state(*state, id, OQ_GROUP_CANCELLING);
    assert_int_equal(try_insert(*state, 1, 0, OQ_GROUP_SUSPENDED), OQ_OK);
    assert_int_equal(try_insert(*state, 1, 0, OQ_GROUP_SUSPENDED), OQ_E_EXISTS);
    assert_int_equal(try_insert(*state, 1, 0, OQ_GROUP_CANCELLING),
                     OQ_OK); /* several may be going at once */
    assert_int_equal(try_insert(*state, 1, 0, OQ_GROUP_CANCELLING), OQ_OK);
}

static void store__return_from_cancelling__cannot_double_a_guid(void **state)
{
    int64_t id = insert_sample(*state, 1, 1);
    set_state(*state, id, OQ_GROUP_CANCELLING);
    insert_sample(*state, 1, 1);
    struct sample_queue queue = load(*state);
    queue.groups[0].state = OQ_GROUP_SUSPENDED;
    assert_ok(oq_store_begin(*state, &err), err);
    assert_status(oq_store_update_group(*state, &queue.groups[0], &err), OQ_E_EXISTS, err);
    oq_store_rollback(*state);
    sample_queue_release(&queue);
}

static void store__job_guid_taken__is_refused(void **state)
{
    insert_sample(*state, 1, 1);
    assert_int_equal(try_insert(*state, 2, 1, OQ_GROUP_SUSPENDED), OQ_E_EXISTS);
    assert_int_equal(try_insert(*state, 2, 2, OQ_GROUP_SUSPENDED), OQ_OK);
}

/* Shows IBackgroundCopyGroup::CancelGroup.identifiers-group-job */
static void store__job_guid_of_a_cancelling_group__is_free(void **state)
{
    int64_t id = insert_sample(*state, 1, 1);
    set_state(*state, id, OQ_GROUP_CANCELLING);
    assert_int_equal(try_insert(*state, 2, 1, OQ_GROUP_SUSPENDED), OQ_OK);
    assert_int_equal(try_insert(*state, 3, 1, OQ_GROUP_SUSPENDED), OQ_E_EXISTS);
    assert_int_equal(try_insert(*state, 3, 1, OQ_GROUP_CANCELLING), OQ_OK);
    /* Other changes of a cancelling group do not take it back. */
    set_state(*state, id, OQ_GROUP_CANCELLING);
    assert_int_equal(query_int(*state, "SELECT count(*) FROM jobs WHERE is_live = 0"), 2);
}

static void store__second_job_of_a_group__is_refused(void **state)
{
    struct oq_group group;
    sample_group(&group, 1);
    sample_job(&group, 1, 1);
    insert(*state, &group);
    group.job.guid.data1 = 99;
    assert_ok(oq_store_begin(*state, &err), err);
    assert_status(oq_store_insert_job(*state, &group, &err), OQ_E_EXISTS, err);
    oq_store_rollback(*state);
    oq_group_release(&group);
}

static void store__file_index_taken__is_refused(void **state)
{
    struct oq_group group;
    sample_group(&group, 1);
    sample_job(&group, 1, 2);
    insert(*state, &group);
    assert_ok(oq_store_begin(*state, &err), err);
    assert_status(oq_store_insert_file(*state, group.job.id, &group.job.files[1], &err),
                  OQ_E_EXISTS, err);
    oq_store_rollback(*state);
    oq_group_release(&group);
}

static void store__rows_that_are_gone__are_not_found(void **state)
{
    struct oq_group group;
    sample_group(&group, 1);
    sample_job(&group, 1, 2);
    insert(*state, &group);
    assert_ok(oq_store_begin(*state, &err), err);
    assert_ok(oq_store_delete_group(*state, group.id, &err), err);
    assert_status(oq_store_delete_group(*state, group.id, &err), OQ_E_NOT_FOUND, err);
    assert_status(oq_store_update_group(*state, &group, &err), OQ_E_NOT_FOUND, err);
    assert_status(oq_store_insert_job(*state, &group, &err), OQ_E_NOT_FOUND, err);
    assert_status(oq_store_insert_file(*state, group.job.id, &group.job.files[0], &err),
                  OQ_E_NOT_FOUND, err);
    assert_status(oq_store_update_file(*state, group.job.id, &group.job.files[0], &err),
                  OQ_E_NOT_FOUND, err);
    assert_ok(oq_store_commit(*state, &err), err);
    oq_group_release(&group);
}

static void store__deleted_ids__are_never_used_again(void **state)
{
    int64_t first = insert_sample(*state, 1, 1);
    int64_t last = insert_sample(*state, 2, 1);
    int64_t job = query_int(*state, "SELECT max(id) FROM jobs");
    assert_true(last > first);
    assert_ok(oq_store_begin(*state, &err), err);
    assert_ok(oq_store_delete_group(*state, last, &err), err);
    assert_ok(oq_store_commit(*state, &err), err);
    reopen(state);
    assert_true(insert_sample(*state, 2, 1) > last);
    assert_true(query_int(*state, "SELECT max(id) FROM jobs") > job);
}

static void store__delete__takes_job_and_files_of_that_group_only(void **state)
{
    struct oq_group group;
    insert_sample(*state, 1, 3);
    int64_t id = insert_sample(*state, 2, 3);
    insert_sample(*state, 3, 3);
    assert_ok(oq_store_begin(*state, &err), err);
    assert_ok(oq_store_delete_group(*state, id, &err), err);
    assert_ok(oq_store_commit(*state, &err), err);
    assert_int_equal(query_int(*state, "SELECT count(*) FROM jobs"), 2);
    assert_int_equal(query_int(*state, "SELECT count(*) FROM files"), 6);
    struct sample_queue queue = load(*state);
    assert_int_equal(queue.count, 2);
    sample_group(&group, 1);
    sample_job(&group, 1, 3);
    assert_same_group(&queue.groups[0], &group);
    oq_group_release(&group);
    sample_group(&group, 3);
    sample_job(&group, 3, 3);
    assert_same_group(&queue.groups[1], &group);
    oq_group_release(&group);
    sample_queue_release(&queue);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(store__every_column_set__comes_back),
        T(store__files_with_different_expectations__none_has_anothers),
        T(store__time_that_no_row_may_hold__is_stored_as_the_nearest),
        T(store__fewer_mirrors_than_before__none_of_the_old_ones_stays),
        T(store__expectation_that_breaks_a_promise__is_not_written),
        T(store__commit_of_what_was_rolled_back__fails),
        T(store__everything_empty__comes_back),
        T(store__job_without_files__comes_back),
        T(store__long_texts__come_back),
        T(store__update_of_every_column__comes_back),
        T(store__update__touches_its_row_only),
        T(store__text_that_is_not_utf8__is_not_written),
        T(store__failure_text_that_is_not_utf8__is_left_out),
        T(store__every_state__can_be_stored),
        T(store__every_event__can_be_stored),
        T(store__sizes_above_int64__are_refused),
        T(store__group_guid_taken__is_refused),
        T(store__group_guid_of_a_cancelling_group__is_free),
        T(store__return_from_cancelling__cannot_double_a_guid),
        T(store__job_guid_taken__is_refused),
        T(store__job_guid_of_a_cancelling_group__is_free),
        T(store__second_job_of_a_group__is_refused),
        T(store__file_index_taken__is_refused),
        T(store__rows_that_are_gone__are_not_found),
        T(store__deleted_ids__are_never_used_again),
        T(store__delete__takes_job_and_files_of_that_group_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
