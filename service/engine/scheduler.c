/* scheduler.c - asks core/oq_schedule.h which groups transfer now, and starts or stops transfers.
 *
 * Engine thread. The decision is pure; this file only collects the values and carries it out.
 */
#include "engine_int.h"
#include "oq_rate_control.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "oq_schedule.h"

#include <string.h>

#define SLEEP_LIMIT_MS 120000
#define SUSPECT_LOOK_MS 1000

static bool may_start(const struct oq_engine *engine, const struct oq_entry *entry, uint32_t index,
                      int64_t now_ms)
{
    const struct oq_file_run *run = &entry->runs[index];
    return entry->group.job.files[index].state == OQ_FILE_WAITING && !run->transfer &&
           run->retry_at_ms <= now_ms && oq_breaker_may_start(engine, entry, index);
}

static void earlier(int64_t *when_ms, int64_t other_ms)
{
    if (other_ms < *when_ms)
        *when_ms = other_ms;
}

/* Fills the values of one group; lowers *next_ms to the time at which its back-off ends. */
static void collect(const struct oq_engine *engine, struct oq_entry *entry,
                    struct oq_sched_group *out, int64_t now_ms, int64_t *next_ms)
{
    memset(out, 0, sizeof *out);
    out->id = entry->group.id;
    out->is_foreground = entry->group.is_foreground;
    out->running = entry->running;
    out->slice_started_at_ms = entry->slice_started_at_ms;
    out->waiting_since_ms = entry->waiting_since_ms;
    out->is_new = !entry->had_slice;
    if (!oq_rate_control_may_run(engine->rate_control, entry->group.is_foreground)) {
        out->running = 0; /* wants nothing; what runs is stopped by carry_out */
        return;
    }
    if (entry->is_owner_absent && entry->owner_retry_at_ms > now_ms) {
        earlier(next_ms, entry->owner_retry_at_ms);
        return;
    }
    entry->is_owner_absent = false;
    for (uint32_t i = 0; i < entry->group.job.file_count; i++) {
        if (may_start(engine, entry, i, now_ms))
            out->runnable++;
        else if (entry->runs[i].is_suspect)
            earlier(next_ms, now_ms + SUSPECT_LOOK_MS);
        else if (entry->runs[i].retry_at_ms > now_ms && !entry->runs[i].transfer)
            earlier(next_ms, entry->runs[i].retry_at_ms);
    }
}

static void carry_out(struct oq_engine *engine, struct oq_entry *entry,
                      const struct oq_sched_group *group, int64_t now_ms)
{
    uint32_t left = group->start;
    if (!group->has_place) {
        if (entry->slice_started_at_ms != 0)
            entry->waiting_since_ms = now_ms;
        entry->slice_started_at_ms = 0;
    } else if (entry->slice_started_at_ms == 0) {
        entry->slice_started_at_ms = now_ms;
        entry->had_slice = true;
    }
    if (group->must_stop ||
        !oq_rate_control_may_run(engine->rate_control, entry->group.is_foreground))
        oq_transfers_stop(entry, false);
    for (uint32_t i = 0; left > 0 && i < entry->group.job.file_count; i++) {
        if (!may_start(engine, entry, i, now_ms))
            continue;
        oq_breaker_started(engine, entry, i);
        oq_transfers_start(engine, entry, i);
        if (!entry->runs[i].transfer)
            oq_breaker_ended(engine, entry, i);
        left--;
        if (entry->group.state != OQ_GROUP_ACTIVE || entry->is_owner_absent)
            return;
    }
}

void oq_scheduler_apply_power(struct oq_engine *engine)
{
    bool must_sleep = atomic_load(&engine->must_sleep);
    if (must_sleep && engine->is_asleep && oq_now_ms(engine) >= engine->asleep_until_ms) {
        oq_log_info("engine: the machine did not sleep; transfers continue");
        atomic_store(&engine->must_sleep, false);
        must_sleep = false;
    }
    if (must_sleep == engine->is_asleep)
        return;
    engine->is_asleep = must_sleep;
    engine->needs_schedule = true;
    if (!must_sleep)
        return;
    oq_log_info("engine: the machine goes to sleep; transfers pause");
    engine->asleep_until_ms = oq_now_ms(engine) + SLEEP_LIMIT_MS;
    for (struct oq_entry *entry = engine->catalogue.first; entry; entry = entry->next)
        oq_transfers_stop(entry, false);
}

void oq_scheduler_run(struct oq_engine *engine)
{
    int64_t now_ms = oq_now_ms(engine), next_ms = INT64_MAX;
    size_t count = 0;
    struct oq_entry *entry = NULL, *following = NULL;

    engine->needs_schedule = false;
    engine->schedule_at_ms = INT64_MAX;
    if (engine->is_asleep) {
        engine->schedule_at_ms = engine->asleep_until_ms;
        return;
    }
    for (entry = engine->catalogue.first; entry; entry = following) {
        following = entry->next;
        if (entry->group.state == OQ_GROUP_ACTIVE && entry->running == 0)
            oq_entry_commit_if_fetched(engine, entry);
        if (entry->group.state == OQ_GROUP_ACTIVE)
            count++;
    }
    if (count == 0)
        return;
    struct oq_sched_group *groups = oq_calloc(count, sizeof *groups);
    if (!groups) {
        engine->schedule_at_ms = now_ms + 1000;
        return;
    }
    size_t i = 0;
    for (entry = engine->catalogue.first; entry && i < count; entry = entry->next)
        if (entry->group.state == OQ_GROUP_ACTIVE)
            collect(engine, entry, &groups[i++], now_ms, &next_ms);
    earlier(&next_ms, oq_schedule(groups, i, &engine->config, now_ms));
    earlier(&engine->schedule_at_ms, next_ms); /* a save that failed just now may have set one */
    for (size_t j = 0; j < i; j++) {
        entry = oq_catalogue_find(&engine->catalogue, groups[j].id);
        if (entry && entry->group.state == OQ_GROUP_ACTIVE)
            carry_out(engine, entry, &groups[j], now_ms);
    }
    oq_free(groups);
}
