/* SPDX-License-Identifier: ISC */
/*
 * A session as it was heard on the wire: the bytes each side sent, when, and
 * the commands among them.
 *
 * in     the bytes, as they pass
 * out    struct world, struct wire; MUST holds for order and grammar of the
 *        commands and for the message, to the byte
 * bound  WIRE_SIZE bytes a side, the rest is not kept
 * fault  MUST
 */
#ifndef FUZZ_SESSION_RECORD_H
#define FUZZ_SESSION_RECORD_H

#include "fuzz.h"
#include "session_login.h"
#include "smtp/session.h"

enum { WIRE_SIZE = 1 << 18, BIG_SIZE = 40000, COMMANDS_MAX = 128 };

struct encoded {
    uint64_t size; /* as SIZE counts */
    size_t used;
    uint8_t bytes[2 * BIG_SIZE];
};

struct world {
    struct smtp_config config;
    struct slice recipients[RECIPIENT_COUNT_MAX];
    struct slice message;
    size_t given;
    bool utf8; /* an address is not ASCII: the last one, or the sender */
    int64_t now_ms;
    bool secure;
    bool aborted, gone, timed_out; /* what befell it */
    size_t heard_size, clear_size, said_size, said_clear;
    char verdicts[RECIPIENT_COUNT_MAX + 1];
    uint32_t verdict_count;
    const struct encoded *encoded;
    struct smtp_login login;
    bool proved; /* TLS proves what it must */
    bool filled; /* the server has said a long line once */
    /* not cleared */
    struct lines lines; /* of the login */
    uint8_t secret[LOGIN_PIECE_SIZE];
    struct smtp smtp;
    uint8_t heard[WIRE_SIZE], said[WIRE_SIZE];
    uint32_t said_heard[WIRE_SIZE]; /* heard_size when that byte came */
};

static inline const uint8_t *
big_message(void)
{
    static uint8_t bytes[BIG_SIZE];

    for (size_t i = 0; i < BIG_SIZE && bytes[0] == 0; i++)
        bytes[BIG_SIZE - 1 - i] = i % 61 == 0 ? '\n' : i % 61 == 60 ? '.' : 'x';
    return bytes;
}

static inline void
encode_into(struct encoded *e, struct slice message)
{
    bool start = true;

    *e = (struct encoded){0};
    for (size_t i = 0; i < message.size; i++) {
        uint8_t byte = message.data[i];

        if (byte == '\r' && i + 1 < message.size && message.data[i + 1] == '\n')
            continue;
        byte = byte == '\r' ? ' ' : byte;
        if (start && byte == '.')
            e->bytes[e->used++] = '.';
        if (byte == '\n')
            e->bytes[e->used++] = '\r';
        e->bytes[e->used++] = byte;
        e->size += byte == '\n' ? 2 : 1;
        start = byte == '\n';
    }
}

/* The message as it goes on the wire, byte by byte; the big one only once. */
static inline void
encode_message(struct world *w)
{
    static struct encoded small, big;
    bool is_big = w->message.size == BIG_SIZE;

    if (!is_big || big.used == 0)
        encode_into(is_big ? &big : &small, w->message);
    w->encoded = is_big ? &big : &small;
}

static inline bool
message_is_partial(const struct world *w)
{
    return w->message.size > 0 && w->message.data[w->message.size - 1] != '\n';
}

/* ---- the record ---- */

static inline void
note_said(struct world *w, struct slice s)
{
    for (size_t i = 0; i < s.size && w->said_size < WIRE_SIZE; i++) {
        w->said_heard[w->said_size] = (uint32_t)w->heard_size;
        w->said[w->said_size++] = s.data[i];
    }
}

static inline void
note_heard(struct world *w, struct slice s)
{
    MUST(w->heard_size + s.size <= WIRE_SIZE);
    if (s.size > 0)
        memcpy(w->heard + w->heard_size, s.data, s.size);
    w->heard_size += s.size;
}

