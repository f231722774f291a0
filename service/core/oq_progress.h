/* oq_progress.h - what a client sees of a group: sizes, percent, status bits, activity (contract
 * sections 5, 7, D13, D27).
 *
 * Pure, 64-bit; saturation to DWORD is here too, as functions, since it is part of the contract.
 */
#ifndef OQ_PROGRESS_H
#define OQ_PROGRESS_H

#include "oq_model.h"

/* The bits of qmgr.h, so that core needs no Windows header; the ABI test compares them. */
enum oq_qm_status {
    OQ_QM_STATUS_JOB_COMPLETE = 0x04,
    OQ_QM_STATUS_JOB_INCOMPLETE = 0x08,
    OQ_QM_STATUS_JOB_ERROR = 0x10,
    OQ_QM_STATUS_GROUP_COMPLETE = 0x40,
    OQ_QM_STATUS_GROUP_INCOMPLETE = 0x80,
    OQ_QM_STATUS_GROUP_SUSPENDED = 0x100,
    OQ_QM_STATUS_GROUP_ERROR = 0x200,
    OQ_QM_STATUS_GROUP_FOREGROUND = 0x400,
};

/* Section 7. CANCELLING never reaches a client through these (it gets the frozen last values).
 * COMMITTING reads as transferring. */
uint32_t oq_progress_group_bits(enum oq_group_state state, bool is_foreground);
uint32_t oq_progress_job_bits(enum oq_group_state state);

struct oq_progress {
    uint64_t total_bytes; /* OQ_SIZE_UNKNOWN while any size is unknown, or no file is there */
    uint64_t done_bytes;
    uint32_t files_total, files_done; /* done: FETCHED or FINAL */
    uint32_t percent; /* 0..100, see D13 in contract 0.1; 100 only when the group is COMPLETE. By
                         bytes when every size is known, else by files, where a file counts by its
                         known fraction */
};

/* `in_flight_bytes`[i], if not NULL, is the number of bytes of file i there are so far, from its
 * start (flushed or not), 0 if it does not run: progress shown to people counts what has arrived.
 * Sums too large for 64 bits stop at OQ_SIZE_UNKNOWN - 1. */
void oq_progress_of(const struct oq_group *group, const uint64_t *in_flight_bytes,
                    struct oq_progress *out);

/* Percent to show next: what was shown never falls while a job runs (contract 0.1, D13), although
 * counting by files turns into counting by bytes when the last size becomes known, and bytes that
 * were not yet flushed are lost with a connection. `may_fall` is true after a changed file was
 * restarted or files were added. The caller keeps what it returns. */
uint32_t oq_progress_hold(uint32_t shown_percent, uint32_t new_percent, bool may_fall);

uint32_t oq_progress_size_dword(
    uint64_t total_bytes); /* get_Size: 0 when unknown or above 0xFFFFFFFF */
uint32_t oq_progress_done_dword(uint64_t done_bytes); /* SIZE_DONE: saturates */

/* What an ACTIVE group is doing, from values. */
enum oq_activity {
    OQ_ACTIVITY_NONE,   /* not ACTIVE */
    OQ_ACTIVITY_QUEUED, /* waits for the scheduler */
    OQ_ACTIVITY_CONNECTING,
    OQ_ACTIVITY_TRANSFERRING,
    OQ_ACTIVITY_BACKOFF,  /* every unfinished file waits after a transient error */
    OQ_ACTIVITY_NO_OWNER, /* the owner is not logged on */
    OQ_ACTIVITY_COMMITTING,
    OQ_ACTIVITY_POLICY, /* the administrator pauses it: PauseAll, a schedule, a metered network */
    OQ_ACTIVITY_COUNT
};
/* For people, static; "?" for a value out of range. */
const char *oq_activity_text(enum oq_activity activity);

#endif
