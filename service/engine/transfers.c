/* transfers.c - the host of the transfers: what they read and save of a group, and what becomes of
 * the group when one has ended.
 *
 * Engine thread. A transfer's owner is named by the engine, the entry and the index of the file.
 */
#include "engine_int.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "oq_url.h"

#define OWNER_RETRY_MS 60000

static struct oq_engine *engine_of(const struct oq_transfer_owner *owner)
{
    return owner->host;
}

static struct oq_entry *entry_of(const struct oq_transfer_owner *owner)
{
    return owner->group;
}

static struct oq_file_run *run_of(const struct oq_transfer_owner *owner)
{
    return &entry_of(owner)->runs[owner->file_index];
}

static const struct oq_group *get_group(const struct oq_transfer_owner *owner)
{
    return &entry_of(owner)->group;
}

static struct oq_transfer_history *get_history(const struct oq_transfer_owner *owner)
{
    return &run_of(owner)->history;
}

static enum oq_status save(const struct oq_transfer_owner *owner, struct oq_file *next,
                           struct oq_error *err)
{
    struct oq_entry *entry = entry_of(owner);
    const struct oq_file *now = &entry->group.job.files[owner->file_index];
    /* Bytes are given up: the percentage that was shown may fall. */
    entry->may_percent_fall |=
        next->done_bytes < now->done_bytes ||
        (next->size_bytes == OQ_SIZE_UNKNOWN && now->size_bytes != OQ_SIZE_UNKNOWN);
    return oq_entry_save_file(engine_of(owner), entry, next, err);
}

static void progressed(const struct oq_transfer_owner *owner)
{
    oq_entry_progressed(engine_of(owner), entry_of(owner));
}

static void restarted(const struct oq_transfer_owner *owner, const char *why)
{
    const struct oq_verdict verdict = oq_errors_net(OQ_NET_CUT);
    oq_entry_remember_failure(engine_of(owner), entry_of(owner), &verdict, owner->file_index, why);
}

static uint64_t get_random(const struct oq_transfer_owner *owner)
{
    return oq_engine_random(engine_of(owner));
}

static bool is_source_left(struct oq_entry *entry, uint32_t index, struct oq_verdict *verdict,
                           const char *why)
{
    const struct oq_file *file = &entry->group.job.files[index];
    struct oq_transfer_history *history = &entry->runs[index].history;
    char guid[OQ_GUID_TEXT];
    if (!oq_transfer_leave_source(file, history, verdict))
        return false;
    char *url = oq_url_redact(oq_sources_url(file, history->sources.current));
    oq_guid_format(&entry->group.guid, guid);
    oq_log_info("group %s file %u: continues at %s: %s", guid, index, url ? url : "?", why);
    oq_free(url);
    return true;
}

/* A hash has made the group fail: what is counted until the next resume starts from zero. */
static void reset_mismatches(struct oq_engine *engine, struct oq_entry *entry, uint32_t index)
{
    struct oq_file next = entry->group.job.files[index];
    struct oq_error err;
    oq_error_init(&err);
    if (entry->group.state != OQ_GROUP_ERROR || (next.mismatches == 0 && next.bad_sources == 0))
        return;
    next.mismatches = next.bad_sources = 0;
    if (oq_entry_save_file(engine, entry, &next, &err) != OQ_OK)
        oq_log_error("the end of a verification could not be saved: %s", err.text);
}

static void ended(const struct oq_transfer_owner *owner, const struct oq_transfer_end *end)
{
    struct oq_engine *engine = engine_of(owner);
    struct oq_entry *entry = entry_of(owner);
    uint32_t index = owner->file_index;
    struct oq_verdict verdict = end->verdict;
    run_of(owner)->transfer = NULL;
    entry->running--;
    oq_breaker_ended(engine, entry, index);
    engine->needs_schedule = true;
    if (entry->group.state == OQ_GROUP_ACTIVE && end->outcome == OQ_OUTCOME_FETCHED) {
        oq_entry_progressed(engine, entry);
        oq_entry_commit_if_fetched(engine, entry);
    } else if (entry->group.state == OQ_GROUP_ACTIVE && end->outcome == OQ_OUTCOME_FAILED &&
               !(end->is_of_source && is_source_left(entry, index, &verdict, end->text))) {
        oq_entry_file_failed(engine, entry, index, &verdict, end->retry_after_ms, end->text);
        reset_mismatches(engine, entry, index);
    }
    if (entry->running == 0)
        oq_waiters_check(entry, false);
    oq_commit_run(engine, entry); /* may free the entry */
}

static const struct oq_transfer_host host = {.group = get_group,
                                             .history = get_history,
                                             .save = save,
                                             .progressed = progressed,
                                             .restarted = restarted,
                                             .random = get_random,
                                             .ended = ended};

void oq_transfers_init(struct oq_engine *engine)
{
    engine->transfers = (struct oq_transfer_context){.host = &host,
                                                     .clock = engine->clock,
                                                     .config = &engine->config,
                                                     .files = engine->files,
                                                     .identity = engine->identity,
                                                     .network = engine->options.network,
                                                     .hash = engine->options.hash,
                                                     .net = engine->net,
                                                     .rate_control = engine->rate_control,
                                                     .pool = engine->pool};
}

void oq_transfers_start(struct oq_engine *engine, struct oq_entry *entry, uint32_t file_index)
{
    const struct oq_identity_port *port = engine->identity;
    const struct oq_transfer_owner owner = {
        .host = engine, .group = entry, .file_index = file_index};
    struct oq_file_run *run = &entry->runs[file_index];
    struct oq_identity *identity = NULL;
    struct oq_transfer *transfer = NULL;
    struct oq_verdict verdict;
    struct oq_error err;
    oq_error_init(&err);
    const struct oq_file *file = &entry->group.job.files[file_index];
    enum oq_status status =
        port->acquire(port->ctx, file->user_sid, &file->user_rights, 0, &identity, &err);
    if (status == OQ_E_OWNER_ABSENT) {
        entry->is_owner_absent = true;
        entry->owner_retry_at_ms = oq_now_ms(engine) + OWNER_RETRY_MS;
        return;
    }
    if (status != OQ_OK) {
        verdict = oq_errors_file(status, err.win32);
        oq_entry_file_failed(engine, entry, file_index, &verdict, -1, err.text);
        return;
    }
    if (oq_transfer_new(&engine->transfers, &owner, identity, &entry->bucket, &transfer) != OQ_OK) {
        port->unref(port->ctx, identity);
        verdict = oq_errors_net(OQ_NET_NOMEM);
        oq_entry_file_failed(engine, entry, file_index, &verdict, -1, "out of memory");
        return;
    }
    run->transfer = transfer;
    run->retry_at_ms = 0;
    entry->running++;
    oq_transfer_begin(transfer);
}

void oq_transfers_stop(const struct oq_entry *entry, bool is_discarded)
{
    for (uint32_t i = 0; entry->running > 0 && i < entry->group.job.file_count; i++)
        if (entry->runs[i].transfer)
            oq_transfer_stop(entry->runs[i].transfer, is_discarded);
}
