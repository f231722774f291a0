/* service_int.h - the service as the service manager knows it, and its log, for the cases in which
 * it cannot be asked itself. Main thread only.
 */
#ifndef OQ_SERVICE_INT_H
#define OQ_SERVICE_INT_H

#include "oq_status.h"

/* The service manager's state (SERVICE_RUNNING ...), 0: there is no such service, or it may not be
 * asked. */
uint32_t oq_service_state(void);

/* Starts the service if it is stopped and the user may start it, and waits until it runs; false: it
 * ended instead. In every other case, COM starts it. */
bool oq_service_start(void);

/* Has an administrator stopped it, or is stopping it? One that was killed or failed has another
 * exit code. While clients hold it, it does not stop by itself. */
bool oq_service_was_stopped(void);

#define OQ_SERVICE_TEXT 1024
/* Where the log is, by the settings; "" when that is not known. */
void oq_service_log_path(char path[OQ_SERVICE_TEXT]);
/* "its log PATH says: ..." with the last error of the log; "see PATH" when there is none. */
void oq_service_last_error(char text[OQ_SERVICE_TEXT]);

#endif
