/* test_http_judge.c - service/core/http_judge.c: the rows of the table in oq_http.h, and what
 * follows from them. */
#include "test_unit.h"

#include "oq_http.h"

#define TAG "\"v1\""
#define WEAK_TAG "W/\"v1\""
#define OTHER_TAG "\"v2\""
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define SAME_DATE "Sunday, 06-Nov-94 08:49:37 GMT"
#define OTHER_DATE "Sun, 06 Nov 1994 08:49:38 GMT"
#define UNKNOWN OQ_SIZE_UNKNOWN

/* Requests. */
static const struct oq_http_request first = {.size_bytes = UNKNOWN};
static const struct oq_http_request plain = {.size_bytes = UNKNOWN, .is_plain = true};
static const struct oq_http_request by_tag = {.offset_bytes = 40, .size_bytes = 100, .etag = TAG};
static const struct oq_http_request by_date = {
    .offset_bytes = 40, .size_bytes = 100, .last_modified = DATE};
static const struct oq_http_request by_both = {
    .offset_bytes = 40, .size_bytes = 100, .etag = TAG, .last_modified = DATE};
static const struct oq_http_request by_tag_of_unknown_size = {
    .offset_bytes = 40, .size_bytes = UNKNOWN, .etag = TAG};
static const struct oq_http_request by_date_of_unknown_size = {
    .offset_bytes = 40, .size_bytes = UNKNOWN, .last_modified = DATE};
static const struct oq_http_request by_nothing = {.offset_bytes = 40, .size_bytes = 100};

static struct oq_http_response whole(uint64_t length)
{
    return (struct oq_http_response){
        .status = 200, .has_length = length != UNKNOWN, .length_bytes = length};
}

static struct oq_http_response part(uint64_t from, uint64_t last, uint64_t total)
{
    return (struct oq_http_response){.status = 206,
                                     .has_length = true,
                                     .length_bytes = last - from + 1,
                                     .has_content_range = true,
                                     .content_range = {from, last, true, total}};
}

static struct oq_http_response refused(uint64_t total)
{
    return (struct oq_http_response){.status = 416,
                                     .has_content_range = true,
                                     .content_range = {.has_range = false, .total = total}};
}

static struct oq_http_response with(struct oq_http_response response, const char *etag,
                                    const char *last_modified)
{
    response.etag = etag;
    response.last_modified = last_modified;
    return response;
}

static void assert_decision(struct oq_http_decision is, enum oq_http_verdict verdict,
                            uint64_t total, uint64_t body)
{
    if (is.verdict != verdict)
        fail_msg("verdict %d, not %d: %s", (int)is.verdict, (int)verdict, is.why);
    assert_true(is.total_bytes == total);
    assert_true(is.body_bytes == body);
    assert_non_null(is.why);
    assert_string_not_equal(is.why, "");
    if (verdict != OQ_HTTP_FAIL)
        assert_int_equal(is.net, OQ_NET_NONE);
}

static void expect(const struct oq_http_request *request, struct oq_http_response response,
                   enum oq_http_verdict verdict, uint64_t total, uint64_t body)
{
    assert_decision(oq_http_judge(request, &response), verdict, total, body);
}

static void expect_append(const struct oq_http_request *request, struct oq_http_response response,
                          uint64_t total, uint64_t body)
{
    expect(request, response, OQ_HTTP_APPEND, total, body);
}

static void expect_restart(const struct oq_http_request *request, struct oq_http_response response)
{
    expect(request, response, OQ_HTTP_RESTART, UNKNOWN, UNKNOWN);
}

static void expect_fail(const struct oq_http_request *request, struct oq_http_response response,
                        enum oq_net_error net)
{
    struct oq_http_decision decision = oq_http_judge(request, &response);

    assert_decision(decision, OQ_HTTP_FAIL, UNKNOWN, UNKNOWN);
    assert_int_equal(decision.net, net);
}

/* --- 200 --- */

