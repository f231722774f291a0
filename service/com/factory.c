/* factory.c - IClassFactory of the class BackgroundCopyQMgr, under our CLSID and the legacy one
 * alike.
 *
 * Any thread of the apartment. Does not count as an object that keeps the service needed: the
 * registration itself holds one. LockServer does count; but its call fails in some COM run-times
 * (docs on Wine), so a client cannot rely on it.
 */
#include "com_int.h"

#include "oq_alloc.h"

struct factory {
    IClassFactory iface;
    struct oq_object object;
};

static struct factory *from_iface(IClassFactory *iface)
{
    return CONTAINER_OF(iface, struct factory, iface);
}

OQ_IUNKNOWN(IClassFactory, factory, &from_iface(iface)->object)

/* The caller is not asked for here: the object that it gets knows nothing, and each of its methods
 * asks. */
static HRESULT STDMETHODCALLTYPE factory_CreateInstance(IClassFactory *iface, IUnknown *outer,
                                                        REFIID iid, void **out)
{
    struct factory *factory = from_iface(iface);
    if (!out)
        return E_POINTER;
    *out = NULL;
    if (outer)
        return CLASS_E_NOAGGREGATION;

    /* Once the gate is shut COM, or the client, has to activate again. */
    if (!oq_context_enter(factory->object.context)) {
        oq_classes_renew(factory->object.context->classes, iface);
        return CO_E_SERVER_STOPPING;
    }
    IBackgroundCopyQMgr *qmgr = NULL;
    enum oq_status status = oq_qmgr_new(factory->object.context, &qmgr);
    oq_context_leave(factory->object.context);
    if (status != OQ_OK)
        return oq_hresult_of(status, NULL);
    HRESULT hr = IBackgroundCopyQMgr_QueryInterface(qmgr, iid, out);
    IBackgroundCopyQMgr_Release(qmgr);
    oq_classes_renew(factory->object.context->classes, iface);
    return hr;
}

static HRESULT STDMETHODCALLTYPE factory_LockServer(IClassFactory *iface, BOOL is_locked)
{
    struct oq_context *context = from_iface(iface)->object.context;
    atomic_uint *locks = &context->locks;
    if (is_locked) {
        if (!oq_context_enter(context))
            return CO_E_SERVER_STOPPING;
        atomic_fetch_add(locks, 1);
        oq_context_leave(context);
        return S_OK;
    }
    unsigned count = atomic_load(locks);
    while (count > 0 && !atomic_compare_exchange_weak(locks, &count, count - 1))
        ;
    return count > 0 ? S_OK : E_UNEXPECTED;
}

/* clang-format off */
static const IClassFactoryVtbl factory_vtbl = {
    factory_QueryInterface,
    factory_AddRef,
    factory_Release,
    factory_CreateInstance,
    factory_LockServer,
};
/* clang-format on */

static void factory_free(struct oq_object *object)
{
    oq_free(CONTAINER_OF(object, struct factory, object));
}

static const struct oq_object_class factory_class = {
    .iid = &IID_IClassFactory, .is_uncounted = true, .free = factory_free};

enum oq_status oq_factory_new(struct oq_context *context, IClassFactory **out)
{
    struct factory *factory = oq_calloc(1, sizeof *factory);
    if (!factory)
        return OQ_E_NOMEM;
    factory->iface.lpVtbl = &factory_vtbl;
    oq_object_init(&factory->object, context, &factory_class, (IUnknown *)&factory->iface);
    *out = &factory->iface;
    return OQ_OK;
}
