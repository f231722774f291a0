/* check.c - hashes a file when all of it is there, and has bad pieces fetched again.
 *
 * Engine thread, but hash_slice, which runs on a worker and touches nothing but its check.
 * Nothing of a check is saved while it runs: a file whose bytes are all there and that is still
 * WAITING is hashed again after a restart, and what a repair had written by then is seen by that.
 * What is saved, before it is acted upon, is how often a hash has refuted the bytes, and whose they
 * were.
 */
#include "oq_rate_control.h"
#include "transfer_int.h"

#include "oq_alloc.h"
#include "oq_proxy.h"

#include <stdio.h>
#include <string.h>

#define READ_BYTES ((size_t)1024 * 1024)
/* One visit to a disk worker: so long that queueing costs nothing, so short that a stop and the
 * flushes of other files do not wait. */
#define SLICE_BYTES ((uint64_t)32 * 1024 * 1024)

struct oq_check {
    const struct oq_hash_port *port;
    uint64_t size_bytes, at_bytes;
    struct oq_hash *whole[OQ_HASH_KIND_COUNT]; /* of the kinds that are asked for */
    uint8_t values[OQ_HASH_KIND_COUNT][OQ_HASH_MAX];
    struct oq_pieces pieces; /* own copy */
    struct oq_hash *piece;
    uint32_t piece_index;
    uint64_t piece_at; /* bytes of that piece that were hashed */
    uint8_t *bad;      /* set of pieces */
    uint32_t bad_count;
    uint8_t *buffer;
    uint32_t next_piece; /* of a repair */
    uint64_t last_byte;  /* of the run that is being fetched */
};

bool oq_transfer_is_checking(const struct oq_transfer *transfer)
{
    return transfer->check != NULL;
}

static void check_free(struct oq_check *check)
{
    if (!check)
        return;
    for (unsigned i = 0; i < OQ_HASH_KIND_COUNT; i++)
        check->port->free(check->port->ctx, check->whole[i]);
    check->port->free(check->port->ctx, check->piece);
    oq_free(check->pieces.hashes);
    oq_free(check->bad);
    oq_free(check->buffer);
    oq_free(check);
}

/* --- on a disk worker ------------------------------------------------------------------------- */

static enum oq_status end_piece(struct oq_check *check)
{
    uint8_t value[OQ_HASH_MAX];
    size_t size = oq_hash_size(check->pieces.kind);
    enum oq_status status = check->port->finish(check->port->ctx, check->piece, value);
    if (status != OQ_OK)
        return status;
    if (memcmp(value, check->pieces.hashes + check->piece_index * size, size) != 0) {
        oq_pieces_put(check->bad, check->piece_index);
        check->bad_count++;
    }
    check->piece_index++;
    check->piece_at = 0;
    return OQ_OK;
}

static enum oq_status feed_pieces(struct oq_check *check, const uint8_t *data, size_t length)
{
    enum oq_status status = OQ_OK;
    while (status == OQ_OK && length > 0) {
        uint64_t whole =
            oq_pieces_length(check->size_bytes, check->pieces.piece_bytes, check->piece_index);
        uint64_t left = whole - check->piece_at;
        size_t part = length < left ? length : (size_t)left;
        status = check->port->update(check->port->ctx, check->piece, data, part);
        check->piece_at += part;
        data += part;
        length -= part;
        if (status == OQ_OK && check->piece_at == whole)
            status = end_piece(check);
    }
    return status;
}

static enum oq_status feed(struct oq_check *check, size_t length)
{
    enum oq_status status = OQ_OK;
    for (unsigned i = 0; status == OQ_OK && i < OQ_HASH_KIND_COUNT; i++)
        if (check->whole[i])
            status = check->port->update(check->port->ctx, check->whole[i], check->buffer, length);
    if (status == OQ_OK && check->piece)
        status = feed_pieces(check, check->buffer, length);
    return status;
}

