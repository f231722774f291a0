/* test_promises.c - what the IDL promises of the queue and is shown nowhere else: defaults,
 * properties, adding files, expiry, and what is left of a group that is gone. */
#include "engine_fixture.h"

#include "engine_int.h"
#include "posix_files.h"
#include "oq_alloc.h"

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static int setup(void **state)
{
    static struct fixture f;
    fixture_open(&f);
    fixture_start(&f);
    fixture_serve(&f, "a.bin", 20000, 1);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

/* For another configuration or other ports. */
static void restart(struct fixture *f)
{
    fixture_stop(f);
    fixture_start(f);
}

static int64_t group_of_one(struct fixture *f, unsigned number, const char *rest, const char *name)
{
    return fixture_group(f, number, 1, (const char *const[][2]){{rest, name}});
}

static void resume(struct fixture *f, int64_t group)
{
    struct oq_error err;
    oq_error_init(&err);
    if (oq_engine_resume(f->engine, &f->user, group, &err) != OQ_OK)
        fail_msg("resume: %s", err.text);
}

static struct oq_group_view wait_for_error(struct fixture *f, int64_t group)
{
    int64_t start_ms = 0;
    struct oq_group_view view;
    do {
        view = fixture_view(f, group);
        assert_true(fixture_patience(&start_ms, 30));
    } while (view.state != OQ_GROUP_ERROR);
    return view;
}

static void add(struct fixture *f, int64_t group, const char *rest, const char *name)
{
    struct oq_error err;
    struct oq_file_spec spec = {.remote = fixture_url(f, rest), .local = fixture_out(f, name)};
    oq_error_init(&err);
    if (oq_engine_add_files(f->engine, &f->user, group, &spec, 1, &err) != OQ_OK)
        fail_msg("add: %s", err.text);
}

static void assert_text(struct fixture *f, int64_t group, enum oq_text_prop prop,
                        const char *expected)
{
    struct oq_error err;
    char *text = NULL;
    assert_int_equal(oq_engine_get_text(f->engine, &f->user, group, prop, &text, &err), OQ_OK);
    assert_string_equal(text, expected);
    oq_free(text);
}

/* --- properties ------------------------------------------------------------------------------- */

/* Shows GROUPPROP_NOTIFYFLAGS GROUPPROP_NOTIFYCLSID GROUPPROP_DISPLAYNAME GROUPPROP_DESCRIPTION */
static void defaults__of_a_new_group__are_as_documented(void **state)
{
    struct fixture *f = *state;
    struct oq_guid guid = fixture_guid(1);
    struct oq_error err;
    int64_t group = 0;
    assert_int_equal(oq_engine_create_group(f->engine, &f->user, &guid, &group, &err), OQ_OK);
    struct oq_group_view view = fixture_view(f, group);
    assert_int_equal(view.state, OQ_GROUP_SUSPENDED);
    assert_false(view.is_foreground);
    assert_false(view.has_job);
    assert_int_equal(view.notify_flags, 0);
    assert_int_equal(view.progress.files_total, 0);
    assert_int_equal(view.progress.percent, 0);
    assert_text(f, group, OQ_TEXT_DISPLAY_NAME, "");
    assert_text(f, group, OQ_TEXT_DESCRIPTION, "");
    assert_text(f, group, OQ_TEXT_NOTIFY_CLSID, "");
}

static void set_all(struct fixture *f, int64_t group, enum oq_group_state expected)
{
    static const enum oq_text_prop texts[] = {OQ_TEXT_DISPLAY_NAME, OQ_TEXT_DESCRIPTION,
                                              OQ_TEXT_NOTIFY_CLSID};
    struct oq_error err;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(oq_engine_set_text(f->engine, &f->user, group, texts[i], "new text", &err),
                         OQ_OK);
        assert_text(f, group, texts[i], "new text");
    }
    assert_int_equal(oq_engine_set_notify_flags(f->engine, &f->user, group, 0x40, &err), OQ_OK);
    assert_int_equal(fixture_view(f, group).notify_flags, 0x40);
    assert_int_equal(fixture_view(f, group).state, expected);
}

/* Shows IBackgroundCopyGroup::SetProp.properties-may-set */
static void properties__in_every_state__can_be_set(void **state)
{
    struct fixture *f = *state;
    int64_t suspended = group_of_one(f, 1, "a.bin", "suspended");
    int64_t active = group_of_one(f, 2, "a.bin?delay=60000", "active");
    int64_t error = group_of_one(f, 3, "a.bin?status=404", "error");
    int64_t complete = group_of_one(f, 4, "a.bin", "complete");
    resume(f, active);
    resume(f, error);
    resume(f, complete);
    wait_for_error(f, error);
    fixture_wait(f, complete, OQ_GROUP_COMPLETE);
    set_all(f, suspended, OQ_GROUP_SUSPENDED);
    set_all(f, active, OQ_GROUP_ACTIVE);
    set_all(f, error, OQ_GROUP_ERROR);
    set_all(f, complete, OQ_GROUP_COMPLETE);
}

