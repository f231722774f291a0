/* notify.c - the registered callbacks and the events that are pending for them (contract 8.2; D25,
 * D28).
 *
 * Owns a record per group of which there is something to remember: the latest event of the engine,
 * and the registration, which is the client's IBackgroundCopyCallback1 and the user who set it. The
 * registration is not stored, so a restart of the service forgets it; the event is in the engine's
 * database, and is posted again. core/oq_delivery.h decides; deliver.c calls. Every thread that
 * comes here with an object is in the process's one multi-threaded apartment, where a proxy may be
 * used from any thread as it is; so no global interface table stands between.
 *
 * Release calls the client, who may hang. So the lock is never held meanwhile, and a registration
 * that is replaced or cleared is released on a thread of the system's pool: the call that replaced
 * it may be somebody else's, an administrator's CancelGroup.
 */
#include "notify_int.h"

#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_log.h"

#include <string.h>

#define BUCKETS 256        /* of groups by number, which are given one after the other */
#define INCOMPLETE_MS 1000 /* before events that had no place are asked for again */

struct registration {
    atomic_uint refs; /* the record's and one for each call */
    IBackgroundCopyCallback1 *callback;
    PTP_WORK release; /* made beforehand, so that letting go cannot fail */
};

struct user {
    struct oq_delivery_user delivery;
    unsigned refs; /* one for each record and each call */
    struct user *next;
    char sid[];
};

struct entry {
    struct oq_delivery delivery;
    struct oq_event event; /* while delivery.is_pending; event.group always */
    struct registration *registration;
    struct user *user;
    unsigned calls; /* under way, also of registrations that were replaced */
    struct entry *next;
};

struct oq_notify {
    SRWLOCK lock;               /* of all below; held for a look through the records at most */
    CONDITION_VARIABLE changed; /* somebody's turn may have come */
    struct entry *buckets[BUCKETS];
    struct user *users;
    uint32_t calls; /* under way */
    bool is_incomplete;
    int64_t incomplete_at_ms; /* when to ask again */
    bool is_stopped;
    bool is_closed;
};

static int64_t now_ms(void)
{
    return oq_clock_mono_ms(oq_clock_system());
}

enum oq_status oq_notify_new(struct oq_notify **out)
{
    struct oq_notify *notify = oq_calloc(1, sizeof *notify);
    if (!notify)
        return OQ_E_NOMEM;
    InitializeSRWLock(&notify->lock);
    InitializeConditionVariable(&notify->changed);
    *out = notify;
    return OQ_OK;
}

/* --- registrations ---------------------------------------------------------------------------- */

static void free_registration(struct registration *registration)
{
    IBackgroundCopyCallback1_Release(registration->callback);
    CloseThreadpoolWork(registration->release); /* also from within: it lives until it returns */
    oq_free(registration);
}

static void CALLBACK release_on_pool(PTP_CALLBACK_INSTANCE instance, void *registration,
                                     PTP_WORK work)
{
    (void)instance, (void)work;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    free_registration(registration);
    if (SUCCEEDED(hr))
        CoUninitialize();
}

static bool is_last(struct registration *registration)
{
    return registration && atomic_fetch_sub(&registration->refs, 1) == 1;
}

/* NULL is allowed. Does not call the client on this thread. */
static void release_elsewhere(struct registration *registration)
{
    if (is_last(registration))
        SubmitThreadpoolWork(registration->release);
}

/* --- records; the lock is held ---------------------------------------------------------------- */

static struct user *find_user(struct oq_notify *notify, const char *sid)
{
    struct user *user = notify->users;
    while (user && strcmp(user->sid, sid) != 0)
        user = user->next;
    return user;
}

static void unref_user(struct oq_notify *notify, struct user *user)
{
    if (!user || --user->refs > 0)
        return;
    struct user **link = &notify->users;
    while (*link != user)
        link = &(*link)->next;
    *link = user->next;
    oq_free(user);
}

static struct entry **bucket_of(struct oq_notify *notify, int64_t group_id)
{
    return &notify->buckets[(uint64_t)group_id % BUCKETS];
}

static struct entry *find_entry(struct oq_notify *notify, int64_t group_id)
{
    struct entry *entry = *bucket_of(notify, group_id);
    while (entry && entry->event.group != group_id)
        entry = entry->next;
    return entry;
}

static void add_entry(struct oq_notify *notify, struct entry *entry)
{
    struct entry **bucket = bucket_of(notify, entry->event.group);
    entry->next = *bucket;
    *bucket = entry;
}

