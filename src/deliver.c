/* SPDX-License-Identifier: ISC */
#include "deliver.h"

#include "base/assert.h"
#include "pump.h"

enum next {
    NEXT_CANDIDATE, /* the session decided nothing */
    NEXT_CLEAR,     /* the same one again, without TLS */
    NEXT_CAREFUL,   /* the same one again, in lock-step and with DATA */
    NEXT_REPORT     /* the session decided */
};

/* ---- texts ---- */

static struct deliver_note *
find_note(struct deliver_work *w, uint32_t index)
{
    for (uint32_t i = 0; i < w->note_count; i++)
        if (w->notes[i].index == index)
            return &w->notes[i];
    return NULL;
}

static void
note_tls_failure(struct deliver_work *w, uint32_t index, struct slice why)
{
    struct deliver_note *note = find_note(w, index);

    if (!note) {
        assert(w->note_count < SESSION_COUNT_MAX);
        note = &w->notes[w->note_count++];
        note->index = index;
    }
    buf_init(&note->why, note->why_bytes, sizeof(note->why_bytes));
    outcome_put(&note->why, why);
}

static void
put_starttls(struct deliver_work *w, uint32_t index)
{
    struct buf *out = &w->attempt.starttls;
    const struct deliver_note *note = find_note(w, index);
    bool verified = w->given.job->tls_strictness == 2;

    buf_reset(out);
    if (w->smtp.secure) {
        outcome_put_text(out, "STARTTLS proto=");
        outcome_put(out, w->tls.proto);
        outcome_put_text(out, "; cipher=");
        outcome_put(out, w->tls.cipher);
        outcome_put_text(out, verified ? "; verify=verified;"
                                       : "; verify=unverified;");
    } else if (note) {
        outcome_put_text(out, "STARTTLS failed: ");
        outcome_put(out, buf_slice(&note->why));
        outcome_put_text(out, ";");
    }
}

static void
put_too_big(struct deliver_work *w)
{
    struct buf *out = &w->attempt.why;

    buf_put_number(out, w->config.size, 1);
    outcome_put_text(out, " bytes, limit ");
    buf_put_number(out, w->smtp.features.size_max, 1);
}

/* Whether the last reply belongs to the verdict: it does not where the verdict
 * is about what the reply to EHLO offers, or sums up those to RCPT. */
static bool
has_said(enum fault fault)
{
    return fault != FAULT_OK && fault != FAULT_RECIPIENTS &&
           fault != FAULT_TOO_BIG && fault != FAULT_TLS_ABSENT;
}

/* The session's verdict and what the server said to it. */
static void
put_session(struct deliver_work *w)
{
    struct smtp *s = &w->smtp;
    struct outcome *o = &w->attempt;

    o->fault = s->fault;
    o->progress = 1 + s->fault_step + (s->secure ? SMTP_STEP_END : 0);
    if (s->said && has_said(s->fault))
        outcome_put(&o->said, buf_slice(&s->reply.text));
    if (s->fault == FAULT_TOO_BIG)
        put_too_big(w);
    if (s->why.size == 0)
        return;
    outcome_put_text(&o->detail, "At ");
    outcome_put_text(&o->detail, smtp_step_text(s->fault_step));
    outcome_put_text(&o->detail, ": ");
    outcome_put(&o->detail, s->why);
}

/* ---- TLS ---- */

static bool
prepare_tls(struct deliver_work *w)
{
    const struct job *job = w->given.job;
    uint8_t entropy[TLS_ENTROPY_SIZE];
    bool watched = w->manner == DELIVER_WATCHED;
    bool told = watched && job->anchors_fd != OS_NONE;
    struct tls_config config = {.verify = told || job->tls_strictness == 2,
                                .tell = watched,
                                .arena = w->arena,
                                .arena_size = sizeof(w->arena)};

    if (w->tls_ready)
        return true;
    if (job->client_cert.used > 0) {
        config.client_cert = buf_slice(&job->client_cert);
        config.client_key = buf_slice(&job->client_key);
    }
    if (!os_random_key(entropy, sizeof(entropy),
                       os_now_ms() + (int64_t)job->remote_timeout_s * 1000)) {
        w->attempt.fault = FAULT_SYSTEM;
        outcome_put_text(&w->attempt.detail,
                         "the kernel has no randomness yet");
        return false;
    }
    w->tls_ready = tls_init(&w->tls, &config, entropy);
    if (w->tls_ready)
        return true;
    w->attempt.fault = FAULT_SYSTEM;
    if (job->client_cert.used > 0) {
        w->attempt.fault = FAULT_CONTROL;
        outcome_put_text(&w->attempt.detail, "control/clientcert, clientkey: ");
    }
    outcome_put(&w->attempt.detail, w->tls.reason);
    return false;
}

