/*
 * setprop.c: the hand-written halves of IBackgroundCopyGroup::SetProp, which is a local method with
 * InternalSetProp as its form on the wire.
 *
 * The client half runs in the client's process, on the caller's thread, and owns one piece of
 * logic: a class set as GROUPPROP_NOTIFYCLSID is created there and handed to the service, which
 * never creates a client's class itself (spec 8.2, decision D25). The stub half runs in the service
 * and only passes on. Nothing is kept between calls.
 */
#define COBJMACROS
#include "openqmgr.h"

enum { CLSID_TEXT_CHARS = 38 }; /* {xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx} */

/*
 * Reads braced text. CLSIDFromString alone would take a program identifier too, and would stop at a
 * NUL within the string.
 */
static HRESULT parse_clsid(BSTR text, CLSID *clsid)
{
    if (SysStringLen(text) != CLSID_TEXT_CHARS || text[0] != L'{')
        return E_INVALIDARG;
    return SUCCEEDED(CLSIDFromString(text, clsid)) ? S_OK : E_INVALIDARG;
}

static HRESULT set_notify_class(IBackgroundCopyGroup *group, VARIANT *value)
{
    IUnknown *object = NULL;
    VARIANT previous;
    CLSID clsid;
    HRESULT hr;

    VariantInit(&previous);
    if (V_VT(value) != VT_BSTR)
        return E_INVALIDARG;

    /* an empty text clears: no object then */
    if (SysStringLen(V_BSTR(value)) > 0) {
        hr = parse_clsid(V_BSTR(value), &clsid);
        if (FAILED(hr))
            goto out;
        hr = CoCreateInstance(&clsid, NULL, CLSCTX_ALL, &IID_IBackgroundCopyCallback1,
                              (void **)&object);
        if (FAILED(hr))
            goto out;
    }

    /* two calls, one change: keep what is needed to take the first one back */
    hr = IBackgroundCopyGroup_GetProp(group, GROUPPROP_NOTIFYCLSID, &previous);
    if (FAILED(hr))
        goto out;
    hr = IBackgroundCopyGroup_InternalSetProp_Proxy(group, GROUPPROP_NOTIFYCLSID, value);
    if (FAILED(hr))
        goto out;
    hr = IBackgroundCopyGroup_SetNotificationPointer(group, &IID_IBackgroundCopyCallback1, object);
    if (FAILED(hr))
        (void)IBackgroundCopyGroup_InternalSetProp_Proxy(group, GROUPPROP_NOTIFYCLSID, &previous);
out:
    VariantClear(&previous);
    if (object)
        IUnknown_Release(object);
    return hr;
}

HRESULT CALLBACK IBackgroundCopyGroup_SetProp_Proxy(IBackgroundCopyGroup *This, GROUPPROP propID,
                                                    VARIANT *pvarVal)
{
    /* a NULL value is refused by the marshaller like any other NULL */
    if (propID == GROUPPROP_NOTIFYCLSID && pvarVal)
        return set_notify_class(This, pvarVal);
    return IBackgroundCopyGroup_InternalSetProp_Proxy(This, propID, pvarVal);
}

HRESULT __RPC_STUB IBackgroundCopyGroup_SetProp_Stub(IBackgroundCopyGroup *This, GROUPPROP propID,
                                                     VARIANT *pvarVal)
{
    return IBackgroundCopyGroup_SetProp(This, propID, pvarVal);
}