static inline void
note_verdict(struct world *w)
{
    const struct smtp *s = &w->smtp;
    uint32_t i = w->verdict_count++;

    MUST(i < w->config.recipient_count);
    w->verdicts[i] = s->recipient_verdict;
    MUST(s->recipient_verdict == (s->reply.code < 300   ? 'r'
                                  : s->reply.code < 500 ? 's'
                                                        : 'h'));
    MUST(s->reply.code < 300 || s->reply.code >= 400);
    MUST(s->reply.text.used > 0);
}

static inline bool
contains(struct slice s, const char *text)
{
    size_t size = strlen(text);

    for (size_t i = 0; i + size <= s.size; i++)
        if (memcmp(s.data + i, text, size) == 0)
            return true;
    return false;
}

/* ---- the commands, from the wire ---- */

struct wire {
    uint32_t commands; /* that have a reply, with the connection itself */
    size_t ends[COMMANDS_MAX]; /* where each of them ends */
    uint32_t mail, rcpt, data, quit, starttls, hello, auth;
    bool whole;   /* the message is there to its end */
    bool stopped; /* ... or it stops in its middle */
};

static inline void
count_command(const struct world *w, struct slice rest, struct wire *out)
{
    MUST(out->commands < COMMANDS_MAX);
    out->ends[out->commands++] = (size_t)(rest.data - w->heard);
}

/* The server offered that since the last change of what holds. */
static inline bool
was_offered(const struct world *w, const char *keyword)
{
    size_t from = w->secure ? w->said_clear : 0, size = strlen(keyword);

    for (size_t i = from; i + size <= w->said_size; i++)
        if (slice_equal_nocase(slice_of(w->said + i, size),
                               slice_text(keyword)))
            return true;
    return false;
}

/* Where the message is due: which must be the beginning of ours. */
static inline void
read_message(const struct world *w, struct slice *rest, struct wire *out)
{
    struct slice ours = slice_of(w->encoded->bytes, w->encoded->used);
    struct slice theirs = slice_part(*rest, 0, ours.size);

    /* A last CR is told from a line's end only by what follows it. */
    MUST(slice_equal(theirs, slice_part(ours, 0, theirs.size)));
    *rest = slice_part(*rest, theirs.size, rest->size);
    if (theirs.size < ours.size) {
        MUST(rest->size == 0);
        out->stopped = true;
        return;
    }
    theirs = slice_part(*rest, 0, 3);
    MUST(slice_equal(theirs, slice_part(SLICE(".\r\n"), 0, theirs.size)));
    *rest = slice_part(*rest, 3, rest->size);
    out->whole = theirs.size == 3;
    if (out->whole)
        count_command(w, *rest, out);
}

static inline bool
line_is(struct slice line, const char *start)
{
    return slice_equal(slice_part(line, 0, strlen(start)), slice_text(start));
}

static inline bool
line_ends(struct slice line, const char *end)
{
    size_t size = strlen(end);

    return line.size >= size &&
           slice_equal(slice_part(line, line.size - size, line.size),
                       slice_text(end));
}

static inline void
read_envelope(const struct world *w, struct slice line, struct wire *out)
{
    static const char *const paths[] = {"RCPT TO:<r0@b.example>",
                                        "RCPT TO:<\"a b\"@c.example>",
                                        "RCPT TO:<r2@[192.0.2.1]>"};
    bool null = w->config.sender.size == 0;
    const char *path = paths[out->rcpt % 3];

    MUST(out->hello > 0 && (!w->config.login || out->auth > 0));
    if (line_is(line, "MAIL")) {
        MUST(line_is(line, null      ? "MAIL FROM:<>"
                           : w->utf8 ? "MAIL FROM:<s\xc3\xbc@a.example>"
                                     : "MAIL FROM:<s@a.example>"));
        MUST(line_ends(line, " SMTPUTF8") == w->utf8);
        MUST(!w->utf8 || was_offered(w, "SMTPUTF8"));
        MUST(out->mail++ == 0);
        MUST(!contains(line, "SIZE=") ||
             (was_offered(w, "SIZE") && !w->config.careful));
        MUST(!contains(line, "BODY=") ||
             (was_offered(w, "8BITMIME") && !w->config.careful));
        return;
    }
    MUST(out->mail == 1 && out->data == 0);
    out->rcpt++;
    if (w->utf8 && null && out->rcpt == w->config.recipient_count)
        path = "RCPT TO:<r\xc3\xbc@b.example>";
    MUST(slice_equal(line, slice_text(path)));
}

