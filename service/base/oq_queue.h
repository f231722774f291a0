/* oq_queue.h - a bounded queue of pointers between threads (many producers, one consumer).
 *
 * Owns its ring buffer, one mutex and one condition; the items stay the caller's. Any thread may
 * push; one thread pops.
 */
#ifndef OQ_QUEUE_H
#define OQ_QUEUE_H

#include "oq_status.h"

struct oq_queue;

/* OQ_E_INVALID_ARG for capacity 0; OQ_E_NOMEM. Free with oq_queue_free when no other thread can
 * reach it; items left inside are not freed. oq_queue_free accepts NULL. */
OQ_MUST_CHECK enum oq_status oq_queue_new(size_t capacity, struct oq_queue **out);
void oq_queue_free(struct oq_queue *queue);

/* Never blocks. OQ_E_BUSY when full, OQ_E_STOPPING after close. */
OQ_MUST_CHECK enum oq_status oq_queue_push(struct oq_queue *queue, void *item);

/* The oldest item. Waits up to timeout_ms (0 = do not wait, -1 = for ever). OQ_E_TIMEOUT when there
 * was none; OQ_E_STOPPING when the queue is closed and empty. */
OQ_MUST_CHECK enum oq_status oq_queue_pop(struct oq_queue *queue, int64_t timeout_ms, void **item);

/* No more pushes; pop hands out what is left. Idempotent. */
void oq_queue_close(struct oq_queue *queue);

#endif
