/* SPDX-License-Identifier: ISC */
#include "smtp/steps.h"

#include "base/assert.h"
#include "smtp/address.h"

enum { GOODBYE = 221, PERMANENT = 500, TEMPORARY = 400, INTERMEDIATE = 300 };

/* ---- ends ---- */

enum smtp_step
smtp_finish(struct smtp *s, enum smtp_end end, enum fault fault)
{
    s->end = end;
    s->fault = fault;
    s->fault_step = s->step;
    /* HELO was a second try: what was said to the first explains more. */
    if (fault == FAULT_HELLO && s->refusal.used > 0)
        s->said = buf_slice(&s->refusal);
    return SMTP_STEP_END;
}

bool
smtp_message_was_sent(const struct smtp *s)
{
    return s->body_ended && s->tx_offset >= s->end_offset;
}

/* What ends the connection here may be TLS: it is due, was refused just now, or
 * is so young that the server may not like our side of it. */
static bool
is_about_tls(const struct smtp *s)
{
    return s->step == SMTP_STEP_STARTTLS || s->step == SMTP_STEP_SECURE ||
           (s->tls_refused && s->step == SMTP_STEP_MAIL) ||
           (s->secure && s->step == SMTP_STEP_EHLO);
}

/* True of a dead connection: nothing more is sent or read. What it means
 * depends on whether the server may have the whole message. */
enum smtp_step
smtp_died(struct smtp *s, struct slice why)
{
    s->dead = true;
    s->why = why;
    if (smtp_message_was_sent(s))
        return smtp_finish(s, SMTP_END_DUPLICATE, FAULT_DUPLICATE);
    if (is_about_tls(s))
        return smtp_finish(s, SMTP_END_TLS_BROKEN, FAULT_TLS_FAILED);
    if (s->step == SMTP_STEP_HELO && s->refusal.used > 0)
        return smtp_finish(s, SMTP_END_UNFIT, FAULT_HELLO);
    return smtp_finish(s, SMTP_END_DIED, FAULT_DIED);
}

enum smtp_step
smtp_ended(struct smtp *s, struct slice why)
{
    if (s->step != SMTP_STEP_DATA || s->recipients_accepted > 0)
        return smtp_died(s, why);
    /* Every recipient was refused, and the reply to DATA changes nothing. */
    s->dead = true;
    return smtp_finish(s, SMTP_END_VERDICT, FAULT_RECIPIENTS);
}

static enum smtp_step
unexpected(struct smtp *s)
{
    return smtp_died(s, SLICE("the reply has a code that cannot stand here"));
}

/* By 4xx or 5xx, and it is the server's word on the mail. */
static enum smtp_step
refused(struct smtp *s, enum fault permanent, enum fault temporary)
{
    return smtp_finish(s, SMTP_END_VERDICT,
                       s->reply.code >= PERMANENT ? permanent : temporary);
}

/* 421 where no text of the report is about it. */
static enum smtp_step
closed(struct smtp *s)
{
    return smtp_died(s, SLICE("the server closes the connection (421)"));
}

bool
smtp_pipelines(const struct smtp *s)
{
    return s->features.pipelining && !s->config->careful;
}

/* The server did not understand a command, or says so: what it makes of a
 * flight or of parameters it offered to take. */
static bool
is_syntax(const struct smtp *s)
{
    return (s->reply.code >= 500 && s->reply.code <= 504) ||
           s->reply.code == 555;
}

/* ---- greeting: connected, nothing was said ---- */

static enum smtp_step
emit_greeting(struct smtp *s)
{
    (void)s;
    return SMTP_STEP_END;
}

static enum smtp_step
after_greeting(struct smtp *s)
{
    if (s->reply.code == SMTP_CLOSING)
        return smtp_finish(s, SMTP_END_DIED, FAULT_GREETING);
    if (s->reply.code != 220)
        return smtp_finish(s, SMTP_END_UNFIT, FAULT_GREETING);
    return s->config->hello == SMTP_HELLO_HELO ? SMTP_STEP_HELO
                                               : SMTP_STEP_EHLO;
}

/* ---- hello: greeted, in clear or just secured ---- */

/* What was offered before is forgotten. */
static enum smtp_step
put_hello(struct smtp *s, const char *verb)
{
    s->features = (struct smtp_features){0};
    buf_put_text(&s->tx, verb);
    buf_put(&s->tx, s->config->helo);
    buf_put_text(&s->tx, "\r\n");
    return SMTP_STEP_END;
}

static enum smtp_step
emit_ehlo(struct smtp *s)
{
    return put_hello(s, "EHLO ");
}

static enum smtp_step
emit_helo(struct smtp *s)
{
    return put_hello(s, "HELO ");
}

