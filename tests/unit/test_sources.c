/* test_sources.c - core/oq_sources.h: pieces, and whom to ask next. */
#include "test_unit.h"

#include "oq_alloc.h"
#include "oq_model.h"
#include "oq_sources.h"

#include <string.h>

/* --- pieces ----------------------------------------------------------------------------------- */

static void pieces__of_sizes__are_counted_and_measured(void **state)
{
    (void)state;
    assert_int_equal(oq_pieces_count(0, 10), 0);
    assert_int_equal(oq_pieces_count(1, 10), 1);
    assert_int_equal(oq_pieces_count(10, 10), 1);
    assert_int_equal(oq_pieces_count(11, 10), 2);
    assert_true(oq_pieces_count(11, 0) == UINT64_MAX);
    assert_true(oq_pieces_count(UINT64_MAX, 1) == UINT64_MAX);
    assert_int_equal(oq_pieces_length(25, 10, 0), 10);
    assert_int_equal(oq_pieces_length(25, 10, 2), 5);
    assert_int_equal(oq_pieces_length(25, 10, 3), 0);
    assert_int_equal(oq_pieces_length(20, 10, 1), 10);
    assert_int_equal(oq_pieces_length(UINT64_MAX, UINT64_MAX, 2), 0);
}

static void pieces__next_to_each_other__are_one_run(void **state)
{
    uint8_t set[2] = {0, 0};
    uint32_t next = 0;
    uint64_t first = 0, last = 0;
    (void)state;
    oq_pieces_put(set, 1);
    oq_pieces_put(set, 2);
    oq_pieces_put(set, 8);
    assert_true(oq_pieces_is_in(set, 8));
    assert_false(oq_pieces_is_in(set, 7));
    assert_true(oq_pieces_next_run(set, 9, 10, 85, &next, &first, &last));
    assert_int_equal(first, 10);
    assert_int_equal(last, 29);
    assert_true(oq_pieces_next_run(set, 9, 10, 85, &next, &first, &last));
    assert_int_equal(first, 80); /* the last, short one */
    assert_int_equal(last, 84);
    assert_false(oq_pieces_next_run(set, 9, 10, 85, &next, &first, &last));
}

static void expectations__copied__are_the_same_and_their_own(void **state)
{
    uint8_t hashes[64];
    struct oq_pieces pieces = {
        .kind = OQ_HASH_SHA256, .piece_bytes = 10, .count = 2, .hashes = hashes};
    struct oq_error err;
    (void)state;
    memset(hashes, 3, sizeof hashes);
    struct oq_expectations *expectations = oq_expectations_new();
    assert_non_null(expectations);
    assert_true(expectations->size_bytes == OQ_SIZE_UNKNOWN);
    assert_null(oq_expectations_check(expectations));
    assert_int_equal(oq_expectations_add_mirror(expectations, "http://m/"), OQ_OK);
    assert_int_equal(oq_expectations_set_pieces(expectations, &pieces, &err), OQ_OK);
    expectations->has_sha256 = true;
    memset(expectations->sha256, 7, sizeof expectations->sha256);
    expectations->size_bytes = 20;
    struct oq_expectations *copy = oq_expectations_copy(expectations);
    assert_non_null(copy);
    assert_true(copy->has_sha256);
    assert_memory_equal(copy->sha256, expectations->sha256, sizeof copy->sha256);
    assert_int_equal(copy->size_bytes, 20);
    oq_expectations_free(expectations);
    assert_int_equal(copy->mirror_count, 1);
    assert_string_equal(copy->mirrors[0], "http://m/");
    assert_int_equal(copy->pieces.kind, OQ_HASH_SHA256);
    assert_int_equal(copy->pieces.piece_bytes, 10);
    assert_int_equal(copy->pieces.count, 2);
    assert_memory_equal(copy->pieces.hashes, hashes, sizeof hashes);
    pieces.kind = OQ_HASH_NONE;
    assert_int_equal(oq_expectations_set_pieces(copy, &pieces, &err), OQ_OK);
    assert_null(copy->pieces.hashes);
    assert_int_equal(copy->pieces.count, 0);
    oq_expectations_free(copy);
    copy = oq_expectations_copy(NULL);
    assert_non_null(copy);
    assert_int_equal(copy->mirror_count, 0);
    oq_expectations_free(copy);
    oq_expectations_free(NULL);
}

