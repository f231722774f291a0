/* test_soak.c - a day of 200 groups in a few minutes: servers that fail at random, clients that
 * suspend and resume, a network that comes and goes, a service that is restarted; and all end as
 * they should.
 *
 * The clock is turned by the test, so back-off, Retry-After and the no-progress limit pass as they
 * would in a day. What happens depends on the seed alone (OQ_TEST_SEED), when it happens does not.
 */
#include "engine_fixture.h"

#include "oq_log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define GROUPS 200
#define FILES_MAX 3
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define SIZES 12

/* --- chance ----------------------------------------------------------------------------------- */

static uint64_t chance_state;

static unsigned chance(unsigned below)
{
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return (unsigned)((chance_state >> 11) % below);
}

/* --- the clock -------------------------------------------------------------------------------- */

static _Atomic int64_t turned_ms;

static int64_t turned_mono(void *ctx)
{
    (void)ctx;
    return oq_clock_mono_ms(oq_clock_system()) + turned_ms;
}

static int64_t turned_wall(void *ctx)
{
    (void)ctx;
    return oq_clock_wall_ms(oq_clock_system()) + turned_ms;
}

static const struct oq_clock turned = {.mono_ms = turned_mono, .wall_ms = turned_wall};

/* --- the groups ------------------------------------------------------------------------------- */

struct file {
    char rest[160], name[32];
    unsigned served; /* s<served> at the server */
};

struct soaked {
    int64_t group, starts_at_ms;
    struct file files[FILES_MAX];
    unsigned file_count;
    uint32_t http; /* it has to end in ERROR with this status; 0: complete */
    bool is_started, is_suspended, is_over;
    struct oq_group_view view;
};

static struct fixture f;
static struct soaked groups[GROUPS];
static struct {
    unsigned complete, failed, restarts, suspends, retries_now, warnings;
    uint32_t retries;
} figures;

static void count_warnings(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    figures.warnings += level == OQ_LOG_WARNING;
    if (level == OQ_LOG_ERROR || getenv("OQ_TEST_TALK"))
        fprintf(stderr, "%s\n", line);
}

/* Faults that pass, and shapes of answers that are none; behaviours of httpd.py. */
static void add_behaviour(char *query, size_t capacity)
{
    static const struct {
        const char *bytes, *times; /* what a number of bytes and a number of requests follow */
    } faults[] = {
        {"cut=", "&on=1-"},
        {NULL, "hang-up&on=1-"},
        {NULL, "status=503&on=1-"},
        {NULL, "status=500&on=1-"},
        {NULL, "status=429&retry-after=1800&on=1-"},
        {NULL, "status=503&retry-after=7200&on=1-"},
        {NULL, "status=408&on=2-"},
        {"cut=", "&chunked&on=1-"},
        {"cut=", "&no-ranges&on=1-"},
        {"cut=", "&etag=none&last-modified=none&on=1-"},
        {"cut=", "&etag=none&on=1-"},
        {"stall=", "&on=1-"},
        {NULL, "delay=50&on=1-"},
        {NULL, "no-length&on=1-"},
        {NULL, "chunked&on=1-"},
        {NULL, "no-ranges&on=1-"},
        {NULL, "etag=weak&on=1-"},
        {NULL, "close&on=1-"},
    };
    unsigned which = chance(sizeof faults / sizeof faults[0]);
    int length = 0;
    if (faults[which].bytes)
        length = snprintf(query, capacity, "%s%u", faults[which].bytes, 1 + chance(200000));
    snprintf(query + length, capacity - (size_t)length, "%s%u", faults[which].times, 2 + chance(4));
}

