/* qmgr.c - IBackgroundCopyQMgr: the queue as a client sees it. Holds no state but its context.
 *
 * Any thread of the apartment. idl/openqmgr.idl says what each method promises.
 */
#include "com_int.h"

#include "oq_alloc.h"

struct qmgr {
    IBackgroundCopyQMgr iface;
    struct oq_object object;
    struct oq_open_manager extension;
};

static struct qmgr *from_iface(IBackgroundCopyQMgr *iface)
{
    return CONTAINER_OF(iface, struct qmgr, iface);
}

OQ_IUNKNOWN(IBackgroundCopyQMgr, qmgr, &from_iface(iface)->object)

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
    oq_object_init(&qmgr->object, context, &qmgr_class, (IUnknown *)&qmgr->iface);
    oq_open_manager_init(&qmgr->extension, &qmgr->object);
    *out = &qmgr->iface;
    return OQ_OK;
}
