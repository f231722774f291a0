/* engine_fixture.c - see engine_fixture.h. */
#include "engine_fixture.h"
#include "openssl_hash.h"
#include "posix_files.h"

#include "oq_alloc.h"

#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* --- a port of identities without rights ------------------------------------------------------ */

static enum oq_status acquire(void *ctx, const char *sid, const struct oq_rights *rights,
                              uint64_t logon_id, struct oq_identity **out, struct oq_error *err)
{
    (void)ctx;
    (void)rights;
    (void)logon_id;
    if (strcmp(sid, "S-1-5-21-404") == 0)
        return oq_error_set(err, OQ_E_OWNER_ABSENT, "not logged on");
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

/* --- waiting ---------------------------------------------------------------------------------- */

bool fixture_patience(int64_t *start_ms, int seconds)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t now_ms = oq_clock_mono_ms(oq_clock_system());
    if (*start_ms == 0)
        *start_ms = now_ms;
    nanosleep(&pause, NULL);
    return now_ms - *start_ms < seconds * 1000;
}

/* --- folder and server ------------------------------------------------------------------------ */

static const char *path_of(struct fixture *f, const char *rest)
{
    static char buffers[8][512];
    static unsigned next;
    char *buffer = buffers[next++ % 8];
    snprintf(buffer, sizeof buffers[0], "%s/%s", f->folder, rest);
    return buffer;
}

static void start_server(struct fixture *f)
{
    char script[512];
    int64_t start_ms = 0;
    FILE *file = NULL;
    const char *source = getenv("OQ_SOURCE_DIR"), *address = getenv("OQ_TEST_SERVE");
    snprintf(script, sizeof script, "%s/tests/support/httpd.py", source ? source : ".");
    const char *www = path_of(f, "www"), *port = path_of(f, "port"), *log = path_of(f, "log");
    f->server = fork();
    assert_true(f->server >= 0);
    if (f->server == 0) {
        freopen("/dev/null", "w", stdout);
        execlp("python3", "python3", script, "--dir", www, "--port-file", port, "--log", log,
               "--address", address ? address : "127.0.0.1", (char *)NULL);
        _exit(127);
    }
    while (!(file = fopen(port, "r")) || fscanf(file, "%d", &f->port) != 1) {
        if (file)
            fclose(file);
        assert_true(fixture_patience(&start_ms, 20));
    }
    fclose(file);
}

void fixture_open(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    const char *tmp = getenv("OQ_TEST_TMP");
    snprintf(f->folder, sizeof f->folder, "%s/engine-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(mkdir(path_of(f, "www"), 0755), 0);
    assert_int_equal(mkdir(path_of(f, "out"), 0755), 0);
    start_server(f);
    oq_config_init(&f->config);
    f->config.retry_first_ms = 100;
    f->config.retry_longest_ms = 400;
    f->config.checkpoint_ms = 100;
    f->files = posix_files();
    f->clock = oq_clock_system();
    f->user = (struct oq_caller){.sid = "S-1-5-21-1000", .rights = {.integrity = 0x2000}};
    f->other = (struct oq_caller){.sid = "S-1-5-21-2000", .rights = {.integrity = 0x2000}};
    f->admin = (struct oq_caller){.sid = "S-1-5-21-500",
                                  .rights = {.is_admin = true, .integrity = 0x3000}};
}

enum oq_status fixture_try_start(struct fixture *f, struct oq_error *err)
{
    struct oq_engine_options options = {.config = f->config,
                                        .clock = f->clock,
                                        .files = f->files,
                                        .identity = f->identity ? f->identity : &identities,
                                        .auth_hosts = f->auth_hosts,
                                        .network = f->network,
                                        .hash = openssl_hashes(),
                                        .link = f->link,
                                        .database_path = path_of(f, "queue.db"),
                                        .database_vfs = f->vfs,
                                        .backup_interval_ms = f->backup_ms,
                                        .user_agent = "OpenQMGR-test",
                                        .allow_posix_paths = true};
    return oq_engine_new(&options, &f->engine, err);
}

void fixture_start(struct fixture *f)
{
    struct oq_error err;
    oq_error_init(&err);
    enum oq_status status = fixture_try_start(f, &err);
    if (status != OQ_OK)
        fail_msg("the engine does not start: %s %s", oq_status_name(status), err.text);
}

void fixture_stop(struct fixture *f)
{
    if (!f->engine)
        return;
    assert_int_equal(oq_engine_stop(f->engine, 20000), OQ_OK);
    oq_engine_free(f->engine);
    f->engine = NULL;
}

void fixture_close(struct fixture *f)
{
    char command[300];
    fixture_stop(f);
    kill(f->server, SIGTERM);
    waitpid(f->server, NULL, 0);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
}

void fixture_serve(struct fixture *f, const char *name, uint64_t size, unsigned seed)
{
    char rest[128];
    static uint32_t block[16384];
    uint32_t x = seed * 2654435761u + 1;
    snprintf(rest, sizeof rest, "www/%s", name);
    FILE *file = fopen(path_of(f, rest), "wb");
    assert_non_null(file);
    while (size > 0) {
        size_t piece = size < sizeof block ? (size_t)size : sizeof block;
        for (size_t i = 0; i < sizeof block / sizeof block[0]; i++) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            block[i] = x;
        }
        assert_int_equal(fwrite(block, 1, piece, file), piece);
        size -= piece;
    }
    assert_int_equal(fclose(file), 0);
}

