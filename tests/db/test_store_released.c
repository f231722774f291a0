/* test_store_released.c - a queue that was written by a released version is read, to the last
 * field, by this one. tests/data/README.md says how its files are made.
 *
 * Called with "make FILE" it writes the queue with this version instead.
 */
#include "test_db.h"

#include "oq_log.h"

#define GROUPS 6

/* A temporary file with some bytes of it, and what the server said. */
static void begin_file(struct oq_file *file, uint64_t size_bytes, uint64_t done_bytes)
{
    char path[80];
    snprintf(path, sizeof path, "C:\\Users\\\xc3\x84nne\\Downloads\\BIT00000000000000%02x.tmp",
             (unsigned)file->index);
    set_text(&file->temp_path, path);
    file->size_bytes = size_bytes;
    file->done_bytes = done_bytes;
    set_text(&file->etag, "\"v1-\xc2\xb5\"");
    set_text(&file->last_modified, "Sun, 06 Nov 1994 08:49:37 GMT");
}

static void fetch_files(struct oq_group *group, enum oq_file_state state)
{
    for (uint32_t i = 0; i < group->job.file_count; i++) {
        struct oq_file *file = &group->job.files[i];
        begin_file(file, 1000 + i, 1000 + i);
        file->state = state;
        if (state == OQ_FILE_FINAL)
            set_text(&file->temp_path, NULL);
    }
}

/* A queue with something in every column. */
static void make_queue(struct oq_group groups[GROUPS])
{
    for (uint32_t i = 0; i < GROUPS; i++) {
        sample_group(&groups[i], i + 1);
        sample_job(&groups[i], i + 1, i + 1);
        groups[i].retries = i;
        groups[i].is_foreground = i % 2;
    }
    groups[0].job.guid = (struct oq_guid){0}; /* an empty group, without a job */
    oq_job_release(&groups[0].job);
    set_text(&groups[0].description, "nothing in it");
    set_text(&groups[0].notify_clsid, "{01234567-89ab-cdef-0123-456789abcdef}");
    groups[0].notify_flags = 4;

    groups[1].state = OQ_GROUP_ACTIVE;
    groups[1].no_progress_since_ms = 1700000002000;
    begin_file(&groups[1].job.files[1], 5000000000, 4999999999);

    groups[2].state = OQ_GROUP_COMMITTING;
    fetch_files(&groups[2], OQ_FILE_FETCHED);

    groups[3].state = OQ_GROUP_ERROR;
    groups[3].event = OQ_EVENT_ERROR;
    groups[3].error = (struct oq_failure){0x80190194, 2, 404, 3, NULL};
    set_text(&groups[3].error.text, "the server does not have it");

    groups[4].state = OQ_GROUP_COMPLETE;
    groups[4].event = OQ_EVENT_COMPLETE;
    fetch_files(&groups[4], OQ_FILE_FINAL);

    groups[5].state = OQ_GROUP_CANCELLING;
    begin_file(&groups[5].job.files[0], OQ_SIZE_UNKNOWN, 17);
    for (uint32_t i = 0; i < GROUPS; i++) {
        groups[i].job.id = groups[i].job.file_count > 0; /* as oq_group_check wants it */
        assert_null(oq_group_check(&groups[i]));
        groups[i].job.id = 0;
    }
}

static void release_queue(struct oq_group groups[GROUPS])
{
    for (size_t i = 0; i < GROUPS; i++)
        oq_group_release(&groups[i]);
}

static int make(const char *path)
{
    struct oq_group groups[GROUPS];
    make_queue(groups);
    sample_database_remove(path);
    struct oq_store *store = open_store(path);
    for (size_t i = 0; i < GROUPS; i++)
        insert(store, &groups[i]);
    oq_store_close(store);
    release_queue(groups);
    return 0;
}

static void check_queue(struct oq_store *store, int version)
{
    struct oq_group groups[GROUPS];
    make_queue(groups);
    struct sample_queue queue = load(store);
    assert_int_equal(queue.count, GROUPS);
    for (size_t i = 0; i < GROUPS; i++) {
        if (version < 6) { /* which did not say whose rights */
            groups[i].owner_rights = oq_rights_least(groups[i].owner_sid);
            for (uint32_t n = 0; n < groups[i].job.file_count; n++) {
                struct oq_file *file = &groups[i].job.files[n];
                file->user_rights = groups[i].owner_rights;
                assert_int_equal(oq_text_set(&file->user_sid, groups[i].owner_sid), OQ_OK);
            }
        }
        assert_same_group(&queue.groups[i], &groups[i]);
        assert_int_equal(queue.groups[i].id, i + 1);
    }
    sample_queue_release(&queue);
    release_queue(groups);
}

static bool take_released(int version)
{
    const char *source = getenv("OQ_SOURCE_DIR");
    char path[1000];
    snprintf(path, sizeof path, "%s/tests/data/queue-schema-%d.db", source ? source : "../../..",
             version);
    if (!sample_file_exists(path))
        return false;
    sample_database_remove(DB);
    sample_file_copy(path, DB);
    return true;
}

static void released_queue__of_every_version__is_upgraded_whole(void **state)
{
    int versions = 0;
    (void)state;
    for (int version = 1; version <= oq_store_schema_version(); version++) {
        if (!take_released(version))
            continue;
        for (int round = 0; round < 2; round++) { /* upgraded, and as it was left */
            struct oq_store *store = open_store(DB);
            assert_int_equal(query_int(store, "PRAGMA user_version"), oq_store_schema_version());
            assert_int_equal(query_int(store, "SELECT count(*) FROM schema_migrations"),
                             oq_store_schema_version());
            assert_int_equal(query_int(store, "SELECT count(*) FROM pragma_integrity_check"
                                              " WHERE integrity_check = 'ok'"),
                             1);
            check_queue(store, version);
            oq_store_close(store);
        }
        versions++;
    }
    print_message("queues of %d versions\n", versions);
    assert_true(take_released(1));
    assert_true(versions >= 1);
}

/* Damaged before it could be upgraded: what is saved has the new schema. */
static void released_queue__damaged__is_saved_whole(void **state)
{
    (void)state;
    for (int version = 1; version <= oq_store_schema_version(); version++) {
        struct oq_store_report report = {0};
        struct oq_store *store = NULL;
        size_t size = 0;
        if (!take_released(version))
            continue;
        unsigned char *bytes = sample_file_read(DB, &size);
        bytes[36] ^= 0x55; /* the list of free pages: all rows are readable */
        sample_file_write(DB, bytes, size);
        free(bytes);
        assert_ok(oq_store_open_safe(&(struct oq_store_options){.path = DB}, &report, &store, &err),
                  err);
        assert_true(report.is_repaired);
        assert_int_equal(report.saved, GROUPS);
        check_queue(store, version);
        oq_store_close(store);
        sample_database_remove(report.set_aside);
    }
}

static void drop_line(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(released_queue__of_every_version__is_upgraded_whole,
                                        setup_closed, teardown),
        cmocka_unit_test_setup_teardown(released_queue__damaged__is_saved_whole, setup_closed,
                                        teardown),
    };
    if (argc == 3 && strcmp(argv[1], "make") == 0)
        return make(argv[2]);
    oq_log_set_sink(drop_line, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
