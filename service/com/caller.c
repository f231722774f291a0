/* caller.c - who calls. The only place of the program that takes on a client's identity by way of
 * COM, and the only one that drops it again. Owns nothing; any thread of the apartment.
 */
#include "com_int.h"

#include "oq_log.h"

static HRESULT impersonate_client(void)
{
    return CoImpersonateClient();
}

static HRESULT revert_to_self(void)
{
    return CoRevertToSelf();
}

/* Wine has no impersonation for COM calls, and says so by this export of its ntdll. Windows never
 * has it. */
static bool is_wine(void)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    return ntdll && GetProcAddress(ntdll, "wine_get_version");
}

/* At once and without clean-up: every further instruction would run as somebody else. */
static void end_process(void)
{
    TerminateProcess(GetCurrentProcess(), ERROR_CANNOT_IMPERSONATE);
}

const struct oq_impersonation oq_impersonation_com = {
    .begin = impersonate_client,
    .end = revert_to_self,
    .is_wine = is_wine,
    .die = end_process,
};

enum oq_status oq_caller_capture(const struct oq_impersonation *impersonation,
                                 const struct oq_identity_port *identity,
                                 struct oq_caller_buffer *out, struct oq_error *err)
{
    enum oq_status status;
    HRESULT hr = impersonation->begin();
    bool is_impersonating = SUCCEEDED(hr);

    if (is_impersonating || (hr == RPC_E_CALL_COMPLETE && impersonation->is_wine()))
        status = identity->capture(identity->ctx, out, err);
    else
        status = oq_error_win32(err, OQ_E_ACCESS_DENIED, (uint32_t)hr,
                                "the caller does not let the service see who it is (0x%08lx)",
                                (unsigned long)hr);

    if (is_impersonating) {
        hr = impersonation->end();
        if (FAILED(hr)) {
            oq_log_error("the identity of a caller cannot be dropped (0x%08lx): the service ends",
                         (unsigned long)hr);
            impersonation->die();
        }
    }
    return status;
}
