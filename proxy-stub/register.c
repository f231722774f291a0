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
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "openqmgr.h"
#include "openqmgr_access.h"

#define CLASSES L"SOFTWARE\\Classes\\"
#define PRODUCT L"SOFTWARE\\OpenQMGR"
#define SAVED PRODUCT L"\\Saved"

#define SERVICE_NAME L"OpenQMGR"

enum { GUID_CHARS = 39, PATH_CHARS = 128 };

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

/* The full name of the DLL, or with `other` that of the file of this name beside it, however long;
 * NULL without memory. The caller frees it. */
static wchar_t *dll_name(const wchar_t *other)
{
    DWORD chars = MAX_PATH;
    wchar_t *name = NULL;

    for (;;) {
        const DWORD room = chars + (other ? (DWORD)wcslen(other) : 0);
        wchar_t *larger = realloc(name, room * sizeof *name);

        if (!larger)
            break;
        name = larger;
        const DWORD written = GetModuleFileNameW((HMODULE)&__ImageBase, name, chars);
        if (written == 0)
            break;
        if (written < chars) {
            wchar_t *last = wcsrchr(name, L'\\');
            if (other)
                wcscpy(last ? last + 1 : name, other);
            return name;
        }
        chars *= 2;
    }
    free(name);
    return NULL;
}

static LSTATUS write_marshaller(const wchar_t *file)
{
    const struct shared_key key = shared_key_of(L"CLSID", &CLSID_OpenQmgrProxyStub);
    LSTATUS status = save_text_below(key.path, L"InprocServer32", NULL, file);

    if (status == ERROR_SUCCESS)
        status = save_text_below(key.path, L"InprocServer32", L"ThreadingModel", L"Both");
    if (status == ERROR_SUCCESS)
        status = oq_reg_save_text(key.path, NULL, L"OpenQMGR proxy/stub");
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
    LSTATUS status = write_permission(key.path, L"LaunchPermission", OQ_LAUNCH_SDDL);

    if (status == ERROR_SUCCESS)
        status = write_permission(key.path, L"AccessPermission", OQ_ACCESS_SDDL);
    if (status == ERROR_SUCCESS)
        status = oq_reg_save_text(key.path, L"LocalService", SERVICE_NAME);
    if (status == ERROR_SUCCESS)
        status = oq_reg_save_text(key.path, NULL, L"OpenQMGR");
    return status;
}

static LSTATUS remove_application(void)
{
    const struct shared_key key = shared_key_of(L"AppID", &APPID_OpenQmgr);

    oq_reg_use_view(0);
    return oq_reg_delete_tree(key.path);
}

/* ---- keys that others may own ---------------------------------------------------------------- */

/* The legacy class comes first, then each interface of the generated code. */
struct item {
    struct shared_key key;
    enum owner owner;
    unsigned methods; /* 0: the class */
    wchar_t name[64];
};

/* False behind the last one. */
static bool get_item(unsigned index, struct item *item)
{
    const ProxyFileInfo **files;
    const CLSID *clsid;

    if (index == 0) {
        *item = (struct item){.key = shared_key_of(L"CLSID", &CLSID_BackgroundCopyQMgr),
                              .name = L"BackgroundCopyQMgr Class (OpenQMGR)"};
        item->owner = legacy_class_owner(&item->key);
        return true;
    }
    GetProxyDllInfo(&files, &clsid);
    for (unsigned before = 1; *files; files++) {
        for (unsigned i = 0; (*files)->pStubVtblList[i]; i++) {
            if (before++ < index)
                continue;
            /* from the stub's header: the proxy's has another form when calls are interpreted */
            const CInterfaceStubHeader *header = &(*files)->pStubVtblList[i]->header;
            *item = (struct item){.key = shared_key_of(L"Interface", header->piid),
                                  .methods = header->DispatchTableCount};
            item->owner = interface_owner(&item->key);
            swprintf(item->name, sizeof item->name / sizeof *item->name, L"%hs",
                     (*files)->pNamesArray[i]);
            return true;
        }
    }
    return false;
}

