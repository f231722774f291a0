/* salvage_read.c - reads what can be read of a damaged database, group by group.
 *
 * Nothing it finds is believed because it stands there: a group must be whole and keep the promises
 * of oq_model.h. Rows are found in the tables themselves, not through indexes, so that a damaged
 * index costs nothing.
 */
#include "store_int.h"

#include "oq_alloc.h"
#include "oq_path.h"

#include <stdlib.h>
#include <string.h>

/* Row numbers that are tried one by one between the two ends of a table that could be walked. One
 * try takes a few microseconds. */
#define GAP_MAX 100000

/* quick_check ends after so many lines; a table that fills them is not sound. */
#define CHECK_LINES 100

struct job_row {
    int64_t group_id, id;
    uint8_t guid[16];
    bool is_readable;
};

/* Everything that is collected while one database is read. */
struct reading {
    struct oq_store store; /* only what reading needs */
    struct oq_salvage *found;
    struct job_row *jobs;
    size_t job_count, job_capacity;
    struct oq_group *stubs; /* of groups whose row is not to be believed: GUID, owner, row number */
    size_t stub_count, stub_capacity;
    bool is_jobs_complete, is_files_sound;
};

/* Codes that tell of the file's content, not of memory, disk or another process. */
static bool is_damage(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* no such table or column */
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_CONSTRAINT:
    case SQLITE_FORMAT:
        return true;
    default:
        return false;
    }
}

/* Makes room for one more; NULL when out of memory. */
static void *grown(void *array, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return array;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *bigger = oq_realloc(array, wanted * item_size);
    if (bigger)
        *capacity = wanted;
    return bigger;
}

static enum oq_status no_memory(struct oq_error *err)
{
    return oq_error_set(err, OQ_E_NOMEM, "read the damaged database: out of memory");
}

/* --- rows of a table -------------------------------------------------------------------------- */

typedef enum oq_status row_taker(struct reading *reading, sqlite3_stmt *stmt, struct oq_error *err);

struct table {
    const char *columns; /* the last of the text is not `id` */
    const char *name;
    int id_column;
    row_taker *take;
};

enum walk_end { WALK_DONE, WALK_DAMAGE };

/* Does the table have that column? Damage is a no; memory and disk are errors. */
static enum oq_status has_column(struct reading *reading, const char *table, const char *column,
                                 size_t length, bool *has_it, struct oq_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(
        reading->store.db, "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, 2, column, (int)length, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    *has_it = rc == SQLITE_ROW;
    enum oq_status status = rc == SQLITE_ROW || rc == SQLITE_DONE || is_damage(rc)
                                ? OQ_OK
                                : oq_store_fail(reading->store.db, rc, "read the schema", err);
    sqlite3_finalize(stmt);
    return status;
}

/* What the schema change that brought a column put into the rows that were there. */
static const char *value_before(const char *column, size_t length)
{
    static const char *const zeros[] = {
        "source_index",    /* 0002: bytes were those of the only source */
        "max_bytes_per_s", /* 0004: there was no limit */
    };
    for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++)
        if (length == strlen(zeros[i]) && strncmp(column, zeros[i], length) == 0)
            return "0";
    return "NULL";
}

/* The columns that the table has, and a value in the place of each that a later schema brought: the
 * database may be from an earlier version, and a damaged one is not upgraded first. */
static enum oq_status known_columns(struct reading *reading, const struct table *table, char **out,
                                    struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    char *list = oq_strdup("");
    for (const char *at = table->columns; status == OQ_OK && list && *at;) {
        size_t length = strcspn(at, ", ");
        bool is_known = false;
        status = has_column(reading, table->name, at, length, &is_known, err);
        const char *stand_in = value_before(at, length);
        char *longer =
            oq_asprintf("%s%s%.*s", list, *list ? ", " : "",
                        is_known ? (int)length : (int)strlen(stand_in), is_known ? at : stand_in);
        oq_free(list);
        list = longer;
        at += length;
        at += strspn(at, ", ");
    }
    if (status == OQ_OK && !list)
        status = no_memory(err);
    if (status == OQ_OK)
        *out = list;
    else
        oq_free(list);
    return status;
}

