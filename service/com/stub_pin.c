/* stub_pin.c - keeps the stubs of our interfaces registered for as long as the service runs.
 *
 * Wine's COM sets up an interface with the RPC run-time when the first object of it is marshalled,
 * takes it down with the last one, and then waits for calls of it that are still under way. When
 * the last object is let go just as its last call returns, Wine can wait for ever, with a lock that
 * every client needs (measured with Wine 8.0: docs/decisions/0013-anchor-under-wine.md). So there
 * is one object that answers to all of our interfaces, is marshalled once for each, and which no
 * client can reach: no interface is ever taken down. Under Wine only; Windows has no need of it.
 */
#include "com_int.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "openqmgr.h"

#include <servprov.h>

static const IID *const interfaces[] = {
    &IID_IUnknown,
    &IID_IClassFactory,
    &IID_IServiceProvider, /* Wine hands out classes through it */
    &IID_IBackgroundCopyQMgr,
    &IID_IBackgroundCopyGroup,
    &IID_IBackgroundCopyJob1,
    &IID_IEnumBackgroundCopyGroups,
    &IID_IEnumBackgroundCopyJobs1,
    &IID_IOpenQmgrManager,
    &IID_IOpenQmgrGroup,
};

/* Answers to the interfaces without having their methods: none is ever called. Lives as long as
 * its owner says; the references that COM holds are not counted. */
struct oq_stub_pin {
    IUnknown face;
};

static HRESULT WINAPI query(IUnknown *self, REFIID iid, void **out)
{
    for (size_t i = 0; i < ARRAYSIZE(interfaces); i++)
        if (IsEqualIID(iid, interfaces[i])) {
            *out = self;
            return S_OK;
        }
    *out = NULL;
    return E_NOINTERFACE;
}

static ULONG WINAPI count(IUnknown *self)
{
    (void)self;
    return 1;
}

static const IUnknownVtbl methods = {query, count, count};

enum oq_status oq_stub_pin_new(struct oq_stub_pin **out)
{
    IStream *stream = NULL;
    struct oq_stub_pin *pin = oq_calloc(1, sizeof *pin);
    if (!pin || FAILED(CreateStreamOnHGlobal(NULL, TRUE, &stream))) {
        oq_free(pin);
        return OQ_E_NOMEM;
    }
    pin->face.lpVtbl = &methods;
    for (size_t i = 0; i < ARRAYSIZE(interfaces); i++) {
        HRESULT hr = CoMarshalInterface(stream, interfaces[i], &pin->face, MSHCTX_LOCAL, NULL,
                                        MSHLFLAGS_TABLESTRONG);
        if (FAILED(hr)) /* it is not registered, so that no client uses it either */
            oq_log_debug("stub pin: interface %zu is not marshalled (0x%08lx)", i, hr);
    }
    IStream_Release(stream); /* what is written there would only be needed to unmarshal */
    *out = pin;
    return OQ_OK;
}

void oq_stub_pin_free(struct oq_stub_pin *pin)
{
    if (!pin)
        return;
    CoDisconnectObject(&pin->face, 0);
    oq_free(pin);
}
