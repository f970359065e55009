/* SPDX-License-Identifier: ISC */
/*
 * A mail server that follows a script, and the shell of a session with it.
 *
 * in     a scene, and a script of lines:
 *          > text   the server says a line; several in a row are one segment
 *          ~ text   the server says bytes without a line end
 *          |        a segment ends here
 *          < text   the client says a line; all it has to say now is compared
 *          = text   what the client was made to send so far, not more
 *          ! send n, lost, timeout, abort, secured    what befalls the session
 * out    whether the client said just that and ended as expected, in every
 *        way to split what both say
 * bound  SENT_SIZE bytes between two comparisons
 * fault  false; what was expected and what was there is printed
 */
#ifndef UNIT_SMTP_SERVER_H
#define UNIT_SMTP_SERVER_H

#include "smtp/session.h"

#include <stdlib.h>

#include "test.h"

enum {
    SENT_SIZE = 1 << 20,
    TEXT_SIZE = 1 << 16,
    NAME_SIZE = 32,
    TIMEOUT_MS = 1200000,
    START_MS = 5000
};

#define GREETED "> 220 mx.example ESMTP\n< EHLO me.example\n"
#define MAIL_SENT "< MAIL FROM:<s@a.example>\n"
#define RCPT_SENT "< RCPT TO:<r0@b.example>\n"
#define RCPT_2_SENT "< RCPT TO:<r1@b.example>\n"
#define BODY_SENT "< hi\n< .\n"
/* Lock-step, up to where the reply to this is due. */
#define AT_MAIL GREETED "> 250 mx.example\n" MAIL_SENT
#define AT_RCPT AT_MAIL "> 250 ok\n" RCPT_SENT
#define AT_DATA AT_RCPT "> 250 ok\n< DATA\n"
#define IN_BODY AT_DATA "> 354 go\n"
#define AT_END IN_BODY BODY_SENT
#define QUIT "< QUIT\n"
#define LOST "! lost\n"
#define TIMEOUT "! timeout\n"

struct scene {
    uint32_t recipient_count; /* 0: one */
    uint32_t utf8_recipient;  /* the which-th has an address in UTF-8 */
    const char *message;      /* NULL: "hi\n" */
    struct slice sender;      /* empty: s@a.example */
    bool null_sender;
    bool pipe_waits; /* the message may go on: its end is not known */
    struct smtp_config config;
};

struct server {
    struct smtp smtp;
    struct smtp_config config;
    struct slice recipients[RECIPIENT_COUNT_MAX];
    char names[RECIPIENT_COUNT_MAX][NAME_SIZE];
    struct slice rest; /* of the message */
    bool pipe_waits;
    size_t tx_piece, rx_piece, body_piece;
    int64_t now_ms;
    struct buf sent; /* not compared yet */
    struct buf text;
    struct buf seen; /* of a watched session */
    char verdicts[RECIPIENT_COUNT_MAX + 1];
    uint32_t verdict_count;
    uint8_t sent_bytes[SENT_SIZE];
    uint8_t text_bytes[TEXT_SIZE];
    uint8_t seen_bytes[NAME_SIZE];
};

static struct scene scene;
static struct server server;

static void
server_init(size_t tx_piece, size_t rx_piece, size_t body_piece)
{
    struct server *v = &server;

    v->config = scene.config;
    v->config.helo = SLICE("me.example");
    v->config.sender = scene.sender.size || scene.null_sender
                           ? scene.sender
                           : SLICE("s@a.example");
    v->config.recipients = v->recipients;
    v->config.recipient_count =
        scene.recipient_count ? scene.recipient_count : 1;
    v->config.timeout_ms = TIMEOUT_MS;
    for (uint32_t i = 0; i < v->config.recipient_count; i++) {
        snprintf(v->names[i], NAME_SIZE, "r%u%s@b.example", (unsigned)i,
                 i + 1 == scene.utf8_recipient ? "\xc3\xbc" : "");
        v->recipients[i] = slice_text(v->names[i]);
    }
    v->rest = slice_text(scene.message ? scene.message : "hi\n");
    v->pipe_waits = scene.pipe_waits;
    v->tx_piece = tx_piece;
    v->rx_piece = rx_piece;
    v->body_piece = body_piece;
    v->now_ms = START_MS;
    v->verdict_count = 0;
    memset(v->verdicts, 0, sizeof(v->verdicts));
    buf_init(&v->sent, v->sent_bytes, sizeof(v->sent_bytes));
    buf_init(&v->text, v->text_bytes, sizeof(v->text_bytes));
    buf_init(&v->seen, v->seen_bytes, sizeof(v->seen_bytes));
    smtp_init(&v->smtp, &v->config, v->now_ms);
}

