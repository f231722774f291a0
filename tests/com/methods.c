/* methods.c - see methods.h */
#include "methods.h"

#define NONSENSE ((void *)(uintptr_t)0xdeadbeef)
#define NONSENSE_NUMBER 0xdeadbeef

static void release(void *out, HRESULT hr)
{
    if (SUCCEEDED(hr) && out)
        IUnknown_Release((IUnknown *)out);
}

static IOpenQmgrInfo *info_of(struct fixture *fixture)
{
    IOpenQmgrInfo *info = NULL;
    assert_hr(
        IBackgroundCopyGroup_QueryInterface(fixture->group, &IID_IOpenQmgrInfo, (void **)&info),
        S_OK);
    IOpenQmgrInfo_Release(info); /* the fixture's group keeps it alive */
    return info;
}

/* --- IBackgroundCopyQMgr -----------------------------------------------------------------------
 */

static HRESULT call_CreateGroup(struct fixture *fixture, bool *is_empty)
{
    IBackgroundCopyGroup *out = NONSENSE;
    HRESULT hr = IBackgroundCopyQMgr_CreateGroup(fixture->qmgr, group_guid, &out);
    *is_empty = out == NULL;
    release(out, hr);
    return hr;
}

static HRESULT call_GetGroup(struct fixture *fixture, bool *is_empty)
{
    IBackgroundCopyGroup *out = NONSENSE;
    HRESULT hr = IBackgroundCopyQMgr_GetGroup(fixture->qmgr, group_guid, &out);
    *is_empty = out == NULL;
    release(out, hr);
    return hr;
}

static HRESULT call_PeekGroup(struct fixture *fixture, bool *is_empty)
{
    IOpenQmgrPeek *peek = NULL;
    IBackgroundCopyGroup *out = NONSENSE;
    assert_hr(IBackgroundCopyQMgr_QueryInterface(fixture->qmgr, &IID_IOpenQmgrPeek, (void **)&peek),
              S_OK);
    HRESULT hr = IOpenQmgrPeek_PeekGroup(peek, group_guid, &out);
    *is_empty = out == NULL;
    release(out, hr);
    IOpenQmgrPeek_Release(peek);
    return hr;
}

static HRESULT call_EnumGroups(struct fixture *fixture, bool *is_empty)
{
    static const struct oq_guid one = {1, 2, 3, {4}};
    IEnumBackgroundCopyGroups *out = NONSENSE;
    fixture->engine.guids = &one;
    fixture->engine.guid_count = 1;
    HRESULT hr = IBackgroundCopyQMgr_EnumGroups(fixture->qmgr, 0, &out);
    *is_empty = out == NULL;
    release(out, hr);
    return hr;
}

/* --- IBackgroundCopyGroup ----------------------------------------------------------------------
 */

static HRESULT get_prop(struct fixture *fixture, GROUPPROP prop, bool *is_empty)
{
    VARIANT value;
    memset(&value, 0xcc, sizeof value);
    HRESULT hr = IBackgroundCopyGroup_GetProp(fixture->group, prop, &value);
    *is_empty = V_VT(&value) == VT_EMPTY;
    VariantClear(&value);
    return hr;
}

static HRESULT call_GetProp_fixed(struct fixture *fixture, bool *is_empty)
{
    return get_prop(fixture, GROUPPROP_PRIORITY, is_empty);
}

static HRESULT call_GetProp_flags(struct fixture *fixture, bool *is_empty)
{
    return get_prop(fixture, GROUPPROP_NOTIFYFLAGS, is_empty);
}

static HRESULT call_GetProp_text(struct fixture *fixture, bool *is_empty)
{
    return get_prop(fixture, GROUPPROP_DISPLAYNAME, is_empty);
}

static HRESULT set_number(struct fixture *fixture, GROUPPROP prop, LONG number)
{
    VARIANT value;
    VariantInit(&value);
    V_VT(&value) = VT_I4;
    V_I4(&value) = number;
    return IBackgroundCopyGroup_SetProp(fixture->group, prop, &value);
}

static HRESULT set_text(struct fixture *fixture, GROUPPROP prop, const WCHAR *text)
{
    VARIANT value;
    VariantInit(&value);
    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = new_bstr(text);
    HRESULT hr = IBackgroundCopyGroup_SetProp(fixture->group, prop, &value);
    VariantClear(&value);
    return hr;
}

