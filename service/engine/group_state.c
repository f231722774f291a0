/* group_state.c - the only way to change a group: look the event up, save, change memory, act.
 *
 * Engine thread. Nothing in memory changes unless the database has it; every act is safe to repeat,
 * since a crash may come between the save and the act.
 */
#include "engine_int.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_log.h"
#include "oq_schedule.h"
#include "calls_int.h"

#include <assert.h>
#include <string.h>

/* For each string that `next` has changed, puts a copy there and remembers the old one for freeing.
 */
struct swap {
    char **fields[8];
    char *old[8];
    unsigned count;
};

static bool swap_add(struct swap *swap, char **field, char *current)
{
    if (*field == current)
        return true;
    if (*field) {
        char *copy = oq_strdup(*field);
        if (!copy) {
            *field = current;
            return false;
        }
        *field = copy;
    }
    swap->fields[swap->count] = field;
    swap->old[swap->count++] = current;
    return true;
}

static void swap_commit(struct swap *swap)
{
    for (unsigned i = 0; i < swap->count; i++)
        oq_free(swap->old[i]);
}

static void swap_undo(struct swap *swap)
{
    for (unsigned i = 0; i < swap->count; i++)
        oq_free(*swap->fields[i]);
}

static bool is_work(enum oq_group_state state)
{
    return state == OQ_GROUP_ACTIVE || state == OQ_GROUP_COMMITTING || state == OQ_GROUP_CANCELLING;
}

enum oq_status oq_entry_save_group(struct oq_engine *engine, struct oq_entry *entry,
                                   struct oq_group *next, struct oq_error *err)
{
    const struct oq_group *now = &entry->group;
    struct swap swap = {.count = 0};
    enum oq_status status = OQ_OK;
    if (!swap_add(&swap, &next->owner_sid, now->owner_sid) ||
        !swap_add(&swap, &next->display_name, now->display_name) ||
        !swap_add(&swap, &next->description, now->description) ||
        !swap_add(&swap, &next->notify_clsid, now->notify_clsid) ||
        !swap_add(&swap, &next->error.text, now->error.text)) {
        swap_undo(&swap);
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    }
    status = oq_store_begin(engine->store, err);
    if (status == OQ_OK)
        status = oq_store_update_group(engine->store, next, err);
    if (status == OQ_OK)
        status = oq_store_commit(engine->store, err);
    if (status != OQ_OK) {
        oq_store_rollback(engine->store);
        swap_undo(&swap);
        return status;
    }
    oq_fault_step("save group");
    if (is_work(next->state) != is_work(now->state))
        atomic_fetch_add(&engine->work_count, is_work(next->state) ? 1u : UINT32_MAX);
    swap_commit(&swap);
    entry->group = *next;
    return OQ_OK;
}

enum oq_status oq_entry_save_file(struct oq_engine *engine, struct oq_entry *entry,
                                  struct oq_file *next, struct oq_error *err)
{
    struct oq_file *now = &entry->group.job.files[next->index];
    struct swap swap = {.count = 0};
    enum oq_status status = OQ_OK;
    if (!swap_add(&swap, &next->remote, now->remote) ||
        !swap_add(&swap, &next->local, now->local) ||
        !swap_add(&swap, &next->temp_path, now->temp_path) ||
        !swap_add(&swap, &next->etag, now->etag) ||
        !swap_add(&swap, &next->last_modified, now->last_modified) ||
        !swap_add(&swap, &next->digest, now->digest) ||
        !swap_add(&swap, &next->temp_id, now->temp_id)) {
        swap_undo(&swap);
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    }
    status = oq_store_begin(engine->store, err);
    if (status == OQ_OK)
        status = oq_store_update_file(engine->store, entry->group.job.id, next, err);
    if (status == OQ_OK && next->expectations != now->expectations)
        status = oq_store_update_expectations(engine->store, entry->group.job.id, next, err);
    if (status == OQ_OK)
        status = oq_store_commit(engine->store, err);
    if (status != OQ_OK) {
        oq_store_rollback(engine->store);
        swap_undo(&swap);
        return status;
    }
    oq_fault_step("save file");
    swap_commit(&swap);
    *now = *next;
    return OQ_OK;
}

