/* transfer_machine.c - the table, and what its states promise. Pure. A pair that is not written
 * here must not come.
 */
#include "oq_transfer_machine.h"

struct rule {
    bool is_legal;
    struct oq_transfer_transition transition;
};

/* clang-format off */
#define GO(state, effects) {true, {OQ_TRANSFER_##state, OQ_OUTCOME_NONE, (effects)}}
/* The outcome is known. STOP: what was received may have to be flushed first; END: at once. */
#define STOP(outcome) {true, {OQ_TRANSFER_STOPPING, OQ_OUTCOME_##outcome, FLUSH}}
#define END(outcome)  {true, {OQ_TRANSFER_ENDED, OQ_OUTCOME_##outcome, REPORT}}
#define NOTHING OQ_TRANSFER_DO_NOTHING
#define FLUSH   (OQ_TRANSFER_DO_CLOSE | OQ_TRANSFER_DO_SETTLE)
#define REPORT  (OQ_TRANSFER_DO_CLOSE | OQ_TRANSFER_DO_REPORT)

static const struct rule rules[OQ_TRANSFER_STATE_COUNT][OQ_TRANSFER_EVENT_COUNT] = {
    [OQ_TRANSFER_OPENING] = {
        [OQ_TRANSFER_EV_OPENED]       = GO(REQUESTING, NOTHING),
        [OQ_TRANSFER_EV_WHOLE]        = GO(FLUSHING, FLUSH), /* only to be verified */
        [OQ_TRANSFER_EV_FAIL]         = STOP(FAILED),
        [OQ_TRANSFER_EV_STOP]         = STOP(STOPPED),
        [OQ_TRANSFER_EV_DISCARD]      = STOP(DISCARDED),
    },
    [OQ_TRANSFER_RESOLVING_PROXY] = {
        [OQ_TRANSFER_EV_RESOLVED]     = GO(REQUESTING, NOTHING),
        [OQ_TRANSFER_EV_REPAIR]       = GO(REPAIRING, NOTHING),
        [OQ_TRANSFER_EV_FAIL]         = STOP(FAILED),
        [OQ_TRANSFER_EV_STOP]         = STOP(STOPPED),
        [OQ_TRANSFER_EV_DISCARD]      = STOP(DISCARDED),
    },
    [OQ_TRANSFER_REQUESTING] = {
        [OQ_TRANSFER_EV_RESOLVE]      = GO(RESOLVING_PROXY, NOTHING),
        [OQ_TRANSFER_EV_ACCEPT]       = GO(RECEIVING, NOTHING),
        [OQ_TRANSFER_EV_WHOLE]        = GO(FLUSHING, FLUSH), /* 416, and it ends there */
        [OQ_TRANSFER_EV_RESTART]      = STOP(RESTART),
        [OQ_TRANSFER_EV_FAIL]         = STOP(FAILED),
        [OQ_TRANSFER_EV_STOP]         = STOP(STOPPED),
        [OQ_TRANSFER_EV_DISCARD]      = STOP(DISCARDED),
    },
    [OQ_TRANSFER_RECEIVING] = {
        [OQ_TRANSFER_EV_WHOLE]        = GO(FLUSHING, FLUSH),
        [OQ_TRANSFER_EV_RESTART]      = STOP(RESTART),
        [OQ_TRANSFER_EV_FAIL]         = STOP(FAILED),
        [OQ_TRANSFER_EV_FLUSH_FAILED] = END(FAILED),
        [OQ_TRANSFER_EV_STOP]         = STOP(STOPPED),
        [OQ_TRANSFER_EV_DISCARD]      = STOP(DISCARDED),
    },
    [OQ_TRANSFER_FLUSHING] = {
        [OQ_TRANSFER_EV_VERIFY]       = GO(VERIFYING, NOTHING),
        [OQ_TRANSFER_EV_FETCHED]      = END(FETCHED),
        [OQ_TRANSFER_EV_REFUTED]      = STOP(STOPPED), /* its size is wrong */
        [OQ_TRANSFER_EV_FAIL]         = STOP(FAILED),
        [OQ_TRANSFER_EV_FLUSH_FAILED] = END(FAILED),
        [OQ_TRANSFER_EV_STOP]         = GO(FLUSHING, NOTHING), /* all of it is there */
        [OQ_TRANSFER_EV_DISCARD]      = STOP(DISCARDED), /* it is not flushed, so it is not whole */
    },
    [OQ_TRANSFER_VERIFYING] = {
        [OQ_TRANSFER_EV_RESOLVE]      = GO(RESOLVING_PROXY, NOTHING), /* of another source */
        [OQ_TRANSFER_EV_REPAIR]       = GO(REPAIRING, NOTHING),
        [OQ_TRANSFER_EV_FETCHED]      = END(FETCHED),
        [OQ_TRANSFER_EV_REFUTED]      = STOP(STOPPED),
        [OQ_TRANSFER_EV_FAIL]         = STOP(FAILED),
        [OQ_TRANSFER_EV_STOP]         = STOP(STOPPED),
        [OQ_TRANSFER_EV_DISCARD]      = STOP(DISCARDED),
    },
    [OQ_TRANSFER_REPAIRING] = {
        [OQ_TRANSFER_EV_RESOLVE]      = GO(RESOLVING_PROXY, NOTHING), /* of a redirect */
        [OQ_TRANSFER_EV_VERIFY]       = GO(VERIFYING, NOTHING),
        [OQ_TRANSFER_EV_REFUTED]      = STOP(STOPPED), /* no source sends single pieces */
        [OQ_TRANSFER_EV_FAIL]         = STOP(FAILED),
        [OQ_TRANSFER_EV_STOP]         = STOP(STOPPED),
        [OQ_TRANSFER_EV_DISCARD]      = STOP(DISCARDED),
    },
    [OQ_TRANSFER_STOPPING] = { /* the first outcome counts */
        [OQ_TRANSFER_EV_RESTART]      = GO(STOPPING, NOTHING),
        [OQ_TRANSFER_EV_FAIL]         = GO(STOPPING, NOTHING),
        [OQ_TRANSFER_EV_FLUSH_FAILED] = END(NONE),
        [OQ_TRANSFER_EV_STOP]         = GO(STOPPING, NOTHING),
        [OQ_TRANSFER_EV_DISCARD]      = STOP(DISCARDED), /* but what is not wanted is not kept */
        [OQ_TRANSFER_EV_SETTLED]      = END(NONE),
    },
    /* ENDED has no row: the transfer is freed. */
};
/* clang-format on */

