/* posix_files.c - see posix_files.h. Each call asks the fault seam first and then does what the
 * name says. */
#define _GNU_SOURCE /* fallocate, statx */

#include "posix_files.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ERROR_IO_DEVICE 1117u

struct oq_fhandle {
    int fd;
};

static enum oq_status from_errno(const char *what, const char *path, struct oq_error *err)
{
    int code = errno;
    /* Win32 codes of the same meaning, so that the tables of core are exercised. */
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return oq_error_win32(err, OQ_E_FILE_MISSING, 2, "%s %s: %s", what, path, strerror(code));
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case EISDIR:
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, 5, "%s %s: %s", what, path, strerror(code));
    case EEXIST:
        return oq_error_win32(err, OQ_E_EXISTS, 80, "%s %s: %s", what, path, strerror(code));
    case ENOSPC:
    case EDQUOT:
        return oq_error_win32(err, OQ_E_DISK_FULL, 112, "%s %s: %s", what, path, strerror(code));
    default:
        return oq_error_win32(err, OQ_E_IO, ERROR_IO_DEVICE, "%s %s: %s", what, path,
                              strerror(code));
    }
}

#define FAULT(err)                                                                                 \
    do {                                                                                           \
        if (oq_fault_hit(OQ_FAULT_FILE))                                                           \
            return oq_error_win32(err, OQ_E_IO, ERROR_IO_DEVICE, "the test makes the disk fail");  \
    } while (0)

static enum oq_status file_open(void *ctx, struct oq_identity *as, const char *temp_path,
                                enum oq_open_mode mode, struct oq_fhandle **out,
                                uint64_t *size_bytes, struct oq_error *err)
{
    struct stat facts;
    (void)ctx;
    (void)as;
    FAULT(err);
    struct oq_fhandle *file = oq_malloc(sizeof *file);
    if (!file)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | (mode == OQ_OPEN_CREATE ? O_CREAT | O_EXCL : 0);
    file->fd = open(temp_path, flags, 0644);
    if (file->fd < 0 || fstat(file->fd, &facts) != 0) {
        enum oq_status status = from_errno("open", temp_path, err);
        if (file->fd >= 0)
            close(file->fd);
        oq_free(file);
        return status;
    }
    if (mode == OQ_OPEN_EXISTING && facts.st_nlink > 1) {
        close(file->fd);
        oq_free(file);
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, 5, "%s has a second name", temp_path);
    }
    *out = file;
    *size_bytes = (uint64_t)facts.st_size;
    return OQ_OK;
}

