/*
 * test_regsvr32.c: regsvr32 and the real registry, as an administrator does it.
 *
 * Needs a machine of its own, on which OpenQMGR is not installed: under Wine a prefix, elsewhere it
 * says so and is skipped. The tests build on each other, in their order. test_registration.c has
 * the details.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include <cmocka.h>

#include "openqmgr.h"
#include "registry_dump.h"

#define CLASSES L"SOFTWARE\\Classes"
#define LEGACY_KEY CLASSES L"\\CLSID\\{69AD4AEE-51BE-439B-A92C-86AE490E8B30}"
#define BITS_KEY CLASSES L"\\AppID\\{69AD4AEE-51BE-439B-A92C-86AE490E8B30}"

enum { LIMIT_MS = 60000, SKIPPED = 77 };

static wchar_t dll[1000];
static wchar_t *classes_before, *product_before, *bits_before;

/* Runs it and waits; its exit code. */
static DWORD regsvr32(const wchar_t *options)
{
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    wchar_t command[1200];
    DWORD code = (DWORD)-1;

    swprintf(command, 1200, L"regsvr32.exe /s %ls \"%ls\"", options, dll);
    if (!CreateProcessW(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process))
        fail_msg("regsvr32 cannot be started: error %lu", GetLastError());
    if (WaitForSingleObject(process.hProcess, LIMIT_MS) != WAIT_OBJECT_0)
        fail_msg("regsvr32 does not end");
    GetExitCodeProcess(process.hProcess, &code);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    return code;
}

static void assert_alike(const wchar_t *before, const wchar_t *path)
{
    wchar_t line_before[200], line_now[200];
    wchar_t *now = registry_dump(HKEY_LOCAL_MACHINE, path);

    registry_dump_diff(before, now, line_before, line_now);
    free(now);
    if (line_before[0] != L'\0' || line_now[0] != L'\0')
        fail_msg("before: %ls\nnow:    %ls", line_before, line_now);
}

static void assert_as_before(void)
{
    assert_alike(classes_before, CLASSES);
    assert_alike(product_before, L"SOFTWARE\\OpenQMGR");
}

static void regsvr32__dll__com_finds_the_marshaller_of_every_interface(void **state)
{
    static const IID *const interfaces[] = {
        &IID_IBackgroundCopyQMgr,      &IID_IBackgroundCopyGroup,
        &IID_IBackgroundCopyJob1,      &IID_IEnumBackgroundCopyGroups,
        &IID_IEnumBackgroundCopyJobs1, &IID_IBackgroundCopyCallback1,
        &IID_IOpenQmgrManager,         &IID_IOpenQmgrGroup};
    IUnknown *factory = NULL;

    (void)state;
    assert_int_equal(regsvr32(L""), 0);
    for (unsigned i = 0; i < sizeof interfaces / sizeof *interfaces; i++) {
        CLSID marshaller = CLSID_OpenQmgr;

        assert_int_equal(CoGetPSClsid(interfaces[i], &marshaller), S_OK);
        assert_true(IsEqualCLSID(&marshaller, &CLSID_OpenQmgrProxyStub));
    }
    assert_int_equal(CoGetClassObject(&CLSID_OpenQmgrProxyStub, CLSCTX_INPROC_SERVER, NULL,
                                      &IID_IPSFactoryBuffer, (void **)&factory),
                     S_OK);
    factory->lpVtbl->Release(factory);
}

/* Shows OpenQmgr.registered */
static void regsvr32__dll__both_classes_lead_to_the_service(void **state)
{
    static const wchar_t *const paths[] = {
        CLASSES L"\\CLSID\\{CFF5CA3F-E82D-46A8-93A6-0494C5722628}", LEGACY_KEY};
    wchar_t text[100];
    DWORD size_bytes;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        size_bytes = sizeof text;
        assert_int_equal(RegGetValueW(HKEY_LOCAL_MACHINE, paths[i], L"AppID", RRF_RT_REG_SZ, NULL,
                                      text, &size_bytes),
                         ERROR_SUCCESS);
        assert_int_equal(_wcsicmp(text, L"{427B9071-B50D-4AF4-B082-3E4362FB76DC}"), 0);
    }
    size_bytes = sizeof text;
    assert_int_equal(RegGetValueW(HKEY_LOCAL_MACHINE,
                                  CLASSES L"\\AppID\\{427B9071-B50D-4AF4-B082-3E4362FB76DC}",
                                  L"LocalService", RRF_RT_REG_SZ, NULL, text, &size_bytes),
                     ERROR_SUCCESS);
    assert_int_equal(_wcsicmp(text, L"OpenQMGR"), 0);
}

