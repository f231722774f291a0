/* follow.c - see follow_int.h, and the command wait. */
#include "follow_int.h"

#include "console_int.h"
#include "oq_alloc.h"
#include "oq_clock.h"
#include "result_int.h"
#include "select_int.h"

#include <stdio.h>
#include <string.h>

/* A URL in a sentence; it may have 2,200 characters. */
#define SUBJECT_COLUMNS 160
#define SUBJECT (4 * SUBJECT_COLUMNS + 1)

#define FIRST_PAUSE_MS 10
#define LONGEST_PAUSE_MS 200
#define PLAIN_LINE_MS 60000 /* where nobody looks on: a pipe or a file */
#define EVENT_MS 1000
#define READ_SINGLY 4 /* more are read with the whole queue, in a few calls */

struct follow {
    const struct oq_args *args;
    struct oq_followed *list;
    size_t count, left; /* left: have not ended */
    struct oq_meter meter;
    int64_t started_ms, moved_ms; /* moved: when data was last received */
    int64_t shown_ms;             /* when the last plain line was printed */
    uint64_t seen_bytes;
    char reason[OQ_SNAPSHOT_TEXT]; /* the last one that was told */
    bool is_lost;                  /* connecting again */
    int status;
};

/* --- reading ---------------------------------------------------------------------------------- */

static HRESULT read_one(struct oq_client *client, struct oq_followed *one)
{
    HRESULT hr = oq_remote_open(client, &one->remote);

    if (SUCCEEDED(hr))
        hr = oq_remote_read(&one->remote, &one->last);
    one->is_gone = hr == (HRESULT)QM_E_ITEM_NOT_FOUND;
    return one->is_gone ? S_OK : hr;
}

static HRESULT read_with_queue(struct oq_client *client, struct follow *follow)
{
    struct oq_snapshot *all = NULL;
    size_t count = 0;

    HRESULT hr = oq_remote_read_all(client, &all, &count);
    for (size_t i = 0; SUCCEEDED(hr) && i < follow->count; i++) {
        struct oq_followed *one = &follow->list[i];
        if (one->has_ended)
            continue;
        one->is_gone = true;
        for (size_t k = 0; k < count && one->is_gone; k++) {
            if (!oq_guid_is_equal(&one->guid, &all[k].guid))
                continue;
            one->is_gone = false;
            one->last = all[k];
        }
    }
    oq_free(all);
    return hr;
}

static HRESULT read_step(struct oq_client *client, void *ctx)
{
    struct follow *follow = ctx;
    HRESULT hr = S_OK;

    if (follow->left > READ_SINGLY)
        return read_with_queue(client, follow);
    for (size_t i = 0; SUCCEEDED(hr) && i < follow->count; i++) {
        if (!follow->list[i].has_ended)
            hr = read_one(client, &follow->list[i]);
    }
    return hr;
}

/* --- showing ---------------------------------------------------------------------------------- */

/* All of them as one. */
static struct oq_render_view view_of(const struct follow *follow)
{
    struct oq_render_view view = {.bytes_per_s = oq_meter_rate(&follow->meter)};

    for (size_t i = 0; i < follow->count; i++) {
        const struct oq_snapshot *last = &follow->list[i].last;
        view.done_bytes += last->done_bytes;
        if (view.total_bytes != OQ_RENDER_UNKNOWN)
            view.total_bytes = last->total_bytes == OQ_RENDER_UNKNOWN || !last->state_text
                                   ? OQ_RENDER_UNKNOWN
                                   : view.total_bytes + last->total_bytes;
    }
    return view;
}

/* The reason of a wait behind its "waiting 3 s: ", and its length in *head; NULL: none. */
static const char *reason_of(const char *waiting, size_t *head)
{
    const char *colon = strncmp(waiting, "waiting", 7) == 0 ? strstr(waiting, ": ") : NULL;

    *head = colon ? (size_t)(colon - waiting) : strlen(waiting);
    return colon ? colon + 2 : NULL;
}

