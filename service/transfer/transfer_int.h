/* transfer_int.h - one file in flight, as transfer.c, check.c and source.c see it. Engine thread.
 *
 *   transfer_begin.c  opens the temporary file and asks
 *   transfer.c        receives, writes, saves offsets, ends
 *   source.c          which source is asked, and when it is left for another one
 *   check.c           hashes the file when all of it is there, and has bad pieces fetched again
 */
#ifndef TRANSFER_INT_H
#define TRANSFER_INT_H

#include "engine_int.h"

#include "oq_log.h"

/* libcurl hands the body over in pieces of at most 16 KB and each WriteFile is dear (under Wine
 * above all): gathering 1 MB makes writing 3 times faster than curl.exe (measured,
 * docs/architecture.md). */
#define OQ_TRANSFER_BUFFER_BYTES ((size_t)1024 * 1024)

enum phase { OPENING, RECEIVING, ENDING, CHECKING };
enum ending { NOT_ENDED, ENDED_WHOLE, ENDED_STOPPED, ENDED_RESTART, ENDED_FAILED };

/* Fields of the response that is being read; those of a redirect are forgotten when the next one
 * starts. */
struct response {
    struct oq_http_response http;
    char etag[OQ_ETAG_MAX + 1];
    char last_modified[OQ_DATE_MAX + 1];
    struct oq_digest digest; /* kind OQ_HASH_NONE: none was sent */
    int64_t retry_after_ms;  /* -1 = none */
    bool is_chunked;         /* then Content-Length does not count */
};

enum work_kind { NO_WORK, OPEN_WORK, PROXY_WORK, FLUSH_WORK, HASH_WORK };

/* What a worker does for the transfer: one thing at a time. While it is out the transfer is not
 * freed, and nobody but the worker touches the rest of this. */
struct work {
    struct oq_operation operation;
    enum work_kind kind; /* NO_WORK: nothing is out */
    char *temp_path;     /* OPEN, FLUSH: copy */
    char *url;           /* OPEN, PROXY: copy, to find the proxy for; or NULL */
    uint32_t attempt;    /* OPEN, PROXY: takes another proxy of several each time */
    enum oq_open_mode mode;
    uint64_t mark_bytes;  /* FLUSH: written bytes when it was asked */
    uint64_t total_bytes; /* FLUSH: of the whole file, if there has to be room; OQ_SIZE_UNKNOWN */
    bool is_reserved;     /* FLUSH: the file system keeps room for the whole file; also a result */
    /* results */
    enum oq_status status;
    struct oq_error error;
    struct oq_fhandle *file;       /* OPEN: taken by done */
    uint64_t size_bytes;           /* OPEN */
    char file_id[OQ_FILE_ID_TEXT]; /* OPEN */
    char *proxy;            /* OPEN, PROXY: see oq_network_port; NULL: not known. Taken by done */
    uint64_t missing_bytes; /* FLUSH: the disk has so much too little */
};

struct oq_transfer {
    struct oq_engine *engine;
    struct oq_entry *entry;
    uint32_t file_index;
    struct oq_identity *identity;
    enum phase phase;
    bool is_fresh_name; /* the temporary name was made by this transfer: the file must not exist yet
                         */
    struct oq_net_handle *net;
    struct oq_flow *flow; /* of net, from the first byte on: throttle_int.h */
    struct oq_fhandle *file;
    char *proxy;                   /* see oq_network_port; owned */
    char file_id[OQ_FILE_ID_TEXT]; /* of `file` */
    uint8_t *buffer;
    size_t buffered;
    uint64_t written_bytes; /* position in the file after the last write */
    uint64_t total_bytes; /* of the whole file, once the response was judged; or OQ_SIZE_UNKNOWN */
    uint64_t end_bytes;   /* position in the file where this response ends; or OQ_SIZE_UNKNOWN */
    bool is_promised_before; /* end_bytes is what an earlier answer said: oq_http.h */
    bool is_judged, has_body;
    struct work work;
    bool is_held; /* nothing is read until the flush is over */
    int64_t checkpoint_at_ms;
    struct response response;

    uint32_t source;        /* which of the file's sources is asked */
    bool is_hashed;         /* the saved bytes are continued without a validator: oq_http.h */
    bool is_round_over;     /* ENDED_FAILED: the source was left already */
    bool is_checked;        /* all that must be checked was, and is right */
    struct oq_check *check; /* while hashing or repairing, else NULL */
    int64_t window_at_ms;   /* since when the speed of the source is looked at */
    uint64_t window_bytes;  /* received since */

    enum ending ending;
    bool is_discarded;         /* the group goes: nothing has to be kept */
    bool is_flush_broken;      /* a flush failed: what was not saved before is not believed */
    bool is_local;             /* ENDED_FAILED: of the disk or memory, no fault of the source */
    struct oq_verdict verdict; /* ENDED_FAILED */
    char text[256];            /* ENDED_FAILED, ENDED_RESTART */

    int64_t rate_at_ms;
    uint64_t rate_bytes; /* since rate_at_ms */
    uint64_t rate_per_s;
};

