/*
 * register.c: writes and removes the keys of register_int.h.
 *
 * The list of interfaces is the one in the generated marshalling code, so an interface added to the
 * IDL is registered without a word here.
 */
#include "register_int.h"
#include "registry_int.h"

#include <objbase.h>
#include <rpcproxy.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "openqmgr.h"

#define CLASSES L"SOFTWARE\\Classes\\"
#define PRODUCT L"SOFTWARE\\OpenQMGR"
#define SAVED PRODUCT L"\\Saved"

#define SERVICE_NAME L"OpenQMGR"

enum { GUID_CHARS = 39, PATH_CHARS = 128 };

/*
 * Who may use the service. It runs as LocalSystem and is started on demand, which makes it a tool
 * for attacks that let a privileged COM server authenticate to, or call, an endpoint of the
 * attacker's (the class of CVE-2016-3225): so it is not reachable for more than its users.
 *
 *   SY, BA          the system and administrators
 *   IU, SU, S-1-5-3 users with an interactive, service or batch logon: at the console or in a
 *                   terminal session, as a service, as a scheduled task. A network logon has none
 *                   of these.
 *   rights          CC execute, DC execute locally, SW activate locally; never LC and RP, which are
 *                   the same from another computer
 *   no AC ACE       programs in an AppContainer stay outside
 *   S:(ML;;NX;;;ME) programs below medium integrity (sandboxed ones) stay outside
 *
 * Launch holds for starting the service, access for calling it unless the service sets its own
 * descriptor with CoInitializeSecurity.
 */
#define LAUNCH_SDDL                                                                                \
    L"O:BAG:BAD:(A;;CCDCSW;;;SY)(A;;CCDCSW;;;BA)(A;;CCDCSW;;;IU)(A;;CCDCSW;;;SU)"                  \
    L"(A;;CCDCSW;;;S-1-5-3)S:(ML;;NX;;;ME)"
#define ACCESS_SDDL                                                                                \
    L"O:BAG:BAD:(A;;CCDC;;;SY)(A;;CCDC;;;BA)(A;;CCDC;;;IU)(A;;CCDC;;;SU)(A;;CCDC;;;S-1-5-3)"       \
    L"S:(ML;;NX;;;ME)"

/* supplied by the generated openqmgr_dlldata.c */
void RPC_ENTRY GetProxyDllInfo(const ProxyFileInfo ***files, const CLSID **clsid);

extern IMAGE_DOS_HEADER __ImageBase;

enum owner {
    OWNER_NONE,  /* there is no such key */
    OWNER_BLANK, /* there is one, but it says nothing of what we would say */
    OWNER_US,
    OWNER_OTHER,
};

/* One key that others may own too: where it is, and where what it held is kept meanwhile. */
struct shared_key {
    wchar_t path[PATH_CHARS];
    wchar_t saved[PATH_CHARS];
};

static void print_guid(const GUID *guid, wchar_t text[GUID_CHARS])
{
    StringFromGUID2(guid, text, GUID_CHARS);
}

static struct shared_key shared_key_of(const wchar_t *kind, const GUID *guid)
{
    struct shared_key key;
    wchar_t text[GUID_CHARS];

    print_guid(guid, text);
    swprintf(key.path, PATH_CHARS, CLASSES L"%ls\\%ls", kind, text);
    swprintf(key.saved, PATH_CHARS, SAVED L"\\%ls\\%ls", kind, text);
    return key;
}

static LSTATUS save_text_below(const wchar_t *path, const wchar_t *subkey, const wchar_t *name,
                               const wchar_t *text)
{
    wchar_t below[PATH_CHARS];

    swprintf(below, PATH_CHARS, L"%ls\\%ls", path, subkey);
    return oq_reg_save_text(below, name, text);
}

/* ---- interfaces ------------------------------------------------------------------------------ */

static enum owner interface_owner(const struct shared_key *key)
{
    wchar_t marshaller[PATH_CHARS], ours[GUID_CHARS];

    if (!oq_reg_has_key(key->path))
        return OWNER_NONE;
    swprintf(marshaller, PATH_CHARS, L"%ls\\ProxyStubClsid32", key->path);
    if (!oq_reg_has_key(marshaller))
        return OWNER_BLANK;
    print_guid(&CLSID_OpenQmgrProxyStub, ours);
    return oq_reg_is_text(marshaller, NULL, ours) ? OWNER_US : OWNER_OTHER;
}

static LSTATUS write_interface(const struct shared_key *key, const wchar_t *name, unsigned methods)
{
    wchar_t ours[GUID_CHARS], count[16];
    LSTATUS status;

    print_guid(&CLSID_OpenQmgrProxyStub, ours);
    swprintf(count, sizeof count / sizeof *count, L"%u", methods);
    /* the value that tells the owner comes first: from then on unregistering knows the key */
    status = save_text_below(key->path, L"ProxyStubClsid32", NULL, ours);
    if (status == ERROR_SUCCESS)
        status = save_text_below(key->path, L"NumMethods", NULL, count);
    if (status == ERROR_SUCCESS)
        status = oq_reg_save_text(key->path, NULL, name);
    return status;
}

