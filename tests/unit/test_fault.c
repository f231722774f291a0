/* test_fault.c - service/base/fault.c */
#include "test_unit.h"

#include "oq_fault.h"

#ifdef OQ_FAULT_INJECTION

#include <pthread.h>
#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

static int disarm(void **state)
{
    (void)state;
    for (int point = 0; point < OQ_FAULT_POINT_COUNT; point++)
        oq_fault_arm((enum oq_fault_point)point, 0, false);
    return 0;
}

/* The calls 1..8 of a point as a word: '.' for those that pass, 'x' for those that fail. */
static const char *pattern(enum oq_fault_point point)
{
    static char word[9];
    for (int i = 0; i < 8; i++)
        word[i] = oq_fault_hit(point) ? 'x' : '.';
    return word;
}

static void hit__disarmed__passes_and_counts(void **state)
{
    (void)state;
    oq_fault_arm(OQ_FAULT_FILE, 0, true);
    assert_int_equal(oq_fault_count(OQ_FAULT_FILE), 0);
    assert_string_equal(pattern(OQ_FAULT_FILE), "........");
    assert_int_equal(oq_fault_count(OQ_FAULT_FILE), 8);
}

static void hit__armed_once__only_that_call_fails(void **state)
{
    (void)state;
    oq_fault_arm(OQ_FAULT_NET, 1, false);
    assert_string_equal(pattern(OQ_FAULT_NET), "x.......");
    oq_fault_arm(OQ_FAULT_NET, 4, false);
    assert_string_equal(pattern(OQ_FAULT_NET), "...x....");
    assert_string_equal(pattern(OQ_FAULT_NET), "........");
}

static void hit__armed_for_ever__later_calls_fail_too(void **state)
{
    (void)state;
    oq_fault_arm(OQ_FAULT_DB_IO, 3, true);
    assert_string_equal(pattern(OQ_FAULT_DB_IO), "..xxxxxx");
    assert_string_equal(pattern(OQ_FAULT_DB_IO), "xxxxxxxx");
    oq_fault_arm(OQ_FAULT_DB_IO, 0, true);
    assert_string_equal(pattern(OQ_FAULT_DB_IO), "........");
}

static void hit__points__are_independent(void **state)
{
    (void)state;
    disarm(NULL);
    oq_fault_arm(OQ_FAULT_ALLOC, 2, false);
    assert_string_equal(pattern(OQ_FAULT_FILE), "........");
    assert_string_equal(pattern(OQ_FAULT_ALLOC), ".x......");
    assert_int_equal(oq_fault_count(OQ_FAULT_NET), 0);
}

static void set_environment(const char *value)
{
#ifdef _WIN32
    char assignment[200];
    snprintf(assignment, sizeof assignment, "OQ_FAULT=%s", value);
    assert_int_equal(_putenv(assignment), 0);
#else
    assert_int_equal(setenv("OQ_FAULT", value, 1), 0);
#endif
}

static void environment__list__arms_those_points(void **state)
{
    (void)state;
    set_environment("alloc:2,db:3+,net:1");
    oq_fault_arm_from_environment();
    assert_string_equal(pattern(OQ_FAULT_ALLOC), ".x......");
    assert_string_equal(pattern(OQ_FAULT_DB_IO), "..xxxxxx");
    assert_string_equal(pattern(OQ_FAULT_NET), "x.......");
    assert_string_equal(pattern(OQ_FAULT_FILE), "........");
    set_environment("alloc:0,db:9,net:1+,");
    oq_fault_arm_from_environment();
    assert_string_equal(pattern(OQ_FAULT_ALLOC), "........");
    assert_string_equal(pattern(OQ_FAULT_DB_IO), "........");
    assert_string_equal(pattern(OQ_FAULT_DB_IO), "x.......");
    assert_string_equal(pattern(OQ_FAULT_NET), "xxxxxxxx");
}

static void environment__unknown_words__are_ignored_and_the_rest_counts(void **state)
{
    (void)state;
    static const char *const words[] = {"disk:1",   "file",
                                        "file:",    "file:x",
                                        "file:-1",  "file: 1",
                                        "file:1++", "file:1x",
                                        "files:1",  ":1",
                                        "file:+",   ",",
                                        "file:+1",  "file:99999999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        char value[100];
        disarm(NULL);
        snprintf(value, sizeof value, "%s,net:2", words[i]);
        set_environment(value);
        oq_fault_arm_from_environment();
        assert_string_equal(pattern(OQ_FAULT_FILE), "........");
        assert_string_equal(pattern(OQ_FAULT_NET), ".x......");
    }
}

static void environment__empty__arms_nothing(void **state)
{
    (void)state;
    set_environment("");
    oq_fault_arm_from_environment();
    for (int point = 0; point < OQ_FAULT_POINT_COUNT; point++)
        assert_string_equal(pattern((enum oq_fault_point)point), "........");
}

static void step__armed__process_ends_with_86_at_that_step(void **state)
{
    (void)state;
#ifdef _WIN32
    print_message("skipped: ends a copy of the process, which Windows cannot fork\n");
    skip();
#else
    int out[2];
    assert_int_equal(pipe(out), 0);
    fflush(stdout);
    fflush(stderr);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        oq_fault_arm(OQ_FAULT_STEP, 3, false);
        for (int i = 0; i < 10; i++) {
            oq_fault_step("a step");
            if (write(out[1], "s", 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    close(out[1]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 86);
    char seen[16];
    assert_int_equal(read(out[0], seen, sizeof seen), 2); /* steps 1 and 2 were done */
    close(out[0]);
#endif
}

#define HITS_PER_THREAD 20000

static void *hit_many(void *arg)
{
    unsigned *failed = arg;
    for (int i = 0; i < HITS_PER_THREAD; i++)
        *failed += oq_fault_hit(OQ_FAULT_FILE);
    return NULL;
}

static void hit__four_threads__exactly_one_call_fails(void **state)
{
    (void)state;
    pthread_t threads[4];
    unsigned failed[4] = {0};
    oq_fault_arm(OQ_FAULT_FILE, 30000, false);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hit_many, &failed[i]), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(failed[0] + failed[1] + failed[2] + failed[3], 1);
    assert_int_equal(oq_fault_count(OQ_FAULT_FILE), 4 * HITS_PER_THREAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(hit__disarmed__passes_and_counts, disarm),
        cmocka_unit_test_teardown(hit__armed_once__only_that_call_fails, disarm),
        cmocka_unit_test_teardown(hit__armed_for_ever__later_calls_fail_too, disarm),
        cmocka_unit_test_teardown(hit__points__are_independent, disarm),
        cmocka_unit_test_teardown(environment__list__arms_those_points, disarm),
        cmocka_unit_test_teardown(environment__unknown_words__are_ignored_and_the_rest_counts,
                                  disarm),
        cmocka_unit_test_teardown(environment__empty__arms_nothing, disarm),
        cmocka_unit_test_teardown(step__armed__process_ends_with_86_at_that_step, disarm),
        cmocka_unit_test_teardown(hit__four_threads__exactly_one_call_fails, disarm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void hit__compiled_out__never_fails(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_false(oq_fault_hit(OQ_FAULT_ALLOC));
    oq_fault_step("nothing");
    oq_fault_arm_from_environment();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hit__compiled_out__never_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
