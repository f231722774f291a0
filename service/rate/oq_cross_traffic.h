/* oq_cross_traffic.h - the cross traffic of one network interface, and the rate that it leaves for
 * all background connections there.
 *
 * Cross traffic is the interface's counter of received octets minus what our background connections
 * received: other programs of this computer, and our own foreground downloads. What we read late
 * was counted by the interface before: so of the last three samples the smallest counts. Capacity
 * is the highest total rate seen, and decays slowly. Cross traffic comes first: the available rate
 * is capacity x 0.97 - cross traffic x 1.25, so that it has room to grow; it falls with the first
 * sample and rises slowly. The floor is 2 % of capacity, at least 4 KB/s.
 *
 * Other computers behind the same link do not show here: see oq_window_controller.h.
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
    double samples[OQ_CROSS_TRAFFIC_SAMPLES]; /* of cross traffic, newest first */
    double capacity;                          /* rates are bytes per ms of payload */
    double rate, own_rate;                    /* of cross traffic; of our background connections */
    bool is_known;                            /* can cross traffic be measured? */
    double available; /* for all background connections together; 0 = no limit */
    bool must_yield;  /* it leaves no more than the floor */
};

void oq_cross_traffic_init(struct oq_cross_traffic *traffic);
/* A sample: octets the interface has received since it came up, or has_octets false when it cannot
 * be read (then only capacity is learned, from our own rate); bytes our background connections have
 * received on it, ever. Samples closer than 80 ms are ignored. A counter that went back
 * restarts the measurement. */
void oq_cross_traffic_sample(struct oq_cross_traffic *traffic, int64_t now_us, bool has_octets,
                             uint64_t octets, uint64_t own_bytes);
/* Bytes per ms that all background connections together get in any case. */
double oq_cross_traffic_floor(const struct oq_cross_traffic *traffic);

#endif
