/* test_repair.c - db/repair.c: whatever was done to the file, there is a queue afterwards,
 * every group in it is right, every missing one is counted, and the damaged file is still there. */
#include "test_db.h"

#include "fault_vfs.h"
#include "oq_log.h"

#include <dirent.h>

#define GROUPS 100u
#define FILES 3u
#define QUEUE "queue.db"
#define BACKUP "queue.backup.db"
#define WHOLE "whole.db" /* what the tests damage copies of */

static struct oq_store_report report;

/* --- the folder ------------------------------------------------------------------------------- */

/* Calls `see` for each file whose name begins so; returns how many there are. */
static unsigned each_file(const char *beginning, void (*see)(const char *name))
{
    unsigned count = 0;
    DIR *folder = opendir(".");
    assert_non_null(folder);
    const struct dirent *item = NULL;
    while ((item = readdir(folder))) {
        if (strncmp(item->d_name, beginning, strlen(beginning)) == 0) {
            count++;
            if (see)
                see(item->d_name);
        }
    }
    closedir(folder);
    return count;
}

static void remove_file(const char *name)
{
    assert_int_equal(remove(name), 0);
}

static void clear(void)
{
    (void)each_file("queue.", remove_file);
}

static int setup_queue(void **state)
{
    clear();
    report = (struct oq_store_report){.saved = 99};
    *state = NULL;
    return 0;
}

static int teardown_queue(void **state)
{
    oq_store_close(*state);
    clear();
    return 0;
}

/* --- the queue -------------------------------------------------------------------------------- */

static void insert_many(struct oq_store *store, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        struct oq_group group;
        sample_group(&group, i);
        sample_job(&group, i, FILES);
        insert(store, &group);
        oq_group_release(&group);
    }
}

