/* SPDX-License-Identifier: ISC */
#include "smtp/session.h"

#include <string.h>

#include "base/assert.h"
#include "smtp/steps.h"

enum {
    BODY_ROOM_MIN = 16, /* the end of the message and QUIT, or 4 for a piece */
    ENDS_COUNT = RECIPIENT_COUNT_MAX + 4
};

/* ---- the machine ---- */

static bool
is_message_step(const struct smtp *s)
{
    return s->step == SMTP_STEP_MESSAGE || s->step == SMTP_STEP_BDAT;
}

/* Whether the whole command was sent that the next reply answers. The greeting
 * answers the connection; a message begins where the command before it ends. */
static bool
command_was_sent(const struct smtp *s)
{
    if (s->commands_answered == s->commands_sent)
        return false;
    return s->tx_offset >= s->ends[s->commands_answered % ENDS_COUNT];
}

static void
emit_more(struct smtp *s)
{
    while (s->emit < SMTP_STEP_SECURE &&
           buf_room(&s->tx) >= SMTP_COMMAND_SIZE_MAX) {
        s->emit = smtp_rows[s->emit].emit(s);
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
                s->reply.code == SMTP_CLOSING;

    s->emit = SMTP_STEP_END;
    if (in_message || dead)
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
    s->said = false;
    if (s->commands_answered == s->commands_sent && next != SMTP_STEP_SECURE)
        s->emit = next;
    emit_more(s);
}

static enum smtp_step
answer(struct smtp *s)
{
    s->said = true;
    /* 421 may come at any time. */
    if (s->reply_stray && s->reply.code != SMTP_CLOSING)
        return smtp_died(s, SLICE("a reply came before its command"));
    s->commands_answered++;
    return smtp_rows[s->step].after(s);
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
        s->reply_stray = !command_was_sent(s);
        s->reply_early = is_message_step(s) && !smtp_message_was_sent(s);
    }
    used = smtp_reply_rx(&s->reply, bytes);
    if (s->reply.state == SMTP_REPLY_BAD) {
        s->said = false;
        go(s, smtp_died(s, SLICE("the reply is malformed or too long")));
        return used;
    }
    if (s->reply.state == SMTP_REPLY_MORE)
        return used;
    read_line(s);
    if (s->reply.state == SMTP_REPLY_LINE)
        return used;
    s->reply_open = false;
    s->look_ready = s->config->watched;
    s->deadline_ms = now_ms + s->config->timeout_ms;
    go(s, answer(s));
    return used;
}

static void
read_all(struct smtp *s, int64_t now_ms)
{
    size_t used = 0;

    while (used < s->rx_used && s->step < SMTP_STEP_SECURE &&
           !s->recipient_ready && !s->look_ready)
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

/* Of BDAT: not what was announced. The file changed under our hands. */
static bool
is_miscounted(const struct smtp *s, bool ended)
{
    if (!s->body.plain)
        return false;
    return s->body_size > s->config->size ||
           (ended && s->body_size < s->config->size);
}

void
smtp_body(struct smtp *s, struct slice *in, bool last)
{
    size_t used = s->tx.used;

    assert(s->body_open);
    smtp_body_encode(&s->body, in, &s->tx);
    s->body_size += s->tx.used - used;
    if (is_miscounted(s, last && in->size == 0)) {
        smtp_abort(s, FAULT_MESSAGE);
        return;
    }
    if (in->size > 0 || !last || buf_room(&s->tx) < BODY_ROOM_MIN)
        return;
    if (smtp_body_partial(&s->body)) {
        smtp_abort(s, FAULT_PARTIAL);
        return;
    }
    if (!s->body.plain)
        buf_put_text(&s->tx, ".\r\n");
    s->body_open = false;
    s->body_ended = true;
    s->end_offset = s->tx_offset + (s->tx.used - s->tx_taken);
    if (smtp_pipelines(s))
        buf_put_text(&s->tx, "QUIT\r\n");
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
smtp_secured(struct smtp *s, int64_t now_ms)
{
    assert(s->step == SMTP_STEP_SECURE && s->rx_used == 0 && s->tx.used == 0);
    s->secure = true;
    s->tx.size = SMTP_SECURE_TX_SIZE; /* more would only take more memory */
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
    /* Nobody says more: BDAT was refused. */
    go(s, s->step == SMTP_STEP_QUIT ? smtp_again(s) : smtp_died(s, why));
}

void
smtp_abort(struct smtp *s, enum fault fault)
{
    /* What the server may have whole is not our failure alone. */
    if (smtp_message_was_sent(s))
        fault = FAULT_DUPLICATE;
    go(s, smtp_finish(s, fault, true));
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
    return step < SMTP_STEP_SECURE ? smtp_rows[step].text : "TLS";
}
