/* sources.c - see oq_sources.h. */
#include "oq_sources.h"

#include "oq_alloc.h"
#include "oq_http.h"
#include "oq_model.h"

#include <string.h>

/* --- expectations ----------------------------------------------------------------------------- */

struct oq_expectations *oq_expectations_new(void)
{
    struct oq_expectations *expectations = oq_calloc(1, sizeof *expectations);

    if (expectations)
        expectations->size_bytes = OQ_SIZE_UNKNOWN;
    return expectations;
}

void oq_expectations_free(struct oq_expectations *expectations)
{
    if (!expectations)
        return;
    for (uint32_t i = 0; i < expectations->mirror_count; i++)
        oq_free(expectations->mirrors[i]);
    oq_free(expectations->mirrors);
    oq_free(expectations->pieces.hashes);
    oq_free(expectations);
}

enum oq_status oq_expectations_add_mirror(struct oq_expectations *expectations, const char *url)
{
    char **longer = oq_realloc(expectations->mirrors,
                               ((size_t)expectations->mirror_count + 1) * sizeof *longer);

    if (!longer)
        return OQ_E_NOMEM;
    expectations->mirrors = longer;
    longer[expectations->mirror_count] = oq_strdup(url);
    if (!longer[expectations->mirror_count])
        return OQ_E_NOMEM;
    expectations->mirror_count++;
    return OQ_OK;
}

static size_t hashes_size(const struct oq_pieces *pieces)
{
    return (size_t)pieces->count * oq_hash_size(pieces->kind);
}

const char *oq_pieces_check(const struct oq_pieces *pieces, uint64_t size_bytes)
{
    if (size_bytes != OQ_SIZE_UNKNOWN && size_bytes > OQ_HTTP_SIZE_MAX)
        return "no file has that many bytes";
    if (pieces->kind == OQ_HASH_NONE)
        return NULL;
    if (oq_hash_size(pieces->kind) == 0)
        return "the pieces have hashes of an unknown kind";
    if (pieces->piece_bytes == 0)
        return "a piece has no bytes";
    if (pieces->piece_bytes > OQ_HTTP_SIZE_MAX)
        return "no piece has that many bytes";
    if (pieces->count > OQ_PIECES_MAX_BYTES / oq_hash_size(pieces->kind))
        return "there are too many pieces";
    if (size_bytes != OQ_SIZE_UNKNOWN)
        return oq_pieces_count(size_bytes, pieces->piece_bytes) == pieces->count
                   ? NULL
                   : "the number of pieces does not fit the size of the file";
    if (pieces->count == 0)
        return "the list of pieces is empty, and the size of the file is not known to be 0";
    if (pieces->count > oq_pieces_count(OQ_HTTP_SIZE_MAX, pieces->piece_bytes))
        return "no file has that many bytes";
    return NULL;
}

enum oq_status oq_expectations_set_pieces(struct oq_expectations *expectations,
                                          const struct oq_pieces *pieces, struct oq_error *err)
{
    const char *broken = oq_pieces_check(pieces, expectations->size_bytes);
    uint8_t *hashes = NULL;

    if (broken)
        return oq_error_set(err, OQ_E_INVALID_ARG, "%s", broken);
    if (hashes_size(pieces) > 0) {
        hashes = oq_malloc(hashes_size(pieces));
        if (!hashes)
            return oq_error_set(err, OQ_E_NOMEM, "out of memory");
        memcpy(hashes, pieces->hashes, hashes_size(pieces));
    }
    oq_free(expectations->pieces.hashes);
    expectations->pieces = *pieces;
    expectations->pieces.hashes = hashes;
    if (pieces->kind == OQ_HASH_NONE)
        expectations->pieces = (struct oq_pieces){.kind = OQ_HASH_NONE};
    return OQ_OK;
}

struct oq_expectations *oq_expectations_copy(const struct oq_expectations *expectations)
{
    struct oq_expectations *copy = oq_expectations_new();

    if (!copy || !expectations)
        return copy;
    copy->has_sha256 = expectations->has_sha256;
    memcpy(copy->sha256, expectations->sha256, sizeof copy->sha256);
    copy->size_bytes = expectations->size_bytes;
    if (oq_expectations_set_pieces(copy, &expectations->pieces, NULL) != OQ_OK)
        goto fail;
    for (uint32_t i = 0; i < expectations->mirror_count; i++) {
        if (oq_expectations_add_mirror(copy, expectations->mirrors[i]) != OQ_OK)
            goto fail;
    }
    return copy;
fail:
    oq_expectations_free(copy);
    return NULL;
}

const char *oq_expectations_check(const struct oq_expectations *expectations)
{
    if (expectations->mirror_count >= OQ_SOURCES_MAX)
        return "a file has too many sources";
    for (uint32_t i = 0; i < expectations->mirror_count; i++) {
        if (!expectations->mirrors[i] || !expectations->mirrors[i][0])
            return "a source has no URL";
    }
    return oq_pieces_check(&expectations->pieces, expectations->size_bytes);
}

uint64_t oq_expectations_size_limit(const struct oq_expectations *expectations)
{
    uint64_t limit_bytes;

    if (!expectations || expectations->size_bytes != OQ_SIZE_UNKNOWN ||
        expectations->pieces.kind == OQ_HASH_NONE)
        return expectations ? expectations->size_bytes : OQ_SIZE_UNKNOWN;
    if (__builtin_mul_overflow(expectations->pieces.count, expectations->pieces.piece_bytes,
                               &limit_bytes) ||
        limit_bytes > OQ_HTTP_SIZE_MAX)
        return OQ_SIZE_UNKNOWN;
    return limit_bytes;
}

