/* schedule.c - see oq_schedule.h. */
#include "oq_schedule.h"

#define IDLE_POLL_LEAST_MS 50
#define IDLE_POLL_MOST_MS 60000

/* --- places ----------------------------------------------------------------------------------- */

/* Who gets a place first. A group that has waited a whole slice, or has not run yet, takes the
 * place of one whose slice is over; one that has just lost its place waits until its turn comes
 * round again, or two groups would swap a place for nothing. */
enum rank { IN_ITS_SLICE, HAS_A_CLAIM, SLICE_IS_OVER, HAS_JUST_RUN };

struct situation {
    int64_t slice_ms;
    int64_t now_ms;
};

static int64_t add_ms(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool wants_place(const struct oq_sched_group *group)
{
    return group->running > 0 || group->runnable > 0;
}

/* When a group that has no place (or has lost it by this decision) may take one from a group whose
 * slice is over. */
static int64_t claim_at_ms(const struct oq_sched_group *group, const struct situation *at)
{
    if (group->slice_started_at_ms != 0)
        return add_ms(at->now_ms, at->slice_ms);
    return group->is_new ? at->now_ms : add_ms(group->waiting_since_ms, at->slice_ms);
}

static enum rank rank_of(const struct oq_sched_group *group, const struct situation *at)
{
    if (group->slice_started_at_ms != 0)
        return add_ms(group->slice_started_at_ms, at->slice_ms) > at->now_ms ? IN_ITS_SLICE
                                                                             : SLICE_IS_OVER;
    return claim_at_ms(group, at) <= at->now_ms ? HAS_A_CLAIM : HAS_JUST_RUN;
}

static bool comes_before(const struct oq_sched_group *a, const struct oq_sched_group *b,
                         const struct situation *at)
{
    enum rank rank_a = rank_of(a, at), rank_b = rank_of(b, at);
    if (rank_a != rank_b)
        return rank_a < rank_b;
    switch (rank_a) {
    case HAS_A_CLAIM:
    case HAS_JUST_RUN:
        if (a->waiting_since_ms != b->waiting_since_ms)
            return a->waiting_since_ms < b->waiting_since_ms;
        return a->id < b->id;
    case IN_ITS_SLICE:
        if (a->slice_started_at_ms != b->slice_started_at_ms)
            return a->slice_started_at_ms < b->slice_started_at_ms;
        return a->id < b->id;
    case SLICE_IS_OVER: /* the longest running loses its place first; of equals the one that was
                           started first */
        if (a->slice_started_at_ms != b->slice_started_at_ms)
            return a->slice_started_at_ms > b->slice_started_at_ms;
        return a->id > b->id;
    }
    return false;
}

/* Gives the places to background groups, the first in rank one by one: there are few places, and no
 * memory is needed. */
static void give_places(struct oq_sched_group *groups, size_t count, size_t places,
                        const struct situation *at)
{
    for (; places > 0; places--) {
        struct oq_sched_group *best = NULL;
        for (size_t i = 0; i < count; i++) {
            struct oq_sched_group *group = &groups[i];
            if (group->is_foreground || group->has_place || !wants_place(group))
                continue;
            if (!best || comes_before(group, best, at))
                best = group;
        }
        if (!best)
            return;
        best->has_place = true;
    }
}

int64_t oq_schedule(struct oq_sched_group *groups, size_t count, const struct oq_config *config,
                    int64_t now_ms)
{
    const struct situation at = {.slice_ms = config->time_slice_ms, .now_ms = now_ms};
    for (size_t i = 0; i < count; i++)
        groups[i].has_place = groups[i].is_foreground && wants_place(&groups[i]);
    give_places(groups, count, (size_t)config->background_groups, &at);

    /* The next exchange needs both: a place whose slice is over and a group with a claim to it. */
    int64_t first_end_ms = INT64_MAX, first_claim_ms = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        struct oq_sched_group *group = &groups[i];
        group->start = 0;
        group->must_stop = !group->has_place && group->running > 0;
        if (!group->has_place) {
            if (wants_place(group))
                first_claim_ms = earlier(first_claim_ms, claim_at_ms(group, &at));
            continue;
        }
        int64_t room = config->files_in_flight - (int64_t)group->running;
        if (room > 0)
            group->start = group->runnable < room ? group->runnable : (uint32_t)room;
        if (!group->is_foreground) {
            int64_t started_at_ms =
                group->slice_started_at_ms ? group->slice_started_at_ms : now_ms;
            first_end_ms = earlier(first_end_ms, add_ms(started_at_ms, at.slice_ms));
        }
    }
    if (first_claim_ms == INT64_MAX)
        return INT64_MAX;
    return first_end_ms > first_claim_ms ? first_end_ms : first_claim_ms;
}

/* --- retries ---------------------------------------------------------------------------------- */

int64_t oq_retry_delay_ms(const struct oq_config *config, uint32_t attempt, int64_t retry_after_ms,
                          uint64_t random)
{
    int64_t first_ms = config->retry_first_ms;
    if (retry_after_ms >= 0) {
        int64_t delay_ms = retry_after_ms;
        if (delay_ms > config->retry_after_limit_ms)
            delay_ms = config->retry_after_limit_ms;
        return delay_ms < first_ms ? first_ms : delay_ms;
    }

    /* A longest delay below the first one is a matter of configuration, not of arithmetic: the
     * first one wins. */
    int64_t longest_ms = config->retry_longest_ms > first_ms ? config->retry_longest_ms : first_ms;
    int64_t delay_ms = first_ms;
    for (uint32_t i = 1; i < attempt && delay_ms < longest_ms; i++)
        delay_ms = delay_ms > longest_ms / 2 ? longest_ms : delay_ms * 2;

    uint64_t spread_ms = (uint64_t)delay_ms / 2;
    return delay_ms - (int64_t)(spread_ms / 2) + (int64_t)(random % (spread_ms + 1));
}

bool oq_retry_is_hopeless(const struct oq_config *config, int64_t no_progress_since_ms,
                          int64_t now_wall_ms)
{
    if (no_progress_since_ms == 0)
        return false;
    if (config->no_progress_ms == 0)
        return true;
    int64_t passed_ms;
    if (__builtin_sub_overflow(now_wall_ms, no_progress_since_ms, &passed_ms))
        return false; /* a clock set by centuries proves nothing */
    return passed_ms >= config->no_progress_ms;
}

/* --- idle stop -------------------------------------------------------------------------------- */

bool oq_idle_stop_is_due(struct oq_idle_stop *stop, const struct oq_idle_look *look,
                         int64_t limit_ms, int64_t now_ms)
{
    bool is_needed = look->has_work || look->clients > 0;
    bool was_idle = stop->is_idle && stop->activations == look->activations;

    stop->activations = look->activations;
    stop->is_idle = !is_needed;
    if (is_needed)
        return false;
    if (!was_idle)
        stop->since_ms = now_ms;
    if (limit_ms > 0 && look->activations == 0 && limit_ms < OQ_IDLE_STOP_GRACE_MS)
        limit_ms = OQ_IDLE_STOP_GRACE_MS;
    return limit_ms > 0 && now_ms - stop->since_ms >= limit_ms;
}

int64_t oq_idle_stop_look_ms(int64_t limit_ms)
{
    int64_t quarter_ms = limit_ms / 4;

    if (quarter_ms < IDLE_POLL_LEAST_MS)
        return IDLE_POLL_LEAST_MS;
    return quarter_ms < IDLE_POLL_MOST_MS ? quarter_ms : IDLE_POLL_MOST_MS;
}
