/* http_client.c - requests over libcurl's multi interface: what is requested, and what comes.
 *
 * Engine thread, except oq_net_wakeup. See oq_net.h.
 */
#include "net_int.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_log.h"
#include "oq_proxy.h"
#include "oq_url.h"
#include "oq_window_controller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A recv under Wine costs 80-100 us: large pieces make it 10 times faster (measured: 16 KB buffers
 * 140-200 MB/s, 512 KB 1.8 GB/s). It is libcurl's highest value on the oldest version we build
 * with. */
#define RECEIVE_BUFFER_BYTES 524288L
#define WAITS_MAX 64 /* sockets of requests with a multi handle of their own; more are polled */
#define REDIRECTS_MAX 10L /* contract, issue "redirects": as browsers do, with a limit */
#define LOCATIONS_MAX 8

enum oq_status oq_net_new(const struct oq_net_options *options, const struct oq_net_events *events,
                          struct oq_net **out, struct oq_error *err)
{
    struct oq_net *net = oq_calloc(1, sizeof *net);
    if (!net)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        oq_free(net);
        return oq_error_set(err, OQ_E_NET, "libcurl does not start");
    }
    net->events = events;
    net->options = *options;
    net->sockets = oq_tcp_sockets_new();
    net->multi = net->sockets ? curl_multi_init() : NULL;
    if (!net->multi) {
        oq_tcp_sockets_free(net->sockets);
        curl_global_cleanup();
        oq_free(net);
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    }
    curl_multi_setopt(net->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      (long)options->config->connections_per_host);
    curl_multi_setopt(net->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    *out = net;
    return OQ_OK;
}

void oq_net_free(struct oq_net *net)
{
    if (!net)
        return;
    for (unsigned i = 0; i < PATIENCE_HOSTS; i++)
        oq_free(net->patience[i].host);
    curl_multi_cleanup(net->multi); /* closes connections: their sockets are forgotten */
    oq_tcp_sockets_free(net->sockets);
    curl_global_cleanup();
    oq_free(net);
}

void oq_net_wakeup(struct oq_net *net)
{
    curl_multi_wakeup(net->multi);
}

static void unpause(struct oq_net_handle *handle)
{
    oq_net_impersonate_begin(handle);
    (void)curl_easy_pause(handle->easy, CURLPAUSE_CONT);
    (void)oq_net_impersonate_end(handle->net);
}

void oq_net_hold(struct oq_net_handle *handle, enum oq_net_hold why, bool is_held)
{
    unsigned before = handle->holds;
    handle->holds = is_held ? before | why : before & ~(unsigned)why;
    if (before != 0 && handle->holds == 0)
        unpause(handle);
}

bool oq_net_is_waiting(const struct oq_net_handle *handle)
{
    return handle->is_waiting;
}

uint32_t oq_net_status(const struct oq_net_handle *handle)
{
    long status = 0;
    curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &status);
    return status > 0 ? (uint32_t)status : 0;
}

