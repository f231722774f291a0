/* oq_alloc.h - all memory of OpenQMGR comes from here, so that tests can make the n-th allocation
 * fail (oq_fault.h).
 *
 * Any thread. All return NULL when memory runs out; none aborts. oq_free accepts NULL. Memory
 * from oq_alloc may be given to oq_free only; what SQLite, curl or COM hand out goes back to them.
 */
#ifndef OQ_ALLOC_H
#define OQ_ALLOC_H

#include "oq_status.h"

#include <stddef.h>

void *oq_malloc(size_t size);
void *oq_calloc(size_t count, size_t size); /* NULL when count * size overflows */
void *oq_realloc(void *old, size_t size);   /* on NULL the old block stays */
char *oq_strdup(const char *text);          /* NULL text gives NULL */
char *oq_strndup(const char *text, size_t length);
/* printf into new memory; NULL when out of memory. Caller frees with oq_free. */
char *oq_asprintf(const char *fmt, ...) OQ_PRINTF(1, 2);
void oq_free(void *block);

#endif
