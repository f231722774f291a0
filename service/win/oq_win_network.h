/* oq_win_network.h - the network port on Windows: whose certificates are trusted.
 *
 * Owns the bytes of the trusted roots, if it had to collect any. prepare runs on the engine thread
 * and only sets options.
 *
 * On Windows, Schannel verifies the server natively, with Windows' own roots, names and time;
 * revocation is looked up and counts when the answer can be had (CURLSSLOPT_REVOKE_BEST_EFFORT): a
 * list that cannot be reached is no failure, as in browsers, since otherwise nothing could be
 * downloaded behind a firewall that blocks the lists. The look-up happens inside the TLS handshake
 * and can hold it up.
 *
 * Two cases are handed to curl's own verification of the chain, with the ROOT store of the system
 * as a PEM blob:
 *   - under Wine, whose Schannel accepts any certificate;
 *   - when the administrator named a CaFile, whose certificates are then trusted as well.
 * Revocation is not looked up under Wine. If no certificate could be collected at all, HTTPS fails:
 * never the other way.
 *
 * TLS 1.2 is the least in both. Client certificates and the service's own credentials are never
 * offered (docs/decisions/0011). Where the proxy comes from stands in network_int.h.
 */
#ifndef OQ_WIN_NETWORK_H
#define OQ_WIN_NETWORK_H

#include "oq_network.h"

struct oq_win_network;

/* The proxy that the administrator named and the hosts to be reached without one, as in oq_proxy.h;
 * NULL: none. Before the first transfer. OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_win_network_set_proxy(struct oq_win_network *network,
                                                      const char *servers, const char *bypass,
                                                      struct oq_error *err);

/* ca_file: PEM file to trust besides Windows' roots, or NULL. checks_revocation: ask the issuer of
 * a server's certificate whether it was revoked; where he cannot be reached that is passed over,
 * but Schannel waits for him within the handshake, up to 20 s on the engine thread. Takes the time
 * to read the store when it has to (Wine: about 0.2 s). OQ_E_NOMEM; OQ_E_FILE_MISSING,
 * OQ_E_ACCESS_DENIED, OQ_E_IO, OQ_E_INVALID_ARG when the CaFile cannot be used. */
OQ_MUST_CHECK enum oq_status oq_win_network_new(const char *ca_file, bool checks_revocation,
                                                struct oq_win_network **out, struct oq_error *err);
void oq_win_network_free(
    struct oq_win_network *network); /* NULL is allowed; no transfer may run any more */

/* The port, borrowed. */
const struct oq_network_port *oq_win_network_port(struct oq_win_network *network);

#endif