static bool
is_too_big(const struct smtp *s)
{
    return s->features.size && s->config->survey && s->features.size_max > 0 &&
           s->config->size > s->features.size_max;
}

/* As secure as it has to be: MAIL, unless there is a reason not to say it. */
static enum smtp_step
before_mail(struct smtp *s)
{
    if (is_too_big(s))
        return smtp_finish(s, SMTP_END_VERDICT, FAULT_TOO_BIG);
    if (s->config->dry)
        return smtp_finish(s, SMTP_END_VERDICT, FAULT_OK);
    return SMTP_STEP_MAIL;
}

/* The capabilities that count are known. */
static enum smtp_step
after_hello(struct smtp *s)
{
    if (!s->secure && s->config->tls != SMTP_TLS_OFF && s->features.starttls)
        return SMTP_STEP_STARTTLS;
    if (!s->secure && s->config->tls == SMTP_TLS_MUST)
        return smtp_finish(s, SMTP_END_TLS_ABSENT, FAULT_TLS_ABSENT);
    return before_mail(s);
}

/* By 4xx or 5xx, to EHLO or HELO. */
static enum smtp_step
refused_hello(struct smtp *s)
{
    if (s->reply.code != SMTP_CLOSING)
        return smtp_finish(s, SMTP_END_UNFIT, FAULT_HELLO);
    if (s->refusal.used > 0)
        return closed(s);
    return smtp_finish(s, SMTP_END_DIED, FAULT_HELLO);
}

static enum smtp_step
after_ehlo(struct smtp *s)
{
    if (s->reply.code >= PERMANENT) {
        buf_put(&s->refusal, buf_slice(&s->reply.text));
        return SMTP_STEP_HELO;
    }
    if (s->reply.code >= TEMPORARY)
        return refused_hello(s);
    return s->reply.code == 250 ? after_hello(s) : unexpected(s);
}

static enum smtp_step
after_helo(struct smtp *s)
{
    if (s->reply.code >= TEMPORARY)
        return refused_hello(s);
    return s->reply.code == 250 ? after_hello(s) : unexpected(s);
}

/* ---- STARTTLS: in clear, offered, wanted ---- */

static enum smtp_step
emit_starttls(struct smtp *s)
{
    buf_put_text(&s->tx, "STARTTLS\r\n");
    return SMTP_STEP_END;
}

static enum smtp_step
after_starttls(struct smtp *s)
{
    if (s->reply.code == 220)
        return SMTP_STEP_SECURE;
    if (s->reply.code == SMTP_CLOSING)
        return closed(s);
    if (s->reply.code < TEMPORARY)
        return unexpected(s);
    s->tls_refused = true;
    if (s->config->tls == SMTP_TLS_MUST)
        return smtp_finish(s, SMTP_END_TLS_REFUSED, FAULT_TLS_REFUSED);
    return before_mail(s);
}

/* ---- MAIL: as secure as it has to be ---- */

static bool
offers_size(const struct smtp *s)
{
    return s->config->survey && s->features.size && !s->config->careful;
}

static bool
offers_eight_bit(const struct smtp *s)
{
    return s->config->survey && s->config->eight_bit && s->features.eight_bit &&
           !s->config->careful;
}

static enum smtp_step
emit_mail(struct smtp *s)
{
    const struct smtp_config *c = s->config;

    assert(!c->dry && (s->secure || c->tls != SMTP_TLS_MUST));
    buf_put_text(&s->tx, "MAIL FROM:<");
    smtp_address_put(&s->tx, c->sender);
    buf_put_text(&s->tx, ">");
    if (offers_size(s)) {
        buf_put_text(&s->tx, " SIZE=");
        buf_put_number(&s->tx, c->size, 1);
    }
    if (offers_eight_bit(s))
        buf_put_text(&s->tx, " BODY=8BITMIME");
    buf_put_text(&s->tx, "\r\n");
    return smtp_pipelines(s) ? SMTP_STEP_RCPT : SMTP_STEP_END;
}

static enum smtp_step
after_mail(struct smtp *s)
{
    bool plain = !smtp_pipelines(s) && !offers_size(s) && !offers_eight_bit(s);

    if (s->reply.code == SMTP_CLOSING)
        return smtp_finish(s, SMTP_END_DIED, FAULT_SENDER_TEMP);
    if (is_syntax(s) && !plain)
        return smtp_finish(s, SMTP_END_SYNTAX, FAULT_SENDER_PERM);
    if (s->reply.code >= TEMPORARY)
        return refused(s, FAULT_SENDER_PERM, FAULT_SENDER_TEMP);
    if (s->reply.code >= INTERMEDIATE)
        return unexpected(s);
    return SMTP_STEP_RCPT;
}

