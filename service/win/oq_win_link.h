/* oq_win_link.h - the link port on Windows: interfaces, their counters, the cost of the network,
 * the time zone.
 *
 * Owns one thread, which asks for the cost of the network (COM; it may take its time) and remembers
 * the answer. The port itself is for the engine thread.
 *
 * The interface is the one that GetBestInterfaceEx names for the peer, its counter comes from
 * GetIfEntry2 (0.3 ms under Wine). A connection's round trip comes from SIO_TCP_INFO, since Windows
 * 10 1703; Wine has none. The cost comes from INetworkCostManager, since Windows 8; where it is
 * missing nothing is metered.
 */
#ifndef OQ_WIN_LINK_H
#define OQ_WIN_LINK_H

#include "oq_link.h"

struct oq_win_link;

/* OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_win_link_new(struct oq_win_link **out, struct oq_error *err);
void oq_win_link_free(struct oq_win_link *link); /* NULL is allowed; nobody may use the port */
/* The port, borrowed. */
const struct oq_link_port *oq_win_link_port(struct oq_win_link *link);

#endif
