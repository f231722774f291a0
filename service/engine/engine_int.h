/* engine_int.h - what the files of the engine share. Everything here belongs to the engine thread
 * unless it says otherwise.
 *
 * loop.c         start, the loop, stop
 * calls.c        how a call gets to the engine thread and back; group_calls.c, file_calls.c,
 *                source_calls.c: the calls
 * catalogue.c    groups in memory, found by id or GUID; view.c: what a caller sees of one
 * group_state.c  applies events to the state of a group; events.c: notifications for clients
 * scheduler.c    which groups transfer now
 * transfers.c    the host of their transfers (service/transfer)
 * commit.c       final names, removal
 * crash_breaker.c  holds a file back that ends the service again and again
 * backup.c       the backup of the database
 */
#ifndef ENGINE_INT_H
#define ENGINE_INT_H

#include "oq_engine.h"
#include "oq_token_bucket.h"
#include "oq_errors.h"
#include "oq_group_machine.h"
#include "oq_http.h"
#include "oq_net.h"
#include "oq_queue.h"
#include "oq_store.h"
#include "oq_transfer.h"
#include "oq_worker_pool.h"

#include <pthread.h>
#include <stdatomic.h>

struct oq_entry;

/* --- groups in memory: catalogue.c ------------------------------------------------------------ */

/* What runs beside a file of the model; same index. */
struct oq_file_run {
    struct oq_transfer *transfer; /* or NULL */
    struct oq_transfer_history history;
    int64_t retry_at_ms;    /* monotonic; 0 = not in back-off */
    bool is_suspect;        /* it was running at the last, unclean end: crash_breaker.c */
    bool is_convicted;      /* and at as many before as it takes */
    uint64_t suspect_bytes; /* until more than these are saved */
};

struct oq_call; /* calls_int.h */

struct oq_entry {
    struct oq_group group;
    struct oq_file_run *runs;     /* group.job.file_count of them; NULL without files */
    struct oq_entry *next, *prev; /* creation order */
    struct oq_entry *next_by_id, *next_by_guid; /* hash chains */
    uint32_t running;                           /* transfers */
    int64_t slice_started_at_ms, waiting_since_ms;
    bool had_slice;         /* since it was resumed */
    uint32_t shown_percent; /* what views said last: see oq_progress_hold */
    bool may_percent_fall;  /* a file was restarted or files were added since */
    uint32_t event_serial;  /* of group.event */
    bool is_event_posted;   /* the port holds it, as of posted_serial */
    uint32_t posted_serial;
    enum oq_group_state state_when_cancelled; /* what old pointers see while it is CANCELLING */
    bool is_owner_absent;
    int64_t owner_retry_at_ms;
    struct oq_failure last_failure; /* transient or fatal; code 0 = none, or it is complete */
    int64_t failed_at_ms;           /* wall clock, of last_failure */
    struct oq_token_bucket bucket;  /* of the group's own limit */
    /* finish.c */
    uint32_t commit_next;      /* index of the next file */
    bool is_commit_running;    /* a file operation is out */
    bool is_commit_incomplete; /* DISCARD: something could not be removed */
    int64_t commit_retry_at_ms;
    uint32_t commit_attempts;
    struct oq_call *waiters; /* for the transfers to stop, or the removal */
};

struct oq_catalogue {
    struct oq_entry *first, *last;
    struct oq_entry **by_id, **by_guid;
    size_t bucket_count, count;
    struct oq_group_view *gone; /* ring of the last groups that went */
    int64_t *gone_ids;
    size_t gone_next, gone_count;
};

#define OQ_GONE_MAX 1024

OQ_MUST_CHECK enum oq_status oq_catalogue_init(struct oq_catalogue *catalogue);
void oq_catalogue_release(struct oq_catalogue *catalogue);
/* Takes what *group holds; OQ_E_NOMEM leaves it with the caller. */
OQ_MUST_CHECK enum oq_status oq_catalogue_add(struct oq_catalogue *catalogue,
                                              struct oq_group *group, struct oq_entry **out);
/* Removes and frees; `last`, unless NULL, is remembered for OQ_GONE_MAX more groups. */
void oq_catalogue_remove(struct oq_catalogue *catalogue, struct oq_entry *entry,
                         const struct oq_group_view *last);
