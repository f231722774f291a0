/* result_int.h - the table of result codes: their sentences, and whether connecting again helps.
 *
 * Pure; any thread. Codes are HRESULTs as uint32_t, so that this builds and is tested without
 * Windows. A sentence has no full stop and no code; the caller adds both.
 */
#ifndef OQ_RESULT_INT_H
#define OQ_RESULT_INT_H

#include "oq_status.h"

/* The sentence for a code, static; NULL for a code that is not in the table. */
const char *oq_result_text(uint32_t hr);

/* The connection to the service is lost, or the service is stopping: connecting again may help. */
bool oq_result_is_disconnect(uint32_t hr);

/* Connecting again does not help: not installed, access denied. */
bool oq_result_is_permanent(uint32_t hr);

/* The exit status of qmgrctl (exits.def) for a failure. */
int oq_result_exit(uint32_t hr);

/* "the server answered 404 (not found)". */
#define OQ_RESULT_HTTP 80
void oq_result_http_text(uint32_t status, char text[OQ_RESULT_HTTP]);

#endif