enum oq_status oq_entry_save_expectations(struct oq_engine *engine, struct oq_entry *entry,
                                          struct oq_file *next,
                                          struct oq_expectations *expectations,
                                          struct oq_error *err)
{
    struct oq_expectations *before = entry->group.job.files[next->index].expectations;
    next->expectations = expectations;
    enum oq_status status = oq_entry_save_file(engine, entry, next, err);
    oq_expectations_free(status == OQ_OK ? before : expectations);
    return status;
}

static void forget_backoff(struct oq_entry *entry)
{
    for (uint32_t i = 0; i < entry->group.job.file_count; i++) {
        struct oq_transfer_history *history = &entry->runs[i].history;
        entry->runs[i].retry_at_ms = 0;
        history->attempts = 0;
        history->sources.slow = 0;
        oq_sources_progress(&history->sources);
    }
    entry->is_owner_absent = false;
    entry->commit_retry_at_ms = 0;
}

static void act(struct oq_engine *engine, struct oq_entry *entry, unsigned effects)
{
    if (effects & OQ_DO_SCHEDULE) {
        forget_backoff(entry);
        entry->waiting_since_ms = oq_now_ms(engine);
        if (entry->slice_started_at_ms == 0)
            entry->had_slice = false;
        engine->needs_schedule = true;
    }
    if (effects & (OQ_DO_COMMIT_FILES | OQ_DO_DISCARD)) {
        entry->commit_next = 0;
        entry->commit_attempts = 0;
        entry->commit_retry_at_ms = 0;
        entry->is_commit_incomplete = false;
    }
    if (effects & OQ_DO_STOP_TRANSFERS) {
        entry->slice_started_at_ms = 0;
        engine->needs_schedule = true;
        oq_transfers_stop(entry, (effects & OQ_DO_DISCARD) != 0);
    }
    if (effects & (OQ_DO_COMMIT_FILES | OQ_DO_DISCARD))
        oq_commit_run(engine, entry); /* may free the entry: last */
}

static void forget_failure(struct oq_entry *entry)
{
    oq_failure_release(&entry->last_failure);
    entry->failed_at_ms = 0;
}

enum oq_status oq_entry_apply(struct oq_engine *engine, struct oq_entry *entry,
                              enum oq_group_event event, struct oq_failure *failure,
                              struct oq_error *err)
{
    char guid[OQ_GUID_TEXT];
    struct oq_transition transition;
    struct oq_group next = entry->group;
    enum oq_group_state before = next.state;
    enum oq_status status = oq_group_transition(before, event, &transition);
    if (status != OQ_OK)
        return oq_error_set(err, status, "%s is not possible while the group is %s",
                            oq_group_event_name(event), oq_group_state_text(before));
    next.state = transition.next;
    if (transition.effects & OQ_DO_CLEAR_ERROR) {
        next.error = (struct oq_failure){.file_index = OQ_NO_FILE};
        next.retries = 0;
        next.no_progress_since_ms = 0;
        if (next.event == OQ_EVENT_ERROR)
            next.event = OQ_EVENT_NONE;
    }
    if (transition.effects & OQ_DO_EVENT_COMPLETE)
        next.event = OQ_EVENT_COMPLETE;
    if (transition.effects & OQ_DO_EVENT_ERROR)
        next.event = OQ_EVENT_ERROR;
    if (failure)
        next.error = *failure;
    if (next.state == OQ_GROUP_CANCELLING)
        next.event = OQ_EVENT_NONE;
    bool is_changed = next.state != before ||
                      memcmp(&next.error, &entry->group.error, sizeof next.error) != 0 ||
                      next.event != entry->group.event || next.retries != entry->group.retries;
    if (is_changed) {
        next.changed_at_ms = oq_clock_wall_ms(engine->clock);
        status = oq_entry_save_group(engine, entry, &next, err);
        if (status != OQ_OK)
            return status;
    }
    if (next.state == OQ_GROUP_COMPLETE)
        forget_failure(entry); /* whatever it was, it has been overcome */
    if (next.state != before) {
        entry->state_when_cancelled = before;
        oq_guid_format(&next.guid, guid);
        oq_log_info("group %s: %s -> %s (%s)", guid, oq_group_state_text(before),
                    oq_group_state_text(next.state), oq_group_event_name(event));
    }
    assert(oq_group_check(&entry->group) == NULL);
    if (transition.effects & (OQ_DO_EVENT_COMPLETE | OQ_DO_EVENT_ERROR))
        entry->event_serial++;
    oq_events_post(engine, entry, false);
    act(engine, entry, transition.effects);
    return OQ_OK;
}

