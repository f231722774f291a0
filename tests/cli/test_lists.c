/* test_lists.c - cli/lists.c */
#include "test_unit.h"

#include "lists_int.h"
#include "oq_alloc.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bBbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void urls__one_in_each_line__are_found(void **state)
{
    (void)state;
    char text[] = "\xef\xbb\xbf# mine\r\nhttp://h/a\r\n\n  http://h/b \t\n#http://h/c\nhttp://h/d";
    char **urls = NULL;
    int count = 77;
    assert_int_equal(oq_lists_urls(text, &urls, &count), OQ_OK);
    assert_int_equal(count, 3);
    assert_string_equal(urls[0], "http://h/a");
    assert_string_equal(urls[1], "http://h/b");
    assert_string_equal(urls[2], "http://h/d");
    oq_free(urls);
}

static void urls__none_or_too_many__are_refused(void **state)
{
    (void)state;
    char none[] = "# nothing\n\n";
    char *many = oq_malloc(2 * (OQ_LISTS_MAX_URLS + 1) + 1);
    char **urls = NULL;
    int count = 77;
    assert_int_equal(oq_lists_urls(none, &urls, &count), OQ_E_INVALID_ARG);
    for (unsigned i = 0; i <= OQ_LISTS_MAX_URLS; i++)
        memcpy(many + (size_t)2 * i, "u\n", 3);
    assert_int_equal(oq_lists_urls(many, &urls, &count), OQ_E_INVALID_ARG);
    oq_free(many);
    assert_null(urls);
    assert_int_equal(count, 77);
}

static void sha256__of_a_name__is_found_in_every_form(void **state)
{
    (void)state;
    static const char *const texts[] = {
        A64 "  disk.iso\n",
        B64 "  other\n" A64 " *disk.iso\r\n",
        "\xef\xbb\xbf" A64 "  some/folder/DISK.iso",
        "SHA256 (other) = " B64 "\nSHA256 (disk.iso) = " A64 "\n",
        "\\" A64 "  x\\\\disk.iso\n",
        A64 "\n",
        A64 "  disk.iso\n" A64 "  disk.iso\n",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        uint8_t hash[OQ_LISTS_SHA256];
        memset(hash, 0x5a, sizeof hash);
        if (!oq_lists_sha256(texts[i], "C:\\dl\\disk.iso", hash))
            fail_msg("not found in: %s", texts[i]);
        assert_int_equal(hash[0], 0xaa);
        assert_int_equal(hash[31], 0xaa);
    }
}

static void sha256__of_another_name_or_contradictory__is_not_found(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        A64 "  other\n",
        A64 "  disk.iso.asc\n",
        A64 "  disk.iso\n" B64 "  disk.iso\n",
        A64 "\n" B64 "\n",
        A64 "x\n",
        "SHA512 (disk.iso) = " A64 A64 "\n",
        "SHA256 (disk.iso) = abc\n",
        "abc  disk.iso\n",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        uint8_t hash[OQ_LISTS_SHA256];
        if (oq_lists_sha256(texts[i], "disk.iso", hash))
            fail_msg("found in: %s", texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls__one_in_each_line__are_found),
        cmocka_unit_test(urls__none_or_too_many__are_refused),
        cmocka_unit_test(sha256__of_a_name__is_found_in_every_form),
        cmocka_unit_test(sha256__of_another_name_or_contradictory__is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
