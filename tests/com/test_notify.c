/* test_notify.c - SetNotificationPointer and what else sets or clears a callback (contract 8.2,
 * D25) */
#include "com_fixture.h"

#include "oq_fault.h"

/* Guards the count of every client's object below, and tells of its changes. They outlast the
 * clients, which stand on the stacks of their tests while a thread of the system's pool may still
 * be on its way out of a Release. */
static SRWLOCK counts = SRWLOCK_INIT;
static CONDITION_VARIABLE count_changed = CONDITION_VARIABLE_INIT;

/* A client's object. */
struct client {
    IBackgroundCopyCallback1 iface;
    IRpcOptions options;
    ULONG refs;
    bool has_no_callback; /* refuses IBackgroundCopyCallback1 */
    bool has_options;
    HRESULT options_hr;
    ULONG_PTR locality;
};

static ULONG count(struct client *client, int change)
{
    AcquireSRWLockExclusive(&counts);
    client->refs += (ULONG)change;
    ULONG refs = client->refs;
    WakeAllConditionVariable(&count_changed);
    ReleaseSRWLockExclusive(&counts);
    return refs;
}

static struct client *from_options(IRpcOptions *iface)
{
    return CONTAINER_OF(iface, struct client, options);
}

static HRESULT STDMETHODCALLTYPE client_QueryInterface(IBackgroundCopyCallback1 *iface, REFIID iid,
                                                       void **out)
{
    struct client *client = CONTAINER_OF(iface, struct client, iface);
    *out = NULL;
    if (IsEqualIID(iid, &IID_IUnknown) ||
        (IsEqualIID(iid, &IID_IBackgroundCopyCallback1) && !client->has_no_callback))
        *out = &client->iface;
    else if (IsEqualIID(iid, &IID_IRpcOptions) && client->has_options)
        *out = &client->options;
    else
        return E_NOINTERFACE;
    count(client, 1);
    return S_OK;
}

static ULONG STDMETHODCALLTYPE client_AddRef(IBackgroundCopyCallback1 *iface)
{
    return count(CONTAINER_OF(iface, struct client, iface), 1);
}

static ULONG STDMETHODCALLTYPE client_Release(IBackgroundCopyCallback1 *iface)
{
    return count(CONTAINER_OF(iface, struct client, iface), -1);
}

