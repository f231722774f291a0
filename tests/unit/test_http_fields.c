/* test_http_fields.c - service/core/http_fields.c
 *
 * Values are copied to the heap in exactly their length, without terminator, so that
 * AddressSanitizer sees a byte too many.
 */
#include "test_unit.h"

#include "oq_http.h"

#define MS INT64_C(1000)

/* The value without terminator; free it. */
static char *bare(const char *value, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);

    assert_non_null(copy);
    memcpy(copy, value, length);
    return copy;
}

/* --- Content-Range --- */

static const struct oq_content_range nonsense_range = {111, 222, true, 333};

static enum oq_status parse_range(const char *value, size_t length, struct oq_content_range *out)
{
    char *copy = bare(value, length);

    *out = nonsense_range;
    enum oq_status status = oq_http_parse_content_range(copy, length, out);
    free(copy);
    return status;
}

static void content_range__well_formed__is_understood(void **state)
{
    static const struct {
        const char *value;
        struct oq_content_range wanted;
    } cases[] = {
        {"bytes 0-0/1", {0, 0, true, 1}},
        {"bytes 0-499/1234", {0, 499, true, 1234}},
        {"bytes 500-1233/1234", {500, 1233, true, 1234}},
        {"bytes 42-1233/*", {42, 1233, true, OQ_SIZE_UNKNOWN}},
        {"bytes */1234", {0, 0, false, 1234}},
        {"bytes */0", {0, 0, false, 0}},
        {"BYTES 0-1/2", {0, 1, true, 2}},
        {"  bytes   0-1/2\t ", {0, 1, true, 2}},
        {"bytes\t0-1/2", {0, 1, true, 2}},
        {"bytes 0000-0001/0002", {0, 1, true, 2}},
        {"bytes=0-1/2", {0, 1, true, 2}}, /* careless, but clear */
        {"bytes: 0-1/2", {0, 1, true, 2}},
        {"bytes 0 - 1 / 2", {0, 1, true, 2}},
        {"bytes=*/2", {0, 0, false, 2}},
        {"bytes 4294967296-4294967297/4294967298", {4294967296, 4294967297, true, 4294967298}},
        {"bytes 0-9223372036854775806/9223372036854775807", {0, INT64_MAX - 1, true, INT64_MAX}},
        {"bytes 9223372036854775807-9223372036854775807/*",
         {INT64_MAX, INT64_MAX, true, OQ_SIZE_UNKNOWN}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct oq_content_range range;

        if (parse_range(cases[i].value, strlen(cases[i].value), &range) != OQ_OK)
            fail_msg("refused: %s", cases[i].value);
        assert_int_equal(range.has_range, cases[i].wanted.has_range);
        assert_true(range.total == cases[i].wanted.total);
        if (range.has_range) {
            assert_true(range.first == cases[i].wanted.first);
            assert_true(range.last == cases[i].wanted.last);
        }
    }
}

static void content_range__malformed__is_refused_and_nothing_written(void **state)
{
    static const char *const cases[] = {
        "",
        " ",
        "bytes",
        "bytes ",
        "bytes0-1/2",
        "bytes==0-1/2",
        "bytes=: 0-1/2",
        "byte 0-1/2",
        "bytess 0-1/2",
        "items 0-1/2",
        "0-1/2",
        "bytes 0-1",
        "bytes 0-1/",
        "bytes 0-/2",
        "bytes -1/2",
        "bytes 0/2",
        "bytes 1/2",
        "bytes */*",
        "bytes */",
        "bytes *",
        "bytes *-1/2",
        "bytes 0-*/2",
        "bytes 1-0/2",
        "bytes 0-2/2",
        "bytes 0-1/0",
        "bytes 0-0/0",
        "bytes 2-3/2",
        "bytes 0-1/2;",
        "bytes 0-1/2,bytes 0-1/2",
        "bytes 0-1/2 x",
        "bytes 0-1/*x",
        "bytes */2x",
        "bytes 0 1/2",
        "bytes == 0-1/2",
        "bytes -0-1/2",
        "bytes +0-1/2",
        "bytes 0x0-1/2",
        "bytes 0-1/9223372036854775808",
        "bytes 0-1/18446744073709551615",
        "bytes 0-1/18446744073709551618",
        "bytes 0-18446744073709551616/18446744073709551617",
        "bytes 18446744073709551616-18446744073709551617/*",
        "bytes 0-1/99999999999999999999999999999999999999999",
        "bytes 9223372036854775808-9223372036854775809/*",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct oq_content_range range;

        if (parse_range(cases[i], strlen(cases[i]), &range) != OQ_E_INVALID_ARG)
            fail_msg("accepted: %s", cases[i]);
        assert_true(range.first == nonsense_range.first && range.last == nonsense_range.last);
        assert_true(range.has_range == nonsense_range.has_range &&
                    range.total == nonsense_range.total);
    }
    struct oq_content_range range;
    assert_int_equal(parse_range("bytes 0-1/2\0", 12, &range), OQ_E_INVALID_ARG);
    assert_int_equal(parse_range("bytes 0-\0"
                                 "1/2",
                                 12, &range),
                     OQ_E_INVALID_ARG);
    assert_int_equal(parse_range("bytes 0-1/2\r\n", 13, &range), OQ_E_INVALID_ARG);
}

static void content_range__cut_anywhere__is_refused_or_another_number(void **state)
{
    static const char value[] = "bytes 10-99/1000";
    struct oq_content_range range;

    (void)state;
    for (size_t length = 0; length < sizeof value - 1; length++) {
        enum oq_status status = parse_range(value, length, &range);

        /* 100 is a total above 99; 10 and 1 are not. */
        assert_int_equal(status, length == strlen("bytes 10-99/100") ? OQ_OK : OQ_E_INVALID_ARG);
    }
}

/* --- Content-Length --- */

static void length__well_formed__is_understood(void **state)
{
    static const struct {
        const char *value;
        uint64_t wanted;
    } cases[] = {
        {"0", 0},
        {"5", 5},
        {"007", 7},
        {" 5\t", 5},
        {"5, 5", 5},
        {"5,5", 5},
        {"5 ,\t5 , 5", 5},
        {"5,05", 5},
        {"4294967296", 4294967296},
        {"9223372036854775807", INT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *copy = bare(cases[i].value, strlen(cases[i].value));
        uint64_t length = 12345;

        if (oq_http_parse_length(copy, strlen(cases[i].value), &length) != OQ_OK)
            fail_msg("refused: %s", cases[i].value);
        assert_true(length == cases[i].wanted);
        free(copy);
    }
}

static void length__malformed__is_refused_and_nothing_written(void **state)
{
    static const char *const cases[] = {
        "",
        " ",
        "-1",
        "+1",
        "1.5",
        "0x10",
        "1e3",
        "ten",
        "5x",
        "5 5",
        "5, 6",
        "5,",
        ",5",
        "5,,5",
        "5, x",
        "5;5",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551621, 5",
        "5, 18446744073709551621",
        "99999999999999999999999999999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *copy = bare(cases[i], strlen(cases[i]));
        uint64_t length = 12345;

        if (oq_http_parse_length(copy, strlen(cases[i]), &length) != OQ_E_INVALID_ARG)
            fail_msg("accepted: %s", cases[i]);
        assert_true(length == 12345);
        free(copy);
    }
    uint64_t length = 12345;
    assert_int_equal(oq_http_parse_length("5\0", 2, &length), OQ_E_INVALID_ARG);
}

/* --- ETag --- */

static enum oq_status parse_etag(const char *value, size_t length, char tag[OQ_ETAG_MAX + 1],
                                 bool *is_weak)
{
    char *copy = bare(value, length);

    memset(tag, 'x', OQ_ETAG_MAX);
    tag[OQ_ETAG_MAX] = '\0';
    enum oq_status status = oq_http_parse_etag(copy, length, tag, is_weak);
    free(copy);
    return status;
}

static void etag__well_formed__is_copied_with_quotes(void **state)
{
    static const struct {
        const char *value, *tag;
        bool is_weak;
    } cases[] = {
        {"\"xyzzy\"", "\"xyzzy\"", false},
        {"W/\"xyzzy\"", "\"xyzzy\"", true},
        {"\"\"", "\"\"", false},
        {"W/\"\"", "\"\"", true},
        {" \"a\"\t", "\"a\"", false},
        {"\"5f-3e8:W/!#$%&'()*+,-./;<=>?@[\\]^_`{|}~\"",
         "\"5f-3e8:W/!#$%&'()*+,-./;<=>?@[\\]^_`{|}~\"", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char tag[OQ_ETAG_MAX + 1];
        bool is_weak = !cases[i].is_weak;

        if (parse_etag(cases[i].value, strlen(cases[i].value), tag, &is_weak) != OQ_OK)
            fail_msg("refused: %s", cases[i].value);
        assert_string_equal(tag, cases[i].tag);
        assert_int_equal(is_weak, cases[i].is_weak);
    }
}

static void etag__malformed__is_refused_and_nothing_written(void **state)
{
    static const char *const cases[] = {
        "",
        "\"",
        "a,b",
        "\"xyzzy",
        "xyzzy\"",
        "\"a\"b\"",
        "\"a\", \"b\"",
        "w/\"a\"",
        "W/",
        "W/ \"a\"",
        "W\"a\"",
        "*",
        "*",
        "\"a b\"",
        "\"a\tb\"",
        "\"a\x7f\"",
        "\"a\r\nX: y\"",
        "\"\xc3\xa9\"",
        "\"\x80\"",
        "W/W/\"a\"",
        "W/W/a",
        "\"a\"x",
        "W/\"",
    };
    char tag[OQ_ETAG_MAX + 1];
    bool is_weak = true;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (parse_etag(cases[i], strlen(cases[i]), tag, &is_weak) != OQ_E_INVALID_ARG)
            fail_msg("accepted: %s", cases[i]);
        assert_int_equal(tag[0], 'x');
        assert_true(is_weak);
    }
    assert_int_equal(parse_etag("\"a\0b\"", 5, tag, &is_weak), OQ_E_INVALID_ARG);
}

static void etag__at_the_limit__is_accepted_and_one_more_refused(void **state)
{
    char value[OQ_ETAG_MAX + 4], tag[OQ_ETAG_MAX + 1];
    bool is_weak = true;

    (void)state;
    memset(value, 'a', sizeof value);
    value[0] = '"';
    value[OQ_ETAG_MAX - 1] = '"';
    assert_int_equal(parse_etag(value, OQ_ETAG_MAX, tag, &is_weak), OQ_OK);
    assert_int_equal(strlen(tag), OQ_ETAG_MAX);
    value[OQ_ETAG_MAX - 1] = 'a';
    value[OQ_ETAG_MAX] = '"';
    assert_int_equal(parse_etag(value, OQ_ETAG_MAX + 1, tag, &is_weak), OQ_E_INVALID_ARG);
}

/* --- HTTP-date --- */

static enum oq_status parse_date(const char *value, size_t length, int64_t *wall_ms)
{
    char *copy = bare(value, length);

    *wall_ms = 12345;
    enum oq_status status = oq_http_parse_date(copy, length, wall_ms);
    free(copy);
    return status;
}

static void date__in_each_form__is_the_same_time(void **state)
{
    static const struct {
        const char *value;
        int64_t seconds;
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {" Sun, 06 Nov 1994 08:49:37 GMT\t", 784111777},
        {"sun, 06 nov 1994 08:49:37 gmt", 784111777},
        {"SUNDAY, 06-NOV-94 08:49:37 GMT", 784111777},
        {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777}, /* it was a Sunday */
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Wed, 31 Dec 1969 23:59:58 GMT", -2},
        {"Thu Jan 01 00:00:00 1970", 0},
        {"Sun Nov 16 08:49:37 1994", 784975777},
        {"Tue, 29 Feb 2000 12:00:00 GMT", 951825600},
        {"Wed, 29 Feb 2012 00:00:00 GMT", 1330473600},
        {"Fri, 01 Mar 1900 00:00:00 GMT", -2203891200},
        {"Mon, 01 Jan 1601 00:00:00 GMT", -11644473600},
        {"Sat, 01 Jan 1583 00:00:00 GMT", -12212553600},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
        {"Tue, 19 Jan 2038 03:14:08 GMT", 2147483648},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800}, /* leap second */
        {"Friday, 01-Jan-71 00:00:00 GMT", 31536000},
        {"Wednesday, 31-Dec-70 23:59:59 GMT", 3187295999}, /* 2070 */
        {"Friday, 31-Dec-99 23:59:59 GMT", 946684799},
        {"Saturday, 01-Jan-00 00:00:00 GMT", 946684800},
        {"Tuesday, 31-Dec-69 23:59:59 GMT", 3155759999}, /* 2069 */
        {"Monday, 02-Mar-26 00:00:00 GMT", 1772409600},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t wall_ms;

        if (parse_date(cases[i].value, strlen(cases[i].value), &wall_ms) != OQ_OK)
            fail_msg("refused: %s", cases[i].value);
        if (wall_ms != cases[i].seconds * MS)
            fail_msg("%s: %lld", cases[i].value, (long long)wall_ms);
    }
}

static void date__malformed_or_impossible__is_refused_and_nothing_written(void **state)
{
    static const char *const cases[] = {
        "",
        "0",
        "-1",
        "now",
        "Sun",
        "Sun,",
        "Sun, ",
        "06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 06 Nov 1994 08:49:37 GMT x",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37.5 GMT",
        "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun. 06 Nov 1994 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sun, 06 November 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov   6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov  6 08:49:37 19945",
        "Wed, 31 Dec 1969 23:59:59 GMT", /* -1: libcurl has no word for it */
        "Sat, 01 Jan 0000 00:00:00 GMT",
        "Sat, 01 Jan 0094 00:00:00 GMT",
        "Fri, 31 Dec 1582 23:59:59 GMT",
        "..., 06 Nov 1994 08:49:37 GMT",
        "Sunda, 06-Nov-94 08:49:37 GMT",
        ", 06-Nov-94 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun Nov  0 08:49:37 1994",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 32 Jan 1994 08:49:37 GMT",
        "Sun, 99 Jan 1994 08:49:37 GMT",
        "Sun, 29 Feb 1994 08:49:37 GMT",
        "Sun, 30 Feb 2000 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 29 Feb 2100 08:49:37 GMT",
        "Sunday, 29-Feb-95 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 06 Nov 1994 23:58:60 GMT",
        "Sun, 06 Nov 1994 08:59:60 GMT",
        "Sun, 06 Nov 1994 23:59:61 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        "Sun, 06 Nov 19x4 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
    };
    int64_t wall_ms;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (parse_date(cases[i], strlen(cases[i]), &wall_ms) != OQ_E_INVALID_ARG)
            fail_msg("accepted: %s", cases[i]);
        assert_true(wall_ms == 12345);
    }
    assert_int_equal(parse_date("Sun, 06 Nov 1994 08:49:37 GMT\0", 30, &wall_ms), OQ_E_INVALID_ARG);
}

