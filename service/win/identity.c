/* identity.c - tokens: read from a thread, remembered, found again, used.
 *
 * Any thread; the cache is under one lock, which is never held while Windows is asked for a session
 * or a logon.
 */
#include "identity_int.h"
#include "oq_win_identity.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "oq_utf.h"
#include "oq_win_support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include <sddl.h>
#include <wtsapi32.h>

#define SID_LOCAL_SYSTEM "S-1-5-18"
#define SID_LOCAL_SERVICE "S-1-5-19"
#define SID_NETWORK_SERVICE "S-1-5-20"
/* As in struct oq_caller_buffer. */
enum { SID_BYTES = sizeof(((struct oq_caller_buffer *)0)->sid) };

/* Of struct oq_rights, beside service SIDs. */
#define MARK_NETWORK 1u
#define MARK_FILTERED 2u

#define ACT_AS (TOKEN_QUERY | TOKEN_IMPERSONATE | TOKEN_DUPLICATE)

struct oq_identity {
    atomic_uint references;
    atomic_bool is_over; /* its session has ended */
    HANDLE token;        /* impersonation level; NULL = the process itself */
};

struct oq_win_identities {
    struct oq_identity_port port;
    struct oq_identity self; /* token NULL; its count never reaches 0 */
    char own_sid[SID_BYTES];
    struct oq_rights own_rights;
    bool is_wine;
    SRWLOCK lock; /* cache */
    struct oq_token_cache cache;
};

/* What the decisions need to know of a token. */
struct facts {
    char sid[SID_BYTES];
    struct oq_token_mark mark;
    SECURITY_IMPERSONATION_LEVEL level;
    bool is_restricted, is_in_container;
};

/* --- references ------------------------------------------------------------------------------- */

static struct oq_identity *port_ref(void *ctx, struct oq_identity *identity)
{
    (void)ctx;
    if (identity)
        atomic_fetch_add(&identity->references, 1);
    return identity;
}

static void port_unref(void *ctx, struct oq_identity *identity)
{
    (void)ctx;
    if (!identity || atomic_fetch_sub(&identity->references, 1) != 1)
        return;
    CloseHandle(identity->token);
    oq_free(identity);
}

/* Takes the token over in either case. */
static enum oq_status new_identity(HANDLE token, struct oq_identity **out, struct oq_error *err)
{
    struct oq_identity *identity = oq_calloc(1, sizeof *identity);
    if (!identity) {
        CloseHandle(token);
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    }
    atomic_init(&identity->references, 1);
    identity->token = token;
    *out = identity;
    return OQ_OK;
}

/* --- reading a token -------------------------------------------------------------------------- */

/* New block (oq_free) with that class of information; NULL with *status when it cannot be had. */
static void *query(HANDLE token, TOKEN_INFORMATION_CLASS what, enum oq_status *status,
                   struct oq_error *err)
{
    DWORD size = 0;
    GetTokenInformation(token, what, NULL, 0, &size);
    void *block = size > 0 ? oq_malloc(size) : NULL;
    if (block && GetTokenInformation(token, what, block, size, &size))
        return block;
    if (size > 0 && !block)
        *status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
    else
        *status = oq_win_fail(err, GetLastError(), "the caller's token cannot be read");
    oq_free(block);
    return NULL;
}

static enum oq_status read_sid(HANDLE token, char sid[SID_BYTES], struct oq_error *err)
{
    wchar_t *wide = NULL;
    char *text = NULL;
    enum oq_status status = OQ_OK;
    TOKEN_USER *user = query(token, TokenUser, &status, err);
    if (!user)
        return status;
    if (!ConvertSidToStringSidW(user->User.Sid, &wide))
        status = oq_win_fail(err, GetLastError(), "the caller's SID cannot be read");
    else if ((status = oq_utf16_to_8(wide, SIZE_MAX, &text)) != OQ_OK)
        oq_error_set(err, status, "the caller's SID cannot be read");
    else if (snprintf(sid, SID_BYTES, "%s", text) >= SID_BYTES)
        status = oq_error_set(err, OQ_E_BUG, "a SID of %u characters", (unsigned)strlen(text));
    oq_free(text);
    LocalFree(wide);
    oq_free(user);
    return status;
}

