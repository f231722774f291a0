/* test_scm.c - service/win/scm.c, with a list in place of the control manager and a fake in place
 * of the service. */
#include "test_win.h"

#include "scm_int.h"

enum { REPORTS_MAX = 32 };

/* One run: what the manager was told, and what the hosted program does and saw. */
static struct {
    SERVICE_STATUS reports[REPORTS_MAX];
    unsigned report_count;
    unsigned reports_at_start, starts, stops, events;
    enum oq_win_scm_event last_event;
    uint32_t last_session;
    enum oq_status start_status;
    uint32_t start_win32;
    unsigned start_steps, stop_steps;
    bool stops_itself_in_start;
    bool gets_event_in_stop;
} run;

static void report(void *ctx, const SERVICE_STATUS *status)
{
    (void)ctx;
    assert_true(run.report_count < REPORTS_MAX);
    run.reports[run.report_count++] = *status;
}

static enum oq_status fake_start(void *ctx, struct oq_win_scm *scm, struct oq_error *err)
{
    (void)ctx;
    run.starts++;
    for (unsigned i = 0; i < run.start_steps; i++)
        oq_win_scm_progress(scm, 1000 * (i + 1));
    if (run.stops_itself_in_start)
        oq_win_scm_request_stop(scm);
    run.reports_at_start = run.report_count;
    if (run.start_status != OQ_OK)
        return oq_error_win32(err, run.start_status, run.start_win32, "told to fail");
    return OQ_OK;
}

static void fake_stop(void *ctx, struct oq_win_scm *scm)
{
    (void)ctx;
    run.stops++;
    for (unsigned i = 0; i < run.stop_steps; i++)
        oq_win_scm_progress(scm, 500);
    if (run.gets_event_in_stop)
        assert_int_equal(
            oq_win_scm_control(scm, SERVICE_CONTROL_POWEREVENT, PBT_APMRESUMEAUTOMATIC, NULL),
            NO_ERROR);
}

static void fake_event(void *ctx, enum oq_win_scm_event event, uint32_t session)
{
    (void)ctx;
    run.events++;
    run.last_event = event;
    run.last_session = session;
}

static const struct oq_win_scm_hosted hosted = {
    .start = fake_start, .stop = fake_stop, .event = fake_event};

static int set_up(void **state)
{
    static struct oq_win_scm scm;
    memset(&run, 0, sizeof run);
    *state = &scm;
    return oq_win_scm_init(&scm, &hosted, report, NULL, NULL) == OQ_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    oq_win_scm_release(*state);
    return 0;
}

static DWORD WINAPI serve_thread(void *ctx)
{
    uint32_t exit_code = 0x5a5a5a5a;
    (void)oq_win_scm_serve(ctx, &exit_code, NULL);
    return exit_code;
}

static DWORD state_now(struct oq_win_scm *scm)
{
    AcquireSRWLockShared(&scm->status_lock);
    DWORD now = scm->status.dwCurrentState;
    ReleaseSRWLockShared(&scm->status_lock);
    return now;
}

/* Starts serving on a thread and returns when it is RUNNING. */
static HANDLE start_serving(struct oq_win_scm *scm)
{
    HANDLE thread = CreateThread(NULL, 0, serve_thread, scm, 0, NULL);
    assert_non_null(thread);
    for (int i = 0; i < 5000 && state_now(scm) != SERVICE_RUNNING; i++)
        SwitchToThread();
    ULONGLONG began = GetTickCount64();
    while (state_now(scm) != SERVICE_RUNNING && GetTickCount64() - began < 10000)
        SwitchToThread();
    assert_int_equal(state_now(scm), SERVICE_RUNNING);
    return thread;
}

static DWORD wait_for(HANDLE thread)
{
    DWORD code = 0;
    assert_int_equal(WaitForSingleObject(thread, 10000), WAIT_OBJECT_0);
    assert_true(GetExitCodeThread(thread, &code));
    CloseHandle(thread);
    return code;
}

