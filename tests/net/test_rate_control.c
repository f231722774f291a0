/* test_rate_control.c - service/net/rate_control.c: limits and pauses of real transfers, with a
 * scripted network. How windows follow a link: tests/rate/test_window_controller.c and bench/idle.
 * */
#include "engine_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define KBITS_SLOW 512 /* 64 KB/s */

/* A network that the server's address, although it is a loopback one, seems to be behind. */
static atomic_ullong others; /* octets of cross traffic */
static atomic_uint finds, counter_reads;
static atomic_bool is_metered;
static _Atomic int64_t ahead_ms;

static enum oq_status find(void *ctx, const char *address, struct oq_link_interface *out)
{
    (void)ctx;
    assert_string_equal(address, "127.0.0.1");
    atomic_fetch_add(&finds, 1);
    *out = (struct oq_link_interface){.id = 7};
    return OQ_OK;
}

static enum oq_status no_route(void *ctx, const char *address, struct oq_link_interface *out)
{
    (void)ctx;
    (void)address;
    (void)out;
    return OQ_E_NOT_FOUND;
}

static enum oq_status octets(void *ctx, uint64_t id, uint64_t *received)
{
    (void)ctx;
    assert_int_equal(id, 7);
    atomic_fetch_add(&counter_reads, 1);
    *received = atomic_load(&others);
    return OQ_OK;
}

static bool metered(void *ctx)
{
    (void)ctx;
    return atomic_load(&is_metered);
}

static int64_t ahead(void *ctx, int64_t wall_ms)
{
    (void)ctx;
    (void)wall_ms;
    return atomic_load(&ahead_ms);
}

static const struct oq_link_port network = {
    .find = find, .octets = octets, .is_metered = metered, .ahead_ms = ahead};
static const struct oq_link_port route_missing = {.find = no_route, .octets = octets};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_open(f);
    f->link = &network;
    atomic_store(&is_metered, false);
    atomic_store(&ahead_ms, 0);
    atomic_store(&others, 1000);
    fixture_serve(f, "file.bin", 2000000, 1);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

static int64_t start(struct fixture *f)
{
    static const char *const files[][2] = {{"file.bin", "file.bin"}};
    struct oq_error err;
    oq_error_init(&err);
    int64_t group = fixture_group(f, 1, 1, files);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    return group;
}

static void set_policy(struct fixture *f, const char *text)
{
    struct oq_rate_schedule schedule;
    struct oq_error err;
    oq_error_init(&err);
    assert_int_equal(oq_rate_schedule_parse(text, &schedule, &err), OQ_OK);
    assert_int_equal(oq_engine_set_policy(f->engine, &f->config, &schedule, &err), OQ_OK);
}

static void wait_for_activity(struct fixture *f, int64_t group, enum oq_activity activity)
{
    int64_t start_ms = 0;
    while (fixture_view(f, group).activity != activity)
        assert_true(fixture_patience(&start_ms, 30));
}

static int64_t now_ms(void)
{
    return oq_clock_mono_ms(oq_clock_system());
}

static void limit__max_rate__is_kept_and_named(void **state)
{
    struct fixture *f = *state;
    f->config.max_rate_kbits = KBITS_SLOW;
    fixture_start(f);
    int64_t group = start(f);
    fixture_wait_bytes(f, group, 1);
    int64_t from_ms = now_ms();
    uint64_t before = fixture_view(f, group).progress.done_bytes;
    struct oq_group_view view = fixture_wait_bytes(f, group, before + 200000);
    /* 16 KB may come at once and a quarter of a second's worth be saved up. */
    assert_true(now_ms() - from_ms >= (int64_t)(200000 - 32768) * 1000 / 64000);
    assert_int_equal(view.limit, OQ_LIMIT_POLICY);
    assert_int_equal(view.limit_bytes_per_s, 64000);
}

static void limit__changed__holds_for_transfers_that_run(void **state)
{
    struct fixture *f = *state;
    f->config.max_rate_kbits = KBITS_SLOW;
    fixture_start(f);
    int64_t group = start(f);
    fixture_wait_bytes(f, group, 1);
    f->config.max_rate_kbits = 0;
    set_policy(f, "");
    fixture_wait(f, group, OQ_GROUP_COMPLETE); /* 30 s at the old rate: longer than it waits */
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
}

static void limit__switch_to_foreground__is_lifted(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    oq_error_init(&err);
    f->config.max_rate_kbits = KBITS_SLOW / 4;
    fixture_start(f);
    int64_t group = start(f);
    fixture_wait_bytes(f, group, 1);
    assert_int_equal(oq_engine_set_foreground(f->engine, &f->user, group, &err), OQ_OK);
    struct oq_group_view view = fixture_wait(f, group, OQ_GROUP_COMPLETE); /* 2 minutes otherwise */
    assert_true(view.is_foreground);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
}

