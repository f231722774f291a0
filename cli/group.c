/* group.c - see group_int.h. */
#include "group_int.h"

#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_utf.h"
#include "render_int.h"
#include "result_int.h"

#include <stdio.h>
#include <string.h>

/* Moves a BSTR of the service into a fixed buffer. */
static void take_text(BSTR bstr, char text[OQ_SNAPSHOT_TEXT])
{
    char *narrow = oq_text_from_bstr(bstr);

    oq_render_sentence(narrow ? narrow : "", text, OQ_SNAPSHOT_TEXT);
    oq_free(narrow);
    SysFreeString(bstr);
}

void oq_remote_release(struct oq_remote *remote)
{
    if (remote->info)
        IOpenQmgrInfo_Release(remote->info);
    if (remote->group)
        IBackgroundCopyGroup_Release(remote->group);
    remote->info = NULL;
    remote->group = NULL;
}

/* Without becoming its owner, if the service supports that. */
static HRESULT get_group(struct oq_client *client, GUID guid, IBackgroundCopyGroup **group)
{
    IOpenQmgrPeek *peek = NULL;
    HRESULT hr = client->is_legacy ? E_NOINTERFACE
                                   : IBackgroundCopyQMgr_QueryInterface(
                                         client->manager, &IID_IOpenQmgrPeek, (void **)&peek);
    if (FAILED(hr) && oq_result_is_disconnect((uint32_t)hr))
        return hr;
    if (FAILED(hr))
        return IBackgroundCopyQMgr_GetGroup(client->manager, guid, group);
    hr = IOpenQmgrPeek_PeekGroup(peek, guid, group);
    IOpenQmgrPeek_Release(peek);
    return hr;
}

HRESULT oq_remote_open(struct oq_client *client, struct oq_remote *remote)
{
    GUID guid;

    if (remote->group && remote->generation == client->generation)
        return S_OK;
    oq_remote_release(remote);
    memcpy(&guid, &remote->guid, sizeof guid);
    HRESULT hr = get_group(client, guid, &remote->group);
    if (FAILED(hr)) {
        remote->group = NULL;
        return hr;
    }
    remote->generation = client->generation;
    hr = client->is_legacy ? E_NOINTERFACE
                           : IBackgroundCopyGroup_QueryInterface(remote->group, &IID_IOpenQmgrInfo,
                                                                 (void **)&remote->info);
    if (FAILED(hr))
        remote->info = NULL;
    /* A service without the extension is no failure; a lost connection is. */
    return oq_result_is_disconnect((uint32_t)hr) ? hr : S_OK;
}

HRESULT oq_remote_job(struct oq_remote *remote, IBackgroundCopyJob1 **job)
{
    IEnumBackgroundCopyJobs1 *jobs = NULL;
    GUID guid;
    ULONG fetched = 0;

    *job = NULL;
    HRESULT hr = IBackgroundCopyGroup_EnumJobs(remote->group, 0, &jobs);
    if (FAILED(hr))
        return hr;
    hr = IEnumBackgroundCopyJobs1_Next(jobs, 1, &guid, &fetched);
    IEnumBackgroundCopyJobs1_Release(jobs);
    if (FAILED(hr) || fetched == 0)
        return FAILED(hr) ? hr : S_FALSE;
    hr = IBackgroundCopyGroup_GetJob(remote->group, guid, job);
    if (FAILED(hr))
        *job = NULL;
    return hr;
}

static HRESULT remove_step(struct oq_client *client, void *ctx)
{
    struct oq_remote remote = {.guid = *(const struct oq_guid *)ctx};

    HRESULT hr = oq_remote_open(client, &remote);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_CancelGroup(remote.group);
    oq_remote_release(&remote);
    return hr;
}

HRESULT oq_remote_cancel(struct oq_client *client, const struct oq_guid *guid)
{
    struct oq_guid copy = *guid;
    HRESULT hr = oq_client_run(client, remove_step, &copy);

    /* It did not exist, or the result of an earlier call was lost. */
    return hr == (HRESULT)QM_E_ITEM_NOT_FOUND ? S_OK : hr;
}

/* --- with the QMGR interfaces alone ----------------------------------------------------------- */

static void describe_legacy_failure(struct oq_snapshot *s, DWORD win32, DWORD http)
{
    if (http) {
        s->failure = (HRESULT)(0x80190000u | http);
        char text[OQ_RESULT_HTTP];
        oq_result_http_text(http, text);
        snprintf(s->failure_text, sizeof s->failure_text, "%s", text);
        return;
    }
    s->failure = (HRESULT)(win32 <= 0xffff ? 0x80070000u | win32 : win32);
    snprintf(s->failure_text, sizeof s->failure_text, "%s", oq_client_error_text(s->failure));
}

