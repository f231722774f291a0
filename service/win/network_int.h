/* network_int.h - the parts of the network port: proxies (proxy.c), trusted certificates
 * (network.c). For these two and their tests. */
#ifndef NETWORK_INT_H
#define NETWORK_INT_H

#include "oq_identity.h"
#include "oq_win_network.h"

/* --- proxy.c --- */

/* Which proxy leads to a URL, on Windows. Any thread; may block.
 *
 * The first of these that says something counts:
 *   1. what the administrator configured (registry values Proxy and ProxyBypass);
 *   2. the Internet settings of the user: a proxy, a script with its address, or one to be found in
 *      the network. They are read, and the script is asked for, with the user's rights and without
 *      logging on anywhere;
 *   3. the proxy of WinHTTP, which is the computer's (netsh winhttp);
 *   4. http_proxy, https_proxy and all_proxy of the service's environment, with no_proxy.
 * What is on this computer is always reached without a proxy, and nothing is looked up for it.
 */
struct oq_win_proxies;

/* servers and bypass are texts as in oq_proxy.h, copied; NULL servers: not configured. */
OQ_MUST_CHECK enum oq_status oq_win_proxies_new(const char *servers, const char *bypass,
                                                struct oq_win_proxies **out, struct oq_error *err);
void oq_win_proxies_free(struct oq_win_proxies *proxies); /* NULL is allowed */

/* As find_proxy of oq_network.h. OQ_E_NOMEM, OQ_E_INVALID_ARG (the URL). */
OQ_MUST_CHECK enum oq_status oq_win_proxies_find(struct oq_win_proxies *proxies, const char *url,
                                                 struct oq_identity *as, uint32_t attempt,
                                                 char **proxy, struct oq_error *err);

/* --- network.c --- */

/* A growing text. Empty: all zero. */
struct oq_win_pem {
    char *text; /* owned, terminated; NULL while empty */
    size_t length;
    size_t count; /* certificates */
};

void oq_win_pem_release(struct oq_win_pem *pem);

/* Appends every certificate of a system store ("ROOT") that is valid for servers. A store that
 * cannot be opened adds none and is OQ_OK with a warning in the log. OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_win_pem_add_store(struct oq_win_pem *pem, const char *store,
                                                  struct oq_error *err);

/* Appends a PEM file. OQ_E_FILE_MISSING, OQ_E_ACCESS_DENIED, OQ_E_IO; OQ_E_INVALID_ARG: larger than
 * 4 MB or without a certificate; OQ_E_NOMEM. pem changes only on success. */
OQ_MUST_CHECK enum oq_status oq_win_pem_add_file(struct oq_win_pem *pem, const char *path,
                                                 struct oq_error *err);

/* As oq_win_network_new; must_verify: collect the roots whatever the system is. */
OQ_MUST_CHECK enum oq_status oq_win_network_new_as(bool must_verify, const char *store,
                                                   const char *ca_file, bool checks_revocation,
                                                   struct oq_win_network **out,
                                                   struct oq_error *err);
/* May HTTP/2 be used with a libcurl of that TLS library and that version (0xMMmmpp)? */
bool oq_win_is_http2_good(const char *ssl_version, unsigned version);
/* What prepare hands to curl; NULL = native verification. Borrowed. */
const struct oq_win_pem *oq_win_network_roots(const struct oq_win_network *network);

#endif
