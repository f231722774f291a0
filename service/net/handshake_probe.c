/* net_probe.c - the time of a TCP handshake with a host, measured by a connection of its own over
 * which nothing is sent, and which is closed as soon as it is there. Engine thread.
 *
 * For connections whose bytes do not show how long the way is; throttle.c decides when. All of them
 * share a multi handle that no transfer knows of. One that fails is nobody's failure.
 */
#include "http_client_int.h"

#include "oq_alloc.h"
#include "oq_log.h"

#include <stdio.h>
#include <string.h>

#define CONNECT_MS 5000L

struct oq_handshake_probe {
    struct oq_net *net;
    CURL *easy; /* NULL: it is over; with: */
    double ms;
    char where[80];
};

static CURLcode set_options(struct oq_handshake_probe *probe, const char *url)
{
    CURL *easy = probe->easy;
    CURLcode code = CURLE_OK;
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = curl_easy_setopt(easy, option, value);                                          \
    } while (0)
    SET(CURLOPT_PRIVATE, probe);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "http");
    SET(CURLOPT_PROXY, ""); /* not what the environment says */
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
#undef SET
    if (code == CURLE_OK && !oq_tcp_socket_prepare(easy, probe->net->sockets, false))
        code = CURLE_OUT_OF_MEMORY;
    return code;
}

/* The connection ends with the handle. */
static void end(struct oq_handshake_probe *probe)
{
    if (!probe->easy)
        return;
    curl_multi_remove_handle(probe->net->probing, probe->easy);
    curl_easy_cleanup(probe->easy);
    probe->easy = NULL;
    probe->net->probes--;
}

static bool begin(struct oq_handshake_probe *probe)
{
    char url[sizeof probe->where + 8];
    snprintf(url, sizeof url, "http://%s/", probe->where);
    if (!probe->net->probing)
        probe->net->probing = curl_multi_init();
    probe->easy = probe->net->probing ? curl_easy_init() : NULL;
    if (!probe->easy)
        return false;
    probe->net->probes++;
    return set_options(probe, url) == CURLE_OK &&
           curl_multi_add_handle(probe->net->probing, probe->easy) == CURLM_OK;
}

struct oq_handshake_probe *oq_handshake_probe_start(const struct oq_net_handle *handle)
{
    long port = 0;
    const char *peer = oq_tcp_socket_peer(handle);
    if (!peer[0] || curl_easy_getinfo(handle->easy, CURLINFO_PRIMARY_PORT, &port) != CURLE_OK)
        return NULL;
    struct oq_handshake_probe *probe = oq_calloc(1, sizeof *probe);
    if (!probe)
        return NULL;
    probe->net = handle->net;
    snprintf(probe->where, sizeof probe->where, strchr(peer, ':') ? "[%s]:%ld" : "%s:%ld", peer,
             port);
    if (!begin(probe)) {
        oq_handshake_probe_close(probe);
        return NULL;
    }
    oq_log_debug("probe: connecting to %s", probe->where);
    return probe;
}

bool oq_handshake_probe_is_over(const struct oq_handshake_probe *probe, double *ms)
{
    if (probe->easy)
        return false;
    *ms = probe->ms;
    return true;
}

void oq_handshake_probe_close(struct oq_handshake_probe *probe)
{
    if (!probe)
        return;
    end(probe);
    oq_free(probe);
}

void oq_handshake_probes_perform(struct oq_net *net)
{
    int running = 0, left = 0;
    CURLMsg *message = NULL;
    if (net->probes == 0)
        return;
    CURLMcode code = curl_multi_perform(net->probing, &running);
    if (code != CURLM_OK)
        oq_log_error("network: libcurl reports: %s", curl_multi_strerror(code));
    while ((message = curl_multi_info_read(net->probing, &left)) != NULL) {
        struct oq_handshake_probe *probe = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result; /* not valid any more once the handle is removed */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&probe);
        probe->ms = result == CURLE_OK ? oq_tcp_socket_handshake_ms(probe->easy) : 0;
        end(probe);
        if (probe->ms > 0)
            oq_log_debug("probe: %s answers after %.2f ms", probe->where, probe->ms);
        else
            oq_log_debug("probe: no connection to %s: %s", probe->where,
                         curl_easy_strerror(result));
    }
}
