/* test_source_steps.c - the process ends at save-or-act step 1, 2, 3, ... of a life with hashes,
 * pieces and mirrors; then the promises are looked at.
 *
 * As test_steps.c: a child lives and writes down each call that was answered OK; the parent starts
 * the engine again on what is left. The first source always damages one piece, so that the life has
 * a check, a repair and a second check in it. Once as a killed process, once as a power cut.
 */
#include "engine_fixture.h"
#include "lossy_files.h"
#include "openssl_hash.h"
#include "oq_engine_sources.h"
#include "power_cut_vfs.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SIZE 700000u
#define PIECE 262144u
#define PIECES 3
#define DAMAGED "p.bin?corrupt=300000"
#define MIRROR "p.bin?xmirror"

static uint8_t whole_hash[OQ_HASH_MAX], piece_hashes[PIECES * OQ_SHA256_BYTES];

/* What the client was told, in the order of its calls. */
enum mark { NOTHING, HAS_FILE, HAS_HASH, HAS_PIECES, HAS_SOURCE, HAS_URL, RESUMED, COMPLETE, GONE };

static int ledger;

static void note(enum mark mark)
{
    char byte = (char)mark;
    if (write(ledger, &byte, 1) != 1)
        _exit(3);
}

#define MUST(call)                                                                                 \
    do {                                                                                           \
        if ((call) != OQ_OK)                                                                       \
            _exit(4);                                                                              \
    } while (0)

static void hash_served(struct fixture *f)
{
    static uint8_t data[SIZE];
    const struct oq_hash_port *port = openssl_hashes();
    struct oq_hash *hash = NULL;
    uint8_t value[OQ_HASH_MAX];
    char path[400];
    snprintf(path, sizeof path, "%s/www/p.bin", f->folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(data, 1, SIZE, file), SIZE);
    fclose(file);
    assert_int_equal(port->begin(NULL, OQ_HASH_SHA256, &hash), OQ_OK);
    assert_int_equal(port->update(NULL, hash, data, SIZE), OQ_OK);
    assert_int_equal(port->finish(NULL, hash, whole_hash), OQ_OK);
    for (size_t i = 0; i < PIECES; i++) {
        size_t at = i * PIECE, length = SIZE - at < PIECE ? SIZE - at : PIECE;
        assert_int_equal(port->update(NULL, hash, data + at, length), OQ_OK);
        assert_int_equal(port->finish(NULL, hash, value), OQ_OK);
        memcpy(piece_hashes + i * OQ_SHA256_BYTES, value, OQ_SHA256_BYTES);
    }
    port->free(NULL, hash);
}

static const struct oq_pieces pieces = {
    .kind = OQ_HASH_SHA256, .piece_bytes = PIECE, .count = PIECES, .hashes = piece_hashes};

static bool wait_complete(struct fixture *f, int64_t group)
{
    struct oq_group_view view;
    struct oq_error err;
    int64_t start_ms = 0;
    while (oq_engine_view_group(f->engine, &f->user, group, &view, &err) == OQ_OK &&
           view.state != OQ_GROUP_COMPLETE)
        if (view.state == OQ_GROUP_ERROR || !fixture_patience(&start_ms, 60))
            return false;
    return true;
}

/* The life of the child; ends the process. */
static void live(struct fixture *f, uint64_t step)
{
    struct oq_guid guid = fixture_guid(1), job = fixture_guid(2);
    struct oq_file_spec spec = {.remote = fixture_url(f, DAMAGED),
                                .local = fixture_out(f, "p.bin")};
    struct oq_error err;
    int64_t group = 0;

    oq_fault_arm(OQ_FAULT_STEP, step, false);
    MUST(fixture_try_start(f, &err));
    MUST(oq_engine_create_group(f->engine, &f->user, &guid, &group, &err));
    MUST(oq_engine_create_job(f->engine, &f->user, group, &job, &err));
    MUST(oq_engine_add_files(f->engine, &f->user, group, &spec, 1, &err));
    note(HAS_FILE);
    MUST(oq_engine_set_hash(f->engine, &f->user, group, 0, whole_hash, SIZE, &err));
    note(HAS_HASH);
    MUST(oq_engine_set_pieces(f->engine, &f->user, group, 0, &pieces, &err));
    note(HAS_PIECES);
    MUST(oq_engine_add_source(f->engine, &f->user, group, 0, fixture_url(f, "old"), &err));
    note(HAS_SOURCE);
    MUST(oq_engine_set_url(f->engine, &f->user, group, 0, 1, fixture_url(f, MIRROR), &err));
    note(HAS_URL);
    MUST(oq_engine_resume(f->engine, &f->user, group, &err));
    note(RESUMED);
    if (!wait_complete(f, group))
        _exit(5);
    note(COMPLETE);
    MUST(oq_engine_cancel(f->engine, &f->user, group, &err));
    note(GONE);
    MUST(oq_engine_stop(f->engine, 20000));
    _exit(0);
}

