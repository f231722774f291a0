/* verify.c - hashes a file when all of it is there, and repairs it: has pieces that are damaged
 * fetched again.
 *
 * Engine thread, but hash_slice, which runs on a worker and touches nothing but the verification.
 * Nothing of a verification is saved while it runs: a file whose bytes are all there and that is
 * still WAITING is hashed again after a restart, and that sees what a repair had written by then.
 * What is saved, before it is acted upon, is how often a hash has refuted the bytes, and of which
 * sources.
 */
#include "transfer_int.h"

#include "oq_alloc.h"

#include <stdio.h>
#include <string.h>

#define READ_BYTES ((size_t)1024 * 1024)
/* One visit to a worker: so long that queueing costs nothing, so short that a stop and the flushes
 * of other files do not wait. */
#define SLICE_BYTES ((uint64_t)32 * 1024 * 1024)

struct oq_verification {
    const struct oq_hash_port *port;
    uint64_t size_bytes, at_bytes;
    struct oq_hash *whole[OQ_HASH_KIND_COUNT]; /* of the kinds that are expected */
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

static void verification_free(struct oq_verification *verification)
{
    if (!verification)
        return;
    for (unsigned i = 0; i < OQ_HASH_KIND_COUNT; i++)
        verification->port->free(verification->port->ctx, verification->whole[i]);
    verification->port->free(verification->port->ctx, verification->piece);
    oq_free(verification->pieces.hashes);
    oq_free(verification->bad);
    oq_free(verification->buffer);
    oq_free(verification);
}

/* --- on a worker ------------------------------------------------------------------------------ */

static enum oq_status end_piece(struct oq_verification *verification)
{
    uint8_t value[OQ_HASH_MAX];
    if (verification->piece_index >= verification->pieces.count)
        return OQ_E_BUG;
    size_t size = oq_hash_size(verification->pieces.kind);
    enum oq_status status =
        verification->port->finish(verification->port->ctx, verification->piece, value);
    if (status != OQ_OK)
        return status;
    if (memcmp(value, verification->pieces.hashes + verification->piece_index * size, size) != 0) {
        oq_pieces_put(verification->bad, verification->piece_index);
        verification->bad_count++;
    }
    verification->piece_index++;
    verification->piece_at = 0;
    return OQ_OK;
}

static enum oq_status feed_pieces(struct oq_verification *verification, const uint8_t *data,
                                  size_t length)
{
    enum oq_status status = OQ_OK;
    while (status == OQ_OK && length > 0) {
        uint64_t whole = oq_pieces_length(
            verification->size_bytes, verification->pieces.piece_bytes, verification->piece_index);
        uint64_t left = whole - verification->piece_at;
        size_t part = length < left ? length : (size_t)left;
        status =
            verification->port->update(verification->port->ctx, verification->piece, data, part);
        verification->piece_at += part;
        data += part;
        length -= part;
        if (status == OQ_OK && verification->piece_at == whole)
            status = end_piece(verification);
    }
    return status;
}

static enum oq_status feed(struct oq_verification *verification, size_t length)
{
    enum oq_status status = OQ_OK;
    for (unsigned i = 0; status == OQ_OK && i < OQ_HASH_KIND_COUNT; i++)
        if (verification->whole[i])
            status = verification->port->update(verification->port->ctx, verification->whole[i],
                                                verification->buffer, length);
    if (status == OQ_OK && verification->piece)
        status = feed_pieces(verification, verification->buffer, length);
    return status;
}

/* Hashes on, up to a slice's length or the end of the file. Flushes the file before the first byte,
 * so that what is hashed is what is on the disk. */
static enum oq_status hash_slice(const struct oq_file_port *files, struct oq_fhandle *file,
                                 struct oq_verification *verification, struct oq_error *err)
{
    uint64_t end = verification->size_bytes - verification->at_bytes > SLICE_BYTES
                       ? verification->at_bytes + SLICE_BYTES
                       : verification->size_bytes;
    enum oq_status status = OQ_OK;
    if (verification->at_bytes == 0) {
        status = files->flush(files->ctx, file, err);
        if (status != OQ_OK)
            return status;
    }
    while (verification->at_bytes < end) {
        size_t length = end - verification->at_bytes < READ_BYTES
                            ? (size_t)(end - verification->at_bytes)
                            : READ_BYTES;
        status = files->read(files->ctx, file, verification->at_bytes, verification->buffer, length,
                             err);
        if (status != OQ_OK)
            return status;
        status = feed(verification, length);
        if (status != OQ_OK)
            return oq_error_set(err, status, "the hash could not be computed");
        verification->at_bytes += length;
    }
    if (verification->at_bytes < verification->size_bytes)
        return OQ_OK;
    for (unsigned i = 0; status == OQ_OK && i < OQ_HASH_KIND_COUNT; i++)
        if (verification->whole[i])
            status = verification->port->finish(verification->port->ctx, verification->whole[i],
                                                verification->values[i]);
    return status == OQ_OK ? OQ_OK : oq_error_set(err, status, "the hash could not be computed");
}

static void run_slice(void *argument)
{
    struct oq_transfer *transfer = argument;
    transfer->work.status = hash_slice(transfer->context->files, transfer->file,
                                       transfer->verification, &transfer->work.error);
}

/* --- begin ------------------------------------------------------------------------------------ */

void oq_verify_free(struct oq_transfer *transfer)
{
    verification_free(transfer->verification);
    transfer->verification = NULL;
}

static void on_slice(void *argument);

static enum oq_status submit_slice(struct oq_transfer *transfer, struct oq_error *err)
{
    return oq_transfer_submit(transfer, OQ_WORK_HASH, run_slice, on_slice, err);
}

bool oq_verify_is_due(const struct oq_transfer *transfer)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    return transfer->context->hash && file->state == OQ_FILE_WAITING && file->temp_path &&
           file->done_bytes > 0 && file->done_bytes == file->size_bytes &&
           oq_sources_must_check(file);
}

