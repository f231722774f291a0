/* paths_int.h - UTF-8 paths of the model in the form that Windows takes without limits or
 * rewriting. Any thread. */
#ifndef PATHS_INT_H
#define PATHS_INT_H

#include "oq_status.h"

/* "C:\a" -> "\\?\C:\a", "\\s\x" -> "\\?\UNC\s\x", '/' -> '\'; a path that has the prefix already
 * stays. New string (oq_free). OQ_E_INVALID_ARG for a path that is not absolute or not UTF-8,
 * OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_win_long_path(const char *path, wchar_t **out,
                                              struct oq_error *err);

#endif
