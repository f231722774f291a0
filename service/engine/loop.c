/* loop.c - the engine's thread: start with recovery, the loop, the stop.
 *
 * The loop: run calls, take back finished operations, run the scheduler, continue commits, save
 * offsets that are due, then move bytes or wait. It never waits for a client, a disk flush of a
 * file, or the network other than in oq_net_run.
 */
#include "calls_int.h"
#include "oq_rate_control.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_log.h"

#include <string.h>

#define WORKERS 4 /* one file on a hanging share must not hold up the others */
#define OPERATIONS_MAX 16384
#define CALL_QUEUE 4096   /* calls that may wait; further ones fail with OQ_E_BUSY */
#define CALLS_AT_ONCE 256 /* so that transfers continue under a storm of calls */
#define IDLE_WAIT_MS 60000
#define BUSY_WAIT_MS 500 /* while something transfers: checkpoints are looked at twice a second */
#define LOOK_MS 100
#define HOUSEKEEPING_MS 60000
#define ERROR_PROCESS_ABORTED 1067u

/* --- recovery --------------------------------------------------------------------------------- */

static enum oq_status take_group(void *ctx, struct oq_group *group)
{
    struct oq_engine *engine = ctx;
    struct oq_entry *entry = NULL;
    enum oq_status status = oq_catalogue_add(&engine->catalogue, group, &entry);
    if (status != OQ_OK)
        return status;
    entry->waiting_since_ms = oq_now_ms(engine);
    entry->state_when_cancelled = OQ_GROUP_SUSPENDED;
    if (entry->group.state == OQ_GROUP_ACTIVE || entry->group.state == OQ_GROUP_COMMITTING ||
        entry->group.state == OQ_GROUP_CANCELLING)
        atomic_fetch_add(&engine->work_count, 1);
    return OQ_OK;
}

static void hold_back(struct oq_engine *engine, struct oq_entry *entry, uint32_t index)
{
    struct oq_verdict verdict = oq_errors_file(OQ_E_BUG, ERROR_PROCESS_ABORTED);
    verdict.is_transient = false;
    oq_entry_file_failed(engine, entry, index, &verdict, -1,
                         "the service ended unexpectedly several times while it transferred this "
                         "file; resume the group to try again");
}

enum oq_status oq_recover(struct oq_engine *engine, struct oq_error *err)
{
    enum oq_status status = oq_store_load(engine->store, take_group, engine, err);
    if (status != OQ_OK)
        return status;
    oq_log_info("engine: %zu groups in the queue, %u with work", engine->catalogue.count,
                atomic_load(&engine->work_count));
    oq_breaker_recover(engine, hold_back);
    /* Nothing else to do here: ACTIVE groups are scheduled, COMMITTING and CANCELLING ones are
     * continued by the loop, and a transfer brings its temporary file and its saved offset together
     * when it starts (transfer.c). */
    engine->needs_schedule = true;
    return OQ_OK;
}

/* --- the loop --------------------------------------------------------------------------------- */

static void retry_now(struct oq_engine *engine)
{
    if (!atomic_exchange(&engine->must_retry_now, false))
        return;
    for (struct oq_entry *entry = engine->catalogue.first; entry; entry = entry->next) {
        entry->is_owner_absent = false;
        entry->commit_retry_at_ms = 0;
        for (uint32_t i = 0; i < entry->group.job.file_count; i++)
            entry->runs[i].retry_at_ms = 0;
    }
    engine->needs_schedule = true;
}

/* Groups without activity for config.inactivity_ms are removed, as in BITS (contract A.1); finished
 * files stay. */
static void expire(struct oq_engine *engine)
{
    struct oq_error err;
    struct oq_entry *next = NULL;
    char guid[OQ_GUID_TEXT];
    int64_t now_wall_ms = oq_clock_wall_ms(engine->clock);
    if (engine->config.inactivity_ms == 0)
        return;
    for (struct oq_entry *entry = engine->catalogue.first; entry; entry = next) {
        next = entry->next;
        if (entry->group.state == OQ_GROUP_CANCELLING ||
            entry->group.state == OQ_GROUP_COMMITTING || entry->running > 0 ||
            now_wall_ms - entry->group.changed_at_ms < engine->config.inactivity_ms)
            continue;
        oq_error_init(&err);
        oq_guid_format(&entry->group.guid, guid);
        oq_log_info("group %s: no activity for too long; it is removed", guid);
        if (oq_entry_apply(engine, entry, OQ_EV_CANCEL, NULL, &err) != OQ_OK)
            oq_log_error("group %s could not be removed: %s", guid, err.text);
    }
}

