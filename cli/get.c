/* get.c - the command get: starts downloads, then follows them (follow_int.h).
 *
 * Everything up to ResumeGroup is one idempotent step: it looks for the group, its job and its
 * files before it creates them, so the step can be repeated after the service was killed at any
 * point, and nothing is downloaded twice.
 */
#include "client_int.h"

#include "console_int.h"
#include "download_spec_int.h"
#include "follow_int.h"
#include "oq_alloc.h"
#include "oq_path.h"
#include "oq_url.h"
#include "result_int.h"

#include <stdio.h>
#include <string.h>

/* A URL in a sentence; it may have 2,200 characters. */
#define SUBJECT_COLUMNS 160
#define SUBJECT (4 * SUBJECT_COLUMNS + 1)

#define TEMPORARY_MS 30000 /* for a small file */

/* --- starting --------------------------------------------------------------------------------- */

struct start {
    const struct oq_args *args;
    const struct oq_download_spec *spec;
    GUID group_guid, job_guid;
    bool is_adding; /* the last attempt failed in AddFiles */
};

static HRESULT open_job(struct start *start, IBackgroundCopyGroup *group, IBackgroundCopyJob1 **job)
{
    HRESULT hr = IBackgroundCopyGroup_GetJob(group, start->job_guid, job);

    if (hr == (HRESULT)QM_E_ITEM_NOT_FOUND)
        hr = IBackgroundCopyGroup_CreateJob(group, start->job_guid, job);
    if (FAILED(hr))
        *job = NULL;
    return hr;
}

static HRESULT set_limit(IBackgroundCopyGroup *group, uint64_t bytes_per_s)
{
    IOpenQmgrGroup *extension = NULL;

    HRESULT hr =
        IBackgroundCopyGroup_QueryInterface(group, &IID_IOpenQmgrGroup, (void **)&extension);
    if (FAILED(hr))
        return hr;
    hr = IOpenQmgrGroup_SetMaxRate(extension, bytes_per_s);
    IOpenQmgrGroup_Release(extension);
    return hr;
}

static HRESULT set_name(IBackgroundCopyGroup *group, const char *name)
{
    VARIANT value;

    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = oq_text_to_bstr(name);
    HRESULT hr = V_BSTR(&value) ? IBackgroundCopyGroup_SetProp(group, GROUPPROP_DISPLAYNAME, &value)
                                : E_OUTOFMEMORY;
    VariantClear(&value);
    return hr;
}

static HRESULT start_step(struct oq_client *client, void *ctx)
{
    struct start *start = ctx;
    IBackgroundCopyGroup *group = NULL;
    IBackgroundCopyJob1 *job = NULL;
    DWORD files = 0;

    start->is_adding = false;
    HRESULT hr = IBackgroundCopyQMgr_GetGroup(client->manager, start->group_guid, &group);
    if (hr == (HRESULT)QM_E_ITEM_NOT_FOUND)
        hr = IBackgroundCopyQMgr_CreateGroup(client->manager, start->group_guid, &group);
    if (FAILED(hr)) {
        group = NULL;
        goto out;
    }
    hr = open_job(start, group, &job);
    if (FAILED(hr))
        goto out;
    hr = IBackgroundCopyJob1_GetFileCount(job, &files);
    if (FAILED(hr))
        goto out;
    if (files == 0) {
        hr = oq_download_spec_add_files(start->spec, job);
        start->is_adding = FAILED(hr);
        if (FAILED(hr))
            goto out;
    }
    hr = oq_download_spec_set_expectations(start->spec, job);
    if (FAILED(hr))
        goto out;
    if (start->args->name)
        hr = set_name(group, start->args->name);
    if (SUCCEEDED(hr) && start->args->bytes_per_s > 0)
        hr = set_limit(group, start->args->bytes_per_s);
    if (SUCCEEDED(hr) && start->args->is_foreground)
        hr = IBackgroundCopyGroup_SwitchToForeground(group);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_ResumeGroup(group);
out:
    if (job)
        IBackgroundCopyJob1_Release(job);
    if (group)
        IBackgroundCopyGroup_Release(group);
    return hr;
}

