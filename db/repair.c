/* repair.c - opens the queue, and puts a whole one in the place of a damaged one.
 *
 * Owns the reading of what is damaged, the choice of groups and the renames. No row is
 * trusted: a group must be whole and keep the promises of oq_model.h. Four steps,
 * each of which may be the last before a crash:
 *   1. the groups of queue.db that are whole, and from the backup copy those that are not, are
 *      written to a draft, queue.rebuild.db, which is ignored until
 *   2. it is renamed to queue.repaired.db. From here on it is the queue; a start that finds it
 *      continues with
 *   3. queue.db-wal and other files of SQLite, then queue.db itself, are renamed to
 *      queue.damaged-<date>.db..., and
 *   4. queue.repaired.db is renamed to queue.db.
 * The date is that of the repaired file, so that it is the same after an interruption. Why this is
 * not done by SQLite's recovery extension: docs/decisions/0025-a-damaged-queue.md.
 */
#include "store_int.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "oq_path.h"

#include <string.h>

#define NAMES_MOST 1000 /* damaged databases of one second */

/* After damage the ids behind the last row that was read are tried: 1,000 one by one, then in steps
 * that grow. A try takes a few microseconds; this many reach 220,000 ids. */
#define TRIES_MOST 20000
#define TRIES_PER_STEP 1000

/* For each table. A repair is rare, and whether groups can have been hidden depends on it. */
#define CHECK_LIMIT_MS 60000

/* A group of the damaged file. */
struct seen {
    struct oq_guid guid;
    bool is_whole;
};

struct repair {
    struct oq_store *draft;
    struct oq_store_report *report;
    struct seen *seen;
    size_t seen_count, seen_capacity;
    size_t unidentified;        /* seen, and not even the GUID could be read */
    bool is_complete;           /* no group can be in the damaged file that was not seen */
    struct oq_group *leftovers; /* files of broken groups that are to be cleared away */
    size_t leftover_count, leftover_capacity;
};

/* One database that is read: the damaged one or the backup copy. Only what reading needs of the
 * store is there. */
struct reading {
    struct oq_store store;
    struct repair *repair;
    bool is_backup;
    bool are_jobs_complete, are_files_sound, are_expectations_sound;
    sqlite3_stmt *insert_job;
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

static enum oq_status no_memory(struct oq_error *err)
{
    return oq_error_set(err, OQ_E_NOMEM, "repair the database: out of memory");
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

/* --- which groups are saved ------------------------------------------------------------------- */

/* A whole one first: a GUID may be that of a cancelled group and of a later one. */
static const struct seen *find_seen(const struct repair *repair, const struct oq_guid *guid)
{
    const struct seen *found = NULL;
    for (size_t i = 0; i < repair->seen_count; i++)
        if (oq_guid_is_equal(&repair->seen[i].guid, guid) && (!found || repair->seen[i].is_whole))
            found = &repair->seen[i];
    return found;
}

static enum oq_status add_seen(struct repair *repair, const struct oq_guid *guid, bool is_whole,
                               struct oq_error *err)
{
    struct seen *seen =
        grown(repair->seen, repair->seen_count, &repair->seen_capacity, sizeof(*seen));
    if (!seen)
        return no_memory(err);
    repair->seen = seen;
    seen[repair->seen_count++] = (struct seen){*guid, is_whole};
    return OQ_OK;
}

/* Inserts the group; *is_in is false if an identifier is taken, as only damage makes it. */
static enum oq_status insert_whole(struct oq_store *draft, struct oq_group *group, bool *is_in,
                                   struct oq_error *err)
{
    bool has_job = group->job.id != 0;
    *is_in = false;
    enum oq_status status = oq_store_insert_group(draft, group, err);
    if (status == OQ_OK && has_job) {
        status = oq_store_insert_job(draft, group, err);
        if (status == OQ_E_EXISTS)
            return oq_store_delete_group(draft, group->id, err);
    }
    *is_in = status == OQ_OK;
    return status == OQ_E_EXISTS ? OQ_OK : status;
}

static void forget_bytes(struct oq_file *file)
{
    oq_file_forget_bytes(file, true);
    (void)(oq_text_set(&file->temp_id, NULL) == OQ_OK); /* NULL cannot fail */
}

static enum oq_status restore_from_backup(struct repair *repair, struct oq_group *group,
                                          struct oq_error *err)
{
    const struct seen *seen = find_seen(repair, &group->guid);
    bool is_in = false;

