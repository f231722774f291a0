/* test_install.c - service/win/install.c under a name of its own; the service is never started here
 * (service.sh does that). */
#include "test_win.h"

#include "oq_win_install.h"

#include <sddl.h>

#define NAME "OpenQMGR-test"
#define EVENT_KEY L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\" NAME

static struct oq_error err;
static char said[4096];

static const struct oq_win_plan plan = {
    .name = NAME,
    .display_name = "OpenQMGR under test",
    .description = "Made by a test, and removed by it.",
    .program = "C:\\Program Files\\OpenQMGR test\\qmgrsvc.exe",
    .event_source = NAME,
};

static void hear(void *ctx, const char *sentence)
{
    size_t length = strlen(said);
    (void)ctx;
    snprintf(said + length, sizeof said - length, "%s\n", sentence);
}

static int set_up(void **state)
{
    (void)state;
    oq_error_init(&err);
    said[0] = '\0';
    return oq_win_uninstall(&plan, hear, NULL, &err) == OQ_OK ? (said[0] = '\0', 0) : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return oq_win_uninstall(&plan, hear, NULL, NULL) == OQ_OK ? 0 : -1;
}

static SC_HANDLE open_service(void)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    assert_non_null(manager);
    SC_HANDLE service =
        OpenServiceW(manager, L"" NAME, SERVICE_QUERY_CONFIG | SERVICE_QUERY_STATUS | DELETE);
    CloseServiceHandle(manager);
    return service;
}

static const QUERY_SERVICE_CONFIGW *query_config(void)
{
    static union {
        QUERY_SERVICE_CONFIGW config;
        BYTE bytes[8192];
    } buffer;
    DWORD size = 0;
    SC_HANDLE service = open_service();
    assert_non_null(service);
    assert_true(QueryServiceConfigW(service, &buffer.config, sizeof buffer, &size));
    CloseServiceHandle(service);
    return &buffer.config;
}

static void install__nothing_there__creates_what_the_control_manager_shows(void **state)
{
    (void)state;
    assert_status(OQ_OK, oq_win_install(&plan, hear, NULL, &err), &err);
    const QUERY_SERVICE_CONFIGW *config = query_config();
    assert_int_equal(config->dwServiceType, SERVICE_WIN32_OWN_PROCESS);
    assert_int_equal(config->dwStartType, SERVICE_AUTO_START);
    assert_int_equal(
        wcscmp(config->lpBinaryPathName, L"\"C:\\Program Files\\OpenQMGR test\\qmgrsvc.exe\""), 0);
    assert_int_equal(wcscmp(config->lpDisplayName, L"OpenQMGR under test"), 0);
    assert_int_equal(_wcsicmp(config->lpServiceStartName, L"LocalSystem"), 0);
    assert_non_null(strstr(said, "service OpenQMGR-test: created"));
}

static void install__parts_without_an_argument_of_create_service__are_set(void **state)
{
    union {
        SERVICE_DESCRIPTIONW description;
        SERVICE_DELAYED_AUTO_START_INFO delayed;
        SERVICE_PRESHUTDOWN_INFO preshutdown;
        SERVICE_FAILURE_ACTIONSW failure;
        SERVICE_FAILURE_ACTIONS_FLAG failure_flag;
        BYTE bytes[2048];
    } part;
    DWORD size = 0;
    (void)state;
    assert_status(OQ_OK, oq_win_install(&plan, hear, NULL, &err), &err);
    SC_HANDLE service = open_service();
    assert_true(
        QueryServiceConfig2W(service, SERVICE_CONFIG_DESCRIPTION, part.bytes, sizeof part, &size));
    assert_int_equal(wcscmp(part.description.lpDescription, L"Made by a test, and removed by it."),
                     0);
    if (QueryServiceConfig2W(service, SERVICE_CONFIG_PRESHUTDOWN_INFO, part.bytes, sizeof part,
                             &size))
        assert_int_equal(part.preshutdown.dwPreshutdownTimeout, 10000);
    else
        print_message("not asked: preshutdown time (%lu)\n", GetLastError());
    if (QueryServiceConfig2W(service, SERVICE_CONFIG_DELAYED_AUTO_START_INFO, part.bytes,
                             sizeof part, &size))
        assert_true(part.delayed.fDelayedAutostart);
    else
        print_message("not asked: delayed start (%lu)\n", GetLastError());
    if (QueryServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, part.bytes, sizeof part,
                             &size)) {
        DWORD before_ms = 0;
        assert_int_equal(part.failure.cActions, 3);
        assert_int_equal(part.failure.dwResetPeriod, 86400);
        for (DWORD i = 0; i < part.failure.cActions; i++) { /* again and again, later each time */
            assert_int_equal(part.failure.lpsaActions[i].Type, SC_ACTION_RESTART);
            assert_true(part.failure.lpsaActions[i].Delay > before_ms);
            before_ms = part.failure.lpsaActions[i].Delay;
        }
    } else {
        print_message("not asked: restart after a crash (%lu)\n", GetLastError());
    }
    if (QueryServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, part.bytes, sizeof part,
                             &size))
        assert_true(part.failure_flag.fFailureActionsOnNonCrashFailures);
    else
        print_message("not asked: restart after a failed start (%lu)\n", GetLastError());
    CloseServiceHandle(service);
}

