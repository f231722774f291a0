/* tcp_socket_int.h - the TCP connections under libcurl's requests: which socket is whose, its
 * receive window, what has come and was not read.
 *
 * Engine thread. Knows libcurl's handles, no request and no rate: net_int.h and oq_rate_control.h
 * are above it.
 */
#ifndef TCP_SOCKET_INT_H
#define TCP_SOCKET_INT_H

#include "oq_status.h"

#include <curl/curl.h>

/* All open sockets; outlives the handles that were prepared with it. */
struct oq_tcp_sockets;
struct oq_tcp_sockets *oq_tcp_sockets_new(void);          /* NULL: no memory */
void oq_tcp_sockets_free(struct oq_tcp_sockets *sockets); /* NULL is allowed */
/* Options of a handle, before it is added. A background connection is made with the largest window
 * that it may get later. False: no memory. */
bool oq_tcp_socket_prepare(CURL *easy, struct oq_tcp_sockets *sockets, bool is_background);
/* What background connections are made with from now on. */
void oq_tcp_sockets_set_background(struct oq_tcp_sockets *sockets, uint64_t window_bytes);
/* The socket of the handle's connection, -1: none. Valid until the handle is closed. */
int64_t oq_tcp_socket_find(const struct oq_tcp_sockets *sockets, CURL *easy);
/* Has it no peer any more? So it is after a reset; after an orderly end it has one until it is
 * closed here too. */
bool oq_tcp_socket_was_reset(const struct oq_tcp_sockets *sockets, CURL *easy);
/* The peer's numeric address, "" before there is one; borrowed until the handle is closed. */
const char *oq_tcp_socket_peer(CURL *easy);
/* Duration of all TCP handshakes that were made for this handle so far, 0: none. */
double oq_tcp_socket_handshakes_ms(CURL *easy);

/* Socket -1 is allowed from here on. */
bool oq_tcp_socket_set_window(int64_t socket, uint64_t bytes); /* false: it was not set */
/* Is its window smaller than any system begins with? */
bool oq_tcp_socket_is_small(int64_t socket);
/* Bytes that have come and were not read; -1: not known. */
int64_t oq_tcp_socket_unread(int64_t socket);
/* Has it received more than a line end of bytes that were not read? */
bool oq_tcp_socket_has_more(int64_t socket);
/* The sockets for which that multi handle waits, written into `waits`; how many. *timeout_ms is
 * lowered to what it can wait. */
unsigned oq_tcp_sockets_wait(const struct oq_tcp_sockets *sockets, CURLM *multi,
                             struct curl_waitfd *waits, unsigned room, int *timeout_ms);

#endif
