/* worker_pool.c - see oq_worker_pool.h. Two queues: what is to be done, and what is finished. The
 * threads own nothing but the operation they hold.
 */
#include "oq_worker_pool.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_queue.h"

#include <assert.h>
#include <pthread.h>

struct oq_worker_pool {
    struct oq_worker_pool_options options;
    struct oq_queue *todo, *finished;
    pthread_t *threads;
    unsigned thread_count;
    size_t pending; /* owner's thread */
};

static void *work(void *ctx)
{
    struct oq_worker_pool *pool = ctx;
    void *item = NULL;
    while (oq_queue_pop(pool->todo, -1, &item) == OQ_OK) {
        struct oq_operation *operation = item;
        operation->run(operation->argument);
        oq_fault_step("act");
        /* There is room: both queues have the capacity that bounds what is pending. */
        enum oq_status status = oq_queue_push(pool->finished, operation);
        assert(status == OQ_OK);
        (void)status;
        pool->options.wake(pool->options.ctx);
    }
    return NULL;
}

enum oq_status oq_worker_pool_new(const struct oq_worker_pool_options *options,
                                  struct oq_worker_pool **out)
{
    struct oq_worker_pool *pool = oq_calloc(1, sizeof *pool);
    if (!pool)
        return OQ_E_NOMEM;
    pool->options = *options;
    pool->threads = oq_calloc(options->threads, sizeof *pool->threads);
    if (!pool->threads || oq_queue_new(options->capacity, &pool->todo) != OQ_OK ||
        oq_queue_new(options->capacity, &pool->finished) != OQ_OK)
        goto fail;
    while (pool->thread_count < options->threads) {
        if (pthread_create(&pool->threads[pool->thread_count], NULL, work, pool) != 0)
            goto fail;
        pool->thread_count++;
    }
    *out = pool;
    return OQ_OK;
fail:
    oq_worker_pool_free(pool);
    return OQ_E_NOMEM;
}

void oq_worker_pool_free(struct oq_worker_pool *pool)
{
    if (!pool)
        return;
    assert(pool->pending == 0);
    if (pool->todo)
        oq_queue_close(pool->todo);
    for (unsigned i = 0; pool->threads && i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    oq_queue_free(pool->todo);
    oq_queue_free(pool->finished);
    oq_free(pool->threads);
    oq_free(pool);
}

enum oq_status oq_worker_pool_submit(struct oq_worker_pool *pool, struct oq_operation *operation)
{
    if (pool->pending >= pool->options.capacity)
        return OQ_E_BUSY;
    enum oq_status status = oq_queue_push(pool->todo, operation);
    if (status == OQ_OK)
        pool->pending++;
    return status;
}

void oq_worker_pool_drain(struct oq_worker_pool *pool)
{
    void *item = NULL;
    while (oq_queue_pop(pool->finished, 0, &item) == OQ_OK) {
        struct oq_operation *operation = item;
        pool->pending--;
        operation->done(operation->argument);
    }
}

size_t oq_worker_pool_pending(const struct oq_worker_pool *pool)
{
    return pool->pending;
}