static void install__twice__brings_the_first_up_to_date(void **state)
{
    struct oq_win_plan moved = plan;
    (void)state;
    assert_status(OQ_OK, oq_win_install(&plan, hear, NULL, &err), &err);
    moved.program = "D:\\qmgrsvc.exe";
    moved.display_name = "OpenQMGR, moved";
    assert_status(OQ_OK, oq_win_install(&moved, hear, NULL, &err), &err);
    const QUERY_SERVICE_CONFIGW *config = query_config();
    assert_int_equal(wcscmp(config->lpBinaryPathName, L"\"D:\\qmgrsvc.exe\""), 0);
    assert_int_equal(wcscmp(config->lpDisplayName, L"OpenQMGR, moved"), 0);
    assert_non_null(strstr(said, "brought up to date"));
}

static void install__event_source__names_the_program(void **state)
{
    wchar_t file[260];
    DWORD size = sizeof file;
    (void)state;
    assert_status(OQ_OK, oq_win_install(&plan, hear, NULL, &err), &err);
    assert_int_equal(RegGetValueW(HKEY_LOCAL_MACHINE, EVENT_KEY, L"EventMessageFile", RRF_RT_REG_SZ,
                                  NULL, file, &size),
                     ERROR_SUCCESS);
    assert_int_equal(wcscmp(file, L"C:\\Program Files\\OpenQMGR test\\qmgrsvc.exe"), 0);
}

static void install__dll_missing__creates_nothing(void **state)
{
    struct oq_win_plan wrong = plan;
    (void)state;
    wrong.proxy_dll = "C:\\nowhere\\qmgrps.dll";
    assert_status(OQ_E_FILE_MISSING, oq_win_install(&wrong, hear, NULL, &err), &err);
    assert_non_null(strstr(err.text, "C:\\nowhere\\qmgrps.dll"));
    assert_null(open_service());
}

static void install__dll_that_is_none_of_ours__fails(void **state)
{
    struct oq_win_plan wrong = plan;
    (void)state;
    wrong.proxy_dll = "C:\\windows\\system32\\kernel32.dll";
    assert_status(OQ_E_IO, oq_win_install(&wrong, hear, NULL, &err), &err);
    assert_null(open_service());
}

static void uninstall__installed__leaves_no_trace(void **state)
{
    HKEY key = NULL;
    (void)state;
    assert_status(OQ_OK, oq_win_install(&plan, hear, NULL, &err), &err);
    assert_status(OQ_OK, oq_win_uninstall(&plan, hear, NULL, &err), &err);
    assert_non_null(strstr(said, "service OpenQMGR-test: removed"));
    assert_null(open_service());
    assert_int_equal(RegOpenKeyExW(HKEY_LOCAL_MACHINE, EVENT_KEY, 0, KEY_READ, &key),
                     ERROR_FILE_NOT_FOUND);
    assert_int_equal(RegOpenKeyExW(HKEY_LOCAL_MACHINE,
                                   L"SYSTEM\\CurrentControlSet\\Services\\" NAME, 0, KEY_READ,
                                   &key),
                     ERROR_FILE_NOT_FOUND);
}

static void uninstall__not_installed__says_so_and_succeeds(void **state)
{
    (void)state;
    assert_status(OQ_OK, oq_win_uninstall(&plan, hear, NULL, &err), &err);
    assert_non_null(strstr(said, "was not installed"));
}

static void uninstall__dll_missing__goes_on(void **state)
{
    struct oq_win_plan wrong = plan;
    (void)state;
    assert_status(OQ_OK, oq_win_install(&plan, hear, NULL, &err), &err);
    wrong.proxy_dll = "C:\\nowhere\\qmgrps.dll";
    assert_status(OQ_OK, oq_win_uninstall(&wrong, hear, NULL, &err), &err);
    assert_null(open_service());
    assert_non_null(strstr(said, "left as they are"));
}

static void install__former_service_marked_for_deletion__says_what_to_do(void **state)
{
    (void)state;
    assert_status(OQ_OK, oq_win_install(&plan, hear, NULL, &err), &err);
    SC_HANDLE service = open_service();
    assert_true(DeleteService(service));
    enum oq_status status = oq_win_install(&plan, hear, NULL, &err);
    CloseServiceHandle(service);
    if (status == OQ_OK) {
        print_message("skipped: the system forgets a deleted service at once (Wine)\n");
        skip();
    }
    assert_status(OQ_E_BUSY, status, &err);
    assert_non_null(strstr(err.text, "close the Services window"));
}

