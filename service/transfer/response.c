/* response.c - reads the header fields of a response, a line at a time, as curl hands them over,
 * and notices when the body is longer than they say.
 *
 * Engine thread. What they mean for the file is decided by core/oq_http.h, and done by transfer.c
 * and check.c.
 */
#include "transfer_int.h"

#include "oq_ascii.h"

#include <stdio.h>
#include <string.h>

void oq_response_reset(struct response *response)
{
    memset(response, 0, sizeof *response);
    response->retry_after_ms = -1;
}

const struct oq_http_response *oq_response_finish(struct oq_transfer *transfer)
{
    struct oq_http_response *http = &transfer->response.http;
    http->status = oq_net_status(transfer->net);
    if (transfer->response.is_chunked)
        http->has_length = http->is_length_malformed = false;
    return http;
}

static void read_field(struct oq_transfer *transfer, const char *name, size_t name_length,
                       const char *value, size_t length)
{
    struct response *response = &transfer->response;
    struct oq_http_response *http = &response->http;
    bool is_weak = false;
#define IS(text) oq_ascii_is_word(name, name_length, text)
    if (IS("Content-Length")) {
        uint64_t earlier_bytes = http->length_bytes;
        bool is_second = http->has_length;
        http->has_length = oq_http_parse_length(value, length, &http->length_bytes) == OQ_OK;
        http->is_length_malformed |=
            !http->has_length || (is_second && http->length_bytes != earlier_bytes);
    } else if (IS("Transfer-Encoding")) {
        response->is_chunked = true;
    } else if (IS("Content-Range")) {
        http->has_content_range =
            oq_http_parse_content_range(value, length, &http->content_range) == OQ_OK;
        http->is_range_malformed = !http->has_content_range;
    } else if (IS("ETag")) {
        /* Of several the last counts, also if it is none that can be used. */
        bool is_strong =
            oq_http_parse_etag(value, length, response->etag, &is_weak) == OQ_OK && !is_weak;
        http->etag = is_strong ? response->etag : NULL;
    } else if (IS("Last-Modified")) {
        int64_t unused_ms = 0;
        if (length <= OQ_DATE_MAX && oq_http_parse_date(value, length, &unused_ms) == OQ_OK) {
            memcpy(response->last_modified, value, length);
            response->last_modified[length] = '\0';
            http->last_modified = response->last_modified;
        }
    } else if (IS("Content-Encoding")) {
        http->is_encoded |= oq_http_is_foreign_coding(value, length, oq_net_url(transfer->net));
    } else if (IS("Repr-Digest")) {
        struct oq_digest *digest = &response->digest;
        if (oq_digest_parse_repr(value, length, digest) != OQ_OK)
            oq_transfer_log(transfer, OQ_LOG_INFO, "Repr-Digest has no hash that can be checked");
    } else if (IS("Digest")) {
        struct oq_digest older;
        if (response->digest.kind == OQ_HASH_NONE &&
            oq_digest_parse_rfc3230(value, length, &older) == OQ_OK)
            response->digest = older;
    } else if (IS("Retry-After")) {
        int64_t delay_ms = 0;
        if (oq_http_parse_retry_after(value, length, oq_clock_wall_ms(transfer->engine->clock),
                                      &delay_ms) == OQ_OK)
            response->retry_after_ms = delay_ms;
    }
#undef IS
}

void oq_response_header(void *ctx, const char *line, size_t length)
{
    struct oq_transfer *transfer = ctx;
    if (transfer->is_judged)
        return; /* trailer fields say nothing we use */
    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        oq_response_reset(&transfer->response);
        return;
    }
    const char *colon = memchr(line, ':', length);
    if (!colon)
        return;
    const char *value = colon + 1, *end = line + length;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    read_field(transfer, line, (size_t)(colon - line), value, (size_t)(end - value));
}

/* --- what is wrong with it ------------------------------------------------------------------ */

void oq_response_fail(struct oq_transfer *transfer, const struct oq_http_decision *decision)
{
    char text[256];
    struct oq_verdict verdict = decision->net != OQ_NET_NONE
                                    ? oq_errors_net(decision->net)
                                    : oq_errors_http(transfer->response.http.status);
    if (verdict.http)
        oq_errors_describe_http(verdict.http, text, sizeof text);
    else
        snprintf(text, sizeof text, "%s (%s)", oq_errors_describe_net(decision->net),
                 decision->why);
    oq_transfer_fail(transfer, &verdict, text);
}

bool oq_response_is_too_long(struct oq_transfer *transfer, size_t length)
{
    enum oq_net_error error = OQ_NET_TOO_LONG;
    uint64_t end_bytes = transfer->end_bytes;
    if (end_bytes == OQ_SIZE_UNKNOWN) {
        error = OQ_NET_WRONG_SIZE;
        end_bytes = oq_extras_size_limit(oq_transfer_file(transfer)->extras);
    }
    uint64_t position_bytes = oq_transfer_position(transfer);
    if (end_bytes == OQ_SIZE_UNKNOWN ||
        (position_bytes <= end_bytes && length <= end_bytes - position_bytes))
        return false;
    struct oq_verdict verdict = oq_errors_net(error);
    if (transfer->is_promised_before)
        oq_transfer_restart(transfer, "the file is longer than the server said before");
    else
        oq_transfer_fail(transfer, &verdict, oq_errors_describe_net(error));
    return true;
}
