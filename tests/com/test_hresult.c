/* test_hresult.c - service/com/hresult.c: the whole table, written a second time from the contract
 */
#include "com_fixture.h"

/* clang-format off */
static const struct {
    enum oq_status status;
    uint32_t hr;
} expected[] = {
    {OQ_OK,              0x00000000}, /* S_OK */
    {OQ_E_NOMEM,         0x8007000e}, /* E_OUTOFMEMORY */
    {OQ_E_INVALID_ARG,   0x80070057}, /* E_INVALIDARG */
    {OQ_E_NOT_FOUND,     0x81001004}, /* QM_E_ITEM_NOT_FOUND */
    {OQ_E_EXISTS,        0x80070057}, /* E_INVALIDARG: CreateGroup page, D8 */
    {OQ_E_INVALID_STATE, 0x81001001}, /* QM_E_INVALID_STATE */
    {OQ_E_NOT_SUPPORTED, 0x80004001}, /* E_NOTIMPL */
    {OQ_E_ACCESS_DENIED, 0x80070005}, /* E_ACCESSDENIED */
    {OQ_E_EMPTY,         0x80200003}, /* BG_E_EMPTY: D3 */
    {OQ_E_LIMIT_USER,    0x80200049}, /* BG_E_TOO_MANY_JOBS_PER_USER: D9 */
    {OQ_E_LIMIT_MACHINE, 0x80200050}, /* BG_E_TOO_MANY_JOBS_PER_MACHINE: D9 */
    {OQ_E_LIMIT_FILES,   0x80200051}, /* BG_E_TOO_MANY_FILES_IN_JOB: D21 */
    {OQ_E_STOPPING,      0x81001002}, /* QM_E_SERVICE_UNAVAILABLE: D30 */
    {OQ_E_BUSY,          0x800706bb}, /* RPC_S_SERVER_TOO_BUSY */
    {OQ_E_TIMEOUT,       0x800705b4}, /* ERROR_TIMEOUT */
    {OQ_E_OWNER_ABSENT,  0x800704dd}, /* ERROR_NOT_LOGGED_ON */
    {OQ_E_IO,            0x8007045d}, /* ERROR_IO_DEVICE */
    {OQ_E_DISK_FULL,     0x80070070}, /* ERROR_DISK_FULL */
    {OQ_E_FILE_MISSING,  0x80070002}, /* ERROR_FILE_NOT_FOUND */
    {OQ_E_FILE_LOCKED,   0x80070020}, /* ERROR_SHARING_VIOLATION */
    {OQ_E_DB,            0x800710d9}, /* ERROR_DATABASE_FAILURE */
    {OQ_E_DB_NEWER,      0x8007051a}, /* ERROR_REVISION_MISMATCH */
    {OQ_E_DB_DAMAGED,    0x80070570}, /* ERROR_FILE_CORRUPT */
    {OQ_E_NET,           0x81001003}, /* QM_E_DOWNLOADER_UNAVAILABLE: D30 */
    {OQ_E_BUG,           0x8000ffff}, /* E_UNEXPECTED */
};
/* clang-format on */

/* Shows all.downloader-unavailable .busy QM_E_DOWNLOADER_UNAVAILABLE */
static void status__each_row__has_its_hresult(void **state)
{
    (void)state;
    bool is_seen[OQ_STATUS_COUNT] = {false};
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_hr(oq_hresult_of(expected[i].status, NULL), expected[i].hr);
        assert_false(is_seen[expected[i].status]);
        is_seen[expected[i].status] = true;
    }
    for (int i = 0; i < OQ_STATUS_COUNT; i++)
        assert_true(is_seen[i]);
}

static void status__anything_but_ok__is_a_failure(void **state)
{
    (void)state;
    for (int i = -1; i <= OQ_STATUS_COUNT + 1; i++) {
        if (i != OQ_OK)
            assert_true(FAILED(oq_hresult_of((enum oq_status)i, NULL)));
    }
}

static void status__not_in_the_table__is_unexpected(void **state)
{
    (void)state;
    assert_hr(oq_hresult_of(OQ_STATUS_COUNT, NULL), E_UNEXPECTED);
    assert_hr(oq_hresult_of((enum oq_status) - 1, NULL), E_UNEXPECTED);
    assert_hr(oq_hresult_of((enum oq_status)0x40000000, NULL), E_UNEXPECTED);
}

static void cause__of_a_file_error__is_the_answer(void **state)
{
    (void)state;
    struct oq_error err;
    oq_error_init(&err);
    err.win32 = ERROR_CRC;
    assert_hr(oq_hresult_of(OQ_E_IO, &err), HRESULT_FROM_WIN32(ERROR_CRC));
    err.win32 = ERROR_PATH_NOT_FOUND;
    assert_hr(oq_hresult_of(OQ_E_FILE_MISSING, &err), HRESULT_FROM_WIN32(ERROR_PATH_NOT_FOUND));
    err.win32 = (uint32_t)STG_E_MEDIUMFULL;
    assert_hr(oq_hresult_of(OQ_E_IO, &err), STG_E_MEDIUMFULL);
    err.win32 = 0x00040000; /* a success code as the cause of a failure */
    assert_hr(oq_hresult_of(OQ_E_IO, &err), HRESULT_FROM_WIN32(ERROR_IO_DEVICE));
}

static void cause__of_other_failures__does_not_show(void **state)
{
    (void)state;
    struct oq_error err;
    oq_error_init(&err);
    err.win32 = ERROR_CRC;
    assert_hr(oq_hresult_of(OQ_OK, &err), S_OK);
    assert_hr(oq_hresult_of(OQ_E_ACCESS_DENIED, &err), E_ACCESSDENIED);
    assert_hr(oq_hresult_of(OQ_E_INVALID_ARG, &err), E_INVALIDARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status__each_row__has_its_hresult),
        cmocka_unit_test(status__anything_but_ok__is_a_failure),
        cmocka_unit_test(status__not_in_the_table__is_unexpected),
        cmocka_unit_test(cause__of_a_file_error__is_the_answer),
        cmocka_unit_test(cause__of_other_failures__does_not_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
