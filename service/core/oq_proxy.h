/* oq_proxy.h - proxy resolution: the proxy of a URL, from the lists of administrators, users and
 * Windows.
 *
 * Pure; any thread. The texts come from the registry and may be anything.
 */
#ifndef OQ_PROXY_H
#define OQ_PROXY_H

#include "oq_status.h"

#define OQ_PROXY_MAX 512 /* characters of one proxy; longer ones do not count */

/* `servers` is a list of proxies, separated by blanks or semicolons, in one of the forms of Windows
 * ("proxy:8080", "http=proxy:8080;https=other:8080") or a URL ("http://user:password@proxy:8080",
 * also socks4, socks4a, socks5 and socks5h). Those for another scheme than the URL's do not count;
 * of several the attempt-th is taken, so that a dead one is left for the next. "direct" is none.
 *
 * `bypass` is a list of hosts to be reached without a proxy, separated by blanks, semicolons or
 * commas: "host", "host:port", "*.domain", "10.*", ".domain" or "domain" with all below it, an IPv6
 * address with or without brackets, "<local>" for names without a dot, "*" for all. Case does not
 * matter. This is what Windows' proxy exceptions and NO_PROXY have in common. This computer itself
 * (localhost, 127.*, ::1) is always reached without one, as in Windows.
 *
 * Writes what libcurl expects: "" for no proxy, else a URL. NULL texts are empty ones.
 * OQ_E_INVALID_ARG if `url` is not one that oq_url_check accepts. */
OQ_MUST_CHECK enum oq_status oq_proxy_choose(const char *servers, const char *bypass,
                                             const char *url, uint32_t attempt,
                                             char proxy[OQ_PROXY_MAX + 1]);

/* Does the list, of the form of `bypass` above, have the host of that URL, http or https? This
 * computer is on it only if it is written there. NULL is an empty list. */
bool oq_proxy_is_listed(const char *list, const char *url);

/* Is that the SID of a person, of this computer, a domain or a directory? Not of the accounts of
 * the system, which authenticate to servers as the computer. */
bool oq_proxy_is_person(const char *sid);

/* The user part of a URL, of a proxy or a server, is there and has a name. Without a name libcurl
 * would authenticate as the account that runs the program, which must never happen. */
bool oq_proxy_has_user(const char *proxy);

#endif
