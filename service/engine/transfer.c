/* transfer.c - one file in flight: open the temporary file, ask the server from the saved offset,
 * judge the answer, write, flush and save offsets, and say how it ended.
 *
 * Engine thread. A transfer goes OPENING -> RECEIVING -> ENDING and is freed when no disk op of its
 * own is out any more. Promises: file.done_bytes never exceeds what a finished flush covers; bytes
 * of two versions never meet in one file (core/oq_http.h decides); a saved offset is lowered before
 * the file is cut.
 */
#include "engine_int.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "oq_path.h"
#include "oq_url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* libcurl hands the body over in pieces of at most 16 KB and each WriteFile is dear (under Wine
 * above all): gathering 1 MB makes writing 3 times faster than curl.exe (measured,
 * docs/architecture.md). */
#define BUFFER_BYTES ((size_t)1024 * 1024)
#define RATE_STEP_MS 500
#define ROOM_FROM_BYTES ((uint64_t)1024 * 1024) /* room for so much is looked for in advance */

enum phase { OPENING, RECEIVING, ENDING };
enum ending { NOT_ENDED, ENDED_WHOLE, ENDED_STOPPED, ENDED_RESTART, ENDED_FAILED };

/* Fields of the response that is being read; those of a redirect are forgotten when the next one
 * starts. */
struct response {
    struct oq_http_response http;
    char etag[OQ_ETAG_MAX + 1];
    char last_modified[OQ_DATE_MAX + 1];
    int64_t retry_after_ms; /* -1 = none */
    bool is_chunked;        /* then Content-Length does not count */
};

struct oq_transfer {
    struct oq_engine *engine;
    struct oq_entry *entry;
    uint32_t file_index;
    struct oq_identity *identity;
    enum phase phase;
    bool is_fresh_name; /* the temporary name was made by this transfer: the file must not exist yet
                         */
    struct oq_net_handle *net;
    struct oq_fhandle *file;
    char *proxy; /* see oq_network_port; owned */
    uint8_t *buffer;
    size_t buffered;
    uint64_t written_bytes; /* position in the file after the last write */
    uint64_t total_bytes; /* of the whole file, once the response was judged; or OQ_SIZE_UNKNOWN */
    uint64_t end_bytes;   /* position in the file where this response ends; or OQ_SIZE_UNKNOWN */
    bool is_judged, has_body;
    bool is_flushing;
    bool is_reserved; /* the file system keeps room for the whole file */
    int64_t checkpoint_at_ms;
    struct response response;

    enum ending ending;
    bool is_discarded;         /* the group goes: nothing has to be kept */
    bool is_flush_broken;      /* a flush failed: what was not saved before is not believed */
    struct oq_verdict verdict; /* ENDED_FAILED */
    char text[256];            /* ENDED_FAILED, ENDED_RESTART */

    int64_t rate_at_ms;
    uint64_t rate_bytes; /* since rate_at_ms */
    uint64_t rate_per_s;
};

static struct oq_file *file_of(const struct oq_transfer *transfer)
{
    return &transfer->entry->group.job.files[transfer->file_index];
}

static struct oq_file_run *run_of(const struct oq_transfer *transfer)
{
    return &transfer->entry->runs[transfer->file_index];
}

uint64_t oq_transfer_received(const struct oq_transfer *transfer)
{
    return transfer->written_bytes + transfer->buffered;
}

bool oq_transfer_is_connected(const struct oq_transfer *transfer)
{
    return transfer->is_judged;
}

uint64_t oq_transfer_rate(struct oq_transfer *transfer, int64_t now_ms)
{
    int64_t passed_ms = now_ms - transfer->rate_at_ms;
    if (passed_ms >= RATE_STEP_MS) {
        uint64_t latest = transfer->rate_bytes * 1000 / (uint64_t)passed_ms;
        transfer->rate_per_s =
            transfer->rate_per_s ? (transfer->rate_per_s * 6 + latest * 4) / 10 : latest;
        transfer->rate_at_ms = now_ms;
        transfer->rate_bytes = 0;
    }
    return transfer->rate_per_s;
}

static void log_file(const struct oq_transfer *transfer, enum oq_log_level level, const char *what)
{
    char guid[OQ_GUID_TEXT];
    char *url = oq_url_redact(file_of(transfer)->remote);
    oq_guid_format(&transfer->entry->group.guid, guid);
    oq_log(level, "group %s file %u (%s): %s", guid, transfer->file_index, url ? url : "?", what);
    oq_free(url);
}

