/* test_steps.c - the process ends at save-or-act step 1, 2, 3, ... of a whole life; then the
 * promises are looked at.
 *
 * A child lives: two groups, files, properties, downloads, suspend, resume, cancel. It writes down
 * each call that was answered OK (the ledger) before it goes on. The parent starts the engine again
 * on what is left and compares: nothing acknowledged may be missing; everything ends; files are
 * identical; nothing temporary is left. Once as a killed process (what was written stays), once as
 * a power cut (what was not flushed is gone, files and database).
 */
#include "engine_fixture.h"
#include "lossy_files.h"
#include "power_cut_vfs.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define FILES 3
static const char *const names[FILES] = {"one.bin", "two.bin", "three.bin"};

/* What the client was told, in the order of its calls. */
enum mark {
    CREATED = 1,
    HAS_JOB,
    HAS_FILES,
    HAS_NAME,
    RESUMED,
    SUSPENDED,
    RESUMED_AGAIN,
    SECOND_CREATED,
    SECOND_RESUMED,
    SECOND_CANCELLED,
    COMPLETE,
    ACKNOWLEDGED,
    CANCELLED,
};

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

static void post(void *ctx, const struct oq_event *event)
{
    (void)ctx;
    (void)event;
}
static const struct oq_event_port port = {.post = post};

/* The reports on the first group that the parent gets when it listens, in the order of the
 * calls. */
static atomic_uint told_complete;

static void count_told(void *ctx, const struct oq_event *event)
{
    (void)ctx;
    if (event->kind == OQ_EVENT_COMPLETE && event->group_guid.data1 == 1)
        atomic_fetch_add(&told_complete, 1);
}
static const struct oq_event_port counting = {.post = count_told};

static void specs_of(struct fixture *f, const char *prefix, struct oq_file_spec specs[FILES])
{
    static char locals[2 * FILES][64];
    unsigned base = prefix[0] == 'a' ? 0 : FILES;
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(locals[base + i], sizeof locals[0], "%s-%s", prefix, names[i]);
        specs[i] = (struct oq_file_spec){.remote = fixture_url(f, names[i]),
                                         .local = fixture_out(f, locals[base + i])};
    }
}

static bool wait_state(struct fixture *f, int64_t group, enum oq_group_state state)
{
    struct oq_group_view view;
    struct oq_error err;
    int64_t start_ms = 0;
    while (oq_engine_view_group(f->engine, &f->user, group, &view, &err) == OQ_OK &&
           view.state != state)
        if (!fixture_patience(&start_ms, 30))
            return false;
    return true;
}