/* Hashes on, up to a slice's length or the end of the file. Flushes the file before the first byte,
 * so that what is hashed is what is on the disk. */
static enum oq_status hash_slice(const struct oq_file_port *files, struct oq_fhandle *file,
                                 struct oq_check *check, struct oq_error *err)
{
    uint64_t end = check->size_bytes - check->at_bytes > SLICE_BYTES ? check->at_bytes + SLICE_BYTES
                                                                     : check->size_bytes;
    enum oq_status status = OQ_OK;
    if (check->at_bytes == 0) {
        status = files->flush(files->ctx, file, err);
        if (status != OQ_OK)
            return status;
    }
    while (check->at_bytes < end) {
        size_t length =
            end - check->at_bytes < READ_BYTES ? (size_t)(end - check->at_bytes) : READ_BYTES;
        status = files->read(files->ctx, file, check->at_bytes, check->buffer, length, err);
        if (status != OQ_OK)
            return status;
        status = feed(check, length);
        if (status != OQ_OK)
            return oq_error_set(err, status, "the hash could not be computed");
        check->at_bytes += length;
    }
    if (check->at_bytes < check->size_bytes)
        return OQ_OK;
    for (unsigned i = 0; status == OQ_OK && i < OQ_HASH_KIND_COUNT; i++)
        if (check->whole[i])
            status = check->port->finish(check->port->ctx, check->whole[i], check->values[i]);
    return status == OQ_OK ? OQ_OK : oq_error_set(err, status, "the hash could not be computed");
}

static void run_slice(void *argument)
{
    struct oq_transfer *transfer = argument;
    transfer->work.status =
        hash_slice(transfer->engine->files, transfer->file, transfer->check, &transfer->work.error);
}

/* --- the engine's side ------------------------------------------------------------------------ */

void oq_check_drop(struct oq_transfer *transfer)
{
    check_free(transfer->check);
    transfer->check = NULL;
}

static void end_check(struct oq_transfer *transfer)
{
    oq_check_drop(transfer);
    oq_transfer_proceed(transfer);
}

static void on_slice(void *argument);

static enum oq_status submit_slice(struct oq_transfer *transfer, struct oq_error *err)
{
    transfer->phase = CHECKING;
    enum oq_status status = oq_transfer_submit(transfer, HASH_WORK, run_slice, on_slice);
    return status == OQ_OK ? OQ_OK : oq_error_set(err, status, "too much disk work at once");
}

bool oq_check_is_due(const struct oq_transfer *transfer)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    return transfer->engine->options.hash && file->state == OQ_FILE_WAITING && file->temp_path &&
           file->done_bytes > 0 && file->done_bytes == file->size_bytes &&
           oq_sources_must_check(file);
}

static enum oq_status want(struct oq_check *check, enum oq_hash_kind kind)
{
    if (check->whole[kind])
        return OQ_OK;
    return check->port->begin(check->port->ctx, kind, &check->whole[kind]);
}

/* A check of what the file must be. */
static enum oq_status make(struct oq_transfer *transfer, struct oq_error *err)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    const struct oq_extras *extras = file->extras;
    struct oq_digest digest;
    enum oq_status status = OQ_OK;
    struct oq_check *check = oq_calloc(1, sizeof *check);
    if (!check)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    check->port = transfer->engine->options.hash;
    check->size_bytes = file->size_bytes;
    check->buffer = oq_malloc(READ_BYTES);
    if (!check->buffer)
        status = OQ_E_NOMEM;
    if (status == OQ_OK && extras && extras->has_sha256)
        status = want(check, OQ_HASH_SHA256);
    if (status == OQ_OK && file->digest && oq_digest_parse_hex(file->digest, &digest) == OQ_OK)
        status = want(check, digest.kind);
    if (status == OQ_OK && extras && extras->pieces.kind != OQ_HASH_NONE && file->size_bytes > 0) {
        size_t size = extras->pieces.count * oq_hash_size(extras->pieces.kind);
        check->pieces = extras->pieces;
        check->pieces.hashes = oq_malloc(size);
        check->bad = oq_calloc(1, (extras->pieces.count + 7) / 8);
        if (!check->pieces.hashes || !check->bad)
            status = OQ_E_NOMEM;
        else
            memcpy(check->pieces.hashes, extras->pieces.hashes, size);
        if (status == OQ_OK)
            status = check->port->begin(check->port->ctx, check->pieces.kind, &check->piece);
    }
    if (status != OQ_OK) {
        check_free(check);
        return oq_error_set(err, status,
                            status == OQ_E_NOMEM ? "out of memory"
                                                 : "this system does not have the hash function");
    }
    transfer->check = check;
    return OQ_OK;
}

