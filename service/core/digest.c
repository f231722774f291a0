/* digest.c - see oq_digest.h. */
#include "oq_digest.h"

#include "oq_ascii.h"

#include <string.h>

static const struct {
    const char *name;
    size_t size;
} kinds[OQ_HASH_KIND_COUNT] = {
    [OQ_HASH_NONE] = {"", 0},           [OQ_HASH_SHA1] = {"sha-1", 20},
    [OQ_HASH_SHA256] = {"sha-256", 32}, [OQ_HASH_SHA512] = {"sha-512", 64},
    [OQ_HASH_MD5] = {"md5", 16},
};

size_t oq_hash_size(enum oq_hash_kind kind)
{
    return (unsigned)kind < OQ_HASH_KIND_COUNT ? kinds[kind].size : 0;
}

const char *oq_hash_name(enum oq_hash_kind kind)
{
    return (unsigned)kind < OQ_HASH_KIND_COUNT ? kinds[kind].name : "";
}

static bool is_same_name(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += *a == '-';
        b += *b == '-';
        if (oq_ascii_lower(*a) != *b)
            return false;
        if (*a == '\0')
            return true;
    }
}

enum oq_status oq_hash_parse_name(const char *name, enum oq_hash_kind *kind)
{
    for (unsigned i = OQ_HASH_NONE + 1; name && i < OQ_HASH_KIND_COUNT; i++) {
        if (is_same_name(name, kinds[i].name)) {
            *kind = (enum oq_hash_kind)i;
            return OQ_OK;
        }
    }
    return OQ_E_INVALID_ARG;
}

/* --- hexadecimal ------------------------------------------------------------------------------ */

void oq_digest_format(const struct oq_digest *digest, char text[OQ_HEX_MAX])
{
    oq_hex_format(digest->value, oq_hash_size(digest->kind), text);
}

enum oq_status oq_digest_parse_hex(const char *text, struct oq_digest *out)
{
    size_t length = strlen(text);
    struct oq_digest digest = {.kind = OQ_HASH_NONE};

    if (length == 2 * kinds[OQ_HASH_SHA256].size)
        digest.kind = OQ_HASH_SHA256;
    else if (length == 2 * kinds[OQ_HASH_SHA512].size)
        digest.kind = OQ_HASH_SHA512;
    else
        return OQ_E_INVALID_ARG;
    enum oq_status status = oq_hex_parse(text, length, digest.value, oq_hash_size(digest.kind));
    if (status == OQ_OK)
        *out = digest;
    return status;
}

/* --- base64 (RFC 4648, 4), of a value whose length is known ----------------------------------- */

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Padding may be missing: RFC 8941, 4.2.7, lets a receiver add it. */
static bool parse_base64(const char *text, size_t length, uint8_t *bytes, size_t count)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t used = 0;

    if (length % 4 == 0) {
        for (int i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++)
            length--;
    }
    if (length != (count * 8 + 5) / 6)
        return false;
    for (size_t i = 0; i < length; i++) {
        int value = base64_value(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            bytes[used++] = (uint8_t)(bits >> have);
            bits &= (1u << have) - 1;
        }
    }
    return used == count && bits == 0;
}

/* Keeps the value if it is the best so far: SHA-256 before SHA-512. False for a value that is none.
 */
static bool take_value(struct oq_digest *best, enum oq_hash_kind kind, const char *text,
                       size_t length)
{
    struct oq_digest digest = {.kind = kind};

    if (!parse_base64(text, length, digest.value, oq_hash_size(kind)))
        return false;
    if (best->kind != OQ_HASH_SHA256 || kind == OQ_HASH_SHA256)
        *best = digest;
    return true;
}

static enum oq_hash_kind kind_of(const char *name, size_t length)
{
    if (oq_ascii_is_word(name, length, "sha-256"))
        return OQ_HASH_SHA256;
    return oq_ascii_is_word(name, length, "sha-512") ? OQ_HASH_SHA512 : OQ_HASH_NONE;
}

static enum oq_status give(const struct oq_digest *best, struct oq_digest *out)
{
    if (best->kind == OQ_HASH_NONE)
        return OQ_E_INVALID_ARG;
    *out = *best;
    return OQ_OK;
}

/* --- the fields ------------------------------------------------------------------------------- */

struct cursor {
    const char *at, *end;
};

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

static bool take(struct cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool is_key(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' ||
           c == '*';
}

static size_t take_key(struct cursor *c)
{
    const char *start = c->at;

    while (c->at < c->end && is_key(*c->at))
        c->at++;
    return (size_t)(c->at - start);
}

/* ":BASE64:"; the text between the colons. */
static bool take_bytes(struct cursor *c, const char **text, size_t *length)
{
    if (!take(c, ':'))
        return false;
    *text = c->at;
    while (c->at < c->end && *c->at != ':')
        c->at++;
    *length = (size_t)(c->at - *text);
    return take(c, ':');
}

/* The rest of a member whose value is of no interest, parameters included: up to the comma that is
 * in no string. */
static bool skip_rest(struct cursor *c)
{
    bool is_quoted = false;

    for (; c->at < c->end && (is_quoted || *c->at != ','); c->at++) {
        if (is_quoted && *c->at == '\\') {
            if (++c->at == c->end)
                return false;
        } else if (*c->at == '"') {
            is_quoted = !is_quoted;
        }
    }
    return !is_quoted;
}

enum oq_status oq_digest_parse_repr(const char *value, size_t length, struct oq_digest *out)
{
    struct cursor c = {value, value + length};
    struct oq_digest best = {.kind = OQ_HASH_NONE};

    skip_blanks(&c);
    while (c.at < c.end) {
        const char *name = c.at, *text = NULL;
        size_t name_length = take_key(&c), text_length = 0;
        if (name_length == 0)
            return OQ_E_INVALID_ARG;
        enum oq_hash_kind kind = kind_of(name, name_length);
        if (kind != OQ_HASH_NONE && (!take(&c, '=') || !take_bytes(&c, &text, &text_length) ||
                                     !take_value(&best, kind, text, text_length)))
            return OQ_E_INVALID_ARG;
        if (!skip_rest(&c))
            return OQ_E_INVALID_ARG;
        if (!take(&c, ','))
            break;
        skip_blanks(&c);
        if (c.at == c.end)
            return OQ_E_INVALID_ARG; /* a comma at the end (RFC 8941, 4.2.2) */
    }
    return give(&best, out);
}

enum oq_status oq_digest_parse_rfc3230(const char *value, size_t length, struct oq_digest *out)
{
    struct cursor c = {value, value + length};
    struct oq_digest best = {.kind = OQ_HASH_NONE};

    while (c.at < c.end) {
        skip_blanks(&c);
        const char *name = c.at;
        while (c.at < c.end && *c.at != '=' && *c.at != ',')
            c.at++;
        size_t name_length = (size_t)(c.at - name);
        if (take(&c, '=')) {
            const char *text = c.at;
            while (c.at < c.end && *c.at != ',')
                c.at++;
            const char *end = c.at;
            while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
                end--;
            enum oq_hash_kind kind = kind_of(name, name_length);
            if (kind != OQ_HASH_NONE && !take_value(&best, kind, text, (size_t)(end - text)))
                return OQ_E_INVALID_ARG;
        }
        if (!take(&c, ','))
            break;
    }
    return give(&best, out);
}
