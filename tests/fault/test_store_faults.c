/* test_store_faults.c - the store when the n-th allocation or the n-th call to the disk fails, for
 * every n, once and for ever.
 *
 * Promises looked at each time: what was acknowledged is there; what was not is there whole or not
 * at all; a failure is reported as what it is (no I/O error or lack of memory is taken for damage);
 * and when the cause is gone, the same connection works again.
 */
#include "store_scenario.h"

#include "fault_vfs.h"

#include "oq_fault.h"

/* Disk calls are all tried; of the thousands of allocations every one with the argument "all" (a
 * test of the long mode), else every so many-th. Under Wine a run takes ten times as long. */
#ifdef _WIN32
static uint64_t allocation_step = 25;
#else
static uint64_t allocation_step = 11;
#endif

static struct oq_error err;

struct plan {
    enum oq_fault_point point;
    uint64_t n;
    bool for_ever;
    bool is_healed_in_place; /* after the first failure the cause goes, and the connection stays */
};

/* Is this a failure that the plan can have caused? */
static void assert_explained(const struct plan *plan, enum oq_status status)
{
    bool is_fair = plan->point == OQ_FAULT_ALLOC ? status == OQ_E_NOMEM
                                                 : status == OQ_E_DB || status == OQ_E_DISK_FULL;
    if (!is_fair || err.status != status || err.text[0] == '\0') {
        fail_msg("%s %d, fault %llu: %s: %s", plan->point == OQ_FAULT_ALLOC ? "memory" : "disk",
                 plan->for_ever, (unsigned long long)plan->n, oq_status_name(status), err.text);
    }
}

static uint64_t step_of(enum oq_fault_point point)
{
    return point == OQ_FAULT_ALLOC ? allocation_step : 1;
}

static void disarm(const struct plan *plan)
{
    oq_fault_arm(plan->point, 0, false);
}

/* A failure while the plan is in force. True: try again. */
static bool is_worth_another_try(const struct plan *plan, enum oq_status status, unsigned *failures)
{
    assert_explained(plan, status);
    ++*failures;
    if (plan->is_healed_in_place) {
        disarm(plan);
    } else if (!plan->for_ever && *failures > 2) {
        /* A failing call can make one more fail, which relied on it; more than that is not "once".
         */
        fail_msg("fault %llu struck %u times", (unsigned long long)plan->n, *failures);
    }
    return !plan->for_ever || plan->is_healed_in_place || *failures < 3;
}

/* A load that fails must leave nothing behind (the sanitizer sees) and must not disturb. */
static void load_under(const struct plan *plan, struct oq_store *store,
                       const struct scenario_ledger *ledger)
{
    struct sample_queue queue = {0};
    oq_error_init(&err);
    enum oq_status status = oq_store_load(store, sample_queue_take, &queue, &err);
    if (status == OQ_OK)
        assert_null(scenario_difference(&queue, ledger->acknowledged));
    else
        assert_explained(plan, status);
    sample_queue_release(&queue);
}

/* One life under the plan. True when the fault struck. */
static bool live(const struct plan *plan)
{
    struct scenario_ledger ledger = {0};
    struct oq_store *store = NULL;
    unsigned failures = 0;
    enum oq_status status;

    sample_database_remove(SCENARIO_DB);
    oq_fault_arm(plan->point, plan->n, plan->for_ever);
    do {
        oq_error_init(&err);
        status = scenario_open(FAULT_VFS_NAME, &store, &err);
    } while (status != OQ_OK && is_worth_another_try(plan, status, &failures));
    while (status == OQ_OK && ledger.acknowledged < SCENARIO_STEPS) {
        oq_error_init(&err);
        status = scenario_step(store, &ledger, &err);
        if (status != OQ_OK) {
            bool is_over = !is_worth_another_try(plan, status, &failures);
            load_under(plan, store, &ledger);
            status = is_over ? status : OQ_OK;
        }
    }
    if (status == OQ_OK)
        load_under(plan, store, &ledger);
    oq_store_close(store);
    bool has_struck = oq_fault_count(plan->point) >= plan->n || failures > 0;
    disarm(plan);
    scenario_check_file(FAULT_VFS_NAME, &ledger);
    if (!plan->for_ever || plan->is_healed_in_place)
        assert_int_equal(ledger.acknowledged, SCENARIO_STEPS);
    return has_struck;
}

