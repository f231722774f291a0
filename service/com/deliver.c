/* deliver.c - notifies clients of the end of their groups: IBackgroundCopyCallback1::OnStatus
 * (contract section 8; D28, D29).
 *
 * Owns the notifier thread, which hands each call that is due to a thread of its own: a client may
 * hang for ever, be slow, or call back into the service. What such a thread uses it has a reference
 * to, so it may be left behind when the service stops; it comes back to a context that refuses
 * calls, and touches the engine no more. No lock is held while a client is called.
 *
 * Delivery is at least once. A client that has returned S_OK is notified again if the service ends
 * before the acknowledgement is saved: only after that the event is forgotten. The other order
 * could lose an event, and a client can find out by GetStatus that it knows already.
 */
#include "notify_int.h"

#include "oq_alloc.h"
#include "oq_log.h"

#include <process.h>

#define ACKNOWLEDGE_TRIES 3 /* each waits for the engine as long as any call does */
#define STACK_BYTES (256 * 1024)

struct oq_deliver {
    struct oq_context *context; /* a reference */
    const struct oq_delivery_rules *rules;
    struct oq_event_port port;
    HANDLE notifier;
    bool has_let_go; /* the engine has said that it uses the port no more */
};

/* --- one call --------------------------------------------------------------------------------- */

struct work {
    struct oq_context *context; /* a reference */
    const struct oq_delivery_rules *rules;
    struct oq_notify_call call;
};

/* The objects are made for the call. Each of their methods asks who calls, as ever: that they came
 * with a notification gives no right to anything. */
static HRESULT call_client(struct oq_context *context, const struct oq_notify_call *call)
{
    const struct oq_event *event = &call->event;
    bool is_error = event->kind == OQ_EVENT_ERROR;
    GUID group_guid = oq_convert_to_guid(&event->group_guid);
    GUID job_guid = oq_convert_to_guid(&event->job_guid);
    IBackgroundCopyGroup *group = NULL;
    IBackgroundCopyJob1 *job = NULL;
    HRESULT hr = E_OUTOFMEMORY;

    enum oq_status status = oq_group_new(context, &group_guid, &group);
    if (status == OQ_OK)
        oq_group_set_id(group, event->group);
    if (status == OQ_OK && event->has_job)
        status = oq_job_new(context, event->group, &job_guid, &job);
    if (status == OQ_OK)
        hr = IBackgroundCopyCallback1_OnStatus(
            call->callback, group, job, is_error ? event->file_index : OQ_NO_FILE,
            is_error ? QM_STATUS_GROUP_ERROR : QM_STATUS_GROUP_COMPLETE,
            is_error ? event->retries : 0, is_error ? event->win32 : 0, is_error ? event->http : 0);
    if (job)
        IBackgroundCopyJob1_Release(job);
    if (group)
        IBackgroundCopyGroup_Release(group);
    return hr;
}

/* If this fails the event stays in the database, and is delivered again after the next start or
 * registration. */
static void acknowledge(struct oq_context *context, const struct oq_event *event)
{
    struct oq_error err;
    enum oq_status status = OQ_E_BUSY;
    for (int i = 0; i < ACKNOWLEDGE_TRIES && status == OQ_E_BUSY; i++) {
        oq_error_init(&err);
        if (!oq_context_enter(context))
            return;
        status = oq_engine_acknowledge(context->engine, event->group, event->serial, &err);
        oq_context_leave(context);
    }
    if (status != OQ_OK && status != OQ_E_STOPPING)
        oq_log_warning("group %lld: that its client was notified could not be saved: %s",
                       (long long)event->group, err.text);
}

static void deliver(struct work *work)
{
    struct oq_notify *notify = work->context->notify;
    struct oq_event event = work->call.event;
    HRESULT hr = call_client(work->context, &work->call);
    enum oq_delivery_answer answer = oq_delivery_judge((uint32_t)hr);
    if (answer == OQ_ANSWER_UNDERSTOOD)
        oq_log_debug("group %lld: its client was notified", (long long)event.group);
    else
        oq_log_info("group %lld: its client %s (0x%08lx)", (long long)event.group,
                    answer == OQ_ANSWER_GONE ? "is gone; the next one to register is notified"
                                             : "has not acknowledged, and is notified again later",
                    (unsigned long)hr);
    if (oq_notify_end(notify, work->rules, &work->call, answer))
        acknowledge(work->context, &event);
}

