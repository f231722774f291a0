/* oq_transfer.h - one file in flight: from the temporary file over the requests to all bytes
 * flushed and verified. Engine thread.
 *
 * Knows no queue: a transfer reads the group and saves changes of its file through a host, a struct
 * of functions, and reports to it how it ended. Promises: the saved offset never exceeds what a
 * finished flush covers; it is lowered before the file is cut; bytes of two versions never meet in
 * one file (core/oq_http.h decides). oq_transfer_machine.h has its states.
 *
 *   transfer.c          its life: open, flush and save offsets, stop, report
 *   response.c          the header of a response and what it means; the body
 *   verify.c            hashes the file when all of it is there, and repairs bad pieces
 *   source.c            which source of the file is used, and when it is left for another one
 *   transfer_machine.c  the table of its states
 */
#ifndef OQ_TRANSFER_H
#define OQ_TRANSFER_H

#include "oq_clock.h"
#include "oq_config.h"
#include "oq_files.h"
#include "oq_hash.h"
#include "oq_http.h"
#include "oq_model.h"
#include "oq_rate_control.h"
#include "oq_transfer_machine.h"
#include "oq_worker_pool.h"

struct oq_transfer;

/* Whose transfer it is: handed back with each call of the host. */
struct oq_transfer_owner {
    void *host, *group; /* the host's own */
    uint32_t file_index;
};

/* What is remembered of a file from one transfer to the next; in memory only. All zero at first. */
struct oq_transfer_history {
    uint32_t attempts;       /* failures in a row */
    uint64_t furthest_bytes; /* progress is what goes beyond: the same half again is none */
    bool is_plain;           /* the next request is without a range */
    bool has_stalled;        /* the last time-out of the server's was at stalled_bytes */
    uint64_t stalled_bytes;
    /* Of `range_source`, the source that was last asked; see struct oq_http_request: */
    uint32_t range_source;
    enum oq_http_resume resume;
    bool has_ranges, has_no_ranges, has_tried_plain;
    struct oq_source_run sources;
};

struct oq_transfer_end {
    enum oq_transfer_outcome outcome;
    struct oq_verdict verdict; /* FAILED */
    bool is_of_source;         /* FAILED: another source may do better: oq_transfer_leave_source */
    int64_t retry_after_ms;    /* FAILED: Retry-After of the server; -1 = none */
    const char *text;          /* FAILED */
};

struct oq_transfer_host {
    /* The group as it is now. Borrowed until the next call of the host. */
    const struct oq_group *(*group)(const struct oq_transfer_owner *owner);
    struct oq_transfer_history *(*history)(const struct oq_transfer_owner *owner);
    /* Saves `next`, a copy of the file with some fields changed, durably, then makes it current. */
    enum oq_status (*save)(const struct oq_transfer_owner *owner, struct oq_file *next,
                           struct oq_error *err);
    /* More bytes have been saved than ever before. */
    void (*progressed)(const struct oq_transfer_owner *owner);
    /* Bytes that were there come again; `why` is a sentence for the user. */
    void (*restarted)(const struct oq_transfer_owner *owner, const char *why);
    uint64_t (*random)(const struct oq_transfer_owner *owner);
    /* FETCHED has been saved. The transfer is freed when this is called. */
    void (*ended)(const struct oq_transfer_owner *owner, const struct oq_transfer_end *end);
};

/* What all transfers of a host share. Borrowed, and outlives them. */
struct oq_transfer_context {
    const struct oq_transfer_host *host;
    const struct oq_clock *clock;
    const struct oq_config *config; /* checkpoint_ms, checkpoint_bytes, slow_source_... */
    const struct oq_file_port *files;
    const struct oq_identity_port *identity;
    const struct oq_network_port *network; /* NULL: proxies are those of the environment */
    const struct oq_hash_port *hash;       /* NULL: nothing is verified */
    struct oq_net *net;                    /* with oq_transfer_events */
    struct oq_rate_control *rate_control;
    struct oq_worker_pool *pool;
};

extern const struct oq_net_events oq_transfer_events;

/* A transfer of a WAITING file, not begun yet. Takes the identity, on success. `bucket` is of the
 * group's own limit, borrowed. OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_transfer_new(const struct oq_transfer_context *context,
                                             const struct oq_transfer_owner *owner,
                                             struct oq_identity *identity,
                                             struct oq_token_bucket *bucket,
                                             struct oq_transfer **out);
/* Begins. It may have ended when this returns, as after oq_transfer_stop and oq_transfer_tick. */
void oq_transfer_begin(struct oq_transfer *transfer);
/* Ends it: what has come is flushed and its offset saved, unless it is to be discarded. */
void oq_transfer_stop(struct oq_transfer *transfer, bool is_discarded);
/* About ten times a second: checkpoints that are due, sources that are slow. */
void oq_transfer_tick(struct oq_transfer *transfer);

/* For views. */
uint64_t oq_transfer_received(const struct oq_transfer *transfer);
uint64_t oq_transfer_rate(struct oq_transfer *transfer, int64_t now_ms);
bool oq_transfer_is_connected(const struct oq_transfer *transfer);
bool oq_transfer_is_verifying(const struct oq_transfer *transfer);
uint32_t oq_transfer_source(const struct oq_transfer *transfer);

/* A transfer of the file has failed. True: the next transfer uses another source, at once. False:
 * it is a failure of the file; *verdict is then that of all sources together. */
bool oq_transfer_leave_source(const struct oq_file *file, struct oq_transfer_history *history,
                              struct oq_verdict *verdict);

#endif