const char *fixture_url(struct fixture *f, const char *rest)
{
    static char buffers[8][512];
    static unsigned next;
    char *buffer = buffers[next++ % 8];
    snprintf(buffer, sizeof buffers[0], "http://127.0.0.1:%d/%s", f->port, rest);
    return buffer;
}

const char *fixture_out(struct fixture *f, const char *name)
{
    char rest[160];
    snprintf(rest, sizeof rest, "out/%s", name);
    return path_of(f, rest);
}

bool fixture_out_exists(struct fixture *f, const char *name)
{
    struct stat facts;
    return lstat(fixture_out(f, name), &facts) == 0;
}

bool fixture_is_same(struct fixture *f, const char *name, const char *served)
{
    char rest[160];
    bool is_same = true;
    static char left[65536], right[65536];
    snprintf(rest, sizeof rest, "www/%s", served);
    FILE *a = fopen(fixture_out(f, name), "rb"), *b = fopen(path_of(f, rest), "rb");
    assert_non_null(b);
    if (!a) {
        fclose(b);
        return false;
    }
    for (;;) {
        size_t got = fread(left, 1, sizeof left, a), want = fread(right, 1, sizeof right, b);
        is_same = got == want && memcmp(left, right, got) == 0;
        if (!is_same || got == 0)
            break;
    }
    fclose(a);
    fclose(b);
    return is_same;
}

unsigned fixture_temp_count(struct fixture *f)
{
    unsigned count = 0;
    struct dirent *entry = NULL;
    DIR *folder = opendir(path_of(f, "out"));
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL)
        count += strncmp(entry->d_name, "BIT", 3) == 0;
    closedir(folder);
    return count;
}

unsigned fixture_requests(struct fixture *f, const char *word, const char *other)
{
    char line[4096];
    unsigned count = 0;
    FILE *file = fopen(path_of(f, "log"), "r");
    while (file && fgets(line, sizeof line, file))
        count += strstr(line, word) && strstr(line, other);
    if (file)
        fclose(file);
    return count;
}

void fixture_expect_requests(struct fixture *f, const char *word, const char *other, unsigned count)
{
    int64_t start_ms = 0;
    while (fixture_requests(f, word, other) < count)
        assert_true(fixture_patience(&start_ms, 20));
    assert_int_equal(fixture_requests(f, word, other), count);
}

/* --- groups ----------------------------------------------------------------------------------- */

struct oq_guid fixture_guid(unsigned number)
{
    return (struct oq_guid){
        .data1 = number, .data2 = 0x4444, .data3 = 0x4111, .data4 = {1, 2, 3, 4, 5, 6, 7, 8}};
}

int64_t fixture_group(struct fixture *f, unsigned number, unsigned count,
                      const char *const (*files)[2])
{
    int64_t group = 0;
    struct oq_guid guid = fixture_guid(number), job = fixture_guid(number + 1000000);
    struct oq_error err;
    oq_error_init(&err);
    if (oq_engine_create_group(f->engine, &f->user, &guid, &group, &err) != OQ_OK ||
        oq_engine_create_job(f->engine, &f->user, group, &job, &err) != OQ_OK)
        fail_msg("group %u: %s", number, err.text);
    for (unsigned i = 0; i < count; i++) {
        struct oq_file_spec spec = {.remote = fixture_url(f, files[i][0]),
                                    .local = fixture_out(f, files[i][1])};
        if (oq_engine_add_files(f->engine, &f->user, group, &spec, 1, &err) != OQ_OK)
            fail_msg("group %u file %u: %s", number, i, err.text);
    }
    return group;
}

struct oq_group_view fixture_view(struct fixture *f, int64_t group)
{
    struct oq_group_view view;
    struct oq_error err;
    oq_error_init(&err);
    if (oq_engine_view_group(f->engine, &f->admin, group, &view, &err) != OQ_OK)
        fail_msg("view: %s", err.text);
    return view;
}

struct oq_group_view fixture_wait(struct fixture *f, int64_t group, enum oq_group_state state)
{
    int64_t start_ms = 0;
    for (;;) {
        struct oq_group_view view = fixture_view(f, group);
        if (view.state == state)
            return view;
        if (view.state == OQ_GROUP_ERROR || !fixture_patience(&start_ms, 30))
            fail_msg("waiting for %s, but the group is %s: %s", oq_group_state_text(state),
                     oq_group_state_text(view.state), view.error_text);
    }
}

struct oq_group_view fixture_wait_bytes(struct fixture *f, int64_t group, uint64_t bytes)
{
    int64_t start_ms = 0;
    for (;;) {
        struct oq_group_view view = fixture_view(f, group);
        if (view.progress.done_bytes >= bytes)
            return view;
        if (view.state == OQ_GROUP_ERROR || !fixture_patience(&start_ms, 30))
            fail_msg("%llu bytes have arrived, the group is %s: %s",
                     (unsigned long long)view.progress.done_bytes, oq_group_state_text(view.state),
                     view.error_text);
    }
}
