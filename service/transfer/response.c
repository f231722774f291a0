/* response.c - a request and its response: sends it, reads the header fields, says what they mean
 * for the file, and takes the body.
 *
 * Engine thread; what libcurl calls comes here (oq_transfer_events). The verdict on a response is
 * given when its header is complete, by core/oq_http.h; a body is only received after that. A
 * callback amid a request applies events and leaves what follows from them to on_done.
 */
#include "transfer_int.h"

#include "oq_alloc.h"
#include "oq_ascii.h"
#include "oq_proxy.h"

#include <stdio.h>
#include <string.h>

/* --- the request ------------------------------------------------------------------------------ */

void oq_transfer_close_request(struct oq_transfer *transfer)
{
    oq_rate_control_remove(transfer->context->rate_control, transfer->flow);
    transfer->flow = NULL;
    oq_net_close(transfer->context->net, transfer->net);
    transfer->net = NULL;
}

enum oq_status oq_transfer_request(struct oq_transfer *transfer, struct oq_net_request *request,
                                   struct oq_error *err)
{
    const struct oq_group *group = oq_transfer_group(transfer);
    oq_response_reset(&transfer->response);
    transfer->end_bytes = OQ_SIZE_UNKNOWN;
    if (!transfer->buffer)
        transfer->buffer = oq_malloc(OQ_TRANSFER_BUFFER_BYTES);
    if (!transfer->buffer)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    transfer->is_held = false;
    oq_transfer_restart_window(transfer);
    oq_transfer_schedule_checkpoint(transfer);
    request->url = oq_sources_url(oq_transfer_file(transfer), transfer->source);
    request->proxy = transfer->proxy;
    request->is_foreground = group->is_foreground;
    request->identity = transfer->identity;
    request->is_of_person = oq_proxy_is_person(oq_transfer_file(transfer)->user_sid);
    return oq_net_start(transfer->context->net, request, transfer, &transfer->net, err);
}

/* --- header fields ---------------------------------------------------------------------------- */

void oq_response_reset(struct response *response)
{
    memset(response, 0, sizeof *response);
    response->retry_after_ms = -1;
    response->decision.total_bytes = response->decision.body_bytes = OQ_SIZE_UNKNOWN;
}

const struct oq_http_response *oq_response_complete(struct oq_transfer *transfer)
{
    struct oq_http_response *http = &transfer->response.http;
    http->status = oq_net_status(transfer->net);
    if (transfer->response.is_chunked)
        http->has_length = http->is_length_malformed = false;
    return http;
}

/* A date is one of the server's clock, which its Date field tells; the fields come in any order. */
static void read_retry_after(struct oq_transfer *transfer)
{
    struct response *response = &transfer->response;
    int64_t delay_ms = 0;
    int64_t now_ms =
        response->has_date ? response->date_ms : oq_clock_wall_ms(transfer->context->clock);
    if (oq_http_parse_retry_after(response->retry_after, strlen(response->retry_after), now_ms,
                                  &delay_ms) == OQ_OK)
        response->retry_after_ms = delay_ms;
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
        if (length <= OQ_DATE_MAX && oq_http_is_date_text(value, length)) {
            memcpy(response->last_modified, value, length);
            response->last_modified[length] = '\0';
            http->last_modified = response->last_modified;
        }
    } else if (IS("Content-Type")) {
        size_t type_length = 0;
        while (type_length < length && !strchr("; \t", value[type_length]))
            type_length++;
        http->is_page = oq_ascii_is_word(value, type_length, "text/html") ||
                        oq_ascii_is_word(value, type_length, "application/xhtml+xml");
    } else if (IS("Accept-Ranges")) {
        http->refuses_ranges = oq_ascii_is_word(value, length, "none");
    } else if (IS("Content-Encoding")) {
        const struct oq_file *file = oq_transfer_file(transfer);
        const char *const names[] = {oq_net_url(transfer->net),
                                     oq_sources_url(file, transfer->source), file->local};
        http->is_encoded |= oq_http_is_foreign_coding(value, length, names, 3);
    } else if (IS("Repr-Digest")) {
        struct oq_digest *digest = &response->digest;
        if (oq_digest_parse_repr(value, length, digest) != OQ_OK)
            oq_transfer_log(transfer, OQ_LOG_INFO, "Repr-Digest has no hash that can be verified");
    } else if (IS("Digest")) {
        struct oq_digest older;
        if (response->digest.kind == OQ_HASH_NONE &&
            oq_digest_parse_rfc3230(value, length, &older) == OQ_OK)
            response->digest = older;
    } else if (IS("Retry-After") && length <= OQ_DATE_MAX) {
        memcpy(response->retry_after, value, length);
        response->retry_after[length] = '\0';
        read_retry_after(transfer);
    } else if (IS("Date")) {
        response->has_date = oq_http_parse_date(value, length, &response->date_ms) == OQ_OK;
        read_retry_after(transfer);
    }
