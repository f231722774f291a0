/* test_progress.c - service/core/progress.c against contract sections 0.1 and 7, D13, D27 */
#include "test_unit.h"

#include "oq_progress.h"

#define UNKNOWN OQ_SIZE_UNKNOWN
#define W OQ_FILE_WAITING
#define F OQ_FILE_FETCHED
#define X OQ_FILE_FINAL
#define GIB (UINT64_C(1) << 30)

struct spec {
    enum oq_file_state state;
    uint64_t size, done, in_flight;
};

/* A group of these files; the result points into nothing. */
static struct oq_progress progress(enum oq_group_state state, const struct spec *specs,
                                   uint32_t count)
{
    struct oq_file files[400];
    uint64_t in_flight[400];
    struct oq_group group = {.state = state, .job = {.id = 1, .files = files, .file_count = count}};
    struct oq_progress got;
    assert_true(count <= COUNT_OF(files));
    for (uint32_t i = 0; i < count; i++) {
        files[i] = (struct oq_file){.index = i,
                                    .state = specs[i].state,
                                    .size_bytes = specs[i].size,
                                    .done_bytes = specs[i].done};
        in_flight[i] = specs[i].in_flight;
    }
    memset(&got, 0x5a, sizeof got);
    oq_progress_of(&group, in_flight, &got);
    return got;
}

static void progress__no_files__is_unknown_and_zero(void **state)
{
    (void)state;
    struct oq_progress got = progress(OQ_GROUP_SUSPENDED, NULL, 0);
    assert_true(got.total_bytes == UNKNOWN);
    assert_int_equal(got.done_bytes, 0);
    assert_int_equal(got.files_total, 0);
    assert_int_equal(got.files_done, 0);
    assert_int_equal(got.percent, 0);
}

/* Shows IBackgroundCopyGroup::GetProgress.percent-goes-bytes OPENQMGR_GROUP_INFO.ullTotalBytes
 * .dwFilesDone */
