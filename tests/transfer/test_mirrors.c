/* test_mirrors.c - several sources for one file, and another URL for one of them: which is used,
 * and which bytes stay. */
#include "source_fixture.h"

#include "oq_alloc.h"
#include "oq_transfer.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SIZE 6000000u
#define PIECE 262144u

static int setup(void **state)
{
    static struct fixture f;
    fixture_open(&f);
    f.config.slow_source_ms = 1000;
    fixture_start(&f);
    fixture_serve(&f, "a.bin", SIZE, 1);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

static int64_t group_of(struct fixture *f, const char *rest)
{
    return fixture_group(f, 1, 1, (const char *const[][2]){{rest, "a.bin"}});
}

static void assert_arrived(struct fixture *f, int64_t group)
{
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "a.bin", "a.bin"));
    assert_int_equal(fixture_temp_count(f), 0);
}

/* Bytes that came more than once: what the server sent beyond the size. */
static uint64_t twice(struct fixture *f, unsigned requests)
{
    return source_sent(f, ".bin", requests) - SIZE;
}

/* Shows IOpenQmgrGroup.next-source IOpenQmgrGroup::AddSource.S_OK */
static void mirror__first_is_dead__second_is_used_at_once(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?hang-up");
    source_add(f, group, "a.bin?x=mirror");
    source_resume(f, group);
    assert_arrived(f, group);
    assert_int_equal(fixture_view(f, group).retries, 0);
}

static void mirror__first_has_no_such_file__second_is_used(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "missing.bin");
    source_add(f, group, "a.bin?status=403");
    source_add(f, group, "a.bin?x=mirror");
    source_resume(f, group);
    assert_arrived(f, group);
    assert_int_equal(fixture_view(f, group).retries, 0);
}

/* Shows IOpenQmgrGroup.next-source */
static void mirror__all_fail_fatally__group_fails_with_the_last_status(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "missing.bin");
    source_add(f, group, "a.bin?status=403");
    source_resume(f, group);
    assert_int_equal(source_wait_error(f, group).error_http, 403);
}

/* Shows IOpenQmgrGroup.next-source */
static void mirror__one_fails_transiently__the_round_is_retried(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?status=503&on=1");
    source_add(f, group, "missing.bin");
    source_resume(f, group);
    assert_arrived(f, group);
    assert_int_equal(fixture_view(f, group).retries, 1);
}

/* Shows IOpenQmgrGroup.versions */
static void mirror__first_cut_halfway_hash_given__no_byte_is_fetched_twice(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?cut=4000000");
    source_add(f, group, "a.bin?x=mirror&etag=quite-another&last-modified=none");
    source_expect(f, group, 0, "a.bin");
    source_resume(f, group);
    assert_arrived(f, group);
    print_message("fetched twice: %llu bytes\n", (unsigned long long)twice(f, 2));
    assert_int_equal(twice(f, 2), 0);
    fixture_expect_requests(f, "x=mirror", "\"bytes=4000000-\"", 1);
}

/* Shows IOpenQmgrGroup.versions */
static void mirror__first_cut_halfway_same_validator__no_byte_is_fetched_twice(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?cut=4000000");
    source_add(f, group, "a.bin?x=mirror");
    source_resume(f, group);
    assert_arrived(f, group);
    assert_int_equal(twice(f, 2), 0);
    fixture_expect_requests(f, "x=mirror", "\"bytes=4000000-\"", 1);
}

/* Shows IOpenQmgrGroup.versions */
static void mirror__has_another_version_without_hash__first_keeps_its_bytes(void **state)
{
    struct fixture *f = *state;
    fixture_serve(f, "old.bin", SIZE, 77);
    int64_t group = group_of(f, "a.bin?cut=4000000&on=1");
    source_add(f, group, "old.bin?etag=old&last-modified=none");
    source_resume(f, group);
    assert_arrived(f, group);
    fixture_expect_requests(f, "a.bin", "\"bytes=4000000-\"", 1);
}

