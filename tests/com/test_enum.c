/* test_enum.c - both enumerators (contract 5.4, D11; assertions 13, 20 to 30). Each test runs on
 * both. */
#include "com_fixture.h"

static const struct oq_guid guids[] = {
    {1, 10, 100, {1}}, {2, 20, 200, {2}}, {3, 30, 300, {3}}, {4, 40, 400, {4}}, {5, 50, 500, {5}}};
#define COUNT COUNT_OF(guids)

/* The two interfaces have the same shape; so one set of functions can test both, by way of this. */
struct kind {
    const char *name;
    IUnknown *(*make)(struct fixture *fixture, size_t count);
    HRESULT (*next)(IUnknown *self, ULONG wanted, GUID *out, ULONG *fetched);
    HRESULT (*pass_over)(IUnknown *self, ULONG wanted);
    HRESULT (*reset)(IUnknown *self);
    HRESULT (*clone)(IUnknown *self, IUnknown **out);
    HRESULT (*get_count)(IUnknown *self, ULONG *count);
};

#define KIND(Interface, function, title)                                                           \
    static IUnknown *title##_make(struct fixture *fixture, size_t count)                           \
    {                                                                                              \
        Interface *out = NULL;                                                                     \
        assert_int_equal(function(fixture->context, guids, count, &out), OQ_OK);                   \
        return (IUnknown *)out;                                                                    \
    }                                                                                              \
    static HRESULT title##_next(IUnknown *self, ULONG wanted, GUID *out, ULONG *fetched)           \
    {                                                                                              \
        return ((Interface *)self)->lpVtbl->Next((Interface *)self, wanted, out, fetched);         \
    }                                                                                              \
    static HRESULT title##_skip(IUnknown *self, ULONG wanted)                                      \
    {                                                                                              \
        return ((Interface *)self)->lpVtbl->Skip((Interface *)self, wanted);                       \
    }                                                                                              \
    static HRESULT title##_reset(IUnknown *self)                                                   \
    {                                                                                              \
        return ((Interface *)self)->lpVtbl->Reset((Interface *)self);                              \
    }                                                                                              \
    static HRESULT title##_clone(IUnknown *self, IUnknown **out)                                   \
    {                                                                                              \
        return ((Interface *)self)->lpVtbl->Clone((Interface *)self, (Interface **)out);           \
    }                                                                                              \
    static HRESULT title##_get_count(IUnknown *self, ULONG *count)                                 \
    {                                                                                              \
        return ((Interface *)self)->lpVtbl->GetCount((Interface *)self, count);                    \
    }

KIND(IEnumBackgroundCopyGroups, oq_enum_groups_new, groups)
KIND(IEnumBackgroundCopyJobs1, oq_enum_jobs_new, jobs)

static const struct kind kinds[] = {
    {"groups", groups_make, groups_next, groups_skip, groups_reset, groups_clone, groups_get_count},
    {"jobs", jobs_make, jobs_next, jobs_skip, jobs_reset, jobs_clone, jobs_get_count},
};
#define FOR_BOTH(kind) for (const struct kind *kind = kinds; kind < kinds + COUNT_OF(kinds); kind++)

static void expect_guids(const GUID *out, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_guid(&out[i], &guids[first + i]);
}

/* Shows IEnumBackgroundCopyJobs1::Next.celt .S_OK */
static void next__as_many_as_are_left__is_ok(void **state)
{
    FOR_BOTH(kind)
    {
        GUID out[COUNT];
        ULONG fetched = 99;
        IUnknown *list = kind->make(*state, COUNT);
        assert_hr(kind->next(list, 2, out, &fetched), S_OK);
        assert_int_equal(fetched, 2);
        expect_guids(out, 0, 2);
        assert_hr(kind->next(list, COUNT - 2, out, &fetched), S_OK);
        assert_int_equal(fetched, COUNT - 2);
        expect_guids(out, 2, COUNT - 2);
        IUnknown_Release(list);
    }
}

/* Shows IEnumBackgroundCopyJobs1::Next.rgelt .S_FALSE */
static void next__more_than_are_left__is_false_with_the_rest(void **state)
{
    FOR_BOTH(kind)
    {
        GUID out[COUNT + 2];
        GUID untouched;
        ULONG fetched = 99;
        IUnknown *list = kind->make(*state, COUNT);
        memset(out, 0xcc, sizeof out);
        memset(&untouched, 0xcc, sizeof untouched);
        assert_hr(kind->next(list, COUNT + 1, out, &fetched), S_FALSE);
        assert_int_equal(fetched, COUNT);
        expect_guids(out, 0, COUNT);
        assert_guid(&out[COUNT], &untouched);
        fetched = 99;
        assert_hr(kind->next(list, 1, out, &fetched), S_FALSE);
        assert_int_equal(fetched, 0);
        IUnknown_Release(list);
    }
}