static enum oq_status add_kind(struct oq_verification *verification, enum oq_hash_kind kind)
{
    if (verification->whole[kind])
        return OQ_OK;
    return verification->port->begin(verification->port->ctx, kind, &verification->whole[kind]);
}

/* A verification of what the file must be. */
static enum oq_status verification_new(struct oq_transfer *transfer, struct oq_error *err)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    const struct oq_expectations *expectations = file->expectations;
    struct oq_digest digest;
    enum oq_status status = OQ_OK;
    struct oq_verification *verification = oq_calloc(1, sizeof *verification);
    if (!verification)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    verification->port = transfer->context->hash;
    verification->size_bytes = file->size_bytes;
    verification->buffer = oq_malloc(READ_BYTES);
    if (!verification->buffer)
        status = OQ_E_NOMEM;
    if (status == OQ_OK && expectations && expectations->has_sha256)
        status = add_kind(verification, OQ_HASH_SHA256);
    if (status == OQ_OK && file->digest && oq_digest_parse_hex(file->digest, &digest) == OQ_OK)
        status = add_kind(verification, digest.kind);
    if (status == OQ_OK && expectations && expectations->pieces.kind != OQ_HASH_NONE &&
        file->size_bytes > 0) {
        size_t size = expectations->pieces.count * oq_hash_size(expectations->pieces.kind);
        verification->pieces = expectations->pieces;
        verification->pieces.hashes = oq_malloc(size);
        verification->bad = oq_calloc(1, (expectations->pieces.count + 7) / 8);
        if (!verification->pieces.hashes || !verification->bad)
            status = OQ_E_NOMEM;
        else
            memcpy(verification->pieces.hashes, expectations->pieces.hashes, size);
        if (status == OQ_OK)
            status = verification->port->begin(verification->port->ctx, verification->pieces.kind,
                                               &verification->piece);
    }
    if (status != OQ_OK) {
        verification_free(verification);
        return oq_error_set(err, status,
                            status == OQ_E_NOMEM ? "out of memory"
                                                 : "this system does not have the hash function");
    }
    transfer->verification = verification;
    return OQ_OK;
}

