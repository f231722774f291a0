/* test_open_group.c - IOpenQmgrGroup, from a group and from a job alike: what the engine's values
 * look like outside, and what is refused before the engine is asked. */
#include "fake_sources.h"

#include "oq_clock.h"

static IOpenQmgrGroup *open_of(void *object)
{
    IOpenQmgrGroup *open = NULL;
    assert_hr(IUnknown_QueryInterface((IUnknown *)object, &IID_IOpenQmgrGroup, (void **)&open),
              S_OK);
    IOpenQmgrGroup_Release(open); /* the object keeps it */
    return open;
}

#define FOR_BOTH(open, fixture)                                                                    \
    for (IOpenQmgrGroup *open = open_of((fixture)->group), *after = open_of((fixture)->job); open; \
         open = after, after = NULL)

static OPENQMGR_GROUP_INFO info_of(IOpenQmgrGroup *open)
{
    OPENQMGR_GROUP_INFO info;
    memset(&info, 0x5a, sizeof info);
    assert_hr(IOpenQmgrGroup_GetInfo(open, &info), S_OK);
    return info;
}

#define assert_text(actual, expected)                                                              \
    do {                                                                                           \
        assert_int_equal(wcscmp((actual), (expected)), 0);                                         \
        assert_int_equal((actual)[ARRAYSIZE(actual) - 1], 0);                                      \
    } while (0)

static void open_group__from_group_and_job__is_of_the_same_group(void **state)
{
    struct fixture *fixture = *state;
    void *const objects[] = {fixture->group, fixture->job};
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        IUnknown *unknown = NULL, *again = NULL;
        IOpenQmgrGroup *open = open_of(objects[i]);
        fixture->engine.group_id = 0;
        assert_hr(IOpenQmgrGroup_SetMaxRate(open, 64000), S_OK);
        assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
        assert_hr(IOpenQmgrGroup_QueryInterface(open, &IID_IUnknown, (void **)&unknown), S_OK);
        assert_hr(IUnknown_QueryInterface((IUnknown *)objects[i], &IID_IUnknown, (void **)&again),
                  S_OK);
        assert_ptr_equal(unknown, again);
        IUnknown_Release(unknown);
        IUnknown_Release(again);
    }
}

/* --- GetInfo ---------------------------------------------------------------------------------- */

/* Shows OPENQMGR_GROUP_INFO.* IOpenQmgrGroup.alike IOpenQmgrGroup::GetInfo.* .S_OK */
static void info__everything__comes_back(void **state)
{
    struct fixture *fixture = *state;
    struct oq_group_view *view = &fixture->engine.view;
    view->state = OQ_GROUP_ACTIVE;
    view->activity = OQ_ACTIVITY_TRANSFERRING;
    view->is_foreground = true;
    view->progress = (struct oq_progress){.total_bytes = 0x123456789abc,
                                          .done_bytes = 0x100000001,
                                          .files_total = 9,
                                          .files_done = 4,
                                          .percent = 7};
    view->rate_bytes_per_s = 0x200000000;
    view->max_bytes_per_s = 0x300000000;
    view->limit = OQ_LIMIT_GROUP;
    view->limit_bytes_per_s = 64000;
    view->limit_ms = 12999;
    view->retries = 6;
    view->notify_flags = 0x44;
    view->error_code = 0x80190194;
    view->error_win32 = 2;
    view->error_http = 404;
    view->error_file = 3;
    view->error_at_ms = 1234567890123;
    view->created_at_ms = 1234567890001;
    view->changed_at_ms = 1234567890002;
    strcpy(view->error_text, "404 Not Found");
    strcpy(view->owner_sid, "S-1-5-7");
    fixture->engine.text = "n\xc3\xa4me";
    fixture->engine.first_file = "f\xc3\xbcr.iso";
    FOR_BOTH(open, fixture)
    {
        OPENQMGR_GROUP_INFO info = info_of(open);
        assert_guid(&info.guidGroup, &group_guid);
        assert_guid(&info.guidJob, &job_guid);
        assert_true(info.ullNumber == FAKE_GROUP);
        assert_int_equal(info.eState, OPENQMGR_STATE_TRANSFERRING);
        assert_int_equal(info.eWait, OPENQMGR_WAIT_THROTTLED);
        assert_true(info.ullWaitValue == 64000);
        assert_true(info.llRetryAt == 0);
        assert_true(info.ullTotalBytes == 0x123456789abc);
        assert_true(info.ullDoneBytes == 0x100000001);
        assert_true(info.ullBytesPerSecond == 0x200000000);
        assert_true(info.ullMaxRate == 0x300000000);
        assert_int_equal(info.dwFiles, 9);
        assert_int_equal(info.dwFilesDone, 4);
        assert_int_equal(info.dwPercent, 7);
        assert_int_equal(info.dwRetries, 6);
        assert_int_equal(info.fForeground, TRUE);
        assert_int_equal(info.dwNotifyFlags, 0x44);
        assert_hr(info.hrFailure, 0x80190194);
        assert_int_equal(info.dwFailureWin32, 2);
        assert_int_equal(info.dwFailureHttp, 404);
        assert_int_equal(info.dwFailureFile, 3);
        assert_true(info.llFailureAt == 1234567890123);
        assert_true(info.llCreatedAt == 1234567890001);
        assert_true(info.llChangedAt == 1234567890002);
        assert_text(info.szOwner, L"S-1-5-7");
        assert_text(info.szName, L"n\u00e4me");
        assert_text(info.szFile, L"f\u00fcr.iso");
        assert_text(info.szWait, L"throttled to 64 KB/s for 12 s: the group has a limit");
        assert_text(info.szFailure, L"404 Not Found");
        assert_int_equal(fixture->engine.last, FAKE_SUMMARISE_GROUP); /* reading is no activity */
    }
}

