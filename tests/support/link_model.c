/* link_model.c - see link_model.h. */
#include "link_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DELAY_SLOTS 4096 /* of MODEL_STEP_US: a second */
#define QUEUE_SLOTS 65536
#define ROOM                                                                                       \
    1.35 /* packets that wait are put together: 27.7 KB for a window of 20.5 (measured)            \
          */
#define TIMEOUT_MS 200.0 /* Linux' least retransmission time-out */
#define FEW_PACKETS 4    /* too few for three acknowledgements that tell of a loss */

struct sender {
    uint64_t sent;    /* bytes ever sent, lost ones included */
    uint64_t acked;   /* bytes known to have left the path */
    uint64_t edge;    /* what the receiver is known to advertise */
    uint64_t allowed; /* what the receiver advertises: it never falls */
    double cwnd, threshold, high, epoch_ms;
    double credit;               /* of a constant or limited rate */
    int64_t lost_us;             /* last reaction to a loss */
    int64_t blocked_us, read_us; /* nothing can be read, or is read, until then */
    /* What is in flight after the queue, and back. */
    uint32_t arriving[DELAY_SLOTS];
    uint32_t again[DELAY_SLOTS];  /* sent again: there is always room for what is waited for */
    uint64_t acking[DELAY_SLOTS]; /* bytes acknowledged */
    uint64_t edges[DELAY_SLOTS];
    bool losses[DELAY_SLOTS];
};

struct model {
    double rate, credit, loss;
    uint64_t limit_bytes, queued_bytes;
    uint8_t queue[QUEUE_SLOTS];
    unsigned head, count;
    int64_t now_us;
    uint64_t random;
    struct model_flow flows[MODEL_FLOWS];
    struct sender senders[MODEL_FLOWS];
};

struct model *model_new(double rate_bytes_ms, double queue_ms)
{
    struct model *model = calloc(1, sizeof *model);
    if (!model)
        abort();
    model->rate = rate_bytes_ms;
    model->limit_bytes = (uint64_t)(rate_bytes_ms * queue_ms);
    model->random = 88172645463325252ull;
    return model;
}

void model_free(struct model *model)
{
    free(model);
}

void model_set_rate(struct model *model, double rate_bytes_ms)
{
    model->rate = rate_bytes_ms;
}

void model_set_loss(struct model *model, double share)
{
    model->loss = share;
}

struct model_flow *model_flow(struct model *model, unsigned index)
{
    return &model->flows[index];
}

int64_t model_now_us(const struct model *model)
{
    return model->now_us;
}

double model_queue_ms(const struct model *model)
{
    return (double)model->queued_bytes / model->rate;
}

void model_switch(struct model *model, unsigned index, bool is_on)
{
    struct sender *sender = &model->senders[index];
    model->flows[index].is_on = is_on;
    sender->cwnd = 10;
    sender->threshold = 1e9;
    sender->high = 0;
    sender->credit = 0;
}

static unsigned slot_after(const struct model *model, double ms)
{
    int64_t steps = (int64_t)(ms * 1000 / MODEL_STEP_US);
    if (steps < 1)
        steps = 1;
    if (steps >= DELAY_SLOTS)
        steps = DELAY_SLOTS - 1;
    return (unsigned)((model->now_us / MODEL_STEP_US + steps) % DELAY_SLOTS);
}

static double random_share(struct model *model)
{
    model->random ^= model->random << 13;
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return (double)(model->random >> 11) / 9007199254740992.0;
}

static void on_loss(struct model *model, unsigned index)
{
    struct sender *sender = &model->senders[index];
    if (model->flows[index].sender == MODEL_CONSTANT || model->now_us < sender->lost_us)
        return;
    sender->high = sender->cwnd;
    sender->cwnd = fmax(sender->cwnd * 0.7, 2);
    sender->threshold = sender->cwnd;
    sender->epoch_ms = (double)model->now_us / 1000;
    sender->lost_us =
        model->now_us + (int64_t)((model->flows[index].base_ms + model_queue_ms(model)) * 1000);
}

