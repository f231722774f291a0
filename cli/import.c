/* import.c - the command import: creates the groups of an exported queue.
 *
 * Each line is imported completely or not at all. A group has a display name of its own until it is
 * complete; when the import is interrupted, the next one finds the incomplete group by that name
 * and replaces it.
 */
#include "client_int.h"

#include "console_int.h"
#include "group_int.h"
#include "oq_alloc.h"
#include "download_spec_int.h"
#include "queue_json_int.h"
#include "result_int.h"

#include <string.h>

#define ITEM_NOT_FOUND ((HRESULT)QM_E_ITEM_NOT_FOUND)
#define MOST_BYTES ((size_t)1 << 30)

struct pending {
    const struct oq_exported_group *exported;
    struct oq_download_spec spec;
    bool is_begun;  /* the group of that GUID in the queue is ours, and incomplete */
    bool exists;    /* result: it is in the queue already */
    bool is_adding; /* the last attempt failed in AddFiles */
};

/* --- making a group --------------------------------------------------------------------------- */

static HRESULT set_text(IBackgroundCopyGroup *group, GROUPPROP prop, const char *text)
{
    VARIANT value;

    VariantInit(&value);
    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = oq_text_to_bstr(text);
    HRESULT hr = V_BSTR(&value) ? IBackgroundCopyGroup_SetProp(group, prop, &value) : E_OUTOFMEMORY;
    VariantClear(&value);
    return hr;
}

static HRESULT set_flags(IBackgroundCopyGroup *group, uint32_t flags)
{
    VARIANT value;

    VariantInit(&value);
    V_VT(&value) = VT_I4;
    V_I4(&value) = (LONG)flags;
    return IBackgroundCopyGroup_SetProp(group, GROUPPROP_NOTIFYFLAGS, &value);
}

static HRESULT set_limit(IBackgroundCopyGroup *group, uint64_t max_bytes_per_s)
{
    IOpenQmgrGroup *extension = NULL;

    HRESULT hr =
        IBackgroundCopyGroup_QueryInterface(group, &IID_IOpenQmgrGroup, (void **)&extension);
    if (FAILED(hr))
        return hr;
    hr = IOpenQmgrGroup_SetMaxRate(extension, max_bytes_per_s);
    IOpenQmgrGroup_Release(extension);
    return hr;
}

static bool is_incomplete(IBackgroundCopyGroup *group)
{
    VARIANT value;
    char *name = NULL;

    VariantInit(&value);
    if (FAILED(IBackgroundCopyGroup_GetProp(group, GROUPPROP_DISPLAYNAME, &value)))
        return false;
    if (V_VT(&value) == VT_BSTR)
        name = oq_text_from_bstr(V_BSTR(&value));
    VariantClear(&value);
    bool result = name && strcmp(name, OQ_QUEUE_JSON_UNFINISHED) == 0;
    oq_free(name);
    return result;
}

/* Cancels an incomplete group of ours. S_FALSE: there is another group of that GUID. */
static HRESULT cancel_incomplete(struct oq_client *client, struct pending *pending)
{
    struct oq_remote remote = {.guid = pending->exported->group};

    HRESULT hr = oq_remote_open(client, &remote);
    if (hr == ITEM_NOT_FOUND)
        hr = S_OK;
    else if (SUCCEEDED(hr))
        hr = pending->is_begun || is_incomplete(remote.group)
                 ? IBackgroundCopyGroup_CancelGroup(remote.group)
                 : S_FALSE;
    oq_remote_release(&remote);
    return hr;
}

static HRESULT fill_job(IBackgroundCopyGroup *group, struct pending *pending)
{
    const struct oq_exported_group *exported = pending->exported;
    IBackgroundCopyJob1 *job = NULL;
    GUID guid;

    if (!exported->has_job && exported->file_count == 0)
        return S_OK;
    memcpy(&guid, exported->has_job ? &exported->job : &exported->group, sizeof guid);
    HRESULT hr = IBackgroundCopyGroup_CreateJob(group, guid, &job);
    if (FAILED(hr))
        return hr;
    if (exported->file_count > 0) {
        hr = oq_download_spec_add_files(&pending->spec, job);
        pending->is_adding = FAILED(hr);
        if (SUCCEEDED(hr))
            hr = oq_download_spec_set_expectations(&pending->spec, job);
    }
    IBackgroundCopyJob1_Release(job);
    return hr;
}

