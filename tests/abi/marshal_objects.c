/*
 * marshal_objects.c: the scripted objects of the service's side, one per interface, and the log.
 *
 * They live for ever and count no references. Each method writes its name and what it got, does
 * what the script says, and leaves nonsense nowhere.
 */
#include "marshal_rig.h"

#include <stdio.h>
#include <string.h>

struct script script;

static char log_text[4096];
static size_t log_used;
static DWORD client_thread;
static bool was_on_wrong_thread;

void rig_expect_thread(DWORD not_this_one)
{
    client_thread = not_this_one;
    was_on_wrong_thread = false;
    log_used = 0;
    log_text[0] = '\0';
}

bool rig_was_on_wrong_thread(void)
{
    return was_on_wrong_thread;
}

const char *rig_log(void)
{
    return log_text;
}

void rig_note(const char *format, ...)
{
    va_list arguments;
    int count;

    va_start(arguments, format);
    count = vsnprintf(log_text + log_used, sizeof log_text - log_used, format, arguments);
    va_end(arguments);
    if (count > 0)
        log_used += (size_t)count;
    if (log_used >= sizeof log_text)
        log_used = sizeof log_text - 1;
}

/* Every method of the service's side begins with this. */
static void begin(const char *method)
{
    if (GetCurrentThreadId() == client_thread)
        was_on_wrong_thread = true;
    rig_note("%s", method);
}

static void note_text(BSTR text)
{
    char utf8[600];
    int count;

    if (text == NULL) {
        rig_note(" NULL");
        return;
    }
    count = WideCharToMultiByte(CP_UTF8, 0, text, (int)SysStringLen(text), utf8, sizeof utf8 - 1,
                                NULL, NULL);
    utf8[count] = '\0';
    rig_note(" '%s'", utf8);
}

static void note_guid(const GUID *g)
{
    rig_note(" %08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", g->Data1, g->Data2, g->Data3,
             g->Data4[0], g->Data4[1], g->Data4[2], g->Data4[3], g->Data4[4], g->Data4[5],
             g->Data4[6], g->Data4[7]);
}

static void note_variant(const VARIANT *value)
{
    rig_note(" vt%d", V_VT(value));
    if (V_VT(value) == VT_BSTR)
        note_text(V_BSTR(value));
    else if (V_VT(value) != VT_EMPTY)
        rig_note(" %ld", V_I4(value));
}

GUID rig_guid(unsigned n)
{
    const GUID guid = {0x11110000u + n,
                       (WORD)(0x2200 + n),
                       (WORD)(0x3300 + n),
                       {0x44, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, (BYTE)n}};
    return guid;
}

/* ---- IUnknown of all ------------------------------------------------------------------------- */

struct object {
    const void *vtbl;
    const IID *iid;
    struct object *info; /* the extension, from group and job; of the manager, the one to peek */
    struct object *identity; /* whose IUnknown it is; NULL: its own */
    struct object *sources;  /* the second extension */
    struct object *limit;    /* the third one */
    struct object *export;   /* the fourth one */
};

static HRESULT STDMETHODCALLTYPE query(void *This, REFIID iid, void **object)
{
    struct object *self = This;
    struct object *identity = self->identity != NULL ? self->identity : self;

    *object = NULL;
    if (IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, identity->iid))
        *object = identity;
    else if (identity->info != NULL && IsEqualIID(iid, identity->info->iid))
        *object = identity->info;
    else if (identity->sources != NULL && IsEqualIID(iid, identity->sources->iid))
        *object = identity->sources;
    else if (identity->limit != NULL && IsEqualIID(iid, identity->limit->iid))
        *object = identity->limit;
    else if (identity->export != NULL && IsEqualIID(iid, identity->export->iid))
        *object = identity->export;
    return *object != NULL ? S_OK : E_NOINTERFACE;
}

static ULONG STDMETHODCALLTYPE add_ref(void *This)
{
    (void)This;
    return 2;
}

static ULONG STDMETHODCALLTYPE release(void *This)
{
    (void)This;
    return 1;
}

#define UNKNOWN (void *)query, (void *)add_ref, (void *)release

static struct object qmgr, group, job, enum_groups, enum_jobs, info_of_group, info_of_job;
static struct object sources_of_group, sources_of_job, limit_of_group, limit_of_job, peek_of_qmgr,
    export_of_group, export_of_job;

/* Gives an object out as the script's result allows. */
static HRESULT give(void *object, void *out)
{
    *(void **)out = SUCCEEDED(script.result) ? object : NULL;
    return script.result;
}

