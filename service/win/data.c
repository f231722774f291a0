/* data.c - creating, checking, locking and emptying the data folder. No state but what oq_win_data
 * holds. */
#include "oq_win_data.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "oq_utf.h"
#include "oq_win_support.h"

#include <stdio.h>
#include <string.h>
#include <windows.h>
#include <aclapi.h>
#include <sddl.h>
#include <shlobj.h>

#define LOCK_NAME "qmgrsvc.lock"
#define LOCK_TRY_MS 3000u
#define LOCK_STEP_MS 50u
#define ATTEMPTS 3 /* another user may create the folder again between two steps */

/* Owner: Administrators. Protected (P): nothing is inherited from %ProgramData%, where Users may
 * create files. Full access, on to files and folders below (OICI), for LocalSystem and
 * Administrators. */
#define FOLDER_SDDL "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"

enum oq_status oq_win_data_default(char **out, struct oq_error *err)
{
    wchar_t *wide = NULL;
    char *base = NULL;
    enum oq_status status;
    HRESULT result = SHGetKnownFolderPath(&FOLDERID_ProgramData, KF_FLAG_DEFAULT, NULL, &wide);
    if (FAILED(result)) {
        status = oq_error_win32(err, OQ_E_IO, (uint32_t)result,
                                "the folder for program data is unknown (0x%08lx)",
                                (unsigned long)result);
        goto out;
    }
    status = oq_utf16_to_8(wide, SIZE_MAX, &base);
    if (status != OQ_OK) {
        oq_error_set(err, status, "the folder for program data cannot be used");
        goto out;
    }
    char *whole = oq_asprintf("%s\\OpenQMGR", base);
    if (whole)
        *out = whole;
    else
        status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
out:
    CoTaskMemFree(wide);
    oq_free(base);
    return status;
}

/* --- who owns a folder ------------------------------------------------------------------------ */

static bool is_trusted(PSID owner, const char *own_sid)
{
    wchar_t *text = NULL;
    char *sid = NULL;
    bool is_ours = false;
    if (IsWellKnownSid(owner, WinLocalSystemSid) ||
        IsWellKnownSid(owner, WinBuiltinAdministratorsSid))
        return true;
    if (ConvertSidToStringSidW(owner, &text) && oq_utf16_to_8(text, SIZE_MAX, &sid) == OQ_OK)
        is_ours = strcmp(sid, own_sid) == 0;
    oq_free(sid);
    LocalFree(text);
    return is_ours;
}

/* Checks the folder through one handle: is it one, and may we trust it? OQ_E_ACCESS_DENIED if
 * not. */
static enum oq_status examine(HANDLE handle, const char *own_sid, struct oq_error *err)
{
    BY_HANDLE_FILE_INFORMATION info;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PSID owner = NULL;
    enum oq_status status = OQ_OK;
    if (!GetFileInformationByHandle(handle, &info))
        return oq_win_fail(err, GetLastError(), "the data folder cannot be examined");
    if (info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT)
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_CANT_ACCESS_FILE,
                              "the data folder is a link");
    if (!(info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY))
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_DIRECTORY,
                              "a file stands in the data folder's place");
    DWORD win32 = GetSecurityInfo(handle, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL,
                                  NULL, NULL, &descriptor);
    if (win32 != ERROR_SUCCESS)
        return oq_win_fail(err, win32, "the owner of the data folder cannot be read");
    if (!is_trusted(owner, own_sid))
        status = oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_INVALID_OWNER,
                                "the data folder belongs to a user who is not an administrator");
    LocalFree(descriptor);
    return status;
}