static HRESULT read_legacy(struct oq_remote *remote, struct oq_snapshot *s)
{
    DWORD size = 0, done = 0, files = 0;
    IBackgroundCopyJob1 *job = NULL;

    HRESULT hr = IBackgroundCopyGroup_get_Size(remote->group, &size);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_GetProgress(remote->group, QM_PROGRESS_SIZE_DONE, &done);
    if (SUCCEEDED(hr))
        hr = oq_remote_job(remote, &job);
    if (SUCCEEDED(hr) && job) {
        hr = IBackgroundCopyJob1_GetFileCount(job, &files);
        if (SUCCEEDED(hr) && s->phase == OQ_PHASE_ERROR) {
            DWORD bits, win32 = 0, http = 0, retries;
            hr = IBackgroundCopyJob1_GetStatus(job, &bits, &win32, &http, &retries);
            if (SUCCEEDED(hr))
                describe_legacy_failure(s, win32, http);
        }
    }
    if (job)
        IBackgroundCopyJob1_Release(job);
    if (FAILED(hr))
        return hr;
    s->done_bytes = done;
    s->total_bytes = size || s->phase == OQ_PHASE_COMPLETE ? size : OQ_RENDER_UNKNOWN;
    if (s->phase == OQ_PHASE_COMPLETE)
        s->total_bytes = s->done_bytes;
    s->total_files = files;
    s->done_files = s->phase == OQ_PHASE_COMPLETE ? files : 0;
    static const char *const names[] = {"suspended", "running",  "finishing",
                                        "failed",    "complete", "cancelled"};
    snprintf(s->state, sizeof s->state, "%s", names[s->phase]);
    return S_OK;
}

/* --- with the extension ----------------------------------------------------------------------- */

static enum oq_phase phase_of(OPENQMGR_STATE state, enum oq_phase other)
{
    switch (state) {
    case OPENQMGR_STATE_SUSPENDED:
        return OQ_PHASE_SUSPENDED;
    case OPENQMGR_STATE_QUEUED:
    case OPENQMGR_STATE_CONNECTING:
    case OPENQMGR_STATE_TRANSFERRING:
    case OPENQMGR_STATE_WAITING:
        return OQ_PHASE_RUNNING;
    case OPENQMGR_STATE_COMMITTING:
        return OQ_PHASE_COMMITTING;
    case OPENQMGR_STATE_ERROR:
        return OQ_PHASE_ERROR;
    case OPENQMGR_STATE_COMPLETE:
        return OQ_PHASE_COMPLETE;
    case OPENQMGR_STATE_CANCELLED:
        return OQ_PHASE_CANCELLED;
    default:
        return other; /* of a later version: the phase of the status bits */
    }
}

/* "waiting 5 s: could not connect to the server", or the service's own words. */
static void describe_wait(struct oq_snapshot *s, OPENQMGR_WAIT reason, int64_t until_ms,
                          const char *text)
{
    char time[OQ_RENDER_TEXT];
    const char *why =
        reason == OPENQMGR_WAIT_BACKOFF && s->failure_text[0] ? s->failure_text : text;

    if (reason == OPENQMGR_WAIT_NONE || reason == OPENQMGR_WAIT_ERROR)
        return;
    if (reason == OPENQMGR_WAIT_THROTTLED) { /* it is downloading, more slowly */
        snprintf(s->waiting, sizeof s->waiting, "%.300s", text);
        return;
    }
    if (until_ms > 0) {
        int64_t left_ms = until_ms - oq_clock_wall_ms(oq_clock_system());
        oq_render_seconds((left_ms + 999) / 1000, time);
        snprintf(s->waiting, sizeof s->waiting, "waiting %s%s%.280s", time, *why ? ": " : "", why);
    } else {
        snprintf(s->waiting, sizeof s->waiting, "waiting%s%.280s", *why ? ": " : "", why);
    }
}

