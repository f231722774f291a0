/* test_view.c - what a group and a file look like while something happens to them: the values
 * behind IOpenQmgrGroup. */
#include "engine_fixture.h"

#include "oq_alloc.h"
#include "oq_engine_sources.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SIZE 3000000u

static int setup(void **state)
{
    static struct fixture f;
    fixture_open(&f);
    fixture_start(&f);
    fixture_serve(&f, "slow.bin", SIZE, 1);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

static int64_t start(struct fixture *f, unsigned number, const char *rest)
{
    char name[32];
    struct oq_error err;
    snprintf(name, sizeof name, "out-%u.bin", number);
    int64_t group = fixture_group(f, number, 1, (const char *const[][2]){{rest, name}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    return group;
}

static struct oq_group_view wait_for_activity(struct fixture *f, int64_t group,
                                              enum oq_activity activity)
{
    int64_t start_ms = 0;
    struct oq_group_view view;
    do {
        view = fixture_view(f, group);
        assert_true(fixture_patience(&start_ms, 30));
    } while (view.activity != activity);
    return view;
}

static struct oq_file_view view_file(struct fixture *f, int64_t group)
{
    struct oq_file_view file;
    struct oq_error err;
    assert_int_equal(oq_engine_view_file(f->engine, &f->user, group, 0, &file, &err), OQ_OK);
    return file;
}

/* Shows OPENQMGR_STATE_CONNECTING */
static void activity__server_that_keeps_silent__is_connecting(void **state)
{
    struct fixture *f = *state;
    int64_t group = start(f, 1, "slow.bin?delay=60000");
    struct oq_group_view view = wait_for_activity(f, group, OQ_ACTIVITY_CONNECTING);
    assert_int_equal(view.progress.done_bytes, 0);
}

/* Shows OPENQMGR_WAIT_QUEUED */
static void queued__behind_a_full_house__counts_the_groups_ahead(void **state)
{
    struct fixture *f = *state;
    fixture_stop(f);
    f->config.background_groups = 2;
    fixture_start(f);
    int64_t first = start(f, 1, "slow.bin?rate=100000"),
            second = start(f, 2, "slow.bin?rate=100000");
    fixture_wait_bytes(f, first, 1);
    fixture_wait_bytes(f, second, 1);
    struct oq_group_view view = wait_for_activity(f, start(f, 3, "slow.bin"), OQ_ACTIVITY_QUEUED);
    assert_int_equal(view.groups_ahead, 2);
    assert_int_equal(view.state, OQ_GROUP_ACTIVE);
}

static void backoff__beside_a_fetched_file__is_that_of_the_waiting_one(void **state)
{
    struct fixture *f = *state;
    fixture_stop(f);
    f->config.retry_first_ms = f->config.retry_longest_ms = 86400000;
    fixture_start(f);
    fixture_serve(f, "small.bin", 1000, 2);
    int64_t group = fixture_group(
        f, 1, 2,
        (const char *const[][2]){{"small.bin", "a.bin"}, {"small.bin?status=503", "b.bin"}});
    struct oq_error err;
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    struct oq_group_view view = wait_for_activity(f, group, OQ_ACTIVITY_BACKOFF);
    assert_true(view.backoff_left_ms > 0);
    struct oq_file_view file = view_file(f, group);
    assert_int_equal(file.state, OQ_FILE_FETCHED);
    oq_file_view_release(&file);
}

/* Shows IOpenQmgrGroup::GetInfo.failure-remembered */
static void failure__after_it_was_overcome__is_forgotten(void **state)
{
    struct fixture *f = *state;
    fixture_stop(f);
    f->config.retry_first_ms = 500;
    fixture_start(f);
    int64_t group = start(f, 1, "slow.bin?status=503&on=1");
    struct oq_group_view view = wait_for_activity(f, group, OQ_ACTIVITY_BACKOFF);
    assert_int_equal(view.error_http, 503);
    assert_int_equal(view.error_file, 0);
    view = fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_int_equal(view.error_code, 0);
    assert_int_equal(view.error_file, OQ_NO_FILE);
    assert_string_equal(view.error_text, "");
}

/* Shows OPENQMGR_GROUP_INFO.ullBytesPerSecond */
static void rate__while_bytes_come_in__is_about_theirs_and_0_afterwards(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t start_ms = 0;
    int64_t group = start(f, 1, "slow.bin?rate=500000");
    uint64_t rate = 0;
    while (rate < 100000) { /* the mean of half seconds: the first need not be whole */
        rate = fixture_view(f, group).rate_bytes_per_s;
        assert_true(fixture_patience(&start_ms, 30));
    }
    assert_true(rate < 2000000);
    assert_int_equal(oq_engine_suspend(f->engine, &f->user, group, &err), OQ_OK);
    assert_int_equal(fixture_view(f, group).rate_bytes_per_s, 0);
}

/* Shows OPENQMGR_STATE_TRANSFERRING OPENQMGR_FILE_INFO.ullSizeBytes .ullDoneBytes
 * IOpenQmgrGroup::GetFile.pbstrTemporaryName .pbstrValidator */
static void file_view__while_it_runs__has_name_size_and_validator(void **state)
{
    struct fixture *f = *state;
    int64_t group = start(f, 1, "slow.bin?rate=1000000");
    assert_int_equal(fixture_wait_bytes(f, group, 100000).activity, OQ_ACTIVITY_TRANSFERRING);
    struct oq_file_view file = view_file(f, group);
    assert_int_equal(file.state, OQ_FILE_WAITING);
    assert_true(file.is_running);
    assert_int_equal(file.size_bytes, SIZE);
    assert_true(file.done_bytes >= 100000 && file.done_bytes <= SIZE);
    assert_non_null(file.temp_path);
    const char *folder = fixture_out(f, "");
    assert_int_equal(strncmp(file.temp_path, folder, strlen(folder)), 0);
    assert_int_equal(strncmp(file.temp_path + strlen(folder), "BIT", 3), 0);
    assert_non_null(file.validator);
    assert_int_equal(file.validator[0], '"');
    oq_file_view_release(&file);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    file = view_file(f, group);
    assert_int_equal(file.state, OQ_FILE_FINAL);
    assert_false(file.is_running);
    assert_null(file.temp_path);
    oq_file_view_release(&file);
}

/* Shows IOpenQmgrGroup.reading */
static void view__of_a_group_and_a_file__is_no_activity(void **state)
{
    struct fixture *f = *state;
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{"slow.bin", "slow.bin"}});
    struct oq_group_view first = fixture_view(f, group);
    int64_t start_ms = 0;
    /* until a look that counted would have another time */
    while (oq_clock_wall_ms(oq_clock_system()) <= first.changed_at_ms + 5)
        assert_true(fixture_patience(&start_ms, 30));
    struct oq_file_view file = view_file(f, group);
    oq_file_view_release(&file);
    fixture_view(f, group);
    assert_int_equal(fixture_view(f, group).changed_at_ms, first.changed_at_ms);
}

static void summaries__more_than_fit__come_in_pages_of_what_the_caller_may_see(void **state)
{
    struct fixture *f = *state;
    struct oq_group_summary *page = NULL;
    struct oq_error err;
    size_t count = 0;
    bool is_more = false;
    int64_t first = fixture_group(f, 1, 1, (const char *const[][2]){{"slow.bin", "a.bin"}});
    int64_t second = fixture_group(f, 2, 1, (const char *const[][2]){{"slow.bin", "b.bin"}});
    int64_t third = fixture_group(f, 3, 0, NULL);
    assert_int_equal(
        oq_engine_set_text(f->engine, &f->user, second, OQ_TEXT_DISPLAY_NAME, "two", &err), OQ_OK);

    assert_int_equal(
        oq_engine_summarise_groups(f->engine, &f->user, 0, 2, &page, &count, &is_more, &err),
        OQ_OK);
    assert_int_equal(count, 2);
    assert_true(is_more);
    assert_true(page[0].group == first && page[1].group == second);
    assert_string_equal(page[0].first_file, "a.bin");
    assert_string_equal(page[0].display_name, "");
    assert_string_equal(page[1].display_name, "two");
    oq_free(page);
    assert_int_equal(
        oq_engine_summarise_groups(f->engine, &f->admin, second, 2, &page, &count, &is_more, &err),
        OQ_OK);
    assert_int_equal(count, 1);
    assert_false(is_more);
    assert_true(page[0].group == third);
    assert_string_equal(page[0].first_file, "");
    oq_free(page);
    page = NULL;
    assert_int_equal(
        oq_engine_summarise_groups(f->engine, &f->other, 0, 2, &page, &count, &is_more, &err),
        OQ_OK);
    assert_int_equal(count, 0);
    assert_null(page);

    struct oq_group_summary one;
    oq_error_init(&err);
    assert_int_equal(oq_engine_summarise_group(f->engine, &f->other, second, &one, &err),
                     OQ_E_ACCESS_DENIED);
    assert_int_equal(oq_engine_cancel(f->engine, &f->user, second, &err), OQ_OK);
    assert_int_equal(oq_engine_summarise_group(f->engine, &f->user, second, &one, &err), OQ_OK);
    assert_true(one.view.is_gone);
    assert_string_equal(one.display_name, "");
}

static void source__url_replaced__is_the_new_one_and_stays_it(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    struct oq_source_view source;
    struct oq_guid guid = fixture_guid(1);
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{"old.bin", "slow.bin"}});
    assert_int_equal(
        oq_engine_set_url(f->engine, &f->user, group, 0, 0, fixture_url(f, "slow.bin"), &err),
        OQ_OK);
    for (int starts = 0; starts < 2; starts++) {
        assert_int_equal(oq_engine_get_group(f->engine, &f->user, &guid, &group, &err), OQ_OK);
        assert_int_equal(oq_engine_view_source(f->engine, &f->user, group, 0, 0, &source, &err),
                         OQ_OK);
        assert_string_equal(source.url, fixture_url(f, "slow.bin"));
        oq_free(source.url);
        fixture_stop(f);
        fixture_start(f);
    }
}

