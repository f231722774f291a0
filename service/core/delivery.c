/* delivery.c - see oq_delivery.h. */
#include "oq_delivery.h"

#include <stddef.h>

const struct oq_delivery_rules oq_delivery_rules_default = {
    .first_delay_ms = 5000, .longest_delay_ms = 600000, .user_calls = 4, .all_calls = 64};

static void start_over(struct oq_delivery *delivery, int64_t now_ms)
{
    delivery->failures = 0;
    delivery->due_at_ms = now_ms;
}

void oq_delivery_post(struct oq_delivery *delivery, bool is_pending, uint32_t serial,
                      int64_t now_ms)
{
    bool is_news = is_pending && (!delivery->is_pending || delivery->serial != serial);
    delivery->is_pending = is_pending;
    delivery->serial = serial;
    if (is_news)
        start_over(delivery, now_ms);
}

void oq_delivery_register(struct oq_delivery *delivery, struct oq_delivery_user *user,
                          int64_t now_ms)
{
    oq_delivery_clear(delivery);
    delivery->user = user;
    start_over(delivery, now_ms);
}

void oq_delivery_clear(struct oq_delivery *delivery)
{
    delivery->user = NULL;
    delivery->registration++;
    delivery->is_called = false;
}

void oq_delivery_choice_init(struct oq_delivery_choice *choice,
                             const struct oq_delivery_rules *rules, uint32_t calls_under_way,
                             int64_t now_ms)
{
    choice->rules = rules;
    choice->now_ms = now_ms;
    choice->is_full = calls_under_way >= rules->all_calls;
    choice->best = NULL;
    choice->wake_at_ms = INT64_MAX;
}

void oq_delivery_consider(struct oq_delivery_choice *choice, struct oq_delivery *delivery)
{
    /* The end of a call makes a place; no time does. */
    if (choice->is_full || !delivery->is_pending || !delivery->user || delivery->is_called ||
        delivery->user->calls >= choice->rules->user_calls)
        return;
    if (delivery->due_at_ms < choice->wake_at_ms)
        choice->wake_at_ms = delivery->due_at_ms;
    if (delivery->due_at_ms <= choice->now_ms &&
        (!choice->best || delivery->due_at_ms < choice->best->due_at_ms))
        choice->best = delivery;
}

void oq_delivery_begin(struct oq_delivery *delivery, struct oq_delivery_call *call)
{
    call->user = delivery->user;
    call->serial = delivery->serial;
    call->registration = delivery->registration;
    call->user->calls++;
    delivery->is_called = true;
}

enum oq_delivery_answer oq_delivery_judge(uint32_t hr)
{
    switch (hr) {
    case 0: /* S_OK */
        return OQ_ANSWER_UNDERSTOOD;
    case 0x80010006: /* RPC_E_CONNECTION_TERMINATED */
    case 0x80010007: /* RPC_E_SERVER_DIED */
    case 0x80010012: /* RPC_E_SERVER_DIED_DNE */
    case 0x80010108: /* RPC_E_DISCONNECTED */
    case 0x80010113: /* RPC_E_INVALID_IPID */
    case 0x80010114: /* RPC_E_INVALID_OBJECT */
    case 0x800401fd: /* CO_E_OBJNOTCONNECTED */
    case 0x800706ba: /* RPC_S_SERVER_UNAVAILABLE */
    case 0x800706be: /* RPC_S_CALL_FAILED */
    case 0x800706bf: /* RPC_S_CALL_FAILED_DNE */
        return OQ_ANSWER_GONE;
    default:
        return OQ_ANSWER_AGAIN;
    }
}

int64_t oq_delivery_delay_ms(const struct oq_delivery_rules *rules, uint32_t failures)
{
    int64_t delay_ms = rules->first_delay_ms;
    for (uint32_t i = 1; i < failures && delay_ms < rules->longest_delay_ms; i++)
        delay_ms = delay_ms > rules->longest_delay_ms / 2 ? rules->longest_delay_ms : delay_ms * 2;
    return delay_ms;
}

enum oq_delivery_effect oq_delivery_end(struct oq_delivery *delivery,
                                        const struct oq_delivery_call *call,
                                        enum oq_delivery_answer answer,
                                        const struct oq_delivery_rules *rules, int64_t now_ms)
{
    bool is_current = delivery->user && delivery->registration == call->registration;
    bool is_same_event = delivery->is_pending && delivery->serial == call->serial;
    call->user->calls--;
    if (is_current)
        delivery->is_called = false;

    switch (answer) {
    case OQ_ANSWER_UNDERSTOOD:
        if (!is_current && delivery->user)
            return OQ_DELIVERY_NOTHING;
        if (is_same_event)
            delivery->is_pending = false;
        return OQ_DELIVERY_ACKNOWLEDGE;
    case OQ_ANSWER_GONE:
        if (!is_current)
            return OQ_DELIVERY_NOTHING;
        oq_delivery_clear(delivery);
        return OQ_DELIVERY_DROP;
    case OQ_ANSWER_AGAIN:
        break;
    }
    if (is_current && is_same_event) {
        if (delivery->failures < UINT32_MAX)
            delivery->failures++;
        delivery->due_at_ms = now_ms + oq_delivery_delay_ms(rules, delivery->failures);
    }
    return OQ_DELIVERY_NOTHING;
}
