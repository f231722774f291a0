/* rate_control.c - see oq_rate_control.h. Engine thread. */
#include "oq_rate_control.h"

#include "net_int.h"
#include "oq_alloc.h"
#include "oq_cross_traffic.h"
#include "oq_log.h"
#include "oq_window_controller.h"

#include <stdio.h>
#include <string.h>

#define STEP_US 40000
#define SAMPLE_US 90000  /* of an interface's counter */
#define POLICY_US 500000 /* policy is in effect within 2 s of a change of the hour */
#define LOG_US 1000000   /* one line per connection and second, at the log's finest level */
#define PEERS 64
#define PEER_US INT64_C(600000000) /* the base RTT to a host is believed for 10 minutes */
#define LIMIT_LOG_US 2000000       /* a limit is logged when it has lasted so long */

/* A network interface in use. */
struct netif {
    struct netif *next;
    uint64_t id;
    bool is_counted; /* its counter can be read */
    struct oq_cross_traffic traffic;
    uint64_t own_bytes; /* received by our background connections, ever */
    /* of this step */
    unsigned sharers;
    double own_rate;
    uint64_t unread_bytes; /* they have come, and reading is held back */
};

struct oq_flow {
    struct oq_flow *next;
    struct oq_net_handle *net;
    struct oq_token_bucket *group;
    bool is_foreground;
    int64_t id;
    int64_t socket;      /* -1: not known, then its window cannot be set */
    struct netif *netif; /* NULL: none, or not known */
    bool is_controlled;  /* by the window controller */
    bool is_paused;      /* now */
    bool was_limited;    /* by a token bucket, since the last step */
    bool is_resuming;    /* bytes that come now were kept while it was paused */
    bool has_tcp;        /* the system may know its RTT */
    struct oq_window_controller window;
    struct oq_token_bucket bucket; /* cross traffic of this computer, where windows are not set */
    uint64_t window_bytes;         /* as set; 0 = never */
    double highest_rate;           /* as of the last step, bytes per ms; 0 = no limit */
    enum oq_limit highest_why;
    enum oq_limit limit, logged_limit; /* what limits it as of the last step, and of the log */
    int64_t limit_us;                  /* since when */
    char peer[64];
};

/* Base RTTs of hosts, so that the next connection need not learn them from its own queue. */
struct peer {
    char address[64];
    double base_ms; /* 0 = not known */
    int64_t at_us;
};

struct oq_rate_control {
    const struct oq_clock *clock;
    const struct oq_link_port *link; /* or NULL */
    struct oq_config config;
    struct oq_rate_schedule schedule;
    struct netif *netifs;
    struct oq_flow *flows;
    struct oq_token_bucket bucket; /* of all background flows */
    bool is_paced;                 /* the system does not follow windows that are set */
    int64_t step_us, policy_us, log_us;
    struct oq_rate_policy policy;
    struct peer peers[PEERS];
    unsigned next_peer;
};

static int64_t now_us(const struct oq_rate_control *control)
{
    return oq_clock_mono_us(control->clock);
}

enum oq_status oq_rate_control_new(const struct oq_clock *clock, const struct oq_link_port *link,
                                   const struct oq_config *config,
                                   const struct oq_rate_schedule *schedule,
                                   struct oq_rate_control **out)
{
    struct oq_rate_control *control = oq_calloc(1, sizeof *control);
    if (!control)
        return OQ_E_NOMEM;
    control->clock = clock;
    control->link = link;
    oq_token_bucket_init(&control->bucket, now_us(control), 0);
    (void)oq_rate_control_set_policy(control, config, schedule);
    *out = control;
    return OQ_OK;
}

void oq_rate_control_free(struct oq_rate_control *control)
{
    if (!control)
        return;
    while (control->flows)
        oq_rate_control_remove(control, control->flows);
    while (control->netifs) {
        struct netif *netif = control->netifs;
        control->netifs = netif->next;
        oq_free(netif);
    }
    oq_free(control);
}

/* --- netifs and hosts --------------------------------------------------------------------- */

