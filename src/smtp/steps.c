/* SPDX-License-Identifier: ISC */
#include "smtp/steps.h"

#include "base/assert.h"
#include "smtp/address.h"

enum { GOODBYE = 221, PERMANENT = 500, TEMPORARY = 400, INTERMEDIATE = 300 };

/* ---- ends ---- */

enum smtp_step
smtp_finish(struct smtp *s, enum fault fault, bool final)
{
    s->fault = fault;
    s->fault_step = s->step;
    s->final = final;
    return SMTP_STEP_END;
}

/* All octets that BDAT announced have gone: the server has a whole chunk, even
 * if nobody has said here yet that the message ends with them. */
static bool
chunk_was_sent(const struct smtp *s)
{
    size_t waiting = s->tx.used - s->tx_taken;

    return s->body_open && s->body.plain &&
           s->body_size >= s->config->size + waiting;
}

bool
smtp_message_was_sent(const struct smtp *s)
{
    if (!s->body_ended)
        return chunk_was_sent(s);
    return s->tx_offset >= s->end_offset;
}

/* True of a dead connection: nothing more is sent or read. What it means
 * depends on whether the server may have the whole message. */
enum smtp_step
smtp_died(struct smtp *s, struct slice why)
{
    bool sent = smtp_message_was_sent(s);

    s->why = why;
    return smtp_finish(s, sent ? FAULT_DUPLICATE : FAULT_DIED, sent);
}

static enum smtp_step
unexpected(struct smtp *s)
{
    return smtp_died(s, SLICE("the reply has a code that cannot stand here"));
}

bool
smtp_pipelines(const struct smtp *s)
{
    return s->features.pipelining && !s->config->careful;
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
    if (s->reply.code != 220)
        return smtp_finish(s, FAULT_GREETING, false);
    return SMTP_STEP_EHLO;
}

/* ---- hello: greeted, in clear or just secured ---- */

static enum smtp_step
emit_ehlo(struct smtp *s)
{
    s->features = (struct smtp_features){0};
    buf_put_text(&s->tx, "EHLO ");
    buf_put(&s->tx, s->config->helo);
    buf_put_text(&s->tx, "\r\n");
    return SMTP_STEP_END;
}

static enum smtp_step
emit_helo(struct smtp *s)
{
    s->features = (struct smtp_features){0};
    buf_put_text(&s->tx, "HELO ");
    buf_put(&s->tx, s->config->helo);
    buf_put_text(&s->tx, "\r\n");
    return SMTP_STEP_END;
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
        return smtp_finish(s, FAULT_TOO_BIG, true);
    return s->config->dry ? smtp_finish(s, FAULT_OK, true) : SMTP_STEP_MAIL;
}

/* The capabilities that count are known. */
static enum smtp_step
after_hello(struct smtp *s)
{
    if (!s->secure && s->config->tls != SMTP_TLS_OFF && s->features.starttls)
        return SMTP_STEP_STARTTLS;
    if (!s->secure && s->config->tls == SMTP_TLS_MUST)
        return smtp_finish(s, FAULT_TLS_ABSENT, false);
    return before_mail(s);
}

static enum smtp_step
after_ehlo(struct smtp *s)
{
    if (s->reply.code >= PERMANENT)
        return SMTP_STEP_HELO;
    if (s->reply.code >= TEMPORARY)
        return smtp_finish(s, FAULT_HELLO, false);
    if (s->reply.code != 250)
        return unexpected(s);
    return after_hello(s);
}

static enum smtp_step
after_helo(struct smtp *s)
{
    if (s->reply.code >= TEMPORARY)
        return smtp_finish(s, FAULT_HELLO, false);
    if (s->reply.code != 250)
        return unexpected(s);
    return after_hello(s);
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
    if (s->reply.code < TEMPORARY)
        return unexpected(s);
    s->tls_refused = true;
    if (s->config->tls == SMTP_TLS_MUST)
        return smtp_finish(s, FAULT_TLS_REFUSED, false);
    if (s->reply.code == SMTP_CLOSING)
        return smtp_died(s, SLICE(""));
    return before_mail(s);
}

/* ---- MAIL: as secure as it has to be ---- */

static enum smtp_step
emit_mail(struct smtp *s)
{
    const struct smtp_config *c = s->config;

    assert(!c->dry && (s->secure || c->tls != SMTP_TLS_MUST));
    buf_put_text(&s->tx, "MAIL FROM:<");
    smtp_address_put(&s->tx, c->sender);
    buf_put_text(&s->tx, ">");
    if (c->survey && s->features.size) {
        buf_put_text(&s->tx, " SIZE=");
        buf_put_number(&s->tx, c->size, 1);
    }
    if (c->survey && c->eight_bit && s->features.eight_bit)
        buf_put_text(&s->tx, " BODY=8BITMIME");
    buf_put_text(&s->tx, "\r\n");
    return smtp_pipelines(s) ? SMTP_STEP_RCPT : SMTP_STEP_END;
}

static enum smtp_step
after_mail(struct smtp *s)
{
    if (s->reply.code == SMTP_CLOSING)
        return smtp_finish(s, FAULT_SENDER_TEMP, false);
    if (s->reply.code >= PERMANENT)
        return smtp_finish(s, FAULT_SENDER_PERM, true);
    if (s->reply.code >= TEMPORARY)
        return smtp_finish(s, FAULT_SENDER_TEMP, true);
    if (s->reply.code >= INTERMEDIATE)
        return unexpected(s);
    return SMTP_STEP_RCPT;
}

