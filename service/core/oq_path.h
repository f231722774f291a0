/* oq_path.h - which local names are allowed, and the names beside them (contract section 2.3, D22, A.4).
 *
 * Pure: looks at the text only; whether the folder exists and may be written is the file port's answer.
 * Windows rules on every platform ('\' and '/' both separate). For the native test builds oq_path_check also accepts an
 * absolute POSIX path if `allow_posix` is true; production passes false.
 */
#ifndef OQ_PATH_H
#define OQ_PATH_H

#include "oq_status.h"

#define OQ_PATH_MAX_UNITS 259 /* MAX_PATH less the terminator, UTF-16 units; see docs/compat.md on the 260th */

/* Absolute (X:\... or \\server\share\...), no wildcard, no \\?\ or \\.\ prefix, no stream (':' after the drive), no
 * character that NTFS refuses, no reserved device name (CON, NUL, COM1...), no segment ending in a dot or space, no "." or
 * ".." segment, not ending in a separator, at most OQ_PATH_MAX_UNITS. OQ_E_INVALID_ARG with a sentence in err->text. */
OQ_MUST_CHECK enum oq_status oq_path_check(const char *path, bool allow_posix, struct oq_error *err);

/* The folder part without the last separator ("C:\" keeps it). New string; NULL when out of memory. */
char *oq_path_folder(const char *path);

/* The name of a temporary file in the same folder: BIT<16 hex digits of random>.tmp, with the separator style of `path`.
 * New string; NULL when out of memory. */
char *oq_path_temp(const char *path, uint64_t random);

/* Does the last segment have the form oq_path_temp makes? Used before removing anything. */
bool oq_path_is_temp(const char *path);

#endif
