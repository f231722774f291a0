/* test_queue_json.c - cli/queue_json.c: an exported queue as lines. */
#include "test_unit.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_model.h"
#include "oq_path.h"
#include "queue_json_int.h"

#define GUID "{01234567-89ab-cdef-0123-456789abcdef}"
#define HEX1 "0011223344556677889900112233445566778899"
#define HEX256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define FILE_HEAD                                                                                  \
    "{\"group\":\"" GUID "\",\"files\":[{\"remote\":\"http://h/a\",\"local\":\"C:\\\\a\""
#define FILE_TAIL "}]}"

static enum oq_status parse(const char *line, struct oq_exported_group *out, struct oq_error *err)
{
    oq_error_init(err);
    return oq_queue_json_parse_group(line, strlen(line), out, err);
}

static void record__everything_in_it__comes_back(void **state)
{
    struct oq_expectations *expectations = oq_expectations_new();
    uint8_t hashes[60] = {1, [20] = 2, [59] = 3};
    const struct oq_pieces pieces = {
        .kind = OQ_HASH_SHA1, .piece_bytes = 10, .count = 3, .hashes = hashes};
    expectations->size_bytes = 25;
    expectations->has_sha256 = true;
    expectations->sha256[0] = 0xab;
    expectations->sha256[31] = 0xcd;
    assert_int_equal(oq_expectations_add_mirror(expectations, "http://m/1"), OQ_OK);
    assert_int_equal(oq_expectations_add_mirror(expectations, "https://m/2"), OQ_OK);
    assert_int_equal(oq_expectations_set_pieces(expectations, &pieces, NULL), OQ_OK);
    struct oq_exported_group exported = {.has_job = true,
                                         .state = OQ_EXPORTED_ACTIVE,
                                         .is_foreground = true,
                                         .max_bytes_per_s = 12500000000,
                                         .owner = oq_strdup("S-1-5-18"),
                                         .display_name = oq_strdup("a \"name\"\n"),
                                         .description = oq_strdup(""),
                                         .has_notify_flags = true,
                                         .notify_flags = 0x83,
                                         .notify_class = oq_strdup(GUID),
                                         .failure = oq_strdup("none"),
                                         .files = oq_calloc(2, sizeof *exported.files),
                                         .file_count = 2};
    struct oq_exported_file *files = exported.files;
    files[0].remote = oq_strdup("http://h/a?b=%41");
    files[0].local = oq_strdup("C:\\\xc3\xa4\\\xf0\x9f\x98\x80");
    files[0].state = oq_strdup("waiting");
    files[0].size_bytes = 25;
    files[0].done_bytes = 7;
    files[0].expectations = expectations;
    files[1].remote = oq_strdup("http://h/b");
    files[1].local = oq_strdup("\\\\s\\t\\b");
    files[1].size_bytes = OQ_SIZE_UNKNOWN;
    struct oq_exported_group back = {0};
    struct oq_error err;
    (void)state;
    assert_int_equal(oq_guid_parse(GUID, &exported.group), OQ_OK);
    exported.job = exported.group;
    exported.job.data1 = 7;
    char *line = oq_queue_json_format_group(&exported);
    assert_non_null(line);
    assert_null(strchr(line, '\n'));
    if (parse(line, &back, &err) != OQ_OK)
        fail_msg("%s: %s", err.text, line);
    assert_true(oq_guid_is_equal(&back.group, &exported.group));
    assert_true(back.has_job && oq_guid_is_equal(&back.job, &exported.job));
    assert_int_equal(back.state, OQ_EXPORTED_ACTIVE);
    assert_true(back.is_foreground);
    assert_true(back.max_bytes_per_s == 12500000000);
    assert_string_equal(back.owner, "S-1-5-18");
    assert_string_equal(back.display_name, "a \"name\"\n");
    assert_string_equal(back.description, "");
    assert_true(back.has_notify_flags && back.notify_flags == 0x83);
    assert_string_equal(back.notify_class, GUID);
    assert_string_equal(back.failure, "none");
    assert_int_equal(back.file_count, 2);
    assert_string_equal(back.files[0].remote, files[0].remote);
    assert_string_equal(back.files[0].local, files[0].local);
    assert_string_equal(back.files[0].state, "waiting");
    assert_true(back.files[0].size_bytes == 25 && back.files[0].done_bytes == 7);
    const struct oq_expectations *got = back.files[0].expectations;
    assert_int_equal(got->mirror_count, 2);
    assert_string_equal(got->mirrors[1], "https://m/2");
    assert_true(got->has_sha256);
    assert_memory_equal(got->sha256, expectations->sha256, OQ_SHA256_BYTES);
    assert_int_equal(got->size_bytes, 25);
    assert_int_equal(got->pieces.kind, OQ_HASH_SHA1);
    assert_int_equal(got->pieces.count, 3);
    assert_memory_equal(got->pieces.hashes, hashes, sizeof hashes);
    assert_true(back.files[1].size_bytes == OQ_SIZE_UNKNOWN);
    assert_null(back.files[1].expectations);
    assert_null(back.files[1].state);
    char *again = oq_queue_json_format_group(&back);
    assert_string_equal(again, line);
    oq_free(again);
    oq_free(line);
    oq_exported_group_release(&back);
    oq_exported_group_release(&exported);
}

