/* test_data.c - service/win/data.c. Somebody else's ownership cannot be made under Wine; see
 * docs/security.md for the rule. */
#include "test_win.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "oq_win_data.h"
#include "oq_win_identity.h"
#include "oq_win_support.h"

#include <aclapi.h>
#include <sddl.h>

static struct oq_win_data data;
static struct oq_error err;
static char own_sid[192];

static int set_up_group(void **state)
{
    struct oq_win_identities *identities = NULL;
    (void)state;
    if (oq_win_identities_new(&identities, NULL) != OQ_OK)
        return -1;
    snprintf(own_sid, sizeof own_sid, "%s", oq_win_identities_own_sid(identities));
    oq_win_identities_free(identities);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    oq_error_init(&err);
    memset(&data, 0, sizeof data);
    fresh_folder(tmp_path("data"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    oq_win_data_release(&data);
    return 0;
}

static enum oq_status open_as(enum oq_win_data_source source, const char *folder)
{
    return oq_win_data_open(source, folder, own_sid, &data, &err);
}

static void default__any_system__is_under_program_data(void **state)
{
    char *folder = NULL;
    (void)state;
    assert_status(OQ_OK, oq_win_data_default(&folder, &err), &err);
    assert_non_null(strstr(folder, "\\OpenQMGR"));
    assert_int_equal(folder[1], ':');
    oq_free(folder);
}

static void open__new_folder__is_created_and_names_its_files(void **state)
{
    (void)state;
    assert_status(OQ_OK, open_as(OQ_WIN_DATA_GIVEN, tmp_path("data\\new")), &err);
    assert_string_equal(data.folder, tmp_path("data\\new"));
    assert_string_equal(data.database, tmp_path("data\\new\\queue.db"));
    assert_string_equal(data.log, tmp_path("data\\new\\openqmgr.log"));
    assert_true(attributes_of(data.folder) & FILE_ATTRIBUTE_DIRECTORY);
}

static void open__new_folder__admits_the_system_administrators_and_us_only(void **state)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    wchar_t *text = NULL;
    (void)state;
    assert_status(OQ_OK, open_as(OQ_WIN_DATA_CONFIGURED, tmp_path("data\\new")), &err);
    assert_int_equal(GetNamedSecurityInfoW(wide(data.folder), SE_FILE_OBJECT,
                                           DACL_SECURITY_INFORMATION, NULL, NULL, NULL, NULL,
                                           &descriptor),
                     ERROR_SUCCESS);
    assert_true(ConvertSecurityDescriptorToStringSecurityDescriptorW(
        descriptor, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text, NULL));
    /* Wine keeps a DACL as the mode bits of Linux and makes its own text of them; what matters is
     * who is not in. */
    assert_null(wcsstr(text, L";;;WD)"));
    assert_null(wcsstr(text, L";;;BU)"));
    assert_null(wcsstr(text, L";;;AU)"));
    if (!oq_win_is_wine())
        assert_true(wcsncmp(text, L"D:P", 3) == 0);
    LocalFree(text);
    LocalFree(descriptor);
    put_file(tmp_path("data\\new\\x"), "we may still write there");
}

static void open__second_time__is_busy_until_the_first_is_released(void **state)
{
    struct oq_win_data second = {0};
    (void)state;
    assert_status(OQ_OK, open_as(OQ_WIN_DATA_GIVEN, tmp_path("data")), &err);
    assert_status(OQ_E_BUSY,
                  oq_win_data_open(OQ_WIN_DATA_GIVEN, tmp_path("data"), own_sid, &second, &err),
                  &err);
    assert_non_null(strstr(err.text, tmp_path("data")));
    oq_win_data_release(&data);
    assert_int_equal(count_entries(tmp_path("data")), 1); /* the lock file stays */
    assert_status(
        OQ_OK, oq_win_data_open(OQ_WIN_DATA_GIVEN, tmp_path("data"), own_sid, &second, &err), &err);
    oq_win_data_release(&second);
}

/* Holds the lock file for a moment, as a scanner does. */
static DWORD WINAPI hold_for_a_while(void *handle)
{
    Sleep(300);
    CloseHandle(handle);
    return 0;
}

static void open_while_held(DWORD share, DWORD flags)
{
    put_file(tmp_path("data\\qmgrsvc.lock"), "");
    HANDLE held = CreateFileW(wide(tmp_path("data\\qmgrsvc.lock")), GENERIC_READ | DELETE, share,
                              NULL, OPEN_EXISTING, flags, NULL);
    assert_true(held != INVALID_HANDLE_VALUE);
    HANDLE thread = CreateThread(NULL, 0, hold_for_a_while, held, 0, NULL);
    assert_non_null(thread);
    assert_status(OQ_OK, open_as(OQ_WIN_DATA_GIVEN, tmp_path("data")), &err);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    assert_int_equal(count_entries(tmp_path("data")), 1);
}

static void open__scanner_holds_the_lock_file__tries_again(void **state)
{
    (void)state;
    open_while_held(FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, 0);
}

/* As after a version that had it deleted with its last handle, and was ended a moment ago. */
static void open__lock_file_is_about_to_be_deleted__tries_again(void **state)
{
    (void)state;
    open_while_held(FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    FILE_FLAG_DELETE_ON_CLOSE);
}

static void open__relative_path_and_separator_at_the_end__becomes_absolute(void **state)
{
    wchar_t before[MAX_PATH];
    (void)state;
    assert_true(GetCurrentDirectoryW(MAX_PATH, before) > 0);
    assert_true(SetCurrentDirectoryW(wide(tmp_path("data"))));
    enum oq_status status = open_as(OQ_WIN_DATA_GIVEN, "queue\\");
    SetCurrentDirectoryW(before);
    assert_status(OQ_OK, status, &err);
    assert_string_equal(data.folder, tmp_path("data\\queue"));
}

static void open__parent_missing__is_missing(void **state)
{
    (void)state;
    assert_status(OQ_E_FILE_MISSING, open_as(OQ_WIN_DATA_GIVEN, tmp_path("data\\a\\b")), &err);
    assert_null(data.folder);
}

static void open__file_in_the_folders_place__is_refused(void **state)
{
    (void)state;
    put_file(tmp_path("data\\file"), "kept");
    assert_status(OQ_E_ACCESS_DENIED, open_as(OQ_WIN_DATA_CONFIGURED, tmp_path("data\\file")),
                  &err);
    assert_true(open_as(OQ_WIN_DATA_GIVEN, tmp_path("data\\file")) != OQ_OK);
    assert_string_equal(get_file(tmp_path("data\\file")), "kept");
}

static void open__folder_of_our_own__is_used_again(void **state)
{
    (void)state;
    assert_status(OQ_OK, open_as(OQ_WIN_DATA_CONFIGURED, tmp_path("data\\again")), &err);
    put_file(tmp_path("data\\again\\queue.db"), "the queue");
    oq_win_data_release(&data);
    assert_status(OQ_OK, open_as(OQ_WIN_DATA_CONFIGURED, tmp_path("data\\again")), &err);
    assert_string_equal(get_file(tmp_path("data\\again\\queue.db")), "the queue");
}

static void purge__folder_with_our_files_only__is_gone(void **state)
{
    static const char *const names[] = {"queue.db",
                                        "queue.db-wal",
                                        "queue.db-shm",
                                        "queue.backup.db",
                                        "queue.damaged-20260101-120000.db",
                                        "queue.damaged-20260101-120000.db-wal",
                                        "openqmgr.log",
                                        "openqmgr.1.log"};
    bool is_gone = false;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        put_file(tmp_path("data\\%s", names[i]), "x");
    assert_status(OQ_OK, oq_win_data_purge(tmp_path("data"), &is_gone, &err), &err);
    assert_true(is_gone);
    assert_int_equal(attributes_of(tmp_path("data")), INVALID_FILE_ATTRIBUTES);
    is_gone = false;
    assert_status(OQ_OK, oq_win_data_purge(tmp_path("data"), &is_gone, &err), &err);
    assert_true(is_gone);
}

static void purge__somebody_elses_file__stays(void **state)
{
    bool is_gone = true;
    (void)state;
    put_file(tmp_path("data\\queue.db"), "x");
    put_file(tmp_path("data\\thesis.doc"), "kept");
    assert_status(OQ_OK, oq_win_data_purge(tmp_path("data"), &is_gone, &err), &err);
    assert_false(is_gone);
    assert_int_equal(count_entries(tmp_path("data")), 1);
    assert_string_equal(get_file(tmp_path("data\\thesis.doc")), "kept");
}

static void purge__folder_in_use__touches_nothing(void **state)
{
    bool is_gone = true;
    (void)state;
    assert_status(OQ_OK, open_as(OQ_WIN_DATA_GIVEN, tmp_path("data")), &err);
    put_file(tmp_path("data\\queue.db"), "in use");
    assert_status(OQ_E_BUSY, oq_win_data_purge(tmp_path("data"), &is_gone, &err), &err);
    assert_string_equal(get_file(tmp_path("data\\queue.db")), "in use");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(default__any_system__is_under_program_data),
        TEST(open__new_folder__is_created_and_names_its_files),
        TEST(open__new_folder__admits_the_system_administrators_and_us_only),
        TEST(open__second_time__is_busy_until_the_first_is_released),
        TEST(open__scanner_holds_the_lock_file__tries_again),
        TEST(open__lock_file_is_about_to_be_deleted__tries_again),
        TEST(open__relative_path_and_separator_at_the_end__becomes_absolute),
        TEST(open__parent_missing__is_missing),
        TEST(open__file_in_the_folders_place__is_refused),
        TEST(open__folder_of_our_own__is_used_again),
        TEST(purge__folder_with_our_files_only__is_gone),
        TEST(purge__somebody_elses_file__stays),
        TEST(purge__folder_in_use__touches_nothing),
    };
    return cmocka_run_group_tests(tests, set_up_group, NULL);
}