/* The first file whose URL or path violates a rule, or the first of all. */
static const struct oq_file_spec *find_refused(const struct oq_download_spec *spec)
{
    for (uint32_t i = 0; i < spec->count; i++) {
        if (oq_url_check(spec->files[i].url, NULL) != OQ_OK ||
            oq_path_check(spec->files[i].file, false, NULL) != OQ_OK)
            return &spec->files[i];
    }
    return &spec->files[0];
}

/* AddFiles returns only E_INVALIDARG or E_ACCESSDENIED for a refused name; the rules are the
 * service's own, so the one that was violated is found here. */
static int explain_refusal(const struct start *start, HRESULT hr)
{
    const struct oq_file_spec *refused = find_refused(start->spec);
    struct oq_error error;
    char *folder = NULL;
    char url[SUBJECT], file[SUBJECT], why[sizeof error.text];
    unsigned long code = (unsigned long)hr;

    oq_error_init(&error);
    oq_render_url(refused->url, SUBJECT_COLUMNS, url, sizeof url);
    oq_render_fit(refused->file, SUBJECT_COLUMNS, file, sizeof file);
    bool is_there = oq_file_spec_has_folder(refused->file, &folder);
    bool is_url = hr == E_INVALIDARG && oq_url_check(refused->url, &error) != OQ_OK;
    bool is_path =
        !is_url && hr == E_INVALIDARG && oq_path_check(refused->file, false, &error) != OQ_OK;
    oq_render_sentence(error.text, why, sizeof why);
    int status = OQ_EXIT_USAGE;
    if (is_url) {
        oq_console_error("cannot download %s: %s (0x%08lX)", url, why, code);
    } else if (is_path) {
        oq_console_error("cannot download to %s: %s (0x%08lX)", file, why, code);
    } else if (folder && !is_there) {
        oq_console_error("cannot download to %s: the folder %s does not exist (0x%08lX)", file,
                         folder, code);
        status = OQ_EXIT_DISK;
    } else if (folder && hr == E_ACCESSDENIED) {
        oq_console_error(
            "cannot download to %s: you may not create files in the folder %s (0x%08lX)", file,
            folder, code);
        status = OQ_EXIT_DENIED;
    } else {
        status = oq_client_report(file, hr);
    }
    oq_free(folder);
    return status;
}

static int start_failed(struct oq_client *client, const struct start *start,
                        const struct oq_guid *guid, HRESULT hr)
{
    int status = OQ_EXIT_INTERRUPTED;

    if (start->is_adding && !oq_result_is_disconnect((uint32_t)hr))
        status = explain_refusal(start, hr);
    else if (hr == E_ABORT)
        oq_console_error("interrupted before the download had started");
    else
        status = oq_client_report(NULL, hr);
    /* The group is removed, unless there is no connection. */
    if (client->manager)
        oq_remote_cancel(client, guid);
    return status;
}

static int start_one(struct oq_client *client, const struct oq_args *args,
                     const struct oq_download_spec *spec, struct oq_guid *guid)
{
    struct start start = {.args = args, .spec = spec};

    HRESULT hr = CoCreateGuid(&start.group_guid);
    if (SUCCEEDED(hr))
        hr = CoCreateGuid(&start.job_guid);
    if (FAILED(hr))
        return oq_client_report(NULL, hr);
    memcpy(guid, &start.group_guid, sizeof *guid);
    hr = oq_client_run(client, start_step, &start);
    return FAILED(hr) ? start_failed(client, &start, guid, hr) : OQ_EXIT_DONE;
}

/* --- the command ------------------------------------------------------------------------------ */

