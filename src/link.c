/* SPDX-License-Identifier: ISC */
#include "link.h"

void
link_open(struct link *l, int fd, struct tls *tls)
{
    *l = (struct link){.fd = fd, .tls = tls};
}

static ptrdiff_t
fail(struct link *l, const char *why)
{
    l->why = slice_text(why);
    return OS_ERROR;
}

/* After a failure nothing else is sent, though the system might take it: the
 * caller was told that these bytes, the end of a message perhaps, are lost. */
static ptrdiff_t
put(struct link *l, struct slice bytes)
{
    ptrdiff_t n = l->dead ? OS_ERROR : os_write(l->fd, bytes);

    if (n == OS_ERROR && !l->dead) {
        l->dead = true;
        return fail(l, os_why());
    }
    return n;
}

size_t
link_pending(const struct link *l)
{
    return l->secure ? tls_tx(l->tls).size : 0;
}

/* Sends what TLS has queued: 0, or OS_AGAIN or OS_ERROR. */
static ptrdiff_t
flush(struct link *l)
{
    for (;;) {
        struct slice due = tls_tx(l->tls);
        ptrdiff_t n = 0;

        if (due.size == 0)
            return 0;
        n = put(l, due);
        if (n < 0)
            return n;
        tls_tx_ack(l->tls, (size_t)n);
    }
}

/* One read from the socket into TLS: bytes, 0 at the end. */
static ptrdiff_t
feed(struct link *l)
{
    size_t room = 0;
    uint8_t *at = tls_rx(l->tls, &room);
    ptrdiff_t n = 0;

    /* TLS has to send first: link_wait waits for that. */
    if (room == 0) {
        l->readable = false;
        return OS_AGAIN;
    }
    n = os_read(l->fd, at, room);
    l->readable = n == (ptrdiff_t)room;
    if (n >= 0)
        tls_rx_ack(l->tls, (size_t)n);
    return n == OS_ERROR ? fail(l, os_why()) : n;
}

static bool
has_room(const struct link *l)
{
    size_t room = 1;

    if (l->secure)
        (void)tls_rx(l->tls, &room);
    return room > 0;
}

bool
link_wait(struct link *l, struct link_wait *w, int64_t deadline_ms)
{
    struct os_poll polls[] = {{.fd = l->fd,
                               .rx = w->rx && has_room(l),
                               .tx = w->tx || link_pending(l) > 0},
                              {.fd = w->also_fd, .rx = true}};

    if (!os_poll(polls, w->also_fd == OS_NONE ? 1 : 2, deadline_ms))
        return false;
    l->readable = l->readable || polls[0].can_rx;
    w->also_ready = polls[1].can_rx;
    return true;
}

/* The socket takes nothing any more, but the peer may have said why before it
 * closed. TLS reads only once what it has to send is gone: so be it. False. */
static bool
hear_last_words(struct link *l)
{
    ptrdiff_t n = 1;

    while (n > 0 && l->tls->state == TLS_HANDSHAKE) {
        tls_tx_ack(l->tls, tls_tx(l->tls).size);
        n = feed(l);
    }
    if (l->tls->state == TLS_FAILED)
        l->why = l->tls->reason;
    return false;
}

/* Sending may end the handshake as well as reading. */
static bool
shake_hands(struct link *l, int64_t deadline_ms)
{
    struct link_wait w = {.rx = true, .also_fd = OS_NONE};

    for (;;) {
        ptrdiff_t n = OS_AGAIN;

        if (flush(l) == OS_ERROR)
            return hear_last_words(l);
        if (l->tls->state != TLS_HANDSHAKE)
            return true;
        if (os_now_ms() >= deadline_ms)
            return fail(l, "timed out during the handshake") == 0;
        if (!l->readable && !link_wait(l, &w, deadline_ms))
            return fail(l, os_why()) == 0;
        if (l->readable)
            n = feed(l);
        if (n == OS_ERROR)
            return false;
        /* The end stays readable: with output that cannot go, for ever. */
        if (n == 0 && l->tls->state == TLS_HANDSHAKE)
            return fail(l, "closed by the server during the handshake") == 0;
    }
}

static bool
verify(struct link *l, const struct link_trust *trust)
{
    const char *why = anchors_supply(trust->work, trust->job, l->tls);

    if (why)
        return fail(l, why) == 0;
    tls_verify(l->tls);
    return true;
}

bool
link_secure(struct link *l, const struct link_peer *peer,
            const struct link_trust *trust, int64_t deadline_ms)
{
    l->secure = tls_start(l->tls, peer->name, peer->literal, os_wall_s());
    if (l->secure && !shake_hands(l, deadline_ms))
        return false;
    if (l->tls->state == TLS_ANCHORS &&
        !(verify(l, trust) && shake_hands(l, deadline_ms)))
        return false;
    if (l->tls->state != TLS_OPEN) {
        l->why = l->tls->reason;
        return false;
    }
    /* What TLS still has to say goes first; a full socket can wait. */
    return flush(l) != OS_ERROR;
}

ptrdiff_t
link_send(struct link *l, struct slice text)
{
    size_t taken = 0;
    ptrdiff_t n = 0;

    if (!l->secure)
        return put(l, text);
    if (text.size == 0)
        return flush(l);
    while ((n = flush(l)) == 0 && taken < text.size) {
        size_t some = tls_write(l->tls, slice_part(text, taken, text.size));

        if (some == 0 && tls_tx(l->tls).size == 0)
            break;
        taken += some;
    }
    /* A record that did not go whole is no use to the server, and nothing is
     * sent behind a failure. Records before it count; the error comes back with
     * the next call. */
    if (n == OS_ERROR && taken > 0)
        taken -= l->tls->write_size;
    if (taken > 0)
        return (ptrdiff_t)taken;
    if (n == OS_ERROR || n == OS_AGAIN)
        return n;
    l->why = l->tls->reason;
    return OS_ERROR;
}

/* What TLS holds of plain text: bytes, 0 at the end. */
static ptrdiff_t
take_text(struct link *l, uint8_t *out, size_t size)
{
    size_t got = tls_read(l->tls, out, size);

    l->more = got > 0;
    if (got > 0)
        return (ptrdiff_t)got;
    if (l->tls->state == TLS_CLOSED)
        return 0;
    if (l->tls->state == TLS_OPEN)
        return OS_AGAIN;
    l->why = l->tls->reason;
    return OS_ERROR;
}

/* One read of the socket at most: a peer that floods us with what has no text
 * in it must not keep the caller from looking at its clock. */
static ptrdiff_t
recv_secure(struct link *l, uint8_t *out, size_t size)
{
    ptrdiff_t n = take_text(l, out, size);

    if (n != OS_AGAIN || !l->readable)
        return n;
    n = feed(l);
    return n < 0 ? n : take_text(l, out, size);
}

ptrdiff_t
link_recv(struct link *l, uint8_t *out, size_t size)
{
    ptrdiff_t n = 0;

    if (l->secure)
        return recv_secure(l, out, size);
    if (!l->readable)
        return OS_AGAIN;
    n = os_read(l->fd, out, size);
    l->readable = n == (ptrdiff_t)size;
    return n == OS_ERROR ? fail(l, os_why()) : n;
}

void
link_close(struct link *l, struct slice last)
{
    if (last.size > 0)
        (void)link_send(l, last);
    if (l->secure) {
        if (l->tls->state == TLS_OPEN)
            tls_close(l->tls);
        (void)flush(l); /* an alert, if nothing else */
        tls_end(l->tls);
    }
    os_close(l->fd);
    *l = (struct link){.fd = OS_NONE};
}
