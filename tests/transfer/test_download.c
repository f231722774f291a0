/* test_download.c - files come down whole, or the group says why not. */
#include "engine_fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

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

/* Shows OPENQMGR_GROUP_INFO.ullDoneBytes */
static void download__sizes__are_identical(void **state)
{
    struct fixture *f = *state;
    static const uint64_t sizes[] = {0, 1, 1000, 1048575, 1048576, 1048577, 5000000};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "size-%u.bin", i);
        fixture_serve(f, name, sizes[i], i);
        const char *const files[][2] = {{name, name}};
        int64_t group = fixture_group(f, i + 1, 1, files);
        resume(f, group);
        struct oq_group_view view = fixture_wait(f, group, OQ_GROUP_COMPLETE);
        assert_true(fixture_is_same(f, name, name));
        assert_int_equal(view.progress.percent, 100);
        assert_int_equal(view.progress.done_bytes, sizes[i]);
        assert_int_equal(view.progress.total_bytes, sizes[i]);
    }
    assert_int_equal(fixture_temp_count(f), 0);
}

/* Shows IBackgroundCopyGroup.files-get-their */
static void download__many_files__all_arrive_and_appear_together(void **state)
{
    struct fixture *f = *state;
    const char *files[50][2];
    static char names[50][32];
    for (unsigned i = 0; i < 50; i++) {
        snprintf(names[i], sizeof names[i], "many-%02u.bin", i);
        fixture_serve(f, names[i], 20000 + i, i);
        files[i][0] = files[i][1] = names[i];
    }
    int64_t group = fixture_group(f, 1, 50, (const char *const(*)[2])files);
    resume(f, group);
    for (;;) { /* no final name may be there before the group commits */
        struct oq_group_view view = fixture_view(f, group);
        if (view.state != OQ_GROUP_ACTIVE)
            break;
        bool is_there = fixture_out_exists(f, names[0]);
        if (is_there)
            assert_int_not_equal(fixture_view(f, group).state, OQ_GROUP_ACTIVE);
    }
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    for (unsigned i = 0; i < 50; i++)
        assert_true(fixture_is_same(f, names[i], names[i]));
    assert_int_equal(fixture_temp_count(f), 0);
}

static void download__existing_target__is_replaced(void **state)
{
    struct fixture *f = *state;
    fixture_serve(f, "new.bin", 3000, 7);
    FILE *old = fopen(fixture_out(f, "there.bin"), "w");
    assert_non_null(old);
    fputs("old", old);
    fclose(old);
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{"new.bin", "there.bin"}});
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "there.bin", "new.bin"));
}

static void download__modification_time__is_the_servers(void **state)
{
    struct fixture *f = *state;
    struct stat facts;
    fixture_serve(f, "dated.bin", 10, 7);
    int64_t group = fixture_group(
        f, 1, 1,
        (const char *const[][2]){
            {"dated.bin?last-modified=Sun,%2006%20Nov%201994%2008:49:37%20GMT", "dated.bin"}});
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_int_equal(stat(fixture_out(f, "dated.bin"), &facts), 0);
    assert_int_equal(facts.st_mtime, 784111777);
}

static void download__unusual_but_complete_responses__succeed(void **state)
{
    struct fixture *f = *state;
    static const char *const queries[] = {"no-ranges",
                                          "no-length",
                                          "chunked",
                                          "close",
                                          "etag=none",
                                          "etag=weak",
                                          "etag=none&last-modified=none",
                                          "no-ranges&chunked"};
    fixture_serve(f, "odd.bin", 300000, 3);
    for (unsigned i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        char rest[128], name[32];
        snprintf(rest, sizeof rest, "odd.bin?%s", queries[i]);
        snprintf(name, sizeof name, "odd-%u.bin", i);
        int64_t group = fixture_group(f, i + 1, 1, (const char *const[][2]){{rest, name}});
        resume(f, group);
        fixture_wait(f, group, OQ_GROUP_COMPLETE);
        if (!fixture_is_same(f, name, "odd.bin"))
            fail_msg("%s: not identical", queries[i]);
    }
}

