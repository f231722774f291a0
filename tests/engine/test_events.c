/* test_events.c - which events are posted when, and when they are forgotten (contract section 8,
 * D24, D28). */
#include "engine_fixture.h"

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct box {
    pthread_mutex_t lock;
    struct oq_event last;
    unsigned count;
};

static struct box box = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void post(void *ctx, const struct oq_event *event)
{
    struct box *to = ctx;
    pthread_mutex_lock(&to->lock);
    to->last = *event;
    to->count++;
    pthread_mutex_unlock(&to->lock);
}

static struct oq_event last(unsigned *count)
{
    pthread_mutex_lock(&box.lock);
    struct oq_event event = box.last;
    *count = box.count;
    pthread_mutex_unlock(&box.lock);
    return event;
}

static const struct oq_event_port port = {.ctx = &box, .post = post};

static void start_listening(struct fixture *f)
{
    struct oq_error err;
    assert_int_equal(oq_engine_listen(f->engine, &port, &err), OQ_OK);
}

static int setup(void **state)
{
    static struct fixture f;
    fixture_open(&f);
    fixture_start(&f);
    box.count = 0;
    memset(&box.last, 0, sizeof box.last);
    start_listening(&f);
    fixture_serve(&f, "a.bin", 1000, 1);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

static int64_t run(struct fixture *f, const char *rest, uint32_t flags)
{
    struct oq_error err;
    int64_t group = fixture_group(f, 1, 1, (const char *const[][2]){{rest, "a.bin"}});
    assert_int_equal(oq_engine_set_notify_flags(f->engine, &f->user, group, flags, &err), OQ_OK);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    return group;
}

static void wait_for_end(struct fixture *f, int64_t group)
{
    int64_t start_ms = 0;
    enum oq_group_state state;
    do {
        state = fixture_view(f, group).state;
        assert_true(fixture_patience(&start_ms, 30));
    } while (state != OQ_GROUP_ERROR && state != OQ_GROUP_COMPLETE);
}

static void complete__asked_for__posted_once(void **state)
{
    struct fixture *f = *state;
    unsigned count = 0;
    int64_t group = run(f, "a.bin", 4);
    wait_for_end(f, group);
    struct oq_event event = last(&count);
    assert_int_equal(count, 1);
    assert_int_equal(event.kind, OQ_EVENT_COMPLETE);
    assert_int_equal(event.group, group);
    assert_true(event.has_job);
    assert_int_equal(event.file_index, OQ_NO_FILE);
}

/* Shows QM_NOTIFY_FILE_DONE QM_NOTIFY_DISABLE_NOTIFY */
static void complete__not_asked_for__not_posted_until_it_is(void **state)
{
    struct fixture *f = *state;
    unsigned count = 0;
    struct oq_error err;
    int64_t group = run(f, "a.bin", 0);
    wait_for_end(f, group);
    last(&count);
    assert_int_equal(count, 0);
    assert_int_equal(oq_engine_set_notify_flags(f->engine, &f->user, group, 4, &err), OQ_OK);
    assert_int_equal(last(&count).kind, OQ_EVENT_COMPLETE);
    assert_int_equal(oq_engine_set_notify_flags(f->engine, &f->user, group, 0x44, &err), OQ_OK);
    assert_int_equal(last(&count).kind, OQ_EVENT_NONE);
}

/* Shows GROUPPROP_NOTIFYFLAGS IBackgroundCopyCallback1::OnStatus.dwNumOfRetries .dwWin32Result */
static void error__no_flags__posted_with_its_codes(void **state)
{
    struct fixture *f = *state;
    unsigned count = 0;
    int64_t group = run(f, "a.bin?status=404", 0);
    wait_for_end(f, group);
    struct oq_event event = last(&count);
    assert_int_equal(count, 1);
    assert_int_equal(event.kind, OQ_EVENT_ERROR);
    assert_int_equal(event.file_index, 0);
    assert_int_equal(event.http, 404);
    assert_int_equal(event.win32, 2);
}

static void error__disabled__not_posted(void **state)
{
    struct fixture *f = *state;
    unsigned count = 0;
    int64_t group = run(f, "a.bin?status=404", 0x40);
    wait_for_end(f, group);
    last(&count);
    assert_int_equal(count, 0);
}

/* Shows IBackgroundCopyCallback1::OnStatus.group-most-one */
static void error__resumed_or_cancelled__withdrawn(void **state)
{
    struct fixture *f = *state;
    unsigned count = 0;
    struct oq_error err;
    int64_t group = run(f, "a.bin?status=410&on=1", 0);
    wait_for_end(f, group);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    assert_int_equal(last(&count).kind, OQ_EVENT_NONE);
    assert_int_equal(count, 2);
}

/* A late acknowledgement of the first error must not swallow the second one. */
static void error__a_second_one__is_another_event(void **state)
{
    struct fixture *f = *state;
    unsigned count = 0;
    struct oq_error err;
    int64_t start_ms = 0;
    int64_t group = run(f, "a.bin?status=404", 0);
    wait_for_end(f, group);
    struct oq_event first = last(&count);
    assert_int_equal(oq_engine_resume(f->engine, &f->user, group, &err), OQ_OK);
    struct oq_event second;
    do {
        second = last(&count);
        assert_true(fixture_patience(&start_ms, 30));
    } while (count < 3); /* the error, its withdrawal, the second one */
    assert_int_equal(second.kind, OQ_EVENT_ERROR);
    assert_int_not_equal(second.serial, first.serial);
    assert_int_equal(oq_engine_acknowledge(f->engine, group, first.serial, &err), OQ_OK);
    assert_int_equal(oq_engine_repeat_event(f->engine, group, &err), OQ_OK);
    assert_int_equal(last(&count).kind, OQ_EVENT_ERROR);
    assert_int_equal(count, 4);
}

/* Shows IBackgroundCopyCallback1.object-created-client IBackgroundCopyCallback1::OnStatus.S_OK */
static void event__restart__posted_again_until_acknowledged(void **state)
{
    struct fixture *f = *state;
    unsigned count = 0;
    struct oq_error err;
    int64_t group = run(f, "a.bin", 4);
    wait_for_end(f, group);
    fixture_stop(f);
    fixture_start(f);
    start_listening(f);
    struct oq_event event = last(&count);
    assert_int_equal(count, 2);
    assert_int_equal(event.kind, OQ_EVENT_COMPLETE);
    assert_int_equal(oq_engine_repeat_event(f->engine, group, &err), OQ_OK);
    last(&count);
    assert_int_equal(count, 3);
    assert_int_equal(oq_engine_acknowledge(f->engine, group, event.serial + 1, &err),
                     OQ_OK); /* not this one */
    assert_int_equal(oq_engine_repeat_event(f->engine, group, &err), OQ_OK);
    last(&count);
    assert_int_equal(count, 4);
    assert_int_equal(oq_engine_acknowledge(f->engine, group, event.serial, &err), OQ_OK);
    assert_int_equal(oq_engine_repeat_event(f->engine, group, &err), OQ_OK);
    fixture_stop(f);
    fixture_start(f);
    start_listening(f);
    last(&count);
    assert_int_equal(count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(complete__asked_for__posted_once, setup, teardown),
        cmocka_unit_test_setup_teardown(complete__not_asked_for__not_posted_until_it_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(error__no_flags__posted_with_its_codes, setup, teardown),
        cmocka_unit_test_setup_teardown(error__disabled__not_posted, setup, teardown),
        cmocka_unit_test_setup_teardown(error__resumed_or_cancelled__withdrawn, setup, teardown),
        cmocka_unit_test_setup_teardown(error__a_second_one__is_another_event, setup, teardown),
        cmocka_unit_test_setup_teardown(event__restart__posted_again_until_acknowledged, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
