/* test_support.c - service/win/support.c and the changes of link.c */
#include "test_win.h"

#include "oq_alloc.h"
#include "oq_win_support.h"
#include "oq_win_link.h"

static struct oq_error err;

static void status__codes_of_the_file_system__have_a_meaning(void **state)
{
    static const struct {
        uint32_t win32;
        enum oq_status status;
    } rows[] = {
        {ERROR_SUCCESS, OQ_OK},
        {ERROR_FILE_NOT_FOUND, OQ_E_FILE_MISSING},
        {ERROR_PATH_NOT_FOUND, OQ_E_FILE_MISSING},
        {ERROR_BAD_NETPATH, OQ_E_FILE_MISSING},
        {ERROR_ACCESS_DENIED, OQ_E_ACCESS_DENIED},
        {ERROR_WRITE_PROTECT, OQ_E_ACCESS_DENIED},
        {ERROR_SHARING_VIOLATION, OQ_E_FILE_LOCKED},
        {ERROR_LOCK_VIOLATION, OQ_E_FILE_LOCKED},
        {ERROR_DISK_FULL, OQ_E_DISK_FULL},
        {ERROR_HANDLE_DISK_FULL, OQ_E_DISK_FULL},
        {ERROR_FILE_EXISTS, OQ_E_EXISTS},
        {ERROR_NOT_ENOUGH_MEMORY, OQ_E_NOMEM},
        {ERROR_IO_DEVICE, OQ_E_IO},
        {ERROR_CRC, OQ_E_IO},
        {0xdeadbeef, OQ_E_IO},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(oq_win_status(rows[i].win32), rows[i].status);
}

static void fail__known_code__says_what_why_and_the_number(void **state)
{
    (void)state;
    oq_error_init(&err);
    assert_int_equal(oq_win_fail(&err, ERROR_ACCESS_DENIED, "file %d", 7), OQ_E_ACCESS_DENIED);
    assert_int_equal(err.win32, ERROR_ACCESS_DENIED);
    assert_int_equal(err.status, OQ_E_ACCESS_DENIED);
    assert_true(strncmp(err.text, "file 7: ", 8) == 0);
    assert_non_null(strstr(err.text, " (5)"));
    assert_null(strpbrk(err.text, "\r\n"));
    assert_int_equal(oq_win_fail(NULL, ERROR_DISK_FULL, "x"), OQ_E_DISK_FULL);
}

static void fail__success_from_a_call_that_failed__is_not_success(void **state)
{
    (void)state;
    oq_error_init(&err);
    assert_int_equal(oq_win_fail(&err, ERROR_SUCCESS, "something"), OQ_E_IO);
    assert_true(err.text[0]);
}

static void describe__unknown_code__gives_its_number(void **state)
{
    char text[32];
    (void)state;
    oq_win_describe(0x2fff1234, text, sizeof text);
    assert_string_equal(text, "error 805245492");
    oq_win_describe(ERROR_ACCESS_DENIED, text, 4);
    assert_true(strlen(text) == 3);
}

static void long_path__each_form__gets_its_prefix(void **state)
{
    static const struct {
        const char *path, *wanted;
    } rows[] = {
        {"C:\\a\\b", "\\\\?\\C:\\a\\b"},
        {"c:/a/b", "\\\\?\\c:\\a\\b"},
        {"\\\\server\\share\\x", "\\\\?\\UNC\\server\\share\\x"},
        {"//server/share/x", "\\\\?\\UNC\\server\\share\\x"},
        {"\\\\?\\C:\\a", "\\\\?\\C:\\a"},
        {"C:\\\xc3\xa9", "\\\\?\\C:\\\xc3\xa9"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wchar_t *out = NULL;
        assert_status(OQ_OK, oq_win_long_path(rows[i].path, &out, &err), &err);
        assert_int_equal(wcscmp(out, wide(rows[i].wanted)), 0);
        oq_free(out);
    }
}

static void long_path__not_absolute_or_not_utf8__is_refused(void **state)
{
    static const char *const paths[] = {"", "a", "C:", "C:a", "\\a", "\\\\", "1:\\a", "C:\\\xff"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        wchar_t *out = NULL;
        assert_status(OQ_E_INVALID_ARG, oq_win_long_path(paths[i], &out, &err), &err);
        assert_null(out);
    }
}

static void program_path__this_test__ends_in_its_name(void **state)
{
    char *program = NULL, *beside = NULL;
    (void)state;
    assert_status(OQ_OK, oq_win_program_path(&program, &err), &err);
    assert_non_null(strstr(program, "\\test_win_support.exe"));
    assert_status(OQ_OK, oq_win_beside_program("qmgrps.dll", &beside, &err), &err);
    assert_non_null(strstr(beside, "\\qmgrps.dll"));
    assert_true(strncmp(program, beside, strlen(beside) - strlen("qmgrps.dll")) == 0);
    oq_free(program);
    oq_free(beside);
}

static void on_change(void *ctx)
{
    InterlockedIncrement(ctx);
}

static void watch__started_and_stopped__comes_to_an_end(void **state)
{
    struct oq_win_watch *watch = NULL;
    static LONG changes;
    (void)state;
    oq_error_init(&err);
    assert_status(OQ_OK, oq_win_watch_start(on_change, &changes, &watch, &err), &err);
    oq_win_watch_stop(watch);
    oq_win_watch_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status__codes_of_the_file_system__have_a_meaning),
        cmocka_unit_test(fail__known_code__says_what_why_and_the_number),
        cmocka_unit_test(fail__success_from_a_call_that_failed__is_not_success),
        cmocka_unit_test(describe__unknown_code__gives_its_number),
        cmocka_unit_test(long_path__each_form__gets_its_prefix),
        cmocka_unit_test(long_path__not_absolute_or_not_utf8__is_refused),
        cmocka_unit_test(program_path__this_test__ends_in_its_name),
        cmocka_unit_test(watch__started_and_stopped__comes_to_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
