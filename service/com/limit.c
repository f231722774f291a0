/* limit.c - IOpenQmgrLimit: the highest rate of the group or job it is part of.
 *
 * Any thread of the apartment. idl/openqmgr_limit.idl says what each method promises.
 */
#include "com_int.h"

static struct oq_limit_part *from_iface(IOpenQmgrLimit *iface)
{
    return CONTAINER_OF(iface, struct oq_limit_part, iface);
}

/* --- IUnknown: the object's own --------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE limit_QueryInterface(IOpenQmgrLimit *iface, REFIID iid, void **out)
{
    return oq_object_query(from_iface(iface)->object, iid, out);
}

static ULONG STDMETHODCALLTYPE limit_AddRef(IOpenQmgrLimit *iface)
{
    return oq_object_ref(from_iface(iface)->object);
}

static ULONG STDMETHODCALLTYPE limit_Release(IOpenQmgrLimit *iface)
{
    return oq_object_unref(from_iface(iface)->object);
}

/* --- IOpenQmgrLimit --------------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE limit_SetMaxRate(IOpenQmgrLimit *iface, UINT64 bytes_per_second)
{
    struct oq_limit_part *part = from_iface(iface);
    struct oq_call call;
    enum oq_status status = oq_call_begin(&call, part->object->context);
    if (status == OQ_OK)
        status = oq_engine_set_max_rate(call.engine, call.caller, part->group_id, bytes_per_second,
                                        &call.err);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE limit_GetMaxRate(IOpenQmgrLimit *iface, UINT64 *bytes_per_second)
{
    struct oq_limit_part *part = from_iface(iface);
    if (!bytes_per_second)
        return E_INVALIDARG;
    *bytes_per_second = 0;

    struct oq_group_view view;
    HRESULT hr = oq_group_view(part->object->context, part->group_id, &view);
    if (SUCCEEDED(hr))
        *bytes_per_second = view.max_bytes_per_s;
    return hr;
}

/* clang-format off */
static const IOpenQmgrLimitVtbl limit_vtbl = {
    limit_QueryInterface,
    limit_AddRef,
    limit_Release,
    limit_SetMaxRate,
    limit_GetMaxRate,
};
/* clang-format on */

void oq_limit_part_init(struct oq_limit_part *part, struct oq_object *object, int64_t group_id)
{
    part->iface.lpVtbl = &limit_vtbl;
    part->object = object;
    part->group_id = group_id;
    object->limit = (IUnknown *)&part->iface;
}
