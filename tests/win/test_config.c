/* test_config.c - service/win/config.c, with a registry key of its own under HKEY_CURRENT_USER. */
#include "test_win.h"

#include "oq_win_config.h"
#include "oq_fault.h"
#include "oq_log.h"

#define KEY L"Software\\OpenQMGR-test"
#define POLICY KEY L"\\Policies"

static struct oq_win_settings settings;
static struct oq_error err;
static unsigned warnings;
static char last_warning[512];

static void count_warnings(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    if (level == OQ_LOG_WARNING) {
        warnings++;
        snprintf(last_warning, sizeof last_warning, "%s", line);
    }
}

static int set_up(void **state)
{
    (void)state;
    warnings = 0;
    oq_error_init(&err);
    oq_log_set_sink(count_warnings, NULL);
    RegDeleteTreeW(HKEY_CURRENT_USER, KEY);
    oq_win_settings_init(&settings);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    oq_win_settings_release(&settings);
    RegDeleteTreeW(HKEY_CURRENT_USER, KEY);
    oq_log_set_sink(NULL, NULL);
    return 0;
}

static void put(const wchar_t *key, const wchar_t *name, DWORD type, const void *bytes, DWORD size)
{
    assert_int_equal(RegSetKeyValueW(HKEY_CURRENT_USER, key, name, type, bytes, size),
                     ERROR_SUCCESS);
}

static void put_dword(const wchar_t *key, const wchar_t *name, DWORD value)
{
    put(key, name, REG_DWORD, &value, sizeof value);
}

static void put_text(const wchar_t *key, const wchar_t *name, DWORD type, const wchar_t *text)
{
    put(key, name, type, text, (DWORD)((wcslen(text) + 1) * sizeof *text));
}

static void load(void)
{
    assert_status(OQ_OK, oq_win_settings_read(HKEY_CURRENT_USER, KEY, &settings, &err), &err);
    assert_status(OQ_OK, oq_win_settings_read(HKEY_CURRENT_USER, POLICY, &settings, &err), &err);
}

static void read__no_key__keeps_the_defaults(void **state)
{
    struct oq_config standard;
    (void)state;
    oq_config_init(&standard);
    load();
    assert_memory_equal(&settings.numbers, &standard, sizeof standard);
    assert_null(settings.data_folder);
    assert_null(settings.ca_file);
    assert_int_equal(settings.log_level, OQ_LOG_INFO);
    assert_int_equal(warnings, 0);
}

static void read__every_number__is_found_by_its_name(void **state)
{
    size_t count = 0;
    const struct oq_config_item *items = oq_config_items(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        uint64_t value = (uint64_t)items[i].highest;
        put(KEY, wide(items[i].name), REG_QWORD, &value, sizeof value);
    }
    load();
    assert_int_equal(warnings, 0);
    assert_int_equal(settings.numbers.files_in_flight, 16);
    assert_true(settings.numbers.inactivity_ms == 31536000000);
    assert_int_equal(settings.numbers.files_per_job, 1000000);
}

static void read__dword_and_qword__are_both_taken(void **state)
{
    const uint64_t two_weeks_ms = 1209600001;
    (void)state;
    put_dword(KEY, L"FilesInFlight", 7);
    put(KEY, L"NoProgressMs", REG_QWORD, &two_weeks_ms, sizeof two_weeks_ms);
    load();
    assert_int_equal(settings.numbers.files_in_flight, 7);
    assert_true(settings.numbers.no_progress_ms == 1209600001);
}

static void read__policy__wins_over_the_local_value(void **state)
{
    (void)state;
    put_dword(KEY, L"FilesInFlight", 7);
    put_dword(KEY, L"BackgroundGroups", 9);
    put_dword(POLICY, L"FilesInFlight", 2);
    load();
    assert_int_equal(settings.numbers.files_in_flight, 2);
    assert_int_equal(settings.numbers.background_groups, 9);
}

static void read__number_out_of_range__warns_and_keeps_what_was_there(void **state)
{
    const uint64_t huge = UINT64_MAX;
    (void)state;
    put_dword(KEY, L"FilesInFlight", 17);
    put_dword(KEY, L"RetryFirstMs", 1);
    put(KEY, L"CheckpointMs", REG_QWORD, &huge, sizeof huge);
    load();
    assert_int_equal(settings.numbers.files_in_flight, 4);
    assert_int_equal(settings.numbers.retry_first_ms, 5000);
    assert_int_equal(settings.numbers.checkpoint_ms, 3000);
    assert_int_equal(warnings, 3);
}

static void read__policy_out_of_range__keeps_the_local_value(void **state)
{
    (void)state;
    put_dword(KEY, L"FilesInFlight", 7);
    put_dword(POLICY, L"FilesInFlight", 0);
    load();
    assert_int_equal(settings.numbers.files_in_flight, 7);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(last_warning, "FilesInFlight"));
}

