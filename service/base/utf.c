/* utf.c - strict conversion between UTF-8 and UTF-16. Owns nothing; any thread. */
#include "oq_utf.h"

#include "oq_alloc.h"

#include <string.h>

size_t oq_utf8_decode(const char *text, size_t left, uint32_t *point)
{
    const unsigned char *b = (const unsigned char *)text;
    if (b[0] < 0x80) {
        *point = b[0];
        return 1;
    }
    size_t length;
    uint32_t value, lowest;
    if (b[0] >= 0xc2 && b[0] <= 0xdf) { /* c0 and c1 could only be overlong */
        length = 2;
        value = b[0] & 0x1fu;
        lowest = 0x80;
    } else if (b[0] >= 0xe0 && b[0] <= 0xef) {
        length = 3;
        value = b[0] & 0x0fu;
        lowest = 0x800;
    } else if (b[0] >= 0xf0 && b[0] <= 0xf4) {
        length = 4;
        value = b[0] & 0x07u;
        lowest = 0x10000;
    } else {
        return 0;
    }
    if (left < length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((b[i] & 0xc0u) != 0x80u)
            return 0;
        value = value << 6 | (b[i] & 0x3fu);
    }
    if (value < lowest || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *point = value;
    return length;
}

static size_t encode_utf8(uint32_t point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0u | point >> 6);
        out[1] = (char)(0x80u | (point & 0x3fu));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0u | point >> 12);
        out[1] = (char)(0x80u | (point >> 6 & 0x3fu));
        out[2] = (char)(0x80u | (point & 0x3fu));
        return 3;
    }
    out[0] = (char)(0xf0u | point >> 18);
    out[1] = (char)(0x80u | (point >> 12 & 0x3fu));
    out[2] = (char)(0x80u | (point >> 6 & 0x3fu));
    out[3] = (char)(0x80u | (point & 0x3fu));
    return 4;
}

static bool is_high_surrogate(uint16_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(uint16_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* Units of the character at `text` (1 or 2) and its code point; 0 for a lone surrogate or NUL. */
static size_t decode_utf16(const uint16_t *text, size_t left, uint32_t *point)
{
    if (text[0] == 0 || is_low_surrogate(text[0]))
        return 0;
    if (!is_high_surrogate(text[0])) {
        *point = text[0];
        return 1;
    }
    if (left < 2 || !is_low_surrogate(text[1]))
        return 0;
    *point = 0x10000u + ((text[0] & 0x3ffu) << 10 | (text[1] & 0x3ffu));
    return 2;
}

enum oq_status oq_utf16_to_8(const uint16_t *text, size_t length, char **out)
{
    if (!text)
        return OQ_E_INVALID_ARG;
    if (length == SIZE_MAX) {
        length = 0;
        while (text[length])
            length++;
    }

    size_t bytes =
        0; /* each unit needs 3 bytes at most, so this cannot overflow for text that is in memory */
    for (size_t at = 0; at < length;) {
        uint32_t point;
        size_t units = decode_utf16(text + at, length - at, &point);
        if (units == 0)
            return OQ_E_INVALID_ARG;
        char scratch[4];
        bytes += encode_utf8(point, scratch);
        at += units;
    }

    char *result = oq_malloc(bytes + 1);
    if (!result)
        return OQ_E_NOMEM;
    char *end = result;
    for (size_t at = 0; at < length;) {
        uint32_t point = 0;
        at += decode_utf16(text + at, length - at, &point);
        end += encode_utf8(point, end);
    }
    *end = '\0';
    *out = result;
    return OQ_OK;
}

enum oq_status oq_utf8_to_16(const char *text, uint16_t **out, size_t *out_units)
{
    if (!text)
        return OQ_E_INVALID_ARG;
    size_t length = strlen(text);
    if (!oq_utf8_is_valid(text, length))
        return OQ_E_INVALID_ARG;

    size_t units = oq_utf8_units(text);
    uint16_t *result = oq_calloc(units + 1, sizeof *result);
    if (!result)
        return OQ_E_NOMEM;
    size_t unit = 0;
    for (size_t at = 0; at < length;) {
        uint32_t point = 0;
        at += oq_utf8_decode(text + at, length - at, &point);
        if (point < 0x10000) {
            result[unit++] = (uint16_t)point;
        } else {
            result[unit++] = (uint16_t)(0xd800u | (point - 0x10000u) >> 10);
            result[unit++] = (uint16_t)(0xdc00u | ((point - 0x10000u) & 0x3ffu));
        }
    }
    *out = result;
    if (out_units)
        *out_units = units;
    return OQ_OK;
}

bool oq_utf8_is_valid(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        uint32_t point;
        size_t bytes = oq_utf8_decode(text + at, length - at, &point);
        if (bytes == 0)
            return false;
        at += bytes;
    }
    return true;
}

size_t oq_utf8_units(const char *text)
{
    /* In valid UTF-8 every character has one byte that is no continuation, and those of four bytes
     * need a second unit. */
    size_t units = 0;
    for (const char *p = text; *p; p++) {
        unsigned char byte = (unsigned char)*p;
        units += (byte & 0xc0u) != 0x80u;
        units += byte >= 0xf0u;
    }
    return units;
}
