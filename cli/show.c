/* show.c - the commands that show the queue: list, info for the details of downloads and their
 * files, and why. */
#include "client_int.h"

#include "console_int.h"
#include "oq_alloc.h"
#include "oq_url.h"
#include "result_int.h"
#include "select_int.h"

#include <stdio.h>
#include <string.h>

#define EPOCH_MS UINT64_C(11644473600000) /* from 1601, where FILETIME begins, to 1970 */

/* "2026-12-01 14:03:07", the time of the computer. */
static void local_time(int64_t wall_ms, char text[32])
{
    ULARGE_INTEGER ticks = {.QuadPart = ((uint64_t)wall_ms + EPOCH_MS) * 10000};
    FILETIME file = {ticks.LowPart, ticks.HighPart};
    SYSTEMTIME utc, local;

    text[0] = '\0';
    if (FileTimeToSystemTime(&file, &utc) && SystemTimeToTzSpecificLocalTime(NULL, &utc, &local))
        snprintf(text, 32, "%04u-%02u-%02u %02u:%02u:%02u", local.wYear, local.wMonth, local.wDay,
                 local.wHour, local.wMinute, local.wSecond);
}

/* --- list ------------------------------------------------------------------------------------- */

/* What holds for the whole computer. */
static void print_head(const OPENQMGR_SETTINGS *now)
{
    char rate[OQ_RENDER_TEXT];

    if (now->dwPaused & OPENQMGR_PAUSED_ALL)
        oq_console_print("All downloads are paused; 'qmgrctl pause-all off' lets them continue.");
    else if (now->dwPaused & OPENQMGR_PAUSED_SCHEDULE)
        oq_console_print("Background downloads are paused by the schedule.");
    else if (now->dwPaused & OPENQMGR_PAUSED_METERED)
        oq_console_print("Background downloads are paused on a metered network.");
    oq_render_size(now->ullLimitNow, rate);
    if (now->ullLimitNow > 0)
        oq_console_print(
            "Background downloads are limited to %llu kbit/s (%s/s) together%s.",
            (unsigned long long)(now->ullLimitNow / OQ_BYTES_PER_KBIT), rate,
            now->ullLimitNow / OQ_BYTES_PER_KBIT == now->dwLimitKbits ? "" : " by the schedule");
}

static void print_table(const struct oq_queue *queue)
{
    unsigned columns = oq_console_columns();
    char line[OQ_RENDER_LINE];

    /* The last column stays empty: a console would break the line. */
    columns = columns > OQ_TABLE_NARROWEST ? columns - 1 : columns;
    oq_table_head(columns, false, line);
    oq_console_print("%s", line);
    for (size_t i = 0; i < queue->count; i++) {
        oq_table_row(&queue->list[i], columns, false, line);
        oq_console_print("%s", line);
        oq_table_reason(&queue->list[i], columns, line);
        if (line[0])
            oq_console_print("%s", line);
    }
}

int oq_command_list(struct oq_client *client, const struct oq_args *args)
{
    struct oq_queue queue = {.args = args};
    struct oq_settings settings;

    HRESULT hr = oq_client_run(client, oq_queue_step, &queue);
    if (hr == E_INVALIDARG && args->user) {
        oq_console_error("there is no user %s", args->user);
        return OQ_EXIT_USAGE;
    }
    if (FAILED(hr))
        return oq_client_report(NULL, hr);
    for (size_t i = 0; args->is_json && i < queue.count; i++)
        oq_console_json(oq_json_group(&queue.list[i]));
    if (!args->is_json && SUCCEEDED(oq_client_run(client, oq_settings_step, &settings)))
        print_head(&settings.all);
    if (!args->is_json && queue.count == 0)
        oq_console_print("no downloads in the queue");
    else if (!args->is_json)
        print_table(&queue);
    oq_free(queue.list);
    return OQ_EXIT_DONE;
}

/* --- info ------------------------------------------------------------------------------------- */

struct source {
    OPENQMGR_SOURCE state;
    char *url;
};

struct detail {
    struct oq_remote_file file;
    struct source sources[OQ_SOURCES_MAX]; /* without the extension there are none */
    uint32_t source_count;
};

struct details {
    struct oq_guid guid;
    struct oq_snapshot snapshot;
    GUID job;
    bool has_job;
    struct detail *files;
    uint32_t count;
};

