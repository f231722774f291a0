/* transfer.c - the life of a transfer: opens the temporary file, sends the request, writes and
 * flushes what comes, saves offsets, stops, reports.
 *
 * Engine thread, but for the run_ functions, which run on a worker. The state changes in
 * oq_transfer_apply alone, by the table of oq_transfer_machine.h; what follows from a change is
 * carried out by oq_transfer_act, never within a callback of libcurl.
 */
#include "transfer_int.h"

#include "oq_alloc.h"
#include "oq_path.h"
#include "oq_url.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define RATE_STEP_MS 500
#define ROOM_FROM_BYTES ((uint64_t)1024 * 1024) /* this much is checked for in advance */

/* --- the state -------------------------------------------------------------------------------- */

static void check_promises(const struct oq_transfer *transfer)
{
#ifndef NDEBUG
    const struct oq_transfer_facts facts = {
        .state = transfer->state,
        .outcome = transfer->outcome,
        .work = transfer->work.kind,
        .has_file = transfer->file != NULL,
        .has_request = transfer->net != NULL,
        .has_verification = transfer->verification != NULL,
        .has_effects = transfer->effects != OQ_TRANSFER_DO_NOTHING,
        .done_bytes = oq_transfer_file(transfer)->done_bytes,
        .written_bytes = transfer->written_bytes,
        .buffered_bytes = transfer->buffered,
    };
    const char *broken = oq_transfer_check(&facts);
    if (broken)
        oq_transfer_log(transfer, OQ_LOG_ERROR, broken);
    assert(!broken);
#else
    (void)transfer;
#endif
}

void oq_transfer_apply(struct oq_transfer *transfer, enum oq_transfer_event event,
                       const struct failure *failure)
{
    enum oq_transfer_state before = transfer->state;
    struct oq_transfer_transition transition;
    if (oq_transfer_transition(before, event, &transition) != OQ_OK) {
        oq_log_error("transfer: %s must not come while it is %s", oq_transfer_event_name(event),
                     oq_transfer_state_text(before));
        assert(false);
        return;
    }
    transfer->state = transition.next;
    transfer->effects |= transition.effects;
    if (transition.outcome != OQ_OUTCOME_NONE) {
        transfer->outcome = transition.outcome;
        if (failure)
            transfer->failure = *failure;
    }
    if (transition.next == before && transition.outcome == OQ_OUTCOME_NONE)
        return;
    oq_log_debug("transfer: group %lld file %u: %s -> %s (%s)",
                 (long long)oq_transfer_group(transfer)->id, transfer->owner.file_index,
                 oq_transfer_state_text(before), oq_transfer_state_text(transition.next),
                 oq_transfer_event_name(event));
    check_promises(transfer);
}

void oq_transfer_fail(struct oq_transfer *transfer, const struct oq_verdict *verdict,
                      bool is_of_source, const char *text)
{
    struct failure failure = {.verdict = *verdict, .is_of_source = is_of_source};
    snprintf(failure.text, sizeof failure.text, "%s", text);
    oq_transfer_apply(transfer, OQ_TRANSFER_EV_FAIL, &failure);
}

static struct failure failure_of(const struct oq_error *err)
{
    struct failure failure = {.is_of_source = err->status == OQ_E_NET};
    failure.verdict = failure.is_of_source ? oq_errors_net((enum oq_net_error)err->net)
                                           : oq_errors_file(err->status, err->win32);
    snprintf(failure.text, sizeof failure.text, "%s",
             err->text[0] ? err->text : oq_status_name(err->status));
    return failure;
}

void oq_transfer_fail_error(struct oq_transfer *transfer, const struct oq_error *err)
{
    struct failure failure = failure_of(err);
    oq_transfer_apply(transfer, OQ_TRANSFER_EV_FAIL, &failure);
}

/* Says how much is missing: that is what the user has to make room for. It is no fault of the
 * source. */
