/* store.c - opens, checks, upgrades and closes the database; the text of every statement; SQLite's
 * errors as status and sentence.
 *
 * Knows the file's header, pragmas and the schema's migrations, but no group: rows are written by
 * store_write.c and read by store_load.c. Engine thread only. */
#include "store_int.h"

#include "oq_alloc.h"
#include "oq_log.h"

#include <stdlib.h>
#include <string.h>

#if SQLITE_VERSION_NUMBER < 3037000
#error "SQLite 3.37 or newer is needed: STRICT tables, SQLITE_OPEN_EXRESCODE"
#endif

/* A predecessor that is still closing the database, or a scanner, is waited for this long. */
#define BUSY_TIMEOUT_MS 2000

/* quick_check reads the whole file, at start, before the service answers. It checks the 10,000
 * groups of 3 files that must be up within 2 s (issue "nothing is lost") in well below 0.1 s; a
 * queue so large or a disk so slow that this limit strikes is used unchecked rather than not at
 * all: SQLite still notices damage where it reads (cell_size_check). */
#define QUICK_CHECK_LIMIT_MS 1000
#define QUICK_CHECK_STEP 1000 /* virtual machine instructions between two readings of the clock */

/* A checkpoint runs inside the commit that reaches this many pages of 4 KiB: it then writes at most
 * 2 MiB and flushes once, so the engine's loop is not held up. The file is cut back to twice that
 * after a big transaction. */
#define WAL_CHECKPOINT_PAGES 512
#define WAL_SIZE_LIMIT_BYTES (4 * 1024 * 1024)

const char *const oq_store_sql_texts[OQ_SQL_COUNT] = {
    [OQ_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [OQ_SQL_COMMIT] = "COMMIT",
    [OQ_SQL_ROLLBACK] = "ROLLBACK",
    [OQ_SQL_INSERT_GROUP] =
        "INSERT INTO groups (" OQ_GROUP_COLUMNS ") VALUES"
        " (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,"
        " ?21,?22)",
    [OQ_SQL_UPDATE_GROUP] =
        "UPDATE groups SET (" OQ_GROUP_COLUMNS ") ="
        " (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22)"
        " WHERE id = ?23",
    [OQ_SQL_DELETE_GROUP] = "DELETE FROM groups WHERE id = ?1",
    [OQ_SQL_INSERT_JOB] = "INSERT INTO jobs (group_id, guid, is_live)"
                          " SELECT id, ?2, state <> 'cancelling' FROM groups WHERE id = ?1",
    [OQ_SQL_INSERT_FILE] =
        "INSERT INTO files (" OQ_FILE_COLUMNS ", job_id, file_index) VALUES"
        " (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20)",
    [OQ_SQL_UPDATE_FILE] = "UPDATE files SET (" OQ_FILE_COLUMNS ") ="
                           " (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)"
                           " WHERE job_id = ?19 AND file_index = ?20",
    [OQ_SQL_DELETE_EXPECTATION] =
        "DELETE FROM file_expectations WHERE job_id = ?1 AND file_index = ?2",
    [OQ_SQL_DELETE_MIRRORS] = "DELETE FROM file_mirrors WHERE job_id = ?1 AND file_index = ?2",
    [OQ_SQL_INSERT_EXPECTATION] =
        "INSERT INTO file_expectations (job_id, file_index, " OQ_EXPECTATION_COLUMNS ") VALUES"
        " (?1,?2,?3,?4,?5,?6,?7)",
    [OQ_SQL_INSERT_MIRROR] = "INSERT INTO file_mirrors (job_id, file_index, source_index, url)"
                             " VALUES (?1,?2,?3,?4)",
    [OQ_SQL_BEGIN_RUNNING] =
        "INSERT INTO running (job_id, file_index, starts, start_bytes) VALUES (?1,?2,1,?3)"
        " ON CONFLICT DO UPDATE SET starts = starts + 1, start_bytes = excluded.start_bytes",
    [OQ_SQL_END_RUNNING] = "DELETE FROM running WHERE job_id = ?1 AND file_index = ?2",
    [OQ_SQL_CLEAR_RUNNING] = "DELETE FROM running",
    [OQ_SQL_COUNT_CRASH] = "UPDATE running SET crashes = crashes + 1",
    [OQ_SQL_LOAD_RUNNING] = "SELECT job_id, file_index, starts, crashes, start_bytes FROM running",
    [OQ_SQL_LOAD_GROUPS] =
        "SELECT " OQ_GROUP_COLUMNS ", id, job_id, job_guid FROM groups LEFT JOIN"
        " (SELECT id AS job_id, guid AS job_guid, group_id FROM jobs) ON group_id = id"
        " ORDER BY id",
    [OQ_SQL_LOAD_FILES] =
        "SELECT " OQ_FILE_COLUMNS ", file_index FROM files WHERE job_id = ?1 ORDER BY file_index",
    [OQ_SQL_LOAD_EXPECTATIONS] =
        "SELECT file_index, " OQ_EXPECTATION_COLUMNS " FROM file_expectations WHERE job_id = ?1",
    [OQ_SQL_LOAD_MIRRORS] = "SELECT file_index, source_index, url FROM file_mirrors"
                            " WHERE job_id = ?1 ORDER BY file_index, source_index",
};

static enum oq_status status_of(int rc)
{
    switch (rc) {
    case SQLITE_IOERR_NOMEM:
        return OQ_E_NOMEM;
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return OQ_E_EXISTS;
    case SQLITE_CONSTRAINT_FOREIGNKEY: /* the row that this one belongs to is gone */
        return OQ_E_NOT_FOUND;
    default:
        break;
    }
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return OQ_E_NOMEM;
    case SQLITE_FULL:
        return OQ_E_DISK_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return OQ_E_DB_DAMAGED;
    case SQLITE_CONSTRAINT: /* CHECK, NOT NULL, type: a value that oq_model.h forbids */
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return OQ_E_BUG;
    default:
        return OQ_E_DB;
    }
}

