/* test_identity.c - service/win/identity.c. The caller is played by putting a
 * token on this thread. */
#include "test_win.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_utf.h"
#include "oq_win_identity.h"
#include "oq_win_support.h"
#include "identity_int.h"

#include <sddl.h>

static struct oq_win_identities *identities;
static const struct oq_identity_port *port;
static struct oq_error err;

static int set_up(void **state)
{
    (void)state;
    oq_error_init(&err);
    if (oq_win_identities_new(&identities, &err) != OQ_OK)
        return -1;
    port = oq_win_identities_port(identities);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    RevertToSelf();
    oq_win_identities_free(identities);
    return 0;
}

/* SID of the process, asked for in another way than the code under test does. */
static const char *process_sid(void)
{
    static char text[192];
    BYTE buffer[256];
    DWORD size = sizeof buffer;
    HANDLE token = NULL;
    wchar_t *wide_text = NULL;
    assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token));
    assert_true(GetTokenInformation(token, TokenUser, buffer, size, &size));
    assert_true(ConvertSidToStringSidW(((TOKEN_USER *)(void *)buffer)->User.Sid, &wide_text));
    snprintf(text, sizeof text, "%ls", wide_text);
    LocalFree(wide_text);
    CloseHandle(token);
    return text;
}

/* What a test asks for. Under Wine the own SID is the process whatever that is. */
static const struct oq_rights least = {.integrity = 0x2000};
static const struct oq_rights own = {.is_admin = true, .integrity = 0x4000};

/* Puts a copy of the process's token on this thread, as COM does with a client's. */
static void call_as_process_user(SECURITY_IMPERSONATION_LEVEL level)
{
    HANDLE process = NULL, copy = NULL;
    assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_DUPLICATE | TOKEN_QUERY, &process));
    assert_true(
        DuplicateTokenEx(process, TOKEN_ALL_ACCESS, NULL, level, TokenImpersonation, &copy));
    assert_true(SetThreadToken(NULL, copy));
    CloseHandle(copy);
    CloseHandle(process);
}

static bool has_thread_token(void)
{
    HANDLE token = NULL;
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token))
        return false;
    CloseHandle(token);
    return true;
}

/* --- capture ---------------------------------------------------------------------------------- */

static void capture__client_at_impersonation_level__is_known_and_can_be_acted_as(void **state)
{
    struct oq_caller_buffer caller;
    (void)state;
    fill_with_nonsense(caller);
    call_as_process_user(SecurityImpersonation);
    assert_status(OQ_OK, port->capture(port->ctx, &caller, &err), &err);
    assert_true(has_thread_token()); /* dropping it is the COM layer's */
    RevertToSelf();
    assert_string_equal(caller.sid, process_sid());
    assert_ptr_equal(caller.caller.sid, caller.sid);
    assert_non_null(caller.caller.identity);
    port->unref(port->ctx, caller.caller.identity);
}

static void capture__administrator_under_wine__is_one(void **state)
{
    struct oq_caller_buffer caller;
    (void)state;
    if (!oq_win_is_wine()) {
        print_message("skipped: depends on who runs the test\n");
        skip();
    }
    call_as_process_user(SecurityImpersonation);
    assert_status(OQ_OK, port->capture(port->ctx, &caller, &err), &err);
    RevertToSelf();
    assert_true(caller.caller.rights.is_admin);
    port->unref(port->ctx, caller.caller.identity);
}

/* Shows IBackgroundCopyJob1::AddFiles.caller-lets-service */
static void capture__client_at_identification_level__is_known_but_not_acted_as(void **state)
{
    struct oq_caller_buffer caller;
    (void)state;
    fill_with_nonsense(caller);
    call_as_process_user(SecurityIdentification);
    assert_status(OQ_OK, port->capture(port->ctx, &caller, &err), &err);
    RevertToSelf();
    assert_string_equal(caller.sid, process_sid());
    assert_null(caller.caller.identity);
}

/* Shows all.anonymous-caller */
static void capture__anonymous_client__is_refused(void **state)
{
    struct oq_caller_buffer caller;
    (void)state;
    call_as_process_user(SecurityAnonymous);
    enum oq_status status = port->capture(port->ctx, &caller, &err);
    RevertToSelf();
    assert_status(OQ_E_ACCESS_DENIED, status, &err);
    assert_true(err.win32 != 0);
}

