/* conformance.h - what the files of qmgr_conformance share.
 *
 * The program is a plain client of the Queue Manager interfaces in a process of its own. It walks
 * the assertions of docs/contract (Annex B of the contract) and prints a line for each. It brings
 * its own web server, so it needs nothing but the service under test, ours or Microsoft's. It
 * compiles against our generated header or, with CONFORMANCE_MINGW, against the tool chain's own
 * qmgr.h; the identifiers are its own in either case.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#define COBJMACROS
#ifdef CONFORMANCE_MINGW
#include <winsock2.h>
#include <qmgr.h>
#else
#include <winsock2.h>
#include "openqmgr.h"
#endif

#include <stdbool.h>
#include <stdint.h>

extern const GUID iid_qmgr, iid_group, iid_job, iid_callback;

/* --- report.c ------------------------------------------------------------------------------- */

/* One line "<label> ok|not ok  <what was seen>". A label is reported once; a second report of it is
 * a failure. Numbers are assertions of Annex B, texts like "D15" are decisions of this project. */
void report(int number, bool is_ok, const char *fmt, ...) __attribute__((format(gnu_printf, 3, 4)));
void report_decision(const char *label, bool is_ok, const char *fmt, ...)
    __attribute__((format(gnu_printf, 3, 4)));
void report_skipped(int number, const char *why);
/* The assertions nobody reported count as failed. Prints the sum; returns the number of failures.
 */
unsigned report_end(void);

/* --- server.c ------------------------------------------------------------------------------- */

/* A web server on 127.0.0.1 with files made of numbers. The path says what it does:
 *   /name?size=N              N bytes, with ranges, ETag and Last-Modified
 *     &rate=N                 at most N bytes a second
 *     &status=N               that status instead
 *     &on=N                   status and change hold for the first N requests of that name only
 *     &nolength               neither Content-Length nor ranges
 *     &change                 after the first N requests (on) the file is another version
 */
bool server_start(void);
const wchar_t *server_url(const wchar_t *rest); /* static buffer of 8 */
/* Requests whose path begins with /text; *with_range those of them from an offset above 0. */
unsigned server_requests(const char *text, unsigned *with_range);
/* Byte at a position of a version of a file. */
uint8_t server_byte(uint64_t position, unsigned version);
/* Number of the request (counted over all) that first asked for /text, 0 = none. */
unsigned server_first_request(const char *text);

/* --- client.c ------------------------------------------------------------------------------- */

struct target {
    CLSID clsid;
    bool is_ours;             /* our decisions hold, not only the documentation */
    const wchar_t *service;   /* to stop and start it; NULL: leave it alone */
    wchar_t folder[MAX_PATH]; /* for destinations */
    IBackgroundCopyQMgr *manager;
};

struct work { /* a group with its job */
    GUID id, job_id;
    IBackgroundCopyGroup *group;
    IBackgroundCopyJob1 *job;
};

HRESULT target_connect(struct target *target);
void target_release(struct target *target);

/* New group and job; false (and the group gone) if that fails. */
bool work_begin(struct target *target, struct work *work);
void work_end(struct work *work); /* CancelGroup and Release */
HRESULT work_add(struct work *work, const wchar_t *remote, const wchar_t *local);
const wchar_t *target_path(struct target *target, const wchar_t *name); /* static buffer of 8 */
bool file_exists(const wchar_t *path);
/* Size of the file, and whether each byte is that of the version. */
bool file_is_version(const wchar_t *path, uint64_t size, unsigned version);
unsigned temp_files(struct target *target); /* files in the folder that are not named by us */

/* Until (status & mask) == value, at most `seconds`; the last status is in *status. */
bool wait_group(struct work *work, DWORD mask, DWORD value, unsigned seconds, DWORD *status);
bool wait_bytes(struct work *work, DWORD bytes, unsigned seconds);
/* True a few times a second until `seconds` have passed since *start (0 at first). */
bool patience(ULONGLONG *start, unsigned seconds);

/* --- callback.c ----------------------------------------------------------------------------- */

struct call {
    DWORD file_index, status, retries, win32, transport;
    bool has_group, has_job, is_right_group;
    GUID group;
    ULONGLONG at_ms;
};

/* Registers a class in this process that the service's proxy can create. The text is its CLSID. */
bool callback_register(void);
const wchar_t *callback_clsid(void);
unsigned callback_created(void);        /* objects made in this process */
unsigned callback_progress_calls(void); /* OnProgress and OnProgressEx */
/* Results that OnStatus gives for a group, one after the other; the last one stays. */
void callback_script(const GUID *group, const HRESULT *results, unsigned count);
/* Calls about a group so far; the newest in *last. */
unsigned callback_calls(const GUID *group, struct call *last);
/* Waits until there are at least so many. */
bool callback_wait(const GUID *group, unsigned count, unsigned seconds, struct call *last);

/* --- the assertions --------------------------------------------------------------------------- */

void check_queue(struct target *target);     /* 1-30, 57-58 */
void check_files(struct target *target);     /* 31-42 */
void check_props(struct target *target);     /* 60-70 */
void check_transfer(struct target *target);  /* 43-56, 59, 81, 83-87 */
void check_notify(struct target *target);    /* 71-80 */
void check_extension(struct target *target); /* our own interfaces, where they are */
/* What the program does when check_notify starts it as a client that is to be killed. */
int victim_run(struct target *target, const GUID *group);
void check_restart(struct target *target); /* 82; last, since it stops the service */

#endif