/* Prints a reason once, on a line of its own and in full: the bar has only room for the time. */
static void tell_reason(struct follow *follow, const struct oq_snapshot *last)
{
    size_t head;
    const char *reason = reason_of(last->waiting, &head);

    if (follow->args->is_quiet || follow->args->is_json || !reason ||
        strcmp(reason, follow->reason) == 0)
        return;
    snprintf(follow->reason, sizeof follow->reason, "%s", reason);
    if (follow->count > 1)
        oq_console_note("%s: %s", oq_snapshot_name(last), reason);
    else
        oq_console_note("%s", reason);
}

static void show(struct follow *follow, int64_t now_ms)
{
    struct oq_render_view view = view_of(follow);
    const struct oq_snapshot *last = &follow->list[0].last;
    char line[OQ_RENDER_LINE], note[OQ_SNAPSHOT_TEXT];
    size_t head;

    if (follow->args->is_quiet || follow->args->is_json)
        return;
    if (follow->is_lost) {
        view.note = "the service stopped; reconnecting";
    } else if (follow->count > 1 && view.bytes_per_s == OQ_RENDER_UNKNOWN) {
        snprintf(note, sizeof note, "%zu of %zu ended", follow->count - follow->left,
                 follow->count);
        view.note = note;
    } else if (follow->count == 1 && last->waiting[0]) {
        reason_of(last->waiting, &head);
        snprintf(note, sizeof note, "%.*s", (int)head, last->waiting);
        view.note = note;
    } else if (follow->count == 1 && last->state == OQ_SNAPSHOT_FINISHING) {
        view.note = "finishing";
    } else if (follow->count == 1 && last->state == OQ_SNAPSHOT_SUSPENDED) {
        view.note = "suspended";
    }
    if (oq_console_can_redraw()) {
        oq_render_bar(&view, oq_console_progress_columns() - 1, line);
        oq_console_redraw(line);
    } else if (now_ms - follow->shown_ms >= PLAIN_LINE_MS) {
        follow->shown_ms = now_ms;
        oq_render_plain(&view, line);
        oq_console_note("%s", line);
    }
}

static void on_lost(void *ctx)
{
    struct follow *follow = ctx;

    if (!follow->is_lost) /* shown at once */
        follow->shown_ms = -PLAIN_LINE_MS;
    follow->is_lost = true;
    show(follow, oq_clock_mono_ms(oq_clock_system()));
}

static void tell_event(struct follow *follow, struct oq_followed *one, const char *event,
                       int exit_status)
{
    if (follow->args->is_json)
        oq_console_json(oq_json_event(event, &one->last, exit_status));
    one->told = one->last.state;
    one->told_ms = oq_clock_mono_ms(oq_clock_system());
}

/* --- what was lost ---------------------------------------------------------------------------- */

struct mismatches {
    struct oq_remote *remote;
    uint32_t files, count;
};

static HRESULT mismatches_step(struct oq_client *client, void *ctx)
{
    struct mismatches *found = ctx;
    HRESULT hr = oq_remote_open(client, found->remote);

    found->count = 0;
    for (uint32_t i = 0; SUCCEEDED(hr) && found->remote->extension && i < found->files; i++) {
        OPENQMGR_FILE_INFO info;
        BSTR texts[3] = {NULL, NULL, NULL};
        hr = IOpenQmgrGroup_GetFile(found->remote->extension, i, &info, &texts[0], &texts[1],
                                    &texts[2]);
        if (SUCCEEDED(hr))
            found->count += info.dwMismatches;
        for (size_t k = 0; k < 3; k++)
            SysFreeString(texts[k]);
    }
    return hr;
}

/* Less is there than before: says why. */
static void tell_restart(struct oq_client *client, const struct follow *follow,
                         struct oq_followed *one)
{
    struct mismatches found = {.remote = &one->remote, .files = one->last.total_files};

    one->remote.guid = one->guid;
    HRESULT hr = oq_client_run(client, mismatches_step, &found);
    if (follow->args->is_quiet || follow->args->is_json)
        return;
    if (SUCCEEDED(hr) && found.count > 0)
        oq_console_note("%s: checksum mismatch; the wrong data is downloaded again",
                        oq_snapshot_name(&one->last));
    else
        oq_console_note("%s: the file changed on the server; downloading again",
                        oq_snapshot_name(&one->last));
}