/* Shows IOpenQmgrGroup::SetMaxRate.lowest-limit .S_OK .E_INVALIDARG */
static void limit__of_a_group__holds_in_the_foreground_and_after_a_restart(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    oq_error_init(&err);
    fixture_start(f);
    static const char *const files[][2] = {{"file.bin", "file.bin"}};
    int64_t group = fixture_group(f, 1, 1, files);
    assert_int_equal(oq_engine_set_foreground(f->engine, &f->user, group, &err), OQ_OK);
    assert_int_equal(oq_engine_set_max_rate(f->engine, &f->user, group, 64000, &err), OQ_OK);
    assert_int_equal(oq_engine_set_max_rate(f->engine, &f->other, group, 1, &err),
                     OQ_E_ACCESS_DENIED);
    assert_int_equal(
        oq_engine_set_max_rate(f->engine, &f->user, group, (uint64_t)OQ_GROUP_RATE_MOST + 1, &err),
        OQ_E_INVALID_ARG);
    assert_int_equal(
        oq_engine_set_max_rate(f->engine, &f->user, group, (uint64_t)OQ_GROUP_RATE_MOST, &err),
        OQ_OK);
    fixture_stop(f);
    fixture_start(f); /* a row above it would be damaged */
    assert_int_equal(fixture_view(f, group).max_bytes_per_s, OQ_GROUP_RATE_MOST);
    assert_int_equal(oq_engine_set_max_rate(f->engine, &f->user, group, 64000, &err), OQ_OK);
    fixture_stop(f);
    fixture_start(f);
    assert_int_equal(fixture_view(f, group).max_bytes_per_s, 64000);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    struct oq_group_view view = fixture_wait_bytes(f, group, 100000);
    assert_int_equal(view.limit, OQ_LIMIT_GROUP);
    assert_int_equal(view.limit_bytes_per_s, 64000);
    assert_int_equal(oq_engine_set_max_rate(f->engine, &f->user, group, 0, &err), OQ_OK);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
}

/* 64 KB/s are the background's alone, whatever comes in the foreground meanwhile. */
static void limit__download_in_the_foreground__does_not_count(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    oq_error_init(&err);
    static const char *const big[][2] = {{"big.bin?rate=2000000", "big.bin"}};
    static const char *const files[][2] = {{"file.bin", "file.bin"}};
    f->config.max_rate_kbits = KBITS_SLOW;
    fixture_serve(f, "big.bin", 60000000, 3); /* half of a minute */
    fixture_start(f);
    int64_t foreground = fixture_group(f, 1, 1, big), background = fixture_group(f, 2, 1, files);
    assert_int_equal(oq_engine_set_foreground(f->engine, &f->user, foreground, &err), OQ_OK);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, foreground, &err), OQ_OK);
    fixture_wait_bytes(f, foreground, 1000000);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, background, &err), OQ_OK);
    fixture_wait_bytes(f, background, 128000);
    assert_int_equal(fixture_view(f, foreground).state, OQ_GROUP_ACTIVE);
    assert_int_equal(oq_engine_cancel(f->engine, &f->user, foreground, &err), OQ_OK);
}

/* Shows IOpenQmgrGroup::SetMaxRate.shared */
static void limit__of_a_group__is_shared_by_its_files(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    oq_error_init(&err);
    fixture_serve(f, "other.bin", 2000000, 2);
    fixture_start(f);
    static const char *const files[][2] = {{"file.bin", "file.bin"}, {"other.bin", "other.bin"}};
    int64_t group = fixture_group(f, 1, 2, files);
    assert_int_equal(oq_engine_set_max_rate(f->engine, &f->user, group, 64000, &err), OQ_OK);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    fixture_wait_bytes(f, group, 32768); /* the first piece of each comes at once */
    int64_t from_ms = now_ms();
    uint64_t before = fixture_view(f, group).progress.done_bytes;
    fixture_wait_bytes(f, group, before + 200000);
    assert_true(now_ms() - from_ms >= (int64_t)(200000 - 49152) * 1000 / 64000);
}

static void pause__longer_than_the_stall_time_out__is_no_stall(void **state)
{
    struct fixture *f = *state;
    int64_t start_ms = 0;
    f->config.idle_throttle = 0; /* a small window is slow where packets have 64 KB */
    f->config.stall_timeout_ms = 1000;
    f->config.max_rate_kbits = 8; /* 1 KB/s: after each 16 KB nothing is read for 10 s */
    fixture_start(f);
    int64_t group = start(f);
    fixture_wait_bytes(f, group, 1);
    while (fixture_patience(&start_ms, 5))
        assert_int_equal(fixture_view(f, group).retries, 0);
    f->config.max_rate_kbits = 0;
    set_policy(f, "");
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    fixture_expect_requests(f, "file.bin", "GET", 1);
}

static void pause_all__stops_all_downloads_and_resumes_them(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    oq_error_init(&err);
    f->config.max_rate_kbits = KBITS_SLOW;
    fixture_start(f);
    int64_t group = start(f);
    fixture_wait_bytes(f, group, 1);
    f->config.pause_all = 1;
    set_policy(f, "");
    wait_for_activity(f, group, OQ_ACTIVITY_POLICY);
    assert_int_equal(oq_engine_set_foreground(f->engine, &f->user, group, &err), OQ_OK);
    wait_for_activity(f, group, OQ_ACTIVITY_POLICY); /* it holds in the foreground, too */
    f->config.pause_all = 0;
    set_policy(f, "");
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
}