static void pieces__that_cannot_be__are_refused(void **state)
{
    uint8_t hashes[64] = {0};
    struct oq_pieces pieces = {
        .kind = OQ_HASH_SHA256, .piece_bytes = 10, .count = 2, .hashes = hashes};
    struct oq_error err;
    (void)state;
    struct oq_expectations *expectations = oq_expectations_new();
    assert_non_null(expectations);
    expectations->size_bytes = 10;
    assert_int_equal(oq_expectations_set_pieces(expectations, &pieces, &err), OQ_E_INVALID_ARG);
    expectations->size_bytes = 11;
    assert_int_equal(oq_expectations_set_pieces(expectations, &pieces, &err), OQ_OK);
    expectations->size_bytes = OQ_SIZE_UNKNOWN;
    pieces.count = OQ_PIECES_MAX_BYTES / 32 + 1;
    assert_int_equal(oq_expectations_set_pieces(expectations, &pieces, &err), OQ_E_INVALID_ARG);
    pieces.count = 2;
    pieces.piece_bytes = 0;
    assert_int_equal(oq_expectations_set_pieces(expectations, &pieces, &err), OQ_E_INVALID_ARG);
    pieces.piece_bytes = 10;
    pieces.kind = (enum oq_hash_kind)9;
    assert_int_equal(oq_expectations_set_pieces(expectations, &pieces, &err), OQ_E_INVALID_ARG);
    assert_int_equal(expectations->pieces.count, 2);
    oq_expectations_free(expectations);
}

