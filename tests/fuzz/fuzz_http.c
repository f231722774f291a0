/* fuzz_http.c - libFuzzer on the HTTP fields and the verdict on a response.
 *
 * The input is what a server and a database would supply, a line each: "etag:..." and so on for the
 * saved bytes ("saved-" before the name), the fields of the response, its status and the offset
 * asked for. Each line also goes through every parser.
 */
#include "fuzz.h"
#include "oq_http.h"

#define EARLIEST_MS INT64_C(-62167219200000) /* the first day of the year 0 */
#define LATEST_MS INT64_C(253402300800000)   /* a leap second at the end of 9999 */

static const char *const gzip_name = "http://server/file.tar.gz?x";

struct texts {
    char saved_etag[OQ_ETAG_MAX + 1], etag[OQ_ETAG_MAX + 1];
    char saved_date[OQ_DATE_MAX + 1], date[OQ_DATE_MAX + 1];
};

static void check_parsers(const char *value, size_t length)
{
    struct oq_content_range range;
    uint64_t number;
    char tag[OQ_ETAG_MAX + 1], again[OQ_ETAG_MAX + 1];
    bool is_weak;
    int64_t ms;

    if (oq_http_parse_content_range(value, length, &range) == OQ_OK) {
        MUST(range.has_range || range.total <= OQ_HTTP_SIZE_MAX);
        MUST(!range.has_range || (range.first <= range.last && range.last <= OQ_HTTP_SIZE_MAX));
        MUST(!range.has_range || range.total == OQ_SIZE_UNKNOWN || range.last < range.total);
    }
    if (oq_http_parse_length(value, length, &number) == OQ_OK)
        MUST(number <= OQ_HTTP_SIZE_MAX);
    if (oq_http_parse_etag(value, length, tag, &is_weak) == OQ_OK) {
        size_t size = strlen(tag);

        MUST(size >= 1 && size <= OQ_ETAG_MAX && oq_http_is_strong_tag(tag));
        MUST(oq_http_parse_etag(tag, size, again, &is_weak) == OQ_OK && !is_weak);
        MUST(strcmp(tag, again) == 0);
    }
    if (oq_http_parse_date(value, length, &ms) == OQ_OK)
        MUST(ms >= EARLIEST_MS && ms <= LATEST_MS && ms % 1000 == 0);
    if (oq_http_parse_retry_after(value, length, INT64_C(784111777000), &ms) == OQ_OK)
        MUST(ms >= 0 && ms <= OQ_RETRY_AFTER_MAX_MS);
    if (oq_http_parse_retry_after(value, length, INT64_MIN, &ms) == OQ_OK)
        MUST(ms >= 0 && ms <= OQ_RETRY_AFTER_MAX_MS);
    (void)oq_http_is_foreign_coding(value, length, NULL, 0);
    (void)oq_http_is_foreign_coding(value, length, &gzip_name, 1);
}

static bool is_field(const char *line, size_t length, const char *name, const char **value,
                     size_t *value_length)
{
    size_t size = strlen(name);

    if (length < size || memcmp(line, name, size) != 0)
        return false;
    *value = line + size;
    *value_length = length - size;
    return true;
}

static const char *take_etag(const char *value, size_t length, char tag[OQ_ETAG_MAX + 1])
{
    bool is_weak;

    return oq_http_parse_etag(value, length, tag, &is_weak) == OQ_OK && !is_weak ? tag : NULL;
}

/* Any text that fits: what a database holds need not be a date. */
static const char *take_text(const char *value, size_t length, char text[OQ_DATE_MAX + 1])
{
    if (length > OQ_DATE_MAX || memchr(value, '\0', length))
        return NULL;
    memcpy(text, value, length);
    text[length] = '\0';
    return text;
}

static void take_line(const char *line, size_t length, struct oq_http_request *request,
                      struct oq_http_response *response, struct texts *texts)
{
    const char *value = line;
    size_t size = length;
    uint64_t number;

