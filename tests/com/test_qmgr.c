/* test_qmgr.c - IBackgroundCopyQMgr (contract 5.1) */
#include "com_fixture.h"

/* Shows all.memory-out IBackgroundCopyQMgr::CreateGroup.ppGroup */
static void create_group__fresh__asks_for_that_guid_and_binds_the_id(void **state)
{
    struct fixture *fixture = *state;
    IBackgroundCopyGroup *group = NULL;
    GUID guid;
    assert_hr(IBackgroundCopyQMgr_CreateGroup(fixture->qmgr, other_guid, &group), S_OK);
    assert_int_equal(fixture->engine.count[FAKE_CREATE_GROUP], 1);
    assert_guid(&fixture->engine.guid, &other_guid);
    assert_hr(IBackgroundCopyGroup_get_GroupID(group, &guid), S_OK);
    assert_guid(&guid, &other_guid);
    assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
    assert_int_equal(IBackgroundCopyGroup_Release(group), 0);
}

/* Shows IBackgroundCopyQMgr::CreateGroup.0x80200049 .0x80200050 */
static void create_group__refused__has_the_code_of_the_reason(void **state)
{
    static const struct {
        enum oq_status status;
        HRESULT hr;
    } reasons[] = {
        {OQ_E_EXISTS, E_INVALIDARG},
        {OQ_E_INVALID_ARG, E_INVALIDARG},
        {OQ_E_LIMIT_USER, (HRESULT)0x80200049},
        {OQ_E_LIMIT_MACHINE, (HRESULT)0x80200050},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        IBackgroundCopyGroup *group = (IBackgroundCopyGroup *)(uintptr_t)0xdeadbeef;
        fixture->engine.status = reasons[i].status;
        assert_hr(IBackgroundCopyQMgr_CreateGroup(fixture->qmgr, other_guid, &group),
                  reasons[i].hr);
        assert_null(group);
    }
}

/* Shows IBackgroundCopyQMgr::GetGroup.ppGroup */
static void get_group__known__asks_for_that_guid_and_binds_the_id(void **state)
{
    struct fixture *fixture = *state;
    IBackgroundCopyGroup *group = NULL;
    assert_hr(IBackgroundCopyQMgr_GetGroup(fixture->qmgr, other_guid, &group), S_OK);
    assert_int_equal(fixture->engine.count[FAKE_GET_GROUP], 1);
    assert_guid(&fixture->engine.guid, &other_guid);
    assert_hr(IBackgroundCopyGroup_SuspendGroup(group), S_OK);
    assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
    IBackgroundCopyGroup_Release(group);
}

static void get_group__unknown__is_item_not_found(void **state)
{
    struct fixture *fixture = *state;
    IBackgroundCopyGroup *group = (IBackgroundCopyGroup *)(uintptr_t)0xdeadbeef;
    fixture->engine.status = OQ_E_NOT_FOUND;
    assert_hr(IBackgroundCopyQMgr_GetGroup(fixture->qmgr, other_guid, &group), QM_E_ITEM_NOT_FOUND);
    assert_null(group);
}

/* Shows all.null-output-inside */
static void group__null_output__is_refused_before_the_engine(void **state)
{
    struct fixture *fixture = *state;
    assert_hr(IBackgroundCopyQMgr_CreateGroup(fixture->qmgr, other_guid, NULL), E_INVALIDARG);
    assert_hr(IBackgroundCopyQMgr_GetGroup(fixture->qmgr, other_guid, NULL), E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
    assert_int_equal(fixture->identity.captures, 0);
}

/* The extension of a group works on the same group. */
static void group__its_extension__knows_the_id(void **state)
{
    struct fixture *fixture = *state;
    IBackgroundCopyGroup *group = NULL;
    IOpenQmgrGroup *open = NULL;
    assert_hr(IBackgroundCopyQMgr_GetGroup(fixture->qmgr, other_guid, &group), S_OK);
    assert_hr(IBackgroundCopyGroup_QueryInterface(group, &IID_IOpenQmgrGroup, (void **)&open),
              S_OK);
    assert_hr(IOpenQmgrGroup_SetMaxRate(open, 1), S_OK);
    assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
    IOpenQmgrGroup_Release(open);
    IBackgroundCopyGroup_Release(group);
}

/* Shows all.interfaces IOpenQmgrManager::OpenGroup.guidGroup .ppGroup */
static void open_group__known__is_the_one_asked_for(void **state)
{
    struct fixture *fixture = *state;
    IOpenQmgrManager *manager = NULL;
    IBackgroundCopyQMgr *back = NULL;
    IBackgroundCopyGroup *group = NULL;
    GUID guid;
    assert_hr(
        IBackgroundCopyQMgr_QueryInterface(fixture->qmgr, &IID_IOpenQmgrManager, (void **)&manager),
        S_OK);
    assert_hr(IOpenQmgrManager_QueryInterface(manager, &IID_IBackgroundCopyQMgr, (void **)&back),
              S_OK);
    assert_ptr_equal(back, fixture->qmgr);
    IBackgroundCopyQMgr_Release(back);
    assert_hr(IOpenQmgrManager_OpenGroup(manager, other_guid, NULL), E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
    assert_hr(IOpenQmgrManager_OpenGroup(manager, other_guid, &group), S_OK);
    assert_int_equal(fixture->engine.last, FAKE_PEEK_GROUP);
    assert_int_equal(fixture->engine.count[FAKE_GET_GROUP], 0);
    assert_memory_equal(&fixture->engine.guid, &other_guid, sizeof other_guid);
    assert_hr(IBackgroundCopyGroup_get_GroupID(group, &guid), S_OK);
    assert_guid(&guid, &other_guid);
    assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
    IBackgroundCopyGroup_Release(group);
    fixture->engine.status = OQ_E_NOT_FOUND;
    assert_hr(IOpenQmgrManager_OpenGroup(manager, other_guid, &group), QM_E_ITEM_NOT_FOUND);
    assert_null(group);
    IOpenQmgrManager_Release(manager);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(create_group__fresh__asks_for_that_guid_and_binds_the_id),
        WITH(create_group__refused__has_the_code_of_the_reason),
        WITH(get_group__known__asks_for_that_guid_and_binds_the_id),
        WITH(get_group__unknown__is_item_not_found),
        WITH(group__null_output__is_refused_before_the_engine),
        WITH(group__its_extension__knows_the_id),
        WITH(open_group__known__is_the_one_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
