/* tcp_socket.c - see tcp_socket_int.h: sockets of libcurl's connections and their receive windows.
 * Engine thread.
 */
#include "tcp_socket_int.h"

#include "oq_alloc.h"
#include "oq_window_controller.h"

#include <string.h>

#ifdef _WIN32
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

#define POLL_MS 50
#define SMALL_BYTES 131072 /* no system starts with less than half of it */

/* While a request runs, libcurl does not say which socket is its own (CURLINFO_ACTIVESOCKET gives
 * none with 7.88), nor does it call back for a connection that is used again; but it knows the
 * addresses of both ends, and so do the sockets. */
struct oq_tcp_sockets {
    curl_socket_t *list;
    size_t count, capacity;
    uint64_t background_bytes; /* window of a background connection that is made */
};

struct oq_tcp_sockets *oq_tcp_sockets_new(void)
{
    struct oq_tcp_sockets *sockets = oq_calloc(1, sizeof *sockets);
    if (sockets)
        sockets->background_bytes = OQ_WINDOW_MOST;
    return sockets;
}

void oq_tcp_sockets_free(struct oq_tcp_sockets *sockets)
{
    if (!sockets)
        return;
    oq_free(sockets->list);
    oq_free(sockets);
}

bool oq_tcp_socket_set_window(int64_t socket, uint64_t bytes)
{
    int value = bytes > OQ_WINDOW_MOST ? (int)OQ_WINDOW_MOST : (int)bytes;
    return socket >= 0 && setsockopt((curl_socket_t)socket, SOL_SOCKET, SO_RCVBUF,
                                     (const char *)&value, sizeof value) == 0;
}

void oq_tcp_sockets_set_background(struct oq_tcp_sockets *sockets, uint64_t window_bytes)
{
    sockets->background_bytes = window_bytes;
}

/* Without memory the socket is not noted: its window is not set later. */
static int on_socket(void *ctx, curl_socket_t socket, curlsocktype purpose)
{
    struct oq_tcp_sockets *sockets = ctx;
    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKOPT_OK;
    if (sockets->count == sockets->capacity) {
        size_t capacity = sockets->capacity ? sockets->capacity * 2 : 16;
        curl_socket_t *list = oq_realloc(sockets->list, capacity * sizeof *list);
        if (!list)
            return CURL_SOCKOPT_OK;
        sockets->list = list;
        sockets->capacity = capacity;
    }
    sockets->list[sockets->count++] = socket;
    return CURL_SOCKOPT_OK;
}

/* How far a window can grow is fixed when a connection is made (RFC 7323: window scale), from the
 * buffer it has then: Linux never lets it exceed 64 KB when it was small at that time (measured).
 */
static int on_background_socket(void *ctx, curl_socket_t socket, curlsocktype purpose)
{
    const struct oq_tcp_sockets *sockets = ctx;
    if (purpose == CURLSOCKTYPE_IPCXN)
        oq_tcp_socket_set_window((int64_t)socket, sockets->background_bytes);
    return on_socket(ctx, socket, purpose);
}

static int on_close(void *ctx, curl_socket_t socket)
{
    struct oq_tcp_sockets *sockets = ctx;
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->list[i] == socket)
            sockets->list[i--] = sockets->list[--sockets->count];
#ifdef _WIN32
    return closesocket(socket);
#else
    return close(socket);
#endif
}

bool oq_tcp_socket_prepare(CURL *easy, struct oq_tcp_sockets *sockets, bool is_background)
{
    return curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION,
                            is_background ? on_background_socket : on_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, sockets) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets) == CURLE_OK;
}

const char *oq_tcp_socket_peer(CURL *easy)
{
    char *address = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address) != CURLE_OK)
        return "";
    return address ? address : "";
}

/* The number of a port, and the address as text; 0 if there is none. */
static long read_address(const struct sockaddr_storage *address, char *text, socklen_t capacity)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    bool is_six = address->ss_family == AF_INET6;
    const void *number = is_six ? (const void *)&six->sin6_addr : (const void *)&four->sin_addr;
    if (!inet_ntop(is_six ? AF_INET6 : AF_INET, number, text, capacity))
        return 0;
    return is_six ? ntohs(six->sin6_port) : ntohs(four->sin_port);
}

/* The local port alone is not enough: connections to different peers may share it. */
static bool is_socket_of(curl_socket_t socket, long port, long peer_port, const char *peer)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char text[64];
    memset(&address, 0, sizeof address);
    if (getsockname(socket, (struct sockaddr *)&address, &size) != 0 ||
        read_address(&address, text, sizeof text) != port)
        return false;
    size = sizeof address;
    return getpeername(socket, (struct sockaddr *)&address, &size) == 0 &&
           read_address(&address, text, sizeof text) == peer_port && strcmp(text, peer) == 0;
}

