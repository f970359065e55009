/* SPDX-License-Identifier: ISC */
/*
 * Sessions with any server: operations say what it sends, in which pieces, and
 * what befalls the connection; session_check.h judges the whole at the end.
 */
#include "session_check.h"

enum { STEP_COUNT_MAX = 600 };

/* ---- the configuration ---- */

static void
set_up(struct world *w, struct slice *in)
{
    static const char *const names[] = {"r0@b.example", "a b@c.example",
                                        "r2@[192.0.2.1]"};
    uint8_t flags = fuzz_u8(in), more = fuzz_u8(in);
    struct smtp_config *c = &w->config;

    memset(w, 0, offsetof(struct world, smtp));
    c->helo = SLICE("me.example");
    c->sender = more & 1 ? SLICE("") : SLICE("s@a.example");
    c->recipients = w->recipients;
    c->recipient_count = 1 + (flags & 3);
    if (c->recipient_count == 4)
        c->recipient_count = more & 2 ? RECIPIENT_COUNT_MAX : 3;
    for (uint32_t i = 0; i < c->recipient_count; i++)
        w->recipients[i] = slice_text(names[i % 3]);
    c->timeout_ms = 1000;
    c->tls = (enum smtp_tls)((flags >> 2) % 3);
    c->careful = flags & 16;
    c->survey = flags & 32;
    c->eight_bit = flags & 64;
    w->message = fuzz_take(in, fuzz_u8(in) % 64);
    if (more & 4)
        w->message = SLICE("a\n.b\n\nc\r\n");
    if ((more & 0x48) == 0x48)
        w->message = slice_of(big_message(), BIG_SIZE);
    encode_message(w);
    c->size = more & 16 ? fuzz_u8(in) : w->encoded->size;
    c->hello = more & 32 ? SMTP_HELLO_HELO : SMTP_HELLO_EHLO;
    c->watched = flags & 128;
    c->dry = more & 128;
    w->now_ms = 5000;
    smtp_init(&w->smtp, c, w->now_ms);
}

/* ---- the server ---- */

static void
say(struct world *w, struct slice s, size_t piece)
{
    while (s.size > 0) {
        size_t room = 0, size = 0;
        int64_t deadline_ms = 0;
        uint32_t answered = 0;
        uint8_t *at = NULL;

        if (!(smtp_want(&w->smtp) & SMTP_WANT_RX))
            return;
        at = smtp_rx(&w->smtp, &room);
        MUST(room > 0 && room <= SMTP_RX_SIZE);
        size = s.size < piece ? s.size : piece;
        size = size < room ? size : room;
        memcpy(at, s.data, size);
        note_said(w, slice_part(s, 0, size));
        deadline_ms = w->smtp.deadline_ms;
        answered = w->smtp.commands_answered;
        smtp_rx_ack(&w->smtp, size, w->now_ms);
        /* Bytes are no progress, replies are. */
        MUST(w->smtp.deadline_ms == deadline_ms ||
             w->smtp.commands_answered > answered ||
             smtp_want(&w->smtp) & (SMTP_WANT_LOOK | SMTP_WANT_END));
        s = slice_part(s, size, s.size);
    }
}

/* A reply of some lines with that code. */
static void
say_code(struct world *w, uint32_t code, uint8_t lines, size_t piece)
{
    uint8_t bytes[256];
    struct buf b;

    buf_init(&b, bytes, sizeof(bytes));
    for (uint32_t i = 0; i <= lines; i++) {
        buf_put_number(&b, code, 3);
        buf_put_text(&b, i < lines ? "-x\r\n" : " y\r\n");
    }
    say(w, buf_slice(&b), piece);
}

static void
say_hello(struct world *w, uint8_t offers, uint8_t limit, size_t piece)
{
    static const char *const words[] = {
        "250-STARTTLS\r\n", "250-PIPELINING\r\n", "250-XPIPELINING\r\n",
        "250-8BITMIME\r\n", "250-SIZE\r\n",       "250-SIZE "};
    uint8_t bytes[256];
    struct buf b;

    buf_init(&b, bytes, sizeof(bytes));
    buf_put_text(&b, "250-mx.example\r\n");
    for (uint32_t i = 0; i < 6; i++)
        if (offers >> i & 1)
            buf_put_text(&b, words[i]);
    if (offers >> 5 & 1) {
        buf_put_number(&b, limit, 1);
        buf_put_text(&b, "\r\n");
    }
    buf_put_text(&b, "250 ok\r\n");
    say(w, buf_slice(&b), piece);
}

/* The reply that a friendly server has for the step. */
static void
say_kindly(struct world *w, size_t piece)
{
    static const uint16_t codes[] = {
        [SMTP_STEP_GREETING] = 220, [SMTP_STEP_EHLO] = 250,
        [SMTP_STEP_HELO] = 250,     [SMTP_STEP_STARTTLS] = 220,
        [SMTP_STEP_MAIL] = 250,     [SMTP_STEP_RCPT] = 250,
        [SMTP_STEP_DATA] = 354,     [SMTP_STEP_MESSAGE] = 250};

    if (w->smtp.step < SMTP_STEP_SECURE)
        say_code(w, codes[w->smtp.step], 0, piece);
}

/* ---- the shell ---- */

static void
hear(struct world *w, size_t max)
{
    struct slice tx = smtp_tx(&w->smtp);

    check_visible(w, tx);
    if (!(smtp_want(&w->smtp) & (SMTP_WANT_TX | SMTP_WANT_END)))
        return;
    tx = slice_part(tx, 0, max);
    note_heard(w, tx);
    smtp_tx_ack(&w->smtp, tx.size, w->now_ms);
}