static enum oq_status read_integrity(HANDLE token, uint32_t *integrity, struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    TOKEN_MANDATORY_LABEL *label = query(token, TokenIntegrityLevel, &status, err);
    if (!label)
        return status;
    UCHAR count = *GetSidSubAuthorityCount(label->Label.Sid);
    *integrity = count > 0 ? *GetSidSubAuthority(label->Label.Sid, (DWORD)count - 1u) : 0;
    oq_free(label);
    return OQ_OK;
}

static uint64_t luid_value(LUID luid)
{
    return (uint64_t)(uint32_t)luid.HighPart << 32 | luid.LowPart;
}

static enum oq_status read_number(HANDLE token, TOKEN_INFORMATION_CLASS what, DWORD *value,
                                  struct oq_error *err)
{
    DWORD size = sizeof *value;
    *value = 0;
    if (GetTokenInformation(token, what, value, size, &size) || oq_win_is_wine())
        return OQ_OK; /* Wine does not know all of them, and has no containers or filtered tokens */
    return oq_win_fail(err, GetLastError(), "the caller's token cannot be read");
}

/* Enabled groups that set the tokens of one user apart. The SID of a service is
 * S-1-5-80-<SHA-1 of its name>, of which two sub-authorities are enough. */
static enum oq_status read_marks(HANDLE token, uint64_t *marks, struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    DWORD is_filtered = 0, type = TokenElevationTypeDefault;
    TOKEN_GROUPS *groups = query(token, TokenGroups, &status, err);
    if (!groups)
        return status;
    *marks = 0;
    for (DWORD i = 0; i < groups->GroupCount; i++) {
        PSID sid = groups->Groups[i].Sid;
        if (!(groups->Groups[i].Attributes & SE_GROUP_ENABLED))
            continue;
        if (IsWellKnownSid(sid, WinNetworkSid))
            *marks ^= MARK_NETWORK;
        else if (*GetSidSubAuthorityCount(sid) == 6 &&
                 GetSidIdentifierAuthority(sid)->Value[5] == 5 /* NT AUTHORITY */ &&
                 *GetSidSubAuthority(sid, 0) == SECURITY_SERVICE_ID_BASE_RID)
            *marks ^= (uint64_t)*GetSidSubAuthority(sid, 1) << 32 | *GetSidSubAuthority(sid, 2);
    }
    oq_free(groups);
    /* UAC filters too: that is what is_admin tells. */
    status = read_number(token, TokenHasRestrictions, &is_filtered, err);
    if (status == OQ_OK)
        status = read_number(token, TokenElevationType, &type, err);
    if (status == OQ_OK && is_filtered && type == TokenElevationTypeDefault)
        *marks ^= MARK_FILTERED;
    return status;
}

/* token: an impersonation token with TOKEN_QUERY. Outputs change only on success. */
static enum oq_status read_facts(HANDLE token, struct facts *out, struct oq_error *err)
{
    struct facts facts = {.level = SecurityAnonymous};
    BYTE administrators[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof administrators, container = 0, session = 0;
    BOOL is_member = FALSE;
    TOKEN_STATISTICS statistics;
    enum oq_status status = read_sid(token, facts.sid, err);
    if (status != OQ_OK)
        return status;
    status = read_integrity(token, &facts.mark.rights.integrity, err);
    if (status == OQ_OK)
        status = read_marks(token, &facts.mark.rights.marks, err);
    if (status == OQ_OK)
        status = read_number(token, TokenIsAppContainer, &container, err);
    if (status == OQ_OK)
        status = read_number(token, TokenSessionId, &session, err);
    if (status != OQ_OK)
        return status;
    if (!CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, administrators, &size) ||
        !CheckTokenMembership(token, administrators, &is_member))
        return oq_win_fail(err, GetLastError(), "the caller's groups cannot be read");
    size = sizeof statistics;
    if (!GetTokenInformation(token, TokenStatistics, &statistics, size, &size))
        return oq_win_fail(err, GetLastError(), "the caller's token cannot be read");
    facts.level = statistics.ImpersonationLevel;
    facts.mark.logon_id = luid_value(statistics.AuthenticationId);
    facts.mark.modified_id = luid_value(statistics.ModifiedId);
    facts.is_restricted = IsTokenRestricted(token) != FALSE;
    facts.is_in_container = container != 0;
    facts.mark.session_id = session;
    facts.mark.rights.is_admin = is_member || strcmp(facts.sid, SID_LOCAL_SYSTEM) == 0;
    *out = facts;
    return OQ_OK;
}

/* --- capture ---------------------------------------------------------------------------------- */

