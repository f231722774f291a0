/* files.c - the file port with impersonation and by-handle operations. Any thread; no state.
 *
 * Each port call is a struct of what is wanted, a `work` function that runs as the user, and
 * nothing around it.
 */
#include "oq_win_ports.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_path.h"
#include "oq_win_identity.h"
#include "oq_win_support.h"

#include <stdio.h>
#include <string.h>
#include <windows.h>
#include <bcrypt.h>

/* A pipe server that hides behind a path must not get a token it can act with. */
#define QUALITY (SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION)
#define LOOK_ONLY (FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS | QUALITY)
#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define PIECE_BYTES (64u << 20) /* one WriteFile or ReadFile; the interface takes 32 bits only */
#define PROBES 4
#define TRY_MS 2000u /* as long as LLVM's rename on Windows tries */
#define STEP_MS 20u

struct oq_fhandle {
    HANDLE handle;
};

/* What a call wants; each uses its part. */
struct operation {
    const wchar_t *path;  /* the file, or the folder of final */
    const wchar_t *final; /* finish: new name. check_folder: the name that will be used */
    const wchar_t *folder;
    const char *id;   /* finish, remove: of the file; NULL = not known */
    const char *text; /* check_folder: final path in UTF-8 */
    enum oq_open_mode mode;
    int64_t modified_at_ms;
    HANDLE handle;   /* result of open */
    uint64_t number; /* result: size, free space */
    struct oq_file_facts facts;
};

static bool is_faulty(struct oq_error *err, enum oq_status *status)
{
    if (!oq_fault_hit(OQ_FAULT_FILE))
        return false;
    *status = oq_error_win32(err, OQ_E_IO, ERROR_IO_DEVICE, "the test makes the file system fail");
    return true;
}

static bool is_missing(DWORD win32)
{
    return oq_win_status(win32) == OQ_E_FILE_MISSING;
}

static int64_t from_filetime(FILETIME time)
{
    int64_t ticks = (int64_t)((uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime);
    return ticks / 10000 - 11644473600000; /* 100 ns since 1601 -> ms since 1970 */
}

static LARGE_INTEGER to_filetime(int64_t at_ms)
{
    LARGE_INTEGER ticks = {.QuadPart = 0}; /* "leave as it is" */
    if (at_ms >= 0 && at_ms < INT64_MAX / 10000 - 11644473600000)
        ticks.QuadPart = (at_ms + 11644473600000) * 10000;
    return ticks;
}

/* Virus scanners and indexers open a file for some 100 ms after each change of it, and until then
 * it can be neither renamed nor deleted (errors 32 and 5). False when the time is over, or for
 * another error; *waited_ms begins with 0. */
static bool wait_for_others(DWORD win32, unsigned *waited_ms)
{
    if ((win32 != ERROR_SHARING_VIOLATION && win32 != ERROR_ACCESS_DENIED) || *waited_ms >= TRY_MS)
        return false;
    Sleep(STEP_MS);
    *waited_ms += STEP_MS;
    return true;
}

/* Does it stand for another file (a symbolic link, a mount point)? Deduplicated files and those
 * that a storage service has moved away are reparse points too, and plain files (page "Reparse
 * Point Tags"). A tag that cannot be read may be a link's. */
static bool is_link(HANDLE handle, DWORD attributes)
{
    FILE_ATTRIBUTE_TAG_INFO tag = {0};
    return (attributes & FILE_ATTRIBUTE_REPARSE_POINT) &&
           (!GetFileInformationByHandleEx(handle, FileAttributeTagInfo, &tag, sizeof tag) ||
            IsReparseTagNameSurrogate(tag.ReparseTag));
}

/* Refuses what is not a plain file on a disk. */
static enum oq_status check_handle(HANDLE handle, BY_HANDLE_FILE_INFORMATION *info,
                                   struct oq_error *err)
{
    if (GetFileType(handle) != FILE_TYPE_DISK)
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_ACCESS_DENIED,
                              "the path does not lead to a disk");
    if (!GetFileInformationByHandle(handle, info))
        return oq_win_fail(err, GetLastError(), "the file cannot be examined");
    if (is_link(handle, info->dwFileAttributes))
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_CANT_ACCESS_FILE,
                              "a link stands in the file's place");
    if (info->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_ACCESS_DENIED,
                              "a folder stands in the file's place");
    return OQ_OK;
}