static void mirror__has_another_size_hash_given__is_left(void **state)
{
    struct fixture *f = *state;
    fixture_serve(f, "short.bin", SIZE - 1, 77);
    int64_t group = group_of(f, "a.bin?cut=4000000&on=1");
    source_add(f, group, "short.bin");
    source_expect(f, group, 0, "a.bin");
    source_resume(f, group);
    assert_arrived(f, group);
    fixture_expect_requests(f, "a.bin", "\"bytes=4000000-\"", 1);
}

static void mirror__first_has_another_size_than_expected__second_is_used(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    fixture_serve(f, "short.bin", SIZE - 1, 77);
    int64_t group = group_of(f, "short.bin");
    source_add(f, group, "a.bin");
    assert_int_equal(oq_engine_set_hash(f->engine, &f->user, group, 0, NULL, SIZE, &err), OQ_OK);
    source_resume(f, group);
    assert_arrived(f, group);
}

static void mirror__first_is_another_version_of_the_same_size__hash_decides(void **state)
{
    struct fixture *f = *state;
    fixture_serve(f, "old.bin", SIZE, 77);
    int64_t group = group_of(f, "old.bin");
    source_add(f, group, "a.bin");
    source_expect(f, group, 0, "a.bin");
    source_resume(f, group);
    assert_arrived(f, group);
    fixture_expect_requests(f, "/old.bin", "206", 1);
    fixture_expect_requests(f, "/a.bin", "206", 1);
}

static void mirror__all_are_another_version__fails_after_each_was_tried(void **state)
{
    struct fixture *f = *state;
    fixture_serve(f, "old.bin", SIZE, 77);
    int64_t group = group_of(f, "old.bin");
    source_add(f, group, "old.bin?x=2");
    source_expect(f, group, 0, "a.bin");
    source_resume(f, group);
    assert_int_equal(source_wait_error(f, group).error_code, 0x80070143);
    assert_true(fixture_requests(f, "/old.bin\"", "206") >= 1);
    assert_true(fixture_requests(f, "x=2", "206") >= 1);
}

/* Shows IOpenQmgrGroup.next-source */
static void mirror__first_is_slow__second_continues_at_the_offset(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?rate=2000");
    source_add(f, group, "a.bin?x=mirror");
    source_resume(f, group);
    assert_arrived(f, group);
    fixture_expect_requests(f, "x=mirror", "206", 1);
    fixture_expect_requests(f, "x=mirror", "\"bytes=0-\"", 0);
}

static void mirror__first_is_slow_because_of_our_limit__is_kept(void **state)
{
    struct fixture *f = *state;
    fixture_stop(f);
    f->config.max_rate_kbits = 8000; /* 1 MB/s */
    f->config.slow_source_bytes = 2000000;
    fixture_start(f);
    fixture_serve(f, "a.bin", 4000000, 1); /* four times as long as slow_source_ms */
    int64_t group = group_of(f, "a.bin");
    source_add(f, group, "a.bin?x=mirror");
    source_resume(f, group);
    assert_arrived(f, group);
    (void)source_sent(f, "/a.bin", 1);
    fixture_expect_requests(f, "x=mirror", "", 0);
}

/* No other source can be reached either, so none is left. */
static void mirror__no_network__the_source_stays(void **state)
{
    (void)state;
    struct oq_expectations *expectations = oq_expectations_new();
    struct oq_transfer_history history = {.is_plain = true};
    char remote[] = "http://one/";
    struct oq_file file = {.remote = remote, .expectations = expectations};
    assert_non_null(expectations);
    assert_int_equal(oq_expectations_add_mirror(expectations, "http://two/"), OQ_OK);
    struct oq_verdict verdict = oq_errors_net(OQ_NET_OFFLINE);
    assert_false(oq_transfer_leave_source(&file, &history, &verdict));
    assert_int_equal(history.sources.current, 0);
    assert_int_equal(history.sources.failed, 0);
    assert_true(history.is_plain && verdict.is_transient);
    verdict = oq_errors_net(OQ_NET_CONNECT);
    assert_true(oq_transfer_leave_source(&file, &history, &verdict));
    assert_int_equal(history.sources.current, 1);
    assert_int_equal(history.sources.failed, 1);
    assert_false(history.is_plain);
    oq_expectations_free(expectations);
}

static void mirror__does_not_respond__second_is_used(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?delay=60000");
    source_add(f, group, "a.bin?x=mirror");
    source_resume(f, group);
    assert_arrived(f, group);
}

