/* first.c - downloads one file in the background: first URL FILE, with the full path of FILE. */
#define COBJMACROS
#include "openqmgr.h"

int wmain(int argc, wchar_t **argv)
{
    IBackgroundCopyQMgr *queue;
    IBackgroundCopyGroup *group;
    IBackgroundCopyJob1 *job;
    DWORD status = 0, unused;
    GUID id;
    if (argc != 3 || FAILED(CoInitializeEx(NULL, COINIT_MULTITHREADED)) ||
        /* The service writes the file with our rights, so it must be allowed to impersonate us. */
        FAILED(CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                    RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL)) ||
        FAILED(CoCreateInstance(&CLSID_OpenQmgr, NULL, CLSCTX_LOCAL_SERVER,
                                &IID_IBackgroundCopyQMgr, (void **)&queue)))
        return 2;
    FILESETINFO file = {SysAllocString(argv[1]), SysAllocString(argv[2]), 0}, *files[] = {&file};
    if (FAILED(CoCreateGuid(&id)) || FAILED(IBackgroundCopyQMgr_CreateGroup(queue, id, &group)))
        return 1;
    if (SUCCEEDED(IBackgroundCopyGroup_CreateJob(group, id, &job)) &&
        SUCCEEDED(IBackgroundCopyJob1_AddFiles(job, 1, files)) &&
        SUCCEEDED(IBackgroundCopyGroup_ResumeGroup(group)))
        while (SUCCEEDED(IBackgroundCopyGroup_GetStatus(group, &status, &unused)) &&
               !(status & (QM_STATUS_GROUP_COMPLETE | QM_STATUS_GROUP_ERROR)))
            Sleep(200);
    IBackgroundCopyGroup_CancelGroup(group); /* out of the queue; the finished file stays */
    return status & QM_STATUS_GROUP_COMPLETE ? 0 : 1;
}