/* The interface of that number; made when it is new. NULL when out of memory. */
static struct netif *netif_of(struct oq_rate_control *control, uint64_t id)
{
    struct netif *netif = control->netifs;
    while (netif && netif->id != id)
        netif = netif->next;
    if (netif)
        return netif;
    netif = oq_calloc(1, sizeof *netif);
    if (!netif)
        return NULL;
    netif->id = id;
    netif->is_counted = control->link->octets != NULL;
    oq_cross_traffic_init(&netif->traffic);
    netif->next = control->netifs;
    control->netifs = netif;
    return netif;
}

/* Which interface the flow uses now. False: none, it stays within this computer. */
static bool find_netif(struct oq_rate_control *control, struct oq_flow *flow)
{
    struct oq_link_interface found = {0};
    flow->netif = NULL;
    if (!control->link || !control->link->find || !flow->peer[0])
        return control->link != NULL;
    if (control->link->find(control->link->ctx, flow->peer, &found) != OQ_OK)
        return true;
    if (found.is_loopback)
        return false;
    flow->netif = netif_of(control, found.id);
    return true;
}

static double known_base_ms(const struct oq_rate_control *control, const char *address)
{
    for (unsigned i = 0; i < PEERS; i++)
        if (control->peers[i].base_ms > 0 && strcmp(control->peers[i].address, address) == 0 &&
            now_us(control) - control->peers[i].at_us < PEER_US)
            return control->peers[i].base_ms;
    return 0;
}

static void remember_base(struct oq_rate_control *control, const struct oq_flow *flow)
{
    struct peer *peer = NULL;
    if (!flow->is_controlled || flow->window.base_ms <= 0 || !flow->peer[0] ||
        flow->window.mode == OQ_WINDOW_YIELD)
        return;
    for (unsigned i = 0; i < PEERS && !peer; i++)
        if (strcmp(control->peers[i].address, flow->peer) == 0)
            peer = &control->peers[i];
    if (!peer) { /* in place of the oldest one */
        peer = &control->peers[control->next_peer];
        control->next_peer = (control->next_peer + 1) % PEERS;
    }
    snprintf(peer->address, sizeof peer->address, "%s", flow->peer);
    peer->base_ms = flow->window.base_ms;
    peer->at_us = now_us(control);
}

/* --- flows ------------------------------------------------------------------------------------ */

static int64_t wait_us(struct oq_rate_control *control, struct oq_flow *flow)
{
    int64_t now = now_us(control), of_group = oq_token_bucket_wait_us(flow->group, now);
    int64_t of_all = flow->is_foreground ? 0 : oq_token_bucket_wait_us(&control->bucket, now);
    int64_t of_flow = flow->is_controlled ? oq_token_bucket_wait_us(&flow->bucket, now) : 0;
    int64_t most = of_group > of_all ? of_group : of_all;
    return most > of_flow ? most : of_flow;
}

/* Pauses or resumes reading, as limits and the window controller want it now. */
static void pause_or_resume(struct oq_rate_control *control, struct oq_flow *flow)
{
    bool is_limited = wait_us(control, flow) > 0;
    bool is_paused =
        is_limited || (flow->is_controlled && oq_window_controller_pause_us(&flow->window) != 0);
    flow->was_limited = flow->was_limited || is_limited;
    if (is_paused == flow->is_paused)
        return;
    flow->is_paused = is_paused; /* first: resuming brings what was kept at once */
    flow->is_resuming = !is_paused;
    oq_net_hold(flow->net, OQ_HOLD_LIMIT, is_paused);
    flow->is_resuming = false;
}

static void set_window(struct oq_flow *flow, uint64_t bytes)
{
    if (bytes != flow->window_bytes && oq_tcp_socket_set_window(flow->socket, bytes))
        flow->window_bytes = bytes;
}

static void take_control(struct oq_rate_control *control, struct oq_flow *flow)
{
    double base_ms = known_base_ms(control, flow->peer);
    double handshake_ms = flow->net->handshake_ms;
    if (base_ms == 0 || (handshake_ms > 0 && handshake_ms < base_ms))
        base_ms = handshake_ms;
    flow->is_controlled = true;
    oq_window_controller_init(
        &flow->window, now_us(control), base_ms,
        control->link && control->link->window_factor > 0 ? control->link->window_factor : 1);
    oq_token_bucket_init(&flow->bucket, now_us(control), 0);
    if (control->is_paced)
        oq_window_controller_set_paced(&flow->window, now_us(control));
    else
        set_window(flow, OQ_WINDOW_BEGIN);
}

