/* test_idle_stop.c - service/core/idle_stop.c */
#include "test_unit.h"

#include "oq_idle_stop.h"

static bool look(struct oq_idle_stop *stop, bool has_work, uint32_t clients, uint64_t arrivals,
                 int64_t now_ms)
{
    const struct oq_idle_look seen = {has_work, clients, arrivals};
    return oq_idle_stop_is_due(stop, &seen, 1000, now_ms);
}

static void idle__for_the_limit_and_not_before__is_due(void **state)
{
    struct oq_idle_stop stop = {0};
    (void)state;
    assert_false(look(&stop, false, 0, 1, 5000)); /* the time begins with the first look */
    assert_false(look(&stop, false, 0, 1, 5999));
    assert_true(look(&stop, false, 0, 1, 6000));
    assert_true(look(&stop, false, 0, 1, 7000)); /* and stays so, if it could not be done */
}

static void needed__by_work_or_clients__begins_anew(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct oq_idle_stop stop = {0};
        assert_false(look(&stop, false, 0, 3, 0));
        assert_false(look(&stop, kind == 0, kind == 1, 3, 900));
        assert_false(look(&stop, kind == 0, kind == 1, 3, 5000));
        assert_false(look(&stop, false, 0, 3, 6000));
        assert_false(look(&stop, false, 0, 3, 6999));
        assert_true(look(&stop, false, 0, 3, 7000));
    }
}

static void client__who_came_and_left_between_two_looks__begins_it_anew(void **state)
{
    struct oq_idle_stop stop = {0};
    (void)state;
    assert_false(look(&stop, false, 0, 7, 0));
    assert_false(look(&stop, false, 0, 8, 1000));
    assert_false(look(&stop, false, 0, 8, 1999));
    assert_true(look(&stop, false, 0, 8, 2000));
}

static void start__nobody_has_come_yet__gives_the_first_one_time(void **state)
{
    struct oq_idle_stop stop = {0};
    (void)state;
    assert_false(look(&stop, false, 0, 0, 0));
    assert_false(look(&stop, false, 0, 0, OQ_IDLE_STOP_GRACE_MS - 1));
    assert_true(look(&stop, false, 0, 0, OQ_IDLE_STOP_GRACE_MS));
    /* A limit that is longer stays. */
    const struct oq_idle_look seen = {0};
    stop = (struct oq_idle_stop){0};
    assert_false(oq_idle_stop_is_due(&stop, &seen, 2 * OQ_IDLE_STOP_GRACE_MS, 0));
    assert_false(
        oq_idle_stop_is_due(&stop, &seen, 2 * OQ_IDLE_STOP_GRACE_MS, OQ_IDLE_STOP_GRACE_MS));
    assert_true(
        oq_idle_stop_is_due(&stop, &seen, 2 * OQ_IDLE_STOP_GRACE_MS, 2 * OQ_IDLE_STOP_GRACE_MS));
}

static void limit__of_0__is_never_due(void **state)
{
    struct oq_idle_stop stop = {0};
    const struct oq_idle_look seen = {0};
    (void)state;
    assert_false(oq_idle_stop_is_due(&stop, &seen, 0, 0));
    assert_false(oq_idle_stop_is_due(&stop, &seen, 0, INT64_MAX));
}

static void next_look__any_limit__is_soon_enough_and_not_too_often(void **state)
{
    (void)state;
    assert_int_equal(oq_idle_stop_look_ms(1), 50);
    assert_int_equal(oq_idle_stop_look_ms(1000), 250);
    assert_int_equal(oq_idle_stop_look_ms(240000), 60000);
    assert_int_equal(oq_idle_stop_look_ms(INT64_C(2592000000)), 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle__for_the_limit_and_not_before__is_due),
        cmocka_unit_test(needed__by_work_or_clients__begins_anew),
        cmocka_unit_test(client__who_came_and_left_between_two_looks__begins_it_anew),
        cmocka_unit_test(start__nobody_has_come_yet__gives_the_first_one_time),
        cmocka_unit_test(limit__of_0__is_never_due),
        cmocka_unit_test(next_look__any_limit__is_soon_enough_and_not_too_often),
    };
    return cmocka_run_group_tests_name("idle_stop", tests, NULL, NULL);
}