/* Removes the record if there is nothing left to remember. */
static void tidy_entry(struct oq_notify *notify, struct entry *entry)
{
    if (entry->delivery.is_pending || entry->registration || entry->calls > 0)
        return;
    struct entry **link = bucket_of(notify, entry->event.group);
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    oq_free(entry);
}

/* The caller releases what it gets. */
static struct registration *take_registration(struct oq_notify *notify, struct entry *entry)
{
    struct registration *old = entry->registration;
    unref_user(notify, entry->user);
    entry->registration = NULL;
    entry->user = NULL;
    return old;
}

/* --- what clients and the engine bring -------------------------------------------------------- */

/* An object on another machine would have the service log on there: how machines' credentials
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

/* How the service appears to the client that it calls: as itself, to be looked at, not to be acted
 * as. The service is LocalSystem; with IMPERSONATE a client could do in its name whatever it likes.
 * IDENTIFY is the least that works: COM's default rules let SYSTEM call a client, and no one
 * anonymous.
 *
 * Without cloaking, so that every call goes out as the process itself, whatever a thread may be
 * doing at that time. (Static cloaking would freeze the identity that the registering thread has
 * now, which is the same, and depend on its having dropped its client's; dynamic cloaking, which is
 * the process's default, would take each calling thread's own.)
 *
 * An object without IClientSecurity is no proxy, and nothing leaves the process. Wine's proxies
 * have it and do not implement it; no one can impersonate there. The process's default is IDENTIFY
 * too (security.c), so this says it twice; but a default can be changed without thinking of this
 * place.
 */
static HRESULT hide_identity(IUnknown *proxy)
{
    IClientSecurity *security = NULL;
    if (FAILED(IUnknown_QueryInterface(proxy, &IID_IClientSecurity, (void **)&security)) ||
        !security)
        return S_OK;
    HRESULT hr = IClientSecurity_SetBlanket(
        security, proxy, RPC_C_AUTHN_DEFAULT, RPC_C_AUTHZ_DEFAULT, NULL,
        RPC_C_AUTHN_LEVEL_PKT_PRIVACY, RPC_C_IMP_LEVEL_IDENTIFY, NULL, EOAC_NONE);
    IClientSecurity_Release(security);
    return hr == E_NOTIMPL ? S_OK : hr;
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
    hr = hide_identity((IUnknown *)callback);
    if (FAILED(hr)) {
        IBackgroundCopyCallback1_Release(callback);
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, (uint32_t)hr,
                              "calls to the object to notify cannot be made safe (0x%08lx)",
                              (unsigned long)hr);
    }
    *out = callback;
    return OQ_OK;
}

/* All the memory that a registration may need, so that nothing can fail in the middle. */
struct parts {
    struct registration *registration;
    struct entry *entry;
    struct user *user;
};

static bool new_parts(struct parts *parts, int64_t group_id, const char *sid,
                      IBackgroundCopyCallback1 *callback)
{
    size_t length = strlen(sid) + 1;
    parts->registration = oq_calloc(1, sizeof *parts->registration);
    parts->entry = oq_calloc(1, sizeof *parts->entry);
    parts->user = oq_calloc(1, sizeof *parts->user + length);
    if (parts->registration)
        parts->registration->release =
            CreateThreadpoolWork(release_on_pool, parts->registration, NULL);
    if (!parts->registration || !parts->registration->release || !parts->entry || !parts->user) {
        if (parts->registration && parts->registration->release)
            CloseThreadpoolWork(parts->registration->release);
        oq_free(parts->registration);
        oq_free(parts->entry);
        oq_free(parts->user);
        return false;
    }
    atomic_init(&parts->registration->refs, 1);
    parts->registration->callback = callback;
    IBackgroundCopyCallback1_AddRef(callback);
    parts->entry->event.group = group_id;
    memcpy(parts->user->sid, sid, length);
    return true;
}

/* The lock is held. Takes out of *parts what it uses; gives the replaced registration. */
static struct registration *use_parts(struct oq_notify *notify, struct parts *parts)
{
    struct entry *entry = find_entry(notify, parts->entry->event.group);
    if (!entry) {
        entry = parts->entry;
        parts->entry = NULL;
        add_entry(notify, entry);
    }
    struct user *user = find_user(notify, parts->user->sid);
    if (!user) {
        user = parts->user;
        parts->user = NULL;
        user->next = notify->users;
        notify->users = user;
    }
    user->refs++;
    struct registration *old = take_registration(notify, entry);
    entry->registration = parts->registration;
    entry->user = user;
    parts->registration = NULL;
    oq_delivery_register(&entry->delivery, &user->delivery, now_ms());
    return old;
}