static void regsvr32__dll__application_of_bits_is_as_before(void **state)
{
    (void)state;
    /* Wine has it, as Windows does: else the test would prove nothing */
    assert_true(registry_dump_count_keys(bits_before) > 0);
    assert_alike(bits_before, BITS_KEY);
}

static void regsvr32_u__dll__registry_is_as_before(void **state)
{
    (void)state;
    assert_int_equal(regsvr32(L"/u"), 0);
    assert_as_before();
}

static void regsvr32_i_legacy__foreign_owner__is_given_back_by_regsvr32_u(void **state)
{
    wchar_t *with_owner, line_before[200], line_now[200], *now;
    wchar_t text[100];
    DWORD size_bytes = sizeof text;

    (void)state;
    assert_int_equal(
        RegSetKeyValueW(HKEY_LOCAL_MACHINE, LEGACY_KEY, L"AppID", REG_SZ, L"{theirs}", 18),
        ERROR_SUCCESS);
    with_owner = registry_dump(HKEY_LOCAL_MACHINE, CLASSES);
    assert_int_equal(regsvr32(L"/i:legacy"), 0);
    assert_int_equal(RegGetValueW(HKEY_LOCAL_MACHINE, LEGACY_KEY, L"AppID", RRF_RT_REG_SZ, NULL,
                                  text, &size_bytes),
                     ERROR_SUCCESS);
    assert_int_equal(_wcsicmp(text, L"{427B9071-B50D-4AF4-B082-3E4362FB76DC}"), 0);
    assert_alike(bits_before, BITS_KEY);
    assert_int_equal(regsvr32(L"/u"), 0);

    now = registry_dump(HKEY_LOCAL_MACHINE, CLASSES);
    assert_int_equal(RegDeleteTreeW(HKEY_LOCAL_MACHINE, LEGACY_KEY), ERROR_SUCCESS);
    registry_dump_diff(with_owner, now, line_before, line_now);
    free(with_owner);
    free(now);
    if (line_before[0] != L'\0' || line_now[0] != L'\0')
        fail_msg("before: %ls\nnow:    %ls", line_before, line_now);
    assert_as_before();
}

static void assert_text_32(const wchar_t *path, const wchar_t *name, const wchar_t *expected)
{
    wchar_t text[1000] = L"";
    DWORD size_bytes = sizeof text;
    HKEY key;

    assert_int_equal(RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_READ | KEY_WOW64_32KEY, &key),
                     ERROR_SUCCESS);
    assert_int_equal(RegGetValueW(key, NULL, name, RRF_RT_REG_SZ, NULL, text, &size_bytes),
                     ERROR_SUCCESS);
    RegCloseKey(key);
    assert_int_equal(_wcsicmp(text, expected), 0);
}

/* What 32-bit programs find; that they can work with it needs a 32-bit Wine, and is a test of its
 * own. */