    /* What is in the copy only was removed since, unless the damage can have hidden it. */
    if (seen ? seen->is_whole : repair->is_complete)
        return OQ_OK;
    /* The files on disk are younger than the copy: bytes that were being fetched are fetched again
     * rather than believed. */
    for (uint32_t i = 0; i < group->job.file_count; i++)
        if (group->job.files[i].state == OQ_FILE_WAITING)
            forget_bytes(&group->job.files[i]);
    enum oq_status status = insert_whole(repair->draft, group, &is_in, err);
    if (status != OQ_OK || !is_in)
        return status;
    repair->report->from_backup++;
    if (seen) {
        repair->report->lost--;
    } else if (repair->unidentified > 0) { /* perhaps one of these */
        repair->unidentified--;
        repair->report->lost--;
    }
    return OQ_OK;
}

static enum oq_status save(struct repair *repair, struct oq_group *group, struct oq_error *err)
{
    bool is_in = false;
    enum oq_status status = add_seen(repair, &group->guid, true, err);
    if (status == OQ_OK)
        status = insert_whole(repair->draft, group, &is_in, err);
    repair->report->saved += is_in;
    repair->report->lost += !is_in;
    return status;
}

/* Does the file have a temporary file that the service is to remove, or to give its final name? */
static bool has_leftover(const struct oq_file *file)
{
    return file->remote && *file->remote && file->local && *file->local &&
           oq_path_is_temp(file->temp_path) &&
           (file->state == OQ_FILE_WAITING ||
            (file->state == OQ_FILE_FETCHED && file->done_bytes == file->size_bytes));
}

/* Of a group that is not whole, with what could be read of it: leaves the files that have a
 * temporary file, as a cancelled group, so that none stays on the user's disk. */
static enum oq_status collect_leftovers(struct repair *repair, struct oq_group *group,
                                        struct oq_error *err)
{
    struct oq_group left = {.guid = group->guid,
                            .owner_sid = group->owner_sid,
                            .state = OQ_GROUP_CANCELLING,
                            .error.file_index = OQ_NO_FILE,
                            .job = group->job};
    uint32_t kept = 0;

    group->owner_sid = NULL;
    group->job = (struct oq_job){0};
    for (uint32_t i = 0; i < left.job.file_count; i++) {
        struct oq_file *file = &left.job.files[i];
        oq_expectations_free(file->expectations);
        file->expectations = NULL;
        file->source = OQ_NO_SOURCE;
        if (!has_leftover(file)) {
            oq_file_release(file);
            continue;
        }
        if (file->state == OQ_FILE_WAITING)
            forget_bytes(file);
        file->index = kept;
        left.job.files[kept++] = *file;
    }
    left.job.file_count = kept;
    if (oq_guid_is_null(&left.job.guid))
        left.job.guid = left.guid;
    struct oq_group *leftovers = grown(repair->leftovers, repair->leftover_count,
                                       &repair->leftover_capacity, sizeof(*leftovers));
    bool is_enough = leftovers && oq_text_set(&left.display_name, "") == OQ_OK &&
                     oq_text_set(&left.description, "") == OQ_OK &&
                     oq_text_set(&left.notify_clsid, "") == OQ_OK;
    if (leftovers)
        repair->leftovers = leftovers;
    if (is_enough && kept > 0 && !oq_group_check(&left))
        leftovers[repair->leftover_count++] = left;
    else
        oq_group_release(&left);
    return is_enough ? OQ_OK : no_memory(err);
}

static enum oq_status record_broken(struct repair *repair, struct oq_group *group,
                                    struct oq_error *err)
{
    repair->report->lost++;
    if (oq_guid_is_null(&group->guid)) {
        repair->unidentified++;
        return OQ_OK;
    }
    enum oq_status status = add_seen(repair, &group->guid, false, err);
    return status == OQ_OK ? collect_leftovers(repair, group, err) : status;
}

/* A temporary file that a saved group uses is no leftover: clearing it away would take it from that
 * group. */
static enum oq_status insert_leftovers(struct repair *repair, struct oq_error *err)
{
    char sql[500];
    int64_t first = 0;
    bool is_in = false;

