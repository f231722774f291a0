/* result_int.h - the one table from result codes to sentences for people.
 *
 * Pure; any thread. Codes are HRESULTs as uint32_t, so that this builds and is tested without
 * Windows. A sentence has no full stop and no code; the caller adds both.
 */
#ifndef OQ_RESULT_INT_H
#define OQ_RESULT_INT_H

#include "oq_status.h"

/* What a code means to somebody who uses qmgrctl; static. NULL for a code that is not in the table.
 */
const char *oq_result_text(uint32_t hr);

/* The connection to the service is gone, or the service is just stopping: connecting again may
 * help. */
bool oq_result_is_disconnect(uint32_t hr);

/* Connecting again cannot help, whatever happens: not installed, no access. */
bool oq_result_is_permanent(uint32_t hr);

/* "the server answered 404 (not found)". */
#define OQ_RESULT_HTTP 80
void oq_result_http_text(uint32_t status, char text[OQ_RESULT_HTTP]);

#endif