/* --- how it ends ------------------------------------------------------------------------------ */

/* The first ending counts. */
static void end_failed(struct oq_transfer *transfer, const struct oq_verdict *verdict,
                       const char *text)
{
    if (transfer->ending != NOT_ENDED)
        return;
    transfer->ending = ENDED_FAILED;
    transfer->verdict = *verdict;
    snprintf(transfer->text, sizeof transfer->text, "%s", text);
}

static void end_error(struct oq_transfer *transfer, const struct oq_error *err)
{
    struct oq_verdict verdict = err->status == OQ_E_NET ? oq_errors_net((enum oq_net_error)err->net)
                                                        : oq_errors_file(err->status, err->win32);
    end_failed(transfer, &verdict, err->text[0] ? err->text : oq_status_name(err->status));
}

/* Says how much is missing: that is what the user has to make room for. */
static void end_full(struct oq_transfer *transfer, uint64_t missing_bytes)
{
    struct oq_verdict verdict = oq_errors_file(OQ_E_DISK_FULL, 0);
    char text[sizeof transfer->text];
    snprintf(text, sizeof text,
             "The disk is full: %llu bytes are missing; make room, and the download goes on.",
             (unsigned long long)missing_bytes);
    end_failed(transfer, &verdict, text);
}

static void end_restart(struct oq_transfer *transfer, const char *why)
{
    if (transfer->ending != NOT_ENDED)
        return;
    transfer->ending = ENDED_RESTART;
    snprintf(transfer->text, sizeof transfer->text, "%s", why);
}

/* Forgets the saved bytes, durably, before anything is done to the file. */
static enum oq_status save_nothing_there(struct oq_transfer *transfer, struct oq_error *err)
{
    struct oq_file next = *file_of(transfer);
    transfer->entry->may_percent_fall = true;
    next.done_bytes = 0;
    next.size_bytes = OQ_SIZE_UNKNOWN;
    next.etag = NULL;
    next.last_modified = NULL;
    return oq_change_file(transfer->engine, transfer->entry, &next, err);
}

static void conclude(struct oq_transfer *transfer)
{
    struct oq_engine *engine = transfer->engine;
    struct oq_entry *entry = transfer->entry;
    uint32_t index = transfer->file_index;
    struct oq_error err;
    enum oq_status status = OQ_OK;
    oq_error_init(&err);

    engine->files->close(engine->files->ctx, transfer->file);
    transfer->file = NULL;
    if (transfer->ending == ENDED_WHOLE) {
        struct oq_file next = *file_of(transfer);
        next.state = OQ_FILE_FETCHED;
        next.size_bytes = next.done_bytes = transfer->written_bytes;
        status = oq_change_file(engine, entry, &next, &err);
    } else if (transfer->ending == ENDED_RESTART) {
        log_file(transfer, OQ_LOG_INFO, transfer->text);
        status = save_nothing_there(transfer, &err);
        if (status == OQ_OK && run_of(transfer)->attempts > 0) {
            /* Restarting again and again is a server's fault that needs a pause. */
            struct oq_verdict verdict = oq_errors_net(OQ_NET_CUT);
            transfer->ending = ENDED_FAILED;
            transfer->verdict = verdict;
        } else {
            run_of(transfer)->attempts++;
        }
        run_of(transfer)->is_plain = true;
    }
    if (status != OQ_OK) {
        transfer->ending = NOT_ENDED;
        end_error(transfer, &err);
    }

    /* From here on the file is not in flight any more; what follows may free nothing of the entry.
     */
    enum ending ending = transfer->ending;
    bool is_discarded = transfer->is_discarded;
    struct oq_verdict verdict = transfer->verdict;
    int64_t retry_after_ms = transfer->response.retry_after_ms;
    char text[sizeof transfer->text];
    memcpy(text, transfer->text, sizeof text);
    if (ending == ENDED_FAILED && !is_discarded)
        log_file(transfer, OQ_LOG_WARNING, text);
    run_of(transfer)->transfer = NULL;
    entry->running--;
    engine->needs_turns = true;
    engine->identity->unref(engine->identity->ctx, transfer->identity);
    oq_free(transfer->buffer);
    oq_free(transfer->proxy);
    oq_free(transfer);

    if (ending == ENDED_WHOLE)
        entry->runs[index].attempts = 0;
    if (entry->group.state == OQ_GROUP_ACTIVE) {
        if (ending == ENDED_WHOLE) {
            oq_change_progress(engine, entry);
            oq_change_if_fetched(engine, entry);
        } else if (ending == ENDED_FAILED) {
            oq_change_failed(engine, entry, index, &verdict, retry_after_ms, text);
        }
    }
    if (entry->running == 0)
        oq_waiters_check(engine, entry, false);
    oq_finish_run(engine, entry);
}

