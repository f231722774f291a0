/* oq_clock.h - the two clocks, as a struct so that tests can turn them.
 *
 * mono_ms never goes back and does not jump when the clock is set; it counts on while the
 * machine sleeps. All waiting and all time-outs use it. wall_ms is UTC milliseconds since 1970 and
 * is used only for what people read and for periods that outlive a restart.
 */
#ifndef OQ_CLOCK_H
#define OQ_CLOCK_H

#include <stdint.h>

struct oq_clock {
    int64_t (*mono_ms)(void *ctx);
    int64_t (*wall_ms)(void *ctx);
    void *ctx;
    int64_t (*mono_us)(void *ctx); /* mono_ms in microseconds, or NULL */
};

/* The system's clocks. Borrowed, static; any thread. */
const struct oq_clock *oq_clock_system(void);

static inline int64_t oq_clock_mono_ms(const struct oq_clock *clock)
{
    return clock->mono_ms(clock->ctx);
}

/* Finer than mono_ms where the clock can do that. */
static inline int64_t oq_clock_mono_us(const struct oq_clock *clock)
{
    return clock->mono_us ? clock->mono_us(clock->ctx) : clock->mono_ms(clock->ctx) * 1000;
}

static inline int64_t oq_clock_wall_ms(const struct oq_clock *clock)
{
    return clock->wall_ms(clock->ctx);
}

/* Writes UTC "2026-01-31T23:59:59.123Z" (24 characters and the terminator). Any int64_t gives some
 * text. */
void oq_clock_format_wall(int64_t wall_ms, char text[32]);

#endif