static enum oq_status prepare(struct reading *reading, const struct table *table, const char *rest,
                              sqlite3_stmt **stmt, enum walk_end *end, struct oq_error *err)
{
    char *columns = NULL;
    *end = WALK_DONE;
    enum oq_status status = known_columns(reading, table, &columns, err);
    if (status != OQ_OK)
        return status;
    char *sql = oq_asprintf("SELECT %s FROM %s NOT INDEXED WHERE %s", columns, table->name, rest);
    oq_free(columns);
    if (!sql)
        return no_memory(err);
    int rc = sqlite3_prepare_v2(reading->store.db, sql, -1, stmt, NULL);
    oq_free(sql);
    if (is_damage(rc)) {
        *end = WALK_DAMAGE;
        return OQ_OK;
    }
    return rc == SQLITE_OK ? OQ_OK : oq_store_fail(reading->store.db, rc, "read a table", err);
}

/* From one end as far as it goes. Ids must move in `direction` and stay beyond *limit; the last
 * good one is left in *last. */
static enum oq_status walk_from(struct reading *reading, const struct table *table, int direction,
                                int64_t limit, int64_t *last, enum walk_end *end,
                                struct oq_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = SQLITE_DONE;
    enum oq_status status = prepare(
        reading, table, direction > 0 ? "1 ORDER BY id" : "1 ORDER BY id DESC", &stmt, end, err);
    while (status == OQ_OK && *end == WALK_DONE && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(stmt, table->id_column);
        if (id < 1 || (direction > 0 ? id <= *last : id >= *last || id <= limit)) {
            *end = WALK_DAMAGE; /* not a table's order, or the two ends have met */
            break;
        }
        *last = id;
        status = table->take(reading, stmt, err);
    }
    if (status == OQ_OK && *end == WALK_DONE && rc != SQLITE_DONE) {
        if (is_damage(rc))
            *end = WALK_DAMAGE;
        else
            status = oq_store_fail(reading->store.db, rc, "read a table", err);
    }
    sqlite3_finalize(stmt);
    return status;
}

static enum oq_status try_each(struct reading *reading, const struct table *table, int64_t first,
                               int64_t last, struct oq_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum walk_end end = WALK_DONE;
    enum oq_status status = prepare(reading, table, "id = ?1", &stmt, &end, err);
    for (int64_t id = first; status == OQ_OK && end == WALK_DONE && id <= last; id++) {
        int rc = sqlite3_bind_int64(stmt, 1, id);
        if (rc == SQLITE_OK)
            rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW && sqlite3_column_int64(stmt, table->id_column) == id)
            status = table->take(reading, stmt, err);
        else if (rc != SQLITE_ROW && rc != SQLITE_DONE && !is_damage(rc))
            status = oq_store_fail(reading->store.db, rc, "read a table", err);
        (void)sqlite3_reset(stmt);
    }
    sqlite3_finalize(stmt);
    return status;
}

/* Every row of the table that can be reached: from the front, from the back, then the numbers
 * between. */
static enum oq_status walk(struct reading *reading, const struct table *table, bool *is_complete,
                           struct oq_error *err)
{
    int64_t front = 0;
    int64_t back = INT64_MAX;
    enum walk_end end = WALK_DONE;
    enum oq_status status = walk_from(reading, table, 1, 0, &front, &end, err);
    *is_complete = status == OQ_OK && end == WALK_DONE;
    if (status != OQ_OK || *is_complete)
        return status;
    status = walk_from(reading, table, -1, front, &back, &end, err);
    if (status != OQ_OK || (front == 0 && back == INT64_MAX))
        return status;
    int64_t first = front + 1;
    int64_t last = back - 1;
    if (last - first >= GAP_MAX) {
        if (front == 0)
            first = last - GAP_MAX + 1;
        else
            last = first + GAP_MAX - 1;
    }
    return try_each(reading, table, first, last, err);
}

/* --- jobs and groups -------------------------------------------------------------------------- */

static enum oq_status take_job(struct reading *reading, sqlite3_stmt *stmt, struct oq_error *err)
{
    struct job_row *jobs =
        grown(reading->jobs, reading->job_count, &reading->job_capacity, sizeof(*reading->jobs));
    if (!jobs)
        return no_memory(err);
    reading->jobs = jobs;
    struct job_row *row = &jobs[reading->job_count++];
    *row = (struct job_row){.id = sqlite3_column_int64(stmt, 0),
                            .group_id = sqlite3_column_int64(stmt, 1)};
    const void *guid = sqlite3_column_blob(stmt, 2);
    if (guid && sqlite3_column_type(stmt, 2) == SQLITE_BLOB &&
        sqlite3_column_bytes(stmt, 2) == 16) {
        memcpy(row->guid, guid, 16);
        row->is_readable = true;
    }
    return OQ_OK;
}

