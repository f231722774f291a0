/* rounds_client.c - makes, fills and cancels a group again and again, for leaks.py.
 *
 * usage: rounds_client COUNT FOLDER
 *
 * Says "rounds N" and, if the system tells, "handles N" of the service afterwards.
 */
#define COBJMACROS
#include "openqmgr.h"

#include <stdbool.h>
#include <stdio.h>
#include <wchar.h>

static HRESULT add_file(IBackgroundCopyJob1 *job, const wchar_t *folder)
{
    wchar_t path[MAX_PATH];
    swprintf(path, MAX_PATH, L"%ls\\never.bin", folder);
    FILESETINFO file = {.bstrRemoteFile = SysAllocString(L"http://127.0.0.1:9/never.bin"),
                        .bstrLocalFile = SysAllocString(path)};
    FILESETINFO *files[1] = {&file};
    HRESULT hr = IBackgroundCopyJob1_AddFiles(job, 1, files);
    SysFreeString(file.bstrRemoteFile);
    SysFreeString(file.bstrLocalFile);
    return hr;
}

static HRESULT one_round(IBackgroundCopyQMgr *manager, const wchar_t *folder)
{
    GUID group_id, job_id;
    IBackgroundCopyGroup *group = NULL;
    IBackgroundCopyJob1 *job = NULL;
    HRESULT hr = CoCreateGuid(&group_id);
    if (SUCCEEDED(hr))
        hr = CoCreateGuid(&job_id);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyQMgr_CreateGroup(manager, group_id, &group);
    if (FAILED(hr))
        return hr;
    hr = IBackgroundCopyGroup_CreateJob(group, job_id, &job);
    if (SUCCEEDED(hr)) {
        hr = add_file(job, folder);
        IBackgroundCopyJob1_Release(job);
    }
    HRESULT cancelled = IBackgroundCopyGroup_CancelGroup(group);
    IBackgroundCopyGroup_Release(group);
    return FAILED(hr) ? hr : cancelled;
}

int wmain(int argc, wchar_t **argv); /* no header declares it */
int wmain(int argc, wchar_t **argv)
{
    IBackgroundCopyQMgr *manager = NULL;
    if (argc != 3)
        return 2;
    int count = _wtoi(argv[1]), done = 0;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    /* The service tests the destination with this user's rights. */
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT,
                                  RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(&CLSID_OpenQmgr, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyQMgr,
                              (void **)&manager);
    while (SUCCEEDED(hr) && done < count) {
        hr = one_round(manager, argv[2]);
        done += SUCCEEDED(hr);
    }
    printf("rounds %d result 0x%08lx\n", done, hr);
    if (manager)
        IBackgroundCopyQMgr_Release(manager);
    CoUninitialize();
    return done == count ? 0 : 1;
}
