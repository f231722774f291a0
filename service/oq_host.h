/* oq_host.h - the parts of the service, built in their order and stopped in the reverse.
 *
 * Owns every part: settings, data folder and its lock, log, identities, network, engine, COM
 * server, watch. The only place that knows all layers; decides nothing. One at a time per process.
 */
#ifndef OQ_HOST_H
#define OQ_HOST_H

#include "oq_win_scm.h"

struct oq_host;

struct oq_host_options {
    bool is_console; /* `qmgrsvc run`: log to standard error as well, nothing to the event log */
    const char *data_folder; /* `--data`; NULL = as configured. Borrowed */
};

/* NULL when out of memory. */
struct oq_host *oq_host_new(const struct oq_host_options *options);

/* For oq_win_scm_run_*; borrowed. What goes wrong is logged, and reported as an event, before start
 * returns. */
const struct oq_win_scm_hosted *oq_host_get_hosted(struct oq_host *host);

/* After stop: did every part end? If not, threads are left that must not be waited for, and the
 * process has to be ended with TerminateProcess; what had to be saved is saved. */
bool oq_host_is_whole(const struct oq_host *host);

void oq_host_free(struct oq_host *host); /* NULL is allowed; only if it is whole */

#endif