static void fail_full(struct oq_transfer *transfer, uint64_t missing_bytes)
{
    struct oq_verdict verdict = oq_errors_file(OQ_E_DISK_FULL, 0);
    char text[sizeof transfer->failure.text];
    snprintf(text, sizeof text,
             "The disk is full: %llu bytes are missing. The download continues when there is room.",
             (unsigned long long)missing_bytes);
    oq_transfer_fail(transfer, &verdict, false, text);
}

void oq_transfer_restarts(const struct oq_transfer *transfer, const char *why)
{
    char text[sizeof transfer->failure.text];
    snprintf(text, sizeof text, "The download started again from zero: %s.", why);
    oq_transfer_log(transfer, OQ_LOG_INFO, text);
    transfer->context->host->restarted(&transfer->owner, text);
}

/* Gives up the saved bytes, durably, before anything is done to the file. */
static enum oq_status forget(struct oq_transfer *transfer, struct oq_error *err)
{
    struct oq_file next = *oq_transfer_file(transfer);
    oq_file_forget_bytes(&next, false);
    next.temp_id = NULL;
    return oq_transfer_save(transfer, &next, err);
}

/* --- work ------------------------------------------------------------------------------------- */

enum oq_status oq_transfer_submit(struct oq_transfer *transfer, enum oq_transfer_work kind,
                                  void (*run)(void *argument), void (*done)(void *argument),
                                  struct oq_error *err)
{
    struct work *work = &transfer->work;
    assert(work->kind == OQ_WORK_NONE);
    work->operation = (struct oq_operation){.run = run, .done = done, .argument = transfer};
    work->status = OQ_OK;
    oq_error_init(&work->error);
    enum oq_status status = oq_worker_pool_submit(transfer->context->pool, &work->operation);
    if (status != OQ_OK)
        return oq_error_set(err, status, "too much disk work at once");
    work->kind = kind;
    return OQ_OK;
}

enum oq_status oq_transfer_take_work(struct oq_transfer *transfer, struct oq_error *err)
{
    transfer->work.kind = OQ_WORK_NONE;
    *err = transfer->work.error;
    return transfer->work.status;
}

/* Settings of the user, or a script: that may take a while. */
static void run_proxy(void *argument)
{
    struct oq_transfer *transfer = argument;
    const struct oq_network_port *network = transfer->context->network;
    struct work *work = &transfer->work;
    struct oq_error err;
    oq_error_init(&err);
    work->proxy = NULL;
    if (network && network->find_proxy &&
        network->find_proxy(network->ctx, work->url, transfer->identity, work->attempt,
                            &work->proxy, &err) != OQ_OK)
        oq_log_warning("the proxy settings cannot be read: %s", err.text);
}

enum oq_status oq_transfer_resolve_proxy(struct oq_transfer *transfer, const char *url,
                                         void (*done)(void *argument), struct oq_error *err)
{
    if (oq_text_set(&transfer->work.url, url) != OQ_OK)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    transfer->work.attempt = oq_transfer_history(transfer)->attempts;
    return oq_transfer_submit(transfer, OQ_WORK_PROXY, run_proxy, done, err);
}

static void run_open(void *argument)
{
    struct oq_transfer *transfer = argument;
    const struct oq_file_port *files = transfer->context->files;
    struct work *work = &transfer->work;
    run_proxy(transfer);
    work->file = NULL;
    work->size_bytes = 0;
    work->file_id[0] = '\0';
    work->status = files->open(files->ctx, transfer->identity, work->temp_path, work->mode,
                               &work->file, &work->size_bytes, &work->error);
    if (work->status == OQ_OK)
        files->identify(files->ctx, work->file, work->file_id);
}

/* Before the first byte, and again with every flush unless the file system keeps the room: other
 * programs write too. */
static void find_room(struct oq_transfer *transfer)
{
    const struct oq_file_port *files = transfer->context->files;
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
    const struct oq_file_port *files = transfer->context->files;
    struct work *work = &transfer->work;
    find_room(transfer);
    if (work->mark_bytes > 0)
        work->status = files->flush(files->ctx, transfer->file, &work->error);
}

static void on_flushed(void *argument);