/* --- transfer.c ------------------------------------------------------------------------------- */

struct oq_file *oq_transfer_file(const struct oq_transfer *transfer);
struct oq_file_run *oq_transfer_run(const struct oq_transfer *transfer);
void oq_transfer_log(const struct oq_transfer *transfer, enum oq_log_level level, const char *what);
/* The first ending counts. */
void oq_transfer_fail(struct oq_transfer *transfer, const struct oq_verdict *verdict,
                      const char *text);
void oq_transfer_fail_error(struct oq_transfer *transfer, const struct oq_error *err);
/* Goes on towards the end: see transfer.c. May free the transfer. */
void oq_transfer_proceed(struct oq_transfer *transfer);
/* Forgets the saved bytes, durably, before anything is done to the file. */
OQ_MUST_CHECK enum oq_status oq_transfer_forget(struct oq_transfer *transfer, struct oq_error *err);
/* Hands the gathered bytes to the system; false: it has failed, and the ending says so. */
bool oq_transfer_write_out(struct oq_transfer *transfer);
/* The file has to come again, from zero. */
void oq_transfer_restart(struct oq_transfer *transfer, const char *why);
/* Where in the file the next byte goes. */
uint64_t oq_transfer_position(const struct oq_transfer *transfer);

/* Hands work to the pool; `done` gets the transfer, after oq_transfer_take_work. The fields of the
 * kind are set, its strings taken over. */
OQ_MUST_CHECK enum oq_status oq_transfer_submit(struct oq_transfer *transfer, enum work_kind kind,
                                                void (*run)(void *argument),
                                                void (*done)(void *argument));
/* Of `done`: the work is not out any more. Its status and error. */
enum oq_status oq_transfer_take_work(struct oq_transfer *transfer, struct oq_error *err);
/* On a worker: the proxy of work.url. */
void oq_transfer_run_proxy(void *argument);

/* --- transfer_begin.c ------------------------------------------------------------------------- */

/* Forgets the response of before, makes the buffer, and asks. */
OQ_MUST_CHECK enum oq_status oq_transfer_ask(struct oq_transfer *transfer,
                                             const struct oq_net_request *request,
                                             struct oq_error *err);

/* --- response.c ------------------------------------------------------------------------------- */

void oq_response_reset(struct response *response);
/* When the body begins: what oq_http_judge is to be told. Borrowed. */
const struct oq_http_response *oq_response_finish(struct oq_transfer *transfer);
/* The failure that the judgement of a response means. */
void oq_response_fail(struct oq_transfer *transfer, const struct oq_http_decision *decision);
/* Would `length` more bytes be more than was promised? Then the ending says so. */
bool oq_response_is_too_long(struct oq_transfer *transfer, size_t length);
/* For oq_net_events: one line of the header of the transfer that is `ctx`. */
void oq_response_header(void *ctx, const char *line, size_t length);

/* --- source.c --------------------------------------------------------------------------------- */

/* Chooses the source of a transfer that starts. */
void oq_source_choose(struct oq_transfer *transfer);
/* What is known of the saved bytes as the chosen source has to hear it; sets transfer->is_hashed.
 */
void oq_source_describe(struct oq_transfer *transfer, struct oq_http_request *request);
/* The chosen source has no continuation of the saved bytes, which are of another source. True: it
 * was left, and the transfer ends; false: take what it has, from zero. */
bool oq_source_is_refused(struct oq_transfer *transfer, const char *why);
/* Looks at the speed; true: the source was left for being slow, and the transfer ends. */
bool oq_source_is_slow(struct oq_transfer *transfer);
/* A transfer that failed has ended. True: the next source is asked instead. False: it is a failure
 * of the file; *verdict is then that of all sources together. */
bool oq_source_is_left(struct oq_engine *engine, struct oq_entry *entry, uint32_t file_index,
                       struct oq_verdict *verdict, const char *text);

/* Asks a worker for the proxy of `url`; `done` is called with the transfer. */
OQ_MUST_CHECK enum oq_status oq_source_resolve_proxy(struct oq_transfer *transfer, const char *url,
                                                     void (*done)(void *argument));
/* For oq_net_events. */
bool oq_source_redirected(void *ctx, const char *url);

/* --- check.c ---------------------------------------------------------------------------------- */

/* Is there nothing to fetch any more, only to check? Then a transfer begins with that. */
bool oq_check_is_due(const struct oq_transfer *transfer);
/* All bytes are there and flushed: true if they are to be hashed first, and the transfer goes on
 * when that is done. False: nothing to do, or failed; the ending says so. */
bool oq_check_begin(struct oq_transfer *transfer);
/* Frees it; no disk op of it is out. */
void oq_check_drop(struct oq_transfer *transfer);
/* While bad pieces are fetched again: what the answer means, and its end. */
bool oq_check_judge(struct oq_transfer *transfer);
void oq_check_on_done(struct oq_transfer *transfer, enum oq_net_error error, const char *text);
/* After a hash has made the group fail: what is counted until the next resume starts anew. */
void oq_check_forget(struct oq_engine *engine, struct oq_entry *entry, uint32_t file_index);

#endif
