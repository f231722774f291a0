/*
 * test_abi.c: our header, the tool chain's qmgr.h and the spec say the same.
 *
 * That both headers agree with the spec was checked while abi_ours.c and abi_mingw.c were compiled;
 * here the two tables are compared with each other, and the identifiers with their text in the
 * spec.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "abi_int.h"
#include "openqmgr.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Shows IBackgroundCopyJob1.microsoft-page-names IBackgroundCopyCallback1.every-method-there */
static void contract__two_headers__say_the_same(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; abi_ours[i].name; i++) {
        assert_non_null(abi_mingw[i].name);
        assert_string_equal(abi_ours[i].name, abi_mingw[i].name);
        if (abi_ours[i].value != abi_mingw[i].value)
            fail_msg("%s: ours %lu, the tool chain's %lu", abi_ours[i].name, abi_ours[i].value,
                     abi_mingw[i].value);
    }
    assert_null(abi_mingw[i].name);
    print_message("%u facts of the contract compared\n", i);
    /* 39 methods, 6 vtables, 3 fields, 2 sizes, 27 constants, 13 properties */
    assert_int_equal(i, 39 + 6 + 3 + 2 + 27 + 13);
}

static void identifiers__objects__are_those_of_the_spec(void **state)
{
    static const struct {
        const GUID *guid;
        const char *text;
    } expected[] = {
        {&IID_IBackgroundCopyQMgr, "{16f41c69-09f5-41d2-8cd8-3c08c47bc8a8}"},
        {&IID_IBackgroundCopyGroup, "{1ded80a7-53ea-424f-8a04-17fea9adc4f5}"},
        {&IID_IBackgroundCopyJob1, "{59f5553c-2031-4629-bb18-2645a6970947}"},
        {&IID_IBackgroundCopyCallback1, "{084f6593-3800-4e08-9b59-99fa59addf82}"},
        {&IID_IEnumBackgroundCopyGroups, "{d993e603-4aa4-47c5-8665-c20d39c2ba4f}"},
        {&IID_IEnumBackgroundCopyJobs1, "{8baeba9d-8f1c-42c4-b82c-09ae79980d25}"},
        {&CLSID_BackgroundCopyQMgr, "{69ad4aee-51be-439b-a92c-86ae490e8b30}"},
        {&CLSID_OpenQmgr, "{cff5ca3f-e82d-46a8-93a6-0494c5722628}"},
        {&APPID_OpenQmgr, "{427b9071-b50d-4af4-b082-3e4362fb76dc}"},
        {&CLSID_OpenQmgrProxyStub, "{2d4f24d9-9292-4e6c-aedd-46ec4613da2b}"},
        {&IID_IOpenQmgrManager, "{cf50ef05-5bbd-4e7b-970f-61fbe1a414fb}"},
        {&IID_IOpenQmgrGroup, "{5a64c846-731e-4e0d-923d-ba85f5ac524c}"},
    };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(expected); i++) {
        const GUID *g = expected[i].guid;
        char text[39];

        snprintf(text, sizeof text, "{%08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x}", g->Data1,
                 g->Data2, g->Data3, g->Data4[0], g->Data4[1], g->Data4[2], g->Data4[3],
                 g->Data4[4], g->Data4[5], g->Data4[6], g->Data4[7]);
        assert_string_equal(text, expected[i].text);
    }
}

/* Structs that cross the wire have one layout in 32 and 64 bits, without holes. */
static void extension__structs__have_the_published_layout(void **state)
{
    (void)state;
    assert_int_equal(sizeof(OPENQMGR_GROUP_INFO), 2896);
    assert_int_equal(offsetof(OPENQMGR_GROUP_INFO, ullNumber), 32);
    assert_int_equal(offsetof(OPENQMGR_GROUP_INFO, dwFiles), 96);
    assert_int_equal(offsetof(OPENQMGR_GROUP_INFO, llFailureAt), 136);
    assert_int_equal(offsetof(OPENQMGR_GROUP_INFO, szOwner), 160);
    assert_int_equal(offsetof(OPENQMGR_GROUP_INFO, szFailure), 2384);
    assert_int_equal(sizeof(OPENQMGR_FILE_INFO), 200);
    assert_int_equal(offsetof(OPENQMGR_FILE_INFO, dwPieces), 48);
    assert_int_equal(offsetof(OPENQMGR_FILE_INFO, szSha256), 64);
    assert_int_equal(sizeof(OPENQMGR_SETTINGS), 88);
    assert_int_equal(offsetof(OPENQMGR_SETTINGS, ullLimitNow), 16);
    assert_int_equal(offsetof(OPENQMGR_SETTINGS, szVersion), 24);
}