void oq_entry_remember_failure(struct oq_engine *engine, struct oq_entry *entry,
                               const struct oq_verdict *verdict, uint32_t file_index,
                               const char *text)
{
    oq_failure_release(&entry->last_failure);
    entry->last_failure =
        (struct oq_failure){.code = verdict->code,
                            .win32 = verdict->win32,
                            .http = verdict->http,
                            .file_index = file_index,
                            .text = oq_strdup(text)}; /* without memory: no words */
    entry->failed_at_ms = oq_clock_wall_ms(engine->clock);
}

void oq_entry_file_failed(struct oq_engine *engine, struct oq_entry *entry, uint32_t file_index,
                          const struct oq_verdict *verdict, int64_t retry_after_ms,
                          const char *text)
{
    struct oq_error err;
    struct oq_group next = entry->group;
    int64_t now_wall_ms = oq_clock_wall_ms(engine->clock);
    int64_t since_ms = next.no_progress_since_ms ? next.no_progress_since_ms : now_wall_ms;
    struct oq_file_run *run = &entry->runs[file_index];
    oq_error_init(&err);

    run->history.attempts++;
    oq_entry_remember_failure(engine, entry, verdict, file_index, text);
    bool is_hopeless = oq_retry_is_hopeless(&engine->config, since_ms, now_wall_ms);
    if (!verdict->is_transient || is_hopeless) {
        struct oq_failure failure = entry->last_failure;
        if (oq_entry_apply(engine, entry, OQ_EV_FATAL_ERROR, &failure, &err) == OQ_OK)
            return;
        /* The error could not be saved: try again later, as after a transient one. */
        oq_log_error("the error of a group could not be saved: %s", err.text);
    }
    run->retry_at_ms =
        oq_now_ms(engine) + oq_retry_delay_ms(&engine->config, run->history.attempts,
                                              retry_after_ms, oq_engine_random(engine));
    next.retries++;
    next.no_progress_since_ms = since_ms;
    if (oq_entry_save_group(engine, entry, &next, &err) != OQ_OK)
        oq_log_error("a retry could not be saved: %s", err.text);
    engine->needs_schedule = true;
}

void oq_entry_progressed(struct oq_engine *engine, struct oq_entry *entry)
{
    struct oq_error err;
    int64_t now_wall_ms = oq_clock_wall_ms(engine->clock);
    oq_error_init(&err);
    /* changed_at_ms decides about an expiry of many days: a minute's precision saves a write per
     * checkpoint. */
    if (entry->group.no_progress_since_ms == 0 && now_wall_ms - entry->group.changed_at_ms < 60000)
        return;
    struct oq_group next = entry->group;
    next.no_progress_since_ms = 0;
    next.changed_at_ms = now_wall_ms;
    if (oq_entry_save_group(engine, entry, &next, &err) != OQ_OK)
        oq_log_error("progress could not be saved: %s", err.text);
}

void oq_entry_commit_if_fetched(struct oq_engine *engine, struct oq_entry *entry)
{
    struct oq_error err;
    const struct oq_job *job = &entry->group.job;
    for (uint32_t i = 0; i < job->file_count; i++)
        if (job->files[i].state == OQ_FILE_WAITING)
            return;
    oq_error_init(&err);
    if (oq_entry_apply(engine, entry, OQ_EV_ALL_FETCHED, NULL, &err) != OQ_OK) {
        oq_log_error("the end of a transfer could not be saved: %s", err.text);
        engine->schedule_at_ms =
            oq_now_ms(engine) + engine->config.retry_first_ms; /* the scheduler runs again */
    }
}