/* Shows OPENQMGR_SIZE_UNKNOWN OPENQMGR_NO_FILE */
static void info__nothing_known__says_so(void **state)
{
    struct fixture *fixture = *state;
    fixture->engine.view.progress.total_bytes = OQ_SIZE_UNKNOWN;
    fixture->engine.view.has_job = false;
    strcpy(fixture->engine.view.error_text, "left over");
    OPENQMGR_GROUP_INFO info = info_of(open_of(fixture->group));
    assert_true(info.ullTotalBytes == OPENQMGR_SIZE_UNKNOWN);
    assert_guid(&info.guidJob, &GUID_NULL);
    assert_hr(info.hrFailure, S_OK);
    assert_int_equal(info.dwFailureFile, OPENQMGR_NO_FILE);
    assert_text(info.szFailure, L"");
}

static void info__texts_that_are_too_long__are_cut_between_characters(void **state)
{
    struct fixture *fixture = *state;
    char text[1 + 4 * 140 + 1] = "x";
    for (unsigned i = 0; i < 140; i++)
        memcpy(text + 1 + 4 * i, "\xf0\x9f\x98\x80", 5);
    fixture->engine.text = text;
    OPENQMGR_GROUP_INFO info = info_of(open_of(fixture->group));
    assert_int_equal(wcslen(info.szName), 259); /* x and 129 pairs fill it */
    assert_int_equal(info.szName[258], 0xde00);
    fixture->engine.text = text + 1;
    info = info_of(open_of(fixture->group));
    assert_int_equal(wcslen(info.szName), 258); /* half a pair has no meaning */
}

