/* check_transfer.c - downloads: assertions 16, 45 to 57, 59, 83 to 87 and the status table of
 * section 7. */
#include "conformance.h"

#include <string.h>

#define BITS 0x7C0 /* all status bits of a group */

static DWORD job_status(struct work *work, DWORD *win32, DWORD *transport, DWORD *retries)
{
    DWORD status = 0;
    IBackgroundCopyJob1_GetStatus(work->job, &status, win32, transport, retries);
    return status;
}

/* A small file from the beginning to the end. */
static void check_whole(struct target *target)
{
    struct work work;
    DWORD status = 0, size = 1, done = 0, percent = 0, win32 = 1, transport = 1, retries = 1,
          before = 1;
    if (!work_begin(target, &work))
        return;
    HRESULT add =
        work_add(&work, server_url(L"whole?size=200000"), target_path(target, L"f-whole"));
    IBackgroundCopyGroup_get_Size(work.group, &before);
    /* Shows IBackgroundCopyGroup::get_Size.pdwSize */
    report(47, add == S_OK && before == 0, "get_Size before anything is known: %lu", before);
    HRESULT resume = IBackgroundCopyGroup_ResumeGroup(work.group);
    bool is_done = wait_group(&work, QM_STATUS_GROUP_INCOMPLETE, 0, 60, &status);
    IBackgroundCopyGroup_get_Size(work.group, &size);
    IBackgroundCopyGroup_GetProgress(work.group, QM_PROGRESS_SIZE_DONE, &done);
    IBackgroundCopyGroup_GetProgress(work.group, QM_PROGRESS_PERCENT_DONE, &percent);
    /* Shows QM_STATUS_GROUP_INCOMPLETE QM_STATUS_GROUP_SUSPENDED
     * IBackgroundCopyGroup.new-group-suspended */
    report(54, is_done && (status & QM_STATUS_GROUP_SUSPENDED),
           "status of a finished group: 0x%03lx", status);
    /* Shows QM_PROGRESS_SIZE_DONE IBackgroundCopyGroup::GetProgress.pdwProgress
     * IBackgroundCopyGroup::get_Size.pdwSize */
    report(45, resume == S_OK && size == 200000 && done == size, "size %lu, done %lu", size, done);
    /* Shows QM_PROGRESS_PERCENT_DONE IBackgroundCopyGroup::GetProgress.pdwProgress */
    report(46, percent == 100, "percent %lu", percent);
    DWORD job = job_status(&work, &win32, &transport, &retries);
    /* Shows QM_STATUS_JOB_COMPLETE IBackgroundCopyJob1::GetStatus.pdwStatus */
    report(53, (job & QM_STATUS_JOB_COMPLETE) && !(job & QM_STATUS_JOB_INCOMPLETE),
           "status of its job: 0x%02lx", job);
    WIN32_FILE_ATTRIBUTE_DATA facts = {0};
    FILETIME wanted = {0};
    SYSTEMTIME date = {
        .wYear = 1994, .wMonth = 11, .wDay = 6, .wHour = 8, .wMinute = 49, .wSecond = 37};
    SystemTimeToFileTime(&date, &wanted);
    GetFileAttributesExW(target_path(target, L"f-whole"), GetFileExInfoStandard, &facts);
    report(86,
           CompareFileTime(&facts.ftLastWriteTime, &wanted) == 0 &&
               CompareFileTime(&facts.ftCreationTime, &wanted) == 0,
           "modification time %s the server's, creation time %s",
           CompareFileTime(&facts.ftLastWriteTime, &wanted) == 0 ? "is" : "is not",
           CompareFileTime(&facts.ftCreationTime, &wanted) == 0 ? "too" : "is not");
    if (target->is_ours) {
        /* Shows QM_STATUS_JOB_INCOMPLETE QM_STATUS_GROUP_COMPLETE
         * IBackgroundCopyJob1::GetStatus.pdwStatus IBackgroundCopyGroup::GetStatus.pdwStatus */
        report_decision("D27", status == 0x140 && job == 0x04,
                        "finished: group 0x%03lx, job 0x%02lx", status, job);
        /* Shows IBackgroundCopyJob1::GetStatus.pdwWin32Result */
        report_decision("D20", win32 == 0 && transport == 0 && retries == 0,
                        "no error: %lu %lu %lu", win32, transport, retries);
        HRESULT again = IBackgroundCopyGroup_ResumeGroup(work.group),
                add_more = work_add(&work, L"http://127.0.0.1/x", target_path(target, L"f-x"));
        /* Shows IBackgroundCopyGroup::ResumeGroup.change-when-runs .0x80200003 */
        report_decision("D3", again == S_OK, "ResumeGroup of a finished group: 0x%08lx", again);
        /* Shows IBackgroundCopyJob1::AddFiles.count-0-element .QM_E_INVALID_STATE
         * .either-files-appended */
        report_decision("D21", add_more == (HRESULT)QM_E_INVALID_STATE,
                        "AddFiles to a finished group: 0x%08lx", add_more);
        report_decision("file", file_is_version(target_path(target, L"f-whole"), 200000, 0),
                        "the file is byte-identical");
    }
    HRESULT cancel = IBackgroundCopyGroup_CancelGroup(work.group);
    /* Shows IBackgroundCopyGroup::CancelGroup.files-completely-downloaded */
    report_decision("3.2",
                    cancel == S_OK && file_is_version(target_path(target, L"f-whole"), 200000, 0),
                    "CancelGroup of a finished group: 0x%08lx, the file stays", cancel);
    work_end(&work);
}

