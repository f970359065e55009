/* SPDX-License-Identifier: ISC */
/*
 * Walks the candidates until one session decides. policy/course.h says what
 * each must prove, how it is held and where its end leads; this obeys.
 *
 * in     const struct job, targets that may still grow, the message
 * out    the outcome; recipients' verdicts in the report
 * bound  SESSION_COUNT_MAX sessions a pass that count, none begun later than
 *        policy_pass_ms after the first; two passes at strictness 1
 * fault  the outcome of the session that decided, or of the one that got
 *        furthest
 */
#ifndef DELIVER_H
#define DELIVER_H

#include <stdalign.h>

#include "anchors.h"
#include "job.h"
#include "link.h"
#include "message.h"
#include "outcome.h"
#include "policy/course.h"
#include "qmail/report.h"
#include "seek.h"
#include "sessions.h"
#include "smtp/session.h"
#include "tcpto.h"
#include "tls/tls.h"

enum deliver_manner {
    DELIVER_MAIL,
    DELIVER_DRY,    /* all of it but MAIL; FAULT_OK: it would be said */
    DELIVER_WATCHED /* one session; its replies, and certificates that would be
                       refused, are told and change nothing */
};

/* Memory of a session. */
struct deliver_work {
    /* First: resolve_work's pages, which exist already, are its own. */
    alignas(16) uint8_t arena[TLS_ARENA_SIZE];
    struct smtp_config config;
    struct smtp_login login;
    struct link link;
    struct anchors_work anchors;
    struct tls tls;
    struct smtp smtp; /* its end, which few messages fill, is no other's page */
};

/* What the stage is given. */
struct delivery {
    const struct job *job;
    struct targets *targets;
    struct message *message;
    struct qmail_report *report;
    struct tcpto *tcpto;
    struct resolve_work *looks; /* in the place of */
    struct deliver_work *work;
    struct sessions *sessions;
};

/* What is known of a candidate from an earlier session. */
struct deliver_note {
    bool broken;               /* its TLS */
    bool refused;              /* our login was, in a watched session, ... */
    enum policy_end login_end; /* ... which ended so */
    uint8_t why_size;          /* 0: nothing was wrong */
    uint8_t why[TLS_NOTE_SIZE_MAX];
};

struct deliver {
    struct delivery given;
    enum deliver_manner manner;
    struct policy_demand demand;  /* of the candidate at hand */
    struct policy_manner session; /* how the one at hand is held */
    struct policy_tally tally;    /* of the pass at hand */
    struct connect connect;
    struct tls_dane dane;   /* of its peer */
    struct outcome attempt; /* of the session at hand */
    bool tls_ready;         /* the arena holds what tls_init made */
    bool client_checked;    /* the client's key fits its certificate */
    struct deliver_note notes[CANDIDATE_COUNT_MAX];
};

/* Whether the client certificate, if there is one, can be used; before the
 * look-ups have their memory. */
bool deliver_check(const struct delivery *given, struct deliver *d,
                   struct outcome *out);
/* Begins the look-ups, by names where these may have to be proved. */
enum fault deliver_resolve(const struct delivery *given);
/* Behind that. */
void deliver(const struct delivery *given, enum deliver_manner manner,
             struct deliver *d, struct outcome *out);

/* The pieces of one session, for the probe, which stops between them:
 * deliver_init once, then begin, pump_run and secure, end. */
void deliver_init(struct deliver *d, const struct delivery *given,
                  enum deliver_manner manner);
void deliver_begin(struct deliver *d, uint32_t index, int fd);
/* TLS is up; the peer has proved what was looked at. */
bool deliver_is_proved(const struct deliver *d);
/* False: work->link.why; or attempt.fault where TLS cannot be set up at all. */
bool deliver_secure(struct deliver *d, uint32_t index);
/* The verdict is in attempt. */
enum policy_end deliver_end(struct deliver *d, uint32_t index);

#endif