/* Shows QM_NOTIFY_JOB_DONE QM_NOTIFY_USE_PROGRESSEX GROUPPROP_NOTIFYFLAGS */
static void flags__other_than_those_of_a_group__are_refused(void **state)
{
    struct fixture *f = *state;
    static const uint32_t bad[] = {0x01, 0x02, 0x80, 0x05, 0x46, 0x100, 0x80000000, 0xffffffff};
    static const uint32_t good[] = {0x04, 0x40, 0x44, 0};
    struct oq_error err;
    int64_t group = group_of_one(f, 1, "a.bin", "a.bin");
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(oq_engine_set_notify_flags(f->engine, &f->user, group, good[i], &err),
                         OQ_OK);
        for (unsigned j = 0; j < 8; j++)
            assert_int_equal(oq_engine_set_notify_flags(f->engine, &f->user, group, bad[j], &err),
                             OQ_E_NOT_SUPPORTED);
        assert_int_equal(fixture_view(f, group).notify_flags, good[i]);
    }
}

/* Shows IBackgroundCopyGroup::SwitchToForeground.again-when-was */
static void foreground__twice_or_when_complete__succeeds(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t group = group_of_one(f, 1, "a.bin", "a.bin");
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(oq_engine_set_foreground(f->engine, &f->user, group, &err), OQ_OK);
        assert_true(fixture_view(f, group).is_foreground);
    }
    assert_int_equal(fixture_view(f, group).state, OQ_GROUP_COMPLETE);
}

/* --- the queue -------------------------------------------------------------------------------- */

static void assert_listed(struct fixture *f, const struct oq_caller *caller, unsigned count,
                          const unsigned *numbers)
{
    struct oq_guid *guids = NULL;
    struct oq_error err;
    size_t found = 0;
    assert_int_equal(oq_engine_list_groups(f->engine, caller, &guids, &found, &err), OQ_OK);
    assert_int_equal(found, count);
    for (unsigned i = 0; i < count; i++) {
        struct oq_guid expected = fixture_guid(numbers[i]);
        assert_true(oq_guid_is_equal(&guids[i], &expected));
    }
    oq_free(guids);
}

/* Shows IEnumBackgroundCopyGroups.enumeration-snapshot-moment
 * IBackgroundCopyQMgr::EnumGroups.somebody-else-groups .enumerating-change-who */
static void list__owner_and_administrator__get_their_own_or_all_in_order(void **state)
{
    struct fixture *f = *state;
    static const unsigned mine[] = {3, 1, 2}, all[] = {3, 4, 1, 2};
    struct oq_error err;
    int64_t groups[4];
    for (unsigned i = 0; i < 4; i++) {
        struct oq_guid guid = fixture_guid(all[i]);
        const struct oq_caller *caller = all[i] == 4 ? &f->other : &f->user;
        assert_int_equal(oq_engine_create_group(f->engine, caller, &guid, &groups[i], &err), OQ_OK);
    }
    assert_listed(f, &f->user, 3, mine);
    assert_listed(f, &f->other, 1, (const unsigned[]){4});
    assert_listed(f, &f->admin, 4, all);
    /* Listing is not taking. */
    assert_string_equal(fixture_view(f, groups[0]).owner_sid, f->user.sid);
    assert_string_equal(fixture_view(f, groups[1]).owner_sid, f->other.sid);
}

/* --- AddFiles --------------------------------------------------------------------------------- */

/* Shows IBackgroundCopyJob1::AddFiles.caller-lets-service */
static void add_files__caller_who_cannot_be_acted_for__is_refused(void **state)
{
    struct fixture *f = *state;
    struct oq_guid guid = fixture_guid(1), job = fixture_guid(2);
    struct oq_caller stranger = {.sid = "S-1-5-21-404"}; /* the fixture knows no token of his */
    struct oq_file_spec spec = {.remote = "http://h/a", .local = fixture_out(f, "a")};
    struct oq_error err;
    int64_t group = 0;
    oq_error_init(&err);
    assert_int_equal(oq_engine_create_group(f->engine, &stranger, &guid, &group, &err), OQ_OK);
    assert_int_equal(oq_engine_create_job(f->engine, &stranger, group, &job, &err), OQ_OK);
    assert_int_equal(oq_engine_add_files(f->engine, &stranger, group, &spec, 1, &err),
                     OQ_E_ACCESS_DENIED);
    assert_non_null(strstr(err.text, "impersonation"));
    stranger.identity = (struct oq_identity *)f; /* lets the service act for him */
    assert_int_equal(oq_engine_add_files(f->engine, &stranger, group, &spec, 1, &err), OQ_OK);
}

