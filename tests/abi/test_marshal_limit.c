/* test_marshal_limit.c - IOpenQmgrLimit through the proxy DLL, between two apartments. */
#include "marshal_rig.h"

#include <setjmp.h>
#include <cmocka.h>

#define NONSENSE ((void *)(uintptr_t)0x5a5a5a5a)

static IOpenQmgrLimit *limit_of(void *object)
{
    IOpenQmgrLimit *limit = NULL;

    assert_int_equal(
        IUnknown_QueryInterface((IUnknown *)object, &IID_IOpenQmgrLimit, (void **)&limit), S_OK);
    assert_non_null(limit);
    return limit;
}

/* Shows all.interfaces */
static void limit__from_group_and_job__is_reached(void **state)
{
    void *const objects[] = {rig.group, rig.job};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        IOpenQmgrLimit *limit = limit_of(objects[i]);

        assert_int_equal(IOpenQmgrLimit_SetMaxRate(limit, 0x123456789abcdefULL + i), S_OK);
        IOpenQmgrLimit_Release(limit);
    }
    assert_string_equal(rig_log(), "SetMaxRate 123456789abcdef; SetMaxRate 123456789abcdf0; ");
}

static void limit__from_objects_without_it__is_refused(void **state)
{
    IOpenQmgrLimit *limit = NONSENSE;

    (void)state;
    assert_int_equal(
        IBackgroundCopyQMgr_QueryInterface(rig.qmgr, &IID_IOpenQmgrLimit, (void **)&limit),
        E_NOINTERFACE);
    assert_null(limit);
}

static void limit_get_max_rate__number_and_code__come_back(void **state)
{
    IOpenQmgrLimit *limit = limit_of(rig.job);
    UINT64 rate = 0;

    (void)state;
    assert_int_equal(IOpenQmgrLimit_GetMaxRate(limit, &rate), S_OK);
    assert_true(rate == 0x0123456789ABCDEFULL);
    assert_int_equal(IOpenQmgrLimit_GetMaxRate(limit, NULL), NULL_REFUSED);
    script.result = (HRESULT)QM_E_INVALID_STATE;
    assert_int_equal(IOpenQmgrLimit_SetMaxRate(limit, 0), (HRESULT)QM_E_INVALID_STATE);
    IOpenQmgrLimit_Release(limit);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_reset, rig_check)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(limit__from_group_and_job__is_reached),
        RIGGED(limit__from_objects_without_it__is_refused),
        RIGGED(limit_get_max_rate__number_and_code__come_back),
    };

    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
