/* oq_win_watch.h - tells when the network changes.
 *
 * Owns one registration with the IP helper. The callback runs on a thread of the system.
 */
#ifndef OQ_WIN_WATCH_H
#define OQ_WIN_WATCH_H

#include "oq_status.h"

struct oq_win_watch;

/* Must not wait; may be called several times for one change. */
typedef void oq_win_watch_changed(void *ctx);

/* From now on `changed` is called whenever an interface comes, or changes its parameters and has a
 * network: whoever waits may try again. Not when one goes.
 * OQ_E_NOMEM, OQ_E_IO, OQ_E_NOT_SUPPORTED. Ends with oq_win_watch_stop. */
OQ_MUST_CHECK enum oq_status oq_win_watch_start(oq_win_watch_changed *changed, void *ctx,
                                                struct oq_win_watch **out, struct oq_error *err);
/* Returns when no callback runs and none will come. Not from the callback. NULL is allowed. */
void oq_win_watch_stop(struct oq_win_watch *watch);

#endif
