/* oq_settings.h - port: the settings that clients read and administrators change through the
 * service.
 *
 * Called on threads of clients' calls, several at once; may take as long as the registry does. Who
 * may change is decided before it is asked.
 */
#ifndef OQ_SETTINGS_H
#define OQ_SETTINGS_H

#include "oq_status.h"

struct oq_settings_view {
    const char *version, *database, *log; /* borrowed: as long as the port */
    char *schedule;                       /* new string (oq_free), "" = none */
    bool is_limit_enforced;               /* group policy has set MaxRateKbits, */
    bool is_pause_enforced;               /* and PauseAll */
};

struct oq_settings_port {
    void *ctx;
    /* OQ_E_NOMEM, OQ_E_IO. *view only on success. */
    enum oq_status (*read)(void *ctx, struct oq_settings_view *view, struct oq_error *err);
    /* Saves a number of OQ_CONFIG_NUMBERS, by its name, so that it survives a power cut, and puts
     * it into force. OQ_E_INVALID_ARG out of range; OQ_E_IO with
     * ERROR_ACCESS_DISABLED_BY_POLICY when group policy has set it: then nothing has changed. */
    enum oq_status (*set)(void *ctx, const char *name, int64_t value, struct oq_error *err);
};

#endif