/* The sentence of the error; with both values where the SHA-256 of the whole file differs. */
static void describe(const struct oq_transfer *transfer, enum oq_net_error error, char *text,
                     size_t capacity)
{
    const struct oq_verification *verification = transfer->verification;
    const struct oq_expectations *expectations = oq_transfer_file(transfer)->expectations;
    char expected[OQ_HEX_MAX], got[2 * OQ_SHA256_BYTES + 1];
    if (error == OQ_NET_WRONG_HASH && verification && verification->bad_count > 0 &&
        verification->pieces.count == 1) {
        oq_hex_format(verification->pieces.hashes, oq_hash_size(verification->pieces.kind),
                      expected);
        snprintf(text, capacity, "%.10s mismatch (%u times): expected %s.",
                 oq_hash_name(verification->pieces.kind), oq_transfer_file(transfer)->mismatches,
                 expected);
        return;
    }
    if (error != OQ_NET_WRONG_HASH || !verification ||
        verification->at_bytes < verification->size_bytes || !expectations ||
        !expectations->has_sha256 ||
        memcmp(expectations->sha256, verification->values[OQ_HASH_SHA256], OQ_SHA256_BYTES) == 0) {
        snprintf(text, capacity, "%s", oq_errors_describe_net(error));
        return;
    }
    oq_hex_format(expectations->sha256, OQ_SHA256_BYTES, expected);
    oq_hex_format(verification->values[OQ_HASH_SHA256], OQ_SHA256_BYTES, got);
    snprintf(text, capacity, "SHA-256 mismatch (%u times): expected %.64s, got %.64s.",
             oq_transfer_file(transfer)->mismatches, expected, got);
}

/* FAIL: the bytes are not those of the file, and every source was tried as often as it may be. */
static void give_up(struct oq_transfer *transfer, enum oq_net_error error)
{
    char text[256];
    struct oq_verdict verdict = oq_errors_net(error);
    describe(transfer, error, text, sizeof text);
    oq_transfer_fail(transfer, &verdict, false, text);
}

/* False: FAIL has been applied. */
static bool save(struct oq_transfer *transfer, struct oq_file *next)
{
    struct oq_error err;
    oq_error_init(&err);
    if (oq_transfer_save(transfer, next, &err) == OQ_OK)
        return true;
    oq_transfer_fail_error(transfer, &err);
    return false;
}

/* Marks the source of the bytes bad, if there are others; the next one is used then. */
static void mark_source_bad(const struct oq_transfer *transfer, struct oq_file *next)
{
    struct oq_source_run *run = &oq_transfer_history(transfer)->sources;
    uint32_t count = oq_sources_count(next);
    uint32_t all = count >= 32 ? UINT32_MAX : (UINT32_C(1) << count) - 1;
    if (count == 1)
        return;
    next->bad_sources |= UINT32_C(1) << transfer->source;
    if ((next->bad_sources & all) == all) /* then no one is worse than the others */
        next->bad_sources = 0;
    run->current = (transfer->source + 1) % count;
}

/* REFUTED: the whole file has to come again with the next transfer, which is saved; or FAIL. */
static void refute(struct oq_transfer *transfer, enum oq_net_error error)
{
    struct oq_file next = *oq_transfer_file(transfer);
    bool may_repeat = oq_sources_may_repeat(next.mismatches + 1, oq_sources_count(&next));
    next.mismatches++;
    oq_file_forget_bytes(&next, false);
    mark_source_bad(transfer, &next);
    if (!save(transfer, &next))
        return;
    transfer->written_bytes = 0; /* so that nothing of it is flushed and trusted once more */
    transfer->buffered = 0;
    if (!may_repeat) {
        give_up(transfer, error);
        return;
    }
    oq_transfer_log(transfer, OQ_LOG_WARNING,
                    "the hash of what came in is wrong; the file is fetched again from the start");
    oq_transfer_apply(transfer, OQ_TRANSFER_EV_REFUTED, NULL);
}

void oq_verify_begin(struct oq_transfer *transfer)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    const struct oq_expectations *expectations = file->expectations;
    struct oq_error err;
    oq_error_init(&err);
    if (!transfer->context->hash || !oq_sources_must_check(file)) {
        oq_transfer_apply(transfer, OQ_TRANSFER_EV_FETCHED, NULL);
        return;
    }
    if (transfer->written_bytes != file->size_bytes || file->done_bytes != file->size_bytes) {
        struct oq_file next = *file;
        next.size_bytes = next.done_bytes = transfer->written_bytes;
        if (!save(transfer, &next))
            return;
    }
    bool is_size_wrong =
        expectations && ((expectations->size_bytes != OQ_SIZE_UNKNOWN &&
                          expectations->size_bytes != file->size_bytes) ||
                         (expectations->pieces.kind != OQ_HASH_NONE &&
                          oq_pieces_count(file->size_bytes, expectations->pieces.piece_bytes) !=
                              expectations->pieces.count));
    if (is_size_wrong)
        refute(transfer, OQ_NET_WRONG_SIZE);
    else if (!file->digest && !oq_sources_has_hash(file))
        oq_transfer_apply(transfer, OQ_TRANSFER_EV_FETCHED, NULL);
    else if (verification_new(transfer, &err) == OQ_OK && submit_slice(transfer, &err) == OQ_OK)
        oq_transfer_apply(transfer, OQ_TRANSFER_EV_VERIFY, NULL);
    else
        oq_transfer_fail_error(transfer, &err);
}