static enum oq_status add_broken(struct oq_salvage *found, const struct oq_guid *guid,
                                 struct oq_error *err)
{
    struct oq_guid *broken =
        grown(found->broken, found->broken_count, &found->broken_capacity, sizeof(*found->broken));
    if (!broken)
        return no_memory(err);
    found->broken = broken;
    found->broken[found->broken_count++] = *guid;
    return OQ_OK;
}

/* Enough of a group to clear its files away. What could not be read of it is empty. */
static enum oq_status add_stub(struct reading *reading, const struct oq_group *group, int64_t id,
                               struct oq_error *err)
{
    struct oq_group stub = {.id = id, .guid = group->guid, .error.file_index = OQ_NO_FILE};
    struct oq_group *stubs = grown(reading->stubs, reading->stub_count, &reading->stub_capacity,
                                   sizeof(*reading->stubs));
    if (!stubs)
        return no_memory(err);
    reading->stubs = stubs;
    if (oq_text_set(&stub.owner_sid, group->owner_sid) != OQ_OK ||
        oq_text_set(&stub.display_name, "") != OQ_OK ||
        oq_text_set(&stub.description, "") != OQ_OK ||
        oq_text_set(&stub.notify_clsid, "") != OQ_OK) {
        oq_group_release(&stub);
        return no_memory(err);
    }
    reading->stubs[reading->stub_count++] = stub;
    return OQ_OK;
}

static enum oq_status take_group(struct reading *reading, sqlite3_stmt *stmt, struct oq_error *err)
{
    struct oq_salvage *found = reading->found;
    struct oq_group group = {0};

    struct oq_group *groups =
        grown(found->groups, found->count, &found->capacity, sizeof(*found->groups));
    if (!groups)
        return no_memory(err);
    found->groups = groups;
    enum oq_status status = oq_store_read_group(stmt, &group, err);
    if (status == OQ_OK) {
        groups[found->count++] = group;
        return OQ_OK;
    }
    struct oq_guid guid = group.guid; /* the first column: read before anything could fail */
    if (status == OQ_E_DB_DAMAGED && !oq_guid_is_null(&guid) && group.owner_sid &&
        add_stub(reading, &group, sqlite3_column_int64(stmt, OQ_GROUP_ID_COLUMN), err) != OQ_OK)
        status = OQ_E_NOMEM;
    oq_group_release(&group);
    if (status != OQ_E_DB_DAMAGED)
        return status;
    if (oq_guid_is_null(&guid)) {
        found->nameless++;
        return OQ_OK;
    }
    return add_broken(found, &guid, err);
}

static int compare_jobs(const void *a, const void *b)
{
    const struct job_row *x = a;
    const struct job_row *y = b;
    return (x->group_id > y->group_id) - (x->group_id < y->group_id);
}

/* Of a group that is not whole, with what is readable of its files: leaves those that have a
 * temporary file, as a cancelled group, so that nothing of it stays on the user's disk for ever. */
static void keep_remains(struct oq_group *group)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < group->job.file_count; i++) {
        struct oq_file file = group->job.files[i];
        bool is_of_use = file.remote && file.local && file.temp_path &&
                         file.state != OQ_FILE_FINAL && oq_path_is_temp(file.temp_path);
        if (!is_of_use) {
            oq_file_release(&file);
            continue;
        }
        file.index = kept;
        group->job.files[kept++] = file;
    }
    group->job.file_count = kept;
    group->state = OQ_GROUP_CANCELLING;
    group->event = OQ_EVENT_NONE;
    oq_failure_release(&group->error);
}

static enum oq_status add_remains(struct oq_salvage *found, struct oq_group *group,
                                  struct oq_error *err)
{
    keep_remains(group);
    if (group->job.file_count == 0 || oq_group_check(group))
        return OQ_OK;
    struct oq_group *remains = grown(found->remains, found->remains_count, &found->remains_capacity,
                                     sizeof(*found->remains));
    if (!remains)
        return no_memory(err);
    found->remains = remains;
    found->remains[found->remains_count++] = *group;
    *group = (struct oq_group){0};
    return OQ_OK;
}

