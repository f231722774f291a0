/* hresult.c - the one table of what a client sees of an oq_status. Owns nothing; any thread.
 *
 * "win32" rows answer with the Win32 code that caused the failure, if it is known, and else with
 * the one of the table.
 */
#include "com_int.h"

/* HRESULT_FROM_WIN32 as a constant expression. */
#define FROM_WIN32(code) ((HRESULT)(0x80070000u | (code)))

struct row {
    HRESULT hr;
    bool is_known; /* tells a row from a hole */
    bool is_win32;
};

#define SAYS(hr)                                                                                   \
    {                                                                                              \
        (hr), true, false                                                                          \
    }
#define SAYS_WIN32(code)                                                                           \
    {                                                                                              \
        FROM_WIN32(code), true, true                                                               \
    }

/* clang-format off */
static const struct row rows[OQ_STATUS_COUNT] = {
    [OQ_OK]              = SAYS(S_OK),
    [OQ_E_NOMEM]         = SAYS(E_OUTOFMEMORY),
    [OQ_E_INVALID_ARG]   = SAYS(E_INVALIDARG),
    [OQ_E_NOT_FOUND]     = SAYS((HRESULT)QM_E_ITEM_NOT_FOUND),  /* GetGroup, GetJob, GetFile; D6 */
    [OQ_E_EXISTS]        = SAYS(E_INVALIDARG),                  /* CreateGroup; D8 */
    [OQ_E_INVALID_STATE] = SAYS((HRESULT)QM_E_INVALID_STATE),   /* CreateJob; D15, D16, D21 */
    [OQ_E_NOT_SUPPORTED] = SAYS(E_NOTIMPL),                     /* contract 2.1; D12, D24 */
    [OQ_E_ACCESS_DENIED] = SAYS(E_ACCESSDENIED),                /* contract 4; D7 */
    [OQ_E_EMPTY]         = SAYS(OQ_BG_E_EMPTY),                 /* D3 */
    [OQ_E_LIMIT_USER]    = SAYS(OQ_BG_E_TOO_MANY_JOBS_PER_USER), /* D9; and: */
    [OQ_E_LIMIT_MACHINE] = SAYS(OQ_BG_E_TOO_MANY_JOBS_PER_MACHINE),
    [OQ_E_LIMIT_FILES]   = SAYS(OQ_BG_E_TOO_MANY_FILES_IN_JOB),     /* D21 */
    [OQ_E_STOPPING]      = SAYS((HRESULT)QM_E_SERVICE_UNAVAILABLE), /* D30 */
    [OQ_E_BUSY]          = SAYS(FROM_WIN32(RPC_S_SERVER_TOO_BUSY)), /* the documented "ask again" */
    [OQ_E_TIMEOUT]       = SAYS(FROM_WIN32(ERROR_TIMEOUT)),
    [OQ_E_OWNER_ABSENT]  = SAYS(FROM_WIN32(ERROR_NOT_LOGGED_ON)),    /* BITS uses the same code */
    [OQ_E_IO]            = SAYS_WIN32(ERROR_IO_DEVICE),
    [OQ_E_DISK_FULL]     = SAYS(FROM_WIN32(ERROR_DISK_FULL)),
    [OQ_E_FILE_MISSING]  = SAYS_WIN32(ERROR_FILE_NOT_FOUND),
    [OQ_E_FILE_LOCKED]   = SAYS_WIN32(ERROR_SHARING_VIOLATION),
    [OQ_E_DB]            = SAYS(FROM_WIN32(ERROR_DATABASE_FAILURE)),
    [OQ_E_DB_NEWER]      = SAYS(FROM_WIN32(ERROR_REVISION_MISMATCH)),
    [OQ_E_DB_DAMAGED]    = SAYS(FROM_WIN32(ERROR_FILE_CORRUPT)),
    [OQ_E_NET]           = SAYS((HRESULT)QM_E_DOWNLOADER_UNAVAILABLE), /* D30 */
    [OQ_E_BUG]           = SAYS(E_UNEXPECTED),
};
/* clang-format on */

HRESULT oq_hresult_of(enum oq_status status, const struct oq_error *err)
{
    if ((unsigned)status >= OQ_STATUS_COUNT || !rows[status].is_known)
        return E_UNEXPECTED;
    const struct row *row = &rows[status];
    if (!row->is_win32 || !err || err->win32 == 0)
        return row->hr;
    /* A cause that is an HRESULT already stays as it is; a success code must not come out of a
     * failure. */
    return err->win32 <= 0xffff ? FROM_WIN32(err->win32)
                                : (FAILED((HRESULT)err->win32) ? (HRESULT)err->win32 : row->hr);
}