static HRESULT read_info(struct oq_remote *remote, struct oq_snapshot *s)
{
    OPENQMGR_STATE state = 0;
    OPENQMGR_WAIT reason = 0;
    BSTR words = NULL;
    UINT64 total = 0, done = 0, rate = 0, value = 0;
    INT64 until_ms = 0, time_ms = 0;
    DWORD total_files = 0, done_files = 0, win32 = 0, http = 0, file = 0;
    HRESULT failure = S_OK;

    HRESULT hr = IOpenQmgrInfo_GetState(remote->info, &state, &words);
    if (FAILED(hr))
        return hr;
    take_text(words, s->state);
    words = NULL;
    s->phase = phase_of(state, s->phase);

    hr = IOpenQmgrInfo_GetProgress64(remote->info, &total, &done, &total_files, &done_files);
    if (FAILED(hr))
        return hr;
    s->total_bytes = total == OPENQMGR_SIZE_UNKNOWN ? OQ_RENDER_UNKNOWN : total;
    s->done_bytes = done;
    s->total_files = total_files;
    s->done_files = done_files;

    hr = IOpenQmgrInfo_GetLastFailure(remote->info, &failure, &win32, &http, &file, &time_ms,
                                      &words);
    if (FAILED(hr))
        return hr;
    take_text(words, s->failure_text);
    words = NULL;
    s->failure = failure;
    s->failed_file = file;
    s->failed_at_ms = time_ms;
    if (FAILED(failure) && !s->failure_text[0])
        snprintf(s->failure_text, sizeof s->failure_text, "%s", oq_client_error_text(failure));

    hr = IOpenQmgrInfo_GetRate(remote->info, &rate);
    if (FAILED(hr))
        return hr;
    s->bytes_per_s = rate;

    hr = IOpenQmgrInfo_GetWaitReason(remote->info, &reason, &until_ms, &value, &words);
    if (FAILED(hr))
        return hr;
    char text[OQ_SNAPSHOT_TEXT];
    take_text(words, text);
    describe_wait(s, reason, until_ms, text);
    s->has_info = true;
    return S_OK;
}

HRESULT oq_remote_read(struct oq_remote *remote, struct oq_snapshot *snapshot)
{
    struct oq_snapshot s = {.total_bytes = OQ_RENDER_UNKNOWN,
                            .bytes_per_s = OQ_RENDER_UNKNOWN,
                            .failed_file = OPENQMGR_NO_FILE};
    DWORD bits = 0, job_index = 0;

    HRESULT hr = IBackgroundCopyGroup_GetStatus(remote->group, &bits, &job_index);
    if (FAILED(hr))
        return hr;
    s.is_foreground = (bits & QM_STATUS_GROUP_FOREGROUND) != 0;
    /* SUSPENDED alone does not mean paused: a finished group is suspended, too (contract C22). */
    if (bits & QM_STATUS_GROUP_COMPLETE)
        s.phase = OQ_PHASE_COMPLETE;
    else if (bits & QM_STATUS_GROUP_ERROR)
        s.phase = OQ_PHASE_ERROR;
    else if (bits & QM_STATUS_GROUP_SUSPENDED)
        s.phase = OQ_PHASE_SUSPENDED;
    else
        s.phase = OQ_PHASE_RUNNING;
    hr = remote->info ? read_info(remote, &s) : E_NOINTERFACE;
    if (hr == E_NOTIMPL || hr == E_NOINTERFACE)
        hr = read_legacy(remote, &s);
    if (SUCCEEDED(hr))
        *snapshot = s;
    return hr;
}

/* --- files ------------------------------------------------------------------------------------ */

void oq_remote_file_release(struct oq_remote_file *file)
{
    oq_free(file->remote);
    oq_free(file->local);
    oq_free(file->temporary);
    oq_free(file->validator);
    memset(file, 0, sizeof *file);
}

HRESULT oq_remote_file_names(IBackgroundCopyJob1 *job, ULONG index, struct oq_remote_file *file)
{
    FILESETINFO info = {0};

    HRESULT hr = IBackgroundCopyJob1_GetFile(job, index, &info);
    if (FAILED(hr))
        return hr;
    file->remote = oq_text_from_bstr(info.bstrRemoteFile);
    file->local = oq_text_from_bstr(info.bstrLocalFile);
    SysFreeString(info.bstrRemoteFile);
    SysFreeString(info.bstrLocalFile);
    if (file->remote && file->local)
        return S_OK;
    oq_remote_file_release(file);
    return E_OUTOFMEMORY;
}

HRESULT oq_remote_file_details(IOpenQmgrInfo *info, ULONG index, struct oq_remote_file *file)
{
    BSTR temporary = NULL, validator = NULL;
    UINT64 size = 0, done = 0;

    HRESULT hr = IOpenQmgrInfo_GetFileDetails(info, index, &file->state, &size, &done, &temporary,
                                              &validator);
    if (FAILED(hr))
        return hr;
    file->size_bytes = size == OPENQMGR_SIZE_UNKNOWN ? OQ_RENDER_UNKNOWN : size;
    file->done_bytes = done;
    file->temporary = oq_text_from_bstr(temporary ? temporary : L"");
    file->validator = oq_text_from_bstr(validator ? validator : L"");
    SysFreeString(temporary);
    SysFreeString(validator);
    file->has_details = true;
    return file->temporary && file->validator ? S_OK : E_OUTOFMEMORY;
}
