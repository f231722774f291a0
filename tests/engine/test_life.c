/* test_life.c - the calls of oq_engine.h through a group's life: rules, rights, limits, cancel,
 * stop. */
#include "engine_fixture.h"

#include "oq_alloc.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
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

static int64_t create(struct fixture *f, unsigned number)
{
    int64_t group = -1;
    struct oq_guid guid = fixture_guid(number);
    struct oq_error err;
    oq_error_init(&err);
    assert_int_equal(oq_engine_create_group(f->engine, &f->user, &guid, &group, &err), OQ_OK);
    return group;
}

/* Shows IBackgroundCopyQMgr::CreateGroup.guidGroupID */
static void create__guid_taken_or_null__refused(void **state)
{
    struct fixture *f = *state;
    int64_t group = -1;
    struct oq_guid guid = fixture_guid(1), null = {0};
    struct oq_error err;
    create(f, 1);
    assert_int_equal(oq_engine_create_group(f->engine, &f->user, &guid, &group, &err), OQ_E_EXISTS);
    assert_int_equal(oq_engine_create_group(f->engine, &f->other, &guid, &group, &err),
                     OQ_E_EXISTS);
    assert_int_equal(oq_engine_create_group(f->engine, &f->user, &null, &group, &err),
                     OQ_E_INVALID_ARG);
    assert_int_equal(group, -1);
}

/* Shows IBackgroundCopyGroup::SetProp.property-outlives-restart
 * IBackgroundCopyQMgr.queue-kept-disk */
static void create__restart__group_is_there_with_all_its_properties(void **state)
{
    struct fixture *f = *state;
    struct oq_guid job = fixture_guid(77);
    struct oq_error err;
    char *text = NULL;
    int64_t group = create(f, 1);
    assert_int_equal(oq_engine_create_job(f->engine, &f->user, group, &job, &err), OQ_OK);
    assert_int_equal(
        oq_engine_set_text(f->engine, &f->user, group, OQ_TEXT_DISPLAY_NAME, "Grüße", &err), OQ_OK);
    assert_int_equal(oq_engine_set_notify_flags(f->engine, &f->user, group, 4, &err), OQ_OK);
    assert_int_equal(oq_engine_set_foreground(f->engine, &f->user, group, &err), OQ_OK);
    struct oq_file_spec specs[2] = {{.remote = fixture_url(f, "a"), .local = fixture_out(f, "a")},
                                    {.remote = fixture_url(f, "b"), .local = fixture_out(f, "b")}};
    assert_int_equal(oq_engine_add_files(f->engine, &f->user, group, specs, 2, &err), OQ_OK);
    fixture_stop(f);
    fixture_start(f);
    struct oq_group_view view = fixture_view(f, group);
    assert_int_equal(view.state, OQ_GROUP_SUSPENDED);
    assert_true(view.is_foreground);
    assert_true(view.has_job);
    assert_true(oq_guid_is_equal(&view.job_guid, &job));
    assert_int_equal(view.notify_flags, 4);
    assert_int_equal(view.progress.files_total, 2);
    assert_int_equal(
        oq_engine_get_text(f->engine, &f->user, group, OQ_TEXT_DISPLAY_NAME, &text, &err), OQ_OK);
    assert_string_equal(text, "Grüße");
    oq_free(text);
    struct oq_file_view file;
    assert_int_equal(oq_engine_view_file(f->engine, &f->user, group, 1, &file, &err), OQ_OK);
    assert_string_equal(file.local, fixture_out(f, "b"));
    oq_file_view_release(&file);
    assert_int_equal(oq_engine_view_file(f->engine, &f->user, group, 2, &file, &err),
                     OQ_E_NOT_FOUND);
}

/* Shows all.access IBackgroundCopyQMgr::CreateGroup.S_OK
 * IBackgroundCopyQMgr::GetGroup.group-another-user
 * IBackgroundCopyQMgr::EnumGroups.somebody-else-groups */
