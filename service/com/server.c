/* server.c - the steps of the COM side, and the thread on which all of them happen.
 *
 * Owns the thread and one reference to the context. The thread sits in the multi-threaded apartment
 * from open to close and keeps it alive; calls of clients come on threads of the RPC run-time. The
 * steps may be asked for by different threads, which need not be in any apartment.
 */
#include "oq_com_server.h"

#include "com_int.h"

#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_delivery.h"
#include "oq_log.h"

#include <process.h>

#define CLOSE_MS 2000u /* for COM to forget the classes */

enum step { STEP_SERVE, STEP_DRAIN, STEP_CLOSE };

struct oq_com {
    bool serve_legacy_clsid;
    HANDLE thread;
    HANDLE go;   /* event, auto-reset: `step` is asked for */
    HANDLE done; /* event, auto-reset: it, or the opening, has ended */
    atomic_int step;
    struct oq_context *context; /* NULL until oq_com_serve */
    enum oq_status status;      /* of the opening and of STEP_SERVE */
    struct oq_error error;
    /* the thread's */
    struct oq_deliver *deliver;
    /* of the stop; set before STEP_DRAIN is asked for */
    int64_t drain_ms;
    enum oq_status drain_status; /* valid when `drained` is signalled */
    HANDLE drained;
};

/* --- on the thread ---------------------------------------------------------------------------- */

static enum oq_status com_failed(struct oq_error *err, HRESULT hr, const char *function)
{
    return oq_error_win32(err, OQ_E_IO, (uint32_t)hr, "%s failed (0x%08lx)", function,
                          (unsigned long)hr);
}

static enum oq_status register_classes(struct oq_com *com, struct oq_error *err)
{
    const CLSID *clsids[] = {&CLSID_OpenQmgr, &CLSID_BackgroundCopyQMgr};
    enum oq_status status = OQ_OK;
    for (unsigned i = 0; status == OQ_OK && i < (com->serve_legacy_clsid ? 2u : 1u); i++) {
        IClassFactory *factory = NULL;
        status = oq_factory_new(com->context, &factory);
        if (status != OQ_OK) {
            oq_error_set(err, status, "no memory for the class object");
            break;
        }
        HRESULT hr = oq_classes_serve(com->context->classes, clsids[i], factory);
        if (hr == CO_E_WRONG_SERVER_IDENTITY)
            status = oq_error_win32(err, OQ_E_IO, (uint32_t)hr,
                                    "the class is registered for the service, and COM does not let "
                                    "this user serve it: start the service, or this program as "
                                    "LocalSystem");
        else if (FAILED(hr))
            status = com_failed(err, hr, "CoRegisterClassObject");
        IClassFactory_Release(factory);
    }
    if (status == OQ_OK) {
        /* All or none: no client finds the one class while the other is still missing. */
        HRESULT hr = CoResumeClassObjects();
        if (FAILED(hr))
            status = com_failed(err, hr, "CoResumeClassObjects");
    }
    if (status != OQ_OK)
        oq_classes_close(com->context->classes);
    return status;
}

static enum oq_status serve_on_thread(struct oq_com *com, struct oq_error *err)
{
    enum oq_status status = register_classes(com, err);
    /* From now on clients can look for their groups and register callbacks again. */
    if (status == OQ_OK) {
        status = oq_deliver_start(com->context, &oq_delivery_rules_default, &com->deliver, err);
        if (status != OQ_OK)
            oq_classes_close(com->context->classes);
    }
    return status;
}

/* No new calls; then those that run may end; only then clients are cut off, so that none loses
 * the response to something that was done. Dropping the callbacks comes last: it calls clients, and
 * may hang. Threads that hang in a client are not waited for at all.
 *
 * The class objects stay, and answer CO_E_SERVER_STOPPING. Without them COM would ask the service
 * control manager for a service that is still running, and the client would wait for a class that
 * is never registered (docs/decisions/0014). */
static void drain_on_thread(struct oq_com *com)
{
    oq_context_refuse_calls(com->context);
    oq_deliver_silence(com->deliver);
    com->drain_status = oq_context_wait_calls(com->context, com->drain_ms);
    SetEvent(com->drained);
    oq_deliver_free(com->deliver);
    com->deliver = NULL;
    oq_objects_disconnect(com->context);
    oq_notify_close(com->context->notify);
}

static void run_steps(struct oq_com *com)
{
    struct oq_classes *classes = NULL;
    for (;;) {
        DWORD limit_ms = classes ? oq_classes_renewal_ms(classes) : INFINITE;
        if (WaitForSingleObject(com->go, limit_ms) == WAIT_TIMEOUT) {
            oq_classes_renew(classes, NULL);
            continue;
        }
        switch ((enum step)atomic_load(&com->step)) {
        case STEP_SERVE:
            com->status = serve_on_thread(com, &com->error);
            if (com->status == OQ_OK)
                classes = com->context->classes;
            break;
        case STEP_DRAIN:
            drain_on_thread(com);
            break;
        case STEP_CLOSE:
            if (classes)
                oq_classes_close(classes);
            return;
        }
        SetEvent(com->done);
    }
}