enum oq_status oq_store_fail(sqlite3 *db, int rc, const char *what, struct oq_error *err)
{
    enum oq_status status = status_of(rc);

    /* The connection still has the message of this code only if no other call came in between. */
    const char *message =
        db && sqlite3_extended_errcode(db) == rc ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
    int system = db && (rc & 0xff) != SQLITE_CONSTRAINT ? sqlite3_system_errno(db) : 0;
    if (system != 0)
        oq_error_set(err, status, "%s: %s (SQLite %d, system %d)", what, message, rc, system);
    else
        oq_error_set(err, status, "%s: %s (SQLite %d)", what, message, rc);
    if (status == OQ_E_BUG)
        oq_log_error("database: %s: %s (SQLite %d)", what, message, rc);
    return status;
}

enum oq_status oq_store_exec(struct oq_store *store, const char *sql, const char *what,
                             struct oq_error *err)
{
    int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? OQ_OK : oq_store_fail(store->db, rc, what, err);
}

enum oq_status oq_store_query_int(struct oq_store *store, const char *sql, const char *what,
                                  int64_t *value, struct oq_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum oq_status status = OQ_OK;
    int64_t result = 0;

    int rc = sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        result = sqlite3_column_int64(stmt, 0);
    } else if (rc != SQLITE_DONE) {
        status = oq_store_fail(store->db, rc, what, err);
        goto out;
    }
    *value = result;
out:
    sqlite3_finalize(stmt);
    return status;
}

/* --- is it ours, and whole? --------------------------------------------------------------------
 */

static enum oq_status refuse_foreign(uint32_t application_id, struct oq_error *err)
{
    return oq_error_set(err, OQ_E_DB_DAMAGED,
                        "the file is a database of another program (application id 0x%08x)",
                        (unsigned)application_id);
}

static enum oq_status refuse_newer(int64_t version, int known, struct oq_error *err)
{
    return oq_error_set(
        err, OQ_E_DB_NEWER,
        "the database has schema %lld, this program knows %d; it was left untouched",
        (long long)version, known);
}

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
           (uint32_t)bytes[3];
}

