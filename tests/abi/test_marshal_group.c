/*
 * test_marshal_group.c: every method of the queue and of a group, but SetProp and notification,
 * through the proxy DLL. What is expected is section 9 of the spec, and that every argument arrives
 * as it was given.
 */
#include "marshal_rig.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#define NONSENSE ((void *)(uintptr_t)0xDEADBEEF)
#define ID_1 "11110001-2201-3301-4444-555555555501"

/* ---- IBackgroundCopyQMgr --------------------------------------------------------------------- */

static void create_group__identifier__arrives_and_a_group_comes_back(void **state)
{
    IBackgroundCopyGroup *group = NONSENSE;

    (void)state;
    assert_int_equal(IBackgroundCopyQMgr_CreateGroup(rig.qmgr, rig_guid(1), &group), S_OK);
    assert_string_equal(rig_log(), "CreateGroup " ID_1 "; ");
    assert_ptr_equal(group, rig.group); /* one proxy per object and interface */
    IBackgroundCopyGroup_Release(group);
}

static void create_group__refused__gives_code_and_null(void **state)
{
    IBackgroundCopyGroup *group = NONSENSE;

    (void)state;
    script.result = E_INVALIDARG;
    assert_int_equal(IBackgroundCopyQMgr_CreateGroup(rig.qmgr, rig_guid(1), &group), E_INVALIDARG);
    assert_null(group);
}

/* Shows IBackgroundCopyQMgr::GetGroup.groupID */
static void get_group__identifier__arrives_and_a_group_comes_back(void **state)
{
    IBackgroundCopyGroup *group = NONSENSE;

    (void)state;
    assert_int_equal(IBackgroundCopyQMgr_GetGroup(rig.qmgr, rig_guid(1), &group), S_OK);
    assert_string_equal(rig_log(), "GetGroup " ID_1 "; ");
    assert_non_null(group);
    IBackgroundCopyGroup_Release(group);
}

static void get_group__unknown__gives_code_and_null(void **state)
{
    IBackgroundCopyGroup *group = NONSENSE;

    (void)state;
    script.result = (HRESULT)QM_E_ITEM_NOT_FOUND;
    assert_int_equal(IBackgroundCopyQMgr_GetGroup(rig.qmgr, rig_guid(1), &group),
                     (HRESULT)QM_E_ITEM_NOT_FOUND);
    assert_null(group);
}

/* Shows IBackgroundCopyQMgr::EnumGroups.dwFlags */
static void enum_groups__flags__arrive_and_an_enumerator_comes_back(void **state)
{
    IEnumBackgroundCopyGroups *groups = NONSENSE;

    (void)state;
    assert_int_equal(IBackgroundCopyQMgr_EnumGroups(rig.qmgr, 0x80000001, &groups), S_OK);
    assert_string_equal(rig_log(), "EnumGroups 2147483649; ");
    assert_ptr_equal(groups, rig.enum_groups);
    IEnumBackgroundCopyGroups_Release(groups);
}

static void enum_groups__refused__gives_code_and_null(void **state)
{
    IEnumBackgroundCopyGroups *groups = NONSENSE;

    (void)state;
    script.result = E_NOTIMPL;
    assert_int_equal(IBackgroundCopyQMgr_EnumGroups(rig.qmgr, 1, &groups), E_NOTIMPL);
    assert_null(groups);
}

/* ---- IBackgroundCopyGroup -------------------------------------------------------------------- */

/* Shows IBackgroundCopyGroup::GetProp.pvarVal */
static void get_prop__any_incoming_variant__the_service_sees_none(void **state)
{
    VARIANT value;

    (void)state;
    V_VT(&value) = VT_I4;
    V_I4(&value) = 77;
    assert_int_equal(IBackgroundCopyGroup_GetProp(rig.group, GROUPPROP_DESCRIPTION, &value), S_OK);
    assert_string_equal(rig_log(), "GetProp 12 vt0; ");
    assert_int_equal(V_VT(&value), VT_EMPTY);
}