static void rights__other_user__sees_and_touches_nothing(void **state)
{
    struct fixture *f = *state;
    struct oq_guid guid = fixture_guid(1), *guids = (struct oq_guid *)1;
    struct oq_group_view view;
    struct oq_error err;
    size_t count = 99;
    int64_t found = -1, group = create(f, 1);
    assert_int_equal(oq_engine_get_group(f->engine, &f->other, &guid, &found, &err),
                     OQ_E_NOT_FOUND);
    assert_int_equal(oq_engine_list_groups(f->engine, &f->other, &guids, &count, &err), OQ_OK);
    assert_int_equal(count, 0);
    assert_null(guids);
    assert_int_equal(oq_engine_view_group(f->engine, &f->other, group, &view, &err),
                     OQ_E_ACCESS_DENIED);
    assert_int_equal(oq_engine_cancel(f->engine, &f->other, group, &err), OQ_E_ACCESS_DENIED);
    assert_int_equal(oq_engine_suspend(f->engine, &f->other, group, &err), OQ_E_ACCESS_DENIED);
    /* What is remembered of a group that is gone is its owner's, too. */
    assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, &err), OQ_OK);
    assert_int_equal(oq_engine_view_group(f->engine, &f->user, group, &view, &err), OQ_OK);
    assert_int_equal(oq_engine_view_group(f->engine, &f->other, group, &view, &err),
                     OQ_E_ACCESS_DENIED);
}

/* Shows all.access IBackgroundCopyQMgr::GetGroup.S_OK .administrator-can-take */
static void rights__administrator_gets_a_group__owns_it(void **state)
{
    struct fixture *f = *state;
    struct oq_guid guid = fixture_guid(1);
    struct oq_group_view view;
    struct oq_error err;
    int64_t found = -1, group = create(f, 1);
    assert_int_equal(oq_engine_get_group(f->engine, &f->admin, &guid, &found, &err), OQ_OK);
    assert_int_equal(found, group);
    assert_int_equal(oq_engine_view_group(f->engine, &f->user, group, &view, &err),
                     OQ_E_ACCESS_DENIED);
    fixture_stop(f);
    fixture_start(f);
    assert_string_equal(fixture_view(f, group).owner_sid, f->admin.sid);
}

/* Shows IOpenQmgrManager::OpenGroup.guidGroup .S_OK .owner-stays .no-activity */
static void peek__administrator__sees_it_and_the_owner_keeps_it(void **state)
{
    struct fixture *f = *state;
    struct oq_guid guid = fixture_guid(1);
    struct oq_group_view view, before;
    struct oq_error err;
    int64_t found = -1, group = create(f, 1);
    assert_int_equal(oq_engine_view_group(f->engine, &f->user, group, &before, &err), OQ_OK);
    assert_int_equal(oq_engine_peek_group(f->engine, &f->admin, &guid, &found, &err), OQ_OK);
    assert_int_equal(found, group);
    assert_int_equal(oq_engine_view_group(f->engine, &f->admin, group, &view, &err), OQ_OK);
    assert_string_equal(view.owner_sid, f->user.sid);
    assert_int_equal(oq_engine_view_group(f->engine, &f->user, group, &view, &err), OQ_OK);
    assert_true(view.changed_at_ms == before.changed_at_ms); /* it is no activity */
    assert_int_equal(oq_engine_peek_group(f->engine, &f->user, &guid, &found, &err), OQ_OK);
    fixture_stop(f);
    fixture_start(f);
    assert_string_equal(fixture_view(f, group).owner_sid, f->user.sid);
}

/* Shows IOpenQmgrManager::OpenGroup.QM_E_ITEM_NOT_FOUND */
static void peek__other_user__does_not_learn_that_it_exists(void **state)
{
    struct fixture *f = *state;
    struct oq_guid guid = fixture_guid(1), unknown = fixture_guid(2);
    struct oq_error err;
    int64_t found = -1;
    create(f, 1);
    assert_int_equal(oq_engine_peek_group(f->engine, &f->other, &guid, &found, &err),
                     OQ_E_NOT_FOUND);
    assert_int_equal(oq_engine_peek_group(f->engine, &f->admin, &unknown, &found, &err),
                     OQ_E_NOT_FOUND);
    assert_int_equal(found, -1);
}

