/* oq_rtt_estimator.h - the RTT of a connection whose sender is held back by our receive window.
 *
 * A receiver that sees no packets can still measure: a byte may be sent only once a window has
 * allowed it, so the time between allowing a byte and its arrival is one round trip. It is the
 * receiver's side of LEDBAT (RFC 9840) without time stamps, and the rule "round trip = window /
 * goodput" sharpened so that it stays true while the window changes. For a sender that is held back
 * by something else (its own window, its disk) the result is too long: see oq_window_controller.h
 * for what is made of it.
 *
 * It errs on one side only, for the shortest of several results is what is made use of: whatever
 * delays us - another program has the processor - makes a result too long, never too short. So an
 * arrival counts as late as we saw it, and a byte as allowed as early as it can have been.
 *
 * Pure: a plain value, no allocation; time is an argument, in microseconds of a monotonic clock.
 */
#ifndef OQ_RTT_ESTIMATOR_H
#define OQ_RTT_ESTIMATOR_H

#include "oq_status.h"

#define OQ_RTT_MARKS 512

struct oq_rtt_estimator {
    struct {
        int64_t at_us;
        uint64_t edge; /* bytes up to here were allowed at that time, and not before */
    } marks[OQ_RTT_MARKS];
    unsigned first, count;
    uint64_t received; /* bytes so far */
    uint64_t edge;     /* bytes the sender may have sent so far: it never falls */
    uint64_t window_bytes;
    uint64_t blind;     /* bytes up to here were allowed at an unknown time */
    int64_t spacing_us; /* least time between two marks */
    int64_t least_us;   /* shortest round trip since the last oq_rtt_estimator_take; -1 = none */
    unsigned surprises; /* how often more came than had been allowed */
};

/* A connection with the window it has now. Its sender may have been allowed `allowed_bytes` before,
 * nobody knows when: of these nothing is learned. */
void oq_rtt_estimator_init(struct oq_rtt_estimator *delay, int64_t now_us, uint64_t window_bytes,
                           uint64_t allowed_bytes);
/* The window has been set. A smaller one takes effect as bytes arrive, because what was allowed
 * stays allowed. */
void oq_rtt_estimator_set_window(struct oq_rtt_estimator *delay, int64_t now_us,
                                 uint64_t window_bytes);
/* So many bytes have been read from the system, not before since_us: what that allows counts from
 * then. */
void oq_rtt_estimator_receive(struct oq_rtt_estimator *delay, int64_t now_us, int64_t since_us,
                              uint64_t bytes);
/* Of `bytes` to come nothing is learned, besides what was allowed already. */
void oq_rtt_estimator_ignore(struct oq_rtt_estimator *delay, uint64_t bytes);
/* Forgets everything but the window and what it has allowed: after a pause of our own, a sleep of
 * the machine. */
void oq_rtt_estimator_restart(struct oq_rtt_estimator *delay, int64_t now_us);
/* The same, but it is known what was allowed and has not been read yet. */
void oq_rtt_estimator_restart_at(struct oq_rtt_estimator *delay, int64_t now_us,
                                 uint64_t allowed_bytes);

/* Shortest round trip of what has arrived since the last call, and begins anew; -1 if nothing has.
 */
int64_t oq_rtt_estimator_take_us(struct oq_rtt_estimator *delay);
/* How long the next byte has been allowed without arriving: the round trip is at least that. */
int64_t oq_rtt_estimator_pending_us(const struct oq_rtt_estimator *delay, int64_t now_us);

#endif
