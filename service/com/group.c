/* group.c - IBackgroundCopyGroup: one entry of the queue, named by the engine's id.
 *
 * Owns struct group. Frozen after oq_group_set_id, so any thread of the apartment may call.
 * idl/openqmgr.idl says what each method promises.
 */
#include "com_int.h"

#include "oq_alloc.h"

struct group {
    IBackgroundCopyGroup iface;
    struct oq_object object;
    struct oq_open_group extension;
    int64_t id;
    GUID guid;
};

static struct group *from_iface(IBackgroundCopyGroup *iface)
{
    return CONTAINER_OF(iface, struct group, iface);
}

OQ_IUNKNOWN(IBackgroundCopyGroup, group, &from_iface(iface)->object)

/* --- IBackgroundCopyGroup --------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE group_GetProp(IBackgroundCopyGroup *iface, GROUPPROP prop,
                                               VARIANT *value)
{
    struct group *group = from_iface(iface);
    if (!value)
        return E_INVALIDARG;
    VariantInit(value);

    struct oq_call call;
    enum oq_status status = oq_call_begin(&call, group->object.context);
    if (status == OQ_OK)
        status = oq_prop_get(&call, group->id, prop, value);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE group_SetProp(IBackgroundCopyGroup *iface, GROUPPROP prop,
                                               VARIANT *value)
{
    struct group *group = from_iface(iface);
    if (!value)
        return E_INVALIDARG;

    struct oq_call call;
    enum oq_status status = oq_call_begin(&call, group->object.context);
    if (status == OQ_OK)
        status = oq_prop_set(&call, group->id, prop, value);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE group_GetProgress(IBackgroundCopyGroup *iface, DWORD flags,
                                                   DWORD *progress)
{
    struct group *group = from_iface(iface);
    return oq_group_progress(group->object.context, group->id, flags, progress);
}

static HRESULT STDMETHODCALLTYPE group_GetStatus(IBackgroundCopyGroup *iface, DWORD *bits,
                                                 DWORD *job_index)
{
    struct group *group = from_iface(iface);
    if (bits)
        *bits = 0;
    if (job_index)
        *job_index = 0; /* and so it stays */
    if (!bits || !job_index)
        return E_INVALIDARG;

    struct oq_group_view view = {0};
    HRESULT hr = oq_group_view(group->object.context, group->id, &view);
    if (SUCCEEDED(hr))
        *bits = oq_progress_group_bits(view.state, view.is_foreground);
    return hr;
}

static HRESULT STDMETHODCALLTYPE group_GetJob(IBackgroundCopyGroup *iface, GUID job_guid,
                                              IBackgroundCopyJob1 **out)
{
    struct group *group = from_iface(iface);
    if (!out)
        return E_INVALIDARG;
    *out = NULL;

    struct oq_call call;
    struct oq_group_view view = {0};
    struct oq_guid wanted = oq_convert_guid(&job_guid);
    enum oq_status status = oq_call_begin(&call, group->object.context);
    if (status == OQ_OK)
        status = oq_engine_view_group(call.engine, call.caller, group->id, &view, &call.err);
    if (status == OQ_OK && (!view.has_job || !oq_guid_is_equal(&view.job_guid, &wanted)))
        status = oq_error_set(&call.err, OQ_E_NOT_FOUND, "the group has no such job");
    if (status == OQ_OK)
        status = oq_job_new(group->object.context, group->id, &job_guid, out);
    return oq_call_end(&call, status);
}

