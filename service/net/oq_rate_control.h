/* throttle_int.h - the owner of every limit: which connection has which window, and who reads now.
 *
 * Engine thread. transfer.c tells it of each transfer's first byte, of each read and of the end;
 * engine.c gives it a step at least every 40 ms while there is something to limit. It decides with
 * core (oq_window_controller.h, oq_cross_traffic.h, oq_token_bucket.h, oq_rate_schedule.h) and acts through net_flow.c.
 * docs/rate-control.md explains the method.
 */
#ifndef OQ_RATE_CONTROL_H
#define OQ_RATE_CONTROL_H

#include "engine_int.h"

struct oq_rate_control;
struct oq_flow;

OQ_MUST_CHECK enum oq_status oq_rate_control_new(struct oq_engine *engine,
                                                 struct oq_rate_control **out);
void oq_rate_control_free(struct oq_rate_control *throttle); /* NULL is allowed */

/* The transfer of the entry has got its first byte over `net`. NULL when out of memory: it then
 * runs without limits, rather than not at all. */
struct oq_flow *oq_rate_control_add(struct oq_rate_control *throttle, struct oq_entry *entry,
                                    struct oq_net_handle *net);
/* Before the handle is closed. NULL is allowed. */
void oq_rate_control_remove(struct oq_rate_control *throttle, struct oq_flow *flow);
void oq_rate_control_received(struct oq_rate_control *throttle, struct oq_flow *flow,
                              uint64_t bytes);
/* The group has changed to the foreground or has another limit: at once, not at the next step. */
void oq_rate_control_changed(struct oq_rate_control *throttle, struct oq_entry *entry);
/* Policy has changed: engine->config and engine->rate_schedule. */
void oq_rate_control_policy(struct oq_rate_control *throttle);

/* Does what is due. Once per turn. */
void oq_rate_control_step(struct oq_rate_control *throttle);
/* Monotonic ms of the next step; INT64_MAX when none is needed. */
int64_t oq_rate_control_due_ms(const struct oq_rate_control *throttle);
/* May a transfer of that group run now? Not while policy pauses it. */
bool oq_rate_control_may_run(const struct oq_rate_control *throttle, const struct oq_entry *entry);
/* What holds the group back now, for views: the reason and the rate in bytes per second. */
enum oq_limit oq_rate_control_limit(const struct oq_rate_control *throttle,
                                    const struct oq_entry *entry, uint64_t *bytes_per_s);

/* --- net_flow.c: curl's side ------------------------------------------------------------------ */

void *oq_net_easy(const struct oq_net_handle *handle); /* net.c: the CURL * */
/* All sockets of a struct oq_net; outlives its connections. NULL: no memory. */
struct oq_tcp_sockets;
struct oq_tcp_sockets *oq_tcp_sockets_new(void);
void oq_tcp_sockets_free(struct oq_tcp_sockets *sockets); /* NULL is allowed */
struct oq_tcp_sockets *oq_net_handle_sockets(const struct oq_net_handle *handle); /* net.c */
/* net.c: when libcurl last began to look at its sockets, in monotonic us: nothing that it brings
 * now was read before. */
int64_t oq_net_woken_us(const struct oq_net_handle *handle);
/* Bytes that have come and were not read; -1: not known. */
int64_t oq_tcp_socket_unread(int64_t socket);
/* The first byte of an answer is there: from now on the connection may have its first window. */
void oq_tcp_socket_begin_window(const struct oq_net_handle *handle);
/* Options of a handle, before it is added. False: no memory. */
bool oq_tcp_socket_prepare(void *easy, struct oq_tcp_sockets *sockets, bool is_background);
/* The peer's numeric address, "" before there is one; borrowed until the handle is closed. */
const char *oq_tcp_socket_peer(const struct oq_net_handle *handle);
/* -1: none. Valid until the handle is closed. */
int64_t oq_tcp_socket_of(const struct oq_net_handle *handle);
/* Time of the TCP handshake of a connection that was made for this handle (CURL *); 0 = it was not.
 */
double oq_tcp_socket_handshake_ms(void *easy);
/* Does the socket have a window that somebody made small? */
bool oq_tcp_socket_is_small(int64_t socket);
/* Has it received more than a line end of bytes that nobody has read? */
bool oq_tcp_socket_has_more(const struct oq_net_handle *handle);
/* The sockets for which that multi handle (CURLM *) waits, written into `waits` (struct curl_waitfd
 * *); how many. *timeout_ms is lowered to what it can wait. */
struct curl_waitfd;
unsigned oq_tcp_socket_wait(const struct oq_tcp_sockets *sockets, void *multi,
                            struct curl_waitfd *waits, unsigned room, int *timeout_ms);
/* False when there is no socket, or it does not want to. */
bool oq_tcp_socket_set_window(int64_t socket, uint64_t bytes);

/* --- net_probe.c: the time of a handshake, for its own sake ----------------------------------- */

struct oq_handshake_probe;
/* Begins to connect to where the handle is connected to: the server, or its proxy. NULL: it cannot.
 * To be closed before the struct oq_net. */
struct oq_handshake_probe *oq_handshake_probe_start(const struct oq_net_handle *handle);
/* Then *ms is the time of the handshake, 0 if there was none. */
bool oq_handshake_probe_is_over(const struct oq_handshake_probe *probe, double *ms);
void oq_handshake_probe_close(struct oq_handshake_probe *probe); /* at any time; NULL is allowed */

#endif
