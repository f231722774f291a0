/* callback.c - an IBackgroundCopyCallback1 class of this process, whose calls are written down and
 * answered by a script.
 *
 * Owns the calls. One lock; never held while COM is called, except for GUIDs of the groups that
 * come with a call, which are read before it is taken.
 */
#include "conformance.h"

#include <stdio.h>
#include <string.h>

#define GROUPS 64

struct record {
    GUID group;
    HRESULT results[4];
    unsigned result_count, calls;
    struct call last;
};

struct callback {
    IBackgroundCopyCallback1 iface;
    LONG references;
};

/* {5E0C1F2A-3B51-4B0E-9E6C-7A3B1C9D2E10}, of this program only */
static const CLSID clsid_callback = {
    0x5e0c1f2a, 0x3b51, 0x4b0e, {0x9e, 0x6c, 0x7a, 0x3b, 0x1c, 0x9d, 0x2e, 0x10}};
static CRITICAL_SECTION lock;
static CONDITION_VARIABLE changed = CONDITION_VARIABLE_INIT;
static struct record records[GROUPS];
static unsigned record_count;
static LONG created, progress_calls;

static struct record *find_record(const GUID *group)
{
    for (unsigned i = 0; i < record_count; i++)
        if (IsEqualGUID(&records[i].group, group))
            return &records[i];
    if (record_count == GROUPS)
        return NULL;
    records[record_count].group = *group;
    return &records[record_count++];
}

static HRESULT STDMETHODCALLTYPE callback_QueryInterface(IBackgroundCopyCallback1 *self, REFIID iid,
                                                         void **out)
{
    *out = NULL;
    if (!IsEqualIID(iid, &IID_IUnknown) && !IsEqualIID(iid, &iid_callback))
        return E_NOINTERFACE;
    *out = self;
    IBackgroundCopyCallback1_AddRef(self);
    return S_OK;
}

static ULONG STDMETHODCALLTYPE callback_AddRef(IBackgroundCopyCallback1 *self)
{
    return (ULONG)InterlockedIncrement(&((struct callback *)self)->references);
}

static ULONG STDMETHODCALLTYPE callback_Release(IBackgroundCopyCallback1 *self)
{
    LONG left = InterlockedDecrement(&((struct callback *)self)->references);
    if (left == 0)
        CoTaskMemFree(self);
    return (ULONG)left;
}

static HRESULT STDMETHODCALLTYPE callback_OnStatus(IBackgroundCopyCallback1 *self,
                                                   IBackgroundCopyGroup *group,
                                                   IBackgroundCopyJob1 *job, DWORD file_index,
                                                   DWORD status, DWORD retries, DWORD win32,
                                                   DWORD transport)
{
    struct call call = {.file_index = file_index,
                        .status = status,
                        .retries = retries,
                        .win32 = win32,
                        .transport = transport,
                        .has_group = group,
                        .has_job = job,
                        .at_ms = GetTickCount64()};
    HRESULT hr = S_OK;
    (void)self;
    /* A call back into the service from within its call must work. */
    if (!group || FAILED(IBackgroundCopyGroup_get_GroupID(group, &call.group)))
        return S_OK;
    EnterCriticalSection(&lock);
    struct record *record = find_record(&call.group);
    if (record) {
        unsigned turn =
            record->calls < record->result_count ? record->calls : record->result_count - 1;
        if (record->result_count > 0)
            hr = record->results[turn];
        record->calls++;
        record->last = call;
    }
    LeaveCriticalSection(&lock);
    WakeAllConditionVariable(&changed);
    return hr;
}

