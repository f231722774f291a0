/* lists_int.h - files that users give to get: lists of URLs, and lists of hashes.
 *
 * Pure but for the allocator; any thread. The texts come from outside and are not trusted.
 */
#ifndef OQ_LISTS_INT_H
#define OQ_LISTS_INT_H

#include "oq_status.h"

#define OQ_LISTS_MAX_BYTES (16u << 20)
#define OQ_LISTS_MAX_URLS 10000u

/* The URLs of a text with one in each line; blanks around them, empty lines and lines that begin
 * with '#' are skipped. `text` is changed, and *urls (oq_free) points into it. OQ_E_INVALID_ARG
 * when there is none or more than OQ_LISTS_MAX_URLS; OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_lists_urls(char *text, char ***urls, int *count);

/* Finds the SHA-256 of a file in a text as sha256sum ("HEX  name", "HEX *name") or BSD
 * ("SHA256 (name) = HEX") writes it; names are compared without their folders and without regard to
 * the case of ASCII letters. A text that has nothing but one hash is of any file. False: there is
 * none, or two lines differ. */
#define OQ_LISTS_SHA256 32
bool oq_lists_sha256(const char *text, const char *file, uint8_t sha256[OQ_LISTS_SHA256]);

#endif
