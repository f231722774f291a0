/* throttle.c - see throttle_int.h. Engine thread. */
#include "oq_rate_control.h"
#include "calls_int.h"

#include "oq_alloc.h"
#include "oq_token_bucket.h"
#include "oq_cross_traffic.h"
#include "oq_log.h"
#include "oq_window_controller.h"

#include <stdio.h>
#include <string.h>

#define STEP_US 40000
#define PLAN_US 500000  /* policy holds within 2 s of a change of the hour */
#define TELL_US 1000000 /* one line per connection and second in the log, at its finest level */
#define PEERS 64
#define PEER_US INT64_C(600000000) /* what is known of a way is believed for 10 minutes */
#define PROBE_US 2000000           /* of each host, time from one probe to the next */

/* An interface in use. */
struct line {
    struct line *next;
    uint64_t id;
    bool is_counted; /* its counter can be read */
    struct oq_cross_traffic budget;
    uint64_t own_bytes; /* received by our background connections, ever */
    /* of this step */
    unsigned sharers;
    double own_rate;
    uint64_t unread_bytes; /* they have come, but nobody reads now */
};

struct oq_flow {
    struct oq_flow *next;
    struct oq_entry *entry;
    struct oq_net_handle *net;
    int64_t socket;    /* -1: not known, then its window cannot be set */
    struct line *line; /* NULL: no network, or one that cannot be told */
    bool is_paced;     /* its window is ours */
    bool is_paused;    /* now */
    bool was_held;     /* by a limit, since the last step */
    bool is_resuming;  /* bytes that come now were kept while it was paused */
    bool has_tcp;      /* the system may know its round trip */
    struct oq_window_controller pace;
    uint64_t window_bytes; /* as set; 0 = never */
    double rate_most;      /* as of the last step, bytes per ms; 0 = no limit */
    enum oq_limit most_why;
    char peer[64];
};

/* Round trips to hosts, so that the next connection need not learn them from its own queue. */
struct peer {
    char address[64];
    double base_ms; /* 0 = not known */
    int64_t at_us;
    struct oq_handshake_probe *probe; /* under way, or NULL */
    int64_t probed_us;                /* when it began */
    int64_t next_probe_us;            /* none before that */
};

struct oq_rate_control {
    struct oq_engine *engine;
    const struct oq_link_port *port; /* or NULL */
    struct line *lines;
    struct oq_flow *flows;
    struct oq_token_bucket bucket; /* of all background transfers */
    int64_t step_us, plan_us, told_us;
    bool is_paused;                           /* by policy */
    bool is_metered_pause, is_schedule_pause; /* background transfers wait */
    uint64_t limit_bytes_per_s;               /* of all background transfers; 0 = none */
    struct peer peers[PEERS];
    unsigned next_peer;
};

static int64_t now_us(const struct oq_rate_control *throttle)
{
    return oq_clock_mono_us(throttle->engine->clock);
}

enum oq_status oq_rate_control_new(struct oq_engine *engine, struct oq_rate_control **out)
{
    struct oq_rate_control *throttle = oq_calloc(1, sizeof *throttle);
    if (!throttle)
        return OQ_E_NOMEM;
    throttle->engine = engine;
    throttle->port = engine->options.link;
    oq_token_bucket_init(&throttle->bucket, now_us(throttle), 0);
    oq_rate_control_policy(throttle);
    *out = throttle;
    return OQ_OK;
}

void oq_rate_control_free(struct oq_rate_control *throttle)
{
    if (!throttle)
        return;
    while (throttle->flows)
        oq_rate_control_remove(throttle, throttle->flows);
    for (unsigned i = 0; i < PEERS; i++)
        oq_handshake_probe_close(throttle->peers[i].probe);
    while (throttle->lines) {
        struct line *line = throttle->lines;
        throttle->lines = line->next;
        oq_free(line);
    }
    oq_free(throttle);
}

/* --- interfaces and hosts --------------------------------------------------------------------- */