/* Shows IEnumBackgroundCopyJobs1::Next.pceltFetched IEnumBackgroundCopyGroups::Next.pceltFetched */
static void next__one_without_counter__is_accepted(void **state)
{
    FOR_BOTH(kind)
    {
        GUID out[2];
        IUnknown *list = kind->make(*state, 1);
        assert_hr(kind->next(list, 1, out, NULL), S_OK);
        expect_guids(out, 0, 1);
        assert_hr(kind->next(list, 1, out, NULL), S_FALSE);
        IUnknown_Release(list);
    }
}

/* Shows IEnumBackgroundCopyJobs1::Next.E_INVALIDARG IEnumBackgroundCopyGroups::Next.E_INVALIDARG */
static void next__bad_pointers__are_refused_and_nothing_moves(void **state)
{
    FOR_BOTH(kind)
    {
        GUID out[COUNT];
        ULONG fetched = 99;
        IUnknown *list = kind->make(*state, COUNT);
        assert_hr(kind->next(list, 2, out, NULL), E_INVALIDARG);
        assert_hr(kind->next(list, 0, out, NULL), E_INVALIDARG);
        assert_hr(kind->next(list, 2, NULL, &fetched), E_INVALIDARG);
        assert_int_equal(fetched, 0);
        assert_hr(kind->next(list, 1, NULL, NULL), E_INVALIDARG);
        assert_hr(kind->next(list, 1, out, &fetched), S_OK);
        expect_guids(out, 0, 1);
        IUnknown_Release(list);
    }
}

/* Shows IEnumBackgroundCopyJobs1::Next.celt IEnumBackgroundCopyGroups::Next.celt */
static void next__zero__is_ok_with_none(void **state)
{
    FOR_BOTH(kind)
    {
        GUID out[1];
        ULONG fetched = 99;
        IUnknown *list = kind->make(*state, COUNT);
        assert_hr(kind->next(list, 0, out, &fetched), S_OK);
        assert_int_equal(fetched, 0);
        fetched = 99;
        assert_hr(kind->next(list, 0, NULL, &fetched), S_OK);
        assert_int_equal(fetched, 0);
        assert_hr(kind->pass_over(list, COUNT), S_OK);
        assert_hr(kind->next(list, 0, out, &fetched), S_OK); /* at the end, too */
        IUnknown_Release(list);
    }
}

/* Shows IEnumBackgroundCopyJobs1::Skip.celt .S_OK */
static void skip__what_is_left__is_ok_and_then_false(void **state)
{
    FOR_BOTH(kind)
    {
        GUID out[1];
        ULONG fetched = 99;
        IUnknown *list = kind->make(*state, COUNT);
        assert_hr(kind->pass_over(list, 0), S_OK);
        assert_hr(kind->pass_over(list, 1), S_OK);
        assert_hr(kind->next(list, 1, out, &fetched), S_OK);
        expect_guids(out, 1, 1);
        assert_hr(kind->pass_over(list, COUNT - 2), S_OK);
        assert_hr(kind->pass_over(list, 1), S_FALSE);
        assert_hr(kind->next(list, 1, out, &fetched), S_FALSE);
        assert_int_equal(fetched, 0);
        IUnknown_Release(list);
    }
}

/* Shows IEnumBackgroundCopyJobs1::Skip.S_FALSE IEnumBackgroundCopyGroups::Skip.S_FALSE */
static void skip__too_many__stands_behind_the_last(void **state)
{
    FOR_BOTH(kind)
    {
        GUID out[1];
        ULONG fetched = 99;
        IUnknown *list = kind->make(*state, COUNT);
        assert_hr(kind->pass_over(list, 0xffffffff), S_FALSE);
        assert_hr(kind->next(list, 1, out, &fetched), S_FALSE);
        assert_int_equal(fetched, 0);
        IUnknown_Release(list);
    }
}

/* Shows IEnumBackgroundCopyJobs1::Reset.S_OK */
static void reset__at_the_end__starts_again(void **state)
{
    FOR_BOTH(kind)
    {
        GUID out[1];
        ULONG fetched = 99;
        IUnknown *list = kind->make(*state, COUNT);
        assert_hr(kind->reset(list), S_OK);
        assert_hr(kind->pass_over(list, COUNT + 1), S_FALSE);
        assert_hr(kind->reset(list), S_OK);
        assert_hr(kind->next(list, 1, out, &fetched), S_OK);
        expect_guids(out, 0, 1);
        IUnknown_Release(list);
    }
}

