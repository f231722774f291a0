/* oq_win_scm.h - a program as a Windows service, and the same in the foreground.
 *
 * Owns the conversation with the service control manager: one status setter, checkpoints that rise
 * only when the hosted program has made a step, and the moment of stopping. Knows nothing of what
 * it hosts but three callbacks. One service per process (the manager's interface has no context
 * argument).
 */
#ifndef OQ_WIN_SCM_H
#define OQ_WIN_SCM_H

#include "oq_status.h"

struct oq_win_scm;

enum oq_win_scm_event {
    OQ_SCM_EVENT_SUSPEND, /* the machine is about to sleep */
    OQ_SCM_EVENT_RESUME,  /* it is awake again */
    OQ_SCM_EVENT_LOGON,   /* a user logged on */
    OQ_SCM_EVENT_LOGOFF,
};

struct oq_win_scm_hosted {
    void *ctx;
    /* Returns when the program serves: RUNNING is reported then, and not before. Calls
     * oq_win_scm_progress before each slow step. On failure nothing is left running; stop is not
     * called. */
    enum oq_status (*start)(void *ctx, struct oq_win_scm *scm, struct oq_error *err);
    /* Returns when all is saved and stopped. Called once, on the thread that called start. Calls
     * oq_win_scm_progress before each slow step. */
    void (*stop)(void *ctx, struct oq_win_scm *scm);
    /* session: of LOGON and LOGOFF, else 0. Must not wait. Any thread, between the return of start
     * and the call of stop; never while stop runs. */
    void (*event)(void *ctx, enum oq_win_scm_event event, uint32_t session);
};

/* Another step has been made, the next one takes at most step_ms. Only from start and stop. */
void oq_win_scm_progress(struct oq_win_scm *scm, uint32_t step_ms);

/* Asks for a stop as the control manager would. Any thread, any time; more than once is allowed. */
void oq_win_scm_request_stop(struct oq_win_scm *scm);

/* Serves under the control manager until it stops the service. *exit_code is the Win32 code that
 * was reported (0 = all well). OQ_E_NOT_SUPPORTED: the process was not started by the control
 * manager; hosted was not called. OQ_E_IO, OQ_E_NOMEM. From main() only. `name` is UTF-8. */
OQ_MUST_CHECK enum oq_status oq_win_scm_run_service(const char *name,
                                                    const struct oq_win_scm_hosted *hosted,
                                                    uint32_t *exit_code, struct oq_error *err);

/* Serves in the foreground until Ctrl-C, Ctrl-Break, the end of the console or of the session; a
 * second Ctrl-C ends the process at once. The status of hosted->start. */
OQ_MUST_CHECK enum oq_status oq_win_scm_run_console(const struct oq_win_scm_hosted *hosted,
                                                    struct oq_error *err);

#endif
