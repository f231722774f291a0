/* test_stub_checks.c - a call made by hand, whose counts are not those of its array, is refused
 * before the generated stub reads the buffer (proxy-stub/stub_checks.c).
 *
 * The stub is made by the DLL's own factory and called with a buffer of the test. That the guard is
 * before every stub is seen by its answer; that honest calls pass it, by the marshal tests. How a
 * lie ends without the guard is not shown: it reads behind the buffer.
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

/* What the stub of that interface makes of `size` bytes for that method. */
static HRESULT call(REFIID iid, ULONG method, const void *bytes, ULONG size, ULONG representation)
{
    IPSFactoryBuffer *made = factory();
    IRpcStubBuffer *stub = NULL;
    uint32_t buffer[64] = {0}; /* zeros behind the bytes */
    memcpy(buffer, bytes, size);
    RPCOLEMESSAGE message = {.Buffer = buffer,
                             .cbBuffer = size,
                             .iMethod = method,
                             .dataRepresentation = representation};
    IUnknown *server = rig_service_object(iid);
    assert_int_equal(made->lpVtbl->CreateStub(made, iid, server, &stub), S_OK);
    HRESULT result = stub->lpVtbl->Invoke(stub, &message, NULL);
    stub->lpVtbl->Disconnect(stub);
    stub->lpVtbl->Release(stub);
    made->lpVtbl->Release(made);
    return result;
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
    };
    return cmocka_run_group_tests_name("stub_checks", tests, rig_open, rig_close);
}
