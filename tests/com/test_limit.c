/* test_limit.c - IOpenQmgrLimit, from a group and from a job. */
#include "com_fixture.h"

static IOpenQmgrLimit *limit_of(void *object)
{
    IOpenQmgrLimit *limit = NULL;
    assert_hr(IUnknown_QueryInterface((IUnknown *)object, &IID_IOpenQmgrLimit, (void **)&limit),
              S_OK);
    IOpenQmgrLimit_Release(limit); /* the object keeps it */
    return limit;
}

static void limit__from_group_and_job__is_of_the_same_group(void **state)
{
    struct fixture *fixture = *state;
    void *const objects[] = {fixture->group, fixture->job};
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        IUnknown *unknown = NULL, *again = NULL;
        IOpenQmgrLimit *limit = limit_of(objects[i]);
        fixture->engine.group_id = 0;
        assert_hr(IOpenQmgrLimit_SetMaxRate(limit, 1), S_OK);
        assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
        /* One identity, however it is reached. */
        assert_hr(IOpenQmgrLimit_QueryInterface(limit, &IID_IUnknown, (void **)&unknown), S_OK);
        assert_hr(IUnknown_QueryInterface((IUnknown *)objects[i], &IID_IUnknown, (void **)&again),
                  S_OK);
        assert_ptr_equal(unknown, again);
        IUnknown_Release(unknown);
        IUnknown_Release(again);
    }
}

static void limit__from_the_manager__is_refused(void **state)
{
    struct fixture *fixture = *state;
    void *limit = &fixture;
    assert_hr(IBackgroundCopyQMgr_QueryInterface(fixture->qmgr, &IID_IOpenQmgrLimit, &limit),
              E_NOINTERFACE);
    assert_null(limit);
}

/* Shows IOpenQmgrLimit::SetMaxRate.ullBytesPerSecond */
static void set_max_rate__bytes_per_second__reach_the_engine(void **state)
{
    struct fixture *fixture = *state;
    assert_hr(IOpenQmgrLimit_SetMaxRate(limit_of(fixture->job), 12500000000), S_OK);
    assert_true(fixture->engine.max_rate == 12500000000);
    assert_hr(IOpenQmgrLimit_SetMaxRate(limit_of(fixture->group), 0), S_OK);
    assert_true(fixture->engine.max_rate == 0);
}

/* Shows IOpenQmgrLimit::GetMaxRate.pullBytesPerSecond .S_OK */
static void get_max_rate__limit_of_the_engine__comes_back(void **state)
{
    struct fixture *fixture = *state;
    UINT64 rate = 77;
    fixture->engine.view.max_bytes_per_s = 0x123456789;
    assert_hr(IOpenQmgrLimit_GetMaxRate(limit_of(fixture->group), &rate), S_OK);
    assert_true(rate == 0x123456789);
    fixture->engine.view.max_bytes_per_s = 0;
    assert_hr(IOpenQmgrLimit_GetMaxRate(limit_of(fixture->job), &rate), S_OK);
    assert_true(rate == 0);
    assert_hr(IOpenQmgrLimit_GetMaxRate(limit_of(fixture->job), NULL), E_INVALIDARG);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(limit__from_group_and_job__is_of_the_same_group),
        T(limit__from_the_manager__is_refused),
        T(set_max_rate__bytes_per_second__reach_the_engine),
        T(get_max_rate__limit_of_the_engine__comes_back),
    };
    return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
