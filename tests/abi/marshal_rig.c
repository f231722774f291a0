/*
 * marshal_rig.c: the two apartments, the proxy DLL in them, and the client's callback object.
 *
 * Owns the service's thread, which makes the proxies' streams and waits; calls run on threads of
 * COM.
 */
#include "marshal_rig.h"

#include <stdio.h>
#include <wchar.h>

struct rig rig;

enum { LIMIT_MS = 20000, INTERFACE_COUNT = 8, STREAM_COUNT = 5 };

static const IID *const interfaces[INTERFACE_COUNT] = {
    &IID_IBackgroundCopyQMgr,      &IID_IBackgroundCopyGroup,
    &IID_IBackgroundCopyJob1,      &IID_IEnumBackgroundCopyGroups,
    &IID_IEnumBackgroundCopyJobs1, &IID_IBackgroundCopyCallback1,
    &IID_IOpenQmgrManager,         &IID_IOpenQmgrGroup};

static HMODULE dll;
static HANDLE service_thread, service_is_ready, service_may_end;
static HRESULT service_result;
static IStream *streams[STREAM_COUNT]; /* one for each of the first interfaces */
static DWORD client_registrations[2], service_registration;

/* ---- the client's callback object and its class ---------------------------------------------- */

static HRESULT STDMETHODCALLTYPE callback_QueryInterface(IBackgroundCopyCallback1 *This, REFIID iid,
                                                         void **object)
{
    *object = NULL;
    if (!IsEqualIID(iid, &IID_IUnknown) && !IsEqualIID(iid, &IID_IBackgroundCopyCallback1))
        return E_NOINTERFACE;
    *object = This;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE callback_AddRef(IBackgroundCopyCallback1 *This)
{
    (void)This;
    return 2;
}

static ULONG STDMETHODCALLTYPE callback_Release(IBackgroundCopyCallback1 *This)
{
    (void)This;
    return 1;
}

/* Says what came, and that the objects can be used from here. */
static void note_objects(IBackgroundCopyGroup *group, IBackgroundCopyJob1 *job)
{
    GUID id;

    if (!group)
        rig_note(" no-group");
    else if (FAILED(IBackgroundCopyGroup_get_GroupID(group, &id)))
        rig_note(" bad-group");
    if (!job)
        rig_note(" no-job");
    else if (FAILED(IBackgroundCopyJob1_get_JobID(job, &id)))
        rig_note(" bad-job");
}

static HRESULT STDMETHODCALLTYPE callback_OnStatus(IBackgroundCopyCallback1 *This,
                                                   IBackgroundCopyGroup *group,
                                                   IBackgroundCopyJob1 *job, DWORD index,
                                                   DWORD status, DWORD retries, DWORD win32,
                                                   DWORD transport)
{
    (void)This;
    rig_note("OnStatus %ld 0x%lx %lu %lu %lu; ", (long)index, status, retries, win32, transport);
    note_objects(group, job);
    return script.on_status;
}

static HRESULT STDMETHODCALLTYPE callback_OnProgress(IBackgroundCopyCallback1 *This, DWORD type,
                                                     IBackgroundCopyGroup *group,
                                                     IBackgroundCopyJob1 *job, DWORD index,
                                                     DWORD value)
{
    (void)This;
    rig_note("OnProgress %lu %lu %lu; ", type, index, value);
    note_objects(group, job);
    return script.on_status;
}

static HRESULT STDMETHODCALLTYPE callback_OnProgressEx(IBackgroundCopyCallback1 *This, DWORD type,
                                                       IBackgroundCopyGroup *group,
                                                       IBackgroundCopyJob1 *job, DWORD index,
                                                       DWORD value, DWORD count, BYTE *bytes)
{
    (void)This;
    rig_note("OnProgressEx %lu %lu %lu %lu:", type, index, value, count);
    for (DWORD i = 0; i < count; i++)
        rig_note("%02x", bytes[i]);
    rig_note("; ");
    note_objects(group, job);
    return script.on_status;
}

static const IBackgroundCopyCallback1Vtbl callback_vtbl = {
    callback_QueryInterface, callback_AddRef,     callback_Release,
    callback_OnStatus,       callback_OnProgress, callback_OnProgressEx};
static IBackgroundCopyCallback1 callback = {
    (IBackgroundCopyCallback1Vtbl *)(uintptr_t)&callback_vtbl};

static HRESULT STDMETHODCALLTYPE factory_QueryInterface(IClassFactory *This, REFIID iid,
                                                        void **object)
{
    *object = NULL;
    if (!IsEqualIID(iid, &IID_IUnknown) && !IsEqualIID(iid, &IID_IClassFactory))
        return E_NOINTERFACE;
    *object = This;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE factory_AddRef(IClassFactory *This)
{
    (void)This;
    return 2;
}

static ULONG STDMETHODCALLTYPE factory_Release(IClassFactory *This)
{
    (void)This;
    return 1;
}

static HRESULT STDMETHODCALLTYPE factory_CreateInstance(IClassFactory *This, IUnknown *outer,
                                                        REFIID iid, void **object)
{
    (void)This;
    *object = NULL;
    rig_note("create; ");
    if (outer)
        return CLASS_E_NOAGGREGATION;
    if (FAILED(script.create))
        return script.create;
    return callback_QueryInterface(&callback, iid, object);
}

static HRESULT STDMETHODCALLTYPE factory_LockServer(IClassFactory *This, BOOL lock)
{
    (void)This;
    (void)lock;
    return S_OK;
}

static const IClassFactoryVtbl factory_vtbl = {factory_QueryInterface, factory_AddRef,
                                               factory_Release, factory_CreateInstance,
                                               factory_LockServer};
static IClassFactory factory = {(IClassFactoryVtbl *)(uintptr_t)&factory_vtbl};

/* ---- both sides ------------------------------------------------------------------------------ */

/* Makes the DLL's marshaller known in the calling thread's apartment, without the registry. */
static HRESULT announce_marshaller(DWORD *registration)
{
    HRESULT(WINAPI * get_class_object)
    (REFCLSID, REFIID, void **) = (HRESULT(WINAPI *)(REFCLSID, REFIID, void **))(
        void *)GetProcAddress(dll, "DllGetClassObject");
    IUnknown *marshaller = NULL;
    HRESULT hr;

    if (!get_class_object)
        return HRESULT_FROM_WIN32(GetLastError());
    hr = get_class_object(&CLSID_OpenQmgrProxyStub, &IID_IPSFactoryBuffer, (void **)&marshaller);
    if (FAILED(hr))
        return hr;
    hr = CoRegisterClassObject(&CLSID_OpenQmgrProxyStub, marshaller, CLSCTX_INPROC_SERVER,
                               REGCLS_MULTIPLEUSE, registration);
    for (unsigned i = 0; i < INTERFACE_COUNT && SUCCEEDED(hr); i++)
        hr = CoRegisterPSClsid(interfaces[i], &CLSID_OpenQmgrProxyStub);
    IUnknown_Release(marshaller);
    return hr;
}

static HRESULT marshal_objects(void)
{
    HRESULT hr = announce_marshaller(&service_registration);

    for (unsigned i = 0; i < STREAM_COUNT && SUCCEEDED(hr); i++)
        hr = CoMarshalInterThreadInterfaceInStream(interfaces[i], rig_service_object(interfaces[i]),
                                                   &streams[i]);
    return hr;
}

static DWORD WINAPI run_service(void *unused)
{
    (void)unused;
    service_result = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(service_result)) {
        service_result = marshal_objects();
        SetEvent(service_is_ready);
        WaitForSingleObject(service_may_end, INFINITE);
        CoRevokeClassObject(service_registration);
        CoUninitialize();
    }
    SetEvent(service_is_ready);
    return 0;
}

static HRESULT load_dll(void)
{
    const wchar_t *folder = _wgetenv(L"OQ_BIN_DIR");
    wchar_t path[1000];

    if (!folder)
        return HRESULT_FROM_WIN32(ERROR_ENVVAR_NOT_FOUND);
    swprintf(path, 1000, L"%ls/qmgrps.dll", folder);
    for (wchar_t *c = path; *c != L'\0'; c++) {
        if (*c == L'/')
            *c = L'\\';
    }
    dll = LoadLibraryExW(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    return dll ? S_OK : HRESULT_FROM_WIN32(GetLastError());
}

int rig_open(void **state)
{
    static const CLSID callback_class = {
        0x7d5ff9d6, 0x5bc5, 0x4c1c, {0x8e, 0x1b, 0x3b, 0x5f, 0x0c, 0x54, 0x4f, 0x11}};
    void **const proxies[STREAM_COUNT] = {(void **)&rig.qmgr, (void **)&rig.group,
                                          (void **)&rig.job, (void **)&rig.enum_groups,
                                          (void **)&rig.enum_jobs};
    HRESULT hr;

    (void)state;
    rig.callback = &callback;
    rig.callback_class = callback_class;
    hr = CoInitializeEx(NULL, COINIT_APARTMENTTHREADED);
    if (SUCCEEDED(hr))
        hr = load_dll();
    if (SUCCEEDED(hr))
        hr = announce_marshaller(&client_registrations[0]);
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(&rig.callback_class, (IUnknown *)&factory, CLSCTX_INPROC_SERVER,
                                   REGCLS_MULTIPLEUSE, &client_registrations[1]);
    if (SUCCEEDED(hr)) {
        service_is_ready = CreateEventW(NULL, TRUE, FALSE, NULL);
        service_may_end = CreateEventW(NULL, TRUE, FALSE, NULL);
        service_thread = CreateThread(NULL, 0, run_service, NULL, 0, NULL);
        if (!service_thread || WaitForSingleObject(service_is_ready, LIMIT_MS) != WAIT_OBJECT_0)
            hr = E_FAIL;
        else
            hr = service_result;
    }
    for (unsigned i = 0; i < STREAM_COUNT && SUCCEEDED(hr); i++) {
        hr = CoGetInterfaceAndReleaseStream(streams[i], interfaces[i], proxies[i]);
        /* without a proxy between them the tests would prove nothing */
        if (SUCCEEDED(hr) && *proxies[i] == (void *)rig_service_object(interfaces[i]))
            hr = E_UNEXPECTED;
    }
    if (FAILED(hr))
        fprintf(stderr, "the apartments cannot be set up: 0x%08lx\n", hr);
    return SUCCEEDED(hr) ? 0 : -1;
}

int rig_close(void **state)
{
    DWORD ended;

    (void)state;
    IBackgroundCopyQMgr_Release(rig.qmgr);
    IBackgroundCopyGroup_Release(rig.group);
    IBackgroundCopyJob1_Release(rig.job);
    IEnumBackgroundCopyGroups_Release(rig.enum_groups);
    IEnumBackgroundCopyJobs1_Release(rig.enum_jobs);
    SetEvent(service_may_end);
    ended = WaitForSingleObject(service_thread, LIMIT_MS);
    CloseHandle(service_thread);
    CloseHandle(service_may_end);
    CloseHandle(service_is_ready);
    for (unsigned i = 0; i < 2; i++)
        CoRevokeClassObject(client_registrations[i]);
    CoUninitialize();
    return ended == WAIT_OBJECT_0 ? 0 : -1;
}

int rig_reset(void **state)
{
    (void)state;
    VariantClear(&script.property);
    ZeroMemory(&script, sizeof script);
    rig_expect_thread(GetCurrentThreadId());
    return 0;
}

int rig_check(void **state)
{
    (void)state;
    return rig_was_on_wrong_thread() ? -1 : 0;
}