/* ---- IBackgroundCopyQMgr --------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE qmgr_CreateGroup(IBackgroundCopyQMgr *This, GUID id,
                                                  IBackgroundCopyGroup **out)
{
    (void)This;
    begin("CreateGroup");
    note_guid(&id);
    rig_note("; ");
    return give(&group, out);
}

static HRESULT STDMETHODCALLTYPE qmgr_GetGroup(IBackgroundCopyQMgr *This, GUID id,
                                               IBackgroundCopyGroup **out)
{
    (void)This;
    begin("GetGroup");
    note_guid(&id);
    rig_note("; ");
    return give(&group, out);
}

static HRESULT STDMETHODCALLTYPE qmgr_EnumGroups(IBackgroundCopyQMgr *This, DWORD flags,
                                                 IEnumBackgroundCopyGroups **out)
{
    (void)This;
    begin("EnumGroups");
    rig_note(" %lu; ", flags);
    return give(&enum_groups, out);
}

static const IBackgroundCopyQMgrVtbl qmgr_vtbl = {UNKNOWN, qmgr_CreateGroup, qmgr_GetGroup,
                                                  qmgr_EnumGroups};

/* ---- IOpenQmgrPeek --------------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE peek_PeekGroup(IOpenQmgrPeek *This, GUID id,
                                                IBackgroundCopyGroup **out)
{
    (void)This;
    begin("PeekGroup");
    note_guid(&id);
    rig_note("; ");
    return give(&group, out);
}

static const IOpenQmgrPeekVtbl peek_vtbl = {UNKNOWN, peek_PeekGroup};

/* ---- IBackgroundCopyGroup -------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE group_GetProp(IBackgroundCopyGroup *This, GROUPPROP id,
                                               VARIANT *value)
{
    (void)This;
    begin("GetProp");
    rig_note(" %d", (int)id);
    note_variant(value);
    rig_note("; ");
    VariantInit(value);
    return SUCCEEDED(script.get_prop) ? VariantCopy(value, &script.property) : script.get_prop;
}

static HRESULT STDMETHODCALLTYPE group_SetProp(IBackgroundCopyGroup *This, GROUPPROP id,
                                               VARIANT *value)
{
    (void)This;
    begin("SetProp");
    rig_note(" %d", (int)id);
    note_variant(value);
    rig_note("; ");
    return script.set_prop;
}

static HRESULT STDMETHODCALLTYPE group_GetProgress(IBackgroundCopyGroup *This, DWORD flags,
                                                   DWORD *progress)
{
    (void)This;
    begin("group GetProgress");
    rig_note(" %lu; ", flags);
    *progress = 0xFFFFFFFF;
    return script.result;
}

static HRESULT STDMETHODCALLTYPE group_GetStatus(IBackgroundCopyGroup *This, DWORD *status,
                                                 DWORD *index)
{
    (void)This;
    begin("group GetStatus; ");
    *status = 0x780;
    *index = 0;
    return script.result;
}

static HRESULT STDMETHODCALLTYPE group_GetJob(IBackgroundCopyGroup *This, GUID id,
                                              IBackgroundCopyJob1 **out)
{
    (void)This;
    begin("GetJob");
    note_guid(&id);
    rig_note("; ");
    return give(&job, out);
}

static HRESULT STDMETHODCALLTYPE group_SuspendGroup(IBackgroundCopyGroup *This)
{
    (void)This;
    begin("SuspendGroup; ");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE group_ResumeGroup(IBackgroundCopyGroup *This)
{
    (void)This;
    begin("ResumeGroup; ");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE group_CancelGroup(IBackgroundCopyGroup *This)
{
    (void)This;
    begin("CancelGroup; ");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE group_get_Size(IBackgroundCopyGroup *This, DWORD *size)
{
    (void)This;
    begin("get_Size; ");
    *size = 0x89ABCDEF;
    return script.result;
}

static HRESULT STDMETHODCALLTYPE group_get_GroupID(IBackgroundCopyGroup *This, GUID *id)
{
    (void)This;
    begin("get_GroupID; ");
    *id = rig_guid(7);
    return script.result;
}

static HRESULT STDMETHODCALLTYPE group_CreateJob(IBackgroundCopyGroup *This, GUID id,
                                                 IBackgroundCopyJob1 **out)
{
    (void)This;
    begin("CreateJob");
    note_guid(&id);
    rig_note("; ");
    return give(&job, out);
}

static HRESULT STDMETHODCALLTYPE group_EnumJobs(IBackgroundCopyGroup *This, DWORD flags,
                                                IEnumBackgroundCopyJobs1 **out)
{
    (void)This;
    begin("EnumJobs");
    rig_note(" %lu; ", flags);
    return give(&enum_jobs, out);
}

static HRESULT STDMETHODCALLTYPE group_SwitchToForeground(IBackgroundCopyGroup *This)
{
    (void)This;
    begin("group SwitchToForeground; ");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE group_QueryNewJobInterface(IBackgroundCopyGroup *This, REFIID iid,
                                                            IUnknown **out)
{
    (void)This;
    begin("QueryNewJobInterface");
    note_guid(iid);
    rig_note("; ");
    return give(&job, out);
}

static HRESULT STDMETHODCALLTYPE group_SetNotificationPointer(IBackgroundCopyGroup *This,
                                                              REFIID iid, IUnknown *object)
{
    IBackgroundCopyCallback1 *callback = NULL;

    (void)This;
    begin("SetNotificationPointer");
    if (!IsEqualIID(iid, &IID_IBackgroundCopyCallback1))
        note_guid(iid);
    if (object == NULL)
        rig_note(" NULL; ");
    else if (FAILED(IUnknown_QueryInterface(object, &IID_IBackgroundCopyCallback1,
                                            (void **)&callback)))
        rig_note(" other; ");
    else
        rig_note(" callback; ");
    if (callback != NULL) {
        if (script.with_pointer != NULL)
            script.with_pointer(callback);
        IBackgroundCopyCallback1_Release(callback);
    }
    return script.set_pointer;
}

static const IBackgroundCopyGroupVtbl group_vtbl = {UNKNOWN,
                                                    group_GetProp,
                                                    group_SetProp,
                                                    group_GetProgress,
                                                    group_GetStatus,
                                                    group_GetJob,
                                                    group_SuspendGroup,
                                                    group_ResumeGroup,
                                                    group_CancelGroup,
                                                    group_get_Size,
                                                    group_get_GroupID,
                                                    group_CreateJob,
                                                    group_EnumJobs,
                                                    group_SwitchToForeground,
                                                    group_QueryNewJobInterface,
                                                    group_SetNotificationPointer};

/* ---- IBackgroundCopyJob1 --------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE job_CancelJob(IBackgroundCopyJob1 *This)
{
    (void)This;
    begin("CancelJob; ");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE job_GetProgress(IBackgroundCopyJob1 *This, DWORD flags,
                                                 DWORD *progress)
{
    (void)This;
    begin("job GetProgress");
    rig_note(" %lu; ", flags);
    *progress = 99;
    return script.result;
}

static HRESULT STDMETHODCALLTYPE job_GetStatus(IBackgroundCopyJob1 *This, DWORD *status,
                                               DWORD *win32, DWORD *transport, DWORD *retries)
{
    (void)This;
    begin("job GetStatus; ");
    *status = 0x18;
    *win32 = 2;
    *transport = 404;
    *retries = 3;
    return script.result;
}

static HRESULT STDMETHODCALLTYPE job_AddFiles(IBackgroundCopyJob1 *This, ULONG count,
                                              FILESETINFO **files)
{
    (void)This;
    begin("AddFiles");
    rig_note(" %lu", count);
    for (ULONG i = 0; i < count; i++) {
        if (files[i] == NULL) {
            rig_note(" -");
            continue;
        }
        note_text(files[i]->bstrRemoteFile);
        note_text(files[i]->bstrLocalFile);
        rig_note(" %lu", files[i]->dwSizeHint);
    }
    rig_note("; ");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE job_GetFile(IBackgroundCopyJob1 *This, ULONG index,
                                             FILESETINFO *file)
{
    (void)This;
    begin("GetFile");
    rig_note(" %lu", index);
    note_text(file->bstrRemoteFile);
    note_text(file->bstrLocalFile);
    rig_note(" %lu; ", file->dwSizeHint);
    if (SUCCEEDED(script.result)) {
        file->bstrRemoteFile = SysAllocString(L"http://example.org/a b");
        file->bstrLocalFile = SysAllocString(L"C:\\\x00dc\\b.bin");
        file->dwSizeHint = 0;
    }
    return script.result;
}

static HRESULT STDMETHODCALLTYPE job_GetFileCount(IBackgroundCopyJob1 *This, DWORD *count)
{
    (void)This;
    begin("GetFileCount; ");
    *count = 200;
    return script.result;
}

static HRESULT STDMETHODCALLTYPE job_SwitchToForeground(IBackgroundCopyJob1 *This)
{
    (void)This;
    begin("job SwitchToForeground; ");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE job_get_JobID(IBackgroundCopyJob1 *This, GUID *id)
{
    (void)This;
    begin("get_JobID; ");
    *id = rig_guid(8);
    return script.result;
}

static const IBackgroundCopyJob1Vtbl job_vtbl = {
    UNKNOWN,     job_CancelJob,    job_GetProgress,        job_GetStatus, job_AddFiles,
    job_GetFile, job_GetFileCount, job_SwitchToForeground, job_get_JobID};

/* ---- enumerators: alike, but of two types ------------------------------------------------------
 */

