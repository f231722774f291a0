/* get.c - the commands get and wait: start a download, show its progress, report its end.
 *
 * Everything up to ResumeGroup is one idempotent step: it looks for the group, its job and its
 * files before it creates them, so the step can be repeated after the service was killed at any
 * point, and nothing is downloaded twice.
 */
#include "client_int.h"

#include "console_int.h"
#include "group_int.h"
#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_path.h"
#include "oq_url.h"
#include "render_int.h"
#include "download_spec_int.h"
#include "result_int.h"

#include <stdio.h>
#include <string.h>

/* A URL in a sentence; it may have 2,200 characters. */
#define SUBJECT_COLUMNS 160
#define SUBJECT (4 * SUBJECT_COLUMNS + 1)

/* --- starting --------------------------------------------------------------------------------- */

struct start {
    const struct oq_args *args;
    struct oq_download_spec spec;
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
        hr = oq_download_spec_add_files(&start->spec, job);
        start->is_adding = FAILED(hr);
        if (FAILED(hr))
            goto out;
    }
    hr = oq_download_spec_set_expectations(&start->spec, job);
    if (FAILED(hr))
        goto out;
    if (start->args->is_foreground)
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
    const struct oq_file_spec *refused = find_refused(&start->spec);
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
    if (is_url)
        oq_console_error("cannot download %s: %s (0x%08lX)", url, why, code);
    else if (is_path)
        oq_console_error("cannot download to %s: %s (0x%08lX)", file, why, code);
    else if (folder && !is_there)
        oq_console_error("cannot download to %s: the folder %s does not exist (0x%08lX)", file,
                         folder, code);
    else if (folder && hr == E_ACCESSDENIED)
        oq_console_error(
            "cannot download to %s: you may not create files in the folder %s (0x%08lX)", file,
            folder, code);
    else
        oq_client_report(file, hr);
    oq_free(folder);
    return OQ_EXIT_FAILED;
}

