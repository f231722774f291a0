/* test_http_client.c - what a download needs besides the server: names, addresses, proxies,
 * connections, and room on the disk. */
#include "engine_fixture.h"
#include "posix_files.h"
#include "source_fixture.h"

#include "oq_alloc.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define SIZE 3000000u

enum gate { GATE_NONE, GATE_CLOSED, GATE_REACHED, GATE_OPEN };

/* --- a network port that a test scripts ------------------------------------------------------- */

static struct {
    char resolve[128]; /* what the name of a host means, for curl */
    unsigned unknown;  /* for so many requests the name is not known */
    const char *proxies[4];
    bool has_near;    /* then they are only for hosts of far.invalid */
    atomic_uint gate; /* the first look-up for slow.far.invalid waits for it */
    int64_t group;
    atomic_uint requests;
    struct curl_slist *names;
} script;

static enum oq_status prepare(void *ctx, void *easy, const char *url, struct oq_identity *as,
                              struct oq_error *err)
{
    (void)ctx;
    (void)url;
    (void)as;
    if (atomic_fetch_add(&script.requests, 1) < script.unknown || !script.resolve[0])
        return OQ_OK;
    if (!script.names)
        script.names = curl_slist_append(NULL, script.resolve);
    if (curl_easy_setopt(easy, CURLOPT_RESOLVE, script.names) != CURLE_OK)
        return oq_error_set(err, OQ_E_NET, "the test's names cannot be set");
    return OQ_OK;
}

static enum oq_status find_proxy(void *ctx, const char *url, struct oq_identity *as,
                                 uint32_t attempt, char **proxy, struct oq_error *err)
{
    (void)ctx;
    (void)as;
    (void)err;
    unsigned closed = GATE_CLOSED;
    int64_t start_ms = 0;
    if (strstr(url, "slow.far.invalid") &&
        atomic_compare_exchange_strong(&script.gate, &closed, GATE_REACHED)) {
        while (atomic_load(&script.gate) != GATE_OPEN && fixture_patience(&start_ms, 60))
            ;
    }
    bool is_near = script.has_near && !strstr(url, "far.invalid");
    *proxy = oq_strdup(is_near                       ? ""
                       : script.proxies[attempt % 4] ? script.proxies[attempt % 4]
                                                     : "");
    return OQ_OK;
}

static const struct oq_network_port network = {.find_proxy = find_proxy, .prepare = prepare};

/* --- a disk with as much room as a test says -------------------------------------------------- */

static _Atomic uint64_t room_bytes;   /* what the disk says is free */
static _Atomic uint64_t writes_bytes; /* bytes that can be written at all, whatever it says */
static atomic_uint reservations;
static bool can_reserve;
static atomic_uint locked_finishes; /* so many times the final name is in use */
static struct oq_file_port disk;

static enum oq_status scripted_free_space(void *ctx, struct oq_identity *as, const char *path,
                                          uint64_t *bytes, struct oq_error *err)
{
    (void)ctx;
    (void)as;
    (void)path;
    (void)err;
    *bytes = room_bytes;
    return OQ_OK;
}

static enum oq_status scripted_reserve(void *ctx, struct oq_fhandle *file, uint64_t size_bytes,
                                       struct oq_error *err)
{
    if (!can_reserve)
        return oq_error_set(err, OQ_E_NOT_SUPPORTED, "room cannot be kept here");
    atomic_fetch_add(&reservations, 1);
    return posix_files()->reserve(ctx, file, size_bytes, err);
}

static enum oq_status scripted_write(void *ctx, struct oq_fhandle *file, uint64_t offset,
                                     const void *data, size_t length, struct oq_error *err)
{
    if (offset + length > writes_bytes)
        return oq_error_win32(err, OQ_E_DISK_FULL, 112, "write: no space left");
    return posix_files()->write(ctx, file, offset, data, length, err);
}