/* Shows IBackgroundCopyJob1::AddFiles.files-may-added */
static void add_files__while_the_group_runs__are_fetched_too(void **state)
{
    struct fixture *f = *state;
    fixture_serve(f, "slow.bin", 400000, 2);
    int64_t group = group_of_one(f, 1, "slow.bin?rate=400000", "slow.bin");
    resume(f, group);
    fixture_wait_bytes(f, group, 1000);
    add(f, group, "a.bin", "a.bin");
    struct oq_group_view view = fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_int_equal(view.progress.files_total, 2);
    assert_true(fixture_is_same(f, "a.bin", "a.bin"));
    assert_true(fixture_is_same(f, "slow.bin", "slow.bin"));
}

/* Shows IBackgroundCopyJob1::AddFiles.same-file-may */
static void add_files__same_twice__is_fetched_twice(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of_one(f, 1, "a.bin", "a.bin");
    add(f, group, "a.bin", "a.bin");
    resume(f, group);
    struct oq_group_view view = fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_int_equal(view.progress.files_total, 2);
    assert_int_equal(view.progress.done_bytes, 40000);
    assert_true(fixture_is_same(f, "a.bin", "a.bin"));
    fixture_expect_requests(f, "a.bin", "GET", 2);
    assert_int_equal(fixture_temp_count(f), 0);
}

/* Shows IBackgroundCopyJob1::AddFiles.two-files-job */
static void add_files__other_download_of_the_same_name__is_refused(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t group = group_of_one(f, 1, "a.bin", "disc.bin");
    struct oq_file_spec specs[] = {
        {.remote = fixture_url(f, "b.bin"), .local = fixture_out(f, "b.bin")},
        {.remote = fixture_url(f, "b.bin"), .local = fixture_out(f, "DISC.bin")}};
    oq_error_init(&err);
    assert_int_equal(oq_engine_add_files(f->engine, &f->user, group, specs, 2, &err),
                     OQ_E_INVALID_ARG);
    assert_non_null(strstr(err.text, "same local name"));
    assert_int_equal(fixture_view(f, group).progress.files_total, 1); /* none was added */
}

/* Shows IBackgroundCopyJob1::AddFiles.adding-group-error */
static void add_files__group_in_error__stays_in_error(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of_one(f, 1, "a.bin?status=404", "a.bin");
    resume(f, group);
    wait_for_error(f, group);
    fixture_serve(f, "second.bin", 10, 2);
    add(f, group, "second.bin", "second.bin");
    struct oq_group_view view = fixture_view(f, group);
    assert_int_equal(view.state, OQ_GROUP_ERROR);
    assert_int_equal(view.error_http, 404);
    assert_int_equal(view.progress.files_total, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct oq_file_view file;
        struct oq_error err;
        assert_int_equal(oq_engine_view_file(f->engine, &f->user, group, i, &file, &err), OQ_OK);
        assert_int_equal(file.is_reason, i == 0);
        oq_file_view_release(&file);
    }
    fixture_expect_requests(f, "second.bin", "GET", 0);
}

/* --- trying again ----------------------------------------------------------------------------- */

/* Shows IBackgroundCopyJob1::GetStatus.pdwNumOfRetries */
static void retries__of_a_group_in_error__are_the_attempts_after_the_first(void **state)
{
    struct fixture *f = *state;
    f->config.no_progress_ms = 300;
    restart(f);
    int64_t group = group_of_one(f, 1, "a.bin?status=503", "a.bin");
    resume(f, group);
    struct oq_group_view view = wait_for_error(f, group);
    assert_int_equal(view.error_http, 503);
    assert_int_equal(view.error_win32, 58);
    assert_true(view.retries >= 1);
    fixture_expect_requests(f, "a.bin", "503", view.retries + 1);
}

/* --- redirects -------------------------------------------------------------------------------- */

/* An address that leads on `count` times before the file comes; static. */
static const char *led_on(unsigned count)
{
    static char rest[512];
    rest[0] = '\0';
    for (unsigned i = 0; i < count; i++)
        strcat(rest, i ? "/a.bin?redirect=" : "a.bin?redirect=");
    strcat(rest, "/a.bin");
    return rest;
}

