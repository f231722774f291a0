/* oq_delivery.h - which client is notified of an event next, and when again (contract section 8,
 * D28).
 *
 * Pure: time is an argument, the records are the caller's. A group has at most one event that its
 * client has not confirmed, and at most one registration: the client's object, and the user who set
 * it. An event without registration waits for one, for as long as it takes.
 *
 * A call to a client may never come back. It then keeps its registration busy and one of its user's
 * places; a new registration of the same group is called nevertheless.
 */
#ifndef OQ_DELIVERY_H
#define OQ_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

struct oq_delivery_rules {
    int64_t first_delay_ms, longest_delay_ms; /* after a result other than S_OK; doubling */
    uint32_t user_calls;                      /* calls under way for one user, at most */
    uint32_t all_calls;                       /* and for all */
};

/* 5 s doubling to 600 s (D28); 4 of one user (nn-bits-ibackgroundcopycallback); 64 in all, so that
 * the hanging clients of one user cannot use up the process: that takes sixteen users. */
extern const struct oq_delivery_rules oq_delivery_rules_default;

/* Part of the caller's record of a user; all zero at first. */
struct oq_delivery_user {
    uint32_t calls; /* under way */
};

/* Part of the caller's record of a group; all zero at first. */
struct oq_delivery {
    /* the event */
    bool is_pending;
    uint32_t serial;
    /* the registration */
    struct oq_delivery_user *user; /* whose it is; NULL = there is none */
    uint32_t registration;         /* its number: a change means another one, or none */
    bool is_called;                /* it is being called now */
    /* both */
    uint32_t failures; /* of this event with this registration */
    int64_t due_at_ms; /* not before */
};

/* A call under way. */
struct oq_delivery_call {
    struct oq_delivery_user *user;
    uint32_t serial, registration;
};

/* The latest state of the group: the event `serial` is pending, or nothing is. One that is new
 * may be delivered at once; one that is known already changes nothing. */
void oq_delivery_post(struct oq_delivery *delivery, bool is_pending, uint32_t serial,
                      int64_t now_ms);
/* A new registration replaces the old one; a pending event is due for it at once. */
void oq_delivery_register(struct oq_delivery *delivery, struct oq_delivery_user *user,
                          int64_t now_ms);
void oq_delivery_clear(struct oq_delivery *delivery);

/* The choice among any number of groups. */
struct oq_delivery_choice {
    const struct oq_delivery_rules *rules;
    int64_t now_ms;
    bool is_full;             /* no further call is allowed now */
    struct oq_delivery *best; /* result: the one to call, or NULL */
    int64_t wake_at_ms; /* result: when one becomes due without a further event, or INT64_MAX */
};
void oq_delivery_choice_init(struct oq_delivery_choice *choice,
                             const struct oq_delivery_rules *rules, uint32_t calls_under_way,
                             int64_t now_ms);
/* Takes one more group into account. The earliest due of those that may be called wins; of equals
 * the first. */
void oq_delivery_consider(struct oq_delivery_choice *choice, struct oq_delivery *delivery);

/* The chosen one is being called from now on. */
void oq_delivery_begin(struct oq_delivery *delivery, struct oq_delivery_call *call);

enum oq_delivery_answer {
    OQ_ANSWER_UNDERSTOOD, /* exactly S_OK */
    OQ_ANSWER_AGAIN,      /* anything else */
    OQ_ANSWER_GONE,       /* the client is gone */
};
/* What the HRESULT of a call means. GONE for the codes by which COM and RPC say that the object,
 * its process or the connection to it has ended (winerror.h; contract 8.3). */
enum oq_delivery_answer oq_delivery_judge(uint32_t hr);

enum oq_delivery_effect {
    OQ_DELIVERY_NOTHING,
    OQ_DELIVERY_ACKNOWLEDGE, /* acknowledge at the engine: the call's event was understood */
    OQ_DELIVERY_DROP,        /* the registration has been cleared: release the client's object */
};
/* The call has ended. The result of a client that is registered no more counts only if it is
 * UNDERSTOOD and no other has registered: a successor has to be notified itself. */
enum oq_delivery_effect oq_delivery_end(struct oq_delivery *delivery,
                                        const struct oq_delivery_call *call,
                                        enum oq_delivery_answer answer,
                                        const struct oq_delivery_rules *rules, int64_t now_ms);

/* Delay after so many failures in a row, from 1. */
int64_t oq_delivery_delay_ms(const struct oq_delivery_rules *rules, uint32_t failures);

#endif
