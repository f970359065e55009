/* SPDX-License-Identifier: ISC */
/*
 * Sessions with any server: operations say what it sends, in which pieces, and
 * what befalls the connection; session_check.h judges the whole at the end.
 */
#include "session_check.h"

enum { STEP_COUNT_MAX = 600 };

/* ---- the configuration ---- */

/* How it logs in, and what else only a relay needs. */
static void
set_login(struct world *w, struct slice *in)
{
    static const char *const secrets[] = {"hunter22-x", "q", "{Zq}9/+="};
    uint8_t how = fuzz_u8(in), which = how >> 4 & 3;

    if (how & 64)
        w->config.tls = SMTP_TLS_FIRST;
    if (how & 8)
        w->config.hello = SMTP_HELLO_ONLY;
    if (how & 128)
        return;
    for (size_t i = 0; i < sizeof(w->secret); i++)
        w->secret[i] = (uint8_t)('!' + i * i % 89);
    w->login = (struct smtp_login){
        .user = SLICE("user"),
        .secret = which == 3 ? slice_of(w->secret, sizeof(w->secret))
                             : slice_text(secrets[which]),
        .token = how & 1,
        .host = SLICE("relay.example"),
        .port = 587};
    w->config.unproved = how & 2;
    w->proved = how & 4;
    w->config.login = &w->login;
    make_lines(&w->lines, &w->login);
    make_bearer(&w->lines, &w->login, "user");
    memset(w->smtp.tx_bytes, 0, 2 * LOGIN_LINE_SIZE);
}

static void
set_up(struct world *w, struct slice *in)
{
    static const char *const names[] = {"r0@b.example", "a b@c.example",
                                        "r2@[192.0.2.1]"};
    uint8_t flags = fuzz_u8(in), more = fuzz_u8(in);
    struct smtp_config *c = &w->config;

    memset(w, 0, offsetof(struct world, lines));
    c->helo = SLICE("me.example");
    c->sender = more & 1 ? SLICE("") : SLICE("s@a.example");
    c->recipients = w->recipients;
    c->recipient_count = 1 + (flags & 3);
    if (c->recipient_count == 4)
        c->recipient_count = more & 2 ? RECIPIENT_COUNT_MAX : 3;
    for (uint32_t i = 0; i < c->recipient_count; i++)
        w->recipients[i] = slice_text(names[i % 3]);
    /* The bit says nothing else then. */
    w->utf8 = (flags & 3) < 3 && more & 2;
    if (w->utf8 && c->sender.size > 0)
        c->sender = SLICE("s\xc3\xbc@a.example");
    else if (w->utf8)
        w->recipients[c->recipient_count - 1] = SLICE("r\xc3\xbc@b.example");
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
    if ((more & 0x48) == 0x08)
        set_login(w, in);
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
        "250-8BITMIME\r\n", "250-SIZE\r\n",       "250-SMTPUTF8\r\n",
        "250-SIZE "};
    uint8_t bytes[256];
    struct buf b;

    buf_init(&b, bytes, sizeof(bytes));
    buf_put_text(&b, "250-mx.example\r\n");
    for (uint32_t i = 0; i < 5; i++)
        if (offers >> i & 1)
            buf_put_text(&b, words[i]);
    if (offers >> 6 & 1)
        buf_put_text(&b, words[5]);
    if (offers >> 5 & 1) {
        buf_put_text(&b, words[6]);
        buf_put_number(&b, limit, 1);
        buf_put_text(&b, "\r\n");
    }
    buf_put_text(&b, "250 ok\r\n");
    say(w, buf_slice(&b), piece);
}

/* A reply that quotes a piece of what the login says. */
static void
say_quote(struct world *w, struct slice *in, size_t piece)
{
    static const uint16_t codes[] = {535, 235, 334, 550, 250, 421, 504, 451};
    static uint8_t bytes[2 * REPLY_TEXT_SIZE_MAX];
    uint8_t how = fuzz_u8(in), which = fuzz_u8(in);
    size_t from = fuzz_u8(in), size = fuzz_u8(in);
    struct slice quote =
        which & 4 ? w->login.secret : line_of(&w->lines, which & 3);
    struct buf b;

    buf_init(&b, bytes, sizeof(bytes));
    buf_put_number(&b, codes[how & 7], 3);
    buf_put_text(&b, how & 8 ? "-" : " ");
    if (how & 16 && !w->filled) {
        w->filled = true;
        while (b.used < REPLY_TEXT_SIZE_MAX - size)
            buf_put_byte(&b, '.');
    }
    quote = which & 8 ? slice_part(quote, from, from + size) : quote;
    for (size_t i = 0; i < quote.size; i++) {
        uint8_t byte = quote.data[i];
        bool small = byte >= 'a' && byte <= 'z';

        buf_put_byte(&b, (uint8_t)(which & 16 && small ? byte - 32 : byte));
    }
    buf_put_text(&b, "\r\n");
    say(w, slice_part(buf_slice(&b), how & 32 ? 4 : 0, b.used), piece);
}

/* Mechanisms on offer. */
static void
say_auth(struct world *w, uint8_t offers, size_t piece)
{
    static const char *const words[] = {" PLAIN", " login", " XOAUTH2",
                                        " OAUTHBEARER", " NTLM"};
    uint8_t bytes[256];
    struct buf b;

    buf_init(&b, bytes, sizeof(bytes));
    buf_put_text(&b, offers & 32 ? "250-mx\r\n250-PIPELINING\r\n250-AUTH"
                                 : "250-mx\r\n250-AUTH=X");
    for (uint32_t i = 0; i < 5; i++)
        if (offers >> i & 1)
            buf_put_text(&b, words[i]);
    buf_put_text(&b, offers & 64 ? "\r\n250 STARTTLS\r\n" : "\r\n250 ok\r\n");
    say(w, buf_slice(&b), piece);
}

/* The reply that a friendly server has for the step. */
static void
say_kindly(struct world *w, size_t piece)
{
    static const uint16_t codes[] = {
        [SMTP_STEP_GREETING] = 220, [SMTP_STEP_EHLO] = 250,
        [SMTP_STEP_HELO] = 250,     [SMTP_STEP_STARTTLS] = 220,
        [SMTP_STEP_AUTH] = 334,     [SMTP_STEP_RESPONSE] = 235,
        [SMTP_STEP_CANCEL] = 501,   [SMTP_STEP_MAIL] = 250,
        [SMTP_STEP_RCPT] = 250,     [SMTP_STEP_DATA] = 354,
        [SMTP_STEP_MESSAGE] = 250};

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
        check_secret(w);
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
    smtp_secured(&w->smtp, w->proved, w->now_ms);
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

    switch (w->config.login || (op & 15) < 14 ? op & 15 : 13) {
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
    case 14:
        say_auth(w, fuzz_u8(in), piece);
        break;
    case 15:
        say_quote(w, in, piece);
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
