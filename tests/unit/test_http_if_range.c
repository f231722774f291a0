/* test_http_if_range.c - service/core/http_judge.c: the If-Range field of a request. */
#include "test_unit.h"

#include "oq_http.h"

#define TAG "\"v1\""
#define WEAK_TAG "W/\"v1\""
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define SAME_DATE "Sunday, 06-Nov-94 08:49:37 GMT"

static const struct oq_http_request first = {.size_bytes = OQ_SIZE_UNKNOWN};
static const struct oq_http_request by_tag = {.offset_bytes = 40, .size_bytes = 100, .etag = TAG};
static const struct oq_http_request by_date = {
    .offset_bytes = 40, .size_bytes = 100, .last_modified = DATE};
static const struct oq_http_request by_both = {
    .offset_bytes = 40, .size_bytes = 100, .etag = TAG, .last_modified = DATE};
static const struct oq_http_request by_tag_of_unknown_size = {
    .offset_bytes = 40, .size_bytes = OQ_SIZE_UNKNOWN, .etag = TAG};
static const struct oq_http_request by_date_of_unknown_size = {
    .offset_bytes = 40, .size_bytes = OQ_SIZE_UNKNOWN, .last_modified = DATE};
static const struct oq_http_request by_nothing = {.offset_bytes = 40, .size_bytes = 100};

static void assert_if_range(const struct oq_http_request *request, const char *wanted)
{
    char value[OQ_ETAG_MAX + 1] = "untouched";
    bool has_value = oq_http_if_range(request, value, sizeof value);

    assert_int_equal(has_value, wanted != NULL);
    assert_string_equal(value, wanted ? wanted : "untouched");
}

static void if_range__with_a_strong_tag__is_the_tag(void **state)
{
    (void)state;
    assert_if_range(&by_tag, TAG);
    assert_if_range(&by_both, TAG);
    assert_if_range(&by_tag_of_unknown_size, TAG);
}

static void if_range__without_one__is_the_date_as_sent_if_the_size_is_known(void **state)
{
    struct oq_http_request request = by_date;

    (void)state;
    assert_if_range(&by_date, DATE);
    request.last_modified = SAME_DATE;
    assert_if_range(&request, SAME_DATE);
    assert_if_range(&by_date_of_unknown_size, NULL);
    request = by_both;
    request.etag = WEAK_TAG;
    assert_if_range(&request, DATE);
}

static void if_range__with_nothing_to_go_by__is_none(void **state)
{
    static const char *const bad_tags[] = {WEAK_TAG, "v1,v2", "", "\"", "\"a\r\nX: y\"", "\"a b\""};
    static const char *const bad_dates[] = {"", "yesterday", (DATE "\r\nX: y"), (DATE "\x80")};
    struct oq_http_request request = by_both;

    (void)state;
    assert_if_range(&first, NULL);
    assert_if_range(&by_nothing, NULL);
    request.offset_bytes = 0;
    assert_if_range(&request, NULL);
    request.offset_bytes = 40;
    request.is_plain = true;
    assert_if_range(&request, NULL);
    for (size_t i = 0; i < COUNT_OF(bad_tags); i++) {
        request = by_tag;
        request.etag = bad_tags[i];
        assert_if_range(&request, NULL);
    }
    for (size_t i = 0; i < COUNT_OF(bad_dates); i++) {
        request = by_date;
        request.last_modified = bad_dates[i];
        assert_if_range(&request, NULL);
    }
}

static void if_range__too_long_for_the_buffer__is_none_and_not_cut(void **state)
{
    char value[8];

    (void)state;
    memset(value, 'x', sizeof value);
    assert_false(oq_http_if_range(&by_tag, value, 0));
    assert_false(oq_http_if_range(&by_tag, value, strlen(TAG)));
    assert_int_equal(value[0], 'x');
    assert_true(oq_http_if_range(&by_tag, value, strlen(TAG) + 1));
    assert_string_equal(value, TAG);
}

static void if_range__with_the_longest_tag__fits_the_documented_buffer(void **state)
{
    struct oq_http_request request = by_tag;
    char tag[OQ_ETAG_MAX + 2], value[OQ_ETAG_MAX + 1];

    (void)state;
    memset(tag, 'a', sizeof tag);
    tag[0] = tag[OQ_ETAG_MAX - 1] = '"';
    tag[OQ_ETAG_MAX] = '\0';
    request.etag = tag;
    assert_true(oq_http_if_range(&request, value, sizeof value));
    assert_string_equal(value, tag);
}

static void if_range__a_step_down__is_the_date_and_then_none(void **state)
{
    struct oq_http_request request = by_both;

    (void)state;
    request.resume = OQ_HTTP_RESUME_DATE;
    assert_if_range(&request, DATE);
    request.resume = OQ_HTTP_RESUME_RANGE;
    assert_if_range(&request, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(if_range__with_a_strong_tag__is_the_tag),
        cmocka_unit_test(if_range__without_one__is_the_date_as_sent_if_the_size_is_known),
        cmocka_unit_test(if_range__with_nothing_to_go_by__is_none),
        cmocka_unit_test(if_range__too_long_for_the_buffer__is_none_and_not_cut),
        cmocka_unit_test(if_range__with_the_longest_tag__fits_the_documented_buffer),
        cmocka_unit_test(if_range__a_step_down__is_the_date_and_then_none),
    };
    return cmocka_run_group_tests_name("http_if_range", tests, NULL, NULL);
}
