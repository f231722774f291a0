/* oq_transfer_machine.h - the life of a transfer as a table: state x event -> next state, outcome
 * and effects.
 *
 * Pure. A hole in the table is an event that must not come there: OQ_E_BUG, nothing changes. That
 * the first outcome counts, and that a stop does not undo a file whose bytes have all come, is said
 * by the table and nowhere else. transfer.c has the one function that applies a result.
 */
#ifndef OQ_TRANSFER_MACHINE_H
#define OQ_TRANSFER_MACHINE_H

#include "oq_status.h"

enum oq_transfer_state {
#define OQ_TRANSFER_STATE(name, text) OQ_TRANSFER_##name,
#include "oq_transfer_states.def"
#undef OQ_TRANSFER_STATE
    OQ_TRANSFER_STATE_COUNT
};

enum oq_transfer_event {
    OQ_TRANSFER_EV_OPENED,   /* the file is open and ends at the saved offset; the request is out */
    OQ_TRANSFER_EV_RESOLVE,  /* a worker resolves the proxy of another URL */
    OQ_TRANSFER_EV_RESOLVED, /* the redirected request continues */
    OQ_TRANSFER_EV_ACCEPT,   /* header complete: the body belongs into the file */
    OQ_TRANSFER_EV_WHOLE,    /* every byte has come, or is there already */
    OQ_TRANSFER_EV_VERIFY,   /* a worker hashes the file */
    OQ_TRANSFER_EV_REPAIR,   /* pieces failed: the request for the first of them is out */
    OQ_TRANSFER_EV_FETCHED,  /* all bytes are flushed, and verified where there is a hash */
    OQ_TRANSFER_EV_REFUTED,  /* a hash has refuted the bytes: they are forgotten */
    OQ_TRANSFER_EV_RESTART,  /* the response is of no use: again from 0, without a range */
    OQ_TRANSFER_EV_FAIL,
    OQ_TRANSFER_EV_FLUSH_FAILED, /* what came since the last saved offset is not to be trusted */
    OQ_TRANSFER_EV_STOP,         /* what came is kept */
    OQ_TRANSFER_EV_DISCARD,      /* the group goes: nothing has to be kept */
    OQ_TRANSFER_EV_SETTLED,      /* nothing is out any more, and what is kept is saved */
    OQ_TRANSFER_EVENT_COUNT
};

enum oq_transfer_outcome {
    OQ_OUTCOME_NONE,
    OQ_OUTCOME_FETCHED,
    OQ_OUTCOME_STOPPED, /* by the host, or to continue at once: another source, the rest */
    OQ_OUTCOME_DISCARDED,
    OQ_OUTCOME_RESTART,
    OQ_OUTCOME_FAILED,
    OQ_OUTCOME_COUNT
};

/* Carried out after the change, outside libcurl's callbacks; each may be repeated. */
enum oq_transfer_effect {
    OQ_TRANSFER_DO_NOTHING = 0,
    OQ_TRANSFER_DO_CLOSE = 1 << 0,  /* close the request */
    OQ_TRANSFER_DO_SETTLE = 1 << 1, /* write and flush what is left, then continue */
    OQ_TRANSFER_DO_REPORT = 1 << 2, /* say how it ended, and free the transfer */
};

struct oq_transfer_transition {
    enum oq_transfer_state next;
    enum oq_transfer_outcome outcome; /* to be taken; OQ_OUTCOME_NONE: the one there is stays */
    unsigned effects;                 /* of enum oq_transfer_effect */
};

/* OQ_E_BUG when the event must not come in that state; *out is then untouched. */
OQ_MUST_CHECK enum oq_status oq_transfer_transition(enum oq_transfer_state state,
                                                    enum oq_transfer_event event,
                                                    struct oq_transfer_transition *out);

/* What a worker does for the transfer. */
enum oq_transfer_work {
    OQ_WORK_NONE,
    OQ_WORK_OPEN,
    OQ_WORK_PROXY,
    OQ_WORK_FLUSH,
    OQ_WORK_HASH,
    OQ_WORK_COUNT
};

/* What the promises of the states are about. */
struct oq_transfer_facts {
    enum oq_transfer_state state;
    enum oq_transfer_outcome outcome;
    enum oq_transfer_work work;
    bool has_file, has_request, has_verification;
    bool has_effects;        /* some are not carried out yet */
    uint64_t done_bytes;     /* saved offset */
    uint64_t written_bytes;  /* of the file */
    uint64_t buffered_bytes; /* received, and not written */
};

/* The promises of oq_transfer_states.def: a sentence about the first broken one, static; NULL if
 * all hold. */
const char *oq_transfer_check(const struct oq_transfer_facts *facts);

/* For traces and tests; static, "?" for a value out of range. */
const char *oq_transfer_state_text(enum oq_transfer_state state);
const char *oq_transfer_event_name(enum oq_transfer_event event);

#endif
