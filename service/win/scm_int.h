/* scm_int.h - the conversation with the service control manager as a value, so that tests can play
 * the manager.
 *
 * For scm.c and tests/win/test_scm.c.
 */
#ifndef SCM_INT_H
#define SCM_INT_H

#include "oq_win_scm.h"

#include <windows.h>

/* Where a status goes: SetServiceStatus, a test's list, or NULL (console). */
typedef void oq_win_scm_report(void *ctx, const SERVICE_STATUS *status);

struct oq_win_scm {
    const struct oq_win_scm_hosted *hosted;
    oq_win_scm_report *report;
    void *report_ctx;
    HANDLE stop_event;   /* manual reset: a stop was asked for */
    HANDLE done_event;   /* manual reset: everything is stopped */
    SRWLOCK status_lock; /* status */
    SERVICE_STATUS status;
    SRWLOCK event_gate;    /* shared by hosted->event; exclusive to open and close it */
    bool is_event_allowed; /* under event_gate */
};

OQ_MUST_CHECK enum oq_status oq_win_scm_init(struct oq_win_scm *scm,
                                             const struct oq_win_scm_hosted *hosted,
                                             oq_win_scm_report *report, void *report_ctx,
                                             struct oq_error *err);
void oq_win_scm_release(struct oq_win_scm *scm); /* empty is accepted */

/* The one setter. States only go forward (START_PENDING, RUNNING, STOP_PENDING, STOPPED); going
 * back is ignored, STOPPED is reported once and is the last word. Repeating a pending state raises
 * the checkpoint. */
void oq_win_scm_set(struct oq_win_scm *scm, DWORD state, DWORD wait_hint_ms, DWORD win32_exit,
                    DWORD specific_exit);

/* What a control code does; the result is what the handler returns to the manager. */
DWORD oq_win_scm_control(struct oq_win_scm *scm, DWORD control, DWORD type, const void *data);

/* Start, wait, stop. *exit_code is what was reported with STOPPED. */
enum oq_status oq_win_scm_serve(struct oq_win_scm *scm, uint32_t *exit_code, struct oq_error *err);

#endif