static void on_flushed(struct oq_engine *engine, struct oq_disk_op *op);

static bool submit_flush(struct oq_transfer *transfer)
{
    struct oq_disk_op *op = oq_disk_op_new(transfer->engine, OQ_DISK_FLUSH, transfer->identity,
                                           file_of(transfer)->temp_path, NULL);
    if (op) {
        op->handle = transfer->file;
        op->mark_bytes = transfer->written_bytes;
        op->total_bytes = transfer->total_bytes;
        op->is_reserved = transfer->is_reserved;
        op->transfer = transfer;
        op->done = on_flushed;
        if (oq_disk_submit(transfer->engine->disk, op) == OQ_OK) {
            transfer->is_flushing = true;
            return true;
        }
        op->handle = NULL;
        oq_disk_op_free(transfer->engine, op);
    }
    return false;
}

/* Hands the gathered bytes to the system. */
static bool write_out(struct oq_transfer *transfer)
{
    const struct oq_file_port *files = transfer->engine->files;
    struct oq_error err;
    if (transfer->buffered == 0)
        return true;
    oq_error_init(&err);
    if (files->write(files->ctx, transfer->file, transfer->written_bytes, transfer->buffer,
                     transfer->buffered, &err) != OQ_OK) {
        if (err.status == OQ_E_DISK_FULL && transfer->total_bytes != OQ_SIZE_UNKNOWN)
            end_full(transfer, transfer->total_bytes - transfer->written_bytes);
        transfer->buffered = 0;
        end_error(transfer, &err);
        return false;
    }
    transfer->written_bytes += transfer->buffered;
    transfer->buffered = 0;
    return true;
}

/* After the request is over: last write, last flush, then conclude. Called again when a flush comes
 * back. */
static void proceed_to_end(struct oq_transfer *transfer)
{
    transfer->phase = ENDING;
    oq_net_close(transfer->engine->net, transfer->net);
    transfer->net = NULL;
    if (transfer->is_flushing)
        return;
    bool keeps_bytes = transfer->file && !transfer->is_discarded && !transfer->is_flush_broken &&
                       transfer->ending != ENDED_RESTART;
    if (keeps_bytes && transfer->buffered > 0 && !write_out(transfer) &&
        transfer->ending == ENDED_WHOLE) {
        struct oq_verdict verdict = oq_errors_file(OQ_E_IO, 0);
        transfer->ending = NOT_ENDED;
        end_failed(transfer, &verdict, "the last bytes could not be written");
    }
    if (keeps_bytes && transfer->written_bytes > file_of(transfer)->done_bytes) {
        if (submit_flush(transfer))
            return;
        if (transfer->ending == ENDED_WHOLE) { /* not flushed is not there */
            struct oq_verdict verdict = oq_errors_net(OQ_NET_NOMEM);
            transfer->ending = NOT_ENDED;
            end_failed(transfer, &verdict, "out of memory");
        }
    }
    conclude(transfer);
}

static void on_flushed(struct oq_engine *engine, struct oq_disk_op *op)
{
    struct oq_transfer *transfer = op->transfer;
    struct oq_error err = op->error;
    enum oq_status status = op->status;
    uint64_t missing_bytes = op->missing_bytes;
    transfer->is_flushing = false;
    transfer->is_reserved = op->is_reserved;
    transfer->checkpoint_at_ms = oq_now_ms(engine) + engine->config.checkpoint_ms;
    op->handle = NULL;
    if (status == OQ_OK && !transfer->is_discarded &&
        op->mark_bytes > file_of(transfer)->done_bytes) {
        struct oq_file next = *file_of(transfer);
        next.done_bytes = op->mark_bytes;
        status = oq_change_file(engine, transfer->entry, &next, &err);
        if (status == OQ_OK && op->mark_bytes > run_of(transfer)->furthest_bytes) {
            run_of(transfer)->furthest_bytes = op->mark_bytes;
            run_of(transfer)->attempts = 0;
            oq_change_progress(engine, transfer->entry);
        }
    }
    oq_disk_op_free(engine, op);
    if (status != OQ_OK) {
        if (transfer->ending == ENDED_WHOLE)
            transfer->ending = NOT_ENDED;
        end_error(transfer, &err);
        transfer->is_flush_broken = true;
        proceed_to_end(transfer);
    } else {
        if (missing_bytes > 0)
            end_full(transfer, missing_bytes);
        if (missing_bytes > 0 || transfer->phase == ENDING)
            proceed_to_end(transfer);
    }
}

