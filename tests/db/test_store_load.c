/* test_store_load.c - db/store_load.c: the order of what is loaded, and that no row which breaks a
 * promise gets through. */
#include "test_db.h"

static void store__load__is_in_the_order_of_creation(void **state)
{
    struct oq_group first, second;
    /* Jobs and files arrive in another order than groups. */
    sample_group(&first, 9);
    sample_group(&second, 3);
    assert_ok(oq_store_begin(*state, &err), err);
    assert_ok(oq_store_insert_group(*state, &first, &err), err);
    assert_ok(oq_store_insert_group(*state, &second, &err), err);
    sample_job(&second, 3, 2);
    assert_ok(oq_store_insert_job(*state, &second, &err), err);
    sample_job(&first, 9, 12);
    struct oq_job all = first.job;
    first.job.file_count = 0;
    assert_ok(oq_store_insert_job(*state, &first, &err), err);
    all.id = first.job.id;
    first.job = all;
    for (uint32_t i = 12; i-- > 0;)
        assert_ok(oq_store_insert_file(*state, first.job.id, &first.job.files[i], &err), err);
    assert_ok(oq_store_commit(*state, &err), err);
    struct sample_queue queue = load(*state);
    assert_int_equal(queue.count, 2);
    assert_same_group(&queue.groups[0], &first);
    assert_same_group(&queue.groups[1], &second);
    sample_queue_release(&queue);
    oq_group_release(&first);
    oq_group_release(&second);
}

static enum oq_status take_one(void *ctx, struct oq_group *group)
{
    int *count = ctx;
    if (*count == 1)
        return OQ_E_LIMIT_MACHINE; /* and the group stays the loader's */
    (*count)++;
    oq_group_release(group);
    return OQ_OK;
}

static void store__taker_that_refuses__ends_the_load(void **state)
{
    int count = 0;
    insert_sample(*state, 1, 1);
    insert_sample(*state, 2, 1);
    insert_sample(*state, 3, 1);
    assert_status(oq_store_load(*state, take_one, &count, &err), OQ_E_LIMIT_MACHINE, err);
    assert_int_equal(count, 1);
    struct sample_queue queue = load(*state); /* the next one works */
    assert_int_equal(queue.count, 3);
    sample_queue_release(&queue);
}

/* Each edit by itself makes the load say that the database is damaged; without it, it loads. */
static void assert_each_is_damage(struct oq_store *store, const char *const *edits, size_t count,
                                  size_t groups)
{
    struct sample_queue queue = {0};

    run_sql(store, "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF");
    for (size_t i = 0; i < count; i++) {
        assert_ok(oq_store_begin(store, &err), err);
        run_sql(store, edits[i]);
        oq_error_init(&err);
        enum oq_status status = oq_store_load(store, sample_queue_take, &queue, &err);
        if (status != OQ_E_DB_DAMAGED || err.status != status || !strstr(err.text, "damaged"))
            fail_msg("%s: %s, %s", edits[i], oq_status_name(status), err.text);
        sample_queue_release(&queue);
        oq_store_rollback(store);
    }
    queue = load(store);
    assert_int_equal(queue.count, groups);
    sample_queue_release(&queue);
}

static void store__row_that_breaks_a_promise__is_damage(void **state)
{
    static const char *const edits[] = {
        "UPDATE groups SET state = 'active'", /* without files */
        "UPDATE groups SET state = 'asleep'",
        "UPDATE groups SET state = 'error'",
        "UPDATE groups SET pending_event = 'later'",
        "UPDATE groups SET pending_event = 'complete'",
        "UPDATE groups SET is_foreground = 2",
        "UPDATE groups SET notify_flags = 1",
        "UPDATE groups SET notify_flags = -1",
        "UPDATE groups SET error_code = 1",
        "UPDATE groups SET error_win32 = 4294967296",
        "UPDATE groups SET error_file_index = -1",
        "UPDATE groups SET retries = -1",
        "UPDATE groups SET created_at_ms = -11644473600001",
        "UPDATE groups SET changed_at_ms = 253402300800000",
        "UPDATE groups SET no_progress_since_ms = -9223372036854775808",
        "UPDATE groups SET max_bytes_per_s = 12500000001",
        "UPDATE groups SET guid = x'00' WHERE id = 1",
        "UPDATE groups SET guid = zeroblob(16) WHERE id = 1",
        "UPDATE groups SET owner_sid = ''",
        "UPDATE groups SET display_name = CAST(x'ff' AS TEXT)",
        "UPDATE groups SET display_name = CAST(x'610062' AS TEXT)",
        "UPDATE groups SET notify_clsid = 'nonsense'",
        "UPDATE groups SET id = -id",
        "UPDATE jobs SET guid = zeroblob(16)",
        "UPDATE jobs SET guid = zeroblob(17)",
        "UPDATE files SET file_index = 7 WHERE file_index = 1",
        "DELETE FROM files WHERE file_index = 0",
        "UPDATE files SET remote = CAST(x'ff' AS TEXT)",
        "UPDATE files SET local = CAST(x'610062' AS TEXT)",
        "UPDATE files SET last_modified = CAST(x'c0af' AS TEXT)",
        "UPDATE files SET state = 'gone'",
        "UPDATE files SET state = 'final'",
        "UPDATE files SET size_bytes = -1",
        "UPDATE files SET done_bytes = -1",
        "UPDATE files SET done_bytes = 2, size_bytes = 1, temp_path = 't'",
        "UPDATE files SET done_bytes = 2",
        "UPDATE files SET remote = ''",
        "UPDATE files SET local = ''",
        "UPDATE files SET etag = 'W/\"weak\"'",
        "UPDATE files SET last_modified = ''",
#define WITH_PIECES(size, piece, hashes)                                                           \
    "UPDATE files SET has_extras = 1 WHERE file_index = 1; INSERT INTO file_expectations "         \
    "SELECT job_id, file_index, NULL, " size ", 'sha-1', " piece ", zeroblob(" hashes ") FROM "    \
    "files WHERE file_index = 1"
        WITH_PIECES("NULL", "1", "0"), /* an empty list, and the size is not known to be 0 */
        WITH_PIECES("1", "1", "0"),
        WITH_PIECES("1", "1", "40"),
        WITH_PIECES("NULL", "0", "20"),
        WITH_PIECES("NULL", "9223372036854775807", "40"),
        WITH_PIECES("NULL", "1", "21"),
    };

    insert_sample(*state, 1, 0);
    insert_sample(*state, 2, 2);
    assert_each_is_damage(*state, edits, COUNT_OF(edits), 2);
}

