/* test_stub_checks.c - a call made by hand, whose counts are not those of its array, is refused
 * before the generated stub reads the buffer (proxy-stub/stub_checks.c).
 *
 * The stub is made by the DLL's own factory and called with buffers of the test, at whose end
 * nobody may read.
 */
#include "marshal_rig.h"

#include <rpcproxy.h>

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#define BAD_STUB_DATA HRESULT_FROM_WIN32(RPC_X_BAD_STUB_DATA)
#define ADD_FILES 6u
#define NEXT 3u

/* The factory of stubs that COM asks the DLL for. */
static IPSFactoryBuffer *factory(void)
{
    typedef HRESULT WINAPI get_class_object(REFCLSID, REFIID, void **);
    IPSFactoryBuffer *made = NULL;
    HMODULE dll = GetModuleHandleW(L"qmgrps.dll");
    assert_non_null(dll);
    get_class_object *get = (get_class_object *)(void *)GetProcAddress(dll, "DllGetClassObject");
    assert_non_null(get);
    assert_int_equal(get(&CLSID_OpenQmgrProxyStub, &IID_IPSFactoryBuffer, (void **)&made), S_OK);
    return made;
}

/* --- a channel that takes the reply ----------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE channel_query(IRpcChannelBuffer *self, REFIID iid, void **out)
{
    (void)self;
    (void)iid;
    *out = NULL;
    return E_NOINTERFACE;
}

static ULONG STDMETHODCALLTYPE channel_count(IRpcChannelBuffer *self)
{
    (void)self;
    return 1;
}

static HRESULT STDMETHODCALLTYPE channel_get(IRpcChannelBuffer *self, RPCOLEMESSAGE *message,
                                             REFIID iid)
{
    (void)self;
    (void)iid;
    message->Buffer = CoTaskMemAlloc(message->cbBuffer + 8); /* the stub is not exact to the byte */
    return message->Buffer ? S_OK : E_OUTOFMEMORY;
}

static HRESULT STDMETHODCALLTYPE channel_send(IRpcChannelBuffer *self, RPCOLEMESSAGE *message,
                                              ULONG *status)
{
    (void)self;
    (void)message;
    (void)status;
    return E_NOTIMPL;
}

