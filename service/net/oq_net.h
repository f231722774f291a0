/* oq_net.h - HTTP requests over libcurl. Engine thread, unless a function says otherwise.
 *
 * Knows requests and connections, no group, no file and no database: a request has a URL, a range
 * and a validator, and reports the header of its response, pieces of the body, and its end.
 *
 *   http_client.c    requests; http_auth.c: those that authenticate as their owner
 *   http_errors.c    why a request failed
 *   tcp_socket.c     sockets and their receive windows; handshake_probe.c: connections that measure
 *   rate_control.c   applies rate/ to connections: oq_rate_control.h
 */
#ifndef OQ_NET_H
#define OQ_NET_H

#include "oq_clock.h"
#include "oq_config.h"
#include "oq_errors.h"
#include "oq_link.h"
#include "oq_network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oq_net; /* the curl multi handle and what all requests share */

/* Everything is borrowed and outlives the struct oq_net. */
struct oq_net_options {
    const struct oq_clock *clock;
    /* Read at the begin of each request: connect_timeout_ms, stall_timeout_ms, idle_throttle; and
     * connections_per_host as it is at oq_net_new. */
    const struct oq_config *config;
    const struct oq_identity_port *identity; /* NULL: no request authenticates as its owner */
    const struct oq_network_port *network;   /* NULL: nothing to prepare (native tests) */
    const struct oq_link_port *link;         /* NULL: receive windows are never set */
    const char *user_agent;
    const char
        *auth_hosts; /* where a request may authenticate as its owner: a list as in oq_proxy.h;
                               NULL: nowhere */
};

/* Called within oq_net_run. */
struct oq_net_events {
    /* One line of a header, without CRLF; "" ends it. Also of redirects, 1xx and proxies. */
    void (*header)(void *transfer, const char *line, size_t length);
    /* The header of the final response is complete: once, before the first piece of its body, or
     * before `done` if it has none. Not for a request that fails before. False: end the request. */
    bool (*header_complete)(void *transfer);
    bool (*body)(void *transfer, const char *data, size_t length); /* false: end the request */
    /* The server redirects to that URL, which is not requested before oq_net_follow. False: end the
     * request. Only if the network port knows of proxies. */
    bool (*redirected)(void *transfer, const char *url);
    /* The request is over; its handle still open. */
    void (*done)(void *transfer, enum oq_net_error error, const char *text);
};

struct oq_net_request {
    const char *url;
    uint64_t offset_bytes;
    uint64_t end_bytes;   /* the byte behind the last one that is wanted; 0: all to the end */
    const char *if_range; /* or NULL */
    const char *proxy;    /* "" for none; NULL: that of the environment */
    bool is_plain;        /* no Range field: the last response to one was of no use */
    bool is_foreground;
    struct oq_identity *identity;
    bool is_of_person; /* its owner may authenticate: see docs/decisions/0011 */
};

struct oq_net_handle;

/* The most that one call of `body` brings (CURL_MAX_WRITE_SIZE). */
#define OQ_NET_PIECE_MAX 16384u

/* Why the bytes of a request are held back: each reason for itself. */
enum oq_net_hold {
    OQ_HOLD_LIMIT = 1, /* a limit of the rate */
    OQ_HOLD_DISK = 2   /* what came before is not saved yet */
};

OQ_MUST_CHECK enum oq_status oq_net_new(const struct oq_net_options *options,
                                        const struct oq_net_events *events, struct oq_net **out,
                                        struct oq_error *err);
void oq_net_free(struct oq_net *net); /* NULL is allowed */
/* Starts a request. `transfer` is handed to the events. The handle is closed with oq_net_close, at
 * any time but inside an event other than `done`. */
OQ_MUST_CHECK enum oq_status oq_net_start(struct oq_net *net, const struct oq_net_request *request,
                                          void *transfer, struct oq_net_handle **out,
                                          struct oq_error *err);
/* After `redirected`: continues through that proxy, as in oq_net_request. Not inside an event. */
void oq_net_follow(struct oq_net_handle *handle, const char *proxy);
void oq_net_close(struct oq_net *net, struct oq_net_handle *handle); /* NULL is allowed */
/* Status of the response so far, 0 before there is one. */
uint32_t oq_net_status(const struct oq_net_handle *handle);
/* The status with which a proxy refused to connect to the server, 0 if none did. */
uint32_t oq_net_proxy_refusal(const struct oq_net_handle *handle);
/* The request has been silent for too long, and so was one before it at the same place: the next
 * ones to its host may be silent twice as long, up to an hour. Returns that time in ms; 0: it was
 * not the host that was silent, or longer is not possible. */
int64_t oq_net_wait_longer(struct oq_net_handle *handle);
/* The URL that is being read, after redirects; borrowed until the handle is closed. */
const char *oq_net_url(const struct oq_net_handle *handle);
/* Has it not begun, because there are enough connections to its host? Known only of requests that
 * authenticate as their owner; of the others libcurl does not say. */
bool oq_net_is_waiting(const struct oq_net_handle *handle);
/* From the next piece of its body on bytes are held back, or, with the last reason gone, they come:
 * then some may come before this returns. Allowed inside the event `body`. */
void oq_net_hold(struct oq_net_handle *handle, enum oq_net_hold why, bool is_held);
/* Waits up to timeout_ms for the network or oq_net_wakeup, then moves bytes and reports events. */
void oq_net_run(struct oq_net *net, int timeout_ms);
void oq_net_wakeup(struct oq_net *net); /* any thread */

#endif