/* A slow file: what is seen while it runs, suspend, resume, cancel. */
static void check_running(struct target *target)
{
    struct work work;
    DWORD status = 0, index = 0, unused = 0, first = 0, second = 0;
    IBackgroundCopyJob1 *job = NULL;
    GUID other;
    ULONGLONG start = 0;
    CoCreateGuid(&other);
    if (!work_begin(target, &work))
        return;
    work_add(&work, server_url(L"quick?size=1000"), target_path(target, L"f-quick"));
    work_add(&work, server_url(L"slow?size=30000000&rate=1000000"), target_path(target, L"f-slow"));
    IBackgroundCopyGroup_ResumeGroup(work.group);
    IBackgroundCopyGroup_GetStatus(work.group, &status, &index);
    /* Shows QM_STATUS_GROUP_INCOMPLETE IBackgroundCopyGroup::ResumeGroup.S_OK */
    report(49, !(status & QM_STATUS_GROUP_SUSPENDED) && (status & QM_STATUS_GROUP_INCOMPLETE),
           "status after ResumeGroup: 0x%03lx", status);
    bool has_begun = wait_bytes(&work, 200000, 60);
    HRESULT hr = IBackgroundCopyGroup_CreateJob(work.group, other, &job);
    /* Shows QM_E_INVALID_STATE IBackgroundCopyGroup::CreateJob.QM_E_INVALID_STATE */
    report(16, hr == (HRESULT)QM_E_INVALID_STATE, "CreateJob while the job runs: 0x%08lx", hr);
    /* Shows IBackgroundCopyGroup.until-then-each */
    report(85, has_begun && !file_exists(target_path(target, L"f-slow")) && temp_files(target) > 0,
           "while it runs: final name %s, %u temporary files in the folder",
           file_exists(target_path(target, L"f-slow")) ? "exists" : "does not exist",
           temp_files(target));
    DWORD job_bits = job_status(&work, &unused, &unused, &unused);
    hr = IBackgroundCopyGroup_SwitchToForeground(work.group);
    IBackgroundCopyGroup_GetStatus(work.group, &status, &index);
    /* Shows QM_STATUS_GROUP_FOREGROUND IBackgroundCopyGroup::SwitchToForeground.S_OK */
    report(51, hr == S_OK && (status & QM_STATUS_GROUP_FOREGROUND),
           "SwitchToForeground: 0x%08lx, status 0x%03lx", hr, status);
    DWORD job_after = job_status(&work, &unused, &unused, &unused);
    /* Shows QM_STATUS_JOB_FOREGROUND IBackgroundCopyJob1::GetStatus.pdwStatus */
    report(52, !((job_bits | job_after) & QM_STATUS_JOB_FOREGROUND), "status of the job: 0x%02lx",
           job_after);
    if (target->is_ours) {
        report_decision("D27", status == 0x480 && job_after == 0x08,
                        "running in the foreground: group 0x%03lx, job 0x%02lx", status, job_after);
        hr = IBackgroundCopyGroup_SwitchToForeground(work.group);
        /* Shows IBackgroundCopyGroup::SwitchToForeground.again-when-was */
        report_decision("D17", hr == S_OK, "SwitchToForeground again: 0x%08lx", hr);
        hr = IBackgroundCopyGroup_ResumeGroup(work.group);
        /* Shows IBackgroundCopyGroup::SuspendGroup.change-when-suspended
         * IBackgroundCopyGroup::ResumeGroup.change-when-runs */
        report_decision("D2", hr == S_OK, "ResumeGroup of a running group: 0x%08lx", hr);
    }
    hr = IBackgroundCopyGroup_SuspendGroup(work.group);
    IBackgroundCopyGroup_GetStatus(work.group, &status, &index);
    IBackgroundCopyGroup_GetProgress(work.group, QM_PROGRESS_SIZE_DONE, &first);
    while (patience(&start, 1))
        IBackgroundCopyGroup_GetProgress(work.group, QM_PROGRESS_SIZE_DONE, &second);
    /* Shows QM_STATUS_GROUP_SUSPENDED IBackgroundCopyGroup::SuspendGroup.S_OK */
    report(50, hr == S_OK && (status & QM_STATUS_GROUP_SUSPENDED) && first == second && first > 0,
           "SuspendGroup: 0x%08lx, status 0x%03lx, %lu bytes, a second later %lu", hr, status,
           first, second);
    if (target->is_ours) {
        report_decision("D27", status == 0x580, "suspended in the foreground: 0x%03lx", status);
        hr = IBackgroundCopyGroup_SuspendGroup(work.group);
        report_decision("D2", hr == S_OK, "SuspendGroup of a suspended group: 0x%08lx", hr);
    }
    hr = IBackgroundCopyGroup_CancelGroup(work.group);
    /* Shows IBackgroundCopyGroup::CancelGroup.files-completely-downloaded */
    report(59, hr == S_OK && file_is_version(target_path(target, L"f-quick"), 1000, 0),
           "after CancelGroup the file that was complete is there");
    if (target->is_ours)
        /* Shows IBackgroundCopyGroup::CancelGroup.files-partly-downloaded */
        report_decision(
            "D5", !file_exists(target_path(target, L"f-slow")) && temp_files(target) == 0,
            "the partial one is not, and %u temporary files are left", temp_files(target));
    work_end(&work);
}

