/* store_rows.c - writes groups, jobs and files. Each function runs inside the caller's transaction.
 */
#include "store_int.h"

#include "oq_log.h"
#include "oq_utf.h"

#include <string.h>

/* Arguments of one statement, bound in order. The first failure is kept and the rest does nothing.
 * Texts and GUIDs are not copied: they live until finish(). */
struct binder {
    sqlite3_stmt *stmt;
    int rc;
    int next;
    bool is_text_bad; /* not UTF-8: could be written, but would be damage to whoever reads it */
};

static void bind_int(struct binder *b, int64_t value)
{
    if (b->rc == SQLITE_OK)
        b->rc = sqlite3_bind_int64(b->stmt, b->next++, value);
}

static void bind_text(struct binder *b, const char *text)
{
    if (text && !oq_utf8_is_valid(text, strlen(text)))
        b->is_text_bad = true;
    if (b->rc == SQLITE_OK) {
        b->rc = sqlite3_bind_text(b->stmt, b->next++, text, -1,
                                  SQLITE_STATIC); /* NULL text binds NULL */
    }
}

static void bind_null(struct binder *b)
{
    if (b->rc == SQLITE_OK)
        b->rc = sqlite3_bind_null(b->stmt, b->next++);
}

static void bind_guid(struct binder *b, const uint8_t bytes[16])
{
    if (b->rc == SQLITE_OK)
        b->rc = sqlite3_bind_blob(b->stmt, b->next++, bytes, 16, SQLITE_STATIC);
}

/* Outside of a transaction each write would be committed by itself; so it would after SQLite has
 * rolled one back on its own because of an error that the caller overlooked. */
static enum oq_status start(struct oq_store *store, enum oq_store_sql which, struct binder *b,
                            struct oq_error *err)
{
    if (!store->is_in_transaction)
        return oq_error_set(err, OQ_E_BUG, "a write outside of a transaction");
    if (sqlite3_get_autocommit(store->db)) {
        return oq_error_set(err, OQ_E_DB,
                            "the transaction was rolled back after an error inside it");
    }
    *b = (struct binder){store->statements[which], SQLITE_OK, 1, false};
    return OQ_OK;
}

/* Runs the statement and makes it ready for the next use. OQ_E_NOT_FOUND if it changed nothing. */
static enum oq_status finish(struct oq_store *store, struct binder *b, const char *what,
                             struct oq_error *err)
{
    enum oq_status status = OQ_OK;

    int rc = b->rc;
    if (rc == SQLITE_OK && !b->is_text_bad)
        rc = sqlite3_step(b->stmt);
    if (b->is_text_bad) {
        status = oq_error_set(err, OQ_E_BUG, "%s: a text is not UTF-8", what);
        oq_log_error("database: %s: a text is not UTF-8", what);
    } else if (rc != SQLITE_DONE) {
        status = oq_store_fail(store->db, rc, what, err);
    } else if (sqlite3_changes(store->db) == 0) {
        status = oq_error_set(err, OQ_E_NOT_FOUND, "%s: no such row", what);
    }
    (void)sqlite3_reset(b->stmt); /* repeats the error that step has told */
    (void)sqlite3_clear_bindings(b->stmt);
    return status;
}

/* --- groups ---------------------------------------------------------------------------------- */

/* The sentence about a failure can have come from far away, in whatever characters, and to say why
 * something failed must not fail itself: an unreadable one is left out. */
static bool is_readable(const char *text)
{
    return text && oq_utf8_is_valid(text, strlen(text));
}

static void bind_group(struct binder *b, const struct oq_group *group, const uint8_t guid[16])
{
    bind_guid(b, guid);
    bind_text(b, group->owner_sid);
    bind_text(b, oq_group_state_text(group->state));
    bind_int(b, group->is_foreground);
    bind_text(b, group->display_name);
    bind_text(b, group->description);
    bind_int(b, group->notify_flags);
    bind_text(b, group->notify_clsid);
    bind_text(b, oq_store_event_text(group->event));
    bind_int(b, group->error.code);
    bind_int(b, group->error.win32);
    bind_int(b, group->error.http);
    if (group->error.file_index == OQ_NO_FILE)
        bind_null(b);
    else
        bind_int(b, group->error.file_index);
    bind_text(b, is_readable(group->error.text) ? group->error.text : NULL);
    bind_int(b, group->retries);
    bind_int(b, group->created_at_ms);
    bind_int(b, group->changed_at_ms);
    bind_int(b, group->no_progress_since_ms);
    bind_int(b, (int64_t)group->max_bytes_per_s);
}

enum oq_status oq_store_insert_group(struct oq_store *store, struct oq_group *group,
                                     struct oq_error *err)
{
    struct binder b = {0};
    uint8_t guid[16];

