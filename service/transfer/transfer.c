/* transfer.c - one file in flight, from the answer on: judge it, write, flush and save offsets, and
 * say how it ended. transfer_begin.c has what is before that.
 *
 * Engine thread. A transfer goes OPENING -> RECEIVING -> ENDING and is freed when no disk op of its
 * own is out any more. Promises: file.done_bytes never exceeds what a finished flush covers; bytes
 * of two versions never meet in one file (core/oq_http.h decides); a saved offset is lowered before
 * the file is cut.
 */
#include "oq_rate_control.h"
#include "transfer_int.h"

#include "oq_alloc.h"
#include "oq_url.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define RATE_STEP_MS 500
#define ROOM_FROM_BYTES ((uint64_t)1024 * 1024) /* room for so much is looked for in advance */

struct oq_file *oq_transfer_file(const struct oq_transfer *transfer)
{
    return &transfer->entry->group.job.files[transfer->file_index];
}

struct oq_file_run *oq_transfer_run(const struct oq_transfer *transfer)
{
    return &transfer->entry->runs[transfer->file_index];
}

static struct oq_file *file_of(const struct oq_transfer *transfer)
{
    return oq_transfer_file(transfer);
}

static struct oq_file_run *run_of(const struct oq_transfer *transfer)
{
    return oq_transfer_run(transfer);
}

uint64_t oq_transfer_position(const struct oq_transfer *transfer)
{
    return transfer->written_bytes + transfer->buffered;
}

