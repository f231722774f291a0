/*
 * test_registration.c: what DllRegisterServer, DllUnregisterServer and DllInstall write and remove.
 *
 * The DLL's entry points are called in this process, in which HKEY_LOCAL_MACHINE is a key made for
 * the test: so other owners, read-only keys and interrupted runs can be staged, and no other test
 * is disturbed. test_regsvr32.c does it once with the real registry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <windows.h>
#include <aclapi.h>
#include <sddl.h>

#include "registry_dump.h"

#define CLASSES L"SOFTWARE\\Classes\\"
#define MARSHALLER L"{2D4F24D9-9292-4E6C-AEDD-46EC4613DA2B}"
#define APPID L"{427B9071-B50D-4AF4-B082-3E4362FB76DC}"
#define OURS L"{CFF5CA3F-E82D-46A8-93A6-0494C5722628}"
#define LEGACY L"{69AD4AEE-51BE-439B-A92C-86AE490E8B30}"
#define GROUP L"{1DED80A7-53EA-424F-8A04-17FEA9ADC4F5}"
#define OTHER L"{00000000-1111-2222-3333-444444444444}"

#define GROUP_KEY CLASSES L"Interface\\" GROUP
#define LEGACY_KEY CLASSES L"CLSID\\" LEGACY
#define BITS_KEY CLASSES L"AppID\\" LEGACY
#define SAVED_KEY L"SOFTWARE\\OpenQMGR\\Saved"

static const struct {
    const wchar_t *iid, *name, *methods;
} interfaces[] = {
    {L"{16F41C69-09F5-41D2-8CD8-3C08C47BC8A8}", L"IBackgroundCopyQMgr", L"6"},
    {L"{1DED80A7-53EA-424F-8A04-17FEA9ADC4F5}", L"IBackgroundCopyGroup", L"18"},
    {L"{59F5553C-2031-4629-BB18-2645A6970947}", L"IBackgroundCopyJob1", L"11"},
    {L"{084F6593-3800-4E08-9B59-99FA59ADDF82}", L"IBackgroundCopyCallback1", L"6"},
    {L"{D993E603-4AA4-47C5-8665-C20D39C2BA4F}", L"IEnumBackgroundCopyGroups", L"8"},
    {L"{8BAEBA9D-8F1C-42C4-B82C-09AE79980D25}", L"IEnumBackgroundCopyJobs1", L"8"},
    {L"{CF50EF05-5BBD-4E7B-970F-61FBE1A414FB}", L"IOpenQmgrManager", L"8"},
    {L"{5A64C846-731E-4E0D-923D-BA85F5AC524C}", L"IOpenQmgrGroup", L"12"},
};
enum { INTERFACE_COUNT = sizeof interfaces / sizeof *interfaces };

static struct {
    HMODULE module;
    wchar_t path[1024];
    HRESULT(WINAPI *do_register)(void);
    HRESULT(WINAPI *unregister)(void);
    HRESULT(WINAPI *install)(BOOL, const wchar_t *);
} dll;

static wchar_t sandbox_path[64];
static HKEY sandbox;
static wchar_t *before;

/* ---- the registry of the test ---------------------------------------------------------------- */

static void write_text(const wchar_t *path, const wchar_t *name, const wchar_t *text)
{
    assert_int_equal(RegSetKeyValueW(sandbox, path, name, REG_SZ, text,
                                     (DWORD)((wcslen(text) + 1) * sizeof *text)),
                     ERROR_SUCCESS);
}

static void assert_text(const wchar_t *path, const wchar_t *name, const wchar_t *expected)
{
    wchar_t found[1024];
    DWORD size_bytes = sizeof found;
    LSTATUS status = RegGetValueW(sandbox, path, name, RRF_RT_REG_SZ, NULL, found, &size_bytes);

    if (status != ERROR_SUCCESS)
        fail_msg("%ls, value %ls: error %ld", path, name ? name : L"(default)", status);
    if (_wcsicmp(found, expected) != 0)
        fail_msg("%ls, value %ls: %ls, not %ls", path, name ? name : L"(default)", found, expected);
}

static void assert_no_key(const wchar_t *path)
{
    HKEY key;

    assert_int_equal(RegOpenKeyExW(sandbox, path, 0, KEY_READ, &key), ERROR_FILE_NOT_FOUND);
}

static wchar_t *dump(const wchar_t *path)
{
    return registry_dump(sandbox, path);
}