static void mirror__all_are_slow__the_last_continues(void **state)
{
    struct fixture *f = *state;
    fixture_serve(f, "a.bin", 12000, 1);
    int64_t group = group_of(f, "a.bin?rate=4000");
    source_add(f, group, "a.bin?rate=4000&x=mirror");
    source_resume(f, group);
    assert_arrived(f, group);
    (void)source_sent(f, "/a.bin", 2);
    fixture_expect_requests(f, "/a.bin", "206", 2);
}

/* Shows IOpenQmgrGroup.damaged-pieces */
static void pieces__damaged_at_the_first__come_from_the_second(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?corrupt=3000000");
    source_add(f, group, "a.bin?x=mirror&etag=another");
    source_expect_pieces(f, group, 0, "a.bin", PIECE);
    source_resume(f, group);
    assert_arrived(f, group);
    print_message("piece %u, fetched twice %llu bytes\n", PIECE, (unsigned long long)twice(f, 2));
    assert_true(twice(f, 2) <= PIECE + PIECE / 20);
    fixture_expect_requests(f, "x=mirror", "\"bytes=2883584-3145727\"", 1);
}

static void pieces__second_is_down__first_repairs_it_itself(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?corrupt=3000000&on=1");
    source_add(f, group, "missing.bin");
    source_expect_pieces(f, group, 0, "a.bin", PIECE);
    source_resume(f, group);
    assert_arrived(f, group);
    fixture_expect_requests(f, "/a.bin", "\"bytes=2883584-3145727\"", 1);
}

static void pieces__second_hangs_up__first_repairs_it_itself(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?corrupt=3000000&on=1");
    source_add(f, group, "a.bin?x=mirror&hang-up");
    source_expect_pieces(f, group, 0, "a.bin", PIECE);
    source_resume(f, group);
    assert_arrived(f, group);
    fixture_expect_requests(f, "/a.bin?corrupt", "\"bytes=2883584-3145727\"", 1);
}

/* Shows IOpenQmgrGroup::SetUrl.bytes-stay .retried-now .S_OK */
static void url__expired_halfway__new_one_continues_at_the_same_byte(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t group = group_of(f, "a.bin?xsignature=1&cut=2500000&on=1");
    /* After the cut, the signature has expired. */
    source_resume(f, group);
    fixture_wait_bytes(f, group, 2500000);
    source_suspend(f, group);
    struct oq_group_view before = fixture_view(f, group);
    assert_int_equal(oq_engine_set_url(f->engine, &f->user, group, 0, 0,
                                       fixture_url(f, "a.bin?xsignature=2&status=403"), &err),
                     OQ_OK);
    source_resume(f, group);
    assert_int_equal(source_wait_error(f, group).error_http, 403);
    assert_int_equal(fixture_view(f, group).progress.done_bytes, before.progress.done_bytes);
    assert_int_equal(oq_engine_set_url(f->engine, &f->user, group, 0, 0,
                                       fixture_url(f, "a.bin?xsignature=3"), &err),
                     OQ_OK);
    assert_int_equal(fixture_view(f, group).state, OQ_GROUP_ERROR);
    source_resume(f, group);
    assert_arrived(f, group);
    char range[64];
    snprintf(range, sizeof range, "\"bytes=%llu-\"",
             (unsigned long long)before.progress.done_bytes);
    fixture_expect_requests(f, "xsignature=3", range, 1);
    fixture_expect_requests(f, "xsignature=3", "206", 1);
}

/* Shows IOpenQmgrGroup.saved IOpenQmgrGroup::AddSource.E_INVALIDARG
 * IOpenQmgrGroup::SetUrl.E_INVALIDARG .QM_E_ITEM_NOT_FOUND
 * IOpenQmgrGroup::GetSource.QM_E_ITEM_NOT_FOUND */
