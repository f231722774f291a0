/* check_notify.c - OnStatus: assertions 71 to 80, decisions D28 and D29. */
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static bool set_class(struct work *work)
{
    VARIANT v;
    VariantInit(&v);
    V_VT(&v) = VT_BSTR;
    V_BSTR(&v) = SysAllocString(callback_clsid());
    HRESULT hr = IBackgroundCopyGroup_SetProp(work->group, GROUPPROP_NOTIFYCLSID, &v);
    VariantClear(&v);
    return SUCCEEDED(hr);
}

static bool prepare(struct target *target, struct work *work, const wchar_t *url,
                    const wchar_t *name, int flags, bool is_registered)
{
    VARIANT v;
    if (!work_begin(target, work))
        return false;
    work_add(work, url, target_path(target, name));
    VariantInit(&v);
    V_VT(&v) = VT_I4;
    V_I4(&v) = flags;
    HRESULT hr = IBackgroundCopyGroup_SetProp(work->group, GROUPPROP_NOTIFYFLAGS, &v);
    if (SUCCEEDED(hr) && (!is_registered || set_class(work)))
        return true;
    work_end(work);
    return false;
}

static void check_complete(struct target *target)
{
    struct work work, silent;
    struct call call = {0};
    DWORD status = 0;
    unsigned before = callback_created();
    if (prepare(target, &work, server_url(L"note?size=1000"), L"f-note", QM_NOTIFY_GROUP_DONE,
                true)) {
        /* Shows IBackgroundCopyGroup::SetProp.groupprop-notifyclsid-worked
         * IBackgroundCopyCallback1.object-created-client */
        report(78, callback_created() == before + 1,
               "SetProp(NOTIFYCLSID) made %u object in this process", callback_created() - before);
        IBackgroundCopyGroup_ResumeGroup(work.group);
        bool is_called = callback_wait(&work.id, 1, 60, &call);
        /* Shows QM_NOTIFY_GROUP_DONE IBackgroundCopyCallback1.completion-notified-qm
         * IBackgroundCopyCallback1::OnStatus.pGroup .dwStatus */
        report(71, is_called && !(call.status & QM_STATUS_GROUP_ERROR),
               "OnStatus: called %u times, status 0x%03lx", callback_calls(&work.id, NULL),
               call.status);
        if (target->is_ours)
            /* Shows IBackgroundCopyCallback1::OnStatus.pJob .dwFileIndex .dwStatus
             * .dwNumOfRetries .dwWin32Result .dwTransportResult */
            report_decision(
                "D29",
                call.status == 0x40 && call.file_index == 0xFFFFFFFF && call.has_job &&
                    call.win32 == 0 && call.transport == 0 && call.retries == 0,
                "complete: status 0x%02lx, index %ld, job %d, codes %lu %lu, retries %lu",
                call.status, (long)call.file_index, call.has_job, call.win32, call.transport,
                call.retries);
        work_end(&work);
    }
    if (prepare(target, &silent, server_url(L"silent?size=1000"), L"f-silent", 0, true)) {
        IBackgroundCopyGroup_ResumeGroup(silent.group);
        wait_group(&silent, QM_STATUS_GROUP_INCOMPLETE, 0, 60, &status);
        bool is_called = callback_wait(&silent.id, 1, 2, NULL);
        /* Shows QM_NOTIFY_GROUP_DONE IBackgroundCopyCallback1.completion-notified-qm */
        report(72, !is_called && !(status & QM_STATUS_GROUP_INCOMPLETE),
               "without GROUP_DONE: %u calls in 2 s after the end",
               callback_calls(&silent.id, NULL));
        work_end(&silent);
    }
}

