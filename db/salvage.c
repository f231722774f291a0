/* salvage.c - puts a whole queue in the place of a damaged one, with what can be saved.
 *
 * In four steps, each of which may be the last before a crash:
 *   1. what can be read of queue.db and of the backup copy is written into a draft,
 *      queue.rebuild.db, which counts for nothing until
 *   2. it is renamed to queue.salvaged.db. From here on it is the queue; a start that finds it goes
 *      on with
 *   3. queue.db-wal and what else stands beside, then queue.db itself, are renamed to
 *      queue.damaged-<date>.db..., and
 *   4. queue.salvaged.db is renamed to queue.db.
 * The date is that of the salvaged file, so that it is the same after an interruption.
 */
#include "store_int.h"

#include "oq_alloc.h"
#include "oq_log.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MOST 1000 /* damaged databases of one second */

struct names {
    char *draft, *salvaged, *backup;
};

/* --- what the caller is told ------------------------------------------------------------------ */

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
    char lost[120] = "";

    if (report->set_aside[0]) {
        sqlite3_snprintf((int)sizeof(where), where, " The damaged file is kept as %s.",
                         report->set_aside);
    }
    if (report->is_continued) {
        sqlite3_snprintf((int)size, text,
                         "the repair of a damaged queue that was interrupted has been finished;"
                         " %llu groups are in the queue.%s",
                         (unsigned long long)report->saved, where);
        return;
    }
    if (report->lost > 0) {
        sqlite3_snprintf((int)sizeof(lost), lost, "%llu could not be saved",
                         (unsigned long long)report->lost);
    } else {
        sqlite3_snprintf((int)sizeof(lost), lost, "none is known to be lost");
    }
    sqlite3_snprintf((int)size, text,
                     "the queue was damaged (%s): %llu groups were saved from it, %llu"
                     " were taken from the backup copy, %s%s.%s",
                     report->why, (unsigned long long)report->saved,
                     (unsigned long long)report->from_backup, lost,
                     report->is_count_sure ? "" : ", and there may have been others", where);
}

/* --- choosing groups -------------------------------------------------------------------------- */

static int compare_guids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct oq_guid));
}

/* GUIDs that were met, in order. */
struct guid_set {
    struct oq_guid *guids;
    size_t count;
};

static bool has(const struct guid_set *set, const struct oq_guid *guid)
{
    return set->count > 0 && bsearch(guid, set->guids, set->count, sizeof(*guid), compare_guids);
}

static enum oq_status set_of_groups(const struct oq_group *groups, size_t count,
                                    struct guid_set *set, struct oq_error *err)
{
    if (count == 0)
        return OQ_OK;
    set->guids = oq_calloc(count, sizeof(*set->guids));
    if (!set->guids)
        return oq_error_set(err, OQ_E_NOMEM, "salvage the queue: out of memory");
    set->count = count;
    for (size_t i = 0; i < count; i++)
        set->guids[i] = groups[i].guid;
    qsort(set->guids, count, sizeof(*set->guids), compare_guids);
    return OQ_OK;
}

/* The files on disk are younger than the copy: bytes of a WAITING file are fetched again rather
 * than believed. */
static enum oq_status forget_offsets(struct oq_group *group)
{
    enum oq_status status = OQ_OK;
    for (uint32_t i = 0; status == OQ_OK && i < group->job.file_count; i++) {
        struct oq_file *file = &group->job.files[i];
        if (file->state == OQ_FILE_WAITING) {
            file->done_bytes = 0;
            file->size_bytes = OQ_SIZE_UNKNOWN;
            status = oq_text_set(&file->etag, NULL);
            if (status == OQ_OK)
                status = oq_text_set(&file->last_modified, NULL);
            if (status == OQ_OK)
                status = oq_text_set(&file->digest, NULL);
        }
    }
    return status;
}

static bool names_file(const struct oq_group *group, const char *temp_path)
{
    for (uint32_t i = 0; i < group->job.file_count; i++) {
        const char *own = group->job.files[i].temp_path;
        if (own && strcmp(own, temp_path) == 0)
            return true;
    }
    return false;
}

