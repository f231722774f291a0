/* oq_win_install.h - what sc.exe and regsvr32 do for the service, in one command each way.
 *
 * Owns no state; called by `qmgrsvc install` and `uninstall` on the main thread, by an
 * administrator. Both may be repeated: what is there already is brought up to date, what is gone
 * already is not missed. After a failure it can be repeated.
 */
#ifndef OQ_WIN_INSTALL_H
#define OQ_WIN_INSTALL_H

#include "oq_status.h"

/* What is installed. UTF-8. */
struct oq_win_plan {
    const char *name;         /* of the service */
    const char *display_name; /* what people read */
    const char *description;
    const char *program; /* absolute path; the service runs it without arguments, as LocalSystem */
    const char *proxy_dll;    /* absolute path of the DLL to register; NULL = none */
    const char *proxy_dll_32; /* that for 32-bit programs, which proxy_dll registers too if it is
                                 there; NULL = none */
    bool is_forced;           /* also from a place that others may write to */
    bool takes_legacy;        /* the DLL also takes the legacy class from its owner, until it is
                              unregistered */
    const char *event_source; /* of the Application log, with the texts in `program`; NULL = none */
};

/* One thing that was done, or could not be done and is no failure; a sentence without newline. */
typedef void oq_win_said(void *ctx, const char *sentence);

/* Looks whether anybody but administrators could change the files, then registers the DLL, creates
 * the service: own process, delayed automatic start, restarted after a crash with growing delay, up
 * to 10 s of preshutdown time, an unrestricted service SID. An existing service of that name gets
 * these settings. Does not start it. OQ_E_ACCESS_DENIED: not elevated, the files can be changed, or
 * a key belongs to Windows; OQ_E_BUSY: marked for deletion; OQ_E_FILE_MISSING: no DLL; OQ_E_IO;
 * OQ_E_NOMEM; err->text is a sentence for the user. */
OQ_MUST_CHECK enum oq_status oq_win_install(const struct oq_win_plan *plan, oq_win_said *said,
                                            void *ctx, struct oq_error *err);

/* Unregisters the DLL (so that no client starts the service again), stops the service and waits for
 * it, deletes it. Data stay. Errors as above; OQ_E_TIMEOUT: it does not stop. */
OQ_MUST_CHECK enum oq_status oq_win_uninstall(const struct oq_win_plan *plan, oq_win_said *said,
                                              void *ctx, struct oq_error *err);

/* By that security descriptor (PSECURITY_DESCRIPTOR), has anybody but LocalSystem, administrators
 * and Windows' installer one of these rights, or owns the thing? */
bool oq_win_may_outsider_change(void *descriptor, uint32_t rights);

#endif