/* clang-format off */
static const struct {
    enum oq_group_state state;
    enum oq_activity activity;
    bool is_gone;
    uint32_t files;
    OPENQMGR_STATE says;
    OPENQMGR_WAIT why;
    const WCHAR *text;
} rows[] = {
    {OQ_GROUP_SUSPENDED, OQ_ACTIVITY_NONE, false, 0, OPENQMGR_STATE_SUSPENDED,
     OPENQMGR_WAIT_NO_FILES, L"no file has been added yet"},
    {OQ_GROUP_SUSPENDED, OQ_ACTIVITY_NONE, false, 1, OPENQMGR_STATE_SUSPENDED,
     OPENQMGR_WAIT_SUSPENDED, L"suspended until it is resumed"},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_QUEUED, false, 1, OPENQMGR_STATE_QUEUED,
     OPENQMGR_WAIT_QUEUED, L"5 other groups come first"},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_CONNECTING, false, 1, OPENQMGR_STATE_CONNECTING,
     OPENQMGR_WAIT_NONE, L""},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_TRANSFERRING, false, 1, OPENQMGR_STATE_TRANSFERRING,
     OPENQMGR_WAIT_NONE, L""},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_BACKOFF, false, 1, OPENQMGR_STATE_WAITING,
     OPENQMGR_WAIT_BACKOFF, L"retry in 3 s: 503 Service Unavailable"},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_NO_OWNER, false, 1, OPENQMGR_STATE_WAITING,
     OPENQMGR_WAIT_OWNER_AWAY, L"the owner is not logged on"},
    {OQ_GROUP_ACTIVE, OQ_ACTIVITY_POLICY, false, 1, OPENQMGR_STATE_WAITING,
     OPENQMGR_WAIT_POLICY, L"paused by the administrator"},
    {OQ_GROUP_COMMITTING, OQ_ACTIVITY_COMMITTING, false, 1, OPENQMGR_STATE_COMMITTING,
     OPENQMGR_WAIT_NONE, L""},
    {OQ_GROUP_ERROR, OQ_ACTIVITY_NONE, false, 1, OPENQMGR_STATE_ERROR,
     OPENQMGR_WAIT_ERROR, L"failed: 503 Service Unavailable"},
    {OQ_GROUP_COMPLETE, OQ_ACTIVITY_NONE, false, 1, OPENQMGR_STATE_COMPLETE,
     OPENQMGR_WAIT_NONE, L""},
    {OQ_GROUP_CANCELLING, OQ_ACTIVITY_NONE, false, 1, OPENQMGR_STATE_CANCELLED,
     OPENQMGR_WAIT_NONE, L""},
    {OQ_GROUP_SUSPENDED, OQ_ACTIVITY_NONE, true, 1, OPENQMGR_STATE_CANCELLED,
     OPENQMGR_WAIT_NONE, L""},
};
/* clang-format on */

/* Shows OPENQMGR_STATE_SUSPENDED OPENQMGR_STATE_QUEUED OPENQMGR_STATE_CONNECTING
 * OPENQMGR_STATE_TRANSFERRING OPENQMGR_STATE_WAITING OPENQMGR_STATE_COMMITTING
 * OPENQMGR_STATE_ERROR OPENQMGR_STATE_COMPLETE OPENQMGR_STATE_CANCELLED OPENQMGR_WAIT_NONE
 * OPENQMGR_WAIT_SUSPENDED OPENQMGR_WAIT_NO_FILES OPENQMGR_WAIT_QUEUED OPENQMGR_WAIT_BACKOFF
 * OPENQMGR_WAIT_OWNER_AWAY OPENQMGR_WAIT_POLICY OPENQMGR_WAIT_ERROR */
static void state__each__has_its_number_and_its_reason(void **state)
{
    struct fixture *fixture = *state;
    strcpy(fixture->engine.view.error_text, "503 Service Unavailable");
    fixture->engine.view.backoff_left_ms = 2001;
    fixture->engine.view.retries = 6;
    fixture->engine.view.groups_ahead = 5;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fixture->engine.view.state = rows[i].state;
        fixture->engine.view.activity = rows[i].activity;
        fixture->engine.view.is_gone = rows[i].is_gone;
        fixture->engine.view.progress.files_total = rows[i].files;
        OPENQMGR_GROUP_INFO info = info_of(open_of(fixture->group));
        assert_int_equal(info.eState, rows[i].says);
        assert_int_equal(info.eWait, rows[i].why);
        assert_text(info.szWait, rows[i].text);
        assert_int_equal(info.ullWaitValue, info.eWait == OPENQMGR_WAIT_QUEUED    ? 5
                                            : info.eWait == OPENQMGR_WAIT_BACKOFF ? 6
                                                                                  : 0);
        if (info.eWait != OPENQMGR_WAIT_BACKOFF)
            assert_true(info.llRetryAt == 0);
    }
}

/* Shows OPENQMGR_WAIT_BACKOFF */
static void wait__backoff__ends_at_a_time_of_the_wall_clock(void **state)
{
    struct fixture *fixture = *state;
    fixture->engine.view.state = OQ_GROUP_ACTIVE;
    fixture->engine.view.activity = OQ_ACTIVITY_BACKOFF;
    fixture->engine.view.backoff_left_ms = 60000;
    int64_t before = oq_clock_wall_ms(oq_clock_system());
    OPENQMGR_GROUP_INFO info = info_of(open_of(fixture->job));
    int64_t after = oq_clock_wall_ms(oq_clock_system());
    assert_true(info.llRetryAt >= before + 60000 && info.llRetryAt <= after + 60000);
    assert_text(info.szWait, L"retry in 60 s: the cause is not known");
}

