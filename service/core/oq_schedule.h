/* oq_schedule.h - decisions about time: which groups may transfer now, when a failed one is tried
 * again, and when an idle service stops itself.
 *
 * Pure: times and randomness are arguments.
 */
#ifndef OQ_SCHEDULE_H
#define OQ_SCHEDULE_H

#include "oq_config.h"

/* --- places (contract A.5 and 0.1) ------------------------------------------------------------ */

/* All foreground groups run. Background groups share `background_groups` places by round robin:
 * when more want to run than there are places, a group that has run a whole time slice gives its
 * place to the one that has waited longest, if that has not run yet or has waited for a whole
 * slice. Files of a group start in the order added; at most files_in_flight of them run. */
struct oq_sched_group {
    int64_t id;
    bool is_foreground;
    uint32_t running;  /* files in flight */
    uint32_t runnable; /* files that could start now: WAITING, not in flight, not in back-off */
    int64_t slice_started_at_ms; /* monotonic; 0 = has no place now */
    int64_t waiting_since_ms;    /* monotonic; since when it has had no place; used when
                                   slice_started_at_ms is 0 */
    bool is_new; /* has had no place since it was resumed: does not wait for a place whose slice is
                    over */
    /* results */
    bool has_place; /* may transfer until the next call */
    uint32_t start; /* files to start now */
    bool must_stop; /* its running files must be stopped: its slice is over and others wait */
};

/* Fills the results of every group. Groups with neither running nor runnable files get no place. A
 * background group within its slice keeps its place. The others go to groups that have a claim
 * (is_new, or waiting for a slice), the longest waiting first; then to those whose slice is over,
 * the shortest running first; then to the rest. Of equals the lower id has run or waited longer.
 * Returns the monotonic time, later than now_ms, at which the result could change by itself, or
 * INT64_MAX.
 *
 * The caller keeps the two times: slice_started_at_ms becomes now_ms when has_place appears, and 0
 * when it goes; then, and when a group is resumed, waiting_since_ms becomes now_ms. now_ms is above
 * 0. */
int64_t oq_schedule(struct oq_sched_group *groups, size_t count, const struct oq_config *config,
                    int64_t now_ms);

/* --- retries (contract 0.1, A.1) -------------------------------------------------------------- */

/* Delay before attempt number `attempt` (1 = first retry): retry_first_ms doubled each time up to
 * retry_longest_ms, and then spread evenly over 75..125 % by `random` so that many clients do not
 * return together. A Retry-After of the server (retry_after_ms >= 0) replaces it, up to
 * retry_after_limit_ms and never below retry_first_ms. */
int64_t oq_retry_delay_ms(const struct oq_config *config, uint32_t attempt, int64_t retry_after_ms,
                          uint64_t random);

/* Has the group gone without progress for too long? since_ms 0 = no transient error yet: false. */
bool oq_retry_is_hopeless(const struct oq_config *config, int64_t no_progress_since_ms,
                          int64_t now_wall_ms);

/* --- idle stop -------------------------------------------------------------------------------- */

/* What was seen at one poll. */
struct oq_idle_look {
    bool has_work;        /* a group runs, or would if it could */
    uint32_t clients;     /* objects, locks and callbacks that clients hold or have left */
    uint64_t activations; /* objects made for clients, since the start: a client that came and went
                          between two polls restarts the idle time too */
};

/* Since when the service has been idle; all zero at the start. */
struct oq_idle_stop {
    bool is_idle;
    uint64_t activations;
    int64_t since_ms; /* of the same clock as now_ms */
};

/* A service is started for a client, whose activation takes its time: until the first has come,
 * shorter limits are as long as this. */
#define OQ_IDLE_STOP_GRACE_MS 60000

/* Takes one poll into account. True when the service has been idle for limit_ms; limit_ms 0: never.
 */
bool oq_idle_stop_is_due(struct oq_idle_stop *stop, const struct oq_idle_look *look,
                         int64_t limit_ms, int64_t now_ms);

/* Time to the next poll: a quarter of the limit, at least 50 ms and at most a minute. */
int64_t oq_idle_stop_look_ms(int64_t limit_ms);

#endif
