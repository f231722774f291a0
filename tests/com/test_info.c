/* test_info.c - IOpenQmgrInfo, from a group and from a job (D31) */
#include "com_fixture.h"

#include "oq_clock.h"

/* The extension of the fixture's group and of its job: both must say the same. */
static IOpenQmgrInfo *info_of(void *object)
{
    IOpenQmgrInfo *info = NULL;
    assert_hr(IUnknown_QueryInterface((IUnknown *)object, &IID_IOpenQmgrInfo, (void **)&info),
              S_OK);
    IOpenQmgrInfo_Release(info); /* the object keeps it */
    return info;
}

#define FOR_BOTH(info, fixture)                                                                    \
    for (IOpenQmgrInfo *info = info_of((fixture)->group), *after = info_of((fixture)->job); info;  \
         info = after, after = NULL)

/* --- GetProgress64, GetRate
 * ------------------------------------------------------------------------ */

/* Shows IBackgroundCopyGroup::get_Size.cannot-determined-one
 * IOpenQmgrInfo::GetProgress64.pullTotalBytes .pullDoneBytes .pdwTotalFiles .pdwDoneFiles
 * IOpenQmgrInfo::GetRate.S_OK */
static void progress__above_4_gib__is_whole(void **state)
{
    struct fixture *fixture = *state;
    fixture->engine.view.progress = (struct oq_progress){.total_bytes = 0x123456789abc,
                                                         .done_bytes = 0x100000001,
                                                         .files_total = 9,
                                                         .files_done = 4};
    fixture->engine.view.rate_bytes_per_s = 0x200000000;
    FOR_BOTH(info, fixture)
    {
        UINT64 total = 1, done = 1, rate = 1;
        DWORD files = 99, files_done = 99;
        assert_hr(IOpenQmgrInfo_GetProgress64(info, &total, &done, &files, &files_done), S_OK);
        assert_true(total == 0x123456789abc);
        assert_true(done == 0x100000001);
        assert_int_equal(files, 9);
        assert_int_equal(files_done, 4);
        assert_hr(IOpenQmgrInfo_GetRate(info, &rate), S_OK);
        assert_true(rate == 0x200000000);
        assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
    }
}

/* Shows OPENQMGR_SIZE_UNKNOWN IOpenQmgrInfo::GetProgress64.pullTotalBytes */
static void progress__size_unknown__says_so(void **state)
{
    struct fixture *fixture = *state;
    UINT64 total = 1, done = 1;
    DWORD files, files_done;
    fixture->engine.view.progress.total_bytes = OQ_SIZE_UNKNOWN;
    assert_hr(
        IOpenQmgrInfo_GetProgress64(info_of(fixture->group), &total, &done, &files, &files_done),
        S_OK);
    assert_true(total == OPENQMGR_SIZE_UNKNOWN);
}

/* --- GetState, GetWaitReason
 * ------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
    enum oq_group_state state;
    enum oq_activity activity;
    bool is_gone;
    uint32_t files;
    OPENQMGR_STATE says;
    const WCHAR *words;
    OPENQMGR_WAIT why;
    const WCHAR *text;
} rows[] = {
    {OQ_GROUP_SUSPENDED, OQ_ACTIVITY_NONE, false, 0, OPENQMGR_STATE_SUSPENDED, L"suspended",
     OPENQMGR_WAIT_NO_FILES, L"no file has been added yet"},
    {OQ_GROUP_SUSPENDED, OQ_ACTIVITY_NONE, false, 1, OPENQMGR_STATE_SUSPENDED, L"suspended",
     OPENQMGR_WAIT_SUSPENDED, L"suspended until it is resumed"},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_QUEUED, false, 1, OPENQMGR_STATE_QUEUED, L"waiting for its turn",
     OPENQMGR_WAIT_QUEUED, L"5 other groups come first"},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_CONNECTING, false, 1, OPENQMGR_STATE_CONNECTING, L"connecting",
     OPENQMGR_WAIT_NONE, L""},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_TRANSFERRING, false, 1, OPENQMGR_STATE_TRANSFERRING,
     L"downloading", OPENQMGR_WAIT_NONE, L""},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_BACKOFF, false, 1, OPENQMGR_STATE_WAITING, L"held up for a while",
     OPENQMGR_WAIT_BACKOFF, L"tries again in 3 s: the server is tired"},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_NO_OWNER, false, 1, OPENQMGR_STATE_WAITING,
     L"held up for a while", OPENQMGR_WAIT_OWNER_AWAY, L"the owner is not logged on"},
    {OQ_GROUP_COMMITTING, OQ_ACTIVITY_COMMITTING, false, 1, OPENQMGR_STATE_COMMITTING,
     L"giving the files their final names", OPENQMGR_WAIT_NONE, L""},
    {OQ_GROUP_ERROR, OQ_ACTIVITY_NONE, false, 1, OPENQMGR_STATE_ERROR, L"stopped by an error",
     OPENQMGR_WAIT_ERROR, L"stopped by an error until it is resumed: the server is tired"},
    {OQ_GROUP_COMPLETE, OQ_ACTIVITY_NONE, false, 1, OPENQMGR_STATE_COMPLETE, L"complete",
     OPENQMGR_WAIT_NONE, L""},
    {OQ_GROUP_CANCELLING, OQ_ACTIVITY_NONE, false, 1, OPENQMGR_STATE_CANCELLED,
     L"no longer in the queue", OPENQMGR_WAIT_NONE, L""},
    {OQ_GROUP_SUSPENDED, OQ_ACTIVITY_NONE, true, 1, OPENQMGR_STATE_CANCELLED,
     L"no longer in the queue", OPENQMGR_WAIT_NONE, L""},
};
/* clang-format on */