#define MONDAY_MS INT64_C(1795392000000) /* 23 November 2026, midnight */

static void set_local_time(int64_t local_ms)
{
    atomic_store(&ahead_ms, local_ms - oq_clock_wall_ms(oq_clock_system()));
}

static void schedule__paused_hour__ends_when_the_time_zone_changes(void **state)
{
    struct fixture *f = *state;
    set_local_time(MONDAY_MS + 12 * INT64_C(3600000));
    fixture_start(f);
    set_policy(f, "mon-sun 0-24 pause; mon 0-1 0");
    int64_t group = start(f);
    wait_for_activity(f, group, OQ_ACTIVITY_POLICY);
    set_local_time(MONDAY_MS + 1800000);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
}

static void metered_network__holds_the_background_only(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    oq_error_init(&err);
    f->config.metered_networks = 1;
    atomic_store(&is_metered, true);
    fixture_start(f);
    int64_t group = start(f);
    wait_for_activity(f, group, OQ_ACTIVITY_POLICY);
    assert_int_equal(oq_engine_set_foreground(f->engine, &f->user, group, &err), OQ_OK);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
}

/* With nothing set: fails if the throttle were off by default. */
static void cross_traffic_of_this_computer__is_left_the_link(void **state)
{
    struct fixture *f = *state;
    int64_t start_ms = 0;
    struct oq_group_view view;
    fixture_serve(f, "file.bin", 200000000, 1);
    fixture_start(f);
    int64_t group = start(f);
    do { /* far more than any link carries besides */
        atomic_fetch_add(&others, 500000000);
        view = fixture_view(f, group);
        assert_true(fixture_patience(&start_ms, 30));
        assert_int_not_equal(view.state, OQ_GROUP_COMPLETE);
    } while (view.limit != OQ_LIMIT_OTHERS_HERE);
    assert_true(atomic_load(&counter_reads) > 0);
    assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, NULL), OQ_OK);
}

/* A sender that is slower than the floor looks like a queue as long as only its bytes in the middle
 * of a window are looked at. Nothing else is on the link any more: so the download may not stay
 * where it was held. */
static void cross_traffic_has_ended__slow_sender_leaves_the_floor(void **state)
{
    struct fixture *f = *state;
    static const char *const files[][2] = {{"file.bin?rate=60000", "file.bin"}};
    int64_t start_ms = 0;
    fixture_start(f);
    int64_t group = fixture_group(f, 1, 1, files);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, NULL), OQ_OK);
    struct oq_group_view view;
    do {
        atomic_fetch_add(&others, 500000000);
        view = fixture_view(f, group);
        assert_true(fixture_patience(&start_ms, 30));
    } while (view.limit != OQ_LIMIT_OTHERS_HERE);
    assert_true(view.limit_ms >= 0);
    start_ms = 0;
    int64_t longest_ms = 0;
    do {
        view = fixture_view(f, group);
        if (view.limit != OQ_LIMIT_NONE && view.limit_ms > longest_ms)
            longest_ms = view.limit_ms;
        assert_true(fixture_patience(&start_ms, 5));
    } while (view.limit != OQ_LIMIT_NONE);
    assert_true(longest_ms > 0); /* since when is known */
    assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, NULL), OQ_OK);
}

static void no_route_known__is_no_error(void **state)
{
    struct fixture *f = *state;
    f->link = &route_missing;
    fixture_serve(f, "file.bin", 200000, 1);
    fixture_start(f);
    int64_t group = start(f);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
}

static void idle_throttle_off__touches_nothing(void **state)
{
    struct fixture *f = *state;
    f->config.idle_throttle = 0;
    atomic_store(&finds, 0);
    fixture_start(f);
    fixture_wait(f, start(f), OQ_GROUP_COMPLETE);
    assert_int_equal(atomic_load(&finds), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(limit__max_rate__is_kept_and_named),
        TEST(limit__changed__holds_for_transfers_that_run),
        TEST(limit__switch_to_foreground__is_lifted),
        TEST(limit__of_a_group__holds_in_the_foreground_and_after_a_restart),
        TEST(limit__download_in_the_foreground__does_not_count),
        TEST(limit__of_a_group__is_shared_by_its_files),
        TEST(pause__longer_than_the_stall_time_out__is_no_stall),
        TEST(pause_all__stops_all_downloads_and_resumes_them),
        TEST(schedule__paused_hour__ends_when_the_time_zone_changes),
        TEST(metered_network__holds_the_background_only),
        TEST(cross_traffic_of_this_computer__is_left_the_link),
        TEST(cross_traffic_has_ended__slow_sender_leaves_the_floor),
        TEST(no_route_known__is_no_error),
        TEST(idle_throttle_off__touches_nothing),
    };
    return cmocka_run_group_tests_name("rate_control", tests, NULL, NULL);
}
