/* fuzz_net.c - whatever a server may send, through the real curl and service/net/http_client.c: the
 * request is over once, soon, and what it reported fits together. The first byte chooses how it was
 * asked; the rest is what the server sends before it closes the connection. */
#include "fuzz.h"
#include "oq_net.h"

#include "oq_log.h"
#include "oq_url.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SENT_MAX ((size_t)64 * 1024) /* fits into the socket at once */
#define TURNS_MAX 2000

struct seen {
    size_t head_bytes, body_bytes;
    unsigned heads, ends;
    bool is_head_over, is_header_complete, is_asking;
    enum oq_net_error error;
};

static int client_end = -1; /* the next connection; -1: there is no more */

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    int fd = client_end;
    (void)ctx;
    (void)purpose;
    (void)address;
    client_end = -1;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int is_connected_already(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    (void)ctx;
    (void)fd;
    (void)purpose;
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

/* Every connection is the one of the test, whatever host a redirect names. */
static enum oq_status prepare(void *ctx, void *easy, const char *url, struct oq_identity *as,
                              struct oq_error *err)
{
    static char everywhere[] = "::127.0.0.1:1";
    static struct curl_slist here = {.data = everywhere};
    (void)ctx;
    (void)url;
    (void)as;
    (void)err;
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, is_connected_already);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, &here);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    return OQ_OK;
}

static void on_header(void *transfer, const char *line, size_t length)
{
    struct seen *seen = transfer;
    MUST(seen->ends == 0);
    seen->head_bytes += length;
    seen->heads++;
    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0)
        seen->is_head_over = false;
    seen->is_head_over |= length == 0;
}

static bool on_header_complete(void *transfer)
{
    struct seen *seen = transfer;
    MUST(seen->ends == 0 && seen->is_head_over && !seen->is_header_complete && !seen->is_asking);
    return seen->is_header_complete = true;
}

static bool on_body(void *transfer, const char *data, size_t length)
{
    struct seen *seen = transfer;
    volatile char last = data[length - 1];
    (void)last;
    MUST(seen->ends == 0 && seen->is_head_over && seen->is_header_complete);
    seen->body_bytes += length;
    return true;
}

static void on_done(void *transfer, enum oq_net_error error, const char *text)
{
    struct seen *seen = transfer;
    MUST(text && *text);
    seen->ends++;
    seen->error = error;
}

static bool on_redirected(void *transfer, const char *url)
{
    struct seen *seen = transfer;
    MUST(seen->ends == 0 && !seen->is_asking && oq_url_check(url, NULL) == OQ_OK);
    seen->is_asking = true;
    return true;
}

static const struct oq_net_events events = {.header = on_header,
                                            .header_complete = on_header_complete,
                                            .body = on_body,
                                            .redirected = on_redirected,
                                            .done = on_done};

/* That there is one is enough: the engine calls it, and the engine is this program. */
static enum oq_status find_proxy(void *ctx, const char *url, struct oq_identity *as,
                                 uint32_t attempt, char **proxy, struct oq_error *err)
{
    (void)ctx;
    (void)url;
    (void)as;
    (void)attempt;
    (void)proxy;
    return oq_error_set(err, OQ_E_NOT_SUPPORTED, "nobody asks");
}

static const struct oq_network_port port = {.find_proxy = find_proxy, .prepare = prepare};

static void be_quiet(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

static struct oq_net *make_net(void)
{
    static struct oq_config config;
    static struct oq_net_options options = {
        .user_agent = "fuzz", .network = &port, .config = &config};
    struct oq_net *net = NULL;
    options.clock = oq_clock_system();
    oq_config_init(&config);
    oq_log_set_sink(be_quiet, NULL);
    MUST(oq_net_new(&options, &events, &net, NULL) == OQ_OK);
    return net;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct oq_net *net;
    struct seen seen = {.error = OQ_NET_NONE};
    struct oq_net_handle *handle = NULL;
    int ends[2];
    if (!net)
        net = make_net();
    if (size == 0 || size > SENT_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 0;
    struct oq_net_request request = {.url = "http://127.0.0.1:1/file.bin",
                                     .offset_bytes = data[0] & 1 ? 100 : 0,
                                     .if_range = data[0] & 1 ? "\"tag\"" : NULL,
                                     .proxy = data[0] & 8 ? "http://127.0.0.1:1" : "",
                                     .is_plain = (data[0] & 2) != 0,
                                     .is_foreground = (data[0] & 4) != 0};
    MUST(write(ends[1], data + 1, size - 1) == (ssize_t)(size - 1));
    shutdown(ends[1], SHUT_WR);
    client_end = ends[0];
    MUST(oq_net_start(net, &request, &seen, &handle, NULL) == OQ_OK);
    for (int i = 0; i < TURNS_MAX && seen.ends == 0; i++) {
        oq_net_run(net, 1);
        if (seen.is_asking) {
            seen.is_asking = false;
            oq_net_follow(handle, data[0] & 16 ? "http://user:word@127.0.0.1:1" : "");
        }
    }
    MUST(seen.ends == 1);
    MUST(seen.error != OQ_NET_NONE || seen.is_header_complete);
    MUST(seen.error != OQ_NET_NONE || oq_net_status(handle) >= 100);
    MUST(seen.error < OQ_NET_ERROR_COUNT && seen.head_bytes <= SENT_MAX);
    oq_net_close(net, handle);
    if (client_end >= 0)
        close(client_end);
    close(ends[1]);
    return 0;
}