/* File numbers of NTFS and ReFS stay with the file through renames; those of FAT follow the entry
 * of the folder (Microsoft: BY_HANDLE_FILE_INFORMATION, nFileIndexLow). */
static void identity_of(HANDLE handle, char id[OQ_FILE_ID_TEXT])
{
    wchar_t system[32] = L"";
    FILE_ID_INFO info;
    id[0] = '\0';
    if (!GetVolumeInformationByHandleW(handle, NULL, 0, NULL, NULL, NULL, system,
                                       sizeof system / sizeof *system) ||
        (wcscmp(system, L"NTFS") != 0 && wcscmp(system, L"ReFS") != 0) ||
        !GetFileInformationByHandleEx(handle, FileIdInfo, &info, sizeof info))
        return;
    int length = snprintf(id, OQ_FILE_ID_TEXT, "%016llx-", info.VolumeSerialNumber);
    for (size_t i = sizeof info.FileId.Identifier; i-- > 0;)
        length += snprintf(id + length, OQ_FILE_ID_TEXT - (size_t)length, "%02x",
                           info.FileId.Identifier[i]);
}

/* Names prove nothing in a folder to which others may write. */
static bool is_another(HANDLE handle, const char *id)
{
    char found[OQ_FILE_ID_TEXT];
    identity_of(handle, found);
    return id && strcmp(id, found) != 0; /* without a number it is another one, too */
}

/* --- open ------------------------------------------------------------------------------------- */

/* Others may read (with FILE_SHARE_WRITE, contract A.4). They may also rename or delete it, which
 * is theirs to do and is noticed at the end; without that, a virus scanner that keeps the file open
 * for removal would stop the download. */
static HANDLE open_to_write(const struct operation *op, DWORD flags)
{
    return CreateFileW(op->path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE,
                       NULL, op->mode == OQ_OPEN_CREATE ? CREATE_NEW : OPEN_EXISTING,
                       FILE_ATTRIBUTE_HIDDEN | flags | QUALITY, NULL);
}

/* A deduplicated file: its bytes are behind the reparse point. The name may lead elsewhere by now,
 * so it has to be the same file. */
static enum oq_status open_behind(const struct operation *op, HANDLE *handle,
                                  BY_HANDLE_FILE_INFORMATION *info, struct oq_error *err)
{
    const BY_HANDLE_FILE_INFORMATION before = *info;
    CloseHandle(*handle);
    *handle = open_to_write(op, 0);
    if (*handle == INVALID_HANDLE_VALUE)
        return oq_win_fail(err, GetLastError(), "the temporary file cannot be opened");
    enum oq_status status = check_handle(*handle, info, err);
    if (status == OQ_OK && (info->dwVolumeSerialNumber != before.dwVolumeSerialNumber ||
                            info->nFileIndexHigh != before.nFileIndexHigh ||
                            info->nFileIndexLow != before.nFileIndexLow))
        status = oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_CANT_ACCESS_FILE,
                                "a link stands in the file's place");
    return status;
}

static enum oq_status open_work(void *arg, struct oq_error *err)
{
    struct operation *op = arg;
    BY_HANDLE_FILE_INFORMATION info = {0};
    HANDLE handle = open_to_write(op, FILE_FLAG_OPEN_REPARSE_POINT);
    if (handle == INVALID_HANDLE_VALUE)
        return oq_win_fail(err, GetLastError(),
                           op->mode == OQ_OPEN_CREATE ? "the temporary file cannot be created"
                                                      : "the temporary file cannot be opened");
    enum oq_status status = check_handle(handle, &info, err);
    if (status == OQ_OK && (info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT))
        status = open_behind(op, &handle, &info, err);
    if (status == OQ_OK && info.nNumberOfLinks > 1)
        status = oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_ACCESS_DENIED,
                                "the temporary file has a second name (a hard link)");
    if (status != OQ_OK) {
        if (handle != INVALID_HANDLE_VALUE)
            CloseHandle(handle);
        return status;
    }
    op->handle = handle;
    op->number = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    return OQ_OK;
}

static enum oq_status check_temp(const char *path, struct oq_error *err)
{
    return oq_path_is_temp(path)
               ? OQ_OK
               : oq_error_set(err, OQ_E_BUG, "not a temporary file of ours: %s", path);
}