static void drop_line(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

static int build_whole(void **state)
{
    (void)state;
    oq_log_set_sink(drop_line, NULL);  /* damage is what is wanted here */
    assert_true(fault_vfs_register()); /* nothing fails; it does not wait for the disk */
    sample_database_remove(WHOLE);
    struct oq_store *store = open_store(WHOLE);
    insert_many(store, 1, GROUPS);
    oq_store_close(store);
    return 0;
}

static int remove_whole(void **state)
{
    (void)state;
    sample_database_remove(WHOLE);
    oq_log_set_sink(NULL, NULL);
    return 0;
}

static enum oq_status try_open(struct oq_store **store)
{
    oq_error_init(&err);
    return oq_store_open_safe(&(struct oq_store_options){.path = QUEUE, .vfs = FAULT_VFS_NAME},
                              &report, store, &err);
}

static struct oq_store *open_safe(void)
{
    struct oq_store *store = NULL;
    assert_ok(try_open(&store), err);
    assert_non_null(store);
    return store;
}

/* Every group is as it was inserted, or is being cleared away; none is there twice. Returns how
 * many are as inserted. */
static unsigned check_groups(struct oq_store *store)
{
    bool is_seen[GROUPS + 1] = {false};
    unsigned count = 0;
    struct sample_queue queue = load(store);
    for (size_t i = 0; i < queue.count; i++) {
        const struct oq_group *found = &queue.groups[i];
        uint32_t number = found->guid.data1;
        struct oq_group wanted;
        if (found->state == OQ_GROUP_CANCELLING)
            continue;
        assert_true(number >= 1 && number <= GROUPS);
        assert_false(is_seen[number]);
        is_seen[number] = true;
        sample_group(&wanted, number);
        sample_job(&wanted, number, FILES);
        assert_same_group(found, &wanted);
        oq_group_release(&wanted);
        count++;
    }
    sample_queue_release(&queue);
    return count;
}

/* Opens what is there, compares, and opens once more: then all must be in order. */
static unsigned check_opened(unsigned known)
{
    struct oq_store *store = open_safe();
    struct oq_store_report first = report;
    unsigned count = check_groups(store);
    if (first.is_repaired) {
        assert_int_equal(first.saved + first.from_backup, count);
        assert_string_not_equal(first.why, "");
        if (first.is_count_sure && count + first.lost < known) {
            fail_msg("%u groups and %u lost of %u, and sure (%s)", count, (unsigned)first.lost,
                     known, first.why);
        }
    }
    oq_store_close(store);
    store = open_safe();
    assert_false(report.is_repaired);
    assert_int_equal(check_groups(store), count);
    oq_store_close(store);
    assert_int_equal(each_file("queue.rebuild", NULL), 0);
    assert_int_equal(each_file("queue.repaired", NULL), 0);
    report = first;
    return count;
}

/* The damaged file stands under its new name, byte for byte. */
static void assert_set_aside(const unsigned char *bytes, size_t size)
{
    size_t kept_size = 0;
    assert_int_equal(strncmp(report.set_aside, "queue.damaged-20", 16), 0);
    unsigned char *kept = sample_file_read(report.set_aside, &kept_size);
    assert_non_null(kept);
    assert_int_equal(kept_size, size);
    assert_memory_equal(kept, bytes, size);
    free(kept);
}

/* --- nothing to do ---------------------------------------------------------------------------- */

static void repair__sound_or_new_database__nothing_is_done(void **state)
{
    (void)state;
    assert_int_equal(check_opened(0), 0);
    assert_false(report.is_repaired);
    sample_file_copy(WHOLE, QUEUE);
    assert_int_equal(check_opened(GROUPS), GROUPS);
    assert_false(report.is_repaired);
    assert_int_equal(report.saved, 0);
    assert_int_equal(each_file("queue.", NULL), 1);
}

static void repair__newer_database__is_refused_and_untouched(void **state)
{
    size_t size = 0, after_size = 0;
    sample_file_copy(WHOLE, QUEUE);
    unsigned char *bytes = sample_file_read(QUEUE, &size);
    bytes[63] = 99; /* user_version */
    sample_file_write(QUEUE, bytes, size);
    struct oq_store *store = (struct oq_store *)&err;
    assert_int_equal(try_open(&store), OQ_E_DB_NEWER);
    assert_ptr_equal(store, &err);
    assert_int_equal(report.saved, 99);
    unsigned char *after = sample_file_read(QUEUE, &after_size);
    assert_int_equal(after_size, size);
    assert_memory_equal(after, bytes, size);
    assert_int_equal(each_file("queue.", NULL), 1);
    free(after);
    free(bytes);
    (void)state;
}

static void repair__damaged_with_a_newer_backup__both_are_untouched(void **state)
{
    size_t size = 0;
    (void)state;
    unsigned char *bytes = sample_file_read(WHOLE, &size);
    bytes[63] = 99;
    sample_file_write(BACKUP, bytes, size);
    free(bytes);
    sample_file_write(QUEUE, "no database, but of some length", 31);
    struct oq_store *store = NULL;
    assert_int_equal(try_open(&store), OQ_E_DB_NEWER);
    assert_int_equal(each_file("queue.", NULL), 2);
}

/* --- damage ----------------------------------------------------------------------------------- */

static void repair__garbage__is_set_aside_and_a_new_queue_begins(void **state)
{
    static const char garbage[] = "this has never been a database, whatever its name may say";
    (void)state;
    sample_file_write(QUEUE, garbage, sizeof garbage);
    assert_int_equal(check_opened(0), 0);
    assert_true(report.is_repaired);
    assert_false(report.is_count_sure);
    assert_set_aside((const unsigned char *)garbage, sizeof garbage);
}

static void repair__same_second_twice__neither_is_overwritten(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        char garbage[64];
        snprintf(garbage, sizeof garbage, "garbage number %u, longer than nothing", i);
        sample_file_write(QUEUE, garbage, sizeof garbage);
        (void)check_opened(0);
        assert_set_aside((const unsigned char *)garbage, sizeof garbage);
        assert_int_equal(each_file("queue.damaged-", NULL), i + 1);
    }
}

