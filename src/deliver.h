/* SPDX-License-Identifier: ISC */
/*
 * The fourth stage: walks the candidates until one session decides.
 *
 * in     const struct job, const struct targets, the message
 * out    the outcome; recipients' verdicts in the report
 * bound  SESSION_COUNT_MAX sessions a pass, two passes at strictness 1
 * fault  the outcome of the session that decided, or of the one that got
 *        furthest
 */
#ifndef DELIVER_H
#define DELIVER_H

#include <stdalign.h>

#include "anchors.h"
#include "connect.h"
#include "job.h"
#include "link.h"
#include "message.h"
#include "outcome.h"
#include "qmail/report.h"
#include "resolve.h"
#include "smtp/session.h"
#include "tcpto.h"
#include "tls/tls.h"

enum deliver_manner {
    DELIVER_MAIL,
    DELIVER_DRY,    /* all of it but MAIL; FAULT_OK: it would be said */
    DELIVER_WATCHED /* one session; its replies, and certificates that would be
                       refused, are told and change nothing */
};

/* What the stage is given. */
struct delivery {
    const struct job *job;
    const struct targets *targets;
    struct message *message;
    struct qmail_report *report;
    struct tcpto *tcpto;
};

/* Why there is no TLS with a candidate, for the line that says so once the
 * same candidate has been talked to in clear. */
struct deliver_note {
    uint32_t index;
    struct buf why;
    uint8_t why_bytes[TLS_REASON_SIZE_MAX];
};

/* Memory that only this stage needs. */
struct deliver_work {
    /* First: resolve_work's pages, which exist already, are its own. */
    alignas(16) uint8_t arena[TLS_ARENA_SIZE];
    struct delivery given;
    enum deliver_manner manner;
    struct smtp_config config;
    struct link link;
    struct connect connect;
    struct anchors_work anchors;
    struct outcome attempt;   /* of the session at hand */
    enum smtp_tls tls_manner; /* of the session at hand */
    bool careful;             /* likewise: a flight was not understood before */
    bool tls_ready;
    bool tls_found; /* there is a candidate that TLS works with */
    uint32_t note_count;
    struct deliver_note notes[SESSION_COUNT_MAX]; /* one a session at most */
    struct tls tls;
    struct smtp smtp; /* its end, which few messages fill, is no other's page */
};

void deliver(const struct delivery *d, enum deliver_manner manner,
             struct deliver_work *w, struct outcome *out);

/* The pieces of one session, for the probe, which stops between them:
 * deliver_init once, then begin, pump_run and secure, end. */
void deliver_init(struct deliver_work *w, const struct delivery *d,
                  enum deliver_manner manner);
void deliver_begin(struct deliver_work *w, uint32_t index, int fd);
/* False: w->link.why; or w->attempt.fault where TLS cannot be set up at all. */
bool deliver_secure(struct deliver_work *w, uint32_t index);
/* The verdict is in w->attempt; false: TLS failed, of w->smtp.why. */
bool deliver_end(struct deliver_work *w, uint32_t index);

#endif