static enum oq_status file_write(void *ctx, struct oq_fhandle *file, uint64_t offset,
                                 const void *data, size_t length, struct oq_error *err)
{
    const char *at = data;
    (void)ctx;
    FAULT(err);
    while (length > 0) {
        ssize_t written = pwrite(file->fd, at, length, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return from_errno("write", "", err);
        at += written;
        offset += (uint64_t)written;
        length -= (size_t)written;
    }
    return OQ_OK;
}

static enum oq_status file_read(void *ctx, struct oq_fhandle *file, uint64_t offset, void *data,
                                size_t length, struct oq_error *err)
{
    char *at = data;
    (void)ctx;
    FAULT(err);
    while (length > 0) {
        ssize_t got = pread(file->fd, at, length, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0 ? oq_error_win32(err, OQ_E_IO, 38, "read: end of file")
                            : from_errno("read", "", err);
        at += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return OQ_OK;
}

static enum oq_status file_set_size(void *ctx, struct oq_fhandle *file, uint64_t size_bytes,
                                    struct oq_error *err)
{
    (void)ctx;
    FAULT(err);
    return ftruncate(file->fd, (off_t)size_bytes) == 0 ? OQ_OK : from_errno("set size", "", err);
}

static enum oq_status file_reserve(void *ctx, struct oq_fhandle *file, uint64_t size_bytes,
                                   struct oq_error *err)
{
    (void)ctx;
    FAULT(err);
    if (fallocate(file->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size_bytes) == 0)
        return OQ_OK;
    return errno == ENOSPC ? from_errno("reserve", "", err)
                           : oq_error_set(err, OQ_E_NOT_SUPPORTED, "room cannot be kept here");
}

static enum oq_status file_flush(void *ctx, struct oq_fhandle *file, struct oq_error *err)
{
    (void)ctx;
    FAULT(err);
    return fsync(file->fd) == 0 ? OQ_OK : from_errno("flush", "", err);
}

/* The number of a file that was removed is soon used again: its birth tells them apart. */
static void identity_of(int fd, const char *path, char id[OQ_FILE_ID_TEXT])
{
    struct statx facts;
    int flags = AT_SYMLINK_NOFOLLOW | (path[0] ? 0 : AT_EMPTY_PATH);
    id[0] = '\0';
    if (statx(fd, path, flags, STATX_INO | STATX_BTIME, &facts) == 0)
        snprintf(id, OQ_FILE_ID_TEXT, "%x:%x-%llx-%llx.%x", facts.stx_dev_major,
                 facts.stx_dev_minor, (unsigned long long)facts.stx_ino,
                 (unsigned long long)facts.stx_btime.tv_sec, facts.stx_btime.tv_nsec);
}

static void file_identify(void *ctx, struct oq_fhandle *file, char id[OQ_FILE_ID_TEXT])
{
    (void)ctx;
    identity_of(file->fd, "", id);
}

static void file_close(void *ctx, struct oq_fhandle *file)
{
    (void)ctx;
    if (!file)
        return;
    close(file->fd);
    oq_free(file);
}

static bool is_another(const char *path, const char *id)
{
    char found[OQ_FILE_ID_TEXT];
    identity_of(AT_FDCWD, path, found);
    return id && strcmp(id, found) != 0; /* without a number it is another one, too */
}

static enum oq_status file_finish(void *ctx, struct oq_identity *as, const char *temp_path,
                                  const char *id, const char *final_path, int64_t modified_at_ms,
                                  struct oq_error *err)
{
    (void)ctx;
    (void)as;
    FAULT(err);
    if (is_another(temp_path, id))
        return oq_error_win32(err, OQ_E_FILE_MISSING, 2,
                              "another file stands in the place of the temporary file");
    if (modified_at_ms >= 0) {
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                    {.tv_sec = (time_t)(modified_at_ms / 1000),
                                     .tv_nsec = modified_at_ms % 1000 * 1000000}};
        if (utimensat(AT_FDCWD, temp_path, times, AT_SYMLINK_NOFOLLOW) != 0)
            return from_errno("set times of", temp_path, err);
    }
    return rename(temp_path, final_path) == 0 ? OQ_OK : from_errno("rename to", final_path, err);
}

static enum oq_status file_remove(void *ctx, struct oq_identity *as, const char *temp_path,
                                  const char *id, struct oq_error *err)
{
    (void)ctx;
    (void)as;
    FAULT(err);
    if (!oq_path_is_temp(temp_path))
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, 5, "not a temporary file of ours: %s",
                              temp_path);
    if (is_another(temp_path, id))
        return OQ_OK;
    return unlink(temp_path) == 0 || errno == ENOENT ? OQ_OK : from_errno("remove", temp_path, err);
}

static enum oq_status file_stat(void *ctx, struct oq_identity *as, const char *path,
                                struct oq_file_facts *out, struct oq_error *err)
{
    struct stat facts;
    (void)ctx;
    (void)as;
    FAULT(err);
    if (lstat(path, &facts) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return from_errno("look at", path, err);
        *out = (struct oq_file_facts){.exists = false};
        return OQ_OK;
    }
    *out = (struct oq_file_facts){.exists = true,
                                  .is_regular = S_ISREG(facts.st_mode),
                                  .size_bytes = (uint64_t)facts.st_size,
                                  .modified_at_ms = (int64_t)facts.st_mtim.tv_sec * 1000 +
                                                    facts.st_mtim.tv_nsec / 1000000};
    identity_of(AT_FDCWD, path, out->id);
    return OQ_OK;
}

static enum oq_status file_check_folder(void *ctx, struct oq_identity *as, const char *final_path,
                                        struct oq_error *err)
{
    struct stat facts;
    enum oq_status status = OQ_OK;
    (void)ctx;
    (void)as;
    FAULT(err);
    char *folder = oq_path_folder(final_path);
    if (!folder)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    if (stat(folder, &facts) != 0)
        status = from_errno("look at", folder, err);
    else if (!S_ISDIR(facts.st_mode))
        status = oq_error_win32(err, OQ_E_FILE_MISSING, 3, "%s is not a folder", folder);
    else if (faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS) != 0)
        status = from_errno("write to", folder, err);
    oq_free(folder);
    return status;
}

static enum oq_status file_free_space(void *ctx, struct oq_identity *as, const char *path,
                                      uint64_t *bytes, struct oq_error *err)
{
    struct statvfs facts;
    (void)ctx;
    (void)as;
    FAULT(err);
    if (statvfs(path, &facts) != 0)
        return from_errno("look at", path, err);
    *bytes = (uint64_t)facts.f_bavail * facts.f_frsize;
    return OQ_OK;
}

const struct oq_file_port *posix_files(void)
{
    static const struct oq_file_port port = {.open = file_open,
                                             .write = file_write,
                                             .read = file_read,
                                             .set_size = file_set_size,
                                             .reserve = file_reserve,
                                             .flush = file_flush,
                                             .identify = file_identify,
                                             .close = file_close,
                                             .finish = file_finish,
                                             .remove = file_remove,
                                             .stat = file_stat,
                                             .check_folder = file_check_folder,
                                             .free_space = file_free_space};
    return &port;
}