/* The life of the child; ends the process. */
static void live(struct fixture *f, uint64_t step)
{
    struct oq_guid first = fixture_guid(1), first_job = fixture_guid(2), second = fixture_guid(3),
                   second_job = fixture_guid(4);
    struct oq_file_spec specs[FILES];
    struct oq_error err;
    int64_t group = 0, other = 0;

    oq_fault_arm(OQ_FAULT_STEP, step, false);
    MUST(fixture_try_start(f, &err));
    MUST(oq_engine_listen(f->engine, &port, &err));
    MUST(oq_engine_create_group(f->engine, &f->user, &first, &group, &err));
    note(CREATED);
    MUST(oq_engine_create_job(f->engine, &f->user, group, &first_job, &err));
    note(HAS_JOB);
    specs_of(f, "a", specs);
    MUST(oq_engine_add_files(f->engine, &f->user, group, specs, FILES, &err));
    note(HAS_FILES);
    MUST(oq_engine_set_text(f->engine, &f->user, group, OQ_TEXT_DISPLAY_NAME, "a name", &err));
    note(HAS_NAME);
    MUST(oq_engine_set_notify_flags(f->engine, &f->user, group, 4, &err));
    MUST(oq_engine_resume(f->engine, &f->user, group, &err));
    note(RESUMED);
    MUST(oq_engine_suspend(f->engine, &f->user, group, &err));
    note(SUSPENDED);
    MUST(oq_engine_create_group(f->engine, &f->user, &second, &other, &err));
    note(SECOND_CREATED);
    MUST(oq_engine_create_job(f->engine, &f->user, other, &second_job, &err));
    specs_of(f, "b", specs);
    MUST(oq_engine_add_files(f->engine, &f->user, other, specs, FILES, &err));
    MUST(oq_engine_resume(f->engine, &f->user, group, &err));
    note(RESUMED_AGAIN);
    MUST(oq_engine_resume(f->engine, &f->user, other, &err));
    note(SECOND_RESUMED);
    MUST(oq_engine_cancel(f->engine, &f->user, other, &err));
    note(SECOND_CANCELLED);
    if (!wait_state(f, group, OQ_GROUP_COMPLETE))
        _exit(5);
    note(COMPLETE);
    MUST(oq_engine_acknowledge(f->engine, group, 1, &err));
    note(ACKNOWLEDGED);
    /* A step at which the group is still there and everything was acknowledged. */
    MUST(oq_engine_set_text(f->engine, &f->user, group, OQ_TEXT_DESCRIPTION, "told", &err));
    MUST(oq_engine_cancel(f->engine, &f->user, group, &err));
    note(CANCELLED);
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

static void check_files(struct fixture *f, const char *prefix, bool must_exist, uint64_t step)
{
    for (unsigned i = 0; i < FILES; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s-%s", prefix, names[i]);
        bool is_there = fixture_out_exists(f, name);
        if (is_there ? !fixture_is_same(f, name, names[i]) : must_exist)
            fail_msg("step %llu: %s is %s", (unsigned long long)step, name,
                     is_there ? "wrong" : "missing");
    }
}

/* What the ledger says must be true of the queue as it is found. */
static void check_promises(struct fixture *f, enum mark told, uint64_t step)
{
    struct oq_guid first = fixture_guid(1), second = fixture_guid(3);
    struct oq_group_view view;
    struct oq_error err;
    int64_t group = 0, other = 0;
    char *text = NULL;
    oq_error_init(&err);
    enum oq_status found = oq_engine_get_group(f->engine, &f->user, &first, &group, &err);
    enum oq_status found_other = oq_engine_get_group(f->engine, &f->user, &second, &other, &err);
    if (told >= CREATED && told < ACKNOWLEDGED && found != OQ_OK)
        fail_msg("step %llu: the first group is missing (%d)", (unsigned long long)step, told);
    if (told >= SECOND_CREATED && told < SECOND_RESUMED && found_other != OQ_OK)
        fail_msg("step %llu: the second group is missing", (unsigned long long)step);
    if (told >= SECOND_CANCELLED && found_other != OQ_E_NOT_FOUND)
        fail_msg("step %llu: the cancelled group came back", (unsigned long long)step);
    if (told >= CANCELLED && found != OQ_E_NOT_FOUND)
        fail_msg("step %llu: the first group came back after its end", (unsigned long long)step);
    if (found != OQ_OK)
        return;
    view = fixture_view(f, group);
    if (told >= HAS_JOB)
        assert_true(view.has_job);
    if (told >= HAS_FILES)
        assert_int_equal(view.progress.files_total, FILES);
    if (told >= HAS_NAME) {
        assert_int_equal(
            oq_engine_get_text(f->engine, &f->user, group, OQ_TEXT_DISPLAY_NAME, &text, &err),
            OQ_OK);
        assert_string_equal(text, "a name");
        oq_free(text);
    }
    if (told == RESUMED_AGAIN)
        assert_int_not_equal(view.state, OQ_GROUP_SUSPENDED);
    if (told >= COMPLETE)
        assert_int_equal(view.state, OQ_GROUP_COMPLETE);
    /* The end is reported until it was acknowledged, and not again. */
    atomic_store(&told_complete, 0);
    assert_int_equal(oq_engine_listen(f->engine, &counting, &err), OQ_OK);
    bool is_told = atomic_load(&told_complete) > 0;
    if (told >= ACKNOWLEDGED && is_told)
        fail_msg("step %llu: told again after it was acknowledged", (unsigned long long)step);
    if (told < COMPLETE && view.state == OQ_GROUP_COMPLETE && !is_told)
        fail_msg("step %llu: the end is not told", (unsigned long long)step);
}

/* Brings everything to its end and checks the files. */
static void check_end(struct fixture *f, uint64_t step)
{
    struct oq_guid *guids = NULL;
    struct oq_error err;
    size_t count = 0;
    assert_int_equal(oq_engine_list_groups(f->engine, &f->user, &guids, &count, &err), OQ_OK);
    if (count > 2)
        fail_msg("step %llu: %zu groups", (unsigned long long)step, count);
    for (size_t i = 0; i < count; i++) {
        int64_t group = 0;
        assert_int_equal(oq_engine_get_group(f->engine, &f->user, &guids[i], &group, &err), OQ_OK);
        if (fixture_view(f, group).progress.files_total == FILES) {
            assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
            fixture_wait(f, group, OQ_GROUP_COMPLETE);
            check_files(f, guids[i].data1 == 1 ? "a" : "b", true, step);
        }
        assert_int_equal(oq_engine_cancel(f->engine, &f->user, group, &err), OQ_OK);
    }
    oq_free(guids);
    check_files(f, "a", false, step);
    check_files(f, "b", false, step);
    /* Cancelled groups of before the crash may still be at their removal. */
    int64_t start_ms = 0;
    while (fixture_temp_count(f) > 0 || oq_engine_has_work(f->engine))
        if (!fixture_patience(&start_ms, 20))
            fail_msg("step %llu: %u temporary files are left", (unsigned long long)step,
                     fixture_temp_count(f));
}

static void clear(struct fixture *f)
{
    char command[1000];
    snprintf(command, sizeof command, "rm -rf '%s'/queue.db* '%s'/out/* '%s'/ledger", f->folder,
             f->folder, f->folder);
    assert_int_equal(system(command), 0);
}

static void every_step(struct fixture *f, bool is_power_cut)
{
    char path[400];
    uint64_t step = 1;
    snprintf(path, sizeof path, "%s/ledger", f->folder);
    for (;; step++) {
        int status = 0;
        clear(f);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            ledger = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
            if (is_power_cut) {
                f->files = lossy_files();
                lossy_files_tear(step % 2 ? step : 0); /* lost, or torn */
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
        check_promises(f, read_ledger(path), step);
        check_end(f, step);
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
    fixture_serve(&f, names[0], 0, 1);
    fixture_serve(&f, names[1], 200000, 2);
    fixture_serve(&f, names[2], 1500000, 3);
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

static void life__killed_at_every_step__nothing_acknowledged_is_lost(void **state)
{
    every_step(*state, false);
}

static void life__power_cut_at_every_step__nothing_acknowledged_is_lost(void **state)
{
    every_step(*state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(life__killed_at_every_step__nothing_acknowledged_is_lost,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(life__power_cut_at_every_step__nothing_acknowledged_is_lost,
                                        setup, teardown),
    };
    return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