struct oq_entry *oq_catalogue_find(const struct oq_catalogue *catalogue,
                                   int64_t id); /* may be null */
/* The group of that GUID that is not CANCELLING; may be null. */
struct oq_entry *oq_catalogue_find_guid(const struct oq_catalogue *catalogue,
                                        const struct oq_guid *guid);
const struct oq_group_view *oq_catalogue_find_gone(const struct oq_catalogue *catalogue,
                                                   int64_t id); /* may be null */
/* Room for the runs of `count` files. */
OQ_MUST_CHECK enum oq_status oq_entry_reserve_runs(struct oq_entry *entry, uint32_t count);

/* --- the engine ------------------------------------------------------------------------------- */

/* backup.c: the backup that is being made, or NULL, and when its next step is due. */
struct oq_backup {
    struct oq_store_backup *backup;
    int64_t at_ms; /* monotonic */
};

struct oq_engine {
    struct oq_engine_options options; /* its strings are the next three */
    char *database_path, *user_agent, *auth_hosts;
    struct oq_config config;
    const struct oq_clock *clock;
    const struct oq_file_port *files;
    const struct oq_identity_port *identity;
    struct oq_store *store;
    struct oq_net *net;
    struct oq_worker_pool *pool;
    struct oq_transfer_context transfers;
    struct oq_rate_control *rate_control;
    struct oq_queue *requests;
    struct oq_catalogue catalogue;
    const struct oq_event_port *events; /* or NULL */
    uint64_t random;                    /* state of the generator, seeded at start */
    bool needs_schedule;                /* the scheduler has to look again */
    int64_t schedule_at_ms;             /* monotonic: it has to look again then, at the latest */
    int64_t look_at_ms;                 /* monotonic: checkpoints and waiting renames are due */
    int64_t commit_at_ms; /* monotonic: a rename or removal that failed is tried again then */
    int64_t housekeeping_at_ms;
    struct oq_backup backup;
    char repair[512]; /* what had to be done to the database at the start; "" = nothing */

    pthread_t thread;
    bool has_thread;
    struct oq_queue *stopped;   /* closed when the engine thread has saved everything and ends */
    atomic_bool is_stopping;    /* set by any thread */
    atomic_bool must_retry_now; /* set by any thread */
    atomic_bool must_sleep;     /* set by any thread: the machine is about to */
    bool is_asleep;             /* nothing is transferred until then: */
    int64_t asleep_until_ms;
    atomic_uint work_count; /* groups that are ACTIVE, COMMITTING or CANCELLING */
};

