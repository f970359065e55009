/* SPDX-License-Identifier: ISC */
/*
 * Where rules meet: kinds of replies, and ways for a connection to end, to be
 * crossed with each command.
 *
 * in     a session of smtp_server.h
 * out    how it ended, against what was wanted
 * bound  CUT_COUNT places in a reply
 * fault  false; what was wanted and what was there is printed
 */
#ifndef UNIT_SMTP_CROSS_H
#define UNIT_SMTP_CROSS_H

#include "smtp_server.h"

enum { LINE_SIZE = 32 };

struct outcome {
    enum smtp_end end; /* SMTP_END_NONE: it goes on */
    enum fault fault;
};

/* ---- replies ---- */

#define KINDS(X)        \
    X(GREET, "220")     \
    X(FINE, "250")      \
    X(BYE, "221")       \
    X(GO, "354")        \
    X(ODD, "399")       \
    X(LATER, "450")     \
    X(BUSY, "421")      \
    X(WHAT, "500")      \
    X(UNKNOWN, "504")   \
    X(PARAMETER, "555") \
    X(NO, "550")        \
    X(NEVER, "505")

#define KIND(NAME, code) NAME,
enum kind { KINDS(KIND) KIND_COUNT };
#undef KIND
#define CODE(NAME, code) code,
static const char *const codes_of[] = {KINDS(CODE)};
#undef CODE

static inline bool
is_positive(enum kind k)
{
    return k <= BYE;
}

static inline bool
is_refusal(enum kind k)
{
    return k >= LATER;
}

static inline bool
is_permanent(enum kind k)
{
    return k >= WHAT;
}

static inline bool
is_not_understood(enum kind k)
{
    return k == WHAT || k == UNKNOWN || k == PARAMETER;
}

/* ---- ways for a connection to end ---- */

enum death { CLOSED, SILENT, SAYS_421, RUBBISH, DEATH_COUNT };

/* After `size` bytes of the reply that is due. */
static inline void
die(enum death way, const char *code, size_t size)
{
    char line[LINE_SIZE];

    snprintf(line, sizeof(line), "%s-x\r\n%s y\r\n", code, code);
    server_say(&server, slice_of(line, size));
    if (way == CLOSED) {
        smtp_lost(&server.smtp, SLICE("gone"));
    } else if (way == SILENT) {
        server.now_ms = server.smtp.deadline_ms;
        smtp_tick(&server.smtp, server.now_ms);
    } else {
        server_say(&server,
                   way == RUBBISH ? SLICE("w\r\n\r\n") : SLICE("421 bye\r\n"));
    }
    server_take_verdicts(&server);
}

/* Of the eleven bytes before the last line end. */
enum { CUT_COUNT = 11 };

/* A 421 is one only where a line may begin. */
static inline bool
can_die(enum death way, size_t size)
{
    return way != SAYS_421 || size == 0;
}

static inline void
hear_all(void)
{
    while (server_hear(&server, SIZE_MAX) > 0)
        continue;
}

static inline bool
ended_so(const struct outcome *o, const char *verdicts)
{
    const struct smtp *s = &server.smtp;

    server_take_verdicts(&server);
    if (smtp_want(s) == SMTP_WANT_END && s->end == o->end &&
        s->fault == o->fault && strcmp(server.verdicts, verdicts) == 0)
        return true;
    printf("wanted %d %s %s; got %d %s %s\n", (int)o->end,
           fault_row(o->fault)->name, verdicts, (int)s->end,
           fault_row(s->fault)->name, server.verdicts);
    return false;
}

/* The last command is QUIT, or not, and nothing is sent behind it. */
static inline bool
quits(bool wanted)
{
    struct slice all, tail;
    bool is_there = false;

    hear_all();
    all = buf_slice(&server.sent);
    tail = slice_part(all, all.size < 6 ? 0 : all.size - 6, all.size);
    is_there = slice_equal(tail, SLICE("QUIT\r\n"));
    if (is_there != wanted)
        printf("QUIT: wanted %d\n", wanted);
    return is_there == wanted;
}

#endif
