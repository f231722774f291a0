/* test_repair_faults.c - the repair of a damaged queue, and the backup copy, with the n-th call
 * failing, for every n.
 *
 * An interrupted repair has lost nothing: the next start finishes it and the queue is what an
 * undisturbed repair makes of it. The damaged file stays. A copy that fails leaves the older one
 * and the queue as they are.
 */
#include "store_scenario.h"

#include "fault_vfs.h"
#include "power_cut_vfs.h"

#include "oq_fault.h"
#include "oq_log.h"

#define QUEUE "faulty.db"
#define BACKUP "faulty.backup.db"
#define DRAFT "faulty.rebuild.db"
#define REPAIRED "faulty.repaired.db"
#define COPYING "faulty.copying.db"
#define SOUND "sound.db"
#define GROUPS 30u
#define FILES 3u
#define IN_BACKUP 25u

/* Of the allocations, which are many, every n-th fails; "all" as argument takes more. */
static unsigned allocation_step = 211;

static struct oq_error err;

/* What was opened last was set aside under this name. */
static char set_aside[2][80];

static void insert_many(const char *path, unsigned first, unsigned count)
{
    struct oq_store *store = NULL;
    assert_int_equal(oq_store_open(&(struct oq_store_options){.path = path}, &store, &err), OQ_OK);
    assert_int_equal(oq_store_begin(store, &err), OQ_OK);
    for (unsigned i = first; i < first + count; i++) {
        struct oq_group group;
        sample_group(&group, i);
        sample_job(&group, i, FILES);
        assert_int_equal(oq_store_insert_group(store, &group, &err), OQ_OK);
        assert_int_equal(oq_store_insert_job(store, &group, &err), OQ_OK);
        oq_group_release(&group);
    }
    assert_int_equal(oq_store_commit(store, &err), OQ_OK);
    oq_store_close(store);
}

static void clear(void)
{
    static const char *const names[] = {QUEUE, BACKUP, DRAFT, REPAIRED, COPYING};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        sample_database_remove(names[i]);
    for (size_t i = 0; i < 2; i++) {
        if (set_aside[i][0])
            sample_database_remove(set_aside[i]);
        set_aside[i][0] = '\0';
    }
}

/* A queue of which the last groups are in the file only, the first ones in the copy only. */
static void make_damaged(void)
{
    size_t size = 0;
    clear();
    sample_file_copy(SOUND, BACKUP);
    sample_file_copy("longer.db", QUEUE);
    unsigned char *bytes = sample_file_read(QUEUE, &size);
    bytes[36] ^= 0x55; /* list of free pages: noticed, and every row can be read */
    sample_file_write(QUEUE, bytes, size);
    free(bytes);
}

static enum oq_status open_safe(struct oq_store **store, struct oq_store_report *report)
{
    oq_error_init(&err);
    return oq_store_open_safe(&(struct oq_store_options){.path = QUEUE, .vfs = FAULT_VFS_NAME},
                              report, store, &err);
}

static void record_name(const struct oq_store_report *report)
{
    if (report->set_aside[0])
        snprintf(set_aside[0], sizeof set_aside[0], "%s", report->set_aside);
}

static void check_all_there(struct oq_store *store, uint64_t n)
{
    struct sample_queue queue = {0};
    assert_int_equal(oq_store_load(store, sample_queue_take, &queue, &err), OQ_OK);
    if (queue.count != GROUPS)
        fail_msg("fault %llu: %zu groups", (unsigned long long)n, queue.count);
    for (size_t i = 0; i < queue.count; i++) {
        struct oq_group wanted;
        sample_group(&wanted, (uint32_t)i + 1);
        sample_job(&wanted, (uint32_t)i + 1, FILES);
        const char *field = sample_difference(&queue.groups[i], &wanted);
        oq_group_release(&wanted);
        if (field)
            fail_msg("fault %llu: group %zu differs in %s", (unsigned long long)n, i, field);
    }
    sample_queue_release(&queue);
}

/* True when the fault struck. */
static bool repair_under(enum oq_fault_point point, uint64_t n, bool for_ever)
{
    struct oq_store_report report = {0};
    struct oq_store *store = NULL;
    make_damaged();
    oq_fault_arm(point, n, for_ever);
    enum oq_status status = open_safe(&store, &report);
    bool has_struck = oq_fault_count(point) >= n;
    oq_fault_arm(point, 0, false);
    if (status == OQ_OK) {
        record_name(&report);
        check_all_there(store, n);
        oq_store_close(store);
        store = NULL;
    } else {
        assert_null(store);
        assert_true(has_struck);
        if (status != OQ_E_DB && status != OQ_E_NOMEM && status != OQ_E_DB_DAMAGED)
            fail_msg("fault %llu: %s: %s", (unsigned long long)n, oq_status_name(status), err.text);
        assert_string_not_equal(err.text, "");
    }
    report = (struct oq_store_report){0};
    if (open_safe(&store, &report) != OQ_OK)
        fail_msg("fault %llu: the next start: %s", (unsigned long long)n, err.text);
    record_name(&report);
    check_all_there(store, n);
    oq_store_close(store);
    assert_false(sample_file_exists(DRAFT));
    assert_false(sample_file_exists(REPAIRED));
    return has_struck;
}

static void every_repair(enum oq_fault_point point, bool for_ever, unsigned step)
{
    uint64_t n = 1;
    while (repair_under(point, n, for_ever))
        n += step;
    print_message("%llu places, every %u\n", (unsigned long long)(n - 1), step);
    assert_true(n > 100);
}

