/* test_http_auth.c - Windows authentication (NTLM) to servers and proxies that the administrator
 * has named: as the owner of the download only; and how many connections at once. The identity port
 * records whom the engine's thread impersonates, the network port how many connections are open;
 * the server wants NTLM, and logs what it was sent.
 */
#include "engine_fixture.h"
#include "oq_engine_sources.h"
#include "posix_files.h"

#include "oq_alloc.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <cmocka.h>

#define SOCKETS_MAX 64
#define SERVICE_SID "S-1-5-20" /* authenticates as the computer */

/* Whose identity is which: pointers to these. */
static char persons[3];
static const char *const sids[] = {"S-1-5-21-1000", "S-1-5-21-2000", SERVICE_SID};

static struct {
    _Atomic(struct oq_identity *) acting;
    atomic_uint entered[3];  /* by whom */
    atomic_uint asked_as[3]; /* requests that libcurl sent while acting as them */
    atomic_uint asked_as_service;
    atomic_uint mistakes;  /* nested, or the engine's own work while impersonating */
    atomic_uint asked_for; /* requests that the engine has handed to libcurl, waiting ones too */
    atomic_uint most_open; /* connections at once */
    unsigned opened;
    struct {
        int number;
        ino_t inode; /* the number alone is used again */
    } sockets[SOCKETS_MAX];
    char proxy[64];
} seen;

static int index_of(const struct oq_identity *identity)
{
    return (int)((const char *)identity - persons);
}

static enum oq_status acquire(void *ctx, const char *sid, const struct oq_rights *rights,
                              uint64_t logon_id, struct oq_identity **out, struct oq_error *err)
{
    (void)rights;
    (void)logon_id;
    (void)ctx;
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(sid, sids[i]) == 0) {
            *out = (struct oq_identity *)&persons[i];
            return OQ_OK;
        }
    }
    return oq_error_set(err, OQ_E_OWNER_ABSENT, "nobody of the test");
}

static void enter(void *ctx, struct oq_identity *as)
{
    (void)ctx;
    seen.mistakes += seen.acting || !as;
    seen.entered[index_of(as)]++;
    seen.acting = as;
}

static void leave(void *ctx)
{
    (void)ctx;
    seen.mistakes += seen.acting == NULL;
    seen.acting = NULL;
}

static struct oq_identity *ref(void *ctx, struct oq_identity *identity)
{
    (void)ctx;
    return identity;
}

static void unref(void *ctx, struct oq_identity *identity)
{
    (void)ctx;
    (void)identity;
}

static const struct oq_identity_port identities = {
    .acquire = acquire, .enter = enter, .leave = leave, .ref = ref, .unref = unref};

/* libcurl, whose type this is, is about to send a request. */
// NOLINTNEXTLINE(readability-non-const-parameter)
static int on_request(void *ctx, char *address, char *local, int port, int local_port)
{
    struct oq_identity *acting = seen.acting;
    (void)ctx;
    (void)address;
    (void)local;
    (void)port;
    (void)local_port;
    if (acting)
        seen.asked_as[index_of(acting)]++;
    else
        seen.asked_as_service++;
    return CURL_PREREQFUNC_OK;
}

/* libcurl, whose type this is too, is about to connect. What it has closed is not open any more. */
// NOLINTNEXTLINE(readability-non-const-parameter)
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct stat facts;
    int number = socket(address->family, address->socktype, address->protocol);
    (void)ctx;
    (void)purpose;
    if (number < 0 || address->family != AF_INET) /* the server has no IPv6 */
        return number;
    unsigned open = 1;
    for (unsigned i = 0; i < seen.opened; i++)
        open += fstat(seen.sockets[i].number, &facts) == 0 && S_ISSOCK(facts.st_mode) &&
                facts.st_ino == seen.sockets[i].inode;
    if (open > seen.most_open)
        seen.most_open = open;
    if (seen.opened == SOCKETS_MAX || fstat(number, &facts) != 0) {
        seen.mistakes++;
        return number;
    }
    seen.sockets[seen.opened].number = number;
    seen.sockets[seen.opened++].inode = facts.st_ino;
    return number;
}

static enum oq_status prepare(void *ctx, void *easy, const char *url, struct oq_identity *as,
                              struct oq_error *err)
{
    (void)ctx;
    (void)url;
    (void)as;
    (void)err;
    seen.asked_for++;
    return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open) == CURLE_OK
               ? OQ_OK
               : OQ_E_NET;
}