/* ---- classes --------------------------------------------------------------------------------- */

static enum owner legacy_class_owner(const struct shared_key *key)
{
    wchar_t ours[GUID_CHARS];

    if (!oq_reg_has_key(key->path))
        return OWNER_NONE;
    print_guid(&APPID_OpenQmgr, ours);
    return oq_reg_is_text(key->path, L"AppID", ours) ? OWNER_US : OWNER_OTHER;
}

static LSTATUS write_class(const struct shared_key *key, const wchar_t *name)
{
    wchar_t appid[GUID_CHARS];
    LSTATUS status;

    print_guid(&APPID_OpenQmgr, appid);
    status = oq_reg_save_text(key->path, L"AppID", appid);
    if (status == ERROR_SUCCESS)
        status = oq_reg_save_text(key->path, NULL, name);
    return status;
}

/* The DLL's own full name, however long; NULL without memory. The caller frees it. */
static wchar_t *module_name(void)
{
    DWORD chars = MAX_PATH;
    wchar_t *name = NULL;

    for (;;) {
        wchar_t *larger = realloc(name, chars * sizeof *name);
        DWORD written;

        if (!larger)
            break;
        name = larger;
        written = GetModuleFileNameW((HMODULE)&__ImageBase, name, chars);
        if (written == 0)
            break;
        if (written < chars)
            return name;
        chars *= 2;
    }
    free(name);
    return NULL;
}

static LSTATUS write_marshaller(void)
{
    const struct shared_key key = shared_key_of(L"CLSID", &CLSID_OpenQmgrProxyStub);
    wchar_t *file = module_name();
    LSTATUS status = ERROR_OUTOFMEMORY;

    if (file)
        status = save_text_below(key.path, L"InprocServer32", NULL, file);
    if (status == ERROR_SUCCESS)
        status = save_text_below(key.path, L"InprocServer32", L"ThreadingModel", L"Both");
    if (status == ERROR_SUCCESS)
        status = oq_reg_save_text(key.path, NULL, L"OpenQMGR proxy/stub");
    free(file);
    return status;
}

/* ---- application ----------------------------------------------------------------------------- */

/* Windows keeps one AppID key for both views; the 64-bit DLL looks after it. */
static bool has_own_appid(void)
{
#ifdef _WIN64
    return true;
#else
    BOOL is_wow64 = FALSE;

    return !(IsWow64Process(GetCurrentProcess(), &is_wow64) && is_wow64);
#endif
}

static LSTATUS write_permission(const wchar_t *path, const wchar_t *name, const wchar_t *sddl)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    ULONG size_bytes = 0;
    LSTATUS status;

    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &descriptor,
                                                              &size_bytes))
        return (LSTATUS)GetLastError();
    status = oq_reg_save_bytes(path, name, descriptor, size_bytes);
    LocalFree(descriptor);
    return status;
}

static LSTATUS write_application(void)
{
    const struct shared_key key = shared_key_of(L"AppID", &APPID_OpenQmgr);
    /* permissions first: there is no moment at which the service can be started without them */
    LSTATUS status = write_permission(key.path, L"LaunchPermission", LAUNCH_SDDL);

    if (status == ERROR_SUCCESS)
        status = write_permission(key.path, L"AccessPermission", ACCESS_SDDL);
    if (status == ERROR_SUCCESS)
        status = oq_reg_save_text(key.path, L"LocalService", SERVICE_NAME);
    if (status == ERROR_SUCCESS)
        status = oq_reg_save_text(key.path, NULL, L"OpenQMGR");
    return status;
}

/* ---- keys that others may own ---------------------------------------------------------------- */

/* Makes room for our values. *is_ours tells whether they may be written now. */
static LSTATUS claim(const struct shared_key *key, enum owner owner, bool take_over, bool *is_ours)
{
    LSTATUS status = ERROR_SUCCESS;

    *is_ours = owner != OWNER_OTHER || take_over;
    if (*is_ours && (owner == OWNER_OTHER || owner == OWNER_BLANK))
        status = oq_reg_move_tree(key->path, key->saved);
    return status;
}

/* Puts back what the key held before us, if it held something. An owner who came after us has
 * priority over the one before. */
static LSTATUS give_back(const struct shared_key *key, enum owner owner)
{
    if (!oq_reg_has_key(key->saved))
        return ERROR_SUCCESS;
    if (owner == OWNER_OTHER || owner == OWNER_BLANK)
        return oq_reg_delete_tree(key->saved);
    return oq_reg_move_tree(key->saved, key->path);
}

static LSTATUS release(const struct shared_key *key, enum owner owner)
{
    if (oq_reg_has_key(key->saved))
        return give_back(key, owner);
    return owner == OWNER_US ? oq_reg_delete_tree(key->path) : ERROR_SUCCESS;
}

