/* oq_rate_schedule.h - the highest rate of background downloads by week-day and hour.
 *
 * The text of the registry value RateSchedule is a list of entries separated by ';', each
 *
 *   DAYS HOURS KBITS      mon-fri 8-18 2000; sat,sun 0-24 0; mon-sun 2-3 pause
 *
 * DAYS are names of three letters, single, in a range (which may go over the week's end) or
 * separated by commas. HOURS are a range of whole hours; one that ends before it begins goes over
 * midnight and belongs to the day on which it begins. KBITS is in kbit/s, 0 for no limit, or
 * "pause". Of several entries for one hour the last counts; an hour without one has the general
 * limit (MaxRateKbits).
 *
 * Pure: local time comes as an argument, so a change of clock or time zone holds at once.
 */
#ifndef OQ_RATE_SCHEDULE_H
#define OQ_RATE_SCHEDULE_H

#include "oq_status.h"

#define OQ_RATE_SCHEDULE_HOURS 168
#define OQ_RATE_SCHEDULE_GENERAL (-1) /* the general limit */
#define OQ_RATE_SCHEDULE_PAUSE (-2)

/* kbit/s for each hour of the week from Monday 0:00; 0 = no limit; or one of the above. */
struct oq_rate_schedule {
    int32_t kbits[OQ_RATE_SCHEDULE_HOURS];
};

void oq_rate_schedule_init(struct oq_rate_schedule *plan); /* the general limit, always */
/* NULL and "" give the general limit, always. OQ_E_INVALID_ARG with the entry in err->text; *plan
 * is then unchanged. */
OQ_MUST_CHECK enum oq_status oq_rate_schedule_parse(const char *text, struct oq_rate_schedule *plan,
                                                    struct oq_error *err);

struct oq_rate_now {
    bool is_paused;
    uint64_t bytes_per_s; /* 0 = no limit */
};
/* What holds at a moment: wall clock (UTC, ms since 1970) and what local time is ahead of it.
 * general_kbits: the limit where the plan has none, 0 = no limit. */
struct oq_rate_now oq_rate_schedule_at(const struct oq_rate_schedule *plan, int64_t wall_ms,
                                       int64_t ahead_ms, int64_t general_kbits);

#endif
