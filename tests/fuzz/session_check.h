/* SPDX-License-Identifier: ISC */
/*
 * What is true of every session, whatever the server does: a record of what
 * both sides said, read by other code than the engine's.
 *
 * in     the bytes each side sent, with the moment; the verdicts
 * out    MUST holds: order and grammar of the commands, the message to the
 *        byte, who may be told K, D, possible duplicate
 * bound  WIRE_SIZE bytes a side, the rest is not kept
 * fault  MUST
 */
#ifndef FUZZ_SESSION_CHECK_H
#define FUZZ_SESSION_CHECK_H

#include "fuzz.h"
#include "smtp/session.h"

enum { WIRE_SIZE = 1 << 18, BIG_SIZE = 40000, COMMANDS_MAX = 128 };

/* What goes on the wire with DATA, and with BDAT. */
struct encoded {
    size_t stuffed_size, chunk_size;
    uint8_t stuffed[2 * BIG_SIZE], chunk[2 * BIG_SIZE];
};

struct world {
    struct smtp_config config;
    struct slice recipients[RECIPIENT_COUNT_MAX];
    struct slice message;
    uint64_t size; /* of the message, as SIZE has it */
    size_t given;
    int64_t now_ms;
    bool secure, aborted;
    size_t heard_size, clear_size, said_size, said_clear;
    char verdicts[RECIPIENT_COUNT_MAX + 1];
    uint32_t verdict_codes[RECIPIENT_COUNT_MAX];
    uint32_t verdict_count;
    const struct encoded *encoded;
    /* not cleared */
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

    e->stuffed_size = e->chunk_size = 0;
    for (size_t i = 0; i < message.size; i++) {
        uint8_t byte = message.data[i];

        if (byte == '\r' && i + 1 < message.size && message.data[i + 1] == '\n')
            continue;
        byte = byte == '\r' ? ' ' : byte;
        if (start && byte == '.')
            e->stuffed[e->stuffed_size++] = '.';
        if (byte == '\n')
            e->stuffed[e->stuffed_size++] = e->chunk[e->chunk_size++] = '\r';
        e->stuffed[e->stuffed_size++] = e->chunk[e->chunk_size++] = byte;
        start = byte == '\n';
    }
}

/* Both forms of the message, byte by byte; of the big one only once. */
static inline void
encode_message(struct world *w)
{
    static struct encoded small, big;
    bool is_big = w->message.size == BIG_SIZE;

    if (!is_big || big.chunk_size == 0)
        encode_into(is_big ? &big : &small, w->message);
    w->encoded = is_big ? &big : &small;
    w->size = w->encoded->chunk_size;
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
    w->verdict_codes[i] = s->reply.code;
    MUST(s->recipient_verdict == (s->reply.code < 300   ? 'r'
                                  : s->reply.code < 500 ? 's'
                                                        : 'h'));
    MUST(s->reply.code < 300 || s->reply.code >= 400);
    MUST(s->reply.text.used > 0);
}

/* ---- at any time ---- */

static inline bool
contains(struct slice s, const char *text)
{
    size_t size = strlen(text);

    for (size_t i = 0; i + size <= s.size; i++)
        if (memcmp(s.data + i, text, size) == 0)
            return true;
    return false;
}

/* No envelope in clear, not even ready to be sent. */
static inline void
check_visible(const struct world *w, struct slice tx)
{
    if (w->config.tls != SMTP_TLS_MUST || w->secure)
        return;
    MUST(!contains(tx, "MAIL") && !contains(tx, "RCPT"));
    MUST(!contains(tx, "DATA") && !contains(tx, "BDAT"));
}

static inline void
check_always(const struct world *w)
{
    const struct smtp *s = &w->smtp;

    MUST(s->tx.used <= SMTP_TX_SIZE && s->tx_taken <= s->tx.used);
    MUST(!s->tx.full && s->rx_used <= SMTP_RX_SIZE);
    MUST(s->commands_answered <= s->commands_sent);
    MUST(s->recipients_sent <= w->config.recipient_count);
    MUST(s->recipients_answered <= w->config.recipient_count);
    MUST(s->deadline_ms <= w->now_ms + w->config.timeout_ms);
    check_visible(w, smtp_tx(s));
    if (smtp_want(s) & SMTP_WANT_SECURE)
        MUST(s->rx_used == 0 && smtp_tx(s).size == 0);
}

