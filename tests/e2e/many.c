/* many.c - downloads every line of a table through COM at once, and says what came of each.
 *
 * usage: many TABLE FOLDER SECONDS
 *
 * TABLE has lines "name<tab>url<tab>size<tab>...", as tests/support/faultd.py writes it; the file
 * becomes FOLDER\name, and must have that size unless it is 0. Prints a line
 * "number<tab>state<tab>win32<tab>http<tab>text" per line of the table when all groups are complete
 * or in error, or when the time is over, and removes the groups. The GUID of a group begins with
 * its number, counted from 1.
 */
#define COBJMACROS
#include "openqmgr.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

#define ROWS_MAX 300
#define LINE_MAX 512

struct row {
    IBackgroundCopyGroup *group;
    IBackgroundCopyJob1 *job;
    DWORD status;
};

static struct row rows[ROWS_MAX];
static unsigned count;

static HRESULT add_file(IBackgroundCopyJob1 *job, const char *url, const char *folder,
                        const char *name)
{
    wchar_t remote[LINE_MAX], local[LINE_MAX];
    swprintf(remote, LINE_MAX, L"%hs", url);
    swprintf(local, LINE_MAX, L"%hs\\%hs", folder, name);
    FILESETINFO file = {.bstrRemoteFile = SysAllocString(remote),
                        .bstrLocalFile = SysAllocString(local)};
    FILESETINFO *files[] = {&file};
    HRESULT hr = IBackgroundCopyJob1_AddFiles(job, 1, files);
    SysFreeString(file.bstrRemoteFile);
    SysFreeString(file.bstrLocalFile);
    return hr;
}

static HRESULT expect_size(IBackgroundCopyJob1 *job, UINT64 size_bytes)
{
    IOpenQmgrGroup *open = NULL;
    if (size_bytes == 0)
        return S_OK;
    HRESULT hr = IBackgroundCopyJob1_QueryInterface(job, &IID_IOpenQmgrGroup, (void **)&open);
    if (FAILED(hr))
        return hr;
    hr = IOpenQmgrGroup_SetHash(open, 0, NULL, size_bytes);
    IOpenQmgrGroup_Release(open);
    return hr;
}

static HRESULT start_row(IBackgroundCopyQMgr *manager, char *line, const char *folder)
{
    struct row *row = &rows[count];
    GUID id;
    const char *name = strtok(line, "\t"), *url = strtok(NULL, "\t"), *size = strtok(NULL, "\t");
    if (!name || !url || !size)
        return E_INVALIDARG;
    HRESULT hr = CoCreateGuid(&id);
    id.Data1 = ++count;
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyQMgr_CreateGroup(manager, id, &row->group);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_CreateJob(row->group, id, &row->job);
    if (SUCCEEDED(hr))
        hr = add_file(row->job, url, folder, name);
    if (SUCCEEDED(hr))
        hr = expect_size(row->job, strtoull(size, NULL, 10));
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_ResumeGroup(row->group);
    return hr;
}

static bool is_over(struct row *row)
{
    DWORD index = 0;
    if (!(row->status & (QM_STATUS_GROUP_COMPLETE | QM_STATUS_GROUP_ERROR)))
        (void)IBackgroundCopyGroup_GetStatus(row->group, &row->status, &index);
    return (row->status & (QM_STATUS_GROUP_COMPLETE | QM_STATUS_GROUP_ERROR)) != 0;
}

static void wait_for_all(unsigned seconds)
{
    ULONGLONG start = GetTickCount64();
    unsigned open = count;
    while (open > 0 && GetTickCount64() - start < seconds * 1000ull) {
        open = 0;
        for (unsigned i = 0; i < count; i++)
            open += !is_over(&rows[i]);
        if (open > 0)
            Sleep(200);
    }
}

static void tell(unsigned i)
{
    struct row *row = &rows[i];
    DWORD status = 0, win32 = 0, http = 0, retries = 0;
    OPENQMGR_GROUP_INFO info = {0};
    IOpenQmgrGroup *open = NULL;
    (void)IBackgroundCopyJob1_GetStatus(row->job, &status, &win32, &http, &retries);
    if (SUCCEEDED(
            IBackgroundCopyGroup_QueryInterface(row->group, &IID_IOpenQmgrGroup, (void **)&open))) {
        (void)IOpenQmgrGroup_GetInfo(open, &info);
        IOpenQmgrGroup_Release(open);
    }
    const char *state = row->status & QM_STATUS_GROUP_COMPLETE ? "complete"
                        : row->status & QM_STATUS_GROUP_ERROR  ? "error"
                                                               : "open";
    printf("%u\t%s\t%lx\t%lu\t%ls\n", i + 1, state, (unsigned long)win32, (unsigned long)http,
           info.szFailure);
    (void)IBackgroundCopyGroup_CancelGroup(row->group);
    IBackgroundCopyJob1_Release(row->job);
    IBackgroundCopyGroup_Release(row->group);
}

int main(int argc, char **argv)
{
    IBackgroundCopyQMgr *manager = NULL;
    char line[LINE_MAX];
    FILE *table = argc == 4 ? fopen(argv[1], "r") : NULL;
    if (!table) {
        fprintf(stderr, "usage: many TABLE FOLDER SECONDS\n");
        return 2;
    }
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                  RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(&CLSID_OpenQmgr, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyQMgr,
                              (void **)&manager);
    while (SUCCEEDED(hr) && count < ROWS_MAX && fgets(line, sizeof line, table))
        hr = start_row(manager, line, argv[2]);
    fclose(table);
    if (FAILED(hr)) {
        fprintf(stderr, "line %u: %08lx\n", count, (unsigned long)hr);
        return 1;
    }
    wait_for_all((unsigned)strtoul(argv[3], NULL, 10));
    for (unsigned i = 0; i < count; i++)
        tell(i);
    IBackgroundCopyQMgr_Release(manager);
    return 0;
}