static void release_control(struct oq_rate_control *control, struct oq_flow *flow)
{
    bool was_set = flow->window_bytes > 0;
    flow->is_controlled = false;
    if (was_set)
        set_window(flow, OQ_WINDOW_MOST);
    pause_or_resume(control, flow);
}

/* Decides whether the window of the flow is controlled: it, its interface or policy has changed. */
static void update_control(struct oq_rate_control *control, struct oq_flow *flow)
{
    bool must_control =
        !flow->is_foreground && control->config.idle_throttle != 0 && find_netif(control, flow);
    if (must_control && !flow->is_controlled)
        take_control(control, flow);
    else if (!must_control && (flow->is_controlled || flow->window_bytes == 0))
        release_control(control, flow);
}

struct oq_flow *oq_rate_control_add(struct oq_rate_control *control,
                                    const struct oq_flow_options *options)
{
    struct oq_flow *flow = oq_calloc(1, sizeof *flow);
    struct oq_net_handle *net = options->net;
    if (!flow)
        return NULL;
    oq_token_bucket_set_rate(options->group, now_us(control), options->group_bytes_per_s);
    flow->net = net;
    flow->group = options->group;
    flow->is_foreground = options->is_foreground;
    flow->id = options->id;
    flow->socket = oq_tcp_socket_find(net->net->sockets, net->easy);
    flow->has_tcp = control->link && control->link->tcp;
    snprintf(flow->peer, sizeof flow->peer, "%s", oq_tcp_socket_peer(net->easy));
    flow->next = control->flows;
    control->flows = flow;
    if (control->step_us == 0)
        control->step_us = now_us(control) + STEP_US;
    update_control(control, flow);
    /* A connection that was a background flow's. */
    if (!flow->is_controlled && oq_tcp_socket_is_small(flow->socket))
        set_window(flow, OQ_WINDOW_MOST);
    return flow;
}

void oq_rate_control_remove(struct oq_rate_control *control, struct oq_flow *flow)
{
    if (!flow)
        return;
    struct oq_flow **link = &control->flows;
    remember_base(control, flow);
    while (*link != flow)
        link = &(*link)->next;
    *link = flow->next;
    oq_free(flow);
    if (!control->flows)
        control->step_us = 0;
}

void oq_rate_control_received(struct oq_rate_control *control, struct oq_flow *flow, uint64_t bytes)
{
    if (!flow)
        return;
    int64_t now = now_us(control);
    oq_token_bucket_take(flow->group, now, bytes);
    oq_token_bucket_take(&flow->bucket, now, bytes);
    if (!flow->is_foreground)
        oq_token_bucket_take(&control->bucket, now, bytes);
    if (flow->is_controlled && flow->is_resuming)
        oq_window_controller_receive_kept(&flow->window, now, bytes);
    else if (flow->is_controlled)
        oq_window_controller_receive(&flow->window, now, flow->net->net->woken_us, bytes);
    if (flow->netif && !flow->is_foreground)
        flow->netif->own_bytes += bytes;
    pause_or_resume(control, flow);
}

/* --- the step --------------------------------------------------------------------------------- */

static void sample_netifs(struct oq_rate_control *control, int64_t now)
{
    for (struct netif *netif = control->netifs; netif; netif = netif->next) {
        netif->sharers = 0;
        netif->own_rate = 0;
        netif->unread_bytes = 0;
    }
    for (struct oq_flow *flow = control->flows; flow; flow = flow->next)
        if (flow->netif && flow->is_controlled) {
            flow->netif->sharers++;
            flow->netif->own_rate += flow->window.rate;
            if (flow->is_paused) {
                int64_t unread = oq_tcp_socket_unread(flow->socket);
                flow->netif->unread_bytes += unread > 0 ? (uint64_t)unread : 0;
            }
        }
    for (struct netif *netif = control->netifs; netif; netif = netif->next) {
        uint64_t octets = 0;
        if (netif->sharers == 0 || now - netif->traffic.at_us < SAMPLE_US)
            continue;
        if (netif->is_counted &&
            control->link->octets(control->link->ctx, netif->id, &octets) != OQ_OK) {
            /* It is gone: its flows use another one now, or none. */
            for (struct oq_flow *flow = control->flows; flow; flow = flow->next)
                if (flow->netif == netif)
                    update_control(control, flow);
            continue;
        }
        oq_cross_traffic_sample(&netif->traffic, now, netif->is_counted, octets,
                                netif->own_bytes + netif->unread_bytes);
    }
}