static HRESULT fill_group(IBackgroundCopyGroup *group, struct pending *pending)
{
    const struct oq_exported_group *exported = pending->exported;

    HRESULT hr = set_text(group, GROUPPROP_DISPLAYNAME, OQ_QUEUE_JSON_UNFINISHED);
    if (SUCCEEDED(hr))
        hr = fill_job(group, pending);
    if (SUCCEEDED(hr) && exported->description)
        hr = set_text(group, GROUPPROP_DESCRIPTION, exported->description);
    if (SUCCEEDED(hr) && exported->has_notify_flags)
        hr = set_flags(group, exported->notify_flags);
    if (SUCCEEDED(hr) && exported->max_bytes_per_s > 0)
        hr = set_limit(group, exported->max_bytes_per_s);
    if (SUCCEEDED(hr) && exported->is_foreground)
        hr = IBackgroundCopyGroup_SwitchToForeground(group);
    /* The name last: until then the group counts as incomplete. */
    if (SUCCEEDED(hr) && exported->state == OQ_EXPORTED_ACTIVE && exported->file_count > 0)
        hr = IBackgroundCopyGroup_ResumeGroup(group);
    if (SUCCEEDED(hr))
        hr = set_text(group, GROUPPROP_DISPLAYNAME,
                      exported->display_name ? exported->display_name : "");
    return hr;
}

static HRESULT import_step(struct oq_client *client, void *ctx)
{
    struct pending *pending = ctx;
    IBackgroundCopyGroup *group = NULL;
    GUID guid;

    pending->is_adding = false;
    HRESULT hr = cancel_incomplete(client, pending);
    pending->exists = hr == S_FALSE;
    if (FAILED(hr) || pending->exists)
        return hr;
    pending->is_begun = true;
    memcpy(&guid, &pending->exported->group, sizeof guid);
    hr = IBackgroundCopyQMgr_CreateGroup(client->manager, guid, &group);
    if (hr == E_INVALIDARG) {
        /* It belongs to another user, or was created meanwhile. */
        pending->is_begun = false;
        pending->exists = true;
        return S_FALSE;
    }
    if (FAILED(hr)) {
        pending->is_begun = oq_result_is_disconnect((uint32_t)hr);
        return hr;
    }
    hr = fill_group(group, pending);
    IBackgroundCopyGroup_Release(group);
    return hr;
}

/* --- lines ------------------------------------------------------------------------------------ */

struct import {
    struct oq_client *client;
    bool is_quiet;
    unsigned line;
    unsigned imported, existing, finished, failed;
};

static void print_note(const struct import *import, const char *group, const char *what)
{
    if (!import->is_quiet)
        oq_console_print("%s: %s", group, what);
}

/* AddFiles returns only that a name was refused. The syntax was checked before, so the cause is the
 * folder. */
static void explain_files(const struct import *import, const char *group,
                          const struct pending *pending, HRESULT hr)
{
    for (uint32_t i = 0; i < pending->spec.count; i++) {
        char *folder = NULL;
        bool is_there = oq_file_spec_has_folder(pending->spec.files[i].file, &folder);
        if (!is_there)
            oq_console_error("line %u: %s: the folder %s does not exist (0x%08lX)", import->line,
                             group, folder, (unsigned long)hr);
        oq_free(folder);
        if (!is_there)
            return;
    }
    oq_console_error("line %u: %s: files: %s (0x%08lX)", import->line, group,
                     oq_client_error_text(hr), (unsigned long)hr);
}

static bool make_spec(const struct oq_exported_group *exported, struct oq_download_spec *spec)
{
    spec->files = oq_calloc(exported->file_count, sizeof *spec->files);
    bool is_good = spec->files != NULL;
    for (uint32_t i = 0; is_good && i < exported->file_count; i++) {
        struct oq_file_spec *file = &spec->files[spec->count++];
        const struct oq_exported_file *from = &exported->files[i];
        file->url = oq_strdup(from->remote);
        file->file = oq_strdup(from->local);
        file->expectations = from->expectations ? oq_expectations_copy(from->expectations) : NULL;
        is_good = oq_file_spec_convert_names(file) && (!from->expectations || file->expectations);
    }
    return is_good;
}

