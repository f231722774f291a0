/* oq_guid.h - a GUID as a plain value with the memory layout of Windows' GUID, and its text form.
 *
 * Owns no state; any thread.
 */
#ifndef OQ_GUID_H
#define OQ_GUID_H

#include "oq_status.h"

struct oq_guid {
    uint32_t data1;
    uint16_t data2;
    uint16_t data3;
    uint8_t data4[8];
};

#define OQ_GUID_TEXT 39 /* "{8-4-4-4-12}" and the terminator */

bool oq_guid_is_null(const struct oq_guid *guid);
bool oq_guid_is_equal(const struct oq_guid *a, const struct oq_guid *b);
uint64_t oq_guid_hash(const struct oq_guid *guid);

/* Lower case with braces, the form of StringFromGUID2 in lower case. */
void oq_guid_format(const struct oq_guid *guid, char text[OQ_GUID_TEXT]);

/* Accepts the form above in either case, with or without braces; nothing before or after.
 * OQ_E_INVALID_ARG otherwise. */
OQ_MUST_CHECK enum oq_status oq_guid_parse(const char *text, struct oq_guid *guid);

/* The 16 bytes as stored in the database: data1..data3 big-endian, so that the hex of the blob
 * reads like the text. */
void oq_guid_to_bytes(const struct oq_guid *guid, uint8_t bytes[16]);
void oq_guid_from_bytes(const uint8_t bytes[16], struct oq_guid *guid);

#endif
