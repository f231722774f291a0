/* oq_hash.h - port: hash functions of the operating system.
 *
 * service/win implements it with CNG (BCrypt), tests with OpenSSL's libcrypto. Any thread; one hash
 * belongs to one thread at a time.
 */
#ifndef OQ_HASH_H
#define OQ_HASH_H

#include "oq_digest.h"

struct oq_hash;

struct oq_hash_port {
    void *ctx;
    /* A new hash of no bytes. OQ_E_NOMEM; OQ_E_NOT_SUPPORTED for a kind the system does not have.
     */
    enum oq_status (*begin)(void *ctx, enum oq_hash_kind kind, struct oq_hash **out);
    enum oq_status (*update)(void *ctx, struct oq_hash *hash, const void *data, size_t length);
    /* Writes oq_hash_size(kind) bytes; the hash is then one of no bytes again. */
    enum oq_status (*finish)(void *ctx, struct oq_hash *hash, uint8_t value[OQ_HASH_MAX]);
    void (*free)(void *ctx, struct oq_hash *hash); /* NULL is allowed */
};

#endif