#undef IS
}

static void on_header(void *ctx, const char *line, size_t length)
{
    struct oq_transfer *transfer = ctx;
    if (transfer->state != OQ_TRANSFER_REQUESTING && transfer->state != OQ_TRANSFER_REPAIRING)
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

/* --- the verdict ------------------------------------------------------------------------------ */

/* A response that is no HTTP is a middlebox's glitch as often as the server's own. */
#define PROTOCOL_ATTEMPTS 4

static struct oq_verdict net_verdict(const struct oq_transfer *transfer, enum oq_net_error error)
{
    struct oq_verdict verdict = oq_errors_net(error);
    verdict.is_transient |=
        error == OQ_NET_PROTOCOL && oq_transfer_history(transfer)->attempts + 1 < PROTOCOL_ATTEMPTS;
    return verdict;
}

void oq_response_fail(struct oq_transfer *transfer, const struct oq_http_decision *decision)
{
    char text[256];
    struct oq_verdict verdict = decision->net != OQ_NET_NONE
                                    ? net_verdict(transfer, decision->net)
                                    : oq_errors_http(transfer->response.http.status);
    if (verdict.http)
        oq_errors_describe_http(verdict.http, text, sizeof text);
    else
        snprintf(text, sizeof text, "%s (%s)", oq_errors_describe_net(decision->net),
                 decision->why);
    size_t length = strlen(text);
    if (verdict.http && !verdict.is_transient && transfer->written_bytes > 0)
        snprintf(text + length, sizeof text - length,
                 " The bytes are kept: set-url continues at a new URL.");
    oq_transfer_fail(transfer, &verdict, true, text);
}

/* The file has to come again, from zero. */
static void restart(struct oq_transfer *transfer, const char *why)
{
    struct failure failure = {.is_of_source = true};
    snprintf(failure.text, sizeof failure.text, "%s", why);
    oq_transfer_apply(transfer, OQ_TRANSFER_EV_RESTART, &failure);
}

static bool is_other_text(const char *a, const char *b)
{
    return a != b && (!a || !b || strcmp(a, b) != 0);
}

/* Does a server whose bytes are to be continued send another hash of the whole file than before? */
static bool is_other_digest(const struct oq_transfer *transfer, bool is_hashed)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    const struct oq_digest *sent = &transfer->response.digest;
    struct oq_digest saved;
    return file->digest && transfer->written_bytes > 0 && !is_hashed &&
           oq_digest_parse_hex(file->digest, &saved) == OQ_OK && saved.kind == sent->kind &&
           memcmp(saved.value, sent->value, oq_hash_size(sent->kind)) != 0;
}

/* Saves what the response says about the file; with `from_zero` also that none of it is there,
 * before the file is cut. False: FAIL has been applied. */
