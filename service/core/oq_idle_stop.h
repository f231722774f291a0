/* oq_idle_stop.h - whether a service that nobody needs has been so for long enough to stop itself.
 *
 * Pure: what was seen and the time are arguments. Whoever looks is not told of what comes and goes
 * between two looks, hence the count of arrivals: a client who came and left meanwhile begins the
 * time anew as one who is still there does.
 */
#ifndef OQ_IDLE_STOP_H
#define OQ_IDLE_STOP_H

#include "oq_status.h"

/* What somebody saw who looked. */
struct oq_idle_look {
    bool has_work;     /* a group runs, or would if it could */
    uint32_t clients;  /* objects, locks and callbacks that clients hold or have left */
    uint64_t arrivals; /* objects made for clients, since the start */
};

/* Since when nobody needs it; all zero at the start. */
struct oq_idle_stop {
    bool is_idle;
    uint64_t arrivals;
    int64_t since_ms; /* of the same clock as now_ms */
};

/* A service is started for somebody, whose activation takes its time: until the first has come,
 * shorter limits are as long as this. */
#define OQ_IDLE_STOP_GRACE_MS 60000

/* Takes a look into account. True when nobody has needed the service for limit_ms; limit_ms 0:
 * never. */
bool oq_idle_stop_is_due(struct oq_idle_stop *stop, const struct oq_idle_look *look,
                         int64_t limit_ms, int64_t now_ms);

/* How long to wait before the next look: a quarter of the limit, but neither so short that looking
 * is work nor longer than a minute. */
int64_t oq_idle_stop_look_ms(int64_t limit_ms);

#endif
