/* service.c - see service_int.h. */
#include "service_int.h"

#include "console_int.h"
#include "oq_alloc.h"
#include "oq_utf.h"

#include <windows.h>

#include <shlobj.h>

#include <stdio.h>
#include <string.h>

#define NAME L"OpenQMGR"
#define SETTINGS L"SOFTWARE\\OpenQMGR"
#define PAUSE_MS 100
#define START_LIMIT_MS 15000
#define STOP_LIMIT_MS 15000
#define DYING_MS 1000 /* until the service manager has noticed the end of a process */
#define TAIL_BYTES 65536

/* --- the service manager ---------------------------------------------------------------------- */

static SC_HANDLE open_service(DWORD access)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = manager ? OpenServiceW(manager, NAME, access) : NULL;

    if (manager)
        CloseServiceHandle(manager);
    return service;
}

uint32_t oq_service_state(void)
{
    SC_HANDLE service = open_service(SERVICE_QUERY_STATUS);
    SERVICE_STATUS status = {0};

    if (!service)
        return 0;
    if (!QueryServiceStatus(service, &status))
        status.dwCurrentState = 0;
    CloseServiceHandle(service);
    return status.dwCurrentState;
}

/* Does `qmgrsvc run` serve? It says so by this event, while it lives. */
static bool is_run_in_foreground(void)
{
    HANDLE mark = OpenEventW(SYNCHRONIZE, FALSE, L"Global\\OpenQMGR-run");

    if (mark)
        CloseHandle(mark);
    return mark != NULL;
}

bool oq_service_start(void)
{
    SC_HANDLE service = open_service(SERVICE_QUERY_STATUS | SERVICE_START);
    SERVICE_STATUS status = {0};
    bool has_failed = false;

    if (!service)
        return true;
    if (!is_run_in_foreground() && QueryServiceStatus(service, &status) &&
        status.dwCurrentState == SERVICE_STOPPED && StartServiceW(service, 0, NULL)) {
        for (int64_t ms = 0; ms < START_LIMIT_MS; ms += PAUSE_MS) {
            if (!QueryServiceStatus(service, &status) || status.dwCurrentState == SERVICE_RUNNING ||
                oq_console_wait(PAUSE_MS))
                break;
            has_failed =
                status.dwCurrentState == SERVICE_STOPPED && status.dwWin32ExitCode != NO_ERROR;
            if (has_failed)
                break;
        }
    }
    CloseServiceHandle(service);
    return !has_failed;
}

bool oq_service_was_stopped(void)
{
    SC_HANDLE service = open_service(SERVICE_QUERY_STATUS);
    SERVICE_STATUS status = {.dwWin32ExitCode = ERROR_GEN_FAILURE};

    for (int64_t ms = 0; service && QueryServiceStatus(service, &status); ms += PAUSE_MS) {
        bool is_stopping = status.dwCurrentState == SERVICE_STOP_PENDING;
        if (status.dwCurrentState == SERVICE_STOPPED ||
            ms >= (is_stopping ? STOP_LIMIT_MS : DYING_MS) || oq_console_wait(PAUSE_MS))
            break;
    }
    if (service)
        CloseServiceHandle(service);
    return status.dwCurrentState == SERVICE_STOPPED && status.dwWin32ExitCode == NO_ERROR;
}

/* --- the log ---------------------------------------------------------------------------------- */

void oq_service_log_path(char path[OQ_SERVICE_TEXT])
{
    wchar_t folder[512] = L"";
    DWORD size = sizeof folder;
    PWSTR base = NULL;
    char *text = NULL;

    path[0] = '\0';
    bool is_set = RegGetValueW(HKEY_LOCAL_MACHINE, SETTINGS, L"DataFolder", RRF_RT_REG_SZ, NULL,
                               folder, &size) == ERROR_SUCCESS &&
                  folder[0];
    if (!is_set && FAILED(SHGetKnownFolderPath(&FOLDERID_ProgramData, 0, NULL, &base)))
        return;
    if (oq_utf16_to_8((const uint16_t *)(is_set ? folder : base), SIZE_MAX, &text) == OQ_OK)
        snprintf(path, OQ_SERVICE_TEXT, "%s%s\\openqmgr.log", text, is_set ? "" : "\\OpenQMGR");
    oq_free(text);
    CoTaskMemFree(base);
}

/* The end of a file as text; "" when it cannot be read. */
static void read_tail(const char *path, char text[TAIL_BYTES + 1])
{
    uint16_t *wide = NULL;
    LARGE_INTEGER size, from = {0};
    DWORD got = 0;
    HANDLE file = INVALID_HANDLE_VALUE;

    if (oq_utf8_to_16(path, &wide, NULL) == OQ_OK)
        file = CreateFileW((const wchar_t *)wide, GENERIC_READ,
                           FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                           OPEN_EXISTING, 0, NULL);
    oq_free(wide);
    if (file != INVALID_HANDLE_VALUE) {
        if (GetFileSizeEx(file, &size) && size.QuadPart > TAIL_BYTES)
            from.QuadPart = size.QuadPart - TAIL_BYTES;
        if (SetFilePointerEx(file, from, NULL, FILE_BEGIN))
            ReadFile(file, text, TAIL_BYTES, &got, NULL);
        CloseHandle(file);
    }
    text[got] = '\0';
}

void oq_service_last_error(char text[OQ_SERVICE_TEXT])
{
    char path[OQ_SERVICE_TEXT];
    char *tail = oq_malloc(TAIL_BYTES + 1);
    const char *last = NULL;

    oq_service_log_path(path);
    if (tail)
        read_tail(path, tail);
    for (const char *at = tail; at && (at = strstr(at, " ERROR ")); at++)
        last = at + 7;
    if (last)
        snprintf(text, OQ_SERVICE_TEXT, "its log %.300s says: %.*s", path,
                 (int)(strcspn(last, "\r\n") < 600 ? strcspn(last, "\r\n") : 600),
                 last + strspn(last, " "));
    else
        snprintf(text, OQ_SERVICE_TEXT, "see %.300s", path);
    oq_free(tail);
}