static void damage_page(unsigned char *page, unsigned kind)
{
    for (unsigned i = 0; i < 4096; i++) {
        if (kind == 0) {
            page[i] = 0;
        } else if (kind == 1) {
            page[i] = (unsigned char)(i * 167u + 13u);
        } else if (i < 64) { /* headers and where the rows begin: SQLite does not know whether a
                                letter of a row is the right one */
            page[i] ^= i % 3 == 0 ? 0x5a : 0;
        }
    }
}

/* Each page in turn; with a backup no group may be lost. */
static void each_page(bool has_backup)
{
    size_t size = 0;
    unsigned repaired = 0, places = 0, lost = 0;
    unsigned char *whole = sample_file_read(WHOLE, &size);
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t page = 0; page < size / 4096; page++) {
        for (unsigned kind = 0; kind < 3; kind++) {
            if (has_backup && kind != page % 3)
                continue; /* one kind each is enough: what is read of the page hardly matters */
            clear();
            memcpy(bytes, whole, size);
            damage_page(bytes + page * 4096, kind);
            sample_file_write(QUEUE, bytes, size);
            if (has_backup)
                sample_file_copy(WHOLE, BACKUP);
            struct oq_store *store = NULL;
            if (page == 0 && try_open(&store) == OQ_E_DB_NEWER)
                continue; /* the damage looks like a newer version's file: it is left alone */
            oq_store_close(store);
            if (page == 0) { /* it was opened above */
                clear();
                sample_file_write(QUEUE, bytes, size);
                if (has_backup)
                    sample_file_copy(WHOLE, BACKUP);
            }
            unsigned count = check_opened(GROUPS);
            places++;
            repaired += report.is_repaired;
            lost += GROUPS - count;
            if (report.is_repaired)
                assert_set_aside(bytes, size);
            if (has_backup) {
                assert_int_equal(count, GROUPS);
                assert_int_equal(report.lost, 0);
            }
        }
    }
    free(bytes);
    free(whole);
    print_message("%u damaged pages, %u repairs, %u of %u groups lost\n", places, repaired, lost,
                  places * GROUPS);
    assert_true(repaired > places / 2);
    assert_true(lost < places * GROUPS / 3);
}

static void repair__each_page_damaged__saves_what_can_be_read(void **state)
{
    (void)state;
    each_page(false);
}

static void repair__each_page_damaged_with_a_backup__loses_nothing(void **state)
{
    (void)state;
    each_page(true);
}

static void repair__truncated_anywhere__saves_what_can_be_read(void **state)
{
    size_t size = 0;
    unsigned char *whole = sample_file_read(WHOLE, &size);
    (void)state;
    for (size_t length = 2; length < size; length += length < 200 ? 19 : 4096 + 311) {
        for (int has_backup = 0; has_backup < 2; has_backup++) {
            clear();
            sample_file_write(QUEUE, whole, length);
            if (has_backup)
                sample_file_copy(WHOLE, BACKUP);
            unsigned count = check_opened(GROUPS);
            if (!report.is_repaired)
                fail_msg("%zu bytes of it were taken for a queue", length);
            assert_set_aside(whole, length);
            if (has_backup)
                assert_int_equal(count, GROUPS);
        }
    }
    free(whole);
}

static void repair__each_header_byte_damaged__never_gives_a_wrong_group(void **state)
{
    size_t size = 0;
    unsigned char *bytes = sample_file_read(WHOLE, &size);
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        struct oq_store *store = NULL;
        unsigned char mask = i % 2 ? 0xff : 0x01;
        clear();
        bytes[i] ^= mask;
        sample_file_write(QUEUE, bytes, size);
        bytes[i] ^= mask;
        enum oq_status status = try_open(&store);
        if (status != OQ_OK && status != OQ_E_DB_NEWER)
            fail_msg("byte %zu: %s: %s", i, oq_status_name(status), err.text);
        if (store)
            (void)check_groups(store);
        oq_store_close(store);
    }
    free(bytes);
}