/* The interface of that number; made when it is new. NULL when out of memory. */
static struct line *line_of(struct oq_rate_control *throttle, uint64_t id)
{
    struct line *line = throttle->lines;
    while (line && line->id != id)
        line = line->next;
    if (line)
        return line;
    line = oq_calloc(1, sizeof *line);
    if (!line)
        return NULL;
    line->id = id;
    line->is_counted = throttle->port->octets != NULL;
    oq_cross_traffic_init(&line->budget);
    line->next = throttle->lines;
    throttle->lines = line;
    return line;
}

/* Where the flow runs now. False: over no network at all. */
static bool find_line(struct oq_rate_control *throttle, struct oq_flow *flow)
{
    struct oq_link_interface found = {0};
    flow->line = NULL;
    if (!throttle->port || !throttle->port->find || !flow->peer[0])
        return throttle->port != NULL;
    if (throttle->port->find(throttle->port->ctx, flow->peer, &found) != OQ_OK)
        return true;
    if (found.is_loopback)
        return false;
    flow->line = line_of(throttle, found.id);
    return true;
}

static double known_base_ms(const struct oq_rate_control *throttle, const char *address)
{
    for (unsigned i = 0; i < PEERS; i++)
        if (throttle->peers[i].base_ms > 0 && strcmp(throttle->peers[i].address, address) == 0 &&
            now_us(throttle) - throttle->peers[i].at_us < PEER_US)
            return throttle->peers[i].base_ms;
    return 0;
}

/* The entry of that host; made when it is new, in place of an old one. NULL: there is no address,
 * or all are in use by probes that are under way or have just been. */
static struct peer *peer_of(struct oq_rate_control *throttle, const char *address)
{
    int64_t now = now_us(throttle);
    if (!address[0])
        return NULL;
    for (unsigned i = 0; i < PEERS; i++)
        if (strcmp(throttle->peers[i].address, address) == 0)
            return &throttle->peers[i];
    for (unsigned i = 0; i < PEERS; i++) {
        struct peer *peer = &throttle->peers[throttle->next_peer];
        throttle->next_peer = (throttle->next_peer + 1) % PEERS;
        if (peer->probe || now < peer->next_probe_us)
            continue;
        memset(peer, 0, sizeof *peer);
        snprintf(peer->address, sizeof peer->address, "%s", address);
        return peer;
    }
    return NULL;
}

static void remember_base(struct oq_rate_control *throttle, const struct oq_flow *flow)
{
    if (!flow->is_paced || flow->pace.base_ms <= 0 || flow->pace.mode == OQ_WINDOW_YIELD)
        return;
    struct peer *peer = peer_of(throttle, flow->peer);
    if (!peer)
        return;
    peer->base_ms = flow->pace.base_ms;
    peer->at_us = now_us(throttle);
}

/* The flow's own bytes do not show the way: the handshake of another connection does. */
static void probe(struct oq_rate_control *throttle, const struct oq_flow *flow, int64_t now)
{
    struct peer *peer = peer_of(throttle, flow->peer);
    if (!peer || peer->probe || now < peer->next_probe_us)
        return;
    peer->probe = oq_handshake_probe_start(flow->net);
    peer->probed_us = now;
    peer->next_probe_us = now + PROBE_US;
}

/* A handshake takes no less than the way: of two results the shorter one is nearer to it. */
static void take_probe(struct oq_rate_control *throttle, struct peer *peer)
{
    double ms = 0;
    if (!peer->probe || !oq_handshake_probe_is_over(peer->probe, &ms))
        return;
    oq_handshake_probe_close(peer->probe);
    peer->probe = NULL;
    if (ms <= 0 || now_us(throttle) - peer->probed_us > PEER_US) /* nobody was here to take it */
        return;
    if (peer->base_ms <= 0 || ms < peer->base_ms || peer->probed_us - peer->at_us > PEER_US) {
        peer->base_ms = ms;
        peer->at_us = peer->probed_us;
    }
    for (struct oq_flow *flow = throttle->flows; flow; flow = flow->next)
        if (flow->is_paced && strcmp(flow->peer, peer->address) == 0)
            oq_window_controller_hint_base(&flow->pace, ms);
}

/* --- flows ------------------------------------------------------------------------------------ */

