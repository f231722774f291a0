/* view.c - what a group looks like at this moment, as plain values for other threads.
 *
 * Engine thread; changes nothing but the percentage that was shown last.
 */
#include "engine_int.h"
#include "oq_rate_control.h"

#include "oq_alloc.h"

#include <stdio.h>
#include <string.h>

static enum oq_activity activity_of(const struct oq_engine *engine, const struct oq_entry *entry,
                                    int64_t now_ms, int64_t *backoff_left_ms)
{
    int64_t earliest_ms = INT64_MAX;
    *backoff_left_ms = 0;
    if (entry->group.state == OQ_GROUP_COMMITTING)
        return OQ_ACTIVITY_COMMITTING;
    if (entry->group.state != OQ_GROUP_ACTIVE)
        return OQ_ACTIVITY_NONE;
    if (entry->running > 0) {
        for (uint32_t i = 0; i < entry->group.job.file_count; i++)
            if (entry->runs[i].transfer && oq_transfer_is_connected(entry->runs[i].transfer))
                return OQ_ACTIVITY_TRANSFERRING;
        return OQ_ACTIVITY_CONNECTING;
    }
    if (!oq_rate_control_may_run(engine->rate_control, entry->group.is_foreground))
        return OQ_ACTIVITY_POLICY;
    if (entry->is_owner_absent)
        return OQ_ACTIVITY_NO_OWNER;
    for (uint32_t i = 0; i < entry->group.job.file_count; i++) {
        if (entry->group.job.files[i].state != OQ_FILE_WAITING)
            continue;
        if (entry->runs[i].retry_at_ms <= now_ms)
            return OQ_ACTIVITY_QUEUED;
        if (entry->runs[i].retry_at_ms < earliest_ms)
            earliest_ms = entry->runs[i].retry_at_ms;
    }
    if (earliest_ms == INT64_MAX)
        return OQ_ACTIVITY_QUEUED;
    *backoff_left_ms = earliest_ms - now_ms;
    return OQ_ACTIVITY_BACKOFF;
}

static uint32_t groups_with_place(const struct oq_engine *engine)
{
    uint32_t count = 0;
    for (const struct oq_entry *entry = engine->catalogue.first; entry; entry = entry->next)
        if (entry->group.state == OQ_GROUP_ACTIVE && !entry->group.is_foreground &&
            entry->slice_started_at_ms != 0)
            count++;
    return count;
}

void oq_view_of(struct oq_engine *engine, struct oq_entry *entry, struct oq_group_view *view)
{
    const struct oq_group *group = &entry->group;
    int64_t now_ms = oq_now_ms(engine);
    uint64_t *in_flight =
        group->job.file_count ? oq_calloc(group->job.file_count, sizeof *in_flight) : NULL;

    memset(view, 0, sizeof *view);
    view->guid = group->guid;
    view->is_gone = group->state == OQ_GROUP_CANCELLING;
    view->state = view->is_gone ? entry->state_when_cancelled : group->state;
    view->activity = activity_of(engine, entry, now_ms, &view->backoff_left_ms);
    view->is_foreground = group->is_foreground;
    view->has_job = group->job.id != 0;
    view->job_guid = group->job.guid;
    view->notify_flags = group->notify_flags;
    view->retries = group->retries;
    view->created_at_ms = group->created_at_ms;
    view->changed_at_ms = group->changed_at_ms;
    snprintf(view->owner_sid, sizeof view->owner_sid, "%s", group->owner_sid);
    for (uint32_t i = 0; i < group->job.file_count; i++) {
        struct oq_transfer *transfer = entry->runs[i].transfer;
        if (!transfer)
            continue;
        if (in_flight)
            in_flight[i] = oq_transfer_received(transfer);
        view->rate_bytes_per_s += oq_transfer_rate(transfer, now_ms);
    }
    oq_progress_of(group, in_flight, &view->progress);
    view->progress.percent =
        oq_progress_hold(entry->shown_percent, view->progress.percent, entry->may_percent_fall);
    entry->shown_percent = view->progress.percent;
    entry->may_percent_fall = false;
    oq_free(in_flight);
    view->max_bytes_per_s = group->max_bytes_per_s;
    int64_t since_us = 0;
    if (view->activity == OQ_ACTIVITY_TRANSFERRING)
        view->limit = oq_rate_control_limit(engine->rate_control, &entry->bucket,
                                            &view->limit_bytes_per_s, &since_us);
    if (view->limit != OQ_LIMIT_NONE)
        view->limit_ms = now_ms - since_us / 1000;

    /* After a restart only what was fatal is known. */
    const struct oq_failure *failure =
        entry->last_failure.code ? &entry->last_failure : &group->error;
    if (failure->code)
        view->error_at_ms = entry->failed_at_ms ? entry->failed_at_ms : group->changed_at_ms;
    view->error_code = failure->code;
    view->error_win32 = failure->win32;
    view->error_http = failure->http;
    view->error_file = failure->code ? failure->file_index : OQ_NO_FILE;
    snprintf(view->error_text, sizeof view->error_text, "%s", failure->text ? failure->text : "");
    if (view->activity == OQ_ACTIVITY_QUEUED)
        view->groups_ahead = groups_with_place(engine);
}

/* --- lists ------------------------------------------------------------------------------------ */

/* Copies as many whole characters as there is room for. */
static void copy_cut(char text[OQ_SUMMARY_TEXT], const char *from)
{
    size_t length = strlen(from);
    if (length >= OQ_SUMMARY_TEXT) {
        length = OQ_SUMMARY_TEXT - 1;
        while (length > 0 && ((unsigned char)from[length] & 0xc0) == 0x80)
            length--;
    }
    memcpy(text, from, length);
    text[length] = '\0';
}

static const char *base_name(const char *path)
{
    const char *base = path;
    for (; *path; path++)
        if (*path == '\\' || *path == '/')
            base = path + 1;
    return base;
}

void oq_summary_of(struct oq_engine *engine, struct oq_entry *entry,
                   struct oq_group_summary *summary)
{
    const struct oq_job *job = &entry->group.job;
    summary->group = entry->group.id;
    oq_view_of(engine, entry, &summary->view);
    copy_cut(summary->display_name, entry->group.display_name);
    copy_cut(summary->first_file, job->file_count > 0 ? base_name(job->files[0].local) : "");
}
