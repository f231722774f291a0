/* test_engine_faults.c - a whole download with its n-th allocation, file call, network call or
 * database I/O failing, for every n.
 *
 * Promises looked at each time: a call that failed has changed nothing (the same call succeeds when
 * repeated); the files are identical in the end; no temporary file is left; after a restart the
 * database says the same.
 */
#include "engine_fixture.h"
#include "fault_vfs.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_log.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#ifndef OQ_FAULT_INJECTION
#error "this test needs the fault seam"
#endif

#define FILES 3
static const char *const served[FILES] = {"empty.bin", "small.bin", "large.bin"};

static void quiet(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

/* How long a fault that lasts goes on: so many failed calls, or so long while the download is
 * waited for. */
#define LASTING_CALLS 3
#define LASTING_MS 100

/* One run: what fails, and how often the client has seen it. */
struct trial {
    enum oq_fault_point point;
    uint64_t n;
    bool is_lasting;
    unsigned failures, allowed;
};

static void end_fault(struct trial *trial)
{
    if (trial->is_lasting)
        oq_fault_arm(trial->point, 0, false);
    trial->is_lasting = false;
}

/* A call failed: may it be repeated? Once after a single fault; a lasting one ends after some. */
static bool may_repeat(struct trial *trial)
{
    trial->failures++;
    if (trial->is_lasting && trial->failures >= LASTING_CALLS)
        end_fault(trial);
    return trial->failures <= trial->allowed;
}

/* Repeats a call that failed: it must have changed nothing, so the same call succeeds when the
 * fault is over. */
#define INSIST(call)                                                                               \
    do {                                                                                           \
        oq_error_init(&err);                                                                       \
        while ((call) != OQ_OK)                                                                    \
            if (!may_repeat(trial))                                                                \
                fail_msg("fault %llu: %s: %s", (unsigned long long)trial->n, #call, err.text);     \
    } while (0)

static void run(struct fixture *f, struct trial *trial)
{
    int64_t group = 0, start_ms = 0, lasting_until_ms = 0;
    struct oq_guid guid = fixture_guid(1), job = fixture_guid(2);
    struct oq_error err;
    struct oq_file_spec specs[FILES];
    struct oq_group_view view;
    for (unsigned i = 0; i < FILES; i++)
        specs[i] = (struct oq_file_spec){.remote = fixture_url(f, served[i]),
                                         .local = fixture_out(f, served[i])};

    oq_fault_arm(trial->point, trial->n, trial->is_lasting);
    oq_error_init(&err);
    INSIST(fixture_try_start(f, &err));
    INSIST(oq_engine_create_group(f->engine, &f->user, &guid, &group, &err));
    INSIST(oq_engine_create_job(f->engine, &f->user, group, &job, &err));
    INSIST(oq_engine_add_files(f->engine, &f->user, group, specs, FILES, &err));
    INSIST(oq_engine_resume(f->engine, &f->user, group, &err));
    lasting_until_ms = oq_clock_mono_ms(oq_clock_system()) + LASTING_MS;
    do {
        if (trial->is_lasting && oq_clock_mono_ms(oq_clock_system()) > lasting_until_ms)
            end_fault(trial);
        INSIST(oq_engine_view_group(f->engine, &f->user, group, &view, &err));
        if (view.state == OQ_GROUP_ERROR)
            INSIST(oq_engine_resume(f->engine, &f->user, group, &err));
        if (!fixture_patience(&start_ms, 30))
            fail_msg("fault %llu: still %s: %s", (unsigned long long)trial->n,
                     oq_group_state_text(view.state), view.error_text);
    } while (view.state != OQ_GROUP_COMPLETE);
    for (unsigned i = 0; i < FILES; i++)
        if (!fixture_is_same(f, served[i], served[i]))
            fail_msg("fault %llu: %s is not identical", (unsigned long long)trial->n, served[i]);
    assert_int_equal(view.progress.files_total, FILES);
    assert_int_equal(fixture_temp_count(f), 0);
    fixture_stop(f);
}

/* The next run begins with an empty queue and no files; checks the old queue without faults
 * first. */
static void check_and_clear(struct fixture *f, uint64_t n)
{
    struct oq_guid *guids = NULL;
    size_t count = 0;
    struct oq_error err;
    char path[400];
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    fixture_start(f);
    assert_int_equal(oq_engine_list_groups(f->engine, &f->user, &guids, &count, &err), OQ_OK);
    if (count != 1)
        fail_msg("fault %llu: %zu groups after a restart", (unsigned long long)n, count);
    int64_t group = 0;
    assert_int_equal(oq_engine_get_group(f->engine, &f->user, &guids[0], &group, &err), OQ_OK);
    assert_int_equal(fixture_view(f, group).state, OQ_GROUP_COMPLETE);
    oq_free(guids);
    fixture_stop(f);
    for (unsigned i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/queue.db%s", f->folder, ends[i]);
        unlink(path);
    }
    for (unsigned i = 0; i < FILES; i++)
        unlink(fixture_out(f, served[i]));
}

static void every(struct fixture *f, enum oq_fault_point point, bool is_lasting, uint64_t stride)
{
    uint64_t n = 1, places = 0;
    for (;; n += stride, places++) {
        struct trial trial = {.point = point,
                              .n = n,
                              .is_lasting = is_lasting,
                              .allowed = is_lasting ? LASTING_CALLS : 1};
        run(f, &trial);
        uint64_t seen = oq_fault_count(point);
        bool is_last = is_lasting ? trial.is_lasting : seen < n; /* it never came to that call */
        oq_fault_arm(point, 0, false);
        check_and_clear(f, n);
        if (is_last)
            break;
    }
    print_message("%llu places failed%s, one at a time\n", (unsigned long long)places,
                  is_lasting ? " for a while" : "");
    assert_true(places > 5);
}

static int setup(void **state)
{
    static struct fixture f;
    fixture_open(&f);
    f.config.retry_first_ms = 10; /* below what can be set: most of the time would be waiting */
    f.config.retry_longest_ms = 50;
    fixture_serve(&f, "empty.bin", 0, 1);
    fixture_serve(&f, "small.bin", 1000, 2);
    fixture_serve(&f, "large.bin", 2500000, 3);
    assert_true(fault_vfs_register());
    f.vfs = FAULT_VFS_NAME;
    oq_log_set_sink(quiet, NULL);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    for (int point = 0; point < OQ_FAULT_POINT_COUNT; point++)
        oq_fault_arm((enum oq_fault_point)point, 0, false);
    fixture_close(*state);
    oq_log_set_sink(NULL, NULL);
    return 0;
}

static void download__nth_allocation_fails__recovers(void **state)
{
    every(*state, OQ_FAULT_ALLOC, false, 1);
}

static void download__nth_file_call_fails__recovers(void **state)
{
    every(*state, OQ_FAULT_FILE, false, 1);
}

static void download__nth_network_call_fails__recovers(void **state)
{
    every(*state, OQ_FAULT_NET, false, 1);
}

static void download__nth_database_io_fails__recovers(void **state)
{
    every(*state, OQ_FAULT_DB_IO, false, 1);
}

static void download__files_fail_for_a_while__goes_on_when_the_disk_does(void **state)
{
    every(*state, OQ_FAULT_FILE, true, 1);
}

static void download__database_fails_for_a_while__goes_on_when_the_disk_does(void **state)
{
    every(*state, OQ_FAULT_DB_IO, true, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(download__nth_allocation_fails__recovers, setup, teardown),
        cmocka_unit_test_setup_teardown(download__nth_file_call_fails__recovers, setup, teardown),
        cmocka_unit_test_setup_teardown(download__nth_network_call_fails__recovers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(download__nth_database_io_fails__recovers, setup, teardown),
        cmocka_unit_test_setup_teardown(
            download__files_fail_for_a_while__goes_on_when_the_disk_does, setup, teardown),
        cmocka_unit_test_setup_teardown(
            download__database_fails_for_a_while__goes_on_when_the_disk_does, setup, teardown),
    };
    return cmocka_run_group_tests_name("engine faults", tests, NULL, NULL);
}
