/* lossy_files.h - the POSIX file port with a disk that forgets: what was not flushed exists in
 * memory only.
 *
 * A process that ends without a flush leaves behind what a machine leaves behind whose power went:
 * the bytes of the last flush. Names (creating, renaming, removing) take effect at once. Meant for
 * a child process of a crash test; nothing is ever given back.
 */
#ifndef LOSSY_FILES_H
#define LOSSY_FILES_H

#include "oq_files.h"

/* From now on about half of the sectors of each write reach the disk at once, in no order, as a
 * disk does it that is not told to flush; the rest only with the flush. 0 = none, as before. */
void lossy_files_tear(uint64_t seed);

/* The port, static. */
const struct oq_file_port *lossy_files(void);

#endif