/* Gives the group its job and files. False: it is not whole. */
static enum oq_status complete(struct reading *reading, struct oq_group *group, bool *is_whole,
                               struct oq_error *err)
{
    struct job_row key = {.group_id = group->id};
    const struct job_row *row =
        reading->job_count > 0
            ? bsearch(&key, reading->jobs, reading->job_count, sizeof(key), compare_jobs)
            : NULL;
    *is_whole = false;
    if (!row) {
        *is_whole = reading->is_jobs_complete && !oq_group_check(group);
        return OQ_OK;
    }
    size_t at = (size_t)(row - reading->jobs);
    bool is_double = (at > 0 && row[-1].group_id == group->id) ||
                     (at + 1 < reading->job_count && row[1].group_id == group->id);
    if (is_double || !row->is_readable || !reading->store.statements[OQ_SQL_LOAD_FILES])
        return OQ_OK;
    group->job.id = row->id;
    oq_guid_from_bytes(row->guid, &group->job.guid);
    enum oq_status status = oq_store_read_files(&reading->store, group, err);
    if (status == OQ_E_DB_DAMAGED)
        return OQ_OK;
    if (status == OQ_OK)
        status = oq_store_load_extras(&reading->store, group, err);
    if (status == OQ_E_DB_DAMAGED)
        return OQ_OK; /* without what a file must be, nobody may say that it is right */
    /* Where the tree of files is damaged, a job without any is rather one that lost them. */
    *is_whole = status == OQ_OK && (reading->is_files_sound || group->job.file_count > 0) &&
                !oq_group_check(group);
    return status;
}

static enum oq_status complete_all(struct reading *reading, struct oq_error *err)
{
    struct oq_salvage *found = reading->found;
    enum oq_status status = OQ_OK;
    size_t kept = 0;

    if (reading->job_count > 0)
        qsort(reading->jobs, reading->job_count, sizeof(*reading->jobs), compare_jobs);
    for (size_t i = 0; i < found->count; i++) {
        bool is_whole = false;
        struct oq_group group = found->groups[i];
        found->groups[i] = (struct oq_group){0};
        if (status == OQ_OK)
            status = complete(reading, &group, &is_whole, err);
        if (status == OQ_OK && !is_whole)
            status = add_broken(found, &group.guid, err);
        if (status == OQ_OK && !is_whole)
            status = add_remains(found, &group, err);
        if (status == OQ_OK && is_whole)
            found->groups[kept++] = group;
        else
            oq_group_release(&group);
    }
    found->count = kept;
    for (size_t i = 0; status == OQ_OK && i < reading->stub_count; i++) {
        bool is_whole = false; /* never: it is in `broken` already */
        status = complete(reading, &reading->stubs[i], &is_whole, err);
        if (status == OQ_OK)
            status = add_remains(found, &reading->stubs[i], err);
    }
    return status;
}

/* Is the tree of the table in order? What its rows hold is judged elsewhere, so lines about values
 * do not count. */
static enum oq_status is_sound(struct reading *reading, const char *sql, bool *is_ok,
                               struct oq_error *err)
{
    static const char *const values[] = {"ok", "CHECK constraint failed", "NULL value in ", "non-"};
    sqlite3_stmt *stmt = NULL;
    enum oq_status status = OQ_OK;
    unsigned lines = 0;