/* The sentence of the error; with both values where the SHA-256 of the whole file differs. */
static void describe(const struct oq_transfer *transfer, enum oq_net_error error, char *text,
                     size_t capacity)
{
    const struct oq_check *check = transfer->check;
    const struct oq_file *file = oq_transfer_file(transfer);
    char expected[2 * OQ_SHA256_BYTES + 1], got[2 * OQ_SHA256_BYTES + 1];
    if (error != OQ_NET_WRONG_HASH || !check || check->at_bytes < check->size_bytes ||
        !file->extras || !file->extras->has_sha256 ||
        memcmp(file->extras->sha256, check->values[OQ_HASH_SHA256], OQ_SHA256_BYTES) == 0) {
        snprintf(text, capacity, "%s", oq_errors_describe_net(error));
        return;
    }
    oq_hex_format(file->extras->sha256, OQ_SHA256_BYTES, expected);
    oq_hex_format(check->values[OQ_HASH_SHA256], OQ_SHA256_BYTES, got);
    snprintf(text, capacity, "SHA-256 mismatch (%u times): expected %s, got %s.", file->mismatches,
             expected, got);
}

/* The bytes are not those of the file, for good. */
static void give_up(struct oq_transfer *transfer, enum oq_net_error error)
{
    char text[256];
    struct oq_verdict verdict = oq_errors_net(error);
    transfer->ending = NOT_ENDED;
    transfer->is_local = true; /* no source is left: it was asked as often as it may be */
    describe(transfer, error, text, sizeof text);
    oq_transfer_fail(transfer, &verdict, text);
}

static bool save(struct oq_transfer *transfer, struct oq_file *next)
{
    struct oq_error err;
    oq_error_init(&err);
    if (oq_change_file(transfer->engine, transfer->entry, next, &err) == OQ_OK)
        return true;
    transfer->ending = NOT_ENDED;
    oq_transfer_fail_error(transfer, &err);
    return false;
}

/* Marks the source the bytes came from, if there are others; the next one is asked then. */
static void blame(const struct oq_transfer *transfer, struct oq_file *next)
{
    struct oq_source_run *run = &oq_transfer_run(transfer)->sources;
    uint32_t count = oq_sources_count(next);
    uint32_t all = count >= 32 ? UINT32_MAX : (UINT32_C(1) << count) - 1;
    if (count == 1)
        return;
    next->bad_sources |= UINT32_C(1) << transfer->source;
    if ((next->bad_sources & all) == all) /* then no one is worse than the others */
        next->bad_sources = 0;
    run->current = (transfer->source + 1) % count;
}

/* The whole file has to come again, saved as such, at the next turn; or it may not. */
static void restart(struct oq_transfer *transfer, enum oq_net_error error)
{
    struct oq_file next = *oq_transfer_file(transfer);
    bool may_repeat = oq_sources_may_repeat(next.mismatches + 1, oq_sources_count(&next));
    next.mismatches++;
    oq_file_forget_bytes(&next, false);
    blame(transfer, &next);
    transfer->entry->may_percent_fall = true;
    if (!save(transfer, &next))
        return;
    transfer->written_bytes = 0; /* so that nothing of it is flushed and believed once more */
    transfer->buffered = 0;
    if (!may_repeat) {
        give_up(transfer, error);
        return;
    }
    oq_transfer_log(transfer, OQ_LOG_WARNING,
                    "the hash of what came in is wrong; the file is fetched again from the start");
    transfer->ending = ENDED_STOPPED;
}

