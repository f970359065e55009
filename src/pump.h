/* SPDX-License-Identifier: ISC */
/*
 * Moves bytes between a link, a session and the message until the session
 * ends, wants TLS, or has a reply to look at.
 *
 * in     a fresh link and session
 * out    both, moved on; recipients' verdicts in the report
 * bound  the session's deadlines
 * fault  none of its own: the session has it
 */
#ifndef PUMP_H
#define PUMP_H

#include "base/addr.h"
#include "link.h"
#include "message.h"
#include "policy/course.h"
#include "qmail/report.h"
#include "smtp/session.h"

struct pump {
    struct link *link;
    struct smtp *smtp;
    struct message *message;
    struct qmail_report *report;
    const struct addr *ip;
    const struct policy_manner *manner; /* which refusals are verdicts */
};

/* Until SMTP_WANT_END, _SECURE or _LOOK. */
void pump_run(struct pump *p);

#endif
