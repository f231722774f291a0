/* http_judge.c - what a response means for the bytes that are already there.
 *
 * Pure. The rule above all others: two versions of a file are never mixed. When in doubt the file
 * is fetched again.
 */
#include "oq_http.h"

#include "oq_ascii.h"

#include <string.h>

static struct oq_http_decision decide(enum oq_http_verdict verdict, const char *why)
{
    return (struct oq_http_decision){
        .verdict = verdict,
        .total_bytes = OQ_SIZE_UNKNOWN,
        .body_bytes = OQ_SIZE_UNKNOWN,
        .why = why,
        .net = OQ_NET_NONE,
    };
}

static struct oq_http_decision fail(enum oq_net_error net, const char *why)
{
    struct oq_http_decision decision = decide(OQ_HTTP_FAIL, why);

    decision.net = net;
    return decision;
}

/* Asking again without a range helps only if there was one. */
static struct oq_http_decision restart(const struct oq_http_request *request,
                                       const struct oq_http_response *response, const char *why)
{
    if (!request->is_plain)
        return decide(OQ_HTTP_RESTART, why);
    return fail(response->status == 416 ? OQ_NET_NONE : OQ_NET_PROTOCOL, why);
}

bool oq_http_is_strong_tag(const char *etag)
{
    char tag[OQ_ETAG_MAX + 1];
    bool is_weak;

    return etag && oq_http_parse_etag(etag, strlen(etag), tag, &is_weak) == OQ_OK && !is_weak;
}

static bool parse_date(const char *date, int64_t *wall_ms)
{
    return strlen(date) <= OQ_DATE_MAX && oq_http_parse_date(date, strlen(date), wall_ms) == OQ_OK;
}

/* The date alone shows too little. */
static bool has_usable_date(const struct oq_http_request *request)
{
    return request->size_bytes != OQ_SIZE_UNKNOWN && request->last_modified &&
           oq_http_is_date_text(request->last_modified, strlen(request->last_modified));
}

/* The validator that If-Range carries, or NULL. */
static const char *resume_validator(const struct oq_http_request *request)
{
    if (request->resume == OQ_HTTP_RESUME_TAG && oq_http_is_strong_tag(request->etag))
        return request->etag;
    if (request->resume != OQ_HTTP_RESUME_RANGE && has_usable_date(request))
        return request->last_modified;
    return NULL;
}

bool oq_http_can_resume(const struct oq_http_request *request)
{
    return request->is_hashed || oq_http_is_strong_tag(request->etag) || has_usable_date(request);
}

/* The same text, or the same time written in another form. */
static bool is_same_date(const char *a, const char *b)
{
    int64_t a_ms, b_ms;

    if (strcmp(a, b) == 0)
        return true;
    return parse_date(a, &a_ms) && parse_date(b, &b_ms) && a_ms == b_ms;
}

/* Does the response say that it belongs to another version than the saved bytes? NULL if not, else
 * how. `total` is what the response says, or OQ_SIZE_UNKNOWN. */
static const char *contradiction(const struct oq_http_request *request,
                                 const struct oq_http_response *response, uint64_t total)
{
    if (!oq_http_can_resume(request))
        return "there is no validator for the saved bytes";
    if (request->size_bytes != OQ_SIZE_UNKNOWN && total != OQ_SIZE_UNKNOWN &&
        total != request->size_bytes)
        return "the size has changed";
    if (request->is_hashed)
        return NULL;
    if (request->etag && response->etag)
        return strcmp(request->etag, response->etag) == 0 ? NULL : "the entity tag has changed";
    if (request->last_modified && response->last_modified &&
        !is_same_date(request->last_modified, response->last_modified))
        return "the modification time has changed";
    return NULL;
}

/* Does a response without contradiction leave a doubt? See oq_http_judge on validators that are
 * missing. */
static const char *doubt(const struct oq_http_request *request,
                         const struct oq_http_response *response, uint64_t total)
{
    const bool has_both_dates = request->last_modified && response->last_modified;

    if (request->is_hashed || (request->etag && response->etag))
        return NULL;
    if ((response->etag || response->last_modified || !resume_validator(request)) &&
        !has_both_dates)
        return "the validator of the saved bytes is missing";
    if (request->size_bytes == OQ_SIZE_UNKNOWN || total == OQ_SIZE_UNKNOWN)
        return "neither entity tag nor size show that it is the same file";
    return NULL;
}