uint64_t oq_transfer_received(const struct oq_transfer *transfer)
{
    return transfer->check ? file_of(transfer)->done_bytes : oq_transfer_position(transfer);
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

void oq_transfer_log(const struct oq_transfer *transfer, enum oq_log_level level, const char *what)
{
    char guid[OQ_GUID_TEXT];
    char *url = oq_url_redact(oq_sources_url(file_of(transfer), transfer->source));
    oq_guid_format(&transfer->entry->group.guid, guid);
    oq_log(level, "group %s file %u (%s): %s", guid, transfer->file_index, url ? url : "?", what);
    oq_free(url);
}

/* --- how it ends ------------------------------------------------------------------------------ */

void oq_transfer_fail(struct oq_transfer *transfer, const struct oq_verdict *verdict,
                      const char *text)
{
    if (transfer->ending != NOT_ENDED)
        return;
    transfer->ending = ENDED_FAILED;
    transfer->verdict = *verdict;
    snprintf(transfer->text, sizeof transfer->text, "%s", text);
}

void oq_transfer_fail_error(struct oq_transfer *transfer, const struct oq_error *err)
{
    transfer->is_local |= transfer->ending == NOT_ENDED && err->status != OQ_E_NET;
    struct oq_verdict verdict = err->status == OQ_E_NET ? oq_errors_net((enum oq_net_error)err->net)
                                                        : oq_errors_file(err->status, err->win32);
    oq_transfer_fail(transfer, &verdict, err->text[0] ? err->text : oq_status_name(err->status));
}

/* Says how much is missing: that is what the user has to make room for. */
static void end_full(struct oq_transfer *transfer, uint64_t missing_bytes)
{
    struct oq_verdict verdict = oq_errors_file(OQ_E_DISK_FULL, 0);
    char text[sizeof transfer->text];
    snprintf(text, sizeof text,
             "The disk is full: %llu bytes are missing; make room, and the download goes on.",
             (unsigned long long)missing_bytes);
    transfer->is_local |= transfer->ending == NOT_ENDED; /* no other source has more room */
    oq_transfer_fail(transfer, &verdict, text);
}

void oq_transfer_restart(struct oq_transfer *transfer, const char *why)
{
    if (transfer->ending != NOT_ENDED)
        return;
    transfer->ending = ENDED_RESTART;
    snprintf(transfer->text, sizeof transfer->text, "%s", why);
}

enum oq_status oq_transfer_forget(struct oq_transfer *transfer, struct oq_error *err)
{
    struct oq_file next = *file_of(transfer);
    transfer->entry->may_percent_fall = true;
    oq_file_forget_bytes(&next, false);
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

    oq_check_drop(transfer);
    engine->files->close(engine->files->ctx, transfer->file);
    transfer->file = NULL;
    if (transfer->ending == ENDED_WHOLE) {
        struct oq_file next = *file_of(transfer);
        next.state = OQ_FILE_FETCHED;
        next.size_bytes = next.done_bytes = transfer->written_bytes;
        next.temp_id = transfer->file_id[0] ? transfer->file_id : NULL;
        status = oq_change_file(engine, entry, &next, &err);
    } else if (transfer->ending == ENDED_RESTART) {
        oq_transfer_log(transfer, OQ_LOG_INFO, transfer->text);
        status = oq_transfer_forget(transfer, &err);
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
        oq_transfer_fail_error(transfer, &err);
    }

    /* From here on the file is not in flight any more; what follows may free nothing of the entry.
     */
    enum ending ending = transfer->ending;
    bool is_discarded = transfer->is_discarded;
    bool is_of_source = !transfer->is_local && !transfer->is_round_over;
    struct oq_verdict verdict = transfer->verdict;
    int64_t retry_after_ms = transfer->response.retry_after_ms;
    char text[sizeof transfer->text];
    memcpy(text, transfer->text, sizeof text);
    if (ending == ENDED_FAILED && !is_discarded)
        oq_transfer_log(transfer, OQ_LOG_WARNING, text);
    run_of(transfer)->transfer = NULL;
    entry->running--;
    engine->needs_turns = true;
    engine->identity->unref(engine->identity->ctx, transfer->identity);
    oq_free(transfer->buffer);
    oq_free(transfer->proxy);
    oq_free(transfer->work.temp_path);
    oq_free(transfer->work.url);
    oq_free(transfer);

    if (ending == ENDED_WHOLE)
        entry->runs[index].attempts = 0;
    if (entry->group.state == OQ_GROUP_ACTIVE) {
        if (ending == ENDED_WHOLE) {
            oq_change_progress(engine, entry);
            oq_change_if_fetched(engine, entry);
        } else if (ending == ENDED_FAILED &&
                   !(is_of_source && oq_source_is_left(engine, entry, index, &verdict, text))) {
            oq_change_failed(engine, entry, index, &verdict, retry_after_ms, text);
            oq_check_forget(engine, entry, index);
        }
    }
    if (entry->running == 0)
        oq_waiters_check(engine, entry, false);
    oq_finish_run(engine, entry);
}

enum oq_status oq_transfer_submit(struct oq_transfer *transfer, enum work_kind kind,
                                  void (*run)(void *argument), void (*done)(void *argument))
{
    struct work *work = &transfer->work;
    assert(work->kind == NO_WORK);
    work->operation = (struct oq_operation){.run = run, .done = done, .argument = transfer};
    work->status = OQ_OK;
    oq_error_init(&work->error);
    enum oq_status status = oq_worker_pool_submit(transfer->engine->pool, &work->operation);
    if (status == OQ_OK)
        work->kind = kind;
    return status;
}

enum oq_status oq_transfer_take_work(struct oq_transfer *transfer, struct oq_error *err)
{
    transfer->work.kind = NO_WORK;
    *err = transfer->work.error;
    return transfer->work.status;
}

/* Before the first byte, and again with every flush unless the file system keeps the room: other
 * programs write too. */
static void look_for_room(struct oq_transfer *transfer)
{
    const struct oq_file_port *files = transfer->engine->files;
    struct work *work = &transfer->work;
    struct oq_error ignored;
    uint64_t free_bytes = 0;
    work->missing_bytes = 0;
    if (work->is_reserved || work->total_bytes == OQ_SIZE_UNKNOWN ||
        work->total_bytes <= work->mark_bytes)
        return;
    uint64_t need_bytes = work->total_bytes - work->mark_bytes;
    oq_error_init(&ignored);
    if (files->free_space(files->ctx, transfer->identity, work->temp_path, &free_bytes, &ignored) !=
        OQ_OK)
        return; /* writing will show */
    if (free_bytes < need_bytes)
        work->missing_bytes = need_bytes - free_bytes;
    else
        work->is_reserved =
            files->reserve(files->ctx, transfer->file, work->total_bytes, &ignored) == OQ_OK;
}

static void run_flush(void *argument)
{
    struct oq_transfer *transfer = argument;
    const struct oq_file_port *files = transfer->engine->files;
    struct work *work = &transfer->work;
    look_for_room(transfer);
    if (work->mark_bytes > 0)
        work->status = files->flush(files->ctx, transfer->file, &work->error);
}

static void on_flushed(void *argument);

static bool submit_flush(struct oq_transfer *transfer)
{
    struct work *work = &transfer->work;
    if (oq_text_set(&work->temp_path, file_of(transfer)->temp_path) != OQ_OK)
        return false;
    work->mark_bytes = transfer->written_bytes;
    work->total_bytes = transfer->total_bytes;
    return oq_transfer_submit(transfer, FLUSH_WORK, run_flush, on_flushed) == OQ_OK;
}

bool oq_transfer_write_out(struct oq_transfer *transfer)
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
        oq_transfer_fail_error(transfer, &err);
        return false;
    }
    transfer->written_bytes += transfer->buffered;
    transfer->buffered = 0;
    return true;
}

