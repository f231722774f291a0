/* openssl_hash.h - the hash port over OpenSSL's libcrypto, for native tests. */
#ifndef OPENSSL_HASH_H
#define OPENSSL_HASH_H

#include "oq_hash.h"

const struct oq_hash_port *openssl_hashes(void);

#endif