static enum oq_status submit_flush(struct oq_transfer *transfer, struct oq_error *err)
{
    struct work *work = &transfer->work;
    if (oq_text_set(&work->temp_path, oq_transfer_file(transfer)->temp_path) != OQ_OK)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    work->mark_bytes = transfer->written_bytes;
    work->total_bytes = transfer->response.decision.total_bytes;
    return oq_transfer_submit(transfer, OQ_WORK_FLUSH, run_flush, on_flushed, err);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void transfer_free(struct oq_transfer *transfer)
{
    const struct oq_transfer_context *context = transfer->context;
    oq_verify_free(transfer);
    context->files->close(context->files->ctx, transfer->file);
    context->identity->unref(context->identity->ctx, transfer->identity);
    oq_free(transfer->buffer);
    oq_free(transfer->proxy);
    oq_free(transfer->work.temp_path);
    oq_free(transfer->work.url);
    oq_free(transfer);
}

static enum oq_status save_fetched(struct oq_transfer *transfer, struct oq_error *err)
{
    struct oq_file next = *oq_transfer_file(transfer);
    next.state = OQ_FILE_FETCHED;
    next.size_bytes = next.done_bytes = transfer->written_bytes;
    next.temp_id = transfer->file_id[0] ? transfer->file_id : NULL;
    return oq_transfer_save(transfer, &next, err);
}

/* With several sources it is open which one has failed. */
static void name_source(const struct oq_transfer *transfer, struct failure *failure)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    char text[sizeof failure->text];
    if (!failure->is_of_source || oq_sources_count(file) == 1)
        return;
    char *host = oq_url_host_key(oq_sources_url(file, transfer->source));
    if (host && snprintf(text, sizeof text, "%s: %s", host, failure->text) < (int)sizeof text)
        memcpy(failure->text, text, sizeof text);
    oq_free(host);
}

/* Reports, and frees the transfer. */
static void conclude(struct oq_transfer *transfer)
{
    const struct oq_transfer_host *host = transfer->context->host;
    struct oq_transfer_owner owner = transfer->owner;
    struct oq_transfer_history *history = oq_transfer_history(transfer);
    struct failure failure = transfer->failure;
    struct oq_transfer_end end = {.outcome = transfer->outcome,
                                  .retry_after_ms = transfer->response.retry_after_ms};
    enum oq_status status = OQ_OK;
    struct oq_error err;
    oq_error_init(&err);
    check_promises(transfer);
    if (end.outcome == OQ_OUTCOME_FETCHED) {
        status = save_fetched(transfer, &err);
        if (status == OQ_OK)
            history->attempts = 0;
    } else if (end.outcome == OQ_OUTCOME_RESTART) {
        if (transfer->written_bytes > 0)
            oq_transfer_restarts(transfer, failure.text);
        else
            oq_transfer_log(transfer, OQ_LOG_INFO, failure.text);
        status = forget(transfer, &err);
        history->is_plain = true;
        if (status == OQ_OK && history->attempts > 0) {
            /* Again and again is a server's fault that needs a pause. */
            end.outcome = OQ_OUTCOME_FAILED;
            failure.verdict = oq_errors_net(OQ_NET_CUT);
            failure.is_of_source = true;
        } else {
            history->attempts++;
        }
    }
    if (status != OQ_OK) {
        end.outcome = OQ_OUTCOME_FAILED;
        failure = failure_of(&err);
    }
    if (end.outcome == OQ_OUTCOME_FAILED)
        oq_transfer_log(transfer, OQ_LOG_WARNING, failure.text);
    name_source(transfer, &failure);
    end.verdict = failure.verdict;
    end.is_of_source = failure.is_of_source;
    end.text = failure.text;
    transfer_free(transfer);
    host->ended(&owner, &end);
}

/* Bytes that another start may continue: not those that are to come again anyway. */
static bool keeps_bytes(const struct oq_transfer *transfer)
{
    return transfer->file &&
           (transfer->outcome == OQ_OUTCOME_STOPPED || transfer->outcome == OQ_OUTCOME_FAILED);
}

