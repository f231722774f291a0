/* test_resume.c - going on from saved bytes, and never mixing two versions of a file. */
#include "engine_fixture.h"

#include "posix_files.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define SIZE 6000000u

static int setup(void **state)
{
    static struct fixture f;
    fixture_open(&f);
    fixture_start(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

static void resume(struct fixture *f, int64_t group)
{
    struct oq_error err;
    oq_error_init(&err);
    if (oq_engine_resume(f->engine, &f->user, group, &err) != OQ_OK)
        fail_msg("resume: %s", err.text);
}

static void suspend(struct fixture *f, int64_t group)
{
    struct oq_error err;
    oq_error_init(&err);
    if (oq_engine_suspend(f->engine, &f->user, group, &err) != OQ_OK)
        fail_msg("suspend: %s", err.text);
}

/* A group with one file that comes slowly and has come halfway. */
static int64_t halfway(struct fixture *f, const char *query)
{
    char rest[128];
    fixture_serve(f, "slow.bin", SIZE, 1);
    snprintf(rest, sizeof rest, "slow.bin?rate=6000000%s", query);
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{rest, "slow.bin"}});
    resume(f, group);
    fixture_wait_bytes(f, group, SIZE / 3);
    return group;
}

/* Shows IBackgroundCopyGroup::SuspendGroup.what-come-kept */
static void resume__after_suspend__asks_for_the_rest_only(void **state)
{
    struct fixture *f = *state;
    int64_t group = halfway(f, "");
    suspend(f, group);
    struct oq_group_view first = fixture_view(f, group);
    assert_int_equal(first.state, OQ_GROUP_SUSPENDED);
    assert_true(first.progress.done_bytes >= SIZE / 3);
    assert_int_equal(fixture_view(f, group).progress.done_bytes, first.progress.done_bytes);
    assert_false(fixture_out_exists(f, "slow.bin"));
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "slow.bin", "slow.bin"));
    char range[64];
    snprintf(range, sizeof range, "\"bytes=%llu-\"", (unsigned long long)first.progress.done_bytes);
    fixture_expect_requests(f, range, "206", 1);
}

static void resume__after_restart_of_the_service__continues_by_itself(void **state)
{
    struct fixture *f = *state;
    int64_t group = halfway(f, "");
    fixture_stop(f);
    fixture_start(f);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "slow.bin", "slow.bin"));
    fixture_expect_requests(f, "slow.bin", "206", 2);
    fixture_expect_requests(f, "bytes=0-", "206", 1);
}

static void resume__after_cut_connections__loses_nothing(void **state)
{
    struct fixture *f = *state;
    fixture_serve(f, "cut.bin", SIZE, 2);
    int64_t group =
        fixture_group(f, 1, 1, (const char *const[][2]){{"cut.bin?cut=1500000&on=1-3", "cut.bin"}});
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "cut.bin", "cut.bin"));
    fixture_expect_requests(f, "\"bytes=1500000-\"", "206", 1);
    fixture_expect_requests(f, "\"bytes=3000000-\"", "206", 1);
    fixture_expect_requests(f, "\"bytes=4500000-\"", "206", 1);
}

static void resume__file_changed_meanwhile__starts_from_zero(void **state)
{
    struct fixture *f = *state;
    int64_t group = halfway(f, "");
    suspend(f, group);
    fixture_serve(f, "slow.bin", SIZE, 99);
    resume(f, group);
    int64_t start_ms = 0;
    while (strcmp(fixture_view(f, group).error_text,
                  "The download started again from zero: the server sends the whole file.") != 0)
        assert_true(fixture_patience(&start_ms, 20));
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "slow.bin", "slow.bin"));
}

static void resume__file_became_shorter__starts_from_zero(void **state)
{
    struct fixture *f = *state;
    int64_t group = halfway(f, "");
    suspend(f, group);
    fixture_serve(f, "slow.bin", 1000, 99);
    resume(f, group);
    struct oq_group_view view = fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "slow.bin", "slow.bin"));
    assert_int_equal(view.progress.total_bytes, 1000);
}

static void resume__no_validator__starts_from_zero(void **state)
{
    struct fixture *f = *state;
    int64_t group = halfway(f, "&etag=none&last-modified=none");
    suspend(f, group);
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "slow.bin", "slow.bin"));
    fixture_expect_requests(f, "\"bytes=0-\"", "206", 1);
    fixture_expect_requests(f, "slow.bin", "200", 1); /* without a range */
}

