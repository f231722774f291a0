/* requests_int.h - a call of oq_engine.h on its way to the engine thread and back.
 *
 * The caller fills a request with copies, pushes it, and waits. It has two references: the caller's
 * and the engine's, so that a caller who gives up leaves nothing dangling. A request that nobody
 * waits for any more is not begun.
 */
#ifndef CALLS_INT_H
#define CALLS_INT_H

#include "engine_int.h"

#include "oq_group_machine.h"

enum oq_wait { OQ_WAIT_NOTHING, OQ_WAIT_STOPPED, OQ_WAIT_REMOVED };

struct oq_request {
    /* Engine thread. Sets status and results; or sets waits_for and is kept in entry->waiters. */
    void (*handle)(struct oq_engine *engine, struct oq_request *request);

    char *sid; /* the caller */
    bool is_admin;

    int64_t group;
    struct oq_guid guid;
    enum oq_text_prop prop;
    uint64_t rate;            /* SetMaxRate */
    struct oq_policy *policy; /* owned */
    uint32_t number;          /* flags, file index or serial */
    const struct oq_event_port *port;
    char *text;            /* in or out */
    struct oq_file *files; /* AddFiles: names only; taken by the handler on success */
    uint32_t file_count;

    struct oq_guid *guids; /* results */
    size_t guid_count;
    struct oq_group_view view;
    struct oq_group_summary *summaries; /* summary_count of them; `number` at most */
    size_t summary_count;
    bool is_more;
    struct oq_policy_view policy_view;
    struct oq_file_view file_view;

    void *data; /* of a family of calls with a file of its own, both ways; or NULL */
    void (*free_data)(void *data);

    enum oq_status status;
    struct oq_error error;

    enum oq_wait waits_for;
    struct oq_request *next_waiter;
    struct oq_queue *reply; /* the request itself is pushed when it is done */
    atomic_uint references;
    atomic_bool is_abandoned;
};

/* What oq_engine_set_policy hands over. */
struct oq_policy {
    struct oq_config config;
    struct oq_rate_schedule rate_schedule;
};

/* Answers the caller and drops the engine's reference. */
void oq_request_finish(struct oq_request *request);
void oq_request_unref(struct oq_request *request);

/* For calls that have a file of their own: a new request, NULL when out of memory; sending it (NULL
 * is OQ_E_NOMEM) and waiting, after which the caller still has its reference. requests.c */
struct oq_request *oq_request_new(void (*handle)(struct oq_engine *, struct oq_request *),
                                  const struct oq_caller *caller, int64_t group);
OQ_MUST_CHECK enum oq_status oq_request_ask(struct oq_engine *engine, struct oq_request *request,
                                            struct oq_error *err);
/* The group of the request, if the caller may do that with it; else NULL and the status is set.
 * handlers.c */
struct oq_entry *oq_request_find(struct oq_engine *engine, struct oq_request *request,
                                 enum oq_access_verb verb);

/* handlers.c */
void oq_handle_create_group(struct oq_engine *engine, struct oq_request *request);
void oq_handle_get_group(struct oq_engine *engine, struct oq_request *request);
void oq_handle_peek_group(struct oq_engine *engine, struct oq_request *request);
void oq_handle_list_groups(struct oq_engine *engine, struct oq_request *request);
void oq_handle_view_group(struct oq_engine *engine, struct oq_request *request);
/* view.c; of the one group, or of those behind request->group */
void oq_handle_summarise_group(struct oq_engine *engine, struct oq_request *request);
void oq_handle_summarise_groups(struct oq_engine *engine, struct oq_request *request);
void oq_handle_get_text(struct oq_engine *engine, struct oq_request *request);
void oq_handle_set_text(struct oq_engine *engine, struct oq_request *request);
void oq_handle_set_notify_flags(struct oq_engine *engine, struct oq_request *request);
void oq_handle_resume(struct oq_engine *engine, struct oq_request *request);
void oq_handle_suspend(struct oq_engine *engine, struct oq_request *request);
void oq_handle_cancel(struct oq_engine *engine, struct oq_request *request);
void oq_handle_set_max_rate(struct oq_engine *engine, struct oq_request *request);
void oq_handle_set_policy(struct oq_engine *engine, struct oq_request *request);
void oq_handle_view_policy(struct oq_engine *engine, struct oq_request *request);
void oq_handle_set_foreground(struct oq_engine *engine, struct oq_request *request);
void oq_handle_create_job(struct oq_engine *engine, struct oq_request *request);
void oq_handle_add_files(struct oq_engine *engine, struct oq_request *request);
void oq_handle_listen(struct oq_engine *engine,
                      struct oq_request *request); /* events.c, as the next two */
void oq_handle_repeat_event(struct oq_engine *engine, struct oq_request *request);
void oq_handle_acknowledge(struct oq_engine *engine, struct oq_request *request);
void oq_handle_view_file(struct oq_engine *engine, struct oq_request *request);

#endif
