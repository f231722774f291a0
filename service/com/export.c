/* export.c - IOpenQmgrExport: the owner and the hashes of pieces, of the group or job it is part
 * of.
 *
 * Any thread of the apartment. idl/openqmgr_export.idl says what each method promises.
 */
#include "com_int.h"

#include "oq_alloc.h"
#include "oq_engine_sources.h"

#include <string.h>

static struct oq_export_part *from_iface(IOpenQmgrExport *iface)
{
    return CONTAINER_OF(iface, struct oq_export_part, iface);
}

/* --- IUnknown: the object's own --------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE export_QueryInterface(IOpenQmgrExport *iface, REFIID iid,
                                                       void **out)
{
    return oq_object_query(from_iface(iface)->object, iid, out);
}

static ULONG STDMETHODCALLTYPE export_AddRef(IOpenQmgrExport *iface)
{
    return oq_object_ref(from_iface(iface)->object);
}

static ULONG STDMETHODCALLTYPE export_Release(IOpenQmgrExport *iface)
{
    return oq_object_unref(from_iface(iface)->object);
}

/* --- IOpenQmgrExport -------------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE export_GetOwner(IOpenQmgrExport *iface, BSTR *sid)
{
    struct oq_export_part *part = from_iface(iface);
    if (!sid)
        return E_INVALIDARG;
    *sid = NULL;

    struct oq_group_view view;
    HRESULT hr = oq_group_view(part->object->context, part->group_id, &view);
    if (SUCCEEDED(hr) && oq_convert_to_bstr(view.owner_sid, sid) != OQ_OK)
        hr = E_OUTOFMEMORY;
    return hr;
}

static HRESULT STDMETHODCALLTYPE export_GetPieces(IOpenQmgrExport *iface, DWORD index,
                                                  OPENQMGR_HASH *kind, UINT64 *piece_bytes,
                                                  DWORD *length, BYTE **hashes)
{
    struct oq_export_part *part = from_iface(iface);
    if (!kind || !piece_bytes || !length || !hashes)
        return E_INVALIDARG;
    *kind = OPENQMGR_HASH_NONE;
    *piece_bytes = 0;
    *length = 0;
    *hashes = NULL;

    struct oq_call call;
    struct oq_pieces pieces = {.kind = OQ_HASH_NONE};
    enum oq_status status = oq_call_begin(&call, part->object->context);
    if (status == OQ_OK)
        status = oq_engine_view_pieces(call.engine, call.caller, part->group_id, index, &pieces,
                                       &call.err);
    size_t size = (size_t)pieces.count * oq_hash_size(pieces.kind);
    if (status == OQ_OK && size > 0) {
        *hashes = CoTaskMemAlloc(size);
        status = *hashes ? OQ_OK : OQ_E_NOMEM;
        if (*hashes)
            memcpy(*hashes, pieces.hashes, size);
    }
    if (status == OQ_OK) {
        *kind = (OPENQMGR_HASH)pieces.kind;
        *piece_bytes = pieces.piece_bytes;
        *length = (DWORD)size;
    }
    oq_free(pieces.hashes);
    return oq_call_end(&call, status);
}

/* clang-format off */
static const IOpenQmgrExportVtbl export_vtbl = {
    export_QueryInterface,
    export_AddRef,
    export_Release,
    export_GetOwner,
    export_GetPieces,
};
/* clang-format on */

void oq_export_part_init(struct oq_export_part *part, struct oq_object *object, int64_t group_id)
{
    part->iface.lpVtbl = &export_vtbl;
    part->object = object;
    part->group_id = group_id;
    object->export = (IUnknown *)&part->iface;
}