static void redirect__ten_times__is_followed(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of_one(f, 1, led_on(10), "b.bin");
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "b.bin", "a.bin"));
    fixture_expect_requests(f, "a.bin", "302", 10);
}

static void redirect__eleven_times__is_an_error(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of_one(f, 1, led_on(11), "b.bin");
    resume(f, group);
    struct oq_group_view view = wait_for_error(f, group);
    assert_int_equal(view.error_code, 0x8020001B);
    assert_int_equal(view.retries, 0);
}

/* --- expiry ----------------------------------------------------------------------------------- */

static void wait_until_gone(struct fixture *f, int64_t group, unsigned number)
{
    int64_t start_ms = 0, found = 0;
    struct oq_guid guid = fixture_guid(number);
    struct oq_error err;
    while (!fixture_view(f, group).is_gone || fixture_temp_count(f) > 0)
        assert_true(fixture_patience(&start_ms, 30));
    assert_int_equal(oq_engine_get_group(f->engine, &f->user, &guid, &found, &err), OQ_E_NOT_FOUND);
}

/* Shows IBackgroundCopyGroup.group-finished-expires */
static void expiry__group_with_a_partial_file__goes_with_it(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    fixture_serve(f, "slow.bin", 3000000, 2);
    int64_t group = group_of_one(f, 1, "slow.bin?rate=1000000", "slow.bin");
    resume(f, group);
    fixture_wait_bytes(f, group, 100000);
    assert_int_equal(oq_engine_suspend(f->engine, &f->user, group, &err), OQ_OK);
    assert_int_equal(fixture_temp_count(f), 1);
    f->config.inactivity_ms = 1; /* the engine looks when it starts, and then once a minute */
    restart(f);
    wait_until_gone(f, group, 1);
    assert_false(fixture_out_exists(f, "slow.bin"));
}

/* --- CancelGroup ------------------------------------------------------------------------------ */

static unsigned refusals; /* how often removing is refused yet */

static enum oq_status refuse_to_remove(void *ctx, struct oq_identity *as, const char *temp_path,
                                       const char *id, struct oq_error *err)
{
    if (refusals == 0)
        return posix_files()->remove(ctx, as, temp_path, id, err);
    refusals--;
    return oq_error_win32(err, OQ_E_FILE_LOCKED, 32, "the test has the file open");
}

/* Shows IBackgroundCopyGroup::CancelGroup.files-partly-downloaded */
static void cancel__file_that_cannot_be_removed__succeeds_and_removes_it_later(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t start_ms = 0;
    struct oq_file_port files = *f->files;
    files.remove = refuse_to_remove;
    refusals = 2;
    f->files = &files;
    restart(f);
    fixture_serve(f, "slow.bin", 3000000, 2);
    int64_t group = group_of_one(f, 1, "slow.bin?rate=1000000", "slow.bin");
    resume(f, group);
    fixture_wait_bytes(f, group, 100000);
    assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, &err), OQ_OK);
    assert_true(fixture_view(f, group).is_gone);
    while (fixture_temp_count(f) > 0)
        assert_true(fixture_patience(&start_ms, 30));
    assert_int_equal(refusals, 0);
    fixture_stop(f); /* the port goes with this function */
}

/* Shows all.names-gone */
static void cancelled__names_and_texts__cannot_be_read(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    struct oq_file_view file;
    char *text = NULL;
    int64_t group = group_of_one(f, 1, "a.bin", "a.bin");
    assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, &err), OQ_OK);
    assert_int_equal(oq_engine_view_file(f->engine, &f->user, group, 0, &file, &err),
                     OQ_E_INVALID_STATE);
    assert_int_equal(
        oq_engine_get_text(f->engine, &f->user, group, OQ_TEXT_DISPLAY_NAME, &text, &err),
        OQ_E_INVALID_STATE);
    assert_null(text);
    assert_int_equal(fixture_view(f, group).progress.files_total, 1);
}

/* Shows all.gone-remembered */
static void gone__one_more_than_remembered__forgets_the_oldest(void **state)
{
    struct oq_catalogue catalogue;
    struct oq_entry *entry = NULL;
    (void)state;
    assert_int_equal(oq_catalogue_init(&catalogue), OQ_OK);
    for (int64_t id = 1; id <= 1025; id++) {
        struct oq_group group = {.id = id, .guid = fixture_guid((unsigned)id)};
        struct oq_group_view last = {.guid = group.guid, .is_gone = true};
        assert_int_equal(oq_catalogue_add(&catalogue, &group, &entry), OQ_OK);
        oq_catalogue_remove(&catalogue, entry, &last);
        assert_non_null(oq_catalogue_find_gone(&catalogue, 1 + (id > 1024)));
    }
    assert_null(oq_catalogue_find_gone(&catalogue, 1));
    struct oq_guid newest = fixture_guid(1025);
    assert_true(oq_guid_is_equal(&oq_catalogue_find_gone(&catalogue, 1025)->guid, &newest));
    oq_catalogue_release(&catalogue);
}

