/* names.c - see names_int.h. */
#include "names_int.h"

#include "oq_ascii.h"

#include <string.h>

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
        int value = oq_hex_digit(*text);
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

    if (oq_hex_parse(name->digits, name->count, bytes, sizeof bytes) == OQ_OK)
        oq_guid_from_bytes(bytes, guid);
}

static void write_digits(const struct oq_guid *guid, char digits[OQ_NAMES_DIGITS + 1])
{
    uint8_t bytes[16];

    oq_guid_to_bytes(guid, bytes);
    oq_hex_format(bytes, sizeof bytes, digits);
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