/* After the request is over: last write, last flush, then conclude. Called again when a flush comes
 * back. */
void oq_transfer_proceed(struct oq_transfer *transfer)
{
    transfer->phase = ENDING;
    oq_rate_control_remove(transfer->engine->rate_control, transfer->flow);
    transfer->flow = NULL;
    oq_net_close(transfer->engine->net, transfer->net);
    transfer->net = NULL;
    if (transfer->work.kind != NO_WORK)
        return;
    bool keeps_bytes = transfer->file && !transfer->is_discarded && !transfer->is_flush_broken &&
                       transfer->ending != ENDED_RESTART;
    if (keeps_bytes && transfer->buffered > 0 && !oq_transfer_write_out(transfer) &&
        transfer->ending == ENDED_WHOLE) {
        struct oq_verdict verdict = oq_errors_file(OQ_E_IO, 0);
        transfer->ending = NOT_ENDED;
        transfer->is_local = true;
        oq_transfer_fail(transfer, &verdict, "the last bytes could not be written");
    }
    if (keeps_bytes && transfer->written_bytes > file_of(transfer)->done_bytes) {
        if (submit_flush(transfer))
            return;
        if (transfer->ending == ENDED_WHOLE) { /* not flushed is not there */
            struct oq_verdict verdict = oq_errors_net(OQ_NET_NOMEM);
            transfer->ending = NOT_ENDED;
            transfer->is_local = true;
            oq_transfer_fail(transfer, &verdict, "out of memory");
        }
    }
    if (transfer->ending == ENDED_WHOLE && !transfer->is_checked && oq_check_begin(transfer))
        return;
    conclude(transfer);
}

static uint64_t unsaved_bytes(const struct oq_transfer *transfer)
{
    return oq_transfer_position(transfer) - file_of(transfer)->done_bytes;
}

/* After half of the interval, so that there is room for what arrives meanwhile. */
static bool is_saving_due(const struct oq_transfer *transfer)
{
    const struct oq_config *config = &transfer->engine->config;
    return transfer->is_judged && unsaved_bytes(transfer) > 0 &&
           (oq_now_ms(transfer->engine) >= transfer->checkpoint_at_ms ||
            unsaved_bytes(transfer) >= (uint64_t)config->checkpoint_bytes / 2);
}

/* No more than CheckpointBytes are ever fetched again: while what came is being saved, nothing is
 * taken from the network that would exceed three quarters of them. The last quarter is for what the
 * server has sent and the sockets hold. */
