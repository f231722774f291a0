/* show.c - the commands that show the queue: list, and info for the details of one download and its
 * files. */
#include "commands_int.h"

#include "console_int.h"
#include "group_int.h"
#include "oq_alloc.h"
#include "oq_clock.h"
#include "render_int.h"

#include <stdio.h>
#include <string.h>

/* --- list ------------------------------------------------------------------------------------- */

struct row {
    struct oq_guid guid;
    bool is_there; /* false: it left the queue meanwhile */
    struct oq_snapshot snapshot;
    char file[256];
};

static HRESULT row_step(struct oq_client *client, void *ctx)
{
    struct row *row = ctx;
    struct oq_remote remote = {.guid = row->guid};
    struct oq_remote_file names = {0};
    IBackgroundCopyJob1 *job = NULL;

    row->is_there = false;
    row->file[0] = '\0';
    HRESULT hr = oq_remote_open(client, &remote);
    if (SUCCEEDED(hr))
        hr = oq_remote_read(&remote, &row->snapshot);
    if (SUCCEEDED(hr))
        hr = oq_remote_job(&remote, &job);
    if (SUCCEEDED(hr) && job && row->snapshot.total_files > 0)
        hr = oq_remote_file_names(job, 0, &names);
    if (SUCCEEDED(hr)) {
        row->is_there = true;
        if (names.local)
            oq_render_fit(oq_render_file_name(names.local), 200, row->file, sizeof row->file - 32);
        size_t used = strlen(row->file);
        if (row->snapshot.total_files > 1)
            snprintf(row->file + used, sizeof row->file - used, " and %u more",
                     row->snapshot.total_files - 1);
    }
    oq_remote_file_release(&names);
    if (job)
        IBackgroundCopyJob1_Release(job);
    oq_remote_release(&remote);
    return hr == (HRESULT)QM_E_ITEM_NOT_FOUND ? S_OK : hr;
}

static void print_row(const struct row *row)
{
    const struct oq_snapshot *s = &row->snapshot;
    char name[OQ_RENDER_GROUP_DIGITS + 1], done[OQ_RENDER_TEXT], size[OQ_RENDER_TEXT],
        percent[16] = "";
    char state[16];

    oq_render_group(&row->guid, name);
    oq_render_size(s->done_bytes, done);
    oq_render_size(s->total_bytes, size);
    if (oq_render_percent(s->total_bytes, s->done_bytes) >= 0)
        snprintf(percent, sizeof percent, "%d %%",
                 oq_render_percent(s->total_bytes, s->done_bytes));
    oq_render_fit(s->state, 13, state, sizeof state);
    oq_console_print("%-8s  %-13s  %10s  %10s  %5s  %s", name, state, done, size, percent,
                     row->file);
}

struct all {
    struct oq_guid *guids;
    size_t count;
};

static HRESULT all_step(struct oq_client *client, void *ctx)
{
    struct all *all = ctx;

    return oq_client_list(client, &all->guids, &all->count);
}

int oq_command_list(struct oq_client *client, const struct oq_args *args)
{
    (void)args;
    struct all all = {0};
    int status = OQ_EXIT_DONE;

    HRESULT hr = oq_client_run(client, all_step, &all);
    if (FAILED(hr))
        return oq_client_report(NULL, hr);
    if (all.count == 0)
        oq_console_print("no downloads in the queue");
    else
        oq_console_print("%-8s  %-13s  %10s  %10s  %5s  %s", "GROUP", "STATE", "DONE", "SIZE", "",
                         "FILE");
    for (size_t i = 0; i < all.count; i++) {
        struct row row = {.guid = all.guids[i]};
        hr = oq_client_run(client, row_step, &row);
        if (FAILED(hr)) {
            status = oq_client_report(NULL, hr);
            break;
        }
        if (row.is_there)
            print_row(&row);
    }
    oq_free(all.guids);
    return status;
}

/* --- info ------------------------------------------------------------------------------------- */

struct details {
    struct oq_guid guid;
    struct oq_snapshot snapshot;
    GUID job;
    bool has_job;
    struct oq_remote_file *files;
    uint32_t count;
};

static void release_details(struct details *details)
{
    for (uint32_t i = 0; i < details->count; i++)
        oq_remote_file_release(&details->files[i]);
    oq_free(details->files);
    details->files = NULL;
    details->count = 0;
}

static HRESULT details_step(struct oq_client *client, void *ctx)
{
    struct details *details = ctx;
    struct oq_remote remote = {.guid = details->guid};
    IBackgroundCopyJob1 *job = NULL;
    DWORD files = 0;

    release_details(details);
    HRESULT hr = oq_remote_open(client, &remote);
    if (SUCCEEDED(hr))
        hr = oq_remote_read(&remote, &details->snapshot);
    if (SUCCEEDED(hr))
        hr = oq_remote_job(&remote, &job);
    if (FAILED(hr) || !job)
        goto out;
    hr = IBackgroundCopyJob1_get_JobID(job, &details->job);
    details->has_job = SUCCEEDED(hr);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob1_GetFileCount(job, &files);
    if (FAILED(hr) || files == 0)
        goto out;
    details->files = oq_calloc(files, sizeof *details->files);
    hr = details->files ? S_OK : E_OUTOFMEMORY;
    while (SUCCEEDED(hr) && details->count < files) {
        struct oq_remote_file *file = &details->files[details->count];
        hr = oq_remote_file_names(job, details->count, file);
        if (FAILED(hr))
            break;
        if (remote.info)
            hr = oq_remote_file_details(remote.info, details->count, file);
        details->count++;
    }
out:
    if (job)
        IBackgroundCopyJob1_Release(job);
    oq_remote_release(&remote);
    return hr;
}