static bool save_facts(struct oq_transfer *transfer, bool from_zero)
{
    const struct oq_file_port *files = transfer->context->files;
    struct response *response = &transfer->response;
    const struct oq_file *file = oq_transfer_file(transfer);
    struct oq_file next = *file;
    char digest[OQ_HEX_MAX];
    struct oq_error err;
    oq_error_init(&err);
    next.size_bytes = response->decision.total_bytes;
    next.source = transfer->source;
    if (from_zero)
        next.done_bytes = 0;
    /* The response to a range may leave out validators; the old ones then still hold (RFC 9110,
     * 15.3.7). */
    if (from_zero || response->http.etag || response->http.last_modified ||
        file->source != transfer->source) {
        next.etag = response->http.etag ? response->etag : NULL;
        next.last_modified = response->http.last_modified ? response->last_modified : NULL;
    }
    if (response->digest.kind != OQ_HASH_NONE) {
        oq_digest_format(&response->digest, digest);
        next.digest = digest;
    } else if (from_zero) {
        next.digest = NULL;
    }
    bool is_new = next.source != file->source || is_other_text(next.digest, file->digest) ||
                  is_other_text(next.etag, file->etag) ||
                  is_other_text(next.last_modified, file->last_modified) ||
                  next.size_bytes != file->size_bytes || next.done_bytes != file->done_bytes;
    enum oq_status status = is_new ? oq_transfer_save(transfer, &next, &err) : OQ_OK;
    if (status == OQ_OK && from_zero && transfer->written_bytes > 0)
        status = files->set_size(files->ctx, transfer->file, 0, &err);
    if (status == OQ_OK && from_zero)
        transfer->written_bytes = 0;
    if (status != OQ_OK)
        oq_transfer_fail_error(transfer, &err);
    return status == OQ_OK;
}

/* The body comes: into the file from `begin_bytes` on. */
static bool accept_body(struct oq_transfer *transfer, uint64_t begin_bytes)
{
    uint64_t body_bytes = transfer->response.decision.body_bytes;
    if (!save_facts(transfer, begin_bytes == 0))
        return false;
    transfer->begin_bytes = begin_bytes;
    transfer->end_bytes =
        body_bytes == OQ_SIZE_UNKNOWN ? OQ_SIZE_UNKNOWN : begin_bytes + body_bytes;
    oq_transfer_apply(transfer, OQ_TRANSFER_EV_ACCEPT, NULL);
    oq_transfer_reserve(transfer);
    return true;
}

/* The response does not continue the saved bytes. True: another source may, so this one is left. */
static bool is_refused(struct oq_transfer *transfer, bool is_hashed, const char *why)
{
    struct oq_verdict verdict = oq_errors_net(OQ_NET_CUT);
    switch (oq_source_refuse(transfer, is_hashed, why, &verdict.is_transient)) {
    case OQ_NEXT_STAY:
        return false;
    case OQ_NEXT_SOURCE:
        oq_transfer_apply(transfer, OQ_TRANSFER_EV_STOP, NULL);
        break;
    case OQ_NEXT_ROUND:
        oq_transfer_fail(transfer, &verdict, false,
                         "The source of the bytes that are there cannot be reached, and the others "
                         "have another version.");
        break;
    }
    return true;
}

static struct oq_http_decision judge(struct oq_transfer *transfer,
                                     const struct oq_http_request *request)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    struct oq_http_decision decision = oq_http_judge(request, oq_response_complete(transfer));
    if (decision.verdict != OQ_HTTP_FAIL && decision.total_bytes != OQ_SIZE_UNKNOWN &&
        file->expectations && file->expectations->size_bytes != OQ_SIZE_UNKNOWN &&
        file->expectations->size_bytes != decision.total_bytes) {
        bool is_other = transfer->response.http.is_page && !request->may_be_page;
        decision.verdict = OQ_HTTP_FAIL;
        decision.net = is_other ? OQ_NET_OTHER_RESOURCE : OQ_NET_WRONG_SIZE;
        decision.why = "its size is not the expected one";
    }
    if (decision.verdict != OQ_HTTP_FAIL && transfer->response.http.is_page &&
        !request->may_be_page && oq_proxy_has_user(oq_sources_url(file, transfer->source))) {
        decision.verdict = OQ_HTTP_FAIL;
        decision.net = OQ_NET_SIGN_IN;
        decision.why = "it sends HTML instead of the file";
    }
    if (decision.verdict == OQ_HTTP_APPEND && is_other_digest(transfer, request->is_hashed)) {
        decision.verdict = OQ_HTTP_RESTART;
        decision.why = "the hash that the server sends has changed";
    }
    return decision;
}

