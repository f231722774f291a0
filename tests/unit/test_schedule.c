/* test_schedule.c - service/core/schedule.c: single decisions, then a small engine with a turned
 * clock */
#include "test_unit.h"

#include "oq_schedule.h"

#define SLICE INT64_C(60000)

static struct oq_config config;

static int set_up(void **state)
{
    (void)state;
    oq_config_init(&config);
    config.background_groups = 2;
    config.files_in_flight = 4;
    config.time_slice_ms = SLICE;
    return 0;
}

/* Results are filled with nonsense, to see that they were written. */
static struct oq_sched_group background(int64_t id, uint32_t running, uint32_t runnable,
                                        int64_t turn, int64_t since)
{
    return (struct oq_sched_group){.id = id,
                                   .running = running,
                                   .runnable = runnable,
                                   .slice_started_at_ms = turn,
                                   .waiting_since_ms = since,
                                   .has_place = true,
                                   .start = 77,
                                   .must_stop = true};
}

static struct oq_sched_group foreground(int64_t id, uint32_t running, uint32_t runnable)
{
    struct oq_sched_group group = background(id, running, runnable, 0, 0);
    group.is_foreground = true;
    return group;
}

static void assert_result(const struct oq_sched_group *group, bool has_place, uint32_t start,
                          bool must_stop)
{
    if (group->has_place != has_place || group->start != start || group->must_stop != must_stop)
        fail_msg("group %lld: place %d, start %u, stop %d", (long long)group->id, group->has_place,
                 group->start, group->must_stop);
}

/* --- single decisions --- */

static void schedule__no_groups__never_changes(void **state)
{
    (void)state;
    assert_true(oq_schedule(NULL, 0, &config, 1000) == INT64_MAX);
}

static void schedule__nothing_to_do__gets_no_place(void **state)
{
    (void)state;
    struct oq_sched_group groups[] = {background(1, 0, 0, 0, 500), background(2, 0, 0, 900, 0),
                                      foreground(3, 0, 0)};
    assert_true(oq_schedule(groups, 3, &config, 1000) == INT64_MAX);
    for (size_t i = 0; i < 3; i++)
        assert_result(&groups[i], false, 0, false);
}