static void tell_start(const struct oq_args *args, const struct oq_followed *started)
{
    char url[SUBJECT], group[OQ_GUID_TEXT];

    oq_guid_format(&started->guid, group);
    if (args->is_json) {
        struct oq_snapshot s = {.guid = started->guid,
                                .total_bytes = OQ_RENDER_UNKNOWN,
                                .state = OQ_SNAPSHOT_QUEUED,
                                .bytes_per_s = OQ_RENDER_UNKNOWN,
                                .total_files = started->spec->count,
                                .failed_file = OQ_NO_FILE};
        snprintf(s.file, sizeof s.file, "%s", oq_render_file_name(started->spec->files[0].file));
        oq_console_json(oq_json_event("started", &s, args->is_detached ? OQ_EXIT_DONE : -1));
    } else if (args->is_detached) {
        oq_console_print("%s", group);
    } else if (!args->is_quiet && started->spec->count == 1) {
        oq_render_url(started->spec->files[0].url, SUBJECT_COLUMNS, url, sizeof url);
        oq_console_note("%s -> %s, group %s", url, started->spec->files[0].file, group);
    } else if (!args->is_quiet) {
        oq_console_note("%s: %u files, group %s", args->metalink, (unsigned)started->spec->count,
                        group);
    }
}

int oq_get_temporary(struct oq_client *client, const struct oq_args *args, char *url,
                     wchar_t path[OQ_TEMPORARY])
{
    char *urls[] = {url};
    struct oq_args get = {.command = OQ_COMMAND_GET,
                          .urls = urls,
                          .url_count = 1,
                          .existing = OQ_EXISTING_REPLACED,
                          .is_quiet = true,
                          .is_foreground = true,
                          .stall_timeout_ms = -1,
                          .max_time_ms = TEMPORARY_MS,
                          .is_legacy = args->is_legacy};
    wchar_t folder[MAX_PATH];
    DWORD length = GetTempPathW(MAX_PATH, folder);

    if (length == 0 || length > MAX_PATH)
        return oq_client_report(NULL, HRESULT_FROM_WIN32(GetLastError()));
    _snwprintf(path, OQ_TEMPORARY, L"%lsqmgrctl-%lu.tmp", folder, GetCurrentProcessId());
    char *file = oq_text_from_bstr(path);
    get.file = file;
    int status = file ? oq_command_get(client, &get) : OQ_EXIT_FAILED;
    oq_free(file);
    return status;
}

/* A document of the web is downloaded first, as any file. */
static int make_plan(struct oq_client *client, const struct oq_args *args,
                     struct oq_download_plan *plan)
{
    struct oq_args local = *args;
    wchar_t path[OQ_TEMPORARY];

    if (!args->metalink || oq_url_scheme(args->metalink) == OQ_URL_OTHER)
        return oq_download_plan_make(args, plan);
    char *url = oq_strdup(args->metalink), *document = NULL;
    int status = url ? oq_get_temporary(client, args, url, path) : OQ_EXIT_FAILED;
    if (!status) {
        local.metalink = document = oq_text_from_bstr(path);
        status = document ? oq_download_plan_make(&local, plan) : OQ_EXIT_FAILED;
        DeleteFileW(path);
    }
    oq_free(document);
    oq_free(url);
    return status;
}

int oq_command_get(struct oq_client *client, const struct oq_args *args)
{
    struct oq_download_plan plan = {0};
    struct oq_followed *started = NULL;
    size_t count = 0;
    int status = make_plan(client, args, &plan);

    if (plan.count > 0)
        started = oq_calloc(plan.count, sizeof *started);
    if (plan.count > 0 && !started)
        status = oq_client_report(NULL, E_OUTOFMEMORY);
    for (size_t i = 0; started && i < plan.count; i++) {
        struct oq_followed *next = &started[count];
        int failed = start_one(client, args, &plan.specs[i], &next->guid);
        status = status ? status : failed;
        if (failed == OQ_EXIT_SERVICE || failed == OQ_EXIT_INTERRUPTED)
            break;
        if (failed)
            continue;
        next->spec = &plan.specs[i];
        count++;
        tell_start(args, next);
    }
    if (count > 0 && !args->is_detached) {
        int failed = oq_follow(client, args, started, count);
        status = status ? status : failed;
    }
    oq_free(started);
    oq_download_plan_release(&plan);
    return status;
}
