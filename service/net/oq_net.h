/* oq_net.h - requests over HTTP: what the engine and its transfers see of libcurl. Engine thread,
 * unless a function says otherwise.
 *
 *   http_client.c    requests; http_auth.c: those that authenticate as their owner
 *   http_errors.c    why a request failed
 *   tcp_socket.c     sockets and their windows; handshake_probe.c: connections that measure the RTT
 *   rate_control.c   applies rate/ to connections
 */
#ifndef OQ_NET_H
#define OQ_NET_H

#include "oq_errors.h"
#include "oq_status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oq_engine_options;
struct oq_identity;

struct oq_net; /* the curl multi handle and what all transfers share */

/* Called by curl on the engine thread, within oq_net_run. */
struct oq_net_events {
    void (*header)(void *transfer, const char *line,
                   size_t length); /* one header line, without CRLF; "" ends them */
    bool (*body)(void *transfer, const char *data, size_t length); /* false: stop this transfer */
    /* The server sends to that address; it is not asked before oq_net_follow, or the request ends:
     * false. Only if the network port knows of proxies. */
    bool (*redirected)(void *transfer, const char *url);
    void (*done)(void *transfer, enum oq_net_error error,
                 const char *text); /* the request is over; handle still open */
};

struct oq_net_request {
    const char *url;
    uint64_t offset_bytes;
    uint64_t end_bytes;   /* the byte behind the last one that is wanted; 0: all to the end */
    const char *if_range; /* or NULL */
    const char *proxy;    /* "" for none; NULL: what the environment says */
    bool is_plain;        /* no Range field: the last answer to one was of no use */
    bool is_foreground;
    struct oq_identity *identity;
    bool is_of_person; /* its owner may log on: see docs/decisions/0011 */
};

struct oq_net_handle;

/* The most that one call of `body` brings (CURL_MAX_WRITE_SIZE). */
#define OQ_NET_PIECE_MAX 16384u

/* Why the bytes of a transfer are kept back: each reason for itself. */
enum oq_net_hold {
    OQ_HOLD_LIMIT = 1, /* a limit of the rate */
    OQ_HOLD_DISK = 2   /* what came before is not saved yet */
};

OQ_MUST_CHECK enum oq_status oq_net_new(const struct oq_engine_options *options,
                                        const struct oq_net_events *events, struct oq_net **out,
                                        struct oq_error *err);
void oq_net_free(struct oq_net *net);
/* Starts a request. `transfer` is handed to the events. The handle is closed with oq_net_close, at
 * any time but inside an event. */
OQ_MUST_CHECK enum oq_status oq_net_start(struct oq_net *net, const struct oq_net_request *request,
                                          void *transfer, struct oq_net_handle **out,
                                          struct oq_error *err);
/* After `redirected`: goes on through that proxy, as in oq_net_request. Not inside an event. */
void oq_net_follow(struct oq_net_handle *handle, const char *proxy);
void oq_net_close(struct oq_net *net, struct oq_net_handle *handle); /* NULL is allowed */
/* Final response status so far, 0 before there is one. */
uint32_t oq_net_status(const struct oq_net_handle *handle);
/* The status with which a proxy refused to connect to the server, 0 if none did. */
uint32_t oq_net_proxy_refusal(const struct oq_net_handle *handle);
/* The URL that is being read, after redirects; borrowed until the handle is closed. */
const char *oq_net_url(const struct oq_net_handle *handle);
/* Has it not begun, because there are enough connections to its host? Known of those that log on as
 * their owner only; of the others libcurl does not say. */
bool oq_net_is_waiting(const struct oq_net_handle *handle);
/* From the next piece of its body on bytes are kept back, or, with the last reason gone, they go
 * on: then some may come before this returns. Allowed inside the event `body`. */
void oq_net_hold(struct oq_net_handle *handle, enum oq_net_hold why, bool is_held);
/* Waits up to timeout_ms for the network or oq_net_wakeup, then moves bytes and reports events. */
void oq_net_run(struct oq_net *net, int timeout_ms);
void oq_net_wakeup(struct oq_net *net); /* any thread */

#endif
