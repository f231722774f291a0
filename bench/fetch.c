/*
 * fetch.c: downloads a list of files as one group, and says how long that took. What the benches
 * start where curl.exe gets a list: fetch LIST, with a line "URL<tab>FILE" for each file, in UTF-8.
 *
 * Prints the milliseconds from before the first call to the service until all files are there. It
 * asks every few milliseconds, which is less than what a process takes to start.
 */
#define COBJMACROS
#include "openqmgr.h"

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#define MOST_FILES 1000
#define LINE_UNITS 2048
#define ASK_EVERY_MS 5

static FILESETINFO infos[MOST_FILES], *files[MOST_FILES];

static DWORD read_list(const wchar_t *name)
{
    FILE *list = _wfopen(name, L"rt, ccs=UTF-8");
    wchar_t line[LINE_UNITS], *tab;
    DWORD count = 0;

    if (!list)
        return 0;
    while (count < MOST_FILES && fgetws(line, LINE_UNITS, list)) {
        line[wcscspn(line, L"\r\n")] = L'\0';
        tab = wcschr(line, L'\t');
        if (!tab)
            continue;
        *tab = L'\0';
        infos[count].bstrRemoteFile = SysAllocString(line);
        infos[count].bstrLocalFile = SysAllocString(tab + 1);
        files[count] = &infos[count];
        count++;
    }
    fclose(list);
    return count;
}

static HRESULT start(IBackgroundCopyQMgr *queue, DWORD count, IBackgroundCopyGroup **group)
{
    IBackgroundCopyJob1 *job;
    GUID id;
    HRESULT hr = CoCreateGuid(&id);

    if (SUCCEEDED(hr))
        hr = IBackgroundCopyQMgr_CreateGroup(queue, id, group);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_CreateJob(*group, id, &job);
    if (SUCCEEDED(hr)) {
        hr = IBackgroundCopyJob1_AddFiles(job, count, files);
        IBackgroundCopyJob1_Release(job);
    }
    return SUCCEEDED(hr) ? IBackgroundCopyGroup_ResumeGroup(*group) : hr;
}

static int run(DWORD count)
{
    IBackgroundCopyQMgr *queue;
    IBackgroundCopyGroup *group = NULL;
    LARGE_INTEGER begin, end, frequency;
    DWORD status = 0, unused;

    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&begin);
    HRESULT hr = CoCreateInstance(&CLSID_OpenQmgr, NULL, CLSCTX_LOCAL_SERVER,
                                  &IID_IBackgroundCopyQMgr, (void **)&queue);
    if (FAILED(hr)) {
        fprintf(stderr, "fetch: no service: 0x%08lx\n", (unsigned long)hr);
        return 1;
    }
    hr = start(queue, count, &group);
    while (SUCCEEDED(hr) && !(status & (QM_STATUS_GROUP_COMPLETE | QM_STATUS_GROUP_ERROR))) {
        Sleep(ASK_EVERY_MS);
        hr = IBackgroundCopyGroup_GetStatus(group, &status, &unused);
    }
    QueryPerformanceCounter(&end);
    if (group) {
        IBackgroundCopyGroup_CancelGroup(group); /* out of the queue; finished files stay */
        IBackgroundCopyGroup_Release(group);
    }
    IBackgroundCopyQMgr_Release(queue);
    if (FAILED(hr) || !(status & QM_STATUS_GROUP_COMPLETE)) {
        fprintf(stderr, "fetch: failed: 0x%08lx, status %lx\n", (unsigned long)hr, status);
        return 1;
    }
    printf("%lld ms\n", (end.QuadPart - begin.QuadPart) * 1000 / frequency.QuadPart);
    return 0;
}

int wmain(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
    DWORD count = argc == 2 ? read_list(argv[1]) : 0;

    if (count == 0) {
        fprintf(stderr, "usage: fetch LIST, with lines of URL, tab, FILE\n");
        return 2;
    }
    if (FAILED(CoInitializeEx(NULL, COINIT_MULTITHREADED)) ||
        FAILED(CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                    RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL)))
        return 2;
    return run(count);
}
