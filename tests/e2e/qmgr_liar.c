/* qmgr_liar.c - a client that writes its calls by hand and lies about what is in them.
 *
 * usage: qmgr_liar [FOLDER]     for a file that is never downloaded; default: TEMP
 *
 * Calls go through the channels of ordinary proxies, but the buffers are made here. Each call is
 * made once as it should be, which shows that the buffer is right, and then with counts that are
 * not those of what follows, and cut off at every fourth byte; and there are calls of methods that
 * are none. A lie has to be refused by COM,
 * before the service's method; after each the service has to answer. Prints a line for each kind of
 * lie. Exit status: the number of lines that are not "ok".
 */
#define COBJMACROS
#include "openqmgr.h"

#include <rpcproxy.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

enum {
    JOB_ADD_FILES = 6,
    ENUM_NEXT = 3,
    GROUP_SET_PROP = 4,
    GROUP_SET_POINTER = 17,
    OPEN_ADD_SOURCE = 7,
    OPEN_SET_URL = 8,
    OPEN_SET_HASH = 9,
    OPEN_SET_PIECES = 10,
    BUFFER_MAX = 4096,
};

static struct {
    IBackgroundCopyQMgr *manager;
    IBackgroundCopyGroup *group;
    IBackgroundCopyJob1 *job;
    IEnumBackgroundCopyGroups *groups;
    IEnumBackgroundCopyJobs1 *jobs;
    IOpenQmgrGroup *open;
    int failures;
} client;

static void check(const char *what, bool good, HRESULT seen)
{
    client.failures += !good;
    printf("%s %s: 0x%08lx\n", good ? "ok  " : "FAIL", what, (unsigned long)seen);
    fflush(stdout);
}

/* --- buffers ---------------------------------------------------------------------------------- */

struct buffer {
    unsigned char bytes[BUFFER_MAX];
    ULONG size;
};

static void align(struct buffer *b, ULONG to)
{
    while (b->size % to)
        b->bytes[b->size++] = 0;
}

static void put32(struct buffer *b, uint32_t value)
{
    align(b, 4);
    memcpy(b->bytes + b->size, &value, sizeof value);
    b->size += sizeof value;
}

static void put64(struct buffer *b, uint64_t value)
{
    align(b, 8);
    memcpy(b->bytes + b->size, &value, sizeof value);
    b->size += sizeof value;
}

/* The marker of a type that is marshalled by functions of its own. */
static void put_user(struct buffer *b)
{
    put32(b, 0x72657355);
}

/* What stands behind the marker; where the three numbers are is returned. */
static ULONG put_bstr(struct buffer *b, const void *text, uint32_t length)
{
    uint32_t count = (length + 1) / 2;
    align(b, 8);
    ULONG at = b->size;
    put32(b, count);
    put32(b, length);
    put32(b, count);
    memcpy(b->bytes + b->size, text, length);
    b->size += count * 2;
    return at;
}

static void set32(struct buffer *b, ULONG at, uint32_t value)
{
    memcpy(b->bytes + at, &value, sizeof value);
}

/* --- calls ------------------------------------------------------------------------------------ */

/* What the method returned, with *reached; else why the call failed on its way. */
static HRESULT call_by_hand(void *proxy, REFIID iid, ULONG method, const struct buffer *b,
                            bool *reached)
{
    static MIDL_STUB_DESC desc = {
        .pfnAllocate = NdrOleAllocate, .pfnFree = NdrOleFree, .Version = 0x50002};
    RPC_MESSAGE unused = {0};
    MIDL_STUB_MESSAGE stub = {0};
    NdrProxyInitialize(proxy, &unused, &stub, &desc, method);
    IRpcChannelBuffer *channel = stub.pRpcChannelBuffer;
    RPCOLEMESSAGE message = {.cbBuffer = b->size,
                             .iMethod = method,
                             .dataRepresentation = NDR_LOCAL_DATA_REPRESENTATION};
    ULONG status = 0;
    *reached = false;
    HRESULT hr = channel->lpVtbl->GetBuffer(channel, &message, iid);
    if (FAILED(hr))
        return hr;
    if (b->size > 0)
        memcpy(message.Buffer, b->bytes, b->size);
    message.cbBuffer = b->size;
    hr = channel->lpVtbl->SendReceive(channel, &message, &status);
    if (FAILED(hr))
        return hr;
    *reached = true;
    if (message.cbBuffer >= 4)
        memcpy(&hr, (char *)message.Buffer + message.cbBuffer - 4, 4);
    (void)channel->lpVtbl->FreeBuffer(channel, &message);
    return hr;
}

