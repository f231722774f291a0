/* scm.c - the service control manager on one side, three callbacks on the other.
 *
 * The manager calls service_main on a thread of its own, which starts, waits and stops the hosted
 * program; control codes arrive on the dispatcher's thread, which only sets an event or passes a
 * notice on, and so never blocks the manager.
 */
#include "scm_int.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "oq_utf.h"
#include "oq_win_support.h"

#include <string.h>

#define START_STEP_MS 30000u /* recovery of a long queue is one step */
#define STOP_STEP_MS 5000u
#define MARGIN_MS                                                                                  \
    2000u /* the manager counts a service as hung when the hint has passed without a new           \
             checkpoint */
#define CONSOLE_END_MS 5000u /* Windows kills a program that long after its console was closed */

#define ACCEPTED_WHEN_RUNNING                                                                      \
    (SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN | SERVICE_ACCEPT_PRESHUTDOWN |                  \
     SERVICE_ACCEPT_POWEREVENT | SERVICE_ACCEPT_SESSIONCHANGE)

enum oq_status oq_win_scm_init(struct oq_win_scm *scm, const struct oq_win_scm_hosted *hosted,
                               oq_win_scm_report *report, void *report_ctx, struct oq_error *err)
{
    memset(scm, 0, sizeof *scm);
    scm->hosted = hosted;
    scm->report = report;
    scm->report_ctx = report_ctx;
    InitializeSRWLock(&scm->status_lock);
    InitializeSRWLock(&scm->event_gate);
    scm->status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    scm->stop_event = CreateEventW(NULL, TRUE, FALSE, NULL);
    scm->done_event = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (scm->stop_event && scm->done_event)
        return OQ_OK;
    enum oq_status status = oq_win_fail(err, GetLastError(), "cannot make an event");
    oq_win_scm_release(scm);
    return status;
}

void oq_win_scm_release(struct oq_win_scm *scm)
{
    if (scm->stop_event)
        CloseHandle(scm->stop_event);
    if (scm->done_event)
        CloseHandle(scm->done_event);
    scm->stop_event = NULL;
    scm->done_event = NULL;
}

/* 0 for a state that has no place in our order */
static int rank_of(DWORD state)
{
    switch (state) {
    case SERVICE_START_PENDING:
        return 1;
    case SERVICE_RUNNING:
        return 2;
    case SERVICE_STOP_PENDING:
        return 3;
    case SERVICE_STOPPED:
        return 4;
    default:
        return 0;
    }
}

static bool is_pending(DWORD state)
{
    return state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING;
}

void oq_win_scm_set(struct oq_win_scm *scm, DWORD state, DWORD wait_hint_ms, DWORD win32_exit,
                    DWORD specific_exit)
{
    AcquireSRWLockExclusive(&scm->status_lock);
    SERVICE_STATUS *status = &scm->status;
    int now = rank_of(status->dwCurrentState), next = rank_of(state);
    bool is_repeated = state == status->dwCurrentState;
    if (next > now || (is_repeated && is_pending(state))) {
        status->dwCheckPoint = !is_pending(state) ? 0 : is_repeated ? status->dwCheckPoint + 1 : 1;
        status->dwCurrentState = state;
        status->dwWaitHint = is_pending(state) ? wait_hint_ms : 0;
        status->dwControlsAccepted = state == SERVICE_RUNNING ? ACCEPTED_WHEN_RUNNING : 0;
        status->dwWin32ExitCode = win32_exit;
        status->dwServiceSpecificExitCode = specific_exit;
        /* Reported under the lock, so that the manager sees the states in their order. */
        if (scm->report)
            scm->report(scm->report_ctx, status);
    }
    ReleaseSRWLockExclusive(&scm->status_lock);
}

static DWORD current_state(struct oq_win_scm *scm)
{
    AcquireSRWLockShared(&scm->status_lock);
    DWORD state = scm->status.dwCurrentState;
    ReleaseSRWLockShared(&scm->status_lock);
    return state;
}

void oq_win_scm_progress(struct oq_win_scm *scm, uint32_t step_ms)
{
    DWORD state = current_state(scm);
    if (is_pending(state))
        oq_win_scm_set(scm, state, step_ms + MARGIN_MS, NO_ERROR, 0);
}

