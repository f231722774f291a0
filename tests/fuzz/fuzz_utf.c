/* fuzz_utf.c - texts that clients hand over: UTF-16 and UTF-8 become each other without loss or
 * are refused, and GUIDs in text form are read as they are written. */
#include "fuzz.h"
#include "oq_alloc.h"
#include "oq_guid.h"
#include "oq_utf.h"

static void check_utf16(const uint8_t *data, size_t size)
{
    size_t count = size / 2, back_count = 0;
    uint16_t *units = malloc(count * sizeof *units + sizeof *units);
    uint16_t *back = NULL;
    char *text = NULL;
    if (!units)
        return;
    memcpy(units, data, count * sizeof *units);
    if (oq_utf16_to_8(units, count, &text) == OQ_OK) {
        MUST(oq_utf8_to_16(text, &back, &back_count) == OQ_OK);
        MUST(back_count <= count && memcmp(back, units, back_count * sizeof *units) == 0);
        oq_free(back);
        oq_free(text);
    }
    free(units);
}

static void check_utf8(const char *text)
{
    uint16_t *units = NULL;
    char *back = NULL;
    size_t count = 0;
    if (oq_utf8_to_16(text, &units, &count) != OQ_OK)
        return;
    MUST(oq_utf16_to_8(units, count, &back) == OQ_OK && strcmp(back, text) == 0);
    oq_free(back);
    oq_free(units);
}

static void check_guid(const char *text)
{
    struct oq_guid guid, again;
    char written[OQ_GUID_TEXT];
    if (oq_guid_parse(text, &guid) != OQ_OK)
        return;
    oq_guid_format(&guid, written);
    MUST(oq_guid_parse(written, &again) == OQ_OK && oq_guid_is_equal(&guid, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    check_utf16(data, size);
    check_utf8(text);
    check_guid(text);
    free(text);
    return 0;
}
