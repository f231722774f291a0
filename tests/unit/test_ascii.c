/* test_ascii.c - service/base/ascii.c */
#include "test_unit.h"

#include "oq_ascii.h"

static void lower__every_character__changes_only_capitals_of_ascii(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char wanted = c >= 'A' && c <= 'Z' ? (char)(c + 32) : (char)c;
        assert_int_equal(oq_ascii_lower((char)c), wanted);
    }
}

static void word__of_any_case__is_the_whole_text(void **state)
{
    (void)state;
    assert_true(oq_ascii_is_word("Sha-256x", 7, "sHA-256"));
    assert_false(oq_ascii_is_word("sha-25", 6, "sha-256"));
    assert_false(oq_ascii_is_word("sha-256x", 8, "sha-256"));
    assert_true(oq_ascii_is_word("", 0, ""));
    assert_false(oq_ascii_is_word("[", 1, "{")); /* 0x20 apart, and no letters */
    assert_true(oq_ascii_is_same("ab\xc4", "AB\xc4", 3));
    assert_false(oq_ascii_is_same("\xe4", "\xc4", 1));
}

static void prefix__of_a_text__is_found_at_its_beginning_only(void **state)
{
    (void)state;
    assert_true(oq_ascii_has_prefix("HTTP://h", "http://"));
    assert_true(oq_ascii_has_prefix("http://", "http://"));
    assert_false(oq_ascii_has_prefix("http:/", "http://"));
    assert_false(oq_ascii_has_prefix("", "h"));
    assert_false(oq_ascii_has_prefix("xhttp://", "http://"));
}

static void number__of_digits_only__is_one(void **state)
{
    (void)state;
    assert_true(oq_ascii_is_number("0919", 4));
    assert_true(oq_ascii_is_number("12a", 2));
    assert_false(oq_ascii_is_number("", 0));
    assert_false(oq_ascii_is_number("1/", 2));
    assert_false(oq_ascii_is_number(":1", 2));
}

static void hex__every_character__has_its_value_or_none(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        const char *digits = "0123456789abcdefABCDEF", *at = c ? strchr(digits, c) : NULL;
        int wanted = !at ? -1 : at - digits < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
        assert_int_equal(oq_hex_digit((char)c), wanted);
    }
}

static void hex__of_any_case__comes_back_in_lower_case(void **state)
{
    uint8_t bytes[3];
    char text[7];
    (void)state;
    assert_int_equal(oq_hex_parse("0aBcF9", 6, bytes, 3), OQ_OK);
    oq_hex_format(bytes, 3, text);
    assert_string_equal(text, "0abcf9");
}

static void hex__of_wrong_length_or_digit__is_refused_and_writes_nothing(void **state)
{
    uint8_t bytes[3] = {7, 7, 7};
    (void)state;
    assert_int_equal(oq_hex_parse("0abcf", 5, bytes, 3), OQ_E_INVALID_ARG);
    assert_int_equal(oq_hex_parse("0abcf90", 7, bytes, 3), OQ_E_INVALID_ARG);
    assert_int_equal(oq_hex_parse("0abcfg", 6, bytes, 3), OQ_E_INVALID_ARG);
    assert_int_equal(oq_hex_parse("", 0, bytes, 3), OQ_E_INVALID_ARG);
    assert_int_equal(bytes[0], 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lower__every_character__changes_only_capitals_of_ascii),
        cmocka_unit_test(word__of_any_case__is_the_whole_text),
        cmocka_unit_test(prefix__of_a_text__is_found_at_its_beginning_only),
        cmocka_unit_test(number__of_digits_only__is_one),
        cmocka_unit_test(hex__every_character__has_its_value_or_none),
        cmocka_unit_test(hex__of_any_case__comes_back_in_lower_case),
        cmocka_unit_test(hex__of_wrong_length_or_digit__is_refused_and_writes_nothing),
    };
    return cmocka_run_group_tests_name("ascii", tests, NULL, NULL);
}
