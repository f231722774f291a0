/* test_server.c - the four steps of the COM side: classes, apartment, running calls (server.c,
 * security.c, context.c)
 *
 * In one process; the class objects are found by COM and called directly. Across processes:
 * tests/e2e.
 */
#include "com_fixture.h"

#define LIMIT_MS 10000

static struct oq_com *start(struct fixture *fixture, bool serve_legacy_clsid)
{
    struct oq_com *com = NULL;
    struct oq_error err;
    struct oq_com_options options = {.engine = &fixture->engine,
                                     .identity = &fixture->port,
                                     .serve_legacy_clsid = serve_legacy_clsid};
    oq_error_init(&err);
    enum oq_status status = oq_com_open(&com, &err);
    if (status == OQ_OK)
        status = oq_com_serve(com, &options, &err);
    if (status != OQ_OK)
        fail_msg("%s: %s", oq_status_name(status), err.text);
    return com;
}

static void stop(struct oq_com *com)
{
    assert_int_equal(oq_com_drain(com, LIMIT_MS), OQ_OK);
    oq_com_close(com);
}

static HRESULT find_class(REFCLSID clsid, IClassFactory **factory)
{
    return CoGetClassObject(clsid, CLSCTX_LOCAL_SERVER, NULL, &IID_IClassFactory, (void **)factory);
}

static void expect_live(struct oq_com *com, uint32_t objects, uint32_t locks)
{
    uint32_t seen_objects = 99, seen_locks = 99;
    oq_com_get_live(com, &seen_objects, &seen_locks);
    assert_int_equal(seen_objects, objects);
    assert_int_equal(seen_locks, locks);
}