static void keep_within_interval(struct oq_transfer *transfer)
{
    bool is_full = transfer->work.kind != NO_WORK &&
                   unsaved_bytes(transfer) + OQ_NET_PIECE_MAX >
                       (uint64_t)transfer->engine->config.checkpoint_bytes / 4 * 3;
    if (transfer->is_held && !is_full) { /* the source was not slow, we were */
        transfer->window_at_ms = oq_now_ms(transfer->engine);
        transfer->window_bytes = 0;
    }
    if (transfer->is_held == is_full)
        return;
    transfer->is_held = is_full; /* first: going on may bring bytes at once */
    oq_net_hold(transfer->net, OQ_HOLD_DISK, is_full);
}

/* False: the bytes cannot be written, and the ending says so. */
static bool save_if_due(struct oq_transfer *transfer)
{
    struct oq_engine *engine = transfer->engine;
    if (transfer->work.kind == NO_WORK && is_saving_due(transfer)) {
        if (!oq_transfer_write_out(transfer))
            return false;
        if (!submit_flush(transfer)) /* too much to do: the tick tries again */
            transfer->checkpoint_at_ms = oq_now_ms(engine) + engine->config.checkpoint_ms;
    }
    keep_within_interval(transfer);
    return true;
}

static void on_flushed(void *argument)
{
    struct oq_transfer *transfer = argument;
    struct oq_engine *engine = transfer->engine;
    struct oq_error err;
    enum oq_status status = oq_transfer_take_work(transfer, &err);
    uint64_t missing_bytes = transfer->work.missing_bytes;
    uint64_t mark_bytes = transfer->work.mark_bytes;
    transfer->checkpoint_at_ms = oq_now_ms(engine) + engine->config.checkpoint_ms;
    if (status == OQ_OK && !transfer->is_discarded && mark_bytes > file_of(transfer)->done_bytes) {
        struct oq_file next = *file_of(transfer);
        next.done_bytes = mark_bytes;
        status = oq_change_file(engine, transfer->entry, &next, &err);
        if (status == OQ_OK && mark_bytes > run_of(transfer)->furthest_bytes) {
            run_of(transfer)->furthest_bytes = mark_bytes;
            run_of(transfer)->attempts = 0;
            oq_sources_progress(&run_of(transfer)->sources);
            oq_change_progress(engine, transfer->entry);
        }
    }
    if (status != OQ_OK) {
        if (transfer->ending == ENDED_WHOLE)
            transfer->ending = NOT_ENDED;
        oq_transfer_fail_error(transfer, &err);
        transfer->is_flush_broken = true;
        oq_transfer_proceed(transfer);
    } else {
        if (missing_bytes > 0)
            end_full(transfer, missing_bytes);
        if (missing_bytes > 0 || transfer->phase == ENDING || !save_if_due(transfer))
            oq_transfer_proceed(transfer);
    }
}

void oq_transfer_tick(struct oq_transfer *transfer)
{
    if (transfer->phase != RECEIVING || transfer->work.kind != NO_WORK || transfer->check)
        return;
    if (oq_source_is_slow(transfer)) {
        oq_transfer_proceed(transfer);
        return;
    }
    if (!save_if_due(transfer))
        oq_transfer_proceed(transfer);
}

void oq_transfer_stop(struct oq_engine *engine, struct oq_transfer *transfer, bool discard)
{
    (void)engine;
    transfer->is_discarded = transfer->is_discarded || discard;
    /* What is discarded is not flushed any more, so it must not count as whole either. */
    if (transfer->ending == NOT_ENDED || transfer->is_discarded)
        transfer->ending = ENDED_STOPPED;
    if (transfer->phase == RECEIVING)
        oq_transfer_proceed(transfer);
}

/* --- the response ----------------------------------------------------------------------------- */