static void status_200__to_a_first_request__replaces(void **state)
{
    (void)state;
    expect(&first, whole(100), OQ_HTTP_REPLACE, 100, 100);
    expect(&first, whole(0), OQ_HTTP_REPLACE, 0, 0);
    expect(&plain, whole(100), OQ_HTTP_REPLACE, 100, 100);
}

static void status_200__without_length__replaces_with_unknown_size(void **state)
{
    (void)state;
    expect(&first, whole(UNKNOWN), OQ_HTTP_REPLACE, UNKNOWN, UNKNOWN);
    expect(&by_tag, with(whole(UNKNOWN), OTHER_TAG, NULL), OQ_HTTP_REPLACE, UNKNOWN, UNKNOWN);
}

static void status_200__without_length_but_of_the_known_tag__has_the_known_size(void **state)
{
    (void)state;
    struct oq_http_request request = by_tag;
    request.has_no_ranges = true;
    struct oq_http_response same = with(whole(UNKNOWN), TAG, NULL);
    expect(&request, same, OQ_HTTP_REPLACE, 100, 100);
    assert_true(oq_http_judge(&request, &same).is_promised_before);
    expect(&request, with(whole(UNKNOWN), OTHER_TAG, NULL), OQ_HTTP_REPLACE, UNKNOWN, UNKNOWN);
    request = by_date;
    request.has_no_ranges = true;
    expect(&request, with(whole(UNKNOWN), NULL, DATE), OQ_HTTP_REPLACE, 100, 100);
    struct oq_http_response new_length = with(whole(150), TAG, NULL);
    expect(&by_tag, new_length, OQ_HTTP_REPLACE, 150, 150);
    assert_false(oq_http_judge(&by_tag, &new_length).is_promised_before);
}

static void status_200__of_a_new_version_or_of_none__replaces(void **state)
{
    (void)state;
    expect(&by_tag, with(whole(90), OTHER_TAG, NULL), OQ_HTTP_REPLACE, 90, 90);
    expect(&by_tag, with(whole(100), OTHER_TAG, NULL), OQ_HTTP_REPLACE, 100, 100);
    expect(&by_both, with(whole(7), NULL, OTHER_DATE), OQ_HTTP_REPLACE, 7, 7);
    expect(&by_both, whole(100), OQ_HTTP_REPLACE, 100, 100); /* no validator, but the size */
    expect(&by_nothing, whole(100), OQ_HTTP_REPLACE, 100, 100);
    expect(&by_nothing, whole(90), OQ_HTTP_REPLACE, 90, 90);
}

static void expect_again(const struct oq_http_request *request, struct oq_http_response response,
                         enum oq_http_resume resume, bool is_plain)
{
    struct oq_http_decision decision = oq_http_judge(request, &response);

    assert_decision(decision, OQ_HTTP_AGAIN, UNKNOWN, UNKNOWN);
    assert_int_equal(decision.resume, resume);
    assert_int_equal(decision.is_plain, is_plain);
}

static void status_200__of_the_same_version__asks_in_the_next_way(void **state)
{
    struct oq_http_request request = by_both;
    struct oq_http_response same = with(whole(100), TAG, DATE);

    (void)state;
    expect_again(&request, same, OQ_HTTP_RESUME_DATE, false);
    request.resume = OQ_HTTP_RESUME_DATE;
    expect_again(&request, same, OQ_HTTP_RESUME_RANGE, false);
    request.resume = OQ_HTTP_RESUME_RANGE;
    expect(&request, same, OQ_HTTP_REPLACE, 100, 100);
    expect_again(&by_tag, with(whole(100), TAG, NULL), OQ_HTTP_RESUME_RANGE, false);
    expect_again(&by_tag, with(whole(UNKNOWN), TAG, NULL), OQ_HTTP_RESUME_RANGE, false);
    expect_again(&by_date, with(whole(100), NULL, SAME_DATE), OQ_HTTP_RESUME_RANGE, false);
    request = by_tag; /* another edge of the same servers: the hash will tell */
    request.is_hashed = true;
    expect_again(&request, with(whole(100), OTHER_TAG, NULL), OQ_HTTP_RESUME_RANGE, false);
    same.refuses_ranges = true;
    expect(&by_both, same, OQ_HTTP_REPLACE, 100, 100);
}

