/* url.c - see oq_url.h: the rules of QMGR above libcurl's URL API.
 *
 * Pure. libcurl splits the URL and knows IPv6 and ports. What it would mend or guess is refused:
 * the text is what is asked for, and what was checked is what libcurl connects to.
 */
#include "oq_url.h"

#include "oq_alloc.h"
#include "oq_ascii.h"
#include "oq_path.h"

#include <curl/curl.h>

#include <stdlib.h>
#include <string.h>

#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
/* Printable characters that RFC 3986 has nowhere, and those it has only elsewhere than in user
 * information, path and query. */
#define ILLEGAL "\"<>\\^`{|}[]"

#define HOST_MAX                                                                                   \
    253 /* RFC 1035, 2.3.4: 255 octets on the wire, less the length byte and the root */
#define LABEL_MAX 63

/* The first broken rule: what is NULL if none is. */
struct problem {
    enum oq_status status;
    const char *what;
    size_t place; /* of the offending character, from 1; 0: no single one */
};

static struct problem problem_at(const char *what, size_t offset)
{
    return (struct problem){OQ_E_INVALID_ARG, what, offset + 1};
}

enum oq_url_scheme oq_url_scheme(const char *text)
{
    if (oq_ascii_has_prefix(text, "https://"))
        return OQ_URL_HTTPS;
    return oq_ascii_has_prefix(text, "http://") ? OQ_URL_HTTP : OQ_URL_OTHER;
}

static struct problem check_characters(const char *url, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++) {
        if (url[i] == '%' && (oq_hex_digit(url[i + 1]) < 0 || oq_hex_digit(url[i + 2]) < 0))
            return problem_at("a percent sign needs two hexadecimal digits after it", i);
        if (url[i] == '#')
            return problem_at("a '#' does not belong to the name of a file; write it as %23", i);
        if (strchr(ILLEGAL, url[i]))
            return problem_at("this character must be written as % and two hexadecimal digits", i);
    }
    return (struct problem){0};
}

/* Four numbers 0..255 without leading zeros. */
static bool is_ipv4(const char *text, size_t length)
{
    const char *at = text;
    for (int i = 0; i < 4; i++) {
        char *end = NULL;
        if (*at < '0' || *at > '9' || (*at == '0' && at[1] >= '0' && at[1] <= '9') ||
            strtoul(at, &end, 10) > 255 || (i < 3 && *end != '.'))
            return false;
        at = end + (i < 3);
    }
    return (size_t)(at - text) == length;
}

/* A name that DNS could know, or an IPv4 address. Stricter than RFC 3986, which lets a registered
 * name be almost anything: a name that cannot exist would otherwise be looked up again and again
 * for two weeks (a failing look-up is transient). */
static struct problem check_host_name(const char *url, size_t from, size_t end)
{
    size_t label = from, last_label = from;

    if (from == end)
        return problem_at("the host is missing", from);
    if (from + strspn(url + from, UNRESERVED) < end)
        return problem_at("this character cannot be in a host name",
                          from + strspn(url + from, UNRESERVED));
    if (end - from > HOST_MAX + (url[end - 1] == '.' ? 1u : 0u))
        return problem_at("the host name is longer than 253 characters", from);
    for (; label < end; label++) {
        size_t length = strcspn(url + label, ".:/?#");

        if (length == 0)
            return problem_at("the host name has a dot too many", label);
        if (length > LABEL_MAX)
            return problem_at("a part of the host name is longer than 63 characters", label);
        last_label = label;
        label += length;
    }
    if (oq_ascii_is_number(url + last_label, strcspn(url + last_label, ".:/?#")) &&
        !is_ipv4(url + from, end - from))
        return problem_at("this looks like an IPv4 address, but is not one", from);
    return (struct problem){0};
}

/* All that can be said of the text before libcurl sees it; *host is where the host begins. */
static struct problem check_text(const char *url, size_t *host)
{
    size_t length = strnlen(url, OQ_URL_MAX_CHARS + 1);
    size_t authority = 0, path = 0;
    struct problem problem;

