/* test_utf.c - service/base/utf.c */
#include "test_unit.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_utf.h"

/* Pairs that convert both ways. */
static const struct {
    const char *utf8;
    uint16_t utf16[8];
} pairs[] = {
    {"", {0}},
    {"abc", {'a', 'b', 'c', 0}},
    {"\x7f", {0x7f, 0}},
    {"\xc2\x80", {0x80, 0}},
    {"\xdf\xbf", {0x7ff, 0}},
    {"\xe0\xa0\x80", {0x800, 0}},
    {"\xed\x9f\xbf", {0xd7ff, 0}},
    {"\xee\x80\x80", {0xe000, 0}},
    {"\xef\xbf\xbf", {0xffff, 0}},
    {"\xf0\x90\x80\x80", {0xd800, 0xdc00, 0}},
    {"\xf4\x8f\xbf\xbf", {0xdbff, 0xdfff, 0}},
    {"x\xf0\x9f\x98\x80y\xc3\xa9", {'x', 0xd83d, 0xde00, 'y', 0xe9, 0}},
};

static size_t units_of(const uint16_t *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

static void utf__pairs__convert_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        size_t wanted = units_of(pairs[i].utf16), units = 12345;
        uint16_t *wide = NULL;
        assert_int_equal(oq_utf8_to_16(pairs[i].utf8, &wide, &units), OQ_OK);
        assert_int_equal(units, wanted);
        assert_memory_equal(wide, pairs[i].utf16, (wanted + 1) * sizeof *wide);
        oq_free(wide);
        assert_int_equal(oq_utf8_to_16(pairs[i].utf8, &wide, NULL), OQ_OK);
        oq_free(wide);

        char *narrow = NULL;
        assert_int_equal(oq_utf16_to_8(pairs[i].utf16, SIZE_MAX, &narrow), OQ_OK);
        assert_string_equal(narrow, pairs[i].utf8);
        oq_free(narrow);
        assert_int_equal(oq_utf16_to_8(pairs[i].utf16, wanted, &narrow), OQ_OK);
        assert_string_equal(narrow, pairs[i].utf8);
        oq_free(narrow);

        assert_int_equal(oq_utf8_units(pairs[i].utf8), wanted);
        assert_true(oq_utf8_is_valid(pairs[i].utf8, strlen(pairs[i].utf8)));
    }
}

static void utf__every_code_point__survives_the_round_trip(void **state)
{
    (void)state;
    for (uint32_t point = 1; point <= 0x10ffff; point += point < 0x11000 ? 1 : 251) {
        uint16_t wide[3] = {0};
        if (point >= 0xd800 && point <= 0xdfff)
            continue;
        if (point < 0x10000) {
            wide[0] = (uint16_t)point;
        } else {
            wide[0] = (uint16_t)(0xd800 + ((point - 0x10000) >> 10));
            wide[1] = (uint16_t)(0xdc00 + ((point - 0x10000) & 0x3ff));
        }
        char *narrow = NULL;
        uint16_t *back = NULL;
        size_t units = 0;
        assert_int_equal(oq_utf16_to_8(wide, SIZE_MAX, &narrow), OQ_OK);
        assert_int_equal(oq_utf8_to_16(narrow, &back, &units), OQ_OK);
        assert_int_equal(units, units_of(wide));
        assert_memory_equal(back, wide, (units + 1) * sizeof *back);
        oq_free(narrow);
        oq_free(back);
    }
}

static void utf16_to_8__not_strict__is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        uint16_t text[4];
        size_t length;
    } cases[] = {
        {{0xd800, 0}, SIZE_MAX},      /* high surrogate at the end */
        {{0xd800, 'a', 0}, SIZE_MAX}, /* ... before a letter */
        {{0xd800, 0xd800, 0}, SIZE_MAX},
        {{0xdbff, 0xe000, 0}, SIZE_MAX},
        {{0xdc00, 0}, SIZE_MAX}, /* low surrogate alone */
        {{'a', 0xdfff, 'b', 0}, SIZE_MAX},
        {{0xdc00, 0xd800, 0}, SIZE_MAX}, /* the wrong way round */
        {{0xd83d, 0xde00, 0}, 1},        /* pair cut by the length */
        {{0x61, 0xd83d, 0xde00, 0}, 2},
        {{'a', 0, 'b', 0}, 3}, /* NUL inside */
        {{0}, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char before, *narrow = &before;
        assert_int_equal(oq_utf16_to_8(cases[i].text, cases[i].length, &narrow), OQ_E_INVALID_ARG);
        assert_ptr_equal(narrow, &before);
    }
    char *narrow = NULL;
    assert_int_equal(oq_utf16_to_8(NULL, 0, &narrow), OQ_E_INVALID_ARG);
}

