/* follow.c - watching a download: see commands_int.h.
 *
 * It asks the service again and again, quickly at first, so that small files are not waited for,
 * and then five times a second: a call takes well below a millisecond, and a program without a
 * registered class cannot be called back.
 */
#include "commands_int.h"

#include "console_int.h"
#include "oq_clock.h"
#include "render_int.h"

#include <string.h>

#define FIRST_PAUSE_MS 10
#define LONGEST_PAUSE_MS 200
#define PLAIN_LINE_MS 1000

struct watch {
    struct oq_follow *follow;
    struct oq_remote remote;
    struct oq_meter meter;
    int64_t started_ms, moved_ms; /* moved: when bytes last came in */
    int64_t shown_ms;             /* when the last plain line was printed */
    bool is_lost;                 /* the connection is just being sought */
};

static HRESULT read_step(struct oq_link *link, void *ctx)
{
    struct watch *watch = ctx;

    HRESULT hr = oq_remote_open(link, &watch->remote);
    if (SUCCEEDED(hr))
        hr = oq_remote_read(&watch->remote, &watch->follow->last);
    return hr;
}

static void show(struct watch *watch, int64_t now_ms)
{
    const struct oq_snapshot *last = &watch->follow->last;
    struct oq_render_view view = {.total_bytes = last->total_bytes,
                                  .done_bytes = last->done_bytes,
                                  .bytes_per_s = oq_meter_rate(&watch->meter)};
    char line[OQ_RENDER_LINE];

    if (watch->follow->is_quiet)
        return;
    if (watch->is_lost)
        view.note = "the service stopped; connecting again";
    else if (last->waiting[0])
        view.note = last->waiting;
    else if (last->phase == OQ_PHASE_COMMITTING)
        view.note = "finishing";
    else if (last->phase == OQ_PHASE_SUSPENDED)
        view.note = "suspended";
    if (oq_console_is_terminal()) {
        oq_render_bar(&view, oq_console_columns() - 1, line);
        oq_console_redraw(line);
    } else if (now_ms - watch->shown_ms >= PLAIN_LINE_MS) {
        watch->shown_ms = now_ms;
        oq_render_plain(&view, line);
        oq_console_say("%s", line);
    }
}

static void on_lost(void *ctx)
{
    struct watch *watch = ctx;

    if (!watch->is_lost) /* said at once, however long ago the last line was */
        watch->shown_ms = -PLAIN_LINE_MS;
    watch->is_lost = true;
    show(watch, oq_clock_mono_ms(oq_clock_system()));
}

/* What the newest snapshot means; -1: go on. */
static int judge(struct watch *watch, int64_t now_ms)
{
    struct oq_follow *follow = watch->follow;

    switch (follow->last.phase) {
    case OQ_PHASE_COMPLETE:
        return OQ_FOLLOW_COMPLETE;
    case OQ_PHASE_ERROR:
        return OQ_FOLLOW_ERROR;
    case OQ_PHASE_CANCELLED:
        return OQ_FOLLOW_GONE;
    case OQ_PHASE_COMMITTING:
        return -1; /* everything has come in */
    case OQ_PHASE_SUSPENDED:
    case OQ_PHASE_RUNNING:
        break;
    }
    if (follow->timeout_ms >= 0 && now_ms - watch->moved_ms >= follow->timeout_ms)
        return OQ_FOLLOW_TIMEOUT;
    return -1;
}

enum oq_follow_end oq_follow_run(struct oq_link *link, struct oq_follow *follow)
{
    const struct oq_clock *clock = oq_clock_system();
    struct watch watch = {.follow = follow, .remote.guid = follow->guid};
    int64_t pause_ms = FIRST_PAUSE_MS;
    uint64_t done_bytes = 0;
    int end = -1;

    memset(&follow->last, 0, sizeof follow->last);
    follow->last.total_bytes = OQ_RENDER_UNKNOWN;
    oq_meter_init(&watch.meter);
    watch.started_ms = watch.moved_ms = watch.shown_ms = oq_clock_mono_ms(clock);
    link->on_lost = on_lost;

    while (end < 0) {
        follow->hr = oq_link_run(link, read_step, &watch);
        int64_t now_ms = oq_clock_mono_ms(clock);
        watch.is_lost = false;
        if (follow->hr == E_ABORT) {
            end = OQ_FOLLOW_INTERRUPTED;
        } else if (follow->hr == (HRESULT)QM_E_ITEM_NOT_FOUND) {
            end = OQ_FOLLOW_GONE;
        } else if (FAILED(follow->hr)) {
            end = OQ_FOLLOW_LOST;
        } else {
            if (follow->last.done_bytes != done_bytes)
                watch.moved_ms = now_ms;
            done_bytes = follow->last.done_bytes;
            oq_meter_add(&watch.meter, now_ms, done_bytes);
            end = judge(&watch, now_ms);
            if (end < 0 || (end == OQ_FOLLOW_COMPLETE && oq_console_is_terminal()))
                show(&watch, now_ms);
            if (end < 0 && oq_console_wait(pause_ms))
                end = OQ_FOLLOW_INTERRUPTED;
        }
        pause_ms = pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
    }
    link->on_lost = NULL;
    follow->elapsed_ms = oq_clock_mono_ms(clock) - watch.started_ms;
    oq_remote_release(&watch.remote);
    return (enum oq_follow_end)end;
}