static void progress__table__is_as_the_contract_says(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum oq_group_state state;
        struct spec files[4];
        uint32_t count;
        struct oq_progress wanted;
    } cases[] = {
        {"every size known: by bytes, rounded down",
         OQ_GROUP_ACTIVE,
         {{W, 100, 10, 0}, {W, 200, 0, 0}},
         2,
         {300, 10, 2, 0, 3}},
        {"running bytes count before they are flushed",
         OQ_GROUP_ACTIVE,
         {{W, 100, 10, 60}, {W, 200, 0, 0}},
         2,
         {300, 60, 2, 0, 20}},
        {"flushed bytes count when nothing runs",
         OQ_GROUP_SUSPENDED,
         {{W, 100, 50, 0}},
         1,
         {100, 50, 1, 0, 50}},
        {"one byte is missing",
         OQ_GROUP_ACTIVE,
         {{W, 1000000, 999999, 0}},
         1,
         {1000000, 999999, 1, 0, 99}},
        {"all bytes are there but not checked",
         OQ_GROUP_ACTIVE,
         {{W, 100, 100, 0}},
         1,
         {100, 100, 1, 0, 99}},
        {"all files fetched, renames to come",
         OQ_GROUP_COMMITTING,
         {{F, 100, 100, 0}, {X, 5, 5, 0}},
         2,
         {105, 105, 2, 2, 99}},
        {"error during the renames",
         OQ_GROUP_ERROR,
         {{F, 100, 100, 0}, {X, 5, 5, 0}},
         2,
         {105, 105, 2, 2, 99}},
        {"complete", OQ_GROUP_COMPLETE, {{X, 100, 100, 0}, {X, 5, 5, 0}}, 2, {105, 105, 2, 2, 100}},
        {"complete with zero-length files only",
         OQ_GROUP_COMPLETE,
         {{X, 0, 0, 0}, {X, 0, 0, 0}},
         2,
         {0, 0, 2, 2, 100}},
        {"zero-length files only, half of them done: by files",
         OQ_GROUP_ACTIVE,
         {{F, 0, 0, 0}, {W, 0, 0, 0}},
         2,
         {0, 0, 2, 1, 50}},
        {"a single zero-length file, not committed",
         OQ_GROUP_COMMITTING,
         {{F, 0, 0, 0}},
         1,
         {0, 0, 1, 1, 99}},
        {"zero-length files only, all done, not committed",
         OQ_GROUP_COMMITTING,
         {{F, 0, 0, 0}, {F, 0, 0, 0}},
         2,
         {0, 0, 2, 2, 99}},
        {"a zero-length file among others",
         OQ_GROUP_ACTIVE,
         {{W, 0, 0, 0}, {W, 10, 5, 0}},
         2,
         {10, 5, 2, 0, 50}},
        {"one size unknown: by files, with known fractions",
         OQ_GROUP_ACTIVE,
         {{F, 100, 100, 0}, {W, 100, 50, 0}, {W, UNKNOWN, 0, 0}, {W, UNKNOWN, 0, 0}},
         4,
         {UNKNOWN, 150, 4, 1, 37}},
        {"bytes of unknown size count as bytes but not as percent",
         OQ_GROUP_ACTIVE,
         {{W, UNKNOWN, 0, 1000}},
         1,
         {UNKNOWN, 1000, 1, 0, 0}},
        {"three of four files with unknown rest",
         OQ_GROUP_ACTIVE,
         {{X, 1, 1, 0}, {F, 1, 1, 0}, {F, 1, 1, 0}, {W, UNKNOWN, 0, 0}},
         4,
         {UNKNOWN, 3, 4, 3, 75}},
        {"more than 4 GB",
         OQ_GROUP_ACTIVE,
         {{W, 100 * GIB, 25 * GIB, 0}},
         1,
         {100 * GIB, 25 * GIB, 1, 0, 25}},
        {"a stale counter of a finished file does not matter",
         OQ_GROUP_ACTIVE,
         {{F, 100, 100, 40}, {W, 100, 0, 0}},
         2,
         {200, 100, 2, 1, 50}},
        {"a body longer than the size does not overshoot",
         OQ_GROUP_ACTIVE,
         {{W, 100, 0, 200}, {W, 100, 0, 0}},
         2,
         {200, 100, 2, 0, 50}},
        {"cancelled", OQ_GROUP_CANCELLING, {{F, 10, 10, 0}}, 1, {10, 10, 1, 1, 99}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct oq_progress got = progress(cases[i].state, cases[i].files, cases[i].count);
        const struct oq_progress *wanted = &cases[i].wanted;
        if (got.total_bytes != wanted->total_bytes || got.done_bytes != wanted->done_bytes ||
            got.files_total != wanted->files_total || got.files_done != wanted->files_done ||
            got.percent != wanted->percent)
            fail_msg("%s: total %llu done %llu files %u of %u percent %u", cases[i].what,
                     (unsigned long long)got.total_bytes, (unsigned long long)got.done_bytes,
                     got.files_done, got.files_total, got.percent);
    }
}

static void progress__nothing_in_flight_given__counts_flushed_bytes(void **state)
{
    (void)state;
    struct oq_file file = {.state = W, .size_bytes = 100, .done_bytes = 30};
    struct oq_group group = {.state = OQ_GROUP_SUSPENDED,
                             .job = {.id = 1, .files = &file, .file_count = 1}};
    struct oq_progress got;
    memset(&got, 0x5a, sizeof got);
    oq_progress_of(&group, NULL, &got);
    assert_int_equal(got.done_bytes, 30);
    assert_int_equal(got.percent, 30);
    file.done_bytes = 0;
    oq_progress_of(&group, NULL, &got);
    assert_int_equal(got.done_bytes, 0);
}