/* What the response shows of the source's ranges, for the next request. */
static void note_ranges(struct oq_transfer *transfer, const struct oq_http_request *request,
                        const struct oq_http_decision *decision)
{
    struct oq_transfer_history *history = oq_transfer_history(transfer);
    char unused[OQ_ETAG_MAX + 1];
    history->is_plain = decision->is_plain;
    history->has_tried_plain |= decision->is_plain;
    if (decision->verdict == OQ_HTTP_APPEND)
        history->has_ranges = true;
    else if (decision->verdict == OQ_HTTP_REPLACE && !request->is_plain &&
             !oq_http_if_range(request, unused, sizeof unused))
        history->has_no_ranges = true;
    else if (decision->verdict == OQ_HTTP_AGAIN && !decision->is_plain)
        history->resume = decision->resume;
}

/* False: the body is of no use. */
static bool on_header_complete(void *ctx)
{
    struct oq_transfer *transfer = ctx;
    if (transfer->state == OQ_TRANSFER_REPAIRING)
        return oq_verify_header_complete(transfer);
    if (transfer->state != OQ_TRANSFER_REQUESTING)
        return false;
    const struct oq_http_request request = oq_source_describe(transfer);
    const struct oq_http_decision decision = judge(transfer, &request);
    transfer->response.decision = decision;
    note_ranges(transfer, &request, &decision);
    if ((decision.verdict == OQ_HTTP_REPLACE || decision.verdict == OQ_HTTP_RESTART) &&
        is_refused(transfer, request.is_hashed, decision.why))
        return false;
    switch (decision.verdict) {
    case OQ_HTTP_APPEND:
        return accept_body(transfer, transfer->written_bytes);
    case OQ_HTTP_REPLACE:
        if (transfer->written_bytes > 0)
            oq_transfer_restarts(transfer, decision.why);
        return accept_body(transfer, 0);
    case OQ_HTTP_AGAIN:
        oq_transfer_log(transfer, OQ_LOG_INFO, decision.why);
        oq_transfer_apply(transfer, OQ_TRANSFER_EV_STOP, NULL);
        return false;
    case OQ_HTTP_COMPLETE:
        if (save_facts(transfer, false))
            oq_transfer_apply(transfer, OQ_TRANSFER_EV_WHOLE, NULL);
        return false;
    case OQ_HTTP_RESTART:
        restart(transfer, decision.why);
        return false;
    case OQ_HTTP_FAIL:
        break;
    }
    oq_response_fail(transfer, &decision);
    return false;
}

/* --- the body --------------------------------------------------------------------------------- */

/* Would `length` more bytes be more than was expected? Then the event has been applied. */
static bool is_too_long(struct oq_transfer *transfer, size_t length)
{
    enum oq_net_error error = OQ_NET_TOO_LONG;
    uint64_t end_bytes = transfer->end_bytes;
    if (end_bytes == OQ_SIZE_UNKNOWN) {
        error = OQ_NET_WRONG_SIZE;
        end_bytes = oq_expectations_size_limit(oq_transfer_file(transfer)->expectations);
    }
    uint64_t position_bytes = oq_transfer_position(transfer);
    if (end_bytes == OQ_SIZE_UNKNOWN ||
        (position_bytes <= end_bytes && length <= end_bytes - position_bytes))
        return false;
    struct oq_verdict verdict = oq_errors_net(error);
    if (transfer->response.decision.is_promised_before)
        restart(transfer, "the file is longer than the server said before");
    else
        oq_transfer_fail(transfer, &verdict, true, oq_errors_describe_net(error));
    return true;
}

