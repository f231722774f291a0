/* transfer_begin.c - how a transfer begins: a temporary name, saved; the file of that name, opened;
 * the request, from the saved offset. Engine thread.
 */
#include "transfer_int.h"

#include "oq_alloc.h"
#include "oq_path.h"
#include "oq_proxy.h"

#include <string.h>

static void on_opened(void *argument);

/* Resolved on a worker because that may take a while: settings of the user, scripts. */
void oq_transfer_run_proxy(void *argument)
{
    struct oq_transfer *transfer = argument;
    const struct oq_network_port *network = transfer->engine->options.network;
    struct work *work = &transfer->work;
    struct oq_error err;
    oq_error_init(&err);
    work->proxy = NULL;
    if (network && network->find_proxy && work->url &&
        network->find_proxy(network->ctx, work->url, transfer->identity, work->attempt,
                            &work->proxy, &err) != OQ_OK)
        oq_log_warning("the proxy settings cannot be read: %s", err.text);
}

static void run_open(void *argument)
{
    struct oq_transfer *transfer = argument;
    const struct oq_file_port *files = transfer->engine->files;
    struct work *work = &transfer->work;
    oq_transfer_run_proxy(transfer);
    work->file = NULL;
    work->size_bytes = 0;
    work->file_id[0] = '\0';
    work->status = files->open(files->ctx, transfer->identity, work->temp_path, work->mode,
                               &work->file, &work->size_bytes, &work->error);
    if (work->status == OQ_OK)
        files->identify(files->ctx, work->file, work->file_id);
}

static enum oq_status submit_open(struct oq_transfer *transfer, enum oq_open_mode mode)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    struct work *work = &transfer->work;
    if (oq_text_set(&work->temp_path, file->temp_path) != OQ_OK ||
        oq_text_set(&work->url, oq_sources_url(file, transfer->source)) != OQ_OK)
        return OQ_E_NOMEM;
    work->mode = mode;
    work->attempt = oq_transfer_run(transfer)->attempts;
    return oq_transfer_submit(transfer, OPEN_WORK, run_open, on_opened);
}

/* Saves a temporary name before there is a file of that name. */
static enum oq_status save_fresh_name(struct oq_transfer *transfer, struct oq_error *err)
{
    struct oq_file next = *oq_transfer_file(transfer);
    char *name = oq_path_temp(next.local, oq_engine_random(transfer->engine));
    if (!name)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    next.temp_path = name;
    oq_file_forget_bytes(&next, false);
    enum oq_status status = oq_change_file(transfer->engine, transfer->entry, &next, err);
    oq_free(name);
    transfer->is_fresh_name = status == OQ_OK;
    return status;
}

enum oq_status oq_transfer_ask(struct oq_transfer *transfer, const struct oq_net_request *request,
                               struct oq_error *err)
{
    oq_response_reset(&transfer->response);
    transfer->is_judged = transfer->has_body = false;
    transfer->total_bytes = transfer->end_bytes = OQ_SIZE_UNKNOWN;
    if (!transfer->buffer)
        transfer->buffer = oq_malloc(OQ_TRANSFER_BUFFER_BYTES);
    if (!transfer->buffer)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    transfer->phase = RECEIVING;
    transfer->window_at_ms = oq_now_ms(transfer->engine);
    transfer->window_bytes = 0;
    transfer->is_held = false;
    transfer->checkpoint_at_ms =
        oq_now_ms(transfer->engine) + transfer->engine->config.checkpoint_ms;
    return oq_net_start(transfer->engine->net, request, transfer, &transfer->net, err);
}

static enum oq_status start_request(struct oq_transfer *transfer, struct oq_error *err)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    char if_range[OQ_ETAG_MAX + 1];
    struct oq_http_request resume;
    struct oq_net_request request = {.url = oq_sources_url(file, transfer->source),
                                     .offset_bytes = file->done_bytes,
                                     .proxy = transfer->proxy,
                                     .is_plain = oq_transfer_run(transfer)->is_plain,
                                     .is_foreground = transfer->entry->group.is_foreground,
                                     .identity = transfer->identity,
                                     .is_of_person =
                                         oq_proxy_is_person(transfer->entry->group.owner_sid)};
    oq_source_describe(transfer, &resume);
    if (file->done_bytes > 0 && oq_http_if_range(&resume, if_range, sizeof if_range))
        request.if_range = if_range;
    return oq_transfer_ask(transfer, &request, err);
}

