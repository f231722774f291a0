/* sources.c - IOpenQmgrSources: mirrors, hashes and another URL, of the group or job it is part of.
 *
 * Any thread of the apartment. idl/openqmgr_sources.idl says what each method promises.
 */
#include "com_int.h"

#include "oq_alloc.h"
#include "oq_engine_sources.h"

_Static_assert((int)OPENQMGR_HASH_NONE == (int)OQ_HASH_NONE &&
                   (int)OPENQMGR_HASH_SHA1 == (int)OQ_HASH_SHA1 &&
                   (int)OPENQMGR_HASH_SHA256 == (int)OQ_HASH_SHA256 &&
                   (int)OPENQMGR_HASH_SHA512 == (int)OQ_HASH_SHA512,
               "hash functions have the same numbers inside and outside");

static struct oq_sources_part *from_iface(IOpenQmgrSources *iface)
{
    return CONTAINER_OF(iface, struct oq_sources_part, iface);
}

/* --- IUnknown: the object's own --------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE sources_QueryInterface(IOpenQmgrSources *iface, REFIID iid,
                                                        void **out)
{
    return oq_object_query(from_iface(iface)->object, iid, out);
}

static ULONG STDMETHODCALLTYPE sources_AddRef(IOpenQmgrSources *iface)
{
    return oq_object_ref(from_iface(iface)->object);
}

static ULONG STDMETHODCALLTYPE sources_Release(IOpenQmgrSources *iface)
{
    return oq_object_unref(from_iface(iface)->object);
}

/* --- IOpenQmgrSources ------------------------------------------------------------------------- */

/* An empty or NULL text is no hash. */
static enum oq_status parse_sha256(BSTR text, uint8_t sha256[OQ_SHA256_BYTES], bool *has,
                                   struct oq_error *err)
{
    char *narrow = NULL;
    const size_t digits = (size_t)2 * OQ_SHA256_BYTES;
    *has = SysStringLen(text) > 0;
    if (!*has)
        return OQ_OK;
    enum oq_status status = oq_convert_bstr(text, digits, "the SHA-256", &narrow, err);
    if (status == OQ_OK && oq_hex_parse(narrow, strlen(narrow), sha256, OQ_SHA256_BYTES) != OQ_OK)
        status = oq_error_set(err, OQ_E_INVALID_ARG, "a SHA-256 has 64 hexadecimal digits");
    oq_free(narrow);
    return status;
}

