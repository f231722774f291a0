/* oq_engine.h - the engine: owner of every group, job and file, of the database and of the network.
 *
 * One thread owns all domain state. The functions below may be called from any other thread: each
 * puts a request into a bounded queue, wakes the engine and waits for its reply, at most
 * config.reply_timeout_ms. They return OQ_E_BUSY when the queue is full or no reply came in time,
 * OQ_E_STOPPING once a stop has begun, OQ_E_NOMEM; and what is said at each. A call that returned
 * OQ_OK is durable. Nothing here may be called from within a port.
 *
 * Groups are named by oq_engine ids (int64_t, never reused); open/create/find give them. Every call
 * takes the caller and checks the access table (core/oq_group_machine.h): OQ_E_ACCESS_DENIED,
 * OQ_E_NOT_FOUND. A group that is gone (cancelled, expired) can be read (its last values);
 * changes with OQ_E_INVALID_STATE (contract D15); the engine remembers the last 1,024 of them,
 * older ones are OQ_E_NOT_FOUND.
 */
#ifndef OQ_ENGINE_H
#define OQ_ENGINE_H

#include "oq_clock.h"
#include "oq_config.h"
#include "oq_files.h"
#include "oq_hash.h"
#include "oq_identity.h"
#include "oq_link.h"
#include "oq_model.h"
#include "oq_network.h"
#include "oq_rate_schedule.h"
#include "oq_progress.h"
#include "oq_token_bucket.h"

struct oq_engine;

struct oq_engine_options {
    struct oq_config config;
    const struct oq_clock *clock; /* borrowed, as are the ports; they outlive the engine */
    const struct oq_file_port *files;
    const struct oq_identity_port *identity;
    const struct oq_network_port *network;        /* NULL = nothing to prepare (native tests) */
    const struct oq_link_port *link;              /* NULL = windows are never touched */
    const struct oq_rate_schedule *rate_schedule; /* copied; NULL = none */
    const struct oq_hash_port *hash; /* NULL = no hash is ever looked at, nor can be asked for */
    const char *database_path;       /* copied */
    const char *database_vfs;        /* NULL; tests: the failing VFS */
    const char *user_agent;          /* copied */
    const char *auth_hosts; /* copied; who may be shown who the owner is: a list as in oq_proxy.h,
                                 NULL = none */
    bool allow_posix_paths; /* native tests only */
    int64_t backup_interval_ms; /* between two backup copies of a queue that changes; 0 = 10 min */
};

/* Opens the database, recovers, starts the threads. A damaged database is set aside and replaced by
 * what can be saved (oq_store_open_safe), and the engine runs. The errors of oq_store_open_safe;
 * OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_engine_new(const struct oq_engine_options *options,
                                           struct oq_engine **out, struct oq_error *err);
/* Refuses new calls at once, stops transfers, flushes, saves offsets, ends the threads. Returns
 * when all that is done or after timeout_ms with OQ_E_TIMEOUT (what was not saved is then fetched
 * again after the next start). May be called from any thread, once. */
enum oq_status oq_engine_stop(struct oq_engine *engine, int64_t timeout_ms);
/* What had to be done to a damaged database at the start, a sentence for the event log; NULL =
 * nothing. Borrowed until oq_engine_free; any thread. */
const char *oq_engine_get_repair(const struct oq_engine *engine);
/* After oq_engine_stop (calls it if that was not done). NULL is allowed. */
void oq_engine_free(struct oq_engine *engine);

/* Something outside changed: a network came up, a user logged on, configuration. Back-off ends,
 * owners are looked up again. Does not wait. */
void oq_engine_retry_now(struct oq_engine *engine);
/* The machine is about to sleep: every transfer stops, with its bytes flushed and its offset saved,
 * and none starts before oq_engine_wake, or before two minutes have passed in which the machine did
 * not sleep after all. Groups stay as they are; calls work. Does not wait. */
void oq_engine_sleep(struct oq_engine *engine);
/* The machine is awake: transfers continue, on new connections; as after oq_engine_retry_now.
 * Does not wait. */
