/* ledger_callback.c - the object of the ledger client that receives the end of its groups.
 *
 * OnStatus comes on threads of COM. It writes the end down before it answers S_OK. An end that was
 * answered may be told again only if the service died before it had saved the answer: never by the
 * same life of the service, and not if it lived SETTLED_MS longer.
 */
#define COBJMACROS
#include "ledger_int.h"

#define SETTLED_MS 2000u

static SRWLOCK lock = SRWLOCK_INIT;
static struct {
    bool is_told;    /* S_OK was answered, by this client or an earlier one */
    bool is_settled; /* and has been saved by the service for sure */
    unsigned life;   /* of the service that told; 0 = told to an earlier client */
    ULONGLONG told_at_ms;
} ends[GROUPS];

static HRESULT STDMETHODCALLTYPE callback_QueryInterface(IBackgroundCopyCallback1 *self, REFIID iid,
                                                         void **out)
{
    *out = NULL;
    if (!IsEqualIID(iid, &IID_IUnknown) && !IsEqualIID(iid, &IID_IBackgroundCopyCallback1))
        return E_NOINTERFACE;
    *out = self;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE callback_AddRef(IBackgroundCopyCallback1 *self)
{
    (void)self;
    return 2; /* static */
}

static ULONG STDMETHODCALLTYPE callback_Release(IBackgroundCopyCallback1 *self)
{
    (void)self;
    return 1;
}

static HRESULT STDMETHODCALLTYPE callback_OnStatus(IBackgroundCopyCallback1 *self,
                                                   IBackgroundCopyGroup *group,
                                                   IBackgroundCopyJob1 *job, DWORD file_index,
                                                   DWORD status, DWORD retries, DWORD win32,
                                                   DWORD transport)
{
    GUID id;
    (void)self, (void)job, (void)file_index, (void)retries, (void)win32, (void)transport;
    HRESULT hr = IBackgroundCopyGroup_get_GroupID(group, &id);
    if (FAILED(hr))
        return hr; /* the service died meanwhile: it will tell again */
    if (id.Data2 >= GROUPS || (status & QM_STATUS_GROUP_ERROR))
        broken("told of group %u with status 0x%lx", id.Data2, status);
    AcquireSRWLockExclusive(&lock);
    if (ends[id.Data2].is_told && ends[id.Data2].life == life_of_service())
        broken("group %u: told again by the same service", id.Data2);
    if (ends[id.Data2].is_settled)
        broken("group %u: told again after it was acknowledged", id.Data2);
    write_notified(id.Data2);
    ends[id.Data2].is_told = true;
    ends[id.Data2].life = life_of_service();
    ends[id.Data2].told_at_ms = GetTickCount64();
    ReleaseSRWLockExclusive(&lock);
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE callback_OnProgress(IBackgroundCopyCallback1 *self, DWORD type,
                                                     IBackgroundCopyGroup *group,
                                                     IBackgroundCopyJob1 *job, DWORD file_index,
                                                     DWORD value)
{
    (void)self, (void)type, (void)group, (void)job, (void)file_index, (void)value;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE
callback_OnProgressEx(IBackgroundCopyCallback1 *self, DWORD type, IBackgroundCopyGroup *group,
                      IBackgroundCopyJob1 *job, DWORD file_index, DWORD value, DWORD length,
                      BYTE *bytes) // NOLINT(readability-non-const-parameter)
{
    (void)self, (void)type, (void)group, (void)job, (void)file_index, (void)value, (void)length,
        (void)bytes;
    return S_OK;
}

static IBackgroundCopyCallback1Vtbl callback_vtable = {
    callback_QueryInterface, callback_AddRef,     callback_Release,
    callback_OnStatus,       callback_OnProgress, callback_OnProgressEx,
};

static IBackgroundCopyCallback1 callback = {&callback_vtable};

IUnknown *callback_object(void)
{
    return (IUnknown *)&callback;
}

void notified_before(unsigned group)
{
    ends[group].is_told = true;
}

void service_killed(void)
{
    AcquireSRWLockExclusive(&lock);
    for (unsigned group = 0; group < GROUPS; group++)
        if (ends[group].life != 0 && GetTickCount64() - ends[group].told_at_ms > SETTLED_MS)
            ends[group].is_settled = true;
    ReleaseSRWLockExclusive(&lock);
}

bool is_told(unsigned group)
{
    AcquireSRWLockShared(&lock);
    bool is_told = ends[group].is_told;
    ReleaseSRWLockShared(&lock);
    return is_told;
}