/* States in the order reported, repeats left out. */
static void assert_states(const DWORD *wanted, unsigned count)
{
    unsigned at = 0;
    for (unsigned i = 0; i < run.report_count; i++) {
        if (i > 0 && run.reports[i].dwCurrentState == run.reports[i - 1].dwCurrentState)
            continue;
        assert_true(at < count);
        assert_int_equal(run.reports[i].dwCurrentState, at < count ? wanted[at] : 0);
        at++;
    }
    assert_int_equal(at, count);
}

/* What the manager's documentation asks: pending states have a hint and a rising checkpoint, others
 * none. */
static void assert_rules(void)
{
    for (unsigned i = 0; i < run.report_count; i++) {
        const SERVICE_STATUS *now = &run.reports[i];
        bool is_pending = now->dwCurrentState == SERVICE_START_PENDING ||
                          now->dwCurrentState == SERVICE_STOP_PENDING;
        assert_int_equal(now->dwServiceType, SERVICE_WIN32_OWN_PROCESS);
        assert_true(is_pending == (now->dwCheckPoint > 0));
        assert_true(is_pending == (now->dwWaitHint > 0));
        assert_true((now->dwControlsAccepted != 0) == (now->dwCurrentState == SERVICE_RUNNING));
        if (i > 0 && now->dwCurrentState == now[-1].dwCurrentState)
            assert_int_equal(now->dwCheckPoint, now[-1].dwCheckPoint + 1);
        else if (is_pending)
            assert_int_equal(now->dwCheckPoint, 1);
    }
}

static void serve__stopped_by_the_manager__reports_every_state_once_in_order(void **state)
{
    static const DWORD wanted[] = {SERVICE_START_PENDING, SERVICE_RUNNING, SERVICE_STOP_PENDING,
                                   SERVICE_STOPPED};
    run.start_steps = 3;
    run.stop_steps = 2;
    HANDLE thread = start_serving(*state);
    assert_int_equal(oq_win_scm_control(*state, SERVICE_CONTROL_STOP, 0, NULL), NO_ERROR);
    assert_int_equal(wait_for(thread), NO_ERROR);
    assert_states(wanted, COUNT_OF(wanted));
    assert_rules();
    assert_int_equal(run.starts, 1);
    assert_int_equal(run.stops, 1);
    assert_int_equal(run.reports[run.report_count - 1].dwWin32ExitCode, NO_ERROR);
}

static void serve__while_start_runs__is_not_running_yet(void **state)
{
    run.start_steps = 2;
    HANDLE thread = start_serving(*state);
    assert_int_equal(run.reports_at_start, 3); /* START_PENDING and two steps */
    for (unsigned i = 0; i < run.reports_at_start; i++)
        assert_int_equal(run.reports[i].dwCurrentState, SERVICE_START_PENDING);
    /* The hint covers the step that was announced. */
    assert_true(run.reports[1].dwWaitHint >= 1000 && run.reports[1].dwWaitHint < 10000);
    assert_true(run.reports[2].dwWaitHint == run.reports[1].dwWaitHint + 1000);
    oq_win_scm_request_stop(*state);
    wait_for(thread);
}

static void serve__start_that_fails__reports_stopped_with_its_code_and_does_not_stop(void **state)
{
    static const DWORD wanted[] = {SERVICE_START_PENDING, SERVICE_STOPPED};
    uint32_t exit_code = 0x5a5a5a5a;
    struct oq_error err;
    run.start_status = OQ_E_ACCESS_DENIED;
    run.start_win32 = ERROR_ACCESS_DENIED;
    assert_int_equal(oq_win_scm_serve(*state, &exit_code, &err), OQ_E_ACCESS_DENIED);
    assert_string_equal(err.text, "told to fail");
    assert_int_equal(exit_code, ERROR_ACCESS_DENIED);
    assert_states(wanted, COUNT_OF(wanted));
    assert_rules();
    assert_int_equal(run.reports[run.report_count - 1].dwWin32ExitCode, ERROR_ACCESS_DENIED);
    assert_int_equal(run.stops, 0);
}