static enum oq_status scripted_finish(void *ctx, struct oq_identity *as, const char *temp_path,
                                      const char *id, const char *final_path,
                                      int64_t modified_at_ms, struct oq_error *err)
{
    if (atomic_load(&locked_finishes) > 0) {
        atomic_fetch_sub(&locked_finishes, 1);
        return oq_error_win32(err, OQ_E_FILE_LOCKED, 32, "the file is in use by another program");
    }
    return posix_files()->finish(ctx, as, temp_path, id, final_path, modified_at_ms, err);
}

/* --- set-up ----------------------------------------------------------------------------------- */

static int setup(void **state)
{
    static struct fixture f;
    memset(&script, 0, sizeof script);
    room_bytes = writes_bytes = UINT64_MAX / 2;
    atomic_store(&reservations, 0);
    can_reserve = true;
    fixture_open(&f);
    disk = *posix_files();
    disk.free_space = scripted_free_space;
    disk.reserve = scripted_reserve;
    disk.write = scripted_write;
    disk.finish = scripted_finish;
    atomic_store(&locked_finishes, 0);
    f.files = &disk;
    f.network = &network;
    fixture_serve(&f, "file.bin", SIZE, 7);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    curl_slist_free_all(script.names);
    return 0;
}

static void resume(struct fixture *f, int64_t group)
{
    struct oq_error err;
    oq_error_init(&err);
    if (oq_engine_resume(f->engine, &f->user, group, &err) != OQ_OK)
        fail_msg("resume: %s", err.text);
}

/* A group with one file from that URL. */
static int64_t new_group(struct fixture *f, const char *url)
{
    struct oq_guid guid = fixture_guid(1), job = fixture_guid(2);
    struct oq_file_spec spec = {.remote = url, .local = fixture_out(f, "file.bin")};
    struct oq_error err;
    int64_t group = 0;
    oq_error_init(&err);
    if (oq_engine_create_group(f->engine, &f->user, &guid, &group, &err) != OQ_OK ||
        oq_engine_create_job(f->engine, &f->user, group, &job, &err) != OQ_OK ||
        oq_engine_add_files(f->engine, &f->user, group, &spec, 1, &err) != OQ_OK)
        fail_msg("group: %s", err.text);
    return group;
}

static int64_t start_url(struct fixture *f, const char *url)
{
    int64_t group = new_group(f, url);
    resume(f, group);
    return group;
}

static struct oq_group_view wait_for_failure(struct fixture *f, int64_t group, uint32_t win32)
{
    int64_t start_ms = 0;
    for (;;) {
        struct oq_group_view view = fixture_view(f, group);
        if (view.error_win32 == win32)
            return view;
        if (!fixture_patience(&start_ms, 30))
            fail_msg("it is %x: %s", view.error_win32, view.error_text);
    }
}

/* --- names and addresses ---------------------------------------------------------------------- */

static const char *url_at(struct fixture *f, const char *host)
{
    static char url[200];
    snprintf(url, sizeof url, "http://%s:%d/file.bin", host, f->port);
    snprintf(script.resolve, sizeof script.resolve, "%s:%d:127.0.0.1", host, f->port);
    return url;
}

static void name__not_known_for_a_while__is_asked_for_again(void **state)
{
    struct fixture *f = *state;
    fixture_start(f);
    script.unknown = 2;
    int64_t group = start_url(f, url_at(f, "flaky.invalid"));
    struct oq_group_view view = wait_for_failure(f, group, 0x80200031);
    assert_int_equal(view.state, OQ_GROUP_ACTIVE);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
    assert_int_equal(script.requests, 3);
}

static void host__one_of_two_addresses_is_dead__the_other_is_used(void **state)
{
    static const char *const dead[] = {"[::1]", "[100::1]"}; /* refuses; leads nowhere */
    struct fixture *f = *state;
    fixture_start(f);
    for (size_t i = 0; i < sizeof dead / sizeof dead[0]; i++) {
        struct oq_error err;
        char url[200];
        snprintf(url, sizeof url, "%s", url_at(f, i == 0 ? "dual.invalid" : "dull.invalid"));
        snprintf(script.resolve + strlen(script.resolve) - sizeof "127.0.0.1" + 1,
                 sizeof script.resolve - 40, "%s,127.0.0.1", dead[i]);
        curl_slist_free_all(script.names);
        script.names = NULL;
        int64_t group = start_url(f, url);
        struct oq_group_view view = fixture_wait(f, group, OQ_GROUP_COMPLETE);
        assert_int_equal(view.retries, 0);
        assert_true(fixture_is_same(f, "file.bin", "file.bin"));
        oq_error_init(&err);
        assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, &err), OQ_OK);
    }
}