/* Shows IBackgroundCopyJob1::AddFiles.0x80200051 IBackgroundCopyQMgr::CreateGroup.0x80200049
 * .0x80200050 */
static void limits__too_many_groups_or_files__refused_for_users_only(void **state)
{
    struct fixture *f = *state;
    struct oq_guid guid = fixture_guid(3), job = fixture_guid(4);
    int64_t group = -1;
    struct oq_error err;
    fixture_stop(f);
    f->config.groups_per_user = 2;
    f->config.groups_per_machine = 3;
    f->config.files_per_job = 1;
    fixture_start(f);
    group = create(f, 1);
    create(f, 2);
    assert_int_equal(oq_engine_create_group(f->engine, &f->user, &guid, &group, &err),
                     OQ_E_LIMIT_USER);
    assert_int_equal(oq_engine_create_group(f->engine, &f->admin, &guid, &(int64_t){0}, &err),
                     OQ_OK);
    guid = fixture_guid(5);
    assert_int_equal(oq_engine_create_group(f->engine, &f->other, &guid, &group, &err),
                     OQ_E_LIMIT_MACHINE);
    assert_int_equal(oq_engine_create_job(f->engine, &f->user, group, &job, &err), OQ_OK);
    struct oq_file_spec specs[2] = {{.remote = "http://h/a", .local = fixture_out(f, "a")},
                                    {.remote = "http://h/b", .local = fixture_out(f, "b")}};
    assert_int_equal(oq_engine_add_files(f->engine, &f->user, group, specs, 2, &err),
                     OQ_E_LIMIT_FILES);
    assert_int_equal(fixture_view(f, group).progress.files_total, 0);
    assert_int_equal(oq_engine_add_files(f->engine, &f->user, group, specs, 1, &err), OQ_OK);
}

/* Shows IBackgroundCopyGroup::CreateJob.QM_E_INVALID_STATE .E_NOTIMPL .E_INVALIDARG */
static void job__second_one__refused_as_the_contract_says(void **state)
{
    struct fixture *f = *state;
    struct oq_guid job = fixture_guid(50), second = fixture_guid(51), null = {0};
    struct oq_error err;
    int64_t group = create(f, 1), other = create(f, 2);
    assert_int_equal(oq_engine_create_job(f->engine, &f->user, group, &null, &err),
                     OQ_E_INVALID_ARG);
    assert_int_equal(oq_engine_create_job(f->engine, &f->user, group, &job, &err), OQ_OK);
    assert_int_equal(oq_engine_create_job(f->engine, &f->user, group, &second, &err),
                     OQ_E_NOT_SUPPORTED);
    assert_int_equal(oq_engine_create_job(f->engine, &f->user, other, &job, &err),
                     OQ_E_INVALID_ARG);
    struct oq_file_spec spec = {.remote = "http://127.0.0.1:9/a", .local = fixture_out(f, "a")};
    assert_int_equal(oq_engine_add_files(f->engine, &f->user, group, &spec, 1, &err), OQ_OK);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    assert_int_equal(oq_engine_create_job(f->engine, &f->user, group, &second, &err),
                     OQ_E_INVALID_STATE);
}

/* Shows IBackgroundCopyGroup::ResumeGroup.0x80200003 */
static void resume__no_files__stays_suspended(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t group = create(f, 1);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_E_EMPTY);
    assert_int_equal(fixture_view(f, group).state, OQ_GROUP_SUSPENDED);
}

