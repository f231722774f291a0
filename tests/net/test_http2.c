/* test_http2.c - a foreground group and a server that speaks HTTP/2 (nghttpd): its files share
 * connections. */
#include "engine_fixture.h"

#include <curl/curl.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define NGHTTPD "/usr/sbin/nghttpd"
#define FILES 12u
#define CONNECTIONS_MAX 64

static struct fixture f;
static pid_t server;
static int port;
static char ca_file[400], log_name[400];

static enum oq_status prepare(void *ctx, void *easy, const char *url, struct oq_identity *as,
                              struct oq_error *err)
{
    (void)ctx;
    (void)url;
    (void)as;
    if (curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) != CURLE_OK)
        return oq_error_set(err, OQ_E_NET, "the test's certificates cannot be set");
    return OQ_OK;
}

static const struct oq_network_port network = {.prepare = prepare};

static void find_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    close(fd);
    port = ntohs(at.sin_port);
}

static bool is_listening(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool is_there = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    close(fd);
    return is_there;
}

static void start_server(void)
{
    char command[900], number[16], www[400], key[400], certificate[400];
    int64_t start_ms = 0;
    const char *source = getenv("OQ_SOURCE_DIR");
    snprintf(command, sizeof command, "'%s/tests/support/testca.sh' '%s/ca'", source ? source : ".",
             f.folder);
    assert_int_equal(system(command), 0);
    snprintf(ca_file, sizeof ca_file, "%s/ca/ca.pem", f.folder);
    snprintf(log_name, sizeof log_name, "%s/nghttpd.log", f.folder);
    snprintf(www, sizeof www, "%s/www", f.folder);
    snprintf(key, sizeof key, "%s/ca/server.key", f.folder);
    snprintf(certificate, sizeof certificate, "%s/ca/server.pem", f.folder);
    find_port();
    snprintf(number, sizeof number, "%d", port);
    server = fork();
    assert_true(server >= 0);
    if (server == 0) {
        int fd = open(log_name, O_WRONLY | O_CREAT, 0644);
        dup2(fd, STDOUT_FILENO);
        execl(NGHTTPD, "nghttpd", "-v", "-a", "127.0.0.1", "-d", www, number, key, certificate,
              (char *)NULL);
        _exit(127);
    }
    while (!is_listening())
        assert_true(fixture_patience(&start_ms, 30));
}

/* Connections that brought a request. */
static unsigned count_connections(unsigned *requests)
{
    char line[2000];
    bool is_seen[CONNECTIONS_MAX] = {false};
    unsigned count = 0, id = 0;
    *requests = 0;
    FILE *file = fopen(log_name, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (!strstr(line, "recv HEADERS frame") || sscanf(line, "[id=%u]", &id) != 1)
            continue;
        (*requests)++;
        assert_true(id < CONNECTIONS_MAX);
        count += !is_seen[id];
        is_seen[id] = true;
    }
    fclose(file);
    return count;
}

static int setup(void **state)
{
    (void)state;
    fixture_open(&f);
    f.network = &network;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (server > 0) {
        kill(server, SIGTERM);
        waitpid(server, NULL, 0);
    }
    fixture_close(&f);
    return 0;
}

static void http2__foreground_group__shares_connections_and_arrives_whole(void **state)
{
    struct oq_error err;
    int64_t group = 0;
    unsigned requests = 0;
    struct oq_guid guid = fixture_guid(1), job = fixture_guid(2);
    (void)state;
    if (access(NGHTTPD, X_OK) != 0) {
        print_message("skipped: no " NGHTTPD " here (scripts/setup)\n");
        skip();
    }
    start_server();
    fixture_start(&f);
    oq_error_init(&err);
    assert_int_equal(oq_engine_create_group(f.engine, &f.user, &guid, &group, &err), OQ_OK);
    assert_int_equal(oq_engine_create_job(f.engine, &f.user, group, &job, &err), OQ_OK);
    for (unsigned i = 0; i < FILES; i++) {
        char url[100], name[16];
        snprintf(name, sizeof name, "%u.bin", i);
        snprintf(url, sizeof url, "https://localhost:%d/%s", port, name);
        fixture_serve(&f, name, 100000 + 1000 * i, i);
        struct oq_file_spec spec = {.remote = url, .local = fixture_out(&f, name)};
        if (oq_engine_add_files(f.engine, &f.user, group, &spec, 1, &err) != OQ_OK)
            fail_msg("%s: %s", name, err.text);
    }
    assert_int_equal(oq_engine_set_foreground(f.engine, &f.user, group, &err), OQ_OK);
    assert_int_equal(oq_engine_resume(f.engine, &f.user, group, &err), OQ_OK);
    fixture_wait(&f, group, OQ_GROUP_COMPLETE);
    for (unsigned i = 0; i < FILES; i++) {
        char name[16];
        snprintf(name, sizeof name, "%u.bin", i);
        assert_true(fixture_is_same(&f, name, name));
    }
    unsigned connections = count_connections(&requests);
    print_message("%u requests over %u connections\n", requests, connections);
    assert_int_equal(requests, FILES);
    assert_true(connections <= (unsigned)f.config.files_in_flight);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(http2__foreground_group__shares_connections_and_arrives_whole),
    };
    return cmocka_run_group_tests_name("http2", tests, NULL, NULL);
}
