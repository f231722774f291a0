/* test_proxy.c - service/win/proxy.c: whose word counts, with real registry values of this user and
 * this computer, which are put back afterwards. */
#include <winsock2.h> /* before windows.h */

#include "test_win.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_log.h"
#include "oq_win_identity.h"
#include "oq_win_support.h"
#include "network_int.h"

#include <winhttp.h>

#define CONNECTIONS L"Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings\\Connections"
#define FAR_URL "http://server.example/file"

static struct oq_win_identities *identities;
static struct oq_identity *self;
static struct oq_win_proxies *proxies;
static struct oq_error err;

/* As it was before the tests. */
static BYTE user_before[16384];
static DWORD user_before_size;
static WINHTTP_PROXY_INFO computer_before;

static size_t add_text(BYTE *bytes, size_t at, const char *text)
{
    DWORD length = (DWORD)strlen(text);
    memcpy(bytes + at, &length, sizeof length);
    memcpy(bytes + at + sizeof length, text, length);
    return at + sizeof length + length;
}

/* The form in which Windows keeps what the Internet settings say: version, number of changes, flags
 * (1 direct, 2 a proxy, 4 a script, 8 to be searched for), and
 * three texts with their lengths: proxy, exceptions, script. */
static void set_user_flags(const char *proxy, const char *bypass, const char *script, DWORD more)
{
    BYTE bytes[512] = {0};
    DWORD head[] = {0x46, 1, 1 | more};
    head[2] |= *proxy ? 2 : 0;
    head[2] |= *script ? 4 : 0;
    memcpy(bytes, head, sizeof head);
    size_t end = add_text(bytes, sizeof head, proxy);
    end = add_text(bytes, end, bypass);
    end = add_text(bytes, end, script);
    assert_int_equal(RegSetKeyValueW(HKEY_CURRENT_USER, CONNECTIONS, L"DefaultConnectionSettings",
                                     REG_BINARY, bytes, (DWORD)(end + 32)),
                     ERROR_SUCCESS);
}

static void set_user_script(const char *proxy, const char *bypass, const char *script)
{
    set_user_flags(proxy, bypass, script, 0);
}

static void set_user(const char *proxy, const char *bypass)
{
    set_user_flags(proxy, bypass, "", 0);
}

static void forget_user(void)
{
    RegDeleteKeyValueW(HKEY_CURRENT_USER, CONNECTIONS, L"DefaultConnectionSettings");
}

static void set_computer(const wchar_t *proxy, const wchar_t *bypass)
{
    WINHTTP_PROXY_INFO info = {.dwAccessType = proxy ? WINHTTP_ACCESS_TYPE_NAMED_PROXY
                                                     : WINHTTP_ACCESS_TYPE_NO_PROXY,
                               .lpszProxy = (wchar_t *)(uintptr_t)proxy,
                               .lpszProxyBypass = (wchar_t *)(uintptr_t)bypass};
    if (!WinHttpSetDefaultProxyConfiguration(&info)) {
        print_message("skipped: only an administrator sets the computer's proxy (%lu)\n",
                      GetLastError());
        skip();
    }
}

static void set_environment(const wchar_t *http, const wchar_t *https, const wchar_t *exceptions)
{
    SetEnvironmentVariableW(L"http_proxy", http);
    SetEnvironmentVariableW(L"https_proxy", https);
    SetEnvironmentVariableW(L"all_proxy", NULL);
    SetEnvironmentVariableW(L"no_proxy", exceptions);
}

