/* oq_token_bucket.h - a token bucket: so many bytes per second on the average, without pauses.
 *
 * Bytes are taken after they have arrived, so the bucket may be in debt; while it is, nobody reads.
 * It holds at most a quarter of a second's tokens: what was not used is not saved up. With 100
 * KB/s: after a second without traffic 25 KB come at once, then a read of 4 KB every 40 ms.
 *
 * Pure: a plain value; time is an argument, in microseconds of a monotonic clock.
 */
#ifndef OQ_TOKEN_BUCKET_H
#define OQ_TOKEN_BUCKET_H

#include "oq_status.h"

/* What keeps a download from full speed. */
enum oq_limit {
    OQ_LIMIT_NONE,
    OQ_LIMIT_OTHERS_HERE, /* other traffic of this computer */
    OQ_LIMIT_OTHERS_LINK, /* other computers use the same link */
    OQ_LIMIT_POLICY,
    OQ_LIMIT_GROUP, /* the group's own limit */
};

struct oq_token_bucket {
    uint64_t rate; /* bytes per second; 0 = no limit */
    double tokens; /* bytes; below 0 = debt */
    int64_t at_us;
};

void oq_token_bucket_init(struct oq_token_bucket *bucket, int64_t now_us, uint64_t bytes_per_s);
/* From now on another rate; a debt becomes one of the new rate, at most a second's. */
void oq_token_bucket_set_rate(struct oq_token_bucket *bucket, int64_t now_us, uint64_t bytes_per_s);
void oq_token_bucket_take(struct oq_token_bucket *bucket, int64_t now_us, uint64_t bytes);
/* How long nothing may be read; 0 = go on. At most 10 s, whatever happened. */
int64_t oq_token_bucket_wait_us(struct oq_token_bucket *bucket, int64_t now_us);

#endif
