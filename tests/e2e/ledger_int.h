/* ledger_int.h - what the files of the ledger client share. */
#ifndef LEDGER_INT_H
#define LEDGER_INT_H

#include "openqmgr.h"

#include <stdbool.h>

#define GROUPS 3
#define FILES 3
#define SOME 2 /* files of the first AddFiles; the second adds the others */
#define NAME 400

/* Of the life of a group, in order. */
enum step {
    NOTHING,
    CREATED,
    HAS_JOB,
    HAS_SOME,
    HAS_ALL,
    NAMED,
    FLAGGED,
    RESUMED,
    SUSPENDED,     /* one of the groups only */
    RESUMED_AGAIN, /* likewise */
    COMPLETE,
    REMOVED,
    STEP_COUNT
};

/* --- ledger.c ------------------------------------------------------------------------------- */

/* Says which promise was broken and ends the process with 1. */
void broken(const char *fmt, ...) __attribute__((format(gnu_printf, 1, 2), noreturn));
/* The service will be told S_OK for the end of that group: writes it down first. */
void write_notified(unsigned group);
/* Counts the lives of the service that this client has met; any thread. */
unsigned life_of_service(void);

/* --- ledger_callback.c ---------------------------------------------------------------------- */

/* The object that receives the end of the groups; borrowed, lives as long as the process. */
IUnknown *callback_object(void);
/* An earlier client has acknowledged the end of that group. */
void notified_before(unsigned group);
/* The service is about to be killed: what it was answered long ago must have been saved. */
void service_killed(void);
/* Has the end of that group been told? */
bool is_told(unsigned group);

#endif
