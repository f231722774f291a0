/* oq_stub_checks.h - checks of a call's buffer before the generated stub reads it. */
#ifndef OQ_STUB_CHECKS_H
#define OQ_STUB_CHECKS_H

#include <objbase.h>
#include <stdbool.h>

/* Elements of one call: AddFiles, Next. Far above the limits of the service. */
#define OQ_STUB_ELEMENTS_MAX 65536u

/* Does the buffer of a call to that interface hold what its counts say? RPC_X_BAD_STUB_DATA as an
 * HRESULT if not. Calls without counts are not looked into. */
HRESULT oq_stub_check(REFIID iid, const RPCOLEMESSAGE *message);

/* In the place of CStdStubBuffer_Invoke in every generated table. */
HRESULT STDMETHODCALLTYPE oq_stub_invoke(IRpcStubBuffer *stub, RPCOLEMESSAGE *message,
                                         IRpcChannelBuffer *channel);

#endif
