/* net_log_on.c - requests that may log on as their owner.
 *
 * Windows' log-on (Negotiate, NTLM) shows who the thread is, and a connection that has logged on is
 * theirs from then on. So a request that may log on has a multi handle, and with it connections,
 * of its own, which nobody else's request can get; and every call that libcurl gets for it is made
 * as its owner, with the engine's own work taken out. Nobody else's request is touched meanwhile.
 * docs/decisions/0011 says who may. libcurl counts connections within one multi handle, so how many
 * there are to a host is counted here.
 */
#include "net_int.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "oq_proxy.h"
#include "oq_url.h"

#include <string.h>

static bool has_user_part(const char *url)
{
    const char *start = strstr(url, "://");
    start = start ? start + 3 : url;
    return memchr(start, '@', strcspn(start, "/?#")) != NULL;
}

unsigned oq_net_auth_allowed(const struct oq_net *net, const struct oq_net_request *request)
{
    const struct oq_net_options *options = &net->options;
    unsigned auth = 0;
    if (!options->auth_hosts || !options->identity || !options->identity->enter ||
        !request->identity || !request->is_of_person || !options->network ||
        !options->network->find_proxy || !request->proxy) /* libcurl must not follow by itself */
        return 0;
    if (!has_user_part(request->url) && oq_proxy_is_listed(options->auth_hosts, request->url))
        auth |= OQ_AUTH_SERVER;
    if (!has_user_part(request->proxy) && oq_proxy_is_listed(options->auth_hosts, request->proxy))
        auth |= OQ_AUTH_PROXY;
    return auth;
}

/* As libcurl counts (measured with 7.88): what is asked of a proxy for HTTP is the proxy's, what
 * goes through a tunnel or SOCKS is the server's. */
static char *counted_host(const struct oq_net_request *request)
{
    bool is_proxys =
        curl_strnequal(request->url, "http:", 5) &&
        (curl_strnequal(request->proxy, "http:", 5) || curl_strnequal(request->proxy, "https:", 6));
    const char *url = is_proxys ? request->proxy : request->url;
    char *host = oq_url_host_key(url);
    return host ? host : oq_strdup(url); /* libcurl takes more for a proxy's URL than we do */
}

/* Only as many wait as find no room, and each that ends lets one begin: if any waits, there is
 * none. */
bool oq_net_auth_add(struct oq_net_handle *handle)
{
    struct oq_net_handle **at = &handle->net->owned;
    uint32_t under_way = 0;
    handle->host = counted_host(&handle->request);
    handle->own = handle->host ? curl_multi_init() : NULL;
    if (!handle->own) {
        oq_free(handle->host);
        handle->host = NULL;
        return false;
    }
    for (; *at; at = &(*at)->next_own)
        under_way += !(*at)->is_waiting && strcmp((*at)->host, handle->host) == 0;
    handle->is_waiting = under_way >= handle->net->options.config->connections_per_host;
    handle->next_own = NULL;
    *at = handle;
    return true;
}

void oq_net_auth_remove(struct oq_net_handle *handle)
{
    struct oq_net_handle **at = &handle->net->owned;
    while (*at != handle)
        at = &(*at)->next_own;
    *at = handle->next_own;
    struct oq_net_handle *next = handle->is_waiting ? NULL : handle->net->owned;
    while (next && (!next->is_waiting || strcmp(next->host, handle->host) != 0))
        next = next->next_own;
    if (next)
        next->is_waiting = false; /* oq_net_run finds it */
    oq_free(handle->host);
    handle->host = NULL;
    handle->own = NULL;
    handle->is_waiting = false;
}

void oq_net_impersonate_begin(struct oq_net_handle *handle)
{
    if (!handle || !handle->own)
        return;
    const struct oq_identity_port *port = handle->net->options.identity;
    port->enter(port->ctx, handle->request.identity);
    handle->net->acting = handle;
}

struct oq_net_handle *oq_net_impersonate_end(struct oq_net *net)
{
    struct oq_net_handle *acting = net->acting;
    if (acting)
        net->options.identity->leave(net->options.identity->ctx);
    net->acting = NULL;
    return acting;
}

CURLcode oq_net_auth_set_options(struct oq_net_handle *handle)
{
    const long methods = (long)(CURLAUTH_NEGOTIATE | CURLAUTH_NTLM);
    CURL *easy = handle->easy;
    CURLcode code = CURLE_OK;
    if (handle->auth & OQ_AUTH_SERVER) {
        code = curl_easy_setopt(easy, CURLOPT_HTTPAUTH, methods);
        if (code == CURLE_OK) /* as the thread */
            code = curl_easy_setopt(easy, CURLOPT_USERPWD, ":");
    }
    if (code == CURLE_OK && (handle->auth & OQ_AUTH_PROXY)) {
        code = curl_easy_setopt(easy, CURLOPT_PROXYAUTH, methods);
        if (code == CURLE_OK)
            code = curl_easy_setopt(easy, CURLOPT_PROXYUSERPWD, ":");
    }
    if (code == CURLE_OK && handle->auth) /* every redirect is a request of its own */
        code = curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    if (code == CURLE_OK && handle->auth) /* they log on connections */
        code = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return code;
}

void oq_net_auth_perform(struct oq_net *net)
{
    int running = 0, left = 0;
    CURLMsg *message = NULL;
    for (struct oq_net_handle *handle = net->owned; handle; handle = handle->next_own) {
        if (handle->is_waiting)
            continue;
        oq_net_impersonate_begin(handle);
        CURLMcode code = curl_multi_perform(handle->own, &running);
        (void)oq_net_impersonate_end(net);
        if (code != CURLM_OK)
            oq_log_error("network: libcurl reports: %s", curl_multi_strerror(code));
        while ((message = curl_multi_info_read(handle->own, &left)) != NULL) {
            handle->is_finished |= message->msg == CURLMSG_DONE;
            handle->result = message->data.result;
        }
    }
}

struct oq_net_handle *oq_net_auth_take_finished(struct oq_net *net)
{
    struct oq_net_handle *handle = net->owned;
    while (handle && !handle->is_finished)
        handle = handle->next_own;
    if (handle)
        handle->is_finished = false;
    return handle;
}
