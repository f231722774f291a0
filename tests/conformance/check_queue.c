/* check_queue.c - the queue, groups, jobs and their enumerators: assertions 1 to 30, 57, 58. */
#include "conformance.h"

#include <string.h>

static void check_groups(struct target *target, struct work *work)
{
    IBackgroundCopyGroup *again = NULL, *other = (IBackgroundCopyGroup *)1;
    GUID id = {0}, unknown;
    DWORD status = 0, index = 1;
    CoCreateGuid(&unknown);

    /* Shows IBackgroundCopyQMgr::CreateGroup.S_OK */
    report(3, work->group, "CreateGroup of a fresh GUID gave a group");
    if (!work->group)
        return;
    HRESULT hr = IBackgroundCopyQMgr_CreateGroup(target->manager, work->id, &other);
    /* Shows IBackgroundCopyQMgr::CreateGroup.guidGroupID .E_INVALIDARG */
    report(4, hr == E_INVALIDARG, "CreateGroup of the same GUID: 0x%08lx", hr);
    /* Shows all.outputs-on-failure */
    report_decision("out", !other, "the [out] pointer of the failed CreateGroup is %p",
                    (void *)other);
    hr = IBackgroundCopyGroup_get_GroupID(work->group, &id);
    /* Shows IBackgroundCopyGroup::get_GroupID.pguidGroupID .S_OK */
    report(5, hr == S_OK && IsEqualGUID(&id, &work->id), "get_GroupID: 0x%08lx, %s", hr,
           IsEqualGUID(&id, &work->id) ? "the same GUID" : "another GUID");
    hr = IBackgroundCopyGroup_GetStatus(work->group, &status, &index);
    /* Shows QM_STATUS_GROUP_SUSPENDED IBackgroundCopyGroup.new-group-suspended
     * IBackgroundCopyGroup::GetStatus.S_OK IBackgroundCopyQMgr::CreateGroup.S_OK */
    report(6, hr == S_OK && (status & QM_STATUS_GROUP_SUSPENDED), "status of a new group: 0x%03lx",
           status);
    /* Shows IBackgroundCopyGroup::GetStatus.pdwJobIndex */
    report(48, index == 0, "job index: %lu", index);
    hr = IBackgroundCopyQMgr_GetGroup(target->manager, unknown, &other);
    /* Shows QM_E_ITEM_NOT_FOUND IBackgroundCopyQMgr::GetGroup.QM_E_ITEM_NOT_FOUND */
    report(7, hr == (HRESULT)QM_E_ITEM_NOT_FOUND, "GetGroup of an unknown GUID: 0x%08lx", hr);
    hr = IBackgroundCopyQMgr_GetGroup(target->manager, work->id, &again);
    memset(&id, 0, sizeof id);
    if (again)
        IBackgroundCopyGroup_get_GroupID(again, &id);
    /* Shows IBackgroundCopyQMgr::GetGroup.groupID .S_OK */
    report(8, hr == S_OK && IsEqualGUID(&id, &work->id), "GetGroup by the owner: 0x%08lx", hr);
    if (again)
        IBackgroundCopyGroup_Release(again);
    report_skipped(9, "needs a second user; the engine's tests show it with scripted identities");
    report_skipped(10, "needs a second user and an administrator");
    report_skipped(11, "needs a second user");
    report_skipped(12, "needs a second user and an administrator");
    IEnumBackgroundCopyGroups *groups = NULL;
    hr = IBackgroundCopyQMgr_EnumGroups(target->manager, 1, &groups);
    /* Shows IBackgroundCopyQMgr::EnumGroups.dwFlags .E_NOTIMPL */
    report(13, hr == E_NOTIMPL, "EnumGroups(1): 0x%08lx", hr);
    if (target->is_ours) {
        GUID null = {0};
        hr = IBackgroundCopyQMgr_CreateGroup(target->manager, null, &other);
        /* Shows IBackgroundCopyGroup::CreateJob.guidJobID .E_INVALIDARG
         * IBackgroundCopyQMgr::CreateGroup.identifier-guid-null */
        report_decision("D8", hr == E_INVALIDARG, "CreateGroup(GUID_NULL): 0x%08lx", hr);
    }
}

