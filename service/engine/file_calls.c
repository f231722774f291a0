/* file_calls.c - the calls of oq_engine.h that concern jobs and files: caller's side (any thread)
 * and the engine's. What may block (checking the caller's folder) is done on the caller's side,
 * with the caller's rights, before the engine is asked.
 */
#include "calls_int.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_path.h"
#include "oq_url.h"

#include <string.h>

static enum oq_status run_create_job(struct oq_engine *engine, struct oq_call *call)
{
    const struct oq_guid *guid = call->args;
    struct oq_entry *entry = NULL;
    enum oq_status status = oq_call_find(engine, call, OQ_ACCESS_CHANGE, &entry);
    if (status != OQ_OK)
        return status;
    if (entry->group.job.id != 0)
        return entry->group.state == OQ_GROUP_ACTIVE || entry->group.state == OQ_GROUP_COMMITTING
                   ? oq_call_fail(call, OQ_E_INVALID_STATE, "the group's job is running")
                   : oq_call_fail(call, OQ_E_NOT_SUPPORTED, "a group has at most one job");
    if (oq_guid_is_null(guid))
        return oq_call_fail(call, OQ_E_INVALID_ARG, "the null GUID names no job");
    entry->group.job.guid = *guid;
    status = oq_store_begin(engine->store, call->err);
    if (status == OQ_OK)
        status = oq_store_insert_job(engine->store, &entry->group, call->err);
    if (status == OQ_OK)
        status = oq_store_commit(engine->store, call->err);
    if (status == OQ_OK) {
        oq_fault_step("save job");
        return OQ_OK;
    }
    oq_store_rollback(engine->store);
    memset(&entry->group.job, 0, sizeof entry->group.job);
    return status == OQ_E_EXISTS
               ? oq_call_fail(call, OQ_E_INVALID_ARG, "a job with this GUID exists in the queue")
               : status;
}

enum oq_status oq_engine_create_job(struct oq_engine *engine, const struct oq_caller *caller,
                                    int64_t group, const struct oq_guid *guid, struct oq_error *err)
{
    struct oq_guid args = *guid;
    return oq_call(engine, run_create_job, caller, group, &args, err);
}

/* --- AddFiles --------------------------------------------------------------------------------- */

struct add_args {
    const struct oq_file_spec *specs;
    uint32_t count;
};

static enum oq_status check_names(struct oq_engine *engine, const struct oq_file_spec *spec,
                                  struct oq_error *err)
{
    if (!spec->remote || !spec->remote[0] || !spec->local || !spec->local[0])
        return oq_error_set(err, OQ_E_INVALID_ARG, "a file needs a remote and a local name");
    enum oq_status status = oq_url_check(spec->remote, err);
    if (status != OQ_OK)
        return status;
    return oq_path_check(spec->local, engine->options.allow_posix_paths, err);
}

/* As the caller. Who allows identification only is acted for with a token of the same logon session
 * and rights, or not at all. */
static enum oq_status check_folders(struct oq_engine *engine, const struct oq_caller *caller,
                                    const struct oq_file_spec *specs, uint32_t count,
                                    struct oq_error *err)
{
    struct oq_identity *as = engine->identity->ref(engine->identity->ctx, caller->identity);
    char *previous = NULL, *folder = NULL;
    enum oq_status status = OQ_OK;
    uint32_t index = 0;

    if (!as) {
        status = engine->identity->acquire(engine->identity->ctx, caller->sid, &caller->rights,
                                           caller->logon_id, &as, err);
        if (status != OQ_OK) {
            status = oq_error_set(
                err, OQ_E_ACCESS_DENIED,
                "the service cannot act as the caller: allow impersonation (CoSetProxyBlanket)");
            goto out;
        }
    }
    for (index = 0; index < count; index++) {
        oq_free(folder);
        folder = oq_path_folder(specs[index].local);
        if (!folder) {
            status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
            goto out;
        }
        if (previous && strcmp(previous, folder) == 0)
            continue;
        status = engine->files->check_folder(engine->files->ctx, as, specs[index].local, err);
        if (status == OQ_E_FILE_MISSING)
            status = oq_error_set(err, OQ_E_INVALID_ARG,
                                  "the destination folder does not exist: %s", folder);
        else if (status == OQ_E_ACCESS_DENIED)
            status = oq_error_set(err, OQ_E_ACCESS_DENIED,
                                  "no right to write to the destination folder: %s", folder);
        if (status != OQ_OK)
            goto out;
        oq_free(previous);
        previous = folder;
        folder = NULL;
    }
out:
    if (status != OQ_OK && err && index < count)
        err->file_index = index;
    engine->identity->unref(engine->identity->ctx, as);
    oq_free(folder);
    oq_free(previous);
    return status;
}

