/* test_worker_pool.c - service/base/worker_pool.c */
#include "test_unit.h"

#include "oq_fault.h"
#include "oq_worker_pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static atomic_uint woken;
static pthread_t owner;

static void wake(void *ctx)
{
    assert_ptr_equal(ctx, &woken);
    atomic_fetch_add(&woken, 1);
}

static enum oq_status new_pool(unsigned threads, size_t capacity, struct oq_worker_pool **out)
{
    struct oq_worker_pool_options options = {
        .threads = threads, .capacity = capacity, .wake = wake, .ctx = &woken};
    owner = pthread_self();
    atomic_store(&woken, 0);
    return oq_worker_pool_new(&options, out);
}

/* One operation: run may be held, and both functions note where they were called. */
struct job {
    struct oq_operation operation;
    atomic_bool *gate; /* run waits until it is open, or NULL */
    atomic_bool has_begun;
    bool ran_on_owner;
    unsigned runs, dones;
};

static void run(void *argument)
{
    struct job *job = argument;
    atomic_store(&job->has_begun, true);
    while (job->gate && !atomic_load(job->gate))
        sched_yield();
    job->ran_on_owner = pthread_equal(pthread_self(), owner) != 0;
    job->runs++;
}

static void done(void *argument)
{
    struct job *job = argument;
    assert_true(pthread_equal(pthread_self(), owner));
    assert_int_equal(job->runs, job->dones + 1);
    job->dones++;
}

static void submit(struct oq_worker_pool *pool, struct job *job)
{
    job->operation = (struct oq_operation){.run = run, .done = done, .argument = job};
    assert_int_equal(oq_worker_pool_submit(pool, &job->operation), OQ_OK);
}

static void drain_all(struct oq_worker_pool *pool)
{
    while (oq_worker_pool_pending(pool) > 0) {
        oq_worker_pool_drain(pool);
        sched_yield();
    }
}

static void pool__many_operations__each_runs_once_on_a_worker_and_is_done_here(void **state)
{
    (void)state;
    static struct job jobs[200];
    struct oq_worker_pool *pool = NULL;
    assert_int_equal(new_pool(4, COUNT_OF(jobs), &pool), OQ_OK);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        submit(pool, &jobs[i]);
    drain_all(pool);
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        assert_int_equal(jobs[i].runs, 1);
        assert_int_equal(jobs[i].dones, 1);
        assert_false(jobs[i].ran_on_owner);
    }
    oq_worker_pool_free(pool); /* joins: every wake has been called */
    assert_int_equal(atomic_load(&woken), COUNT_OF(jobs));
}

static void pool__one_operation_hangs__the_others_go_on(void **state)
{
    (void)state;
    atomic_bool gate;
    struct job slow = {.gate = &gate}, quick = {.gate = NULL};
    struct oq_worker_pool *pool = NULL;
    atomic_init(&gate, false);
    assert_int_equal(new_pool(2, 8, &pool), OQ_OK);
    submit(pool, &slow);
    while (!atomic_load(&slow.has_begun))
        sched_yield();
    submit(pool, &quick);
    while (quick.dones == 0) {
        oq_worker_pool_drain(pool);
        sched_yield();
    }
    assert_int_equal(oq_worker_pool_pending(pool), 1);
    assert_int_equal(slow.dones, 0);
    atomic_store(&gate, true);
    drain_all(pool);
    assert_int_equal(slow.dones, 1);
    oq_worker_pool_free(pool);
}

static void submit__as_many_pending_as_there_may_be__is_busy_until_one_is_drained(void **state)
{
    (void)state;
    atomic_bool gate;
    struct job first = {.gate = &gate}, second = {.gate = &gate}, third = {.gate = NULL};
    struct oq_worker_pool *pool = NULL;
    atomic_init(&gate, false);
    assert_int_equal(new_pool(1, 2, &pool), OQ_OK);
    submit(pool, &first);
    submit(pool, &second);
    third.operation = (struct oq_operation){.run = run, .done = done, .argument = &third};
    assert_int_equal(oq_worker_pool_submit(pool, &third.operation), OQ_E_BUSY);
    assert_int_equal(oq_worker_pool_pending(pool), 2);
    atomic_store(&gate, true);
    drain_all(pool);
    assert_int_equal(third.runs + third.dones, 0);
    submit(pool, &third);
    drain_all(pool);
    assert_int_equal(third.dones, 1);
    oq_worker_pool_free(pool);
}

#ifdef OQ_FAULT_INJECTION
static void pool_new__out_of_memory__leaves_nothing_behind(void **state)
{
    (void)state;
    struct oq_worker_pool *pool = NULL;
    for (uint64_t n = 1;; n++) {
        oq_fault_arm(OQ_FAULT_ALLOC, n, false);
        enum oq_status status = new_pool(1, 4, &pool);
        bool has_hit = oq_fault_count(OQ_FAULT_ALLOC) >= n;
        oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
        if (!has_hit) {
            assert_int_equal(status, OQ_OK);
            break;
        }
        assert_int_equal(status, OQ_E_NOMEM);
        assert_null(pool);
    }
    oq_worker_pool_free(pool);
    oq_worker_pool_free(NULL);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool__many_operations__each_runs_once_on_a_worker_and_is_done_here),
        cmocka_unit_test(pool__one_operation_hangs__the_others_go_on),
        cmocka_unit_test(submit__as_many_pending_as_there_may_be__is_busy_until_one_is_drained),
#ifdef OQ_FAULT_INJECTION
        cmocka_unit_test(pool_new__out_of_memory__leaves_nothing_behind),
#endif
    };
    return cmocka_run_group_tests_name("worker pool", tests, NULL, NULL);
}
