/* posix_files.h - the file port on POSIX, for running the engine natively: real files, real fsync,
 * and the fault seam.
 *
 * "Hidden" has no meaning here. An identity is not asked for rights: a scripted port (support
 * identity) has none.
 */
#ifndef POSIX_FILES_H
#define POSIX_FILES_H

#include "oq_files.h"

/* The port, static. */
const struct oq_file_port *posix_files(void);

#endif
