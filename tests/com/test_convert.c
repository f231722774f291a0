/* test_convert.c - service/com/convert.c: what the tests of the methods do not reach */
#include "com_fixture.h"

#include "oq_alloc.h"

static void guid__there_and_back__is_the_same(void **state)
{
    (void)state;
    struct oq_guid inside = oq_convert_guid(&group_guid);
    char text[OQ_GUID_TEXT];
    oq_guid_format(&inside, text);
    assert_string_equal(text, "{11111111-2222-3333-4455-66778899aabb}");
    GUID outside = oq_convert_to_guid(&inside);
    assert_guid(&outside, &group_guid);
}

static void bstr__null__is_the_empty_text(void **state)
{
    (void)state;
    char *text = NULL;
    assert_int_equal(oq_convert_bstr(NULL, 0, "it", &text, NULL), OQ_OK);
    assert_string_equal(text, "");
    oq_free(text);
}

static void bstr__at_and_above_the_limit__counts_utf16_units(void **state)
{
    (void)state;
    struct oq_error err;
    char *text = NULL;
    BSTR four = new_bstr(L"\xd83d\xde00\xd83d\xde00"); /* two characters, four units */
    oq_error_init(&err);
    assert_int_equal(oq_convert_bstr(four, 4, "it", &text, &err), OQ_OK);
    assert_string_equal(text, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
    oq_free(text);
    text = NULL;
    assert_int_equal(oq_convert_bstr(four, 3, "the name", &text, &err), OQ_E_INVALID_ARG);
    assert_null(text);
    assert_string_equal(err.text, "the name has 4 characters, 3 are allowed");
    SysFreeString(four);
}

static void bstr__of_an_odd_number_of_bytes__loses_the_last(void **state)
{
    (void)state;
    char *text = NULL;
    BSTR odd = SysAllocStringByteLen("a\0b\0c", 5);
    assert_int_equal(oq_convert_bstr(odd, 9, "it", &text, NULL), OQ_OK);
    assert_string_equal(text, "ab");
    oq_free(text);
    SysFreeString(odd);
}

static void to_bstr__null_and_text__is_a_bstr_of_its_length(void **state)
{
    (void)state;
    BSTR text = NULL;
    assert_int_equal(oq_convert_to_bstr(NULL, &text), OQ_OK);
    assert_bstr(text, L"");
    SysFreeString(text);
    assert_int_equal(oq_convert_to_bstr("gr\xc3\xbcn", &text), OQ_OK);
    assert_bstr(text, L"gr\x00fcn");
    SysFreeString(text);
}

/* Texts inside are UTF-8: anything else is our fault, not the caller's. */
static void to_bstr__not_utf8__is_a_bug(void **state)
{
    (void)state;
    BSTR text = NULL;
    assert_int_equal(oq_convert_to_bstr("\xff", &text), OQ_E_BUG);
    assert_null(text);
}

static void files__bad_one__is_named_by_its_index(void **state)
{
    (void)state;
    struct oq_error err;
    struct oq_file_spec *specs = NULL;
    FILESETINFO good = {new_bstr(L"http://server/1"), new_bstr(L"C:\\1"), 0};
    FILESETINFO bad = {good.bstrRemoteFile, NULL, 0};
    FILESETINFO *files[] = {&good, &good, &bad};
    oq_error_init(&err);
    assert_int_equal(oq_convert_files(3, files, &specs, &err), OQ_E_INVALID_ARG);
    assert_null(specs);
    assert_int_equal(err.file_index, 2);
    assert_string_equal(err.text, "the local name of file 2 is empty");
    oq_convert_files_free(NULL, 3);
    SysFreeString(good.bstrRemoteFile);
    SysFreeString(good.bstrLocalFile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guid__there_and_back__is_the_same),
        cmocka_unit_test(bstr__null__is_the_empty_text),
        cmocka_unit_test(bstr__at_and_above_the_limit__counts_utf16_units),
        cmocka_unit_test(bstr__of_an_odd_number_of_bytes__loses_the_last),
        cmocka_unit_test(to_bstr__null_and_text__is_a_bstr_of_its_length),
        cmocka_unit_test(to_bstr__not_utf8__is_a_bug),
        cmocka_unit_test(files__bad_one__is_named_by_its_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
