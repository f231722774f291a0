/* test_errors.c - service/core/errors.c: a test per row. The table here is written from contract
 * D20 and A.1, not from the code. */
#include "test_unit.h"

#include "oq_errors.h"

static const struct {
    uint32_t status;
    bool is_transient;
    uint32_t code, win32;
} http[] = {
    {100, false, 0x80190064, 58}, {101, false, 0x80190065, 58}, {200, false, 0x801900C8, 58},
    {201, false, 0x801900C9, 58}, {202, true, 0x801900CA, 58},  {203, false, 0x801900CB, 58},
    {204, false, 0x801900CC, 58}, {205, false, 0x801900CD, 58}, {206, false, 0x801900CE, 58},
    {300, false, 0x8019012C, 58}, {301, false, 0x8019012D, 58}, {302, false, 0x8019012E, 58},
    {303, false, 0x8019012F, 58}, {304, false, 0x80190130, 58}, {305, false, 0x80190131, 58},
    {307, false, 0x80190133, 58}, {308, false, 0x80190134, 58}, {400, false, 0x80190190, 58},
    {401, false, 0x80190191, 5},  {402, false, 0x80190192, 58}, {403, false, 0x80190193, 5},
    {404, false, 0x80190194, 2},  {405, false, 0x80190195, 58}, {406, false, 0x80190196, 58},
    {407, false, 0x80190197, 5},  {408, true, 0x80190198, 58},  {409, false, 0x80190199, 58},
    {410, false, 0x8019019A, 2},  {411, false, 0x8019019B, 58}, {412, false, 0x8019019C, 58},
    {413, false, 0x8019019D, 58}, {414, false, 0x8019019E, 58}, {415, false, 0x8019019F, 58},
    {416, false, 0x801901A0, 58}, {417, false, 0x801901A1, 58}, {418, false, 0x801901A2, 58},
    {421, false, 0x801901A5, 58}, {423, false, 0x801901A7, 58}, {425, true, 0x801901A9, 58},
    {426, false, 0x801901AA, 58}, {428, false, 0x801901AC, 58}, {429, true, 0x801901AD, 58},
    {431, false, 0x801901AF, 58}, {449, false, 0x801901C1, 58}, {451, false, 0x801901C3, 58},
    {499, false, 0x801901F3, 58}, {500, true, 0x801901F4, 58},  {501, false, 0x801901F5, 58},
    {502, true, 0x801901F6, 58},  {503, true, 0x801901F7, 58},  {504, true, 0x801901F8, 58},
    {505, false, 0x801901F9, 58}, {506, false, 0x801901FA, 58}, {507, false, 0x801901FB, 58},
    {508, false, 0x801901FC, 58}, {509, true, 0x801901FD, 58},  {510, false, 0x801901FE, 58},
    {511, true, 0x801901FF, 58},  {520, true, 0x80190208, 58},  {521, true, 0x80190209, 58},
    {522, true, 0x8019020A, 58},  {523, true, 0x8019020B, 58},  {524, true, 0x8019020C, 58},
    {525, true, 0x8019020D, 58},  {526, false, 0x8019020E, 58}, {527, true, 0x8019020F, 58},
    {530, true, 0x80190212, 58},  {598, true, 0x80190256, 58},  {599, true, 0x80190257, 58},
    {600, false, 0x80190258, 58}, {999, false, 0x801903E7, 58},
};

/* Shows IBackgroundCopyJob1::GetStatus.pdwWin32Result */
static void http_status__each_row__has_the_codes_of_d20(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(http); i++) {
        struct oq_verdict verdict = oq_errors_http(http[i].status);

        if (verdict.is_transient != http[i].is_transient || verdict.code != http[i].code ||
            verdict.win32 != http[i].win32 || verdict.http != http[i].status)
            fail_msg("HTTP %u: %d 0x%08X %u %u", http[i].status, verdict.is_transient, verdict.code,
                     verdict.win32, verdict.http);
    }
}

static void http_status__not_listed__is_fatal(void **state)
{
    (void)state;
    for (uint32_t status = 100; status <= 999; status++) {
        struct oq_verdict verdict = oq_errors_http(status);
        bool is_listed = false;

        for (size_t i = 0; i < COUNT_OF(http); i++)
            is_listed = is_listed || http[i].status == status;
        if (is_listed)
            continue;
        assert_false(verdict.is_transient);
        assert_int_equal(verdict.code, 0x80190000u + status);
        assert_int_equal(verdict.win32, 58);
        assert_int_equal(verdict.http, status);
    }
}