static enum oq_status port_open(void *ctx, struct oq_identity *as, const char *temp_path,
                                enum oq_open_mode mode, struct oq_fhandle **out,
                                uint64_t *size_bytes, struct oq_error *err)
{
    struct operation op = {.mode = mode};
    struct oq_fhandle *file = NULL;
    wchar_t *path = NULL;
    enum oq_status status;
    (void)ctx;
    if (is_faulty(err, &status))
        return status;
    status = check_temp(temp_path, err);
    if (status != OQ_OK)
        goto out;
    status = oq_win_long_path(temp_path, &path, err);
    if (status != OQ_OK)
        goto out;
    file =
        oq_calloc(1, sizeof *file); /* before the file exists, so that there is nothing to undo */
    if (!file) {
        status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
        goto out;
    }
    op.path = path;
    status = oq_win_identity_run(as, open_work, &op, err);
    if (status != OQ_OK)
        goto out;
    file->handle = op.handle;
    *size_bytes = op.number;
    *out = file;
    file = NULL;
out:
    oq_free(file);
    oq_free(path);
    return status;
}

static void port_identify(void *ctx, struct oq_fhandle *file, char id[OQ_FILE_ID_TEXT])
{
    (void)ctx;
    identity_of(file->handle, id);
}

static void port_close(void *ctx, struct oq_fhandle *file)
{
    (void)ctx;
    if (!file)
        return;
    CloseHandle(file->handle);
    oq_free(file);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static OVERLAPPED position(uint64_t offset)
{
    OVERLAPPED at = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
    return at;
}

static enum oq_status port_write(void *ctx, struct oq_fhandle *file, uint64_t offset,
                                 const void *data, size_t length, struct oq_error *err)
{
    const char *next = data;
    enum oq_status status;
    (void)ctx;
    if (is_faulty(err, &status))
        return status;
    while (length > 0) {
        DWORD piece = length < PIECE_BYTES ? (DWORD)length : PIECE_BYTES, done = 0;
        OVERLAPPED at = position(offset);
        if (!WriteFile(file->handle, next, piece, &done, &at))
            return oq_win_fail(err, GetLastError(), "the temporary file cannot be written");
        if (done == 0)
            return oq_error_win32(err, OQ_E_IO, ERROR_WRITE_FAULT,
                                  "the temporary file takes no bytes");
        next += done;
        offset += done;
        length -= done;
    }
    return OQ_OK;
}

static enum oq_status port_read(void *ctx, struct oq_fhandle *file, uint64_t offset, void *data,
                                size_t length, struct oq_error *err)
{
    char *next = data;
    enum oq_status status;
    (void)ctx;
    if (is_faulty(err, &status))
        return status;
    while (length > 0) {
        DWORD piece = length < PIECE_BYTES ? (DWORD)length : PIECE_BYTES, done = 0;
        OVERLAPPED at = position(offset);
        if (!ReadFile(file->handle, next, piece, &done, &at) && GetLastError() != ERROR_HANDLE_EOF)
            return oq_win_fail(err, GetLastError(), "the temporary file cannot be read");
        if (done == 0)
            return oq_error_win32(err, OQ_E_IO, ERROR_HANDLE_EOF,
                                  "the temporary file is too short");
        next += done;
        offset += done;
        length -= done;
    }
    return OQ_OK;
}

static enum oq_status port_set_size(void *ctx, struct oq_fhandle *file, uint64_t size_bytes,
                                    struct oq_error *err)
{
    FILE_END_OF_FILE_INFO end = {.EndOfFile.QuadPart = (LONGLONG)size_bytes};
    enum oq_status status;
    (void)ctx;
    if (is_faulty(err, &status))
        return status;
    if (!SetFileInformationByHandle(file->handle, FileEndOfFileInfo, &end, sizeof end))
        return oq_win_fail(err, GetLastError(), "the size of the temporary file cannot be set");
    return OQ_OK;
}

static enum oq_status port_reserve(void *ctx, struct oq_fhandle *file, uint64_t size_bytes,
                                   struct oq_error *err)
{
    FILE_ALLOCATION_INFO room = {.AllocationSize.QuadPart = (LONGLONG)size_bytes};
    enum oq_status status;
    (void)ctx;
    if (is_faulty(err, &status))
        return status;
    /* What is not used is given back when the handle is closed. Wine and some network file systems
     * do not know it (ERROR_CALL_NOT_IMPLEMENTED, ERROR_INVALID_PARAMETER, ...). */
    if (SetFileInformationByHandle(file->handle, FileAllocationInfo, &room, sizeof room))
        return OQ_OK;
    DWORD win32 = GetLastError();
    if (oq_win_status(win32) == OQ_E_DISK_FULL)
        return oq_win_fail(err, win32, "the disk has no room for the whole file");
    return oq_error_win32(err, OQ_E_NOT_SUPPORTED, win32, "room cannot be kept on this disk");
}

static enum oq_status port_flush(void *ctx, struct oq_fhandle *file, struct oq_error *err)
{
    enum oq_status status;
    (void)ctx;
    if (is_faulty(err, &status))
        return status;
    if (!FlushFileBuffers(file->handle))
        return oq_win_fail(err, GetLastError(), "the temporary file cannot be flushed");
    return OQ_OK;
}

/* --- finish ----------------------------------------------------------------------------------- */

static bool set_basics(HANDLE handle, DWORD attributes, int64_t modified_at_ms)
{
    FILE_BASIC_INFO basic = {.FileAttributes = attributes ? attributes : FILE_ATTRIBUTE_NORMAL};
    basic.LastWriteTime = basic.CreationTime = to_filetime(modified_at_ms);
    return SetFileInformationByHandle(handle, FileBasicInfo, &basic, sizeof basic) != FALSE;
}

static bool rename_to(HANDLE handle, const wchar_t *path)
{
    size_t bytes = wcslen(path) * sizeof *path;
    size_t size = offsetof(FILE_RENAME_INFO, FileName) + bytes + sizeof *path;
    bool is_done = false;
    FILE_RENAME_INFO *info = oq_calloc(1, size < sizeof *info ? sizeof *info : size);
    if (!info) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return false;
    }
    info->ReplaceIfExists = TRUE;
    info->FileNameLength = (DWORD)bytes;
    memcpy(info->FileName, path, bytes + sizeof *path);
    is_done = SetFileInformationByHandle(handle, FileRenameInfo, info, (DWORD)size) != FALSE;
    DWORD win32 = GetLastError();
    oq_free(info);
    SetLastError(win32);
    return is_done;
}

