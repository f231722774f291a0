/* store_load.c - reads the queue: groups, jobs, files and what a client said of them.
 *
 * What a row may hold is checked again here, as a file can be damaged or edited: nothing that
 * breaks the promises of oq_model.h leaves oq_store_load. Each row goes through a reader. Engine
 * thread only. */
#include "store_int.h"

#include "oq_utf.h"

#include <string.h>

/* Columns of one row, read in order. After the first failure (status and column are
 * recorded) the rest does nothing. */
struct reader {
    sqlite3_stmt *stmt;
    enum oq_status status;
    int next;
    int failed_column;
};

static void fail(struct reader *r, enum oq_status status)
{
    if (r->status == OQ_OK) {
        r->status = status;
        r->failed_column = r->next - 1;
    }
}

static int64_t read_int(struct reader *r, int64_t min, int64_t max)
{
    if (r->status != OQ_OK)
        return 0;
    int column = r->next++;
    int64_t value = sqlite3_column_int64(r->stmt, column);
    if (sqlite3_column_type(r->stmt, column) != SQLITE_INTEGER || value < min || value > max) {
        fail(r, OQ_E_DB_DAMAGED);
        return 0;
    }
    return value;
}

static uint32_t read_u32(struct reader *r)
{
    return (uint32_t)read_int(r, 0, UINT32_MAX);
}

/* Is the next column NULL? Then it is passed over. */
static bool skip_null(struct reader *r)
{
    if (r->status != OQ_OK || sqlite3_column_type(r->stmt, r->next) != SQLITE_NULL)
        return false;
    r->next++;
    return true;
}

/* 0 for NULL, which repair.c gives for a column that an older schema does not have. */
static uint32_t read_u32_or_null(struct reader *r)
{
    return skip_null(r) ? 0 : read_u32(r);
}

static uint64_t read_size_or_null(struct reader *r)
{
    return skip_null(r) ? OQ_SIZE_UNKNOWN : (uint64_t)read_int(r, 0, INT64_MAX);
}

/* Borrowed until the row is left. */
static const char *read_borrowed_text(struct reader *r)
{
    if (r->status != OQ_OK)
        return NULL;
    int column = r->next++;
    if (sqlite3_column_type(r->stmt, column) != SQLITE_TEXT) {
        fail(r, OQ_E_DB_DAMAGED);
        return NULL;
    }
    const char *text = (const char *)sqlite3_column_text(r->stmt, column);
    if (!text) {
        fail(r, OQ_E_NOMEM);
        return NULL;
    }
    size_t length = (size_t)sqlite3_column_bytes(r->stmt, column);
    if (strlen(text) != length || !oq_utf8_is_valid(text, length)) {
        fail(r, OQ_E_DB_DAMAGED);
        return NULL;
    }
    return text;
}

static void read_text(struct reader *r, char **field)
{
    const char *text = read_borrowed_text(r);
    if (text) {
        enum oq_status status = oq_text_set(field, text);
        if (status != OQ_OK)
            fail(r, status);
    }
}

static void read_text_or_null(struct reader *r, char **field)
{
    if (!skip_null(r))
        read_text(r, field);
}

/* Borrowed until the row is left; its length is *size. NULL if that is 0 or the column is not good.
 */
static const uint8_t *read_borrowed_blob(struct reader *r, size_t *size)
{
    *size = 0;
    if (r->status != OQ_OK)
        return NULL;
    int column = r->next++;
    const void *bytes = sqlite3_column_blob(r->stmt, column);
    int length = sqlite3_column_bytes(r->stmt, column);
    if (sqlite3_column_type(r->stmt, column) != SQLITE_BLOB)
        fail(r, OQ_E_DB_DAMAGED);
    else if (length > 0 && !bytes)
        fail(r, OQ_E_NOMEM);
    if (r->status != OQ_OK)
        return NULL;
    *size = (size_t)length;
    return bytes;
}

static const uint8_t *read_borrowed_bytes(struct reader *r, size_t wanted)
{
    size_t size = 0;
    const uint8_t *bytes = read_borrowed_blob(r, &size);
    if (r->status == OQ_OK && size != wanted)
        fail(r, OQ_E_DB_DAMAGED);
    return r->status == OQ_OK ? bytes : NULL;
}