static void repair__nth_disk_call_fails_once__the_next_start_finishes_it(void **state)
{
    (void)state;
    every_repair(OQ_FAULT_DB_IO, false, 1);
}

static void repair__disk_calls_fail_for_ever__the_next_start_finishes_it(void **state)
{
    (void)state;
    every_repair(OQ_FAULT_DB_IO, true, 1);
}

static void repair__nth_allocation_fails__the_next_start_finishes_it(void **state)
{
    (void)state;
    every_repair(OQ_FAULT_ALLOC, false, allocation_step);
}

/* The power goes at the n-th change of the disk, and what was not flushed is lost, kept or torn. */
static bool repair_without_power(uint64_t n, enum power_cut_mode mode)
{
    struct oq_store_options options = {.path = QUEUE, .vfs = POWER_CUT_VFS_NAME};
    struct oq_store_report report = {0};
    struct oq_store *store = NULL;
    make_damaged();
    oq_fault_arm(OQ_FAULT_DB_IO, n, false);
    (void)(oq_store_open_safe(&options, &report, &store, &err) == OQ_OK);
    bool has_struck = oq_fault_count(OQ_FAULT_DB_IO) >= n;
    oq_fault_arm(OQ_FAULT_DB_IO, 0, false);
    power_cut_now();
    oq_store_close(store);
    (void)power_cut_apply(mode, n);
    record_name(&report);
    store = NULL;
    if (open_safe(&store, &report) != OQ_OK)
        fail_msg("cut %llu: the next start: %s", (unsigned long long)n, err.text);
    record_name(&report);
    check_all_there(store, n);
    oq_store_close(store);
    return has_struck;
}

static void repair__power_goes_at_any_change__the_next_start_finishes_it(void **state)
{
    (void)state;
    for (int mode = 0; mode < POWER_CUT_MODE_COUNT; mode++) {
        uint64_t n = 1;
        while (repair_without_power(n, (enum power_cut_mode)mode))
            n++;
        print_message("%llu places\n", (unsigned long long)(n - 1));
        assert_true(n > 30);
    }
}

/* --- the copy --------------------------------------------------------------------------------- */

static bool copy_under(enum oq_fault_point point, uint64_t n, bool for_ever)
{
    struct oq_store *store = NULL;
    struct oq_store_backup *backup = NULL;
    bool is_done = false;

    clear();
    sample_file_copy(SOUND, BACKUP);
    sample_file_copy("longer.db", QUEUE);
    oq_error_init(&err);
    assert_int_equal(oq_store_open(&(struct oq_store_options){.path = QUEUE, .vfs = FAULT_VFS_NAME},
                                   &store, &err),
                     OQ_OK);
    oq_fault_arm(point, n, for_ever);
    enum oq_status status = oq_store_backup_begin(store, &backup, &err);
    while (status == OQ_OK && !is_done)
        status = oq_store_backup_step(backup, &is_done, &err);
    bool has_struck = oq_fault_count(point) >= n;
    oq_store_backup_free(backup);
    oq_fault_arm(point, 0, false);
    assert_true(status == OQ_OK || has_struck);
    assert_int_equal(oq_store_needs_backup(store), status != OQ_OK);
    check_all_there(store, n);
    oq_store_close(store);

    /* The copy is the older or the newer one, and whole. */
    struct sample_queue queue = {0};
    assert_int_equal(oq_store_open(&(struct oq_store_options){.path = BACKUP}, &store, &err),
                     OQ_OK);
    assert_int_equal(oq_store_load(store, sample_queue_take, &queue, &err), OQ_OK);
    assert_true(queue.count == GROUPS || (queue.count == IN_BACKUP && status != OQ_OK));
    sample_queue_release(&queue);
    oq_store_close(store);
    return has_struck;
}

static void copy__any_call_fails__older_copy_and_queue_stay(void **state)
{
    static const struct {
        enum oq_fault_point point;
        bool for_ever;
        unsigned step;
    } plans[] = {{OQ_FAULT_DB_IO, false, 1}, {OQ_FAULT_DB_IO, true, 1}, {OQ_FAULT_ALLOC, false, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        unsigned step = plans[i].step ? plans[i].step : (allocation_step + 9) / 10;
        uint64_t n = 1;
        while (copy_under(plans[i].point, n, plans[i].for_ever))
            n += step;
        print_message("%llu places, every %u\n", (unsigned long long)(n - 1), step);
        assert_true(n > 20);
    }
}

static int setup(void **state)
{
    if (scenario_setup(state) != 0)
        return 1;
    sample_database_remove(SOUND);
    sample_database_remove("longer.db");
    insert_many(SOUND, 1, IN_BACKUP);
    sample_database_copy(SOUND, "longer.db");
    insert_many("longer.db", IN_BACKUP + 1, GROUPS - IN_BACKUP);
    return 0;
}

static int teardown(void **state)
{
    clear();
    sample_database_remove(SOUND);
    sample_database_remove("longer.db");
    return scenario_teardown(state);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "all") == 0)
        allocation_step = 13;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repair__nth_disk_call_fails_once__the_next_start_finishes_it),
        cmocka_unit_test(repair__disk_calls_fail_for_ever__the_next_start_finishes_it),
        cmocka_unit_test(repair__nth_allocation_fails__the_next_start_finishes_it),
        cmocka_unit_test(repair__power_goes_at_any_change__the_next_start_finishes_it),
        cmocka_unit_test(copy__any_call_fails__older_copy_and_queue_stay),
    };
    if (!fault_sqlite_memory_install() || !fault_vfs_register() || !power_cut_register()) {
        fputs("the failing allocator or VFS could not be installed\n", stderr);
        return 1;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