int64_t oq_tcp_socket_find(const struct oq_tcp_sockets *sockets, CURL *easy)
{
    long port = 0, peer_port = 0;
    if (curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port) != CURLE_OK ||
        curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &peer_port) != CURLE_OK || port == 0)
        return -1;
    const char *peer = oq_tcp_socket_peer(easy);
    for (size_t i = 0; i < sockets->count; i++)
        if (is_socket_of(sockets->list[i], port, peer_port, peer))
            return (int64_t)sockets->list[i];
    return -1;
}

bool oq_tcp_socket_was_reset(const struct oq_tcp_sockets *sockets, CURL *easy)
{
    long port = 0;
    struct sockaddr_storage address;
    char text[64];
    if (curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port) != CURLE_OK || port == 0)
        return false;
    for (size_t i = 0; i < sockets->count; i++) {
        socklen_t size = sizeof address;
        memset(&address, 0, sizeof address);
        if (getsockname(sockets->list[i], (struct sockaddr *)&address, &size) != 0 ||
            read_address(&address, text, sizeof text) != port)
            continue;
        size = sizeof address;
        if (getpeername(sockets->list[i], (struct sockaddr *)&address, &size) != 0)
            return true;
    }
    return false;
}

int64_t oq_tcp_socket_unread(int64_t socket)
{
#ifdef _WIN32
    u_long bytes = 0;
    bool is_good = socket >= 0 && ioctlsocket((SOCKET)socket, FIONREAD, &bytes) == 0;
#else
    int bytes = 0;
    bool is_good = socket >= 0 && ioctl((int)socket, FIONREAD, &bytes) == 0;
#endif
    return is_good ? (int64_t)bytes : -1;
}

double oq_tcp_socket_handshakes_ms(CURL *easy)
{
    long made = 0;
    curl_off_t named_us = 0, connected_us = 0;
    if (curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &made) != CURLE_OK || made == 0 ||
        curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &named_us) != CURLE_OK ||
        curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected_us) != CURLE_OK ||
        connected_us <= named_us)
        return 0;
    return (double)(connected_us - named_us) / 1000;
}

bool oq_tcp_socket_is_small(int64_t socket)
{
    int value = 0;
    socklen_t size = sizeof value;
    return socket >= 0 &&
           getsockopt((curl_socket_t)socket, SOL_SOCKET, SO_RCVBUF, (char *)&value, &size) == 0 &&
           value < SMALL_BYTES;
}

/* Two bytes are no excess: some programs end a body with a line end that they do not count. */
bool oq_tcp_socket_has_more(int64_t socket)
{
    char bytes[3];
    return socket >= 0 && /* libcurl's sockets do not block */
           recv((curl_socket_t)socket, bytes, sizeof bytes, MSG_PEEK) == (int)sizeof bytes;
}

static bool can_be_in_set(curl_socket_t socket)
{
#ifdef _WIN32
    return socket != CURL_SOCKET_BAD;
#else
    return socket < FD_SETSIZE;
#endif
}

unsigned oq_tcp_sockets_wait(const struct oq_tcp_sockets *sockets, CURLM *multi,
                             struct curl_waitfd *waits, unsigned room, int *timeout_ms)
{
    fd_set in, out, other;
    int highest = -1;
    long most_ms = -1;
    unsigned count = 0;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&other);
    if (curl_multi_fdset(multi, &in, &out, &other, &highest) == CURLM_OK) {
        for (size_t i = 0; i < sockets->count && count < room; i++) {
            curl_socket_t socket = sockets->list[i];
            if (!can_be_in_set(socket) || (!FD_ISSET(socket, &in) && !FD_ISSET(socket, &out)))
                continue;
            waits[count].fd = socket;
            waits[count].events = (short)((FD_ISSET(socket, &in) ? CURL_WAIT_POLLIN : 0) |
                                          (FD_ISSET(socket, &out) ? CURL_WAIT_POLLOUT : 0));
            waits[count++].revents = 0;
        }
    }
    if (curl_multi_timeout(multi, &most_ms) == CURLM_OK && most_ms >= 0 && most_ms < *timeout_ms)
        *timeout_ms = (int)most_ms;
    if (count == 0 && *timeout_ms > POLL_MS) /* names are resolved, or reading is held back */
        *timeout_ms = POLL_MS;
    return count;
}