/* --- pieces ----------------------------------------------------------------------------------- */

uint64_t oq_pieces_count(uint64_t size_bytes, uint64_t piece_bytes)
{
    if (piece_bytes == 0)
        return UINT64_MAX;
    return size_bytes / piece_bytes + (size_bytes % piece_bytes != 0);
}

uint64_t oq_pieces_length(uint64_t size_bytes, uint64_t piece_bytes, uint32_t index)
{
    uint64_t first;

    if (__builtin_mul_overflow(piece_bytes, (uint64_t)index, &first) || first >= size_bytes)
        return 0;
    return size_bytes - first < piece_bytes ? size_bytes - first : piece_bytes;
}

bool oq_pieces_is_in(const uint8_t *set, uint32_t index)
{
    return (set[index / 8] >> (index % 8) & 1) != 0;
}

void oq_pieces_put(uint8_t *set, uint32_t index)
{
    set[index / 8] = (uint8_t)(set[index / 8] | 1u << (index % 8));
}

bool oq_pieces_next_run(const uint8_t *set, uint32_t count, uint64_t piece_bytes,
                        uint64_t size_bytes, uint32_t *next, uint64_t *first, uint64_t *last)
{
    uint32_t from = *next;

    while (from < count && !oq_pieces_is_in(set, from))
        from++;
    if (from >= count)
        return false;
    uint32_t to = from;
    while (to < count && oq_pieces_is_in(set, to))
        to++;
    *next = to;
    *first = from * piece_bytes;
    *last = (to - 1) * piece_bytes + oq_pieces_length(size_bytes, piece_bytes, to - 1) - 1;
    return true;
}

/* --- sources ---------------------------------------------------------------------------------- */

uint32_t oq_sources_count(const struct oq_file *file)
{
    return 1 + (file->expectations ? file->expectations->mirror_count : 0);
}

const char *oq_sources_url(const struct oq_file *file, uint32_t source)
{
    if (source == 0 || source >= oq_sources_count(file))
        return file->remote;
    return file->expectations->mirrors[source - 1];
}

bool oq_sources_has_hash(const struct oq_file *file)
{
    return file->expectations &&
           (file->expectations->has_sha256 || file->expectations->pieces.kind != OQ_HASH_NONE);
}

bool oq_sources_must_check(const struct oq_file *file)
{
    return file->digest || oq_sources_has_hash(file) ||
           (file->expectations && file->expectations->size_bytes != OQ_SIZE_UNKNOWN);
}

static uint32_t bit(uint32_t source)
{
    return source < 32 ? UINT32_C(1) << source : 0;
}

static uint32_t all_of(uint32_t count)
{
    return count >= 32 ? UINT32_MAX : (UINT32_C(1) << count) - 1;
}

/* The first of `set` at or behind `from`, around the circle. `set` is not empty. */
static uint32_t first_of(uint32_t set, uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t source = (from + i) % count;
        if (set & bit(source))
            return source;
    }
    return 0;
}

uint32_t oq_sources_pick(const struct oq_source_run *run, uint32_t count, uint32_t bad)
{
    const uint32_t all = all_of(count);
    const uint32_t sets[] = {all & ~(run->failed | run->other | run->slow | bad),
                             all & ~(run->failed | run->other | bad),
                             all & ~(run->failed | run->other), all & ~bad, all};
    uint32_t from = run->current < count ? run->current : 0;

    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if (sets[i] != 0)
            return first_of(sets[i], from, count);
    }
    return 0;
}

/* Every source was left: the next round begins with all of them. */
static enum oq_next end_round(struct oq_source_run *run, uint32_t count, uint32_t bad,
                              bool *is_transient)
{
    *is_transient = run->is_any_transient;
    run->rounds++;
    run->failed = run->other = run->slow = 0;
    run->is_any_transient = false;
    run->current = count > 0 ? (run->current + 1) % count : 0;
    run->current = oq_sources_pick(run, count, bad);
    return OQ_NEXT_ROUND;
}

enum oq_next oq_sources_leave(struct oq_source_run *run, uint32_t count, uint32_t bad,
                              enum oq_leave why, bool *is_transient)
{
    const uint32_t all = all_of(count), self = bit(run->current);
    uint32_t unspoilt = all & ~(run->failed | run->other | run->slow | bad | self);
    uint32_t usable = all & ~(run->failed | run->other | bad | self);
    uint32_t last = all & ~(run->failed | run->other | self); /* bad ones may have become better */

    if (why == OQ_LEAVE_SLOW) {
        if (unspoilt == 0)
            return OQ_NEXT_STAY;
        run->slow |= self;
        run->current = first_of(unspoilt, run->current, count);
        return OQ_NEXT_SOURCE;
    }
    if (why == OQ_LEAVE_OTHER) {
        run->other |= self;
    } else {
        run->failed |= self;
        run->is_any_transient |= *is_transient;
    }
    uint32_t next = unspoilt != 0 ? unspoilt : usable != 0 ? usable : last;
    if (next != 0) {
        run->current = first_of(next, run->current, count);
        return OQ_NEXT_SOURCE;
    }
    if (why == OQ_LEAVE_OTHER && (!run->is_any_transient || run->rounds >= OQ_SOURCES_ROUNDS)) {
        run->other &= ~self;
        return OQ_NEXT_STAY;
    }
    return end_round(run, count, bad, is_transient);
}

void oq_sources_progress(struct oq_source_run *run)
{
    run->failed = run->other = 0;
    run->is_any_transient = false;
    run->rounds = 0;
}

bool oq_sources_may_repeat(uint32_t mismatches, uint32_t count)
{
    return mismatches <= (count > 1 ? count : 1);
}
