/* test_delay.c - service/core/delay.c */
#include "test_unit.h"

#include "oq_rtt_estimator.h"

#define MS INT64_C(1000)

static struct oq_rtt_estimator delay;

static void receive(int64_t now_us, uint64_t bytes)
{
    oq_rtt_estimator_receive(&delay, now_us, now_us, bytes);
}

/* A sender that is held back by the window only: what was allowed arrives `trip_ms` later, in
 * pieces of 1,000 bytes. Runs for so many round trips of a window of `window` bytes. */
static int64_t play(int64_t *now_us, uint64_t window, int64_t trip_ms, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t sent = 0;
        *now_us += trip_ms * MS;
        for (sent = 0; sent + 1000 <= window; sent += 1000)
            receive(*now_us, 1000);
    }
    return oq_rtt_estimator_take_us(&delay);
}

static void delay__window_limited_sender__gives_its_round_trip(void **state)
{
    int64_t now = 5000;
    (void)state;
    oq_rtt_estimator_init(&delay, now, 10000, 0);
    assert_int_equal(play(&now, 10000, 20, 50), 20 * MS);
    assert_int_equal(oq_rtt_estimator_take_us(&delay), -1);
    assert_int_equal(play(&now, 10000, 35, 50), 35 * MS);
}

static void delay__window_grows__stays_true(void **state)
{
    int64_t now = 0;
    (void)state;
    oq_rtt_estimator_init(&delay, now, 10000, 0);
    (void)play(&now, 10000, 20, 10);
    oq_rtt_estimator_set_window(&delay, now, 40000);
    assert_int_equal(play(&now, 40000, 20, 20), 20 * MS);
}

static void delay__window_shrinks__counts_what_was_allowed_before(void **state)
{
    int64_t now = 0;
    (void)state;
    oq_rtt_estimator_init(&delay, now, 40000, 0);
    (void)play(&now, 40000, 20, 10);
    oq_rtt_estimator_set_window(&delay, now, 10000); /* 40,000 are on their way all the same */
    now += 20 * MS;
    for (unsigned i = 0; i < 40; i++)
        receive(now, 1000);
    assert_int_equal(oq_rtt_estimator_take_us(&delay), 20 * MS);
    int64_t trip = play(&now, 10000, 20, 20);
    assert_int_equal(trip, 20 * MS);
}

static void delay__nothing_arrives__pending_says_how_long(void **state)
{
    int64_t now = 0;
    (void)state;
    oq_rtt_estimator_init(&delay, now, 10000, 0);
    assert_int_equal(oq_rtt_estimator_pending_us(&delay, 70 * MS), 70 * MS);
    now = 80 * MS;
    for (unsigned i = 0; i < 10; i++)
        receive(now, 1000);
    assert_int_equal(oq_rtt_estimator_pending_us(&delay, now + 5 * MS), 5 * MS);
    /* Once what was in flight has come: less than a packet is advertised, nothing is awaited. */
    oq_rtt_estimator_set_window(&delay, now, 1499);
    for (unsigned i = 0; i < 10; i++)
        receive(now, 1000);
    assert_int_equal(oq_rtt_estimator_pending_us(&delay, now + 500 * MS), 0);
    oq_rtt_estimator_set_window(&delay, now, 1500); /* a packet is */
    assert_int_equal(oq_rtt_estimator_pending_us(&delay, now + 500 * MS), 500 * MS);
}

static void delay__more_than_allowed__teaches_nothing(void **state)
{
    int64_t now = 0;
    (void)state;
    oq_rtt_estimator_init(&delay, now, 10000, 0);
    (void)play(&now, 10000, 20, 10);
    receive(now, 50000); /* the system's window was larger */
    assert_int_equal(oq_rtt_estimator_take_us(&delay), -1);
    assert_int_equal(oq_rtt_estimator_pending_us(&delay, now + 500 * MS), 0);
    (void)play(&now, 10000, 20, 2);
    assert_int_equal(play(&now, 10000, 20, 10), 20 * MS);
}

