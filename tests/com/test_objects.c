/* test_objects.c - IUnknown of every object, the class factory, and the counts (object.c,
 * context.c, factory.c) */
#include "com_fixture.h"

static IEnumBackgroundCopyGroups *new_enum_groups(struct fixture *fixture)
{
    IEnumBackgroundCopyGroups *out = NULL;
    assert_int_equal(oq_enum_groups_new(fixture->context, NULL, 0, &out), OQ_OK);
    return out;
}

static IEnumBackgroundCopyJobs1 *new_enum_jobs(struct fixture *fixture)
{
    IEnumBackgroundCopyJobs1 *out = NULL;
    assert_int_equal(oq_enum_jobs_new(fixture->context, NULL, 0, &out), OQ_OK);
    return out;
}

static IClassFactory *new_factory(struct fixture *fixture)
{
    IClassFactory *out = NULL;
    assert_int_equal(oq_factory_new(fixture->context, &out), OQ_OK);
    return out;
}

/* Every interface there is, so that each object is asked for all of them. */
static const IID *const all_interfaces[] = {
    &IID_IUnknown,
    &IID_IBackgroundCopyQMgr,
    &IID_IBackgroundCopyGroup,
    &IID_IBackgroundCopyJob1,
    &IID_IBackgroundCopyCallback1,
    &IID_IEnumBackgroundCopyGroups,
    &IID_IEnumBackgroundCopyJobs1,
    &IID_IOpenQmgrManager,
    &IID_IOpenQmgrGroup,
    &IID_IClassFactory,
    &IID_IDispatch,
    &IID_IMarshal,
    &IID_IClientSecurity,
    &GUID_NULL,
};

/* Asks `unknown` for everything: it must have IUnknown, `own`, and `extension`
 * unless that is NULL; nothing else; and one identity from wherever it is asked. */
static void check_interfaces(IUnknown *unknown, const IID *own, const IID *extension)
{
    IUnknown *identity = NULL;
    assert_hr(IUnknown_QueryInterface(unknown, &IID_IUnknown, (void **)&identity), S_OK);
    IUnknown_Release(identity);

    for (size_t i = 0; i < COUNT_OF(all_interfaces); i++) {
        const IID *iid = all_interfaces[i];
        bool is_expected = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, own) ||
                           (extension && IsEqualIID(iid, extension));
        IUnknown *found = (IUnknown *)(uintptr_t)0xdeadbeef;
        HRESULT hr = IUnknown_QueryInterface(unknown, iid, (void **)&found);
        assert_hr(hr, is_expected ? S_OK : E_NOINTERFACE);
        if (!is_expected) {
            assert_null(found);
            continue;
        }
        IUnknown *again = NULL;
        assert_hr(IUnknown_QueryInterface(found, &IID_IUnknown, (void **)&again), S_OK);
        assert_ptr_equal(again, identity);
        IUnknown_Release(again);
        assert_hr(IUnknown_QueryInterface(found, own, (void **)&again), S_OK); /* and back */
        IUnknown_Release(again);
        IUnknown_Release(found);
    }
    assert_hr(IUnknown_QueryInterface(unknown, &IID_IUnknown, NULL), E_POINTER);
}

/* Shows all.interfaces */
static void object__asked_for_interfaces__has_its_own_and_one_identity(void **state)
{
    struct fixture *fixture = *state;
    IEnumBackgroundCopyGroups *groups = new_enum_groups(fixture);
    IEnumBackgroundCopyJobs1 *jobs = new_enum_jobs(fixture);
    IClassFactory *factory = new_factory(fixture);

    check_interfaces((IUnknown *)fixture->qmgr, &IID_IBackgroundCopyQMgr, &IID_IOpenQmgrManager);
    check_interfaces((IUnknown *)fixture->group, &IID_IBackgroundCopyGroup, &IID_IOpenQmgrGroup);
    check_interfaces((IUnknown *)fixture->job, &IID_IBackgroundCopyJob1, &IID_IOpenQmgrGroup);
    check_interfaces((IUnknown *)groups, &IID_IEnumBackgroundCopyGroups, NULL);
    check_interfaces((IUnknown *)jobs, &IID_IEnumBackgroundCopyJobs1, NULL);
    check_interfaces((IUnknown *)factory, &IID_IClassFactory, NULL);

    IEnumBackgroundCopyGroups_Release(groups);
    IEnumBackgroundCopyJobs1_Release(jobs);
    IClassFactory_Release(factory);
}

static void object__references__are_counted_over_all_its_interfaces(void **state)
{
    struct fixture *fixture = *state;
    IOpenQmgrGroup *open = NULL;
    IBackgroundCopyGroup *group = NULL;
    assert_int_equal(oq_group_new(fixture->context, &group_guid, &group), OQ_OK);
    assert_int_equal(IBackgroundCopyGroup_AddRef(group), 2);
    assert_hr(IBackgroundCopyGroup_QueryInterface(group, &IID_IOpenQmgrGroup, (void **)&open),
              S_OK);
    assert_int_equal(IOpenQmgrGroup_AddRef(open), 4);
    assert_int_equal(IBackgroundCopyGroup_Release(group), 3);
    assert_int_equal(IBackgroundCopyGroup_Release(group), 2);
    assert_int_equal(IOpenQmgrGroup_Release(open), 1); /* the extension keeps the object */
    assert_int_equal(IOpenQmgrGroup_Release(open), 0);
}