/* The last write and the last flush, then the next step; waits while a worker is busy. */
static void settle(struct oq_transfer *transfer)
{
    struct oq_error err;
    if (transfer->work.kind != OQ_WORK_NONE)
        return;
    oq_error_init(&err);
    if (transfer->state == OQ_TRANSFER_FLUSHING) {
        if (!oq_transfer_write_out(transfer))
            return;
        if (transfer->written_bytes == oq_transfer_file(transfer)->done_bytes)
            oq_verify_begin(transfer);
        else if (submit_flush(transfer, &err) != OQ_OK)
            oq_transfer_fail_error(transfer, &err); /* what is not flushed is not there */
        return;
    }
    if (keeps_bytes(transfer)) {
        (void)oq_transfer_write_out(transfer); /* the outcome stays */
        if (transfer->written_bytes > oq_transfer_file(transfer)->done_bytes &&
            submit_flush(transfer, &err) == OQ_OK)
            return;
    }
    oq_transfer_apply(transfer, OQ_TRANSFER_EV_SETTLED, NULL);
}

void oq_transfer_act(struct oq_transfer *transfer)
{
    while (transfer->effects != OQ_TRANSFER_DO_NOTHING) {
        unsigned effects = transfer->effects;
        transfer->effects = OQ_TRANSFER_DO_NOTHING;
        if (effects & OQ_TRANSFER_DO_CLOSE)
            oq_transfer_close_request(transfer);
        if (effects & OQ_TRANSFER_DO_REPORT) {
            conclude(transfer);
            return;
        }
        if (effects & OQ_TRANSFER_DO_SETTLE)
            settle(transfer);
    }
    check_promises(transfer);
}

void oq_transfer_work_over(struct oq_transfer *transfer)
{
    settle(transfer);
    oq_transfer_act(transfer);
}

/* --- writing and saving ----------------------------------------------------------------------- */

bool oq_transfer_write_out(struct oq_transfer *transfer)
{
    const struct oq_file_port *files = transfer->context->files;
    uint64_t total_bytes = transfer->response.decision.total_bytes;
    struct oq_error err;
    if (transfer->buffered == 0)
        return true;
    oq_error_init(&err);
    enum oq_status status = files->write(files->ctx, transfer->file, transfer->written_bytes,
                                         transfer->buffer, transfer->buffered, &err);
    if (status == OQ_OK)
        transfer->written_bytes += transfer->buffered;
    transfer->buffered = 0;
    if (status == OQ_E_DISK_FULL && total_bytes != OQ_SIZE_UNKNOWN)
        fail_full(transfer, total_bytes - transfer->written_bytes);
    else if (status != OQ_OK)
        oq_transfer_fail_error(transfer, &err);
    return status == OQ_OK;
}

static uint64_t unsaved_bytes(const struct oq_transfer *transfer)
{
    return oq_transfer_position(transfer) - oq_transfer_file(transfer)->done_bytes;
}

/* After half of the interval, so that there is room for what arrives meanwhile. */
static bool is_saving_due(const struct oq_transfer *transfer)
{
    uint64_t interval_bytes = (uint64_t)transfer->context->config->checkpoint_bytes;
    return unsaved_bytes(transfer) > 0 &&
           (oq_transfer_now_ms(transfer) >= transfer->checkpoint_at_ms ||
            unsaved_bytes(transfer) >= interval_bytes / 2);
}

/* No more than CheckpointBytes are ever fetched again: while what came is being saved, nothing is
 * read from the network that would exceed three quarters of them. The last quarter is for what the
 * server has sent and the sockets hold. */
static void keep_within_interval(struct oq_transfer *transfer)
{
    uint64_t interval_bytes = (uint64_t)transfer->context->config->checkpoint_bytes;
    bool is_full = transfer->work.kind == OQ_WORK_FLUSH &&
                   unsaved_bytes(transfer) + OQ_NET_PIECE_MAX > interval_bytes / 4 * 3;
    if (transfer->is_held && !is_full)
        oq_transfer_restart_window(transfer); /* the source was not slow, we were */
    if (transfer->is_held == is_full)
        return;
    transfer->is_held = is_full; /* first: releasing it may bring bytes at once */
    oq_net_hold(transfer->net, OQ_HOLD_DISK, is_full);
}