static bool may_change(const wchar_t *sddl, uint32_t rights)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    assert_true(ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1,
                                                                     &descriptor, NULL));
    bool is_so = oq_win_may_outsider_change(descriptor, rights);
    LocalFree(descriptor);
    return is_so;
}

/* Lists as they are on a Windows 11 that was just set up. */
static void place__of_windows_and_of_users__are_told_apart(void **state)
{
    (void)state;
    /* C:\Program Files\X */
    const wchar_t *programs = L"O:BAG:SYD:(A;ID;FA;;;S-1-5-80-956008885-3418522649-1831038044-"
                              L"1853292631-2271478464)(A;ID;FA;;;SY)(A;ID;FA;;;BA)"
                              L"(A;ID;0x1200a9;;;BU)(A;OICIIOID;GA;;;CO)(A;ID;0x1200a9;;;AC)";
    assert_false(may_change(programs, FILE_WRITE_DATA | DELETE | WRITE_DAC));
    /* C:\, where users may make folders, and what is below these folders is theirs */
    const wchar_t *drive = L"O:S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
                           L"G:SYD:(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)"
                           L"(A;OICIIO;SDGXGWGR;;;AU)(A;;LC;;;AU)";
    assert_false(may_change(drive, FILE_DELETE_CHILD | DELETE | WRITE_DAC | WRITE_OWNER));
    /* C:\Tools, made by an administrator */
    const wchar_t *tools = L"O:BAG:SYD:(A;OICIID;FA;;;BA)(A;OICIID;FA;;;SY)(A;OICIID;0x1200a9;;;BU)"
                           L"(A;ID;0x1301bf;;;AU)(A;OICIIOID;SDGXGWGR;;;AU)";
    assert_true(may_change(tools, FILE_WRITE_DATA));
    assert_true(may_change(tools, DELETE));
    /* the folder of a user's downloads */
    const wchar_t *downloads = L"O:S-1-5-21-1-2-3-1001G:S-1-5-21-1-2-3-513D:(A;OICIID;FA;;;SY)"
                               L"(A;OICIID;FA;;;BA)(A;OICIID;FA;;;S-1-5-21-1-2-3-1001)";
    assert_true(may_change(downloads, FILE_WRITE_DATA));
    /* an owner may change the list; refusals count for nothing */
    assert_true(may_change(L"O:S-1-5-21-1-2-3-1001G:BAD:(A;;FA;;;SY)", FILE_WRITE_DATA));
    assert_false(may_change(L"O:BAG:BAD:(A;;FA;;;SY)(D;;FA;;;AU)", FILE_WRITE_DATA));
    /* no list: everybody may everything */
    BYTE administrators[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof administrators;
    SECURITY_DESCRIPTOR open;
    assert_true(CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, administrators, &size));
    assert_true(InitializeSecurityDescriptor(&open, SECURITY_DESCRIPTOR_REVISION));
    assert_true(SetSecurityDescriptorOwner(&open, administrators, FALSE));
    assert_true(SetSecurityDescriptorDacl(&open, TRUE, NULL, FALSE));
    assert_true(oq_win_may_outsider_change(&open, FILE_WRITE_DATA));
}

/* The DLL says so when administrators may only read a key of Windows. */
static void install__key_of_windows__is_not_called_a_want_of_rights(void **state)
{
    struct oq_win_plan wrong = plan;
    wchar_t path[MAX_PATH];
    (void)state;
    if (!GetEnvironmentVariableW(L"OQ_BIN_DIR", path, MAX_PATH))
        fail_msg("OQ_BIN_DIR is not set");
    char dll[2 * MAX_PATH];
    snprintf(dll, sizeof dll, "%ls/tests/refusing.dll", path);
    for (char *c = dll; *c; c++)
        if (*c == '/')
            *c = '\\';
    wrong.proxy_dll = dll;
    assert_status(OQ_E_ACCESS_DENIED, oq_win_install(&wrong, hear, NULL, &err), &err);
    assert_non_null(strstr(err.text, "TrustedInstaller"));
    assert_null(strstr(err.text, "elevated"));
    assert_null(open_service());
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(install__nothing_there__creates_what_the_control_manager_shows),
        TEST(install__parts_without_an_argument_of_create_service__are_set),
        TEST(install__twice__brings_the_first_up_to_date),
        TEST(install__event_source__names_the_program),
        TEST(install__dll_missing__creates_nothing),
        TEST(install__dll_that_is_none_of_ours__fails),
        TEST(install__key_of_windows__is_not_called_a_want_of_rights),
        TEST(place__of_windows_and_of_users__are_told_apart),
        TEST(uninstall__installed__leaves_no_trace),
        TEST(uninstall__not_installed__says_so_and_succeeds),
        TEST(uninstall__dll_missing__goes_on),
        TEST(install__former_service_marked_for_deletion__says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
