/* test_status.c - service/base/status.c */
#include "test_unit.h"

#include "oq_status.h"

static void status_name__every_status__is_unique_and_begins_with_oq(void **state)
{
    (void)state;
    for (int a = 0; a < OQ_STATUS_COUNT; a++) {
        const char *name = oq_status_name((enum oq_status)a);
        assert_int_equal(strncmp(name, a == OQ_OK ? "OQ_OK" : "OQ_E_", 5), 0);
        assert_null(strchr(name, '?'));
        for (int b = 0; b < a; b++)
            assert_string_not_equal(name, oq_status_name((enum oq_status)b));
    }
    assert_string_equal(oq_status_name(OQ_E_NOMEM), "OQ_E_NOMEM");
    assert_string_equal(oq_status_name(OQ_E_BUG), "OQ_E_BUG");
}

static void status_name__unknown_value__still_gives_text(void **state)
{
    (void)state;
    assert_string_equal(oq_status_name(OQ_STATUS_COUNT), "OQ_E_?");
    assert_string_equal(oq_status_name((enum oq_status)12345), "OQ_E_?");
}

static void error_init__nonsense__gives_nothing_known(void **state)
{
    (void)state;
    struct oq_error err;
    memset(&err, 0x5a, sizeof err);
    oq_error_init(&err);
    assert_int_equal(err.status, OQ_OK);
    assert_int_equal(err.win32, 0);
    assert_int_equal(err.http, 0);
    assert_int_equal(err.net, 0);
    assert_true(err.file_index == OQ_NO_FILE);
    assert_string_equal(err.text, "");
}

static void error__null__is_accepted(void **state)
{
    (void)state;
    oq_error_init(NULL);
    assert_int_equal(oq_error_set(NULL, OQ_E_IO, "%d", 1), OQ_E_IO);
    assert_int_equal(oq_error_win32(NULL, OQ_E_BUSY, 5, "%d", 1), OQ_E_BUSY);
}

static void error_set__other_fields__stay(void **state)
{
    (void)state;
    struct oq_error err;
    oq_error_init(&err);
    err.win32 = 32;
    err.http = 404;
    err.net = 7;
    err.file_index = 3;
    assert_int_equal(oq_error_set(&err, OQ_E_NET, "%s gave %d", "server", 404), OQ_E_NET);
    assert_int_equal(err.status, OQ_E_NET);
    assert_string_equal(err.text, "server gave 404");
    assert_int_equal(err.win32, 32);
    assert_int_equal(err.http, 404);
    assert_int_equal(err.net, 7);
    assert_int_equal(err.file_index, 3);
}

static void error_win32__code__is_stored(void **state)
{
    (void)state;
    struct oq_error err;
    oq_error_init(&err);
    assert_int_equal(oq_error_win32(&err, OQ_E_ACCESS_DENIED, 5, "no"), OQ_E_ACCESS_DENIED);
    assert_int_equal(err.status, OQ_E_ACCESS_DENIED);
    assert_int_equal(err.win32, 5);
    assert_string_equal(err.text, "no");
    assert_true(err.file_index == OQ_NO_FILE);
}

static void error_set__own_text_as_argument__is_prefixed(void **state)
{
    (void)state;
    struct oq_error err;
    oq_error_init(&err);
    oq_error_set(&err, OQ_E_IO, "disk is gone");
    oq_error_set(&err, OQ_E_DB, "cannot save: %s", err.text);
    assert_string_equal(err.text, "cannot save: disk is gone");
}

static void error_set__text_too_long__is_cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"x",
                                             "\xc3\xa9",
                                             "\xc2\x80",
                                             "\xe2\x82\xac",
                                             "\xe0\xa0\x80",
                                             "\xe2\x80\x80",
                                             "\xf0\x9f\x98\x80",
                                             "\xf0\x90\x80\x80"};
    struct oq_error err;
    for (size_t c = 0; c < COUNT_OF(characters); c++) {
        size_t width = strlen(characters[c]);
        /* Every position of the cut within a character. */
        for (size_t lead = 0; lead < 4; lead++) {
            char text[600] = "";
            for (size_t i = 0; i < lead; i++)
                strcat(text, "a");
            while (strlen(text) + width < sizeof text)
                strcat(text, characters[c]);
            memset(&err, 0x5a, sizeof err);
            oq_error_set(&err, OQ_E_DB, "%s", text);
            size_t length = strlen(err.text);
            assert_int_equal(length, lead + (255 - lead) / width * width);
            assert_memory_equal(err.text, text, length);
        }
    }
}

static void error_set__text_just_fits__is_whole(void **state)
{
    (void)state;
    struct oq_error err;
    char text[300];
    memset(text, 'a', sizeof text);
    memcpy(text + 252, "\xe2\x82\xac", 4);
    oq_error_set(&err, OQ_E_DB, "%s", text);
    assert_string_equal(err.text, text);
    text[255] = 'b';
    text[256] = '\0';
    oq_error_set(&err, OQ_E_DB, "%s", text);
    text[255] = '\0';
    assert_string_equal(err.text, text);
}

static void error_set__one_byte_too_many__drops_the_whole_character(void **state)
{
    (void)state;
    struct oq_error err;
    char text[257];
    memset(text, 'a', sizeof text);
    memcpy(text + 253, "\xe2\x82\xac", 4);
    oq_error_set(&err, OQ_E_DB, "%s", text);
    text[253] = '\0';
    assert_string_equal(err.text, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_name__every_status__is_unique_and_begins_with_oq),
        cmocka_unit_test(status_name__unknown_value__still_gives_text),
        cmocka_unit_test(error_init__nonsense__gives_nothing_known),
        cmocka_unit_test(error__null__is_accepted),
        cmocka_unit_test(error_set__other_fields__stay),
        cmocka_unit_test(error_win32__code__is_stored),
        cmocka_unit_test(error_set__own_text_as_argument__is_prefixed),
        cmocka_unit_test(error_set__text_too_long__is_cut_between_characters),
        cmocka_unit_test(error_set__text_just_fits__is_whole),
        cmocka_unit_test(error_set__one_byte_too_many__drops_the_whole_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