bool oq_transfer_save_if_due(struct oq_transfer *transfer)
{
    struct oq_error ignored;
    if (transfer->work.kind == OQ_WORK_NONE && is_saving_due(transfer)) {
        if (!oq_transfer_write_out(transfer))
            return false;
        if (submit_flush(transfer, &ignored) != OQ_OK)
            oq_transfer_schedule_checkpoint(transfer); /* too much to do: the tick tries again */
    }
    keep_within_interval(transfer);
    return true;
}

static enum oq_status save_offset(struct oq_transfer *transfer, uint64_t offset_bytes,
                                  struct oq_error *err)
{
    struct oq_transfer_history *history = oq_transfer_history(transfer);
    struct oq_file next = *oq_transfer_file(transfer);
    next.done_bytes = offset_bytes;
    next.temp_id = transfer->file_id[0] ? transfer->file_id : NULL;
    enum oq_status status = oq_transfer_save(transfer, &next, err);
    if (status == OQ_OK && offset_bytes > history->furthest_bytes) {
        history->furthest_bytes = offset_bytes;
        history->attempts = 0;
        oq_sources_progress(&history->sources);
        transfer->context->host->progressed(&transfer->owner);
    }
    return status;
}

static void on_flushed(void *argument)
{
    struct oq_transfer *transfer = argument;
    struct oq_error err;
    enum oq_status status = oq_transfer_take_work(transfer, &err);
    uint64_t mark_bytes = transfer->work.mark_bytes;
    oq_transfer_schedule_checkpoint(transfer);
    if (status == OQ_OK && transfer->outcome != OQ_OUTCOME_DISCARDED &&
        mark_bytes > oq_transfer_file(transfer)->done_bytes)
        status = save_offset(transfer, mark_bytes, &err);
    if (status != OQ_OK) {
        struct failure failure = failure_of(&err);
        oq_transfer_apply(transfer, OQ_TRANSFER_EV_FLUSH_FAILED, &failure);
    } else if (transfer->state != OQ_TRANSFER_RECEIVING) {
        settle(transfer);
    } else if (transfer->work.missing_bytes > 0) {
        fail_full(transfer, transfer->work.missing_bytes);
    } else {
        (void)oq_transfer_save_if_due(transfer);
    }
    oq_transfer_act(transfer);
}

void oq_transfer_reserve(struct oq_transfer *transfer)
{
    uint64_t size_bytes = transfer->response.decision.total_bytes;
    struct oq_error ignored;
    /* Of small files writing shows it. */
    if (size_bytes != OQ_SIZE_UNKNOWN && size_bytes > transfer->written_bytes &&
        size_bytes - transfer->written_bytes >= ROOM_FROM_BYTES)
        (void)submit_flush(transfer, &ignored);
}

/* --- the begin -------------------------------------------------------------------------------- */

static enum oq_status start_request(struct oq_transfer *transfer, struct oq_error *err)
{
    const struct oq_http_request resume = oq_source_describe(transfer);
    struct oq_net_request request = {.offset_bytes = resume.is_plain ? 0 : resume.offset_bytes,
                                     .is_plain = resume.is_plain};
    char if_range[OQ_ETAG_MAX + 1];
    if (oq_http_if_range(&resume, if_range, sizeof if_range))
        request.if_range = if_range;
    enum oq_status status = oq_transfer_request(transfer, &request, err);
    if (status == OQ_OK)
        oq_transfer_apply(transfer, OQ_TRANSFER_EV_OPENED, NULL);
    return status;
}

static void on_opened(void *argument);