    enum oq_status status = oq_store_query_int(
        repair->draft, "SELECT coalesce(max(id), 0) + 1 FROM jobs", "count the jobs", &first, err);
    for (size_t i = 0; status == OQ_OK && i < repair->leftover_count; i++)
        status = insert_whole(repair->draft, &repair->leftovers[i], &is_in, err);
    if (status != OQ_OK || repair->leftover_count == 0)
        return status;
    sqlite3_snprintf((int)sizeof(sql), sql,
                     "UPDATE files SET state = 'waiting', temp_path = NULL, temp_id = NULL,"
                     " size_bytes = NULL, done_bytes = 0 WHERE job_id >= %lld AND temp_path IN"
                     " (SELECT temp_path FROM files WHERE job_id < %lld)",
                     (long long)first, (long long)first);
    return oq_store_exec(repair->draft, sql, "leave temporary files to their groups", err);
}

/* --- reading a database, whatever state it is in ---------------------------------------------- */

/* A damaged queue may be from an earlier version and is not upgraded first: a column that its
 * tables do not have yet is replaced by what the schema change fills old rows with. *stmt stays
 * NULL if the table is not there. */
static enum oq_status prepare(struct reading *reading, const char *text, sqlite3_stmt **stmt,
                              struct oq_error *err)
{
    static const char *const zeros[] = {"source_index", "max_bytes_per_s"}; /* the others: NULL */
    static const char missing[] = "no such column: ";
    int rc = SQLITE_NOMEM;
    char *sql = oq_strdup(text);

    while (sql &&
           (rc = sqlite3_prepare_v2(reading->store.db, sql, -1, stmt, NULL)) == SQLITE_ERROR) {
        const char *message = sqlite3_errmsg(reading->store.db);
        const char *name = message + sizeof(missing) - 1;
        char *at = strncmp(message, missing, sizeof(missing) - 1) == 0 ? strstr(sql, name) : NULL;
        if (!at || strlen(name) < 4)
            break;
        const char *value =
            strcmp(name, zeros[0]) == 0 || strcmp(name, zeros[1]) == 0 ? "0   " : "NULL";
        memset(at, ' ', strlen(name));
        memcpy(at, value, 4);
    }
    oq_free(sql);
    return rc == SQLITE_OK || is_damage(rc)
               ? OQ_OK
               : oq_store_fail(reading->store.db, rc, "read a table", err);
}

/* The last id that was given to a row of the table, in *id; a large one if the damage hides it. */
static enum oq_status find_last_id(struct reading *reading, const char *table, int64_t *id,
                                   struct oq_error *err)
{
    char sql[80];

