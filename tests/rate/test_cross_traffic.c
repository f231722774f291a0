/* test_cross_traffic.c - service/rate/cross_traffic.c */
#include "test_unit.h"

#include "oq_cross_traffic.h"

static struct oq_cross_traffic traffic;
static int64_t now_us;
static uint64_t octets, own_bytes;

static int set_up(void **state)
{
    (void)state;
    oq_cross_traffic_init(&traffic);
    now_us = 1000000;
    octets = 500000000;
    own_bytes = 0;
    return 0;
}

/* Seconds at these rates, in bytes of payload per ms, in samples of 100 ms. */
static void go(double seconds, double own, double others)
{
    for (int i = 0; i < (int)(seconds * 10); i++) {
        now_us += 100000;
        own_bytes += (uint64_t)(own * 100);
        octets += (uint64_t)(own * 100 * 1.05 + others * 100 / 0.95);
        oq_cross_traffic_sample(&traffic, now_us, true, octets, own_bytes);
    }
}

static void traffic__nobody_else__sets_no_limit(void **state)
{
    (void)state;
    go(5, 1250, 0);
    assert_false(traffic.must_yield);
    assert_true(traffic.available == 0);
    assert_true(traffic.capacity > 1200 && traffic.capacity < 1300);
    assert_true(oq_cross_traffic_floor(&traffic) > 24 && oq_cross_traffic_floor(&traffic) < 26);
}

static void traffic__slow_link__floor_is_4_kilobytes(void **state)
{
    (void)state;
    go(5, 20, 0);
    assert_true(oq_cross_traffic_floor(&traffic) == OQ_CROSS_TRAFFIC_FLOOR_LEAST);
}

static void traffic__foreign_flow_takes_all__yields_with_the_third_sample(void **state)
{
    (void)state;
    go(5, 1250, 0);
    go(0.3, 100, 1150);
    assert_true(traffic.must_yield);
    assert_true(traffic.available <= 1.5 * oq_cross_traffic_floor(&traffic));
}

static void traffic__foreign_flow_takes_a_third__leaves_it_room(void **state)
{
    (void)state;
    go(5, 1250, 0);
    go(3, 800, 400);
    assert_false(traffic.must_yield);
    assert_true(traffic.available > 600 && traffic.available < 800); /* 0.97 x 1250 - 1.25 x 400 */
}

static void traffic__foreign_flow_begins__gets_everything_until_it_has_found_its_rate(void **state)
{
    (void)state;
    go(5, 1250, 0);
    go(0.3, 800, 400);
    assert_true(traffic.must_yield);
    go(0.3, 400, 800);
    assert_true(traffic.must_yield);
    go(0.5, 400, 800);
    assert_false(traffic.must_yield);
}

static void traffic__foreign_flow_ends__rises_within_two_seconds(void **state)
{
    (void)state;
    go(5, 1250, 0);
    go(3, 25, 1200);
    assert_true(traffic.must_yield);
    go(0.2, 25, 0);
    assert_true(traffic.available > 0); /* slowly: not with the first samples */
    go(1.8, 25, 0);
    assert_true(traffic.available == 0);
}

static void traffic__little_traffic__is_nobody(void **state)
{
    (void)state;
    go(5, 1250, 40);
    assert_true(traffic.available == 0);
}

static void traffic__bytes_read_late__are_not_others(void **state)
{
    (void)state;
    go(5, 1250, 0);
    /* The interface has counted them, we read them later, all at once. */
    now_us += 100000;
    octets += 131250;
    oq_cross_traffic_sample(&traffic, now_us, true, octets, own_bytes);
    assert_true(traffic.available == 0);
    go(0.1, 2500, -1250 * 0.95 * 1.05);
    assert_true(traffic.available == 0);
    go(1, 1250, 0);
    assert_true(traffic.available == 0 && traffic.capacity < 1400);
}

static void traffic__counter_restarts__is_no_traffic(void **state)
{
    (void)state;
    go(5, 1250, 0);
    octets = 1000;
    go(0.3, 1250, 0);
    assert_true(traffic.available == 0);
    assert_true(traffic.capacity < 1400);
}

static void traffic__machine_slept__learns_nothing_from_that_time(void **state)
{
    (void)state;
    go(5, 1250, 0);
    now_us += INT64_C(3600000000);
    octets += 400000000;
    oq_cross_traffic_sample(&traffic, now_us, true, octets, own_bytes);
    assert_true(traffic.available == 0 && traffic.capacity < 1400);
}

static void traffic__no_counter__learns_capacity_from_ourselves(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        now_us += 100000;
        own_bytes += 125000;
        oq_cross_traffic_sample(&traffic, now_us, false, 0, own_bytes);
    }
    assert_false(traffic.is_known);
    assert_true(traffic.available == 0);
    assert_true(traffic.capacity > 1200);
}

static void traffic__single_burst__is_not_taken_for_capacity(void **state)
{
    (void)state;
    go(5, 1250, 0);
    go(0.1, 9000, 0);
    go(1, 1250, 0);
    assert_true(traffic.capacity < 1400);
}

static void traffic__samples_too_close__are_ignored(void **state)
{
    (void)state;
    go(5, 1250, 0);
    oq_cross_traffic_sample(&traffic, now_us + 10, true, octets + 1000000, own_bytes);
    assert_true(traffic.available == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(traffic__nobody_else__sets_no_limit, set_up),
        cmocka_unit_test_setup(traffic__slow_link__floor_is_4_kilobytes, set_up),
        cmocka_unit_test_setup(traffic__foreign_flow_takes_all__yields_with_the_third_sample,
                               set_up),
        cmocka_unit_test_setup(traffic__foreign_flow_takes_a_third__leaves_it_room, set_up),
        cmocka_unit_test_setup(
            traffic__foreign_flow_begins__gets_everything_until_it_has_found_its_rate, set_up),
        cmocka_unit_test_setup(traffic__foreign_flow_ends__rises_within_two_seconds, set_up),
        cmocka_unit_test_setup(traffic__little_traffic__is_nobody, set_up),
        cmocka_unit_test_setup(traffic__bytes_read_late__are_not_others, set_up),
        cmocka_unit_test_setup(traffic__counter_restarts__is_no_traffic, set_up),
        cmocka_unit_test_setup(traffic__machine_slept__learns_nothing_from_that_time, set_up),
        cmocka_unit_test_setup(traffic__no_counter__learns_capacity_from_ourselves, set_up),
        cmocka_unit_test_setup(traffic__single_burst__is_not_taken_for_capacity, set_up),
        cmocka_unit_test_setup(traffic__samples_too_close__are_ignored, set_up),
    };
    return cmocka_run_group_tests_name("traffic", tests, NULL, NULL);
}