/* The log is read up to its first damaged frame: what comes out is the queue after some commit. */
static void repair__log_damaged__gives_an_earlier_whole_queue(void **state)
{
    static const char log_name[] = QUEUE "-wal";
    size_t size = 0;
    (void)state;
    sample_database_remove("log.db");
    struct oq_store *store = open_store("log.db");
    run_sql(store, "PRAGMA wal_autocheckpoint = 0");
    insert_many(store, 1, 20);
    sample_database_copy("log.db", "crashed.db");
    oq_store_close(store);
    unsigned char *log = sample_file_read("crashed.db-wal", &size);
    assert_non_null(log);
    for (size_t at = 0; at < size; at += at < 64 ? 5 : 4096 + 731) {
        clear();
        sample_file_copy("crashed.db", QUEUE);
        log[at] ^= 0x41;
        sample_file_write(log_name, log, size);
        log[at] ^= 0x41;
        unsigned count = check_opened(0);
        store = open_safe(); /* groups came in order: those that are there are the first ones */
        struct sample_queue queue = load(store);
        for (size_t i = 0; i < queue.count; i++)
            assert_int_equal(queue.groups[i].guid.data1, i + 1);
        assert_int_equal(queue.count, count);
        sample_queue_release(&queue);
        oq_store_close(store);
    }
    free(log);
    sample_database_remove("log.db");
    sample_database_remove("crashed.db");
}

static void repair__file_gone__comes_back_from_the_backup(void **state)
{
    (void)state;
    for (int is_empty = 0; is_empty < 2; is_empty++) {
        clear();
        sample_file_copy(WHOLE, BACKUP);
        if (is_empty)
            sample_file_write(QUEUE, "", 0);
        assert_int_equal(check_opened(GROUPS), GROUPS);
        assert_true(report.is_repaired);
        assert_int_equal(report.from_backup, GROUPS);
    }
}

/* Without a backup a log is all there is of the queue: it is set aside, not thrown away. */
static void repair__file_gone_but_its_log_is_there__log_is_set_aside(void **state)
{
    size_t size = 0;
    (void)state;
    sample_database_remove("log.db");
    struct oq_store *store = open_store("log.db");
    run_sql(store, "PRAGMA wal_autocheckpoint = 0");
    insert_many(store, 1, 5);
    unsigned char *log = sample_file_read("log.db-wal", &size);
    oq_store_close(store);
    assert_non_null(log);
    for (int is_empty = 0; is_empty < 2; is_empty++) {
        char name[100];
        size_t kept_size = 0;
        clear();
        sample_file_write(QUEUE "-wal", log, size);
        if (is_empty)
            sample_file_write(QUEUE, "", 0);
        (void)check_opened(0);
        assert_true(report.is_repaired);
        assert_int_equal(strncmp(report.set_aside, "queue.damaged-20", 16), 0);
        snprintf(name, sizeof name, "%s-wal", report.set_aside);
        unsigned char *kept = sample_file_read(name, &kept_size);
        assert_int_equal(kept_size, size);
        assert_memory_equal(kept, log, size);
        free(kept);
    }
    free(log);
    sample_database_remove("log.db");
}

/* A damaged row: its group comes from the copy or is counted, and no other one is touched. */
static void repair__row_with_an_impossible_value__only_that_group_is_concerned(void **state)
{
    (void)state;
    for (int has_backup = 0; has_backup < 2; has_backup++) {
        clear();
        sample_file_copy(WHOLE, QUEUE);
        struct oq_store *store = open_store(QUEUE);
        run_sql(store, "PRAGMA ignore_check_constraints = ON;"
                       "UPDATE groups SET state = 'nonsense' WHERE id = 7;"
                       "UPDATE files SET state = 'nonsense', temp_path = NULL WHERE job_id = 9");
        oq_store_close(store);
        if (has_backup)
            sample_file_copy(WHOLE, BACKUP);
        assert_int_equal(check_opened(GROUPS), has_backup ? GROUPS : GROUPS - 2);
        assert_int_equal(report.from_backup, has_backup ? 2 : 0);
        assert_int_equal(report.lost, has_backup ? 0 : 2);
    }
}