bool oq_check_begin(struct oq_transfer *transfer)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    const struct oq_extras *extras = file->extras;
    struct oq_error err;
    if (!transfer->engine->options.hash || !oq_sources_must_check(file))
        return false;
    oq_error_init(&err);
    if (transfer->written_bytes != file->size_bytes || file->done_bytes != file->size_bytes) {
        struct oq_file next = *file;
        next.size_bytes = next.done_bytes = transfer->written_bytes;
        if (!save(transfer, &next))
            return false;
    }
    bool is_size_wrong =
        extras &&
        ((extras->size_bytes != OQ_SIZE_UNKNOWN && extras->size_bytes != file->size_bytes) ||
         (extras->pieces.kind != OQ_HASH_NONE &&
          oq_pieces_count(file->size_bytes, extras->pieces.piece_bytes) != extras->pieces.count));
    if (is_size_wrong) {
        restart(transfer, OQ_NET_WRONG_SIZE);
        return false;
    }
    if (!file->digest && !oq_sources_has_hash(file)) {
        transfer->is_checked = true;
        return false;
    }
    transfer->ending = NOT_ENDED;
    if (make(transfer, &err) != OQ_OK || submit_slice(transfer, &err) != OQ_OK) {
        oq_check_drop(transfer);
        oq_transfer_fail_error(transfer, &err);
        return false;
    }
    return true;
}

/* --- bad pieces ------------------------------------------------------------------------------- */

/* Asks for the bytes from `first` to the end of the run. */
static void ask(struct oq_transfer *transfer, uint64_t first)
{
    struct oq_error err;
    struct oq_net_request request = {
        .url = oq_sources_url(oq_transfer_file(transfer), transfer->source),
        .offset_bytes = first,
        .end_bytes = transfer->check->last_byte + 1,
        .proxy = transfer->proxy,
        .is_foreground = transfer->entry->group.is_foreground,
        .identity = transfer->identity,
        .is_of_person = oq_proxy_is_person(transfer->entry->group.owner_sid)};
    oq_error_init(&err);
    transfer->written_bytes = first;
    transfer->buffered = 0;
    if (oq_transfer_ask(transfer, &request, &err) != OQ_OK) {
        oq_transfer_fail_error(transfer, &err);
        end_check(transfer);
    }
}

static void run_flush(void *argument)
{
    struct oq_transfer *transfer = argument;
    const struct oq_file_port *files = transfer->engine->files;
    transfer->work.status = files->flush(files->ctx, transfer->file, &transfer->work.error);
}

static void on_repaired(void *argument)
{
    struct oq_transfer *transfer = argument;
    struct oq_file next = *oq_transfer_file(transfer);
    struct oq_error err;
    enum oq_status status = oq_transfer_take_work(transfer, &err);
    if (transfer->ending == NOT_ENDED && status == OQ_OK) {
        /* From now on it counts that these pieces were fetched once more. */
        next.mismatches++;
        if (save(transfer, &next)) {
            oq_check_drop(transfer);
            transfer->ending = ENDED_WHOLE;
            transfer->written_bytes = next.size_bytes;
            oq_transfer_proceed(transfer);
            return;
        }
    } else if (transfer->ending == NOT_ENDED) {
        oq_transfer_fail_error(transfer, &err);
    }
    end_check(transfer);
}

static void flush_repair(struct oq_transfer *transfer)
{
    struct oq_error err;
    oq_error_init(&err);
    transfer->phase = CHECKING;
    if (oq_transfer_submit(transfer, FLUSH_WORK, run_flush, on_repaired) == OQ_OK)
        return;
    oq_error_set(&err, OQ_E_NOMEM, "out of memory");
    oq_transfer_fail_error(transfer, &err);
    end_check(transfer);
}

