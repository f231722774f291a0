/* oq_url.h - which remote names are allowed (contract section 2.3, D22).
 *
 * Pure; any thread. RFC 3986 characters; scheme http or https only; a host; at most 2,200
 * characters. QMGR does no escaping, so what is not legal in a URL is refused.
 */
/* What the contract leaves open:
 * - User information (user:password@) is accepted, because download tools do and a client may rely
 *   on it; it is never logged (oq_url_redact).
 * - A fragment ('#') is refused: no server ever sees it, and what is meant is nearly always a '#'
 *   in a file name, so the wrong file would come (write %23).
 * - The host is an IPv6 address in brackets (no zone), an IPv4 address of four decimal numbers, or
 *   a name of letters, digits, '-', '_', '~' and dots within the lengths of DNS. RFC 3986 would
 *   also let %XX and punctuation pass; no such host exists.
 * - An empty port (http://host:/) is legal and means the scheme's own.
 * - The length of a single segment is not limited: MAX_PATH per segment is a rule of BITS, not of
 *   QMGR. */
#ifndef OQ_URL_H
#define OQ_URL_H

#include "oq_status.h"

#define OQ_URL_MAX_CHARS 2200

enum oq_url_scheme { OQ_URL_OTHER, OQ_URL_HTTP, OQ_URL_HTTPS };

/* By the beginning of the text alone, "http://" or "https://" in any case: the one place that tells
 * a URL from a file name, and one scheme from the other. */
enum oq_url_scheme oq_url_scheme(const char *text);

/* OQ_E_INVALID_ARG with a sentence in err->text naming the rule that is broken and the place
 * (counted from 1); the sentence does not repeat the URL. OQ_E_NOMEM. NULL is an invalid URL, here
 * and below. err may be NULL. */
OQ_MUST_CHECK enum oq_status oq_url_check(const char *url, struct oq_error *err);

/* scheme://host:port/path without user information and query, for logs: the scheme in lower case,
 * a port only if the URL has one, at least "/" as path. New string, NULL when out of memory; an
 * invalid URL gives "(invalid URL)". Caller frees with oq_free. */
char *oq_url_redact(const char *url);

/* "host:port" in lower case with the scheme's default port filled in, for per-host limits; an IPv6
 * address keeps its brackets. New string; NULL when out of memory or not a valid URL. Caller frees
 * with oq_free. */
char *oq_url_host_key(const char *url);

/* A URL as people paste it, made one that oq_url_check accepts, if it can be: blanks around it and
 * angle brackets are cut, and so is a fragment, which no server sees; in path and query what must
 * be escaped is (blanks, quotes, brackets, bars, letters outside ASCII, '%' that begins no escape);
 * a host outside ASCII gets its name in DNS (IDNA). Also for redirects and URLs of documents. What
 * is legal stays as it is. New string, NULL when out of memory. Caller frees with oq_free. */
char *oq_url_normalize(const char *text);

/* The last path segment, percent-decoded, as a Windows file name (oq_path_make_name); "download" if
 * there is none. For clients that let the user leave out the file name. New string; NULL
 * when out of memory. Caller frees with oq_free. */
char *oq_url_file_name(const char *url);

#endif