static HRESULT call_SetProp_fixed(struct fixture *fixture, bool *is_empty)
{
    *is_empty = true;
    return set_number(fixture, GROUPPROP_PRIORITY, 1);
}

static HRESULT call_SetProp_flags(struct fixture *fixture, bool *is_empty)
{
    *is_empty = true;
    return set_number(fixture, GROUPPROP_NOTIFYFLAGS, QM_NOTIFY_GROUP_DONE);
}

static HRESULT call_SetProp_text(struct fixture *fixture, bool *is_empty)
{
    *is_empty = true;
    return set_text(fixture, GROUPPROP_DISPLAYNAME, L"name");
}

static HRESULT call_SetProp_class(struct fixture *fixture, bool *is_empty)
{
    *is_empty = true;
    return set_text(fixture, GROUPPROP_NOTIFYCLSID, L"{11111111-2222-3333-4455-66778899aabb}");
}

static HRESULT call_group_GetProgress(struct fixture *fixture, bool *is_empty)
{
    DWORD progress = NONSENSE_NUMBER;
    HRESULT hr =
        IBackgroundCopyGroup_GetProgress(fixture->group, QM_PROGRESS_PERCENT_DONE, &progress);
    *is_empty = progress == 0;
    return hr;
}

static HRESULT call_group_GetStatus(struct fixture *fixture, bool *is_empty)
{
    DWORD status = NONSENSE_NUMBER, index = NONSENSE_NUMBER;
    HRESULT hr = IBackgroundCopyGroup_GetStatus(fixture->group, &status, &index);
    *is_empty = status == 0 && index == 0;
    return hr;
}

static HRESULT call_GetJob(struct fixture *fixture, bool *is_empty)
{
    IBackgroundCopyJob1 *out = NONSENSE;
    HRESULT hr = IBackgroundCopyGroup_GetJob(fixture->group, job_guid, &out);
    *is_empty = out == NULL;
    release(out, hr);
    return hr;
}

static HRESULT call_SuspendGroup(struct fixture *fixture, bool *is_empty)
{
    *is_empty = true;
    return IBackgroundCopyGroup_SuspendGroup(fixture->group);
}

static HRESULT call_ResumeGroup(struct fixture *fixture, bool *is_empty)
{
    *is_empty = true;
    return IBackgroundCopyGroup_ResumeGroup(fixture->group);
}

static HRESULT call_CancelGroup(struct fixture *fixture, bool *is_empty)
{
    *is_empty = true;
    return IBackgroundCopyGroup_CancelGroup(fixture->group);
}

static HRESULT call_get_Size(struct fixture *fixture, bool *is_empty)
{
    DWORD size = NONSENSE_NUMBER;
    HRESULT hr = IBackgroundCopyGroup_get_Size(fixture->group, &size);
    *is_empty = size == 0;
    return hr;
}

static HRESULT call_get_GroupID(struct fixture *fixture, bool *is_empty)
{
    GUID guid;
    memset(&guid, 0xcc, sizeof guid);
    HRESULT hr = IBackgroundCopyGroup_get_GroupID(fixture->group, &guid);
    *is_empty = IsEqualGUID(&guid, &GUID_NULL);
    return hr;
}

static HRESULT call_CreateJob(struct fixture *fixture, bool *is_empty)
{
    IBackgroundCopyJob1 *out = NONSENSE;
    HRESULT hr = IBackgroundCopyGroup_CreateJob(fixture->group, job_guid, &out);
    *is_empty = out == NULL;
    release(out, hr);
    return hr;
}

static HRESULT call_EnumJobs(struct fixture *fixture, bool *is_empty)
{
    IEnumBackgroundCopyJobs1 *out = NONSENSE;
    HRESULT hr = IBackgroundCopyGroup_EnumJobs(fixture->group, 0, &out);
    *is_empty = out == NULL;
    release(out, hr);
    return hr;
}

static HRESULT call_group_SwitchToForeground(struct fixture *fixture, bool *is_empty)
{
    *is_empty = true;
    return IBackgroundCopyGroup_SwitchToForeground(fixture->group);
}