static void get_prop__integer_types__come_back_intact(void **state)
{
    static const VARTYPE types[] = {VT_I4, VT_UI4, VT_INT, VT_UINT};

    (void)state;
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        VARIANT value;

        memset(&value, 0x5a, sizeof value);
        V_VT(&script.property) = types[i];
        V_I4(&script.property) = 0x40 + (LONG)i;
        assert_int_equal(IBackgroundCopyGroup_GetProp(rig.group, GROUPPROP_NOTIFYFLAGS, &value),
                         S_OK);
        assert_int_equal(V_VT(&value), types[i]);
        assert_int_equal(V_I4(&value), 0x40 + (LONG)i);
    }
}

/* Shows all.memory-out */
static void get_prop__text__comes_back_intact(void **state)
{
    static const WCHAR text[] = L"Gr\x00fc\x00df\x4e2d\xd83d\xde00\0after a NUL";
    VARIANT value;

    (void)state;
    memset(&value, 0x5a, sizeof value);
    V_VT(&script.property) = VT_BSTR;
    V_BSTR(&script.property) = SysAllocStringLen(text, sizeof text / sizeof *text);
    assert_int_equal(IBackgroundCopyGroup_GetProp(rig.group, GROUPPROP_DISPLAYNAME, &value), S_OK);
    assert_int_equal(V_VT(&value), VT_BSTR);
    assert_int_equal(SysStringLen(V_BSTR(&value)), sizeof text / sizeof *text);
    assert_memory_equal(V_BSTR(&value), text, sizeof text);
    VariantClear(&value);
}

static void get_prop__refused__gives_code_and_an_empty_variant(void **state)
{
    VARIANT value;

    (void)state;
    memset(&value, 0x5a, sizeof value);
    script.get_prop = E_NOTIMPL;
    assert_int_equal(IBackgroundCopyGroup_GetProp(rig.group, GROUPPROP_LOCALUSERID, &value),
                     E_NOTIMPL);
    assert_int_equal(V_VT(&value), VT_EMPTY);
}

/* Shows IBackgroundCopyGroup::GetProp.propID */
static void get_prop__identifier_above_the_last__reaches_the_service(void **state)
{
    VARIANT value;

    (void)state;
    assert_int_equal(IBackgroundCopyGroup_GetProp(rig.group, (GROUPPROP)13, &value), S_OK);
    assert_string_equal(rig_log(), "GetProp 13 vt0; ");
}

static void get_progress__flags__arrive_and_the_largest_number_comes_back(void **state)
{
    DWORD progress = 0x5a5a5a5a;

    (void)state;
    assert_int_equal(IBackgroundCopyGroup_GetProgress(rig.group, QM_PROGRESS_SIZE_DONE, &progress),
                     S_OK);
    assert_string_equal(rig_log(), "group GetProgress 3; ");
    assert_int_equal(progress, 0xFFFFFFFF);
}

/* Shows IBackgroundCopyGroup::GetStatus.S_OK */
static void get_status__group__both_numbers_come_back(void **state)
{
    DWORD status = 0x5a5a5a5a, index = 0x5a5a5a5a;

    (void)state;
    assert_int_equal(IBackgroundCopyGroup_GetStatus(rig.group, &status, &index), S_OK);
    assert_string_equal(rig_log(), "group GetStatus; ");
    assert_int_equal(status, 0x780);
    assert_int_equal(index, 0);
}

/* Shows IBackgroundCopyGroup::GetJob.jobID */
static void get_job__identifier__arrives_and_a_job_comes_back(void **state)
{
    IBackgroundCopyJob1 *job = NONSENSE;

    (void)state;
    assert_int_equal(IBackgroundCopyGroup_GetJob(rig.group, rig_guid(1), &job), S_OK);
    assert_string_equal(rig_log(), "GetJob " ID_1 "; ");
    assert_ptr_equal(job, rig.job);
    IBackgroundCopyJob1_Release(job);
}

static void get_job__unknown__gives_code_and_null(void **state)
{
    IBackgroundCopyJob1 *job = NONSENSE;

    (void)state;
    script.result = (HRESULT)QM_E_ITEM_NOT_FOUND;
    assert_int_equal(IBackgroundCopyGroup_GetJob(rig.group, rig_guid(1), &job),
                     (HRESULT)QM_E_ITEM_NOT_FOUND);
    assert_null(job);
}

