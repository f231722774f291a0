/* oq_errors.h - the one table of what failures mean: transient or fatal, and the codes a client
 * sees (contract D20, A.1).
 *
 * Pure; any thread. The engine turns curl's codes into oq_net_error (service/net/http_errors.c) and
 * file errors come as oq_status + Win32 code; HTTP statuses are taken as they are. A status or code
 * that is not in the table is transient only where the contract says so; an unknown one is fatal.
 */
#ifndef OQ_ERRORS_H
#define OQ_ERRORS_H

#include "oq_status.h"

enum oq_net_error {
    OQ_NET_NONE,
    OQ_NET_RESOLVE, /* the host name has no address, for now or for ever: DNS does not say which */
    OQ_NET_RESOLVE_PROXY,
    OQ_NET_CONNECT, /* refused or unreachable */
    OQ_NET_OFFLINE, /* no network at all */
    OQ_NET_TIMEOUT, /* connecting took too long */
    OQ_NET_STALLED, /* connected, but no bytes for too long */
    OQ_NET_CUT,     /* the connection ended before the body was whole, or was reset, or the body's
                       framing (chunks, HTTP/2 stream) broke in the middle */
    OQ_NET_TLS,     /* handshake failed for another reason than the certificate */
    OQ_NET_CERT_UNKNOWN, /* the server's certificate is not from an authority this computer trusts
                          */
    OQ_NET_CERT_NAME,    /* the certificate is for another host */
    OQ_NET_CERT_EXPIRED,
    OQ_NET_CERT_REVOKED,
    OQ_NET_PROTOCOL, /* what came back is not HTTP, or its header breaks the rules */
    OQ_NET_TOO_MANY_REDIRECTS,
    OQ_NET_BAD_REDIRECT, /* to another scheme, or https to http */
    OQ_NET_TOO_LONG,     /* the body is longer than the server said */
    OQ_NET_ENCODED,      /* content coding although identity was asked for */
    OQ_NET_NOMEM,
    OQ_NET_OTHER,
    OQ_NET_SLOW,           /* left for another source that may be faster: oq_sources.h */
    OQ_NET_WRONG_SIZE,     /* the file is not of the size that the client said it must have */
    OQ_NET_WRONG_HASH,     /* all bytes are there, and their hash is not the one the client gave */
    OQ_NET_WRONG_DIGEST,   /* the same with the hash that the server itself sent */
    OQ_NET_OTHER_RESOURCE, /* the response is another resource's: a sign-in or block page */
    OQ_NET_SIGN_IN,        /* the user name of the URL is of no use there */
    OQ_NET_PROXY,          /* the proxy does not connect to the server */
    OQ_NET_ERROR_COUNT
};

struct oq_verdict {
    bool is_transient;
    uint32_t code;  /* HRESULT-shaped: 0x80190000 + HTTP status, 0x8007xxxx, or BG_E_*
                       (bits-return-values) */
    uint32_t win32; /* never 0 */
    uint32_t http;  /* HTTP status or 0 */
};

/* win32: 2 for 404 and 410, 5 for 401, 403 and 407, otherwise 58. A number outside 100..999 is no
 * HTTP status: it is judged as OQ_NET_PROTOCOL, with http 0. */
struct oq_verdict oq_errors_http(uint32_t http_status);

/* OQ_NET_NONE and numbers that are no oq_net_error are judged as OQ_NET_OTHER: asking means that
 * something failed. */
struct oq_verdict oq_errors_net(enum oq_net_error error);

/* A file or database failure: status with the Win32 code that caused it (0 if none is known; an
 * HRESULT 0x8007xxxx counts as its low word). The status says whether it is transient; for OQ_E_IO
 * the Win32 code does. */
struct oq_verdict oq_errors_file(enum oq_status status, uint32_t win32);

/* A sentence for a person without the host or file name: what is wrong and, where there is
 * something, what to do. It ends with the number, so it is written into text (200 bytes hold all).
 * Always terminated, unless capacity is 0. */
void oq_errors_describe_http(uint32_t http_status, char *text, size_t capacity);
/* The same for the network; static. */
const char *oq_errors_describe_net(enum oq_net_error error);

#endif