static void expectation__each_combination__is_accepted_or_refused(void **state)
{
    static const struct {
        enum oq_hash_kind kind;
        uint64_t piece_bytes;
        uint32_t count;
        uint64_t size_bytes;
        bool is_valid;
    } rows[] = {
        {OQ_HASH_NONE, 0, 0, OQ_SIZE_UNKNOWN, true},
        {OQ_HASH_NONE, 0, 0, 0, true},
        {OQ_HASH_NONE, 0, 0, INT64_MAX, true},
        {OQ_HASH_NONE, 0, 0, (uint64_t)INT64_MAX + 1, false},
        /* An empty list is that of an empty file, and of no other. */
        {OQ_HASH_SHA256, 1, 0, OQ_SIZE_UNKNOWN, false},
        {OQ_HASH_SHA256, 1, 0, 0, true},
        {OQ_HASH_SHA256, 1, 0, 1, false},
        {OQ_HASH_SHA256, 1, 1, 0, false},
        {OQ_HASH_SHA256, 0, 0, OQ_SIZE_UNKNOWN, false},
        {OQ_HASH_SHA256, 0, 1, 1, false},
        {OQ_HASH_SHA256, 10, 2, 10, false},
        {OQ_HASH_SHA256, 10, 2, 11, true},
        {OQ_HASH_SHA256, 10, 2, 20, true},
        {OQ_HASH_SHA256, 10, 2, 21, false},
        {OQ_HASH_SHA256, INT64_MAX, 1, OQ_SIZE_UNKNOWN, true},
        {OQ_HASH_SHA256, (uint64_t)INT64_MAX + 1, 1, OQ_SIZE_UNKNOWN, false},
        {OQ_HASH_SHA256, UINT64_MAX, 1, 1, false},
        /* The last piece begins where a file can still have bytes. */
        {OQ_HASH_SHA256, INT64_MAX, 2, OQ_SIZE_UNKNOWN, false},
        {OQ_HASH_SHA256, INT64_MAX / 2, 3, OQ_SIZE_UNKNOWN, true},
        {OQ_HASH_SHA256, INT64_MAX / 2, 4, OQ_SIZE_UNKNOWN, false},
        {OQ_HASH_SHA1, 1, OQ_PIECES_MAX_BYTES / 20, OQ_SIZE_UNKNOWN, true},
        {OQ_HASH_SHA1, 1, OQ_PIECES_MAX_BYTES / 20 + 1, OQ_SIZE_UNKNOWN, false},
        {OQ_HASH_SHA1, 1, UINT32_MAX, UINT32_MAX, false},
        {OQ_HASH_KIND_COUNT, 1, 1, 1, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct oq_pieces pieces = {
            .kind = rows[i].kind, .piece_bytes = rows[i].piece_bytes, .count = rows[i].count};
        const char *broken = oq_pieces_check(&pieces, rows[i].size_bytes);
        if (!broken != rows[i].is_valid)
            fail_msg("row %zu: %s", i, broken ? broken : "accepted");
    }
}

static void size_limit__of_expectations__is_what_they_say(void **state)
{
    struct oq_expectations expectations = {.size_bytes = OQ_SIZE_UNKNOWN};
    (void)state;
    assert_true(oq_expectations_size_limit(NULL) == OQ_SIZE_UNKNOWN);
    assert_true(oq_expectations_size_limit(&expectations) == OQ_SIZE_UNKNOWN);
    expectations.pieces = (struct oq_pieces){.kind = OQ_HASH_SHA1, .piece_bytes = 10, .count = 3};
    assert_int_equal(oq_expectations_size_limit(&expectations), 30);
    expectations.pieces.count = 0; /* refused by oq_expectations_check, and harmless here */
    assert_int_equal(oq_expectations_size_limit(&expectations), 0);
    expectations.pieces =
        (struct oq_pieces){.kind = OQ_HASH_SHA1, .piece_bytes = INT64_MAX / 2, .count = 3};
    assert_true(oq_expectations_size_limit(&expectations) == OQ_SIZE_UNKNOWN);
    expectations.pieces.piece_bytes = UINT64_MAX;
    assert_true(oq_expectations_size_limit(&expectations) == OQ_SIZE_UNKNOWN);
    expectations.size_bytes = 25;
    assert_int_equal(oq_expectations_size_limit(&expectations), 25);
}

/* --- sources ---------------------------------------------------------------------------------- */

static void pick__nothing_left__is_the_current_one(void **state)
{
    struct oq_source_run run = {.current = 1};
    (void)state;
    assert_int_equal(oq_sources_pick(&run, 3, 0), 1);
    run.current = 7; /* a mirror that is not there any more */
    assert_int_equal(oq_sources_pick(&run, 3, 0), 0);
    assert_int_equal(oq_sources_pick(&run, 1, UINT32_MAX), 0);
}

static void pick__some_left__prefers_good_then_slow_then_bad(void **state)
{
    struct oq_source_run run = {.current = 0, .failed = 1, .slow = 2};
    (void)state;
    assert_int_equal(oq_sources_pick(&run, 4, 4), 3);
    run.other = 8;
    assert_int_equal(oq_sources_pick(&run, 4, 4), 1);
    run.failed = 3;
    assert_int_equal(oq_sources_pick(&run, 4, 4), 2);
    run.failed = 7;
    assert_int_equal(oq_sources_pick(&run, 4, 4), 0);
}

static void leave__a_failed_one__goes_round_and_then_waits(void **state)
{
    struct oq_source_run run = {.current = 1};
    bool is_transient = true;
    (void)state;
    assert_int_equal(oq_sources_leave(&run, 3, 0, OQ_LEAVE_FAILED, &is_transient), OQ_NEXT_SOURCE);
    assert_int_equal(run.current, 2);
    is_transient = false;
    assert_int_equal(oq_sources_leave(&run, 3, 0, OQ_LEAVE_FAILED, &is_transient), OQ_NEXT_SOURCE);
    assert_int_equal(run.current, 0);
    assert_int_equal(oq_sources_leave(&run, 3, 0, OQ_LEAVE_FAILED, &is_transient), OQ_NEXT_ROUND);
    assert_true(is_transient); /* the first of them may be back */
    assert_int_equal(run.current, 1);
    assert_int_equal(run.failed, 0);
    assert_int_equal(run.rounds, 1);
    for (int i = 0; i < 3; i++) {
        is_transient = false;
        (void)oq_sources_leave(&run, 3, 0, OQ_LEAVE_FAILED, &is_transient);
    }
    assert_false(is_transient);
    oq_sources_progress(&run);
    assert_int_equal(run.rounds, 0);
}

static void leave__the_only_one__is_a_round_of_its_own(void **state)
{
    struct oq_source_run run = {.current = 0};
    bool is_transient = false;
    (void)state;
    assert_int_equal(oq_sources_leave(&run, 1, 0, OQ_LEAVE_FAILED, &is_transient), OQ_NEXT_ROUND);
    assert_false(is_transient);
    assert_int_equal(oq_sources_leave(&run, 1, 0, OQ_LEAVE_SLOW, &is_transient), OQ_NEXT_STAY);
}

static void leave__good_ones_gone__asks_a_bad_one_before_it_waits(void **state)
{
    struct oq_source_run run = {.current = 1};
    bool is_transient = false;
    (void)state;
    assert_int_equal(oq_sources_leave(&run, 2, 1, OQ_LEAVE_FAILED, &is_transient), OQ_NEXT_SOURCE);
    assert_int_equal(run.current, 0);
    assert_int_equal(oq_sources_pick(&run, 2, 1), 0);
    assert_int_equal(oq_sources_leave(&run, 2, 1, OQ_LEAVE_FAILED, &is_transient), OQ_NEXT_ROUND);
    assert_int_equal(run.current, 1);
}

static void leave__a_slow_one__only_for_one_that_is_not_slow(void **state)
{
    struct oq_source_run run = {.current = 0};
    bool is_transient = true;
    (void)state;
    assert_int_equal(oq_sources_leave(&run, 2, 0, OQ_LEAVE_SLOW, &is_transient), OQ_NEXT_SOURCE);
    assert_int_equal(run.current, 1);
    assert_int_equal(oq_sources_leave(&run, 2, 0, OQ_LEAVE_SLOW, &is_transient), OQ_NEXT_STAY);
    assert_int_equal(run.current, 1);
    assert_int_equal(oq_sources_leave(&run, 2, 0, OQ_LEAVE_FAILED, &is_transient), OQ_NEXT_SOURCE);
    assert_int_equal(run.current, 0);
}

static void leave__another_version__is_taken_only_when_the_first_stays_away(void **state)
{
    struct oq_source_run run = {.current = 0};
    bool is_transient = true;
    (void)state;
    for (unsigned round = 0; round < OQ_SOURCES_ROUNDS; round++) {
        is_transient = true;
        assert_int_equal(oq_sources_leave(&run, 2, 0, OQ_LEAVE_FAILED, &is_transient),
                         OQ_NEXT_SOURCE);
        assert_int_equal(oq_sources_leave(&run, 2, 0, OQ_LEAVE_OTHER, &is_transient),
                         OQ_NEXT_ROUND);
        assert_true(is_transient);
        assert_int_equal(run.current, 0);
    }
    assert_int_equal(oq_sources_leave(&run, 2, 0, OQ_LEAVE_FAILED, &is_transient), OQ_NEXT_SOURCE);
    assert_int_equal(oq_sources_leave(&run, 2, 0, OQ_LEAVE_OTHER, &is_transient), OQ_NEXT_STAY);
    assert_int_equal(run.current, 1);
}

static void leave__another_version_and_the_first_gone_for_good__is_taken_at_once(void **state)
{
    struct oq_source_run run = {.current = 0};
    bool is_transient = false;
    (void)state;
    assert_int_equal(oq_sources_leave(&run, 2, 0, OQ_LEAVE_FAILED, &is_transient), OQ_NEXT_SOURCE);
    assert_int_equal(oq_sources_leave(&run, 2, 0, OQ_LEAVE_OTHER, &is_transient), OQ_NEXT_STAY);
}

/* Shows IOpenQmgrGroup.sources */
static void leave__with_as_many_sources_as_there_can_be__stays_within_them(void **state)
{
    struct oq_source_run run = {.current = 31};
    bool is_transient = true;
    (void)state;
    for (unsigned i = 0; i < 31; i++) {
        assert_int_equal(oq_sources_leave(&run, 32, 0, OQ_LEAVE_FAILED, &is_transient),
                         OQ_NEXT_SOURCE);
        assert_int_equal(run.current, i);
    }
    assert_int_equal(oq_sources_leave(&run, 32, 0, OQ_LEAVE_FAILED, &is_transient), OQ_NEXT_ROUND);
}

static void repeat__after_mismatches__as_often_as_there_are_sources(void **state)
{
    (void)state;
    assert_true(oq_sources_may_repeat(1, 1));
    assert_false(oq_sources_may_repeat(2, 1));
    assert_true(oq_sources_may_repeat(3, 3));
    assert_false(oq_sources_may_repeat(4, 3));
}

static void file__with_expectations__has_sources_and_checks(void **state)
{
    char first[] = "http://first/";
    struct oq_file file = {.remote = first};
    (void)state;
    assert_int_equal(oq_sources_count(&file), 1);
    assert_false(oq_sources_must_check(&file));
    file.expectations = oq_expectations_new();
    assert_non_null(file.expectations);
    assert_int_equal(oq_expectations_add_mirror(file.expectations, "http://second/"), OQ_OK);
    assert_int_equal(oq_sources_count(&file), 2);
    assert_string_equal(oq_sources_url(&file, 0), "http://first/");
    assert_string_equal(oq_sources_url(&file, 1), "http://second/");
    assert_string_equal(oq_sources_url(&file, 2), "http://first/");
    assert_false(oq_sources_must_check(&file));
    file.expectations->size_bytes = 5;
    assert_true(oq_sources_must_check(&file));
    assert_false(oq_sources_has_hash(&file));
    file.expectations->has_sha256 = true;
    assert_true(oq_sources_has_hash(&file));
    oq_expectations_free(file.expectations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces__of_sizes__are_counted_and_measured),
        cmocka_unit_test(pieces__next_to_each_other__are_one_run),
        cmocka_unit_test(expectations__copied__are_the_same_and_their_own),
        cmocka_unit_test(pieces__that_cannot_be__are_refused),
        cmocka_unit_test(expectation__each_combination__is_accepted_or_refused),
        cmocka_unit_test(size_limit__of_expectations__is_what_they_say),
        cmocka_unit_test(pick__nothing_left__is_the_current_one),
        cmocka_unit_test(pick__some_left__prefers_good_then_slow_then_bad),
        cmocka_unit_test(leave__a_failed_one__goes_round_and_then_waits),
        cmocka_unit_test(leave__the_only_one__is_a_round_of_its_own),
        cmocka_unit_test(leave__good_ones_gone__asks_a_bad_one_before_it_waits),
        cmocka_unit_test(leave__a_slow_one__only_for_one_that_is_not_slow),
        cmocka_unit_test(leave__another_version__is_taken_only_when_the_first_stays_away),
        cmocka_unit_test(leave__another_version_and_the_first_gone_for_good__is_taken_at_once),
        cmocka_unit_test(leave__with_as_many_sources_as_there_can_be__stays_within_them),
        cmocka_unit_test(repeat__after_mismatches__as_often_as_there_are_sources),
        cmocka_unit_test(file__with_expectations__has_sources_and_checks),
    };
    return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