/* TLS is to begin: STARTTLS was the last word and its 220 the only answer. */
static inline void
check_clear_end(struct world *w)
{
    struct slice heard = slice_of(w->heard, w->heard_size);
    size_t size = sizeof("STARTTLS\r\n") - 1;

    MUST(!w->secure && w->config.tls != SMTP_TLS_OFF);
    MUST(heard.size >= size);
    MUST(slice_equal(slice_part(heard, heard.size - size, heard.size),
                     SLICE("STARTTLS\r\n")));
    MUST(smtp_tx(&w->smtp).size == 0 && w->smtp.rx_used == 0);
    w->clear_size = w->heard_size;
    w->said_clear = w->said_size;
}

/* ---- the commands, from the wire ---- */

struct wire {
    uint32_t commands; /* that have a reply, with the connection itself */
    size_t ends[COMMANDS_MAX]; /* where each of them ends */
    uint32_t mail, rcpt, data, bdat, quit, starttls, hello;
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
read_message(const struct world *w, struct slice *rest, bool chunk,
             struct wire *out)
{
    struct slice ours =
        chunk ? slice_of(w->encoded->chunk, w->encoded->chunk_size)
              : slice_of(w->encoded->stuffed, w->encoded->stuffed_size);
    struct slice theirs = slice_part(*rest, 0, ours.size);

