/* oq_window_controller.h - the receive window of one background connection: rLEDBAT (RFC 9840),
 * the receiver's side of a congestion control that yields to all cross traffic.
 *
 * The rule: window = window x base RTT / RTT + goal x rate. Where the queueing delay exceeds the
 * goal (a few ms) the window shrinks, where it is below it grows (FAST TCP's law, on the receiver's
 * side as in Key, Massoulie and Wang 2004). It never shrinks by more than an eighth per RTT: what
 * was advertised arrives, and the system refuses what does not fit any more. The goal shrinks with
 * the cube root of the rate, so that of two that compete the slower one has the longer goal, and
 * they converge to equal shares. Modes:
 *
 *   SLOW START  first doubling; later, on return, 70 % of the former rate, then 95 %.
 *   STEADY      the rule holds (congestion avoidance).
 *   DRAIN       no reading until the advertised window has arrived (LEDBAT++: slowdown): our own
 *               queue is gone, and the next RTT shows the path without it. When the window that the
 *               connection was made with is used up; every 15 s, to measure the base RTT; and when
 *               the queueing delay is long, to see whether the queue is our own.
 *   YIELD       it is cross traffic's: the floor until the queue has gone. Stop and wait: one
 *               window, then no reading until it has arrived and the floor allows another. The
 *               first byte after each pause is as late as the path and its queue make it, however
 *               slowly the sender sends (BBR, held at the floor, sends slower and slower; the RTT
 *               of a byte in the middle of its window then looks like a queue).
 *
 * The system may not follow the setting of the window. Then more arrives while nothing is read than
 * was advertised; if that happens twice in a row, is_paced: the window is left alone, as large as
 * the system makes it, and reading is the only actuator. A drain every 2 s looks for cross traffic,
 * and YIELD is as above, with the system's whole buffer for a window. Without cross traffic that is
 * an ordinary download.
 *
 * Of the RTTs of the last RTT the shortest counts: a queue makes all of them longer; a busy machine
 * or a delayed acknowledgement only some.
 *
 * Pure: a plain value; time is an argument, in microseconds of a monotonic clock.
 * oq_window_controller_step is to be called at least every 50 ms.
 */
#ifndef OQ_WINDOW_CONTROLLER_H
#define OQ_WINDOW_CONTROLLER_H

#include "oq_rtt_estimator.h"

#define OQ_WINDOW_LEAST 4096u /* 4 KB measured: leaves a foreign flow 97.6 % */
/* What a connection is made with, and so the most that it ever gets: 40 Mbit/s at 100 ms. Linux
 * advertises all of that at once (ss -tim), and never takes it back. */
#define OQ_WINDOW_MOST 524288u
#define OQ_WINDOW_FIRST 16384u
#define OQ_WINDOW_BEGIN 131072u /* before the first drain */
#define OQ_WINDOW_STEPS 64

enum oq_window_mode {
    OQ_WINDOW_SLOW_START,
    OQ_WINDOW_STEADY,
    OQ_WINDOW_DRAIN,
    OQ_WINDOW_YIELD,
    OQ_WINDOW_MODE_COUNT
};