/* --- ending ----------------------------------------------------------------------------------- */

static const char *file_of(const struct oq_followed *one, uint32_t index)
{
    return one->spec && index < one->spec->count ? one->spec->files[index].file
                                                 : oq_snapshot_name(&one->last);
}

/* The URL, if it is the only source; else the file. */
static void subject_of(const struct oq_followed *one, char subject[SUBJECT])
{
    uint32_t index = one->last.failed_file;
    const struct oq_file_spec *file =
        one->spec && (one->spec->count == 1 || index < one->spec->count)
            ? &one->spec->files[one->spec->count == 1 ? 0 : index]
            : NULL;
    bool has_mirrors = file && file->expectations && file->expectations->mirror_count > 0;

    if (file && !has_mirrors)
        oq_render_url(file->url, SUBJECT_COLUMNS, subject, SUBJECT);
    else if (file)
        oq_render_fit(file->file, SUBJECT_COLUMNS, subject, SUBJECT);
    else
        oq_render_fit(oq_snapshot_name(&one->last), SUBJECT_COLUMNS, subject, SUBJECT);
    if (!subject[0])
        oq_render_group(&one->guid, subject);
}

/* The rate is that of the data received meanwhile, not of what was there before. */
static void print_done(const struct follow *follow, const struct oq_followed *one, int64_t ms)
{
    char size[OQ_RENDER_TEXT], rate[OQ_RENDER_TEXT];
    const char *file = one->spec && one->spec->count > 1 && follow->args->metalink
                           ? follow->args->metalink
                           : file_of(one, 0);
    uint64_t received = one->last.done_bytes - one->first_bytes;

    ms = ms > 0 ? ms : 1;
    oq_render_size(one->last.done_bytes, size);
    oq_render_size(received * 1000 / (uint64_t)ms, rate);
    if (received == 0)
        oq_console_print("%s: done, %s", file, size);
    else
        oq_console_print("%s: done, %s in %d.%d s (%s/s)", file, size, (int)(ms / 1000),
                         (int)(ms / 100 % 10), rate);
}

static void end(struct follow *follow, struct oq_followed *one, const char *event, int status)
{
    one->has_ended = true;
    follow->left--;
    follow->status = follow->status ? follow->status : status;
    tell_event(follow, one, event, status);
    oq_remote_release(&one->remote);
}

static void end_complete(struct oq_client *client, struct follow *follow, struct oq_followed *one)
{
    int64_t ms = oq_clock_mono_ms(oq_clock_system()) - follow->started_ms;
    int status = OQ_EXIT_DONE;

    if (one->spec || follow->args->is_removing) {
        HRESULT hr = oq_remote_cancel(client, &one->guid);
        if (FAILED(hr))
            status = oq_client_report(
                "the file is complete, but the download could not be removed from the queue", hr);
    }
    if (!status && !follow->args->is_quiet && !follow->args->is_json)
        print_done(follow, one, ms);
    end(follow, one, "complete", status);
}

/* A download of ours without any data is removed; otherwise the user decides. */
static bool remove_empty(struct oq_client *client, const struct oq_followed *one)
{
    if (!one->spec || one->last.done_bytes > 0)
        return false;
    oq_remote_cancel(client, &one->guid);
    return true;
}

static void end_failed(struct oq_client *client, struct follow *follow, struct oq_followed *one)
{
    char subject[SUBJECT], name[OQ_RENDER_GROUP_DIGITS + 1];
    const struct oq_snapshot *last = &one->last;

    subject_of(one, subject);
    oq_render_group(&one->guid, name);
    if (remove_empty(client, one))
        oq_console_error("%s: %s (0x%08lX)", subject, last->failure_text,
                         (unsigned long)last->failure);
    else
        oq_console_error("%s: %s (0x%08lX); the download stays in the queue: retry it with "
                         "'qmgrctl resume %s' or cancel it with 'qmgrctl cancel %s'",
                         subject, last->failure_text, (unsigned long)last->failure, name, name);
    end(follow, one, "failed", oq_result_exit(last->failure));
}