static void plan(unsigned i)
{
    struct soaked *soaked = &groups[i];
    soaked->starts_at_ms = chance((unsigned)(18 * HOUR_MS));
    soaked->file_count = 1 + chance(FILES_MAX);
    for (unsigned k = 0; k < soaked->file_count; k++) {
        struct file *file = &soaked->files[k];
        char query[100] = "&";
        file->served = chance(SIZES);
        snprintf(file->name, sizeof file->name, "g%u-%u", i, k);
        if (chance(4) == 0)
            query[0] = '\0';
        else
            add_behaviour(query + 1, sizeof query - 1);
        snprintf(file->rest, sizeof file->rest, "s%u?xid=%u.%u%s", file->served, i, k, query);
    }
    /* One in eight cannot succeed: at once, or after hours of transient errors. */
    if (chance(8) == 0) {
        static const uint32_t statuses[] = {404, 403, 410, 503, 500};
        soaked->http = statuses[chance(5)];
        snprintf(soaked->files[0].rest, sizeof soaked->files[0].rest, "s%u?xid=%u&status=%u",
                 soaked->files[0].served, i, soaked->http);
    }
}

static void resume(int64_t group)
{
    struct oq_error err;
    oq_error_init(&err);
    if (oq_engine_resume(f.engine, &f.admin, group, &err) != OQ_OK)
        fail_msg("resume: %s", err.text);
}

static void start_group(unsigned i)
{
    struct soaked *soaked = &groups[i];
    struct oq_guid guid = fixture_guid(i + 1), job = fixture_guid(i + 1000001);
    struct oq_error err;
    oq_error_init(&err);
    if (oq_engine_create_group(f.engine, &f.admin, &guid, &soaked->group, &err) != OQ_OK ||
        oq_engine_create_job(f.engine, &f.admin, soaked->group, &job, &err) != OQ_OK)
        fail_msg("group %u: %s", i, err.text);
    for (unsigned k = 0; k < soaked->file_count; k++) {
        struct oq_file_spec spec = {.remote = fixture_url(&f, soaked->files[k].rest),
                                    .local = fixture_out(&f, soaked->files[k].name)};
        if (oq_engine_add_files(f.engine, &f.admin, soaked->group, &spec, 1, &err) != OQ_OK)
            fail_msg("group %u: %s", i, err.text);
    }
    if (chance(5) == 0 &&
        oq_engine_set_foreground(f.engine, &f.admin, soaked->group, &err) != OQ_OK)
        fail_msg("group %u: %s", i, err.text);
    resume(soaked->group);
    soaked->is_started = true;
}

/* --- what happens in a day -------------------------------------------------------------------- */

static void change_mind(struct soaked *soaked)
{
    struct oq_error err;
    oq_error_init(&err);
    if (!soaked->is_started || soaked->is_over)
        return;
    if (soaked->is_suspended) {
        resume(soaked->group);
        soaked->is_suspended = false;
    } else if (chance(3) == 0 && fixture_view(&f, soaked->group).state == OQ_GROUP_ACTIVE &&
               oq_engine_suspend(f.engine, &f.admin, soaked->group, &err) == OQ_OK) {
        soaked->is_suspended = fixture_view(&f, soaked->group).state == OQ_GROUP_SUSPENDED;
        figures.suspends++;
    }
}

static void disturb(void)
{
    if (chance(120) == 0) {
        fixture_stop(&f);
        fixture_start(&f);
        figures.restarts++;
    }
    if (chance(20) == 0) {
        oq_engine_retry_now(f.engine);
        figures.retries_now++;
    }
    for (int i = 0; i < 10; i++)
        change_mind(&groups[chance(GROUPS)]);
}

static unsigned look(int64_t now_ms)
{
    unsigned open = 0;
    for (unsigned i = 0; i < GROUPS; i++) {
        struct soaked *soaked = &groups[i];
        if (!soaked->is_started && soaked->starts_at_ms <= now_ms)
            start_group(i);
        if (soaked->is_started && !soaked->is_over) {
            soaked->view = fixture_view(&f, soaked->group);
            soaked->is_over =
                soaked->view.state == OQ_GROUP_COMPLETE || soaked->view.state == OQ_GROUP_ERROR;
        }
        open += !soaked->is_over;
    }
    return open;
}

