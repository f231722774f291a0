/* oq_http.h - reading the HTTP fields that decide about a download, and judging a response.
 *
 * Pure; any thread. Input comes from servers and may be anything of any length; nothing here
 * allocates. Values are given by pointer and length, without the field's name; white space around
 * them is skipped; they need no terminator. Outputs are written only on success. References are to
 * RFC 9110 (HTTP semantics).
 */
#ifndef OQ_HTTP_H
#define OQ_HTTP_H

#include "oq_errors.h"
#include "oq_model.h" /* OQ_SIZE_UNKNOWN */
#include "oq_status.h"

#define OQ_ETAG_MAX 512 /* longer entity tags are treated as absent */
#define OQ_DATE_MAX 64

/* Sizes and offsets above this are refused: files, curl and the database count in signed 64 bits.
 */
#define OQ_HTTP_SIZE_MAX ((uint64_t)INT64_MAX)

/* Longest delay oq_http_parse_retry_after gives (100 years), so that adding it to a time does not
 * overflow. */
#define OQ_RETRY_AFTER_MAX_MS INT64_C(3155760000000)

struct oq_content_range {
    uint64_t first, last; /* inclusive; valid if has_range */
    bool has_range;       /* false for "bytes * / N" (416) */
    uint64_t total;       /* OQ_SIZE_UNKNOWN (UINT64_MAX) for '*' */
};

/* Content-Range (14.4); "bytes=" and "bytes:" are taken for "bytes ", with or without blanks.
 * OQ_E_INVALID_ARG for other units, a number above OQ_HTTP_SIZE_MAX, first > last, last >= total,
 * trailing text. */
OQ_MUST_CHECK enum oq_status oq_http_parse_content_range(const char *value, size_t length,
                                                         struct oq_content_range *out);

/* Content-Length (8.6): digits only; "5, 5" (the same value repeated) is accepted; above
 * OQ_HTTP_SIZE_MAX is not. OQ_E_INVALID_ARG. */
OQ_MUST_CHECK enum oq_status oq_http_parse_length(const char *value, size_t length, uint64_t *out);

/* ETag (8.8.3). Copies the tag as it was sent, without "W/"; *is_weak tells "W/". A tag without
 * quotes is taken, since it says as much: the same text again is the same file. OQ_E_INVALID_ARG
 * for blanks, commas or quotes in it, above OQ_ETAG_MAX, and for bytes outside ASCII: they need not
 * be UTF-8, and no known server sends them. */
OQ_MUST_CHECK enum oq_status oq_http_parse_etag(const char *value, size_t length,
                                                char tag[OQ_ETAG_MAX + 1], bool *is_weak);

/* Is it a tag as oq_http_parse_etag gives one that is not weak? NULL is none. */
bool oq_http_is_strong_tag(const char *etag);

/* HTTP-date in all three forms (5.6.7), as wall-clock milliseconds; the years 1583 to 9999, so the
 * result may be negative. Case does not matter, nor whether the day of the week is the right one. A
 * leap second (23:59:60) is the first second of the next day. The two-digit years of the RFC 850
 * form are 1971 to 2070, as libcurl has it. OQ_E_INVALID_ARG. */
OQ_MUST_CHECK enum oq_status oq_http_parse_date(const char *value, size_t length, int64_t *wall_ms);

/* Can this Last-Modified be compared? Servers send dates in other forms too ("Mon, 1 Jan 2024", ISO
 * 8601): the same text again is the same file. ASCII, at most OQ_DATE_MAX bytes, with at least
 * eight digits, as a day and a year with a time have. */
bool oq_http_is_date_text(const char *value, size_t length);

/* Retry-After (10.2.3): seconds or a date; the delay from now_wall_ms, 0 to OQ_RETRY_AFTER_MAX_MS:
 * a past date gives 0, a huge number the maximum. OQ_E_INVALID_ARG. */
OQ_MUST_CHECK enum oq_status oq_http_parse_retry_after(const char *value, size_t length,
                                                       int64_t now_wall_ms, int64_t *delay_ms);

