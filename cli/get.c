/* get.c - the commands get and wait: a download from its URL to its file.
 *
 * Everything up to ResumeGroup is one repeatable step: each time it looks for the group, its job
 * and its file before it makes them, so a service that is killed anywhere in between does no harm,
 * and nothing is downloaded twice.
 */
#include "commands_int.h"

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

/* A name in a sentence: an address may have 2,200 characters, and nobody reads them. */
#define SUBJECT_COLUMNS 160
#define SUBJECT (4 * SUBJECT_COLUMNS + 1)

/* --- starting --------------------------------------------------------------------------------- */

struct start {
    const struct oq_args *args;
    struct oq_download_spec spec;
    GUID group_guid, job_guid;
    bool is_adding; /* did the last attempt fail at the names? */
};

static HRESULT find_or_make_job(struct start *start, IBackgroundCopyGroup *group,
                                IBackgroundCopyJob1 **job)
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
    hr = find_or_make_job(start, group, &job);
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

/* The first of the files whose names break a rule, or the first of all. */
static const struct oq_file_spec *find_refused(const struct oq_download_spec *spec)
{
    for (uint32_t i = 0; i < spec->count; i++) {
        if (oq_url_check(spec->files[i].url, NULL) != OQ_OK ||
            oq_path_check(spec->files[i].file, false, NULL) != OQ_OK)
            return &spec->files[i];
    }
    return &spec->files[0];
}

/* AddFiles answers a refused name with E_INVALIDARG or E_ACCESSDENIED and nothing else: the rules,
 * which are the service's own, say which one was broken. */
static int explain_refusal(const struct start *start, HRESULT hr)
{
    const struct oq_file_spec *refused = find_refused(&start->spec);
    struct oq_error error;
    char *folder = NULL;
    char url[SUBJECT], file[SUBJECT], why[sizeof error.text];
    unsigned long code = (unsigned long)hr;

    oq_error_init(&error);
    oq_render_fit(refused->url, SUBJECT_COLUMNS, url, sizeof url);
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
    /* No group is left behind for a download that never began, unless there is nobody to tell. */
    if (client->manager)
        oq_remote_cancel(client, guid);
    return status;
}

/* --- watching --------------------------------------------------------------------------------- */

#define FIRST_PAUSE_MS 10
#define LONGEST_PAUSE_MS 200
#define PLAIN_LINE_MS 1000

/* It asks the service again and again, quickly at first, so that small files are not waited for,
 * and then five times a second: a call takes well below a millisecond, and a program without a
 * registered class cannot be called back. */
enum oq_follow_end {
    OQ_FOLLOW_COMPLETE,
    OQ_FOLLOW_ERROR,       /* fatal; snapshot.failure says which */
    OQ_FOLLOW_TIMEOUT,     /* nothing came in for that long */
    OQ_FOLLOW_INTERRUPTED, /* Ctrl-C */
    OQ_FOLLOW_GONE,        /* somebody cancelled it */
    OQ_FOLLOW_LOST,        /* the service cannot be reached; hr says why */
};

struct oq_follow {
    struct oq_guid guid;
    bool is_quiet;
    int64_t timeout_ms; /* -1: none */
    /* results */
    HRESULT hr;
    struct oq_snapshot last; /* all zero if there never was one */
    int64_t elapsed_ms;
};

struct watch {
    struct oq_follow *follow;
    struct oq_remote remote;
    struct oq_meter meter;
    int64_t started_ms, moved_ms; /* moved: when bytes last came in */
    int64_t shown_ms;             /* when the last plain line was printed */
    bool is_lost;                 /* the connection is just being sought */
};

static HRESULT read_step(struct oq_client *client, void *ctx)
{
    struct watch *watch = ctx;

    HRESULT hr = oq_remote_open(client, &watch->remote);
    if (SUCCEEDED(hr))
        hr = oq_remote_read(&watch->remote, &watch->follow->last);
    return hr;
}

static void show(struct watch *watch, int64_t now_ms)
{
    const struct oq_snapshot *last = &watch->follow->last;
    struct oq_render_view view = {.total_bytes = last->total_bytes,
                                  .done_bytes = last->done_bytes,
                                  .bytes_per_s = oq_meter_rate(&watch->meter)};
    char line[OQ_RENDER_LINE];

    if (watch->follow->is_quiet)
        return;
    if (watch->is_lost)
        view.note = "the service stopped; connecting again";
    else if (last->waiting[0])
        view.note = last->waiting;
    else if (last->phase == OQ_PHASE_COMMITTING)
        view.note = "finishing";
    else if (last->phase == OQ_PHASE_SUSPENDED)
        view.note = "suspended";
    if (oq_console_is_terminal()) {
        oq_render_bar(&view, oq_console_columns() - 1, line);
        oq_console_redraw(line);
    } else if (now_ms - watch->shown_ms >= PLAIN_LINE_MS) {
        watch->shown_ms = now_ms;
        oq_render_plain(&view, line);
        oq_console_print("%s", line);
    }
}