/* After the day everybody goes on undisturbed until the last one is over. */
static void live_a_day(void)
{
    int64_t start_ms = 0, now_ms = 0;
    int64_t limit_ms = 3 * DAY_MS;
    while (look(now_ms) > 0 || now_ms < DAY_MS) {
        if (now_ms >= limit_ms || !fixture_patience(&start_ms, 800))
            return;
        for (int64_t wait_ms = 0; wait_ms == 0 || chance(4) > 0; wait_ms++)
            (void)fixture_patience(&start_ms, 800);
        int64_t step_ms = 10000 + chance(170000);
        now_ms += step_ms;
        turned_ms += step_ms;
        if (now_ms < DAY_MS)
            disturb();
        for (unsigned i = 0; now_ms >= DAY_MS && i < GROUPS; i++) {
            if (groups[i].is_suspended)
                resume(groups[i].group);
            groups[i].is_suspended = false;
        }
    }
}

static bool is_right(unsigned i)
{
    const struct soaked *soaked = &groups[i];
    bool is_whole = soaked->view.state == OQ_GROUP_COMPLETE;
    for (unsigned k = 0; is_whole && k < soaked->file_count; k++) {
        char served[16];
        snprintf(served, sizeof served, "s%u", soaked->files[k].served);
        is_whole = fixture_is_same(&f, soaked->files[k].name, served);
    }
    figures.complete += is_whole;
    figures.failed += soaked->view.state == OQ_GROUP_ERROR;
    figures.retries += soaked->view.retries;
    if (soaked->http
            ? soaked->view.state == OQ_GROUP_ERROR && soaked->view.error_http == soaked->http
            : is_whole)
        return true;
    print_error("group %u is %s (%x, HTTP %u: %s), first file %s\n", i,
                oq_group_state_text(soaked->view.state), soaked->view.error_win32,
                soaked->view.error_http, soaked->view.error_text, soaked->files[0].rest);
    return false;
}

static void soak__a_day_of_200_groups__all_end_as_they_should(void **state)
{
    unsigned wrong = 0, should_fail = 0;
    int64_t began_ms = oq_clock_mono_ms(oq_clock_system());
    struct oq_error err;
    (void)state;
    for (unsigned i = 0; i < GROUPS; i++) {
        plan(i);
        should_fail += groups[i].http != 0;
    }
    live_a_day();
    for (unsigned i = 0; i < GROUPS; i++)
        wrong += !is_right(i);
    print_message(
        "%d groups: %u complete, %u in error (%u had to), %u wrong; %u restarts of the "
        "service, %u suspends, %u network changes, %u failures overcome or met; %.1f h of "
        "the clock in %.0f s\n",
        GROUPS, figures.complete, figures.failed, should_fail, wrong, figures.restarts,
        figures.suspends, figures.retries_now, figures.warnings, (double)turned_ms / HOUR_MS,
        (double)(oq_clock_mono_ms(oq_clock_system()) - began_ms) / 1000);
    assert_int_equal(wrong, 0);
    for (unsigned i = 0; i < GROUPS; i++) {
        oq_error_init(&err);
        assert_int_equal(oq_engine_cancel(f.engine, &f.admin, groups[i].group, &err), OQ_OK);
    }
    assert_int_equal(fixture_temp_count(&f), 0);
}

static int setup(void **state)
{
    const char *seed = getenv("OQ_TEST_SEED");
    (void)state;
    chance_state = seed ? strtoull(seed, NULL, 10) : (uint64_t)oq_clock_wall_ms(oq_clock_system());
    chance_state |= 1;
    print_message("OQ_TEST_SEED=%llu repeats what happens\n", (unsigned long long)chance_state);
    fixture_open(&f);
    oq_config_init(&f.config); /* what users have */
    f.config.no_progress_ms = 6 * HOUR_MS;
    f.config.stall_timeout_ms = 1000;
    f.clock = &turned;
    for (unsigned i = 0; i < SIZES; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%u", i);
        fixture_serve(&f, name, i == 0 ? 0 : chance(i == 1 ? 3000000 : 300000), i);
    }
    oq_log_set_sink(count_warnings, NULL);
    fixture_start(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    oq_log_set_sink(NULL, NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soak__a_day_of_200_groups__all_end_as_they_should)};
    return cmocka_run_group_tests_name("soak", tests, setup, teardown);
}
