/* oq_win_ports.h - the file port on Windows: everything as the user, everything by handle.
 *
 * Owns no state. Any thread. Each call that names a user impersonates for its own duration only
 * (oq_win_identity_run); reading, writing and flushing go through the handle that was opened as the
 * user and need no user's rights any more.
 *
 * Against link following and planted names (CWE-59, CVE-2020-0787):
 *   - a file is opened with FILE_FLAG_OPEN_REPARSE_POINT and refused if it is a reparse point, a
 * folder or not on a disk;
 *   - times, attributes, rename and removal are done through the handle that was looked at, not by
 * name again;
 *   - only names that oq_path_temp makes are opened for writing, renamed or removed;
 *   - a server that is named in a path (\\server\pipe\...) may identify the user, but not act as
 * them (SQOS). Reparse points in the middle of a path are followed with the user's rights: they may
 * have their folders where they like.
 *
 * check_folder creates and deletes a hidden file instead of asking for the rights: only the file
 * system knows what a share's permissions, a quota, a read-only medium or a filter driver will say,
 * and under Wine access masks say nothing. The file is deleted by the system when its handle goes,
 * so also when the process is killed.
 *
 * Paths are handed to Windows in their \\?\ form: neither MAX_PATH nor the rewriting of names
 * (trailing dots) applies.
 */
#ifndef OQ_WIN_PORTS_H
#define OQ_WIN_PORTS_H

#include "oq_files.h"
#include "oq_hash.h"

/* The port; static, borrowed. Identities must come from oq_win_identities_port. In test builds each
 * call asks OQ_FAULT_FILE first and then fails with OQ_E_IO, ERROR_IO_DEVICE. */
const struct oq_file_port *oq_win_files_port(void);

/* The hash port over CNG, Windows' cryptography (bcrypt.dll). Static; its providers are opened at
 * first use and stay open. */
const struct oq_hash_port *oq_win_hash_port(void);

#endif
