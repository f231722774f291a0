/* test_budget.c - service/core/budget.c */
#include "test_unit.h"

#include "oq_cross_traffic.h"

static struct oq_cross_traffic budget;
static int64_t now_us;
static uint64_t octets, own_bytes;

static int set_up(void **state)
{
    (void)state;
    oq_cross_traffic_init(&budget);
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
        oq_cross_traffic_sample(&budget, now_us, true, octets, own_bytes);
    }
}

static void budget__nobody_else__sets_no_limit(void **state)
{
    (void)state;
    go(5, 1250, 0);
    assert_false(budget.must_yield);
    assert_true(budget.allowed == 0);
    assert_true(budget.capacity > 1200 && budget.capacity < 1300);
    assert_true(oq_cross_traffic_floor(&budget) > 24 && oq_cross_traffic_floor(&budget) < 26);
}

static void budget__slow_link__floor_is_4_kilobytes(void **state)
{
    (void)state;
    go(5, 20, 0);
    assert_true(oq_cross_traffic_floor(&budget) == OQ_CROSS_TRAFFIC_FLOOR_LEAST);
}

static void budget__foreign_flow_takes_all__yields_with_the_third_sample(void **state)
{
    (void)state;
    go(5, 1250, 0);
    go(0.3, 100, 1150);
    assert_true(budget.must_yield);
    assert_true(budget.allowed <= 1.5 * oq_cross_traffic_floor(&budget));
}

static void budget__foreign_flow_takes_a_third__leaves_it_room(void **state)
{
    (void)state;
    go(5, 1250, 0);
    go(3, 800, 400);
    assert_false(budget.must_yield);
    assert_true(budget.allowed > 600 && budget.allowed < 800); /* 0.97 x 1250 - 1.25 x 400 */
}

static void budget__foreign_flow_begins__gets_everything_until_it_has_found_its_rate(void **state)
{
    (void)state;
    go(5, 1250, 0);
    go(0.3, 800, 400);
    assert_true(budget.must_yield);
    go(0.3, 400, 800);
    assert_true(budget.must_yield);
    go(0.5, 400, 800);
    assert_false(budget.must_yield);
}

static void budget__foreign_flow_ends__rises_within_two_seconds(void **state)
{
    (void)state;
    go(5, 1250, 0);
    go(3, 25, 1200);
    assert_true(budget.must_yield);
    go(0.2, 25, 0);
    assert_true(budget.allowed > 0); /* slowly: not with the first samples */
    go(1.8, 25, 0);
    assert_true(budget.allowed == 0);
}

static void budget__little_traffic__is_nobody(void **state)
{
    (void)state;
    go(5, 1250, 40);
    assert_true(budget.allowed == 0);
}

static void budget__bytes_read_late__are_not_others(void **state)
{
    (void)state;
    go(5, 1250, 0);
    /* The interface has them, we have not yet; and then all at once. */
    now_us += 100000;
    octets += 131250;
    oq_cross_traffic_sample(&budget, now_us, true, octets, own_bytes);
    assert_true(budget.allowed == 0);
    go(0.1, 2500, -1250 * 0.95 * 1.05);
    assert_true(budget.allowed == 0);
    go(1, 1250, 0);
    assert_true(budget.allowed == 0 && budget.capacity < 1400);
}

static void budget__counter_begins_anew__is_no_traffic(void **state)
{
    (void)state;
    go(5, 1250, 0);
    octets = 1000;
    go(0.3, 1250, 0);
    assert_true(budget.allowed == 0);
    assert_true(budget.capacity < 1400);
}

static void budget__machine_slept__learns_nothing_from_that_time(void **state)
{
    (void)state;
    go(5, 1250, 0);
    now_us += INT64_C(3600000000);
    octets += 400000000;
    oq_cross_traffic_sample(&budget, now_us, true, octets, own_bytes);
    assert_true(budget.allowed == 0 && budget.capacity < 1400);
}

static void budget__no_counter__learns_capacity_from_ourselves(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        now_us += 100000;
        own_bytes += 125000;
        oq_cross_traffic_sample(&budget, now_us, false, 0, own_bytes);
    }
    assert_false(budget.is_known);
    assert_true(budget.allowed == 0);
    assert_true(budget.capacity > 1200);
}

static void budget__single_burst__is_not_taken_for_capacity(void **state)
{
    (void)state;
    go(5, 1250, 0);
    go(0.1, 9000, 0);
    go(1, 1250, 0);
    assert_true(budget.capacity < 1400);
}

static void budget__samples_too_close__are_ignored(void **state)
{
    (void)state;
    go(5, 1250, 0);
    oq_cross_traffic_sample(&budget, now_us + 10, true, octets + 1000000, own_bytes);
    assert_true(budget.allowed == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(budget__nobody_else__sets_no_limit, set_up),
        cmocka_unit_test_setup(budget__slow_link__floor_is_4_kilobytes, set_up),
        cmocka_unit_test_setup(budget__foreign_flow_takes_all__yields_with_the_third_sample,
                               set_up),
        cmocka_unit_test_setup(budget__foreign_flow_takes_a_third__leaves_it_room, set_up),
        cmocka_unit_test_setup(
            budget__foreign_flow_begins__gets_everything_until_it_has_found_its_rate, set_up),
        cmocka_unit_test_setup(budget__foreign_flow_ends__rises_within_two_seconds, set_up),
        cmocka_unit_test_setup(budget__little_traffic__is_nobody, set_up),
        cmocka_unit_test_setup(budget__bytes_read_late__are_not_others, set_up),
        cmocka_unit_test_setup(budget__counter_begins_anew__is_no_traffic, set_up),
        cmocka_unit_test_setup(budget__machine_slept__learns_nothing_from_that_time, set_up),
        cmocka_unit_test_setup(budget__no_counter__learns_capacity_from_ourselves, set_up),
        cmocka_unit_test_setup(budget__single_burst__is_not_taken_for_capacity, set_up),
        cmocka_unit_test_setup(budget__samples_too_close__are_ignored, set_up),
    };
    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
