/* window_controller.c - see oq_window_controller.h. Pure. */
#include "oq_window_controller.h"

#include <math.h>
#include <string.h>

/* Numbers without a source are from the simulations of tests/rate and from bench/idle. */
#define STEP_LONGEST_US 2000000 /* a longer gap between two steps: the machine slept */
#define SPAN_LEAST_US 80000.0   /* the shortest RTT is taken over this time, and at least one RTT */
#define PENDING_RTTS 2.2        /* the model may advertise a byte one RTT before the system does */
#define PENDING_MS 60.0
#define UNKNOWN_RTT_MS 50.0 /* assumed where no RTT is known */
#define PAUSE_LONGEST_US 2000000
#define FACTOR_STEP 1.02
#define FACTOR_MOST 3.0
#define GOAL_MS 3.0      /* queueing delay of our own at GOAL_RATE */
#define GOAL_RATE 1250.0 /* bytes per ms: 10 Mbit/s */
#define JITTER_SHARE 0.1
#define JITTER_MOST_MS 3.0
#define GOAL_LEAST_MS 0.8
#define GOAL_MOST_MS 8.0
/* A queueing delay is long, and not our own, above the largest of: */
#define LONG_QUEUE_MS 10.0
#define LONG_QUEUE_GOALS 3.0
#define LONG_QUEUE_FAR_GOALS 2.0 /* of the goal far below capacity */
#define LONG_QUEUE_BASES 0.15    /* of the base RTT */
#define SHORT_RTT_MS 8.0
#define START_WINDOW 12288.0 /* from SHORT_RTT_MS on */
#define RETURN_FIRST 0.7     /* of the former rate */
#define RETURN_SECOND 0.95
#define KEPT 0.95       /* below this share of the former rate cross traffic may take the rest */
#define NOT_WORTH 64    /* a change by less than this part is not worth a system call */
#define SHRINK 0.125    /* of the window per RTT, at most */
#define USED_RTTS 1.6   /* a window is used if so many RTTs' worth fill it, */
#define USED_MS 8.0     /* and so many ms for reading late */
#define GAIN_SHARE 0.1  /* growth beyond the rule, in two RTTs */
#define PAUSE_RTTS 1.25 /* until the advertised window has arrived */
#define PAUSE_MS 15.0
#define SHORT_US 250000.0  /* YIELD ends when the queue has been short for so long */
#define SHORT_RTTS 2.5     /* and for so many RTTs: two looks */
#define CYCLE_MOST_MS 40.0 /* YIELD: a window is no more than the floor sends in that time */
#define EXCESS 3.0         /* of what was advertised: no kernel rounds up so far, */
#define EXCESS_BYTES 16384 /* and libcurl reads so much at once */
#define EXCESSES 2         /* so many in a row: the system does not follow */
#define DRAIN_PACED_US 2000000
#define DRAIN_SOON_US 1000000
#define DRAIN_EVERY_US 15000000
#define DRAIN_AFTER_US 3000000 /* not while a former rate is being reached again */
#define RETURN_FROM 0.125      /* of the window before, after an alarm */
#define REPEATED_RTTS 3.0      /* another alarm within so many RTTs */
#define REPEATED_MS 100.0      /* and ms after a drain has the same cause */
#define TAKEN 0.75             /* if less than this share of the former rate is left */
#define LONGER_SHARE 0.25      /* of a longer RTT after a drain that the base RTT takes over */
#define DRAIN_SILENT_US 1000000
#define FAR 0.45 /* share of capacity below which a short queue is not believed */
#define FAR_MS 4.0
#define GROWING 1.3      /* the sender still accelerates */
#define FAILED_SHARE 0.6 /* of the former rate: a return has failed, the link may be slower now */
#define GAIN_MOST 64.0
#define AT_MOST 0.97 /* of the window that a connection was made with: it arrives per base RTT */
#define FORMER_US 5000000.0 /* time constant with which the former rate decays */
/* A constant queueing delay for so long is a route change: the base RTT is reset. */
#define ROUTE_CHANGE_US 30000000
#define ROUTE_CHANGE_SPREAD 0.1

