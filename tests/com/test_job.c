/* test_job.c - IBackgroundCopyJob1 (contract 5.3) */
#include "com_fixture.h"

/* --- GetStatus, GetProgress, GetFileCount ----------------------------------------------------- */

static const struct {
    enum oq_group_state state;
    DWORD bits;
} status_rows[] = {
    {OQ_GROUP_SUSPENDED, 0x08}, {OQ_GROUP_ACTIVE, 0x08},   {OQ_GROUP_COMMITTING, 0x08},
    {OQ_GROUP_ERROR, 0x18},     {OQ_GROUP_COMPLETE, 0x04},
};

/* Shows IBackgroundCopyJob1::GetStatus.pdwTransportResult .pdwNumOfRetries */
static void status__each_state__has_its_bits_and_codes_only_in_error(void **state)
{
    struct fixture *fixture = *state;
    fixture->engine.view.error_code = 0x80190194;
    fixture->engine.view.error_win32 = 2;
    fixture->engine.view.error_http = 404;
    fixture->engine.view.retries = 3;
    for (size_t i = 0; i < COUNT_OF(status_rows); i++) {
        for (int foreground = 0; foreground < 2; foreground++) { /* never shows in a job */
            DWORD out[4] = {0xdeadbeef, 0xdeadbeef, 0xdeadbeef, 0xdeadbeef};
            bool is_error = status_rows[i].state == OQ_GROUP_ERROR;
            fixture->engine.view.state = status_rows[i].state;
            fixture->engine.view.is_foreground = foreground;
            assert_hr(
                IBackgroundCopyJob1_GetStatus(fixture->job, &out[0], &out[1], &out[2], &out[3]),
                S_OK);
            assert_int_equal(out[0], status_rows[i].bits);
            assert_int_equal(out[1], is_error ? 2 : 0);
            assert_int_equal(out[2], is_error ? 404 : 0);
            assert_int_equal(out[3], is_error ? 3 : 0);
        }
    }
}

static void status__a_null_output__is_refused_and_the_others_emptied(void **state)
{
    struct fixture *fixture = *state;
    for (int missing = 0; missing < 4; missing++) {
        DWORD out[4] = {0xdeadbeef, 0xdeadbeef, 0xdeadbeef, 0xdeadbeef};
        DWORD *outputs[4];
        for (int i = 0; i < 4; i++)
            outputs[i] = i == missing ? NULL : &out[i];
        assert_hr(IBackgroundCopyJob1_GetStatus(fixture->job, outputs[0], outputs[1], outputs[2],
                                                outputs[3]),
                  E_INVALIDARG);
        for (int i = 0; i < 4; i++)
            assert_int_equal(out[i], i == missing ? 0xdeadbeef : 0);
    }
    assert_int_equal(fixture->engine.calls, 0);
}

/* Shows IBackgroundCopyJob1::GetProgress.pdwProgress .S_OK .other-value */
static void progress__percent_bytes_and_others__is_as_for_the_group(void **state)
{
    struct fixture *fixture = *state;
    DWORD progress = 0xdeadbeef;
    fixture->engine.view.progress.percent = 99;
    fixture->engine.view.progress.done_bytes = 0x200000000;
    assert_hr(IBackgroundCopyJob1_GetProgress(fixture->job, QM_PROGRESS_PERCENT_DONE, &progress),
              S_OK);
    assert_int_equal(progress, 99);
    assert_hr(IBackgroundCopyJob1_GetProgress(fixture->job, QM_PROGRESS_SIZE_DONE, &progress),
              S_OK);
    assert_int_equal(progress, 0xffffffff);
    assert_hr(IBackgroundCopyJob1_GetProgress(fixture->job, QM_PROGRESS_TIME_DONE, &progress),
              E_NOTIMPL);
    assert_int_equal(progress, 0);
    assert_hr(IBackgroundCopyJob1_GetProgress(fixture->job, 0, &progress), E_NOTIMPL);
    assert_hr(IBackgroundCopyJob1_GetProgress(fixture->job, QM_PROGRESS_SIZE_DONE, NULL),
              E_INVALIDARG);
}

/* Shows IBackgroundCopyJob1::GetFileCount.pdwFileCount .S_OK */
static void file_count__new_and_full__is_the_engines(void **state)
{
    struct fixture *fixture = *state;
    DWORD count = 0xdeadbeef;
    assert_hr(IBackgroundCopyJob1_GetFileCount(fixture->job, &count), S_OK);
    assert_int_equal(count, 0);
    fixture->engine.view.progress.files_total = 200;
    assert_hr(IBackgroundCopyJob1_GetFileCount(fixture->job, &count), S_OK);
    assert_int_equal(count, 200);
    assert_hr(IBackgroundCopyJob1_GetFileCount(fixture->job, NULL), E_INVALIDARG);
}