static void group_commands__without_arguments__arrive(void **state)
{
    (void)state;
    assert_int_equal(IBackgroundCopyGroup_SuspendGroup(rig.group), S_OK);
    assert_int_equal(IBackgroundCopyGroup_ResumeGroup(rig.group), S_OK);
    assert_int_equal(IBackgroundCopyGroup_CancelGroup(rig.group), S_OK);
    assert_int_equal(IBackgroundCopyGroup_SwitchToForeground(rig.group), S_OK);
    assert_string_equal(rig_log(),
                        "SuspendGroup; ResumeGroup; CancelGroup; group SwitchToForeground; ");
}

static void group_commands__refused__give_the_code(void **state)
{
    (void)state;
    script.result = (HRESULT)QM_E_INVALID_STATE;
    assert_int_equal(IBackgroundCopyGroup_SuspendGroup(rig.group), (HRESULT)QM_E_INVALID_STATE);
    assert_int_equal(IBackgroundCopyGroup_CancelGroup(rig.group), (HRESULT)QM_E_INVALID_STATE);
    assert_int_equal(IBackgroundCopyGroup_SwitchToForeground(rig.group),
                     (HRESULT)QM_E_INVALID_STATE);
    script.result = (HRESULT)0x80200003;
    assert_int_equal(IBackgroundCopyGroup_ResumeGroup(rig.group), (HRESULT)0x80200003);
}

/* Shows IBackgroundCopyGroup::get_Size.S_OK */
static void get_size__group__comes_back(void **state)
{
    DWORD size = 0x5a5a5a5a;

    (void)state;
    assert_int_equal(IBackgroundCopyGroup_get_Size(rig.group, &size), S_OK);
    assert_string_equal(rig_log(), "get_Size; ");
    assert_int_equal(size, 0x89ABCDEF);
}

/* Shows IBackgroundCopyGroup::get_GroupID.pguidGroupID */
static void get_group_id__group__comes_back(void **state)
{
    GUID id, expected = rig_guid(7);

    (void)state;
    memset(&id, 0x5a, sizeof id);
    assert_int_equal(IBackgroundCopyGroup_get_GroupID(rig.group, &id), S_OK);
    assert_string_equal(rig_log(), "get_GroupID; ");
    assert_memory_equal(&id, &expected, sizeof id);
}

/* Shows IBackgroundCopyGroup::CreateJob.guidJobID */
static void create_job__identifier__arrives_and_a_job_comes_back(void **state)
{
    IBackgroundCopyJob1 *job = NONSENSE;

    (void)state;
    assert_int_equal(IBackgroundCopyGroup_CreateJob(rig.group, rig_guid(1), &job), S_OK);
    assert_string_equal(rig_log(), "CreateJob " ID_1 "; ");
    assert_ptr_equal(job, rig.job);
    IBackgroundCopyJob1_Release(job);
}

static void create_job__refused__gives_code_and_null(void **state)
{
    IBackgroundCopyJob1 *job = NONSENSE;

    (void)state;
    script.result = (HRESULT)QM_E_INVALID_STATE;
    assert_int_equal(IBackgroundCopyGroup_CreateJob(rig.group, rig_guid(1), &job),
                     (HRESULT)QM_E_INVALID_STATE);
    assert_null(job);
}

/* Shows IBackgroundCopyGroup::EnumJobs.dwFlags */
static void enum_jobs__flags__arrive_and_an_enumerator_comes_back(void **state)
{
    IEnumBackgroundCopyJobs1 *jobs = NONSENSE;

    (void)state;
    assert_int_equal(IBackgroundCopyGroup_EnumJobs(rig.group, 5, &jobs), S_OK);
    assert_string_equal(rig_log(), "EnumJobs 5; ");
    assert_ptr_equal(jobs, rig.enum_jobs);
    IEnumBackgroundCopyJobs1_Release(jobs);
}