/* --- events, and an engine that does not answer ------------------------------------------------
 */

static char awaited_name[512];
static bool was_there;

static void look_for_name(void *ctx, const struct oq_event *event)
{
    (void)ctx;
    if (event->kind == OQ_EVENT_COMPLETE)
        was_there = access(awaited_name, F_OK) == 0;
}

/* Shows IBackgroundCopyGroup.files-get-their */
static void event__complete__comes_after_the_final_names(void **state)
{
    struct fixture *f = *state;
    static const struct oq_event_port port = {.post = look_for_name};
    struct oq_error err;
    was_there = false;
    snprintf(awaited_name, sizeof awaited_name, "%s", fixture_out(f, "a.bin"));
    assert_int_equal(oq_engine_listen(f->engine, &port, &err), OQ_OK);
    int64_t group = group_of_one(f, 1, "a.bin", "a.bin");
    assert_int_equal(oq_engine_set_notify_flags(f->engine, &f->user, group, 4, &err), OQ_OK);
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    fixture_stop(f); /* joins the thread that posts */
    assert_true(was_there);
}

static struct {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool is_held, is_open;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

/* A port must not block; this one does, which is how a test gets an engine that does not answer. */
static void hold_the_engine(void *ctx, const struct oq_event *event)
{
    (void)ctx;
    (void)event;
    pthread_mutex_lock(&gate.lock);
    gate.is_held = true;
    pthread_cond_broadcast(&gate.moved);
    while (!gate.is_open)
        pthread_cond_wait(&gate.moved, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

/* Shows all.busy */
static void call__not_answered_in_time__is_busy_and_not_begun(void **state)
{
    struct fixture *f = *state;
    static const struct oq_event_port port = {.post = hold_the_engine};
    struct oq_error err;
    gate.is_held = gate.is_open = false;
    f->config.reply_timeout_ms = 1000;
    restart(f);
    assert_int_equal(oq_engine_listen(f->engine, &port, &err), OQ_OK);
    int64_t group = group_of_one(f, 1, "a.bin?status=404", "a.bin");
    resume(f, group);
    pthread_mutex_lock(&gate.lock);
    while (!gate.is_held)
        pthread_cond_wait(&gate.moved, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    oq_error_init(&err);
    assert_int_equal(
        oq_engine_set_text(f->engine, &f->user, group, OQ_TEXT_DISPLAY_NAME, "late", &err),
        OQ_E_BUSY);
    pthread_mutex_lock(&gate.lock);
    gate.is_open = true;
    pthread_cond_broadcast(&gate.moved);
    pthread_mutex_unlock(&gate.lock);
    assert_text(f, group, OQ_TEXT_DISPLAY_NAME, "");
    fixture_stop(f);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH(defaults__of_a_new_group__are_as_documented),
        WITH(properties__in_every_state__can_be_set),
        WITH(flags__other_than_those_of_a_group__are_refused),
        WITH(foreground__twice_or_when_complete__succeeds),
        WITH(list__owner_and_administrator__get_their_own_or_all_in_order),
        WITH(add_files__caller_who_cannot_be_acted_for__is_refused),
        WITH(add_files__while_the_group_runs__are_fetched_too),
        WITH(add_files__same_twice__is_fetched_twice),
        WITH(add_files__other_download_of_the_same_name__is_refused),
        WITH(add_files__group_in_error__stays_in_error),
        WITH(retries__of_a_group_in_error__are_the_attempts_after_the_first),
        WITH(redirect__ten_times__is_followed),
        WITH(redirect__eleven_times__is_an_error),
        WITH(expiry__group_with_a_partial_file__goes_with_it),
        WITH(cancel__file_that_cannot_be_removed__succeeds_and_removes_it_later),
        WITH(cancelled__names_and_texts__cannot_be_read),
        cmocka_unit_test(gone__one_more_than_remembered__forgets_the_oldest),
        WITH(event__complete__comes_after_the_final_names),
        WITH(call__not_answered_in_time__is_busy_and_not_begun),
    };
    return cmocka_run_group_tests_name("promises", tests, NULL, NULL);
}
