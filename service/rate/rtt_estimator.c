/* rtt_estimator.c - when was the byte advertised that has just arrived? Pure. */
#include "oq_rtt_estimator.h"

#include <string.h>

#define SPACING_LEAST_US 200
/* A window on the wire is a multiple of up to so much, rounded up (RFC 7323). */
#define ROUNDING 2048u
#define SPACING_SHARE 128 /* marks per RTT: a quarter of the room */

static unsigned slot(const struct oq_rtt_estimator *rtt, unsigned index)
{
    return (rtt->first + index) % OQ_RTT_MARKS;
}

/* Records that the edge has moved. Close in time to the last mark it only moves that one's edge:
 * what it adds counts as advertised a little too early. */
static void mark(struct oq_rtt_estimator *rtt, int64_t now_us)
{
    if (rtt->count > 0) {
        unsigned last = slot(rtt, rtt->count - 1);
        if (now_us - rtt->marks[last].at_us < rtt->spacing_us) {
            rtt->marks[last].edge = rtt->edge;
            return;
        }
    }
    if (rtt->count == OQ_RTT_MARKS) { /* the sender is silent: the oldest is too old */
        rtt->first = (rtt->first + 1) % OQ_RTT_MARKS;
        rtt->count--;
    }
    unsigned next = slot(rtt, rtt->count++);
    rtt->marks[next].at_us = now_us;
    rtt->marks[next].edge = rtt->edge;
}

static void move_edge(struct oq_rtt_estimator *rtt, int64_t now_us)
{
    if (rtt->received + rtt->window_bytes <= rtt->edge)
        return;
    rtt->edge = rtt->received + rtt->window_bytes;
    mark(rtt, now_us);
}

void oq_rtt_estimator_init(struct oq_rtt_estimator *rtt, int64_t now_us, uint64_t window_bytes,
                           uint64_t advertised_bytes)
{
    memset(rtt, 0, sizeof *rtt);
    rtt->window_bytes = window_bytes;
    rtt->spacing_us = SPACING_LEAST_US;
    rtt->edge = rtt->blind = advertised_bytes;
    rtt->least_us = -1;
    move_edge(rtt, now_us);
}

void oq_rtt_estimator_restart_at(struct oq_rtt_estimator *rtt, int64_t now_us,
                                 uint64_t advertised_bytes)
{
    uint64_t window_bytes = rtt->window_bytes;
    int64_t spacing_us = rtt->spacing_us;
    unsigned over_deliveries = rtt->over_deliveries;
    oq_rtt_estimator_init(rtt, now_us, window_bytes, advertised_bytes);
    rtt->spacing_us = spacing_us;
    rtt->over_deliveries = over_deliveries;
}

void oq_rtt_estimator_restart(struct oq_rtt_estimator *rtt, int64_t now_us)
{
    oq_rtt_estimator_restart_at(rtt, now_us, rtt->edge - rtt->received);
}

void oq_rtt_estimator_ignore(struct oq_rtt_estimator *rtt, uint64_t bytes)
{
    rtt->edge += bytes;
    rtt->blind = rtt->edge;
    rtt->count = 0;
}

void oq_rtt_estimator_set_window(struct oq_rtt_estimator *rtt, int64_t now_us,
                                 uint64_t window_bytes)
{
    rtt->window_bytes = window_bytes;
    move_edge(rtt, now_us);
}

void oq_rtt_estimator_receive(struct oq_rtt_estimator *rtt, int64_t now_us, int64_t since_us,
                              uint64_t bytes)
{
    if (bytes == 0)
        return;
    rtt->received += bytes;
    uint64_t sure = rtt->received > ROUNDING ? rtt->received - ROUNDING : 0;
    while (rtt->count > 1 && rtt->marks[rtt->first].edge < sure) {
        rtt->first = (rtt->first + 1) % OQ_RTT_MARKS;
        rtt->count--;
    }
    /* A byte that this reading itself advertised arrived with it: it says nothing. */
    if (sure > rtt->blind && rtt->count > 0 && rtt->marks[rtt->first].edge >= sure &&
        rtt->marks[rtt->first].at_us < since_us) {
        int64_t rtt_us = now_us - rtt->marks[rtt->first].at_us;
        if (rtt_us < 0)
            rtt_us = 0;
        if (rtt->least_us < 0 || rtt_us < rtt->least_us)
            rtt->least_us = rtt_us;
        rtt->spacing_us = rtt_us / SPACING_SHARE;
        if (rtt->spacing_us < SPACING_LEAST_US)
            rtt->spacing_us = SPACING_LEAST_US;
    }
    if (rtt->edge < sure) {
        /* Over-delivery: the model is void for the time of another window. */
        rtt->edge = rtt->blind = rtt->received + rtt->window_bytes;
        rtt->count = 0;
        rtt->least_us = -1;
        rtt->over_deliveries++;
    }
    move_edge(rtt, since_us);
}

int64_t oq_rtt_estimator_take_us(struct oq_rtt_estimator *rtt)
{
    int64_t least_us = rtt->least_us;
    rtt->least_us = -1;
    return least_us;
}

int64_t oq_rtt_estimator_pending_us(const struct oq_rtt_estimator *rtt, int64_t now_us)
{
    if (rtt->received < rtt->blind)
        return 0;
    for (unsigned i = 0; i < rtt->count; i++) {
        unsigned at = slot(rtt, i);
        if (rtt->marks[at].edge >= rtt->received + OQ_RTT_PACKET_BYTES)
            return now_us > rtt->marks[at].at_us ? now_us - rtt->marks[at].at_us : 0;
    }
    return 0;
}