enum oq_status oq_transfer_transition(enum oq_transfer_state state, enum oq_transfer_event event,
                                      struct oq_transfer_transition *out)
{
    if ((unsigned)state >= OQ_TRANSFER_STATE_COUNT || (unsigned)event >= OQ_TRANSFER_EVENT_COUNT ||
        !rules[state][event].is_legal)
        return OQ_E_BUG;
    *out = rules[state][event].transition;
    return OQ_OK;
}

static const char *check_state(const struct oq_transfer_facts *facts)
{
    bool is_unsaved = facts->written_bytes + facts->buffered_bytes != facts->done_bytes;
    switch (facts->state) {
    case OQ_TRANSFER_OPENING:
        if (facts->work != OQ_WORK_NONE && facts->work != OQ_WORK_OPEN)
            return "OPENING, and a worker does something else";
        return facts->has_request || facts->has_verification ? "OPENING with a request" : NULL;
    case OQ_TRANSFER_RESOLVING_PROXY:
        if (facts->work != OQ_WORK_PROXY)
            return "RESOLVING_PROXY, and no worker does";
        return facts->has_request || facts->has_verification ? NULL : "RESOLVING_PROXY for nothing";
    case OQ_TRANSFER_REQUESTING:
        if (!facts->has_file || !facts->has_request)
            return "REQUESTING without a file or a request";
        if (facts->work != OQ_WORK_NONE || facts->has_verification)
            return "REQUESTING, and there is other work";
        return is_unsaved ? "REQUESTING with bytes that are not saved" : NULL;
    case OQ_TRANSFER_RECEIVING:
        if (!facts->has_file || !facts->has_request || facts->has_verification)
            return "RECEIVING without a file or a request";
        return facts->work == OQ_WORK_NONE || facts->work == OQ_WORK_FLUSH
                   ? NULL
                   : "RECEIVING, and a worker does not flush";
    case OQ_TRANSFER_FLUSHING:
        if (!facts->has_file || facts->has_request || facts->has_verification)
            return "FLUSHING without a file, or with a request";
        return facts->work == OQ_WORK_FLUSH ? NULL : "FLUSHING, and no worker does";
    case OQ_TRANSFER_VERIFYING:
        if (!facts->has_file || facts->has_request || !facts->has_verification)
            return "VERIFYING without a file and a hash";
        if (facts->work != OQ_WORK_HASH)
            return "VERIFYING, and no worker does";
        return is_unsaved ? "VERIFYING bytes that are not saved" : NULL;
    case OQ_TRANSFER_REPAIRING:
        if (!facts->has_file || !facts->has_verification)
            return "REPAIRING without a file and a hash";
        if (facts->work != OQ_WORK_NONE && facts->work != OQ_WORK_FLUSH)
            return "REPAIRING, and a worker does not flush";
        return facts->has_request == (facts->work == OQ_WORK_NONE)
                   ? NULL
                   : "REPAIRING with neither a request nor a flush, or with both";
    case OQ_TRANSFER_STOPPING:
        if (facts->has_request)
            return "STOPPING with a request";
        return facts->work == OQ_WORK_NONE ? "STOPPING, and nothing is waited for" : NULL;
    case OQ_TRANSFER_ENDED:
        return facts->has_request || facts->work != OQ_WORK_NONE ? "ENDED, and something is out"
                                                                 : NULL;
    case OQ_TRANSFER_STATE_COUNT:
        break;
    }
    return "a state that is none";
}

