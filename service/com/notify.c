/* notify.c - which object of which user is to be told about a group (contract 8.2; D25, D28).
 *
 * Owns one registration per group: the client's IBackgroundCopyCallback1 and the SID of who
 * registered it; not stored, so a restart of the service forgets them. Every thread that comes here
 * is in the process's one multi-threaded apartment, where a proxy may be used from any thread as it
 * is; so no global interface table stands between.
 *
 * Release calls the client, who may hang. So the lock is never held meanwhile, and a registration
 * that is replaced or cleared is released on a thread of the system's pool: the call that replaced
 * it may be somebody else's, an administrator's CancelGroup.
 */
#include "com_int.h"

#include "oq_alloc.h"
#include "oq_log.h"

#include <string.h>

struct registration {
    int64_t group_id;
    char *sid;
    IBackgroundCopyCallback1 *callback;
    struct registration *next;
};

struct oq_notify {
    SRWLOCK lock;
    struct registration *first;
    bool is_closed;
};

enum oq_status oq_notify_new(struct oq_notify **out)
{
    struct oq_notify *notify = oq_calloc(1, sizeof *notify);
    if (!notify)
        return OQ_E_NOMEM;
    InitializeSRWLock(&notify->lock);
    *out = notify;
    return OQ_OK;
}

static void free_registration(struct registration *registration)
{
    if (!registration)
        return;
    if (registration->callback)
        IBackgroundCopyCallback1_Release(registration->callback);
    oq_free(registration->sid);
    oq_free(registration);
}

static void CALLBACK release_on_pool(PTP_CALLBACK_INSTANCE instance, void *registration)
{
    (void)instance;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    free_registration(registration);
    if (SUCCEEDED(hr))
        CoUninitialize();
}

static void release_elsewhere(struct registration *registration)
{
    if (registration && !TrySubmitThreadpoolCallback(release_on_pool, registration, NULL))
        free_registration(registration);
}

void oq_notify_close(struct oq_notify *notify)
{
    AcquireSRWLockExclusive(&notify->lock);
    struct registration *registration = notify->first;
    notify->first = NULL;
    notify->is_closed = true;
    ReleaseSRWLockExclusive(&notify->lock);

    while (registration) {
        struct registration *next = registration->next;
        free_registration(registration);
        registration = next;
    }
}

void oq_notify_free(struct oq_notify *notify)
{
    if (!notify)
        return;
    oq_notify_close(notify);
    oq_free(notify);
}

/* An object on another machine would have the service log on there: the way machines' credentials
 * are stolen (NTLM reflection, CVE-2016-3225 and its kin). COM answers for its proxies itself, so a
 * client cannot lie about this; an object that does not know the question is none of COM's proxies,
 * or Wine's, and then local. */
static bool is_remote(IUnknown *unknown)
{
    IRpcOptions *options = NULL;
    ULONG_PTR locality = SERVER_LOCALITY_PROCESS_LOCAL;
    if (FAILED(IUnknown_QueryInterface(unknown, &IID_IRpcOptions, (void **)&options)) || !options)
        return false;
    HRESULT hr = IRpcOptions_Query(options, unknown, COMBND_SERVER_LOCALITY, &locality);
    IRpcOptions_Release(options);
    return SUCCEEDED(hr) && locality == SERVER_LOCALITY_REMOTE;
}

enum oq_status oq_notify_accept(IUnknown *unknown, IBackgroundCopyCallback1 **out,
                                struct oq_error *err)
{
    if (is_remote(unknown))
        return oq_error_set(err, OQ_E_ACCESS_DENIED, "the object to notify is on another machine");
    IBackgroundCopyCallback1 *callback = NULL;
    HRESULT hr =
        IUnknown_QueryInterface(unknown, &IID_IBackgroundCopyCallback1, (void **)&callback);
    if (FAILED(hr) || !callback)
        return oq_error_win32(err, OQ_E_INVALID_ARG, (uint32_t)hr,
                              "the object to notify has no IBackgroundCopyCallback1 (0x%08lx)",
                              (unsigned long)hr);
    *out = callback;
    return OQ_OK;
}

/* Takes the group's registration out of the list; the lock is held. NULL if there is none. */
static struct registration *take(struct oq_notify *notify, int64_t group_id)
{
    for (struct registration **link = &notify->first; *link; link = &(*link)->next) {
        struct registration *found = *link;
        if (found->group_id == group_id) {
            *link = found->next;
            return found;
        }
    }
    return NULL;
}

enum oq_status oq_notify_set(struct oq_notify *notify, int64_t group_id, const char *sid,
                             IBackgroundCopyCallback1 *callback)
{
    struct registration *registration = oq_calloc(1, sizeof *registration);
    if (!registration)
        return OQ_E_NOMEM;
    registration->group_id = group_id;
    registration->sid = oq_strdup(sid);
    if (!registration->sid) {
        free_registration(registration);
        return OQ_E_NOMEM;
    }
    registration->callback = callback;
    IBackgroundCopyCallback1_AddRef(callback);

    struct registration *old = NULL;
    AcquireSRWLockExclusive(&notify->lock);
    bool is_closed = notify->is_closed;
    if (!is_closed) {
        old = take(notify, group_id);
        registration->next = notify->first;
        notify->first = registration;
    }
    ReleaseSRWLockExclusive(&notify->lock);

    if (is_closed)
        free_registration(registration);
    release_elsewhere(old);
    return is_closed ? OQ_E_STOPPING : OQ_OK;
}

void oq_notify_clear(struct oq_notify *notify, int64_t group_id)
{
    AcquireSRWLockExclusive(&notify->lock);
    struct registration *old = take(notify, group_id);
    ReleaseSRWLockExclusive(&notify->lock);
    release_elsewhere(old);
}
