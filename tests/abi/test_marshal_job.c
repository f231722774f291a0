/*
 * test_marshal_job.c: every method of a job and of both enumerators through the proxy DLL. What is
 * expected is section 9 of the spec, and that every argument arrives as it was given.
 */
#include "marshal_rig.h"

#include <setjmp.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#define NONSENSE ((void *)(uintptr_t)0xDEADBEEF)

/* ---- IBackgroundCopyJob1 --------------------------------------------------------------------- */

static void job_commands__without_arguments__arrive_and_give_the_code(void **state)
{
    (void)state;
    script.result = E_NOTIMPL;
    assert_int_equal(IBackgroundCopyJob1_CancelJob(rig.job), E_NOTIMPL);
    assert_int_equal(IBackgroundCopyJob1_SwitchToForeground(rig.job), E_NOTIMPL);
    assert_string_equal(rig_log(), "CancelJob; job SwitchToForeground; ");
}

/* Shows IBackgroundCopyJob1::GetProgress.dwFlags */
static void get_progress__job__flags_arrive_and_the_number_comes_back(void **state)
{
    DWORD progress = 0x5a5a5a5a;

    (void)state;
    assert_int_equal(IBackgroundCopyJob1_GetProgress(rig.job, QM_PROGRESS_PERCENT_DONE, &progress),
                     S_OK);
    assert_string_equal(rig_log(), "job GetProgress 1; ");
    assert_int_equal(progress, 99);
}

/* Shows IBackgroundCopyJob1::GetStatus.S_OK */
static void get_status__job__all_four_numbers_come_back(void **state)
{
    DWORD status = 0x5a5a5a5a, win32 = 0x5a5a5a5a, transport = 0x5a5a5a5a, retries = 0x5a5a5a5a;

    (void)state;
    assert_int_equal(IBackgroundCopyJob1_GetStatus(rig.job, &status, &win32, &transport, &retries),
                     S_OK);
    assert_int_equal(status, 0x18);
    assert_int_equal(win32, 2);
    assert_int_equal(transport, 404);
    assert_int_equal(retries, 3);
}

/* Shows IBackgroundCopyJob1::AddFiles.cFileCount .ppFileSet */
static void add_files__names__arrive_in_order(void **state)
{
    FILESETINFO one = {SysAllocString(L"http://example.org/1"), SysAllocString(L"C:\\1"), 11};
    FILESETINFO two = {SysAllocString(L"https://example.org/\x00e9"), SysAllocString(L""),
                       0xFFFFFFFF};
    FILESETINFO *files[] = {&one, &two};

    (void)state;
    assert_int_equal(IBackgroundCopyJob1_AddFiles(rig.job, 2, files), S_OK);
    assert_string_equal(rig_log(), "AddFiles 2 'http://example.org/1' 'C:\\1' 11"
                                   " 'https://example.org/\xc3\xa9' '' 4294967295; ");
    /* what goes in stays the caller's */
    assert_int_equal(wcscmp(one.bstrRemoteFile, L"http://example.org/1"), 0);
    SysFreeString(one.bstrRemoteFile);
    SysFreeString(one.bstrLocalFile);
    SysFreeString(two.bstrRemoteFile);
    SysFreeString(two.bstrLocalFile);
}

static void add_files__null_element_and_null_name__arrive_as_null(void **state)
{
    FILESETINFO one = {SysAllocString(L"http://example.org/1"), NULL, 0};
    FILESETINFO *files[] = {&one, NULL};

    (void)state;
    script.result = E_INVALIDARG;
    assert_int_equal(IBackgroundCopyJob1_AddFiles(rig.job, 2, files), E_INVALIDARG);
    assert_string_equal(rig_log(), "AddFiles 2 'http://example.org/1' NULL 0 -; ");
    SysFreeString(one.bstrRemoteFile);
}

