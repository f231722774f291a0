/* test_checkpoint.c - a disk that hangs: no more than three quarters of CheckpointBytes
 * are ever read and not saved, and what is cancelled meanwhile does not pass for a whole file. */
#include "engine_fixture.h"

#include "posix_files.h"

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SIZE (8u * 1024 * 1024)
#define INTERVAL (1024u * 1024)
#define MOST (INTERVAL / 4 * 3)

/* A disk that is as slow as the test wants: nothing is flushed until it is let go. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t let_go = PTHREAD_COND_INITIALIZER;
static bool is_stuck;
static unsigned waiting;
static struct oq_file_port port;

static enum oq_status slow_flush(void *ctx, struct oq_fhandle *file, struct oq_error *err)
{
    pthread_mutex_lock(&lock);
    waiting++;
    while (is_stuck)
        pthread_cond_wait(&let_go, &lock);
    waiting--;
    pthread_mutex_unlock(&lock);
    return posix_files()->flush(ctx, file, err);
}

static void set_stuck(bool value)
{
    pthread_mutex_lock(&lock);
    is_stuck = value;
    pthread_cond_broadcast(&let_go);
    pthread_mutex_unlock(&lock);
}

static unsigned count_waiting(void)
{
    pthread_mutex_lock(&lock);
    unsigned count = waiting;
    pthread_mutex_unlock(&lock);
    return count;
}

static int setup(void **state)
{
    static struct fixture f;
    fixture_open(&f);
    port = *posix_files();
    port.flush = slow_flush;
    f.files = &port;
    f.config.checkpoint_bytes = INTERVAL;
    f.config.checkpoint_ms = 600000; /* bytes alone decide */
    fixture_start(&f);
    fixture_serve(&f, "a.bin", SIZE, 1);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    set_stuck(false);
    fixture_close(*state);
    return 0;
}

static uint64_t received(struct fixture *f, int64_t group)
{
    return fixture_view(f, group).progress.done_bytes;
}

static void checkpoint__the_disk_hangs__no_more_than_the_interval_is_read(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t start_ms = 0;
    set_stuck(true);
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{"a.bin", "a.bin"}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    /* The first flush comes with half of it, and a quarter more is still read. */
    while (count_waiting() == 0 || received(f, group) <= MOST - 2 * 16384)
        assert_true(fixture_patience(&start_ms, 30));
    for (unsigned turns = 0; turns < 50; turns++) {
        assert_true(received(f, group) <= MOST);
        assert_true(fixture_patience(&start_ms, 60));
    }
    set_stuck(false);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "a.bin", "a.bin"));
}

struct cancel {
    struct fixture *f;
    int64_t group;
    enum oq_status status;
};

static void *cancel(void *ctx)
{
    struct cancel *call = ctx;
    struct oq_error err;
    call->status = oq_engine_cancel(call->f->engine, &call->f->user, call->group, &err);
    return NULL;
}

static void cancel__whole_but_not_flushed__nothing_gets_the_final_name(void **state)
{
    struct fixture *f = *state;
    struct oq_guid guid = fixture_guid(1);
    struct oq_error err;
    pthread_t thread;
    int64_t start_ms = 0;
    uint64_t size = INTERVAL / 2 + 100000; /* a flush before the end, and a rest behind it */
    fixture_serve(f, "b.bin", size, 2);
    set_stuck(true);
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{"b.bin", "b.bin"}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    while (count_waiting() == 0 || received(f, group) < size)
        assert_true(fixture_patience(&start_ms, 30));
    for (unsigned turns = 0; turns < 10; turns++) /* the end of the request follows its last byte */
        assert_true(fixture_patience(&start_ms, 30));
    struct cancel call = {.f = f, .group = group};
    assert_int_equal(pthread_create(&thread, NULL, cancel, &call), 0);
    while (oq_engine_get_group(f->engine, &f->user, &guid, &group, &err) == OQ_OK)
        assert_true(fixture_patience(&start_ms, 30));
    set_stuck(false);
    pthread_join(thread, NULL);
    assert_int_equal(call.status, OQ_OK);
    while (oq_engine_has_work(f->engine) || fixture_temp_count(f) > 0)
        assert_true(fixture_patience(&start_ms, 30));
    assert_false(fixture_out_exists(f, "b.bin"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            checkpoint__the_disk_hangs__no_more_than_the_interval_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(cancel__whole_but_not_flushed__nothing_gets_the_final_name,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