static bool service_answers(void)
{
    DWORD status, index;
    return SUCCEEDED(IBackgroundCopyGroup_GetStatus(client.group, &status, &index));
}

struct call {
    const char *name;
    void *proxy;
    const IID *iid;
    ULONG method;
    struct buffer buffer;
};

static void honest(const struct call *call)
{
    char what[100];
    bool reached;
    HRESULT hr = call_by_hand(call->proxy, call->iid, call->method, &call->buffer, &reached);
    snprintf(what, sizeof what, "%s as it should be", call->name);
    check(what, reached && SUCCEEDED(hr), hr);
}

static void lie(const struct call *call, const char *which, const struct buffer *buffer)
{
    char what[100];
    bool reached;
    HRESULT hr = call_by_hand(call->proxy, call->iid, call->method, buffer, &reached);
    snprintf(what, sizeof what, "%s, %s", call->name, which);
    check(what, !reached && FAILED(hr) && service_answers(), hr);
}

static void lie_at(const struct call *call, const char *which, ULONG at, uint32_t value)
{
    struct buffer buffer = call->buffer;
    set32(&buffer, at, value);
    lie(call, which, &buffer);
}

/* Every shorter one is refused. */
static void cut_off(const struct call *call)
{
    struct buffer buffer = call->buffer;
    char what[100];
    bool good = true, reached;
    HRESULT hr = S_OK;
    unsigned count = 0;
    while (good && buffer.size > 0) {
        buffer.size = (buffer.size - 1) & ~3u;
        hr = call_by_hand(call->proxy, call->iid, call->method, &buffer, &reached);
        good = !reached && FAILED(hr) && service_answers();
        count++;
    }
    snprintf(what, sizeof what, "%s, cut off at %u places", call->name, count);
    check(what, good, hr);
}

/* A BSTR whose three numbers are at `at`. */
static void bstr_lies(const struct call *call, ULONG at)
{
    struct buffer buffer = call->buffer;
    lie_at(call, "BSTR with a count of 1,000 and a maximum of less", at + 8, 1000);
    lie_at(call, "BSTR with 4 MiB by its length alone", at + 4, 4u << 20);
    set32(&buffer, at, 2u << 20);
    set32(&buffer, at + 4, 4u << 20);
    set32(&buffer, at + 8, 2u << 20);
    lie(call, "BSTR with 4 MiB by all its numbers", &buffer);
    set32(&buffer, at, 0x7fffffff);
    set32(&buffer, at + 4, 0xfffffffe);
    set32(&buffer, at + 8, 0x7fffffff);
    lie(call, "BSTR with 4 GiB", &buffer);
    set32(&buffer, at + 4, 0xffffffff);
    lie(call, "BSTR that is NULL and has characters", &buffer);
    cut_off(call);
}

/* --- the methods ------------------------------------------------------------------------------ */

static void add_files(const wchar_t *folder)
{
    static const wchar_t url[] = L"http://127.0.0.1:9/lie.bin";
    wchar_t path[MAX_PATH];
    struct call call = {"AddFiles", client.job, &IID_IBackgroundCopyJob1, JOB_ADD_FILES, {{0}, 0}};
    struct buffer *b = &call.buffer;
    swprintf(path, MAX_PATH, L"%ls\\lie.bin", folder);
    put32(b, 1);
    put32(b, 1);
    put32(b, 0x20000);
    put_user(b); /* the URL, the name, the size */
    put_user(b);
    put32(b, 0);
    ULONG first = put_bstr(b, url, (uint32_t)(wcslen(url) * 2));
    ULONG second = put_bstr(b, path, (uint32_t)(wcslen(path) * 2));
    honest(&call);
    lie_at(&call, "1,000 said and 1 sent", 0, 1000);
    lie_at(&call, "1 said and 1,000 in the array", 4, 1000);
    struct buffer both = call.buffer;
    set32(&both, 0, 1000);
    set32(&both, 4, 1000);
    lie(&call, "1,000 said twice and 1 sent", &both);
    set32(&both, 0, 0xffffffff);
    set32(&both, 4, 0xffffffff);
    lie(&call, "2^32-1 said twice", &both);
    lie_at(&call, "0 said and 1 sent", 0, 0);
    bstr_lies(&call, first);
    bstr_lies(&call, second);
    DWORD files = 0;
    HRESULT hr = IBackgroundCopyJob1_GetFileCount(client.job, &files);
    check("AddFiles has added one file", SUCCEEDED(hr) && files == 1, hr);
}

