/* SPDX-License-Identifier: ISC */
#include "sim/net.h"

#include <string.h>

#include "sim/check.h"
#include "sim/mta.h"

enum {
    SYSTEM_TIMEOUT_MS = 130000, /* Linux: six SYNs */
    DNS_WINDOW = 65536,
    LONG_SIZE = 20000,
    LONG_SEGMENT = 1460,
    SAID_SIZE_MAX = 16384, /* of a stream is kept */
    ALERT = 21,            /* RFC 8446 5.1 */
    MAIL_LATENCY_MS = 20   /* where nobody is */
};

/* Bytes on their way to a server. */
struct flight {
    struct conn *conn;
    size_t size;
    uint8_t data[];
};

struct conn *conns;
static uint32_t conn_count;

void
net_reset(void)
{
    conns = NULL;
    conn_count = 0;
}

static int64_t
latency(const struct conn *c)
{
    if (c->mta)
        return c->mta->latency_ms + draw(c->mta->jitter_ms + 1);
    return c->ns ? c->ns->latency_ms : MAIL_LATENCY_MS;
}

/* ---- opening ---- */

static void
come_up(void *context, size_t value)
{
    struct conn *c = context;

    (void)value;
    if (c->closed)
        return;
    c->state = CONN_UP;
    c->up_ms = c->progress_ms = sim_now_ms;
    if (c->mta)
        mta_opened(c);
    else
        ns_stream_opened(c);
}

static void
fail(void *context, size_t value)
{
    struct conn *c = context;

    c->state = CONN_FAILED;
    c->why = value ? OS_TIMEOUT : OS_ERROR;
}

static struct mta *
find_mta(const struct place *p)
{
    for (uint32_t i = 0; i < world.mta_count; i++)
        if (place_equal(&world.mtas[i].place, p))
            return &world.mtas[i];
    return NULL;
}

static struct ns *
find_ns(const struct endpoint *to, const struct place *p)
{
    for (uint32_t i = 0; i < world.ns_count && to->port == 53; i++)
        if (place_equal(&world.ns[i].place, p) &&
            to->scope == (world.ns[i].scoped ? SIM_INTERFACE : 0))
            return &world.ns[i];
    return NULL;
}

static enum reach
reach_of(const struct conn *c)
{
    if (c->mta && c->mta->busy && c->mta->session_count > 0)
        return REACH_REFUSED;
    if (c->mta)
        return c->mta->reach;
    if (!c->ns)
        return REACH_REFUSED;
    if (c->ns->manner == NS_UNREACHABLE || c->ns->stream == NS_TCP_REFUSED)
        return REACH_REFUSED;
    return c->ns->manner == NS_SILENT ? REACH_BLACK_HOLE : REACH_FINE;
}

struct conn *
net_open(const struct endpoint *to, bool stream)
{
    struct conn *c = sim_alloc(sizeof(*c));
    int64_t round_ms = 0;

    c->number = ++conn_count;
    c->stream = stream;
    c->to = *to;
    c->place = place_of(&to->addr);
    c->ns = find_ns(to, &c->place);
    c->mta = c->ns ? NULL : find_mta(&c->place);
    c->window = c->mta ? c->mta->window : DNS_WINDOW;
    c->opened_ms = sim_now_ms;
    c->name = -1;
    c->datagrams_end = &c->datagrams;
    c->next = conns;
    conns = c;
    check_open(c);
    if (!stream)
        return c;
    round_ms = 2 * latency(c);
    switch (reach_of(c)) {
    case REACH_FINE:
        event_at(sim_now_ms + round_ms, come_up, c, 0);
        break;
    case REACH_REFUSED:
        event_at(sim_now_ms + round_ms, fail, c, 0);
        break;
    case REACH_TIMEOUT:
        event_at(sim_now_ms + SYSTEM_TIMEOUT_MS, fail, c, 1);
        break;
    case REACH_NO_ROUTE:
        c->state = CONN_FAILED;
        c->why = OS_ERROR;
        break;
    case REACH_BLACK_HOLE:
        break;
    }
    return c;
}

/* ---- to the program ---- */