static void regsvr32__dll_for_32_bits_beside__is_registered_in_the_other_view(void **state)
{
    wchar_t original[1000], other[1100];
    HKEY key;

    (void)state;
    if (sizeof(void *) != 8) {
        print_message("skipped: a 32-bit DLL knows its own view only\n");
        skip();
    }
    wcscpy(original, dll);
    swprintf(dll, 1000, L"%ls\\qmgrps.dll", _wgetenv(L"OQ_TEST_TMP"));
    swprintf(other, 1100, L"%ls\\qmgrps32.dll", _wgetenv(L"OQ_TEST_TMP"));
    for (wchar_t *c = dll, *d = other; *d != L'\0'; c += *c != L'\0', d++) {
        if (*c == L'/')
            *c = L'\\';
        if (*d == L'/')
            *d = L'\\';
    }
    assert_true(CopyFileW(original, dll, FALSE));
    assert_true(CopyFileW(original, other, FALSE)); /* only looked for */
    assert_int_equal(regsvr32(L""), 0);
    assert_text_32(CLASSES L"\\CLSID\\{2D4F24D9-9292-4E6C-AEDD-46EC4613DA2B}\\InprocServer32", NULL,
                   other);
    assert_text_32(CLASSES L"\\Interface\\{16F41C69-09F5-41D2-8CD8-3C08C47BC8A8}\\ProxyStubClsid32",
                   NULL, L"{2D4F24D9-9292-4E6C-AEDD-46EC4613DA2B}");
    assert_text_32(CLASSES L"\\CLSID\\{CFF5CA3F-E82D-46A8-93A6-0494C5722628}", L"AppID",
                   L"{427B9071-B50D-4AF4-B082-3E4362FB76DC}");
    /* The 64-bit view names the 64-bit DLL. */
    wchar_t text[1000] = L"";
    DWORD size_bytes = sizeof text;
    assert_int_equal(
        RegGetValueW(HKEY_LOCAL_MACHINE,
                     CLASSES L"\\CLSID\\{2D4F24D9-9292-4E6C-AEDD-46EC4613DA2B}\\InprocServer32",
                     NULL, RRF_RT_REG_SZ, NULL, text, &size_bytes),
        ERROR_SUCCESS);
    assert_int_equal(_wcsicmp(text, dll), 0);

    assert_true(DeleteFileW(other)); /* removed from both views, whatever is there by then */
    assert_int_equal(regsvr32(L"/u"), 0);
    assert_int_equal(RegOpenKeyExW(HKEY_LOCAL_MACHINE,
                                   CLASSES L"\\CLSID\\{2D4F24D9-9292-4E6C-AEDD-46EC4613DA2B}", 0,
                                   KEY_READ | KEY_WOW64_32KEY, &key),
                     ERROR_FILE_NOT_FOUND);
    DeleteFileW(dll);
    wcscpy(dll, original);
    assert_as_before();
}

static int begin(void **state)
{
    const wchar_t *folder = _wgetenv(L"OQ_BIN_DIR");

    (void)state;
    if (!folder || FAILED(CoInitializeEx(NULL, COINIT_MULTITHREADED)))
        return -1;
    swprintf(dll, 1000, L"%ls/qmgrps.dll", folder);
    for (wchar_t *c = dll; *c != L'\0'; c++) {
        if (*c == L'/')
            *c = L'\\';
    }
    classes_before = registry_dump(HKEY_LOCAL_MACHINE, CLASSES);
    product_before = registry_dump(HKEY_LOCAL_MACHINE, L"SOFTWARE\\OpenQMGR");
    bits_before = registry_dump(HKEY_LOCAL_MACHINE, BITS_KEY);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(classes_before);
    free(product_before);
    free(bits_before);
    CoUninitialize();
    return 0;
}

/* Why the test must not run here; NULL when it may. */
static const char *reason_to_skip(void)
{
    HKEY key;
    LSTATUS status = RegOpenKeyExW(HKEY_LOCAL_MACHINE, CLASSES, 0, KEY_READ | KEY_WRITE, &key);

    if (status != ERROR_SUCCESS)
        return "the registry of this machine may not be written to";
    RegCloseKey(key);
    if (GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") == NULL &&
        _wgetenv(L"OQ_TEST_MAY_REGISTER") == NULL)
        return "this is somebody's Windows; OQ_TEST_MAY_REGISTER=1 allows it";
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE,
                      CLASSES L"\\CLSID\\{CFF5CA3F-E82D-46A8-93A6-0494C5722628}", 0, KEY_READ,
                      &key) == ERROR_SUCCESS) {
        RegCloseKey(key);
        return "OpenQMGR is registered here";
    }
    return NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regsvr32__dll__com_finds_the_marshaller_of_every_interface),
        cmocka_unit_test(regsvr32__dll__both_classes_lead_to_the_service),
        cmocka_unit_test(regsvr32__dll__application_of_bits_is_as_before),
        cmocka_unit_test(regsvr32_u__dll__registry_is_as_before),
        cmocka_unit_test(regsvr32__dll_for_32_bits_beside__is_registered_in_the_other_view),
        cmocka_unit_test(regsvr32_i_legacy__foreign_owner__is_given_back_by_regsvr32_u),
    };
    const char *reason = reason_to_skip();

    if (reason) {
        printf("regsvr32: skipped: %s\n", reason);
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, begin, end);
}