static void serve__start_that_fails_without_a_win32_code__reports_a_specific_one(void **state)
{
    uint32_t exit_code = 0;
    run.start_status = OQ_E_DB_NEWER;
    assert_int_equal(oq_win_scm_serve(*state, &exit_code, NULL), OQ_E_DB_NEWER);
    assert_int_equal(exit_code, ERROR_SERVICE_SPECIFIC_ERROR);
    assert_int_equal(run.reports[run.report_count - 1].dwWin32ExitCode,
                     ERROR_SERVICE_SPECIFIC_ERROR);
    assert_int_equal(run.reports[run.report_count - 1].dwServiceSpecificExitCode, OQ_E_DB_NEWER);
}

static void serve__stop_asked_for_during_start__stops_right_after_it(void **state)
{
    uint32_t exit_code = 0x5a5a5a5a;
    run.stops_itself_in_start = true;
    assert_int_equal(oq_win_scm_serve(*state, &exit_code, NULL), OQ_OK);
    assert_int_equal(exit_code, NO_ERROR);
    assert_int_equal(run.stops, 1);
    assert_rules();
}

static void control__stop_shutdown_and_preshutdown__say_stop_pending_before_they_return(
    void **state)
{
    static const DWORD controls[] = {SERVICE_CONTROL_STOP, SERVICE_CONTROL_SHUTDOWN,
                                     SERVICE_CONTROL_PRESHUTDOWN};
    for (unsigned i = 0; i < COUNT_OF(controls); i++) {
        struct oq_win_scm scm;
        memset(&run, 0, sizeof run);
        (void)state;
        assert_int_equal(oq_win_scm_init(&scm, &hosted, report, NULL, NULL), OQ_OK);
        oq_win_scm_set(&scm, SERVICE_RUNNING, 0, NO_ERROR, 0);
        assert_int_equal(oq_win_scm_control(&scm, controls[i], 0, NULL), NO_ERROR);
        assert_int_equal(run.reports[run.report_count - 1].dwCurrentState, SERVICE_STOP_PENDING);
        assert_int_equal(WaitForSingleObject(scm.stop_event, 0), WAIT_OBJECT_0);
        oq_win_scm_release(&scm);
    }
}

static void control__interrogate__is_answered_and_changes_nothing(void **state)
{
    oq_win_scm_set(*state, SERVICE_RUNNING, 0, NO_ERROR, 0);
    assert_int_equal(oq_win_scm_control(*state, SERVICE_CONTROL_INTERROGATE, 0, NULL), NO_ERROR);
    assert_int_equal(run.report_count, 1);
    assert_int_equal(WaitForSingleObject(((struct oq_win_scm *)*state)->stop_event, 0),
                     WAIT_TIMEOUT);
}

static void control__unknown_code__is_refused(void **state)
{
    assert_int_equal(oq_win_scm_control(*state, SERVICE_CONTROL_PAUSE, 0, NULL),
                     ERROR_CALL_NOT_IMPLEMENTED);
    assert_int_equal(oq_win_scm_control(*state, 200, 0, NULL), ERROR_CALL_NOT_IMPLEMENTED);
}

