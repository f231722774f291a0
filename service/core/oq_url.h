/* oq_url.h - which remote names are allowed (contract section 2.3, D22).
 *
 * Pure. RFC 3986 characters; scheme http or https only; a host; at most 2,200 characters; QMGR does no escaping, so
 * anything that is not legal in a URL is refused.
 */
#ifndef OQ_URL_H
#define OQ_URL_H

#include "oq_status.h"

#define OQ_URL_MAX_CHARS 2200

/* OQ_E_INVALID_ARG with a sentence in err->text naming the rule that is broken. err may be NULL. */
OQ_MUST_CHECK enum oq_status oq_url_check(const char *url, struct oq_error *err);

/* scheme://host:port/path without user info, query and fragment, for logs. New string, NULL when out of memory; an
 * invalid URL gives "(invalid URL)". Caller frees with oq_free. */
char *oq_url_redact(const char *url);

/* "host:port" in lower case with the scheme's default port filled in, for per-host limits. New string; NULL when out of
 * memory or not a valid URL. */
char *oq_url_host_key(const char *url);

/* The last path segment, percent-decoded, if it can serve as a Windows file name; otherwise "download". For clients that let
 * the user leave out the file name. New string; NULL when out of memory. */
char *oq_url_file_name(const char *url);

#endif
