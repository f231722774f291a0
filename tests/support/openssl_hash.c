/* openssl_hash.c - see openssl_hash.h. */
#include "openssl_hash.h"

#include "oq_alloc.h"

#include <openssl/evp.h>

struct oq_hash {
    const EVP_MD *kind;
    EVP_MD_CTX *state;
};

static enum oq_status hash_begin(void *ctx, enum oq_hash_kind kind, struct oq_hash **out)
{
    (void)ctx;
    struct oq_hash *hash = oq_calloc(1, sizeof *hash);
    if (!hash)
        return OQ_E_NOMEM;
    hash->kind = kind == OQ_HASH_SHA1     ? EVP_sha1()
                 : kind == OQ_HASH_SHA256 ? EVP_sha256()
                 : kind == OQ_HASH_SHA512 ? EVP_sha512()
                 : kind == OQ_HASH_MD5    ? EVP_md5()
                                          : NULL;
    hash->state = hash->kind ? EVP_MD_CTX_new() : NULL;
    if (!hash->state || EVP_DigestInit_ex(hash->state, hash->kind, NULL) != 1) {
        EVP_MD_CTX_free(hash->state);
        oq_free(hash);
        return OQ_E_NOT_SUPPORTED;
    }
    *out = hash;
    return OQ_OK;
}

static enum oq_status hash_update(void *ctx, struct oq_hash *hash, const void *data, size_t length)
{
    (void)ctx;
    return EVP_DigestUpdate(hash->state, data, length) == 1 ? OQ_OK : OQ_E_NOMEM;
}

static enum oq_status hash_finish(void *ctx, struct oq_hash *hash, uint8_t value[OQ_HASH_MAX])
{
    (void)ctx;
    return EVP_DigestFinal_ex(hash->state, value, NULL) == 1 &&
                   EVP_DigestInit_ex(hash->state, hash->kind, NULL) == 1
               ? OQ_OK
               : OQ_E_NOMEM;
}

static void hash_free(void *ctx, struct oq_hash *hash)
{
    (void)ctx;
    if (!hash)
        return;
    EVP_MD_CTX_free(hash->state);
    oq_free(hash);
}

const struct oq_hash_port *openssl_hashes(void)
{
    static const struct oq_hash_port port = {
        .begin = hash_begin, .update = hash_update, .finish = hash_finish, .free = hash_free};
    return &port;
}
