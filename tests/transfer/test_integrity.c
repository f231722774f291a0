/* test_integrity.c - hashes of whole files and of pieces: right, wrong once, wrong each time; only
 * what is damaged is fetched again. */
#include "source_fixture.h"

#include "oq_alloc.h"
#include "oq_http.h"
#include "posix_files.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SIZE 6000000u
#define PIECE 262144u
#define WRONG_DATA 0x80070143u /* ERROR_DATA_CHECKSUM_ERROR */

static int setup(void **state)
{
    static struct fixture f;
    fixture_open(&f);
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

static void assert_wrong(struct fixture *f, int64_t group, const char *word)
{
    struct oq_group_view view = source_wait_error(f, group);
    assert_int_equal(view.error_code, WRONG_DATA);
    assert_int_equal(view.error_win32, 323);
    assert_int_equal(view.error_file, 0);
    if (!strstr(view.error_text, word))
        fail_msg("\"%s\" does not say \"%s\"", view.error_text, word);
    assert_false(fixture_out_exists(f, "a.bin"));
}

/* Shows IOpenQmgrGroup::SetHash.S_OK */
static void hash__right__file_arrives_in_one_request(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin");
    source_expect(f, group, 0, "a.bin");
    source_resume(f, group);
    assert_arrived(f, group);
    fixture_expect_requests(f, "a.bin", "206", 1);
    assert_int_equal(source_checks(f, group).mismatches, 0);
}

static void hash__of_an_empty_file__is_right_or_wrong_too(void **state)
{
    struct fixture *f = *state;
    static const uint8_t of_nothing[OQ_SHA256_BYTES] = {
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
        0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
        0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
    struct oq_error err;
    fixture_serve(f, "a.bin", 0, 1);
    int64_t group = group_of(f, "a.bin");
    assert_int_equal(
        oq_engine_set_hash(f->engine, &f->user, group, 0, of_nothing, OQ_SIZE_UNKNOWN, &err),
        OQ_OK);
    source_resume(f, group);
    assert_arrived(f, group);
}

/* Shows IOpenQmgrGroup.wrong-hash OPENQMGR_FILE_INFO.dwMismatches */
static void hash__wrong_once__file_is_fetched_again_and_arrives(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?corrupt=3000000&on=1");
    source_expect(f, group, 0, "a.bin");
    source_resume(f, group);
    assert_arrived(f, group);
    fixture_expect_requests(f, "\"bytes=0-\"", "206", 2);
    assert_int_equal(source_checks(f, group).mismatches, 1);
}

/* Shows IOpenQmgrGroup.wrong-hash .verified-first */
static void hash__wrong_each_time__fails_after_the_second_time(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?corrupt=3000000");
    source_expect(f, group, 0, "a.bin");
    source_resume(f, group);
    char expected[OQ_HEX_MAX], words[OQ_HEX_MAX + 64];
    uint8_t sha256[OQ_SHA256_BYTES];
    source_sha256(f, "a.bin", sha256);
    oq_hex_format(sha256, sizeof sha256, expected);
    snprintf(words, sizeof words, "SHA-256 mismatch (2 times): expected %s, got ", expected);
    assert_wrong(f, group, words);
    fixture_expect_requests(f, "a.bin", "206", 2);
    assert_int_equal(fixture_view(f, group).progress.done_bytes, 0);
}

static void hash__wrong_each_time__resume_retries_as_often(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?corrupt=3000000&on=1-3");
    source_expect(f, group, 0, "a.bin");
    source_resume(f, group);
    source_wait_error(f, group);
    source_resume(f, group);
    assert_arrived(f, group);
    fixture_expect_requests(f, "a.bin", "206", 4);
}

static void hash__of_a_body_without_length__is_verified(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?no-ranges&chunked&corrupt=5&on=1");
    source_expect(f, group, 0, "a.bin");
    source_resume(f, group);
    assert_arrived(f, group);
    assert_int_equal(source_checks(f, group).mismatches, 1);
}

static void hash__without_validator__bytes_are_continued(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?rate=6000000&etag=none&last-modified=none");
    source_expect(f, group, 0, "a.bin");
    source_resume(f, group);
    fixture_wait_bytes(f, group, SIZE / 3);
    source_suspend(f, group);
    source_resume(f, group);
    assert_arrived(f, group);
    fixture_expect_requests(f, "\"bytes=0-\"", "206", 1);
}

/* Shows IOpenQmgrGroup.wrong-hash IOpenQmgrGroup::SetHash.ullSizeBytes */
static void size__not_the_expected_one__fails_before_the_body(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t group = group_of(f, "a.bin");
    assert_int_equal(oq_engine_set_hash(f->engine, &f->user, group, 0, NULL, SIZE + 1, &err),
                     OQ_OK);
    source_resume(f, group);
    assert_wrong(f, group, "size");
}

static void size__expected__needs_no_hash(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t group = group_of(f, "a.bin");
    assert_int_equal(oq_engine_set_hash(f->engine, &f->user, group, 0, NULL, SIZE, &err), OQ_OK);
    source_resume(f, group);
    assert_arrived(f, group);
}

static void digest__right__file_arrives(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?repr-digest=good&digest=good");
    source_resume(f, group);
    assert_arrived(f, group);
    fixture_expect_requests(f, "a.bin", "206", 1);
}

/* The second response has no digest any more: `on` is about all of the query. */
static void digest__body_damaged__file_is_fetched_again(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?repr-digest=good&corrupt=77&on=1");
    source_resume(f, group);
    assert_arrived(f, group);
    assert_int_equal(source_checks(f, group).mismatches, 1);
}

/* Same validator and same size, but the server says itself that it is another file. */
static void digest__another_one_on_resume__begins_from_zero_before_the_body(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?rate=6000000&etag=same&last-modified=none&repr-digest=good");
    source_resume(f, group);
    fixture_wait_bytes(f, group, SIZE / 3);
    source_suspend(f, group);
    fixture_serve(f, "a.bin", SIZE, 2);
    source_resume(f, group);
    assert_arrived(f, group);
    assert_int_equal(source_checks(f, group).mismatches, 0); /* not only when all of it had come */
}

/* Shows IOpenQmgrGroup.server-digest */
static void digest__repr_wrong_each_time__fails(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?repr-digest=bad");
    source_resume(f, group);
    assert_wrong(f, group, "Digest mismatch");
    fixture_expect_requests(f, "a.bin", "206", 2);
}

/* Shows IOpenQmgrGroup.server-digest */
static void digest__of_rfc3230_wrong_each_time__fails(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?digest=bad");
    source_resume(f, group);
    assert_wrong(f, group, "Digest mismatch");
    fixture_expect_requests(f, "a.bin", "206", 2);
}

/* Shows IOpenQmgrGroup.server-digest */
static void digest__wrong_but_expected_hash_right__arrives(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?repr-digest=bad");
    source_expect(f, group, 0, "a.bin");
    source_resume(f, group);
    assert_arrived(f, group);
    fixture_expect_requests(f, "a.bin", "206", 1);
}

/* A disk on which the first verification fails at its first read. */
static struct oq_file_port port;
static atomic_uint opens, reads_before_a_flush;
static atomic_bool is_flushed;

static enum oq_status open_and_note(void *ctx, struct oq_identity *as, const char *temp_path,
                                    enum oq_open_mode mode, struct oq_fhandle **out,
                                    uint64_t *size_bytes, struct oq_error *err)
{
    atomic_fetch_add(&opens, 1);
    atomic_store(&is_flushed, false);
    return posix_files()->open(ctx, as, temp_path, mode, out, size_bytes, err);
}

static enum oq_status flush_and_note(void *ctx, struct oq_fhandle *file, struct oq_error *err)
{
    atomic_store(&is_flushed, true);
    return posix_files()->flush(ctx, file, err);
}

static enum oq_status read_and_note(void *ctx, struct oq_fhandle *file, uint64_t offset, void *data,
                                    size_t length, struct oq_error *err)
{
    if (atomic_load(&opens) == 1)
        return oq_error_set(err, OQ_E_FILE_LOCKED, "the test makes the first reading fail");
    if (!atomic_load(&is_flushed))
        atomic_fetch_add(&reads_before_a_flush, 1);
    return posix_files()->read(ctx, file, offset, data, length, err);
}

/* What a process wrote that was killed may be in the system's cache only: FETCHED promises more. */
static void hash__of_bytes_that_an_earlier_transfer_wrote__flushes_them_first(void **state)
{
    struct fixture *f = *state;
    fixture_stop(f);
    port = *posix_files();
    port.open = open_and_note;
    port.flush = flush_and_note;
    port.read = read_and_note;
    f->files = &port;
    fixture_start(f);
    int64_t group = group_of(f, "a.bin");
    source_expect(f, group, 0, "a.bin");
    source_resume(f, group);
    assert_arrived(f, group);
    assert_int_equal(atomic_load(&opens), 2);
    assert_int_equal(atomic_load(&reads_before_a_flush), 0);
    fixture_expect_requests(f, "a.bin", "206", 1); /* the second one only verified */
}

/* Shows IOpenQmgrGroup.damaged-pieces IOpenQmgrGroup::SetPieces.S_OK */
static void pieces__one_damaged__only_that_one_is_fetched_again(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?corrupt=3000000&on=1");
    source_expect_pieces(f, group, 0, "a.bin", PIECE);
    source_expect(f, group, 0, "a.bin");
    source_resume(f, group);
    assert_arrived(f, group);
    uint64_t sent = source_sent(f, "a.bin", 2);
    print_message("file %u, piece %u, fetched twice %llu bytes\n", SIZE, PIECE,
                  (unsigned long long)(sent - SIZE));
    assert_true(sent - SIZE <= PIECE + PIECE / 20);
    fixture_expect_requests(f, "\"bytes=2883584-3145727\"", "206", 1);
}

/* A Metalink whose only hash is SHA-512, SHA-1 or MD5 comes as one piece; without a size, as one of
 * the largest. */
static void pieces__only_one_of_each_kind__is_the_hash_of_the_file(void **state)
{
    static const enum oq_hash_kind kinds[] = {OQ_HASH_MD5, OQ_HASH_SHA1, OQ_HASH_SHA512};
    static const uint64_t lengths[] = {SIZE, OQ_HTTP_SIZE_MAX};
    struct fixture *f = *state;
    for (unsigned i = 0; i < 6; i++) {
        char good[32], bad[32];
        snprintf(good, sizeof good, "good%u.bin", i);
        snprintf(bad, sizeof bad, "bad%u.bin", i);
        fixture_serve(f, good, SIZE, 1);
        fixture_serve(f, bad, SIZE, 2);
        char url[64];
        snprintf(url, sizeof url, "%s?corrupt=3000000&on=1", good);
        int64_t group = fixture_group(f, 10 + i, 1, (const char *const[][2]){{url, good}});
        source_expect_whole(f, group, 0, good, kinds[i / 2], lengths[i % 2]);
        source_resume(f, group);
        fixture_wait(f, group, OQ_GROUP_COMPLETE);
        assert_true(fixture_is_same(f, good, good));
        group = fixture_group(f, 20 + i, 1, (const char *const[][2]){{bad, bad}});
        source_expect_whole(f, group, 0, "a.bin", kinds[i / 2], lengths[i % 2]);
        source_resume(f, group);
        struct oq_group_view view = source_wait_error(f, group);
        assert_int_equal(view.error_code, WRONG_DATA);
        assert_non_null(strstr(view.error_text, oq_hash_name(kinds[i / 2])));
        assert_non_null(strstr(view.error_text, " mismatch (2 times): expected "));
        assert_int_equal(view.progress.done_bytes, 0);
        assert_false(fixture_out_exists(f, bad));
    }
}

static void pieces__last_short_one_damaged__is_fetched_again(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?corrupt=5999999&on=1");
    source_expect_pieces(f, group, 0, "a.bin", PIECE);
    source_resume(f, group);
    assert_arrived(f, group);
    assert_int_equal(source_sent(f, "a.bin", 2), SIZE + SIZE % PIECE);
}

static void pieces__first_damaged_and_connection_cut_in_its_repair__is_fetched_again(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?corrupt=5&cut=100000&on=1");
    source_expect_pieces(f, group, 0, "a.bin", PIECE);
    source_resume(f, group);
    assert_arrived(f, group);
}

static void pieces__damaged_each_time__fails_and_keeps_the_others(void **state)
{
    struct fixture *f = *state;
    int64_t group = group_of(f, "a.bin?corrupt=3000000&on=1-2");
    source_expect_pieces(f, group, 0, "a.bin", PIECE);
    source_resume(f, group);
    assert_wrong(f, group, "Hash mismatch");
    assert_int_equal(source_sent(f, "a.bin", 2), SIZE + PIECE);
    source_resume(f, group);
    assert_arrived(f, group);
    assert_int_equal(source_sent(f, "a.bin", 3), SIZE + 2 * PIECE);
}

/* The first response is damaged; then the server has no ranges, and the whole file is taken. */
static void pieces__server_without_ranges__whole_file_is_fetched_again(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t group = group_of(f, "a.bin?corrupt=3000000&on=1-2");
    source_expect_pieces(f, group, 0, "a.bin", PIECE);
    source_resume(f, group);
    source_wait_error(f, group);
    assert_int_equal(oq_engine_set_url(f->engine, &f->user, group, 0, 0,
                                       fixture_url(f, "a.bin?no-ranges&x1"), &err),
                     OQ_OK);
    source_resume(f, group);
    assert_arrived(f, group);
    fixture_expect_requests(f, "no-ranges", "\"status\": 200", 2);
}

/* Shows IOpenQmgrGroup::SetPieces.E_INVALIDARG */
static void pieces__number_does_not_fit__is_refused(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    uint8_t hashes[2 * OQ_SHA256_BYTES] = {0};
    struct oq_pieces pieces = {
        .kind = OQ_HASH_SHA256, .piece_bytes = PIECE, .count = 2, .hashes = hashes};
    int64_t group = group_of(f, "a.bin");
    assert_int_equal(oq_engine_set_hash(f->engine, &f->user, group, 0, NULL, SIZE, &err), OQ_OK);
    assert_int_equal(oq_engine_set_pieces(f->engine, &f->user, group, 0, &pieces, &err),
                     OQ_E_INVALID_ARG);
    pieces.piece_bytes = 0;
    assert_int_equal(oq_engine_set_pieces(f->engine, &f->user, group, 0, &pieces, &err),
                     OQ_E_INVALID_ARG);
    assert_int_equal(source_checks(f, group).piece_count, 0);
}

/* A body of unknown length is compared with what the pieces allow: an empty list divided by zero.
 */
static void pieces__none_and_size_unknown__is_refused_and_the_download_runs(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    struct oq_pieces pieces = {.kind = OQ_HASH_SHA256, .piece_bytes = 1, .count = 0};
    int64_t group = group_of(f, "a.bin?no-ranges&chunked");
    enum oq_status status = oq_engine_set_pieces(f->engine, &f->user, group, 0, &pieces, &err);
    source_resume(f, group);
    assert_arrived(f, group);
    assert_int_equal(status, OQ_E_INVALID_ARG);
}

/* Shows IOpenQmgrGroup::GetPieces.QM_E_ITEM_NOT_FOUND */
static void pieces__read_back__are_those_that_were_set(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    uint8_t hashes[2 * OQ_SHA256_BYTES] = {1, [63] = 2};
    const struct oq_pieces pieces = {
        .kind = OQ_HASH_SHA256, .piece_bytes = PIECE, .count = 2, .hashes = hashes};
    struct oq_pieces found = {.count = 77};
    int64_t group = group_of(f, "a.bin");
    assert_int_equal(oq_engine_view_pieces(f->engine, &f->user, group, 0, &found, &err), OQ_OK);
    assert_int_equal(found.kind, OQ_HASH_NONE);
    assert_int_equal(found.count, 0);
    assert_null(found.hashes);
    assert_int_equal(oq_engine_set_pieces(f->engine, &f->user, group, 0, &pieces, &err), OQ_OK);
    assert_int_equal(oq_engine_view_pieces(f->engine, &f->user, group, 0, &found, &err), OQ_OK);
    assert_int_equal(found.kind, OQ_HASH_SHA256);
    assert_int_equal(found.piece_bytes, PIECE);
    assert_int_equal(found.count, 2);
    assert_memory_equal(found.hashes, hashes, sizeof hashes);
    oq_free(found.hashes);
    found.hashes = NULL;
    assert_int_equal(oq_engine_view_pieces(f->engine, &f->user, group, 1, &found, &err),
                     OQ_E_NOT_FOUND);
    assert_int_equal(oq_engine_view_pieces(f->engine, &f->other, group, 0, &found, &err),
                     OQ_E_ACCESS_DENIED);
    assert_null(found.hashes);
}

/* Shows IOpenQmgrGroup::SetHash.QM_E_INVALID_STATE .QM_E_ITEM_NOT_FOUND
 * IOpenQmgrGroup::SetPieces.QM_E_INVALID_STATE .QM_E_ITEM_NOT_FOUND
 * IOpenQmgrGroup::AddSource.QM_E_INVALID_STATE IOpenQmgrGroup::SetUrl.QM_E_INVALID_STATE
 * IOpenQmgrGroup::GetFile.QM_E_ITEM_NOT_FOUND */
static void expectation__after_the_file_is_there__is_refused(void **state)
{
    struct fixture *f = *state;
    struct oq_error err;
    int64_t group = group_of(f, "a.bin");
    source_resume(f, group);
    assert_arrived(f, group);
    assert_int_equal(oq_engine_set_hash(f->engine, &f->user, group, 0, NULL, SIZE, &err),
                     OQ_E_INVALID_STATE);
    assert_int_equal(
        oq_engine_add_source(f->engine, &f->user, group, 0, fixture_url(f, "b.bin"), &err),
        OQ_E_INVALID_STATE);
    assert_int_equal(oq_engine_set_hash(f->engine, &f->other, group, 0, NULL, SIZE, &err),
                     OQ_E_ACCESS_DENIED);
    assert_int_equal(oq_engine_set_hash(f->engine, &f->user, group, 1, NULL, SIZE, &err),
                     OQ_E_NOT_FOUND);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(hash__right__file_arrives_in_one_request),
        T(hash__of_an_empty_file__is_right_or_wrong_too),
        T(hash__wrong_once__file_is_fetched_again_and_arrives),
        T(hash__wrong_each_time__fails_after_the_second_time),
        T(hash__wrong_each_time__resume_retries_as_often),
        T(hash__of_a_body_without_length__is_verified),
        T(hash__without_validator__bytes_are_continued),
        T(size__not_the_expected_one__fails_before_the_body),
        T(size__expected__needs_no_hash),
        T(digest__right__file_arrives),
        T(digest__body_damaged__file_is_fetched_again),
        T(digest__another_one_on_resume__begins_from_zero_before_the_body),
        T(digest__repr_wrong_each_time__fails),
        T(digest__of_rfc3230_wrong_each_time__fails),
        T(digest__wrong_but_expected_hash_right__arrives),
        T(hash__of_bytes_that_an_earlier_transfer_wrote__flushes_them_first),
        T(pieces__one_damaged__only_that_one_is_fetched_again),
        T(pieces__only_one_of_each_kind__is_the_hash_of_the_file),
        T(pieces__last_short_one_damaged__is_fetched_again),
        T(pieces__first_damaged_and_connection_cut_in_its_repair__is_fetched_again),
        T(pieces__damaged_each_time__fails_and_keeps_the_others),
        T(pieces__server_without_ranges__whole_file_is_fetched_again),
        T(pieces__number_does_not_fit__is_refused),
        T(pieces__none_and_size_unknown__is_refused_and_the_download_runs),
        T(pieces__read_back__are_those_that_were_set),
        T(expectation__after_the_file_is_there__is_refused),
    };
    return cmocka_run_group_tests_name("integrity", tests, NULL, NULL);
}
