/* test_methods.c - what holds for every method that asks the engine */
#include "methods.h"

#include "oq_fault.h"
#include "leak_check.h"

#define FOR_EACH_METHOD(method)                                                                    \
    for (const struct method *method = methods; method < methods + method_count; method++)

/* Which method it was, before an assertion ends the test. */
static void expect(const struct method *method, bool is_met, const char *what, HRESULT hr)
{
    if (!is_met)
        fail_msg("%s: %s (0x%08lx)", method->name, what, (unsigned long)hr);
}

static void method__engine_agrees__succeeds_as_the_caller(void **state)
{
    struct fixture *fixture = *state;
    FOR_EACH_METHOD(method)
    {
        bool is_empty;
        fixture_reset(fixture);
        HRESULT hr = method->call(fixture, &is_empty);
        expect(method, hr == S_OK, "does not succeed", hr);
        expect(method, fixture->engine.count[method->engine] == 1, "does not ask the engine", hr);
        expect(method, strcmp(fixture->engine.sid, FAKE_SID) == 0, "asks as somebody else", hr);
        expect(method, fixture->engine.is_admin, "does not say that the caller is an administrator",
               hr);
        expect(method, fixture->identity.captures == 1, "does not capture its caller once", hr);
        expect(method, impersonation.begun == 1 && impersonation.ended == 1, "does not revert once",
               hr);
        expect(method, fixture->identity.refs == 0, "keeps its caller's identity", hr);
    }
}

/* Shows all.anonymous-caller */
static void method__caller_refused__is_access_denied_and_engine_not_asked(void **state)
{
    struct fixture *fixture = *state;
    FOR_EACH_METHOD(method)
    {
        bool is_empty;
        fixture_reset(fixture);
        fixture->identity.status = OQ_E_ACCESS_DENIED;
        HRESULT hr = method->call(fixture, &is_empty);
        expect(method, hr == E_ACCESSDENIED, "lets a refused caller in", hr);
        expect(method, is_empty, "leaves an output", hr);
        expect(method, fixture->engine.calls == 0, "asks the engine for a refused caller", hr);
    }
}

/* Shows all.outputs-on-failure */
static void method__engine_fails__says_so_and_empties_outputs(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        enum oq_status status;
        HRESULT hr;
    } failures[] = {
        {OQ_E_ACCESS_DENIED, E_ACCESSDENIED},
        {OQ_E_NOT_FOUND, (HRESULT)QM_E_ITEM_NOT_FOUND},
        {OQ_E_STOPPING, (HRESULT)QM_E_SERVICE_UNAVAILABLE},
        {OQ_E_NOMEM, E_OUTOFMEMORY},
        {OQ_E_BUG, E_UNEXPECTED},
        {(enum oq_status)999, E_UNEXPECTED},
    };
    FOR_EACH_METHOD(method)
    {
        for (size_t i = 0; i < COUNT_OF(failures); i++) {
            bool is_empty;
            if (failures[i].status == OQ_E_NOT_FOUND && method->answers_when_forgotten)
                continue;
            fixture_reset(fixture);
            fixture->engine.status = failures[i].status;
            HRESULT hr = method->call(fixture, &is_empty);
            expect(method, hr == failures[i].hr, "turns a failure into something else", hr);
            expect(method, is_empty, "leaves an output", hr);
            expect(method, fixture->identity.refs == 0, "keeps its caller's identity", hr);
        }
    }
}

/* Shows all.stopping QM_E_SERVICE_UNAVAILABLE */
static void method__service_stops__is_unavailable_and_nobody_asked(void **state)
{
    struct fixture *fixture = *state;
    oq_context_refuse_calls(fixture->context);
    FOR_EACH_METHOD(method)
    {
        bool is_empty;
        fixture_reset(fixture);
        HRESULT hr = method->call(fixture, &is_empty);
        expect(method, hr == (HRESULT)QM_E_SERVICE_UNAVAILABLE, "answers while the service stops",
               hr);
        expect(method, is_empty, "leaves an output", hr);
        expect(method, fixture->engine.calls == 0, "asks the engine while it stops", hr);
        expect(method, impersonation.begun == 0, "impersonates while the service stops", hr);
    }
}

/* Shows all.out-of-memory */
static void method__nth_allocation_fails__is_out_of_memory_and_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
#ifndef OQ_FAULT_INJECTION
    (void)fixture;
    print_message("skipped: this tree has no fault seam\n");
    skip();