/* The next run of bad pieces, or the end of the repair. */
static void repair_next(struct oq_transfer *transfer)
{
    struct oq_check *check = transfer->check;
    uint64_t first = 0;
    if (oq_pieces_next_run(check->bad, check->pieces.count, check->pieces.piece_bytes,
                           check->size_bytes, &check->next_piece, &first, &check->last_byte))
        ask(transfer, first);
    else
        flush_repair(transfer);
}

static void on_proxy_resolved(void *argument)
{
    struct oq_transfer *transfer = argument;
    struct oq_error unused;
    (void)oq_transfer_take_work(transfer, &unused);
    oq_free(transfer->proxy);
    transfer->proxy = transfer->work.proxy;
    if (transfer->ending == NOT_ENDED)
        repair_next(transfer);
    else
        end_check(transfer);
}

/* Another source may be behind another proxy. */
static void resolve_proxy(struct oq_transfer *transfer)
{
    const char *url = oq_sources_url(oq_transfer_file(transfer), transfer->source);
    struct oq_error err;
    oq_error_init(&err);
    if (oq_source_resolve_proxy(transfer, url, on_proxy_resolved) == OQ_OK)
        return;
    oq_error_set(&err, OQ_E_NOMEM, "out of memory");
    oq_transfer_fail_error(transfer, &err);
    end_check(transfer);
}

static void repair(struct oq_transfer *transfer)
{
    struct oq_file next = *oq_transfer_file(transfer);
    struct oq_source_run *run = &oq_transfer_run(transfer)->sources;
    uint32_t count = oq_sources_count(&next);
    char text[128];
    snprintf(text, sizeof text, "%u of %u pieces are damaged and are fetched again",
             transfer->check->bad_count, transfer->check->pieces.count);
    oq_transfer_log(transfer, OQ_LOG_WARNING, text);
    if (!oq_sources_may_repeat(next.mismatches + 1, count)) {
        give_up(transfer, OQ_NET_WRONG_HASH);
        end_check(transfer);
        return;
    }
    if (count > 1) {
        blame(transfer, &next);
        if (!save(transfer, &next)) {
            end_check(transfer);
            return;
        }
        uint32_t source = oq_sources_pick(run, count, next.bad_sources);
        bool is_other = source != transfer->source;
        run->current = transfer->source = source;
        if (is_other) {
            resolve_proxy(transfer);
            return;
        }
    }
    repair_next(transfer);
}

bool oq_check_judge(struct oq_transfer *transfer)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    struct oq_file_run *run = oq_transfer_run(transfer);
    uint64_t wanted = transfer->check->last_byte + 1 - transfer->written_bytes;
    bool is_transient = false;
    struct oq_http_request request = {
        .offset_bytes = transfer->written_bytes, .size_bytes = file->size_bytes, .is_hashed = true};
    transfer->is_judged = true;
    struct oq_http_decision decision = oq_http_judge(&request, oq_response_finish(transfer));
    if (decision.verdict == OQ_HTTP_FAIL) {
        oq_response_fail(transfer, &decision);
        return false;
    }
    if (decision.verdict == OQ_HTTP_APPEND && decision.total_bytes == file->size_bytes &&
        decision.body_bytes <= wanted) {
        transfer->end_bytes = transfer->written_bytes + decision.body_bytes;
        return true;
    }
    /* It sends no parts, or has another version. The next source may be better; without one, all of
     * the file has to come. */
    if (oq_sources_count(file) > 1 &&
        oq_sources_leave(&run->sources, oq_sources_count(file), file->bad_sources, OQ_LEAVE_FAILED,
                         &is_transient) == OQ_NEXT_SOURCE)
        transfer->ending = ENDED_STOPPED;
    else
        restart(transfer, OQ_NET_WRONG_HASH);
    return false;
}