static void on_lost(void *ctx)
{
    struct watch *watch = ctx;

    if (!watch->is_lost) /* said at once, however long ago the last line was */
        watch->shown_ms = -PLAIN_LINE_MS;
    watch->is_lost = true;
    show(watch, oq_clock_mono_ms(oq_clock_system()));
}

/* What the newest snapshot means; -1: go on. */
static int judge(struct watch *watch, int64_t now_ms)
{
    struct oq_follow *follow = watch->follow;

    switch (follow->last.phase) {
    case OQ_PHASE_COMPLETE:
        return OQ_FOLLOW_COMPLETE;
    case OQ_PHASE_ERROR:
        return OQ_FOLLOW_ERROR;
    case OQ_PHASE_CANCELLED:
        return OQ_FOLLOW_GONE;
    case OQ_PHASE_COMMITTING:
        return -1; /* everything has come in */
    case OQ_PHASE_SUSPENDED:
    case OQ_PHASE_RUNNING:
        break;
    }
    if (follow->timeout_ms >= 0 && now_ms - watch->moved_ms >= follow->timeout_ms)
        return OQ_FOLLOW_TIMEOUT;
    return -1;
}

static enum oq_follow_end oq_follow_run(struct oq_client *client, struct oq_follow *follow)
{
    const struct oq_clock *clock = oq_clock_system();
    struct watch watch = {.follow = follow, .remote.guid = follow->guid};
    int64_t pause_ms = FIRST_PAUSE_MS;
    uint64_t done_bytes = 0;
    int end = -1;

    memset(&follow->last, 0, sizeof follow->last);
    follow->last.total_bytes = OQ_RENDER_UNKNOWN;
    oq_meter_init(&watch.meter);
    watch.started_ms = watch.moved_ms = watch.shown_ms = oq_clock_mono_ms(clock);
    client->on_lost = on_lost;

    while (end < 0) {
        follow->hr = oq_client_run(client, read_step, &watch);
        int64_t now_ms = oq_clock_mono_ms(clock);
        watch.is_lost = false;
        if (follow->hr == E_ABORT) {
            end = OQ_FOLLOW_INTERRUPTED;
        } else if (follow->hr == (HRESULT)QM_E_ITEM_NOT_FOUND) {
            end = OQ_FOLLOW_GONE;
        } else if (FAILED(follow->hr)) {
            end = OQ_FOLLOW_LOST;
        } else {
            if (follow->last.done_bytes != done_bytes)
                watch.moved_ms = now_ms;
            done_bytes = follow->last.done_bytes;
            oq_meter_add(&watch.meter, now_ms, done_bytes);
            end = judge(&watch, now_ms);
            if (end < 0 || (end == OQ_FOLLOW_COMPLETE && oq_console_is_terminal()))
                show(&watch, now_ms);
            if (end < 0 && oq_console_wait(pause_ms))
                end = OQ_FOLLOW_INTERRUPTED;
        }
        pause_ms = pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
    }
    client->on_lost = NULL;
    follow->elapsed_ms = oq_clock_mono_ms(clock) - watch.started_ms;
    oq_remote_release(&watch.remote);
    return (enum oq_follow_end)end;
}

/* --- ending ----------------------------------------------------------------------------------- */

static void print_done(const char *file, const struct oq_follow *follow)
{
    char size[OQ_RENDER_TEXT], rate[OQ_RENDER_TEXT];
    int64_t ms = follow->elapsed_ms > 0 ? follow->elapsed_ms : 1;

    oq_render_size(follow->last.done_bytes, size);
    oq_render_size(follow->last.done_bytes * 1000 / (uint64_t)ms, rate);
    oq_console_print("%s: done, %s in %d.%d s (%s/s)", file, size, (int)(ms / 1000),
                     (int)(ms / 100 % 10), rate);
}

/* Words for a download that failed or got nowhere. */
static void describe_failure(const struct oq_follow *follow, enum oq_follow_end end, char *text,
                             size_t capacity)
{
    const struct oq_snapshot *last = &follow->last;
    char why[OQ_SNAPSHOT_TEXT + 32] = "nothing came in";

    if (FAILED(last->failure))
        snprintf(why, sizeof why, "%s (0x%08lX)", last->failure_text, (unsigned long)last->failure);
    else if (end == OQ_FOLLOW_TIMEOUT && last->waiting[0])
        snprintf(why, sizeof why, "%s", last->waiting);
    if (end == OQ_FOLLOW_TIMEOUT)
        snprintf(text, capacity, "gave up after %d s without data: %s",
                 (int)(follow->timeout_ms / 1000), why);
    else
        snprintf(text, capacity, "%s", why);
}

/* Says how watching ended, unless well; `subject` names the download, `name` is its short
 * identifier. */
