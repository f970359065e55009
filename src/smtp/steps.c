/* SPDX-License-Identifier: ISC */
#include "smtp/steps.h"

#include "base/ascii.h"
#include "base/assert.h"
#include "smtp/address.h"

enum {
    GOODBYE = 221,
    INTERMEDIATE = 300,
    CONTINUE = 334, /* a response is due */
    TEMPORARY = 400,
    PERMANENT = 500
};

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
    enum smtp_step first =
        s->config->tls == SMTP_TLS_FIRST ? SMTP_STEP_GREETING : SMTP_STEP_EHLO;
    bool behind = s->step == SMTP_STEP_AUTH || s->step == SMTP_STEP_MAIL;

    return s->step == SMTP_STEP_STARTTLS || s->step == SMTP_STEP_SECURE ||
           (s->tls_refused && behind) || (s->secure && s->step == first);
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

/* A path that RFC 6531 section 3.4 wants a parameter of MAIL for. */
static bool
needs_utf8(const struct smtp *s)
{
    const struct smtp_config *c = s->config;
    bool plain = ascii_is(c->sender);

    for (uint32_t i = 0; i < c->recipient_count; i++)
        plain = plain && ascii_is(c->recipients[i]);
    return !plain;
}

/* Nothing is said to it any more, and what it said was no answer to that. */
static enum smtp_step
finish_unasked(struct smtp *s, enum fault fault)
{
    s->said = SLICE("");
    return smtp_finish(s, SMTP_END_UNFIT, fault);
}

/* The way to log in that was not tried yet, into s->auth. */
static bool
choose_login(struct smtp *s)
{
    enum smtp_auth_mechanism next =
        smtp_auth_choose(s->config->login, s->features.auth & ~s->auth_tried);

    if (next != SMTP_AUTH_NONE)
        s->auth = next;
    return next != SMTP_AUTH_NONE;
}

static bool
may_log_in(const struct smtp *s)
{
    return s->proved || s->config->unproved;
}

/* As secure as it has to be: MAIL, unless there is a reason not to say it. */
static enum smtp_step
before_mail(struct smtp *s)
{
    if (is_too_big(s))
        return smtp_finish(s, SMTP_END_VERDICT, FAULT_TOO_BIG);
    if (needs_utf8(s) && !s->features.utf8)
        return smtp_finish(s, SMTP_END_VERDICT, FAULT_UTF8_ABSENT);
    if (s->config->login && !s->logged_in) {
        if (!may_log_in(s))
            return finish_unasked(s, FAULT_LOGIN_UNPROVED);
        return choose_login(s) ? SMTP_STEP_AUTH
                               : finish_unasked(s, FAULT_LOGIN_ABSENT);
    }
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
    if (s->reply.code >= PERMANENT && s->config->hello != SMTP_HELLO_ONLY) {
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

/* ---- AUTH: a server that may have the secret offers s->auth ---- */

/* From here on. */
static void
tell_login(struct smtp *s)
{
    assert(s->config->login && may_log_in(s) && !s->logged_in);
    s->tx_secret = s->quotable = true;
}

static enum smtp_step
emit_auth(struct smtp *s)
{
    tell_login(s);
    s->auth_tried |= UINT32_C(1) << s->auth;
    s->responses_sent = 0;
    /* Who answers PLAIN and its response with 334 may have read the first word
     * only: the response is due once more. With a token that is a refusal. */
    if (smtp_auth_put_command(&s->tx, s->auth, s->config->login) &&
        s->auth != SMTP_AUTH_PLAIN)
        s->responses_sent = 1;
    return SMTP_STEP_END;
}

/* By 4xx or 5xx. For good: from another address of the relay the same would
 * come, and count towards a lock-out. */
static enum smtp_step
refused_login(struct smtp *s)
{
    if (s->reply.code == SMTP_CLOSING)
        return smtp_finish(s, SMTP_END_DIED, FAULT_LOGIN);
    return smtp_finish(
        s, s->reply.code < PERMANENT ? SMTP_END_UNFIT : SMTP_END_VERDICT,
        FAULT_LOGIN);
}

/* It is the mechanism it does not like, not the login. A token's second
 * response is an answer to what it did not like. */
static bool
is_about_mechanism(const struct smtp *s)
{
    uint32_t code = s->reply.code;

    return (code == 500 || (code >= 502 && code <= 504)) &&
           !(s->config->login->token && s->responses_sent > 1);
}

static enum smtp_step
after_auth(struct smtp *s)
{
    if (s->reply.code == CONTINUE)
        return s->responses_sent < smtp_auth_response_count(s->auth)
                   ? SMTP_STEP_RESPONSE
                   : SMTP_STEP_CANCEL;
    if (s->reply.code >= INTERMEDIATE && s->reply.code < TEMPORARY)
        return unexpected(s);
    if (is_about_mechanism(s) && choose_login(s))
        return SMTP_STEP_AUTH;
    if (s->reply.code >= TEMPORARY)
        return refused_login(s);
    s->logged_in = true;
    return before_mail(s);
}

/* ---- a response: the server waits for it ---- */

static enum smtp_step
emit_response(struct smtp *s)
{
    tell_login(s);
    smtp_auth_put_response(&s->tx, s->auth, s->config->login,
                           s->responses_sent++);
    return SMTP_STEP_END;
}

static enum smtp_step
after_response(struct smtp *s)
{
    return after_auth(s);
}

/* ---- the end of a login: the server waits for more than there is ---- */

static enum smtp_step
emit_cancel(struct smtp *s)
{
    buf_put_text(&s->tx, "*\r\n");
    return SMTP_STEP_END;
}

/* RFC 4954 section 4: 501. A 2xx does not undo it. */
static enum smtp_step
after_cancel(struct smtp *s)
{
    if (s->reply.code >= INTERMEDIATE && s->reply.code < TEMPORARY)
        return unexpected(s);
    if (s->reply.code >= TEMPORARY)
        return refused_login(s);
    return smtp_finish(s, SMTP_END_VERDICT, FAULT_LOGIN);
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

    assert(!c->dry && (s->secure || c->tls < SMTP_TLS_MUST));
    assert(!c->login || s->logged_in);
    buf_put_text(&s->tx, "MAIL FROM:<");
    smtp_address_put(&s->tx, c->sender);
    buf_put_text(&s->tx, ">");
    if (offers_size(s)) {
        buf_put_text(&s->tx, " SIZE=");
        buf_put_number(&s->tx, c->size, 1);
    }
    if (offers_eight_bit(s))
        buf_put_text(&s->tx, " BODY=8BITMIME");
    /* Without it the careful way would be another mail. */
    if (needs_utf8(s))
        buf_put_text(&s->tx, " SMTPUTF8");
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
