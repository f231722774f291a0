/* fuzz_digest.c - libFuzzer on the fields that carry hashes. */
#include "fuzz.h"
#include "oq_digest.h"

static void check(const struct oq_digest *digest)
{
    char text[OQ_HEX_MAX];
    struct oq_digest again;

    MUST(digest->kind == OQ_HASH_SHA256 || digest->kind == OQ_HASH_SHA512);
    oq_digest_format(digest, text);
    MUST(strlen(text) == 2 * oq_hash_size(digest->kind));
    MUST(oq_digest_parse_hex(text, &again) == OQ_OK && again.kind == digest->kind);
    MUST(memcmp(again.value, digest->value, oq_hash_size(digest->kind)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Alone on the heap, so that a byte too many is seen. */
    char *copy = malloc(size > 0 ? size : 1);
    struct oq_digest digest;

    if (!copy)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    if (oq_digest_parse_repr(copy, size, &digest) == OQ_OK)
        check(&digest);
    if (oq_digest_parse_rfc3230(copy, size, &digest) == OQ_OK)
        check(&digest);
    free(copy);
    return 0;
}