/* Shows OPENQMGR_WAIT_NO_NETWORK */
static void wait__no_route_out_of_the_computer__says_no_network(void **state)
{
    struct fixture *fixture = *state;
    fixture->engine.view.state = OQ_GROUP_ACTIVE;
    fixture->engine.view.activity = OQ_ACTIVITY_BACKOFF;
    fixture->engine.view.error_code = 0x80200010;
    OPENQMGR_GROUP_INFO info = info_of(open_of(fixture->group));
    assert_int_equal(info.eWait, OPENQMGR_WAIT_NO_NETWORK);
    assert_true(info.llRetryAt > 0);
    assert_true(info.ullWaitValue == 0);
    assert_text(info.szWait, L"no network is connected");
}

static void wait__queued__counts_the_groups_ahead(void **state)
{
    static const WCHAR *const texts[] = {L"about to start", L"another group comes first",
                                         L"2 other groups come first"};
    struct fixture *fixture = *state;
    fixture->engine.view.state = OQ_GROUP_ACTIVE;
    fixture->engine.view.activity = OQ_ACTIVITY_QUEUED;
    for (uint32_t i = 0; i < COUNT_OF(texts); i++) {
        fixture->engine.view.groups_ahead = i;
        OPENQMGR_GROUP_INFO info = info_of(open_of(fixture->group));
        assert_text(info.szWait, texts[i]);
        assert_true(info.ullWaitValue == i);
    }
}

/* Shows OPENQMGR_WAIT_THROTTLED */
static void wait__throttled__names_the_rate_and_the_cause(void **state)
{
    static const WCHAR *const texts[] = {
        [OQ_LIMIT_OTHERS_HERE] =
            L"throttled to 64 KB/s for 12 s: another program on this computer uses the network",
        [OQ_LIMIT_OTHERS_LINK] = L"throttled to 64 KB/s for 12 s: another computer uses the link",
        [OQ_LIMIT_POLICY] = L"throttled to 64 KB/s for 12 s: the administrator has set a limit",
        [OQ_LIMIT_GROUP] = L"throttled to 64 KB/s for 12 s: the group has a limit",
    };
    struct fixture *fixture = *state;
    fixture->engine.view.state = OQ_GROUP_ACTIVE;
    fixture->engine.view.activity = OQ_ACTIVITY_TRANSFERRING;
    fixture->engine.view.limit_bytes_per_s = 64000;
    fixture->engine.view.limit_ms = 12999;
    for (unsigned i = OQ_LIMIT_OTHERS_HERE; i < COUNT_OF(texts); i++) {
        fixture->engine.view.limit = (enum oq_limit)i;
        assert_text(info_of(open_of(fixture->group)).szWait, texts[i]);
    }
}

/* --- SetMaxRate ------------------------------------------------------------------------------- */

/* Shows IOpenQmgrGroup::SetMaxRate.* */
static void set_max_rate__bytes_per_second__reach_the_engine(void **state)
{
    struct fixture *fixture = *state;
    assert_hr(IOpenQmgrGroup_SetMaxRate(open_of(fixture->job), 0x100000001), S_OK);
    assert_int_equal(fixture->engine.last, FAKE_SET_MAX_RATE);
    assert_true(fixture->engine.max_rate == 0x100000001);
}

/* --- GetFile ---------------------------------------------------------------------------------- */

struct file {
    OPENQMGR_FILE_INFO info;
    BSTR name, temporary, validator;
};

static HRESULT get_file(IOpenQmgrGroup *open, DWORD index, struct file *file)
{
    memset(file, 0x5a, sizeof *file);
    return IOpenQmgrGroup_GetFile(open, index, &file->info, &file->name, &file->temporary,
                                  &file->validator);
}

static void free_file(struct file *file)
{
    SysFreeString(file->name);
    SysFreeString(file->temporary);
    SysFreeString(file->validator);
}

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
 * OPENQMGR_FILE_DOWNLOADED OPENQMGR_FILE_COMPLETE OPENQMGR_FILE_ERROR OPENQMGR_FILE_CANCELLED */
