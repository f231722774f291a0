/* settings.c - see settings_int.h. */
#include "settings_int.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "oq_version.h"

#include <string.h>
#include <windows.h>

_Static_assert(sizeof(SRWLOCK) == sizeof(void *), "the lock fits into its place");

static SRWLOCK *lock_of(struct oq_live_settings *live)
{
    return (SRWLOCK *)(void *)&live->lock;
}

static enum oq_status apply_locked(struct oq_live_settings *live, struct oq_error *err)
{
    struct oq_win_settings settings;
    oq_win_settings_init(&settings);
    enum oq_status status = oq_win_settings_load(&settings, err);
    if (status == OQ_OK)
        status =
            oq_engine_set_policy(live->engine, &settings.numbers, &settings.rate_schedule, err);
    if (status == OQ_OK) {
        oq_log_set_level(settings.log_level);
        oq_free(live->schedule);
        live->schedule = settings.schedule;
        settings.schedule = NULL;
    }
    oq_win_settings_release(&settings);
    return status;
}

enum oq_status oq_live_settings_apply(struct oq_live_settings *live, struct oq_error *err)
{
    AcquireSRWLockExclusive(lock_of(live));
    enum oq_status status = apply_locked(live, err);
    ReleaseSRWLockExclusive(lock_of(live));
    return status;
}

/* --- the port --------------------------------------------------------------------------------- */

static enum oq_status port_read(void *ctx, struct oq_settings_view *view, struct oq_error *err)
{
    struct oq_live_settings *live = ctx;
    AcquireSRWLockShared(lock_of(live));
    char *schedule = oq_strdup(live->schedule ? live->schedule : "");
    ReleaseSRWLockShared(lock_of(live));
    if (!schedule)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    *view = (struct oq_settings_view){
        .version = OQ_VERSION,
        .database = live->data->database,
        .log = live->data->log,
        .schedule = schedule,
        .is_limit_enforced = oq_win_settings_is_enforced("MaxRateKbits"),
        .is_pause_enforced = oq_win_settings_is_enforced("PauseAll"),
    };
    return OQ_OK;
}

static enum oq_status port_set(void *ctx, const char *name, int64_t value, struct oq_error *err)
{
    struct oq_live_settings *live = ctx;
    struct oq_config range;
    oq_config_init(&range);
    enum oq_status status = oq_config_set(&range, name, value, err);
    if (status != OQ_OK)
        return status;
    if (oq_win_settings_is_enforced(name))
        return oq_error_win32(err, OQ_E_IO, ERROR_ACCESS_DISABLED_BY_POLICY,
                              "%s is set by group policy", name);
    AcquireSRWLockExclusive(lock_of(live));
    status = oq_win_settings_save_number(name, value, err);
    if (status == OQ_OK)
        status = apply_locked(live, err);
    ReleaseSRWLockExclusive(lock_of(live));
    return status;
}

/* --- life ------------------------------------------------------------------------------------- */

enum oq_status oq_live_settings_init(struct oq_live_settings *live,
                                     const struct oq_win_settings *settings,
                                     struct oq_engine *engine, const struct oq_win_data *data)
{
    *live = (struct oq_live_settings){
        .engine = engine,
        .data = data,
        .port = {.ctx = live, .read = port_read, .set = port_set},
    };
    InitializeSRWLock(lock_of(live));
    if (!settings->schedule)
        return OQ_OK;
    live->schedule = oq_strdup(settings->schedule);
    return live->schedule ? OQ_OK : OQ_E_NOMEM;
}

void oq_live_settings_release(struct oq_live_settings *live)
{
    oq_free(live->schedule);
    *live = (struct oq_live_settings){0};
}
