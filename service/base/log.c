/* log.c - formats a line, makes it safe, hands it to the sink under one mutex. Any thread. */
#include "oq_log.h"

#include "oq_clock.h"
#include "oq_utf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Longer lines are cut. No allocation: "out of memory" must be loggable. */
#define LINE_BYTES 4096

static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static oq_log_sink *current_sink; /* under sink_lock; NULL = stderr */
static void *current_ctx;         /* under sink_lock */
static atomic_int highest_level = OQ_LOG_INFO;

static void write_to_stderr(enum oq_log_level level, const char *line)
{
    static const char *const names[] = {"ERROR", "WARNING", "INFO", "DEBUG"};
    char time[32];
    oq_clock_format_wall(oq_clock_wall_ms(oq_clock_system()), time);
    fprintf(stderr, "%s %s %s\n", time, names[level], line);
    fflush(stderr);
}

void oq_log_set_sink(oq_log_sink *sink, void *ctx)
{
    pthread_mutex_lock(&sink_lock);
    current_sink = sink;
    current_ctx = ctx;
    pthread_mutex_unlock(&sink_lock);
}

void oq_log_set_level(enum oq_log_level level)
{
    atomic_store(&highest_level, (int)level);
}

/* Parts of a line come from servers and clients: a control character could forge a second line or
 * steer a terminal, and a byte that is not UTF-8 could make the sink drop the whole line. */
static void make_printable(char *line)
{
    size_t left = strlen(line);
    while (left > 0) {
        uint32_t point = 0;
        size_t bytes = oq_utf8_decode(line, left, &point);
        if (bytes == 0) {
            *line = '?';
            bytes = 1;
        } else if (point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 ||
                   point == 0x2029) {
            memset(line, ' ', bytes);
        }
        line += bytes;
        left -= bytes;
    }
}

void oq_log(enum oq_log_level level, const char *fmt, ...)
{
    if ((int)level > atomic_load(&highest_level))
        return;

    char line[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    int wanted = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (wanted < 0)
        line[0] = '\0';
    else if ((size_t)wanted >= sizeof line)
        memcpy(line + sizeof line - 4, "...", 4);
    make_printable(line);

    pthread_mutex_lock(&sink_lock);
    if (current_sink)
        current_sink(current_ctx, level, line);
    else
        write_to_stderr(level, line);
    pthread_mutex_unlock(&sink_lock);
}