static void add_files__same_element_twice__arrives_twice(void **state)
{
    FILESETINFO one = {SysAllocString(L"u"), SysAllocString(L"f"), 0};
    FILESETINFO *files[] = {&one, &one};

    (void)state;
    assert_int_equal(IBackgroundCopyJob1_AddFiles(rig.job, 2, files), S_OK);
    assert_string_equal(rig_log(), "AddFiles 2 'u' 'f' 0 'u' 'f' 0; ");
    SysFreeString(one.bstrRemoteFile);
    SysFreeString(one.bstrLocalFile);
}

static void add_files__none__reaches_the_service(void **state)
{
    FILESETINFO *files[] = {NULL};

    (void)state;
    assert_int_equal(IBackgroundCopyJob1_AddFiles(rig.job, 0, files), S_OK);
    assert_string_equal(rig_log(), "AddFiles 0; ");
}

static void add_files__null_array__is_refused_before_the_service(void **state)
{
    (void)state;
    assert_int_equal(IBackgroundCopyJob1_AddFiles(rig.job, 0, NULL), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyJob1_AddFiles(rig.job, 1, NULL), NULL_REFUSED);
    assert_string_equal(rig_log(), "");
}

/* Shows all.memory-out IBackgroundCopyJob1::GetFile.pFileInfo */
static void get_file__names__come_back_and_the_service_saw_zeros(void **state)
{
    FILESETINFO file;

    (void)state;
    memset(&file, 0x5a, sizeof file);
    assert_int_equal(IBackgroundCopyJob1_GetFile(rig.job, 199, &file), S_OK);
    assert_string_equal(rig_log(), "GetFile 199 NULL NULL 0; ");
    assert_int_equal(wcscmp(file.bstrRemoteFile, L"http://example.org/a b"), 0);
    assert_int_equal(wcscmp(file.bstrLocalFile, L"C:\\\x00dc\\b.bin"), 0);
    assert_int_equal(SysStringLen(file.bstrLocalFile), 10);
    assert_int_equal(file.dwSizeHint, 0);
    SysFreeString(file.bstrRemoteFile);
    SysFreeString(file.bstrLocalFile);
}

static void get_file__refused__gives_code_and_null_names(void **state)
{
    FILESETINFO file;

    (void)state;
    memset(&file, 0x5a, sizeof file);
    script.result = (HRESULT)QM_E_ITEM_NOT_FOUND;
    assert_int_equal(IBackgroundCopyJob1_GetFile(rig.job, 200, &file),
                     (HRESULT)QM_E_ITEM_NOT_FOUND);
    assert_null(file.bstrRemoteFile);
    assert_null(file.bstrLocalFile);
    assert_int_equal(file.dwSizeHint, 0);
}

/* Shows IBackgroundCopyJob1::GetFileCount.S_OK */
static void get_file_count__number__comes_back(void **state)
{
    DWORD count = 0x5a5a5a5a;

    (void)state;
    assert_int_equal(IBackgroundCopyJob1_GetFileCount(rig.job, &count), S_OK);
    assert_string_equal(rig_log(), "GetFileCount; ");
    assert_int_equal(count, 200);
}

/* Shows IBackgroundCopyJob1::get_JobID.pguidJobID */
static void get_job_id__identifier__comes_back(void **state)
{
    GUID id, expected = rig_guid(8);

    (void)state;
    memset(&id, 0x5a, sizeof id);
    assert_int_equal(IBackgroundCopyJob1_get_JobID(rig.job, &id), S_OK);
    assert_memory_equal(&id, &expected, sizeof id);
}

/* Shows all.null-output */
static void job_out_pointers__null__are_refused_before_the_service(void **state)
{
    DWORD a, b, c;

    (void)state;
    assert_int_equal(IBackgroundCopyJob1_GetProgress(rig.job, 1, NULL), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyJob1_GetStatus(rig.job, NULL, &a, &b, &c), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyJob1_GetStatus(rig.job, &a, &b, &c, NULL), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyJob1_GetFile(rig.job, 0, NULL), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyJob1_GetFileCount(rig.job, NULL), NULL_REFUSED);
    assert_int_equal(IBackgroundCopyJob1_get_JobID(rig.job, NULL), NULL_REFUSED);
    assert_string_equal(rig_log(), "");
}

