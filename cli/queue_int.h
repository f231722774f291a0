/* queue_int.h - a group of the service's queue as a record (record_int.h), read and made through
 * COM. Main thread only; both are steps or parts of steps of oq_link_run.
 */
#ifndef OQ_QUEUE_INT_H
#define OQ_QUEUE_INT_H

#include "group_int.h"
#include "record_int.h"

/* Everything about a group that the interfaces of the service tell. *out is empty at the beginning;
 * release it in any case. S_FALSE when the group is no longer in the queue. */
HRESULT oq_queue_read(struct oq_link *link, const struct oq_guid *guid, struct oq_record *out);

#endif
