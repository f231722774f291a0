/* test_clock.c - service/base/clock.c */
#include "test_unit.h"

#include "oq_clock.h"

#include <time.h>

static void format_wall__known_times__read_as_utc(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {INT64_C(951782399999), "2000-02-28T23:59:59.999Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(951868800000), "2000-03-01T00:00:00.000Z"},
        {INT64_C(1769903999123), "2026-01-31T23:59:59.123Z"},
        {INT64_C(1709164800000), "2024-02-29T00:00:00.000Z"},
        {INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
        {INT64_C(4107542399999), "2100-02-28T23:59:59.999Z"}, /* 2100 is no leap year */
        {INT64_C(-11644473600000), "1601-01-01T00:00:00.000Z"},
        {INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {INT64_C(253402300800000), "10000-01-01T00:00:00.000Z"},
        {INT64_MAX, "292278994-08-17T07:12:55.807Z"},
        {INT64_MIN, "-292275055-05-16T16:47:04.192Z"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[32];
        memset(text, 0x5a, sizeof text);
        oq_clock_format_wall(cases[i].wall_ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void format_wall__every_day_of_400_years__agrees_with_gmtime(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 146097; day++) {
        char ours[32], theirs[32];
        time_t seconds = (time_t)(day * 86400 + day % 86400);
        oq_clock_format_wall((int64_t)seconds * 1000, ours);
        struct tm *tm = gmtime(&seconds);
        assert_non_null(tm);
        strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%S.000Z", tm);
        assert_string_equal(ours, theirs);
    }
}

static void system_mono__read_often__never_goes_back_and_moves(void **state)
{
    (void)state;
    const struct oq_clock *clock = oq_clock_system();
    int64_t first = oq_clock_mono_ms(clock), last = first;
    while (last - first < 20) { /* ends only if time passes */
        int64_t now = oq_clock_mono_ms(clock);
        assert_true(now >= last);
        last = now;
    }
}

static void system_mono__20_ms__are_20_ms_of_wall_time(void **state)
{
    (void)state;
    const struct oq_clock *clock = oq_clock_system();
    /* Proves the unit, not the precision; the wall clock may be set meanwhile, hence three tries.
     */
    for (int try = 0; try < 3; try++) {
        int64_t mono = oq_clock_mono_ms(clock), wall = oq_clock_wall_ms(clock);
        while (oq_clock_mono_ms(clock) - mono < 50)
            ;
        int64_t passed = oq_clock_wall_ms(clock) - wall;
        if (passed >= 45 && passed < 5000)
            return;
    }
    fail_msg("monotonic and wall time run at different speeds");
}

static void system_wall__now__agrees_with_time(void **state)
{
    (void)state;
    int64_t ours = oq_clock_wall_ms(oq_clock_system()) / 1000;
    int64_t theirs = (int64_t)time(NULL);
    assert_true(ours >= theirs - 5 && ours <= theirs + 5);
}

static int64_t turned_mono(void *ctx)
{
    return *(int64_t *)ctx;
}

static int64_t turned_wall(void *ctx)
{
    return *(int64_t *)ctx + 1000;
}

static void clock__of_a_test__is_asked_with_its_context(void **state)
{
    (void)state;
    int64_t now = 42;
    const struct oq_clock clock = {.mono_ms = turned_mono, .wall_ms = turned_wall, .ctx = &now};
    assert_int_equal(oq_clock_mono_ms(&clock), 42);
    assert_int_equal(oq_clock_wall_ms(&clock), 1042);
    now = 43;
    assert_int_equal(oq_clock_mono_ms(&clock), 43);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_wall__known_times__read_as_utc),
        cmocka_unit_test(format_wall__every_day_of_400_years__agrees_with_gmtime),
        cmocka_unit_test(system_mono__read_often__never_goes_back_and_moves),
        cmocka_unit_test(system_mono__20_ms__are_20_ms_of_wall_time),
        cmocka_unit_test(system_wall__now__agrees_with_time),
        cmocka_unit_test(clock__of_a_test__is_asked_with_its_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
