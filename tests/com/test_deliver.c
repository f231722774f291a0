/* test_deliver.c - the notifier and its threads, over a scripted engine and clients that answer,
 * hang, or are gone (contract section 8; D28, D29). core/oq_delivery.h decides who is next, and has
 * tests of its own.
 *
 * Nothing here waits for time to pass but the clients that answer "again", whose delays are made
 * short. Every wait has a limit that is reached only by a failure.
 */
#include "com_fixture.h"
#include "notify_int.h"

#include "oq_delivery.h"
#include "oq_fault.h"

#define LIMIT_MS 20000

static const struct oq_delivery_rules quick = {
    .first_delay_ms = 1, .longest_delay_ms = 4, .user_calls = 4, .all_calls = 64};

/* Guards all clients' counters and tells of their changes. */
static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE changed = CONDITION_VARIABLE_INIT;

/* A client's object. On the heap of the test program, never freed: threads may still be leaving. */
struct client {
    IBackgroundCopyCallback1 iface;
    LONG refs;
    HRESULT answers[4]; /* one after the other; the last one stays */
    unsigned answer_count;
    HANDLE hang; /* not NULL: OnStatus waits for this event first */
    bool calls_back;
    unsigned calls, calls_ended, progress_calls;
    DWORD file, status, retries, win32, transport; /* of the newest call */
    bool has_group, has_job;
    GUID group, job;
    DWORD group_status;
    HRESULT group_hr;
};

static struct client *from_iface(IBackgroundCopyCallback1 *iface)
{
    return CONTAINER_OF(iface, struct client, iface);
}

static ULONG STDMETHODCALLTYPE client_AddRef(IBackgroundCopyCallback1 *iface)
{
    return (ULONG)InterlockedIncrement(&from_iface(iface)->refs);
}

