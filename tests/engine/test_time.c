/* test_time.c - periods of days, with a turned clock: inactivity, no progress, Retry-After,
 * back-off. */
#include "engine_fixture.h"

#include "oq_engine_sources.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define DAY_MS INT64_C(86400000)

/* The system's clocks plus what the test has turned them by. */
static _Atomic int64_t mono_turned_ms, wall_turned_ms;

static int64_t turned_mono(void *ctx)
{
    (void)ctx;
    return oq_clock_mono_ms(oq_clock_system()) + mono_turned_ms;
}

static int64_t turned_wall(void *ctx)
{
    (void)ctx;
    return oq_clock_wall_ms(oq_clock_system()) + wall_turned_ms;
}

static const struct oq_clock turned = {.mono_ms = turned_mono, .wall_ms = turned_wall};

static void turn(struct fixture *f, int64_t ms)
{
    mono_turned_ms += ms;
    wall_turned_ms += ms;
    struct oq_guid unknown = fixture_guid(999999);
    struct oq_error err;
    int64_t none = 0;
    /* A call wakes the loop, which then reads the clock; the second finds that it has. */
    for (int i = 0; i < 2; i++)
        assert_int_equal(oq_engine_get_group(f->engine, &f->user, &unknown, &none, &err),
                         OQ_E_NOT_FOUND);
}

static int setup(void **state)
{
    static struct fixture f;
    mono_turned_ms = wall_turned_ms = 0;
    fixture_open(&f);
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

static bool is_queued(struct fixture *f, unsigned number)
{
    struct oq_guid guid = fixture_guid(number);
    struct oq_error err;
    int64_t group = 0;
    return oq_engine_get_group(f->engine, &f->user, &guid, &group, &err) == OQ_OK;
}

/* Shows IBackgroundCopyGroup.finished-group-stays */
static void inactivity__90_days__group_goes_and_finished_files_stay(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t start_ms = 0;
    fixture_serve(f, "a.bin", 1000, 1);
    int64_t done = fixture_group(f, 1, 1, (const char *const[][2]){{"a.bin", "a.bin"}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, done, &err), OQ_OK);
    fixture_wait(f, done, OQ_GROUP_COMPLETE);
    fixture_group(f, 2, 1, (const char *const[][2]){{"a.bin", "b.bin"}});
    turn(f, 89 * DAY_MS);
    assert_true(is_queued(f, 1));
    assert_true(is_queued(f, 2));
    int64_t touched = fixture_group(f, 3, 1, (const char *const[][2]){{"a.bin", "c.bin"}});
    turn(f, 2 * DAY_MS);
    while (is_queued(f, 1) || is_queued(f, 2))
        assert_true(fixture_patience(&start_ms, 20));
    assert_true(is_queued(f, 3));
    assert_true(fixture_is_same(f, "a.bin", "a.bin"));
    assert_false(fixture_view(f, touched).is_gone);
    assert_true(fixture_view(f, done).is_gone); /* a pointer still answers: D15 */
}

static void inactivity__touched_by_a_property__starts_over(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{"a.bin", "a.bin"}});
    turn(f, 60 * DAY_MS);
    assert_int_equal(oq_engine_set_text(f->engine, &f->user, group, OQ_TEXT_DESCRIPTION, "x", &err),
                     OQ_OK);
    turn(f, 60 * DAY_MS);
    turn(f, 0);
    assert_true(is_queued(f, 1));
}

static void no_progress__14_days_of_transient_errors__becomes_an_error(void **state)
{
    struct fixture *f = *state;
    struct oq_group_view view;
    struct oq_error err;
    int64_t start_ms = 0;
    fixture_serve(f, "a.bin", 1000, 1);
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{"a.bin?status=503", "a.bin"}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    do {
        view = fixture_view(f, group);
        assert_true(fixture_patience(&start_ms, 20));
    } while (view.retries < 2);
    turn(f, 13 * DAY_MS);
    uint32_t retries = view.retries;
    do {
        view = fixture_view(f, group);
        assert_int_equal(view.state, OQ_GROUP_ACTIVE);
        assert_true(fixture_patience(&start_ms, 20));
    } while (view.retries < retries + 2);
    turn(f, 2 * DAY_MS);
    do {
        view = fixture_view(f, group);
        assert_true(fixture_patience(&start_ms, 20));
    } while (view.state == OQ_GROUP_ACTIVE);
    assert_int_equal(view.state, OQ_GROUP_ERROR);
    assert_int_equal(view.error_http, 503);
    assert_int_equal(view.error_win32, 58);
}

static void set_url(struct fixture *f, int64_t group, const char *rest)
{
    struct oq_error err;
    assert_int_equal(
        oq_engine_set_url(f->engine, &f->user, group, 0, 0, fixture_url(f, rest), &err), OQ_OK);
}

static struct oq_group_view wait_for_retries(struct fixture *f, int64_t group, uint32_t retries)
{
    int64_t start_ms = 0;
    for (;;) {
        struct oq_group_view view = fixture_view(f, group);
        if (view.retries >= retries || view.state != OQ_GROUP_ACTIVE)
            return view;
        assert_true(fixture_patience(&start_ms, 20));
    }
}