/* Is the whole file the version that the saved bytes are of? `total` as above. */
static bool is_same_version(const struct oq_http_request *request,
                            const struct oq_http_response *response, uint64_t total)
{
    if (!oq_http_can_resume(request) || contradiction(request, response, total))
        return false;
    if (request->is_hashed || (request->etag && response->etag))
        return true;
    return request->last_modified && response->last_modified &&
           request->size_bytes != OQ_SIZE_UNKNOWN;
}

/* A page of a network or filter, rather than what the saved bytes are of? */
static bool is_other_resource(const struct oq_http_request *request,
                              const struct oq_http_response *response, uint64_t total)
{
    if (request->size_bytes != OQ_SIZE_UNKNOWN && total == request->size_bytes)
        return false;
    return (response->is_page && !request->may_be_page) ||
           ((request->etag || request->last_modified) && !response->etag &&
            !response->last_modified);
}

static struct oq_http_decision ask_again(const struct oq_http_request *request)
{
    struct oq_http_decision decision =
        decide(OQ_HTTP_AGAIN, "the server sends the whole file instead of the rest; the rest is "
                              "asked for in another way");
    bool had_tag = resume_validator(request) == request->etag && request->etag;

    decision.resume =
        had_tag && has_usable_date(request) ? OQ_HTTP_RESUME_DATE : OQ_HTTP_RESUME_RANGE;
    return decision;
}

static struct oq_http_decision judge_whole(const struct oq_http_request *request,
                                           const struct oq_http_response *response)
{
    struct oq_http_decision decision = decide(OQ_HTTP_REPLACE, "the server sends the whole file");
    uint64_t total = response->has_length ? response->length_bytes : OQ_SIZE_UNKNOWN;

    if (response->is_encoded)
        return fail(OQ_NET_ENCODED, "the body is coded although identity was asked for");
    if (request->offset_bytes > 0) {
        bool is_same = is_same_version(request, response, total);

        if (is_same && !request->is_plain && !request->has_no_ranges && !response->refuses_ranges &&
            resume_validator(request))
            return ask_again(request);
        if (!is_same && is_other_resource(request, response, total))
            return fail(OQ_NET_OTHER_RESOURCE, "it is not the file that was begun");
    }
    decision.total_bytes = decision.body_bytes = total;
    if (total == OQ_SIZE_UNKNOWN && request->size_bytes != OQ_SIZE_UNKNOWN && !request->is_hashed &&
        is_same_version(request, response, total)) {
        decision.total_bytes = decision.body_bytes = request->size_bytes;
        decision.is_promised_before = true;
    }
    return decision;
}

static bool is_sound(const struct oq_content_range *range)
{
    return range->has_range && range->first <= range->last && range->last < OQ_HTTP_SIZE_MAX &&
           (range->total == OQ_SIZE_UNKNOWN || range->last < range->total);
}

static struct oq_http_decision judge_partial(const struct oq_http_request *request,
                                             const struct oq_http_response *response)
{
    const struct oq_content_range *range = &response->content_range;
    struct oq_http_decision decision =
        decide(OQ_HTTP_APPEND, "the server continues where the saved bytes end");
    uint64_t total, body;
    const char *difference;

    if (response->is_encoded)
        return fail(OQ_NET_ENCODED, "the body is coded although identity was asked for");
    if (response->is_range_malformed || !response->has_content_range || !is_sound(range))
        return restart(request, response, "the response does not say which range it is");
    if (range->first != request->offset_bytes)
        return restart(request, response, "the range does not begin where it was asked to");
    body = range->last - range->first + 1;
    if (response->has_length && response->length_bytes != body)
        return restart(request, response, "Content-Length and Content-Range contradict each other");
    total = range->total;
    if (request->offset_bytes > 0) {
        difference = contradiction(request, response, total);
        if (!difference)
            difference = doubt(request, response, total);
        if (difference)
            return restart(request, response, difference);
        if (total == OQ_SIZE_UNKNOWN)
            total = request->size_bytes;
    }
    if (total == OQ_SIZE_UNKNOWN)
        return restart(request, response, "the response does not say how long the file is");
    if (range->last >= total)
        return restart(request, response, "the range goes beyond the known end of the file");
    decision.total_bytes = total;
    decision.body_bytes = body;
    return decision;
}

