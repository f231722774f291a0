/* cross_traffic.c - see oq_cross_traffic.h. Pure. */
#include "oq_cross_traffic.h"

#include <math.h>
#include <string.h>

#define SAMPLE_US 80000
#define SAMPLE_LONGEST_US 2000000 /* the machine slept: the mean of that time says nothing */
#define HEADERS 1.08              /* octets on the wire per byte of ours: Ethernet, IP, TCP, TLS */
#define PAYLOAD 0.95              /* and back, for the octets of cross traffic */
#define FORGET_US 300e6           /* time constant of capacity */
#define FLOOR_SHARE 0.02
#define USABLE 0.97
#define ROOM 1.25        /* cross traffic gets a quarter more than it has */
#define NOISE_SHARE 0.15 /* of capacity: below it is no cross traffic */
#define NOISE_RATE 8.0
#define OWN_SHARE 0.35 /* of our own rate: nor is what small packets cost in headers */
#define RISING 1.25    /* in one sample: a flow has begun, and still accelerates */
#define FALL 0.2       /* share by which its rate falls per sample: ours rises slowly */

void oq_cross_traffic_init(struct oq_cross_traffic *traffic)
{
    *traffic = (struct oq_cross_traffic){0};
}

double oq_cross_traffic_floor(const struct oq_cross_traffic *traffic)
{
    return fmax(OQ_CROSS_TRAFFIC_FLOOR_LEAST, FLOOR_SHARE * traffic->capacity);
}

/* Records a sample; returns the smallest of the last ones. */
static double smallest_of(double samples[OQ_CROSS_TRAFFIC_SAMPLES], double others)
{
    double smallest = others;
    memmove(samples + 1, samples, (OQ_CROSS_TRAFFIC_SAMPLES - 1) * sizeof samples[0]);
    samples[0] = others;
    for (unsigned i = 1; i < OQ_CROSS_TRAFFIC_SAMPLES; i++)
        smallest = fmin(smallest, samples[i]);
    return fmax(0, smallest);
}

static void begin(struct oq_cross_traffic *traffic, int64_t now_us, uint64_t octets,
                  uint64_t own_bytes)
{
    traffic->at_us = now_us;
    traffic->octets = octets;
    traffic->own_bytes = own_bytes;
}

static void restart(struct oq_cross_traffic *traffic, int64_t now_us, uint64_t octets,
                    uint64_t own_bytes)
{
    begin(traffic, now_us, octets, own_bytes);
    memset(traffic->samples, 0, sizeof traffic->samples);
}

void oq_cross_traffic_sample(struct oq_cross_traffic *traffic, int64_t now_us, bool has_octets,
                             uint64_t octets, uint64_t own_bytes)
{
    int64_t passed_us = now_us - traffic->at_us;
    if (traffic->at_us == 0 || passed_us < 0 || passed_us > SAMPLE_LONGEST_US ||
        (has_octets && octets < traffic->octets) || own_bytes < traffic->own_bytes) {
        restart(traffic, now_us, octets, own_bytes);
        return;
    }
    if (passed_us < SAMPLE_US)
        return;
    double ms = (double)passed_us / 1000, own = (double)(own_bytes - traffic->own_bytes) / ms;
    double others = 0;
    if (has_octets && traffic->octets > 0)
        others = smallest_of(traffic->samples,
                             ((double)(octets - traffic->octets) / ms - own * HEADERS) * PAYLOAD);
    bool was_known = traffic->is_known;
    traffic->is_known = has_octets;
    begin(traffic, now_us, octets, own_bytes);
    /* A burst out of some buffer is not what the link can carry: of two samples the smaller counts.
     */
    double total = fmin(own + others, traffic->own_rate + traffic->rate);
    traffic->capacity *= exp(-(double)passed_us / FORGET_US);
    if (total > traffic->capacity)
        traffic->capacity = total;
    traffic->own_rate = own;
    bool is_rising = was_known && others > RISING * traffic->rate;
    if (others > traffic->rate || !was_known)
        traffic->rate = others;
    else
        traffic->rate += FALL * (others - traffic->rate);

    traffic->available = 0;
    traffic->must_yield = false;
    if (traffic->rate > fmax(NOISE_RATE, fmax(NOISE_SHARE * traffic->capacity, OWN_SHARE * own))) {
        double floor = oq_cross_traffic_floor(traffic);
        traffic->available = fmax(floor, USABLE * traffic->capacity - ROOM * traffic->rate);
        traffic->must_yield = is_rising || traffic->available <= 1.5 * floor;
    }
}
