/* test_group.c - IBackgroundCopyGroup (contract 5.2), but properties (test_prop.c) and
 * notifications (test_notify.c) */
#include "com_fixture.h"

/* Section 7, written a second time. */
static const struct {
    enum oq_group_state state;
    DWORD bits;
} status_rows[] = {
    {OQ_GROUP_SUSPENDED, 0x180}, {OQ_GROUP_ACTIVE, 0x080},   {OQ_GROUP_COMMITTING, 0x080},
    {OQ_GROUP_ERROR, 0x380},     {OQ_GROUP_COMPLETE, 0x140},
};

/* Shows IBackgroundCopyGroup::GetStatus.pdwStatus */
static void status__each_state__has_its_bits_and_job_index_0(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(status_rows); i++) {
        for (int foreground = 0; foreground < 2; foreground++) {
            DWORD bits = 0xdeadbeef, index = 0xdeadbeef;
            fixture->engine.view.state = status_rows[i].state;
            fixture->engine.view.is_foreground = foreground;
            assert_hr(IBackgroundCopyGroup_GetStatus(fixture->group, &bits, &index), S_OK);
            assert_int_equal(bits, status_rows[i].bits | (foreground ? 0x400 : 0));
            assert_int_equal(index, 0);
        }
    }
}

/* Shows all.null-output-inside */
static void status__a_null_output__is_refused_and_the_other_emptied(void **state)
{
    struct fixture *fixture = *state;
    DWORD value = 0xdeadbeef;
    assert_hr(IBackgroundCopyGroup_GetStatus(fixture->group, &value, NULL), E_INVALIDARG);
    assert_int_equal(value, 0);
    value = 0xdeadbeef;
    assert_hr(IBackgroundCopyGroup_GetStatus(fixture->group, NULL, &value), E_INVALIDARG);
    assert_int_equal(value, 0);
    assert_int_equal(fixture->engine.calls, 0);
}

/* Shows IBackgroundCopyGroup::GetProgress.dwFlags .S_OK */
static void progress__percent_and_bytes__are_the_engines(void **state)
{
    struct fixture *fixture = *state;
    DWORD progress = 0xdeadbeef;
    fixture->engine.view.progress.percent = 42;
    fixture->engine.view.progress.done_bytes = 123456;
    assert_hr(IBackgroundCopyGroup_GetProgress(fixture->group, QM_PROGRESS_PERCENT_DONE, &progress),
              S_OK);
    assert_int_equal(progress, 42);
    assert_hr(IBackgroundCopyGroup_GetProgress(fixture->group, QM_PROGRESS_SIZE_DONE, &progress),
              S_OK);
    assert_int_equal(progress, 123456);
}

/* Shows IBackgroundCopyGroup::GetProgress.pdwProgress */
static void progress__4_gib__saturates(void **state)
{
    static const struct {
        uint64_t done;
        DWORD shown;
    } rows[] = {{0xfffffffe, 0xfffffffe},
                {0xffffffff, 0xffffffff},
                {0x100000000, 0xffffffff},
                {UINT64_MAX - 1, 0xffffffff}};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        DWORD progress = 0;
        fixture->engine.view.progress.done_bytes = rows[i].done;
        assert_hr(
            IBackgroundCopyGroup_GetProgress(fixture->group, QM_PROGRESS_SIZE_DONE, &progress),
            S_OK);
        assert_int_equal(progress, rows[i].shown);
    }
}

/* Shows IBackgroundCopyGroup::GetProgress.other-value */
static void progress__any_other_flag__is_notimpl(void **state)
{
    static const DWORD flags[] = {0, QM_PROGRESS_TIME_DONE, 4, 0x80000001, 0xffffffff};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        DWORD progress = 0xdeadbeef;
        assert_hr(IBackgroundCopyGroup_GetProgress(fixture->group, flags[i], &progress), E_NOTIMPL);
        assert_int_equal(progress, 0);
    }
    assert_hr(IBackgroundCopyGroup_GetProgress(fixture->group, QM_PROGRESS_SIZE_DONE, NULL),
              E_INVALIDARG);
    assert_hr(IBackgroundCopyGroup_GetProgress(fixture->group, QM_PROGRESS_TIME_DONE, NULL),
              E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
}