static void status_200__of_another_resource__keeps_the_bytes(void **state)
{
    struct oq_http_request request = by_both;
    struct oq_http_response page = with(whole(99), "\"page\"", OTHER_DATE);

    (void)state;
    expect_fail(&by_both, whole(7), OQ_NET_OTHER_RESOURCE);
    expect_fail(&by_both, whole(700), OQ_NET_OTHER_RESOURCE);
    expect_fail(&by_tag, whole(UNKNOWN), OQ_NET_OTHER_RESOURCE);
    page.is_page = true;
    expect_fail(&by_both, page, OQ_NET_OTHER_RESOURCE);
    expect_fail(&by_nothing, page, OQ_NET_OTHER_RESOURCE);
    request.is_plain = true;
    expect_fail(&request, page, OQ_NET_OTHER_RESOURCE);
    request = by_both;
    request.may_be_page = true;
    expect(&request, page, OQ_HTTP_REPLACE, 99, 99);
    expect(&first, page, OQ_HTTP_REPLACE, 99, 99); /* nothing is there yet */
}

static void status_200__with_a_content_range__is_judged_by_it(void **state)
{
    struct oq_http_response rest = with(part(40, 99, 100), TAG, NULL), all = part(0, 99, 100);

    (void)state;
    rest.status = all.status = 200;
    expect_append(&by_tag, rest, 100, 60);
    expect_restart(&first, rest);
    expect_fail(&plain, rest, OQ_NET_PROTOCOL);
    expect(&first, all, OQ_HTTP_REPLACE, 100, 100);
    expect(&plain, all, OQ_HTTP_REPLACE, 100, 100);
    all.content_range.total = 200;
    expect_append(&first, all, 200, 100);
    expect_append(&plain, all, 200, 100);
    all.has_content_range = false;
    all.is_range_malformed = true;
    expect(&first, all, OQ_HTTP_REPLACE, 100, 100);
    expect_restart(&by_tag, with(all, OTHER_TAG, NULL));
}

static void status_that_may_mean_the_range__asks_without_it_once(void **state)
{
    static const uint32_t refusals[] = {400, 403, 404, 405, 406, 409, 412, 417, 500, 501};
    static const uint32_t others[] = {401, 402, 407, 408, 410, 414, 423, 425, 429, 451, 502, 503};
    struct oq_http_request request = first;
    struct oq_http_response response = {0};

    (void)state;
    request.may_try_plain = true;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        response.status = refusals[i];
        expect_again(&request, response, OQ_HTTP_RESUME_TAG, true);
        expect_fail(&first, response, OQ_NET_NONE);
    }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        response.status = others[i];
        expect_fail(&request, response, OQ_NET_NONE);
    }
    request.is_plain = true;
    response.status = 403;
    expect_fail(&request, response, OQ_NET_NONE);
}

static void coded_body__of_200_or_206__fails(void **state)
{
    struct oq_http_response response = whole(100);

    (void)state;
    response.is_encoded = true;
    expect_fail(&first, response, OQ_NET_ENCODED);
    expect_fail(&plain, response, OQ_NET_ENCODED);
    expect_fail(&by_tag, response, OQ_NET_ENCODED);
    response = with(part(40, 99, 100), TAG, NULL);
    response.is_encoded = true;
    expect_fail(&by_tag, response, OQ_NET_ENCODED);
}

static void coded_body__of_an_error__is_that_error(void **state)
{
    struct oq_http_response response = {.status = 404, .is_encoded = true};

    (void)state;
    expect_fail(&first, response, OQ_NET_NONE);
    response = refused(0);
    response.is_encoded = true;
    expect(&first, response, OQ_HTTP_COMPLETE, 0, UNKNOWN);
}