static void resume__server_without_ranges__starts_from_zero(void **state)
{
    struct fixture *f = *state;
    int64_t group = halfway(f, "&no-ranges");
    suspend(f, group);
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "slow.bin", "slow.bin"));
}

static const char *temp_of(struct fixture *f, int64_t group)
{
    static char path[512];
    struct oq_file_view file;
    struct oq_error err;
    oq_error_init(&err);
    assert_int_equal(oq_engine_view_file(f->engine, &f->user, group, 0, &file, &err), OQ_OK);
    assert_non_null(file.temp_path);
    snprintf(path, sizeof path, "%s", file.temp_path);
    oq_file_view_release(&file);
    return path;
}

static void resume__temporary_file_vanished__starts_from_zero(void **state)
{
    struct fixture *f = *state;
    int64_t group = halfway(f, "");
    suspend(f, group);
    assert_int_equal(unlink(temp_of(f, group)), 0);
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "slow.bin", "slow.bin"));
}

static void resume__temporary_file_cut__starts_from_zero(void **state)
{
    struct fixture *f = *state;
    int64_t group = halfway(f, "");
    suspend(f, group);
    assert_int_equal(truncate(temp_of(f, group), 100), 0);
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "slow.bin", "slow.bin"));
}

static void resume__temporary_file_longer_than_saved__trusts_the_saved_offset_only(void **state)
{
    struct fixture *f = *state;
    int64_t group = halfway(f, "");
    suspend(f, group);
    FILE *file = fopen(temp_of(f, group), "ab");
    assert_non_null(file);
    /* More than the rest of the file, which would overwrite it. */
    for (unsigned i = 0; i < SIZE / 16; i++)
        fputs("never flushed...", file);
    assert_int_equal(fclose(file), 0);
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "slow.bin", "slow.bin"));
    fixture_expect_requests(f, "slow.bin", "206", 2);
}

/* The first file that is to be created is there already: another program's. */
static struct oq_file_port port;
static char foreign_path[512];

static enum oq_status open_taken(void *ctx, struct oq_identity *as, const char *temp_path,
                                 enum oq_open_mode mode, struct oq_fhandle **out,
                                 uint64_t *size_bytes, struct oq_error *err)
{
    if (mode == OQ_OPEN_CREATE && !foreign_path[0]) {
        snprintf(foreign_path, sizeof foreign_path, "%s", temp_path);
        FILE *file = fopen(temp_path, "wb");
        if (!file || fputs("another program's", file) < 0 || fclose(file) != 0)
            return OQ_E_IO;
    }
    return posix_files()->open(ctx, as, temp_path, mode, out, size_bytes, err);
}

static void begin__temporary_name_is_taken__takes_another_and_leaves_that_file(void **state)
{
    struct fixture *f = *state;
    char content[32] = "";
    fixture_stop(f);
    port = *posix_files();
    port.open = open_taken;
    f->files = &port;
    fixture_start(f);
    fixture_serve(f, "new.bin", 5000, 3);
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{"new.bin", "new.bin"}});
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "new.bin", "new.bin"));
    assert_string_not_equal(foreign_path, "");
    FILE *file = fopen(foreign_path, "rb");
    assert_non_null(file);
    assert_non_null(fgets(content, sizeof content, file));
    fclose(file);
    assert_string_equal(content, "another program's");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(resume__after_suspend__asks_for_the_rest_only, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(resume__after_restart_of_the_service__continues_by_itself,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(resume__after_cut_connections__loses_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(resume__file_changed_meanwhile__starts_from_zero, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(resume__file_became_shorter__starts_from_zero, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(resume__no_validator__starts_from_zero, setup, teardown),
        cmocka_unit_test_setup_teardown(resume__server_without_ranges__starts_from_zero, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(resume__temporary_file_vanished__starts_from_zero, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(resume__temporary_file_cut__starts_from_zero, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            resume__temporary_file_longer_than_saved__trusts_the_saved_offset_only, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            begin__temporary_name_is_taken__takes_another_and_leaves_that_file, setup, teardown),
    };
    return cmocka_run_group_tests_name("resume", tests, NULL, NULL);
}
