/* test_takeover.c - GetGroup by somebody else, who is its owner then, leaves the notification alone
 * (contract section 4: it still goes to the user who asked for it) */
#include "com_fixture.h"

/* A client's object that is only held and let go. */
struct client {
    IBackgroundCopyCallback1 iface;
    atomic_uint refs;
    HANDLE released;
};

static struct client *from_iface(IBackgroundCopyCallback1 *iface)
{
    return CONTAINER_OF(iface, struct client, iface);
}

static ULONG STDMETHODCALLTYPE client_AddRef(IBackgroundCopyCallback1 *iface)
{
    return atomic_fetch_add(&from_iface(iface)->refs, 1) + 1;
}

static ULONG STDMETHODCALLTYPE client_Release(IBackgroundCopyCallback1 *iface)
{
    ULONG refs = atomic_fetch_sub(&from_iface(iface)->refs, 1) - 1;
    if (refs == 1)
        SetEvent(from_iface(iface)->released);
    return refs;
}

static HRESULT STDMETHODCALLTYPE client_QueryInterface(IBackgroundCopyCallback1 *iface, REFIID iid,
                                                       void **out)
{
    *out = NULL;
    if (!IsEqualIID(iid, &IID_IUnknown) && !IsEqualIID(iid, &IID_IBackgroundCopyCallback1))
        return E_NOINTERFACE;
    client_AddRef(iface);
    *out = iface;
    return S_OK;
}

/* Nothing is delivered here: the engine of these tests has no events. */
static const IBackgroundCopyCallback1Vtbl client_vtbl = {
    client_QueryInterface, client_AddRef, client_Release, NULL, NULL, NULL};

/* Shows IBackgroundCopyQMgr::GetGroup.notifications-still-go */
static void pointer__somebody_else_gets_the_group__stays(void **state)
{
    struct fixture *fixture = *state;
    struct client client = {.iface.lpVtbl = &client_vtbl, .refs = 1};
    IBackgroundCopyGroup *taken = NULL;
    client.released = CreateEventW(NULL, FALSE, FALSE, NULL);
    assert_hr(IBackgroundCopyGroup_SetNotificationPointer(
                  fixture->group, &IID_IBackgroundCopyCallback1, (IUnknown *)&client.iface),
              S_OK);
    assert_int_equal(atomic_load(&client.refs), 2);
    assert_hr(IBackgroundCopyQMgr_GetGroup(fixture->qmgr, group_guid, &taken), S_OK);
    IBackgroundCopyGroup_Release(taken);
    assert_int_equal(atomic_load(&client.refs), 2);
    /* Until the new owner asks to be told instead. */
    assert_hr(IBackgroundCopyGroup_SetNotificationPointer(fixture->group,
                                                          &IID_IBackgroundCopyCallback1, NULL),
              S_OK);
    if (atomic_load(&client.refs) != 1)
        assert_int_equal(WaitForSingleObject(client.released, 10000), WAIT_OBJECT_0);
    assert_int_equal(atomic_load(&client.refs), 1);
    CloseHandle(client.released);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pointer__somebody_else_gets_the_group__stays, fixture_open,
                                        fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
