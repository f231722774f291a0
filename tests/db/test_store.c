/* test_store.c - db/store.c: opening, refusing, transactions, and what is there after a crash. */
#include "test_db.h"

#include "oq_log.h"

/* --- opening --------------------------------------------------------------------------------- */

static void store__new_file__has_our_schema_and_id(void **state)
{
    struct oq_store *store = *state;
    assert_int_equal(query_int(store, "PRAGMA user_version"), oq_store_schema_version());
    assert_int_equal(query_int(store, "PRAGMA application_id"), OQ_STORE_APPLICATION_ID);
    assert_int_equal(query_int(store, "SELECT count(*) FROM sqlite_schema WHERE name IN"
                                      " ('groups', 'jobs', 'files', 'schema_migrations')"),
                     4);
    struct sample_queue queue = load(store);
    assert_int_equal(queue.count, 0);
}

static void store__open__uses_the_promised_settings(void **state)
{
    static const struct {
        const char *sql;
        int64_t value;
    } settings[] = {
        {"SELECT journal_mode = 'wal' FROM pragma_journal_mode", 1},
        {"SELECT locking_mode = 'exclusive' FROM pragma_locking_mode", 1},
        {"PRAGMA synchronous", 2},
        {"PRAGMA foreign_keys", 1},
        {"PRAGMA trusted_schema", 0},
        {"PRAGMA cell_size_check", 1},
        {"PRAGMA temp_store", 2},
        {"PRAGMA secure_delete", 2},
        {"PRAGMA wal_autocheckpoint", 512},
        {"PRAGMA journal_size_limit", 4 * 1024 * 1024},
    };
    for (int round = 0; round < 2; round++) { /* new, and opened again */
        for (size_t i = 0; i < COUNT_OF(settings); i++) {
            if (query_int(*state, settings[i].sql) != settings[i].value) {
                fail_msg("%s is %lld", settings[i].sql,
                         (long long)query_int(*state, settings[i].sql));
            }
        }
        reopen(state);
    }
}

static void store__open__keeps_other_connections_out(void **state)
{
    sqlite3 *other = NULL;
    insert_sample(*state, 1, 1);
    assert_int_equal(sqlite3_open_v2(DB, &other, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "SELECT * FROM groups", NULL, NULL, NULL), SQLITE_BUSY);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_false(sample_file_exists(DB "-shm"));
}

static void store__locked_by_another__is_refused_and_says_so(void **state)
{
    struct oq_store *second = (struct oq_store *)&err;
    insert_sample(*state, 1, 1);
    assert_status(oq_store_open(&(struct oq_store_options){.path = DB}, &second, &err), OQ_E_DB,
                  err);
    assert_ptr_equal(second, &err);
    assert_non_null(strstr(err.text, "locked"));
}

static void store__close__leaves_one_file(void **state)
{
    insert_sample(*state, 1, 1);
    assert_true(sample_file_exists(DB "-wal"));
    oq_store_close(*state);
    *state = NULL;
    assert_true(sample_file_exists(DB));
    assert_false(sample_file_exists(DB "-wal"));
    assert_false(sample_file_exists(DB "-shm"));
    assert_false(sample_file_exists(DB "-journal"));
}

static void store__close_of_null__does_nothing(void **state)
{
    (void)state;
    oq_store_close(NULL);
}

static void store__in_memory__works(void **state)
{
    (void)state;
    struct oq_store *store = open_store(":memory:");
    insert_sample(store, 1, 2);
    struct sample_queue queue = load(store);
    assert_int_equal(queue.count, 1);
    sample_queue_release(&queue);
    oq_store_close(store);
}

static void store__name_beyond_ascii__works(void **state)
{
    static const char name[] = "Gr\xc3\xbc\xc3\x9f"
                               "e \xf0\x9f\x93\xa6.db";
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    char path[1000];

    (void)state;
    assert_int_equal(vfs->xFullPathname(vfs, name, (int)sizeof(path), path), SQLITE_OK);
    (void)vfs->xDelete(vfs, path, 0);
    struct oq_store *store = open_store(name);
    insert_sample(store, 1, 2);
    oq_store_close(store);
    store = open_store(name);
    struct sample_queue queue = load(store);
    assert_int_equal(queue.count, 1);
    sample_queue_release(&queue);
    oq_store_close(store);
    assert_int_equal(vfs->xDelete(vfs, path, 0), SQLITE_OK);
}