static HANDLE open_folder(const wchar_t *path, DWORD access)
{
    return CreateFileW(path, access | FILE_READ_ATTRIBUTES | READ_CONTROL,
                       FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                       FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
}

/* --- making it -------------------------------------------------------------------------------- */

/* Who runs this without being LocalSystem or an administrator must get in, too. */
static enum oq_status new_descriptor(const char *own_sid, PSECURITY_DESCRIPTOR *out,
                                     struct oq_error *err)
{
    wchar_t *wide = NULL;
    bool is_system = strcmp(own_sid, "S-1-5-18") == 0;
    char *text = is_system ? oq_strdup(FOLDER_SDDL)
                           : oq_asprintf("%s(A;OICI;FA;;;%s)", FOLDER_SDDL, own_sid);
    enum oq_status status = text ? oq_utf8_to_16(text, &wide, NULL) : OQ_E_NOMEM;
    oq_free(text);
    if (status != OQ_OK)
        return oq_error_set(err, status, "out of memory");
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(wide, SDDL_REVISION_1, out, NULL))
        status =
            oq_win_fail(err, GetLastError(), "the permissions of the data folder cannot be made");
    oq_free(wide);
    return status;
}

static enum oq_status create(const wchar_t *path, PSECURITY_DESCRIPTOR descriptor, bool *is_new,
                             struct oq_error *err)
{
    SECURITY_ATTRIBUTES attributes = {.nLength = sizeof attributes,
                                      .lpSecurityDescriptor = descriptor};
    *is_new = CreateDirectoryW(path, &attributes) != FALSE;
    if (*is_new || GetLastError() == ERROR_ALREADY_EXISTS)
        return OQ_OK;
    return oq_win_fail(err, GetLastError(), "the data folder cannot be created");
}

static enum oq_status set_aside(const wchar_t *path, const char *why, struct oq_error *err)
{
    SYSTEMTIME now;
    wchar_t other[1024];
    GetSystemTime(&now);
    int length = _snwprintf(
        other, sizeof other / sizeof other[0], L"%s.untrusted-%04u%02u%02u%02u%02u%02u%03u", path,
        now.wYear, now.wMonth, now.wDay, now.wHour, now.wMinute, now.wSecond, now.wMilliseconds);
    if (length < 0 || (size_t)length >= sizeof other / sizeof other[0])
        return oq_error_set(err, OQ_E_IO, "the path of the data folder is too long");
    if (!MoveFileExW(path, other, 0))
        return oq_win_fail(err, GetLastError(), "%s, and it cannot be set aside", why);
    oq_log_warning("data folder: %s; it was renamed to *.untrusted-* and is not used", why);
    return OQ_OK;
}

/* Also for a folder from an installation with other permissions; what is inside inherits them. */
static void set_permissions(HANDLE handle, PSECURITY_DESCRIPTOR descriptor)
{
    BOOL is_present = FALSE, is_default = FALSE;
    PACL list = NULL;
    if (!GetSecurityDescriptorDacl(descriptor, &is_present, &list, &is_default) || !is_present)
        return;
    DWORD win32 = SetSecurityInfo(handle, SE_FILE_OBJECT,
                                  DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                                  NULL, NULL, list, NULL);
    if (win32 != ERROR_SUCCESS)
        oq_log_warning("data folder: its permissions cannot be set (%lu)", (unsigned long)win32);
}

static enum oq_status prepare(enum oq_win_data_source source, const wchar_t *path,
                              const char *own_sid, struct oq_error *err)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    HANDLE handle = INVALID_HANDLE_VALUE;
    struct oq_error why;
    bool is_new = false;
    enum oq_status status = new_descriptor(own_sid, &descriptor, err);
    for (int i = 0; status == OQ_OK && i < ATTEMPTS; i++) {
        status = create(path, descriptor, &is_new, err);
        if (status != OQ_OK || is_new || source == OQ_WIN_DATA_GIVEN)
            break;
        handle = open_folder(path, source == OQ_WIN_DATA_DEFAULT ? WRITE_DAC : 0);
        if (handle == INVALID_HANDLE_VALUE) {
            status = oq_win_fail(err, GetLastError(), "the data folder cannot be opened");
            break;
        }
        oq_error_init(&why);
        status = examine(handle, own_sid, &why);
        if (status == OQ_OK && source == OQ_WIN_DATA_DEFAULT)
            set_permissions(handle, descriptor);
        CloseHandle(handle);
        if (status != OQ_E_ACCESS_DENIED || source != OQ_WIN_DATA_DEFAULT) {
            if (status != OQ_OK)
                oq_error_win32(err, status, why.win32, "%s", why.text);
            break;
        }
        status = set_aside(path, why.text, err);
        if (status == OQ_OK && i == ATTEMPTS - 1)
            status =
                oq_error_set(err, OQ_E_ACCESS_DENIED, "somebody keeps planting the data folder");
    }
    LocalFree(descriptor);
    return status;
}

