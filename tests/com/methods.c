/* methods.c - see methods.h */
#include "methods.h"

#define NONSENSE ((void *)(uintptr_t)0xdeadbeef)
#define NONSENSE_NUMBER 0xdeadbeef

static void release(void *out, HRESULT hr)
{
    if (SUCCEEDED(hr) && out)
        IUnknown_Release((IUnknown *)out);
}

/* The fixture's objects keep their parts alive. */
static IOpenQmgrGroup *open_of(struct fixture *fixture)
{
    IOpenQmgrGroup *open = NULL;
    assert_hr(
        IBackgroundCopyGroup_QueryInterface(fixture->group, &IID_IOpenQmgrGroup, (void **)&open),
        S_OK);
    IOpenQmgrGroup_Release(open);
    return open;
}

static IOpenQmgrManager *manager_of(struct fixture *fixture)
{
    IOpenQmgrManager *manager = NULL;
    assert_hr(
        IBackgroundCopyQMgr_QueryInterface(fixture->qmgr, &IID_IOpenQmgrManager, (void **)&manager),
        S_OK);
    IOpenQmgrManager_Release(manager);
    return manager;
}

/* --- IBackgroundCopyQMgr ---------------------------------------------------------------------- */

static HRESULT call_CreateGroup(struct fixture *fixture, bool *is_empty)
{
    IBackgroundCopyGroup *out = NONSENSE;
    HRESULT hr = IBackgroundCopyQMgr_CreateGroup(fixture->qmgr, group_guid, &out);
    *is_empty = !out;
    release(out, hr);
    return hr;
}

static HRESULT call_GetGroup(struct fixture *fixture, bool *is_empty)
{
    IBackgroundCopyGroup *out = NONSENSE;
    HRESULT hr = IBackgroundCopyQMgr_GetGroup(fixture->qmgr, group_guid, &out);
    *is_empty = !out;
    release(out, hr);
    return hr;
}

static HRESULT call_EnumGroups(struct fixture *fixture, bool *is_empty)
{
    static const struct oq_guid one = {1, 2, 3, {4}};
    IEnumBackgroundCopyGroups *out = NONSENSE;
    fixture->engine.guids = &one;
    fixture->engine.guid_count = 1;
    HRESULT hr = IBackgroundCopyQMgr_EnumGroups(fixture->qmgr, 0, &out);
    *is_empty = !out;
    release(out, hr);
    return hr;
}

/* --- IBackgroundCopyGroup --------------------------------------------------------------------- */

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
    *is_empty = !out;
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
    *is_empty = !out;
    release(out, hr);
    return hr;
}

