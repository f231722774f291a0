/* store_extras.c - writes and reads what a client said of a file beyond its names: mirrors, and the
 * hashes it must have. They change seldom and may be long, so they are not in the file's own row.
 */
#include "store_int.h"

#include "oq_alloc.h"
#include "oq_utf.h"

#include <string.h>

/* --- writing ---------------------------------------------------------------------------------- */

static sqlite3_stmt *begin(struct oq_store *store, enum oq_store_sql which, int64_t job_id,
                           const struct oq_file *file, int *rc)
{
    sqlite3_stmt *stmt = store->statements[which];

    *rc = sqlite3_bind_int64(stmt, 1, job_id);
    if (*rc == SQLITE_OK)
        *rc = sqlite3_bind_int64(stmt, 2, file->index);
    return stmt;
}

static enum oq_status end(struct oq_store *store, sqlite3_stmt *stmt, int rc, const char *what,
                          struct oq_error *err)
{
    enum oq_status status = OQ_OK;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc != SQLITE_DONE)
        status = oq_store_fail(store->db, rc, what, err);
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

static enum oq_status write_expectation(struct oq_store *store, int64_t job_id,
                                        const struct oq_file *file, struct oq_error *err)
{
    const struct oq_extras *extras = file->extras;
    const struct oq_pieces *pieces = &extras->pieces;
    int rc = SQLITE_OK;

    if (!extras->has_sha256 && extras->size_bytes == OQ_SIZE_UNKNOWN &&
        pieces->kind == OQ_HASH_NONE)
        return OQ_OK;
    sqlite3_stmt *stmt = begin(store, OQ_SQL_INSERT_EXPECTATION, job_id, file, &rc);
    if (rc == SQLITE_OK && extras->has_sha256)
        rc = sqlite3_bind_blob(stmt, 3, extras->sha256, OQ_SHA256_BYTES, SQLITE_STATIC);
    if (rc == SQLITE_OK && extras->size_bytes != OQ_SIZE_UNKNOWN)
        rc = sqlite3_bind_int64(stmt, 4, (int64_t)extras->size_bytes);
    if (rc == SQLITE_OK && pieces->kind != OQ_HASH_NONE) {
        size_t length = pieces->count * oq_hash_size(pieces->kind);
        rc = sqlite3_bind_text(stmt, 5, oq_hash_name(pieces->kind), -1, SQLITE_STATIC);
        if (rc == SQLITE_OK)
            rc = sqlite3_bind_int64(stmt, 6, (int64_t)pieces->piece_bytes);
        if (rc == SQLITE_OK) {
            rc = length > 0 ? sqlite3_bind_blob(stmt, 7, pieces->hashes, (int)length, SQLITE_STATIC)
                            : sqlite3_bind_zeroblob(stmt, 7, 0);
        }
    }
    return end(store, stmt, rc, "insert what a file must be", err);
}

static enum oq_status write_mirror(struct oq_store *store, int64_t job_id,
                                   const struct oq_file *file, uint32_t source, const char *url,
                                   struct oq_error *err)
{
    int rc = SQLITE_OK;
    sqlite3_stmt *stmt = begin(store, OQ_SQL_INSERT_MIRROR, job_id, file, &rc);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(stmt, 3, source);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, 4, url, -1, SQLITE_STATIC);
    return end(store, stmt, rc, "insert a mirror", err);
}

static enum oq_status check(struct oq_store *store, const struct oq_file *file,
                            struct oq_error *err)
{
    const struct oq_extras *extras = file->extras;

