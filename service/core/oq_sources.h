/* oq_sources.h - sources of a file (URL and mirrors), the expected size and hashes, and which
 * source is requested next.
 *
 * Pure but for the allocator; any thread. A file has one or more sources: number 0 is the URL it
 * was added with, 1 and up are its mirrors in the order they were added. docs/sources.md has all of
 * it.
 */
#ifndef OQ_SOURCES_H
#define OQ_SOURCES_H

#include "oq_digest.h"

struct oq_file;

#define OQ_SOURCES_MAX 32           /* of one file, the first included: sets are bits of 32 */
#define OQ_NO_SOURCE UINT32_MAX     /* file.source: none, the bytes have no validator */
#define OQ_PIECES_MAX_BYTES 8388608 /* of hashes: 262,144 pieces with SHA-256 */

/* Hashes of the file's pieces: all of piece_bytes, but the last, which may be shorter (RFC 5854,
 * 4.2.15). */
struct oq_pieces {
    enum oq_hash_kind kind; /* OQ_HASH_NONE: there are none */
    uint64_t piece_bytes;
    uint32_t count;
    uint8_t *hashes; /* owned: count values of oq_hash_size(kind) bytes, in order */
};

/* What a client expects of a file, besides its two names. */
struct oq_expectations {
    char **mirrors; /* URLs of the sources 1, 2, ... */
    uint32_t mirror_count;
    bool has_sha256;
    uint8_t sha256[OQ_SHA256_BYTES]; /* of the whole file */
    uint64_t size_bytes;             /* that it must have, or OQ_SIZE_UNKNOWN */
    struct oq_pieces pieces;
};

/* New and empty, size unknown; NULL when out of memory. */
struct oq_expectations *oq_expectations_new(void);
void oq_expectations_free(struct oq_expectations *expectations); /* NULL is allowed */
/* A deep copy (of an empty one for NULL), NULL when out of memory. */
struct oq_expectations *oq_expectations_copy(const struct oq_expectations *expectations);
/* OQ_E_NOMEM; the text is copied. The caller has looked at the limit. */
OQ_MUST_CHECK enum oq_status oq_expectations_add_mirror(struct oq_expectations *expectations,
                                                        const char *url);
/* Copies the hashes; kind OQ_HASH_NONE forgets them. OQ_E_INVALID_ARG, with the sentence of
 * oq_pieces_check. */
OQ_MUST_CHECK enum oq_status oq_expectations_set_pieces(struct oq_expectations *expectations,
                                                        const struct oq_pieces *pieces,
                                                        struct oq_error *err);
/* What expectations must promise, as oq_group_check has it: the first broken one, or NULL. */
const char *oq_expectations_check(const struct oq_expectations *expectations);
/* The most bytes that the file can have: its size, else what the pieces cover; OQ_SIZE_UNKNOWN if
 * neither says. expectations may be NULL. */
uint64_t oq_expectations_size_limit(const struct oq_expectations *expectations);

/* --- pieces ----------------------------------------------------------------------------------- */

/* The one validation of what a client says of a file's bytes, used by every entrance: a call, a
 * Metalink, an import, the database. The first broken promise as a sentence, or NULL:
 * - size_bytes is OQ_SIZE_UNKNOWN or at most OQ_HTTP_SIZE_MAX;
 * - of no kind: nothing else counts;
 * - a piece has 1 to OQ_HTTP_SIZE_MAX bytes, and the last one begins below OQ_HTTP_SIZE_MAX;
 * - all hashes together have at most OQ_PIECES_MAX_BYTES;
 * - the number of pieces is that of the size, and not 0 where the size is unknown. */
const char *oq_pieces_check(const struct oq_pieces *pieces, uint64_t size_bytes);
/* How many pieces a file of that size has; UINT64_MAX if piece_bytes is 0. An empty file has none.
 */
uint64_t oq_pieces_count(uint64_t size_bytes, uint64_t piece_bytes);
/* Bytes of piece `index` of a file of that size; 0 beyond its end. */
uint64_t oq_pieces_length(uint64_t size_bytes, uint64_t piece_bytes, uint32_t index);

/* Sets of pieces: one bit each, (count + 7) / 8 bytes. */
bool oq_pieces_is_in(const uint8_t *set, uint32_t index);
void oq_pieces_put(uint8_t *set, uint32_t index);
/* The next run of neighbouring pieces of the set, from piece *next on: the bytes first..last of the
 * file. *next is then the piece behind it. False when there is none. */
bool oq_pieces_next_run(const uint8_t *set, uint32_t count, uint64_t piece_bytes,
                        uint64_t size_bytes, uint32_t *next, uint64_t *first, uint64_t *last);

/* --- sources ---------------------------------------------------------------------------------- */

uint32_t oq_sources_count(const struct oq_file *file);
/* Borrowed; the first one for a number that is none. */
const char *oq_sources_url(const struct oq_file *file, uint32_t source);

/* Is there a hash that decides about the bytes in the end, from whichever source? A size alone is
 * none, and a server's own Digest field neither. */
bool oq_sources_has_hash(const struct oq_file *file);
/* Must the file be verified before it counts as fetched? */
bool oq_sources_must_check(const struct oq_file *file);

/* Which source is requested, and which were left since the last success. In memory only: after a
 * restart of the service all are tried again but those in file.bad_sources, whose bytes failed
 * verification. */
struct oq_source_run {
    uint32_t current;
    uint32_t failed, slow, other; /* sets of sources: bit n for number n */
    bool is_any_transient;        /* one of those that failed may be back later */
    bool is_started;              /* current has been chosen once */
    uint32_t rounds;              /* in which every source was left, since the last progress */
};

/* The source to request now: the current one, else the next in the circle that was neither left nor
 * is bad; when there is none, one that is only slow; then one that is only bad; then any. */
uint32_t oq_sources_pick(const struct oq_source_run *run, uint32_t count, uint32_t bad);

enum oq_leave {
    OQ_LEAVE_FAILED, /* it cannot be reached, or responds with an error */
    OQ_LEAVE_SLOW,
    OQ_LEAVE_OTHER, /* it has another version than the bytes that are there, which no hash covers */
};

enum oq_next {
    OQ_NEXT_SOURCE, /* request run->current at once */
    OQ_NEXT_ROUND,  /* all were left: wait as after a failure, then request run->current; if none of
                       the failures was transient there is nothing to wait for */
    OQ_NEXT_STAY    /* SLOW: the others are no better; OTHER: take its version, from zero */
};

/* OTHER versions are taken only after this many rounds without progress: until then the source that
 * has the bytes' version may come back, and nothing is lost. */
#define OQ_SOURCES_ROUNDS 3

/* Leaves the current source. *is_transient, in and out, is about the failure: out, on
 * OQ_NEXT_ROUND, whether any of the round was transient. */
enum oq_next oq_sources_leave(struct oq_source_run *run, uint32_t count, uint32_t bad,
                              enum oq_leave why, bool *is_transient);
/* Bytes have been saved: the current source is good, failures are forgotten; slow ones stay slow.
 */
void oq_sources_progress(struct oq_source_run *run);

/* After the bytes of a file failed verification for the n-th time (n = mismatches, from 1): may
 * they be fetched again? Once if there is a single source, else as often as there are sources. */
bool oq_sources_may_repeat(uint32_t mismatches, uint32_t count);

#endif