static void check_jobs(struct target *target, struct work *work)
{
    IBackgroundCopyJob1 *job = NULL;
    GUID id = {0}, second;
    CoCreateGuid(&second);
    /* Shows IBackgroundCopyGroup::CreateJob.S_OK */
    report(14, work->job, "CreateJob in a new group gave a job");
    if (!work->group || !work->job)
        return;
    HRESULT hr = IBackgroundCopyGroup_CreateJob(work->group, second, &job);
    /* Shows IBackgroundCopyGroup::CreateJob.E_NOTIMPL */
    report(15, hr == E_NOTIMPL, "a second CreateJob in a suspended group: 0x%08lx", hr);
    hr = IBackgroundCopyJob1_get_JobID(work->job, &id);
    /* Shows IBackgroundCopyJob1::get_JobID.pguidJobID .S_OK */
    report(17, hr == S_OK && IsEqualGUID(&id, &work->job_id), "get_JobID: 0x%08lx", hr);
    hr = IBackgroundCopyGroup_GetJob(work->group, work->job_id, &job);
    /* Shows IEnumBackgroundCopyJobs1.elements-guids-used IBackgroundCopyGroup::GetJob.jobID
     * .S_OK */
    report(18, hr == S_OK && job, "GetJob of its GUID: 0x%08lx", hr);
    if (job)
        IBackgroundCopyJob1_Release(job);
    job = NULL;
    hr = IBackgroundCopyGroup_GetJob(work->group, second, &job);
    /* Shows QM_E_ITEM_NOT_FOUND IBackgroundCopyGroup::GetJob.QM_E_ITEM_NOT_FOUND */
    report(19, hr == (HRESULT)QM_E_ITEM_NOT_FOUND && !job, "GetJob of another GUID: 0x%08lx", hr);

    IEnumBackgroundCopyJobs1 *jobs = NULL;
    ULONG fetched = 99;
    GUID found[2];
    hr = IBackgroundCopyGroup_EnumJobs(work->group, 0, &jobs);
    if (hr == S_OK && jobs) {
        hr = IEnumBackgroundCopyJobs1_Next(jobs, 2, found, &fetched);
        /* Shows IEnumBackgroundCopyJobs1.elements-guids-used
         * IEnumBackgroundCopyJobs1::Next.S_FALSE IBackgroundCopyGroup::EnumJobs.S_OK */
        report(20, hr == S_FALSE && fetched == 1 && IsEqualGUID(&found[0], &work->job_id),
               "EnumJobs: Next(2) gave 0x%08lx with %lu GUIDs", hr, fetched);
        IEnumBackgroundCopyJobs1_Release(jobs);
    }
    jobs = NULL;
    hr = IBackgroundCopyGroup_EnumJobs(work->group, 1, &jobs);
    /* Shows IBackgroundCopyGroup::EnumJobs.dwFlags .E_NOTIMPL */
    report(21, hr == E_NOTIMPL && !jobs, "EnumJobs(1): 0x%08lx", hr);
    if (target->is_ours) {
        struct work empty = {0};
        CoCreateGuid(&empty.id);
        if (SUCCEEDED(IBackgroundCopyQMgr_CreateGroup(target->manager, empty.id, &empty.group))) {
            hr = IBackgroundCopyGroup_CreateJob(empty.group, work->job_id, &empty.job);
            report_decision("D8", hr == E_INVALIDARG,
                            "CreateJob with a GUID used elsewhere: 0x%08lx", hr);
            hr = IBackgroundCopyGroup_ResumeGroup(empty.group);
            report_decision("D3", hr == (HRESULT)0x80200003, "ResumeGroup without files: 0x%08lx",
                            hr);
            work_end(&empty);
        }
    }
}