/* --- bad pieces ------------------------------------------------------------------------------- */

/* Requests the bytes from `first` to the end of the run. */
static void request_pieces(struct oq_transfer *transfer, uint64_t first)
{
    struct oq_error err;
    struct oq_net_request request = {.offset_bytes = first,
                                     .end_bytes = transfer->verification->last_byte + 1};
    oq_error_init(&err);
    transfer->written_bytes = first;
    transfer->buffered = 0;
    if (oq_transfer_request(transfer, &request, &err) != OQ_OK)
        oq_transfer_fail_error(transfer, &err);
    else if (transfer->state != OQ_TRANSFER_REPAIRING)
        oq_transfer_apply(transfer, OQ_TRANSFER_EV_REPAIR, NULL);
}

static void run_flush(void *argument)
{
    struct oq_transfer *transfer = argument;
    const struct oq_file_port *files = transfer->context->files;
    transfer->work.status = files->flush(files->ctx, transfer->file, &transfer->work.error);
}

static void on_repaired(void *argument)
{
    struct oq_transfer *transfer = argument;
    struct oq_file next = *oq_transfer_file(transfer);
    struct oq_error err;
    enum oq_status status = oq_transfer_take_work(transfer, &err);
    if (transfer->state == OQ_TRANSFER_STOPPING) {
        oq_transfer_work_over(transfer);
        return;
    }
    next.mismatches++; /* from now on it counts that these pieces were fetched once more */
    if (status != OQ_OK) {
        oq_transfer_fail_error(transfer, &err);
    } else if (save(transfer, &next)) {
        oq_verify_free(transfer);
        transfer->written_bytes = next.size_bytes;
        oq_verify_begin(transfer);
    }
    oq_transfer_act(transfer);
}

/* The next run of bad pieces, or the end of the repair. */
static void repair_next(struct oq_transfer *transfer)
{
    struct oq_verification *verification = transfer->verification;
    struct oq_error err;
    uint64_t first = 0;
    oq_error_init(&err);
    if (oq_pieces_next_run(verification->bad, verification->pieces.count,
                           verification->pieces.piece_bytes, verification->size_bytes,
                           &verification->next_piece, &first, &verification->last_byte))
        request_pieces(transfer, first);
    else if (oq_transfer_submit(transfer, OQ_WORK_FLUSH, run_flush, on_repaired, &err) != OQ_OK)
        oq_transfer_fail_error(transfer, &err);
}

static void on_proxy_resolved(void *argument)
{
    struct oq_transfer *transfer = argument;
    struct oq_error unused;
    (void)oq_transfer_take_work(transfer, &unused);
    oq_free(transfer->proxy);
    transfer->proxy = transfer->work.proxy;
    if (transfer->state == OQ_TRANSFER_STOPPING) {
        oq_transfer_work_over(transfer);
        return;
    }
    repair_next(transfer);
    oq_transfer_act(transfer);
}

/* Another source may be behind another proxy. */
static void resolve_proxy(struct oq_transfer *transfer)
{
    const char *url = oq_sources_url(oq_transfer_file(transfer), transfer->source);
    struct oq_error err;
    oq_error_init(&err);
    if (oq_transfer_resolve_proxy(transfer, url, on_proxy_resolved, &err) == OQ_OK)
        oq_transfer_apply(transfer, OQ_TRANSFER_EV_RESOLVE, NULL);
    else
        oq_transfer_fail_error(transfer, &err);
}

