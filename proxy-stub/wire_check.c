/* wire_check.c - counts on the wire; see oq_wire_check.h. */
#include "oq_wire_check.h"

#include <string.h>

#define NULL_BSTR UINT32_MAX
#define OBJREF_SIGNATURE 0x574f454du
#define OBJREF_HEADER_BYTES 24u

#define TYPE_BSTR 8u
#define TYPE_NONE 0xff

/* Bytes of the value of each type that a property may be asked to have ([MS-OAUT] 2.2.7). */
static const uint8_t value_bytes[] = {
    0,         0,                     /* VT_EMPTY, VT_NULL */
    2,         4,         4, 8, 8, 8, /* VT_I2, VT_I4, VT_R4, VT_R8, VT_CY, VT_DATE */
    4,         TYPE_NONE,             /* VT_BSTR: the pointer; VT_DISPATCH */
    4,         2,                     /* VT_ERROR, VT_BOOL */
    TYPE_NONE, TYPE_NONE,             /* VT_VARIANT, VT_UNKNOWN */
    16,        TYPE_NONE,             /* VT_DECIMAL, none */
    1,         1,         2, 4, 8, 8, /* VT_I1, VT_UI1, VT_UI2, VT_UI4, VT_I8, VT_UI8 */
    4,         4,                     /* VT_INT, VT_UINT */
};

#define VARIANT_HEADER_BYTES 20u

static uint32_t read_u32(const void *bytes, size_t offset)
{
    const uint8_t *b = (const uint8_t *)bytes + offset;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

bool oq_wire_add_files_fits(const void *bytes, size_t size)
{
    if (size < 8)
        return false;
    uint32_t count = read_u32(bytes, 0), on_wire = read_u32(bytes, 4);
    return count == on_wire && count <= OQ_WIRE_ELEMENTS_MAX && (size - 8) / 4 >= count;
}

bool oq_wire_next_fits(const void *bytes, size_t size)
{
    return size >= 4 && read_u32(bytes, 0) <= OQ_WIRE_ELEMENTS_MAX;
}

bool oq_wire_set_pointer_fits(const void *bytes, size_t size)
{
    if (size < 20)
        return false;
    if (read_u32(bytes, 16) == 0)
        return true;
    if (size < 28 + OBJREF_HEADER_BYTES)
        return false;
    if (read_u32(bytes, 20) == OBJREF_SIGNATURE) /* Wine */
        return read_u32(bytes, 16) <= size - 20;
    return read_u32(bytes, 20) == read_u32(bytes, 24) && read_u32(bytes, 24) <= size - 28 &&
           read_u32(bytes, 28) == OBJREF_SIGNATURE;
}

bool oq_wire_bstr_fits(const void *bytes, size_t size)
{
    if (size < 12)
        return false;
    uint32_t maximum = read_u32(bytes, 0), length = read_u32(bytes, 4), count = read_u32(bytes, 8);
    if (maximum != count)
        return false;
    if (length == NULL_BSTR)
        return count == 0;
    return (size - 12) / 2 >= count && length / 2 + length % 2 <= count;
}

enum oq_wire_variant oq_wire_variant_judge(const void *bytes, size_t size)
{
    if (size < VARIANT_HEADER_BYTES)
        return OQ_WIRE_VARIANT_LIES;
    uint32_t type = read_u32(bytes, 8) & 0xffffu;
    if (type >= sizeof value_bytes || value_bytes[type] == TYPE_NONE)
        return OQ_WIRE_VARIANT_OTHER;
    /* 20, but for values of 8 bytes and more, which are aligned to 8 */
    size_t end = (value_bytes[type] < 8 ? VARIANT_HEADER_BYTES : 24u) + value_bytes[type];
    if (size < end)
        return OQ_WIRE_VARIANT_LIES;
    bool fits = type != TYPE_BSTR || oq_wire_bstr_fits((const uint8_t *)bytes + end, size - end);
    return fits ? OQ_WIRE_VARIANT_FITS : OQ_WIRE_VARIANT_LIES;
}
