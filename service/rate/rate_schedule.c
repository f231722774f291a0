/* plan.c - rates by week-day and hour. Pure. */
#include "oq_rate_schedule.h"

#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define KBITS_MOST 100000000 /* 100 Gbit/s */

void oq_rate_schedule_init(struct oq_rate_schedule *plan)
{
    for (unsigned i = 0; i < OQ_RATE_SCHEDULE_HOURS; i++)
        plan->kbits[i] = OQ_RATE_SCHEDULE_GENERAL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_spaces(const char **at)
{
    while (is_space(**at))
        (*at)++;
}

static bool take_word(const char **at, const char *word)
{
    size_t length = strlen(word);
    for (size_t i = 0; i < length; i++)
        if (((*at)[i] | 0x20) != word[i])
            return false;
    *at += length;
    return true;
}

static bool take_day(const char **at, unsigned *day)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    for (*day = 0; *day < 7; (*day)++)
        if (take_word(at, names[*day]))
            return true;
    return false;
}

/* A set of days, one bit each. */
static bool take_days(const char **at, unsigned *days)
{
    unsigned first = 0, last = 0;
    *days = 0;
    do {
        if (!take_day(at, &first))
            return false;
        last = first;
        if (**at == '-') {
            (*at)++;
            if (!take_day(at, &last))
                return false;
        }
        for (unsigned day = first;; day = (day + 1) % 7) {
            *days |= 1u << day;
            if (day == last)
                break;
        }
    } while (**at == ',' && (*at)++);
    return is_space(**at);
}

static bool take_number(const char **at, int32_t highest, int32_t *number)
{
    if (**at < '0' || **at > '9')
        return false;
    for (*number = 0; **at >= '0' && **at <= '9'; (*at)++) {
        *number = *number * 10 + (**at - '0');
        if (*number > highest)
            return false;
    }
    return true;
}

static bool take_entry(const char **at, struct oq_rate_schedule *plan)
{
    unsigned days = 0;
    int32_t from = 0, to = 0, kbits = 0;
    if (!take_days(at, &days))
        return false;
    skip_spaces(at);
    if (!take_number(at, 24, &from) || **at != '-')
        return false;
    (*at)++;
    if (!take_number(at, 24, &to) || from == to || from == 24 || !is_space(**at))
        return false;
    skip_spaces(at);
    if (take_word(at, "pause"))
        kbits = OQ_RATE_SCHEDULE_PAUSE;
    else if (!take_number(at, KBITS_MOST, &kbits))
        return false;
    skip_spaces(at);
    if (**at != ';' && **at != '\0')
        return false;
    for (unsigned day = 0; day < 7; day++)
        for (int32_t hour = from; (days >> day & 1) && hour < (to > from ? to : to + 24); hour++)
            plan->kbits[(day * 24 + (unsigned)hour) % OQ_RATE_SCHEDULE_HOURS] = kbits;
    return true;
}

enum oq_status oq_rate_schedule_parse(const char *text, struct oq_rate_schedule *plan,
                                      struct oq_error *err)
{
    struct oq_rate_schedule parsed;
    const char *at = text ? text : "";
    oq_rate_schedule_init(&parsed);
    for (skip_spaces(&at); *at; skip_spaces(&at)) {
        const char *entry = at;
        if (!take_entry(&at, &parsed))
            return oq_error_set(err, OQ_E_INVALID_ARG, "this entry is not understood: %.60s",
                                entry);
        if (*at == ';')
            at++;
    }
    *plan = parsed;
    return OQ_OK;
}

struct oq_rate_now oq_rate_schedule_at(const struct oq_rate_schedule *plan, int64_t wall_ms,
                                       int64_t ahead_ms, int64_t general_kbits)
{
    struct oq_rate_now now = {0};
    /* 1970-01-01 was a Thursday. */
    int64_t hour = ((wall_ms + ahead_ms) / HOUR_MS + INT64_C(3) * 24) % OQ_RATE_SCHEDULE_HOURS;
    if (hour < 0)
        hour += OQ_RATE_SCHEDULE_HOURS;
    int64_t kbits = plan->kbits[hour];
    now.is_paused = kbits == OQ_RATE_SCHEDULE_PAUSE;
    if (kbits == OQ_RATE_SCHEDULE_GENERAL)
        kbits = general_kbits;
    if (!now.is_paused && kbits > 0)
        now.bytes_per_s = (uint64_t)kbits * 125;
    return now;
}
