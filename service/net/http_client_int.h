/* net_int.h - one request of libcurl's, seen by the files that know curl: net.c (requests),
 * net_log_on.c (those that log on as their owner), net_probe.c (connections that only measure) and
 * net_errors.c (why one failed). Engine thread.
 */
#ifndef HTTP_CLIENT_INT_H
#define HTTP_CLIENT_INT_H

#include "oq_rate_control.h"

#include <curl/curl.h>

/* Status lines and fields of one request, with its redirects. Newer curls have this limit too. */
#define HEAD_BYTES_MAX ((size_t)300 * 1024)

struct oq_net {
    CURLM *multi;
    struct oq_tcp_sockets *sockets;
    const struct oq_net_events *events;
    const struct oq_engine_options *options;
    int64_t woken_us;
    struct oq_net_handle *owned;  /* those with a multi handle of their own, oldest first */
    struct oq_net_handle *acting; /* as whose owner this thread acts, or NULL */
    CURLM *probing;               /* of all probes; NULL before the first one */
    unsigned probes;              /* under way */
};

struct oq_net_handle {
    struct oq_net *net;
    CURL *easy;
    unsigned auth;                  /* set of OQ_AUTH_... */
    CURLM *own;                     /* if log_on is not empty, else NULL: net_log_on.c */
    struct oq_net_handle *next_own; /* of net->owned */
    char *host;                     /* of own: whose connections are counted; owned */
    bool is_waiting;                /* of own: until one of the same host has ended */
    bool is_finished;               /* of own; with: */
    CURLcode result;
    struct curl_slist *fields;
    void *transfer;
    bool is_added;
    bool is_paced;                 /* its window will be ours: from the first byte on */
    bool is_head_complete;         /* of the response that is being read */
    bool has_excess;               /* more came than the server said */
    uint64_t body_bytes;           /* of the response that is being read, handed over */
    struct oq_net_request request; /* its strings are owned */
    unsigned redirects;            /* that were followed with an easy handle of before */
    char *location;  /* of the response that is being read: where it sends to; owned */
    bool is_asking;  /* which proxy leads there: paused until oq_net_follow */
    bool is_refused; /* no more of it: */
    enum oq_net_error refusal;
    size_t head_bytes; /* of all responses of this request, redirects and hints too */
    unsigned holds;    /* set of enum oq_net_hold: bytes that come are kept back */
    char text[CURL_ERROR_SIZE];
};

/* --- net_log_on.c ---------------------------------------------------------------------------- */

enum { OQ_AUTH_SERVER = 1, OQ_AUTH_PROXY = 2 };

/* At which ends of the way the request may log on as its owner: a set of OQ_AUTH_... */
unsigned oq_net_auth_allowed(const struct oq_net *net, const struct oq_net_request *request);
/* handle->auth as options of handle->easy. */
CURLcode oq_net_auth_set_options(struct oq_net_handle *handle);
/* Gives it a multi handle of its own. It waits if ConnectionsPerHost others of its host are under
 * way: libcurl is not called for it, so that no time-out runs. False: no memory. */
OQ_MUST_CHECK bool oq_net_auth_add(struct oq_net_handle *handle);
/* That one is gone, cleaned up by the caller. The oldest that waits for its host may begin. */
void oq_net_auth_remove(struct oq_net_handle *handle);
/* From here on libcurl works for that request, as its owner. handle NULL, or without a multi handle
 * of its own: nothing. */
void oq_net_impersonate_begin(struct oq_net_handle *handle);
/* Back to the engine's own work. As whom it had acted; NULL: as itself. */
struct oq_net_handle *oq_net_impersonate_end(struct oq_net *net);
/* curl_multi_perform of all that have a multi handle of their own and do not wait. */
void oq_net_auth_perform(struct oq_net *net);
/* The next of those that has finished, its result in handle->result; NULL when there is none. */
struct oq_net_handle *oq_net_auth_take_finished(struct oq_net *net);

/* --- net_probe.c; see also throttle_int.h ---------------------------------------------------- */

/* curl_multi_perform of all that are under way. Those that are there, or have failed, are closed.
 */
void oq_handshake_probes_perform(struct oq_net *net);

/* --- net_errors.c ---------------------------------------------------------------------------- */

enum oq_net_error oq_net_classify(const struct oq_net_handle *handle, CURLcode code);

#endif
