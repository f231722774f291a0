/* network.c - TLS options on curl's easy handles, the trusted certificates of a system store and of
 * a file as one PEM text, and the proxy. prepare: engine thread. */
#include "network_int.h"

#include "oq_alloc.h"
#include "oq_errors.h"
#include "oq_log.h"
#include "oq_utf.h"
#include "oq_win_support.h"

#include <string.h>
#include <winsock2.h>
#include <windows.h>
#include <wincrypt.h>
#include <curl/curl.h>

#define FILE_BYTES_MAX (4u << 20)
#define BEGIN_LINE "-----BEGIN CERTIFICATE-----"

struct oq_win_network {
    struct oq_network_port port;
    bool is_verified_by_curl;
    bool checks_revocation;
    bool may_use_http2;
    struct oq_win_pem roots; /* of is_verified_by_curl */
    struct oq_win_proxies *proxies;
};

/* --- certificates as PEM text ----------------------------------------------------------------- */

void oq_win_pem_release(struct oq_win_pem *pem)
{
    oq_free(pem->text);
    memset(pem, 0, sizeof *pem);
}

static enum oq_status append(struct oq_win_pem *pem, const char *text, size_t length, size_t count,
                             struct oq_error *err)
{
    char *longer = oq_realloc(pem->text, pem->length + length + 1);
    if (!longer)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    memcpy(longer + pem->length, text, length);
    pem->text = longer;
    pem->length += length;
    pem->text[pem->length] = '\0';
    pem->count += count;
    return OQ_OK;
}

static enum oq_status append_certificate(struct oq_win_pem *pem, const CERT_CONTEXT *certificate,
                                         struct oq_error *err)
{
    DWORD length = 0;
    if (!CryptBinaryToStringA(certificate->pbCertEncoded, certificate->cbCertEncoded,
                              CRYPT_STRING_BASE64HEADER, NULL, &length) ||
        length == 0)
        return OQ_OK; /* one that cannot be written is one that is not trusted */
    char *text = oq_malloc(length);
    if (!text)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    enum oq_status status = OQ_OK;
    if (CryptBinaryToStringA(certificate->pbCertEncoded, certificate->cbCertEncoded,
                             CRYPT_STRING_BASE64HEADER, text, &length))
        status = append(pem, text, strlen(text), 1,
                        err); /* Wine's length counts the terminator, Windows' does not */
    oq_free(text);
    return status;
}

/* Windows lets an administrator restrict a root to purposes; an unrestricted one has none listed.
 */
static bool is_for_servers(const CERT_CONTEXT *certificate)
{
    DWORD size = 0;
    bool is_found = false;
    if (!CertGetEnhancedKeyUsage(certificate, 0, NULL, &size) || size == 0)
        return true; /* the question is not known, or there is no such property */
    CERT_ENHKEY_USAGE *usage = oq_malloc(size);
    if (!usage)
        return false;
    if (CertGetEnhancedKeyUsage(certificate, 0, usage, &size)) {
        is_found = usage->cUsageIdentifier == 0 && GetLastError() == (DWORD)CRYPT_E_NOT_FOUND;
        for (DWORD i = 0; i < usage->cUsageIdentifier && !is_found; i++)
            is_found = strcmp(usage->rgpszUsageIdentifier[i], szOID_PKIX_KP_SERVER_AUTH) == 0;
    }
    oq_free(usage);
    return is_found;
}

enum oq_status oq_win_pem_add_store(struct oq_win_pem *pem, const char *store, struct oq_error *err)
{
    wchar_t *wide = NULL;
    const CERT_CONTEXT *certificate = NULL;
    enum oq_status status = oq_utf8_to_16(store, &wide, NULL);
    if (status != OQ_OK)
        return oq_error_set(err, status, "the certificate store's name cannot be used");
    HCERTSTORE handle = CertOpenSystemStoreW(0, wide);
    oq_free(wide);
    if (!handle) {
        oq_log_warning("network: the certificate store %s cannot be opened (%lu)", store,
                       (unsigned long)GetLastError());
        return OQ_OK;
    }
    while (status == OQ_OK &&
           (certificate = CertEnumCertificatesInStore(handle, certificate)) != NULL)
        if (is_for_servers(certificate))
            status = append_certificate(pem, certificate, err);
    if (certificate)
        CertFreeCertificateContext(certificate);
    CertCloseStore(handle, 0);
    return status;
}

static size_t count_certificates(const char *text)
{
    size_t count = 0;
    while ((text = strstr(text, BEGIN_LINE)) != NULL) {
        count++;
        text += sizeof(BEGIN_LINE) - 1;
    }
    return count;
}

/* The whole file as a terminated text, with a newline at the end. */
static enum oq_status read_file(const char *path, char **out, size_t *length, struct oq_error *err)
{
    LARGE_INTEGER size;
    DWORD done = 0;
    char *text = NULL;
    wchar_t *wide = NULL;
    enum oq_status status = oq_utf8_to_16(path, &wide, NULL);
    if (status != OQ_OK)
        return oq_error_set(err, status, "the name of the CA file cannot be used");
    HANDLE handle = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                                FILE_ATTRIBUTE_NORMAL, NULL);
    oq_free(wide);
    if (handle == INVALID_HANDLE_VALUE || !GetFileSizeEx(handle, &size)) {
        status = oq_win_fail(err, GetLastError(), "the CA file %s cannot be read", path);
        goto out;
    }
    if (size.QuadPart > FILE_BYTES_MAX) {
        status = oq_error_set(err, OQ_E_INVALID_ARG, "the CA file %s is larger than 4 MB", path);
        goto out;
    }
    text = oq_calloc(1, (size_t)size.QuadPart + 2);
    if (!text) {
        status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
        goto out;
    }
    if (!ReadFile(handle, text, (DWORD)size.QuadPart, &done, NULL)) {
        status = oq_win_fail(err, GetLastError(), "the CA file %s cannot be read", path);
        goto out;
    }
    text[done] = '\n';
    *length = strlen(text);
    *out = text;
    text = NULL;
out:
    oq_free(text);
    if (handle != INVALID_HANDLE_VALUE)
        CloseHandle(handle);
    return status;
}

enum oq_status oq_win_pem_add_file(struct oq_win_pem *pem, const char *path, struct oq_error *err)
{
    char *text = NULL;
    size_t length = 0;
    enum oq_status status = read_file(path, &text, &length, err);
    if (status != OQ_OK)
        return status;
    size_t count = count_certificates(text);
    if (count == 0)
        status = oq_error_set(err, OQ_E_INVALID_ARG,
                              "the CA file %s holds no certificate in PEM form", path);
    else
        status = append(pem, text, length, count, err);
    oq_free(text);
    return status;
}

/* --- options ---------------------------------------------------------------------------------- */

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
