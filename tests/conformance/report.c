/* report.c - the lines and the sum. Owns which assertions have been reported. */
#include "conformance.h"

#include <stdarg.h>
#include <stdio.h>

#define ASSERTIONS 87

static bool is_reported[ASSERTIONS + 1];
static unsigned ok_count, failed_count, skipped_count;

static void line(const char *label, const char *verdict, const char *fmt, va_list args)
{
    printf("%4s %-7s ", label, verdict);
    vprintf(fmt, args);
    printf("\n");
    fflush(stdout);
}

static void count(bool is_ok)
{
    if (is_ok)
        ok_count++;
    else
        failed_count++;
}

static bool take(int number, char label[8])
{
    snprintf(label, 8, "%d", number);
    bool is_new = number >= 1 && number <= ASSERTIONS && !is_reported[number];
    if (is_new)
        is_reported[number] = true;
    return is_new;
}

void report(int number, bool is_ok, const char *fmt, ...)
{
    char label[8];
    va_list args;
    if (!take(number, label))
        is_ok = false;
    va_start(args, fmt);
    line(label, is_ok ? "ok" : "not ok", fmt, args);
    va_end(args);
    count(is_ok);
}

void report_decision(const char *label, bool is_ok, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    line(label, is_ok ? "ok" : "not ok", fmt, args);
    va_end(args);
    count(is_ok);
}

void report_skipped(int number, const char *why)
{
    char label[8];
    if (!take(number, label))
        failed_count++;
    printf("%4s skipped: %s\n", label, why);
    fflush(stdout);
    skipped_count++;
}

unsigned report_end(void)
{
    for (int i = 1; i <= ASSERTIONS; i++)
        if (!is_reported[i])
            report(i, false, "nothing was seen: an earlier step failed");
    printf("%u passed, %u failed, %u skipped\n", ok_count, failed_count, skipped_count);
    return failed_count;
}