/* Windows says "access denied" also when the target is in use; the difference is what the user can
 * do about it. */
static DWORD why_not_renamed(DWORD win32, const wchar_t *path)
{
    if (win32 != ERROR_ACCESS_DENIED)
        return win32;
    HANDLE handle = CreateFileW(path, DELETE, SHARE_ALL, NULL, OPEN_EXISTING, LOOK_ONLY, NULL);
    if (handle == INVALID_HANDLE_VALUE)
        return GetLastError() == ERROR_SHARING_VIOLATION ? ERROR_SHARING_VIOLATION : win32;
    BY_HANDLE_FILE_INFORMATION info = {0};
    /* We may delete it and yet not replace it, so another process has it open. */
    bool is_plain = GetFileInformationByHandle(handle, &info) &&
                    !(info.dwFileAttributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_READONLY));
    CloseHandle(handle);
    return is_plain ? ERROR_SHARING_VIOLATION : win32;
}

/* The new name is safe only when the folder is: as far as the system allows that to be asked for.
 */
static void flush_folder(const wchar_t *folder)
{
    HANDLE handle = CreateFileW(folder, FILE_ADD_FILE | SYNCHRONIZE, SHARE_ALL, NULL, OPEN_EXISTING,
                                FILE_FLAG_BACKUP_SEMANTICS | QUALITY, NULL);
    if (handle == INVALID_HANDLE_VALUE)
        return;
    FlushFileBuffers(handle);
    CloseHandle(handle);
}

static HANDLE open_to_rename(const wchar_t *path)
{
    DWORD access = DELETE | SYNCHRONIZE | FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES;
    DWORD flags = FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS | QUALITY;
    HANDLE handle =
        CreateFileW(path, access | FILE_WRITE_DATA, SHARE_ALL, NULL, OPEN_EXISTING, flags, NULL);
    /* Writing is wanted only to flush the new name through the same handle; another process may
     * hold the file open for reading. */
    if (handle == INVALID_HANDLE_VALUE && GetLastError() == ERROR_SHARING_VIOLATION)
        handle = CreateFileW(path, access, SHARE_ALL, NULL, OPEN_EXISTING, flags, NULL);
    return handle;
}