/* Shows OPENQMGR_STATE_SUSPENDED OPENQMGR_STATE_QUEUED OPENQMGR_STATE_CONNECTING
 * OPENQMGR_STATE_TRANSFERRING OPENQMGR_STATE_WAITING OPENQMGR_STATE_COMMITTING
 * OPENQMGR_STATE_ERROR OPENQMGR_STATE_COMPLETE OPENQMGR_STATE_CANCELLED OPENQMGR_WAIT_NONE
 * OPENQMGR_WAIT_SUSPENDED OPENQMGR_WAIT_NO_FILES OPENQMGR_WAIT_BACKOFF OPENQMGR_WAIT_OWNER_AWAY
 * OPENQMGR_WAIT_ERROR IOpenQmgrInfo.group-job-answer .texts-people-english
 * IOpenQmgrInfo::GetState.peState .pbstrWords IOpenQmgrInfo::GetWaitReason.peReason .pllUntilMs
 * .pullValue .pbstrText */
static void state__each__has_its_number_its_words_and_its_reason(void **state)
{
    struct fixture *fixture = *state;
    strcpy(fixture->engine.view.error_text, "the server is tired");
    fixture->engine.view.backoff_left_ms = 2001;
    fixture->engine.view.retries = 6;
    fixture->engine.view.groups_ahead = 5;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fixture->engine.view.state = rows[i].state;
        fixture->engine.view.activity = rows[i].activity;
        fixture->engine.view.is_gone = rows[i].is_gone;
        fixture->engine.view.progress.files_total = rows[i].files;
        FOR_BOTH(info, fixture)
        {
            OPENQMGR_STATE says = (OPENQMGR_STATE)99;
            OPENQMGR_WAIT why = (OPENQMGR_WAIT)99;
            BSTR text = NULL;
            INT64 until = -1;
            UINT64 value = 99;
            assert_hr(IOpenQmgrInfo_GetState(info, &says, &text), S_OK);
            assert_int_equal(says, rows[i].says);
            assert_bstr(text, rows[i].words);
            SysFreeString(text);
            assert_hr(IOpenQmgrInfo_GetWaitReason(info, &why, &until, &value, &text), S_OK);
            assert_int_equal(why, rows[i].why);
            assert_bstr(text, rows[i].text);
            SysFreeString(text);
            assert_int_equal(value, why == OPENQMGR_WAIT_QUEUED    ? 5
                                    : why == OPENQMGR_WAIT_BACKOFF ? 6
                                                                   : 0);
            if (why != OPENQMGR_WAIT_BACKOFF)
                assert_true(until == 0);
        }
    }
}

/* Shows IOpenQmgrInfo.times-milliseconds-since IOpenQmgrInfo::GetWaitReason.pllUntilMs */
static void wait__backoff__ends_at_a_time_of_the_wall_clock(void **state)
{
    struct fixture *fixture = *state;
    OPENQMGR_WAIT why;
    BSTR text = NULL;
    INT64 until = -1;
    UINT64 value;
    fixture->engine.view.state = OQ_GROUP_ACTIVE;
    fixture->engine.view.activity = OQ_ACTIVITY_BACKOFF;
    fixture->engine.view.backoff_left_ms = 60000;
    int64_t before = oq_clock_wall_ms(oq_clock_system());
    assert_hr(IOpenQmgrInfo_GetWaitReason(info_of(fixture->job), &why, &until, &value, &text),
              S_OK);
    int64_t after = oq_clock_wall_ms(oq_clock_system());
    assert_true(until >= before + 60000 && until <= after + 60000);
    assert_bstr(text, L"tries again in 60 s: the cause is not known");
    SysFreeString(text);
}

