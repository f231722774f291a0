/* test_rights.c - with whose rights the work of a group is done, and who may change it: scripted
 * identities, real files and links.
 *
 * The file port acts like a system with one folder, out/windows, that administrators alone may
 * write to; the identity port knows tokens that have come, each with its rights and logon.
 */
#include "engine_fixture.h"

#include "oq_alloc.h"
#include "oq_engine_sources.h"
#include "posix_files.h"

#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define BOB "S-1-5-21-1000"
#define ROOT "S-1-5-21-500"
#define SYSTEM "S-1-5-18"
#define NETWORK_SERVICE "S-1-5-20"
#define PLAIN                                                                                      \
    {                                                                                              \
        .integrity = 0x2000                                                                        \
    }
#define ELEVATED                                                                                   \
    {                                                                                              \
        .is_admin = true, .integrity = 0x3000                                                      \
    }

struct oq_identity {
    const char *sid;
    struct oq_rights rights;
    uint64_t logon_id;
    bool is_here; /* acquire finds it */
    _Atomic unsigned uses;
};

enum { BOB_PLAIN, BOB_ELEVATED, ADMIN, LOCAL_SYSTEM, SERVICE_A, SERVICE_B, TOKENS };

static struct oq_identity tokens[TOKENS];

static const struct oq_identity all_tokens[TOKENS] = {
    [BOB_PLAIN] = {.sid = BOB, .rights = PLAIN, .logon_id = 1, .is_here = true},
    [BOB_ELEVATED] = {.sid = BOB, .rights = ELEVATED, .logon_id = 2, .is_here = true},
    [ADMIN] = {.sid = ROOT, .rights = ELEVATED, .logon_id = 3, .is_here = true},
    [LOCAL_SYSTEM] = {.sid = SYSTEM,
                      .rights = {.is_admin = true, .integrity = 0x4000},
                      .logon_id = 4,
                      .is_here = true},
    [SERVICE_A] = {.sid = NETWORK_SERVICE,
                   .rights = {.integrity = 0x4000, .marks = 1000},
                   .logon_id = 5,
                   .is_here = true},
    [SERVICE_B] = {.sid = NETWORK_SERVICE,
                   .rights = {.integrity = 0x4000, .marks = 2000},
                   .logon_id = 5,
                   .is_here = true},
};

static struct oq_caller calls(int token, bool may_be_acted_for)
{
    struct oq_identity *who = &tokens[token];
    return (struct oq_caller){.sid = who->sid,
                              .rights = who->rights,
                              .logon_id = who->logon_id,
                              .identity = may_be_acted_for ? who : NULL};
}

static enum oq_status acquire(void *ctx, const char *sid, const struct oq_rights *rights,
                              uint64_t logon_id, struct oq_identity **out, struct oq_error *err)
{
    (void)ctx;
    for (int i = 0; i < TOKENS; i++)
        if (tokens[i].is_here && strcmp(tokens[i].sid, sid) == 0 &&
            oq_rights_fit(&tokens[i].rights, rights) &&
            (!logon_id || tokens[i].logon_id == logon_id)) {
            *out = &tokens[i];
            return OQ_OK;
        }
    return oq_error_set(err, OQ_E_OWNER_ABSENT, "not logged on");
}

static struct oq_identity *ref(void *ctx, struct oq_identity *identity)
{
    (void)ctx;
    return identity;
}

static void unref(void *ctx, struct oq_identity *identity)
{
    (void)ctx;
    (void)identity;
}

static const struct oq_identity_port identities = {.acquire = acquire, .ref = ref, .unref = unref};

/* --- files, with the rights of tokens --------------------------------------------------------- */

static struct oq_file_port files;
static char secure[PATH_MAX]; /* out/windows */

/* Who is no administrator may not write to the secure folder, whatever leads there. */
static enum oq_status enter(struct oq_identity *as, const char *path, struct oq_error *err)
{
    char folder[PATH_MAX], real[PATH_MAX];
    assert_non_null(as); /* nothing of a user's is done as the service itself */
    as->uses++;
    snprintf(folder, sizeof folder, "%s", path);
    char *end = strrchr(folder, '/');
    assert_non_null(end);
    *end = '\0';
    if (realpath(folder, real) && strcmp(real, secure) == 0 && !as->rights.is_admin)
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, 5, "no right to write to %s", real);
    return OQ_OK;
}

static enum oq_status do_open(void *ctx, struct oq_identity *as, const char *temp_path,
                              enum oq_open_mode mode, struct oq_fhandle **out, uint64_t *size,
                              struct oq_error *err)
{
    enum oq_status status = enter(as, temp_path, err);
    return status == OQ_OK ? posix_files()->open(ctx, as, temp_path, mode, out, size, err) : status;
}

