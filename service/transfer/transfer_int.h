/* transfer_int.h - one transfer, as the files of this layer see it. Engine thread. */
#ifndef TRANSFER_INT_H
#define TRANSFER_INT_H

#include "oq_transfer.h"

#include "oq_http.h"
#include "oq_log.h"

/* libcurl hands the body over in pieces of at most 16 KB and each WriteFile is dear (under Wine
 * above all): gathering 1 MB makes writing 3 times faster than curl.exe (measured,
 * docs/architecture.md). */
#define OQ_TRANSFER_BUFFER_BYTES ((size_t)1024 * 1024)

/* Fields of the response that is being read; those of a redirect are forgotten when the next one
 * starts. */
struct response {
    struct oq_http_response http;
    char etag[OQ_ETAG_MAX + 1];
    char last_modified[OQ_DATE_MAX + 1];
    struct oq_digest digest;           /* kind OQ_HASH_NONE: none was sent */
    char retry_after[OQ_DATE_MAX + 1]; /* Retry-After as it was sent, and the server's Date */
    int64_t date_ms;
    bool has_date;
    int64_t retry_after_ms;           /* -1 = none */
    bool is_chunked;                  /* then Content-Length does not count */
    struct oq_http_decision decision; /* from RECEIVING on */
};

/* What a worker does for the transfer: one thing at a time. While it is out the transfer is not
 * freed, and only the worker touches the rest of this. */
struct work {
    struct oq_operation operation;
    enum oq_transfer_work kind; /* OQ_WORK_NONE: nothing is out */
    char *temp_path;            /* OPEN, FLUSH: copy */
    char *url;                  /* OPEN, PROXY: copy, to resolve the proxy for */
    uint32_t attempt;           /* OPEN, PROXY: takes another proxy of several each time */
    enum oq_open_mode mode;
    uint64_t mark_bytes;  /* FLUSH: written bytes when it was submitted */
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

/* Of FAIL, FLUSH_FAILED and RESTART. */
struct failure {
    struct oq_verdict verdict;
    bool is_of_source; /* else of the disk or memory, or every source was tried */
    char text[256];
};

struct oq_transfer {
    const struct oq_transfer_context *context;
    struct oq_transfer_owner owner;
    struct oq_identity *identity;
    struct oq_token_bucket *bucket;

    enum oq_transfer_state state; /* these four: oq_transfer_apply alone changes them */
    enum oq_transfer_outcome outcome;
    struct failure failure; /* of the outcome */
    unsigned effects;       /* to be carried out: oq_transfer_act */
    struct work work;

    struct oq_fhandle *file;
    char file_id[OQ_FILE_ID_TEXT]; /* of `file` */
    uint8_t *buffer;               /* made with the first request */
    size_t buffered;
    uint64_t written_bytes; /* position in the file after the last write */
    int64_t checkpoint_at_ms;

    uint32_t source; /* which of the file's sources is used */
    char *proxy;     /* to it; see oq_network_port */
    struct oq_net_handle *net;
    struct oq_flow *flow; /* of net, from the first byte on */
    struct response response;
    uint64_t begin_bytes; /* positions in the file where this response begins, */
    uint64_t end_bytes;   /* and where it ends; or OQ_SIZE_UNKNOWN */
    bool is_held;         /* nothing is read until the flush is over */

    int64_t window_at_ms;  /* since when the speed of the source is measured */
    uint64_t window_bytes; /* received since */
    int64_t rate_at_ms;    /* the same for views */
    uint64_t rate_bytes;
    uint64_t rate_per_s;

