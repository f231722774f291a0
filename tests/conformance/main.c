/* main.c - qmgr_conformance: arguments, folder, order of the checks. */
#include "conformance.h"

#include <stdio.h>
#include <wchar.h>

static const CLSID clsid_ours = {
    0xcff5ca3f, 0xe82d, 0x46a8, {0x93, 0xa6, 0x04, 0x94, 0xc5, 0x72, 0x26, 0x28}};

static int usage(void)
{
    fprintf(stderr,
            "usage: qmgr_conformance [--clsid {CLSID}] [--service NAME] [--documented]\n"
            "  --clsid       class to look at; default: OpenQMGR's. Microsoft's is "
            "{69ad4aee-51be-439b-a92c-86ae490e8b30}\n"
            "  --service     stop and start that service for assertion 82\n"
            "  --documented  expect what the documentation says, not OpenQMGR's decisions (default "
            "for other classes)\n"
            "exit: 0 all passed or skipped, 1 something failed, 2 usage or no connection\n");
    return 2;
}

static bool make_folder(struct target *target)
{
    wchar_t temp[MAX_PATH];
    DWORD length = GetTempPathW(MAX_PATH, temp);
    if (length == 0 || length > MAX_PATH - 60)
        return false;
    swprintf(target->folder, MAX_PATH, L"%lsqmgr-conformance-%lu", temp, GetCurrentProcessId());
    return CreateDirectoryW(target->folder, NULL);
}

static void remove_folder(struct target *target)
{
    WIN32_FIND_DATAW found;
    HANDLE search = FindFirstFileW(target_path(target, L"*"), &found);
    if (search != INVALID_HANDLE_VALUE) {
        do {
            if (found.cFileName[0] != L'.')
                DeleteFileW(target_path(target, found.cFileName));
        } while (FindNextFileW(search, &found));
        FindClose(search);
    }
    RemoveDirectoryW(target->folder);
}

int wmain(int argc, wchar_t **argv); /* no header declares it */
int wmain(int argc, wchar_t **argv)
{
    struct target target = {.clsid = clsid_ours, .is_ours = true};
    bool is_documented = false, is_victim = false;
    GUID victim_group;
    for (int i = 1; i < argc; i++) {
        if (wcscmp(argv[i], L"--clsid") == 0 && i + 1 < argc) {
            if (FAILED(CLSIDFromString(argv[++i], &target.clsid)))
                return usage();
            target.is_ours = IsEqualCLSID(&target.clsid, &clsid_ours);
        } else if (wcscmp(argv[i], L"--service") == 0 && i + 1 < argc) {
            target.service = argv[++i];
        } else if (wcscmp(argv[i], L"--victim") == 0 && i + 1 < argc) { /* by itself only */
            is_victim = SUCCEEDED(CLSIDFromString(argv[++i], &victim_group));
        } else if (wcscmp(argv[i], L"--documented") == 0) {
            is_documented = true;
        } else {
            return usage();
        }
    }
    target.is_ours = target.is_ours && !is_documented;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    /* The service tests and writes the destination with this user's rights. */
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT,
                                  RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    if (SUCCEEDED(hr))
        hr = target_connect(&target);
    if (SUCCEEDED(hr) && is_victim)
        return callback_register() ? victim_run(&target, &victim_group) : 1;
    if (FAILED(hr) || !server_start() || !callback_register() || !make_folder(&target)) {
        fprintf(stderr,
                "qmgr_conformance: the class cannot be created, or this program cannot start "
                "(0x%08lx)\n",
                hr);
        return 2;
    }
    check_queue(&target);
    check_files(&target);
    check_props(&target);
    check_transfer(&target);
    check_notify(&target);
    check_extension(&target);
    check_restart(&target);
    target_release(&target);
    remove_folder(&target);
    unsigned failures = report_end();
    CoUninitialize();
    return failures == 0 ? 0 : 1;
}
