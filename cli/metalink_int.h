/* metalink_int.h - a Metalink document (version 4, RFC 5854; or version 3) as values.
 *
 * Pure but for the allocator; any thread. The XML is read by expat. The input is untrusted:
 * entities and document types are refused, so nothing outside of it is ever read. Elements other
 * than those below are ignored.
 */
#ifndef OQ_METALINK_INT_H
#define OQ_METALINK_INT_H

#include "oq_sources.h"

#define OQ_METALINK_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define OQ_METALINK_MAX_FILES 10000

struct oq_metalink_file {
    char *name; /* with '/' between folders; see oq_metalink_is_safe */
    struct oq_expectations
        *expectations; /* size, SHA-256 and pieces as far as given (another hash of the whole file
                                 is that of its only piece); its mirrors are all URLs of http and
                                 https, normalized, the most preferred first (4.2.16.1: priority) */
};

struct oq_metalink {
    struct oq_metalink_file *files;
    size_t count;
    /* Files without a URL of http or https, which are none of the above; the name of the first. */
    size_t left_out;
    char *left_out_name;
};

/* OQ_E_INVALID_ARG with a sentence in err->text: not well-formed, not a Metalink, no file with
 * a supported URL, an unsafe name, an invalid hash, or hashes of unsupported functions only.
 * OQ_E_NOMEM. Release with oq_metalink_release. */
OQ_MUST_CHECK enum oq_status oq_metalink_parse(const char *data, size_t length,
                                               struct oq_metalink *out, struct oq_error *err);
void oq_metalink_release(struct oq_metalink *metalink);

/* May the name be put behind a folder's (4.1.2.1)? Not absolute, no drive, no "..", no empty part.
 */
bool oq_metalink_is_safe(const char *name);

#endif