/* What the copy knows of the group is used, so its remains must not take a file away from it. */
static void leave_files_to(struct oq_salvage *found, const struct oq_group *group)
{
    for (size_t i = 0; i < found->remains_count; i++) {
        struct oq_group *remains = &found->remains[i];
        uint32_t kept = 0;
        if (!oq_guid_is_equal(&remains->guid, &group->guid))
            continue;
        for (uint32_t k = 0; k < remains->job.file_count; k++) {
            struct oq_file file = remains->job.files[k];
            if (names_file(group, file.temp_path)) {
                oq_file_release(&file);
                continue;
            }
            file.index = kept;
            remains->job.files[kept++] = file;
        }
        remains->job.file_count = kept;
    }
}

/* --- the draft -------------------------------------------------------------------------------- */

/* False in *is_in: an identifier is taken, as only damage makes it. */
static enum oq_status put(struct oq_store *store, struct oq_group *group, bool *is_in,
                          struct oq_error *err)
{
    bool has_job = group->job.id != 0;
    *is_in = false;
    enum oq_status status = oq_store_insert_group(store, group, err);
    if (status == OQ_OK && has_job) {
        status = oq_store_insert_job(store, group, err);
        if (status == OQ_E_EXISTS) {
            status = oq_store_delete_group(store, group->id, err);
            return status;
        }
    }
    *is_in = status == OQ_OK;
    return status == OQ_E_EXISTS ? OQ_OK : status;
}

