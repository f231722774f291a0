/* test_handshake_probe.c - service/net/handshake_probe.c: connections that only measure a
 * handshake. The server sends slower than any window allows, and its log names connections without
 * a request. */
#include "engine_fixture.h"

#include "oq_alloc.h"
#include "oq_log.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define EVERY_MS 2000

static atomic_uint begun, answered, failed; /* by the log */
static atomic_int base_ms;                  /* of the flow, by the log; -1 = none yet */

/* What the network port says. */
static char resolve[100], proxy_url[64];
static struct curl_slist *names;

/* A network that the server's address, although it is a loopback one, seems to be behind. */
static enum oq_status find(void *ctx, const char *address, struct oq_link_interface *out)
{
    (void)ctx;
    (void)address;
    *out = (struct oq_link_interface){.id = 7};
    return OQ_OK;
}

static const struct oq_link_port path = {.find = find};

static enum oq_status find_proxy(void *ctx, const char *url, struct oq_identity *as,
                                 uint32_t attempt, char **proxy, struct oq_error *err)
{
    (void)ctx;
    (void)url;
    (void)as;
    (void)attempt;
    *proxy = oq_strdup(proxy_url);
    return *proxy ? OQ_OK : oq_error_set(err, OQ_E_NOMEM, "out of memory");
}

static enum oq_status prepare(void *ctx, void *easy, const char *url, struct oq_identity *as,
                              struct oq_error *err)
{
    (void)ctx;
    (void)url;
    (void)as;
    if (resolve[0] && !names)
        names = curl_slist_append(NULL, resolve);
    if (names && curl_easy_setopt(easy, CURLOPT_RESOLVE, names) != CURLE_OK)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    return OQ_OK;
}

static const struct oq_network_port network = {.find_proxy = find_proxy, .prepare = prepare};

static void count_line(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    const char *base =
        strncmp(line, "rate control: group", 19) == 0 ? strstr(line, ", base RTT ") : NULL;
    if (base)
        atomic_store(&base_ms, (int)strtod(base + 11, NULL));
    else if (strncmp(line, "probe: connecting to ", 21) == 0)
        atomic_fetch_add(&begun, 1);
    else if (strncmp(line, "probe: no connection to ", 24) == 0)
        atomic_fetch_add(&failed, 1);
    else if (strncmp(line, "probe: ", 7) == 0)
        atomic_fetch_add(&answered, 1);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    atomic_store(&begun, 0);
    atomic_store(&answered, 0);
    atomic_store(&failed, 0);
    atomic_store(&base_ms, -1);
    resolve[0] = proxy_url[0] = '\0';
    oq_log_set_level(OQ_LOG_DEBUG);
    oq_log_set_sink(count_line, NULL);
    fixture_open(f);
    f->link = &path;
    f->network = &network;
    f->config.handshake_probes = 1;
    fixture_serve(f, "file.bin", 500000, 1);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_close(*state);
    curl_slist_free_all(names);
    names = NULL;
    oq_log_set_sink(NULL, NULL);
    oq_log_set_level(OQ_LOG_INFO);
    free(*state);
    return 0;
}

static int64_t now_ms(void)
{
    return oq_clock_mono_ms(oq_clock_system());
}

static int64_t start(struct fixture *f, const char *host, const char *rest)
{
    char url[200];
    struct oq_guid guid = fixture_guid(1), job = fixture_guid(2);
    struct oq_file_spec spec = {.remote = url, .local = fixture_out(f, "file.bin")};
    struct oq_error err;
    int64_t group = 0;
    oq_error_init(&err);
    snprintf(url, sizeof url, "http://%s:%d/%s", host, f->port, rest);
    if (oq_engine_create_group(f->engine, &f->user, &guid, &group, &err) != OQ_OK ||
        oq_engine_create_job(f->engine, &f->user, group, &job, &err) != OQ_OK ||
        oq_engine_add_files(f->engine, &f->user, group, &spec, 1, &err) != OQ_OK ||
        oq_engine_resume(f->engine, &f->user, group, &err) != OQ_OK)
        fail_msg("%s: %s", url, err.text);
    return group;
}

static void set_probes(struct fixture *f, bool are_on)
{
    const struct oq_rate_schedule plan = {0};
    struct oq_error err;
    oq_error_init(&err);
    f->config.handshake_probes = are_on;
    assert_int_equal(oq_engine_set_policy(f->engine, &f->config, &plan, &err), OQ_OK);
}