static int set_up(void **state)
{
    (void)state;
    oq_error_init(&err);
    forget_user();
    WinHttpSetDefaultProxyConfiguration(
        &(WINHTTP_PROXY_INFO){.dwAccessType = WINHTTP_ACCESS_TYPE_NO_PROXY});
    set_environment(NULL, NULL, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    oq_win_proxies_free(proxies);
    proxies = NULL;
    return set_up(state);
}

static void configure(const char *servers, const char *bypass)
{
    oq_win_proxies_free(proxies);
    proxies = NULL;
    assert_status(OQ_OK, oq_win_proxies_new(servers, bypass, &proxies, &err), &err);
}

static const char *find_attempt(const char *url, uint32_t attempt)
{
    static char text[600];
    char *proxy = NULL;
    assert_status(OQ_OK, oq_win_proxies_find(proxies, url, self, attempt, &proxy, &err), &err);
    assert_non_null(proxy);
    snprintf(text, sizeof text, "%s", proxy);
    oq_free(proxy);
    return text;
}

static const char *find(const char *url)
{
    return find_attempt(url, 0);
}

static void proxy__nobody_says_anything__is_none(void **state)
{
    (void)state;
    configure(NULL, NULL);
    assert_string_equal(find(FAR_URL), "");
}

static void proxy__of_the_environment__is_used_with_its_exceptions(void **state)
{
    (void)state;
    configure(NULL, NULL);
    set_environment(L"http://env:1", L"env:2", L"near.example");
    assert_string_equal(find(FAR_URL), "http://env:1");
    assert_string_equal(find("https://server.example/"), "http://env:2");
    assert_string_equal(find("http://a.near.example/"), "");
}

static void proxy__of_the_computer__goes_before_the_environments(void **state)
{
    (void)state;
    configure(NULL, NULL);
    set_environment(L"http://env:1", NULL, NULL);
    set_computer(L"computer:3", L"*.near.example;<local>");
    assert_string_equal(find(FAR_URL), "http://computer:3");
    assert_string_equal(find("http://a.near.example/"), "");
    assert_string_equal(find("http://intranet/"), "");
}

static void proxy__of_the_user__goes_before_the_computers(void **state)
{
    (void)state;
    configure(NULL, NULL);
    set_computer(L"computer:3", NULL);
    set_user("http=user:4;https=user:5", "*.near.example");
    assert_string_equal(find(FAR_URL), "http://user:4");
    assert_string_equal(find("https://server.example/"), "http://user:5");
    assert_string_equal(find("https://a.near.example/"), "");
}

static void proxy__configured__goes_before_all(void **state)
{
    (void)state;
    set_user("user:4", "");
    configure("http://name:word@admin:6", "near.example");
    assert_string_equal(find(FAR_URL), "http://name:word@admin:6");
    assert_string_equal(find("http://near.example/"), "");
    configure("direct", NULL);
    assert_string_equal(find(FAR_URL), "");
    configure(NULL, "server.example");
    assert_string_equal(find(FAR_URL), ""); /* the exceptions hold for the user's proxy too */
}

static void proxy__this_computer__is_reached_without(void **state)
{
    (void)state;
    configure("admin:6", NULL);
    assert_string_equal(find("http://127.0.0.1:80/"), "");
    assert_string_equal(find("http://localhost/"), "");
}

static void proxy__nobody_to_act_as__is_the_computers(void **state)
{
    char *proxy = NULL;
    (void)state;
    configure(NULL, NULL);
    set_computer(L"computer:3", NULL);
    set_user("user:4", "");
    assert_status(OQ_OK, oq_win_proxies_find(proxies, FAR_URL, NULL, 0, &proxy, &err), &err);
    assert_string_equal(proxy, "http://computer:3");
    oq_free(proxy);
}

/* --- scripts (PAC) ---------------------------------------------------------------------------- */

/* A web server for one file, on a thread of its own. */
static struct {
    SOCKET socket;
    HANDLE thread;
    const char *script;
    char url[64];
    LONG requests, is_over;
} pac;

static DWORD WINAPI serve_pac(void *unused)
{
    char text[4096], request[4096];
    (void)unused;
    for (;;) {
        SOCKET client = accept(pac.socket, NULL, NULL);
        if (client == INVALID_SOCKET || InterlockedCompareExchange(&pac.is_over, 0, 0)) {
            closesocket(client);
            return 0;
        }
        InterlockedIncrement(&pac.requests);
        int got = 0, more = 1;
        while (got < (int)sizeof request - 1 && more > 0) {
            more = recv(client, request + got, (int)sizeof request - 1 - got, 0);
            got += more > 0 ? more : 0;
            request[got] = '\0';
            if (strstr(request, "\r\n\r\n"))
                break;
        }
        snprintf(text, sizeof text,
                 "HTTP/1.1 %s\r\nContent-Type: application/x-ns-proxy-autoconfig\r\n"
                 "Content-Length: %lu\r\nConnection: close\r\n\r\n%s",
                 pac.script ? "200 OK" : "404 Not Found",
                 (unsigned long)(pac.script ? strlen(pac.script) : 0),
                 pac.script ? pac.script : "");
        send(client, text, (int)strlen(text), 0);
        shutdown(client, SD_SEND);
        while (recv(client, request, sizeof request, 0) > 0)
            ;
        closesocket(client);
    }
}

/* script NULL: the server does not have it. */
static void start_pac(const char *script)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int size = sizeof at;
    WSADATA data;
    assert_int_equal(WSAStartup(MAKEWORD(2, 2), &data), 0);
    pac.script = script;
    pac.requests = pac.is_over = 0;
    pac.socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(pac.socket, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(pac.socket, 8), 0);
    assert_int_equal(getsockname(pac.socket, (struct sockaddr *)&at, &size), 0);
    /* Another name each time, because Windows keeps scripts. */
    static unsigned number;
    snprintf(pac.url, sizeof pac.url, "http://127.0.0.1:%u/%u.pac", ntohs(at.sin_port), ++number);
    pac.thread = CreateThread(NULL, 0, serve_pac, NULL, 0, NULL);
    assert_non_null(pac.thread);
}

