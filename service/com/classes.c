/* classes.c - the registrations of our classes with COM.
 *
 * On Windows one registration per class serves all clients, and COM forgets it when the process
 * dies. Wine's COM does not: the entry of a killed service stays with its RPCSS, every further
 * activation is answered with it and fails, and the service is never started again (measured with
 * Wine 8.0: docs/decisions/0010-classes-under-wine.md). An entry for a single use is taken out of
 * the list when it is handed out. So under Wine a class has such an entry, made again for each
 * client that has come by it: what a killed service leaves behind is used up by one attempt, which
 * fails as after any lost service, and the next one starts it.
 *
 * Any thread of the apartment; the lock is held while COM is called, which calls no client.
 */
#include "com_int.h"

#include "oq_alloc.h"
#include "oq_log.h"

#define CLASSES 2
#define RENEWAL_MS 15000u /* an activation under Wine looks for an entry for 30 s */

struct served {
    const CLSID *clsid;
    IClassFactory *factory;
    DWORD cookie;
    bool is_registered;
};

struct oq_classes {
    SRWLOCK lock;
    bool is_single_use;
    struct oq_stub_pin *pin; /* single use only */
    struct served served[CLASSES];
    unsigned count;
};

static void revoke(struct served *served)
{
    if (served->is_registered)
        CoRevokeClassObject(served->cookie);
    served->is_registered = false;
}

static HRESULT enter(struct oq_classes *classes, struct served *served)
{
    DWORD flags = classes->is_single_use ? REGCLS_SINGLEUSE : REGCLS_MULTIPLEUSE;
    revoke(served);
    HRESULT hr =
        CoRegisterClassObject(served->clsid, (IUnknown *)served->factory, CLSCTX_LOCAL_SERVER,
                              flags | REGCLS_SUSPENDED, &served->cookie);
    served->is_registered = SUCCEEDED(hr);
    return hr;
}

enum oq_status oq_classes_new(bool is_single_use, struct oq_classes **out)
{
    struct oq_classes *classes = oq_calloc(1, sizeof *classes);
    if (!classes)
        return OQ_E_NOMEM;
    InitializeSRWLock(&classes->lock);
    classes->is_single_use = is_single_use;
    *out = classes;
    return OQ_OK;
}

HRESULT oq_classes_serve(struct oq_classes *classes, const CLSID *clsid, IClassFactory *factory)
{
    AcquireSRWLockExclusive(&classes->lock);
    if (classes->is_single_use && !classes->pin && oq_stub_pin_new(&classes->pin) != OQ_OK)
        oq_log_warning("no memory for the stub pin");
    struct served *served = &classes->served[classes->count++];
    served->clsid = clsid;
    served->factory = factory;
    IClassFactory_AddRef(factory);
    HRESULT hr = enter(classes, served);
    ReleaseSRWLockExclusive(&classes->lock);
    return hr;
}

void oq_classes_renew(struct oq_classes *classes, const IClassFactory *factory)
{
    if (!classes->is_single_use)
        return;
    AcquireSRWLockExclusive(&classes->lock);
    for (unsigned i = 0; i < classes->count; i++)
        if ((!factory || classes->served[i].factory == factory) &&
            FAILED(enter(classes, &classes->served[i])))
            oq_log_warning("a class could not be registered again");
    if (classes->count > 0)
        CoResumeClassObjects();
    ReleaseSRWLockExclusive(&classes->lock);
}

DWORD oq_classes_renewal_ms(const struct oq_classes *classes)
{
    return classes->is_single_use ? RENEWAL_MS : INFINITE;
}

void oq_classes_close(struct oq_classes *classes)
{
    AcquireSRWLockExclusive(&classes->lock);
    for (unsigned i = 0; i < classes->count; i++) {
        revoke(&classes->served[i]);
        IClassFactory_Release(classes->served[i].factory);
    }
    classes->count = 0;
    oq_stub_pin_free(classes->pin);
    classes->pin = NULL;
    ReleaseSRWLockExclusive(&classes->lock);
}

void oq_classes_free(struct oq_classes *classes)
{
    oq_free(classes);
}
