/* export.c - the command export: groups of the service's queue, read through COM, as lines of JSON
 * (queue_json_int.h) to a file or to standard output.
 */
#include "commands_int.h"

#include "console_int.h"
#include "group_int.h"
#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_model.h"
#include "oq_version.h"
#include "queue_json_int.h"
#include "render_int.h"

#include <string.h>

/* --- reading a group -------------------------------------------------------------------------- */

#define ITEM_NOT_FOUND ((HRESULT)QM_E_ITEM_NOT_FOUND)
#define INVALID_STATE ((HRESULT)QM_E_INVALID_STATE)

/* Moves a BSTR of the service into a text; false when out of memory. */
static bool take_text(BSTR bstr, char **text)
{
    *text = oq_text_from_bstr(bstr);
    SysFreeString(bstr);
    return *text != NULL;
}

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

static HRESULT read_mirrors(IOpenQmgrSources *sources, ULONG index, struct oq_extras *extras)
{
    for (DWORD number = 1; number < OQ_SOURCES_MAX; number++) {
        OPENQMGR_SOURCE state = 0;
        BSTR bstr = NULL;
        char *url = NULL;
        HRESULT hr = IOpenQmgrSources_GetSource(sources, index, number, &state, &bstr);
        if (hr == ITEM_NOT_FOUND)
            return S_OK;
        if (FAILED(hr))
            return hr;
        bool is_good = take_text(bstr, &url) && oq_extras_add_mirror(extras, url) == OQ_OK;
        oq_free(url);
        if (!is_good)
            return E_OUTOFMEMORY;
    }
    return S_OK;
}

static HRESULT read_extras(IOpenQmgrSources *sources, ULONG index, struct oq_extras *extras)
{
    BSTR bstr = NULL;
    char *hex = NULL;
    OPENQMGR_HASH kind = OPENQMGR_HASH_NONE;
    UINT64 piece_bytes = 0, size_bytes = 0;
    DWORD pieces = 0, mismatches = 0;
    BOOL is_checking = FALSE;

    HRESULT hr = IOpenQmgrSources_GetChecks(sources, index, &bstr, &size_bytes, &kind, &piece_bytes,
                                            &pieces, &mismatches, &is_checking);
    if (FAILED(hr))
        return hr;
    if (!take_text(bstr, &hex))
        return E_OUTOFMEMORY;
    extras->size_bytes = size_bytes == OPENQMGR_SIZE_UNKNOWN ? OQ_SIZE_UNKNOWN : size_bytes;
    extras->has_sha256 = oq_hex_parse(hex, strlen(hex), extras->sha256, OQ_SHA256_BYTES) == OQ_OK;
    oq_free(hex);
    return read_mirrors(sources, index, extras);
}

static HRESULT read_pieces(IOpenQmgrExport *export, ULONG index, struct oq_extras *extras)
{
    OPENQMGR_HASH kind = OPENQMGR_HASH_NONE;
    struct oq_pieces pieces = {.kind = OQ_HASH_NONE};
    UINT64 piece_bytes = 0;
    DWORD length = 0;

    HRESULT hr =
        IOpenQmgrExport_GetPieces(export, index, &kind, &piece_bytes, &length, &pieces.hashes);
    if (FAILED(hr))
        return hr;
    pieces.kind = (enum oq_hash_kind)kind;
    pieces.piece_bytes = piece_bytes;
    size_t size = oq_hash_size(pieces.kind);
    pieces.count = size > 0 ? (uint32_t)(length / size) : 0;
    /* Hashes of a kind that this version does not know are skipped. */
    if (size > 0 && oq_extras_set_pieces(extras, &pieces, NULL) != OQ_OK)
        hr = E_OUTOFMEMORY;
    CoTaskMemFree(pieces.hashes);
    return hr;
}

/* The extension interfaces of the job; each may be NULL. */
struct extensions {
    IOpenQmgrInfo *info; /* borrowed */
    IOpenQmgrSources *sources;
    IOpenQmgrExport *export;
};