static enum oq_status submit_open(struct oq_transfer *transfer, enum oq_open_mode mode,
                                  struct oq_error *err)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    struct work *work = &transfer->work;
    if (oq_text_set(&work->temp_path, file->temp_path) != OQ_OK ||
        oq_text_set(&work->url, oq_sources_url(file, transfer->source)) != OQ_OK)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    work->mode = mode;
    work->attempt = oq_transfer_history(transfer)->attempts;
    return oq_transfer_submit(transfer, OQ_WORK_OPEN, run_open, on_opened, err);
}

/* Saves a temporary name before there is a file of that name, then makes the file. */
static enum oq_status create_file(struct oq_transfer *transfer, struct oq_error *err)
{
    struct oq_file next = *oq_transfer_file(transfer);
    char *name = oq_path_temp(next.local, transfer->context->host->random(&transfer->owner));
    if (!name)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    oq_file_forget_bytes(&next, false);
    next.temp_path = name;
    next.temp_id = NULL;
    enum oq_status status = oq_transfer_save(transfer, &next, err);
    oq_free(name);
    return status == OQ_OK ? submit_open(transfer, OQ_OPEN_CREATE, err) : status;
}

/* The temporary file is open: brings it and the saved offset together, and sends the request. */
static enum oq_status use_file(struct oq_transfer *transfer, uint64_t size_bytes,
                               struct oq_error *err)
{
    const struct oq_file_port *files = transfer->context->files;
    enum oq_status status = OQ_OK;
    if (size_bytes < oq_transfer_file(transfer)->done_bytes) {
        oq_transfer_restarts(transfer, "the temporary file was cut");
        status = forget(transfer, err);
    }
    transfer->written_bytes = oq_transfer_file(transfer)->done_bytes;
    /* Bytes behind the saved offset were perhaps never flushed: they are not trusted. */
    if (status == OQ_OK && size_bytes > transfer->written_bytes) {
        oq_transfer_log(transfer, OQ_LOG_INFO,
                        "the temporary file is longer than what is known to be flushed; it is cut");
        status = files->set_size(files->ctx, transfer->file, transfer->written_bytes, err);
    }
    if (status != OQ_OK)
        return status;
    if (!oq_verify_is_due(transfer))
        return start_request(transfer, err);
    oq_transfer_apply(transfer, OQ_TRANSFER_EV_WHOLE, NULL);
    return OQ_OK;
}

/* Others may write to the folder: only what was made is continued, cut and written. */
static bool is_another_file(const struct oq_transfer *transfer)
{
    const char *id = oq_transfer_file(transfer)->temp_id;
    return id && strcmp(id, transfer->file_id) != 0; /* without a number it is another one, too */
}

static enum oq_status leave_file(struct oq_transfer *transfer, struct oq_error *err)
{
    const struct oq_file_port *files = transfer->context->files;
    oq_transfer_log(transfer, OQ_LOG_WARNING,
                    "another file stands in the place of the temporary file and is left alone; the "
                    "file is fetched again from the start");
    files->close(files->ctx, transfer->file);
    transfer->file = NULL;
    return create_file(transfer, err);
}

/* The temporary file is gone. */
static enum oq_status replace_file(struct oq_transfer *transfer, struct oq_error *err)
{
    if (oq_transfer_file(transfer)->done_bytes > 0)
        oq_transfer_restarts(transfer, "the temporary file is gone");
    if (oq_transfer_file(transfer)->done_bytes > 0 || oq_transfer_file(transfer)->temp_id) {
        enum oq_status status = forget(transfer, err);
        if (status != OQ_OK)
            return status;
    }
    return submit_open(transfer, OQ_OPEN_CREATE, err);
}