static double most(double a, double b)
{
    return a > b ? a : b;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

void oq_window_controller_init(struct oq_window_controller *ctl, int64_t now_us, double base_ms,
                               double factor, uint64_t most_bytes)
{
    memset(ctl, 0, sizeof *ctl);
    ctl->mode = OQ_WINDOW_SLOW_START;
    ctl->factor = factor;
    ctl->most = (double)most_bytes;
    ctl->window = OQ_WINDOW_BEGIN(ctl->most) * factor;
    ctl->base_ms = base_ms;
    ctl->look_ms = -1;
    ctl->step_us = ctl->changed_us = now_us;
    oq_rtt_estimator_init(&ctl->rtt, now_us, (uint64_t)ctl->window, UINT64_MAX / 2);
}

void oq_window_controller_hint_base(struct oq_window_controller *ctl, double base_ms)
{
    if (base_ms > 0 && (ctl->base_ms == 0 || base_ms < ctl->base_ms))
        ctl->base_ms = base_ms;
}

double oq_window_controller_queue_ms(const struct oq_window_controller *ctl)
{
    return ctl->base_ms > 0 ? most(ctl->rtt_ms - ctl->base_ms, 0) : 0;
}

int64_t oq_window_controller_pause_us(const struct oq_window_controller *ctl)
{
    return ctl->pause_us;
}

/* --- measurement ------------------------------------------------------------------------------ */

/* Over-delivery: the windows that the system advertises are larger than assumed. */
static void correct_factor(struct oq_window_controller *ctl)
{
    if (ctl->rtt.over_deliveries != ctl->over_deliveries && ctl->factor < FACTOR_MOST) {
        ctl->factor *= FACTOR_STEP;
        ctl->window *= FACTOR_STEP;
    }
    ctl->over_deliveries = ctl->rtt.over_deliveries;
}

/* Evaluates the first byte after a pause. False: there is no new RTT. */
static bool measure_look(struct oq_window_controller *ctl, int64_t now_us)
{
    double pending_ms = ctl->is_looking ? (double)(now_us - ctl->resumed_us) / 1000 : 0;
    ctl->step_rtt_ms = ctl->look_ms;
    ctl->look_ms = -1;
    if (ctl->step_rtt_ms >= 0)
        ctl->rtt_ms = ctl->step_rtt_ms;
    else if (pending_ms > PENDING_RTTS * ctl->rtt_ms + PENDING_MS)
        ctl->rtt_ms = pending_ms / PENDING_RTTS;
    else
        return false;
    if (ctl->base_ms == 0)
        ctl->base_ms = ctl->rtt_ms;
    return true;
}

/* Records the step, and evaluates at least one RTT: of less, a part of a burst would be taken for
 * the whole. False: there is no new RTT. */
static bool measure(struct oq_window_controller *ctl, int64_t now_us)
{
    double span_us = most(most(ctl->rtt_ms, ctl->base_ms) * 1000, SPAN_LEAST_US);
    double shortest_ms = -1;
    int64_t rtt_us = oq_rtt_estimator_take_us(&ctl->rtt);
    if (ctl->step_count == OQ_WINDOW_STEPS) {
        ctl->step_first = (ctl->step_first + 1) % OQ_WINDOW_STEPS;
        ctl->step_count--;
    }
    unsigned last = (ctl->step_first + ctl->step_count++) % OQ_WINDOW_STEPS;
    ctl->step_rtt_ms = rtt_us < 0 ? -1 : most((double)rtt_us / 1000, 0.05);
    ctl->steps[last].at_us = now_us;
    ctl->steps[last].received = ctl->rtt.received;
    ctl->steps[last].least_ms = ctl->step_rtt_ms;
    for (unsigned i = ctl->step_count; i-- > 0;) {
        unsigned at = (ctl->step_first + i) % OQ_WINDOW_STEPS;
        double passed_us = (double)(now_us - ctl->steps[at].at_us);
        if (passed_us >= 2 * span_us || (i == 0 && passed_us > 0)) {
            ctl->rate = (double)(ctl->rtt.received - ctl->steps[at].received) * 1000 / passed_us;
            break;
        }
        double ms = ctl->steps[at].least_ms;
        if (ms >= 0 && passed_us < span_us && (shortest_ms < 0 || ms < shortest_ms))
            shortest_ms = ms;
    }
    if (ctl->is_paced)
        return measure_look(ctl, now_us);
    double pending_ms = (double)oq_rtt_estimator_pending_us(&ctl->rtt, now_us) / 1000;
    if (pending_ms > PENDING_RTTS * ctl->rtt_ms + PENDING_MS && ctl->rtt_ms > 0) {
        ctl->rtt_ms = pending_ms / PENDING_RTTS; /* nothing arrives: at least so long */
        return true;
    }
    if (ctl->step_rtt_ms < 0)
        return false;
    ctl->rtt_ms = shortest_ms;
    ctl->jitter_ms +=
        JITTER_SHARE * (least(ctl->step_rtt_ms - shortest_ms, JITTER_MOST_MS) - ctl->jitter_ms);
    if (ctl->base_ms == 0)
        ctl->base_ms = ctl->rtt_ms;
    else if (ctl->rtt_ms < ctl->base_ms && ctl->rtt_ms > 0.5 * ctl->base_ms) /* or drains tell */
        ctl->base_ms += 0.5 * (ctl->rtt_ms - ctl->base_ms);
    return true;
}

static double goal_ms(const struct oq_window_controller *ctl,
                      const struct oq_window_controller_input *input)
{
    double rate = most(input->own_rate, ctl->rate);
    double goal = rate > 0 ? GOAL_MS * cbrt(GOAL_RATE / rate) : GOAL_MOST_MS;
    goal *= 1 + least(ctl->base_ms, 200) / 400; /* a long RTT is measured less exactly */
    return least(most(goal, GOAL_LEAST_MS) + ctl->jitter_ms, GOAL_MOST_MS);
}

/* Far below capacity a short queueing delay is more likely noise. (A long one is not.) */
static double far_goal_ms(const struct oq_window_controller *ctl,
                          const struct oq_window_controller_input *input, double goal)
{
    bool is_far = most(input->own_rate, ctl->rate) < FAR * input->capacity;
    return is_far ? least(goal + FAR_MS, GOAL_MOST_MS) : goal;
}

static double long_queue_ms(const struct oq_window_controller *ctl,
                            const struct oq_window_controller_input *input)
{
    double goal = goal_ms(ctl, input);
    double of_goal =
        most(LONG_QUEUE_GOALS * goal, LONG_QUEUE_FAR_GOALS * far_goal_ms(ctl, input, goal));
    return most(most(LONG_QUEUE_MS, of_goal), LONG_QUEUE_BASES * ctl->base_ms);
}

static double least_window(const struct oq_window_controller *ctl)
{
    return OQ_WINDOW_LEAST * ctl->factor;
}

/* This connection's share of the goal, in bytes in the queue. */
static double own_queue(const struct oq_window_controller *ctl,
                        const struct oq_window_controller_input *input, double goal)
{
    unsigned sharers = input->sharers > 0 ? input->sharers : 1;
    return goal * most(input->own_rate, ctl->rate) / sharers;
}

/* --- modes ------------------------------------------------------------------------------------ */

static double rtt_or_base_ms(const struct oq_window_controller *ctl)
{
    return most(ctl->rtt_ms, ctl->base_ms);
}

/* Does the sender use the whole window? */
static bool is_window_used(const struct oq_window_controller *ctl)
{
    return ctl->window < ctl->rate * (USED_RTTS * rtt_or_base_ms(ctl) + USED_MS) + START_WINDOW / 2;
}

bool oq_window_controller_is_at_most(const struct oq_window_controller *ctl)
{
    return ctl->mode == OQ_WINDOW_STEADY && !ctl->is_paced && ctl->grow_to == 0 &&
           ctl->rate * ctl->base_ms >= AT_MOST * ctl->most * ctl->factor &&
           oq_window_controller_queue_ms(ctl) < 0.01 * ctl->base_ms + ctl->jitter_ms;
}

static void set_window(struct oq_window_controller *ctl, int64_t now_us, double window)
{
    if (window < ctl->window * 0.9 || window > ctl->window * 1.1)
        ctl->changed_us = now_us;
    ctl->window = window;
}

/* What is measured in the next two RTTs is still an effect of the window before. */
static void wait_for_effect(struct oq_window_controller *ctl, int64_t now_us)
{
    ctl->effect_us = now_us + (int64_t)(2 * rtt_or_base_ms(ctl) * 1000) + 50000;
}

/* No reading until the advertised window has arrived; then this window is set. */
static void pause_reading(struct oq_window_controller *ctl, int64_t now_us, double window)
{
    double rtt_ms = rtt_or_base_ms(ctl) > 0 ? rtt_or_base_ms(ctl) : UNKNOWN_RTT_MS;
    ctl->pause_us = now_us + (int64_t)((PAUSE_RTTS * rtt_ms + PAUSE_MS) * 1000);
    ctl->pause_window = window;
    ctl->pause_unread = -1;
    ctl->pause_advertised = (double)(ctl->rtt.edge - ctl->rtt.received);
    ctl->effect_us = now_us; /* its begin, while it lasts */
}

/* YIELD: until the floor's rate allows another window; without a queue only until it has arrived,
 * for the next look will probably end YIELD. */
static void pause_at_floor(struct oq_window_controller *ctl, int64_t now_us)
{
    double budget_us = 1000 * (double)ctl->rtt.received / most(ctl->floor_rate, 1);
    if (oq_window_controller_queue_ms(ctl) <= ctl->short_ms)
        budget_us = 0;
    pause_reading(ctl, now_us, 0);
    ctl->budget_us = ctl->resumed_us + (int64_t)least(budget_us, PAUSE_LONGEST_US);
    if (ctl->pause_us < ctl->budget_us)
        ctl->pause_us = ctl->budget_us;
}

void oq_window_controller_receive(struct oq_window_controller *ctl, int64_t now_us,
                                  int64_t since_us, uint64_t bytes)
{
    oq_rtt_estimator_receive(&ctl->rtt, now_us, since_us, bytes);
    if (!ctl->is_looking || ctl->rtt.received <= ctl->resumed_bytes)
        return;
    ctl->is_looking = false;
    ctl->look_ms = most((double)(now_us - ctl->resumed_us) / 1000, 0.05);
    if (ctl->mode != OQ_WINDOW_YIELD)
        return;
    ctl->rtt_ms = ctl->look_ms;
    pause_at_floor(ctl, now_us);
}

void oq_window_controller_receive_kept(struct oq_window_controller *ctl, int64_t now_us,
                                       uint64_t bytes)
{
    oq_rtt_estimator_ignore(&ctl->rtt, bytes);
    ctl->resumed_bytes += bytes;
    oq_window_controller_receive(ctl, now_us, now_us, bytes);
}

/* Has everything arrived? As long as more arrives, the pause lasts another RTT. */
static bool is_pause_over(struct oq_window_controller *ctl, int64_t now_us, int64_t unread)
{
    double rtt_ms = rtt_or_base_ms(ctl) > 0 ? rtt_or_base_ms(ctl) : UNKNOWN_RTT_MS;
    if (ctl->is_paced) /* that is without our own queue */
        rtt_ms += PENDING_MS;
    if (now_us - ctl->effect_us > PAUSE_LONGEST_US)
        return true;
    if (unread > ctl->pause_unread) {
        int64_t until_us = now_us + (int64_t)(rtt_ms * 1000);
        if (ctl->pause_us < until_us)
            ctl->pause_us = until_us;
    }
    /* What is left of the window is not worth a packet: nothing more will come. */
    bool is_complete = ctl->mode == OQ_WINDOW_YIELD && unread == ctl->pause_unread &&
                       (double)unread + OQ_RTT_PACKET_BYTES > ctl->pause_advertised &&
                       now_us >= ctl->budget_us;
    ctl->pause_unread = unread;
    return is_complete || now_us >= ctl->pause_us;
}

static void enter_yield(struct oq_window_controller *ctl, int64_t now_us)
{
    ctl->mode = OQ_WINDOW_YIELD;
    ctl->yield_spread_us = now_us;
    ctl->short_since_us = 0;
    ctl->is_looking = false;
    ctl->look_ms = -1;
    ctl->short_ms = HUGE_VAL; /* what arrives in the first pause is not of the floor */
    ctl->yield_least_ms = ctl->yield_most_ms = ctl->rtt_ms;
    ctl->budget_us = now_us;
    ctl->resumed_us = 0;
    pause_reading(ctl, now_us, 0);
    ctl->rtt_ms = ctl->base_ms; /* our own queue drains meanwhile */
}

void oq_window_controller_set_paced(struct oq_window_controller *ctl, int64_t now_us)
{
    ctl->is_paced = ctl->is_begun = true;
    ctl->base_ms = 0; /* learned with wrong windows: the first look tells it */
    if (ctl->mode != OQ_WINDOW_YIELD)
        ctl->mode = OQ_WINDOW_STEADY;
    ctl->grow_to = 0;
    ctl->drain_us = now_us + DRAIN_PACED_US;
}

static void enter_slow_start(struct oq_window_controller *ctl, int64_t now_us)
{
    if (ctl->is_paced) {
        ctl->mode = OQ_WINDOW_STEADY;
        ctl->drain_us = now_us + DRAIN_PACED_US;
        return;
    }
    ctl->mode = OQ_WINDOW_SLOW_START;
    ctl->start_stage = 1;
    ctl->start_rate = 0;
    double least_window = ctl->base_ms >= SHORT_RTT_MS ? START_WINDOW * ctl->factor : 0;
    set_window(ctl, now_us, most(least_window, RETURN_FIRST * ctl->rate_high * ctl->base_ms));
}

static void enter_steady(struct oq_window_controller *ctl, int64_t now_us, double window)
{
    ctl->mode = OQ_WINDOW_STEADY;
    ctl->gain = 1;
    ctl->long_since_us = 0;
    set_window(ctl, now_us, window);
    wait_for_effect(ctl, now_us);
    if (ctl->drain_us < now_us + DRAIN_AFTER_US)
        ctl->drain_us = now_us + DRAIN_AFTER_US;
}

static void enter_drain(struct oq_window_controller *ctl, int64_t now_us,
                        const struct oq_window_controller_input *input, bool is_alarm,
                        double window)
{
    ctl->mode = OQ_WINDOW_DRAIN;
    ctl->is_alarm = is_alarm;
    ctl->drain_long_ms = long_queue_ms(ctl, input); /* at the present rate */
    ctl->drain_least_ms = 0;
    ctl->drain_window = window;
    /* The whole window at once would be a burst into a queue of cross traffic. */
    pause_reading(ctl, now_us, is_alarm ? 0 : window);
}

/* Has the last change of the window had time to show an effect that lasts? */
static bool has_settled(const struct oq_window_controller *ctl, int64_t now_us)
{
    return (double)(now_us - ctl->changed_us) >= (rtt_or_base_ms(ctl) + ctl->base_ms + 40) * 1000;
}

static void step_slow_start(struct oq_window_controller *ctl, int64_t now_us,
                            const struct oq_window_controller_input *input, double queue,
                            double goal)
{
    if (!has_settled(ctl, now_us))
        return;
    /* A window that grows at once arrives as a burst, which is a short queue of its own; and an
     * apparent queue may be a sender that still accelerates. */
    bool is_growing = ctl->rate > GROWING * ctl->start_rate;
    bool has_queue = queue > most(1.5 * far_goal_ms(ctl, input, goal), 0.25 * ctl->base_ms);
    ctl->start_rate = ctl->rate;
    if (has_queue && is_growing) {
        ctl->changed_us = now_us;
        return;
    }
    if (has_queue) {
        if (ctl->start_stage > 0)
            ctl->rate_high = most(ctl->rate, FAILED_SHARE * ctl->rate_high);
        /* On return the former rate counts: at this moment the sender may have slowed down after
         * losses in the queue of cross traffic. */
        double rate = ctl->rate;
        if (ctl->start_stage > 0 && ctl->rtt_ms > 0)
            rate = most(rate, least(RETURN_FIRST * ctl->rate_high, ctl->window / ctl->rtt_ms));
        bool is_alarm = ctl->start_stage > 0 && queue > long_queue_ms(ctl, input);
        ctl->drain_rate_high = ctl->rate_high;
        enter_drain(ctl, now_us, input, is_alarm,
                    least(ctl->window, rate * ctl->base_ms +
                                           own_queue(ctl, input, far_goal_ms(ctl, input, goal))));
        return;
    }
    if (ctl->start_stage == 0 && ctl->window < ctl->most * ctl->factor) {
        set_window(ctl, now_us, ctl->window * 2);
    } else if (ctl->start_stage == 1) {
        ctl->start_stage = 2;
        set_window(ctl, now_us, most(ctl->window, RETURN_SECOND * ctl->rate_high * ctl->base_ms));
    } else {
        enter_steady(ctl, now_us, ctl->window);
    }
}

/* A foreign flow that has adapted to the link makes no queue while we pause: the drain finds none,
 * and the next alarm follows as soon as we have returned. */
static bool is_repeated_alarm(const struct oq_window_controller *ctl, int64_t now_us)
{
    double passed_ms = (double)(now_us - ctl->no_queue_us) / 1000;
    return ctl->no_queue_us != 0 && passed_ms < REPEATED_RTTS * ctl->rtt_ms + REPEATED_MS &&
           ctl->rate < TAKEN * ctl->rate_high;
}

static void step_steady(struct oq_window_controller *ctl, int64_t now_us,
                        const struct oq_window_controller_input *input, double queue, double goal,
                        double passed_ms)
{
    bool is_long = queue > long_queue_ms(ctl, input);
    goal = far_goal_ms(ctl, input, goal);
    double own = own_queue(ctl, input, goal);
    if (!is_long)
        ctl->long_since_us = 0;
    else if (ctl->long_since_us == 0)
        ctl->long_since_us = now_us;
    /* With less than the former rate cross traffic may take the rest; otherwise the rule may still
     * shorten the queue. On a slow link even the smallest window makes a long one. */
    bool is_least = ctl->window < 1.2 * least_window(ctl);
    bool is_lost = ctl->rate < FAILED_SHARE * ctl->rate_high;
    bool has_stayed = (double)(now_us - ctl->long_since_us) > (1.5 * ctl->rtt_ms + PAUSE_MS) * 1000;
    /* Against cross traffic that takes what the rule gives up the window never settles. */
    if (is_long && (has_settled(ctl, now_us) || (is_lost && has_stayed)) &&
        (!is_least || is_lost) && (ctl->rate < KEPT * ctl->rate_high || has_stayed)) {
        /* If the drain finds no queue, the link is slower now. */
        ctl->drain_rate_high =
            is_lost ? most(ctl->rate, FAILED_SHARE * ctl->rate_high) : ctl->rate_high;
        double rate = most(ctl->rate, KEPT * ctl->drain_rate_high);
        if (is_repeated_alarm(ctl, now_us)) {
            ctl->drain_us = now_us + DRAIN_AFTER_US;
            enter_yield(ctl, now_us);
        } else {
            enter_drain(ctl, now_us, input, true, least(ctl->window, rate * ctl->base_ms + own));
        }
        return;
    }
    if (ctl->grow_to > 0) {
        if (queue > most(1.5 * goal, 0.25 * ctl->base_ms))
            ctl->grow_to = 0;
        double grown = ctl->window * exp2(passed_ms / rtt_or_base_ms(ctl));
        set_window(ctl, now_us, least(grown, most(ctl->grow_to, ctl->window)));
        if (ctl->window < ctl->grow_to)
            return;
        ctl->grow_to = 0;
        wait_for_effect(ctl, now_us);
        return;
    }
    if (now_us >= ctl->drain_us && !is_long) {
        enter_drain(ctl, now_us, input, false, ctl->window);
        return;
    }
    if (now_us < ctl->effect_us)
        return;
    double rtts = least(1, passed_ms / most(ctl->rtt_ms, passed_ms));
    /* The longer there is no queue, the faster the growth; not of a window that the sender does not
     * use, since it shows nothing. */
    bool is_used = is_window_used(ctl);
    if (queue > goal / 2 || !is_used)
        ctl->gain = 1;
    else
        ctl->gain = least(ctl->gain * (1 + rtts), GAIN_MOST);
    double wanted = ctl->window * ctl->base_ms / rtt_or_base_ms(ctl) + own;
    wanted += least((ctl->gain - 1) * own, GAIN_SHARE * ctl->window);
    if (!is_used)
        wanted = least(wanted, ctl->window);
    wanted = most(wanted, ctl->window * (1 - 2 * SHRINK));
    set_window(ctl, now_us, ctl->window + 0.5 * rtts * (wanted - ctl->window));
}

/* After the pause: a longer RTT is a queue of cross traffic, or a longer path. */
static void step_drain(struct oq_window_controller *ctl, int64_t now_us)
{
    double passed_ms = (double)(now_us - ctl->drain_us) / 1000;
    if (ctl->step_rtt_ms > 0 &&
        (ctl->drain_least_ms == 0 || ctl->step_rtt_ms < ctl->drain_least_ms))
        ctl->drain_least_ms = ctl->step_rtt_ms;
    bool is_silent = passed_ms * 1000 > DRAIN_SILENT_US + 4 * rtt_or_base_ms(ctl) * 1000;
    /* After an alarm few packets arrive to measure with. */
    double enough_ms = (ctl->is_alarm ? 2 : 1) * rtt_or_base_ms(ctl) + 40;
    if (!is_silent && (ctl->drain_least_ms == 0 || passed_ms < enough_ms))
        return;
    if (is_silent ||
        (ctl->base_ms > 0 && ctl->drain_least_ms - ctl->base_ms > ctl->drain_long_ms)) {
        ctl->is_begun = true;
        ctl->drain_us = now_us + DRAIN_AFTER_US;
        enter_yield(ctl, now_us);
        return;
    }
    double before_ms = ctl->base_ms;
    /* Both err towards too long. A longer one is a longer path, or a short queue. */
    if (before_ms == 0 || ctl->drain_least_ms < before_ms)
        ctl->base_ms = ctl->drain_least_ms;
    else if (!ctl->is_alarm && ctl->is_begun)
        ctl->base_ms += LONGER_SHARE * (ctl->drain_least_ms - before_ms);
    if (!ctl->is_begun) {
        ctl->is_begun = true;
        ctl->mode = OQ_WINDOW_SLOW_START;
        ctl->changed_us = now_us;
        ctl->drain_us = now_us + DRAIN_AFTER_US;
        return;
    }
    /* Very different from before: measure again soon. */
    bool is_fine =
        ctl->base_ms > 0.85 * before_ms && ctl->base_ms < 1.15 * before_ms && ctl->excesses == 0;
    ctl->no_queue_us = ctl->is_alarm ? now_us : 0;
    if (ctl->is_alarm)
        ctl->rate_high = least(ctl->rate_high, ctl->drain_rate_high);
    /* The whole window at once would be a burst, and alarm other services like this one. */
    ctl->grow_to = ctl->is_alarm ? ctl->drain_window : 0;
    enter_steady(ctl, now_us, ctl->drain_window * (ctl->is_alarm ? RETURN_FROM : 1));
    ctl->changed_us = now_us;
    ctl->drain_us = now_us + (ctl->is_paced ? DRAIN_PACED_US
                              : is_fine     ? DRAIN_EVERY_US
                                            : DRAIN_SOON_US);
}

static void step_yield(struct oq_window_controller *ctl, int64_t now_us,
                       const struct oq_window_controller_input *input, double goal)
{
    ctl->yield_least_ms = least(ctl->yield_least_ms, ctl->rtt_ms);
    ctl->yield_most_ms = most(ctl->yield_most_ms, ctl->rtt_ms);
    if (now_us - ctl->yield_spread_us >= ROUTE_CHANGE_US) {
        /* The queue of a TCP flow varies by a third; a path's RTT does not. */
        if (ctl->yield_most_ms - ctl->yield_least_ms <
            ROUTE_CHANGE_SPREAD * ctl->yield_least_ms + 3)
            ctl->base_ms = ctl->yield_least_ms;
        ctl->yield_spread_us = now_us;
        ctl->yield_least_ms = ctl->yield_most_ms = ctl->rtt_ms;
    }
    /* A new flow leaves the queue empty between its bursts, for some RTTs. */
    ctl->short_ms =
        input->must_yield ? -1 : most(2 * far_goal_ms(ctl, input, goal), 0.1 * ctl->base_ms);
    if (oq_window_controller_queue_ms(ctl) > ctl->short_ms)
        ctl->short_since_us = 0;
    else if (ctl->short_since_us == 0)
        ctl->short_since_us = now_us;
    else if ((double)(now_us - ctl->short_since_us) >=
             most(SHORT_US, SHORT_RTTS * ctl->base_ms * 1000))
        enter_slow_start(ctl, now_us);
}

/* --- the step --------------------------------------------------------------------------------- */

static void restart(struct oq_window_controller *ctl, int64_t now_us)
{
    oq_rtt_estimator_restart(&ctl->rtt, now_us);
    ctl->step_first = ctl->step_count = 0;
    ctl->long_since_us = 0;
    ctl->is_looking = false;
    ctl->changed_us = now_us;
    ctl->over_deliveries = ctl->rtt.over_deliveries;
}

/* What was advertised arrives, and what does not fit into the smaller buffer is refused: the sender
 * then loses its rate for seconds. So nothing shrinks the window at once, neither a limit nor a
 * floor whose RTT has become shorter. (After a pause nothing is in flight.) */
static double bounded(const struct oq_window_controller *ctl,
                      const struct oq_window_controller_input *input, double passed_ms)
{
    double rtt_ms = most(rtt_or_base_ms(ctl), 1);
    double rtts = least(1, most(passed_ms, 0) / rtt_ms);
    double window = most(ctl->window, input->floor_rate * rtt_or_base_ms(ctl));
    if (ctl->mode == OQ_WINDOW_YIELD)
        window = input->floor_rate * least((1 + PAUSE_RTTS) * rtt_ms + PAUSE_MS, CYCLE_MOST_MS);
    if (input->limit_rate > 0)
        window = least(window, input->limit_rate * rtt_ms);
    double before = ctl->advertised * ctl->factor;
    window = most(window, before * (1 - SHRINK * rtts));
    return least(most(window, least_window(ctl)), ctl->most * ctl->factor);
}

static void decide(struct oq_window_controller *ctl, int64_t now_us,
                   const struct oq_window_controller_input *input, double passed_us)
{
    correct_factor(ctl);
    bool is_new = ctl->mode == OQ_WINDOW_YIELD ? measure_look(ctl, now_us) : measure(ctl, now_us);
    double queue = oq_window_controller_queue_ms(ctl), goal = goal_ms(ctl, input);
    if (ctl->mode == OQ_WINDOW_STEADY)
        ctl->rate_high *= exp(-passed_us / FORMER_US);
    /* Not from a burst: after a pause, and at the begin after losses. */
    if (ctl->mode != OQ_WINDOW_YIELD && ctl->is_begun && now_us >= ctl->effect_us)
        ctl->rate_high = most(ctl->rate, ctl->rate_high);
    if (!ctl->is_begun && ctl->mode == OQ_WINDOW_SLOW_START) {
        /* Then what was advertised before the first window was set does not exceed it. */
        if ((double)ctl->rtt.received >= ctl->most - OQ_WINDOW_BEGIN(ctl->most))
            enter_drain(ctl, now_us, input, false, OQ_WINDOW_FIRST * ctl->factor);
        return;
    }
    if (input->must_yield && ctl->mode != OQ_WINDOW_YIELD)
        enter_yield(ctl, now_us);
    else if (ctl->mode == OQ_WINDOW_DRAIN)
        step_drain(ctl, now_us);
    else if (ctl->mode == OQ_WINDOW_YIELD && !ctl->is_looking)
        pause_at_floor(ctl, now_us); /* a limit or a sleep has ended the cycle */
    else if (ctl->is_paced && ctl->mode == OQ_WINDOW_STEADY && now_us >= ctl->drain_us)
        enter_drain(ctl, now_us, input, false, ctl->window);
    else if (!is_new || (ctl->is_paced && ctl->mode == OQ_WINDOW_STEADY))
        return;
    else if (ctl->mode == OQ_WINDOW_SLOW_START)
        step_slow_start(ctl, now_us, input, queue, goal);
    else if (ctl->mode == OQ_WINDOW_STEADY)
        step_steady(ctl, now_us, input, queue, goal, passed_us / 1000);
    else
        step_yield(ctl, now_us, input, goal);
}

/* Reading resumes: everything that was advertised has arrived. */
static void resume(struct oq_window_controller *ctl, int64_t now_us,
                   const struct oq_window_controller_input *input)
{
    if (ctl->mode != OQ_WINDOW_YIELD)
        ctl->rtt_ms = ctl->base_ms; /* our own queue has drained */
    else if (ctl->resumed_us != 0)
        ctl->rate = (double)ctl->rtt.received * 1000 / (double)(now_us - ctl->resumed_us);
    if (input->unread >= 0)
        ctl->excesses = (double)input->unread > EXCESS * ctl->pause_advertised + EXCESS_BYTES
                            ? ctl->excesses + 1
                            : 0;
    ctl->pause_us = 0;
    ctl->window = ctl->pause_window;
    ctl->advertised = 0;
    restart(ctl, now_us);
    if (input->unread >= 0 &&
        (!ctl->is_begun || (uint64_t)input->unread > ctl->rtt.edge - ctl->rtt.received))
        oq_rtt_estimator_restart_at(&ctl->rtt, now_us, (uint64_t)input->unread);
    ctl->resumed_us = now_us;
    ctl->resumed_bytes =
        input->unread >= 0 ? (uint64_t)input->unread : ctl->rtt.edge - ctl->rtt.received;
    ctl->is_looking = true;
    if (ctl->mode == OQ_WINDOW_DRAIN)
        ctl->drain_us = now_us;
    ctl->effect_us = now_us;
    if (ctl->excesses >= EXCESSES && !ctl->is_paced)
        oq_window_controller_set_paced(ctl, now_us);
}

uint64_t oq_window_controller_step(struct oq_window_controller *ctl, int64_t now_us,
                                   const struct oq_window_controller_input *input)
{
    int64_t passed_us = now_us - ctl->step_us;
    bool is_strange = passed_us > STEP_LONGEST_US || passed_us < 0;
    ctl->floor_rate = input->floor_rate;
    if (ctl->pause_us != 0 && ctl->mode == OQ_WINDOW_YIELD && measure_look(ctl, now_us)) {
        step_yield(ctl, now_us, input, goal_ms(ctl, input));
        if (ctl->mode != OQ_WINDOW_YIELD) { /* there is no queue: what is under way may come */
            ctl->pause_us = 0;
            restart(ctl, now_us);
            oq_rtt_estimator_ignore(&ctl->rtt, (uint64_t)ctl->pause_advertised);
        }
    }
    if (ctl->pause_us != 0 && !is_strange && !is_pause_over(ctl, now_us, input->unread)) {
        ctl->step_us = now_us;
        return (uint64_t)ctl->advertised;
    }
    if (ctl->pause_us != 0) {
        resume(ctl, now_us, input);
    } else if (is_strange || input->is_limited) {
        restart(ctl, now_us);
        ctl->short_since_us = 0;
        if (ctl->mode == OQ_WINDOW_DRAIN) { /* its measurement is void */
            ctl->mode = ctl->is_begun ? OQ_WINDOW_STEADY : OQ_WINDOW_SLOW_START;
            ctl->drain_us = now_us + DRAIN_AFTER_US;
        }
    } else {
        decide(ctl, now_us, input, (double)passed_us);
    }
    ctl->step_us = now_us;
    if (ctl->pause_us != 0) /* begins: the window stays until the advertised bytes have arrived */
        return (uint64_t)ctl->advertised;
    /* What a limit holds back must not arrive at once when it is lifted. */
    double window = bounded(ctl, input, (double)passed_us / 1000);
    if (ctl->mode != OQ_WINDOW_YIELD)
        ctl->window = least(most(ctl->window, least_window(ctl)), window);
    double change = window / ctl->factor - ctl->advertised;
    if (fabs(change) * NOT_WORTH >= ctl->advertised || ctl->advertised == 0)
        ctl->advertised = window / ctl->factor;
    oq_rtt_estimator_set_window(&ctl->rtt, now_us, (uint64_t)(ctl->advertised * ctl->factor));
    return (uint64_t)ctl->advertised;
}
