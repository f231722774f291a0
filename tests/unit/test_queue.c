/* test_queue.c - service/base/queue.c */
#include "test_unit.h"

#include "oq_clock.h"
#include "oq_fault.h"
#include "oq_queue.h"

#include <pthread.h>
#include <stdatomic.h>

static int items[16];

static struct oq_queue *new_queue(size_t capacity)
{
    struct oq_queue *queue = NULL;
    assert_int_equal(oq_queue_new(capacity, &queue), OQ_OK);
    assert_non_null(queue);
    return queue;
}

static void queue_new__impossible_capacity__is_refused(void **state)
{
    (void)state;
    struct oq_queue *const before = (struct oq_queue *)(void *)items;
    struct oq_queue *queue = before;
    volatile size_t huge = SIZE_MAX;
    assert_int_equal(oq_queue_new(0, &queue), OQ_E_INVALID_ARG);
    assert_int_equal(oq_queue_new(huge, &queue), OQ_E_NOMEM);
    assert_int_equal(oq_queue_new(huge / sizeof(void *), &queue), OQ_E_NOMEM);
    assert_ptr_equal(queue, before);
    oq_queue_free(NULL);
}

static void queue__items__come_out_in_order_across_the_wrap(void **state)
{
    (void)state;
    struct oq_queue *queue = new_queue(3);
    size_t in = 0, out = 0;
    for (int round = 0; round < 10; round++) {
        while (in - out < 3)
            assert_int_equal(oq_queue_push(queue, &items[in++ % COUNT_OF(items)]), OQ_OK);
        for (int i = 0; i < 1 + round % 3; i++) {
            void *item = NULL;
            assert_int_equal(oq_queue_pop(queue, 0, &item), OQ_OK);
            assert_ptr_equal(item, &items[out++ % COUNT_OF(items)]);
        }
    }
    oq_queue_free(queue); /* items left inside are the caller's */
}

static void queue_push__full__is_busy_and_loses_nothing(void **state)
{
    (void)state;
    struct oq_queue *queue = new_queue(2);
    void *item = NULL;
    assert_int_equal(oq_queue_push(queue, &items[0]), OQ_OK);
    assert_int_equal(oq_queue_push(queue, &items[1]), OQ_OK);
    assert_int_equal(oq_queue_push(queue, &items[2]), OQ_E_BUSY);
    assert_int_equal(oq_queue_pop(queue, -1, &item), OQ_OK);
    assert_ptr_equal(item, &items[0]);
    assert_int_equal(oq_queue_push(queue, &items[2]), OQ_OK);
    assert_int_equal(oq_queue_pop(queue, -1, &item), OQ_OK);
    assert_ptr_equal(item, &items[1]);
    assert_int_equal(oq_queue_pop(queue, -1, &item), OQ_OK);
    assert_ptr_equal(item, &items[2]);
    oq_queue_free(queue);
}

static void queue_push__null_item__is_an_item(void **state)
{
    (void)state;
    struct oq_queue *queue = new_queue(1);
    void *item = items;
    assert_int_equal(oq_queue_push(queue, NULL), OQ_OK);
    assert_int_equal(oq_queue_pop(queue, 0, &item), OQ_OK);
    assert_null(item);
    oq_queue_free(queue);
}

static void queue_pop__empty__times_out_after_the_limit(void **state)
{
    (void)state;
    struct oq_queue *queue = new_queue(1);
    void *item = items;
    assert_int_equal(oq_queue_pop(queue, 0, &item), OQ_E_TIMEOUT);
    int64_t before = oq_clock_mono_ms(oq_clock_system());
    assert_int_equal(oq_queue_pop(queue, 30, &item), OQ_E_TIMEOUT);
    int64_t passed = oq_clock_mono_ms(oq_clock_system()) - before;
    assert_true(passed >= 30 && passed < 10000);
    assert_ptr_equal(item, items);
    oq_queue_free(queue);
}

static void queue_close__items_inside__are_still_handed_out(void **state)
{
    (void)state;
    struct oq_queue *queue = new_queue(4);
    void *item = NULL;
    assert_int_equal(oq_queue_push(queue, &items[0]), OQ_OK);
    assert_int_equal(oq_queue_push(queue, &items[1]), OQ_OK);
    oq_queue_close(queue);
    oq_queue_close(queue);
    assert_int_equal(oq_queue_push(queue, &items[2]), OQ_E_STOPPING);
    assert_int_equal(oq_queue_pop(queue, -1, &item), OQ_OK);
    assert_ptr_equal(item, &items[0]);
    assert_int_equal(oq_queue_pop(queue, 0, &item), OQ_OK);
    assert_ptr_equal(item, &items[1]);
    item = items;
    assert_int_equal(oq_queue_pop(queue, 0, &item), OQ_E_STOPPING);
    assert_int_equal(oq_queue_pop(queue, 1000, &item), OQ_E_STOPPING);
    assert_int_equal(oq_queue_pop(queue, -1, &item), OQ_E_STOPPING);
    assert_ptr_equal(item, items);
    oq_queue_free(queue);
}