static void read_guid(struct reader *r, struct oq_guid *guid)
{
    const uint8_t *bytes = read_borrowed_bytes(r, 16);
    if (bytes)
        oq_guid_from_bytes(bytes, guid);
}

static enum oq_event_kind read_event(struct reader *r)
{
    static const enum oq_event_kind kinds[] = {OQ_EVENT_NONE, OQ_EVENT_COMPLETE, OQ_EVENT_ERROR};

    const char *text = read_borrowed_text(r);
    for (size_t i = 0; text && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(text, oq_store_event_text(kinds[i])) == 0)
            return kinds[i];
    fail(r, OQ_E_DB_DAMAGED);
    return OQ_EVENT_NONE;
}

/* Those of a row of an earlier schema are the least that its user can have had. */
static void read_rights(struct reader *r, const char *sid, struct oq_rights *rights)
{
    if (skip_null(r)) {
        r->next += 2;
        *rights = oq_rights_least(sid ? sid : "");
        return;
    }
    rights->is_admin = read_int(r, 0, 1) != 0;
    rights->integrity = read_u32(r);
    rights->marks = (uint64_t)read_int(r, INT64_MIN, INT64_MAX);
}

static void read_group(struct reader *r, struct oq_group *group)
{
    read_guid(r, &group->guid);
    read_text(r, &group->owner_sid);
    const char *state = read_borrowed_text(r);
    if (state && oq_group_state_parse(state, &group->state) != OQ_OK)
        fail(r, OQ_E_DB_DAMAGED);
    group->is_foreground = read_int(r, 0, 1) != 0;
    read_text(r, &group->display_name);
    read_text(r, &group->description);
    group->notify_flags = read_u32(r);
    read_text(r, &group->notify_clsid);
    group->event = read_event(r);
    group->error.code = read_u32(r);
    group->error.win32 = read_u32(r);
    group->error.http = read_u32(r);
    group->error.file_index = skip_null(r) ? OQ_NO_FILE : (uint32_t)read_int(r, 0, OQ_NO_FILE - 1);
    read_text_or_null(r, &group->error.text);
    group->retries = read_u32(r);
    group->created_at_ms = read_int(r, OQ_TIME_MIN_MS, OQ_TIME_MAX_MS);
    group->changed_at_ms = read_int(r, OQ_TIME_MIN_MS, OQ_TIME_MAX_MS);
    group->no_progress_since_ms = read_int(r, OQ_TIME_MIN_MS, OQ_TIME_MAX_MS);
    group->max_bytes_per_s = (uint64_t)read_int(r, 0, OQ_GROUP_RATE_MOST);
    read_rights(r, group->owner_sid, &group->owner_rights);
    group->id = read_int(r, 1, INT64_MAX);
    if (!skip_null(r)) { /* it has a job */
        group->job.id = read_int(r, 1, INT64_MAX);
        read_guid(r, &group->job.guid);
    }
}

static void read_file(struct reader *r, const char *owner_sid, struct oq_file *file)
{
    const char *state = read_borrowed_text(r);
    if (state && oq_file_state_parse(state, &file->state) != OQ_OK)
        fail(r, OQ_E_DB_DAMAGED);
    read_text(r, &file->remote);
    read_text(r, &file->local);
    read_text_or_null(r, &file->temp_path);
    file->size_bytes = read_size_or_null(r);
    file->done_bytes = (uint64_t)read_int(r, 0, INT64_MAX);
    read_text_or_null(r, &file->etag);
    read_text_or_null(r, &file->last_modified);
    read_text_or_null(r, &file->digest);
    file->source = skip_null(r) ? OQ_NO_SOURCE : (uint32_t)read_int(r, 0, OQ_SOURCES_MAX - 1);
    file->bad_sources = read_u32_or_null(r);
    file->mismatches = read_u32_or_null(r);
    if (read_u32_or_null(r) != 0 && r->status == OQ_OK) {
        file->expectations = oq_expectations_new(); /* filled by oq_store_load_expectations */
        if (!file->expectations)
            fail(r, OQ_E_NOMEM);
    }
    read_text_or_null(r, &file->temp_id);
    if (skip_null(r)) { /* of an earlier schema, which repair.c reads as it is */
        if (r->status == OQ_OK && oq_text_set(&file->user_sid, owner_sid) != OQ_OK)
            fail(r, OQ_E_NOMEM);
    } else {
        read_text(r, &file->user_sid);
    }
    read_rights(r, file->user_sid, &file->user_rights);
    /* The index is the position in the array, so a hole cannot be represented. */
    (void)read_int(r, file->index, file->index);
}

