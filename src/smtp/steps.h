/* SPDX-License-Identifier: ISC */
/*
 * What is said at each step of a session, and what the reply to it leads to:
 * the table behind smtp/session.h, and for that file alone.
 *
 * in     the session; `reply` is whole when `after` is called
 * out    commands in `tx`; the next step
 * bound  a command has SMTP_COMMAND_SIZE_MAX octets
 * fault  smtp_finish, smtp_died and smtp_ended put it into the session
 */
#ifndef SMTP_STEPS_H
#define SMTP_STEPS_H

#include "smtp/session.h"

enum { SMTP_CLOSING = 421 }; /* the server closes the connection */

struct smtp_row {
    /* Queues the command; returns the step whose command may follow in the
     * same flight, or SMTP_STEP_END. */
    enum smtp_step (*emit)(struct smtp *);
    /* Reads the reply; returns the step whose reply comes next. */
    enum smtp_step (*after)(struct smtp *);
    const char *text;
};

/* By step; those of SMTP_STEPS only. */
extern const struct smtp_row smtp_rows[];

/* Several commands go in one flight. */
bool smtp_pipelines(const struct smtp *s);
/* The server may have the whole message. */
bool smtp_message_was_sent(const struct smtp *s);
/* These return SMTP_STEP_END. */
enum smtp_step smtp_finish(struct smtp *s, enum smtp_end end, enum fault fault);
/* The connection is of no use any more: a protocol error, or ... */
enum smtp_step smtp_died(struct smtp *s, struct slice why);
/* ... it ended, or what comes is no reply: what was said before stands. */
enum smtp_step smtp_ended(struct smtp *s, struct slice why);

#endif
