/* store_write.c - transactions, and the writing of groups, jobs, files and what a client said of
 * them.
 *
 * Each row goes through a binder, which checks texts and leaves no value behind for the next row.
 * Every write is inside the caller's transaction. Engine thread only. */
#include "store_int.h"

#include "oq_log.h"
#include "oq_utf.h"

#include <string.h>

/* --- transactions ---------------------------------------------------------------------------- */

static int run(struct oq_store *store, enum oq_store_sql which)
{
    int rc = sqlite3_step(store->statements[which]);
    (void)sqlite3_reset(store->statements[which]);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

enum oq_status oq_store_settle(struct oq_store *store, struct oq_error *err)
{
    if (store->is_in_transaction || sqlite3_get_autocommit(store->db))
        return OQ_OK;
    int rc = run(store, OQ_SQL_ROLLBACK);
    return rc == SQLITE_OK ? OQ_OK : oq_store_fail(store->db, rc, "roll back", err);
}

enum oq_status oq_store_begin(struct oq_store *store, struct oq_error *err)
{
    if (store->is_in_transaction)
        return oq_error_set(err, OQ_E_BUG, "a transaction within a transaction");
    enum oq_status status = oq_store_settle(store, err);
    if (status != OQ_OK)
        return status;
    int rc = run(store, OQ_SQL_BEGIN);
    if (rc != SQLITE_OK)
        return oq_store_fail(store->db, rc, "begin a transaction", err);
    store->is_in_transaction = true;
    return OQ_OK;
}

enum oq_status oq_store_commit(struct oq_store *store, struct oq_error *err)
{
    enum oq_status status = OQ_OK;

    if (!store->is_in_transaction)
        return oq_error_set(err, OQ_E_BUG, "a commit without a transaction");
    if (sqlite3_get_autocommit(store->db)) {
        status =
            oq_error_set(err, OQ_E_DB, "the transaction was rolled back after an error inside it");
    } else {
        int rc = run(store, OQ_SQL_COMMIT);
        if (rc != SQLITE_OK)
            status = oq_store_fail(store->db, rc, "commit", err);
    }
    if (status == OQ_OK)
        store->is_in_transaction = false;
    else
        oq_store_rollback(store);
    return status;
}

void oq_store_rollback(struct oq_store *store)
{
    if (!store->is_in_transaction)
        return;
    store->is_in_transaction = false;
    /* After some errors (disk full, I/O, memory) SQLite has already rolled back by itself. */
    if (!sqlite3_get_autocommit(store->db)) {
        int rc = run(store, OQ_SQL_ROLLBACK);
        if (rc != SQLITE_OK) {
            /* Nothing of it can be committed any more; oq_store_settle tries again. */
            oq_log_error("database: rollback: %s", sqlite3_errstr(rc));
        }
    }
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Arguments of one statement, bound in order. After the first failure the rest does nothing.
 * Texts and GUIDs are not copied: they live until finish(). */
struct binder {
    sqlite3_stmt *stmt;
    int rc;
    int next;
    bool is_text_bad; /* not UTF-8: could be written, but would be damage when it is read */
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

static void bind_time(struct binder *b, int64_t wall_ms)
{
    bind_int(b, wall_ms < OQ_TIME_MIN_MS   ? OQ_TIME_MIN_MS
                : wall_ms > OQ_TIME_MAX_MS ? OQ_TIME_MAX_MS
                                           : wall_ms);
}

static void bind_size(struct binder *b, uint64_t size_bytes)
{
    if (size_bytes == OQ_SIZE_UNKNOWN)
        bind_null(b);
    else
        bind_int(b, (int64_t)size_bytes);
}

/* NULL binds NULL. */
static void bind_blob(struct binder *b, const uint8_t *bytes, size_t size)
{
    if (b->rc == SQLITE_OK)
        b->rc = sqlite3_bind_blob(b->stmt, b->next++, bytes, (int)size, SQLITE_STATIC);
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
    (void)sqlite3_reset(b->stmt); /* repeats the error of step */
    (void)sqlite3_clear_bindings(b->stmt);
    return status;
}

/* --- groups ---------------------------------------------------------------------------------- */

/* The sentence about a failure can come from a server, in any encoding, and recording a failure
 * must not fail itself: one that is not UTF-8 is left out. */
static bool is_readable(const char *text)
{
    return text && oq_utf8_is_valid(text, strlen(text));
}

static void bind_rights(struct binder *b, const struct oq_rights *rights)
{
    bind_int(b, rights->is_admin);
    bind_int(b, rights->integrity);
    bind_int(b, (int64_t)rights->marks);
}

static void bind_group(struct binder *b, const struct oq_group *group, const uint8_t guid[16])
{
    bind_blob(b, guid, 16);
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
    bind_time(b, group->created_at_ms);
    bind_time(b, group->changed_at_ms);
    bind_time(b, group->no_progress_since_ms);
    bind_int(b, (int64_t)group->max_bytes_per_s);
    bind_rights(b, &group->owner_rights);
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
    bind_blob(&b, guid, 16);
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
    bind_size(b, file->size_bytes);
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
    bind_int(b, file->expectations ? 1 : 0);
    bind_text(b, file->temp_id);
    bind_text(b, file->user_sid);
    bind_rights(b, &file->user_rights);
    bind_int(b, job_id);
    bind_int(b, file->index);
}

/* --- what a client said of a file ------------------------------------------------------------- */

static enum oq_status check_expectations(const struct oq_file *file, struct oq_error *err)
{
    const struct oq_expectations *expectations = file->expectations;
    const char *broken = expectations ? oq_expectations_check(expectations) : NULL;

    if (broken)
        return oq_error_set(err, OQ_E_BUG, "%s", broken);
    if (expectations &&
        ((expectations->size_bytes != OQ_SIZE_UNKNOWN && expectations->size_bytes > INT64_MAX) ||
         expectations->pieces.piece_bytes > INT64_MAX))
        return oq_error_set(err, OQ_E_INVALID_ARG,
                            "file %u: a size of that many bytes cannot be stored", file->index);
    return OQ_OK;
}

/* Begins a statement whose first arguments are those that name the file. */
static enum oq_status start_for(struct oq_store *store, enum oq_store_sql which, int64_t job_id,
                                const struct oq_file *file, struct binder *b, struct oq_error *err)
{
    enum oq_status status = start(store, which, b, err);
    if (status == OQ_OK) {
        bind_int(b, job_id);
        bind_int(b, file->index);
    }
    return status;
}

static enum oq_status delete_rows(struct oq_store *store, enum oq_store_sql which, int64_t job_id,
                                  const struct oq_file *file, struct oq_error *err)
{
    struct binder b = {0};
    enum oq_status status = start_for(store, which, job_id, file, &b, err);
    if (status == OQ_OK)
        status = finish(store, &b, "delete what a file must be", err);
    return status == OQ_E_NOT_FOUND ? OQ_OK : status; /* there were none */
}

static enum oq_status write_expectation(struct oq_store *store, int64_t job_id,
                                        const struct oq_file *file, struct oq_error *err)
{
    const struct oq_expectations *expectations = file->expectations;
    const struct oq_pieces *pieces = &expectations->pieces;
    struct binder b = {0};

    if (!expectations->has_sha256 && expectations->size_bytes == OQ_SIZE_UNKNOWN &&
        pieces->kind == OQ_HASH_NONE)
        return OQ_OK;
    enum oq_status status = start_for(store, OQ_SQL_INSERT_EXPECTATION, job_id, file, &b, err);
    if (status != OQ_OK)
        return status;
    bind_blob(&b, expectations->has_sha256 ? expectations->sha256 : NULL, OQ_SHA256_BYTES);
    bind_size(&b, expectations->size_bytes);
    if (pieces->kind != OQ_HASH_NONE) {
        size_t length = pieces->count * oq_hash_size(pieces->kind);
        bind_text(&b, oq_hash_name(pieces->kind));
        bind_int(&b, (int64_t)pieces->piece_bytes);
        bind_blob(&b, length > 0 ? pieces->hashes : (const uint8_t *)"", length);
    }
    return finish(store, &b, "insert what a file must be", err);
}

static enum oq_status write_mirror(struct oq_store *store, int64_t job_id,
                                   const struct oq_file *file, uint32_t mirror,
                                   struct oq_error *err)
{
    struct binder b = {0};
    enum oq_status status = start_for(store, OQ_SQL_INSERT_MIRROR, job_id, file, &b, err);
    if (status != OQ_OK)
        return status;
    bind_int(&b, (int64_t)mirror + 1);
    bind_text(&b, file->expectations->mirrors[mirror]);
    return finish(store, &b, "insert a mirror", err);
}

enum oq_status oq_store_update_expectations(struct oq_store *store, int64_t job_id,
                                            const struct oq_file *file, struct oq_error *err)
{
    enum oq_status status = check_expectations(file, err);

    if (status == OQ_OK)
        status = delete_rows(store, OQ_SQL_DELETE_EXPECTATION, job_id, file, err);
    if (status == OQ_OK)
        status = delete_rows(store, OQ_SQL_DELETE_MIRRORS, job_id, file, err);
    if (status == OQ_OK && file->expectations)
        status = write_expectation(store, job_id, file, err);
    for (uint32_t i = 0;
         status == OQ_OK && file->expectations && i < file->expectations->mirror_count; i++)
        status = write_mirror(store, job_id, file, i, err);
    return status;
}

/* --- files ------------------------------------------------------------------------------------ */

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
    return status == OQ_OK && file->expectations
               ? oq_store_update_expectations(store, job_id, file, err)
               : status;
}

enum oq_status oq_store_update_file(struct oq_store *store, int64_t job_id,
                                    const struct oq_file *file, struct oq_error *err)
{
    return write_file(store, OQ_SQL_UPDATE_FILE, "update a file", job_id, file, err);
}