/* The rule of oq_win_identity.h, without Windows in it. */
static enum oq_status judge(const struct facts *facts, struct oq_error *err)
{
    if (facts->level < SecurityIdentification)
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_BAD_IMPERSONATION_LEVEL,
                              "the caller is anonymous");
    if (facts->is_restricted)
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_ACCESS_DENIED,
                              "the caller has a restricted token");
    if (facts->is_in_container)
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_ACCESS_DENIED,
                              "the caller runs in an AppContainer");
    if (facts->mark.rights.integrity < SECURITY_MANDATORY_MEDIUM_RID)
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_ACCESS_DENIED,
                              "the caller runs below medium integrity");
    return OQ_OK;
}

/* The identity for a token at impersonation level, remembered. Caller unrefs. */
static enum oq_status identity_of(struct oq_win_identities *all, HANDLE token,
                                  const struct facts *facts, struct oq_identity **out,
                                  struct oq_error *err)
{
    HANDLE copy = NULL;
    AcquireSRWLockExclusive(&all->lock);
    struct oq_identity *known =
        port_ref(NULL, oq_token_cache_find_same(&all->cache, facts->sid, &facts->mark));
    ReleaseSRWLockExclusive(&all->lock);
    if (known) {
        *out = known;
        return OQ_OK;
    }
    if (!DuplicateTokenEx(token, ACT_AS, NULL, SecurityImpersonation, TokenImpersonation, &copy))
        return oq_win_fail(err, GetLastError(), "the caller's token cannot be kept");
    enum oq_status status = new_identity(copy, &known, err);
    if (status != OQ_OK)
        return status;
    AcquireSRWLockExclusive(&all->lock);
    oq_token_cache_save(&all->cache, facts->sid, &facts->mark, port_ref(NULL, known));
    ReleaseSRWLockExclusive(&all->lock);
    *out = known;
    return OQ_OK;
}

static void fill(struct oq_caller_buffer *out, const char *sid, const struct oq_rights *rights,
                 uint64_t logon_id, struct oq_identity *identity)
{
    snprintf(out->sid, sizeof out->sid, "%s", sid);
    out->caller.sid = out->sid;
    out->caller.rights = *rights;
    out->caller.logon_id = logon_id;
    out->caller.identity = identity;
}

static enum oq_status port_capture(void *ctx, struct oq_caller_buffer *out, struct oq_error *err)
{
    struct oq_win_identities *all = ctx;
    struct oq_identity *identity = NULL;
    struct facts facts = {.level = SecurityAnonymous};
    HANDLE token = NULL;
    enum oq_status status;
    /* As the process (TRUE): a token at identification level cannot be opened as its user. */
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY | TOKEN_DUPLICATE, TRUE, &token)) {
        DWORD win32 = GetLastError();
        if (win32 != ERROR_NO_TOKEN)
            return oq_win_fail(err, win32, "the caller's token cannot be opened");
        if (!all->is_wine)
            return oq_error_win32(err, OQ_E_ACCESS_DENIED, win32,
                                  "the caller did not allow to be identified");
        fill(out, all->own_sid, &all->own_rights, 0, port_ref(NULL, &all->self));
        return OQ_OK;
    }
    status = read_facts(token, &facts, err);
    if (status != OQ_OK)
        goto out;
    status = judge(&facts, err);
    if (status != OQ_OK)
        goto out;
    if (facts.level >= SecurityImpersonation) {
        status = identity_of(all, token, &facts, &identity, err);
        if (status != OQ_OK)
            goto out;
    }
    fill(out, facts.sid, &facts.mark.rights, facts.mark.logon_id, identity);
out:
    CloseHandle(token);
    return status;
}

/* --- acquire ---------------------------------------------------------------------------------- */

/* Whose token is looked for. */
struct wanted {
    const char *sid;
    const struct oq_rights *rights;
    uint64_t logon_id; /* 0 = any */
};

static enum oq_status absent(struct oq_error *err)
{
    return oq_error_win32(err, OQ_E_OWNER_ABSENT, ERROR_NOT_LOGGED_ON,
                          "the owner is not logged on");
}