static HRESULT STDMETHODCALLTYPE callback_OnProgress(IBackgroundCopyCallback1 *self, DWORD type,
                                                     IBackgroundCopyGroup *group,
                                                     IBackgroundCopyJob1 *job, DWORD file_index,
                                                     DWORD value)
{
    (void)self, (void)type, (void)group, (void)job, (void)file_index, (void)value;
    InterlockedIncrement(&progress_calls);
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE
callback_OnProgressEx(IBackgroundCopyCallback1 *self, DWORD type, IBackgroundCopyGroup *group,
                      IBackgroundCopyJob1 *job, DWORD file_index, DWORD value, DWORD length,
                      BYTE *bytes) // NOLINT(readability-non-const-parameter)
{
    (void)self, (void)type, (void)group, (void)job, (void)file_index, (void)value, (void)length,
        (void)bytes;
    InterlockedIncrement(&progress_calls);
    return S_OK;
}

static IBackgroundCopyCallback1Vtbl callback_vtable = {
    callback_QueryInterface, callback_AddRef,     callback_Release,
    callback_OnStatus,       callback_OnProgress, callback_OnProgressEx,
};

static HRESULT STDMETHODCALLTYPE factory_QueryInterface(IClassFactory *self, REFIID iid, void **out)
{
    bool is_ours = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IClassFactory);
    *out = is_ours ? self : NULL;
    return is_ours ? S_OK : E_NOINTERFACE;
}

static ULONG STDMETHODCALLTYPE factory_AddRef(IClassFactory *self)
{
    (void)self;
    return 2; /* static */
}

static ULONG STDMETHODCALLTYPE factory_Release(IClassFactory *self)
{
    (void)self;
    return 1;
}

static HRESULT STDMETHODCALLTYPE factory_CreateInstance(IClassFactory *self, IUnknown *outer,
                                                        REFIID iid, void **out)
{
    (void)self;
    *out = NULL;
    if (outer)
        return CLASS_E_NOAGGREGATION;
    struct callback *callback = CoTaskMemAlloc(sizeof *callback);
    if (!callback)
        return E_OUTOFMEMORY;
    callback->iface.lpVtbl = &callback_vtable;
    callback->references = 1;
    InterlockedIncrement(&created);
    HRESULT hr = IBackgroundCopyCallback1_QueryInterface(&callback->iface, iid, out);
    IBackgroundCopyCallback1_Release(&callback->iface);
    return hr;
}

static HRESULT STDMETHODCALLTYPE factory_LockServer(IClassFactory *self, BOOL is_locked)
{
    (void)self, (void)is_locked;
    return S_OK;
}

static IClassFactoryVtbl factory_vtable = {factory_QueryInterface, factory_AddRef, factory_Release,
                                           factory_CreateInstance, factory_LockServer};
static IClassFactory factory = {&factory_vtable};

bool callback_register(void)
{
    DWORD cookie = 0;
    InitializeCriticalSection(&lock);
    return SUCCEEDED(CoRegisterClassObject(&clsid_callback, (IUnknown *)&factory,
                                           CLSCTX_INPROC_SERVER, REGCLS_MULTIPLEUSE, &cookie));
}

const wchar_t *callback_clsid(void)
{
    static wchar_t text[40];
    StringFromGUID2(&clsid_callback, text, 40);
    return text;
}

unsigned callback_created(void)
{
    return (unsigned)created;
}

unsigned callback_progress_calls(void)
{
    return (unsigned)progress_calls;
}

void callback_script(const GUID *group, const HRESULT *results, unsigned count)
{
    EnterCriticalSection(&lock);
    struct record *record = find_record(group);
    if (record && count <= 4) {
        memcpy(record->results, results, count * sizeof *results);
        record->result_count = count;
    }
    LeaveCriticalSection(&lock);
}

unsigned callback_calls(const GUID *group, struct call *last)
{
    EnterCriticalSection(&lock);
    struct record *record = find_record(group);
    unsigned calls = record ? record->calls : 0;
    if (record && last)
        *last = record->last;
    LeaveCriticalSection(&lock);
    return calls;
}

bool callback_wait(const GUID *group, unsigned count, unsigned seconds, struct call *last)
{
    ULONGLONG end = GetTickCount64() + seconds * 1000ull;
    EnterCriticalSection(&lock);
    struct record *record = find_record(group);
    while (record && record->calls < count) {
        ULONGLONG now = GetTickCount64();
        if (now >= end || !SleepConditionVariableCS(&changed, &lock, (DWORD)(end - now)))
            break;
    }
    bool is_there = record && record->calls >= count;
    if (record && last)
        *last = record->last;
    LeaveCriticalSection(&lock);
    return is_there;
}
