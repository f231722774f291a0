/* pace.c - the window of one background connection. Pure. */
#include "oq_window_controller.h"

#include <math.h>
#include <string.h>

#define STEP_LONGEST_US 2000000 /* a longer gap between two steps: the machine slept */
#define SPAN_LEAST_US 80000.0   /* round trips of so long are compared, and of one round trip */
#define PENDING_TRIPS 2.2       /* the model may allow a byte a round trip before the system does */
#define PENDING_MS 60.0
/* From then on what was allowed before the first window was set does not exceed it. */
#define BEGIN_BYTES (OQ_WINDOW_MOST - OQ_WINDOW_BEGIN)
#define WAY_MS 50.0 /* where nothing is known of it */
#define STOP_LONGEST_US 2000000
#define FACTOR_STEP 1.02
#define FACTOR_MOST 3.0
#define GOAL_MS 3.0      /* queue of our own at GOAL_RATE */
#define GOAL_RATE 1250.0 /* bytes per ms: 10 Mbit/s */
#define JITTER_SHARE 0.1
#define JITTER_MOST_MS 3.0
#define GOAL_LEAST_MS 0.8
#define GOAL_MOST_MS 8.0
#define LONG_QUEUE_MS 10.0       /* longer is not ours: at least this, */
#define LONG_QUEUE_GOALS 3.0     /* and this many goals, */
#define LONG_QUEUE_FAR_GOALS 2.0 /* and so many, far from the former rate, */
#define LONG_QUEUE_BASES 0.1     /* and this share of the base */
#define SHORT_WAY_MS 8.0
#define RAMP_WINDOW 12288.0 /* on a way of some length */
#define FEW_PACKETS 6144.0
#define FEW_PACKETS_RATE 600.0 /* bytes per ms: 5 Mbit/s */
#define BACK_FIRST 0.7         /* of the former rate */
#define BACK_SECOND 0.95
#define KEPT 0.95         /* less than this share of the former rate: somebody may take it */
#define NOT_WORTH 64      /* a change by less than this part is not worth a call into the system */
#define SHRINK 0.125      /* per round trip, at most */
#define FLOOR_GROWTH 0.25 /* of the floor's window, per step, at most */
#define USED_TRIPS 1.6    /* a window is used by what arrives in so many round trips */
#define USED_MS 8.0       /* and so many ms, in which we read late */
#define DARE 0.1          /* growth by more than the rule, in two round trips */
#define STOP_TRIPS 1.25   /* until what was allowed has come */
#define STOP_MS 15.0
#define SHORT_US 250000.0 /* a YIELD ends when the queue has been short for so long */
#define SHORT_TRIPS 3.0   /* and so many round trips */
#define DIP_SOON_US 1000000
#define DIP_EVERY_US 15000000
#define DIP_AFTER_US 3000000 /* not while a former rate is being won back */
#define OPEN_FROM 0.125      /* of the window before, after an alarm */
#define AGAIN_TRIPS 3.0      /* so many round trips */
#define AGAIN_MS 100.0       /* and ms after a dip another alarm is the same one */
#define TAKEN 0.75           /* if less than this share of the former rate is left */
#define LONGER_SHARE 0.25
#define DIP_SILENT_US 1000000
#define FILLING 0.6
#define FAR 0.45
#define FAR_MS 4.0
#define GROWING 1.3
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

void oq_window_controller_init(struct oq_window_controller *pace, int64_t now_us, double base_ms,
                               double factor)
{
    memset(pace, 0, sizeof *pace);
    pace->mode = OQ_WINDOW_SLOW_START;
    pace->factor = factor;
    pace->window = OQ_WINDOW_BEGIN * factor;
    pace->base_ms = base_ms;
    pace->step_us = pace->changed_us = now_us;
    oq_rtt_estimator_init(&pace->delay, now_us, (uint64_t)pace->window, UINT64_MAX / 2);
}

void oq_window_controller_receive(struct oq_window_controller *pace, int64_t now_us,
                                  int64_t since_us, uint64_t bytes)
{
    oq_rtt_estimator_receive(&pace->delay, now_us, since_us, bytes);
}