/* The Win32 code of the failure. */
static DWORD rename_patiently(HANDLE handle, const wchar_t *path, unsigned *waited_ms)
{
    DWORD win32 = ERROR_SUCCESS;
    do
        win32 = rename_to(handle, path) ? ERROR_SUCCESS : why_not_renamed(GetLastError(), path);
    while (win32 != ERROR_SUCCESS && wait_for_others(win32, waited_ms));
    return win32;
}

static enum oq_status finish_work(void *arg, struct oq_error *err)
{
    const struct operation *op = arg;
    BY_HANDLE_FILE_INFORMATION info = {0};
    unsigned waited_ms = 0;
    HANDLE handle;
    do
        handle = open_to_rename(op->path);
    while (handle == INVALID_HANDLE_VALUE && wait_for_others(GetLastError(), &waited_ms));
    if (handle == INVALID_HANDLE_VALUE)
        return oq_win_fail(err, GetLastError(), "the temporary file cannot be opened to rename it");
    enum oq_status status = check_handle(handle, &info, err);
    if (status == OQ_OK && is_another(handle, op->id))
        status = oq_error_win32(err, OQ_E_FILE_MISSING, ERROR_FILE_NOT_FOUND,
                                "another file stands in the place of the temporary file");
    if (status != OQ_OK)
        goto out;
    /* Attributes first: a crash between the two leaves a visible temporary file that is renamed
     * after the restart, and never a hidden final one that is never touched again. */
    DWORD attributes = info.dwFileAttributes & ~(DWORD)FILE_ATTRIBUTE_HIDDEN;
    bool has_times = op->modified_at_ms >= 0 && set_basics(handle, attributes, op->modified_at_ms);
    /* A file system that cannot store such a time is no reason to keep the file from its user. */
    if (!has_times && !set_basics(handle, attributes, -1)) {
        status = oq_win_fail(err, GetLastError(), "the attributes of the file cannot be set");
        goto out;
    }
    DWORD win32 = rename_patiently(handle, op->final, &waited_ms);
    if (win32 != ERROR_SUCCESS) {
        status = oq_win_fail(err, win32, "the file cannot get its final name");
        set_basics(handle, info.dwFileAttributes, -1); /* hide it again until the next attempt */
        goto out;
    }
    /* A file that takes over a name within 15 s gets the former one's creation time (NTFS
     * tunnelling): set it once more. */
    if (has_times)
        set_basics(handle, attributes, op->modified_at_ms);
    FlushFileBuffers(handle);
    flush_folder(op->folder);
out:
    CloseHandle(handle);
    return status;
}

/* With a separator at the end: the root of a share is no folder without it. */
static enum oq_status folder_of(const char *path, wchar_t **out, struct oq_error *err)
{
    enum oq_status status;
    char *closed = NULL;
    char *folder = oq_path_folder(path);
    size_t length = folder ? strlen(folder) : 0;
    bool is_closed = length > 0 && (folder[length - 1] == '\\' || folder[length - 1] == '/');
    if (folder)
        closed = oq_asprintf("%s%s", folder, is_closed ? "" : "\\");
    if (closed)
        status = oq_win_long_path(closed, out, err);
    else
        status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
    oq_free(closed);
    oq_free(folder);
    return status;
}

static enum oq_status port_finish(void *ctx, struct oq_identity *as, const char *temp_path,
                                  const char *id, const char *final_path, int64_t modified_at_ms,
                                  struct oq_error *err)
{
    struct operation op = {.id = id, .modified_at_ms = modified_at_ms};
    wchar_t *path = NULL, *final = NULL, *folder = NULL;
    enum oq_status status;
    (void)ctx;
    if (is_faulty(err, &status))
        return status;
    status = check_temp(temp_path, err);
    if (status == OQ_OK)
        status = oq_win_long_path(temp_path, &path, err);
    if (status == OQ_OK)
        status = oq_win_long_path(final_path, &final, err);
    if (status == OQ_OK)
        status = folder_of(final_path, &folder, err);
    if (status == OQ_OK) {
        op.path = path;
        op.final = final;
        op.folder = folder;
        status = oq_win_identity_run(as, finish_work, &op, err);
    }
    oq_free(folder);
    oq_free(final);
    oq_free(path);
    return status;
}

