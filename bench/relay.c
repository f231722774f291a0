/*
 * relay.c: distance for the benches. A packet that enters one of two TUN devices leaves the other
 * after a set time, in both directions alike, in order and unchanged: what netem's "delay" does,
 * for machines whose kernel has no netem. It has no rate and loses nothing; the bottleneck is made
 * elsewhere (tbf). Linux only, root only, no part of the product.
 *
 *   relay NETNS DEVICE NETNS DEVICE
 *
 * NETNS names a network namespace by its file, e.g. /run/netns/server; DEVICE is the TUN device
 * made in it. Commands come on standard input, one a line, each answered by one line on standard
 * output:
 *
 *   delay MICROSECONDS   hold packets so long in each direction from now on  -> ok
 *   stats                since the last such line -> packets A>B, packets B>A, packets lost,
 *                        packets that were late by more than a millisecond, and the greatest
 *                        lateness in microseconds
 *
 * It ends when standard input does. Lateness is how long after its time a packet left: what a busy
 * machine adds to every delay measured through this relay.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define SLOT_BYTES 1536u /* a packet of the usual 1500 bytes; the devices have that MTU */
#define SLOTS (1u << 15) /* packets held per direction: 200 Mbit/s for two seconds */
#define MOST_AT_ONCE 64  /* packets read before those that are due are looked at */
#define PRIORITY 20      /* of the real-time class: the line does not wait for programs */
#define NS_PER_US INT64_C(1000)
#define NS_PER_S INT64_C(1000000000)
#define LATE_NS INT64_C(1000000)

struct slot {
    int64_t due_ns;
    size_t length;
    unsigned char bytes[SLOT_BYTES];
};

/* One direction: what was read from `from` waits in a ring until it is written to `to`. */
struct direction {
    int from, to;
    struct slot *slots;
    unsigned head, count; /* the oldest, and how many */
    uint64_t passed;
};

struct relay {
    struct direction ways[2];
    int64_t delay_ns;
    uint64_t lost, late;
    int64_t latest_ns;
    char line[128]; /* a command that is not complete yet */
    size_t line_length;
};

static void die(const char *what)
{
    fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* A TUN device belongs to the namespace in which /dev/net/tun was opened. */
static int open_tun(const char *netns, const char *device)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int space = open(netns, O_RDONLY | O_CLOEXEC), tun;

    if (space < 0 || setns(space, CLONE_NEWNET) != 0)
        die(netns);
    close(space);
    tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0)
        die("/dev/net/tun");
    if (strlen(device) >= sizeof request.ifr_name) {
        errno = ENAMETOOLONG;
        die(device);
    }
    memcpy(request.ifr_name, device, strlen(device) + 1);
    if (ioctl(tun, TUNSETIFF, &request) != 0)
        die(device);
    return tun;
}

/* Reads what has come in. True if more may be waiting. */
static bool take_in(struct relay *relay, struct direction *way)
{
    for (int i = 0; i < MOST_AT_ONCE; i++) {
        struct slot spare, *slot = &spare;

        if (way->count < SLOTS)
            slot = &way->slots[(way->head + way->count) % SLOTS];
        ssize_t length = read(way->from, slot->bytes, sizeof slot->bytes);
        if (length < 0 && (errno == EAGAIN || errno == EINTR))
            return false;
        if (length <= 0)
            die("read");
        if (slot == &spare) {
            relay->lost++;
            continue;
        }
        slot->length = (size_t)length;
        slot->due_ns = now_ns() + relay->delay_ns;
        way->count++;
    }
    return true;
}

/* Writes what is due. When the next one is due, INT64_MAX if there is none. */
static int64_t let_out(struct relay *relay, struct direction *way)
{
    while (way->count > 0) {
        struct slot *slot = &way->slots[way->head];
        int64_t late_ns = now_ns() - slot->due_ns;

        if (late_ns < 0)
            return slot->due_ns;
        if (write(way->to, slot->bytes, slot->length) != (ssize_t)slot->length)
            relay->lost++;
        if (late_ns > relay->latest_ns)
            relay->latest_ns = late_ns;
        if (late_ns > LATE_NS)
            relay->late++;
        way->head = (way->head + 1) % SLOTS;
        way->count--;
        way->passed++;
    }
    return INT64_MAX;
}

