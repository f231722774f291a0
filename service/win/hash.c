/* hash.c - SHA-1, SHA-256 and SHA-512 by CNG. Owns one provider per kind, opened at first use and
 * never closed: opening one takes longer than hashing a small file. Any thread. */
#include "oq_win_ports.h"

#include "oq_alloc.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <bcrypt.h>
#include <stdatomic.h>

struct oq_hash {
    enum oq_hash_kind kind;
    BCRYPT_HASH_HANDLE handle;
};

static bool is_good(NTSTATUS status)
{
    return status >= 0;
}

static BCRYPT_ALG_HANDLE get_provider(enum oq_hash_kind kind)
{
    static const wchar_t *const names[OQ_HASH_KIND_COUNT] = {
        [OQ_HASH_SHA1] = BCRYPT_SHA1_ALGORITHM,
        [OQ_HASH_SHA256] = BCRYPT_SHA256_ALGORITHM,
        [OQ_HASH_SHA512] = BCRYPT_SHA512_ALGORITHM,
        [OQ_HASH_MD5] = BCRYPT_MD5_ALGORITHM,
    };
    static _Atomic(void *) providers[OQ_HASH_KIND_COUNT];

    if ((unsigned)kind >= OQ_HASH_KIND_COUNT || !names[kind])
        return NULL;
    void *provider = atomic_load(&providers[kind]);
    if (provider)
        return provider;
    BCRYPT_ALG_HANDLE opened = NULL;
    if (!is_good(BCryptOpenAlgorithmProvider(&opened, names[kind], NULL, 0)))
        return NULL;
    void *none = NULL;
    if (atomic_compare_exchange_strong(&providers[kind], &none, opened))
        return opened;
    BCryptCloseAlgorithmProvider(opened, 0); /* another thread was faster */
    return none;
}

static enum oq_status hash_begin(void *ctx, enum oq_hash_kind kind, struct oq_hash **out)
{
    (void)ctx;
    BCRYPT_ALG_HANDLE provider = get_provider(kind);
    if (!provider)
        return OQ_E_NOT_SUPPORTED;
    struct oq_hash *hash = oq_calloc(1, sizeof *hash);
    if (!hash)
        return OQ_E_NOMEM;
    hash->kind = kind;
    if (!is_good(BCryptCreateHash(provider, &hash->handle, NULL, 0, NULL, 0, 0))) {
        oq_free(hash);
        return OQ_E_NOMEM;
    }
    *out = hash;
    return OQ_OK;
}

static enum oq_status hash_update(void *ctx, struct oq_hash *hash, const void *data, size_t length)
{
    const uint8_t *at = data;
    (void)ctx;
    while (length > 0) {
        ULONG piece = length > 0x40000000 ? 0x40000000 : (ULONG)length;
        /* BCryptHashData does not write to its input, whatever its prototype says. */
        if (!is_good(BCryptHashData(hash->handle, (PUCHAR)(uintptr_t)at, piece, 0)))
            return OQ_E_NOMEM;
        at += piece;
        length -= piece;
    }
    return OQ_OK;
}

/* A handle that can be used again needs a flag that not every system knows, so a new one is made.
 */
static enum oq_status hash_finish(void *ctx, struct oq_hash *hash, uint8_t value[OQ_HASH_MAX])
{
    (void)ctx;
    if (!is_good(BCryptFinishHash(hash->handle, value, (ULONG)oq_hash_size(hash->kind), 0)))
        return OQ_E_NOMEM;
    BCryptDestroyHash(hash->handle);
    hash->handle = NULL;
    if (!is_good(BCryptCreateHash(get_provider(hash->kind), &hash->handle, NULL, 0, NULL, 0, 0)))
        return OQ_E_NOMEM;
    return OQ_OK;
}

static void hash_free(void *ctx, struct oq_hash *hash)
{
    (void)ctx;
    if (!hash)
        return;
    if (hash->handle)
        BCryptDestroyHash(hash->handle);
    oq_free(hash);
}

const struct oq_hash_port *oq_win_hash_port(void)
{
    static const struct oq_hash_port port = {
        .begin = hash_begin, .update = hash_update, .finish = hash_finish, .free = hash_free};
    return &port;
}
