/* notify_int.h - between notify.c, which knows the callbacks and the pending events, and deliver.c,
 * which calls them. Only they and their tests include it.
 */
#ifndef NOTIFY_INT_H
#define NOTIFY_INT_H

#include "com_int.h"

#include "oq_delivery.h"

struct entry;
struct user;
struct registration;

/* A call to a client, from oq_notify_wait or oq_notify_try to oq_notify_end. */
struct oq_notify_call {
    struct oq_event event;
    IBackgroundCopyCallback1 *callback; /* lives until the end */
    /* notify.c's own */
    struct entry *entry;
    struct user *user;
    struct registration *registration;
    struct oq_delivery_call delivery;
};

enum oq_notify_next {
    OQ_NOTIFY_CALL,       /* *call is to be made, and ended */
    OQ_NOTIFY_INCOMPLETE, /* for want of memory events were lost: the engine must post all again */
    OQ_NOTIFY_CLOSED,
};

/* The latest word about a group. Waits for nothing but a lock that is held for a moment. */
void oq_notify_post(struct oq_notify *notify, const struct oq_event *event);

/* Events were lost. */
void oq_notify_lost(struct oq_notify *notify);

/* Waits until there is something to do. */
enum oq_notify_next oq_notify_wait(struct oq_notify *notify, const struct oq_delivery_rules *rules,
                                   struct oq_notify_call *call);
/* Does not wait; false if none is due. */
bool oq_notify_try(struct oq_notify *notify, const struct oq_delivery_rules *rules,
                   struct oq_notify_call *call);
/* True if the event was understood and is to be acknowledged. */
bool oq_notify_end(struct oq_notify *notify, const struct oq_delivery_rules *rules,
                   struct oq_notify_call *call, enum oq_delivery_answer answer);

/* oq_notify_wait and oq_notify_try say that it is over. */
void oq_notify_stop(struct oq_notify *notify);

#endif