/* Checks the bare header (https://www.sqlite.org/fileformat2.html, 1.3) before SQLite does
 * anything that could change the folder, as replaying a journal would. What is not a database, or
 * torn, is left to SQLite: a rollback journal may repair it. */
static enum oq_status check_header(struct oq_store *store, int known, struct oq_error *err)
{
    unsigned char header[100] = {0};
    sqlite3_file *file = NULL;

    int rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc != SQLITE_OK)
        return oq_store_fail(store->db, rc, "open the database", err);
    if (!file || !file->pMethods)
        return OQ_OK; /* in memory */
    rc = file->pMethods->xRead(file, header, (int)sizeof(header), 0);
    if (rc == SQLITE_IOERR_SHORT_READ ||
        (rc == SQLITE_OK && memcmp(header, "SQLite format 3", 16) != 0))
        return OQ_OK;
    if (rc != SQLITE_OK)
        return oq_store_fail(NULL, rc, "read the database", err);
    uint32_t application_id = big_endian(header + 68);
    int32_t version = (int32_t)big_endian(header + 60);
    if (application_id != OQ_STORE_APPLICATION_ID && application_id != 0)
        return refuse_foreign(application_id, err);
    if (application_id == OQ_STORE_APPLICATION_ID && version > known)
        return refuse_newer(version, known, err);
    if (header[18] > 2 || header[19] > 2) { /* SQLite would only read it, or not even that */
        return oq_error_set(err, OQ_E_DB_DAMAGED,
                            "the header of the database names the impossible file format %d/%d",
                            header[18], header[19]);
    }
    if (big_endian(header + 44) > 4) {
        return oq_error_set(err, OQ_E_DB_DAMAGED,
                            "the header of the database names the impossible schema format %u",
                            (unsigned)big_endian(header + 44));
    }
    return OQ_OK;
}

/* The same as SQLite sees it, a write-ahead log included; this also takes the lock. A file without
 * any table is a new one: switching it to WAL writes a first page before the first migration writes
 * the application id. */
static enum oq_status check_identity(struct oq_store *store, int known, struct oq_error *err)
{
    int64_t application_id = 0;
    int64_t version = 0;
    int64_t tables = 0;

    enum oq_status status = oq_store_query_int(store, "SELECT count(*) FROM sqlite_schema",
                                               "read the database", &tables, err);
    if (status == OQ_OK) {
        status = oq_store_query_int(store, "PRAGMA application_id", "read the database",
                                    &application_id, err);
    }
    if (status == OQ_OK) {
        status =
            oq_store_query_int(store, "PRAGMA user_version", "read the database", &version, err);
    }
    if (status != OQ_OK)
        return status;
    if (application_id == 0 && version == 0 && tables == 0)
        return OQ_OK;
    if (application_id != OQ_STORE_APPLICATION_ID)
        return refuse_foreign((uint32_t)application_id, err);
    if (version > known)
        return refuse_newer(version, known, err);
    if (version < 1) {
        return oq_error_set(err, OQ_E_DB_DAMAGED,
                            "the database has the impossible schema number %lld",
                            (long long)version);
    }
    return OQ_OK;
}

struct deadline {
    const struct oq_clock *clock;
    int64_t end_ms;
};

static int is_past_deadline(void *ctx)
{
    const struct deadline *deadline = ctx;
    return oq_clock_mono_ms(deadline->clock) >= deadline->end_ms;
}

/* quick_check reports a page that could not be read as it does a damaged one, by a line of text.
 * Returns SQLite's code for the failing read, or SQLITE_OK if the line is about damage: a database
 * must not be given up because the disk was away for a moment. */
static int read_error_in(const char *line)
{
    static const char mark[] = "error code=";
    const char *found = strstr(line, mark);
    if (strstr(line, "failed to get page")) /* of the list of free pages; it says no code */
        return SQLITE_IOERR;
    return found ? (int)strtol(found + strlen(mark), NULL, 10) : SQLITE_OK;
}

