/* test_recovery.c - what the start makes of each way in which the database and the files can have
 * come apart: one test per combination. tests/e2e/recovery.py does the same to the service. */
#include "engine_fixture.h"

#include "oq_log.h"
#include "oq_store.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define SIZE 3000000u
#define FILE_NAME "file.bin"

static char log_text[1 << 16];

static void keep_line(void *ctx, enum oq_log_level level, const char *line)
{
    size_t length = strlen(log_text);
    (void)ctx;
    (void)level;
    snprintf(log_text + length, sizeof log_text - length, "%s\n", line);
}

static int setup(void **state)
{
    static struct fixture f;
    log_text[0] = '\0';
    oq_log_set_sink(keep_line, NULL);
    fixture_open(&f);
    fixture_serve(&f, FILE_NAME, SIZE, 1);
    fixture_start(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    oq_log_set_sink(NULL, NULL);
    return 0;
}

static void assert_logged(const char *words)
{
    if (!strstr(log_text, words))
        fail_msg("the log does not say '%s':\n%s", words, log_text);
}

/* --- the queue between two starts ------------------------------------------------------------- */

/* The only group, as the database has it. The caller releases it. */
static struct oq_group stored;

static enum oq_status take(void *ctx, struct oq_group *group)
{
    (void)ctx;
    assert_int_equal(stored.id, 0);
    stored = *group;
    return OQ_OK;
}

static void edit(struct fixture *f, void (*change)(struct oq_group *group))
{
    char path[400];
    struct oq_store *store = NULL;
    struct oq_error err;
    snprintf(path, sizeof path, "%s/queue.db", f->folder);
    oq_group_release(&stored);
    stored = (struct oq_group){0};
    assert_int_equal(oq_store_open(&(struct oq_store_options){.path = path}, &store, &err), OQ_OK);
    assert_int_equal(oq_store_load(store, take, NULL, &err), OQ_OK);
    assert_int_not_equal(stored.id, 0);
    if (change) {
        change(&stored);
        assert_null(oq_group_check(&stored));
        assert_int_equal(oq_store_begin(store, &err), OQ_OK);
        assert_int_equal(oq_store_update_group(store, &stored, &err), OQ_OK);
        assert_int_equal(oq_store_update_file(store, stored.job.id, &stored.job.files[0], &err),
                         OQ_OK);
        assert_int_equal(oq_store_commit(store, &err), OQ_OK);
    }
    oq_store_close(store);
}

static const char *temp_of(void)
{
    return stored.job.files[0].temp_path;
}

static void start(struct fixture *f, const char *query)
{
    char rest[128];
    struct oq_error err;
    snprintf(rest, sizeof rest, "%s%s", FILE_NAME, query);
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{rest, FILE_NAME}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    if (query[0])
        fixture_wait_bytes(f, group, SIZE / 3);
    else
        fixture_wait(f, group, OQ_GROUP_COMPLETE);
    fixture_stop(f);
}

/* Stopped with a part of the file in its temporary file. */
static void stop_halfway(struct fixture *f)
{
    start(f, "?rate=3000000");
    edit(f, NULL);
    assert_true(stored.job.files[0].done_bytes >= SIZE / 3);
    assert_int_equal(access(temp_of(), F_OK), 0);
}

static char temp_path[400], temp_id[OQ_FILE_ID_TEXT];

static void back_to_committing(struct oq_group *group)
{
    struct oq_file *file = &group->job.files[0];
    group->state = OQ_GROUP_COMMITTING;
    group->event = OQ_EVENT_NONE;
    file->state = OQ_FILE_FETCHED;
    assert_int_equal(oq_text_set(&file->temp_path, temp_path), OQ_OK);
    assert_int_equal(oq_text_set(&file->temp_id, temp_id[0] ? temp_id : NULL), OQ_OK);
}

/* Stopped at the end, where the file has its final name, and the database set back to the moment
 * before the rename was recorded. */
static void stop_before_record(struct fixture *f, bool has_id)
{
    struct oq_file_facts facts;
    struct oq_error err;
    start(f, "");
    snprintf(temp_path, sizeof temp_path, "%s", fixture_out(f, "BIT0123456789abcdef.tmp"));
    assert_int_equal(f->files->stat(f->files->ctx, NULL, fixture_out(f, FILE_NAME), &facts, &err),
                     OQ_OK);
    assert_string_not_equal(facts.id, "");
    snprintf(temp_id, sizeof temp_id, "%s", has_id ? facts.id : "");
    edit(f, back_to_committing);
    log_text[0] = '\0';
}

static int64_t find_group(struct fixture *f)
{
    struct oq_guid guid = stored.guid;
    struct oq_error err;
    int64_t group = 0;
    oq_group_release(&stored);
    assert_int_equal(oq_engine_get_group(f->engine, &f->user, &guid, &group, &err), OQ_OK);
    return group;
}

/* The next start brings it to its end. */
static void assert_arrives(struct fixture *f)
{
    fixture_start(f);
    fixture_wait(f, find_group(f), OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, FILE_NAME, FILE_NAME));
    assert_int_equal(fixture_temp_count(f), 0);
}