static void on_opened(void *argument)
{
    struct oq_transfer *transfer = argument;
    struct work *work = &transfer->work;
    struct oq_error err;
    enum oq_status status = oq_transfer_take_work(transfer, &err);
    transfer->file = work->file;
    oq_free(transfer->proxy);
    transfer->proxy = work->proxy;
    memcpy(transfer->file_id, work->file_id, sizeof transfer->file_id);

    if (transfer->state == OQ_TRANSFER_STOPPING) {
        oq_transfer_work_over(transfer);
        return;
    }
    if (status == OQ_OK)
        status = is_another_file(transfer) ? leave_file(transfer, &err)
                                           : use_file(transfer, work->size_bytes, &err);
    else if (status == OQ_E_EXISTS && work->mode == OQ_OPEN_CREATE)
        status = create_file(transfer, &err); /* another program's file: it is left alone */
    else if (status == OQ_E_FILE_MISSING && work->mode == OQ_OPEN_EXISTING)
        status = replace_file(transfer, &err);
    if (status != OQ_OK) {
        if (err.status == OQ_OK)
            oq_error_set(&err, status, "%s", oq_status_name(status));
        oq_transfer_fail_error(transfer, &err);
    }
    oq_transfer_act(transfer);
}

enum oq_status oq_transfer_new(const struct oq_transfer_context *context,
                               const struct oq_transfer_owner *owner, struct oq_identity *identity,
                               struct oq_token_bucket *bucket, struct oq_transfer **out)
{
    struct oq_transfer *transfer = oq_calloc(1, sizeof *transfer);
    if (!transfer)
        return OQ_E_NOMEM;
    transfer->context = context;
    transfer->owner = *owner;
    transfer->identity = identity;
    transfer->bucket = bucket;
    transfer->state = OQ_TRANSFER_OPENING;
    transfer->end_bytes = OQ_SIZE_UNKNOWN;
    transfer->rate_at_ms = oq_transfer_now_ms(transfer);
    oq_response_reset(&transfer->response);
    *out = transfer;
    return OQ_OK;
}

/* Without a validator it cannot be known whether the server still has the same file. */
static bool can_continue(const struct oq_transfer *transfer)
{
    const struct oq_http_request request = oq_source_describe(transfer);
    return request.offset_bytes == 0 || oq_verify_is_due(transfer) || oq_http_can_resume(&request);
}

void oq_transfer_begin(struct oq_transfer *transfer)
{
    enum oq_status status = OQ_OK;
    struct oq_error err;
    oq_error_init(&err);
    oq_source_choose(transfer);
    if (!oq_transfer_file(transfer)->temp_path) {
        status = create_file(transfer, &err);
    } else {
        /* What is there is kept until the file itself comes instead. */
        oq_transfer_history(transfer)->is_plain |= !can_continue(transfer);
        status = submit_open(transfer, OQ_OPEN_EXISTING, &err);
    }
    if (status != OQ_OK)
        oq_transfer_fail_error(transfer, &err);
    oq_transfer_act(transfer);
}

/* --- while it runs ---------------------------------------------------------------------------- */

void oq_transfer_tick(struct oq_transfer *transfer)
{
    bool is_receiving = transfer->state == OQ_TRANSFER_RECEIVING;
    if ((!is_receiving && transfer->state != OQ_TRANSFER_REQUESTING) ||
        transfer->work.kind != OQ_WORK_NONE)
        return;
    if (oq_source_is_slow(transfer))
        oq_transfer_apply(transfer, OQ_TRANSFER_EV_STOP, NULL);
    else if (is_receiving)
        (void)oq_transfer_save_if_due(transfer);
    oq_transfer_act(transfer);
}

void oq_transfer_stop(struct oq_transfer *transfer, bool is_discarded)
{
    oq_transfer_apply(transfer, is_discarded ? OQ_TRANSFER_EV_DISCARD : OQ_TRANSFER_EV_STOP, NULL);
    oq_transfer_act(transfer);
}

uint64_t oq_transfer_received(const struct oq_transfer *transfer)
{
    return transfer->verification ? oq_transfer_file(transfer)->done_bytes
                                  : oq_transfer_position(transfer);
}

bool oq_transfer_is_connected(const struct oq_transfer *transfer)
{
    return transfer->verification || transfer->state > OQ_TRANSFER_REQUESTING;
}

bool oq_transfer_is_verifying(const struct oq_transfer *transfer)
{
    return transfer->verification != NULL;
}

uint32_t oq_transfer_source(const struct oq_transfer *transfer)
{
    return transfer->source;
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