struct oq_window_controller {
    struct oq_rtt_estimator rtt;
    enum oq_window_mode mode;
    double factor; /* see oq_window_controller_init */
    double window; /* bytes that the system really advertises; 0 = the floor */
    /* What was measured; times in ms, 0 = not yet. */
    double base_ms, rtt_ms; /* base RTT; shortest of the last RTT */
    double step_rtt_ms;     /* of the last step; below 0 = none */
    double jitter_ms;       /* mean excess of a step's shortest RTT */
    double rate;            /* bytes per ms over the last two RTTs */
    double rate_high;       /* its recent maximum: what SLOW START returns to */
    struct {
        int64_t at_us;
        uint64_t received;
        double least_ms; /* below 0 = none */
    } steps[OQ_WINDOW_STEPS];
    unsigned step_first, step_count;
    int64_t step_us;          /* time of the last step */
    unsigned over_deliveries; /* of rtt, as far as they were evaluated */
    int64_t changed_us;       /* last change of the window whose effect is awaited */
    /* No reading until then; 0 = reading. */
    int64_t pause_us;
    int64_t pause_unread;            /* bytes that had arrived by then; -1 = not known */
    double pause_window, advertised; /* window after it; as last returned by step */
    bool is_begun;                   /* the first drain is over */
    int64_t long_since_us;           /* STEADY: since when the queue is long; 0 = it is not */
    int64_t short_since_us;          /* YIELD: since when the queue is short */
    int64_t drain_us;                /* end of the pause of this drain, or begin of the next */
    double drain_long_ms;            /* a longer queue in the drain is cross traffic's */
    double grow_to;                  /* STEADY: grows to that without the rule; 0 = the rule */
    int64_t no_queue_us;    /* STEADY: end of a drain after an alarm without a queue; 0 = other */
    double drain_rate_high; /* what rate_high becomes if the drain finds no queue */
    bool is_alarm;          /* this drain is because of a long queue */
    double drain_window;    /* after it */
    double drain_least_ms;  /* shortest RTT in it; 0 = none yet */
    unsigned start_stage;
    double start_rate; /* at the last step of SLOW START */
    int64_t effect_us; /* STEADY: the window stays until then */
    double gain;       /* STEADY: how much faster than the rule the window grows */
    /* YIELD: shortest and longest RTT, to tell a route change from a queue. */
    double yield_least_ms, yield_most_ms;
    int64_t yield_spread_us;
    double floor_rate; /* of the last step */
    double short_ms;   /* YIELD: a longer queue is not short */
    /* After a pause: when reading resumed, and how many bytes were there then. */
    int64_t resumed_us;
    uint64_t resumed_bytes;
    bool is_looking;         /* the first byte after them has not come yet; else: */
    double look_ms;          /* how long it took; below 0 = evaluated */
    double pause_advertised; /* at its begin: bytes that may arrive in it */
    int64_t budget_us;       /* YIELD: the floor's rate allows another window from then on */
    unsigned excesses;       /* pauses in a row with more */
    bool is_paced;           /* the system does not follow: windows are not set */
};

/* What a step needs besides the connection's own bytes. */
struct oq_window_controller_input {
    double own_rate;   /* bytes per ms of all our background connections on the interface; 0: only
                          this one's */
    unsigned sharers;  /* how many those are, this one included */
    double floor_rate; /* bytes per ms that this one gets in any case */
    double capacity;   /* bytes per ms, the most ever seen on the interface; 0 = not known */
    double limit_rate; /* bytes per ms that this one may have, by policy or because of cross traffic
                          on this machine; 0 = no limit */
    int64_t unread;    /* bytes that have arrived and are not read; -1 = not known */
    bool must_yield;   /* cross traffic on this machine wants the link */
    bool is_limited;   /* a limit has held reading back: there is no RTT */
};

/* A connection begins, with a window of OQ_WINDOW_BEGIN; `base_ms` is what is known of its
 * base RTT (the TCP handshake, earlier connections to the host), not too short, 0 = nothing.
 * `factor`: how much larger the advertised window is than the one that was set (Linux 6: 1.25 where
 * packets have 1500 bytes, measured; Windows: 1). One that turns out too small is corrected. */
void oq_window_controller_init(struct oq_window_controller *ctl, int64_t now_us, double base_ms,
                               double factor);
/* Bytes were read, not before since_us. */
void oq_window_controller_receive(struct oq_window_controller *ctl, int64_t now_us,
                                  int64_t since_us, uint64_t bytes);
/* Bytes that were read from the system before a pause, and were kept until now. */
void oq_window_controller_receive_kept(struct oq_window_controller *ctl, int64_t now_us,
                                       uint64_t bytes);
/* Decides; returns the window in bytes, to be set before reading resumes after a pause, unless
 * is_paced. */
uint64_t oq_window_controller_step(struct oq_window_controller *ctl, int64_t now_us,
                                   const struct oq_window_controller_input *input);
/* The system does not follow: windows are not set any more. */
void oq_window_controller_set_paced(struct oq_window_controller *ctl, int64_t now_us);
/* Monotonic us until which reading pauses, as of now; 0 = it does not. */
int64_t oq_window_controller_pause_us(const struct oq_window_controller *ctl);
/* An RTT measured by other means (a TCP handshake). Only a lower base RTT is taken. */
void oq_window_controller_hint_base(struct oq_window_controller *ctl, double base_ms);

/* Queueing delay in ms, our own queue included, as far as known. */
double oq_window_controller_queue_ms(const struct oq_window_controller *ctl);

#endif
