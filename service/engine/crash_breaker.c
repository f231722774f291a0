/* crash_breaker.c - one file must not end the service for everybody again and again: a file that
 * was being transferred at two crashes in a row, without a byte saved in between, is not started a
 * third time. Its group goes to ERROR with a sentence that says so, until it is resumed; the others
 * go on. An end without a crash mark is a kill or a power cut, or a crash that could not leave one:
 * of those five count.
 *
 * After one such end several files may have been running, and one of them is the reason. So these
 * are tried one at a time, each until a byte is saved, before the next one starts: the second crash
 * then names the one.
 *
 * Engine thread. The rows and the mark are of db/running.c.
 */
#include "engine_int.h"

#include "oq_log.h"

#define CRASHES_MOST 2u
#define ENDS_MOST 5u

/* The database may fail here: then a crash is not counted, which is no reason not to download. */
static void log_failure(const struct oq_error *err)
{
    oq_log_warning("engine: crashes are not counted: %s", err->text);
}

void oq_breaker_started(struct oq_engine *engine, const struct oq_entry *entry, uint32_t index)
{
    struct oq_error err;
    oq_error_init(&err);
    if (oq_store_running_begin(engine->store, entry->group.job.id, index,
                               entry->group.job.files[index].done_bytes, &err) != OQ_OK)
        log_failure(&err);
}

bool oq_breaker_may_start(const struct oq_engine *engine, const struct oq_entry *entry,
                          uint32_t index)
{
    if (!entry->runs[index].is_suspect)
        return true;
    for (const struct oq_entry *other = engine->catalogue.first; other; other = other->next)
        for (uint32_t i = 0; other->running > 0 && i < other->group.job.file_count; i++)
            if (other->runs[i].is_suspect && other->runs[i].transfer &&
                other->group.job.files[i].done_bytes <= other->runs[i].suspect_bytes)
                return false;
    return true;
}

void oq_breaker_ended(struct oq_engine *engine, const struct oq_entry *entry, uint32_t index)
{
    struct oq_error err;
    entry->runs[index].is_suspect = false;
    oq_error_init(&err);
    if (oq_store_running_end(engine->store, entry->group.job.id, index, &err) != OQ_OK)
        log_failure(&err);
}

/* The service ends in an orderly way: the ends before it do not count any more, not even for files
 * that had not started again. */
void oq_breaker_stopped(struct oq_engine *engine)
{
    struct oq_error err;
    oq_error_init(&err);
    if (oq_store_running_clear(engine->store, &err) != OQ_OK)
        log_failure(&err);
}

/* Only marks the file: the store must not be called while it reads. */
static void take(void *ctx, const struct oq_store_running *row)
{
    struct oq_engine *engine = ctx;
    for (struct oq_entry *entry = engine->catalogue.first; entry; entry = entry->next) {
        if (entry->group.job.id != row->job_id || row->file_index >= entry->group.job.file_count)
            continue;
        struct oq_file_run *run = &entry->runs[row->file_index];
        run->is_suspect = true;
        run->suspect_bytes = row->start_bytes;
        run->is_convicted = row->crashes >= CRASHES_MOST || row->starts >= ENDS_MOST;
    }
}

static void judge(struct oq_engine *engine, struct oq_entry *entry, uint32_t index,
                  void (*hold_back)(struct oq_engine *engine, struct oq_entry *entry,
                                    uint32_t index))
{
    struct oq_file_run *run = &entry->runs[index];
    uint64_t done_bytes = entry->group.job.files[index].done_bytes;
    bool has_progress = done_bytes > run->suspect_bytes;
    run->suspect_bytes = done_bytes;
    if (!has_progress && run->is_convicted && entry->group.state == OQ_GROUP_ACTIVE)
        hold_back(engine, entry, index);
    if (has_progress || run->is_convicted)
        oq_breaker_ended(engine, entry, index);
}

void oq_breaker_recover(struct oq_engine *engine,
                        void (*hold_back)(struct oq_engine *engine, struct oq_entry *entry,
                                          uint32_t index))
{
    struct oq_error err;
    oq_error_init(&err);
    if (oq_store_load_running(engine->store, take, engine, &err) != OQ_OK)
        log_failure(&err);
    for (struct oq_entry *entry = engine->catalogue.first; entry; entry = entry->next)
        for (uint32_t i = 0; i < entry->group.job.file_count; i++)
            if (entry->runs[i].is_suspect)
                judge(engine, entry, i, hold_back);
}