/* The handshake failed, or what came of it at once. */
static enum next
fail_tls(struct deliver_work *w, uint32_t index, struct slice why)
{
    struct outcome *o = &w->attempt;
    bool refused = w->tls.state == TLS_REFUSED;

    note_tls_failure(w, index, why);
    w->smtp.secure = false;
    if (w->given.job->tls_strictness == 0)
        return NEXT_CLEAR;
    o->fault = refused ? FAULT_TLS_UNTRUSTED : FAULT_TLS_FAILED;
    o->progress = 1 + SMTP_STEP_SECURE;
    outcome_put(&o->why, why);
    put_starttls(w, index);
    return NEXT_CANDIDATE;
}

/* A server that does not like our side of the handshake ends the connection
 * right behind it, most with an alert: before a byte of a reply. */
static bool
died_of_tls(const struct deliver_work *w)
{
    const struct smtp *s = &w->smtp;
    bool ended = w->tls.state != TLS_OPEN || w->link.why.size > 0;

    return s->fault == FAULT_DIED && s->secure && !s->reply_open &&
           s->fault_step == SMTP_STEP_EHLO && ended;
}

bool
deliver_secure(struct deliver_work *w, uint32_t index)
{
    const struct policy_candidate *c =
        &w->given.targets->candidates.list[index];
    const struct target_name *name = &w->given.targets->names[c->host];
    struct link_peer peer = {.name = slice_of(name->text, name->size),
                             .literal = name->size == 0 ? &c->to.addr : NULL};
    struct link_trust trust = {.job = w->given.job, .work = &w->anchors};

    return prepare_tls(w) && link_secure(&w->link, &peer, &trust,
                                         os_now_ms() + w->config.timeout_ms);
}

/* ---- one session ---- */

static void
configure(struct deliver_work *w)
{
    const struct job *job = w->given.job;
    const struct message *m = w->given.message;

    w->config =
        (struct smtp_config){.helo = buf_slice(&job->helo),
                             .sender = job->sender,
                             .recipients = job->recipients,
                             .recipient_count = job->recipient_count,
                             .timeout_ms = job->remote_timeout_s * 1000,
                             .dry = w->manner != DELIVER_MAIL,
                             .watched = w->manner == DELIVER_WATCHED,
                             .tls = w->tls_manner,
                             .careful = w->careful || (m->regular && m->old),
                             .survey = m->surveyed,
                             .eight_bit = m->survey.eight_bit,
                             .size = m->survey.size};
}

void
deliver_begin(struct deliver_work *w, uint32_t index, int fd)
{
    outcome_init(&w->attempt);
    w->attempt.ip = w->given.targets->candidates.list[index].to.addr;
    configure(w);
    link_open(&w->link, fd, &w->tls);
    smtp_init(&w->smtp, &w->config, os_now_ms());
}

bool
deliver_end(struct deliver_work *w, uint32_t index)
{
    if (died_of_tls(w))
        return false;
    w->tls_found = w->tls_found || w->smtp.secure;
    put_session(w);
    if (w->smtp.tls_refused)
        note_tls_failure(w, index, SLICE("refused by the server"));
    put_starttls(w, index);
    return true;
}

/* The session from greeting to verdict, TLS in between. */
static enum next
converse(struct deliver_work *w, uint32_t index)
{
    const struct delivery *d = &w->given;
    struct pump p = {.link = &w->link,
                     .smtp = &w->smtp,
                     .message = d->message,
                     .report = d->report,
                     .ip = &w->attempt.ip};

    pump_run(&p);
    if (smtp_want(&w->smtp) & SMTP_WANT_SECURE) {
        if (!deliver_secure(w, index))
            return w->tls_ready ? fail_tls(w, index, w->link.why) : NEXT_REPORT;
        smtp_secured(&w->smtp, os_now_ms());
        pump_run(&p);
    }
    if (!deliver_end(w, index))
        return fail_tls(w, index, w->smtp.why);
    if (w->smtp.final || (d->message->started && !d->message->regular))
        return NEXT_REPORT;
    return w->smtp.careful_wanted ? NEXT_CAREFUL : NEXT_CANDIDATE;
}