static int64_t wait_us(struct oq_rate_control *throttle, struct oq_flow *flow)
{
    int64_t now = now_us(throttle), wait = oq_token_bucket_wait_us(&flow->entry->bucket, now);
    int64_t of_all =
        flow->entry->group.is_foreground ? 0 : oq_token_bucket_wait_us(&throttle->bucket, now);
    return wait > of_all ? wait : of_all;
}

/* Pauses the flow or lets it go on, as limits and its pace want it now. */
static void pause_or_go(struct oq_rate_control *throttle, struct oq_flow *flow)
{
    bool is_held = wait_us(throttle, flow) > 0;
    bool is_paused = is_held || (flow->is_paced && oq_window_controller_pause_us(&flow->pace) != 0);
    flow->was_held = flow->was_held || is_held;
    if (is_paused == flow->is_paused)
        return;
    flow->is_paused = is_paused; /* first: going on brings what was kept at once */
    flow->is_resuming = !is_paused;
    oq_net_hold(flow->net, OQ_HOLD_LIMIT, is_paused);
    flow->is_resuming = false;
}

static void set_window(struct oq_flow *flow, uint64_t bytes)
{
    if (bytes != flow->window_bytes && oq_tcp_socket_set_window(flow->socket, bytes))
        flow->window_bytes = bytes;
}

static void pace(struct oq_rate_control *throttle, struct oq_flow *flow)
{
    double base_ms = known_base_ms(throttle, flow->peer);
    double handshake_ms = oq_tcp_socket_handshake_ms(oq_net_easy(flow->net));
    if (base_ms == 0 || (handshake_ms > 0 && handshake_ms < base_ms))
        base_ms = handshake_ms;
    flow->is_paced = true;
    oq_window_controller_init(
        &flow->pace, now_us(throttle), base_ms,
        throttle->port && throttle->port->window_factor > 0 ? throttle->port->window_factor : 1);
    set_window(flow, OQ_WINDOW_BEGIN);
}

static void release(struct oq_rate_control *throttle, struct oq_flow *flow)
{
    bool was_set = flow->window_bytes > 0;
    flow->is_paced = false;
    if (was_set)
        set_window(flow, OQ_WINDOW_MOST);
    pause_or_go(throttle, flow);
}

/* Decides anew whether the window of the flow is ours. */
static void look_at(struct oq_rate_control *throttle, struct oq_flow *flow)
{
    bool is_ours = !flow->entry->group.is_foreground &&
                   throttle->engine->config.idle_throttle != 0 && find_line(throttle, flow);
    if (is_ours && !flow->is_paced)
        pace(throttle, flow);
    else if (!is_ours && (flow->is_paced || flow->window_bytes == 0))
        release(throttle, flow);
}

struct oq_flow *oq_rate_control_add(struct oq_rate_control *throttle, struct oq_entry *entry,
                                    struct oq_net_handle *net)
{
    struct oq_flow *flow = oq_calloc(1, sizeof *flow);
    if (!flow)
        return NULL;
    oq_token_bucket_set_rate(&entry->bucket, now_us(throttle), entry->group.max_bytes_per_s);
    flow->entry = entry;
    flow->net = net;
    flow->socket = oq_tcp_socket_of(net);
    flow->has_tcp = throttle->port && throttle->port->tcp;
    snprintf(flow->peer, sizeof flow->peer, "%s", oq_tcp_socket_peer(net));
    flow->next = throttle->flows;
    throttle->flows = flow;
    if (throttle->step_us == 0)
        throttle->step_us = now_us(throttle) + STEP_US;
    look_at(throttle, flow);
    /* A connection that was a background transfer's. */
    if (!flow->is_paced && oq_tcp_socket_is_small(flow->socket))
        set_window(flow, OQ_WINDOW_MOST);
    return flow;
}

void oq_rate_control_remove(struct oq_rate_control *throttle, struct oq_flow *flow)
{
    if (!flow)
        return;
    struct oq_flow **link = &throttle->flows;
    remember_base(throttle, flow);
    while (*link != flow)
        link = &(*link)->next;
    *link = flow->next;
    oq_free(flow);
    if (!throttle->flows)
        throttle->step_us = 0;
}