static void check_enumerator(struct target *target, struct work *three)
{
    IEnumBackgroundCopyGroups *groups = NULL, *clone = NULL;
    ULONG count = 0, fetched = 0;
    GUID all[512], some[512];
    unsigned known = 0;
    HRESULT hr = IBackgroundCopyQMgr_EnumGroups(target->manager, 0, &groups);
    if (hr != S_OK || !groups)
        return;
    (void)IEnumBackgroundCopyGroups_GetCount(groups, &count); /* 0 when it fails */
    ULONG before = count;
    if (count < 3 || count > 500) {
        IEnumBackgroundCopyGroups_Release(groups);
        return;
    }
    hr = IEnumBackgroundCopyGroups_Next(groups, count, all, &fetched);
    /* Shows IEnumBackgroundCopyGroups::Next.S_OK */
    report(23, hr == S_OK && fetched == count, "Next(%lu) with %lu left: 0x%08lx, %lu fetched",
           count, count, hr, fetched);
    for (ULONG i = 0; i < fetched; i++) {
        IBackgroundCopyGroup *group = NULL;
        for (unsigned j = 0; j < 3; j++)
            if (IsEqualGUID(&all[i], &three[j].id) &&
                SUCCEEDED(IBackgroundCopyQMgr_GetGroup(target->manager, all[i], &group))) {
                known++;
                IBackgroundCopyGroup_Release(group);
            }
    }
    /* Shows IEnumBackgroundCopyGroups.elements-guids-used IEnumBackgroundCopyGroups::Next.rgelt
     * IBackgroundCopyQMgr::EnumGroups.S_OK */
    report(22, known == 3, "of 3 groups %u were listed and could be got by their GUID", known);
    IEnumBackgroundCopyGroups_GetCount(groups, &count);
    /* Shows IEnumBackgroundCopyGroups::GetCount.puCount .S_OK */
    report(30, count == before, "GetCount before Next %lu, after it %lu", before, count);
    hr = IEnumBackgroundCopyGroups_Reset(groups);
    HRESULT next = IEnumBackgroundCopyGroups_Next(groups, 1, some, &fetched);
    /* Shows IEnumBackgroundCopyGroups::Reset.S_OK */
    report(28, hr == S_OK && next == S_OK && IsEqualGUID(&some[0], &all[0]),
           "Reset 0x%08lx, then Next gave the first: %s", hr,
           IsEqualGUID(&some[0], &all[0]) ? "yes" : "no");
    hr = IEnumBackgroundCopyGroups_Clone(groups, &clone);
    GUID a = {0}, b = {0};
    if (hr == S_OK && clone) {
        IEnumBackgroundCopyGroups_Next(clone, 1, &a, &fetched);
        IEnumBackgroundCopyGroups_Next(clone, 1, &b, &fetched);
        IEnumBackgroundCopyGroups_Next(groups, 1, &b, &fetched);
        /* Shows IEnumBackgroundCopyGroups::Clone.ppenum .S_OK */
        report(29, IsEqualGUID(&a, &all[1]) && IsEqualGUID(&b, &all[1]),
               "Clone: both give the second GUID, each on its own: %s",
               IsEqualGUID(&a, &all[1]) && IsEqualGUID(&b, &all[1]) ? "yes" : "no");
        IEnumBackgroundCopyGroups_Release(clone);
    }
    IEnumBackgroundCopyGroups_Reset(groups);
    hr = IEnumBackgroundCopyGroups_Next(groups, before + 1, some, &fetched);
    /* Shows IEnumBackgroundCopyGroups::Next.S_FALSE */
    report(24, hr == S_FALSE && fetched == before, "Next(%lu) with %lu left: 0x%08lx, %lu fetched",
           before + 1, before, hr, fetched);
    IEnumBackgroundCopyGroups_Reset(groups);
    HRESULT skip_all = IEnumBackgroundCopyGroups_Skip(groups, before);
    HRESULT skip_more = IEnumBackgroundCopyGroups_Skip(groups, 1);
    next = IEnumBackgroundCopyGroups_Next(groups, 1, some, &fetched);
    /* Shows IEnumBackgroundCopyGroups::Skip.celt .S_OK .S_FALSE */
    report(27, skip_all == S_OK && skip_more == S_FALSE && next == S_FALSE && fetched == 0,
           "Skip(%lu) 0x%08lx, Skip(1) 0x%08lx, Next(1) 0x%08lx with %lu", before, skip_all,
           skip_more, next, fetched);
    IEnumBackgroundCopyGroups_Reset(groups);
    hr = IEnumBackgroundCopyGroups_Next(groups, 1, some, NULL);
    /* Shows IEnumBackgroundCopyGroups::Next.pceltFetched */
    report(26, hr == (HRESULT)0x800706F4, "Next(1, g, NULL) through the proxy: 0x%08lx", hr);
    report_skipped(25, "needs a caller in the service's process; tests/com shows it");
    if (target->is_ours) {
        hr = IEnumBackgroundCopyGroups_Next(groups, 0, some, &fetched);
        /* Shows IEnumBackgroundCopyGroups::Next.celt */
        report_decision("D11", hr == S_OK && fetched == 0, "Next(0): 0x%08lx", hr);
    }
    IEnumBackgroundCopyGroups_Release(groups);
}

static bool is_listed(struct target *target, const GUID *id)
{
    IEnumBackgroundCopyGroups *groups = NULL;
    ULONG fetched = 0;
    GUID found;
    bool is_there = false;
    if (FAILED(IBackgroundCopyQMgr_EnumGroups(target->manager, 0, &groups)))
        return false;
    while (IEnumBackgroundCopyGroups_Next(groups, 1, &found, &fetched) == S_OK && fetched == 1)
        is_there = is_there || IsEqualGUID(&found, id);
    IEnumBackgroundCopyGroups_Release(groups);
    return is_there;
}

