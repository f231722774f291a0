/* settings_int.h - the settings while the service runs: read from the registry again when they
 * change there, handed to the engine, shown to clients and changed for them.
 *
 * Owns the lock that makes one change of both, so that an older reading never replaces a newer one
 * in the engine. Any thread, between init and the end of the engine.
 */
#ifndef SETTINGS_INT_H
#define SETTINGS_INT_H

#include "oq_engine.h"
#include "oq_settings.h"
#include "oq_win_config.h"
#include "oq_win_data.h"

struct oq_live_settings {
    void *lock; /* SRWLOCK, of all below */
    struct oq_engine *engine;
    const struct oq_win_data *data; /* borrowed */
    char *schedule;                 /* in force; NULL = none */
    struct oq_settings_port port;
};

/* `settings` are those that the engine was started with; copied. OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_live_settings_init(struct oq_live_settings *live,
                                                   const struct oq_win_settings *settings,
                                                   struct oq_engine *engine,
                                                   const struct oq_win_data *data);
void oq_live_settings_release(struct oq_live_settings *live); /* an empty one, too */
/* Reads the registry and puts into force what may change while the service runs. The errors of
 * oq_win_settings_load and oq_engine_set_policy. */
OQ_MUST_CHECK enum oq_status oq_live_settings_apply(struct oq_live_settings *live,
                                                    struct oq_error *err);

#endif