static HRESULT call_SetNotificationPointer_null(struct fixture *fixture, bool *is_empty)
{
    *is_empty = true;
    return IBackgroundCopyGroup_SetNotificationPointer(fixture->group,
                                                       &IID_IBackgroundCopyCallback1, NULL);
}

/* --- IBackgroundCopyJob1 -----------------------------------------------------------------------
 */

static HRESULT call_job_GetProgress(struct fixture *fixture, bool *is_empty)
{
    DWORD progress = NONSENSE_NUMBER;
    HRESULT hr = IBackgroundCopyJob1_GetProgress(fixture->job, QM_PROGRESS_SIZE_DONE, &progress);
    *is_empty = progress == 0;
    return hr;
}

static HRESULT call_job_GetStatus(struct fixture *fixture, bool *is_empty)
{
    DWORD out[4] = {NONSENSE_NUMBER, NONSENSE_NUMBER, NONSENSE_NUMBER, NONSENSE_NUMBER};
    HRESULT hr = IBackgroundCopyJob1_GetStatus(fixture->job, &out[0], &out[1], &out[2], &out[3]);
    *is_empty = out[0] == 0 && out[1] == 0 && out[2] == 0 && out[3] == 0;
    return hr;
}

static HRESULT call_AddFiles(struct fixture *fixture, bool *is_empty)
{
    FILESETINFO file = {new_bstr(L"http://server/file"), new_bstr(L"C:\\folder\\file"), 0};
    FILESETINFO *files[] = {&file};
    HRESULT hr = IBackgroundCopyJob1_AddFiles(fixture->job, 1, files);
    SysFreeString(file.bstrRemoteFile);
    SysFreeString(file.bstrLocalFile);
    *is_empty = true;
    return hr;
}

static HRESULT call_GetFile(struct fixture *fixture, bool *is_empty)
{
    FILESETINFO file = {NONSENSE, NONSENSE, NONSENSE_NUMBER};
    HRESULT hr = IBackgroundCopyJob1_GetFile(fixture->job, 0, &file);
    *is_empty = !file.bstrRemoteFile && !file.bstrLocalFile && file.dwSizeHint == 0;
    if (SUCCEEDED(hr)) {
        SysFreeString(file.bstrRemoteFile);
        SysFreeString(file.bstrLocalFile);
    }
    return hr;
}

static HRESULT call_GetFileCount(struct fixture *fixture, bool *is_empty)
{
    DWORD count = NONSENSE_NUMBER;
    HRESULT hr = IBackgroundCopyJob1_GetFileCount(fixture->job, &count);
    *is_empty = count == 0;
    return hr;
}

static HRESULT call_get_JobID(struct fixture *fixture, bool *is_empty)
{
    GUID guid;
    memset(&guid, 0xcc, sizeof guid);
    HRESULT hr = IBackgroundCopyJob1_get_JobID(fixture->job, &guid);
    *is_empty = IsEqualGUID(&guid, &GUID_NULL);
    return hr;
}

/* --- IOpenQmgrInfo -----------------------------------------------------------------------------
 */

static HRESULT call_GetProgress64(struct fixture *fixture, bool *is_empty)
{
    UINT64 total = NONSENSE_NUMBER, done = NONSENSE_NUMBER;
    DWORD total_files = NONSENSE_NUMBER, done_files = NONSENSE_NUMBER;
    HRESULT hr =
        IOpenQmgrInfo_GetProgress64(info_of(fixture), &total, &done, &total_files, &done_files);
    *is_empty = total == 0 && done == 0 && total_files == 0 && done_files == 0;
    return hr;
}

static HRESULT call_GetState(struct fixture *fixture, bool *is_empty)
{
    OPENQMGR_STATE what = (OPENQMGR_STATE)77;
    BSTR words = NONSENSE;
    HRESULT hr = IOpenQmgrInfo_GetState(info_of(fixture), &what, &words);
    *is_empty = what == 0 && !words;
    if (SUCCEEDED(hr))
        SysFreeString(words);
    return hr;
}

static HRESULT call_GetWaitReason(struct fixture *fixture, bool *is_empty)
{
    OPENQMGR_WAIT reason = (OPENQMGR_WAIT)77;
    INT64 until = NONSENSE_NUMBER;
    UINT64 value = NONSENSE_NUMBER;
    BSTR text = NONSENSE;
    HRESULT hr = IOpenQmgrInfo_GetWaitReason(info_of(fixture), &reason, &until, &value, &text);
    *is_empty = reason == OPENQMGR_WAIT_NONE && until == 0 && value == 0 && !text;
    if (SUCCEEDED(hr))
        SysFreeString(text);
    return hr;
}

