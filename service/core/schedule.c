/* schedule.c - who may transfer now. Pure; results are written into the groups that were given. */
#include "oq_schedule.h"

/* Who gets a place first. A waiting group comes before one whose slice is over, but cannot take a place within a slice. */
enum rank { IN_ITS_SLICE, WAITING_FOR_A_PLACE, SLICE_IS_OVER };

struct situation {
    int64_t slice_ms;
    int64_t now_ms;
};

static int64_t add_ms(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static bool wants_place(const struct oq_sched_group *group)
{
    return group->running > 0 || group->runnable > 0;
}

static enum rank rank_of(const struct oq_sched_group *group, const struct situation *at)
{
    if (group->turn_started_at_ms == 0)
        return WAITING_FOR_A_PLACE;
    return add_ms(group->turn_started_at_ms, at->slice_ms) > at->now_ms ? IN_ITS_SLICE : SLICE_IS_OVER;
}

static bool comes_before(const struct oq_sched_group *a, const struct oq_sched_group *b, const struct situation *at)
{
    enum rank rank_a = rank_of(a, at), rank_b = rank_of(b, at);
    if (rank_a != rank_b)
        return rank_a < rank_b;
    if (rank_a == WAITING_FOR_A_PLACE && a->waiting_since_ms != b->waiting_since_ms)
        return a->waiting_since_ms < b->waiting_since_ms;
    if (rank_a == IN_ITS_SLICE && a->turn_started_at_ms != b->turn_started_at_ms)
        return a->turn_started_at_ms < b->turn_started_at_ms;
    if (rank_a == SLICE_IS_OVER && a->turn_started_at_ms != b->turn_started_at_ms)
        return a->turn_started_at_ms > b->turn_started_at_ms; /* who has run longest goes first */
    return a->id < b->id;
}

/* Gives the places to background groups, the first in rank one by one: there are few places, and no memory is needed. */
static void give_places(struct oq_sched_group *groups, size_t count, size_t places, const struct situation *at)
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

int64_t oq_schedule(struct oq_sched_group *groups, size_t count, const struct oq_config *config, int64_t now_ms)
{
    const struct situation at = {.slice_ms = config->time_slice_ms, .now_ms = now_ms};
    for (size_t i = 0; i < count; i++)
        groups[i].has_place = groups[i].is_foreground && wants_place(&groups[i]);
    give_places(groups, count, (size_t)config->background_groups, &at);

    bool is_somebody_waiting = false;
    int64_t first_end_ms = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        struct oq_sched_group *group = &groups[i];
        group->start = 0;
        group->must_stop = !group->has_place && group->running > 0;
        if (!group->has_place) {
            is_somebody_waiting |= wants_place(group);
            continue;
        }
        int64_t room = config->files_in_flight - (int64_t)group->running;
        if (room > 0)
            group->start = group->runnable < room ? group->runnable : (uint32_t)room;
        if (!group->is_foreground) {
            int64_t started_at_ms = group->turn_started_at_ms ? group->turn_started_at_ms : now_ms;
            int64_t end_ms = add_ms(started_at_ms, at.slice_ms);
            if (end_ms < first_end_ms)
                first_end_ms = end_ms;
        }
    }
    return is_somebody_waiting ? first_end_ms : INT64_MAX;
}
