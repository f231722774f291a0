/* test_breaker.c - a file that ends the service: it comes up on the third start, with that group in
 * ERROR and all others done. The crash is in the file port, which aborts at a name.
 */
#include "engine_fixture.h"
#include "oq_store.h"
#include "posix_files.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SIZE 300000

static struct oq_file_port crashing;
static const struct oq_file_port *real;
static bool must_crash, has_mark;

static enum oq_status write_or_crash(void *ctx, struct oq_fhandle *file, uint64_t offset_bytes,
                                     const void *data, size_t size, struct oq_error *err)
{
    if (must_crash && offset_bytes + size == SIZE)
        abort();
    return real->write(ctx, file, offset_bytes, data, size, err);
}

static char mark[400];

/* As the service's filter of exceptions does. */
static void leave_mark(int number)
{
    (void)number;
    int file = open(mark, O_CREAT | O_WRONLY, 0600);
    if (file >= 0)
        close(file);
    signal(SIGABRT, SIG_DFL);
    abort();
}

static int set_up(void **state)
{
    static struct fixture f;
    fixture_open(&f);
    real = f.files;
    crashing = *real;
    crashing.write = write_or_crash;
    f.files = &crashing;
    has_mark = true;
    snprintf(mark, sizeof mark, "%s/queue.crashed", f.folder);
    f.config.checkpoint_ms = 60000; /* no byte is saved before the crash */
    fixture_serve(&f, "good.bin", SIZE / 3, 1);
    fixture_serve(&f, "slow.bin", SIZE / 2, 2);
    fixture_serve(&f, "bad.bin", SIZE, 3);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_close(*state);
    return 0;
}

/* The queue: one group whose bytes end the service, and two others, one of them not done before
 * that. */
static void fill(struct fixture *f, const char *bad)
{
    struct oq_error err;
    const char *const names[] = {"slow.bin?rate=100000", "good.bin", bad};
    fixture_start(f);
    for (unsigned i = 0; i < 3; i++) {
        char out[16];
        snprintf(out, sizeof out, "%u.bin", i);
        int64_t group = fixture_group(f, i + 1, 1, (const char *const[][2]){{names[i], out}});
        assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    }
}

/* In a process of its own: runs the engine until all is done, or it ends. The signal, or 0. `bad`:
 * fills the queue first. */
static int live(struct fixture *f, const char *bad)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int64_t start_ms = 0;
        signal(SIGABRT, has_mark ? leave_mark : SIG_DFL);
        if (bad)
            fill(f, bad);
        else
            fixture_start(f);
        while (fixture_patience(&start_ms, 20) && !oq_engine_has_work(f->engine))
            ;
        while (fixture_patience(&start_ms, 20) && oq_engine_has_work(f->engine))
            ;
        fixture_stop(f);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static int64_t find(struct fixture *f, unsigned number)
{
    struct oq_guid guid = fixture_guid(number);
    struct oq_error err;
    int64_t group = 0;
    assert_int_equal(oq_engine_get_group(f->engine, &f->user, &guid, &group, &err), OQ_OK);
    return group;
}

static void breaker__two_crashes_by_one_file__third_start_holds_it_back(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    must_crash = true;
    assert_int_equal(live(f, "bad.bin?rate=200000"), SIGABRT);
    assert_int_equal(live(f, NULL), SIGABRT);
    fixture_start(f);
    struct oq_group_view view = fixture_wait(f, find(f, 3), OQ_GROUP_ERROR);
    assert_non_null(strstr(view.error_text, "ended unexpectedly"));
    assert_int_equal(view.error_file, 0);
    assert_int_equal(view.error_win32, 1067);
    fixture_wait(f, find(f, 1), OQ_GROUP_COMPLETE);
    fixture_wait(f, find(f, 2), OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "0.bin", "slow.bin"));
    assert_true(fixture_is_same(f, "1.bin", "good.bin"));
    /* The reason is gone, and somebody resumes it. */
    must_crash = false;
    assert_int_equal(oq_engine_resume(f->engine, &f->user, find(f, 3), &err), OQ_OK);
    fixture_wait(f, find(f, 3), OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "2.bin", "bad.bin"));
}

static void breaker__a_stop_in_between__starts_counting_again(void **state)
{
    struct fixture *f = *state;
    must_crash = true;
    assert_int_equal(live(f, "bad.bin?rate=50000"), SIGABRT);
    fixture_start(f);
    fixture_stop(f); /* long before the crash: the file takes 6 s */
    assert_int_equal(live(f, NULL), SIGABRT);
    must_crash = false;
    fixture_start(f);
    fixture_wait(f, find(f, 3), OQ_GROUP_COMPLETE);
}

/* As by kills: with neither mark nor progress it takes five. */
static void breaker__ends_without_a_crash__five_are_needed(void **state)
{
    struct fixture *f = *state;
    must_crash = true;
    has_mark = false;
    assert_int_equal(live(f, "bad.bin"), SIGABRT);
    for (int i = 1; i < 5; i++)
        assert_int_equal(live(f, NULL), SIGABRT);
    fixture_start(f);
    fixture_wait(f, find(f, 3), OQ_GROUP_ERROR);
    fixture_wait(f, find(f, 1), OQ_GROUP_COMPLETE);
}

/* The one that ends the service is the last of more than are transferred at once by default. */
static void breaker__300_files_were_running__the_last_one_is_found(void **state)
{
    enum { FILES = 300 };
    struct fixture *f = *state;
    struct oq_error err;
    char database[400];
    const char *files[FILES][2];
    oq_error_init(&err);
    for (unsigned i = 0; i < FILES; i++)
        files[i][0] = "good.bin?rate=1000", files[i][1] = "300.bin";
    f->config.files_per_job = FILES;
    fixture_start(f);
    int64_t group = fixture_group(f, 1, FILES, files);
    const int64_t job = 1; /* the first one of this database */
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    fixture_stop(f);

    struct oq_store *store = NULL;
    snprintf(database, sizeof database, "%s/queue.db", f->folder);
    const struct oq_store_options options = {.path = database};
    assert_int_equal(oq_store_open(&options, &store, &err), OQ_OK);
    for (uint32_t i = 0; i < FILES; i++)
        for (uint32_t starts = i == FILES - 1 ? 5 : 1; starts > 0; starts--)
            assert_int_equal(oq_store_running_begin(store, job, i, 1u << 30, &err), OQ_OK);
    oq_store_close(store);

    fixture_start(f);
    struct oq_group_view view = fixture_wait(f, find(f, 1), OQ_GROUP_ERROR);
    assert_int_equal(view.error_file, FILES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(breaker__two_crashes_by_one_file__third_start_holds_it_back,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(breaker__ends_without_a_crash__five_are_needed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(breaker__a_stop_in_between__starts_counting_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(breaker__300_files_were_running__the_last_one_is_found,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
