/* test_messages.c - cli/result.c */
#include "test_unit.h"

#include "args_int.h"
#include "result_int.h"

static void result__service_not_installed__says_how_to_install_it(void **state)
{
    (void)state;
    assert_non_null(strstr(oq_result_text(0x80040154u), "qmgrsvc install"));
    assert_true(oq_result_is_permanent(0x80040154u));
    assert_false(oq_result_is_disconnect(0x80040154u));
}

static void result__lost_connection__is_known_by_every_code(void **state)
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

static void result__success_and_unknown_codes__have_none(void **state)
{
    (void)state;
    assert_null(oq_result_text(0));
    assert_null(oq_result_text(0x8badf00du));
    assert_false(oq_result_is_disconnect(0));
    assert_false(oq_result_is_disconnect(0x8badf00du));
    assert_false(oq_result_is_permanent(0));
}

static void result__every_failure_of_the_contract__has_a_sentence_without_a_stop(void **state)
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

static void http_text__known_and_unknown_status__name_the_number(void **state)
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

/* Every code with its class and the end of its sentence. */
static void result__every_code__has_its_class_and_sentence(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        uint32_t hr;
        bool is_disconnect, is_permanent;
        const char *part;
    } rows[] = {
        {0x80040154u, 0, 1, "not installed"},
        {0x80070424u, 0, 1, "not installed"},
        {0x80040155u, 0, 1, "it with 'regsvr32 qmgrps.dll'"},
        {0x80004002u, 0, 1, "or qmgrps.dll is not registered"},
        {0x80070422u, 0, 1, "the OpenQMGR service is disabled"},
        {0x8007042Cu, 0, 0, "that it depends on is not running"},
        {0x8007042Du, 0, 1, "its account could not log on"},
        {0x80080005u, 0, 0, "does not start; see its log"},
        {0x8007041Du, 0, 0, "not start in time; see its log"},
        {0x8007042Bu, 0, 0, "when it was started; see its log"},
        {0x8007042Au, 0, 0, "with an error; see its log"},
        {0x80070425u, 1, 0, "service is starting or stopping"},
        {0x80070420u, 1, 0, "the OpenQMGR service is stopping"},
        {0x800401F0u, 0, 0, "COM was not initialised"},
        {0x80010108u, 1, 0, "the OpenQMGR service stopped"},
        {0x80010007u, 1, 0, "service stopped during the call"},
        {0x80010012u, 1, 0, "the OpenQMGR service stopped"},
        {0x800401FDu, 1, 0, "the OpenQMGR service stopped"},
        {0x80080008u, 1, 0, "the OpenQMGR service is stopping"},
        {0x800706B5u, 1, 0, "the OpenQMGR service is stopping"},
        {0x800706BAu, 1, 0, "service cannot be reached"},
        {0x800706BEu, 1, 0, "service stopped during the call"},
        {0x800706BFu, 1, 0, "the OpenQMGR service stopped"},
        {0x8007071Au, 1, 0, "OpenQMGR service was cancelled"},
        {0x8007006Du, 1, 0, "the OpenQMGR service stopped"},
        {0x800700E9u, 1, 0, "the OpenQMGR service stopped"},
        {0x81001002u, 1, 0, "the OpenQMGR service is stopping"},
        {0x81001003u, 0, 0, "not set up its network transport"},
        {0x80010117u, 0, 0, "could not identify the caller"},
        {0x81001001u, 0, 0, "in the state the download is in"},
        {0x81001004u, 0, 0, "is no such download in the queue"},
        {0x80070057u, 0, 0, "service refused a name or a value"},
        {0x80070005u, 0, 1, "access is denied"},
        {0x800704ECu, 0, 1, "sets that, which takes precedence"},
        {0x80004001u, 0, 0, "the service does not support that"},
        {0x8007000Eu, 0, 0, "there is not enough memory"},
        {0x8000FFFFu, 0, 0, "an unexpected error; see its log"},
        {0x80004005u, 0, 0, "without a reason; see its log"},
        {0x80004004u, 0, 0, "interrupted"},
        {0x80200003u, 0, 0, "there is no file to download"},
        {0x80200014u, 0, 0, "be used from another computer"},
        {0x80200049u, 0, 0, "cancel some, or let some finish"},
        {0x80200050u, 0, 0, "in this computer's queue"},
        {0x80200051u, 0, 0, "too many files in the download"},
        {0x80070002u, 0, 0, "the file was not found"},
        {0x80070003u, 0, 0, "the folder does not exist"},
        {0x80070020u, 0, 0, "file is open in another program"},
        {0x80070027u, 0, 0, "the disk is full"},
        {0x80070070u, 0, 0, "the disk is full"},
        {0x80070143u, 0, 0, "the file is not the expected one"},
        {0x8007003Au, 0, 0, "server sent an invalid response"},
        {0x80200016u, 0, 0, "no access to the unfinished file"},
        {0x80200010u, 0, 0, "no network is connected"},
        {0x80072EE2u, 0, 0, "the server took too long"},
        {0x80072EE7u, 0, 0, "server's name could not be found"},
        {0x80072EFDu, 0, 0, "could not connect to the server"},
        {0x80072EFEu, 0, 0, "the connection was aborted"},
        {0x80072F06u, 0, 0, "certificate is for another name"},
        {0x80072F05u, 0, 0, "server's certificate has expired"},
        {0x80072F0Du, 0, 0, "that this computer does not trust"},
        {0x80072F7Du, 0, 0, "to the server could be made"},
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *text = oq_result_text(rows[i].hr);
        if (!text || !strstr(text, rows[i].part))
            fail_msg("0x%08X: %s", (unsigned)rows[i].hr, text ? text : "none");
        assert_int_equal(oq_result_is_disconnect(rows[i].hr), rows[i].is_disconnect);
        assert_int_equal(oq_result_is_permanent(rows[i].hr), rows[i].is_permanent);
    }
}

