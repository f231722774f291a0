/* group.c - see group_int.h. */
#include "group_int.h"

#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_utf.h"
#include "render_int.h"
#include "result_int.h"

#include <stdio.h>
#include <string.h>

void oq_remote_release(struct oq_remote *remote)
{
    if (remote->extension)
        IOpenQmgrGroup_Release(remote->extension);
    if (remote->group)
        IBackgroundCopyGroup_Release(remote->group);
    remote->extension = NULL;
    remote->group = NULL;
}

HRESULT oq_remote_open_group(struct oq_client *client, struct oq_remote *remote)
{
    GUID guid;

    if (remote->group && remote->generation == client->generation)
        return S_OK;
    oq_remote_release(remote);
    memcpy(&guid, &remote->guid, sizeof guid);
    HRESULT hr = client->extension
                     ? IOpenQmgrManager_OpenGroup(client->extension, guid, &remote->group)
                     : IBackgroundCopyQMgr_GetGroup(client->manager, guid, &remote->group);
    if (FAILED(hr)) {
        remote->group = NULL;
        return hr;
    }
    remote->generation = client->generation;
    return S_OK;
}

HRESULT oq_remote_open(struct oq_client *client, struct oq_remote *remote)
{
    HRESULT hr = oq_remote_open_group(client, remote);

    if (FAILED(hr) || client->is_legacy || remote->extension)
        return hr;
    hr = IBackgroundCopyGroup_QueryInterface(remote->group, &IID_IOpenQmgrGroup,
                                             (void **)&remote->extension);
    return hr == E_NOINTERFACE ? S_OK : hr;
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

    HRESULT hr = oq_remote_open_group(client, &remote);
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
        s->failure = 0x80190000u | http;
        char text[OQ_RESULT_HTTP];
        oq_result_http_text(http, text);
        snprintf(s->failure_text, sizeof s->failure_text, "%s", text);
        return;
    }
    s->failure = win32 <= 0xffff ? 0x80070000u | win32 : win32;
    snprintf(s->failure_text, sizeof s->failure_text, "%s",
             oq_client_error_text((HRESULT)s->failure));
}

/* SUSPENDED alone does not mean suspended: a complete group is suspended, too (contract C22). */
static enum oq_snapshot_state state_of_bits(DWORD bits)
{
    if (bits & QM_STATUS_GROUP_COMPLETE)
        return OQ_SNAPSHOT_COMPLETE;
    if (bits & QM_STATUS_GROUP_ERROR)
        return OQ_SNAPSHOT_FAILED;
    return bits & QM_STATUS_GROUP_SUSPENDED ? OQ_SNAPSHOT_SUSPENDED : OQ_SNAPSHOT_DOWNLOADING;
}

static HRESULT read_legacy_job(IBackgroundCopyJob1 *job, struct oq_snapshot *s)
{
    struct oq_remote none = {0};
    struct oq_remote_file file = {0};
    DWORD files = 0;

    HRESULT hr = IBackgroundCopyJob1_GetFileCount(job, &files);
    if (SUCCEEDED(hr) && s->state == OQ_SNAPSHOT_FAILED) {
        DWORD bits, win32 = 0, http = 0, retries;
        hr = IBackgroundCopyJob1_GetStatus(job, &bits, &win32, &http, &retries);
        if (SUCCEEDED(hr))
            describe_legacy_failure(s, win32, http);
    }
    if (SUCCEEDED(hr) && files > 0) {
        hr = oq_remote_file_read(&none, job, 0, &file);
        if (SUCCEEDED(hr))
            oq_render_sentence(oq_render_file_name(file.local), s->file, sizeof s->file);
        oq_remote_file_release(&file);
    }
    s->total_files = files;
    s->done_files = s->state == OQ_SNAPSHOT_COMPLETE ? files : 0;
    return hr;
}

static HRESULT read_legacy(struct oq_remote *remote, struct oq_snapshot *snapshot)
{
    struct oq_snapshot s = {
        .guid = remote->guid, .bytes_per_s = OQ_RENDER_UNKNOWN, .failed_file = OQ_NO_FILE};
    DWORD bits = 0, job_index = 0, size = 0, done = 0;
    IBackgroundCopyJob1 *job = NULL;

    HRESULT hr = IBackgroundCopyGroup_GetStatus(remote->group, &bits, &job_index);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_get_Size(remote->group, &size);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_GetProgress(remote->group, QM_PROGRESS_SIZE_DONE, &done);
    if (SUCCEEDED(hr))
        hr = oq_remote_job(remote, &job);
    if (FAILED(hr))
        return hr;
    s.state = state_of_bits(bits);
    s.is_foreground = (bits & QM_STATUS_GROUP_FOREGROUND) != 0;
    s.state_text = s.state == OQ_SNAPSHOT_DOWNLOADING ? "running" : oq_snapshot_states[s.state];
    s.done_bytes = done;
    s.total_bytes = s.state == OQ_SNAPSHOT_COMPLETE ? done : size > 0 ? size : OQ_RENDER_UNKNOWN;
    if (job) {
        hr = read_legacy_job(job, &s);
        IBackgroundCopyJob1_Release(job);
    }
    if (SUCCEEDED(hr))
        *snapshot = s;
    return FAILED(hr) ? hr : S_OK;
}

