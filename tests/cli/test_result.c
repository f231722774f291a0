/* test_messages.c - cli/result.c */
#include "test_unit.h"

#include "result_int.h"

static void words__service_not_installed__says_how_to_install_it(void **state)
{
    (void)state;
    assert_non_null(strstr(oq_result_text(0x80040154u), "qmgrsvc install"));
    assert_true(oq_result_is_permanent(0x80040154u));
    assert_false(oq_result_is_disconnect(0x80040154u));
}

static void words__lost_connection__is_known_by_every_code(void **state)
{
    (void)state;
    static const uint32_t codes[] = {0x80010108u, 0x80010007u, 0x80010012u,
                                     0x800401FDu, 0x80080008u, 0x800706BAu,
                                     0x800706BEu, 0x800706BFu, 0x81001002u};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        assert_true(oq_result_is_disconnect(codes[i]));
        assert_false(oq_result_is_permanent(codes[i]));
        assert_non_null(oq_result_text(codes[i]));
    }
}

static void words__success_and_unknown_codes__have_none(void **state)
{
    (void)state;
    assert_null(oq_result_text(0));
    assert_null(oq_result_text(0x8badf00du));
    assert_false(oq_result_is_disconnect(0));
    assert_false(oq_result_is_disconnect(0x8badf00du));
    assert_false(oq_result_is_permanent(0));
}

static void words__every_failure_of_the_contract__has_a_sentence_without_a_stop(void **state)
{
    (void)state;
    static const uint32_t codes[] = {
        0x81001001u, 0x81001002u, 0x81001003u, 0x81001004u, 0x80070057u, 0x80070005u,
        0x80004001u, 0x80200003u, 0x80200049u, 0x80200050u, 0x80200051u, 0x80040154u,
        0x80080005u, 0x80072EE7u, 0x80072EFDu, 0x80072EE2u, 0x80070070u};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        const char *words = oq_result_text(codes[i]);
        assert_non_null(words);
        assert_true(strlen(words) > 8);
        assert_true(words[strlen(words) - 1] != '.');
        assert_null(strstr(words, "0x"));
    }
}

static void words_of_http__known_and_unknown_status__name_the_number(void **state)
{
    (void)state;
    char text[OQ_RESULT_HTTP];
    memset(text, 0x5a, sizeof text);
    oq_result_http_text(404, text);
    assert_string_equal(text, "the server answered 404 (not found)");
    oq_result_http_text(418, text);
    assert_string_equal(text, "the server answered 418");
    oq_result_http_text(UINT32_MAX, text);
    assert_string_equal(text, "the server answered 4294967295");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words__service_not_installed__says_how_to_install_it),
        cmocka_unit_test(words__lost_connection__is_known_by_every_code),
        cmocka_unit_test(words__success_and_unknown_codes__have_none),
        cmocka_unit_test(words__every_failure_of_the_contract__has_a_sentence_without_a_stop),
        cmocka_unit_test(words_of_http__known_and_unknown_status__name_the_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