static void repair(struct oq_transfer *transfer)
{
    struct oq_file next = *oq_transfer_file(transfer);
    struct oq_source_run *run = &oq_transfer_history(transfer)->sources;
    uint32_t count = oq_sources_count(&next);
    char text[128];
    snprintf(text, sizeof text, "%u of %u pieces are damaged and are fetched again",
             transfer->verification->bad_count, transfer->verification->pieces.count);
    oq_transfer_log(transfer, OQ_LOG_WARNING, text);
    if (!oq_sources_may_repeat(next.mismatches + 1, count)) {
        give_up(transfer, OQ_NET_WRONG_HASH);
        return;
    }
    if (count > 1) {
        mark_source_bad(transfer, &next);
        if (!save(transfer, &next))
            return;
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

bool oq_verify_header_complete(struct oq_transfer *transfer)
{
    const struct oq_file *file = oq_transfer_file(transfer);
    struct oq_source_run *run = &oq_transfer_history(transfer)->sources;
    uint64_t expected_bytes = transfer->verification->last_byte + 1 - transfer->written_bytes;
    bool is_transient = false;
    struct oq_http_request request = {
        .offset_bytes = transfer->written_bytes, .size_bytes = file->size_bytes, .is_hashed = true};
    struct oq_http_decision decision = oq_http_judge(&request, oq_response_complete(transfer));
    if (decision.verdict == OQ_HTTP_FAIL) {
        oq_response_fail(transfer, &decision);
        return false;
    }
    if (decision.verdict == OQ_HTTP_APPEND && decision.total_bytes == file->size_bytes &&
        decision.body_bytes <= expected_bytes) {
        transfer->end_bytes = transfer->written_bytes + decision.body_bytes;
        return true;
    }
    /* It sends no parts, or has another version. The next source may be better; without one, all of
     * the file has to come. */
    if (oq_sources_count(file) > 1 &&
        oq_sources_leave(run, oq_sources_count(file), file->bad_sources, OQ_LEAVE_FAILED,
                         &is_transient) == OQ_NEXT_SOURCE)
        oq_transfer_apply(transfer, OQ_TRANSFER_EV_STOP, NULL);
    else
        refute(transfer, OQ_NET_WRONG_HASH);
    return false;
}

void oq_verify_on_done(struct oq_transfer *transfer, enum oq_net_error error, const char *text)
{
    if (error == OQ_NET_NONE && oq_transfer_position(transfer) != transfer->end_bytes)
        error = OQ_NET_CUT;
    if (error != OQ_NET_NONE) { /* what came is written: the next hashing will find it good */
        struct oq_verdict verdict = oq_errors_net(error);
        char sentence[256];
        snprintf(sentence, sizeof sentence, "%s (%s)", oq_errors_describe_net(error), text);
        oq_transfer_fail(transfer, &verdict, true, sentence);
        return;
    }
    oq_transfer_close_request(transfer);
    if (!oq_transfer_write_out(transfer))
        return;
    if (transfer->written_bytes <= transfer->verification->last_byte)
        request_pieces(transfer, transfer->written_bytes); /* the server sent less than requested */
    else
        repair_next(transfer);
}

/* --- the result ------------------------------------------------------------------------------- */

static enum oq_net_error compare(const struct oq_transfer *transfer)
{
    const struct oq_verification *verification = transfer->verification;
    const struct oq_file *file = oq_transfer_file(transfer);
    const struct oq_expectations *expectations = file->expectations;
    struct oq_digest digest;
    if (expectations && expectations->has_sha256 &&
        memcmp(expectations->sha256, verification->values[OQ_HASH_SHA256], OQ_SHA256_BYTES) != 0)
        return OQ_NET_WRONG_HASH;
    if (file->digest && oq_digest_parse_hex(file->digest, &digest) == OQ_OK &&
        memcmp(digest.value, verification->values[digest.kind], oq_hash_size(digest.kind)) != 0) {
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
    const struct oq_verification *verification = transfer->verification;
    struct oq_error err;
    enum oq_status status = oq_transfer_take_work(transfer, &err);
    if (transfer->state == OQ_TRANSFER_STOPPING) {
        oq_transfer_work_over(transfer);
        return;
    }
    if (status == OQ_OK && verification->at_bytes < verification->size_bytes) {
        status = submit_slice(transfer, &err);
        if (status == OQ_OK)
            return;
    }
    if (status != OQ_OK) {
        oq_transfer_fail_error(transfer, &err);
    } else if (verification->bad_count > 0 && verification->pieces.count > 1) {
        repair(transfer);
    } else { /* the only piece is the whole file */
        enum oq_net_error error =
            verification->bad_count > 0 ? OQ_NET_WRONG_HASH : compare(transfer);
        if (error == OQ_NET_NONE) {
            oq_transfer_log(transfer, OQ_LOG_INFO, "all bytes are there, and their hash is right");
            oq_transfer_apply(transfer, OQ_TRANSFER_EV_FETCHED, NULL);
        } else {
            refute(transfer, error);
        }
    }
    oq_transfer_act(transfer);
}