/* The codes of the replies of a watched session, one behind the other. */
static void
server_look(struct server *v)
{
    buf_put_number(&v->seen, v->smtp.reply.code, 1);
    buf_put_byte(&v->seen, v->smtp.secure ? '+' : ' ');
}

static void
server_take_verdicts(struct server *v)
{
    while (smtp_want(&v->smtp) & (SMTP_WANT_RECIPIENT | SMTP_WANT_LOOK)) {
        if (smtp_want(&v->smtp) & SMTP_WANT_RECIPIENT)
            v->verdicts[v->verdict_count++] = v->smtp.recipient_verdict;
        else
            server_look(v);
        smtp_taken(&v->smtp, v->now_ms);
    }
}

/* Gives the session a piece of the message; false: there is none now. */
static bool
server_fill(struct server *v)
{
    struct slice piece = slice_part(v->rest, 0, v->body_piece);
    size_t size = piece.size;
    bool last = size == v->rest.size && !v->pipe_waits;

    if (size == 0 && !last)
        return false;
    smtp_body(&v->smtp, &piece, last);
    v->rest = slice_part(v->rest, size - piece.size, v->rest.size);
    return true;
}

/* Lets the client send `max` bytes at most; returns how many it did. */
static size_t
server_hear(struct server *v, size_t max)
{
    struct slice tx;

    server_take_verdicts(v);
    while (smtp_want(&v->smtp) & SMTP_WANT_BODY &&
           !(smtp_want(&v->smtp) & SMTP_WANT_TX) && server_fill(v))
        continue;
    tx = smtp_tx(&v->smtp);
    tx = slice_part(tx, 0, v->tx_piece < max ? v->tx_piece : max);
    buf_put(&v->sent, tx);
    smtp_tx_ack(&v->smtp, tx.size, v->now_ms);
    return tx.size;
}

static void
server_say(struct server *v, struct slice s)
{
    while (s.size > 0) {
        size_t room = 0, size;
        uint8_t *at;

        server_take_verdicts(v);
        if (smtp_want(&v->smtp) & (SMTP_WANT_END | SMTP_WANT_SECURE))
            break;
        at = smtp_rx(&v->smtp, &room);
        size = room < v->rx_piece ? room : v->rx_piece;
        size = size < s.size ? size : s.size;
        memcpy(at, s.data, size);
        smtp_rx_ack(&v->smtp, size, v->now_ms);
        s = slice_part(s, size, s.size);
    }
    server_take_verdicts(v);
}

static bool
server_sent(struct server *v, struct slice expected)
{
    bool same = !v->sent.full && slice_equal(buf_slice(&v->sent), expected);

    if (!same)
        printf("expected <%.*s>\nsent <%.*s>\n", (int)expected.size,
               (const char *)expected.data, (int)v->sent.used,
               (const char *)v->sent.data);
    buf_reset(&v->sent);
    return same;
}

static void
server_do(struct server *v, const char *verb)
{
    if (strncmp(verb, "send ", 5) == 0) {
        size_t left = (size_t)atoi(verb + 5), n = 1;

        for (; left > 0 && n > 0; left -= n)
            n = server_hear(v, left);
    } else if (strncmp(verb, "lost", 4) == 0) {
        smtp_lost(&v->smtp, SLICE("gone"));
    } else if (strncmp(verb, "timeout", 7) == 0) {
        v->now_ms = v->smtp.deadline_ms;
        smtp_tick(&v->smtp, v->now_ms);
    } else if (strncmp(verb, "abort", 5) == 0) {
        smtp_abort(&v->smtp, FAULT_MESSAGE);
    } else if (smtp_want(&v->smtp) & SMTP_WANT_SECURE) {
        smtp_secured(&v->smtp, true, v->now_ms);
    } else {
        printf("not to be secured\n");
    }
}

/* What the lines gathered in v->text mean. */
static bool
server_act(struct server *v, char kind)
{
    struct slice text = buf_slice(&v->text);
    bool fine = true;

    if (kind == '>') {
        server_say(v, text);
    } else if (kind == '<') {
        while (server_hear(v, SIZE_MAX) > 0)
            continue;
        fine = server_sent(v, text);
    } else if (kind == '=') {
        fine = server_sent(v, text);
    }
    buf_reset(&v->text);
    return fine;
}