static LSTATUS register_legacy_class(bool take_over)
{
    const struct shared_key key = shared_key_of(L"CLSID", &CLSID_BackgroundCopyQMgr);
    bool is_ours;
    LSTATUS status = claim(&key, legacy_class_owner(&key), take_over, &is_ours);

    if (status == ERROR_SUCCESS && is_ours)
        status = write_class(&key, L"BackgroundCopyQMgr Class (OpenQMGR)");
    return status;
}

static LSTATUS register_interface(const struct shared_key *key, const wchar_t *name,
                                  unsigned methods, bool take_over)
{
    bool is_ours;
    LSTATUS status = claim(key, interface_owner(key), take_over, &is_ours);

    if (status == ERROR_SUCCESS && is_ours)
        status = write_interface(key, name, methods);
    return status;
}

enum action { REGISTER, TAKE_OVER, RELEASE, GIVE_BACK };

/* Does the same with every interface; goes on after a failure and returns the first one. */
static LSTATUS for_each_interface(enum action action)
{
    const ProxyFileInfo **files;
    const CLSID *clsid;
    LSTATUS first = ERROR_SUCCESS;

    GetProxyDllInfo(&files, &clsid);
    for (; *files; files++) {
        for (unsigned i = 0; (*files)->pStubVtblList[i]; i++) {
            /* from the stub's header: the proxy's has another form when calls are interpreted */
            const CInterfaceStubHeader *header = &(*files)->pStubVtblList[i]->header;
            const struct shared_key key = shared_key_of(L"Interface", header->piid);
            LSTATUS status;

            if (action == RELEASE) {
                status = release(&key, interface_owner(&key));
            } else if (action == GIVE_BACK) {
                status = give_back(&key, interface_owner(&key));
            } else {
                wchar_t name[64];

                swprintf(name, sizeof name / sizeof *name, L"%hs", (*files)->pNamesArray[i]);
                status =
                    register_interface(&key, name, header->DispatchTableCount, action == TAKE_OVER);
            }
            if (first == ERROR_SUCCESS)
                first = status;
        }
    }
    return first;
}

/* Our own folder goes when nothing is kept in it any more; configuration keeps it. */
static LSTATUS remove_empty_saved(void)
{
    static const wchar_t *const paths[] = {SAVED L"\\Interface", SAVED L"\\CLSID", SAVED, PRODUCT};
    LSTATUS first = ERROR_SUCCESS;

    if (!oq_reg_has_key(SAVED))
        return ERROR_SUCCESS;
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
        LSTATUS status = oq_reg_delete_empty(paths[i]);

        if (first == ERROR_SUCCESS)
            first = status;
    }
    return first;
}

HRESULT oq_register_all(bool take_over)
{
    const struct shared_key ours = shared_key_of(L"CLSID", &CLSID_OpenQmgr);
    const bool was_registered = oq_reg_has_key(ours.path);
    LSTATUS status = ERROR_SUCCESS;

    /* what is pointed at comes before what points at it */
    if (has_own_appid())
        status = write_application();
    if (status == ERROR_SUCCESS)
        status = write_marshaller();
    if (status == ERROR_SUCCESS)
        status = for_each_interface(take_over ? TAKE_OVER : REGISTER);
    if (status == ERROR_SUCCESS)
        status = write_class(&ours, L"OpenQMGR download queue");
    if (status == ERROR_SUCCESS)
        status = register_legacy_class(take_over);
    if (status != ERROR_SUCCESS && !was_registered)
        (void)oq_register_remove(); /* the first failure is the one to report */
    return HRESULT_FROM_WIN32(status);
}

HRESULT oq_register_remove(void)
{
    const struct shared_key legacy = shared_key_of(L"CLSID", &CLSID_BackgroundCopyQMgr);
    const struct shared_key ours = shared_key_of(L"CLSID", &CLSID_OpenQmgr);
    const struct shared_key marshaller = shared_key_of(L"CLSID", &CLSID_OpenQmgrProxyStub);
    const struct shared_key application = shared_key_of(L"AppID", &APPID_OpenQmgr);
    const LSTATUS results[] = {
        release(&legacy, legacy_class_owner(&legacy)),
        oq_reg_delete_tree(ours.path),
        for_each_interface(RELEASE),
        oq_reg_delete_tree(marshaller.path),
        has_own_appid() ? oq_reg_delete_tree(application.path) : ERROR_SUCCESS,
        remove_empty_saved(),
    };

    for (unsigned i = 0; i < sizeof results / sizeof *results; i++) {
        if (results[i] != ERROR_SUCCESS)
            return HRESULT_FROM_WIN32(results[i]);
    }
    return S_OK;
}

HRESULT oq_register_give_back(void)
{
    const struct shared_key legacy = shared_key_of(L"CLSID", &CLSID_BackgroundCopyQMgr);
    const LSTATUS results[] = {
        give_back(&legacy, legacy_class_owner(&legacy)),
        for_each_interface(GIVE_BACK),
        remove_empty_saved(),
    };

    for (unsigned i = 0; i < sizeof results / sizeof *results; i++) {
        if (results[i] != ERROR_SUCCESS)
            return HRESULT_FROM_WIN32(results[i]);
    }
    return S_OK;
}
