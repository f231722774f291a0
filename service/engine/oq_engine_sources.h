/* oq_engine_sources.h - calls about the sources of a file and what it must be; like those of
 * oq_engine.h, whose head holds for these too.
 *
 * They are for files that are still to be fetched: OQ_E_INVALID_STATE for one that is FETCHED or
 * FINAL, and for a change of its hashes while they are being looked at. OQ_E_NOT_FOUND for an index
 * beyond the files.
 */
#ifndef OQ_ENGINE_SOURCES_H
#define OQ_ENGINE_SOURCES_H

#include "oq_engine.h"

/* The hash and the size that the file must have; sha256 (32 bytes) NULL and size_bytes
 * OQ_SIZE_UNKNOWN take them back. OQ_E_INVALID_ARG for a size that does not fit the pieces;
 * OQ_E_NOT_SUPPORTED if the engine has no hash port. */
OQ_MUST_CHECK enum oq_status oq_engine_set_hash(struct oq_engine *engine,
                                                const struct oq_caller *caller, int64_t group,
                                                uint32_t index, const uint8_t *sha256,
                                                uint64_t size_bytes, struct oq_error *err);
/* The hashes of its pieces, copied; kind OQ_HASH_NONE takes them back. The errors of
 * oq_expectations_set_pieces; OQ_E_NOT_SUPPORTED. */
OQ_MUST_CHECK enum oq_status oq_engine_set_pieces(struct oq_engine *engine,
                                                  const struct oq_caller *caller, int64_t group,
                                                  uint32_t index, const struct oq_pieces *pieces,
                                                  struct oq_error *err);
/* One more source, behind the others. OQ_E_INVALID_ARG for a URL that AddFiles would refuse,
 * OQ_E_LIMIT_FILES above OQ_SOURCES_MAX. Adding one that is there already changes nothing. */
OQ_MUST_CHECK enum oq_status oq_engine_add_source(struct oq_engine *engine,
                                                  const struct oq_caller *caller, int64_t group,
                                                  uint32_t index, const char *url,
                                                  struct oq_error *err);
/* Another URL for a source, which is then asked next and at once; the bytes stay, and with them
 * their validator. OQ_E_NOT_FOUND for a source that is not there. */
OQ_MUST_CHECK enum oq_status oq_engine_set_url(struct oq_engine *engine,
                                               const struct oq_caller *caller, int64_t group,
                                               uint32_t index, uint32_t source, const char *url,
                                               struct oq_error *err);

enum oq_source_state {
    OQ_SOURCE_READY, /* may be asked */
    OQ_SOURCE_ASKED, /* a request to it is under way */
    OQ_SOURCE_LEFT, /* did not answer, was slow, or has another version; may be asked again later */
    OQ_SOURCE_WRONG /* a hash has refuted its bytes; asked again only if nobody else is left */
};

struct oq_source_view {
    char *url; /* owned: oq_free */
    enum oq_source_state state;
};
/* OQ_E_NOT_FOUND for a source that is not there. */
OQ_MUST_CHECK enum oq_status oq_engine_view_source(struct oq_engine *engine,
                                                   const struct oq_caller *caller, int64_t group,
                                                   uint32_t index, uint32_t source,
                                                   struct oq_source_view *view,
                                                   struct oq_error *err);

/* The hashes of the file's pieces, kind OQ_HASH_NONE if there are none; *pieces only on success,
 * its hashes are the caller's (oq_free). */
OQ_MUST_CHECK enum oq_status oq_engine_view_pieces(struct oq_engine *engine,
                                                   const struct oq_caller *caller, int64_t group,
                                                   uint32_t index, struct oq_pieces *pieces,
                                                   struct oq_error *err);

#endif