/* Values are for ever: programs compare them with what they were compiled with. */
/* Shows OPENQMGR_SIZE_UNKNOWN OPENQMGR_NO_FILE OPENQMGR_WAIT_THROTTLED OPENQMGR_WAIT_NO_NETWORK
 * OPENQMGR_WAIT_POLICY */
static void extension__enumerations__are_as_published(void **state)
{
    (void)state;
    assert_int_equal(sizeof(OPENQMGR_STATE), 4);
    assert_int_equal(OPENQMGR_STATE_SUSPENDED, 1);
    assert_int_equal(OPENQMGR_STATE_QUEUED, 2);
    assert_int_equal(OPENQMGR_STATE_CONNECTING, 3);
    assert_int_equal(OPENQMGR_STATE_TRANSFERRING, 4);
    assert_int_equal(OPENQMGR_STATE_WAITING, 5);
    assert_int_equal(OPENQMGR_STATE_COMMITTING, 6);
    assert_int_equal(OPENQMGR_STATE_ERROR, 7);
    assert_int_equal(OPENQMGR_STATE_COMPLETE, 8);
    assert_int_equal(OPENQMGR_STATE_CANCELLED, 9);

    assert_int_equal(OPENQMGR_WAIT_NONE, 0);
    assert_int_equal(OPENQMGR_WAIT_SUSPENDED, 1);
    assert_int_equal(OPENQMGR_WAIT_NO_FILES, 2);
    assert_int_equal(OPENQMGR_WAIT_QUEUED, 3);
    assert_int_equal(OPENQMGR_WAIT_BACKOFF, 4);
    assert_int_equal(OPENQMGR_WAIT_THROTTLED, 5);
    assert_int_equal(OPENQMGR_WAIT_NO_NETWORK, 6);
    assert_int_equal(OPENQMGR_WAIT_OWNER_AWAY, 7);
    assert_int_equal(OPENQMGR_WAIT_POLICY, 8);
    assert_int_equal(OPENQMGR_WAIT_ERROR, 9);

    assert_int_equal(OPENQMGR_FILE_QUEUED, 1);
    assert_int_equal(OPENQMGR_FILE_TRANSFERRING, 2);
    assert_int_equal(OPENQMGR_FILE_WAITING, 3);
    assert_int_equal(OPENQMGR_FILE_DOWNLOADED, 4);
    assert_int_equal(OPENQMGR_FILE_COMPLETE, 5);
    assert_int_equal(OPENQMGR_FILE_ERROR, 6);
    assert_int_equal(OPENQMGR_FILE_CANCELLED, 7);

    assert_int_equal(OPENQMGR_SOURCE_READY, 1);
    assert_int_equal(OPENQMGR_SOURCE_ASKED, 2);
    assert_int_equal(OPENQMGR_SOURCE_LEFT, 3);
    assert_int_equal(OPENQMGR_SOURCE_WRONG, 4);

    assert_int_equal(OPENQMGR_HASH_NONE, 0);
    assert_int_equal(OPENQMGR_HASH_SHA1, 1);
    assert_int_equal(OPENQMGR_HASH_SHA256, 2);
    assert_int_equal(OPENQMGR_HASH_SHA512, 3);
    assert_int_equal(OPENQMGR_HASH_MD5, 4);

    assert_true(OPENQMGR_SIZE_UNKNOWN == UINT64_MAX);
    assert_true(OPENQMGR_NO_FILE == 0xFFFFFFFFu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contract__two_headers__say_the_same),
        cmocka_unit_test(identifiers__objects__are_those_of_the_spec),
        cmocka_unit_test(extension__structs__have_the_published_layout),
        cmocka_unit_test(extension__enumerations__are_as_published),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
