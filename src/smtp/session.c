/* SPDX-License-Identifier: ISC */
#include "smtp/session.h"

#include <string.h>

#include "base/ascii.h"
#include "base/assert.h"
#include "base/wipe.h"
#include "smtp/steps.h"

enum {
    BODY_ROOM_MIN = 16, /* the end of the message and QUIT, or 4 for a piece */
    ENDS_COUNT = RECIPIENT_COUNT_MAX + 4,
    CODE_SIZE = 3 /* digits of a reply */
};

/* ---- the machine ---- */

/* Replies that the server owes: to commands that were sent whole. The greeting
 * answers the connection; a message begins where the command before it ends. */
static uint32_t
owed(const struct smtp *s)
{
    uint32_t count = 0;

    while (s->commands_answered + count < s->commands_sent &&
           s->tx_offset >= s->ends[(s->commands_answered + count) % ENDS_COUNT])
        count++;
    return count;
}

/* A command ends with what is queued by now. */
static void
end_command(struct smtp *s)
{
    s->ends[s->commands_sent++ % ENDS_COUNT] =
        s->tx_offset + (s->tx.used - s->tx_taken);
}

static void
emit_more(struct smtp *s)
{
    while (s->emit < SMTP_STEP_SECURE &&
           buf_room(&s->tx) >= SMTP_COMMAND_SIZE_MAX) {
        s->emit = smtp_rows[s->emit].emit(s);
        end_command(s);
    }
    assert(!s->tx.full);
}

static void
drop_tx(struct smtp *s)
{
    if (s->tx_secret)
        wipe(s->tx_bytes, s->tx.used);
    s->tx_secret = false;
    buf_reset(&s->tx);
    s->tx_taken = 0;
}

/* A connection that works is left with QUIT, whose reply nobody waits for; in
 * the middle of a message, or of what the server may take for one, or of a dead
 * connection, nothing more is sent. */
static void
leave(struct smtp *s)
{
    bool in_message =
        s->body_open || (s->body_ended && s->tx_offset < s->end_offset);
    bool in_flight =
        s->end == SMTP_END_SYNTAX && s->commands_answered < s->commands_sent;

    s->emit = SMTP_STEP_END;
    if (in_message || in_flight || s->dead)
        drop_tx(s);
    else if (!s->body_ended || !smtp_pipelines(s))
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
    s->said = SLICE("");
    if (s->commands_answered == s->commands_sent && next != SMTP_STEP_SECURE)
        s->emit = next;
    emit_more(s);
}

/* Whole replies in the bytes, but for 421, which may come at any time. */
static uint32_t
count_replies(struct slice bytes)
{
    uint32_t count = 0;
    uint64_t code = 0;

    while (bytes.size > CODE_SIZE) {
        size_t lf = slice_find(bytes, '\n');

        if (lf >= CODE_SIZE && lf < bytes.size &&
            bytes.data[CODE_SIZE] != '-' &&
            ascii_number(slice_part(bytes, 0, CODE_SIZE), UINT64_MAX, &code))
            count += code != SMTP_CLOSING;
        bytes = slice_part(bytes, lf + 1, bytes.size);
    }
    return count;
}

/* The reply at hand is whole, `rest` came behind it. What it is taken for may
 * be another's where more replies than commands are there. */
static enum smtp_step
answer(struct smtp *s, struct slice rest)
{
    enum smtp_step next = SMTP_STEP_END;

    s->said = buf_slice(&s->reply.text);
    s->dead = s->reply.code == SMTP_CLOSING;
    /* 421 may come at any time. */
    if (s->reply_stray && !s->dead)
        return smtp_died(s, SLICE("a reply came before its command"));
    s->commands_answered++;
    next = smtp_rows[s->step].after(s);
    if (s->end == SMTP_END_VERDICT && count_replies(rest) > owed(s))
        return smtp_died(s, SLICE("more replies than commands"));
    return next;
}

static void
read_line(struct smtp *s)
{
    const struct smtp_reply *r = &s->reply;

    if (s->step == SMTP_STEP_EHLO && r->code == 250 && r->line_count > 1)
        smtp_features_line(&s->features, smtp_reply_line(r));
}

/* What a reply quotes of the login goes before anybody sees it. Where the
 * secret is too short to be told from other text, all but the code goes. */
static void
hide_login(struct smtp *s)
{
    struct smtp_reply *r = &s->reply;

    if (!s->quotable)
        return;
    if (smtp_auth_hide(&r->text, s->config->login) &&
        smtp_auth_hide(&r->line, s->config->login))
        return;
    buf_reset(&r->line);
    buf_put_text(&r->line, "***");
    buf_reset(&r->text);
    buf_put_number(&r->text, r->code, CODE_SIZE);
    buf_put_text(&r->text, " ***\n");
}

/* Why there is no reply, with the line at fault. */
static struct slice
quote_line(struct smtp *s)
{
    struct buf why;

    buf_init(&why, s->why_bytes, sizeof(s->why_bytes));
    buf_put_text(&why, "the reply is malformed or too long: \"");
    buf_put(&why, slice_part(slice_chomp(buf_slice(&s->reply.line)), 0,
                             SMTP_QUOTE_SIZE_MAX));
    buf_put_byte(&why, '"');
    return buf_slice(&why);
}

