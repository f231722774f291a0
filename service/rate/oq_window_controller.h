/* oq_window_controller.h - the window of one background connection: as much as nobody else wants.
 *
 * The rule is one line: window = window x shortest round trip / round trip + a few ms of what
 * arrives. Where the queue on the way is longer than those few ms the window shrinks, where it is
 * shorter it grows (FAST TCP's law, on the receiver's side as in Key, Massoulie and Wang 2004). It
 * is never taken back by more than an eighth per round trip, for what was allowed comes all the
 * same, and the system throws away what does not fit any more. Around it:
 *
 *   OPEN   the rule holds.
 *   DIP    nobody reads until everything that was allowed has come, and then goes on: so it is
 *          known what was allowed when, our own queue is gone for a moment, and the next byte shows
 *          the way without it. When what the connection was made with is used up; every 15 s, to
 *          learn the base again (LEDBAT++ calls it a slow-down); and whenever the queue is long, to
 *          see whose it is.
 *   YIELD  it is not ours: the floor until the queue has gone.
 *   RAMP   then 70 % of the former rate, then 95 %, then OPEN; at the very beginning, with no
 *          former rate, doubling.
 *
 * The few ms shrink with the cube root of the rate, so that of two that compete the slower one has
 * the longer goal, and they come to equal shares.
 *
 * Of all round trips of late the shortest counts. A queue makes all of them longer; a machine that
 * is busy, or a packet that is acknowledged late, only some.
 *
 * Pure: a plain value; time is an argument, in microseconds of a monotonic clock.
 * oq_window_controller_step is to be called at least every 50 ms.
 */
#ifndef OQ_WINDOW_CONTROLLER_H
#define OQ_WINDOW_CONTROLLER_H

#include "oq_rtt_estimator.h"

#define OQ_WINDOW_LEAST 4096u /* 4 KB measured: leaves a foreign flow 97.6 % */
/* What a connection is made with, and so the most that it ever gets: 50 Mbit/s at 100 ms. Linux
 * allows the sender all of that at once (ss -tim), and never takes it back. */
#define OQ_WINDOW_MOST 524288u
#define OQ_WINDOW_FIRST 16384u
#define OQ_WINDOW_BEGIN 131072u /* before the first DIP */
#define OQ_WINDOW_STEPS 64

enum oq_window_mode {
    OQ_WINDOW_SLOW_START,
    OQ_WINDOW_STEADY,
    OQ_WINDOW_DRAIN,
    OQ_WINDOW_YIELD,
    OQ_WINDOW_MODE_COUNT
};

struct oq_window_controller {
    struct oq_rtt_estimator delay;
    enum oq_window_mode mode;
    double factor; /* see oq_window_controller_init */
    double window; /* bytes, as the system really gives it; 0 = the floor */
    /* What was measured; times in ms, 0 = not yet. */
    double base_ms, trip_ms; /* shortest of the last round trip */
    double step_trip_ms;     /* of the last step; below 0 = nothing came */
    double jitter_ms;        /* how much longer the shortest one of a step is, in the mean */
    double rate;             /* bytes per ms over the last two round trips */
    double rate_high;        /* its maximum of late; what RAMP goes back to */
    struct {
        int64_t at_us;
        uint64_t received;
        double least_ms; /* below 0 = nothing came */
    } steps[OQ_WINDOW_STEPS];
    unsigned step_first, step_count;
    int64_t step_us;    /* time of the last step */
    unsigned surprises; /* of `delay`, as far as they were made use of */
    int64_t changed_us; /* last change of the window that has to show its effect */
    /* Nobody reads until then; 0 = they do. */
    int64_t stop_us;
    int64_t stop_unread;       /* bytes that had come by then; -1 = not known */
    double stop_window, given; /* window after it; in bytes of the system, as last told */
    bool is_begun;             /* the first DIP is over */
    int64_t over_us;           /* OPEN: since when the queue is long; 0 = it is not */
    int64_t under_us;          /* YIELD: since when the queue is short */
    int64_t dip_us;            /* end of the stop of this DIP, or begin of the next one */
    double dip_long_ms;        /* a longer queue in the DIP is not ours */
    double open_to;            /* OPEN: the window grows to that by itself; 0 = the rule decides */
    int64_t found_none_us; /* OPEN: the end of a DIP after an alarm that found nobody; 0 = other */
    double dip_rate_high;  /* what rate_high is if the DIP finds nobody */
    bool is_alarm;         /* this DIP is because of a long queue */
    double dip_window;     /* after it */
    double dip_least_ms;   /* shortest round trip in it; 0 = none yet */
    unsigned ramp_stage;
    double ramp_rate; /* when RAMP looked last */
    int64_t hold_us;  /* OPEN: the window stays until then */
    double gain;      /* OPEN: how much faster than by the rule the window grows */
    /* YIELD: shortest and longest round trip, to tell a longer way from a long queue. */
    double yield_least_ms, yield_most_ms;
    int64_t yield_spread_us;
};

/* What one step has to know besides the connection's own bytes. */
struct oq_window_controller_input {
    double own_rate;   /* bytes per ms of all our background connections on the interface; 0: only
                          this one's */
    unsigned sharers;  /* how many those are, this one included */
    double floor_rate; /* bytes per ms that this one gets in any case */
    double capacity;   /* bytes per ms, the most ever seen on the interface; 0 = not known */
    double rate_most;  /* bytes per ms that this one may have, by policy or for the sake of others
                          on this machine; 0 = no limit */
    int64_t unread;    /* bytes that have come and are not read; -1 = not known */
    bool must_yield;   /* somebody on this machine wants the link */
    bool is_held;      /* a limit has kept us from reading: nothing can be learned */
};

/* A connection begins, with a window of OQ_WINDOW_BEGIN; `base_ms` is what is known of its
 * round trip (the TCP handshake, earlier connections to the host), not too little, 0 = nothing.
 * `factor`: how much larger the window is that the system gives than the one it is asked for (Linux
 * 6: 1.25 where packets have 1500 bytes, measured; Windows: 1). One that turns out too small is
 * corrected. */
void oq_window_controller_init(struct oq_window_controller *pace, int64_t now_us, double base_ms,
                               double factor);
/* Bytes were read, not before since_us. */
void oq_window_controller_receive(struct oq_window_controller *pace, int64_t now_us,
                                  int64_t since_us, uint64_t bytes);
/* Bytes that were read from the system when we had stopped, and were kept somewhere until now. */
void oq_window_controller_receive_kept(struct oq_window_controller *pace, int64_t now_us,
                                       uint64_t bytes);
/* Decides; returns the window in bytes. To be set before reading goes on after a stop. */
uint64_t oq_window_controller_step(struct oq_window_controller *pace, int64_t now_us,
                                   const struct oq_window_controller_input *input);
/* Monotonic us until which nobody is to read, as of the last step; 0 = go on. */
int64_t oq_window_controller_pause_us(const struct oq_window_controller *pace);
/* A round trip measured by other means (a TCP handshake). Only a lower base is learned. */
void oq_window_controller_hint_base(struct oq_window_controller *pace, double base_ms);

/* Do its own round trips say nothing of the way? Nothing is known of it yet, or the sender does not
 * use the window. */
bool oq_window_controller_is_blind(const struct oq_window_controller *pace);

/* Queue of others and our own in ms, as far as known. */
double oq_window_controller_queue_ms(const struct oq_window_controller *pace);

#endif
