/* test_bucket.c - service/core/bucket.c */
#include "test_unit.h"

#include "oq_token_bucket.h"

#define S INT64_C(1000000)

static struct oq_token_bucket bucket;

/* Reads pieces whenever the bucket lets it; bytes in that time. */
static uint64_t read_for(int64_t *now_us, int64_t time_us, uint64_t piece)
{
    uint64_t bytes = 0;
    int64_t end_us = *now_us + time_us;
    while (*now_us < end_us) {
        int64_t wait_us = oq_token_bucket_wait_us(&bucket, *now_us);
        if (wait_us == 0) {
            oq_token_bucket_take(&bucket, *now_us, piece);
            bytes += piece;
        }
        *now_us += wait_us > 0 ? wait_us : 1;
    }
    return bytes;
}

static void bucket__eager_reader__gets_the_rate(void **state)
{
    static const uint64_t rates[] = {4000, 100000, 12500000};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        int64_t now = 77;
        oq_token_bucket_init(&bucket, now, rates[i]);
        uint64_t bytes = read_for(&now, 20 * S, 1460);
        assert_true(bytes > rates[i] * 20 * 97 / 100 && bytes < rates[i] * 20 * 103 / 100);
    }
}

static void bucket__no_limit__never_waits(void **state)
{
    (void)state;
    oq_token_bucket_init(&bucket, 0, 0);
    oq_token_bucket_take(&bucket, 1, UINT64_MAX / 2);
    assert_int_equal(oq_token_bucket_wait_us(&bucket, 2), 0);
}

static void bucket__unused__saves_up_a_quarter_of_a_second(void **state)
{
    int64_t now = 0;
    (void)state;
    oq_token_bucket_init(&bucket, now, 100000);
    now = 3600 * S;
    assert_int_equal(oq_token_bucket_wait_us(&bucket, now), 0);
    oq_token_bucket_take(&bucket, now, 25000);
    assert_int_equal(oq_token_bucket_wait_us(&bucket, now), 0);
    oq_token_bucket_take(&bucket, now, 10000);
    int64_t wait = oq_token_bucket_wait_us(&bucket, now);
    assert_true(wait >= S / 10 && wait <= S / 10 + 2);
}

static void bucket__large_debt__waits_ten_seconds_at_most(void **state)
{
    (void)state;
    oq_token_bucket_init(&bucket, 0, 1000);
    oq_token_bucket_take(&bucket, 0, 500000);
    assert_int_equal(oq_token_bucket_wait_us(&bucket, 0), 10 * S);
    assert_int_equal(oq_token_bucket_wait_us(&bucket, 10 * S + 1), 0);
}

static void bucket__rate_changes__debt_is_of_the_new_rate(void **state)
{
    (void)state;
    oq_token_bucket_init(&bucket, 0, 100000);
    oq_token_bucket_take(&bucket, 0, 1000000);
    oq_token_bucket_set_rate(&bucket, 0, 2000);
    assert_true(oq_token_bucket_wait_us(&bucket, 0) <= S + 1);
    oq_token_bucket_set_rate(&bucket, 0, 0);
    assert_int_equal(oq_token_bucket_wait_us(&bucket, 0), 0);
    oq_token_bucket_set_rate(&bucket, 5 * S, 1000000);
    assert_true(oq_token_bucket_wait_us(&bucket, 5 * S) <= S + 1);
}

static void bucket__clock_goes_back__is_no_debt(void **state)
{
    (void)state;
    oq_token_bucket_init(&bucket, 100 * S, 1000);
    assert_int_equal(oq_token_bucket_wait_us(&bucket, 50 * S), 0);
    oq_token_bucket_take(&bucket, 50 * S, 1000);
    assert_true(oq_token_bucket_wait_us(&bucket, 50 * S) <= S + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bucket__eager_reader__gets_the_rate),
        cmocka_unit_test(bucket__no_limit__never_waits),
        cmocka_unit_test(bucket__unused__saves_up_a_quarter_of_a_second),
        cmocka_unit_test(bucket__large_debt__waits_ten_seconds_at_most),
        cmocka_unit_test(bucket__rate_changes__debt_is_of_the_new_rate),
        cmocka_unit_test(bucket__clock_goes_back__is_no_debt),
    };
    return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