/* A thread that pops once and says when it is about to. */
struct popper {
    struct oq_queue *queue;
    int64_t timeout_ms;
    atomic_bool is_about_to;
    enum oq_status status;
    void *item;
};

static void *pop_once(void *arg)
{
    struct popper *popper = arg;
    atomic_store(&popper->is_about_to, true);
    popper->status = oq_queue_pop(popper->queue, popper->timeout_ms, &popper->item);
    return NULL;
}

static pthread_t start_popper(struct popper *popper)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, pop_once, popper), 0);
    while (!atomic_load(&popper->is_about_to))
        ;
    return thread;
}

static void queue_pop__waiting__is_woken_by_push(void **state)
{
    (void)state;
    static const int64_t timeouts[] = {-1, 60000, INT64_MAX};
    for (size_t i = 0; i < COUNT_OF(timeouts); i++) {
        struct oq_queue *queue = new_queue(1);
        struct popper popper = {.queue = queue, .timeout_ms = timeouts[i]};
        pthread_t thread = start_popper(&popper);
        assert_int_equal(oq_queue_push(queue, &items[5]), OQ_OK);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(popper.status, OQ_OK);
        assert_ptr_equal(popper.item, &items[5]);
        oq_queue_free(queue);
    }
}

static void queue_pop__waiting__is_woken_by_close(void **state)
{
    (void)state;
    struct oq_queue *queue = new_queue(1);
    struct popper popper = {.queue = queue, .timeout_ms = -1};
    pthread_t thread = start_popper(&popper);
    oq_queue_close(queue);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(popper.status, OQ_E_STOPPING);
    oq_queue_free(queue);
}

#define PRODUCERS 4
#define PER_PRODUCER 5000

struct parcel {
    unsigned producer, number;
};

struct producer {
    struct oq_queue *queue;
    struct parcel *parcels; /* PER_PRODUCER */
};

static void *produce(void *arg)
{
    struct producer *producer = arg;
    for (size_t i = 0; i < PER_PRODUCER; i++)
        while (oq_queue_push(producer->queue, &producer->parcels[i]) == OQ_E_BUSY)
            ;
    return NULL;
}

static void queue__four_producers__nothing_is_lost_and_each_stays_in_order(void **state)
{
    (void)state;
    static struct parcel parcels[PRODUCERS][PER_PRODUCER];
    struct oq_queue *queue = new_queue(7);
    struct producer producers[PRODUCERS];
    pthread_t threads[PRODUCERS];
    unsigned next[PRODUCERS] = {0};
    for (unsigned p = 0; p < PRODUCERS; p++) {
        for (unsigned i = 0; i < PER_PRODUCER; i++)
            parcels[p][i] = (struct parcel){p, i};
        producers[p] = (struct producer){queue, parcels[p]};
        assert_int_equal(pthread_create(&threads[p], NULL, produce, &producers[p]), 0);
    }
    for (unsigned i = 0; i < PRODUCERS * PER_PRODUCER; i++) {
        void *item = NULL;
        assert_int_equal(oq_queue_pop(queue, 60000, &item), OQ_OK);
        const struct parcel *parcel = item;
        assert_int_equal(parcel->number, next[parcel->producer]);
        next[parcel->producer]++;
    }
    for (unsigned p = 0; p < PRODUCERS; p++)
        assert_int_equal(pthread_join(threads[p], NULL), 0);
    void *item;
    assert_int_equal(oq_queue_pop(queue, 0, &item), OQ_E_TIMEOUT);
    oq_queue_free(queue);
}

#ifdef OQ_FAULT_INJECTION
static void queue_new__no_memory__is_reported(void **state)
{
    (void)state;
    struct oq_queue *const before = (struct oq_queue *)(void *)items;
    struct oq_queue *queue = before;
    oq_fault_arm(OQ_FAULT_ALLOC, 1, false);
    enum oq_status status = oq_queue_new(4, &queue);
    oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
    assert_int_equal(status, OQ_E_NOMEM);
    assert_ptr_equal(queue, before);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_new__impossible_capacity__is_refused),
        cmocka_unit_test(queue__items__come_out_in_order_across_the_wrap),
        cmocka_unit_test(queue_push__full__is_busy_and_loses_nothing),
        cmocka_unit_test(queue_push__null_item__is_an_item),
        cmocka_unit_test(queue_pop__empty__times_out_after_the_limit),
        cmocka_unit_test(queue_close__items_inside__are_still_handed_out),
        cmocka_unit_test(queue_pop__waiting__is_woken_by_push),
        cmocka_unit_test(queue_pop__waiting__is_woken_by_close),
        cmocka_unit_test(queue__four_producers__nothing_is_lost_and_each_stays_in_order),
#ifdef OQ_FAULT_INJECTION
        cmocka_unit_test(queue_new__no_memory__is_reported),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