static void on_ack(struct model *model, unsigned index, uint64_t bytes)
{
    struct sender *sender = &model->senders[index];
    double packets = (double)bytes / MODEL_PACKET;
    double flying = (double)(sender->sent - sender->acked) / MODEL_PACKET;
    sender->acked += bytes;
    /* A congestion window that is not used does not grow. */
    if (model->flows[index].sender == MODEL_CONSTANT ||
        flying < (sender->cwnd < sender->threshold ? 0.5 : 0.95) * sender->cwnd - 2)
        return;
    if (sender->cwnd < sender->threshold) {
        sender->cwnd += packets;
        return;
    }
    /* CUBIC, RFC 9438: W(t) = C (t - K)^3 + Wmax, or Reno's line if that is above. */
    double passed_s = ((double)model->now_us / 1000 - sender->epoch_ms) / 1000;
    double k = cbrt(sender->high * 0.3 / 0.4);
    double goal = 0.4 * pow(passed_s - k, 3) + sender->high;
    double reno = packets / sender->cwnd * 0.53;
    sender->cwnd +=
        fmax(reno, goal > sender->cwnd ? (goal - sender->cwnd) / sender->cwnd * packets : 0);
}

static bool may_send(struct model *model, unsigned index)
{
    const struct model_flow *flow = &model->flows[index];
    struct sender *sender = &model->senders[index];
    if (!flow->is_on)
        return false;
    if (flow->rate_bytes_ms > 0 && sender->credit < MODEL_PACKET)
        return false;
    bool is_in_cwnd =
        (double)(sender->sent - sender->acked) + MODEL_PACKET <= sender->cwnd * MODEL_PACKET;
    switch (flow->sender) {
    case MODEL_WINDOW:
        return is_in_cwnd && sender->sent + MODEL_PACKET <= sender->edge;
    case MODEL_GREEDY:
        return is_in_cwnd;
    case MODEL_CONSTANT:
        return true;
    }
    return false;
}

/* A lost packet: when it will have been sent again. What comes after it waits. */
static void send_again(struct model *model, unsigned index, double rtt_ms)
{
    struct sender *sender = &model->senders[index];
    double ms = rtt_ms;
    if (sender->sent - sender->acked <= (uint64_t)FEW_PACKETS * MODEL_PACKET)
        ms += TIMEOUT_MS;
    sender->again[slot_after(model, ms)] += MODEL_PACKET;
    if (sender->blocked_us < model->now_us + (int64_t)(ms * 1000))
        sender->blocked_us = model->now_us + (int64_t)(ms * 1000);
}

static void send_one(struct model *model, unsigned index)
{
    struct sender *sender = &model->senders[index];
    const struct model_flow *flow = &model->flows[index];
    sender->sent += MODEL_PACKET;
    sender->credit -= MODEL_PACKET;
    if (model->queued_bytes + MODEL_PACKET > model->limit_bytes || model->count == QUEUE_SLOTS ||
        (model->loss > 0 && random_share(model) < model->loss)) {
        unsigned at = slot_after(model, flow->base_ms + model_queue_ms(model));
        sender->losses[at] = true;
        if (flow->sender == MODEL_WINDOW)
            send_again(model, index, flow->base_ms + model_queue_ms(model));
        else
            sender->acking[at] += MODEL_PACKET;
        return;
    }
    model->queue[(model->head + model->count++) % QUEUE_SLOTS] = (uint8_t)index;
    model->queued_bytes += MODEL_PACKET;
}

static void serve(struct model *model)
{
    model->credit += model->rate * MODEL_STEP_US / 1000;
    while (model->count > 0 && model->credit >= MODEL_PACKET) {
        unsigned index = model->queue[model->head];
        model->head = (model->head + 1) % QUEUE_SLOTS;
        model->count--;
        model->queued_bytes -= MODEL_PACKET;
        model->credit -= MODEL_PACKET;
        unsigned at = slot_after(model, model->flows[index].base_ms / 2);
        model->senders[index].arriving[at] += MODEL_PACKET;
    }
    if (model->count == 0 && model->credit > MODEL_PACKET)
        model->credit = MODEL_PACKET; /* what was not used is gone */
}

