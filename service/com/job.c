/* job.c - IBackgroundCopyJob1: the files of a group. A group has one job at most, so its id names
 * the job too.
 *
 * Owns struct job, frozen from birth: any thread of the apartment may call. idl/openqmgr.idl says
 * what each method promises.
 */
#include "com_int.h"

#include "oq_alloc.h"

struct job {
    IBackgroundCopyJob1 iface;
    struct oq_object object;
    struct oq_open_group extension;
    int64_t group_id;
    GUID guid;
};

static struct job *from_iface(IBackgroundCopyJob1 *iface)
{
    return CONTAINER_OF(iface, struct job, iface);
}

OQ_IUNKNOWN(IBackgroundCopyJob1, job, &from_iface(iface)->object)

/* --- IBackgroundCopyJob1 ---------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE job_CancelJob(IBackgroundCopyJob1 *iface)
{
    (void)iface;
    return E_NOTIMPL; /* D19 */
}

static HRESULT STDMETHODCALLTYPE job_GetProgress(IBackgroundCopyJob1 *iface, DWORD flags,
                                                 DWORD *progress)
{
    struct job *job = from_iface(iface);
    return oq_group_progress(job->object.context, job->group_id, flags, progress);
}

static HRESULT STDMETHODCALLTYPE job_GetStatus(IBackgroundCopyJob1 *iface, DWORD *bits,
                                               DWORD *win32_result, DWORD *transport_result,
                                               DWORD *retries)
{
    struct job *job = from_iface(iface);
    DWORD *const outputs[] = {bits, win32_result, transport_result, retries};
    bool is_null = false;
    for (size_t i = 0; i < ARRAYSIZE(outputs); i++) {
        if (outputs[i])
            *outputs[i] = 0;
        else
            is_null = true;
    }
    if (is_null)
        return E_INVALIDARG;

    struct oq_group_view view;
    HRESULT hr = oq_group_view(job->object.context, job->group_id, &view);
    if (FAILED(hr))
        return hr;
    *bits = oq_progress_job_bits(view.state);
    if (*bits & QM_STATUS_JOB_ERROR) { /* D20: the other three mean something only then */
        *win32_result = view.error_win32;
        *transport_result = view.error_http;
        *retries = view.retries;
    }
    return hr;
}

static HRESULT STDMETHODCALLTYPE job_AddFiles(IBackgroundCopyJob1 *iface, ULONG count,
                                              FILESETINFO **files)
{
    struct job *job = from_iface(iface);
    if (!files)
        return E_INVALIDARG;

    struct oq_call call;
    struct oq_file_spec *specs = NULL;
    enum oq_status status = oq_call_begin(&call, job->object.context);
    if (status == OQ_OK)
        status = oq_convert_files(count, files, &specs, &call.err);
    if (status == OQ_OK)
        status =
            oq_engine_add_files(call.engine, call.caller, job->group_id, specs, count, &call.err);
    oq_convert_files_free(specs, count);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE job_GetFile(IBackgroundCopyJob1 *iface, ULONG index,
                                             FILESETINFO *info)
{
    struct job *job = from_iface(iface);
    if (!info)
        return E_INVALIDARG;
    *info = (FILESETINFO){0};

    struct oq_call call;
    struct oq_file_view view = {0};
    BSTR remote = NULL;
    BSTR local = NULL;
    enum oq_status status = oq_call_begin(&call, job->object.context);
    if (status == OQ_OK)
        status =
            oq_engine_view_file(call.engine, call.caller, job->group_id, index, &view, &call.err);
    if (status == OQ_OK)
        status = oq_convert_to_bstr(view.remote, &remote);
    if (status == OQ_OK)
        status = oq_convert_to_bstr(view.local, &local);
    if (status == OQ_OK) {
        info->bstrRemoteFile = remote;
        info->bstrLocalFile = local;
    } else {
        SysFreeString(remote);
    }
    oq_file_view_release(&view);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE job_GetFileCount(IBackgroundCopyJob1 *iface, DWORD *count)
{
    struct job *job = from_iface(iface);
    if (!count)
        return E_INVALIDARG;
    *count = 0;

    struct oq_group_view view;
    HRESULT hr = oq_group_view(job->object.context, job->group_id, &view);
    if (SUCCEEDED(hr))
        *count = view.progress.files_total;
    return hr;
}

static HRESULT STDMETHODCALLTYPE job_SwitchToForeground(IBackgroundCopyJob1 *iface)
{
    (void)iface;
    return E_NOTIMPL; /* D19 */
}

static HRESULT STDMETHODCALLTYPE job_get_JobID(IBackgroundCopyJob1 *iface, GUID *guid)
{
    struct job *job = from_iface(iface);
    return oq_group_identifier(job->object.context, job->group_id, &job->guid, guid);
}

/* clang-format off */
static const IBackgroundCopyJob1Vtbl job_vtbl = {
    job_QueryInterface,
    job_AddRef,
    job_Release,
    job_CancelJob,
    job_GetProgress,
    job_GetStatus,
    job_AddFiles,
    job_GetFile,
    job_GetFileCount,
    job_SwitchToForeground,
    job_get_JobID,
};
/* clang-format on */

/* --- life ------------------------------------------------------------------------------------- */

static void job_free(struct oq_object *object)
{
    oq_free(CONTAINER_OF(object, struct job, object));
}

static const struct oq_object_class job_class = {.iid = &IID_IBackgroundCopyJob1, .free = job_free};

enum oq_status oq_job_new(struct oq_context *context, int64_t group_id, const GUID *guid,
                          IBackgroundCopyJob1 **out)
{
    struct job *job = oq_calloc(1, sizeof *job);
    if (!job)
        return OQ_E_NOMEM;
    job->iface.lpVtbl = &job_vtbl;
    job->group_id = group_id;
    job->guid = *guid;
    oq_object_init(&job->object, context, &job_class, (IUnknown *)&job->iface);
    oq_open_group_init(&job->extension, &job->object, group_id);
    *out = &job->iface;
    return OQ_OK;
}
