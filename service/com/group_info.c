/* group_info.c - what a client sees of the engine's summary of a group: OPENQMGR_GROUP_INFO.
 *
 * Owns the wording of the service. Plain values; any thread.
 */
#include "com_int.h"

#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_utf.h"

#include <string.h>

_Static_assert(OPENQMGR_SIZE_UNKNOWN == OQ_SIZE_UNKNOWN,
               "what is unknown inside is unknown outside");
_Static_assert(OPENQMGR_NO_FILE == OQ_NO_FILE, "no file inside is no file outside");

#define NETWORK_DISCONNECTED 0x80200010u /* BG_E_NETWORK_DISCONNECTED: bits-return-values */

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
    switch (reason) {
    case OPENQMGR_WAIT_SUSPENDED:
        return oq_strdup("suspended until it is resumed");
    case OPENQMGR_WAIT_NO_FILES:
        return oq_strdup("no file has been added yet");
    case OPENQMGR_WAIT_QUEUED:
        if (view->groups_ahead == 0)
            return oq_strdup("about to start");
        if (view->groups_ahead == 1)
            return oq_strdup("another group comes first");
        return oq_asprintf("%u other groups come first", (unsigned)view->groups_ahead);
    case OPENQMGR_WAIT_BACKOFF:
        return oq_asprintf("retry in %lld s: %s", (long long)((view->backoff_left_ms + 999) / 1000),
                           error);
    case OPENQMGR_WAIT_NO_NETWORK:
        return oq_strdup("no network is connected");
    case OPENQMGR_WAIT_POLICY:
        return oq_strdup("paused by the administrator");
    case OPENQMGR_WAIT_THROTTLED:
        return oq_asprintf("throttled to %llu KB/s for %lld s: %s",
                           (unsigned long long)(view->limit_bytes_per_s + 500) / 1000,
                           (long long)view->limit_ms / 1000, limit_text(view->limit));
    case OPENQMGR_WAIT_OWNER_AWAY:
        return oq_strdup("the owner is not logged on");
    case OPENQMGR_WAIT_ERROR:
        return oq_asprintf("failed: %s", error);
    case OPENQMGR_WAIT_NONE:
        break;
    }
    return oq_strdup("");
}

/* --- the struct ------------------------------------------------------------------------------- */

static void set_wait(const struct oq_group_view *view, OPENQMGR_GROUP_INFO *info)
{
    info->eWait = wait_of(view);
    if (info->eWait == OPENQMGR_WAIT_QUEUED)
        info->ullWaitValue = view->groups_ahead;
    if (info->eWait == OPENQMGR_WAIT_THROTTLED)
        info->ullWaitValue = view->limit_bytes_per_s;
    if (info->eWait == OPENQMGR_WAIT_BACKOFF)
        info->ullWaitValue = view->retries;
    if (info->eWait == OPENQMGR_WAIT_BACKOFF || info->eWait == OPENQMGR_WAIT_NO_NETWORK)
        info->llRetryAt = oq_clock_wall_ms(oq_clock_system()) + view->backoff_left_ms;
}

static void set_failure(const struct oq_group_view *view, OPENQMGR_GROUP_INFO *info)
{
    info->dwFailureFile = OPENQMGR_NO_FILE;
    if (view->error_code == 0)
        return;
    info->hrFailure = (HRESULT)view->error_code;
    info->dwFailureWin32 = view->error_win32;
    info->dwFailureHttp = view->error_http;
    info->dwFailureFile = view->error_file;
    info->llFailureAt = view->error_at_ms;
}

#define SET_TEXT(field, text) oq_convert_to_array((text), (field), ARRAYSIZE(field))

