/* SPDX-License-Identifier: ISC */
#include "pump.h"

static void
record(struct pump *p)
{
    struct smtp *s = p->smtp;
    bool soft = policy_softens(p->manner, s->tls_refused, s->reply.code);
    char verdict = policy_recipient(s->recipient_verdict, soft);

    qmail_report_recipient(p->report, verdict, p->ip,
                           buf_slice(&s->reply.text));
    smtp_taken(s, os_now_ms());
}

/* Message into session; false: a pipe has nothing for it now. */
static bool
fill(struct pump *p)
{
    struct message *m = p->message;

    if (!message_next(m)) {
        smtp_abort(p->smtp, FAULT_MESSAGE);
        return true;
    }
    if (m->rest.size == 0 && !m->end)
        return false;
    smtp_body(p->smtp, &m->rest, m->end);
    return true;
}

/* `read`: the socket, once. Behind it there is only what TLS holds. */
static void
receive(struct pump *p, bool read)
{
    struct smtp *s = p->smtp;

    while (smtp_want(s) & SMTP_WANT_RX) {
        size_t room = 0;
        uint8_t *at = smtp_rx(s, &room);
        ptrdiff_t n = link_recv(p->link, at, room, read);

        if (n == OS_AGAIN)
            return;
        if (n > 0)
            smtp_rx_ack(s, (size_t)n, os_now_ms());
        else
            smtp_lost(s, n == 0 ? SLICE("closed by the server") : p->link->why);
        read = false;
    }
}

static void
transmit(struct pump *p, int64_t now_ms)
{
    bool moved = false;
    ptrdiff_t n = link_send(p->link, smtp_tx(p->smtp), &moved);

    if (n > 0)
        smtp_tx_ack(p->smtp, (size_t)n, now_ms);
    else if (moved)
        smtp_sent(p->smtp, now_ms);
    if (n != OS_ERROR)
        return;
    /* The server may have said why before it closed. */
    receive(p, true);
    smtp_lost(p->smtp, p->link->why);
}

/* The clock decides first whether anything is sent; what was received by then
 * is heard. */
static void
exchange(struct pump *p, uint32_t want)
{
    struct smtp *s = p->smtp;
    const struct link_ask ask = {.rx = want & SMTP_WANT_RX,
                                 .tx = want & SMTP_WANT_TX,
                                 .between = s->body_open,
                                 .also_fd = want & SMTP_WANT_BODY ? MESSAGE_FD
                                                                  : OS_NONE};
    uint32_t can = link_wait(p->link, &ask, s->deadline_ms);

    if (can & LINK_BROKEN) {
        smtp_lost(s, slice_text(os_why()));
        return;
    }
    p->message->ready = can & LINK_ALSO;
    if (can & (LINK_RX | LINK_HELD))
        receive(p, can & LINK_RX);
    smtp_tick(s, os_now_ms());
    if (!(can & (LINK_RX | LINK_HELD)) && (can & LINK_TX) &&
        !(smtp_want(s) & SMTP_WANT_END))
        transmit(p, os_now_ms());
}

void
pump_run(struct pump *p)
{
    for (;;) {
        uint32_t want = smtp_want(p->smtp);

        if (want & (SMTP_WANT_END | SMTP_WANT_SECURE | SMTP_WANT_LOOK))
            return;
        if (want & SMTP_WANT_RECIPIENT)
            record(p);
        else if (!(want & SMTP_WANT_BODY) || !fill(p))
            exchange(p, want);
    }
}