static void next(const char *name, void *proxy, const IID *iid)
{
    struct call call = {name, proxy, iid, ENUM_NEXT, {{0}, 0}};
    put32(&call.buffer, 65536);
    honest(&call);
    lie_at(&call, "65,537 wanted", 0, 65537);
    lie_at(&call, "2^32-1 wanted: 64 GB", 0, 0xffffffff);
    cut_off(&call);
}

static void set_prop(void)
{
    static const wchar_t name[] = L"a name";
    struct call call = {
        "SetProp", client.group, &IID_IBackgroundCopyGroup, GROUP_SET_PROP, {{0}, 0}};
    struct buffer *b = &call.buffer;
    put32(b, GROUPPROP_DISPLAYNAME);
    put_user(b);
    align(b, 8);
    ULONG variant = b->size;
    put32(b, 6); /* units of 8 bytes */
    put32(b, 0);
    put32(b, VT_BSTR); /* with the first reserved word */
    put32(b, 0);
    put32(b, VT_BSTR);
    put_user(b);
    ULONG text = put_bstr(b, name, (uint32_t)(wcslen(name) * 2));
    honest(&call);
    lie_at(&call, "VARIANT with an array", variant + 8, VT_ARRAY | VT_UI1);
    lie_at(&call, "VARIANT with an object", variant + 8, VT_UNKNOWN);
    lie_at(&call, "VARIANT with a reference to a text", variant + 8, VT_BYREF | VT_BSTR);
    lie_at(&call, "VARIANT with a type that is none", variant + 8, 0x0fff);
    bstr_lies(&call, text);
}

static void set_pointer(void)
{
    struct call call = {"SetNotificationPointer",
                        client.group,
                        &IID_IBackgroundCopyGroup,
                        GROUP_SET_POINTER,
                        {{0}, 0}};
    struct buffer *b = &call.buffer;
    memcpy(b->bytes, &IID_IBackgroundCopyCallback1, sizeof(GUID));
    b->size = sizeof(GUID);
    put32(b, 0);
    honest(&call);
    /* the object's length and its start, as Wine writes them; then as Windows does */
    put32(b, 0x574f454d);
    for (unsigned i = 0; i < 10; i++)
        put32(b, 0);
    lie_at(&call, "object of 4 GiB", sizeof(GUID), 0xfffffff0);
    lie_at(&call, "object of 45 bytes, and 44 came", sizeof(GUID), 45);
    set32(b, sizeof(GUID), 0x20000);
    set32(b, sizeof(GUID) + 4, 0xfffffff0);
    set32(b, sizeof(GUID) + 8, 0xfffffff0);
    set32(b, sizeof(GUID) + 12, 0x574f454d);
    lie(&call, "object of 4 GiB, said twice", b);
    set32(b, sizeof(GUID) + 8, 4);
    lie(&call, "object of two lengths", b);
}

static void methods_that_are_none(void)
{
    static const ULONG none[] = {0, 1, 2, 18, 19, 0x7fff, 0xffffffff};
    for (unsigned i = 0; i < sizeof none / sizeof *none; i++) {
        struct call call = {
            "a group's method", client.group, &IID_IBackgroundCopyGroup, none[i], {{0}, 64}};
        char which[30];
        snprintf(which, sizeof which, "number %lu", none[i]);
        lie(&call, which, &call.buffer);
    }
}