/* --- proxies ---------------------------------------------------------------------------------- */

/* A port of this computer where no connection is taken. */
static int closed_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static void proxy__first_of_two_is_dead__the_next_attempt_takes_the_other(void **state)
{
    static char dead[64], alive[64];
    struct fixture *f = *state;
    fixture_start(f);
    snprintf(dead, sizeof dead, "http://127.0.0.1:%d", closed_port());
    snprintf(alive, sizeof alive, "http://127.0.0.1:%d", f->port);
    script.proxies[0] = script.proxies[2] = dead;
    script.proxies[1] = script.proxies[3] = alive;
    int64_t group = start_url(f, "http://far.invalid/file.bin");
    struct oq_group_view view = wait_for_failure(f, group, 0x8020002D);
    assert_int_equal(view.state, OQ_GROUP_ACTIVE);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    fixture_expect_requests(f, "http://far.invalid/file.bin", "206", 1);
}

/* Hosts of far.invalid are known only to the proxy, which is the test's server; others have to be
 * asked themselves, which the server's log shows by paths without a host. */
static void use_proxy_for_far_hosts(struct fixture *f)
{
    static char at[64];
    snprintf(at, sizeof at, "http://127.0.0.1:%d", f->port);
    for (size_t i = 0; i < 4; i++)
        script.proxies[i] = at;
    script.has_near = true;
}

/* A file with two sources arrives; with_pieces: with the hashes of its pieces. */
static void fetch_from(struct fixture *f, const char *first, const char *second, bool with_pieces)
{
    struct oq_error err;
    int64_t group = new_group(f, first);
    source_add(f, group, second);
    if (with_pieces)
        source_expect_pieces(f, group, 0, "file.bin", 1000000);
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
    oq_error_init(&err);
    assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, &err), OQ_OK);
}

static void proxy__of_a_mirror__is_its_own(void **state)
{
    struct fixture *f = *state;
    use_proxy_for_far_hosts(f);
    fixture_start(f);
    fetch_from(f, fixture_url(f, "file.bin?cut=1000000"), "http://a.far.invalid/file.bin", false);
    fixture_expect_requests(f, "\"http://a.far.invalid/file.bin\"", "206", 1);
    fetch_from(f, "http://b.far.invalid/file.bin?cut=1000000", fixture_url(f, "file.bin?x"), false);
    fixture_expect_requests(f, "\"/file.bin?x\"", "206", 1);
}

static void proxy__of_the_mirror_that_repairs__is_its_own(void **state)
{
    struct fixture *f = *state;
    use_proxy_for_far_hosts(f);
    fixture_start(f);
    fetch_from(f, fixture_url(f, "file.bin?corrupt=1500000"), "http://a.far.invalid/file.bin",
               true);
    fixture_expect_requests(f, "\"http://a.far.invalid/file.bin\"", "bytes=1000000-1999999", 1);
    fetch_from(f, "http://b.far.invalid/file.bin?corrupt=1500000", fixture_url(f, "file.bin?x"),
               true);
    fixture_expect_requests(f, "\"/file.bin?x\"", "bytes=1000000-1999999", 1);
}

static void *open_gate_once_suspended(void *ctx)
{
    struct fixture *f = ctx;
    int64_t start_ms = 0;
    while (fixture_view(f, script.group).state != OQ_GROUP_SUSPENDED &&
           fixture_patience(&start_ms, 30))
        ;
    atomic_store(&script.gate, GATE_OPEN);
    return NULL;
}