static enum oq_status find_proxy(void *ctx, const char *url, struct oq_identity *as,
                                 uint32_t attempt, char **proxy, struct oq_error *err)
{
    (void)ctx;
    (void)as;
    (void)attempt;
    (void)err;
    *proxy = oq_strdup(strstr(url, ".invalid") ? seen.proxy : "");
    return OQ_OK;
}

static const struct oq_network_port network = {.find_proxy = find_proxy, .prepare = prepare};

/* Writing is the engine's own work. */
static struct oq_file_port disk;

static enum oq_status watched_write(void *ctx, struct oq_fhandle *file, uint64_t offset,
                                    const void *data, size_t length, struct oq_error *err)
{
    seen.mistakes += seen.acting != NULL;
    return posix_files()->write(ctx, file, offset, data, length, err);
}

static int setup(void **state)
{
    static struct fixture f;
    memset(&seen, 0, sizeof seen);
    fixture_open(&f);
    disk = *posix_files();
    disk.write = watched_write;
    f.files = &disk;
    f.network = &network;
    f.identity = &identities;
    f.auth_hosts = "localhost";
    fixture_serve(&f, "file.bin", 3000000, 1);
    snprintf(seen.proxy, sizeof seen.proxy, "http://localhost:%d", f.port);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    assert_int_equal(seen.mistakes, 0);
    assert_null(seen.acting);
    return 0;
}

/* A group of one file, which the others of `hosts` have too. */
static int64_t start_at(struct fixture *f, const char *sid, unsigned number,
                        const char *const *hosts, unsigned count, const char *rest)
{
    char url[300], name[16];
    struct oq_caller owner = {.sid = sid};
    struct oq_guid guid = fixture_guid(number), job = fixture_guid(number + 1000);
    struct oq_error err;
    int64_t group = 0;
    oq_error_init(&err);
    snprintf(url, sizeof url, "http://%s:%d/%s", hosts[0], f->port, rest);
    snprintf(name, sizeof name, "%u.bin", number);
    struct oq_file_spec spec = {.remote = url, .local = fixture_out(f, name)};
    if (oq_engine_create_group(f->engine, &owner, &guid, &group, &err) != OQ_OK ||
        oq_engine_create_job(f->engine, &owner, group, &job, &err) != OQ_OK ||
        oq_engine_add_files(f->engine, &owner, group, &spec, 1, &err) != OQ_OK)
        fail_msg("%s: %s", url, err.text);
    for (unsigned i = 1; i < count; i++) {
        snprintf(url, sizeof url, "http://%s:%d/%s", hosts[i], f->port, rest);
        if (oq_engine_add_source(f->engine, &owner, group, 0, url, &err) != OQ_OK)
            fail_msg("%s: %s", url, err.text);
    }
    if (oq_engine_resume(f->engine, &owner, group, &err) != OQ_OK)
        fail_msg("%s: %s", url, err.text);
    return group;
}

static int64_t start(struct fixture *f, const char *sid, unsigned number, const char *host,
                     const char *rest)
{
    return start_at(f, sid, number, &host, 1, rest);
}

/* The server writes its log when a response is over, which may be a little later than we have it.
 * */
static void assert_logged(struct fixture *f, const char *word, const char *other, unsigned count)
{
    int64_t start_ms = 0;
    while (fixture_requests(f, word, other) < count && fixture_patience(&start_ms, 30))
        ;
    fixture_expect_requests(f, word, other, count);
}

static void wait_asked_for(unsigned count)
{
    int64_t start_ms = 0;
    while (seen.asked_for < count)
        assert_true(fixture_patience(&start_ms, 30));
}

static void assert_refused(struct fixture *f, int64_t group, uint32_t http)
{
    int64_t start_ms = 0;
    while (fixture_view(f, group).state != OQ_GROUP_ERROR)
        assert_true(fixture_patience(&start_ms, 30));
    assert_int_equal(fixture_view(f, group).error_http, http);
}

static void auth__server_on_the_list__is_as_the_owner(void **state)
{
    struct fixture *f = *state;
    fixture_start(f);
    int64_t group = start(f, sids[0], 1, "localhost", "file.bin?auth=401");
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "1.bin", "file.bin"));
    assert_logged(f, "\"ntlm\": 3", "206", 1);
    assert_true(seen.asked_as[0] >= 1);
    assert_int_equal(seen.asked_as_service, 0);
    assert_int_equal(seen.entered[1] + seen.entered[2], 0);
}