static enum oq_status explain(const struct reader *r, const char *what, int64_t id,
                              struct oq_error *err)
{
    if (r->status == OQ_E_NOMEM)
        return oq_error_set(err, OQ_E_NOMEM, "load %s %lld: out of memory", what, (long long)id);
    return oq_error_set(err, r->status, "the database is damaged: %s %lld, column %s", what,
                        (long long)id, sqlite3_column_name(r->stmt, r->failed_column));
}

/* The files of group->job, through a statement of their own: one more lookup per group, but no
 * group is read once per file. */
enum oq_status oq_store_read_files(struct oq_store *store, struct oq_group *group,
                                   struct oq_error *err)
{
    sqlite3_stmt *stmt = store->statements[OQ_SQL_LOAD_FILES];
    enum oq_status status = OQ_OK;

    int rc = sqlite3_bind_int64(stmt, 1, group->job.id);
    if (rc != SQLITE_OK)
        return oq_store_fail(store->db, rc, "load files", err);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct oq_file *file = oq_job_add_file(&group->job);
        if (!file) {
            status = oq_error_set(err, OQ_E_NOMEM, "load files: out of memory");
            goto out;
        }
        struct reader r = {stmt, OQ_OK, 0, 0};
        read_file(&r, group->owner_sid, file);
        if (r.status != OQ_OK && status == OQ_OK)
            status = explain(&r, "a file of group", group->id, err);
        if (r.status != OQ_OK && r.status != OQ_E_DB_DAMAGED)
            goto out;
    }
    if (rc != SQLITE_DONE && status == OQ_OK)
        status = oq_store_fail(store->db, rc, "load files", err);
out:
    (void)sqlite3_reset(stmt);
    return status;
}

enum oq_status oq_store_read_group(sqlite3_stmt *stmt, struct oq_group *group, struct oq_error *err)
{
    struct reader r = {stmt, OQ_OK, 0, 0};

    read_group(&r, group);
    if (r.status == OQ_OK)
        return OQ_OK;
    group->job.id = sqlite3_column_int64(stmt, OQ_GROUP_ID_COLUMN + 1);
    return explain(&r, "group", sqlite3_column_int64(stmt, OQ_GROUP_ID_COLUMN), err);
}

/* --- what a client said of a file ------------------------------------------------------------- */

/* What is said of the row's file; damage if the file's own row does not announce it. */
static struct oq_expectations *read_expectations_of(struct reader *r, const struct oq_group *group)
{
    uint32_t index = (uint32_t)read_int(r, 0, (int64_t)group->job.file_count - 1);
    if (r->status == OQ_OK && !group->job.files[index].expectations)
        fail(r, OQ_E_DB_DAMAGED);
    return r->status == OQ_OK ? group->job.files[index].expectations : NULL;
}

static void read_pieces(struct reader *r, struct oq_expectations *expectations)
{
    struct oq_pieces pieces = {.kind = OQ_HASH_NONE};
    size_t length = 0;

    if (skip_null(r))
        return;
    const char *kind = read_borrowed_text(r);
    if (kind && oq_hash_parse_name(kind, &pieces.kind) != OQ_OK)
        fail(r, OQ_E_DB_DAMAGED);
    pieces.piece_bytes = (uint64_t)read_int(r, 1, INT64_MAX);
    const uint8_t *hashes = read_borrowed_blob(r, &length);
    if (r->status != OQ_OK)
        return;
    if (length > OQ_PIECES_MAX_BYTES || length % oq_hash_size(pieces.kind) != 0) {
        fail(r, OQ_E_DB_DAMAGED);
        return;
    }
    pieces.count = (uint32_t)(length / oq_hash_size(pieces.kind));
    pieces.hashes = (uint8_t *)(uintptr_t)hashes; /* only copied from */
    enum oq_status status = oq_expectations_set_pieces(expectations, &pieces, NULL);
    if (status != OQ_OK)
        fail(r, status == OQ_E_NOMEM ? status : OQ_E_DB_DAMAGED);
}