static bool is_other_text(const char *a, const char *b)
{
    return a != b && (!a || !b || strcmp(a, b) != 0);
}

/* Does a server whose bytes are to be continued send another hash of the whole file than before? */
static bool is_other_digest(const struct oq_transfer *transfer)
{
    const struct oq_file *file = file_of(transfer);
    struct oq_digest saved;
    const struct oq_digest *sent = &transfer->response.digest;
    return file->digest && transfer->written_bytes > 0 && !transfer->is_hashed &&
           oq_digest_parse_hex(file->digest, &saved) == OQ_OK && saved.kind == sent->kind &&
           memcmp(saved.value, sent->value, oq_hash_size(sent->kind)) != 0;
}

/* Saves what the response says about the file; with `from_zero` also that none of it is there,
 * before the file is cut. */
static bool accept(struct oq_transfer *transfer, const struct oq_http_decision *decision,
                   bool from_zero)
{
    struct response *response = &transfer->response;
    struct oq_file *file = file_of(transfer);
    struct oq_file next = *file;
    char digest[OQ_HEX_MAX];
    struct oq_error err;
    oq_error_init(&err);
    next.size_bytes = decision->total_bytes;
    if (from_zero) {
        next.done_bytes = 0;
        transfer->entry->may_percent_fall |= file->done_bytes > 0;
    }
    /* The response to a range may leave out validators; the old ones then still hold (RFC
     * 9110, 15.3.7). */
    if (from_zero || response->http.etag || response->http.last_modified ||
        file->source != transfer->source) {
        next.etag = response->http.etag ? response->etag : NULL;
        next.last_modified = response->http.last_modified ? response->last_modified : NULL;
    }
    if (response->digest.kind != OQ_HASH_NONE)
        oq_digest_format(&response->digest, digest);
    if (from_zero || response->digest.kind != OQ_HASH_NONE)
        next.digest = response->digest.kind != OQ_HASH_NONE ? digest : NULL;
    next.source = transfer->source;
    bool is_new = next.source != file->source || is_other_text(next.digest, file->digest) ||
                  is_other_text(next.etag, file->etag) ||
                  is_other_text(next.last_modified, file->last_modified) ||
                  next.size_bytes != file->size_bytes || next.done_bytes != file->done_bytes;
    if (is_new && oq_change_file(transfer->engine, transfer->entry, &next, &err) != OQ_OK) {
        oq_transfer_fail_error(transfer, &err);
        return false;
    }
    if (from_zero && transfer->written_bytes > 0) {
        const struct oq_file_port *files = transfer->engine->files;
        if (files->set_size(files->ctx, transfer->file, 0, &err) != OQ_OK) {
            oq_transfer_fail_error(transfer, &err);
            return false;
        }
        transfer->written_bytes = 0;
    }
    /* Is there room for it? Small files find out when they are written. */
    if (next.size_bytes != OQ_SIZE_UNKNOWN && transfer->work.kind == NO_WORK &&
        next.size_bytes - transfer->written_bytes >= ROOM_FROM_BYTES)
        (void)submit_flush(transfer);
    return true;
}