static void source_views__of_a_file_that_is_not_there__are_refused(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    struct oq_pieces pieces = {.kind = OQ_HASH_NONE};
    struct oq_file_view file;
    struct oq_source_view source;
    const char *url = fixture_url(f, "slow.bin");
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{"slow.bin", "slow.bin"}});
    assert_int_equal(oq_engine_view_pieces(f->engine, &f->user, group, 1, &pieces, &err),
                     OQ_E_NOT_FOUND);
    assert_int_equal(oq_engine_view_file(f->engine, &f->user, group, 1, &file, &err),
                     OQ_E_NOT_FOUND);
    assert_int_equal(oq_engine_view_source(f->engine, &f->user, group, 1, 0, &source, &err),
                     OQ_E_NOT_FOUND);
    assert_int_equal(oq_engine_view_source(f->engine, &f->user, group, 0, 1, &source, &err),
                     OQ_E_NOT_FOUND);
    assert_int_equal(oq_engine_add_source(f->engine, &f->user, group, 1, url, &err),
                     OQ_E_NOT_FOUND);
    assert_int_equal(oq_engine_set_url(f->engine, &f->user, group, 1, 0, url, &err),
                     OQ_E_NOT_FOUND);
    assert_int_equal(oq_engine_view_pieces(f->engine, &f->other, group, 0, &pieces, &err),
                     OQ_E_ACCESS_DENIED);
    assert_int_equal(oq_engine_view_pieces(f->engine, &f->user, group, 0, &pieces, &err), OQ_OK);
    assert_int_equal(pieces.kind, OQ_HASH_NONE);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH(activity__server_that_keeps_silent__is_connecting),
        WITH(queued__behind_a_full_house__counts_the_groups_ahead),
        WITH(backoff__beside_a_fetched_file__is_that_of_the_waiting_one),
        WITH(failure__after_it_was_overcome__is_forgotten),
        WITH(rate__while_bytes_come_in__is_about_theirs_and_0_afterwards),
        WITH(file_view__while_it_runs__has_name_size_and_validator),
        WITH(view__of_a_group_and_a_file__is_no_activity),
        WITH(summaries__more_than_fit__come_in_pages_of_what_the_caller_may_see),
        WITH(source__url_replaced__is_the_new_one_and_stays_it),
        WITH(source_views__of_a_file_that_is_not_there__are_refused),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
