/* test_retry.c - service/core/retry.c */
#include "test_unit.h"

#include "oq_retry.h"

#define NO_RETRY_AFTER (-1)
#define DAY_MS INT64_C(86400000)

static struct oq_config config;

static int set_up(void **state)
{
    (void)state;
    oq_config_init(&config);
    return 0;
}

/* Smallest and largest delay over many random numbers, and their mean. */
struct spread {
    int64_t least, most, mean;
};

static struct spread sample(uint32_t attempt)
{
    struct spread got = {INT64_MAX, 0, 0};
    uint64_t random = 88172645463325252ull;
    const int64_t rounds = 20000;
    for (int64_t i = 0; i < rounds; i++) {
        random ^= random << 13; /* xorshift64 */
        random ^= random >> 7;
        random ^= random << 17;
        int64_t delay = oq_retry_delay_ms(&config, attempt, NO_RETRY_AFTER, random);
        got.least = delay < got.least ? delay : got.least;
        got.most = delay > got.most ? delay : got.most;
        got.mean += delay;
    }
    got.mean /= rounds;
    return got;
}

static void delay__attempts__double_up_to_the_longest_within_a_quarter(void **state)
{
    (void)state;
    static const struct {
        uint32_t attempt;
        int64_t middle_ms;
    } cases[] = {{0, 5000},    {1, 5000},    {2, 10000},     {3, 20000},
                 {4, 40000},   {5, 80000},   {6, 160000},    {7, 320000},
                 {8, 600000},  {9, 600000},  {10, 600000},   {64, 600000},
                 {65, 600000}, {66, 600000}, {1000, 600000}, {UINT32_MAX, 600000}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct spread got = sample(cases[i].attempt);
        int64_t middle = cases[i].middle_ms, close = middle / 50;
        assert_true(got.least >= middle * 3 / 4 && got.least < middle * 3 / 4 + close);
        assert_true(got.most <= middle * 5 / 4 && got.most > middle * 5 / 4 - close);
        assert_true(got.mean > middle - close && got.mean < middle + close);
    }
}

static void delay__random_extremes__stay_within_bounds(void **state)
{
    (void)state;
    static const uint64_t randoms[] = {
        0, 1, 2499, 2500, 2501, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < COUNT_OF(randoms); i++)
        for (uint32_t attempt = 0; attempt < 100; attempt++) {
            int64_t delay = oq_retry_delay_ms(&config, attempt, NO_RETRY_AFTER, randoms[i]);
            assert_true(delay >= 3750 && delay <= 750000);
        }
}

/* 5 s: the spread is 2,501 values, from 3,750 to 6,250. */
static void delay__random__reaches_both_ends_of_the_spread(void **state)
{
    (void)state;
    assert_int_equal(oq_retry_delay_ms(&config, 1, NO_RETRY_AFTER, 0), 3750);
    assert_int_equal(oq_retry_delay_ms(&config, 1, NO_RETRY_AFTER, 2500), 6250);
    assert_int_equal(oq_retry_delay_ms(&config, 1, NO_RETRY_AFTER, 2501), 3750);
}

static void delay__any_configuration__stays_within_a_quarter(void **state)
{
    (void)state;
    static const int64_t ends[] = {100, 101, 5000, 86399999, 86400000};
    for (size_t f = 0; f < COUNT_OF(ends); f++)
        for (size_t l = 0; l < COUNT_OF(ends); l++) {
            config.retry_first_ms = ends[f];
            config.retry_longest_ms = ends[l];
            int64_t longest = ends[f] > ends[l]
                                  ? ends[f]
                                  : ends[l]; /* the first delay wins over a shorter longest */
            for (uint32_t attempt = 1; attempt < 70; attempt++) {
                int64_t least = oq_retry_delay_ms(&config, attempt, NO_RETRY_AFTER, 0);
                assert_true(least >= ends[f] * 3 / 4);
                int64_t most = oq_retry_delay_ms(&config, attempt, NO_RETRY_AFTER, UINT64_MAX);
                assert_true(most <= longest * 5 / 4);
            }
        }
}

static void delay__retry_after__replaces_it_within_its_limits(void **state)
{
    (void)state;
    static const struct {
        int64_t retry_after_ms, delay_ms;
    } cases[] = {
        {0, 5000},           {1, 5000},
        {4999, 5000},        {5000, 5000},
        {5001, 5001},        {700000, 700000}, /* above the longest own delay */
        {DAY_MS, DAY_MS},    {DAY_MS + 1, DAY_MS},
        {INT64_MAX, DAY_MS},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (uint32_t attempt = 1; attempt < 20; attempt += 6)
            assert_int_equal(oq_retry_delay_ms(&config, attempt, cases[i].retry_after_ms, 12345),
                             cases[i].delay_ms);
    config.retry_after_limit_ms = 0; /* never honoured: but never below the first delay either */
    assert_int_equal(oq_retry_delay_ms(&config, 1, 3600000, 0), 5000);
}

static void is_hopeless__time_without_progress__decides(void **state)
{
    (void)state;
    const int64_t limit = 14 * DAY_MS, since = 1000 * DAY_MS;
    assert_false(
        oq_retry_is_hopeless(&config, 0, since + 100 * limit)); /* no transient error yet */
    assert_false(oq_retry_is_hopeless(&config, since, since));
    assert_false(oq_retry_is_hopeless(&config, since, since + limit - 1));
    assert_true(oq_retry_is_hopeless(&config, since, since + limit));
    assert_true(oq_retry_is_hopeless(&config, since, since + 100 * limit));
}

static void is_hopeless__clock_set_back__is_not(void **state)
{
    (void)state;
    assert_false(oq_retry_is_hopeless(&config, 1000 * DAY_MS, 0));
    assert_false(oq_retry_is_hopeless(&config, 1000 * DAY_MS, INT64_MIN));
    assert_false(oq_retry_is_hopeless(&config, -1, INT64_MAX)); /* does not fit: no overflow */
}

static void is_hopeless__no_retries_wanted__is_so_at_once(void **state)
{
    (void)state;
    config.no_progress_ms = 0;
    assert_true(oq_retry_is_hopeless(&config, 1000 * DAY_MS, 1000 * DAY_MS));
    assert_true(oq_retry_is_hopeless(&config, 1000 * DAY_MS, 0));
    assert_false(oq_retry_is_hopeless(&config, 0, 1000 * DAY_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(delay__attempts__double_up_to_the_longest_within_a_quarter, set_up),
        cmocka_unit_test_setup(delay__random_extremes__stay_within_bounds, set_up),
        cmocka_unit_test_setup(delay__random__reaches_both_ends_of_the_spread, set_up),
        cmocka_unit_test_setup(delay__any_configuration__stays_within_a_quarter, set_up),
        cmocka_unit_test_setup(delay__retry_after__replaces_it_within_its_limits, set_up),
        cmocka_unit_test_setup(is_hopeless__time_without_progress__decides, set_up),
        cmocka_unit_test_setup(is_hopeless__clock_set_back__is_not, set_up),
        cmocka_unit_test_setup(is_hopeless__no_retries_wanted__is_so_at_once, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
