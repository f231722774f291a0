/* test_digest.c - core/oq_digest.h: Repr-Digest, Digest. */
#include "test_unit.h"

#include "oq_digest.h"

#include <stdio.h>
#include <string.h>

/* Of the empty text. */
#define HEX256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BASE256 "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define HEX512                                                                                     \
    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"                             \
    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
#define BASE512                                                                                    \
    "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="

struct field_case {
    const char *value, *hex; /* hex NULL: refused */
};

typedef enum oq_status parser(const char *value, size_t length, struct oq_digest *out);

static void assert_parses(parser *parse, const struct field_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct oq_digest digest;
        char text[OQ_HEX_MAX] = "?";
        memset(&digest, 0xa5, sizeof digest);
        enum oq_status status = parse(cases[i].value, strlen(cases[i].value), &digest);
        if (!cases[i].hex) {
            if (status != OQ_E_INVALID_ARG)
                fail_msg("accepted: %s", cases[i].value);
            assert_int_equal(((const uint8_t *)&digest)[0], 0xa5);
            continue;
        }
        if (status != OQ_OK)
            fail_msg("refused: %s", cases[i].value);
        oq_digest_format(&digest, text);
        assert_string_equal(text, cases[i].hex);
    }
}

static void repr_digest__of_every_form__is_read_or_refused(void **state)
{
    static const struct field_case cases[] = {
        {"sha-256=:" BASE256 ":", HEX256},
        {" sha-256=:" BASE256 ":", HEX256},
        {"sha-512=:" BASE512 ":", HEX512},
        {"sha-512=:" BASE512 ":, sha-256=:" BASE256 ":", HEX256},
        {"sha-256=:" BASE256 ":,sha-512=:" BASE512 ":", HEX256},
        {"md5=:1B2M2Y8AsgTpgAmY7PhCfg==:, sha-256=:" BASE256 ":;p=1", HEX256},
        {"other=\"a, b\\\" c\", sha-256=:" BASE256 ":", HEX256},
        {"flag, sha-256=:" BASE256 ":", HEX256},
        {"", NULL},
        {"md5=:1B2M2Y8AsgTpgAmY7PhCfg==:", NULL},
        {"sha-256=" BASE256, NULL},
        {"sha-256=:" BASE256, NULL},
        {"sha-256=::", NULL},
        {"sha-256=:AAAA:", NULL},
        {"sha-256", NULL},
        {"sha-256=:" BASE256 ":,", NULL},
        {"SHA-256=:" BASE256 ":", NULL},
        {"sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF!=:", NULL},
        {"sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=:", NULL}, /* bits left over */
        {"other=\"open, sha-256=:" BASE256 ":", NULL},
        {"=1", NULL},
    };
    (void)state;
    assert_parses(oq_digest_parse_repr, cases, sizeof cases / sizeof cases[0]);
}

/* Many times the room that the longest digest has. */
static void digest__far_too_long__is_refused(void **state)
{
    char text[4096];
    struct oq_digest digest;
    (void)state;
    memset(text, 'A', sizeof text);
    memcpy(text, "sha-512=", 8);
    assert_int_equal(oq_digest_parse_rfc3230(text, sizeof text, &digest), OQ_E_INVALID_ARG);
    text[8] = text[sizeof text - 1] = ':';
    assert_int_equal(oq_digest_parse_repr(text, sizeof text, &digest), OQ_E_INVALID_ARG);
}

static void digest__of_rfc3230__is_read_or_refused(void **state)
{
    static const struct field_case cases[] = {
        {"SHA-256=" BASE256, HEX256},
        {"sha-256=" BASE256 " ", HEX256},
        {"SHA-512=" BASE512, HEX512},
        {"MD5=HUXZLQLMuI/KZ5KDcJPcOA==,SHA-256=" BASE256, HEX256},
        {"SHA-256=" BASE256 ", UNIXsum=30637", HEX256},
        {"MD5=HUXZLQLMuI/KZ5KDcJPcOA==", NULL},
        {"SHA=thvDyvhfIqlvFe+A9MYgxAfm1q5=", NULL},
        {"SHA-256=AAAA", NULL},
        {"SHA-256", NULL},
        {"", NULL},
        {",,", NULL},
    };
    (void)state;
    assert_parses(oq_digest_parse_rfc3230, cases, sizeof cases / sizeof cases[0]);
}

static void digest__as_hex__tells_its_kind_by_its_length(void **state)
{
    struct oq_digest digest;
    (void)state;
    assert_int_equal(oq_digest_parse_hex(HEX256, &digest), OQ_OK);
    assert_int_equal(digest.kind, OQ_HASH_SHA256);
    assert_int_equal(oq_digest_parse_hex(HEX512, &digest), OQ_OK);
    assert_int_equal(digest.kind, OQ_HASH_SHA512);
    assert_int_equal(oq_digest_parse_hex("e3b0", &digest), OQ_E_INVALID_ARG);
    assert_int_equal(oq_digest_parse_hex("", &digest), OQ_E_INVALID_ARG);
}

static void hash_name__of_each_kind__is_read_back(void **state)
{
    enum oq_hash_kind kind = OQ_HASH_NONE;
    (void)state;
    for (unsigned i = 1; i < OQ_HASH_KIND_COUNT; i++) {
        assert_int_equal(oq_hash_parse_name(oq_hash_name((enum oq_hash_kind)i), &kind), OQ_OK);
        assert_int_equal(kind, i);
        assert_true(oq_hash_size(kind) > 0 && oq_hash_size(kind) <= OQ_HASH_MAX);
    }
    assert_int_equal(oq_hash_parse_name("SHA-256", &kind), OQ_OK);
    assert_int_equal(oq_hash_parse_name("sha256", &kind), OQ_OK);
    assert_int_equal(kind, OQ_HASH_SHA256);
    assert_int_equal(oq_hash_parse_name("SHA1", &kind), OQ_OK);
    assert_int_equal(kind, OQ_HASH_SHA1);
    assert_int_equal(oq_hash_parse_name("sha-2567", &kind), OQ_E_INVALID_ARG);
    assert_int_equal(oq_hash_parse_name("sha-25", &kind), OQ_E_INVALID_ARG);
    assert_int_equal(oq_hash_parse_name("sha-384", &kind), OQ_E_INVALID_ARG);
    assert_int_equal(oq_hash_parse_name("", &kind), OQ_E_INVALID_ARG);
    assert_int_equal(oq_hash_parse_name(NULL, &kind), OQ_E_INVALID_ARG);
    assert_int_equal(oq_hash_size((enum oq_hash_kind)99), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repr_digest__of_every_form__is_read_or_refused),
        cmocka_unit_test(digest__far_too_long__is_refused),
        cmocka_unit_test(digest__of_rfc3230__is_read_or_refused),
        cmocka_unit_test(digest__as_hex__tells_its_kind_by_its_length),
        cmocka_unit_test(hash_name__of_each_kind__is_read_back),
    };
    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