static void wait__no_way_out_of_the_computer__says_no_network(void **state)
{
    struct fixture *fixture = *state;
    OPENQMGR_WAIT why;
    BSTR text = NULL;
    INT64 until = -1;
    UINT64 value = 99;
    fixture->engine.view.state = OQ_GROUP_ACTIVE;
    fixture->engine.view.activity = OQ_ACTIVITY_BACKOFF;
    fixture->engine.view.error_code = 0x80200010;
    assert_hr(IOpenQmgrInfo_GetWaitReason(info_of(fixture->group), &why, &until, &value, &text),
              S_OK);
    assert_int_equal(why, OPENQMGR_WAIT_NO_NETWORK);
    assert_true(until > 0);
    assert_int_equal(value, 0);
    assert_bstr(text, L"no network is connected");
    SysFreeString(text);
}

/* Shows OPENQMGR_WAIT_QUEUED IOpenQmgrInfo::GetWaitReason.pullValue */
static void wait__queued__counts_the_groups_ahead(void **state)
{
    static const struct {
        uint32_t ahead;
        const WCHAR *text;
    } texts[] = {{0, L"about to start"},
                 {1, L"another group comes first"},
                 {2, L"2 other groups come first"}};
    struct fixture *fixture = *state;
    fixture->engine.view.state = OQ_GROUP_ACTIVE;
    fixture->engine.view.activity = OQ_ACTIVITY_QUEUED;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        OPENQMGR_WAIT why;
        BSTR text = NULL;
        INT64 until;
        UINT64 value = 99;
        fixture->engine.view.groups_ahead = texts[i].ahead;
        assert_hr(IOpenQmgrInfo_GetWaitReason(info_of(fixture->group), &why, &until, &value, &text),
                  S_OK);
        assert_bstr(text, texts[i].text);
        assert_int_equal(value, texts[i].ahead);
        SysFreeString(text);
    }
}

/* --- GetLastFailure
 * ------------------------------------------------------------------------------------ */

/* Shows OPENQMGR_NO_FILE IOpenQmgrInfo::GetLastFailure.phrCode .pdwFileIndex .pllTimeMs
 * .pbstrText .S_FALSE */
static void failure__none__is_false_and_everything_empty(void **state)
{
    struct fixture *fixture = *state;
    FOR_BOTH(info, fixture)
    {
        HRESULT code = E_FAIL;
        DWORD win32 = 99, http = 99, file = 99;
        INT64 time = 99;
        BSTR text = NULL;
        assert_hr(IOpenQmgrInfo_GetLastFailure(info, &code, &win32, &http, &file, &time, &text),
                  S_FALSE);
        assert_hr(code, S_OK);
        assert_int_equal(win32, 0);
        assert_int_equal(http, 0);
        assert_int_equal(file, OPENQMGR_NO_FILE);
        assert_true(time == 0);
        assert_bstr(text, L"");
        SysFreeString(text);
    }
}

/* Shows IOpenQmgrInfo::GetLastFailure.phrCode .pdwWin32Error .pdwHttpStatus .pdwFileIndex
 * .pbstrText .S_OK */
static void failure__one__is_told_whole(void **state)
{
    struct fixture *fixture = *state;
    HRESULT code = S_OK;
    DWORD win32 = 99, http = 99, file = 99;
    INT64 time = 99;
    BSTR text = NULL;
    fixture->engine.view.error_code = 0x80190194;
    fixture->engine.view.error_win32 = 2;
    fixture->engine.view.error_http = 404;
    fixture->engine.view.error_file = 7;
    fixture->engine.view.error_at_ms = 1234567890123;
    strcpy(fixture->engine.view.error_text, "the file is not there (404)");
    assert_hr(IOpenQmgrInfo_GetLastFailure(info_of(fixture->group), &code, &win32, &http, &file,
                                           &time, &text),
              S_OK);
    assert_hr(code, 0x80190194);
    assert_int_equal(win32, 2);
    assert_int_equal(http, 404);
    assert_int_equal(file, 7);
    assert_true(time == 1234567890123);
    assert_bstr(text, L"the file is not there (404)");
    SysFreeString(text);
}

