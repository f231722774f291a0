/* test_log.c - service/base/log.c */
#include "test_unit.h"

#include "oq_log.h"

#include <pthread.h>

/* What reached the sink; one test or, in the test with threads, all of them under the log's own
 * mutex. */
static struct {
    int count;
    enum oq_log_level level;
    char last[8192];
    bool is_inside;
    bool overlapped;
    unsigned char seen[4][1000];
} caught;

static void catch (void *ctx, enum oq_log_level level, const char *line)
{
    assert_ptr_equal(ctx, &caught);
    if (caught.is_inside)
        caught.overlapped = true;
    caught.is_inside = true;
    caught.count++;
    caught.level = level;
    snprintf(caught.last, sizeof caught.last, "%s", line);
    unsigned thread, number;
    char end[8];
    if (sscanf(line, "thread %u line %u %5s", &thread, &number, end) == 3 &&
        strcmp(end, "whole") == 0 && thread < 4 && number < 1000)
        caught.seen[thread][number]++;
    caught.is_inside = false;
}

static int set_up(void **state)
{
    (void)state;
    memset(&caught, 0, sizeof caught);
    oq_log_set_sink(catch, &caught);
    oq_log_set_level(OQ_LOG_INFO);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    oq_log_set_sink(NULL, NULL);
    oq_log_set_level(OQ_LOG_INFO);
    return 0;
}

static void log__line__reaches_the_sink_formatted(void **state)
{
    (void)state;
    oq_log_error("%s: %d of %llu", "text", -3, 5ull);
    assert_int_equal(caught.count, 1);
    assert_int_equal(caught.level, OQ_LOG_ERROR);
    assert_string_equal(caught.last, "text: -3 of 5");
}

static void log__level__drops_what_is_above(void **state)
{
    (void)state;
    static const enum oq_log_level levels[] = {OQ_LOG_ERROR, OQ_LOG_WARNING, OQ_LOG_INFO,
                                               OQ_LOG_DEBUG};
    for (size_t highest = 0; highest < 4; highest++) {
        oq_log_set_level(levels[highest]);
        for (size_t level = 0; level < 4; level++) {
            caught.count = 0;
            oq_log(levels[level], "x");
            assert_int_equal(caught.count, level <= highest);
        }
    }
}

static void log__default_level__is_info(void **state)
{
    (void)state;
    oq_log_debug("x");
    assert_int_equal(caught.count, 0);
    oq_log_info("x");
    assert_int_equal(caught.count, 1);
    oq_log_warning("x");
    assert_int_equal(caught.level, OQ_LOG_WARNING);
}

static void log__control_characters__cannot_forge_a_line(void **state)
{
    (void)state;
    oq_log_info("name \"%s\"", "a\r\n2026 ERROR forged\x1b[31m\t\x7f");
    assert_string_equal(caught.last, "name \"a  2026 ERROR forged [31m  \"");
    oq_log_info("%s", "a\xc2\x85"
                      "b\xe2\x80\xa8"
                      "c\xe2\x80\xa9"
                      "d"); /* NEL, LS, PS */
    assert_string_equal(caught.last, "a  b   c   d");
    oq_log_info("%s", "\xc2\xa0~"); /* the neighbours of control characters stay */
    assert_string_equal(caught.last, "\xc2\xa0~");
}

static void log__bytes_that_are_not_utf8__become_question_marks(void **state)
{
    (void)state;
    oq_log_info("%s", "gr\xfc\xdf \xc3\xa9 \xe2\x82");
    assert_string_equal(caught.last, "gr?? \xc3\xa9 ??");
}

static void log__long_line__is_cut_and_says_so(void **state)
{
    (void)state;
    oq_log_info("%0*d", 10000, 1);
    size_t length = strlen(caught.last);
    assert_in_range(length, 3000, 4095);
    assert_string_equal(caught.last + length - 3, "...");
    /* A cut inside a character must not let half of it through. */
    char text[5000] = "";
    for (size_t lead = 0; lead < 4; lead++) {
        memset(text, 'a', lead);
        for (size_t at = lead; at + 4 < sizeof text; at += 4)
            memcpy(text + at, "\xf0\x9f\x98\x80", 5);
        oq_log_info("%s", text);
        for (const char *p = caught.last + lead; strlen(p) > 6; p += 4)
            assert_memory_equal(p, "\xf0\x9f\x98\x80", 4);
        for (const char *p = caught.last + strlen(caught.last) - 3; *p; p++)
            assert_int_equal(*p, '.');
        for (const char *p = caught.last + strlen(caught.last) - 6; *p; p++)
            assert_true(*p == '.' || *p == '?' || (unsigned char)*p >= 0x80);
    }
}

static void log__line_that_just_fits__is_not_cut(void **state)
{
    (void)state;
    oq_log_info("%0*d", 4095, 1);
    assert_int_equal(strlen(caught.last), 4095);
    assert_string_equal(caught.last + 4092, "001");
    oq_log_info("%0*d", 4096, 1);
    assert_int_equal(strlen(caught.last), 4095);
    assert_string_equal(caught.last + 4092, "...");
}

static void log__no_sink__writes_to_stderr(void **state)
{
    (void)state;
    oq_log_set_sink(NULL, NULL);
    oq_log_info("this line belongs to a test");
    assert_int_equal(caught.count, 0);
}

static void *log_many(void *arg)
{
    unsigned thread = *(unsigned *)arg;
    for (unsigned i = 0; i < 1000; i++)
        oq_log_info("thread %u line %u whole", thread, i);
    return NULL;
}

static void log__four_threads__lines_are_whole_and_none_is_lost(void **state)
{
    (void)state;
    pthread_t threads[4];
    unsigned numbers[4] = {0, 1, 2, 3};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, &numbers[i]), 0);
    oq_log_set_level(OQ_LOG_DEBUG); /* allowed at any time */
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(caught.count, 4000);
    assert_false(caught.overlapped);
    for (size_t i = 0; i < 4; i++)
        for (size_t line = 0; line < 1000; line++)
            assert_int_equal(caught.seen[i][line], 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(log__line__reaches_the_sink_formatted),
        TEST(log__level__drops_what_is_above),
        TEST(log__default_level__is_info),
        TEST(log__control_characters__cannot_forge_a_line),
        TEST(log__bytes_that_are_not_utf8__become_question_marks),
        TEST(log__long_line__is_cut_and_says_so),
        TEST(log__line_that_just_fits__is_not_cut),
        TEST(log__no_sink__writes_to_stderr),
        TEST(log__four_threads__lines_are_whole_and_none_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
