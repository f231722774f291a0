/* test_metalink.c - a Metalink document as values. */
#include "test_unit.h"

#include "metalink_int.h"
#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_http.h"
#include "oq_model.h"

#define HEAD                                                                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metalink "                                       \
    "xmlns=\"urn:ietf:params:xml:ns:metalink\">"
#define FILE_HEAD HEAD "<file name=\"a.bin\">"
#define FILE_TAIL "<url>http://h/a.bin</url></file></metalink>"
#define HEX1 "0011223344556677889900112233445566778899"
#define HEX256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static enum oq_status parse(const char *text, struct oq_metalink *out, struct oq_error *err)
{
    oq_error_init(err);
    return oq_metalink_parse(text, strlen(text), out, err);
}

static void metalink__of_the_rfc__is_read(void **state)
{
    static const char text[] = HEAD
        "<published>2009-05-15T12:23:23Z</published>"
        "<file name=\"example.ext\"><size> 14471447 </size><identity>Example</identity>"
        "<hash type=\"sha-1\">" HEX1 "</hash><hash type=\"sha-256\">" HEX256 "</hash>"
        "<pieces length=\"10000000\" type=\"sha-1\"><hash>" HEX1 "</hash><hash>" HEX1
        "</hash></pieces>"
        "<pieces length=\"10000000\" type=\"md5\"><hash>aa</hash></pieces>"
        "<url location=\"de\" priority=\"2\">ftp://ftp.example.com/example.ext</url>"
        "<url location=\"fr\" priority=\"3\">http://example.com/example.ext</url>"
        "<url>https://last.example.com/a?b=1&amp;c=2</url>"
        "<url priority=\"1\">HTTPS://first.example.com/example.ext</url>"
        "<metaurl mediatype=\"torrent\">http://example.com/example.ext.torrent</metaurl></file>"
        "<file name=\"folder/b.bin\"><url>http://h/b</url></file></metalink>";
    struct oq_metalink found = {0};
    struct oq_error err;
    (void)state;
    if (parse(text, &found, &err) != OQ_OK)
        fail_msg("%s", err.text);
    assert_int_equal(found.count, 2);
    const struct oq_expectations *expectations = found.files[0].expectations;
    assert_string_equal(found.files[0].name, "example.ext");
    assert_int_equal(expectations->size_bytes, 14471447);
    assert_true(expectations->has_sha256);
    assert_int_equal(expectations->sha256[0], 0xe3);
    assert_int_equal(expectations->pieces.kind, OQ_HASH_SHA1);
    assert_int_equal(expectations->pieces.count, 2);
    assert_int_equal(expectations->pieces.piece_bytes, 10000000);
    assert_int_equal(expectations->pieces.hashes[39], 0x99);
    assert_int_equal(expectations->mirror_count, 3);
    assert_string_equal(expectations->mirrors[0], "HTTPS://first.example.com/example.ext");
    assert_string_equal(expectations->mirrors[1], "http://example.com/example.ext");
    assert_string_equal(expectations->mirrors[2], "https://last.example.com/a?b=1&c=2");
    assert_string_equal(found.files[1].name, "folder/b.bin");
    assert_int_equal(found.files[1].expectations->mirror_count, 1);
    assert_int_equal(found.files[1].expectations->pieces.kind, OQ_HASH_NONE);
    assert_true(found.files[1].expectations->size_bytes == OQ_SIZE_UNKNOWN);
    assert_false(found.files[1].expectations->has_sha256);
    oq_metalink_release(&found);
}

