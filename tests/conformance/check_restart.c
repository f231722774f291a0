/* check_restart.c - assertion 82: after the service was stopped and started a download goes on from
 * the stored offset. */
#include "conformance.h"

static bool service_is(SC_HANDLE service, DWORD state)
{
    SERVICE_STATUS status;
    ULONGLONG start = 0;
    while (QueryServiceStatus(service, &status)) {
        if (status.dwCurrentState == state)
            return true;
        if (!patience(&start, 60))
            return false;
    }
    return false;
}

static bool restart(const wchar_t *name)
{
    SERVICE_STATUS status;
    bool is_done = false;
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service =
        manager ? OpenServiceW(manager, name, SERVICE_STOP | SERVICE_START | SERVICE_QUERY_STATUS)
                : NULL;
    if (service && ControlService(service, SERVICE_CONTROL_STOP, &status) &&
        service_is(service, SERVICE_STOPPED))
        is_done = StartServiceW(service, 0, NULL) && service_is(service, SERVICE_RUNNING);
    if (service)
        CloseServiceHandle(service);
    if (manager)
        CloseServiceHandle(manager);
    return is_done;
}

void check_restart(struct target *target)
{
    struct work work;
    DWORD status = 0;
    unsigned ranged = 0;
    if (!target->service) {
        report_skipped(82, "needs --service NAME, which is stopped and started");
        return;
    }
    if (!work_begin(target, &work))
        return;
    work_add(&work, server_url(L"restart?size=8000000&rate=2000000"),
             target_path(target, L"f-restart"));
    IBackgroundCopyGroup_ResumeGroup(work.group);
    wait_bytes(&work, 1000000, 60);
    bool is_restarted = restart(target->service);
    IBackgroundCopyJob1_Release(work.job);
    IBackgroundCopyGroup_Release(work.group);
    work.job = NULL;
    work.group = NULL;
    target_release(target);
    bool is_there =
        SUCCEEDED(target_connect(target)) &&
        SUCCEEDED(IBackgroundCopyQMgr_GetGroup(target->manager, work.id, &work.group)) &&
        wait_group(&work, QM_STATUS_GROUP_INCOMPLETE, 0, 60, &status);
    server_requests("restart", &ranged);
    /* Shows IBackgroundCopyQMgr.queue-kept-disk */
    report(82,
           is_restarted && is_there && ranged == 1 &&
               file_is_version(target_path(target, L"f-restart"), 8000000, 0),
           "restarted %d, finished %d, %u range requests from an offset above 0", is_restarted,
           is_there, ranged);
    work_end(&work);
}