void oq_window_controller_receive_kept(struct oq_window_controller *pace, int64_t now_us,
                                       uint64_t bytes)
{
    oq_rtt_estimator_ignore(&pace->delay, bytes);
    oq_rtt_estimator_receive(&pace->delay, now_us, now_us, bytes);
}

void oq_window_controller_hint_base(struct oq_window_controller *pace, double base_ms)
{
    if (base_ms > 0 && (pace->base_ms == 0 || base_ms < pace->base_ms))
        pace->base_ms = base_ms;
}

double oq_window_controller_queue_ms(const struct oq_window_controller *pace)
{
    return pace->base_ms > 0 ? most(pace->trip_ms - pace->base_ms, 0) : 0;
}

int64_t oq_window_controller_pause_us(const struct oq_window_controller *pace)
{
    return pace->stop_us;
}

/* --- what is measured ------------------------------------------------------------------------- */

/* A surprise says that the system's windows are larger than was thought. */
static void correct(struct oq_window_controller *pace)
{
    if (pace->delay.surprises != pace->surprises && pace->factor < FACTOR_MOST) {
        pace->factor *= FACTOR_STEP;
        pace->window *= FACTOR_STEP;
    }
    pace->surprises = pace->delay.surprises;
}

/* Notes the step, and looks back over at least a round trip: of less, a part of a burst would be
 * taken for the whole. False if nothing has been learned. */
static bool measure(struct oq_window_controller *pace, int64_t now_us)
{
    double span_us = most(most(pace->trip_ms, pace->base_ms) * 1000, SPAN_LEAST_US);
    double shortest_ms = -1;
    int64_t trip_us = oq_rtt_estimator_take_us(&pace->delay);
    if (pace->step_count == OQ_WINDOW_STEPS) {
        pace->step_first = (pace->step_first + 1) % OQ_WINDOW_STEPS;
        pace->step_count--;
    }
    unsigned last = (pace->step_first + pace->step_count++) % OQ_WINDOW_STEPS;
    pace->step_trip_ms = trip_us < 0 ? -1 : most((double)trip_us / 1000, 0.05);
    pace->steps[last].at_us = now_us;
    pace->steps[last].received = pace->delay.received;
    pace->steps[last].least_ms = pace->step_trip_ms;
    for (unsigned i = pace->step_count; i-- > 0;) {
        unsigned at = (pace->step_first + i) % OQ_WINDOW_STEPS;
        double passed_us = (double)(now_us - pace->steps[at].at_us);
        if (passed_us >= 2 * span_us || (i == 0 && passed_us > 0)) {
            pace->rate =
                (double)(pace->delay.received - pace->steps[at].received) * 1000 / passed_us;
            break;
        }
        double ms = pace->steps[at].least_ms;
        if (ms >= 0 && passed_us < span_us && (shortest_ms < 0 || ms < shortest_ms))
            shortest_ms = ms;
    }
    double pending_ms = (double)oq_rtt_estimator_pending_us(&pace->delay, now_us) / 1000;
    if (pending_ms > PENDING_TRIPS * pace->trip_ms + PENDING_MS && pace->trip_ms > 0) {
        pace->trip_ms = pending_ms / PENDING_TRIPS; /* nothing comes: it takes at least so long */
        return true;
    }
    if (pace->step_trip_ms < 0)
        return false;
    pace->trip_ms = shortest_ms;
    pace->jitter_ms +=
        JITTER_SHARE * (least(pace->step_trip_ms - shortest_ms, JITTER_MOST_MS) - pace->jitter_ms);
    if (pace->base_ms == 0)
        pace->base_ms = pace->trip_ms;
    else if (pace->trip_ms < pace->base_ms)
        pace->base_ms += 0.5 * (pace->trip_ms - pace->base_ms);
    return true;
}

static double goal_ms(const struct oq_window_controller *pace,
                      const struct oq_window_controller_input *input)
{
    double rate = most(input->own_rate, pace->rate);
    double goal = rate > 0 ? GOAL_MS * cbrt(GOAL_RATE / rate) : GOAL_MOST_MS;
    goal *= 1 + least(pace->base_ms, 200) / 400; /* on a long way everything is less exact */
    return least(most(goal, GOAL_LEAST_MS) + pace->jitter_ms, GOAL_MOST_MS);
}