static bool
server_play(const char *script)
{
    struct server *v = &server;
    struct slice rest = slice_text(script);
    char kind = '|';

    while (rest.size > 0) {
        size_t lf = slice_find(rest, '\n');
        struct slice line = slice_part(rest, 0, lf);
        char next = (char)line.data[0] == '~' ? '>' : (char)line.data[0];

        if (next != kind && !server_act(v, kind))
            return false;
        kind = next;
        if (kind == '!')
            server_do(v, (const char *)line.data + 2);
        buf_put(&v->text, slice_part(line, 2, line.size));
        if (line.data[0] == '>' || line.data[0] == '<')
            buf_put_text(&v->text, "\r\n");
        rest = slice_part(rest, lf + 1, rest.size);
    }
    return server_act(v, kind);
}

/* The session is over so, and nothing that follows changes that. */
static bool
server_over(enum smtp_end end, enum fault fault, const char *verdicts)
{
    struct server *v = &server;
    struct smtp *s = &v->smtp;
    bool fine = smtp_want(s) == SMTP_WANT_END && s->fault == fault &&
                s->end == end && strcmp(v->verdicts, verdicts) == 0;

    if (!fine)
        printf("ended=%d %d %s verdicts=%s\n", smtp_want(s) == SMTP_WANT_END,
               (int)s->end, fault_row(s->fault)->name, v->verdicts);
    while (server_hear(v, SIZE_MAX) > 0)
        continue;
    fine = server_sent(v, SLICE("")) && fine;
    smtp_lost(s, SLICE("later"));
    smtp_tick(s, INT64_MAX);
    return fine && smtp_want(s) == SMTP_WANT_END && s->fault == fault &&
           s->end == end;
}

/* The script ends so when all comes in the pieces given. */
static bool
ends_in(const char *script, size_t tx_piece, size_t rx_piece)
{
    server_init(tx_piece, rx_piece, tx_piece);
    return server_play(script);
}

/* As ends, but what the server says in a row is one segment. */
static inline bool
ends_at_once(const char *script, enum smtp_end end, enum fault fault,
             const char *verdicts)
{
    return ends_in(script, SIZE_MAX, SIZE_MAX) &&
           server_over(end, fault, verdicts);
}

static bool
ends(const char *script, enum smtp_end end, enum fault fault,
     const char *verdicts)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 3};

    for (size_t i = 0; i < 9; i++)
        if (!ends_in(script, pieces[i % 3], pieces[i / 3]) ||
            !server_over(end, fault, verdicts)) {
            printf("in pieces of %zu and %zu\n", pieces[i % 3], pieces[i / 3]);
            return false;
        }
    return true;
}

/* What the report shows as the server's words, or "". */
static bool
said(const char *text)
{
    return slice_equal(server.smtp.said, slice_text(text));
}

/* The connection is of no use any more from this point on; `lost` apart. */
static inline bool
dies_so(const char *script, enum smtp_end end, enum fault fault,
        const char *verdicts)
{
    static const char *const ends_of_it[] = {
        TIMEOUT,
        "> 2x0 what\n",
        "> 99 what\n",
        "> 650 what\n",
        "> 550-a\n> 250 b\n",
        "~ 250 ok\n! lost\n",
        "~ 25\n! timeout\n",
    };
    char whole[TEXT_SIZE];

    for (size_t i = 0; i < sizeof(ends_of_it) / sizeof(ends_of_it[0]); i++) {
        snprintf(whole, sizeof(whole), "%s%s", script, ends_of_it[i]);
        if (!ends(whole, end, fault, verdicts) || server.smtp.why.size == 0)
            return false;
    }
    return true;
}

/* Dies at this point like a dropped connection, however it comes about. */
static inline bool
dies(const char *script, const char *verdicts)
{
    char whole[TEXT_SIZE];

    snprintf(whole, sizeof(whole), "%s%s", script, LOST);
    return dies_so(script, SMTP_END_DIED, FAULT_DIED, verdicts) && said("") &&
           ends(whole, SMTP_END_DIED, FAULT_DIED, verdicts) &&
           slice_equal(server.smtp.why, SLICE("gone"));
}

/* The codes, one a word, each end the script so with the server's words. */
static inline bool
codes(const char *script, const char *words, const char *after,
      enum smtp_end end, enum fault fault)
{
    for (; *words; words += 4) {
        char whole[TEXT_SIZE], reply[NAME_SIZE];

        snprintf(whole, sizeof(whole), "%s> %.3s-no\n> %.3s why\n%s", script,
                 words, words, after);
        snprintf(reply, sizeof(reply), "%.3s-no\n%.3s why\n", words, words);
        if (!ends(whole, end, fault, "") || !said(reply))
            return false;
    }
    return true;
}

#endif