    if (length == 0)
        return problem_at("it is empty", 0);
    if (length > OQ_URL_MAX_CHARS)
        return problem_at("it is longer than 2,200 characters", OQ_URL_MAX_CHARS);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)url[i];

        if (c >= 0x80)
            return problem_at("letters outside ASCII must be written as %XX for each UTF-8 byte",
                              i);
        if (c == ' ')
            return problem_at("a space must be written as %20", i);
        if (c < 0x20 || c == 0x7F)
            return problem_at("control characters are not allowed", i);
    }
    if (oq_url_scheme(url) == OQ_URL_OTHER)
        return problem_at("it must begin with http:// or https://", 0);

    authority = strcspn(url, ":") + 3;
    *host = authority + strcspn(url + authority, "/?#@");
    *host = url[*host] == '@' ? *host + 1 : authority;
    path = *host + strcspn(url + *host, "/?#");
    problem = check_characters(url, authority, *host > authority ? *host - 1 : authority);
    if (!problem.what && url[*host] != '[')
        problem = check_host_name(url, *host, *host + strcspn(url + *host, ":/?#"));
    return problem.what ? problem : check_characters(url, path, length);
}

static const char *describe(CURLUcode code)
{
    if (code == CURLUE_OUT_OF_MEMORY)
        return "out of memory";
    if (code == CURLUE_BAD_IPV6)
        return "this is not an IPv6 address";
    if (code == CURLUE_BAD_PORT_NUMBER)
        return "the port must be a number from 1 to 65535";
    return "the host or what follows it is malformed";
}

/* A new text, NULL if there is none or no memory. Freed by curl_free. */
static char *get(CURLU *parsed, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    return curl_url_get(parsed, part, &text, flags) == CURLUE_OK ? text : NULL;
}

/* Does libcurl understand the host as it is written? It would take 0x7f000001 for 127.0.0.1, and
 * has its own idea of zones. */
static const char *check_parts(CURLU *parsed, const char *host)
{
    char *seen = get(parsed, CURLUPART_HOST, 0), *port = get(parsed, CURLUPART_PORT, 0);
    char *zone = get(parsed, CURLUPART_ZONEID, 0);
    const char *broken = NULL;

    if (!seen)
        broken = describe(CURLUE_OUT_OF_MEMORY);
    else if (zone || (*host == '[' && *seen != '['))
        broken = describe(CURLUE_BAD_IPV6);
    else if (*host != '[' && !oq_ascii_is_same(host, seen, strlen(seen)))
        broken = "this looks like an IPv4 address, but is not one";
    else if (port && strspn(port, "0") == strlen(port))
        broken = describe(CURLUE_BAD_PORT_NUMBER);
    curl_free(seen);
    curl_free(port);
    curl_free(zone);
    return broken;
}

/* The parts of a legal URL, to be given to curl_url_cleanup, or NULL and the problem. */
static CURLU *parse(const char *url, struct problem *problem)
{
    size_t host = 0;

    *problem =
        url ? check_text(url, &host) : (struct problem){OQ_E_INVALID_ARG, "it is missing", 0};
    if (problem->what)
        return NULL;
    CURLU *parsed = curl_url();
    CURLUcode code = CURLUE_OUT_OF_MEMORY;
    if (parsed)
        code = curl_url_set(parsed, CURLUPART_URL, url, CURLU_PATH_AS_IS);
    const char *broken = code == CURLUE_OK ? check_parts(parsed, url + host) : describe(code);
    if (!broken)
        return parsed;
    *problem = problem_at(broken, host);
    if (code == CURLUE_OUT_OF_MEMORY)
        problem->status = OQ_E_NOMEM;
    curl_url_cleanup(parsed);
    return NULL;
}

enum oq_status oq_url_check(const char *url, struct oq_error *err)
{
    struct problem problem;
    CURLU *parsed = parse(url, &problem);

    curl_url_cleanup(parsed);
    if (parsed)
        return OQ_OK;
    if (problem.place == 0)
        return oq_error_set(err, problem.status, "The address is not usable: %s.", problem.what);
    return oq_error_set(err, problem.status, "The address is not usable: %s (character %zu).",
                        problem.what, problem.place);
}

