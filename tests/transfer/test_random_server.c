/* test_random_server.c - a native engine against servers that behave at random: status, header
 * fields, cuts, validators, ranges, versions, pages of the network.
 *
 * Each file has a server of its own, drawn from a number, so that a failure can be repeated:
 * OQ_RANDOM_FIRST and OQ_RANDOM_COUNT choose the numbers. The oracle: a file that is COMPLETE is
 * byte for byte one version that the server has had, and the expected one where there is a hash; a
 * file in ERROR is not there; each ends. Servers lie in their header fields, but not in ways that
 * nobody could see: two versions of theirs differ in something that they send.
 */
#include "engine_fixture.h"
#include "test_unit.h"

#include "oq_engine_sources.h"
#include "oq_log.h"

#include <arpa/inet.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 280
#define SIZE_MAX_BYTES 30000
#define LIMIT_S 120
#define MISBEHAVES 9 /* requests; later ones are answered properly */

/* What a server is like; drawn once. */
struct nature {
    uint64_t seed;
    uint32_t size[2]; /* of its two versions */
    unsigned changes; /* the request from which on the second version is served; 0: never */
    unsigned tag;     /* 0 none, 1 strong, 2 weak, 3 without quotes */
    bool has_date, date_is_now, has_ranges, no_length, refuses_range, knows_size, knows_hash;
    unsigned if_range; /* 0 properly, 1 ignored, 2 everything to a tag, 3 everything to any */
};

struct exchange {
    const struct nature *nature;
    int fd;
    unsigned number; /* of the request, from 1 */
    unsigned version;
    uint64_t draws;
    bool has_range, has_if_range;
    uint64_t offset;
    char if_range[100];
};