static void record__the_least_that_may_be__has_defaults(void **state)
{
    static const char *const lines[] = {
        "{\"group\":\"" GUID "\"}", " { \"group\" : \"" GUID "\", \"files\" : [] } ",
        "{\"group\":\"" GUID "\",\"files\":null,\"owner\":null,\"later\":{\"a\":[1,2.5]}}"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct oq_exported_group exported = {.file_count = 77};
        struct oq_error err;
        if (parse(lines[i], &exported, &err) != OQ_OK)
            fail_msg("%s", err.text);
        assert_int_equal(exported.state, OQ_EXPORTED_SUSPENDED);
        assert_false(exported.has_job || exported.is_foreground || exported.has_notify_flags);
        assert_null(exported.owner);
        assert_null(exported.display_name);
        assert_int_equal(exported.file_count, 0);
        oq_exported_group_release(&exported);
    }
}

static void record__that_cannot_be_used__is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *line, *why;
    } rows[] = {
        {"", "not JSON"},
        {"{", "not JSON"},
        {"{\"group\":\"" GUID "\"} more", "not JSON"},
        {"{\"group\":\"" GUID "\",\"group\":\"" GUID "\"}", "not JSON"},
        {"{\"group\":\"\xff\"}", "not JSON"},
        {"{\"group\":\"a\\u0000b\"}", "not JSON"},
        {"[]", "not a JSON object"},
        {"{}", "group is missing"},
        {"{\"group\":7}", "group is not an identifier"},
        {"{\"group\":\"{00000000-0000-0000-0000-000000000000}\"}", "group is not an identifier"},
        {"{\"group\":\"" GUID "\",\"job\":\"x\"}", "job is not an identifier"},
        {"{\"group\":\"" GUID "\",\"state\":\"running\"}", "state is none of"},
        {"{\"group\":\"" GUID "\",\"state\":1}", "state is none of"},
        {"{\"group\":\"" GUID "\",\"owner\":1}", "owner is not a string"},
        {"{\"group\":\"" GUID "\",\"foreground\":1}", "foreground is neither"},
        {"{\"group\":\"" GUID "\",\"max_rate\":12500000001}", "max_rate is not a number"},
        {"{\"group\":\"" GUID "\",\"notify_flags\":-1}", "notify_flags is not a number"},
        {"{\"group\":\"" GUID "\",\"notify_flags\":4294967296}", "notify_flags is not a number"},
        {"{\"group\":\"" GUID "\",\"files\":{}}", "files is not a list"},
        {"{\"group\":\"" GUID "\",\"files\":[1]}", "file 0: it is not an object"},
        {"{\"group\":\"" GUID "\",\"files\":[{}]}", "file 0: remote:"},
        {"{\"group\":\"" GUID "\",\"files\":[{\"remote\":\"ftp://h/a\"}]}", "file 0: remote:"},
        {"{\"group\":\"" GUID "\",\"files\":[{\"remote\":\"http://h/a\"}]}", "file 0: local:"},
        {"{\"group\":\"" GUID "\",\"files\":[{\"remote\":\"http://h/a\",\"local\":\"..\\\\a\"}]}",
         "file 0: local:"},
        {"{\"group\":\"" GUID
         "\",\"files\":[{\"remote\":\"http://h/a\",\"local\":\"C:\\\\a\"},{\"remote\":3}]}",
         "file 1: remote is not a string"},
        {FILE_HEAD ",\"size\":1.5" FILE_TAIL, "file 0: size is not a number"},
        {FILE_HEAD ",\"size\":9223372036854775808" FILE_TAIL, "not JSON"},
        {FILE_HEAD ",\"sha256\":\"abc\"" FILE_TAIL, "file 0: sha256 has not"},
        {FILE_HEAD ",\"mirrors\":\"http://m/\"" FILE_TAIL, "file 0: mirrors is not a list"},
        {FILE_HEAD ",\"mirrors\":[\"m\"]" FILE_TAIL, "file 0: mirrors:"},
        {FILE_HEAD ",\"mirrors\":[null]" FILE_TAIL, "file 0: mirrors:"},
        {FILE_HEAD ",\"pieces\":[]" FILE_TAIL, "file 0: pieces: type"},
        {FILE_HEAD ",\"pieces\":{\"type\":\"md4\",\"length\":5,\"hashes\":[]}" FILE_TAIL,
         "file 0: pieces: type"},
        {FILE_HEAD ",\"pieces\":{\"type\":\"sha-1\",\"hashes\":[\"" HEX1 "\"]}" FILE_TAIL,
         "file 0: pieces: a piece has no bytes"},
        {FILE_HEAD ",\"pieces\":{\"type\":\"sha-1\",\"length\":5,\"hashes\":[\"" HEX256
                   "\"]}" FILE_TAIL,
         "file 0: pieces: a hash"},
        {FILE_HEAD ",\"expected_size\":6,\"pieces\":{\"type\":\"sha-1\",\"length\":5,"
                   "\"hashes\":[\"" HEX1 "\"]}" FILE_TAIL,
         "file 0: pieces: the number of pieces does not fit"},
        {FILE_HEAD ",\"pieces\":{\"type\":\"sha-1\",\"length\":1,\"hashes\":[]}" FILE_TAIL,
         "file 0: pieces: the list of pieces is empty"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oq_exported_group exported = {.file_count = 77};
        struct oq_error err;
        enum oq_status status = parse(rows[i].line, &exported, &err);
        if (status != OQ_E_INVALID_ARG || !strstr(err.text, rows[i].why))
            fail_msg("row %u: %s: %s", (unsigned)i, oq_status_name(status), err.text);
        size_t length = strlen(err.text);
        assert_true(length > 0 && err.text[length - 1] != '.');
        assert_int_equal(exported.file_count, 77);
    }
}