static int compare_groups(const void *a, const void *b)
{
    const struct oq_group *x = a;
    const struct oq_group *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static enum oq_status put_all(struct oq_store *store, struct oq_salvage *found,
                              struct oq_salvage *old, struct oq_store_report *report,
                              struct oq_error *err)
{
    struct guid_set whole = {0};
    struct guid_set broken = {found->broken, found->broken_count};
    size_t unseen = 0;
    bool is_in = false;

    if (broken.count > 0)
        qsort(broken.guids, broken.count, sizeof(*broken.guids), compare_guids);
    if (found->count > 0)
        qsort(found->groups, found->count, sizeof(*found->groups), compare_groups);
    if (old->count > 0)
        qsort(old->groups, old->count, sizeof(*old->groups), compare_groups);
    enum oq_status status = set_of_groups(found->groups, found->count, &whole, err);
    report->lost = broken.count;
    for (size_t i = 0; status == OQ_OK && i < found->count; i++) {
        status = put(store, &found->groups[i], &is_in, err);
        report->saved += is_in;
        report->lost += status == OQ_OK && !is_in;
    }
    for (size_t i = 0; status == OQ_OK && i < old->count; i++) {
        struct oq_group *group = &old->groups[i];
        bool was_broken = has(&broken, &group->guid);
        /* What is in the copy only was removed since, unless the damage can have hidden it. */
        if (has(&whole, &group->guid) || (found->is_complete && !was_broken))
            continue;
        status = forget_offsets(group);
        if (status == OQ_OK)
            status = put(store, group, &is_in, err);
        if (status == OQ_OK && is_in) {
            leave_files_to(found, group);
            report->from_backup++;
            report->lost -= was_broken;
            unseen += !was_broken;
        }
    }
    for (size_t i = 0; status == OQ_OK && i < found->remains_count; i++)
        if (found->remains[i].job.file_count > 0)
            status = put(store, &found->remains[i], &is_in, err);
    report->lost += found->nameless > unseen ? found->nameless - unseen : 0;
    report->is_count_sure = found->is_complete;
    oq_free(whole.guids);
    return status;
}

/* Writes the draft whole and flushed, or leaves nothing that counts. */
static enum oq_status write_draft(const struct oq_store_options *options, const char *draft,
                                  struct oq_salvage *found, struct oq_salvage *old,
                                  struct oq_store_report *report, struct oq_error *err)
{
    struct oq_store_options draft_options = *options;
    struct oq_store *store = NULL;

    draft_options.path = draft;
    enum oq_status status = oq_db_files_remove(draft, err);
    if (status == OQ_OK)
        status = oq_store_open(&draft_options, &store, err);
    if (status == OQ_OK)
        status = oq_store_begin(store, err);
    if (status == OQ_OK)
        status = put_all(store, found, old, report, err);
    if (status == OQ_OK)
        status = oq_store_commit(store, err);
    if (status == OQ_OK)
        status = oq_store_checkpoint(store, err);
    oq_store_close(store);
    return status;
}

/* --- taking the place ------------------------------------------------------------------------- */

/* Can everything that stands at `path` get the name `aside`? */
static enum oq_status is_name_free(const char *path, const char *aside, bool *is_free,
                                   struct oq_error *err)
{
    *is_free = true;
    for (int i = 0; i < OQ_DB_FILES; i++) {
        const char *suffix = oq_db_suffixes[i];
        char *from = oq_asprintf("%s%s", path, suffix);
        char *to = oq_asprintf("%s%s", aside, suffix);
        bool is_known = from && to;
        /* A log that is there already and missing here was moved before an interruption. */
        if (is_known && oq_db_file_exists(to, NULL) && (!*suffix || oq_db_file_exists(from, NULL)))
            *is_free = false;
        oq_free(from);
        oq_free(to);
        if (!is_known)
            return oq_error_set(err, OQ_E_NOMEM, "set the database aside: out of memory");
    }
    return OQ_OK;
}

static enum oq_status choose_name(const char *path, int64_t wall_ms, char **aside,
                                  struct oq_error *err)
{
    for (unsigned number = 1; number <= NAMES_MOST; number++) {
        char ending[48];
        bool is_free = false;
        oq_store_damaged_name(wall_ms, number, ending);
        char *name = oq_db_neighbour(path, ending);
        if (!name)
            return oq_error_set(err, OQ_E_NOMEM, "set the database aside: out of memory");
        enum oq_status status = is_name_free(path, name, &is_free, err);
        if (status == OQ_OK && is_free) {
            *aside = name;
            return OQ_OK;
        }
        oq_free(name);
        if (status != OQ_OK)
            return status;
    }
    return oq_error_set(err, OQ_E_DB, "set the database aside: every name is taken");
}

static enum oq_status move_aside(const char *path, const char *aside, bool *is_moved,
                                 struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    for (int i = 0; status == OQ_OK && i < OQ_DB_FILES; i++) {
        char *from = oq_asprintf("%s%s", path, oq_db_suffixes[i]);
        char *to = oq_asprintf("%s%s", aside, oq_db_suffixes[i]);
        if (!from || !to) {
            status = oq_error_set(err, OQ_E_NOMEM, "set the database aside: out of memory");
        } else if (oq_db_file_exists(from, NULL)) {
            status = oq_db_file_rename(from, to, false, err);
            *is_moved = *is_moved || status == OQ_OK;
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
static enum oq_status take_place(const char *path, const char *salvaged,
                                 struct oq_store_report *report, struct oq_error *err)
{
    char *aside = NULL;
    bool is_moved = false;

    enum oq_status status = choose_name(path, oq_db_file_written_ms(salvaged), &aside, err);
    if (status == OQ_OK)
        status = move_aside(path, aside, &is_moved, err);
    if (status == OQ_OK)
        status = oq_db_file_rename(salvaged, path, false, err);
    if (status == OQ_OK && is_moved) {
        sqlite3_snprintf((int)sizeof(report->set_aside), report->set_aside, "%s",
                         last_segment(aside));
    }
    oq_free(aside);
    return status;
}

/* --- the whole -------------------------------------------------------------------------------- */

static void names_release(struct names *names)
{
    oq_free(names->draft);
    oq_free(names->salvaged);
    oq_free(names->backup);
}

/* A newer version's copy shows that the queue was newer too, whatever is left of it. */
static enum oq_status refuse_newer_backup(const struct oq_store_options *options, const char *path,
                                          struct oq_error *err)
{
    int64_t application_id = 0, version = 0;
    struct oq_store_options backup = *options;
    backup.path = path;
    if (oq_salvage_identify(&backup, &application_id, &version) &&
        application_id == OQ_STORE_APPLICATION_ID && version > oq_store_schema_version()) {
        return oq_error_set(err, OQ_E_DB_NEWER,
                            "the queue is damaged and its backup copy has schema %lld, this program"
                            " knows %d; both were left untouched",
                            (long long)version, oq_store_schema_version());
    }
    return OQ_OK;
}

static enum oq_status read_and_draft(const struct oq_store_options *options,
                                     const struct names *names, struct oq_store_report *report,
                                     struct oq_error *err)
{
    struct oq_salvage found = {0}, old = {0};
    struct oq_store_options backup = *options;
    uint64_t size_bytes = 0;
    enum oq_status status = OQ_OK;

    backup.path = names->backup;
    if (oq_db_file_exists(options->path, &size_bytes) && size_bytes > 1)
        status = oq_salvage_read(options, &found, err);
    if (status == OQ_OK && oq_db_file_exists(names->backup, NULL)) {
        status = refuse_newer_backup(options, names->backup, err);
        if (status == OQ_OK)
            status = oq_salvage_read(&backup, &old, err);
    }
    if (status == OQ_OK)
        status = write_draft(options, names->draft, &found, &old, report, err);
    oq_salvage_release(&found);
    oq_salvage_release(&old);
    return status;
}

static enum oq_status repair(const struct oq_store_options *options, const struct names *names,
                             const struct oq_error *damage, struct oq_store_report *report,
                             struct oq_error *err)
{
    *report = (struct oq_store_report){.is_repaired = true};
    sqlite3_snprintf((int)sizeof(report->why), report->why, "%s", damage->text);
    oq_log_error("database: %s; saving what can be read", report->why);
    enum oq_status status = read_and_draft(options, names, report, err);
    if (status == OQ_OK)
        status = oq_db_file_rename(names->draft, names->salvaged, false, err);
    if (status == OQ_OK)
        status = take_place(options->path, names->salvaged, report, err);
    return status;
}

static enum oq_status drop(void *ctx, struct oq_group *group)
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

    /* To SQLite a file of one byte is empty too: it writes one to find a file again. */
    if (!oq_db_file_exists(options->path, &size_bytes) || size_bytes <= 1) {
        char *log = oq_asprintf("%s-wal", options->path);
        if (!log)
            return oq_error_set(err, OQ_E_NOMEM, "open the database: out of memory");
        bool has_log = oq_db_file_exists(log, &log_bytes) && log_bytes > 0;
        oq_free(log);
        if (has_log || oq_db_file_exists(names->backup, NULL))
            return oq_error_set(err, OQ_E_DB_DAMAGED, "the file of the database is gone or empty");
    }
    *count = 0;
    enum oq_status status = oq_store_open(options, &store, err);
    if (status == OQ_OK)
        status = oq_store_load(store, drop, count, err);
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

    oq_error_init(&damage);
    if (strcmp(options->path, ":memory:") == 0) {
        *report = done;
        return oq_store_open(options, out, err);
    }
    names.draft = oq_db_neighbour(options->path, "rebuild.db");
    names.salvaged = oq_db_neighbour(options->path, "salvaged.db");
    names.backup = oq_db_neighbour(options->path, "backup.db");
    if (!names.draft || !names.salvaged || !names.backup) {
        status = oq_error_set(err, OQ_E_NOMEM, "open the database: out of memory");
        goto out;
    }
    if (oq_db_file_exists(names.salvaged, NULL)) {
        done.is_repaired = done.is_continued = true;
        status = take_place(options->path, names.salvaged, &done, err);
        if (status != OQ_OK)
            goto out;
    }
    status = open_whole(options, &names, &count, out, &damage);
    if (status == OQ_E_DB_DAMAGED) {
        status = repair(options, &names, &damage, &done, err);
        if (status == OQ_OK) {
            oq_error_init(&damage);
            status = open_whole(options, &names, &count, out, &damage);
        }
        if (status != OQ_OK && damage.status == status && err)
            *err = damage;
    } else if (status != OQ_OK && err) {
        *err = damage;
    }
    if (status == OQ_OK) {
        if (done.is_continued)
            done.saved = count;
        *report = done;
    }
out:
    names_release(&names);
    return status;
}