static void delay__slow_sender__room_for_marks_is_never_exceeded(void **state)
{
    int64_t now = 0;
    (void)state;
    oq_rtt_estimator_init(&delay, now, 4000000, 0);
    for (unsigned i = 0; i < 5000; i++) { /* far below the window: marks gather */
        now += 10 * MS;
        receive(now, 1000);
        assert_true(delay.count <= OQ_RTT_MARKS);
    }
    /* Too long, as the header says; but for the bytes of the first window. */
    receive(now, 1000);
    (void)oq_rtt_estimator_take_us(&delay);
    receive(now + 10 * MS, 1000);
    assert_true(oq_rtt_estimator_take_us(&delay) > 1000 * MS);
}

static void delay__allowed_before__is_not_learned_from(void **state)
{
    int64_t now = 0;
    (void)state;
    oq_rtt_estimator_init(&delay, now, 10000, 60000);
    for (unsigned i = 0; i < 60; i++)
        receive(now, 1000); /* at once: it was on its way */
    assert_int_equal(oq_rtt_estimator_take_us(&delay), -1);
    assert_int_equal(play(&now, 10000, 20, 5), 20 * MS);
}

static void delay__restart__forgets_all_but_the_window(void **state)
{
    int64_t now = 0;
    (void)state;
    oq_rtt_estimator_init(&delay, now, 10000, 0);
    (void)play(&now, 10000, 20, 5);
    now += 3600000 * MS;
    oq_rtt_estimator_restart(&delay, now);
    assert_int_equal(oq_rtt_estimator_take_us(&delay), -1);
    assert_int_equal(play(&now, 10000, 20, 5), 20 * MS);
}

static void delay__clock_goes_back__gives_no_negative_time(void **state)
{
    (void)state;
    oq_rtt_estimator_init(&delay, 1000 * MS, 10000, 0);
    receive(500 * MS, 1000);
    assert_int_equal(oq_rtt_estimator_take_us(&delay), -1);
    assert_int_equal(oq_rtt_estimator_pending_us(&delay, 100 * MS), 0);
}

static void delay__we_are_late__shortest_is_never_too_short(void **state)
{
    int64_t now = 0;
    (void)state;
    oq_rtt_estimator_init(&delay, now, 10000, 0);
    for (int i = 0; i < 20; i++) {
        now += 20 * MS;
        /* Read at once, but noticed up to 19 ms later; the system has allowed the next bytes
         * meanwhile. */
        oq_rtt_estimator_receive(&delay, now + i * MS, now, 10000);
    }
    assert_int_equal(oq_rtt_estimator_take_us(&delay), 20 * MS);
}

static void delay__ignored_bytes__teach_nothing(void **state)
{
    int64_t now = 0;
    (void)state;
    oq_rtt_estimator_init(&delay, now, 10000, 0);
    (void)play(&now, 10000, 20, 5);
    oq_rtt_estimator_ignore(&delay, 5000);
    for (unsigned i = 0; i < 15; i++) /* what was allowed, and those */
        receive(now, 1000);
    assert_int_equal(oq_rtt_estimator_take_us(&delay), -1);
    assert_int_equal(play(&now, 10000, 20, 5), 20 * MS);
    assert_int_equal(delay.surprises, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delay__window_limited_sender__gives_its_round_trip),
        cmocka_unit_test(delay__window_grows__stays_true),
        cmocka_unit_test(delay__window_shrinks__counts_what_was_allowed_before),
        cmocka_unit_test(delay__nothing_arrives__pending_says_how_long),
        cmocka_unit_test(delay__more_than_allowed__teaches_nothing),
        cmocka_unit_test(delay__slow_sender__room_for_marks_is_never_exceeded),
        cmocka_unit_test(delay__allowed_before__is_not_learned_from),
        cmocka_unit_test(delay__restart__forgets_all_but_the_window),
        cmocka_unit_test(delay__we_are_late__shortest_is_never_too_short),
        cmocka_unit_test(delay__ignored_bytes__teach_nothing),
        cmocka_unit_test(delay__clock_goes_back__gives_no_negative_time),
    };
    return cmocka_run_group_tests_name("delay", tests, NULL, NULL);
}
