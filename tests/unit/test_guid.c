/* test_guid.c - service/base/guid.c */
#include "test_unit.h"

#include "oq_guid.h"

static const struct oq_guid sample = {
    0x16f41c69, 0x09f5, 0x41d2, {0x8c, 0xd8, 0x3c, 0x08, 0xc4, 0x7b, 0xc8, 0xa8}};

static void guid__layout__is_that_of_windows(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct oq_guid), 16);
    assert_int_equal(offsetof(struct oq_guid, data2), 4);
    assert_int_equal(offsetof(struct oq_guid, data3), 6);
    assert_int_equal(offsetof(struct oq_guid, data4), 8);
}

static void guid_format__sample__is_braced_lower_case(void **state)
{
    (void)state;
    char text[OQ_GUID_TEXT];
    memset(text, 0x5a, sizeof text);
    oq_guid_format(&sample, text);
    assert_string_equal(text, "{16f41c69-09f5-41d2-8cd8-3c08c47bc8a8}");
}

static void guid_format__extremes__fill_the_buffer_exactly(void **state)
{
    (void)state;
    char text[OQ_GUID_TEXT];
    struct oq_guid guid;
    memset(&guid, 0, sizeof guid);
    oq_guid_format(&guid, text);
    assert_string_equal(text, "{00000000-0000-0000-0000-000000000000}");
    memset(&guid, 0xff, sizeof guid);
    oq_guid_format(&guid, text);
    assert_string_equal(text, "{ffffffff-ffff-ffff-ffff-ffffffffffff}");
}

static void guid_parse__legal_forms__give_the_sample(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{16f41c69-09f5-41d2-8cd8-3c08c47bc8a8}",
        "16f41c69-09f5-41d2-8cd8-3c08c47bc8a8",
        "{16F41C69-09F5-41D2-8CD8-3C08C47BC8A8}",
        "16F41c69-09f5-41D2-8cd8-3c08C47bc8a8",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct oq_guid guid;
        memset(&guid, 0x5a, sizeof guid);
        assert_int_equal(oq_guid_parse(texts[i], &guid), OQ_OK);
        assert_true(oq_guid_is_equal(&guid, &sample));
    }
}

static void guid_parse__anything_else__is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{}",
        "{",
        "{16f41c69-09f5-41d2-8cd8-3c08c47bc8a8",
        "16f41c69-09f5-41d2-8cd8-3c08c47bc8a8}",
        " 16f41c69-09f5-41d2-8cd8-3c08c47bc8a8",
        "16f41c69-09f5-41d2-8cd8-3c08c47bc8a8 ",
        "{16f41c69-09f5-41d2-8cd8-3c08c47bc8a8} ",
        " {16f41c69-09f5-41d2-8cd8-3c08c47bc8a8}",
        "{16f41c69-09f5-41d2-8cd8-3c08c47bc8a}",
        "{16f41c69-09f5-41d2-8cd8-3c08c47bc8a88}",
        "{16f41c69-09f5-41d2-8cd83c08c47bc8a8a}-",
        "{16f41c69-09f5-41d2-8cd8-3c08c47bc8ag}",
        "{g6f41c69-09f5-41d2-8cd8-3c08c47bc8a8}",
        "{16f41c6909f5-41d2-8cd8-3c08c47bc8a8-}",
        "(16f41c69-09f5-41d2-8cd8-3c08c47bc8a8)",
        "16f41c69009f5041d208cd803c08c47bc8a8",
        "16f41c6909f541d28cd83c08c47bc8a8",
        "{+6f41c69-09f5-41d2-8cd8-3c08c47bc8a8}",
        "{0x1c69aa-09f5-41d2-8cd8-3c08c47bc8a8}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct oq_guid guid = sample;
        assert_int_equal(oq_guid_parse(texts[i], &guid), OQ_E_INVALID_ARG);
        assert_memory_equal(&guid, &sample, sizeof guid);
    }
    struct oq_guid guid = sample;
    assert_int_equal(oq_guid_parse(NULL, &guid), OQ_E_INVALID_ARG);
}

static void guid_parse__every_position_damaged__is_refused(void **state)
{
    (void)state;
    char text[OQ_GUID_TEXT];
    for (size_t i = 0; i < OQ_GUID_TEXT - 1; i++) {
        oq_guid_format(&sample, text);
        text[i] = '~';
        struct oq_guid guid = sample;
        assert_int_equal(oq_guid_parse(text, &guid), OQ_E_INVALID_ARG);
    }
}

static void guid_bytes__sample__read_like_the_text_and_return(void **state)
{
    (void)state;
    static const uint8_t wanted[16] = {0x16, 0xf4, 0x1c, 0x69, 0x09, 0xf5, 0x41, 0xd2,
                                       0x8c, 0xd8, 0x3c, 0x08, 0xc4, 0x7b, 0xc8, 0xa8};
    uint8_t bytes[16];
    memset(bytes, 0x5a, sizeof bytes);
    oq_guid_to_bytes(&sample, bytes);
    assert_memory_equal(bytes, wanted, 16);
    struct oq_guid back;
    memset(&back, 0x5a, sizeof back);
    oq_guid_from_bytes(bytes, &back);
    assert_true(oq_guid_is_equal(&back, &sample));
}

static void guid_equal__one_bit_differs__is_not_equal_and_hashes_differently(void **state)
{
    (void)state;
    assert_true(oq_guid_is_equal(&sample, &sample));
    for (size_t bit = 0; bit < 128; bit++) {
        struct oq_guid other = sample;
        ((uint8_t *)&other)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(oq_guid_is_equal(&sample, &other));
        assert_true(oq_guid_hash(&sample) != oq_guid_hash(&other));
    }
}

static void guid_is_null__any_bit_set__is_false(void **state)
{
    (void)state;
    struct oq_guid guid;
    memset(&guid, 0, sizeof guid);
    assert_true(oq_guid_is_null(&guid));
    for (size_t bit = 0; bit < 128; bit++) {
        memset(&guid, 0, sizeof guid);
        ((uint8_t *)&guid)[bit / 8] = (uint8_t)(1u << bit % 8);
        assert_false(oq_guid_is_null(&guid));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guid__layout__is_that_of_windows),
        cmocka_unit_test(guid_format__sample__is_braced_lower_case),
        cmocka_unit_test(guid_format__extremes__fill_the_buffer_exactly),
        cmocka_unit_test(guid_parse__legal_forms__give_the_sample),
        cmocka_unit_test(guid_parse__anything_else__is_refused_and_changes_nothing),
        cmocka_unit_test(guid_parse__every_position_damaged__is_refused),
        cmocka_unit_test(guid_bytes__sample__read_like_the_text_and_return),
        cmocka_unit_test(guid_equal__one_bit_differs__is_not_equal_and_hashes_differently),
        cmocka_unit_test(guid_is_null__any_bit_set__is_false),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