/* --- GetFileDetails
 * ------------------------------------------------------------------------------------ */

/* clang-format off */
static const struct {
    enum oq_group_state group;
    enum oq_activity activity;
    bool is_gone;
    uint32_t error_file;
    enum oq_file_state file;
    bool is_running;
    OPENQMGR_FILE says;
} file_rows[] = { /* of file 3 */
    {OQ_GROUP_SUSPENDED, OQ_ACTIVITY_NONE, false, OQ_NO_FILE, OQ_FILE_WAITING, false,
     OPENQMGR_FILE_QUEUED},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_TRANSFERRING, false, OQ_NO_FILE, OQ_FILE_WAITING, false,
     OPENQMGR_FILE_QUEUED},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_TRANSFERRING, false, OQ_NO_FILE, OQ_FILE_WAITING, true,
     OPENQMGR_FILE_TRANSFERRING},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_BACKOFF, false, 3, OQ_FILE_WAITING, false, OPENQMGR_FILE_WAITING},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_BACKOFF, false, 3, OQ_FILE_FETCHED, false,
     OPENQMGR_FILE_DOWNLOADED},
    {OQ_GROUP_COMMITTING, OQ_ACTIVITY_COMMITTING, false, OQ_NO_FILE, OQ_FILE_FINAL, false,
     OPENQMGR_FILE_COMPLETE},
    {OQ_GROUP_ERROR, OQ_ACTIVITY_NONE, false, 3, OQ_FILE_WAITING, false, OPENQMGR_FILE_ERROR},
    {OQ_GROUP_ERROR, OQ_ACTIVITY_NONE, false, 2, OQ_FILE_WAITING, false, OPENQMGR_FILE_QUEUED},
    {OQ_GROUP_SUSPENDED, OQ_ACTIVITY_NONE, true, OQ_NO_FILE, OQ_FILE_WAITING, false,
     OPENQMGR_FILE_CANCELLED},
    {OQ_GROUP_SUSPENDED, OQ_ACTIVITY_NONE, true, OQ_NO_FILE, OQ_FILE_FINAL, false,
     OPENQMGR_FILE_COMPLETE},
};
/* clang-format on */

/* Shows OPENQMGR_FILE_QUEUED OPENQMGR_FILE_TRANSFERRING OPENQMGR_FILE_WAITING
 * OPENQMGR_FILE_DOWNLOADED OPENQMGR_FILE_COMPLETE OPENQMGR_FILE_ERROR OPENQMGR_FILE_CANCELLED
 * IOpenQmgrInfo::GetFileDetails.dwFileIndex .peState */
static void file__each_state__has_its_number(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(file_rows); i++) {
        fixture->engine.view.state = file_rows[i].group;
        fixture->engine.view.activity = file_rows[i].activity;
        fixture->engine.view.is_gone = file_rows[i].is_gone;
        fixture->engine.view.error_file = file_rows[i].error_file;
        fixture->engine.file.state = file_rows[i].file;
        fixture->engine.file.is_running = file_rows[i].is_running;
        fixture->engine.file.is_waiting = file_rows[i].activity == OQ_ACTIVITY_BACKOFF;
        FOR_BOTH(info, fixture)
        {
            OPENQMGR_FILE says = (OPENQMGR_FILE)99;
            UINT64 size, done;
            BSTR name = NULL, validator = NULL;
            assert_hr(IOpenQmgrInfo_GetFileDetails(info, 3, &says, &size, &done, &name, &validator),
                      S_OK);
            assert_int_equal(says, file_rows[i].says);
            assert_int_equal(fixture->engine.index, 3);
            SysFreeString(name);
            SysFreeString(validator);
        }
    }
}

/* Shows IOpenQmgrInfo::GetFileDetails.pullSizeBytes .pullDoneBytes .pbstrTemporaryName
 * .pbstrValidator */