static void capture__nobody_impersonated__is_refused_on_windows_and_the_wine_user_under_wine(
    void **state)
{
    struct oq_caller_buffer caller;
    (void)state;
    assert_false(has_thread_token());
    enum oq_status status = port->capture(port->ctx, &caller, &err);
    if (!oq_win_is_wine()) {
        assert_status(OQ_E_ACCESS_DENIED, status, &err);
        return;
    }
    assert_status(OQ_OK, status, &err);
    assert_string_equal(caller.sid, process_sid());
    assert_non_null(caller.caller.identity);
    port->unref(port->ctx, caller.caller.identity);
}

/* Shows all.restricted-caller */
static void capture__restricted_token__is_refused(void **state)
{
    struct oq_caller_buffer caller;
    HANDLE process = NULL, restricted = NULL, copy = NULL;
    BYTE user[256];
    DWORD size = sizeof user;
    (void)state;
    assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &process));
    assert_true(GetTokenInformation(process, TokenUser, user, size, &size));
    SID_AND_ATTRIBUTES only = {.Sid = ((TOKEN_USER *)(void *)user)->User.Sid};
    if (!CreateRestrictedToken(process, 0, 0, NULL, 0, NULL, 1, &only, &restricted) ||
        !IsTokenRestricted(restricted)) {
        CloseHandle(process);
        print_message("skipped: the system makes no restricted tokens (Wine)\n");
        skip();
    }
    assert_true(DuplicateTokenEx(restricted, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation,
                                 TokenImpersonation, &copy));
    assert_true(SetThreadToken(NULL, copy));
    enum oq_status status = port->capture(port->ctx, &caller, &err);
    RevertToSelf();
    CloseHandle(copy);
    CloseHandle(restricted);
    CloseHandle(process);
    assert_status(OQ_E_ACCESS_DENIED, status, &err);
}

/* Shows all.restricted-caller */
static void capture__low_integrity__is_refused(void **state)
{
    struct oq_caller_buffer caller;
    HANDLE process = NULL, copy = NULL;
    PSID low = NULL;
    (void)state;
    assert_true(ConvertStringSidToSidW(L"S-1-16-4096", &low));
    assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_DUPLICATE | TOKEN_QUERY, &process));
    assert_true(DuplicateTokenEx(process, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation,
                                 TokenImpersonation, &copy));
    TOKEN_MANDATORY_LABEL label = {.Label = {.Sid = low, .Attributes = SE_GROUP_INTEGRITY}};
    BYTE back[64];
    DWORD size = 0;
    bool is_low =
        SetTokenInformation(copy, TokenIntegrityLevel, &label, sizeof label + GetLengthSid(low)) &&
        GetTokenInformation(copy, TokenIntegrityLevel, back, sizeof back, &size) &&
        EqualSid(((TOKEN_MANDATORY_LABEL *)(void *)back)->Label.Sid, low);
    LocalFree(low);
    CloseHandle(process);
    if (!is_low) {
        CloseHandle(copy);
        print_message("skipped: the system does not change integrity levels (Wine)\n");
        skip();
    }
    assert_true(SetThreadToken(NULL, copy));
    enum oq_status status = port->capture(port->ctx, &caller, &err);
    RevertToSelf();
    CloseHandle(copy);
    assert_status(OQ_E_ACCESS_DENIED, status, &err);
}

static void capture__same_client_twice__shares_one_token(void **state)
{
    struct oq_caller_buffer first, second;
    (void)state;
    call_as_process_user(SecurityImpersonation);
    assert_status(OQ_OK, port->capture(port->ctx, &first, &err), &err);
    assert_status(OQ_OK, port->capture(port->ctx, &second, &err), &err);
    RevertToSelf();
    assert_ptr_equal(first.caller.identity, second.caller.identity);
    port->unref(port->ctx, first.caller.identity);
    port->unref(port->ctx, second.caller.identity);
}

