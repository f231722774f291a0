/* context.c - what all COM objects share: the engine, the calls that run, and the gate that refuses
 * new ones once the service stops.
 *
 * Owns struct oq_context. Any thread; the lock is held for a few instructions and never while
 * calling out.
 */
#include "com_int.h"

#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_log.h"

#include <string.h>

enum oq_status oq_context_new(const struct oq_com_options *options,
                              const struct oq_impersonation *impersonation, struct oq_context **out)
{
    struct oq_context *context = oq_calloc(1, sizeof *context);
    if (!context)
        return OQ_E_NOMEM;
    enum oq_status status = oq_notify_new(&context->notify);
    if (status == OQ_OK)
        status = oq_classes_new(impersonation->is_wine(), &context->classes);
    if (status != OQ_OK) {
        oq_notify_free(context->notify);
        oq_free(context);
        return status;
    }
    atomic_init(&context->refs, 1);
    atomic_init(&context->locks, 0);
    context->engine = options->engine;
    context->identity = options->identity;
    context->settings = options->settings;
    context->impersonation = impersonation;
    InitializeSRWLock(&context->lock);
    InitializeConditionVariable(&context->calls_ended);
    *out = context;
    return OQ_OK;
}

struct oq_context *oq_context_ref(struct oq_context *context)
{
    atomic_fetch_add(&context->refs, 1);
    return context;
}

void oq_context_unref(struct oq_context *context)
{
    if (!context || atomic_fetch_sub(&context->refs, 1) != 1)
        return;
    oq_notify_free(context->notify);
    oq_classes_free(context->classes);
    oq_free(context);
}

void oq_context_refuse_calls(struct oq_context *context)
{
    AcquireSRWLockExclusive(&context->lock);
    context->is_stopping = true;
    ReleaseSRWLockExclusive(&context->lock);
}

bool oq_context_shut_gate(struct oq_context *context, uint64_t activations)
{
    AcquireSRWLockExclusive(&context->lock);
    bool is_closed = context->live == 0 && context->calls == 0 &&
                     atomic_load(&context->locks) == 0 && context->activations == activations;
    context->is_stopping = context->is_stopping || is_closed;
    ReleaseSRWLockExclusive(&context->lock);
    return is_closed;
}

enum oq_status oq_context_wait_calls(struct oq_context *context, int64_t timeout_ms)
{
    const struct oq_clock *clock = oq_clock_system();
    int64_t deadline_ms = oq_clock_mono_ms(clock) + timeout_ms;

    AcquireSRWLockExclusive(&context->lock);
    while (context->calls > 0) {
        int64_t left_ms = deadline_ms - oq_clock_mono_ms(clock);
        if (left_ms <= 0)
            break;
        SleepConditionVariableSRW(&context->calls_ended, &context->lock, (DWORD)left_ms, 0);
    }
    uint32_t calls = context->calls;
    ReleaseSRWLockExclusive(&context->lock);

    if (calls == 0)
        return OQ_OK;
    oq_log_warning("%u calls of clients are still running after %lld ms", (unsigned)calls,
                   (long long)timeout_ms);
    return OQ_E_TIMEOUT;
}

bool oq_context_enter(struct oq_context *context)
{
    AcquireSRWLockExclusive(&context->lock);
    bool is_stopping = context->is_stopping;
    if (!is_stopping)
        context->calls++;
    ReleaseSRWLockExclusive(&context->lock);
    return !is_stopping;
}

void oq_context_leave(struct oq_context *context)
{
    AcquireSRWLockExclusive(&context->lock);
    if (--context->calls == 0)
        WakeAllConditionVariable(&context->calls_ended);
    ReleaseSRWLockExclusive(&context->lock);
}

enum oq_status oq_call_begin(struct oq_call *call, struct oq_context *context)
{
    memset(call, 0, sizeof *call);
    oq_error_init(&call->err);

    if (!oq_context_enter(context))
        return oq_error_set(&call->err, OQ_E_STOPPING, "the service is stopping");

    call->context = context;
    enum oq_status status =
        oq_caller_capture(context->impersonation, context->identity, &call->buffer, &call->err);
    if (status != OQ_OK)
        return status;
    call->caller = &call->buffer.caller;
    call->engine = context->engine;
    return OQ_OK;
}

HRESULT oq_call_end(struct oq_call *call, enum oq_status status)
{
    struct oq_context *context = call->context;
    if (call->caller)
        context->identity->unref(context->identity->ctx, call->caller->identity);
    if (context)
        oq_context_leave(context);
    HRESULT hr = oq_hresult_of(status, &call->err);
    if (FAILED(hr))
        oq_log_debug("a call is answered 0x%08lx: %s", (unsigned long)hr,
                     call->err.text[0] ? call->err.text : oq_status_name(status));
    return hr;
}