/* Compares and frees both. */
static void assert_alike(wchar_t *one, wchar_t *two)
{
    wchar_t line_of_one[200], line_of_two[200];

    registry_dump_diff(one, two, line_of_one, line_of_two);
    free(one);
    free(two);
    if (line_of_one[0] != L'\0' || line_of_two[0] != L'\0')
        fail_msg("before: %ls\nnow:    %ls", line_of_one, line_of_two);
}

/* Everything is as it was when the test said so, or when it began. */
static void assert_as_before(void)
{
    wchar_t *then = before;

    before = NULL; /* the comparison frees it, also when it fails */
    assert_alike(then, dump(L"SOFTWARE"));
}

static void remember_now(void)
{
    free(before);
    before = dump(L"SOFTWARE");
}

/* Keys of other products, and BITS's application, as they are on every machine. */
static void write_neighbours(void)
{
    static const BYTE permission[] = {1, 0, 20, 128, 9, 9};

    write_text(CLASSES L"CLSID\\" OTHER, NULL, L"somebody's class");
    write_text(CLASSES L"AppID\\" OTHER, NULL, L"somebody's application");
    write_text(CLASSES L"Interface\\" OTHER L"\\ProxyStubClsid32", NULL, OTHER);
    write_text(BITS_KEY, NULL, L"BITS");
    write_text(BITS_KEY, L"LocalService", L"BITS");
    assert_int_equal(RegSetKeyValueW(sandbox, BITS_KEY, L"AccessPermission", REG_BINARY, permission,
                                     sizeof permission),
                     ERROR_SUCCESS);
}

static void write_foreign_legacy_class(void)
{
    write_text(LEGACY_KEY, NULL, L"BackgroundCopyQMgr Class");
    write_text(LEGACY_KEY, L"AppID", LEGACY);
    write_text(LEGACY_KEY L"\\Extra", L"Value", L"kept too");
}

static void write_foreign_interface(void)
{
    write_text(GROUP_KEY, NULL, L"IBackgroundCopyGroup");
    write_text(GROUP_KEY L"\\NumMethods", NULL, L"18");
    write_text(GROUP_KEY L"\\ProxyStubClsid32", NULL, OTHER);
}

static int open_sandbox(void **state)
{
    (void)state;
    swprintf(sandbox_path, sizeof sandbox_path / sizeof *sandbox_path,
             L"Software\\OpenQMGR-registration-test-%lu", GetCurrentProcessId());
    RegDeleteTreeW(HKEY_CURRENT_USER, sandbox_path);
    if (RegCreateKeyExW(HKEY_CURRENT_USER, sandbox_path, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &sandbox,
                        NULL) != ERROR_SUCCESS ||
        RegOverridePredefKey(HKEY_LOCAL_MACHINE, sandbox) != ERROR_SUCCESS)
        return -1;
    write_neighbours();
    remember_now();
    return 0;
}

