/* oq_fault.h - the fault seam: in test builds the n-th call at a named point can be made to fail.
 *
 * Compiled to nothing unless OQ_FAULT_INJECTION is defined (every debug and sanitizer tree; never
 * the release tree). Any thread; the counters are atomic. Points: each allocation (oq_alloc.h),
 * each call of the file port, of the network (service/net), and of SQLite's VFS
 * (tests/support/fault_vfs.c asks for OQ_FAULT_DB_IO). Also counts the "save" and "act" steps of
 * the engine, so that a crash test can stop the process at step n.
 */
#ifndef OQ_FAULT_H
#define OQ_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum oq_fault_point {
    OQ_FAULT_ALLOC,
    OQ_FAULT_FILE,
    OQ_FAULT_NET,
    OQ_FAULT_DB_IO,
    OQ_FAULT_STEP, /* a save or act step of the engine; "failing" means ending the process */
    OQ_FAULT_POINT_COUNT
};

#ifdef OQ_FAULT_INJECTION

/* Arms a point: call number `first` (1 = the next one) fails, and with `for_ever` every later one
 * too. Resets the point's count. first = 0 disarms. */
void oq_fault_arm(enum oq_fault_point point, uint64_t first, bool for_ever);

/* Calls seen at the point since it was armed or disarmed. */
uint64_t oq_fault_count(enum oq_fault_point point);

/* Counts one call; true if it must fail. */
bool oq_fault_hit(enum oq_fault_point point);

/* Counts one OQ_FAULT_STEP and ends the process with _exit(86) if it is the armed one. */
void oq_fault_step(const char *what);

/* Reads the environment once, for test programs and the service in test builds:
 * OQ_FAULT="alloc:12,db:3+,step:7" arms those points; '+' means for ever. An unknown word is
 * reported on stderr and ignored. */
void oq_fault_arm_from_environment(void);

#else
#define oq_fault_hit(point) ((void)(point), false)
#define oq_fault_step(what) ((void)(what))
#define oq_fault_arm_from_environment() ((void)0)
#endif

#endif
