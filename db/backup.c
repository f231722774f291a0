/* backup.c - online backup of the queue, by SQLite's backup API
 * (https://www.sqlite.org/c3ref/backup_finish.html). Engine thread only.
 *
 * The copy is written to queue.copying.db and replaces queue.backup.db by one rename when it is
 * whole. Pages that this connection changes meanwhile are written to both by SQLite itself, so a
 * copy never starts again from the front.
 */
#include "store_int.h"

#include "oq_alloc.h"

/* A step: at most 256 KiB, below a millisecond for most disks. */
#define STEP_PAGES 64
/* Time limit of the quick_check of a finished copy. */
#define CHECK_LIMIT_MS 200

struct oq_store_backup {
    struct oq_store *store;
    struct oq_store copy; /* only its connection */
    sqlite3_backup *backup;
    char *copying, *final;
};

static enum oq_status open_copy(struct oq_store_backup *backup, struct oq_error *err)
{
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(backup->copying, &backup->copy.db, flags, backup->store->vfs);
    if (rc != SQLITE_OK)
        return oq_store_fail(backup->copy.db, rc, "open the backup copy", err);
    enum oq_status status = oq_store_configure(&backup->copy, err);
    /* An unfinished copy is never read, so it needs no journal; the last step flushes it. */
    if (status == OQ_OK) {
        status =
            oq_store_exec(&backup->copy, "PRAGMA journal_mode = OFF; PRAGMA synchronous = FULL",
                          "configure the backup copy", err);
    }
    return status;
}

enum oq_status oq_store_backup_begin(struct oq_store *store, struct oq_store_backup **out,
                                     struct oq_error *err)
{
    enum oq_status status = OQ_OK;

    if (store->is_in_transaction)
        return oq_error_set(err, OQ_E_BUG, "a backup copy is begun inside a transaction");
    struct oq_store_backup *backup = oq_calloc(1, sizeof(*backup));
    if (!backup)
        return oq_error_set(err, OQ_E_NOMEM, "copy the queue: out of memory");
    backup->store = store;
    backup->copy.clock = store->clock;
    backup->copying = oq_db_neighbour(store->path, "copying.db");
    backup->final = oq_db_neighbour(store->path, "backup.db");
    if (!backup->copying || !backup->final) {
        status = oq_error_set(err, OQ_E_NOMEM, "copy the queue: out of memory");
        goto out;
    }
    status = oq_db_files_remove(backup->copying, err); /* one that was not finished */
    if (status == OQ_OK)
        status = open_copy(backup, err);
    if (status != OQ_OK)
        goto out;
    backup->backup = sqlite3_backup_init(backup->copy.db, "main", store->db, "main");
    if (!backup->backup) {
        status = oq_store_fail(backup->copy.db, sqlite3_extended_errcode(backup->copy.db),
                               "copy the queue", err);
        goto out;
    }
    store->has_backup = true;
    store->changes_at_backup = sqlite3_total_changes(store->db);
    *out = backup;
    backup = NULL;
out:
    oq_store_backup_free(backup);
    return status;
}

/* The copy is whole: checks it, then replaces the older one. */
static enum oq_status replace_older(struct oq_store_backup *backup, struct oq_error *err)
{
    int rc = sqlite3_backup_finish(backup->backup); /* commits and flushes */
    backup->backup = NULL;
    if (rc != SQLITE_OK)
        return oq_store_fail(backup->copy.db, rc, "finish the backup copy", err);
    enum oq_status status =
        oq_store_quick_check(&backup->copy, "PRAGMA quick_check(1)", true, CHECK_LIMIT_MS, err);
    oq_store_leave_untouched(&backup->copy);
    rc = sqlite3_close(backup->copy.db);
    backup->copy.db = NULL;
    if (status == OQ_OK && rc != SQLITE_OK)
        status = oq_store_fail(NULL, rc, "close the backup copy", err);
    return status == OQ_OK ? oq_db_file_rename(backup->copying, backup->final, true, err) : status;
}

enum oq_status oq_store_backup_step(struct oq_store_backup *backup, bool *is_done,
                                    struct oq_error *err)
{
    enum oq_status status = OQ_OK;

    if (backup->store->is_in_transaction || !backup->backup)
        return oq_error_set(err, OQ_E_BUG, "a step of a backup copy out of place");
    int rc = sqlite3_backup_step(backup->backup, STEP_PAGES);
    if (rc == SQLITE_OK) {
        *is_done = false;
        return OQ_OK;
    }
    if (rc == SQLITE_DONE)
        status = replace_older(backup, err);
    else
        status = oq_store_fail(backup->copy.db, rc, "copy the queue", err);
    if (status == OQ_OK)
        *is_done = true;
    else
        backup->store->has_backup = false; /* there is still something to copy */
    return status;
}

void oq_store_backup_free(struct oq_store_backup *backup)
{
    struct oq_error ignored;

    if (!backup)
        return;
    if (backup->backup) {
        (void)sqlite3_backup_finish(backup->backup);
        backup->store->has_backup = false;
    }
    (void)sqlite3_close_v2(backup->copy.db);
    if (backup->copying)
        (void)(oq_db_files_remove(backup->copying, &ignored) == OQ_OK);
    oq_free(backup->copying);
    oq_free(backup->final);
    oq_free(backup);
}

bool oq_store_needs_backup(const struct oq_store *store)
{
    return !store->has_backup || sqlite3_total_changes(store->db) != store->changes_at_backup;
}
