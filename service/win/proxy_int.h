/* proxy_int.h - where the way out is, on Windows. Any thread; may block.
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
#ifndef PROXY_INT_H
#define PROXY_INT_H

#include "oq_identity.h"

struct oq_win_proxies;

/* servers and bypass are texts as in oq_proxy.h, copied; NULL servers: not configured. */
OQ_MUST_CHECK enum oq_status oq_win_proxies_new(const char *servers, const char *bypass,
                                                struct oq_win_proxies **out, struct oq_error *err);
void oq_win_proxies_free(struct oq_win_proxies *proxies); /* NULL is allowed */

/* As find_proxy of oq_network.h. OQ_E_NOMEM, OQ_E_INVALID_ARG (the URL). */
OQ_MUST_CHECK enum oq_status oq_win_proxies_find(struct oq_win_proxies *proxies, const char *url,
                                                 struct oq_identity *as, uint32_t attempt,
                                                 char **proxy, struct oq_error *err);

#endif
