/* test_store_power.c - the store when the power goes at the n-th change of the disk, for every n.
 *
 * What a commit acknowledged is there afterwards; what it did not is there whole or not at all;
 * nothing is damaged. power_cut_vfs.h says what happens to writes that were not flushed.
 */
#include "store_scenario.h"

#include "power_cut_vfs.h"

#include "oq_fault.h"

static struct oq_error err;

/* What becomes of what was not flushed; torn writes depend on a seed. */
static const struct {
    enum power_cut_mode mode;
    unsigned seeds;
} modes[] = {{POWER_CUT_DROP, 1}, {POWER_CUT_KEEP, 1}, {POWER_CUT_TEAR, 4}};

#define MODES (sizeof(modes) / sizeof(modes[0]))

/* Opens, does what transactions are left up to `until`, closes; ends early when the power has gone.
 */
static void session(struct scenario_ledger *ledger, size_t until)
{
    struct oq_store *store = NULL;

    oq_error_init(&err);
    enum oq_status status = scenario_open(POWER_CUT_VFS_NAME, &store, &err);
    while (status == OQ_OK && ledger->acknowledged < until)
        status = scenario_step(store, ledger, &err);
    if (status != OQ_OK && !power_cut_has_happened())
        fail_msg("%s: %s", oq_status_name(status), err.text);
    if (status != OQ_OK && status != OQ_E_DB) /* least of all damage */
        fail_msg("the cut was reported as %s: %s", oq_status_name(status), err.text);
    oq_store_close(store);
}

/* A life in two sessions, with a cut at change n. True if the power went before its end. */
static bool live(uint64_t n, enum power_cut_mode mode, uint64_t seed)
{
    struct scenario_ledger ledger = {0};

    sample_database_remove(SCENARIO_DB);
    oq_fault_arm(OQ_FAULT_DB_IO, n, false);
    session(&ledger, 3);
    if (!power_cut_has_happened())
        session(&ledger, SCENARIO_STEPS);
    oq_fault_arm(OQ_FAULT_DB_IO, 0, false);
    bool has_gone = power_cut_has_happened();
    (void)power_cut_apply(mode, seed);
    scenario_check_file(NULL, &ledger);
    assert_true(has_gone || ledger.acknowledged == SCENARIO_STEPS);
    return has_gone;
}

static void power__goes_at_any_change__what_was_acknowledged_is_there(void **state)
{
    (void)state;
    for (size_t mode = 0; mode < MODES; mode++) {
        uint64_t n = 1;
        bool has_gone = true;
        while (has_gone) {
            for (unsigned i = 0; i < modes[mode].seeds; i++)
                has_gone = live(n, modes[mode].mode, n * 100 + i);
            n++;
        }
        print_message("%llu places, %u times each\n", (unsigned long long)(n - 2),
                      modes[mode].seeds);
        assert_true(n > 50);
    }
}

/* The power goes between transactions, with nothing being written: the log holds all of it. */
/* Shows IBackgroundCopyQMgr.queue-kept-disk */
static void power__goes_after_a_commit__the_transaction_is_there(void **state)
{
    (void)state;
    for (size_t steps = 1; steps <= SCENARIO_STEPS; steps++) {
        for (size_t mode = 0; mode < MODES; mode++) {
            struct scenario_ledger ledger = {0};
            struct oq_store *store = NULL;
            sample_database_remove(SCENARIO_DB);
            assert_int_equal(scenario_open(POWER_CUT_VFS_NAME, &store, &err), OQ_OK);
            while (ledger.acknowledged < steps)
                assert_int_equal(scenario_step(store, &ledger, &err), OQ_OK);
            power_cut_now();
            assert_int_equal(oq_store_begin(store, &err) == OQ_OK &&
                                 oq_store_delete_group(store, 1, &err) == OQ_OK &&
                                 oq_store_commit(store, &err) == OQ_OK,
                             0);
            oq_store_close(store);
            (void)power_cut_apply(modes[mode].mode, steps);
            scenario_check_file(NULL, &ledger);
            assert_int_equal(ledger.acknowledged, steps);
        }
    }
}

