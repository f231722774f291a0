/* power_cut_vfs.h - a SQLite VFS that loses what was not flushed, as a machine without power does.
 *
 * Model: what a file holds on disk (in the default VFS) changes only when it is flushed; until then
 * its writes and truncations are kept in memory, where reads see them. A new file's name is on disk
 * when the file is first flushed. A deletion is on disk at once if SQLite asked for a flush of the
 * folder, and with the first flush of a new journal or log, to which SQLite's default VFS adds one
 * of the folder; else only when the power does not go before. After power_cut_now() every call
 * fails; when the connections are closed, power_cut_apply() decides what became of the unflushed
 * changes and the plain VFS sees the result.
 *
 * With oq_fault_arm(OQ_FAULT_DB_IO, n, ...) the power goes at the n-th changing call (write,
 * truncate, sync, delete, creating open). Locks do nothing: one connection at a time. One thread.
 */
#ifndef POWER_CUT_VFS_H
#define POWER_CUT_VFS_H

#include <stdbool.h>
#include <stdint.h>

#define POWER_CUT_VFS_NAME "oq-power-cut"

enum power_cut_mode {
    POWER_CUT_DROP, /* nothing unflushed arrives */
    POWER_CUT_KEEP, /* all of it arrives: a killed process rather than a power cut */
    POWER_CUT_TEAR, /* each 512-byte sector of each write, each truncation, each name arrives or
                       not, by the seed, in any order */
    POWER_CUT_MODE_COUNT
};

/* Registers the VFS under POWER_CUT_VFS_NAME; may be repeated. False if SQLite refuses. */
bool power_cut_register(void);

/* The power goes. Every later call on the VFS fails with an I/O error until power_cut_apply. */
void power_cut_now(void);
bool power_cut_has_happened(void);

/* Brings the files on disk into the state after the cut and forgets everything; the power is back.
 * All connections through the VFS must be closed. Returns how many unflushed changes there were to
 * decide about. */
uint64_t power_cut_apply(enum power_cut_mode mode, uint64_t seed);

#endif