    enum oq_status status = start(store, OQ_SQL_INSERT_GROUP, &b, err);
    if (status != OQ_OK)
        return status;
    oq_guid_to_bytes(&group->guid, guid);
    bind_group(&b, group, guid);
    status = finish(store, &b, "insert a group", err);
    if (status == OQ_OK)
        group->id = sqlite3_last_insert_rowid(store->db);
    return status;
}

enum oq_status oq_store_update_group(struct oq_store *store, const struct oq_group *group,
                                     struct oq_error *err)
{
    struct binder b = {0};
    uint8_t guid[16];

    enum oq_status status = start(store, OQ_SQL_UPDATE_GROUP, &b, err);
    if (status != OQ_OK)
        return status;
    oq_guid_to_bytes(&group->guid, guid);
    bind_group(&b, group, guid);
    bind_int(&b, group->id);
    return finish(store, &b, "update a group", err);
}

enum oq_status oq_store_delete_group(struct oq_store *store, int64_t group_id, struct oq_error *err)
{
    struct binder b = {0};

    enum oq_status status = start(store, OQ_SQL_DELETE_GROUP, &b, err);
    if (status != OQ_OK)
        return status;
    bind_int(&b, group_id);
    return finish(store, &b, "delete a group", err);
}

/* --- jobs and files -------------------------------------------------------------------------- */

enum oq_status oq_store_insert_job(struct oq_store *store, struct oq_group *group,
                                   struct oq_error *err)
{
    struct binder b = {0};
    uint8_t guid[16];

    enum oq_status status = start(store, OQ_SQL_INSERT_JOB, &b, err);
    if (status != OQ_OK)
        return status;
    oq_guid_to_bytes(&group->job.guid, guid);
    bind_int(&b, group->id);
    bind_guid(&b, guid);
    status = finish(store, &b, "insert a job", err);
    if (status != OQ_OK)
        return status;
    int64_t job_id = sqlite3_last_insert_rowid(store->db);
    for (uint32_t i = 0; status == OQ_OK && i < group->job.file_count; i++)
        status = oq_store_insert_file(store, job_id, &group->job.files[i], err);
    if (status == OQ_OK)
        group->job.id = job_id;
    return status;
}

/* SQLite's integers are signed; a size above 8 EiB is no file's. */
static enum oq_status check_sizes(const struct oq_file *file, struct oq_error *err)
{
    if (file->size_bytes != OQ_SIZE_UNKNOWN && file->size_bytes > INT64_MAX) {
        return oq_error_set(err, OQ_E_INVALID_ARG, "file %u: a size of %llu bytes cannot be stored",
                            file->index, (unsigned long long)file->size_bytes);
    }
    if (file->done_bytes > INT64_MAX) {
        return oq_error_set(err, OQ_E_INVALID_ARG,
                            "file %u: an offset of %llu bytes cannot be stored", file->index,
                            (unsigned long long)file->done_bytes);
    }
    return OQ_OK;
}

static void bind_file(struct binder *b, int64_t job_id, const struct oq_file *file)
{
    bind_text(b, oq_file_state_text(file->state));
    bind_text(b, file->remote);
    bind_text(b, file->local);
    bind_text(b, file->temp_path);
    if (file->size_bytes == OQ_SIZE_UNKNOWN)
        bind_null(b);
    else
        bind_int(b, (int64_t)file->size_bytes);
    bind_int(b, (int64_t)file->done_bytes);
    bind_text(b, file->etag);
    bind_text(b, file->last_modified);
    bind_text(b, file->digest);
    if (file->source == OQ_NO_SOURCE)
        bind_null(b);
    else
        bind_int(b, file->source);
    bind_int(b, file->bad_sources);
    bind_int(b, file->mismatches);
    bind_int(b, file->extras ? 1 : 0);
    bind_text(b, file->temp_id);
    bind_int(b, job_id);
    bind_int(b, file->index);
}

static enum oq_status write_file(struct oq_store *store, enum oq_store_sql which, const char *what,
                                 int64_t job_id, const struct oq_file *file, struct oq_error *err)
{
    struct binder b = {0};

    enum oq_status status = check_sizes(file, err);
    if (status == OQ_OK)
        status = start(store, which, &b, err);
    if (status != OQ_OK)
        return status;
    bind_file(&b, job_id, file);
    return finish(store, &b, what, err);
}

enum oq_status oq_store_insert_file(struct oq_store *store, int64_t job_id,
                                    const struct oq_file *file, struct oq_error *err)
{
    enum oq_status status =
        write_file(store, OQ_SQL_INSERT_FILE, "insert a file", job_id, file, err);
    return status == OQ_OK && file->extras ? oq_store_update_extras(store, job_id, file, err)
                                           : status;
}

enum oq_status oq_store_update_file(struct oq_store *store, int64_t job_id,
                                    const struct oq_file *file, struct oq_error *err)
{
    return write_file(store, OQ_SQL_UPDATE_FILE, "update a file", job_id, file, err);
}
