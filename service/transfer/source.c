/* source.c - which of a file's sources a transfer asks, when it is left for the next, and the way
 * there.
 *
 * Engine thread. core/oq_sources.h decides; this file knows the transfer. Rule above all others:
 * bytes of two versions never meet. Bytes from one source are continued at another when a hash will
 * decide in the end and the size is the same, or when the other one agrees with their validator.
 */
#include "oq_rate_control.h"
#include "transfer_int.h"

#include "oq_alloc.h"
#include "oq_url.h"

#include <stdio.h>
#include <string.h>

uint32_t oq_transfer_source(const struct oq_transfer *transfer)
{
    return transfer->source;
}

void oq_source_choose(struct oq_transfer *transfer)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    struct oq_source_run *run = &oq_transfer_run(transfer)->sources;
    uint32_t count = oq_sources_count(file);

    if (!run->is_started && file->source < count)
        run->current = file->source; /* after a restart: where the bytes came from */
    run->is_started = true;
    run->current = oq_sources_pick(run, count, file->bad_sources);
    transfer->source = run->current;
}

void oq_source_describe(struct oq_transfer *transfer, struct oq_http_request *request)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    char unused[OQ_ETAG_MAX + 1];

    *request = (struct oq_http_request){.offset_bytes = file->done_bytes,
                                        .size_bytes = file->size_bytes,
                                        .etag = file->etag,
                                        .last_modified = file->last_modified};
    transfer->is_hashed =
        file->done_bytes > 0 && file->size_bytes != OQ_SIZE_UNKNOWN && oq_sources_has_hash(file) &&
        transfer->engine->options.hash &&
        (file->source != transfer->source || !oq_http_if_range(request, unused, sizeof unused));
    if (transfer->is_hashed) {
        request->etag = request->last_modified = NULL;
        request->is_hashed = true;
    }
}

static void log_next(struct oq_engine *engine, struct oq_entry *entry, uint32_t file_index,
                     const char *why)
{
    const struct oq_file *file = &entry->group.job.files[file_index];
    char guid[OQ_GUID_TEXT];
    char *url = oq_url_redact(oq_sources_url(file, entry->runs[file_index].sources.current));
    (void)engine;
    oq_guid_format(&entry->group.guid, guid);
    oq_log_info("group %s file %u: goes on at %s: %s", guid, file_index, url ? url : "?", why);
    oq_free(url);
}

bool oq_source_is_refused(struct oq_transfer *transfer, const char *why)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    struct oq_file_run *run = oq_transfer_run(transfer);
    uint32_t count = oq_sources_count(file);
    bool is_transient = true;
    char text[200];

    if (count == 1 || transfer->written_bytes == 0 ||
        (file->source == transfer->source && !transfer->is_hashed))
        return false;
    enum oq_next next =
        oq_sources_leave(&run->sources, count, file->bad_sources, OQ_LEAVE_OTHER, &is_transient);
    if (next == OQ_NEXT_STAY)
        return false;
    snprintf(text, sizeof text, "another version, or no ranges (%s)", why);
    if (next == OQ_NEXT_SOURCE) {
        transfer->ending = ENDED_STOPPED;
        log_next(transfer->engine, transfer->entry, transfer->file_index, text);
        return true;
    }
    struct oq_verdict verdict = oq_errors_net(OQ_NET_CUT);
    verdict.is_transient = is_transient;
    transfer->is_round_over = true;
    oq_transfer_fail(transfer, &verdict,
                     "The source of the bytes that are there cannot be reached, and the others "
                     "have another version.");
    return true;
}

bool oq_source_is_slow(struct oq_transfer *transfer)
{
    const struct oq_config *config = &transfer->engine->config;
    const struct oq_file *file = oq_transfer_file(transfer);
    struct oq_source_run *run = &oq_transfer_run(transfer)->sources;
    int64_t passed_ms = oq_now_ms(transfer->engine) - transfer->window_at_ms;
    bool is_transient = true;

    if (transfer->net && oq_net_is_waiting(transfer->net)) { /* it was not asked yet */
        transfer->window_at_ms += passed_ms;
        return false;
    }
    if (oq_sources_count(file) == 1 || passed_ms < config->slow_source_ms)
        return false;
    uint64_t rate = transfer->window_bytes * 1000 / (uint64_t)passed_ms, unused = 0;
    transfer->window_at_ms += passed_ms;
    transfer->window_bytes = 0;
    if (oq_rate_control_limit(transfer->engine->rate_control, &transfer->entry->bucket, &unused) !=
        OQ_LIMIT_NONE)
        return false; /* it is not the source that is slow */
    if (rate >= (uint64_t)config->slow_source_bytes ||
        oq_sources_leave(run, oq_sources_count(file), file->bad_sources, OQ_LEAVE_SLOW,
                         &is_transient) != OQ_NEXT_SOURCE)
        return false;
    transfer->ending = ENDED_STOPPED;
    log_next(transfer->engine, transfer->entry, transfer->file_index,
             oq_errors_describe_net(OQ_NET_SLOW));
    return true;
}

bool oq_source_is_left(struct oq_engine *engine, struct oq_entry *entry, uint32_t file_index,
                       struct oq_verdict *verdict, const char *text)
{
    const struct oq_file *file = &entry->group.job.files[file_index];
    struct oq_file_run *run = &entry->runs[file_index];
    uint32_t count = oq_sources_count(file);
    const struct oq_verdict offline = oq_errors_net(OQ_NET_OFFLINE);
    bool is_transient = verdict->is_transient;

    if (count == 1 || verdict->code == offline.code)
        return false;
    run->is_plain = false;
    if (oq_sources_leave(&run->sources, count, file->bad_sources, OQ_LEAVE_FAILED, &is_transient) ==
        OQ_NEXT_SOURCE) {
        log_next(engine, entry, file_index, text);
        return true;
    }
    verdict->is_transient = is_transient;
    return false;
}

/* --- the way to an address that is not the one the transfer started with ---------------------- */

enum oq_status oq_source_resolve_proxy(struct oq_transfer *transfer, const char *url,
                                       void (*done)(void *argument))
{
    if (oq_text_set(&transfer->work.url, url) != OQ_OK)
        return OQ_E_NOMEM;
    transfer->work.attempt = oq_transfer_run(transfer)->attempts;
    return oq_transfer_submit(transfer, PROXY_WORK, oq_transfer_run_proxy, done);
}

static void on_redirect_resolved(void *argument)
{
    struct oq_transfer *transfer = argument;
    struct oq_error unused;
    char *proxy = transfer->work.proxy;
    (void)oq_transfer_take_work(transfer, &unused);
    if (transfer->net) /* else it was stopped, or failed, meanwhile */
        oq_net_follow(transfer->net, proxy);
    else
        oq_transfer_proceed(transfer);
    oq_free(proxy);
}

bool oq_source_redirected(void *ctx, const char *url)
{
    return oq_source_resolve_proxy(ctx, url, on_redirect_resolved) == OQ_OK;
}
