/* pace.c - the window of one background connection. Pure. */
#include "oq_pace.h"

#include <math.h>
#include <string.h>

#define STEP_LONGEST_US 2000000 /* a longer gap between two steps: the machine slept */
#define STEP_LEAST_US 40000.0
#define PENDING_TRIPS 2.2 /* the model may allow a byte a round trip before the system does */
#define PENDING_MS 60.0
#define GOAL_MS 3.0      /* queue of our own at GOAL_RATE */
#define GOAL_RATE 1250.0 /* bytes per ms: 10 Mbit/s */
#define GOAL_LEAST_MS 0.8
#define GOAL_MOST_MS 8.0
#define LONG_QUEUE_MS 10.0   /* longer is not ours: at least this, */
#define LONG_QUEUE_GOALS 3.0 /* and this many goals, */
#define LONG_QUEUE_BASES 0.1 /* and this share of the base */
#define SHORT_WAY_MS 8.0
#define SMALL_WINDOW 16384.0
#define DELAYED_MS 45.0
#define RAMP_WINDOW 12288.0 /* on a way of some length */
#define LONG_WAY_MS 40.0
#define DROP 0.7       /* less than this share of the former rate: somebody takes it */
#define HOLD_US 250000 /* a YIELD takes at least so long, and ends when the queue was short */
#define SHORT_WITHIN_US 400000 /* twice within so long */
#define DIP_FIRST_US 1000000
#define DIP_EVERY_US 15000000
#define DIP_AFTER_US 3000000 /* not while a former rate is being won back */
#define DIP_SHARE 0.75
#define DIP_LEAST 0.25
#define FILLING 0.6
#define FAILED_SHARE                                                                               \
    0.6 /* a return to the former rate has failed: perhaps the link is slower now */
#define GAIN_MOST 64.0
#define FORMER_US 5000000.0 /* the former rate is forgotten with this time constant */
#define SAME_WAY_US                                                                                \
    30000000 /* a queue that stays the same for so long is the length of the way                   \
              */
#define SAME_WAY_SPREAD 0.1