static struct fixture f;
static struct {
    pthread_mutex_t lock;
    int listener;
    uint16_t port;
    unsigned requests[BATCH];
    struct nature natures[BATCH];
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t mix(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static unsigned draw(struct exchange *x, unsigned count)
{
    return (unsigned)(mix(&x->draws) % count);
}

static uint8_t byte_of(const struct nature *nature, unsigned version, uint64_t at)
{
    uint64_t state = nature->seed * 2 + version + at / 8 * UINT64_C(0x100000001B3);
    return (uint8_t)(mix(&state) >> at % 8 * 8);
}

static struct nature draw_nature(uint64_t seed)
{
    uint64_t s = seed;
    struct nature n = {.seed = seed};
    n.size[0] = 1 + (uint32_t)(mix(&s) % SIZE_MAX_BYTES);
    n.size[1] = mix(&s) % 3 ? n.size[0] : 1 + (uint32_t)(mix(&s) % SIZE_MAX_BYTES);
    n.changes = mix(&s) % 3 ? 0 : 2 + (unsigned)(mix(&s) % 5);
    n.tag = (unsigned)(mix(&s) % 4);
    n.has_date = mix(&s) % 3 != 0;
    n.date_is_now = n.tag == 1 && mix(&s) % 4 == 0;
    n.has_ranges = mix(&s) % 5 != 0;
    n.no_length = mix(&s) % 5 == 0;
    n.refuses_range = mix(&s) % 12 == 0;
    n.if_range = (unsigned)(mix(&s) % 4);
    n.knows_size = mix(&s) % 4 == 0;
    n.knows_hash = mix(&s) % 4 == 0;
    return n;
}

/* --- what it sends ---------------------------------------------------------------------------- */

static void say(struct exchange *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct exchange *x, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)!send(x->fd, text, (size_t)length, MSG_NOSIGNAL);
}

static const char *tag_of(const struct exchange *x, char text[40])
{
    static const char *const before[] = {"", "\"", "W/\"", ""}, *const after[] = {"", "\"", "\"",
                                                                                  ""};
    unsigned kind = x->nature->tag;
    snprintf(text, 40, "%s%llx-%u%s", before[kind], (unsigned long long)x->nature->seed, x->version,
             after[kind]);
    return text;
}

static const char *date_of(const struct exchange *x, char text[40])
{
    snprintf(text, 40, "Sun, 06 Nov 1994 08:%02u:%02u GMT",
             x->nature->date_is_now ? x->number % 60 : 49, x->version);
    return text;
}

static void say_validators(struct exchange *x)
{
    char text[40];
    if (x->nature->tag)
        say(x, "ETag: %s\r\n", tag_of(x, text));
    if (x->nature->has_date)
        say(x, "Last-Modified: %s\r\n", date_of(x, text));
}

static void send_bytes(struct exchange *x, uint64_t first, uint64_t count)
{
    uint8_t bytes[SIZE_MAX_BYTES];
    for (uint64_t i = 0; i < count; i++)
        bytes[i] = byte_of(x->nature, x->version, first + i);
    (void)!send(x->fd, bytes, (size_t)count, MSG_NOSIGNAL);
}

static void reset(struct exchange *x)
{
    const struct linger now = {.l_onoff = 1};
    usleep(2000); /* what was sent is to arrive before it */
    setsockopt(x->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* The body from `first` to `last`, framed in one of three ways; `cut`: not all of it. */
static void send_body(struct exchange *x, uint64_t first, uint64_t count, bool is_cut)
{
    uint64_t sent = is_cut ? draw(x, (unsigned)count + 1) : count;
    unsigned framing = x->nature->no_length ? 1 + draw(x, 2) : 0;
    if (framing == 0)
        say(x, "Content-Length: %llu\r\n\r\n", (unsigned long long)count);
    else if (framing == 1)
        say(x, "Transfer-Encoding: chunked\r\n\r\n%llx\r\n", (unsigned long long)count);
    else
        say(x, "\r\n");
    send_bytes(x, first, sent);
    if (framing == 1 && sent == count && !is_cut)
        say(x, "\r\n0\r\n\r\n");
    if (is_cut && (framing == 2 || draw(x, 2)))
        reset(x);
}

static bool is_valid_if_range(const struct exchange *x)
{
    char text[40];
    bool is_tag = strchr(x->if_range, '"') != NULL;
    if (!x->has_if_range || x->nature->if_range == 1)
        return true;
    if (x->nature->if_range == 3 || (x->nature->if_range == 2 && is_tag))
        return false;
    return (x->nature->tag && strcmp(x->if_range, tag_of(x, text)) == 0) ||
           (x->nature->has_date && strcmp(x->if_range, date_of(x, text)) == 0);
}

static void send_file(struct exchange *x, bool is_cut)
{
    uint64_t size = x->nature->size[x->version];
    bool is_part = x->nature->has_ranges && x->has_range && is_valid_if_range(x);
    if (is_part && x->offset >= size) {
        say(x,
            "HTTP/1.1 416 No\r\nConnection: close\r\nContent-Range: bytes */%llu\r\n"
            "Content-Length: 0\r\n\r\n",
            (unsigned long long)size);
        return;
    }
    if (is_part)
        say(x, "HTTP/1.1 206 Part\r\nConnection: close\r\nContent-Range: bytes %llu-%llu/%llu\r\n",
            (unsigned long long)x->offset, (unsigned long long)size - 1, (unsigned long long)size);
    else
        say(x, "HTTP/1.1 200 OK\r\nConnection: close\r\n");
    say_validators(x);
    send_body(x, is_part ? x->offset : 0, is_part ? size - x->offset : size, is_cut);
}

/* A part, honestly named: of the asked one, or of another. */
static void send_part(struct exchange *x, const char *status, bool is_elsewhere)
{
    uint64_t size = x->nature->size[x->version];
    uint64_t first = is_elsewhere || !x->has_range ? draw(x, (unsigned)size) : x->offset;
    if (first >= size)
        first = size - 1;
    uint64_t count = 1 + draw(x, (unsigned)(size - first));
    say(x, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Range: bytes %llu-%llu/%llu\r\n", status,
        (unsigned long long)first, (unsigned long long)(first + count - 1),
        (unsigned long long)size);
    say_validators(x);
    say(x, "Content-Length: %llu\r\n\r\n", (unsigned long long)count);
    send_bytes(x, first, count);
}

static void misbehave(struct exchange *x)
{
    static const char *const statuses[] = {"503 Busy", "500 Oops", "429 Many", "408 Slow",
                                           "502 Bad"};
    static const char page[] = "<html><body>Please accept our terms</body></html>";
    switch (draw(x, 16)) {
    case 0:
    case 1:
        say(x, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
            statuses[draw(x, COUNT_OF(statuses))]);
        return;
    case 2:
        if (x->offset > 0) { /* nobody could tell it from the file where nothing is known yet */
            say(x, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\n");
            say(x, "Content-Length: %zu\r\n\r\n%s", sizeof page - 1, page);
            return;
        }
        break;
    case 3:
        send_part(x, "206 Part", false);
        return;
    case 4:
        send_part(x, "206 Part", true);
        return;
    case 5:
        send_part(x, "200 OK", draw(x, 2));
        return;
    case 6:
        say(x, "HTTP/1.1 416 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        return;
    case 7:
        reset(x);
        return;
    case 8:
        return; /* nothing at all */
    case 9:
        say(x, "HTTP/1.1 200 OK\r\nContent-Le");
        return;
    case 10:
        say(x, "HTTP/1.1 206 Part\r\nConnection: close\r\nContent-Length: 5\r\n\r\nbytes");
        return;
    default:
        break;
    }
    send_file(x, draw(x, 4) != 0);
}

static void answer(struct exchange *x)
{
    x->version = x->nature->changes && x->number >= x->nature->changes;
    if (x->nature->refuses_range && x->has_range)
        say(x, "HTTP/1.1 403 Policy\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
    else if (x->number <= MISBEHAVES)
        misbehave(x);
    else
        send_file(x, false);
}

/* --- the server ------------------------------------------------------------------------------- */

static void *serve(void *argument)
{
    int fd = (int)(intptr_t)argument;
    char request[4096];
    size_t used = 0;
    unsigned index = 0;
    while (used < sizeof request - 1) {
        ssize_t got = recv(fd, request + used, sizeof request - 1 - used, 0);
        if (got <= 0)
            break;
        used += (size_t)got;
        request[used] = '\0';
        if (strstr(request, "\r\n\r\n"))
            break;
    }
    request[used] = '\0';
    if (sscanf(request, "GET /%u", &index) == 1 && index < BATCH) {
        unsigned long long offset = 0;
        struct exchange x = {.nature = &server.natures[index], .fd = fd};
        const char *range = strstr(request, "Range: bytes="),
                   *valid = strstr(request, "If-Range: ");
        x.has_range = range && sscanf(range, "Range: bytes=%llu-", &offset) == 1;
        x.offset = offset;
        x.has_if_range = valid && sscanf(valid, "If-Range: %99[^\r]", x.if_range) == 1;
        pthread_mutex_lock(&server.lock);
        x.number = ++server.requests[index];
        pthread_mutex_unlock(&server.lock);
        x.draws = x.nature->seed ^ (uint64_t)x.number << 40;
        answer(&x);
    }
    close(fd);
    return NULL;
}

static void *accept_all(void *unused)
{
    (void)unused;
    for (;;) {
        pthread_t thread;
        int fd = accept(server.listener, NULL, NULL);
        if (fd >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
    }
    return NULL;
}

static void start_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    pthread_t thread;
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server.listener, 1024), 0);
    assert_int_equal(getsockname(server.listener, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(pthread_create(&thread, NULL, accept_all, NULL), 0);
    server.port = ntohs(address.sin_port);
}

/* --- the test --------------------------------------------------------------------------------- */

static bool is_version(const struct nature *nature, unsigned version, const char *path)
{
    FILE *file = fopen(path, "rb");
    uint64_t at = 0;
    int c = EOF;
    if (!file)
        return false;
    while ((c = getc(file)) != EOF && (uint8_t)c == byte_of(nature, version, at))
        at++;
    fclose(file);
    return c == EOF && at == nature->size[version];
}

static int64_t start(unsigned index)
{
    const struct nature *nature = &server.natures[index];
    unsigned wanted = nature->changes != 0;
    char url[60], name[40];
    uint8_t bytes[SIZE_MAX_BYTES], sha256[SHA256_DIGEST_LENGTH];
    struct oq_error err;
    int64_t group = 0;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/%u", server.port, index);
    snprintf(name, sizeof name, "%u.bin", index);
    struct oq_file_spec spec = {.remote = url, .local = fixture_out(&f, name)};
    struct oq_guid guid = fixture_guid(index + 1), job = fixture_guid(index + 100001);
    for (uint32_t i = 0; i < nature->size[wanted]; i++)
        bytes[i] = byte_of(nature, wanted, i);
    SHA256(bytes, nature->size[wanted], sha256);
    oq_error_init(&err);
    if (oq_engine_create_group(f.engine, &f.admin, &guid, &group, &err) != OQ_OK ||
        oq_engine_create_job(f.engine, &f.admin, group, &job, &err) != OQ_OK ||
        oq_engine_add_files(f.engine, &f.admin, group, &spec, 1, &err) != OQ_OK ||
        ((nature->knows_size || nature->knows_hash) &&
         oq_engine_set_hash(f.engine, &f.admin, group, 0, nature->knows_hash ? sha256 : NULL,
                            nature->knows_size ? nature->size[wanted] : OQ_SIZE_UNKNOWN,
                            &err) != OQ_OK) ||
        oq_engine_resume(f.engine, &f.admin, group, &err) != OQ_OK)
        fail_msg("%s", err.text);
    return group;
}

/* Counts what ended how. */
static void check(unsigned index, const struct oq_group_view *view, unsigned *complete)
{
    const struct nature *nature = &server.natures[index];
    char name[40];
    snprintf(name, sizeof name, "%u.bin", index);
    const char *path = fixture_out(&f, name);
    bool is_second = nature->changes && is_version(nature, 1, path);
    bool is_first = is_version(nature, 0, path) && !(nature->knows_hash && nature->changes);
    if (view->state == OQ_GROUP_COMPLETE ? !is_first && !is_second : fixture_out_exists(&f, name))
        fail_msg("server %llu: %s after %u requests, and the file is wrong: %s",
                 (unsigned long long)nature->seed, oq_group_state_text(view->state),
                 server.requests[index], view->error_text);
    if (view->state != OQ_GROUP_COMPLETE && getenv("OQ_TEST_TALK"))
        print_message("server %llu: %s\n", (unsigned long long)nature->seed, view->error_text);
    *complete += view->state == OQ_GROUP_COMPLETE;
    (void)remove(path);
}

static void run_batch(uint64_t first, unsigned count, unsigned *complete)
{
    int64_t groups[BATCH], start_ms = 0;
    struct oq_error err;
    for (unsigned i = 0; i < count; i++) {
        server.natures[i] = draw_nature(first + i);
        server.requests[i] = 0;
        groups[i] = start(i);
    }
    for (unsigned i = 0; i < count; i++) {
        struct oq_group_view view = fixture_view(&f, groups[i]);
        while (view.state != OQ_GROUP_COMPLETE && view.state != OQ_GROUP_ERROR) {
            if (!fixture_patience(&start_ms, LIMIT_S))
                fail_msg("server %llu: no end, %s after %u requests: %s",
                         (unsigned long long)server.natures[i].seed,
                         oq_group_state_text(view.state), server.requests[i], view.error_text);
            view = fixture_view(&f, groups[i]);
        }
        check(i, &view, complete);
        assert_int_equal(oq_engine_cancel(f.engine, &f.admin, groups[i], &err), OQ_OK);
    }
    assert_int_equal(fixture_temp_count(&f), 0);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void be_quiet(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    if (level == OQ_LOG_ERROR || getenv("OQ_TEST_TALK"))
        fprintf(stderr, "%s\n", line);
}

static void download__from_servers_at_random__is_one_version_or_an_error(void **state)
{
    uint64_t first = number_of("OQ_RANDOM_FIRST", 1), count = number_of("OQ_RANDOM_COUNT", 560);
    unsigned complete = 0;
    (void)state;
    for (uint64_t done = 0; done < count; done += BATCH)
        run_batch(first + done, count - done < BATCH ? (unsigned)(count - done) : BATCH, &complete);
    print_message("%llu servers: %u files complete, %llu in error, none wrong\n",
                  (unsigned long long)count, complete, (unsigned long long)count - complete);
    assert_true(complete > count / 2);
}

static int setup(void **state)
{
    (void)state;
    fixture_open(&f);
    f.config.background_groups = BATCH;
    f.config.connections_per_host = BATCH;
    f.config.retry_first_ms = 2;
    f.config.retry_longest_ms = 20;
    f.config.retry_after_limit_ms = 5;
    f.config.no_progress_ms = 3000;
    oq_log_set_sink(be_quiet, NULL);
    start_server();
    fixture_start(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(download__from_servers_at_random__is_one_version_or_an_error)};
    return cmocka_run_group_tests_name("random_server", tests, setup, teardown);
}