static void store__missing_folder__is_an_error(void **state)
{
    struct oq_store *store = (struct oq_store *)&err;
    (void)state;
    assert_status(
        oq_store_open(&(struct oq_store_options){.path = "no such folder/a.db"}, &store, &err),
        OQ_E_DB, err);
    assert_ptr_equal(store, &err);
}

static void store__error_not_wanted__is_allowed(void **state)
{
    struct oq_store *store = NULL;
    (void)state;
    assert_int_equal(
        oq_store_open(&(struct oq_store_options){.path = "no such folder/a.db"}, &store, NULL),
        OQ_E_DB);
    assert_null(store);
}

/* --- what is not ours, or not whole ---------------------------------------------------------- */

/* Opening DB gives `wanted`, and neither it nor anything beside it changes. */
static void assert_refused_untouched(enum oq_status wanted)
{
    struct oq_store *store = (struct oq_store *)&err;
    size_t size_before = 0, size_after = 0;

    unsigned char *before = sample_file_read(DB, &size_before);
    assert_status(oq_store_open(&(struct oq_store_options){.path = DB}, &store, &err), wanted, err);
    assert_ptr_equal(store, &err);
    unsigned char *after = sample_file_read(DB, &size_after);
    assert_int_equal(size_before, size_after);
    if (size_before > 0)
        assert_memory_equal(before, after, size_before);
    assert_false(sample_file_exists(DB "-wal"));
    assert_false(sample_file_exists(DB "-shm"));
    assert_false(sample_file_exists(DB "-journal"));
    free(before);
    free(after);
}

static void store__empty_file__becomes_a_database(void **state)
{
    sample_file_write(DB, "", 0);
    *state = open_store(DB);
    insert_sample(*state, 1, 1);
}

static void store__not_a_database__is_refused_untouched(void **state)
{
    char text[5000];
    (void)state;
    memset(text, 'x', sizeof(text));
    sample_file_write(DB, text, sizeof(text));
    assert_refused_untouched(OQ_E_DB_DAMAGED);
    sample_file_write(DB, text, 10);
    assert_refused_untouched(OQ_E_DB_DAMAGED);
    memset(text, 0, sizeof(text));
    sample_file_write(DB, text, sizeof(text));
    assert_refused_untouched(OQ_E_DB_DAMAGED);
}