void oq_rate_control_received(struct oq_rate_control *throttle, struct oq_flow *flow,
                              uint64_t bytes)
{
    if (!flow)
        return;
    int64_t now = now_us(throttle);
    oq_token_bucket_take(&flow->entry->bucket, now, bytes);
    if (!flow->entry->group.is_foreground)
        oq_token_bucket_take(&throttle->bucket, now, bytes);
    if (flow->is_paced && flow->is_resuming)
        oq_window_controller_receive_kept(&flow->pace, now, bytes);
    else if (flow->is_paced)
        oq_window_controller_receive(&flow->pace, now, oq_net_woken_us(flow->net), bytes);
    if (flow->line && !flow->entry->group.is_foreground)
        flow->line->own_bytes += bytes;
    pause_or_go(throttle, flow);
}

/* --- the step --------------------------------------------------------------------------------- */

static void sample_lines(struct oq_rate_control *throttle, int64_t now)
{
    for (struct line *line = throttle->lines; line; line = line->next) {
        line->sharers = 0;
        line->own_rate = 0;
        line->unread_bytes = 0;
    }
    for (struct oq_flow *flow = throttle->flows; flow; flow = flow->next)
        if (flow->line && flow->is_paced) {
            flow->line->sharers++;
            flow->line->own_rate += flow->pace.rate;
            if (flow->is_paused) {
                int64_t unread = oq_tcp_socket_unread(flow->socket);
                flow->line->unread_bytes += unread > 0 ? (uint64_t)unread : 0;
            }
        }
    for (struct line *line = throttle->lines; line; line = line->next) {
        uint64_t octets = 0;
        if (line->sharers == 0 || now - line->budget.at_us < 90000)
            continue;
        if (line->is_counted &&
            throttle->port->octets(throttle->port->ctx, line->id, &octets) != OQ_OK) {
            /* It is gone: whoever used it looks where the way leads now. */
            for (struct oq_flow *flow = throttle->flows; flow; flow = flow->next)
                if (flow->line == line)
                    look_at(throttle, flow);
            continue;
        }
        oq_cross_traffic_sample(&line->budget, now, line->is_counted, octets,
                                line->own_bytes + line->unread_bytes);
    }
}

static unsigned count(const struct oq_rate_control *throttle, const struct oq_entry *entry)
{
    unsigned sharers = 0;
    for (const struct oq_flow *flow = throttle->flows; flow; flow = flow->next)
        sharers += entry ? flow->entry == entry : !flow->entry->group.is_foreground;
    return sharers > 0 ? sharers : 1;
}

static void lower(struct oq_flow *flow, double rate, enum oq_limit why)
{
    if (flow->rate_most > 0 && flow->rate_most <= rate)
        return;
    flow->rate_most = rate;
    flow->most_why = why;
}

/* The rate that policy, group and this computer's other traffic leave for the flow. */
static void find_most(const struct oq_rate_control *throttle, struct oq_flow *flow)
{
    flow->rate_most = 0;
    if (throttle->bucket.rate > 0 && !flow->entry->group.is_foreground)
        lower(flow, (double)throttle->bucket.rate / 1000 / count(throttle, NULL), OQ_LIMIT_POLICY);
    if (flow->entry->bucket.rate > 0)
        lower(flow, (double)flow->entry->bucket.rate / 1000 / count(throttle, flow->entry),
              OQ_LIMIT_GROUP);
    if (flow->line && flow->is_paced && flow->line->budget.allowed > 0)
        lower(flow, flow->line->budget.allowed / flow->line->sharers, OQ_LIMIT_OTHERS_HERE);
}

static void ask_system(struct oq_rate_control *throttle, struct oq_flow *flow)
{
    struct oq_link_tcp tcp = {0};
    if (!flow->has_tcp)
        return;
    enum oq_status status = throttle->port->tcp(throttle->port->ctx, flow->socket, &tcp);
    if (status == OQ_OK && tcp.least_us > 0)
        oq_window_controller_hint_base(&flow->pace, tcp.least_us / 1000.0);
    else if (status != OQ_OK)
        flow->has_tcp = false;
}