/* Shows IBackgroundCopyGroup::get_Size.cannot-determined-one */
static void size__known_unknown_and_large__is_as_decided(void **state)
{
    static const struct {
        uint64_t total;
        DWORD shown;
    } rows[] = {{0, 0}, {1, 1}, {0xffffffff, 0xffffffff}, {0x100000000, 0}, {OQ_SIZE_UNKNOWN, 0}};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        DWORD size = 0xdeadbeef;
        fixture->engine.view.progress.total_bytes = rows[i].total;
        assert_hr(IBackgroundCopyGroup_get_Size(fixture->group, &size), S_OK);
        assert_int_equal(size, rows[i].shown);
    }
    assert_hr(IBackgroundCopyGroup_get_Size(fixture->group, NULL), E_INVALIDARG);
}

static void identifier__asked__is_that_of_the_group(void **state)
{
    struct fixture *fixture = *state;
    GUID guid;
    assert_hr(IBackgroundCopyGroup_get_GroupID(fixture->group, &guid), S_OK);
    assert_guid(&guid, &group_guid);
    assert_hr(IBackgroundCopyGroup_get_GroupID(fixture->group, NULL), E_INVALIDARG);
}

static void changes__each__asks_the_engine_for_that_group(void **state)
{
    struct fixture *fixture = *state;
    assert_hr(IBackgroundCopyGroup_SuspendGroup(fixture->group), S_OK);
    assert_int_equal(fixture->engine.last, FAKE_SUSPEND);
    assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
    assert_hr(IBackgroundCopyGroup_ResumeGroup(fixture->group), S_OK);
    assert_int_equal(fixture->engine.last, FAKE_RESUME);
    assert_hr(IBackgroundCopyGroup_SwitchToForeground(fixture->group), S_OK);
    assert_int_equal(fixture->engine.last, FAKE_SET_FOREGROUND);
    assert_hr(IBackgroundCopyGroup_CancelGroup(fixture->group), S_OK);
    assert_int_equal(fixture->engine.last, FAKE_CANCEL);
    assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
}

/* Shows IBackgroundCopyGroup::ResumeGroup.0x80200003 */
static void resume__empty_group__is_bg_e_empty(void **state)
{
    struct fixture *fixture = *state;
    fixture->engine.status = OQ_E_EMPTY;
    assert_hr(IBackgroundCopyGroup_ResumeGroup(fixture->group), 0x80200003);
}

/* Shows all.group-gone */
static void cancelled__changes__are_invalid_state_and_reads_answer(void **state)
{
    struct fixture *fixture = *state;
    DWORD bits, index, number;
    GUID guid;
    fixture->engine.view.is_gone = true; /* reads give the last values */
    fixture->engine.view.state = OQ_GROUP_ERROR;
    assert_hr(IBackgroundCopyGroup_GetStatus(fixture->group, &bits, &index), S_OK);
    assert_int_equal(bits, 0x380);
    assert_hr(IBackgroundCopyGroup_get_GroupID(fixture->group, &guid), S_OK);
    assert_hr(IBackgroundCopyGroup_get_Size(fixture->group, &number), S_OK);
    fixture->engine.status = OQ_E_INVALID_STATE; /* what the engine says to changes then */
    assert_hr(IBackgroundCopyGroup_CancelGroup(fixture->group), QM_E_INVALID_STATE);
    assert_hr(IBackgroundCopyGroup_ResumeGroup(fixture->group), QM_E_INVALID_STATE);
    assert_hr(IBackgroundCopyGroup_SuspendGroup(fixture->group), QM_E_INVALID_STATE);
    assert_hr(IBackgroundCopyGroup_SwitchToForeground(fixture->group), QM_E_INVALID_STATE);
}

/* Shows IBackgroundCopyGroup::CreateJob.ppJob */
static void create_job__fresh__asks_for_that_guid(void **state)
{
    struct fixture *fixture = *state;
    IBackgroundCopyJob1 *job = NULL;
    GUID guid;
    assert_hr(IBackgroundCopyGroup_CreateJob(fixture->group, other_guid, &job), S_OK);
    assert_int_equal(fixture->engine.count[FAKE_CREATE_JOB], 1);
    assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
    assert_guid(&fixture->engine.guid, &other_guid);
    assert_hr(IBackgroundCopyJob1_get_JobID(job, &guid), S_OK);
    assert_guid(&guid, &other_guid);
    assert_int_equal(IBackgroundCopyJob1_Release(job), 0);
}