/* What is said of a file comes from clients and documents of theirs: no number of it may be one
 * that a division or an allocation further on could not take. */
static void store__expectation_or_mirror_that_breaks_a_promise__is_damage(void **state)
{
    static const char *const edits[] = {
        "UPDATE file_expectations SET size_bytes = NULL, piece_hashes = x''",
        "UPDATE file_expectations SET size_bytes = 1, piece_hashes = x''",
        "UPDATE file_expectations SET size_bytes = 0",
        "UPDATE file_expectations SET size_bytes = 3001",
        "UPDATE file_expectations SET size_bytes = -1",
        "UPDATE file_expectations SET piece_bytes = 0",
        "UPDATE file_expectations SET piece_bytes = -1",
        "UPDATE file_expectations SET piece_bytes = NULL",
        "UPDATE file_expectations SET piece_bytes = 0, size_bytes = NULL",
        "UPDATE file_expectations SET piece_bytes = 9223372036854775807, size_bytes = NULL",
        "UPDATE file_expectations SET piece_hashes = zeroblob(61)",
        "UPDATE file_expectations SET piece_hashes = zeroblob(8388620), size_bytes = NULL",
        "UPDATE file_expectations SET piece_hashes = NULL",
        "UPDATE file_expectations SET piece_kind = 'sha-256'",
        "UPDATE file_expectations SET piece_kind = 'crc-32'",
        "UPDATE file_expectations SET piece_kind = ''",
        "UPDATE file_expectations SET sha256 = zeroblob(31)",
        "UPDATE file_expectations SET sha256 = x''",
        "UPDATE file_expectations SET file_index = 1",
        "UPDATE file_expectations SET file_index = -1",
        "UPDATE file_expectations SET file_index = 4294967296",
        "UPDATE files SET has_extras = 0; UPDATE files SET has_extras = 1 WHERE file_index = 1",
        "UPDATE files SET source_index = 32",
        "UPDATE files SET bad_sources = -1",
        "UPDATE files SET mismatches = 4294967296",
        "DELETE FROM file_mirrors WHERE source_index = 1",
        "UPDATE file_mirrors SET source_index = 3 WHERE source_index = 2",
        "UPDATE file_mirrors SET source_index = 0 WHERE source_index = 1",
        "UPDATE file_mirrors SET file_index = 1",
        "UPDATE file_mirrors SET url = ''",
        "UPDATE file_mirrors SET url = CAST(x'ff' AS TEXT)",
        "UPDATE file_mirrors SET url = CAST(x'610062' AS TEXT)",
        ("WITH RECURSIVE n(i) AS (VALUES (3) UNION ALL SELECT i + 1 FROM n WHERE i < 32)"
         " INSERT INTO file_mirrors SELECT id, 0, i, 'http://h/' FROM n, jobs"),
    };
    struct oq_group group;

    sample_group(&group, 1);
    sample_job(&group, 1, 2);
    group.job.files[0].expectations = sample_expectations();
    insert(*state, &group);
    oq_group_release(&group);
    assert_each_is_damage(*state, edits, COUNT_OF(edits), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(store__load__is_in_the_order_of_creation),
        T(store__taker_that_refuses__ends_the_load),
        T(store__row_that_breaks_a_promise__is_damage),
        T(store__expectation_or_mirror_that_breaks_a_promise__is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
