/* export.c - the command export: groups of the service's queue, read through COM, as lines of JSON
 * (queue_json_int.h) to a file or to standard output.
 */
#include "client_int.h"

#include "console_int.h"
#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_model.h"
#include "oq_version.h"
#include "queue_json_int.h"
#include "select_int.h"

#include <string.h>

/* --- reading a group -------------------------------------------------------------------------- */

#define ITEM_NOT_FOUND ((HRESULT)QM_E_ITEM_NOT_FOUND)
#define INVALID_STATE ((HRESULT)QM_E_INVALID_STATE)

static HRESULT read_text(IBackgroundCopyGroup *group, GROUPPROP prop, char **text)
{
    VARIANT value;

    VariantInit(&value);
    HRESULT hr = IBackgroundCopyGroup_GetProp(group, prop, &value);
    if (FAILED(hr))
        return hr;
    *text = V_VT(&value) == VT_BSTR ? oq_text_from_bstr(V_BSTR(&value)) : oq_strdup("");
    VariantClear(&value);
    return *text ? S_OK : E_OUTOFMEMORY;
}

static HRESULT read_properties(IBackgroundCopyGroup *group, struct oq_exported_group *exported)
{
    VARIANT flags;

    VariantInit(&flags);
    HRESULT hr = IBackgroundCopyGroup_GetProp(group, GROUPPROP_NOTIFYFLAGS, &flags);
    if (SUCCEEDED(hr)) {
        exported->has_notify_flags = V_VT(&flags) == VT_I4 || V_VT(&flags) == VT_UI4;
        exported->notify_flags = (uint32_t)V_I4(&flags);
        VariantClear(&flags);
        hr = read_text(group, GROUPPROP_NOTIFYCLSID, &exported->notify_class);
    }
    if (SUCCEEDED(hr))
        hr = read_text(group, GROUPPROP_DISPLAYNAME, &exported->display_name);
    if (SUCCEEDED(hr))
        hr = read_text(group, GROUPPROP_DESCRIPTION, &exported->description);
    return hr;
}

static const char *file_state(OPENQMGR_FILE state)
{
    switch (state) {
    case OPENQMGR_FILE_QUEUED:
        return "queued";
    case OPENQMGR_FILE_TRANSFERRING:
        return "transferring";
    case OPENQMGR_FILE_WAITING:
        return "waiting";
    case OPENQMGR_FILE_DOWNLOADED:
        return "downloaded";
    case OPENQMGR_FILE_COMPLETE:
        return "complete";
    case OPENQMGR_FILE_ERROR:
        return "error";
    case OPENQMGR_FILE_CANCELLED:
        return "cancelled";
    }
    return "unknown";
}

static HRESULT read_mirrors(struct oq_remote *remote, ULONG index, DWORD count,
                            struct oq_expectations *expectations)
{
    HRESULT hr = S_OK;

    for (DWORD number = 1; SUCCEEDED(hr) && number < count; number++) {
        OPENQMGR_SOURCE state;
        char *url = NULL;
        hr = oq_remote_source(remote, index, number, &state, &url);
        if (SUCCEEDED(hr) && oq_expectations_add_mirror(expectations, url) != OQ_OK)
            hr = E_OUTOFMEMORY;
        oq_free(url);
    }
    return hr;
}

static HRESULT read_pieces(IOpenQmgrGroup *group, ULONG index, struct oq_expectations *expectations)
{
    OPENQMGR_HASH kind = OPENQMGR_HASH_NONE;
    struct oq_pieces pieces = {.kind = OQ_HASH_NONE};
    BSTR bytes = NULL;

    HRESULT hr = IOpenQmgrGroup_GetPieces(group, index, &kind, &pieces.piece_bytes, &bytes);
    if (FAILED(hr))
        return hr;
    pieces.kind = (enum oq_hash_kind)kind;
    pieces.hashes = (uint8_t *)bytes;
    size_t size = oq_hash_size(pieces.kind);
    pieces.count = size > 0 ? (uint32_t)(SysStringByteLen(bytes) / size) : 0;
    /* Hashes of a kind that this version does not know are skipped. */
    if (size > 0 && oq_expectations_set_pieces(expectations, &pieces, NULL) != OQ_OK)
        hr = E_OUTOFMEMORY;
    SysFreeString(bytes);
    return hr;
}