static ULONG STDMETHODCALLTYPE client_Release(IBackgroundCopyCallback1 *iface)
{
    AcquireSRWLockExclusive(&lock);
    ULONG left = (ULONG)InterlockedDecrement(&from_iface(iface)->refs);
    ReleaseSRWLockExclusive(&lock);
    WakeAllConditionVariable(&changed);
    return left;
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

static HRESULT STDMETHODCALLTYPE client_OnStatus(IBackgroundCopyCallback1 *iface,
                                                 IBackgroundCopyGroup *group,
                                                 IBackgroundCopyJob1 *job, DWORD file, DWORD status,
                                                 DWORD retries, DWORD win32, DWORD transport)
{
    struct client *client = from_iface(iface);
    DWORD group_status = 0, index;
    HRESULT group_hr = E_FAIL;
    GUID group_id = {0}, job_id = {0};
    if (client->calls_back) {
        group_hr = IBackgroundCopyGroup_GetStatus(group, &group_status, &index);
        (void)IBackgroundCopyGroup_get_GroupID(group, &group_id);
        if (job)
            (void)IBackgroundCopyJob1_get_JobID(job, &job_id);
    }
    AcquireSRWLockExclusive(&lock);
    unsigned turn = client->calls < client->answer_count ? client->calls : client->answer_count - 1;
    HRESULT hr = client->answer_count > 0 ? client->answers[turn] : S_OK;
    client->calls++;
    client->file = file;
    client->status = status;
    client->retries = retries;
    client->win32 = win32;
    client->transport = transport;
    client->has_group = group;
    client->has_job = job;
    client->group = group_id;
    client->job = job_id;
    client->group_status = group_status;
    client->group_hr = group_hr;
    ReleaseSRWLockExclusive(&lock);
    WakeAllConditionVariable(&changed);
    if (client->hang)
        WaitForSingleObject(client->hang, INFINITE);
    AcquireSRWLockExclusive(&lock);
    client->calls_ended++;
    ReleaseSRWLockExclusive(&lock);
    return hr;
}

static HRESULT STDMETHODCALLTYPE client_OnProgress(IBackgroundCopyCallback1 *iface, DWORD type,
                                                   IBackgroundCopyGroup *group,
                                                   IBackgroundCopyJob1 *job, DWORD file,
                                                   DWORD value)
{
    (void)type, (void)group, (void)job, (void)file, (void)value;
    from_iface(iface)->progress_calls++;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE
client_OnProgressEx(IBackgroundCopyCallback1 *iface, DWORD type, IBackgroundCopyGroup *group,
                    IBackgroundCopyJob1 *job, DWORD file, DWORD value, DWORD size,
                    BYTE *bytes) // NOLINT(readability-non-const-parameter)
{
    (void)type, (void)group, (void)job, (void)file, (void)value, (void)size, (void)bytes;
    from_iface(iface)->progress_calls++;
    return S_OK;
}

static const IBackgroundCopyCallback1Vtbl client_vtbl = {
    client_QueryInterface, client_AddRef,     client_Release,
    client_OnStatus,       client_OnProgress, client_OnProgressEx,
};

static struct client *new_client(void)
{
    struct client *client = test_calloc(1, sizeof *client);
    assert_non_null(client);
    client->iface.lpVtbl = &client_vtbl;
    client->refs = 1;
    return client;
}

/* After its last Release; the threads that may use it have ended or given it up. */
static void free_client(struct client *client)
{
    AcquireSRWLockExclusive(&lock);
    BOOL is_in_time = TRUE;
    while (client->refs != 1 && is_in_time)
        is_in_time = SleepConditionVariableSRW(&changed, &lock, LIMIT_MS, 0);
    LONG refs = client->refs;
    unsigned progress_calls = client->progress_calls;
    ReleaseSRWLockExclusive(&lock);
    assert_int_equal(refs, 1);
    assert_int_equal(progress_calls, 0); /* whatever happens */
    if (client->hang)
        CloseHandle(client->hang);
    test_free(client);
}

/* The number of calls once there are at least so many. */
static unsigned wait_calls(struct client *client, unsigned count)
{
    BOOL is_in_time = TRUE;
    AcquireSRWLockExclusive(&lock);
    while (client->calls < count && is_in_time)
        is_in_time = SleepConditionVariableSRW(&changed, &lock, LIMIT_MS, 0);
    unsigned calls = client->calls;
    ReleaseSRWLockExclusive(&lock);
    assert_true(calls >= count);
    return calls;
}

static unsigned calls_of(struct client *client)
{
    AcquireSRWLockExclusive(&lock);
    unsigned calls = client->calls;
    ReleaseSRWLockExclusive(&lock);
    return calls;
}

/* --- the notifier ----------------------------------------------------------------------------- */

struct rig {
    struct fixture *fixture;
    struct oq_deliver *deliver;
};

static void rig_start(struct rig *rig, struct fixture *fixture)
{
    struct oq_error err;
    oq_error_init(&err);
    *rig = (struct rig){.fixture = fixture};
    fixture->engine.acknowledged = CreateEventW(NULL, FALSE, FALSE, NULL);
    assert_int_equal(oq_deliver_start(fixture->context, &quick, &rig->deliver, &err), OQ_OK);
    assert_int_equal(fixture->engine.listens, 1);
    assert_non_null(fixture->engine.events);
}

/* As a stop of the service does it. */
static void rig_stop(struct rig *rig)
{
    oq_context_refuse_calls(rig->fixture->context);
    oq_deliver_silence(rig->deliver);
    assert_int_equal(oq_context_wait_calls(rig->fixture->context, LIMIT_MS), OQ_OK);
    assert_null(rig->fixture->engine.events);
    oq_deliver_free(rig->deliver);
    oq_notify_close(rig->fixture->context->notify);
    CloseHandle(rig->fixture->engine.acknowledged);
}

/* A thread that made a call gives its reference back when it has looked for another one. */
static void wait_workers(struct fixture *fixture, unsigned refs)
{
    for (int i = 0; i < LIMIT_MS && atomic_load(&fixture->context->refs) != refs; i++)
        SwitchToThread();
    for (int i = 0; i < LIMIT_MS && atomic_load(&fixture->context->refs) != refs; i++)
        Sleep(1);
    assert_int_equal(atomic_load(&fixture->context->refs), refs);
}

static void post(struct rig *rig, int64_t group, enum oq_event_kind kind, uint32_t serial)
{
    struct oq_event event = {.group = group,
                             .group_guid = oq_convert_guid(&group_guid),
                             .job_guid = oq_convert_guid(&job_guid),
                             .has_job = true,
                             .kind = kind,
                             .serial = serial,
                             .file_index = kind == OQ_EVENT_ERROR ? 7 : OQ_NO_FILE};
    if (kind == OQ_EVENT_ERROR) {
        event.retries = 3;
        event.win32 = 2;
        event.http = 404;
    }
    rig->fixture->engine.events->post(rig->fixture->engine.events->ctx, &event);
}

static void set_client(struct rig *rig, int64_t group, const char *sid, struct client *client)
{
    assert_int_equal(oq_notify_set(rig->fixture->context->notify, group, sid, &client->iface),
                     OQ_OK);
}

static void wait_acknowledged(struct rig *rig, uint32_t serial)
{
    while (rig->fixture->engine.acknowledged_serials[serial] == 0)
        assert_int_equal(WaitForSingleObject(rig->fixture->engine.acknowledged, LIMIT_MS),
                         WAIT_OBJECT_0);
}

/* --- what is reported
 * ----------------------------------------------------------------------------- */

static void told__complete__with_the_arguments_of_d29(void **state)
{
    struct rig rig;
    rig_start(&rig, *state);
    struct client *client = new_client();
    client->calls_back = true;
    rig.fixture->engine.view.state = OQ_GROUP_COMPLETE;
    set_client(&rig, FAKE_GROUP, FAKE_SID, client);
    post(&rig, FAKE_GROUP, OQ_EVENT_COMPLETE, 5);
    assert_int_equal(wait_calls(client, 1), 1);
    wait_acknowledged(&rig, 5);
    assert_int_equal(client->status, QM_STATUS_GROUP_COMPLETE);
    assert_int_equal(client->file, 0xFFFFFFFF);
    assert_int_equal(client->retries + client->win32 + client->transport, 0);
    assert_true(client->has_group && client->has_job);
    /* Its calls back into the service arrive. */
    assert_hr(client->group_hr, S_OK);
    assert_int_equal(client->group_status, 0x140);
    assert_guid(&client->group, &group_guid);
    assert_guid(&client->job, &job_guid);
    rig_stop(&rig);
    free_client(client);
    wait_workers(rig.fixture, 1 + 3); /* the fixture's and those of its three objects */
}

static void told__error__with_file_and_codes(void **state)
{
    struct rig rig;
    rig_start(&rig, *state);
    struct client *client = new_client();
    set_client(&rig, FAKE_GROUP, FAKE_SID, client);
    post(&rig, FAKE_GROUP, OQ_EVENT_ERROR, 6);
    wait_acknowledged(&rig, 6);
    assert_int_equal(client->status, QM_STATUS_GROUP_ERROR);
    assert_int_equal(client->file, 7);
    assert_int_equal(client->retries, 3);
    assert_int_equal(client->win32, 2);
    assert_int_equal(client->transport, 404);
    rig_stop(&rig);
    free_client(client);
    wait_workers(rig.fixture, 4);
}

static void answer__other_than_s_ok__is_asked_for_again_until_s_ok(void **state)
{
    struct rig rig;
    rig_start(&rig, *state);
    struct client *client = new_client();
    client->answers[0] = E_FAIL;
    client->answers[1] = S_FALSE;
    client->answers[2] = 2; /* no less a success to SUCCEEDED() */
    client->answers[3] = S_OK;
    client->answer_count = 4;
    set_client(&rig, FAKE_GROUP, FAKE_SID, client);
    post(&rig, FAKE_GROUP, OQ_EVENT_COMPLETE, 1);
    wait_acknowledged(&rig, 1);
    assert_int_equal(calls_of(client), 4);
    /* The next event of the group is reported once, as if nothing had been. */
    post(&rig, FAKE_GROUP, OQ_EVENT_ERROR, 2);
    wait_acknowledged(&rig, 2);
    assert_int_equal(calls_of(client), 5);
    assert_int_equal(rig.fixture->engine.acknowledgements, 2);
    rig_stop(&rig);
    free_client(client);
    wait_workers(rig.fixture, 4);
}

static void registration__after_the_event__is_told_at_once(void **state)
{
    struct rig rig;
    rig_start(&rig, *state);
    struct client *client = new_client();
    post(&rig, FAKE_GROUP, OQ_EVENT_COMPLETE, 1);
    set_client(&rig, FAKE_GROUP, FAKE_SID, client);
    wait_acknowledged(&rig, 1);
    assert_int_equal(calls_of(client), 1);
    rig_stop(&rig);
    free_client(client);
    wait_workers(rig.fixture, 4);
}

static void client__gone__is_dropped_and_the_next_one_told(void **state)
{
    struct rig rig;
    rig_start(&rig, *state);
    struct client *dead = new_client(), *next = new_client();
    dead->answers[0] = HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE);
    dead->answer_count = 1;
    set_client(&rig, FAKE_GROUP, FAKE_SID, dead);
    post(&rig, FAKE_GROUP, OQ_EVENT_COMPLETE, 9);
    wait_calls(dead, 1);
    free_client(dead); /* nobody holds it any more */
    assert_int_equal(rig.fixture->engine.acknowledgements, 0);
    set_client(&rig, FAKE_GROUP, FAKE_SID, next);
    wait_acknowledged(&rig, 9);
    assert_int_equal(calls_of(next), 1);
    rig_stop(&rig);
    free_client(next);
    wait_workers(rig.fixture, 4);
}

static void event__withdrawn_while_the_client_says_again__is_not_told_again(void **state)
{
    struct rig rig;
    rig_start(&rig, *state);
    struct client *client = new_client(), *other = new_client();
    client->answers[0] = E_FAIL;
    client->answer_count = 1;
    client->hang = CreateEventW(NULL, TRUE, FALSE, NULL);
    set_client(&rig, FAKE_GROUP, FAKE_SID, client);
    set_client(&rig, FAKE_GROUP + 1, FAKE_SID, other);
    post(&rig, FAKE_GROUP, OQ_EVENT_ERROR, 1);
    wait_calls(client, 1);
    post(&rig, FAKE_GROUP, OQ_EVENT_NONE, 1); /* the group was resumed */
    SetEvent(client->hang);
    /* Long enough for a repetition: the other group's event goes the same way behind it. */
    other->answers[0] = E_FAIL;
    other->answers[1] = E_FAIL;
    other->answers[2] = S_OK;
    other->answer_count = 3;
    post(&rig, FAKE_GROUP + 1, OQ_EVENT_COMPLETE, 2);
    wait_acknowledged(&rig, 2);
    assert_int_equal(calls_of(client), 1);
    rig_stop(&rig);
    free_client(client);
    free_client(other);
    wait_workers(rig.fixture, 4);
}

static void group__gone__its_client_is_released_and_not_notified(void **state)
{
    struct rig rig;
    rig_start(&rig, *state);
    struct client *client = new_client(), *other = new_client();
    set_client(&rig, FAKE_GROUP, FAKE_SID, client);
    set_client(&rig, FAKE_GROUP + 1, FAKE_SID, other);
    struct oq_event last = {.group = FAKE_GROUP, .is_gone = true, .kind = OQ_EVENT_COMPLETE};
    rig.fixture->engine.events->post(rig.fixture->engine.events->ctx, &last);
    /* The other group's event takes the same path behind it. */
    post(&rig, FAKE_GROUP + 1, OQ_EVENT_COMPLETE, 1);
    wait_acknowledged(&rig, 1);
    assert_int_equal(calls_of(client), 0);
    free_client(client);
    rig_stop(&rig);
    free_client(other);
    wait_workers(rig.fixture, 4);
}

/* --- clients that hang ------------------------------------------------------------------------ */

#define HANGING 3

static void clients__three_hang__a_fourth_is_told(void **state)
{
    struct rig rig;
    struct client *hanging[HANGING], *healthy = new_client();
    HANDLE hang = CreateEventW(NULL, TRUE, FALSE, NULL);
    rig_start(&rig, *state);
    for (int i = 0; i < HANGING; i++) {
        hanging[i] = new_client();
        hanging[i]->hang = hang;
        set_client(&rig, i, FAKE_SID, hanging[i]);
        post(&rig, i, OQ_EVENT_COMPLETE, 100 + (uint32_t)i);
        wait_calls(hanging[i], 1);
    }
    /* Twice, so that it is not only the last free thread. */
    set_client(&rig, FAKE_GROUP, FAKE_SID, healthy);
    post(&rig, FAKE_GROUP, OQ_EVENT_ERROR, 1);
    wait_acknowledged(&rig, 1);
    post(&rig, FAKE_GROUP, OQ_EVENT_COMPLETE, 2);
    wait_acknowledged(&rig, 2);
    assert_int_equal(calls_of(healthy), 2);
    SetEvent(hang);
    for (int i = 0; i < HANGING; i++)
        assert_int_equal(calls_of(hanging[i]), 1);
    while (rig.fixture->engine.acknowledgements < 2 + HANGING)
        assert_int_equal(WaitForSingleObject(rig.fixture->engine.acknowledged, LIMIT_MS),
                         WAIT_OBJECT_0);
    rig_stop(&rig);
    for (int i = 0; i < HANGING; i++) {
        hanging[i]->hang = NULL;
        free_client(hanging[i]);
    }
    free_client(healthy);
    wait_workers(rig.fixture, 4);
    CloseHandle(hang);
}

static void user__four_calls_hang__the_fifth_waits_and_another_user_does_not(void **state)
{
    struct rig rig;
    struct client *hanging[4], *fifth = new_client(), *other = new_client();
    HANDLE hang = CreateEventW(NULL, TRUE, FALSE, NULL);
    rig_start(&rig, *state);
    for (int i = 0; i < 4; i++) {
        hanging[i] = new_client();
        hanging[i]->hang = hang;
        set_client(&rig, i, FAKE_SID, hanging[i]);
        post(&rig, i, OQ_EVENT_COMPLETE, 100);
        wait_calls(hanging[i], 1);
    }
    set_client(&rig, 4, FAKE_SID, fifth);
    post(&rig, 4, OQ_EVENT_COMPLETE, 5);
    set_client(&rig, 5, "S-1-5-21-1-2-3-1002", other);
    post(&rig, 5, OQ_EVENT_COMPLETE, 6);
    wait_acknowledged(&rig, 6); /* posted after the fifth */
    assert_int_equal(calls_of(fifth), 0);
    SetEvent(hang);
    wait_calls(fifth, 1);
    wait_acknowledged(&rig, 5);
    rig_stop(&rig);
    for (int i = 0; i < 4; i++) {
        hanging[i]->hang = NULL;
        free_client(hanging[i]);
    }
    free_client(fifth);
    free_client(other);
    wait_workers(rig.fixture, 4);
    CloseHandle(hang);
}

static void registration__while_the_old_one_hangs__is_told(void **state)
{
    struct rig rig;
    rig_start(&rig, *state);
    struct client *old = new_client(), *fresh = new_client();
    old->hang = CreateEventW(NULL, TRUE, FALSE, NULL);
    set_client(&rig, FAKE_GROUP, FAKE_SID, old);
    post(&rig, FAKE_GROUP, OQ_EVENT_COMPLETE, 1);
    wait_calls(old, 1);
    set_client(&rig, FAKE_GROUP, FAKE_SID, fresh);
    wait_acknowledged(&rig, 1);
    assert_int_equal(calls_of(fresh), 1);
    SetEvent(old->hang);
    rig_stop(&rig);
    free_client(old);
    free_client(fresh);
    wait_workers(rig.fixture, 4);
}

static void stop__while_a_client_hangs__ends_and_the_engine_is_left_alone(void **state)
{
    struct rig rig;
    rig_start(&rig, *state);
    struct client *client = new_client();
    client->hang = CreateEventW(NULL, TRUE, FALSE, NULL);
    set_client(&rig, FAKE_GROUP, FAKE_SID, client);
    post(&rig, FAKE_GROUP, OQ_EVENT_COMPLETE, 1);
    wait_calls(client, 1);
    rig_stop(&rig); /* returns */
    rig.fixture->context->engine = NULL;
    SetEvent(client->hang);
    wait_workers(rig.fixture, 4);
    assert_int_equal(rig.fixture->engine.acknowledgements, 0);
    free_client(client);
}

/* --- when something fails --------------------------------------------------------------------- */

static void acknowledgement__engine_busy__is_tried_again(void **state)
{
    struct rig rig;
    rig_start(&rig, *state);
    struct client *client = new_client();
    rig.fixture->engine.event_status = OQ_E_BUSY;
    set_client(&rig, FAKE_GROUP, FAKE_SID, client);
    post(&rig, FAKE_GROUP, OQ_EVENT_COMPLETE, 1);
    while (rig.fixture->engine.acknowledgements < 3)
        assert_int_equal(WaitForSingleObject(rig.fixture->engine.acknowledged, LIMIT_MS),
                         WAIT_OBJECT_0);
    wait_workers(rig.fixture, 5); /* the notifier's is the fifth */
    assert_int_equal(rig.fixture->engine.acknowledgements, 3);
    assert_int_equal(calls_of(client), 1);
    rig.fixture->engine.event_status = OQ_OK;
    rig_stop(&rig);
    free_client(client);
    wait_workers(rig.fixture, 4);
}

static void start__engine_does_not_listen__fails_and_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct oq_deliver *deliver = NULL;
    struct oq_error err;
    oq_error_init(&err);
    fixture->engine.event_status = OQ_E_NOMEM;
    assert_int_equal(oq_deliver_start(fixture->context, &quick, &deliver, &err), OQ_E_NOMEM);
    assert_null(deliver);
    fixture->engine.event_status = OQ_OK;
}

