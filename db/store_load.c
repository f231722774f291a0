/* store_load.c - reads the whole queue. What a row may hold is checked again here, as a file can be
 * damaged or edited: nothing that breaks the promises of oq_model.h leaves this file. */
#include "store_int.h"

#include "oq_utf.h"

#include <string.h>

/* Columns of one row, read in order. The first failure is kept (status, and the column it struck)
 * and the rest does nothing. */
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

/* 0 for NULL, which repair.c gives for a column that an older schema does not have. */
static uint32_t read_u32_or_null(struct reader *r)
{
    if (r->status == OQ_OK && sqlite3_column_type(r->stmt, r->next) == SQLITE_NULL) {
        r->next++;
        return 0;
    }
    return read_u32(r);
}

static bool is_null(const struct reader *r)
{
    return r->status == OQ_OK && sqlite3_column_type(r->stmt, r->next) == SQLITE_NULL;
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
    if (is_null(r))
        r->next++;
    else
        read_text(r, field);
}

static void read_guid(struct reader *r, struct oq_guid *guid)
{
    if (r->status != OQ_OK)
        return;
    int column = r->next++;
    const void *bytes = sqlite3_column_blob(r->stmt, column);
    if (sqlite3_column_type(r->stmt, column) != SQLITE_BLOB ||
        sqlite3_column_bytes(r->stmt, column) != 16)
        fail(r, OQ_E_DB_DAMAGED);
    else if (!bytes)
        fail(r, OQ_E_NOMEM);
    else
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
    if (is_null(r)) {
        r->next++;
        group->error.file_index = OQ_NO_FILE;
    } else {
        group->error.file_index = (uint32_t)read_int(r, 0, OQ_NO_FILE - 1);
    }
    read_text_or_null(r, &group->error.text);
    group->retries = read_u32(r);
    group->created_at_ms = read_int(r, INT64_MIN, INT64_MAX);
    group->changed_at_ms = read_int(r, INT64_MIN, INT64_MAX);
    group->no_progress_since_ms = read_int(r, INT64_MIN, INT64_MAX);
    group->max_bytes_per_s = (uint64_t)read_int(r, 0, OQ_GROUP_RATE_MOST);
    group->id = read_int(r, 1, INT64_MAX);
    if (is_null(r)) {
        r->next += 2; /* no job */
    } else {
        group->job.id = read_int(r, 1, INT64_MAX);
        read_guid(r, &group->job.guid);
    }
}

static void read_file(struct reader *r, struct oq_file *file)
{
    const char *state = read_borrowed_text(r);
    if (state && oq_file_state_parse(state, &file->state) != OQ_OK)
        fail(r, OQ_E_DB_DAMAGED);
    read_text(r, &file->remote);
    read_text(r, &file->local);
    read_text_or_null(r, &file->temp_path);
    if (is_null(r)) {
        r->next++;
        file->size_bytes = OQ_SIZE_UNKNOWN;
    } else {
        file->size_bytes = (uint64_t)read_int(r, 0, INT64_MAX);
    }
    file->done_bytes = (uint64_t)read_int(r, 0, INT64_MAX);
    read_text_or_null(r, &file->etag);
    read_text_or_null(r, &file->last_modified);
    read_text_or_null(r, &file->digest);
    if (is_null(r)) {
        r->next++;
        file->source = OQ_NO_SOURCE;
    } else {
        file->source = (uint32_t)read_int(r, 0, OQ_SOURCES_MAX - 1);
    }
    file->bad_sources = read_u32_or_null(r);
    file->mismatches = read_u32_or_null(r);
    if (read_u32_or_null(r) != 0 && r->status == OQ_OK) {
        file->extras = oq_extras_new(); /* filled by oq_store_load_extras */
        if (!file->extras)
            fail(r, OQ_E_NOMEM);
    }
    read_text_or_null(r, &file->temp_id);
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
        read_file(&r, file);
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

static enum oq_status load_group(struct oq_store *store, struct oq_group *group,
                                 struct oq_error *err)
{
    enum oq_status status = oq_store_read_group(store->statements[OQ_SQL_LOAD_GROUPS], group, err);
    if (status == OQ_OK && group->job.id != 0)
        status = oq_store_read_files(store, group, err);
    if (status == OQ_OK)
        status = oq_store_load_extras(store, group, err);
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
