/* test_plan.c - service/core/plan.c */
#include "test_unit.h"

#include "oq_rate_schedule.h"

#define HOUR INT64_C(3600000)
/* Monday 2026-11-23 00:00 UTC. */
#define MONDAY INT64_C(1795392000000)

static struct oq_rate_schedule plan;
static struct oq_error err;

static struct oq_rate_now at(int day, int hour, int64_t general_kbits)
{
    return oq_rate_schedule_at(&plan, MONDAY + (day * 24 + hour) * HOUR, 0, general_kbits);
}

static void parse(const char *text)
{
    oq_error_init(&err);
    if (oq_rate_schedule_parse(text, &plan, &err) != OQ_OK)
        fail_msg("%s", err.text);
}

static void plan__empty__is_the_general_limit(void **state)
{
    static const char *const texts[] = {NULL, "", "  ", " ; ;"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        parse(texts[i]);
        assert_int_equal(at(0, 0, 800).bytes_per_s, 100000);
        assert_int_equal(at(6, 23, 0).bytes_per_s, 0);
        assert_false(at(3, 12, 0).is_paused);
    }
}

static void plan__working_hours__hold_from_and_until(void **state)
{
    (void)state;
    parse("mon-fri 8-18 2000; sat,sun 0-24 0");
    assert_int_equal(at(0, 7, 9000).bytes_per_s, 9000 * 125);
    assert_int_equal(at(0, 8, 9000).bytes_per_s, 2000 * 125);
    assert_int_equal(at(4, 17, 9000).bytes_per_s, 2000 * 125);
    assert_int_equal(at(4, 18, 9000).bytes_per_s, 9000 * 125);
    assert_int_equal(at(5, 12, 9000).bytes_per_s, 0);
    assert_int_equal(at(6, 23, 9000).bytes_per_s, 0);
}

static void plan__over_midnight_and_the_weeks_end__belongs_to_the_first_day(void **state)
{
    (void)state;
    parse("SUN 22-6 pause");
    assert_false(at(6, 21, 0).is_paused);
    assert_true(at(6, 23, 0).is_paused);
    assert_true(at(0, 5, 0).is_paused);
    assert_false(at(0, 6, 0).is_paused);
    assert_false(at(0, 22, 0).is_paused);
    parse("sat-mon 1-2 pause");
    assert_true(at(5, 1, 0).is_paused && at(6, 1, 0).is_paused && at(0, 1, 0).is_paused);
    assert_false(at(1, 1, 0).is_paused || at(4, 1, 0).is_paused);
}

static void plan__several_entries_for_one_hour__the_last_counts(void **state)
{
    (void)state;
    parse("mon-sun 0-24 1000;wed 12-13 pause;wed 12-13 64");
    assert_int_equal(at(2, 12, 0).bytes_per_s, 8000);
    assert_int_equal(at(2, 13, 0).bytes_per_s, 125000);
}

static void plan__time_zone__moves_it(void **state)
{
    (void)state;
    parse("mon 8-9 pause");
    assert_true(oq_rate_schedule_at(&plan, MONDAY + 8 * HOUR, 0, 0).is_paused);
    assert_false(oq_rate_schedule_at(&plan, MONDAY + 8 * HOUR, HOUR, 0).is_paused);
    assert_true(oq_rate_schedule_at(&plan, MONDAY + 7 * HOUR, HOUR, 0).is_paused);
    assert_true(oq_rate_schedule_at(&plan, MONDAY + 13 * HOUR + HOUR / 2, -5 * HOUR - HOUR / 2, 0)
                    .is_paused);
}

static void plan__times_before_1970__are_hours_of_a_week_too(void **state)
{
    (void)state;
    parse("mon-sun 0-24 pause");
    for (int64_t wall = -400 * HOUR; wall < 400 * HOUR; wall += HOUR / 2)
        assert_true(oq_rate_schedule_at(&plan, wall, 0, 0).is_paused);
}

static void plan__nonsense__is_refused_and_changes_nothing(void **state)
{
    static const char *const texts[] = {
        "mon",           "mon 8",       "mon 8-",
        "mon 8-9",       "mon 8-9 ",    "mon 8-8 5",
        "mon 24-3 5",    "mon 8-25 5",  "mon 8-9 fast",
        "mon 8-9 -1",    "mon,8-9 5",   "mon- 8-9 5",
        "mon-xyz 8-9 5", "8-9 5",       "mon 8-9 5 6",
        "mon 8-9 5,tue", "mon 8.5-9 5", "mon 8-9 100000001",
        "montag 8-9 5",  "mon8-9 5",    "mon 8-9 99999999999999999999",
    };
    (void)state;
    parse("mon 1-2 77");
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        oq_error_init(&err);
        if (oq_rate_schedule_parse(texts[i], &plan, &err) != OQ_E_INVALID_ARG)
            fail_msg("taken: %s", texts[i]);
        assert_string_not_equal(err.text, "");
        assert_int_equal(at(0, 1, 0).bytes_per_s, 77 * 125);
    }
    assert_int_equal(oq_rate_schedule_parse("x", &plan, NULL), OQ_E_INVALID_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan__empty__is_the_general_limit),
        cmocka_unit_test(plan__working_hours__hold_from_and_until),
        cmocka_unit_test(plan__over_midnight_and_the_weeks_end__belongs_to_the_first_day),
        cmocka_unit_test(plan__several_entries_for_one_hour__the_last_counts),
        cmocka_unit_test(plan__time_zone__moves_it),
        cmocka_unit_test(plan__times_before_1970__are_hours_of_a_week_too),
        cmocka_unit_test(plan__nonsense__is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
