/* oq_path.h - which local names are allowed, and the names beside them (contract section 2.3, D22,
 * A.4).
 *
 * Pure; any thread: reads the text only; the file port finds out whether the folder exists and may
 * be written. Windows rules on every platform ('\' and '/' both separate). For the native test
 * builds oq_path_check also accepts an absolute POSIX path if `allow_posix` is true; production
 * passes false.
 *
 * What the contract leaves open: forward slashes and doubled separators inside a path are accepted,
 * because Windows accepts them and clients make them by joining; a server and a share name obey the
 * same rules as the names below them.
 */
#ifndef OQ_PATH_H
#define OQ_PATH_H

#include "oq_status.h"

#define OQ_PATH_MAX_UNITS                                                                          \
    259 /* MAX_PATH less the terminator, UTF-16 units; see docs/compat.md on the 260th */

/* Absolute (X:\... or \\server\share\...), no wildcard, no \\?\ or \\.\ prefix, no stream (':'
 * after the drive), no character that NTFS refuses, no reserved device name (CON, NUL, COM1...,
 * with any extension), no segment ending in a dot or space, no "." or ".." segment, not ending in a
 * separator, no segment above 255 units, at most OQ_PATH_MAX_UNITS, valid UTF-8. A POSIX path (one
 * leading slash) may have 4,095 bytes and no backslash. NULL and "" are refused. OQ_E_INVALID_ARG
 * with a sentence in err->text, which does not repeat the path. err may be NULL. */
OQ_MUST_CHECK enum oq_status oq_path_check(const char *path, bool allow_posix,
                                           struct oq_error *err);

/* Could this single name (no separators) be a segment of such a path? NULL and "" could not. */
bool oq_path_is_name(const char *name);

/* A name like that text of `length` bytes, which may be anything: '_' takes the place of what
 * cannot be in a name, and stands before one that is reserved for devices; one that is too long is
 * cut before its ending. New string, NULL when out of memory. Caller frees with oq_free. */
char *oq_path_make_name(const char *text, size_t length);

/* The functions below expect a path that oq_path_check has accepted; others give some answer
 * without harm. */

/* The folder part without the last separator ("C:\" keeps it, and so does "/"). New string; NULL
 * when out of memory. Caller frees with oq_free. */
char *oq_path_folder(const char *path);

/* Do both name one file to Windows? Case does not count (ASCII, Latin-1, Greek and Cyrillic; other
 * scripts are compared as they are), nor which separator, nor how many. */
bool oq_path_is_same(const char *a, const char *b);

/* The name of a temporary file in the same folder: BIT<16 hex digits of random, lower case>.tmp,
 * with the separator style of `path`. It can be longer than OQ_PATH_MAX_UNITS (up to 22 units more,
 * when the file's own name is short): the file port must not be bound by MAX_PATH. New string; NULL
 * when out of memory. Caller frees with oq_free. */
char *oq_path_temp(const char *path, uint64_t random);

/* Has the last segment exactly the form oq_path_temp makes (case matters)? Used before removing
 * anything. */
bool oq_path_is_temp(const char *path);

#endif