void oq_transfer_tick(struct oq_engine *engine, struct oq_transfer *transfer)
{
    if (transfer->phase != RECEIVING || transfer->is_flushing || !transfer->is_judged)
        return;
    uint64_t unsaved = oq_transfer_received(transfer) - file_of(transfer)->done_bytes;
    if (unsaved == 0 || (oq_now_ms(engine) < transfer->checkpoint_at_ms &&
                         unsaved < (uint64_t)engine->config.checkpoint_bytes))
        return;
    if (!write_out(transfer))
        proceed_to_end(transfer);
    else if (!submit_flush(transfer))
        transfer->checkpoint_at_ms = oq_now_ms(engine) + engine->config.checkpoint_ms;
}

void oq_transfer_stop(struct oq_engine *engine, struct oq_transfer *transfer, bool discard)
{
    (void)engine;
    transfer->is_discarded = transfer->is_discarded || discard;
    if (transfer->ending == NOT_ENDED)
        transfer->ending = ENDED_STOPPED;
    if (transfer->phase == RECEIVING)
        proceed_to_end(transfer);
}

/* --- the response ----------------------------------------------------------------------------- */

static void response_reset(struct response *response)
{
    memset(response, 0, sizeof *response);
    response->retry_after_ms = -1;
}

static void read_field(struct oq_transfer *transfer, const char *name, size_t name_length,
                       const char *value, size_t length)
{
    struct response *response = &transfer->response;
    struct oq_http_response *http = &response->http;
    bool is_weak = false;
#define IS(text) (name_length == sizeof(text) - 1 && strncasecmp(name, text, name_length) == 0)
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
    } else if (IS("Retry-After")) {
        int64_t delay_ms = 0;
        if (oq_http_parse_retry_after(value, length, oq_clock_wall_ms(transfer->engine->clock),
                                      &delay_ms) == OQ_OK)
            response->retry_after_ms = delay_ms;
    }
#undef IS
}