    sqlite3_snprintf((int)sizeof(sql), sql, "SELECT seq FROM sqlite_sequence WHERE name = %Q",
                     table);
    enum oq_status status = oq_store_query_int(&reading->store, sql, "read the last id", id, err);
    if (status != OQ_OK && !is_damage(sqlite3_extended_errcode(reading->store.db)))
        return status;
    if (status != OQ_OK || *id <= 0 || *id > INT64_MAX / 2)
        *id = INT64_MAX / 2;
    return OQ_OK;
}

/* Every row of the table that can be reached, by id; `text` takes the id to begin with. An id above
 * the last one that was given is damage, and must not end the walk. */
static enum oq_status walk(struct reading *reading, const char *table, const char *text,
                           int id_column,
                           enum oq_status (*take)(struct reading *reading, sqlite3_stmt *stmt,
                                                  struct oq_error *err),
                           bool *is_complete, struct oq_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int64_t next = 1, last = 0;
    int rc = SQLITE_CORRUPT;
    enum oq_status status = find_last_id(reading, table, &last, err);
    if (status == OQ_OK)
        status = prepare(reading, text, &stmt, err);

    *is_complete = stmt;
    for (int tries = 0; status == OQ_OK && stmt && is_damage(rc) && tries < TRIES_MOST; tries++) {
        rc = next <= last ? sqlite3_bind_int64(stmt, 1, next) : SQLITE_DONE;
        while (status == OQ_OK && rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
            int64_t id = sqlite3_column_int64(stmt, id_column);
            rc = id >= next ? SQLITE_OK : SQLITE_CORRUPT;
            if (id > last) {
                *is_complete = false;
            } else if (rc == SQLITE_OK) {
                next = id + 1;
                status = take(reading, stmt, err);
            }
        }
        (void)sqlite3_reset(stmt);
        if (is_damage(rc)) {
            *is_complete = false;
            next += 1 + tries / TRIES_PER_STEP;
        } else if (status == OQ_OK && rc != SQLITE_DONE) {
            status = oq_store_fail(reading->store.db, rc, "read a table", err);
        }
    }
    sqlite3_finalize(stmt);
    return status;
}

/* Is the tree of the table in order? Values are checked where rows are read. */
static enum oq_status check_tree(struct reading *reading, const char *sql, bool *is_sound,
                                 struct oq_error *err)
{
    enum oq_status status = oq_store_quick_check(&reading->store, sql, false, CHECK_LIMIT_MS, err);
    if (status != OQ_E_DB_DAMAGED &&
        (status != OQ_E_DB || !is_damage(sqlite3_extended_errcode(reading->store.db))))
        return status;
    *is_sound = false;
    return OQ_OK;
}

/* Jobs are found by their table and looked up in a copy of it, so that a damaged index costs
 * nothing. Two jobs of one group leave it without a GUID of the job, which is damage. */
static enum oq_status take_job(struct reading *reading, sqlite3_stmt *stmt, struct oq_error *err)
{
    int rc = SQLITE_MISMATCH;
    if (sqlite3_column_type(stmt, 1) == SQLITE_INTEGER) {
        rc = SQLITE_OK;
        for (int i = 0; i < 3 && rc == SQLITE_OK; i++)
            rc = sqlite3_bind_value(reading->insert_job, i + 1, sqlite3_column_value(stmt, i));
        if (rc == SQLITE_OK)
            rc = sqlite3_step(reading->insert_job);
        (void)sqlite3_reset(reading->insert_job);
    }
    if (rc == SQLITE_DONE)
        return OQ_OK;
    if (!is_damage(rc))
        return oq_store_fail(reading->store.db, rc, "read a job", err);
    reading->are_jobs_complete = false;
    return OQ_OK;
}

/* Gives the group its files. False: it is not whole. */
static enum oq_status complete(struct reading *reading, struct oq_group *group, bool *is_whole,
                               struct oq_error *err)
{
    bool has_expectations = false;

    *is_whole = false;
    if (group->job.id == 0) {
        *is_whole = reading->are_jobs_complete && !oq_group_check(group);
        return OQ_OK;
    }
    if (!reading->store.statements[OQ_SQL_LOAD_FILES])
        return OQ_OK;
    enum oq_status status = oq_store_read_files(&reading->store, group, err);
    if (status == OQ_OK)
        status = oq_store_load_expectations(&reading->store, group, err);
    for (uint32_t i = 0; i < group->job.file_count; i++)
        has_expectations = has_expectations || group->job.files[i].expectations;
    /* Where a tree is damaged, a job without files may have lost them, and a file some of its
     * expectations, without which it would not be verified. */
    *is_whole = status == OQ_OK && (reading->are_files_sound || group->job.file_count > 0) &&
                (reading->are_expectations_sound || !has_expectations) && !oq_group_check(group);
    return status == OQ_E_DB_DAMAGED ? OQ_OK : status;
}

static enum oq_status take_group(struct reading *reading, sqlite3_stmt *stmt, struct oq_error *err)
{
    struct oq_group group = {0};
    bool is_whole = false;