/* ---- RCPT: the sender was accepted; once a recipient ---- */

static enum smtp_step
emit_rcpt(struct smtp *s)
{
    buf_put_text(&s->tx, "RCPT TO:<");
    smtp_address_put(&s->tx, s->config->recipients[s->recipients_sent++]);
    buf_put_text(&s->tx, ">\r\n");
    if (!smtp_pipelines(s))
        return SMTP_STEP_END;
    return s->recipients_sent < s->config->recipient_count ? SMTP_STEP_RCPT
                                                           : SMTP_STEP_DATA;
}

/* What qmail-rspawn is told of one recipient: never, later, accepted. */
static char
verdict_letter(const struct smtp *s)
{
    if (s->reply.code >= PERMANENT)
        return 'h';
    if (s->reply.code >= TEMPORARY)
        return 's';
    return 'r';
}

static enum smtp_step
after_rcpt(struct smtp *s)
{
    if (s->reply.code == SMTP_CLOSING)
        return smtp_died(s, SLICE(""));
    /* Not a word on the recipient yet: it has none in the report. */
    if (is_syntax(s) && smtp_pipelines(s)) {
        s->why = SLICE("not understood in a flight of commands");
        return smtp_finish(s, SMTP_END_SYNTAX, FAULT_DIED);
    }
    if (s->reply.code >= INTERMEDIATE && s->reply.code < TEMPORARY)
        return unexpected(s);
    s->recipient_verdict = verdict_letter(s);
    s->recipient_ready = true;
    s->recipients_accepted += s->recipient_verdict == 'r';
    if (++s->recipients_answered < s->config->recipient_count)
        return SMTP_STEP_RCPT;
    /* In a flight DATA is under way, and its reply says whether a message must
     * follow. */
    if (s->recipients_accepted > 0 || smtp_pipelines(s))
        return SMTP_STEP_DATA;
    return smtp_finish(s, SMTP_END_VERDICT, FAULT_RECIPIENTS);
}

/* ---- DATA: a recipient was accepted, or DATA was in the flight ---- */

static enum smtp_step
emit_data(struct smtp *s)
{
    buf_put_text(&s->tx, "DATA\r\n");
    return SMTP_STEP_END;
}

static enum smtp_step
after_data(struct smtp *s)
{
    bool to_nobody = s->recipients_accepted == 0;

    if (s->reply.code == SMTP_CLOSING)
        return smtp_ended(s, SLICE(""));
    /* Another one is a recipient's that came late: a verdict is wrong. */
    if (s->reply.code < TEMPORARY && s->reply.code != 354)
        return unexpected(s);
    if (to_nobody) {
        /* RFC 2920 section 3.1: the server waits for a message to nobody. */
        if (s->reply.code == 354)
            buf_put_text(&s->tx, ".\r\n");
        return smtp_finish(s, SMTP_END_VERDICT, FAULT_RECIPIENTS);
    }
    if (is_syntax(s) && smtp_pipelines(s))
        return smtp_finish(s, SMTP_END_SYNTAX, FAULT_DATA_PERM);
    if (s->reply.code >= TEMPORARY)
        return refused(s, FAULT_DATA_PERM, FAULT_DATA_TEMP);
    return SMTP_STEP_MESSAGE;
}

/* ---- the message: the server waits for it ---- */

static enum smtp_step
emit_message(struct smtp *s)
{
    smtp_body_init(&s->body);
    s->body_open = true;
    return SMTP_STEP_END;
}

static enum smtp_step
after_early(struct smtp *s)
{
    if (s->reply.code == SMTP_CLOSING)
        return smtp_died(s, SLICE(""));
    if (s->reply.code >= TEMPORARY)
        return refused(s, FAULT_DATA_PERM, FAULT_DATA_TEMP);
    return unexpected(s);
}

static enum smtp_step
after_message(struct smtp *s)
{
    if (s->reply_early || !smtp_message_was_sent(s))
        return after_early(s);
    if (s->reply.code >= TEMPORARY)
        return refused(s, FAULT_BODY_PERM, FAULT_BODY_TEMP);
    if (s->reply.code >= INTERMEDIATE)
        return unexpected(s);
    /* QUIT was in the flight: this answers it, and the message's own reply is
     * lost. */
    if (s->reply.code == GOODBYE && smtp_pipelines(s))
        return unexpected(s);
    return smtp_finish(s, SMTP_END_VERDICT, FAULT_ACCEPTED);
}

#define ROW(NAME, name, text) \
    [SMTP_STEP_##NAME] = {emit_##name, after_##name, text},
const struct smtp_row smtp_rows[] = {SMTP_STEPS(ROW)};