static enum mark read_ledger(const char *path)
{
    char byte = 0, last = 0;
    FILE *file = fopen(path, "rb");
    while (file && fread(&byte, 1, 1, file) == 1)
        last = byte;
    if (file)
        fclose(file);
    return (enum mark)last;
}

static void check_source(struct fixture *f, int64_t group, const char *rest, uint64_t step)
{
    struct oq_source_view view;
    struct oq_error err;
    if (oq_engine_view_source(f->engine, &f->user, group, 0, 1, &view, &err) != OQ_OK)
        fail_msg("step %llu: the mirror is missing", (unsigned long long)step);
    if (rest)
        assert_string_equal(view.url, fixture_url(f, rest));
    oq_free(view.url);
}

/* What the ledger says must be true of the queue as it is found; then it is brought to its end. */
static void check(struct fixture *f, enum mark told, uint64_t step)
{
    struct oq_guid guid = fixture_guid(1);
    struct oq_file_view file;
    struct oq_error err;
    int64_t group = 0, start_ms = 0;
    oq_error_init(&err);
    enum oq_status found = oq_engine_get_group(f->engine, &f->user, &guid, &group, &err);
    if (told >= HAS_FILE && told < COMPLETE && found != OQ_OK)
        fail_msg("step %llu: the group is missing", (unsigned long long)step);
    if (told >= COMPLETE && !fixture_is_same(f, "p.bin", "p.bin"))
        fail_msg("step %llu: the file is missing or wrong", (unsigned long long)step);
    if (found == OQ_OK && fixture_view(f, group).progress.files_total == 1) {
        assert_int_equal(oq_engine_view_file(f->engine, &f->user, group, 0, &file, &err), OQ_OK);
        struct oq_checks_view checks = file.checks;
        oq_file_view_release(&file);
        if (told >= HAS_HASH)
            assert_true(checks.has_sha256 && checks.size_bytes == SIZE);
        if (told >= HAS_PIECES)
            assert_int_equal(checks.piece_count, PIECES);
        if (told >= HAS_SOURCE)
            check_source(f, group, told >= HAS_URL ? MIRROR : NULL, step);
        if (fixture_view(f, group).state == OQ_GROUP_SUSPENDED) {
            /* The client goes on where it was. */
            assert_int_equal(
                oq_engine_set_hash(f->engine, &f->user, group, 0, whole_hash, SIZE, &err), OQ_OK);
            assert_int_equal(oq_engine_set_pieces(f->engine, &f->user, group, 0, &pieces, &err),
                             OQ_OK);
            assert_int_equal(
                oq_engine_add_source(f->engine, &f->user, group, 0, fixture_url(f, MIRROR), &err),
                OQ_OK);
        }
        assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
        if (!wait_complete(f, group))
            fail_msg("step %llu: %s", (unsigned long long)step, fixture_view(f, group).error_text);
        assert_true(fixture_is_same(f, "p.bin", "p.bin"));
    }
    if (found == OQ_OK)
        assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, &err), OQ_OK);
    while (fixture_temp_count(f) > 0 || oq_engine_has_work(f->engine))
        if (!fixture_patience(&start_ms, 20))
            fail_msg("step %llu: temporary files are left", (unsigned long long)step);
}

static void every_step(struct fixture *f, bool is_power_cut)
{
    char ledger_path[400], command[1000];
    uint64_t step = 1;
    snprintf(ledger_path, sizeof ledger_path, "%s/ledger", f->folder);
    snprintf(command, sizeof command, "rm -rf '%s'/queue* '%s'/out/* '%s'/ledger", f->folder,
             f->folder, f->folder);
    for (;; step++) {
        int status = 0;
        assert_int_equal(system(command), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            ledger = open(ledger_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
            if (is_power_cut) {
                f->files = lossy_files();
                f->vfs = power_cut_register() ? POWER_CUT_VFS_NAME : "none";
            }
            live(f, step);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 86)
            fail_msg("step %llu: the child ended with %d", (unsigned long long)step,
                     WEXITSTATUS(status));
        fixture_start(f);
        check(f, read_ledger(ledger_path), step);
        fixture_stop(f);
        if (WEXITSTATUS(status) == 0)
            break;
    }
    print_message("ended at each of %llu steps\n", (unsigned long long)(step - 1));
    assert_true(step > 20);
}

static void quiet(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

static int setup(void **state)
{
    static struct fixture f;
    fixture_open(&f);
    fixture_serve(&f, "p.bin", SIZE, 5);
    hash_served(&f);
    oq_log_set_sink(quiet, NULL);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    oq_log_set_sink(NULL, NULL);
    return 0;
}

static void checked_life__killed_at_every_step__nothing_is_lost_or_believed(void **state)
{
    every_step(*state, false);
}

static void checked_life__power_cut_at_every_step__nothing_is_lost_or_believed(void **state)
{
    every_step(*state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            checked_life__killed_at_every_step__nothing_is_lost_or_believed, setup, teardown),
        cmocka_unit_test_setup_teardown(
            checked_life__power_cut_at_every_step__nothing_is_lost_or_believed, setup, teardown),
    };
    return cmocka_run_group_tests_name("source steps", tests, NULL, NULL);
}