static void count_received(struct oq_transfer *transfer, size_t length)
{
    struct oq_rate_control *control = transfer->context->rate_control;
    if (!transfer->flow) {
        const struct oq_group *group = oq_transfer_group(transfer);
        struct oq_flow_options options = {.net = transfer->net,
                                          .group = transfer->bucket,
                                          .group_bytes_per_s = group->max_bytes_per_s,
                                          .is_foreground = group->is_foreground,
                                          .id = group->id};
        transfer->flow = oq_rate_control_add(control, &options);
    }
    oq_rate_control_received(control, transfer->flow, length);
    transfer->rate_bytes += length;
    transfer->window_bytes += length;
}

static bool on_body(void *ctx, const char *data, size_t length)
{
    struct oq_transfer *transfer = ctx;
    bool is_receiving = transfer->state == OQ_TRANSFER_RECEIVING;
    if ((!is_receiving && transfer->state != OQ_TRANSFER_REPAIRING) ||
        is_too_long(transfer, length))
        return false;
    count_received(transfer, length);
    while (length > 0) {
        size_t piece = OQ_TRANSFER_BUFFER_BYTES - transfer->buffered;
        if (piece > length)
            piece = length;
        memcpy(transfer->buffer + transfer->buffered, data, piece);
        transfer->buffered += piece;
        data += piece;
        length -= piece;
        if (transfer->buffered == OQ_TRANSFER_BUFFER_BYTES && !oq_transfer_write_out(transfer))
            return false;
    }
    return !is_receiving || oq_transfer_save_if_due(transfer);
}

/* --- the end of the request ------------------------------------------------------------------- */

/* The body has ended where libcurl expected it. OQ_NET_NONE: the event has been applied. */
static enum oq_net_error complete_body(struct oq_transfer *transfer)
{
    const struct oq_http_decision *decision = &transfer->response.decision;
    uint64_t position_bytes = oq_transfer_position(transfer);
    if (decision->total_bytes == OQ_SIZE_UNKNOWN || decision->total_bytes == position_bytes)
        oq_transfer_apply(transfer, OQ_TRANSFER_EV_WHOLE, NULL);
    else if (transfer->end_bytes == position_bytes && position_bytes > transfer->begin_bytes)
        oq_transfer_apply(transfer, OQ_TRANSFER_EV_STOP, NULL); /* the rest with the next request */
    else if (decision->is_promised_before && transfer->response.is_chunked)
        restart(transfer, "the file is shorter than the server said before");
    else
        return OQ_NET_CUT;
    return OQ_NET_NONE;
}

/* Silent again where it was silent before: something on the way scans the file before it gives the
 * rest, and does so again with each request. */
static void note_silence(struct oq_transfer *transfer)
{
    struct oq_transfer_history *history = oq_transfer_history(transfer);
    uint64_t position_bytes = oq_transfer_position(transfer);
    int64_t ms = history->has_stalled && history->stalled_bytes == position_bytes
                     ? oq_net_wait_longer(transfer->net)
                     : 0;
    char text[128];
    history->has_stalled = true;
    history->stalled_bytes = position_bytes;
    if (ms == 0)
        return;
    snprintf(text, sizeof text,
             "silent twice at byte %llu: StallTimeoutMs is %lld for this server now",
             (unsigned long long)position_bytes, (long long)ms);
    oq_transfer_log(transfer, OQ_LOG_INFO, text);
}

