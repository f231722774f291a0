/* test_sources.c - IOpenQmgrSources, from a group and from a job. */
#include "fake_sources.h"

static IOpenQmgrSources *sources_of(void *object)
{
    IOpenQmgrSources *sources = NULL;
    assert_hr(IUnknown_QueryInterface((IUnknown *)object, &IID_IOpenQmgrSources, (void **)&sources),
              S_OK);
    IOpenQmgrSources_Release(sources); /* the object keeps it */
    return sources;
}

static void sources__from_group_and_job__ask_about_the_same_group(void **state)
{
    struct fixture *fixture = *state;
    void *const objects[] = {fixture->group, fixture->job};
    BSTR url = new_bstr(L"http://h/");
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        IUnknown *unknown = NULL, *again = NULL;
        IOpenQmgrSources *sources = sources_of(objects[i]);
        fixture->engine.group_id = 0;
        assert_hr(IOpenQmgrSources_AddSource(sources, 0, url), S_OK);
        assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
        /* One identity, however it is reached. */
        assert_hr(IOpenQmgrSources_QueryInterface(sources, &IID_IUnknown, (void **)&unknown), S_OK);
        assert_hr(IUnknown_QueryInterface((IUnknown *)objects[i], &IID_IUnknown, (void **)&again),
                  S_OK);
        assert_ptr_equal(unknown, again);
        IUnknown_Release(unknown);
        IUnknown_Release(again);
    }
    SysFreeString(url);
}

static void sources__from_the_manager__is_refused(void **state)
{
    struct fixture *fixture = *state;
    void *sources = &fixture;
    assert_hr(IBackgroundCopyQMgr_QueryInterface(fixture->qmgr, &IID_IOpenQmgrSources, &sources),
              E_NOINTERFACE);
    assert_null(sources);
}

#define HEX L"00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"

/* Shows IOpenQmgrSources::SetHash.dwFileIndex .bstrSha256 .ullSizeBytes */
static void set_hash__text__reaches_the_engine_as_bytes(void **state)
{
    struct fixture *fixture = *state;
    IOpenQmgrSources *sources = sources_of(fixture->job);
    BSTR text = new_bstr(HEX), empty = new_bstr(L"");
    assert_hr(IOpenQmgrSources_SetHash(sources, 3, text, 0x123456789abc), S_OK);
    assert_int_equal(fake_sources.index, 3);
    assert_true(fake_sources.has_sha256);
    assert_int_equal(fake_sources.sha256[1], 0x11);
    assert_int_equal(fake_sources.sha256[31], 0xff);
    assert_true(fake_sources.size_bytes == 0x123456789abc);
    assert_hr(IOpenQmgrSources_SetHash(sources, 3, empty, OPENQMGR_SIZE_UNKNOWN), S_OK);
    assert_false(fake_sources.has_sha256);
    assert_true(fake_sources.size_bytes == OQ_SIZE_UNKNOWN);
    fake_sources.has_sha256 = true;
    assert_hr(IOpenQmgrSources_SetHash(sources, 3, NULL, OPENQMGR_SIZE_UNKNOWN), S_OK);
    assert_false(fake_sources.has_sha256);
    SysFreeString(text);
    SysFreeString(empty);
}

/* Shows IOpenQmgrSources::SetHash.E_INVALIDARG */
static void set_hash__other_text__is_refused_before_the_engine(void **state)
{
    struct fixture *fixture = *state;
    static const WCHAR *const texts[] = {L"00", L"x", HEX L"00",
                                         L"g0112233445566778899AABBCCDDEEFF"
                                         L"00112233445566778899aabbccddeeff",
                                         L"\u00e4"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        BSTR text = new_bstr(texts[i]);
        assert_hr(IOpenQmgrSources_SetHash(sources_of(fixture->job), 0, text, 1), E_INVALIDARG);
        SysFreeString(text);
    }
    assert_int_equal(fixture->engine.calls, 0);
}

/* Shows OPENQMGR_HASH_NONE OPENQMGR_HASH_SHA1 OPENQMGR_HASH_SHA256 OPENQMGR_HASH_SHA512
 * IOpenQmgrSources::SetPieces.dwFileIndex .eKind .ullPieceBytes .pbHashes */