static HRESULT STDMETHODCALLTYPE client_OnStatus(IBackgroundCopyCallback1 *iface,
                                                 IBackgroundCopyGroup *group,
                                                 IBackgroundCopyJob1 *job, DWORD file, DWORD status,
                                                 DWORD retries, DWORD win32, DWORD transport)
{
    (void)iface, (void)group, (void)job, (void)file, (void)status, (void)retries, (void)win32,
        (void)transport;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE client_OnProgress(IBackgroundCopyCallback1 *iface, DWORD type,
                                                   IBackgroundCopyGroup *group,
                                                   IBackgroundCopyJob1 *job, DWORD file,
                                                   DWORD value)
{
    (void)iface, (void)type, (void)group, (void)job, (void)file, (void)value;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE
client_OnProgressEx(IBackgroundCopyCallback1 *iface, DWORD type, IBackgroundCopyGroup *group,
                    IBackgroundCopyJob1 *job, DWORD file, DWORD value, DWORD size,
                    BYTE *bytes) // NOLINT(readability-non-const-parameter)
{
    (void)iface, (void)type, (void)group, (void)job, (void)file, (void)value, (void)size,
        (void)bytes;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE options_QueryInterface(IRpcOptions *iface, REFIID iid, void **out)
{
    return client_QueryInterface(&from_options(iface)->iface, iid, out);
}

static ULONG STDMETHODCALLTYPE options_AddRef(IRpcOptions *iface)
{
    return client_AddRef(&from_options(iface)->iface);
}

static ULONG STDMETHODCALLTYPE options_Release(IRpcOptions *iface)
{
    return client_Release(&from_options(iface)->iface);
}

static HRESULT STDMETHODCALLTYPE options_Set(IRpcOptions *iface, IUnknown *proxy,
                                             RPCOPT_PROPERTIES property, ULONG_PTR value)
{
    (void)iface, (void)proxy, (void)property, (void)value;
    return E_NOTIMPL;
}

static HRESULT STDMETHODCALLTYPE options_Query(IRpcOptions *iface, IUnknown *proxy,
                                               RPCOPT_PROPERTIES property, ULONG_PTR *value)
{
    struct client *client = from_options(iface);
    assert_ptr_equal(proxy, &client->iface);
    assert_int_equal(property, COMBND_SERVER_LOCALITY);
    if (SUCCEEDED(client->options_hr))
        *value = client->locality;
    return client->options_hr;
}

static const IBackgroundCopyCallback1Vtbl client_vtbl = {
    client_QueryInterface, client_AddRef,     client_Release,
    client_OnStatus,       client_OnProgress, client_OnProgressEx,
};
static const IRpcOptionsVtbl options_vtbl = {
    options_QueryInterface, options_AddRef, options_Release, options_Set, options_Query,
};

static void client_init(struct client *client)
{
    *client = (struct client){0};
    client->iface.lpVtbl = &client_vtbl;
    client->options.lpVtbl = &options_vtbl;
    client->refs = 1;
}

/* Nobody but the test holds it, now or within the time that the system's pool needs. */
static void expect_released(struct client *client)
{
    BOOL is_in_time = TRUE;
    AcquireSRWLockExclusive(&counts);
    while (client->refs != 1 && is_in_time)
        is_in_time = SleepConditionVariableSRW(&count_changed, &counts, 10000, 0);
    ULONG refs = client->refs;
    ReleaseSRWLockExclusive(&counts);
    assert_int_equal(refs, 1);
}

static void expect_held(struct client *client)
{
    assert_int_equal(count(client, 0), 2);
}

static HRESULT set_pointer(struct fixture *fixture, struct client *client)
{
    return IBackgroundCopyGroup_SetNotificationPointer(
        fixture->group, &IID_IBackgroundCopyCallback1, client ? (IUnknown *)&client->iface : NULL);
}

/* --- set, replace, clear ---------------------------------------------------------------------- */

/* Shows IBackgroundCopyGroup::SetNotificationPointer.pUnk .S_OK */
static void pointer__set__is_held_until_null_clears_it(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    client_init(&client);
    assert_hr(set_pointer(fixture, &client), S_OK);
    assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
    expect_held(&client);
    assert_int_equal(oq_notify_count(fixture->context->notify), 1);
    assert_hr(set_pointer(fixture, NULL), S_OK);
    expect_released(&client);
    assert_int_equal(oq_notify_count(fixture->context->notify), 0);
    assert_hr(set_pointer(fixture, NULL), S_OK); /* nothing to clear */
}

/* Shows IBackgroundCopyGroup::SetNotificationPointer.pUnk */
static void pointer__set_again__the_last_one_wins(void **state)
{
    struct fixture *fixture = *state;
    struct client one, two;
    client_init(&one);
    client_init(&two);
    assert_hr(set_pointer(fixture, &one), S_OK);
    assert_hr(set_pointer(fixture, &two), S_OK);
    expect_released(&one);
    expect_held(&two);
    assert_hr(set_pointer(fixture, &two),
              S_OK); /* the same again: still one reference, in the end */
    assert_hr(set_pointer(fixture, NULL), S_OK);
    expect_released(&two);
}

static void pointer__of_another_group__stays(void **state)
{
    struct fixture *fixture = *state;
    struct client one, two;
    IBackgroundCopyGroup *other = NULL;
    client_init(&one);
    client_init(&two);
    assert_int_equal(oq_group_new(fixture->context, &other_guid, &other), OQ_OK);
    oq_group_set_id(other, FAKE_GROUP + 1);
    assert_hr(set_pointer(fixture, &one), S_OK);
    assert_hr(IBackgroundCopyGroup_SetNotificationPointer(other, &IID_IBackgroundCopyCallback1,
                                                          (IUnknown *)&two.iface),
              S_OK);
    assert_hr(IBackgroundCopyGroup_CancelGroup(fixture->group), S_OK);
    expect_released(&one);
    expect_held(&two);
    assert_hr(IBackgroundCopyGroup_CancelGroup(other), S_OK);
    expect_released(&two);
    IBackgroundCopyGroup_Release(other);
}

/* Shows IBackgroundCopyGroup::SetProp.empty-text-clears */
static void pointer__class_id_emptied__is_cleared(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    VARIANT value;
    client_init(&client);
    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = new_bstr(L"{11111111-2222-3333-4455-66778899aabb}");
    assert_hr(set_pointer(fixture, &client), S_OK);
    assert_hr(IBackgroundCopyGroup_SetProp(fixture->group, GROUPPROP_NOTIFYCLSID, &value), S_OK);
    expect_held(&client); /* a class alone does not change the object */
    SysFreeString(V_BSTR(&value));
    V_BSTR(&value) = NULL;
    fixture->engine.status = OQ_E_INVALID_STATE;
    assert_hr(IBackgroundCopyGroup_SetProp(fixture->group, GROUPPROP_NOTIFYCLSID, &value),
              QM_E_INVALID_STATE);
    expect_held(&client);
    fixture->engine.status = OQ_OK;
    assert_hr(IBackgroundCopyGroup_SetProp(fixture->group, GROUPPROP_DISPLAYNAME, &value), S_OK);
    expect_held(&client); /* other texts have nothing to do with it */
    assert_hr(IBackgroundCopyGroup_SetProp(fixture->group, GROUPPROP_NOTIFYCLSID, &value), S_OK);
    expect_released(&client);
}

static void pointer__cancel_fails__stays(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    client_init(&client);
    assert_hr(set_pointer(fixture, &client), S_OK);
    fixture->engine.status = OQ_E_ACCESS_DENIED;
    assert_hr(IBackgroundCopyGroup_CancelGroup(fixture->group), E_ACCESSDENIED);
    expect_held(&client);
    fixture->engine.status = OQ_OK;
    assert_hr(set_pointer(fixture, NULL), S_OK);
    expect_released(&client);
}

/* Shows IBackgroundCopyGroup::SetProp.property-outlives-restart */
static void pointer__service_ends__is_released_and_no_other_taken(void **state)
{
    struct fixture *fixture = *state;
    struct client one, two;
    client_init(&one);
    client_init(&two);
    assert_hr(set_pointer(fixture, &one), S_OK);
    oq_notify_close(fixture->context->notify);
    expect_released(&one);
    assert_hr(set_pointer(fixture, &two), QM_E_SERVICE_UNAVAILABLE);
    expect_released(&two);
}

/* --- what is refused -------------------------------------------------------------------------- */

/* Shows IBackgroundCopyGroup::SetNotificationPointer.E_INVALIDARG */
static void pointer__without_the_callback_interface__is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct client good, bad;
    client_init(&good);
    client_init(&bad);
    bad.has_no_callback = true;
    assert_hr(set_pointer(fixture, &good), S_OK);
    assert_hr(set_pointer(fixture, &bad), E_INVALIDARG);
    expect_released(&bad);
    expect_held(&good); /* what was there stays */
    assert_hr(set_pointer(fixture, NULL), S_OK);
    expect_released(&good);
}

/* Shows IBackgroundCopyGroup::SetNotificationPointer.iid .E_NOINTERFACE */
static void pointer__as_another_interface__is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    client_init(&client);
    assert_hr(IBackgroundCopyGroup_SetNotificationPointer(fixture->group, &IID_IUnknown,
                                                          (IUnknown *)&client.iface),
              E_NOINTERFACE);
    expect_released(&client);
    assert_int_equal(fixture->engine.calls, 0);
}

/* IRpcOptions is what COM's own proxies answer; the service must not log on to other machines. */
/* Shows IBackgroundCopyGroup::SetNotificationPointer.E_ACCESSDENIED */
static void pointer__on_another_machine__is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    client_init(&client);
    client.has_options = true;
    client.locality = SERVER_LOCALITY_REMOTE;
    assert_hr(set_pointer(fixture, &client), E_ACCESSDENIED);
    expect_released(&client);
}

