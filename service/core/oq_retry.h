/* oq_retry.h - how long to wait before the next attempt (contract 0.1, A.1).
 *
 * Pure: time and randomness are arguments.
 */
#ifndef OQ_RETRY_H
#define OQ_RETRY_H

#include "oq_config.h"

/* Delay before attempt number `attempt` (1 = first retry): retry_first_ms doubled each time up to
 * retry_longest_ms, and then spread evenly over 75..125 % by `random` so that many clients do not
 * return together. A Retry-After of the server (retry_after_ms >= 0) replaces it, up to
 * retry_after_limit_ms and never below retry_first_ms. */
int64_t oq_retry_delay_ms(const struct oq_config *config, uint32_t attempt, int64_t retry_after_ms,
                          uint64_t random);

/* Has the group gone without progress for too long? since_ms 0 = no transient error yet: false. */
bool oq_retry_is_hopeless(const struct oq_config *config, int64_t no_progress_since_ms,
                          int64_t now_wall_ms);

#endif
