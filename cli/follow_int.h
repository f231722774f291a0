/* follow_int.h - downloads that get has started or wait was given, until each has ended: progress
 * on standard error, results on standard output. Main thread only.
 *
 * The service is polled, quickly at first for the sake of small files, then five times a second: a
 * call takes well below a millisecond, and a program without a registered class cannot receive
 * callbacks.
 */
#ifndef OQ_FOLLOW_INT_H
#define OQ_FOLLOW_INT_H

#include "download_spec_int.h"

struct oq_followed {
    struct oq_guid guid;
    const struct oq_download_spec *spec; /* what get has started; NULL: wait */
    /* for follow.c */
    struct oq_remote remote;
    struct oq_snapshot last; /* zero if there was none */
    bool is_gone, has_ended;
    uint64_t first_bytes, seen_bytes; /* received before it was followed; at the last look */
    int64_t told_ms;                  /* when its last progress event was printed */
    enum oq_snapshot_state told;      /* by its last event */
};

/* Returns OQ_EXIT_DONE when all are complete, else the exit status of the first that is not. What
 * get has started is removed from the queue when it is complete, or has failed without any data. */
int oq_follow(struct oq_client *client, const struct oq_args *args, struct oq_followed *list,
              size_t count);

#endif
