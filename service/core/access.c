/* access.c - the table of rights. Pure. Whatever is not in the table is refused. */
#include "oq_access.h"

#include <string.h>

enum relation { OWNER, ADMIN, OTHER, RELATION_COUNT };

/* clang-format off */
static const struct oq_access_decision table[OQ_ACCESS_VERB_COUNT][RELATION_COUNT] = {
    /*                     owner            administrator    anybody else */
    [OQ_ACCESS_LIST]   = {{OQ_OK, false}, {OQ_OK, false}, {OQ_E_ACCESS_DENIED, false}},
    [OQ_ACCESS_TAKE]   = {{OQ_OK, false}, {OQ_OK, true},  {OQ_E_NOT_FOUND, false}},
    [OQ_ACCESS_PEEK]   = {{OQ_OK, false}, {OQ_OK, false}, {OQ_E_NOT_FOUND, false}},
    [OQ_ACCESS_READ]   = {{OQ_OK, false}, {OQ_OK, false}, {OQ_E_ACCESS_DENIED, false}},
    [OQ_ACCESS_CHANGE] = {{OQ_OK, false}, {OQ_OK, false}, {OQ_E_ACCESS_DENIED, false}},
};
/* clang-format on */

static enum relation relation_of(const char *caller_sid, bool is_admin, const char *owner_sid)
{
    if (!caller_sid || !*caller_sid)
        return OTHER; /* a caller whose name is not known owns nothing and can become no owner */
    if (owner_sid && strcmp(caller_sid, owner_sid) == 0)
        return OWNER;
    return is_admin ? ADMIN : OTHER;
}

struct oq_access_decision oq_access_decide(enum oq_access_verb verb, const char *caller_sid,
                                           bool is_admin, const char *owner_sid)
{
    static const struct oq_access_decision refused = {OQ_E_ACCESS_DENIED, false};
    if ((unsigned)verb >= OQ_ACCESS_VERB_COUNT)
        return refused;
    return table[verb][relation_of(caller_sid, is_admin, owner_sid)];
}
