/* guid.c - comparing, printing and reading GUIDs. Owns nothing; any thread. */
#include "oq_guid.h"

#include "oq_ascii.h"

#include <stdio.h>
#include <string.h>

bool oq_guid_is_null(const struct oq_guid *guid)
{
    static const struct oq_guid null_guid;
    return oq_guid_is_equal(guid, &null_guid);
}

bool oq_guid_is_equal(const struct oq_guid *a, const struct oq_guid *b)
{
    return a->data1 == b->data1 && a->data2 == b->data2 && a->data3 == b->data3 &&
           memcmp(a->data4, b->data4, sizeof a->data4) == 0;
}

uint64_t oq_guid_hash(const struct oq_guid *guid)
{
    uint8_t bytes[16];
    oq_guid_to_bytes(guid, bytes);
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < sizeof bytes; i++) {
        hash ^= bytes[i];
        hash *= UINT64_C(0x100000001b3);
    }
    return hash;
}

void oq_guid_format(const struct oq_guid *guid, char text[OQ_GUID_TEXT])
{
    const uint8_t *d = guid->data4;
    snprintf(text, OQ_GUID_TEXT, "{%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x}",
             (unsigned)guid->data1, guid->data2, guid->data3, d[0], d[1], d[2], d[3], d[4], d[5],
             d[6], d[7]);
}

enum oq_status oq_guid_parse(const char *text, struct oq_guid *guid)
{
    const size_t bare = OQ_GUID_TEXT - 3; /* no braces, no terminator */
    if (!text)
        return OQ_E_INVALID_ARG;
    size_t length = strlen(text);
    if (length == bare + 2 && text[0] == '{' && text[length - 1] == '}')
        text++;
    else if (length != bare)
        return OQ_E_INVALID_ARG;

    static const size_t parts[] = {4, 2, 2, 2, 6}; /* bytes, with a dash between them */
    uint8_t bytes[16];
    size_t at = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if ((i > 0 && *text++ != '-') ||
            oq_hex_parse(text, 2 * parts[i], bytes + at, parts[i]) != OQ_OK)
            return OQ_E_INVALID_ARG;
        text += 2 * parts[i];
        at += parts[i];
    }
    oq_guid_from_bytes(bytes, guid);
    return OQ_OK;
}

void oq_guid_to_bytes(const struct oq_guid *guid, uint8_t bytes[16])
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(guid->data1 >> (24 - 8 * i));
    bytes[4] = (uint8_t)(guid->data2 >> 8);
    bytes[5] = (uint8_t)guid->data2;
    bytes[6] = (uint8_t)(guid->data3 >> 8);
    bytes[7] = (uint8_t)guid->data3;
    memcpy(bytes + 8, guid->data4, sizeof guid->data4);
}

void oq_guid_from_bytes(const uint8_t bytes[16], struct oq_guid *guid)
{
    guid->data1 =
        (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    guid->data2 = (uint16_t)(bytes[4] << 8 | bytes[5]);
    guid->data3 = (uint16_t)(bytes[6] << 8 | bytes[7]);
    memcpy(guid->data4, bytes + 8, sizeof guid->data4);
}