static _Atomic bool has_no_number; /* a file system that numbers no files */

static void do_identify(void *ctx, struct oq_fhandle *file, char id[OQ_FILE_ID_TEXT])
{
    posix_files()->identify(ctx, file, id);
    if (has_no_number)
        id[0] = '\0';
}

static enum oq_status do_finish(void *ctx, struct oq_identity *as, const char *temp_path,
                                const char *id, const char *final_path, int64_t modified_at_ms,
                                struct oq_error *err)
{
    enum oq_status status = enter(as, final_path, err);
    return status == OQ_OK
               ? posix_files()->finish(ctx, as, temp_path, id, final_path, modified_at_ms, err)
               : status;
}

static enum oq_status do_remove(void *ctx, struct oq_identity *as, const char *temp_path,
                                const char *id, struct oq_error *err)
{
    enum oq_status status = enter(as, temp_path, err);
    return status == OQ_OK ? posix_files()->remove(ctx, as, temp_path, id, err) : status;
}

static enum oq_status do_check_folder(void *ctx, struct oq_identity *as, const char *final_path,
                                      struct oq_error *err)
{
    enum oq_status status = enter(as, final_path, err);
    return status == OQ_OK ? posix_files()->check_folder(ctx, as, final_path, err) : status;
}

/* --- the fixture ------------------------------------------------------------------------------ */

static int setup(void **state)
{
    static struct fixture f;
    fixture_open(&f);
    memcpy(tokens, all_tokens, sizeof tokens);
    has_no_number = false;
    files = *posix_files();
    files.open = do_open;
    files.identify = do_identify;
    files.finish = do_finish;
    files.remove = do_remove;
    files.check_folder = do_check_folder;
    f.files = &files;
    f.identity = &identities;
    assert_int_equal(mkdir(fixture_out(&f, "windows"), 0755), 0);
    assert_int_equal(mkdir(fixture_out(&f, "d"), 0755), 0);
    assert_non_null(realpath(fixture_out(&f, "windows"), secure));
    fixture_serve(&f, "a.bin", 20000, 1);
    fixture_serve(&f, "slow.bin", 300000, 2);
    fixture_start(&f);
    f.user = calls(BOB_PLAIN, true);
    f.admin = calls(ADMIN, true);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

static enum oq_status add(struct fixture *f, const struct oq_caller *caller, int64_t group,
                          const char *url, const char *name)
{
    struct oq_file_spec spec = {.remote = fixture_url(f, url), .local = fixture_out(f, name)};
    struct oq_error err;
    oq_error_init(&err);
    return oq_engine_add_files(f->engine, caller, group, &spec, 1, &err);
}

static int64_t make(struct fixture *f, const struct oq_caller *caller, unsigned number)
{
    struct oq_guid guid = fixture_guid(number), job = fixture_guid(number + 100);
    struct oq_error err;
    int64_t group = 0;
    assert_int_equal(oq_engine_create_group(f->engine, caller, &guid, &group, &err), OQ_OK);
    assert_int_equal(oq_engine_create_job(f->engine, caller, group, &job, &err), OQ_OK);
    return group;
}

static void take(struct fixture *f, int token, unsigned number)
{
    struct oq_caller caller = calls(token, false); /* COM's default: identification */
    struct oq_guid guid = fixture_guid(number);
    struct oq_error err;
    int64_t group = 0;
    assert_int_equal(oq_engine_get_group(f->engine, &caller, &guid, &group, &err), OQ_OK);
    assert_string_equal(fixture_view(f, group).owner_sid, caller.sid);
}

static void resume(struct fixture *f, const struct oq_caller *caller, int64_t group)
{
    struct oq_error err;
    assert_int_equal(oq_engine_resume(f->engine, caller, group, &err), OQ_OK);
}

/* A group of Bob's that runs and is then taken. */
static int64_t taken_group(struct fixture *f, int by)
{
    int64_t group = make(f, &f->user, 1);
    assert_int_equal(add(f, &f->user, group, "slow.bin?rate=300000", "d/x.dll"), OQ_OK);
    resume(f, &f->user, group);
    fixture_wait_bytes(f, group, 1000);
    take(f, by, 1);
    return group;
}

/* What object links do on Windows: the folder becomes a way into the secure one, where the
 * temporary name leads to the attacker's bytes. */
static void swap_folder(struct fixture *f, int64_t group, char planted[PATH_MAX + 300])
{
    struct oq_file_view view;
    struct oq_error err;
    char moved[PATH_MAX + 300];
    assert_int_equal(oq_engine_view_file(f->engine, &f->admin, group, 0, &view, &err), OQ_OK);
    const char *name = strrchr(view.temp_path, '/') + 1;
    snprintf(moved, sizeof moved, "%s/%s", fixture_out(f, "away"), name);
    snprintf(planted, PATH_MAX + 300, "%s/%s", secure, name);
    assert_int_equal(rename(fixture_out(f, "d"), fixture_out(f, "away")), 0);
    assert_int_equal(symlink(secure, fixture_out(f, "d")), 0);
    assert_int_equal(link(moved, planted), 0);
    oq_file_view_release(&view);
}

/* --- work is bound to who asked for it -------------------------------------------------------- */

/* CVE-2020-0787 by a change of ownership. */
static void takeover__folder_swapped_for_a_link__moves_nothing(void **state)
{
    struct fixture *f = *state;
    static const int takers[] = {ADMIN, LOCAL_SYSTEM};
    char planted[PATH_MAX + 300];
    int64_t group = taken_group(f, takers[0]);
    take(f, takers[1], 1);
    swap_folder(f, group, planted);
    fixture_wait(f, group, OQ_GROUP_ERROR);
    assert_false(fixture_out_exists(f, "windows/x.dll"));
    assert_int_equal(access(planted, F_OK), 0);
    assert_int_equal(tokens[ADMIN].uses + tokens[LOCAL_SYSTEM].uses, 0);
}

static void takeover__folder_swapped_and_cancelled__removes_nothing(void **state)
{
    struct fixture *f = *state;
    struct oq_caller system = calls(LOCAL_SYSTEM, true);
    char planted[PATH_MAX + 300];
    struct oq_error err;
    int64_t group = taken_group(f, LOCAL_SYSTEM);
    swap_folder(f, group, planted);
    assert_int_equal(oq_engine_cancel(f->engine, &system, group, &err), OQ_OK);
    assert_int_equal(access(planted, F_OK), 0);
    assert_int_equal(tokens[LOCAL_SYSTEM].uses, 0);
    assert_true(tokens[BOB_PLAIN].uses > 0);
}

static void takeover__while_it_transfers__completes_as_who_added_the_file(void **state)
{
    struct fixture *f = *state;
    int64_t group = taken_group(f, ADMIN);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "d/x.dll", "slow.bin"));
    assert_int_equal(tokens[ADMIN].uses, 0);
}

