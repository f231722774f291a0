/* oq_status.h - the result of every function of OpenQMGR that can fail, and the detail that goes
 * with it.
 *
 * Owns no state; any thread. Knows nothing of HRESULT: service/com has the one table that turns
 * these into what a COM client sees. An unknown code is an error, never success.
 */
#ifndef OQ_STATUS_H
#define OQ_STATUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OQ_MUST_CHECK __attribute__((warn_unused_result))
#if defined(__MINGW32__)
#define OQ_PRINTF(fmt, args) __attribute__((format(gnu_printf, fmt, args)))
#else
#define OQ_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#endif

enum oq_status {
    OQ_OK = 0,
    OQ_E_NOMEM,         /* an allocation failed; nothing was changed */
    OQ_E_INVALID_ARG,   /* the caller's input breaks a rule; error.text says which */
    OQ_E_NOT_FOUND,     /* no such group, job, file index, or one the caller may not see */
    OQ_E_EXISTS,        /* the identifier is taken */
    OQ_E_INVALID_STATE, /* not now: the state machine has no such edge */
    OQ_E_NOT_SUPPORTED, /* a value or call QMGR defines as unsupported */
    OQ_E_ACCESS_DENIED, /* the caller may not do that, or the file system said so */
    OQ_E_EMPTY,         /* resume of a group without files */
    OQ_E_LIMIT_USER,    /* too many groups of this user */
    OQ_E_LIMIT_MACHINE, /* too many groups on this machine */
    OQ_E_LIMIT_FILES,   /* too many files in the job */
    OQ_E_STOPPING,      /* the service is stopping; ask again after it has come back */
    OQ_E_BUSY,          /* the request queue is full, or no reply came in time */
    OQ_E_TIMEOUT,       /* a wait reached its limit */
    OQ_E_OWNER_ABSENT,  /* the owner cannot be impersonated now: not logged on */
    OQ_E_IO,            /* the file system failed; error.win32 says how */
    OQ_E_DISK_FULL,     /* no space left on the volume */
    OQ_E_FILE_MISSING,  /* the file or its folder is not there */
    OQ_E_FILE_LOCKED,   /* the file is open in another program */
    OQ_E_DB,            /* SQLite failed; error.text has its words */
    OQ_E_DB_NEWER,      /* the database was written by a newer OpenQMGR and was left untouched */
    OQ_E_DB_DAMAGED,    /* the database is not one, or is damaged */
    OQ_E_NET,           /* the network or the server failed; error.net / error.http say how */
    OQ_E_BUG,           /* the impossible happened; logged where it was seen */
    OQ_STATUS_COUNT
};

#define OQ_NO_FILE UINT32_MAX /* error.file_index when no file is concerned */

/* Detail of a failure. All zero means "nothing known"; initialise with oq_error_init(). */
struct oq_error {
    enum oq_status status;
    uint32_t win32;      /* Win32 error code that caused it, or 0 */
    uint32_t http;       /* HTTP status code that caused it, or 0 */
    uint32_t net;        /* enum oq_net_error of core/oq_errors.h, or 0 */
    uint32_t file_index; /* file of the job, or OQ_NO_FILE */
    char text[256];      /* one sentence for a person, UTF-8, no trailing newline */
};

/* Empties *err (file_index = OQ_NO_FILE). NULL is allowed. */
void oq_error_init(struct oq_error *err);

/* Sets err->status and err->text (printf, cut at a UTF-8 character boundary); leaves the other
 * fields. err may be NULL, and the old err->text may be an argument. Returns status, so that
 * `return oq_error_set(err, OQ_E_X, "...")` reads well. */
enum oq_status oq_error_set(struct oq_error *err, enum oq_status status, const char *fmt, ...)
    OQ_PRINTF(3, 4);

/* As oq_error_set, and sets err->win32. */
enum oq_status oq_error_win32(struct oq_error *err, enum oq_status status, uint32_t win32,
                              const char *fmt, ...) OQ_PRINTF(4, 5);

/* "OQ_E_NOMEM" and so on, never NULL; for logs and tests. */
const char *oq_status_name(enum oq_status status);

#endif