/* As MirrorManager and others write it. */
static void metalink__of_version_3__is_read(void **state)
{
    static const char text[] =
        "<metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\" xmlns:mm0=\"urn:x\">"
        "<files><file name=\"a.iso\"><mm0:timestamp>5</mm0:timestamp><size>123</size>"
        "<verification><hash type=\"md5\">00112233445566778899aabbccddeeff</hash>"
        "<hash type=\"sha256\">" HEX256 "</hash><pieces length=\"100\" type=\"sha1\">"
        "<hash piece=\"0\">" HEX1 "</hash><hash piece=\"1\">" HEX1 "</hash></pieces>"
        "</verification><resources maxconnections=\"1\">"
        "<url type=\"http\" preference=\"90\">http://h/2</url>"
        "<url type=\"http\">http://h/4</url><url preference=\"100\">http://h/1</url>"
        "<url type=\"rsync\" preference=\"99\">rsync://h/x</url>"
        "<url preference=\"0\">http://h/3</url></resources></file></files></metalink>";
    struct oq_metalink found = {0};
    struct oq_error err;
    (void)state;
    if (parse(text, &found, &err) != OQ_OK)
        fail_msg("%s", err.text);
    assert_int_equal(found.count, 1);
    const struct oq_expectations *expectations = found.files[0].expectations;
    assert_string_equal(found.files[0].name, "a.iso");
    assert_int_equal(expectations->size_bytes, 123);
    assert_true(expectations->has_sha256);
    assert_int_equal(expectations->pieces.kind, OQ_HASH_SHA1);
    assert_int_equal(expectations->pieces.count, 2);
    assert_int_equal(expectations->mirror_count, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(expectations->mirrors[i][9], '1' + (int)i);
    oq_metalink_release(&found);
}

/* The hash of the only piece: nothing that was given is passed over. */
static void metalink__other_hash_of_the_whole_file__is_that_of_one_piece(void **state)
{
    static const struct {
        const char *text;
        enum oq_hash_kind kind;
        uint64_t piece_bytes;
    } rows[] = {
        {"<size>9</size><hash type=\"sha-1\">" HEX1 "</hash>", OQ_HASH_SHA1, 9},
        {"<hash type=\"sha1\">" HEX1 "</hash><size>9</size>", OQ_HASH_SHA1, 9},
        {"<hash type=\"sha-512\">" HEX256 HEX256 "</hash><hash type=\"sha-1\">" HEX1 "</hash>",
         OQ_HASH_SHA512, OQ_HTTP_SIZE_MAX},
        {"<hash type=\"md5\">00112233445566778899aabbccddeeff</hash>", OQ_HASH_MD5,
         OQ_HTTP_SIZE_MAX},
        {"<hash type=\"md5\">00112233445566778899aabbccddeeff</hash><pieces length=\"4\" "
         "type=\"sha-1\"><hash>" HEX1 "</hash></pieces>",
         OQ_HASH_SHA1, 4},
        {"<hash type=\"sha-512\">" HEX256 HEX256
         "</hash><pieces length=\"4\" type=\"sha-1\"><hash>" HEX1 "</hash></pieces>",
         OQ_HASH_SHA512, OQ_HTTP_SIZE_MAX},
        {"<hash type=\"sha-512\">" HEX256 HEX256 "</hash><hash type=\"sha256\">" HEX256 "</hash>",
         OQ_HASH_NONE, 0},
        {"<size>0</size><hash type=\"sha-1\">" HEX1 "</hash>", OQ_HASH_NONE, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[1024];
        struct oq_metalink found = {0};
        struct oq_error err;
        snprintf(text, sizeof text, FILE_HEAD "%s" FILE_TAIL, rows[i].text);
        if (parse(text, &found, &err) != OQ_OK)
            fail_msg("row %u: %s", (unsigned)i, err.text);
        const struct oq_pieces *pieces = &found.files[0].expectations->pieces;
        if (pieces->kind != rows[i].kind || pieces->piece_bytes != rows[i].piece_bytes)
            fail_msg("row %u: kind %d", (unsigned)i, (int)pieces->kind);
        assert_int_equal(pieces->count, pieces->kind == OQ_HASH_NONE ? 0 : 1);
        oq_metalink_release(&found);
    }
}

static void metalink__odd_files_and_urls__do_not_spoil_the_rest(void **state)
{
    static const char text[] =
        HEAD "<file name=\"t.bin\"><size/><metaurl>http://h/t.torrent</metaurl></file>"
             "<file name=\"a.bin\"><size> </size><hash type=\"sha-1\"/><url>http://h h/no</url>"
             "<url> http://h/a b.bin#x </url><url>rsync://h/a</url></file>"
             "<file name=\"u.bin\"><url>ftp://h/u</url></file></metalink>";
    struct oq_metalink found = {0};
    struct oq_error err;
    (void)state;
    if (parse(text, &found, &err) != OQ_OK)
        fail_msg("%s", err.text);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.left_out, 2);
    assert_string_equal(found.left_out_name, "t.bin");
    assert_string_equal(found.files[0].name, "a.bin");
    assert_int_equal(found.files[0].expectations->mirror_count, 1);
    assert_string_equal(found.files[0].expectations->mirrors[0], "http://h/a%20b.bin");
    assert_true(found.files[0].expectations->size_bytes == OQ_SIZE_UNKNOWN);
    oq_metalink_release(&found);
}

static void metalink__several_piece_lists__the_strongest_counts(void **state)
{
    static const char text[] =
        FILE_HEAD "<pieces length=\"5\" type=\"sha-256\"><hash>" HEX256
                  "</hash></pieces><pieces length=\"5\" type=\"sha-1\"><hash>" HEX1
                  "</hash></pieces>" FILE_TAIL;
    struct oq_metalink found = {0};
    struct oq_error err;
    (void)state;
    assert_int_equal(parse(text, &found, &err), OQ_OK);
    assert_int_equal(found.files[0].expectations->pieces.kind, OQ_HASH_SHA256);
    oq_metalink_release(&found);
}

static void metalink__stronger_list_behind_a_weaker_one__replaces_it(void **state)
{
    static const char text[] = FILE_HEAD
        "<pieces length=\"5\" type=\"sha-1\"><hash>" HEX1 "</hash><hash>" HEX1 "</hash></pieces>"
        "<pieces length=\"9\" type=\"sha-256\"><hash>" HEX256 "</hash></pieces>" FILE_TAIL;
    struct oq_metalink found = {0};
    struct oq_error err;
    (void)state;
    assert_int_equal(parse(text, &found, &err), OQ_OK);
    const struct oq_pieces *pieces = &found.files[0].expectations->pieces;
    assert_int_equal(pieces->kind, OQ_HASH_SHA256);
    assert_int_equal(pieces->count, 1);
    assert_int_equal(pieces->piece_bytes, 9);
    assert_int_equal(pieces->hashes[0], 0xe3);
    assert_int_equal(pieces->hashes[31], 0x55);
    oq_metalink_release(&found);
}

/* Enough for every buffer to grow more than once, and a text that expat delivers in parts. */
static void metalink__many_pieces_and_a_long_url__are_read_whole(void **state)
{
    enum { PIECES = 1000, LONG = 600 };
    size_t capacity = 65536 + PIECES * 64;
    char *text = oq_malloc(capacity);
    char expected[2 * LONG + 32];
    struct oq_metalink found = {0};
    struct oq_error err;
    (void)state;
    size_t used =
        (size_t)snprintf(text, capacity, FILE_HEAD "<pieces length=\"7\" type=\"sha-1\">");
    for (unsigned i = 0; i < PIECES; i++)
        used += (size_t)snprintf(text + used, capacity - used, "<hash>\n%040x </hash>", i);
    used += (size_t)snprintf(text + used, capacity - used,
                             "</pieces><url>http://h/%0*u&amp;%0*u</url>", LONG, 1u, LONG, 2u);
    snprintf(text + used, capacity - used, "</file></metalink>");
    snprintf(expected, sizeof expected, "http://h/%0*u&%0*u", LONG, 1u, LONG, 2u);
    if (parse(text, &found, &err) != OQ_OK)
        fail_msg("%s", err.text);
    const struct oq_expectations *expectations = found.files[0].expectations;
    assert_string_equal(expectations->mirrors[0], expected);
    assert_int_equal(expectations->pieces.count, PIECES);
    for (unsigned i = 0; i < PIECES; i++) {
        assert_int_equal(expectations->pieces.hashes[i * 20 + 18], i >> 8);
        assert_int_equal(expectations->pieces.hashes[i * 20 + 19], i & 255);
    }
    oq_metalink_release(&found);
    oq_free(text);
}

static void metalink__more_urls_than_sources__the_most_preferred_are_kept(void **state)
{
    char text[8192];
    char last[32];
    struct oq_metalink found = {0};
    struct oq_error err;
    (void)state;
    size_t used = (size_t)snprintf(text, sizeof text, FILE_HEAD);
    for (unsigned i = 0; i < OQ_SOURCES_MAX + 8; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "<url priority=\"%u\">http://h/%u</url>", 100 - i, i);
    snprintf(text + used, sizeof text - used, "</file></metalink>");
    assert_int_equal(parse(text, &found, &err), OQ_OK);
    assert_int_equal(found.files[0].expectations->mirror_count, OQ_SOURCES_MAX);
    assert_string_equal(found.files[0].expectations->mirrors[0], "http://h/39");
    snprintf(last, sizeof last, "http://h/%u", 8u);
    assert_string_equal(found.files[0].expectations->mirrors[OQ_SOURCES_MAX - 1], last);
    oq_metalink_release(&found);
}

static void metalink__urls_of_equal_priority__keep_their_order(void **state)
{
    static const char text[] = FILE_HEAD
        "<url priority=\"5\">http://h/1</url><url>http://h/4</url><url "
        "priority=\"5\">http://h/2</url>"
        "<url priority=\"999999\">http://h/3</url><url>http://h/5</url></file></metalink>";
    struct oq_metalink found = {0};
    struct oq_error err;
    (void)state;
    assert_int_equal(parse(text, &found, &err), OQ_OK);
    assert_int_equal(found.files[0].expectations->mirror_count, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(found.files[0].expectations->mirrors[i][9], '1' + (int)i);
    oq_metalink_release(&found);
}

/* Elements of other namespaces or in other places, with all they contain. */
static void metalink__unknown_elements__are_ignored(void **state)
{
    static const char text[] = HEAD
        "<x><file name=\"no\"><url>http://h/no</url></file></x><file name=\"a.bin\">"
        "<o:url xmlns:o=\"urn:other\">http://h/no</o:url><x><url>http://h/no</url></x>"
        "<hash type=\"sha-384\">zz</hash><hash>zz</hash><hash type=\"sha-1\"> </hash><hash "
        "type=\"sha-256\">" HEX256
        "<x>zz</x></hash><size>5<x>7</x></size><url>http://h/<x>no</x>yes</url></file></metalink>";
    struct oq_metalink found = {0};
    struct oq_error err;
    (void)state;
    if (parse(text, &found, &err) != OQ_OK)
        fail_msg("%s", err.text);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.files[0].name, "a.bin");
    assert_int_equal(found.files[0].expectations->size_bytes, 5);
    assert_true(found.files[0].expectations->has_sha256);
    assert_int_equal(found.files[0].expectations->mirror_count, 1);
    assert_string_equal(found.files[0].expectations->mirrors[0], "http://h/yes");
    oq_metalink_release(&found);
}

static void metalink__sizes__have_18_digits_at_most(void **state)
{
    struct oq_metalink found = {0};
    struct oq_error err;
    (void)state;
    assert_int_equal(parse(FILE_HEAD "<size>999999999999999999</size>" FILE_TAIL, &found, &err),
                     OQ_OK);
    assert_true(found.files[0].expectations->size_bytes == 999999999999999999);
    oq_metalink_release(&found);
    assert_int_equal(parse(FILE_HEAD "<size>1000000000000000000</size>" FILE_TAIL, &found, &err),
                     OQ_E_INVALID_ARG);
}

static void metalink__that_cannot_be_used__is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "not well-formed"},
        {"<metalink", "not well-formed"},
        {"<html/>", "not a Metalink"},
        {"<metalink><file name=\"a\"><url>http://h/a</url></file></metalink>", "not a Metalink"},
        {"<metalink xmlns=\"http://www.metalinker.org/\"/>", "has no file"},
        {FILE_HEAD "<hash type=\"sha-384\">" HEX1 "</hash>" FILE_TAIL, "unsupported functions"},
        {FILE_HEAD "<hash type=\"sha-1\">zz</hash>" FILE_TAIL, "hash"},
        {FILE_HEAD "<hash type=\"md5\">" HEX1 "</hash>" FILE_TAIL, "hash"},
        {HEAD "</metalink>", "has no file"},
        {"<m xmlns=\"urn:ietf:params:xml:ns:metalink\"><file name=\"a\"/></m>", "not a Metalink"},
        {"<m xmlns=\"urn:ietf:params:xml:ns:metalink\"><metalink><file name=\"a\"><url>http://h/a"
         "</url></file></metalink></m>",
         "not a Metalink"},
        {FILE_HEAD "<url>http://h/a</url><size>many</size></file></metalink>", "size"},
        {FILE_HEAD "</file></metalink>", "no file has a URL"},
        {FILE_HEAD "<url>ftp://h/a</url></file></metalink>", "no file has a URL"},
        {FILE_HEAD "<url>http://h h/a</url></file></metalink>", "no file has a URL"},
        {HEAD "<file><url>http://h/a</url></file></metalink>", "name"},
        {HEAD "<file name=\"../a\"><url>http://h/a</url></file></metalink>", "name"},
        {FILE_HEAD "<size>many</size>" FILE_TAIL, "size"},
        {FILE_HEAD "<size>99999999999999999999</size>" FILE_TAIL, "size"},
        {FILE_HEAD "<hash type=\"sha-256\">abc</hash>" FILE_TAIL, "hash"},
        {FILE_HEAD "<pieces type=\"sha-1\"><hash>" HEX1 "</hash></pieces>" FILE_TAIL, "length"},
        {FILE_HEAD "<pieces length=\"0\" type=\"sha-1\"/>" FILE_TAIL, "length"},
        {FILE_HEAD "<pieces length=\"5\" type=\"sha-1\"><hash>zz</hash></pieces>" FILE_TAIL,
         "piece"},
        {FILE_HEAD "<pieces length=\"5\" type=\"sha-1\"><hash>" HEX1
                   "</hash></pieces><size>6</size>" FILE_TAIL,
         "number of pieces"},
        {"<!DOCTYPE metalink [<!ENTITY a \"aaaaaaaaaa\">]>" HEAD "</metalink>", "document type"},
        {"<!DOCTYPE metalink [<!ENTITY a \"aaaaaaaaaa\">]><metalink>&a;</metalink>",
         "document type"},
        {"<!DOCTYPE metalink SYSTEM \"file:///etc/passwd\"><metalink/>", "document type"},
        {FILE_HEAD "<pieces length=\"1\" type=\"sha-256\"/>" FILE_TAIL, "list of pieces is empty"},
        {FILE_HEAD "<pieces length=\"600000000000000000\" type=\"sha-1\"><hash>" HEX1
                   "</hash><hash>" HEX1 "</hash></pieces><size>6</size>" FILE_TAIL,
         "number of pieces"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oq_metalink found = {.count = 77};
        struct oq_error err;
        enum oq_status status = parse(rows[i].text, &found, &err);
        if (status != OQ_E_INVALID_ARG)
            fail_msg("row %u: %s", (unsigned)i, oq_status_name(status));
        if (!strstr(err.text, rows[i].why))
            fail_msg("row %u: \"%s\" does not say \"%s\"", (unsigned)i, err.text, rows[i].why);
        assert_int_equal(found.count, 77);
    }
}

