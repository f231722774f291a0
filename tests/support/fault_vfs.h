/* fault_vfs.h - a SQLite VFS over the default one whose calls fail on demand.
 *
 * Each call of a chosen kind asks oq_fault_hit(OQ_FAULT_DB_IO); if that says so it fails with
 * SQLite's code for it, and a failing write has then written its first half. Arm it by
 * oq_fault_arm. Flushes can fail, but are not passed on to the disk: no power goes here (it does in
 * power_cut_vfs.h), and they would take nearly all of the time. In trees without OQ_FAULT_INJECTION
 * nothing fails. One thread.
 */
#ifndef FAULT_VFS_H
#define FAULT_VFS_H

#include <stdbool.h>

#define FAULT_VFS_NAME "oq-fault"

enum fault_vfs_kind {
    FAULT_VFS_WRITE = 1 << 0,
    FAULT_VFS_SYNC = 1 << 1,
    FAULT_VFS_TRUNCATE = 1 << 2,
    FAULT_VFS_OPEN = 1 << 3,
    FAULT_VFS_DELETE = 1 << 4,
    FAULT_VFS_READ = 1 << 5,
    FAULT_VFS_ALL = (1 << 6) - 1
};

/* Registers the VFS under FAULT_VFS_NAME; may be repeated. False if SQLite refuses. */
bool fault_vfs_register(void);

/* Which calls are counted and can fail (default: all), and SQLite's code for a failing write
 * (default: SQLITE_IOERR_WRITE; a full disk is SQLITE_FULL). */
void fault_vfs_choose(unsigned kinds, int write_error);

/* SQLite's own allocations can fail too, at oq_fault_hit(OQ_FAULT_ALLOC), which counts them
 * together with those of oq_alloc.h. Must be called before the first use of SQLite in the process;
 * false if it is too late. */
bool fault_sqlite_memory_install(void);

#endif
