/* oq_stub_checks.h - checks of a call's buffer before the generated stub reads it. */
#ifndef OQ_STUB_CHECKS_H
#define OQ_STUB_CHECKS_H

#include <objbase.h>
#include <oleauto.h>

/* In the place of CStdStubBuffer_Invoke in every generated table: RPC_X_BAD_STUB_DATA as an HRESULT
 * for a call whose counts are not those of what came. */
HRESULT STDMETHODCALLTYPE oq_stub_invoke(IRpcStubBuffer *stub, RPCOLEMESSAGE *message,
                                         IRpcChannelBuffer *channel);

/* In the place of BSTR_UserUnmarshal and VARIANT_UserUnmarshal. They raise RPC_X_BAD_STUB_DATA for
 * what does not fit into the message, and E_INVALIDARG for a VARIANT of a type that no property
 * has, before anything of it is made. */
unsigned char *__RPC_USER oq_bstr_unmarshal(ULONG *flags, unsigned char *buffer, BSTR *value);
unsigned char *__RPC_USER oq_variant_unmarshal(ULONG *flags, unsigned char *buffer, VARIANT *value);

#endif
