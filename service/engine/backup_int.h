/* keep_int.h - the backup copy of the queue. Engine thread. */
#ifndef BACKUP_INT_H
#define BACKUP_INT_H

#include "engine_int.h"

#define OQ_BACKUP_INTERVAL_MS 600000

void oq_keep_init(struct oq_engine *engine);
/* Once per loop turn: goes on with the copy if a step is due and nobody waits (`is_busy`). The next
 * step is due at engine->keep.at_ms (monotonic). */
void oq_keep_run(struct oq_engine *engine, bool is_busy);
/* Before the store is closed: gives an unfinished copy up. */
void oq_keep_end(struct oq_engine *engine);

#endif