/* SQLite before 3.41 asks the progress handler between the tables' rows, not within one b-tree's
 * pages; the limit is then overrun by the time for the pages, which is the faster half. */
enum oq_status oq_store_quick_check(struct oq_store *store, const char *sql, bool is_value_counted,
                                    int64_t limit_ms, struct oq_error *err)
{
    static const char *const values[] = {"ok", "CHECK constraint failed", "NULL value in ", "non-"};
    struct deadline deadline = {store->clock, oq_clock_mono_ms(store->clock) + limit_ms};
    sqlite3_stmt *stmt = NULL;
    enum oq_status status = OQ_OK;

    int rc = sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL);
    sqlite3_progress_handler(store->db, QUICK_CHECK_STEP, is_past_deadline, &deadline);
    while (status == OQ_OK && rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(stmt, 0);
        bool is_fine = line && strcmp(line, "ok") == 0;
        for (size_t i = 0; line && !is_value_counted && i < sizeof(values) / sizeof(values[0]); i++)
            is_fine = is_fine || strncmp(line, values[i], strlen(values[i])) == 0;
        rc = line ? read_error_in(line) : SQLITE_NOMEM;
        if (rc == SQLITE_OK && !is_fine)
            status = oq_error_set(err, OQ_E_DB_DAMAGED, "the database is damaged: %s", line);
    }
    if (rc == SQLITE_INTERRUPT)
        oq_log_warning("database: check stopped after %lld ms, using it as it is",
                       (long long)limit_ms);
    else if (status == OQ_OK && rc != SQLITE_DONE)
        status = oq_store_fail(store->db, rc, "check the database", err);
    sqlite3_progress_handler(store->db, 0, NULL, NULL);
    sqlite3_finalize(stmt);
    return status;
}

/* Settings of the connection that neither read nor write the file. */
enum oq_status oq_store_configure(struct oq_store *store, struct oq_error *err)
{
    static const int switches[][2] = {
        {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1}, /* until the open has succeeded: a refused file stays
                                                  as it is */
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},   {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_DQS_DDL, 0},          {SQLITE_DBCONFIG_DQS_DML, 0},
    };
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
        int rc = sqlite3_db_config(store->db, switches[i][0], switches[i][1], (int *)NULL);
        if (rc != SQLITE_OK)
            return oq_store_fail(store->db, rc, "configure the database", err);
    }
    (void)sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    /* locking_mode before the first read: then WAL keeps its index in memory and no -shm file is
     * ever made. temp_store: nothing of the queue is to be left in the folder for temporary files.
     */
    return oq_store_exec(store,
                         "PRAGMA locking_mode = EXCLUSIVE;"
                         "PRAGMA temp_store = MEMORY;"
                         "PRAGMA mmap_size = 0;"
                         "PRAGMA cell_size_check = ON;"
                         "PRAGMA recursive_triggers = OFF",
                         "configure the database", err);
}

static enum oq_status use_wal(struct oq_store *store, struct oq_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum oq_status status = OQ_OK;

    int rc = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW) {
        status = oq_store_fail(store->db, rc, "switch the database to WAL", err);
        goto out;
    }
    const char *mode = (const char *)sqlite3_column_text(stmt, 0);
    if (!mode || (strcmp(mode, "wal") != 0 && strcmp(mode, "memory") != 0)) {
        status = oq_error_set(err, OQ_E_DB, "the database cannot use WAL here (it stays %s)",
                              mode ? mode : "?");
        goto out;
    }
    char sql[200];
    sqlite3_snprintf((int)sizeof(sql), sql,
                     "PRAGMA synchronous = FULL;"
                     "PRAGMA wal_autocheckpoint = %d;"
                     "PRAGMA journal_size_limit = %d;"
                     "PRAGMA secure_delete = FAST", /* a URL may hold a secret: overwrite it where
                                                       that costs no write */
                     WAL_CHECKPOINT_PAGES, WAL_SIZE_LIMIT_BYTES);
    sqlite3_finalize(stmt);
    stmt = NULL;
    status = oq_store_exec(store, sql, "configure the database", err);