    enum oq_status row = oq_store_read_group(stmt, &group, err);
    enum oq_status status =
        row == OQ_OK || row == OQ_E_DB_DAMAGED ? complete(reading, &group, &is_whole, err) : row;
    if (status == OQ_OK) {
        is_whole = is_whole && row == OQ_OK;
        if (is_whole)
            status = reading->is_backup ? restore_from_backup(reading->repair, &group, err)
                                        : save(reading->repair, &group, err);
        else if (!reading->is_backup)
            status = record_broken(reading->repair, &group, err);
    }
    oq_group_release(&group);
    return status;
}

static enum oq_status read_groups(struct reading *reading, struct oq_error *err)
{
    static const enum oq_store_sql loads[] = {OQ_SQL_LOAD_FILES, OQ_SQL_LOAD_EXPECTATIONS,
                                              OQ_SQL_LOAD_MIRRORS};
    bool is_complete = false, is_sound = true;
    const struct {
        const char *sql;
        bool *is_sound;
    } trees[] = {{"PRAGMA quick_check('jobs')", &reading->are_jobs_complete},
                 {"PRAGMA quick_check('files')", &reading->are_files_sound},
                 {"PRAGMA quick_check('file_expectations')", &reading->are_expectations_sound},
                 {"PRAGMA quick_check('file_mirrors')", &reading->are_expectations_sound},
                 {"PRAGMA quick_check('groups')", &is_sound}};
    enum oq_status status = OQ_OK;