/* Far from what was there before, what seems to be a short queue is more likely none. (A long one
 * is not.) */
static double far_goal_ms(const struct oq_window_controller *pace,
                          const struct oq_window_controller_input *input, double goal)
{
    bool is_far = most(input->own_rate, pace->rate) < FAR * input->capacity;
    return is_far ? least(goal + FAR_MS, GOAL_MOST_MS) : goal;
}

static double long_queue_ms(const struct oq_window_controller *pace,
                            const struct oq_window_controller_input *input)
{
    double goal = goal_ms(pace, input);
    double of_goal =
        most(LONG_QUEUE_GOALS * goal, LONG_QUEUE_FAR_GOALS * far_goal_ms(pace, input, goal));
    return most(most(LONG_QUEUE_MS, of_goal), LONG_QUEUE_BASES * pace->base_ms);
}

/* With three packets on a way of some length each second one would be acknowledged late, which
 * looks like a queue; on a slow link more would be one. */
static double least_window(const struct oq_window_controller *pace)
{
    bool has_room = pace->base_ms >= SHORT_WAY_MS && pace->rate_high >= FEW_PACKETS_RATE;
    return (has_room ? FEW_PACKETS : OQ_WINDOW_LEAST) * pace->factor;
}

/* Our share of the goal, in bytes in the queue. */
static double own_queue(const struct oq_window_controller *pace,
                        const struct oq_window_controller_input *input, double goal)
{
    unsigned sharers = input->sharers > 0 ? input->sharers : 1;
    return goal * most(input->own_rate, pace->rate) / sharers;
}

/* --- modes ------------------------------------------------------------------------------------ */

static double trip_or_base_ms(const struct oq_window_controller *pace)
{
    return most(pace->trip_ms, pace->base_ms);
}

/* Does the sender send all that it may? */
static bool is_filled(const struct oq_window_controller *pace)
{
    return pace->window <
           pace->rate * (USED_TRIPS * trip_or_base_ms(pace) + USED_MS) + RAMP_WINDOW / 2;
}

bool oq_window_controller_is_blind(const struct oq_window_controller *pace)
{
    return pace->base_ms == 0 || !is_filled(pace);
}

static void set(struct oq_window_controller *pace, int64_t now_us, double window)
{
    if (window < pace->window * 0.9 || window > pace->window * 1.1)
        pace->changed_us = now_us;
    pace->window = window;
}

/* What is measured in the next two round trips still stems from what was before. */
static void hold(struct oq_window_controller *pace, int64_t now_us)
{
    pace->hold_us = now_us + (int64_t)(2 * trip_or_base_ms(pace) * 1000) + 50000;
}

/* Nobody reads until what was allowed has come; then there is that window. */
static void stop(struct oq_window_controller *pace, int64_t now_us, double window)
{
    double trip_ms = trip_or_base_ms(pace) > 0 ? trip_or_base_ms(pace) : WAY_MS;
    pace->stop_us = now_us + (int64_t)((STOP_TRIPS * trip_ms + STOP_MS) * 1000);
    pace->stop_window = window;
    pace->stop_unread = -1;
    pace->hold_us = now_us; /* the beginning of it, as long as it lasts */
}

/* Has everything come? As long as more comes, another round trip is waited for. */
static bool is_stop_over(struct oq_window_controller *pace, int64_t now_us, int64_t unread)
{
    double trip_ms = trip_or_base_ms(pace) > 0 ? trip_or_base_ms(pace) : WAY_MS;
    if (now_us - pace->hold_us > STOP_LONGEST_US)
        return true;
    if (unread > pace->stop_unread) {
        int64_t until_us = now_us + (int64_t)(trip_ms * 1000);
        if (pace->stop_us < until_us)
            pace->stop_us = until_us;
    }
    pace->stop_unread = unread;
    return now_us >= pace->stop_us;
}

