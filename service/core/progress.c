/* progress.c - sizes, percent and status bits. Pure. */
#include "oq_progress.h"

uint32_t oq_progress_group_bits(enum oq_group_state state, bool is_foreground)
{
    uint32_t bits = is_foreground ? OQ_QM_STATUS_GROUP_FOREGROUND : 0;
    switch (state) {
    case OQ_GROUP_ACTIVE:
    case OQ_GROUP_COMMITTING:
        return bits | OQ_QM_STATUS_GROUP_INCOMPLETE;
    case OQ_GROUP_ERROR:
        return bits | OQ_QM_STATUS_GROUP_INCOMPLETE | OQ_QM_STATUS_GROUP_SUSPENDED |
               OQ_QM_STATUS_GROUP_ERROR;
    case OQ_GROUP_COMPLETE:
        return bits | OQ_QM_STATUS_GROUP_COMPLETE | OQ_QM_STATUS_GROUP_SUSPENDED;
    case OQ_GROUP_SUSPENDED:
    case OQ_GROUP_CANCELLING:
    case OQ_GROUP_STATE_COUNT:
        break;
    }
    return bits | OQ_QM_STATUS_GROUP_INCOMPLETE | OQ_QM_STATUS_GROUP_SUSPENDED;
}

uint32_t oq_progress_job_bits(enum oq_group_state state)
{
    if (state == OQ_GROUP_ERROR)
        return OQ_QM_STATUS_JOB_INCOMPLETE | OQ_QM_STATUS_JOB_ERROR;
    return state == OQ_GROUP_COMPLETE ? OQ_QM_STATUS_JOB_COMPLETE : OQ_QM_STATUS_JOB_INCOMPLETE;
}

/* One file counts as this many parts where percent goes by files: fine enough that a file among a
 * hundred shows. */
#define PARTS_PER_FILE 10000u

/* Bits enough for 100 times any number of bytes. */
__extension__ typedef unsigned __int128 wide_uint;

static uint64_t share_of(uint64_t scale, uint64_t done, uint64_t total)
{
    return (uint64_t)((wide_uint)scale * done / total);
}

/* Servers may claim any size: a sum that does not fit stays at the largest number that is not
 * "unknown". */
static uint64_t add_bytes(uint64_t a, uint64_t b)
{
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum) || sum == OQ_SIZE_UNKNOWN)
        return OQ_SIZE_UNKNOWN - 1;
    return sum;
}

static bool is_done(const struct oq_file *file)
{
    return file->state == OQ_FILE_FETCHED || file->state == OQ_FILE_FINAL;
}

static uint64_t bytes_of(const struct oq_file *file, uint64_t in_flight_bytes)
{
    uint64_t bytes = file->done_bytes > in_flight_bytes ? file->done_bytes : in_flight_bytes;
    if (is_done(file) && file->size_bytes != OQ_SIZE_UNKNOWN)
        return file->size_bytes;
    return bytes > file->size_bytes ? file->size_bytes
                                    : bytes; /* an unknown size is above everything */
}

void oq_progress_of(const struct oq_group *group, const uint64_t *in_flight_bytes,
                    struct oq_progress *out)
{
    const struct oq_job *job = &group->job;
    struct oq_progress sum = {.total_bytes = 0, .files_total = job->file_count};
    bool is_total_known = job->file_count > 0;
    uint64_t parts = 0;

    for (uint32_t i = 0; i < job->file_count; i++) {
        const struct oq_file *file = &job->files[i];
        uint64_t bytes = bytes_of(file, in_flight_bytes ? in_flight_bytes[i] : 0);
        sum.done_bytes = add_bytes(sum.done_bytes, bytes);
        if (file->size_bytes == OQ_SIZE_UNKNOWN)
            is_total_known = false;
        else
            sum.total_bytes = add_bytes(sum.total_bytes, file->size_bytes);

        if (is_done(file)) {
            sum.files_done++;
            parts += PARTS_PER_FILE;
        } else if (file->size_bytes != OQ_SIZE_UNKNOWN && file->size_bytes > 0) {
            parts += share_of(PARTS_PER_FILE, bytes, file->size_bytes);
        }
    }

    if (group->state == OQ_GROUP_COMPLETE)
        sum.percent = 100;
    else if (is_total_known && sum.total_bytes > 0)
        sum.percent = (uint32_t)share_of(100, sum.done_bytes, sum.total_bytes);
    else if (job->file_count > 0)
        sum.percent = (uint32_t)(parts * 100 / ((uint64_t)job->file_count * PARTS_PER_FILE));
    if (sum.percent >= 100 && group->state != OQ_GROUP_COMPLETE)
        sum.percent = 99; /* all bytes are there, but the files have not got their names */

    if (!is_total_known)
        sum.total_bytes = OQ_SIZE_UNKNOWN;
    *out = sum;
}

uint32_t oq_progress_hold(uint32_t shown_percent, uint32_t new_percent, bool may_fall)
{
    return may_fall || new_percent > shown_percent ? new_percent : shown_percent;
}

uint32_t oq_progress_size_dword(uint64_t total_bytes)
{
    return total_bytes > UINT32_MAX ? 0 : (uint32_t)total_bytes;
}

uint32_t oq_progress_done_dword(uint64_t done_bytes)
{
    return done_bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)done_bytes;
}

const char *oq_activity_text(enum oq_activity activity)
{
    switch (activity) {
    case OQ_ACTIVITY_NONE:
        return "none";
    case OQ_ACTIVITY_QUEUED:
        return "queued";
    case OQ_ACTIVITY_CONNECTING:
        return "connecting";
    case OQ_ACTIVITY_TRANSFERRING:
        return "transferring";
    case OQ_ACTIVITY_BACKOFF:
        return "waiting to try again";
    case OQ_ACTIVITY_NO_OWNER:
        return "waiting for its owner to log on";
    case OQ_ACTIVITY_COMMITTING:
        return "finishing";
    case OQ_ACTIVITY_POLICY:
        return "paused by policy";
    case OQ_ACTIVITY_COUNT:
        break;
    }
    return "?";
}
