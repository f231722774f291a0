/* test_export.c - IOpenQmgrExport, from a group and from a job. */
#include "fake_sources.h"

static IOpenQmgrExport *export_of(void *object)
{
    IOpenQmgrExport *export = NULL;
    assert_hr(IUnknown_QueryInterface((IUnknown *)object, &IID_IOpenQmgrExport, (void **)&export),
              S_OK);
    IOpenQmgrExport_Release(export); /* the object keeps it */
    return export;
}

static void export__from_group_and_job__is_of_the_same_group(void **state)
{
    struct fixture *fixture = *state;
    void *const objects[] = {fixture->group, fixture->job};
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        IUnknown *unknown = NULL, *again = NULL;
        IOpenQmgrExport *export = export_of(objects[i]);
        BSTR sid = NULL;
        fixture->engine.group_id = 0;
        assert_hr(IOpenQmgrExport_GetOwner(export, &sid), S_OK);
        SysFreeString(sid);
        assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
        /* One identity, however it is reached. */
        assert_hr(IOpenQmgrExport_QueryInterface(export, &IID_IUnknown, (void **)&unknown), S_OK);
        assert_hr(IUnknown_QueryInterface((IUnknown *)objects[i], &IID_IUnknown, (void **)&again),
                  S_OK);
        assert_ptr_equal(unknown, again);
        IUnknown_Release(unknown);
        IUnknown_Release(again);
    }
}

/* Shows IOpenQmgrExport.read-only-method IOpenQmgrExport::GetOwner.pbstrSid .S_OK */
static void get_owner__sid_of_the_engine__comes_back(void **state)
{
    struct fixture *fixture = *state;
    BSTR sid = NULL;
    snprintf(fixture->engine.view.owner_sid, sizeof fixture->engine.view.owner_sid, "S-1-5-7");
    assert_hr(IOpenQmgrExport_GetOwner(export_of(fixture->group), &sid), S_OK);
    assert_bstr(sid, L"S-1-5-7");
    SysFreeString(sid);
    assert_int_equal(fixture->engine.last, FAKE_VIEW_GROUP); /* looking is no activity */
    assert_hr(IOpenQmgrExport_GetOwner(export_of(fixture->group), NULL), E_INVALIDARG);
}

/* Shows IOpenQmgrExport::GetPieces.dwFileIndex .peKind .pullPieceBytes .pcbHashes .ppbHashes
 * .S_OK */
static void get_pieces__hashes_of_the_engine__come_back(void **state)
{
    struct fixture *fixture = *state;
    OPENQMGR_HASH kind = (OPENQMGR_HASH)77;
    UINT64 piece_bytes = 77;
    DWORD length = 77;
    BYTE *hashes = NULL;
    fake_sources.pieces =
        (struct oq_pieces){.kind = OQ_HASH_SHA1, .piece_bytes = 0x100000000, .count = 3};
    fake_sources.first_byte = 0xaa;
    assert_hr(IOpenQmgrExport_GetPieces(export_of(fixture->job), 5, &kind, &piece_bytes, &length,
                                        &hashes),
              S_OK);
    assert_int_equal(fake_sources.index, 5);
    assert_int_equal(kind, OPENQMGR_HASH_SHA1);
    assert_true(piece_bytes == 0x100000000);
    assert_int_equal(length, 60);
    assert_int_equal(hashes[0], 0xaa);
    assert_int_equal(hashes[59], 0xaa);
    CoTaskMemFree(hashes);
}

/* Shows IOpenQmgrExport::GetPieces.peKind .ppbHashes */
static void get_pieces__none__are_none(void **state)
{
    struct fixture *fixture = *state;
    OPENQMGR_HASH kind = (OPENQMGR_HASH)77;
    UINT64 piece_bytes = 77;
    DWORD length = 77;
    BYTE *hashes = (BYTE *)(uintptr_t)0xdeadbeef;
    fake_sources.pieces = (struct oq_pieces){.kind = OQ_HASH_NONE};
    assert_hr(IOpenQmgrExport_GetPieces(export_of(fixture->job), 0, &kind, &piece_bytes, &length,
                                        &hashes),
              S_OK);
    assert_int_equal(kind, OPENQMGR_HASH_NONE);
    assert_int_equal(length, 0);
    assert_null(hashes);
    assert_hr(
        IOpenQmgrExport_GetPieces(export_of(fixture->job), 0, &kind, &piece_bytes, &length, NULL),
        E_INVALIDARG);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(export__from_group_and_job__is_of_the_same_group),
        T(get_owner__sid_of_the_engine__comes_back),
        T(get_pieces__hashes_of_the_engine__come_back),
        T(get_pieces__none__are_none),
    };
    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