static void http_status__that_is_none__is_a_broken_protocol(void **state)
{
    static const uint32_t numbers[] = {0, 1, 99, 1000, 70000, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct oq_verdict verdict = oq_errors_http(numbers[i]);
        char text[200];

        assert_false(verdict.is_transient);
        assert_int_equal(verdict.code, 0x8020003A);
        assert_int_equal(verdict.win32, 0x8020003A);
        assert_int_equal(verdict.http, 0);
        oq_errors_describe_http(numbers[i], text, sizeof text);
        assert_string_equal(text, oq_errors_describe_net(OQ_NET_PROTOCOL));
    }
}

/* In the order of the enumeration, so that a new member without a row here is noticed. */
static const struct {
    enum oq_net_error error;
    bool is_transient;
    uint32_t code, win32;
} net[] = {
    {OQ_NET_NONE, false, 0x8020003D, 0x8020003D},
    {OQ_NET_RESOLVE, true, 0x80200031, 0x80200031},
    {OQ_NET_RESOLVE_PROXY, true, 0x80200035, 0x80200035},
    {OQ_NET_CONNECT, true, 0x8020002D, 0x8020002D},
    {OQ_NET_OFFLINE, true, 0x80200010, 0x80200010},
    {OQ_NET_TIMEOUT, true, 0x8020003B, 0x8020003B},
    {OQ_NET_STALLED, true, 0x8020003B, 0x8020003B},
    {OQ_NET_CUT, true, 0x8020002E, 0x8020002E},
    {OQ_NET_TLS, true, 0x80200038, 0x80200038},
    {OQ_NET_CERT_UNKNOWN, false, 0x800B0109, 0x800B0109},
    {OQ_NET_CERT_NAME, false, 0x800B010F, 0x800B010F},
    {OQ_NET_CERT_EXPIRED, false, 0x800B0101, 0x800B0101},
    {OQ_NET_CERT_REVOKED, false, 0x80092010, 0x80092010},
    {OQ_NET_PROTOCOL, false, 0x8020003A, 0x8020003A},
    {OQ_NET_TOO_MANY_REDIRECTS, false, 0x8020001B, 0x8020001B},
    {OQ_NET_BAD_REDIRECT, false, 0x80200005, 0x80200005},
    {OQ_NET_TOO_LONG, false, 0x8020001B, 0x8020001B},
    {OQ_NET_ENCODED, false, 0x80200012, 0x80200012},
    {OQ_NET_NOMEM, true, 0x8007000E, 14},
    {OQ_NET_OTHER, false, 0x8020003D, 0x8020003D},
    {OQ_NET_SLOW, true, 0x8020003B, 0x8020003B},
    {OQ_NET_WRONG_SIZE, false, 0x80070143, 323},
    {OQ_NET_WRONG_HASH, false, 0x80070143, 323},
    {OQ_NET_WRONG_DIGEST, false, 0x80070143, 323},
    {OQ_NET_OTHER_RESOURCE, true, 0x8020001B, 0x8020001B},
    {OQ_NET_SIGN_IN, false, 0x80070005, 5},
    {OQ_NET_PROXY, true, 0x8020002D, 0x8020002D},
};

/* Shows IBackgroundCopyJob1::GetStatus.pdwWin32Result */
static void net_error__each_row__has_its_codes(void **state)
{
    (void)state;
    assert_int_equal(COUNT_OF(net), OQ_NET_ERROR_COUNT);
    for (size_t i = 0; i < COUNT_OF(net); i++) {
        struct oq_verdict verdict = oq_errors_net(net[i].error);

        assert_int_equal(net[i].error, i);
        if (verdict.is_transient != net[i].is_transient || verdict.code != net[i].code ||
            verdict.win32 != net[i].win32 || verdict.http != 0)
            fail_msg("net %u: %d 0x%08X 0x%08X", (unsigned)i, verdict.is_transient, verdict.code,
                     verdict.win32);
    }
}