/* --- with the extension ----------------------------------------------------------------------- */

/* Copies a text of the service into a fixed buffer. */
static void copy_text(const WCHAR *wide, char text[OQ_SNAPSHOT_TEXT])
{
    char *narrow = oq_text_from_bstr(wide);

    oq_render_sentence(narrow ? narrow : "", text, OQ_SNAPSHOT_TEXT);
    oq_free(narrow);
}

static enum oq_snapshot_state state_of(OPENQMGR_STATE state)
{
    return state >= OPENQMGR_STATE_SUSPENDED && state <= OPENQMGR_STATE_CANCELLED
               ? (enum oq_snapshot_state)state
               : (enum oq_snapshot_state)0;
}

static const char *state_text(const OPENQMGR_GROUP_INFO *info)
{
    enum oq_snapshot_state state = state_of(info->eState);

    if (state == OQ_SNAPSHOT_WAITING && info->eWait == OPENQMGR_WAIT_POLICY)
        return "paused";
    if (state == OQ_SNAPSHOT_WAITING && info->eWait == OPENQMGR_WAIT_BACKOFF)
        return "waiting to retry";
    return oq_snapshot_states[state];
}

/* "waiting 5 s: could not connect to the server", or the service's own words. */
static void describe_wait(struct oq_snapshot *s, OPENQMGR_WAIT reason, int64_t until_ms,
                          const char *text)
{
    char time[OQ_RENDER_TEXT];
    const char *why =
        reason == OPENQMGR_WAIT_BACKOFF && s->failure_text[0] ? s->failure_text : text;
    int used = 0;

    if (reason == OPENQMGR_WAIT_NONE || reason == OPENQMGR_WAIT_ERROR)
        return;
    if (until_ms > 0) {
        int64_t left_ms = until_ms - oq_clock_wall_ms(oq_clock_system());
        oq_render_seconds((left_ms + 999) / 1000, time);
        used = snprintf(s->waiting, sizeof s->waiting, "waiting %s%s", time, *why ? ": " : "");
    } else if (reason != OPENQMGR_WAIT_THROTTLED) { /* which is downloading, more slowly */
        used = snprintf(s->waiting, sizeof s->waiting, "waiting%s", *why ? ": " : "");
    }
    oq_render_sentence(why, s->waiting + used, sizeof s->waiting - (size_t)used);
}

static void convert(const OPENQMGR_GROUP_INFO *info, struct oq_snapshot *s)
{
    char text[OQ_SNAPSHOT_TEXT];

    *s = (struct oq_snapshot){.state = state_of(info->eState),
                              .is_foreground = info->fForeground,
                              .state_text = state_text(info),
                              .total_bytes = info->ullTotalBytes,
                              .done_bytes = info->ullDoneBytes,
                              .bytes_per_s = info->ullBytesPerSecond,
                              .total_files = info->dwFiles,
                              .done_files = info->dwFilesDone,
                              .failure = (uint32_t)info->hrFailure,
                              .failed_file = info->dwFailureFile,
                              .failed_at_ms = info->llFailureAt,
                              .max_bytes_per_s = info->ullMaxRate,
                              .created_at_ms = info->llCreatedAt,
                              .changed_at_ms = info->llChangedAt,
                              .retry_at_ms = info->llRetryAt,
                              .retries = info->dwRetries};
    memcpy(&s->guid, &info->guidGroup, sizeof s->guid);
    if (info->ullTotalBytes == OPENQMGR_SIZE_UNKNOWN)
        s->total_bytes = OQ_RENDER_UNKNOWN;
    copy_text(info->szFailure, s->failure_text);
    if (s->failure && !s->failure_text[0])
        snprintf(s->failure_text, sizeof s->failure_text, "%s",
                 oq_client_error_text((HRESULT)s->failure));
    copy_text(info->szFile, s->file);
    copy_text(info->szName, s->name);
    copy_text(info->szOwner, s->owner);
    copy_text(info->szWait, text);
    describe_wait(s, info->eWait, info->llRetryAt, text);
}

/* --- both ------------------------------------------------------------------------------------- */

HRESULT oq_remote_read(struct oq_remote *remote, struct oq_snapshot *snapshot)
{
    OPENQMGR_GROUP_INFO info;

    if (!remote->extension)
        return read_legacy(remote, snapshot);
    HRESULT hr = IOpenQmgrGroup_GetInfo(remote->extension, &info);
    if (SUCCEEDED(hr))
        convert(&info, snapshot);
    return hr;
}