static void malformed_length__of_200_or_206__fails_as_broken_protocol(void **state)
{
    struct oq_http_response response = whole(UNKNOWN);

    (void)state;
    response.is_length_malformed = true;
    expect_fail(&first, response, OQ_NET_PROTOCOL);
    expect_fail(&plain, response, OQ_NET_PROTOCOL);
    response = with(part(40, 99, 100), TAG, NULL);
    response.is_length_malformed = true;
    expect_fail(&by_tag, response, OQ_NET_PROTOCOL);
    response = (struct oq_http_response){.status = 404, .is_length_malformed = true};
    expect_fail(&first, response, OQ_NET_NONE);
}

/* --- 206 to a first request --- */

static void status_206__to_a_first_request__appends_at_0(void **state)
{
    (void)state;
    expect_append(&first, part(0, 99, 100), 100, 100);
    expect_append(&first, part(0, 0, 1), 1, 1);
    expect_append(&first, with(part(0, 99, 100), TAG, DATE), 100, 100);
    expect_append(&plain, part(0, 99, 100), 100, 100);
}

static void status_206__shortened_by_the_server__appends_what_comes(void **state)
{
    (void)state;
    expect_append(&first, part(0, 9, 100), 100, 10);
    expect_append(&by_tag, with(part(40, 40, 100), TAG, NULL), 100, 1);
}

static void status_206__without_content_length__takes_it_from_the_range(void **state)
{
    struct oq_http_response response = part(0, 99, 100);

    (void)state;
    response.has_length = false;
    response.length_bytes = 777;
    expect_append(&first, response, 100, 100);
}

static void status_206__at_offset_0__need_not_be_the_version_known_before(void **state)
{
    struct oq_http_request request = {.size_bytes = 50, .etag = TAG, .last_modified = DATE};

    (void)state;
    expect_append(&request, with(part(0, 99, 100), OTHER_TAG, OTHER_DATE), 100, 100);
}

static void status_206__of_unknown_total_at_offset_0__restarts(void **state)
{
    struct oq_http_request request = {.size_bytes = 100};

    (void)state;
    expect_restart(&first, part(0, 99, UNKNOWN));
    expect_restart(&request,
                   part(0, 99, UNKNOWN)); /* nothing says that it is the version of 100 bytes */
}

/* --- 206: is it the range that was asked for? --- */

static void status_206__without_a_range__restarts(void **state)
{
    struct oq_http_response response = {
        .status = 206, .has_length = true, .length_bytes = 60, .etag = TAG};

    (void)state;
    expect_restart(&first, response);
    expect_restart(&by_tag, response); /* multipart/byteranges looks like this too */
    response.is_range_malformed = true;
    expect_restart(&by_tag, response);
    response = with(part(40, 99, 100), TAG, NULL);
    response.is_range_malformed = true;
    expect_restart(&by_tag, response);
    response = with(refused(100), TAG, NULL);
    response.status = 206;
    expect_restart(&by_tag, response);
}

static void status_206__shifted_or_overlapping__restarts(void **state)
{
    (void)state;
    expect_restart(&by_tag, with(part(39, 99, 100), TAG, NULL));
    expect_restart(&by_tag, with(part(41, 99, 100), TAG, NULL));
    expect_restart(&by_tag, with(part(0, 99, 100), TAG, NULL));
    expect_restart(&first, part(1, 99, 100));
}

static void status_206__of_impossible_range__restarts(void **state)
{
    struct oq_http_response response = with(part(40, 99, 100), TAG, NULL);

    (void)state;
    response.has_length = false;
    response.content_range.last = 39;
    expect_restart(&by_tag, response);
    response.content_range.last = 100;
    expect_restart(&by_tag, response);
    response.content_range.last = UINT64_MAX;
    response.content_range.total = UNKNOWN;
    expect_restart(&by_tag, response);
    response.content_range.last = UINT64_MAX - 1;
    expect_restart(&by_tag, response);
}