/* What was removed since the copy was made does not come back. */
static void repair__groups_of_the_backup_that_were_removed__stay_removed(void **state)
{
    (void)state;
    sample_file_copy(WHOLE, BACKUP);
    sample_file_copy(WHOLE, QUEUE);
    struct oq_store *store = open_store(QUEUE);
    run_sql(store, "DELETE FROM groups WHERE id <= 60;"
                   "PRAGMA ignore_check_constraints = ON;"
                   "UPDATE groups SET retries = -1 WHERE id = 70");
    oq_store_close(store);
    assert_int_equal(check_opened(GROUPS - 60), GROUPS - 60);
    assert_true(report.is_count_sure);
    assert_int_equal(report.from_backup, 1);
}

/* Bytes on disk are younger than the copy, so its offsets are not used. */
static void repair__running_file_of_the_backup__is_fetched_from_the_start(void **state)
{
    (void)state;
    struct oq_store *store = open_store(BACKUP);
    insert_many(store, 1, 1);
    run_sql(store, "UPDATE files SET temp_path = 'C:\\BIT0123456789abcdef.tmp', size_bytes = 900,"
                   " done_bytes = 500, etag = '\"v\"' WHERE file_index = 1");
    oq_store_close(store);
    sample_file_write(QUEUE, "garbage of some length, really", 30);
    store = open_safe();
    struct sample_queue queue = load(store);
    assert_int_equal(queue.count, 1);
    const struct oq_file *file = &queue.groups[0].job.files[1];
    assert_string_equal(file->temp_path, "C:\\BIT0123456789abcdef.tmp");
    assert_int_equal(file->done_bytes, 0);
    assert_true(file->size_bytes == OQ_SIZE_UNKNOWN);
    assert_null(file->etag);
    sample_queue_release(&queue);
    *state = store;
}

/* A group that cannot be saved leaves its temporary files to be cleared away, and finished ones to
 * be handed over. */
static void repair__temporary_files_of_a_lost_group__are_cleared_away(void **state)
{
    (void)state;
    struct oq_store *store = open_store(QUEUE);
    insert_many(store, 1, 2);
    run_sql(store, "PRAGMA ignore_check_constraints = ON;"
                   "UPDATE files SET temp_path = 'C:\\BIT0123456789abcde' || file_index || '.tmp',"
                   " size_bytes = 900, done_bytes = 500, etag = '\"v\"' WHERE job_id = 1;"
                   "UPDATE files SET state = 'fetched', done_bytes = 900"
                   " WHERE job_id = 1 AND file_index = 1;"
                   "UPDATE files SET state = 'nonsense' WHERE job_id = 1 AND file_index = 2");
    oq_store_close(store);
    store = open_safe();
    assert_int_equal(report.lost, 1);
    struct sample_queue queue = load(store);
    assert_int_equal(queue.count, 2);
    const struct oq_group *remains = &queue.groups[1];
    assert_int_equal(remains->guid.data1, 1);
    assert_int_equal(remains->state, OQ_GROUP_CANCELLING);
    assert_int_equal(remains->job.file_count, 2);
    assert_int_equal(remains->job.files[0].state, OQ_FILE_WAITING);
    assert_int_equal(remains->job.files[1].state, OQ_FILE_FETCHED);
    sample_queue_release(&queue);
    *state = store;
}

/* The group itself comes back from the copy: its temporary files are in use, whatever the damaged
 * file says of them. A fetched one would be given its final name, the other one removed. */