/* The other file of the job that this one would replace, or NULL. The same download twice is
 * allowed (contract D21). */
static const struct oq_file *find_same_name(const struct oq_job *job, const struct oq_file *file)
{
    for (uint32_t i = 0; i < file->index; i++) {
        const struct oq_file *other = &job->files[i];
        if (oq_path_is_same(other->local, file->local) && strcmp(other->remote, file->remote) != 0)
            return other;
    }
    return NULL;
}

/* Adds the files to the group's job and saves them; on failure the job is as before. */
static enum oq_status append_files(struct oq_engine *engine, struct oq_call *call,
                                   struct oq_entry *entry)
{
    const struct add_args *args = call->args;
    struct oq_job *job = &entry->group.job;
    uint32_t before = job->file_count;
    enum oq_status status = oq_entry_reserve_runs(entry, before + args->count);
    if (status != OQ_OK)
        return oq_call_fail(call, status, "out of memory");
    status = oq_store_begin(engine->store, call->err);
    for (uint32_t i = 0; status == OQ_OK && i < args->count; i++) {
        struct oq_file *file = oq_job_add_file(job);
        if (file) {
            file->remote = oq_strdup(args->specs[i].remote);
            file->local = oq_strdup(args->specs[i].local);
            file->user_sid = oq_strdup(call->caller->sid);
            file->user_rights = call->caller->rights;
        }
        if (!file || !file->remote || !file->local || !file->user_sid) {
            status = oq_call_fail(call, OQ_E_NOMEM, "out of memory");
            break;
        }
        file->state = OQ_FILE_WAITING;
        file->size_bytes = OQ_SIZE_UNKNOWN;
        file->done_bytes = 0;
        const struct oq_file *other = find_same_name(job, file);
        if (other) {
            status = oq_error_set(call->err, OQ_E_INVALID_ARG,
                                  "two files of a job cannot have the same local name: %s, %s",
                                  other->local, file->local);
            break;
        }
        status = oq_store_insert_file(engine->store, job->id, file, call->err);
    }
    if (status == OQ_OK)
        status = oq_store_commit(engine->store, call->err);
    if (status != OQ_OK) {
        oq_store_rollback(engine->store);
        while (job->file_count > before)
            oq_file_release(&job->files[--job->file_count]);
        return status;
    }
    oq_fault_step("save files");
    entry->may_percent_fall = true;
    return OQ_OK;
}

static enum oq_status run_add_files(struct oq_engine *engine, struct oq_call *call)
{
    const struct add_args *args = call->args;
    struct oq_transition unused;
    struct oq_entry *entry = NULL;
    enum oq_status status = oq_call_find(engine, call, OQ_ACCESS_CHANGE, &entry);
    if (status != OQ_OK)
        return status;
    if (entry->group.job.id == 0)
        return oq_call_fail(call, OQ_E_NOT_FOUND, "the group has no job");
    if (oq_group_transition(entry->group.state, OQ_EV_FILES_ADDED, &unused) != OQ_OK)
        return oq_call_fail(call, OQ_E_INVALID_STATE,
                            "files can be added until the group is complete");
    int64_t limit = engine->config.files_per_job;
    if (!call->caller->rights.is_admin && limit > 0 &&
        (int64_t)entry->group.job.file_count + args->count > limit)
        return oq_error_set(call->err, OQ_E_LIMIT_FILES, "a job may have at most %lld files",
                            (long long)limit);
    status = append_files(engine, call, entry);
    if (status == OQ_OK)
        status = oq_entry_apply(engine, entry, OQ_EV_FILES_ADDED, NULL, call->err);
    return status;
}