static void status_206__whose_length_and_range_differ__restarts(void **state)
{
    struct oq_http_response response = with(part(40, 99, 100), TAG, NULL);

    (void)state;
    response.length_bytes = 59;
    expect_restart(&by_tag, response);
    response.length_bytes = 61;
    expect_restart(&by_tag, response);
    response.length_bytes = 100;
    expect_restart(&by_tag, response);
}

/* --- 206: is it the same version? --- */

static void resume_by_tag__with_the_same_tag__appends(void **state)
{
    (void)state;
    expect_append(&by_tag, with(part(40, 99, 100), TAG, NULL), 100, 60);
    expect_append(&by_tag, with(part(40, 99, 100), TAG, DATE), 100, 60);
    expect_append(&by_both, with(part(40, 99, 100), TAG, DATE), 100, 60);
    expect_append(&by_both, with(part(40, 99, 100), TAG, NULL), 100, 60);
    expect_append(&by_tag_of_unknown_size, with(part(40, 99, 100), TAG, NULL), 100, 60);
}

static void resume_by_tag__with_another_tag__restarts(void **state)
{
    (void)state;
    expect_restart(&by_tag, with(part(40, 99, 100), OTHER_TAG, NULL));
    expect_restart(&by_both, with(part(40, 99, 100), OTHER_TAG, DATE));
    expect_restart(&by_tag_of_unknown_size, with(part(40, 99, 100), OTHER_TAG, NULL));
}

/* Dates that are those of the response exist; a strong tag decides alone. */
static void resume_by_tag__with_the_same_tag_and_another_date__appends(void **state)
{
    (void)state;
    expect_append(&by_both, with(part(40, 99, 100), TAG, OTHER_DATE), 100, 60);
}

static void resume_by_range_alone__needs_a_validator_in_the_response(void **state)
{
    struct oq_http_request request = by_both;

    (void)state;
    request.resume = OQ_HTTP_RESUME_RANGE;
    expect_append(&request, with(part(40, 99, 100), TAG, NULL), 100, 60);
    expect_append(&request, with(part(40, 99, 100), NULL, DATE), 100, 60);
    expect_restart(&request, with(part(40, 99, 100), OTHER_TAG, DATE));
    expect_restart(&request, part(40, 99, 100));
    request.is_hashed = true;
    expect_append(&request, part(40, 99, 100), 100, 60);
    expect_append(&request, with(part(40, 99, 100), OTHER_TAG, NULL), 100, 60);
    expect_restart(&request, part(40, 99, 101));
}

static void resume_by_tag__without_the_tag__appends_only_if_date_and_size_agree(void **state)
{
    (void)state;
    expect_append(&by_both, with(part(40, 99, 100), NULL, DATE), 100, 60);
    expect_restart(&by_both, with(part(40, 99, 100), NULL, OTHER_DATE));
    expect_restart(&by_both, with(part(40, 99, UNKNOWN), NULL, DATE));
    expect_restart(
        &by_tag, with(part(40, 99, 100), NULL, DATE)); /* the saved bytes have no date to compare */
}

static void resume_by_date__with_the_same_date__appends(void **state)
{
    (void)state;
    expect_append(&by_date, with(part(40, 99, 100), NULL, DATE), 100, 60);
    expect_append(&by_date, with(part(40, 99, 100), NULL, SAME_DATE), 100, 60);
    expect_append(&by_date, with(part(40, 99, 100), TAG, DATE), 100, 60); /* a tag that is new */
}

static void resume_by_date__with_another_date__restarts(void **state)
{
    (void)state;
    expect_restart(&by_date, with(part(40, 99, 100), NULL, OTHER_DATE));
    expect_restart(&by_date, with(part(40, 99, 100), NULL, "yesterday"));
}

static void resume_by_date__with_a_tag_instead__restarts(void **state)
{
    (void)state;
    expect_restart(&by_date, with(part(40, 99, 100), TAG, NULL));
}