uint32_t oq_net_proxy_refusal(const struct oq_net_handle *handle)
{
    long status = 0;
    curl_easy_getinfo(handle->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    return status >= 300 ? (uint32_t)status : 0;
}

const char *oq_net_url(const struct oq_net_handle *handle)
{
    char *url = NULL;
    curl_easy_getinfo(handle->easy, CURLINFO_EFFECTIVE_URL, &url);
    return url;
}

/* --- how long a host may be silent ------------------------------------------------------------ */

static struct oq_patience *find_patience(struct oq_net *net, const char *host)
{
    for (unsigned i = 0; host && i < PATIENCE_HOSTS; i++)
        if (net->patience[i].host && strcmp(net->patience[i].host, host) == 0)
            return &net->patience[i];
    return NULL;
}

static int64_t stall_timeout_ms(struct oq_net *net, const char *url)
{
    char *host = oq_url_host_key(url);
    const struct oq_patience *patience = find_patience(net, host);
    int64_t ms = net->options.config->stall_timeout_ms;
    oq_free(host);
    return patience && patience->ms > ms ? patience->ms : ms;
}

int64_t oq_net_wait_longer(struct oq_net_handle *handle)
{
    struct oq_net *net = handle->net;
    curl_off_t asked_us = 0;
    curl_easy_getinfo(handle->easy, CURLINFO_PRETRANSFER_TIME_T, &asked_us);
    if (asked_us == 0 || handle->stall_ms >= PATIENCE_MAX_MS ||
        stall_timeout_ms(net, handle->request.url) > handle->stall_ms) /* said by another file */
        return 0;
    char *host = oq_url_host_key(handle->request.url);
    struct oq_patience *patience = find_patience(net, host);
    if (patience) {
        oq_free(host);
    } else if (host) { /* the oldest one goes */
        patience = &net->patience[net->next_patience++ % PATIENCE_HOSTS];
        oq_free(patience->host);
        patience->host = host;
    } else {
        return 0;
    }
    patience->ms = handle->stall_ms < PATIENCE_MAX_MS / 2 ? 2 * handle->stall_ms : PATIENCE_MAX_MS;
    return patience->ms;
}

/* --- redirects, the header and the body ------------------------------------------------------- */

static bool starts_with_https(const char *url)
{
    return curl_strnequal(url, "https:", 6) != 0;
}

static size_t refuse(struct oq_net_handle *handle, enum oq_net_error why)
{
    handle->is_refused = true;
    handle->refusal = why;
    return 0;
}

/* Where the response redirects to, or NULL. Several that differ are an error: it is open which one
 * libcurl takes. (So are many: to read all of them takes a time that grows with their square.) */
static const char *find_location(struct oq_net_handle *handle)
{
    struct curl_header *field = NULL;
    const char *location = NULL;
    for (size_t i = 0;
         curl_easy_header(handle->easy, "Location", i, CURLH_HEADER, -1, &field) == CURLHE_OK;
         i++) {
        if (field->amount > LOCATIONS_MAX || (location && strcmp(location, field->value) != 0)) {
            (void)refuse(handle, OQ_NET_PROTOCOL);
            return NULL;
        }
        location = field->value;
    }
    return location;
}

/* A new string: the URL that it means; NULL: none that libcurl would follow, or no memory. */
static char *resolve(const struct oq_net_handle *handle, const char *location)
{
    char *url = NULL, *copy = NULL;
    CURLU *parts = curl_url();
    if (parts && curl_url_set(parts, CURLUPART_URL, oq_net_url(handle), 0) == CURLUE_OK &&
        curl_url_set(parts, CURLUPART_URL, location, CURLU_URLENCODE) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_URL, &url, 0) == CURLUE_OK)
        copy = oq_url_normalize(url);
    curl_url_cleanup(parts);
    curl_free(url);
    return copy;
}

/* The header is complete. Before a redirect is followed its proxy has to be resolved: another host
 * may have another one, and that may take a while. True: end the request, or wait. */
static bool needs_redirect_proxy(struct oq_net_handle *handle)
{
    const struct oq_network_port *port = handle->net->options.network;
    uint32_t status = oq_net_status(handle);
    if (handle->may_redirect || status < 300 || status > 399)
        return false;
    const char *location = find_location(handle);
    if (!location || !port || !port->find_proxy)
        return handle->is_refused;
    oq_free(handle->location);
    handle->location = resolve(handle, location);
    if (!handle->location || oq_url_check(handle->location, NULL) != OQ_OK)
        return false; /* libcurl refuses it, in its own words */
    handle->needs_proxy = handle->net->events->redirected(handle->transfer, handle->location);
    if (!handle->needs_proxy)
        (void)refuse(handle, OQ_NET_NOMEM);
    return true;
}

static size_t read_header(struct oq_net_handle *handle, char *data, size_t size)
{
    size_t length = size;
    if (handle->needs_proxy)
        return CURL_WRITEFUNC_PAUSE;
    if (handle->is_refused)
        return 0;
    /* Not before: how large it may become later is decided with the first packets. Not later: until
     * then the advertised window grows. */
    if (handle->is_controlled && length >= 5 && memcmp(data, "HTTP/", 5) == 0)
        (void)oq_tcp_socket_set_window(oq_tcp_socket_find(handle->net->sockets, handle->easy),
                                       OQ_WINDOW_BEGIN);
    handle->header_bytes += length;
    if (handle->header_bytes > HEADER_BYTES_MAX)
        return 0;
    /* From https no redirect leads back to http. */
    if (length >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        handle->is_header_complete = handle->has_excess = handle->may_redirect = false;
        handle->was_reset = false;
        handle->body_bytes = 0;
        if (starts_with_https(oq_net_url(handle)))
            curl_easy_setopt(handle->easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    }
    while (length > 0 && (data[length - 1] == '\n' || data[length - 1] == '\r'))
        length--;
    if (length == 0 && needs_redirect_proxy(handle))
        return handle->needs_proxy ? CURL_WRITEFUNC_PAUSE : 0; /* paused: the line comes again */
    handle->is_header_complete |= length == 0;
    handle->net->events->header(handle->transfer, data, length);
    return size;
}

/* What the engine does within an event is its own work, not the owner's. */
static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
    struct oq_net_handle *handle = ctx, *acting = oq_net_impersonate_end(handle->net);
    size_t taken = read_header(handle, data, size * count);
    oq_net_impersonate_begin(acting);
    return taken;
}