    reading->are_jobs_complete = reading->are_files_sound = reading->are_expectations_sound = true;
    int rc = sqlite3_exec(
        reading->store.db,
        "CREATE TEMP TABLE found_jobs (group_id INTEGER PRIMARY KEY, job_id, job_guid)", NULL, NULL,
        NULL);
    if (rc != SQLITE_OK) /* without the schema nothing of it can be read */
        return is_damage(rc) ? OQ_OK
                             : oq_store_fail(reading->store.db, rc, "read the database", err);
    for (size_t i = 0; status == OQ_OK && i < sizeof(loads) / sizeof(loads[0]); i++)
        status = prepare(reading, oq_store_sql_texts[loads[i]],
                         &reading->store.statements[loads[i]], err);
    for (size_t i = 0; status == OQ_OK && i < sizeof(trees) / sizeof(trees[0]); i++)
        status = check_tree(reading, trees[i].sql, trees[i].is_sound, err);
    if (status == OQ_OK)
        status = prepare(reading,
                         "INSERT INTO found_jobs (job_id, group_id, job_guid) VALUES (?1, ?2, ?3)"
                         " ON CONFLICT DO UPDATE SET job_guid = NULL",
                         &reading->insert_job, err);
    if (status == OQ_OK)
        status = walk(reading, "jobs",
                      "SELECT id, group_id, guid FROM jobs NOT INDEXED WHERE id >= ?1 ORDER BY id",
                      0, take_job, &is_complete, err);
    reading->are_jobs_complete = reading->are_jobs_complete && is_complete;
    if (status == OQ_OK)
        status = walk(reading, "groups",
                      "SELECT " OQ_GROUP_COLUMNS ", id, job_id, job_guid FROM groups NOT INDEXED"
                      " LEFT JOIN temp.found_jobs ON group_id = id WHERE id >= ?1 ORDER BY id",
                      OQ_GROUP_ID_COLUMN, take_group, &is_complete, err);
    if (!reading->is_backup)
        reading->repair->is_complete =
            is_complete && is_sound && reading->repair->unidentified == 0;
    return status;
}

/* Nothing is opened where there is no database. A newer version's copy shows that the queue was
 * newer too, whatever is left of it: OQ_E_DB_NEWER. */
static enum oq_status open_reading(struct reading *reading, const char *path,
                                   const struct oq_store_options *options, struct oq_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int64_t application_id = 0, version = 0;
    uint64_t size_bytes = 0;

    /* To SQLite a file of one byte is empty too: it writes one to find a file again. */
    if (!oq_db_file_exists(path, &size_bytes) || size_bytes <= 1)
        return OQ_OK;
    reading->store.clock = options->clock ? options->clock : oq_clock_system();
    int rc = sqlite3_open_v2(path, &reading->store.db, flags, options->vfs);
    if (rc != SQLITE_OK)
        return oq_store_fail(reading->store.db, rc, "open the damaged database", err);
    enum oq_status status = oq_store_configure(&reading->store, err);
    if (status == OQ_OK && reading->is_backup) {
        status = oq_store_query_int(&reading->store, "PRAGMA application_id",
                                    "read the backup copy", &application_id, err);
        if (status == OQ_OK)
            status = oq_store_query_int(&reading->store, "PRAGMA user_version",
                                        "read the backup copy", &version, err);
        if (status != OQ_OK && is_damage(sqlite3_extended_errcode(reading->store.db)))
            status = OQ_OK;
    }
    if (status == OQ_OK && application_id == OQ_STORE_APPLICATION_ID &&
        version > oq_store_schema_version())
        status = oq_error_set(err, OQ_E_DB_NEWER,
                              "the queue is damaged and its backup copy has schema %lld, this"
                              " program knows %d; both were left untouched",
                              (long long)version, oq_store_schema_version());
    return status;
}

static void close_reading(struct reading *reading)
{
    if (!reading->store.db)
        return;
    oq_store_leave_untouched(&reading->store);
    for (int i = 0; i < OQ_SQL_COUNT; i++)
        sqlite3_finalize(reading->store.statements[i]);
    sqlite3_finalize(reading->insert_job);
    (void)sqlite3_close_v2(reading->store.db);
    *reading = (struct reading){0};
}

/* --- draft, set aside, replace ------------------------------------------------
 */

struct names {
    char *draft, *repaired, *backup;
};

/* Writes the draft whole and flushed; after a failure the next start writes it again. */
static enum oq_status write_draft(const struct oq_store_options *options, const struct names *names,
                                  struct oq_store_report *report, struct oq_error *err)
{
    struct repair repair = {.report = report};
    struct reading queue = {.repair = &repair}, backup = {.repair = &repair, .is_backup = true};
    struct oq_store_options draft = *options;

