/* bucket.c - tokens. Pure. */
#include "oq_token_bucket.h"

#define FULL_S 0.25
#define WAIT_MOST_US 10000000

static void fill(struct oq_token_bucket *bucket, int64_t now_us)
{
    if (now_us > bucket->at_us)
        bucket->tokens += (double)(now_us - bucket->at_us) * (double)bucket->rate / 1e6;
    bucket->at_us = now_us;
    if (bucket->tokens > (double)bucket->rate * FULL_S)
        bucket->tokens = (double)bucket->rate * FULL_S;
}

void oq_token_bucket_init(struct oq_token_bucket *bucket, int64_t now_us, uint64_t bytes_per_s)
{
    *bucket = (struct oq_token_bucket){.rate = bytes_per_s, .at_us = now_us};
}

void oq_token_bucket_set_rate(struct oq_token_bucket *bucket, int64_t now_us, uint64_t bytes_per_s)
{
    if (bytes_per_s == bucket->rate)
        return;
    fill(bucket, now_us);
    bucket->rate = bytes_per_s;
    if (bucket->tokens < -(double)bytes_per_s)
        bucket->tokens = -(double)bytes_per_s;
    fill(bucket, now_us);
}

void oq_token_bucket_take(struct oq_token_bucket *bucket, int64_t now_us, uint64_t bytes)
{
    if (bucket->rate == 0)
        return;
    fill(bucket, now_us);
    bucket->tokens -= (double)bytes;
}

int64_t oq_token_bucket_wait_us(struct oq_token_bucket *bucket, int64_t now_us)
{
    if (bucket->rate == 0)
        return 0;
    fill(bucket, now_us);
    if (bucket->tokens >= 0)
        return 0;
    double wait_us = -bucket->tokens * 1e6 / (double)bucket->rate;
    if (wait_us >= WAIT_MOST_US) { /* what is owed beyond that is forgiven */
        bucket->tokens = -(double)bucket->rate * WAIT_MOST_US / 1e6;
        return WAIT_MOST_US;
    }
    return (int64_t)wait_us + 1;
}
