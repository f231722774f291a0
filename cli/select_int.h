/* select_int.h - which downloads a command is about: GROUP words, or sets like --failed. Main
 * thread only.
 */
#ifndef OQ_SELECT_INT_H
#define OQ_SELECT_INT_H

#include "group_int.h"

struct oq_selection {
    struct oq_guid *guids;
    size_t count;
    int status; /* OQ_EXIT_DONE, or that of the first word that names no download */
};

/* The downloads that the words or options of args mean. A word that names none or several is
 * reported, and the others remain. A whole GUID is not looked up. */
void oq_select(struct oq_client *client, const struct oq_args *args, struct oq_selection *out);
void oq_selection_release(struct oq_selection *selection);
/* The one that a word names; OQ_EXIT_DONE, or the exit status after a sentence. */
int oq_select_one(struct oq_client *client, const char *word, struct oq_guid *guid);

/* Snapshots of the queue that --state, --match, --user and the sets mean, sorted: a new array
 * (oq_free). The step of oq_client_run; E_INVALIDARG: there is no such user. */
struct oq_queue {
    const struct oq_args *args;
    struct oq_snapshot *list;
    size_t count;
};
HRESULT oq_queue_step(struct oq_client *client, void *ctx);

#endif