/* Mirrors, size and hashes. */
static HRESULT read_expectations(struct oq_remote *remote, ULONG index,
                                 const OPENQMGR_FILE_INFO *info,
                                 struct oq_expectations *expectations)
{
    char *hex = oq_text_from_bstr(info->szSha256);

    if (!hex)
        return E_OUTOFMEMORY;
    expectations->has_sha256 =
        oq_hex_parse(hex, strlen(hex), expectations->sha256, OQ_SHA256_BYTES) == OQ_OK;
    oq_free(hex);
    if (info->ullExpectedBytes != OPENQMGR_SIZE_UNKNOWN)
        expectations->size_bytes = info->ullExpectedBytes;
    HRESULT hr = read_mirrors(remote, index, info->dwSources, expectations);
    if (SUCCEEDED(hr) && info->dwPieces > 0)
        hr = read_pieces(remote->extension, index, expectations);
    return hr;
}

static HRESULT read_file(struct oq_remote *remote, IBackgroundCopyJob1 *job, ULONG index,
                         struct oq_exported_file *file)
{
    struct oq_remote_file seen = {0};

    file->size_bytes = OQ_SIZE_UNKNOWN;
    HRESULT hr = oq_remote_file_read(remote, job, index, &seen);
    if (SUCCEEDED(hr)) {
        file->remote = seen.remote;
        file->local = seen.local;
        seen.remote = seen.local = NULL;
    }
    if (SUCCEEDED(hr) && seen.has_details) {
        file->state = oq_strdup(file_state(seen.info.eState));
        file->expectations = oq_expectations_new();
        file->done_bytes = seen.info.ullDoneBytes;
        if (seen.info.ullSizeBytes != OPENQMGR_SIZE_UNKNOWN)
            file->size_bytes = seen.info.ullSizeBytes;
        hr = file->state && file->expectations
                 ? read_expectations(remote, index, &seen.info, file->expectations)
                 : E_OUTOFMEMORY;
    }
    oq_remote_file_release(&seen);
    return hr;
}

static HRESULT read_files(struct oq_remote *remote, IBackgroundCopyJob1 *job,
                          struct oq_exported_group *exported)
{
    DWORD count = 0;
    GUID guid;

    HRESULT hr = IBackgroundCopyJob1_get_JobID(job, &guid);
    if (FAILED(hr))
        return hr;
    memcpy(&exported->job, &guid, sizeof exported->job);
    exported->has_job = true;
    hr = IBackgroundCopyJob1_GetFileCount(job, &count);
    if (FAILED(hr) || count == 0)
        return hr;
    exported->files = oq_calloc(count, sizeof *exported->files);
    hr = exported->files ? S_OK : E_OUTOFMEMORY;
    while (SUCCEEDED(hr) && exported->file_count < count) {
        ULONG index = exported->file_count++;
        hr = read_file(remote, job, index, &exported->files[index]);
    }
    return hr;
}

static HRESULT take_snapshot(const struct oq_snapshot *snapshot, struct oq_exported_group *exported)
{
    exported->is_foreground = snapshot->is_foreground;
    exported->max_bytes_per_s = snapshot->max_bytes_per_s;
    exported->owner = snapshot->owner[0] ? oq_strdup(snapshot->owner) : NULL;
    if (snapshot->owner[0] && !exported->owner)
        return E_OUTOFMEMORY;
    exported->state = OQ_EXPORTED_ACTIVE;
    if (snapshot->state == OQ_SNAPSHOT_SUSPENDED)
        exported->state = OQ_EXPORTED_SUSPENDED;
    if (snapshot->state == OQ_SNAPSHOT_COMPLETE)
        exported->state = OQ_EXPORTED_COMPLETE;
    if (snapshot->state == OQ_SNAPSHOT_FAILED) {
        exported->state = OQ_EXPORTED_ERROR;
        exported->failure = oq_strdup(snapshot->failure_text);
        return exported->failure ? S_OK : E_OUTOFMEMORY;
    }
    return snapshot->state == OQ_SNAPSHOT_CANCELLED ? S_FALSE : S_OK;
}