static void net_error__unknown__is_fatal(void **state)
{
    static const int numbers[] = {OQ_NET_ERROR_COUNT, 1000, -1};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct oq_verdict verdict = oq_errors_net((enum oq_net_error)numbers[i]);

        assert_false(verdict.is_transient);
        assert_int_equal(verdict.code, 0x8020003D);
        assert_int_equal(verdict.win32, 0x8020003D);
        assert_ptr_equal(oq_errors_describe_net((enum oq_net_error)numbers[i]),
                         oq_errors_describe_net(OQ_NET_OTHER));
    }
}

/* Without a Win32 code, in the order of the enumeration. */
static const struct {
    enum oq_status status;
    bool is_transient;
    uint32_t win32;
} statuses[] = {
    {OQ_OK, false, 1359},
    {OQ_E_NOMEM, true, 14},
    {OQ_E_INVALID_ARG, false, 87},
    {OQ_E_NOT_FOUND, false, 1168},
    {OQ_E_EXISTS, false, 80},
    {OQ_E_INVALID_STATE, false, 5023},
    {OQ_E_NOT_SUPPORTED, false, 50},
    {OQ_E_ACCESS_DENIED, false, 5},
    {OQ_E_EMPTY, false, 1359},
    {OQ_E_LIMIT_USER, false, 1816},
    {OQ_E_LIMIT_MACHINE, false, 1816},
    {OQ_E_LIMIT_FILES, false, 1816},
    {OQ_E_STOPPING, true, 1115},
    {OQ_E_BUSY, true, 170},
    {OQ_E_TIMEOUT, true, 1460},
    {OQ_E_OWNER_ABSENT, true, 1245},
    {OQ_E_IO, false, 31},
    {OQ_E_DISK_FULL, true, 112},
    {OQ_E_FILE_MISSING, false, 3},
    {OQ_E_FILE_LOCKED, true, 32},
    {OQ_E_DB, true, 4313},
    {OQ_E_DB_NEWER, false, 4313},
    {OQ_E_DB_DAMAGED, false, 4313},
    {OQ_E_NET, false, 59},
    {OQ_E_BUG, false, 1359},
};

/* Shows IBackgroundCopyJob1::GetStatus.pdwWin32Result */
static void file_error__each_status__has_its_codes(void **state)
{
    (void)state;
    assert_int_equal(COUNT_OF(statuses), OQ_STATUS_COUNT);
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        struct oq_verdict verdict = oq_errors_file(statuses[i].status, 0);

        assert_int_equal(statuses[i].status, i);
        if (verdict.is_transient != statuses[i].is_transient ||
            verdict.win32 != statuses[i].win32 ||
            verdict.code != (0x80070000u | statuses[i].win32) || verdict.http != 0)
            fail_msg("status %u: %d 0x%08X %u", (unsigned)i, verdict.is_transient, verdict.code,
                     verdict.win32);
    }
}

static void file_error__unknown_status__is_fatal(void **state)
{
    static const int numbers[] = {OQ_STATUS_COUNT, 1000, -1};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct oq_verdict verdict = oq_errors_file((enum oq_status)numbers[i], 0);

        assert_false(verdict.is_transient);
        assert_int_equal(verdict.code, 0x8007054F);
        assert_int_equal(verdict.win32, 1359);
    }
}

static void file_error__with_a_win32_code__keeps_it(void **state)
{
    static const struct {
        enum oq_status status;
        uint32_t given;
        bool is_transient;
        uint32_t code, win32;
    } cases[] = {
        {OQ_E_ACCESS_DENIED, 5, false, 0x80070005, 5},
        {OQ_E_ACCESS_DENIED, 1314, false, 0x80070522, 1314},
        {OQ_E_FILE_MISSING, 2, false, 0x80070002, 2},
        {OQ_E_FILE_MISSING, 3, false, 0x80070003, 3},
        {OQ_E_FILE_LOCKED, 32, true, 0x80070020, 32},
        {OQ_E_FILE_LOCKED, 5, true, 0x80070005,
         5}, /* a rename onto an open file is refused that way */
        {OQ_E_DISK_FULL, 112, true, 0x80070070, 112},
        {OQ_E_DISK_FULL, 1295, true, 0x8007050F, 1295},
        {OQ_E_IO, 0x80070013, false, 0x80070013, 19},
        {OQ_E_IO, 0x80070015, true, 0x80070015, 21},
        {OQ_E_IO, 0x80070000, false, 0x8007001F, 31}, /* no code in it */
        {OQ_E_IO, 0x80310000, false, 0x80310000,
         0x80310000}, /* FVE_E_LOCKED_VOLUME is not made of a Win32 code */
        {OQ_E_IO, 0x10000, false, 0x8007001F, 0x10000}, /* the code always reads as an error */
        {OQ_E_IO, 0xFFFF, false, 0x8007FFFF, 0xFFFF},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct oq_verdict verdict = oq_errors_file(cases[i].status, cases[i].given);

        if (verdict.is_transient != cases[i].is_transient || verdict.code != cases[i].code ||
            verdict.win32 != cases[i].win32 || verdict.http != 0)
            fail_msg("%s %u: %d 0x%08X %u", oq_status_name(cases[i].status), cases[i].given,
                     verdict.is_transient, verdict.code, verdict.win32);
    }
}