static void metalink__empty_pieces_of_an_empty_file__are_accepted(void **state)
{
    static const char *const rows[] = {
        FILE_HEAD "<size>0</size><pieces length=\"1\" type=\"sha-256\"/>" FILE_TAIL,
        FILE_HEAD "<pieces length=\"1\" type=\"sha-256\"/><size>0</size>" FILE_TAIL};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oq_metalink found = {0};
        struct oq_error err;
        assert_int_equal(parse(rows[i], &found, &err), OQ_OK);
        assert_int_equal(found.files[0].expectations->size_bytes, 0);
        assert_int_equal(found.files[0].expectations->pieces.count, 0);
        oq_metalink_release(&found);
    }
}

/* Not one allocation of reading may be taken for granted. */
static void metalink__nth_allocation_fails__says_so_and_leaks_nothing(void **state)
{
#ifdef OQ_FAULT_INJECTION
    static const char text[] = FILE_HEAD
        "<size>5</size><hash type=\"sha-256\">" HEX256 "</hash><pieces length=\"5\" type=\"sha-1\">"
        "<hash>" HEX1 "</hash></pieces><url>http://h/1</url><url priority=\"1\">http://h/2</url>"
        "</file><file name=\"b\"><url>http://h/b</url></file></metalink>";
    struct oq_metalink found = {0};
    struct oq_error err;
    bool is_done = false;
    for (unsigned n = 1; !is_done; n++) {
        assert_true(n < 1000);
        oq_fault_arm(OQ_FAULT_ALLOC, n, false);
        enum oq_status status = parse(text, &found, &err);
        is_done = oq_fault_count(OQ_FAULT_ALLOC) < n;
        oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
        assert_int_equal(status, is_done ? OQ_OK : OQ_E_NOMEM);
    }
    oq_metalink_release(&found);
#else
    print_message("this build has no fault seam\n");
    skip();
#endif
    (void)state;
}