/* Shows IEnumBackgroundCopyJobs1::Clone.ppenum .S_OK */
static void clone__in_the_middle__goes_its_own_way(void **state)
{
    FOR_BOTH(kind)
    {
        GUID out[COUNT];
        ULONG fetched = 99;
        IUnknown *list = kind->make(*state, COUNT);
        IUnknown *copy = NULL;
        assert_hr(kind->pass_over(list, 2), S_OK);
        assert_hr(kind->clone(list, &copy), S_OK);
        assert_ptr_not_equal(list, copy);
        assert_hr(kind->next(list, 1, out, &fetched), S_OK);
        expect_guids(out, 2, 1);
        assert_hr(kind->reset(list), S_OK);
        IUnknown_Release(list); /* the copy does not need it */
        assert_hr(kind->next(copy, COUNT, out, &fetched), S_FALSE);
        assert_int_equal(fetched, COUNT - 2);
        expect_guids(out, 2, COUNT - 2);
        IUnknown_Release(copy);
    }
}

static void clone__null__is_refused(void **state)
{
    FOR_BOTH(kind)
    {
        IUnknown *list = kind->make(*state, COUNT);
        assert_hr(kind->clone(list, NULL), E_INVALIDARG);
        IUnknown_Release(list);
    }
}

/* Shows IEnumBackgroundCopyJobs1::GetCount.puCount .S_OK */
static void count__wherever_it_stands__is_that_of_all(void **state)
{
    FOR_BOTH(kind)
    {
        GUID out[1];
        ULONG fetched, count = 99;
        IUnknown *copy = NULL;
        IUnknown *list = kind->make(*state, COUNT);
        assert_hr(kind->get_count(list, &count), S_OK);
        assert_int_equal(count, COUNT);
        assert_hr(kind->next(list, 1, out, &fetched), S_OK);
        assert_hr(kind->pass_over(list, COUNT), S_FALSE);
        count = 99;
        assert_hr(kind->get_count(list, &count), S_OK);
        assert_int_equal(count, COUNT);
        assert_hr(kind->clone(list, &copy), S_OK);
        assert_hr(kind->get_count(copy, &count), S_OK);
        assert_int_equal(count, COUNT);
        assert_hr(kind->get_count(list, NULL), E_INVALIDARG);
        IUnknown_Release(list);
        IUnknown_Release(copy);
    }
}

static void empty__every_method__behaves(void **state)
{
    FOR_BOTH(kind)
    {
        GUID out[1];
        ULONG fetched = 99, count = 99;
        IUnknown *copy = NULL;
        IUnknown *list = kind->make(*state, 0);
        assert_hr(kind->next(list, 1, out, &fetched), S_FALSE);
        assert_int_equal(fetched, 0);
        assert_hr(kind->pass_over(list, 0), S_OK);
        assert_hr(kind->pass_over(list, 1), S_FALSE);
        assert_hr(kind->reset(list), S_OK);
        assert_hr(kind->get_count(list, &count), S_OK);
        assert_int_equal(count, 0);
        assert_hr(kind->clone(list, &copy), S_OK);
        IUnknown_Release(copy);
        IUnknown_Release(list);
    }
}

/* A snapshot has no need of the engine, and so goes on while the service stops. */
/* Shows IEnumBackgroundCopyJobs1.enumeration-snapshot-moment */
static void enumerator__service_stops__still_answers(void **state)
{
    struct fixture *fixture = *state;
    oq_context_refuse_calls(fixture->context);
    FOR_BOTH(kind)
    {
        GUID out[COUNT];
        ULONG fetched = 99;
        IUnknown *list = kind->make(fixture, COUNT);
        assert_hr(kind->next(list, COUNT, out, &fetched), S_OK);
        IUnknown_Release(list);
    }
    assert_int_equal(fixture->engine.calls, 0);
}

/* --- how they are got ------------------------------------------------------------------------- */

/* Shows IEnumBackgroundCopyGroups.enumeration-snapshot-moment
 * IBackgroundCopyQMgr::EnumGroups.ppEnumGroups */
static void enum_groups__engine_lists__gives_its_order(void **state)
{
    struct fixture *fixture = *state;
    IEnumBackgroundCopyGroups *list = NULL;
    GUID out[COUNT];
    ULONG fetched = 99;
    fixture->engine.guids = guids;
    fixture->engine.guid_count = COUNT;
    assert_hr(IBackgroundCopyQMgr_EnumGroups(fixture->qmgr, 0, &list), S_OK);
    fixture->engine.guid_count = 0; /* a snapshot */
    assert_hr(IEnumBackgroundCopyGroups_Next(list, COUNT, out, &fetched), S_OK);
    expect_guids(out, 0, COUNT);
    IEnumBackgroundCopyGroups_Release(list);
}