static void file__with_and_without_texts__gives_them_or_empty(void **state)
{
    struct fixture *fixture = *state;
    OPENQMGR_FILE says;
    UINT64 size = 1, done = 1;
    BSTR name = NULL, validator = NULL;
    IOpenQmgrInfo *info = info_of(fixture->job);
    fixture->engine.file.size_bytes = 0x100000000;
    fixture->engine.file.done_bytes = 0xffffffff;
    assert_hr(IOpenQmgrInfo_GetFileDetails(info, 0, &says, &size, &done, &name, &validator), S_OK);
    assert_true(size == 0x100000000);
    assert_true(done == 0xffffffff);
    assert_bstr(name, L"");
    assert_bstr(validator, L"");
    SysFreeString(name);
    SysFreeString(validator);
    fixture->engine.file_temp = "C:\\folder\\BIT0123.tmp";
    fixture->engine.file_validator = "\"etag\"";
    assert_hr(IOpenQmgrInfo_GetFileDetails(info, 0, &says, &size, &done, &name, &validator), S_OK);
    assert_bstr(name, L"C:\\folder\\BIT0123.tmp");
    assert_bstr(validator, L"\"etag\"");
    SysFreeString(name);
    SysFreeString(validator);
}

/* Shows IOpenQmgrInfo::GetFileDetails.QM_E_ITEM_NOT_FOUND */
static void file__beyond_the_last__is_item_not_found(void **state)
{
    struct fixture *fixture = *state;
    OPENQMGR_FILE says = (OPENQMGR_FILE)99;
    UINT64 size = 1, done = 1;
    BSTR name = (BSTR)(uintptr_t)0xdeadbeef, validator = (BSTR)(uintptr_t)0xdeadbeef;
    fixture->engine.status = OQ_E_NOT_FOUND;
    fixture->engine.fails_only = FAKE_VIEW_FILE;
    assert_hr(IOpenQmgrInfo_GetFileDetails(info_of(fixture->job), 9, &says, &size, &done, &name,
                                           &validator),
              QM_E_ITEM_NOT_FOUND);
    assert_int_equal(says, 0);
    assert_null(name);
    assert_null(validator);
}

/* --- pointers
 * ------------------------------------------------------------------------------------------ */

/* Shows all.null-output-inside */
static void info__a_null_output__is_refused(void **state)
{
    struct fixture *fixture = *state;
    IOpenQmgrInfo *info = info_of(fixture->group);
    UINT64 u64;
    INT64 i64;
    DWORD dword;
    HRESULT hr;
    BSTR text;
    OPENQMGR_STATE says;
    OPENQMGR_WAIT why;
    OPENQMGR_FILE file;
    assert_hr(IOpenQmgrInfo_GetProgress64(info, NULL, &u64, &dword, &dword), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetProgress64(info, &u64, NULL, &dword, &dword), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetProgress64(info, &u64, &u64, NULL, &dword), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetProgress64(info, &u64, &u64, &dword, NULL), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetState(info, NULL, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetState(info, &says, NULL), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetWaitReason(info, NULL, &i64, &u64, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetWaitReason(info, &why, NULL, &u64, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetWaitReason(info, &why, &i64, NULL, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetWaitReason(info, &why, &i64, &u64, NULL), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetLastFailure(info, NULL, &dword, &dword, &dword, &i64, &text),
              E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetLastFailure(info, &hr, NULL, &dword, &dword, &i64, &text),
              E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetLastFailure(info, &hr, &dword, NULL, &dword, &i64, &text),
              E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetLastFailure(info, &hr, &dword, &dword, NULL, &i64, &text),
              E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetLastFailure(info, &hr, &dword, &dword, &dword, NULL, &text),
              E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetLastFailure(info, &hr, &dword, &dword, &dword, &i64, NULL),
              E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetRate(info, NULL), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetFileDetails(info, 0, NULL, &u64, &u64, &text, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetFileDetails(info, 0, &file, NULL, &u64, &text, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetFileDetails(info, 0, &file, &u64, NULL, &text, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetFileDetails(info, 0, &file, &u64, &u64, NULL, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrInfo_GetFileDetails(info, 0, &file, &u64, &u64, &text, NULL), E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(progress__above_4_gib__is_whole),
        WITH(progress__size_unknown__says_so),
        WITH(state__each__has_its_number_its_words_and_its_reason),
        WITH(wait__backoff__ends_at_a_time_of_the_wall_clock),
        WITH(wait__no_way_out_of_the_computer__says_no_network),
        WITH(wait__queued__counts_the_groups_ahead),
        WITH(failure__none__is_false_and_everything_empty),
        WITH(failure__one__is_told_whole),
        WITH(file__each_state__has_its_number),
        WITH(file__with_and_without_texts__gives_them_or_empty),
        WITH(file__beyond_the_last__is_item_not_found),
        WITH(info__a_null_output__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