static void auth__server_not_on_the_list__is_none(void **state)
{
    struct fixture *f = *state;
    fixture_start(f);
    assert_refused(f, start(f, sids[0], 1, "127.0.0.1", "file.bin?auth=401"), 401);
    fixture_expect_requests(f, "\"ntlm\": 1", "", 0);
    assert_logged(f, "\"ntlm\": 0", "401", 1);
    assert_int_equal(seen.entered[0], 0);
}

static void auth__list_is_empty__is_none(void **state)
{
    struct fixture *f = *state;
    f->auth_hosts = NULL;
    fixture_start(f);
    assert_refused(f, start(f, sids[0], 1, "localhost", "file.bin?auth=401"), 401);
    fixture_expect_requests(f, "\"ntlm\": 1", "", 0);
    assert_int_equal(seen.entered[0], 0);
}

static void auth__owner_is_an_account_of_the_system__is_none(void **state)
{
    struct fixture *f = *state;
    fixture_start(f);
    assert_refused(f, start(f, SERVICE_SID, 1, "localhost", "file.bin?auth=401"), 401);
    fixture_expect_requests(f, "\"ntlm\": 1", "", 0);
    assert_int_equal(seen.entered[2], 0);
}

static void auth__redirect_off_the_list__is_not_taken_along(void **state)
{
    struct fixture *f = *state;
    char rest[200];
    fixture_start(f);
    snprintf(rest, sizeof rest, "file.bin?redirect=http://127.0.0.1:%d/file.bin%%3Fauth%%3D401",
             f->port);
    assert_refused(f, start(f, sids[0], 1, "localhost", rest), 401);
    fixture_expect_requests(f, "\"ntlm\": 1", "", 0);
    assert_int_equal(seen.asked_as_service, 1);
}

static void auth__redirect_onto_the_list__is_as_the_owner(void **state)
{
    struct fixture *f = *state;
    char rest[200];
    fixture_start(f);
    snprintf(rest, sizeof rest, "file.bin?redirect=http://localhost:%d/file.bin%%3Fauth%%3D401",
             f->port);
    int64_t group = start(f, sids[1], 1, "127.0.0.1", rest);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "1.bin", "file.bin"));
    assert_int_equal(seen.asked_as_service, 1); /* the one that was redirected */
    assert_int_equal(seen.entered[0], 0);
}

/* Each has authenticated as itself, on a connection that no other owner's request is sent over. */
static void auth__two_owners_at_once__never_share_a_connection(void **state)
{
    struct fixture *f = *state;
    char line[40];
    fixture_start(f);
    int64_t groups[6];
    for (unsigned i = 0; i < 6; i++)
        groups[i] = start(f, sids[i % 2], i + 1, "localhost", "file.bin?auth=401");
    for (unsigned i = 0; i < 6; i++)
        fixture_wait(f, groups[i], OQ_GROUP_COMPLETE);
    assert_logged(f, "\"ntlm\": 3", "206", 6);
    for (int i = 1; i <= 6; i++) {
        snprintf(line, sizeof line, "\"connection\": %d,", i);
        assert_logged(f, line, "\"ntlm\": 3", 1);
    }
    assert_true(seen.asked_as[0] >= 3 && seen.asked_as[1] >= 3);
    assert_int_equal(seen.asked_as_service, 0);
}

static void auth__proxy_on_the_list__is_as_the_owner(void **state)
{
    struct fixture *f = *state;
    fixture_start(f);
    int64_t group = start(f, sids[0], 1, "far.invalid", "file.bin?auth=407");
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "1.bin", "file.bin"));
    assert_logged(f, "\"ntlm\": 3", "206", 1);
    assert_int_equal(seen.asked_as_service, 0);
    /* The server behind it is not on the list. */
    assert_refused(f, start(f, sids[0], 2, "far.invalid", "file.bin?auth=401&x"), 401);
    fixture_expect_requests(f, "auth=401", "\"ntlm\": 1", 0);
}

static void auth__suspended_midway__leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    struct oq_caller owner = {.sid = sids[0]};
    struct oq_error err;
    oq_error_init(&err);
    fixture_start(f);
    int64_t group = start(f, sids[0], 1, "localhost", "file.bin?auth=401&rate=1000000");
    fixture_wait_bytes(f, group, 300000);
    assert_int_equal(oq_engine_suspend(f->engine, &owner, group, &err), OQ_OK);
    assert_null(seen.acting);
    assert_int_equal(oq_engine_resume(f->engine, &owner, group, &err), OQ_OK);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "1.bin", "file.bin"));
}

