/* oq_pace.h - the window of one background connection: as much as nobody else wants.
 *
 * The rule is one line: window = what arrives per second x (shortest round trip + a few ms). If the
 * queue on the way is longer than those few ms, the window shrinks in proportion, if it is shorter
 * it grows (FAST TCP's law, on the receiver's side as in Key, Massoulie and Wang 2004). Around it:
 *
 *   OPEN   the rule holds. Every 15 s a DIP: half the window for two round trips, during which the
 *          base is learned again (LEDBAT++ calls it a slow-down).
 *   YIELD  the queue is long and it is not ours: less arrives than before, or it stays although the
 *          window was cut to what would leave it empty. The floor until the queue has gone.
 *   RAMP   then half of the former rate, then nine tenths, then OPEN; at the very beginning, with
 *          no former rate, doubling.
 *
 * The few ms shrink with the cube root of the rate, so that of two that compete the slower one has
 * the longer goal, and they come to equal shares.
 *
 * Pure: a plain value; time is an argument, in microseconds of a monotonic clock. oq_pace_step is
 * to be called at least every 50 ms.
 */
#ifndef OQ_PACE_H
#define OQ_PACE_H

#include "oq_delay.h"

#define OQ_PACE_WINDOW_LEAST 4096u   /* 4 KB measured: leaves a foreign flow 97.6 % */
#define OQ_PACE_WINDOW_MOST 4000000u /* 200 Mbit/s at 150 ms */
#define OQ_PACE_WINDOW_FIRST 16384u
#define OQ_PACE_STEPS 64

enum oq_pace_mode { OQ_PACE_RAMP, OQ_PACE_OPEN, OQ_PACE_DIP, OQ_PACE_YIELD, OQ_PACE_MODE_COUNT };

struct oq_pace {
    struct oq_delay delay;
    enum oq_pace_mode mode;
    double factor; /* see oq_pace_init */
    double window; /* bytes, as the system really gives it */
    /* What was measured; times in ms, 0 = not yet. */
    double base_ms, trip_ms; /* mean of what arrived in the last round trip */
    double step_trip_ms;     /* of the last step; below 0 = nothing came */
    double rate;             /* bytes per ms over the last round trip */
    double rate_high;        /* its maximum of late; what RAMP goes back to */
    struct {
        int64_t at_us;
        uint64_t received;
        double sum_ms, weight; /* round trips of single arrivals, weighted by bytes */
    } steps[OQ_PACE_STEPS];
    unsigned step_first, step_count;
    int64_t step_us;    /* time of the last step */
    int64_t arrived_us; /* last time anything came in */
    int64_t changed_us; /* last change of the window that has to show its effect */
    int64_t over_us;    /* since when the queue is long; 0 = it is not */
    int64_t under_us;   /* YIELD: since when it is short */
    int64_t yield_us;   /* begin of YIELD */
    int64_t dip_us;     /* begin of DIP, or of the next one */
    unsigned dip_count;
    double dip_least_ms;            /* shortest round trip in this dip */
    double dip_window, dip_base_ms; /* before it */
    unsigned ramp_stage;
    int64_t hold_us; /* OPEN: the window stays until then */
    double gain;     /* OPEN: how much faster than by the rule the window grows */
    /* YIELD: shortest and longest round trip, to tell a longer way from a long queue. */
    double yield_least_ms, yield_most_ms;
    int64_t yield_spread_us;
};

/* What one step has to know besides the connection's own bytes. */
struct oq_pace_input {
    double own_rate;   /* bytes per ms of all our background connections on the interface; 0: only
                          this one's */
    unsigned sharers;  /* how many those are, this one included */
    double floor_rate; /* bytes per ms that this one gets in any case */
    double capacity;   /* bytes per ms, the most ever seen on the interface; 0 = not known */
    double rate_most;  /* bytes per ms that this one may have, by policy or for the sake of others
                          on this machine; 0 = no limit */
    bool must_yield;   /* somebody on this machine wants the link */
    bool is_held;      /* we have not read although there was something: nothing can be learned */
};

/* A connection begins; `base_ms` is what is known of its round trip (the TCP handshake, earlier
 * connections to the host), 0 = nothing; allowed_bytes: see oq_delay_init. `factor`: how much
 * larger the window is that the system gives than the one it is asked for (Linux 6: 1.27 to 1.3,
 * measured; Windows: 1). It has to be known well: with one that is too small bytes arrive that were
 * never allowed, with one that is too large every burst seems to be late. */
void oq_pace_init(struct oq_pace *pace, int64_t now_us, double base_ms, uint64_t allowed_bytes,
                  double factor);
void oq_pace_receive(struct oq_pace *pace, int64_t now_us, uint64_t bytes);
/* Decides; returns the window in bytes. */
uint64_t oq_pace_step(struct oq_pace *pace, int64_t now_us, const struct oq_pace_input *input);
/* A round trip measured by other means (a TCP handshake just now). Only a lower base is learned. */
void oq_pace_hint_base(struct oq_pace *pace, double base_ms);

/* Queue of others and our own in ms, as far as known. */
double oq_pace_queue_ms(const struct oq_pace *pace);

#endif