/* Is there something in the key that has to be moved before ours is written? */
static bool must_move(const struct item *item, bool take_over)
{
    return item->owner == OWNER_BLANK || (item->owner == OWNER_OTHER && take_over);
}

static LSTATUS register_item(const struct item *item, bool take_over)
{
    LSTATUS status = ERROR_SUCCESS;

    if (item->owner == OWNER_OTHER && !take_over)
        return ERROR_SUCCESS;
    if (must_move(item, take_over))
        status = oq_reg_move_tree(item->key.path, item->key.saved);
    if (status != ERROR_SUCCESS)
        return status;
    return item->methods > 0 ? write_interface(&item->key, item->name, item->methods)
                             : write_class(&item->key, item->name);
}

/* Puts back what the key held before us, if it held something. An owner who came after us has
 * priority over the one before. */
static LSTATUS give_back(const struct item *item)
{
    if (!oq_reg_has_key(item->key.saved))
        return ERROR_SUCCESS;
    if (item->owner == OWNER_OTHER || item->owner == OWNER_BLANK)
        return oq_reg_delete_tree(item->key.saved);
    return oq_reg_move_tree(item->key.saved, item->key.path);
}

static LSTATUS release(const struct item *item)
{
    if (oq_reg_has_key(item->key.saved))
        return give_back(item);
    return item->owner == OWNER_US ? oq_reg_delete_tree(item->key.path) : ERROR_SUCCESS;
}

/* ---- one view of the registry ---------------------------------------------------------------- */

struct view {
    REGSAM flag;
    bool is_served;     /* the DLL that its programs load is there */
    bool was_served;    /* before this call */
    wchar_t *file;      /* that DLL; NULL without memory */
    uint64_t had_saved; /* before this call: which items, by index, were taken over already */
};

/* The first failure counts, and the rest is done in any case. */
static void keep_first(LSTATUS *first, LSTATUS status)
{
    if (*first == ERROR_SUCCESS)
        *first = status;
}

/* Checks every key that somebody else owns before the first one is written. */
static LSTATUS examine(struct view *view, bool take_over)
{
    const struct shared_key ours = shared_key_of(L"CLSID", &CLSID_OpenQmgr);
    struct item item;
    LSTATUS status = ERROR_SUCCESS;

    view->was_served = oq_reg_has_key(ours.path);
    for (unsigned i = 0; status == ERROR_SUCCESS && get_item(i, &item); i++) {
        if (oq_reg_has_key(item.key.saved))
            view->had_saved |= UINT64_C(1) << i;
        if (must_move(&item, take_over))
            status = oq_reg_may_move_tree(item.key.path);
    }
    /* A user who may create keys is an administrator, whom this key denies access. */
    if (status == ERROR_ACCESS_DENIED &&
        write_class(&ours, L"OpenQMGR download queue") == ERROR_SUCCESS) {
        if (!view->was_served)
            (void)!oq_reg_delete_tree(ours.path);
        status = ERROR_PRIVILEGE_NOT_HELD;
    }
    return status;
}

static LSTATUS register_view(const struct view *view, bool take_over)
{
    const struct shared_key ours = shared_key_of(L"CLSID", &CLSID_OpenQmgr);
    struct item item;
    LSTATUS status = view->file ? ERROR_SUCCESS : ERROR_OUTOFMEMORY;

    /* what is pointed at comes before what points at it */
    if (status == ERROR_SUCCESS)
        status = write_marshaller(view->file);
    for (unsigned i = 1; status == ERROR_SUCCESS && get_item(i, &item); i++)
        status = register_item(&item, take_over);
    if (status == ERROR_SUCCESS)
        status = write_class(&ours, L"OpenQMGR download queue");
    if (status == ERROR_SUCCESS && get_item(0, &item))
        status = register_item(&item, take_over);
    return status;
}

/* Our own folder goes when nothing is kept in it any more; configuration keeps it. */
static LSTATUS remove_empty_saved(void)
{
    static const wchar_t *const paths[] = {SAVED L"\\Interface", SAVED L"\\CLSID", SAVED, PRODUCT};
    LSTATUS first = ERROR_SUCCESS;

    if (!oq_reg_has_key(SAVED))
        return ERROR_SUCCESS;
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
        keep_first(&first, oq_reg_delete_empty(paths[i]));
    return first;
}

