/* fake_sources.c - the functions of oq_engine_sources.h that service/com calls, scripted and
 * recorded by `fake_sources`. */
#include "fake_sources.h"

#include "oq_alloc.h"

struct fake_sources fake_sources;

static enum oq_status asked(struct oq_engine *engine, enum fake_function function,
                            const struct oq_caller *caller, int64_t group, uint32_t index,
                            struct oq_error *err)
{
    fake_sources.index = index;
    return fake_engine_asked(engine, function, caller, group, err);
}

enum oq_status oq_engine_set_hash(struct oq_engine *engine, const struct oq_caller *caller,
                                  int64_t group, uint32_t index, const uint8_t *sha256,
                                  uint64_t size_bytes, struct oq_error *err)
{
    fake_sources.has_sha256 = sha256;
    if (sha256)
        memcpy(fake_sources.sha256, sha256, OQ_SHA256_BYTES);
    fake_sources.size_bytes = size_bytes;
    return asked(engine, FAKE_SET_HASH, caller, group, index, err);
}

enum oq_status oq_engine_set_pieces(struct oq_engine *engine, const struct oq_caller *caller,
                                    int64_t group, uint32_t index, const struct oq_pieces *pieces,
                                    struct oq_error *err)
{
    fake_sources.pieces = *pieces;
    fake_sources.first_byte = pieces->count > 0 ? pieces->hashes[0] : 0;
    return asked(engine, FAKE_SET_PIECES, caller, group, index, err);
}

enum oq_status oq_engine_add_source(struct oq_engine *engine, const struct oq_caller *caller,
                                    int64_t group, uint32_t index, const char *url,
                                    struct oq_error *err)
{
    snprintf(fake_sources.url, sizeof fake_sources.url, "%s", url);
    return asked(engine, FAKE_ADD_SOURCE, caller, group, index, err);
}

enum oq_status oq_engine_set_url(struct oq_engine *engine, const struct oq_caller *caller,
                                 int64_t group, uint32_t index, uint32_t source, const char *url,
                                 struct oq_error *err)
{
    fake_sources.source = source;
    snprintf(fake_sources.url, sizeof fake_sources.url, "%s", url);
    return asked(engine, FAKE_SET_URL, caller, group, index, err);
}

enum oq_status oq_engine_view_source(struct oq_engine *engine, const struct oq_caller *caller,
                                     int64_t group, uint32_t index, uint32_t source,
                                     struct oq_source_view *view, struct oq_error *err)
{
    enum oq_status status = asked(engine, FAKE_VIEW_SOURCE, caller, group, index, err);
    fake_sources.source = source;
    if (status != OQ_OK)
        return status;
    char *url = oq_strdup("http://mirror/");
    if (!url)
        return OQ_E_NOMEM;
    *view = (struct oq_source_view){.url = url, .state = fake_sources.state};
    return OQ_OK;
}

/* Each byte of the hashes is the first one. */
enum oq_status oq_engine_view_pieces(struct oq_engine *engine, const struct oq_caller *caller,
                                     int64_t group, uint32_t index, struct oq_pieces *pieces,
                                     struct oq_error *err)
{
    enum oq_status status = asked(engine, FAKE_VIEW_PIECES, caller, group, index, err);
    if (status != OQ_OK)
        return status;
    size_t size = (size_t)fake_sources.pieces.count * oq_hash_size(fake_sources.pieces.kind);
    uint8_t *hashes = oq_malloc(size);
    if (!hashes)
        return OQ_E_NOMEM;
    memset(hashes, fake_sources.first_byte, size);
    *pieces = fake_sources.pieces;
    pieces->hashes = hashes;
    return OQ_OK;
}