/* A line with that many mirrors of one file. */
static enum oq_status parse_mirrors(unsigned count, struct oq_exported_group *out)
{
    char line[4096];
    struct oq_error err;
    size_t used = (size_t)snprintf(line, sizeof line, FILE_HEAD ",\"mirrors\":[");
    for (unsigned i = 0; i < count; i++)
        used +=
            (size_t)snprintf(line + used, sizeof line - used, "%s\"http://m/%u\"", i ? "," : "", i);
    snprintf(line + used, sizeof line - used, "]" FILE_TAIL);
    return parse(line, out, &err);
}

static void mirrors__as_many_as_a_file_may_have__come_back(void **state)
{
    static const unsigned counts[] = {0, 1, OQ_SOURCES_MAX - 1};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct oq_exported_group exported = {0}, back = {0};
        struct oq_error err;
        assert_int_equal(parse_mirrors(counts[i], &exported), OQ_OK);
        assert_int_equal(exported.files[0].expectations->mirror_count, counts[i]);
        char *line = oq_queue_json_format_group(&exported);
        assert_int_equal(parse(line, &back, &err), OQ_OK);
        assert_int_equal(back.files[0].expectations ? back.files[0].expectations->mirror_count : 0,
                         counts[i]);
        oq_free(line);
        oq_exported_group_release(&exported);
        oq_exported_group_release(&back);
    }
    struct oq_exported_group exported = {0};
    assert_int_equal(parse_mirrors(OQ_SOURCES_MAX, &exported), OQ_E_INVALID_ARG);
}

