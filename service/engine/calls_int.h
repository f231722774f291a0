/* calls_int.h - how a call of oq_engine.h reaches the engine thread and returns.
 *
 * Each call is a function of the caller's side, which puts arguments and results into a struct on
 * its stack, and a function that the engine thread runs with that struct. oq_call waits in between:
 * at most ReplyTimeoutMs until the engine begins, and then until it is done, so what was begun has
 * an answer, and a call whose caller has given up is never begun. Suspend and cancel may wait for
 * transfers to stop; then the caller may give up again, and the struct is not touched any more.
 */
#ifndef CALLS_INT_H
#define CALLS_INT_H

#include "engine_int.h"

#include "oq_group_machine.h"

struct oq_call;
/* Engine thread. Returns what the call returns; sets *call->err on failure. */
typedef enum oq_status oq_call_run(struct oq_engine *engine, struct oq_call *call);

enum oq_wait { OQ_WAIT_NOTHING, OQ_WAIT_STOPPED, OQ_WAIT_REMOVED };

struct oq_call {
    const struct oq_caller *caller; /* only while it runs; likewise: */
    void *args;
    struct oq_error *err; /* never NULL */
    int64_t group;        /* or 0 */
    enum oq_wait waits_for;

    /* Of calls.c. */
    oq_call_run *run;
    enum oq_status status;
    struct oq_error error;
    struct oq_call *next_waiter;
    struct oq_queue *reply; /* the call itself is pushed when it is done */
    atomic_uint references;
    atomic_int state;
};

/* Any thread but the engine's: has `run` called on the engine thread. `args` may be NULL; err too.
 * OQ_E_BUSY when the engine did not begin in time, OQ_E_STOPPING, OQ_E_NOMEM, and what run returns.
 */
OQ_MUST_CHECK enum oq_status oq_call(struct oq_engine *engine, oq_call_run *run,
                                     const struct oq_caller *caller, int64_t group, void *args,
                                     struct oq_error *err);

/* --- engine thread ---------------------------------------------------------------------------- */

/* Runs calls that have come, at most `most`. How many there were. */
int oq_calls_run(struct oq_engine *engine, int most);
/* The engine ends: no further call is taken, and all that wait are answered. */
void oq_calls_refuse(struct oq_engine *engine);
/* Within `run`: the answer waits until all transfers of the entry have stopped, or it is removed.
 */
void oq_call_wait(struct oq_entry *entry, struct oq_call *call, enum oq_wait what);
/* Takes that back. */
void oq_call_wait_no_longer(struct oq_entry *entry, struct oq_call *call);

/* Sets the text and returns the status. */
enum oq_status oq_call_fail(struct oq_call *call, enum oq_status status, const char *text);
/* What the caller may do with what that user has made with those rights. */
struct oq_access_decision oq_call_access(const struct oq_call *call, enum oq_access_verb verb,
                                         const char *owner_sid, const struct oq_rights *owner);
/* The group of the call, if the caller may do that with it. A group that is gone is found only by
 * calls that read it: see run_view_group. */
OQ_MUST_CHECK enum oq_status oq_call_find(struct oq_engine *engine, struct oq_call *call,
                                          enum oq_access_verb verb, struct oq_entry **entry);
/* The same with a file of its job. */
OQ_MUST_CHECK enum oq_status oq_call_find_file(struct oq_engine *engine, struct oq_call *call,
                                               enum oq_access_verb verb, uint32_t index,
                                               struct oq_entry **entry, struct oq_file **file);

/* Calls between parts of the service: everything is allowed. */
extern const struct oq_caller oq_call_service;

#endif
