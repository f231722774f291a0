/* store_scenario.h - a short life of a queue in whole transactions, to be disturbed at any point.
 *
 * After k acknowledged transactions the database must hold exactly the queue that
 * scenario_difference knows for k. The transactions insert (several pages, so that the log is
 * checkpointed on the way), update, delete, and use an identifier again.
 */
#ifndef STORE_SCENARIO_H
#define STORE_SCENARIO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queue_samples.h"
#include "store_int.h"

#ifndef OQ_FAULT_INJECTION
#error "this test needs the fault seam"
#endif

#define SCENARIO_DB "scenario.db"
#define SCENARIO_STEPS 5

/* What is known of the database from the answers that the store gave. */
struct scenario_ledger {
    size_t acknowledged; /* transactions whose commit said OQ_OK */
    bool is_doubtful;    /* the commit of the next one was tried and failed: it may be there */
};

/* Group setup and teardown for CMocka: the sample groups. */
int scenario_setup(void **state);
int scenario_teardown(void **state);

/* Opens SCENARIO_DB through the VFS (NULL: the plain one) with small caches, so that the file is
 * touched often. */
OQ_MUST_CHECK enum oq_status scenario_open(const char *vfs, struct oq_store **out,
                                           struct oq_error *err);
/* Tries the next transaction once, and notes in the ledger how it ended. Rolls back on failure. */
OQ_MUST_CHECK enum oq_status scenario_step(struct oq_store *store, struct scenario_ledger *ledger,
                                           struct oq_error *err);

/* What is wrong with `queue` as the result of `steps` transactions; NULL = nothing. */
const char *scenario_difference(const struct sample_queue *queue, size_t steps);

/* The store, read through its open connection, holds what the ledger says (a doubtful transaction
 * counts as not done). */
void scenario_check(struct oq_store *store, const struct scenario_ledger *ledger);
/* The file, opened through the VFS (NULL: the plain one; a failing one is to be disarmed) and
 * checked through and through, holds what the ledger says (a doubtful transaction whole or not at
 * all). Notes in the ledger which. */
void scenario_check_file(const char *vfs, struct scenario_ledger *ledger);

#endif
