/* oq_digest.h - hash values as text, and the HTTP fields that carry them.
 *
 * Pure; any thread; computes no hash (ports/oq_hash.h does). Input comes from servers and files and
 * may be anything of any length; outputs are written only on success.
 */
#ifndef OQ_DIGEST_H
#define OQ_DIGEST_H

#include "oq_ascii.h"
#include "oq_status.h"

enum oq_hash_kind {
    OQ_HASH_NONE,
    OQ_HASH_SHA1, /* of pieces only: finds damage, not forgery */
    OQ_HASH_SHA256,
    OQ_HASH_SHA512,
    OQ_HASH_MD5, /* as SHA-1; the longer a value, the stronger its function */
    OQ_HASH_KIND_COUNT
};

#define OQ_HASH_MAX 64 /* bytes of the longest value */
#define OQ_SHA256_BYTES 32
#define OQ_HEX_MAX (2 * OQ_HASH_MAX + 1) /* the longest value as text */

/* Bytes of a value; 0 for OQ_HASH_NONE and what is no kind. */
size_t oq_hash_size(enum oq_hash_kind kind);

/* The name in IANA's registry of hash function text names, as Metalink has it (RFC 5854, 4.2.4):
 * "sha-1", "sha-256", "sha-512", "md5"; static; "" for OQ_HASH_NONE. */
const char *oq_hash_name(enum oq_hash_kind kind);
/* Case and hyphens do not matter ("sha256"). OQ_E_INVALID_ARG for a name that is none of these. */
OQ_MUST_CHECK enum oq_status oq_hash_parse_name(const char *name, enum oq_hash_kind *kind);

struct oq_digest {
    enum oq_hash_kind kind; /* OQ_HASH_SHA256 or OQ_HASH_SHA512 */
    uint8_t value[OQ_HASH_MAX];
};

/* Repr-Digest (RFC 9530, 3): a dictionary of byte sequences, "sha-256=:BASE64:, ...". It is about
 * the whole file, also in a 206. Of several SHA-256 is taken, else SHA-512; the other algorithms of
 * the registry are insecure and are passed over. OQ_E_INVALID_ARG if there is neither, or the field
 * is malformed (RFC 8941, 4.2: then all of it is ignored). */
OQ_MUST_CHECK enum oq_status oq_digest_parse_repr(const char *value, size_t length,
                                                  struct oq_digest *out);
/* Digest (RFC 3230, 4.3.2), the older field: "SHA-256=BASE64,MD5=...". As above. */
OQ_MUST_CHECK enum oq_status oq_digest_parse_rfc3230(const char *value, size_t length,
                                                     struct oq_digest *out);

/* A digest as the model keeps it: hexadecimal, the length tells the kind. */
void oq_digest_format(const struct oq_digest *digest, char text[OQ_HEX_MAX]);
OQ_MUST_CHECK enum oq_status oq_digest_parse_hex(const char *text, struct oq_digest *out);

#endif
