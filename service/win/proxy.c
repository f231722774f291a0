/* proxy.c - see network_int.h. The texts of Windows become UTF-8 here; core/oq_proxy.h understands
 * them. */
#include "network_int.h"

#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_log.h"
#include "oq_proxy.h"
#include "oq_url.h"
#include "oq_utf.h"
#include "oq_win_identity.h"
#include "oq_win_support.h"

#include <stdatomic.h>
#include <string.h>
#include <windows.h>
#include <winhttp.h>

/* A network without a script is not searched for one again so soon: a search takes seconds. */
#define SEARCH_AGAIN_MS 600000
#define SCRIPT_MS 5000 /* to resolve, connect, send, receive */

struct oq_win_proxies {
    char *servers, *bypass;       /* configured; servers NULL = not */
    _Atomic int64_t search_at_ms; /* monotonic: no search for a script before */
};

/* What one source says. Owned. */
struct answer {
    char *servers, *bypass;
};

static void answer_release(struct answer *answer)
{
    oq_free(answer->servers);
    oq_free(answer->bypass);
    *answer = (struct answer){0};
}

/* Both texts belong to Windows. Texts that are no UTF-16 count as none. */
static void answer_take(struct answer *answer, const wchar_t *servers, const wchar_t *bypass)
{
    if (!servers || !*servers || oq_utf16_to_8(servers, SIZE_MAX, &answer->servers) != OQ_OK)
        return;
    if (bypass)
        (void)!oq_utf16_to_8(bypass, SIZE_MAX, &answer->bypass);
}

/* --- the user's Internet settings ------------------------------------------------------------- */

struct lookup {
    struct oq_win_proxies *proxies;
    const wchar_t *url;
    struct answer answer;
};

static void ask_script(struct lookup *lookup, const wchar_t *script)
{
    /* The user's script runs in Windows' own service for that (WinHttpAutoProxySvc), which has few
     * rights, and never in this process, which is LocalSystem's; without that service there is no
     * answer. */
    WINHTTP_AUTOPROXY_OPTIONS options = {.dwFlags = WINHTTP_AUTOPROXY_RUN_OUTPROCESS_ONLY,
                                         .fAutoLogonIfChallenged = FALSE};
    WINHTTP_PROXY_INFO info = {0};
    int64_t now_ms = oq_clock_mono_ms(oq_clock_system());
    if (!script && now_ms < atomic_load(&lookup->proxies->search_at_ms))
        return;
    if (script) {
        options.dwFlags |= WINHTTP_AUTOPROXY_CONFIG_URL;
        options.lpszAutoConfigUrl = script;
    } else {
        options.dwFlags |= WINHTTP_AUTOPROXY_AUTO_DETECT;
        options.dwAutoDetectFlags = WINHTTP_AUTO_DETECT_TYPE_DHCP | WINHTTP_AUTO_DETECT_TYPE_DNS_A;
    }
    HINTERNET session = WinHttpOpen(L"OpenQMGR", WINHTTP_ACCESS_TYPE_NO_PROXY,
                                    WINHTTP_NO_PROXY_NAME, WINHTTP_NO_PROXY_BYPASS, 0);
    if (!session)
        return;
    /* A script's server that hangs must not hold up a disk worker for long. */
    WinHttpSetTimeouts(session, SCRIPT_MS, SCRIPT_MS, SCRIPT_MS, SCRIPT_MS);
    if (WinHttpGetProxyForUrl(session, lookup->url, &options, &info)) {
        if (info.dwAccessType == WINHTTP_ACCESS_TYPE_NAMED_PROXY)
            answer_take(&lookup->answer, info.lpszProxy, info.lpszProxyBypass);
        else
            lookup->answer.servers = oq_strdup("direct"); /* the script says so */
        GlobalFree(info.lpszProxy);
        GlobalFree(info.lpszProxyBypass);
    } else if (script) {
        oq_log_warning("network: the proxy script of the user's Internet settings cannot be asked "
                       "(error %lu); the download goes without it",
                       GetLastError());
    } else {
        atomic_store(&lookup->proxies->search_at_ms, now_ms + SEARCH_AGAIN_MS);
    }
    WinHttpCloseHandle(session);
}

static enum oq_status ask_user(void *arg, struct oq_error *err)
{
    struct lookup *lookup = arg;
    WINHTTP_CURRENT_USER_IE_PROXY_CONFIG user = {0};
    (void)err;
    if (!WinHttpGetIEProxyConfigForCurrentUser(&user))
        return OQ_OK; /* a user without settings */
    if (user.lpszAutoConfigUrl)
        ask_script(lookup, user.lpszAutoConfigUrl);
    if (!lookup->answer.servers && user.fAutoDetect)
        ask_script(lookup, NULL);
    if (!lookup->answer.servers)
        answer_take(&lookup->answer, user.lpszProxy, user.lpszProxyBypass);
    GlobalFree(user.lpszAutoConfigUrl);
    GlobalFree(user.lpszProxy);
    GlobalFree(user.lpszProxyBypass);
    return OQ_OK;
}