static int close_sandbox(void **state)
{
    (void)state;
    free(before);
    before = NULL;
    RegOverridePredefKey(HKEY_LOCAL_MACHINE, NULL);
    RegCloseKey(sandbox);
    return RegDeleteTreeW(HKEY_CURRENT_USER, sandbox_path) == ERROR_SUCCESS ? 0 : -1;
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* Shows OpenQmgr.registered */
static void register__clean_registry__writes_the_classes(void **state)
{
    (void)state;
    assert_int_equal(dll.do_register(), S_OK);
    assert_text(CLASSES L"CLSID\\" MARSHALLER L"\\InprocServer32", NULL, dll.path);
    assert_text(CLASSES L"CLSID\\" MARSHALLER L"\\InprocServer32", L"ThreadingModel", L"Both");
    assert_text(CLASSES L"CLSID\\" OURS, L"AppID", APPID);
    assert_text(LEGACY_KEY, L"AppID", APPID);
    assert_text(CLASSES L"AppID\\" APPID, L"LocalService", L"OpenQMGR");
}

static void register__clean_registry__writes_every_interface(void **state)
{
    (void)state;
    assert_int_equal(dll.do_register(), S_OK);
    for (unsigned i = 0; i < INTERFACE_COUNT; i++) {
        wchar_t path[200], below[240];

        swprintf(path, 200, CLASSES L"Interface\\%ls", interfaces[i].iid);
        assert_text(path, NULL, interfaces[i].name);
        swprintf(below, 240, L"%ls\\NumMethods", path);
        assert_text(below, NULL, interfaces[i].methods);
        swprintf(below, 240, L"%ls\\ProxyStubClsid32", path);
        assert_text(below, NULL, MARSHALLER);
    }
}

static void register__clean_registry__writes_nothing_else(void **state)
{
    wchar_t *now;

    (void)state;
    assert_int_equal(dll.do_register(), S_OK);
    now = dump(L"SOFTWARE");
    /* marshaller and its InprocServer32, two classes, application, three keys per interface */
    assert_int_equal(registry_dump_count_keys(now),
                     registry_dump_count_keys(before) + 2 + 2 + 1 + 3 * INTERFACE_COUNT);
    free(now);
}

static void register__permissions__are_for_local_users_only(void **state)
{
    static const wchar_t *const values[] = {L"LaunchPermission", L"AccessPermission"};
    enum { EXECUTE_REMOTE = 4, ACTIVATE_REMOTE = 16 };

    (void)state;
    assert_int_equal(dll.do_register(), S_OK);
    for (unsigned v = 0; v < 2; v++) {
        BYTE descriptor[1024];
        DWORD size_bytes = sizeof descriptor;
        BOOL is_present = FALSE, is_default = FALSE;
        PSID owner = NULL, group = NULL;
        ACL *acl = NULL;

        assert_int_equal(RegGetValueW(sandbox, CLASSES L"AppID\\" APPID, values[v],
                                      RRF_RT_REG_BINARY, NULL, descriptor, &size_bytes),
                         ERROR_SUCCESS);
        assert_true(IsValidSecurityDescriptor(descriptor));
        /* COM refuses descriptors without owner or group */
        assert_true(GetSecurityDescriptorOwner(descriptor, &owner, &is_default) && owner);
        assert_true(GetSecurityDescriptorGroup(descriptor, &group, &is_default) && group);
        assert_true(GetSecurityDescriptorDacl(descriptor, &is_present, &acl, &is_default));
        assert_true(is_present && acl && acl->AceCount > 0);
        for (WORD i = 0; i < acl->AceCount; i++) {
            /* network logons are among the authenticated users, but only for what runs here */
            static const WELL_KNOWN_SID_TYPE outsiders[] = {WinWorldSid, WinNetworkSid,
                                                            WinAnonymousSid, WinBuiltinGuestsSid};
            ACCESS_ALLOWED_ACE *ace = NULL;

            assert_true(GetAce(acl, i, (void **)&ace));
            assert_int_equal(ace->Header.AceType, ACCESS_ALLOWED_ACE_TYPE);
            assert_int_equal(ace->Mask & (EXECUTE_REMOTE | ACTIVATE_REMOTE), 0);
            for (unsigned s = 0; s < sizeof outsiders / sizeof *outsiders; s++)
                assert_false(IsWellKnownSid(&ace->SidStart, outsiders[s]));
        }
    }
}

static void unregister__after_register__leaves_the_registry_as_it_was(void **state)
{
    (void)state;
    assert_int_equal(dll.do_register(), S_OK);
    assert_int_equal(dll.unregister(), S_OK);
    assert_as_before();
}

static void unregister__after_registering_twice__leaves_the_registry_as_it_was(void **state)
{
    (void)state;
    assert_int_equal(dll.do_register(), S_OK);
    assert_int_equal(dll.do_register(), S_OK);
    assert_int_equal(dll.unregister(), S_OK);
    assert_as_before();
}

static void unregister__nothing_registered__succeeds_and_changes_nothing(void **state)
{
    (void)state;
    write_foreign_legacy_class();
    write_foreign_interface();
    remember_now();
    assert_int_equal(dll.unregister(), S_OK);
    assert_as_before();
}

static void unregister__configuration_of_the_service__stays(void **state)
{
    (void)state;
    write_foreign_interface();
    assert_int_equal(dll.install(TRUE, L"legacy"), S_OK);
    write_text(L"SOFTWARE\\OpenQMGR", L"MaxFiles", L"200");
    assert_int_equal(dll.unregister(), S_OK);
    assert_text(L"SOFTWARE\\OpenQMGR", L"MaxFiles", L"200");
    assert_no_key(SAVED_KEY);
}

/* Shows BackgroundCopyQMgr.foreign-owner */
static void register__foreign_legacy_class__is_left_alone(void **state)
{
    wchar_t *theirs;

    (void)state;
    write_foreign_legacy_class();
    remember_now();
    theirs = dump(LEGACY_KEY);
    assert_int_equal(dll.do_register(), S_OK);
    assert_text(CLASSES L"CLSID\\" OURS, L"AppID", APPID);
    assert_alike(theirs, dump(LEGACY_KEY));
    assert_int_equal(dll.unregister(), S_OK);
    assert_as_before();
}

static void register__legacy_class_without_appid__is_left_alone(void **state)
{
    (void)state;
    write_text(LEGACY_KEY L"\\InprocServer32", NULL, L"theirs.dll");
    remember_now();
    assert_int_equal(dll.do_register(), S_OK);
    assert_text(LEGACY_KEY L"\\InprocServer32", NULL, L"theirs.dll");
    assert_int_equal(dll.unregister(), S_OK);
    assert_as_before();
}

static void register__foreign_interface__is_left_alone(void **state)
{
    wchar_t *theirs;

    (void)state;
    write_foreign_interface();
    remember_now();
    theirs = dump(GROUP_KEY);
    assert_int_equal(dll.do_register(), S_OK);
    assert_alike(theirs, dump(GROUP_KEY));
    assert_text(CLASSES L"Interface\\{59F5553C-2031-4629-BB18-2645A6970947}\\ProxyStubClsid32",
                NULL, MARSHALLER);
    assert_int_equal(dll.unregister(), S_OK);
    assert_as_before();
}

static void register__interface_without_marshaller__is_used_and_given_back(void **state)
{
    (void)state;
    write_text(GROUP_KEY, NULL, L"a name and nothing more");
    remember_now();
    assert_int_equal(dll.do_register(), S_OK);
    assert_text(GROUP_KEY L"\\ProxyStubClsid32", NULL, MARSHALLER);
    assert_int_equal(dll.unregister(), S_OK);
    assert_as_before();
}

static void register__application_of_bits__is_never_touched(void **state)
{
    wchar_t *bits = dump(BITS_KEY);

    (void)state;
    assert_int_equal(dll.do_register(), S_OK);
    assert_alike(wcsdup(bits), dump(BITS_KEY));
    assert_int_equal(dll.install(TRUE, L"legacy"), S_OK);
    assert_alike(wcsdup(bits), dump(BITS_KEY));
    assert_int_equal(dll.unregister(), S_OK);
    assert_alike(bits, dump(BITS_KEY));
}

static void register__no_application_of_bits__makes_none(void **state)
{
    (void)state;
    assert_int_equal(RegDeleteTreeW(sandbox, BITS_KEY), ERROR_SUCCESS);
    assert_int_equal(dll.do_register(), S_OK);
    assert_no_key(BITS_KEY);
}

static void register__failure_halfway__takes_back_what_was_written(void **state)
{
    HKEY key;

    (void)state;
    /* nothing that lasts can be made below a key that does not */
    assert_int_equal(RegDeleteTreeW(sandbox, CLASSES L"Interface"), ERROR_SUCCESS);
    assert_int_equal(RegCreateKeyExW(sandbox, CLASSES L"Interface", 0, NULL, REG_OPTION_VOLATILE,
                                     KEY_ALL_ACCESS, NULL, &key, NULL),
                     ERROR_SUCCESS);
    RegCloseKey(key);
    remember_now();
    assert_int_equal(dll.do_register(), HRESULT_FROM_WIN32(ERROR_CHILD_MUST_BE_VOLATILE));
    assert_as_before();
}

/* As TrustedInstaller's keys are for administrators: they may read them. */
static void set_read_only(const wchar_t *path, bool is_read_only)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    HKEY key;

    assert_int_equal(RegOpenKeyExW(sandbox, path, 0, WRITE_DAC, &key), ERROR_SUCCESS);
    assert_true(ConvertStringSecurityDescriptorToSecurityDescriptorW(
        is_read_only ? L"D:P(A;;KRWD;;;WD)" : L"D:P(A;;KA;;;WD)", SDDL_REVISION_1, &descriptor,
        NULL));
    assert_int_equal(RegSetKeySecurity(key, DACL_SECURITY_INFORMATION, descriptor), ERROR_SUCCESS);
    LocalFree(descriptor);
    RegCloseKey(key);
}

