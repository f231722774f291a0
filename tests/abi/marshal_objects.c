/*
 * marshal_objects.c: the scripted objects of the service's side, one per interface, and the log.
 *
 * They live for ever and count no references. Each method writes its name and what it got, does
 * what the script says, and leaves nonsense nowhere.
 */
#include "marshal_rig.h"

#include "extension_methods.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

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

    if (!text) {
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
    struct object *extension; /* the part with its extension interface, or NULL */
    struct object *identity;  /* whose IUnknown it is; NULL: its own */
};

static HRESULT STDMETHODCALLTYPE query(void *This, REFIID iid, void **object)
{
    struct object *self = This;
    struct object *identity = self->identity ? self->identity : self;

    *object = NULL;
    if (IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, identity->iid))
        *object = identity;
    else if (identity->extension && IsEqualIID(iid, identity->extension->iid))
        *object = identity->extension;
    return *object ? S_OK : E_NOINTERFACE;
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

static struct object qmgr, group, job, enum_groups, enum_jobs, manager_of_qmgr, open_group_of_group,
    open_group_of_job;

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
    if (!object)
        rig_note(" NULL; ");
    else if (FAILED(IUnknown_QueryInterface(object, &IID_IBackgroundCopyCallback1,
                                            (void **)&callback)))
        rig_note(" other; ");
    else
        rig_note(" callback; ");
    if (callback) {
        if (script.with_pointer)
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
        if (!files[i]) {
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

/* ---- enumerators: alike, but of two types ---------------------------------------------------- */

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

/* ---- the extension interfaces: extension_methods.h ------------------------------------------- */

static void note_bytes(BSTR bytes)
{
    if (!bytes) {
        rig_note(" NULL");
        return;
    }
    rig_note(" ");
    for (UINT i = 0; i < SysStringByteLen(bytes); i++)
        rig_note("%02x", ((const BYTE *)bytes)[i]);
}

static void fill(void *out, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ((BYTE *)out)[i] = SUCCEEDED(script.result) ? ANSWER_BYTE(i) : 0;
}

static BSTR answer_bytes(void)
{
    BSTR bytes = SUCCEEDED(script.result) ? SysAllocStringByteLen(NULL, ANSWER_BYTES) : NULL;

    if (bytes)
        fill(bytes, ANSWER_BYTES);
    return bytes;
}

static BSTR answer_text(int n)
{
    WCHAR text[16];

    swprintf(text, 16, L"text %d \x4e2d", n);
    return SUCCEEDED(script.result) ? SysAllocString(text) : NULL;
}

/* A number is an output like any other: 0 when the call fails. */
#define UNLESS_FAILED(value) (SUCCEEDED(script.result) ? (value) : 0)

#define IN_NUMBER_TYPE DWORD
#define IN_NUMBER_TAKE(n) rig_note(" %lu", v##n)
#define IN_NUMBER64_TYPE UINT64
#define IN_NUMBER64_TAKE(n) rig_note(" %llx", (unsigned long long)v##n)
#define IN_FLAG_TYPE BOOL
#define IN_FLAG_TAKE(n) rig_note(" %d", v##n)
#define IN_HASH_TYPE OPENQMGR_HASH
#define IN_HASH_TAKE(n) rig_note(" %d", (int)v##n)
#define IN_TEXT_TYPE BSTR
#define IN_TEXT_TAKE(n) note_text(v##n)
#define IN_BYTES_TYPE BSTR
#define IN_BYTES_TAKE(n) note_bytes(v##n)
#define IN_GUID_TYPE GUID
#define IN_GUID_TAKE(n) note_guid(&v##n)
#define OUT_NUMBER64_TYPE UINT64 *
#define OUT_NUMBER64_TAKE(n) *v##n = UNLESS_FAILED(ANSWER_NUMBER64(n))
#define OUT_HASH_TYPE OPENQMGR_HASH *
#define OUT_HASH_TAKE(n) *v##n = UNLESS_FAILED(ANSWER_HASH)
#define OUT_SOURCE_TYPE OPENQMGR_SOURCE *
#define OUT_SOURCE_TAKE(n) *v##n = UNLESS_FAILED(ANSWER_SOURCE)
#define OUT_TEXT_TYPE BSTR *
#define OUT_TEXT_TAKE(n) *v##n = answer_text(n)
#define OUT_BYTES_TYPE BSTR *
#define OUT_BYTES_TAKE(n) *v##n = answer_bytes()
#define OUT_GROUP_TYPE IBackgroundCopyGroup **
#define OUT_GROUP_TAKE(n) (void)give(&group, v##n)
#define OUT_INFO_TYPE OPENQMGR_GROUP_INFO *
#define OUT_INFO_TAKE(n) fill(v##n, sizeof *v##n)
#define OUT_FILE_TYPE OPENQMGR_FILE_INFO *
#define OUT_FILE_TAKE(n) fill(v##n, sizeof *v##n)
#define OUT_SETTINGS_TYPE OPENQMGR_SETTINGS *
#define OUT_SETTINGS_TAKE(n) fill(v##n, sizeof *v##n)

#define METHOD(interface, method, parameters, take)                                                \
    static HRESULT STDMETHODCALLTYPE interface##_take_##method parameters {                        \
        (void)This;                                                                                \
        begin(#method);                                                                            \
        take;                                                                                      \
        rig_note("; ");                                                                            \
        return script.result;                                                                      \
    }
#define METHOD1(interface, method, A)                                                              \
    METHOD(interface, method, (interface * This, A##_TYPE v1), A##_TAKE(1))
#define METHOD2(interface, method, A, B)                                                           \
    METHOD(interface, method, (interface * This, A##_TYPE v1, B##_TYPE v2), A##_TAKE(1);           \
           B##_TAKE(2))
#define METHOD3(interface, method, A, B, C)                                                        \
    METHOD(interface, method, (interface * This, A##_TYPE v1, B##_TYPE v2, C##_TYPE v3),           \
           A##_TAKE(1);                                                                            \
           B##_TAKE(2); C##_TAKE(3))
#define METHOD4(interface, method, A, B, C, D)                                                     \
    METHOD(interface, method,                                                                      \
           (interface * This, A##_TYPE v1, B##_TYPE v2, C##_TYPE v3, D##_TYPE v4), A##_TAKE(1);    \
           B##_TAKE(2); C##_TAKE(3); D##_TAKE(4))
#define METHOD5(interface, method, A, B, C, D, E)                                                  \
    METHOD(interface, method,                                                                      \
           (interface * This, A##_TYPE v1, B##_TYPE v2, C##_TYPE v3, D##_TYPE v4, E##_TYPE v5),    \
           A##_TAKE(1);                                                                            \
           B##_TAKE(2); C##_TAKE(3); D##_TAKE(4); E##_TAKE(5))

MANAGER_METHODS(METHOD1, METHOD2, METHOD4)
GROUP_METHODS(METHOD1, METHOD2, METHOD3, METHOD4, METHOD5)

#define ENTRY(interface, method, ...) .method = interface##_take_##method,
static const IOpenQmgrManagerVtbl manager_vtbl = {.QueryInterface = (void *)query,
                                                  .AddRef = (void *)add_ref,
                                                  .Release = (void *)release,
                                                  MANAGER_METHODS(ENTRY, ENTRY, ENTRY)};
static const IOpenQmgrGroupVtbl open_group_vtbl = {
    .QueryInterface = (void *)query,
    .AddRef = (void *)add_ref,
    .Release = (void *)release,
    GROUP_METHODS(ENTRY, ENTRY, ENTRY, ENTRY, ENTRY)};

/* ---- the objects ----------------------------------------------------------------------------- */

static struct object qmgr = {
    .vtbl = &qmgr_vtbl, .iid = &IID_IBackgroundCopyQMgr, .extension = &manager_of_qmgr};
static struct object group = {
    .vtbl = &group_vtbl, .iid = &IID_IBackgroundCopyGroup, .extension = &open_group_of_group};
static struct object job = {
    .vtbl = &job_vtbl, .iid = &IID_IBackgroundCopyJob1, .extension = &open_group_of_job};
static struct object enum_groups = {.vtbl = &enum_groups_vtbl,
                                    .iid = &IID_IEnumBackgroundCopyGroups};
static struct object enum_jobs = {.vtbl = &enum_jobs_vtbl, .iid = &IID_IEnumBackgroundCopyJobs1};
/* Each a part of another object. */
static struct object manager_of_qmgr = {
    .vtbl = &manager_vtbl, .iid = &IID_IOpenQmgrManager, .identity = &qmgr};
static struct object open_group_of_group = {
    .vtbl = &open_group_vtbl, .iid = &IID_IOpenQmgrGroup, .identity = &group};
static struct object open_group_of_job = {
    .vtbl = &open_group_vtbl, .iid = &IID_IOpenQmgrGroup, .identity = &job};

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