/* --- the computer's --------------------------------------------------------------------------- */

static void ask_computer(struct answer *answer)
{
    WINHTTP_PROXY_INFO info = {0};
    if (!WinHttpGetDefaultProxyConfiguration(&info))
        return;
    if (info.dwAccessType == WINHTTP_ACCESS_TYPE_NAMED_PROXY)
        answer_take(answer, info.lpszProxy, info.lpszProxyBypass);
    GlobalFree(info.lpszProxy);
    GlobalFree(info.lpszProxyBypass);
}

/* NULL if there is none. */
static char *get_variable(const wchar_t *name)
{
    wchar_t value[2048];
    char *text = NULL;
    DWORD length = GetEnvironmentVariableW(name, value, sizeof value / sizeof value[0]);
    if (length == 0 || length >= sizeof value / sizeof value[0] ||
        oq_utf16_to_8(value, SIZE_MAX, &text) != OQ_OK)
        return NULL;
    return text;
}

static void ask_environment(struct answer *answer, const char *url)
{
    bool is_https = oq_url_scheme(url) == OQ_URL_HTTPS;
    answer->servers = get_variable(is_https ? L"https_proxy" : L"http_proxy");
    if (!answer->servers)
        answer->servers = get_variable(L"all_proxy");
    if (answer->servers)
        answer->bypass = get_variable(L"no_proxy");
}

/* --- the port's part -------------------------------------------------------------------------- */

enum oq_status oq_win_proxies_new(const char *servers, const char *bypass,
                                  struct oq_win_proxies **out, struct oq_error *err)
{
    struct oq_win_proxies *proxies = oq_calloc(1, sizeof *proxies);
    if (proxies) {
        proxies->servers = oq_strdup(servers);
        proxies->bypass = oq_strdup(bypass);
    }
    if (!proxies || (servers && !proxies->servers) || (bypass && !proxies->bypass)) {
        oq_win_proxies_free(proxies);
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    }
    *out = proxies;
    return OQ_OK;
}

void oq_win_proxies_free(struct oq_win_proxies *proxies)
{
    if (!proxies)
        return;
    oq_free(proxies->servers);
    oq_free(proxies->bypass);
    oq_free(proxies);
}

/* The administrator's exceptions apply to every source of the proxy. */
static enum oq_status choose(const struct oq_win_proxies *proxies, const struct answer *answer,
                             const char *url, uint32_t attempt, char proxy[OQ_PROXY_MAX + 1])
{
    enum oq_status status = oq_proxy_choose(answer->servers, proxies->bypass, url, attempt, proxy);
    if (status == OQ_OK && proxy[0] && answer->bypass)
        status = oq_proxy_choose(answer->servers, answer->bypass, url, attempt, proxy);
    return status;
}

enum oq_status oq_win_proxies_find(struct oq_win_proxies *proxies, const char *url,
                                   struct oq_identity *as, uint32_t attempt, char **proxy,
                                   struct oq_error *err)
{
    char text[OQ_PROXY_MAX + 1];
    wchar_t *wide = NULL;
    struct lookup lookup = {.proxies = proxies};
    /* Would any proxy be used for it? */
    enum oq_status status = oq_proxy_choose("proxy:80", proxies->bypass, url, 0, text);
    if (status != OQ_OK)
        return oq_error_set(err, status, "no proxy can be found for that address");
    if (!text[0])
        goto out;
    if (proxies->servers) {
        struct answer configured = {.servers = proxies->servers};
        status = choose(proxies, &configured, url, attempt, text);
        goto out;
    }
    status = oq_utf8_to_16(url, &wide, NULL);
    if (status != OQ_OK)
        goto out;
    lookup.url = wide;
    /* A user who cannot be acted for has no settings: the computer's are right then. */
    (void)!oq_win_identity_run(as, ask_user, &lookup, NULL);
    if (!lookup.answer.servers)
        ask_computer(&lookup.answer);
    if (!lookup.answer.servers)
        ask_environment(&lookup.answer, url);
    status = choose(proxies, &lookup.answer, url, attempt, text);
out:
    if (status == OQ_OK) {
        char *copy = oq_strdup(text);
        status = copy ? OQ_OK : OQ_E_NOMEM;
        if (copy)
            *proxy = copy;
    }
    if (status != OQ_OK)
        oq_error_set(err, status, "out of memory");
    answer_release(&lookup.answer);
    oq_free(wide);
    return status;
}