static void redirect__suspended_while_its_proxy_is_looked_for__goes_on_later(void **state)
{
    struct fixture *f = *state;
    pthread_t helper;
    int64_t start_ms = 0;
    struct oq_error err;
    oq_error_init(&err);
    use_proxy_for_far_hosts(f);
    fixture_start(f);
    atomic_store(&script.gate, GATE_CLOSED);
    script.group =
        start_url(f, fixture_url(f, "file.bin?redirect=http://slow.far.invalid/file.bin"));
    while (atomic_load(&script.gate) != GATE_REACHED)
        assert_true(fixture_patience(&start_ms, 30));
    assert_int_equal(pthread_create(&helper, NULL, open_gate_once_suspended, f), 0);
    assert_int_equal(oq_engine_suspend(f->engine, &f->user, script.group, &err), OQ_OK);
    pthread_join(helper, NULL);
    fixture_expect_requests(f, "\"http://slow.far.invalid/file.bin\"", "206", 0);
    resume(f, script.group);
    fixture_wait(f, script.group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
    fixture_expect_requests(f, "\"http://slow.far.invalid/file.bin\"", "206", 1);
}

/* Our own waiting is no time-out of the server. */
static void redirect__proxy_is_found_after_the_stall_time_out__is_no_failure(void **state)
{
    struct fixture *f = *state;
    int64_t start_ms = 0;
    use_proxy_for_far_hosts(f);
    f->config.stall_timeout_ms = 1000;
    fixture_start(f);
    atomic_store(&script.gate, GATE_CLOSED);
    int64_t group =
        start_url(f, fixture_url(f, "file.bin?redirect=http://slow.far.invalid/file.bin"));
    while (fixture_patience(&start_ms, 3)) /* three times as long */
        ;
    assert_int_equal(atomic_load(&script.gate), GATE_REACHED);
    atomic_store(&script.gate, GATE_OPEN);
    struct oq_group_view view = fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_int_equal(view.retries, 0);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
}

/* --- connections ------------------------------------------------------------------------------ */

static void connections__one_per_host__are_kept_and_used_by_all_files(void **state)
{
    static const char *const files[][2] = {{"file.bin?x1", "1"}, {"file.bin?x2", "2"},
                                           {"file.bin?x3", "3"}, {"file.bin?x4", "4"},
                                           {"file.bin?x5", "5"}, {"file.bin?x6", "6"}};
    struct fixture *f = *state;
    f->config.connections_per_host = 1;
    fixture_start(f);
    int64_t group = fixture_group(f, 1, 6, files);
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    for (size_t i = 0; i < 6; i++)
        assert_true(fixture_is_same(f, files[i][1], "file.bin"));
    fixture_expect_requests(f, "\"connection\": 1,", "206", 6);
}

/* A transfer that waits for a connection has not timed out. */
static void connections__waiting_longer_than_the_time_outs__is_no_failure(void **state)
{
    static const char *const files[][2] = {{"file.bin?rate=500000", "1"}, {"file.bin?x2", "2"}};
    struct fixture *f = *state;
    f->config.connections_per_host = 1;
    f->config.connect_timeout_ms = 2000;
    f->config.stall_timeout_ms = 2000;
    fixture_start(f);
    int64_t group = fixture_group(f, 1, 2, files);
    resume(f, group);
    struct oq_group_view view = fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_int_equal(view.retries, 0);
    assert_true(fixture_is_same(f, "2", "file.bin"));
}

/* --- the disk --------------------------------------------------------------------------------- */

static void disk__too_small__says_what_is_missing_before_it_is_full_and_goes_on(void **state)
{
    struct fixture *f = *state;
    fixture_start(f);
    room_bytes = SIZE - 1234567;
    int64_t group = start_url(f, fixture_url(f, "file.bin?rate=3000000"));
    struct oq_group_view view = wait_for_failure(f, group, 112);
    assert_int_equal(view.state, OQ_GROUP_ACTIVE);
    assert_non_null(strstr(view.error_text, "1234567 bytes are missing"));
    assert_false(fixture_out_exists(f, "file.bin"));
    room_bytes = SIZE;
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
    assert_true(atomic_load(&reservations) > 0);
}

static void disk__fills_up_midway__keeps_what_came_and_goes_on(void **state)
{
    struct fixture *f = *state;
    can_reserve = false;
    fixture_start(f);
    int64_t group = start_url(f, fixture_url(f, "file.bin?rate=2000000"));
    fixture_wait_bytes(f, group, SIZE / 3);
    room_bytes = 10;
    struct oq_group_view view = wait_for_failure(f, group, 112);
    assert_non_null(strstr(view.error_text, "bytes are missing"));
    assert_true(view.progress.done_bytes >= SIZE / 3);
    room_bytes = SIZE;
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
    fixture_expect_requests(f, "bytes=0-", "206", 1);
}

static void disk__write_fails_for_want_of_room__nothing_corrupt_is_left(void **state)
{
    struct fixture *f = *state;
    fixture_start(f);
    writes_bytes = SIZE / 2;
    int64_t group = start_url(f, fixture_url(f, "file.bin"));
    struct oq_group_view view = wait_for_failure(f, group, 112);
    assert_non_null(strstr(view.error_text, "bytes are missing"));
    assert_int_equal(view.state, OQ_GROUP_ACTIVE);
    writes_bytes = UINT64_MAX / 2;
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
}

static void disk__small_file__is_not_asked_for_room(void **state)
{
    struct fixture *f = *state;
    fixture_serve(f, "small.bin", 1000, 8);
    room_bytes = 0;
    fixture_start(f);
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{"small.bin", "small.bin"}});
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_int_equal(atomic_load(&reservations), 0);
}