/* A second cut, while the first one's log is read and checkpointed. */
static void power__goes_during_recovery__what_was_acknowledged_is_there(void **state)
{
    struct scenario_ledger before = {0};
    struct oq_store *store = NULL;

    (void)state;
    sample_database_remove(SCENARIO_DB);
    assert_int_equal(scenario_open(NULL, &store, &err), OQ_OK);
    (void)sqlite3_wal_autocheckpoint(store->db, 0);
    while (before.acknowledged < 4)
        assert_int_equal(scenario_step(store, &before, &err), OQ_OK);
    sample_database_copy(SCENARIO_DB, "crashed.db");
    assert_true(sample_file_exists("crashed.db-wal"));
    oq_store_close(store);
    for (size_t mode = 0; mode < MODES; mode++) {
        bool has_gone = true;
        uint64_t n = 1;
        while (has_gone) {
            for (unsigned i = 0; i < modes[mode].seeds; i++) {
                struct scenario_ledger ledger = before;
                sample_database_copy("crashed.db", SCENARIO_DB);
                oq_fault_arm(OQ_FAULT_DB_IO, n, false);
                session(&ledger, SCENARIO_STEPS);
                oq_fault_arm(OQ_FAULT_DB_IO, 0, false);
                has_gone = power_cut_has_happened();
                (void)power_cut_apply(modes[mode].mode, n * 100 + i);
                scenario_check_file(NULL, &ledger);
            }
            n++;
        }
        print_message("%llu places, %u times each\n", (unsigned long long)(n - 2),
                      modes[mode].seeds);
        assert_true(n > 10);
    }
    sample_database_remove("crashed.db");
}

/* Does the model lose anything? A connection that does not flush must lose its commit, and
 * one that does must keep it. */
static void power_cut_vfs__commit_without_flush__is_lost(void **state)
{
    (void)state;
    for (int is_flushing = 0; is_flushing < 2; is_flushing++) {
        sqlite3 *db = NULL;
        sqlite3_stmt *stmt = NULL;
        sample_database_remove(SCENARIO_DB);
        assert_int_equal(sqlite3_open_v2(SCENARIO_DB, &db,
                                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                         POWER_CUT_VFS_NAME),
                         SQLITE_OK);
        assert_int_equal(sqlite3_exec(db,
                                      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                                      "PRAGMA synchronous = FULL; CREATE TABLE t (a)",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_exec(db,
                                      is_flushing ? "INSERT INTO t VALUES (1)"
                                                  : "PRAGMA synchronous = OFF;"
                                                    "INSERT INTO t VALUES (1)",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        power_cut_now();
        assert_int_not_equal(sqlite3_exec(db, "INSERT INTO t VALUES (2)", NULL, NULL, NULL),
                             SQLITE_OK);
        (void)sqlite3_close(db);
        uint64_t changes = power_cut_apply(POWER_CUT_DROP, 0);
        assert_true(is_flushing || changes > 0);
        assert_false(power_cut_has_happened());

        assert_int_equal(sqlite3_open(SCENARIO_DB, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &stmt, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int(stmt, 0), is_flushing);
        sqlite3_finalize(stmt);
        sqlite3_close(db);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_cut_vfs__commit_without_flush__is_lost),
        cmocka_unit_test(power__goes_after_a_commit__the_transaction_is_there),
        cmocka_unit_test(power__goes_at_any_change__what_was_acknowledged_is_there),
        cmocka_unit_test(power__goes_during_recovery__what_was_acknowledged_is_there),
    };
    if (!power_cut_register()) {
        fputs("the VFS could not be installed\n", stderr);
        return 1;
    }
    return cmocka_run_group_tests(tests, scenario_setup, scenario_teardown);
}