static void file__each_state__has_its_number(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(file_rows); i++) {
        struct file file;
        fixture->engine.view.state = file_rows[i].group;
        fixture->engine.view.activity = file_rows[i].activity;
        fixture->engine.view.is_gone = file_rows[i].is_gone;
        fixture->engine.view.error_file = file_rows[i].error_file;
        fixture->engine.file.state = file_rows[i].file;
        fixture->engine.file.is_running = file_rows[i].is_running;
        fixture->engine.file.is_waiting = file_rows[i].activity == OQ_ACTIVITY_BACKOFF;
        assert_hr(get_file(open_of(fixture->group), 3, &file), S_OK);
        assert_int_equal(file.info.eState, file_rows[i].says);
        assert_int_equal(fixture->engine.index, 3);
        free_file(&file);
    }
}

/* Shows OPENQMGR_FILE_INFO.* IOpenQmgrGroup::GetFile.* .S_OK */
static void file__everything__comes_back(void **state)
{
    struct fixture *fixture = *state;
    struct file file;
    fixture->engine.file.size_bytes = 0x100000000;
    fixture->engine.file.done_bytes = 0xffffffff;
    fixture->engine.file.rate_bytes_per_s = 0x300000000;
    fixture->engine.file_temp = "C:\\folder\\BIT0123.tmp";
    fixture->engine.file_validator = "\"etag\"";
    fake_sources.checks = (struct oq_checks_view){.has_sha256 = true,
                                                  .sha256 = {0xab, 0x01},
                                                  .size_bytes = 0x100000001,
                                                  .piece_kind = OQ_HASH_SHA1,
                                                  .piece_bytes = 0x200000000,
                                                  .piece_count = 17,
                                                  .mismatches = 2,
                                                  .source_count = 5,
                                                  .is_checking = true};
    assert_hr(get_file(open_of(fixture->job), 6, &file), S_OK);
    assert_int_equal(fixture->engine.index, 6);
    assert_int_equal(fake_sources.index, 6);
    assert_int_equal(file.info.ePieceHash, OPENQMGR_HASH_SHA1);
    assert_true(file.info.ullSizeBytes == 0x100000000);
    assert_true(file.info.ullDoneBytes == 0xffffffff);
    assert_true(file.info.ullBytesPerSecond == 0x300000000);
    assert_true(file.info.ullExpectedBytes == 0x100000001);
    assert_true(file.info.ullPieceBytes == 0x200000000);
    assert_int_equal(file.info.dwPieces, 17);
    assert_int_equal(file.info.dwMismatches, 2);
    assert_int_equal(file.info.fVerifying, TRUE);
    assert_int_equal(file.info.dwSources, 5);
    assert_int_equal(wcslen(file.info.szSha256), 64);
    assert_memory_equal(file.info.szSha256, L"ab010000", 8 * sizeof(WCHAR));
    assert_bstr(file.name, L"C:\\folder\\file");
    assert_bstr(file.temporary, L"C:\\folder\\BIT0123.tmp");
    assert_bstr(file.validator, L"\"etag\"");
}

static void file__nothing_known__has_empty_texts(void **state)
{
    struct fixture *fixture = *state;
    struct file file;
    fixture->engine.file.size_bytes = OQ_SIZE_UNKNOWN;
    fake_sources.checks = (struct oq_checks_view){.size_bytes = OQ_SIZE_UNKNOWN};
    assert_hr(get_file(open_of(fixture->job), 0, &file), S_OK);
    assert_true(file.info.ullSizeBytes == OPENQMGR_SIZE_UNKNOWN);
    assert_true(file.info.ullExpectedBytes == OPENQMGR_SIZE_UNKNOWN);
    assert_int_equal(file.info.fVerifying, FALSE);
    assert_text(file.info.szSha256, L"");
    assert_bstr(file.temporary, L"");
    assert_bstr(file.validator, L"");
    SysFreeString(file.name);
}

/* Shows IOpenQmgrGroup::GetFile.QM_E_ITEM_NOT_FOUND */
static void file__beyond_the_last__is_item_not_found(void **state)
{
    struct fixture *fixture = *state;
    struct file file;
    fixture->engine.status = OQ_E_NOT_FOUND;
    fixture->engine.fails_only = FAKE_VIEW_FILE;
    assert_hr(get_file(open_of(fixture->job), 9, &file), QM_E_ITEM_NOT_FOUND);
    assert_int_equal(file.info.eState, 0);
    assert_null(file.name);
    assert_null(file.temporary);
    assert_null(file.validator);
}

