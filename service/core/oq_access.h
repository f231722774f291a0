/* oq_access.h - who may do what with a group (contract section 4, D6, D7), as one small table.
 *
 * Pure. Identities are SIDs in text form; "administrator" is what the identity port says of the
 * caller's token.
 */
#ifndef OQ_ACCESS_H
#define OQ_ACCESS_H

#include "oq_status.h"

enum oq_access_verb {
    OQ_ACCESS_LIST,   /* EnumGroups: owner or administrator */
    OQ_ACCESS_TAKE,   /* GetGroup: owner; an administrator becomes the owner */
    OQ_ACCESS_PEEK,   /* PeekGroup: owner or administrator, who takes nothing */
    OQ_ACCESS_READ,   /* any method of a held pointer that reads: owner or administrator */
    OQ_ACCESS_CHANGE, /* any method of a held pointer that changes: owner or administrator */
    OQ_ACCESS_VERB_COUNT
};

struct oq_access_decision {
    enum oq_status
        status; /* OQ_OK, OQ_E_NOT_FOUND (TAKE, PEEK: hides existence, D6) or OQ_E_ACCESS_DENIED */
    bool takes_ownership; /* TAKE by an administrator who is not the owner */
};

struct oq_access_decision oq_access_decide(enum oq_access_verb verb, const char *caller_sid,
                                           bool is_admin, const char *owner_sid);

#endif