out:
    sqlite3_finalize(stmt);
    return status;
}

/* --- the schema ------------------------------------------------------------------------------- */

/* Values that SQL text cannot take as parameters (PRAGMA) or that come once: numbers and our own
 * names only. */
static enum oq_status record_migration(struct oq_store *store, const struct oq_migration *migration,
                                       struct oq_error *err)
{
    char sql[400];

    sqlite3_snprintf(
        (int)sizeof(sql), sql,
        "INSERT INTO schema_migrations (version, name, applied_at_ms) VALUES (%d, %Q, %lld);"
        "PRAGMA application_id = %d;"
        "PRAGMA user_version = %d",
        migration->version, migration->name, (long long)oq_clock_wall_ms(store->clock),
        OQ_STORE_APPLICATION_ID, migration->version);
    return oq_store_exec(store, sql, "record the schema change", err);
}

static enum oq_status apply_migration(struct oq_store *store, const struct oq_migration *migration,
                                      struct oq_error *err)
{
    int64_t broken = 0;

    enum oq_status status = oq_store_exec(store, "BEGIN IMMEDIATE", "begin a schema change", err);
    if (status != OQ_OK)
        return status;
    status = oq_store_exec(store, migration->sql, migration->name, err);
    if (status == OQ_OK && sqlite3_get_autocommit(store->db)) {
        status = oq_error_set(err, OQ_E_BUG, "schema change %d ended its own transaction",
                              migration->version);
    }
    if (status == OQ_OK) {
        status = oq_store_query_int(store, "SELECT count(*) FROM pragma_foreign_key_check",
                                    "check the references", &broken, err);
    }
    if (status == OQ_OK && broken > 0) {
        status = oq_error_set(err, OQ_E_DB_DAMAGED,
                              "schema change %d found %lld rows that refer to nothing",
                              migration->version, (long long)broken);
    }
    if (status == OQ_OK)
        status = record_migration(store, migration, err);
    if (status == OQ_OK)
        status = oq_store_exec(store, "COMMIT", "commit the schema change", err);
    if (status != OQ_OK && !sqlite3_get_autocommit(store->db))
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* Each migration is a transaction of its own; one that fails leaves the schema as it was before it.
 * Afterwards foreign keys are on. */
static enum oq_status migrate(struct oq_store *store, const struct oq_migration *migrations,
                              size_t count, struct oq_error *err)
{
    int64_t version = 0;
    int64_t are_keys_on = 0;

    enum oq_status status =
        oq_store_query_int(store, "PRAGMA user_version", "read the schema number", &version, err);
    /* A table that others refer to can only be rebuilt with foreign keys off, and they can only be
     * switched outside of a transaction (https://www.sqlite.org/lang_altertable.html, section 7).
     */
    if (status == OQ_OK)
        status = oq_store_exec(store, "PRAGMA foreign_keys = OFF", "configure the database", err);
    for (size_t i = 0; status == OQ_OK && i < count; i++) {
        if (migrations[i].version > version) {
            status = apply_migration(store, &migrations[i], err);
            if (status == OQ_OK) {
                oq_log_info("database: schema %d (%s) applied", migrations[i].version,
                            migrations[i].name);
            }
        }
    }
    if (status == OQ_OK)
        status = oq_store_exec(store, "PRAGMA foreign_keys = ON", "configure the database", err);
    if (status == OQ_OK) {
        status = oq_store_query_int(store, "PRAGMA foreign_keys", "configure the database",
                                    &are_keys_on, err);
    }
    if (status == OQ_OK && are_keys_on != 1)
        status = oq_error_set(err, OQ_E_DB, "this SQLite was built without foreign keys");
    return status;
}

/* --- opening and closing ---------------------------------------------------------------------- */

static enum oq_status prepare_all(struct oq_store *store, struct oq_error *err)
{
    for (int i = 0; i < OQ_SQL_COUNT; i++) {
        const char *text = oq_store_sql_texts[i];
        int rc = sqlite3_prepare_v3(store->db, text, -1, SQLITE_PREPARE_PERSISTENT,
                                    &store->statements[i], NULL);
        if (rc == SQLITE_ERROR) /* the texts are right: a schema that is there in part only */
            return oq_error_set(err, OQ_E_DB_DAMAGED, "the database is damaged: %s",
                                sqlite3_errmsg(store->db));
        if (rc != SQLITE_OK)
            return oq_store_fail(store->db, rc, text, err);
    }
    return OQ_OK;
}

/* Reading a database in WAL mode makes an empty log if there is none. A refused file shall not get
 * a neighbour, so SQLite may remove that one as it closes; a log with content stays. */
void oq_store_leave_untouched(struct oq_store *store)
{
    sqlite3_file *log = NULL;
    sqlite3_int64 size = 0;

    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
        log && log->pMethods && log->pMethods->xFileSize(log, &size) == SQLITE_OK && size == 0)
        (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, (int *)NULL);
}

