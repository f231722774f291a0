/* network.c - TLS options on curl's easy handles, and the proxy. prepare: engine thread. */
#include "proxy_int.h"
#include "roots_int.h"

#include "oq_alloc.h"
#include "oq_errors.h"
#include "oq_log.h"
#include "oq_win_support.h"

#include <string.h>
#include <winsock2.h>
#include <curl/curl.h>

struct oq_win_network {
    struct oq_network_port port;
    bool is_verified_by_curl;
    bool checks_revocation;
    bool may_use_http2;
    struct oq_win_pem roots; /* of is_verified_by_curl */
    struct oq_win_proxies *proxies;
};

/* curl takes an empty blob for none at all and would let Schannel decide. A text without a
 * certificate makes it refuse. */
static char no_roots[] = "no certificates\n"; /* not const only because curl_blob is not */

bool oq_win_is_http2_good(const char *ssl_version, unsigned version)
{
    /* Paused transfers over HTTP/2 were lost or stood still until 8.14 (curl #10971, #16960), and
     * the disk's back-pressure pauses them. Schannel only: other builds bring a libcurl of their
     * own choice, and the tests of HTTP/2 run on these. */
    return !strstr(ssl_version, "Schannel") || version >= 0x080e00;
}

static CURLcode set_options(const struct oq_win_network *network, CURL *easy)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSL_OPTIONS,
                                (long)(network->checks_revocation ? CURLSSLOPT_REVOKE_BEST_EFFORT
                                                                  : CURLSSLOPT_NO_REVOKE));
    if (code == CURLE_OK && !network->may_use_http2)
        code = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (code == CURLE_OK && network->is_verified_by_curl) {
        struct curl_blob blob = {.flags = CURL_BLOB_NOCOPY}; /* the roots outlive every transfer */
        if (network->roots.count > 0) {
            blob.data = network->roots.text;
            blob.len = network->roots.length;
        } else {
            blob.data = no_roots;
            blob.len = sizeof no_roots - 1;
        }
        code = curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    }
    return code;
}

static enum oq_status port_prepare(void *ctx, void *easy, const char *url, struct oq_identity *as,
                                   struct oq_error *err)
{
    const struct oq_win_network *network = ctx;
    (void)url; /* a plain URL may redirect to HTTPS, so all are treated alike */
    (void)as;
    CURLcode code = set_options(network, easy);
    if (code == CURLE_OK)
        return OQ_OK;
    enum oq_status status =
        oq_error_set(err, code == CURLE_OUT_OF_MEMORY ? OQ_E_NOMEM : OQ_E_NET,
                     "a secure connection cannot be set up: %s", curl_easy_strerror(code));
    if (err && status == OQ_E_NET)
        err->net = OQ_NET_TLS;
    return status;
}

static enum oq_status port_find_proxy(void *ctx, const char *url, struct oq_identity *as,
                                      uint32_t attempt, char **proxy, struct oq_error *err)
{
    const struct oq_win_network *network = ctx;
    return oq_win_proxies_find(network->proxies, url, as, attempt, proxy, err);
}

enum oq_status oq_win_network_set_proxy(struct oq_win_network *network, const char *servers,
                                        const char *bypass, struct oq_error *err)
{
    struct oq_win_proxies *proxies = NULL;
    enum oq_status status = oq_win_proxies_new(servers, bypass, &proxies, err);
    if (status != OQ_OK)
        return status;
    oq_win_proxies_free(network->proxies);
    network->proxies = proxies;
    return OQ_OK;
}

enum oq_status oq_win_network_new_as(bool must_verify, const char *store, const char *ca_file,
                                     bool checks_revocation, struct oq_win_network **out,
                                     struct oq_error *err)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    enum oq_status status = OQ_OK;
    struct oq_win_network *network = oq_calloc(1, sizeof *network);
    if (!network)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    network->port = (struct oq_network_port){
        .ctx = network, .find_proxy = port_find_proxy, .prepare = port_prepare};
    network->checks_revocation = checks_revocation;
    network->may_use_http2 =
        oq_win_is_http2_good(curl->ssl_version ? curl->ssl_version : "", curl->version_num);
    network->is_verified_by_curl = must_verify || ca_file;
    status = oq_win_network_set_proxy(network, NULL, NULL, err);
    if (status == OQ_OK && network->is_verified_by_curl)
        status = oq_win_pem_add_store(&network->roots, store, err);
    if (status == OQ_OK && ca_file)
        status = oq_win_pem_add_file(&network->roots, ca_file, err);
    if (status != OQ_OK) {
        oq_win_network_free(network);
        return status;
    }
    if (network->is_verified_by_curl && network->roots.count == 0)
        oq_log_error(
            "network: this system trusts no certificate authority; every HTTPS download will fail");
    else if (network->is_verified_by_curl)
        oq_log_debug("network: %lu certificate authorities are trusted",
                     (unsigned long)network->roots.count);
    *out = network;
    return OQ_OK;
}

enum oq_status oq_win_network_new(const char *ca_file, bool checks_revocation,
                                  struct oq_win_network **out, struct oq_error *err)
{
    return oq_win_network_new_as(oq_win_is_wine(), "ROOT", ca_file, checks_revocation, out, err);
}

void oq_win_network_free(struct oq_win_network *network)
{
    if (!network)
        return;
    oq_win_pem_release(&network->roots);
    oq_win_proxies_free(network->proxies);
    oq_free(network);
}

const struct oq_network_port *oq_win_network_port(struct oq_win_network *network)
{
    return &network->port;
}

const struct oq_win_pem *oq_win_network_roots(const struct oq_win_network *network)
{
    return network->is_verified_by_curl ? &network->roots : NULL;
}