static void server__started__serves_its_class_and_counts(void **state)
{
    IClassFactory *factory = NULL;
    IBackgroundCopyQMgr *qmgr = NULL;
    struct oq_com *com = start(*state, false);
    assert_hr(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    expect_live(com, 0, 0);
    assert_hr(find_class(&CLSID_OpenQmgr, &factory), S_OK);
    assert_hr(IClassFactory_CreateInstance(factory, NULL, &IID_IBackgroundCopyQMgr, (void **)&qmgr),
              S_OK);
    expect_live(com, 1, 0);
    assert_hr(IClassFactory_LockServer(factory, TRUE), S_OK);
    expect_live(com, 1, 1);
    assert_hr(IClassFactory_LockServer(factory, FALSE), S_OK);
    IBackgroundCopyQMgr_Release(qmgr);
    expect_live(com, 0, 0);
    IClassFactory_Release(factory);
    CoUninitialize();
    stop(com);
}

static void server__stopped__serves_no_class(void **state)
{
    IClassFactory *factory = NULL;
    struct oq_com *com = start(*state, true);
    assert_hr(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    stop(com);
    assert_true(FAILED(find_class(&CLSID_OpenQmgr, &factory)));
    assert_true(FAILED(find_class(&CLSID_BackgroundCopyQMgr, &factory)));
    CoUninitialize();
}

/* Shows BackgroundCopyQMgr.foreign-owner */
static void server__legacy_class__is_served_on_request_only(void **state)
{
    for (int legacy = 0; legacy < 2; legacy++) {
        IClassFactory *factory = NULL;
        struct oq_com *com = start(*state, legacy);
        assert_hr(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
        HRESULT hr = find_class(&CLSID_BackgroundCopyQMgr, &factory);
        assert_int_equal(SUCCEEDED(hr), legacy);
        if (SUCCEEDED(hr))
            IClassFactory_Release(factory);
        CoUninitialize();
        stop(com);
    }
}

static void server__started_and_stopped_often__leaves_no_handles(void **state)
{
    DWORD before = 0, after = 0;
    for (int i = 0; i < 25; i++) {
        stop(start(*state, true));
        if (i == 4) /* what COM keeps for the process is there now */
            assert_true(GetProcessHandleCount(GetCurrentProcess(), &before));
    }
    assert_true(GetProcessHandleCount(GetCurrentProcess(), &after));
    assert_true(after <= before + 5);
}

/* Somebody in the process still holds an object, as a call does that hangs: it must not use what
 * has gone. */
static void server__stopped_while_an_object_is_held__the_object_is_unavailable(void **state)
{
    struct fixture *fixture = *state;
    IClassFactory *factory = NULL;
    IBackgroundCopyQMgr *qmgr = NULL;
    IBackgroundCopyGroup *group = (IBackgroundCopyGroup *)(uintptr_t)0xdeadbeef;
    struct oq_com *com = start(fixture, false);
    assert_hr(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_hr(find_class(&CLSID_OpenQmgr, &factory), S_OK);
    assert_hr(IClassFactory_CreateInstance(factory, NULL, &IID_IBackgroundCopyQMgr, (void **)&qmgr),
              S_OK);
    IClassFactory_Release(factory);
    stop(com);
    assert_hr(IBackgroundCopyQMgr_CreateGroup(qmgr, group_guid, &group), QM_E_SERVICE_UNAVAILABLE);
    assert_null(group);
    assert_int_equal(fixture->engine.calls, 0);
    assert_int_equal(IBackgroundCopyQMgr_Release(qmgr), 0);
    CoUninitialize();
}

static void gate__object_held_or_activated__stays_open(void **state)
{
    struct oq_com_life life;
    IClassFactory *factory = NULL;
    IBackgroundCopyQMgr *qmgr = NULL;
    struct oq_com *com = start(*state, false);
    assert_hr(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_hr(find_class(&CLSID_OpenQmgr, &factory), S_OK);
    oq_com_get_life(com, &life);
    const uint64_t before = life.activations;
    assert_hr(IClassFactory_CreateInstance(factory, NULL, &IID_IBackgroundCopyQMgr, (void **)&qmgr),
              S_OK);
    oq_com_get_life(com, &life);
    assert_true(life.activations == before + 1 && life.objects == 1 && life.callbacks == 0);
    assert_false(oq_com_shut_gate(com, life.activations)); /* an object is held */
    IBackgroundCopyQMgr_Release(qmgr);
    assert_false(oq_com_shut_gate(com, before)); /* activated since */
    assert_hr(IClassFactory_LockServer(factory, TRUE), S_OK);
    assert_false(oq_com_shut_gate(com, life.activations));
    assert_hr(IClassFactory_LockServer(factory, FALSE), S_OK);
    assert_hr(IClassFactory_CreateInstance(factory, NULL, &IID_IBackgroundCopyQMgr, (void **)&qmgr),
              S_OK); /* it was open all the time */
    IBackgroundCopyQMgr_Release(qmgr);
    IClassFactory_Release(factory);
    CoUninitialize();
    stop(com);
}

static void gate__shut__sends_clients_on_to_the_next_service(void **state)
{
    struct oq_com_life life;
    IClassFactory *factory = NULL;
    IBackgroundCopyQMgr *qmgr = (IBackgroundCopyQMgr *)(uintptr_t)0xdeadbeef;
    struct oq_com *com = start(*state, false);
    assert_hr(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_hr(find_class(&CLSID_OpenQmgr, &factory), S_OK);
    oq_com_get_life(com, &life);
    assert_true(oq_com_shut_gate(com, life.activations));
    assert_hr(IClassFactory_CreateInstance(factory, NULL, &IID_IBackgroundCopyQMgr, (void **)&qmgr),
              CO_E_SERVER_STOPPING);
    assert_null(qmgr);
    assert_hr(IClassFactory_LockServer(factory, TRUE), CO_E_SERVER_STOPPING);
    expect_live(com, 0, 0);
    IClassFactory_Release(factory);
    CoUninitialize();
    stop(com);
}

static void server__opened__serves_no_class_until_it_is_asked(void **state)
{
    IClassFactory *factory = NULL;
    struct oq_com *com = NULL;
    struct oq_error err;
    (void)state;
    oq_error_init(&err);
    assert_int_equal(oq_com_open(&com, &err), OQ_OK);
    assert_hr(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_true(FAILED(find_class(&CLSID_OpenQmgr, &factory)));
    CoUninitialize();
    oq_com_close(com);
}

/* Between the end of the work and the end of the process: COM finds the class, and hears that the
 * server is about to end. */
static void server__drained__answers_activations_until_it_is_closed(void **state)
{
    IClassFactory *factory = NULL;
    IBackgroundCopyQMgr *qmgr = NULL;
    struct oq_com *com = start(*state, true);
    assert_hr(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_int_equal(oq_com_drain(com, LIMIT_MS), OQ_OK);
    for (int i = 0; i < 3; i++) {
        assert_hr(find_class(&CLSID_OpenQmgr, &factory), S_OK);
        assert_hr(
            IClassFactory_CreateInstance(factory, NULL, &IID_IBackgroundCopyQMgr, (void **)&qmgr),
            CO_E_SERVER_STOPPING);
        IClassFactory_Release(factory);
    }
    expect_live(com, 0, 0);
    oq_com_close(com);
    assert_true(FAILED(find_class(&CLSID_OpenQmgr, &factory)));
    CoUninitialize();
}

static void server__none__closes_at_once(void **state)
{
    (void)state;
    oq_com_close(NULL);
}

/* --- a call that takes long: by way of the context, where the caller can be scripted ---------- */

static DWORD WINAPI call_in(void *argument)
{
    struct fixture *fixture = argument;
    return (DWORD)IBackgroundCopyGroup_SuspendGroup(fixture->group);
}

static HANDLE begin_slow_call(struct fixture *fixture)
{
    fixture->engine.entered = CreateEventW(NULL, TRUE, FALSE, NULL);
    fixture->engine.leave = CreateEventW(NULL, TRUE, FALSE, NULL);
    HANDLE thread = CreateThread(NULL, 0, call_in, fixture, 0, NULL);
    assert_non_null(thread);
    assert_int_equal(WaitForSingleObject(fixture->engine.entered, LIMIT_MS), WAIT_OBJECT_0);
    return thread;
}

static HRESULT end_slow_call(struct fixture *fixture, HANDLE thread)
{
    DWORD code = 0;
    SetEvent(fixture->engine.leave);
    assert_int_equal(WaitForSingleObject(thread, LIMIT_MS), WAIT_OBJECT_0);
    GetExitCodeThread(thread, &code);
    CloseHandle(thread);
    CloseHandle(fixture->engine.entered);
    CloseHandle(fixture->engine.leave);
    return (HRESULT)code;
}

static void stop__a_call_runs__waits_for_its_limit_and_says_so(void **state)
{
    struct fixture *fixture = *state;
    HANDLE thread = begin_slow_call(fixture);
    oq_context_refuse_calls(fixture->context);
    assert_int_equal(oq_context_wait_calls(fixture->context, 0), OQ_E_TIMEOUT);
    assert_int_equal(oq_context_wait_calls(fixture->context, 20), OQ_E_TIMEOUT);
    assert_hr(end_slow_call(fixture, thread), S_OK); /* it still gets its answer */
    assert_int_equal(oq_context_wait_calls(fixture->context, 0), OQ_OK);
}

static void gate__a_call_runs__stays_open(void **state)
{
    struct fixture *fixture = *state;
    HANDLE thread = begin_slow_call(fixture);
    fixture->context->live = 0; /* as if its object had been released meanwhile */
    assert_false(oq_context_shut_gate(fixture->context, fixture->context->activations));
    assert_hr(end_slow_call(fixture, thread), S_OK);
    assert_true(oq_context_shut_gate(fixture->context, fixture->context->activations));
    fixture->context->live = 3;
}

static DWORD WINAPI wait_in(void *argument)
{
    struct fixture *fixture = argument;
    return oq_context_wait_calls(fixture->context, LIMIT_MS);
}

static void stop__a_call_ends_meanwhile__is_ready(void **state)
{
    struct fixture *fixture = *state;
    DWORD code = 99;
    HANDLE call = begin_slow_call(fixture);
    oq_context_refuse_calls(fixture->context);
    HANDLE waiter = CreateThread(NULL, 0, wait_in, fixture, 0, NULL);
    assert_non_null(waiter);
    assert_int_equal(WaitForSingleObject(waiter, 20), WAIT_TIMEOUT);
    assert_hr(end_slow_call(fixture, call), S_OK);
    assert_int_equal(WaitForSingleObject(waiter, LIMIT_MS), WAIT_OBJECT_0);
    GetExitCodeThread(waiter, &code);
    assert_int_equal(code, OQ_OK);
    CloseHandle(waiter);
}

static void disconnect__objects_held_inside__reaches_each_once(void **state)
{
    struct fixture *fixture = *state;
    assert_hr(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    oq_context_refuse_calls(fixture->context);
    oq_objects_disconnect(fixture->context);
    oq_objects_disconnect(fixture->context); /* nothing left to do, and it ends */
    for (struct oq_object *object = fixture->context->objects; object; object = object->next)
        assert_true(object->is_disconnected);
    assert_int_equal(fixture->context->live, 3);
    CoUninitialize();
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(server__started__serves_its_class_and_counts),
        WITH(server__stopped__serves_no_class),
        WITH(server__legacy_class__is_served_on_request_only),
        WITH(server__started_and_stopped_often__leaves_no_handles),
        WITH(server__stopped_while_an_object_is_held__the_object_is_unavailable),
        WITH(gate__object_held_or_activated__stays_open),
        WITH(gate__shut__sends_clients_on_to_the_next_service),
        WITH(gate__a_call_runs__stays_open),
        WITH(server__opened__serves_no_class_until_it_is_asked),
        WITH(server__drained__answers_activations_until_it_is_closed),
        WITH(server__none__closes_at_once),
        WITH(stop__a_call_runs__waits_for_its_limit_and_says_so),
        WITH(stop__a_call_ends_meanwhile__is_ready),
        WITH(disconnect__objects_held_inside__reaches_each_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