static void numbers__at_their_bounds__are_accepted(void **state)
{
    struct oq_exported_group exported = {0};
    struct oq_error err;
    (void)state;
    assert_int_equal(parse("{\"group\":\"" GUID
                           "\",\"max_rate\":12500000000,\"notify_flags\":4294967295,"
                           "\"files\":[{\"remote\":\"http://h/a\",\"local\":\"C:\\\\a\",\"done\":0,"
                           "\"size\":9223372036854775807}]}",
                           &exported, &err),
                     OQ_OK);
    assert_true(exported.max_bytes_per_s == 12500000000);
    assert_true(exported.notify_flags == UINT32_MAX);
    assert_true(exported.files[0].size_bytes == INT64_MAX);
    oq_exported_group_release(&exported);
}

static void group__of_each_state__comes_back(void **state)
{
    (void)state;
    for (int i = 0; i < OQ_EXPORTED_STATE_COUNT; i++) {
        struct oq_exported_group exported = {.state = (enum oq_exported_state)i}, back = {0};
        struct oq_error err;
        assert_int_equal(oq_guid_parse(GUID, &exported.group), OQ_OK);
        char *line = oq_queue_json_format_group(&exported);
        assert_null(strstr(line, "max_rate"));
        assert_null(strstr(line, "notify_flags"));
        assert_null(strstr(line, "\"job\""));
        assert_int_equal(parse(line, &back, &err), OQ_OK);
        assert_int_equal(back.state, i);
        assert_false(back.is_foreground);
        oq_free(line);
    }
}

/* The names' rules have full stops at the end; the errors of a line have none, and lose no more. */
static void refused_name__has_the_sentence_of_the_rule(void **state)
{
    static const char line[] =
        "{\"group\":\"" GUID "\",\"files\":[{\"remote\":\"http://h/a\",\"local\":\"a\"}]}";
    struct oq_exported_group exported = {0};
    struct oq_error err, rule;
    char expected[sizeof rule.text + 32];
    (void)state;
    oq_error_init(&rule);
    assert_int_equal(oq_path_check("a", false, &rule), OQ_E_INVALID_ARG);
    size_t length = strlen(rule.text);
    snprintf(expected, sizeof expected, "file 0: local: %.*s",
             (int)(rule.text[length - 1] == '.' ? length - 1 : length), rule.text);
    assert_int_equal(parse(line, &exported, &err), OQ_E_INVALID_ARG);
    assert_string_equal(err.text, expected);
}

static void head__as_written__is_accepted(void **state)
{
    struct oq_error err;
    char *line = oq_queue_json_format_header(1700000000000, "qmgrctl 1.2");
    (void)state;
    assert_string_equal(line, "{\"format\":\"openqmgr-queue\",\"version\":1,"
                              "\"written_at\":\"2023-11-14T22:13:20.000Z\","
                              "\"written_by\":\"qmgrctl 1.2\"}");
    assert_int_equal(oq_queue_json_parse_header(line, strlen(line), &err), OQ_OK);
    oq_free(line);
}

static void head__of_something_else__is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *line, *why;
    } rows[] = {
        {"", "not JSON"},
        {"{\"group\":\"" GUID "\"}", "not the header"},
        {"{\"format\":\"other\",\"version\":1}", "not the header"},
        {"{\"format\":\"openqmgr-queue\"}", "not the header"},
        {"{\"format\":\"openqmgr-queue\",\"version\":2}", "later version"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oq_error err;
        oq_error_init(&err);
        assert_int_equal(oq_queue_json_parse_header(rows[i].line, strlen(rows[i].line), &err),
                         OQ_E_INVALID_ARG);
        if (!strstr(err.text, rows[i].why))
            fail_msg("row %u: %s", (unsigned)i, err.text);
    }
}

