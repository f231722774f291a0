/*
 * test_marshal_extension.c: every method of extension_methods.h through the proxy DLL, between two
 * apartments: each argument arrives as it was given, each result comes back, a failure leaves the
 * outputs empty, and a NULL output is refused.
 */
#include "marshal_rig.h"

#include "extension_methods.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

/* What the log of the service's side must be. */
static char expected[600];

static void expect(const char *format, ...)
{
    const size_t used = strlen(expected);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(expected + used, sizeof expected - used, format, arguments);
    va_end(arguments);
}

/* ---- what is given: n is the place of the parameter ------------------------------------------ */

static const WCHAR text_given[] = L"http://h/\x00e4?\x4e2d";
static const BYTE bytes_given[] = {0, 1, 0xff, 0x80, 0, 0};

#define IN_NUMBER_LOCAL(n) DWORD v##n = 4000000000u + (n)
#define IN_NUMBER_PASS(n) v##n
#define IN_NUMBER_SEEN(n) expect(" %lu", v##n)
#define IN_NUMBER64_LOCAL(n) UINT64 v##n = 0xFEDCBA9876543210ULL + (n)
#define IN_NUMBER64_PASS(n) v##n
#define IN_NUMBER64_SEEN(n) expect(" %llx", (unsigned long long)v##n)
#define IN_FLAG_LOCAL(n) BOOL v##n = TRUE
#define IN_FLAG_PASS(n) v##n
#define IN_FLAG_SEEN(n) expect(" %d", v##n)
#define IN_HASH_LOCAL(n) OPENQMGR_HASH v##n = OPENQMGR_HASH_SHA256
#define IN_HASH_PASS(n) v##n
#define IN_HASH_SEEN(n) expect(" %d", (int)v##n)
#define IN_TEXT_LOCAL(n) BSTR v##n = SysAllocString(text_given)
#define IN_TEXT_PASS(n) v##n
#define IN_TEXT_SEEN(n)                                                                            \
    expect(" 'http://h/\xc3\xa4?\xe4\xb8\xad'");                                                   \
    assert_int_equal(wcscmp(v##n, text_given), 0); /* it stays the caller's */                     \
    SysFreeString(v##n)
#define IN_BYTES_LOCAL(n)                                                                          \
    BSTR v##n = SysAllocStringByteLen((const char *)bytes_given, sizeof bytes_given)
#define IN_BYTES_PASS(n) v##n
#define IN_BYTES_SEEN(n)                                                                           \
    expect(" 0001ff800000");                                                                       \
    SysFreeString(v##n)
#define IN_GUID_LOCAL(n) GUID v##n = rig_guid(1)
#define IN_GUID_PASS(n) v##n
#define IN_GUID_SEEN(n) expect(" 11110001-2201-3301-4444-555555555501")

/* ---- what comes back ------------------------------------------------------------------------- */

static void check_bytes(const void *bytes, size_t length, bool is_failed)
{
    for (size_t i = 0; i < length; i++)
        assert_int_equal(((const BYTE *)bytes)[i], is_failed ? 0 : ANSWER_BYTE(i));
}

static void check_bstr(BSTR bytes, bool is_failed)
{
    if (is_failed) {
        assert_null(bytes);
        return;
    }
    assert_int_equal(SysStringByteLen(bytes), ANSWER_BYTES);
    check_bytes(bytes, ANSWER_BYTES, false);
    SysFreeString(bytes);
}

static void check_text(BSTR text, int n, bool is_failed)
{
    WCHAR wanted[16];

    if (is_failed) {
        assert_null(text);
        return;
    }
    swprintf(wanted, 16, L"text %d \x4e2d", n);
    assert_int_equal(wcscmp(text, wanted), 0);
    SysFreeString(text);
}

/* One output of each method may be passed as NULL. */
#define OR_NULL(n) (null_at == (n) ? NULL : &v##n)
#define OUT_STRUCT_LOCAL(type, n)                                                                  \
    type v##n;                                                                                     \
    memset(&v##n, 0x5a, sizeof v##n)

#define OUT_NUMBER64_LOCAL(n) UINT64 v##n = 0x5a
#define OUT_NUMBER64_PASS(n) OR_NULL(n)
#define OUT_NUMBER64_SEEN(n) assert_true(v##n == (is_failed ? 0 : ANSWER_NUMBER64(n)))
#define OUT_HASH_LOCAL(n) OPENQMGR_HASH v##n = (OPENQMGR_HASH)0x5a
#define OUT_HASH_PASS(n) OR_NULL(n)
#define OUT_HASH_SEEN(n) assert_int_equal(v##n, is_failed ? OPENQMGR_HASH_NONE : ANSWER_HASH)
#define OUT_SOURCE_LOCAL(n) OPENQMGR_SOURCE v##n = (OPENQMGR_SOURCE)0x5a
#define OUT_SOURCE_PASS(n) OR_NULL(n)
#define OUT_SOURCE_SEEN(n) assert_int_equal(v##n, is_failed ? 0 : ANSWER_SOURCE)
#define OUT_TEXT_LOCAL(n) BSTR v##n = (BSTR)(uintptr_t)0x5a5a5a5a
#define OUT_TEXT_PASS(n) OR_NULL(n)
#define OUT_TEXT_SEEN(n) check_text(v##n, n, is_failed)
#define OUT_BYTES_LOCAL(n) BSTR v##n = (BSTR)(uintptr_t)0x5a5a5a5a
#define OUT_BYTES_PASS(n) OR_NULL(n)
#define OUT_BYTES_SEEN(n) check_bstr(v##n, is_failed)
#define OUT_GROUP_LOCAL(n) IBackgroundCopyGroup *v##n = (void *)(uintptr_t)0x5a5a5a5a
#define OUT_GROUP_PASS(n) OR_NULL(n)
#define OUT_GROUP_SEEN(n)                                                                          \
    assert_ptr_equal(v##n, is_failed ? NULL : rig.group);                                          \
    if (v##n)                                                                                      \
    IBackgroundCopyGroup_Release(v##n)
#define OUT_INFO_LOCAL(n) OUT_STRUCT_LOCAL(OPENQMGR_GROUP_INFO, n)
#define OUT_INFO_PASS(n) OR_NULL(n)
#define OUT_INFO_SEEN(n) check_bytes(&v##n, sizeof v##n, is_failed)
#define OUT_FILE_LOCAL(n) OUT_STRUCT_LOCAL(OPENQMGR_FILE_INFO, n)
#define OUT_FILE_PASS(n) OR_NULL(n)
#define OUT_FILE_SEEN(n) check_bytes(&v##n, sizeof v##n, is_failed)
#define OUT_SETTINGS_LOCAL(n) OUT_STRUCT_LOCAL(OPENQMGR_SETTINGS, n)
#define OUT_SETTINGS_PASS(n) OR_NULL(n)
#define OUT_SETTINGS_SEEN(n) check_bytes(&v##n, sizeof v##n, is_failed)

/* ---- the calls ------------------------------------------------------------------------------- */

#define CALL(interface, method, locals, arguments, seen)                                           \
    static HRESULT call_##method(void *part, int null_at)                                          \
    {                                                                                              \
        locals;                                                                                    \
        HRESULT hr = ((interface *)part)->lpVtbl->method arguments;                                \
        bool is_failed = FAILED(hr);                                                               \
                                                                                                   \
        (void)null_at;                                                                             \
        (void)is_failed;                                                                           \
        if (null_at != 0)                                                                          \
            return hr;                                                                             \
        expect(#method);                                                                           \
        seen;                                                                                      \
        expect("; ");                                                                              \
        return hr;                                                                                 \
    }
#define CALL1(interface, method, A)                                                                \
    CALL(interface, method, A##_LOCAL(1), (part, A##_PASS(1)), A##_SEEN(1))
#define CALL2(interface, method, A, B)                                                             \
    CALL(interface, method, A##_LOCAL(1);                                                          \
         B##_LOCAL(2), (part, A##_PASS(1), B##_PASS(2)), A##_SEEN(1); B##_SEEN(2))
#define CALL3(interface, method, A, B, C)                                                          \
    CALL(interface, method, A##_LOCAL(1); B##_LOCAL(2);                                            \
         C##_LOCAL(3), (part, A##_PASS(1), B##_PASS(2), C##_PASS(3)), A##_SEEN(1); B##_SEEN(2);    \
         C##_SEEN(3))
#define CALL4(interface, method, A, B, C, D)                                                       \
    CALL(interface, method, A##_LOCAL(1); B##_LOCAL(2); C##_LOCAL(3);                              \
         D##_LOCAL(4), (part, A##_PASS(1), B##_PASS(2), C##_PASS(3), D##_PASS(4)), A##_SEEN(1);    \
         B##_SEEN(2); C##_SEEN(3); D##_SEEN(4))
#define CALL5(interface, method, A, B, C, D, E)                                                    \
    CALL(interface, method, A##_LOCAL(1); B##_LOCAL(2); C##_LOCAL(3); D##_LOCAL(4);                \
         E##_LOCAL(5), (part, A##_PASS(1), B##_PASS(2), C##_PASS(3), D##_PASS(4), E##_PASS(5)),    \
         A##_SEEN(1);                                                                              \
         B##_SEEN(2); C##_SEEN(3); D##_SEEN(4); E##_SEEN(5))

MANAGER_METHODS(CALL1, CALL2, CALL4)
GROUP_METHODS(CALL1, CALL2, CALL3, CALL4, CALL5)

struct method {
    const char *name;
    const IID *iid;
    HRESULT (*call)(void *part, int null_at);
    const char *kinds; /* of its parameters */
};

#define ROW(interface, method, kinds)                                                              \
    {#interface "::" #method, &IID_##interface, call_##method, kinds},
#define ROW1(interface, method, A) ROW(interface, method, #A)
#define ROW2(interface, method, A, B) ROW(interface, method, #A " " #B)
#define ROW3(interface, method, A, B, C) ROW(interface, method, #A " " #B " " #C)
#define ROW4(interface, method, A, B, C, D) ROW(interface, method, #A " " #B " " #C " " #D)
#define ROW5(interface, method, A, B, C, D, E)                                                     \
    ROW(interface, method, #A " " #B " " #C " " #D " " #E)

static const struct method methods[] = {MANAGER_METHODS(ROW1, ROW2, ROW4)
                                            GROUP_METHODS(ROW1, ROW2, ROW3, ROW4, ROW5)};
enum { METHOD_COUNT = sizeof methods / sizeof *methods };

static IUnknown *part_of(void *object, const IID *iid)
{
    IUnknown *part = NULL;

    assert_int_equal(IUnknown_QueryInterface((IUnknown *)object, iid, (void **)&part), S_OK);
    assert_non_null(part);
    return part;
}

/* The manager has the one interface, a group and a job the other. */
static void for_each(void (*check)(const struct method *method, IUnknown *part))
{
    void *const objects[] = {rig.qmgr, rig.group, rig.job};

    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        for (unsigned k = 0; k < 3; k++) {
            if ((k == 0) != (methods[i].iid == &IID_IOpenQmgrManager))
                continue;
            IUnknown *part = part_of(objects[k], methods[i].iid);

            rig_expect_thread(GetCurrentThreadId());
            expected[0] = '\0';
            check(&methods[i], part);
            IUnknown_Release(part);
        }
    }
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void check_passing(const struct method *method, IUnknown *part)
{
    assert_int_equal(method->call(part, 0), S_OK);
    assert_string_equal(rig_log(), expected);
}

/* Shows all.interfaces */
static void extension_methods__arguments_and_results__pass(void **state)
{
    (void)state;
    for_each(check_passing);
}

static void check_failing(const struct method *method, IUnknown *part)
{
    assert_int_equal(method->call(part, 0), (HRESULT)QM_E_INVALID_STATE);
    assert_string_equal(rig_log(), expected);
}

static void extension_methods__refused__give_the_code_and_empty_outputs(void **state)
{
    (void)state;
    script.result = (HRESULT)QM_E_INVALID_STATE;
    for_each(check_failing);
}

/* An interface pointer that is NULL is noticed only when the answer is back, under Wine. */
static void check_null(const struct method *method, IUnknown *part)
{
    int n = 1;

    for (const char *kind = method->kinds; kind; n++) {
        const char *next = strchr(kind, ' ');

        if (strncmp(kind, "OUT", 3) == 0) {
            rig_expect_thread(GetCurrentThreadId());
            assert_int_equal(method->call(part, n), NULL_REFUSED);
            if (strncmp(kind, "OUT_GROUP", 9) != 0)
                assert_string_equal(rig_log(), "");
        }
        kind = next ? next + 1 : NULL;
    }
}

/* Shows all.null-output */
static void extension_methods__null_output__is_refused(void **state)
{
    (void)state;
    for_each(check_null);
}

static void extension__from_objects_without_it__is_refused(void **state)
{
    void *const objects[] = {rig.qmgr, rig.group, rig.job, rig.enum_groups, rig.enum_jobs};

    (void)state;
    for (unsigned i = 0; i < sizeof objects / sizeof *objects; i++) {
        IUnknown *object = objects[i];
        IUnknown *part = object;

        if (i != 0) {
            assert_int_equal(IUnknown_QueryInterface(object, &IID_IOpenQmgrManager, (void **)&part),
                             E_NOINTERFACE);
            assert_null(part);
        }
        if (i != 1 && i != 2) {
            assert_int_equal(IUnknown_QueryInterface(object, &IID_IOpenQmgrGroup, (void **)&part),
                             E_NOINTERFACE);
            assert_null(part);
        }
    }
}

static void strings__null__arrive_as_null(void **state)
{
    IOpenQmgrGroup *part = (IOpenQmgrGroup *)part_of(rig.job, &IID_IOpenQmgrGroup);

    (void)state;
    assert_int_equal(IOpenQmgrGroup_SetHash(part, 8, NULL, OPENQMGR_SIZE_UNKNOWN), S_OK);
    assert_int_equal(IOpenQmgrGroup_SetPieces(part, 8, OPENQMGR_HASH_NONE, 0, NULL), S_OK);
    assert_string_equal(rig_log(), "SetHash 8 NULL ffffffffffffffff; SetPieces 8 0 0 NULL; ");
    IOpenQmgrGroup_Release(part);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_reset, rig_check)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(extension_methods__arguments_and_results__pass),
        RIGGED(extension_methods__refused__give_the_code_and_empty_outputs),
        RIGGED(extension_methods__null_output__is_refused),
        RIGGED(extension__from_objects_without_it__is_refused),
        RIGGED(strings__null__arrive_as_null),
    };

    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