static void step_flow(struct oq_rate_control *throttle, struct oq_flow *flow, int64_t now)
{
    const struct line *line = flow->line;
    find_most(throttle, flow);
    if (!flow->is_paced)
        return;
    unsigned sharers = line && line->sharers > 0 ? line->sharers : 1;
    struct oq_window_controller_input input = {
        .own_rate = line ? line->own_rate : 0,
        .sharers = sharers,
        .floor_rate =
            (line ? oq_cross_traffic_floor(&line->budget) : OQ_CROSS_TRAFFIC_FLOOR_LEAST) / sharers,
        .capacity = line ? line->budget.capacity : 0,
        .rate_most = flow->rate_most,
        .must_yield = line && line->budget.must_yield,
        .unread = oq_window_controller_pause_us(&flow->pace) != 0
                      ? oq_tcp_socket_unread(flow->socket)
                      : -1,
        .is_held = flow->was_held,
    };
    flow->was_held = flow->is_paused && oq_window_controller_pause_us(&flow->pace) == 0;
    ask_system(throttle, flow);
    if (throttle->engine->config.handshake_probes != 0 &&
        oq_window_controller_is_blind(&flow->pace))
        probe(throttle, flow, now);
    set_window(flow, oq_window_controller_step(&flow->pace, now, &input));
}

static void tell(struct oq_rate_control *throttle, int64_t now)
{
    static const char *const modes[] = {"ramp", "open", "dip", "yield"};
    _Static_assert(sizeof modes / sizeof modes[0] == OQ_WINDOW_MODE_COUNT, "a word for each mode");
    if (now < throttle->told_us)
        return;
    throttle->told_us = now + TELL_US;
    for (const struct oq_flow *flow = throttle->flows; flow; flow = flow->next)
        if (flow->is_paced)
            oq_log_debug("throttle: group %lld %s: %s, window %llu, rate %.0f KB/s, round trip "
                         "%.1f ms, base %.1f ms, most %.0f KB/s; others here %.0f KB/s, capacity "
                         "%.0f KB/s",
                         (long long)flow->entry->group.id, flow->peer, modes[flow->pace.mode],
                         (unsigned long long)flow->window_bytes, flow->pace.rate,
                         flow->pace.trip_ms, flow->pace.base_ms, flow->rate_most,
                         flow->line ? flow->line->budget.others : 0,
                         flow->line ? flow->line->budget.capacity : 0);
}

void oq_rate_control_step(struct oq_rate_control *throttle)
{
    int64_t now = now_us(throttle);
    if (now >= throttle->plan_us)
        oq_rate_control_policy(throttle);
    if (!throttle->flows || now < throttle->step_us)
        return;
    throttle->step_us = now + STEP_US;
    sample_lines(throttle, now);
    for (unsigned i = 0; i < PEERS; i++)
        take_probe(throttle, &throttle->peers[i]);
    for (struct oq_flow *flow = throttle->flows; flow; flow = flow->next)
        step_flow(throttle, flow, now);
    for (struct oq_flow *flow = throttle->flows; flow; flow = flow->next) {
        pause_or_go(throttle, flow);
        if (flow->is_paced && oq_window_controller_pause_us(&flow->pace) != 0 &&
            oq_window_controller_pause_us(&flow->pace) < throttle->step_us)
            throttle->step_us = oq_window_controller_pause_us(&flow->pace);
    }
    tell(throttle, now);
}

int64_t oq_rate_control_due_ms(const struct oq_rate_control *throttle)
{
    int64_t due_us = throttle->plan_us;
    if (throttle->flows && throttle->step_us < due_us)
        due_us = throttle->step_us;
    return due_us == INT64_MAX ? INT64_MAX : (due_us + 999) / 1000;
}

/* --- policy ----------------------------------------------------------------------------------- */

static bool is_background_paused(const struct oq_rate_control *throttle)
{
    return throttle->is_metered_pause || throttle->is_schedule_pause;
}

