/*
 * proxy_prelude.h: is included by force before the code that widl generates for the proxy DLL.
 *
 * That code names three functions of the RPC run-time which MinGW's headers do not declare,
 * although its import library has them. And it names three functions in its tables in whose place
 * stand ours, which check the buffer first (proxy-stub/stub_checks.c).
 */
#ifndef OQ_IDL_PROXY_PRELUDE_H
#define OQ_IDL_PROXY_PRELUDE_H

#include <objbase.h>
#include <oleauto.h>

HRESULT STDMETHODCALLTYPE IUnknown_QueryInterface_Proxy(IUnknown *This, REFIID riid, void **ppv);
ULONG STDMETHODCALLTYPE IUnknown_AddRef_Proxy(IUnknown *This);
ULONG STDMETHODCALLTYPE IUnknown_Release_Proxy(IUnknown *This);

#define CStdStubBuffer_Invoke oq_stub_invoke
#define BSTR_UserUnmarshal oq_bstr_unmarshal
#define VARIANT_UserUnmarshal oq_variant_unmarshal

#endif