/* ---- enumerators ----------------------------------------------------------------------------- */

/* Both enumerators are alike, so both get the same tests. */
#define ENUMERATOR_TESTS(iface, object)                                                            \
    static void object##_next__all_there__gives_them(void **state)                                 \
    {                                                                                              \
        const GUID expected[2] = {rig_guid(0), rig_guid(1)};                                       \
        GUID ids[2];                                                                               \
        ULONG fetched = 0x5a5a5a5a;                                                                \
                                                                                                   \
        (void)state;                                                                               \
        script.elements_left = 2;                                                                  \
        assert_int_equal(iface##_Next(rig.object, 2, ids, &fetched), S_OK);                        \
        assert_string_equal(rig_log(), "Next 2; ");                                                \
        assert_int_equal(fetched, 2);                                                              \
        assert_memory_equal(ids, expected, sizeof ids);                                            \
    }                                                                                              \
                                                                                                   \
    static void object##_next__fewer_there__gives_those(void **state)                              \
    {                                                                                              \
        const GUID expected = rig_guid(0);                                                         \
        GUID ids[4];                                                                               \
        ULONG fetched = 0x5a5a5a5a;                                                                \
                                                                                                   \
        (void)state;                                                                               \
        memset(ids, 0x5a, sizeof ids);                                                             \
        script.elements_left = 1;                                                                  \
        assert_int_equal(iface##_Next(rig.object, 4, ids, &fetched), S_FALSE);                     \
        assert_int_equal(fetched, 1);                                                              \
        assert_memory_equal(&ids[0], &expected, sizeof expected);                                  \
    }                                                                                              \
                                                                                                   \
    static void object##_next__none_wanted__reaches_the_service(void **state)                      \
    {                                                                                              \
        GUID ids[1];                                                                               \
        ULONG fetched = 0x5a5a5a5a;                                                                \
                                                                                                   \
        (void)state;                                                                               \
        assert_int_equal(iface##_Next(rig.object, 0, ids, &fetched), S_OK);                        \
        assert_string_equal(rig_log(), "Next 0; ");                                                \
        assert_int_equal(fetched, 0);                                                              \
    }                                                                                              \
                                                                                                   \
    static void object##_next__fetched_is_null__is_refused_before_the_service(void **state)        \
    {                                                                                              \
        GUID ids[1];                                                                               \
                                                                                                   \
        (void)state;                                                                               \
        script.elements_left = 1;                                                                  \
        assert_int_equal(iface##_Next(rig.object, 1, ids, NULL), NULL_REFUSED);                    \
        assert_string_equal(rig_log(), "");                                                        \
    }                                                                                              \
                                                                                                   \
    static void object##_skip_and_reset__codes__come_back(void **state)                            \
    {                                                                                              \
        (void)state;                                                                               \
        script.result = S_FALSE;                                                                   \
        assert_int_equal(iface##_Skip(rig.object, 0xFFFFFFFF), S_FALSE);                           \
        script.result = S_OK;                                                                      \
        assert_int_equal(iface##_Reset(rig.object), S_OK);                                         \
        assert_string_equal(rig_log(), "Skip 4294967295; Reset; ");                                \
    }                                                                                              \
                                                                                                   \
    static void object##_clone__enumerator__comes_back(void **state)                               \
    {                                                                                              \
        iface *clone = NONSENSE;                                                                   \
                                                                                                   \
        (void)state;                                                                               \
        assert_int_equal(iface##_Clone(rig.object, &clone), S_OK);                                 \
        assert_non_null(clone);                                                                    \
        iface##_Release(clone);                                                                    \
        script.result = E_OUTOFMEMORY;                                                             \
        clone = NONSENSE;                                                                          \
        assert_int_equal(iface##_Clone(rig.object, &clone), E_OUTOFMEMORY);                        \
        assert_null(clone);                                                                        \
        assert_string_equal(rig_log(), "Clone; Clone; ");                                          \
    }                                                                                              \
                                                                                                   \
    static void object##_get_count__number__comes_back(void **state)                               \
    {                                                                                              \
        ULONG count = 0x5a5a5a5a;                                                                  \
                                                                                                   \
        (void)state;                                                                               \
        assert_int_equal(iface##_GetCount(rig.object, &count), S_OK);                              \
        assert_int_equal(count, 300);                                                              \
        assert_int_equal(iface##_GetCount(rig.object, NULL), NULL_REFUSED);                        \
        assert_string_equal(rig_log(), "GetCount; ");                                              \
    }

ENUMERATOR_TESTS(IEnumBackgroundCopyGroups, enum_groups)
ENUMERATOR_TESTS(IEnumBackgroundCopyJobs1, enum_jobs)

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_reset, rig_check)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(job_commands__without_arguments__arrive_and_give_the_code),
        RIGGED(get_progress__job__flags_arrive_and_the_number_comes_back),
        RIGGED(get_status__job__all_four_numbers_come_back),
        RIGGED(add_files__names__arrive_in_order),
        RIGGED(add_files__null_element_and_null_name__arrive_as_null),
        RIGGED(add_files__same_element_twice__arrives_twice),
        RIGGED(add_files__none__reaches_the_service),
        RIGGED(add_files__null_array__is_refused_before_the_service),
        RIGGED(get_file__names__come_back_and_the_service_saw_zeros),
        RIGGED(get_file__refused__gives_code_and_null_names),
        RIGGED(get_file_count__number__comes_back),
        RIGGED(get_job_id__identifier__comes_back),
        RIGGED(job_out_pointers__null__are_refused_before_the_service),
        /* Shows IEnumBackgroundCopyGroups::Next.rgelt */
        RIGGED(enum_groups_next__all_there__gives_them),
        /* Shows IEnumBackgroundCopyGroups::Next.S_FALSE */
        RIGGED(enum_groups_next__fewer_there__gives_those),
        RIGGED(enum_groups_next__none_wanted__reaches_the_service),
        RIGGED(enum_groups_next__fetched_is_null__is_refused_before_the_service),
        /* Shows IEnumBackgroundCopyGroups::Skip.celt */
        RIGGED(enum_groups_skip_and_reset__codes__come_back),
        /* Shows IEnumBackgroundCopyGroups::Clone.ppenum */
        RIGGED(enum_groups_clone__enumerator__comes_back),
        /* Shows IEnumBackgroundCopyGroups::GetCount.puCount .S_OK */
        RIGGED(enum_groups_get_count__number__comes_back),
        /* Shows IEnumBackgroundCopyJobs1::Next.rgelt */
        RIGGED(enum_jobs_next__all_there__gives_them),
        RIGGED(enum_jobs_next__fewer_there__gives_those),
        /* Shows IEnumBackgroundCopyJobs1::Next.celt */
        RIGGED(enum_jobs_next__none_wanted__reaches_the_service),
        /* Shows IEnumBackgroundCopyJobs1::Next.pceltFetched */
        RIGGED(enum_jobs_next__fetched_is_null__is_refused_before_the_service),
        /* Shows IEnumBackgroundCopyJobs1::Skip.celt IEnumBackgroundCopyJobs1::Reset.S_OK */
        RIGGED(enum_jobs_skip_and_reset__codes__come_back),
        /* Shows IEnumBackgroundCopyJobs1::Clone.ppenum */
        RIGGED(enum_jobs_clone__enumerator__comes_back),
        /* Shows IEnumBackgroundCopyJobs1::GetCount.puCount */
        RIGGED(enum_jobs_get_count__number__comes_back),
    };

    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
