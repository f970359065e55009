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

/* ---- waiting ---- */

static bool
has_room(const struct link *l)
{
    size_t room = 1;

    if (l->secure)
        (void)tls_rx(l->tls, &room);
    return room > 0;
}

static bool
is_due(const struct link *l)
{
    return l->secure && tls_tx(l->tls).size > 0;
}

uint32_t
link_wait(struct link *l, const struct link_ask *ask, int64_t deadline_ms)
{
    bool tx = ask->tx || is_due(l);
    struct os_poll polls[] = {
        {.fd = l->fd, .rx = ask->rx && has_room(l), .tx = tx},
        {.fd = ask->also_fd, .rx = true}};

    if (ask->rx && l->secure && tls_holds(l->tls))
        return LINK_HELD;
    /* A socket that took all it was given has room for more; a flight goes out
     * at once. */
    if (tx && !l->full && !ask->between)
        return LINK_TX;
    if (!os_poll(polls, ask->also_fd == OS_NONE ? 1 : 2, deadline_ms))
        return LINK_BROKEN;
    return (polls[0].can_rx ? LINK_RX : 0) | (polls[0].can_tx ? LINK_TX : 0) |
           (polls[1].can_rx ? LINK_ALSO : 0);
}

/* ---- sending ---- */

/* After a failure nothing else is sent, though the system might take it: the
 * caller was told that these bytes, the end of a message perhaps, are lost. */
static ptrdiff_t
put(struct link *l, struct slice bytes)
{
    ptrdiff_t n = l->dead ? OS_ERROR : os_write(l->fd, bytes);

    l->full = n != (ptrdiff_t)bytes.size;
    if (n == OS_ERROR && !l->dead) {
        l->dead = true;
        return fail(l, os_why());
    }
    return n;
}

/* Sends what TLS has queued: 0, or OS_AGAIN or OS_ERROR. */
static ptrdiff_t
flush(struct link *l, bool *moved)
{
    for (;;) {
        struct slice due = tls_tx(l->tls);
        bool text = tls_tx_is_text(l->tls);
        ptrdiff_t n = 0;

        if (due.size == 0)
            return 0;
        n = put(l, due);
        if (n < 0)
            return n;
        *moved = *moved || text;
        tls_tx_ack(l->tls, (size_t)n);
        if (l->full)
            return OS_AGAIN;
    }
}

/* A record counts once it has left whole: before it is no use to the server. */
static ptrdiff_t
send_secure(struct link *l, struct slice text, bool *moved)
{
    size_t left = 0;
    ptrdiff_t n = 0;

    while ((n = flush(l, moved)) == 0) {
        left += l->held;
        l->held = 0;
        if (left == text.size)
            return (ptrdiff_t)left;
        l->held = tls_write(l->tls, slice_part(text, left, text.size));
        if (l->held == 0) {
            l->why = l->tls->reason;
            n = OS_ERROR;
            break;
        }
    }
    return left > 0 ? (ptrdiff_t)left : n;
}

ptrdiff_t
link_send(struct link *l, struct slice text, bool *moved)
{
    ptrdiff_t n = 0;

    *moved = false;
    if (l->secure)
        return send_secure(l, text, moved);
    n = put(l, text);
    *moved = n > 0;
    return n;
}

/* ---- reading ---- */

/* One read from the socket into TLS: bytes, 0 at the end. */
static ptrdiff_t
feed(struct link *l)
{
    size_t room = 0;
    uint8_t *at = tls_rx(l->tls, &room);
    ptrdiff_t n = 0;

    if (room == 0)
        return OS_AGAIN;
    n = os_read(l->fd, at, room);
    if (n >= 0)
        tls_rx_ack(l->tls, (size_t)n);
    return n == OS_ERROR ? fail(l, os_why()) : n;
}

/* What TLS holds of plain text: bytes, 0 at the end. */
static ptrdiff_t
take_text(struct link *l, uint8_t *out, size_t size)
{
    size_t got = tls_read(l->tls, out, size);

    if (got > 0)
        return (ptrdiff_t)got;
    if (l->tls->state == TLS_CLOSED)
        return 0;
    if (l->tls->state == TLS_OPEN)
        return OS_AGAIN;
    l->why = l->tls->reason;
    return OS_ERROR;
}

ptrdiff_t
link_recv(struct link *l, uint8_t *out, size_t size, bool read)
{
    ptrdiff_t n = OS_AGAIN;

    if (!l->secure && read)
        n = os_read(l->fd, out, size);
    if (!l->secure)
        return n == OS_ERROR ? fail(l, os_why()) : n;
    n = take_text(l, out, size);
    if (n != OS_AGAIN || !read)
        return n;
    n = feed(l);
    return n < 0 ? n : take_text(l, out, size);
}

/* ---- TLS ---- */

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
    const struct link_ask ask = {.rx = true, .also_fd = OS_NONE};
    bool moved = false;

    while (l->tls->state == TLS_HANDSHAKE || is_due(l)) {
        uint32_t can = link_wait(l, &ask, deadline_ms);
        ptrdiff_t n = OS_AGAIN;

        if (can & LINK_BROKEN)
            return fail(l, os_why()) == 0;
        if (os_now_ms() >= deadline_ms)
            return fail(l, "timed out during the handshake") == 0;
        if (can & LINK_RX)
            n = feed(l);
        else if ((can & LINK_TX) && flush(l, &moved) == OS_ERROR)
            return hear_last_words(l);
        if (n == OS_ERROR)
            return false;
        /* The end stays readable: with output that cannot go, for ever. */
        if (n == 0 && l->tls->state == TLS_HANDSHAKE)
            return fail(l, "closed by the server during the handshake") == 0;
    }
    return true;
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
    bool moved = false;

    l->secure = tls_start(l->tls, peer->name, peer->literal, os_wall_s());
    tls_dane(l->tls, peer->dane);
    while (l->tls->state == TLS_HANDSHAKE || l->tls->state == TLS_ANCHORS) {
        if (l->tls->state == TLS_HANDSHAKE && !shake_hands(l, deadline_ms))
            return false;
        if (l->tls->state == TLS_ANCHORS && !verify(l, trust))
            return false;
    }
    if (l->tls->state != TLS_OPEN) {
        l->why = l->tls->reason;
        return false;
    }
    /* What TLS still has to say goes first; a full socket can wait. */
    return flush(l, &moved) != OS_ERROR;
}

void
link_close(struct link *l, struct slice last)
{
    bool moved = false;

    if (last.size > l->held)
        (void)link_send(l, last, &moved);
    /* Part of a record of text is no use to the peer; all of it might be taken
     * for the end of a message that counts as lost here. */
    if (l->secure && !tls_tx_is_text(l->tls)) {
        if (l->tls->state == TLS_OPEN)
            tls_close(l->tls);
        (void)flush(l, &moved); /* an alert, if nothing else */
    }
    if (l->secure)
        tls_end(l->tls);
    os_close(l->fd);
    *l = (struct link){.fd = OS_NONE};
}