/* --- ConnectionsPerHost ----------------------------------------------------------------------- */

static void limit__more_files_than_connections__is_never_exceeded(void **state)
{
    struct fixture *f = *state;
    int64_t groups[8];
    f->config.connections_per_host = 2;
    f->config.background_groups = 8;
    fixture_start(f);
    for (unsigned i = 0; i < 8; i++)
        groups[i] = start(f, sids[i % 2], i + 1, i % 3 ? "localhost" : "LOCALHOST",
                          "file.bin?auth=401&rate=12000000");
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(fixture_wait(f, groups[i], OQ_GROUP_COMPLETE).retries, 0);
    assert_true(fixture_is_same(f, "1.bin", "file.bin"));
    assert_true(fixture_is_same(f, "8.bin", "file.bin"));
    assert_int_equal(seen.most_open, 2);
}

static void limit__one__is_for_the_oldest_first(void **state)
{
    struct fixture *f = *state;
    int64_t groups[5];
    char rest[60], line[40];
    f->config.connections_per_host = 1;
    f->config.background_groups = 8;
    fixture_start(f);
    for (unsigned i = 0; i < 5; i++) {
        snprintf(rest, sizeof rest, "file.bin?auth=401&x=%u%s", i + 1,
                 i == 0 ? "&rate=2000000" : "");
        groups[i] = start(f, sids[i % 2], i + 1, "localhost", rest);
        wait_asked_for(i + 1);
    }
    for (unsigned i = 0; i < 5; i++)
        fixture_wait(f, groups[i], OQ_GROUP_COMPLETE);
    for (unsigned i = 1; i <= 5; i++) {
        snprintf(rest, sizeof rest, "x=%u", i);
        snprintf(line, sizeof line, "\"connection\": %u,", i);
        assert_true(fixture_requests(f, line, rest) > 0);
        fixture_expect_requests(f, line, rest, fixture_requests(f, line, ""));
    }
    assert_int_equal(seen.most_open, 1);
}

static void limit__proxy__counts_what_is_asked_of_it(void **state)
{
    struct fixture *f = *state;
    int64_t groups[4];
    char host[20];
    f->config.connections_per_host = 1;
    fixture_start(f);
    for (unsigned i = 0; i < 4; i++) {
        snprintf(host, sizeof host, "far%u.invalid", i);
        groups[i] = start(f, sids[0], i + 1, host, "file.bin?auth=407&rate=12000000");
    }
    for (unsigned i = 0; i < 4; i++)
        fixture_wait(f, groups[i], OQ_GROUP_COMPLETE);
    assert_int_equal(seen.most_open, 1);
}

static void limit__host_is_busy__another_is_not_held_up(void **state)
{
    struct fixture *f = *state;
    f->auth_hosts = "localhost 127.0.0.1";
    f->config.connections_per_host = 1;
    fixture_start(f);
    int64_t busy = start(f, sids[0], 1, "localhost", "file.bin?auth=401&stall=100000");
    fixture_wait_bytes(f, busy, 100000);
    int64_t waiting = start(f, sids[0], 2, "localhost", "file.bin?auth=401");
    wait_asked_for(2);
    int64_t other = start(f, sids[1], 3, "127.0.0.1", "file.bin?auth=401");
    fixture_wait(f, other, OQ_GROUP_COMPLETE);
    assert_int_equal(fixture_view(f, busy).state, OQ_GROUP_ACTIVE);
    assert_int_equal(fixture_view(f, waiting).progress.done_bytes, 0);
    assert_true(seen.asked_as[0] <= 3); /* all of them the first one's: NTLM takes three */
}

/* Redirects make new requests: the one that was redirected has to go first. */
static void limit__redirect_to_the_same_host__is_no_deadlock(void **state)
{
    struct fixture *f = *state;
    int64_t groups[3];
    char rest[200];
    f->config.connections_per_host = 1;
    fixture_start(f);
    snprintf(rest, sizeof rest, "file.bin?redirect=http://localhost:%d/file.bin%%3Fauth%%3D401",
             f->port);
    for (unsigned i = 0; i < 3; i++)
        groups[i] = start(f, sids[0], i + 1, "localhost", rest);
    for (unsigned i = 0; i < 3; i++)
        fixture_wait(f, groups[i], OQ_GROUP_COMPLETE);
    assert_int_equal(seen.most_open, 1);
}

