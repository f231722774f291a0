/* roots_int.h - trusted certificates as PEM text. For network.c, roots.c and
 * tests/win/test_network.c. */
#ifndef ROOTS_INT_H
#define ROOTS_INT_H

#include "oq_win_network.h"

/* A growing text. Empty: all zero. */
struct oq_win_pem {
    char *text; /* owned, terminated; NULL while empty */
    size_t length;
    size_t count; /* certificates */
};

void oq_win_pem_release(struct oq_win_pem *pem);

/* Appends every certificate of a system store ("ROOT") that is valid for servers. A store that
 * cannot be opened adds none and is OQ_OK with a warning in the log. OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_win_pem_add_store(struct oq_win_pem *pem, const char *store,
                                                  struct oq_error *err);

/* Appends a PEM file. OQ_E_FILE_MISSING, OQ_E_ACCESS_DENIED, OQ_E_IO; OQ_E_INVALID_ARG: larger than
 * 4 MB or without a certificate; OQ_E_NOMEM. pem changes only on success. */
OQ_MUST_CHECK enum oq_status oq_win_pem_add_file(struct oq_win_pem *pem, const char *path,
                                                 struct oq_error *err);

/* As oq_win_network_new; must_verify: collect the roots whatever the system is. */
OQ_MUST_CHECK enum oq_status oq_win_network_new_as(bool must_verify, const char *store,
                                                   const char *ca_file, bool checks_revocation,
                                                   struct oq_win_network **out,
                                                   struct oq_error *err);
/* May HTTP/2 be used with a libcurl of that TLS library and that version (0xMMmmpp)? */
bool oq_win_is_http2_good(const char *ssl_version, unsigned version);
/* What prepare hands to curl; NULL = native verification. Borrowed. */
const struct oq_win_pem *oq_win_network_roots(const struct oq_win_network *network);

#endif