static void takeover__former_owner_logs_off__waits_for_him(void **state)
{
    struct fixture *f = *state;
    int64_t start_ms = 0, group = make(f, &f->user, 1);
    assert_int_equal(add(f, &f->user, group, "a.bin", "a.bin"), OQ_OK);
    take(f, ADMIN, 1);
    tokens[BOB_PLAIN].is_here = false;
    resume(f, &f->admin, group);
    while (fixture_view(f, group).activity != OQ_ACTIVITY_NO_OWNER)
        assert_true(fixture_patience(&start_ms, 30));
    assert_int_equal(tokens[ADMIN].uses, 0);
    tokens[BOB_PLAIN].is_here = true;
    oq_engine_retry_now(f->engine);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
}

static void restart__after_a_takeover__works_as_who_added_the_file(void **state)
{
    struct fixture *f = *state;
    int64_t group = taken_group(f, LOCAL_SYSTEM);
    fixture_stop(f);
    fixture_start(f);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_int_equal(tokens[LOCAL_SYSTEM].uses, 0);
}

/* A plain token would fail for want of rights, an elevated one for a plain file would be a gift. */
static void work__of_elevated_and_plain_programs__is_done_with_their_own_tokens(void **state)
{
    struct fixture *f = *state;
    struct oq_caller elevated = calls(BOB_ELEVATED, true);
    int64_t plain_group = make(f, &f->user, 1), elevated_group = make(f, &elevated, 2);
    assert_int_equal(add(f, &elevated, elevated_group, "a.bin", "windows/a.bin"), OQ_OK);
    assert_int_equal(add(f, &f->user, plain_group, "a.bin", "a.bin"), OQ_OK);
    unsigned before = tokens[BOB_ELEVATED].uses;
    resume(f, &f->user, plain_group);
    fixture_wait(f, plain_group, OQ_GROUP_COMPLETE);
    assert_int_equal(tokens[BOB_ELEVATED].uses, before);
    resume(f, &elevated, elevated_group);
    fixture_wait(f, elevated_group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "windows/a.bin", "a.bin"));
}

