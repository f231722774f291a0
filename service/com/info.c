/* info.c - IOpenQmgrInfo: 64-bit sizes, and what, why and how fast, of the group or job it is part
 * of.
 *
 * Owns the wording. Read only; any thread of the apartment. idl/openqmgr.idl says what each method
 * promises.
 */
#include "com_int.h"

#include "oq_alloc.h"
#include "oq_clock.h"

_Static_assert(OPENQMGR_SIZE_UNKNOWN == OQ_SIZE_UNKNOWN,
               "what is unknown inside is unknown outside");
_Static_assert(OPENQMGR_NO_FILE == OQ_NO_FILE, "no file inside is no file outside");

static struct oq_info *from_iface(IOpenQmgrInfo *iface)
{
    return CONTAINER_OF(iface, struct oq_info, iface);
}

static HRESULT view_group(struct oq_info *info, struct oq_group_view *view)
{
    return oq_group_view(info->object->context, info->group_id, view);
}

/* --- what the engine's values mean outside ---------------------------------------------------- */

static OPENQMGR_STATE active_state_of(enum oq_activity activity)
{
    switch (activity) {
    case OQ_ACTIVITY_CONNECTING:
        return OPENQMGR_STATE_CONNECTING;
    case OQ_ACTIVITY_TRANSFERRING:
        return OPENQMGR_STATE_TRANSFERRING;
    case OQ_ACTIVITY_BACKOFF:
    case OQ_ACTIVITY_NO_OWNER:
    case OQ_ACTIVITY_POLICY:
        return OPENQMGR_STATE_WAITING;
    case OQ_ACTIVITY_COMMITTING:
        return OPENQMGR_STATE_COMMITTING;
    case OQ_ACTIVITY_NONE:
    case OQ_ACTIVITY_QUEUED:
    case OQ_ACTIVITY_COUNT:
        break;
    }
    return OPENQMGR_STATE_QUEUED;
}

#define NETWORK_DISCONNECTED 0x80200010u /* BG_E_NETWORK_DISCONNECTED: bits-return-values */

