/* support.c - Win32 codes and the surroundings of the process. Any thread; no state. */
#include "oq_win_support.h"

#include "oq_alloc.h"
#include "oq_utf.h"

#include <stdio.h>
#include <string.h>
#include <windows.h>

/* MinGW-w64 10 does not know these. */
#ifndef ERROR_STOPPED_ON_SYMLINK
#define ERROR_STOPPED_ON_SYMLINK 681
#endif
#ifndef ERROR_DISK_QUOTA_EXCEEDED
#define ERROR_DISK_QUOTA_EXCEEDED 1295
#endif

_Static_assert(sizeof(wchar_t) == sizeof(uint16_t), "wchar_t is a UTF-16 unit");

/* clang-format off */
static const struct {
    uint32_t win32;
    enum oq_status status;
} meanings[] = {
    {ERROR_SUCCESS,                 OQ_OK},
    {ERROR_NOT_ENOUGH_MEMORY,       OQ_E_NOMEM},
    {ERROR_OUTOFMEMORY,             OQ_E_NOMEM},
    {ERROR_NO_SYSTEM_RESOURCES,     OQ_E_NOMEM},
    {ERROR_COMMITMENT_LIMIT,        OQ_E_NOMEM},

    {ERROR_FILE_NOT_FOUND,          OQ_E_FILE_MISSING},
    {ERROR_PATH_NOT_FOUND,          OQ_E_FILE_MISSING},
    {ERROR_INVALID_DRIVE,           OQ_E_FILE_MISSING},
    {ERROR_BAD_NETPATH,             OQ_E_FILE_MISSING},
    {ERROR_BAD_NET_NAME,            OQ_E_FILE_MISSING},
    {ERROR_BAD_PATHNAME,            OQ_E_FILE_MISSING},
    {ERROR_INVALID_NAME,            OQ_E_FILE_MISSING},
    {ERROR_DIRECTORY,               OQ_E_FILE_MISSING}, /* a segment of the path is a file */

    {ERROR_ACCESS_DENIED,           OQ_E_ACCESS_DENIED},
    {ERROR_WRITE_PROTECT,           OQ_E_ACCESS_DENIED},
    {ERROR_NETWORK_ACCESS_DENIED,   OQ_E_ACCESS_DENIED},
    {ERROR_PRIVILEGE_NOT_HELD,      OQ_E_ACCESS_DENIED},
    {ERROR_LOGON_FAILURE,           OQ_E_ACCESS_DENIED},
    {ERROR_BAD_IMPERSONATION_LEVEL, OQ_E_ACCESS_DENIED},
    {ERROR_CANT_OPEN_ANONYMOUS,     OQ_E_ACCESS_DENIED},
    {ERROR_CANT_ACCESS_FILE,        OQ_E_ACCESS_DENIED},
    {ERROR_STOPPED_ON_SYMLINK,      OQ_E_ACCESS_DENIED},
    {ERROR_INVALID_OWNER,           OQ_E_ACCESS_DENIED},
    {ERROR_NO_SUCH_LOGON_SESSION,   OQ_E_OWNER_ABSENT}, /* the saved token's session is gone */

    {ERROR_SHARING_VIOLATION,       OQ_E_FILE_LOCKED},
    {ERROR_LOCK_VIOLATION,          OQ_E_FILE_LOCKED},
    {ERROR_USER_MAPPED_FILE,        OQ_E_FILE_LOCKED},
    {ERROR_DELETE_PENDING,          OQ_E_FILE_LOCKED},

    {ERROR_FILE_EXISTS,             OQ_E_EXISTS},
    {ERROR_ALREADY_EXISTS,          OQ_E_EXISTS},

    {ERROR_DISK_FULL,               OQ_E_DISK_FULL},
    {ERROR_HANDLE_DISK_FULL,        OQ_E_DISK_FULL},
    {ERROR_DISK_QUOTA_EXCEEDED,     OQ_E_DISK_FULL},

    {WAIT_TIMEOUT,                  OQ_E_TIMEOUT},
    {ERROR_TIMEOUT,                 OQ_E_TIMEOUT},
    {ERROR_NOT_SUPPORTED,           OQ_E_NOT_SUPPORTED},
};
/* clang-format on */

enum oq_status oq_win_status(uint32_t win32)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (meanings[i].win32 == win32)
            return meanings[i].status;
    return OQ_E_IO;
}

