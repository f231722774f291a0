/* calls.c - how a call of oq_engine.h gets to the engine thread and back, and the calls that wait.
 *
 * oq_call: any thread but the engine's; it touches no domain state. Everything else: the engine
 * thread.
 */
#include "calls_int.h"

#include "oq_alloc.h"
#include "oq_log.h"

#include <string.h>

/* Who may touch the caller's struct: the engine thread while RUNNING, the caller otherwise. */
enum { QUEUED, RUNNING, WAITING, DONE, ABANDONED };

const struct oq_caller oq_call_service = {.sid = "", .rights.is_admin = true};

static void unref(struct oq_call *call)
{
    if (!call || atomic_fetch_sub(&call->references, 1) != 1)
        return;
    oq_queue_free(call->reply);
    oq_free(call);
}

static void answer(struct oq_call *call, enum oq_status status)
{
    call->status = status;
    atomic_store(&call->state, DONE);
    /* The queue has room for the one push it ever sees. */
    if (oq_queue_push(call->reply, call) != OQ_OK)
        oq_log_error("engine: the result of a call was not delivered");
    unref(call);
}

/* Gives up, unless the engine runs it just now: that does not take long. */
static enum oq_status give_up(struct oq_call *call, struct oq_error *err)
{
    void *unused = NULL;
    do {
        int queued = QUEUED, waiting = WAITING;
        if (atomic_compare_exchange_strong(&call->state, &queued, ABANDONED) ||
            atomic_compare_exchange_strong(&call->state, &waiting, ABANDONED))
            return oq_error_set(err, OQ_E_BUSY, "the service did not answer in time");
    } while (oq_queue_pop(call->reply, 100, &unused) != OQ_OK);
    return OQ_OK;
}

enum oq_status oq_call(struct oq_engine *engine, oq_call_run *run, const struct oq_caller *caller,
                       int64_t group, void *args, struct oq_error *err)
{
    void *answered = NULL;
    struct oq_call *call = oq_calloc(1, sizeof *call);
    if (!call || oq_queue_new(1, &call->reply) != OQ_OK) {
        oq_free(call);
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    }
    *call = (struct oq_call){.caller = caller,
                             .args = args,
                             .err = &call->error,
                             .group = group,
                             .run = run,
                             .reply = call->reply};
    oq_error_init(&call->error);
    atomic_init(&call->references, 2);
    atomic_init(&call->state, QUEUED);

    enum oq_status status = OQ_E_STOPPING;
    if (!atomic_load(&engine->is_stopping))
        status = oq_queue_push(engine->requests, call);
    if (status != OQ_OK) {
        unref(call);
        unref(call);
        return status == OQ_E_STOPPING ? oq_error_set(err, status, "the service is stopping")
                                       : oq_error_set(err, status, "too many calls at once");
    }
    oq_net_wakeup(engine->net);
    status = oq_queue_pop(call->reply, engine->config.reply_timeout_ms, &answered);
    if (status != OQ_OK)
        status = give_up(call, err);
    if (status == OQ_OK) {
        status = call->status;
        if (err && status != OQ_OK)
            *err = call->error;
    }
    unref(call);
    return status;
}

/* --- engine thread ---------------------------------------------------------------------------- */

int oq_calls_run(struct oq_engine *engine, int most)
{
    void *item = NULL;
    int count = 0;
    for (; count < most && oq_queue_pop(engine->requests, 0, &item) == OQ_OK; count++) {
        struct oq_call *call = item;
        int queued = QUEUED;
        if (!atomic_compare_exchange_strong(&call->state, &queued, RUNNING)) {
            unref(call);
            continue;
        }
        /* What it waits for may come, and free it, before run returns. */
        atomic_fetch_add(&call->references, 1);
        enum oq_status status = call->run(engine, call);
        if (call->waits_for == OQ_WAIT_NOTHING && atomic_load(&call->state) == RUNNING) {
            answer(call, status);
        } else {
            int running = RUNNING;
            atomic_compare_exchange_strong(&call->state, &running, WAITING);
        }
        unref(call);
    }
    return count;
}