static void read_expectation(struct reader *r, struct oq_group *group)
{
    struct oq_expectations *expectations = read_expectations_of(r, group);

    if (!expectations)
        return;
    if (!skip_null(r)) {
        const uint8_t *sha256 = read_borrowed_bytes(r, OQ_SHA256_BYTES);
        if (!sha256)
            return;
        memcpy(expectations->sha256, sha256, OQ_SHA256_BYTES);
        expectations->has_sha256 = true;
    }
    expectations->size_bytes = read_size_or_null(r);
    read_pieces(r, expectations);
}

static void read_mirror(struct reader *r, struct oq_group *group)
{
    struct oq_expectations *expectations = read_expectations_of(r, group);

    if (!expectations)
        return;
    uint32_t next = expectations->mirror_count + 1; /* a hole in the numbers is damage */
    (void)read_int(r, next, next < OQ_SOURCES_MAX ? next : 0);
    const char *url = read_borrowed_text(r);
    if (url && oq_expectations_add_mirror(expectations, url) != OQ_OK)
        fail(r, OQ_E_NOMEM);
}

static enum oq_status load_rows(struct oq_store *store, enum oq_store_sql which,
                                struct oq_group *group,
                                void (*read)(struct reader *r, struct oq_group *group),
                                struct oq_error *err)
{
    sqlite3_stmt *stmt = store->statements[which];
    enum oq_status status = OQ_OK;

    int rc = sqlite3_bind_int64(stmt, 1, group->job.id);
    while (rc == SQLITE_OK && status == OQ_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct reader r = {stmt, OQ_OK, 0, 0};
        rc = SQLITE_OK;
        read(&r, group);
        if (r.status != OQ_OK)
            status = explain(&r, "mirrors or hashes of group", group->id, err);
    }
    if (status == OQ_OK && rc != SQLITE_DONE)
        status = oq_store_fail(store->db, rc, "load what files must be", err);
    (void)sqlite3_reset(stmt);
    return status;
}

enum oq_status oq_store_load_expectations(struct oq_store *store, struct oq_group *group,
                                          struct oq_error *err)
{
    bool has_any = false;
    for (uint32_t i = 0; i < group->job.file_count; i++)
        has_any = has_any || group->job.files[i].expectations;
    if (!has_any)
        return OQ_OK;
    if (!store->statements[OQ_SQL_LOAD_EXPECTATIONS] || !store->statements[OQ_SQL_LOAD_MIRRORS])
        return oq_error_set(err, OQ_E_DB_DAMAGED,
                            "the database is damaged: it has no table of mirrors or hashes");
    enum oq_status status =
        load_rows(store, OQ_SQL_LOAD_EXPECTATIONS, group, read_expectation, err);
    return status == OQ_OK ? load_rows(store, OQ_SQL_LOAD_MIRRORS, group, read_mirror, err)
                           : status;
}

/* --- the whole queue -------------------------------------------------------------------------- */

static enum oq_status load_group(struct oq_store *store, struct oq_group *group,
                                 struct oq_error *err)
{
    enum oq_status status = oq_store_read_group(store->statements[OQ_SQL_LOAD_GROUPS], group, err);
    if (status == OQ_OK && group->job.id != 0)
        status = oq_store_read_files(store, group, err);
    if (status == OQ_OK)
        status = oq_store_load_expectations(store, group, err);
    if (status != OQ_OK)
        return status;
    const char *broken = oq_group_check(group);
    if (broken) {
        return oq_error_set(err, OQ_E_DB_DAMAGED, "the database is damaged: group %lld: %s",
                            (long long)group->id, broken);
    }
    return OQ_OK;
}

enum oq_status oq_store_load(struct oq_store *store,
                             enum oq_status (*take)(void *ctx, struct oq_group *group), void *ctx,
                             struct oq_error *err)
{
    sqlite3_stmt *stmt = store->statements[OQ_SQL_LOAD_GROUPS];
    int rc;

    enum oq_status status = oq_store_settle(store, err);
    if (status != OQ_OK)
        return status;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct oq_group group = {0};
        status = load_group(store, &group, err);
        if (status == OQ_OK) {
            status = take(ctx, &group);
            if (status != OQ_OK)
                (void)oq_error_set(err, status, "the load was ended by its taker");
        }
        if (status != OQ_OK) {
            oq_group_release(&group);
            goto out;
        }
    }
    if (rc != SQLITE_DONE)
        status = oq_store_fail(store->db, rc, "load groups", err);
out:
    (void)sqlite3_reset(stmt);
    return status;
}
