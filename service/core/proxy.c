/* proxy.c - choosing a proxy from lists in text. Pure. */
#include "oq_proxy.h"

#include "oq_alloc.h"
#include "oq_ascii.h"
#include "oq_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 260

/* A piece of a text. */
struct span {
    const char *text;
    size_t length;
};

static bool is_same(struct span a, struct span b)
{
    return a.length == b.length && oq_ascii_is_same(a.text, b.text, a.length);
}

static bool is_word(struct span a, const char *word)
{
    return oq_ascii_is_word(a.text, a.length, word);
}

/* The next entry of a list; false at its end. */
static bool next_entry(const char **rest, const char *separators, struct span *entry)
{
    const char *start = *rest + strspn(*rest, separators);
    entry->text = start;
    entry->length = strcspn(start, separators);
    *rest = start + entry->length;
    return entry->length > 0;
}

/* --- the bypass list -------------------------------------------------------------------------- */

/* '*' stands for any number of characters. Linear in practice: only the last star is gone back to.
 */
static bool is_match(struct span pattern, struct span text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;
    while (t < text.length) {
        if (p < pattern.length && pattern.text[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.length &&
                   oq_ascii_lower(pattern.text[p]) == oq_ascii_lower(text.text[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.length && pattern.text[p] == '*')
        p++;
    return p == pattern.length;
}

static struct span without_brackets(struct span host)
{
    if (host.length >= 2 && host.text[0] == '[' && host.text[host.length - 1] == ']')
        return (struct span){host.text + 1, host.length - 2};
    return host;
}

/* Cuts ":port" off. An address of IPv6 without brackets has none. */
static struct span cut_port(struct span entry, struct span *port)
{
    const char *colon = NULL;
    size_t colons = 0;
    *port = (struct span){"", 0};
    for (size_t i = 0; i < entry.length; i++) {
        if (entry.text[i] == ':') {
            colon = entry.text + i;
            colons++;
        } else if (entry.text[i] == ']') {
            colons = 0;
            colon = NULL;
        }
    }
    if (colons != 1)
        return entry;
    *port = (struct span){colon + 1, (size_t)(entry.text + entry.length - colon - 1)};
    return (struct span){entry.text, (size_t)(colon - entry.text)};
}

static bool is_bypassed_by(struct span entry, struct span host, struct span port)
{
    struct span wanted_port;
    bool has_dot = memchr(host.text, '.', host.length);
    bool is_address = memchr(host.text, ':', host.length);
    if (is_word(entry, "<local>"))
        return !has_dot && !is_address;
    entry = cut_port(entry, &wanted_port);
    entry = without_brackets(entry);
    if (wanted_port.length > 0 && !is_same(wanted_port, port))
        return false;
    if (is_match(entry, host))
        return true;
    /* "domain" and ".domain" hold for all below it, as NO_PROXY has it. */
    while (entry.length > 0 && entry.text[0] == '.')
        entry = (struct span){entry.text + 1, entry.length - 1};
    if (is_same(entry, host))
        return true;
    if (entry.length == 0 || host.length <= entry.length || is_address)
        return false;
    struct span tail = {host.text + host.length - entry.length, entry.length};
    return tail.text[-1] == '.' && is_same(tail, entry) && !memchr(entry.text, '*', entry.length) &&
           strspn(tail.text, "0123456789.") < tail.length;
}

static bool is_bypassed(const char *bypass, struct span host, struct span port)
{
    struct span entry;
    if (is_word(host, "localhost") || is_word(host, "::1") ||
        is_match((struct span){"127.*.*.*", 9}, host))
        return true;
    while (bypass && next_entry(&bypass, " \t\r\n;,", &entry)) {
        if (is_bypassed_by(entry, host, port))
            return true;
    }
    return false;
}

/* --- the list of proxies ---------------------------------------------------------------------- */

/* "https=proxy:80" is for one scheme only; what is before '=' is cut off. */
static bool is_for_scheme(struct span *entry, const char *scheme)
{
    const char *equals = memchr(entry->text, '=', entry->length);
    const char *slash = memchr(entry->text, '/', entry->length);
    if (!equals || (slash && slash < equals))
        return true;
    struct span name = {entry->text, (size_t)(equals - entry->text)};
    *entry = (struct span){equals + 1, entry->length - name.length - 1};
    return is_word(name, scheme) || is_word(name, "all");
}

static const char *kind_of(struct span entry)
{
    static const char *const kinds[] = {"http://",   "socks4://",  "socks4a://",
                                        "socks5://", "socks5h://", "https://"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t length = strlen(kinds[i]);
        if (entry.length > length && oq_ascii_is_same(entry.text, kinds[i], length))
            return kinds[i];
    }
    return NULL;
}

/* What curl is given: printable ASCII, with a scheme. */
static bool write_proxy(struct span entry, char proxy[OQ_PROXY_MAX + 1])
{
    const char *kind = kind_of(entry);
    size_t skipped = kind ? strlen(kind) : 0;
    for (size_t i = skipped; i < entry.length; i++) {
        if (entry.text[i] <= ' ' || entry.text[i] > '~' || entry.text[i] == '"')
            return false;
    }
    if (entry.length == 0 || entry.length + sizeof "http://" > OQ_PROXY_MAX)
        return false;
    if (!kind && strstr(entry.text, "://") && strstr(entry.text, "://") < entry.text + entry.length)
        return false; /* a scheme that is not known */
    snprintf(proxy, OQ_PROXY_MAX + 1, "%s%.*s", kind ? kind : "http://",
             (int)(entry.length - skipped), entry.text + skipped);
    return true;
}

static unsigned collect(const char *servers, const char *scheme, unsigned wanted,
                        char proxy[OQ_PROXY_MAX + 1])
{
    struct span entry;
    char one[OQ_PROXY_MAX + 1];
    unsigned count = 0;
    while (next_entry(&servers, " \t\r\n;", &entry)) {
        if (!is_for_scheme(&entry, scheme))
            continue;
        one[0] = '\0';
        if (!is_word(entry, "direct") && !write_proxy(entry, one))
            continue;
        if (count++ == wanted)
            memcpy(proxy, one, sizeof one);
    }
    return count;
}

enum oq_status oq_proxy_choose(const char *servers, const char *bypass, const char *url,
                               uint32_t attempt, char proxy[OQ_PROXY_MAX + 1])
{
    struct span port, host;
    char unused[OQ_PROXY_MAX + 1];
    enum oq_status status = oq_url_check(url, NULL);
    if (status != OQ_OK)
        return status;
    char *key = oq_url_host_key(url);
    if (!key)
        return OQ_E_NOMEM;
    host = cut_port((struct span){key, strlen(key)}, &port);
    host = without_brackets(host);
    const char *scheme = oq_url_scheme(url) == OQ_URL_HTTPS ? "https" : "http";
    char chosen[OQ_PROXY_MAX + 1] = "";
    if (servers && !is_bypassed(bypass, host, port)) {
        unsigned count = collect(servers, scheme, UINT32_MAX, unused);
        if (count > 0)
            (void)collect(servers, scheme, attempt % count, chosen);
    }
    memcpy(proxy, chosen, strlen(chosen) + 1);
    oq_free(key);
    return OQ_OK;
}

bool oq_proxy_is_listed(const char *list, const char *url)
{
    struct span host, port, entry;
    bool is_listed = false;
    char *key = oq_url_check(url, NULL) == OQ_OK ? oq_url_host_key(url) : NULL;
    if (!key)
        return false;
    host = without_brackets(cut_port((struct span){key, strlen(key)}, &port));
    while (list && !is_listed && next_entry(&list, " \t\r\n;,", &entry))
        is_listed = is_bypassed_by(entry, host, port);
    oq_free(key);
    return is_listed;
}

bool oq_proxy_is_person(const char *sid)
{
    return strncmp(sid, "S-1-5-21-", 9) == 0 || strncmp(sid, "S-1-12-1-", 9) == 0;
}

bool oq_proxy_has_user(const char *proxy)
{
    const char *start = strstr(proxy, "://");
    start = start ? start + 3 : proxy;
    size_t length = strcspn(start, "/?#");
    return memchr(start, '@', length) && *start != '@' && *start != ':';
}