static double most(double a, double b)
{
    return a > b ? a : b;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

void oq_pace_init(struct oq_pace *pace, int64_t now_us, double base_ms, uint64_t allowed_bytes,
                  double factor)
{
    memset(pace, 0, sizeof *pace);
    pace->mode = OQ_PACE_RAMP;
    pace->factor = factor;
    pace->window = OQ_PACE_WINDOW_FIRST * factor;
    pace->base_ms = base_ms;
    pace->step_us = pace->changed_us = pace->arrived_us = now_us;
    pace->dip_us = now_us + DIP_FIRST_US;
    oq_delay_init(&pace->delay, now_us, (uint64_t)pace->window, allowed_bytes);
}

void oq_pace_receive(struct oq_pace *pace, int64_t now_us, uint64_t bytes)
{
    oq_delay_receive(&pace->delay, now_us, bytes);
    pace->arrived_us = now_us;
}

void oq_pace_hint_base(struct oq_pace *pace, double base_ms)
{
    if (base_ms > 0 && (pace->base_ms == 0 || base_ms < pace->base_ms))
        pace->base_ms = base_ms;
}

double oq_pace_queue_ms(const struct oq_pace *pace)
{
    return pace->base_ms > 0 ? most(pace->trip_ms - pace->base_ms, 0) : 0;
}

/* --- what is measured ------------------------------------------------------------------------- */

/* Notes the step, and means over at least a round trip and a step: of less, a part of a burst would
 * be taken for the whole. False if nothing has been learned. */
static bool measure(struct oq_pace *pace, int64_t now_us)
{
    double span_us = most(most(pace->trip_ms, pace->base_ms) * 1000, STEP_LEAST_US);
    double sum = 0, weight = 0;
    uint64_t bytes = 0;
    int64_t trip_us = oq_delay_take_us(&pace->delay, &bytes);
    if (pace->step_count == OQ_PACE_STEPS) {
        pace->step_first = (pace->step_first + 1) % OQ_PACE_STEPS;
        pace->step_count--;
    }
    unsigned last = (pace->step_first + pace->step_count++) % OQ_PACE_STEPS;
    pace->steps[last].at_us = now_us;
    pace->steps[last].received = pace->delay.received;
    pace->steps[last].weight = (double)bytes;
    pace->steps[last].sum_ms = (double)bytes * (double)trip_us / 1000;
    pace->step_trip_ms = (double)trip_us / 1000;
    for (unsigned i = pace->step_count; i-- > 0;) {
        unsigned at = (pace->step_first + i) % OQ_PACE_STEPS;
        double passed_us = (double)(now_us - pace->steps[at].at_us);
        if (passed_us >= span_us || (i == 0 && passed_us > 0)) {
            pace->rate =
                (double)(pace->delay.received - pace->steps[at].received) * 1000 / passed_us;
            break;
        }
        sum += pace->steps[at].sum_ms;
        weight += pace->steps[at].weight;
    }
    double pending_ms = (double)oq_delay_pending_us(&pace->delay, now_us) / 1000;
    if (pending_ms > PENDING_TRIPS * pace->trip_ms + PENDING_MS && pace->trip_ms > 0) {
        pace->trip_ms = pending_ms / PENDING_TRIPS; /* nothing comes: it takes at least so long */
        return true;
    }
    if (weight == 0 || bytes == 0)
        return false;
    pace->trip_ms = most(sum / weight, 0.05);
    if (pace->base_ms == 0)
        pace->base_ms = pace->trip_ms;
    else if (pace->trip_ms < pace->base_ms)
        pace->base_ms += 0.3 * (pace->trip_ms - pace->base_ms);
    return true;
}

/* The queue as far as it is sure. On a way of some length a window of few packets waits for delayed
 * acknowledgements (Linux: 40 ms) now and then, which looks like a queue. */
static double sure_queue_ms(const struct oq_pace *pace)
{
    double queue = oq_pace_queue_ms(pace);
    if (pace->base_ms >= SHORT_WAY_MS && pace->window < SMALL_WINDOW * pace->factor)
        queue = most(0, queue - DELAYED_MS);
    return queue;
}

static double goal_ms(const struct oq_pace *pace, const struct oq_pace_input *input)
{
    double rate = most(input->own_rate, pace->rate);
    double goal = rate > 0 ? GOAL_MS * cbrt(GOAL_RATE / rate) : GOAL_MOST_MS;
    goal *= 1 + least(pace->base_ms, 200) / 200; /* on a long way everything is less exact */
    return least(most(goal, GOAL_LEAST_MS), GOAL_MOST_MS);
}

static double long_queue_ms(const struct oq_pace *pace, double goal)
{
    return most(most(LONG_QUEUE_MS, LONG_QUEUE_GOALS * goal), LONG_QUEUE_BASES * pace->base_ms);
}

/* The window that leaves our share of the goal in the queue. */
static double rule(const struct oq_pace *pace, const struct oq_pace_input *input, double goal)
{
    double own = most(input->own_rate, pace->rate);
    unsigned sharers = input->sharers > 0 ? input->sharers : 1;
    return pace->rate * pace->base_ms + goal * own / sharers;
}

/* --- modes ------------------------------------------------------------------------------------ */

static void set(struct oq_pace *pace, int64_t now_us, double window)
{
    if (window < pace->window * 0.9 || window > pace->window * 1.1)
        pace->changed_us = now_us;
    pace->window = window;
}

/* What is measured in the next two round trips still stems from the window before. */
static void hold(struct oq_pace *pace, int64_t now_us)
{
    pace->hold_us = now_us + (int64_t)(2 * most(pace->trip_ms, pace->base_ms) * 1000) + 50000;
}

static void enter_yield(struct oq_pace *pace, int64_t now_us)
{
    pace->mode = OQ_PACE_YIELD;
    pace->yield_us = pace->yield_spread_us = now_us;
    pace->under_us = 0;
    pace->over_us = 0;
    pace->yield_least_ms = pace->yield_most_ms = pace->trip_ms;
    set(pace, now_us, 0);
}

static void enter_ramp(struct oq_pace *pace, int64_t now_us)
{
    pace->mode = OQ_PACE_RAMP;
    pace->ramp_stage = 1;
    pace->over_us = 0;
    double least_window = pace->base_ms >= SHORT_WAY_MS ? RAMP_WINDOW * pace->factor : pace->window;
    set(pace, now_us, most(least_window, 0.7 * pace->rate_high * pace->base_ms));
}

static void enter_open(struct oq_pace *pace, int64_t now_us, double window)
{
    pace->mode = OQ_PACE_OPEN;
    pace->over_us = 0;
    pace->gain = 1;
    set(pace, now_us, window);
    hold(pace, now_us);
    if (pace->dip_us < now_us + DIP_AFTER_US && pace->dip_count > 0)
        pace->dip_us = now_us + DIP_AFTER_US;
}

/* Has the last change of the window had the time to show its effect, and that to stay? */
static bool has_settled(const struct oq_pace *pace, int64_t now_us)
{
    double trip_ms = most(pace->trip_ms, pace->base_ms);
    return (double)(now_us - pace->changed_us) >= (trip_ms + pace->base_ms + 40) * 1000;
}

/* Is the queue long, and not ours? */
static bool is_taken(struct oq_pace *pace, int64_t now_us, double queue, double goal,
                     const struct oq_pace_input *input)
{
    if (queue <= long_queue_ms(pace, goal)) {
        pace->over_us = 0;
        return false;
    }
    if (pace->rate_high > 0 && pace->rate < DROP * pace->rate_high)
        return true;
    /* On a long way the queue was seen for a whole round trip already, and there is no time. */
    if (pace->base_ms >= LONG_WAY_MS && queue > 1.5 * long_queue_ms(pace, goal) &&
        has_settled(pace, now_us))
        return true;
    if (pace->over_us == 0) { /* first see whether it is our own: cut it down, and wait */
        pace->over_us = now_us;
        set(pace, now_us, least(pace->window, rule(pace, input, goal)));
        pace->changed_us = now_us;
        return false;
    }
    return has_settled(pace, now_us);
}

static void step_ramp(struct oq_pace *pace, int64_t now_us, const struct oq_pace_input *input,
                      double queue, double goal)
{
    /* A window that grows at once comes as a burst, which is a short queue of its own. */
    bool has_queue = queue > most(1.5 * goal, 0.25 * pace->base_ms);
    if (has_queue && has_settled(pace, now_us)) {
        if (pace->ramp_stage > 0)
            pace->rate_high = most(pace->rate, FAILED_SHARE * pace->rate_high);
        if (queue > long_queue_ms(pace, goal) && pace->ramp_stage > 0) {
            enter_yield(pace, now_us);
            return;
        }
        enter_open(pace, now_us, most(pace->window / 2, rule(pace, input, goal)));
        return;
    }
    if (has_queue || !has_settled(pace, now_us))
        return;
    if (pace->ramp_stage == 0) {
        set(pace, now_us, pace->window * 2);
    } else if (pace->ramp_stage == 1) {
        pace->ramp_stage = 2;
        set(pace, now_us, most(pace->window, 0.95 * pace->rate_high * pace->base_ms));
    } else {
        enter_open(pace, now_us, most(pace->window, rule(pace, input, goal)));
    }
}

static void step_open(struct oq_pace *pace, int64_t now_us, const struct oq_pace_input *input,
                      double queue, double goal, double passed_ms)
{
    if (is_taken(pace, now_us, queue, goal, input)) {
        enter_yield(pace, now_us);
        return;
    }
    if (now_us >= pace->dip_us && pace->over_us == 0) {
        pace->mode = OQ_PACE_DIP;
        pace->dip_us = now_us;
        pace->dip_window = pace->window;
        pace->dip_least_ms = 0;
        pace->dip_base_ms = pace->base_ms;
        set(pace, now_us,
            pace->window *
                most(DIP_LEAST, DIP_SHARE * pace->base_ms / (pace->base_ms + queue + goal)));
        return;
    }
    if (pace->over_us != 0 || now_us < pace->hold_us)
        return;
    double trips = least(1, passed_ms / most(pace->trip_ms, passed_ms));
    /* The longer there is no queue at all, the more is dared. */
    bool is_far_from_filling = pace->rate < FILLING * input->capacity;
    if ((is_far_from_filling ? queue : oq_pace_queue_ms(pace)) > goal / 2)
        pace->gain = 1;
    else
        pace->gain = least(pace->gain * (1 + trips), GAIN_MOST);
    double wanted = rule(pace, input, goal);
    double extra = (pace->gain - 1) * goal * pace->rate;
    wanted += least(extra, 0.25 * pace->rate * pace->base_ms);
    if (is_far_from_filling && pace->base_ms >= SHORT_WAY_MS)
        wanted = most(wanted, RAMP_WINDOW * pace->factor);
    set(pace, now_us,
        pace->window + 0.5 * trips * (wanted - pace->window)); /* half per round trip */
}

/* Less than fills the way: what queue is left after a round trip was made by others, or is the way.
 */
static void step_dip(struct oq_pace *pace, int64_t now_us, const struct oq_pace_input *input,
                     double queue, double goal)
{
    double passed_ms = (double)(now_us - pace->dip_us) / 1000;
    double trip_ms = most(pace->trip_ms, pace->base_ms);
    if (passed_ms > trip_ms + pace->base_ms + 20 &&
        (pace->dip_least_ms == 0 || pace->trip_ms < pace->dip_least_ms))
        pace->dip_least_ms = pace->trip_ms;
    if (passed_ms > trip_ms + pace->base_ms + 40 && queue > long_queue_ms(pace, goal)) {
        pace->dip_us = now_us + DIP_AFTER_US;
        enter_yield(pace, now_us);
        return;
    }
    if (passed_ms < 2 * trip_ms + 120)
        return;
    double before_ms = pace->dip_base_ms;
    /* A window that was the smallest already has not become smaller. What stays may then be our own
     * queue, unless we are far from filling the link. */
    bool may_be_ours = pace->dip_window <= 2 * OQ_PACE_WINDOW_LEAST * pace->factor &&
                       pace->rate > FILLING * input->capacity;
    if (pace->dip_least_ms > 0)
        pace->base_ms =
            may_be_ours ? least(pace->dip_least_ms, 1.05 * before_ms) : pace->dip_least_ms;
    /* Very different from what was thought: look again soon. */
    bool is_fine = pace->base_ms > 0.85 * before_ms && pace->base_ms < 1.15 * before_ms;
    pace->dip_count += is_fine;
    pace->dip_us = now_us + (!is_fine || pace->dip_count < 3 ? DIP_FIRST_US : DIP_EVERY_US);
    pace->mode = OQ_PACE_OPEN;
    set(pace, now_us, pace->dip_window);
    pace->changed_us = now_us;
    hold(pace, now_us);
}

static void step_yield(struct oq_pace *pace, int64_t now_us, const struct oq_pace_input *input,
                       double queue, double goal)
{
    pace->yield_least_ms = least(pace->yield_least_ms, pace->trip_ms);
    pace->yield_most_ms = most(pace->yield_most_ms, pace->trip_ms);
    if (now_us - pace->yield_spread_us >= SAME_WAY_US) {
        /* A queue behind somebody's TCP swings by a third; a way does not. */
        if (pace->yield_most_ms - pace->yield_least_ms < SAME_WAY_SPREAD * pace->yield_least_ms + 3)
            pace->base_ms = pace->yield_least_ms;
        pace->yield_spread_us = now_us;
        pace->yield_least_ms = pace->yield_most_ms = pace->trip_ms;
    }
    /* A window of a few packets makes round trips seem longer now and then (acknowledgements wait
     * for each other), never shorter; a queue makes all of them longer. So the shortest ones count.
     */
    double shortest = pace->step_trip_ms > 0 ? pace->step_trip_ms - pace->base_ms : queue;
    if (input->must_yield)
        pace->under_us = 0;
    if (shortest > most(2 * goal, 0.1 * pace->base_ms) || input->must_yield)
        return;
    bool is_second = pace->under_us != 0 && now_us - pace->under_us <= SHORT_WITHIN_US;
    pace->under_us = now_us;
    double hold_us = most(HOLD_US, pace->base_ms * 1000 / pace->factor);
    if (is_second && (double)(now_us - pace->yield_us) >= hold_us)
        enter_ramp(pace, now_us);
}

/* --- the step --------------------------------------------------------------------------------- */

static void restart(struct oq_pace *pace, int64_t now_us)
{
    oq_delay_restart(&pace->delay, now_us);
    pace->step_first = pace->step_count = 0;
    pace->over_us = pace->under_us = 0;
    pace->changed_us = pace->arrived_us = now_us;
}

static double bounded(struct oq_pace *pace, const struct oq_pace_input *input)
{
    double trip_ms = most(pace->trip_ms, pace->base_ms);
    double window = pace->mode == OQ_PACE_YIELD ? 0 : pace->window;
    window = most(window, input->floor_rate * trip_ms);
    if (input->rate_most > 0)
        window = least(window, input->rate_most * most(trip_ms, 1));
    return least(most(window, OQ_PACE_WINDOW_LEAST * pace->factor),
                 OQ_PACE_WINDOW_MOST * pace->factor);
}

uint64_t oq_pace_step(struct oq_pace *pace, int64_t now_us, const struct oq_pace_input *input)
{
    int64_t passed_us = now_us - pace->step_us;
    pace->step_us = now_us;
    if (passed_us > STEP_LONGEST_US || passed_us < 0 || input->is_held) {
        restart(pace, now_us);
    } else {
        bool is_new = measure(pace, now_us);
        double queue = sure_queue_ms(pace), goal = goal_ms(pace, input);
        if (pace->mode != OQ_PACE_YIELD)
            pace->rate_high =
                most(pace->rate, pace->rate_high * exp(-(double)passed_us / FORMER_US));
        if (input->must_yield && pace->mode != OQ_PACE_YIELD)
            enter_yield(pace, now_us);
        else if (!is_new)
            ;
        else if (pace->mode == OQ_PACE_RAMP)
            step_ramp(pace, now_us, input, queue, goal);
        else if (pace->mode == OQ_PACE_OPEN)
            step_open(pace, now_us, input, queue, goal, (double)passed_us / 1000);
        else if (pace->mode == OQ_PACE_DIP)
            step_dip(pace, now_us, input, queue, goal);
        else
            step_yield(pace, now_us, input, queue, goal);
    }
    /* What a limit keeps back must not come at once when it is lifted. */
    double window = bounded(pace, input);
    if (pace->mode != OQ_PACE_YIELD)
        pace->window = least(most(pace->window, OQ_PACE_WINDOW_LEAST * pace->factor), window);
    oq_delay_set_window(&pace->delay, now_us, (uint64_t)window);
    return (uint64_t)(window / pace->factor);
}