/* Flows that share a limit: a group's, or with NULL that of all in the background. */
static unsigned count_sharers(const struct oq_rate_control *control,
                              const struct oq_token_bucket *group)
{
    unsigned sharers = 0;
    for (const struct oq_flow *flow = control->flows; flow; flow = flow->next)
        sharers += group ? flow->group == group : !flow->is_foreground;
    return sharers > 0 ? sharers : 1;
}

static void lower(struct oq_flow *flow, double rate, enum oq_limit why)
{
    if (flow->highest_rate > 0 && flow->highest_rate <= rate)
        return;
    flow->highest_rate = rate;
    flow->highest_why = why;
}

/* The rate that policy, group and this computer's cross traffic leave for the flow. */
static void find_highest_rate(const struct oq_rate_control *control, struct oq_flow *flow)
{
    flow->highest_rate = 0;
    if (control->bucket.rate > 0 && !flow->is_foreground)
        lower(flow, (double)control->bucket.rate / 1000 / count_sharers(control, NULL),
              OQ_LIMIT_POLICY);
    if (flow->group->rate > 0)
        lower(flow, (double)flow->group->rate / 1000 / count_sharers(control, flow->group),
              OQ_LIMIT_GROUP);
    if (flow->netif && flow->is_controlled && flow->netif->traffic.available > 0 &&
        flow->netif->sharers > 0)
        lower(flow, flow->netif->traffic.available / flow->netif->sharers, OQ_LIMIT_OTHERS_HERE);
}

static void ask_system(struct oq_rate_control *control, struct oq_flow *flow)
{
    struct oq_link_tcp tcp = {0};
    if (!flow->has_tcp)
        return;
    enum oq_status status = control->link->tcp(control->link->ctx, flow->socket, &tcp);
    if (status == OQ_OK && tcp.least_us > 0)
        oq_window_controller_hint_base(&flow->window, tcp.least_us / 1000.0);
    else if (status != OQ_OK)
        flow->has_tcp = false;
}

/* The system does not follow: that holds for all connections of this process. New ones are made
 * with a smaller buffer, since all of it arrives while reading pauses. */
static void stop_setting_windows(struct oq_rate_control *control, struct oq_flow *changed)
{
    control->is_paced = true;
    memset(control->peers, 0, sizeof control->peers); /* were learned with wrong windows */
    oq_log_warning("rate control: the system does not follow the size of receive buffers: reading "
                   "is paced instead");
    oq_tcp_sockets_set_background(changed->net->net->sockets, OQ_WINDOW_BEGIN);
    for (struct oq_flow *flow = control->flows; flow; flow = flow->next)
        if (flow->is_controlled && !flow->window.is_paced)
            oq_window_controller_set_paced(&flow->window, now_us(control));
}

static void step_flow(struct oq_rate_control *control, struct oq_flow *flow, int64_t now)
{
    const struct netif *netif = flow->netif;
    find_highest_rate(control, flow);
    if (!flow->is_controlled)
        return;
    unsigned sharers = netif && netif->sharers > 0 ? netif->sharers : 1;
    bool is_draining = oq_window_controller_pause_us(&flow->window) != 0;
    struct oq_window_controller_input input = {
        .own_rate = netif ? netif->own_rate : 0,
        .sharers = sharers,
        .floor_rate =
            (netif ? oq_cross_traffic_floor(&netif->traffic) : OQ_CROSS_TRAFFIC_FLOOR_LEAST) /
            sharers,
        .capacity = netif ? netif->traffic.capacity : 0,
        .limit_rate = flow->highest_rate,
        .must_yield = netif && netif->traffic.must_yield,
        .unread = is_draining ? oq_tcp_socket_unread(flow->socket) : -1,
        .is_limited = flow->was_limited,
    };
    flow->was_limited = flow->is_paused && !is_draining;
    ask_system(control, flow);
    uint64_t window_bytes = oq_window_controller_step(&flow->window, now, &input);
    if (!flow->window.is_paced)
        set_window(flow, window_bytes);
    else if (!control->is_paced)
        stop_setting_windows(control, flow);
    bool is_by_reading = flow->window.is_paced && flow->highest_why == OQ_LIMIT_OTHERS_HERE;
    oq_token_bucket_set_rate(&flow->bucket, now,
                             is_by_reading ? (uint64_t)(flow->highest_rate * 1000) : 0);
}

