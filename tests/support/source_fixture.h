/* source_fixture.h - what the tests about hashes, pieces and mirrors share, beside the engine
 * fixture. */
#ifndef SOURCE_FIXTURE_H
#define SOURCE_FIXTURE_H

#include "engine_fixture.h"
#include "oq_engine_sources.h"

/* SHA-256 of www/<name>, of the whole or of a part. */
void source_sha256(struct fixture *f, const char *name, uint8_t value[OQ_SHA256_BYTES]);
/* Tells the group's file `index` the true hash of www/<name>. */
void source_expect(struct fixture *f, int64_t group, uint32_t index, const char *name);
/* Tells it the true hashes of its pieces. */
void source_expect_pieces(struct fixture *f, int64_t group, uint32_t index, const char *name,
                          uint32_t piece_bytes);
/* Tells it the true hash of another kind, as that of its only piece. */
void source_expect_whole(struct fixture *f, int64_t group, uint32_t index, const char *name,
                         enum oq_hash_kind kind, uint64_t piece_bytes);
void source_add(struct fixture *f, int64_t group, const char *rest);
void source_resume(struct fixture *f, int64_t group);
void source_suspend(struct fixture *f, int64_t group);
/* Until the group is in ERROR; its view. */
struct oq_group_view source_wait_error(struct fixture *f, int64_t group);
/* Bytes of bodies that the server's log says were sent for URLs with that word; requests may still
 * be under way, so it waits until their number is `requests` or more. */
uint64_t source_sent(struct fixture *f, const char *word, unsigned requests);
struct oq_checks_view source_checks(struct fixture *f, int64_t group);

#endif
