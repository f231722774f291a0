/* security.c - the process's COM security: who may call the service, and what the service gives
 * away when it calls.
 *
 * Owns nothing. Once, on the server's thread. Wine accepts all of it and enforces none.
 */
#include "com_int.h"

#include "openqmgr_access.h"

#include <sddl.h>

/* Incoming calls must be authenticated, whole and private. Between processes of one machine this
 * costs nothing. */
static const DWORD authentication_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY;

/* When the service calls a client's callback, the client may see who calls, but cannot act as
 * LocalSystem (CVE-2016-3225 and its kin live on services that let others impersonate them). */
static const DWORD impersonation_level = RPC_C_IMP_LEVEL_IDENTIFY;

/* NO_CUSTOM_MARSHAL: a client cannot make the service load a marshaller of its choice when a
 * pointer arrives.
 *
 * DISABLE_AAA: nothing is activated in the service's name, no DLL in it and no server started by
 * it.
 *
 * DYNAMIC_CLOAKING: a call made while acting as a user goes out as that user.
 *
 * SECURE_REFS: a client cannot release other clients' references. */
static const DWORD capabilities =
    EOAC_NO_CUSTOM_MARSHAL | EOAC_DISABLE_AAA | EOAC_DYNAMIC_CLOAKING | EOAC_SECURE_REFS;

/* CoInitializeSecurity takes an absolute security descriptor, and text gives a self-relative one.
 * `absolute` points into `relative`, which LocalFree frees. */
struct descriptor {
    PSECURITY_DESCRIPTOR relative;
    SECURITY_DESCRIPTOR absolute;
};

static bool make_descriptor(const WCHAR *sddl, struct descriptor *out)
{
    PACL dacl = NULL;
    PSID owner = NULL;
    PSID group = NULL;
    BOOL is_present = FALSE;
    BOOL is_defaulted = FALSE;

    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &out->relative,
                                                              NULL))
        return false;
    return GetSecurityDescriptorDacl(out->relative, &is_present, &dacl, &is_defaulted) &&
           is_present && GetSecurityDescriptorOwner(out->relative, &owner, &is_defaulted) &&
           GetSecurityDescriptorGroup(out->relative, &group, &is_defaulted) &&
           InitializeSecurityDescriptor(&out->absolute, SECURITY_DESCRIPTOR_REVISION) &&
           SetSecurityDescriptorDacl(&out->absolute, TRUE, dacl, FALSE) &&
           SetSecurityDescriptorOwner(&out->absolute, owner, FALSE) &&
           SetSecurityDescriptorGroup(&out->absolute, group, FALSE);
}

/* Declared by cguid.h, defined by no library of MinGW. */
static const CLSID global_options_class = {
    0x0000034b, 0x0000, 0x0000, {0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46}};

/* COM's habit of catching every fault inside a method would let the service go on with broken
 * memory. With DONOT_HANDLE_FATAL access violations and their kin end the process; with
 * DONOT_HANDLE_ANY also what NDR raises for a malformed call, or for want of memory, might, and any
 * client could end the service (page "IGlobalOptions"; docs/decisions/0021). Our own code raises
 * nothing. */
static void let_faults_end_the_process(void)
{
    IGlobalOptions *options = NULL;
    if (FAILED(CoCreateInstance(&global_options_class, NULL, CLSCTX_INPROC_SERVER,
                                &IID_IGlobalOptions, (void **)&options)))
        return; /* older than Windows 7: the habit stays */
    IGlobalOptions_Set(options, COMGLB_EXCEPTION_HANDLING, COMGLB_EXCEPTION_DONOT_HANDLE_FATAL);
    IGlobalOptions_Release(options);
}

enum oq_status oq_security_init(struct oq_error *err)
{
    struct descriptor descriptor = {0};
    enum oq_status status = OQ_OK;
    HRESULT hr;

    if (!make_descriptor(OQ_ACCESS_SDDL_PLAIN, &descriptor)) {
        status = oq_error_win32(err, OQ_E_IO, GetLastError(),
                                "the access list of the COM objects is not understood");
        goto out;
    }
    hr = CoInitializeSecurity(&descriptor.absolute, -1, NULL, NULL, authentication_level,
                              impersonation_level, NULL, capabilities, NULL);
    if (FAILED(hr)) {
        status = oq_error_win32(err, OQ_E_IO, (uint32_t)hr, "CoInitializeSecurity failed (0x%08lx)",
                                (unsigned long)hr);
        goto out;
    }
    let_faults_end_the_process();
out:
    if (descriptor.relative)
        LocalFree(descriptor.relative);
    return status;
}