const char *oq_transfer_check(const struct oq_transfer_facts *facts)
{
    bool has_outcome = facts->outcome != OQ_OUTCOME_NONE;
    bool must_have_one = facts->state == OQ_TRANSFER_STOPPING || facts->state == OQ_TRANSFER_ENDED;
    if (has_outcome != must_have_one)
        return has_outcome ? "an outcome before the end" : "an end without an outcome";
    if (facts->state >= OQ_TRANSFER_REQUESTING && facts->state <= OQ_TRANSFER_FLUSHING &&
        facts->written_bytes < facts->done_bytes)
        return "more bytes are saved than were written";
    return facts->has_effects ? NULL : check_state(facts);
}

const char *oq_transfer_state_text(enum oq_transfer_state state)
{
    static const char *const texts[OQ_TRANSFER_STATE_COUNT] = {
#define OQ_TRANSFER_STATE(name, text) [OQ_TRANSFER_##name] = text,
#include "oq_transfer_states.def"
#undef OQ_TRANSFER_STATE
    };
    return (unsigned)state < OQ_TRANSFER_STATE_COUNT ? texts[state] : "?";
}

const char *oq_transfer_event_name(enum oq_transfer_event event)
{
    static const char *const names[] = {"OPENED", "RESOLVE",      "RESOLVED", "ACCEPT",  "WHOLE",
                                        "VERIFY", "REPAIR",       "FETCHED",  "REFUTED", "RESTART",
                                        "FAIL",   "FLUSH_FAILED", "STOP",     "DISCARD", "SETTLED"};
    _Static_assert(sizeof names / sizeof names[0] == OQ_TRANSFER_EVENT_COUNT, "a name for each");
    return (unsigned)event < OQ_TRANSFER_EVENT_COUNT ? names[event] : "?";
}
