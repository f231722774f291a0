/* fault.c - counters and triggers of the fault seam. Any thread; each counter is one atomic. */
#include "oq_fault.h"

#ifdef OQ_FAULT_INJECTION

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP_EXIT_CODE 86

static struct {
    atomic_uint_fast64_t count;
    atomic_uint_fast64_t first; /* 0 = disarmed */
    atomic_bool for_ever;
} points[OQ_FAULT_POINT_COUNT];

static const char *const point_names[OQ_FAULT_POINT_COUNT] = {
    [OQ_FAULT_ALLOC] = "alloc", [OQ_FAULT_FILE] = "file", [OQ_FAULT_NET] = "net",
    [OQ_FAULT_DB_IO] = "db",    [OQ_FAULT_STEP] = "step",
};

void oq_fault_arm(enum oq_fault_point point, uint64_t first, bool for_ever)
{
    atomic_store(&points[point].first, 0);
    atomic_store(&points[point].count, 0);
    atomic_store(&points[point].for_ever, for_ever);
    atomic_store(&points[point].first, first);
}

uint64_t oq_fault_count(enum oq_fault_point point)
{
    return atomic_load(&points[point].count);
}

bool oq_fault_hit(enum oq_fault_point point)
{
    uint64_t number = atomic_fetch_add(&points[point].count, 1) + 1;
    uint64_t first = atomic_load(&points[point].first);
    if (first == 0)
        return false;
    return number == first || (number > first && atomic_load(&points[point].for_ever));
}

void oq_fault_step(const char *what)
{
    if (!oq_fault_hit(OQ_FAULT_STEP))
        return;
    fprintf(stderr, "fault: the process ends at step %llu: %s\n",
            (unsigned long long)oq_fault_count(OQ_FAULT_STEP), what);
    fflush(stderr);
    _exit(STEP_EXIT_CODE);
}

static bool arm_word(const char *word, size_t length)
{
    for (int point = 0; point < OQ_FAULT_POINT_COUNT; point++) {
        size_t name_length = strlen(point_names[point]);
        if (length <= name_length + 1 || memcmp(word, point_names[point], name_length) != 0 ||
            word[name_length] != ':')
            continue;
        const char *digits = word + name_length + 1;
        if (*digits < '0' || *digits > '9') /* strtoull would also take a sign or blanks */
            return false;
        char *end;
        errno = 0;
        unsigned long long first = strtoull(digits, &end, 10);
        bool for_ever = *end == '+';
        if (errno != 0 || end + for_ever != word + length)
            return false;
        oq_fault_arm((enum oq_fault_point)point, first, for_ever);
        return true;
    }
    return false;
}

void oq_fault_arm_from_environment(void)
{
    const char *word = getenv("OQ_FAULT");
    while (word && *word) {
        size_t length = strcspn(word, ",");
        if (length > 0 && !arm_word(word, length))
            fprintf(stderr, "fault: OQ_FAULT: ignored \"%.*s\"\n", (int)length, word);
        word += length;
        if (*word == ',')
            word++;
    }
}

#else
/* ISO C wants a declaration in every file. */
enum oq_fault_is_compiled_out { OQ_FAULT_IS_COMPILED_OUT };
#endif