/* That more came in one piece with the header than Content-Length is only in curl's log; and when
 * a connection is about to be closed. Wine reports a reset as an orderly end (measured with 8.0),
 * but the socket has lost its peer then. */
static int on_words(CURL *easy, curl_infotype kind, char *data, size_t size, void *ctx)
{
    static const char words[] = "Excess found";
    static const char number[] = "excess = ";
    static const char closing[] = "Closing connection";
    struct oq_net_handle *handle = ctx;
    char line[160];
    if (kind == CURLINFO_TEXT && size >= sizeof closing &&
        memcmp(data, closing, sizeof closing - 1) == 0)
        handle->was_reset = oq_tcp_socket_was_reset(handle->net->sockets, easy);
    if (kind != CURLINFO_TEXT || size < sizeof words || memcmp(data, words, sizeof words - 1) != 0)
        return 0;
    snprintf(line, sizeof line, "%.*s", (int)(size < sizeof line ? size : sizeof line - 1), data);
    const char *excess = strstr(line, number);
    handle->has_excess |= !excess || strtoul(excess + sizeof number - 1, NULL, 10) > 2;
    return 0;
}

/* Is the body as long as Content-Length says, over a connection that is not encrypted? libcurl
 * reads no further then: what the server sends beyond stays in the socket. (Of TLS it might be a
 * record of TLS itself.) */
static bool has_whole_body(const struct oq_net_handle *handle)
{
    curl_off_t length_bytes = -1;
    curl_easy_getinfo(handle->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length_bytes);
    return length_bytes >= 0 && (uint64_t)length_bytes == handle->body_bytes &&
           !starts_with_https(oq_net_url(handle)) &&
           !(handle->request.proxy && starts_with_https(handle->request.proxy));
}

/* Has the server refused Basic and offers Digest? Then the request is made once more. */
static bool wants_digest(struct oq_net_handle *handle)
{
    long offered = 0;
    if (handle->is_digest || handle->auth || oq_net_status(handle) != 401 ||
        !oq_proxy_has_user(handle->request.url))
        return false;
    curl_easy_getinfo(handle->easy, CURLINFO_HTTPAUTH_AVAIL, &offered);
    return (offered & (long)CURLAUTH_DIGEST) != 0;
}

static bool report_header(struct oq_net_handle *handle)
{
    if (handle->is_header_reported)
        return true;
    if (wants_digest(handle)) {
        handle->must_repeat = true;
        return false;
    }
    handle->is_header_reported = true;
    return handle->net->events->header_complete(handle->transfer);
}

static size_t read_body(struct oq_net_handle *handle, const char *data, size_t length)
{
    if (handle->holds != 0)
        return CURL_WRITEFUNC_PAUSE; /* libcurl keeps them and reads no more */
    if (oq_fault_hit(OQ_FAULT_NET) || !report_header(handle))
        return 0;
    if (!handle->net->events->body(handle->transfer, data, length))
        return 0;
    handle->body_bytes += length;
    handle->has_excess |=
        has_whole_body(handle) &&
        oq_tcp_socket_has_more(oq_tcp_socket_find(handle->net->sockets, handle->easy));
    return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct oq_net_handle *handle = ctx, *acting = oq_net_impersonate_end(handle->net);
    size_t taken = read_body(handle, data, size * count);
    oq_net_impersonate_begin(acting);
    return taken;
}

/* libcurl is about to send a request; each redirect and each round of authentication is one. What
 * libcurl counts, it counts from the first of them on. */
// NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type
static int on_request(void *ctx, char *peer, char *local, int peer_port, int local_port)
{
    struct oq_net_handle *handle = ctx;
    long connects = 0;
    double handshakes_ms = oq_tcp_socket_handshakes_ms(handle->easy);
    (void)peer, (void)local, (void)peer_port, (void)local_port;
    curl_easy_getinfo(handle->easy, CURLINFO_NUM_CONNECTS, &connects);
    handle->is_kept_connection = connects == handle->connects;
    handle->connects = connects;
    handle->handshake_ms = handle->is_kept_connection ? 0 : handshakes_ms - handle->handshakes_ms;
    handle->handshakes_ms = handshakes_ms;
    return CURL_PREREQFUNC_OK;
}

static bool add_field(struct oq_net_handle *handle, const char *field)
{
    struct curl_slist *longer = curl_slist_append(handle->fields, field);
    if (longer)
        handle->fields = longer;
    return longer != NULL;
}

/* Without a user's name, or with Negotiate, Windows would authenticate as the account of this
 * program: only oq_net_auth_set_options allows that, and then as the owner. */
static long proxy_auth_methods(const char *url)
{
    return (long)(oq_proxy_has_user(url) ? CURLAUTH_BASIC | CURLAUTH_DIGEST : CURLAUTH_BASIC);
}

/* Basic with the first request: many servers answer one without a name by a sign-in page or 404. */
static long auth_methods(const struct oq_net_handle *handle)
{
    return (long)(handle->is_digest ? CURLAUTH_DIGEST : CURLAUTH_BASIC);
}

static CURLcode set_options(struct oq_net_handle *handle)
{
    const struct oq_net_request *request = &handle->request;
    const struct oq_config *config = handle->net->options.config;
    CURL *easy = handle->easy;
    char range[48], field[600];
    CURLcode code = CURLE_OK;
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = curl_easy_setopt(easy, option, value);                                          \
    } while (0)
    SET(CURLOPT_PRIVATE, handle);
    SET(CURLOPT_ERRORBUFFER, handle->text);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a DNS look-up under way does not delay a stop */
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, REDIRECTS_MAX - (long)handle->redirects);
    SET(CURLOPT_REDIR_PROTOCOLS_STR, starts_with_https(request->url) ? "https" : "http,https");
    SET(CURLOPT_HTTPAUTH, auth_methods(handle));
    SET(CURLOPT_COOKIEFILE, ""); /* cookies: within this request and its redirects */
    for (struct curl_slist *cookie = handle->cookies; cookie; cookie = cookie->next)
        SET(CURLOPT_COOKIELIST, cookie->data);
    if (request->proxy) {
        SET(CURLOPT_PROXY, request->proxy);
        SET(CURLOPT_NOPROXY, ""); /* the bypass list has been applied already */
        SET(CURLOPT_PROXYAUTH, proxy_auth_methods(request->proxy));
        SET(CURLOPT_SOCKS5_AUTH, (long)CURLAUTH_BASIC); /* else also Windows' own */
    }
    SET(CURLOPT_USERAGENT, handle->net->options.user_agent);
    SET(CURLOPT_BUFFERSIZE, RECEIVE_BUFFER_BYTES);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_timeout_ms);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    handle->stall_ms = stall_timeout_ms(handle->net, request->url);
    SET(CURLOPT_LOW_SPEED_TIME, (long)((handle->stall_ms + 999) / 1000));
    /* Background: one connection per transfer, since HTTP/2 streams share one receive window and
     * rate control works on it. No CURLOPT_PIPEWAIT: with 7.88 requests that waited for a
     * connection to show whether it multiplexes stayed waiting until another one was over
     * (measured: 6 requests, HTTP/1.1 server, 2 of them began when the first ended). */
    SET(CURLOPT_HTTP_VERSION,
        (long)(request->is_foreground ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_PREREQFUNCTION, on_request);
    SET(CURLOPT_PREREQDATA, handle);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, handle);
    SET(CURLOPT_VERBOSE, 1L); /* for on_words; nothing is printed */
    SET(CURLOPT_DEBUGFUNCTION, on_words);
    SET(CURLOPT_DEBUGDATA, handle);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, handle);
    /* Always a range, so that the first response already tells whether the server can resume; never
     * HEAD (contract 0.1). */
    if (request->end_bytes > 0)
        snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)request->offset_bytes,
                 (unsigned long long)request->end_bytes - 1);
    else
        snprintf(range, sizeof range, "%llu-", (unsigned long long)request->offset_bytes);
    if (!request->is_plain)
        SET(CURLOPT_RANGE, range);
    bool has_fields = add_field(handle, "Accept-Encoding: identity");
    if (request->if_range) {
        snprintf(field, sizeof field, "If-Range: %s", request->if_range);
        has_fields = has_fields && add_field(handle, field);
    }
    if (!has_fields)
        return CURLE_OUT_OF_MEMORY;
    SET(CURLOPT_HTTPHEADER, handle->fields);