static HRESULT call_GetLastFailure(struct fixture *fixture, bool *is_empty)
{
    HRESULT code = (HRESULT)NONSENSE_NUMBER;
    DWORD win32 = NONSENSE_NUMBER, http = NONSENSE_NUMBER, file = NONSENSE_NUMBER;
    INT64 time = NONSENSE_NUMBER;
    BSTR text = NONSENSE;
    HRESULT hr =
        IOpenQmgrInfo_GetLastFailure(info_of(fixture), &code, &win32, &http, &file, &time, &text);
    *is_empty = code == S_OK && win32 == 0 && http == 0 && file == 0 && time == 0 && !text;
    if (SUCCEEDED(hr))
        SysFreeString(text);
    return hr == S_FALSE ? S_OK : hr; /* there was no failure */
}

static HRESULT call_GetRate(struct fixture *fixture, bool *is_empty)
{
    UINT64 rate = NONSENSE_NUMBER;
    HRESULT hr = IOpenQmgrInfo_GetRate(info_of(fixture), &rate);
    *is_empty = rate == 0;
    return hr;
}

static HRESULT call_GetFileDetails(struct fixture *fixture, bool *is_empty)
{
    OPENQMGR_FILE what = (OPENQMGR_FILE)77;
    UINT64 size = NONSENSE_NUMBER, done = NONSENSE_NUMBER;
    BSTR name = NONSENSE, validator = NONSENSE;
    HRESULT hr =
        IOpenQmgrInfo_GetFileDetails(info_of(fixture), 0, &what, &size, &done, &name, &validator);
    *is_empty = what == 0 && size == 0 && done == 0 && !name && !validator;
    if (SUCCEEDED(hr)) {
        SysFreeString(name);
        SysFreeString(validator);
    }
    return hr;
}

/* --- IOpenQmgrSources --------------------------------------------------------------------------
 */

static IOpenQmgrSources *sources_of(struct fixture *fixture)
{
    IOpenQmgrSources *sources = NULL;
    assert_hr(IBackgroundCopyGroup_QueryInterface(fixture->group, &IID_IOpenQmgrSources,
                                                  (void **)&sources),
              S_OK);
    IOpenQmgrSources_Release(sources); /* the fixture's group keeps it alive */
    return sources;
}

static HRESULT call_SetHash(struct fixture *fixture, bool *is_empty)
{
    BSTR text = new_bstr(L"0011223344556677889900112233445566778899001122334455667788990011");
    HRESULT hr = IOpenQmgrSources_SetHash(sources_of(fixture), 0, text, 1);
    SysFreeString(text);
    *is_empty = true;
    return hr;
}

static HRESULT call_SetPieces(struct fixture *fixture, bool *is_empty)
{
    BYTE hash[32] = {0};
    *is_empty = true;
    return IOpenQmgrSources_SetPieces(sources_of(fixture), 0, OPENQMGR_HASH_SHA256, 1, 32, hash);
}

static HRESULT call_AddSource(struct fixture *fixture, bool *is_empty)
{
    BSTR url = new_bstr(L"http://h/");
    HRESULT hr = IOpenQmgrSources_AddSource(sources_of(fixture), 0, url);
    SysFreeString(url);
    *is_empty = true;
    return hr;
}

static HRESULT call_SetUrl(struct fixture *fixture, bool *is_empty)
{
    BSTR url = new_bstr(L"http://h/");
    HRESULT hr = IOpenQmgrSources_SetUrl(sources_of(fixture), 0, 0, url);
    SysFreeString(url);
    *is_empty = true;
    return hr;
}

static HRESULT call_GetSource(struct fixture *fixture, bool *is_empty)
{
    OPENQMGR_SOURCE what = (OPENQMGR_SOURCE)77;
    BSTR url = NONSENSE;
    HRESULT hr = IOpenQmgrSources_GetSource(sources_of(fixture), 0, 0, &what, &url);
    *is_empty = what == 0 && !url;
    if (SUCCEEDED(hr))
        SysFreeString(url);
    return hr;
}