static void
give(struct world *w, size_t max)
{
    struct slice rest, piece;
    bool last = false;

    if (!(smtp_want(&w->smtp) & SMTP_WANT_BODY))
        return;
    rest = slice_part(w->message, w->given, w->message.size);
    piece = slice_part(rest, 0, max);
    last = piece.size == rest.size;
    max = piece.size;
    smtp_body(&w->smtp, &piece, last);
    MUST(piece.size <= max);
    w->given += max - piece.size;
}

static void
take(struct world *w)
{
    uint32_t want = smtp_want(&w->smtp);

    for (; want & (SMTP_WANT_RECIPIENT | SMTP_WANT_LOOK);
         want = smtp_want(&w->smtp)) {
        MUST(want == SMTP_WANT_RECIPIENT || want == SMTP_WANT_LOOK);
        if (want == SMTP_WANT_RECIPIENT)
            note_verdict(w);
        smtp_taken(&w->smtp, w->now_ms);
    }
}

static void
secure(struct world *w, bool works)
{
    if (!(smtp_want(&w->smtp) & SMTP_WANT_SECURE))
        return;
    MUST(smtp_want(&w->smtp) == SMTP_WANT_SECURE);
    check_clear_end(w);
    if (!works) {
        w->gone = true;
        smtp_lost(&w->smtp, SLICE("no TLS"));
        return;
    }
    w->secure = true;
    smtp_secured(&w->smtp, true, w->now_ms);
}

/* What was received and not taken yet still counts. */
static void
befall(struct world *w, uint8_t what)
{
    uint32_t waits =
        smtp_want(&w->smtp) & (SMTP_WANT_RECIPIENT | SMTP_WANT_LOOK);

    if (what == 0) {
        w->now_ms = w->smtp.deadline_ms;
        w->timed_out = waits == 0;
        smtp_tick(&w->smtp, w->now_ms);
        MUST(smtp_want(&w->smtp) == (waits ? waits : SMTP_WANT_END));
    } else if (what == 1) {
        w->gone = true;
        smtp_lost(&w->smtp, SLICE("gone"));
        MUST(smtp_want(&w->smtp) == (waits ? waits : SMTP_WANT_END));
    } else if (what == 2 && smtp_want(&w->smtp) & SMTP_WANT_BODY) {
        w->aborted = true;
        smtp_abort(&w->smtp, FAULT_MESSAGE);
        MUST(smtp_want(&w->smtp) == SMTP_WANT_END);
    } else {
        int64_t left = w->smtp.deadline_ms - w->now_ms;

        w->now_ms += left > what ? what : 0;
        smtp_tick(&w->smtp, w->now_ms);
        w->timed_out = smtp_want(&w->smtp) == SMTP_WANT_END;
    }
}

/* A friendly round: all that is due, then one reply. */
static void
go_on(struct world *w)
{
    secure(w, true);
    while (smtp_want(&w->smtp) & (SMTP_WANT_BODY | SMTP_WANT_TX)) {
        give(w, SIZE_MAX);
        hear(w, SIZE_MAX);
    }
    say_kindly(w, SIZE_MAX);
}

static void
operate(struct world *w, struct slice *in)
{
    uint8_t op = fuzz_u8(in);
    size_t piece = op & 0x80 ? 1 + fuzz_u8(in) % 8u : SIZE_MAX;

    switch (op & 15) {
    case 0:
    case 1:
        go_on(w);
        break;
    case 2:
        say_kindly(w, piece);
        break;
    case 3:
        say_code(w, 200u + fuzz_u16(in) % 400u, op >> 4 & 3, piece);
        break;
    case 4:
        say(w, fuzz_take(in, 1 + 4u * (op >> 4 & 7)), piece);
        break;
    case 5:
        op = fuzz_u8(in);
        say_hello(w, op, fuzz_u8(in), piece);
        break;
    case 6:
        if ((op & 0x50) == 0x50) /* all but one byte */
            hear(w, smtp_tx(&w->smtp).size - (smtp_tx(&w->smtp).size > 0));
        else
            hear(w, op & 0x40 ? SIZE_MAX : fuzz_u8(in));
        break;
    case 7:
        give(w, op & 0x40 ? SIZE_MAX : fuzz_u8(in));
        break;
    case 8:
        secure(w, op >> 4);
        break;
    case 9:
        befall(w, fuzz_u8(in));
        break;
    case 10:
        say_code(w, 400u + 100u * (op >> 4 & 1), 0, piece);
        break;
    case 11:
        say_code(w, op & 16 ? 421 : 250, 0, piece);
        break;
    case 12:
        say_code(w, op & 16 ? 354 : 502, 0, piece);
        break;
    default:
        say_code(w, op & 16 ? 550 : 451, 0, piece);
        break;
    }
    /* The shell may see to something else first. */
    if ((op & 0x4c) != 0x4c)
        take(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct slice in = slice_of(data, size);

    set_up(&w, &in);
    for (uint32_t i = 0; i < STEP_COUNT_MAX && in.size > 0; i++) {
        uint32_t want = smtp_want(&w.smtp);

        MUST(want != 0 && (want == SMTP_WANT_END || !(want & SMTP_WANT_END)));
        if (want == SMTP_WANT_END)
            break;
        operate(&w, &in);
        check_always(&w);
    }
    if (smtp_want(&w.smtp) == SMTP_WANT_END)
        check_end(&w);
    return 0;
}
