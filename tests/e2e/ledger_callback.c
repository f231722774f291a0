/* ledger_callback.c - the object of the ledger client that is told the end of its groups.
 *
 * OnStatus comes on threads of COM. It writes the end down before it answers S_OK.
 */
#define COBJMACROS
#include "ledger_int.h"

static LONG notified[GROUPS]; /* how often S_OK was answered, by all clients of this ledger */

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
    write_notified(id.Data2);
    InterlockedIncrement(&notified[id.Data2]);
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

static HRESULT STDMETHODCALLTYPE callback_OnProgressEx(IBackgroundCopyCallback1 *self, DWORD type,
                                                       IBackgroundCopyGroup *group,
                                                       IBackgroundCopyJob1 *job, DWORD file_index,
                                                       DWORD value, DWORD length, BYTE *bytes)
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
    notified[group]++;
}

bool may_remove(unsigned group)
{
    (void)group;
    return true;
}
