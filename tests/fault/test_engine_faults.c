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

/* Repeats a call that failed; a second failure is the fault's only if it is armed for ever, which
 * it is not. */
#define TWICE(call)                                                                                \
    do {                                                                                           \
        oq_error_init(&err);                                                                       \
        enum oq_status status = (call);                                                            \
        if (status != OQ_OK)                                                                       \
            status = (call);                                                                       \
        if (status != OQ_OK)                                                                       \
            fail_msg("fault %llu: %s: %s %s", (unsigned long long)n, #call,                        \
                     oq_status_name(status), err.text);                                            \
    } while (0)

static void run(struct fixture *f, enum oq_fault_point point, uint64_t n)
{
    int64_t group = 0, start_ms = 0;
    struct oq_guid guid = fixture_guid(1), job = fixture_guid(2);
    struct oq_error err;
    struct oq_file_spec specs[FILES];
    struct oq_group_view view;
    for (unsigned i = 0; i < FILES; i++)
        specs[i] = (struct oq_file_spec){.remote = fixture_url(f, served[i]),
                                         .local = fixture_out(f, served[i])};

    oq_fault_arm(point, n, false);
    oq_error_init(&err);
    if (fixture_try_start(f, &err) != OQ_OK)
        fixture_start(f);
    TWICE(oq_engine_create_group(f->engine, &f->user, &guid, &group, &err));
    TWICE(oq_engine_create_job(f->engine, &f->user, group, &job, &err));
    TWICE(oq_engine_add_files(f->engine, &f->user, group, specs, FILES, &err));
    TWICE(oq_engine_resume(f->engine, &f->user, group, &err));
    do {
        TWICE(oq_engine_view_group(f->engine, &f->user, group, &view, &err));
        if (view.state == OQ_GROUP_ERROR)
            TWICE(oq_engine_resume(f->engine, &f->user, group, &err));
        if (!fixture_patience(&start_ms, 30))
            fail_msg("fault %llu: still %s: %s", (unsigned long long)n,
                     oq_group_state_text(view.state), view.error_text);
    } while (view.state != OQ_GROUP_COMPLETE);
    for (unsigned i = 0; i < FILES; i++)
        if (!fixture_is_same(f, served[i], served[i]))
            fail_msg("fault %llu: %s is not identical", (unsigned long long)n, served[i]);
    assert_int_equal(view.progress.files_total, FILES);
    assert_int_equal(fixture_temp_count(f), 0);
    fixture_stop(f);
}

/* The next run begins with an empty queue and no files; looks at the old queue without faults
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

static void every(struct fixture *f, enum oq_fault_point point)
{
    uint64_t n = 1;
    for (;; n++) {
        run(f, point, n);
        uint64_t seen = oq_fault_count(point);
        oq_fault_arm(point, 0, false);
        check_and_clear(f, n);
        if (seen < n)
            break;
    }
    print_message("%llu places failed, one at a time\n", (unsigned long long)(n - 1));
    assert_true(n > 5);
}

static int setup(void **state)
{
    static struct fixture f;
    fixture_open(&f);
    f.config.retry_first_ms = 100; /* its lowest value */
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
    every(*state, OQ_FAULT_ALLOC);
}

static void download__nth_file_call_fails__recovers(void **state)
{
    every(*state, OQ_FAULT_FILE);
}

static void download__nth_network_call_fails__recovers(void **state)
{
    every(*state, OQ_FAULT_NET);
}

static void download__nth_database_io_fails__recovers(void **state)
{
    every(*state, OQ_FAULT_DB_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(download__nth_allocation_fails__recovers, setup, teardown),
        cmocka_unit_test_setup_teardown(download__nth_file_call_fails__recovers, setup, teardown),
        cmocka_unit_test_setup_teardown(download__nth_network_call_fails__recovers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(download__nth_database_io_fails__recovers, setup, teardown),
    };
    return cmocka_run_group_tests_name("engine faults", tests, NULL, NULL);
}
