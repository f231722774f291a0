/* commit.c - the end of a group's files: final names when all are there (COMMITTING), and the
 * removal of a cancelled group (CANCELLING): FETCHED files get their final names, partial ones go,
 * then the rows.
 *
 * Engine thread; one file operation at a time per group. Every step may be repeated after a crash:
 * a temporary file that is not there any more has been renamed (or removed) already.
 */
#include "engine_int.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_http.h"
#include "oq_log.h"
#include "oq_schedule.h"

#include <string.h>

/* The temporary file is gone: is what stands at the final path that file? */
static bool is_our_file(const struct oq_file *file, const struct oq_file_facts *found)
{
    if (!found->exists || !found->is_regular)
        return false;
    if (file->temp_id && found->id[0])
        return strcmp(file->temp_id, found->id) == 0;
    return found->size_bytes == file->size_bytes;
}

/* What a worker does to one file: gives it its final name, or removes it. */
struct file_operation {
    struct oq_operation operation;
    struct oq_engine *engine;
    struct oq_identity *identity;           /* a reference of its own */
    char *temp_path, *temp_id, *final_path; /* copies */
    int64_t modified_at_ms;
    int64_t group_id;
    uint32_t file_index;
    bool is_rename;
    /* results */
    enum oq_status status;
    struct oq_error error;
    struct oq_file_facts found; /* at the final path, when the temporary file was missing */
};

static void operation_free(struct file_operation *op)
{
    if (!op)
        return;
    op->engine->identity->unref(op->engine->identity->ctx, op->identity);
    oq_free(op->temp_path);
    oq_free(op->temp_id);
    oq_free(op->final_path);
    oq_free(op);
}

static void run_rename(void *argument)
{
    struct file_operation *op = argument;
    const struct oq_file_port *files = op->engine->files;
    struct oq_error ignored;
    op->status = files->finish(files->ctx, op->identity, op->temp_path, op->temp_id, op->final_path,
                               op->modified_at_ms, &op->error);
    /* Missing? Perhaps it was renamed before a crash and not recorded: see what stands there. */
    if (op->status == OQ_E_FILE_MISSING &&
        files->stat(files->ctx, op->identity, op->final_path, &op->found, &ignored) != OQ_OK)
        op->found.exists = false;
}

static void run_remove(void *argument)
{
    struct file_operation *op = argument;
    const struct oq_file_port *files = op->engine->files;
    op->status = files->remove(files->ctx, op->identity, op->temp_path, op->temp_id, &op->error);
}

static void on_done(void *argument);

/* NULL when out of memory. */
static struct file_operation *operation_new(struct oq_engine *engine, const struct oq_entry *entry,
                                            const struct oq_file *file, int64_t modified_at_ms,
                                            struct oq_identity *identity)
{
    struct file_operation *op = oq_calloc(1, sizeof *op);
    if (!op)
        return NULL;
    op->engine = engine;
    op->is_rename = file->state == OQ_FILE_FETCHED;
    op->operation = (struct oq_operation){
        .run = op->is_rename ? run_rename : run_remove, .done = on_done, .argument = op};
    op->identity = engine->identity->ref(engine->identity->ctx, identity);
    op->temp_path = oq_strdup(file->temp_path);
    op->temp_id = oq_strdup(file->temp_id);
    op->final_path = oq_strdup(file->local);
    op->modified_at_ms = modified_at_ms;
    op->group_id = entry->group.id;
    op->file_index = file->index;
    oq_error_init(&op->error);
    if (!op->temp_path || !op->final_path || (file->temp_id && !op->temp_id)) {
        operation_free(op);
        return NULL;
    }
    return op;
}

static void log_group(const struct oq_entry *entry, enum oq_log_level level, uint32_t index,
                      const char *what)
{
    char guid[OQ_GUID_TEXT];
    oq_guid_format(&entry->group.guid, guid);
    oq_log(level, "group %s file %u (%s): %s", guid, index, entry->group.job.files[index].local,
           what);
}