static void refused_take_over(const wchar_t *path)
{
    wchar_t *theirs;
    HRESULT hr;

    set_read_only(path, true);
    theirs = dump(L"SOFTWARE");
    hr = dll.install(TRUE, L"legacy");
    set_read_only(path, false);
    assert_int_equal(hr, HRESULT_FROM_WIN32(ERROR_PRIVILEGE_NOT_HELD));
    assert_alike(theirs, dump(L"SOFTWARE"));
}

static void take_over__key_that_administrators_may_only_read__is_refused_before_any_change(
    void **state)
{
    (void)state;
    write_foreign_legacy_class();
    write_foreign_interface();
    refused_take_over(LEGACY_KEY);            /* the last one that would be written */
    refused_take_over(LEGACY_KEY L"\\Extra"); /* or something below it */
    refused_take_over(GROUP_KEY);
    assert_int_equal(dll.do_register(), S_OK);
    refused_take_over(LEGACY_KEY); /* nor when we are registered already */
}

static void take_over__fails_halfway__is_undone_whole(void **state)
{
    wchar_t *class_before, *interface_before;
    HKEY key;

    (void)state;
    write_foreign_legacy_class();
    write_foreign_interface();
    assert_int_equal(dll.do_register(), S_OK);
    class_before = dump(LEGACY_KEY);
    interface_before = dump(GROUP_KEY);
    /* The interface is taken over, and then there is no room for the class. */
    assert_int_equal(RegCreateKeyExW(sandbox, SAVED_KEY L"\\CLSID", 0, NULL, REG_OPTION_VOLATILE,
                                     KEY_ALL_ACCESS, NULL, &key, NULL),
                     ERROR_SUCCESS);
    RegCloseKey(key);
    assert_int_equal(dll.install(TRUE, L"legacy"),
                     HRESULT_FROM_WIN32(ERROR_CHILD_MUST_BE_VOLATILE));
    assert_alike(class_before, dump(LEGACY_KEY));
    assert_alike(interface_before, dump(GROUP_KEY));
    assert_text(CLASSES L"CLSID\\" OURS, L"AppID", APPID); /* that stays */
    assert_int_equal(dll.unregister(), S_OK);
}