static void fail_each(enum oq_fault_point point, bool for_ever, bool is_healed_in_place)
{
    uint64_t n = 1;
    while (live(&(struct plan){point, n, for_ever, is_healed_in_place}))
        n += step_of(point);
    print_message("%llu places, every %u\n", (unsigned long long)(n - 1), (unsigned)step_of(point));
    assert_true(n > 20); /* the seam is connected */
}

static int choose_all(void **state)
{
    (void)state;
    fault_vfs_choose(FAULT_VFS_ALL, SQLITE_IOERR_WRITE);
    return 0;
}

static int choose_writes_full(void **state)
{
    (void)state;
    fault_vfs_choose(FAULT_VFS_WRITE, SQLITE_FULL);
    return 0;
}

/* --- each call in turn ----------------------------------------------------------------------- */

static void store__nth_disk_call_fails_once__the_next_try_succeeds(void **state)
{
    (void)state;
    fail_each(OQ_FAULT_DB_IO, false, false);
}

static void store__disk_calls_fail_for_ever__nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    fail_each(OQ_FAULT_DB_IO, true, false);
}

static void store__disk_comes_back__the_same_connection_goes_on(void **state)
{
    (void)state;
    fail_each(OQ_FAULT_DB_IO, true, true);
}

static void store__nth_allocation_fails_once__the_next_try_succeeds(void **state)
{
    (void)state;
    fail_each(OQ_FAULT_ALLOC, false, false);
}

static void store__allocations_fail_for_ever__nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    fail_each(OQ_FAULT_ALLOC, true, false);
}

static void store__disk_full_from_nth_write_on__is_told_as_such(void **state)
{
    struct scenario_ledger ledger = {0};
    struct oq_store *store = NULL;

    (void)state;
    sample_database_remove(SCENARIO_DB);
    assert_int_equal(scenario_open(FAULT_VFS_NAME, &store, &err), OQ_OK);
    oq_fault_arm(OQ_FAULT_DB_IO, 1, true);
    for (int i = 0; i < 3; i++) {
        oq_error_init(&err);
        assert_int_equal(scenario_step(store, &ledger, &err), OQ_E_DISK_FULL);
        assert_int_equal(err.status, OQ_E_DISK_FULL);
        assert_string_not_equal(err.text, "");
        scenario_check(store, &ledger);
    }
    oq_fault_arm(OQ_FAULT_DB_IO, 0, false);
    while (ledger.acknowledged < SCENARIO_STEPS)
        assert_int_equal(scenario_step(store, &ledger, &err), OQ_OK);
    scenario_check(store, &ledger);
    oq_store_close(store);
    scenario_check_file(FAULT_VFS_NAME, &ledger);
}

/* --- upgrades -------------------------------------------------------------------------------- */

/* The schema of now, and of a later version. */
#define OLD ((int)oq_migration_count)
#define NEW (OLD + 1)

static const struct oq_migration *upgrade(void)
{
    static struct oq_migration list[64];
    assert_true(NEW <= 64);
    memcpy(list, oq_migrations, oq_migration_count * sizeof(list[0]));
    list[OLD] = (struct oq_migration){
        NEW, "upgrade",
        "ALTER TABLE groups ADD COLUMN priority INTEGER NOT NULL DEFAULT 3;"
        "CREATE TABLE extra (a TEXT) STRICT;"
        "WITH RECURSIVE r (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM r WHERE i < 200)"
        " INSERT INTO extra SELECT hex(randomblob(100)) FROM r"};
    return list;
}