static void resume__answered_without_any_validator__is_believed_if_the_size_agrees(void **state)
{
    (void)state;
    expect_append(&by_tag, part(40, 99, 100), 100, 60);
    expect_append(&by_date, part(40, 99, 100), 100, 60);
    expect_append(&by_both, part(40, 99, 100), 100, 60);
    expect_restart(&by_tag, part(40, 99, UNKNOWN));
    expect_restart(&by_tag_of_unknown_size, part(40, 99, 100));
}

static void resume__with_another_size__restarts(void **state)
{
    (void)state;
    expect_restart(&by_tag, with(part(40, 98, 99), TAG, NULL));
    expect_restart(&by_tag, with(part(40, 99, 101), TAG, NULL));
    expect_restart(&by_date, with(part(40, 100, 101), NULL, DATE));
    expect_restart(&by_both, part(40, 99, 1000));
}

static void resume__of_unknown_total__uses_the_known_size(void **state)
{
    (void)state;
    expect_append(&by_tag, with(part(40, 99, UNKNOWN), TAG, NULL), 100, 60);
    expect_restart(&by_tag, with(part(40, 100, UNKNOWN), TAG, NULL)); /* goes beyond it */
    expect_restart(&by_tag_of_unknown_size, with(part(40, 99, UNKNOWN), TAG, NULL));
}

static void resume__without_a_usable_validator__restarts(void **state)
{
    struct oq_http_request request = by_tag;

    (void)state;
    expect_restart(&by_nothing, part(40, 99, 100));
    expect_restart(&by_nothing, with(part(40, 99, 100), TAG, DATE));
    expect_restart(&by_date_of_unknown_size, with(part(40, 99, 100), NULL, DATE));
    request.etag = WEAK_TAG;
    expect_restart(&request, with(part(40, 99, 100), WEAK_TAG, NULL));
    request.etag = "v1"; /* without quotes, but the same */
    expect_append(&request, with(part(40, 99, 100), "v1", NULL), 100, 60);
    request = by_date;
    request.last_modified = "yesterday";
    expect_restart(&request, with(part(40, 99, 100), NULL, "yesterday"));
}

/* --- 416 --- */

static void status_416__of_an_empty_file__completes(void **state)
{
    (void)state;
    expect(&first, refused(0), OQ_HTTP_COMPLETE, 0, UNKNOWN);
}

static void status_416__where_the_saved_bytes_end__completes(void **state)
{
    struct oq_http_request request = by_tag_of_unknown_size;

    (void)state;
    expect(&request, refused(40), OQ_HTTP_COMPLETE, 40, UNKNOWN);
    expect(&request, with(refused(40), TAG, NULL), OQ_HTTP_COMPLETE, 40, UNKNOWN);
    expect(&request, with(refused(40), NULL, DATE), OQ_HTTP_COMPLETE, 40, UNKNOWN);
    request = by_date;
    request.size_bytes = 40;
    expect(&request, refused(40), OQ_HTTP_COMPLETE, 40, UNKNOWN);
    expect(&request, with(refused(40), NULL, SAME_DATE), OQ_HTTP_COMPLETE, 40, UNKNOWN);
}

static void status_416__of_another_version__restarts(void **state)
{
    struct oq_http_request request = by_both;

    (void)state;
    expect_restart(&by_tag_of_unknown_size, with(refused(40), OTHER_TAG, NULL));
    expect_restart(&by_tag, refused(40)); /* it had 100 bytes */
    request.size_bytes = 40;
    expect_restart(&request, with(refused(40), NULL, OTHER_DATE));
    expect_restart(&request, with(refused(40), OTHER_TAG, DATE));
    request = by_nothing;
    request.size_bytes = 40;
    expect_restart(&request, refused(40));
    expect_restart(&by_date_of_unknown_size, with(refused(40), NULL, DATE));
}