static void pointer__on_this_machine_or_unknown__is_taken(void **state)
{
    static const struct {
        HRESULT hr;
        ULONG_PTR locality;
    } answers[] = {{S_OK, SERVER_LOCALITY_PROCESS_LOCAL},
                   {S_OK, SERVER_LOCALITY_MACHINE_LOCAL},
                   {E_NOTIMPL, SERVER_LOCALITY_REMOTE}};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct client client;
        client_init(&client);
        client.has_options = true;
        client.options_hr = answers[i].hr;
        client.locality = answers[i].locality;
        assert_hr(set_pointer(fixture, &client), S_OK);
        expect_held(&client);
        assert_hr(set_pointer(fixture, NULL), S_OK);
        expect_released(&client);
    }
}

static void pointer__not_the_callers_group__is_refused_and_client_not_called(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    client_init(&client);
    fixture->engine.status = OQ_E_ACCESS_DENIED;
    assert_hr(set_pointer(fixture, &client), E_ACCESSDENIED);
    assert_int_equal(count(&client, 0), 1);
    expect_released(&client);
}

static void pointer__cancelled_group__is_invalid_state(void **state)
{
    struct fixture *fixture = *state;
    struct client client;
    client_init(&client);
    fixture->engine.view.is_gone = true;
    assert_hr(set_pointer(fixture, &client), QM_E_INVALID_STATE);
    assert_hr(set_pointer(fixture, NULL), QM_E_INVALID_STATE);
    expect_released(&client);
}