void oq_engine_wake(struct oq_engine *engine);
/* Policy has changed: takes over idle_throttle, max_rate_kbits, metered_networks and pause_all of
 * config, and the rate schedule. In effect when it returns. OQ_E_BUSY,
 * OQ_E_STOPPING, OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_engine_set_policy(struct oq_engine *engine,
                                                  const struct oq_config *config,
                                                  const struct oq_rate_schedule *rate_schedule,
                                                  struct oq_error *err);
/* What holds for all downloads now. */
struct oq_policy_view {
    bool idle_throttle;
    uint32_t max_rate_kbits;    /* as set; 0 = no limit */
    bool is_pause_all;          /* by PauseAll: nothing is downloaded */
    bool is_metered_pause;      /* by a metered network: background downloads wait */
    bool is_schedule_pause;     /* by the schedule, likewise */
    uint64_t limit_bytes_per_s; /* of all background downloads together; 0 = no limit */
};
/* For everybody. OQ_E_BUSY, OQ_E_STOPPING, OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_engine_view_policy(struct oq_engine *engine,
                                                   const struct oq_caller *caller,
                                                   struct oq_policy_view *view,
                                                   struct oq_error *err);
/* Is there any group that is ACTIVE, COMMITTING or CANCELLING? Does not wait. */
bool oq_engine_has_work(struct oq_engine *engine);

/* --- the queue -------------------------------------------------------------------------------- */

/* New SUSPENDED empty group owned by the caller. OQ_E_INVALID_ARG for the null GUID, OQ_E_EXISTS,
 * OQ_E_LIMIT_USER, OQ_E_LIMIT_MACHINE (not for administrators). */
OQ_MUST_CHECK enum oq_status oq_engine_create_group(struct oq_engine *engine,
                                                    const struct oq_caller *caller,
                                                    const struct oq_guid *guid, int64_t *group,
                                                    struct oq_error *err);
/* GetGroup: OQ_E_NOT_FOUND also for somebody else's group; an administrator becomes the owner
 * (durable). */
OQ_MUST_CHECK enum oq_status oq_engine_get_group(struct oq_engine *engine,
                                                 const struct oq_caller *caller,
                                                 const struct oq_guid *guid, int64_t *group,
                                                 struct oq_error *err);
/* The same without taking over: the owner stays. OQ_E_NOT_FOUND as
 * above.
 */
OQ_MUST_CHECK enum oq_status oq_engine_peek_group(struct oq_engine *engine,
                                                  const struct oq_caller *caller,
                                                  const struct oq_guid *guid, int64_t *group,
                                                  struct oq_error *err);
/* GUIDs of the groups the caller may list, in creation order. New array (oq_free), NULL when *count
 * is 0. */
OQ_MUST_CHECK enum oq_status oq_engine_list_groups(struct oq_engine *engine,
                                                   const struct oq_caller *caller,
                                                   struct oq_guid **guids, size_t *count,
                                                   struct oq_error *err);

/* --- a group ---------------------------------------------------------------------------------- */

enum oq_text_prop { OQ_TEXT_DISPLAY_NAME, OQ_TEXT_DESCRIPTION, OQ_TEXT_NOTIFY_CLSID };

/* Everything about a group but its files and texts, copied at one moment. No pointers. */
struct oq_group_view {
    struct oq_guid guid;
    bool is_gone; /* cancelled or expired; the rest is as it was last */
    enum oq_group_state state;
    enum oq_activity activity;
    bool is_foreground;
    bool has_job;
    struct oq_guid job_guid;
    struct oq_progress progress;
    uint64_t rate_bytes_per_s; /* of the last few seconds, all files of the group */
    uint32_t notify_flags;
    uint32_t retries;
    uint32_t error_code, error_win32, error_http,
        error_file;             /* of the last failure, transient or fatal; none once COMPLETE */
    char error_text[256];       /* "" = none */
    int64_t error_at_ms;        /* wall clock: when the failure was met; 0 = none */
    int64_t backoff_left_ms;    /* while activity is BACKOFF: time to the next attempt, else 0 */
    enum oq_limit limit;        /* while TRANSFERRING */
    uint64_t limit_bytes_per_s; /* what it gets, with limit other than NONE */
    int64_t limit_ms;           /* for how long it has been so */
    uint64_t max_bytes_per_s;   /* the group's own limit; 0 = none */
    uint32_t groups_ahead;      /* while QUEUED: background groups that have a place now */
    int64_t created_at_ms, changed_at_ms;
    char owner_sid[192];
};

