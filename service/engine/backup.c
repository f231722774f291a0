/* keep.c - keeps a backup copy of the queue: made in small steps while nobody is waiting for an
 * answer, when something has changed since the last one.
 *
 * Engine thread. A copy that fails is no more than a line in the log and another try later: the
 * older one is still there.
 */
#include "backup_int.h"

#include "oq_log.h"

#define FIRST_MS 60000 /* after the start, which has other things to do */
#define STEP_EVERY_MS 20

void oq_keep_init(struct oq_engine *engine)
{
    int64_t interval_ms = engine->options.backup_interval_ms;
    engine->keep = (struct oq_keep){
        .at_ms = oq_now_ms(engine) +
                 (interval_ms > 0 && interval_ms < FIRST_MS ? interval_ms : FIRST_MS)};
}

static void later(struct oq_engine *engine)
{
    int64_t interval_ms = engine->options.backup_interval_ms;
    oq_store_backup_free(engine->keep.backup);
    engine->keep.backup = NULL;
    engine->keep.at_ms =
        oq_now_ms(engine) + (interval_ms > 0 ? interval_ms : OQ_BACKUP_INTERVAL_MS);
}

void oq_keep_run(struct oq_engine *engine, bool is_busy)
{
    struct oq_keep *keep = &engine->keep;
    struct oq_error err;
    bool is_done = false;
    enum oq_status status = OQ_OK;

    if (oq_now_ms(engine) < keep->at_ms)
        return;
    if (is_busy) { /* whoever asks goes first */
        keep->at_ms = oq_now_ms(engine) + STEP_EVERY_MS;
        return;
    }
    if (!keep->backup && !oq_store_needs_backup(engine->store)) {
        later(engine);
        return;
    }
    oq_error_init(&err);
    if (!keep->backup)
        status = oq_store_backup_begin(engine->store, &keep->backup, &err);
    if (status == OQ_OK)
        status = oq_store_backup_step(keep->backup, &is_done, &err);
    if (status != OQ_OK) {
        oq_log_warning("engine: no new backup copy of the queue: %s", err.text);
        later(engine);
    } else if (is_done) {
        oq_log_info("engine: the backup copy of the queue is up to date");
        later(engine);
    } else {
        keep->at_ms = oq_now_ms(engine) + STEP_EVERY_MS;
    }
}

void oq_keep_end(struct oq_engine *engine)
{
    oq_store_backup_free(engine->keep.backup);
    engine->keep.backup = NULL;
}
