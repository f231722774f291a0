/* install.c - the service's entry with the control manager, the proxy DLL's registration, the event
 * source. No state. */
#include "oq_win_install.h"

#include "oq_alloc.h"
#include "oq_utf.h"
#include "oq_win_support.h"

#include <stdio.h>
#include <string.h>
#include <windows.h>
#include <aclapi.h>
#include <sddl.h>

#define EVENT_KEY "SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\"
#define PRESHUTDOWN_MS 10000u /* the service itself needs 5 s at most */
#define STOP_LIMIT_MS 30000u
#define STOP_POLL_MS 100u
#define DAY_S 86400u

/* Everything an installation needs in UTF-16. */
struct wide_plan {
    wchar_t *name, *display_name, *description, *command, *program, *proxy_dll, *event_key;
    bool has_dll_32;
};

static void wide_release(struct wide_plan *wide)
{
    oq_free(wide->name);
    oq_free(wide->display_name);
    oq_free(wide->description);
    oq_free(wide->command);
    oq_free(wide->program);
    oq_free(wide->proxy_dll);
    oq_free(wide->event_key);
    memset(wide, 0, sizeof *wide);
}

/* NULL gives NULL. */
static enum oq_status widen(const char *text, wchar_t **out)
{
    return text ? oq_utf8_to_16(text, out, NULL) : OQ_OK;
}

/* prefix + text + suffix */
static enum oq_status widen_with(const char *prefix, const char *text, const char *suffix,
                                 wchar_t **out)
{
    if (!text)
        return OQ_OK;
    char *whole = oq_asprintf("%s%s%s", prefix, text, suffix);
    enum oq_status status = whole ? oq_utf8_to_16(whole, out, NULL) : OQ_E_NOMEM;
    oq_free(whole);
    return status;
}

static enum oq_status wide_init(struct wide_plan *wide, const struct oq_win_plan *plan,
                                struct oq_error *err)
{
    enum oq_status status;
    memset(wide, 0, sizeof *wide);
    if ((status = widen(plan->name, &wide->name)) != OQ_OK ||
        (status = widen(plan->display_name, &wide->display_name)) != OQ_OK ||
        (status = widen(plan->description, &wide->description)) != OQ_OK ||
        (status = widen(plan->program, &wide->program)) != OQ_OK ||
        (status = widen(plan->proxy_dll, &wide->proxy_dll)) != OQ_OK ||
        /* Quoted: C:\Program.exe must not be started for C:\Program Files\... (CWE-428). */
        (status = widen_with("\"", plan->program, "\"", &wide->command)) != OQ_OK ||
        (status = widen_with(EVENT_KEY, plan->event_source, "", &wide->event_key)) != OQ_OK) {
        wide_release(wide);
        return oq_error_set(err, status, "the names of the service cannot be used");
    }
    wchar_t *dll_32 = NULL;
    wide->has_dll_32 = plan->proxy_dll_32 && widen(plan->proxy_dll_32, &dll_32) == OQ_OK &&
                       GetFileAttributesW(dll_32) != INVALID_FILE_ATTRIBUTES;
    oq_free(dll_32);
    return OQ_OK;
}

static void say(oq_win_said *said, void *ctx, const char *fmt, ...) OQ_PRINTF(3, 4);
static void say(oq_win_said *said, void *ctx, const char *fmt, ...)
{
    char sentence[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, args);
    va_end(args);
    said(ctx, sentence);
}

/* The failures a user can do something about, in their words; the others in the system's. */
static enum oq_status explain(struct oq_error *err, DWORD win32, const char *name, const char *what)
{
    switch (win32) {
    case ERROR_ACCESS_DENIED:
        return oq_error_win32(
            err, OQ_E_ACCESS_DENIED, win32,
            "%s: administrator rights are needed; run this from an elevated command prompt", what);
    case ERROR_SERVICE_MARKED_FOR_DELETE:
        return oq_error_win32(
            err, OQ_E_BUSY, win32,
            "%s: the former service %s is marked for deletion, but some program still uses its "
            "entry; "
            "close the Services window and other tools, or restart the computer, and repeat this",
            what, name);
    case ERROR_DUPLICATE_SERVICE_NAME:
        return oq_error_win32(err, OQ_E_EXISTS, win32,
                              "%s: another service has this display name already", what);
    /* The DLL's word for a key that it may only read though the caller is an administrator
     * (proxy-stub/register_int.h). */
    case ERROR_PRIVILEGE_NOT_HELD:
        return oq_error_win32(
            err, OQ_E_ACCESS_DENIED, win32,
            "%s: the registry key of the legacy class or of an interface belongs to Windows "
            "(TrustedInstaller), and administrators may only read it; nothing was changed. Without "
            "--legacy that class is left alone",
            what);
    default:
        return oq_win_fail(err, win32, "%s", what);
    }
}