/* Takes the token over; if it is what is looked for, makes it an identity and remembers it. */
static enum oq_status keep(struct oq_win_identities *all, HANDLE primary,
                           const struct wanted *wanted, struct oq_identity **out,
                           struct oq_error *err)
{
    struct facts facts = {.level = SecurityAnonymous};
    HANDLE copy = NULL;
    enum oq_status status;
    if (!DuplicateTokenEx(primary, ACT_AS, NULL, SecurityImpersonation, TokenImpersonation,
                          &copy)) {
        status = oq_win_fail(err, GetLastError(), "a user's token cannot be kept");
    } else {
        status = read_facts(copy, &facts, err);
        if (status == OQ_OK && (strcmp(facts.sid, wanted->sid) != 0 ||
                                !oq_rights_fit(&facts.mark.rights, wanted->rights) ||
                                (wanted->logon_id && facts.mark.logon_id != wanted->logon_id)))
            status = absent(err);
        if (status == OQ_OK)
            status = identity_of(all, copy, &facts, out, err);
        CloseHandle(copy);
    }
    CloseHandle(primary);
    return status;
}

/* Accounts without a password, which only LocalSystem may log on. */
static HANDLE log_service_account_on(const char *sid)
{
    HANDLE token = NULL;
    const wchar_t *name = strcmp(sid, SID_LOCAL_SERVICE) == 0     ? L"LOCAL SERVICE"
                          : strcmp(sid, SID_NETWORK_SERVICE) == 0 ? L"NETWORK SERVICE"
                                                                  : NULL;
    if (!name)
        return NULL;
    if (!LogonUserW(name, L"NT AUTHORITY", NULL, LOGON32_LOGON_SERVICE, LOGON32_PROVIDER_DEFAULT,
                    &token)) {
        oq_log_debug("identity: %s cannot be logged on (%lu)", sid, (unsigned long)GetLastError());
        return NULL;
    }
    return token;
}

/* The other token of an administrator who has two (UAC), or NULL. Only LocalSystem gets one that
 * can be acted with. */
static HANDLE linked_token(HANDLE token)
{
    TOKEN_LINKED_TOKEN linked = {NULL};
    DWORD size = sizeof linked;
    return GetTokenInformation(token, TokenLinkedToken, &linked, size, &size) ? linked.LinkedToken
                                                                              : NULL;
}

/* From a session. Needs SeTcbPrivilege, so LocalSystem. */
static enum oq_status find_session(struct oq_win_identities *all, const struct wanted *wanted,
                                   struct oq_identity **out, struct oq_error *err)
{
    WTS_SESSION_INFOW *sessions = NULL;
    DWORD count = 0;
    enum oq_status status = absent(err);
    if (!WTSEnumerateSessionsW(WTS_CURRENT_SERVER_HANDLE, 0, 1, &sessions, &count))
        return status;
    for (DWORD i = 0; i < count && status != OQ_OK; i++) {
        char sid[SID_BYTES];
        HANDLE token = NULL, linked = NULL;
        if (!WTSQueryUserToken(sessions[i].SessionId, &token))
            continue; /* no user is logged on there, or we may not ask */
        if (read_sid(token, sid, NULL) != OQ_OK || strcmp(sid, wanted->sid) != 0) {
            CloseHandle(token);
            continue;
        }
        linked = wanted->rights->is_admin ? linked_token(token) : NULL;
        status = keep(all, token, wanted, out, err);
        if (linked && status != OQ_OK)
            status = keep(all, linked, wanted, out, err);
        else if (linked)
            CloseHandle(linked);
    }
    WTSFreeMemory(sessions);
    return status == OQ_OK ? OQ_OK : absent(err);
}

/* May the process act for it with its own token? */
static bool is_self(const struct oq_win_identities *all, const struct wanted *wanted)
{
    const struct oq_rights *own = &all->own_rights, *asked = wanted->rights;
    if (strcmp(wanted->sid, all->own_sid) != 0)
        return false;
    if (strcmp(wanted->sid, SID_LOCAL_SYSTEM) == 0) /* which has every service's rights */
        return asked->is_admin && asked->integrity >= own->integrity;
    return all->is_wine || oq_rights_fit(own, asked);
}

static enum oq_status port_acquire(void *ctx, const char *sid, const struct oq_rights *rights,
                                   uint64_t logon_id, struct oq_identity **out,
                                   struct oq_error *err)
{
    struct oq_win_identities *all = ctx;
    const struct wanted wanted = {sid, rights, logon_id};
    struct oq_identity *known = NULL;
    HANDLE primary = NULL;
    if (strcmp(sid, SID_LOCAL_SYSTEM) != 0 || !is_self(all, &wanted)) {
        AcquireSRWLockExclusive(&all->lock);
        known = port_ref(NULL, oq_token_cache_find(&all->cache, sid, rights, logon_id));
        ReleaseSRWLockExclusive(&all->lock);
    }
    if (!known && is_self(all, &wanted))
        known = port_ref(NULL, &all->self);
    if (known) {
        *out = known;
        return OQ_OK;
    }
    primary = log_service_account_on(sid);
    return primary ? keep(all, primary, &wanted, out, err) : find_session(all, &wanted, out, err);
}