static void check_error(struct target *target)
{
    struct work work;
    DWORD status = 0, win32 = 0, transport = 0, retries = 0;
    if (!work_begin(target, &work))
        return;
    work_add(&work, server_url(L"missing?status=404&on=1-2&size=10"),
             target_path(target, L"f-missing"));
    IBackgroundCopyGroup_ResumeGroup(work.group);
    wait_group(&work, QM_STATUS_GROUP_ERROR, QM_STATUS_GROUP_ERROR, 60, &status);
    DWORD job = job_status(&work, &win32, &transport, &retries);
    /* Shows QM_STATUS_JOB_ERROR QM_STATUS_GROUP_SUSPENDED QM_STATUS_GROUP_ERROR
     * IBackgroundCopyJob1::GetStatus.pdwStatus IBackgroundCopyGroup.new-group-suspended */
    report(55,
           (status & QM_STATUS_GROUP_ERROR) && (status & QM_STATUS_GROUP_SUSPENDED) &&
               (job & QM_STATUS_JOB_ERROR),
           "404: group 0x%03lx, job 0x%02lx", status, job);
    /* Shows IBackgroundCopyJob1::GetStatus.pdwTransportResult */
    report(56, transport == 404, "transport result %lu, win32 %lu, retries %lu", transport, win32,
           retries);
    if (target->is_ours) {
        report_decision("D27", (status & BITS) == 0x380 && job == 0x18,
                        "in error: group 0x%03lx, job 0x%02lx", status, job);
        report_decision("D20", win32 == ERROR_FILE_NOT_FOUND, "win32 of a 404: %lu", win32);
        HRESULT resume = IBackgroundCopyGroup_ResumeGroup(work.group);
        bool is_done = wait_group(&work, QM_STATUS_GROUP_INCOMPLETE, 0, 60, &status);
        /* Shows IBackgroundCopyGroup::ResumeGroup.S_OK OPENQMGR_STATE_ERROR */
        report_decision("3.1", resume == S_OK && is_done,
                        "ResumeGroup after an error tries again: 0x%03lx", status);
    }
    HRESULT cancel = IBackgroundCopyGroup_CancelGroup(work.group);
    work_end(&work);
    /* In every state: new, running and in error. */
    HRESULT states[3] = {cancel, E_FAIL, E_FAIL};
    if (work_begin(target, &work)) {
        states[1] = IBackgroundCopyGroup_CancelGroup(work.group);
        work_end(&work);
    }
    if (work_begin(target, &work)) {
        work_add(&work, server_url(L"missing2?status=404"), target_path(target, L"f-missing2"));
        IBackgroundCopyGroup_ResumeGroup(work.group);
        wait_group(&work, QM_STATUS_GROUP_ERROR, QM_STATUS_GROUP_ERROR, 60, &status);
        states[2] = IBackgroundCopyGroup_CancelGroup(work.group);
        work_end(&work);
    }
    /* Shows IBackgroundCopyGroup::CancelGroup.S_OK */
    report(57, states[0] == S_OK && states[1] == S_OK && states[2] == S_OK,
           "CancelGroup of a finished group 0x%08lx, a new one 0x%08lx, one in error 0x%08lx",
           states[0], states[1], states[2]);
}