static HRESULT next(ULONG celt, GUID *ids, ULONG *fetched)
{
    ULONG count = celt < script.elements_left ? celt : script.elements_left;

    begin("Next");
    rig_note(" %lu; ", celt);
    for (ULONG i = 0; i < count; i++)
        ids[i] = rig_guid(i);
    *fetched = count;
    if (FAILED(script.result))
        *fetched = 0;
    else if (count < celt)
        return S_FALSE;
    return script.result;
}

static HRESULT skip(ULONG celt)
{
    begin("Skip");
    rig_note(" %lu; ", celt);
    return script.result;
}

static HRESULT get_count(ULONG *count)
{
    begin("GetCount; ");
    *count = 300;
    return script.result;
}

#define ENUMERATOR(iface, object)                                                                  \
    static HRESULT STDMETHODCALLTYPE object##_Next(iface *This, ULONG celt, GUID *ids, ULONG *n)   \
    {                                                                                              \
        (void)This;                                                                                \
        return next(celt, ids, n);                                                                 \
    }                                                                                              \
    static HRESULT STDMETHODCALLTYPE object##_Skip(iface *This, ULONG celt)                        \
    {                                                                                              \
        (void)This;                                                                                \
        return skip(celt);                                                                         \
    }                                                                                              \
    static HRESULT STDMETHODCALLTYPE object##_Reset(iface *This)                                   \
    {                                                                                              \
        (void)This;                                                                                \
        begin("Reset; ");                                                                          \
        return script.result;                                                                      \
    }                                                                                              \
    static HRESULT STDMETHODCALLTYPE object##_Clone(iface *This, iface **out)                      \
    {                                                                                              \
        (void)This;                                                                                \
        begin("Clone; ");                                                                          \
        return give(&object, out);                                                                 \
    }                                                                                              \
    static HRESULT STDMETHODCALLTYPE object##_GetCount(iface *This, ULONG *count)                  \
    {                                                                                              \
        (void)This;                                                                                \
        return get_count(count);                                                                   \
    }                                                                                              \
    static const iface##Vtbl object##_vtbl = {UNKNOWN,        object##_Next,  object##_Skip,       \
                                              object##_Reset, object##_Clone, object##_GetCount};