void oq_win_identities_logged_off(struct oq_win_identities *identities, uint32_t session_id)
{
    struct oq_identity *identity = NULL;
    do {
        AcquireSRWLockExclusive(&identities->lock);
        identity = oq_token_cache_take(&identities->cache, session_id);
        ReleaseSRWLockExclusive(&identities->lock);
        if (identity)
            atomic_store(&identity->is_over, true);
        port_unref(NULL, identity);
    } while (identity);
}

/* --- use -------------------------------------------------------------------------------------- */

static _Noreturn void end_process(const char *what)
{
    oq_log_error("identity: %s (%lu); the process ends", what, (unsigned long)GetLastError());
    TerminateProcess(GetCurrentProcess(), ERROR_CANNOT_IMPERSONATE);
    abort();
}

static void port_enter(void *ctx, struct oq_identity *as)
{
    (void)ctx;
    if (as->token && !SetThreadToken(NULL, as->token))
        end_process("a thread cannot take its user's rights");
}

static void port_leave(void *ctx)
{
    (void)ctx;
    if (!RevertToSelf())
        end_process("a thread cannot drop its user's rights");
}

enum oq_status oq_win_identity_run(struct oq_identity *as, oq_win_identity_work *work, void *arg,
                                   struct oq_error *err)
{
    if (!as)
        return oq_error_win32(err, OQ_E_ACCESS_DENIED, ERROR_BAD_IMPERSONATION_LEVEL,
                              "there is no user to act as: the caller allowed identification only");
    if (atomic_load(&as->is_over))
        return absent(err);
    if (!as->token)
        return work(arg, err);
    if (!SetThreadToken(NULL, as->token))
        return oq_win_fail(err, GetLastError(), "cannot act as the owner");
    enum oq_status status = work(arg, err);
    port_leave(NULL);
    return status;
}

/* --- the whole -------------------------------------------------------------------------------- */

static void release_cached(void *ctx, struct oq_identity *identity)
{
    port_unref(ctx, identity);
}

static enum oq_status read_self(struct oq_win_identities *all, struct oq_error *err)
{
    struct facts facts = {.level = SecurityAnonymous};
    HANDLE process = NULL, copy = NULL;
    enum oq_status status = OQ_OK;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY | TOKEN_DUPLICATE, &process) ||
        !DuplicateTokenEx(process, TOKEN_QUERY, NULL, SecurityImpersonation, TokenImpersonation,
                          &copy))
        status = oq_win_fail(err, GetLastError(), "the token of the process cannot be opened");
    else
        status = read_facts(copy, &facts, err);
    if (status == OQ_OK) {
        snprintf(all->own_sid, sizeof all->own_sid, "%s", facts.sid);
        all->own_rights = facts.mark.rights;
    }
    if (copy)
        CloseHandle(copy);
    if (process)
        CloseHandle(process);
    return status;
}

enum oq_status oq_win_identities_new(struct oq_win_identities **out, struct oq_error *err)
{
    struct oq_win_identities *all = oq_calloc(1, sizeof *all);
    if (!all)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    all->port = (struct oq_identity_port){.ctx = all,
                                          .capture = port_capture,
                                          .acquire = port_acquire,
                                          .enter = port_enter,
                                          .leave = port_leave,
                                          .ref = port_ref,
                                          .unref = port_unref};
    atomic_init(&all->self.references, 1);
    all->is_wine = oq_win_is_wine();
    InitializeSRWLock(&all->lock);
    oq_token_cache_init(&all->cache, release_cached, all);
    enum oq_status status = read_self(all, err);
    if (status != OQ_OK) {
        oq_win_identities_free(all);
        return status;
    }
    *out = all;
    return OQ_OK;
}

void oq_win_identities_free(struct oq_win_identities *identities)
{
    if (!identities)
        return;
    oq_token_cache_release(&identities->cache);
    oq_free(identities);
}

const struct oq_identity_port *oq_win_identities_port(struct oq_win_identities *identities)
{
    return &identities->port;
}

const char *oq_win_identities_own_sid(const struct oq_win_identities *identities)
{
    return identities->own_sid;
}

