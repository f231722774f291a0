/* test_caller.c - service/com/caller.c and the capture around every call */
#include "com_fixture.h"

static enum oq_status capture(struct fixture *fixture, struct oq_error *err)
{
    struct oq_caller_buffer buffer = {0};
    oq_error_init(err);
    enum oq_status status =
        oq_caller_capture(&scripted_impersonation, &fixture->port, &buffer, err);
    if (status == OQ_OK) {
        assert_string_equal(buffer.caller.sid, FAKE_SID);
        fixture->port.unref(fixture->port.ctx, buffer.caller.identity);
    }
    return status;
}

static void caller__impersonated__is_captured_and_reverted(void **state)
{
    struct oq_error err;
    struct fixture *fixture = *state;
    assert_int_equal(capture(fixture, &err), OQ_OK);
    assert_int_equal(fixture->identity.captures, 1);
    assert_int_equal(impersonation.ended, 1);
    assert_false(impersonation.is_on);
}

static void caller__port_refuses__is_reverted_all_the_same(void **state)
{
    struct oq_error err;
    struct fixture *fixture = *state;
    fixture->identity.status = OQ_E_ACCESS_DENIED;
    assert_int_equal(capture(fixture, &err), OQ_E_ACCESS_DENIED);
    assert_int_equal(impersonation.ended, 1);
    assert_int_equal(impersonation.died, 0);
}

/* RPC_E_CALL_COMPLETE is also what a call from inside the process gives: refused on Windows. */
/* Shows all.anonymous-caller */
static void caller__no_call_context_on_windows__is_refused(void **state)
{
    struct oq_error err;
    struct fixture *fixture = *state;
    impersonation.begin = RPC_E_CALL_COMPLETE;
    assert_int_equal(capture(fixture, &err), OQ_E_ACCESS_DENIED);
    assert_int_equal(err.win32, (uint32_t)RPC_E_CALL_COMPLETE);
    assert_int_equal(fixture->identity.captures, 0);
    assert_int_equal(impersonation.ended, 0);
}

static void caller__no_call_context_under_wine__is_left_to_the_port(void **state)
{
    struct oq_error err;
    struct fixture *fixture = *state;
    impersonation.begin = RPC_E_CALL_COMPLETE;
    impersonation.is_wine = true;
    assert_int_equal(capture(fixture, &err), OQ_OK);
    assert_int_equal(impersonation.ended, 0);
    fixture->identity.status = OQ_E_ACCESS_DENIED;
    assert_int_equal(capture(fixture, &err), OQ_E_ACCESS_DENIED);
}

static void caller__impersonation_fails_otherwise__is_refused_under_wine_too(void **state)
{
    static const HRESULT failures[] = {E_ACCESSDENIED, E_FAIL, E_OUTOFMEMORY, RPC_E_DISCONNECTED,
                                       RPC_E_NO_CONTEXT};
    struct oq_error err;
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        for (int wine = 0; wine < 2; wine++) {
            impersonation.begin = failures[i];
            impersonation.is_wine = wine;
            assert_int_equal(capture(fixture, &err), OQ_E_ACCESS_DENIED);
            assert_int_equal(fixture->identity.captures, 0);
        }
    }
}

static void caller__cannot_be_reverted__ends_the_process(void **state)
{
    struct oq_error err;
    struct fixture *fixture = *state;
    impersonation.end = E_FAIL;
    assert_int_equal(capture(fixture, &err), OQ_OK);
    assert_int_equal(impersonation.died, 1);
    fixture->identity.status = OQ_E_NOMEM;
    assert_int_equal(capture(fixture, &err), OQ_E_NOMEM);
    assert_int_equal(impersonation.died, 2);
}

static void production__wine__is_recognised_by_its_export_only(void **state)
{
    (void)state;
    bool is_wine = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
    assert_int_equal(oq_impersonation_com.is_wine(), is_wine);
}

static void production__call_from_inside__has_no_client(void **state)
{
    (void)state;
    assert_hr(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_hr(oq_impersonation_com.begin(), RPC_E_CALL_COMPLETE);
    CoUninitialize();
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(caller__impersonated__is_captured_and_reverted),
        WITH(caller__port_refuses__is_reverted_all_the_same),
        WITH(caller__no_call_context_on_windows__is_refused),
        WITH(caller__no_call_context_under_wine__is_left_to_the_port),
        WITH(caller__impersonation_fails_otherwise__is_refused_under_wine_too),
        WITH(caller__cannot_be_reverted__ends_the_process),
        cmocka_unit_test(production__wine__is_recognised_by_its_export_only),
        cmocka_unit_test(production__call_from_inside__has_no_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
