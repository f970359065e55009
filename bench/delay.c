/* SPDX-License-Identifier: ISC */
/*
 * delay NETNS DELAY_US LOG
 *
 * A line of a given length between this network namespace and another: a TUN
 * device called "far" in each, and every packet that one has to send comes out
 * of the other so many microseconds later, SYN and datagram alike. Nothing is
 * lost and nothing overtakes. LOG gets a line for each packet:
 *
 *   DIRECTION SENT_US DUE_US PROTOCOL CLIENT_PORT SERVER_PORT KIND PAYLOAD SIZE
 *
 * DIRECTION is > for what leaves this namespace; KIND is S, F, R or A after the
 * TCP flag that counts, U for a datagram.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    PACKET_SIZE_MAX = 2048, /* above the device's MTU of 1500 */
    QUEUE_COUNT_MAX = 8192,
    IPV4_SIZE_MIN = 20,
    IPV6_SIZE = 40,
    TCP_SIZE_MIN = 20,
    FLAG_FIN = 1,
    FLAG_SYN = 2,
    FLAG_RST = 4
};

struct packet {
    int64_t due_us;
    size_t size;
    uint8_t bytes[PACKET_SIZE_MAX];
};

/* One direction: a ring of packets under way. */
struct line {
    int from;
    int to;
    char direction;
    size_t first;
    size_t count;
    struct packet ring[QUEUE_COUNT_MAX];
};

static struct line lines[2];
static int64_t delay_us;
static FILE *notes;

static void
die(const char *what)
{
    fprintf(stderr, "delay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t
now_us(void)
{
    struct timespec t;

    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        die("clock_gettime");
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
open_device(void)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    memcpy(request.ifr_name, "far", sizeof("far"));
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
        die("/dev/net/tun");
    return fd;
}

static unsigned
pair(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* ---- the log */

static char
kind_of(unsigned flags)
{
    if (flags & FLAG_SYN)
        return 'S';
    if (flags & FLAG_RST)
        return 'R';
    return flags & FLAG_FIN ? 'F' : 'A';
}

static void
note_packet(const struct line *l, const struct packet *p)
{
    int version = p->bytes[0] >> 4;
    size_t head = version == 4 ? (p->bytes[0] & 15U) * 4 : IPV6_SIZE;
    int protocol = p->bytes[version == 4 ? 9 : 6];
    const uint8_t *at = p->bytes + head;
    size_t payload = 0;
    unsigned source = 0;
    unsigned target = 0;
    char kind = 'U';

    if (p->size < head + TCP_SIZE_MIN && protocol != IPPROTO_UDP)
        return;
    if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
        return;
    source = pair(at);
    target = pair(at + 2);
    payload = p->size - head - 8;
    if (protocol == IPPROTO_TCP) {
        kind = kind_of(at[13]);
        payload = p->size - head - (size_t)(at[12] >> 4) * 4;
    }
    fprintf(notes, "%c %lld %lld %d %u %u %c %zu %zu\n", l->direction,
            (long long)(p->due_us - delay_us), (long long)p->due_us, protocol,
            l->direction == '>' ? source : target,
            l->direction == '>' ? target : source, kind, payload, p->size);
}

/* ---- the line */

static void
take(struct line *l)
{
    while (l->count < QUEUE_COUNT_MAX) {
        struct packet *p = &l->ring[(l->first + l->count) % QUEUE_COUNT_MAX];
        ssize_t n = read(l->from, p->bytes, sizeof(p->bytes));

        if (n < IPV4_SIZE_MIN)
            return;
        p->size = (size_t)n;
        p->due_us = now_us() + delay_us;
        l->count++;
    }
}

/* Sends what is due; the time of the next, or far in the future. */
static int64_t
give(struct line *l)
{
    while (l->count > 0) {
        struct packet *p = &l->ring[l->first];

        if (p->due_us > now_us())
            return p->due_us;
        if (write(l->to, p->bytes, p->size) < 0 && errno != EIO)
            die("write");
        note_packet(l, p);
        l->first = (l->first + 1) % QUEUE_COUNT_MAX;
        l->count--;
    }
    return INT64_MAX;
}

static void
carry(void)
{
    for (;;) {
        struct pollfd polls[] = {{.fd = lines[0].from, .events = POLLIN},
                                 {.fd = lines[1].from, .events = POLLIN}};
        int64_t due = give(&lines[0]);
        int64_t other = give(&lines[1]);
        int64_t left = (due < other ? due : other) - now_us();
        struct timespec wait = {left / 1000000, left % 1000000 * 1000};

        fflush(notes);
        if (left < 0)
            continue;
        if (ppoll(polls, 2, left < 60000000 ? &wait : NULL, NULL) < 0 &&
            errno != EINTR)
            die("ppoll");
        take(&lines[0]);
        take(&lines[1]);
    }
}

int
main(int argc, char **argv)
{
    struct sched_param priority = {.sched_priority = 10};
    int near = 0;
    int far = 0;
    int place = 0;

    if (argc != 4)
        return 2;
    delay_us = atoll(argv[2]);
    notes = fopen(argv[3], "w");
    if (!notes)
        die(argv[3]);
    near = open_device();
    place = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (place < 0 || setns(place, CLONE_NEWNET) != 0)
        die(argv[1]);
    far = open_device();
    lines[0].from = lines[1].to = near;
    lines[1].from = lines[0].to = far;
    lines[0].direction = '>';
    lines[1].direction = '<';
    /* Not to be late because others are busy; it works without, too. */
    (void)sched_setscheduler(0, SCHED_FIFO, &priority);
    puts("ready");
    fflush(stdout);
    carry();
}