enum oq_status oq_notify_set(struct oq_notify *notify, int64_t group_id, const char *sid,
                             IBackgroundCopyCallback1 *callback)
{
    struct parts parts;
    struct registration *old = NULL;
    if (!new_parts(&parts, group_id, sid, callback))
        return OQ_E_NOMEM;

    AcquireSRWLockExclusive(&notify->lock);
    bool is_closed = notify->is_closed;
    if (!is_closed)
        old = use_parts(notify, &parts);
    ReleaseSRWLockExclusive(&notify->lock);

    WakeAllConditionVariable(&notify->changed);
    release_elsewhere(old);
    if (parts.registration) /* not used: closed */
        free_registration(parts.registration);
    oq_free(parts.entry);
    oq_free(parts.user);
    return is_closed ? OQ_E_STOPPING : OQ_OK;
}

uint32_t oq_notify_count(struct oq_notify *notify)
{
    uint32_t count = 0;
    AcquireSRWLockShared(&notify->lock);
    for (unsigned i = 0; i < BUCKETS; i++)
        for (const struct entry *entry = notify->buckets[i]; entry; entry = entry->next)
            count += entry->registration ? 1 : 0;
    ReleaseSRWLockShared(&notify->lock);
    return count;
}

void oq_notify_clear(struct oq_notify *notify, int64_t group_id)
{
    struct registration *old = NULL;
    AcquireSRWLockExclusive(&notify->lock);
    struct entry *entry = find_entry(notify, group_id);
    if (entry) {
        old = take_registration(notify, entry);
        oq_delivery_clear(&entry->delivery);
        tidy_entry(notify, entry);
    }
    ReleaseSRWLockExclusive(&notify->lock);
    release_elsewhere(old);
}

/* The lock is held. */
static void lose(struct oq_notify *notify)
{
    notify->is_incomplete = true;
    notify->incomplete_at_ms = now_ms() + INCOMPLETE_MS;
}

void oq_notify_lost(struct oq_notify *notify)
{
    AcquireSRWLockExclusive(&notify->lock);
    lose(notify);
    ReleaseSRWLockExclusive(&notify->lock);
}

/* On the engine's thread. After the last event of a group no client is notified of it, however it
 * ended: CancelGroup is not called for one that has expired. */
void oq_notify_post(struct oq_notify *notify, const struct oq_event *event)
{
    bool is_pending = event->kind != OQ_EVENT_NONE && !event->is_gone;
    struct registration *old = NULL;
    AcquireSRWLockExclusive(&notify->lock);
    struct entry *entry = notify->is_closed ? NULL : find_entry(notify, event->group);
    if (!entry && is_pending && !notify->is_closed) {
        entry = oq_calloc(1, sizeof *entry);
        if (entry) {
            entry->event.group = event->group;
            add_entry(notify, entry);
        } else {
            lose(notify);
        }
    }
    if (entry) {
        entry->event = *event;
        oq_delivery_post(&entry->delivery, is_pending, event->serial, now_ms());
        if (event->is_gone) {
            old = take_registration(notify, entry);
            oq_delivery_clear(&entry->delivery);
        }
        tidy_entry(notify, entry);
    }
    ReleaseSRWLockExclusive(&notify->lock);
    WakeAllConditionVariable(&notify->changed);
    release_elsewhere(old);
}

/* --- whose turn it is ------------------------------------------------------------------------- */

/* The lock is held. Fills *call and counts it, or says when to look again. */
static bool choose(struct oq_notify *notify, const struct oq_delivery_rules *rules, int64_t now,
                   struct oq_notify_call *call, int64_t *wake_at_ms)
{
    struct oq_delivery_choice choice;
    oq_delivery_choice_init(&choice, rules, notify->calls, now);
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct entry *entry = notify->buckets[i]; entry; entry = entry->next)
            oq_delivery_consider(&choice, &entry->delivery);
    }
    *wake_at_ms = choice.wake_at_ms;
    if (!choice.best)
        return false;

    struct entry *entry = CONTAINER_OF(choice.best, struct entry, delivery);
    oq_delivery_begin(&entry->delivery, &call->delivery);
    notify->calls++;
    entry->calls++;
    entry->user->refs++;
    atomic_fetch_add(&entry->registration->refs, 1);
    call->event = entry->event;
    call->callback = entry->registration->callback;
    call->entry = entry;
    call->user = entry->user;
    call->registration = entry->registration;
    return true;
}