/* What limits the flow now, and the rate in bytes per ms that this leaves. */
static enum oq_limit limit_of(const struct oq_flow *flow, double *rate)
{
    *rate = flow->highest_rate;
    if (!flow->is_controlled || flow->window.mode != OQ_WINDOW_YIELD)
        return flow->highest_rate > 0 ? flow->highest_why : OQ_LIMIT_NONE;
    *rate = flow->window.rate;
    return flow->netif && flow->netif->traffic.must_yield ? OQ_LIMIT_OTHERS_HERE
                                                          : OQ_LIMIT_OTHERS_LINK;
}

static void log_limit(struct oq_flow *flow, int64_t now)
{
    static const char *const texts[] = {
        [OQ_LIMIT_NONE] = "is not limited",
        [OQ_LIMIT_OTHERS_HERE] = "leaves the link to another program on this computer",
        [OQ_LIMIT_OTHERS_LINK] = "leaves the link to another computer",
        [OQ_LIMIT_POLICY] = "is limited by policy",
        [OQ_LIMIT_GROUP] = "has a limit of its own",
    };
    if (flow->limit == flow->logged_limit || now - flow->limit_us < LIMIT_LOG_US)
        return;
    flow->logged_limit = flow->limit;
    oq_log_info("rate control: group %lld from %s %s", (long long)flow->id, flow->peer,
                texts[flow->limit]);
}

static void log_flows(struct oq_rate_control *control, int64_t now)
{
    static const char *const modes[] = {"slow start", "steady", "drain", "yield"};
    _Static_assert(sizeof modes / sizeof modes[0] == OQ_WINDOW_MODE_COUNT, "a word for each mode");
    if (now < control->log_us)
        return;
    control->log_us = now + LOG_US;
    for (struct oq_flow *flow = control->flows; flow; flow = flow->next)
        log_limit(flow, now);
    for (const struct oq_flow *flow = control->flows; flow; flow = flow->next)
        if (flow->is_controlled)
            oq_log_debug("rate control: group %lld %s: %s, window %llu, rate %.0f KB/s, RTT %.1f "
                         "ms, base RTT %.1f ms, limit %.0f KB/s; cross traffic %.0f KB/s, capacity "
                         "%.0f KB/s",
                         (long long)flow->id, flow->peer, modes[flow->window.mode],
                         (unsigned long long)flow->window_bytes, flow->window.rate,
                         flow->window.rtt_ms, flow->window.base_ms, flow->highest_rate,
                         flow->netif ? flow->netif->traffic.rate : 0,
                         flow->netif ? flow->netif->traffic.capacity : 0);
}

static bool is_background_paused(const struct oq_rate_control *control)
{
    return control->policy.is_metered_pause || control->policy.is_schedule_pause;
}