/* Shows IBackgroundCopyJob1::get_JobID.S_OK */
static void identifier__asked__is_that_of_the_job(void **state)
{
    struct fixture *fixture = *state;
    GUID guid;
    assert_hr(IBackgroundCopyJob1_get_JobID(fixture->job, &guid), S_OK);
    assert_guid(&guid, &job_guid);
    assert_hr(IBackgroundCopyJob1_get_JobID(fixture->job, NULL), E_INVALIDARG);
}

/* --- AddFiles --------------------------------------------------------------------------------- */

static HRESULT add(struct fixture *fixture, const WCHAR *remote, const WCHAR *local)
{
    FILESETINFO file = {remote ? SysAllocString(remote) : NULL,
                        local ? SysAllocString(local) : NULL, 12345};
    FILESETINFO *files[] = {&file};
    HRESULT hr = IBackgroundCopyJob1_AddFiles(fixture->job, 1, files);
    SysFreeString(file.bstrRemoteFile);
    SysFreeString(file.bstrLocalFile);
    return hr;
}

/* Shows all.memory-in IBackgroundCopyJob1::AddFiles.S_OK */
static void add_files__several__reach_the_engine_in_order_as_utf8(void **state)
{
    struct fixture *fixture = *state;
    FILESETINFO one = {new_bstr(L"http://server/1"), new_bstr(L"C:\\gr\x00fc\x00df\x0065.txt"), 1};
    FILESETINFO two = {new_bstr(L"https://server/2"), new_bstr(L"\\\\host\\share\\\xd83d\xde00"),
                       2};
    FILESETINFO *files[] = {&one, &two, &one};
    assert_hr(IBackgroundCopyJob1_AddFiles(fixture->job, 3, files), S_OK);
    assert_int_equal(fixture->engine.spec_count, 3);
    assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
    assert_string_equal(fixture->engine.remote[0], "http://server/1");
    assert_string_equal(fixture->engine.local[0], "C:\\gr\xc3\xbc\xc3\x9f"
                                                  "e.txt");
    assert_string_equal(fixture->engine.remote[1], "https://server/2");
    assert_string_equal(fixture->engine.local[1], "\\\\host\\share\\\xf0\x9f\x98\x80");
    assert_string_equal(fixture->engine.remote[2], "http://server/1");
    assert_bstr(one.bstrRemoteFile, L"http://server/1"); /* stays the caller's */
    SysFreeString(one.bstrRemoteFile);
    SysFreeString(one.bstrLocalFile);
    SysFreeString(two.bstrRemoteFile);
    SysFreeString(two.bstrLocalFile);
}