static void on_header(void *ctx, const char *line, size_t length)
{
    struct oq_transfer *transfer = ctx;
    if (transfer->is_judged)
        return; /* trailer fields say nothing we use */
    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        response_reset(&transfer->response);
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

/* Saves what the response says about the file; with `from_zero` also that none of it is there,
 * before the file is cut. */
static bool accept(struct oq_transfer *transfer, const struct oq_http_decision *decision,
                   bool from_zero)
{
    struct response *response = &transfer->response;
    struct oq_file *file = file_of(transfer);
    struct oq_file next = *file;
    struct oq_error err;
    oq_error_init(&err);
    next.size_bytes = decision->total_bytes;
    if (from_zero) {
        next.done_bytes = 0;
        transfer->entry->may_percent_fall |= file->done_bytes > 0;
    }
    /* The response to a range may leave out validators; the old ones then still hold (RFC
     * 9110, 15.3.7). */
    if (from_zero || response->http.etag || response->http.last_modified) {
        next.etag = response->http.etag ? response->etag : NULL;
        next.last_modified = response->http.last_modified ? response->last_modified : NULL;
    }
    bool is_new = next.size_bytes != file->size_bytes || next.done_bytes != file->done_bytes ||
                  (next.etag != file->etag &&
                   (!next.etag || !file->etag || strcmp(next.etag, file->etag) != 0)) ||
                  (next.last_modified != file->last_modified &&
                   (!next.last_modified || !file->last_modified ||
                    strcmp(next.last_modified, file->last_modified) != 0));
    if (is_new && oq_change_file(transfer->engine, transfer->entry, &next, &err) != OQ_OK) {
        end_error(transfer, &err);
        return false;
    }
    if (from_zero && transfer->written_bytes > 0) {
        const struct oq_file_port *files = transfer->engine->files;
        if (files->set_size(files->ctx, transfer->file, 0, &err) != OQ_OK) {
            end_error(transfer, &err);
            return false;
        }
        transfer->written_bytes = 0;
    }
    /* Is there room for it? Small files find out when they are written. */
    if (next.size_bytes != OQ_SIZE_UNKNOWN && !transfer->is_flushing &&
        next.size_bytes - transfer->written_bytes >= ROOM_FROM_BYTES)
        (void)submit_flush(transfer);
    return true;
}

/* Decides once per request what its answer means. False: the body is of no use. */
static bool judge(struct oq_transfer *transfer)
{
    const struct oq_file *file = file_of(transfer);
    char text[256];
    struct oq_http_request request = {.offset_bytes = transfer->written_bytes,
                                      .size_bytes = file->size_bytes,
                                      .etag = file->etag,
                                      .last_modified = file->last_modified,
                                      .is_plain = run_of(transfer)->is_plain};
    transfer->is_judged = true;
    transfer->response.http.status = oq_net_status(transfer->net);
    if (transfer->response.is_chunked)
        transfer->response.http.has_length = transfer->response.http.is_length_malformed = false;
    struct oq_http_decision decision = oq_http_judge(&request, &transfer->response.http);
    transfer->total_bytes = decision.total_bytes;
    run_of(transfer)->is_plain = false;
    switch (decision.verdict) {
    case OQ_HTTP_APPEND:
        if (decision.body_bytes != OQ_SIZE_UNKNOWN)
            transfer->end_bytes = transfer->written_bytes + decision.body_bytes;
        return accept(transfer, &decision, false);
    case OQ_HTTP_REPLACE:
        transfer->end_bytes = decision.body_bytes;
        if (transfer->written_bytes > 0)
            log_file(transfer, OQ_LOG_INFO, decision.why);
        return accept(transfer, &decision, true);
    case OQ_HTTP_COMPLETE:
        if (accept(transfer, &decision, false))
            transfer->ending = ENDED_WHOLE;
        return false;
    case OQ_HTTP_RESTART:
        end_restart(transfer, decision.why);
        return false;
    case OQ_HTTP_FAIL: {
        struct oq_verdict verdict = decision.net != OQ_NET_NONE
                                        ? oq_errors_net(decision.net)
                                        : oq_errors_http(transfer->response.http.status);
        if (verdict.http)
            oq_errors_describe_http(verdict.http, text, sizeof text);
        else
            snprintf(text, sizeof text, "%s (%s)", oq_errors_describe_net(decision.net),
                     decision.why);
        end_failed(transfer, &verdict, text);
        return false;
    }
    }
    return false;
}

static bool on_body(void *ctx, const char *data, size_t length)
{
    struct oq_transfer *transfer = ctx;
    if (transfer->ending != NOT_ENDED || (!transfer->is_judged && !judge(transfer)))
        return false;
    if (transfer->end_bytes != OQ_SIZE_UNKNOWN &&
        length > transfer->end_bytes - oq_transfer_received(transfer)) {
        struct oq_verdict verdict = oq_errors_net(OQ_NET_TOO_LONG);
        end_failed(transfer, &verdict, oq_errors_describe_net(OQ_NET_TOO_LONG));
        return false;
    }
    transfer->rate_bytes += length;
    transfer->has_body = true;
    while (length > 0) {
        size_t piece = BUFFER_BYTES - transfer->buffered;
        if (piece > length)
            piece = length;
        memcpy(transfer->buffer + transfer->buffered, data, piece);
        transfer->buffered += piece;
        data += piece;
        length -= piece;
        if (transfer->buffered == BUFFER_BYTES && !write_out(transfer))
            return false;
    }
    return true;
}

static void on_done(void *ctx, enum oq_net_error error, const char *text)
{
    struct oq_transfer *transfer = ctx;
    char sentence[256];
    if (transfer->ending == NOT_ENDED && error == OQ_NET_NONE && !transfer->is_judged)
        judge(transfer); /* an empty body */
    if (transfer->ending == NOT_ENDED && error == OQ_NET_NONE) {
        if (transfer->total_bytes == OQ_SIZE_UNKNOWN ||
            transfer->total_bytes == oq_transfer_received(transfer)) {
            transfer->ending = ENDED_WHOLE;
        } else if (transfer->end_bytes == oq_transfer_received(transfer) && transfer->has_body) {
            transfer->ending =
                ENDED_STOPPED; /* the server gave less than the rest: ask on at the next turn */
        } else {
            error = OQ_NET_CUT;
        }
    }
    if (transfer->ending == NOT_ENDED) {
        uint32_t refusal = oq_net_proxy_refusal(transfer->net);
        struct oq_verdict verdict = refusal ? oq_errors_http(refusal) : oq_errors_net(error);
        snprintf(sentence, sizeof sentence, "%s (%s)", oq_errors_describe_net(error), text);
        if (refusal)
            oq_errors_describe_http(refusal, sentence, sizeof sentence);
        end_failed(transfer, &verdict, sentence);
    }
    proceed_to_end(transfer);
}

const struct oq_net_events oq_transfer_events = {
    .header = on_header, .body = on_body, .done = on_done};

/* --- the beginning ---------------------------------------------------------------------------- */

static void on_opened(struct oq_engine *engine, struct oq_disk_op *op);

static enum oq_status submit_open(struct oq_transfer *transfer, enum oq_open_mode mode)
{
    struct oq_disk_op *op = oq_disk_op_new(transfer->engine, OQ_DISK_OPEN, transfer->identity,
                                           file_of(transfer)->temp_path, NULL);
    if (!op)
        return OQ_E_NOMEM;
    op->mode = mode;
    op->url = oq_strdup(file_of(transfer)->remote);
    op->attempt = run_of(transfer)->attempts;
    op->transfer = transfer;
    op->done = on_opened;
    enum oq_status status = oq_disk_submit(transfer->engine->disk, op);
    if (status != OQ_OK)
        oq_disk_op_free(transfer->engine, op);
    return status;
}

/* Saves a temporary name before there is a file of that name. */
static enum oq_status save_fresh_name(struct oq_transfer *transfer, struct oq_error *err)
{
    struct oq_file next = *file_of(transfer);
    char *name = oq_path_temp(next.local, oq_engine_random(transfer->engine));
    if (!name)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    next.temp_path = name;
    next.done_bytes = 0;
    next.etag = NULL;
    next.last_modified = NULL;
    enum oq_status status = oq_change_file(transfer->engine, transfer->entry, &next, err);
    oq_free(name);
    transfer->is_fresh_name = status == OQ_OK;
    return status;
}

static enum oq_status start_request(struct oq_transfer *transfer, struct oq_error *err)
{
    const struct oq_file *file = file_of(transfer);
    char if_range[OQ_ETAG_MAX + 1];
    struct oq_http_request resume = {.offset_bytes = file->done_bytes,
                                     .size_bytes = file->size_bytes,
                                     .etag = file->etag,
                                     .last_modified = file->last_modified};
    struct oq_net_request request = {.url = file->remote,
                                     .offset_bytes = file->done_bytes,
                                     .proxy = transfer->proxy,
                                     .is_plain = run_of(transfer)->is_plain,
                                     .is_foreground = transfer->entry->group.is_foreground,
                                     .identity = transfer->identity};
    if (file->done_bytes > 0 && oq_http_if_range(&resume, if_range, sizeof if_range))
        request.if_range = if_range;
    transfer->buffer = oq_malloc(BUFFER_BYTES);
    if (!transfer->buffer)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    transfer->phase = RECEIVING;
    transfer->checkpoint_at_ms =
        oq_now_ms(transfer->engine) + transfer->engine->config.checkpoint_ms;
    return oq_net_start(transfer->engine->net, &request, transfer, &transfer->net, err);
}

/* The temporary file is open, or is not: go on to the request. */
static void on_opened(struct oq_engine *engine, struct oq_disk_op *op)
{
    const struct oq_file_port *files = engine->files;
    struct oq_transfer *transfer = op->transfer;
    struct oq_file *file = file_of(transfer);
    struct oq_error err = op->error;
    enum oq_status status = op->status;
    uint64_t size_bytes = op->size_bytes;
    enum oq_open_mode mode = op->mode;
    transfer->file = op->handle;
    op->handle = NULL;
    oq_free(transfer->proxy);
    transfer->proxy = op->proxy;
    op->proxy = NULL;
    oq_disk_op_free(engine, op);

    if (transfer->ending != NOT_ENDED) { /* stopped meanwhile */
        proceed_to_end(transfer);
        return;
    }
    if (status == OQ_E_EXISTS &&
        transfer->is_fresh_name) { /* somebody else's file: leave it alone */
        status = save_fresh_name(transfer, &err);
        if (status == OQ_OK)
            status = submit_open(transfer, OQ_OPEN_CREATE);
        if (status == OQ_OK)
            return;
    } else if (status == OQ_E_FILE_MISSING && mode == OQ_OPEN_EXISTING) {
        if (file->done_bytes > 0) {
            log_file(transfer, OQ_LOG_WARNING,
                     "the temporary file is gone; the file is fetched again from the start");
            status = save_nothing_there(transfer, &err);
        } else {
            status = OQ_OK;
        }
        if (status == OQ_OK)
            status = submit_open(transfer, OQ_OPEN_CREATE);
        if (status == OQ_OK)
            return;
    } else if (status == OQ_OK) {
        if (size_bytes < file->done_bytes) {
            log_file(transfer, OQ_LOG_WARNING,
                     "the temporary file was cut; the file is fetched again from the start");
            status = save_nothing_there(transfer, &err);
        }
        /* Bytes behind the saved offset were perhaps never flushed: they are not believed. */
        if (status == OQ_OK && size_bytes > file->done_bytes)
            status = files->set_size(files->ctx, transfer->file, file->done_bytes, &err);
        transfer->written_bytes = file->done_bytes;
        if (status == OQ_OK)
            status = start_request(transfer, &err);
    }
    if (status != OQ_OK) {
        if (err.status == OQ_OK)
            oq_error_set(&err, status, "%s", oq_status_name(status));
        end_error(transfer, &err);
        proceed_to_end(transfer);
    }
}

void oq_transfer_start(struct oq_engine *engine, struct oq_entry *entry, uint32_t file_index)
{
    struct oq_error err;
    struct oq_identity *identity = NULL;
    enum oq_status status = OQ_OK;
    oq_error_init(&err);
    status =
        engine->identity->acquire(engine->identity->ctx, entry->group.owner_sid, &identity, &err);
    if (status == OQ_E_OWNER_ABSENT) {
        entry->is_owner_absent = true;
        entry->owner_retry_at_ms = oq_now_ms(engine) + 60000;
        return;
    }
    struct oq_transfer *transfer = status == OQ_OK ? oq_calloc(1, sizeof *transfer) : NULL;
    if (!transfer) {
        struct oq_verdict verdict =
            status == OQ_OK ? oq_errors_net(OQ_NET_NOMEM) : oq_errors_file(status, err.win32);
        engine->identity->unref(engine->identity->ctx, identity);
        oq_change_failed(engine, entry, file_index, &verdict, -1,
                         status == OQ_OK ? "out of memory" : err.text);
        return;
    }
    transfer->engine = engine;
    transfer->entry = entry;
    transfer->file_index = file_index;
    transfer->identity = identity;
    transfer->total_bytes = transfer->end_bytes = OQ_SIZE_UNKNOWN;
    transfer->rate_at_ms = oq_now_ms(engine);
    response_reset(&transfer->response);
    run_of(transfer)->transfer = transfer;
    run_of(transfer)->retry_at_ms = 0;
    entry->running++;

    const struct oq_file *file = file_of(transfer);
    struct oq_http_request resume = {.offset_bytes = file->done_bytes,
                                     .size_bytes = file->size_bytes,
                                     .etag = file->etag,
                                     .last_modified = file->last_modified};
    char unused[OQ_ETAG_MAX + 1];
    if (!file->temp_path)
        status = save_fresh_name(transfer, &err);
    else if (file->done_bytes > 0 && !oq_http_if_range(&resume, unused, sizeof unused))
        status = save_nothing_there(
            transfer, &err); /* without a validator nobody knows whether it is the same file */
    if (status == OQ_OK) {
        status = submit_open(transfer, transfer->is_fresh_name ? OQ_OPEN_CREATE : OQ_OPEN_EXISTING);
        if (status != OQ_OK)
            oq_error_set(&err, status, "too much disk work at once");
    }
    if (status != OQ_OK) {
        end_error(transfer, &err);
        proceed_to_end(transfer);
    }
}
