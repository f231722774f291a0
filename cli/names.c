/* names.c - see names_int.h. */
#include "names_int.h"

#include <string.h>

/* Value of a hexadecimal digit, -1 for anything else. Not isxdigit: it follows the locale. */
static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum oq_status oq_names_parse_group(const char *text, struct oq_group_name *name)
{
    struct oq_group_name found = {0};
    bool has_brace = *text == '{';

    if (has_brace)
        text++;
    for (; *text && *text != '}'; text++) {
        /* A dash stands after digit 8, 12, 16 and 20, once. */
        if (*text == '-') {
            unsigned at = found.count;
            if ((at != 8 && at != 12 && at != 16 && at != 20) || text[-1] == '-')
                return OQ_E_INVALID_ARG;
            continue;
        }
        int value = digit_value(*text);
        if (value < 0 || found.count == OQ_NAMES_DIGITS)
            return OQ_E_INVALID_ARG;
        found.digits[found.count++] = "0123456789abcdef"[value];
    }
    if (*text == '}' && (!has_brace || text[1] || found.count != OQ_NAMES_DIGITS))
        return OQ_E_INVALID_ARG;
    if (found.count < OQ_NAMES_SHORTEST)
        return OQ_E_INVALID_ARG;
    *name = found;
    return OQ_OK;
}

bool oq_names_is_whole(const struct oq_group_name *name)
{
    return name->count == OQ_NAMES_DIGITS;
}

void oq_names_to_guid(const struct oq_group_name *name, struct oq_guid *guid)
{
    uint8_t bytes[16];

    for (size_t i = 0; i < 16; i++) {
        unsigned high = (unsigned)digit_value(name->digits[2 * i]);
        unsigned low = (unsigned)digit_value(name->digits[2 * i + 1]);
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    oq_guid_from_bytes(bytes, guid);
}

static void write_digits(const struct oq_guid *guid, char digits[OQ_NAMES_DIGITS + 1])
{
    uint8_t bytes[16];

    oq_guid_to_bytes(guid, bytes);
    for (size_t i = 0; i < 16; i++) {
        digits[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        digits[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    digits[OQ_NAMES_DIGITS] = '\0';
}

bool oq_names_matches(const struct oq_group_name *name, const struct oq_guid *guid)
{
    char digits[OQ_NAMES_DIGITS + 1];

    write_digits(guid, digits);
    return memcmp(digits, name->digits, name->count) == 0;
}

void oq_names_short(const struct oq_guid *guid, char text[OQ_NAMES_SHOWN + 1])
{
    char digits[OQ_NAMES_DIGITS + 1];

    write_digits(guid, digits);
    memcpy(text, digits, OQ_NAMES_SHOWN);
    text[OQ_NAMES_SHOWN] = '\0';
}

const char *oq_names_base(const char *path)
{
    const char *base = path;

    for (; *path; path++) {
        if (*path == '\\' || *path == '/')
            base = path + 1;
    }
    return base;
}
