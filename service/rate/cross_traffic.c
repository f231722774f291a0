/* budget.c - what is left on an interface. Pure. */
#include "oq_cross_traffic.h"

#include <math.h>
#include <string.h>

#define SAMPLE_US 80000
#define SAMPLE_LONGEST_US 2000000 /* the machine slept: the mean of that time says nothing */
#define HEADERS 1.08              /* octets on the wire per byte of ours: Ethernet, IP, TCP, TLS */
#define PAYLOAD 0.95              /* and back, for the octets of others */
#define FORGET_US 300e6           /* time constant of capacity */
#define FLOOR_SHARE 0.02
#define USABLE 0.97
#define ROOM 1.25        /* others get what they have and a quarter more */
#define NOISE_SHARE 0.15 /* less than this share of capacity is nobody */
#define NOISE_RATE 8.0
#define OWN_SHARE 0.35 /* nor is what small packets of our own may cost in headers */
#define RISING 1.25    /* in one sample: somebody has begun, and does not have yet what it wants */
#define FALL 0.2       /* share by which the others' rate falls per sample: slow increase of ours */

void oq_cross_traffic_init(struct oq_cross_traffic *budget)
{
    *budget = (struct oq_cross_traffic){0};
}

double oq_cross_traffic_floor(const struct oq_cross_traffic *budget)
{
    return fmax(OQ_CROSS_TRAFFIC_FLOOR_LEAST, FLOOR_SHARE * budget->capacity);
}

/* Notes a sample; the smallest of late. */
static double smallest_of(double samples[OQ_CROSS_TRAFFIC_SAMPLES], double others)
{
    double smallest = others;
    memmove(samples + 1, samples, (OQ_CROSS_TRAFFIC_SAMPLES - 1) * sizeof samples[0]);
    samples[0] = others;
    for (unsigned i = 1; i < OQ_CROSS_TRAFFIC_SAMPLES; i++)
        smallest = fmin(smallest, samples[i]);
    return fmax(0, smallest);
}

static void begin(struct oq_cross_traffic *budget, int64_t now_us, uint64_t octets,
                  uint64_t own_bytes)
{
    budget->at_us = now_us;
    budget->octets = octets;
    budget->own_bytes = own_bytes;
}

static void begin_anew(struct oq_cross_traffic *budget, int64_t now_us, uint64_t octets,
                       uint64_t own_bytes)
{
    begin(budget, now_us, octets, own_bytes);
    memset(budget->samples, 0, sizeof budget->samples);
}

void oq_cross_traffic_sample(struct oq_cross_traffic *budget, int64_t now_us, bool has_octets,
                             uint64_t octets, uint64_t own_bytes)
{
    int64_t passed_us = now_us - budget->at_us;
    if (budget->at_us == 0 || passed_us < 0 || passed_us > SAMPLE_LONGEST_US ||
        (has_octets && octets < budget->octets) || own_bytes < budget->own_bytes) {
        begin_anew(budget, now_us, octets, own_bytes);
        return;
    }
    if (passed_us < SAMPLE_US)
        return;
    double ms = (double)passed_us / 1000, own = (double)(own_bytes - budget->own_bytes) / ms;
    double others = 0;
    if (has_octets && budget->octets > 0)
        others = smallest_of(budget->samples,
                             ((double)(octets - budget->octets) / ms - own * HEADERS) * PAYLOAD);
    bool was_known = budget->is_known;
    budget->is_known = has_octets;
    begin(budget, now_us, octets, own_bytes);
    /* A burst out of some buffer is not what the link can carry: of two samples the smaller counts.
     */
    double total = fmin(own + others, budget->own + budget->others);
    budget->capacity *= exp(-(double)passed_us / FORGET_US);
    if (total > budget->capacity)
        budget->capacity = total;
    budget->own = own;
    bool is_rising = was_known && others > RISING * budget->others;
    if (others > budget->others || !was_known)
        budget->others = others;
    else
        budget->others += FALL * (others - budget->others);

    budget->allowed = 0;
    budget->must_yield = false;
    if (budget->others > fmax(NOISE_RATE, fmax(NOISE_SHARE * budget->capacity, OWN_SHARE * own))) {
        double floor = oq_cross_traffic_floor(budget);
        budget->allowed = fmax(floor, USABLE * budget->capacity - ROOM * budget->others);
        budget->must_yield = is_rising || budget->allowed <= 1.5 * floor;
    }
}
