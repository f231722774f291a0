/* oq_group_machine.h - what may be done with a group: a table of rights (verb x relation to the
 * owner), and the life of a group as a table (state x event -> next state and effects).
 *
 * Pure. A hole in the second table is an illegal event: OQ_E_INVALID_STATE, nothing changes
 * (contract section 3.1, D2, D3, D15). The engine has one function that applies a result, saves it
 * and then carries out the effects, in that order.
 */
#ifndef OQ_GROUP_MACHINE_H
#define OQ_GROUP_MACHINE_H

#include "oq_model.h"

/* --- rights (contract section 4, D6, D7) ---------------------------------------------------- */

enum oq_access_verb {
    OQ_ACCESS_LIST,   /* EnumGroups: owner or administrator */
    OQ_ACCESS_TAKE,   /* GetGroup: owner; an administrator becomes the owner */
    OQ_ACCESS_PEEK,   /* PeekGroup: owner or administrator, who takes nothing */
    OQ_ACCESS_READ,   /* any method of a held pointer that reads: owner or administrator */
    OQ_ACCESS_CHANGE, /* any method of a held pointer that changes: administrator, or the owner with
                         the rights that the group was made with */
    OQ_ACCESS_VERB_COUNT
};

struct oq_access_decision {
    /* OQ_OK, OQ_E_NOT_FOUND (TAKE, PEEK: hides that the group exists, D6) or OQ_E_ACCESS_DENIED */
    enum oq_status status;
    bool takes_ownership; /* TAKE by an administrator who is not the owner */
};

/* Identities are SIDs in text form. Ownership is management only: with whose rights a file is
 * worked on is a field of the file. */
struct oq_access_decision oq_access_decide(enum oq_access_verb verb, const char *caller_sid,
                                           const struct oq_rights *caller, const char *owner_sid,
                                           const struct oq_rights *owner);

/* --- states ----------------------------------------------------------------------------------- */

enum oq_group_event {
    OQ_EV_RESUME,      /* a client's ResumeGroup; the caller has checked that there are files */
    OQ_EV_SUSPEND,     /* a client's SuspendGroup */
    OQ_EV_CANCEL,      /* a client's CancelGroup, or expiry after inactivity */
    OQ_EV_FATAL_ERROR, /* an error that a retry does not heal, or the no-progress limit */
    OQ_EV_ALL_FETCHED, /* the last file is FETCHED */
    OQ_EV_COMMITTED,   /* every file is FINAL */
    OQ_EV_FILES_ADDED, /* AddFiles */
    OQ_GROUP_EVENT_COUNT
};

/* What the engine does after the new state is saved; each is safe to repeat. */
enum oq_group_effect {
    OQ_DO_NOTHING = 0,
    OQ_DO_STOP_TRANSFERS = 1 << 0, /* flush, save offsets, close connections */
    OQ_DO_SCHEDULE = 1 << 1,       /* run the scheduler; clears back-off of the group's files */
    OQ_DO_COMMIT_FILES = 1 << 2,   /* rename FETCHED files to their final names */
    OQ_DO_DISCARD = 1 << 3,        /* commit FETCHED files, remove partial ones, delete the rows */
    OQ_DO_EVENT_COMPLETE = 1 << 4, /* make the completion notification pending */
    OQ_DO_EVENT_ERROR = 1 << 5,    /* make the error notification pending */
    OQ_DO_CLEAR_ERROR = 1 << 6,    /* forget error, retries and no-progress time */
};

struct oq_transition {
    enum oq_group_state next;
    unsigned effects; /* of enum oq_group_effect */
};

/* OQ_E_INVALID_STATE when the event is illegal in that state; *out is then untouched. */
OQ_MUST_CHECK enum oq_status oq_group_transition(enum oq_group_state state,
                                                 enum oq_group_event event,
                                                 struct oq_transition *out);

/* "RESUME" and so on, for traces. */
const char *oq_group_event_name(enum oq_group_event event);

#endif
