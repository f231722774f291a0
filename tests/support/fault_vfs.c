/* fault_vfs.c - a SQLite VFS over the default one whose calls fail on demand. */
#include "fault_vfs.h"

#include "oq_fault.h"

#include <sqlite3.h>

#include <string.h>

static unsigned chosen_kinds = FAULT_VFS_ALL;
static int chosen_write_error = SQLITE_IOERR_WRITE;

static bool is_failing(enum fault_vfs_kind kind)
{
    return (chosen_kinds & (unsigned)kind) != 0 && oq_fault_hit(OQ_FAULT_DB_IO);
}

/* --- files ----------------------------------------------------------------------------------- */

/* The default VFS's file stands behind this struct, in the same block. */
struct fault_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

static int file_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *buffer, int amount, sqlite3_int64 offset)
{
    if (is_failing(FAULT_VFS_READ))
        return SQLITE_IOERR_READ;
    return real_of(file)->pMethods->xRead(real_of(file), buffer, amount, offset);
}

static int file_write(sqlite3_file *file, const void *buffer, int amount, sqlite3_int64 offset)
{
    if (is_failing(FAULT_VFS_WRITE)) {
        (void)real_of(file)->pMethods->xWrite(real_of(file), buffer, amount / 2, offset);
        return chosen_write_error;
    }
    return real_of(file)->pMethods->xWrite(real_of(file), buffer, amount, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (is_failing(FAULT_VFS_TRUNCATE))
        return SQLITE_IOERR_TRUNCATE;
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    if (is_failing(FAULT_VFS_SYNC))
        return SQLITE_IOERR_FSYNC;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_reserved(sqlite3_file *file, int *is_reserved)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), is_reserved);
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

/* Version 1: neither shared memory nor mapped pages, which could not fail here. WAL then works in
 * exclusive mode only, so a store that forgets that mode fails its tests. */
static const sqlite3_io_methods file_methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

/* --- the VFS --------------------------------------------------------------------------------- */

static sqlite3_vfs *real_vfs(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *out_flags)
{
    struct fault_file *self = (struct fault_file *)file;

    self->base.pMethods = NULL; /* "not open" until the real one is */
    if (is_failing(FAULT_VFS_OPEN))
        return SQLITE_CANTOPEN;
    self->real = (sqlite3_file *)(self + 1);
    int rc = real_vfs(vfs)->xOpen(real_vfs(vfs), name, self->real, flags, out_flags);
    if (rc == SQLITE_OK)
        self->base.pMethods = &file_methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    if (is_failing(FAULT_VFS_DELETE))
        return SQLITE_IOERR_DELETE;
    return real_vfs(vfs)->xDelete(real_vfs(vfs), name, sync_folder);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    return real_vfs(vfs)->xAccess(real_vfs(vfs), name, flags, result);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    return real_vfs(vfs)->xFullPathname(real_vfs(vfs), name, size, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    return real_vfs(vfs)->xRandomness(real_vfs(vfs), size, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    return real_vfs(vfs)->xSleep(real_vfs(vfs), microseconds);
}

static int vfs_current_time(sqlite3_vfs *vfs, double *now)
{
    return real_vfs(vfs)->xCurrentTime(real_vfs(vfs), now);
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    return real_vfs(vfs)->xGetLastError(real_vfs(vfs), size, out);
}

bool fault_vfs_register(void)
{
    static sqlite3_vfs vfs = {
        .iVersion = 1,
        .zName = FAULT_VFS_NAME,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_pathname,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_current_time,
        .xGetLastError = vfs_last_error,
    };
    if (vfs.pAppData)
        return true;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (!real)
        return false;
    vfs.pAppData = real;
    vfs.mxPathname = real->mxPathname;
    vfs.szOsFile = (int)sizeof(struct fault_file) + real->szOsFile;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK;
}

void fault_vfs_choose(unsigned kinds, int write_error)
{
    chosen_kinds = kinds;
    chosen_write_error = write_error;
}

/* --- SQLite's allocator ---------------------------------------------------------------------- */

static sqlite3_mem_methods real_memory;

static void *memory_alloc(int size)
{
    return oq_fault_hit(OQ_FAULT_ALLOC) ? NULL : real_memory.xMalloc(size);
}

static void *memory_realloc(void *old, int size)
{
    return oq_fault_hit(OQ_FAULT_ALLOC) ? NULL : real_memory.xRealloc(old, size);
}

bool fault_sqlite_memory_install(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory) != SQLITE_OK)
        return false;
    sqlite3_mem_methods ours = real_memory;
    ours.xMalloc = memory_alloc;
    ours.xRealloc = memory_realloc;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) == SQLITE_OK;
}
