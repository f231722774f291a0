/* oq_worker_pool.h - a few threads for what may take long (files, hashes, proxy settings), so that
 * the thread that owns the data never waits for them.
 *
 * Knows nothing of what is done: an operation is two functions and their argument. All functions
 * belong to the owner's thread; only `run` and `wake` are called on a worker.
 */
#ifndef OQ_WORKER_POOL_H
#define OQ_WORKER_POOL_H

#include "oq_status.h"

struct oq_worker_pool;

struct oq_operation {
    void (*run)(void *argument);  /* on a worker; touches nothing but the argument */
    void (*done)(void *argument); /* afterwards, on the owner's thread: oq_worker_pool_drain */
    void *argument;
};

struct oq_worker_pool_options {
    unsigned threads;
    size_t capacity;         /* operations that may be pending */
    void (*wake)(void *ctx); /* on a worker: there is something to drain */
    void *ctx;
};

/* OQ_E_NOMEM, also when a thread cannot be started. */
OQ_MUST_CHECK enum oq_status oq_worker_pool_new(const struct oq_worker_pool_options *options,
                                                struct oq_worker_pool **out);
/* Joins the threads. Nothing may be pending. NULL is allowed. */
void oq_worker_pool_free(struct oq_worker_pool *pool);
/* The operation is borrowed until its `done` is called. OQ_E_BUSY when `capacity` are pending: then
 * neither function is called. */
OQ_MUST_CHECK enum oq_status oq_worker_pool_submit(struct oq_worker_pool *pool,
                                                   struct oq_operation *operation);
/* Calls `done` for what the workers have finished. */
void oq_worker_pool_drain(struct oq_worker_pool *pool);
/* Operations whose `done` was not called yet. */
size_t oq_worker_pool_pending(const struct oq_worker_pool *pool);

#endif