/* One of the calls that change a group and answer nothing. */
static HRESULT change(struct group *group,
                      enum oq_status (*verb)(struct oq_engine *engine,
                                             const struct oq_caller *caller, int64_t group_id,
                                             struct oq_error *err))
{
    struct oq_call call;
    enum oq_status status = oq_call_begin(&call, group->object.context);
    if (status == OQ_OK)
        status = verb(call.engine, call.caller, group->id, &call.err);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE group_SuspendGroup(IBackgroundCopyGroup *iface)
{
    return change(from_iface(iface), oq_engine_suspend);
}

static HRESULT STDMETHODCALLTYPE group_ResumeGroup(IBackgroundCopyGroup *iface)
{
    return change(from_iface(iface), oq_engine_resume);
}

static HRESULT STDMETHODCALLTYPE group_CancelGroup(IBackgroundCopyGroup *iface)
{
    struct group *group = from_iface(iface);
    HRESULT hr = change(group, oq_engine_cancel);
    if (SUCCEEDED(hr))
        oq_notify_clear(group->object.context->notify, group->id);
    return hr;
}

static HRESULT STDMETHODCALLTYPE group_get_Size(IBackgroundCopyGroup *iface, DWORD *size)
{
    struct group *group = from_iface(iface);
    if (!size)
        return E_INVALIDARG;
    *size = 0;

    struct oq_group_view view = {0};
    HRESULT hr = oq_group_view(group->object.context, group->id, &view);
    if (SUCCEEDED(hr))
        *size = oq_progress_size_dword(view.progress.total_bytes);
    return hr;
}

static HRESULT STDMETHODCALLTYPE group_get_GroupID(IBackgroundCopyGroup *iface, GUID *guid)
{
    struct group *group = from_iface(iface);
    return oq_group_identifier(group->object.context, group->id, &group->guid, guid);
}

static HRESULT STDMETHODCALLTYPE group_CreateJob(IBackgroundCopyGroup *iface, GUID job_guid,
                                                 IBackgroundCopyJob1 **out)
{
    struct group *group = from_iface(iface);
    if (!out)
        return E_INVALIDARG;
    *out = NULL;

    struct oq_call call;
    struct oq_guid guid = oq_convert_guid(&job_guid);
    IBackgroundCopyJob1 *job = NULL;
    enum oq_status status = oq_call_begin(&call, group->object.context);
    if (status == OQ_OK)
        status = oq_job_new(group->object.context, group->id, &job_guid, &job);
    if (status == OQ_OK)
        status = oq_engine_create_job(call.engine, call.caller, group->id, &guid, &call.err);
    if (status == OQ_OK)
        *out = job;
    else if (job)
        IBackgroundCopyJob1_Release(job);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE group_EnumJobs(IBackgroundCopyGroup *iface, DWORD flags,
                                                IEnumBackgroundCopyJobs1 **out)
{
    struct group *group = from_iface(iface);
    if (!out)
        return E_INVALIDARG;
    *out = NULL;
    if (flags != 0)
        return E_NOTIMPL;

    struct oq_call call;
    struct oq_group_view view = {0};
    enum oq_status status = oq_call_begin(&call, group->object.context);
    if (status == OQ_OK)
        status = oq_engine_view_group(call.engine, call.caller, group->id, &view, &call.err);
    if (status == OQ_OK)
        status = oq_enum_jobs_new(group->object.context, &view.job_guid, view.has_job ? 1 : 0, out);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE group_SwitchToForeground(IBackgroundCopyGroup *iface)
{
    return change(from_iface(iface), oq_engine_set_foreground);
}

static HRESULT STDMETHODCALLTYPE group_QueryNewJobInterface(IBackgroundCopyGroup *iface, REFIID iid,
                                                            IUnknown **out)
{
    (void)iface;
    (void)iid;
    if (!out)
        return E_INVALIDARG;
    *out = NULL;
    return E_NOINTERFACE; /* D18 */
}

/* Who may change the group may register. *sid is the caller's, to be freed by oq_free. */
static HRESULT check_registering(struct group *group, char **sid)
{
    struct oq_call call;
    struct oq_group_view view = {0};
    enum oq_status status = oq_call_begin(&call, group->object.context);
    if (status == OQ_OK)
        status = oq_engine_view_group(call.engine, call.caller, group->id, &view, &call.err);
    if (status == OQ_OK && view.is_gone)
        status = oq_error_set(&call.err, OQ_E_INVALID_STATE, "the group is no longer in the queue");
    if (status == OQ_OK) {
        *sid = oq_strdup(call.caller->sid);
        if (!*sid)
            status = OQ_E_NOMEM;
    }
    return oq_call_end(&call, status);
}

/* Has the engine say again what is pending, which also shows whether the group is still there: one
 * that left the queue meanwhile must not keep its client's object. Any other failure loses nothing,
 * since what was posted before is remembered. */
static void repeat_event(struct oq_context *context, int64_t group_id)
{
    struct oq_error err;
    oq_error_init(&err);
    if (!oq_context_enter(context))
        return;
    enum oq_status status = oq_engine_repeat_event(context->engine, group_id, &err);
    oq_context_leave(context);
    if (status == OQ_E_NOT_FOUND)
        oq_notify_clear(context->notify, group_id);
}

/* The client is called between the engine's answer and the registration, outside of any call that a
 * stop would wait for: a client that hangs there delays only itself. */
static HRESULT STDMETHODCALLTYPE group_SetNotificationPointer(IBackgroundCopyGroup *iface,
                                                              REFIID iid, IUnknown *unknown)
{
    struct group *group = from_iface(iface);
    struct oq_notify *notify = group->object.context->notify;
    if (unknown && (!iid || !IsEqualIID(iid, &IID_IBackgroundCopyCallback1)))
        return E_NOINTERFACE;

    char *sid = NULL;
    IBackgroundCopyCallback1 *callback = NULL;
    struct oq_error err;
    oq_error_init(&err);
    HRESULT hr = check_registering(group, &sid);
    if (SUCCEEDED(hr) && !unknown) {
        oq_notify_clear(notify, group->id);
    } else if (SUCCEEDED(hr)) {
        enum oq_status status = oq_notify_accept(unknown, &callback, &err);
        if (status == OQ_OK)
            status = oq_notify_set(notify, group->id, sid, callback);
        if (status == OQ_OK)
            repeat_event(group->object.context, group->id);
        hr = oq_hresult_of(status, &err);
    }
    if (callback)
        IBackgroundCopyCallback1_Release(callback);
    oq_free(sid);
    return hr;
}

/* clang-format off */
static const IBackgroundCopyGroupVtbl group_vtbl = {
    group_QueryInterface,
    group_AddRef,
    group_Release,
    group_GetProp,
    group_SetProp,
    group_GetProgress,
    group_GetStatus,
    group_GetJob,
    group_SuspendGroup,
    group_ResumeGroup,
    group_CancelGroup,
    group_get_Size,
    group_get_GroupID,
    group_CreateJob,
    group_EnumJobs,
    group_SwitchToForeground,
    group_QueryNewJobInterface,
    group_SetNotificationPointer,
};
/* clang-format on */

/* --- life ------------------------------------------------------------------------------------- */

static void group_free(struct oq_object *object)
{
    oq_free(CONTAINER_OF(object, struct group, object));
}

static const struct oq_object_class group_class = {.iid = &IID_IBackgroundCopyGroup,
                                                   .free = group_free};

enum oq_status oq_group_new(struct oq_context *context, const GUID *guid,
                            IBackgroundCopyGroup **out)
{
    struct group *group = oq_calloc(1, sizeof *group);
    if (!group)
        return OQ_E_NOMEM;
    group->iface.lpVtbl = &group_vtbl;
    group->guid = *guid;
    oq_object_init(&group->object, context, &group_class, (IUnknown *)&group->iface);
    oq_open_group_init(&group->extension, &group->object, 0);
    *out = &group->iface;
    return OQ_OK;
}

HRESULT oq_group_open(struct oq_context *context, const GUID *guid,
                      enum oq_status (*verb)(struct oq_engine *engine,
                                             const struct oq_caller *caller,
                                             const struct oq_guid *guid, int64_t *group_id,
                                             struct oq_error *err),
                      IBackgroundCopyGroup **out)
{
    if (!out)
        return E_INVALIDARG;
    *out = NULL;

    struct oq_call call;
    struct oq_guid inside = oq_convert_guid(guid);
    IBackgroundCopyGroup *group = NULL;
    int64_t group_id = 0;
    enum oq_status status = oq_call_begin(&call, context);
    if (status == OQ_OK) /* first, so that no memory can be missing after the engine has said yes */
        status = oq_group_new(context, guid, &group);
    if (status == OQ_OK)
        status = verb(call.engine, call.caller, &inside, &group_id, &call.err);
    if (status == OQ_OK) {
        oq_group_set_id(group, group_id);
        *out = group;
    } else if (group) {
        IBackgroundCopyGroup_Release(group);
    }
    return oq_call_end(&call, status);
}

void oq_group_set_id(IBackgroundCopyGroup *iface, int64_t group_id)
{
    struct group *group = from_iface(iface);
    group->id = group_id;
    group->extension.group_id = group_id;
}
