/* test_names.c - cli/names.c */
#include "test_unit.h"

#include "names_int.h"

static const struct oq_guid sample = {
    0x16f41c69, 0x09f5, 0x41d2, {0x8c, 0xd8, 0x3c, 0x08, 0xc4, 0x7b, 0xc8, 0xa8}};

static void parse_group__beginnings_of_a_guid__match_it(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "16f4",
        "16F41",
        "16f41c69",
        "16f41c69-",
        "16f41c6909f5",
        "16f41c69-09f5-41d2-8cd8-3c",
        "{16f41c69",
        "16f41c69-09f5-41d2-8cd8-3c08c47bc8a8",
        "{16F41C69-09F5-41D2-8CD8-3C08C47BC8A8}",
        "16f41c6909f541d28cd83c08c47bc8a8",
        "{16f41c6909f541d28cd83c08c47bc8a8}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct oq_group_name name;
        memset(&name, 0x5a, sizeof name);
        assert_int_equal(oq_names_parse_group(texts[i], &name), OQ_OK);
        assert_true(oq_names_matches(&name, &sample));
    }
}

static void parse_group__anything_else__is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "}",
        "{}",
        "-",
        "16f",
        "16f-41c69",
        "16g4",
        "16f4 ",
        " 16f4",
        "-16f4",
        "16f41c69--09f5",
        "16f4}",
        "{16f4}",
        "16f41c69-09f5-41d2-8cd8-3c08c47bc8a8}",
        "{16f41c69-09f5-41d2-8cd8-3c08c47bc8a8}x",
        "16f41c69-09f5-41d2-8cd8-3c08c47bc8a80",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct oq_group_name name, before;
        memset(&name, 0x5a, sizeof name);
        before = name;
        assert_int_equal(oq_names_parse_group(texts[i], &name), OQ_E_INVALID_ARG);
        assert_memory_equal(&name, &before, sizeof name);
    }
}

static void names__whole_guid__goes_there_and_back(void **state)
{
    (void)state;
    struct oq_group_name name;
    struct oq_guid guid;
    char text[OQ_NAMES_SHOWN + 1];
    assert_int_equal(oq_names_parse_group("16f41c69-09f5-41d2-8cd8-3c08c47bc8a8", &name), OQ_OK);
    assert_true(oq_names_is_whole(&name));
    memset(&guid, 0x5a, sizeof guid);
    oq_names_to_guid(&name, &guid);
    assert_true(oq_guid_is_equal(&guid, &sample));
    oq_names_short(&guid, text);
    assert_string_equal(text, "16f41c69");
    assert_int_equal(oq_names_parse_group(text, &name), OQ_OK);
    assert_false(oq_names_is_whole(&name));
}

static void names__other_guid__does_not_match(void **state)
{
    (void)state;
    struct oq_group_name name;
    struct oq_guid other = sample;
    other.data4[7] ^= 1;
    assert_int_equal(oq_names_parse_group("16f41c6909f541d28cd83c08c47bc8a8", &name), OQ_OK);
    assert_false(oq_names_matches(&name, &other));
    assert_int_equal(oq_names_parse_group("16f41c6909f541d28cd83c08c47bc8", &name), OQ_OK);
    assert_true(oq_names_matches(&name, &other));
}

static void base__both_separators__are_understood(void **state)
{
    (void)state;
    assert_string_equal(oq_names_base("C:\\a\\b.txt"), "b.txt");
    assert_string_equal(oq_names_base("C:/a/b.txt"), "b.txt");
    assert_string_equal(oq_names_base("b.txt"), "b.txt");
    assert_string_equal(oq_names_base("C:\\a\\"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_group__beginnings_of_a_guid__match_it),
        cmocka_unit_test(parse_group__anything_else__is_refused),
        cmocka_unit_test(names__whole_guid__goes_there_and_back),
        cmocka_unit_test(names__other_guid__does_not_match),
        cmocka_unit_test(base__both_separators__are_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