static void schedule__files_in_flight__are_limited(void **state)
{
    (void)state;
    static const struct {
        uint32_t running, runnable, start;
    } cases[] = {{0, 1, 1}, {0, 4, 4},          {0, 200, 4},       {1, 200, 3},
                 {3, 1, 1}, {3, 2, 1},          {4, 200, 0},       {4, 0, 0},
                 {9, 5, 0}, {0, UINT32_MAX, 4}, {UINT32_MAX, 1, 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct oq_sched_group groups[] = {
            background(1, cases[i].running, cases[i].runnable, 0, 500),
            foreground(2, cases[i].running, cases[i].runnable)};
        oq_schedule(groups, 2, &config, 1000);
        assert_result(&groups[0], true, cases[i].start, false);
        assert_result(&groups[1], true, cases[i].start, false);
    }
}

static void schedule__foreground__always_runs_and_takes_no_place(void **state)
{
    (void)state;
    struct oq_sched_group groups[12];
    for (int i = 0; i < 10; i++)
        groups[i] = foreground(i, 0, 10);
    groups[10] = background(10, 0, 10, 0, 500);
    groups[11] = background(11, 0, 10, 0, 600);
    assert_true(oq_schedule(groups, 12, &config, 1000) == INT64_MAX);
    for (size_t i = 0; i < 12; i++)
        assert_result(&groups[i], true, 4, false);
}

static void schedule__fewer_than_places__all_run_without_end(void **state)
{
    (void)state;
    /* The first has long used up its slice, but nobody waits. */
    struct oq_sched_group groups[] = {background(1, 4, 6, 100, 0), background(2, 0, 6, 0, 999999)};
    assert_true(oq_schedule(groups, 2, &config, 1000000) == INT64_MAX);
    assert_result(&groups[0], true, 0, false);
    assert_result(&groups[1], true, 4, false);
}

static void schedule__more_than_places__the_longest_waiting_start(void **state)
{
    (void)state;
    struct oq_sched_group groups[] = {background(1, 0, 1, 0, 900), background(2, 0, 1, 0, 700),
                                      background(3, 0, 1, 0, 800), background(4, 0, 1, 0, 700)};
    assert_int_equal(oq_schedule(groups, 4, &config, 1000), 1000 + SLICE);
    assert_result(&groups[0], false, 0, false);
    assert_result(&groups[1], true, 1, false);
    assert_result(&groups[2], false, 0, false);
    assert_result(&groups[3], true, 1, false);
}

static void schedule__same_waiting_time__lower_id_first_in_any_order(void **state)
{
    (void)state;
    struct oq_sched_group groups[] = {background(9, 0, 1, 0, 700), background(3, 0, 1, 0, 700),
                                      background(5, 0, 1, 0, 700)};
    oq_schedule(groups, 3, &config, 1000);
    assert_result(&groups[0], false, 0, false);
    assert_result(&groups[1], true, 1, false);
    assert_result(&groups[2], true, 1, false);
}

static void schedule__within_the_slice__a_holder_keeps_its_place(void **state)
{
    (void)state;
    struct oq_sched_group groups[] = {background(1, 4, 9, 1000, 0), background(2, 4, 9, 2000, 0),
                                      background(3, 0, 9, 0, 1)};
    assert_int_equal(oq_schedule(groups, 3, &config, 1000 + SLICE - 1), 1000 + SLICE);
    assert_result(&groups[0], true, 0, false);
    assert_result(&groups[1], true, 0, false);
    assert_result(&groups[2], false, 0, false);
}

static void schedule__slice_over__gives_its_place_to_who_waits(void **state)
{
    (void)state;
    struct oq_sched_group groups[] = {background(1, 4, 9, 1000, 0), background(2, 4, 9, 2000, 0),
                                      background(3, 0, 9, 0, 1)};
    assert_int_equal(oq_schedule(groups, 3, &config, 1000 + SLICE), 1000 + 2 * SLICE);
    assert_result(&groups[0], false, 0, true);
    assert_result(&groups[1], true, 0, false);
    assert_result(&groups[2], true, 4, false);
}

static void schedule__slice_over__who_has_just_run_waits_for_a_slice(void **state)
{
    (void)state;
    struct oq_sched_group groups[] = {background(1, 4, 9, 1000, 0), background(2, 4, 9, 2000, 0),
                                      background(3, 0, 9, 0, 5 * SLICE)};
    assert_int_equal(oq_schedule(groups, 3, &config, 6 * SLICE - 1), 6 * SLICE);
    assert_result(&groups[0], true, 0, false);
    assert_result(&groups[1], true, 0, false);
    assert_result(&groups[2], false, 0, false);
    assert_int_equal(oq_schedule(groups, 3, &config, 6 * SLICE), 7 * SLICE);
    assert_result(&groups[0], false, 0, true);
    assert_result(&groups[1], true, 0, false);
    assert_result(&groups[2], true, 4, false);
}

static void schedule__slice_over__who_is_new_does_not_wait(void **state)
{
    (void)state;
    struct oq_sched_group groups[] = {background(1, 4, 9, 1000, 0), background(2, 4, 9, 2000, 0),
                                      background(3, 0, 9, 0, 5 * SLICE),
                                      background(4, 0, 9, 0, 5 * SLICE)};
    groups[3].is_new = true;
    assert_int_equal(oq_schedule(groups, 4, &config, 5 * SLICE), 6 * SLICE);
    assert_result(&groups[0], false, 0, true);
    assert_result(&groups[1], true, 0, false);
    assert_result(&groups[2], false, 0, false);
    assert_result(&groups[3], true, 4, false);
}

static void schedule__free_place__goes_to_who_has_just_run_too(void **state)
{
    (void)state;
    struct oq_sched_group groups[] = {background(1, 4, 9, 1000, 0), background(2, 0, 9, 0, 4999)};
    assert_true(oq_schedule(groups, 2, &config, 5000) == INT64_MAX);
    assert_result(&groups[0], true, 0, false);
    assert_result(&groups[1], true, 4, false);
}

static void schedule__two_slices_over_one_waits__the_longer_run_goes(void **state)
{
    (void)state;
    struct oq_sched_group groups[] = {background(1, 2, 0, 2000, 0), background(2, 2, 0, 1000, 0),
                                      background(3, 0, 9, 0, 1)};
    oq_schedule(groups, 3, &config, 10 * SLICE);
    assert_result(&groups[0], true, 0, false);
    assert_result(&groups[1], false, 0, true);
    assert_result(&groups[2], true, 4, false);
}

static void schedule__fewer_places_after_a_change__somebody_must_stop(void **state)
{
    (void)state;
    struct oq_sched_group groups[] = {background(1, 1, 1, 3000, 0), background(2, 1, 1, 2000, 0),
                                      background(3, 0, 1, 0, 1)};
    config.background_groups = 1;
    assert_int_equal(oq_schedule(groups, 3, &config, 4000), 2000 + SLICE);
    assert_result(&groups[0], false, 0, true);
    assert_result(&groups[1], true, 1, false);
    assert_result(&groups[2], false, 0, false);
}

static void schedule__holder_in_backoff__frees_its_place(void **state)
{
    (void)state;
    struct oq_sched_group groups[] = {background(1, 0, 0, 1000, 0), background(2, 1, 0, 1000, 0),
                                      background(3, 0, 2, 0, 1500)};
    assert_true(oq_schedule(groups, 3, &config, 2000) ==
                INT64_MAX); /* nobody who wants a place is without */
    assert_result(&groups[0], false, 0, false);
    assert_result(&groups[1], true, 0, false);
    assert_result(&groups[2], true, 2, false);
}

static void schedule__clock_at_its_end__does_not_overflow(void **state)
{
    (void)state;
    struct oq_sched_group groups[] = {background(1, 1, 1, INT64_MAX - 1, 0),
                                      background(2, 1, 1, INT64_MAX - 1, 0),
                                      background(3, 0, 1, 0, INT64_MIN)};
    assert_true(oq_schedule(groups, 3, &config, INT64_MAX) == INT64_MAX);
}

/* --- a small engine --- */

enum { MAX_GROUPS = 64 };

struct load {
    struct oq_sched_group sched;
    uint32_t files_left;     /* not finished, running ones included */
    int64_t file_ms;         /* time a file takes */
    int64_t file_left_ms[4]; /* of the running ones, in the order they were started */
    int64_t arrives_at_ms, backoff_until_ms;
    int64_t placed_ms, longest_wait_ms, finished_at_ms;
};

struct engine {
    struct load loads[MAX_GROUPS];
    size_t count;
    int64_t now_ms;
    uint64_t decisions;
};

static void add_load(struct engine *engine, bool is_foreground, uint32_t files, int64_t file_ms,
                     int64_t arrives_at_ms)
{
    struct load *load = &engine->loads[engine->count];
    memset(load, 0, sizeof *load);
    load->sched.id = (int64_t)++engine->count;
    load->sched.is_foreground = is_foreground;
    load->files_left = files;
    load->file_ms = file_ms;
    load->arrives_at_ms = arrives_at_ms;
    load->sched.waiting_since_ms = arrives_at_ms;
    load->sched.is_new = true;
    load->finished_at_ms = -1;
}

/* Asks, checks what must always hold, and does what the answer says. Returns when to ask again at
 * the latest. */
static int64_t ask(struct engine *engine)
{
    struct oq_sched_group copies[MAX_GROUPS];
    for (size_t i = 0; i < engine->count; i++) {
        struct load *load = &engine->loads[i];
        bool is_ready =
            engine->now_ms >= load->arrives_at_ms && engine->now_ms >= load->backoff_until_ms;
        load->sched.runnable = is_ready ? load->files_left - load->sched.running : 0;
        copies[i] = load->sched;
    }
    int64_t again_ms = oq_schedule(copies, engine->count, &config, engine->now_ms);
    assert_true(again_ms > engine->now_ms);
    engine->decisions++;

    int64_t places = 0, wanting = 0;
    for (size_t i = 0; i < engine->count; i++) {
        struct load *load = &engine->loads[i];
        const struct oq_sched_group *got = &copies[i];
        bool wants = got->running + got->runnable > 0;
        wanting += wants && !got->is_foreground;
        places += got->has_place && !got->is_foreground;
        if (got->is_foreground)
            assert_int_equal(got->has_place, wants);
        assert_false(got->has_place && !wants);
        assert_int_equal(got->must_stop, !got->has_place && got->running > 0);
        assert_true(got->start <= got->runnable);
        assert_true(got->start == 0 || got->has_place);
        assert_true(got->running + got->start <= config.files_in_flight);

        if (got->must_stop)
            load->sched.running = 0;
        for (uint32_t f = 0; f < got->start; f++) {
            uint32_t slot = load->sched.running++;
            if (load->file_left_ms[slot] == 0) /* else it continues where it was stopped */
                load->file_left_ms[slot] = load->file_ms;
        }
        if (got->has_place && load->sched.slice_started_at_ms == 0) {
            int64_t waited_ms = engine->now_ms - load->sched.waiting_since_ms;
            load->longest_wait_ms =
                waited_ms > load->longest_wait_ms ? waited_ms : load->longest_wait_ms;
            load->sched.slice_started_at_ms = engine->now_ms;
        } else if (!got->has_place && load->sched.slice_started_at_ms != 0) {
            load->sched.slice_started_at_ms = 0;
            load->sched.waiting_since_ms = engine->now_ms;
        }
        load->sched.is_new &= !got->has_place;
    }
    /* No place stays empty while somebody wants one. */
    assert_int_equal(places,
                     wanting < config.background_groups ? wanting : config.background_groups);
    return again_ms;
}

/* Turns the clock by `step_ms`; files that are done leave. */
static bool pass(struct engine *engine, int64_t step_ms)
{
    bool changed = false;
    int64_t before_ms = engine->now_ms;
    engine->now_ms += step_ms;
    for (size_t i = 0; i < engine->count; i++) {
        struct load *load = &engine->loads[i];
        if (load->sched.slice_started_at_ms != 0)
            load->placed_ms += step_ms;
        for (uint32_t f = 0; f < load->sched.running;) {
            load->file_left_ms[f] -= step_ms;
            if (load->file_left_ms[f] > 0) {
                f++;
                continue;
            }
            load->sched.running--;
            memmove(&load->file_left_ms[f], &load->file_left_ms[f + 1],
                    (3 - f) * sizeof load->file_left_ms[0]);
            load->file_left_ms[3] = 0;
            if (--load->files_left == 0)
                load->finished_at_ms = engine->now_ms;
            changed = true;
        }
        changed |= before_ms < load->arrives_at_ms && load->arrives_at_ms <= engine->now_ms;
        changed |= before_ms < load->backoff_until_ms && load->backoff_until_ms <= engine->now_ms;
    }
    return changed;
}

static void run(struct engine *engine, int64_t until_ms, int64_t step_ms)
{
    int64_t again_ms = ask(engine);
    while (engine->now_ms < until_ms) {
        bool changed = pass(engine, step_ms);
        if (changed || engine->now_ms >= again_ms)
            again_ms = ask(engine);
    }
}

static void round_robin__ten_endless_groups__get_equal_time(void **state)
{
    (void)state;
    static struct engine engine;
    memset(&engine, 0, sizeof engine);
    engine.now_ms = 1000;
    for (int i = 0; i < 10; i++)
        add_load(&engine, false, 1000000, 500 + 100 * i, 1000);
    const int64_t rounds = 20,
                  span_ms = rounds * 5 * SLICE; /* 10 groups on 2 places: 5 slices are one round */
    run(&engine, 1000 + span_ms, 100);
    for (size_t i = 0; i < engine.count; i++) {
        assert_true(engine.loads[i].placed_ms >= (rounds - 1) * SLICE);
        assert_true(engine.loads[i].placed_ms <= (rounds + 1) * SLICE);
        assert_true(engine.loads[i].longest_wait_ms <= 4 * SLICE);
    }
}

static void round_robin__only_at_the_named_times__are_turns_changed(void **state)
{
    (void)state;
    static struct engine engine;
    memset(&engine, 0, sizeof engine);
    engine.now_ms = 1000;
    for (int i = 0; i < 3; i++) /* files so long that nothing but slices happens */
        add_load(&engine, false, 4, INT64_C(1) << 40, 1000);
    int64_t again_ms = ask(&engine);
    for (int turn = 1; turn <= 9; turn++) {
        assert_int_equal(again_ms, 1000 + turn * SLICE);
        pass(&engine, again_ms - 1 - engine.now_ms);
        struct oq_sched_group before[3];
        for (int i = 0; i < 3; i++)
            before[i] = engine.loads[i].sched;
        assert_int_equal(ask(&engine),
                         again_ms); /* a moment early: the same answer, the same time */
        for (int i = 0; i < 3; i++)
            assert_int_equal(engine.loads[i].sched.slice_started_at_ms,
                             before[i].slice_started_at_ms);
        pass(&engine, 1);
        again_ms = ask(&engine);
    }
}

static void round_robin__three_groups_on_two_places__one_exchange_per_slice(void **state)
{
    (void)state;
    static struct engine engine;
    memset(&engine, 0, sizeof engine);
    engine.now_ms = 1000;
    for (int i = 0; i < 3; i++)
        add_load(&engine, false, 4, INT64_C(1) << 40, 1000);
    int64_t again_ms = ask(&engine);
    for (int turn = 0; turn < 30; turn++) {
        bool had_place[3];
        int lost = 0, got = 0;
        for (int i = 0; i < 3; i++)
            had_place[i] = engine.loads[i].sched.slice_started_at_ms != 0;
        pass(&engine, again_ms - engine.now_ms);
        again_ms = ask(&engine);
        for (int i = 0; i < 3; i++) {
            lost += had_place[i] && engine.loads[i].sched.slice_started_at_ms == 0;
            got += !had_place[i] && engine.loads[i].sched.slice_started_at_ms != 0;
        }
        assert_int_equal(lost, 1);
        assert_int_equal(got, 1);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(engine.loads[i].placed_ms, 20 * SLICE);
}

static void round_robin__new_short_job_behind_long_ones__runs_at_once(void **state)
{
    (void)state;
    static struct engine engine;
    memset(&engine, 0, sizeof engine);
    engine.now_ms = 1000;
    add_load(&engine, false, 100000, 1000, 1000);
    add_load(&engine, false, 100000, 1000, 1000);
    add_load(&engine, false, 3, 1000, 10 * SLICE);
    run(&engine, 12 * SLICE, 100);
    const struct load *late = &engine.loads[2];
    /* The others had the places for nine slices, alone; theirs are over, so the late one gets a
     * place at once. */
    assert_int_equal(late->longest_wait_ms, 0);
    assert_int_equal(late->finished_at_ms, 10 * SLICE + 1000);
}

static void round_robin__group_in_backoff__does_not_hold_up_others(void **state)
{
    (void)state;
    static struct engine engine;
    memset(&engine, 0, sizeof engine);
    config.background_groups = 1;
    engine.now_ms = 1000;
    add_load(&engine, false, 10, 1000, 1000);
    add_load(&engine, false, 4, 1000, 1000);
    engine.loads[0].backoff_until_ms = 31000;
    run(&engine, 60000, 100);
    assert_int_equal(engine.loads[1].finished_at_ms, 2000);
    assert_int_equal(engine.loads[0].finished_at_ms, 34000);
}

static void fifo__groups_of_equal_size__finish_in_order(void **state)
{
    (void)state;
    static struct engine engine;
    memset(&engine, 0, sizeof engine);
    engine.now_ms = 1000;
    for (int i = 0; i < 12; i++)
        add_load(&engine, false, 8, 1000, 1000 + i * 100);
    run(&engine, 60000, 100);
    for (size_t i = 1; i < engine.count; i++)
        assert_true(engine.loads[i].finished_at_ms >= engine.loads[i - 1].finished_at_ms);
    assert_true(engine.loads[11].finished_at_ms > 0);
}

static void foreground__among_many_background_groups__is_as_fast_as_alone(void **state)
{
    (void)state;
    static struct engine engine;
    memset(&engine, 0, sizeof engine);
    engine.now_ms = 1000;
    for (int i = 0; i < 20; i++)
        add_load(&engine, false, 1000, 1000, 1000);
    add_load(&engine, true, 40, 1000, 5000);
    run(&engine, 20000, 100);
    assert_int_equal(engine.loads[20].finished_at_ms, 5000 + 40 / 4 * 1000);
}

static void schedule__random_loads__keep_the_rules_and_all_finish(void **state)
{
    (void)state;
    uint64_t random = 0x9e3779b97f4a7c15ull;
    for (int round = 0; round < 40; round++) {
        static struct engine engine;
        memset(&engine, 0, sizeof engine);
        engine.now_ms = 1;
#define DRAW(n)                                                                                    \
    (random ^= random << 13, random ^= random >> 7, random ^= random << 17, random % (n))
        config.background_groups = (int64_t)DRAW(5) + 1;
        config.files_in_flight = (int64_t)DRAW(4) + 1;
        config.time_slice_ms = (int64_t)DRAW(50) * 100 + 1000;
        size_t count = DRAW(30) + 1;
        for (size_t i = 0; i < count; i++) {
            bool is_foreground = DRAW(4) == 0;
            uint32_t files = (uint32_t)DRAW(20) + 1;
            int64_t file_ms = (int64_t)DRAW(3000) + 1, arrives_at_ms = (int64_t)DRAW(20000) + 1;
            add_load(&engine, is_foreground, files, file_ms, arrives_at_ms);
            if (DRAW(3) == 0)
                engine.loads[i].backoff_until_ms = (int64_t)DRAW(30000) + 1;
        }
        run(&engine, 2000000, 50);
        for (size_t i = 0; i < count; i++)
            assert_true(engine.loads[i].finished_at_ms > 0);
    }
}

/* --- retries ------------------------------------------------------------------------------- */

#define NO_RETRY_AFTER (-1)
#define DAY_MS INT64_C(86400000)

static int set_up_retries(void **state)
{
    (void)state;
    oq_config_init(&config);
    return 0;
}

/* Smallest and largest delay over many random numbers, and their mean. */
struct spread {
    int64_t least, most, mean;
};

static struct spread sample(uint32_t attempt)
{
    struct spread got = {INT64_MAX, 0, 0};
    uint64_t random = 88172645463325252ull;
    const int64_t rounds = 20000;
    for (int64_t i = 0; i < rounds; i++) {
        random ^= random << 13; /* xorshift64 */
        random ^= random >> 7;
        random ^= random << 17;
        int64_t delay = oq_retry_delay_ms(&config, attempt, NO_RETRY_AFTER, random);
        got.least = delay < got.least ? delay : got.least;
        got.most = delay > got.most ? delay : got.most;
        got.mean += delay;
    }
    got.mean /= rounds;
    return got;
}

static void delay__attempts__double_up_to_the_longest_within_a_quarter(void **state)
{
    (void)state;
    static const struct {
        uint32_t attempt;
        int64_t middle_ms;
    } cases[] = {{0, 5000},    {1, 5000},    {2, 10000},     {3, 20000},
                 {4, 40000},   {5, 80000},   {6, 160000},    {7, 320000},
                 {8, 600000},  {9, 600000},  {10, 600000},   {64, 600000},
                 {65, 600000}, {66, 600000}, {1000, 600000}, {UINT32_MAX, 600000}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct spread got = sample(cases[i].attempt);
        int64_t middle = cases[i].middle_ms, close = middle / 50;
        assert_true(got.least >= middle * 3 / 4 && got.least < middle * 3 / 4 + close);
        assert_true(got.most <= middle * 5 / 4 && got.most > middle * 5 / 4 - close);
        assert_true(got.mean > middle - close && got.mean < middle + close);
    }
}

static void delay__random_extremes__stay_within_bounds(void **state)
{
    (void)state;
    static const uint64_t randoms[] = {
        0, 1, 2499, 2500, 2501, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < COUNT_OF(randoms); i++)
        for (uint32_t attempt = 0; attempt < 100; attempt++) {
            int64_t delay = oq_retry_delay_ms(&config, attempt, NO_RETRY_AFTER, randoms[i]);
            assert_true(delay >= 3750 && delay <= 750000);
        }
}

/* 5 s: the spread is 2,501 values, from 3,750 to 6,250. */
static void delay__random__reaches_both_ends_of_the_spread(void **state)
{
    (void)state;
    assert_int_equal(oq_retry_delay_ms(&config, 1, NO_RETRY_AFTER, 0), 3750);
    assert_int_equal(oq_retry_delay_ms(&config, 1, NO_RETRY_AFTER, 2500), 6250);
    assert_int_equal(oq_retry_delay_ms(&config, 1, NO_RETRY_AFTER, 2501), 3750);
}

static void delay__any_configuration__stays_within_a_quarter(void **state)
{
    (void)state;
    static const int64_t ends[] = {100, 101, 5000, 86399999, 86400000};
    for (size_t f = 0; f < COUNT_OF(ends); f++)
        for (size_t l = 0; l < COUNT_OF(ends); l++) {
            config.retry_first_ms = ends[f];
            config.retry_longest_ms = ends[l];
            int64_t longest = ends[f] > ends[l]
                                  ? ends[f]
                                  : ends[l]; /* the first delay wins over a shorter longest */
            for (uint32_t attempt = 1; attempt < 70; attempt++) {
                int64_t least = oq_retry_delay_ms(&config, attempt, NO_RETRY_AFTER, 0);
                assert_true(least >= ends[f] * 3 / 4);
                int64_t most = oq_retry_delay_ms(&config, attempt, NO_RETRY_AFTER, UINT64_MAX);
                assert_true(most <= longest * 5 / 4);
            }
        }
}

static void delay__retry_after__replaces_it_within_its_limits(void **state)
{
    (void)state;
    static const struct {
        int64_t retry_after_ms, delay_ms;
    } cases[] = {
        {0, 5000},           {1, 5000},
        {4999, 5000},        {5000, 5000},
        {5001, 5001},        {700000, 700000}, /* above the longest own delay */
        {DAY_MS, DAY_MS},    {DAY_MS + 1, DAY_MS},
        {INT64_MAX, DAY_MS},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (uint32_t attempt = 1; attempt < 20; attempt += 6)
            assert_int_equal(oq_retry_delay_ms(&config, attempt, cases[i].retry_after_ms, 12345),
                             cases[i].delay_ms);
    config.retry_after_limit_ms = 0; /* never honoured: but never below the first delay either */
    assert_int_equal(oq_retry_delay_ms(&config, 1, 3600000, 0), 5000);
}

static void is_hopeless__time_without_progress__decides(void **state)
{
    (void)state;
    const int64_t limit = 14 * DAY_MS, since = 1000 * DAY_MS;
    assert_false(
        oq_retry_is_hopeless(&config, 0, since + 100 * limit)); /* no transient error yet */
    assert_false(oq_retry_is_hopeless(&config, since, since));
    assert_false(oq_retry_is_hopeless(&config, since, since + limit - 1));
    assert_true(oq_retry_is_hopeless(&config, since, since + limit));
    assert_true(oq_retry_is_hopeless(&config, since, since + 100 * limit));
}

static void is_hopeless__clock_set_back__is_not(void **state)
{
    (void)state;
    assert_false(oq_retry_is_hopeless(&config, 1000 * DAY_MS, 0));
    assert_false(oq_retry_is_hopeless(&config, 1000 * DAY_MS, INT64_MIN));
    assert_false(oq_retry_is_hopeless(&config, -1, INT64_MAX)); /* does not fit: no overflow */
}

static void is_hopeless__no_retries_wanted__is_so_at_once(void **state)
{
    (void)state;
    config.no_progress_ms = 0;
    assert_true(oq_retry_is_hopeless(&config, 1000 * DAY_MS, 1000 * DAY_MS));
    assert_true(oq_retry_is_hopeless(&config, 1000 * DAY_MS, 0));
    assert_false(oq_retry_is_hopeless(&config, 0, 1000 * DAY_MS));
}

/* --- idle stop ----------------------------------------------------------------------------- */

static bool look(struct oq_idle_stop *stop, bool has_work, uint32_t clients, uint64_t activations,
                 int64_t now_ms)
{
    const struct oq_idle_look seen = {has_work, clients, activations};
    return oq_idle_stop_is_due(stop, &seen, 1000, now_ms);
}

static void idle_stop__idle_for_the_limit__is_due(void **state)
{
    struct oq_idle_stop stop = {0};
    (void)state;
    assert_false(look(&stop, false, 0, 1, 5000)); /* the time begins with the first look */
    assert_false(look(&stop, false, 0, 1, 5999));
    assert_true(look(&stop, false, 0, 1, 6000));
    assert_true(look(&stop, false, 0, 1, 7000)); /* and stays so, if it could not be done */
}

static void needed__by_work_or_clients__restarts_the_idle_time(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct oq_idle_stop stop = {0};
        assert_false(look(&stop, false, 0, 3, 0));
        assert_false(look(&stop, kind == 0, kind == 1, 3, 900));
        assert_false(look(&stop, kind == 0, kind == 1, 3, 5000));
        assert_false(look(&stop, false, 0, 3, 6000));
        assert_false(look(&stop, false, 0, 3, 6999));
        assert_true(look(&stop, false, 0, 3, 7000));
    }
}

static void client__between_two_polls__restarts_the_idle_time(void **state)
{
    struct oq_idle_stop stop = {0};
    (void)state;
    assert_false(look(&stop, false, 0, 7, 0));
    assert_false(look(&stop, false, 0, 8, 1000));
    assert_false(look(&stop, false, 0, 8, 1999));
    assert_true(look(&stop, false, 0, 8, 2000));
}

static void start__no_client_yet__waits_for_the_first(void **state)
{
    struct oq_idle_stop stop = {0};
    (void)state;
    assert_false(look(&stop, false, 0, 0, 0));
    assert_false(look(&stop, false, 0, 0, OQ_IDLE_STOP_GRACE_MS - 1));
    assert_true(look(&stop, false, 0, 0, OQ_IDLE_STOP_GRACE_MS));
    /* A limit that is longer stays. */
    const struct oq_idle_look seen = {0};
    stop = (struct oq_idle_stop){0};
    assert_false(oq_idle_stop_is_due(&stop, &seen, 2 * OQ_IDLE_STOP_GRACE_MS, 0));
    assert_false(
        oq_idle_stop_is_due(&stop, &seen, 2 * OQ_IDLE_STOP_GRACE_MS, OQ_IDLE_STOP_GRACE_MS));
    assert_true(
        oq_idle_stop_is_due(&stop, &seen, 2 * OQ_IDLE_STOP_GRACE_MS, 2 * OQ_IDLE_STOP_GRACE_MS));
}

static void limit__of_0__is_never_due(void **state)
{
    struct oq_idle_stop stop = {0};
    const struct oq_idle_look seen = {0};
    (void)state;
    assert_false(oq_idle_stop_is_due(&stop, &seen, 0, 0));
    assert_false(oq_idle_stop_is_due(&stop, &seen, 0, INT64_MAX));
}

static void next_poll__any_limit__is_within_bounds(void **state)
{
    (void)state;
    assert_int_equal(oq_idle_stop_look_ms(1), 50);
    assert_int_equal(oq_idle_stop_look_ms(1000), 250);
    assert_int_equal(oq_idle_stop_look_ms(240000), 60000);
    assert_int_equal(oq_idle_stop_look_ms(INT64_C(2592000000)), 60000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(schedule__no_groups__never_changes),
        TEST(schedule__nothing_to_do__gets_no_place),
        TEST(schedule__files_in_flight__are_limited),
        TEST(schedule__foreground__always_runs_and_takes_no_place),
        TEST(schedule__fewer_than_places__all_run_without_end),
        TEST(schedule__more_than_places__the_longest_waiting_start),
        TEST(schedule__same_waiting_time__lower_id_first_in_any_order),
        TEST(schedule__within_the_slice__a_holder_keeps_its_place),
        TEST(schedule__slice_over__gives_its_place_to_who_waits),
        TEST(schedule__slice_over__who_has_just_run_waits_for_a_slice),
        TEST(schedule__slice_over__who_is_new_does_not_wait),
        TEST(schedule__free_place__goes_to_who_has_just_run_too),
        TEST(schedule__two_slices_over_one_waits__the_longer_run_goes),
        TEST(schedule__fewer_places_after_a_change__somebody_must_stop),
        TEST(schedule__holder_in_backoff__frees_its_place),
        TEST(schedule__clock_at_its_end__does_not_overflow),
        TEST(round_robin__ten_endless_groups__get_equal_time),
        TEST(round_robin__only_at_the_named_times__are_turns_changed),
        TEST(round_robin__three_groups_on_two_places__one_exchange_per_slice),
        TEST(round_robin__new_short_job_behind_long_ones__runs_at_once),
        TEST(round_robin__group_in_backoff__does_not_hold_up_others),
        TEST(fifo__groups_of_equal_size__finish_in_order),
        TEST(foreground__among_many_background_groups__is_as_fast_as_alone),
        TEST(schedule__random_loads__keep_the_rules_and_all_finish),
        cmocka_unit_test_setup(delay__attempts__double_up_to_the_longest_within_a_quarter,
                               set_up_retries),
        cmocka_unit_test_setup(delay__random_extremes__stay_within_bounds, set_up_retries),
        cmocka_unit_test_setup(delay__random__reaches_both_ends_of_the_spread, set_up_retries),
        cmocka_unit_test_setup(delay__any_configuration__stays_within_a_quarter, set_up_retries),
        cmocka_unit_test_setup(delay__retry_after__replaces_it_within_its_limits, set_up_retries),
        cmocka_unit_test_setup(is_hopeless__time_without_progress__decides, set_up_retries),
        cmocka_unit_test_setup(is_hopeless__clock_set_back__is_not, set_up_retries),
        cmocka_unit_test_setup(is_hopeless__no_retries_wanted__is_so_at_once, set_up_retries),
        cmocka_unit_test(idle_stop__idle_for_the_limit__is_due),
        cmocka_unit_test(needed__by_work_or_clients__restarts_the_idle_time),
        cmocka_unit_test(client__between_two_polls__restarts_the_idle_time),
        cmocka_unit_test(start__no_client_yet__waits_for_the_first),
        cmocka_unit_test(limit__of_0__is_never_due),
        cmocka_unit_test(next_poll__any_limit__is_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