/* All properties of a group that the service has interfaces for. *out is empty at the beginning;
 * release it in any case. S_FALSE when the group is no longer in the queue. */
static HRESULT read_group(struct oq_client *client, const struct oq_guid *guid,
                          struct oq_exported_group *out)
{
    struct oq_remote remote = {.guid = *guid};
    struct oq_snapshot snapshot;
    IBackgroundCopyJob1 *job = NULL;

    out->group = *guid;
    HRESULT hr = oq_remote_open(client, &remote);
    if (SUCCEEDED(hr))
        hr = oq_remote_read(&remote, &snapshot);
    if (SUCCEEDED(hr))
        hr = take_snapshot(&snapshot, out);
    if (hr == S_OK)
        hr = read_properties(remote.group, out);
    if (hr == S_OK)
        hr = oq_remote_job(&remote, &job);
    if (SUCCEEDED(hr) && job)
        hr = read_files(&remote, job, out);
    else if (hr == S_FALSE && snapshot.state != OQ_SNAPSHOT_CANCELLED)
        hr = S_OK; /* it has no job */
    if (job)
        IBackgroundCopyJob1_Release(job);
    oq_remote_release(&remote);
    /* It was cancelled meanwhile: a cancelled group cannot be read. */
    return hr == ITEM_NOT_FOUND || hr == INVALID_STATE ? S_FALSE : hr;
}

/* --- the command ------------------------------------------------------------------------------ */

struct reading {
    struct oq_guid guid;
    struct oq_exported_group exported;
};

static HRESULT read_step(struct oq_client *client, void *ctx)
{
    struct reading *reading = ctx;

    oq_exported_group_release(&reading->exported);
    return read_group(client, &reading->guid, &reading->exported);
}

static bool write_group(struct oq_client *client, const struct oq_guid *guid, bool is_named,
                        const struct oq_output *output, size_t *written, int *status)
{
    struct reading reading = {.guid = *guid};
    char text[OQ_GUID_TEXT];

    oq_guid_format(guid, text);
    HRESULT hr = oq_client_run(client, read_step, &reading);
    bool is_good = SUCCEEDED(hr);
    if (!is_good)
        *status = oq_client_report(text, hr);
    if (hr == S_OK) {
        is_good = oq_output_line(output, oq_queue_json_format_group(&reading.exported));
        *written += is_good;
    } else if (hr == S_FALSE && is_named) {
        *status = oq_client_report(text, (HRESULT)QM_E_ITEM_NOT_FOUND);
        is_good = false;
    }
    oq_exported_group_release(&reading.exported);
    return is_good;
}

int oq_command_export(struct oq_client *client, const struct oq_args *args)
{
    struct oq_args all = *args;
    struct oq_selection groups;
    struct oq_output output = {.handle = INVALID_HANDLE_VALUE};
    size_t written = 0;

    /* The queue first: without a service the file is not touched. */
    all.is_all = true;
    oq_select(client, &all, &groups);
    bool is_good = groups.status == OQ_EXIT_DONE;
    int status = groups.status;
    if (is_good) {
        is_good =
            oq_output_open(args->file, &output) &&
            oq_output_line(&output, oq_queue_json_format_header(oq_clock_wall_ms(oq_clock_system()),
                                                                "qmgrctl " OQ_VERSION));
        for (size_t i = 0; is_good && i < groups.count; i++) {
            is_good = write_group(client, &groups.guids[i], args->group_count > 0, &output,
                                  &written, &status);
            if (is_good && oq_console_wait(0)) {
                oq_console_error("interrupted");
                is_good = false;
            }
        }
        bool is_file = output.path != NULL;
        is_good = oq_output_close(&output, is_good);
        if (is_good && is_file && !args->is_quiet)
            oq_console_print("%zu %s written to %s", written, written == 1 ? "group" : "groups",
                             args->file);
    }
    oq_selection_release(&groups);
    return is_good ? OQ_EXIT_DONE : status ? status : OQ_EXIT_FAILED;
}
