/* net_int.h - one request as the files of this folder see it. Engine thread.
 *
 *   http_client.c    the request
 *   http_auth.c      requests that authenticate as their owner
 *   http_errors.c    why a request failed
 *   rate_control.c   reads a request's connection and holds it back
 */
#ifndef NET_INT_H
#define NET_INT_H

#include "oq_net.h"
#include "tcp_socket_int.h"

/* Status lines and header fields of one request, with its redirects. Newer curls have this limit
 * too. */
#define HEADER_BYTES_MAX ((size_t)300 * 1024)

/* Hosts that are silent for longer than others before they send: proxies and filters that scan. */
#define PATIENCE_HOSTS 32
#define PATIENCE_MAX_MS 3600000

struct oq_patience {
    char *host; /* as oq_url_host_key has it; owned */
    int64_t ms;
};

struct oq_net {
    CURLM *multi;
    struct oq_tcp_sockets *sockets;
    const struct oq_net_events *events;
    struct oq_net_options options;
    int64_t
        woken_us; /* monotonic: when oq_net_run began to read: what it brings was not read before */
    struct oq_patience patience[PATIENCE_HOSTS];
    unsigned next_patience;
    struct oq_net_handle *owned;  /* those with a multi handle of their own, oldest first */
    struct oq_net_handle *acting; /* whose owner this thread impersonates, or NULL */
};

struct oq_net_handle {
    struct oq_net *net;
    CURL *easy;
    unsigned auth;                  /* set of OQ_AUTH_... */
    CURLM *own;                     /* if auth is not empty, else NULL: http_auth.c */
    struct oq_net_handle *next_own; /* of net->owned */
    char *host;                     /* of own: whose connections are counted; owned */
    bool is_waiting;                /* of own: until one of the same host has ended */
    bool is_finished;               /* of own; with: */
    CURLcode result;
    struct curl_slist *fields;
    void *transfer;
    struct curl_slist *cookies; /* of redirects that were followed with an easy handle of before */
    bool is_digest;             /* authenticates by Digest, no longer by Basic */
    bool must_repeat;           /* with Digest, when it is over */
    int64_t stall_ms;           /* how long it may be silent */
    bool is_added;
    bool is_controlled;      /* its window will be set by rate control, from the first byte on */
    bool is_header_complete; /* of the response that is being read */
    bool is_header_reported; /* of the final response: the event */
    bool has_excess;         /* more came than Content-Length */
    bool was_reset;          /* the connection has no peer any more, when libcurl closes it */
    bool is_kept_connection; /* the request was sent over a connection that had been used before */
    long connects;           /* made so far, as of the last request sent, redirects included */
    double handshake_ms;     /* of the connection in use, 0 if it was kept; and of all so far: */
    double handshakes_ms;
    uint64_t body_bytes;           /* of the response that is being read, handed over */
    struct oq_net_request request; /* its strings are owned */
    unsigned redirects;            /* that were followed with an easy handle of before */
    char *location;                /* where the last response redirects to; owned */
    bool may_redirect;             /* the response that is being read, after oq_net_follow */
    bool needs_proxy;              /* for its redirect: paused until oq_net_follow */
    bool is_refused;               /* no more of it: */
    enum oq_net_error refusal;
    size_t header_bytes; /* of all responses of this request, redirects and 1xx too */
    unsigned holds;      /* set of enum oq_net_hold: bytes that come are held back */
    char text[CURL_ERROR_SIZE];
};

/* --- http_auth.c ------------------------------------------------------------------------------ */

enum { OQ_AUTH_SERVER = 1, OQ_AUTH_PROXY = 2 };

/* To which of server and proxy the request may authenticate as its owner: a set of OQ_AUTH_... */
unsigned oq_net_auth_allowed(const struct oq_net *net, const struct oq_net_request *request);
/* handle->auth as options of handle->easy. */
CURLcode oq_net_auth_set_options(struct oq_net_handle *handle);
/* Gives it a multi handle of its own. It waits if ConnectionsPerHost others of its host are under
 * way: libcurl is not called for it, so that no time-out runs. False: no memory. */
OQ_MUST_CHECK bool oq_net_auth_add(struct oq_net_handle *handle);
/* It is gone, cleaned up by the caller. The oldest that waits for its host may begin. */
void oq_net_auth_remove(struct oq_net_handle *handle);
/* From here on libcurl works for that request, as its owner. Does nothing for NULL and for a handle
 * without a multi handle of its own. */
void oq_net_impersonate_begin(struct oq_net_handle *handle);
/* Back to the engine's own work. Returns whose owner was impersonated, or NULL. */
struct oq_net_handle *oq_net_impersonate_end(struct oq_net *net);
/* curl_multi_perform of all that have a multi handle of their own and do not wait. */
void oq_net_auth_perform(struct oq_net *net);
/* The next of those that has finished, its result in handle->result; NULL when there is none. */
struct oq_net_handle *oq_net_auth_take_finished(struct oq_net *net);

/* --- http_errors.c ---------------------------------------------------------------------------- */

enum oq_net_error oq_net_classify(const struct oq_net_handle *handle, CURLcode code);

#endif
