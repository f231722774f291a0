/* group_int.h - one download of the queue: its interface pointers, and snapshots of its state.
 *
 * A struct oq_remote holds the interface pointers of a group for as long as the connection lasts; a
 * struct oq_snapshot is its state at one moment, from our extension interface (64-bit sizes, wait
 * reason, last error) if the service has it, otherwise from the QMGR interfaces alone. Main thread
 * only; the functions are parts of steps of oq_client_run and return the service's failures
 * unchanged.
 */
#ifndef OQ_GROUP_INT_H
#define OQ_GROUP_INT_H

#include "client_int.h"
#include "snapshot_int.h"

struct oq_remote {
    struct oq_guid guid;
    unsigned generation;         /* of the connection that the pointers belong to */
    IBackgroundCopyGroup *group; /* or NULL */
    IOpenQmgrGroup *extension;   /* or NULL: --legacy, or the service has none */
};

/* Gets the pointers, unless they are there and of this connection. QM_E_ITEM_NOT_FOUND.
 * The owner of the group stays the same, unless the service has no IOpenQmgrManager: GetGroup makes
 * an administrator the owner of another user's group (contract section 4). */
HRESULT oq_remote_open(struct oq_client *client, struct oq_remote *remote);
/* The same without the extension, for a single call. */
HRESULT oq_remote_open_group(struct oq_client *client, struct oq_remote *remote);
void oq_remote_release(struct oq_remote *remote);

/* The group's job; NULL and S_FALSE if it has none. Caller releases. */
HRESULT oq_remote_job(struct oq_remote *remote, IBackgroundCopyJob1 **job);

HRESULT oq_remote_read(struct oq_remote *remote, struct oq_snapshot *snapshot);

/* Snapshots of the caller's groups (of all, for an administrator) in a new array (oq_free); NULL
 * when *count is 0. With the extension a call reads OPENQMGR_GROUPS_PER_CALL of them. */
HRESULT oq_remote_read_all(struct oq_client *client, struct oq_snapshot **list, size_t *count);

/* One file of a group; start with {0}. */
struct oq_remote_file {
    char *remote, *local;
    bool has_details; /* from the extension; the rest is valid then */
    OPENQMGR_FILE_INFO info;
    char *temporary, *validator; /* "" = none */
};

/* job is the group's. *file is released by the caller in any case. */
HRESULT oq_remote_file_read(struct oq_remote *remote, IBackgroundCopyJob1 *job, ULONG index,
                            struct oq_remote_file *file);
void oq_remote_file_release(struct oq_remote_file *file);
/* A source of a file; *url is new (oq_free). QM_E_ITEM_NOT_FOUND. Needs the extension. */
HRESULT oq_remote_source(struct oq_remote *remote, ULONG file, ULONG number, OPENQMGR_SOURCE *state,
                         char **url);

/* CancelGroup; success also when the group does not exist any more. */
HRESULT oq_remote_cancel(struct oq_client *client, const struct oq_guid *guid);

#endif
