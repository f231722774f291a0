/* test_power.c - the machine goes to sleep and wakes up while something is downloaded. */
#include "engine_fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SIZE 6000000u

static atomic_llong turned_ms;

static int64_t turned_mono(void *ctx)
{
    (void)ctx;
    return oq_clock_mono_ms(oq_clock_system()) + turned_ms;
}

static int64_t true_wall(void *ctx)
{
    (void)ctx;
    return oq_clock_wall_ms(oq_clock_system());
}

static const struct oq_clock turned = {.mono_ms = turned_mono, .wall_ms = true_wall};

static int setup(void **state)
{
    static struct fixture f;
    fixture_open(&f);
    turned_ms = 0;
    f.clock = &turned;
    fixture_start(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

/* A group with one file that comes slowly and has come halfway. */
static int64_t halfway(struct fixture *f)
{
    struct oq_error err;
    fixture_serve(f, "slow.bin", SIZE, 1);
    int64_t group =
        fixture_group(f, 1, 1, (const char *const[][2]){{"slow.bin?rate=3000000", "slow.bin"}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    fixture_wait_bytes(f, group, SIZE / 3);
    return group;
}

/* Asleep, and the server has seen the end of the connection. */
static uint64_t fall_asleep(struct fixture *f, int64_t group)
{
    int64_t start_ms = 0;
    oq_engine_sleep(f->engine);
    while (fixture_view(f, group).activity == OQ_ACTIVITY_TRANSFERRING ||
           fixture_requests(f, "slow.bin", "\"end\"") == 0)
        if (!fixture_patience(&start_ms, 30))
            fail_msg("the transfer goes on");
    return fixture_view(f, group).progress.done_bytes;
}

static void finish(struct fixture *f, int64_t group, uint64_t saved_bytes)
{
    char range[64];
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "slow.bin", "slow.bin"));
    snprintf(range, sizeof range, "\"bytes=%llu-\"", (unsigned long long)saved_bytes);
    int64_t start_ms = 0;
    while (fixture_requests(f, range, "206") != 1) /* the server writes it down a little later */
        if (!fixture_patience(&start_ms, 30))
            fail_msg("nobody asked for %s", range);
}

static void sleep__a_file_in_flight__pauses_with_its_offset_saved(void **state)
{
    struct fixture *f = *state;
    int64_t group = halfway(f);
    uint64_t saved_bytes = fall_asleep(f, group);
    assert_true(saved_bytes >= SIZE / 3 && saved_bytes < SIZE);
    assert_int_equal(fixture_view(f, group).state, OQ_GROUP_ACTIVE);
    assert_true(oq_engine_has_work(f->engine));
    oq_engine_wake(f->engine);
    finish(f, group, saved_bytes);
}

static void sleep__a_group_is_resumed_meanwhile__waits_for_the_wake(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t first = halfway(f);
    uint64_t saved_bytes = fall_asleep(f, first);
    fixture_serve(f, "other.bin", 1000, 2);
    int64_t other = fixture_group(f, 5, 1, (const char *const[][2]){{"other.bin", "other.bin"}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, other, &err), OQ_OK);
    assert_int_equal(fixture_view(f, other).state, OQ_GROUP_ACTIVE);
    fixture_expect_requests(f, "other.bin", "", 0);
    oq_engine_wake(f->engine);
    fixture_wait(f, other, OQ_GROUP_COMPLETE);
    finish(f, first, saved_bytes);
}

static void sleep__the_machine_does_not_sleep__goes_on_after_two_minutes(void **state)
{
    struct fixture *f = *state;
    int64_t group = halfway(f);
    uint64_t saved_bytes = fall_asleep(f, group);
    const enum oq_activity asleep = fixture_view(f, group).activity;
    turned_ms = 119000;
    /* Each call is a round of the engine's loop, which reads the clock: awake it would
     * connect. */
    for (int i = 0; i < 3; i++)
        assert_int_equal(fixture_view(f, group).activity, asleep);
    assert_int_equal(fixture_view(f, group).progress.done_bytes, saved_bytes);
    turned_ms = 121000;
    finish(f, group, saved_bytes);
}

static void sleep__stopped_before_the_wake__goes_on_after_the_next_start(void **state)
{
    struct fixture *f = *state;
    int64_t group = halfway(f);
    uint64_t saved_bytes = fall_asleep(f, group);
    fixture_stop(f);
    fixture_start(f);
    finish(f, group, saved_bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(sleep__a_file_in_flight__pauses_with_its_offset_saved),
        TEST(sleep__a_group_is_resumed_meanwhile__waits_for_the_wake),
        TEST(sleep__the_machine_does_not_sleep__goes_on_after_two_minutes),
        TEST(sleep__stopped_before_the_wake__goes_on_after_the_next_start),
    };
    return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
