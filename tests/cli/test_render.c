/* test_render.c - cli/render.c */
#include "test_unit.h"

#include "render_int.h"

#define MIB UINT64_C(1048576)

static void render_size__steps_of_1024__are_named_by_iec(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0 B"},
        {1, "1 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {1536, "1.5 KiB"},
        {102399, "99.9 KiB"},
        {102400, "100 KiB"},
        {1048575, "1023 KiB"},
        {MIB, "1.0 MiB"},
        {64 * MIB, "64.0 MiB"},
        {3 * 1024 * MIB, "3.0 GiB"},
        {UINT64_C(1) << 40, "1.0 TiB"},
        {UINT64_C(1) << 50, "1.0 PiB"},
        {UINT64_MAX - 1, "15.9 EiB"},
        {OQ_RENDER_UNKNOWN, "?"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[OQ_RENDER_TEXT];
        memset(text, 0x5a, sizeof text);
        oq_render_size(rows[i].bytes, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void render_seconds__each_range__has_its_two_units(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {INT64_MIN, "0 s"},     {0, "0 s"},           {59, "59 s"},
        {60, "1 min 00 s"},     {185, "3 min 05 s"},  {3599, "59 min 59 s"},
        {3600, "1 h 00 min"},   {-1, "0 s"},          {863999999, "9999 days 23 h"},
        {864000000, "years"},   {7620, "2 h 07 min"}, {86400, "1 day 0 h"},
        {273600, "3 days 4 h"}, {INT64_MAX, "years"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[OQ_RENDER_TEXT];
        memset(text, 0x5a, sizeof text);
        oq_render_seconds(rows[i].seconds, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void render_percent__before_the_last_byte__is_below_100(void **state)
{
    (void)state;
    assert_int_equal(oq_render_percent(OQ_RENDER_UNKNOWN, 5), -1);
    assert_int_equal(oq_render_percent(0, 0), 100);
    assert_int_equal(oq_render_percent(1000, 999), 99);
    assert_int_equal(oq_render_percent(1000, 1000), 100);
    assert_int_equal(oq_render_percent(UINT64_MAX - 1, UINT64_MAX - 2), 99);
    assert_int_equal(oq_render_percent(UINT64_MAX - 1, 0), 0);
}

static void render_seconds_left__known_rate__is_rounded_up(void **state)
{
    (void)state;
    assert_int_equal(oq_render_seconds_left(100, 0, 100), 1);
    assert_int_equal(oq_render_seconds_left(101, 0, 100), 2);
    assert_int_equal(oq_render_seconds_left(100, 100, 0), 0);
    assert_int_equal(oq_render_seconds_left(100, 0, 0), -1);
    assert_int_equal(oq_render_seconds_left(OQ_RENDER_UNKNOWN, 0, 100), -1);
    assert_int_equal(oq_render_seconds_left(100, 0, OQ_RENDER_UNKNOWN), -1);
    assert_true(oq_render_seconds_left(UINT64_MAX - 1, 0, 1) > 0);
}

static void meter__first_half_second__knows_no_rate(void **state)
{
    (void)state;
    struct oq_meter meter;
    memset(&meter, 0x5a, sizeof meter);
    oq_meter_init(&meter);
    assert_int_equal(oq_meter_rate(&meter), OQ_RENDER_UNKNOWN);
    oq_meter_add(&meter, 1000, 0);
    oq_meter_add(&meter, 1499, 4000);
    assert_int_equal(oq_meter_rate(&meter), OQ_RENDER_UNKNOWN);
    oq_meter_add(&meter, 1500, 5000);
    assert_int_equal(oq_meter_rate(&meter), 10000);
}

static void meter__steady_flow_in_small_steps__gives_that_rate(void **state)
{
    (void)state;
    struct oq_meter meter;
    oq_meter_init(&meter);
    for (int64_t ms = 0; ms <= 60000; ms += 10)
        oq_meter_add(&meter, ms, (uint64_t)ms * 1000);
    assert_int_equal(oq_meter_rate(&meter), 1000000);
}

static void meter__flow_stops__rate_sinks_to_zero_within_the_window(void **state)
{
    (void)state;
    struct oq_meter meter;
    oq_meter_init(&meter);
    for (int64_t ms = 0; ms <= 10000; ms += 200)
        oq_meter_add(&meter, ms, (uint64_t)ms * 1000);
    for (int64_t ms = 10200; ms <= 14000; ms += 200)
        oq_meter_add(&meter, ms, 10000000);
    assert_in_range(oq_meter_rate(&meter), 300000, 700000);
    for (int64_t ms = 14200; ms <= 20000; ms += 200)
        oq_meter_add(&meter, ms, 10000000);
    assert_int_equal(oq_meter_rate(&meter), 0);
}

/* What was before the window of 8 seconds does not count, with few samples neither. */
static void meter__long_pause_between_samples__is_left_out(void **state)
{
    (void)state;
    struct oq_meter meter;
    oq_meter_init(&meter);
    oq_meter_add(&meter, 0, 0);
    oq_meter_add(&meter, 1000, 1000000);
    oq_meter_add(&meter, 20000, 1100000);
    oq_meter_add(&meter, 21000, 1101000);
    assert_int_equal(oq_meter_rate(&meter), 1000);
}

static void meter__same_bytes_and_time__keeps_the_measurement(void **state)
{
    (void)state;
    struct oq_meter meter;
    oq_meter_init(&meter);
    oq_meter_add(&meter, 0, 0);
    oq_meter_add(&meter, 1000, 5000);
    oq_meter_add(&meter, 2000, 5000);
    oq_meter_add(&meter, 2000, 6000);
    assert_int_equal(oq_meter_rate(&meter), 3000);
}

static void meter__bytes_or_time_go_back__restarts(void **state)
{
    (void)state;
    struct oq_meter meter;
    oq_meter_init(&meter);
    oq_meter_add(&meter, 0, 0);
    oq_meter_add(&meter, 1000, 5000);
    oq_meter_add(&meter, 2000, 100);
    assert_int_equal(oq_meter_rate(&meter), OQ_RENDER_UNKNOWN);
    oq_meter_add(&meter, 3000, 300);
    assert_int_equal(oq_meter_rate(&meter), 200);
    oq_meter_add(&meter, 10, 400);
    assert_int_equal(oq_meter_rate(&meter), OQ_RENDER_UNKNOWN);
}

static void meter__enormous_numbers__do_not_overflow(void **state)
{
    (void)state;
    struct oq_meter meter;
    oq_meter_init(&meter);
    oq_meter_add(&meter, 0, 0);
    oq_meter_add(&meter, 1000, UINT64_MAX / 2);
    assert_in_range(oq_meter_rate(&meter), UINT64_MAX / 2 - 2000, UINT64_MAX / 2);
}

static void render_plain__half_way__shows_all_five(void **state)
{
    (void)state;
    struct oq_render_view view = {
        .total_bytes = 64 * MIB, .done_bytes = 32 * MIB, .bytes_per_s = 4 * MIB};
    char line[OQ_RENDER_LINE];
    oq_render_plain(&view, line);
    assert_string_equal(line, " 50 %  32.0 MiB of 64.0 MiB  4.0 MiB/s  8 s left");
}

static void render_plain__size_unknown__shows_bytes_and_rate(void **state)
{
    (void)state;
    struct oq_render_view view = {
        .total_bytes = OQ_RENDER_UNKNOWN, .done_bytes = 2048, .bytes_per_s = 1024};
    char line[OQ_RENDER_LINE];
    oq_render_plain(&view, line);
    assert_string_equal(line, "2.0 KiB of unknown size  1.0 KiB/s");
}

static void render_plain__held_up__says_why_instead_of_the_rate(void **state)
{
    (void)state;
    struct oq_render_view view = {
        .total_bytes = 1024, .done_bytes = 0, .bytes_per_s = 7, .note = "waiting 5 s"};
    char line[OQ_RENDER_LINE];
    oq_render_plain(&view, line);
    assert_string_equal(line, "  0 %  0 B of 1.0 KiB  waiting 5 s");
}

static void render_plain__endless_note__is_cut_at_a_character(void **state)
{
    (void)state;
    char note[8001];
    for (size_t i = 0; i < 4000; i++)
        memcpy(note + 2 * i, "\xc3\xa4", 2);
    note[8000] = '\0';
    struct oq_render_view view = {
        .total_bytes = 1, .done_bytes = 0, .bytes_per_s = 0, .note = note};
    char line[OQ_RENDER_LINE];
    memset(line, 0x5a, sizeof line);
    oq_render_plain(&view, line);
    assert_non_null(memchr(line, 0, sizeof line));
    assert_string_equal(line + strlen(line) - 5, "\xc3\xa4...");
}

static void render_bar__wide_terminal__has_a_bar_of_40_cells(void **state)
{
    (void)state;
    struct oq_render_view view = {
        .total_bytes = 64 * MIB, .done_bytes = 32 * MIB, .bytes_per_s = 4 * MIB};
    char line[OQ_RENDER_LINE];
    oq_render_bar(&view, 200, line);
    assert_string_equal(line, "[####################....................]  50 %  32.0 MiB of 64.0 "
                              "MiB  4.0 MiB/s  8 s left");
}

static void render_bar__nothing_received__has_an_empty_bar(void **state)
{
    (void)state;
    struct oq_render_view view = {
        .total_bytes = 64 * MIB, .done_bytes = 0, .bytes_per_s = OQ_RENDER_UNKNOWN};
    char line[OQ_RENDER_LINE];
    oq_render_bar(&view, 35, line);
    assert_string_equal(line, "[..........]   0 %  0 B of 64.0 MiB");
}

static void render_bar__least_width__has_a_bar_of_10_cells(void **state)
{
    (void)state;
    struct oq_render_view view = {
        .total_bytes = 64 * MIB, .done_bytes = 32 * MIB, .bytes_per_s = 4 * MIB};
    static const char text[] = " 50 %  32.0 MiB of 64.0 MiB  4.0 MiB/s  8 s left";
    unsigned columns = (unsigned)strlen(text) + 13;
    char line[OQ_RENDER_LINE], expected[128];
    snprintf(expected, sizeof expected, "[#####.....] %s", text);
    oq_render_bar(&view, columns, line);
    assert_string_equal(line, expected);
    oq_render_bar(&view, columns - 1, line);
    assert_string_equal(line, text);
}

static void render_bar__any_width__is_never_exceeded(void **state)
{
    (void)state;
    struct oq_render_view view = {
        .total_bytes = 64 * MIB, .done_bytes = 63 * MIB, .bytes_per_s = 4 * MIB};
    for (unsigned columns = 0; columns < 300; columns++) {
        char line[OQ_RENDER_LINE];
        memset(line, 0x5a, sizeof line);
        oq_render_bar(&view, columns, line);
        assert_true(oq_render_columns(line) <= columns);
    }
}

static void render_bar__narrow_terminal__keeps_the_numbers(void **state)
{
    (void)state;
    struct oq_render_view view = {
        .total_bytes = 64 * MIB, .done_bytes = 32 * MIB, .bytes_per_s = 4 * MIB};
    char line[OQ_RENDER_LINE];
    oq_render_bar(&view, 52, line);
    assert_string_equal(line, " 50 %  32.0 MiB of 64.0 MiB  4.0 MiB/s  8 s left");
}

static void render_bar__size_unknown__has_no_bar(void **state)
{
    (void)state;
    struct oq_render_view view = {
        .total_bytes = OQ_RENDER_UNKNOWN, .done_bytes = 1, .bytes_per_s = 1};
    char line[OQ_RENDER_LINE];
    oq_render_bar(&view, 200, line);
    assert_string_equal(line, "1 B of unknown size  1 B/s");
}

static void render_printable__control_characters__become_question_marks(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printable;
    } rows[] = {
        {"", ""},
        {"plain ~ text", "plain ~ text"},
        {"\x1b[31mred\r\nnext\ttab", "?[31mred??next?tab"},
        {"\x01\x1f \x7f", "?? ?"},
        {"\xc2\x80\xc2\x9f\xc2\xa0", "??\xc2\xa0"},
        {"\xd8\x9b\xd8\x9c\xd8\x9d", "\xd8\x9b?\xd8\x9d"},
        {"\xe2\x80\x8d\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\x90", "\xe2\x80\x8d??\xe2\x80\x90"},
        {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xaa\xe2\x80\xae\xe2\x80\xaf",
         "\xe2\x80\xa7???\xe2\x80\xaf"},
        {"\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa", "\xe2\x81\xa5??\xe2\x81\xaa"},
        {"gpj.\xe2\x80\xae"
         "exe",
         "gpj.?exe"},
        {"\xe3\x80\xae\xe2\x82\xa6\xf0\x9f\x98\x80", "\xe3\x80\xae\xe2\x82\xa6\xf0\x9f\x98\x80"},
        {"cut \xe2", "cut \xe2"},
        {"cut \xe2\x80", "cut \xe2\x80"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[64];
        memset(text, 0x5a, sizeof text);
        memcpy(text, rows[i].text, strlen(rows[i].text) + 1);
        oq_render_printable(text);
        assert_string_equal(text, rows[i].printable);
    }
}

static void render_url__password__is_not_shown(void **state)
{
    (void)state;
    static const struct {
        const char *url, *shown;
    } rows[] = {
        {"", ""},
        {"http://h/a:b@c", "http://h/a:b@c"},
        {"http://h:80/a", "http://h:80/a"},
        {"http://user@h/a", "http://user@h/a"},
        {"http://user:secret@h:80/a", "http://user:***@h:80/a"},
        {"HTTPS://u:p@ss:word@h?x=@y", "HTTPS://u:***@h?x=@y"},
        {"http://:secret@h", "http://:***@h"},
        {"http://h?a:b@c", "http://h?a:b@c"},
        {"u:p@h/a", "u:p@h/a"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[64];
        memset(out, 0x5a, sizeof out);
        oq_render_url(rows[i].url, 60, out, sizeof out);
        assert_string_equal(out, rows[i].shown);
    }
    char out[64];
    oq_render_url("http://user:secret@host/file", 20, out, sizeof out);
    assert_string_equal(out, "http://user:***@h...");
}

static void render_fit__each_capacity_and_width__cuts_whole_characters(void **state)
{
    (void)state;
    static const char text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 file name";
    for (unsigned columns = 0; columns < 20; columns++) {
        for (size_t capacity = 1; capacity < 32; capacity++) {
            char out[64];
            memset(out, 0x5a, sizeof out);
            oq_render_fit(text, columns, out, capacity);
            assert_true(strlen(out) < capacity);
            assert_true(oq_render_columns(out) <= columns);
            assert_int_equal((unsigned char)out[capacity], 0x5a);
            /* what remains begins like the text, and the next byte of the text starts a character
             */
            size_t length = strlen(out);
            if (length >= 3 && strcmp(out + length - 3, "...") == 0)
                length -= 3;
            assert_memory_equal(out, text, length);
            assert_true(((unsigned char)text[length] & 0xc0) != 0x80);
        }
    }
}

static void words_tidy__full_stops__go_at_the_end_and_before_parentheses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *tidy;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"It failed.", "It failed"},
        {"It failed; see v1.2. (why: a.b.c)", "It failed; see v1.2 (why: a.b.c)"},
        {"It failed. (why.)", "It failed (why.)"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[64];
        memset(out, 0x5a, sizeof out);
        oq_render_sentence(rows[i].text, out, sizeof out);
        assert_string_equal(out, rows[i].tidy);
    }
}

static void words_tidy__little_room__cuts_whole_characters(void **state)
{
    (void)state;
    static const char text[] = "a\xc3\xa4\xe2\x82\xac";
    static const size_t lengths[] = {0, 1, 1, 3, 3, 3, 6, 6};
    for (size_t capacity = 1; capacity <= COUNT_OF(lengths); capacity++) {
        char out[16];
        memset(out, 0x5a, sizeof out);
        oq_render_sentence(text, out, capacity);
        assert_int_equal(strlen(out), lengths[capacity - 1]);
        assert_memory_equal(out, text, strlen(out));
    }
}

static void short_name__of_a_guid__is_its_first_eight_digits(void **state)
{
    (void)state;
    static const struct oq_guid guid = {
        0x16f41c69, 0x09f5, 0x41d2, {0x8c, 0xd8, 0x3c, 0x08, 0xc4, 0x7b, 0xc8, 0xa8}};
    char text[OQ_RENDER_GROUP_DIGITS + 1];
    memset(text, 0x5a, sizeof text);
    oq_render_group(&guid, text);
    assert_string_equal(text, "16f41c69");
}

static void base__both_separators__are_understood(void **state)
{
    (void)state;
    assert_string_equal(oq_render_file_name("C:\\a\\b.txt"), "b.txt");
    assert_string_equal(oq_render_file_name("C:/a/b.txt"), "b.txt");
    assert_string_equal(oq_render_file_name("b.txt"), "b.txt");
    assert_string_equal(oq_render_file_name("C:\\a\\"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(render_size__steps_of_1024__are_named_by_iec),
        cmocka_unit_test(render_seconds__each_range__has_its_two_units),
        cmocka_unit_test(render_percent__before_the_last_byte__is_below_100),
        cmocka_unit_test(render_seconds_left__known_rate__is_rounded_up),
        cmocka_unit_test(meter__first_half_second__knows_no_rate),
        cmocka_unit_test(meter__steady_flow_in_small_steps__gives_that_rate),
        cmocka_unit_test(meter__flow_stops__rate_sinks_to_zero_within_the_window),
        cmocka_unit_test(meter__long_pause_between_samples__is_left_out),
        cmocka_unit_test(meter__same_bytes_and_time__keeps_the_measurement),
        cmocka_unit_test(meter__bytes_or_time_go_back__restarts),
        cmocka_unit_test(meter__enormous_numbers__do_not_overflow),
        cmocka_unit_test(render_plain__half_way__shows_all_five),
        cmocka_unit_test(render_plain__size_unknown__shows_bytes_and_rate),
        cmocka_unit_test(render_plain__held_up__says_why_instead_of_the_rate),
        cmocka_unit_test(render_plain__endless_note__is_cut_at_a_character),
        cmocka_unit_test(render_bar__wide_terminal__has_a_bar_of_40_cells),
        cmocka_unit_test(render_bar__nothing_received__has_an_empty_bar),
        cmocka_unit_test(render_bar__least_width__has_a_bar_of_10_cells),
        cmocka_unit_test(render_bar__any_width__is_never_exceeded),
        cmocka_unit_test(render_bar__narrow_terminal__keeps_the_numbers),
        cmocka_unit_test(render_bar__size_unknown__has_no_bar),
        cmocka_unit_test(words_tidy__full_stops__go_at_the_end_and_before_parentheses),
        cmocka_unit_test(words_tidy__little_room__cuts_whole_characters),
        cmocka_unit_test(short_name__of_a_guid__is_its_first_eight_digits),
        cmocka_unit_test(base__both_separators__are_understood),
        cmocka_unit_test(render_printable__control_characters__become_question_marks),
        cmocka_unit_test(render_url__password__is_not_shown),
        cmocka_unit_test(render_fit__each_capacity_and_width__cuts_whole_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