/* Continues with the next client that is due, so that many short calls do not need many threads. */
static unsigned __stdcall worker(void *argument)
{
    struct work *work = argument;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    do
        deliver(work);
    while (oq_notify_try(work->context->notify, work->rules, &work->call));
    if (SUCCEEDED(hr))
        CoUninitialize();
    oq_context_unref(work->context);
    oq_free(work);
    return 0;
}

/* --- the notifier ----------------------------------------------------------------------------- */

static bool start_worker(struct oq_deliver *deliver, const struct oq_notify_call *call)
{
    struct work *work = oq_calloc(1, sizeof *work);
    if (!work)
        return false;
    work->context = oq_context_ref(deliver->context);
    work->rules = deliver->rules;
    work->call = *call;
    HANDLE thread = (HANDLE)_beginthreadex(NULL, STACK_BYTES, worker, work,
                                           STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!thread) {
        oq_context_unref(work->context);
        oq_free(work);
        return false;
    }
    CloseHandle(thread);
    return true;
}

static enum oq_status listen(struct oq_deliver *deliver, struct oq_error *err)
{
    return oq_engine_listen(deliver->context->engine, &deliver->port, err);
}

static unsigned __stdcall notifier(void *argument)
{
    struct oq_deliver *deliver = argument;
    struct oq_context *context = deliver->context;
    struct oq_notify_call call;
    enum oq_notify_next next;
    while ((next = oq_notify_wait(context->notify, deliver->rules, &call)) != OQ_NOTIFY_CLOSED) {
        if (next == OQ_NOTIFY_CALL && !start_worker(deliver, &call)) {
            oq_log_warning("no memory to notify a client of its group; it is notified later");
            (void)oq_notify_end(context->notify, deliver->rules, &call, OQ_ANSWER_AGAIN);
        } else if (next == OQ_NOTIFY_INCOMPLETE && oq_context_enter(context)) {
            struct oq_error err;
            oq_error_init(&err);
            if (listen(deliver, &err) != OQ_OK)
                oq_notify_lost(context->notify);
            oq_context_leave(context);
        }
    }
    return 0;
}

/* --- from outside ----------------------------------------------------------------------------- */

/* On the engine's thread. */
static void post(void *ctx, const struct oq_event *event)
{
    struct oq_context *context = ctx;
    oq_notify_post(context->notify, event);
}

enum oq_status oq_deliver_start(struct oq_context *context, const struct oq_delivery_rules *rules,
                                struct oq_deliver **out, struct oq_error *err)
{
    struct oq_deliver *deliver = oq_calloc(1, sizeof *deliver);
    if (!deliver)
        return oq_error_set(err, OQ_E_NOMEM, "no memory for the notifier");
    deliver->context = oq_context_ref(context);
    deliver->rules = rules;
    deliver->port = (struct oq_event_port){.ctx = context, .post = post};
    deliver->notifier = (HANDLE)_beginthreadex(NULL, STACK_BYTES, notifier, deliver,
                                               STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!deliver->notifier) {
        oq_context_unref(context);
        oq_free(deliver);
        return oq_error_set(err, OQ_E_NOMEM, "no thread for the notifier");
    }
    enum oq_status status = listen(deliver, err);
    if (status != OQ_OK) {
        oq_deliver_silence(deliver);
        if (status != OQ_E_BUSY) /* then it may have been called, later */
            deliver->has_let_go = true;
        oq_deliver_free(deliver);
        return status;
    }
    *out = deliver;
    return OQ_OK;
}

void oq_deliver_silence(struct oq_deliver *deliver)
{
    struct oq_error err;
    oq_error_init(&err);
    if (!deliver)
        return;
    oq_notify_stop(deliver->context->notify);
    WaitForSingleObject(deliver->notifier, INFINITE); /* it listens too, in need */
    deliver->has_let_go = oq_engine_listen(deliver->context->engine, NULL, &err) == OQ_OK;
}

void oq_deliver_free(struct oq_deliver *deliver)
{
    if (!deliver)
        return;
    CloseHandle(deliver->notifier);
    /* An engine that is busy or stopping has not said that it has let go of the port, and may post
     * once more. What it would use then stays: one block, in a process that ends. */
    if (!deliver->has_let_go)
        return;
    oq_context_unref(deliver->context);
    oq_free(deliver);
}