void oq_calls_refuse(struct oq_engine *engine)
{
    void *item = NULL;
    oq_queue_close(engine->requests);
    while (oq_queue_pop(engine->requests, 0, &item) == OQ_OK) {
        struct oq_call *call = item;
        int queued = QUEUED;
        if (atomic_compare_exchange_strong(&call->state, &queued, RUNNING))
            answer(call, oq_call_fail(call, OQ_E_STOPPING, "the service is stopping"));
        else
            unref(call);
    }
    /* What they asked for is saved; only the effect is not waited for. */
    for (struct oq_entry *entry = engine->catalogue.first; entry; entry = entry->next)
        oq_waiters_check(entry, true);
}

void oq_call_wait(struct oq_entry *entry, struct oq_call *call, enum oq_wait what)
{
    call->waits_for = what;
    call->next_waiter = entry->waiters;
    entry->waiters = call;
}

void oq_call_wait_no_longer(struct oq_entry *entry, struct oq_call *call)
{
    struct oq_call **link = &entry->waiters;
    while (*link && *link != call)
        link = &(*link)->next_waiter;
    if (*link)
        *link = call->next_waiter;
    call->waits_for = OQ_WAIT_NOTHING;
}

void oq_waiters_check(struct oq_entry *entry, bool is_removed)
{
    struct oq_call **link = &entry->waiters;
    while (*link) {
        struct oq_call *call = *link;
        if (!is_removed && (call->waits_for != OQ_WAIT_STOPPED || entry->running > 0)) {
            link = &call->next_waiter;
            continue;
        }
        *link = call->next_waiter;
        answer(call, OQ_OK);
    }
}

enum oq_status oq_call_fail(struct oq_call *call, enum oq_status status, const char *text)
{
    return oq_error_set(call->err, status, "%s", text);
}

struct oq_access_decision oq_call_access(const struct oq_call *call, enum oq_access_verb verb,
                                         const char *owner_sid, const struct oq_rights *owner)
{
    return oq_access_decide(verb, call->caller->sid, &call->caller->rights, owner_sid, owner);
}

enum oq_status oq_call_find(struct oq_engine *engine, struct oq_call *call,
                            enum oq_access_verb verb, struct oq_entry **out)
{
    struct oq_entry *entry = oq_catalogue_find(&engine->catalogue, call->group);
    if (!entry)
        return oq_catalogue_find_gone(&engine->catalogue, call->group)
                   ? oq_call_fail(call, OQ_E_INVALID_STATE,
                                  "the group was cancelled or has expired")
                   : oq_call_fail(call, OQ_E_NOT_FOUND, "there is no such group");
    struct oq_access_decision access =
        oq_call_access(call, verb, entry->group.owner_sid, &entry->group.owner_rights);
    if (access.status != OQ_OK)
        return oq_call_fail(call, access.status,
                            strcmp(call->caller->sid, entry->group.owner_sid) == 0
                                ? "a program with more rights (elevated, or another service of "
                                  "the same account) made the group"
                                : "the group belongs to another user");
    if (verb == OQ_ACCESS_CHANGE && entry->group.state == OQ_GROUP_CANCELLING)
        return oq_call_fail(call, OQ_E_INVALID_STATE, "the group was cancelled or has expired");
    *out = entry;
    return OQ_OK;
}

enum oq_status oq_call_find_file(struct oq_engine *engine, struct oq_call *call,
                                 enum oq_access_verb verb, uint32_t index, struct oq_entry **entry,
                                 struct oq_file **file)
{
    enum oq_status status = oq_call_find(engine, call, verb, entry);
    if (status != OQ_OK)
        return status;
    if (index >= (*entry)->group.job.file_count)
        return oq_call_fail(call, OQ_E_NOT_FOUND, "the job has no file of that index");
    *file = &(*entry)->group.job.files[index];
    /* Who manages the group has not therefore the rights with which the file will be written. */
    if (verb == OQ_ACCESS_CHANGE &&
        oq_call_access(call, verb, (*file)->user_sid, &(*file)->user_rights).status != OQ_OK)
        return oq_call_fail(call, OQ_E_ACCESS_DENIED, "another user has added the file");
    if (verb == OQ_ACCESS_CHANGE && (*file)->state != OQ_FILE_WAITING)
        return oq_call_fail(call, OQ_E_INVALID_STATE, "the file is already there");
    return OQ_OK;
}
