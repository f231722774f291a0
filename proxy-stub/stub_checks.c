/* stub_checks.c - what a caller says of its arrays is compared with what came, before the generated
 * code reads it.
 *
 * widl makes no /robust code: the stub trusts the count that is an argument of its own and not the
 * one of the array on the wire. A call made by hand may then have the service read behind the
 * buffer (AddFiles), or allocate 64 GB (Next). So every stub of this DLL is called through
 * oq_stub_invoke, which proxy_prelude.h puts into the generated tables. Any thread; no state.
 *
 * The layout on the wire is that of the 32-bit NDR transfer syntax ("NDR20"; C706, 14.3), which is
 * the only one that widl makes: AddFiles has cFileCount, then the array: its own count (maximum), a
 * pointer of 4 bytes for each element, and what they point to.
 */
#include "oq_stub_checks.h"

#include "openqmgr.h"

#include <rpcproxy.h>

#include <stdint.h>
#include <string.h>

#define METHOD_ADD_FILES 6u /* of IBackgroundCopyJob1, as in its table of functions */
#define METHOD_NEXT 3u      /* of both enumerators */
#define LITTLE_ENDIAN_NDR 0x10u
#define BAD_STUB_DATA HRESULT_FROM_WIN32(RPC_X_BAD_STUB_DATA)

static uint32_t read_u32(const RPCOLEMESSAGE *message, ULONG offset)
{
    uint32_t value;
    memcpy(&value, (const char *)message->Buffer + offset, sizeof value);
    return value;
}

static HRESULT check_add_files(const RPCOLEMESSAGE *message)
{
    if (message->cbBuffer < 8)
        return BAD_STUB_DATA;
    uint32_t count = read_u32(message, 0), on_wire = read_u32(message, 4);
    if (count != on_wire || count > OQ_STUB_ELEMENTS_MAX || (message->cbBuffer - 8) / 4 < count)
        return BAD_STUB_DATA;
    return S_OK;
}

static HRESULT check_next(const RPCOLEMESSAGE *message)
{
    if (message->cbBuffer < 4 || read_u32(message, 0) > OQ_STUB_ELEMENTS_MAX)
        return BAD_STUB_DATA;
    return S_OK;
}

HRESULT oq_stub_check(REFIID iid, const RPCOLEMESSAGE *message)
{
    bool is_add_files =
        IsEqualIID(iid, &IID_IBackgroundCopyJob1) && message->iMethod == METHOD_ADD_FILES;
    bool is_next = (IsEqualIID(iid, &IID_IEnumBackgroundCopyJobs1) ||
                    IsEqualIID(iid, &IID_IEnumBackgroundCopyGroups)) &&
                   message->iMethod == METHOD_NEXT;
    if (!is_add_files && !is_next)
        return S_OK;
    if ((message->dataRepresentation & 0xf0u) != LITTLE_ENDIAN_NDR)
        return BAD_STUB_DATA;
    return is_add_files ? check_add_files(message) : check_next(message);
}

HRESULT STDMETHODCALLTYPE oq_stub_invoke(IRpcStubBuffer *stub, RPCOLEMESSAGE *message,
                                         IRpcChannelBuffer *channel)
{
    /* The table that the stub points to follows its header (rpcproxy.h). */
    const CInterfaceStubVtbl *table = CONTAINING_RECORD(stub->lpVtbl, CInterfaceStubVtbl, Vtbl);
    HRESULT result = oq_stub_check(table->header.piid, message);
    return FAILED(result) ? result : CStdStubBuffer_Invoke(stub, message, channel);
}