static void set_pieces__each_kind__reaches_the_engine(void **state)
{
    struct fixture *fixture = *state;
    IOpenQmgrSources *sources = sources_of(fixture->group);
    static const struct {
        OPENQMGR_HASH kind;
        enum oq_hash_kind inside;
        DWORD size;
    } kinds[] = {
        {OPENQMGR_HASH_SHA1, OQ_HASH_SHA1, 20},
        {OPENQMGR_HASH_SHA256, OQ_HASH_SHA256, 32},
        {OPENQMGR_HASH_SHA512, OQ_HASH_SHA512, 64},
    };
    BYTE hashes[3 * 64] = {0x77};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        assert_hr(IOpenQmgrSources_SetPieces(sources, 9, kinds[i].kind, 0x100000000,
                                             3 * kinds[i].size, hashes),
                  S_OK);
        assert_int_equal(fake_sources.index, 9);
        assert_int_equal(fake_sources.pieces.kind, kinds[i].inside);
        assert_int_equal(fake_sources.pieces.count, 3);
        assert_true(fake_sources.pieces.piece_bytes == 0x100000000);
        assert_int_equal(fake_sources.first_byte, 0x77);
    }
    assert_hr(IOpenQmgrSources_SetPieces(sources, 9, OPENQMGR_HASH_NONE, 0, 0, NULL), S_OK);
    assert_int_equal(fake_sources.pieces.kind, OQ_HASH_NONE);
    assert_int_equal(fake_sources.pieces.count, 0);
}