static void work__of_one_service__waits_while_only_another_of_its_account_is_there(void **state)
{
    struct fixture *f = *state;
    struct oq_caller service = calls(SERVICE_A, true);
    int64_t start_ms = 0, group = make(f, &service, 1);
    assert_int_equal(add(f, &service, group, "a.bin", "a.bin"), OQ_OK);
    tokens[SERVICE_A].is_here = false;
    resume(f, &service, group);
    while (fixture_view(f, group).activity != OQ_ACTIVITY_NO_OWNER)
        assert_true(fixture_patience(&start_ms, 30));
    assert_int_equal(tokens[SERVICE_B].uses, 0);
}

/* --- a temporary file is known by what it is -------------------------------------------------- */

/* Another file takes the place of a temporary one. */
static void plant(struct fixture *f, int64_t group, uint32_t index, char path[PATH_MAX])
{
    static char bytes[400000];
    struct oq_file_view view;
    struct oq_error err;
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(oq_engine_view_file(f->engine, &f->user, group, index, &view, &err), OQ_OK);
    snprintf(path, PATH_MAX, "%s", view.temp_path);
    assert_int_equal(rename(path, fixture_out(f, "away")), 0);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, (size_t)view.done_bytes, file), view.done_bytes);
    assert_int_equal(fclose(file), 0);
    oq_file_view_release(&view);
}

static bool is_planted(const char *path)
{
    FILE *file = fopen(path, "rb");
    int first = file ? getc(file) : EOF;
    if (file)
        fclose(file);
    return first == 'x';
}

static int64_t suspended_group(struct fixture *f)
{
    struct oq_error err;
    int64_t group = make(f, &f->user, 1);
    assert_int_equal(add(f, &f->user, group, "slow.bin?rate=300000", "slow.bin"), OQ_OK);
    resume(f, &f->user, group);
    fixture_wait_bytes(f, group, 1000);
    assert_int_equal(oq_engine_suspend(f->engine, &f->user, group, &err), OQ_OK);
    return group;
}

static void temporary_file__replaced_while_suspended__is_not_continued(void **state)
{
    struct fixture *f = *state;
    char path[PATH_MAX];
    int64_t group = suspended_group(f);
    plant(f, group, 0, path);
    resume(f, &f->user, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "slow.bin", "slow.bin"));
    assert_true(is_planted(path));
}

static void temporary_file__replaced_by_one_without_a_number__is_not_continued(void **state)
{
    struct fixture *f = *state;
    char path[PATH_MAX];
    int64_t group = suspended_group(f);
    plant(f, group, 0, path);
    has_no_number = true;
    resume(f, &f->user, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "slow.bin", "slow.bin"));
    assert_true(is_planted(path));
}

static void temporary_file__replaced_after_its_last_byte__gets_no_final_name(void **state)
{
    struct fixture *f = *state;
    struct oq_file_view view = {.state = OQ_FILE_WAITING};
    struct oq_error err;
    char path[PATH_MAX];
    int64_t start_ms = 0, group = make(f, &f->user, 1);
    assert_int_equal(add(f, &f->user, group, "a.bin", "a.bin"), OQ_OK);
    assert_int_equal(add(f, &f->user, group, "slow.bin?rate=200000", "slow.bin"), OQ_OK);
    resume(f, &f->user, group);
    do {
        oq_file_view_release(&view);
        assert_int_equal(oq_engine_view_file(f->engine, &f->user, group, 0, &view, &err), OQ_OK);
        assert_true(fixture_patience(&start_ms, 30));
    } while (view.state != OQ_FILE_FETCHED);
    oq_file_view_release(&view);
    plant(f, group, 0, path);
    fixture_wait(f, group, OQ_GROUP_ERROR);
    assert_false(fixture_out_exists(f, "a.bin"));
    assert_true(is_planted(path));
}

static void temporary_file__replaced_before_cancel__is_not_removed(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    char path[PATH_MAX];
    int64_t group = suspended_group(f);
    plant(f, group, 0, path);
    assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, &err), OQ_OK);
    assert_true(is_planted(path));
}

/* A second name of a file that the user may write: it must not be cut. */
static void temporary_file__with_a_hard_link__is_not_written(void **state)
{
    struct fixture *f = *state;
    struct oq_file_view view;
    struct oq_error err;
    int64_t group = suspended_group(f);
    assert_int_equal(oq_engine_view_file(f->engine, &f->user, group, 0, &view, &err), OQ_OK);
    assert_int_equal(link(view.temp_path, fixture_out(f, "second")), 0);
    oq_file_view_release(&view);
    resume(f, &f->user, group);
    fixture_wait(f, group, OQ_GROUP_ERROR);
}