static void print_imported(const struct import *import, const char *group,
                           const struct oq_exported_group *exported)
{
    if (exported->state == OQ_EXPORTED_ERROR)
        print_note(import, group,
                   "imported, suspended: it had failed; 'qmgrctl resume' retries it");
    else if (exported->notify_class && exported->notify_class[0])
        print_note(import, group,
                   "imported; its program is notified again after it has registered for it");
    else
        print_note(import, group, "imported");
}

static void import_group(struct import *import, const struct oq_exported_group *exported)
{
    struct pending pending = {.exported = exported};
    char group[OQ_GUID_TEXT];

    oq_guid_format(&exported->group, group);
    HRESULT hr = make_spec(exported, &pending.spec) ? S_OK : E_OUTOFMEMORY;
    if (SUCCEEDED(hr))
        hr = oq_client_run(import->client, import_step, &pending);
    if (pending.exists) {
        import->existing++;
        print_note(import, group, "unchanged: it is in the queue already");
    } else if (SUCCEEDED(hr)) {
        import->imported++;
        print_imported(import, group, exported);
    } else {
        import->failed++;
        if (pending.is_adding)
            explain_files(import, group, &pending, hr);
        else
            oq_console_error("line %u: %s: %s (0x%08lX)", import->line, group,
                             oq_client_error_text(hr), (unsigned long)hr);
        /* Without a connection the incomplete group stays; the next import replaces it. */
        if (pending.is_begun && import->client->manager)
            oq_remote_cancel(import->client, &exported->group);
    }
    oq_download_spec_release(&pending.spec);
}

static void import_line(struct import *import, const char *line, size_t length)
{
    struct oq_exported_group exported = {0};
    struct oq_error error;
    char group[OQ_GUID_TEXT];

    oq_error_init(&error);
    if (oq_queue_json_parse_group(line, length, &exported, &error) != OQ_OK) {
        import->failed++;
        oq_console_error("line %u: %s", import->line, error.text);
    } else if (exported.state == OQ_EXPORTED_COMPLETE) {
        import->finished++;
        oq_guid_format(&exported.group, group);
        print_note(import, group, "skipped: it was complete when it was exported");
    } else {
        import_group(import, &exported);
    }
    oq_exported_group_release(&exported);
}

static bool check_head(const char *name, const char *text, size_t length, size_t *at,
                       unsigned *number)
{
    const char *line = NULL;
    struct oq_error error;
    size_t line_length = 0;

    oq_error_init(&error);
    if (length >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
        oq_console_error("%s is UTF-16, as some shells write redirected output; an "
                         "exported queue is UTF-8: 'qmgrctl export FILE' writes it itself",
                         name);
        return false;
    }
    do {
        if (!oq_queue_json_next_line(text, length, at, &line, &line_length)) {
            oq_console_error("%s is empty", name);
            return false;
        }
        (*number)++;
    } while (oq_queue_json_is_blank(line, line_length));
    if (oq_queue_json_parse_header(line, line_length, &error) == OQ_OK)
        return true;
    oq_console_error("%s cannot be imported: line %u: %s", name, *number, error.text);
    return false;
}

int oq_command_import(struct oq_client *client, const struct oq_args *args)
{
    const char *name = args->file ? args->file : "-";
    struct import import = {.client = client, .is_quiet = args->is_quiet};
    size_t length = 0, at = 0, line_length = 0;
    const char *line = NULL;
    bool is_interrupted = false;

    char *text = oq_console_read_file(name, MOST_BYTES, &length);
    if (!text)
        return OQ_EXIT_FAILED;
    if (!check_head(strcmp(name, "-") == 0 ? "standard input" : name, text, length, &at,
                    &import.line)) {
        oq_free(text);
        return OQ_EXIT_FAILED;
    }
    while (!is_interrupted && oq_queue_json_next_line(text, length, &at, &line, &line_length)) {
        import.line++;
        if (!oq_queue_json_is_blank(line, line_length))
            import_line(&import, line, line_length);
        is_interrupted = oq_console_wait(0);
    }
    oq_free(text);
    if (!args->is_quiet)
        oq_console_print("%u imported, %u already in the queue, %u complete and skipped, %u failed",
                         import.imported, import.existing, import.finished, import.failed);
    if (is_interrupted && at < length)
        oq_console_error("interrupted after line %u; import again to add the rest", import.line);
    return import.failed > 0 || (is_interrupted && at < length) ? OQ_EXIT_FAILED : OQ_EXIT_DONE;
}