/* The message goes as one chunk where that is offered, its size is known and
 * one flight can carry it (RFC 3030). */
static enum smtp_step
transfer_step(const struct smtp *s)
{
    const struct smtp_config *c = s->config;

    return s->features.chunking && !c->careful && c->survey &&
                   c->size <= SMTP_CHUNK_SIZE_MAX
               ? SMTP_STEP_BDAT
               : SMTP_STEP_DATA;
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
                                                           : transfer_step(s);
}

/* 421 to the last of recipients that were all refused: nothing was taken, even
 * if the message is on its way already. */
static bool
nobody_is_left(const struct smtp *s)
{
    return s->recipients_accepted == 0 &&
           s->recipients_answered + 1 == s->config->recipient_count;
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
    if (s->reply.code == SMTP_CLOSING && nobody_is_left(s))
        return smtp_finish(s, FAULT_DIED, false);
    if (s->reply.code == SMTP_CLOSING)
        return smtp_died(s, SLICE(""));
    if (s->reply.code >= INTERMEDIATE && s->reply.code < TEMPORARY)
        return unexpected(s);
    s->recipient_verdict = verdict_letter(s);
    s->recipient_ready = true;
    s->recipients_accepted += s->recipient_verdict == 'r';
    if (++s->recipients_answered < s->config->recipient_count)
        return SMTP_STEP_RCPT;
    if (s->recipients_accepted > 0)
        return transfer_step(s);
    /* DATA is under way, and its reply says whether a message must follow. */
    if (smtp_pipelines(s) && transfer_step(s) == SMTP_STEP_DATA)
        return SMTP_STEP_DATA;
    return smtp_finish(s, FAULT_RECIPIENTS, true);
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
    if (s->recipients_accepted == 0) {
        /* RFC 2920 section 3.1: the server waits for a message to nobody. */
        if (s->reply.code == 354)
            buf_put_text(&s->tx, ".\r\n");
        return smtp_finish(s, FAULT_RECIPIENTS, true);
    }
    if (s->reply.code == SMTP_CLOSING)
        return smtp_died(s, SLICE(""));
    if (s->reply.code >= PERMANENT)
        return smtp_finish(s, FAULT_DATA_PERM, true);
    if (s->reply.code >= TEMPORARY)
        return smtp_finish(s, FAULT_DATA_TEMP, true);
    if (s->reply.code != 354)
        return unexpected(s);
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
    if (s->reply.code >= PERMANENT)
        return smtp_finish(s, FAULT_DATA_PERM, true);
    if (s->reply.code >= TEMPORARY)
        return smtp_finish(s, FAULT_DATA_TEMP, true);
    return unexpected(s);
}

static enum smtp_step
after_message(struct smtp *s)
{
    if (s->reply_early || !smtp_message_was_sent(s))
        return after_early(s);
    if (s->reply.code >= PERMANENT)
        return smtp_finish(s, FAULT_BODY_PERM, true);
    if (s->reply.code >= TEMPORARY)
        return smtp_finish(s, FAULT_BODY_TEMP, true);
    if (s->reply.code >= INTERMEDIATE)
        return unexpected(s);
    /* QUIT was in the flight: this answers it, and the message's own reply is
     * lost. */
    if (s->reply.code == GOODBYE && smtp_pipelines(s))
        return unexpected(s);
    if (!s->body_ended)
        return smtp_died(s, SLICE("the reply came before the message's end"));
    return smtp_finish(s, FAULT_ACCEPTED, true);
}

/* ---- BDAT: the message follows its command at once ---- */

static enum smtp_step
emit_bdat(struct smtp *s)
{
    buf_put_text(&s->tx, "BDAT ");
    buf_put_number(&s->tx, s->config->size, 1);
    buf_put_text(&s->tx, " LAST\r\n");
    smtp_body_init(&s->body);
    s->body.plain = true;
    s->body_open = true;
    return SMTP_STEP_END;
}

/* A server, or a box before it, that does not know BDAT after all. */
static bool
does_not_know(uint32_t code)
{
    return code >= 500 && code <= 504;
}

enum smtp_step
smtp_again(struct smtp *s)
{
    s->careful_wanted = true;
    return smtp_finish(s, FAULT_DATA_TEMP, false);
}

static enum smtp_step
after_bdat(struct smtp *s)
{
    if (!does_not_know(s->reply.code))
        return after_message(s);
    return smtp_message_was_sent(s) && smtp_pipelines(s) ? SMTP_STEP_QUIT
                                                         : smtp_again(s);
}

/* ---- QUIT: in the flight, behind a chunk that seems refused. Where a reply
 * too many came before, BDAT's own comes only now, and the message may be
 * taken. */

static enum smtp_step
emit_quit(struct smtp *s)
{
    (void)s;
    return SMTP_STEP_END;
}

static enum smtp_step
after_quit(struct smtp *s)
{
    /* To this, or to lines of the message that were read as commands. */
    if (s->reply.code != GOODBYE && s->reply.code < TEMPORARY)
        return unexpected(s);
    s->said = false;
    return smtp_again(s);
}

#define ROW(NAME, name, text) \
    [SMTP_STEP_##NAME] = {emit_##name, after_##name, text},
const struct smtp_row smtp_rows[] = {SMTP_STEPS(ROW)};