static struct oq_http_decision judge_unsatisfied(const struct oq_http_request *request,
                                                 const struct oq_http_response *response)
{
    struct oq_http_decision decision = decide(OQ_HTTP_COMPLETE, "the saved bytes are all there is");
    const struct oq_content_range *range = &response->content_range;
    const char *difference;

    if (request->is_plain || response->is_range_malformed || !response->has_content_range ||
        range->has_range || range->total != request->offset_bytes)
        return restart(request, response,
                       "the server refuses the range, and the file does not end there");
    if (request->offset_bytes > 0) {
        difference = contradiction(request, response, range->total);
        if (difference)
            return restart(request, response, difference);
    }
    decision.total_bytes = range->total;
    return decision;
}

/* Does the Content-Range of a 200 say that it is less than the whole file? */
static bool is_part(const struct oq_http_request *request, const struct oq_http_response *response)
{
    const struct oq_content_range *range = &response->content_range;

    if (!response->has_content_range || !range->has_range)
        return response->is_range_malformed && request->offset_bytes > 0 && !request->is_plain;
    return range->first != 0 ||
           (range->total != OQ_SIZE_UNKNOWN && range->last + 1 != range->total);
}

/* A firewall may refuse whatever has a Range field. Not those statuses that say something else. */
static bool may_refuse_range(uint32_t status)
{
    switch (status) {
    case 401:
    case 402:
    case 407:
    case 408:
    case 410:
    case 414:
    case 416:
    case 421:
    case 423:
    case 425:
    case 429:
    case 451:
        return false;
    default:
        return (status >= 400 && status <= 499) || status == 500 || status == 501;
    }
}

struct oq_http_decision oq_http_judge(const struct oq_http_request *request,
                                      const struct oq_http_response *response)
{
    /* The file too, though somebody has changed its form (15.3.4; RFC 3229, 10.4.1). */
    if (response->status == 203 || response->status == 226) {
        struct oq_http_response whole = *response;
        whole.status = 200;
        return oq_http_judge(request, &whole);
    }
    if (response->is_length_malformed && (response->status == 200 || response->status == 206))
        return fail(OQ_NET_PROTOCOL, "the length of the body cannot be understood");
    if (response->status == 200 && !is_part(request, response))
        return judge_whole(request, response);
    if (response->status == 206 || response->status == 200)
        return judge_partial(request, response);
    if (response->status == 416)
        return judge_unsatisfied(request, response);
    if (response->status < 100 || response->status > 999)
        return fail(OQ_NET_PROTOCOL, "the status is none of HTTP's");
    if (request->may_try_plain && !request->is_plain && may_refuse_range(response->status)) {
        struct oq_http_decision decision = decide(
            OQ_HTTP_AGAIN, "the server refuses the request, which is repeated without a range");

        decision.is_plain = true;
        return decision;
    }
    return decide(OQ_HTTP_FAIL, "the status is an error");
}

bool oq_http_if_range(const struct oq_http_request *request, char *value, size_t capacity)
{
    const char *validator = resume_validator(request);
    size_t length;

    if (request->offset_bytes == 0 || request->is_plain || !validator)
        return false;
    length = strlen(validator);
    if (length >= capacity)
        return false;
    memcpy(value, validator, length + 1);
    return true;
}

bool oq_http_may_be_page(const char *name)
{
    static const char *const endings[] = {"htm", "html", "xhtml", "shtml", "mht", "php",
                                          "asp", "aspx", "jsp",   "cgi",   "do"};
    const char *last = name + strlen(name);

    while (last > name && last[-1] != '/' && last[-1] != '\\')
        last--;
    const char *dot = strrchr(last, '.');
    if (!dot || dot[1] == '\0')
        return true;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (oq_ascii_is_word(dot + 1, strlen(dot + 1), endings[i]))
            return true;
    }
    return false;
}