static void http_text__known_status__has_its_phrase(void **state)
{
    (void)state;
    static const struct {
        uint32_t status;
        const char *text;
    } rows[] = {
        {400, "the server answered 400 (bad request)"},
        {401, "the server answered 401 (authentication required)"},
        {403, "the server answered 403 (forbidden)"},
        {404, "the server answered 404 (not found)"},
        {407, "the server answered 407 (proxy authentication required)"},
        {408, "the server answered 408 (the request took too long)"},
        {410, "the server answered 410 (gone)"},
        {414, "the server answered 414 (the address is too long)"},
        {416, "the server answered 416 (no such range)"},
        {429, "the server answered 429 (too many requests)"},
        {500, "the server answered 500 (internal error)"},
        {501, "the server answered 501 (not implemented)"},
        {502, "the server answered 502 (bad gateway)"},
        {503, "the server answered 503 (service unavailable)"},
        {504, "the server answered 504 (gateway time-out)"},
        {505, "the server answered 505 (HTTP version not supported)"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[OQ_RESULT_HTTP];
        memset(text, 0x5a, sizeof text);
        oq_result_http_text(rows[i].status, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void exit__every_kind_of_failure__has_its_status(void **state)
{
    (void)state;
    static const struct {
        uint32_t hr;
        int status;
    } rows[] = {
        {0x80040154u, OQ_EXIT_SERVICE},     {0x80080005u, OQ_EXIT_SERVICE},
        {0x800706BAu, OQ_EXIT_SERVICE},     {0x80070426u, OQ_EXIT_SERVICE},
        {0x80072EE7u, OQ_EXIT_NETWORK},     {0x8020002Du, OQ_EXIT_NETWORK},
        {0x800B0109u, OQ_EXIT_NETWORK},     {0x80200010u, OQ_EXIT_NETWORK},
        {0x801901F7u, OQ_EXIT_SERVER},      {0x80190190u, OQ_EXIT_SERVER},
        {0x8020001Bu, OQ_EXIT_SERVER},      {0x80190194u, OQ_EXIT_NOT_FOUND},
        {0x8019019Au, OQ_EXIT_NOT_FOUND},   {0x80190191u, OQ_EXIT_DENIED},
        {0x80190193u, OQ_EXIT_DENIED},      {0x80190197u, OQ_EXIT_DENIED},
        {0x80070005u, OQ_EXIT_DENIED},      {0x800704ECu, OQ_EXIT_DENIED},
        {0x80070070u, OQ_EXIT_DISK},        {0x80070020u, OQ_EXIT_DISK},
        {0x80070143u, OQ_EXIT_CHECKSUM},    {0x81001004u, OQ_EXIT_NO_GROUP},
        {0x80004004u, OQ_EXIT_INTERRUPTED}, {0x8007000Eu, OQ_EXIT_FAILED},
        {0x8badf00du, OQ_EXIT_FAILED},      {0x80070057u, OQ_EXIT_FAILED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (oq_result_exit(rows[i].hr) != rows[i].status)
            fail_msg("0x%08X gives %d", rows[i].hr, oq_result_exit(rows[i].hr));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(result__service_not_installed__says_how_to_install_it),
        cmocka_unit_test(result__lost_connection__is_known_by_every_code),
        cmocka_unit_test(result__success_and_unknown_codes__have_none),
        cmocka_unit_test(result__every_failure_of_the_contract__has_a_sentence_without_a_stop),
        cmocka_unit_test(result__every_code__has_its_class_and_sentence),
        cmocka_unit_test(http_text__known_status__has_its_phrase),
        cmocka_unit_test(http_text__known_and_unknown_status__name_the_number),
        cmocka_unit_test(exit__every_kind_of_failure__has_its_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