    draft.path = names->draft;
    enum oq_status status = open_reading(&queue, options->path, options, err);
    if (status == OQ_OK)
        status = open_reading(&backup, names->backup, options, err);
    if (status == OQ_OK)
        status = oq_db_files_remove(names->draft, err);
    if (status == OQ_OK)
        status = oq_store_open(&draft, &repair.draft, err);
    if (status == OQ_OK)
        status = oq_store_begin(repair.draft, err);
    if (status == OQ_OK && queue.store.db)
        status = read_groups(&queue, err);
    if (status == OQ_OK && backup.store.db)
        status = read_groups(&backup, err);
    close_reading(&queue);
    close_reading(&backup);
    if (status == OQ_OK)
        status = insert_leftovers(&repair, err);
    if (status == OQ_OK)
        status = oq_store_commit(repair.draft, err);
    if (status == OQ_OK)
        status = oq_store_checkpoint(repair.draft, err);
    report->is_count_sure = repair.is_complete;
    oq_store_close(repair.draft);
    for (size_t i = 0; i < repair.leftover_count; i++)
        oq_group_release(&repair.leftovers[i]);
    oq_free(repair.leftovers);
    oq_free(repair.seen);
    return status;
}

/* Renames the files of the database at `path`; a trial only checks that every new name is free. */
static enum oq_status set_aside(const char *path, const char *aside, bool is_trial, bool *result,
                                struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    *result = is_trial;
    for (int i = 0; status == OQ_OK && i < OQ_DB_FILES; i++) {
        const char *suffix = oq_db_suffixes[i];
        char *from = oq_asprintf("%s%s", path, suffix);
        char *to = oq_asprintf("%s%s", aside, suffix);
        if (!from || !to) {
            status = no_memory(err);
        } else if (is_trial) {
            /* A log that is there already and missing here was moved before an interruption. */
            if (oq_db_file_exists(to, NULL) && (!*suffix || oq_db_file_exists(from, NULL)))
                *result = false;
        } else if (oq_db_file_exists(from, NULL)) {
            status = oq_db_file_rename(from, to, false, err);
            *result = *result || status == OQ_OK;
        }
        oq_free(from);
        oq_free(to);
    }
    return status;
}

static const char *last_segment(const char *path)
{
    const char *name = path;
    for (const char *at = path; *at; at++)
        if (*at == '/' || *at == '\\')
            name = at + 1;
    return name;
}

/* Steps 3 and 4. */
static enum oq_status replace_queue(const char *path, const char *repaired,
                                    struct oq_store_report *report, struct oq_error *err)
{
    int64_t wall_ms = oq_db_file_written_ms(repaired);
    char *aside = NULL;
    bool is_free = false, is_moved = false;
    enum oq_status status = OQ_OK;

    for (unsigned number = 1; status == OQ_OK && !is_free && number <= NAMES_MOST; number++) {
        char ending[48];
        oq_store_damaged_name(wall_ms, number, ending);
        oq_free(aside);
        aside = oq_db_neighbour(path, ending);
        status = aside ? set_aside(path, aside, true, &is_free, err) : no_memory(err);
    }
    if (status == OQ_OK && !is_free)
        status = oq_error_set(err, OQ_E_DB, "set the database aside: every name is taken");
    if (status == OQ_OK)
        status = set_aside(path, aside, false, &is_moved, err);
    if (status == OQ_OK)
        status = oq_db_file_rename(repaired, path, false, err);
    if (status == OQ_OK && is_moved)
        sqlite3_snprintf((int)sizeof(report->set_aside), report->set_aside, "%s",
                         last_segment(aside));
    oq_free(aside);
    return status;
}

static enum oq_status repair(const struct oq_store_options *options, const struct names *names,
                             const struct oq_error *damage, struct oq_store_report *report,
                             struct oq_error *err)
{
    *report = (struct oq_store_report){.is_repaired = true};
    sqlite3_snprintf((int)sizeof(report->why), report->why, "%s", damage->text);
    oq_log_error("database: %s; it is repaired", report->why);
    enum oq_status status = write_draft(options, names, report, err);
    if (status == OQ_OK)
        status = oq_db_file_rename(names->draft, names->repaired, false, err);
    return status == OQ_OK ? replace_queue(options->path, names->repaired, report, err) : status;
}

/* --- opening ---------------------------------------------------------------------------------- */

static enum oq_status count_group(void *ctx, struct oq_group *group)
{
    size_t *count = ctx;
    (*count)++;
    oq_group_release(group);
    return OQ_OK;
}

/* Opens, and reads every row once. SQLite makes a new queue where there is none; but one that has
 * a backup copy, or a log that would be thrown away, has been there. */
static enum oq_status open_whole(const struct oq_store_options *options, const struct names *names,
                                 size_t *count, struct oq_store **out, struct oq_error *err)
{
    uint64_t size_bytes = 0, log_bytes = 0;
    struct oq_store *store = NULL;

    if (!oq_db_file_exists(options->path, &size_bytes) || size_bytes <= 1) {
        char *log = oq_asprintf("%s-wal", options->path);
        if (!log)
            return no_memory(err);
        bool has_log = oq_db_file_exists(log, &log_bytes) && log_bytes > 0;
        oq_free(log);
        if (has_log || oq_db_file_exists(names->backup, NULL))
            return oq_error_set(err, OQ_E_DB_DAMAGED, "the file of the database is gone or empty");
    }
    *count = 0;
    enum oq_status status = oq_store_open(options, &store, err);
    if (status == OQ_OK)
        status = oq_store_load(store, count_group, count, err);
    if (status == OQ_OK) {
        *out = store;
    } else if (store) {
        oq_store_leave_untouched(store);
        oq_store_close(store);
    }
    return status;
}

enum oq_status oq_store_open_safe(const struct oq_store_options *options,
                                  struct oq_store_report *report, struct oq_store **out,
                                  struct oq_error *err)
{
    struct oq_store_report done = {0};
    struct oq_error damage;
    struct names names = {0};
    size_t count = 0;
    enum oq_status status = OQ_OK;