/* For the login: only a mechanism that was offered, and to whom it may be said;
 * of the lines behind it which is due is checked by the rules. */
static inline void
read_login(const struct world *w, struct slice line, struct wire *out)
{
    static const struct {
        const char *name;
        bool token;
        enum line response;
    } ours[] = {{"PLAIN", false, LINE_PLAIN},
                {"LOGIN", false, LINE_USER},
                {"XOAUTH2", true, LINE_XOAUTH2},
                {"OAUTHBEARER", true, LINE_BEARER}};
    bool known = !line_is(line, "AUTH ");

    MUST(w->config.login && out->hello > 0 && out->mail == 0);
    MUST(w->config.unproved || (w->secure && w->proved));
    if (known) {
        MUST(out->auth > 0 && find_line(&w->lines, line) < LOGIN_LINE_COUNT);
        return;
    }
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        known =
            known ||
            (ours[i].token == w->login.token && was_offered(w, ours[i].name) &&
             is_auth_command(&w->lines, line, ours[i].name, ours[i].response));
    MUST(known && ++out->auth <= 2);
}

/* One line of ours, whole, without its end. */
static inline void
read_command(const struct world *w, struct slice line, struct slice *rest,
             struct wire *out)
{
    MUST(out->quit == 0);
    count_command(w, *rest, out);
    if (line_is(line, "EHLO ") || line_is(line, "HELO ")) {
        MUST(slice_equal(slice_part(line, 5, line.size), w->config.helo));
        MUST(out->mail == 0);
        out->hello++;
    } else if (slice_equal(line, SLICE("STARTTLS"))) {
        MUST(out->starttls++ == 0 && out->mail == 0 && out->hello > 0);
    } else if (line_is(line, "MAIL") || line_is(line, "RCPT")) {
        read_envelope(w, line, out);
    } else if (slice_equal(line, SLICE("DATA"))) {
        MUST(out->rcpt == w->config.recipient_count);
        MUST(out->data++ == 0);
    } else if (slice_equal(line, SLICE("QUIT"))) {
        out->quit++;
        out->commands--;
    } else {
        read_login(w, line, out);
    }
}

/* DATA is answered before the message begins, so a message to nobody is a dot
 * alone, and after DATA comes it or QUIT. */
static inline bool
after_data(const struct world *w, struct slice *rest, struct wire *out)
{
    const struct smtp *s = &w->smtp;

    if (out->data == 0 || out->whole || out->stopped || rest->size == 0)
        return false;
    if (w->smtp.recipients_accepted > 0 && (s->body_open || s->body_ended)) {
        read_message(w, rest, out);
        return true;
    }
    if (rest->data[0] != '.')
        return false;
    MUST(slice_equal(slice_part(*rest, 0, 3),
                     slice_part(SLICE(".\r\n"), 0, rest->size)));
    *rest = slice_part(*rest, 3, rest->size);
    out->stopped = true;
    return true;
}

static inline void
read_wire(const struct world *w, struct wire *out)
{
    struct slice rest = slice_of(w->heard, w->heard_size);

    *out = (struct wire){.commands = 1};
    while (rest.size > 0) {
        size_t lf = slice_find(rest, '\n');
        struct slice line = slice_part(rest, 0, lf);

        if (w->secure && rest.data == w->heard + w->clear_size)
            out->hello = 0;
        if (after_data(w, &rest, out))
            continue;
        if (lf == rest.size)
            return; /* cut */
        rest = slice_part(rest, lf + 1, rest.size);
        MUST(line.size > 0 && line.data[line.size - 1] == '\r');
        line = slice_part(line, 0, line.size - 1);
        MUST(slice_find(line, '\r') == line.size);
        read_command(w, line, &rest, out);
    }
}

#endif