static void create_job__refused__has_the_code_of_the_reason(void **state)
{
    static const struct {
        enum oq_status status;
        HRESULT hr;
    } reasons[] = {{OQ_E_INVALID_STATE, (HRESULT)QM_E_INVALID_STATE},
                   {OQ_E_NOT_SUPPORTED, E_NOTIMPL},
                   {OQ_E_INVALID_ARG, E_INVALIDARG}};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        IBackgroundCopyJob1 *job = (IBackgroundCopyJob1 *)(uintptr_t)0xdeadbeef;
        fixture->engine.status = reasons[i].status;
        assert_hr(IBackgroundCopyGroup_CreateJob(fixture->group, other_guid, &job), reasons[i].hr);
        assert_null(job);
    }
    assert_hr(IBackgroundCopyGroup_CreateJob(fixture->group, other_guid, NULL), E_INVALIDARG);
}

/* Shows IBackgroundCopyGroup::GetJob.ppJob */
static void get_job__its_guid__gives_the_job(void **state)
{
    struct fixture *fixture = *state;
    IBackgroundCopyJob1 *job = NULL;
    DWORD count = 0xdeadbeef;
    fixture->engine.view.progress.files_total = 7;
    assert_hr(IBackgroundCopyGroup_GetJob(fixture->group, job_guid, &job), S_OK);
    assert_hr(IBackgroundCopyJob1_GetFileCount(job, &count), S_OK);
    assert_int_equal(count, 7);
    assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
    IBackgroundCopyJob1_Release(job);
}

/* Shows IBackgroundCopyGroup::GetJob.QM_E_ITEM_NOT_FOUND */
static void get_job__another_guid_or_no_job__is_item_not_found(void **state)
{
    struct fixture *fixture = *state;
    IBackgroundCopyJob1 *job = (IBackgroundCopyJob1 *)(uintptr_t)0xdeadbeef;
    assert_hr(IBackgroundCopyGroup_GetJob(fixture->group, other_guid, &job), QM_E_ITEM_NOT_FOUND);
    assert_null(job);
    fixture->engine.view.has_job = false; /* job_guid then means nothing */
    assert_hr(IBackgroundCopyGroup_GetJob(fixture->group, job_guid, &job), QM_E_ITEM_NOT_FOUND);
    assert_hr(IBackgroundCopyGroup_GetJob(fixture->group, job_guid, NULL), E_INVALIDARG);
}

/* Shows IBackgroundCopyGroup::QueryNewJobInterface.E_NOINTERFACE */
static void new_job_interface__whatever_is_asked__is_none(void **state)
{
    static const IID *const iids[] = {&IID_IUnknown, &IID_IBackgroundCopyJob1,
                                      &IID_IBackgroundCopyGroup};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(iids); i++) {
        IUnknown *unknown = (IUnknown *)(uintptr_t)0xdeadbeef;
        assert_hr(IBackgroundCopyGroup_QueryNewJobInterface(fixture->group, iids[i], &unknown),
                  E_NOINTERFACE);
        assert_null(unknown);
    }
    assert_hr(IBackgroundCopyGroup_QueryNewJobInterface(fixture->group, &IID_IUnknown, NULL),
              E_INVALIDARG);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(status__each_state__has_its_bits_and_job_index_0),
        WITH(status__a_null_output__is_refused_and_the_other_emptied),
        WITH(progress__percent_and_bytes__are_the_engines),
        WITH(progress__4_gib__saturates),
        WITH(progress__any_other_flag__is_notimpl),
        WITH(size__known_unknown_and_large__is_as_decided),
        WITH(identifier__asked__is_that_of_the_group),
        WITH(changes__each__asks_the_engine_for_that_group),
        WITH(resume__empty_group__is_bg_e_empty),
        WITH(cancelled__changes__are_invalid_state_and_reads_answer),
        WITH(create_job__fresh__asks_for_that_guid),
        WITH(create_job__refused__has_the_code_of_the_reason),
        WITH(get_job__its_guid__gives_the_job),
        WITH(get_job__another_guid_or_no_job__is_item_not_found),
        WITH(new_job_interface__whatever_is_asked__is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
