/* oq_link.h - port: what the idle-network throttle asks the operating system.
 *
 * Called on the engine thread; must not block. Every function may be NULL: then that is not known.
 */
#ifndef OQ_LINK_H
#define OQ_LINK_H

#include "oq_status.h"

struct oq_link_interface {
    uint64_t id;      /* names it until it goes; never 0 */
    bool is_loopback; /* no network at all: never throttled */
};

/* What the system knows of a connection (Windows: SIO_TCP_INFO). */
struct oq_link_tcp {
    uint32_t rtt_us;   /* smoothed RTT */
    uint32_t least_us; /* lowest recent RTT */
};

struct oq_link_port {
    void *ctx;
    /* How much larger a receive window is than the SO_RCVBUF that was set; 0 = as large. */
    double window_factor;
    /* The interface by which packets to that numeric address leave (Windows: GetBestInterfaceEx).
     * OQ_E_NOT_FOUND: no way there, which is no reason to complain. */
    enum oq_status (*find)(void *ctx, const char *address, struct oq_link_interface *out);
    /* Octets it has received since it came up. OQ_E_NOT_FOUND when it is gone. Costs 0.3 ms under
     * Wine: called at most ten times a second for each interface in use. */
    enum oq_status (*octets)(void *ctx, uint64_t id, uint64_t *received);
    /* OQ_E_NOT_SUPPORTED where there is no such thing; it is then not asked for this socket again.
     */
    enum oq_status (*tcp)(void *ctx, int64_t socket, struct oq_link_tcp *out);
    /* Does the connection to the outside cost by volume (Windows: network cost)? */
    bool (*is_metered)(void *ctx);
    /* What local time is ahead of UTC at that moment, in ms: the time zone of now. */
    int64_t (*ahead_ms)(void *ctx, int64_t wall_ms);
};

#endif