static void lines__of_any_ending__are_found(void **state)
{
    static const char text[] = "\xef\xbb\xbf"
                               "one\r\n\n  \ntwo";
    static const char *const lines[] = {"one", "", "  ", "two"};
    size_t at = 0, length = 0, count = 0;
    const char *line = NULL;
    (void)state;
    while (oq_queue_json_next_line(text, sizeof text - 1, &at, &line, &length)) {
        assert_true(count < COUNT_OF(lines));
        assert_int_equal(length, strlen(lines[count]));
        assert_memory_equal(line, lines[count], length);
        assert_int_equal(oq_queue_json_is_blank(line, length), count == 1 || count == 2);
        count++;
    }
    assert_int_equal(count, COUNT_OF(lines));
    at = 0;
    assert_false(oq_queue_json_next_line("", 0, &at, &line, &length));
    /* Nothing in front of an empty line is read, and no more of a mark than there is. */
    static const char *const short_ones[] = {"\n", "\xef", "\xef\xbb", "\r"};
    for (size_t i = 0; i < COUNT_OF(short_ones); i++) {
        size_t size = strlen(short_ones[i]);
        char *exact = oq_malloc(size);
        memcpy(exact, short_ones[i], size);
        at = 0;
        assert_true(oq_queue_json_next_line(exact, size, &at, &line, &length));
        assert_ptr_equal(line, exact);
        assert_int_equal(length, *exact == '\n' || *exact == '\r' ? 0 : size);
        assert_false(oq_queue_json_next_line(exact, size, &at, &line, &length));
        oq_free(exact);
    }
}

/* Not one allocation of reading or writing may be taken for granted. */
static void record__nth_allocation_fails__says_so_and_leaks_nothing(void **state)
{
#ifdef OQ_FAULT_INJECTION
    static const char line[] = FILE_HEAD
        ",\"mirrors\":[\"http://m/\"],\"sha256\":\"" HEX256
        "\",\"pieces\":{\"type\":\"sha-1\",\"length\":5,\"hashes\":[\"" HEX1 "\"]}" FILE_TAIL;
    struct oq_exported_group exported = {0};
    struct oq_error err;
    bool is_done = false;
    for (unsigned n = 1; !is_done; n++) {
        assert_true(n < 1000);
        oq_fault_arm(OQ_FAULT_ALLOC, n, false);
        enum oq_status status = parse(line, &exported, &err);
        is_done = oq_fault_count(OQ_FAULT_ALLOC) < n;
        oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
        assert_int_equal(status == OQ_OK, is_done);
    }
    is_done = false;
    for (unsigned n = 1; !is_done; n++) {
        assert_true(n < 1000);
        oq_fault_arm(OQ_FAULT_ALLOC, n, false);
        char *text = oq_queue_json_format_group(&exported);
        is_done = oq_fault_count(OQ_FAULT_ALLOC) < n;
        oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
        assert_int_equal(text != NULL, is_done);
        oq_free(text);
    }
    oq_exported_group_release(&exported);
#else
    print_message("this build has no fault seam\n");
    skip();
#endif
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record__everything_in_it__comes_back),
        cmocka_unit_test(record__the_least_that_may_be__has_defaults),
        cmocka_unit_test(record__that_cannot_be_used__is_refused_with_a_reason),
        cmocka_unit_test(mirrors__as_many_as_a_file_may_have__come_back),
        cmocka_unit_test(numbers__at_their_bounds__are_accepted),
        cmocka_unit_test(group__of_each_state__comes_back),
        cmocka_unit_test(refused_name__has_the_sentence_of_the_rule),
        cmocka_unit_test(head__as_written__is_accepted),
        cmocka_unit_test(head__of_something_else__is_refused_with_a_reason),
        cmocka_unit_test(lines__of_any_ending__are_found),
        cmocka_unit_test(record__nth_allocation_fails__says_so_and_leaks_nothing),
    };
    return cmocka_run_group_tests_name("exported", tests, NULL, NULL);
}