static void count__objects_come_and_go__follows(void **state)
{
    struct fixture *fixture = *state;
    uint32_t before = fixture->context->live;
    assert_int_equal(before, 3); /* the fixture's */
    IEnumBackgroundCopyGroups *groups = new_enum_groups(fixture);
    IEnumBackgroundCopyJobs1 *jobs = new_enum_jobs(fixture);
    assert_int_equal(fixture->context->live, before + 2);
    IClassFactory *factory = new_factory(fixture);
    assert_int_equal(fixture->context->live, before + 2); /* a factory keeps nobody up */
    IEnumBackgroundCopyGroups_Release(groups);            /* from the middle of the list */
    assert_int_equal(fixture->context->live, before + 1);
    IClassFactory_Release(factory);
    IEnumBackgroundCopyJobs1_Release(jobs);
    assert_int_equal(fixture->context->live, before);
}

static void factory__create__gives_a_manager(void **state)
{
    struct fixture *fixture = *state;
    IClassFactory *factory = new_factory(fixture);
    IBackgroundCopyQMgr *qmgr = (IBackgroundCopyQMgr *)(uintptr_t)0xdeadbeef;
    IUnknown *unknown = NULL;
    assert_hr(IClassFactory_CreateInstance(factory, NULL, &IID_IBackgroundCopyQMgr, (void **)&qmgr),
              S_OK);
    assert_int_equal(IBackgroundCopyQMgr_Release(qmgr), 0);
    assert_hr(IClassFactory_CreateInstance(factory, NULL, &IID_IUnknown, (void **)&unknown), S_OK);
    assert_int_equal(IUnknown_Release(unknown), 0);
    IClassFactory_Release(factory);
}

static void factory__create_wrongly__fails_and_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    IClassFactory *factory = new_factory(fixture);
    uint32_t before = fixture->context->live;
    void *out = (void *)(uintptr_t)0xdeadbeef;
    assert_hr(IClassFactory_CreateInstance(factory, NULL, &IID_IBackgroundCopyGroup, &out),
              E_NOINTERFACE);
    assert_null(out);
    out = (void *)(uintptr_t)0xdeadbeef;
    assert_hr(IClassFactory_CreateInstance(factory, (IUnknown *)fixture->qmgr, &IID_IUnknown, &out),
              CLASS_E_NOAGGREGATION);
    assert_null(out);
    assert_hr(IClassFactory_CreateInstance(factory, NULL, &IID_IUnknown, NULL), E_POINTER);
    assert_int_equal(fixture->context->live, before);
    IClassFactory_Release(factory);
}

static void factory__locks__are_counted_and_never_negative(void **state)
{
    struct fixture *fixture = *state;
    IClassFactory *factory = new_factory(fixture);
    assert_hr(IClassFactory_LockServer(factory, TRUE), S_OK);
    assert_hr(IClassFactory_LockServer(factory, TRUE), S_OK);
    assert_int_equal(atomic_load(&fixture->context->locks), 2);
    assert_hr(IClassFactory_LockServer(factory, FALSE), S_OK);
    assert_hr(IClassFactory_LockServer(factory, FALSE), S_OK);
    assert_hr(IClassFactory_LockServer(factory, FALSE), E_UNEXPECTED);
    assert_int_equal(atomic_load(&fixture->context->locks), 0);
    IClassFactory_Release(factory);
}

/* --- many threads ----------------------------------------------------------------------------- */

#define THREADS 8
#define ROUNDS 2000

static DWORD WINAPI use_objects(void *argument)
{
    struct fixture *fixture = argument;
    struct oq_guid guids[3] = {{1, 0, 0, {0}}, {2, 0, 0, {0}}, {3, 0, 0, {0}}};
    for (int i = 0; i < ROUNDS; i++) {
        IEnumBackgroundCopyGroups *one = NULL;
        IEnumBackgroundCopyGroups *two = NULL;
        IOpenQmgrGroup *open = NULL;
        if (oq_enum_groups_new(fixture->context, guids, 3, &one) != OQ_OK ||
            IEnumBackgroundCopyGroups_Clone(one, &two) != S_OK ||
            IBackgroundCopyGroup_QueryInterface(fixture->group, &IID_IOpenQmgrGroup,
                                                (void **)&open) != S_OK)
            return 1;
        IEnumBackgroundCopyGroups_Release(one);
        IOpenQmgrGroup_Release(open);
        IEnumBackgroundCopyGroups_Release(two);
    }
    return 0;
}

static void count__many_threads__balances(void **state)
{
    struct fixture *fixture = *state;
    HANDLE threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        threads[i] = CreateThread(NULL, 0, use_objects, fixture, 0, NULL);
        assert_non_null(threads[i]);
    }
    assert_int_equal(WaitForMultipleObjects(THREADS, threads, TRUE, 30000), WAIT_OBJECT_0);
    for (int i = 0; i < THREADS; i++) {
        DWORD code = 99;
        GetExitCodeThread(threads[i], &code);
        assert_int_equal(code, 0);
        CloseHandle(threads[i]);
    }
    assert_int_equal(fixture->context->live, 3);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(object__asked_for_interfaces__has_its_own_and_one_identity),
        WITH(object__references__are_counted_over_all_its_interfaces),
        WITH(count__objects_come_and_go__follows),
        WITH(count__many_threads__balances),
        WITH(factory__create__gives_a_manager),
        WITH(factory__create_wrongly__fails_and_leaves_nothing),
        WITH(factory__locks__are_counted_and_never_negative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
