/* oq_rate_control.h - every limit of the rate: which connection has which receive window, and who
 * reads now. Engine thread.
 *
 * Decides with rate/ and acts on connections (flows): sets receive windows, and holds reading back.
 * Flows of one network interface share what cross traffic leaves; flows of one group share the
 * group's own limit, whose token bucket names the group here. Knows no group besides, and no
 * database. docs/rate-control.md explains the method.
 */
#ifndef OQ_RATE_CONTROL_H
#define OQ_RATE_CONTROL_H

#include "oq_net.h"
#include "oq_rate_schedule.h"
#include "oq_token_bucket.h"

struct oq_rate_control;
struct oq_flow;

/* What policy allows now. */
struct oq_rate_policy {
    bool is_paused;                           /* by PauseAll: nothing is downloaded */
    bool is_metered_pause, is_schedule_pause; /* background downloads wait */
    uint64_t limit_bytes_per_s;               /* of all background downloads together; 0 = none */
};

struct oq_flow_options {
    struct oq_net_handle *net; /* its request, which has got its first byte */
    /* Of the group's own limit, shared by its flows; borrowed until they are removed. */
    struct oq_token_bucket *group;
    uint64_t group_bytes_per_s; /* that limit; 0 = none */
    bool is_foreground;
    int64_t id; /* for the log */
};

/* The clock and the port (NULL: windows are never set) are borrowed. OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_rate_control_new(const struct oq_clock *clock,
                                                 const struct oq_link_port *link,
                                                 const struct oq_config *config,
                                                 const struct oq_rate_schedule *schedule,
                                                 struct oq_rate_control **out);
void oq_rate_control_free(struct oq_rate_control *control); /* NULL is allowed */
/* Policy has changed: idle_throttle, max_rate_kbits, metered_networks and pause_all of config, and
 * the schedule; both are copied. True: what may run has changed. */
bool oq_rate_control_set_policy(struct oq_rate_control *control, const struct oq_config *config,
                                const struct oq_rate_schedule *schedule);

/* NULL when out of memory: the request then runs without limits, rather than not at all. */
struct oq_flow *oq_rate_control_add(struct oq_rate_control *control,
                                    const struct oq_flow_options *options);
/* Before the request is closed. A flow that is NULL is allowed, here and below. */
void oq_rate_control_remove(struct oq_rate_control *control, struct oq_flow *flow);
/* Bytes of its body have been read. */
void oq_rate_control_received(struct oq_rate_control *control, struct oq_flow *flow,
                              uint64_t bytes);
/* The group has changed to the foreground, or has another limit (0 = none): in effect at once. */
void oq_rate_control_set_group(struct oq_rate_control *control, struct oq_token_bucket *group,
                               bool is_foreground, uint64_t bytes_per_s);

/* Does what is due, once per turn of the loop. True: what may run has changed. */
bool oq_rate_control_step(struct oq_rate_control *control);
/* Monotonic ms of the next step. */
int64_t oq_rate_control_due_ms(const struct oq_rate_control *control);
/* May a request run now? Not while policy pauses it. */
bool oq_rate_control_may_run(const struct oq_rate_control *control, bool is_foreground);
/* Borrowed. */
const struct oq_rate_policy *oq_rate_control_policy(const struct oq_rate_control *control);
/* What limits the flows of a group now, the rate in bytes per second that this leaves, and since
 * when (monotonic). */
enum oq_limit oq_rate_control_limit(const struct oq_rate_control *control,
                                    const struct oq_token_bucket *group, uint64_t *bytes_per_s,
                                    int64_t *since_us);

#endif