static void extension(void)
{
    static const unsigned char bytes[32] = {1};
    static const wchar_t digits[] =
        L"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                         url[] = L"http://127.0.0.1:9/mirror.bin";
    struct call pieces = {"SetPieces", client.open, &IID_IOpenQmgrGroup, OPEN_SET_PIECES, {{0}, 0}};
    put32(&pieces.buffer, 0);
    put32(&pieces.buffer, OPENQMGR_HASH_SHA256);
    put64(&pieces.buffer, 65536);
    put_user(&pieces.buffer);
    ULONG at = put_bstr(&pieces.buffer, bytes, sizeof bytes);
    honest(&pieces);
    bstr_lies(&pieces, at);

    OPENQMGR_HASH kind;
    UINT64 piece_bytes;
    BSTR back = NULL;
    HRESULT hr = IOpenQmgrGroup_GetPieces(client.open, 0, &kind, &piece_bytes, &back);
    check("GetPieces gives what was set and no more",
          SUCCEEDED(hr) && SysStringByteLen(back) == sizeof bytes &&
              memcmp(back, bytes, sizeof bytes) == 0,
          hr);
    SysFreeString(back);

    struct call hash = {"SetHash", client.open, &IID_IOpenQmgrGroup, OPEN_SET_HASH, {{0}, 0}};
    put32(&hash.buffer, 0);
    put_user(&hash.buffer);
    at = put_bstr(&hash.buffer, digits, 128);
    put64(&hash.buffer, 1000);
    honest(&hash);
    bstr_lies(&hash, at);

    struct call source = {"AddSource", client.open, &IID_IOpenQmgrGroup, OPEN_ADD_SOURCE, {{0}, 0}};
    put32(&source.buffer, 0);
    put_user(&source.buffer);
    at = put_bstr(&source.buffer, url, (uint32_t)(wcslen(url) * 2));
    honest(&source);
    bstr_lies(&source, at);

    struct call set_url = {"SetUrl", client.open, &IID_IOpenQmgrGroup, OPEN_SET_URL, {{0}, 0}};
    put32(&set_url.buffer, 0);
    put32(&set_url.buffer, 0);
    put_user(&set_url.buffer);
    at = put_bstr(&set_url.buffer, url, (uint32_t)(wcslen(url) * 2));
    honest(&set_url);
    bstr_lies(&set_url, at);
}

/* --- the client ------------------------------------------------------------------------------- */

static HRESULT open_group(void)
{
    GUID group_id, job_id;
    HRESULT hr = CoCreateInstance(&CLSID_OpenQmgr, NULL, CLSCTX_LOCAL_SERVER,
                                  &IID_IBackgroundCopyQMgr, (void **)&client.manager);
    if (SUCCEEDED(hr))
        hr = CoCreateGuid(&group_id);
    if (SUCCEEDED(hr))
        hr = CoCreateGuid(&job_id);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyQMgr_CreateGroup(client.manager, group_id, &client.group);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_CreateJob(client.group, job_id, &client.job);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_QueryInterface(client.group, &IID_IOpenQmgrGroup,
                                                 (void **)&client.open);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyQMgr_EnumGroups(client.manager, 0, &client.groups);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_EnumJobs(client.group, 0, &client.jobs);
    return hr;
}

int wmain(int argc, wchar_t **argv); /* no header declares it */
int wmain(int argc, wchar_t **argv)
{
    wchar_t folder[MAX_PATH] = L"";
    if (argc > 1)
        swprintf(folder, MAX_PATH, L"%ls", argv[1]);
    else if (GetTempPathW(MAX_PATH, folder) > 0 && folder[wcslen(folder) - 1] == L'\\')
        folder[wcslen(folder) - 1] = L'\0';
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    /* The service tests the destination with this user's rights. */
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT,
                                  RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    if (SUCCEEDED(hr))
        hr = open_group();
    check("the service is there", SUCCEEDED(hr), hr);
    if (FAILED(hr))
        return client.failures;

    add_files(folder);
    next("IEnumBackgroundCopyGroups::Next", client.groups, &IID_IEnumBackgroundCopyGroups);
    next("IEnumBackgroundCopyJobs1::Next", client.jobs, &IID_IEnumBackgroundCopyJobs1);
    set_prop();
    set_pointer();
    methods_that_are_none();
    extension();

    hr = IBackgroundCopyGroup_CancelGroup(client.group);
    check("CancelGroup", SUCCEEDED(hr), hr);
    printf("%d failed\n", client.failures);
    return client.failures; /* the process ends: nothing is released */
}