/* --- where the program lies ------------------------------------------------------------------- */

#define TAKE (DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL)
#define CHANGE_FILE (FILE_WRITE_DATA | FILE_APPEND_DATA | TAKE)
#define CHANGE_FOLDER (FILE_ADD_FILE | FILE_DELETE_CHILD | TAKE)
#define CHANGE_FOLDER_ABOVE (FILE_DELETE_CHILD | TAKE) /* more folders in it do no harm */

/* The installer service of Windows, which owns Windows' own files; the same on every computer. */
#define TRUSTED_INSTALLER L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

static bool is_trusted(PSID sid)
{
    PSID installer = NULL;
    bool is_installer =
        ConvertStringSidToSidW(TRUSTED_INSTALLER, &installer) && EqualSid(sid, installer);
    LocalFree(installer);
    return is_installer || IsWellKnownSid(sid, WinLocalSystemSid) ||
           IsWellKnownSid(sid, WinBuiltinAdministratorsSid) ||
           IsWellKnownSid(sid, WinCreatorOwnerSid); /* stands in entries for what comes later */
}

bool oq_win_may_outsider_change(void *descriptor, uint32_t rights)
{
    BOOL is_present = FALSE, is_default = FALSE;
    PSID owner = NULL;
    PACL list = NULL;
    /* The owner may change the list. */
    if (!GetSecurityDescriptorOwner(descriptor, &owner, &is_default) || !owner ||
        !is_trusted(owner) ||
        !GetSecurityDescriptorDacl(descriptor, &is_present, &list, &is_default) || !is_present ||
        !list)
        return true;
    for (DWORD i = 0; i < list->AceCount; i++) {
        ACCESS_ALLOWED_ACE *entry = NULL;
        if (!GetAce(list, i, (void **)&entry))
            return true;
        /* Entries that refuse are not counted in anybody's favour; those of other kinds allow
         * nothing. The two kinds that allow begin alike. */
        if ((entry->Header.AceType == ACCESS_ALLOWED_ACE_TYPE ||
             entry->Header.AceType == ACCESS_ALLOWED_CALLBACK_ACE_TYPE) &&
            !(entry->Header.AceFlags & INHERIT_ONLY_ACE) && (entry->Mask & rights) &&
            !is_trusted(&entry->SidStart))
            return true;
    }
    return false;
}

static enum oq_status check_place(const wchar_t *path, DWORD rights, struct oq_error *err)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    enum oq_status status = OQ_OK;
    DWORD win32 = GetNamedSecurityInfoW(path, SE_FILE_OBJECT,
                                        OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                                        NULL, NULL, NULL, NULL, &descriptor);
    if (win32 == ERROR_FILE_NOT_FOUND || win32 == ERROR_PATH_NOT_FOUND)
        return OQ_OK; /* the 32-bit DLL; the others are missed when they are needed */
    if (win32 != ERROR_SUCCESS || oq_win_may_outsider_change(descriptor, rights)) {
        char *name = NULL;
        (void)!oq_utf16_to_8(path, SIZE_MAX, &name);
        status = oq_error_win32(err, OQ_E_ACCESS_DENIED, win32,
                                "%s: others than administrators may change it, and the service "
                                "would run it as LocalSystem. Put the files into a folder below "
                                "%%ProgramFiles%%, or insist with --force",
                                name ? name : "the program");
        oq_free(name);
    }
    LocalFree(descriptor);
    return status;
}

/* The file, its folder, and those above it up to the drive's, which are enough to put another one
 * in its place. */
static enum oq_status check_file(const char *file, struct oq_error *err)
{
    wchar_t *path = NULL;
    DWORD rights = CHANGE_FILE;
    if (!file)
        return OQ_OK;
    enum oq_status status = oq_utf8_to_16(file, &path, NULL);
    if (status != OQ_OK)
        return oq_error_set(err, status, "the name of the program cannot be used");
    for (wchar_t *end = NULL; status == OQ_OK;
         rights = rights == CHANGE_FILE ? CHANGE_FOLDER : CHANGE_FOLDER_ABOVE) {
        status = check_place(path, rights, err);
        end = wcsrchr(path, L'\\');
        if (!end || end[1] == L'\0') /* "C:\" was the last one */
            break;
        end[end[-1] == L':'] = L'\0';
    }
    oq_free(path);
    return status;
}