static void fail_request(struct oq_transfer *transfer, enum oq_net_error error, const char *text)
{
    char sentence[256];
    uint32_t refusal = oq_net_proxy_refusal(transfer->net);
    if (error == OQ_NET_STALLED || error == OQ_NET_TIMEOUT)
        note_silence(transfer);
    struct oq_verdict verdict = refusal ? oq_errors_http(refusal) : net_verdict(transfer, error);
    snprintf(sentence, sizeof sentence, "%s (%s)", oq_errors_describe_net(error), text);
    if (refusal)
        oq_errors_describe_http(refusal, sentence, sizeof sentence);
    if (refusal && refusal != 407)
        snprintf(
            sentence, sizeof sentence,
            "The proxy does not connect to the server (HTTP %u from the proxy); check the proxy "
            "settings.",
            (unsigned)refusal);
    oq_transfer_fail(transfer, &verdict, true, sentence);
}

/* The connection ends instead of an answer, again and again: some firewalls do that to a range.
 * Without one the saved bytes come again, so that is tried later when there are some. */
static void note_cut(struct oq_transfer *transfer)
{
    struct oq_transfer_history *history = oq_transfer_history(transfer);
    const struct oq_http_request request = oq_source_describe(transfer);
    if (!request.may_try_plain || history->attempts < (request.offset_bytes > 0 ? 4 : 1))
        return;
    history->is_plain = history->has_tried_plain = true;
}

static void on_done(void *ctx, enum oq_net_error error, const char *text)
{
    struct oq_transfer *transfer = ctx;
    switch (transfer->state) {
    case OQ_TRANSFER_RECEIVING:
        if (error == OQ_NET_NONE)
            error = complete_body(transfer);
        if (error != OQ_NET_NONE)
            fail_request(transfer, error, text);
        break;
    case OQ_TRANSFER_REPAIRING:
        oq_verify_on_done(transfer, error, text);
        break;
    case OQ_TRANSFER_REQUESTING:
    case OQ_TRANSFER_RESOLVING_PROXY:
        if (error == OQ_NET_CUT)
            note_cut(transfer);
        fail_request(transfer, error == OQ_NET_NONE ? OQ_NET_CUT : error, text);
        break;
    case OQ_TRANSFER_OPENING: /* no request */
    case OQ_TRANSFER_VERIFYING:
    case OQ_TRANSFER_FLUSHING: /* an event of the header or the body said so */
    case OQ_TRANSFER_STOPPING:
    case OQ_TRANSFER_ENDED:
    case OQ_TRANSFER_STATE_COUNT:
        break;
    }
    oq_transfer_act(transfer);
}

/* --- redirects -------------------------------------------------------------------------------- */

static void on_redirect_resolved(void *argument)
{
    struct oq_transfer *transfer = argument;
    char *proxy = transfer->work.proxy;
    struct oq_error unused;
    (void)oq_transfer_take_work(transfer, &unused);
    if (transfer->state == OQ_TRANSFER_STOPPING) {
        oq_transfer_work_over(transfer);
    } else {
        bool is_repair = transfer->verification != NULL;
        oq_transfer_apply(transfer, is_repair ? OQ_TRANSFER_EV_REPAIR : OQ_TRANSFER_EV_RESOLVED,
                          NULL);
        oq_net_follow(transfer->net, proxy); /* may call on_done */
    }
    oq_free(proxy);
}

static bool on_redirected(void *ctx, const char *url)
{
    struct oq_transfer *transfer = ctx;
    struct oq_error ignored;
    if ((transfer->state != OQ_TRANSFER_REQUESTING && transfer->state != OQ_TRANSFER_REPAIRING) ||
        oq_transfer_resolve_proxy(transfer, url, on_redirect_resolved, &ignored) != OQ_OK)
        return false;
    oq_transfer_apply(transfer, OQ_TRANSFER_EV_RESOLVE, NULL);
    return true;
}

const struct oq_net_events oq_transfer_events = {.header = on_header,
                                                 .header_complete = on_header_complete,
                                                 .body = on_body,
                                                 .redirected = on_redirected,
                                                 .done = on_done};