/* --- remove ----------------------------------------------------------------------------------- */

static enum oq_status remove_work(void *arg, struct oq_error *err)
{
    const struct operation *op = arg;
    FILE_DISPOSITION_INFO disposition = {.DeleteFile = TRUE};
    BY_HANDLE_FILE_INFORMATION info = {0};
    unsigned waited_ms = 0;
    HANDLE handle;
    do
        handle = CreateFileW(op->path, DELETE | FILE_READ_ATTRIBUTES, SHARE_ALL, NULL,
                             OPEN_EXISTING, LOOK_ONLY, NULL);
    while (handle == INVALID_HANDLE_VALUE && wait_for_others(GetLastError(), &waited_ms));
    if (handle == INVALID_HANDLE_VALUE) {
        DWORD win32 = GetLastError();
        return is_missing(win32) ? OQ_OK
                                 : oq_win_fail(err, win32, "the temporary file cannot be removed");
    }
    enum oq_status status = check_handle(handle, &info, err);
    if (status == OQ_OK && !is_another(handle, op->id) &&
        !SetFileInformationByHandle(handle, FileDispositionInfo, &disposition, sizeof disposition))
        status = oq_win_fail(err, GetLastError(), "the temporary file cannot be removed");
    CloseHandle(handle);
    return status;
}

static enum oq_status port_remove(void *ctx, struct oq_identity *as, const char *temp_path,
                                  const char *id, struct oq_error *err)
{
    struct operation op = {.id = id};
    wchar_t *path = NULL;
    enum oq_status status;
    (void)ctx;
    if (is_faulty(err, &status))
        return status;
    status = check_temp(temp_path, err);
    if (status == OQ_OK)
        status = oq_win_long_path(temp_path, &path, err);
    if (status == OQ_OK) {
        op.path = path;
        status = oq_win_identity_run(as, remove_work, &op, err);
    }
    oq_free(path);
    return status;
}

/* --- questions -------------------------------------------------------------------------------- */

static enum oq_status stat_work(void *arg, struct oq_error *err)
{
    struct operation *op = arg;
    BY_HANDLE_FILE_INFORMATION info = {0};
    enum oq_status status = OQ_OK;
    HANDLE handle = CreateFileW(op->path, FILE_READ_ATTRIBUTES, SHARE_ALL, NULL, OPEN_EXISTING,
                                LOOK_ONLY, NULL);
    if (handle == INVALID_HANDLE_VALUE) {
        DWORD win32 = GetLastError();
        return is_missing(win32) ? OQ_OK : oq_win_fail(err, win32, "the file cannot be examined");
    }
    if (!GetFileInformationByHandle(handle, &info)) {
        status = oq_win_fail(err, GetLastError(), "the file cannot be examined");
    } else {
        op->facts.exists = true;
        op->facts.is_regular = GetFileType(handle) == FILE_TYPE_DISK &&
                               !(info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) &&
                               !is_link(handle, info.dwFileAttributes);
        op->facts.size_bytes = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
        op->facts.modified_at_ms = from_filetime(info.ftLastWriteTime);
        identity_of(handle, op->facts.id);
    }
    CloseHandle(handle);
    return status;
}

static enum oq_status port_stat(void *ctx, struct oq_identity *as, const char *path,
                                struct oq_file_facts *out, struct oq_error *err)
{
    struct operation op = {0};
    wchar_t *wide = NULL;
    enum oq_status status;
    (void)ctx;
    if (is_faulty(err, &status))
        return status;
    status = oq_win_long_path(path, &wide, err);
    if (status == OQ_OK) {
        op.path = wide;
        status = oq_win_identity_run(as, stat_work, &op, err);
    }
    if (status == OQ_OK)
        *out = op.facts;
    oq_free(wide);
    return status;
}

/* Creates and deletes a file beside the final path. Its name is one of ours, so that a stray one
 * would be known as such. */