/* Shows IBackgroundCopyJob1::AddFiles.cFileCount */
static void add_files__none__is_refused(void **state)
{
    struct fixture *fixture = *state;
    FILESETINFO *files[1] = {NULL};
    assert_hr(IBackgroundCopyJob1_AddFiles(fixture->job, 0, files), E_INVALIDARG);
    assert_hr(IBackgroundCopyJob1_AddFiles(fixture->job, 0, NULL), E_INVALIDARG);
    assert_hr(IBackgroundCopyJob1_AddFiles(fixture->job, 1, NULL), E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
}

/* Shows IBackgroundCopyJob1::AddFiles.count-0-element */
static void add_files__a_missing_element__refuses_all(void **state)
{
    struct fixture *fixture = *state;
    FILESETINFO good = {new_bstr(L"http://server/1"), new_bstr(L"C:\\1"), 0};
    for (int missing = 0; missing < 3; missing++) {
        FILESETINFO *files[3] = {&good, &good, &good};
        files[missing] = NULL;
        assert_hr(IBackgroundCopyJob1_AddFiles(fixture->job, 3, files), E_INVALIDARG);
    }
    assert_int_equal(fixture->engine.calls, 0);
    SysFreeString(good.bstrRemoteFile);
    SysFreeString(good.bstrLocalFile);
}

/* Shows IBackgroundCopyJob1::AddFiles.count-0-element */
static void add_files__null_or_empty_names__are_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_hr(add(fixture, NULL, L"C:\\1"), E_INVALIDARG);
    assert_hr(add(fixture, L"", L"C:\\1"), E_INVALIDARG);
    assert_hr(add(fixture, L"http://server/1", NULL), E_INVALIDARG);
    assert_hr(add(fixture, L"http://server/1", L""), E_INVALIDARG);
    assert_hr(add(fixture, NULL, NULL), E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
    assert_hr(add(fixture, L"http://server/1", L"C:\\1"), S_OK);
}

/* What the text seems to say must be what is checked and what is opened. */
static void add_files__embedded_nul__is_refused(void **state)
{
    static const WCHAR url[] = L"http://server/a\0b";
    static const WCHAR path[] = L"C:\\folder\\a.txt\0.exe";
    struct fixture *fixture = *state;
    FILESETINFO file = {SysAllocStringLen(url, COUNT_OF(url) - 1), new_bstr(L"C:\\1"), 0};
    FILESETINFO *files[] = {&file};
    assert_hr(IBackgroundCopyJob1_AddFiles(fixture->job, 1, files), E_INVALIDARG);
    SysFreeString(file.bstrRemoteFile);
    SysFreeString(file.bstrLocalFile);
    file.bstrRemoteFile = new_bstr(L"http://server/1");
    file.bstrLocalFile = SysAllocStringLen(path, COUNT_OF(path) - 1);
    assert_hr(IBackgroundCopyJob1_AddFiles(fixture->job, 1, files), E_INVALIDARG);
    SysFreeString(file.bstrLocalFile);
    file.bstrLocalFile = SysAllocStringLen(L"C:\\1\0", 5); /* at the end, too */
    assert_hr(IBackgroundCopyJob1_AddFiles(fixture->job, 1, files), E_INVALIDARG);
    SysFreeString(file.bstrRemoteFile);
    SysFreeString(file.bstrLocalFile);
    assert_int_equal(fixture->engine.calls, 0);
}

static void add_files__half_a_surrogate_pair__is_refused(void **state)
{
    static const WCHAR lone[] = {L'C', L':', L'\\', 0xd800, L'x', 0};
    struct fixture *fixture = *state;
    assert_hr(add(fixture, L"http://server/1", lone), E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
}

/* Shows IBackgroundCopyJob1::AddFiles.QM_E_INVALID_STATE .0x80200051 */
static void add_files__refused_by_the_engine__has_the_code_of_the_reason(void **state)
{
    static const struct {
        enum oq_status status;
        HRESULT hr;
    } reasons[] = {{OQ_E_INVALID_ARG, E_INVALIDARG},
                   {OQ_E_ACCESS_DENIED, E_ACCESSDENIED},
                   {OQ_E_INVALID_STATE, (HRESULT)QM_E_INVALID_STATE},
                   {OQ_E_LIMIT_FILES, (HRESULT)0x80200051}};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        fixture->engine.status = reasons[i].status;
        assert_hr(add(fixture, L"http://server/1", L"C:\\1"), reasons[i].hr);
    }
}

/* --- GetFile ---------------------------------------------------------------------------------- */

/* Shows IBackgroundCopyJob1::FILESETINFO.dwSizeHint IBackgroundCopyJob1::GetFile.cFileIndex
 * .pFileInfo */
static void get_file__known_index__gives_both_names_and_no_hint(void **state)
{
    struct fixture *fixture = *state;
    FILESETINFO file = {(BSTR)(uintptr_t)0xdeadbeef, (BSTR)(uintptr_t)0xdeadbeef, 0xdeadbeef};
    fixture->engine.file_local = "C:\\gr\xc3\xbcn\\\xf0\x9f\x98\x80";
    fixture->engine.file.size_bytes = 4711;
    assert_hr(IBackgroundCopyJob1_GetFile(fixture->job, 3, &file), S_OK);
    assert_int_equal(fixture->engine.index, 3);
    assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
    assert_bstr(file.bstrRemoteFile, L"http://server/file");
    assert_bstr(file.bstrLocalFile, L"C:\\gr\x00fcn\\\xd83d\xde00");
    assert_int_equal(file.dwSizeHint, 0);
    SysFreeString(file.bstrRemoteFile);
    SysFreeString(file.bstrLocalFile);
}

/* Shows IBackgroundCopyJob1::GetFile.QM_E_ITEM_NOT_FOUND */
static void get_file__beyond_the_last__is_item_not_found_and_empty(void **state)
{
    struct fixture *fixture = *state;
    FILESETINFO file = {(BSTR)(uintptr_t)0xdeadbeef, (BSTR)(uintptr_t)0xdeadbeef, 0xdeadbeef};
    fixture->engine.status = OQ_E_NOT_FOUND;
    assert_hr(IBackgroundCopyJob1_GetFile(fixture->job, 0xffffffff, &file), QM_E_ITEM_NOT_FOUND);
    assert_null(file.bstrRemoteFile);
    assert_null(file.bstrLocalFile);
    assert_int_equal(file.dwSizeHint, 0);
    assert_hr(IBackgroundCopyJob1_GetFile(fixture->job, 0, NULL), E_INVALIDARG);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(status__each_state__has_its_bits_and_codes_only_in_error),
        WITH(status__a_null_output__is_refused_and_the_others_emptied),
        WITH(progress__percent_bytes_and_others__is_as_for_the_group),
        WITH(file_count__new_and_full__is_the_engines),
        WITH(identifier__asked__is_that_of_the_job),
        WITH(add_files__several__reach_the_engine_in_order_as_utf8),
        WITH(add_files__none__is_refused),
        WITH(add_files__a_missing_element__refuses_all),
        WITH(add_files__null_or_empty_names__are_refused),
        WITH(add_files__embedded_nul__is_refused),
        WITH(add_files__half_a_surrogate_pair__is_refused),
        WITH(add_files__refused_by_the_engine__has_the_code_of_the_reason),
        WITH(get_file__known_index__gives_both_names_and_no_hint),
        WITH(get_file__beyond_the_last__is_item_not_found_and_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