    /* A last CR is told from a line's end only by what follows it. */
    MUST(slice_equal(theirs, slice_part(ours, 0, theirs.size)));
    *rest = slice_part(*rest, theirs.size, rest->size);
    if (chunk) {
        out->whole = theirs.size >= w->config.size;
        out->ends[out->commands - 1] = (size_t)(rest->data - w->heard);
    }
    if (theirs.size < ours.size) {
        MUST(rest->size == 0);
        out->stopped = true;
    }
    if (chunk || out->stopped)
        return;
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

static inline void
read_envelope(const struct world *w, struct slice line, struct wire *out)
{
    static const char *const paths[] = {"RCPT TO:<r0@b.example>",
                                        "RCPT TO:<\"a b\"@c.example>",
                                        "RCPT TO:<r2@[192.0.2.1]>"};

    MUST(out->hello > 0);
    if (line_is(line, "MAIL")) {
        MUST(line_is(line, w->config.sender.size ? "MAIL FROM:<s@a.example>"
                                                 : "MAIL FROM:<>"));
        MUST(out->mail++ == 0);
        MUST(!contains(line, "SIZE=") || was_offered(w, "SIZE"));
        MUST(!contains(line, "BODY=") || was_offered(w, "8BITMIME"));
        return;
    }
    MUST(out->mail == 1 && out->data + out->bdat == 0);
    MUST(slice_equal(line, slice_text(paths[out->rcpt % 3])));
    out->rcpt++;
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
        MUST(out->data++ == 0 && out->bdat == 0);
    } else if (line_is(line, "BDAT ")) {
        MUST(out->rcpt == w->config.recipient_count);
        MUST(out->bdat++ == 0 && out->data == 0);
        MUST(was_offered(w, "CHUNKING"));
        read_message(w, rest, true, out);
    } else {
        MUST(slice_equal(line, SLICE("QUIT")));
        out->quit++;
        out->commands--;
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
        read_message(w, rest, false, out);
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

/* ---- the replies, from the wire ---- */

struct replies {
    uint32_t count;
    uint32_t last_code;
    uint32_t code_before; /* that */
    bool early; /* one of them began before its command had been heard */
};

static inline void
read_replies(const struct world *w, const struct wire *wire,
             struct replies *out)
{
    size_t size = w->said_size - w->smtp.rx_used, start = 0, began = 0;
    bool first = true;

    *out = (struct replies){0};
    for (size_t i = 0; i < size; i++) {
        const uint8_t *line = w->said + start;

        if (w->said[i] != '\n')
            continue;
        if (first)
            began = w->said_heard[start];
        first = !(i - start > 3 && line[3] == '-');
        if (first) {
            out->early |=
                out->count >= wire->commands || began < wire->ends[out->count];
            out->count++;
            out->code_before = out->last_code;
            out->last_code = (uint32_t)(line[0] - '0') * 100 +
                             (uint32_t)(line[1] - '0') * 10 +
                             (uint32_t)(line[2] - '0');
        }
        start = i + 1;
    }
}

/* ---- at the end ---- */

static inline void
check_accepted(const struct world *w, const struct wire *wire,
               const struct replies *replies)
{
    MUST(wire->whole && w->given == w->message.size);
    MUST(!message_is_partial(w));
    MUST(replies->last_code >= 200 && replies->last_code < 300);
    MUST(!replies->early);
    MUST(replies->count == wire->commands);
    MUST(strchr(w->verdicts, 'r'));
    MUST(w->verdict_count == w->config.recipient_count);
    MUST(w->config.tls != SMTP_TLS_MUST || w->secure);
    MUST(w->smtp.said && w->smtp.final && w->smtp.secure == w->secure);
}

/* A D is the server's word, or the message's fault. */
static inline void
check_refused(const struct world *w, const struct replies *replies)
{
    const struct smtp *s = &w->smtp;

    MUST(s->final);
    switch (s->fault) {
    case FAULT_PARTIAL:
        MUST(message_is_partial(w));
        return;
    case FAULT_TOO_BIG:
        MUST(s->features.size_max > 0 && w->config.survey &&
             w->config.size > s->features.size_max);
        return;
    case FAULT_RECIPIENTS:
        MUST(!strchr(w->verdicts, 'r'));
        MUST(w->verdict_count == w->config.recipient_count);
        return;
    default:
        MUST(s->fault == FAULT_SENDER_PERM || s->fault == FAULT_DATA_PERM ||
             s->fault == FAULT_BODY_PERM);
        MUST(s->said && s->reply.code >= 500 && replies->last_code >= 500);
    }
}

/* Nothing a server may have taken is tried again by this run. */
static inline void
check_died(const struct world *w, const struct wire *wire)
{
    const struct smtp *s = &w->smtp;
    bool refused = s->recipients_accepted == 0 &&
                   s->recipients_answered + 1 >= w->config.recipient_count;

    if (s->fault == FAULT_DUPLICATE)
        MUST(s->final && wire->whole);
    if (s->fault == FAULT_DIED)
        MUST(!s->final && (!wire->whole || refused));
    if (!s->final && wire->whole && s->fault != FAULT_DIED)
        MUST(s->careful_wanted || s->fault == FAULT_SENDER_TEMP);
}

/* BDAT was refused, by the last reply or by the last before QUIT's. */
static inline void
check_careful(const struct wire *wire, const struct replies *replies)
{
    uint32_t code = replies->last_code;
    bool goodbye = code == 221 || code >= 400;

    if (goodbye && (code < 500 || code > 504))
        code = replies->code_before;
    MUST(code >= 500 && code <= 504 && wire->bdat == 1);
}

static inline void
check_end(struct world *w)
{
    struct smtp *s = &w->smtp;
    const struct fault_row *row = fault_row(s->fault);
    enum fault fault = s->fault;
    bool final = s->final;
    struct replies replies;
    struct wire wire;

    MUST(fault != FAULT_OK && fault < FAULT_COUNT);
    MUST(smtp_step_text(s->fault_step)[0] != '\0');
    MUST(!s->body_open || smtp_tx(s).size == 0);
    read_wire(w, &wire);
    read_replies(w, &wire, &replies);
    if (fault == FAULT_ACCEPTED)
        check_accepted(w, &wire, &replies);
    else if (row->class == 'D')
        check_refused(w, &replies);
    else
        check_died(w, &wire);
    MUST((row->class == 'K') == (fault == FAULT_ACCEPTED));
    if (s->careful_wanted)
        check_careful(&wire, &replies);
    if (w->config.careful)
        MUST(wire.bdat == 0);
    /* A chunk is of a file that ended in a line end when it was opened. */
    if (fault == FAULT_MESSAGE)
        MUST(w->aborted || w->config.size != w->size || message_is_partial(w));
    MUST(!w->secure || s->secure);
    /* It stays so. */
    note_heard(w, smtp_tx(s));
    smtp_tx_ack(s, smtp_tx(s).size, w->now_ms);
    smtp_lost(s, SLICE("later"));
    smtp_tick(s, INT64_MAX);
    MUST(smtp_want(s) == SMTP_WANT_END && s->fault == fault);
    MUST(s->final == final && smtp_tx(s).size == 0);
    read_wire(w, &wire);
}

#endif