static int query(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int value = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

/* The old schema without a trace of the new, or the new with all of it. Returns which. */
static int check_schema_is_whole(void)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(SCENARIO_DB, &db), SQLITE_OK);
    int version = query(db, "PRAGMA user_version");
    int is_new = version == NEW;
    assert_true(version == OLD || is_new);
    assert_int_equal(query(db, "SELECT count(*) FROM pragma_table_info('groups')"
                               " WHERE name = 'priority'"),
                     is_new);
    assert_int_equal(query(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'extra'"), is_new);
    assert_int_equal(query(db, "SELECT count(*) FROM schema_migrations"), version);
    assert_int_equal(query(db, is_new ? "SELECT count(*) = 200 FROM extra" : "SELECT 1"), 1);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return version;
}

/* True when the fault struck. */
static bool upgrade_under(const struct plan *plan)
{
    struct oq_store *store = NULL;
    struct oq_store_options options = {.path = SCENARIO_DB, .vfs = FAULT_VFS_NAME};

    sample_file_copy("old.db", SCENARIO_DB);
    oq_fault_arm(plan->point, plan->n, plan->for_ever);
    oq_error_init(&err);
    enum oq_status status = oq_store_open_with(&options, upgrade(), (size_t)NEW, &store, &err);
    if (status == OQ_OK)
        oq_store_close(store);
    else
        assert_explained(plan, status);
    bool has_struck = oq_fault_count(plan->point) >= plan->n;
    disarm(plan);
    int version = check_schema_is_whole();
    assert_true(version == NEW || status != OQ_OK);

    store = NULL;
    assert_int_equal(oq_store_open_with(&options, upgrade(), (size_t)NEW, &store, &err), OQ_OK);
    scenario_check(store, &(struct scenario_ledger){.acknowledged = 2});
    oq_store_close(store);
    assert_int_equal(check_schema_is_whole(), NEW);
    sample_database_remove(SCENARIO_DB);
    return has_struck;
}

static void upgrade__any_call_fails__schema_is_old_or_new(void **state)
{
    static const struct plan plans[] = {
        {OQ_FAULT_DB_IO, 0, false, false},
        {OQ_FAULT_DB_IO, 0, true, false},
        {OQ_FAULT_ALLOC, 0, false, false},
        {OQ_FAULT_ALLOC, 0, true, false},
    };
    struct scenario_ledger ledger = {0};
    struct oq_store *store = NULL;

    (void)state;
    sample_database_remove(SCENARIO_DB);
    assert_int_equal(scenario_open(NULL, &store, &err), OQ_OK);
    while (ledger.acknowledged < 2)
        assert_int_equal(scenario_step(store, &ledger, &err), OQ_OK);
    oq_store_close(store);
    sample_database_copy(SCENARIO_DB, "old.db");
    sample_database_remove(SCENARIO_DB);
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        struct plan plan = plans[i];
        plan.n = 1;
        while (upgrade_under(&plan))
            plan.n += step_of(plan.point);
        print_message("%llu places, every %u\n", (unsigned long long)(plan.n - 1),
                      (unsigned)step_of(plan.point));
        assert_true(plan.n > 20);
    }
    sample_database_remove("old.db");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "all") == 0)
        allocation_step = 1;

    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(store__nth_disk_call_fails_once__the_next_try_succeeds, choose_all),
        cmocka_unit_test_setup(store__disk_calls_fail_for_ever__nothing_acknowledged_is_lost,
                               choose_all),
        cmocka_unit_test_setup(store__disk_comes_back__the_same_connection_goes_on, choose_all),
        cmocka_unit_test_setup(store__nth_allocation_fails_once__the_next_try_succeeds, choose_all),
        cmocka_unit_test_setup(store__allocations_fail_for_ever__nothing_acknowledged_is_lost,
                               choose_all),
        cmocka_unit_test_setup(store__disk_full_from_nth_write_on__is_told_as_such,
                               choose_writes_full),
        cmocka_unit_test_setup(upgrade__any_call_fails__schema_is_old_or_new, choose_all),
    };
    if (!fault_sqlite_memory_install() || !fault_vfs_register()) {
        fputs("the failing allocator or VFS could not be installed\n", stderr);
        return 1;
    }
    return cmocka_run_group_tests(tests, scenario_setup, scenario_teardown);
}
