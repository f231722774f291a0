/* test_marshal_export.c - IOpenQmgrExport through the proxy DLL, between two apartments. */
#include "marshal_rig.h"

#include <setjmp.h>
#include <wchar.h>
#include <cmocka.h>

#define NONSENSE ((void *)(uintptr_t)0x5a5a5a5a)

static IOpenQmgrExport *export_of(void *object)
{
    IOpenQmgrExport *export = NULL;

    assert_int_equal(
        IUnknown_QueryInterface((IUnknown *)object, &IID_IOpenQmgrExport, (void **)&export), S_OK);
    assert_non_null(export);
    return export;
}

/* Shows all.interfaces IOpenQmgrExport::GetOwner.S_OK */
static void export__from_group_and_job__is_reached(void **state)
{
    void *const objects[] = {rig.group, rig.job};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        IOpenQmgrExport *export = export_of(objects[i]);
        BSTR sid = NONSENSE;

        assert_int_equal(IOpenQmgrExport_GetOwner(export, &sid), S_OK);
        assert_int_equal(wcscmp(sid, L"S-1-5-18"), 0);
        SysFreeString(sid);
        IOpenQmgrExport_Release(export);
    }
    assert_string_equal(rig_log(), "GetOwner; GetOwner; ");
}

/* Shows IOpenQmgrExport::GetPieces.ppbHashes */
static void export_get_pieces__many_hashes__come_back(void **state)
{
    IOpenQmgrExport *export = export_of(rig.job);
    OPENQMGR_HASH kind = OPENQMGR_HASH_NONE;
    UINT64 piece_bytes = 0;
    DWORD length = 0;
    BYTE *hashes = NONSENSE;

    (void)state;
    assert_int_equal(IOpenQmgrExport_GetPieces(export, 7, &kind, &piece_bytes, &length, &hashes),
                     S_OK);
    assert_string_equal(rig_log(), "GetPieces 7; ");
    assert_int_equal(kind, OPENQMGR_HASH_SHA512);
    assert_true(piece_bytes == 0x1122334455ULL);
    assert_int_equal(length, 1000000);
    assert_int_equal(hashes[0], 0xaa);
    assert_int_equal(hashes[length - 1], 0xbb);
    CoTaskMemFree(hashes);
    IOpenQmgrExport_Release(export);
}

static void export_get_pieces__refused_or_none__gives_no_hashes(void **state)
{
    IOpenQmgrExport *export = export_of(rig.group);
    OPENQMGR_HASH kind = OPENQMGR_HASH_NONE;
    UINT64 piece_bytes = 0;
    DWORD length = 77;
    BYTE *hashes = NULL;

    (void)state;
    script.result = (HRESULT)QM_E_ITEM_NOT_FOUND;
    assert_int_equal(IOpenQmgrExport_GetPieces(export, 7, &kind, &piece_bytes, &length, &hashes),
                     (HRESULT)QM_E_ITEM_NOT_FOUND);
    assert_int_equal(length, 0);
    assert_null(hashes);
    assert_int_equal(IOpenQmgrExport_GetPieces(export, 7, &kind, &piece_bytes, &length, NULL),
                     NULL_REFUSED);
    IOpenQmgrExport_Release(export);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_reset, rig_check)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(export__from_group_and_job__is_reached),
        RIGGED(export_get_pieces__many_hashes__come_back),
        RIGGED(export_get_pieces__refused_or_none__gives_no_hashes),
    };

    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
