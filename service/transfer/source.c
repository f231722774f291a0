/* source.c - which of a file's sources a transfer uses, and when it is left for the next one.
 *
 * Engine thread. core/oq_sources.h decides; this file knows the transfer. Rule above all others:
 * bytes of two versions never meet. Bytes from one source are continued at another when a hash will
 * decide in the end and the size is the same, or when the other one agrees with their validator.
 */
#include "transfer_int.h"

#include "oq_alloc.h"
#include "oq_url.h"

#include <stdio.h>

void oq_transfer_log(const struct oq_transfer *transfer, enum oq_log_level level, const char *what)
{
    char guid[OQ_GUID_TEXT];
    char *url = oq_url_redact(oq_sources_url(oq_transfer_file(transfer), transfer->source));
    oq_guid_format(&oq_transfer_group(transfer)->guid, guid);
    oq_log(level, "group %s file %u (%s): %s", guid, transfer->owner.file_index, url ? url : "?",
           what);
    oq_free(url);
}

void oq_source_choose(struct oq_transfer *transfer)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    struct oq_source_run *run = &oq_transfer_history(transfer)->sources;
    uint32_t count = oq_sources_count(file);

    if (!run->is_started && file->source < count)
        run->current = file->source; /* after a restart: where the bytes came from */
    run->is_started = true;
    run->current = oq_sources_pick(run, count, file->bad_sources);
    transfer->source = run->current;
    struct oq_transfer_history *history = oq_transfer_history(transfer);
    if (history->range_source != run->current) {
        history->range_source = run->current;
        history->resume = OQ_HTTP_RESUME_TAG;
        history->has_ranges = history->has_no_ranges = history->has_tried_plain = false;
    }
}

struct oq_http_request oq_source_describe(const struct oq_transfer *transfer)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    const struct oq_transfer_history *history = oq_transfer_history(transfer);
    struct oq_http_request request = {
        .offset_bytes = file->done_bytes,
        .size_bytes = file->size_bytes,
        .etag = file->etag,
        .last_modified = file->last_modified,
        .resume = history->resume,
        .is_plain = history->is_plain,
        .is_hashed = file->done_bytes > 0 && oq_sources_has_hash(file) && !!transfer->context->hash,
        .may_try_plain = !history->has_ranges && !history->has_tried_plain,
        .has_no_ranges = history->has_no_ranges,
        .may_be_page = oq_http_may_be_page(file->local)};
    if (request.is_hashed && file->source != transfer->source)
        request.etag = request.last_modified = NULL; /* they are another's */
    return request;
}

static void log_next(const struct oq_transfer *transfer, const char *why)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    uint32_t next = oq_transfer_history(transfer)->sources.current;
    char *url = oq_url_redact(oq_sources_url(file, next));
    char text[512];
    snprintf(text, sizeof text, "continues at %s: %s", url ? url : "?", why);
    oq_transfer_log(transfer, OQ_LOG_INFO, text);
    oq_free(url);
}

enum oq_next oq_source_refuse(struct oq_transfer *transfer, bool is_hashed, const char *why,
                              bool *is_transient)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    struct oq_source_run *run = &oq_transfer_history(transfer)->sources;
    uint32_t count = oq_sources_count(file);
    char text[200];

    if (count == 1 || transfer->written_bytes == 0 ||
        (file->source == transfer->source && !is_hashed))
        return OQ_NEXT_STAY;
    *is_transient = true;
    enum oq_next next =
        oq_sources_leave(run, count, file->bad_sources, OQ_LEAVE_OTHER, is_transient);
    if (next == OQ_NEXT_SOURCE) {
        snprintf(text, sizeof text, "another version, or no ranges (%s)", why);
        log_next(transfer, text);
    }
    return next;
}

bool oq_source_is_slow(struct oq_transfer *transfer)
{
    const struct oq_transfer_context *context = transfer->context;
    const struct oq_file *file = oq_transfer_file(transfer);
    struct oq_source_run *run = &oq_transfer_history(transfer)->sources;
    int64_t passed_ms = oq_transfer_now_ms(transfer) - transfer->window_at_ms;
    bool is_transient = true;

    if (transfer->net && oq_net_is_waiting(transfer->net)) { /* no request was sent yet */
        transfer->window_at_ms += passed_ms;
        return false;
    }
    if (oq_sources_count(file) == 1 || passed_ms <= 0 ||
        passed_ms < context->config->slow_source_ms)
        return false;
    uint64_t rate = transfer->window_bytes * 1000 / (uint64_t)passed_ms, unused = 0;
    int64_t since_us = 0;
    oq_transfer_restart_window(transfer);
    if (oq_rate_control_limit(context->rate_control, transfer->bucket, &unused, &since_us) !=
        OQ_LIMIT_NONE)
        return false; /* it is not the source that is slow */
    if (rate >= (uint64_t)context->config->slow_source_bytes ||
        oq_sources_leave(run, oq_sources_count(file), file->bad_sources, OQ_LEAVE_SLOW,
                         &is_transient) != OQ_NEXT_SOURCE)
        return false;
    log_next(transfer, oq_errors_describe_net(OQ_NET_SLOW));
    return true;
}

bool oq_transfer_leave_source(const struct oq_file *file, struct oq_transfer_history *history,
                              struct oq_verdict *verdict)
{
    const struct oq_verdict offline = oq_errors_net(OQ_NET_OFFLINE);
    uint32_t count = oq_sources_count(file);
    bool is_transient = verdict->is_transient;

    if (count == 1 || verdict->code == offline.code)
        return false;
    history->is_plain = false;
    if (oq_sources_leave(&history->sources, count, file->bad_sources, OQ_LEAVE_FAILED,
                         &is_transient) == OQ_NEXT_SOURCE)
        return true;
    verdict->is_transient = is_transient;
    return false;
}