    if (!store->is_in_transaction || sqlite3_get_autocommit(store->db))
        return oq_error_set(err, OQ_E_BUG, "a write outside of a transaction");
    if (!extras)
        return OQ_OK;
    if (oq_extras_check(extras))
        return oq_error_set(err, OQ_E_BUG, "%s", oq_extras_check(extras));
    for (uint32_t i = 0; i < extras->mirror_count; i++)
        if (!oq_utf8_is_valid(extras->mirrors[i], strlen(extras->mirrors[i])))
            return oq_error_set(err, OQ_E_BUG, "insert a mirror: a text is not UTF-8");
    if ((extras->size_bytes != OQ_SIZE_UNKNOWN && extras->size_bytes > INT64_MAX) ||
        extras->pieces.piece_bytes > INT64_MAX) {
        return oq_error_set(err, OQ_E_INVALID_ARG,
                            "file %u: a size of that many bytes cannot be stored", file->index);
    }
    return OQ_OK;
}

enum oq_status oq_store_update_extras(struct oq_store *store, int64_t job_id,
                                      const struct oq_file *file, struct oq_error *err)
{
    static const enum oq_store_sql deletions[] = {OQ_SQL_DELETE_EXPECTATION, OQ_SQL_DELETE_MIRRORS};
    enum oq_status status = check(store, file, err);

    for (size_t i = 0; status == OQ_OK && i < sizeof(deletions) / sizeof(deletions[0]); i++) {
        int rc = SQLITE_OK;
        sqlite3_stmt *stmt = begin(store, deletions[i], job_id, file, &rc);
        status = end(store, stmt, rc, "delete what a file must be", err);
    }
    const struct oq_extras *extras = file->extras;
    if (status != OQ_OK || !extras)
        return status;
    status = write_expectation(store, job_id, file, err);
    for (uint32_t i = 0; status == OQ_OK && i < extras->mirror_count; i++)
        status = write_mirror(store, job_id, file, i + 1, extras->mirrors[i], err);
    return status;
}

/* --- reading ---------------------------------------------------------------------------------- */

static enum oq_status damaged(const struct oq_group *group, const char *what, struct oq_error *err)
{
    return oq_error_set(err, OQ_E_DB_DAMAGED, "the database is damaged: group %lld: %s",
                        (long long)group->id, what);
}

static enum oq_status no_memory(struct oq_error *err)
{
    return oq_error_set(err, OQ_E_NOMEM, "load what a file must be: out of memory");
}

/* The extras of the row's file; NULL and a sentence if it has none. */
static struct oq_extras *extras_of(sqlite3_stmt *stmt, struct oq_group *group, struct oq_error *err)
{
    int64_t index = sqlite3_column_int64(stmt, 0);

    if (sqlite3_column_type(stmt, 0) == SQLITE_INTEGER && index >= 0 &&
        index < group->job.file_count && group->job.files[index].extras)
        return group->job.files[index].extras;
    (void)damaged(group, "mirrors or hashes of a file that has none", err);
    return NULL;
}

static enum oq_status read_pieces(sqlite3_stmt *stmt, struct oq_group *group,
                                  struct oq_extras *extras, struct oq_error *err)
{
    struct oq_pieces pieces = {.kind = OQ_HASH_NONE};
    const char *kind = (const char *)sqlite3_column_text(stmt, 3);

    if (sqlite3_column_type(stmt, 3) == SQLITE_NULL)
        return OQ_OK;
    if (!kind)
        return no_memory(err);
    if (oq_hash_parse_name(kind, &pieces.kind) != OQ_OK ||
        sqlite3_column_type(stmt, 4) != SQLITE_INTEGER || sqlite3_column_int64(stmt, 4) <= 0 ||
        sqlite3_column_type(stmt, 5) != SQLITE_BLOB)
        return damaged(group, "the pieces of a file", err);
    const void *hashes = sqlite3_column_blob(stmt, 5);
    size_t length = (size_t)sqlite3_column_bytes(stmt, 5);
    if (length > 0 && !hashes)
        return no_memory(err);
    if (length > OQ_PIECES_MAX_BYTES || length % oq_hash_size(pieces.kind) != 0)
        return damaged(group, "the hashes of a file's pieces", err);
    pieces.piece_bytes = (uint64_t)sqlite3_column_int64(stmt, 4);
    pieces.count = (uint32_t)(length / oq_hash_size(pieces.kind));
    pieces.hashes = (uint8_t *)(uintptr_t)hashes; /* only copied from */
    enum oq_status status = oq_extras_set_pieces(extras, &pieces, err);
    return status == OQ_E_INVALID_ARG ? damaged(group, "the pieces of a file", err) : status;
}