void oq_check_on_done(struct oq_transfer *transfer, enum oq_net_error error, const char *text)
{
    char sentence[256];
    if (error == OQ_NET_NONE && transfer->written_bytes + transfer->buffered != transfer->end_bytes)
        error = OQ_NET_CUT;
    if (transfer->ending == NOT_ENDED && error != OQ_NET_NONE) {
        struct oq_verdict verdict = oq_errors_net(error);
        snprintf(sentence, sizeof sentence, "%s (%s)", oq_errors_describe_net(error), text);
        oq_transfer_fail(transfer, &verdict, sentence);
    }
    oq_rate_control_remove(transfer->engine->rate_control, transfer->flow);
    transfer->flow = NULL;
    oq_net_close(transfer->engine->net, transfer->net); /* `text` was its */
    transfer->net = NULL;
    /* Also what came before a failure: the next hashing will find it good. */
    bool is_written = oq_transfer_write_out(transfer);
    if (transfer->ending != NOT_ENDED || !is_written)
        end_check(transfer);
    else if (transfer->written_bytes <= transfer->check->last_byte)
        ask(transfer, transfer->written_bytes); /* the server gave less than was asked for */
    else
        repair_next(transfer);
}

/* --- the result ------------------------------------------------------------------------------- */

static enum oq_net_error compare(const struct oq_transfer *transfer)
{
    const struct oq_check *check = transfer->check;
    const struct oq_file *file = oq_transfer_file(transfer);
    const struct oq_extras *extras = file->extras;
    struct oq_digest digest;
    if (extras && extras->has_sha256 &&
        memcmp(extras->sha256, check->values[OQ_HASH_SHA256], OQ_SHA256_BYTES) != 0)
        return OQ_NET_WRONG_HASH;
    if (file->digest && oq_digest_parse_hex(file->digest, &digest) == OQ_OK &&
        memcmp(digest.value, check->values[digest.kind], oq_hash_size(digest.kind)) != 0) {
        if (!oq_sources_has_hash(file))
            return OQ_NET_WRONG_DIGEST;
        oq_transfer_log(transfer, OQ_LOG_WARNING,
                        "the server sent a wrong hash; the expected one is right, and counts");
    }
    return OQ_NET_NONE;
}

static void on_slice(void *argument)
{
    struct oq_transfer *transfer = argument;
    struct oq_check *check = transfer->check;
    struct oq_error err;
    enum oq_status status = oq_transfer_take_work(transfer, &err);
    if (status == OQ_OK && transfer->ending == NOT_ENDED && check->at_bytes < check->size_bytes) {
        status = submit_slice(transfer, &err);
        if (status == OQ_OK)
            return;
    }
    if (status != OQ_OK)
        oq_transfer_fail_error(transfer, &err);
    if (transfer->ending != NOT_ENDED) {
        end_check(transfer);
        return;
    }
    if (check->bad_count > 0) {
        repair(transfer);
        return;
    }
    enum oq_net_error error = compare(transfer);
    if (error == OQ_NET_NONE) {
        transfer->is_checked = true;
        transfer->ending = ENDED_WHOLE;
        oq_transfer_log(transfer, OQ_LOG_INFO, "all bytes are there, and their hash is right");
    } else {
        restart(transfer, error);
    }
    end_check(transfer);
}

void oq_check_forget(struct oq_engine *engine, struct oq_entry *entry, uint32_t file_index)
{
    struct oq_file next = entry->group.job.files[file_index];
    struct oq_error err;
    oq_error_init(&err);
    if (entry->group.state != OQ_GROUP_ERROR || (next.mismatches == 0 && next.bad_sources == 0))
        return;
    next.mismatches = next.bad_sources = 0;
    if (oq_change_file(engine, entry, &next, &err) != OQ_OK)
        oq_log_error("the end of a check could not be saved: %s", err.text);
}
