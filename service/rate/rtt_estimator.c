/* delay.c - when was the byte allowed that has just arrived? Pure. */
#include "oq_rtt_estimator.h"

#include <string.h>

#define SPACING_LEAST_US 200
#define ROUNDING                                                                                   \
    2048u /* a window on the wire is a multiple of up to so much, rounded up (RFC 7323) */
#define PACKET_BYTES 1500u /* nobody sends less than a packet while more is to come */
#define SPACING_SHARE 128  /* marks of one round trip: a quarter of what there is room for */

static unsigned slot(const struct oq_rtt_estimator *delay, unsigned index)
{
    return (delay->first + index) % OQ_RTT_MARKS;
}

/* Notes that the edge has moved. Close in time to the last mark it only moves that one's edge: what
 * it adds then counts as allowed a little too early. */
static void mark(struct oq_rtt_estimator *delay, int64_t now_us)
{
    if (delay->count > 0) {
        unsigned last = slot(delay, delay->count - 1);
        if (now_us - delay->marks[last].at_us < delay->spacing_us) {
            delay->marks[last].edge = delay->edge;
            return;
        }
    }
    if (delay->count == OQ_RTT_MARKS) { /* nobody has sent for ages: the oldest is too old */
        delay->first = (delay->first + 1) % OQ_RTT_MARKS;
        delay->count--;
    }
    unsigned next = slot(delay, delay->count++);
    delay->marks[next].at_us = now_us;
    delay->marks[next].edge = delay->edge;
}

static void move_edge(struct oq_rtt_estimator *delay, int64_t now_us)
{
    if (delay->received + delay->window_bytes <= delay->edge)
        return;
    delay->edge = delay->received + delay->window_bytes;
    mark(delay, now_us);
}

void oq_rtt_estimator_init(struct oq_rtt_estimator *delay, int64_t now_us, uint64_t window_bytes,
                           uint64_t allowed_bytes)
{
    memset(delay, 0, sizeof *delay);
    delay->window_bytes = window_bytes;
    delay->spacing_us = SPACING_LEAST_US;
    delay->edge = delay->blind = allowed_bytes;
    delay->least_us = -1;
    move_edge(delay, now_us);
}

void oq_rtt_estimator_restart_at(struct oq_rtt_estimator *delay, int64_t now_us,
                                 uint64_t allowed_bytes)
{
    uint64_t window_bytes = delay->window_bytes;
    int64_t spacing_us = delay->spacing_us;
    unsigned surprises = delay->surprises;
    oq_rtt_estimator_init(delay, now_us, window_bytes, allowed_bytes);
    delay->spacing_us = spacing_us;
    delay->surprises = surprises;
}

void oq_rtt_estimator_restart(struct oq_rtt_estimator *delay, int64_t now_us)
{
    oq_rtt_estimator_restart_at(delay, now_us, delay->edge - delay->received);
}

void oq_rtt_estimator_ignore(struct oq_rtt_estimator *delay, uint64_t bytes)
{
    delay->edge += bytes;
    delay->blind = delay->edge;
    delay->count = 0;
}

void oq_rtt_estimator_set_window(struct oq_rtt_estimator *delay, int64_t now_us,
                                 uint64_t window_bytes)
{
    delay->window_bytes = window_bytes;
    move_edge(delay, now_us);
}

void oq_rtt_estimator_receive(struct oq_rtt_estimator *delay, int64_t now_us, int64_t since_us,
                              uint64_t bytes)
{
    if (bytes == 0)
        return;
    delay->received += bytes;
    uint64_t sure = delay->received > ROUNDING ? delay->received - ROUNDING : 0;
    while (delay->count > 1 && delay->marks[delay->first].edge < sure) {
        delay->first = (delay->first + 1) % OQ_RTT_MARKS;
        delay->count--;
    }
    /* What seems to have been allowed by this very reading came together with what allowed it. */
    if (sure > delay->blind && delay->count > 0 && delay->marks[delay->first].edge >= sure &&
        delay->marks[delay->first].at_us < since_us) {
        int64_t trip_us = now_us - delay->marks[delay->first].at_us;
        if (trip_us < 0)
            trip_us = 0;
        if (delay->least_us < 0 || trip_us < delay->least_us)
            delay->least_us = trip_us;
        delay->spacing_us = trip_us / SPACING_SHARE;
        if (delay->spacing_us < SPACING_LEAST_US)
            delay->spacing_us = SPACING_LEAST_US;
    }
    if (delay->edge < sure) {
        /* More came than the model has allowed: it knows nothing for the time of another window. */
        delay->edge = delay->blind = delay->received + delay->window_bytes;
        delay->count = 0;
        delay->least_us = -1;
        delay->surprises++;
    }
    move_edge(delay, since_us);
}

int64_t oq_rtt_estimator_take_us(struct oq_rtt_estimator *delay)
{
    int64_t least_us = delay->least_us;
    delay->least_us = -1;
    return least_us;
}

int64_t oq_rtt_estimator_pending_us(const struct oq_rtt_estimator *delay, int64_t now_us)
{
    if (delay->received < delay->blind)
        return 0;
    for (unsigned i = 0; i < delay->count; i++) {
        unsigned at = slot(delay, i);
        if (delay->marks[at].edge >= delay->received + PACKET_BYTES)
            return now_us > delay->marks[at].at_us ? now_us - delay->marks[at].at_us : 0;
    }
    return 0;
}