static void repair__broken_group_that_the_backup_has__keeps_its_temporary_files(void **state)
{
    (void)state;
    struct oq_store *store = open_store(QUEUE);
    insert_many(store, 1, 2);
    run_sql(store, "UPDATE files SET temp_path = 'C:\\BIT0123456789abcde' || file_index || '.tmp',"
                   " size_bytes = 900, done_bytes = 500, etag = '\"v\"' WHERE job_id = 1;"
                   "UPDATE files SET state = 'fetched', done_bytes = 900"
                   " WHERE job_id = 1 AND file_index = 1");
    oq_store_close(store);
    sample_file_copy(QUEUE, BACKUP);
    store = open_store(QUEUE); /* one more file name than the copy knows, and the damage */
    run_sql(store, "PRAGMA ignore_check_constraints = ON;"
                   "UPDATE files SET temp_path = 'C:\\BITfedcba9876543210.tmp'"
                   " WHERE job_id = 1 AND file_index = 2;"
                   "UPDATE groups SET retries = -1 WHERE id = 1");
    oq_store_close(store);
    store = open_safe();
    assert_int_equal(report.from_backup, 1);
    assert_int_equal(report.lost, 0);
    struct sample_queue queue = load(store);
    assert_int_equal(queue.count, 3);
    for (size_t i = 0; i < queue.count; i++) {
        const struct oq_job *job = &queue.groups[i].job;
        if (queue.groups[i].state != OQ_GROUP_CANCELLING)
            continue;
        assert_int_equal(job->file_count, 3);
        assert_null(job->files[0].temp_path);
        assert_null(job->files[1].temp_path);
        assert_string_equal(job->files[2].temp_path, "C:\\BITfedcba9876543210.tmp");
    }
    sample_queue_release(&queue);
    *state = store;
}

/* Damage must not make the service remove a file that is not its own. */
static void repair__path_that_is_no_temporary_name__is_not_cleared_away(void **state)
{
    (void)state;
    struct oq_store *store = open_store(QUEUE);
    insert_many(store, 1, 2);
    run_sql(store, "PRAGMA ignore_check_constraints = ON;"
                   "UPDATE files SET temp_path = 'C:\\precious.doc' WHERE job_id = 1;"
                   "UPDATE files SET temp_path = 'C:\\BIT0123456789abcdef.tmp'"
                   " WHERE job_id = 1 AND file_index = 1;"
                   "UPDATE groups SET retries = -1 WHERE id = 1");
    oq_store_close(store);
    store = open_safe();
    assert_int_equal(report.lost, 1);
    struct sample_queue queue = load(store);
    assert_int_equal(queue.count, 2);
    assert_int_equal(queue.groups[1].state, OQ_GROUP_CANCELLING);
    assert_int_equal(queue.groups[1].job.file_count, 1);
    assert_string_equal(queue.groups[1].job.files[0].temp_path, "C:\\BIT0123456789abcdef.tmp");
    sample_queue_release(&queue);
    *state = store;
}

/* The files behind a row that cannot be read are found, too. */
static void repair__temporary_files_behind_a_damaged_row__are_cleared_away(void **state)
{
    (void)state;
    struct oq_store *store = open_store(QUEUE);
    insert_many(store, 1, 1);
    run_sql(store, "PRAGMA ignore_check_constraints = ON;"
                   "UPDATE files SET temp_path = 'C:\\BIT0123456789abcde' || file_index || '.tmp',"
                   " size_bytes = 900, done_bytes = 500;"
                   "UPDATE files SET state = 'nonsense' WHERE file_index = 0;"
                   "UPDATE files SET state = 'fetched' WHERE file_index = 2");
    oq_store_close(store);
    store = open_safe();
    struct sample_queue queue = load(store);
    assert_int_equal(queue.count, 1);
    const struct oq_job *job = &queue.groups[0].job;
    assert_int_equal(queue.groups[0].state, OQ_GROUP_CANCELLING);
    assert_int_equal(job->file_count, 1); /* not the fetched one: it is not as long as it must be */
    assert_string_equal(job->files[0].temp_path, "C:\\BIT0123456789abcde1.tmp");
    assert_int_equal(job->files[0].done_bytes, 0);
    sample_queue_release(&queue);
    *state = store;
}