static void wait_for(atomic_uint *count, unsigned least)
{
    int64_t start_ms = 0;
    while (atomic_load(count) < least)
        assert_true(fixture_patience(&start_ms, 20));
}

static void wait_for_silent(struct fixture *f, unsigned least)
{
    int64_t start_ms = 0;
    while (fixture_requests(f, "\"silent\"", "") < least)
        assert_true(fixture_patience(&start_ms, 20));
}

static void finish(struct fixture *f, int64_t group)
{
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
}

/* 5 s at the sender's own rate. */
static void probes__sender_slower_than_its_window__are_made_every_two_seconds(void **state)
{
    struct fixture *f = *state;
    fixture_start(f);
    int64_t from_ms = now_ms();
    int64_t group = start(f, "127.0.0.1", "file.bin?rate=100000");
    finish(f, group);
    int64_t passed_ms = now_ms() - from_ms;
    unsigned made = atomic_load(&begun);
    wait_for_silent(f, made); /* they have all reached it, and nothing was sent over them */
    fixture_expect_requests(f, "\"silent\"", "", made);
    assert_int_equal(atomic_load(&answered), made);
    assert_int_equal(atomic_load(&failed), 0);
    assert_true(made >= 2);
    assert_true(made <= passed_ms / EVERY_MS + 1);
}

/* The transfers of a host share them. */
static void probes__two_transfers_from_one_host__are_no_more(void **state)
{
    struct fixture *f = *state;
    static const char *const files[][2] = {{"file.bin?rate=100000", "file.bin"},
                                           {"file.bin?rate=100000&x=2", "other.bin"}};
    struct oq_error err;
    oq_error_init(&err);
    fixture_start(f);
    int64_t from_ms = now_ms();
    int64_t group = fixture_group(f, 1, 2, files);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    finish(f, group);
    int64_t passed_ms = now_ms() - from_ms;
    assert_true(atomic_load(&begun) >= 1);
    assert_true(atomic_load(&begun) <= passed_ms / EVERY_MS + 1);
}

