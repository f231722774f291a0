/* queue.c - the ring buffer with its mutex and condition. Owns no thread; see the header for who
 * may call. */
#include "oq_queue.h"

#include "oq_alloc.h"
#include "oq_clock.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

struct oq_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* an item came, or the queue was closed */
    clockid_t wait_clock;   /* what `changed` counts in */
    bool is_closed;
    size_t capacity, first, count;
    void *items[];
};

/* winpthreads knows the wall clock only. Waits are cut into pieces, so that setting the
 * clock delays a time-out by no more than one piece; it also keeps the addition below from
 * overflowing for a time-out of centuries. */
#define LONGEST_PIECE_MS INT64_C(1000)

static int init_condition(struct oq_queue *queue)
{
    pthread_condattr_t attr;
    int rc = pthread_condattr_init(&attr);
    if (rc != 0)
        return rc;
    queue->wait_clock = CLOCK_MONOTONIC;
    if (pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0)
        queue->wait_clock = CLOCK_REALTIME;
    rc = pthread_cond_init(&queue->changed, &attr);
    pthread_condattr_destroy(&attr);
    return rc;
}

enum oq_status oq_queue_new(size_t capacity, struct oq_queue **out)
{
    size_t bytes;
    if (capacity == 0)
        return OQ_E_INVALID_ARG;
    if (__builtin_mul_overflow(capacity, sizeof(void *), &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct oq_queue), &bytes))
        return OQ_E_NOMEM;
    struct oq_queue *queue = oq_calloc(1, bytes);
    if (!queue)
        return OQ_E_NOMEM;
    queue->capacity = capacity;
    if (pthread_mutex_init(&queue->lock, NULL) != 0)
        goto no_lock;
    if (init_condition(queue) != 0)
        goto no_condition;
    *out = queue;
    return OQ_OK;

no_condition:
    pthread_mutex_destroy(&queue->lock);
no_lock:
    oq_free(queue);
    return OQ_E_NOMEM;
}

void oq_queue_free(struct oq_queue *queue)
{
    if (!queue)
        return;
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    oq_free(queue);
}

enum oq_status oq_queue_push(struct oq_queue *queue, void *item)
{
    enum oq_status status = OQ_OK;
    pthread_mutex_lock(&queue->lock);
    if (queue->is_closed) {
        status = OQ_E_STOPPING;
    } else if (queue->count == queue->capacity) {
        status = OQ_E_BUSY;
    } else {
        queue->items[(queue->first + queue->count) % queue->capacity] = item;
        queue->count++;
        pthread_cond_signal(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
    return status;
}

/* Waits for `changed`, at most wait_ms; may return early. */
static void wait_some(struct oq_queue *queue, int64_t wait_ms)
{
    if (wait_ms > LONGEST_PIECE_MS)
        wait_ms = LONGEST_PIECE_MS;
    struct timespec until = {0};
    clock_gettime(queue->wait_clock, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000 * 1000000);
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&queue->changed, &queue->lock, &until);
}

enum oq_status oq_queue_pop(struct oq_queue *queue, int64_t timeout_ms, void **item)
{
    const struct oq_clock *clock = oq_clock_system();
    int64_t started_at_ms = timeout_ms > 0 ? oq_clock_mono_ms(clock) : 0;
    enum oq_status status = OQ_OK;

    pthread_mutex_lock(&queue->lock);
    while (queue->count == 0) {
        if (queue->is_closed) {
            status = OQ_E_STOPPING;
            goto out;
        }
        if (timeout_ms < 0) {
            pthread_cond_wait(&queue->changed, &queue->lock);
            continue;
        }
        int64_t left_ms =
            timeout_ms == 0 ? 0 : timeout_ms - (oq_clock_mono_ms(clock) - started_at_ms);
        if (left_ms <= 0) {
            status = OQ_E_TIMEOUT;
            goto out;
        }
        wait_some(queue, left_ms);
    }
    *item = queue->items[queue->first];
    queue->first = (queue->first + 1) % queue->capacity;
    queue->count--;
out:
    pthread_mutex_unlock(&queue->lock);
    return status;
}

void oq_queue_close(struct oq_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->is_closed = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}