static void tick_groups(struct oq_engine *engine)
{
    struct oq_entry *next = NULL;
    engine->commit_at_ms = INT64_MAX;
    for (struct oq_entry *entry = engine->catalogue.first; entry; entry = next) {
        next = entry->next;
        if (entry->commit_retry_at_ms > oq_now_ms(engine) &&
            entry->commit_retry_at_ms < engine->commit_at_ms)
            engine->commit_at_ms = entry->commit_retry_at_ms;
        for (uint32_t i = 0; entry->running > 0 && i < entry->group.job.file_count; i++)
            if (entry->runs[i].transfer)
                oq_transfer_tick(entry->runs[i].transfer);
        if (entry->group.state == OQ_GROUP_COMMITTING || entry->group.state == OQ_GROUP_CANCELLING)
            oq_commit_run(engine, entry);
    }
}

static uint32_t count_running(const struct oq_engine *engine)
{
    uint32_t running = 0;
    for (const struct oq_entry *entry = engine->catalogue.first; entry; entry = entry->next)
        running += entry->running;
    return running;
}

static int wait_ms(const struct oq_engine *engine)
{
    int64_t now_ms = oq_now_ms(engine);
    int64_t until_ms = now_ms + IDLE_WAIT_MS;
    if (engine->needs_schedule)
        return 0;
    if (engine->schedule_at_ms < until_ms)
        until_ms = engine->schedule_at_ms;
    if (engine->housekeeping_at_ms < until_ms)
        until_ms = engine->housekeeping_at_ms;
    if (engine->commit_at_ms < until_ms)
        until_ms = engine->commit_at_ms;
    if (engine->backup.at_ms < until_ms)
        until_ms = engine->backup.at_ms;
    if (atomic_load(&engine->work_count) > 0 && now_ms + BUSY_WAIT_MS < until_ms)
        until_ms = now_ms + BUSY_WAIT_MS;
    if (atomic_load(&engine->work_count) > 0 &&
        oq_rate_control_due_ms(engine->rate_control) < until_ms)
        until_ms = oq_rate_control_due_ms(engine->rate_control);
    return until_ms <= now_ms ? 0 : (int)(until_ms - now_ms);
}

static void iterate(struct oq_engine *engine)
{
    int64_t now_ms = 0;
    bool is_busy = oq_calls_run(engine, CALLS_AT_ONCE) > 0;
    oq_worker_pool_drain(engine->pool);
    retry_now(engine);
    oq_scheduler_apply_power(engine);
    now_ms = oq_now_ms(engine);
    if (now_ms >= engine->housekeeping_at_ms) {
        engine->housekeeping_at_ms = now_ms + HOUSEKEEPING_MS;
        expire(engine);
    }
    if (engine->needs_schedule || now_ms >= engine->schedule_at_ms)
        oq_scheduler_run(engine);
    if (now_ms >= engine->look_at_ms || now_ms >= engine->commit_at_ms) {
        engine->look_at_ms = now_ms + LOOK_MS;
        tick_groups(engine);
    }
    oq_backup_run(engine, is_busy);
    engine->needs_schedule |= oq_rate_control_step(engine->rate_control);
    oq_net_run(engine->net, wait_ms(engine));
}

static void *run(void *ctx)
{
    struct oq_engine *engine = ctx;
    while (!atomic_load(&engine->is_stopping))
        iterate(engine);
    oq_calls_refuse(engine);
    for (struct oq_entry *entry = engine->catalogue.first; entry; entry = entry->next)
        oq_transfers_stop(entry, false);
    while (count_running(engine) > 0 || oq_worker_pool_pending(engine->pool) > 0) {
        oq_worker_pool_drain(engine->pool);
        if (count_running(engine) > 0 || oq_worker_pool_pending(engine->pool) > 0)
            oq_net_run(engine->net, 100);
    }
    oq_breaker_stopped(engine);
    oq_backup_end(engine);
    oq_store_close(engine->store);
    engine->store = NULL;
    oq_log_info("engine: stopped, offsets saved");
    oq_queue_close(engine->stopped);
    return NULL;
}

/* --- start and stop --------------------------------------------------------------------------- */

static enum oq_status copy_options(struct oq_engine *engine,
                                   const struct oq_engine_options *options, struct oq_error *err)
{
    engine->options = *options;
    engine->options.database_path = engine->database_path = oq_strdup(options->database_path);
    engine->options.user_agent = engine->user_agent =
        oq_strdup(options->user_agent ? options->user_agent : "OpenQMGR");
    engine->options.auth_hosts = engine->auth_hosts = oq_strdup(options->auth_hosts);
    engine->config = options->config;
    engine->clock = options->clock;
    engine->files = options->files;
    engine->identity = options->identity;
    engine->random = (uint64_t)oq_clock_wall_ms(options->clock) ^ (uint64_t)(uintptr_t)engine ^
                     (uint64_t)oq_clock_mono_ms(options->clock) << 32;
    engine->schedule_at_ms = INT64_MAX;
    engine->commit_at_ms = INT64_MAX;
    engine->housekeeping_at_ms = oq_clock_mono_ms(options->clock);
    atomic_init(&engine->is_stopping, false);
    atomic_init(&engine->must_retry_now, false);
    atomic_init(&engine->must_sleep, false);
    atomic_init(&engine->work_count, 0);
    if (!engine->database_path || !engine->user_agent ||
        (options->auth_hosts && !engine->auth_hosts))
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    return OQ_OK;
}

