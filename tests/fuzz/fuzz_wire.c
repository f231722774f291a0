/* fuzz_wire.c - what the stubs check of a call before they read it. What is found to fit is read as
 * an unmarshaller would, to the last byte. */
#include "fuzz.h"
#include "oq_wire_check.h"

static uint32_t number(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Touches them all: the address sanitizer says whether they are there. */
static unsigned sum(const uint8_t *bytes, size_t count)
{
    unsigned result = 0;
    for (size_t i = 0; i < count; i++)
        result += bytes[i];
    return result;
}

static unsigned read_bstr(const uint8_t *bytes)
{
    uint32_t length = number(bytes + 4);
    if (length == UINT32_MAX)
        return 0;
    MUST(length <= 2 * (uint64_t)number(bytes));
    return sum(bytes + 12, 2 * (size_t)number(bytes + 8));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    volatile unsigned read = 0;
    uint8_t *bytes = malloc(size ? size : 1);
    if (!bytes)
        return 0;
    memcpy(bytes, data, size);
    if (oq_wire_add_files_fits(bytes, size))
        read += sum(bytes + 8, 4 * (size_t)number(bytes));
    if (oq_wire_set_pointer_fits(bytes, size) && number(bytes + 16)) {
        bool is_wine = number(bytes + 20) == 0x574f454d;
        read += is_wine ? sum(bytes + 20, number(bytes + 16)) : sum(bytes + 28, number(bytes + 24));
        read += sum(bytes + 20, 24); /* what is read before the signature is refused */
    }
    if (oq_wire_next_fits(bytes, size))
        MUST(number(bytes) <= OQ_WIRE_ELEMENTS_MAX);
    if (oq_wire_bstr_fits(bytes, size))
        read += read_bstr(bytes);
    if (oq_wire_variant_judge(bytes, size) == OQ_WIRE_VARIANT_FITS) {
        uint32_t type = number(bytes + 8) & 0xffff;
        MUST(type <= 23 && type != 9 && type != 12 && type != 13 && type != 15);
        if (type == 8)
            read += read_bstr(bytes + 24);
        else if (type > 1)
            read += sum(bytes + 20, type == 14 ? 20 : type >= 5 && type <= 7 ? 12 : 1);
    }
    (void)read;
    free(bytes);
    return 0;
}