static void control__power_and_session_notices__become_events_while_running(void **state)
{
    static const struct {
        DWORD control, type;
        enum oq_win_scm_event event;
    } rows[] = {
        {SERVICE_CONTROL_POWEREVENT, PBT_APMSUSPEND, OQ_SCM_EVENT_SUSPEND},
        {SERVICE_CONTROL_POWEREVENT, PBT_APMRESUMEAUTOMATIC, OQ_SCM_EVENT_RESUME},
        {SERVICE_CONTROL_SESSIONCHANGE, WTS_SESSION_LOGON, OQ_SCM_EVENT_LOGON},
        {SERVICE_CONTROL_SESSIONCHANGE, WTS_SESSION_LOGOFF, OQ_SCM_EVENT_LOGOFF},
    };
    HANDLE thread = start_serving(*state);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        WTSSESSION_NOTIFICATION notice = {sizeof notice, 7};
        bool is_session = rows[i].control == SERVICE_CONTROL_SESSIONCHANGE;
        assert_int_equal(oq_win_scm_control(*state, rows[i].control, rows[i].type, &notice),
                         NO_ERROR);
        assert_int_equal(run.last_session, is_session ? 7 : 0);
        assert_int_equal(run.events, i + 1);
        assert_int_equal(run.last_event, rows[i].event);
    }
    assert_int_equal(
        oq_win_scm_control(*state, SERVICE_CONTROL_SESSIONCHANGE, WTS_SESSION_LOCK, NULL),
        NO_ERROR);
    assert_int_equal(run.events, COUNT_OF(rows));
    oq_win_scm_request_stop(*state);
    wait_for(thread);
}

static void control__notice_before_start_or_during_stop__is_not_passed_on(void **state)
{
    assert_int_equal(oq_win_scm_control(*state, SERVICE_CONTROL_POWEREVENT, PBT_APMSUSPEND, NULL),
                     NO_ERROR);
    run.gets_event_in_stop = true;
    HANDLE thread = start_serving(*state);
    oq_win_scm_request_stop(*state);
    wait_for(thread);
    assert_int_equal(run.events, 0);
}

static void set__state_that_goes_back__is_ignored(void **state)
{
    oq_win_scm_set(*state, SERVICE_STOP_PENDING, 1000, NO_ERROR, 0);
    oq_win_scm_set(*state, SERVICE_RUNNING, 0, NO_ERROR, 0);
    oq_win_scm_set(*state, SERVICE_START_PENDING, 1000, NO_ERROR, 0);
    assert_int_equal(run.report_count, 1);
    oq_win_scm_set(*state, SERVICE_STOPPED, 0, NO_ERROR, 0);
    oq_win_scm_set(*state, SERVICE_STOPPED, 0, ERROR_BAD_UNIT, 0);
    oq_win_scm_set(*state, SERVICE_STOP_PENDING, 1000, NO_ERROR, 0);
    assert_int_equal(run.report_count, 2);
}

static void progress__while_running_or_stopped__reports_nothing(void **state)
{
    oq_win_scm_set(*state, SERVICE_RUNNING, 0, NO_ERROR, 0);
    oq_win_scm_progress(*state, 1000);
    oq_win_scm_set(*state, SERVICE_STOPPED, 0, NO_ERROR, 0);
    oq_win_scm_progress(*state, 1000);
    assert_int_equal(run.report_count, 2);
}

static void run_console__stop_asked_for__starts_stops_and_succeeds(void **state)
{
    (void)state;
    struct oq_error err;
    oq_error_init(&err);
    run.stops_itself_in_start = true;
    assert_status(OQ_OK, oq_win_scm_run_console(&hosted, &err), &err);
    assert_int_equal(run.starts, 1);
    assert_int_equal(run.stops, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(serve__stopped_by_the_manager__reports_every_state_once_in_order),
        TEST(serve__while_start_runs__is_not_running_yet),
        TEST(serve__start_that_fails__reports_stopped_with_its_code_and_does_not_stop),
        TEST(serve__start_that_fails_without_a_win32_code__reports_a_specific_one),
        TEST(serve__stop_asked_for_during_start__stops_right_after_it),
        TEST(control__stop_shutdown_and_preshutdown__say_stop_pending_before_they_return),
        TEST(control__interrogate__is_answered_and_changes_nothing),
        TEST(control__unknown_code__is_refused),
        TEST(control__power_and_session_notices__become_events_while_running),
        TEST(control__notice_before_start_or_during_stop__is_not_passed_on),
        TEST(set__state_that_goes_back__is_ignored),
        TEST(progress__while_running_or_stopped__reports_nothing),
        TEST(run_console__stop_asked_for__starts_stops_and_succeeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