static void check_changed(struct target *target)
{
    struct work work;
    DWORD status = 0;
    unsigned ranged = 0;
    if (!work_begin(target, &work))
        return;
    /* The first request is cut short by SuspendGroup; every later one finds another version. */
    work_add(&work, server_url(L"earlier?size=5000"), target_path(target, L"f-earlier"));
    work_add(&work, server_url(L"changing?size=4000000&rate=2000000&change&on=1"),
             target_path(target, L"f-changing"));
    IBackgroundCopyGroup_ResumeGroup(work.group);
    wait_bytes(&work, 500000, 60);
    IBackgroundCopyGroup_SuspendGroup(work.group);
    IBackgroundCopyGroup_ResumeGroup(work.group);
    bool is_done = wait_group(&work, QM_STATUS_GROUP_INCOMPLETE, 0, 60, &status);
    bool is_new = file_is_version(target_path(target, L"f-changing"), 4000000, 1);
    report(83,
           is_done && is_new && server_requests("earlier", &ranged) >= 1 &&
               file_is_version(target_path(target, L"f-earlier"), 5000, 0),
           "a file that changed in mid-transfer came as %s, the earlier one was asked for %u times",
           is_new ? "the new version" : "a mixture", server_requests("earlier", NULL));
    work_end(&work);
}

static void check_no_length(struct target *target)
{
    struct work work;
    DWORD status = 0;
    if (!work_begin(target, &work))
        return;
    work_add(&work, server_url(L"nolength?size=70000&nolength"),
             target_path(target, L"f-nolength"));
    IBackgroundCopyGroup_ResumeGroup(work.group);
    if (target->is_ours) {
        bool is_done = wait_group(&work, QM_STATUS_GROUP_INCOMPLETE, 0, 60, &status);
        report(84, is_done && file_is_version(target_path(target, L"f-nolength"), 70000, 0),
               "decided otherwise: without Content-Length the file arrives nevertheless, status "
               "0x%03lx",
               status);
    } else {
        bool is_error =
            wait_group(&work, QM_STATUS_GROUP_ERROR, QM_STATUS_GROUP_ERROR, 60, &status);
        report(84, is_error, "without Content-Length: status 0x%03lx", status);
    }
    work_end(&work);
}

static void check_order(struct target *target)
{
    struct work work;
    DWORD status = 0;
    if (!work_begin(target, &work))
        return;
    work_add(&work, server_url(L"order1?size=1000"), target_path(target, L"f-order1"));
    work_add(&work, server_url(L"order2?size=1000"), target_path(target, L"f-order2"));
    work_add(&work, server_url(L"order3?size=1000"), target_path(target, L"f-order3"));
    IBackgroundCopyGroup_ResumeGroup(work.group);
    bool is_done = wait_group(&work, QM_STATUS_GROUP_INCOMPLETE, 0, 60, &status);
    unsigned first = server_first_request("order1"), second = server_first_request("order2"),
             third = server_first_request("order3");
    /* Ours starts them in order, several at once: which connection is served first is the network's
     * business. */
    report(87,
           is_done && first && second && third &&
               (target->is_ours || (first < second && second < third)),
           "%sfiles were requested as number %u, %u and %u",
           target->is_ours ? "decided otherwise (several at once): " : "", first, second, third);
    work_end(&work);
}

void check_transfer(struct target *target)
{
    check_whole(target);
    check_running(target);
    check_error(target);
    check_changed(target);
    check_no_length(target);
    check_order(target);
}