static void retry_later(struct oq_engine *engine, struct oq_entry *entry)
{
    entry->commit_attempts++;
    entry->commit_retry_at_ms =
        oq_now_ms(engine) +
        oq_retry_delay_ms(&engine->config, entry->commit_attempts, -1, oq_engine_random(engine));
    if (entry->commit_retry_at_ms < engine->commit_at_ms)
        engine->commit_at_ms = entry->commit_retry_at_ms;
    entry->commit_next = 0;
    entry->is_commit_incomplete = false;
}

static bool needs_work(const struct oq_entry *entry, const struct oq_file *file)
{
    if (file->state == OQ_FILE_FETCHED)
        return true;
    return entry->group.state == OQ_GROUP_CANCELLING && file->state == OQ_FILE_WAITING &&
           file->temp_path;
}

static int64_t modified_at_ms(const struct oq_file *file)
{
    int64_t at_ms = -1;
    if (!file->last_modified ||
        oq_http_parse_date(file->last_modified, strlen(file->last_modified), &at_ms) != OQ_OK)
        return -1;
    return at_ms;
}

/* The last file is dealt with. May free the entry. */
static void all_done(struct oq_engine *engine, struct oq_entry *entry)
{
    struct oq_error err;
    struct oq_group_view last;
    char guid[OQ_GUID_TEXT];
    enum oq_status status = OQ_OK;
    oq_error_init(&err);
    if (entry->group.state == OQ_GROUP_COMMITTING) {
        if (oq_entry_apply(engine, entry, OQ_EV_COMMITTED, NULL, &err) != OQ_OK) {
            oq_log_error("the end of a group could not be saved: %s", err.text);
            retry_later(engine, entry);
        }
        return;
    }
    if (entry->is_commit_incomplete) {
        oq_waiters_check(entry, true); /* the client need not wait for a locked file */
        retry_later(engine, entry);
        return;
    }
    status = oq_store_begin(engine->store, &err);
    if (status == OQ_OK)
        status = oq_store_delete_group(engine->store, entry->group.id, &err);
    if (status == OQ_OK)
        status = oq_store_commit(engine->store, &err);
    if (status != OQ_OK) {
        oq_store_rollback(engine->store);
        oq_log_error("a cancelled group could not be removed: %s", err.text);
        oq_waiters_check(entry, true);
        retry_later(engine, entry);
        return;
    }
    oq_fault_step("save removal");
    atomic_fetch_sub(&engine->work_count, 1);
    oq_guid_format(&entry->group.guid, guid);
    oq_log_info("group %s: removed", guid);
    oq_view_of(engine, entry, &last);
    oq_waiters_check(entry, true);
    oq_catalogue_remove(&engine->catalogue, entry, &last);
}

void oq_commit_run(struct oq_engine *engine, struct oq_entry *entry)
{
    const struct oq_job *job = &entry->group.job;
    struct oq_identity *identity = NULL;
    struct oq_error err;
    if ((entry->group.state != OQ_GROUP_COMMITTING && entry->group.state != OQ_GROUP_CANCELLING) ||
        entry->running > 0 || entry->is_commit_running ||
        entry->commit_retry_at_ms > oq_now_ms(engine) || atomic_load(&engine->is_stopping))
        return;
    while (entry->commit_next < job->file_count &&
           !needs_work(entry, &job->files[entry->commit_next]))
        entry->commit_next++;
    if (entry->commit_next >= job->file_count) {
        all_done(engine, entry);
        return;
    }
    const struct oq_file *file = &job->files[entry->commit_next];
    oq_error_init(&err);
    if (engine->identity->acquire(engine->identity->ctx, file->user_sid, &file->user_rights, 0,
                                  &identity, &err) != OQ_OK) {
        entry->is_owner_absent = true;
        oq_waiters_check(entry, true);
        retry_later(engine, entry);
        return;
    }
    entry->is_owner_absent = false;
    struct file_operation *op = operation_new(engine, entry, file, modified_at_ms(file), identity);
    engine->identity->unref(engine->identity->ctx, identity);
    if (op && oq_worker_pool_submit(engine->pool, &op->operation) == OQ_OK) {
        entry->is_commit_running = true;
        return;
    }
    operation_free(op);
    retry_later(engine, entry);
}