static void
arrive(void *context, size_t value)
{
    struct conn *c = context;

    if (c->reset)
        return;
    c->arrived = value;
    if (c->mta)
        mta_arrived(c);
}

static void
arrive_end(void *context, size_t by_reset)
{
    struct conn *c = context;

    if (c->closed)
        return;
    if (by_reset && c->loses)
        c->arrived = c->taken;
    c->fin = c->fin || !by_reset;
    c->reset = c->reset || by_reset;
}

static int64_t
down_time(struct conn *c)
{
    int64_t ms = sim_now_ms + latency(c);

    if (ms < c->down_ms)
        ms = c->down_ms;
    return c->down_ms = ms;
}

size_t
conn_send(struct conn *c, const void *data, size_t size, size_t segment)
{
    size_t end = c->down.size + size;

    if (c->end_queued)
        return end;
    if (size > LONG_SIZE && segment < LONG_SEGMENT)
        segment = LONG_SEGMENT; /* so many small ones show nothing new */
    while (c->down.size < end) {
        size_t n = end - c->down.size, some = segment;

        if (segment > 1 && segment != WHOLE)
            some = 1 + draw((uint32_t)segment);
        bytes_put(&c->down, data, n < some ? n : some);
        data = (const uint8_t *)data + (n < some ? n : some);
        event_at(down_time(c), arrive, c, c->down.size);
    }
    return end;
}

void
conn_end(struct conn *c, bool by_reset)
{
    c->gone = true;
    if (c->end_queued)
        return;
    c->end_queued = true;
    c->loses = by_reset && chance(50);
    event_at(down_time(c), arrive_end, c, by_reset);
}

static void
arrive_datagram(void *context, size_t value)
{
    struct datagram *d = context;
    struct conn *c = (struct conn *)value;

    if (c->closed)
        return;
    *c->datagrams_end = d;
    c->datagrams_end = &d->next;
}

void
conn_datagram(struct conn *c, const void *data, size_t size, int64_t after_ms)
{
    struct datagram *d = sim_alloc(sizeof(*d) + size);

    d->size = size;
    memcpy(d->data, data, size);
    event_at(sim_now_ms + after_ms, arrive_datagram, d, (size_t)c);
}

void
conn_unreachable(struct conn *c, int64_t after_ms)
{
    event_at(sim_now_ms + after_ms, arrive_end, c, 1);
}

bool
net_readable(const struct conn *c)
{
    if (!c->stream)
        return c->datagrams || c->reset;
    if (c->state != CONN_UP)
        return c->state == CONN_FAILED;
    return c->arrived > c->taken || c->fin || c->reset;
}

static ptrdiff_t
read_datagram(struct conn *c, void *out, size_t size)
{
    struct datagram *d = c->datagrams;

    if (c->reset) {
        c->reset = false;
        return OS_ERROR;
    }
    if (!d)
        return OS_AGAIN;
    c->datagrams = d->next;
    if (!d->next)
        c->datagrams_end = &c->datagrams;
    size = d->size < size ? d->size : size;
    memcpy(out, d->data, size);
    return (ptrdiff_t)size;
}

ptrdiff_t
net_read(struct conn *c, void *out, size_t size)
{
    size_t there = c->arrived - c->taken;

    if (!c->stream)
        return read_datagram(c, out, size);
    if (c->state == CONN_FAILED)
        return OS_ERROR;
    if (c->state != CONN_UP)
        return OS_AGAIN;
    if (there == 0)
        return c->reset ? OS_ERROR : c->fin ? 0 : OS_AGAIN;
    if (there > size)
        there = size;
    if (world.short_reads && there > 1)
        there = 1 + draw((uint32_t)there);
    memcpy(out, c->down.data + c->taken, there);
    c->taken += there;
    trace("reads %zu octets of %s", there, place_text(&c->place));
    return (ptrdiff_t)there;
}

/* ---- from the program ---- */

static void
hand_over(struct conn *c, const uint8_t *data, size_t size)
{
    c->unread -= size;
    if (c->mta)
        mta_bytes(c, data, size);
    else
        ns_stream(c, data, size);
}

