/* SPDX-License-Identifier: ISC */
#include "smtp/session.h"

#include <assert.h>
#include <string.h>

#include "smtp/address.h"

enum {
    PERMANENT = 500,
    TEMPORARY = 400,
    INTERMEDIATE = 300,
    CLOSING = 421,
    BODY_ROOM_MIN = 16, /* the end of the message and QUIT, or 4 for a piece */
    ENDS_COUNT = RECIPIENT_COUNT_MAX + 4
};

struct row {
    /* Queues the command; returns the step whose command may follow in the
     * same flight, or SMTP_STEP_END. */
    enum smtp_step (*emit)(struct smtp *);
    /* Reads the whole reply; returns the step whose reply comes next. */
    enum smtp_step (*after)(struct smtp *);
    const char *text;
};

/* ---- ends ---- */

static enum smtp_step
finish(struct smtp *s, enum fault fault, bool final)
{
    s->fault = fault;
    s->fault_step = s->step;
    s->final = final;
    return SMTP_STEP_END;
}

static bool
message_was_sent(const struct smtp *s)
{
    return s->body_ended && s->tx_offset >= s->end_offset;
}

/* True of a dead connection: nothing more is sent or read. What it means
 * depends on whether the server may have the whole message. */
static enum smtp_step
died(struct smtp *s, struct slice why)
{
    bool sent = message_was_sent(s);

    s->why = why;
    return finish(s, sent ? FAULT_DUPLICATE : FAULT_DIED, sent);
}

static enum smtp_step
unexpected(struct smtp *s)
{
    return died(s, SLICE("the reply has a code that cannot stand here"));
}

static bool
pipelines(const struct smtp *s)
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
        return finish(s, FAULT_GREETING, false);
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

/* The capabilities that count are known. */
static enum smtp_step
after_hello(struct smtp *s)
{
    if (!s->secure && s->config->tls != SMTP_TLS_OFF && s->features.starttls)
        return SMTP_STEP_STARTTLS;
    if (!s->secure && s->config->tls == SMTP_TLS_MUST)
        return finish(s, FAULT_TLS_ABSENT, false);
    if (is_too_big(s))
        return finish(s, FAULT_TOO_BIG, true);
    return SMTP_STEP_MAIL;
}

static enum smtp_step
after_ehlo(struct smtp *s)
{
    if (s->reply.code >= PERMANENT)
        return SMTP_STEP_HELO;
    if (s->reply.code >= TEMPORARY)
        return finish(s, FAULT_HELLO, false);
    if (s->reply.code != 250)
        return unexpected(s);
    return after_hello(s);
}

static enum smtp_step
after_helo(struct smtp *s)
{
    if (s->reply.code >= TEMPORARY)
        return finish(s, FAULT_HELLO, false);
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
        return finish(s, FAULT_TLS_REFUSED, false);
    if (s->reply.code == CLOSING)
        return died(s, SLICE(""));
    return is_too_big(s) ? finish(s, FAULT_TOO_BIG, true) : SMTP_STEP_MAIL;
}

/* ---- MAIL: as secure as it has to be ---- */

static enum smtp_step
emit_mail(struct smtp *s)
{
    const struct smtp_config *c = s->config;

    assert(s->secure || c->tls != SMTP_TLS_MUST);
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
    return pipelines(s) ? SMTP_STEP_RCPT : SMTP_STEP_END;
}

static enum smtp_step
after_mail(struct smtp *s)
{
    if (s->reply.code == CLOSING)
        return finish(s, FAULT_SENDER_TEMP, false);
    if (s->reply.code >= PERMANENT)
        return finish(s, FAULT_SENDER_PERM, true);
    if (s->reply.code >= TEMPORARY)
        return finish(s, FAULT_SENDER_TEMP, true);
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
    if (!pipelines(s))
        return SMTP_STEP_END;
    return s->recipients_sent < s->config->recipient_count ? SMTP_STEP_RCPT
                                                           : SMTP_STEP_DATA;
}

static enum smtp_step
after_rcpt(struct smtp *s)
{
    if (s->reply.code == CLOSING)
        return died(s, SLICE(""));
    if (s->reply.code >= INTERMEDIATE && s->reply.code < TEMPORARY)
        return unexpected(s);
    s->recipient_verdict = s->reply.code >= PERMANENT   ? 'h'
                           : s->reply.code >= TEMPORARY ? 's'
                                                        : 'r';
    s->recipient_ready = true;
    s->recipients_accepted += s->recipient_verdict == 'r';
    if (++s->recipients_answered < s->config->recipient_count)
        return SMTP_STEP_RCPT;
    if (s->recipients_accepted > 0 || pipelines(s))
        return SMTP_STEP_DATA;
    return finish(s, FAULT_RECIPIENTS, true);
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
        return finish(s, FAULT_RECIPIENTS, true);
    }
    if (s->reply.code == CLOSING)
        return died(s, SLICE(""));
    if (s->reply.code >= PERMANENT)
        return finish(s, FAULT_DATA_PERM, true);
    if (s->reply.code >= TEMPORARY)
        return finish(s, FAULT_DATA_TEMP, true);
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
    if (s->reply.code == CLOSING)
        return died(s, SLICE(""));
    if (s->reply.code >= PERMANENT)
        return finish(s, FAULT_DATA_PERM, true);
    if (s->reply.code >= TEMPORARY)
        return finish(s, FAULT_DATA_TEMP, true);
    return unexpected(s);
}

