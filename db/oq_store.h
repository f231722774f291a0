/* oq_store.h - the queue on disk: everything the service must know after a power cut.
 *
 * Owns the SQLite connection. Engine thread only (tests: one thread). Nothing outside db/ includes
 * sqlite3.h. WAL, synchronous=FULL, locking_mode=EXCLUSIVE, foreign_keys=ON. What commit
 * acknowledged survives a power cut; offsets may be saved in their own transactions by the same
 * means. The schema is db/schema/NNNN_*.sql, compiled in; PRAGMA user_version is the number of the
 * newest one applied, and schema_migrations records each with its time. docs/database.md describes
 * it.
 *
 * Errors of all: OQ_E_DB (err->text has SQLite's message; OQ_E_DISK_FULL for SQLITE_FULL),
 * OQ_E_NOMEM, OQ_E_DB_DAMAGED where SQLite finds damage, OQ_E_BUG for a write outside of a
 * transaction, a value that oq_model.h forbids, or a text that is not UTF-8 (but error.text, which
 * is then stored as NULL). After a failure inside a transaction the caller rolls back; in-memory
 * state must then not have changed: ids that an insert has set are void again.
 */
#ifndef OQ_STORE_H
#define OQ_STORE_H

#include "oq_clock.h"
#include "oq_model.h"

struct oq_store;

struct oq_store_options {
    const char *path; /* UTF-8; the folder must exist; ":memory:" works for tests */
    const char *vfs;  /* NULL = SQLite's default; tests: the failing one */
    /* For schema_migrations and the limit of quick_check; NULL = the system's. */
    const struct oq_clock *clock;
};

/* Opens or creates, and upgrades an older schema, one transaction for each version.
 * OQ_E_DB_NEWER if user_version is above ours: the file is not changed in any byte. OQ_E_DB_DAMAGED
 * if it is not a database, or another program's, or fails quick_check (which is given up after a
 * second): it is not changed either. OQ_E_DB also when another process has it open. */
OQ_MUST_CHECK enum oq_status oq_store_open(const struct oq_store_options *options,
                                           struct oq_store **out, struct oq_error *err);
void oq_store_close(struct oq_store *store); /* checkpoints the WAL; NULL is allowed */

/* What oq_store_open_safe had to do. All zero: nothing. */
struct oq_store_report {
    bool is_repaired;   /* a damaged database was set aside; the rest says how it went */
    bool is_continued;  /* an earlier start had begun that and was interrupted */
    char why[256];      /* the damage, a sentence */
    char set_aside[80]; /* the damaged file's name now, without folder; "" if it was gone before */
    size_t saved;       /* groups taken from the damaged file; if is_continued: all there are */
    size_t from_backup; /* groups taken from the backup copy */
    size_t lost;        /* groups that were seen in it but could be taken from nowhere */
    bool is_count_sure; /* no group can have been lost that is not in `lost` */
};

/* As oq_store_open, but a damaged database does not end it: as docs/database.md ("Damage") says, it
 * is set aside as <name>.damaged-YYYYMMDD-HHMMSS.db (never deleted, never changed, nothing is
 * overwritten), and a new one takes its place with what can be read of the old one and of the
 * backup copy. Reads every row once, so that oq_store_load will find no damage. May be interrupted
 * at any point and repeated. OQ_E_DISK_FULL, OQ_E_DB, OQ_E_NOMEM: nothing is lost, try again. */
OQ_MUST_CHECK enum oq_status oq_store_open_safe(const struct oq_store_options *options,
                                                struct oq_store_report *report,
                                                struct oq_store **out, struct oq_error *err);
/* The report as one sentence for log and event. */
void oq_store_report_text(const struct oq_store_report *report, char *text, size_t size);
/* Pure: "damaged-20260131-235959.db" for that time in UTC; with number > 1
 * "damaged-20260131-235959-2.db". */
void oq_store_damaged_name(int64_t wall_ms, unsigned number, char text[48]);

/* A copy of the queue as <name>.backup.db, made in small steps between which the store is used as
 * usual; what is written meanwhile is in the copy. An older copy is replaced at the end, in one
 * rename, by one that is whole, checked and flushed. One copy at a time; free it before the store
 * is closed. No step inside a transaction (OQ_E_BUG). */
struct oq_store_backup;
OQ_MUST_CHECK enum oq_status oq_store_backup_begin(struct oq_store *store,
                                                   struct oq_store_backup **out,
                                                   struct oq_error *err);
/* Copies some pages; *is_done when the copy is in place. After a failure only
 * oq_store_backup_free is of use; the older copy is still there. */
OQ_MUST_CHECK enum oq_status oq_store_backup_step(struct oq_store_backup *backup, bool *is_done,
                                                  struct oq_error *err);
void oq_store_backup_free(
    struct oq_store_backup *backup); /* unfinished: given up; NULL is allowed */
/* Has anything been written since the last copy of this connection began, or is there none? */
bool oq_store_needs_backup(const struct oq_store *store);