static void date__cut_anywhere__is_refused(void **state)
{
    static const char *const values[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                         "Sunday, 06-Nov-94 08:49:37 GMT",
                                         "Sun Nov  6 08:49:37 1994"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        for (size_t length = 0; length < strlen(values[i]); length++) {
            int64_t wall_ms;

            assert_int_equal(parse_date(values[i], length, &wall_ms), OQ_E_INVALID_ARG);
        }
    }
}

/* Counts the days from 1583-01-01 on by itself. */
static void date__of_every_day_until_9999__is_one_day_later(void **state)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t wanted = INT64_C(-12212553600) * MS;

    (void)state;
    for (unsigned year = 1583; year <= 9999; year++) {
        for (unsigned month = 0; month < 12; month++) {
            unsigned days = month == 3 || month == 5 || month == 8 || month == 10 ? 30 : 31;

            if (month == 1)
                days = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
            for (unsigned day = 1; day <= 32; day++) {
                char text[48];
                int64_t wall_ms = 0;

                /* The first and the last days of a month tell as much as all. */
                if (day == 3) {
                    wanted += (int64_t)(days - 4) * 86400 * MS;
                    day = days - 1;
                }
                int length = snprintf(text, sizeof text, "Mon, %02u %s %04u 00:00:00 GMT", day,
                                      months[month], year);
                enum oq_status status = oq_http_parse_date(text, (size_t)length, &wall_ms);
                if (day > days) {
                    assert_int_equal(status, OQ_E_INVALID_ARG);
                    break;
                }
                if (status != OQ_OK || wall_ms != wanted)
                    fail_msg("%s", text);
                wanted += 86400 * MS;
            }
        }
    }
}

