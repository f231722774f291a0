/* test_db.c - what the tests of db/ share. */
#include "test_db.h"

#include "oq_log.h"

struct oq_error err;

struct oq_store *open_store(const char *path)
{
    struct oq_store *store = (struct oq_store *)&err; /* nonsense, to see that it is written */
    assert_ok(oq_store_open(&(struct oq_store_options){.path = path}, &store, &err), err);
    return store;
}

int setup(void **state)
{
    oq_log_set_level(OQ_LOG_ERROR);
    sample_database_remove(DB);
    sample_database_remove(COPY);
    *state = open_store(DB);
    return 0;
}

int teardown(void **state)
{
    oq_store_close(*state);
    sample_database_remove(DB);
    sample_database_remove(COPY);
    return 0;
}

/* For tests that open by themselves. */
int setup_closed(void **state)
{
    oq_log_set_level(OQ_LOG_ERROR);
    sample_database_remove(DB);
    sample_database_remove(COPY);
    *state = NULL;
    return 0;
}

void reopen(void **state)
{
    oq_store_close(*state);
    *state = NULL;
    *state = open_store(DB);
}

int64_t query_int(struct oq_store *store, const char *sql)
{
    int64_t value = -12345;
    assert_ok(oq_store_query_int(store, sql, sql, &value, &err), err);
    return value;
}

void run_sql(struct oq_store *store, const char *sql)
{
    assert_ok(oq_store_exec(store, sql, sql, &err), err);
}

struct sample_queue load(struct oq_store *store)
{
    struct sample_queue queue = {0};
    assert_ok(oq_store_load(store, sample_queue_take, &queue, &err), err);
    return queue;
}

void insert(struct oq_store *store, struct oq_group *group)
{
    assert_ok(oq_store_begin(store, &err), err);
    assert_ok(oq_store_insert_group(store, group, &err), err);
    if (!oq_guid_is_null(&group->job.guid))
        assert_ok(oq_store_insert_job(store, group, &err), err);
    assert_ok(oq_store_commit(store, &err), err);
}

/* Inserts sample `number` and keeps its id. */
int64_t insert_sample(struct oq_store *store, uint32_t number, uint32_t file_count)
{
    struct oq_group group;
    sample_group(&group, number);
    if (file_count > 0)
        sample_job(&group, number, file_count);
    insert(store, &group);
    int64_t id = group.id;
    oq_group_release(&group);
    return id;
}

void set_text(char **field, const char *value)
{
    assert_int_equal(oq_text_set(field, value), OQ_OK);
}

/* The whole queue is `wanted`, now and after another open. */
void assert_only_group(void **state, const struct oq_group *wanted)
{
    for (int round = 0; round < 2; round++) {
        struct sample_queue queue = load(*state);
        assert_int_equal(queue.count, 1);
        assert_same_group(&queue.groups[0], wanted);
        assert_int_equal(queue.groups[0].id, wanted->id);
        assert_int_equal(queue.groups[0].job.id, wanted->job.id);
        sample_queue_release(&queue);
        reopen(state);
    }
}

struct oq_expectations *sample_expectations(void)
{
    uint8_t hashes[3 * 20];
    struct oq_pieces pieces = {
        .kind = OQ_HASH_SHA1, .piece_bytes = 1000, .count = 3, .hashes = hashes};
    struct oq_expectations *expectations = oq_expectations_new();
    assert_non_null(expectations);
    for (size_t i = 0; i < sizeof(hashes); i++)
        hashes[i] = (uint8_t)(i * 7);
    expectations->has_sha256 = true;
    memset(expectations->sha256, 0xa5, sizeof(expectations->sha256));
    expectations->size_bytes = 2001;
    assert_int_equal(oq_expectations_add_mirror(expectations, "https://one.example/a"), OQ_OK);
    assert_int_equal(oq_expectations_add_mirror(expectations, "https://two.example/\xc3\xa4"),
                     OQ_OK);
    assert_int_equal(oq_expectations_set_pieces(expectations, &pieces, &err), OQ_OK);
    return expectations;
}