static void check_error(struct fixture *f, int64_t group, uint32_t http, uint32_t win32,
                        uint32_t code)
{
    int64_t start_ms = 0;
    struct oq_group_view view;
    do {
        view = fixture_view(f, group);
        assert_true(fixture_patience(&start_ms, 30));
    } while (view.state == OQ_GROUP_ACTIVE);
    assert_int_equal(view.state, OQ_GROUP_ERROR);
    assert_int_equal(view.error_http, http);
    assert_int_equal(view.error_win32, win32);
    assert_int_equal(view.error_code, code);
    assert_int_equal(view.error_file, 0);
    assert_true(strlen(view.error_text) > 10);
}

/* Shows IOpenQmgrGroup::GetInfo.failure-remembered */
static void download__fatal_status__is_an_error_with_its_codes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint32_t http, win32;
    } rows[] = {{404, 2}, {410, 2}, {401, 5}, {403, 5}, {400, 58}, {501, 58}};
    fixture_serve(f, "file.bin", 10, 1);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char rest[64];
        snprintf(rest, sizeof rest, "file.bin?status=%u", rows[i].http);
        int64_t group = fixture_group(f, i + 1, 1, (const char *const[][2]){{rest, "file.bin"}});
        resume(f, group);
        check_error(f, group, rows[i].http, rows[i].win32, 0x80190000u + rows[i].http);
    }
    assert_int_equal(fixture_temp_count(f), 6); /* they stay for a resume, and go with the group */
}

static void download__transient_status__is_tried_again(void **state)
{
    struct fixture *f = *state;
    fixture_serve(f, "file.bin", 5000, 1);
    int64_t group = fixture_group(
        f, 1, 1, (const char *const[][2]){{"file.bin?status=503&on=1-2", "file.bin"}});
    resume(f, group);
    struct oq_group_view view = fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
    assert_int_equal(view.retries, 2);
}

/* Shows IBackgroundCopyGroup::GetStatus.transient-error-being OPENQMGR_STATE_WAITING
 * OPENQMGR_WAIT_BACKOFF */
static void download__refused_connection__waits_and_says_why(void **state)
{
    struct fixture *f = *state;
    int64_t group = 0, start_ms = 0;
    struct oq_guid guid = fixture_guid(1), job = fixture_guid(2);
    struct oq_error err;
    struct oq_group_view view;
    struct oq_file_spec spec = {.remote = "http://127.0.0.1:9/none",
                                .local = fixture_out(f, "none")};
    oq_error_init(&err);
    assert_int_equal(oq_engine_create_group(f->engine, &f->user, &guid, &group, &err), OQ_OK);
    assert_int_equal(oq_engine_create_job(f->engine, &f->user, group, &job, &err), OQ_OK);
    assert_int_equal(oq_engine_add_files(f->engine, &f->user, group, &spec, 1, &err), OQ_OK);
    resume(f, group);
    do {
        view = fixture_view(f, group);
        assert_true(fixture_patience(&start_ms, 30));
    } while (view.activity != OQ_ACTIVITY_BACKOFF);
    assert_int_equal(view.state, OQ_GROUP_ACTIVE);
    assert_true(view.backoff_left_ms > 0 && view.backoff_left_ms <= 500);
    assert_true(view.error_code != 0 && view.error_text[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(download__sizes__are_identical, setup, teardown),
        cmocka_unit_test_setup_teardown(download__many_files__all_arrive_and_appear_together, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(download__existing_target__is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(download__modification_time__is_the_servers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(download__unusual_but_complete_responses__succeed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(download__fatal_status__is_an_error_with_its_codes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(download__transient_status__is_tried_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(download__refused_connection__waits_and_says_why, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("download", tests, NULL, NULL);
}