/* Shows IBackgroundCopyJob1::AddFiles.directory-local-name .either-files-appended */
static void add_files__one_bad_name__none_is_added(void **state)
{
    struct fixture *f = *state;
    struct oq_guid job = fixture_guid(50);
    struct oq_error err;
    int64_t group = create(f, 1);
    static const char *const bad[][2] = {
        {"gopher://h/a", "ok"}, {"http://h/a", "relative"}, {"", "ok"}, {"http://h/a", ""}};
    assert_int_equal(oq_engine_create_job(f->engine, &f->user, group, &job, &err), OQ_OK);
    for (unsigned i = 0; i < 4; i++) {
        struct oq_file_spec specs[2] = {
            {.remote = "http://h/a", .local = fixture_out(f, "a")},
            {.remote = bad[i][0],
             .local = strcmp(bad[i][1], "ok") == 0 ? fixture_out(f, "b") : bad[i][1]}};
        oq_error_init(&err);
        assert_int_equal(oq_engine_add_files(f->engine, &f->user, group, specs, 2, &err),
                         OQ_E_INVALID_ARG);
        assert_int_equal(err.file_index, 1);
        assert_true(strlen(err.text) > 10);
    }
    struct oq_file_spec missing = {.remote = "http://h/a", .local = fixture_out(f, "no-folder/a")};
    assert_int_equal(oq_engine_add_files(f->engine, &f->user, group, &missing, 1, &err),
                     OQ_E_INVALID_ARG);
    assert_int_equal(fixture_view(f, group).progress.files_total, 0);
}

/* Shows all.group-gone IBackgroundCopyGroup::CancelGroup.QM_E_INVALID_STATE */
static void cancel__halfway__keeps_whole_files_and_removes_the_rest(void **state)
{
    struct fixture *f = *state;
    struct oq_guid guid = fixture_guid(1);
    struct oq_group_view view;
    struct oq_error err;
    int64_t start_ms = 0, found = -1;
    fixture_serve(f, "quick.bin", 50000, 1);
    fixture_serve(f, "slow.bin", 5000000, 2);
    int64_t group = fixture_group(
        f, 1, 2,
        (const char *const[][2]){{"quick.bin", "quick.bin"}, {"slow.bin?rate=200000", "slow.bin"}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    do {
        view = fixture_view(f, group);
        assert_true(fixture_patience(&start_ms, 30));
    } while (view.progress.files_done < 1 || fixture_temp_count(f) < 2);
    assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, &err), OQ_OK);
    assert_true(fixture_is_same(f, "quick.bin", "quick.bin"));
    assert_false(fixture_out_exists(f, "slow.bin"));
    assert_int_equal(fixture_temp_count(f), 0);
    assert_int_equal(oq_engine_get_group(f->engine, &f->user, &guid, &found, &err), OQ_E_NOT_FOUND);
    /* A pointer that is still held: D15. */
    assert_int_equal(oq_engine_view_group(f->engine, &f->user, group, &view, &err), OQ_OK);
    assert_true(view.is_gone);
    assert_int_equal(view.state, OQ_GROUP_ACTIVE);
    assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, &err), OQ_E_INVALID_STATE);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_E_INVALID_STATE);
    /* The GUID may be used again, and the old pointer does not reach the new group. */
    int64_t again = create(f, 1);
    assert_int_not_equal(again, group);
    fixture_stop(f);
    fixture_start(f);
    assert_int_equal(fixture_view(f, again).progress.files_total, 0);
}

static void stop__under_load__is_quick_and_saves_offsets(void **state)
{
    struct fixture *f = *state;
    int64_t groups[6];
    struct oq_error err;
    fixture_serve(f, "slow.bin", 20000000, 2);
    for (unsigned i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "slow-%u.bin", i);
        groups[i] =
            fixture_group(f, i + 1, 1, (const char *const[][2]){{"slow.bin?rate=1000000", name}});
        assert_int_equal(oq_engine_set_foreground(f->engine, &f->user, groups[i], &err), OQ_OK);
        assert_int_equal(oq_engine_resume(f->engine, &f->user, groups[i], &err), OQ_OK);
    }
    uint64_t done[6];
    for (unsigned i = 0; i < 6; i++)
        done[i] = fixture_wait_bytes(f, groups[i], 200000).progress.done_bytes;
    int64_t start_ms = oq_clock_mono_ms(oq_clock_system());
    fixture_stop(f);
    assert_true(oq_clock_mono_ms(oq_clock_system()) - start_ms < 5000);
    fixture_start(f);
    for (unsigned i = 0; i < 6; i++)
        assert_true(fixture_view(f, groups[i]).progress.done_bytes >= done[i]);
}