#else
    FOR_EACH_METHOD(method)
    {
        HRESULT hr;
        uint64_t n = 0;
        do {
            bool is_empty;
            n++;
            fixture_reset(fixture);
            uint32_t live = fixture->context->live;
            size_t blocks = leak_check_blocks();
            size_t bstrs = leak_check_bstrs();
            oq_fault_arm(OQ_FAULT_ALLOC, n, false);
            hr = method->call(fixture, &is_empty);
            bool was_hit = oq_fault_count(OQ_FAULT_ALLOC) >= n;
            oq_fault_arm(OQ_FAULT_ALLOC, 0, false);

            expect(method, was_hit || hr == S_OK, "fails without a reason", hr);
            expect(method, !was_hit || hr == E_OUTOFMEMORY, "hides that memory is missing", hr);
            expect(method, hr == S_OK || is_empty, "leaves an output", hr);
            expect(method, fixture->context->live == live, "leaves an object", hr);
            expect(method, fixture->identity.refs == 0, "keeps its caller's identity", hr);
            expect(method, leak_check_blocks() == blocks, "loses memory", hr);
            expect(method, leak_check_bstrs() == bstrs, "loses a BSTR", hr);
            unsigned changes =
                fixture->engine.calls - fixture->engine.count[FAKE_VIEW_GROUP] -
                fixture->engine.count[FAKE_VIEW_FILE] - fixture->engine.count[FAKE_GET_TEXT] -
                fixture->engine.count[FAKE_VIEW_SOURCE] - fixture->engine.count[FAKE_VIEW_PIECES] -
                fixture->engine.count[FAKE_LIST_GROUPS] -
                fixture->engine.count[FAKE_SUMMARISE_GROUP] -
                fixture->engine.count[FAKE_SUMMARISE_GROUPS] -
                fixture->engine.count[FAKE_VIEW_POLICY];
            expect(method, hr == S_OK || changes == 0, "changes the queue and then fails", hr);
        } while (hr != S_OK && n < 100);
        expect(method, hr == S_OK, "never succeeds again", hr);
        expect(method, (n > 1) == method->needs_memory, "allocates as the table does not say", hr);
    }
#endif
}

static void method__no_memory_for_ever__is_out_of_memory(void **state)
{
    struct fixture *fixture = *state;
#ifndef OQ_FAULT_INJECTION
    (void)fixture;
    print_message("skipped: this tree has no fault seam\n");
    skip();
#else
    FOR_EACH_METHOD(method)
    {
        bool is_empty;
        fixture_reset(fixture);
        oq_fault_arm(OQ_FAULT_ALLOC, 1, true);
        HRESULT hr = method->call(fixture, &is_empty);
        oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
        expect(method, hr == (method->needs_memory ? E_OUTOFMEMORY : S_OK), "answers wrongly", hr);
        expect(method, hr == S_OK || is_empty, "leaves an output", hr);
    }
#endif
}

/* Shows all.gone-remembered */
static void identifiers__group_forgotten_by_engine__are_still_known(void **state)
{
    struct fixture *fixture = *state;
    GUID guid;
    fixture->engine.status = OQ_E_NOT_FOUND;
    assert_hr(IBackgroundCopyGroup_get_GroupID(fixture->group, &guid), S_OK);
    assert_guid(&guid, &group_guid);
    assert_hr(IBackgroundCopyJob1_get_JobID(fixture->job, &guid), S_OK);
    assert_guid(&guid, &job_guid);
}

/* Nothing of the engine's and no caller is needed for these. */
/* Shows IBackgroundCopyJob1::CancelJob.E_NOTIMPL
 * IBackgroundCopyJob1::SwitchToForeground.E_NOTIMPL */
static void method__not_implemented__is_notimpl(void **state)
{
    struct fixture *fixture = *state;
    IUnknown *unknown = (IUnknown *)(uintptr_t)0xdeadbeef;
    assert_hr(IBackgroundCopyJob1_CancelJob(fixture->job), E_NOTIMPL);
    assert_hr(IBackgroundCopyJob1_SwitchToForeground(fixture->job), E_NOTIMPL);
    assert_hr(IBackgroundCopyGroup_QueryNewJobInterface(fixture->group, &IID_IBackgroundCopyJob1,
                                                        &unknown),
              E_NOINTERFACE);
    assert_null(unknown);
    assert_int_equal(fixture->engine.calls, 0);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(method__engine_agrees__succeeds_as_the_caller),
        WITH(method__caller_refused__is_access_denied_and_engine_not_asked),
        WITH(method__engine_fails__says_so_and_empties_outputs),
        WITH(method__service_stops__is_unavailable_and_nobody_asked),
        WITH(method__nth_allocation_fails__is_out_of_memory_and_changes_nothing),
        WITH(method__no_memory_for_ever__is_out_of_memory),
        WITH(identifiers__group_forgotten_by_engine__are_still_known),
        WITH(method__not_implemented__is_notimpl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