static HRESULT call_EnumJobs(struct fixture *fixture, bool *is_empty)
{
    IEnumBackgroundCopyJobs1 *out = NONSENSE;
    HRESULT hr = IBackgroundCopyGroup_EnumJobs(fixture->group, 0, &out);
    *is_empty = !out;
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

/* --- IBackgroundCopyJob1 ---------------------------------------------------------------------- */

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

/* --- IOpenQmgrManager ------------------------------------------------------------------------- */

static bool is_zero(const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (((const BYTE *)bytes)[i] != 0)
            return false;
    return true;
}

static void free_text(BSTR text, HRESULT hr)
{
    if (SUCCEEDED(hr))
        SysFreeString(text);
}

static HRESULT call_OpenGroup(struct fixture *fixture, bool *is_empty)
{
    IBackgroundCopyGroup *out = NONSENSE;
    HRESULT hr = IOpenQmgrManager_OpenGroup(manager_of(fixture), group_guid, &out);
    *is_empty = !out;
    release(out, hr);
    return hr;
}

static HRESULT call_GetGroups(struct fixture *fixture, bool *is_empty)
{
    static const struct oq_group_summary one = {.group = 1};
    BSTR groups = NONSENSE;
    fixture->engine.summaries = &one;
    fixture->engine.summary_count = 1;
    fixture->engine.is_more = true;
    HRESULT hr = IOpenQmgrManager_GetGroups(manager_of(fixture), 0, &groups);
    *is_empty = !groups;
    free_text(groups, hr);
    return hr;
}

static HRESULT call_GetSettings(struct fixture *fixture, bool *is_empty)
{
    OPENQMGR_SETTINGS settings;
    BSTR schedule = NONSENSE, database = NONSENSE, log = NONSENSE;
    memset(&settings, 0x5a, sizeof settings);
    HRESULT hr =
        IOpenQmgrManager_GetSettings(manager_of(fixture), &settings, &schedule, &database, &log);
    *is_empty = is_zero(&settings, sizeof settings) && !schedule && !database && !log;
    free_text(schedule, hr);
    free_text(database, hr);
    free_text(log, hr);
    return hr;
}

/* --- IOpenQmgrGroup --------------------------------------------------------------------------- */

static HRESULT call_GetInfo(struct fixture *fixture, bool *is_empty)
{
    OPENQMGR_GROUP_INFO info;
    memset(&info, 0x5a, sizeof info);
    HRESULT hr = IOpenQmgrGroup_GetInfo(open_of(fixture), &info);
    *is_empty = is_zero(&info, sizeof info);
    return hr;
}

static HRESULT call_SetMaxRate(struct fixture *fixture, bool *is_empty)
{
    *is_empty = true;
    return IOpenQmgrGroup_SetMaxRate(open_of(fixture), 64000);
}

static HRESULT call_open_GetFile(struct fixture *fixture, bool *is_empty)
{
    OPENQMGR_FILE_INFO info;
    BSTR name = NONSENSE, temporary = NONSENSE, validator = NONSENSE;
    memset(&info, 0x5a, sizeof info);
    HRESULT hr = IOpenQmgrGroup_GetFile(open_of(fixture), 0, &info, &name, &temporary, &validator);
    *is_empty = is_zero(&info, sizeof info) && !name && !temporary && !validator;
    free_text(name, hr);
    free_text(temporary, hr);
    free_text(validator, hr);
    return hr;
}

static HRESULT call_GetSource(struct fixture *fixture, bool *is_empty)
{
    OPENQMGR_SOURCE what = (OPENQMGR_SOURCE)77;
    BSTR url = NONSENSE;
    HRESULT hr = IOpenQmgrGroup_GetSource(open_of(fixture), 0, 0, &what, &url);
    *is_empty = what == 0 && !url;
    free_text(url, hr);
    return hr;
}

static HRESULT call_AddSource(struct fixture *fixture, bool *is_empty)
{
    BSTR url = new_bstr(L"http://h/");
    HRESULT hr = IOpenQmgrGroup_AddSource(open_of(fixture), 0, url);
    SysFreeString(url);
    *is_empty = true;
    return hr;
}

static HRESULT call_SetUrl(struct fixture *fixture, bool *is_empty)
{
    BSTR url = new_bstr(L"http://h/");
    HRESULT hr = IOpenQmgrGroup_SetUrl(open_of(fixture), 0, 0, url);
    SysFreeString(url);
    *is_empty = true;
    return hr;
}

static HRESULT call_SetHash(struct fixture *fixture, bool *is_empty)
{
    BSTR text = new_bstr(L"0011223344556677889900112233445566778899001122334455667788990011");
    HRESULT hr = IOpenQmgrGroup_SetHash(open_of(fixture), 0, text, 1);
    SysFreeString(text);
    *is_empty = true;
    return hr;
}

static HRESULT call_SetPieces(struct fixture *fixture, bool *is_empty)
{
    BSTR hash = SysAllocStringByteLen(NULL, 32);
    HRESULT hr = IOpenQmgrGroup_SetPieces(open_of(fixture), 0, OPENQMGR_HASH_SHA256, 1, hash);
    SysFreeString(hash);
    *is_empty = true;
    return hr;
}

static HRESULT call_GetPieces(struct fixture *fixture, bool *is_empty)
{
    OPENQMGR_HASH kind = (OPENQMGR_HASH)77;
    UINT64 piece = NONSENSE_NUMBER;
    BSTR hashes = NONSENSE;
    HRESULT hr = IOpenQmgrGroup_GetPieces(open_of(fixture), 0, &kind, &piece, &hashes);
    *is_empty = kind == OPENQMGR_HASH_NONE && piece == 0 && !hashes;
    free_text(hashes, hr);
    return hr;
}

/* clang-format off */
const struct method methods[] = {
    {"CreateGroup",            call_CreateGroup,            true,  FAKE_CREATE_GROUP,     false},
    {"GetGroup",               call_GetGroup,               true,  FAKE_GET_GROUP,        false},
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
    {"OpenGroup",              call_OpenGroup,              true,  FAKE_PEEK_GROUP,       false},
    {"GetGroups",              call_GetGroups,              true,  FAKE_SUMMARISE_GROUPS, false},
    {"GetSettings",            call_GetSettings,            true,  FAKE_VIEW_POLICY,      false},
    {"GetInfo",                call_GetInfo,                true,  FAKE_SUMMARISE_GROUP,  false},
    {"SetMaxRate",             call_SetMaxRate,             false, FAKE_SET_MAX_RATE,     false},
    {"IOpenQmgrGroup GetFile", call_open_GetFile,           true,  FAKE_VIEW_FILE,        false},
    {"GetSource",              call_GetSource,              true,  FAKE_VIEW_SOURCE,      false},
    {"AddSource",              call_AddSource,              true,  FAKE_ADD_SOURCE,       false},
    {"SetUrl",                 call_SetUrl,                 true,  FAKE_SET_URL,          false},
    {"SetHash",                call_SetHash,                true,  FAKE_SET_HASH,         false},
    {"SetPieces",              call_SetPieces,              false, FAKE_SET_PIECES,       false},
    {"GetPieces",              call_GetPieces,              true,  FAKE_VIEW_PIECES,      false},
};
/* clang-format on */
const size_t method_count = COUNT_OF(methods);