static HRESULT call_GetChecks(struct fixture *fixture, bool *is_empty)
{
    BSTR sha256 = NONSENSE;
    UINT64 size = NONSENSE_NUMBER, piece = NONSENSE_NUMBER;
    OPENQMGR_HASH kind = (OPENQMGR_HASH)77;
    DWORD pieces = NONSENSE_NUMBER, mismatches = NONSENSE_NUMBER;
    BOOL is_checking = (BOOL)NONSENSE_NUMBER;
    HRESULT hr = IOpenQmgrSources_GetChecks(sources_of(fixture), 0, &sha256, &size, &kind, &piece,
                                            &pieces, &mismatches, &is_checking);
    *is_empty = !sha256 && size == 0 && piece == 0 && kind == OPENQMGR_HASH_NONE && pieces == 0 &&
                mismatches == 0 && !is_checking;
    if (SUCCEEDED(hr))
        SysFreeString(sha256);
    return hr;
}

/* --- IOpenQmgrLimit --------------------------------------------------------------------------- */

static IOpenQmgrLimit *limit_of(struct fixture *fixture)
{
    IOpenQmgrLimit *limit = NULL;
    assert_hr(
        IBackgroundCopyGroup_QueryInterface(fixture->group, &IID_IOpenQmgrLimit, (void **)&limit),
        S_OK);
    IOpenQmgrLimit_Release(limit); /* the fixture's group keeps it alive */
    return limit;
}

static HRESULT call_SetMaxRate(struct fixture *fixture, bool *is_empty)
{
    *is_empty = true;
    return IOpenQmgrLimit_SetMaxRate(limit_of(fixture), 64000);
}

static HRESULT call_GetMaxRate(struct fixture *fixture, bool *is_empty)
{
    UINT64 rate = NONSENSE_NUMBER;
    HRESULT hr = IOpenQmgrLimit_GetMaxRate(limit_of(fixture), &rate);
    *is_empty = rate == 0;
    return hr;
}

/* --- IOpenQmgrExport -------------------------------------------------------------------------- */

static IOpenQmgrExport *export_of(struct fixture *fixture)
{
    IOpenQmgrExport *export = NULL;
    assert_hr(
        IBackgroundCopyGroup_QueryInterface(fixture->group, &IID_IOpenQmgrExport, (void **)&export),
        S_OK);
    IOpenQmgrExport_Release(export); /* the fixture's group keeps it alive */
    return export;
}

static HRESULT call_GetOwner(struct fixture *fixture, bool *is_empty)
{
    BSTR sid = NONSENSE;
    HRESULT hr = IOpenQmgrExport_GetOwner(export_of(fixture), &sid);
    *is_empty = !sid;
    if (SUCCEEDED(hr))
        SysFreeString(sid);
    return hr;
}

static HRESULT call_GetPieces(struct fixture *fixture, bool *is_empty)
{
    OPENQMGR_HASH kind = (OPENQMGR_HASH)77;
    UINT64 piece = NONSENSE_NUMBER;
    DWORD length = NONSENSE_NUMBER;
    BYTE *hashes = NONSENSE;
    HRESULT hr = IOpenQmgrExport_GetPieces(export_of(fixture), 0, &kind, &piece, &length, &hashes);
    *is_empty = kind == OPENQMGR_HASH_NONE && piece == 0 && length == 0 && !hashes;
    if (SUCCEEDED(hr))
        CoTaskMemFree(hashes);
    return hr;
}

