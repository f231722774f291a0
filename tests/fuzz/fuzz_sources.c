/* fuzz_sources.c - libFuzzer on a whole native engine: sequences of AddFiles, SetHash, SetPieces,
 * AddSource, SetUrl, resume, suspend and restarts, against a server whose answers are scripted too.
 * The engine neither crashes nor finds a fault of its own, and what it accepted is read back.
 *
 * The first half of the input are the calls, the second half the answers, used in a circle.
 */
#include "fuzz.h"
#include "openssl_hash.h"
#include "posix_files.h"

#include "oq_alloc.h"
#include "oq_engine.h"
#include "oq_engine_sources.h"
#include "oq_log.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX 3
#define CALLS_MAX 24
#define SETTLED_MS 60 /* longer is not waited for transfers */
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static const uint64_t sizes[] = {
    OQ_SIZE_UNKNOWN, 0, 1, 10, 25, 4096, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 1};

/* --- the server ------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    int listener;
    uint16_t port;
    const uint8_t *script;
    size_t length, next;
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static unsigned next_answer(void)
{
    unsigned byte = 0;
    pthread_mutex_lock(&server.lock);
    if (server.length > 0)
        byte = server.script[server.next++ % server.length];
    pthread_mutex_unlock(&server.lock);
    return byte;
}

static void set_script(const uint8_t *script, size_t length)
{
    pthread_mutex_lock(&server.lock);
    server.script = script;
    server.length = length;
    server.next = 0;
    pthread_mutex_unlock(&server.lock);
}

static void send_text(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void answer(int fd)
{
    static const char *const statuses[] = {"200 OK", "206 Partial Content", "416 Range", "404 Gone",
                                           "503 Busy"};
    static const char *const fields[] = {
        "",
        "ETag: \"a\"\r\n",
        "ETag: \"b\"\r\n",
        "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        "Content-Range: bytes 0-24/25\r\n",
        "Content-Range: bytes 10-24/25\r\n",
        "Content-Range: bytes 20-24/25\r\n",
        "Content-Range: bytes 0-0/9223372036854775807\r\n",
        "Content-Range: bytes */25\r\n",
        "Repr-Digest: sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:\r\n",
        "Content-Encoding: gzip\r\n",
        "Retry-After: 9999999999999999999\r\n",
    };
    static const unsigned bodies[] = {0, 1, 5, 10, 15, 25, 26, 4096};
    static const char zeros[4096];
    char text[200], request[4096];
    size_t used = 0;
    while (used < sizeof request - 1) {
        ssize_t got = recv(fd, request + used, sizeof request - 1 - used, 0);
        if (got <= 0)
            return;
        used += (size_t)got;
        request[used] = '\0';
        if (strstr(request, "\r\n\r\n"))
            break;
    }
    unsigned how = next_answer(), length = bodies[next_answer() % COUNT_OF(bodies)];
    snprintf(text, sizeof text, "HTTP/1.1 %s\r\nConnection: close\r\n",
             statuses[how % COUNT_OF(statuses)]);
    send_text(fd, text);
    for (unsigned i = how >> 6; i > 0; i--)
        send_text(fd, fields[next_answer() % COUNT_OF(fields)]);
    unsigned framing = next_answer();
    if (framing % 4 == 0)
        snprintf(text, sizeof text, "Transfer-Encoding: chunked\r\n\r\n%x\r\n", length);
    else if (framing % 4 == 1)
        snprintf(text, sizeof text, "Content-Length: %u\r\n\r\n", length);
    else if (framing % 4 == 2)
        snprintf(text, sizeof text, "Content-Length: %llu\r\n\r\n",
                 (unsigned long long)sizes[framing / 4 % COUNT_OF(sizes)]);
    else
        snprintf(text, sizeof text, "\r\n");
    send_text(fd, text);
    (void)!send(fd, zeros, length, MSG_NOSIGNAL);
    if (framing % 4 == 0)
        send_text(fd, length > 0 ? "\r\n0\r\n\r\n" : "\r\n");
}

static void *serve(void *unused)
{
    (void)unused;
    for (;;) {
        int fd = accept(server.listener, NULL, NULL);
        if (fd < 0)
            continue;
        answer(fd);
        close(fd);
    }
    return NULL;
}