/* --- sources ---------------------------------------------------------------------------------- */

/* Shows IOpenQmgrGroup::AddSource.* */
static void add_source__url__reaches_the_engine(void **state)
{
    struct fixture *fixture = *state;
    BSTR url = new_bstr(L"http://h/\u00e4");
    assert_hr(IOpenQmgrGroup_AddSource(open_of(fixture->job), 5, url), S_OK);
    assert_int_equal(fake_sources.index, 5);
    assert_string_equal(fake_sources.url, "http://h/\xc3\xa4");
    SysFreeString(url);
}

/* Shows IOpenQmgrGroup::SetUrl.* */
static void set_url__numbers_and_url__reach_the_engine(void **state)
{
    struct fixture *fixture = *state;
    BSTR url = new_bstr(L"http://h/?signature=2");
    assert_hr(IOpenQmgrGroup_SetUrl(open_of(fixture->job), 5, 2, url), S_OK);
    assert_int_equal(fake_sources.index, 5);
    assert_int_equal(fake_sources.source, 2);
    assert_string_equal(fake_sources.url, "http://h/?signature=2");
    SysFreeString(url);
}

/* What the marshaller brings is not trusted: NUL within a text, half a surrogate pair. */
static void urls__that_are_no_text__are_refused_before_the_engine(void **state)
{
    struct fixture *fixture = *state;
    IOpenQmgrGroup *open = open_of(fixture->group);
    BSTR urls[] = {SysAllocStringLen(L"http://h/\0x", 11), new_bstr(L"http://h/\xd800")};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        assert_hr(IOpenQmgrGroup_AddSource(open, 0, urls[i]), E_INVALIDARG);
        assert_hr(IOpenQmgrGroup_SetUrl(open, 0, 0, urls[i]), E_INVALIDARG);
        SysFreeString(urls[i]);
    }
    assert_int_equal(fixture->engine.calls, 0);
}

/* Shows OPENQMGR_SOURCE_READY OPENQMGR_SOURCE_ASKED OPENQMGR_SOURCE_LEFT OPENQMGR_SOURCE_WRONG
 * IOpenQmgrGroup::GetSource.* .S_OK */
static void source__each_state__has_its_number(void **state)
{
    struct fixture *fixture = *state;
    static const OPENQMGR_SOURCE states[] = {
        [OQ_SOURCE_READY] = OPENQMGR_SOURCE_READY,
        [OQ_SOURCE_ASKED] = OPENQMGR_SOURCE_ASKED,
        [OQ_SOURCE_LEFT] = OPENQMGR_SOURCE_LEFT,
        [OQ_SOURCE_WRONG] = OPENQMGR_SOURCE_WRONG,
    };
    for (unsigned i = 0; i < COUNT_OF(states); i++) {
        OPENQMGR_SOURCE found = (OPENQMGR_SOURCE)77;
        BSTR url = NULL;
        fake_sources.state = (enum oq_source_state)i;
        assert_hr(IOpenQmgrGroup_GetSource(open_of(fixture->group), 4, 3, &found, &url), S_OK);
        assert_int_equal(found, states[i]);
        assert_int_equal(fake_sources.index, 4);
        assert_int_equal(fake_sources.source, 3);
        assert_bstr(url, L"http://mirror/");
        SysFreeString(url);
    }
}

/* --- hashes ----------------------------------------------------------------------------------- */

#define HEX L"00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"

/* Shows IOpenQmgrGroup::SetHash.* */
static void set_hash__text__reaches_the_engine_as_bytes(void **state)
{
    struct fixture *fixture = *state;
    IOpenQmgrGroup *open = open_of(fixture->job);
    BSTR text = new_bstr(HEX), empty = new_bstr(L"");
    assert_hr(IOpenQmgrGroup_SetHash(open, 3, text, 0x123456789abc), S_OK);
    assert_int_equal(fake_sources.index, 3);
    assert_true(fake_sources.has_sha256);
    assert_int_equal(fake_sources.sha256[1], 0x11);
    assert_int_equal(fake_sources.sha256[31], 0xff);
    assert_true(fake_sources.size_bytes == 0x123456789abc);
    assert_hr(IOpenQmgrGroup_SetHash(open, 3, empty, OPENQMGR_SIZE_UNKNOWN), S_OK);
    assert_false(fake_sources.has_sha256);
    assert_true(fake_sources.size_bytes == OQ_SIZE_UNKNOWN);
    fake_sources.has_sha256 = true;
    assert_hr(IOpenQmgrGroup_SetHash(open, 3, NULL, OPENQMGR_SIZE_UNKNOWN), S_OK);
    assert_false(fake_sources.has_sha256);
    SysFreeString(text);
    SysFreeString(empty);
}