/* The temporary file is open, or is not: go on to the request. */
static void on_opened(void *argument)
{
    struct oq_transfer *transfer = argument;
    const struct oq_file_port *files = transfer->engine->files;
    struct oq_file *file = oq_transfer_file(transfer);
    struct oq_error err;
    enum oq_status status = oq_transfer_take_work(transfer, &err);
    uint64_t size_bytes = transfer->work.size_bytes;
    enum oq_open_mode mode = transfer->work.mode;
    transfer->file = transfer->work.file;
    oq_free(transfer->proxy);
    transfer->proxy = transfer->work.proxy;
    memcpy(transfer->file_id, transfer->work.file_id, sizeof transfer->file_id);

    if (transfer->ending != NOT_ENDED) { /* stopped meanwhile */
        oq_transfer_proceed(transfer);
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
            oq_transfer_log(transfer, OQ_LOG_WARNING,
                            "the temporary file is gone; the file is fetched again from the start");
            status = oq_transfer_forget(transfer, &err);
        } else {
            status = OQ_OK;
        }
        if (status == OQ_OK)
            status = submit_open(transfer, OQ_OPEN_CREATE);
        if (status == OQ_OK)
            return;
    } else if (status == OQ_OK) {
        if (size_bytes < file->done_bytes) {
            oq_transfer_log(transfer, OQ_LOG_WARNING,
                            "the temporary file was cut; the file is fetched again from the start");
            status = oq_transfer_forget(transfer, &err);
        }
        /* Bytes behind the saved offset were perhaps never flushed: they are not believed. */
        if (status == OQ_OK && size_bytes > file->done_bytes)
            oq_transfer_log(
                transfer, OQ_LOG_INFO,
                "the temporary file is longer than what is known to be flushed; it is cut");
        if (status == OQ_OK && size_bytes > file->done_bytes)
            status = files->set_size(files->ctx, transfer->file, file->done_bytes, &err);
        transfer->written_bytes = file->done_bytes;
        if (status == OQ_OK && oq_check_is_due(transfer)) {
            transfer->ending = ENDED_WHOLE;
            oq_transfer_proceed(transfer);
            return;
        }
        if (status == OQ_OK)
            status = start_request(transfer, &err);
    }
    if (status != OQ_OK) {
        if (err.status == OQ_OK)
            oq_error_set(&err, status, "%s", oq_status_name(status));
        oq_transfer_fail_error(transfer, &err);
        oq_transfer_proceed(transfer);
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
    oq_response_reset(&transfer->response);
    oq_transfer_run(transfer)->transfer = transfer;
    oq_transfer_run(transfer)->retry_at_ms = 0;
    entry->running++;

    const struct oq_file *file = oq_transfer_file(transfer);
    struct oq_http_request resume;
    oq_source_choose(transfer);
    oq_source_describe(transfer, &resume);
    char unused[OQ_ETAG_MAX + 1];
    if (!file->temp_path)
        status = save_fresh_name(transfer, &err);
    else if (file->done_bytes > 0 && !transfer->is_hashed && !oq_check_is_due(transfer) &&
             !oq_http_if_range(&resume, unused, sizeof unused))
        status = oq_transfer_forget(
            transfer, &err); /* without a validator nobody knows whether it is the same file */
    if (status == OQ_OK) {
        status = submit_open(transfer, transfer->is_fresh_name ? OQ_OPEN_CREATE : OQ_OPEN_EXISTING);
        if (status != OQ_OK)
            oq_error_set(&err, status, "too much disk work at once");
    }
    if (status != OQ_OK) {
        oq_transfer_fail_error(transfer, &err);
        oq_transfer_proceed(transfer);
    }
}