    if (is_field(line, length, "status:", &value, &size)) {
        if (oq_http_parse_length(value, size, &number) == OQ_OK)
            response->status = (uint32_t)number;
    } else if (is_field(line, length, "offset:", &value, &size)) {
        (void)!oq_http_parse_length(value, size, &request->offset_bytes);
    } else if (is_field(line, length, "size:", &value, &size)) {
        (void)!oq_http_parse_length(value, size, &request->size_bytes);
    } else if (is_field(line, length, "plain", &value, &size)) {
        request->is_plain = true;
    } else if (is_field(line, length, "hashed", &value, &size)) {
        request->is_hashed = true;
    } else if (is_field(line, length, "resume:", &value, &size)) {
        if (oq_http_parse_length(value, size, &number) == OQ_OK)
            request->resume = (enum oq_http_resume)(number % 3);
    } else if (is_field(line, length, "page", &value, &size)) {
        response->is_page = true;
    } else if (is_field(line, length, "saved-etag:", &value, &size)) {
        request->etag = take_etag(value, size, texts->saved_etag);
    } else if (is_field(line, length, "saved-last-modified:", &value, &size)) {
        request->last_modified = take_text(value, size, texts->saved_date);
    } else if (is_field(line, length, "etag:", &value, &size)) {
        response->etag = take_etag(value, size, texts->etag);
    } else if (is_field(line, length, "last-modified:", &value, &size)) {
        response->last_modified = take_text(value, size, texts->date);
    } else if (is_field(line, length, "content-length:", &value, &size)) {
        response->has_length = oq_http_parse_length(value, size, &response->length_bytes) == OQ_OK;
        response->is_length_malformed |= !response->has_length;
    } else if (is_field(line, length, "content-range:", &value, &size)) {
        response->has_content_range =
            oq_http_parse_content_range(value, size, &response->content_range) == OQ_OK;
        response->is_range_malformed = !response->has_content_range;
    } else if (is_field(line, length, "content-encoding:", &value, &size)) {
        response->is_encoded = oq_http_is_foreign_coding(value, size, &gzip_name, 1);
    }
    check_parsers(value, size);
}

static void check_decision(const struct oq_http_request *request,
                           const struct oq_http_response *response)
{
    struct oq_http_decision decision = oq_http_judge(request, response);
    char if_range[OQ_ETAG_MAX + 1];
    bool can_resume = oq_http_can_resume(request);
    bool is_whole = response->status == 200 || response->status == 203 || response->status == 226;
    bool has_if_range = oq_http_if_range(request, if_range, sizeof if_range);

    MUST(decision.why && decision.why[0] != '\0');
    MUST(!has_if_range || (request->offset_bytes > 0 && !strpbrk(if_range, "\r\n")));
    MUST((decision.verdict == OQ_HTTP_FAIL) || decision.net == OQ_NET_NONE);
    MUST(!response->is_length_malformed || decision.verdict == OQ_HTTP_FAIL ||
         response->status == 416);
    switch (decision.verdict) {
    case OQ_HTTP_APPEND:
        MUST(response->status == 206 || is_whole);
        MUST(!response->is_encoded && response->has_content_range);
        MUST(response->content_range.first == request->offset_bytes);
        MUST(decision.body_bytes > 0 && decision.total_bytes <= OQ_HTTP_SIZE_MAX);
        MUST(decision.body_bytes <= decision.total_bytes - request->offset_bytes);
        MUST(!response->has_length || response->length_bytes == decision.body_bytes);
        MUST(request->offset_bytes == 0 || can_resume);
        if (request->offset_bytes > 0 && request->size_bytes != OQ_SIZE_UNKNOWN)
            MUST(decision.total_bytes == request->size_bytes);
        break;
    case OQ_HTTP_REPLACE:
        MUST(is_whole && !response->is_encoded);
        MUST(decision.total_bytes == decision.body_bytes);
        break;
    case OQ_HTTP_RESTART:
        MUST(!request->is_plain &&
             (response->status == 206 || response->status == 416 || is_whole));
        break;
    case OQ_HTTP_AGAIN:
        MUST(!request->is_plain && request->offset_bytes > 0 && is_whole);
        MUST(decision.resume > request->resume);
        break;
    case OQ_HTTP_COMPLETE:
        MUST(response->status == 416 && decision.total_bytes == request->offset_bytes);
        MUST(request->offset_bytes == 0 || can_resume);
        break;
    case OQ_HTTP_FAIL:
        MUST(!is_whole || response->is_encoded || response->is_length_malformed ||
             request->is_plain || decision.net == OQ_NET_OTHER_RESOURCE);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct texts texts;
    struct oq_http_request request = {.size_bytes = OQ_SIZE_UNKNOWN};
    struct oq_http_response response = {.status = 206};
    const char *rest = (const char *)data;

    while (size > 0) {
        const char *newline = memchr(rest, '\n', size);
        size_t length = newline ? (size_t)(newline - rest) : size;
        /* Alone on the heap, so that a byte too many is seen. */
        char *line = malloc(length > 0 ? length : 1);

        if (!line)
            return 0;
        memcpy(line, rest, length);
        take_line(line, length, &request, &response, &texts);
        free(line);
        length += newline ? 1u : 0u;
        rest += length;
        size -= length;
    }
    check_decision(&request, &response);
    return 0;
}
