/* group_machine.c - the two tables: who may, and what happens then. Pure. A pair that is not
 * written here is refused. */
#include "oq_group_machine.h"

#include <string.h>

/* --- rights ----------------------------------------------------------------------------------- */

/* LESSER: the owner, by a program with fewer rights than the group was made with. */
enum relation { OWNER, ADMIN, LESSER, OTHER, RELATION_COUNT };

/* clang-format off */
#define DENIED OQ_E_ACCESS_DENIED
static const struct oq_access_decision table[OQ_ACCESS_VERB_COUNT][RELATION_COUNT] = {
    /*                     owner           administrator   owner, fewer rights, other user */
    [OQ_ACCESS_LIST]   = {{OQ_OK, false}, {OQ_OK, false}, {OQ_OK, false}, {DENIED, false}},
    [OQ_ACCESS_TAKE]   = {{OQ_OK, false}, {OQ_OK, true},  {OQ_OK, false}, {OQ_E_NOT_FOUND, false}},
    [OQ_ACCESS_PEEK]   = {{OQ_OK, false}, {OQ_OK, false}, {OQ_OK, false}, {OQ_E_NOT_FOUND, false}},
    [OQ_ACCESS_READ]   = {{OQ_OK, false}, {OQ_OK, false}, {OQ_OK, false}, {DENIED, false}},
    [OQ_ACCESS_CHANGE] = {{OQ_OK, false}, {OQ_OK, false}, {DENIED, false}, {DENIED, false}},
};
/* clang-format on */

static enum relation relation_of(const char *caller_sid, const struct oq_rights *caller,
                                 const char *owner_sid, const struct oq_rights *owner)
{
    if (!caller_sid || !*caller_sid)
        return OTHER; /* a caller whose name is not known owns nothing and can become no owner */
    bool is_same = owner_sid && strcmp(caller_sid, owner_sid) == 0;
    if (is_same && oq_rights_cover(caller, owner))
        return OWNER;
    if (caller->is_admin)
        return ADMIN;
    return is_same ? LESSER : OTHER;
}

struct oq_access_decision oq_access_decide(enum oq_access_verb verb, const char *caller_sid,
                                           const struct oq_rights *caller, const char *owner_sid,
                                           const struct oq_rights *owner)
{
    static const struct oq_access_decision refused = {OQ_E_ACCESS_DENIED, false};
    if ((unsigned)verb >= OQ_ACCESS_VERB_COUNT)
        return refused;
    return table[verb][relation_of(caller_sid, caller, owner_sid, owner)];
}

/* --- states ----------------------------------------------------------------------------------- */

struct rule {
    bool is_legal;
    struct oq_transition transition;
};

/* clang-format off */
#define GO(state, what) {true, {OQ_GROUP_##state, (what)}}

static const struct rule rules[OQ_GROUP_STATE_COUNT][OQ_GROUP_EVENT_COUNT] = {
    [OQ_GROUP_SUSPENDED] = {
        [OQ_EV_RESUME]      = GO(ACTIVE, OQ_DO_SCHEDULE | OQ_DO_CLEAR_ERROR),
        [OQ_EV_SUSPEND]     = GO(SUSPENDED, OQ_DO_NOTHING), /* D2 */
        [OQ_EV_CANCEL]      = GO(CANCELLING, OQ_DO_STOP_TRANSFERS | OQ_DO_DISCARD),
        [OQ_EV_FILES_ADDED] = GO(SUSPENDED, OQ_DO_NOTHING),
    },
    [OQ_GROUP_ACTIVE] = {
        [OQ_EV_RESUME]      = GO(ACTIVE, OQ_DO_SCHEDULE), /* D2; ends back-off (A.1) */
        [OQ_EV_SUSPEND]     = GO(SUSPENDED, OQ_DO_STOP_TRANSFERS),
        [OQ_EV_CANCEL]      = GO(CANCELLING, OQ_DO_STOP_TRANSFERS | OQ_DO_DISCARD),
        [OQ_EV_FATAL_ERROR] = GO(ERROR, OQ_DO_STOP_TRANSFERS | OQ_DO_EVENT_ERROR),
        [OQ_EV_ALL_FETCHED] = GO(COMMITTING, OQ_DO_COMMIT_FILES), /* D4 */
        [OQ_EV_FILES_ADDED] = GO(ACTIVE, OQ_DO_SCHEDULE),
    },
    [OQ_GROUP_COMMITTING] = {
        [OQ_EV_RESUME]      = GO(COMMITTING, OQ_DO_NOTHING),
        [OQ_EV_SUSPEND]     = GO(COMMITTING, OQ_DO_NOTHING), /* the renames finish */
        [OQ_EV_CANCEL]      = GO(CANCELLING, OQ_DO_STOP_TRANSFERS | OQ_DO_DISCARD),
        [OQ_EV_FATAL_ERROR] = GO(ERROR, OQ_DO_STOP_TRANSFERS | OQ_DO_EVENT_ERROR),
        [OQ_EV_COMMITTED]   = GO(COMPLETE, OQ_DO_EVENT_COMPLETE),
    },
    [OQ_GROUP_ERROR] = {
        [OQ_EV_RESUME]      = GO(ACTIVE, OQ_DO_SCHEDULE | OQ_DO_CLEAR_ERROR),
        [OQ_EV_SUSPEND]     = GO(ERROR, OQ_DO_NOTHING), /* D2 */
        [OQ_EV_CANCEL]      = GO(CANCELLING, OQ_DO_STOP_TRANSFERS | OQ_DO_DISCARD),
        [OQ_EV_FILES_ADDED] = GO(ERROR, OQ_DO_NOTHING), /* D21 */
    },
    [OQ_GROUP_COMPLETE] = {
        [OQ_EV_RESUME]      = GO(COMPLETE, OQ_DO_NOTHING), /* D3 */
        [OQ_EV_SUSPEND]     = GO(COMPLETE, OQ_DO_NOTHING), /* D2 */
        [OQ_EV_CANCEL]      = GO(CANCELLING, OQ_DO_STOP_TRANSFERS | OQ_DO_DISCARD),
    },
    /* CANCELLING has no row: nothing reaches a group that is gone (D15). */
};
/* clang-format on */

enum oq_status oq_group_transition(enum oq_group_state state, enum oq_group_event event,
                                   struct oq_transition *out)
{
    if ((unsigned)state >= OQ_GROUP_STATE_COUNT || (unsigned)event >= OQ_GROUP_EVENT_COUNT)
        return OQ_E_INVALID_STATE;
    const struct rule *rule = &rules[state][event];
    if (!rule->is_legal)
        return OQ_E_INVALID_STATE;
    *out = rule->transition;
    return OQ_OK;
}

const char *oq_group_event_name(enum oq_group_event event)
{
    switch (event) {
    case OQ_EV_RESUME:
        return "RESUME";
    case OQ_EV_SUSPEND:
        return "SUSPEND";
    case OQ_EV_CANCEL:
        return "CANCEL";
    case OQ_EV_FATAL_ERROR:
        return "FATAL_ERROR";
    case OQ_EV_ALL_FETCHED:
        return "ALL_FETCHED";
    case OQ_EV_COMMITTED:
        return "COMMITTED";
    case OQ_EV_FILES_ADDED:
        return "FILES_ADDED";
    case OQ_GROUP_EVENT_COUNT:
        break;
    }
    return "?";
}