static void check_errors(struct target *target)
{
    struct work work, disabled;
    struct call call = {0};
    DWORD status = 0;
    if (prepare(target, &work, server_url(L"good?size=10"), L"f-good", 0, true)) {
        work_add(&work, server_url(L"lost?status=404"), target_path(target, L"f-lost"));
        IBackgroundCopyGroup_ResumeGroup(work.group);
        bool is_called = callback_wait(&work.id, 1, 60, &call);
        /* Shows IBackgroundCopyCallback1.completion-notified-qm
         * IBackgroundCopyCallback1::OnStatus.dwStatus */
        report(73, is_called && (call.status & QM_STATUS_GROUP_ERROR),
               "error without any flag: called %u times, status 0x%03lx",
               callback_calls(&work.id, NULL), call.status);
        /* Shows IBackgroundCopyCallback1::OnStatus.dwFileIndex .dwTransportResult */
        report(75, is_called && call.file_index == 1 && call.transport == 404,
               "file index %ld, transport result %lu", (long)call.file_index, call.transport);
        work_end(&work);
    }
    if (prepare(target, &disabled, server_url(L"lost2?status=404"), L"f-lost2",
                QM_NOTIFY_GROUP_DONE | QM_NOTIFY_DISABLE_NOTIFY, true)) {
        struct work complete;
        IBackgroundCopyGroup_ResumeGroup(disabled.group);
        bool is_error =
                 wait_group(&disabled, QM_STATUS_GROUP_ERROR, QM_STATUS_GROUP_ERROR, 60, &status),
             is_done = false;
        unsigned calls = 1;
        if (prepare(target, &complete, server_url(L"quiet?size=10"), L"f-quiet",
                    QM_NOTIFY_GROUP_DONE | QM_NOTIFY_DISABLE_NOTIFY, true)) {
            IBackgroundCopyGroup_ResumeGroup(complete.group);
            is_done = wait_group(&complete, QM_STATUS_GROUP_INCOMPLETE, 0, 60, &status);
            callback_wait(&complete.id, 1, 2, NULL);
            calls = callback_calls(&complete.id, NULL) + callback_calls(&disabled.id, NULL);
            work_end(&complete);
        }
        /* Shows QM_NOTIFY_DISABLE_NOTIFY IBackgroundCopyCallback1.completion-notified-qm */
        report(74, is_error && is_done && calls == 0,
               "DISABLE_NOTIFY: %u calls for an error and a completion", calls);
        work_end(&disabled);
    }
}

static void check_repeated(struct target *target)
{
    static const HRESULT script[] = {E_FAIL, S_FALSE, S_OK};
    struct work work;
    struct call first = {0}, last = {0};
    if (!prepare(target, &work, server_url(L"again?size=10"), L"f-again", QM_NOTIFY_GROUP_DONE,
                 true))
        return;
    callback_script(&work.id, script, 3);
    IBackgroundCopyGroup_ResumeGroup(work.group);
    callback_wait(&work.id, 1, 60, &first);
    bool is_repeated = callback_wait(&work.id, 3, 60, &last);
    bool is_too_often = callback_wait(&work.id, 4, 6, NULL);
    /* Shows IBackgroundCopyCallback1::OnStatus.S_OK .S_FALSE .calls-again-after */
    report(76, is_repeated && !is_too_often,
           "after E_FAIL and S_FALSE: %u calls, the third after %llu ms, none after S_OK",
           callback_calls(&work.id, NULL), last.at_ms - first.at_ms);
    work_end(&work);
}

static void check_late(struct target *target)
{
    struct work work;
    DWORD status = 0;
    if (!target->is_ours || !prepare(target, &work, server_url(L"late?size=10"), L"f-late",
                                     QM_NOTIFY_GROUP_DONE, false))
        return;
    IBackgroundCopyGroup_ResumeGroup(work.group);
    wait_group(&work, QM_STATUS_GROUP_INCOMPLETE, 0, 60, &status);
    set_class(&work);
    bool is_called = callback_wait(&work.id, 1, 20, NULL);
    /* Shows IBackgroundCopyGroup::SetNotificationPointer.event-waiting-delivered
     * IBackgroundCopyCallback1.object-created-client */
    report_decision("D28", is_called, "registered after the end: %u calls",
                    callback_calls(&work.id, NULL));
    work_end(&work);
}

