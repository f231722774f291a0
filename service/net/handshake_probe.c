/* handshake_probe.c - the duration of a TCP handshake with a host: a connection of its own, over
 * which nothing is sent, and which is closed as soon as it stands. Engine thread.
 *
 * For connections whose own bytes do not show the base RTT; rate_control.c decides when. All probes
 * share a multi handle that no request uses. A probe that fails changes nothing.
 */
#include "tcp_socket_int.h"

#include "oq_alloc.h"
#include "oq_log.h"

#include <stdio.h>
#include <string.h>

#define CONNECT_MS 5000L

struct oq_handshake_probe {
    struct oq_handshake_probes *probes;
    CURL *easy; /* NULL: it is over; with: */
    double ms;
    char host[80]; /* address and port */
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
    SET(CURLOPT_PROXY, ""); /* not that of the environment */
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
#undef SET
    if (code == CURLE_OK && !oq_tcp_socket_prepare(easy, probe->probes->sockets, false))
        code = CURLE_OUT_OF_MEMORY;
    return code;
}

/* The connection ends with the handle. */
static void end(struct oq_handshake_probe *probe)
{
    if (!probe->easy)
        return;
    curl_multi_remove_handle(probe->probes->multi, probe->easy);
    curl_easy_cleanup(probe->easy);
    probe->easy = NULL;
    probe->probes->count--;
}

static bool begin(struct oq_handshake_probe *probe)
{
    struct oq_handshake_probes *probes = probe->probes;
    char url[sizeof probe->host + 8];
    snprintf(url, sizeof url, "http://%s/", probe->host);
    if (!probes->multi)
        probes->multi = curl_multi_init();
    probe->easy = probes->multi ? curl_easy_init() : NULL;
    if (!probe->easy)
        return false;
    probes->count++;
    return set_options(probe, url) == CURLE_OK &&
           curl_multi_add_handle(probes->multi, probe->easy) == CURLM_OK;
}

struct oq_handshake_probe *oq_handshake_probe_start(struct oq_handshake_probes *probes,
                                                    const char *address, long port)
{
    struct oq_handshake_probe *probe = address[0] ? oq_calloc(1, sizeof *probe) : NULL;
    if (!probe)
        return NULL;
    probe->probes = probes;
    snprintf(probe->host, sizeof probe->host, strchr(address, ':') ? "[%s]:%ld" : "%s:%ld", address,
             port);
    if (!begin(probe)) {
        oq_handshake_probe_close(probe);
        return NULL;
    }
    oq_log_debug("probe: connecting to %s", probe->host);
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

void oq_handshake_probes_perform(struct oq_handshake_probes *probes)
{
    int running = 0, left = 0;
    CURLMsg *message = NULL;
    if (probes->count == 0)
        return;
    CURLMcode code = curl_multi_perform(probes->multi, &running);
    if (code != CURLM_OK)
        oq_log_error("network: libcurl reports: %s", curl_multi_strerror(code));
    while ((message = curl_multi_info_read(probes->multi, &left)) != NULL) {
        struct oq_handshake_probe *probe = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result; /* not valid any more once the handle is removed */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&probe);
        probe->ms = result == CURLE_OK ? oq_tcp_socket_handshakes_ms(probe->easy) : 0;
        end(probe);
        if (probe->ms > 0)
            oq_log_debug("probe: %s answers after %.2f ms", probe->host, probe->ms);
        else
            oq_log_debug("probe: no connection to %s: %s", probe->host, curl_easy_strerror(result));
    }
}

void oq_handshake_probes_release(struct oq_handshake_probes *probes)
{
    curl_multi_cleanup(probes->multi);
    probes->multi = NULL;
}
