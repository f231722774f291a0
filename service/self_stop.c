/* self_stop.c - see self_stop_int.h. */
#include "self_stop_int.h"

#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_schedule.h"
#include "oq_log.h"

#include <windows.h>

#include <process.h>

struct oq_self_stop {
    struct oq_win_scm *scm;
    struct oq_engine *engine;
    struct oq_com *com;
    int64_t limit_ms;
    HANDLE quit; /* event */
    HANDLE thread;
};

/* Clients first, the work second: a client who brings work in between has arrived since then. */
static bool is_due(struct oq_self_stop *stop, struct oq_idle_stop *state, uint64_t *arrivals)
{
    struct oq_com_life life;

    oq_com_get_life(stop->com, &life);
    const struct oq_idle_look look = {.has_work = oq_engine_has_work(stop->engine),
                                      .clients = life.objects + life.locks + life.callbacks,
                                      .arrivals = life.activations};
    *arrivals = life.activations;
    return oq_idle_stop_is_due(state, &look, stop->limit_ms, oq_clock_mono_ms(oq_clock_system()));
}

static unsigned __stdcall watch(void *argument)
{
    struct oq_self_stop *stop = argument;
    struct oq_idle_stop state = {0};
    DWORD look_ms = (DWORD)oq_idle_stop_look_ms(stop->limit_ms);
    uint64_t arrivals = 0;

    while (WaitForSingleObject(stop->quit, look_ms) == WAIT_TIMEOUT) {
        if (!is_due(stop, &state, &arrivals) || !oq_com_shut_gate(stop->com, arrivals))
            continue;
        oq_log_info("service: no work and no client for %lld ms; it stops until it is asked for",
                    (long long)stop->limit_ms);
        oq_win_scm_request_stop(stop->scm);
        break;
    }
    return 0;
}

enum oq_status oq_self_stop_start(struct oq_win_scm *scm, struct oq_engine *engine,
                                  struct oq_com *com, int64_t limit_ms, struct oq_self_stop **out)
{
    struct oq_self_stop *stop = oq_calloc(1, sizeof *stop);
    if (!stop)
        return OQ_E_NOMEM;
    *stop = (struct oq_self_stop){.scm = scm, .engine = engine, .com = com, .limit_ms = limit_ms};
    stop->quit = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (stop->quit)
        stop->thread = (HANDLE)_beginthreadex(NULL, 0, watch, stop, 0, NULL);
    if (!stop->thread) {
        oq_self_stop_free(stop);
        return OQ_E_NOMEM;
    }
    *out = stop;
    return OQ_OK;
}

void oq_self_stop_free(struct oq_self_stop *stop)
{
    if (!stop)
        return;
    if (stop->thread) {
        SetEvent(stop->quit);
        WaitForSingleObject(stop->thread, INFINITE);
        CloseHandle(stop->thread);
    }
    if (stop->quit)
        CloseHandle(stop->quit);
    oq_free(stop);
}
