/* info.c - IOpenQmgrInfo: 64-bit sizes, and what, why and how fast, of the group or job it is part
 * of.
 *
 * Owns the wording. Read only; any thread of the apartment. idl/openqmgr.idl says what each method
 * promises.
 */
#include "com_int.h"

#include "oq_alloc.h"
#include "oq_clock.h"

static struct oq_info *from_iface(IOpenQmgrInfo *iface)
{
    return CONTAINER_OF(iface, struct oq_info, iface);
}

static HRESULT view_group(struct oq_info *info, struct oq_group_view *view)
{
    return oq_group_view(info->object->context, info->group_id, view);
}

static const char *words_of(OPENQMGR_STATE state)
{
    switch (state) {
    case OPENQMGR_STATE_SUSPENDED:
        return "suspended";
    case OPENQMGR_STATE_QUEUED:
        return "waiting for its turn";
    case OPENQMGR_STATE_CONNECTING:
        return "connecting";
    case OPENQMGR_STATE_TRANSFERRING:
        return "downloading";
    case OPENQMGR_STATE_WAITING:
        return "held up for a while";
    case OPENQMGR_STATE_COMMITTING:
        return "giving the files their final names";
    case OPENQMGR_STATE_ERROR:
        return "stopped by an error";
    case OPENQMGR_STATE_COMPLETE:
        return "complete";
    case OPENQMGR_STATE_CANCELLED:
        break;
    }
    return "no longer in the queue";
}