static void capture__no_memory__fails_and_tries_again(void **state)
{
    (void)state;
#ifdef OQ_FAULT_INJECTION
    struct oq_caller_buffer caller;
    call_as_process_user(SecurityImpersonation);
    for (uint64_t n = 1; n < 20; n++) {
        oq_fault_arm(OQ_FAULT_ALLOC, n, false);
        enum oq_status status = port->capture(port->ctx, &caller, &err);
        oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
        if (status == OQ_OK) {
            assert_true(n > 1);
            RevertToSelf();
            port->unref(port->ctx, caller.caller.identity);
            return;
        }
        assert_status(OQ_E_NOMEM, status, &err);
    }
    fail_msg("more allocations than expected");
#else
    print_message("skipped: this tree has no fault seam\n");
    skip();
#endif
}

/* --- acquire ---------------------------------------------------------------------------------- */

static void acquire__own_sid__is_the_process_itself(void **state)
{
    struct oq_identity *identity = NULL;
    (void)state;
    assert_string_equal(oq_win_identities_own_sid(identities), process_sid());
    assert_status(OQ_OK, port->acquire(port->ctx, process_sid(), &own, 0, &identity, &err), &err);
    assert_non_null(identity);
    assert_ptr_equal(port->ref(port->ctx, identity), identity);
    port->unref(port->ctx, identity);
    port->unref(port->ctx, identity);
    assert_null(port->ref(port->ctx, NULL));
    port->unref(port->ctx, NULL);
}

static void acquire__client_that_called_before__gives_its_token(void **state)
{
    struct oq_caller_buffer caller;
    struct oq_identity *identity = NULL;
    (void)state;
    call_as_process_user(SecurityImpersonation);
    assert_status(OQ_OK, port->capture(port->ctx, &caller, &err), &err);
    RevertToSelf();
    assert_status(OQ_OK,
                  port->acquire(port->ctx, caller.sid, &caller.caller.rights, 0, &identity, &err),
                  &err);
    assert_ptr_equal(identity, caller.caller.identity);
    port->unref(port->ctx, identity);
    port->unref(port->ctx, caller.caller.identity);
}

static void acquire__somebody_unknown__is_absent(void **state)
{
    static const char *const sids[] = {"S-1-5-21-1-2-3-4567", "S-1-5-32-544", "nonsense", ""};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sids); i++) {
        struct oq_identity *identity = (void *)&identities;
        assert_status(OQ_E_OWNER_ABSENT,
                      port->acquire(port->ctx, sids[i], &least, 0, &identity, &err), &err);
        assert_ptr_equal(identity, &identities); /* untouched */
        assert_int_equal(err.win32, ERROR_NOT_LOGGED_ON);
    }
}

static void acquire__local_system_while_somebody_else_runs_the_process__is_absent(void **state)
{
    struct oq_identity *identity = NULL;
    (void)state;
    if (strcmp(process_sid(), "S-1-5-18") == 0) {
        print_message("skipped: the test runs as LocalSystem\n");
        skip();
    }
    assert_status(OQ_E_OWNER_ABSENT,
                  port->acquire(port->ctx, "S-1-5-18", &least, 0, &identity, &err), &err);
}

static enum oq_status do_nothing(void *arg, struct oq_error *error)
{
    (void)arg;
    (void)error;
    return OQ_OK;
}

static void run__after_the_users_session_has_ended__does_nothing(void **state)
{
    struct oq_caller_buffer caller;
    DWORD session = 0;
    (void)state;
    assert_true(ProcessIdToSessionId(GetCurrentProcessId(), &session));
    call_as_process_user(SecurityImpersonation);
    assert_status(OQ_OK, port->capture(port->ctx, &caller, &err), &err);
    RevertToSelf();
    if (session == 0) {
        print_message("skipped: the test runs in the session of services\n");
        port->unref(port->ctx, caller.caller.identity);
        skip();
    }
    oq_win_identities_logged_off(identities, session + 1);
    assert_status(OQ_OK, oq_win_identity_run(caller.caller.identity, do_nothing, NULL, &err), &err);
    oq_win_identities_logged_off(identities, session);
    assert_status(OQ_E_OWNER_ABSENT,
                  oq_win_identity_run(caller.caller.identity, do_nothing, NULL, &err), &err);
    port->unref(port->ctx, caller.caller.identity);
}