void oq_win_describe(uint32_t win32, char *text, size_t capacity)
{
    wchar_t wide[512];
    char *narrow = NULL;
    if (capacity == 0)
        return;
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS |
                                      FORMAT_MESSAGE_MAX_WIDTH_MASK,
                                  NULL, win32, 0, wide, sizeof wide / sizeof wide[0], NULL);
    while (length > 0 && (wide[length - 1] <= L' ' || wide[length - 1] == L'.'))
        length--;
    if (length > 0 && oq_utf16_to_8(wide, length, &narrow) == OQ_OK)
        snprintf(text, capacity, "%s", narrow);
    else
        snprintf(text, capacity, "error %lu", (unsigned long)win32);
    oq_free(narrow);
}

enum oq_status oq_win_fail(struct oq_error *err, uint32_t win32, const char *fmt, ...)
{
    enum oq_status status = win32 == ERROR_SUCCESS ? OQ_E_IO : oq_win_status(win32);
    char what[160], words[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    for (size_t length = strlen(what); length > 0 && !oq_utf8_is_valid(what, length);)
        what[--length] = '\0'; /* it was cut within a character */
    if (win32 == ERROR_SUCCESS)
        return oq_error_set(err, status, "%s: the system does not say why", what);
    oq_win_describe(win32, words, sizeof words);
    return oq_error_win32(err, status, win32, "%s: %s (%lu)", what, words, (unsigned long)win32);
}

void oq_win_print(bool is_error, const char *text)
{
    HANDLE handle = GetStdHandle(is_error ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE);
    DWORD mode, written;
    uint16_t *wide = NULL;
    size_t units = 0;
    if (!handle || handle == INVALID_HANDLE_VALUE)
        return;
    if (GetConsoleMode(handle, &mode)) {
        if (oq_utf8_to_16(text, &wide, &units) == OQ_OK)
            WriteConsoleW(handle, wide, (DWORD)units, &written, NULL);
        oq_free(wide);
        return;
    }
    for (size_t left = strlen(text); left > 0; text += written, left -= written)
        if (!WriteFile(handle, text, (DWORD)left, &written, NULL) || written == 0)
            return;
}

bool oq_win_is_wine(void)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    return ntdll && GetProcAddress(ntdll, "wine_get_version");
}

enum oq_status oq_win_program_path(char **out, struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    wchar_t *wide = NULL;
    for (DWORD capacity = 512;; capacity *= 2) {
        wchar_t *larger = oq_realloc(wide, capacity * sizeof *wide);
        if (!larger) {
            status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
            goto out;
        }
        wide = larger;
        DWORD length = GetModuleFileNameW(NULL, wide, capacity);
        if (length == 0 || capacity > 65536) {
            status = oq_win_fail(err, GetLastError(), "cannot tell the path of the program");
            goto out;
        }
        if (length < capacity) {
            status = oq_utf16_to_8(wide, length, out);
            if (status != OQ_OK)
                oq_error_set(err, status, "cannot tell the path of the program");
            goto out;
        }
    }
out:
    oq_free(wide);
    return status;
}

enum oq_status oq_win_beside_program(const char *name, char **out, struct oq_error *err)
{
    char *program = NULL;
    enum oq_status status = oq_win_program_path(&program, err);
    if (status != OQ_OK)
        return status;
    char *slash = strrchr(program, '\\');
    if (slash)
        *slash = '\0';
    char *path = oq_asprintf("%s\\%s", slash ? program : ".", name);
    oq_free(program);
    if (!path)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    *out = path;
    return OQ_OK;
}

static bool is_separator(char c)
{
    return c == '\\' || c == '/';
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

enum oq_status oq_win_long_path(const char *path, wchar_t **out, struct oq_error *err)
{
    const char *prefix = "";
    const char *rest = path;
    if (strncmp(path, "\\\\?\\", 4) == 0) {
        prefix = "";
    } else if (is_separator(path[0]) && is_separator(path[1]) && path[2] != '\0') {
        prefix = "\\\\?\\UNC\\";
        rest = path + 2;
    } else if (is_letter(path[0]) && path[1] == ':' && is_separator(path[2])) {
        prefix = "\\\\?\\";
    } else {
        return oq_error_set(err, OQ_E_INVALID_ARG, "not an absolute path: %s", path);
    }
    char *whole = oq_asprintf("%s%s", prefix, rest);
    if (!whole)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    for (char *c = whole; *c; c++)
        if (*c == '/')
            *c = '\\';
    enum oq_status status = oq_utf8_to_16(whole, out, NULL);
    oq_free(whole);
    return status == OQ_OK ? OQ_OK : oq_error_set(err, status, "not a usable path: %s", path);
}