/* --- IUnknown: the object's own --------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE info_QueryInterface(IOpenQmgrInfo *iface, REFIID iid, void **out)
{
    return oq_object_query(from_iface(iface)->object, iid, out);
}

static ULONG STDMETHODCALLTYPE info_AddRef(IOpenQmgrInfo *iface)
{
    return oq_object_ref(from_iface(iface)->object);
}

static ULONG STDMETHODCALLTYPE info_Release(IOpenQmgrInfo *iface)
{
    return oq_object_unref(from_iface(iface)->object);
}

/* --- IOpenQmgrInfo ---------------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE info_GetProgress64(IOpenQmgrInfo *iface, UINT64 *total_bytes,
                                                    UINT64 *done_bytes, DWORD *total_files,
                                                    DWORD *done_files)
{
    if (!total_bytes || !done_bytes || !total_files || !done_files)
        return E_INVALIDARG;
    *total_bytes = *done_bytes = 0;
    *total_files = *done_files = 0;

    struct oq_group_view view;
    HRESULT hr = view_group(from_iface(iface), &view);
    if (SUCCEEDED(hr)) {
        *total_bytes = view.progress.total_bytes;
        *done_bytes = view.progress.done_bytes;
        *total_files = view.progress.files_total;
        *done_files = view.progress.files_done;
    }
    return hr;
}

static HRESULT STDMETHODCALLTYPE info_GetState(IOpenQmgrInfo *iface, OPENQMGR_STATE *state,
                                               BSTR *words)
{
    if (!state || !words)
        return E_INVALIDARG;
    *state = 0;
    *words = NULL;

    struct oq_group_view view;
    HRESULT hr = view_group(from_iface(iface), &view);
    if (SUCCEEDED(hr))
        hr = oq_hresult_of(oq_convert_to_bstr(words_of(oq_group_state_of(&view)), words), NULL);
    if (SUCCEEDED(hr))
        *state = oq_group_state_of(&view);
    return hr;
}

static HRESULT STDMETHODCALLTYPE info_GetWaitReason(IOpenQmgrInfo *iface, OPENQMGR_WAIT *reason,
                                                    INT64 *until_ms, UINT64 *value, BSTR *text)
{
    if (!reason || !until_ms || !value || !text)
        return E_INVALIDARG;
    *reason = OPENQMGR_WAIT_NONE;
    *until_ms = 0;
    *value = 0;
    *text = NULL;

    struct oq_group_view view;
    HRESULT hr = view_group(from_iface(iface), &view);
    if (FAILED(hr))
        return hr;
    OPENQMGR_WAIT why = oq_group_wait_of(&view);
    char *words = oq_group_wait_text(why, &view);
    hr = oq_hresult_of(words ? oq_convert_to_bstr(words, text) : OQ_E_NOMEM, NULL);
    if (SUCCEEDED(hr)) {
        *reason = why;
        if (why == OPENQMGR_WAIT_QUEUED)
            *value = view.groups_ahead;
        if (why == OPENQMGR_WAIT_THROTTLED)
            *value = view.limit_bytes_per_s;
        if (why == OPENQMGR_WAIT_BACKOFF || why == OPENQMGR_WAIT_NO_NETWORK) {
            *value = why == OPENQMGR_WAIT_BACKOFF ? view.retries : 0;
            *until_ms = oq_clock_wall_ms(oq_clock_system()) + view.backoff_left_ms;
        }
    }
    oq_free(words);
    return hr;
}

static HRESULT STDMETHODCALLTYPE info_GetLastFailure(IOpenQmgrInfo *iface, HRESULT *code,
                                                     DWORD *win32_error, DWORD *http_status,
                                                     DWORD *file_index, INT64 *time_ms, BSTR *text)
{
    if (!code || !win32_error || !http_status || !file_index || !time_ms || !text)
        return E_INVALIDARG;
    *code = S_OK;
    *win32_error = *http_status = *file_index = 0;
    *time_ms = 0;
    *text = NULL;

    struct oq_group_view view;
    HRESULT hr = view_group(from_iface(iface), &view);
    if (FAILED(hr))
        return hr;
    bool has_failed = view.error_code != 0;
    hr = oq_hresult_of(oq_convert_to_bstr(has_failed ? view.error_text : "", text), NULL);
    if (FAILED(hr))
        return hr;
    if (!has_failed) {
        *file_index = OPENQMGR_NO_FILE;
        return S_FALSE;
    }
    *code = (HRESULT)view.error_code;
    *win32_error = view.error_win32;
    *http_status = view.error_http;
    *file_index = view.error_file;
    *time_ms = view.error_at_ms;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE info_GetRate(IOpenQmgrInfo *iface, UINT64 *bytes_per_second)
{
    if (!bytes_per_second)
        return E_INVALIDARG;
    *bytes_per_second = 0;

    struct oq_group_view view;
    HRESULT hr = view_group(from_iface(iface), &view);
    if (SUCCEEDED(hr))
        *bytes_per_second = view.rate_bytes_per_s;
    return hr;
}

static HRESULT STDMETHODCALLTYPE info_GetFileDetails(IOpenQmgrInfo *iface, DWORD index,
                                                     OPENQMGR_FILE *state, UINT64 *size_bytes,
                                                     UINT64 *done_bytes, BSTR *temporary_name,
                                                     BSTR *validator)
{
    struct oq_info *info = from_iface(iface);
    if (!state || !size_bytes || !done_bytes || !temporary_name || !validator)
        return E_INVALIDARG;
    *state = 0;
    *size_bytes = *done_bytes = 0;
    *temporary_name = *validator = NULL;

    struct oq_call call;
    struct oq_group_view group;
    struct oq_file_view file = {0};
    BSTR name = NULL;
    BSTR value = NULL;
    enum oq_status status = oq_call_begin(&call, info->object->context);
    if (status == OQ_OK)
        status = oq_engine_view_group(call.engine, call.caller, info->group_id, &group, &call.err);
    if (status == OQ_OK)
        status =
            oq_engine_view_file(call.engine, call.caller, info->group_id, index, &file, &call.err);
    if (status == OQ_OK)
        status = oq_convert_to_bstr(file.temp_path, &name);
    if (status == OQ_OK)
        status = oq_convert_to_bstr(file.validator, &value);
    if (status == OQ_OK) {
        *state = oq_file_state_of(&group, &file, index);
        *size_bytes = file.size_bytes;
        *done_bytes = file.done_bytes;
        *temporary_name = name;
        *validator = value;
    } else {
        SysFreeString(name);
    }
    oq_file_view_release(&file);
    return oq_call_end(&call, status);
}

/* clang-format off */
static const IOpenQmgrInfoVtbl info_vtbl = {
    info_QueryInterface,
    info_AddRef,
    info_Release,
    info_GetProgress64,
    info_GetState,
    info_GetWaitReason,
    info_GetLastFailure,
    info_GetRate,
    info_GetFileDetails,
};
/* clang-format on */

void oq_info_init(struct oq_info *info, struct oq_object *object, int64_t group_id)
{
    info->iface.lpVtbl = &info_vtbl;
    info->object = object;
    info->group_id = group_id;
}