static void release_details(struct details *details)
{
    for (uint32_t i = 0; i < details->count; i++) {
        oq_remote_file_release(&details->files[i].file);
        for (uint32_t k = 0; k < details->files[i].source_count; k++)
            oq_free(details->files[i].sources[k].url);
    }
    oq_free(details->files);
    details->files = NULL;
    details->count = 0;
}

static HRESULT read_file(struct oq_remote *remote, IBackgroundCopyJob1 *job, uint32_t index,
                         struct detail *detail)
{
    HRESULT hr = oq_remote_file_read(remote, job, index, &detail->file);
    uint32_t count = SUCCEEDED(hr) && detail->file.has_details ? detail->file.info.dwSources : 0;

    while (SUCCEEDED(hr) && detail->source_count < count && detail->source_count < OQ_SOURCES_MAX) {
        struct source *source = &detail->sources[detail->source_count];
        hr = oq_remote_source(remote, index, detail->source_count, &source->state, &source->url);
        detail->source_count += SUCCEEDED(hr);
    }
    return hr;
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
        uint32_t index = details->count++;
        hr = read_file(&remote, job, index, &details->files[index]);
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

static void print_url(const char *what, const char *url, const char *note)
{
    char shown[OQ_URL_MAX_CHARS + 8];

    oq_render_url(url, OQ_URL_MAX_CHARS + 4, shown, sizeof shown);
    oq_console_print("%-14s %s%s", what, shown, note);
}

static void print_failure(const struct details *details)
{
    const struct oq_snapshot *s = &details->snapshot;
    if (!s->failure)
        return;
    oq_console_print("failure        %s (0x%08lX)", s->failure_text, (unsigned long)s->failure);
    /* Which of several sources it was is not known. */
    if (s->failed_file < details->count && details->files[s->failed_file].source_count < 2)
        print_url("", details->files[s->failed_file].file.remote, "");
    else if (s->failed_file < details->count)
        oq_console_print("               %s", details->files[s->failed_file].file.local);
    if (s->failed_at_ms > 0) {
        char time[32];
        local_time(s->failed_at_ms, time);
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

static const char *source_state(OPENQMGR_SOURCE state)
{
    switch (state) {
    case OPENQMGR_SOURCE_ASKED:
        return ", in use";
    case OPENQMGR_SOURCE_LEFT:
        return ", failed or slow";
    case OPENQMGR_SOURCE_WRONG:
        return ", sent wrong data";
    case OPENQMGR_SOURCE_READY:
        break;
    }
    return "";
}

static void print_sources(const struct detail *detail)
{
    if (detail->source_count < 2)
        print_url("URL", detail->file.remote, "");
    for (uint32_t i = 0; detail->source_count >= 2 && i < detail->source_count; i++)
        print_url(i == 0 ? "URL" : "mirror", detail->sources[i].url,
                  source_state(detail->sources[i].state));
}

static void print_expectations(const OPENQMGR_FILE_INFO *info)
{
    char *sha256 = oq_text_from_bstr(info->szSha256);

    if (sha256 && sha256[0])
        oq_console_print("SHA-256        %s", sha256);
    oq_free(sha256);
    if (info->ullExpectedBytes != OPENQMGR_SIZE_UNKNOWN)
        print_size("expected size", info->ullExpectedBytes);
    if (info->dwPieces > 0)
        oq_console_print("piece hashes   %lu of %llu bytes each", (unsigned long)info->dwPieces,
                         (unsigned long long)info->ullPieceBytes);
    if (info->dwMismatches > 0)
        oq_console_print("mismatches     %lu", (unsigned long)info->dwMismatches);
}

static void print_file(uint32_t index, const struct detail *detail)
{
    const struct oq_remote_file *file = &detail->file;

    if (file->has_details) {
        char done[OQ_RENDER_TEXT], size[OQ_RENDER_TEXT] = "unknown";
        oq_render_size(file->info.ullDoneBytes, done);
        if (file->info.ullSizeBytes != OPENQMGR_SIZE_UNKNOWN)
            oq_render_size(file->info.ullSizeBytes, size);
        oq_console_print("file %-9u %s, %s of %s%s", index, file_state(file->info.eState), done,
                         size, file->info.fVerifying ? ", verifying" : "");
    }
    print_sources(detail);
    oq_console_print("file           %s", file->local);
    if (!file->has_details)
        return;
    if (file->temporary[0])
        oq_console_print("temporary file %s", file->temporary);
    if (file->validator[0])
        oq_console_print("%-14s %s", is_etag(file->validator) ? "ETag" : "last modified",
                         file->validator);
    print_expectations(&file->info);
}

static void print_time(const char *what, int64_t wall_ms)
{
    char time[32];

    local_time(wall_ms, time);
    oq_console_print("%-14s %s", what, time);
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
    if (s->name[0])
        oq_console_print("name           %s", s->name);
    if (s->owner[0])
        oq_console_print("owner          %s", s->owner);
    if (s->created_at_ms > 0)
        print_time("created", s->created_at_ms);
    oq_console_print("state          %s%s", s->state_text,
                     s->is_foreground ? ", in the foreground" : "");
    print_size("size", s->total_bytes);
    print_size("done", s->done_bytes);
    int percent = oq_render_percent(s->total_bytes, s->done_bytes);
    if (percent >= 0)
        oq_console_print("percent        %d", percent);
    oq_console_print("files          %u of %u", s->done_files, s->total_files);
    if (oq_snapshot_is_running(s) && s->bytes_per_s != OQ_RENDER_UNKNOWN) {
        char rate[OQ_RENDER_TEXT];
        oq_render_size(s->bytes_per_s, rate);
        oq_console_print("rate           %s/s", rate);
    }
    if (s->max_bytes_per_s > 0)
        oq_console_print("limit          %llu kbit/s",
                         (unsigned long long)(s->max_bytes_per_s / OQ_BYTES_PER_KBIT));
    if (s->retries > 0)
        oq_console_print("retries        %u", s->retries);
    /* The reason of a wait to retry is the failure, which follows. */
    const char *reason = s->failure ? strstr(s->waiting, s->failure_text) : NULL;
    if (s->waiting[0])
        oq_console_print("status         %.*s",
                         (int)(reason && reason > s->waiting + 2 ? reason - s->waiting - 2
                                                                 : (long)strlen(s->waiting)),
                         s->waiting);
    print_failure(details);
    for (uint32_t i = 0; i < details->count; i++)
        print_file(i, &details->files[i]);
}

/* A URL for a program; a password in it is shown as "***". New string. */
static char *copy_url(const char *url)
{
    char shown[OQ_URL_MAX_CHARS + 8];

    oq_render_url(url, OQ_URL_MAX_CHARS + 4, shown, sizeof shown);
    return oq_strdup(shown);
}

static void fill_json(const struct detail *detail, struct oq_json_file *out)
{
    static const char *const states[] = {"unknown", "ready", "in use", "failed or slow",
                                         "wrong data"};
    const struct oq_remote_file *file = &detail->file;
    const OPENQMGR_FILE_INFO *info = &file->info;

    *out = (struct oq_json_file){.url = copy_url(file->remote),
                                 .file = file->local,
                                 .temporary = file->temporary,
                                 .validator = file->validator,
                                 .total_bytes = OQ_RENDER_UNKNOWN};
    if (!file->has_details)
        return;
    out->sha256 = oq_text_from_bstr(info->szSha256);
    out->state = file_state(info->eState);
    out->done_bytes = info->ullDoneBytes;
    out->mismatches = info->dwMismatches;
    if (info->ullSizeBytes != OPENQMGR_SIZE_UNKNOWN)
        out->total_bytes = info->ullSizeBytes;
    for (uint32_t i = 0; i < detail->source_count; i++) {
        OPENQMGR_SOURCE state = detail->sources[i].state;
        out->sources[out->source_count++] = (struct oq_json_source){
            copy_url(detail->sources[i].url), states[state <= OPENQMGR_SOURCE_WRONG ? state : 0]};
    }
}

static void print_json(const struct details *details)
{
    struct oq_json_file *files = oq_calloc(details->count + 1, sizeof *files);

    for (uint32_t i = 0; files && i < details->count; i++)
        fill_json(&details->files[i], &files[i]);
    oq_console_json(files ? oq_json_info(&details->snapshot, files, details->count) : NULL);
    for (uint32_t i = 0; files && i < details->count; i++) {
        oq_free(files[i].url);
        oq_free(files[i].sha256);
        for (unsigned k = 0; k < files[i].source_count; k++)
            oq_free(files[i].sources[k].url);
    }
    oq_free(files);
}

int oq_command_info(struct oq_client *client, const struct oq_args *args)
{
    struct oq_selection selection;

    oq_select(client, args, &selection);
    int status = selection.status;
    for (size_t i = 0; i < selection.count; i++) {
        struct details details = {.guid = selection.guids[i]};
        HRESULT hr = oq_client_run(client, details_step, &details);
        if (SUCCEEDED(hr) && args->is_json) {
            print_json(&details);
        } else if (SUCCEEDED(hr)) {
            if (i > 0)
                oq_console_print("%s", "");
            print_details(&details);
        } else {
            char name[OQ_RENDER_GROUP_DIGITS + 1];
            oq_render_group(&details.guid, name);
            int failed = oq_client_report(name, hr);
            status = status ? status : failed;
        }
        release_details(&details);
    }
    oq_selection_release(&selection);
    return status;
}

/* --- why -------------------------------------------------------------------------------------- */

/* What would help, by the state and the kind of the failure. */
static const char *advice(const struct oq_snapshot *s)
{
    switch (s->state) {
    case OQ_SNAPSHOT_SUSPENDED:
        return "'qmgrctl resume' lets it continue";
    case OQ_SNAPSHOT_QUEUED:
        return "it starts by itself; 'qmgrctl foreground' lets it start at once";
    case OQ_SNAPSHOT_COMPLETE:
        return "'qmgrctl prune' removes complete downloads from the queue";
    case OQ_SNAPSHOT_FAILED:
    case OQ_SNAPSHOT_WAITING:
    case OQ_SNAPSHOT_CONNECTING:
    case OQ_SNAPSHOT_DOWNLOADING:
    case OQ_SNAPSHOT_FINISHING:
    case OQ_SNAPSHOT_CANCELLED:
    case OQ_SNAPSHOT_STATES:
        break;
    }
    bool is_failed = s->state == OQ_SNAPSHOT_FAILED;
    switch (s->failure ? oq_result_exit(s->failure) : OQ_EXIT_DONE) {
    case OQ_EXIT_NOT_FOUND:
        return "is the URL right? 'qmgrctl set-url' replaces it, 'qmgrctl resume' tries again";
    case OQ_EXIT_DENIED:
        return "the server or the folder refuses access: 'qmgrctl set-url' gives another URL";
    case OQ_EXIT_DISK:
        return is_failed ? "make room or mend the folder, then 'qmgrctl resume'"
                         : "make room, and it continues by itself";
    case OQ_EXIT_CHECKSUM:
        return "the file on the server is not the expected one: is the hash right?";
    case OQ_EXIT_DONE:
        return NULL;
    default:
        return is_failed ? "'qmgrctl resume' tries again" : "it is tried again by itself";
    }
}

static void print_why(const struct oq_snapshot *s)
{
    char group[OQ_RENDER_GROUP_DIGITS + 1], time[32], since[64] = "";
    const char *help = advice(s);
    bool has_failed = s->state == OQ_SNAPSHOT_FAILED;
    int64_t at_ms = s->failure ? s->failed_at_ms : s->changed_at_ms;
    const char *why = has_failed ? s->failure_text : s->waiting;

    oq_render_group(&s->guid, group);
    if (at_ms > 0) {
        local_time(at_ms, time);
        snprintf(since, sizeof since, " since %s", time);
    }
    oq_console_print("%s %s: %s%s%s%s%s%s", group, oq_snapshot_name(s), s->state_text,
                     has_failed || s->waiting[0] ? since : "", why[0] ? ": " : "", why,
                     help ? "; " : "", help ? help : "");
    if (s->retries > 0 && oq_snapshot_is_running(s))
        oq_console_print("         %u attempt%s so far", s->retries, s->retries == 1 ? "" : "s");
}

static HRESULT snapshot_step(struct oq_client *client, void *ctx)
{
    struct oq_snapshot *s = ctx;
    struct oq_remote remote = {.guid = s->guid};

    HRESULT hr = oq_remote_open(client, &remote);
    if (SUCCEEDED(hr))
        hr = oq_remote_read(&remote, s);
    oq_remote_release(&remote);
    return hr;
}

int oq_command_why(struct oq_client *client, const struct oq_args *args)
{
    struct oq_selection selection;

    oq_select(client, args, &selection);
    int status = selection.status;
    for (size_t i = 0; i < selection.count; i++) {
        struct oq_snapshot s = {.guid = selection.guids[i]};
        HRESULT hr = oq_client_run(client, snapshot_step, &s);
        if (FAILED(hr)) {
            int failed = oq_client_report(NULL, hr);
            status = status ? status : failed;
        } else if (args->is_json) {
            oq_console_json(oq_json_group(&s));
        } else {
            print_why(&s);
        }
    }
    oq_selection_release(&selection);
    return status;
}