/* Shows all.stopping */
static void stop__calls_afterwards__are_refused(void **state)
{
    struct fixture *f = *state;
    struct oq_guid guid = fixture_guid(1);
    struct oq_error err;
    int64_t group = -1;
    assert_int_equal(oq_engine_stop(f->engine, 5000), OQ_OK);
    assert_int_equal(oq_engine_create_group(f->engine, &f->user, &guid, &group, &err),
                     OQ_E_STOPPING);
    assert_int_equal(group, -1);
}

static void commit__last_modified_sent_or_not__is_the_time_of_the_file_or_now(void **state)
{
    static const char *const rest[] = {
        "a.bin?last-modified=Sun,%2006%20Nov%201994%2008:49:37%20GMT",
        "a.bin?last-modified=none",
        "a.bin?last-modified=yesterday",
    };
    struct fixture *f = *state;
    struct oq_error err;
    struct stat facts;
    fixture_serve(f, "a.bin", 1000, 1);
    for (unsigned i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "a-%u.bin", i);
        time_t began = time(NULL) - 1;
        int64_t group = fixture_group(f, i + 1, 1, (const char *const[][2]){{rest[i], name}});
        assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
        fixture_wait(f, group, OQ_GROUP_COMPLETE);
        assert_int_equal(stat(fixture_out(f, name), &facts), 0);
        if (i == 0)
            assert_int_equal(facts.st_mtim.tv_sec, 784111777);
        else
            assert_true(facts.st_mtim.tv_sec >= began);
    }
}

/* Shows OPENQMGR_STATE_WAITING OPENQMGR_WAIT_OWNER_AWAY */
static void owner__not_logged_on__waits_and_says_so(void **state)
{
    struct fixture *f = *state;
    int64_t start_ms = 0;
    struct oq_error err;
    struct oq_group_view view;
    f->user.sid = "S-1-5-21-404";
    f->user.identity =
        (struct oq_identity *)f; /* the caller himself can be acted for; later there is nobody */
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{"a.bin", "a.bin"}});
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    do {
        view = fixture_view(f, group);
        assert_true(fixture_patience(&start_ms, 30));
    } while (view.activity != OQ_ACTIVITY_NO_OWNER);
    assert_int_equal(view.state, OQ_GROUP_ACTIVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(create__guid_taken_or_null__refused, setup, teardown),
        cmocka_unit_test_setup_teardown(create__restart__group_is_there_with_all_its_properties,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(rights__other_user__sees_and_touches_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rights__administrator_gets_a_group__owns_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(peek__administrator__sees_it_and_the_owner_keeps_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(peek__other_user__does_not_learn_that_it_exists, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(limits__too_many_groups_or_files__refused_for_users_only,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(job__second_one__refused_as_the_contract_says, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(resume__no_files__stays_suspended, setup, teardown),
        cmocka_unit_test_setup_teardown(add_files__one_bad_name__none_is_added, setup, teardown),
        cmocka_unit_test_setup_teardown(cancel__halfway__keeps_whole_files_and_removes_the_rest,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(stop__under_load__is_quick_and_saves_offsets, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(stop__calls_afterwards__are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            commit__last_modified_sent_or_not__is_the_time_of_the_file_or_now, setup, teardown),
        cmocka_unit_test_setup_teardown(owner__not_logged_on__waits_and_says_so, setup, teardown),
    };
    return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
