/* client.c - what every check does: connect, make a group with a job, wait with a limit, compare
 * files. */
#include "conformance.h"

#include <stdio.h>
#include <string.h>

const GUID iid_qmgr = {
    0x16f41c69, 0x09f5, 0x41d2, {0x8c, 0xd8, 0x3c, 0x08, 0xc4, 0x7b, 0xc8, 0xa8}};
const GUID iid_group = {
    0x1ded80a7, 0x53ea, 0x424f, {0x8a, 0x04, 0x17, 0xfe, 0xa9, 0xad, 0xc4, 0xf5}};
const GUID iid_job = {0x59f5553c, 0x2031, 0x4629, {0xbb, 0x18, 0x26, 0x45, 0xa6, 0x97, 0x09, 0x47}};
const GUID iid_callback = {
    0x084f6593, 0x3800, 0x4e08, {0x9b, 0x59, 0x99, 0xfa, 0x59, 0xad, 0xdf, 0x82}};

HRESULT target_connect(struct target *target)
{
    return CoCreateInstance(&target->clsid, NULL, CLSCTX_LOCAL_SERVER, &iid_qmgr,
                            (void **)&target->manager);
}

void target_release(struct target *target)
{
    if (target->manager)
        IBackgroundCopyQMgr_Release(target->manager);
    target->manager = NULL;
}

bool work_begin(struct target *target, struct work *work)
{
    memset(work, 0, sizeof *work);
    if (FAILED(CoCreateGuid(&work->id)) || FAILED(CoCreateGuid(&work->job_id)) ||
        FAILED(IBackgroundCopyQMgr_CreateGroup(target->manager, work->id, &work->group)))
        return false;
    if (FAILED(IBackgroundCopyGroup_CreateJob(work->group, work->job_id, &work->job))) {
        work_end(work);
        return false;
    }
    return true;
}

void work_end(struct work *work)
{
    if (work->job)
        IBackgroundCopyJob1_Release(work->job);
    if (work->group) {
        IBackgroundCopyGroup_CancelGroup(work->group);
        IBackgroundCopyGroup_Release(work->group);
    }
    memset(work, 0, sizeof *work);
}

HRESULT work_add(struct work *work, const wchar_t *remote, const wchar_t *local)
{
    FILESETINFO file = {.bstrRemoteFile = SysAllocString(remote),
                        .bstrLocalFile = SysAllocString(local)};
    FILESETINFO *files[1] = {&file};
    HRESULT hr = IBackgroundCopyJob1_AddFiles(work->job, 1, files);
    SysFreeString(file.bstrRemoteFile);
    SysFreeString(file.bstrLocalFile);
    return hr;
}

const wchar_t *target_path(struct target *target, const wchar_t *name)
{
    static wchar_t buffers[8][MAX_PATH];
    static unsigned next;
    wchar_t *buffer = buffers[next++ % 8];
    swprintf(buffer, MAX_PATH, L"%ls\\%ls", target->folder, name);
    return buffer;
}

bool file_exists(const wchar_t *path)
{
    return GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES;
}

bool file_is_version(const wchar_t *path, uint64_t size, unsigned version)
{
    static uint8_t data[65536];
    uint64_t at = 0;
    bool is_same = true;
    FILE *file = _wfopen(path, L"rb");
    if (!file)
        return false;
    for (size_t got = 0; is_same && (got = fread(data, 1, sizeof data, file)) > 0; at += got)
        for (size_t i = 0; is_same && i < got; i++)
            is_same = data[i] == server_byte(at + i, version);
    fclose(file);
    return is_same && at == size;
}

unsigned temp_files(struct target *target)
{
    WIN32_FIND_DATAW found;
    unsigned count = 0;
    HANDLE search = FindFirstFileW(target_path(target, L"*"), &found);
    if (search == INVALID_HANDLE_VALUE)
        return 0;
    do { /* all of ours begin with "f-" */
        if (found.cFileName[0] != L'.' && wcsncmp(found.cFileName, L"f-", 2) != 0)
            count++;
    } while (FindNextFileW(search, &found));
    FindClose(search);
    return count;
}

bool patience(ULONGLONG *start, unsigned seconds)
{
    ULONGLONG now = GetTickCount64();
    if (*start == 0)
        *start = now;
    Sleep(10);
    return now - *start < seconds * 1000ull;
}

bool wait_group(struct work *work, DWORD mask, DWORD value, unsigned seconds, DWORD *status)
{
    ULONGLONG start = 0;
    DWORD index = 0;
    do {
        *status = 0;
        if (FAILED(IBackgroundCopyGroup_GetStatus(work->group, status, &index)))
            return false;
        if ((*status & mask) == value)
            return true;
    } while (patience(&start, seconds));
    return false;
}

bool wait_bytes(struct work *work, DWORD bytes, unsigned seconds)
{
    ULONGLONG start = 0;
    DWORD done = 0;
    do {
        if (FAILED(IBackgroundCopyGroup_GetProgress(work->group, QM_PROGRESS_SIZE_DONE, &done)))
            return false;
        if (done >= bytes)
            return true;
    } while (patience(&start, seconds));
    return false;
}