static void pointer__nth_allocation_fails__keeps_the_old_one(void **state)
{
#ifndef OQ_FAULT_INJECTION
    (void)state;
    print_message("skipped: this tree has no fault seam\n");
    skip();
#else
    struct fixture *fixture = *state;
    struct client old, fresh;
    HRESULT hr;
    uint64_t n = 0;
    client_init(&old);
    client_init(&fresh);
    assert_hr(set_pointer(fixture, &old), S_OK);
    do {
        expect_held(&old);
        assert_int_equal(count(&fresh, 0), 1);
        oq_fault_arm(OQ_FAULT_ALLOC, ++n, false);
        hr = set_pointer(fixture, &fresh);
        bool was_hit = oq_fault_count(OQ_FAULT_ALLOC) >= n;
        oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
        assert_hr(hr, was_hit ? E_OUTOFMEMORY : S_OK);
    } while (hr != S_OK);
    assert_true(n > 3); /* the user's name, the registration, its name */
    expect_released(&old);
    assert_hr(set_pointer(fixture, NULL), S_OK);
    expect_released(&fresh);
#endif
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(pointer__set__is_held_until_null_clears_it),
        WITH(pointer__set_again__the_last_one_wins),
        WITH(pointer__of_another_group__stays),
        WITH(pointer__class_id_emptied__is_cleared),
        WITH(pointer__cancel_fails__stays),
        WITH(pointer__service_ends__is_released_and_no_other_taken),
        WITH(pointer__without_the_callback_interface__is_refused),
        WITH(pointer__as_another_interface__is_refused),
        WITH(pointer__on_another_machine__is_refused),
        WITH(pointer__on_this_machine_or_unknown__is_taken),
        WITH(pointer__not_the_callers_group__is_refused_and_client_not_called),
        WITH(pointer__cancelled_group__is_invalid_state),
        WITH(pointer__nth_allocation_fails__keeps_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