/* Shows IOpenQmgrSources::SetPieces.cbHashes */
static void set_pieces__length_that_does_not_fit__is_refused_before_the_engine(void **state)
{
    struct fixture *fixture = *state;
    IOpenQmgrSources *sources = sources_of(fixture->group);
    BYTE hashes[64] = {0};
    assert_hr(IOpenQmgrSources_SetPieces(sources, 0, OPENQMGR_HASH_SHA256, 1, 33, hashes),
              E_INVALIDARG);
    assert_hr(IOpenQmgrSources_SetPieces(sources, 0, OPENQMGR_HASH_SHA256, 1, 32, NULL),
              E_INVALIDARG);
    assert_hr(IOpenQmgrSources_SetPieces(sources, 0, (OPENQMGR_HASH)9, 1, 32, hashes),
              E_INVALIDARG);
    assert_hr(IOpenQmgrSources_SetPieces(sources, 0, OPENQMGR_HASH_SHA256, 1,
                                         OQ_PIECES_MAX_BYTES + 32, hashes),
              E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
}

/* Shows IOpenQmgrSources::AddSource.dwFileIndex .bstrUrl */
static void add_source__url__reaches_the_engine(void **state)
{
    struct fixture *fixture = *state;
    BSTR url = new_bstr(L"http://h/\u00e4");
    assert_hr(IOpenQmgrSources_AddSource(sources_of(fixture->job), 5, url), S_OK);
    assert_int_equal(fake_sources.index, 5);
    assert_string_equal(fake_sources.url, "http://h/\xc3\xa4");
    SysFreeString(url);
}

/* Shows IOpenQmgrSources::SetUrl.dwFileIndex .dwSource .bstrUrl */
static void set_url__numbers_and_url__reach_the_engine(void **state)
{
    struct fixture *fixture = *state;
    BSTR url = new_bstr(L"http://h/?signature=2");
    assert_hr(IOpenQmgrSources_SetUrl(sources_of(fixture->job), 5, 2, url), S_OK);
    assert_int_equal(fake_sources.index, 5);
    assert_int_equal(fake_sources.source, 2);
    assert_string_equal(fake_sources.url, "http://h/?signature=2");
    SysFreeString(url);
}

/* Shows OPENQMGR_SOURCE_READY OPENQMGR_SOURCE_ASKED OPENQMGR_SOURCE_LEFT OPENQMGR_SOURCE_WRONG
 * IOpenQmgrSources::GetSource.dwFileIndex .dwSource .peState .pbstrUrl .S_OK */
static void source__each_state__has_its_number(void **state)
{
    struct fixture *fixture = *state;
    static const OPENQMGR_SOURCE states[] = {
        [OQ_SOURCE_READY] = OPENQMGR_SOURCE_READY,
        [OQ_SOURCE_ASKED] = OPENQMGR_SOURCE_ASKED,
        [OQ_SOURCE_LEFT] = OPENQMGR_SOURCE_LEFT,
        [OQ_SOURCE_WRONG] = OPENQMGR_SOURCE_WRONG,
    };
    for (unsigned i = 0; i < COUNT_OF(states); i++) {
        OPENQMGR_SOURCE found = (OPENQMGR_SOURCE)77;
        BSTR url = NULL;
        fake_sources.state = (enum oq_source_state)i;
        assert_hr(IOpenQmgrSources_GetSource(sources_of(fixture->group), 4, 3, &found, &url), S_OK);
        assert_int_equal(found, states[i]);
        assert_int_equal(fake_sources.index, 4);
        assert_int_equal(fake_sources.source, 3);
        assert_bstr(url, L"http://mirror/");
        SysFreeString(url);
    }
}

/* Shows IOpenQmgrSources::GetChecks.dwFileIndex .pbstrSha256 .pullSizeBytes .pePieceKind
 * .pullPieceBytes .pdwPieces .pdwMismatches .pfChecking .S_OK */
static void checks__everything__comes_back(void **state)
{
    struct fixture *fixture = *state;
    BSTR sha256 = NULL;
    UINT64 size = 1, piece = 1;
    OPENQMGR_HASH kind = (OPENQMGR_HASH)77;
    DWORD pieces = 1, mismatches = 1;
    BOOL is_checking = FALSE;
    fake_sources.checks = (struct oq_checks_view){.has_sha256 = true,
                                                  .sha256 = {0xab, 0x01},
                                                  .size_bytes = 0x100000001,
                                                  .piece_kind = OQ_HASH_SHA1,
                                                  .piece_bytes = 0x200000000,
                                                  .piece_count = 17,
                                                  .mismatches = 2,
                                                  .is_checking = true};
    assert_hr(IOpenQmgrSources_GetChecks(sources_of(fixture->job), 6, &sha256, &size, &kind, &piece,
                                         &pieces, &mismatches, &is_checking),
              S_OK);
    assert_int_equal(fake_sources.index, 6);
    assert_int_equal(SysStringLen(sha256), 64);
    assert_memory_equal(sha256, L"ab010000", 8 * sizeof(WCHAR));
    assert_true(size == 0x100000001);
    assert_int_equal(kind, OPENQMGR_HASH_SHA1);
    assert_true(piece == 0x200000000);
    assert_int_equal(pieces, 17);
    assert_int_equal(mismatches, 2);
    assert_int_equal(is_checking, TRUE);
    SysFreeString(sha256);
    fake_sources.checks = (struct oq_checks_view){.size_bytes = OQ_SIZE_UNKNOWN};
    assert_hr(IOpenQmgrSources_GetChecks(sources_of(fixture->job), 6, &sha256, &size, &kind, &piece,
                                         &pieces, &mismatches, &is_checking),
              S_OK);
    assert_int_equal(SysStringLen(sha256), 0);
    assert_true(size == OPENQMGR_SIZE_UNKNOWN);
    assert_int_equal(is_checking, FALSE);
    SysFreeString(sha256);
}

static void sources__a_null_output__is_refused(void **state)
{
    struct fixture *fixture = *state;
    OPENQMGR_SOURCE found;
    BSTR url = NULL;
    assert_hr(IOpenQmgrSources_GetSource(sources_of(fixture->group), 0, 0, NULL, &url),
              E_INVALIDARG);
    assert_hr(IOpenQmgrSources_GetSource(sources_of(fixture->group), 0, 0, &found, NULL),
              E_INVALIDARG);
    assert_hr(IOpenQmgrSources_GetChecks(sources_of(fixture->group), 0, &url, NULL, NULL, NULL,
                                         NULL, NULL, NULL),
              E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(sources__from_group_and_job__ask_about_the_same_group),
        T(sources__from_the_manager__is_refused),
        T(set_hash__text__reaches_the_engine_as_bytes),
        T(set_hash__other_text__is_refused_before_the_engine),
        T(set_pieces__each_kind__reaches_the_engine),
        T(set_pieces__length_that_does_not_fit__is_refused_before_the_engine),
        T(add_source__url__reaches_the_engine),
        T(set_url__numbers_and_url__reach_the_engine),
        T(source__each_state__has_its_number),
        T(checks__everything__comes_back),
        T(sources__a_null_output__is_refused),
    };
    return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
