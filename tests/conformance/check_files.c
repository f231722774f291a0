/* check_files.c - names of files: assertions 31 to 42, decisions D21 and D22. */
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static DWORD file_count(struct work *work)
{
    DWORD count = 0xFFFFFFFF;
    IBackgroundCopyJob1_GetFileCount(work->job, &count);
    return count;
}

static void check_long_url(struct target *target, struct work *work)
{
    static wchar_t url[2300];
    const wchar_t *start = L"http://127.0.0.1/";
    size_t length = wcslen(start);
    wcscpy(url, start);
    /* No segment longer than MAX_PATH: a page of the newer API limits those. */
    for (size_t i = length; i < 2201; i++)
        url[i] = i % 200 == 0 ? L'/' : L'a';
    url[2201] = 0;
    HRESULT longer = work_add(work, url, target_path(target, L"f-long"));
    url[2200] = 0;
    HRESULT longest = work_add(work, url, target_path(target, L"f-long"));
    /* Shows IBackgroundCopyJob1::FILESETINFO.bstrRemoteFile */
    report(37, longest == S_OK && FAILED(longer),
           "URL of 2,200 characters: 0x%08lx, of 2,201: 0x%08lx", longest, longer);
}

static void check_folder(struct target *target, struct work *work)
{
    static wchar_t folder[MAX_PATH], file[MAX_PATH];
    HRESULT hr = work_add(work, L"http://127.0.0.1/a", target_path(target, L"no-such-folder\\f-a"));
    /* Shows IBackgroundCopyJob1::FILESETINFO.bstrLocalFile
     * IBackgroundCopyJob1::AddFiles.directory-local-name */
    report(36, FAILED(hr), "destination in a missing folder: 0x%08lx", hr);
    /* A folder this user cannot write to: the first of these that this process cannot write to
     * itself. */
    static const wchar_t *const candidates[] = {L"C:\\Windows\\System32\\config",
                                                L"C:\\System Volume Information", L"C:\\Windows",
                                                L"Z:\\proc", L"Z:\\sys"};
    for (unsigned i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        wcscpy(folder, candidates[i]);
        DWORD facts = GetFileAttributesW(folder);
        swprintf(file, MAX_PATH, L"%ls\\f-probe.tmp", folder);
        HANDLE probe =
            CreateFileW(file, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_FLAG_DELETE_ON_CLOSE, NULL);
        if (probe != INVALID_HANDLE_VALUE) {
            CloseHandle(probe);
            continue;
        }
        if (facts == INVALID_FILE_ATTRIBUTES || GetLastError() != ERROR_ACCESS_DENIED)
            continue;
        hr = work_add(work, L"http://127.0.0.1/a", file);
        /* Shows IBackgroundCopyJob1::FILESETINFO.bstrLocalFile
         * IBackgroundCopyJob1::AddFiles.E_ACCESSDENIED */
        report(38, hr == E_ACCESSDENIED, "destination in %ls: 0x%08lx", folder, hr);
        return;
    }
    report_skipped(38, "this user may write to every folder that was tried");
}

static void check_get_file(struct target *target, struct work *work)
{
    FILESETINFO info;
    memset(&info, 0xAA, sizeof info);
    HRESULT hr = IBackgroundCopyJob1_GetFile(work->job, 0, &info);
    bool is_same = hr == S_OK && info.bstrRemoteFile && info.bstrLocalFile &&
                   wcscmp(info.bstrRemoteFile, L"http://127.0.0.1/first%20file?x=1") == 0 &&
                   wcscmp(info.bstrLocalFile, target_path(target, L"f-first")) == 0;
    /* Shows IBackgroundCopyJob1::AddFiles.S_OK IBackgroundCopyJob1::GetFile.cFileIndex .S_OK */
    report(41, is_same, "GetFile(0): 0x%08lx, names %s", hr, is_same ? "as given" : "differ");
    if (hr == S_OK) {
        SysFreeString(info.bstrRemoteFile);
        SysFreeString(info.bstrLocalFile);
    }
    memset(&info, 0xAA, sizeof info);
    hr = IBackgroundCopyJob1_GetFile(work->job, file_count(work), &info);
    /* Shows QM_E_ITEM_NOT_FOUND IBackgroundCopyJob1::GetFile.QM_E_ITEM_NOT_FOUND */
    report(42, hr == (HRESULT)QM_E_ITEM_NOT_FOUND && !info.bstrRemoteFile && !info.bstrLocalFile,
           "GetFile(count): 0x%08lx, strings %p %p", hr, (void *)info.bstrRemoteFile,
           (void *)info.bstrLocalFile);
}