static void event__no_memory_for_its_record__is_asked_for_again(void **state)
{
#ifndef OQ_FAULT_INJECTION
    (void)state;
    print_message("skipped: this tree has no fault seam\n");
    skip();
#else
    struct rig rig;
    rig_start(&rig, *state);
    oq_fault_arm(OQ_FAULT_ALLOC, 1, false);
    post(&rig, FAKE_GROUP, OQ_EVENT_COMPLETE, 1);
    oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
    for (int i = 0; i < LIMIT_MS && rig.fixture->engine.listens < 2; i++)
        Sleep(1);
    assert_int_equal(rig.fixture->engine.listens, 2); /* which posts all that are pending */
    rig_stop(&rig);
    wait_workers(rig.fixture, 4);
#endif
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(told__complete__with_the_arguments_of_d29),
        WITH(told__error__with_file_and_codes),
        WITH(answer__other_than_s_ok__is_asked_for_again_until_s_ok),
        WITH(registration__after_the_event__is_told_at_once),
        WITH(client__gone__is_dropped_and_the_next_one_told),
        WITH(event__withdrawn_while_the_client_says_again__is_not_told_again),
        WITH(group__gone__its_client_is_released_and_not_notified),
        WITH(clients__three_hang__a_fourth_is_told),
        WITH(user__four_calls_hang__the_fifth_waits_and_another_user_does_not),
        WITH(registration__while_the_old_one_hangs__is_told),
        WITH(stop__while_a_client_hangs__ends_and_the_engine_is_left_alone),
        WITH(acknowledgement__engine_busy__is_tried_again),
        WITH(start__engine_does_not_listen__fails_and_leaves_nothing),
        WITH(event__no_memory_for_its_record__is_asked_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
