/* anchor.c - keeps the marshalling of our interfaces set up for as long as the service runs.
 *
 * Wine's COM sets up an interface with the RPC run-time when the first object of it is marshalled,
 * takes it down with the last one, and then waits for calls of it that are still under way. When
 * the last object is let go just as its last call returns, Wine can wait for ever, with a lock that
 * every client needs (measured with Wine 8.0: docs/decisions/0013-anchor-under-wine.md). So there
 * is one object that answers to all of our interfaces, is marshalled once for each, and is found by
 * no client: no interface is ever taken down. Under Wine only; Windows has no need of it.
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

/* Answers to the interfaces without having their methods: nobody ever calls one. Lives as long as
 * its owner says; the references that COM holds are not counted. */
struct oq_anchor {
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

enum oq_status oq_anchor_new(struct oq_anchor **out)
{
    IStream *stream = NULL;
    struct oq_anchor *anchor = oq_calloc(1, sizeof *anchor);
    if (!anchor || FAILED(CreateStreamOnHGlobal(NULL, TRUE, &stream))) {
        oq_free(anchor);
        return OQ_E_NOMEM;
    }
    anchor->face.lpVtbl = &methods;
    for (size_t i = 0; i < ARRAYSIZE(interfaces); i++) {
        HRESULT hr = CoMarshalInterface(stream, interfaces[i], &anchor->face, MSHCTX_LOCAL, NULL,
                                        MSHLFLAGS_TABLESTRONG);
        if (FAILED(hr)) /* nobody has registered it, so that no client uses it either */
            oq_log_debug("anchor: interface %zu is not marshalled (0x%08lx)", i, hr);
    }
    IStream_Release(stream); /* what is written there would only be needed to unmarshal */
    *out = anchor;
    return OQ_OK;
}

void oq_anchor_free(struct oq_anchor *anchor)
{
    if (!anchor)
        return;
    CoDisconnectObject(&anchor->face, 0);
    oq_free(anchor);
}
