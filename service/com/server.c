/* server.c - start and stop of the COM side, and the thread on which both happen.
 *
 * Owns the thread and one reference to the context. The thread sits in the
 * multi-threaded apartment from start to stop and keeps it alive; calls of clients come on threads
 * of the RPC run-time. Start and stop may be called from different threads, which need not be in
 * any apartment.
 */
#include "oq_com_server.h"

#include "com_int.h"

#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_delivery.h"
#include "oq_log.h"

#include <process.h>

struct oq_com {
    struct oq_context *context;
    bool serve_legacy_clsid;
    HANDLE thread;
    HANDLE started; /* event: start_status is there */
    HANDLE stop;    /* event */
    enum oq_status start_status;
    struct oq_error start_error;
    /* the thread's */
    struct oq_deliver *deliver;
    /* of the stop; set before the event `stop` */
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
        if (FAILED(hr))
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

static enum oq_status start_on_thread(struct oq_com *com, struct oq_error *err)
{
    enum oq_status status = oq_security_init(err);
    if (status == OQ_OK)
        status = register_classes(com, err);
    /* From now on clients can look for their groups and register callbacks again. */
    if (status == OQ_OK) {
        status = oq_deliver_start(com->context, &oq_delivery_rules_default, &com->deliver, err);
        if (status != OQ_OK)
            oq_classes_close(com->context->classes);
    }
    return status;
}

/* No new objects, no new calls; then those that run may end; only then clients are cut off, so that
 * no client loses the response to something that was done. Dropping the callbacks comes last: it
 * calls clients, and may hang. Threads that hang in a client are not waited for at all. */
static void stop_on_thread(struct oq_com *com)
{
    CoSuspendClassObjects();
    oq_context_refuse_calls(com->context);
    oq_deliver_silence(com->deliver);
    com->drain_status = oq_context_wait_calls(com->context, com->drain_ms);
    SetEvent(com->drained);
    oq_deliver_free(com->deliver);
    oq_classes_close(com->context->classes);
    oq_objects_disconnect(com->context);
    oq_notify_close(com->context->notify);
}

static unsigned __stdcall com_thread(void *argument)
{
    struct oq_com *com = argument;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (FAILED(hr))
        com->start_status = com_failed(&com->start_error, hr, "CoInitializeEx");
    else
        com->start_status = start_on_thread(com, &com->start_error);

    bool is_started = com->start_status == OQ_OK;
    SetEvent(com->started);
    if (is_started) {
        struct oq_classes *classes = com->context->classes;
        while (WaitForSingleObject(com->stop, oq_classes_renewal_ms(classes)) == WAIT_TIMEOUT)
            oq_classes_renew(classes, NULL);
        stop_on_thread(com);
    }
    if (SUCCEEDED(hr))
        CoUninitialize();
    return 0;
}

/* --- from outside ----------------------------------------------------------------------------- */

static void free_server(struct oq_com *com)
{
    HANDLE handles[] = {com->thread, com->started, com->stop, com->drained};
    for (size_t i = 0; i < ARRAYSIZE(handles); i++) {
        if (handles[i])
            CloseHandle(handles[i]);
    }
    oq_context_unref(com->context);
    oq_free(com);
}

static HANDLE new_event(struct oq_error *err, enum oq_status *status)
{
    HANDLE event = *status == OQ_OK ? CreateEventW(NULL, TRUE, FALSE, NULL) : NULL;
    if (*status == OQ_OK && !event)
        *status = oq_error_win32(err, OQ_E_IO, GetLastError(), "CreateEvent failed");
    return event;
}

enum oq_status oq_com_start(const struct oq_com_options *options, struct oq_com **out,
                            struct oq_error *err)
{
    struct oq_com *com = oq_calloc(1, sizeof *com);
    if (!com)
        return OQ_E_NOMEM;
    com->serve_legacy_clsid = options->serve_legacy_clsid;
    oq_error_init(&com->start_error);
    enum oq_status status = oq_context_new(options, &oq_impersonation_com, &com->context);
    com->started = new_event(err, &status);
    com->stop = new_event(err, &status);
    com->drained = new_event(err, &status);
    if (status == OQ_OK) {
        com->thread = (HANDLE)_beginthreadex(NULL, 0, com_thread, com, 0, NULL);
        if (!com->thread)
            status = oq_error_set(err, OQ_E_NOMEM, "no thread for COM");
    }
    if (status == OQ_OK) {
        WaitForSingleObject(com->started, INFINITE);
        status = com->start_status;
        if (status != OQ_OK) {
            if (err)
                *err = com->start_error;
            WaitForSingleObject(com->thread, INFINITE);
        }
    }
    if (status != OQ_OK) {
        free_server(com);
        return status;
    }
    *out = com;
    return OQ_OK;
}

static DWORD left_until(int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - oq_clock_mono_ms(oq_clock_system());
    if (left_ms < 0)
        return 0;
    return left_ms < INFINITE ? (DWORD)left_ms : INFINITE - 1;
}

enum oq_status oq_com_stop(struct oq_com *com, int64_t timeout_ms)
{
    if (!com)
        return OQ_OK;
    int64_t deadline_ms = oq_clock_mono_ms(oq_clock_system()) + timeout_ms;
    com->drain_ms = timeout_ms - timeout_ms / 4; /* the rest is for disconnecting */
    SetEvent(com->stop);

    if (WaitForSingleObject(com->thread, left_until(deadline_ms)) == WAIT_OBJECT_0) {
        enum oq_status status = com->drain_status;
        free_server(com);
        return status;
    }
    /* The thread continues with what is left, and so what it uses stays. */
    bool is_drained =
        WaitForSingleObject(com->drained, 0) == WAIT_OBJECT_0 && com->drain_status == OQ_OK;
    oq_log_warning("a client of the COM interfaces hangs; its connection is left behind");
    return is_drained ? OQ_OK : OQ_E_TIMEOUT;
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