/* Shows IOpenQmgrGroup::SetHash.E_INVALIDARG */
static void set_hash__other_text__is_refused_before_the_engine(void **state)
{
    struct fixture *fixture = *state;
    static const WCHAR *const texts[] = {L"00", L"x", HEX L"00",
                                         L"g0112233445566778899AABBCCDDEEFF"
                                         L"00112233445566778899aabbccddeeff",
                                         L"\u00e4"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        BSTR text = new_bstr(texts[i]);
        assert_hr(IOpenQmgrGroup_SetHash(open_of(fixture->job), 0, text, 1), E_INVALIDARG);
        SysFreeString(text);
    }
    assert_int_equal(fixture->engine.calls, 0);
}

static BSTR new_bytes(UINT length)
{
    BSTR bytes = SysAllocStringByteLen(NULL, length);
    assert_non_null(bytes);
    memset(bytes, 0x77, length);
    return bytes;
}

/* Shows IOpenQmgrGroup::SetPieces.* OPENQMGR_HASH_NONE OPENQMGR_HASH_SHA1 OPENQMGR_HASH_SHA256
 * OPENQMGR_HASH_SHA512 OPENQMGR_HASH_MD5 */
static void set_pieces__each_kind__reaches_the_engine(void **state)
{
    struct fixture *fixture = *state;
    IOpenQmgrGroup *open = open_of(fixture->group);
    static const struct {
        OPENQMGR_HASH kind;
        enum oq_hash_kind inside;
        UINT size;
    } kinds[] = {
        {OPENQMGR_HASH_SHA1, OQ_HASH_SHA1, 20},
        {OPENQMGR_HASH_SHA256, OQ_HASH_SHA256, 32},
        {OPENQMGR_HASH_SHA512, OQ_HASH_SHA512, 64},
        {OPENQMGR_HASH_MD5, OQ_HASH_MD5, 16},
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        BSTR hashes = new_bytes(3 * kinds[i].size);
        assert_hr(IOpenQmgrGroup_SetPieces(open, 9, kinds[i].kind, 0x100000000, hashes), S_OK);
        assert_int_equal(fake_sources.index, 9);
        assert_int_equal(fake_sources.pieces.kind, kinds[i].inside);
        assert_int_equal(fake_sources.pieces.count, 3);
        assert_true(fake_sources.pieces.piece_bytes == 0x100000000);
        assert_int_equal(fake_sources.first_byte, 0x77);
        SysFreeString(hashes);
    }
    assert_hr(IOpenQmgrGroup_SetPieces(open, 9, OPENQMGR_HASH_NONE, 0, NULL), S_OK);
    assert_int_equal(fake_sources.pieces.kind, OQ_HASH_NONE);
    assert_int_equal(fake_sources.pieces.count, 0);
}

/* Shows IOpenQmgrGroup::SetPieces.E_INVALIDARG */
static void set_pieces__length_that_does_not_fit__is_refused_before_the_engine(void **state)
{
    struct fixture *fixture = *state;
    IOpenQmgrGroup *open = open_of(fixture->group);
    static const struct {
        OPENQMGR_HASH kind;
        UINT length;
    } wrong[] = {{OPENQMGR_HASH_SHA256, 33},
                 {(OPENQMGR_HASH)9, 32},
                 {(OPENQMGR_HASH)-1, 32},
                 {OPENQMGR_HASH_SHA256, OQ_PIECES_MAX_BYTES + 32}};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        BSTR hashes = new_bytes(wrong[i].length);
        assert_hr(IOpenQmgrGroup_SetPieces(open, 0, wrong[i].kind, 1, hashes), E_INVALIDARG);
        SysFreeString(hashes);
    }
    assert_int_equal(fixture->engine.calls, 0);
}