static void stop_pac(void)
{
    /* Closing does not wake up accept under Wine: a connection does. */
    struct sockaddr_in at;
    int size = sizeof at;
    SOCKET last = socket(AF_INET, SOCK_STREAM, 0);
    InterlockedExchange(&pac.is_over, 1);
    getsockname(pac.socket, (struct sockaddr *)&at, &size);
    assert_int_equal(connect(last, (struct sockaddr *)&at, size), 0);
    closesocket(last);
    assert_int_equal(WaitForSingleObject(pac.thread, 30000), WAIT_OBJECT_0);
    CloseHandle(pac.thread);
    closesocket(pac.socket);
    WSACleanup();
}

static void script__of_the_user__names_the_proxy_of_each_host(void **state)
{
    (void)state;
    configure(NULL, NULL);
    set_computer(L"computer:3", NULL);
    start_pac("function FindProxyForURL(url, host) {\n"
              "  if (dnsDomainIs(host, '.near.example')) return 'DIRECT';\n"
              "  if (url.substring(0, 6) == 'https:') return 'PROXY secure:8';\n"
              "  return 'PROXY script:7; PROXY spare:9';\n"
              "}\n");
    set_user_script("user:4", "", pac.url);
    assert_string_equal(find(FAR_URL), "http://script:7");
    if (oq_win_is_wine())
        print_message("not shown here: Wine keeps only the first proxy of a script's answer\n");
    else
        assert_string_equal(find_attempt(FAR_URL, 1), "http://spare:9");
    assert_string_equal(find("https://server.example/"), "http://secure:8");
    assert_string_equal(find("http://a.near.example/"), "");
    assert_true(pac.requests > 0);
    stop_pac();
}

static DWORD script_flags;

BOOL WINAPI __real_WinHttpGetProxyForUrl(HINTERNET session, LPCWSTR url,
                                         WINHTTP_AUTOPROXY_OPTIONS *options,
                                         WINHTTP_PROXY_INFO *info);
BOOL WINAPI __wrap_WinHttpGetProxyForUrl(HINTERNET session, LPCWSTR url,
                                         WINHTTP_AUTOPROXY_OPTIONS *options,
                                         WINHTTP_PROXY_INFO *info);

BOOL WINAPI __wrap_WinHttpGetProxyForUrl(HINTERNET session, LPCWSTR url,
                                         WINHTTP_AUTOPROXY_OPTIONS *options,
                                         WINHTTP_PROXY_INFO *info)
{
    script_flags = options->dwFlags;
    return __real_WinHttpGetProxyForUrl(session, url, options, info);
}

/* A script is a user's program; in this process it would run as LocalSystem. */
static void script__of_the_user__is_run_outside_of_the_service(void **state)
{
    (void)state;
    configure(NULL, NULL);
    start_pac("function FindProxyForURL(url, host) { return 'PROXY script:7'; }");
    set_user_script("", "", pac.url);
    script_flags = 0;
    assert_string_equal(find(FAR_URL), "http://script:7");
    assert_int_equal(script_flags,
                     WINHTTP_AUTOPROXY_CONFIG_URL | WINHTTP_AUTOPROXY_RUN_OUTPROCESS_ONLY);
    stop_pac();
}

static void script__with_a_bypass_list__is_not_asked_for_these(void **state)
{
    (void)state;
    configure(NULL, "server.example");
    start_pac("function FindProxyForURL(url, host) { return 'PROXY script:7'; }");
    set_user_script("", "", pac.url);
    assert_string_equal(find(FAR_URL), "");
    assert_string_equal(find("http://127.0.0.1/"), "");
    assert_int_equal(pac.requests, 0);
    assert_string_equal(find("http://other.example/"), "http://script:7");
    stop_pac();
}

