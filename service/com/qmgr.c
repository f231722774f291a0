/* qmgr.c - IBackgroundCopyQMgr and IOpenQmgrPeek: the queue as a client sees it. Holds nothing but
 * the way to the engine.
 *
 * Any thread of the apartment. idl/openqmgr.idl says what each method promises.
 */
#include "com_int.h"

#include "oq_alloc.h"

struct qmgr {
    IBackgroundCopyQMgr iface;
    IOpenQmgrPeek peek;
    struct oq_object object;
    struct oq_open_manager extension;
};

static struct qmgr *from_iface(IBackgroundCopyQMgr *iface)
{
    return CONTAINER_OF(iface, struct qmgr, iface);
}

/* --- IUnknown --------------------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE qmgr_QueryInterface(IBackgroundCopyQMgr *iface, REFIID iid,
                                                     void **out)
{
    struct qmgr *qmgr = from_iface(iface);
    if (!out || !iid || !IsEqualIID(iid, &IID_IOpenQmgrPeek))
        return oq_object_query(&qmgr->object, iid, out);
    *out = &qmgr->peek;
    oq_object_ref(&qmgr->object);
    return S_OK;
}

static ULONG STDMETHODCALLTYPE qmgr_AddRef(IBackgroundCopyQMgr *iface)
{
    return oq_object_ref(&from_iface(iface)->object);
}

static ULONG STDMETHODCALLTYPE qmgr_Release(IBackgroundCopyQMgr *iface)
{
    return oq_object_unref(&from_iface(iface)->object);
}

/* --- IBackgroundCopyQMgr ---------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE qmgr_CreateGroup(IBackgroundCopyQMgr *iface, GUID group_guid,
                                                  IBackgroundCopyGroup **out)
{
    return oq_group_open(from_iface(iface)->object.context, &group_guid, oq_engine_create_group,
                         out);
}

static HRESULT STDMETHODCALLTYPE qmgr_GetGroup(IBackgroundCopyQMgr *iface, GUID group_guid,
                                               IBackgroundCopyGroup **out)
{
    return oq_group_open(from_iface(iface)->object.context, &group_guid, oq_engine_get_group, out);
}

static HRESULT STDMETHODCALLTYPE qmgr_EnumGroups(IBackgroundCopyQMgr *iface, DWORD flags,
                                                 IEnumBackgroundCopyGroups **out)
{
    struct qmgr *qmgr = from_iface(iface);
    if (!out)
        return E_INVALIDARG;
    *out = NULL;
    if (flags != 0)
        return E_NOTIMPL;

    struct oq_call call;
    struct oq_guid *guids = NULL;
    size_t count = 0;
    enum oq_status status = oq_call_begin(&call, qmgr->object.context);
    if (status == OQ_OK)
        status = oq_engine_list_groups(call.engine, call.caller, &guids, &count, &call.err);
    if (status == OQ_OK)
        status = oq_enum_groups_new(qmgr->object.context, guids, count, out);
    oq_free(guids);
    return oq_call_end(&call, status);
}

/* clang-format off */
static const IBackgroundCopyQMgrVtbl qmgr_vtbl = {
    qmgr_QueryInterface,
    qmgr_AddRef,
    qmgr_Release,
    qmgr_CreateGroup,
    qmgr_GetGroup,
    qmgr_EnumGroups,
};
/* clang-format on */

/* --- IOpenQmgrPeek ---------------------------------------------------------------------------- */

static struct qmgr *from_peek(IOpenQmgrPeek *iface)
{
    return CONTAINER_OF(iface, struct qmgr, peek);
}

static HRESULT STDMETHODCALLTYPE peek_QueryInterface(IOpenQmgrPeek *iface, REFIID iid, void **out)
{
    return qmgr_QueryInterface(&from_peek(iface)->iface, iid, out);
}

static ULONG STDMETHODCALLTYPE peek_AddRef(IOpenQmgrPeek *iface)
{
    return oq_object_ref(&from_peek(iface)->object);
}

static ULONG STDMETHODCALLTYPE peek_Release(IOpenQmgrPeek *iface)
{
    return oq_object_unref(&from_peek(iface)->object);
}

static HRESULT STDMETHODCALLTYPE peek_PeekGroup(IOpenQmgrPeek *iface, GUID group_guid,
                                                IBackgroundCopyGroup **out)
{
    return oq_group_open(from_peek(iface)->object.context, &group_guid, oq_engine_peek_group, out);
}

/* clang-format off */
static const IOpenQmgrPeekVtbl peek_vtbl = {
    peek_QueryInterface,
    peek_AddRef,
    peek_Release,
    peek_PeekGroup,
};
/* clang-format on */

/* --- life ------------------------------------------------------------------------------------- */

static void qmgr_free(struct oq_object *object)
{
    oq_free(CONTAINER_OF(object, struct qmgr, object));
}

static const struct oq_object_class qmgr_class = {.iid = &IID_IBackgroundCopyQMgr,
                                                  .free = qmgr_free};

enum oq_status oq_qmgr_new(struct oq_context *context, IBackgroundCopyQMgr **out)
{
    struct qmgr *qmgr = oq_calloc(1, sizeof *qmgr);
    if (!qmgr)
        return OQ_E_NOMEM;
    qmgr->iface.lpVtbl = &qmgr_vtbl;
    qmgr->peek.lpVtbl = &peek_vtbl;
    oq_object_init(&qmgr->object, context, &qmgr_class, (IUnknown *)&qmgr->iface, NULL);
    oq_open_manager_init(&qmgr->extension, &qmgr->object);
    *out = &qmgr->iface;
    return OQ_OK;
}