static void check_bad_sets(struct target *target, struct work *work)
{
    FILESETINFO good = {.bstrRemoteFile = SysAllocString(L"http://127.0.0.1/a"),
                        .bstrLocalFile = SysAllocString(target_path(target, L"f-a"))};
    FILESETINFO nameless = {0};
    FILESETINFO *with_null[2] = {&good, NULL}, *with_nameless[2] = {&good, &nameless};
    DWORD before = file_count(work);
    HRESULT null = IBackgroundCopyJob1_AddFiles(work->job, 2, with_null);
    HRESULT unnamed = IBackgroundCopyJob1_AddFiles(work->job, 2, with_nameless);
    HRESULT none = IBackgroundCopyJob1_AddFiles(work->job, 0, with_null);
    if (target->is_ours)
        report_decision("D21",
                        null == E_INVALIDARG && unnamed == E_INVALIDARG && none == E_INVALIDARG &&
                            file_count(work) == before,
                        "AddFiles with a NULL element 0x%08lx, without names 0x%08lx, of none "
                        "0x%08lx; none was added: %s",
                        null, unnamed, none, file_count(work) == before ? "true" : "false");
    SysFreeString(good.bstrRemoteFile);
    SysFreeString(good.bstrLocalFile);
}

void check_files(struct target *target)
{
    struct work work;
    DWORD size = 99;
    if (!work_begin(target, &work))
        return;
    DWORD before = file_count(&work);
    FILESETINFO first = {.bstrRemoteFile = SysAllocString(L"http://127.0.0.1/first%20file?x=1"),
                         .bstrLocalFile = SysAllocString(target_path(target, L"f-first")),
                         .dwSizeHint = 123456};
    FILESETINFO second = {.bstrRemoteFile = SysAllocString(L"http://127.0.0.1/second"),
                          .bstrLocalFile = SysAllocString(target_path(target, L"f-second")),
                          .dwSizeHint = 0xFFFFFFFF};
    FILESETINFO *both[2] = {&first, &second};
    HRESULT hr = IBackgroundCopyJob1_AddFiles(work.job, 2, both);
    DWORD after = file_count(&work);
    /* Shows IBackgroundCopyJob1::AddFiles.S_OK IBackgroundCopyJob1::GetFileCount.pdwFileCount */
    report(31, hr == S_OK && before == 0 && after == 2,
           "AddFiles of two: 0x%08lx, count %lu before, %lu after", hr, before, after);
    /* Shows IBackgroundCopyJob1::AddFiles.ppFileSet */
    report(39, hr == S_OK && after == 2, "the array holds pointers to two separate structures");
    hr = IBackgroundCopyGroup_get_Size(work.group, &size);
    /* Shows IBackgroundCopyJob1::FILESETINFO.dwSizeHint */
    report(40, hr == S_OK && size == 0, "get_Size with hints given and nothing known: 0x%08lx, %lu",
           hr, size);

    hr = work_add(&work, L"gopher://127.0.0.1/a", target_path(target, L"f-a"));
    /* Shows IBackgroundCopyJob1::FILESETINFO.bstrRemoteFile
     * IBackgroundCopyJob1::AddFiles.E_INVALIDARG */
    report(32, hr == E_INVALIDARG, "gopher: 0x%08lx", hr);
    hr = work_add(&work, L"http://127.0.0.1/a", target_path(target, L"f-*"));
    /* Shows IBackgroundCopyJob1::FILESETINFO.bstrLocalFile
     * IBackgroundCopyJob1::AddFiles.E_INVALIDARG */
    report(33, hr == E_INVALIDARG, "wildcard in the local name: 0x%08lx", hr);
    hr = work_add(&work, L"http://127.0.0.1/a", L"relative\\f-a");
    /* Shows IBackgroundCopyJob1::FILESETINFO.bstrLocalFile
     * IBackgroundCopyJob1::AddFiles.E_INVALIDARG */
    report(34, hr == E_INVALIDARG, "relative local name: 0x%08lx", hr);
    hr = work_add(&work, L"http://127.0.0.1/a", target_path(target, L"f-a:stream"));
    /* Shows IBackgroundCopyJob1::FILESETINFO.bstrLocalFile */
    report(35, FAILED(hr), "NTFS stream: 0x%08lx", hr);
    check_folder(target, &work);
    check_long_url(target, &work);
    check_get_file(target, &work);
    check_bad_sets(target, &work);
    SysFreeString(first.bstrRemoteFile);
    SysFreeString(first.bstrLocalFile);
    SysFreeString(second.bstrRemoteFile);
    SysFreeString(second.bstrLocalFile);
    work_end(&work);
}
