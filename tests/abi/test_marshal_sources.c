/* test_marshal_sources.c - IOpenQmgrSources through the proxy DLL, between two apartments. */
#include "marshal_rig.h"

#include <setjmp.h>
#include <string.h>
#include <wchar.h>
#include <cmocka.h>

#define NONSENSE ((void *)(uintptr_t)0x5a5a5a5a)

static IOpenQmgrSources *sources_of(void *object)
{
    IOpenQmgrSources *sources = NULL;

    assert_int_equal(
        IUnknown_QueryInterface((IUnknown *)object, &IID_IOpenQmgrSources, (void **)&sources),
        S_OK);
    assert_non_null(sources);
    return sources;
}

/* Shows all.interfaces */
static void sources__from_group_and_job__is_reached(void **state)
{
    void *const objects[] = {rig.group, rig.job};
    BSTR url = SysAllocString(L"http://h/\u00e4");

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        IOpenQmgrSources *sources = sources_of(objects[i]);

        assert_int_equal(IOpenQmgrSources_AddSource(sources, i, url), S_OK);
        IOpenQmgrSources_Release(sources);
    }
    SysFreeString(url);
    assert_string_equal(rig_log(),
                        "AddSource 0 'http://h/\xc3\xa4'; AddSource 1 'http://h/\xc3\xa4'; ");
}

static void sources__from_objects_without_it__is_refused(void **state)
{
    IOpenQmgrSources *sources = NONSENSE;

    (void)state;
    assert_int_equal(
        IBackgroundCopyQMgr_QueryInterface(rig.qmgr, &IID_IOpenQmgrSources, (void **)&sources),
        E_NOINTERFACE);
    assert_null(sources);
}

static void sources_set_hash__arguments__arrive(void **state)
{
    IOpenQmgrSources *sources = sources_of(rig.job);
    BSTR text = SysAllocString(L"00ff");

    (void)state;
    assert_int_equal(IOpenQmgrSources_SetHash(sources, 7, text, 0x123456789abcdefULL), S_OK);
    assert_int_equal(IOpenQmgrSources_SetHash(sources, 8, NULL, OPENQMGR_SIZE_UNKNOWN), S_OK);
    assert_string_equal(rig_log(),
                        "SetHash 7 '00ff' 123456789abcdef; SetHash 8 NULL ffffffffffffffff; ");
    SysFreeString(text);
    IOpenQmgrSources_Release(sources);
}

static void sources_set_pieces__many_hashes__arrive(void **state)
{
    IOpenQmgrSources *sources = sources_of(rig.job);
    enum { LENGTH = 1000000 };
    BYTE *hashes = CoTaskMemAlloc(LENGTH);

    (void)state;
    assert_non_null(hashes);
    memset(hashes, 1, LENGTH);
    hashes[0] = 0xaa;
    hashes[LENGTH - 1] = 0xbb;
    assert_int_equal(
        IOpenQmgrSources_SetPieces(sources, 1, OPENQMGR_HASH_SHA1, 0x100000000ULL, LENGTH, hashes),
        S_OK);
    assert_int_equal(IOpenQmgrSources_SetPieces(sources, 2, OPENQMGR_HASH_NONE, 0, 0, NULL), S_OK);
    assert_string_equal(rig_log(), "SetPieces 1 1 100000000 1000000 aa..bb; SetPieces 2 0 0 0; ");
    CoTaskMemFree(hashes);
    IOpenQmgrSources_Release(sources);
}

static void sources_set_url__arguments_and_code__pass(void **state)
{
    IOpenQmgrSources *sources = sources_of(rig.group);
    BSTR url = SysAllocString(L"http://h/");

    (void)state;
    script.result = (HRESULT)QM_E_INVALID_STATE;
    assert_int_equal(IOpenQmgrSources_SetUrl(sources, 5, 31, url), (HRESULT)QM_E_INVALID_STATE);
    assert_string_equal(rig_log(), "SetUrl 5 31 'http://h/'; ");
    SysFreeString(url);
    IOpenQmgrSources_Release(sources);
}

static void sources_get_source__everything__comes_back(void **state)
{
    IOpenQmgrSources *sources = sources_of(rig.group);
    OPENQMGR_SOURCE what = (OPENQMGR_SOURCE)0x5a;
    BSTR url = NONSENSE;

    (void)state;
    assert_int_equal(IOpenQmgrSources_GetSource(sources, 3, 2, &what, &url), S_OK);
    assert_string_equal(rig_log(), "GetSource 3 2; ");
    assert_int_equal(what, OPENQMGR_SOURCE_WRONG);
    assert_int_equal(wcscmp(url, L"http://mirror/"), 0);
    SysFreeString(url);
    IOpenQmgrSources_Release(sources);
}

static void sources_get_checks__everything__comes_back(void **state)
{
    IOpenQmgrSources *sources = sources_of(rig.job);
    BSTR sha256 = NONSENSE;
    UINT64 size = 0x5a, piece = 0x5a;
    OPENQMGR_HASH kind = OPENQMGR_HASH_NONE;
    DWORD pieces = 0x5a, mismatches = 0x5a;
    BOOL is_checking = FALSE;

    (void)state;
    assert_int_equal(IOpenQmgrSources_GetChecks(sources, 9, &sha256, &size, &kind, &piece, &pieces,
                                                &mismatches, &is_checking),
                     S_OK);
    assert_string_equal(rig_log(), "GetChecks 9; ");
    assert_int_equal(wcscmp(sha256, L"abcd"), 0);
    assert_true(size == 0x0123456789ABCDEFULL);
    assert_int_equal(kind, OPENQMGR_HASH_SHA512);
    assert_true(piece == 0x1122334455ULL);
    assert_int_equal(pieces, 3000000000u);
    assert_int_equal(mismatches, 2);
    assert_int_equal(is_checking, TRUE);
    SysFreeString(sha256);
    IOpenQmgrSources_Release(sources);
}

static void sources_get__refused__gives_code_and_null_texts(void **state)
{
    IOpenQmgrSources *sources = sources_of(rig.job);
    OPENQMGR_SOURCE what;
    BSTR url = NONSENSE;

    (void)state;
    script.result = (HRESULT)QM_E_ITEM_NOT_FOUND;
    assert_int_equal(IOpenQmgrSources_GetSource(sources, 3, 2, &what, &url),
                     (HRESULT)QM_E_ITEM_NOT_FOUND);
    assert_null(url);
    assert_int_equal(IOpenQmgrSources_GetSource(sources, 3, 2, &what, NULL), NULL_REFUSED);
    IOpenQmgrSources_Release(sources);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_reset, rig_check)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(sources__from_group_and_job__is_reached),
        RIGGED(sources__from_objects_without_it__is_refused),
        RIGGED(sources_set_hash__arguments__arrive),
        RIGGED(sources_set_pieces__many_hashes__arrive),
        RIGGED(sources_set_url__arguments_and_code__pass),
        RIGGED(sources_get_source__everything__comes_back),
        RIGGED(sources_get_checks__everything__comes_back),
        RIGGED(sources_get__refused__gives_code_and_null_texts),
    };

    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