/* Shows IBackgroundCopyQMgr::EnumGroups.S_OK */
static void enum_groups__empty_queue__gives_an_empty_list(void **state)
{
    struct fixture *fixture = *state;
    IEnumBackgroundCopyGroups *list = NULL;
    ULONG count = 99;
    assert_hr(IBackgroundCopyQMgr_EnumGroups(fixture->qmgr, 0, &list), S_OK);
    assert_hr(IEnumBackgroundCopyGroups_GetCount(list, &count), S_OK);
    assert_int_equal(count, 0);
    IEnumBackgroundCopyGroups_Release(list);
}

/* Shows IBackgroundCopyQMgr::EnumGroups.E_NOTIMPL */
static void enum_groups__flags_or_null__are_refused(void **state)
{
    struct fixture *fixture = *state;
    IEnumBackgroundCopyGroups *list = (IEnumBackgroundCopyGroups *)(uintptr_t)0xdeadbeef;
    assert_hr(IBackgroundCopyQMgr_EnumGroups(fixture->qmgr, 1, &list), E_NOTIMPL);
    assert_null(list);
    assert_hr(IBackgroundCopyQMgr_EnumGroups(fixture->qmgr, 0x80000000, &list), E_NOTIMPL);
    assert_hr(IBackgroundCopyQMgr_EnumGroups(fixture->qmgr, 0, NULL), E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
}

/* Shows IEnumBackgroundCopyJobs1.enumeration-snapshot-moment
 * IBackgroundCopyGroup::EnumJobs.ppEnumJobs */
static void enum_jobs__group_with_a_job__lists_it(void **state)
{
    struct fixture *fixture = *state;
    IEnumBackgroundCopyJobs1 *list = NULL;
    GUID out[2];
    ULONG fetched = 99;
    assert_hr(IBackgroundCopyGroup_EnumJobs(fixture->group, 0, &list), S_OK);
    assert_hr(IEnumBackgroundCopyJobs1_Next(list, 2, out, &fetched), S_FALSE);
    assert_int_equal(fetched, 1);
    assert_guid(&out[0], &job_guid);
    IEnumBackgroundCopyJobs1_Release(list);
}

/* Shows IBackgroundCopyGroup::EnumJobs.ppEnumJobs */
static void enum_jobs__group_without_a_job__is_empty(void **state)
{
    struct fixture *fixture = *state;
    IEnumBackgroundCopyJobs1 *list = NULL;
    ULONG count = 99;
    fixture->engine.view.has_job = false;
    assert_hr(IBackgroundCopyGroup_EnumJobs(fixture->group, 0, &list), S_OK);
    assert_hr(IEnumBackgroundCopyJobs1_GetCount(list, &count), S_OK);
    assert_int_equal(count, 0);
    IEnumBackgroundCopyJobs1_Release(list);
}

/* Shows IBackgroundCopyGroup::EnumJobs.E_NOTIMPL */
static void enum_jobs__flags_or_null__are_refused(void **state)
{
    struct fixture *fixture = *state;
    IEnumBackgroundCopyJobs1 *list = (IEnumBackgroundCopyJobs1 *)(uintptr_t)0xdeadbeef;
    assert_hr(IBackgroundCopyGroup_EnumJobs(fixture->group, 1, &list), E_NOTIMPL);
    assert_null(list);
    assert_hr(IBackgroundCopyGroup_EnumJobs(fixture->group, 0, NULL), E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(next__as_many_as_are_left__is_ok),
        WITH(next__more_than_are_left__is_false_with_the_rest),
        WITH(next__one_without_counter__is_accepted),
        WITH(next__bad_pointers__are_refused_and_nothing_moves),
        WITH(next__zero__is_ok_with_none),
        WITH(skip__what_is_left__is_ok_and_then_false),
        WITH(skip__too_many__stands_behind_the_last),
        WITH(reset__at_the_end__starts_again),
        WITH(clone__in_the_middle__goes_its_own_way),
        WITH(clone__null__is_refused),
        WITH(count__wherever_it_stands__is_that_of_all),
        WITH(empty__every_method__behaves),
        WITH(enumerator__service_stops__still_answers),
        WITH(enum_groups__engine_lists__gives_its_order),
        WITH(enum_groups__empty_queue__gives_an_empty_list),
        WITH(enum_groups__flags_or_null__are_refused),
        WITH(enum_jobs__group_with_a_job__lists_it),
        WITH(enum_jobs__group_without_a_job__is_empty),
        WITH(enum_jobs__flags_or_null__are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