/* Shows BackgroundCopyQMgr.foreign-owner */
static void take_over__foreign_owners__become_ours(void **state)
{
    (void)state;
    write_foreign_legacy_class();
    write_foreign_interface();
    assert_int_equal(dll.install(TRUE, L"legacy"), S_OK);
    assert_text(LEGACY_KEY, L"AppID", APPID);
    assert_no_key(LEGACY_KEY L"\\Extra");
    assert_text(GROUP_KEY L"\\ProxyStubClsid32", NULL, MARSHALLER);
}

/* Shows BackgroundCopyQMgr.foreign-owner */
static void unregister__after_take_over__gives_everything_back(void **state)
{
    (void)state;
    write_foreign_legacy_class();
    write_foreign_interface();
    remember_now();
    assert_int_equal(dll.do_register(), S_OK);
    assert_int_equal(dll.install(TRUE, L"legacy"), S_OK);
    assert_int_equal(dll.unregister(), S_OK);
    assert_as_before();
}

static void unregister__after_taking_over_twice__gives_everything_back(void **state)
{
    (void)state;
    write_foreign_legacy_class();
    write_foreign_interface();
    remember_now();
    assert_int_equal(dll.install(TRUE, L"legacy"), S_OK);
    assert_int_equal(dll.install(TRUE, L"LEGACY"), S_OK);
    assert_int_equal(dll.do_register(), S_OK);
    assert_int_equal(dll.unregister(), S_OK);
    assert_as_before();
}

static void give_back__after_take_over__keeps_our_own_registration(void **state)
{
    (void)state;
    write_foreign_legacy_class();
    write_foreign_interface();
    assert_int_equal(dll.do_register(), S_OK);
    remember_now();
    assert_int_equal(dll.install(TRUE, L"legacy"), S_OK);
    assert_int_equal(dll.install(FALSE, L"legacy"), S_OK);
    assert_as_before();
}

static void unregister__taken_from_us_meanwhile__leaves_the_newcomer(void **state)
{
    wchar_t *newcomer;

    (void)state;
    write_foreign_legacy_class();
    assert_int_equal(dll.install(TRUE, L"legacy"), S_OK);
    write_text(LEGACY_KEY, L"AppID", OTHER);
    newcomer = dump(LEGACY_KEY);
    assert_int_equal(dll.unregister(), S_OK);
    assert_alike(newcomer, dump(LEGACY_KEY));
    assert_no_key(SAVED_KEY);
}