    *is_ok = true;
    int rc = sqlite3_prepare_v2(reading->store.db, sql, -1, &stmt, NULL);
    while (status == OQ_OK && *is_ok && (rc == SQLITE_OK || rc == SQLITE_ROW) &&
           (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        bool is_value = false;
        for (size_t i = 0; text && i < sizeof(values) / sizeof(values[0]); i++)
            is_value = is_value || strncmp(text, values[i], strlen(values[i])) == 0;
        *is_ok = is_value && ++lines < CHECK_LINES;
        if (!text)
            status = no_memory(err);
        else if (oq_store_read_error_in(text) != SQLITE_OK)
            status = oq_store_fail(NULL, oq_store_read_error_in(text), "check a table", err);
    }
    if (status == OQ_OK && rc != SQLITE_ROW && rc != SQLITE_DONE) {
        *is_ok = false;
        status = is_damage(rc) ? OQ_OK : oq_store_fail(reading->store.db, rc, "check a table", err);
    }
    sqlite3_finalize(stmt);
    return status;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* An older schema has no tables of them; nor has it files that need them. */
static enum oq_status prepare_extras(struct reading *reading, struct oq_error *err)
{
    static const enum oq_store_sql both[] = {OQ_SQL_LOAD_EXPECTATIONS, OQ_SQL_LOAD_MIRRORS};
    for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
        enum oq_status status = oq_store_prepare(&reading->store, both[i], err);
        if (status != OQ_OK && status != OQ_E_DB_DAMAGED)
            return status;
    }
    return OQ_OK;
}

static enum oq_status read_all(struct reading *reading, struct oq_error *err)
{
    static const struct table jobs = {"id, group_id, guid", "jobs", 0, take_job};
    static const struct table groups = {OQ_GROUP_COLUMNS ", id, job_id, job_guid", "groups",
                                        OQ_GROUP_ID_COLUMN, take_group};
    bool is_complete = false;
    static const struct table files = {OQ_FILE_COLUMNS ", file_index", "files", 0, NULL};
    enum walk_end end = WALK_DONE;
    enum oq_status status = prepare(reading, &files, "job_id = ?1 ORDER BY file_index",
                                    &reading->store.statements[OQ_SQL_LOAD_FILES], &end, err);
    if (status == OQ_OK)
        status = prepare_extras(reading, err);
    if (status == OQ_OK)
        status = walk(reading, &jobs, &reading->is_jobs_complete, err);
    if (status == OQ_OK)
        status = walk(reading, &groups, &is_complete, err);
    bool is_ok = false;
    if (status == OQ_OK) {
        status = is_sound(reading, "PRAGMA quick_check('jobs')", &is_ok, err);
        reading->is_jobs_complete = reading->is_jobs_complete && is_ok;
    }
    if (status == OQ_OK)
        status = is_sound(reading, "PRAGMA quick_check('files')", &reading->is_files_sound, err);
    if (status == OQ_OK) {
        status = is_sound(reading, "PRAGMA quick_check('groups')", &is_ok, err);
        reading->found->is_complete = is_complete && reading->found->nameless == 0 && is_ok;
    }
    if (status == OQ_OK)
        status = complete_all(reading, err);
    return status;
}

enum oq_status oq_salvage_read(const struct oq_store_options *options, struct oq_salvage *found,
                               struct oq_error *err)
{
    struct reading reading = {.store = {.clock = options->clock}, .found = found};
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    enum oq_status status = OQ_OK;

    int rc = sqlite3_open_v2(options->path, &reading.store.db, flags, options->vfs);
    if (rc != SQLITE_OK) {
        status = oq_store_fail(reading.store.db, rc, "open the damaged database", err);
        goto out;
    }
    status = oq_store_configure(&reading.store, err);
    if (status == OQ_OK)
        status = read_all(&reading, err);
    oq_store_leave_untouched(&reading.store);
out:
    for (int i = 0; i < OQ_SQL_COUNT; i++)
        sqlite3_finalize(reading.store.statements[i]);
    (void)sqlite3_close_v2(reading.store.db);
    oq_free(reading.jobs);
    for (size_t i = 0; i < reading.stub_count; i++)
        oq_group_release(&reading.stubs[i]);
    oq_free(reading.stubs);
    if (status == OQ_E_DB_DAMAGED)
        status = OQ_OK; /* what was found until then is what there is */
    return status;
}

bool oq_salvage_identify(const struct oq_store_options *options, int64_t *application_id,
                         int64_t *version)
{
    struct oq_store store = {.clock = options->clock};
    struct oq_error ignored;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    bool is_known =
        sqlite3_open_v2(options->path, &store.db, flags, options->vfs) == SQLITE_OK &&
        oq_store_configure(&store, &ignored) == OQ_OK &&
        oq_store_query_int(&store, "PRAGMA application_id", "read", application_id, &ignored) ==
            OQ_OK &&
        oq_store_query_int(&store, "PRAGMA user_version", "read", version, &ignored) == OQ_OK;
    if (store.db)
        oq_store_leave_untouched(&store);
    (void)sqlite3_close_v2(store.db);
    return is_known;
}

void oq_salvage_release(struct oq_salvage *found)
{
    for (size_t i = 0; i < found->count; i++)
        oq_group_release(&found->groups[i]);
    for (size_t i = 0; i < found->remains_count; i++)
        oq_group_release(&found->remains[i]);
    oq_free(found->groups);
    oq_free(found->broken);
    oq_free(found->remains);
    *found = (struct oq_salvage){0};
}