/* Room for so many more behind the first `count`; false when out of memory. */
static bool reserve(struct oq_snapshot **list, size_t count, size_t more)
{
    struct oq_snapshot *larger = oq_realloc(*list, (count + more) * sizeof **list);

    if (larger)
        *list = larger;
    return larger != NULL;
}

static HRESULT read_batches(struct oq_client *client, struct oq_snapshot **list, size_t *count)
{
    UINT64 after = 0;
    HRESULT hr = S_OK;

    while (hr == S_OK) {
        BSTR bytes = NULL;
        hr = IOpenQmgrManager_GetGroups(client->extension, after, &bytes);
        if (FAILED(hr))
            break;
        const OPENQMGR_GROUP_INFO *infos = (const OPENQMGR_GROUP_INFO *)bytes;
        size_t more = SysStringByteLen(bytes) / sizeof *infos;
        if (more == 0)
            hr = S_FALSE;
        else if (!reserve(list, *count, more))
            hr = E_OUTOFMEMORY;
        for (size_t i = 0; SUCCEEDED(hr) && i < more; i++) {
            convert(&infos[i], &(*list)[(*count)++]);
            after = infos[i].ullNumber;
        }
        SysFreeString(bytes);
    }
    return hr;
}

static HRESULT read_one_by_one(struct oq_client *client, struct oq_snapshot **list, size_t *count)
{
    struct oq_guid *guids = NULL;
    size_t groups = 0;

    HRESULT hr = oq_client_list(client, &guids, &groups);
    if (SUCCEEDED(hr) && groups > 0 && !reserve(list, 0, groups))
        hr = E_OUTOFMEMORY;
    for (size_t i = 0; SUCCEEDED(hr) && i < groups; i++) {
        struct oq_remote remote = {.guid = guids[i]};
        hr = oq_remote_open(client, &remote);
        if (SUCCEEDED(hr))
            hr = oq_remote_read(&remote, &(*list)[*count]);
        oq_remote_release(&remote);
        if (SUCCEEDED(hr))
            (*count)++;
        else if (hr == (HRESULT)QM_E_ITEM_NOT_FOUND) /* it left the queue meanwhile */
            hr = S_OK;
    }
    oq_free(guids);
    return hr;
}

HRESULT oq_remote_read_all(struct oq_client *client, struct oq_snapshot **list, size_t *count)
{
    struct oq_snapshot *found = NULL;
    size_t found_count = 0;

    HRESULT hr = client->extension ? read_batches(client, &found, &found_count)
                                   : read_one_by_one(client, &found, &found_count);
    if (FAILED(hr)) {
        oq_free(found);
        return hr;
    }
    *list = found;
    *count = found_count;
    return S_OK;
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

/* Moves a BSTR of the service into a new text; false when out of memory. */
static bool take_text(BSTR bstr, char **text)
{
    *text = oq_text_from_bstr(bstr);
    SysFreeString(bstr);
    return *text != NULL;
}

static HRESULT read_details(struct oq_remote *remote, ULONG index, struct oq_remote_file *file)
{
    BSTR local = NULL, temporary = NULL, validator = NULL;

    HRESULT hr = IOpenQmgrGroup_GetFile(remote->extension, index, &file->info, &local, &temporary,
                                        &validator);
    if (FAILED(hr))
        return hr;
    file->has_details = true;
    bool is_good = take_text(temporary, &file->temporary);
    is_good = take_text(validator, &file->validator) && is_good;
    SysFreeString(local);
    return is_good ? S_OK : E_OUTOFMEMORY;
}

HRESULT oq_remote_file_read(struct oq_remote *remote, IBackgroundCopyJob1 *job, ULONG index,
                            struct oq_remote_file *file)
{
    FILESETINFO info = {0};

    HRESULT hr = IBackgroundCopyJob1_GetFile(job, index, &info);
    if (FAILED(hr))
        return hr;
    bool is_good = take_text(info.bstrRemoteFile, &file->remote);
    is_good = take_text(info.bstrLocalFile, &file->local) && is_good;
    if (!is_good)
        return E_OUTOFMEMORY;
    return remote->extension ? read_details(remote, index, file) : S_OK;
}

HRESULT oq_remote_source(struct oq_remote *remote, ULONG file, ULONG number, OPENQMGR_SOURCE *state,
                         char **url)
{
    BSTR bstr = NULL;

    HRESULT hr = IOpenQmgrGroup_GetSource(remote->extension, file, number, state, &bstr);
    if (FAILED(hr))
        return hr;
    return take_text(bstr, url) ? S_OK : E_OUTOFMEMORY;
}
