/* oq_http.h - reading the HTTP fields that decide about a download, and judging a response.
 *
 * Pure. Input comes from servers and may be anything of any length; nothing here allocates except where said. References are
 * to RFC 9110 (HTTP semantics).
 */
#ifndef OQ_HTTP_H
#define OQ_HTTP_H

#include "oq_status.h"

#define OQ_ETAG_MAX 512 /* longer entity tags are treated as absent */
#define OQ_DATE_MAX 64

struct oq_content_range {
    uint64_t first, last; /* inclusive; valid if has_range */
    bool has_range;       /* false for "bytes * / N" (416) */
    uint64_t total;       /* OQ_SIZE_UNKNOWN (UINT64_MAX) for '*' */
};

/* Content-Range (14.4). OQ_E_INVALID_ARG for other units, overflow, first > last, last >= total, trailing text. */
OQ_MUST_CHECK enum oq_status oq_http_parse_content_range(const char *value, size_t length, struct oq_content_range *out);

/* Content-Length (8.6): digits only; "5, 5" (the same value repeated) is accepted; overflow is not. */
OQ_MUST_CHECK enum oq_status oq_http_parse_length(const char *value, size_t length, uint64_t *out);

/* ETag (8.8.3). Copies the tag with quotes; *is_weak tells "W/". OQ_E_INVALID_ARG for bad syntax or above OQ_ETAG_MAX. */
OQ_MUST_CHECK enum oq_status oq_http_parse_etag(const char *value, size_t length, char tag[OQ_ETAG_MAX + 1],
                                                bool *is_weak);

/* HTTP-date in all three forms (5.6.7), as wall-clock milliseconds. OQ_E_INVALID_ARG. */
OQ_MUST_CHECK enum oq_status oq_http_parse_date(const char *value, size_t length, int64_t *wall_ms);

/* Retry-After (10.2.3): seconds or a date; the delay from now_wall_ms, never negative. OQ_E_INVALID_ARG. */
OQ_MUST_CHECK enum oq_status oq_http_parse_retry_after(const char *value, size_t length, int64_t now_wall_ms,
                                                       int64_t *delay_ms);

/* What was asked, and what the saved bytes belong to. */
struct oq_http_request {
    uint64_t offset_bytes;     /* first byte asked; 0 = from the start */
    uint64_t size_bytes;       /* known total, or OQ_SIZE_UNKNOWN */
    const char *etag;          /* strong tag of the saved bytes, or NULL */
    const char *last_modified; /* date of the saved bytes, or NULL */
};

/* The final response's fields (after redirects). Strings borrowed. */
struct oq_http_response {
    uint32_t status;
    bool has_length, has_content_range, is_range_malformed;
    uint64_t length_bytes; /* Content-Length */
    struct oq_content_range content_range;
    const char *etag;          /* strong tag, or NULL */
    const char *last_modified; /* or NULL */
    bool is_encoded;           /* a Content-Encoding other than identity although none was asked for */
};

enum oq_http_verdict {
    OQ_HTTP_APPEND,   /* write the body at request.offset_bytes */
    OQ_HTTP_REPLACE,  /* the body is the whole file: drop what is there, write from 0 */
    OQ_HTTP_RESTART,  /* useless body: close, drop what is there, ask again from 0 without a range */
    OQ_HTTP_COMPLETE, /* 416 and the saved bytes are all there is */
    OQ_HTTP_FAIL      /* an HTTP error status; oq_errors.h says what it means */
};

struct oq_http_decision {
    enum oq_http_verdict verdict;
    uint64_t total_bytes; /* size of the whole file, or OQ_SIZE_UNKNOWN */
    uint64_t body_bytes;  /* bytes the body must have, or OQ_SIZE_UNKNOWN */
    const char *why;      /* static words for the log, never NULL */
};

/* Decides what a response means for the bytes that are there. Never mixes two versions: a changed validator, length or
 * range start means REPLACE (status 200) or RESTART (status 206). See docs/http.md and contract 0.1 "validator". */
struct oq_http_decision oq_http_judge(const struct oq_http_request *request, const struct oq_http_response *response);

/* May the saved bytes be continued? Writes the If-Range value into `value` (strong ETag, else Last-Modified when the size is
 * known too) and returns true; false means "start from zero". */
bool oq_http_if_range(const struct oq_http_request *request, char *value, size_t capacity);

#endif