static OPENQMGR_STATE state_of(const struct oq_group_view *view)
{
    if (view->is_gone)
        return OPENQMGR_STATE_CANCELLED;
    switch (view->state) {
    case OQ_GROUP_ACTIVE:
        return active_state_of(view->activity);
    case OQ_GROUP_COMMITTING:
        return OPENQMGR_STATE_COMMITTING;
    case OQ_GROUP_ERROR:
        return OPENQMGR_STATE_ERROR;
    case OQ_GROUP_COMPLETE:
        return OPENQMGR_STATE_COMPLETE;
    case OQ_GROUP_CANCELLING:
        return OPENQMGR_STATE_CANCELLED;
    case OQ_GROUP_SUSPENDED:
    case OQ_GROUP_STATE_COUNT:
        break;
    }
    return OPENQMGR_STATE_SUSPENDED;
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

static OPENQMGR_WAIT wait_of(const struct oq_group_view *view)
{
    switch (state_of(view)) {
    case OPENQMGR_STATE_SUSPENDED:
        return view->progress.files_total == 0 ? OPENQMGR_WAIT_NO_FILES : OPENQMGR_WAIT_SUSPENDED;
    case OPENQMGR_STATE_QUEUED:
        return OPENQMGR_WAIT_QUEUED;
    case OPENQMGR_STATE_WAITING:
        if (view->activity == OQ_ACTIVITY_NO_OWNER)
            return OPENQMGR_WAIT_OWNER_AWAY;
        if (view->activity == OQ_ACTIVITY_POLICY)
            return OPENQMGR_WAIT_POLICY;
        return view->error_code == NETWORK_DISCONNECTED ? OPENQMGR_WAIT_NO_NETWORK
                                                        : OPENQMGR_WAIT_BACKOFF;
    case OPENQMGR_STATE_ERROR:
        return OPENQMGR_WAIT_ERROR;
    case OPENQMGR_STATE_TRANSFERRING:
        return view->limit != OQ_LIMIT_NONE ? OPENQMGR_WAIT_THROTTLED : OPENQMGR_WAIT_NONE;
    case OPENQMGR_STATE_CONNECTING:
    case OPENQMGR_STATE_COMMITTING:
    case OPENQMGR_STATE_COMPLETE:
    case OPENQMGR_STATE_CANCELLED:
        break;
    }
    return OPENQMGR_WAIT_NONE;
}

static const char *limit_text(enum oq_limit limit)
{
    switch (limit) {
    case OQ_LIMIT_OTHERS_HERE:
        return "another program on this computer uses the network";
    case OQ_LIMIT_OTHERS_LINK:
        return "another computer uses the link";
    case OQ_LIMIT_POLICY:
        return "the administrator has set a limit";
    case OQ_LIMIT_GROUP:
        return "the group has a limit";
    case OQ_LIMIT_NONE:
        break;
    }
    return "the cause is not known";
}

/* New text; NULL when out of memory. */
static char *wait_text(OPENQMGR_WAIT reason, const struct oq_group_view *view)
{
    const char *error = view->error_text[0] ? view->error_text : "the cause is not known";
    if (reason == OPENQMGR_WAIT_SUSPENDED)
        return oq_strdup("suspended until it is resumed");
    if (reason == OPENQMGR_WAIT_NO_FILES)
        return oq_strdup("no file has been added yet");
    if (reason == OPENQMGR_WAIT_QUEUED && view->groups_ahead == 0)
        return oq_strdup("about to start");
    if (reason == OPENQMGR_WAIT_QUEUED && view->groups_ahead == 1)
        return oq_strdup("another group comes first");
    if (reason == OPENQMGR_WAIT_QUEUED)
        return oq_asprintf("%u other groups come first", (unsigned)view->groups_ahead);
    if (reason == OPENQMGR_WAIT_BACKOFF)
        return oq_asprintf("tries again in %lld s: %s",
                           (long long)((view->backoff_left_ms + 999) / 1000), error);
    if (reason == OPENQMGR_WAIT_NO_NETWORK)
        return oq_strdup("no network is connected");
    if (reason == OPENQMGR_WAIT_POLICY)
        return oq_strdup("paused by the administrator");
    if (reason == OPENQMGR_WAIT_THROTTLED)
        return oq_asprintf("throttled to %llu KB/s: %s",
                           (unsigned long long)(view->limit_bytes_per_s + 500) / 1000,
                           limit_text(view->limit));
    if (reason == OPENQMGR_WAIT_OWNER_AWAY)
        return oq_strdup("the owner is not logged on");
    if (reason == OPENQMGR_WAIT_ERROR)
        return oq_asprintf("stopped by an error until it is resumed: %s", error);
    return oq_strdup("");
}

static OPENQMGR_FILE file_state_of(const struct oq_group_view *group,
                                   const struct oq_file_view *file, uint32_t index)
{
    if (file->state == OQ_FILE_FINAL)
        return OPENQMGR_FILE_COMPLETE;
    if (group->is_gone)
        return OPENQMGR_FILE_CANCELLED;
    if (file->state == OQ_FILE_FETCHED)
        return OPENQMGR_FILE_DOWNLOADED;
    if (file->is_running)
        return OPENQMGR_FILE_TRANSFERRING;
    if (group->state == OQ_GROUP_ERROR && group->error_file == index)
        return OPENQMGR_FILE_ERROR;
    if (file->is_waiting)
        return OPENQMGR_FILE_WAITING;
    return OPENQMGR_FILE_QUEUED;
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
        hr = oq_hresult_of(oq_convert_to_bstr(words_of(state_of(&view)), words), NULL);
    if (SUCCEEDED(hr))
        *state = state_of(&view);
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
    OPENQMGR_WAIT why = wait_of(&view);
    char *words = wait_text(why, &view);
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
        *state = file_state_of(&group, &file, index);
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