OQ_MUST_CHECK enum oq_status oq_engine_view_group(struct oq_engine *engine,
                                                  const struct oq_caller *caller, int64_t group,
                                                  struct oq_group_view *view, struct oq_error *err);

#define OQ_SUMMARY_TEXT 800 /* bytes: 256 UTF-16 units of UTF-8, and some more */

/* What a list of downloads shows of a group: its view and its names. No pointers. Names that are
 * longer are cut between characters. */
struct oq_group_summary {
    int64_t group; /* grows in the order in which the groups were created */
    struct oq_group_view view;
    char display_name[OQ_SUMMARY_TEXT]; /* "" for a group that is gone, too */
    char first_file[OQ_SUMMARY_TEXT];   /* local name of its first file without the folder */
};
OQ_MUST_CHECK enum oq_status oq_engine_summarise_group(struct oq_engine *engine,
                                                       const struct oq_caller *caller,
                                                       int64_t group,
                                                       struct oq_group_summary *summary,
                                                       struct oq_error *err);
/* The same of the groups that the caller may list, in creation order: of those behind `after` (0:
 * from the first), at most `most`. *is_more: there are others behind them. New array (oq_free),
 * NULL when *count is 0. */
OQ_MUST_CHECK enum oq_status oq_engine_summarise_groups(
    struct oq_engine *engine, const struct oq_caller *caller, int64_t after, uint32_t most,
    struct oq_group_summary **summaries, size_t *count, bool *is_more, struct oq_error *err);

/* New string (oq_free). */
OQ_MUST_CHECK enum oq_status oq_engine_get_text(struct oq_engine *engine,
                                                const struct oq_caller *caller, int64_t group,
                                                enum oq_text_prop prop, char **text,
                                                struct oq_error *err);
/* OQ_E_INVALID_ARG above the property's length. */
OQ_MUST_CHECK enum oq_status oq_engine_set_text(struct oq_engine *engine,
                                                const struct oq_caller *caller, int64_t group,
                                                enum oq_text_prop prop, const char *text,
                                                struct oq_error *err);
/* OQ_E_NOT_SUPPORTED for a bit outside 0x44 (D24). */
OQ_MUST_CHECK enum oq_status oq_engine_set_notify_flags(struct oq_engine *engine,
                                                        const struct oq_caller *caller,
                                                        int64_t group, uint32_t flags,
                                                        struct oq_error *err);
/* OQ_E_EMPTY without files; from ERROR it retries; ACTIVE, COMMITTING and COMPLETE stay as they are
 * (D2, D3), but an ACTIVE group in back-off tries again at once. */
OQ_MUST_CHECK enum oq_status oq_engine_resume(struct oq_engine *engine,
                                              const struct oq_caller *caller, int64_t group,
                                              struct oq_error *err);
/* Returns after the transfers have stopped and their offsets are saved. */
OQ_MUST_CHECK enum oq_status oq_engine_suspend(struct oq_engine *engine,
                                               const struct oq_caller *caller, int64_t group,
                                               struct oq_error *err);
/* Returns after FETCHED files have their final names and temporary files are removed, or when that
 * takes too long (it continues then, also after a restart). */
OQ_MUST_CHECK enum oq_status oq_engine_cancel(struct oq_engine *engine,
                                              const struct oq_caller *caller, int64_t group,
                                              struct oq_error *err);
OQ_MUST_CHECK enum oq_status oq_engine_set_foreground(struct oq_engine *engine,
                                                      const struct oq_caller *caller, int64_t group,
                                                      struct oq_error *err);

/* The group's own limit in bytes per second, 0 = none; durable, and in effect at once.
 * OQ_E_INVALID_ARG above OQ_GROUP_RATE_MOST. */