/* Transactions do not nest. Every write below must be inside one. */
OQ_MUST_CHECK enum oq_status oq_store_begin(struct oq_store *store, struct oq_error *err);
/* Rolls back on failure. */
OQ_MUST_CHECK enum oq_status oq_store_commit(struct oq_store *store, struct oq_error *err);
void oq_store_rollback(struct oq_store *store); /* no transaction: nothing happens */

/* Inserts all but the job; on success sets group->id. OQ_E_EXISTS if a group that is not CANCELLING
 * has that GUID. */
OQ_MUST_CHECK enum oq_status oq_store_insert_group(struct oq_store *store, struct oq_group *group,
                                                   struct oq_error *err);
/* Writes every column of the group (not job and files) by group->id. OQ_E_NOT_FOUND if the row is
 * gone. */
OQ_MUST_CHECK enum oq_status oq_store_update_group(struct oq_store *store,
                                                   const struct oq_group *group,
                                                   struct oq_error *err);
/* Deletes the group with its job and files. OQ_E_NOT_FOUND if the row is gone. */
OQ_MUST_CHECK enum oq_status oq_store_delete_group(struct oq_store *store, int64_t group_id,
                                                   struct oq_error *err);
/* Inserts group->job (its files too, if it has any); sets group->job.id. OQ_E_EXISTS if the job
 * GUID is taken by a group that is not CANCELLING, or if the group has a job. OQ_E_NOT_FOUND if the
 * group's row is gone. */
OQ_MUST_CHECK enum oq_status oq_store_insert_job(struct oq_store *store, struct oq_group *group,
                                                 struct oq_error *err);
/* With its expectations. OQ_E_EXISTS if the job has a file of that index; OQ_E_NOT_FOUND if it
 * has no such job; OQ_E_INVALID_ARG for a size or offset above INT64_MAX (other than
 * OQ_SIZE_UNKNOWN), which the database cannot hold. */
OQ_MUST_CHECK enum oq_status oq_store_insert_file(struct oq_store *store, int64_t job_id,
                                                  const struct oq_file *file, struct oq_error *err);
/* Writes every column by (job_id, file->index), but not the expectations. OQ_E_NOT_FOUND if the
 * row is gone; OQ_E_INVALID_ARG as above. */
OQ_MUST_CHECK enum oq_status oq_store_update_file(struct oq_store *store, int64_t job_id,
                                                  const struct oq_file *file, struct oq_error *err);

/* Writes file->expectations, whole, in place of what there was; NULL removes it. OQ_E_NOT_FOUND
 * if the file's row is gone. */
OQ_MUST_CHECK enum oq_status oq_store_update_expectations(struct oq_store *store, int64_t job_id,
                                                          const struct oq_file *file,
                                                          struct oq_error *err);

/* Reads everything, in the order groups were created, files by index. `take` becomes the owner of
 * what *group holds (the struct itself is borrowed) when it returns OQ_OK; another status ends the
 * load with it. It must not call the store. A row that breaks a promise (oq_group_check) ends the
 * load with OQ_E_DB_DAMAGED. */
OQ_MUST_CHECK enum oq_status oq_store_load(struct oq_store *store,
                                           enum oq_status (*take)(void *ctx,
                                                                  struct oq_group *group),
                                           void *ctx, struct oq_error *err);

/* --- which files are transferred: db/running.c ------------------------------------------------ */

struct oq_store_running {
    int64_t job_id;
    uint32_t file_index;
    uint32_t starts;      /* since the last time that it ended */
    uint32_t crashes;     /* of those, how many were followed by a crash of the service */
    uint64_t start_bytes; /* what was saved at the last start */
};
/* The transfer of that file starts: counted until it ends, also over the end of this process. Not
 * flushed; no transaction may be open. OQ_E_NOT_FOUND if the file's row is gone. */
OQ_MUST_CHECK enum oq_status oq_store_running_begin(struct oq_store *store, int64_t job_id,
                                                    uint32_t index, uint64_t start_bytes,
                                                    struct oq_error *err);
/* It has ended, however. Nothing happens if it had not begun. */
OQ_MUST_CHECK enum oq_status oq_store_running_end(struct oq_store *store, int64_t job_id,
                                                  uint32_t index, struct oq_error *err);
/* The service stops in an orderly way: none is running. */
OQ_MUST_CHECK enum oq_status oq_store_running_clear(struct oq_store *store, struct oq_error *err);
/* Those that have begun and not ended. If the crash mark is there, a crash is counted for each of
 * them, and the mark is removed. `take` must not call the store. */
OQ_MUST_CHECK enum oq_status oq_store_load_running(struct oq_store *store,
                                                   void (*take)(void *ctx,
                                                                const struct oq_store_running *row),
                                                   void *ctx, struct oq_error *err);

/* The name of the crash mark: an empty file beside the database, made by the handler that
 * sees the process crash (an exception, a signal). Without it an end was a kill or a power cut.
 * New string (oq_free); NULL: no memory. */
char *oq_store_crash_mark(const char *database_path);

/* Newest schema number this program knows. */
int oq_store_schema_version(void);

#endif