static HRESULT STDMETHODCALLTYPE channel_free(IRpcChannelBuffer *self, RPCOLEMESSAGE *message)
{
    (void)self;
    (void)message;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE channel_context(IRpcChannelBuffer *self, DWORD *context,
                                                 void **pointer)
{
    (void)self;
    *context = MSHCTX_LOCAL;
    *pointer = NULL;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE channel_connected(IRpcChannelBuffer *self)
{
    (void)self;
    return S_OK;
}

static IRpcChannelBufferVtbl channel_vtbl = {channel_query,   channel_count,    channel_count,
                                             channel_get,     channel_send,     channel_free,
                                             channel_context, channel_connected};
static IRpcChannelBuffer channel = {&channel_vtbl};

/* --- calls ------------------------------------------------------------------------------------ */

enum { PAGE = 4096 };

static LONG accesses; /* of memory that nobody may read */

static LONG CALLBACK count_access(EXCEPTION_POINTERS *exception)
{
    if (exception->ExceptionRecord->ExceptionCode == (DWORD)EXCEPTION_ACCESS_VIOLATION)
        InterlockedIncrement(&accesses);
    return EXCEPTION_CONTINUE_SEARCH;
}

/* What the stub of that interface makes of `size` bytes for that method. They end, but for
 * alignment, at a page that nobody may read. */
static HRESULT call(REFIID iid, ULONG method, const void *bytes, ULONG size, ULONG representation)
{
    IPSFactoryBuffer *made = factory();
    IRpcStubBuffer *stub = NULL;
    DWORD old;
    char *pages = VirtualAlloc(NULL, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    assert_non_null(pages);
    assert_true(VirtualProtect(pages + PAGE, PAGE, PAGE_NOACCESS, &old));
    char *buffer = pages + PAGE - (size + 7) / 8 * 8;
    memcpy(buffer, bytes, size);
    RPCOLEMESSAGE message = {.Buffer = buffer,
                             .cbBuffer = size,
                             .iMethod = method,
                             .dataRepresentation = representation};
    IUnknown *server = IsEqualIID(iid, &IID_IOpenQmgrGroup) ? (IUnknown *)rig_service_group()
                                                            : rig_service_object(iid);
    assert_int_equal(made->lpVtbl->CreateStub(made, iid, server, &stub), S_OK);
    HRESULT result = stub->lpVtbl->Invoke(stub, &message, &channel);
    if (message.Buffer != buffer)
        CoTaskMemFree(message.Buffer);
    stub->lpVtbl->Disconnect(stub);
    stub->lpVtbl->Release(stub);
    made->lpVtbl->Release(made);
    assert_true(VirtualFree(pages, 0, MEM_RELEASE));
    return result;
}

/* Calls as they should be, in the layout of the wire. */
#define USER 0x72657355 /* marks what is marshalled by functions of its own */
static const uint32_t honest_add_files[] = {
    2,    2,          0x20000, 0x20004, /* two pointers */
    USER, USER,       7,       0,          2,          4,
    2,    0x00620061, 0,       0xffffffff, 0, /* "ab", NULL */
    USER, USER,       7,       1,          2,          1,
    0x61, 2,          3,       2,          0x00620061, /* "a", three bytes */
};
static const uint32_t honest_next[] = {2};
static const uint32_t honest_text[] = {6,    USER, 6, 0, VT_BSTR,    0,   VT_BSTR,
                                       USER, 3,    6, 3, 0x00620061, 0x63};
static const uint32_t honest_number[] = {1, USER, 3, 0, VT_I4, 0, VT_I4, 77};
static const uint32_t honest_pieces[] = {0, 2, 65536, 0, USER, 0, 4, 8, 4, 0x01020304, 5};
/* An object of no known kind. */
static const uint32_t honest_pointer[] = {0x084f6593, 0x4e083800, 0xfa99599b, 0x82dfad59, 32,
                                          0x574f454d, 8,          0,          0,          0xc0,
                                          0x46000000, 0,          0};
static const struct honest {
    const IID *iid;
    ULONG method;
    const uint32_t *words;
    ULONG size;
    HRESULT result;
} honest[] = {
    {&IID_IBackgroundCopyJob1, ADD_FILES, honest_add_files, sizeof honest_add_files, S_OK},
    {&IID_IEnumBackgroundCopyGroups, NEXT, honest_next, sizeof honest_next, S_OK},
    {&IID_IEnumBackgroundCopyJobs1, NEXT, honest_next, sizeof honest_next, S_OK},
    {&IID_IBackgroundCopyGroup, 4, honest_text, sizeof honest_text, S_OK},
    {&IID_IBackgroundCopyGroup, 4, honest_number, sizeof honest_number, S_OK},
    {&IID_IOpenQmgrGroup, 10, honest_pieces, sizeof honest_pieces, S_OK},
    {&IID_IBackgroundCopyGroup, 17, honest_pointer, sizeof honest_pointer, E_FAIL},
};
enum { HONEST = sizeof honest / sizeof *honest, WORDS_MAX = 32 };

/* The methods run on this thread here, which the rig would not have. */
static void allow_this_thread(void)
{
    rig_expect_thread(0);
}

static void calls__as_they_should_be__reach_the_service(void **state)
{
    (void)state;
    allow_this_thread();
    for (unsigned i = 0; i < HONEST; i++) {
        const struct honest *h = &honest[i];
        HRESULT result = call(h->iid, h->method, h->words, h->size, 0x10);
        if (SUCCEEDED(result) != SUCCEEDED(h->result))
            fail_msg("call %u: 0x%08lx", i, result);
    }
    assert_string_equal(rig_log(), "AddFiles 2 'ab' NULL 7 'a' 'ab' 7; Next 2; Next 2; "
                                   "SetProp 6 vt8 'abc'; SetProp 1 vt3 77; "
                                   "SetPieces 0 2 10000 0403020105000000; ");
}

static void methods__that_are_none__are_refused(void **state)
{
    static const uint32_t zeros[8];
    static const ULONG none[] = {0, 1, 2, 18, 0x7fff, 0x80000003, 0xffffffff};
    (void)state;
    void *handler = AddVectoredExceptionHandler(1, count_access);
    accesses = 0;
    for (unsigned i = 0; i < sizeof none / sizeof *none; i++)
        assert_true(FAILED(call(&IID_IBackgroundCopyGroup, none[i], zeros, sizeof zeros, 0x10)));
    RemoveVectoredExceptionHandler(handler);
    assert_int_equal(accesses, 0);
    assert_string_equal(rig_log(), "");
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* One to three numbers are others, and sometimes the end is missing. */
static ULONG change(uint32_t *words, ULONG size, uint32_t *seed)
{
    static const uint32_t values[] = {0,
                                      1,
                                      2,
                                      3,
                                      8,
                                      1000,
                                      65536,
                                      65537,
                                      0x20000,
                                      USER,
                                      VT_UI1 | VT_ARRAY,
                                      VT_UNKNOWN,
                                      0x7fffffff,
                                      0x80000000,
                                      0xfffffffe,
                                      0xffffffff};
    for (unsigned left = next_random(seed) % 3 + 1; left > 0; left--) {
        uint32_t value = values[next_random(seed) % (sizeof values / sizeof *values)];
        if (next_random(seed) % 4 == 0)
            value = next_random(seed) % 64;
        words[next_random(seed) % (size / 4)] = value;
    }
    return next_random(seed) % 4 == 0 ? next_random(seed) % (size + 1) : size;
}

static void calls__changed_at_random__read_nothing_that_did_not_come(void **state)
{
    enum { ROUNDS = 5000 };
    uint32_t seed = 20261201;
    unsigned refused = 0;
    (void)state;
    allow_this_thread();
    void *handler = AddVectoredExceptionHandler(1, count_access);
    accesses = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const struct honest *h = &honest[i % HONEST];
        uint32_t words[WORDS_MAX], before = seed;
        memcpy(words, h->words, h->size);
        ULONG size = change(words, h->size, &seed);
        refused += FAILED(call(h->iid, h->method, words, size, 0x10));
        if (accesses > 0) {
            print_message("round %u, seed %u, method %lu, %lu bytes\n", i, before, h->method, size);
            break;
        }
    }
    RemoveVectoredExceptionHandler(handler);
    assert_int_equal(accesses, 0);
    print_message("%u of %d refused\n", refused, ROUNDS);
    assert_in_range(refused, ROUNDS / 4, ROUNDS - ROUNDS / 20); /* neither all nor none */
}

static void add_files__count_is_not_that_of_the_array__refused(void **state)
{
    static const uint32_t more[] = {1000, 1, 0x20000}, fewer[] = {1, 1000, 0x20000};
    (void)state;
    assert_int_equal(call(&IID_IBackgroundCopyJob1, ADD_FILES, more, sizeof more, 0x10),
                     BAD_STUB_DATA);
    assert_int_equal(call(&IID_IBackgroundCopyJob1, ADD_FILES, fewer, sizeof fewer, 0x10),
                     BAD_STUB_DATA);
    assert_string_equal(rig_log(), "");
}

static void add_files__array_longer_than_the_buffer__refused(void **state)
{
    static const uint32_t bytes[] = {3, 3, 0x20000, 0x20004};
    (void)state;
    assert_int_equal(call(&IID_IBackgroundCopyJob1, ADD_FILES, bytes, sizeof bytes, 0x10),
                     BAD_STUB_DATA);
    for (ULONG size = 0; size < 8; size++)
        assert_int_equal(call(&IID_IBackgroundCopyJob1, ADD_FILES, bytes, size, 0x10),
                         BAD_STUB_DATA);
    assert_string_equal(rig_log(), "");
}

static void next__huge_count__refused_before_memory_is_taken(void **state)
{
    static const uint32_t huge[] = {0xffffffff}, more[] = {65537};
    static const IID *const enumerators[] = {&IID_IEnumBackgroundCopyGroups,
                                             &IID_IEnumBackgroundCopyJobs1};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(call(enumerators[i], NEXT, huge, sizeof huge, 0x10), BAD_STUB_DATA);
        assert_int_equal(call(enumerators[i], NEXT, more, sizeof more, 0x10), BAD_STUB_DATA);
        assert_int_equal(call(enumerators[i], NEXT, huge, 3, 0x10), BAD_STUB_DATA);
    }
    assert_string_equal(rig_log(), "");
}

static void counts__other_byte_order__refused(void **state)
{
    static const uint32_t none[] = {0, 0};
    (void)state;
    assert_int_equal(call(&IID_IBackgroundCopyJob1, ADD_FILES, none, sizeof none, 0x00),
                     BAD_STUB_DATA);
    assert_string_equal(rig_log(), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_reset, rig_check)
    const struct CMUnitTest tests[] = {
        TEST(add_files__count_is_not_that_of_the_array__refused),
        TEST(add_files__array_longer_than_the_buffer__refused),
        TEST(next__huge_count__refused_before_memory_is_taken),
        TEST(counts__other_byte_order__refused),
        TEST(calls__as_they_should_be__reach_the_service),
        TEST(methods__that_are_none__are_refused),
        TEST(calls__changed_at_random__read_nothing_that_did_not_come),
    };
    return cmocka_run_group_tests_name("stub_checks", tests, rig_open, rig_close);
}