static void script__cannot_be_had_or_run__leaves_it_to_the_fixed_proxy(void **state)
{
    static const char *const scripts[] = {
        NULL, "this is no script", "function Other() { return 1; }",
        "function FindProxyForURL(u, h) { return nobody.knows; }"};
    (void)state;
    configure(NULL, NULL);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        start_pac(scripts[i]);
        set_user_script("user:4", "", pac.url);
        assert_string_equal(find(FAR_URL), "http://user:4");
        assert_true(pac.requests > 0);
        stop_pac();
    }
}

static void script__searched_for_in_vain__leaves_it_to_the_fixed_proxy(void **state)
{
    (void)state;
    configure(NULL, NULL);
    set_user_flags("user:4", "", "", 8);
    assert_string_equal(find(FAR_URL), "http://user:4");
    assert_string_equal(find(FAR_URL), "http://user:4"); /* not searched for again so soon */
}

static void find__no_url__is_refused(void **state)
{
    char *proxy = NULL;
    (void)state;
    configure(NULL, NULL);
    assert_status(OQ_E_INVALID_ARG, oq_win_proxies_find(proxies, "ftp://x", self, 0, &proxy, &err),
                  &err);
    assert_null(proxy);
}

static void find__no_memory__fails(void **state)
{
    (void)state;
#ifdef OQ_FAULT_INJECTION
    configure("admin:6", "near.example");
    for (uint64_t n = 1; n < 100; n++) {
        char *proxy = NULL;
        oq_fault_arm(OQ_FAULT_ALLOC, n, false);
        enum oq_status status = oq_win_proxies_find(proxies, FAR_URL, self, 0, &proxy, &err);
        oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
        if (status == OQ_OK) {
            assert_true(n > 1);
            assert_string_equal(proxy, "http://admin:6");
            oq_free(proxy);
            return;
        }
        assert_status(OQ_E_NOMEM, status, &err);
        assert_null(proxy);
    }
    fail_msg("more allocations than expected");
#else
    print_message("skipped: this tree has no fault seam\n");
    skip();
#endif
}

static int group_set_up(void **state)
{
    (void)state;
    oq_error_init(&err);
    user_before_size = sizeof user_before;
    if (RegGetValueW(HKEY_CURRENT_USER, CONNECTIONS, L"DefaultConnectionSettings",
                     RRF_RT_REG_BINARY, NULL, user_before, &user_before_size) != ERROR_SUCCESS)
        user_before_size = 0;
    WinHttpGetDefaultProxyConfiguration(&computer_before);
    assert_status(OQ_OK, oq_win_identities_new(&identities, &err), &err);
    const struct oq_identity_port *port = oq_win_identities_port(identities);
    assert_status(OQ_OK,
                  port->acquire(port->ctx, oq_win_identities_own_sid(identities),
                                &(struct oq_rights){.is_admin = true, .integrity = 0x4000}, 0,
                                &self, &err),
                  &err);
    return 0;
}

static int group_tear_down(void **state)
{
    (void)state;
    const struct oq_identity_port *port = oq_win_identities_port(identities);
    if (user_before_size > 0)
        RegSetKeyValueW(HKEY_CURRENT_USER, CONNECTIONS, L"DefaultConnectionSettings", REG_BINARY,
                        user_before, user_before_size);
    if (computer_before.dwAccessType != 0)
        WinHttpSetDefaultProxyConfiguration(&computer_before);
    port->unref(port->ctx, self);
    oq_win_identities_free(identities);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(proxy__nobody_says_anything__is_none),
        TEST(proxy__of_the_environment__is_used_with_its_exceptions),
        TEST(proxy__of_the_computer__goes_before_the_environments),
        TEST(proxy__of_the_user__goes_before_the_computers),
        TEST(proxy__configured__goes_before_all),
        TEST(proxy__this_computer__is_reached_without),
        TEST(proxy__nobody_to_act_as__is_the_computers),
        TEST(script__of_the_user__names_the_proxy_of_each_host),
        TEST(script__of_the_user__is_run_outside_of_the_service),
        TEST(script__with_a_bypass_list__is_not_asked_for_these),
        TEST(script__cannot_be_had_or_run__leaves_it_to_the_fixed_proxy),
        TEST(script__searched_for_in_vain__leaves_it_to_the_fixed_proxy),
        TEST(find__no_url__is_refused),
        TEST(find__no_memory__fails),
    };
    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