static enum oq_status probe(const char *final_path, struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    for (int i = 0; i < PROBES; i++) {
        uint64_t random = 0;
        wchar_t *wide = NULL;
        if (BCryptGenRandom(NULL, (PUCHAR)&random, sizeof random,
                            BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0)
            random = GetTickCount64() * 0x9e3779b97f4a7c15u +
                     (uint64_t)i; /* an unlucky name is tried again */
        char *path = oq_path_temp(final_path, random);
        if (!path)
            return oq_error_set(err, OQ_E_NOMEM, "out of memory");
        status = oq_win_long_path(path, &wide, err);
        oq_free(path);
        if (status != OQ_OK)
            return status;
        HANDLE handle = CreateFileW(wide, GENERIC_WRITE | DELETE, SHARE_ALL, NULL, CREATE_NEW,
                                    FILE_ATTRIBUTE_HIDDEN | FILE_FLAG_DELETE_ON_CLOSE |
                                        FILE_FLAG_OPEN_REPARSE_POINT | QUALITY,
                                    NULL);
        DWORD win32 = GetLastError();
        oq_free(wide);
        if (handle != INVALID_HANDLE_VALUE) {
            CloseHandle(handle);
            return OQ_OK;
        }
        status = oq_win_fail(err, win32, "files cannot be created in that folder");
        if (status != OQ_E_EXISTS)
            return status;
    }
    return status;
}

static enum oq_status check_folder_work(void *arg, struct oq_error *err)
{
    const struct operation *op = arg;
    DWORD attributes = GetFileAttributesW(op->folder);
    /* A user who may not read the folder may yet be allowed to create files in it: the probe shows
     * it. */
    if (attributes == INVALID_FILE_ATTRIBUTES && is_missing(GetLastError()))
        return oq_win_fail(err, GetLastError(), "the folder does not exist");
    if (attributes != INVALID_FILE_ATTRIBUTES && !(attributes & FILE_ATTRIBUTE_DIRECTORY))
        return oq_error_win32(err, OQ_E_FILE_MISSING, ERROR_PATH_NOT_FOUND, "the folder is a file");
    attributes = GetFileAttributesW(op->final);
    /* Said now and not after hours of downloading. */
    if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY))
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_ACCESS_DENIED,
                              "there is a folder of that name");
    return probe(op->text, err);
}

static enum oq_status port_check_folder(void *ctx, struct oq_identity *as, const char *final_path,
                                        struct oq_error *err)
{
    struct operation op = {.text = final_path};
    wchar_t *final = NULL, *folder = NULL;
    enum oq_status status;
    (void)ctx;
    if (is_faulty(err, &status))
        return status;
    status = oq_win_long_path(final_path, &final, err);
    if (status == OQ_OK)
        status = folder_of(final_path, &folder, err);
    if (status == OQ_OK) {
        op.final = final;
        op.folder = folder;
        status = oq_win_identity_run(as, check_folder_work, &op, err);
    }
    oq_free(folder);
    oq_free(final);
    return status;
}

static enum oq_status free_space_work(void *arg, struct oq_error *err)
{
    struct operation *op = arg;
    ULARGE_INTEGER available;
    if (!GetDiskFreeSpaceExW(op->folder, &available, NULL, NULL))
        return oq_win_fail(err, GetLastError(), "the free space cannot be read");
    op->number = available.QuadPart;
    return OQ_OK;
}

static enum oq_status port_free_space(void *ctx, struct oq_identity *as, const char *path,
                                      uint64_t *bytes, struct oq_error *err)
{
    struct operation op = {0};
    wchar_t *folder = NULL;
    enum oq_status status;
    (void)ctx;
    if (is_faulty(err, &status))
        return status;
    status = folder_of(path, &folder, err);
    if (status == OQ_OK) {
        op.folder = folder;
        status = oq_win_identity_run(as, free_space_work, &op, err);
    }
    if (status == OQ_OK)
        *bytes = op.number;
    oq_free(folder);
    return status;
}

const struct oq_file_port *oq_win_files_port(void)
{
    static const struct oq_file_port port = {
        .open = port_open,
        .write = port_write,
        .read = port_read,
        .set_size = port_set_size,
        .reserve = port_reserve,
        .flush = port_flush,
        .identify = port_identify,
        .close = port_close,
        .finish = port_finish,
        .remove = port_remove,
        .stat = port_stat,
        .check_folder = port_check_folder,
        .free_space = port_free_space,
    };
    return &port;
}