static enum smtp_step
after_message(struct smtp *s)
{
    if (s->reply_early || !message_was_sent(s))
        return after_early(s);
    if (s->reply.code >= PERMANENT)
        return finish(s, FAULT_BODY_PERM, true);
    if (s->reply.code >= TEMPORARY)
        return finish(s, FAULT_BODY_TEMP, true);
    if (s->reply.code >= INTERMEDIATE)
        return unexpected(s);
    return finish(s, FAULT_ACCEPTED, true);
}

#define ROW(NAME, name, text) \
    [SMTP_STEP_##NAME] = {emit_##name, after_##name, text},
static const struct row rows[] = {SMTP_STEPS(ROW)};

/* ---- the machine ---- */

/* Whether the whole command, or message, was sent that the next reply answers.
 * The greeting answers the connection. */
static bool
command_was_sent(const struct smtp *s)
{
    if (s->step == SMTP_STEP_MESSAGE)
        return message_was_sent(s);
    if (s->commands_answered == s->commands_sent)
        return false;
    return s->tx_offset >= s->ends[s->commands_answered % ENDS_COUNT];
}

static void
emit_more(struct smtp *s)
{
    while (s->emit < SMTP_STEP_SECURE &&
           buf_room(&s->tx) >= SMTP_COMMAND_SIZE_MAX) {
        s->emit = rows[s->emit].emit(s);
        s->ends[s->commands_sent++ % ENDS_COUNT] =
            s->tx_offset + (s->tx.used - s->tx_taken);
    }
    assert(!s->tx.full);
}

static void
drop_tx(struct smtp *s)
{
    buf_reset(&s->tx);
    s->tx_taken = 0;
}

/* A connection that works is left with QUIT, whose reply nobody waits for; in
 * the middle of a message, or of a dead connection, nothing more is sent. */
static void
leave(struct smtp *s)
{
    bool in_message =
        s->body_open || (s->body_ended && s->tx_offset < s->end_offset);
    bool dead = s->fault == FAULT_DIED || s->fault == FAULT_DUPLICATE ||
                s->reply.code == CLOSING;

    s->emit = SMTP_STEP_END;
    if (in_message || dead)
        drop_tx(s);
    else if (!s->body_ended || !pipelines(s))
        buf_put_text(&s->tx, "QUIT\r\n");
}

static void
go(struct smtp *s, enum smtp_step next)
{
    s->step = next;
    if (next == SMTP_STEP_END) {
        leave(s);
        return;
    }
    s->said = false;
    if (s->commands_answered == s->commands_sent && next != SMTP_STEP_SECURE)
        s->emit = next;
    emit_more(s);
}

static enum smtp_step
answer(struct smtp *s)
{
    s->said = true;
    /* 421 may come at any time; the message has a rule of its own. */
    if (s->reply_early && s->reply.code != CLOSING &&
        s->step != SMTP_STEP_MESSAGE)
        return died(s, SLICE("a reply came before its command"));
    s->commands_answered++;
    return rows[s->step].after(s);
}

static void
read_line(struct smtp *s)
{
    const struct smtp_reply *r = &s->reply;

    if (s->step == SMTP_STEP_EHLO && r->code == 250 && r->line_count > 1)
        smtp_features_line(&s->features, buf_slice(&r->line));
}

/* Reads a line at most; returns the bytes it took. */
static size_t
read_some(struct smtp *s, struct slice bytes, int64_t now_ms)
{
    size_t used = 0;

    if (!s->reply_open) {
        smtp_reply_init(&s->reply);
        s->reply_open = true;
        s->reply_early = !command_was_sent(s);
    }
    used = smtp_reply_rx(&s->reply, bytes);
    if (s->reply.state == SMTP_REPLY_BAD) {
        s->said = false;
        go(s, died(s, SLICE("the reply is malformed or too long")));
        return used;
    }
    if (s->reply.state == SMTP_REPLY_MORE)
        return used;
    read_line(s);
    if (s->reply.state == SMTP_REPLY_LINE)
        return used;
    s->reply_open = false;
    s->deadline_ms = now_ms + s->config->timeout_ms;
    go(s, answer(s));
    return used;
}

static void
read_all(struct smtp *s, int64_t now_ms)
{
    size_t used = 0;

    while (used < s->rx_used && s->step < SMTP_STEP_SECURE &&
           !s->recipient_ready)
        used += read_some(s, slice_of(s->rx_bytes + used, s->rx_used - used),
                          now_ms);
    s->rx_used -= used;
    memmove(s->rx_bytes, s->rx_bytes + used, s->rx_used);
    /* What came in clear behind the last clear reply is not the server's
     * word, or not the word of a server to go on with (CVE-2011-0411). */
    if (s->step == SMTP_STEP_SECURE && s->rx_used > 0)
        smtp_lost(s, SLICE("bytes came in clear behind the reply"));
}

/* ---- the verbs ---- */

void
smtp_init(struct smtp *s, const struct smtp_config *config, int64_t now_ms)
{
    size_t skip = offsetof(struct smtp, rx_bytes);

    assert(config->recipient_count > 0);
    assert(config->recipient_count <= RECIPIENT_COUNT_MAX);
    memset(s, 0, skip); /* the big buffers hold nothing */
    s->config = config;
    s->step = SMTP_STEP_GREETING;
    s->emit = SMTP_STEP_END;
    s->commands_sent = 1; /* the connection asks for the greeting */
    s->deadline_ms = now_ms + config->timeout_ms;
    smtp_reply_init(&s->reply);
    buf_init(&s->tx, s->tx_bytes, sizeof(s->tx_bytes));
}

uint32_t
smtp_want(const struct smtp *s)
{
    uint32_t want = 0;

    if (s->recipient_ready)
        return SMTP_WANT_RECIPIENT;
    if (s->step == SMTP_STEP_END)
        return SMTP_WANT_END;
    if (s->step == SMTP_STEP_SECURE)
        return SMTP_WANT_SECURE;
    if (s->rx_used < sizeof(s->rx_bytes))
        want |= SMTP_WANT_RX;
    if (s->tx_taken < s->tx.used)
        want |= SMTP_WANT_TX;
    if (s->body_open && s->tx_taken == 0 && buf_room(&s->tx) >= BODY_ROOM_MIN)
        want |= SMTP_WANT_BODY;
    return want;
}

uint8_t *
smtp_rx(struct smtp *s, size_t *room)
{
    *room = sizeof(s->rx_bytes) - s->rx_used;
    return s->rx_bytes + s->rx_used;
}

void
smtp_rx_ack(struct smtp *s, size_t size, int64_t now_ms)
{
    assert(size <= sizeof(s->rx_bytes) - s->rx_used);
    s->rx_used += size;
    read_all(s, now_ms);
}

struct slice
smtp_tx(const struct smtp *s)
{
    return slice_part(buf_slice(&s->tx), s->tx_taken, s->tx.used);
}

void
smtp_tx_ack(struct smtp *s, size_t size, int64_t now_ms)
{
    assert(size <= s->tx.used - s->tx_taken);
    if (size == 0)
        return;
    s->tx_taken += size;
    s->tx_offset += size;
    s->deadline_ms = now_ms + s->config->timeout_ms;
    if (s->tx_taken < s->tx.used)
        return;
    drop_tx(s);
    emit_more(s);
}

void
smtp_body(struct smtp *s, struct slice *in, bool last)
{
    assert(s->body_open);
    smtp_body_encode(&s->body, in, &s->tx);
    if (in->size > 0 || !last || buf_room(&s->tx) < BODY_ROOM_MIN)
        return;
    if (smtp_body_partial(&s->body)) {
        smtp_abort(s, FAULT_PARTIAL);
        return;
    }
    buf_put_text(&s->tx, ".\r\n");
    s->body_open = false;
    s->body_ended = true;
    s->end_offset = s->tx_offset + (s->tx.used - s->tx_taken);
    if (pipelines(s))
        buf_put_text(&s->tx, "QUIT\r\n");
    assert(!s->tx.full);
}

void
smtp_taken(struct smtp *s, int64_t now_ms)
{
    assert(s->recipient_ready);
    s->recipient_ready = false;
    read_all(s, now_ms);
}

void
smtp_secured(struct smtp *s, int64_t now_ms)
{
    assert(s->step == SMTP_STEP_SECURE && s->rx_used == 0);
    s->secure = true;
    s->deadline_ms = now_ms + s->config->timeout_ms;
    go(s, SMTP_STEP_EHLO);
}

void
smtp_lost(struct smtp *s, struct slice why)
{
    if (s->step == SMTP_STEP_END)
        return;
    s->said = false;
    s->recipient_ready = false;
    go(s, died(s, why));
}

void
smtp_abort(struct smtp *s, enum fault fault)
{
    go(s, finish(s, fault, true));
}

void
smtp_tick(struct smtp *s, int64_t now_ms)
{
    if (now_ms >= s->deadline_ms)
        smtp_lost(s, SLICE("timed out"));
}

const char *
smtp_step_text(enum smtp_step step)
{
    return step < SMTP_STEP_SECURE ? rows[step].text : "TLS";
}
