/* fake_sources.h - script and record of the calls about sources; see fake_sources.c. */
#ifndef FAKE_SOURCES_H
#define FAKE_SOURCES_H

#include "com_fixture.h"
#include "oq_engine_sources.h"

extern struct fake_sources {
    /* script */
    enum oq_source_state state;
    /* what was asked */
    uint32_t index, source;
    bool has_sha256;
    uint8_t sha256[OQ_SHA256_BYTES];
    uint64_t size_bytes;
    struct oq_pieces pieces; /* its hashes are gone */
    uint8_t first_byte;      /* of them */
    char url[512];
} fake_sources;

#endif