static void start_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    pthread_t thread;
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(bind(server.listener, (struct sockaddr *)&address, sizeof address) == 0 &&
         listen(server.listener, 64) == 0 &&
         getsockname(server.listener, (struct sockaddr *)&address, &length) == 0 &&
         pthread_create(&thread, NULL, serve, NULL) == 0);
    server.port = ntohs(address.sin_port);
}

/* --- the engine ------------------------------------------------------------------------------- */

static struct oq_engine *engine;
static char folder[300];
static const struct oq_caller user = {.sid = "S-1-5-21-1000"};

static enum oq_status acquire(void *ctx, const char *sid, const struct oq_rights *rights,
                              uint64_t logon_id, struct oq_identity **out, struct oq_error *err)
{
    (void)rights;
    (void)logon_id;
    (void)ctx;
    (void)sid;
    (void)err;
    *out = NULL;
    return OQ_OK;
}

static struct oq_identity *identity_ref(void *ctx, struct oq_identity *identity)
{
    (void)ctx;
    return identity;
}

static void identity_unref(void *ctx, struct oq_identity *identity)
{
    (void)ctx;
    (void)identity;
}

static const struct oq_identity_port identities = {
    .acquire = acquire, .ref = identity_ref, .unref = identity_unref};

static void be_quiet(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

static const char *path(const char *name)
{
    static char buffer[400];
    snprintf(buffer, sizeof buffer, "%s/%s", folder, name);
    return buffer;
}

static void start_engine(void)
{
    struct oq_error err;
    struct oq_engine_options options = {.clock = oq_clock_system(),
                                        .files = posix_files(),
                                        .identity = &identities,
                                        .hash = openssl_hashes(),
                                        .database_path = path("queue.db"),
                                        .user_agent = "fuzz",
                                        .allow_posix_paths = true};
    oq_config_init(&options.config);
    options.config.retry_first_ms = options.config.retry_longest_ms = 5;
    options.config.retry_after_limit_ms = 5;
    options.config.checkpoint_ms = 5;
    options.config.idle_throttle = 0;
    oq_error_init(&err);
    MUST(oq_engine_new(&options, &engine, &err) == OQ_OK);
    MUST(!oq_engine_get_repair(engine)); /* what was accepted can be loaded */
}

static void stop_engine(void)
{
    MUST(oq_engine_stop(engine, 20000) == OQ_OK);
    oq_engine_free(engine);
    engine = NULL;
}

static void clean_up(void)
{
    char command[400];
    if (engine)
        stop_engine();
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    (void)!system(command);
}

static void set_up(void)
{
    const char *tmp = getenv("OQ_TEST_TMP");
    oq_log_set_sink(be_quiet, NULL);
    snprintf(folder, sizeof folder, "%s/fuzz-sources-XXXXXX", tmp ? tmp : "/tmp");
    MUST(mkdtemp(folder));
    start_server();
    start_engine();
    atexit(clean_up);
}

/* --- the calls -------------------------------------------------------------------------------- */

struct input {
    const uint8_t *at, *end;
};

static unsigned take(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static uint64_t take_size(struct input *in)
{
    return sizes[take(in) % COUNT_OF(sizes)];
}

static const char *take_url(struct input *in)
{
    static char url[100];
    unsigned byte = take(in);
    if (byte == 255)
        return "ftp://127.0.0.1/x";
    snprintf(url, sizeof url, "http://127.0.0.1:%u/%u", server.port, byte % 40);
    return url;
}

static enum oq_status add_file(int64_t group, struct input *in, unsigned count,
                               struct oq_error *err)
{
    char name[400];
    struct oq_file_spec spec = {.remote = take_url(in), .local = name};
    snprintf(name, sizeof name, "%s/out-%u", folder, count);
    return oq_engine_add_files(engine, &user, group, &spec, 1, err);
}

static enum oq_status set_hash(int64_t group, uint32_t index, struct input *in,
                               struct oq_error *err)
{
    static const uint8_t zeros[OQ_SHA256_BYTES];
    const uint8_t *sha256 = take(in) % 2 ? zeros : NULL;
    return oq_engine_set_hash(engine, &user, group, index, sha256, take_size(in), err);
}

static enum oq_status set_pieces(int64_t group, uint32_t index, struct input *in,
                                 struct oq_error *err)
{
    static uint8_t zeros[256 * OQ_HASH_MAX];
    struct oq_pieces pieces = {.kind = (enum oq_hash_kind)(take(in) % 5),
                               .piece_bytes = take_size(in),
                               .count = take(in),
                               .hashes = zeros};
    return oq_engine_set_pieces(engine, &user, group, index, &pieces, err);
}

static void look(int64_t group, uint32_t index)
{
    struct oq_group_view view;
    struct oq_file_view file;
    struct oq_pieces pieces = {.kind = OQ_HASH_NONE};
    struct oq_source_view source = {.url = NULL};
    struct oq_error err;
    oq_error_init(&err);
    MUST(oq_engine_view_group(engine, &user, group, &view, &err) == OQ_OK);
    if (oq_engine_view_file(engine, &user, group, index, &file, &err) != OQ_OK)
        return;
    struct oq_checks_view checks = file.checks;
    oq_file_view_release(&file);
    MUST(oq_engine_view_pieces(engine, &user, group, index, &pieces, &err) == OQ_OK);
    MUST(pieces.count == checks.piece_count && pieces.piece_bytes == checks.piece_bytes);
    MUST(!oq_pieces_check(&pieces, checks.size_bytes));
    MUST(oq_engine_view_source(engine, &user, group, index, 0, &source, &err) == OQ_OK);
    oq_free(pieces.hashes);
    oq_free(source.url);
}

static void wait_until_settled(int64_t group)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    struct oq_group_view view;
    for (int i = 0; i < SETTLED_MS; i++) {
        MUST(oq_engine_view_group(engine, &user, group, &view, NULL) == OQ_OK);
        if (view.state != OQ_GROUP_ACTIVE && view.state != OQ_GROUP_COMMITTING)
            return;
        nanosleep(&pause, NULL);
    }
}

static enum oq_status call(int64_t *group, const struct oq_guid *guid, struct input *in,
                           unsigned *files, struct oq_error *err)
{
    uint32_t index = take(in) % FILES_MAX;
    switch (take(in) % 10) {
    case 0:
        if (*files == FILES_MAX)
            return OQ_OK;
        return add_file(*group, in, (*files)++, err);
    case 1:
        return set_hash(*group, index, in, err);
    case 2:
    case 3:
        return set_pieces(*group, index, in, err);
    case 4:
        return oq_engine_add_source(engine, &user, *group, index, take_url(in), err);
    case 5:
        return oq_engine_set_url(engine, &user, *group, index, take(in) % 40, take_url(in), err);
    case 6:
        return oq_engine_suspend(engine, &user, *group, err);
    case 7:
        wait_until_settled(*group);
        return OQ_OK;
    case 8:
        stop_engine();
        start_engine();
        return oq_engine_get_group(engine, &user, guid, group, err);
    default:
        return oq_engine_resume(engine, &user, *group, err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned number;
    struct input in = {data, data + size / 2};
    struct oq_error err;
    unsigned files = 0;
    int64_t group = 0;
    if (!engine)
        set_up();
    set_script(data + size / 2, size - size / 2);
    number++;
    const struct oq_guid guid = {.data1 = number}, job = {.data1 = number, .data2 = 1};
    oq_error_init(&err);
    MUST(oq_engine_create_group(engine, &user, &guid, &group, &err) == OQ_OK);
    MUST(oq_engine_create_job(engine, &user, group, &job, &err) == OQ_OK);
    (void)!add_file(group, &in, files++, &err);
    for (unsigned i = 0; i < CALLS_MAX && in.at < in.end; i++) {
        oq_error_init(&err);
        enum oq_status status = call(&group, &guid, &in, &files, &err);
        MUST(status != OQ_E_BUG && status != OQ_E_DB_DAMAGED && status != OQ_E_BUSY);
        look(group, i % FILES_MAX);
    }
    (void)!oq_engine_resume(engine, &user, group, &err);
    wait_until_settled(group);
    look(group, 0);
    (void)!oq_engine_cancel(engine, &user, group, &err);
    set_script(NULL, 0);
    return 0;
}