static void check_cancel(struct target *target, struct work *work)
{
    IBackgroundCopyGroup *found = NULL;
    GUID id = {0};
    DWORD status = 0, index = 0;
    bool was_listed = is_listed(target, &work->id);
    HRESULT cancel = IBackgroundCopyGroup_CancelGroup(work->group);
    HRESULT get = IBackgroundCopyQMgr_GetGroup(target->manager, work->id, &found);
    bool still_listed = is_listed(target, &work->id);
    /* Shows IBackgroundCopyGroup::CancelGroup.S_OK
     * IBackgroundCopyQMgr::GetGroup.QM_E_ITEM_NOT_FOUND */
    report(58, cancel == S_OK && get == (HRESULT)QM_E_ITEM_NOT_FOUND && was_listed && !still_listed,
           "after CancelGroup: GetGroup 0x%08lx, listed before %d, after %d", get, was_listed,
           still_listed);
    if (!target->is_ours)
        return;
    HRESULT again = IBackgroundCopyGroup_CancelGroup(work->group);
    HRESULT suspend = IBackgroundCopyGroup_SuspendGroup(work->group);
    HRESULT read = IBackgroundCopyGroup_GetStatus(work->group, &status, &index);
    HRESULT name = IBackgroundCopyGroup_get_GroupID(work->group, &id);
    /* Shows all.group-gone QM_E_INVALID_STATE
     * IBackgroundCopyGroup::CancelGroup.QM_E_INVALID_STATE .identifiers-group-job */
    report_decision("D15",
                    again == (HRESULT)QM_E_INVALID_STATE &&
                        suspend == (HRESULT)QM_E_INVALID_STATE && read == S_OK && status == 0x180 &&
                        name == S_OK && IsEqualGUID(&id, &work->id),
                    "pointer to a cancelled group: CancelGroup 0x%08lx, SuspendGroup 0x%08lx, "
                    "GetStatus 0x%08lx 0x%03lx",
                    again, suspend, read, status);
    HRESULT reuse = IBackgroundCopyQMgr_CreateGroup(target->manager, work->id, &found);
    report_decision("D15", reuse == S_OK, "the GUID may be used again: 0x%08lx", reuse);
    if (found) {
        IBackgroundCopyGroup_CancelGroup(found);
        IBackgroundCopyGroup_Release(found);
    }
}

static void check_unknown_interfaces(struct target *target, struct work *work)
{
    /* IBackgroundCopyJob of the newer API */
    static const GUID newer = {
        0x37668d37, 0x507e, 0x4160, {0x93, 0x16, 0x26, 0x30, 0x6d, 0x15, 0x0b, 0x12}};
    IUnknown *found = (IUnknown *)1;
    if (!target->is_ours)
        return;
    HRESULT hr = IBackgroundCopyGroup_QueryNewJobInterface(work->group, &newer, &found);
    /* Shows IBackgroundCopyGroup::QueryNewJobInterface.E_NOINTERFACE */
    report_decision("D18", hr == E_NOINTERFACE && !found, "QueryNewJobInterface: 0x%08lx", hr);
}

void check_queue(struct target *target)
{
    struct work three[3];
    memset(three, 0, sizeof three);
    /* Shows OpenQmgr.registered */
    report(1, target->manager, "the class was created in another process");
    report(2,
           sizeof(IBackgroundCopyGroupVtbl) == 18 * sizeof(void *) &&
               sizeof(IBackgroundCopyJob1Vtbl) == 11 * sizeof(void *) &&
               sizeof(IBackgroundCopyQMgrVtbl) == 6 * sizeof(void *) &&
               sizeof(IBackgroundCopyCallback1Vtbl) == 6 * sizeof(void *) &&
               sizeof(IEnumBackgroundCopyGroupsVtbl) == 8 * sizeof(void *) &&
               sizeof(IEnumBackgroundCopyJobs1Vtbl) == 8 * sizeof(void *),
           "18, 11, 6, 6, 8 and 8 slots; every call below goes through them");
    bool is_ready = work_begin(target, &three[0]) && work_begin(target, &three[1]) &&
                    work_begin(target, &three[2]);
    if (is_ready) {
        check_groups(target, &three[0]);
        check_jobs(target, &three[0]);
        check_enumerator(target, three);
        check_unknown_interfaces(target, &three[0]);
        check_cancel(target, &three[2]);
    }
    for (unsigned i = 0; i < 3; i++)
        work_end(&three[i]);
}