static void
reach_server(void *context, size_t value)
{
    struct flight *f = context;
    struct conn *c = f->conn;

    (void)value;
    if (c->gone) {
        c->unread -= f->size;
        c->loses = c->loses || chance(50);
        if (!c->reset)
            event_at(sim_now_ms + latency(c), arrive_end, c, 1);
    } else if (c->paused) {
        bytes_put(&c->held, f->data, f->size);
    } else {
        hand_over(c, f->data, f->size);
    }
}

void
conn_pause(struct conn *c, bool paused)
{
    struct bytes held = c->held;

    c->paused = paused;
    if (paused || held.size == 0)
        return;
    c->held = (struct bytes){0};
    hand_over(c, held.data, held.size);
}

bool
net_writable(const struct conn *c)
{
    if (!c->stream)
        return true;
    if (c->state != CONN_UP)
        return c->state == CONN_FAILED;
    return c->reset || c->unread < c->window;
}

/* A record of TLS that is no alert: of those that are, nothing a command or the
 * message consists of (RFC 8446 5.1; in TLS 1.3 they cannot be told apart). */
static bool
is_ours(struct conn *c, const uint8_t *data, size_t size)
{
    bool ours = false;

    while (size > 0) {
        size_t n = 1;

        if (c->record_left == 0 && c->record_size == sizeof(c->record))
            c->record_size = 0;
        if (c->record_size < sizeof(c->record)) {
            c->record[c->record_size++] = *data;
            if (c->record_size == sizeof(c->record))
                c->record_left = (size_t)(c->record[3] << 8 | c->record[4]);
        } else {
            n = size < c->record_left ? size : c->record_left;
            c->record_left -= n;
        }
        ours = ours || c->record[0] != ALERT;
        data += n;
        size -= n;
    }
    return ours;
}

/* How much goes through now. Some kernels take more than they said. */
static size_t
room_of(const struct conn *c)
{
    size_t room = c->unread < c->window ? c->window - c->unread : 0;

    return room == 0 && c->mta ? world.greedy : room;
}

ptrdiff_t
net_write(struct conn *c, const void *data, size_t size)
{
    struct flight *f = NULL;
    size_t room = room_of(c), asked = 0;
    int64_t ms = 0;

    c->moved = false;
    check_secret(data, size, "goes to a socket");
    if (!c->stream) {
        check_login(data, size, "goes to a name server");
        if (c->reset) {
            c->reset = false;
            return OS_ERROR;
        }
        if (c->ns)
            ns_datagram(c, data, size);
        return (ptrdiff_t)size;
    }
    if (c->state == CONN_FAILED || c->reset)
        return OS_ERROR;
    if (c->state != CONN_UP || room == 0) {
        c->held_up = true;
        return OS_AGAIN;
    }
    asked = size;
    if (size > room)
        size = room;
    if (world.short_writes && c->mta && size > 1)
        size = 1 + draw((uint32_t)size);
    c->held_up = c->held_up || size < asked;
    if (c->session)
        check_write(c);
    c->moved = c->unread < c->window;
    if (c->session && c->session->peer && !is_ours(c, data, size))
        c->moved = false;
    trace("writes %zu of %zu octets to %s", size, asked, place_text(&c->place));
    f = sim_alloc(sizeof(*f) + size);
    f->conn = c;
    f->size = size;
    memcpy(f->data, data, size);
    if (world.hop.login && c->said.size < SAID_SIZE_MAX)
        bytes_put(&c->said, data, size);
    c->unread += size;
    c->written += size;
    ms = sim_now_ms + latency(c);
    c->sent_ms = ms > c->sent_ms ? ms : c->sent_ms;
    event_at(c->sent_ms, reach_server, f, 0);
    return (ptrdiff_t)size;
}

static void
tell_closed(void *context, size_t value)
{
    struct conn *c = context;

    (void)value;
    if (c->mta && c->session)
        mta_closed(c);
}

void
net_close(struct conn *c)
{
    int64_t ms = sim_now_ms + latency(c);

    check_close(c);
    c->closed = true;
    c->closed_ms = sim_now_ms;
    if (c->stream && c->state == CONN_UP)
        event_at(ms > c->sent_ms ? ms : c->sent_ms, tell_closed, c, 0);
}
