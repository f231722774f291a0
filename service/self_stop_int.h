/* self_stop_int.h - a service that nobody needs stops itself, and is started again by the next
 * client.
 *
 * Owns one thread, which looks from time to time (core/oq_schedule.h decides). It never loses a
 * client: the door is closed in one step, and only if nobody is in and nobody has come since the
 * work was looked at; who comes later is told CO_E_SERVER_STOPPING and activates again.
 * docs/decisions/0014-a-door-that-closes-in-one-step.md.
 */
#ifndef OQ_SELF_STOP_INT_H
#define OQ_SELF_STOP_INT_H

#include "oq_com_server.h"
#include "oq_win_scm.h"

struct oq_self_stop;

/* limit_ms: time without work and clients, above 0. All are borrowed until oq_self_stop_free.
 * OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_self_stop_start(struct oq_win_scm *scm, struct oq_engine *engine,
                                                struct oq_com *com, int64_t limit_ms,
                                                struct oq_self_stop **out);
/* Ends the thread, which does not wait for anything. NULL is allowed. Not on that thread. */
void oq_self_stop_free(struct oq_self_stop *stop);

#endif