    if (strcmp(options->path, ":memory:") == 0) {
        *report = done;
        return oq_store_open(options, out, err);
    }
    names.draft = oq_db_neighbour(options->path, "rebuild.db");
    names.repaired = oq_db_neighbour(options->path, "repaired.db");
    names.backup = oq_db_neighbour(options->path, "backup.db");
    if (!names.draft || !names.repaired || !names.backup)
        status = no_memory(err);
    else if (oq_db_file_exists(names.repaired, NULL)) {
        done.is_repaired = done.is_continued = true;
        status = replace_queue(options->path, names.repaired, &done, err);
    }
    if (status == OQ_OK) {
        oq_error_init(&damage);
        status = open_whole(options, &names, &count, out, &damage);
        if (status == OQ_E_DB_DAMAGED) {
            status = repair(options, &names, &damage, &done, err);
            if (status == OQ_OK)
                status = open_whole(options, &names, &count, out, err);
        } else if (status != OQ_OK && err) {
            *err = damage;
        }
    }
    if (status == OQ_OK) {
        if (done.is_continued)
            done.saved = count;
        *report = done;
    }
    oq_free(names.draft);
    oq_free(names.repaired);
    oq_free(names.backup);
    return status;
}

/* --- what the administrator reads ------------------------------------------------------------- */

void oq_store_damaged_name(int64_t wall_ms, unsigned number, char text[48])
{
    char time[32]; /* 2026-01-31T23:59:59.123Z */
    char end[16] = "";

    oq_clock_format_wall(wall_ms, time);
    if (number > 1)
        sqlite3_snprintf((int)sizeof(end), end, "-%u", number);
    sqlite3_snprintf(48, text, "damaged-%.4s%.2s%.2s-%.2s%.2s%.2s%s.db", time, time + 5, time + 8,
                     time + 11, time + 14, time + 17, end);
}

void oq_store_report_text(const struct oq_store_report *report, char *text, size_t size)
{
    char where[120] = "";
    char lost[120] = "none is known to be lost";

    if (report->set_aside[0])
        sqlite3_snprintf((int)sizeof(where), where, " The damaged file is now %s.",
                         report->set_aside);
    if (report->is_continued) {
        sqlite3_snprintf((int)size, text,
                         "the repair of a damaged queue that was interrupted has been finished;"
                         " %llu groups are in the queue.%s",
                         (unsigned long long)report->saved, where);
        return;
    }
    if (report->lost > 0)
        sqlite3_snprintf((int)sizeof(lost), lost, "%llu could not be saved",
                         (unsigned long long)report->lost);
    sqlite3_snprintf((int)size, text,
                     "the queue was damaged (%s): %llu groups were saved from it, %llu"
                     " were taken from the backup copy, %s%s.%s",
                     report->why, (unsigned long long)report->saved,
                     (unsigned long long)report->from_backup, lost,
                     report->is_count_sure ? "" : ", and there may have been others", where);
}