/* Shows IBackgroundCopyGroup::QueryNewJobInterface.iid .pUnk */
static void query_new_job_interface__known__comes_back_as_that_interface(void **state)
{
    IUnknown *job = NONSENSE;

    (void)state;
    assert_int_equal(
        IBackgroundCopyGroup_QueryNewJobInterface(rig.group, &IID_IBackgroundCopyJob1, &job), S_OK);
    assert_string_equal(rig_log(), "QueryNewJobInterface 59f5553c-2031-4629-bb18-2645a6970947; ");
    assert_ptr_equal(job, rig.job);
    IUnknown_Release(job);
}

static void query_new_job_interface__refused__gives_code_and_null(void **state)
{
    IUnknown *job = NONSENSE;
    const GUID unknown = rig_guid(9);

    (void)state;
    script.result = E_NOINTERFACE;
    assert_int_equal(IBackgroundCopyGroup_QueryNewJobInterface(rig.group, &unknown, &job),
                     E_NOINTERFACE);
    assert_null(job);
}

/* Shows all.null-output */
static void out_pointers__null__are_refused_before_the_service(void **state)
{
    DWORD number;

    (void)state;
    assert_int_equal(IBackgroundCopyGroup_GetProp(rig.group, GROUPPROP_PRIORITY, NULL),
                     NULL_REFUSED);
    assert_int_equal(IBackgroundCopyGroup_GetProgress(rig.group, 1, NULL), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyGroup_GetStatus(rig.group, &number, NULL), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyGroup_GetStatus(rig.group, NULL, &number), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyGroup_get_Size(rig.group, NULL), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyGroup_get_GroupID(rig.group, NULL), NULL_REFUSED);
    assert_string_equal(rig_log(), "");
}

/* Wine notices this only when the answer is back: the service has done its part by then. */
/* Shows all.null-output */
static void out_interfaces__null__are_refused(void **state)
{
    (void)state;
    assert_int_equal(IBackgroundCopyQMgr_CreateGroup(rig.qmgr, rig_guid(1), NULL), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyQMgr_GetGroup(rig.qmgr, rig_guid(1), NULL), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyQMgr_EnumGroups(rig.qmgr, 0, NULL), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyGroup_GetJob(rig.group, rig_guid(1), NULL), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyGroup_CreateJob(rig.group, rig_guid(1), NULL), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyGroup_EnumJobs(rig.group, 0, NULL), NULL_REFUSED);
    assert_int_equal(
        IBackgroundCopyGroup_QueryNewJobInterface(rig.group, &IID_IBackgroundCopyJob1, NULL),
        NULL_REFUSED);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_reset, rig_check)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(create_group__identifier__arrives_and_a_group_comes_back),
        RIGGED(create_group__refused__gives_code_and_null),
        RIGGED(get_group__identifier__arrives_and_a_group_comes_back),
        RIGGED(get_group__unknown__gives_code_and_null),
        RIGGED(enum_groups__flags__arrive_and_an_enumerator_comes_back),
        RIGGED(enum_groups__refused__gives_code_and_null),
        RIGGED(get_prop__any_incoming_variant__the_service_sees_none),
        RIGGED(get_prop__integer_types__come_back_intact),
        RIGGED(get_prop__text__comes_back_intact),
        RIGGED(get_prop__refused__gives_code_and_an_empty_variant),
        RIGGED(get_prop__identifier_above_the_last__reaches_the_service),
        RIGGED(get_progress__flags__arrive_and_the_largest_number_comes_back),
        RIGGED(get_status__group__both_numbers_come_back),
        RIGGED(get_job__identifier__arrives_and_a_job_comes_back),
        RIGGED(get_job__unknown__gives_code_and_null),
        RIGGED(group_commands__without_arguments__arrive),
        RIGGED(group_commands__refused__give_the_code),
        RIGGED(get_size__group__comes_back),
        RIGGED(get_group_id__group__comes_back),
        RIGGED(create_job__identifier__arrives_and_a_job_comes_back),
        RIGGED(create_job__refused__gives_code_and_null),
        RIGGED(enum_jobs__flags__arrive_and_an_enumerator_comes_back),
        RIGGED(query_new_job_interface__known__comes_back_as_that_interface),
        RIGGED(query_new_job_interface__refused__gives_code_and_null),
        RIGGED(out_pointers__null__are_refused_before_the_service),
        RIGGED(out_interfaces__null__are_refused),
    };

    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