static void url__replaced_after_a_restart_of_the_service__is_the_new_one(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    struct oq_source_view view;
    struct oq_guid guid = fixture_guid(1);
    int64_t group = group_of(f, "missing.bin");
    source_add(f, group, "missing-too.bin");
    assert_int_equal(
        oq_engine_set_url(f->engine, &f->user, group, 0, 0, fixture_url(f, "a.bin"), &err), OQ_OK);
    assert_int_equal(
        oq_engine_set_url(f->engine, &f->user, group, 0, 1, fixture_url(f, "a.bin?x=mirror"), &err),
        OQ_OK);
    assert_int_equal(
        oq_engine_set_url(f->engine, &f->user, group, 0, 2, fixture_url(f, "a.bin"), &err),
        OQ_E_NOT_FOUND);
    assert_int_equal(oq_engine_set_url(f->engine, &f->user, group, 0, 0, "ftp://x/y", &err),
                     OQ_E_INVALID_ARG);
    fixture_stop(f);
    fixture_start(f);
    assert_int_equal(oq_engine_get_group(f->engine, &f->user, &guid, &group, &err), OQ_OK);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(oq_engine_view_source(f->engine, &f->user, group, 0, i, &view, &err),
                         OQ_OK);
        assert_string_equal(view.url, fixture_url(f, i == 0 ? "a.bin" : "a.bin?x=mirror"));
        assert_int_equal(view.state, OQ_SOURCE_READY);
        oq_free(view.url);
    }
    source_resume(f, group);
    assert_arrived(f, group);
}

/* Shows IOpenQmgrGroup::SetUrl.retried-now */
static void url__replaced_while_waiting_to_retry__is_requested_at_once(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    fixture_stop(f);
    f->config.retry_first_ms = f->config.retry_longest_ms = 86400000;
    fixture_start(f);
    int64_t group = group_of(f, "a.bin?status=503"), start_ms = 0;
    source_resume(f, group);
    while (fixture_view(f, group).activity != OQ_ACTIVITY_BACKOFF)
        assert_true(fixture_patience(&start_ms, 30));
    assert_int_equal(
        oq_engine_set_url(f->engine, &f->user, group, 0, 0, fixture_url(f, "a.bin"), &err), OQ_OK);
    assert_arrived(f, group);
}

static void url__replaced_while_it_runs__continues_at_the_new_one(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t group = group_of(f, "a.bin?rate=1000000");
    source_resume(f, group);
    fixture_wait_bytes(f, group, 500000);
    assert_int_equal(
        oq_engine_set_url(f->engine, &f->user, group, 0, 0, fixture_url(f, "a.bin?x=new"), &err),
        OQ_OK);
    assert_arrived(f, group);
    fixture_expect_requests(f, "x=new", "206", 1);
    fixture_expect_requests(f, "x=new", "\"bytes=0-\"", 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(mirror__first_is_dead__second_is_used_at_once),
        T(mirror__first_has_no_such_file__second_is_used),
        T(mirror__all_fail_fatally__group_fails_with_the_last_status),
        T(mirror__one_fails_transiently__the_round_is_retried),
        T(mirror__first_cut_halfway_hash_given__no_byte_is_fetched_twice),
        T(mirror__first_cut_halfway_same_validator__no_byte_is_fetched_twice),
        T(mirror__has_another_version_without_hash__first_keeps_its_bytes),
        T(mirror__has_another_size_hash_given__is_left),
        T(mirror__first_has_another_size_than_expected__second_is_used),
        T(mirror__first_is_another_version_of_the_same_size__hash_decides),
        T(mirror__all_are_another_version__fails_after_each_was_tried),
        T(mirror__first_is_slow__second_continues_at_the_offset),
        T(mirror__first_is_slow_because_of_our_limit__is_kept),
        T(mirror__no_network__the_source_stays),
        T(mirror__does_not_respond__second_is_used),
        T(mirror__all_are_slow__the_last_continues),
        T(pieces__damaged_at_the_first__come_from_the_second),
        T(pieces__second_is_down__first_repairs_it_itself),
        T(pieces__second_hangs_up__first_repairs_it_itself),
        T(url__expired_halfway__new_one_continues_at_the_same_byte),
        T(url__replaced_after_a_restart_of_the_service__is_the_new_one),
        T(url__replaced_while_waiting_to_retry__is_requested_at_once),
        T(url__replaced_while_it_runs__continues_at_the_new_one),
    };
    return cmocka_run_group_tests_name("mirrors", tests, NULL, NULL);
}