static void make_foreign(const char *sql)
{
    sqlite3 *db = NULL;
    sample_database_remove(DB);
    assert_int_equal(sqlite3_open(DB, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void store__database_of_another_program__is_refused_untouched(void **state)
{
    static const char *const makers[] = {
        "PRAGMA application_id = 0x12345678; CREATE TABLE t (a)",
        "PRAGMA application_id = 0x12345678",
        "PRAGMA application_id = 0x12345678; PRAGMA user_version = 1; CREATE TABLE groups (a)",
        "CREATE TABLE t (a)",
        "PRAGMA user_version = 1",
        "PRAGMA user_version = 99; CREATE TABLE t (a)",
        "PRAGMA journal_mode = WAL; CREATE TABLE t (a)",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(makers); i++) {
        make_foreign(makers[i]);
        assert_refused_untouched(OQ_E_DB_DAMAGED);
        assert_non_null(strstr(err.text, "another program"));
    }
}

static void store__our_id_without_schema_number__is_refused(void **state)
{
    (void)state;
    make_foreign("PRAGMA application_id = 0x4F514D52; CREATE TABLE t (a)");
    assert_refused_untouched(OQ_E_DB_DAMAGED);
    make_foreign(
        "PRAGMA application_id = 0x4F514D52; PRAGMA user_version = -1; CREATE TABLE t (a)");
    assert_refused_untouched(OQ_E_DB_DAMAGED);
}

static void store__empty_database_without_ids__becomes_ours(void **state)
{
    /* What a power cut right after the switch to WAL leaves. */
    make_foreign("PRAGMA journal_mode = WAL");
    *state = open_store(DB);
    insert_sample(*state, 1, 1);
}

static void make_big(void)
{
    struct oq_store *store = open_store(DB);
    for (uint32_t i = 1; i <= 50; i++)
        insert_sample(store, i, 20);
    oq_store_close(store);
}

/* Each page of the file in turn is overwritten, whole or in one byte of its header. Whether the
 * page holds anything cannot be seen from outside, so some damage may go unnoticed; but what is
 * noticed is refused untouched, and nothing crashes. */
static void store__damaged_page__is_refused_untouched_or_harmless(void **state)
{
    size_t size = 0;
    unsigned noticed = 0, pages = 0;

    (void)state;
    make_big();
    unsigned char *good = sample_file_read(DB, &size);
    unsigned char *bad = malloc(size);
    assert_non_null(bad);
    for (size_t at = 4096; at < size; at += 4096) {
        for (int kind = 0; kind < 2; kind++) {
            struct oq_store *store = NULL;
            memcpy(bad, good, size);
            if (kind == 0)
                memset(bad + at, 0xa5, 4096);
            else
                bad[at + 4] ^= 0x40; /* number of cells, high byte's neighbour */
            sample_database_remove(DB);
            sample_file_write(DB, bad, size);
            pages++;
            enum oq_status status =
                oq_store_open(&(struct oq_store_options){.path = DB}, &store, &err);
            if (status == OQ_OK) {
                oq_store_close(store);
            } else {
                noticed++;
                assert_int_equal(status, OQ_E_DB_DAMAGED);
                sample_file_write(DB, bad, size);
                assert_refused_untouched(OQ_E_DB_DAMAGED);
            }
        }
    }
    print_message("%u of %u damages noticed\n", noticed, pages);
    assert_true(noticed * 10 > pages * 9);
    free(good);
    free(bad);
}

static void store__truncated_file__is_refused_untouched(void **state)
{
    size_t size = 0;
    (void)state;
    make_big();
    unsigned char *good = sample_file_read(DB, &size);
    sample_file_write(DB, good, size / 2);
    assert_refused_untouched(OQ_E_DB_DAMAGED);
    sample_file_write(DB, good, 5000);
    assert_refused_untouched(OQ_E_DB_DAMAGED);
    sample_file_write(DB, good, 50);
    assert_refused_untouched(OQ_E_DB_DAMAGED);
    free(good);
}

/* A clock that jumps by an hour at each look: quick_check is out of time at once. */
static int64_t jump(void *ctx)
{
    int64_t *now = ctx;
    *now += 3600 * 1000;
    return *now;
}

static int warnings;

static void count_warnings(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    if (level == OQ_LOG_WARNING && strstr(line, "check stopped"))
        warnings++;
}

static void store__check_out_of_time__opens_and_warns(void **state)
{
    int64_t now = 0;
    const struct oq_clock clock = {.mono_ms = jump, .wall_ms = jump, .ctx = &now};
    struct oq_store *store = NULL;

    (void)state;
    make_big();
    warnings = 0;
    oq_log_set_level(OQ_LOG_INFO);
    oq_log_set_sink(count_warnings, NULL);
    enum oq_status status =
        oq_store_open(&(struct oq_store_options){.path = DB, .clock = &clock}, &store, &err);
    oq_log_set_sink(NULL, NULL);
    assert_ok(status, err);
    assert_int_equal(warnings, 1);
    struct sample_queue queue = load(store);
    assert_int_equal(queue.count, 50);
    sample_queue_release(&queue);
    oq_store_close(store);
}

/* --- transactions ---------------------------------------------------------------------------- */

static void store__rollback__leaves_nothing(void **state)
{
    struct oq_group kept, group;
    sample_group(&kept, 1);
    sample_job(&kept, 1, 2);
    insert(*state, &kept);
    sample_group(&group, 2);
    sample_job(&group, 2, 2);
    assert_ok(oq_store_begin(*state, &err), err);
    assert_ok(oq_store_insert_group(*state, &group, &err), err);
    assert_ok(oq_store_insert_job(*state, &group, &err), err);
    kept.retries = 9;
    assert_ok(oq_store_update_group(*state, &kept, &err), err);
    assert_ok(oq_store_delete_group(*state, kept.id, &err), err);
    oq_store_rollback(*state);
    kept.retries = 0;
    assert_only_group(state, &kept);
    oq_group_release(&kept);
    oq_group_release(&group);
}

static int always(void *ctx)
{
    (void)ctx;
    return 1;
}

/* As under Windows without any memory. The failing rollback is logged. */
static void store__rollback_fails__is_made_up_for(void **state)
{
    struct oq_store *store = *state;
    struct oq_group group;

    oq_log_set_level((enum oq_log_level) - 1);
    sample_group(&group, 1);
    for (int is_loading = 0; is_loading < 2; is_loading++) {
        assert_ok(oq_store_begin(store, &err), err);
        assert_ok(oq_store_insert_group(store, &group, &err), err);
        sqlite3_progress_handler(store->db, 1, always, NULL);
        oq_store_rollback(store);
        assert_status(oq_store_begin(store, &err), OQ_E_DB, err);
        sqlite3_progress_handler(store->db, 0, NULL, NULL);
        assert_false(sqlite3_get_autocommit(store->db)); /* the rollback has indeed failed */
        if (is_loading) {
            struct sample_queue queue = load(store);
            assert_int_equal(queue.count, 0);
        } else {
            assert_ok(oq_store_begin(store, &err), err);
            assert_ok(oq_store_commit(store, &err), err);
        }
        assert_int_equal(query_int(store, "SELECT count(*) FROM groups"), 0);
    }
    oq_log_set_level(OQ_LOG_ERROR);
    oq_group_release(&group);
}

static void store__close_in_a_transaction__rolls_back(void **state)
{
    struct oq_group group;
    sample_group(&group, 2);
    assert_ok(oq_store_begin(*state, &err), err);
    assert_ok(oq_store_insert_group(*state, &group, &err), err);
    reopen(state);
    struct sample_queue queue = load(*state);
    assert_int_equal(queue.count, 0);
    oq_group_release(&group);
}

static void store__misuse_of_transactions__is_refused(void **state)
{
    struct oq_group group;
    sample_group(&group, 1);
    sample_job(&group, 1, 1);
    oq_store_rollback(*state); /* no transaction: nothing happens */
    assert_status(oq_store_commit(*state, &err), OQ_E_BUG, err);
    assert_status(oq_store_insert_group(*state, &group, &err), OQ_E_BUG, err);
    assert_status(oq_store_update_group(*state, &group, &err), OQ_E_BUG, err);
    assert_status(oq_store_delete_group(*state, 1, &err), OQ_E_BUG, err);
    assert_status(oq_store_insert_job(*state, &group, &err), OQ_E_BUG, err);
    assert_status(oq_store_insert_file(*state, 1, &group.job.files[0], &err), OQ_E_BUG, err);
    assert_status(oq_store_update_file(*state, 1, &group.job.files[0], &err), OQ_E_BUG, err);
    assert_ok(oq_store_begin(*state, &err), err);
    assert_status(oq_store_begin(*state, &err), OQ_E_BUG, err);
    assert_ok(oq_store_insert_group(*state, &group, &err), err);
    assert_ok(oq_store_insert_job(*state, &group, &err), err);
    assert_ok(oq_store_commit(*state, &err), err);
    assert_only_group(state, &group);
    oq_group_release(&group);
}

static void store__failed_write__can_be_followed_by_others(void **state)
{
    struct oq_group group;
    insert_sample(*state, 1, 1);
    sample_group(&group, 1);
    assert_ok(oq_store_begin(*state, &err), err);
    assert_status(oq_store_insert_group(*state, &group, &err), OQ_E_EXISTS, err);
    group.guid.data1 = 2;
    assert_ok(oq_store_insert_group(*state, &group, &err), err);
    assert_ok(oq_store_commit(*state, &err), err);
    assert_int_equal(query_int(*state, "SELECT count(*) FROM groups"), 2);
    oq_group_release(&group);
}

static void store__value_that_the_model_forbids__is_a_bug(void **state)
{
    struct oq_group group;
    oq_log_set_level((enum oq_log_level) -
                     1); /* each is logged as an error; this test is not about that */
    sample_group(&group, 1);
    sample_job(&group, 1, 1);
    assert_ok(oq_store_begin(*state, &err), err);
    group.state = OQ_GROUP_STATE_COUNT;
    assert_status(oq_store_insert_group(*state, &group, &err), OQ_E_BUG, err);
    group.state = OQ_GROUP_SUSPENDED;
    group.event = (enum oq_event_kind)77;
    assert_status(oq_store_insert_group(*state, &group, &err), OQ_E_BUG, err);
    group.event = OQ_EVENT_NONE;
    char *name = group.display_name;
    group.display_name = NULL;
    assert_status(oq_store_insert_group(*state, &group, &err), OQ_E_BUG, err);
    group.display_name = name;
    assert_ok(oq_store_insert_group(*state, &group, &err), err);
    group.job.files[0].size_bytes = 1;
    group.job.files[0].done_bytes = 2;
    assert_status(oq_store_insert_job(*state, &group, &err), OQ_E_BUG, err);
    oq_store_rollback(*state);
    oq_log_set_level(OQ_LOG_ERROR);
    oq_group_release(&group);
}

/* --- after a crash --------------------------------------------------------------------------- */

static void store__process_killed__has_what_was_committed(void **state)
{
    struct oq_group group;
    insert_sample(*state, 1, 3);
    sample_group(&group, 2);
    assert_ok(oq_store_begin(*state, &err), err);
    assert_ok(oq_store_insert_group(*state, &group, &err), err);
    oq_group_release(&group);
    sample_database_copy(DB, COPY); /* the disk as the killed process leaves it */
    assert_true(sample_file_exists(COPY "-wal"));

    struct oq_store *after = open_store(COPY);
    struct sample_queue queue = load(after);
    assert_int_equal(queue.count, 1);
    sample_group(&group, 1);
    sample_job(&group, 1, 3);
    assert_same_group(&queue.groups[0], &group);
    oq_group_release(&group);
    sample_queue_release(&queue);
    oq_store_close(after);
}

static void store__log_above_its_limit__is_cut_back(void **state)
{
    struct oq_group group;
    char text[1025];
    size_t size = 0;

    memset(text, 'd', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    sample_group(&group, 1);
    set_text(&group.description, text);
    assert_ok(oq_store_begin(*state, &err), err);
    for (uint32_t i = 1; i <= 5000; i++) { /* more than 4 MiB in one transaction */
        group.guid.data1 = i;
        assert_ok(oq_store_insert_group(*state, &group, &err), err);
    }
    assert_ok(oq_store_commit(*state, &err), err);
    oq_group_release(&group);
    free(sample_file_read(DB "-wal", &size));
    assert_true(size > 4 * 1024 * 1024);
    insert_sample(*state, 6000, 1); /* restarts the log */
    free(sample_file_read(DB "-wal", &size));
    assert_true(size > 0 && size <= 4 * 1024 * 1024);
}

static enum oq_status take_and_drop(void *ctx, struct oq_group *group)
{
    size_t *counts = ctx;
    counts[0]++;
    counts[1] += group->job.file_count;
    oq_group_release(group);
    return OQ_OK;
}

/* The limit is the 2 s of the issue "nothing is lost", of which the database must leave most to
 * others; it is generous for slow machines and sanitizers. Natively each step takes a few tenths of
 * it at most (docs/database.md). */
/* How long it takes is measured by bench/recovery. */
static void store__ten_thousand_groups__are_all_there(void **state)
{
    size_t counts[2] = {0, 0};

    assert_ok(oq_store_begin(*state, &err), err);
    for (uint32_t i = 1; i <= 10000; i++) {
        struct oq_group group;
        sample_group(&group, i);
        sample_job(&group, i, 3);
        assert_ok(oq_store_insert_group(*state, &group, &err), err);
        assert_ok(oq_store_insert_job(*state, &group, &err), err);
        oq_group_release(&group);
    }
    assert_ok(oq_store_commit(*state, &err), err);
    oq_store_close(*state);
    *state = open_store(DB);
    assert_ok(oq_store_load(*state, take_and_drop, counts, &err), err);
    assert_int_equal(counts[0], 10000);
    assert_int_equal(counts[1], 30000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define T_CLOSED(name) cmocka_unit_test_setup_teardown(name, setup_closed, teardown)
    const struct CMUnitTest tests[] = {
        T(store__new_file__has_our_schema_and_id),
        T(store__open__uses_the_promised_settings),
        T(store__open__keeps_other_connections_out),
        T(store__locked_by_another__is_refused_and_says_so),
        T(store__close__leaves_one_file),
        cmocka_unit_test(store__close_of_null__does_nothing),
        T_CLOSED(store__in_memory__works),
        T_CLOSED(store__name_beyond_ascii__works),
        T_CLOSED(store__missing_folder__is_an_error),
        T_CLOSED(store__error_not_wanted__is_allowed),
        T_CLOSED(store__empty_file__becomes_a_database),
        T_CLOSED(store__not_a_database__is_refused_untouched),
        T_CLOSED(store__database_of_another_program__is_refused_untouched),
        T_CLOSED(store__our_id_without_schema_number__is_refused),
        T_CLOSED(store__empty_database_without_ids__becomes_ours),
        T_CLOSED(store__damaged_page__is_refused_untouched_or_harmless),
        T_CLOSED(store__truncated_file__is_refused_untouched),
        T_CLOSED(store__check_out_of_time__opens_and_warns),
        T(store__rollback__leaves_nothing),
        T(store__rollback_fails__is_made_up_for),
        T(store__close_in_a_transaction__rolls_back),
        T(store__misuse_of_transactions__is_refused),
        T(store__failed_write__can_be_followed_by_others),
        T(store__value_that_the_model_forbids__is_a_bug),
        T(store__process_killed__has_what_was_committed),
        T(store__log_above_its_limit__is_cut_back),
        T(store__ten_thousand_groups__are_all_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
