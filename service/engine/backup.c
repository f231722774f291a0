/* backup.c - keeps a backup of the queue: copied in small steps while no call waits, when something
 * has changed since the last one.
 *
 * Engine thread. A copy that fails is no more than a line in the log and another try later: the
 * older one is still there.
 */
#include "engine_int.h"

#include "oq_log.h"

#define FIRST_MS 60000 /* after the start, which has other things to do */
#define STEP_EVERY_MS 20
#define INTERVAL_MS 600000

void oq_backup_init(struct oq_engine *engine)
{
    int64_t interval_ms = engine->options.backup_interval_ms;
    engine->backup = (struct oq_backup){
        .at_ms = oq_now_ms(engine) +
                 (interval_ms > 0 && interval_ms < FIRST_MS ? interval_ms : FIRST_MS)};
}

static void later(struct oq_engine *engine)
{
    int64_t interval_ms = engine->options.backup_interval_ms;
    oq_store_backup_free(engine->backup.backup);
    engine->backup.backup = NULL;
    engine->backup.at_ms = oq_now_ms(engine) + (interval_ms > 0 ? interval_ms : INTERVAL_MS);
}

void oq_backup_run(struct oq_engine *engine, bool is_busy)
{
    struct oq_backup *backup = &engine->backup;
    struct oq_error err;
    bool is_done = false;
    enum oq_status status = OQ_OK;

    if (oq_now_ms(engine) < backup->at_ms)
        return;
    if (is_busy) { /* calls come first */
        backup->at_ms = oq_now_ms(engine) + STEP_EVERY_MS;
        return;
    }
    if (!backup->backup && !oq_store_needs_backup(engine->store)) {
        later(engine);
        return;
    }
    oq_error_init(&err);
    if (!backup->backup)
        status = oq_store_backup_begin(engine->store, &backup->backup, &err);
    if (status == OQ_OK)
        status = oq_store_backup_step(backup->backup, &is_done, &err);
    if (status != OQ_OK) {
        oq_log_warning("engine: no new backup of the queue: %s", err.text);
        later(engine);
    } else if (is_done) {
        oq_log_info("engine: the backup of the queue is up to date");
        later(engine);
    } else {
        backup->at_ms = oq_now_ms(engine) + STEP_EVERY_MS;
    }
}

void oq_backup_end(struct oq_engine *engine)
{
    oq_store_backup_free(engine->backup.backup);
    engine->backup.backup = NULL;
}