static void enter_yield(struct oq_window_controller *pace, int64_t now_us)
{
    pace->mode = OQ_WINDOW_YIELD;
    pace->yield_spread_us = now_us;
    pace->under_us = 0;
    pace->yield_least_ms = pace->yield_most_ms = pace->trip_ms;
    stop(pace, now_us, 0);
}

static void enter_ramp(struct oq_window_controller *pace, int64_t now_us)
{
    pace->mode = OQ_WINDOW_SLOW_START;
    pace->ramp_stage = 1;
    pace->ramp_rate = 0;
    double least_window = pace->base_ms >= SHORT_WAY_MS ? RAMP_WINDOW * pace->factor : 0;
    set(pace, now_us, most(least_window, BACK_FIRST * pace->rate_high * pace->base_ms));
}

static void enter_open(struct oq_window_controller *pace, int64_t now_us, double window)
{
    pace->mode = OQ_WINDOW_STEADY;
    pace->gain = 1;
    pace->over_us = 0;
    set(pace, now_us, window);
    hold(pace, now_us);
    if (pace->dip_us < now_us + DIP_AFTER_US)
        pace->dip_us = now_us + DIP_AFTER_US;
}

static void enter_dip(struct oq_window_controller *pace, int64_t now_us,
                      const struct oq_window_controller_input *input, bool is_alarm, double window)
{
    pace->mode = OQ_WINDOW_DRAIN;
    pace->is_alarm = is_alarm;
    pace->dip_long_ms = long_queue_ms(pace, input); /* by the rate that there is now */
    pace->dip_least_ms = 0;
    pace->dip_window = window;
    /* All at once would be a burst into what may be somebody else's queue. */
    stop(pace, now_us, is_alarm ? 0 : window);
}

/* Has the last change of the window had the time to show its effect, and that to stay? */
static bool has_settled(const struct oq_window_controller *pace, int64_t now_us)
{
    return (double)(now_us - pace->changed_us) >=
           (trip_or_base_ms(pace) + pace->base_ms + 40) * 1000;
}

static void step_ramp(struct oq_window_controller *pace, int64_t now_us,
                      const struct oq_window_controller_input *input, double queue, double goal)
{
    if (!has_settled(pace, now_us))
        return;
    /* A window that grows at once comes as a burst, which is a short queue of its own; and what
     * seems to be a queue may be a sender that still has to find its rate. */
    bool is_growing = pace->rate > GROWING * pace->ramp_rate;
    bool has_queue = queue > most(1.5 * far_goal_ms(pace, input, goal), 0.25 * pace->base_ms);
    pace->ramp_rate = pace->rate;
    if (has_queue && is_growing) {
        pace->changed_us = now_us;
        return;
    }
    if (has_queue) {
        if (pace->ramp_stage > 0)
            pace->rate_high = most(pace->rate, FAILED_SHARE * pace->rate_high);
        /* On the way back the rate still is that of before. The one of this moment is not more than
         * a sender gives that has lost its own to the losses in others' queue. */
        double rate = pace->rate;
        if (pace->ramp_stage > 0 && pace->trip_ms > 0)
            rate = most(rate, least(BACK_FIRST * pace->rate_high, pace->window / pace->trip_ms));
        bool is_alarm = pace->ramp_stage > 0 && queue > long_queue_ms(pace, input);
        pace->dip_rate_high = pace->rate_high;
        enter_dip(pace, now_us, input, is_alarm,
                  least(pace->window, rate * pace->base_ms +
                                          own_queue(pace, input, far_goal_ms(pace, input, goal))));
        return;
    }
    if (pace->ramp_stage == 0 && pace->window < OQ_WINDOW_MOST * pace->factor) {
        set(pace, now_us, pace->window * 2);
    } else if (pace->ramp_stage == 1) {
        pace->ramp_stage = 2;
        set(pace, now_us, most(pace->window, BACK_SECOND * pace->rate_high * pace->base_ms));
    } else {
        enter_open(pace, now_us, pace->window);
    }
}

/* A flow that has just found its rate fits the link while we are away: a dip finds no queue, and
 * the next alarm comes as soon as we are back. */