/* 13 days of failures, some bytes, 2 more days of failures: none of them is two weeks without a
 * byte. */
static void no_progress__progress_in_between__starts_again(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    fixture_serve(f, "a.bin", 40000000, 1);
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{"a.bin?status=503", "a.bin"}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    wait_for_retries(f, group, 1);
    turn(f, 13 * DAY_MS);
    set_url(f, group, "a.bin?cut=1000000");
    fixture_wait_bytes(f, group, 900000);
    set_url(f, group, "a.bin?status=503");
    struct oq_group_view view = wait_for_retries(f, group, fixture_view(f, group).retries + 2);
    assert_int_equal(view.state, OQ_GROUP_ACTIVE);
    turn(f, 2 * DAY_MS);
    view = wait_for_retries(f, group, view.retries + 2);
    assert_int_equal(view.state, OQ_GROUP_ACTIVE);
}

static void retry_after__an_hour__nothing_is_asked_before(void **state)
{
    struct fixture *f = *state;
    struct oq_group_view view;
    struct oq_error err;
    int64_t start_ms = 0;
    fixture_serve(f, "a.bin", 1000, 1);
    int64_t group = fixture_group(
        f, 1, 1, (const char *const[][2]){{"a.bin?status=503&retry-after=3600&on=1", "a.bin"}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    do {
        view = fixture_view(f, group);
        assert_true(fixture_patience(&start_ms, 20));
    } while (view.activity != OQ_ACTIVITY_BACKOFF);
    assert_in_range(view.backoff_left_ms, 3500000, 3600000);
    turn(f, 3000000);
    assert_int_equal(fixture_view(f, group).activity, OQ_ACTIVITY_BACKOFF);
    fixture_expect_requests(f, "a.bin", "\"GET\"", 1);
    turn(f, 700000);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
}

/* Shows IBackgroundCopyGroup::ResumeGroup.group-waits-try */
static void retry_after__resume_by_the_client__tries_at_once(void **state)
{
    struct fixture *f = *state;
    struct oq_group_view view;
    struct oq_error err;
    int64_t start_ms = 0;
    fixture_serve(f, "a.bin", 1000, 1);
    int64_t group = fixture_group(
        f, 1, 1, (const char *const[][2]){{"a.bin?status=503&retry-after=3600&on=1", "a.bin"}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    do {
        view = fixture_view(f, group);
        assert_true(fixture_patience(&start_ms, 20));
    } while (view.activity != OQ_ACTIVITY_BACKOFF);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
}

static void retry_after__network_comes_up__tries_at_once(void **state)
{
    struct fixture *f = *state;
    struct oq_group_view view;
    struct oq_error err;
    int64_t start_ms = 0;
    fixture_serve(f, "a.bin", 1000, 1);
    int64_t group = fixture_group(
        f, 1, 1, (const char *const[][2]){{"a.bin?status=503&retry-after=3600&on=1", "a.bin"}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    do {
        view = fixture_view(f, group);
        assert_true(fixture_patience(&start_ms, 20));
    } while (view.activity != OQ_ACTIVITY_BACKOFF);
    oq_engine_retry_now(f->engine);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
}

/* One place, three groups that last long: first, second, third, and again. */
static void slices__three_groups_for_one_place__take_turns_in_order(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t groups[3];
    fixture_stop(f);
    f->config.background_groups = 1;
    f->config.time_slice_ms = 60000;
    fixture_start(f);
    fixture_serve(f, "a.bin", 40000000, 1);
    for (unsigned i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "%u.bin", i);
        groups[i] =
            fixture_group(f, i + 1, 1, (const char *const[][2]){{"a.bin?rate=100000", name}});
        assert_int_equal(oq_engine_resume(f->engine, &f->user, groups[i], &err), OQ_OK);
    }
    for (unsigned place = 0; place < 7; place++) {
        int64_t start_ms = 0;
        bool is_its_turn = false;
        while (!is_its_turn) { /* one that was stopped may be saving its offset */
            is_its_turn = true;
            for (unsigned i = 0; i < 3; i++)
                is_its_turn =
                    is_its_turn && fixture_view(f, groups[(place + i) % 3]).activity ==
                                       (i == 0 ? OQ_ACTIVITY_TRANSFERRING : OQ_ACTIVITY_QUEUED);
            assert_true(fixture_patience(&start_ms, 20));
        }
        turn(f, 61000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(inactivity__90_days__group_goes_and_finished_files_stay,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(inactivity__touched_by_a_property__starts_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(no_progress__14_days_of_transient_errors__becomes_an_error,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(no_progress__progress_in_between__starts_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(slices__three_groups_for_one_place__take_turns_in_order,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(retry_after__an_hour__nothing_is_asked_before, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(retry_after__resume_by_the_client__tries_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(retry_after__network_comes_up__tries_at_once, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