/* At the same port of 127.0.0.2 no connection is taken. Returns what has to be closed. */
static int be_silent(const struct fixture *f, int *waiting)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)f->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 0), 0); /* one place, and that is taken */
    *waiting = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(*waiting, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* Its connection was made to the second address, after half a second with the first one. */
static void probes__handshake_of_the_transfer_took_longer__lower_its_base(void **state)
{
    struct fixture *f = *state;
    int waiting = -1, listening = be_silent(f, &waiting);
    int64_t start_ms = 0;
    f->config.connect_timeout_ms = 1000;
    f->config.handshake_probes = 0;
    snprintf(resolve, sizeof resolve, "two.invalid:%d:127.0.0.2,127.0.0.1", f->port);
    fixture_start(f);
    int64_t group = start(f, "two.invalid", "file.bin?rate=60000");
    fixture_wait_bytes(f, group, 150000);
    assert_true(atomic_load(&base_ms) >= 400);
    set_probes(f, true);
    wait_for(&answered, 1);
    while (atomic_load(&base_ms) >= 400) /* logged once a second */
        assert_true(fixture_patience(&start_ms, 10));
    assert_true(fixture_view(f, group).progress.done_bytes < 380000); /* before its first drain */
    close(waiting);
    close(listening);
}

/* The path is the path to the proxy. */
static void probes__transfer_through_a_proxy__go_to_the_proxy(void **state)
{
    struct fixture *f = *state;
    snprintf(proxy_url, sizeof proxy_url, "http://127.0.0.1:%d", f->port);
    fixture_start(f);
    int64_t group = start(f, "far.invalid", "file.bin?rate=250000");
    wait_for_silent(f, 1);
    finish(f, group);
    assert_int_equal(atomic_load(&failed), 0);
}

/* By policy: off, as it is by default; then on and off again while the transfer runs. */
static void probes__off__are_none_until_they_are_switched_on(void **state)
{
    struct fixture *f = *state;
    struct oq_config defaults;
    oq_config_init(&defaults);
    f->config.handshake_probes = defaults.handshake_probes;
    fixture_start(f);
    int64_t group = start(f, "127.0.0.1", "file.bin?rate=100000");
    fixture_wait_bytes(f, group, 150000);
    assert_int_equal(atomic_load(&begun), 0);
    fixture_expect_requests(f, "\"silent\"", "", 0);
    int64_t from_ms = now_ms();
    set_probes(f, true);
    wait_for_silent(f, 1);
    assert_true(now_ms() - from_ms < 2000);
    set_probes(f, false);
    unsigned made = atomic_load(&begun);
    assert_int_equal(made, 1);
    finish(f, group);
    assert_int_equal(atomic_load(&begun), made);
}

/* Without window control no base RTT is needed. */
static void probes__idle_throttle_off__are_none(void **state)
{
    struct fixture *f = *state;
    f->config.idle_throttle = 0;
    fixture_start(f);
    int64_t group = start(f, "127.0.0.1", "file.bin?rate=250000");
    finish(f, group);
    assert_int_equal(atomic_load(&begun), 0);
    fixture_expect_requests(f, "\"silent\"", "", 0);
}

static void probes__host_gives_no_answer__do_no_harm(void **state)
{
    struct fixture *f = *state;
    fixture_start(f);
    int64_t start_ms = 0, asked_ms = 0;
    struct oq_group_view view;
    int64_t group = start(f, "127.0.0.1", "file.bin?rate=80000&deaf");
    do {
        assert_true(fixture_patience(&start_ms, 30));
        asked_ms = now_ms();
        view = fixture_view(f, group);
        assert_true(now_ms() - asked_ms < 4000); /* the engine's thread does not wait for them */
        assert_int_not_equal(view.state, OQ_GROUP_ERROR);
        assert_true(atomic_load(&begun) <= atomic_load(&failed) + 1); /* never two at once */
    } while (view.state != OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
    assert_int_equal(view.retries, 0);
    assert_int_equal(atomic_load(&answered), 0);
    assert_true(atomic_load(&failed) >= 1); /* given up after 5 s, of 6.2 */
}

static void probes__engine_stops_while_one_is_under_way__leave_nothing(void **state)
{
    struct fixture *f = *state;
    fixture_start(f);
    start(f, "127.0.0.1", "file.bin?rate=80000&deaf");
    wait_for(&begun, 1);
    int64_t from_ms = now_ms();
    fixture_stop(f);
    assert_true(now_ms() - from_ms < 4000); /* not waited for */
    assert_int_equal(atomic_load(&failed) + atomic_load(&answered), 0);
}

/* It ends by itself, too. */
static void probes__transfer_cancelled_while_one_is_under_way__are_given_up(void **state)
{
    struct fixture *f = *state;
    fixture_start(f);
    int64_t group = start(f, "127.0.0.1", "file.bin?rate=80000&deaf");
    wait_for(&begun, 1);
    assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, NULL), OQ_OK);
    wait_for(&failed, 1);
    assert_int_equal(atomic_load(&begun), 1);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool is_there = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    if (fd >= 0)
        close(fd);
    return is_there;
}

static int set_up_ipv6(void **state)
{
    if (!has_ipv6())
        return 0;
    setenv("OQ_TEST_SERVE", "::", 1);
    return set_up(state);
}

static int tear_down_ipv6(void **state)
{
    unsetenv("OQ_TEST_SERVE");
    return *state ? tear_down(state) : 0;
}

static void probes__ipv6_host__are_answered(void **state)
{
    struct fixture *f = *state;
    if (!f) {
        print_message("skipped: there is no IPv6 here\n");
        skip();
        return;
    }
    fixture_start(f);
    int64_t group = start(f, "[::1]", "file.bin?rate=250000");
    wait_for(&answered, 1);
    wait_for_silent(f, 1);
    finish(f, group);
    assert_int_equal(atomic_load(&failed), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(probes__sender_slower_than_its_window__are_made_every_two_seconds),
        TEST(probes__two_transfers_from_one_host__are_no_more),
        TEST(probes__handshake_of_the_transfer_took_longer__lower_its_base),
        TEST(probes__transfer_through_a_proxy__go_to_the_proxy),
        TEST(probes__off__are_none_until_they_are_switched_on),
        TEST(probes__idle_throttle_off__are_none),
        TEST(probes__host_gives_no_answer__do_no_harm),
        TEST(probes__engine_stops_while_one_is_under_way__leave_nothing),
        TEST(probes__transfer_cancelled_while_one_is_under_way__are_given_up),
        cmocka_unit_test_setup_teardown(probes__ipv6_host__are_answered, set_up_ipv6,
                                        tear_down_ipv6),
    };
    return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