void oq_win_scm_request_stop(struct oq_win_scm *scm)
{
    SetEvent(scm->stop_event);
}

static void pass_on(struct oq_win_scm *scm, enum oq_win_scm_event event, uint32_t session)
{
    AcquireSRWLockShared(&scm->event_gate);
    if (scm->is_event_allowed && scm->hosted->event)
        scm->hosted->event(scm->hosted->ctx, event, session);
    ReleaseSRWLockShared(&scm->event_gate);
}

static void allow_events(struct oq_win_scm *scm, bool is_allowed)
{
    AcquireSRWLockExclusive(&scm->event_gate);
    scm->is_event_allowed = is_allowed;
    ReleaseSRWLockExclusive(&scm->event_gate);
}

DWORD oq_win_scm_control(struct oq_win_scm *scm, DWORD control, DWORD type, const void *data)
{
    const WTSSESSION_NOTIFICATION *session = data; /* with SESSIONCHANGE */
    switch (control) {
    case SERVICE_CONTROL_INTERROGATE: /* the manager has the last status; nothing to add */
        return NO_ERROR;
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
    case SERVICE_CONTROL_PRESHUTDOWN:
        /* Said here, before the service's thread wakes up: the caller sees at once that it was
         * heard. */
        oq_win_scm_set(scm, SERVICE_STOP_PENDING, STOP_STEP_MS + MARGIN_MS, NO_ERROR, 0);
        oq_win_scm_request_stop(scm);
        return NO_ERROR;
    case SERVICE_CONTROL_POWEREVENT:
        if (type == PBT_APMSUSPEND)
            pass_on(scm, OQ_SCM_EVENT_SUSPEND, 0);
        else if (type == PBT_APMRESUMEAUTOMATIC)
            pass_on(scm, OQ_SCM_EVENT_RESUME, 0);
        return NO_ERROR;
    case SERVICE_CONTROL_SESSIONCHANGE:
        if (session && type == WTS_SESSION_LOGON)
            pass_on(scm, OQ_SCM_EVENT_LOGON, session->dwSessionId);
        else if (session && type == WTS_SESSION_LOGOFF)
            pass_on(scm, OQ_SCM_EVENT_LOGOFF, session->dwSessionId);
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

enum oq_status oq_win_scm_serve(struct oq_win_scm *scm, uint32_t *exit_code, struct oq_error *err)
{
    const struct oq_win_scm_hosted *hosted = scm->hosted;
    struct oq_error detail;
    if (!err)
        err = &detail;
    oq_error_init(err);
    oq_win_scm_set(scm, SERVICE_START_PENDING, START_STEP_MS + MARGIN_MS, NO_ERROR, 0);
    enum oq_status status = hosted->start(hosted->ctx, scm, err);
    if (status != OQ_OK) {
        DWORD win32 = err->win32 ? err->win32 : ERROR_SERVICE_SPECIFIC_ERROR;
        oq_win_scm_set(scm, SERVICE_STOPPED, 0, win32, err->win32 ? 0 : (DWORD)status);
        *exit_code = win32;
        SetEvent(scm->done_event);
        return status;
    }
    allow_events(scm, true);
    oq_win_scm_set(scm, SERVICE_RUNNING, 0, NO_ERROR, 0);
    if (WaitForSingleObject(scm->stop_event, INFINITE) != WAIT_OBJECT_0)
        oq_log_error("service: waiting failed (%lu); stopping", (unsigned long)GetLastError());
    allow_events(scm, false);
    oq_win_scm_set(scm, SERVICE_STOP_PENDING, STOP_STEP_MS + MARGIN_MS, NO_ERROR, 0);
    hosted->stop(hosted->ctx, scm);
    oq_win_scm_set(scm, SERVICE_STOPPED, 0, NO_ERROR, 0);
    *exit_code = NO_ERROR;
    SetEvent(scm->done_event);
    return OQ_OK;
}

/* --- under the control manager: what its callbacks without context find here; written before the
 * dispatcher starts -------- */

static struct {
    struct oq_win_scm scm;
    const wchar_t *name;
    SERVICE_STATUS_HANDLE handle;
    uint32_t exit_code;
} service;

static void report_to_manager(void *ctx, const SERVICE_STATUS *status)
{
    SERVICE_STATUS copy = *status;
    (void)ctx;
    if (!SetServiceStatus(service.handle, &copy))
        oq_log_warning("service: the control manager does not take the status (%lu)",
                       (unsigned long)GetLastError());
}

static DWORD WINAPI handle_control(DWORD control, DWORD type, void *data, void *ctx)
{
    return oq_win_scm_control(ctx, control, type, data);
}

static void WINAPI service_main(DWORD count, wchar_t **words)
{
    struct oq_error err;
    (void)count;
    (void)words;
    service.handle = RegisterServiceCtrlHandlerExW(service.name, handle_control, &service.scm);
    if (!service.handle) {
        service.exit_code = GetLastError();
        oq_log_error("service: no control handler (%lu)", (unsigned long)service.exit_code);
        return;
    }
    (void)oq_win_scm_serve(&service.scm, &service.exit_code,
                           &err); /* hosted->start has said why it failed */
}

enum oq_status oq_win_scm_run_service(const char *name, const struct oq_win_scm_hosted *hosted,
                                      uint32_t *exit_code, struct oq_error *err)
{
    wchar_t *wide = NULL;
    enum oq_status status = oq_utf8_to_16(name, &wide, NULL);
    if (status != OQ_OK)
        return oq_error_set(err, status, "the service's name cannot be used");
    status = oq_win_scm_init(&service.scm, hosted, report_to_manager, NULL, err);
    if (status != OQ_OK)
        goto out;
    service.name = wide;
    SERVICE_TABLE_ENTRYW table[] = {{wide, service_main}, {NULL, NULL}};
    if (!StartServiceCtrlDispatcherW(table)) {
        DWORD win32 = GetLastError();
        status = win32 == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT
                     ? oq_error_win32(err, OQ_E_NOT_SUPPORTED, win32,
                                      "this process was not started by the service control manager")
                     : oq_win_fail(err, win32, "no connection to the service control manager");
        oq_win_scm_release(&service.scm);
        goto out;
    }
    *exit_code = service.exit_code;
    /* service.scm stays: a late control code may still be under way to it. The process ends soon.
     */
    return OQ_OK;
out:
    service.name = NULL;
    oq_free(wide);
    return status;
}

/* --- in the foreground ------------------------------------------------------------------------ */

static struct oq_win_scm *console_scm; /* while run_console runs; the handler has no context */
static volatile LONG console_signals;

static BOOL WINAPI handle_console(DWORD signal)
{
    struct oq_win_scm *scm = console_scm;
    if (!scm)
        return FALSE;
    LONG number = InterlockedIncrement(&console_signals);
    switch (signal) {
    case CTRL_C_EVENT:
    case CTRL_BREAK_EVENT:
        if (number > 1)
            return FALSE; /* impatient: the default handler ends the process, which loses nothing
                             that was saved */
        oq_win_scm_request_stop(scm);
        return TRUE;
    default: /* closed, logged off, shut down: the process lives as long as this handler */
        oq_win_scm_request_stop(scm);
        WaitForSingleObject(scm->done_event, CONSOLE_END_MS);
        return TRUE;
    }
}

enum oq_status oq_win_scm_run_console(const struct oq_win_scm_hosted *hosted, struct oq_error *err)
{
    static struct oq_win_scm scm; /* static: a late signal may still read it */
    uint32_t exit_code = 0;
    enum oq_status status = oq_win_scm_init(&scm, hosted, NULL, NULL, err);
    if (status != OQ_OK)
        return status;
    console_scm = &scm;
    console_signals = 0;
    /* For clients: the service need not be started (cli/service.c). */
    HANDLE mark = CreateEventW(NULL, TRUE, FALSE, L"Global\\OpenQMGR-run");
    if (!SetConsoleCtrlHandler(handle_console, TRUE))
        oq_log_warning("service: Ctrl-C will end the process at once (%lu)",
                       (unsigned long)GetLastError());
    status = oq_win_scm_serve(&scm, &exit_code, err);
    SetConsoleCtrlHandler(handle_console, FALSE);
    console_scm = NULL;
    if (mark)
        CloseHandle(mark);
    return status;
}