enum oq_status oq_store_checkpoint(struct oq_store *store, struct oq_error *err)
{
    int log_frames = 0, done_frames = 0;
    int rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &log_frames,
                                       &done_frames);
    if (rc != SQLITE_OK)
        return oq_store_fail(store->db, rc, "checkpoint the log", err);
    return OQ_OK;
}

enum oq_status oq_store_open_with(const struct oq_store_options *options,
                                  const struct oq_migration *migrations, size_t count,
                                  struct oq_store **out, struct oq_error *err)
{
    int known = migrations[count - 1].version;
    enum oq_status status = OQ_OK;

    struct oq_store *store = oq_calloc(1, sizeof(*store));
    if (!store)
        return oq_error_set(err, OQ_E_NOMEM, "open the database: out of memory");
    store->clock = options->clock ? options->clock : oq_clock_system();
    store->vfs = options->vfs;
    store->path = oq_strdup(options->path);
    if (!store->path) {
        status = oq_error_set(err, OQ_E_NOMEM, "open the database: out of memory");
        goto out;
    }

    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(options->path, &store->db, flags, options->vfs);
    if (rc != SQLITE_OK) {
        status = oq_store_fail(store->db, rc, "open the database", err);
        goto out;
    }
    status = check_header(store, known, err);
    if (status == OQ_OK)
        status = oq_store_configure(store, err);
    if (status == OQ_OK)
        status = check_identity(store, known, err);
    if (status == OQ_OK)
        status =
            oq_store_quick_check(store, "PRAGMA quick_check(1)", true, QUICK_CHECK_LIMIT_MS, err);
    if (status == OQ_OK)
        status = use_wal(store, err);
    if (status == OQ_OK)
        status = migrate(store, migrations, count, err);
    if (status == OQ_OK)
        status = prepare_all(store, err);
    if (status != OQ_OK) {
        oq_store_leave_untouched(store);
        goto out;
    }
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, (int *)NULL);
    *out = store;
    store = NULL;
out:
    oq_store_close(store);
    return status;
}

enum oq_status oq_store_open(const struct oq_store_options *options, struct oq_store **out,
                             struct oq_error *err)
{
    return oq_store_open_with(options, oq_migrations, oq_migration_count, out, err);
}

void oq_store_close(struct oq_store *store)
{
    if (!store)
        return;
    for (int i = 0; i < OQ_SQL_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    /* An open transaction is rolled back. A failing checkpoint is no loss, and SQLite does not
     * report it: the log stays and is read at the next open. */
    int rc = sqlite3_close(store->db);
    if (rc != SQLITE_OK) {
        oq_log_error("database: close: %s", sqlite3_errstr(rc));
        (void)sqlite3_close_v2(store->db);
    }
    oq_free(store->path);
    oq_free(store);
}

int oq_store_schema_version(void)
{
    return oq_migrations[oq_migration_count - 1].version;
}

const char *oq_store_event_text(enum oq_event_kind event)
{
    switch (event) {
    case OQ_EVENT_NONE:
        return "none";
    case OQ_EVENT_COMPLETE:
        return "complete";
    case OQ_EVENT_ERROR:
        return "error";
    }
    return NULL;
}
