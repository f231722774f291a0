/* files.c - renames and removes database files: the one place of db/ that knows the system's calls,
 * because SQLite's VFS has no rename. A test can make each call fail at OQ_FAULT_DB_IO, like those
 * of the VFS. */
#include "store_int.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_utf.h"

#include <string.h>
#include <sys/stat.h>

const char *const oq_db_suffixes[OQ_DB_FILES] = {"-wal", "-journal", "-shm", ""};

char *oq_db_neighbour(const char *path, const char *ending)
{
    size_t length = strlen(path);
    if (length > 3 && strcmp(path + length - 3, ".db") == 0)
        length -= 3;
    return oq_asprintf("%.*s.%s", (int)length, path, ending);
}

enum oq_status oq_db_files_remove(const char *path, struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    for (int i = 0; status == OQ_OK && i < OQ_DB_FILES; i++) {
        char *name = oq_asprintf("%s%s", path, oq_db_suffixes[i]);
        status =
            name ? oq_db_file_remove(name, err) : oq_error_set(err, OQ_E_NOMEM, "out of memory");
        oq_free(name);
    }
    return status;
}

#ifdef _WIN32

#include <windows.h>

static wchar_t *wide(const char *path)
{
    uint16_t *text = NULL;
    return oq_utf8_to_16(path, &text, NULL) == OQ_OK ? (wchar_t *)text : NULL;
}

static enum oq_status fail(const char *what, const char *path, struct oq_error *err)
{
    DWORD code = GetLastError();
    enum oq_status status =
        code == ERROR_DISK_FULL || code == ERROR_HANDLE_DISK_FULL   ? OQ_E_DISK_FULL
        : code == ERROR_ALREADY_EXISTS || code == ERROR_FILE_EXISTS ? OQ_E_EXISTS
                                                                    : OQ_E_DB;
    return oq_error_win32(err, status, code, "%s %s: error %lu", what, path, (unsigned long)code);
}

bool oq_db_file_exists(const char *path, uint64_t *size_bytes)
{
    WIN32_FILE_ATTRIBUTE_DATA facts = {0};
    wchar_t *name = wide(path);
    bool exists = name && GetFileAttributesExW(name, GetFileExInfoStandard, &facts);
    if (exists && size_bytes)
        *size_bytes = (uint64_t)facts.nFileSizeHigh << 32 | facts.nFileSizeLow;
    oq_free(name);
    return exists;
}

int64_t oq_db_file_written_ms(const char *path)
{
    WIN32_FILE_ATTRIBUTE_DATA facts = {0};
    int64_t written_ms = 0;
    wchar_t *name = wide(path);
    if (name && GetFileAttributesExW(name, GetFileExInfoStandard, &facts)) {
        uint64_t ticks = (uint64_t)facts.ftLastWriteTime.dwHighDateTime << 32 |
                         facts.ftLastWriteTime.dwLowDateTime;
        written_ms = (int64_t)(ticks / 10000) - 11644473600000; /* 100 ns since 1601 */
    }
    oq_free(name);
    return written_ms;
}

enum oq_status oq_db_file_rename(const char *from, const char *to, bool may_replace,
                                 struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    wchar_t *old_name = wide(from);
    wchar_t *new_name = wide(to);
    DWORD flags = MOVEFILE_WRITE_THROUGH | (may_replace ? MOVEFILE_REPLACE_EXISTING : 0u);
    if (!old_name || !new_name)
        status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
    else if (oq_fault_hit(OQ_FAULT_DB_IO))
        status = oq_error_set(err, OQ_E_DB, "rename %s: a fault for a test", from);
    else if (!MoveFileExW(old_name, new_name, flags))
        status = fail("rename", from, err);
    oq_free(old_name);
    oq_free(new_name);
    return status;
}

enum oq_status oq_db_file_remove(const char *path, struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    wchar_t *name = wide(path);
    if (!name)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    if (oq_fault_hit(OQ_FAULT_DB_IO))
        status = oq_error_set(err, OQ_E_DB, "remove %s: a fault for a test", path);
    else if (!DeleteFileW(name) && GetLastError() != ERROR_FILE_NOT_FOUND)
        status = fail("remove", path, err);
    oq_free(name);
    return status;
}

#else

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static enum oq_status fail(const char *what, const char *path, struct oq_error *err)
{
    int code = errno;
    return oq_error_set(err, code == ENOSPC ? OQ_E_DISK_FULL : OQ_E_DB, "%s %s: error %d", what,
                        path, code);
}

bool oq_db_file_exists(const char *path, uint64_t *size_bytes)
{
    struct stat facts;
    if (stat(path, &facts) != 0)
        return false;
    if (size_bytes)
        *size_bytes = (uint64_t)facts.st_size;
    return true;
}

int64_t oq_db_file_written_ms(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 ? (int64_t)facts.st_mtim.tv_sec * 1000 : 0;
}

/* A rename is in the folder, which has to reach the disk too. */
static enum oq_status flush_folder_of(const char *path, struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    const char *end = strrchr(path, '/');
    char *folder = end ? oq_strndup(path, end == path ? 1 : (size_t)(end - path)) : oq_strdup(".");
    if (!folder)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    int handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0 || fsync(handle) != 0)
        status = fail("flush the folder", folder, err);
    if (handle >= 0)
        (void)close(handle);
    oq_free(folder);
    return status;
}

enum oq_status oq_db_file_rename(const char *from, const char *to, bool may_replace,
                                 struct oq_error *err)
{
    if (oq_fault_hit(OQ_FAULT_DB_IO))
        return oq_error_set(err, OQ_E_DB, "rename %s: a fault for a test", from);
    if (!may_replace && oq_db_file_exists(to, NULL))
        return oq_error_set(err, OQ_E_EXISTS, "rename %s: %s is there already", from, to);
    return rename(from, to) == 0 ? flush_folder_of(to, err) : fail("rename", from, err);
}

enum oq_status oq_db_file_remove(const char *path, struct oq_error *err)
{
    if (oq_fault_hit(OQ_FAULT_DB_IO))
        return oq_error_set(err, OQ_E_DB, "remove %s: a fault for a test", path);
    return unlink(path) == 0 || errno == ENOENT ? OQ_OK : fail("remove", path, err);
}

#endif