static bool is_alarm_again(const struct oq_window_controller *pace, int64_t now_us)
{
    double passed_ms = (double)(now_us - pace->found_none_us) / 1000;
    return pace->found_none_us != 0 && passed_ms < AGAIN_TRIPS * pace->trip_ms + AGAIN_MS &&
           pace->rate < TAKEN * pace->rate_high;
}

static void step_open(struct oq_window_controller *pace, int64_t now_us,
                      const struct oq_window_controller_input *input, double queue, double goal,
                      double passed_ms)
{
    bool is_long = queue > long_queue_ms(pace, input);
    goal = far_goal_ms(pace, input, goal);
    double own = own_queue(pace, input, goal);
    if (!is_long)
        pace->over_us = 0;
    else if (pace->over_us == 0)
        pace->over_us = now_us;
    /* If less comes than before, somebody may have it; otherwise the rule may still get rid of the
     * queue. */
    /* On a slow link even the smallest window makes a long queue. */
    bool is_least = pace->window < 1.2 * least_window(pace);
    bool is_lost = pace->rate < FAILED_SHARE * pace->rate_high;
    bool has_stayed = (double)(now_us - pace->over_us) > (1.5 * pace->trip_ms + STOP_MS) * 1000;
    /* The rule takes back so much against somebody who takes it that it never settles. */
    if (is_long && (has_settled(pace, now_us) || (is_lost && has_stayed)) &&
        (!is_least || is_lost) && (pace->rate < KEPT * pace->rate_high || has_stayed)) {
        /* If the dip finds nobody, the link is slower now. */
        pace->dip_rate_high =
            is_lost ? most(pace->rate, FAILED_SHARE * pace->rate_high) : pace->rate_high;
        double rate = most(pace->rate, KEPT * pace->dip_rate_high);
        if (is_alarm_again(pace, now_us)) {
            pace->dip_us = now_us + DIP_AFTER_US;
            enter_yield(pace, now_us);
        } else {
            enter_dip(pace, now_us, input, true, least(pace->window, rate * pace->base_ms + own));
        }
        return;
    }
    if (pace->open_to > 0) {
        if (queue > most(1.5 * goal, 0.25 * pace->base_ms))
            pace->open_to = 0;
        double grown = pace->window * exp2(passed_ms / trip_or_base_ms(pace));
        set(pace, now_us, least(grown, most(pace->open_to, pace->window)));
        if (pace->window < pace->open_to)
            return;
        pace->open_to = 0;
        hold(pace, now_us);
        return;
    }
    if (now_us >= pace->dip_us && !is_long) {
        enter_dip(pace, now_us, input, false, pace->window);
        return;
    }
    if (now_us < pace->hold_us)
        return;
    double trips = least(1, passed_ms / most(pace->trip_ms, passed_ms));
    /* The longer there is no queue at all, the more is dared. Of a window that the sender does not
     * use nothing is seen. */
    bool is_used = is_filled(pace);
    if (queue > goal / 2 || !is_used)
        pace->gain = 1;
    else
        pace->gain = least(pace->gain * (1 + trips), GAIN_MOST);
    double wanted = pace->window * pace->base_ms / trip_or_base_ms(pace) + own;
    wanted += least((pace->gain - 1) * own, DARE * pace->window);
    if (pace->rate < FILLING * input->capacity && pace->base_ms >= SHORT_WAY_MS)
        wanted = most(wanted, RAMP_WINDOW * pace->factor);
    if (!is_used)
        wanted = least(wanted, pace->window);
    wanted = most(wanted, pace->window * (1 - 2 * SHRINK));
    set(pace, now_us, pace->window + 0.5 * trips * (wanted - pace->window));
}