/* It was cancelled, or never existed. */
static void end_gone(struct follow *follow, struct oq_followed *one)
{
    char subject[SUBJECT];

    subject_of(one, subject);
    if (!one->spec && !one->last.state_text)
        oq_client_report(subject, (HRESULT)QM_E_ITEM_NOT_FOUND);
    else
        oq_console_error("%s: the download was cancelled", subject);
    end(follow, one, "gone", OQ_EXIT_NO_GROUP);
}

/* Time is over for one that has not ended. */
static void end_late(struct oq_client *client, struct follow *follow, struct oq_followed *one,
                     const char *limit)
{
    char subject[SUBJECT], name[OQ_RENDER_GROUP_DIGITS + 1], why[OQ_SNAPSHOT_TEXT + 32];
    const struct oq_snapshot *last = &one->last;

    snprintf(why, sizeof why, "%s", last->waiting[0] ? last->waiting : "");
    if (last->failure)
        snprintf(why, sizeof why, "%s (0x%08lX)", last->failure_text, (unsigned long)last->failure);
    subject_of(one, subject);
    oq_render_group(&one->guid, name);
    if (remove_empty(client, one))
        oq_console_error("%s: gave up %s%s%s", subject, limit, why[0] ? ": " : "", why);
    else
        oq_console_error("%s: gave up %s%s%s; the download continues in the background: wait for "
                         "it with 'qmgrctl wait %s' or cancel it with 'qmgrctl cancel %s'",
                         subject, limit, why[0] ? ": " : "", why, name, name);
    end(follow, one, "timeout", OQ_EXIT_TIMEOUT);
}

static void end_interrupted(struct follow *follow)
{
    char name[OQ_RENDER_GROUP_DIGITS + 1] = "";

    for (size_t i = 0; i < follow->count; i++) {
        struct oq_followed *one = &follow->list[i];
        if (one->has_ended)
            continue;
        oq_render_group(&one->guid, name);
        one->last.guid = one->guid;
        if (follow->count > 1 && !follow->args->is_quiet)
            oq_console_note("%s  %s", name, file_of(one, 0));
        end(follow, one, "interrupted", OQ_EXIT_INTERRUPTED);
    }
    const char *remove = follow->list[0].spec ? "--remove " : "";
    if (follow->count > 1)
        oq_console_error("interrupted; the downloads continue in the background: 'qmgrctl list' "
                         "shows them, 'qmgrctl wait %sGROUP' waits for one",
                         remove);
    else
        oq_console_error(
            "interrupted; the download continues in the background: wait for it with 'qmgrctl wait "
            "%s%s' or cancel it with 'qmgrctl cancel %s'",
            remove, name, name);
}

/* --- following -------------------------------------------------------------------------------- */

static void look_at(struct oq_client *client, struct follow *follow, struct oq_followed *one,
                    bool is_first, int64_t now_ms)
{
    const struct oq_snapshot *last = &one->last;

    if (one->is_gone || last->state == OQ_SNAPSHOT_CANCELLED) {
        end_gone(follow, one);
        return;
    }
    if (is_first && !one->spec)
        one->first_bytes = last->done_bytes;
    if (last->done_bytes < one->seen_bytes) {
        one->first_bytes = 0;
        if (last->state != OQ_SNAPSHOT_FAILED)
            tell_restart(client, follow, one);
    }
    bool has_moved = one->seen_bytes != last->done_bytes;
    one->seen_bytes = last->done_bytes;
    if (last->state == OQ_SNAPSHOT_COMPLETE) {
        end_complete(client, follow, one);
    } else if (last->state == OQ_SNAPSHOT_FAILED) {
        end_failed(client, follow, one);
    } else {
        tell_reason(follow, last);
        if (last->state != one->told)
            tell_event(follow, one, "state", -1);
        else if (follow->args->is_json && has_moved && now_ms - one->told_ms >= EVENT_MS)
            tell_event(follow, one, "progress", -1);
    }
}