static enum oq_status read_expectation(sqlite3_stmt *stmt, struct oq_group *group,
                                       struct oq_error *err)
{
    struct oq_extras *extras = extras_of(stmt, group, err);

    if (!extras)
        return OQ_E_DB_DAMAGED;
    if (sqlite3_column_type(stmt, 1) != SQLITE_NULL) {
        const void *sha256 = sqlite3_column_blob(stmt, 1);
        if (sqlite3_column_type(stmt, 1) != SQLITE_BLOB ||
            sqlite3_column_bytes(stmt, 1) != OQ_SHA256_BYTES)
            return damaged(group, "the hash of a file", err);
        if (!sha256)
            return no_memory(err);
        memcpy(extras->sha256, sha256, OQ_SHA256_BYTES);
        extras->has_sha256 = true;
    }
    if (sqlite3_column_type(stmt, 2) != SQLITE_NULL) {
        int64_t size = sqlite3_column_int64(stmt, 2);
        if (sqlite3_column_type(stmt, 2) != SQLITE_INTEGER || size < 0)
            return damaged(group, "the expected size of a file", err);
        extras->size_bytes = (uint64_t)size;
    }
    return read_pieces(stmt, group, extras, err);
}

static enum oq_status read_mirror(sqlite3_stmt *stmt, struct oq_group *group, struct oq_error *err)
{
    struct oq_extras *extras = extras_of(stmt, group, err);

    if (!extras)
        return OQ_E_DB_DAMAGED;
    const char *url = (const char *)sqlite3_column_text(stmt, 2);
    if (sqlite3_column_type(stmt, 2) != SQLITE_TEXT ||
        sqlite3_column_int64(stmt, 1) != (int64_t)extras->mirror_count + 1 ||
        extras->mirror_count + 1 >= OQ_SOURCES_MAX)
        return damaged(group, "the mirrors of a file", err);
    if (!url)
        return no_memory(err);
    if (strlen(url) != (size_t)sqlite3_column_bytes(stmt, 2) || !oq_utf8_is_valid(url, strlen(url)))
        return damaged(group, "the URL of a mirror", err);
    return oq_extras_add_mirror(extras, url) == OQ_OK ? OQ_OK : no_memory(err);
}

static enum oq_status load(struct oq_store *store, enum oq_store_sql which, struct oq_group *group,
                           enum oq_status (*read)(sqlite3_stmt *stmt, struct oq_group *group,
                                                  struct oq_error *err),
                           struct oq_error *err)
{
    sqlite3_stmt *stmt = store->statements[which];
    enum oq_status status = OQ_OK;

    int rc = sqlite3_bind_int64(stmt, 1, group->job.id);
    while (rc == SQLITE_OK && status == OQ_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        status = read(stmt, group, err);
    }
    if (status == OQ_OK && rc != SQLITE_DONE)
        status = oq_store_fail(store->db, rc, "load what files must be", err);
    (void)sqlite3_reset(stmt);
    return status;
}

enum oq_status oq_store_load_extras(struct oq_store *store, struct oq_group *group,
                                    struct oq_error *err)
{
    bool has_any = false;
    for (uint32_t i = 0; i < group->job.file_count; i++)
        has_any = has_any || group->job.files[i].extras;
    if (!has_any)
        return OQ_OK;
    if (!store->statements[OQ_SQL_LOAD_EXPECTATIONS] || !store->statements[OQ_SQL_LOAD_MIRRORS])
        return damaged(group, "the tables of mirrors and hashes", err);
    enum oq_status status = load(store, OQ_SQL_LOAD_EXPECTATIONS, group, read_expectation, err);
    if (status == OQ_OK)
        status = load(store, OQ_SQL_LOAD_MIRRORS, group, read_mirror, err);
    return status;
}