static LSTATUS remove_view(void)
{
    const struct shared_key ours = shared_key_of(L"CLSID", &CLSID_OpenQmgr);
    const struct shared_key marshaller = shared_key_of(L"CLSID", &CLSID_OpenQmgrProxyStub);
    struct item item;
    LSTATUS first = ERROR_SUCCESS;

    for (unsigned i = 0; get_item(i, &item); i++)
        keep_first(&first, release(&item));
    keep_first(&first, oq_reg_delete_tree(ours.path));
    keep_first(&first, oq_reg_delete_tree(marshaller.path));
    keep_first(&first, remove_empty_saved());
    return first;
}

/* Gives back the items that are not in `kept`. */
static LSTATUS give_back_view(uint64_t kept)
{
    struct item item;
    LSTATUS first = ERROR_SUCCESS;

    for (unsigned i = 0; get_item(i, &item); i++)
        if (!(kept >> i & 1))
            keep_first(&first, give_back(&item));
    keep_first(&first, remove_empty_saved());
    return first;
}

/* ---- the views together ---------------------------------------------------------------- */

enum { VIEWS_MAX = 2 };

static unsigned views_init(struct view views[VIEWS_MAX])
{
    unsigned count = 1;

    views[0] = (struct view){.is_served = true, .file = dll_name(NULL)};
#ifdef _WIN64
    views[1] = (struct view){.flag = KEY_WOW64_32KEY, .file = dll_name(L"qmgrps32.dll")};
    views[1].is_served =
        views[1].file && GetFileAttributesW(views[1].file) != INVALID_FILE_ATTRIBUTES;
    count = 2;
#endif
    return count;
}

static void views_release(struct view views[VIEWS_MAX], unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free(views[i].file);
    oq_reg_use_view(0);
}

HRESULT oq_register_all(bool take_over)
{
    struct view views[VIEWS_MAX];
    const unsigned count = views_init(views);
    LSTATUS status = ERROR_SUCCESS;

    for (unsigned i = 0; status == ERROR_SUCCESS && i < count; i++) {
        oq_reg_use_view(views[i].flag);
        if (views[i].is_served)
            status = examine(&views[i], take_over);
    }
    if (status != ERROR_SUCCESS)
        goto out;
    oq_reg_use_view(0);
    if (has_own_appid())
        status = write_application();
    for (unsigned i = 0; status == ERROR_SUCCESS && i < count; i++) {
        oq_reg_use_view(views[i].flag);
        if (views[i].is_served)
            status = register_view(&views[i], take_over);
    }
    if (status == ERROR_SUCCESS)
        goto out;
    /* The first failure is the one to report. */
    for (unsigned i = 0; i < count; i++) {
        oq_reg_use_view(views[i].flag);
        if (views[i].is_served)
            (void)!(views[i].was_served ? give_back_view(views[i].had_saved) : remove_view());
    }
    if (has_own_appid() && !views[0].was_served)
        (void)!remove_application();
out:
    views_release(views, count);
    return HRESULT_FROM_WIN32(status);
}

HRESULT oq_register_remove(void)
{
    struct view views[VIEWS_MAX];
    const unsigned count = views_init(views);
    LSTATUS first = ERROR_SUCCESS;

    for (unsigned i = 0; i < count; i++) {
        oq_reg_use_view(views[i].flag);
        keep_first(&first, remove_view());
    }
    if (has_own_appid())
        keep_first(&first, remove_application());
    views_release(views, count);
    return HRESULT_FROM_WIN32(first);
}

HRESULT oq_register_give_back(void)
{
    struct view views[VIEWS_MAX];
    const unsigned count = views_init(views);
    LSTATUS first = ERROR_SUCCESS;

    for (unsigned i = 0; i < count; i++) {
        oq_reg_use_view(views[i].flag);
        keep_first(&first, give_back_view(0));
    }
    views_release(views, count);
    return HRESULT_FROM_WIN32(first);
}
