/* notify_client.c - a client process that is notified of its group, for notify.py.
 *
 * usage: notify_client [--hang] [--sta] [--back] URL FILE
 *        notify_client [--sta] [--back] --group {GUID}
 *
 * The first form downloads URL to FILE in a group of its own and asks to be told of the end; the
 * second registers for a group that is there. Says "group {GUID}" when it has registered and "told
 * ..." when OnStatus comes, and stays until it is killed: a process that ends at once may take its
 * last answer with it.
 *   --hang  OnStatus never returns
 *   --sta   the object lives in a single-threaded apartment, whose thread pumps messages
 *   --back  OnStatus calls the service: status, size, file, a property, and at last CancelGroup
 */
#define COBJMACROS
#include "openqmgr.h"

#include <stdbool.h>
#include <stdio.h>
#include <wchar.h>

/* of this program only */
static const CLSID clsid_mine = {
    0x8d5f3f07, 0x6a3c, 0x4c55, {0x8e, 0x0b, 0x51, 0x4f, 0x0d, 0x2b, 0x9a, 0x77}};

static struct {
    bool hang, sta, back;
    const wchar_t *group, *url, *file;
} options;

static DWORD main_thread;
static LONG calls;

static void say(const char *fmt, ...) __attribute__((format(gnu_printf, 1, 2)));
static void say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
}

/* --- the object ------------------------------------------------------------------------------- */

/* One, static: the process ends with it. */
static HRESULT STDMETHODCALLTYPE mine_QueryInterface(IBackgroundCopyCallback1 *self, REFIID iid,
                                                     void **out)
{
    bool is_ours = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IBackgroundCopyCallback1);
    *out = is_ours ? self : NULL;
    return is_ours ? S_OK : E_NOINTERFACE;
}

static ULONG STDMETHODCALLTYPE mine_AddRef(IBackgroundCopyCallback1 *self)
{
    (void)self;
    return 2;
}

static ULONG STDMETHODCALLTYPE mine_Release(IBackgroundCopyCallback1 *self)
{
    (void)self;
    return 1;
}

static HRESULT call_back(IBackgroundCopyGroup *group, IBackgroundCopyJob1 *job)
{
    DWORD status = 0, index = 0, size = 0, count = 0;
    VARIANT value;
    FILESETINFO file = {0};
    VariantInit(&value);
    HRESULT hr = IBackgroundCopyGroup_GetStatus(group, &status, &index);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_get_Size(group, &size);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob1_GetFileCount(job, &count);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob1_GetFile(job, 0, &file);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_GetProp(group, GROUPPROP_NOTIFYFLAGS, &value);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_CancelGroup(group);
    say("back status=0x%lx size=%lu files=%lu flags=%ld result=0x%08lx", status, size, count,
        V_VT(&value) == VT_I4 ? V_I4(&value) : -1, hr);
    SysFreeString(file.bstrRemoteFile);
    SysFreeString(file.bstrLocalFile);
    return hr;
}

