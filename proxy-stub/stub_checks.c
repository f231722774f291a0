/* stub_checks.c - what a caller says of the length of its data is compared with what came, before
 * the code that widl generates reads it (docs/decisions/0028-counts-on-the-wire.md).
 *
 * widl makes no /robust code: the stub trusts the count that is an argument of its own and not the
 * one of the array on the wire. A call made by hand may then have the service read behind the
 * buffer (AddFiles), or allocate 64 GB (Next). So every stub of this DLL is called through
 * oq_stub_invoke. And every BSTR and VARIANT is read through the functions below, so that nothing
 * depends on what the oleaut32 of this machine checks itself. proxy_prelude.h puts all three into
 * the generated tables. Any thread; no state.
 */
#include "oq_stub_checks.h"
#include "oq_wire_check.h"

#include "openqmgr.h"

#include <rpcproxy.h>

#define METHOD_ADD_FILES 6u    /* of IBackgroundCopyJob1, as in its table of functions */
#define METHOD_NEXT 3u         /* of both enumerators */
#define METHOD_SET_POINTER 17u /* of IBackgroundCopyGroup */
#define LITTLE_ENDIAN_NDR 0x10u

/* Does the buffer of a call to that interface hold what its counts say? Calls without counts are
 * not looked into. */
static bool fits(REFIID iid, const RPCOLEMESSAGE *message)
{
    if (IsEqualIID(iid, &IID_IBackgroundCopyJob1) && message->iMethod == METHOD_ADD_FILES)
        return oq_wire_add_files_fits(message->Buffer, message->cbBuffer);
    if (IsEqualIID(iid, &IID_IBackgroundCopyGroup) && message->iMethod == METHOD_SET_POINTER)
        return oq_wire_set_pointer_fits(message->Buffer, message->cbBuffer);
    if ((IsEqualIID(iid, &IID_IEnumBackgroundCopyJobs1) ||
         IsEqualIID(iid, &IID_IEnumBackgroundCopyGroups)) &&
        message->iMethod == METHOD_NEXT)
        return oq_wire_next_fits(message->Buffer, message->cbBuffer);
    return true;
}

HRESULT STDMETHODCALLTYPE oq_stub_invoke(IRpcStubBuffer *stub, RPCOLEMESSAGE *message,
                                         IRpcChannelBuffer *channel)
{
    /* The table that the stub points to follows its header (rpcproxy.h). */
    const CInterfaceStubHeader *header =
        &CONTAINING_RECORD(stub->lpVtbl, CInterfaceStubVtbl, Vtbl)->header;
    /* The first three are IUnknown's, which COM answers itself. */
    if (message->iMethod < 3 || message->iMethod >= header->DispatchTableCount)
        return HRESULT_FROM_WIN32(RPC_S_PROCNUM_OUT_OF_RANGE);
    /* Numbers in another order would be turned after the checks. No Windows has them. */
    if ((message->dataRepresentation & 0xf0u) != LITTLE_ENDIAN_NDR || !fits(header->piid, message))
        return HRESULT_FROM_WIN32(RPC_X_BAD_STUB_DATA);
    return CStdStubBuffer_Invoke(stub, message, channel);
}

/* The bytes from there to the end of the message; 0 when that cannot be found out. */
static size_t bytes_left(ULONG *flags, const unsigned char *from)
{
    NDR_USER_MARSHAL_INFO info;
    if (NdrGetUserMarshalInfo(flags, 1, &info) != RPC_S_OK)
        return 0;
    const unsigned char *end = (const unsigned char *)info.Level1.Buffer + info.Level1.BufferSize;
    return from <= end ? (size_t)(end - from) : 0;
}

static unsigned char *aligned(unsigned char *at, uintptr_t to)
{
    return at + (to - (uintptr_t)at % to) % to;
}

unsigned char *__RPC_USER oq_bstr_unmarshal(ULONG *flags, unsigned char *buffer, BSTR *value)
{
    const unsigned char *start = aligned(buffer, 4);
    if (!oq_wire_bstr_fits(start, bytes_left(flags, start)))
        RpcRaiseException(RPC_X_BAD_STUB_DATA);
    return BSTR_UserUnmarshal(flags, buffer, value);
}

unsigned char *__RPC_USER oq_variant_unmarshal(ULONG *flags, unsigned char *buffer, VARIANT *value)
{
    const unsigned char *start = aligned(buffer, 8);
    switch (oq_wire_variant_judge(start, bytes_left(flags, start))) {
    case OQ_WIRE_VARIANT_FITS:
        break;
    case OQ_WIRE_VARIANT_LIES:
        RpcRaiseException(RPC_X_BAD_STUB_DATA);
        break;
    case OQ_WIRE_VARIANT_OTHER:
        RpcRaiseException(E_INVALIDARG); /* what the service would say of such a property */
        break;
    }
    return VARIANT_UserUnmarshal(flags, buffer, value);
}