/* After the stop: what queue there is now was made by others, or is the way. */
static void step_dip(struct oq_window_controller *pace, int64_t now_us)
{
    double passed_ms = (double)(now_us - pace->dip_us) / 1000;
    if (pace->step_trip_ms > 0 &&
        (pace->dip_least_ms == 0 || pace->step_trip_ms < pace->dip_least_ms))
        pace->dip_least_ms = pace->step_trip_ms;
    bool is_silent = passed_ms * 1000 > DIP_SILENT_US + 4 * trip_or_base_ms(pace) * 1000;
    /* After an alarm there are few packets to see it by. */
    double enough_ms = (pace->is_alarm ? 2 : 1) * trip_or_base_ms(pace) + 40;
    if (!is_silent && (pace->dip_least_ms == 0 || passed_ms < enough_ms))
        return;
    if (is_silent ||
        (pace->base_ms > 0 && pace->dip_least_ms - pace->base_ms > pace->dip_long_ms)) {
        pace->is_begun = true;
        pace->dip_us = now_us + DIP_AFTER_US;
        enter_yield(pace, now_us);
        return;
    }
    double before_ms = pace->base_ms;
    /* Both are too long rather than too short. More may be the way, or somebody's short queue. */
    if (before_ms == 0 || pace->dip_least_ms < before_ms)
        pace->base_ms = pace->dip_least_ms;
    else if (!pace->is_alarm && pace->is_begun)
        pace->base_ms += LONGER_SHARE * (pace->dip_least_ms - before_ms);
    if (!pace->is_begun) {
        pace->is_begun = true;
        pace->mode = OQ_WINDOW_SLOW_START;
        pace->changed_us = now_us;
        pace->dip_us = now_us + DIP_AFTER_US;
        return;
    }
    /* Very different from what was thought: look again soon. */
    bool is_fine = pace->base_ms > 0.85 * before_ms && pace->base_ms < 1.15 * before_ms;
    pace->found_none_us = pace->is_alarm ? now_us : 0;
    if (pace->is_alarm)
        pace->rate_high = least(pace->rate_high, pace->dip_rate_high);
    /* All at once would be a burst, and the next alarm of others like us. */
    pace->open_to = pace->is_alarm ? pace->dip_window : 0;
    enter_open(pace, now_us, pace->dip_window * (pace->is_alarm ? OPEN_FROM : 1));
    pace->changed_us = now_us;
    pace->dip_us = now_us + (is_fine ? DIP_EVERY_US : DIP_SOON_US);
}

static void step_yield(struct oq_window_controller *pace, int64_t now_us,
                       const struct oq_window_controller_input *input, double goal)
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
    /* A flow that only begins leaves the queue empty between its bursts, for some round trips. */
    if (input->must_yield || oq_window_controller_queue_ms(pace) >
                                 most(2 * far_goal_ms(pace, input, goal), 0.1 * pace->base_ms))
        pace->under_us = 0;
    else if (pace->under_us == 0)
        pace->under_us = now_us;
    else if ((double)(now_us - pace->under_us) >=
             most(SHORT_US, SHORT_TRIPS * pace->base_ms * 1000))
        enter_ramp(pace, now_us);
}

/* --- the step --------------------------------------------------------------------------------- */

static void restart(struct oq_window_controller *pace, int64_t now_us)
{
    oq_rtt_estimator_restart(&pace->delay, now_us);
    pace->step_first = pace->step_count = 0;
    pace->over_us = pace->under_us = 0;
    pace->changed_us = now_us;
    pace->surprises = pace->delay.surprises;
}

/* What was allowed comes all the same, and what does not fit into the buffer any more is refused:
 * then the sender loses its rate for seconds. So nothing takes the window back at once, neither a
 * limit nor a floor whose round trip has become shorter. (After a stop nothing is on the way.) */
static double bounded(const struct oq_window_controller *pace,
                      const struct oq_window_controller_input *input, double passed_ms)
{
    double trip_ms = most(trip_or_base_ms(pace), 1);
    double trips = least(1, most(passed_ms, 0) / trip_ms);
    double window = pace->mode == OQ_WINDOW_YIELD ? 0 : pace->window;
    window = most(window, input->floor_rate * trip_or_base_ms(pace));
    if (input->rate_most > 0)
        window = least(window, input->rate_most * trip_ms);
    double before = pace->given * pace->factor;
    /* A packet that was lost, of a few, is sent again after 200 ms: that is no longer way. */
    if (pace->mode == OQ_WINDOW_YIELD && before > 0)
        window = least(window, before * (1 + FLOOR_GROWTH));
    window = most(window, before * (1 - SHRINK * trips));
    return least(most(window, least_window(pace)), OQ_WINDOW_MOST * pace->factor);
}

