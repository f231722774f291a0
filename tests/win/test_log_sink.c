/* test_log_sink.c - service/win/log_sink.c */
#include "test_win.h"

#include "oq_clock.h"
#include "oq_win_log.h"

#include "oq_win_messages.h"

static struct oq_win_log *log_;
static struct oq_error err;

static int set_up(void **state)
{
    (void)state;
    oq_error_init(&err);
    log_ = NULL;
    fresh_folder(tmp_path("log"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    oq_log_set_sink(NULL, NULL);
    oq_win_log_close(log_);
    return 0;
}

static void open_log(uint64_t limit_bytes)
{
    struct oq_win_log_options options = {.path = tmp_path("log\\openqmgr.log"),
                                         .limit_bytes = limit_bytes};
    assert_status(OQ_OK, oq_win_log_open(&options, &log_, &err), &err);
}

static void sink__line__has_time_level_and_text(void **state)
{
    int year, month, day, hour, minute, second, ms, used = 0;
    (void)state;
    open_log(0);
    oq_log_set_sink(oq_win_log_sink, log_);
    oq_log_warning("gr\xc3\xb6\xc3\x9f"
                   "er: %d",
                   42);
    const char *text = get_file(tmp_path("log\\openqmgr.log"));
    assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ WARNING %n", &year, &month, &day,
                            &hour, &minute, &second, &ms, &used),
                     7);
    assert_string_equal(text + used, "gr\xc3\xb6\xc3\x9f"
                                     "er: 42\r\n");
}

static void open__existing_file__is_continued(void **state)
{
    (void)state;
    put_file(tmp_path("log\\openqmgr.log"), "before\r\n");
    open_log(0);
    oq_win_log_sink(log_, OQ_LOG_INFO, "after");
    assert_true(strncmp(get_file(tmp_path("log\\openqmgr.log")), "before\r\n2", 9) == 0);
}

static void sink__file_at_its_limit__is_set_aside_once(void **state)
{
    (void)state;
    open_log(400);
    for (int i = 0; i < 100; i++) {
        char line[32];
        snprintf(line, sizeof line, "line %02d ..............", i);
        oq_win_log_sink(log_, OQ_LOG_INFO, line);
        assert_true(strlen(get_file(tmp_path("log\\openqmgr.log"))) <= 400);
    }
    assert_non_null(strstr(get_file(tmp_path("log\\openqmgr.log")), "line 99"));
    assert_true(strlen(get_file(tmp_path("log\\openqmgr.1.log"))) <= 400);
    assert_int_equal(count_entries(tmp_path("log")), 2);
}

static void sink__file_that_cannot_be_renamed__is_copied_and_emptied(void **state)
{
    (void)state;
    open_log(300);
    for (int i = 0; i < 6; i++)
        oq_win_log_sink(log_, OQ_LOG_INFO, "a line from before");
    HANDLE viewer = CreateFileW(wide(tmp_path("log\\openqmgr.log")), GENERIC_READ,
                                FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0,
                                NULL); /* no FILE_SHARE_DELETE */
    if (viewer == INVALID_HANDLE_VALUE) {
        /* Our own handle shares deletion, and allows this. */
        fail_msg("the log file cannot be read while it is written");
    }
    for (int i = 0; i < 12; i++)
        oq_win_log_sink(log_, OQ_LOG_INFO, "a line while it is viewed");
    CloseHandle(viewer);
    assert_true(strlen(get_file(tmp_path("log\\openqmgr.log"))) <= 300);
    assert_non_null(strstr(get_file(tmp_path("log\\openqmgr.1.log")), "a line"));
}

static void sink__line_of_4_kb__is_written_whole(void **state)
{
    static char line[4096];
    (void)state;
    memset(line, 'x', sizeof line - 1);
    open_log(0);
    oq_win_log_sink(log_, OQ_LOG_ERROR, line);
    assert_true(strlen(get_file(tmp_path("log\\openqmgr.log"))) > sizeof line);
}

static void open__folder_missing__fails(void **state)
{
    struct oq_win_log_options options = {.path = tmp_path("log\\nowhere\\openqmgr.log")};
    (void)state;
    assert_status(OQ_E_FILE_MISSING, oq_win_log_open(&options, &log_, &err), &err);
    assert_null(log_);
}

static void event__with_a_log__is_in_the_file_too(void **state)
{
    (void)state;
    open_log(0);
    oq_win_log_event(log_, OQ_MSG_START_FAILED, "the reason", NULL);
    const char *text = get_file(tmp_path("log\\openqmgr.log"));
    assert_non_null(strstr(text, " ERROR "));
    assert_non_null(strstr(text, "the reason"));
}

static void event__many_warnings__reach_the_event_log_within_bounds(void **state)
{
    struct oq_win_log_options options = {.is_in_event_log = true};
    (void)state;
    assert_status(OQ_OK, oq_win_log_open(&options, &log_, &err), &err);
    for (int i = 0; i < 50; i++)
        oq_win_log_sink(log_, OQ_LOG_WARNING, "a test of OpenQMGR");
    oq_win_log_event(NULL, OQ_MSG_STOPPED, NULL, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(sink__line__has_time_level_and_text),
        TEST(open__existing_file__is_continued),
        TEST(sink__file_at_its_limit__is_set_aside_once),
        TEST(sink__file_that_cannot_be_renamed__is_copied_and_emptied),
        TEST(sink__line_of_4_kb__is_written_whole),
        TEST(open__folder_missing__fails),
        TEST(event__with_a_log__is_in_the_file_too),
        TEST(event__many_warnings__reach_the_event_log_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
