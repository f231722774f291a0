/* oq_cross_traffic.h - what all background connections of one network interface may have together.
 *
 * The interface's counter of received octets, minus what our background connections received, is
 * what others on this computer (our own foreground downloads included) get. What we read late was
 * counted by the interface long before: so of the last three samples the smallest counts. Capacity
 * is the most
 * that was ever seen, and slowly forgotten. What is left of it is theirs first: our budget is
 * capacity x 0.97 - others x 1.25, so that there is always room for them to grow into; it falls
 * with the first sample and rises slowly. The floor is 2 % of capacity, at least 4 KB/s.
 *
 * Other computers behind the same link do not show here; oq_window_controller.h sees them.
 *
 * Pure: a plain value; time is an argument, in microseconds of a monotonic clock.
 */
#ifndef OQ_CROSS_TRAFFIC_H
#define OQ_CROSS_TRAFFIC_H

#include "oq_status.h"

#define OQ_CROSS_TRAFFIC_FLOOR_LEAST 4.0 /* bytes per ms */
#define OQ_CROSS_TRAFFIC_SAMPLES 3

struct oq_cross_traffic {
    int64_t at_us;                            /* last sample; 0 = none yet */
    uint64_t octets, own_bytes;               /* at that time */
    double samples[OQ_CROSS_TRAFFIC_SAMPLES]; /* of others, newest first */
    double capacity;                          /* rates are bytes per ms of payload */
    double others, own;
    bool is_known;   /* are others known at all? */
    double allowed;  /* for us all together; 0 = no limit */
    bool must_yield; /* there is not more than the floor for us */
};

void oq_cross_traffic_init(struct oq_cross_traffic *budget);
/* A sample: octets the interface has received since it came up, or has_octets false when it cannot
 * be read (then only capacity is learned, from our own rate); bytes our background connections have
 * received on it, ever. Samples closer than 80 ms are ignored. A counter that went back begins
 * anew. */
void oq_cross_traffic_sample(struct oq_cross_traffic *budget, int64_t now_us, bool has_octets,
                             uint64_t octets, uint64_t own_bytes);
/* Bytes per ms that all our background connections together get in any case. */
double oq_cross_traffic_floor(const struct oq_cross_traffic *budget);

#endif