/* --- a client that dies ----------------------------------------------------------------------- */

#define VICTIM_READY L"qmgr-conformance-%lu"

/* In a process of its own: registers for the group, says so, and waits to be killed. */
int victim_run(struct target *target, const GUID *group)
{
    struct work work = {.id = *group};
    wchar_t name[64];
    DWORD parent = (DWORD)_wtoi(_wgetenv(L"QMGR_CONFORMANCE_PARENT"));
    if (FAILED(IBackgroundCopyQMgr_GetGroup(target->manager, work.id, &work.group)) ||
        !set_class(&work))
        return 1;
    swprintf(name, 64, VICTIM_READY, parent);
    HANDLE ready = OpenEventW(EVENT_MODIFY_STATE, FALSE, name);
    if (!ready || !SetEvent(ready))
        return 1;
    Sleep(INFINITE);
    return 0;
}

/* Starts this program again as the victim; true when it has registered. It is killed in any case.
 */
static bool register_and_die(struct target *target, const GUID *group)
{
    wchar_t program[MAX_PATH], clsid[40], id[40], name[64], line[MAX_PATH + 120];
    STARTUPINFOW start = {.cb = sizeof start};
    PROCESS_INFORMATION process;
    swprintf(name, 64, L"%lu", GetCurrentProcessId());
    SetEnvironmentVariableW(L"QMGR_CONFORMANCE_PARENT", name);
    swprintf(name, 64, VICTIM_READY, GetCurrentProcessId());
    HANDLE ready = CreateEventW(NULL, TRUE, FALSE, name);
    GetModuleFileNameW(NULL, program, MAX_PATH);
    StringFromGUID2(&target->clsid, clsid, 40);
    StringFromGUID2(group, id, 40);
    swprintf(line, MAX_PATH + 120, L"\"%ls\" --clsid %ls --victim %ls", program, clsid, id);
    if (!ready ||
        !CreateProcessW(program, line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &process))
        return false;
    HANDLE either[2] = {ready, process.hProcess};
    bool is_ready = WaitForMultipleObjects(2, either, FALSE, 60000) == WAIT_OBJECT_0;
    TerminateProcess(process.hProcess, 1);
    WaitForSingleObject(process.hProcess, 60000);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    CloseHandle(ready);
    return is_ready;
}

static void check_dead(struct target *target)
{
    struct work work;
    DWORD status = 0;
    if (!prepare(target, &work, server_url(L"orphan?size=10"), L"f-orphan", QM_NOTIFY_GROUP_DONE,
                 false))
        return;
    bool is_dead = register_and_die(target, &work.id);
    IBackgroundCopyGroup_ResumeGroup(work.group);
    bool is_done = wait_group(&work, QM_STATUS_GROUP_INCOMPLETE, 0, 60, &status);
    bool is_early = callback_wait(&work.id, 1, 2, NULL);
    bool is_set = set_class(&work);
    bool is_called = callback_wait(&work.id, 1, 60, NULL);
    report(
        79, is_dead && is_done && !is_early && is_set && is_called,
        "client that registered and was killed: %d, %s within 2 s of the end, set again: %u calls",
        is_dead, is_early ? "a call" : "no call", callback_calls(&work.id, NULL));
    work_end(&work);
}

void check_notify(struct target *target)
{
    check_complete(target);
    check_errors(target);
    check_repeated(target);
    check_late(target);
    /* Shows IBackgroundCopyCallback1::OnProgress.never-called
     * IBackgroundCopyCallback1::OnProgressEx.never-called */
    report(77, callback_progress_calls() == 0, "OnProgress and OnProgressEx were called %u times",
           callback_progress_calls());
    check_dead(target);
    report_skipped(
        80, "no event of this service is without a job; tests/abi shows NULL through the proxy");
}
