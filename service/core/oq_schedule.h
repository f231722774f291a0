/* oq_schedule.h - which groups may transfer now, and how many files each may have in flight
 * (contract A.5 and 0.1).
 *
 * Pure. All foreground groups run. Background groups share `background_groups` places by round
 * robin: when more want to run than there are places, a group that has run a whole time slice gives
 * its place to the one that has waited longest, if that has not run yet or has waited for a whole
 * slice. Files of a group start in the order added; at most files_in_flight of them run.
 */
#ifndef OQ_SCHEDULE_H
#define OQ_SCHEDULE_H

#include "oq_config.h"

struct oq_sched_group {
    int64_t id;
    bool is_foreground;
    uint32_t running;  /* files in flight */
    uint32_t runnable; /* files that could start now: WAITING, not in flight, not in back-off */
    int64_t turn_started_at_ms; /* monotonic; 0 = has no place now */
    int64_t waiting_since_ms;   /* monotonic; since when it has had no place; used when
                                   turn_started_at_ms is 0 */
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
 * Returns the monotonic time, later than now_ms, at which the answer could change by itself, or
 * INT64_MAX.
 *
 * The caller keeps the two times: turn_started_at_ms becomes now_ms when has_place appears, and 0
 * when it goes; then, and when a group is resumed, waiting_since_ms becomes now_ms. now_ms is above
 * 0. */
int64_t oq_schedule(struct oq_sched_group *groups, size_t count, const struct oq_config *config,
                    int64_t now_ms);

#endif