static void io_error__of_each_win32_code__is_transient_only_if_it_passes(void **state)
{
    static const uint32_t passing[] = {4,    8,    14,   21,   32,   33,   39,   51,   53,
                                       54,   55,   59,   64,   71,   108,  112,  121,  170,
                                       240,  1112, 1115, 1167, 1222, 1224, 1231, 1232, 1236,
                                       1245, 1295, 1311, 1450, 1453, 1455, 1460};

    (void)state;
    for (uint32_t win32 = 1; win32 <= 0xFFFF; win32++) {
        struct oq_verdict verdict = oq_errors_file(OQ_E_IO, win32);
        bool is_passing = false;

        for (size_t i = 0; i < COUNT_OF(passing); i++)
            is_passing = is_passing || passing[i] == win32;
        if (verdict.is_transient != is_passing || verdict.code != (0x80070000u | win32) ||
            verdict.win32 != win32)
            fail_msg("%u: %d 0x%08X %u", win32, verdict.is_transient, verdict.code, verdict.win32);
    }
}

/* One line, a capital letter, a full stop, no word of ours. */
static void assert_is_sentence(const char *text)
{
    static const char *const jargon[] = {"curl", "null", "errno", "0x", "206", "transient"};

    assert_in_range(strlen(text), 20, 255);
    assert_in_range(text[0], 'A', 'Z');
    assert_int_equal(text[strlen(text) - 1], '.');
    assert_null(strchr(text, '\n'));
    for (size_t i = 0; i < COUNT_OF(jargon); i++) {
        if (strstr(text, jargon[i]) && !strstr(text, "(HTTP 206)"))
            fail_msg("'%s' in: %s", jargon[i], text);
    }
}

static void sentence__of_each_http_status__fits_and_has_the_number(void **state)
{
    (void)state;
    for (uint32_t status = 100; status <= 999; status++) {
        char text[200], number[20];

        memset(text, 'x', sizeof text);
        oq_errors_describe_http(status, text, sizeof text);
        assert_is_sentence(text);
        (void)snprintf(number, sizeof number, "(HTTP %u).", status);
        assert_non_null(strstr(text, number));
    }
}

static void sentence__of_each_net_error__is_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(net); i++)
        assert_is_sentence(oq_errors_describe_net(net[i].error));
}

static void sentence__for_a_small_buffer__is_cut_and_terminated(void **state)
{
    char text[8] = "xxxxxxx";

    (void)state;
    oq_errors_describe_http(404, text, 0);
    assert_string_equal(text, "xxxxxxx");
    oq_errors_describe_http(404, text, 1);
    assert_string_equal(text, "");
    oq_errors_describe_http(404, text, sizeof text);
    assert_int_equal(strlen(text), sizeof text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_status__each_row__has_the_codes_of_d20),
        cmocka_unit_test(http_status__not_listed__is_fatal),
        cmocka_unit_test(http_status__that_is_none__is_a_broken_protocol),
        cmocka_unit_test(net_error__each_row__has_its_codes),
        cmocka_unit_test(net_error__unknown__is_fatal),
        cmocka_unit_test(file_error__each_status__has_its_codes),
        cmocka_unit_test(file_error__unknown_status__is_fatal),
        cmocka_unit_test(file_error__with_a_win32_code__keeps_it),
        cmocka_unit_test(io_error__of_each_win32_code__is_transient_only_if_it_passes),
        cmocka_unit_test(sentence__of_each_http_status__fits_and_has_the_number),
        cmocka_unit_test(sentence__of_each_net_error__is_there),
        cmocka_unit_test(sentence__for_a_small_buffer__is_cut_and_terminated),
    };
    return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