void oq_rate_control_policy(struct oq_rate_control *throttle)
{
    struct oq_engine *engine = throttle->engine;
    const struct oq_link_port *port = throttle->port;
    int64_t now = now_us(throttle), wall_ms = oq_clock_wall_ms(engine->clock);
    int64_t ahead_ms = port && port->ahead_ms ? port->ahead_ms(port->ctx, wall_ms) : 0;
    struct oq_rate_now plan = oq_rate_schedule_at(&engine->rate_schedule, wall_ms, ahead_ms,
                                                  engine->config.max_rate_kbits);
    bool was_paused = throttle->is_paused, was_background = is_background_paused(throttle);
    throttle->plan_us = now + PLAN_US;
    throttle->is_metered_pause = engine->config.metered_networks == 1 && port && port->is_metered &&
                                 port->is_metered(port->ctx);
    throttle->is_paused = engine->config.pause_all != 0;
    throttle->is_schedule_pause = plan.is_paused;
    throttle->limit_bytes_per_s = plan.bytes_per_s;
    oq_token_bucket_set_rate(&throttle->bucket, now, plan.bytes_per_s);
    if (was_paused != throttle->is_paused || was_background != is_background_paused(throttle)) {
        oq_log_info("throttle: %s", throttle->is_paused ? "all downloads are paused"
                                    : is_background_paused(throttle)
                                        ? "background downloads are paused"
                                        : "downloads go on");
        engine->needs_turns = true;
    }
    for (struct oq_flow *flow = throttle->flows; flow; flow = flow->next)
        look_at(throttle, flow);
}

void oq_handle_set_policy(struct oq_engine *engine, struct oq_request *request)
{
    const struct oq_config *config = &request->policy->config;
    engine->config.idle_throttle = config->idle_throttle;
    engine->config.handshake_probes = config->handshake_probes;
    engine->config.max_rate_kbits = config->max_rate_kbits;
    engine->config.metered_networks = config->metered_networks;
    engine->config.pause_all = config->pause_all;
    engine->rate_schedule = request->policy->rate_schedule;
    oq_rate_control_policy(engine->rate_control);
}

void oq_handle_view_policy(struct oq_engine *engine, struct oq_request *request)
{
    const struct oq_rate_control *throttle = engine->rate_control;
    request->policy_view = (struct oq_policy_view){
        .idle_throttle = engine->config.idle_throttle != 0,
        .max_rate_kbits = (uint32_t)engine->config.max_rate_kbits,
        .is_pause_all = throttle->is_paused,
        .is_metered_pause = throttle->is_metered_pause,
        .is_schedule_pause = throttle->is_schedule_pause,
        .limit_bytes_per_s = throttle->limit_bytes_per_s,
    };
}

void oq_rate_control_changed(struct oq_rate_control *throttle, struct oq_entry *entry)
{
    oq_token_bucket_set_rate(&entry->bucket, now_us(throttle), entry->group.max_bytes_per_s);
    for (struct oq_flow *flow = throttle->flows; flow; flow = flow->next)
        if (flow->entry == entry) {
            look_at(throttle, flow);
            find_most(throttle, flow);
            pause_or_go(throttle, flow);
        }
    throttle->engine->needs_turns = true;
}

bool oq_rate_control_may_run(const struct oq_rate_control *throttle, const struct oq_entry *entry)
{
    return !throttle->is_paused && (entry->group.is_foreground || !is_background_paused(throttle));
}

enum oq_limit oq_rate_control_limit(const struct oq_rate_control *throttle,
                                    const struct oq_entry *entry, uint64_t *bytes_per_s)
{
    enum oq_limit why = OQ_LIMIT_NONE;
    double rate = 0;
    for (const struct oq_flow *flow = throttle->flows; flow; flow = flow->next) {
        if (flow->entry != entry)
            continue;
        if (flow->is_paced && flow->pace.mode == OQ_WINDOW_YIELD) {
            why = flow->line && flow->line->budget.must_yield ? OQ_LIMIT_OTHERS_HERE
                                                              : OQ_LIMIT_OTHERS_LINK;
            rate += flow->pace.rate;
        } else if (flow->rate_most > 0) {
            if (why == OQ_LIMIT_NONE)
                why = flow->most_why;
            rate += flow->rate_most;
        }
    }
    *bytes_per_s = (uint64_t)(rate * 1000);
    return why;
}