/* Ends those that are late. All data of one that is finishing was received. */
static void check_time(struct oq_client *client, struct follow *follow, int64_t now_ms)
{
    const struct oq_args *args = follow->args;
    char limit[64];

    if (args->max_time_ms >= 0 && now_ms - follow->started_ms >= args->max_time_ms)
        snprintf(limit, sizeof limit, "after %lld s", (long long)(args->max_time_ms / 1000));
    else if (args->stall_timeout_ms >= 0 && now_ms - follow->moved_ms >= args->stall_timeout_ms)
        snprintf(limit, sizeof limit, "after %lld s without data",
                 (long long)(args->stall_timeout_ms / 1000));
    else
        return;
    for (size_t i = 0; i < follow->count; i++) {
        struct oq_followed *one = &follow->list[i];
        if (!one->has_ended && one->last.state != OQ_SNAPSHOT_FINISHING)
            end_late(client, follow, one, limit);
    }
}

/* One look at all of them; false: that was the last one. */
static bool look(struct oq_client *client, struct follow *follow, bool is_first)
{
    uint64_t done_bytes = 0;

    client->on_lost = on_lost;
    client->ends_on_stop = true;
    HRESULT hr = oq_client_run(client, read_step, follow);
    client->on_lost = NULL;
    client->ends_on_stop = false;
    int64_t now_ms = oq_clock_mono_ms(oq_clock_system());
    follow->is_lost = false;
    if (hr == E_ABORT) {
        end_interrupted(follow);
        return false;
    }
    if (FAILED(hr)) {
        follow->status = oq_client_report(NULL, hr);
        return false;
    }
    for (size_t i = 0; i < follow->count; i++)
        done_bytes += follow->list[i].last.done_bytes;
    if (done_bytes != follow->seen_bytes)
        follow->moved_ms = now_ms;
    follow->seen_bytes = done_bytes;
    oq_meter_add(&follow->meter, now_ms, done_bytes);
    size_t left = follow->left;
    for (size_t i = 0; i < follow->count; i++) {
        if (!follow->list[i].has_ended)
            look_at(client, follow, &follow->list[i], is_first, now_ms);
    }
    check_time(client, follow, now_ms);
    if (follow->left > 0 || (left > 0 && !follow->status && oq_console_can_redraw()))
        show(follow, now_ms);
    return follow->left > 0;
}

int oq_follow(struct oq_client *client, const struct oq_args *args, struct oq_followed *list,
              size_t count)
{
    struct follow follow = {.args = args, .list = list, .count = count, .left = count};
    int64_t pause_ms = FIRST_PAUSE_MS;

    oq_meter_init(&follow.meter);
    follow.started_ms = follow.moved_ms = follow.shown_ms = oq_clock_mono_ms(oq_clock_system());
    for (size_t i = 0; i < count; i++) {
        list[i].remote.guid = list[i].last.guid = list[i].guid;
        list[i].last.total_bytes = OQ_RENDER_UNKNOWN;
        list[i].last.failed_file = OQ_NO_FILE;
    }
    for (bool is_first = true; look(client, &follow, is_first); is_first = false) {
        if (oq_console_wait(pause_ms)) {
            end_interrupted(&follow);
            break;
        }
        pause_ms = pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
    }
    for (size_t i = 0; i < count; i++)
        oq_remote_release(&list[i].remote);
    return follow.status;
}

int oq_command_wait(struct oq_client *client, const struct oq_args *args)
{
    struct oq_selection selection;
    struct oq_followed *list = NULL;

    oq_select(client, args, &selection);
    int status = selection.status;
    if (selection.count > 0) {
        list = oq_calloc(selection.count, sizeof *list);
        for (size_t i = 0; list && i < selection.count; i++)
            list[i].guid = selection.guids[i];
        int failed = list ? oq_follow(client, args, list, selection.count)
                          : oq_client_report(NULL, E_OUTOFMEMORY);
        status = status ? status : failed;
    }
    oq_free(list);
    oq_selection_release(&selection);
    return status;
}