static void read__wrong_type__warns_and_keeps_what_was_there(void **state)
{
    const BYTE three[] = {1, 2, 3};
    (void)state;
    put_text(KEY, L"FilesInFlight", REG_SZ, L"7");
    put(KEY, L"BackgroundGroups", REG_DWORD, three, sizeof three);
    put(KEY, L"DataFolder", REG_BINARY, three, sizeof three);
    put_dword(KEY, L"CaFile", 1);
    load();
    assert_int_equal(settings.numbers.files_in_flight, 4);
    assert_int_equal(settings.numbers.background_groups, 4);
    assert_null(settings.data_folder);
    assert_null(settings.ca_file);
    assert_int_equal(warnings, 4);
}

static void read__texts__are_taken_and_variables_expanded(void **state)
{
    wchar_t windows[MAX_PATH + 16];
    (void)state;
    assert_true(ExpandEnvironmentStringsW(L"%SystemRoot%\\queue", windows, COUNT_OF(windows)) > 0);
    put_text(KEY, L"DataFolder", REG_EXPAND_SZ, L"%SystemRoot%\\queue");
    put_text(KEY, L"CaFile", REG_SZ, L"D:\\\u00c4ther\\ca.pem");
    put_text(KEY, L"LogOnHosts", REG_SZ, L"*.corp.example");
    load();
    assert_string_equal(settings.auth_hosts, "*.corp.example");
    assert_int_equal(wcscmp(wide(settings.data_folder), windows), 0);
    assert_string_equal(settings.ca_file, "D:\\\xc3\x84ther\\ca.pem");
}

static void read__text_without_terminator__ends_where_the_value_ends(void **state)
{
    (void)state;
    put(KEY, L"CaFile", REG_SZ, L"C:\\ca.pem", 9 * sizeof(wchar_t));
    load();
    assert_string_equal(settings.ca_file, "C:\\ca.pem");
    put(KEY, L"CaFile", REG_SZ, "C\0:\0\\\0c", 7); /* half a unit at the end */
    load();
    assert_true(strncmp(settings.ca_file, "C:\\c", 4) == 0);
}

static void read__empty_text__means_none(void **state)
{
    (void)state;
    put_text(KEY, L"DataFolder", REG_SZ, L"D:\\queue");
    put_text(POLICY, L"DataFolder", REG_SZ, L"");
    load();
    assert_null(settings.data_folder);
}

static void read__text_that_is_not_utf16__warns(void **state)
{
    const wchar_t lone[] = {L'C', L':', 0xd800, L'x', 0};
    (void)state;
    put(KEY, L"DataFolder", REG_SZ, lone, sizeof lone);
    load();
    assert_null(settings.data_folder);
    assert_int_equal(warnings, 1);
}

static void read__value_of_a_megabyte__warns_and_is_ignored(void **state)
{
    static BYTE large[1 << 20];
    (void)state;
    put(KEY, L"DataFolder", REG_SZ, large, sizeof large);
    load();
    assert_null(settings.data_folder);
    assert_int_equal(warnings, 1);
}

static void read__log_level__is_checked(void **state)
{
    (void)state;
    put_dword(KEY, L"LogLevel", 3);
    load();
    assert_int_equal(settings.log_level, OQ_LOG_DEBUG);
    put_dword(KEY, L"LogLevel", 4);
    load();
    assert_int_equal(settings.log_level, OQ_LOG_DEBUG);
    assert_int_equal(warnings, 1);
}

static void read__no_memory__fails(void **state)
{
    (void)state;
#ifdef OQ_FAULT_INJECTION
    put_text(KEY, L"DataFolder", REG_SZ, L"D:\\queue");
    for (uint64_t n = 1; n < 100; n++) {
        oq_fault_arm(OQ_FAULT_ALLOC, n, false);
        enum oq_status status = oq_win_settings_read(HKEY_CURRENT_USER, KEY, &settings, &err);
        oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
        if (status == OQ_OK) {
            assert_true(n > 1);
            assert_string_equal(settings.data_folder, "D:\\queue");
            return;
        }
        assert_status(OQ_E_NOMEM, status, &err);
    }
    fail_msg("more allocations than expected");
#else
    print_message("skipped: this tree has no fault seam\n");
    skip();
#endif
}

static void load__real_keys__succeeds(void **state)
{
    (void)state;
    assert_status(OQ_OK, oq_win_settings_load(&settings, &err), &err);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(read__no_key__keeps_the_defaults),
        TEST(read__every_number__is_found_by_its_name),
        TEST(read__dword_and_qword__are_both_taken),
        TEST(read__policy__wins_over_the_local_value),
        TEST(read__number_out_of_range__warns_and_keeps_what_was_there),
        TEST(read__policy_out_of_range__keeps_the_local_value),
        TEST(read__wrong_type__warns_and_keeps_what_was_there),
        TEST(read__texts__are_taken_and_variables_expanded),
        TEST(read__text_without_terminator__ends_where_the_value_ends),
        TEST(read__empty_text__means_none),
        TEST(read__text_that_is_not_utf16__warns),
        TEST(read__value_of_a_megabyte__warns_and_is_ignored),
        TEST(read__log_level__is_checked),
        TEST(read__no_memory__fails),
        TEST(load__real_keys__succeeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