static DWORD left_until(int64_t at_ms, int64_t now)
{
    if (at_ms == INT64_MAX)
        return INFINITE;
    if (at_ms <= now)
        return 0;
    return at_ms - now < INFINITE ? (DWORD)(at_ms - now) : INFINITE - 1;
}

enum oq_notify_next oq_notify_wait(struct oq_notify *notify, const struct oq_delivery_rules *rules,
                                   struct oq_notify_call *call)
{
    enum oq_notify_next next = OQ_NOTIFY_CLOSED;
    AcquireSRWLockExclusive(&notify->lock);
    while (!notify->is_stopped) {
        int64_t wake_at_ms;
        int64_t now = now_ms();
        if (notify->is_incomplete && notify->incomplete_at_ms <= now) {
            notify->is_incomplete = false;
            next = OQ_NOTIFY_INCOMPLETE;
            break;
        }
        if (choose(notify, rules, now, call, &wake_at_ms)) {
            next = OQ_NOTIFY_CALL;
            break;
        }
        if (notify->is_incomplete && notify->incomplete_at_ms < wake_at_ms)
            wake_at_ms = notify->incomplete_at_ms;
        SleepConditionVariableSRW(&notify->changed, &notify->lock, left_until(wake_at_ms, now), 0);
    }
    ReleaseSRWLockExclusive(&notify->lock);
    return next;
}

bool oq_notify_try(struct oq_notify *notify, const struct oq_delivery_rules *rules,
                   struct oq_notify_call *call)
{
    int64_t unused;
    AcquireSRWLockExclusive(&notify->lock);
    bool is_found = !notify->is_stopped && choose(notify, rules, now_ms(), call, &unused);
    ReleaseSRWLockExclusive(&notify->lock);
    return is_found;
}

bool oq_notify_end(struct oq_notify *notify, const struct oq_delivery_rules *rules,
                   struct oq_notify_call *call, enum oq_delivery_answer answer)
{
    struct registration *dropped = NULL;
    AcquireSRWLockExclusive(&notify->lock);
    struct entry *entry = call->entry;
    enum oq_delivery_effect effect =
        oq_delivery_end(&entry->delivery, &call->delivery, answer, rules, now_ms());
    if (effect == OQ_DELIVERY_DROP)
        dropped = take_registration(notify, entry);
    notify->calls--;
    entry->calls--;
    unref_user(notify, call->user);
    tidy_entry(notify, entry);
    ReleaseSRWLockExclusive(&notify->lock);

    WakeAllConditionVariable(&notify->changed); /* there is a free place */
    release_elsewhere(dropped);
    release_elsewhere(call->registration);
    return effect == OQ_DELIVERY_ACKNOWLEDGE;
}

/* --- the end ---------------------------------------------------------------------------------- */

void oq_notify_stop(struct oq_notify *notify)
{
    AcquireSRWLockExclusive(&notify->lock);
    notify->is_stopped = true;
    ReleaseSRWLockExclusive(&notify->lock);
    WakeAllConditionVariable(&notify->changed);
}

/* A record that has a registration or, for good, any; the lock is held. */
static struct entry *first_to_close(struct oq_notify *notify)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct entry *entry = notify->buckets[i]; entry; entry = entry->next) {
            if (entry->registration || entry->delivery.is_pending)
                return entry;
        }
    }
    return NULL;
}

/* Records of calls that are still under way stay, and go with these. */
void oq_notify_close(struct oq_notify *notify)
{
    struct entry *entry;
    oq_notify_stop(notify);
    AcquireSRWLockExclusive(&notify->lock);
    notify->is_closed = true;
    while ((entry = first_to_close(notify)) != NULL) {
        struct registration *old = take_registration(notify, entry);
        oq_delivery_clear(&entry->delivery);
        entry->delivery.is_pending = false;
        tidy_entry(notify, entry);
        ReleaseSRWLockExclusive(&notify->lock);
        if (is_last(old))
            free_registration(old);
        AcquireSRWLockExclusive(&notify->lock);
    }
    ReleaseSRWLockExclusive(&notify->lock);
}

void oq_notify_free(struct oq_notify *notify)
{
    if (!notify)
        return;
    oq_notify_close(notify);
    oq_free(notify);
}
