/* url.c - the rules for remote names, as one walk over the text.
 *
 * Pure. split() is the only place that knows the grammar (RFC 3986, 3 and appendix A); everything
 * else uses its parts. Every character of an accepted URL is printable ASCII, so counting bytes
 * counts characters.
 */
#include "oq_url.h"

#include "oq_alloc.h"
#include "oq_path.h"

#include <string.h>

#define HOST_MAX                                                                                   \
    253 /* RFC 1035 2.3.4: 255 octets on the wire, less the length byte and the root               \
         */
#define LABEL_MAX 63

struct span {
    const char *text;
    size_t length;
};

struct parts {
    bool is_https;
    struct span scheme;
    struct span host; /* with the brackets of an IPv6 address */
    struct span port; /* digits; empty = the scheme's own */
    struct span path; /* empty or from the first '/' on */
};

/* The first broken rule: NULL if none. */
struct problem {
    const char *what;
    size_t at; /* offset of the offending character */
};

static const struct problem no_problem = {NULL, 0};

static struct problem problem_at(const char *what, size_t at)
{
    return (struct problem){what, at};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool is_unreserved(char c)
{
    return is_alpha(c) || is_digit(c) || is_one_of(c, "-._~");
}

static char to_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char)(c - 'A' + 'a') : c;
}

static unsigned hex_value(char c)
{
    if (is_digit(c))
        return (unsigned)(c - '0');
    return (unsigned)(to_lower(c) - 'a') + 10;
}

static bool has_scheme(const char *url, const char *scheme)
{
    for (; *scheme != '\0'; scheme++, url++) {
        if (to_lower(*url) != *scheme)
            return false;
    }
    return true;
}

/* Unreserved characters, sub-delims, %XX and those of `more`. */
static struct problem check_characters(const char *url, size_t from, size_t end, const char *more)
{
    for (size_t i = from; i < end; i++) {
        char c = url[i];

        if (c == '%') {
            if (end - i < 3 || !is_hex(url[i + 1]) || !is_hex(url[i + 2]))
                return problem_at("a percent sign needs two hexadecimal digits after it", i);
            i += 2;
        } else if (c == '#') {
            return problem_at("a '#' does not belong to the name of a file; write it as %23", i);
        } else if (!is_unreserved(c) && !is_one_of(c, "!$&'()*+,;=") && !is_one_of(c, more)) {
            return problem_at("this character must be written as % and two hexadecimal digits", i);
        }
    }
    return no_problem;
}

/* Four numbers 0..255 without leading zeros. */
static bool is_ipv4(const char *text, size_t length)
{
    size_t at = 0;

    for (unsigned part = 0; part < 4; part++) {
        unsigned value = 0;
        size_t start = at;

        while (at < length && is_digit(text[at]) && at - start < 3)
            value = value * 10 + (unsigned)(text[at++] - '0');
        if (at == start || value > 255 || (text[start] == '0' && at - start > 1))
            return false;
        if (part < 3) {
            if (at == length || text[at] != '.')
                return false;
            at++;
        }
    }
    return at == length;
}

/* RFC 3986 3.2.2, without zone and without the brackets. */
static bool is_ipv6(const char *text, size_t length)
{
    unsigned groups = 0;
    bool has_gap = false;
    size_t at = 0;

    if (length >= 2 && text[0] == ':' && text[1] == ':') {
        has_gap = true;
        at = 2;
    }
    while (at < length) {
        size_t start = at;

        if (groups > 8)
            return false;
        while (at < length && at - start < 4 && is_hex(text[at]))
            at++;
        if (at < length && text[at] == '.') {
            if (!is_ipv4(text + start, length - start))
                return false;
            groups += 2;
            break;
        }
        if (at == start)
            return false;
        groups++;
        if (at == length)
            break;
        if (text[at++] != ':' || at == length)
            return false;
        if (text[at] == ':') {
            if (has_gap)
                return false;
            has_gap = true;
            at++;
        }
    }
    return has_gap ? groups <= 7 : groups == 8;
}

/* A name that DNS could know, or an IPv4 address. Stricter than RFC 3986, which lets a registered
 * name be almost anything: a name that cannot exist would otherwise be looked up again and again
 * for two weeks (a failing look-up is transient). */
static struct problem check_host_name(const char *url, size_t from, size_t end)
{
    size_t label = from;
    size_t last_label = from;
    bool is_number = true;

    if (from == end)
        return problem_at("the host is missing", from);
    if (end - from > HOST_MAX + (url[end - 1] == '.' ? 1u : 0u))
        return problem_at("the host name is longer than 253 characters", from);
    for (size_t i = from; i < end; i++) {
        if (url[i] == '.') {
            if (i == label)
                return problem_at("the host name has a dot too many", i);
            label = i + 1;
        } else if (!is_unreserved(url[i])) {
            return problem_at("this character cannot be in a host name", i);
        } else if (i - label >= LABEL_MAX) {
            return problem_at("a part of the host name is longer than 63 characters", label);
        } else {
            last_label = label;
        }
    }
    for (size_t i = last_label; i < end && url[i] != '.'; i++)
        is_number = is_number && is_digit(url[i]);
    if (is_number && !is_ipv4(url + from, end - from))
        return problem_at("this looks like an IPv4 address, but is not one", from);
    return no_problem;
}

static struct problem check_port(const char *url, size_t from, size_t end)
{
    unsigned value = 0;

    for (size_t i = from; i < end; i++) {
        if (!is_digit(url[i]))
            return problem_at("the port must be a number", i);
        value = value * 10 + (unsigned)(url[i] - '0');
        if (value > 65535)
            return problem_at("the port must be in 1 to 65535", from);
    }
    if (from < end && value == 0)
        return problem_at("the port must be in 1 to 65535", from);
    return no_problem;
}

