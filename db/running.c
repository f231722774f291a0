/* running.c - which files are being transferred: a row from the start of a transfer to its end.
 * What is there when the database is opened was running when the service last ended without a stop.
 *
 * These writes are not flushed: they have to survive the end of this process, not a power cut, and
 * there is one for each start of a file. A later commit that is flushed takes them along.
 */
#include "store_int.h"

#include "oq_alloc.h"

static enum oq_status set_flushing(struct oq_store *store, bool is_flushing, struct oq_error *err)
{
    return oq_store_exec(store,
                         is_flushing ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF",
                         "change how commits are flushed", err);
}

/* One statement, with as many of the arguments as it takes, as a transaction of its own. */
static enum oq_status write_row(struct oq_store *store, enum oq_store_sql which, int64_t job_id,
                                uint32_t index, uint64_t start_bytes, struct oq_error *err)
{
    struct oq_error ignored;
    sqlite3_stmt *stmt = store->statements[which];
    enum oq_status status = oq_store_settle(store, err);
    if (status == OQ_OK)
        status = set_flushing(store, false, err);
    if (status != OQ_OK)
        return status;
    int arguments = sqlite3_bind_parameter_count(stmt), rc = SQLITE_OK;
    if (arguments > 0)
        rc = sqlite3_bind_int64(stmt, 1, job_id);
    if (rc == SQLITE_OK && arguments > 1)
        rc = sqlite3_bind_int64(stmt, 2, index);
    if (rc == SQLITE_OK && arguments > 2)
        rc = sqlite3_bind_int64(stmt, 3, (sqlite3_int64)start_bytes);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc != SQLITE_DONE)
        status = oq_store_fail(store->db, rc, "save which files are transferred", err);
    (void)sqlite3_reset(stmt);
    oq_error_init(&ignored);
    enum oq_status restored = set_flushing(store, true, status == OQ_OK ? err : &ignored);
    return status == OQ_OK ? restored : status;
}

enum oq_status oq_store_running_begin(struct oq_store *store, int64_t job_id, uint32_t index,
                                      uint64_t start_bytes, struct oq_error *err)
{
    return write_row(store, OQ_SQL_BEGIN_RUNNING, job_id, index, start_bytes, err);
}

enum oq_status oq_store_running_end(struct oq_store *store, int64_t job_id, uint32_t index,
                                    struct oq_error *err)
{
    return write_row(store, OQ_SQL_END_RUNNING, job_id, index, 0, err);
}

enum oq_status oq_store_running_clear(struct oq_store *store, struct oq_error *err)
{
    return write_row(store, OQ_SQL_CLEAR_RUNNING, 0, 0, 0, err);
}

char *oq_store_crash_mark(const char *database_path)
{
    return oq_db_neighbour(database_path, "crashed");
}

/* Counted first, then removed: counted twice is better than not at all. */
static enum oq_status count_crash(struct oq_store *store, struct oq_error *err)
{
    uint64_t unused = 0;
    char *mark = oq_store_crash_mark(store->path);
    if (!mark)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    enum oq_status status = OQ_OK;
    if (oq_db_file_exists(mark, &unused)) {
        status = write_row(store, OQ_SQL_COUNT_CRASH, 0, 0, 0, err);
        if (status == OQ_OK)
            status = oq_db_file_remove(mark, err);
    }
    oq_free(mark);
    return status;
}

enum oq_status oq_store_load_running(struct oq_store *store,
                                     void (*take)(void *ctx, const struct oq_store_running *row),
                                     void *ctx, struct oq_error *err)
{
    sqlite3_stmt *stmt = store->statements[OQ_SQL_LOAD_RUNNING];
    int rc = 0;
    enum oq_status status = count_crash(store, err);
    if (status != OQ_OK)
        return status;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const struct oq_store_running row = {.job_id = sqlite3_column_int64(stmt, 0),
                                             .file_index = (uint32_t)sqlite3_column_int64(stmt, 1),
                                             .starts = (uint32_t)sqlite3_column_int64(stmt, 2),
                                             .crashes = (uint32_t)sqlite3_column_int64(stmt, 3),
                                             .start_bytes =
                                                 (uint64_t)sqlite3_column_int64(stmt, 4)};
        take(ctx, &row);
    }
    status = rc == SQLITE_DONE
                 ? OQ_OK
                 : oq_store_fail(store->db, rc, "load which files were transferred", err);
    (void)sqlite3_reset(stmt);
    return status;
}