#undef SET
    bool has_control = handle->net->options.link && config->idle_throttle != 0;
    handle->is_controlled = has_control && !request->is_foreground;
    if (code == CURLE_OK &&
        !oq_tcp_socket_prepare(easy, handle->net->sockets, handle->is_controlled))
        code = CURLE_OUT_OF_MEMORY;
    return code;
}

static enum oq_status add_easy(struct oq_net_handle *handle, struct oq_error *err)
{
    struct oq_net *net = handle->net;
    const struct oq_network_port *port = net->options.network;
    enum oq_status status = OQ_OK;
    handle->easy = curl_easy_init();
    if (!handle->easy)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    handle->auth = oq_net_auth_allowed(net, &handle->request);
    CURLcode code = set_options(handle);
    if (code == CURLE_OK)
        code = oq_net_auth_set_options(handle);
    if (code != CURLE_OK) {
        status = oq_error_set(err, code == CURLE_OUT_OF_MEMORY ? OQ_E_NOMEM : OQ_E_NET,
                              "libcurl: %s", curl_easy_strerror(code));
        if (err)
            err->net = OQ_NET_OTHER;
        return status;
    }
    if (port) {
        status = port->prepare(port->ctx, handle->easy, handle->request.url,
                               handle->request.identity, err);
        if (status != OQ_OK)
            return status;
    }
    if (handle->auth && !oq_net_auth_add(handle))
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    oq_net_impersonate_begin(handle);
    CURLMcode added = curl_multi_add_handle(handle->own ? handle->own : net->multi, handle->easy);
    (void)oq_net_impersonate_end(net);
    if (added != CURLM_OK)
        return oq_error_set(err, OQ_E_NOMEM, "libcurl takes no more requests");
    handle->is_added = true;
    return OQ_OK;
}

static void remove_easy(struct oq_net_handle *handle)
{
    struct oq_net *net = handle->net;
    oq_net_impersonate_begin(handle);
    if (handle->is_added)
        curl_multi_remove_handle(handle->own ? handle->own : net->multi, handle->easy);
    if (handle->easy)
        curl_easy_cleanup(handle->easy);
    if (handle->own) /* its connections end with it */
        curl_multi_cleanup(handle->own);
    (void)oq_net_impersonate_end(net);
    if (handle->own)
        oq_net_auth_remove(handle);
    curl_slist_free_all(handle->fields);
    handle->auth = 0;
    handle->is_finished = handle->is_added = false;
    handle->connects = 0;
    handle->handshakes_ms = 0;
    handle->easy = NULL;
    handle->fields = NULL;
}

/* The strings are copied. */
static bool keep_request(struct oq_net_handle *handle, const struct oq_net_request *request)
{
    handle->request = *request;
    handle->request.url = oq_strdup(request->url);
    handle->request.if_range = oq_strdup(request->if_range);
    handle->request.proxy = oq_strdup(request->proxy);
    return handle->request.url && (!request->if_range || handle->request.if_range) &&
           (!request->proxy || handle->request.proxy);
}

static void forget_request(struct oq_net_request *request)
{
    oq_free((char *)(uintptr_t)request->url);
    oq_free((char *)(uintptr_t)request->if_range);
    oq_free((char *)(uintptr_t)request->proxy);
}

enum oq_status oq_net_start(struct oq_net *net, const struct oq_net_request *request,
                            void *transfer, struct oq_net_handle **out, struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    struct oq_net_handle *handle = oq_calloc(1, sizeof *handle);
    if (!handle)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    handle->net = net;
    handle->transfer = transfer;
    if (oq_fault_hit(OQ_FAULT_NET)) {
        status = oq_error_set(err, OQ_E_NET, "the test makes the network fail");
        if (err)
            err->net = OQ_NET_CONNECT;
    } else if (!keep_request(handle, request)) {
        status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
    } else {
        status = add_easy(handle, err);
    }
    if (status == OQ_OK) {
        *out = handle;
        handle = NULL;
    }
    oq_net_close(net, handle);
    return status;
}