static void progress__sizes_that_do_not_fit__stop_below_unknown(void **state)
{
    (void)state;
    const uint64_t huge = UINT64_MAX - 1;
    struct oq_progress got =
        progress(OQ_GROUP_ACTIVE, (struct spec[]){{W, huge, huge, 0}, {W, huge, huge, 0}}, 2);
    assert_true(got.total_bytes == huge);
    assert_true(got.done_bytes == huge);
    assert_int_equal(got.percent, 99);
    got = progress(OQ_GROUP_ACTIVE, (struct spec[]){{W, huge, huge / 2, 0}}, 1);
    assert_int_equal(got.percent, 50); /* 100 times the bytes would overflow */
    got = progress(OQ_GROUP_ACTIVE, (struct spec[]){{W, huge, huge / 4, 0}, {W, UNKNOWN, 0, 0}}, 2);
    assert_int_equal(got.percent, 12);
}

/* Shows IBackgroundCopyGroup::GetProgress.percent-100-only */
static void progress__every_state_but_complete__never_shows_100(void **state)
{
    (void)state;
    for (int s = 0; s < OQ_GROUP_STATE_COUNT; s++)
        for (int files = 0; files < 3; files++) {
            const struct spec specs[3] = {{F, 7, 7, 0}, {X, 0, 0, 0}, {W, 3, 3, 3}};
            struct oq_progress got = progress((enum oq_group_state)s, specs, (uint32_t)files);
            if (s == OQ_GROUP_COMPLETE)
                assert_int_equal(got.percent, 100);
            else
                assert_true(got.percent < 100);
        }
}

/* 200 files of which sizes become known one by one, each transferred in steps: nothing shown may
 * ever fall. */
/* Shows IBackgroundCopyGroup::GetProgress.percent-decrease-unless */
static void hold__a_whole_download__never_falls_and_ends_at_100(void **state)
{
    (void)state;
    enum { FILES = 200 };
    static struct spec specs[FILES];
    uint32_t shown = 0, fell = 0;
    for (uint32_t i = 0; i < FILES; i++)
        specs[i] = (struct spec){W, UNKNOWN, 0, 0};
    for (uint32_t i = 0; i < FILES; i++) {
        uint64_t size = i == FILES - 1
                            ? 1000000
                            : 10; /* the last one turns 99 % of the files into few of the bytes */
        specs[i].size = size;
        for (uint64_t step = 0; step <= 10; step++) {
            specs[i].in_flight = size * step / 10;
            struct oq_progress got = progress(OQ_GROUP_ACTIVE, specs, FILES);
            uint32_t next = oq_progress_hold(shown, got.percent, false);
            fell += got.percent < shown;
            assert_true(next >= shown);
            assert_true(next < 100);
            shown = next;
        }
        specs[i].state = F;
        specs[i].done = size;
    }
    assert_true(fell > 0); /* the scenario does contain the trap */
    for (uint32_t i = 0; i < FILES; i++)
        specs[i].state = X;
    shown = oq_progress_hold(shown, progress(OQ_GROUP_COMPLETE, specs, FILES).percent, false);
    assert_int_equal(shown, 100);
}

/* Shows IBackgroundCopyGroup::GetProgress.percent-decrease-unless */
static void hold__may_fall__shows_the_new_value(void **state)
{
    (void)state;
    assert_int_equal(oq_progress_hold(50, 20, false), 50);
    assert_int_equal(oq_progress_hold(50, 20, true), 20);
    assert_int_equal(oq_progress_hold(50, 51, false), 51);
    assert_int_equal(oq_progress_hold(50, 51, true), 51);
    assert_int_equal(oq_progress_hold(0, 0, false), 0);
}

static void dword__sizes__saturate_as_the_contract_says(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        uint32_t size, done;
    } cases[] = {
        {0, 0, 0},
        {1, 1, 1},
        {0xfffffffe, 0xfffffffe, 0xfffffffe},
        {0xffffffff, 0xffffffff, 0xffffffff},
        {UINT64_C(0x100000000), 0, 0xffffffff},
        {UINT64_C(0x100000001), 0, 0xffffffff},
        {UINT64_MAX - 1, 0, 0xffffffff},
        {OQ_SIZE_UNKNOWN, 0, 0xffffffff},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(oq_progress_size_dword(cases[i].bytes), cases[i].size);
        assert_int_equal(oq_progress_done_dword(cases[i].bytes), cases[i].done);
    }
}

