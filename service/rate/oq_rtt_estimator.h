/* oq_rtt_estimator.h - the RTT of a connection whose sender is limited by our receive window.
 *
 * A receiver that sees no packets can still measure: a byte is sent only once a window has
 * advertised it, so the time from advertising a byte to receiving it is one RTT. It is the
 * receiver's side of LEDBAT (RFC 9840) without time stamps: the rule "RTT = window / goodput", made
 * exact while the window changes. For a sender that is limited by something else (its own window,
 * its disk) the result is too long: see oq_window_controller.h for how it is used.
 *
 * It errs on one side only, since the shortest of several results is used: whatever delays us (the
 * processor is busy) makes a result too long, never too short. So a byte counts as received as
 * late as we saw it, and as advertised as early as it can have been.
 *
 * Pure: a plain value, no allocation; time is an argument, in microseconds of a monotonic clock.
 */
#ifndef OQ_RTT_ESTIMATOR_H
#define OQ_RTT_ESTIMATOR_H

#include "oq_status.h"

#define OQ_RTT_MARKS 512
#define OQ_RTT_PACKET_BYTES 1500u /* no sender sends less while it has more */

struct oq_rtt_estimator {
    struct {
        int64_t at_us;
        uint64_t edge; /* bytes up to here were advertised then, and not before */
    } marks[OQ_RTT_MARKS];
    unsigned first, count;
    uint64_t received; /* bytes so far */
    uint64_t edge;     /* bytes advertised so far: it never falls */
    uint64_t window_bytes;
    uint64_t blind;           /* bytes up to here were advertised at an unknown time */
    int64_t spacing_us;       /* least time between two marks */
    int64_t least_us;         /* shortest RTT since the last oq_rtt_estimator_take_us; -1 = none */
    unsigned over_deliveries; /* how often more arrived than was advertised */
};

/* A connection with the window it has now. `advertised_bytes` were advertised before, at an unknown
 * time: they give no RTT. */
void oq_rtt_estimator_init(struct oq_rtt_estimator *rtt, int64_t now_us, uint64_t window_bytes,
                           uint64_t advertised_bytes);
/* The window has been set. A smaller one takes effect as bytes arrive: what was advertised stays
 * advertised. */
void oq_rtt_estimator_set_window(struct oq_rtt_estimator *rtt, int64_t now_us,
                                 uint64_t window_bytes);
/* Bytes have been read from the system, not before since_us: what that advertises counts from then.
 * */
void oq_rtt_estimator_receive(struct oq_rtt_estimator *rtt, int64_t now_us, int64_t since_us,
                              uint64_t bytes);
/* Besides what was advertised already, the next `bytes` give no RTT. */
void oq_rtt_estimator_ignore(struct oq_rtt_estimator *rtt, uint64_t bytes);
/* Forgets everything but the window and what it has advertised: after a pause, or a sleep of the
 * machine. */
void oq_rtt_estimator_restart(struct oq_rtt_estimator *rtt, int64_t now_us);
/* The same, with what was advertised and has not been read yet. */
void oq_rtt_estimator_restart_at(struct oq_rtt_estimator *rtt, int64_t now_us,
                                 uint64_t advertised_bytes);

/* Shortest RTT of what has arrived since the last call; -1 if there is none. */
int64_t oq_rtt_estimator_take_us(struct oq_rtt_estimator *rtt);
/* How long the next byte has been advertised without arriving: the RTT is at least that. */
int64_t oq_rtt_estimator_pending_us(const struct oq_rtt_estimator *rtt, int64_t now_us);

#endif