static void overwrite(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool holds(const char *path, const char *text)
{
    char found[200] = "";
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    size_t length = fread(found, 1, sizeof found - 1, file);
    fclose(file);
    return length == strlen(text) && strcmp(found, text) == 0;
}

/* The server writes a request down when it is over, which can be after the file has arrived. */
static void assert_requested(struct fixture *f, const char *word, const char *other, unsigned count)
{
    int64_t start_ms = 0;
    while (fixture_requests(f, word, other) < count)
        assert_true(fixture_patience(&start_ms, 20));
    fixture_expect_requests(f, word, other, count);
}

/* --- a file that is being fetched ------------------------------------------------------------- */

static void recovery__file_as_recorded__goes_on_from_the_offset(void **state)
{
    struct fixture *f = *state;
    char range[64];
    stop_halfway(f);
    snprintf(range, sizeof range, "\"bytes=%llu-\"",
             (unsigned long long)stored.job.files[0].done_bytes);
    assert_arrives(f);
    assert_requested(f, range, "206", 1);
}

static void recovery__row_without_file__fetches_again(void **state)
{
    struct fixture *f = *state;
    stop_halfway(f);
    assert_int_equal(unlink(temp_of()), 0);
    assert_arrives(f);
    assert_logged("the temporary file is gone");
}

static void recovery__file_shorter_than_recorded__fetches_again(void **state)
{
    struct fixture *f = *state;
    stop_halfway(f);
    assert_int_equal(truncate(temp_of(), 1000), 0);
    assert_arrives(f);
    assert_logged("the temporary file was cut");
}

static void recovery__file_longer_than_recorded__is_cut_back(void **state)
{
    struct fixture *f = *state;
    char range[64];
    stop_halfway(f);
    snprintf(range, sizeof range, "\"bytes=%llu-\"",
             (unsigned long long)stored.job.files[0].done_bytes);
    FILE *file = fopen(temp_of(), "ab"); /* written, but not known to have been flushed */
    assert_non_null(file);
    for (unsigned i = 0; i < SIZE / 8; i++) /* more than the rest, which would overwrite it */
        assert_true(fputs("garbage.", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_arrives(f);
    assert_logged("longer than what is known to be flushed");
    assert_requested(f, range, "206", 1);
}

static void name_saved_only(struct oq_group *group)
{
    struct oq_file *file = &group->job.files[0];
    file->done_bytes = 0;
    assert_int_equal(oq_text_set(&file->etag, NULL), OQ_OK);
    assert_int_equal(oq_text_set(&file->last_modified, NULL), OQ_OK);
}

static void recovery__name_recorded_but_file_not_yet_made__makes_it(void **state)
{
    struct fixture *f = *state;
    stop_halfway(f);
    oq_group_release(&stored);
    edit(f, name_saved_only);
    assert_int_equal(unlink(temp_of()), 0);
    assert_arrives(f);
}

/* --- a file that is done ---------------------------------------------------------------------- */

static void recovery__recorded_but_not_renamed__renames(void **state)
{
    struct fixture *f = *state;
    stop_before_record(f, true);
    assert_int_equal(rename(fixture_out(f, FILE_NAME), temp_path), 0);
    assert_arrives(f);
    assert_requested(f, FILE_NAME, "GET", 1);
}

static void recovery__renamed_but_not_recorded__is_recognised(void **state)
{
    struct fixture *f = *state;
    for (int has_id = 0; has_id < 2; has_id++) {
        stop_before_record(f, has_id);
        assert_arrives(f);
        assert_logged("had its final name already");
        assert_requested(f, FILE_NAME, "GET", 1 + (unsigned)has_id);
        struct oq_guid guid = fixture_guid(1);
        struct oq_error err;
        int64_t group = 0;
        assert_int_equal(oq_engine_get_group(f->engine, &f->user, &guid, &group, &err), OQ_OK);
        assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, &err), OQ_OK);
    }
}

/* The user has gone on with the very file that arrived. */
static void recovery__renamed_and_changed_by_the_user__is_recognised(void **state)
{
    struct fixture *f = *state;
    stop_before_record(f, true);
    overwrite(fixture_out(f, FILE_NAME), "the user's work");
    fixture_start(f);
    fixture_wait(f, find_group(f), OQ_GROUP_COMPLETE);
    assert_logged("had its final name already");
    assert_true(holds(fixture_out(f, FILE_NAME), "the user's work"));
}

/* Same name and same size, and yet not the file that was fetched: it is not touched, and the group
 * does not claim to be complete. */
static void recovery__renamed_and_replaced_by_the_user__leaves_the_users_file(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    stop_before_record(f, true);
    fixture_serve(f, "other.bin", SIZE, 2);
    const char *final = fixture_out(f, FILE_NAME);
    char other[400];
    snprintf(other, sizeof other, "%s/www/other.bin", f->folder);
    assert_int_equal(unlink(final), 0);
    assert_int_equal(link(other, final), 0);
    fixture_start(f);
    int64_t group = find_group(f);
    struct oq_group_view view = fixture_wait(f, group, OQ_GROUP_ERROR);
    assert_non_null(strstr(view.error_text, "another one"));
    assert_true(fixture_is_same(f, FILE_NAME, "other.bin"));
    assert_logged("left alone");
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    fixture_wait(f, group, OQ_GROUP_COMPLETE); /* asked for once more: it comes */
    assert_true(fixture_is_same(f, FILE_NAME, FILE_NAME));
}

static void recovery__destination_appeared_before_the_rename__is_replaced(void **state)
{
    struct fixture *f = *state;
    stop_before_record(f, true);
    assert_int_equal(rename(fixture_out(f, FILE_NAME), temp_path), 0);
    overwrite(fixture_out(f, FILE_NAME), "an older version");
    assert_arrives(f);
}

static uint64_t folder_size_bytes;

static void of_the_size_of_the_folder(struct oq_group *group)
{
    struct oq_file *file = &group->job.files[0];
    file->size_bytes = file->done_bytes = folder_size_bytes;
}

static void recovery__folder_at_the_final_path__is_not_taken_for_the_file(void **state)
{
    struct fixture *f = *state;
    stop_before_record(f, false); /* without its id the size would decide */
    const char *final = fixture_out(f, FILE_NAME);
    struct oq_file_facts facts;
    struct oq_error err;
    assert_int_equal(unlink(final), 0);
    assert_int_equal(mkdir(final, 0755), 0);
    assert_int_equal(f->files->stat(f->files->ctx, NULL, final, &facts, &err), OQ_OK);
    folder_size_bytes = facts.size_bytes;
    edit(f, of_the_size_of_the_folder);
    fixture_start(f);
    fixture_wait(f, find_group(f), OQ_GROUP_ERROR);
    assert_int_equal(rmdir(final), 0); /* left alone */
}

static void recovery__neither_temporary_nor_final_file__is_told(void **state)
{
    struct fixture *f = *state;
    stop_before_record(f, true);
    assert_int_equal(unlink(fixture_out(f, FILE_NAME)), 0);
    fixture_start(f);
    struct oq_group_view view = fixture_wait(f, find_group(f), OQ_GROUP_ERROR);
    assert_non_null(strstr(view.error_text, "removed by somebody"));
}

/* --- files without a row ---------------------------------------------------------------------- */

static void cancel(struct oq_group *group)
{
    group->state = OQ_GROUP_CANCELLING;
}

static void recovery__cancelled_but_file_not_removed__removes_it(void **state)
{
    struct fixture *f = *state;
    int64_t start_ms = 0;
    stop_halfway(f);
    oq_group_release(&stored);
    edit(f, cancel);
    oq_group_release(&stored);
    assert_int_equal(fixture_temp_count(f), 1);
    fixture_start(f);
    while (fixture_temp_count(f) > 0 || oq_engine_has_work(f->engine))
        assert_true(fixture_patience(&start_ms, 20));
    assert_logged("temporary file removed");
    assert_false(fixture_out_exists(f, FILE_NAME));
}

/* The group's row is unreadable and there is no copy of it: what is known of its files is enough to
 * clear them away. What only looks like a file of ours is not touched. */
static void recovery__group_lost_by_damage__its_file_is_removed_and_no_other(void **state)
{
    struct fixture *f = *state;
    char path[400], command[900];
    int64_t start_ms = 0;
    stop_halfway(f);
    oq_group_release(&stored);
    char alike[400];
    snprintf(alike, sizeof alike, "%s", fixture_out(f, "BITfedcba9876543210.tmp"));
    overwrite(alike, "not ours");
    snprintf(path, sizeof path, "%s/queue.db", f->folder);
    snprintf(command, sizeof command,
             "python3 -c \"import sqlite3; c = sqlite3.connect('%s');"
             " c.execute('PRAGMA ignore_check_constraints = ON');"
             " c.execute('UPDATE groups SET pending_event = char(120)'); c.commit();"
             " c.execute('PRAGMA wal_checkpoint(TRUNCATE)'); c.close()\"",
             path);
    assert_int_equal(system(command), 0);
    assert_int_equal(fixture_temp_count(f), 2);
    fixture_start(f);
    assert_non_null(oq_engine_get_repair(f->engine));
    while (fixture_temp_count(f) > 1 || oq_engine_has_work(f->engine))
        assert_true(fixture_patience(&start_ms, 20));
    assert_true(holds(alike, "not ours"));
    assert_int_equal(unlink(alike), 0);
}

/* --- the backup copy -------------------------------------------------------------------------- */

static void recovery__database_destroyed__groups_come_back_from_the_copy(void **state)
{
    struct fixture *f = *state;
    char copy[400], path[400];
    struct stat facts;
    int64_t start_ms = 0;
    fixture_stop(f);
    f->backup_ms = 200;
    fixture_start(f);
    start(f, "?rate=3000000"); /* stops it */
    edit(f, NULL);
    fixture_start(f);
    find_group(f);
    snprintf(copy, sizeof copy, "%s/queue.backup.db", f->folder);
    snprintf(path, sizeof path, "%s/queue.db", f->folder);
    while (!strstr(log_text, "backup of the queue is up to date") || stat(copy, &facts) != 0)
        assert_true(fixture_patience(&start_ms, 30));
    fixture_stop(f);
    edit(f, NULL);
    overwrite(path, "this was a database once, and now it is not one any more");
    fixture_start(f);
    assert_non_null(strstr(oq_engine_get_repair(f->engine), "1 were taken from the backup copy"));
    fixture_wait(f, find_group(f), OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, FILE_NAME, FILE_NAME));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(recovery__file_as_recorded__goes_on_from_the_offset),
        TEST(recovery__row_without_file__fetches_again),
        TEST(recovery__file_shorter_than_recorded__fetches_again),
        TEST(recovery__file_longer_than_recorded__is_cut_back),
        TEST(recovery__name_recorded_but_file_not_yet_made__makes_it),
        TEST(recovery__recorded_but_not_renamed__renames),
        TEST(recovery__renamed_but_not_recorded__is_recognised),
        TEST(recovery__renamed_and_changed_by_the_user__is_recognised),
        TEST(recovery__renamed_and_replaced_by_the_user__leaves_the_users_file),
        TEST(recovery__destination_appeared_before_the_rename__is_replaced),
        TEST(recovery__folder_at_the_final_path__is_not_taken_for_the_file),
        TEST(recovery__neither_temporary_nor_final_file__is_told),
        TEST(recovery__cancelled_but_file_not_removed__removes_it),
        TEST(recovery__group_lost_by_damage__its_file_is_removed_and_no_other),
        TEST(recovery__database_destroyed__groups_come_back_from_the_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