static HRESULT read_file(IBackgroundCopyJob1 *job, const struct extensions *ext, ULONG index,
                         struct oq_exported_file *file)
{
    struct oq_remote_file seen = {0};

    file->size_bytes = OQ_SIZE_UNKNOWN;
    HRESULT hr = oq_remote_file_names(job, index, &seen);
    if (SUCCEEDED(hr) && ext->info)
        hr = oq_remote_file_details(ext->info, index, &seen);
    if (SUCCEEDED(hr) && ext->sources) {
        file->extras = oq_extras_new();
        hr = file->extras ? read_extras(ext->sources, index, file->extras) : E_OUTOFMEMORY;
    }
    if (SUCCEEDED(hr) && ext->export && file->extras)
        hr = read_pieces(ext->export, index, file->extras);
    if (SUCCEEDED(hr)) {
        file->remote = seen.remote;
        file->local = seen.local;
        seen.remote = seen.local = NULL;
        if (seen.has_details) {
            file->state = oq_strdup(file_state(seen.state));
            file->size_bytes =
                seen.size_bytes == OQ_RENDER_UNKNOWN ? OQ_SIZE_UNKNOWN : seen.size_bytes;
            file->done_bytes = seen.done_bytes;
            hr = file->state ? S_OK : E_OUTOFMEMORY;
        }
    }
    oq_remote_file_release(&seen);
    return hr;
}

static HRESULT read_files(struct oq_remote *remote, IBackgroundCopyJob1 *job,
                          struct oq_exported_group *exported)
{
    struct extensions ext = {.info = remote->info};
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
    /* With --legacy, or if the service has no extensions, there is no info either. */
    if (remote->info && FAILED(IBackgroundCopyJob1_QueryInterface(job, &IID_IOpenQmgrSources,
                                                                  (void **)&ext.sources)))
        ext.sources = NULL;
    if (remote->info &&
        FAILED(IBackgroundCopyJob1_QueryInterface(job, &IID_IOpenQmgrExport, (void **)&ext.export)))
        ext.export = NULL;
    exported->files = oq_calloc(count, sizeof *exported->files);
    hr = exported->files ? S_OK : E_OUTOFMEMORY;
    while (SUCCEEDED(hr) && exported->file_count < count) {
        ULONG index = exported->file_count++;
        hr = read_file(job, &ext, index, &exported->files[index]);
    }
    if (ext.sources)
        IOpenQmgrSources_Release(ext.sources);
    if (ext.export)
        IOpenQmgrExport_Release(ext.export);
    return hr;
}

static HRESULT take_snapshot(const struct oq_snapshot *snapshot, struct oq_exported_group *exported)
{
    exported->is_foreground = snapshot->is_foreground;
    switch (snapshot->phase) {
    case OQ_PHASE_SUSPENDED:
        exported->state = OQ_EXPORTED_SUSPENDED;
        break;
    case OQ_PHASE_RUNNING:
    case OQ_PHASE_COMMITTING:
        exported->state = OQ_EXPORTED_ACTIVE;
        break;
    case OQ_PHASE_ERROR:
        exported->state = OQ_EXPORTED_ERROR;
        exported->failure = oq_strdup(snapshot->failure_text);
        return exported->failure ? S_OK : E_OUTOFMEMORY;
    case OQ_PHASE_COMPLETE:
        exported->state = OQ_EXPORTED_COMPLETE;
        break;
    case OQ_PHASE_CANCELLED:
        return S_FALSE;
    }
    return S_OK;
}

static HRESULT read_owner(struct oq_remote *remote, struct oq_exported_group *exported)
{
    IOpenQmgrExport *export = NULL;
    BSTR sid = NULL;

    if (!remote->info || FAILED(IBackgroundCopyGroup_QueryInterface(
                             remote->group, &IID_IOpenQmgrExport, (void **)&export)))
        return S_OK;
    HRESULT hr = IOpenQmgrExport_GetOwner(export, &sid);
    if (SUCCEEDED(hr) && !take_text(sid, &exported->owner))
        hr = E_OUTOFMEMORY;
    IOpenQmgrExport_Release(export);
    return hr;
}