/* Shows QM_STATUS_FILE_COMPLETE QM_STATUS_FILE_INCOMPLETE QM_STATUS_JOB_INCOMPLETE
 * QM_STATUS_GROUP_COMPLETE IBackgroundCopyGroup::GetStatus.pdwStatus .transient-error-being */
static void bits__table_of_section_7(void **state)
{
    (void)state;
    static const struct {
        enum oq_group_state state;
        uint32_t background, foreground, job;
    } cases[] = {
        {OQ_GROUP_SUSPENDED, 0x180, 0x580, 0x08},  {OQ_GROUP_ACTIVE, 0x080, 0x480, 0x08},
        {OQ_GROUP_COMMITTING, 0x080, 0x480, 0x08}, {OQ_GROUP_ERROR, 0x380, 0x780, 0x18},
        {OQ_GROUP_COMPLETE, 0x140, 0x540, 0x04},
    };
    assert_int_equal(COUNT_OF(cases), OQ_GROUP_STATE_COUNT - 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(oq_progress_group_bits(cases[i].state, false), cases[i].background);
        assert_int_equal(oq_progress_group_bits(cases[i].state, true), cases[i].foreground);
        assert_int_equal(oq_progress_job_bits(cases[i].state), cases[i].job);
    }
}

/* Shows QM_STATUS_JOB_FOREGROUND */
static void bits__any_value__keeps_the_invariants(void **state)
{
    (void)state;
    for (int s = 0; s <= OQ_GROUP_STATE_COUNT; s++)
        for (int foreground = 0; foreground < 2; foreground++) {
            uint32_t group = oq_progress_group_bits((enum oq_group_state)s, foreground);
            uint32_t job = oq_progress_job_bits((enum oq_group_state)s);
            assert_int_equal(!!(group & OQ_QM_STATUS_GROUP_COMPLETE),
                             !(group & OQ_QM_STATUS_GROUP_INCOMPLETE));
            assert_int_equal(!!(job & OQ_QM_STATUS_JOB_COMPLETE),
                             !(job & OQ_QM_STATUS_JOB_INCOMPLETE));
            assert_int_equal(!!(group & OQ_QM_STATUS_GROUP_FOREGROUND), foreground);
            if (group & OQ_QM_STATUS_GROUP_ERROR)
                assert_int_equal(group & 0x180, 0x180);
            assert_int_equal(job & 0x20, 0); /* JOB_FOREGROUND is not supported */
        }
}

static void activity_text__every_activity__is_unique(void **state)
{
    (void)state;
    for (int a = 0; a < OQ_ACTIVITY_COUNT; a++) {
        assert_string_not_equal(oq_activity_text((enum oq_activity)a), "?");
        for (int b = 0; b < a; b++)
            assert_string_not_equal(oq_activity_text((enum oq_activity)a),
                                    oq_activity_text((enum oq_activity)b));
    }
    assert_string_equal(oq_activity_text(OQ_ACTIVITY_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress__no_files__is_unknown_and_zero),
        cmocka_unit_test(progress__table__is_as_the_contract_says),
        cmocka_unit_test(progress__nothing_in_flight_given__counts_flushed_bytes),
        cmocka_unit_test(progress__sizes_that_do_not_fit__stop_below_unknown),
        cmocka_unit_test(progress__every_state_but_complete__never_shows_100),
        cmocka_unit_test(hold__a_whole_download__never_falls_and_ends_at_100),
        cmocka_unit_test(hold__may_fall__shows_the_new_value),
        cmocka_unit_test(dword__sizes__saturate_as_the_contract_says),
        cmocka_unit_test(bits__table_of_section_7),
        cmocka_unit_test(bits__any_value__keeps_the_invariants),
        cmocka_unit_test(activity_text__every_activity__is_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