static enum next
hold_session(struct deliver_work *w, uint32_t index, int fd)
{
    struct message *m = w->given.message;
    bool readable = !m->regular || (message_survey(m) && message_rewind(m));
    enum next next = NEXT_REPORT;

    qmail_report_init(w->given.report, w->given.job->recipient_count);
    deliver_begin(w, index, fd);
    if (readable)
        next = converse(w, index);
    else
        w->attempt.fault = FAULT_MESSAGE;
    link_close(&w->link,
               next == NEXT_CLEAR ? slice_of(&next, 0) : smtp_tx(&w->smtp));
    /* What a recipient was told counts only with a verdict behind it. */
    if (!w->smtp.final)
        qmail_report_init(w->given.report, w->given.job->recipient_count);
    return next;
}

/* One candidate, up to a session that needs no repetition: TLS failed where it
 * is not required, or BDAT was refused. Each changes the manner for good. */
static enum next
try_candidate(struct deliver_work *w, uint32_t index, int fd, enum smtp_tls tls)
{
    w->tls_manner = tls;
    w->careful = false;
    while (fd != OS_NONE) {
        enum next next = hold_session(w, index, fd);

        if (next == NEXT_CLEAR)
            w->tls_manner = SMTP_TLS_OFF;
        else if (next == NEXT_CAREFUL)
            w->careful = true;
        else
            return next;
        fd = connect_again(&w->connect, index);
    }
    outcome_init(&w->attempt);
    w->attempt.fault = FAULT_CONNECT;
    w->attempt.progress = 1 + SMTP_STEP_SECURE;
    put_starttls(w, index);
    return NEXT_CANDIDATE;
}

/* ---- all of them ---- */

static void
keep_furthest(const struct outcome *attempt, struct outcome *best)
{
    if (best->fault == FAULT_OK || attempt->progress > best->progress)
        outcome_copy(best, attempt);
}

static bool
pass(struct deliver_work *w, enum smtp_tls tls, struct outcome *out)
{
    uint32_t index = 0;
    int fd = OS_NONE;

    connect_init(&w->connect, &w->given.targets->candidates, w->given.tcpto,
                 w->given.job->connect_timeout_s * 1000);
    for (uint32_t count = 0; count < SESSION_COUNT_MAX; count++) {
        enum next next = NEXT_CANDIDATE;

        if (!connect_next(&w->connect, &index, &fd))
            return false;
        next = try_candidate(w, index, fd, tls);
        if (next == NEXT_REPORT) {
            outcome_copy(out, &w->attempt);
            return true;
        }
        keep_furthest(&w->attempt, out);
    }
    return false;
}

static void
put_unconnected(const struct deliver_work *w, struct outcome *out)
{
    const struct connect *c = &w->connect;

    out->fault = FAULT_CONNECT;
    if (c->last_failed == POLICY_NOBODY)
        return;
    addr_print(&out->detail, &c->candidates->list[c->last_failed].to.addr);
    outcome_put_text(&out->detail, ": ");
    outcome_put_text(&out->detail, c->why);
}

/* The memory was another stage's: all that is read before it is written. */
void
deliver_init(struct deliver_work *w, const struct delivery *d,
             enum deliver_manner manner)
{
    w->given = *d;
    w->manner = manner;
    w->tls_manner =
        d->job->anchors == JOB_ANCHORS_NONE ? SMTP_TLS_OFF : SMTP_TLS_TRY;
    w->careful = false;
    w->tls_ready = false;
    w->tls_found = false;
    w->note_count = 0;
}

void
deliver(const struct delivery *d, enum deliver_manner manner,
        struct deliver_work *w, struct outcome *out)
{
    static const enum smtp_tls first_pass[] = {SMTP_TLS_TRY, SMTP_TLS_MUST,
                                               SMTP_TLS_MUST};
    bool tls = d->job->anchors != JOB_ANCHORS_NONE;
    bool decided = false;

    deliver_init(w, d, manner);
    outcome_init(out);
    outcome_init(&w->attempt);
    if (d->job->client_cert.used > 0 && !prepare_tls(w)) {
        outcome_copy(out, &w->attempt);
        return;
    }
    decided =
        pass(w, tls ? first_pass[d->job->tls_strictness] : SMTP_TLS_OFF, out);
    /* In clear only if TLS was tried with everybody and worked with nobody;
     * then any session of the second pass is further than those of the first.
     */
    if (!decided && tls && d->job->tls_strictness == 1 && !w->tls_found &&
        !w->connect.broken && out->fault != FAULT_OK) {
        out->progress = 0;
        decided = pass(w, SMTP_TLS_OFF, out);
    }
    if (!decided && out->fault == FAULT_OK)
        put_unconnected(w, out);
}