enum oq_status oq_group_info_of(const struct oq_group_summary *summary, OPENQMGR_GROUP_INFO *out)
{
    const struct oq_group_view *view = &summary->view;
    OPENQMGR_GROUP_INFO info = {
        .guidGroup = oq_convert_to_guid(&view->guid),
        .ullNumber = (UINT64)summary->group,
        .eState = state_of(view),
        .ullTotalBytes = view->progress.total_bytes,
        .ullDoneBytes = view->progress.done_bytes,
        .ullBytesPerSecond = view->rate_bytes_per_s,
        .ullMaxRate = view->max_bytes_per_s,
        .dwFiles = view->progress.files_total,
        .dwFilesDone = view->progress.files_done,
        .dwPercent = view->progress.percent,
        .dwRetries = view->retries,
        .fForeground = view->is_foreground,
        .dwNotifyFlags = view->notify_flags,
        .llCreatedAt = view->created_at_ms,
        .llChangedAt = view->changed_at_ms,
    };
    if (view->has_job)
        info.guidJob = oq_convert_to_guid(&view->job_guid);
    set_wait(view, &info);
    set_failure(view, &info);

    char *wait = wait_text(info.eWait, view);
    enum oq_status status = wait ? SET_TEXT(info.szWait, wait) : OQ_E_NOMEM;
    oq_free(wait);
    if (status == OQ_OK)
        status = SET_TEXT(info.szOwner, view->owner_sid);
    if (status == OQ_OK)
        status = SET_TEXT(info.szName, summary->display_name);
    if (status == OQ_OK)
        status = SET_TEXT(info.szFile, summary->first_file);
    if (status == OQ_OK)
        status = SET_TEXT(info.szFailure, view->error_code != 0 ? view->error_text : "");
    if (status == OQ_OK)
        *out = info;
    return status;
}

/* --- files ------------------------------------------------------------------------------------ */

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

enum oq_status oq_file_info_of(const struct oq_group_view *group, uint32_t index,
                               const struct oq_file_view *file, const struct oq_checks_view *checks,
                               OPENQMGR_FILE_INFO *out)
{
    char sha256[OQ_HEX_MAX] = "";
    OPENQMGR_FILE_INFO info = {
        .eState = file_state_of(group, file, index),
        .ePieceHash = (OPENQMGR_HASH)checks->piece_kind,
        .ullSizeBytes = file->size_bytes,
        .ullDoneBytes = file->done_bytes,
        .ullBytesPerSecond = file->rate_bytes_per_s,
        .ullExpectedBytes = checks->size_bytes,
        .ullPieceBytes = checks->piece_bytes,
        .dwPieces = checks->piece_count,
        .dwMismatches = checks->mismatches,
        .fVerifying = checks->is_checking,
        .dwSources = checks->source_count,
    };
    if (checks->has_sha256)
        oq_hex_format(checks->sha256, sizeof checks->sha256, sha256);
    enum oq_status status = SET_TEXT(info.szSha256, sha256);
    if (status == OQ_OK)
        *out = info;
    return status;
}

/* --- what group and job read alike ------------------------------------------------------------ */

HRESULT oq_group_view(struct oq_context *context, int64_t group_id, struct oq_group_view *view)
{
    struct oq_call call;
    enum oq_status status = oq_call_begin(&call, context);
    if (status == OQ_OK)
        status = oq_engine_view_group(call.engine, call.caller, group_id, view, &call.err);
    return oq_call_end(&call, status);
}

HRESULT oq_group_progress(struct oq_context *context, int64_t group_id, DWORD flags,
                          DWORD *progress)
{
    if (!progress)
        return E_INVALIDARG;
    *progress = 0;
    if (flags != QM_PROGRESS_PERCENT_DONE && flags != QM_PROGRESS_SIZE_DONE)
        return E_NOTIMPL;
    struct oq_group_view view = {0};
    HRESULT hr = oq_group_view(context, group_id, &view);
    if (SUCCEEDED(hr))
        *progress = flags == QM_PROGRESS_PERCENT_DONE
                        ? view.progress.percent
                        : oq_progress_done_dword(view.progress.done_bytes);
    return hr;
}

HRESULT oq_group_identifier(struct oq_context *context, int64_t group_id, const GUID *guid,
                            GUID *out)
{
    if (!out)
        return E_INVALIDARG;
    *out = GUID_NULL;
    struct oq_group_view view = {0};
    HRESULT hr = oq_group_view(context, group_id, &view);
    /* The engine forgets groups that have been gone for long; who they were is known here. */
    if (hr == (HRESULT)QM_E_ITEM_NOT_FOUND)
        hr = S_OK;
    if (SUCCEEDED(hr))
        *out = *guid;
    return hr;
}