/* A part in which nothing is missing but the escapes. */
static char *escape(char *to, const char *from, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)from[i];
        bool is_escape = c == '%' && i + 2 < length && oq_hex_digit(from[i + 1]) >= 0 &&
                         oq_hex_digit(from[i + 2]) >= 0;

        if (c > 0x20 && c < 0x7F && !strchr(ILLEGAL, c) && (c != '%' || is_escape)) {
            *to++ = from[i];
            continue;
        }
        *to++ = '%';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    return to;
}

/* A name with letters outside ASCII as DNS has it (RFC 5891); NULL: libcurl does not know how. */
static char *encode_host(const char *url)
{
    char *text = NULL;
#ifdef CURLU_PUNYCODE
    CURLU *parsed = curl_url();
    if (parsed && curl_url_set(parsed, CURLUPART_URL, url, CURLU_PATH_AS_IS) == CURLUE_OK)
        text = get(parsed, CURLUPART_URL, CURLU_PUNYCODE);
    curl_url_cleanup(parsed);
#endif
    return text;
}

static bool has_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

char *oq_url_normalize(const char *text)
{
    size_t length = strlen(text), path = 0;
    char *encoded = NULL, *url;

    while (length > 0 && has_blank(text[length - 1]))
        length--;
    while (length > 0 && has_blank(*text))
        text++, length--;
    if (length > 1 && *text == '<' && text[length - 1] == '>')
        text++, length -= 2;
    char *copy = oq_strndup(text, length);
    if (!copy || oq_url_scheme(copy) == OQ_URL_OTHER)
        return copy;
    copy[strcspn(copy, "#")] = '\0';
    path = strcspn(copy, ":") + 3;
    path += strcspn(copy + path, "/?");
    for (size_t i = 0; i < path && !encoded; i++) {
        if ((unsigned char)copy[i] >= 0x80)
            encoded = encode_host(copy);
    }
    if (encoded) {
        path = strcspn(encoded, ":") + 3;
        path += strcspn(encoded + path, "/?");
    }
    const char *from = encoded ? encoded : copy;
    url = oq_malloc(path + 3 * strlen(from + path) + 1);
    if (url) {
        memcpy(url, from, path);
        *escape(url + path, from + path, strlen(from + path)) = '\0';
    }
    curl_free(encoded);
    oq_free(copy);
    return url;
}

char *oq_url_redact(const char *url)
{
    static const CURLUPart secret[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY};
    struct problem problem;
    CURLU *parsed = parse(url, &problem);
    char *rest = NULL, *text = NULL;
    bool is_cut = true;

    if (!parsed)
        return oq_strdup("(invalid URL)");
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++)
        is_cut = is_cut && curl_url_set(parsed, secret[i], NULL, 0) == CURLUE_OK;
    if (is_cut)
        rest = get(parsed, CURLUPART_URL, 0);
    if (rest)
        text = oq_strdup(rest);
    curl_free(rest);
    curl_url_cleanup(parsed);
    return text;
}

char *oq_url_host_key(const char *url)
{
    struct problem problem;
    CURLU *parsed = parse(url, &problem);
    char *host = parsed ? get(parsed, CURLUPART_HOST, 0) : NULL;
    char *port = parsed ? get(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT) : NULL;
    char *text = host && port ? oq_asprintf("%s:%s", host, port) : NULL;

    for (char *c = text; c && *c; c++)
        *c = oq_ascii_lower(*c);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parsed);
    return text;
}

char *oq_url_file_name(const char *url)
{
    struct problem problem;
    CURLU *parsed = parse(url, &problem);
    char *path = parsed ? get(parsed, CURLUPART_PATH, 0) : NULL;
    int length = 0;
    char *name = path ? curl_easy_unescape(NULL, strrchr(path, '/') + 1, 0, &length) : NULL;
    char *text =
        name && length > 0 ? oq_path_make_name(name, (size_t)length) : oq_strdup("download");

    curl_free(name);
    curl_free(path);
    curl_url_cleanup(parsed);
    return text;
}
