/* http_errors.c - why a request failed: libcurl's codes, and its error texts where they say more.
 * Engine thread.
 */
#include "net_int.h"

#include "oq_alloc.h"

#include <errno.h>
#include <string.h>

static bool has(const char *text, const char *word)
{
    return strstr(text, word) != NULL;
}

/* Which rule a refused certificate breaks is only in curl's text: OpenSSL's and Schannel's words
 * are recognised. */
static enum oq_net_error classify_certificate(const char *text)
{
    if (has(text, "NOT_TIME_VALID") || has(text, "CERT_EXPIRED") || has(text, "has expired") ||
        has(text, "not yet valid"))
        return OQ_NET_CERT_EXPIRED;
    if (has(text, "REVOKED") || has(text, "revoked"))
        return OQ_NET_CERT_REVOKED;
    if (has(text, "host name") || has(text, "hostname") || has(text, "WRONG_PRINCIPAL") ||
        has(text, "CN_NO_MATCH"))
        return OQ_NET_CERT_NAME;
    return OQ_NET_CERT_UNKNOWN;
}

/* No route from this computer, rather than no server: the next attempt then waits for the
 * network. */
static bool is_offline(long system_error)
{
#ifdef _WIN32
    return system_error == 10050 || system_error == 10051; /* WSAENETDOWN, WSAENETUNREACH */
#else
    return system_error == ENETDOWN || system_error == ENETUNREACH;
#endif
}

/* curl says "out of memory" also of a header line above its limit of 100 KB. If there is memory for
 * ten of those, that was it. */
static bool is_line_too_long(const struct oq_net_handle *handle)
{
    curl_off_t asked_us = 0;
    curl_easy_getinfo(handle->easy, CURLINFO_PRETRANSFER_TIME_T, &asked_us);
    void *probe =
        asked_us > 0 && !handle->is_header_complete ? oq_malloc((size_t)1024 * 1024) : NULL;
    oq_free(probe);
    return probe != NULL;
}

/* Ends the body where the connection does? */
static bool is_read_to_the_end(const struct oq_net_handle *handle)
{
    struct curl_header *field = NULL;
    curl_off_t length_bytes = -1;
    curl_easy_getinfo(handle->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length_bytes);
    return length_bytes < 0 && curl_easy_header(handle->easy, "Transfer-Encoding", 0, CURLH_HEADER,
                                                -1, &field) != CURLHE_OK;
}

static enum oq_net_error classify_code(const struct oq_net_handle *handle, CURLcode code)
{
    long system_error = 0;
    if (handle->header_bytes > HEADER_BYTES_MAX)
        return OQ_NET_PROTOCOL;
    if (handle->is_refused)
        return handle->refusal;
    switch ((int)code) {
    case CURLE_OK:
        if (handle->has_excess)
            return OQ_NET_TOO_LONG;
        if (handle->was_reset && is_read_to_the_end(handle))
            return OQ_NET_CUT;
        /* curl takes a connection that ends within the header for a response without a body. */
        return handle->is_header_complete ? OQ_NET_NONE : OQ_NET_CUT;
    case CURLE_COULDNT_RESOLVE_HOST:
        return OQ_NET_RESOLVE;
    case CURLE_COULDNT_RESOLVE_PROXY:
        return OQ_NET_RESOLVE_PROXY;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
        curl_easy_getinfo(handle->easy, CURLINFO_OS_ERRNO, &system_error);
        return is_offline(system_error) ? OQ_NET_OFFLINE : OQ_NET_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return handle->is_header_complete ? OQ_NET_STALLED : OQ_NET_TIMEOUT;
    case CURLE_RECV_ERROR:
        return has(handle->text, "Too large response headers") ? OQ_NET_PROTOCOL : OQ_NET_CUT;
    case CURLE_FILESIZE_EXCEEDED:
        return OQ_NET_TOO_LONG;
    case CURLE_PROXY:
        return OQ_NET_PROXY;
    case CURLE_LOGIN_DENIED:
    case CURLE_AUTH_ERROR:
        return OQ_NET_SIGN_IN;
    case CURLE_PARTIAL_FILE:
    case CURLE_READ_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_AGAIN:
    case CURLE_CHUNK_FAILED:
    case CURLE_NO_CONNECTION_AVAILABLE:
    case CURLE_HTTP3:
    case CURLE_QUIC_CONNECT_ERROR:
    case CURLE_UNRECOVERABLE_POLL:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_WRITE_ERROR: /* the transfer stopped it, or the fault seam */
        return OQ_NET_CUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return classify_certificate(handle->text);
    case CURLE_SSL_INVALIDCERTSTATUS:
        return OQ_NET_CERT_REVOKED;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return OQ_NET_CERT_UNKNOWN;
    case CURLE_SSL_CONNECT_ERROR:
        /* Schannel reports a certificate that Windows itself refuses as a failed handshake. */
        if (has(handle->text, "CERT") || has(handle->text, "UNTRUSTED") ||
            has(handle->text, "WRONG_PRINCIPAL"))
            return classify_certificate(handle->text);
        return OQ_NET_TLS;
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_USE_SSL_FAILED:
        return OQ_NET_TLS;
    case CURLE_TOO_MANY_REDIRECTS:
        return OQ_NET_TOO_MANY_REDIRECTS;
    case CURLE_UNSUPPORTED_PROTOCOL:
        /* Also said of a status line that makes no sense. */
        return has(handle->text, "Protocol \"") || has(handle->text, "redirect target")
                   ? OQ_NET_BAD_REDIRECT
                   : OQ_NET_PROTOCOL;
    case CURLE_URL_MALFORMAT: /* ours was checked; curls without a scheme do not know its form */
        return OQ_NET_BAD_REDIRECT;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP_RETURNED_ERROR:
    case CURLE_RANGE_ERROR:
        return OQ_NET_PROTOCOL;
    case CURLE_BAD_CONTENT_ENCODING:
        return OQ_NET_ENCODED;
    case CURLE_FAILED_INIT:
        return OQ_NET_NOMEM;
    case CURLE_OUT_OF_MEMORY:
        return is_line_too_long(handle) ? OQ_NET_PROTOCOL : OQ_NET_NOMEM;
    default:
        return OQ_NET_OTHER;
    }
}

enum oq_net_error oq_net_classify(const struct oq_net_handle *handle, CURLcode code)
{
    enum oq_net_error error = classify_code(handle, code);
    /* A connection that had been used before may have brought the rest of a response that was
     * longer than it said: a new one shows what the server means. */
    return error == OQ_NET_PROTOCOL && handle->is_kept_connection ? OQ_NET_CUT : error;
}
