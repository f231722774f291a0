/* test_requests.c - oq_net.h as it is, without an engine: the test is the server, too, and decides
 * what comes over which connection. */
#include "oq_net.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "test_unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS 16
#define TURNS_MAX 5000

/* The nth request, over whatever connection, gets the nth response. */
static struct {
    int listening[2], ports[2];
    int connections[CONNECTIONS];
    char unread[CONNECTIONS][2048];
    unsigned opened;
    char requests[16][2048], responses[16][1024];
    unsigned requested, scripted;
} web;

static struct {
    unsigned headers, ends, redirects;
    size_t body_bytes;
    enum oq_net_error error;
    bool is_redirected;
} seen;

/* What the next fetch does. */
static bool refuses_header, hangs_up;

static struct oq_config config;
static struct oq_net *net;
static unsigned impersonated;

/* --- the server ------------------------------------------------------------------------------- */

static void open_server(unsigned i)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    web.listening[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(web.listening[i], (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(web.listening[i], CONNECTIONS), 0);
    assert_int_equal(getsockname(web.listening[i], (struct sockaddr *)&at, &size), 0);
    web.ports[i] = ntohs(at.sin_port);
}

__attribute__((format(printf, 1, 2))) static void respond(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(web.responses[web.scripted++], sizeof web.responses[0], format, arguments);
    va_end(arguments);
}

static void send_over(unsigned connection, const char *text)
{
    assert_int_equal(send(web.connections[connection], text, strlen(text), MSG_NOSIGNAL),
                     (ssize_t)strlen(text));
}

static void serve(void)
{
    for (unsigned i = 0; i < 2; i++) {
        int fd = accept(web.listening[i], NULL, NULL);
        if (fd >= 0)
            web.connections[web.opened++] = fd;
    }
    for (unsigned i = 0; i < web.opened; i++) {
        char *text = web.unread[i];
        size_t length = strlen(text);
        ssize_t got = recv(web.connections[i], text + length, sizeof web.unread[0] - 1 - length,
                           MSG_DONTWAIT);
        if (got > 0)
            text[length + (size_t)got] = '\0';
        if (!strstr(text, "\r\n\r\n"))
            continue;
        assert_true(web.requested < web.scripted);
        strcpy(web.requests[web.requested], text);
        text[0] = '\0';
        send_over(i, web.responses[web.requested++]);
        if (hangs_up)
            shutdown(web.connections[i], SHUT_WR);
    }
}

/* --- the client ------------------------------------------------------------------------------- */

static void on_header(void *transfer, const char *line, size_t length)
{
    (void)transfer;
    (void)line;
    (void)length;
}

static bool on_header_complete(void *transfer)
{
    (void)transfer;
    assert_int_equal(seen.body_bytes + seen.ends, 0);
    seen.headers++;
    return !refuses_header;
}

static bool on_body(void *transfer, const char *data, size_t length)
{
    (void)transfer;
    (void)data;
    seen.body_bytes += length;
    return true;
}

static bool on_redirected(void *transfer, const char *url)
{
    (void)transfer;
    (void)url;
    seen.redirects++;
    return seen.is_redirected = true;
}

static void on_done(void *transfer, enum oq_net_error error, const char *text)
{
    (void)transfer;
    (void)text;
    seen.ends++;
    seen.error = error;
}

static const struct oq_net_events events = {.header = on_header,
                                            .header_complete = on_header_complete,
                                            .body = on_body,
                                            .redirected = on_redirected,
                                            .done = on_done};

static enum oq_status find_proxy(void *ctx, const char *url, struct oq_identity *as,
                                 uint32_t attempt, char **proxy, struct oq_error *err)
{
    (void)ctx;
    (void)url;
    (void)as;
    (void)attempt;
    (void)proxy;
    return oq_error_set(err, OQ_E_NOT_SUPPORTED, "the test says which");
}

static enum oq_status prepare(void *ctx, void *easy, const char *url, struct oq_identity *as,
                              struct oq_error *err)
{
    (void)ctx;
    (void)easy;
    (void)url;
    (void)as;
    (void)err;
    return OQ_OK;
}

static void enter(void *ctx, struct oq_identity *identity)
{
    (void)ctx;
    (void)identity;
    impersonated++;
}

static void leave(void *ctx)
{
    (void)ctx;
}

static const struct oq_network_port network = {.find_proxy = find_proxy, .prepare = prepare};
static const struct oq_identity_port identities = {.enter = enter, .leave = leave};

/* Its end. Redirects continue through the proxies of the list in turn. */
static enum oq_net_error fetch_as(const struct oq_net_request *request, const char *const *proxies)
{
    struct oq_net_handle *handle = NULL;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(oq_net_start(net, request, NULL, &handle, NULL), OQ_OK);
    for (unsigned i = 0; seen.ends == 0; i++) {
        assert_true(i < TURNS_MAX);
        serve();
        oq_net_run(net, 1);
        if (!seen.is_redirected)
            continue;
        seen.is_redirected = false;
        oq_net_follow(handle, proxies ? proxies[seen.redirects % 2] : NULL);
    }
    assert_int_equal(seen.ends, 1);
    oq_net_close(net, handle);
    return seen.error;
}

static enum oq_net_error fetch(const char *user)
{
    char url[100];
    snprintf(url, sizeof url, "http://%s127.0.0.1:%d/a", user, web.ports[0]);
    struct oq_net_request request = {.url = url, .proxy = ""};
    return fetch_as(&request, NULL);
}

static void start_net(const struct oq_network_port *port)
{
    struct oq_net_options options = {.clock = oq_clock_system(),
                                     .config = &config,
                                     .identity = &identities,
                                     .network = port,
                                     .user_agent = "test",
                                     .auth_hosts = "127.0.0.1"};
    oq_net_free(net);
    assert_int_equal(oq_net_new(&options, &events, &net, NULL), OQ_OK);
}

static int set_up(void **state)
{
    (void)state;
    memset(&web, 0, sizeof web);
    impersonated = 0;
    refuses_header = hangs_up = false;
    oq_config_init(&config);
    open_server(0);
    open_server(1);
    start_net(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    oq_net_free(net);
    net = NULL;
    for (unsigned i = 0; i < web.opened; i++)
        close(web.connections[i]);
    close(web.listening[0]);
    close(web.listening[1]);
    return 0;
}

/* --- the event header complete ---------------------------------------------------------------- */

static void header_complete__redirect_and_hints_before__is_once_for_the_final_response(void **state)
{
    (void)state;
    respond("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 5\r\n\r\nmoved");
    respond("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    assert_int_equal(fetch(""), OQ_NET_NONE);
    assert_int_equal(seen.headers, 1);
    assert_int_equal(seen.body_bytes, 3);
}

static void header_complete__empty_body__comes_before_the_end(void **state)
{
    (void)state;
    respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(fetch(""), OQ_NET_NONE);
    assert_int_equal(seen.headers, 1);
}

static void header_complete__chunked_with_a_trailer__is_once(void **state)
{
    (void)state;
    respond("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n");
    assert_int_equal(fetch(""), OQ_NET_NONE);
    assert_int_equal(seen.headers, 1);
    assert_int_equal(seen.body_bytes, 3);
}

static void header_complete__connection_cut_within_the_header__does_not_come(void **state)
{
    (void)state;
    respond("HTTP/1.1 200 OK\r\nContent-Le");
    hangs_up = true;
    assert_int_equal(fetch(""), OQ_NET_CUT);
    assert_int_equal(seen.headers, 0);
}

static void header_complete__refused__ends_the_request_without_a_body(void **state)
{
    (void)state;
    respond("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    refuses_header = true;
    assert_int_equal(fetch(""), OQ_NET_CUT);
    assert_int_equal(seen.headers, 1);
    assert_int_equal(seen.body_bytes, 0);
}

/* --- kept connections with bytes that belong to no response ----------------------------------- */

/* What a response was longer than its Content-Length comes as if it were the next response. */
#define SPOILED "the rest of the response before\r\n"
#define WHOLE "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
#define MOVED "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"

static void keep_connection(const char *url, const char *proxy)
{
    unsigned before = web.opened;
    struct oq_net_request request = {.url = url, .proxy = proxy};
    respond(WHOLE);
    assert_int_equal(fetch_as(&request, NULL), OQ_NET_NONE);
    assert_int_equal(web.opened, before + 1);
}

static void kept_connection__spoiled_and_first__is_only_cut(void **state)
{
    (void)state;
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/a", web.ports[0]);
    keep_connection(url, "");
    struct oq_net_request request = {.url = url, .proxy = ""};
    respond(SPOILED);
    assert_int_equal(fetch_as(&request, NULL), OQ_NET_CUT);
    assert_int_equal(web.opened, 1);
    respond(WHOLE);
    assert_int_equal(fetch_as(&request, NULL), OQ_NET_NONE); /* over a new one */
    assert_int_equal(web.opened, 2);
}

static void kept_connection__spoiled_after_a_redirect__is_only_cut(void **state)
{
    (void)state;
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/b", web.ports[1]);
    keep_connection(url, "");
    respond(MOVED, url);
    respond(SPOILED);
    assert_int_equal(fetch(""), OQ_NET_CUT);
    assert_int_equal(web.opened, 2); /* the first hop's is a new one */
}

static void kept_connection__spoiled_by_the_redirect_itself__is_only_cut(void **state)
{
    (void)state;
    respond(MOVED, "/b");
    respond(SPOILED);
    assert_int_equal(fetch(""), OQ_NET_CUT);
    assert_int_equal(web.opened, 1);
}

static void kept_connection__spoiled_to_a_proxy_after_a_redirect__is_only_cut(void **state)
{
    (void)state;
    char proxies[2][40];
    for (unsigned i = 0; i < 2; i++)
        snprintf(proxies[i], sizeof proxies[i], "http://127.0.0.1:%d", web.ports[i]);
    const char *const list[] = {proxies[0], proxies[1]};
    start_net(&network);
    keep_connection("http://far.invalid/b", proxies[1]);
    struct oq_net_request request = {.url = "http://far.invalid/a", .proxy = proxies[0]};
    respond(MOVED, "/b");
    respond(SPOILED);
    assert_int_equal(fetch_as(&request, list), OQ_NET_CUT);
    assert_int_equal(web.opened, 2);
}

static void kept_connection__spoiled_within_authentication__is_only_cut(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) /* to Basic, and to the request that asks for a nonce */
        respond("HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"n\"\r\n"
                "Content-Length: 0\r\n\r\n");
    respond(SPOILED);
    assert_int_equal(fetch("user:word@"), OQ_NET_CUT);
    assert_int_equal(web.requested, 3);
    assert_int_equal(web.opened, 1);
}

static void new_connection__no_http__is_an_error_of_the_server(void **state)
{
    (void)state;
    respond("no HTTP at all\r\n");
    assert_int_equal(fetch(""), OQ_NET_PROTOCOL);
    respond("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/b\r\nContent-Length: 0\r\n\r\n",
            web.ports[1]);
    respond("no HTTP at all\r\n");
    assert_int_equal(fetch(""), OQ_NET_PROTOCOL);
}

/* --- redirects and authentication ------------------------------------------------------------- */

static void redirect__same_proxy__is_reported_once(void **state)
{
    (void)state;
    const char *const list[] = {"", ""};
    char url[100];
    start_net(&network);
    respond("HTTP/1.1 103 Early Hints\r\nLocation: /hint\r\n\r\n" MOVED, "/b");
    respond(WHOLE);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/a", web.ports[0]);
    struct oq_net_request request = {.url = url, .proxy = ""};
    assert_int_equal(fetch_as(&request, list), OQ_NET_NONE);
    assert_int_equal(seen.redirects, 1);
    assert_non_null(strstr(web.requests[1], "GET /b "));
}

/* It is open which one libcurl takes. */
static void redirect__to_two_places__is_an_error_of_the_server(void **state)
{
    (void)state;
    respond("HTTP/1.1 302 Found\r\nLocation: /b\r\nLocation: /c\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(fetch(""), OQ_NET_PROTOCOL);
    respond("HTTP/1.1 302 Found\r\nLocation: /b\r\nLocation:  /b \r\nContent-Length: 0\r\n\r\n");
    respond(WHOLE);
    assert_int_equal(fetch(""), OQ_NET_NONE);
}

static void redirects__between_two_proxies__end_after_ten(void **state)
{
    (void)state;
    char proxies[2][40];
    for (unsigned i = 0; i < 2; i++)
        snprintf(proxies[i], sizeof proxies[i], "http://127.0.0.1:%d", web.ports[i]);
    const char *const list[] = {proxies[0], proxies[1]};
    start_net(&network);
    for (unsigned i = 0; i < 12; i++)
        respond("HTTP/1.1 302 Found\r\nLocation: /%u\r\nContent-Length: 0\r\n\r\n", i);
    struct oq_net_request request = {.url = "http://far.invalid/a", .proxy = proxies[0]};
    assert_int_equal(fetch_as(&request, list), OQ_NET_TOO_MANY_REDIRECTS);
    assert_int_equal(web.requested, 11);
}

/* The user's name is the one to be used, whatever the list of hosts says. */
static void authentication__url_names_a_user__is_not_as_the_owner(void **state)
{
    (void)state;
    char url[100];
    static char owner;
    start_net(&network);
    respond("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    snprintf(url, sizeof url, "http://user:word@127.0.0.1:%d/a", web.ports[0]);
    struct oq_net_request request = {
        .url = url, .proxy = "", .identity = (struct oq_identity *)&owner, .is_of_person = true};
    assert_int_equal(fetch_as(&request, NULL), OQ_NET_NONE);
    assert_int_equal(impersonated, 0);
    assert_non_null(strstr(web.requests[0], "Authorization: Basic dXNlcjp3b3Jk\r\n"));
    /* Without a name it would be. */
    respond("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    snprintf(url, sizeof url, "http://127.0.0.1:%d/a", web.ports[0]);
    assert_int_equal(fetch_as(&request, NULL), OQ_NET_NONE);
    assert_true(impersonated > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(header_complete__redirect_and_hints_before__is_once_for_the_final_response),
        TEST(header_complete__empty_body__comes_before_the_end),
        TEST(header_complete__chunked_with_a_trailer__is_once),
        TEST(header_complete__connection_cut_within_the_header__does_not_come),
        TEST(header_complete__refused__ends_the_request_without_a_body),
        TEST(kept_connection__spoiled_and_first__is_only_cut),
        TEST(kept_connection__spoiled_after_a_redirect__is_only_cut),
        TEST(kept_connection__spoiled_by_the_redirect_itself__is_only_cut),
        TEST(kept_connection__spoiled_to_a_proxy_after_a_redirect__is_only_cut),
        TEST(kept_connection__spoiled_within_authentication__is_only_cut),
        TEST(new_connection__no_http__is_an_error_of_the_server),
        TEST(redirect__same_proxy__is_reported_once),
        TEST(redirect__to_two_places__is_an_error_of_the_server),
        TEST(redirects__between_two_proxies__end_after_ten),
        TEST(authentication__url_names_a_user__is_not_as_the_owner),
    };
    return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