/* --- the lock --------------------------------------------------------------------------------- */

static enum oq_status lock_path(const char *folder, wchar_t **out, struct oq_error *err)
{
    char *path = oq_asprintf("%s\\" LOCK_NAME, folder);
    if (!path)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    enum oq_status status = oq_win_long_path(path, out, err);
    oq_free(path);
    return status;
}

/* An own handle that admits no other. A scanner or an indexer may have the file open for some
 * 100 ms, and a service that was ended a moment ago until Windows has closed its handles; so it is
 * tried again before the folder counts as taken. The file stays when the lock goes: deleted with
 * its last handle, its name would be refused (error 5) as long as another process has it open. */
static enum oq_status take_lock(const char *folder, HANDLE *out, struct oq_error *err)
{
    wchar_t *path = NULL;
    HANDLE handle;
    DWORD win32 = 0;
    enum oq_status status = lock_path(folder, &path, err);
    if (status != OQ_OK)
        return status;
    for (unsigned ms = 0;; ms += LOCK_STEP_MS) {
        handle = CreateFileW(path, GENERIC_WRITE, 0, NULL, OPEN_ALWAYS,
                             FILE_ATTRIBUTE_HIDDEN | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
        win32 = GetLastError();
        if (handle != INVALID_HANDLE_VALUE || ms >= LOCK_TRY_MS ||
            (win32 != ERROR_SHARING_VIOLATION && win32 != ERROR_ACCESS_DENIED &&
             win32 != ERROR_DELETE_PENDING))
            break;
        Sleep(LOCK_STEP_MS);
    }
    oq_free(path);
    if (handle != INVALID_HANDLE_VALUE) {
        *out = handle;
        return OQ_OK;
    }
    if (oq_win_status(win32) == OQ_E_FILE_LOCKED)
        return oq_error_win32(err, OQ_E_BUSY, win32,
                              "another OpenQMGR service is running with the data folder %s",
                              folder);
    return oq_win_fail(err, win32, "the data folder %s cannot be used", folder);
}

/* --- open and release ------------------------------------------------------------------------- */

/* Absolute, without a separator at the end (a drive keeps its own). New string. */
static enum oq_status full_path(const char *path, char **out, struct oq_error *err)
{
    wchar_t *wide = NULL, *full = NULL;
    enum oq_status status = oq_utf8_to_16(path, &wide, NULL);
    if (status != OQ_OK)
        return oq_error_set(err, status, "the name of the data folder cannot be used");
    DWORD units = GetFullPathNameW(wide, 0, NULL, NULL);
    full = oq_calloc(units + 1u, sizeof *full);
    if (!full)
        status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
    else if (units == 0 || GetFullPathNameW(wide, units + 1u, full, NULL) == 0)
        status = oq_win_fail(err, GetLastError(), "the name of the data folder cannot be used");
    if (full && status == OQ_OK) {
        size_t length = wcslen(full);
        while (length > 3 && full[length - 1] == L'\\')
            full[--length] = L'\0';
        status = oq_utf16_to_8(full, length, out);
        if (status != OQ_OK)
            oq_error_set(err, status, "the name of the data folder cannot be used");
    }
    oq_free(full);
    oq_free(wide);
    return status;
}

enum oq_status oq_win_data_open(enum oq_win_data_source source, const char *folder,
                                const char *own_sid, struct oq_win_data *out, struct oq_error *err)
{
    struct oq_win_data data = {0};
    HANDLE lock = NULL;
    wchar_t *wide = NULL;
    enum oq_status status = source == OQ_WIN_DATA_DEFAULT ? oq_win_data_default(&data.folder, err)
                                                          : full_path(folder, &data.folder, err);
    if (status != OQ_OK)
        return status;
    data.database = oq_asprintf("%s\\queue.db", data.folder);
    data.log = oq_asprintf("%s\\openqmgr.log", data.folder);
    if (!data.database || !data.log) {
        status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
        goto out;
    }
    status = oq_win_long_path(data.folder, &wide, err);
    if (status != OQ_OK)
        goto out;
    status = prepare(source, wide, own_sid, err);
    if (status != OQ_OK)
        goto out;
    status = take_lock(data.folder, &lock, err);
    if (status != OQ_OK)
        goto out;
    data.lock = lock;
    *out = data;
    memset(&data, 0, sizeof data);
out:
    oq_free(wide);
    oq_win_data_release(&data);
    return status;
}

void oq_win_data_release(struct oq_win_data *data)
{
    if (data->lock)
        CloseHandle(data->lock);
    oq_free(data->log);
    oq_free(data->database);
    oq_free(data->folder);
    memset(data, 0, sizeof *data);
}

/* --- purge ------------------------------------------------------------------------------------ */

static enum oq_status delete_matching(const char *folder, const char *pattern, struct oq_error *err)
{
    enum oq_status status;
    WIN32_FIND_DATAW found;
    wchar_t *wide = NULL;
    char *path = oq_asprintf("%s\\%s", folder, pattern);
    if (!path)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    status = oq_win_long_path(path, &wide, err);
    oq_free(path);
    if (status != OQ_OK)
        return status;
    size_t base = (size_t)(wcsrchr(wide, L'\\') - wide) + 1;
    HANDLE search = FindFirstFileW(wide, &found);
    if (search != INVALID_HANDLE_VALUE) {
        do {
            if (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
                continue;
            wchar_t *name = oq_calloc(base + wcslen(found.cFileName) + 1, sizeof *name);
            if (!name) {
                status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
            } else {
                memcpy(name, wide, base * sizeof *name);
                wcscpy(name + base, found.cFileName);
                if (!DeleteFileW(name) && GetLastError() != ERROR_FILE_NOT_FOUND)
                    status =
                        oq_win_fail(err, GetLastError(), "a file in %s cannot be deleted", folder);
            }
            oq_free(name);
        } while (status == OQ_OK && FindNextFileW(search, &found));
        FindClose(search);
    }
    oq_free(wide);
    return status;
}

enum oq_status oq_win_data_purge(const char *folder, bool *is_gone, struct oq_error *err)
{
    /* The database with its journals, its backup and set-aside copies, the logs. Nothing that a
     * person might have put there. */
    static const char *const patterns[] = {"queue.db*", "queue.*.db*", "openqmgr*.log"};
    HANDLE lock = NULL;
    wchar_t *wide = NULL;
    enum oq_status status = oq_win_long_path(folder, &wide, err);
    if (status != OQ_OK)
        return status;
    if (GetFileAttributesW(wide) == INVALID_FILE_ATTRIBUTES &&
        oq_win_status(GetLastError()) == OQ_E_FILE_MISSING) {
        *is_gone = true;
        goto out;
    }
    status = take_lock(folder, &lock, err); /* no service uses it, and none can start to */
    for (size_t i = 0; status == OQ_OK && i < sizeof patterns / sizeof patterns[0]; i++)
        status = delete_matching(folder, patterns[i], err);
    if (lock)
        CloseHandle(lock);
    if (status == OQ_OK)
        status = delete_matching(folder, LOCK_NAME, err);
    if (status == OQ_OK)
        *is_gone = RemoveDirectoryW(wide) != FALSE;
out:
    oq_free(wide);
    return status;
}