static void read_all(struct model *model, unsigned index)
{
    struct model_flow *flow = &model->flows[index];
    const struct sender *sender = &model->senders[index];
    uint64_t bytes = flow->unread_bytes;
    if (bytes == 0 || flow->is_stopped || model->now_us < sender->read_us ||
        model->now_us < sender->blocked_us)
        return;
    flow->unread_bytes = 0;
    flow->received_bytes += bytes;
    if (flow->arrived)
        flow->arrived(flow->ctx, model->now_us, bytes);
}

static void arrive(struct model *model, unsigned index, unsigned now)
{
    struct model_flow *flow = &model->flows[index];
    struct sender *sender = &model->senders[index];
    uint32_t bytes = sender->arriving[now];
    sender->arriving[now] = 0;
    while (bytes >= MODEL_PACKET && flow->sender == MODEL_WINDOW &&
           (double)(flow->unread_bytes + bytes) >
               ROOM * (double)flow->window_bytes + MODEL_PACKET) {
        bytes -= MODEL_PACKET;
        flow->refused++;
        sender->losses[slot_after(model, flow->base_ms)] = true;
        send_again(model, index, flow->base_ms);
    }
    bytes += sender->again[now];
    sender->again[now] = 0;
    if (bytes > 0)
        sender->acking[slot_after(model, flow->base_ms / 2)] += bytes;
    flow->unread_bytes += bytes;
    if (bytes > 0 && flow->late_ms > 0 && sender->read_us <= model->now_us)
        sender->read_us =
            model->now_us + (int64_t)(flow->late_ms * 1000 * pow(random_share(model), 4));
    read_all(model, index);
    if (flow->received_bytes + flow->window_bytes > sender->allowed)
        sender->allowed = flow->received_bytes + flow->window_bytes;
    if (flow->granted_bytes > sender->allowed)
        sender->allowed = flow->granted_bytes;
    sender->edges[slot_after(model, flow->base_ms / 2)] = sender->allowed;
}

static void step(struct model *model)
{
    unsigned now = (unsigned)(model->now_us / MODEL_STEP_US % DELAY_SLOTS);
    for (unsigned i = 0; i < MODEL_FLOWS; i++) {
        struct sender *sender = &model->senders[i];
        arrive(model, i, now);
        if (sender->acking[now])
            on_ack(model, i, sender->acking[now]);
        sender->acking[now] = 0;
        if (sender->edges[now] > sender->edge)
            sender->edge = sender->edges[now];
        sender->edges[now] = 0;
        if (sender->losses[now])
            on_loss(model, i);
        sender->losses[now] = false;
        sender->credit += model->flows[i].rate_bytes_ms * MODEL_STEP_US / 1000;
        if (model->flows[i].rate_bytes_ms == 0) /* no debt when it gets a rate */
            sender->credit = 0;
        /* What was not sent is not saved up: packets are sent one by one. */
        double most = MODEL_PACKET + model->flows[i].rate_bytes_ms * MODEL_STEP_US / 500;
        if (!model->flows[i].is_on || sender->credit > most)
            sender->credit = model->flows[i].is_on ? most : 0;
    }
    /* One packet each in turn, so that no burst comes first. */
    for (bool has_sent = true; has_sent;) {
        has_sent = false;
        for (unsigned i = 0; i < MODEL_FLOWS; i++)
            if (may_send(model, i)) {
                send_one(model, i);
                has_sent = true;
            }
    }
    serve(model);
}

void model_run(struct model *model, int64_t until_us)
{
    while (model->now_us < until_us) {
        step(model);
        model->now_us += MODEL_STEP_US;
    }
}