static void unregister__take_over_was_interrupted__gives_everything_back(void **state)
{
    (void)state;
    write_foreign_legacy_class();
    remember_now();
    assert_int_equal(dll.install(TRUE, L"legacy"), S_OK);
    /* as if the power had gone between taking theirs away and writing ours */
    assert_int_equal(RegDeleteTreeW(sandbox, LEGACY_KEY), ERROR_SUCCESS);
    assert_int_equal(dll.unregister(), S_OK);
    assert_as_before();
}

static void install__unknown_word__is_refused_and_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(dll.install(TRUE, L"everything"), E_INVALIDARG);
    assert_int_equal(dll.install(FALSE, L"everything"), E_INVALIDARG);
    assert_as_before();
}

static void install__no_word__changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(dll.install(TRUE, L""), S_OK);
    assert_int_equal(dll.install(TRUE, NULL), S_OK);
    assert_as_before();
}

static int load_dll(void **state)
{
    const wchar_t *folder = _wgetenv(L"OQ_BIN_DIR");
    wchar_t path[1000];

    (void)state;
    if (!folder) {
        print_error("OQ_BIN_DIR does not say where qmgrps.dll is\n");
        return -1;
    }
    swprintf(path, 1000, L"%ls/qmgrps.dll", folder);
    for (wchar_t *c = path; *c != L'\0'; c++) {
        if (*c == L'/')
            *c = L'\\';
    }
    dll.module = LoadLibraryExW(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (!dll.module) {
        print_error("%ls cannot be loaded: error %lu\n", path, GetLastError());
        return -1;
    }
    GetModuleFileNameW(dll.module, dll.path, 1024);
    dll.do_register =
        (HRESULT(WINAPI *)(void))(void *)GetProcAddress(dll.module, "DllRegisterServer");
    dll.unregister =
        (HRESULT(WINAPI *)(void))(void *)GetProcAddress(dll.module, "DllUnregisterServer");
    dll.install =
        (HRESULT(WINAPI *)(BOOL, const wchar_t *))(void *)GetProcAddress(dll.module, "DllInstall");
    return dll.do_register && dll.unregister && dll.install ? 0 : -1;
}

static int unload_dll(void **state)
{
    (void)state;
    return FreeLibrary(dll.module) ? 0 : -1;
}

#define SANDBOXED(test) cmocka_unit_test_setup_teardown(test, open_sandbox, close_sandbox)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SANDBOXED(register__clean_registry__writes_the_classes),
        SANDBOXED(register__clean_registry__writes_every_interface),
        SANDBOXED(register__clean_registry__writes_nothing_else),
        SANDBOXED(register__permissions__are_for_local_users_only),
        SANDBOXED(unregister__after_register__leaves_the_registry_as_it_was),
        SANDBOXED(unregister__after_registering_twice__leaves_the_registry_as_it_was),
        SANDBOXED(unregister__nothing_registered__succeeds_and_changes_nothing),
        SANDBOXED(unregister__configuration_of_the_service__stays),
        SANDBOXED(register__foreign_legacy_class__is_left_alone),
        SANDBOXED(register__legacy_class_without_appid__is_left_alone),
        SANDBOXED(register__foreign_interface__is_left_alone),
        SANDBOXED(register__interface_without_marshaller__is_used_and_given_back),
        SANDBOXED(register__application_of_bits__is_never_touched),
        SANDBOXED(register__no_application_of_bits__makes_none),
        SANDBOXED(register__failure_halfway__takes_back_what_was_written),
        SANDBOXED(take_over__key_that_administrators_may_only_read__is_refused_before_any_change),
        SANDBOXED(take_over__fails_halfway__is_undone_whole),
        SANDBOXED(take_over__foreign_owners__become_ours),
        SANDBOXED(unregister__after_take_over__gives_everything_back),
        SANDBOXED(unregister__after_taking_over_twice__gives_everything_back),
        SANDBOXED(give_back__after_take_over__keeps_our_own_registration),
        SANDBOXED(unregister__taken_from_us_meanwhile__leaves_the_newcomer),
        SANDBOXED(unregister__take_over_was_interrupted__gives_everything_back),
        SANDBOXED(install__unknown_word__is_refused_and_changes_nothing),
        SANDBOXED(install__no_word__changes_nothing),
    };

    return cmocka_run_group_tests(tests, load_dll, unload_dll);
}