/* clang-format off */
const struct method methods[] = {
    {"CreateGroup",            call_CreateGroup,            true,  FAKE_CREATE_GROUP,     false},
    {"GetGroup",               call_GetGroup,               true,  FAKE_GET_GROUP,        false},
    {"PeekGroup",              call_PeekGroup,              true,  FAKE_PEEK_GROUP,       false},
    {"EnumGroups",             call_EnumGroups,             true,  FAKE_LIST_GROUPS,      false},
    {"GetProp(PRIORITY)",      call_GetProp_fixed,          false, FAKE_VIEW_GROUP,       false},
    {"GetProp(NOTIFYFLAGS)",   call_GetProp_flags,          false, FAKE_VIEW_GROUP,       false},
    {"GetProp(DISPLAYNAME)",   call_GetProp_text,           true,  FAKE_GET_TEXT,         false},
    {"SetProp(PRIORITY)",      call_SetProp_fixed,          false, FAKE_VIEW_GROUP,       false},
    {"SetProp(NOTIFYFLAGS)",   call_SetProp_flags,          false, FAKE_SET_NOTIFY_FLAGS, false},
    {"SetProp(DISPLAYNAME)",   call_SetProp_text,           true,  FAKE_SET_TEXT,         false},
    {"SetProp(NOTIFYCLSID)",   call_SetProp_class,          true,  FAKE_SET_TEXT,         false},
    {"group GetProgress",      call_group_GetProgress,      false, FAKE_VIEW_GROUP,       false},
    {"group GetStatus",        call_group_GetStatus,        false, FAKE_VIEW_GROUP,       false},
    {"GetJob",                 call_GetJob,                 true,  FAKE_VIEW_GROUP,       false},
    {"SuspendGroup",           call_SuspendGroup,           false, FAKE_SUSPEND,          false},
    {"ResumeGroup",            call_ResumeGroup,            false, FAKE_RESUME,           false},
    {"CancelGroup",            call_CancelGroup,            false, FAKE_CANCEL,           false},
    {"get_Size",               call_get_Size,               false, FAKE_VIEW_GROUP,       false},
    {"get_GroupID",            call_get_GroupID,            false, FAKE_VIEW_GROUP,       true},
    {"CreateJob",              call_CreateJob,              true,  FAKE_CREATE_JOB,       false},
    {"EnumJobs",               call_EnumJobs,               true,  FAKE_VIEW_GROUP,       false},
    {"SwitchToForeground",     call_group_SwitchToForeground, false, FAKE_SET_FOREGROUND, false},
    {"SetNotificationPointer(NULL)", call_SetNotificationPointer_null,
                                                            true,  FAKE_VIEW_GROUP,       false},
    {"job GetProgress",        call_job_GetProgress,        false, FAKE_VIEW_GROUP,       false},
    {"job GetStatus",          call_job_GetStatus,          false, FAKE_VIEW_GROUP,       false},
    {"AddFiles",               call_AddFiles,               true,  FAKE_ADD_FILES,        false},
    {"GetFile",                call_GetFile,                true,  FAKE_VIEW_FILE,        false},
    {"GetFileCount",           call_GetFileCount,           false, FAKE_VIEW_GROUP,       false},
    {"get_JobID",              call_get_JobID,              false, FAKE_VIEW_GROUP,       true},
    {"GetProgress64",          call_GetProgress64,          false, FAKE_VIEW_GROUP,       false},
    {"GetState",               call_GetState,               true,  FAKE_VIEW_GROUP,       false},
    {"GetWaitReason",          call_GetWaitReason,          true,  FAKE_VIEW_GROUP,       false},
    {"GetLastFailure",         call_GetLastFailure,         true,  FAKE_VIEW_GROUP,       false},
    {"GetRate",                call_GetRate,                false, FAKE_VIEW_GROUP,       false},
    {"GetFileDetails",         call_GetFileDetails,         true,  FAKE_VIEW_GROUP,       false},
    {"SetHash",                call_SetHash,                true,  FAKE_SET_HASH,         false},
    {"SetPieces",              call_SetPieces,              false, FAKE_SET_PIECES,       false},
    {"AddSource",              call_AddSource,              true,  FAKE_ADD_SOURCE,       false},
    {"SetUrl",                 call_SetUrl,                 true,  FAKE_SET_URL,          false},
    {"GetSource",              call_GetSource,              true,  FAKE_VIEW_SOURCE,      false},
    {"GetChecks",              call_GetChecks,              true,  FAKE_VIEW_CHECKS,      false},
    {"SetMaxRate",             call_SetMaxRate,             false, FAKE_SET_MAX_RATE,     false},
    {"GetMaxRate",             call_GetMaxRate,             false, FAKE_VIEW_GROUP,       false},
    {"GetOwner",               call_GetOwner,               true,  FAKE_VIEW_GROUP,       false},
    {"GetPieces",              call_GetPieces,              true,  FAKE_VIEW_PIECES,      false},
};
/* clang-format on */
const size_t method_count = COUNT_OF(methods);