/* --- the table of tokens ---------------------------------------------------------------------- */

void oq_token_cache_init(struct oq_token_cache *cache,
                         void (*release)(void *ctx, struct oq_identity *identity), void *ctx)
{
    memset(cache, 0, sizeof *cache);
    cache->release = release;
    cache->ctx = ctx;
}

static void empty(struct oq_token_cache *cache, struct oq_token_entry *entry)
{
    if (entry->identity)
        cache->release(cache->ctx, entry->identity);
    memset(entry, 0, sizeof *entry);
}

void oq_token_cache_release(struct oq_token_cache *cache)
{
    for (size_t i = 0; i < OQ_TOKEN_CACHE_ENTRIES; i++)
        empty(cache, &cache->entries[i]);
}

static bool is_of(const struct oq_token_entry *entry, const char *sid)
{
    return entry->identity && strcmp(entry->sid, sid) == 0;
}

static struct oq_identity *use(struct oq_token_cache *cache, struct oq_token_entry *entry)
{
    if (!entry)
        return NULL;
    entry->used = ++cache->clock;
    return entry->identity;
}

static bool is_same(const struct oq_rights *one, const struct oq_rights *other)
{
    return one->is_admin == other->is_admin && one->integrity == other->integrity &&
           one->marks == other->marks;
}

struct oq_identity *oq_token_cache_find_same(struct oq_token_cache *cache, const char *sid,
                                             const struct oq_token_mark *mark)
{
    for (size_t i = 0; i < OQ_TOKEN_CACHE_ENTRIES; i++) {
        struct oq_token_entry *entry = &cache->entries[i];
        if (is_of(entry, sid) && entry->mark.logon_id == mark->logon_id &&
            entry->mark.modified_id == mark->modified_id &&
            is_same(&entry->mark.rights, &mark->rights))
            return use(cache, entry);
    }
    return NULL;
}

struct oq_identity *oq_token_cache_find(struct oq_token_cache *cache, const char *sid,
                                        const struct oq_rights *rights, uint64_t logon_id)
{
    struct oq_token_entry *best = NULL;
    for (size_t i = 0; i < OQ_TOKEN_CACHE_ENTRIES; i++) {
        struct oq_token_entry *entry = &cache->entries[i];
        const struct oq_token_mark *mark = &entry->mark;
        if (!is_of(entry, sid) || !oq_rights_fit(&mark->rights, rights) ||
            (logon_id && mark->logon_id != logon_id))
            continue;
        if (!best || mark->rights.integrity > best->mark.rights.integrity ||
            (mark->rights.integrity == best->mark.rights.integrity && entry->used > best->used))
            best = entry;
    }
    return use(cache, best);
}

struct oq_identity *oq_token_cache_take(struct oq_token_cache *cache, uint32_t session_id)
{
    for (size_t i = 0; session_id && i < OQ_TOKEN_CACHE_ENTRIES; i++) {
        struct oq_token_entry *entry = &cache->entries[i];
        struct oq_identity *identity = entry->identity;
        if (!identity || entry->mark.session_id != session_id)
            continue;
        memset(entry, 0, sizeof *entry);
        return identity;
    }
    return NULL;
}

void oq_token_cache_save(struct oq_token_cache *cache, const char *sid,
                         const struct oq_token_mark *mark, struct oq_identity *identity)
{
    struct oq_token_entry *place = &cache->entries[0], *own = NULL;
    unsigned of_user = 0;
    if (strlen(sid) >= sizeof place->sid) {
        cache->release(cache->ctx, identity);
        return;
    }
    for (size_t i = 0; i < OQ_TOKEN_CACHE_ENTRIES; i++) {
        struct oq_token_entry *entry = &cache->entries[i];
        if (entry->used < place->used) /* a free entry was never used */
            place = entry;
        if (!is_of(entry, sid))
            continue;
        of_user++;
        if (entry->mark.logon_id == mark->logon_id && is_same(&entry->mark.rights, &mark->rights)) {
            own = entry;
            of_user = OQ_TOKEN_CACHE_OF_USER;
            break;
        }
        if (!own || entry->used < own->used)
            own = entry;
    }
    if (of_user >= OQ_TOKEN_CACHE_OF_USER)
        place = own;
    empty(cache, place);
    memcpy(place->sid, sid, strlen(sid) + 1);
    place->mark = *mark;
    place->identity = identity;
    (void)use(cache, place);
}