/* Neither those that wait nor the one that runs leave a place occupied behind them. */
static void limit__waiting_ones_are_stopped__others_take_their_turn(void **state)
{
    struct fixture *f = *state;
    struct oq_caller owner = {.sid = sids[0]};
    struct oq_error err;
    int64_t groups[4];
    oq_error_init(&err);
    f->config.connections_per_host = 1;
    fixture_start(f);
    groups[0] = start(f, sids[0], 1, "localhost", "file.bin?auth=401&stall=100000");
    fixture_wait_bytes(f, groups[0], 100000);
    for (unsigned i = 1; i < 4; i++) {
        groups[i] = start(f, sids[0], i + 1, "localhost", "file.bin?auth=401");
        wait_asked_for(i + 1);
    }
    assert_int_equal(oq_engine_cancel(f->engine, &owner, groups[1], &err), OQ_OK);
    assert_int_equal(oq_engine_suspend(f->engine, &owner, groups[2], &err), OQ_OK);
    assert_true(seen.asked_as[0] <= 3); /* nothing began */
    assert_int_equal(oq_engine_cancel(f->engine, &owner, groups[0], &err), OQ_OK);
    fixture_wait(f, groups[3], OQ_GROUP_COMPLETE);
    assert_int_equal(fixture_view(f, groups[2]).progress.done_bytes, 0);
    assert_int_equal(oq_engine_resume(f->engine, &owner, groups[2], &err), OQ_OK);
    fixture_wait(f, groups[2], OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "3.bin", "file.bin"));
    assert_false(fixture_out_exists(f, "2.bin"));
    assert_int_equal(seen.most_open, 1);
}

static void limit__engine_stops_while_some_wait__all_go_on_afterwards(void **state)
{
    struct fixture *f = *state;
    int64_t groups[3];
    f->config.connections_per_host = 1;
    fixture_start(f);
    for (unsigned i = 0; i < 3; i++)
        groups[i] = start(f, sids[0], i + 1, "localhost", "file.bin?auth=401&rate=9000000");
    fixture_stop(f);
    fixture_start(f);
    for (unsigned i = 0; i < 3; i++)
        fixture_wait(f, groups[i], OQ_GROUP_COMPLETE);
    assert_int_equal(seen.most_open, 1);
}

/* A source that is waited for was not refused, has not timed out, and is not slow. */
static void limit__waiting_longer_than_the_time_outs__is_no_failure(void **state)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    struct fixture *f = *state;
    f->config.connections_per_host = 1;
    f->config.connect_timeout_ms = 1000;
    f->config.stall_timeout_ms = 1000;
    f->config.slow_source_ms = 500;
    fixture_start(f);
    int64_t slow = start(f, sids[0], 1, "localhost", "file.bin?auth=401&rate=1500000");
    wait_asked_for(1);
    int64_t waiting = start_at(f, sids[0], 2, hosts, 2, "file.bin?auth=401&x");
    assert_int_equal(fixture_wait(f, slow, OQ_GROUP_COMPLETE).retries, 0);
    assert_int_equal(fixture_wait(f, waiting, OQ_GROUP_COMPLETE).retries, 0);
    assert_logged(f, "auth=401&x", "", 3); /* the mirror wants no authentication */
    assert_int_equal(seen.asked_as_service, 0);
    assert_int_equal(seen.most_open, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(auth__server_on_the_list__is_as_the_owner),
        TEST(auth__server_not_on_the_list__is_none),
        TEST(auth__list_is_empty__is_none),
        TEST(auth__owner_is_an_account_of_the_system__is_none),
        TEST(auth__redirect_off_the_list__is_not_taken_along),
        TEST(auth__redirect_onto_the_list__is_as_the_owner),
        TEST(auth__two_owners_at_once__never_share_a_connection),
        TEST(auth__proxy_on_the_list__is_as_the_owner),
        TEST(auth__suspended_midway__leaves_nothing_behind),
        TEST(limit__more_files_than_connections__is_never_exceeded),
        TEST(limit__one__is_for_the_oldest_first),
        TEST(limit__proxy__counts_what_is_asked_of_it),
        TEST(limit__host_is_busy__another_is_not_held_up),
        TEST(limit__redirect_to_the_same_host__is_no_deadlock),
        TEST(limit__waiting_ones_are_stopped__others_take_their_turn),
        TEST(limit__engine_stops_while_some_wait__all_go_on_afterwards),
        TEST(limit__waiting_longer_than_the_time_outs__is_no_failure),
    };
    return cmocka_run_group_tests_name("http_auth", tests, NULL, NULL);
}