/* The file has its final name: record it. */
static enum oq_status save_final(struct oq_engine *engine, struct oq_entry *entry, uint32_t index,
                                 struct oq_error *err)
{
    struct oq_file next = entry->group.job.files[index];
    next.state = OQ_FILE_FINAL;
    next.temp_path = NULL;
    next.temp_id = NULL;
    return oq_entry_save_file(engine, entry, &next, err);
}

/* The bytes are lost: someone removed the temporary file. The file has to come again. */
static enum oq_status save_lost(struct oq_engine *engine, struct oq_entry *entry, uint32_t index,
                                struct oq_error *err)
{
    struct oq_file next = entry->group.job.files[index];
    next.state = OQ_FILE_WAITING;
    oq_file_forget_bytes(&next, false);
    next.temp_path = NULL;
    next.temp_id = NULL;
    return oq_entry_save_file(engine, entry, &next, err);
}

static void commit_failed(struct oq_engine *engine, struct oq_entry *entry, uint32_t index,
                          const struct oq_error *failure)
{
    struct oq_verdict verdict = oq_errors_file(failure->status, failure->win32);
    struct oq_error err;
    oq_error_init(&err);
    log_group(entry, OQ_LOG_WARNING, index, failure->text);
    oq_entry_remember_failure(engine, entry, &verdict, index, failure->text);
    if (verdict.is_transient) {
        retry_later(engine, entry);
        return;
    }
    struct oq_failure fatal = entry->last_failure;
    if (oq_entry_apply(engine, entry, OQ_EV_FATAL_ERROR, &fatal, &err) != OQ_OK)
        retry_later(engine, entry);
}

static void on_done(void *argument)
{
    struct file_operation *op = argument;
    struct oq_engine *engine = op->engine;
    struct oq_entry *entry = oq_catalogue_find(&engine->catalogue, op->group_id);
    struct oq_error err = op->error;
    enum oq_status status = op->status;
    uint32_t index = op->file_index;
    bool is_finish = op->is_rename;
    struct oq_file_facts found = op->found;
    operation_free(op);
    if (!entry)
        return; /* cannot be: a group with an op out is not removed */
    entry->is_commit_running = false;

    bool was_renamed = is_finish && status == OQ_E_FILE_MISSING &&
                       is_our_file(&entry->group.job.files[index], &found);
    if (was_renamed) {
        log_group(entry, OQ_LOG_INFO, index, "had its final name already");
        status = OQ_OK;
    }
    if (status == OQ_OK && !is_finish)
        log_group(entry, OQ_LOG_INFO, index, "temporary file removed");
    if (status == OQ_OK && is_finish)
        status = save_final(engine, entry, index, &err);
    if (status == OQ_OK) {
        entry->commit_next =
            index +
            1; /* files go in order, so those before it are done, also after a cancel in between */
    } else if (entry->group.state == OQ_GROUP_CANCELLING) {
        if (status != OQ_E_FILE_MISSING) {
            log_group(entry, OQ_LOG_WARNING, index, err.text);
            entry->is_commit_incomplete = true;
        }
        entry->commit_next = index + 1;
    } else if (status == OQ_E_FILE_MISSING && is_finish) {
        struct oq_error ignored;
        oq_error_init(&ignored);
        if (save_lost(engine, entry, index, &ignored) == OQ_OK)
            oq_error_win32(&err, OQ_E_FILE_MISSING, err.win32,
                           found.exists
                               ? "the temporary file is gone and the file at its final "
                                 "place is another one, which was left alone"
                               : "the temporary file was removed by somebody before the end");
        commit_failed(engine, entry, index, &err);
    } else {
        commit_failed(engine, entry, index, &err);
    }
    oq_commit_run(engine, entry);
}