static void obey(struct relay *relay, const char *line)
{
    static const char delay[] = "delay ";

    if (strcmp(line, "stats") == 0) {
        printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 "\n",
               relay->ways[0].passed, relay->ways[1].passed, relay->lost, relay->late,
               relay->latest_ns / NS_PER_US);
        relay->ways[0].passed = relay->ways[1].passed = relay->lost = relay->late = 0;
        relay->latest_ns = 0;
    } else if (strncmp(line, delay, sizeof delay - 1) == 0) {
        relay->delay_ns = strtoll(line + sizeof delay - 1, NULL, 10) * NS_PER_US;
        puts("ok");
    } else {
        puts("what?");
    }
    fflush(stdout);
}

/* False at the end of standard input. */
static bool hear(struct relay *relay)
{
    char *end;
    ssize_t length = read(STDIN_FILENO, relay->line + relay->line_length,
                          sizeof relay->line - relay->line_length - 1);

    if (length <= 0)
        return false;
    relay->line_length += (size_t)length;
    relay->line[relay->line_length] = '\0';
    while ((end = strchr(relay->line, '\n')) != NULL) {
        *end = '\0';
        obey(relay, relay->line);
        relay->line_length -= (size_t)(end + 1 - relay->line);
        memmove(relay->line, end + 1, relay->line_length + 1);
    }
    return relay->line_length < sizeof relay->line - 1;
}

/* Sleeps until the time, a packet or a command; false when there will be no more commands. */
static bool rest(struct relay *relay, int64_t until_ns)
{
    struct pollfd fds[] = {{.fd = relay->ways[0].from, .events = POLLIN},
                           {.fd = relay->ways[1].from, .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    struct timespec left, *limit = NULL;

    if (until_ns != INT64_MAX) {
        int64_t left_ns = until_ns - now_ns();
        if (left_ns < 0)
            left_ns = 0;
        left = (struct timespec){.tv_sec = left_ns / NS_PER_S, .tv_nsec = left_ns % NS_PER_S};
        limit = &left;
    }
    if (ppoll(fds, 3, limit, NULL) < 0 && errno != EINTR)
        die("ppoll");
    return !(fds[2].revents & (POLLIN | POLLHUP)) || hear(relay);
}

int main(int argc, char **argv)
{
    static struct relay relay;
    struct sched_param priority = {.sched_priority = PRIORITY};

    if (argc != 5) {
        fprintf(stderr, "usage: relay NETNS DEVICE NETNS DEVICE\n");
        return 2;
    }
    int a = open_tun(argv[1], argv[2]), b = open_tun(argv[3], argv[4]);
    relay.ways[0] = (struct direction){.from = a, .to = b};
    relay.ways[1] = (struct direction){.from = b, .to = a};
    for (int i = 0; i < 2; i++) {
        relay.ways[i].slots = calloc(SLOTS, sizeof *relay.ways[i].slots);
        if (!relay.ways[i].slots)
            die("memory");
    }
    /* Without the right to either it works, only less exactly. */
    if (sched_setscheduler(0, SCHED_FIFO, &priority) != 0)
        fprintf(stderr, "relay: no real-time priority: %s\n", strerror(errno));
    prctl(PR_SET_TIMERSLACK, 1);

    puts("ok");
    fflush(stdout);
    for (;;) {
        bool is_more = false;
        int64_t next_ns = INT64_MAX;

        for (int i = 0; i < 2; i++) {
            if (take_in(&relay, &relay.ways[i]))
                is_more = true;
            int64_t due_ns = let_out(&relay, &relay.ways[i]);
            if (due_ns < next_ns)
                next_ns = due_ns;
        }
        if (!rest(&relay, is_more ? 0 : next_ns))
            return 0;
    }
}