/* Decides once per request what its answer means. False: the body is of no use. */
static bool judge(struct oq_transfer *transfer)
{
    const struct oq_file *file = file_of(transfer);
    struct oq_http_request request;
    transfer->is_judged = true;
    if (transfer->check)
        return oq_check_judge(transfer);
    oq_source_describe(transfer, &request);
    request.is_plain = run_of(transfer)->is_plain;
    struct oq_http_decision decision = oq_http_judge(&request, oq_response_finish(transfer));
    transfer->total_bytes = decision.total_bytes;
    transfer->is_promised_before = decision.is_promised_before;
    run_of(transfer)->is_plain = false;
    if (decision.verdict != OQ_HTTP_FAIL && decision.total_bytes != OQ_SIZE_UNKNOWN &&
        file->extras && file->extras->size_bytes != OQ_SIZE_UNKNOWN &&
        file->extras->size_bytes != decision.total_bytes) {
        decision.verdict = OQ_HTTP_FAIL;
        decision.net = OQ_NET_WRONG_SIZE;
        decision.why = "its size is not the expected one";
    }
    if (decision.verdict == OQ_HTTP_APPEND && is_other_digest(transfer)) {
        decision.verdict = OQ_HTTP_RESTART;
        decision.why = "the hash that the server sends has changed";
    }
    if ((decision.verdict == OQ_HTTP_REPLACE || decision.verdict == OQ_HTTP_RESTART) &&
        oq_source_is_refused(transfer, decision.why))
        return false;
    switch (decision.verdict) {
    case OQ_HTTP_APPEND:
        if (decision.body_bytes != OQ_SIZE_UNKNOWN)
            transfer->end_bytes = transfer->written_bytes + decision.body_bytes;
        return accept(transfer, &decision, false);
    case OQ_HTTP_REPLACE:
        transfer->end_bytes = decision.body_bytes;
        if (transfer->written_bytes > 0)
            oq_transfer_log(transfer, OQ_LOG_INFO, decision.why);
        return accept(transfer, &decision, true);
    case OQ_HTTP_COMPLETE:
        if (accept(transfer, &decision, false))
            transfer->ending = ENDED_WHOLE;
        return false;
    case OQ_HTTP_RESTART:
        oq_transfer_restart(transfer, decision.why);
        return false;
    case OQ_HTTP_FAIL:
        oq_response_fail(transfer, &decision);
        return false;
    }
    return false;
}

static struct oq_flow *add_flow(const struct oq_transfer *transfer)
{
    struct oq_entry *entry = transfer->entry;
    struct oq_flow_options options = {.net = transfer->net,
                                      .group = &entry->bucket,
                                      .group_bytes_per_s = entry->group.max_bytes_per_s,
                                      .is_foreground = entry->group.is_foreground,
                                      .id = entry->group.id};
    return oq_rate_control_add(transfer->engine->rate_control, &options);
}

static bool on_header_complete(void *ctx)
{
    struct oq_transfer *transfer = ctx;
    return transfer->ending == NOT_ENDED && judge(transfer);
}

static bool on_body(void *ctx, const char *data, size_t length)
{
    struct oq_transfer *transfer = ctx;
    if (transfer->ending != NOT_ENDED || oq_response_is_too_long(transfer, length))
        return false;
    if (!transfer->flow)
        transfer->flow = add_flow(transfer);
    oq_rate_control_received(transfer->engine->rate_control, transfer->flow, length);
    transfer->rate_bytes += length;
    transfer->window_bytes += length;
    transfer->has_body = true;
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
    return transfer->check || save_if_due(transfer);
}

static void on_done(void *ctx, enum oq_net_error error, const char *text)
{
    struct oq_transfer *transfer = ctx;
    char sentence[256];
    if (transfer->check) {
        oq_check_on_done(transfer, error, text);
        return;
    }
    if (transfer->ending == NOT_ENDED && error == OQ_NET_NONE) {
        if (transfer->total_bytes == OQ_SIZE_UNKNOWN ||
            transfer->total_bytes == oq_transfer_position(transfer)) {
            transfer->ending = ENDED_WHOLE;
        } else if (transfer->end_bytes == oq_transfer_position(transfer) && transfer->has_body) {
            transfer->ending =
                ENDED_STOPPED; /* the server gave less than the rest: ask on at the next turn */
        } else if (transfer->is_promised_before && transfer->response.is_chunked) {
            oq_transfer_restart(transfer, "the file is shorter than the server said before");
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
        oq_transfer_fail(transfer, &verdict, sentence);
    }
    oq_transfer_proceed(transfer);
}

const struct oq_net_events oq_transfer_events = {.header = oq_response_header,
                                                 .header_complete = on_header_complete,
                                                 .body = on_body,
                                                 .redirected = oq_source_redirected,
                                                 .done = on_done};