/* --- use -------------------------------------------------------------------------------------- */

static enum oq_status look(void *arg, struct oq_error *e)
{
    (void)e;
    *(int *)arg = has_thread_token() ? 2 : 1;
    return OQ_E_DISK_FULL;
}

static void run__with_a_clients_token__impersonates_during_the_work_only(void **state)
{
    struct oq_caller_buffer caller;
    int seen = 0;
    (void)state;
    call_as_process_user(SecurityImpersonation);
    assert_status(OQ_OK, port->capture(port->ctx, &caller, &err), &err);
    RevertToSelf();
    assert_int_equal(oq_win_identity_run(caller.caller.identity, look, &seen, &err),
                     OQ_E_DISK_FULL);
    assert_int_equal(seen, 2);
    assert_false(has_thread_token());
    port->unref(port->ctx, caller.caller.identity);
}

static void run__as_the_process__does_not_impersonate(void **state)
{
    struct oq_identity *identity = NULL;
    int seen = 0;
    (void)state;
    assert_status(OQ_OK, port->acquire(port->ctx, process_sid(), &own, 0, &identity, &err), &err);
    assert_int_equal(oq_win_identity_run(identity, look, &seen, &err), OQ_E_DISK_FULL);
    assert_int_equal(seen, 1);
    port->unref(port->ctx, identity);
}

static void enter__with_a_clients_token__acts_as_them_until_leave(void **state)
{
    struct oq_caller_buffer caller;
    (void)state;
    call_as_process_user(SecurityImpersonation);
    assert_status(OQ_OK, port->capture(port->ctx, &caller, &err), &err);
    RevertToSelf();
    port->enter(port->ctx, caller.caller.identity);
    assert_true(has_thread_token());
    port->leave(port->ctx);
    assert_false(has_thread_token());
    port->unref(port->ctx, caller.caller.identity);
}

static void enter__as_the_process__has_no_other_rights(void **state)
{
    struct oq_identity *identity = NULL;
    (void)state;
    assert_status(OQ_OK, port->acquire(port->ctx, process_sid(), &own, 0, &identity, &err), &err);
    port->enter(port->ctx, identity);
    assert_false(has_thread_token());
    port->leave(port->ctx);
    port->unref(port->ctx, identity);
}

static void run__as_nobody__does_nothing(void **state)
{
    int seen = 0;
    (void)state;
    assert_status(OQ_E_ACCESS_DENIED, oq_win_identity_run(NULL, look, &seen, &err), &err);
    assert_int_equal(seen, 0);
}

/* --- the table -------------------------------------------------------------------------------- */

static unsigned released;

static void count_release(void *ctx, struct oq_identity *identity)
{
    (void)ctx;
    assert_non_null(identity);
    released++;
}

/* Identities of the table's tests are addresses and nothing more. */
static struct oq_identity *number(uintptr_t n)
{
    return (struct oq_identity *)n; // NOLINT(performance-no-int-to-ptr)
}

static const struct oq_token_mark plain = {
    .logon_id = 1, .modified_id = 1, .session_id = 1, .rights = {.integrity = 0x2000}};
static const struct oq_token_mark elevated = {.logon_id = 2,
                                              .modified_id = 2,
                                              .session_id = 1,
                                              .rights = {.is_admin = true, .integrity = 0x3000}};

static int set_up_cache(void **state)
{
    static struct oq_token_cache cache;
    released = 0;
    oq_token_cache_init(&cache, count_release, NULL);
    *state = &cache;
    return 0;
}

static int tear_down_cache(void **state)
{
    oq_token_cache_release(*state);
    return 0;
}

static void cache__unknown_sid__finds_nothing(void **state)
{
    assert_null(oq_token_cache_find(*state, "S-1", &plain.rights, 0));
    assert_null(oq_token_cache_find_same(*state, "S-1", &plain));
    assert_null(oq_token_cache_find(*state, "", &plain.rights, 0));
}