OQ_MUST_CHECK enum oq_status oq_engine_set_max_rate(struct oq_engine *engine,
                                                    const struct oq_caller *caller, int64_t group,
                                                    uint64_t bytes_per_s, struct oq_error *err);

/* --- events ----------------------------------------------------------------------------------- */

/* What a client is notified of (contract section 8). A group has at most one event that
 * is not acknowledged; it is in the database, so it survives a restart. */
struct oq_event {
    int64_t group;
    struct oq_guid group_guid, job_guid;
    bool has_job;
    bool is_gone;    /* the group was cancelled or has expired: the last word about it */
    uint32_t serial; /* of this event; oq_engine_acknowledge wants it back */
    enum oq_event_kind
        kind; /* OQ_EVENT_NONE: nothing to tell any more, an earlier event is withdrawn */
    uint32_t file_index; /* or OQ_NO_FILE */
    uint32_t retries, win32, http;
};

struct oq_event_port {
    void *ctx;
    /* On the engine thread: must not block and must not call the engine. The event is the latest
     * word about its group and replaces earlier ones. Flags are respected: what the group's
     * NOTIFYFLAGS do not ask for comes as OQ_EVENT_NONE. */
    void (*post)(void *ctx, const struct oq_event *event);
};

/* From now on events go to `port` (borrowed), beginning with all that are pending; NULL: to none.
 * When it returns the earlier port is not used any more. */
OQ_MUST_CHECK enum oq_status oq_engine_listen(struct oq_engine *engine,
                                              const struct oq_event_port *port,
                                              struct oq_error *err);
/* Posts the group's pending event again, as after a client has registered. OQ_E_NOT_FOUND for a
 * group that is gone. */
OQ_MUST_CHECK enum oq_status oq_engine_repeat_event(struct oq_engine *engine, int64_t group,
                                                    struct oq_error *err);
/* The client's callback has returned S_OK: the event is forgotten, durably. OQ_OK also if
 * another event has taken its place meanwhile or the group is gone. */
OQ_MUST_CHECK enum oq_status oq_engine_acknowledge(struct oq_engine *engine, int64_t group,
                                                   uint32_t serial, struct oq_error *err);

/* --- its job ---------------------------------------------------------------------------------- */

/* With a job already there: OQ_E_INVALID_STATE if the group is ACTIVE or COMMITTING, else
 * OQ_E_NOT_SUPPORTED (D16). Null or used GUID: OQ_E_INVALID_ARG. */
OQ_MUST_CHECK enum oq_status oq_engine_create_job(struct oq_engine *engine,
                                                  const struct oq_caller *caller, int64_t group,
                                                  const struct oq_guid *guid, struct oq_error *err);

struct oq_file_spec {
    const char *remote, *local;
};
/* All or nothing. OQ_E_INVALID_ARG (names; a missing folder too, D22), OQ_E_ACCESS_DENIED (the
 * caller may not write there; checked on the calling thread), OQ_E_INVALID_STATE (complete or
 * gone), OQ_E_LIMIT_FILES. err->file_index is the index within specs. */
OQ_MUST_CHECK enum oq_status oq_engine_add_files(struct oq_engine *engine,
                                                 const struct oq_caller *caller, int64_t group,
                                                 const struct oq_file_spec *specs, uint32_t count,
                                                 struct oq_error *err);

/* A copy of one file's state. */
struct oq_file_view {
    char *remote, *local, *temp_path, *validator; /* owned; temp_path and validator may be NULL */
    enum oq_file_state state;
    bool is_running;
    bool is_waiting;                 /* failed for now, and is tried again later */
    uint64_t size_bytes, done_bytes; /* done: received so far */
    uint64_t rate_bytes_per_s;
};
/* OQ_E_NOT_FOUND for an index beyond the files. Release with oq_file_view_release. */
OQ_MUST_CHECK enum oq_status oq_engine_view_file(struct oq_engine *engine,
                                                 const struct oq_caller *caller, int64_t group,
                                                 uint32_t index, struct oq_file_view *view,
                                                 struct oq_error *err);
void oq_file_view_release(struct oq_file_view *view);

#endif