    struct oq_verification *verification; /* while VERIFYING and REPAIRING: verify.c */
};

static inline const struct oq_group *oq_transfer_group(const struct oq_transfer *transfer)
{
    return transfer->context->host->group(&transfer->owner);
}

static inline const struct oq_file *oq_transfer_file(const struct oq_transfer *transfer)
{
    return &oq_transfer_group(transfer)->job.files[transfer->owner.file_index];
}

static inline struct oq_transfer_history *oq_transfer_history(const struct oq_transfer *transfer)
{
    return transfer->context->host->history(&transfer->owner);
}

static inline enum oq_status oq_transfer_save(const struct oq_transfer *transfer,
                                              struct oq_file *next, struct oq_error *err)
{
    return transfer->context->host->save(&transfer->owner, next, err);
}

static inline int64_t oq_transfer_now_ms(const struct oq_transfer *transfer)
{
    return oq_clock_mono_ms(transfer->context->clock);
}

/* Where in the file the next byte goes. */
static inline uint64_t oq_transfer_position(const struct oq_transfer *transfer)
{
    return transfer->written_bytes + transfer->buffered;
}

static inline void oq_transfer_restart_window(struct oq_transfer *transfer)
{
    transfer->window_at_ms = oq_transfer_now_ms(transfer);
    transfer->window_bytes = 0;
}

static inline void oq_transfer_schedule_checkpoint(struct oq_transfer *transfer)
{
    transfer->checkpoint_at_ms =
        oq_transfer_now_ms(transfer) + transfer->context->config->checkpoint_ms;
}

/* --- transfer.c ------------------------------------------------------------------------------- */

/* The one place where the state changes. `failure` with FAIL, FLUSH_FAILED and RESTART: kept if it
 * is the outcome. Effects are due then: oq_transfer_act carries them out, and every function that
 * libcurl or the pool calls ends with it, but those that are called amid a request. */
void oq_transfer_apply(struct oq_transfer *transfer, enum oq_transfer_event event,
                       const struct failure *failure);
/* May free the transfer. */
void oq_transfer_act(struct oq_transfer *transfer);
/* Tells log and host that what is there comes again from zero. */
void oq_transfer_restarts(const struct oq_transfer *transfer, const char *why);
/* Of `done`, where the transfer has been STOPPING meanwhile. May free it. */
void oq_transfer_work_over(struct oq_transfer *transfer);
/* FAIL. The second: of the disk or memory, unless err->status is OQ_E_NET. */
void oq_transfer_fail(struct oq_transfer *transfer, const struct oq_verdict *verdict,
                      bool is_of_source, const char *text);
void oq_transfer_fail_error(struct oq_transfer *transfer, const struct oq_error *err);
/* Hands work to the pool; `done` gets the transfer, and calls oq_transfer_take_work first. The
 * fields of the kind are set. */
OQ_MUST_CHECK enum oq_status oq_transfer_submit(struct oq_transfer *transfer,
                                                enum oq_transfer_work kind,
                                                void (*run)(void *argument),
                                                void (*done)(void *argument), struct oq_error *err);
/* Of `done`: the work is not out any more. Its status and error. */
enum oq_status oq_transfer_take_work(struct oq_transfer *transfer, struct oq_error *err);
/* A worker resolves the proxy of `url`; `done` finds it in work.proxy. */
OQ_MUST_CHECK enum oq_status oq_transfer_resolve_proxy(struct oq_transfer *transfer,
                                                       const char *url,
                                                       void (*done)(void *argument),
                                                       struct oq_error *err);
/* Hands the gathered bytes to the system; false: FAIL has been applied. */
bool oq_transfer_write_out(struct oq_transfer *transfer);
/* Begins a checkpoint if one is due, and holds reading while too much is unsaved; false: FAIL has
 * been applied. */
bool oq_transfer_save_if_due(struct oq_transfer *transfer);
/* If the size is known, sees to it that there is room for it before much of it is written. */
void oq_transfer_reserve(struct oq_transfer *transfer);

/* --- response.c ------------------------------------------------------------------------------- */

/* Sends a request to the source, whose URL and proxy are filled in here; resets the response. */
OQ_MUST_CHECK enum oq_status oq_transfer_request(struct oq_transfer *transfer,
                                                 struct oq_net_request *request,
                                                 struct oq_error *err);
void oq_transfer_close_request(struct oq_transfer *transfer);
void oq_response_reset(struct response *response);
/* Header complete: the fields as oq_http_judge wants them. Borrowed. */
const struct oq_http_response *oq_response_complete(struct oq_transfer *transfer);
/* FAIL, as the decision has it. */
void oq_response_fail(struct oq_transfer *transfer, const struct oq_http_decision *decision);

/* --- source.c --------------------------------------------------------------------------------- */

/* A line about the transfer, with the URL of its source. */
void oq_transfer_log(const struct oq_transfer *transfer, enum oq_log_level level, const char *what);
/* Chooses the source of a transfer that begins. */
void oq_source_choose(struct oq_transfer *transfer);
/* What is known of the saved bytes, as the request to the chosen source has to say it. */
struct oq_http_request oq_source_describe(const struct oq_transfer *transfer);
/* The response does not continue the saved bytes (`why`). Are they another source's? Then that one
 * may: OQ_NEXT_SOURCE or OQ_NEXT_ROUND (*is_transient: may one be back later?), and the chosen one
 * has been left. OQ_NEXT_STAY: take what it has, from zero. */
enum oq_next oq_source_refuse(struct oq_transfer *transfer, bool is_hashed, const char *why,
                              bool *is_transient);
/* Measures the speed; true: the source has been left for being slow. */
bool oq_source_is_slow(struct oq_transfer *transfer);

/* --- verify.c --------------------------------------------------------------------------------- */

/* Is there nothing to fetch any more, only to verify? Then a transfer begins with that. */
bool oq_verify_is_due(const struct oq_transfer *transfer);
/* All bytes are there and flushed: VERIFY, FETCHED if there is nothing to verify, REFUTED or FAIL
 * has been applied. */
void oq_verify_begin(struct oq_transfer *transfer);
/* No worker hashes. */
void oq_verify_free(struct oq_transfer *transfer);
/* REPAIRING: header complete (false: end the request), and the end of the request. */
bool oq_verify_header_complete(struct oq_transfer *transfer);
void oq_verify_on_done(struct oq_transfer *transfer, enum oq_net_error error, const char *text);

#endif
