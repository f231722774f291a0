/* idle_stop.c - see oq_idle_stop.h. */
#include "oq_idle_stop.h"

#define SHORTEST_MS 50
#define LONGEST_MS 60000

bool oq_idle_stop_is_due(struct oq_idle_stop *stop, const struct oq_idle_look *look,
                         int64_t limit_ms, int64_t now_ms)
{
    bool is_needed = look->has_work || look->clients > 0;
    bool was_idle = stop->is_idle && stop->arrivals == look->arrivals;

    stop->arrivals = look->arrivals;
    stop->is_idle = !is_needed;
    if (is_needed)
        return false;
    if (!was_idle)
        stop->since_ms = now_ms;
    if (limit_ms > 0 && look->arrivals == 0 && limit_ms < OQ_IDLE_STOP_GRACE_MS)
        limit_ms = OQ_IDLE_STOP_GRACE_MS;
    return limit_ms > 0 && now_ms - stop->since_ms >= limit_ms;
}

int64_t oq_idle_stop_look_ms(int64_t limit_ms)
{
    int64_t quarter_ms = limit_ms / 4;

    if (quarter_ms < SHORTEST_MS)
        return SHORTEST_MS;
    return quarter_ms < LONGEST_MS ? quarter_ms : LONGEST_MS;
}