static bool apply_policy(struct oq_rate_control *control, int64_t now)
{
    const struct oq_link_port *link = control->link;
    int64_t wall_ms = oq_clock_wall_ms(control->clock);
    int64_t ahead_ms = link && link->ahead_ms ? link->ahead_ms(link->ctx, wall_ms) : 0;
    struct oq_rate_now rate =
        oq_rate_schedule_at(&control->schedule, wall_ms, ahead_ms, control->config.max_rate_kbits);
    bool was_paused = control->policy.is_paused;
    bool was_background_paused = is_background_paused(control);
    control->policy_us = now + POLICY_US;
    control->policy = (struct oq_rate_policy){
        .is_paused = control->config.pause_all != 0,
        .is_metered_pause = control->config.metered_networks == 1 && link && link->is_metered &&
                            link->is_metered(link->ctx),
        .is_schedule_pause = rate.is_paused,
        .limit_bytes_per_s = rate.bytes_per_s,
    };
    oq_token_bucket_set_rate(&control->bucket, now, rate.bytes_per_s);
    for (struct oq_flow *flow = control->flows; flow; flow = flow->next)
        update_control(control, flow);
    if (was_paused == control->policy.is_paused &&
        was_background_paused == is_background_paused(control))
        return false;
    oq_log_info("rate control: %s", control->policy.is_paused ? "all downloads are paused"
                                    : is_background_paused(control)
                                        ? "background downloads are paused"
                                        : "downloads are resumed");
    return true;
}

bool oq_rate_control_step(struct oq_rate_control *control)
{
    int64_t now = now_us(control);
    bool has_changed = now >= control->policy_us && apply_policy(control, now);
    if (!control->flows || now < control->step_us)
        return has_changed;
    control->step_us = now + STEP_US;
    sample_netifs(control, now);
    for (struct oq_flow *flow = control->flows; flow; flow = flow->next)
        step_flow(control, flow, now);
    for (struct oq_flow *flow = control->flows; flow; flow = flow->next) {
        double rate = 0;
        enum oq_limit limit = limit_of(flow, &rate);
        if (limit != flow->limit)
            flow->limit_us = now;
        flow->limit = limit;
        pause_or_resume(control, flow);
        int64_t until_us = flow->is_controlled ? oq_window_controller_pause_us(&flow->window) : 0;
        if (until_us != 0 && until_us < control->step_us)
            control->step_us = until_us;
    }
    log_flows(control, now);
    return has_changed;
}

int64_t oq_rate_control_due_ms(const struct oq_rate_control *control)
{
    int64_t due_us = control->policy_us;
    if (control->flows && control->step_us < due_us)
        due_us = control->step_us;
    return (due_us + 999) / 1000;
}

/* --- policy and groups ------------------------------------------------------------------------ */

bool oq_rate_control_set_policy(struct oq_rate_control *control, const struct oq_config *config,
                                const struct oq_rate_schedule *schedule)
{
    control->config = *config;
    control->schedule = *schedule;
    return apply_policy(control, now_us(control));
}

void oq_rate_control_set_group(struct oq_rate_control *control, struct oq_token_bucket *group,
                               bool is_foreground, uint64_t bytes_per_s)
{
    oq_token_bucket_set_rate(group, now_us(control), bytes_per_s);
    for (struct oq_flow *flow = control->flows; flow; flow = flow->next)
        if (flow->group == group) {
            flow->is_foreground = is_foreground;
            update_control(control, flow);
            find_highest_rate(control, flow);
            pause_or_resume(control, flow);
        }
}

bool oq_rate_control_may_run(const struct oq_rate_control *control, bool is_foreground)
{
    return !control->policy.is_paused && (is_foreground || !is_background_paused(control));
}

const struct oq_rate_policy *oq_rate_control_policy(const struct oq_rate_control *control)
{
    return &control->policy;
}

enum oq_limit oq_rate_control_limit(const struct oq_rate_control *control,
                                    const struct oq_token_bucket *group, uint64_t *bytes_per_s,
                                    int64_t *since_us)
{
    enum oq_limit why = OQ_LIMIT_NONE;
    double sum = 0;
    *since_us = now_us(control);
    for (const struct oq_flow *flow = control->flows; flow; flow = flow->next) {
        double rate = 0;
        enum oq_limit limit = flow->group == group ? limit_of(flow, &rate) : OQ_LIMIT_NONE;
        if (limit == OQ_LIMIT_NONE)
            continue;
        sum += rate;
        if (why == OQ_LIMIT_NONE || flow->window.mode == OQ_WINDOW_YIELD)
            why = limit;
        if (limit == flow->limit && flow->limit_us < *since_us)
            *since_us = flow->limit_us;
    }
    *bytes_per_s = (uint64_t)(sum * 1000);
    return why;
}