/* Reads a line at most; returns the bytes it took. */
static size_t
read_some(struct smtp *s, struct slice bytes, int64_t now_ms)
{
    size_t used = 0;

    if (!s->reply_open) {
        smtp_reply_init(&s->reply);
        s->reply_open = true;
        s->reply_stray = owed(s) == 0;
        s->reply_early =
            s->step == SMTP_STEP_MESSAGE && !smtp_message_was_sent(s);
    }
    used = smtp_reply_rx(&s->reply, bytes);
    if (s->reply.state == SMTP_REPLY_BAD) {
        hide_login(s);
        s->said = SLICE("");
        go(s, smtp_ended(s, quote_line(s)));
        return used;
    }
    if (s->reply.state == SMTP_REPLY_MORE)
        return used;
    read_line(s);
    if (s->reply.state == SMTP_REPLY_LINE)
        return used;
    hide_login(s);
    s->reply_open = false;
    s->look_ready = s->config->watched;
    s->deadline_ms = now_ms + s->config->timeout_ms;
    go(s, answer(s, slice_part(bytes, used, bytes.size)));
    return used;
}

/* What the shell is to take first, before anything else happens. */
static bool
is_shells_turn(const struct smtp *s)
{
    return s->recipient_ready || s->look_ready;
}

/* Not a byte of a reply to EHLO, in clear: an old server, perhaps, that knows
 * only HELO. */
static void
lose(struct smtp *s, struct slice why, bool timed_out)
{
    bool mute =
        s->step == SMTP_STEP_EHLO && !s->secure && !s->reply_open && !timed_out;

    s->said = SLICE("");
    go(s, smtp_ended(s, why));
    if (mute)
        s->end = SMTP_END_MUTE;
}

static void
read_all(struct smtp *s, int64_t now_ms)
{
    size_t used = 0;

    while (used < s->rx_used && s->step < SMTP_STEP_SECURE &&
           !is_shells_turn(s))
        used += read_some(s, slice_of(s->rx_bytes + used, s->rx_used - used),
                          now_ms);
    s->rx_used -= used;
    memmove(s->rx_bytes, s->rx_bytes + used, s->rx_used);
    /* What came in clear behind the last clear reply is not the server's
     * word, or not the word of a server to go on with (CVE-2011-0411). */
    if (s->step == SMTP_STEP_SECURE && s->rx_used > 0)
        lose(s, SLICE("bytes came in clear behind the reply"), false);
    if (s->lost && !is_shells_turn(s) && s->step < SMTP_STEP_END)
        lose(s, s->lost_why, false);
}

/* ---- the verbs ---- */

void
smtp_init(struct smtp *s, const struct smtp_config *config, int64_t now_ms)
{
    size_t skip = offsetof(struct smtp, why_bytes);

    assert(config->recipient_count > 0);
    assert(config->recipient_count <= RECIPIENT_COUNT_MAX);
    assert(!config->login || config->login->secret.size > 0);
    memset(s, 0, skip); /* the big buffers hold nothing */
    s->config = config;
    s->step =
        config->tls == SMTP_TLS_FIRST ? SMTP_STEP_SECURE : SMTP_STEP_GREETING;
    s->emit = SMTP_STEP_END;
    s->commands_sent = 1; /* the connection asks for the greeting */
    s->deadline_ms = now_ms + config->timeout_ms;
    smtp_reply_init(&s->reply);
    buf_init(&s->refusal, s->refusal_bytes, sizeof(s->refusal_bytes));
    buf_init(&s->tx, s->tx_bytes, sizeof(s->tx_bytes));
}

uint32_t
smtp_want(const struct smtp *s)
{
    uint32_t want = 0;

    if (s->recipient_ready)
        return SMTP_WANT_RECIPIENT;
    if (s->look_ready)
        return SMTP_WANT_LOOK;
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
smtp_sent(struct smtp *s, int64_t now_ms)
{
    s->deadline_ms = now_ms + s->config->timeout_ms;
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
    if (smtp_pipelines(s)) {
        buf_put_text(&s->tx, "QUIT\r\n");
        end_command(s);
    }
    assert(!s->tx.full);
}

void
smtp_taken(struct smtp *s, int64_t now_ms)
{
    assert(s->recipient_ready || s->look_ready);
    s->recipient_ready = s->look_ready = false;
    read_all(s, now_ms);
}

void
smtp_secured(struct smtp *s, bool proved, int64_t now_ms)
{
    assert(s->step == SMTP_STEP_SECURE && s->rx_used == 0 && s->tx.used == 0);
    s->secure = true;
    s->proved = proved;
    s->tx.size = SMTP_SECURE_TX_SIZE; /* more would only take more memory */
    s->deadline_ms = now_ms + s->config->timeout_ms;
    go(s,
       s->config->tls == SMTP_TLS_FIRST ? SMTP_STEP_GREETING : SMTP_STEP_EHLO);
}

void
smtp_lost(struct smtp *s, struct slice why)
{
    if (s->step == SMTP_STEP_END || s->lost)
        return;
    s->lost = is_shells_turn(s);
    s->lost_why = why;
    if (!s->lost)
        lose(s, why, false);
}

void
smtp_abort(struct smtp *s, enum fault fault)
{
    assert(s->body_open);
    go(s, smtp_finish(s, SMTP_END_VERDICT, fault));
}

void
smtp_tick(struct smtp *s, int64_t now_ms)
{
    if (now_ms >= s->deadline_ms && s->step < SMTP_STEP_END &&
        !is_shells_turn(s))
        lose(s, SLICE("timed out"), true);
}

const char *
smtp_step_text(enum smtp_step step)
{
    return step < SMTP_STEP_SECURE ? smtp_rows[step].text : "TLS";
}