/* --- who may change what ---------------------------------------------------------------------- */

static void change__plain_program_and_group_of_an_elevated_one__reads_only(void **state)
{
    struct fixture *f = *state;
    struct oq_caller elevated = calls(BOB_ELEVATED, true);
    struct oq_guid guid = fixture_guid(1);
    struct oq_group_view view;
    struct oq_error err;
    int64_t found = 0, group = make(f, &elevated, 1);
    assert_int_equal(add(f, &elevated, group, "a.bin", "windows/a.bin"), OQ_OK);
    assert_int_equal(oq_engine_get_group(f->engine, &f->user, &guid, &found, &err), OQ_OK);
    assert_int_equal(oq_engine_view_group(f->engine, &f->user, group, &view, &err), OQ_OK);
    assert_int_equal(add(f, &f->user, group, "a.bin", "b.bin"), OQ_E_ACCESS_DENIED);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_E_ACCESS_DENIED);
    assert_non_null(strstr(err.text, "more rights"));
    assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, &err), OQ_E_ACCESS_DENIED);
    assert_int_equal(
        oq_engine_set_url(f->engine, &f->user, group, 0, 0, fixture_url(f, "slow.bin"), &err),
        OQ_E_ACCESS_DENIED);
    resume(f, &elevated, group);
}

/* An administrator's file in a user's group: the user says neither from where nor what it is. */
static void change__file_that_an_administrator_added__is_not_the_owners(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t group = make(f, &f->user, 1);
    assert_int_equal(add(f, &f->user, group, "a.bin", "a.bin"), OQ_OK);
    assert_int_equal(add(f, &f->admin, group, "a.bin", "windows/a.bin"), OQ_OK);
    assert_int_equal(
        oq_engine_set_url(f->engine, &f->user, group, 0, 0, fixture_url(f, "slow.bin"), &err),
        OQ_OK);
    assert_int_equal(
        oq_engine_set_url(f->engine, &f->user, group, 1, 0, fixture_url(f, "slow.bin"), &err),
        OQ_E_ACCESS_DENIED);
    assert_int_equal(
        oq_engine_add_source(f->engine, &f->user, group, 1, fixture_url(f, "slow.bin"), &err),
        OQ_E_ACCESS_DENIED);
}

/* Identification is COM's default; the elevated token has come with another call. */
static void add_files__at_identification_level__acts_with_a_token_of_the_same_logon_only(
    void **state)
{
    struct fixture *f = *state;
    struct oq_caller plain = calls(BOB_PLAIN, false);
    int64_t group = make(f, &plain, 1);
    tokens[BOB_PLAIN].is_here = false;
    assert_int_equal(add(f, &plain, group, "a.bin", "windows/x.dll"), OQ_E_ACCESS_DENIED);
    assert_int_equal(add(f, &plain, group, "a.bin", "a.bin"), OQ_E_ACCESS_DENIED);
    tokens[BOB_PLAIN].is_here = true;
    tokens[BOB_PLAIN].logon_id = 77; /* of another session of his */
    assert_int_equal(add(f, &plain, group, "a.bin", "a.bin"), OQ_E_ACCESS_DENIED);
    tokens[BOB_PLAIN].logon_id = plain.logon_id;
    assert_int_equal(add(f, &plain, group, "a.bin", "a.bin"), OQ_OK);
    assert_int_equal(tokens[BOB_ELEVATED].uses, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(takeover__folder_swapped_for_a_link__moves_nothing),
        TEST(takeover__folder_swapped_and_cancelled__removes_nothing),
        TEST(takeover__while_it_transfers__completes_as_who_added_the_file),
        TEST(takeover__former_owner_logs_off__waits_for_him),
        TEST(restart__after_a_takeover__works_as_who_added_the_file),
        TEST(work__of_elevated_and_plain_programs__is_done_with_their_own_tokens),
        TEST(work__of_one_service__waits_while_only_another_of_its_account_is_there),
        TEST(temporary_file__replaced_while_suspended__is_not_continued),
        TEST(temporary_file__replaced_by_one_without_a_number__is_not_continued),
        TEST(temporary_file__replaced_after_its_last_byte__gets_no_final_name),
        TEST(temporary_file__replaced_before_cancel__is_not_removed),
        TEST(temporary_file__with_a_hard_link__is_not_written),
        TEST(change__plain_program_and_group_of_an_elevated_one__reads_only),
        TEST(change__file_that_an_administrator_added__is_not_the_owners),
        TEST(add_files__at_identification_level__acts_with_a_token_of_the_same_logon_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