static int start_failed(struct oq_client *client, const struct start *start,
                        const struct oq_guid *guid, HRESULT hr)
{
    int status = OQ_EXIT_FAILED;

    if (start->is_adding)
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

/* --- watching --------------------------------------------------------------------------------- */

#define FIRST_PAUSE_MS 10
#define LONGEST_PAUSE_MS 200
#define PLAIN_LINE_MS 1000

/* The service is polled, quickly at first for the sake of small files, then five times a second: a
 * call takes well below a millisecond, and a program without a registered class cannot receive
 * callbacks. */
enum watch_end {
    WATCH_COMPLETE,
    WATCH_ERROR,       /* it failed; see last.failure */
    WATCH_TIMEOUT,     /* no data for that long */
    WATCH_INTERRUPTED, /* Ctrl-C */
    WATCH_GONE,        /* it was cancelled */
    WATCH_LOST,        /* the service cannot be reached; see hr */
};

struct watch {
    struct oq_guid guid;
    bool is_ours; /* get has started it */
    bool is_quiet;
    int64_t timeout_ms; /* -1: none */
    /* results */
    HRESULT hr;
    struct oq_snapshot last; /* zero if there was none */
    int64_t elapsed_ms;
    uint64_t first_bytes; /* that were received before */
};

struct watch_state {
    struct watch *watch;
    struct oq_remote remote;
    struct oq_meter meter;
    int64_t started_ms, moved_ms; /* moved: when data was last received */
    int64_t shown_ms;             /* when the last plain line was printed */
    bool is_lost;                 /* connecting again */
};

static HRESULT read_step(struct oq_client *client, void *ctx)
{
    struct watch_state *state = ctx;

    HRESULT hr = oq_remote_open(client, &state->remote);
    if (SUCCEEDED(hr))
        hr = oq_remote_read(&state->remote, &state->watch->last);
    return hr;
}

static void show(struct watch_state *state, int64_t now_ms)
{
    const struct oq_snapshot *last = &state->watch->last;
    struct oq_render_view view = {.total_bytes = last->total_bytes,
                                  .done_bytes = last->done_bytes,
                                  .bytes_per_s = oq_meter_rate(&state->meter)};
    char line[OQ_RENDER_LINE];

    if (state->watch->is_quiet)
        return;
    if (state->is_lost)
        view.note = "the service stopped; reconnecting";
    else if (last->waiting[0])
        view.note = last->waiting;
    else if (last->phase == OQ_PHASE_COMMITTING)
        view.note = "finishing";
    else if (last->phase == OQ_PHASE_SUSPENDED)
        view.note = "suspended";
    if (oq_console_is_terminal()) {
        oq_render_bar(&view, oq_console_columns() - 1, line);
        oq_console_redraw(line);
    } else if (now_ms - state->shown_ms >= PLAIN_LINE_MS) {
        state->shown_ms = now_ms;
        oq_render_plain(&view, line);
        oq_console_print("%s", line);
    }
}

static void on_lost(void *ctx)
{
    struct watch_state *state = ctx;

    if (!state->is_lost) /* shown at once */
        state->shown_ms = -PLAIN_LINE_MS;
    state->is_lost = true;
    show(state, oq_clock_mono_ms(oq_clock_system()));
}

/* The end that the last snapshot means; -1: none. */
static int judge(struct watch_state *state, int64_t now_ms)
{
    struct watch *watch = state->watch;

    switch (watch->last.phase) {
    case OQ_PHASE_COMPLETE:
        return WATCH_COMPLETE;
    case OQ_PHASE_ERROR:
        return WATCH_ERROR;
    case OQ_PHASE_CANCELLED:
        return WATCH_GONE;
    case OQ_PHASE_COMMITTING:
        return -1; /* all data was received */
    case OQ_PHASE_SUSPENDED:
    case OQ_PHASE_RUNNING:
        break;
    }
    if (watch->timeout_ms >= 0 && now_ms - state->moved_ms >= watch->timeout_ms)
        return WATCH_TIMEOUT;
    return -1;
}

static enum watch_end watch_download(struct oq_client *client, struct watch *watch)
{
    const struct oq_clock *clock = oq_clock_system();
    struct watch_state state = {.watch = watch, .remote.guid = watch->guid};
    int64_t pause_ms = FIRST_PAUSE_MS;
    uint64_t done_bytes = 0;
    bool is_first = true;
    int end = -1;

    memset(&watch->last, 0, sizeof watch->last);
    watch->last.total_bytes = OQ_RENDER_UNKNOWN;
    oq_meter_init(&state.meter);
    state.started_ms = state.moved_ms = state.shown_ms = oq_clock_mono_ms(clock);
    client->on_lost = on_lost;

    while (end < 0) {
        watch->hr = oq_client_run(client, read_step, &state);
        int64_t now_ms = oq_clock_mono_ms(clock);
        state.is_lost = false;
        if (watch->hr == E_ABORT) {
            end = WATCH_INTERRUPTED;
        } else if (watch->hr == (HRESULT)QM_E_ITEM_NOT_FOUND) {
            end = WATCH_GONE;
        } else if (FAILED(watch->hr)) {
            end = WATCH_LOST;
        } else {
            if (watch->last.done_bytes != done_bytes)
                state.moved_ms = now_ms;
            if (is_first && !watch->is_ours)
                watch->first_bytes = watch->last.done_bytes;
            else if (watch->last.done_bytes < done_bytes) /* downloaded again from the start */
                watch->first_bytes = 0;
            is_first = false;
            done_bytes = watch->last.done_bytes;
            oq_meter_add(&state.meter, now_ms, done_bytes);
            end = judge(&state, now_ms);
            if (end < 0 || (end == WATCH_COMPLETE && oq_console_is_terminal()))
                show(&state, now_ms);
            if (end < 0 && oq_console_wait(pause_ms))
                end = WATCH_INTERRUPTED;
        }
        pause_ms = pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
    }
    client->on_lost = NULL;
    watch->elapsed_ms = oq_clock_mono_ms(clock) - state.started_ms;
    oq_remote_release(&state.remote);
    return (enum watch_end)end;
}

/* --- ending ----------------------------------------------------------------------------------- */

/* The rate is that of the data received meanwhile, not of what was there before. */
static void print_done(const char *file, const struct watch *watch)
{
    char size[OQ_RENDER_TEXT], rate[OQ_RENDER_TEXT];
    int64_t ms = watch->elapsed_ms > 0 ? watch->elapsed_ms : 1;
    uint64_t received = watch->last.done_bytes - watch->first_bytes;

    oq_render_size(watch->last.done_bytes, size);
    oq_render_size(received * 1000 / (uint64_t)ms, rate);
    if (received == 0)
        oq_console_print("%s: done, %s", file, size);
    else
        oq_console_print("%s: done, %s in %d.%d s (%s/s)", file, size, (int)(ms / 1000),
                         (int)(ms / 100 % 10), rate);
}

/* The reason of a failure or time-out. */
static void describe_failure(const struct watch *watch, enum watch_end end, char *text,
                             size_t capacity)
{
    const struct oq_snapshot *last = &watch->last;
    char why[OQ_SNAPSHOT_TEXT + 32] = "no data was received";

    if (FAILED(last->failure))
        snprintf(why, sizeof why, "%s (0x%08lX)", last->failure_text, (unsigned long)last->failure);
    else if (end == WATCH_TIMEOUT && last->waiting[0])
        snprintf(why, sizeof why, "%s", last->waiting);
    if (end == WATCH_TIMEOUT)
        snprintf(text, capacity, "gave up after %d s without data: %s",
                 (int)(watch->timeout_ms / 1000), why);
    else
        snprintf(text, capacity, "%s", why);
}

/* Prints why the download did not complete. */
static int end_badly(struct oq_client *client, const struct watch *watch, enum watch_end end,
                     const char *name_of_it)
{
    char name[OQ_RENDER_GROUP_DIGITS + 1], why[OQ_SNAPSHOT_TEXT + 128], subject[SUBJECT];

    oq_render_url(name_of_it, SUBJECT_COLUMNS, subject, sizeof subject);
    oq_render_group(&watch->guid, name);
    describe_failure(watch, end, why, sizeof why);
    switch (end) {
    case WATCH_ERROR:
    case WATCH_TIMEOUT:
        /* A download of ours without any data is removed; otherwise the user decides. */
        if (watch->is_ours && watch->last.done_bytes == 0) {
            oq_remote_cancel(client, &watch->guid);
            oq_console_error("%s: %s", subject, why);
        } else if (end == WATCH_ERROR) {
            oq_console_error(
                "%s: %s; the download stays in the queue: retry it with 'qmgrctl resume %s' "
                "or cancel it with 'qmgrctl cancel %s'",
                subject, why, name, name);
        } else {
            oq_console_error(
                "%s: %s; the download continues in the background: wait for it with 'qmgrctl wait "
                "%s' or cancel it with 'qmgrctl cancel %s'",
                subject, why, name, name);
        }
        break;
    case WATCH_INTERRUPTED:
        oq_console_error(
            "interrupted; the download continues in the background: wait for it with 'qmgrctl wait "
            "%s%s' or cancel it with 'qmgrctl cancel %s'",
            watch->is_ours ? "--remove " : "", name, name);
        break;
    case WATCH_GONE:
        oq_console_error("%s: the download was cancelled", subject);
        break;
    case WATCH_COMPLETE:
    case WATCH_LOST:
        oq_client_report(subject, watch->hr);
        break;
    }
    return OQ_EXIT_FAILED;
}

/* --- the commands ----------------------------------------------------------------------------- */

static void print_start(const struct oq_download_spec *spec, const char *document,
                        const char *group)
{
    char url[OQ_URL_MAX_CHARS + 8];

    if (spec->count == 1) {
        oq_render_url(spec->files[0].url, OQ_URL_MAX_CHARS + 4, url, sizeof url);
        oq_console_print("%s -> %s, group %s", url, spec->files[0].file, group);
    } else {
        oq_console_print("%s: %u files, group %s", document, (unsigned)spec->count, group);
    }
}

int oq_command_get(struct oq_client *client, const struct oq_args *args)
{
    struct start start = {.args = args};
    struct watch watch = {
        .is_ours = true, .is_quiet = args->is_quiet, .timeout_ms = args->timeout_ms};
    char text[OQ_GUID_TEXT];
    int status = OQ_EXIT_FAILED;

    if (!oq_download_spec_make(args, &start.spec))
        goto out;
    const struct oq_file_spec *first = &start.spec.files[0];
    bool is_alone = start.spec.count == 1;
    HRESULT hr = CoCreateGuid(&start.group_guid);
    if (SUCCEEDED(hr))
        hr = CoCreateGuid(&start.job_guid);
    if (FAILED(hr)) {
        oq_client_report(NULL, hr);
        goto out;
    }
    memcpy(&watch.guid, &start.group_guid, sizeof watch.guid);
    hr = oq_client_run(client, start_step, &start);
    if (FAILED(hr)) {
        status = start_failed(client, &start, &watch.guid, hr);
        goto out;
    }
    oq_guid_format(&watch.guid, text);
    if (args->is_detached) {
        oq_console_print("%s", text);
        status = OQ_EXIT_DONE;
        goto out;
    }
    if (!args->is_quiet)
        print_start(&start.spec, args->metalink, text);
    enum watch_end end = watch_download(client, &watch);
    if (end != WATCH_COMPLETE) {
        status = end_badly(client, &watch, end, is_alone ? first->url : args->metalink);
        goto out;
    }
    hr = oq_remote_cancel(client, &watch.guid);
    if (FAILED(hr)) {
        status = oq_client_report(
            "the file is complete, but the download could not be removed from the queue", hr);
        goto out;
    }
    if (!args->is_quiet)
        print_done(is_alone ? first->file : args->metalink, &watch);
    status = OQ_EXIT_DONE;
out:
    oq_download_spec_release(&start.spec);
    return status;
}

int oq_command_wait(struct oq_client *client, const struct oq_args *args)
{
    struct watch watch = {.is_quiet = args->is_quiet, .timeout_ms = args->timeout_ms};
    char text[OQ_GUID_TEXT];

    if (!oq_client_find(client, args, &watch.guid))
        return OQ_EXIT_FAILED;
    oq_guid_format(&watch.guid, text);
    enum watch_end end = watch_download(client, &watch);
    if (end == WATCH_GONE && !watch.last.state)
        return oq_client_report(text, (HRESULT)QM_E_ITEM_NOT_FOUND); /* it never existed */
    if (end != WATCH_COMPLETE)
        return end_badly(client, &watch, end, text);
    if (args->is_removing) {
        HRESULT hr = oq_remote_cancel(client, &watch.guid);
        if (FAILED(hr))
            return oq_client_report(text, hr);
    }
    if (!args->is_quiet)
        print_done(watch.last.file[0] ? watch.last.file : text, &watch);
    return OQ_EXIT_DONE;
}