static bool is_page_of_groups(const unsigned char *page)
{
    struct oq_group group;
    bool is_found = false;
    sample_group(&group, 1);
    size_t length = strlen(group.display_name) - 1; /* without the number */
    for (size_t i = 0; page[0] == 0x0d && i < 4096 - length; i++)
        is_found = is_found || memcmp(page + i, group.display_name, length) == 0;
    oq_group_release(&group);
    return is_found;
}

/* Reading does not end at the first damaged page, nor at the second. */
static void repair__every_second_page_of_groups_damaged__the_others_are_saved(void **state)
{
    size_t size = 0;
    unsigned pages = 0, wanted = 0;
    unsigned char *bytes = sample_file_read(WHOLE, &size);
    (void)state;
    for (size_t at = 4096; at + 4096 <= size; at += 4096) {
        if (!is_page_of_groups(bytes + at))
            continue;
        if (pages++ % 2 == 0)
            memset(bytes + at, 0, 4096);
        else
            wanted += (unsigned)bytes[at + 3] << 8 | bytes[at + 4]; /* cells, one for each group */
    }
    sample_file_write(QUEUE, bytes, size);
    free(bytes);
    assert_true(pages >= 3); /* at least the first and the third one */
    assert_true(wanted > 0);
    assert_int_equal(check_opened(GROUPS), wanted);
    assert_false(report.is_count_sure);
}

/* SQLite may read a damaged page without an error and find no row. A file whose hash has vanished
 * would no longer be verified. */
static void repair__hash_hidden_by_damage__group_is_not_saved_without_it(void **state)
{
    size_t size = 0;
    struct oq_group group;
    (void)state;
    struct oq_store *store = open_store(QUEUE);
    sample_group(&group, 1);
    sample_job(&group, 1, FILES);
    group.job.files[0].expectations = sample_expectations();
    insert(store, &group);
    oq_group_release(&group);
    insert_many(store, 2, 1);
    int64_t page =
        query_int(store, "SELECT rootpage FROM sqlite_schema WHERE name = 'file_expectations'");
    oq_store_close(store);
    unsigned char *bytes = sample_file_read(QUEUE, &size);
    memset(bytes + (page - 1) * 4096 + 3, 0, 2); /* number of cells */
    sample_file_write(QUEUE, bytes, size);
    free(bytes);
    assert_int_equal(check_opened(2), 1);
    assert_true(report.is_repaired);
    assert_int_equal(report.lost, 1);
}

/* Groups that damage can have hidden come from the backup, and without one the count is not sure.
 */
static void check_hidden(const char *damage, unsigned hidden)
{
    for (int has_backup = 0; has_backup < 2; has_backup++) {
        clear();
        sample_file_copy(WHOLE, QUEUE);
        if (has_backup)
            sample_file_copy(WHOLE, BACKUP);
        struct oq_store *store = open_store(QUEUE);
        run_sql(store, "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF");
        run_sql(store, damage);
        oq_store_close(store);
        assert_int_equal(check_opened(GROUPS), has_backup ? GROUPS : GROUPS - hidden);
        assert_true(report.is_repaired);
        assert_false(report.is_count_sure);
        assert_int_equal(report.from_backup, has_backup ? hidden : 0);
    }
}

static void repair__group_without_its_guid__may_be_any_of_the_backup(void **state)
{
    (void)state;
    check_hidden("UPDATE groups SET guid = zeroblob(16) WHERE id = 7", 1);
}

static void repair__id_that_was_never_given__is_damage(void **state)
{
    (void)state;
    check_hidden("UPDATE groups SET id = 1000000 WHERE id = 7;"
                 "UPDATE groups SET retries = -1 WHERE id = 8",
                 2);
}

/* A page that SQLite reads without an error, but that has lost a row. */
static void repair__groups_hidden_by_damage__come_from_the_backup(void **state)
{
    size_t size = 0;
    (void)state;
    unsigned char *bytes = sample_file_read(WHOLE, &size);
    sample_file_copy(WHOLE, BACKUP);
    for (size_t at = 4096; at + 4096 <= size; at += 4096) {
        if (is_page_of_groups(bytes + at)) {
            bytes[at + 4]--; /* number of cells: the last one is not seen */
            break;
        }
    }
    sample_file_write(QUEUE, bytes, size);
    free(bytes);
    assert_int_equal(check_opened(GROUPS), GROUPS);
    assert_true(report.from_backup > 0);
    assert_false(report.is_count_sure);
}