static void print_size(const char *what, uint64_t bytes)
{
    char size[OQ_RENDER_TEXT];

    oq_render_size(bytes, size);
    if (bytes == OQ_RENDER_UNKNOWN)
        oq_console_print("%-14s unknown", what);
    else if (bytes < 1024)
        oq_console_print("%-14s %llu bytes", what, (unsigned long long)bytes);
    else
        oq_console_print("%-14s %s (%llu bytes)", what, size, (unsigned long long)bytes);
}

static void print_failure(const struct details *details)
{
    const struct oq_snapshot *s = &details->snapshot;
    if (SUCCEEDED(s->failure))
        return;
    oq_console_print("failure        %s (0x%08lX)", s->failure_text, (unsigned long)s->failure);
    if (s->failed_file != OPENQMGR_NO_FILE && s->failed_file < details->count)
        oq_console_print("               of %s", details->files[s->failed_file].remote);
    if (s->failed_at_ms > 0) {
        char time[32];
        oq_clock_format_wall(s->failed_at_ms, time);
        oq_console_print("               at %s", time);
    }
}

static const char *file_state(OPENQMGR_FILE state)
{
    switch (state) {
    case OPENQMGR_FILE_QUEUED:
        return "queued";
    case OPENQMGR_FILE_TRANSFERRING:
        return "downloading";
    case OPENQMGR_FILE_WAITING:
        return "waiting";
    case OPENQMGR_FILE_DOWNLOADED:
        return "downloaded, not renamed yet";
    case OPENQMGR_FILE_COMPLETE:
        return "complete";
    case OPENQMGR_FILE_ERROR:
        return "failed";
    case OPENQMGR_FILE_CANCELLED:
        return "cancelled";
    }
    return "unknown state";
}

/* The validator is an ETag or a date. */
static bool is_etag(const char *validator)
{
    return validator[0] == '"' || strncmp(validator, "W/", 2) == 0;
}

static void print_file(uint32_t index, const struct oq_remote_file *file)
{
    if (file->has_details) {
        char done[OQ_RENDER_TEXT], size[OQ_RENDER_TEXT];
        oq_render_size(file->done_bytes, done);
        oq_render_size(file->size_bytes, size);
        oq_console_print("file %-9u %s, %s of %s", index, file_state(file->state), done,
                         file->size_bytes == OQ_RENDER_UNKNOWN ? "unknown" : size);
    }
    oq_console_print("URL            %s", file->remote);
    oq_console_print("file           %s", file->local);
    if (file->temporary && file->temporary[0])
        oq_console_print("temporary file %s", file->temporary);
    if (file->validator && file->validator[0])
        oq_console_print("%-14s %s", is_etag(file->validator) ? "ETag" : "last modified",
                         file->validator);
}

static void print_details(const struct details *details)
{
    const struct oq_snapshot *s = &details->snapshot;
    char text[OQ_GUID_TEXT];

    oq_guid_format(&details->guid, text);
    oq_console_print("group          %s", text);
    if (details->has_job) {
        struct oq_guid job;
        memcpy(&job, &details->job, sizeof job);
        oq_guid_format(&job, text);
        oq_console_print("job            %s", text);
    }
    oq_console_print("state          %s%s", s->state,
                     s->is_foreground ? ", in the foreground" : "");
    print_size("size", s->total_bytes);
    print_size("done", s->done_bytes);
    int percent = oq_render_percent(s->total_bytes, s->done_bytes);
    if (percent >= 0)
        oq_console_print("percent        %d", percent);
    oq_console_print("files          %u of %u", s->done_files, s->total_files);
    if (s->phase == OQ_PHASE_RUNNING && s->bytes_per_s != OQ_RENDER_UNKNOWN) {
        char rate[OQ_RENDER_TEXT];
        oq_render_size(s->bytes_per_s, rate);
        oq_console_print("rate           %s/s", rate);
    }
    if (s->waiting[0])
        oq_console_print("status         %s", s->waiting);
    print_failure(details);
    for (uint32_t i = 0; i < details->count; i++)
        print_file(i, &details->files[i]);
}

int oq_command_info(struct oq_client *client, const struct oq_args *args)
{
    struct details details = {0};
    int status = OQ_EXIT_DONE;

    if (!oq_client_find(client, args, &details.guid))
        return OQ_EXIT_FAILED;
    HRESULT hr = oq_client_run(client, details_step, &details);
    if (SUCCEEDED(hr))
        print_details(&details);
    else
        status = oq_client_report(args->group.digits, hr);
    release_details(&details);
    return status;
}
