/* SPDX-License-Identifier: ISC */
/*
 * What is true of every session, whatever the server does.
 *
 * in     the record of a session that is over, or not yet
 * out    MUST holds: what is visible in clear, who may be told K or D, how it
 *        ended by the slow reading of the rules
 * bound  none of its own
 * fault  MUST
 */
#ifndef FUZZ_SESSION_CHECK_H
#define FUZZ_SESSION_CHECK_H

#include "session_rules.h"

/* ---- at any time ---- */

/* No envelope in clear, not even ready to be sent. */
static inline void
check_visible(const struct world *w, struct slice tx)
{
    if (w->config.tls < SMTP_TLS_MUST || w->secure)
        return;
    MUST(!contains(tx, "MAIL") && !contains(tx, "RCPT"));
    MUST(!contains(tx, "DATA"));
}

/* Nor what a server quoted of the login, once it may have some of it. */
static inline void
check_secret(const struct world *w)
{
    const struct smtp *s = &w->smtp;

    if (s->auth_tried == 0)
        return;
    check_why(&w->lines, &w->login, s->why);
    check_told(&w->lines, &w->login, s->said);
    /* The reply to EHLO is looked at when AUTH is ready, and not sent. */
    if (smtp_want(s) & (SMTP_WANT_LOOK | SMTP_WANT_RECIPIENT) &&
        contains(slice_of(w->heard, w->heard_size), "AUTH "))
        check_told(&w->lines, &w->login, buf_slice(&s->reply.text));
}

/* The end of each line with the secret is not in memory any more. */
static inline void
check_wiped(const struct world *w)
{
    struct slice tx = slice_of(w->smtp.tx_bytes, 2 * LOGIN_LINE_SIZE);

    for (uint32_t at = LINE_PLAIN; w->config.login && at <= LINE_BEARER; at++)
        MUST(w->lines.sizes[at] < 16 ||
             !contains(tx, w->lines.text[at] + w->lines.sizes[at] - 8));
}

static inline void
check_always(const struct world *w)
{
    const struct smtp *s = &w->smtp;

    MUST(s->tx.used <= SMTP_TX_SIZE && s->tx_taken <= s->tx.used);
    MUST(!s->tx.full && s->rx_used <= SMTP_RX_SIZE);
    MUST(s->commands_answered <= s->commands_sent);
    MUST(s->recipients_sent <= w->config.recipient_count);
    MUST(s->recipients_answered <= w->config.recipient_count);
    MUST(s->deadline_ms <= w->now_ms + w->config.timeout_ms);
    check_visible(w, smtp_tx(s));
    if (smtp_want(s) & SMTP_WANT_SECURE)
        MUST(s->rx_used == 0 && smtp_tx(s).size == 0);
}

/* TLS is to begin: STARTTLS was the last word and its 220 the only answer. */
static inline void
check_clear_end(struct world *w)
{
    struct slice heard = slice_of(w->heard, w->heard_size);
    size_t size = sizeof("STARTTLS\r\n") - 1;

    MUST(!w->secure && w->config.tls != SMTP_TLS_OFF);
    if (w->config.tls == SMTP_TLS_FIRST) {
        MUST(w->heard_size == 0 && w->said_size == 0);
        return;
    }
    MUST(heard.size >= size);
    MUST(slice_equal(slice_part(heard, heard.size - size, heard.size),
                     SLICE("STARTTLS\r\n")));
    MUST(smtp_tx(&w->smtp).size == 0 && w->smtp.rx_used == 0);
    w->clear_size = w->heard_size;
    w->said_clear = w->said_size;
}

/* ---- at the end ---- */

static inline void
check_accepted(const struct world *w, const struct wire *wire)
{
    MUST(wire->whole && w->given == w->message.size);
    MUST(!message_is_partial(w));
    MUST(strchr(w->verdicts, 'r'));
    MUST(w->verdict_count == w->config.recipient_count);
    MUST(w->config.tls < SMTP_TLS_MUST || w->secure);
    MUST(w->smtp.end == SMTP_END_VERDICT && w->smtp.secure == w->secure);
}

/* A D is the server's word, or the message's fault. */
static inline void
check_refused(const struct world *w)
{
    const struct smtp *s = &w->smtp;

    if (s->fault == FAULT_PARTIAL)
        MUST(message_is_partial(w) && w->given == w->message.size);
    else if (s->fault == FAULT_TOO_BIG)
        MUST(s->features.size_max > 0 && w->config.survey &&
             w->config.size > s->features.size_max);
    else if (s->fault == FAULT_UTF8_ABSENT)
        MUST(w->utf8 && !s->features.utf8);
    else if (s->fault == FAULT_RECIPIENTS)
        MUST(!strchr(w->verdicts, 'r') &&
             w->verdict_count == w->config.recipient_count);
    else
        MUST(s->fault == FAULT_SENDER_PERM || s->fault == FAULT_DATA_PERM ||
             s->fault == FAULT_BODY_PERM);
    MUST(s->end == SMTP_END_VERDICT ||
         (s->end == SMTP_END_SYNTAX && !w->config.careful));
}

static inline void
check_end(struct world *w)
{
    struct smtp *s = &w->smtp;
    const struct fault_row *row = fault_row(s->fault);
    enum fault fault = s->fault;
    enum smtp_end end = s->end;
    struct wire wire;

    MUST(end != SMTP_END_NONE && fault < FAULT_COUNT);
    MUST(fault != FAULT_OK || (w->config.dry && end == SMTP_END_VERDICT));
    MUST(smtp_step_text(s->fault_step)[0] != '\0');
    MUST(!s->body_open || smtp_tx(s).size == 0);
    read_wire(w, &wire);
    check_secret(w);
    check_wiped(w);
    if (fault == FAULT_ACCEPTED)
        check_accepted(w, &wire);
    else if (row->class == 'D')
        check_refused(w);
    check_rules(w, &wire);
    MUST(!w->config.dry || wire.mail == 0);
    MUST(!w->secure || s->secure);
    /* It stays so. */
    note_heard(w, smtp_tx(s));
    smtp_tx_ack(s, smtp_tx(s).size, w->now_ms);
    smtp_lost(s, SLICE("later"));
    smtp_tick(s, INT64_MAX);
    MUST(smtp_want(s) == SMTP_WANT_END && s->fault == fault);
    MUST(s->end == end && smtp_tx(s).size == 0);
    read_wire(w, &wire);
}

#endif