/* A program in a folder of downloads, or of another drive, gives LocalSystem's rights to each
 * user who may write there. Wine has one user, who may change everything. */
static enum oq_status check_files(const struct oq_win_plan *plan, struct oq_error *err)
{
    const char *const files[] = {plan->program, plan->proxy_dll, plan->proxy_dll_32};
    enum oq_status status = OQ_OK;
    if (plan->is_forced || oq_win_is_wine())
        return OQ_OK;
    for (size_t i = 0; status == OQ_OK && i < ARRAYSIZE(files); i++)
        status = check_file(files[i], err);
    return status;
}

/* --- the proxy DLL ---------------------------------------------------------------------------- */

typedef HRESULT WINAPI dll_function(void);
typedef HRESULT WINAPI dll_install_function(BOOL install, const wchar_t *words);

static HRESULT call_function(HMODULE dll, const char *function)
{
    FARPROC address = GetProcAddress(dll, function);
    if (!address)
        return HRESULT_FROM_WIN32(ERROR_PROC_NOT_FOUND);
    if (strcmp(function, "DllInstall") == 0) /* regsvr32 /i:legacy */
        return ((dll_install_function *)(void *)address)(TRUE, L"legacy");
    return ((dll_function *)(void *)address)();
}

/* `function` is DllRegisterServer, DllUnregisterServer or DllInstall. */
static enum oq_status call_dll(const struct oq_win_plan *plan, const struct wide_plan *wide,
                               const char *function, struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    /* What the DLL needs is looked for beside it and among Windows' own, nowhere else. */
    HMODULE dll = LoadLibraryExW(wide->proxy_dll, NULL,
                                 LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (!dll)
        return oq_win_fail(
            err, GetLastError() == ERROR_MOD_NOT_FOUND ? ERROR_FILE_NOT_FOUND : GetLastError(),
            "%s cannot be loaded", plan->proxy_dll);
    HRESULT result = call_function(dll, function);
    if (FAILED(result) && (HRESULT_CODE(result) == ERROR_ACCESS_DENIED ||
                           HRESULT_CODE(result) == ERROR_PRIVILEGE_NOT_HELD))
        status = explain(err, (DWORD)HRESULT_CODE(result), plan->name,
                         "the interfaces cannot be registered");
    else if (FAILED(result))
        status = oq_error_win32(err, OQ_E_IO, (uint32_t)result, "%s of %s failed (0x%08lx)",
                                function, plan->proxy_dll, (unsigned long)result);
    FreeLibrary(dll);
    return status;
}

/* --- the event source ------------------------------------------------------------------------- */

static LSTATUS save_event_source(const struct wide_plan *wide)
{
    HKEY key = NULL;
    DWORD types = EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE;
    LSTATUS result = RegCreateKeyExW(HKEY_LOCAL_MACHINE, wide->event_key, 0, NULL, 0, KEY_SET_VALUE,
                                     NULL, &key, NULL);
    if (result != ERROR_SUCCESS)
        return result;
    result = RegSetValueExW(key, L"EventMessageFile", 0, REG_SZ, (const BYTE *)wide->program,
                            (DWORD)((wcslen(wide->program) + 1) * sizeof *wide->program));
    if (result == ERROR_SUCCESS)
        result = RegSetValueExW(key, L"TypesSupported", 0, REG_DWORD, (const BYTE *)&types,
                                sizeof types);
    RegCloseKey(key);
    return result;
}

/* --- the service ------------------------------------------------------------------------------ */

/* What CreateService has no argument for. Each is worth having and none is worth failing for. */
static void configure(SC_HANDLE service, const struct wide_plan *wide, oq_win_said *said, void *ctx)
{
    SERVICE_DESCRIPTIONW description = {.lpDescription = wide->description};
    SERVICE_DELAYED_AUTO_START_INFO delayed = {.fDelayedAutostart = TRUE};
    SERVICE_PRESHUTDOWN_INFO preshutdown = {.dwPreshutdownTimeout = PRESHUTDOWN_MS};
    SERVICE_SID_INFO sid = {.dwServiceSidType = SERVICE_SID_TYPE_UNRESTRICTED};
    /* After 5 s, a minute, then every ten minutes: a crash in a loop must not busy the machine. */
    SC_ACTION steps[] = {
        {SC_ACTION_RESTART, 5000}, {SC_ACTION_RESTART, 60000}, {SC_ACTION_RESTART, 600000}};
    SERVICE_FAILURE_ACTIONSW actions = {
        .dwResetPeriod = DAY_S, .cActions = sizeof steps / sizeof steps[0], .lpsaActions = steps};
    /* A start that failed counts as well: the disk with the queue may come later. */
    SERVICE_FAILURE_ACTIONS_FLAG flag = {.fFailureActionsOnNonCrashFailures = TRUE};
    const struct {
        DWORD level;
        void *info;
        const char *what;
    } parts[] = {
        {SERVICE_CONFIG_DESCRIPTION, &description, "description"},
        {SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &delayed, "delayed start"},
        {SERVICE_CONFIG_PRESHUTDOWN_INFO, &preshutdown, "time at shutdown"},
        {SERVICE_CONFIG_SERVICE_SID_INFO, &sid, "service SID"},
        {SERVICE_CONFIG_FAILURE_ACTIONS, &actions, "restart after a crash"},
        {SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &flag, "restart after a failed start"},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!ChangeServiceConfig2W(service, parts[i].level, parts[i].info))
            say(said, ctx, "not set, the system does not take it: %s (%lu)", parts[i].what,
                (unsigned long)GetLastError());
}

/* SERVICE_START: for the restart actions */
#define WANTED (SERVICE_CHANGE_CONFIG | SERVICE_QUERY_STATUS | SERVICE_START)

static enum oq_status save_service(const struct oq_win_plan *plan, const struct wide_plan *wide,
                                   SC_HANDLE manager, oq_win_said *said, void *ctx,
                                   struct oq_error *err)
{
    SC_HANDLE service = CreateServiceW(
        manager, wide->name, wide->display_name, WANTED, SERVICE_WIN32_OWN_PROCESS,
        SERVICE_AUTO_START, SERVICE_ERROR_NORMAL, wide->command, NULL, NULL, NULL, NULL, NULL);
    bool is_new = service != NULL;
    if (!service && GetLastError() == ERROR_SERVICE_EXISTS) {
        service = OpenServiceW(manager, wide->name, WANTED);
        /* LocalSystem by name: another account may have been set. */
        if (service && !ChangeServiceConfigW(service, SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
                                             SERVICE_ERROR_NORMAL, wide->command, NULL, NULL, NULL,
                                             L"LocalSystem", L"", wide->display_name)) {
            DWORD win32 = GetLastError();
            CloseServiceHandle(service);
            return explain(err, win32, plan->name, "the service cannot be changed");
        }
    }
    if (!service)
        return explain(err, GetLastError(), plan->name, "the service cannot be created");
    configure(service, wide, said, ctx);
    CloseServiceHandle(service);
    say(said, ctx, is_new ? "service %s: created" : "service %s: was there, brought up to date",
        plan->name);
    return OQ_OK;
}

enum oq_status oq_win_install(const struct oq_win_plan *plan, oq_win_said *said, void *ctx,
                              struct oq_error *err)
{
    struct wide_plan wide;
    SC_HANDLE manager = NULL;
    enum oq_status status = check_files(plan, err);
    if (status == OQ_OK)
        status = wide_init(&wide, plan, err);
    if (status != OQ_OK)
        return status;
    /* First the question whether we may at all, so that nothing is half done for want of rights. */
    manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    if (!manager) {
        status = explain(err, GetLastError(), plan->name, "the service cannot be installed");
        goto out;
    }
    if (wide.proxy_dll) {
        status = call_dll(plan, &wide, "DllRegisterServer", err);
        if (status != OQ_OK)
            goto out;
        if (plan->takes_legacy) {
            status = call_dll(plan, &wide, "DllInstall", err);
            if (status != OQ_OK)
                goto out;
        }
        say(said, ctx, "interfaces: registered by %s%s%s", plan->proxy_dll,
            wide.has_dll_32 ? ", and for 32-bit programs" : "",
            plan->takes_legacy ? ", the legacy class among them" : "");
        if (plan->proxy_dll_32 && !wide.has_dll_32)
            say(said, ctx, "32-bit programs find no interfaces: %s is not there",
                plan->proxy_dll_32);
    }
    if (wide.event_key && save_event_source(&wide) != ERROR_SUCCESS)
        say(said, ctx,
            "event source %s: could not be registered; events will show without their text",
            plan->event_source);
    status = save_service(plan, &wide, manager, said, ctx, err);
out:
    if (manager)
        CloseServiceHandle(manager);
    wide_release(&wide);
    return status;
}

/* --- and away again --------------------------------------------------------------------------- */

static enum oq_status stop(const struct oq_win_plan *plan, SC_HANDLE service, oq_win_said *said,
                           void *ctx, struct oq_error *err)
{
    SERVICE_STATUS state;
    if (!ControlService(service, SERVICE_CONTROL_STOP, &state)) {
        DWORD win32 = GetLastError();
        if (win32 == ERROR_SERVICE_NOT_ACTIVE)
            return OQ_OK;
        /* While it starts or stops it takes no control: one code for that by Windows, the other by
         * Wine. */
        if (win32 != ERROR_SERVICE_CANNOT_ACCEPT_CTRL && win32 != ERROR_INVALID_SERVICE_CONTROL)
            return explain(err, win32, plan->name, "the service cannot be stopped");
    }
    for (ULONGLONG began = GetTickCount64(); GetTickCount64() - began < STOP_LIMIT_MS;
         Sleep(STOP_POLL_MS)) {
        if (!QueryServiceStatus(service, &state))
            return explain(err, GetLastError(), plan->name,
                           "the service cannot be asked for its state");
        if (state.dwCurrentState == SERVICE_STOPPED) {
            say(said, ctx, "service %s: stopped", plan->name);
            return OQ_OK;
        }
        if (state.dwCurrentState == SERVICE_RUNNING) /* it was starting when we asked first */
            ControlService(service, SERVICE_CONTROL_STOP, &state);
    }
    return oq_error_win32(
        err, OQ_E_TIMEOUT, ERROR_SERVICE_REQUEST_TIMEOUT,
        "the service %s has not stopped within %u seconds; end its process and repeat this",
        plan->name, STOP_LIMIT_MS / 1000);
}

static enum oq_status delete_service(const struct oq_win_plan *plan, const struct wide_plan *wide,
                                     SC_HANDLE manager, oq_win_said *said, void *ctx,
                                     struct oq_error *err)
{
    enum oq_status status;
    SC_HANDLE service =
        OpenServiceW(manager, wide->name, SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE);
    if (!service) {
        DWORD win32 = GetLastError();
        if (win32 != ERROR_SERVICE_DOES_NOT_EXIST)
            return explain(err, win32, plan->name, "the service cannot be removed");
        say(said, ctx, "service %s: was not installed", plan->name);
        return OQ_OK;
    }
    status = stop(plan, service, said, ctx, err);
    if (status != OQ_OK)
        goto out;
    if (!DeleteService(service)) {
        status = explain(err, GetLastError(), plan->name, "the service cannot be removed");
        goto out;
    }
    CloseServiceHandle(service);
    service = OpenServiceW(manager, wide->name, SERVICE_QUERY_STATUS);
    say(said, ctx,
        service ? "service %s: goes as soon as no other program uses its entry (close the Services "
                  "window)"
                : "service %s: removed",
        plan->name);
out:
    if (service)
        CloseServiceHandle(service);
    return status;
}

enum oq_status oq_win_uninstall(const struct oq_win_plan *plan, oq_win_said *said, void *ctx,
                                struct oq_error *err)
{
    struct wide_plan wide;
    SC_HANDLE manager = NULL;
    enum oq_status status = wide_init(&wide, plan, err);
    if (status != OQ_OK)
        return status;
    manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    if (!manager) {
        status = explain(err, GetLastError(), plan->name, "the service cannot be removed");
        goto out;
    }
    if (wide.proxy_dll) {
        status = call_dll(plan, &wide, "DllUnregisterServer", err);
        if (status == OQ_OK)
            say(said, ctx, "interfaces: unregistered by %s", plan->proxy_dll);
        else if (status == OQ_E_FILE_MISSING) /* a half-deleted installation must be removable */
            say(said, ctx, "interfaces: left as they are, %s is not there", plan->proxy_dll);
        else
            goto out;
    }
    status = delete_service(plan, &wide, manager, said, ctx, err);
    if (status != OQ_OK)
        goto out;
    if (wide.event_key)
        RegDeleteKeyW(HKEY_LOCAL_MACHINE, wide.event_key);
out:
    if (manager)
        CloseServiceHandle(manager);
    wide_release(&wide);
    return status;
}
