/* identity.c - tokens: read from a thread, remembered, found again, used.
 *
 * Any thread; the cache is under one lock, which is never held while Windows is asked for a session
 * or an authentication.
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

#define ACT_AS (TOKEN_QUERY | TOKEN_IMPERSONATE | TOKEN_DUPLICATE)

struct oq_identity {
    atomic_uint references;
    HANDLE token; /* impersonation level; NULL = the process itself */
};

struct oq_win_identities {
    struct oq_identity_port port;
    struct oq_identity self; /* token NULL; its count never reaches 0 */
    char own_sid[SID_BYTES];
    bool is_own_admin;
    bool is_wine;
    SRWLOCK lock; /* cache */
    struct oq_token_cache cache;
};

/* What the decisions need to know of a token. */
struct facts {
    char sid[SID_BYTES];
    struct oq_token_mark mark;
    SECURITY_IMPERSONATION_LEVEL level;
    bool is_restricted, is_in_container, is_admin;
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

/* token: an impersonation token with TOKEN_QUERY. Outputs change only on success. */
static enum oq_status read_facts(HANDLE token, struct facts *out, struct oq_error *err)
{
    struct facts facts = {.level = SecurityAnonymous};
    BYTE administrators[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof administrators, container = 0;
    BOOL is_member = FALSE;
    TOKEN_STATISTICS statistics;
    enum oq_status status = read_sid(token, facts.sid, err);
    if (status != OQ_OK)
        return status;
    status = read_integrity(token, &facts.mark.integrity, err);
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
    size = sizeof container;
    if (!GetTokenInformation(token, TokenIsAppContainer, &container, size, &size)) {
        if (!oq_win_is_wine()) /* which has no such containers, and does not know the question */
            return oq_win_fail(err, GetLastError(), "the caller's token cannot be read");
        container = 0;
    }
    facts.is_in_container = container != 0;
    facts.is_admin = is_member || strcmp(facts.sid, SID_LOCAL_SYSTEM) == 0;
    facts.mark.is_elevated = facts.is_admin;
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
    if (facts->mark.integrity < SECURITY_MANDATORY_MEDIUM_RID)
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

static void fill(struct oq_caller_buffer *out, const char *sid, bool is_admin,
                 struct oq_identity *identity)
{
    snprintf(out->sid, sizeof out->sid, "%s", sid);
    out->caller.sid = out->sid;
    out->caller.is_admin = is_admin;
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
        fill(out, all->own_sid, all->is_own_admin, port_ref(NULL, &all->self));
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
    fill(out, facts.sid, facts.is_admin, identity);
out:
    CloseHandle(token);
    return status;
}

/* --- acquire ---------------------------------------------------------------------------------- */

/* Takes the primary token over, makes it an identity and remembers it. */
static enum oq_status keep(struct oq_win_identities *all, HANDLE primary, struct oq_identity **out,
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

/* Primary token of that user from a session, or NULL. Needs SeTcbPrivilege, so LocalSystem. */
static HANDLE find_session(const char *sid)
{
    HANDLE found = NULL;
    WTS_SESSION_INFOW *sessions = NULL;
    DWORD count = 0;
    if (!WTSEnumerateSessionsW(WTS_CURRENT_SERVER_HANDLE, 0, 1, &sessions, &count))
        return NULL;
    for (DWORD i = 0; i < count && !found; i++) {
        char other[SID_BYTES];
        HANDLE token = NULL;
        if (!WTSQueryUserToken(sessions[i].SessionId, &token))
            continue; /* no user is logged on there, or we may not ask */
        if (read_sid(token, other, NULL) == OQ_OK && strcmp(other, sid) == 0)
            found = token;
        else
            CloseHandle(token);
    }
    WTSFreeMemory(sessions);
    return found;
}

static enum oq_status port_acquire(void *ctx, const char *sid, struct oq_identity **out,
                                   struct oq_error *err)
{
    struct oq_win_identities *all = ctx;
    bool is_own = strcmp(sid, all->own_sid) == 0;
    HANDLE primary = NULL;
    if (!is_own || strcmp(sid, SID_LOCAL_SYSTEM) != 0) {
        AcquireSRWLockExclusive(&all->lock);
        struct oq_identity *known = port_ref(NULL, oq_token_cache_find(&all->cache, sid));
        ReleaseSRWLockExclusive(&all->lock);
        if (known) {
            *out = known;
            return OQ_OK;
        }
    }
    if (is_own) {
        *out = port_ref(NULL, &all->self);
        return OQ_OK;
    }
    primary = log_service_account_on(sid);
    if (!primary)
        primary = find_session(sid);
    if (!primary)
        return oq_error_win32(err, OQ_E_OWNER_ABSENT, ERROR_NOT_LOGGED_ON,
                              "the owner is not logged on");
    return keep(all, primary, out, err);
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
        all->is_own_admin = facts.is_admin;
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

struct oq_identity *oq_token_cache_find_same(struct oq_token_cache *cache, const char *sid,
                                             const struct oq_token_mark *mark)
{
    for (size_t i = 0; i < OQ_TOKEN_CACHE_ENTRIES; i++) {
        struct oq_token_entry *entry = &cache->entries[i];
        if (is_of(entry, sid) && entry->mark.logon_id == mark->logon_id &&
            entry->mark.modified_id == mark->modified_id &&
            entry->mark.integrity == mark->integrity &&
            entry->mark.is_elevated == mark->is_elevated)
            return use(cache, entry);
    }
    return NULL;
}

struct oq_identity *oq_token_cache_find(struct oq_token_cache *cache, const char *sid)
{
    struct oq_token_entry *best = NULL;
    for (size_t i = 0; i < OQ_TOKEN_CACHE_ENTRIES; i++) {
        struct oq_token_entry *entry = &cache->entries[i];
        if (is_of(entry, sid) && (!best || !entry->mark.is_elevated))
            best = entry;
    }
    return use(cache, best);
}

void oq_token_cache_save(struct oq_token_cache *cache, const char *sid,
                         const struct oq_token_mark *mark, struct oq_identity *identity)
{
    struct oq_token_entry *place = &cache->entries[0];
    if (strlen(sid) >= sizeof place->sid) {
        cache->release(cache->ctx, identity);
        return;
    }
    for (size_t i = 0; i < OQ_TOKEN_CACHE_ENTRIES; i++) {
        struct oq_token_entry *entry = &cache->entries[i];
        if (is_of(entry, sid) && entry->mark.is_elevated == mark->is_elevated) {
            place = entry;
            break;
        }
        if (entry->used < place->used) /* a free entry was never used */
            place = entry;
    }
    empty(cache, place);
    memcpy(place->sid, sid, strlen(sid) + 1);
    place->mark = *mark;
    place->identity = identity;
    (void)use(cache, place);
}
