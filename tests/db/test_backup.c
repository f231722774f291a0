/* test_backup.c - db/backup.c: a copy that is made while the queue is in use is a whole queue. */
#include "test_db.h"

#include "oq_log.h"

#define BACKUP "store.backup.db"
#define COPYING "store.copying.db"

static int setup_copy(void **state)
{
    sample_database_remove(BACKUP);
    sample_database_remove(COPYING);
    return setup(state);
}

static int teardown_copy(void **state)
{
    teardown(state);
    sample_database_remove(BACKUP);
    sample_database_remove(COPYING);
    return 0;
}

/* Returns the number of steps. `between`, unless NULL, is called before each. */
static unsigned copy(struct oq_store *store, void (*between)(struct oq_store *store, unsigned step))
{
    struct oq_store_backup *backup = NULL;
    bool is_done = false;
    unsigned steps = 0;
    assert_ok(oq_store_backup_begin(store, &backup, &err), err);
    while (!is_done) {
        if (between)
            between(store, steps);
        assert_ok(oq_store_backup_step(backup, &is_done, &err), err);
        steps++;
        assert_true(steps < 1000);
    }
    oq_store_backup_free(backup);
    assert_true(sample_file_exists(BACKUP));
    assert_false(sample_file_exists(BACKUP "-wal"));
    assert_false(sample_file_exists(COPYING));
    return steps;
}

/* The copy, opened as a queue, has samples 1 to count. */
static void assert_copy_has(unsigned count)
{
    sample_database_copy(BACKUP, COPY);
    struct oq_store *store = open_store(COPY);
    struct sample_queue queue = load(store);
    assert_int_equal(queue.count, count);
    for (unsigned i = 0; i < count; i++) {
        struct oq_group wanted;
        sample_group(&wanted, i + 1);
        sample_job(&wanted, i + 1, 10);
        assert_same_group(&queue.groups[i], &wanted);
        oq_group_release(&wanted);
    }
    sample_queue_release(&queue);
    oq_store_close(store);
    sample_database_remove(COPY);
}

static void backup__finished__is_the_queue(void **state)
{
    for (unsigned i = 1; i <= 5; i++)
        insert_sample(*state, i, 10);
    (void)copy(*state, NULL);
    assert_copy_has(5);
    for (unsigned i = 6; i <= 9; i++)
        insert_sample(*state, i, 10);
    assert_copy_has(5);
    (void)copy(*state, NULL); /* takes the older one's place */
    assert_copy_has(9);
}

static unsigned inserted;

static void insert_one(struct oq_store *store, unsigned step)
{
    (void)step;
    insert_sample(store, ++inserted, 10);
}

/* Writes go to the pages that were copied and to those that were not. */
static void backup__written_to_meanwhile__holds_what_was_written(void **state)
{
    for (inserted = 0; inserted < 400;)
        insert_sample(*state, ++inserted, 10);
    unsigned steps = copy(*state, insert_one);
    assert_true(steps >= 3);
    assert_copy_has(inserted);
}

static void backup__needed__when_something_was_written(void **state)
{
    insert_sample(*state, 1, 10);
    assert_true(oq_store_needs_backup(*state));
    (void)copy(*state, NULL);
    assert_false(oq_store_needs_backup(*state));
    struct sample_queue queue = load(*state); /* reading is no change */
    sample_queue_release(&queue);
    assert_false(oq_store_needs_backup(*state));
    insert_sample(*state, 2, 10);
    assert_true(oq_store_needs_backup(*state));
    inserted = 2;
    (void)copy(*state, insert_one); /* changed meanwhile: a later one is due */
    assert_true(oq_store_needs_backup(*state));
    (void)copy(*state, NULL);
    assert_false(oq_store_needs_backup(*state));
    reopen(state);
    assert_true(oq_store_needs_backup(*state)); /* not known after a restart */
}

static void backup__given_up__leaves_the_older_copy(void **state)
{
    struct oq_store_backup *backup = NULL;
    bool is_done = true;
    for (inserted = 0; inserted < 400;)
        insert_sample(*state, ++inserted, 10);
    (void)copy(*state, NULL);
    insert_sample(*state, 401, 10);
    assert_ok(oq_store_backup_begin(*state, &backup, &err), err);
    assert_ok(oq_store_backup_step(backup, &is_done, &err), err);
    assert_false(is_done);
    oq_store_backup_free(backup);
    assert_false(sample_file_exists(COPYING));
    assert_true(oq_store_needs_backup(*state));
    assert_copy_has(400);
    insert_sample(*state, 402, 10); /* the queue itself is as before */
    assert_int_equal(query_int(*state, "SELECT count(*) FROM groups"), 402);
    (void)copy(*state, NULL);
    assert_copy_has(402);
}

static void backup__unfinished_one_of_an_earlier_process__is_replaced(void **state)
{
    insert_sample(*state, 1, 10);
    sample_file_write(COPYING, "half a copy", 11);
    (void)copy(*state, NULL);
    assert_copy_has(1);
}

/* Only a copy that was read through may replace the older one. */
static void backup__copy_fails_its_check__older_copy_stays(void **state)
{
    struct oq_store_backup *backup = NULL;
    bool is_done = false;
    insert_sample(*state, 1, 10);
    (void)copy(*state, NULL);
    insert_sample(*state, 2, 10);
    run_sql(*state, "PRAGMA ignore_check_constraints = ON;"
                    "UPDATE groups SET state = 'nonsense' WHERE id = 2");
    assert_ok(oq_store_backup_begin(*state, &backup, &err), err);
    assert_status(oq_store_backup_step(backup, &is_done, &err), OQ_E_DB_DAMAGED, err);
    assert_false(is_done);
    oq_store_backup_free(backup);
    assert_true(oq_store_needs_backup(*state));
    assert_false(sample_file_exists(COPYING));
    assert_copy_has(1);
}

static void backup__in_a_transaction__is_a_bug(void **state)
{
    struct oq_store_backup *backup = NULL;
    bool is_done = false;
    oq_log_set_level(OQ_LOG_ERROR);
    insert_sample(*state, 1, 10);
    assert_ok(oq_store_begin(*state, &err), err);
    assert_status(oq_store_backup_begin(*state, &backup, &err), OQ_E_BUG, err);
    assert_null(backup);
    oq_store_rollback(*state);
    assert_ok(oq_store_backup_begin(*state, &backup, &err), err);
    assert_ok(oq_store_begin(*state, &err), err);
    assert_status(oq_store_backup_step(backup, &is_done, &err), OQ_E_BUG, err);
    oq_store_rollback(*state);
    assert_ok(oq_store_backup_step(backup, &is_done, &err), err);
    assert_true(is_done);
    assert_status(oq_store_backup_step(backup, &is_done, &err), OQ_E_BUG, err);
    oq_store_backup_free(backup);
    oq_store_backup_free(NULL);
}

#define COPY_TEST(name) cmocka_unit_test_setup_teardown(name, setup_copy, teardown_copy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COPY_TEST(backup__finished__is_the_queue),
        COPY_TEST(backup__written_to_meanwhile__holds_what_was_written),
        COPY_TEST(backup__needed__when_something_was_written),
        COPY_TEST(backup__given_up__leaves_the_older_copy),
        COPY_TEST(backup__unfinished_one_of_an_earlier_process__is_replaced),
        COPY_TEST(backup__copy_fails_its_check__older_copy_stays),
        COPY_TEST(backup__in_a_transaction__is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