static void cache__later_token_of_the_same_kind__replaces_the_former(void **state)
{
    struct oq_token_mark later = plain;
    later.modified_id++;
    oq_token_cache_save(*state, "S-1", &plain, number(1));
    oq_token_cache_save(*state, "S-1", &later, number(2));
    assert_int_equal(released, 1);
    assert_ptr_equal(oq_token_cache_find(*state, "S-1", &plain.rights, 0), number(2));
    assert_null(oq_token_cache_find_same(*state, "S-1", &plain));
    assert_ptr_equal(oq_token_cache_find_same(*state, "S-1", &later), number(2));
}

/* Finding a fuller token for a program with fewer rights would end UAC. */
static void cache__elevated_and_plain_token__each_serves_its_kind(void **state)
{
    oq_token_cache_save(*state, "S-1", &elevated, number(1));
    assert_null(oq_token_cache_find(*state, "S-1", &plain.rights, 0));
    assert_ptr_equal(oq_token_cache_find(*state, "S-1", &elevated.rights, 0), number(1));
    oq_token_cache_save(*state, "S-1", &plain, number(2));
    assert_int_equal(released, 0);
    assert_ptr_equal(oq_token_cache_find(*state, "S-1", &plain.rights, 0), number(2));
    assert_ptr_equal(oq_token_cache_find(*state, "S-1", &elevated.rights, 0), number(1));
}

static void cache__higher_integrity__is_not_given_and_lower_is(void **state)
{
    struct oq_token_mark high = plain, low = plain;
    high.rights.integrity = 0x3000;
    low.rights.integrity = 0x2000;
    oq_token_cache_save(*state, "S-1", &high, number(1));
    assert_null(oq_token_cache_find(*state, "S-1", &plain.rights, 0));
    oq_token_cache_save(*state, "S-1", &low, number(2));
    assert_ptr_equal(oq_token_cache_find(*state, "S-1", &high.rights, 0), number(1));
    assert_ptr_equal(oq_token_cache_find(*state, "S-1", &low.rights, 0), number(2));
}

static void cache__two_services_of_one_account__do_not_share_a_token(void **state)
{
    struct oq_token_mark first = plain, second = plain;
    first.rights.marks = 11;
    second.rights.marks = 22;
    oq_token_cache_save(*state, "S-1-5-20", &first, number(1));
    assert_null(oq_token_cache_find(*state, "S-1-5-20", &second.rights, 0));
    oq_token_cache_save(*state, "S-1-5-20", &second, number(2));
    assert_ptr_equal(oq_token_cache_find(*state, "S-1-5-20", &first.rights, 0), number(1));
    assert_null(oq_token_cache_find(*state, "S-1-5-20", &plain.rights, 0));
}

static void cache__another_logon_session__is_not_given_when_one_is_named(void **state)
{
    oq_token_cache_save(*state, "S-1", &plain, number(1));
    assert_null(oq_token_cache_find(*state, "S-1", &plain.rights, 99));
    assert_ptr_equal(oq_token_cache_find(*state, "S-1", &plain.rights, 1), number(1));
}

static void cache__session_ends__gives_up_its_tokens_and_no_others(void **state)
{
    struct oq_token_mark other = plain, service = plain;
    other.session_id = 2;
    other.logon_id = 3;
    service.session_id = 0;
    service.logon_id = 4;
    oq_token_cache_save(*state, "S-1", &plain, number(1));
    oq_token_cache_save(*state, "S-1", &elevated, number(2));
    oq_token_cache_save(*state, "S-1", &other, number(3));
    oq_token_cache_save(*state, "S-1", &service, number(4));
    assert_null(oq_token_cache_take(*state, 0));
    assert_non_null(oq_token_cache_take(*state, 1));
    assert_non_null(oq_token_cache_take(*state, 1));
    assert_null(oq_token_cache_take(*state, 1));
    assert_null(oq_token_cache_find(*state, "S-1", &elevated.rights, 0));
    assert_ptr_equal(oq_token_cache_find(*state, "S-1", &plain.rights, 3), number(3));
    assert_ptr_equal(oq_token_cache_find(*state, "S-1", &plain.rights, 4), number(4));
}