static HRESULT STDMETHODCALLTYPE sources_SetHash(IOpenQmgrSources *iface, DWORD index, BSTR text,
                                                 UINT64 size_bytes)
{
    struct oq_sources_part *part = from_iface(iface);
    uint8_t sha256[OQ_SHA256_BYTES];
    bool has = false;
    struct oq_call call;
    enum oq_status status = oq_call_begin(&call, part->object->context);
    if (status == OQ_OK)
        status = parse_sha256(text, sha256, &has, &call.err);
    if (status == OQ_OK)
        status = oq_engine_set_hash(call.engine, call.caller, part->group_id, index,
                                    has ? sha256 : NULL, size_bytes, &call.err);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE sources_SetPieces(
    IOpenQmgrSources *iface, DWORD index, OPENQMGR_HASH kind, UINT64 piece_bytes, DWORD length,
    BYTE *hashes) // NOLINT(readability-non-const-parameter)
{
    struct oq_sources_part *part = from_iface(iface);
    struct oq_pieces pieces = {
        .kind = (enum oq_hash_kind)kind, .piece_bytes = piece_bytes, .hashes = hashes};
    size_t size = oq_hash_size(pieces.kind);
    bool is_none = kind == OPENQMGR_HASH_NONE;
    if ((!is_none && size == 0) || (size > 0 && length % size != 0) || (length > 0 && !hashes) ||
        length > OQ_PIECES_MAX_BYTES)
        return E_INVALIDARG;
    pieces.count = is_none ? 0 : (uint32_t)(length / size);

    struct oq_call call;
    enum oq_status status = oq_call_begin(&call, part->object->context);
    if (status == OQ_OK)
        status = oq_engine_set_pieces(call.engine, call.caller, part->group_id, index, &pieces,
                                      &call.err);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE sources_AddSource(IOpenQmgrSources *iface, DWORD index, BSTR url)
{
    struct oq_sources_part *part = from_iface(iface);
    char *text = NULL;
    struct oq_call call;
    enum oq_status status = oq_call_begin(&call, part->object->context);
    if (status == OQ_OK)
        status = oq_convert_bstr(url, UINT32_MAX, "the URL", &text, &call.err);
    if (status == OQ_OK)
        status =
            oq_engine_add_source(call.engine, call.caller, part->group_id, index, text, &call.err);
    oq_free(text);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE sources_SetUrl(IOpenQmgrSources *iface, DWORD index, DWORD source,
                                                BSTR url)
{
    struct oq_sources_part *part = from_iface(iface);
    char *text = NULL;
    struct oq_call call;
    enum oq_status status = oq_call_begin(&call, part->object->context);
    if (status == OQ_OK)
        status = oq_convert_bstr(url, UINT32_MAX, "the URL", &text, &call.err);
    if (status == OQ_OK)
        status = oq_engine_set_url(call.engine, call.caller, part->group_id, index, source, text,
                                   &call.err);
    oq_free(text);
    return oq_call_end(&call, status);
}

static OPENQMGR_SOURCE state_of(enum oq_source_state state)
{
    switch (state) {
    case OQ_SOURCE_READY:
        return OPENQMGR_SOURCE_READY;
    case OQ_SOURCE_ASKED:
        return OPENQMGR_SOURCE_ASKED;
    case OQ_SOURCE_LEFT:
        return OPENQMGR_SOURCE_LEFT;
    case OQ_SOURCE_WRONG:
        break;
    }
    return OPENQMGR_SOURCE_WRONG;
}

static HRESULT STDMETHODCALLTYPE sources_GetSource(IOpenQmgrSources *iface, DWORD index,
                                                   DWORD source, OPENQMGR_SOURCE *state, BSTR *url)
{
    struct oq_sources_part *part = from_iface(iface);
    if (!state || !url)
        return E_INVALIDARG;
    *state = 0;
    *url = NULL;

    struct oq_call call;
    struct oq_source_view view = {0};
    enum oq_status status = oq_call_begin(&call, part->object->context);
    if (status == OQ_OK)
        status = oq_engine_view_source(call.engine, call.caller, part->group_id, index, source,
                                       &view, &call.err);
    if (status == OQ_OK)
        status = oq_convert_to_bstr(view.url, url);
    if (status == OQ_OK)
        *state = state_of(view.state);
    oq_free(view.url);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE sources_GetChecks(IOpenQmgrSources *iface, DWORD index,
                                                   BSTR *sha256, UINT64 *size_bytes,
                                                   OPENQMGR_HASH *piece_kind, UINT64 *piece_bytes,
                                                   DWORD *piece_count, DWORD *mismatches,
                                                   BOOL *is_checking)
{
    struct oq_sources_part *part = from_iface(iface);
    if (!sha256 || !size_bytes || !piece_kind || !piece_bytes || !piece_count || !mismatches ||
        !is_checking)
        return E_INVALIDARG;
    *sha256 = NULL;
    *size_bytes = *piece_bytes = 0;
    *piece_kind = OPENQMGR_HASH_NONE;
    *piece_count = *mismatches = 0;
    *is_checking = FALSE;

    struct oq_call call;
    struct oq_checks_view view = {0};
    char text[OQ_HEX_MAX] = "";
    enum oq_status status = oq_call_begin(&call, part->object->context);
    if (status == OQ_OK)
        status = oq_engine_view_checks(call.engine, call.caller, part->group_id, index, &view,
                                       &call.err);
    if (status == OQ_OK && view.has_sha256)
        oq_hex_format(view.sha256, sizeof view.sha256, text);
    if (status == OQ_OK)
        status = oq_convert_to_bstr(text, sha256);
    if (status == OQ_OK) {
        *size_bytes = view.size_bytes;
        *piece_kind = (OPENQMGR_HASH)view.piece_kind;
        *piece_bytes = view.piece_bytes;
        *piece_count = view.piece_count;
        *mismatches = view.mismatches;
        *is_checking = view.is_checking;
    }
    return oq_call_end(&call, status);
}

/* clang-format off */
static const IOpenQmgrSourcesVtbl sources_vtbl = {
    sources_QueryInterface,
    sources_AddRef,
    sources_Release,
    sources_SetHash,
    sources_SetPieces,
    sources_AddSource,
    sources_SetUrl,
    sources_GetSource,
    sources_GetChecks,
};
/* clang-format on */

void oq_sources_part_init(struct oq_sources_part *part, struct oq_object *object, int64_t group_id)
{
    part->iface.lpVtbl = &sources_vtbl;
    part->object = object;
    part->group_id = group_id;
    object->sources = (IUnknown *)&part->iface;
}
