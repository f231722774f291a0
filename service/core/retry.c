/* retry.c - delays between attempts. Pure. */
#include "oq_retry.h"

int64_t oq_retry_delay_ms(const struct oq_config *config, uint32_t attempt, int64_t retry_after_ms,
                          uint64_t random)
{
    int64_t first_ms = config->retry_first_ms;
    if (retry_after_ms >= 0) {
        int64_t delay_ms = retry_after_ms;
        if (delay_ms > config->retry_after_limit_ms)
            delay_ms = config->retry_after_limit_ms;
        return delay_ms < first_ms ? first_ms : delay_ms;
    }

    /* A longest delay below the first one is a matter of configuration, not of arithmetic: the
     * first one wins. */
    int64_t longest_ms = config->retry_longest_ms > first_ms ? config->retry_longest_ms : first_ms;
    int64_t delay_ms = first_ms;
    for (uint32_t i = 1; i < attempt && delay_ms < longest_ms; i++)
        delay_ms = delay_ms > longest_ms / 2 ? longest_ms : delay_ms * 2;

    uint64_t spread_ms = (uint64_t)delay_ms / 2;
    return delay_ms - (int64_t)(spread_ms / 2) + (int64_t)(random % (spread_ms + 1));
}

bool oq_retry_is_hopeless(const struct oq_config *config, int64_t no_progress_since_ms,
                          int64_t now_wall_ms)
{
    if (no_progress_since_ms == 0)
        return false;
    if (config->no_progress_ms == 0)
        return true;
    int64_t passed_ms;
    if (__builtin_sub_overflow(now_wall_ms, no_progress_since_ms, &passed_ms))
        return false; /* a clock set by centuries proves nothing */
    return passed_ms >= config->no_progress_ms;
}
