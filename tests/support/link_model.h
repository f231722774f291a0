/* link_model.h - a bottleneck with a queue, and flows through it, in simulated time.
 *
 * Deterministic and pure: the same calls give the same result. Packets of 1,460 bytes, one queue,
 * first in first out, that drops what does not fit, a path of its own for each flow. It knows three
 * kinds of senders: one that sends what the receiver's window allows (and its congestion window, or
 * a rate of its own), a greedy one with a congestion window alone (doubling until the first loss,
 * then 30 % less per loss and cubic-like growth), and one of a constant rate without any control.
 *
 * The receiver's system behaves as Linux does (measured): the window is what has been read and the
 * size of the buffer, and what was advertised is never taken back; the first window is as large as
 * the buffer was when the connection was made. So a buffer made smaller is too small for what was
 * advertised before: if the program reads late, packets are refused. A lost or refused packet
 * delays what came after it until it has been sent again: an RTT, or 200 ms more with few packets
 * in flight.
 */
#ifndef LINK_MODEL_H
#define LINK_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define MODEL_PACKET 1460u
#define MODEL_FLOWS 8
#define MODEL_STEP_US 250

enum model_sender { MODEL_WINDOW, MODEL_GREEDY, MODEL_CONSTANT };

struct model;

struct model_flow {
    enum model_sender sender;
    bool is_on;
    double base_ms;       /* RTT without a queue */
    double rate_bytes_ms; /* of the sender itself; WINDOW: 0 = no limit */
    /* WINDOW: the receiver's buffer, set by the test; does it read now; and a machine that is busy:
     * it reads up to so much later. */
    uint64_t window_bytes;
    uint64_t granted_bytes; /* advertised at the beginning, whatever the buffer is now */
    bool is_stopped;
    double late_ms;
    uint64_t unread_bytes, refused; /* bytes in the buffer; packets that did not fit into it */
    /* Results, counted when they are read. */
    uint64_t received_bytes;
    /* Called whenever bytes have been read, when not NULL. */
    void (*arrived)(void *ctx, int64_t now_us, uint64_t bytes);
    void *ctx;
};

struct model *model_new(double rate_bytes_ms, double queue_ms);
void model_free(struct model *model);
void model_set_rate(struct model *model, double rate_bytes_ms); /* the queue keeps its bytes */
/* The flow at that index, to be filled in. Changes take effect at once. */
struct model_flow *model_flow(struct model *model, unsigned index);
/* Starts or stops a sender; a greedy one restarts. */
void model_switch(struct model *model, unsigned index, bool is_on);
/* The share of packets that get lost on the path whatever the queue. Greedy flows react. */
void model_set_loss(struct model *model, double share);
void model_run(struct model *model, int64_t until_us);
int64_t model_now_us(const struct model *model);
double model_queue_ms(const struct model *model);

#endif