static inline int64_t oq_now_ms(const struct oq_engine *engine)
{
    return oq_clock_mono_ms(engine->clock);
}
/* splitmix64: names and jitter need no secrecy, only spread. */
static inline uint64_t oq_engine_random(struct oq_engine *engine)
{
    uint64_t x = engine->random += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* --- change.c: save first, then act ----------------------------------------------------------- */

/* The only way to change a group's state: looks the event up, saves the new state (with
 * `failure`, taken over on success, for OQ_EV_FATAL_ERROR; NULL otherwise), then changes memory
 * and carries out the effects. On any error nothing has changed. */
OQ_MUST_CHECK enum oq_status oq_entry_apply(struct oq_engine *engine, struct oq_entry *entry,
                                            enum oq_group_event event, struct oq_failure *failure,
                                            struct oq_error *err);
/* Saves `next`, a copy of entry->group with some fields changed, and makes it current. A string of
 * `next` that is another pointer than the current one is copied; the old one is freed on success.
 */
OQ_MUST_CHECK enum oq_status oq_entry_save_group(struct oq_engine *engine, struct oq_entry *entry,
                                                 struct oq_group *next, struct oq_error *err);
/* The same for a file of the group's job. */
OQ_MUST_CHECK enum oq_status oq_entry_save_file(struct oq_engine *engine, struct oq_entry *entry,
                                                struct oq_file *next, struct oq_error *err);
/* A file of the group failed: back-off and try again, or the whole group goes to ERROR, as
 * core/oq_errors.h has it. */
void oq_entry_file_failed(struct oq_engine *engine, struct oq_entry *entry, uint32_t file_index,
                          const struct oq_verdict *verdict, int64_t retry_after_ms,
                          const char *text);
/* Remembers a failure for "why does it wait" and "what went wrong last". */
void oq_entry_remember_failure(struct oq_engine *engine, struct oq_entry *entry,
                               const struct oq_verdict *verdict, uint32_t file_index,
                               const char *text);
/* What it remembers; after a restart only what was fatal. code 0: nothing. */
const struct oq_failure *oq_entry_failure(const struct oq_entry *entry);
/* Bytes have been saved: the no-progress period ends, inactivity starts again. */
void oq_entry_progressed(struct oq_engine *engine, struct oq_entry *entry);
/* Saves `expectations` (NULL: none) as those of the file, together with `next`, a copy of it
 * with other fields changed, and makes both current. Takes over expectations, on failure too. */
OQ_MUST_CHECK enum oq_status oq_entry_save_expectations(struct oq_engine *engine,
                                                        struct oq_entry *entry,
                                                        struct oq_file *next,
                                                        struct oq_expectations *expectations,
                                                        struct oq_error *err);
/* If every file is FETCHED or FINAL, the group becomes COMMITTING. */
void oq_entry_commit_if_fetched(struct oq_engine *engine, struct oq_entry *entry);

/* --- transfers.c ------------------------------------------------------------------------------ */

/* When the ports, net, rate control and pool are there. */
void oq_transfers_init(struct oq_engine *engine);
/* Starts to fetch a WAITING file. Failure has been dealt with (back-off or ERROR) on return. */
void oq_transfers_start(struct oq_engine *engine, struct oq_entry *entry, uint32_t file_index);
/* Stops all of the entry: what has arrived is flushed and its offset saved, unless it is to be
 * discarded. They end later; entry->running says when. */
void oq_transfers_stop(const struct oq_entry *entry, bool is_discarded);

/* --- scheduler.c, commit.c, calls.c, events.c, view.c ----------------------------------------- */

/* Asks the scheduler and does what it says. */
void oq_scheduler_run(struct oq_engine *engine);
/* Stops or starts all transfers when the machine goes to sleep or wakes up. Once per iteration
 * of the loop. */
void oq_scheduler_apply_power(struct oq_engine *engine);

/* Continues COMMITTING and CANCELLING groups: one file operation at a time per group. */
void oq_commit_run(struct oq_engine *engine, struct oq_entry *entry);
/* Calls that wait for this group are answered if what they wait for has come: see calls.c. */
void oq_waiters_check(struct oq_entry *entry, bool is_removed);

/* Posts the group's event to the event port, if it has changed or `again`.
 * events.c */
void oq_events_post(struct oq_engine *engine, struct oq_entry *entry, bool again);

void oq_view_of(struct oq_engine *engine, struct oq_entry *entry, struct oq_group_view *view);
/* The view and the names. */
void oq_summary_of(struct oq_engine *engine, struct oq_entry *entry,
                   struct oq_group_summary *summary);

/* backup.c. Run: once per iteration of the loop; takes the next step if it is due at
 * backup.at_ms and no call waits (is_busy). End: before the store is closed; gives an unfinished
 * backup up. */
void oq_backup_init(struct oq_engine *engine);
void oq_backup_run(struct oq_engine *engine, bool is_busy);
void oq_backup_end(struct oq_engine *engine);

/* crash_breaker.c: a transfer starts, has ended; what was left by the last end of the service. */
void oq_breaker_started(struct oq_engine *engine, const struct oq_entry *entry, uint32_t index);
/* False: another file is tried first. */
bool oq_breaker_may_start(const struct oq_engine *engine, const struct oq_entry *entry,
                          uint32_t index);
void oq_breaker_ended(struct oq_engine *engine, const struct oq_entry *entry, uint32_t index);
void oq_breaker_recover(struct oq_engine *engine,
                        void (*hold_back)(struct oq_engine *engine, struct oq_entry *entry,
                                          uint32_t index));
void oq_breaker_stopped(struct oq_engine *engine); /* in an orderly way */

/* Reads the database into the catalogue and starts what was interrupted. */
OQ_MUST_CHECK enum oq_status oq_recover(struct oq_engine *engine, struct oq_error *err);

#endif