static void wake(void *ctx)
{
    const struct oq_engine *engine = ctx;
    oq_net_wakeup(engine->net);
}

enum oq_status oq_engine_new(const struct oq_engine_options *options, struct oq_engine **out,
                             struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    struct oq_engine *engine = oq_calloc(1, sizeof *engine);
    if (!engine)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    status = copy_options(engine, options, err);
    if (status != OQ_OK)
        goto fail;
    struct oq_store_options store = {.path = engine->options.database_path,
                                     .vfs = options->database_vfs,
                                     .clock = options->clock};
    struct oq_store_report report = {0};
    status = oq_store_open_safe(&store, &report, &engine->store, err);
    if (status != OQ_OK)
        goto fail;
    if (report.is_repaired) {
        oq_store_report_text(&report, engine->repair, sizeof engine->repair);
        oq_log_info("engine: %s", engine->repair); /* the host makes an event of it */
    }
    oq_backup_init(engine);
    if (oq_catalogue_init(&engine->catalogue) != OQ_OK ||
        oq_queue_new(CALL_QUEUE, &engine->requests) != OQ_OK ||
        oq_queue_new(1, &engine->stopped) != OQ_OK) {
        status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
        goto fail;
    }
    struct oq_net_options net = {.clock = engine->clock,
                                 .config = &engine->config,
                                 .identity = engine->identity,
                                 .network = options->network,
                                 .link = options->link,
                                 .user_agent = engine->user_agent,
                                 .auth_hosts = engine->auth_hosts};
    status = oq_net_new(&net, &oq_transfer_events, &engine->net, err);
    if (status != OQ_OK)
        goto fail;
    status = oq_recover(engine, err);
    if (status != OQ_OK)
        goto fail;
    struct oq_rate_schedule schedule;
    oq_rate_schedule_init(&schedule);
    if (oq_rate_control_new(engine->clock, options->link, &engine->config,
                            options->rate_schedule ? options->rate_schedule : &schedule,
                            &engine->rate_control) != OQ_OK) {
        status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
        goto fail;
    }
    struct oq_worker_pool_options pool = {
        .threads = WORKERS, .capacity = OPERATIONS_MAX, .wake = wake, .ctx = engine};
    status = oq_worker_pool_new(&pool, &engine->pool);
    oq_transfers_init(engine);
    if (status != OQ_OK || pthread_create(&engine->thread, NULL, run, engine) != 0) {
        status = oq_error_set(err, OQ_E_NOMEM, "no threads");
        goto fail;
    }
    engine->has_thread = true;
    *out = engine;
    return OQ_OK;
fail:
    oq_engine_free(engine);
    return status;
}

enum oq_status oq_engine_stop(struct oq_engine *engine, int64_t timeout_ms)
{
    void *unused = NULL;
    if (!engine->has_thread)
        return OQ_OK;
    atomic_store(&engine->is_stopping, true);
    oq_net_wakeup(engine->net);
    return oq_queue_pop(engine->stopped, timeout_ms, &unused) == OQ_E_STOPPING ? OQ_OK
                                                                               : OQ_E_TIMEOUT;
}

void oq_engine_free(struct oq_engine *engine)
{
    if (!engine)
        return;
    if (engine->has_thread) {
        (void)oq_engine_stop(engine, -1);
        pthread_join(engine->thread, NULL);
    }
    oq_worker_pool_free(engine->pool);
    oq_rate_control_free(engine->rate_control);
    oq_net_free(engine->net);
    oq_backup_end(engine);
    oq_store_close(engine->store);
    oq_catalogue_release(&engine->catalogue);
    oq_queue_free(engine->requests);
    oq_queue_free(engine->stopped);
    oq_free(engine->database_path);
    oq_free(engine->user_agent);
    oq_free(engine->auth_hosts);
    oq_free(engine);
}

const char *oq_engine_get_repair(const struct oq_engine *engine)
{
    return engine->repair[0] ? engine->repair : NULL;
}

void oq_engine_retry_now(struct oq_engine *engine)
{
    atomic_store(&engine->must_retry_now, true);
    oq_net_wakeup(engine->net);
}

void oq_engine_sleep(struct oq_engine *engine)
{
    atomic_store(&engine->must_sleep, true);
    oq_net_wakeup(engine->net);
}

void oq_engine_wake(struct oq_engine *engine)
{
    atomic_store(&engine->must_sleep, false);
    oq_engine_retry_now(engine);
}

bool oq_engine_has_work(struct oq_engine *engine)
{
    return atomic_load(&engine->work_count) > 0;
}