static HRESULT STDMETHODCALLTYPE mine_OnStatus(IBackgroundCopyCallback1 *self,
                                               IBackgroundCopyGroup *group,
                                               IBackgroundCopyJob1 *job, DWORD file, DWORD status,
                                               DWORD retries, DWORD win32, DWORD transport)
{
    (void)self;
    LONG call = InterlockedIncrement(&calls);
    say("told status=0x%lx file=%ld retries=%lu win32=%lu http=%lu thread=%s call=%ld", status,
        (long)file, retries, win32, transport,
        GetCurrentThreadId() == main_thread ? "main" : "other", call);
    while (options.hang)
        Sleep(INFINITE);
    if (options.back && FAILED(call_back(group, job)))
        return E_FAIL;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE mine_OnProgress(IBackgroundCopyCallback1 *self, DWORD type,
                                                 IBackgroundCopyGroup *group,
                                                 IBackgroundCopyJob1 *job, DWORD file, DWORD value)
{
    (void)self, (void)group, (void)job, (void)file;
    say("progress %lu %lu: must not come", type, value);
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE
mine_OnProgressEx(IBackgroundCopyCallback1 *self, DWORD type, IBackgroundCopyGroup *group,
                  IBackgroundCopyJob1 *job, DWORD file, DWORD value, DWORD size,
                  BYTE *bytes) // NOLINT(readability-non-const-parameter)
{
    (void)self, (void)group, (void)job, (void)file, (void)size, (void)bytes;
    say("progress %lu %lu: must not come", type, value);
    return S_OK;
}

static IBackgroundCopyCallback1Vtbl mine_vtbl = {
    mine_QueryInterface, mine_AddRef,     mine_Release,
    mine_OnStatus,       mine_OnProgress, mine_OnProgressEx,
};
static IBackgroundCopyCallback1 mine = {&mine_vtbl};

static HRESULT STDMETHODCALLTYPE factory_QueryInterface(IClassFactory *self, REFIID iid, void **out)
{
    bool is_ours = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IClassFactory);
    *out = is_ours ? self : NULL;
    return is_ours ? S_OK : E_NOINTERFACE;
}

static ULONG STDMETHODCALLTYPE factory_AddRef(IClassFactory *self)
{
    (void)self;
    return 2;
}

static ULONG STDMETHODCALLTYPE factory_Release(IClassFactory *self)
{
    (void)self;
    return 1;
}

static HRESULT STDMETHODCALLTYPE factory_CreateInstance(IClassFactory *self, IUnknown *outer,
                                                        REFIID iid, void **out)
{
    (void)self, (void)outer;
    return mine_QueryInterface(&mine, iid, out);
}

static HRESULT STDMETHODCALLTYPE factory_LockServer(IClassFactory *self, BOOL is_locked)
{
    (void)self, (void)is_locked;
    return S_OK;
}

static IClassFactoryVtbl factory_vtbl = {factory_QueryInterface, factory_AddRef, factory_Release,
                                         factory_CreateInstance, factory_LockServer};
static IClassFactory factory = {&factory_vtbl};

/* --- the client ------------------------------------------------------------------------------- */

static HRESULT add_file(IBackgroundCopyGroup *group)
{
    GUID guid;
    IBackgroundCopyJob1 *job = NULL;
    FILESETINFO file = {.bstrRemoteFile = SysAllocString(options.url),
                        .bstrLocalFile = SysAllocString(options.file)};
    FILESETINFO *files[1] = {&file};
    HRESULT hr = CoCreateGuid(&guid);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_CreateJob(group, guid, &job);
    if (SUCCEEDED(hr)) {
        hr = IBackgroundCopyJob1_AddFiles(job, 1, files);
        IBackgroundCopyJob1_Release(job);
    }
    SysFreeString(file.bstrRemoteFile);
    SysFreeString(file.bstrLocalFile);
    return hr;
}

static HRESULT set_notification(IBackgroundCopyGroup *group)
{
    wchar_t text[40];
    VARIANT value;
    VariantInit(&value);
    V_VT(&value) = VT_I4;
    V_I4(&value) = QM_NOTIFY_GROUP_DONE;
    HRESULT hr = IBackgroundCopyGroup_SetProp(group, GROUPPROP_NOTIFYFLAGS, &value);
    if (FAILED(hr))
        return hr;
    StringFromGUID2(&clsid_mine, text, 40);
    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = SysAllocString(text);
    hr = IBackgroundCopyGroup_SetProp(group, GROUPPROP_NOTIFYCLSID, &value);
    VariantClear(&value);
    return hr;
}

static HRESULT begin(IBackgroundCopyGroup **out)
{
    GUID guid;
    wchar_t text[40];
    IBackgroundCopyQMgr *manager = NULL;
    HRESULT hr = options.group ? CLSIDFromString(options.group, &guid) : CoCreateGuid(&guid);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(&CLSID_OpenQmgr, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyQMgr,
                              (void **)&manager);
    if (FAILED(hr))
        return hr;
    if (options.group)
        hr = IBackgroundCopyQMgr_GetGroup(manager, guid, out);
    else
        hr = IBackgroundCopyQMgr_CreateGroup(manager, guid, out);
    IBackgroundCopyQMgr_Release(manager);
    if (SUCCEEDED(hr) && !options.group)
        hr = add_file(*out);
    if (SUCCEEDED(hr))
        hr = set_notification(*out);
    if (SUCCEEDED(hr) && !options.group)
        hr = IBackgroundCopyGroup_ResumeGroup(*out);
    StringFromGUID2(&guid, text, 40);
    if (SUCCEEDED(hr))
        say("group %ls", text);
    return hr;
}

/* For ever; as a program with windows does in an STA. */
static void stay(void)
{
    MSG message;
    while (options.sta && GetMessageW(&message, NULL, 0, 0) > 0)
        DispatchMessageW(&message);
    Sleep(INFINITE);
}

static bool read_arguments(int argc, wchar_t **argv)
{
    for (int i = 1; i < argc; i++) {
        if (wcscmp(argv[i], L"--hang") == 0)
            options.hang = true;
        else if (wcscmp(argv[i], L"--sta") == 0)
            options.sta = true;
        else if (wcscmp(argv[i], L"--back") == 0)
            options.back = true;
        else if (wcscmp(argv[i], L"--group") == 0 && i + 1 < argc)
            options.group = argv[++i];
        else if (!options.url)
            options.url = argv[i];
        else if (!options.file)
            options.file = argv[i];
        else
            return false;
    }
    return options.group ? !options.url : options.file != NULL;
}

int wmain(int argc, wchar_t **argv); /* no header declares it */
int wmain(int argc, wchar_t **argv)
{
    IBackgroundCopyGroup *group = NULL;
    DWORD cookie = 0;
    if (!read_arguments(argc, argv)) {
        fprintf(stderr, "notify_client: the head of its source says how it is used\n");
        return 2;
    }
    main_thread = GetCurrentThreadId();
    HRESULT hr =
        CoInitializeEx(NULL, options.sta ? COINIT_APARTMENTTHREADED : COINIT_MULTITHREADED);
    /* The service tests and writes the destination with this user's rights. */
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT,
                                  RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(&clsid_mine, (IUnknown *)&factory, CLSCTX_INPROC_SERVER,
                                   REGCLS_MULTIPLEUSE, &cookie);
    if (SUCCEEDED(hr))
        hr = begin(&group);
    if (FAILED(hr)) {
        say("failed 0x%08lx", hr);
        return 1;
    }
    stay();
    return 0;
}
