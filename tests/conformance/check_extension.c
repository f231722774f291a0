/* check_extension.c - the extension interfaces through the installed service: many groups in one
 * call, settings read back. Reported as decisions, since no contract but ours has them. */
#include "conformance.h"

#ifdef CONFORMANCE_MINGW
void check_extension(struct target *target)
{
    (void)target; /* the tool chain's header does not know them */
}
#else

#include <string.h>

static const GUID iid_manager = {
    0xcf50ef05, 0x5bbd, 0x4e7b, {0x97, 0x0f, 0x61, 0xfb, 0xe1, 0xa4, 0x14, 0xfb}};
static const GUID iid_open_group = {
    0x5a64c846, 0x731e, 0x4e0d, {0x92, 0x3d, 0xba, 0x85, 0xf5, 0xac, 0x52, 0x4c}};

/* The group among all there are. What came is not trusted: a length that does not fit, a text
 * without an end. */
static bool find(IOpenQmgrManager *manager, const GUID *id, OPENQMGR_GROUP_INFO *info,
                 unsigned *calls)
{
    UINT64 after = 0;
    for (*calls = 1;; ++*calls) {
        BSTR bytes = NULL;
        HRESULT hr = IOpenQmgrManager_GetGroups(manager, after, &bytes);
        UINT length = SysStringByteLen(bytes);
        bool is_found = false;
        for (UINT at = 0; SUCCEEDED(hr) && !is_found && at + sizeof *info <= length;
             at += sizeof *info) {
            memcpy(info, (const char *)bytes + at, sizeof *info);
            after = info->ullNumber;
            is_found = IsEqualGUID(&info->guidGroup, id);
        }
        SysFreeString(bytes);
        if (is_found)
            return length % sizeof *info == 0 && !info->szWait[ARRAYSIZE(info->szWait) - 1];
        if (hr != S_OK)
            return false;
    }
}

static bool read(IOpenQmgrManager *manager, OPENQMGR_SETTINGS *settings)
{
    BSTR schedule = NULL, database = NULL, log = NULL;
    HRESULT hr = IOpenQmgrManager_GetSettings(manager, settings, &schedule, &database, &log);
    bool is_whole = hr == S_OK && schedule && SysStringLen(database) > 0 && SysStringLen(log) > 0;
    SysFreeString(schedule);
    SysFreeString(database);
    SysFreeString(log);
    return is_whole;
}

static void check_groups(struct target *target, IOpenQmgrManager *manager)
{
    OPENQMGR_GROUP_INFO listed = {0}, own = {0};
    IBackgroundCopyGroup *opened = NULL;
    IOpenQmgrGroup *open = NULL;
    struct work work;
    unsigned calls = 0;
    if (!work_begin(target, &work))
        return;
    work_add(&work, server_url(L"ext?size=1000"), target_path(target, L"f-ext"));
    HRESULT hr = IOpenQmgrManager_OpenGroup(manager, work.id, &opened);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_QueryInterface(opened, &iid_open_group, (void **)&open);
    if (SUCCEEDED(hr))
        hr = IOpenQmgrGroup_GetInfo(open, &own);
    bool is_listed = find(manager, &work.id, &listed, &calls);
    report_decision("ext-groups",
                    hr == S_OK && is_listed && memcmp(&listed, &own, sizeof own) == 0 &&
                        own.eState == OPENQMGR_STATE_SUSPENDED && own.dwFiles == 1 &&
                        wcscmp(own.szFile, L"f-ext") == 0 && own.szOwner[0],
                    "0x%08lx, found in %u calls, state %d, file '%ls', owner %ls", hr, calls,
                    own.eState, own.szFile, own.szOwner);
    if (open)
        IOpenQmgrGroup_Release(open);
    if (opened)
        IBackgroundCopyGroup_Release(opened);
    work_end(&work);
}

static void check_limit(IOpenQmgrManager *manager)
{
    OPENQMGR_SETTINGS before = {0}, during = {0}, after = {0};
    bool is_read = read(manager, &before);
    HRESULT set = IOpenQmgrManager_SetLimit(manager, 7777);
    is_read = read(manager, &during) && is_read;
    HRESULT high = IOpenQmgrManager_SetLimit(manager, 100000001);
    HRESULT back = IOpenQmgrManager_SetLimit(manager, before.dwLimitKbits);
    is_read = read(manager, &after) && is_read;
    /* Shows IOpenQmgrManager.settings-at-once IOpenQmgrManager::SetLimit.S_OK .E_INVALIDARG */
    report_decision("ext-limit",
                    is_read && set == S_OK && during.dwLimitKbits == 7777 &&
                        during.ullLimitNow == 972125 && high == E_INVALIDARG && back == S_OK &&
                        after.dwLimitKbits == before.dwLimitKbits,
                    "0x%08lx 0x%08lx 0x%08lx, %lu kbit/s, %lu, %lu", set, high, back,
                    before.dwLimitKbits, during.dwLimitKbits, after.dwLimitKbits);
}

static void check_pause(struct target *target, IOpenQmgrManager *manager)
{
    OPENQMGR_SETTINGS during = {0}, after = {0};
    OPENQMGR_GROUP_INFO info = {0};
    struct work work;
    unsigned calls = 0;
    DWORD status = 0;
    if (!work_begin(target, &work))
        return;
    work_add(&work, server_url(L"paused?size=1000"), target_path(target, L"f-paused"));
    HRESULT set = IOpenQmgrManager_SetPaused(manager, TRUE);
    bool is_read = read(manager, &during);
    HRESULT resumed = IBackgroundCopyGroup_ResumeGroup(work.group);
    bool is_waiting = find(manager, &work.id, &info, &calls) && info.eWait == OPENQMGR_WAIT_POLICY;
    unsigned early = server_requests("paused", NULL);
    HRESULT back = IOpenQmgrManager_SetPaused(manager, FALSE);
    is_read = read(manager, &after) && is_read;
    bool is_done =
        wait_group(&work, QM_STATUS_GROUP_COMPLETE, QM_STATUS_GROUP_COMPLETE, 60, &status);
    /* Shows IOpenQmgrManager.settings-at-once IOpenQmgrManager::SetPaused.S_OK */
    report_decision("ext-pause",
                    is_read && set == S_OK && (during.dwPaused & OPENQMGR_PAUSED_ALL) &&
                        resumed == S_OK && is_waiting && early == 0 && back == S_OK &&
                        !(after.dwPaused & OPENQMGR_PAUSED_ALL) && is_done,
                    "0x%08lx 0x%08lx, paused 0x%lx then 0x%lx, waits for %d, %u requests, 0x%lx",
                    set, back, during.dwPaused, after.dwPaused, info.eWait, early, status);
    work_end(&work);
}

void check_extension(struct target *target)
{
    IOpenQmgrManager *manager = NULL;
    if (FAILED(
            IBackgroundCopyQMgr_QueryInterface(target->manager, &iid_manager, (void **)&manager)))
        return; /* another implementation of the service */
    check_groups(target, manager);
    check_limit(manager);
    check_pause(target, manager);
    IOpenQmgrManager_Release(manager);
}
#endif