static int end_badly(struct oq_client *client, const struct oq_follow *follow,
                     enum oq_follow_end end, const char *name_of_it, bool is_ours)
{
    char name[OQ_RENDER_GROUP_DIGITS + 1], why[OQ_SNAPSHOT_TEXT + 128], subject[SUBJECT];

    oq_render_fit(name_of_it, SUBJECT_COLUMNS, subject, sizeof subject);
    oq_render_group(&follow->guid, name);
    describe_failure(follow, end, why, sizeof why);
    switch (end) {
    case OQ_FOLLOW_ERROR:
    case OQ_FOLLOW_TIMEOUT:
        /* A download of ours of which nothing is there is not worth keeping; anything else is the
         * user's to decide. */
        if (is_ours && follow->last.done_bytes == 0) {
            oq_remote_cancel(client, &follow->guid);
            oq_console_error("%s: %s", subject, why);
        } else if (end == OQ_FOLLOW_ERROR) {
            oq_console_error("%s: %s; it stays in the queue: 'qmgrctl resume %s' tries again, "
                             "'qmgrctl cancel %s' drops it",
                             subject, why, name, name);
        } else {
            oq_console_error("%s: %s; it goes on in the queue: 'qmgrctl wait %s' waits again, "
                             "'qmgrctl cancel %s' drops it",
                             subject, why, name, name);
        }
        break;
    case OQ_FOLLOW_INTERRUPTED:
        oq_console_error(
            "interrupted; the download goes on in the queue: 'qmgrctl wait %s%s' waits for it, "
            "'qmgrctl cancel %s' drops it",
            is_ours ? "--remove " : "", name, name);
        break;
    case OQ_FOLLOW_GONE:
        oq_console_error("%s: the download is no longer in the queue: somebody cancelled it",
                         subject);
        break;
    case OQ_FOLLOW_COMPLETE:
    case OQ_FOLLOW_LOST:
        oq_client_report(subject, follow->hr);
        break;
    }
    return OQ_EXIT_FAILED;
}

/* --- the commands ----------------------------------------------------------------------------- */

static void print_start(const struct oq_download_spec *spec, const char *document,
                        const char *group)
{
    if (spec->count == 1)
        oq_console_print("%s -> %s, group %s", spec->files[0].url, spec->files[0].file, group);
    else
        oq_console_print("%s: %u files, group %s", document, (unsigned)spec->count, group);
}

int oq_command_get(struct oq_client *client, const struct oq_args *args)
{
    struct start start = {.args = args};
    struct oq_follow follow = {.is_quiet = args->is_quiet, .timeout_ms = args->timeout_ms};
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
    memcpy(&follow.guid, &start.group_guid, sizeof follow.guid);
    hr = oq_client_run(client, start_step, &start);
    if (FAILED(hr)) {
        status = start_failed(client, &start, &follow.guid, hr);
        goto out;
    }
    oq_guid_format(&follow.guid, text);
    if (args->is_detached) {
        oq_console_print("%s", text);
        status = OQ_EXIT_DONE;
        goto out;
    }
    if (!args->is_quiet)
        print_start(&start.spec, args->metalink, text);
    enum oq_follow_end end = oq_follow_run(client, &follow);
    if (end != OQ_FOLLOW_COMPLETE) {
        status = end_badly(client, &follow, end, is_alone ? first->url : args->metalink, true);
        goto out;
    }
    hr = oq_remote_cancel(client, &follow.guid);
    if (FAILED(hr)) {
        status = oq_client_report(
            "the file is there, but the download could not be taken out of the queue", hr);
        goto out;
    }
    if (!args->is_quiet)
        print_done(is_alone ? first->file : args->metalink, &follow);
    status = OQ_EXIT_DONE;
out:
    oq_download_spec_release(&start.spec);
    return status;
}

int oq_command_wait(struct oq_client *client, const struct oq_args *args)
{
    struct oq_follow follow = {.is_quiet = args->is_quiet, .timeout_ms = args->timeout_ms};
    char text[OQ_GUID_TEXT];

    if (!oq_client_find(client, args, &follow.guid))
        return OQ_EXIT_FAILED;
    oq_guid_format(&follow.guid, text);
    enum oq_follow_end end = oq_follow_run(client, &follow);
    if (end == OQ_FOLLOW_GONE && follow.last.total_files == 0 && follow.last.state[0] == '\0')
        return oq_client_report(text, (HRESULT)QM_E_ITEM_NOT_FOUND); /* it never was there */
    if (end != OQ_FOLLOW_COMPLETE)
        return end_badly(client, &follow, end, text, false);
    if (args->is_removing) {
        HRESULT hr = oq_remote_cancel(client, &follow.guid);
        if (FAILED(hr))
            return oq_client_report(text, hr);
    }
    if (!args->is_quiet)
        print_done(text, &follow);
    return OQ_EXIT_DONE;
}