static void decide(struct oq_window_controller *pace, int64_t now_us,
                   const struct oq_window_controller_input *input, double passed_us)
{
    correct(pace);
    bool is_new = measure(pace, now_us);
    double queue = oq_window_controller_queue_ms(pace), goal = goal_ms(pace, input);
    if (pace->mode == OQ_WINDOW_STEADY)
        pace->rate_high *= exp(-passed_us / FORMER_US);
    /* Not by what comes in a burst: after a stop, and at the beginning after losses. */
    if (pace->mode != OQ_WINDOW_YIELD && pace->is_begun && now_us >= pace->hold_us)
        pace->rate_high = most(pace->rate, pace->rate_high);
    if (!pace->is_begun && pace->mode == OQ_WINDOW_SLOW_START) {
        if (pace->delay.received >= BEGIN_BYTES)
            enter_dip(pace, now_us, input, false, OQ_WINDOW_FIRST * pace->factor);
        return;
    }
    if (input->must_yield && pace->mode != OQ_WINDOW_YIELD)
        enter_yield(pace, now_us);
    else if (pace->mode == OQ_WINDOW_DRAIN)
        step_dip(pace, now_us);
    else if (!is_new)
        return;
    else if (pace->mode == OQ_WINDOW_SLOW_START)
        step_ramp(pace, now_us, input, queue, goal);
    else if (pace->mode == OQ_WINDOW_STEADY)
        step_open(pace, now_us, input, queue, goal, passed_us / 1000);
    else
        step_yield(pace, now_us, input, goal);
}

uint64_t oq_window_controller_step(struct oq_window_controller *pace, int64_t now_us,
                                   const struct oq_window_controller_input *input)
{
    int64_t passed_us = now_us - pace->step_us;
    bool is_strange = passed_us > STEP_LONGEST_US || passed_us < 0;
    if (pace->stop_us != 0 && !is_strange && !is_stop_over(pace, now_us, input->unread)) {
        pace->step_us = now_us;
        return (uint64_t)pace->given;
    }
    if (pace->stop_us != 0) {
        pace->stop_us = 0;
        pace->window = pace->stop_window;
        pace->given = 0;
        pace->trip_ms = pace->base_ms; /* the queue that we made is gone */
        restart(pace, now_us);
        if (input->unread >= 0 &&
            (!pace->is_begun || (uint64_t)input->unread > pace->delay.edge - pace->delay.received))
            oq_rtt_estimator_restart_at(&pace->delay, now_us, (uint64_t)input->unread);
        if (pace->mode == OQ_WINDOW_DRAIN)
            pace->dip_us = now_us;
        pace->hold_us = now_us;
    } else if (is_strange || input->is_held) {
        restart(pace, now_us);
        if (pace->mode == OQ_WINDOW_DRAIN) { /* it shows nothing any more */
            pace->mode = pace->is_begun ? OQ_WINDOW_STEADY : OQ_WINDOW_SLOW_START;
            pace->dip_us = now_us + DIP_AFTER_US;
        }
    } else {
        decide(pace, now_us, input, (double)passed_us);
    }
    pace->step_us = now_us;
    if (pace->stop_us != 0) /* from now on: the window stays until what was allowed has come */
        return (uint64_t)pace->given;
    /* What a limit keeps back must not come at once when it is lifted. */
    double window = bounded(pace, input, (double)passed_us / 1000);
    if (pace->mode != OQ_WINDOW_YIELD)
        pace->window = least(most(pace->window, least_window(pace)), window);
    double change = window / pace->factor - pace->given;
    if (fabs(change) * NOT_WORTH >= pace->given || pace->given == 0)
        pace->given = window / pace->factor;
    oq_rtt_estimator_set_window(&pace->delay, now_us, (uint64_t)(pace->given * pace->factor));
    return (uint64_t)pace->given;
}
