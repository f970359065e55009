/* SPDX-License-Identifier: ISC */
#include "pump.h"

static void
record(struct pump *p)
{
    struct smtp *s = p->smtp;

    qmail_report_recipient(p->report, s->recipient_verdict, p->ip,
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

static void
receive(struct pump *p, int64_t now_ms)
{
    struct smtp *s = p->smtp;

    while (smtp_want(s) & SMTP_WANT_RX) {
        size_t room = 0;
        uint8_t *at = smtp_rx(s, &room);
        ptrdiff_t n = link_recv(p->link, at, room);

        if (n == OS_AGAIN)
            return;
        if (n > 0)
            smtp_rx_ack(s, (size_t)n, now_ms);
        else
            smtp_lost(s, n == 0 ? SLICE("closed by the server") : p->link->why);
    }
}

static void
transmit(struct pump *p, int64_t now_ms)
{
    size_t pending = link_pending(p->link);
    ptrdiff_t n = link_send(p->link, smtp_tx(p->smtp));

    if (n > 0)
        smtp_tx_ack(p->smtp, (size_t)n, now_ms);
    else if (link_pending(p->link) < pending)
        smtp_sent(p->smtp, now_ms);
    p->blocked = n == OS_AGAIN;
    if (n != OS_ERROR)
        return;
    /* The server may have said why before it closed. */
    p->link->readable = true;
    receive(p, now_ms);
    smtp_lost(p->smtp, p->link->why);
}

static void
exchange(struct pump *p, uint32_t want)
{
    struct smtp *s = p->smtp;
    struct link_wait w = {.rx = want & SMTP_WANT_RX,
                          .tx = want & SMTP_WANT_TX,
                          .also_fd =
                              want & SMTP_WANT_BODY ? MESSAGE_FD : OS_NONE};
    int64_t now_ms = 0;

    /* A flight goes out at once; while the message does, the server is
     * listened to between two writes. */
    if ((!w.tx || s->body_open || p->blocked) && !p->link->more &&
        !link_wait(p->link, &w, s->deadline_ms)) {
        smtp_lost(s, slice_text(os_why()));
        return;
    }
    now_ms = os_now_ms();
    p->message->ready = w.also_ready;
    if (p->link->readable || p->link->more)
        receive(p, now_ms);
    else if (w.tx || link_pending(p->link) > 0)
        transmit(p, now_ms);
    smtp_tick(s, now_ms);
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