/* Damage that only the load finds: the log is not written into the database before both are set
 * aside. */
static void repair__damaged_row_in_the_log__both_files_are_set_aside_unchanged(void **state)
{
    size_t size = 0, log_size = 0, kept_size = 0;
    char name[100];
    (void)state;
    sample_database_remove("log.db");
    struct oq_store *store = open_store("log.db");
    run_sql(store, "PRAGMA wal_autocheckpoint = 0");
    insert_many(store, 1, 5);
    run_sql(store, "UPDATE groups SET pending_event = 'complete' WHERE id = 3");
    sample_database_copy("log.db", QUEUE);
    oq_store_close(store);
    unsigned char *bytes = sample_file_read(QUEUE, &size);
    unsigned char *log = sample_file_read(QUEUE "-wal", &log_size);
    assert_int_equal(check_opened(5), 4);
    assert_set_aside(bytes, size);
    snprintf(name, sizeof name, "%s-wal", report.set_aside);
    unsigned char *kept = sample_file_read(name, &kept_size);
    assert_int_equal(kept_size, log_size);
    assert_memory_equal(kept, log, log_size);
    free(kept);
    free(log);
    free(bytes);
    sample_database_remove("log.db");
}

#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_queue, teardown_queue)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(repair__sound_or_new_database__nothing_is_done),
        QUEUE_TEST(repair__newer_database__is_refused_and_untouched),
        QUEUE_TEST(repair__damaged_with_a_newer_backup__both_are_untouched),
        QUEUE_TEST(repair__garbage__is_set_aside_and_a_new_queue_begins),
        QUEUE_TEST(repair__same_second_twice__neither_is_overwritten),
        QUEUE_TEST(repair__each_page_damaged__saves_what_can_be_read),
        QUEUE_TEST(repair__each_page_damaged_with_a_backup__loses_nothing),
        QUEUE_TEST(repair__truncated_anywhere__saves_what_can_be_read),
        QUEUE_TEST(repair__each_header_byte_damaged__never_gives_a_wrong_group),
        QUEUE_TEST(repair__log_damaged__gives_an_earlier_whole_queue),
        QUEUE_TEST(repair__file_gone__comes_back_from_the_backup),
        QUEUE_TEST(repair__file_gone_but_its_log_is_there__log_is_set_aside),
        QUEUE_TEST(repair__row_with_an_impossible_value__only_that_group_is_concerned),
        QUEUE_TEST(repair__groups_of_the_backup_that_were_removed__stay_removed),
        QUEUE_TEST(repair__running_file_of_the_backup__is_fetched_from_the_start),
        QUEUE_TEST(repair__temporary_files_of_a_lost_group__are_cleared_away),
        QUEUE_TEST(repair__broken_group_that_the_backup_has__keeps_its_temporary_files),
        QUEUE_TEST(repair__path_that_is_no_temporary_name__is_not_cleared_away),
        QUEUE_TEST(repair__temporary_files_behind_a_damaged_row__are_cleared_away),
        QUEUE_TEST(repair__every_second_page_of_groups_damaged__the_others_are_saved),
        QUEUE_TEST(repair__hash_hidden_by_damage__group_is_not_saved_without_it),
        QUEUE_TEST(repair__group_without_its_guid__may_be_any_of_the_backup),
        QUEUE_TEST(repair__id_that_was_never_given__is_damage),
        QUEUE_TEST(repair__groups_hidden_by_damage__come_from_the_backup),
        QUEUE_TEST(repair__damaged_row_in_the_log__both_files_are_set_aside_unchanged),
    };
    return cmocka_run_group_tests(tests, build_whole, remove_whole);
}