static void metalink__names__that_lead_elsewhere_are_not_safe(void **state)
{
    static const char *const good[] = {"a", "a.b", "a/b", "...", "a/..b", " "};
    static const char *const bad[] = {"",     "/a", "a/",  "a//b", "..",  "../a", "a/../b",
                                      "a/..", ".",  "./a", "C:a",  "a:b", "a\\b", "\\\\h\\a"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(oq_metalink_is_safe(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(oq_metalink_is_safe(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metalink__of_the_rfc__is_read),
        cmocka_unit_test(metalink__of_version_3__is_read),
        cmocka_unit_test(metalink__other_hash_of_the_whole_file__is_that_of_one_piece),
        cmocka_unit_test(metalink__odd_files_and_urls__do_not_spoil_the_rest),
        cmocka_unit_test(metalink__several_piece_lists__the_strongest_counts),
        cmocka_unit_test(metalink__stronger_list_behind_a_weaker_one__replaces_it),
        cmocka_unit_test(metalink__many_pieces_and_a_long_url__are_read_whole),
        cmocka_unit_test(metalink__more_urls_than_sources__the_most_preferred_are_kept),
        cmocka_unit_test(metalink__urls_of_equal_priority__keep_their_order),
        cmocka_unit_test(metalink__unknown_elements__are_ignored),
        cmocka_unit_test(metalink__sizes__have_18_digits_at_most),
        cmocka_unit_test(metalink__that_cannot_be_used__is_refused_with_a_reason),
        cmocka_unit_test(metalink__empty_pieces_of_an_empty_file__are_accepted),
        cmocka_unit_test(metalink__nth_allocation_fails__says_so_and_leaks_nothing),
        cmocka_unit_test(metalink__names__that_lead_elsewhere_are_not_safe),
    };
    return cmocka_run_group_tests_name("metalink", tests, NULL, NULL);
}
