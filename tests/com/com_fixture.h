/* com_fixture.h - the COM objects in one process, over an engine, an identity port and an
 * impersonation that do what the test says and remember what they were asked.
 *
 * fake_engine.c defines the functions of oq_engine.h that service/com calls, so these programs do
 * not contain the engine.
 */
#ifndef COM_FIXTURE_H
#define COM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "com_int.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* --- the engine --- */

enum fake_function {
    FAKE_NONE,
    FAKE_CREATE_GROUP,
    FAKE_GET_GROUP,
    FAKE_PEEK_GROUP,
    FAKE_LIST_GROUPS,
    FAKE_VIEW_GROUP,
    FAKE_GET_TEXT,
    FAKE_SET_TEXT,
    FAKE_SET_NOTIFY_FLAGS,
    FAKE_RESUME,
    FAKE_SUSPEND,
    FAKE_CANCEL,
    FAKE_SET_FOREGROUND,
    FAKE_CREATE_JOB,
    FAKE_ADD_FILES,
    FAKE_VIEW_FILE,
    FAKE_SET_HASH,
    FAKE_SET_PIECES,
    FAKE_ADD_SOURCE,
    FAKE_SET_URL,
    FAKE_VIEW_SOURCE,
    FAKE_VIEW_PIECES,
    FAKE_SET_MAX_RATE,
    FAKE_SUMMARISE_GROUP,
    FAKE_SUMMARISE_GROUPS,
    FAKE_VIEW_POLICY,
    FAKE_FUNCTION_COUNT
};

#define FAKE_GROUP 4711 /* the id that create and get give */
#define FAKE_SID "S-1-5-21-1-2-3-1001"
#define FAKE_MAX_SPECS 4
#define FAKE_MAX_SERIALS 128

struct oq_engine {
    /* script */
    enum oq_status status;         /* of every call, unless: */
    enum fake_function fails_only; /* not FAKE_NONE: only this one gets `status` */
    uint32_t win32;                /* goes into the error */
    struct oq_group_view view;
    struct oq_file_view file; /* without its strings, which are: */
    const char *file_remote, *file_local, *file_temp, *file_validator;
    const char *text; /* what get_text gives */
    const char *first_file;
    const struct oq_group_summary *summaries;
    size_t summary_count;
    bool is_more;
    struct oq_policy_view policy;
    const struct oq_guid *guids;
    size_t guid_count;
    enum oq_status event_status; /* of the three functions about events, in place of `status` */
    HANDLE entered, leave;       /* not NULL: each call signals the one and waits for the other */

    /* what was asked */
    unsigned calls; /* all */
    unsigned count[FAKE_FUNCTION_COUNT];
    enum fake_function last;
    char sid[192]; /* of the last caller */
    bool is_admin;
    int64_t group_id;
    struct oq_guid guid;
    enum oq_text_prop prop;
    char prop_text[4096];
    uint32_t flags;
    uint64_t max_rate;
    int64_t after;
    uint32_t most;
    uint32_t index;
    uint32_t spec_count;
    char remote[FAKE_MAX_SPECS][256], local[FAKE_MAX_SPECS][256];

    /* events: by any thread, so by interlocked functions only */
    const struct oq_event_port *volatile events; /* who listens */
    volatile LONG listens, repeats, acknowledgements;
    volatile LONG acknowledged_serials[FAKE_MAX_SERIALS]; /* how often each */
    HANDLE acknowledged; /* event: set by each acknowledgement; or NULL */
};

/* What each function of the engine does first: checks its arguments, counts, and gives the
 * scripted status. For those in files of their own. */
enum oq_status fake_engine_asked(struct oq_engine *engine, enum fake_function function,
                                 const struct oq_caller *caller, int64_t group,
                                 struct oq_error *err);

/* --- who calls --- */

struct fake_identity {
    bool is_user;          /* no administrator */
    enum oq_status status; /* of capture */
    unsigned captures;
    int refs; /* identities handed out and not given back */
};

struct fake_impersonation {
    HRESULT begin, end; /* what they return */
    bool is_wine;
    unsigned begun, ended, died;
    bool is_on; /* between begin and end */
};
extern struct fake_impersonation impersonation; /* the functions have no context */

/* --- the settings --- */

struct fake_settings {
    enum oq_status status; /* of reading and setting */
    uint32_t win32;
    bool is_limit_enforced, is_pause_enforced;
    unsigned reads, sets;
    char name[64]; /* of the last set */
    int64_t value;
};

/* --- all of it --- */

struct fixture {
    struct oq_engine engine;
    struct fake_identity identity;
    struct oq_identity_port port;
    struct fake_settings settings;
    struct oq_settings_port settings_port;
    struct oq_context *context;
    IBackgroundCopyQMgr *qmgr;
    IBackgroundCopyGroup *group; /* id FAKE_GROUP, identifier group_guid */
    IBackgroundCopyJob1 *job;    /* of that group, identifier job_guid */
};

extern const GUID group_guid, job_guid, other_guid;
extern const struct oq_impersonation scripted_impersonation;

/* setup and teardown of CMocka: *state is the struct fixture. In the teardown no object and no
 * identity may be left. */
int fixture_open(void **state);
int fixture_close(void **state);
/* Forgets what was asked, scripts success and a group with a job again. */
void fixture_reset(struct fixture *fixture);

BSTR new_bstr(const WCHAR *text);

#define assert_hr(actual, expected) assert_int_equal((uint32_t)(actual), (uint32_t)(expected))
#define assert_guid(actual, expected) assert_memory_equal((actual), (expected), sizeof(GUID))
#define assert_bstr(actual, expected)                                                              \
    do {                                                                                           \
        assert_non_null(actual);                                                                   \
        assert_int_equal(SysStringLen(actual), wcslen(expected));                                  \
        assert_memory_equal((actual), (expected), wcslen(expected) * sizeof(WCHAR));               \
    } while (0)

#endif
