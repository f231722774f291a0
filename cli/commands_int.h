/* commands_int.h - the commands of qmgrctl, and what they share.
 *
 * Each command says what there is to say and returns the exit status of the program. Main thread
 * only.
 */
#ifndef OQ_COMMANDS_INT_H
#define OQ_COMMANDS_INT_H

#include "args_int.h"
#include "group_int.h"

enum { OQ_EXIT_DONE = 0, OQ_EXIT_FAILED = 1, OQ_EXIT_USAGE = 2 };

int oq_command_get(struct oq_link *link, const struct oq_args *args);
int oq_command_wait(struct oq_link *link, const struct oq_args *args);
int oq_command_set_url(struct oq_link *link, const struct oq_args *args);
int oq_command_list(struct oq_link *link);
int oq_command_info(struct oq_link *link, const struct oq_args *args);
int oq_command_export(struct oq_link *link, const struct oq_args *args);
int oq_command_import(struct oq_link *link, const struct oq_args *args);
/* suspend, resume and cancel. */
int oq_command_change(struct oq_link *link, const struct oq_args *args);

/* limit with a group */
int oq_command_limit_group(struct oq_link *link, const struct oq_args *args);

/* policy.c: limit without a group, and pause-all */
int oq_command_limit(const struct oq_args *args);
int oq_command_pause_all(const struct oq_args *args);

/* Says why something failed: "qmgrctl: SUBJECT: sentence (0x80070005)"; subject may be NULL.
 * Returns OQ_EXIT_FAILED. */
int oq_command_failed(const char *subject, HRESULT hr);
/* Finds the group that args name, complaining if there is not exactly one. */
bool oq_command_find(struct oq_link *link, const struct oq_args *args, struct oq_guid *guid);
/* CancelGroup; success also when the group is not there any more. */
HRESULT oq_command_remove(struct oq_link *link, const struct oq_guid *guid);

/* follow.c: watches a group until something happens that ends the watching, and shows how far it
 * is. */
enum oq_follow_end {
    OQ_FOLLOW_COMPLETE,
    OQ_FOLLOW_ERROR,       /* fatal; snapshot.failure says which */
    OQ_FOLLOW_TIMEOUT,     /* nothing came in for that long */
    OQ_FOLLOW_INTERRUPTED, /* Ctrl-C */
    OQ_FOLLOW_GONE,        /* somebody cancelled it */
    OQ_FOLLOW_LOST,        /* the service cannot be reached; hr says why */
};

struct oq_follow {
    struct oq_guid guid;
    bool is_quiet;
    int64_t timeout_ms; /* -1: none */
    /* results */
    HRESULT hr;
    struct oq_snapshot last; /* all zero if there never was one */
    int64_t elapsed_ms;
};

enum oq_follow_end oq_follow_run(struct oq_link *link, struct oq_follow *follow);

#endif