/* libcurl keeps a proxy, and the state of its authentication, for a whole request. So where the
 * proxy is another one, or Windows authentication is allowed before or after the redirect, a new
 * request continues, and the redirects before it count. */
void oq_net_follow(struct oq_net_handle *handle, const char *proxy)
{
    struct oq_net_request before = handle->request, next = before;
    long redirects = 0;
    bool is_same = before.proxy && proxy ? strcmp(before.proxy, proxy) == 0 : before.proxy == proxy;
    curl_easy_getinfo(handle->easy, CURLINFO_REDIRECT_COUNT, &redirects);
    handle->needs_proxy = false;
    /* What must not be followed is refused by libcurl, in its own words. */
    bool is_too_far = (long)handle->redirects + redirects >= REDIRECTS_MAX;
    bool is_down = starts_with_https(oq_net_url(handle)) && !starts_with_https(handle->location);
    if (handle->own && (is_too_far || is_down))
        (void)refuse(handle, is_down ? OQ_NET_BAD_REDIRECT : OQ_NET_TOO_MANY_REDIRECTS);
    next.url = handle->location;
    next.proxy = proxy;
    bool is_alike = is_same && !handle->own && oq_net_auth_allowed(handle->net, &next) == 0;
    if (is_alike || is_too_far || is_down) {
        handle->may_redirect = true;
        unpause(handle);
        return;
    }
    curl_slist_free_all(handle->cookies);
    handle->cookies = NULL;
    (void)curl_easy_getinfo(handle->easy, CURLINFO_COOKIELIST, &handle->cookies);
    remove_easy(handle);
    handle->redirects += (unsigned)redirects + 1;
    bool is_kept = keep_request(handle, &next);
    forget_request(&before);
    if (!is_kept || add_easy(handle, NULL) != OQ_OK)
        handle->net->events->done(handle->transfer, OQ_NET_NOMEM, "out of memory");
}

void oq_net_close(struct oq_net *net, struct oq_net_handle *handle)
{
    (void)net;
    if (!handle)
        return;
    remove_easy(handle);
    forget_request(&handle->request);
    curl_slist_free_all(handle->cookies);
    oq_free(handle->location);
    oq_free(handle);
}

static void finish(struct oq_net_handle *handle, CURLcode result)
{
    enum oq_net_error error = oq_net_classify(handle, result);
    if (error == OQ_NET_NONE && !report_header(handle)) /* it had no body */
        error = OQ_NET_CUT;
    if (handle->must_repeat) {
        handle->must_repeat = handle->is_header_complete = false;
        handle->is_digest = true;
        remove_easy(handle);
        if (add_easy(handle, NULL) == OQ_OK)
            return;
        error = OQ_NET_NOMEM;
    }
    handle->net->events->done(handle->transfer, error,
                              handle->text[0] ? handle->text : curl_easy_strerror(result));
}

void oq_net_run(struct oq_net *net, int timeout_ms)
{
    int running = 0, left = 0;
    CURLMsg *message = NULL;
    struct curl_waitfd waits[WAITS_MAX];
    unsigned count = 0;
    for (struct oq_net_handle *handle = net->owned; handle; handle = handle->next_own) {
        if (handle->is_waiting)
            continue;
        count += oq_tcp_sockets_wait(net->sockets, handle->own, waits + count, WAITS_MAX - count,
                                     &timeout_ms);
    }
    CURLMcode code = curl_multi_poll(net->multi, waits, count, timeout_ms, NULL);
    net->woken_us = oq_clock_mono_us(net->options.clock);
    if (code == CURLM_OK)
        code = curl_multi_perform(net->multi, &running);
    if (code != CURLM_OK)
        oq_log_error("network: libcurl reports: %s", curl_multi_strerror(code));
    while ((message = curl_multi_info_read(net->multi, &left)) != NULL) {
        struct oq_net_handle *handle = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result; /* not valid any more once the handle is removed */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&handle);
        finish(handle, result);
    }
    struct oq_net_handle *finished = NULL;
    oq_net_auth_perform(net);
    while ((finished = oq_net_auth_take_finished(net)) != NULL)
        finish(finished, finished->result);
}