ENUMERATOR(IEnumBackgroundCopyGroups, enum_groups)
ENUMERATOR(IEnumBackgroundCopyJobs1, enum_jobs)

/* ---- IOpenQmgrInfo --------------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE info_GetProgress64(IOpenQmgrInfo *This, UINT64 *total,
                                                    UINT64 *done, DWORD *files, DWORD *files_done)
{
    (void)This;
    begin("GetProgress64; ");
    *total = OPENQMGR_SIZE_UNKNOWN;
    *done = 0x0123456789ABCDEFULL;
    *files = 5;
    *files_done = 4;
    return script.result;
}

/* Text is an output like any other: none when the call fails. */
static BSTR text_unless_failed(const wchar_t *text)
{
    return SUCCEEDED(script.result) ? SysAllocString(text) : NULL;
}

static HRESULT STDMETHODCALLTYPE info_GetState(IOpenQmgrInfo *This, OPENQMGR_STATE *state,
                                               BSTR *words)
{
    (void)This;
    begin("GetState; ");
    *state = OPENQMGR_STATE_CANCELLED;
    *words = text_unless_failed(L"cancelled");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE info_GetWaitReason(IOpenQmgrInfo *This, OPENQMGR_WAIT *reason,
                                                    INT64 *until_ms, UINT64 *value, BSTR *text)
{
    (void)This;
    begin("GetWaitReason; ");
    *reason = OPENQMGR_WAIT_THROTTLED;
    *until_ms = -0x0123456789ABCDEFLL;
    *value = 0xFEDCBA9876543210ULL;
    *text = text_unless_failed(L"limited to 1 MB/s");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE info_GetLastFailure(IOpenQmgrInfo *This, HRESULT *code,
                                                     DWORD *win32, DWORD *http, DWORD *index,
                                                     INT64 *time_ms, BSTR *text)
{
    (void)This;
    begin("GetLastFailure; ");
    *code = E_ACCESSDENIED;
    *win32 = 5;
    *http = 403;
    *index = OPENQMGR_NO_FILE;
    *time_ms = 1700000000123LL;
    *text = text_unless_failed(L"the server refused");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE info_GetRate(IOpenQmgrInfo *This, UINT64 *rate)
{
    (void)This;
    begin("GetRate; ");
    *rate = 0x1122334455667788ULL;
    return script.result;
}

static HRESULT STDMETHODCALLTYPE info_GetFileDetails(IOpenQmgrInfo *This, DWORD index,
                                                     OPENQMGR_FILE *state, UINT64 *size,
                                                     UINT64 *done, BSTR *temporary, BSTR *validator)
{
    (void)This;
    begin("GetFileDetails");
    rig_note(" %lu; ", index);
    *state = OPENQMGR_FILE_DOWNLOADED;
    *size = 5368709120ULL;
    *done = 5368709119ULL;
    *temporary = text_unless_failed(L"C:\\x\\BIT1.tmp");
    *validator = text_unless_failed(L"\"etag\"");
    return script.result;
}

static const IOpenQmgrInfoVtbl info_vtbl = {
    UNKNOWN,      info_GetProgress64, info_GetState, info_GetWaitReason, info_GetLastFailure,
    info_GetRate, info_GetFileDetails};

/* ---- IOpenQmgrSources ------------------------------------------------------------------------ */

static HRESULT STDMETHODCALLTYPE sources_SetHash(IOpenQmgrSources *This, DWORD index, BSTR sha256,
                                                 UINT64 size)
{
    (void)This;
    begin("SetHash");
    rig_note(" %lu", index);
    note_text(sha256);
    rig_note(" %llx; ", (unsigned long long)size);
    return script.result;
}

static HRESULT STDMETHODCALLTYPE sources_SetPieces(IOpenQmgrSources *This, DWORD index,
                                                   OPENQMGR_HASH kind, UINT64 piece, DWORD length,
                                                   BYTE *hashes)
{
    (void)This;
    begin("SetPieces");
    rig_note(" %lu %d %llx %lu", index, (int)kind, (unsigned long long)piece, length);
    if (hashes != NULL && length > 0)
        rig_note(" %02x..%02x", hashes[0], hashes[length - 1]);
    rig_note("; ");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE sources_AddSource(IOpenQmgrSources *This, DWORD index, BSTR url)
{
    (void)This;
    begin("AddSource");
    rig_note(" %lu", index);
    note_text(url);
    rig_note("; ");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE sources_SetUrl(IOpenQmgrSources *This, DWORD index, DWORD source,
                                                BSTR url)
{
    (void)This;
    begin("SetUrl");
    rig_note(" %lu %lu", index, source);
    note_text(url);
    rig_note("; ");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE sources_GetSource(IOpenQmgrSources *This, DWORD index,
                                                   DWORD source, OPENQMGR_SOURCE *state, BSTR *url)
{
    (void)This;
    begin("GetSource");
    rig_note(" %lu %lu; ", index, source);
    *state = OPENQMGR_SOURCE_WRONG;
    *url = text_unless_failed(L"http://mirror/");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE sources_GetChecks(IOpenQmgrSources *This, DWORD index,
                                                   BSTR *sha256, UINT64 *size, OPENQMGR_HASH *kind,
                                                   UINT64 *piece, DWORD *pieces, DWORD *mismatches,
                                                   BOOL *is_checking)
{
    (void)This;
    begin("GetChecks");
    rig_note(" %lu; ", index);
    *sha256 = text_unless_failed(L"abcd");
    *size = 0x0123456789ABCDEFULL;
    *kind = OPENQMGR_HASH_SHA512;
    *piece = 0x1122334455ULL;
    *pieces = 3000000000u;
    *mismatches = 2;
    *is_checking = TRUE;
    return script.result;
}

static const IOpenQmgrSourcesVtbl sources_vtbl = {
    UNKNOWN,        sources_SetHash,   sources_SetPieces, sources_AddSource,
    sources_SetUrl, sources_GetSource, sources_GetChecks};

/* ---- IOpenQmgrLimit -------------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE limit_SetMaxRate(IOpenQmgrLimit *This, UINT64 rate)
{
    (void)This;
    begin("SetMaxRate");
    rig_note(" %llx; ", (unsigned long long)rate);
    return script.result;
}

static HRESULT STDMETHODCALLTYPE limit_GetMaxRate(IOpenQmgrLimit *This, UINT64 *rate)
{
    (void)This;
    begin("GetMaxRate");
    rig_note("; ");
    *rate = 0x0123456789ABCDEFULL;
    return script.result;
}

static const IOpenQmgrLimitVtbl limit_vtbl = {UNKNOWN, limit_SetMaxRate, limit_GetMaxRate};

/* ---- IOpenQmgrExport ------------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE export_GetOwner(IOpenQmgrExport *This, BSTR *sid)
{
    (void)This;
    begin("GetOwner");
    rig_note("; ");
    *sid = text_unless_failed(L"S-1-5-18");
    return script.result;
}

static HRESULT STDMETHODCALLTYPE export_GetPieces(IOpenQmgrExport *This, DWORD index,
                                                  OPENQMGR_HASH *kind, UINT64 *piece, DWORD *length,
                                                  BYTE **hashes)
{
    (void)This;
    begin("GetPieces");
    rig_note(" %lu; ", index);
    *kind = OPENQMGR_HASH_SHA512;
    *piece = 0x1122334455ULL;
    *length = FAILED(script.result) ? 0 : 1000000;
    *hashes = *length > 0 ? CoTaskMemAlloc(*length) : NULL;
    if (*hashes)
        (*hashes)[0] = 0xaa, (*hashes)[*length - 1] = 0xbb;
    return script.result;
}

static const IOpenQmgrExportVtbl export_vtbl = {UNKNOWN, export_GetOwner, export_GetPieces};

/* ---- the objects ----------------------------------------------------------------------------- */

static struct object qmgr = {
    .vtbl = &qmgr_vtbl, .iid = &IID_IBackgroundCopyQMgr, .info = &peek_of_qmgr};
static struct object group = {.vtbl = &group_vtbl,
                              .iid = &IID_IBackgroundCopyGroup,
                              .info = &info_of_group,
                              .sources = &sources_of_group,
                              .limit = &limit_of_group,
                              .export = &export_of_group};
static struct object job = {.vtbl = &job_vtbl,
                            .iid = &IID_IBackgroundCopyJob1,
                            .info = &info_of_job,
                            .sources = &sources_of_job,
                            .limit = &limit_of_job,
                            .export = &export_of_job};
static struct object enum_groups = {.vtbl = &enum_groups_vtbl,
                                    .iid = &IID_IEnumBackgroundCopyGroups};
static struct object enum_jobs = {.vtbl = &enum_jobs_vtbl, .iid = &IID_IEnumBackgroundCopyJobs1};
/* Each a part of its group or job. */
#define PART(table, id, of)                                                                        \
    {                                                                                              \
        .vtbl = &(table), .iid = &(id), .identity = &(of)                                          \
    }
static struct object info_of_group = PART(info_vtbl, IID_IOpenQmgrInfo, group);
static struct object info_of_job = PART(info_vtbl, IID_IOpenQmgrInfo, job);
static struct object sources_of_group = PART(sources_vtbl, IID_IOpenQmgrSources, group);
static struct object sources_of_job = PART(sources_vtbl, IID_IOpenQmgrSources, job);
static struct object limit_of_group = PART(limit_vtbl, IID_IOpenQmgrLimit, group);
static struct object peek_of_qmgr = PART(peek_vtbl, IID_IOpenQmgrPeek, qmgr);
static struct object limit_of_job = PART(limit_vtbl, IID_IOpenQmgrLimit, job);
static struct object export_of_group = PART(export_vtbl, IID_IOpenQmgrExport, group);
static struct object export_of_job = PART(export_vtbl, IID_IOpenQmgrExport, job);

IUnknown *rig_service_object(REFIID iid)
{
    struct object *const all[] = {&qmgr, &group, &job, &enum_groups, &enum_jobs};

    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        if (IsEqualIID(iid, all[i]->iid))
            return (IUnknown *)all[i];
    }
    return NULL;
}

IBackgroundCopyGroup *rig_service_group(void)
{
    return (IBackgroundCopyGroup *)&group;
}

IBackgroundCopyJob1 *rig_service_job(void)
{
    return (IBackgroundCopyJob1 *)&job;
}