static void status_416__anywhere_else__restarts(void **state)
{
    struct oq_http_response response = {.status = 416};

    (void)state;
    expect_restart(&by_tag, refused(100));
    expect_restart(&by_tag, refused(39));
    expect_restart(&by_tag, refused(41));
    expect_restart(&by_tag, refused(0));
    expect_restart(&first, refused(100)); /* a server that does not like "bytes=0-" */
    expect_restart(&by_tag, response);
    expect_restart(&first, response);
    response.is_range_malformed = true;
    expect_restart(&first, response);
    response = refused(0);
    response.is_range_malformed = true;
    expect_restart(&first, response);
    response = part(0, 0, 40);
    response.status = 416;
    expect_restart(&by_tag_of_unknown_size, response);
}

/* --- no endless loop, and everything else --- */

static void plain_request__answered_by_a_useless_206__fails_as_broken_protocol(void **state)
{
    struct oq_http_response response = {.status = 206};

    (void)state;
    expect_fail(&plain, response, OQ_NET_PROTOCOL);
    response.is_range_malformed = true;
    expect_fail(&plain, response, OQ_NET_PROTOCOL);
    expect_fail(&plain, part(1, 99, 100), OQ_NET_PROTOCOL);
    expect_fail(&plain, part(0, 99, UNKNOWN), OQ_NET_PROTOCOL);
}

static void plain_request__answered_by_416__fails_with_it(void **state)
{
    (void)state;
    expect_fail(&plain, refused(100), OQ_NET_NONE);
    expect_fail(&plain, refused(0), OQ_NET_NONE);
}

static void other_status__fails_with_it(void **state)
{
    (void)state;
    for (uint32_t status = 100; status <= 999; status++) {
        struct oq_http_response response = with(part(40, 99, 100), TAG, DATE);

        if (status == 200 || status == 203 || status == 206 || status == 226 || status == 416)
            continue;
        response.status = status;
        expect_fail(&by_tag, response, OQ_NET_NONE);
        expect_fail(&first, response, OQ_NET_NONE);
    }
}

static void number_that_is_no_status__fails_as_broken_protocol(void **state)
{
    static const uint32_t numbers[] = {0, 1, 99, 1000, 20000, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct oq_http_response response = whole(100);

        response.status = numbers[i];
        expect_fail(&first, response, OQ_NET_PROTOCOL);
    }
}

/* Every small combination: appending is right only to bytes that are the same version as far as
 * anyone can tell. */