/* [user info@]host[:port] */
static struct problem split_authority(const char *url, size_t from, size_t end, struct parts *out)
{
    const char *at_sign = memchr(url + from, '@', end - from);
    size_t host = from;
    size_t host_end;
    struct problem problem;

    if (at_sign != NULL) {
        host = (size_t)(at_sign - url) + 1;
        problem = check_characters(url, from, host - 1, ":");
        if (problem.what != NULL)
            return problem;
    }
    if (host < end && url[host] == '[') {
        const char *bracket = memchr(url + host, ']', end - host);

        if (bracket == NULL)
            return problem_at("the bracket of the IPv6 address is not closed", host);
        host_end = (size_t)(bracket - url) + 1;
        if (!is_ipv6(url + host + 1, host_end - host - 2))
            return problem_at("this is not an IPv6 address", host);
        if (host_end < end && url[host_end] != ':')
            return problem_at("after an IPv6 address comes the port or a slash", host_end);
    } else {
        const char *colon = memchr(url + host, ':', end - host);

        host_end = colon != NULL ? (size_t)(colon - url) : end;
        problem = check_host_name(url, host, host_end);
        if (problem.what != NULL)
            return problem;
    }
    out->host = (struct span){url + host, host_end - host};
    out->port = (struct span){url + host_end, 0};
    if (host_end < end) {
        out->port = (struct span){url + host_end + 1, end - host_end - 1};
        return check_port(url, host_end + 1, end);
    }
    return no_problem;
}

static struct problem split(const char *url, struct parts *out)
{
    size_t length = strnlen(url, OQ_URL_MAX_CHARS + 1);
    size_t at, end;
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
    out->is_https = has_scheme(url, "https://");
    if (!out->is_https && !has_scheme(url, "http://"))
        return problem_at("it must begin with http:// or https://", 0);
    out->scheme = (struct span){url, out->is_https ? 5 : 4};

    at = out->scheme.length + 3;
    end = at + strcspn(url + at, "/?#");
    problem = split_authority(url, at, end, out);
    if (problem.what != NULL)
        return problem;
    at = end;
    end = at + strcspn(url + at, "?#");
    out->path = (struct span){url + at, end - at};
    problem = check_characters(url, at, end, ":@/");
    if (problem.what != NULL)
        return problem;
    return check_characters(url, end, length, ":@/?");
}

static bool is_url(const char *url, struct parts *out)
{
    return url != NULL && split(url, out).what == NULL;
}

enum oq_status oq_url_check(const char *url, struct oq_error *err)
{
    struct parts parts;
    struct problem problem;

    if (url == NULL)
        return oq_error_set(err, OQ_E_INVALID_ARG, "The address is missing.");
    problem = split(url, &parts);
    if (problem.what == NULL)
        return OQ_OK;
    return oq_error_set(err, OQ_E_INVALID_ARG, "The address is not usable: %s (character %zu).",
                        problem.what, problem.at + 1);
}

static char *append(char *to, struct span what)
{
    memcpy(to, what.text, what.length);
    return to + what.length;
}

char *oq_url_redact(const char *url)
{
    struct parts parts;
    char *text, *to;

    if (!is_url(url, &parts))
        return oq_strdup("(invalid URL)");
    text = oq_malloc(parts.scheme.length + 3 + parts.host.length + 1 + parts.port.length +
                     parts.path.length + 1);
    if (text == NULL)
        return NULL;
    to = append(text, parts.scheme);
    to = append(to, (struct span){"://", 3});
    to = append(to, parts.host);
    if (parts.port.length > 0) {
        *to++ = ':';
        to = append(to, parts.port);
    }
    to = append(to, parts.path);
    *to = '\0';
    return text;
}

char *oq_url_host_key(const char *url)
{
    struct parts parts;
    struct span port;
    char *text, *to;

    if (!is_url(url, &parts))
        return NULL;
    port = parts.port;
    if (port.length == 0)
        port = parts.is_https ? (struct span){"443", 3} : (struct span){"80", 2};
    while (port.length > 1 && port.text[0] == '0') {
        port.text++;
        port.length--;
    }
    text = oq_malloc(parts.host.length + 1 + port.length + 1);
    if (text == NULL)
        return NULL;
    to = text;
    for (size_t i = 0; i < parts.host.length; i++)
        *to++ = to_lower(parts.host.text[i]);
    *to++ = ':';
    to = append(to, port);
    *to = '\0';
    return text;
}

char *oq_url_file_name(const char *url)
{
    struct parts parts;
    size_t start, length = 0;
    char *name;

    if (!is_url(url, &parts))
        return oq_strdup("download");
    start = parts.path.length;
    while (start > 0 && parts.path.text[start - 1] != '/')
        start--;
    name = oq_malloc(parts.path.length - start + 1);
    if (name == NULL)
        return NULL;
    for (size_t i = start; i < parts.path.length; i++) {
        char c = parts.path.text[i];

        if (c == '%') {
            c = (char)(hex_value(parts.path.text[i + 1]) << 4 | hex_value(parts.path.text[i + 2]));
            i += 2;
        }
        name[length++] = c;
    }
    name[length] = '\0';
    /* A %00 ends the name early for everyone who reads it as a string: not the name that the URL
     * has. */
    if (memchr(name, '\0', length) != NULL || !oq_path_is_name(name)) {
        oq_free(name);
        return oq_strdup("download");
    }
    return name;
}