/* Does this Content-Encoding (8.4) mean that other bytes come than those of the file? For
 * oq_http_response.is_encoded. Not for words that are no coding (identity, none, utf-8, binary,
 * aws-chunked); and not when the coding is what an ending of a name says anyway (gzip for .gz, .tgz
 * and .svgz, and so on): such servers name the form in which the file is stored, and the stored
 * form is what is wanted. `names`: the URLs and the local name of the file; each may be NULL. */
bool oq_http_is_foreign_coding(const char *value, size_t length, const char *const names[],
                               size_t count);

/* How saved bytes are asked to be continued. The next one is tried when the server has sent the
 * whole file although it has the same version: some know If-Range with a date only, some send
 * everything to any If-Range. */
enum oq_http_resume {
    OQ_HTTP_RESUME_TAG,   /* Range, and If-Range with the entity tag, else with the date */
    OQ_HTTP_RESUME_DATE,  /* Range, and If-Range with the date */
    OQ_HTTP_RESUME_RANGE, /* Range alone: the response has to show that it is the same version */
};

/* What was asked, and what the saved bytes belong to. */
struct oq_http_request {
    uint64_t offset_bytes;     /* of the saved bytes; what is asked from, unless is_plain */
    uint64_t size_bytes;       /* known total, or OQ_SIZE_UNKNOWN */
    const char *etag;          /* strong tag of the saved bytes, or NULL */
    const char *last_modified; /* date of the saved bytes, or NULL */
    enum oq_http_resume resume;
    bool is_plain;  /* asked without Range: what comes has to be the whole file */
    bool is_hashed; /* a hash that the client gave decides about the bytes in the end: a range of
                           the known size continues them, whatever the validators say */
    bool may_try_plain; /* no range of this source has come yet, nor was it asked without one */
    bool has_no_ranges; /* it has sent the whole file to a range without If-Range */
    bool may_be_page;   /* the file itself may be HTML, see oq_http_may_be_page */
};

/* The final response's fields (after redirects). Strings borrowed. A field that was sent but not
 * understood is given as absent, except Content-Range: is_range_malformed. */
struct oq_http_response {
    uint32_t status;
    bool has_length, has_content_range, is_range_malformed;
    /* Content-Length is no number, or there are two that differ; not if the body is chunked, which
     * overrides it (RFC 9112, 6.3). */
    bool is_length_malformed;
    uint64_t length_bytes; /* Content-Length */
    struct oq_content_range content_range;
    const char *etag;          /* strong tag, or NULL */
    const char *last_modified; /* or NULL */
    bool is_encoded; /* oq_http_is_foreign_coding: a Content-Encoding although none was asked for */
    bool is_page;    /* its media type is HTML's */
    bool refuses_ranges; /* Accept-Ranges: none (14.3) */
};

enum oq_http_verdict {
    OQ_HTTP_APPEND,   /* write the body at request.offset_bytes */
    OQ_HTTP_REPLACE,  /* the body is the whole file: drop what is there, write from 0 */
    OQ_HTTP_RESTART,  /* useless body: close, drop what is there, ask again from 0 without a range
                         (is_plain) */
    OQ_HTTP_AGAIN,    /* useless body: close, keep what is there, ask again at once as `resume` and
                         `is_plain` say */
    OQ_HTTP_COMPLETE, /* 416 and the saved bytes are all there is */
    OQ_HTTP_FAIL /* net (oq_errors_net), or if that is OQ_NET_NONE the status (oq_errors_http) says
                    what it means */
};

struct oq_http_decision {
    enum oq_http_verdict verdict;
    uint64_t total_bytes;       /* size of the whole file, or OQ_SIZE_UNKNOWN */
    uint64_t body_bytes;        /* APPEND, REPLACE: bytes the body must have, or OQ_SIZE_UNKNOWN */
    bool is_promised_before;    /* REPLACE: body_bytes is what an earlier response said */
    enum oq_http_resume resume; /* AGAIN */
    bool is_plain;              /* AGAIN */
    const char *why;            /* static words for the log, never NULL */
    enum oq_net_error net; /* FAIL: not OQ_NET_NONE if the response breaks rules although its status
                              is no error */
};