enum oq_status oq_engine_add_files(struct oq_engine *engine, const struct oq_caller *caller,
                                   int64_t group, const struct oq_file_spec *specs, uint32_t count,
                                   struct oq_error *err)
{
    struct add_args args = {specs, count};
    if (count == 0)
        return oq_error_set(err, OQ_E_INVALID_ARG, "no files given");
    for (uint32_t i = 0; i < count; i++) {
        enum oq_status status = check_names(engine, &specs[i], err);
        if (status != OQ_OK) {
            if (err)
                err->file_index = i;
            return status;
        }
    }
    enum oq_status status = check_folders(engine, caller, specs, count, err);
    if (status != OQ_OK)
        return status;
    return oq_call(engine, run_add_files, caller, group, &args, err);
}

/* --- reading a file --------------------------------------------------------------------------- */

struct file_args {
    uint32_t index;
    struct oq_file_view *view;
};

void oq_file_view_release(struct oq_file_view *view)
{
    oq_free(view->remote);
    oq_free(view->local);
    oq_free(view->temp_path);
    oq_free(view->validator);
    memset(view, 0, sizeof *view);
}

static struct oq_checks_view checks_of(const struct oq_file *file,
                                       const struct oq_transfer *transfer)
{
    struct oq_checks_view view = {.size_bytes = OQ_SIZE_UNKNOWN,
                                  .source_count = oq_sources_count(file),
                                  .mismatches = file->mismatches,
                                  .is_checking = transfer && oq_transfer_is_verifying(transfer)};
    if (file->expectations) {
        view.has_sha256 = file->expectations->has_sha256;
        memcpy(view.sha256, file->expectations->sha256, sizeof view.sha256);
        view.size_bytes = file->expectations->size_bytes;
        view.piece_kind = file->expectations->pieces.kind;
        view.piece_bytes = file->expectations->pieces.piece_bytes;
        view.piece_count = file->expectations->pieces.count;
    }
    return view;
}

static enum oq_status run_view_file(struct oq_engine *engine, struct oq_call *call)
{
    const struct file_args *args = call->args;
    struct oq_entry *entry = NULL;
    struct oq_file *file = NULL;
    enum oq_status status =
        oq_call_find_file(engine, call, OQ_ACCESS_READ, args->index, &entry, &file);
    if (status != OQ_OK)
        return status;
    const struct oq_file_run *run = &entry->runs[args->index];
    struct oq_transfer *transfer = run->transfer;
    const char *validator = file->etag ? file->etag : file->last_modified;
    struct oq_file_view view = {.remote = oq_strdup(file->remote),
                                .local = oq_strdup(file->local),
                                .temp_path = oq_strdup(file->temp_path),
                                .validator = oq_strdup(validator)};
    if (!view.remote || !view.local || (file->temp_path && !view.temp_path) ||
        (validator && !view.validator)) {
        oq_file_view_release(&view);
        return oq_call_fail(call, OQ_E_NOMEM, "out of memory");
    }
    view.state = file->state;
    view.is_running = transfer != NULL;
    view.is_waiting =
        entry->group.state == OQ_GROUP_ACTIVE && !transfer && run->retry_at_ms > oq_now_ms(engine);
    view.is_group_gone = entry->group.state == OQ_GROUP_CANCELLING;
    view.is_reason =
        entry->group.state == OQ_GROUP_ERROR && oq_entry_failure(entry)->file_index == args->index;
    view.checks = checks_of(file, transfer);
    view.size_bytes = file->size_bytes;
    view.done_bytes = file->done_bytes;
    if (transfer && oq_transfer_received(transfer) > view.done_bytes)
        view.done_bytes = oq_transfer_received(transfer);
    view.rate_bytes_per_s = transfer ? oq_transfer_rate(transfer, oq_now_ms(engine)) : 0;
    *args->view = view;
    return OQ_OK;
}

enum oq_status oq_engine_view_file(struct oq_engine *engine, const struct oq_caller *caller,
                                   int64_t group, uint32_t index, struct oq_file_view *view,
                                   struct oq_error *err)
{
    struct file_args args = {index, view};
    return oq_call(engine, run_view_file, caller, group, &args, err);
}
