/* oq_win_support.h - what every module of service/win needs from Windows: the one table from Win32
 * codes to oq_status, the system's words for a code, and where and on what we run.
 *
 * Owns no state; any thread. Strings are UTF-8 outside and UTF-16 at the API; wchar_t and uint16_t
 * are the same type here, so oq_utf.h converts both ways.
 */
#ifndef OQ_WIN_SUPPORT_H
#define OQ_WIN_SUPPORT_H

#include "oq_status.h"

/* What a Win32 code means to the layers above (file port, registry, tokens). ERROR_SUCCESS is
 * OQ_OK; a code that is not in the table is OQ_E_IO, never success. */
enum oq_status oq_win_status(uint32_t win32);

/* The system's sentence for a code, in UTF-8, without line breaks and final full stop; "error 4711"
 * if it has none. Always terminated. */
void oq_win_describe(uint32_t win32, char *text, size_t capacity);

/* A failure of a Windows call: sets err (may be NULL) to "<what>: <the system's words> (<win32>)"
 * with err->win32, and returns the table's status. win32 = ERROR_SUCCESS, from a call that failed
 * without saying why, is OQ_E_IO. */
enum oq_status oq_win_fail(struct oq_error *err, uint32_t win32, const char *fmt, ...)
    OQ_PRINTF(3, 4);

/* Writes UTF-8 text to standard output or standard error, to a console as UTF-16: its code page
 * does not matter, and a character never goes out in two halves. Errors are ignored. */
void oq_win_print(bool is_error, const char *text);

/* Is this Wine? ntdll of Wine exports wine_get_version. Decides three things only: who calls when
 * COM cannot impersonate (oq_win_identity.h), who verifies certificates (oq_win_network.h), and
 * that the one user there may change the program (oq_win_install.h). */
bool oq_win_is_wine(void);

/* Full path of the running program, new string (oq_free). OQ_E_NOMEM, OQ_E_IO. */
OQ_MUST_CHECK enum oq_status oq_win_program_path(char **out, struct oq_error *err);

/* Folder of the running program joined with `name`, new string (oq_free). OQ_E_NOMEM, OQ_E_IO. */
OQ_MUST_CHECK enum oq_status oq_win_beside_program(const char *name, char **out,
                                                   struct oq_error *err);

/* "C:\a" -> "\\?\C:\a", "\\s\x" -> "\\?\UNC\s\x", '/' -> '\'; a path that has the prefix already
 * stays. New string (oq_free). OQ_E_INVALID_ARG for a path that is not absolute or not UTF-8,
 * OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_win_long_path(const char *path, wchar_t **out,
                                              struct oq_error *err);

#endif