/* clang-format off */
/* Decides what a response means for the bytes that are there. Never mixes two versions: a changed
 * validator, length or range start means REPLACE (status 200) or RESTART (status 206). And never
 * takes another resource for a new version of the file. See contract 0.1 "validator".
 *
 * Requests are GETs with "Range: bytes=<offset>-", with If-Range when the offset is not 0 (as
 * `resume` says), or without both (is_plain).
 *
 *  status  response                                                          verdict
 *  200/206 malformed Content-Length                                          FAIL, OQ_NET_PROTOCOL
 *  200     coded                                                             FAIL, OQ_NET_ENCODED
 *  200     a Content-Range that is not all of the file                       as 206
 *  200     the same version as the saved bytes, and another `resume` is left AGAIN
 *  200     instead of the saved bytes, not believable (OQ_NET_OTHER_RESOURCE) FAIL
 *  200     no length, but a validator of the saved bytes: their size         REPLACE
 *  200     any other                                                         REPLACE
 *  206     coded                                                             FAIL, OQ_NET_ENCODED
 *  206     no, malformed or several ranges (multipart/byteranges has none)   RESTART
 *  206     first byte is not the one asked for                               RESTART
 *  206     Content-Length is not the length of the range                     RESTART
 *  206     total unknown, also of the saved bytes: when is it whole?         RESTART
 *  206     offset > 0, is_hashed and total is the known one, or none known   APPEND
 *  206     offset > 0 and total not the known one, or no resume possible     RESTART
 *  206     offset > 0 and a validator both sides know differs                RESTART
 *  206     offset > 0 and a validator but not the saved one, see below       RESTART
 *  206     otherwise                                                         APPEND
 *  416     "bytes * / offset", and no validator or size that differs         COMPLETE
 *  416     otherwise                                                         RESTART
 *  status of a server that may refuse the range only, and may_try_plain      AGAIN, is_plain
 *  other                                                                     FAIL
 *
 * 416 to offset 0 completes an empty file.
 *
 * To a plain request, RESTART would be the same request again: 206 is then FAIL with
 * OQ_NET_PROTOCOL, 416 FAIL with its status. A status outside 100..999 is FAIL with
 * OQ_NET_PROTOCOL.
 *
 * Missing validators in a 206: a server that answers If-Range with 206 has compared the validator
 * (13.1.5), and should leave out fields the client has (15.3.7). So with none at all the response
 * is trusted, provided the total is the known one; not so without If-Range. A server that ignores
 * If-Range sends what it always sends: if there is a validator, one of those saved must be among
 * them. A strong entity tag on both sides decides alone (8.8.3): servers exist whose date is that
 * of the response.
 *
 * A whole file instead of the saved bytes is believable if it has a validator, or the same size, or
 * there never was one; and is not HTML where the file is not. Hotels and filters answer with 200
 * and a page of their own.
 *
 * APPEND may bring less than the rest (15.3.7 allows the server to shorten the range): after
 * body_bytes, offset + body_bytes < total_bytes means "ask for the rest at once", not an error. */
/* clang-format on */
struct oq_http_decision oq_http_judge(const struct oq_http_request *request,
                                      const struct oq_http_response *response);

/* May the saved bytes be continued: is there a hash or a validator (strong ETag, or Last-Modified
 * when the size is known too)? Validators that are not well-formed are none: they go into a
 * request. */
bool oq_http_can_resume(const struct oq_http_request *request);

/* The If-Range field of the request; false if it has none: also for offset 0, and when capacity
 * (OQ_ETAG_MAX + 1 suffices) is too small. */
bool oq_http_if_range(const struct oq_http_request *request, char *value, size_t capacity);

/* May a file of this name be HTML? Not if the name has another ending. */
bool oq_http_may_be_page(const char *name);

#endif