static void cache__one_user_with_many_logons__does_not_push_out_others(void **state)
{
    struct oq_token_mark mark = plain;
    oq_token_cache_save(*state, "S-other", &plain, number(1));
    for (unsigned i = 0; i < 2 * OQ_TOKEN_CACHE_ENTRIES; i++) {
        mark.logon_id = 100 + i;
        oq_token_cache_save(*state, "S-1", &mark, number(2));
    }
    assert_non_null(oq_token_cache_find(*state, "S-other", &plain.rights, 0));
    assert_int_equal(released, 2 * OQ_TOKEN_CACHE_ENTRIES - OQ_TOKEN_CACHE_OF_USER);
}

static void cache__full__drops_the_one_unused_for_longest(void **state)
{
    char sid[32];
    for (uintptr_t i = 0; i < OQ_TOKEN_CACHE_ENTRIES; i++) {
        snprintf(sid, sizeof sid, "S-%u", (unsigned)i);
        oq_token_cache_save(*state, sid, &plain, number(i + 1));
    }
    assert_int_equal(released, 0);
    assert_non_null(
        oq_token_cache_find(*state, "S-0", &plain.rights, 0)); /* now S-1 is the oldest */
    oq_token_cache_save(*state, "S-new", &plain, number(1000));
    assert_int_equal(released, 1);
    assert_null(oq_token_cache_find(*state, "S-1", &plain.rights, 0));
    assert_non_null(oq_token_cache_find(*state, "S-0", &plain.rights, 0));
    assert_ptr_equal(oq_token_cache_find(*state, "S-new", &plain.rights, 0), number(1000));
    oq_token_cache_release(*state);
    assert_int_equal(released, 1 + OQ_TOKEN_CACHE_ENTRIES);
}

static void cache__sid_that_is_too_long__is_given_back(void **state)
{
    char sid[300];
    memset(sid, 'S', sizeof sid - 1);
    sid[sizeof sid - 1] = '\0';
    oq_token_cache_save(*state, sid, &plain, number(1));
    assert_int_equal(released, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define CACHE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_cache, tear_down_cache)
    const struct CMUnitTest tests[] = {
        TEST(capture__client_at_impersonation_level__is_known_and_can_be_acted_as),
        TEST(capture__administrator_under_wine__is_one),
        TEST(capture__client_at_identification_level__is_known_but_not_acted_as),
        TEST(capture__anonymous_client__is_refused),
        TEST(capture__nobody_impersonated__is_refused_on_windows_and_the_wine_user_under_wine),
        TEST(capture__restricted_token__is_refused),
        TEST(capture__low_integrity__is_refused),
        TEST(capture__same_client_twice__shares_one_token),
        TEST(capture__no_memory__fails_and_tries_again),
        TEST(acquire__own_sid__is_the_process_itself),
        TEST(acquire__client_that_called_before__gives_its_token),
        TEST(acquire__somebody_unknown__is_absent),
        TEST(acquire__local_system_while_somebody_else_runs_the_process__is_absent),
        TEST(run__with_a_clients_token__impersonates_during_the_work_only),
        TEST(run__as_the_process__does_not_impersonate),
        TEST(run__as_nobody__does_nothing),
        TEST(run__after_the_users_session_has_ended__does_nothing),
        TEST(enter__with_a_clients_token__acts_as_them_until_leave),
        TEST(enter__as_the_process__has_no_other_rights),
        CACHE_TEST(cache__unknown_sid__finds_nothing),
        CACHE_TEST(cache__later_token_of_the_same_kind__replaces_the_former),
        CACHE_TEST(cache__elevated_and_plain_token__each_serves_its_kind),
        CACHE_TEST(cache__higher_integrity__is_not_given_and_lower_is),
        CACHE_TEST(cache__two_services_of_one_account__do_not_share_a_token),
        CACHE_TEST(cache__another_logon_session__is_not_given_when_one_is_named),
        CACHE_TEST(cache__session_ends__gives_up_its_tokens_and_no_others),
        CACHE_TEST(cache__one_user_with_many_logons__does_not_push_out_others),
        CACHE_TEST(cache__full__drops_the_one_unused_for_longest),
        CACHE_TEST(cache__sid_that_is_too_long__is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