/* 0 if the service has no such limits. */
static HRESULT read_limit(struct oq_remote *remote, struct oq_exported_group *exported)
{
    IOpenQmgrLimit *limit = NULL;
    UINT64 rate = 0;

    if (!remote->info || FAILED(IBackgroundCopyGroup_QueryInterface(
                             remote->group, &IID_IOpenQmgrLimit, (void **)&limit)))
        return S_OK;
    HRESULT hr = IOpenQmgrLimit_GetMaxRate(limit, &rate);
    exported->max_bytes_per_s = rate;
    IOpenQmgrLimit_Release(limit);
    return hr;
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
        hr = read_limit(&remote, out);
    if (hr == S_OK)
        hr = read_owner(&remote, out);
    if (hr == S_OK)
        hr = oq_remote_job(&remote, &job);
    if (SUCCEEDED(hr) && job)
        hr = read_files(&remote, job, out);
    else if (hr == S_FALSE && snapshot.phase != OQ_PHASE_CANCELLED)
        hr = S_OK; /* it has no job */
    if (job)
        IBackgroundCopyJob1_Release(job);
    oq_remote_release(&remote);
    /* It was cancelled meanwhile: a cancelled group cannot be read. */
    return hr == ITEM_NOT_FOUND || hr == INVALID_STATE ? S_FALSE : hr;
}

/* --- the command ------------------------------------------------------------------------------ */

struct selected {
    struct oq_guid *guids;
    size_t count;
};

static HRESULT list_step(struct oq_client *client, void *ctx)
{
    struct selected *groups = ctx;

    return oq_client_list(client, &groups->guids, &groups->count);
}

/* The groups that were named, or all. */
static bool find_groups(struct oq_client *client, const struct oq_args *args,
                        struct selected *groups)
{
    if (args->group_count == 0) {
        HRESULT hr = oq_client_run(client, list_step, groups);
        return SUCCEEDED(hr) || (oq_client_report(NULL, hr), false);
    }
    groups->guids = oq_calloc((size_t)args->group_count, sizeof *groups->guids);
    if (!groups->guids)
        return oq_client_report(NULL, E_OUTOFMEMORY), false;
    for (int i = 0; i < args->group_count; i++) {
        struct oq_args one = *args;
        if (oq_group_id_parse(args->groups[i], &one.group) != OQ_OK ||
            !oq_client_find(client, &one, &groups->guids[groups->count]))
            return false;
        groups->count++;
    }
    return true;
}

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
                        const struct oq_output *output, size_t *written)
{
    struct reading reading = {.guid = *guid};
    char text[OQ_GUID_TEXT];

    oq_guid_format(guid, text);
    HRESULT hr = oq_client_run(client, read_step, &reading);
    bool is_good = SUCCEEDED(hr);
    if (!is_good)
        oq_client_report(text, hr);
    if (hr == S_OK) {
        is_good = oq_output_line(output, oq_queue_json_format_group(&reading.exported));
        *written += is_good;
    } else if (hr == S_FALSE && is_named) {
        oq_client_report(text, (HRESULT)QM_E_ITEM_NOT_FOUND);
        is_good = false;
    }
    oq_exported_group_release(&reading.exported);
    return is_good;
}

int oq_command_export(struct oq_client *client, const struct oq_args *args)
{
    struct selected groups = {0};
    struct oq_output output = {.handle = INVALID_HANDLE_VALUE};
    size_t written = 0;

    /* The queue first: without a service the file is not touched. */
    bool is_good = find_groups(client, args, &groups);
    if (is_good) {
        is_good =
            oq_output_open(args->file, &output) &&
            oq_output_line(&output, oq_queue_json_format_header(oq_clock_wall_ms(oq_clock_system()),
                                                                "qmgrctl " OQ_VERSION));
        for (size_t i = 0; is_good && i < groups.count; i++) {
            is_good =
                write_group(client, &groups.guids[i], args->group_count > 0, &output, &written);
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
    oq_free(groups.guids);
    return is_good ? OQ_EXIT_DONE : OQ_EXIT_FAILED;
}
