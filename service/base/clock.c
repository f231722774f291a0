/* clock.c - the system's clocks, the one place of base that tells the platforms apart. Owns
 * nothing; any thread.
 *
 * Monotonic time counts while the machine sleeps, on both platforms: after a night of standby a
 * back-off of ten minutes is over. QueryPerformanceCounter does that on Windows; on Linux it is
 * CLOCK_BOOTTIME, and not CLOCK_MONOTONIC, that matches.
 */
#ifdef _WIN32
#if !defined(_WIN32_WINNT) || _WIN32_WINNT < 0x0602
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0602 /* GetSystemTimePreciseAsFileTime */
#endif
#endif

#include "oq_clock.h"

#include <stdio.h>

#ifdef _WIN32

#include <windows.h>

/* 100 ns units between 1601, where FILETIME begins, and 1970. */
#define UNIX_EPOCH_100NS INT64_C(116444736000000000)

static int64_t ticks_in(int64_t units_per_second)
{
    LARGE_INTEGER ticks, per_second; /* neither call can fail since Windows XP */
    QueryPerformanceFrequency(&per_second);
    QueryPerformanceCounter(&ticks);
    /* Whole seconds apart: ticks * units would overflow after some weeks at a high frequency. */
    return ticks.QuadPart / per_second.QuadPart * units_per_second +
           ticks.QuadPart % per_second.QuadPart * units_per_second / per_second.QuadPart;
}

static int64_t system_mono_ms(void *ctx)
{
    (void)ctx;
    return ticks_in(1000);
}

static int64_t system_mono_us(void *ctx)
{
    (void)ctx;
    return ticks_in(1000000);
}

static int64_t system_wall_ms(void *ctx)
{
    (void)ctx;
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    uint64_t units = (uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
    return ((int64_t)units - UNIX_EPOCH_100NS) / 10000;
}

#else

#include <time.h>

static int64_t timespec_ms(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
}

static struct timespec mono(void)
{
    struct timespec now = {0};
#ifdef CLOCK_BOOTTIME
    clock_gettime(CLOCK_BOOTTIME, &now);
#else
    clock_gettime(CLOCK_MONOTONIC, &now);
#endif
    return now;
}

static int64_t system_mono_ms(void *ctx)
{
    (void)ctx;
    struct timespec now = mono();
    return timespec_ms(&now);
}

static int64_t system_mono_us(void *ctx)
{
    (void)ctx;
    struct timespec now = mono();
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_wall_ms(void *ctx)
{
    (void)ctx;
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    return timespec_ms(&now);
}

#endif

const struct oq_clock *oq_clock_system(void)
{
    static const struct oq_clock clock = {
        .mono_ms = system_mono_ms, .wall_ms = system_wall_ms, .mono_us = system_mono_us};
    return &clock;
}

#define MS_PER_DAY INT64_C(86400000)

/* Rounds towards the past, so that times before 1970 have a time of day that is not negative. */
static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

static int64_t floor_mod(int64_t value, int64_t by)
{
    return value % by + (value % by < 0 ? by : 0);
}

void oq_clock_format_wall(int64_t wall_ms, char text[32])
{
    int64_t days = floor_div(wall_ms, MS_PER_DAY);
    int64_t in_day = floor_mod(wall_ms, MS_PER_DAY);

    /* Proleptic Gregorian calendar counted from 1 March of year 0, so that the leap day is the last
     * day of a year. An era is 400 years, 146,097 days; 719,468 days lie between 0000-03-01 and
     * 1970-01-01. */
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t day_of_era = floor_mod(days, 146097);
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int64_t year = era * 400 + year_of_era + (month <= 2);

    /* At most "-292275055-05-16T16:47:04.192Z": 30 characters. The casts and remainders show the
     * compiler that it fits. */
    snprintf(text, 32, "%04d-%02u-%02uT%02u:%02u:%02u.%03uZ", (int)(year % 1000000000),
             (unsigned)month % 100u, (unsigned)day % 100u, (unsigned)(in_day / 3600000) % 100u,
             (unsigned)(in_day / 60000 % 60), (unsigned)(in_day / 1000 % 60),
             (unsigned)(in_day % 1000));
}