static void append__in_every_small_combination__keeps_its_promises(void **state)
{
    static const char *const tags[] = {NULL, TAG, OTHER_TAG};
    static const char *const dates[] = {NULL, DATE, OTHER_DATE};
    static const uint64_t sizes[] = {UNKNOWN, 3, 4};
    unsigned appended = 0;

    (void)state;
    for (unsigned n = 0; n < 3 * 3 * 3 * 3 * 3 * 3 * 3 * 4 * 4; n++) {
        unsigned left = n;
        unsigned draws[9];
        for (unsigned i = 0; i < 9; i++) {
            unsigned count = i < 7 ? 3 : 4;
            draws[i] = left % count;
            left /= count;
        }
        struct oq_http_request request = {.offset_bytes = draws[0],
                                          .size_bytes = sizes[draws[1]],
                                          .etag = tags[draws[2]],
                                          .last_modified = dates[draws[3]]};
        struct oq_http_response response = {
            .status = 206,
            .has_content_range = true,
            .content_range = {draws[7], draws[8], true, sizes[draws[4]]},
            .etag = tags[draws[5]],
            .last_modified = dates[draws[6]]};
        struct oq_http_decision decision = oq_http_judge(&request, &response);
        char value[OQ_ETAG_MAX + 1];

        if (decision.verdict != OQ_HTTP_APPEND) {
            assert_int_equal(decision.verdict, OQ_HTTP_RESTART);
            continue;
        }
        appended++;
        assert_true(draws[7] == request.offset_bytes && draws[8] >= draws[7]);
        assert_true(decision.body_bytes == draws[8] - draws[7] + 1);
        assert_true(decision.total_bytes != UNKNOWN);
        assert_true(request.offset_bytes + decision.body_bytes <= decision.total_bytes);
        if (request.offset_bytes == 0)
            continue;
        assert_true(oq_http_if_range(&request, value, sizeof value));
        assert_true(!request.etag || !response.etag || request.etag == response.etag);
        assert_true((request.etag && response.etag) || !request.last_modified ||
                    !response.last_modified || request.last_modified == response.last_modified);
        assert_true(request.size_bytes == UNKNOWN || decision.total_bytes == request.size_bytes);
        if (!request.etag || !response.etag)
            assert_true(request.size_bytes == response.content_range.total &&
                        request.size_bytes != UNKNOWN);
    }
    assert_int_not_equal(appended, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_200__to_a_first_request__replaces),
        cmocka_unit_test(status_200__without_length__replaces_with_unknown_size),
        cmocka_unit_test(status_200__without_length_but_of_the_known_tag__has_the_known_size),
        cmocka_unit_test(status_200__of_a_new_version_or_of_none__replaces),
        cmocka_unit_test(status_200__of_the_same_version__asks_in_the_next_way),
        cmocka_unit_test(status_200__of_another_resource__keeps_the_bytes),
        cmocka_unit_test(status_200__with_a_content_range__is_judged_by_it),
        cmocka_unit_test(status_that_may_mean_the_range__asks_without_it_once),
        cmocka_unit_test(coded_body__of_200_or_206__fails),
        cmocka_unit_test(coded_body__of_an_error__is_that_error),
        cmocka_unit_test(malformed_length__of_200_or_206__fails_as_broken_protocol),
        cmocka_unit_test(status_206__to_a_first_request__appends_at_0),
        cmocka_unit_test(status_206__shortened_by_the_server__appends_what_comes),
        cmocka_unit_test(status_206__without_content_length__takes_it_from_the_range),
        cmocka_unit_test(status_206__at_offset_0__need_not_be_the_version_known_before),
        cmocka_unit_test(status_206__of_unknown_total_at_offset_0__restarts),
        cmocka_unit_test(status_206__without_a_range__restarts),
        cmocka_unit_test(status_206__shifted_or_overlapping__restarts),
        cmocka_unit_test(status_206__of_impossible_range__restarts),
        cmocka_unit_test(status_206__whose_length_and_range_differ__restarts),
        cmocka_unit_test(resume_by_tag__with_the_same_tag__appends),
        cmocka_unit_test(resume_by_tag__with_another_tag__restarts),
        cmocka_unit_test(resume_by_tag__with_the_same_tag_and_another_date__appends),
        cmocka_unit_test(resume_by_range_alone__needs_a_validator_in_the_response),
        cmocka_unit_test(resume_by_tag__without_the_tag__appends_only_if_date_and_size_agree),
        cmocka_unit_test(resume_by_date__with_the_same_date__appends),
        cmocka_unit_test(resume_by_date__with_another_date__restarts),
        cmocka_unit_test(resume_by_date__with_a_tag_instead__restarts),
        cmocka_unit_test(resume__answered_without_any_validator__is_believed_if_the_size_agrees),
        cmocka_unit_test(resume__with_another_size__restarts),
        cmocka_unit_test(resume__of_unknown_total__uses_the_known_size),
        cmocka_unit_test(resume__without_a_usable_validator__restarts),
        cmocka_unit_test(status_416__of_an_empty_file__completes),
        cmocka_unit_test(status_416__where_the_saved_bytes_end__completes),
        cmocka_unit_test(status_416__of_another_version__restarts),
        cmocka_unit_test(status_416__anywhere_else__restarts),
        cmocka_unit_test(plain_request__answered_by_a_useless_206__fails_as_broken_protocol),
        cmocka_unit_test(plain_request__answered_by_416__fails_with_it),
        cmocka_unit_test(other_status__fails_with_it),
        cmocka_unit_test(number_that_is_no_status__fails_as_broken_protocol),
        cmocka_unit_test(append__in_every_small_combination__keeps_its_promises),
    };
    return cmocka_run_group_tests_name("http_judge", tests, NULL, NULL);
}
