/* oq_win_link.h - the link port on Windows: interfaces, their counters, the cost of the network,
 * the time zone.
 *
 * Owns one thread, which asks for the cost of the network by COM, since that may take its time: at
 * the first question of the engine, then every 30 s as long as the engine asks, and after a change
 * of the network. Made after oq_com_open, as all that uses COM. The port itself is for the engine
 * thread.
 *
 * The interface is the one that GetBestInterfaceEx names for the peer, its counter comes from
 * GetIfEntry2 (0.3 ms under Wine). A connection's RTT comes from SIO_TCP_INFO, since Windows
 * 10 1703; Wine has none. The cost comes from INetworkCostManager, since Windows 8; where it is
 * missing nothing is metered.
 */
#ifndef OQ_WIN_LINK_H
#define OQ_WIN_LINK_H

#include "oq_clock.h"
#include "oq_link.h"

struct oq_win_link;

/* The clock is borrowed. OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_win_link_new(const struct oq_clock *clock, struct oq_win_link **out,
                                             struct oq_error *err);
/* The network is another one: its cost is asked for with the next question. Any thread. */
void oq_win_link_changed(struct oq_win_link *link);
/* Waits half a second for the thread. False: COM does not come back to it; it is left behind and
 * frees what it needs, but the process has to be ended with TerminateProcess. NULL is allowed;
 * the port may not be used any more. */
bool oq_win_link_free(struct oq_win_link *link);
/* The port, borrowed. */
const struct oq_link_port *oq_win_link_port(struct oq_win_link *link);

/* Tells when the network changes. Owns one registration with the IP helper; the callback runs on a
 * thread of the system. */
struct oq_win_watch;

/* Must not wait; may be called several times for one change. */
typedef void oq_win_watch_changed(void *ctx);

/* From now on `changed` is called whenever an interface comes, or changes its parameters and has a
 * network: a transfer that waits may retry now. Not when one goes.
 * OQ_E_NOMEM, OQ_E_IO, OQ_E_NOT_SUPPORTED. Ends with oq_win_watch_stop. */
OQ_MUST_CHECK enum oq_status oq_win_watch_start(oq_win_watch_changed *changed, void *ctx,
                                                struct oq_win_watch **out, struct oq_error *err);
/* Returns when no callback runs and none will come. Not from the callback. NULL is allowed. */
void oq_win_watch_stop(struct oq_win_watch *watch);

#endif
