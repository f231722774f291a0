/* test_hash.c - the hash port over CNG, against the examples of FIPS 180. */
#include "test_win.h"

#include "oq_digest.h"
#include "oq_win_ports.h"

static void assert_hash(enum oq_hash_kind kind, const char *expected)
{
    const struct oq_hash_port *port = oq_win_hash_port();
    struct oq_hash *hash = NULL;
    uint8_t value[OQ_HASH_MAX];
    char text[OQ_HEX_MAX];

    assert_int_equal(port->begin(port->ctx, kind, &hash), OQ_OK);
    for (int round = 0; round < 2; round++) { /* after finish it is a new one */
        assert_int_equal(port->update(port->ctx, hash, "a", 1), OQ_OK);
        assert_int_equal(port->update(port->ctx, hash, "", 0), OQ_OK);
        assert_int_equal(port->update(port->ctx, hash, "bc", 2), OQ_OK);
        assert_int_equal(port->finish(port->ctx, hash, value), OQ_OK);
        oq_hex_format(value, oq_hash_size(kind), text);
        assert_string_equal(text, expected);
    }
    port->free(port->ctx, hash);
}

static void hash__of_each_kind__is_that_of_the_standard(void **state)
{
    (void)state;
    assert_hash(OQ_HASH_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_hash(OQ_HASH_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_hash(OQ_HASH_MD5, "900150983cd24fb0d6963f7d28e17f72");
    assert_hash(OQ_HASH_SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                                "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

static void hash__of_no_kind__is_not_supported(void **state)
{
    const struct oq_hash_port *port = oq_win_hash_port();
    struct oq_hash *hash = NULL;

    (void)state;
    assert_int_equal(port->begin(port->ctx, OQ_HASH_NONE, &hash), OQ_E_NOT_SUPPORTED);
    assert_int_equal(port->begin(port->ctx, (enum oq_hash_kind)99, &hash), OQ_E_NOT_SUPPORTED);
    assert_null(hash);
    port->free(port->ctx, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash__of_each_kind__is_that_of_the_standard),
        cmocka_unit_test(hash__of_no_kind__is_not_supported),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
