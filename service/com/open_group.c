/* open_group.c - IOpenQmgrGroup, part of a group object and of a job object: what the download is
 * doing, its limit, and what its files must be.
 *
 * Any thread of the apartment. idl/openqmgr_extension.idl says what each method promises.
 */
#include "com_int.h"

#include "oq_alloc.h"
#include "oq_engine_sources.h"

_Static_assert((int)OPENQMGR_HASH_NONE == (int)OQ_HASH_NONE &&
                   (int)OPENQMGR_HASH_SHA1 == (int)OQ_HASH_SHA1 &&
                   (int)OPENQMGR_HASH_SHA256 == (int)OQ_HASH_SHA256 &&
                   (int)OPENQMGR_HASH_SHA512 == (int)OQ_HASH_SHA512 &&
                   (int)OPENQMGR_HASH_MD5 == (int)OQ_HASH_MD5,
               "hash functions have the same numbers inside and outside");

static struct oq_open_group *from_iface(IOpenQmgrGroup *iface)
{
    return CONTAINER_OF(iface, struct oq_open_group, iface);
}

static enum oq_status begin(struct oq_open_group *part, struct oq_call *call)
{
    return oq_call_begin(call, part->object->context);
}

/* --- IUnknown: the object's own --------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE open_group_QueryInterface(IOpenQmgrGroup *iface, REFIID iid,
                                                           void **out)
{
    return oq_object_query(from_iface(iface)->object, iid, out);
}

static ULONG STDMETHODCALLTYPE open_group_AddRef(IOpenQmgrGroup *iface)
{
    return oq_object_ref(from_iface(iface)->object);
}

static ULONG STDMETHODCALLTYPE open_group_Release(IOpenQmgrGroup *iface)
{
    return oq_object_unref(from_iface(iface)->object);
}

/* --- IOpenQmgrGroup --------------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE open_group_GetInfo(IOpenQmgrGroup *iface,
                                                    OPENQMGR_GROUP_INFO *info)
{
    struct oq_open_group *part = from_iface(iface);
    if (!info)
        return E_INVALIDARG;
    *info = (OPENQMGR_GROUP_INFO){0};

    struct oq_call call;
    struct oq_group_summary summary;
    enum oq_status status = begin(part, &call);
    if (status == OQ_OK)
        status = oq_engine_summarise_group(call.engine, call.caller, part->group_id, &summary,
                                           &call.err);
    if (status == OQ_OK)
        status = oq_group_info_of(&summary, info);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE open_group_SetMaxRate(IOpenQmgrGroup *iface,
                                                       UINT64 bytes_per_second)
{
    struct oq_open_group *part = from_iface(iface);
    struct oq_call call;
    enum oq_status status = begin(part, &call);
    if (status == OQ_OK)
        status = oq_engine_set_max_rate(call.engine, call.caller, part->group_id, bytes_per_second,
                                        &call.err);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE open_group_GetFile(IOpenQmgrGroup *iface, DWORD index,
                                                    OPENQMGR_FILE_INFO *info, BSTR *name,
                                                    BSTR *temporary_name, BSTR *validator)
{
    struct oq_open_group *part = from_iface(iface);
    if (!info || !name || !temporary_name || !validator)
        return E_INVALIDARG;
    *info = (OPENQMGR_FILE_INFO){0};
    *name = *temporary_name = *validator = NULL;

    struct oq_call call;
    struct oq_group_view group;
    struct oq_file_view file = {0};
    struct oq_checks_view checks = {0};
    BSTR texts[3] = {NULL, NULL, NULL};
    enum oq_status status = begin(part, &call);
    if (status == OQ_OK)
        status = oq_engine_view_group(call.engine, call.caller, part->group_id, &group, &call.err);
    if (status == OQ_OK)
        status =
            oq_engine_view_file(call.engine, call.caller, part->group_id, index, &file, &call.err);
    if (status == OQ_OK)
        status = oq_engine_view_checks(call.engine, call.caller, part->group_id, index, &checks,
                                       &call.err);
    const char *const from[] = {file.local, file.temp_path, file.validator};
    for (size_t i = 0; i < ARRAYSIZE(texts) && status == OQ_OK; i++)
        status = oq_convert_to_bstr(from[i], &texts[i]);
    if (status == OQ_OK)
        status = oq_file_info_of(&group, index, &file, &checks, info);
    if (status == OQ_OK) {
        *name = texts[0];
        *temporary_name = texts[1];
        *validator = texts[2];
    } else {
        for (size_t i = 0; i < ARRAYSIZE(texts); i++)
            SysFreeString(texts[i]);
    }
    oq_file_view_release(&file);
    return oq_call_end(&call, status);
}

static OPENQMGR_SOURCE source_state_of(enum oq_source_state state)
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

static HRESULT STDMETHODCALLTYPE open_group_GetSource(IOpenQmgrGroup *iface, DWORD index,
                                                      DWORD source, OPENQMGR_SOURCE *state,
                                                      BSTR *url)
{
    struct oq_open_group *part = from_iface(iface);
    if (!state || !url)
        return E_INVALIDARG;
    *state = 0;
    *url = NULL;

    struct oq_call call;
    struct oq_source_view view = {0};
    enum oq_status status = begin(part, &call);
    if (status == OQ_OK)
        status = oq_engine_view_source(call.engine, call.caller, part->group_id, index, source,
                                       &view, &call.err);
    if (status == OQ_OK)
        status = oq_convert_to_bstr(view.url, url);
    if (status == OQ_OK)
        *state = source_state_of(view.state);
    oq_free(view.url);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE open_group_AddSource(IOpenQmgrGroup *iface, DWORD index, BSTR url)
{
    struct oq_open_group *part = from_iface(iface);
    char *text = NULL;
    struct oq_call call;
    enum oq_status status = begin(part, &call);
    if (status == OQ_OK)
        status = oq_convert_bstr(url, UINT32_MAX, "the URL", &text, &call.err);
    if (status == OQ_OK)
        status =
            oq_engine_add_source(call.engine, call.caller, part->group_id, index, text, &call.err);
    oq_free(text);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE open_group_SetUrl(IOpenQmgrGroup *iface, DWORD index, DWORD source,
                                                   BSTR url)
{
    struct oq_open_group *part = from_iface(iface);
    char *text = NULL;
    struct oq_call call;
    enum oq_status status = begin(part, &call);
    if (status == OQ_OK)
        status = oq_convert_bstr(url, UINT32_MAX, "the URL", &text, &call.err);
    if (status == OQ_OK)
        status = oq_engine_set_url(call.engine, call.caller, part->group_id, index, source, text,
                                   &call.err);
    oq_free(text);
    return oq_call_end(&call, status);
}

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

static HRESULT STDMETHODCALLTYPE open_group_SetHash(IOpenQmgrGroup *iface, DWORD index, BSTR text,
                                                    UINT64 size_bytes)
{
    struct oq_open_group *part = from_iface(iface);
    uint8_t sha256[OQ_SHA256_BYTES];
    bool has = false;
    struct oq_call call;
    enum oq_status status = begin(part, &call);
    if (status == OQ_OK)
        status = parse_sha256(text, sha256, &has, &call.err);
    if (status == OQ_OK)
        status = oq_engine_set_hash(call.engine, call.caller, part->group_id, index,
                                    has ? sha256 : NULL, size_bytes, &call.err);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE open_group_SetPieces(IOpenQmgrGroup *iface, DWORD index,
                                                      OPENQMGR_HASH kind, UINT64 piece_bytes,
                                                      BSTR hashes)
{
    struct oq_open_group *part = from_iface(iface);
    const UINT length = SysStringByteLen(hashes);
    const size_t size = oq_hash_size((enum oq_hash_kind)kind);
    const bool is_none = kind == OPENQMGR_HASH_NONE;
    if ((!is_none && (size == 0 || length % size != 0)) || length > OQ_PIECES_MAX_BYTES)
        return E_INVALIDARG;
    struct oq_pieces pieces = {.kind = (enum oq_hash_kind)kind,
                               .piece_bytes = piece_bytes,
                               .hashes = (uint8_t *)hashes,
                               .count = is_none ? 0 : (uint32_t)(length / size)};

    struct oq_call call;
    enum oq_status status = begin(part, &call);
    if (status == OQ_OK)
        status = oq_engine_set_pieces(call.engine, call.caller, part->group_id, index, &pieces,
                                      &call.err);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE open_group_GetPieces(IOpenQmgrGroup *iface, DWORD index,
                                                      OPENQMGR_HASH *kind, UINT64 *piece_bytes,
                                                      BSTR *hashes)
{
    struct oq_open_group *part = from_iface(iface);
    if (!kind || !piece_bytes || !hashes)
        return E_INVALIDARG;
    *kind = OPENQMGR_HASH_NONE;
    *piece_bytes = 0;
    *hashes = NULL;

    struct oq_call call;
    struct oq_pieces pieces = {.kind = OQ_HASH_NONE};
    enum oq_status status = begin(part, &call);
    if (status == OQ_OK)
        status = oq_engine_view_pieces(call.engine, call.caller, part->group_id, index, &pieces,
                                       &call.err);
    if (status == OQ_OK)
        status = oq_convert_to_bytes(pieces.hashes,
                                     (size_t)pieces.count * oq_hash_size(pieces.kind), hashes);
    if (status == OQ_OK) {
        *kind = (OPENQMGR_HASH)pieces.kind;
        *piece_bytes = pieces.piece_bytes;
    }
    oq_free(pieces.hashes);
    return oq_call_end(&call, status);
}

/* clang-format off */
static const IOpenQmgrGroupVtbl open_group_vtbl = {
    open_group_QueryInterface,
    open_group_AddRef,
    open_group_Release,
    open_group_GetInfo,
    open_group_SetMaxRate,
    open_group_GetFile,
    open_group_GetSource,
    open_group_AddSource,
    open_group_SetUrl,
    open_group_SetHash,
    open_group_SetPieces,
    open_group_GetPieces,
};
/* clang-format on */

void oq_open_group_init(struct oq_open_group *part, struct oq_object *object, int64_t group_id)
{
    part->iface.lpVtbl = &open_group_vtbl;
    part->object = object;
    part->group_id = group_id;
    object->extension_iid = &IID_IOpenQmgrGroup;
    object->extension = (IUnknown *)&part->iface;
}