static unsigned __stdcall com_thread(void *argument)
{
    struct oq_com *com = argument;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (FAILED(hr))
        com->status = com_failed(&com->error, hr, "CoInitializeEx");
    else
        com->status = oq_security_init(&com->error);

    bool is_open = com->status == OQ_OK;
    SetEvent(com->done);
    if (is_open)
        run_steps(com);
    if (SUCCEEDED(hr))
        CoUninitialize();
    return 0;
}

/* --- from outside ----------------------------------------------------------------------------- */

static void free_server(struct oq_com *com)
{
    HANDLE handles[] = {com->thread, com->go, com->done, com->drained};
    for (size_t i = 0; i < ARRAYSIZE(handles); i++) {
        if (handles[i])
            CloseHandle(handles[i]);
    }
    oq_context_unref(com->context);
    oq_free(com);
}

static HANDLE new_event(bool is_manual, struct oq_error *err, enum oq_status *status)
{
    HANDLE event = *status == OQ_OK ? CreateEventW(NULL, is_manual, FALSE, NULL) : NULL;
    if (*status == OQ_OK && !event)
        *status = oq_error_win32(err, OQ_E_IO, GetLastError(), "CreateEvent failed");
    return event;
}

static void ask_for(struct oq_com *com, enum step step)
{
    atomic_store(&com->step, step);
    SetEvent(com->go);
}

/* The status of what the thread has just done, with its error. */
static enum oq_status wait_done(struct oq_com *com, struct oq_error *err)
{
    WaitForSingleObject(com->done, INFINITE);
    if (com->status != OQ_OK && err)
        *err = com->error;
    return com->status;
}

enum oq_status oq_com_open(struct oq_com **out, struct oq_error *err)
{
    struct oq_com *com = oq_calloc(1, sizeof *com);
    if (!com)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    oq_error_init(&com->error);
    enum oq_status status = OQ_OK;
    com->go = new_event(false, err, &status);
    com->done = new_event(false, err, &status);
    com->drained = new_event(true, err, &status);
    if (status == OQ_OK) {
        com->thread = (HANDLE)_beginthreadex(NULL, 0, com_thread, com, 0, NULL);
        if (!com->thread)
            status = oq_error_set(err, OQ_E_NOMEM, "no thread for COM");
    }
    if (status == OQ_OK) {
        status = wait_done(com, err);
        if (status != OQ_OK)
            WaitForSingleObject(com->thread, INFINITE);
    }
    if (status != OQ_OK) {
        free_server(com);
        return status;
    }
    *out = com;
    return OQ_OK;
}

enum oq_status oq_com_serve(struct oq_com *com, const struct oq_com_options *options,
                            struct oq_error *err)
{
    struct oq_context *context = NULL;
    enum oq_status status = oq_context_new(options, &oq_impersonation_com, &context);
    if (status != OQ_OK)
        return oq_error_set(err, status, "out of memory");
    com->serve_legacy_clsid = options->serve_legacy_clsid;
    com->context = context;
    ask_for(com, STEP_SERVE);
    status = wait_done(com, err);
    if (status != OQ_OK) {
        oq_context_unref(context);
        com->context = NULL;
    }
    return status;
}

static DWORD left_until(int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - oq_clock_mono_ms(oq_clock_system());
    if (left_ms < 0)
        return 0;
    return left_ms < INFINITE ? (DWORD)left_ms : INFINITE - 1;
}

enum oq_status oq_com_drain(struct oq_com *com, int64_t timeout_ms)
{
    int64_t deadline_ms = oq_clock_mono_ms(oq_clock_system()) + timeout_ms;
    com->drain_ms = timeout_ms - timeout_ms / 4; /* the rest is for disconnecting */
    ask_for(com, STEP_DRAIN);
    if (WaitForSingleObject(com->done, left_until(deadline_ms)) == WAIT_OBJECT_0)
        return com->drain_status;
    /* The thread continues with what is left, and so what it uses stays. */
    bool is_drained =
        WaitForSingleObject(com->drained, 0) == WAIT_OBJECT_0 && com->drain_status == OQ_OK;
    oq_log_warning("a client of the COM interfaces hangs; its connection is left behind");
    return is_drained ? OQ_OK : OQ_E_TIMEOUT;
}

void oq_com_close(struct oq_com *com)
{
    if (!com)
        return;
    ask_for(com, STEP_CLOSE);
    if (WaitForSingleObject(com->thread, CLOSE_MS) == WAIT_OBJECT_0)
        free_server(com);
    else
        oq_log_warning("COM: the thread does not end in %u ms; it is left behind", CLOSE_MS);
}

void oq_com_get_live(struct oq_com *com, uint32_t *objects, uint32_t *locks)
{
    struct oq_context *context = com->context;
    AcquireSRWLockShared(&context->lock);
    *objects = context->live;
    ReleaseSRWLockShared(&context->lock);
    *locks = atomic_load(&context->locks);
}

void oq_com_get_life(struct oq_com *com, struct oq_com_life *life)
{
    struct oq_context *context = com->context;
    /* First: what comes after it is an activation that oq_com_shut_gate will see. */
    AcquireSRWLockShared(&context->lock);
    life->activations = context->activations;
    life->objects = context->live;
    ReleaseSRWLockShared(&context->lock);
    life->locks = atomic_load(&context->locks);
    life->callbacks = oq_notify_count(context->notify);
}

bool oq_com_shut_gate(struct oq_com *com, uint64_t activations)
{
    return oq_context_shut_gate(com->context, activations);
}