/* --- Retry-After --- */

static void retry_after__well_formed__is_a_delay(void **state)
{
    static const int64_t now = INT64_C(784111777) * MS;
    static const struct {
        const char *value;
        int64_t now, wanted;
    } cases[] = {
        {"0", now, 0},
        {"120", now, 120 * MS},
        {" 120 ", now, 120 * MS},
        {"00000000000000000000000000000000001", now, MS},
        {"3155760000", now, OQ_RETRY_AFTER_MAX_MS},
        {"3155760001", now, OQ_RETRY_AFTER_MAX_MS},
        {"9223372036854775807", now, OQ_RETRY_AFTER_MAX_MS},
        {"18446744073709551616", now, OQ_RETRY_AFTER_MAX_MS},
        {"99999999999999999999999999999999", now, OQ_RETRY_AFTER_MAX_MS},
        {"Sun, 06 Nov 1994 08:49:37 GMT", now, 0},
        {"Sun, 06 Nov 1994 08:49:38 GMT", now, MS},
        {"Sun, 06 Nov 1994 08:49:38 GMT", now + 1, MS - 1},
        {"Sunday, 06-Nov-94 09:49:37 GMT", now, 3600 * MS},
        {"Sun Nov  6 08:49:37 1994", now - 5, 5},
        {"Sun, 06 Nov 1994 08:49:36 GMT", now, 0},
        {"Thu, 01 Jan 1970 00:00:00 GMT", now, 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", now, OQ_RETRY_AFTER_MAX_MS},
        {"Fri, 31 Dec 9999 23:59:59 GMT", INT64_MIN, OQ_RETRY_AFTER_MAX_MS},
        {"Sat, 01 Jan 1583 00:00:00 GMT", INT64_MAX, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *copy = bare(cases[i].value, strlen(cases[i].value));
        int64_t delay = -777;

        if (oq_http_parse_retry_after(copy, strlen(cases[i].value), cases[i].now, &delay) != OQ_OK)
            fail_msg("refused: %s", cases[i].value);
        if (delay != cases[i].wanted)
            fail_msg("%s: %lld", cases[i].value, (long long)delay);
        free(copy);
    }
}

static void retry_after__malformed__is_refused_and_nothing_written(void **state)
{
    static const char *const cases[] = {
        "",    " ",   "-1",  "+5",    "1.5", "5s",          "soon",
        "5 5", "5,5", "0x5", "5 GMT", "1e9", "Sun, 06 Nov", "99999999999999999999x"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *copy = bare(cases[i], strlen(cases[i]));
        int64_t delay = -777;

        if (oq_http_parse_retry_after(copy, strlen(cases[i]), 0, &delay) != OQ_E_INVALID_ARG)
            fail_msg("accepted: %s", cases[i]);
        assert_true(delay == -777);
        free(copy);
    }
}

/* --- Content-Encoding --- */

static bool is_foreign(const char *value, const char *url)
{
    char *copy = bare(value, strlen(value));
    const char *const names[] = {NULL, url};
    bool is = oq_http_is_foreign_coding(copy, strlen(value), names, 2);

    free(copy);
    return is;
}

static void coding__identity_or_nothing__is_not_foreign(void **state)
{
    static const char *const none[] = {
        "",       " ",         "identity", "IDENTITY", " identity ",  "identity, identity",
        ",",      "identity,", "none",     "zip",      "aws-chunked", "UTF-8",
        "binary", "7bit",      "gzi",      "\x01"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        if (is_foreign(none[i], "http://s/file.txt") || is_foreign(none[i], NULL))
            fail_msg("foreign: '%s'", none[i]);
    }
}

static void coding__that_the_name_does_not_say__is_foreign(void **state)
{
    static const struct {
        const char *value, *url;
    } cases[] = {
        {"gzip", "http://s/file.txt"},
        {"gzip", "http://s/file"},
        {"gzip", NULL},
        {"gzip", ""},
        {"gzip", "gz"},
        {"gzip", "http://s/file.txt?x=.gz"},
        {"gzip", "http://s/filegz"},
        {"gzip", "http://s/file.br"},
        {"br", "http://s/file.gz"},
        {"gzip, gzip", "http://s/file.gz"},
        {"gzip, br", "http://s/file.gz"},
        {"none, gzip", "http://s/file"},
        {"gzip", "http://s.gz/file"},
        {"gzip", "http://s/dir.gz/file"},
        {"deflate", "http://s/file.zip"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (!is_foreign(cases[i].value, cases[i].url))
            fail_msg("not foreign: '%s' of %s", cases[i].value, cases[i].url);
    }
}

static void coding__that_the_name_says__is_not_foreign(void **state)
{
    static const struct {
        const char *value, *url;
    } cases[] = {
        {"gzip", "http://s/file.tar.gz"},
        {"x-gzip", "http://s/FILE.TGZ?sig=1"},
        {"GZIP", "http://s/a.svgz"},
        {" x-gzip ", "http://s/file.gz#x"},
        {"compress", "http://s/file.Z"},
        {"x-compress", "http://s/file.taz"},
        {"bzip2", "http://s/file.bz2"},
        {"x-bzip2", "http://s/file.tbz2"},
        {"xz", "http://s/file.tar.xz"},
        {"br", "http://s/file.js.br"},
        {"zstd", "http://s/file.zst"},
        {"gzip", ".gz"},
        {"identity, gzip", "http://s/file.gz"},
        {"aws-chunked,gzip", "http://s/file.gz"},
        {"x-gzip", "http://s/x.tar.gz.asc"},
        {"gzip", "C:\\dl\\x.gz.1"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (is_foreign(cases[i].value, cases[i].url))
            fail_msg("foreign: '%s' of %s", cases[i].value, cases[i].url);
    }
}

static void may_be_page__goes_by_the_ending(void **state)
{
    static const char *const pages[] = {"C:\\a\\index.html", "x.HTM", "a/b.php", "C:\\v1.2\\README",
                                        "download",          "a.",    ""};
    static const char *const files[] = {"C:\\a\\b.bin", "x.html.gz", "a.iso", ".hta"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pages); i++)
        assert_true(oq_http_may_be_page(pages[i]));
    for (size_t i = 0; i < COUNT_OF(files); i++)
        assert_false(oq_http_may_be_page(files[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_range__well_formed__is_understood),
        cmocka_unit_test(content_range__malformed__is_refused_and_nothing_written),
        cmocka_unit_test(content_range__cut_anywhere__is_refused_or_another_number),
        cmocka_unit_test(length__well_formed__is_understood),
        cmocka_unit_test(length__malformed__is_refused_and_nothing_written),
        cmocka_unit_test(etag__well_formed__is_copied_with_quotes),
        cmocka_unit_test(etag__malformed__is_refused_and_nothing_written),
        cmocka_unit_test(etag__at_the_limit__is_accepted_and_one_more_refused),
        cmocka_unit_test(date__in_each_form__is_the_same_time),
        cmocka_unit_test(date__malformed_or_impossible__is_refused_and_nothing_written),
        cmocka_unit_test(date__cut_anywhere__is_refused),
        cmocka_unit_test(date__of_every_day_until_9999__is_one_day_later),
        cmocka_unit_test(retry_after__well_formed__is_a_delay),
        cmocka_unit_test(retry_after__malformed__is_refused_and_nothing_written),
        cmocka_unit_test(coding__identity_or_nothing__is_not_foreign),
        cmocka_unit_test(coding__that_the_name_does_not_say__is_foreign),
        cmocka_unit_test(coding__that_the_name_says__is_not_foreign),
        cmocka_unit_test(may_be_page__goes_by_the_ending),
    };
    return cmocka_run_group_tests_name("http_fields", tests, NULL, NULL);
}