/* Shows IOpenQmgrGroup::GetPieces.* .S_OK */
static void get_pieces__hashes_of_the_engine__come_back(void **state)
{
    struct fixture *fixture = *state;
    OPENQMGR_HASH kind = (OPENQMGR_HASH)77;
    UINT64 piece_bytes = 77;
    BSTR hashes = NULL;
    fake_sources.pieces =
        (struct oq_pieces){.kind = OQ_HASH_SHA1, .piece_bytes = 0x100000000, .count = 3};
    fake_sources.first_byte = 0xaa;
    assert_hr(IOpenQmgrGroup_GetPieces(open_of(fixture->job), 5, &kind, &piece_bytes, &hashes),
              S_OK);
    assert_int_equal(fake_sources.index, 5);
    assert_int_equal(kind, OPENQMGR_HASH_SHA1);
    assert_true(piece_bytes == 0x100000000);
    assert_int_equal(SysStringByteLen(hashes), 60);
    assert_int_equal(((BYTE *)hashes)[0], 0xaa);
    assert_int_equal(((BYTE *)hashes)[59], 0xaa);
    SysFreeString(hashes);
    fake_sources.pieces = (struct oq_pieces){.kind = OQ_HASH_NONE};
    assert_hr(IOpenQmgrGroup_GetPieces(open_of(fixture->job), 0, &kind, &piece_bytes, &hashes),
              S_OK);
    assert_int_equal(kind, OPENQMGR_HASH_NONE);
    assert_int_equal(SysStringByteLen(hashes), 0);
    SysFreeString(hashes);
}

/* --- pointers --------------------------------------------------------------------------------- */

/* Shows all.null-output-inside */
static void open_group__a_null_output__is_refused(void **state)
{
    struct fixture *fixture = *state;
    IOpenQmgrGroup *open = open_of(fixture->group);
    OPENQMGR_FILE_INFO info;
    OPENQMGR_SOURCE source;
    OPENQMGR_HASH kind;
    UINT64 u64;
    BSTR text;
    assert_hr(IOpenQmgrGroup_GetInfo(open, NULL), E_INVALIDARG);
    assert_hr(IOpenQmgrGroup_GetFile(open, 0, NULL, &text, &text, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrGroup_GetFile(open, 0, &info, NULL, &text, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrGroup_GetFile(open, 0, &info, &text, NULL, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrGroup_GetFile(open, 0, &info, &text, &text, NULL), E_INVALIDARG);
    assert_hr(IOpenQmgrGroup_GetSource(open, 0, 0, NULL, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrGroup_GetSource(open, 0, 0, &source, NULL), E_INVALIDARG);
    assert_hr(IOpenQmgrGroup_GetPieces(open, 0, NULL, &u64, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrGroup_GetPieces(open, 0, &kind, NULL, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrGroup_GetPieces(open, 0, &kind, &u64, NULL), E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(open_group__from_group_and_job__is_of_the_same_group),
        WITH(info__everything__comes_back),
        WITH(info__nothing_known__says_so),
        WITH(info__texts_that_are_too_long__are_cut_between_characters),
        WITH(state__each__has_its_number_and_its_reason),
        WITH(wait__backoff__ends_at_a_time_of_the_wall_clock),
        WITH(wait__no_route_out_of_the_computer__says_no_network),
        WITH(wait__queued__counts_the_groups_ahead),
        WITH(wait__throttled__names_the_rate_and_the_cause),
        WITH(set_max_rate__bytes_per_second__reach_the_engine),
        WITH(file__each_state__has_its_number),
        WITH(file__everything__comes_back),
        WITH(file__nothing_known__has_empty_texts),
        WITH(file__beyond_the_last__is_item_not_found),
        WITH(add_source__url__reaches_the_engine),
        WITH(set_url__numbers_and_url__reach_the_engine),
        WITH(urls__that_are_no_text__are_refused_before_the_engine),
        WITH(source__each_state__has_its_number),
        WITH(set_hash__text__reaches_the_engine_as_bytes),
        WITH(set_hash__other_text__is_refused_before_the_engine),
        WITH(set_pieces__each_kind__reaches_the_engine),
        WITH(set_pieces__length_that_does_not_fit__is_refused_before_the_engine),
        WITH(get_pieces__hashes_of_the_engine__come_back),
        WITH(open_group__a_null_output__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