static void folder__vanishes_midway__is_an_error_and_goes_on_once_it_is_back(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    char folder[300], away[300];
    fixture_start(f);
    int64_t group = start_url(f, fixture_url(f, "file.bin?rate=2000000"));
    fixture_wait_bytes(f, group, SIZE / 4);
    oq_error_init(&err);
    assert_int_equal(oq_engine_suspend(f->engine, &f->user, group, &err), OQ_OK);
    snprintf(folder, sizeof folder, "%s/out", f->folder);
    snprintf(away, sizeof away, "%s/away", f->folder);
    assert_int_equal(rename(folder, away), 0);
    resume(f, group);
    /* What POSIX says; Windows has a code of its own for folders, 3. */
    struct oq_group_view view = wait_for_failure(f, group, 2);
    assert_int_equal(view.state, OQ_GROUP_ERROR);
    assert_int_equal(rename(away, folder), 0);
    resume(f, group);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
}

static void final_name__in_use_by_another_program__waits_and_is_taken_then(void **state)
{
    struct fixture *f = *state;
    fixture_start(f);
    atomic_store(&locked_finishes, 3);
    int64_t group = start_url(f, fixture_url(f, "file.bin"));
    wait_for_failure(f, group, 32);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
    fixture_expect_requests(f, "file.bin", "206", 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(name__not_known_for_a_while__is_asked_for_again),
        TEST(host__one_of_two_addresses_is_dead__the_other_is_used),
        TEST(proxy__first_of_two_is_dead__the_next_attempt_takes_the_other),
        TEST(proxy__of_a_mirror__is_its_own),
        TEST(proxy__of_the_mirror_that_repairs__is_its_own),
        TEST(redirect__suspended_while_its_proxy_is_looked_for__goes_on_later),
        TEST(redirect__proxy_is_found_after_the_stall_time_out__is_no_failure),
        TEST(connections__one_per_host__are_kept_and_used_by_all_files),
        TEST(connections__waiting_longer_than_the_time_outs__is_no_failure),
        TEST(disk__too_small__says_what_is_missing_before_it_is_full_and_goes_on),
        TEST(disk__fills_up_midway__keeps_what_came_and_goes_on),
        TEST(disk__write_fails_for_want_of_room__nothing_corrupt_is_left),
        TEST(disk__small_file__is_not_asked_for_room),
        TEST(folder__vanishes_midway__is_an_error_and_goes_on_once_it_is_back),
        TEST(final_name__in_use_by_another_program__waits_and_is_taken_then),
    };
    return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