static void utf16_to_8__length__reads_no_further(void **state)
{
    (void)state;
    static const uint16_t not_terminated[2] = {'a', 0xe9};
    char *narrow = NULL;
    assert_int_equal(oq_utf16_to_8(not_terminated, 2, &narrow), OQ_OK);
    assert_string_equal(narrow, "a\xc3\xa9");
    oq_free(narrow);
    assert_int_equal(oq_utf16_to_8(not_terminated, 0, &narrow), OQ_OK);
    assert_string_equal(narrow, "");
    oq_free(narrow);
}

static const char *const not_utf8[] = {
    "\x80", /* continuation alone */
    "\xbf",
    "\xc0\x80", /* overlong NUL */
    "\xc1\xbf", /* overlong 7f */
    "\xe0\x80\x80",
    "\xe0\x9f\xbf", /* overlong 7ff */
    "\xf0\x80\x80\x80",
    "\xf0\x8f\xbf\xbf", /* overlong ffff */
    "\xed\xa0\x80",     /* surrogate d800 */
    "\xed\xbf\xbf",     /* surrogate dfff */
    "\xf4\x90\x80\x80", /* 110000 */
    "\xf5\x80\x80\x80",
    "\xff",
    "\xfe",
    "\xc3", /* cut off */
    "\xe2\x82",
    "\xf0\x9f\x98",
    "\xc3x",
    "\xe2\x82x",
    "\xf0\x9f\x98x",
    "\xc3\xc3\xa9",
    "ok\xed\xa0\xbd\xed\xb8\x80", /* CESU-8 */
};

static void utf8_to_16__not_strict__is_refused_and_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(not_utf8); i++) {
        uint16_t before, *wide = &before;
        size_t units = 12345;
        assert_int_equal(oq_utf8_to_16(not_utf8[i], &wide, &units), OQ_E_INVALID_ARG);
        assert_ptr_equal(wide, &before);
        assert_int_equal(units, 12345);
        assert_false(oq_utf8_is_valid(not_utf8[i], strlen(not_utf8[i])));
    }
    uint16_t *wide = NULL;
    assert_int_equal(oq_utf8_to_16(NULL, &wide, NULL), OQ_E_INVALID_ARG);
}

static void utf8_is_valid__every_two_bytes__match_the_definition(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            const char text[2] = {(char)a, (char)b};
            bool wanted =
                (a < 0x80 && b < 0x80) || (a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf);
            assert_int_equal(oq_utf8_is_valid(text, 2), wanted);
        }
    }
}

static void utf8_is_valid__length__cuts_the_last_character(void **state)
{
    (void)state;
    static const char euro[] = "\xe2\x82\xac";
    assert_true(oq_utf8_is_valid(euro, 0));
    assert_false(oq_utf8_is_valid(euro, 1));
    assert_false(oq_utf8_is_valid(euro, 2));
    assert_true(oq_utf8_is_valid(euro, 3));
    assert_true(oq_utf8_is_valid("a\0b", 3)); /* NUL is a character */
}

#ifdef OQ_FAULT_INJECTION
static void utf__no_memory__is_reported_and_changes_nothing(void **state)
{
    (void)state;
    char byte, *narrow = &byte;
    uint16_t unit, *wide = &unit;
    static const uint16_t a[] = {'a', 0};
    oq_fault_arm(OQ_FAULT_ALLOC, 1, true);
    enum oq_status first = oq_utf16_to_8(a, 1, &narrow), second = oq_utf8_to_16("a", &wide, NULL);
    oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
    assert_int_equal(first, OQ_E_NOMEM);
    assert_int_equal(second, OQ_E_NOMEM);
    assert_ptr_equal(narrow, &byte);
    assert_ptr_equal(wide, &unit);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf__pairs__convert_both_ways),
        cmocka_unit_test(utf__every_code_point__survives_the_round_trip),
        cmocka_unit_test(utf16_to_8__not_strict__is_refused_and_changes_nothing),
        cmocka_unit_test(utf16_to_8__length__reads_no_further),
        cmocka_unit_test(utf8_to_16__not_strict__is_refused_and_changes_nothing),
        cmocka_unit_test(utf8_is_valid__every_two_bytes__match_the_definition),
        cmocka_unit_test(utf8_is_valid__length__cuts_the_last_character),
#ifdef OQ_FAULT_INJECTION
        cmocka_unit_test(utf__no_memory__is_reported_and_changes_nothing),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
