/* SPDX-License-Identifier: ISC */
#include "deliver.h"

#include <string.h>

#include "base/assert.h"
#include "deliver_say.h"
#include "prove.h"
#include "pump.h"

/* ---- texts ---- */

static void
note_tls_failure(struct deliver *d, uint32_t index, struct slice why)
{
    struct deliver_note *note = &d->notes[index];

    why = slice_part(why, 0, sizeof(note->why));
    memcpy(note->why, why.data, why.size);
    note->why_size = (uint8_t)why.size;
}

static void
put_starttls(struct deliver *d, uint32_t index)
{
    static const char *const proofs[] = {
        [POLICY_PROOF_NONE] = "; verify=unverified;",
        [POLICY_PROOF_NAME] = "; verify=verified;",
        [POLICY_PROOF_PIN] = "; verify=pinned;",
        [POLICY_PROOF_DANE] = "; verify=dane;"};
    const struct deliver_work *w = d->given.work;
    const struct deliver_note *note = &d->notes[index];
    struct buf *out = &d->attempt.starttls;

    buf_reset(out);
    if (w->smtp.secure) {
        outcome_put_text(out, "STARTTLS proto=");
        outcome_put(out, w->tls.proto);
        outcome_put_text(out, "; cipher=");
        outcome_put(out, w->tls.cipher);
        outcome_put_text(out, proofs[d->session.proof]);
    } else if (note->why_size > 0) {
        outcome_put_text(out, "STARTTLS failed: ");
        outcome_put(out, slice_of(note->why, note->why_size));
        outcome_put_text(out, ";");
    }
}

/* The server that was there a moment ago is not any more. */
static void
put_not_again(struct deliver *d, uint32_t index, enum policy_way way)
{
    static const char *const why[] = {
        [POLICY_WAY_CLEAR] = " (a second connection, without TLS)",
        [POLICY_WAY_FRESH] = " (a second connection, for a full handshake)",
        [POLICY_WAY_CAREFUL] =
            " (a second connection, for a command at a time)",
        [POLICY_WAY_HELO] = " (a second connection, for HELO)"};
    struct outcome *o = &d->attempt;

    outcome_init(o);
    o->fault = FAULT_CONNECT;
    o->progress = 1 + SMTP_STEP_SECURE;
    addr_print(&o->detail, &d->given.targets->candidates.list[index].to.addr);
    outcome_put_text(&o->detail, ": ");
    outcome_put_text(&o->detail, d->connect.why);
    outcome_put_text(&o->detail, why[way]);
    put_starttls(d, index);
}

/* ---- TLS ---- */

/* A watched session looks at all it can, whatever is demanded. */
static bool
is_verified(const struct deliver *d)
{
    if (d->manner == DELIVER_WATCHED)
        return d->demand.proof == POLICY_PROOF_PIN ||
               d->given.job->anchors_fd != OS_NONE;
    return d->session.proof == POLICY_PROOF_NAME;
}

static bool
prepare_tls(struct deliver *d)
{
    const struct job *job = d->given.job;
    struct deliver_work *w = d->given.work;
    uint8_t entropy[TLS_ENTROPY_SIZE];
    bool watched = d->manner == DELIVER_WATCHED;
    struct tls_config config = {.verify = is_verified(d),
                                .tell = watched,
                                .first = d->session.implicit,
                                .checked = d->client_checked,
                                .arena = w->arena,
                                .arena_size = sizeof(w->arena)};

    if (d->tls_ready)
        return true;
    if (d->demand.proof == POLICY_PROOF_PIN) {
        config.pins = job->tlspolicy.pins;
        config.pin_count = job->tlspolicy.pin_count;
    }
    if (job->client_cert.used > 0) {
        config.client_cert = buf_slice(&job->client_cert);
        config.client_key = buf_slice(&job->client_key);
    }
    if (d->manner == DELIVER_MAIL)
        config.sessions = sessions_room(d->given.sessions, &d->session);
    if (!os_random_key(entropy, sizeof(entropy),
                       os_now_ms() + (int64_t)job->remote_timeout_s * 1000)) {
        d->attempt.fault = FAULT_SYSTEM;
        outcome_put_text(&d->attempt.detail,
                         "the kernel has no randomness yet");
        return false;
    }
    d->tls_ready = tls_init(&w->tls, &config, entropy);
    if (d->tls_ready)
        return true;
    d->attempt.fault = FAULT_SYSTEM;
    if (job->client_cert.used > 0) {
        d->attempt.fault = FAULT_CONTROL;
        outcome_put_text(&d->attempt.detail, "control/clientcert, clientkey: ");
    }
    outcome_put(&d->attempt.detail, w->tls.reason);
    return false;
}

/* TLS is broken, unless it is the session that it was to go on from. */
static enum policy_end
break_tls(const struct deliver *d)
{
    return sessions_is_offered(d->given.sessions) ? POLICY_END_STALE
                                                  : POLICY_END_BROKEN;
}

/* The handshake failed, or what came of it at once. */
static enum policy_end
fail_tls(struct deliver *d, uint32_t index, struct slice why)
{
    struct deliver_work *w = d->given.work;
    struct outcome *o = &d->attempt;
    bool refused = w->smtp.end == SMTP_END_NONE && w->tls.state == TLS_REFUSED;

    o->fault = refused ? FAULT_TLS_UNTRUSTED : FAULT_TLS_FAILED;
    o->progress = 1 + SMTP_STEP_SECURE;
    outcome_put(&o->why, why);
    outcome_put(&o->said, w->smtp.said);
    w->smtp.secure = false;
    put_starttls(d, index);
    if (refused)
        return POLICY_END_UNTRUSTED;
    return break_tls(d);
}

/* TLS itself is at fault, or never began: a server that does not like our side
 * of the handshake ends the connection right behind it, most with an alert,
 * before a byte of a reply. */
static bool
died_of_tls(const struct deliver_work *w)
{
    const struct smtp *s = &w->smtp;
    bool ended = w->tls.state != TLS_OPEN || w->link.why.size > 0;

    return s->end == SMTP_END_TLS_BROKEN &&
           (!s->secure || (!s->reply_open && ended));
}

bool
deliver_secure(struct deliver *d, uint32_t index)
{
    struct deliver_work *w = d->given.work;
    const struct policy_candidate *c =
        &d->given.targets->candidates.list[index];
    const struct qmail_tlspolicy *policy = &d->given.job->tlspolicy;
    struct slice base = prove_base(d->given.targets, c->host, d->demand.proof);
    struct link_peer peer = {.name = base,
                             .literal = base.size == 0 ? &c->to.addr : NULL};
    struct link_trust trust = {.job = d->given.job, .work = &w->anchors};

    if (d->demand.proof == POLICY_PROOF_DANE) {
        prove_by(d->given.job, d->given.targets, c->host, &d->dane);
        peer.dane = &d->dane;
    } else if (policy->name_size > 0) {
        peer = (struct link_peer){
            .name = slice_of(policy->name, policy->name_size)};
    }
    if (!prepare_tls(d))
        return false;
    if (d->manner == DELIVER_MAIL)
        sessions_offer(d->given.sessions, d->given.job, &peer, &d->session,
                       &w->tls);
    return link_secure(&w->link, &peer, &trust,
                       os_now_ms() + w->config.timeout_ms);
}

bool
deliver_is_proved(const struct deliver *d)
{
    const struct tls *t = &d->given.work->tls;

    return t->state == TLS_OPEN && t->reason.size == 0 &&
           (is_verified(d) || d->demand.proof >= POLICY_PROOF_PIN);
}

/* ---- one session ---- */

static enum smtp_tls
tls_of(const struct policy_manner *m)
{
    static const enum smtp_tls tls[] = {[POLICY_TLS_OFF] = SMTP_TLS_OFF,
                                        [POLICY_TLS_TRY] = SMTP_TLS_TRY,
                                        [POLICY_TLS_MUST] = SMTP_TLS_MUST};

    return m->implicit ? SMTP_TLS_FIRST : tls[m->tls];
}

static enum smtp_hello
hello_of(const struct policy_manner *m)
{
    if (m->helo)
        return SMTP_HELLO_HELO;
    return m->may_helo ? SMTP_HELLO_EHLO : SMTP_HELLO_ONLY;
}

/* NULL: there is none, or it was refused a moment ago. */
static const struct smtp_login *
login_of(struct deliver *d, uint32_t index)
{
    const struct job *job = d->given.job;
    const struct qmail_login *login = &job->login;
    struct smtp_login *out = &d->given.work->login;
    const struct target_name *relay =
        &d->given.targets->names[d->given.targets->candidates.list[index].host];

    if (login->kind == LOGIN_NONE || d->notes[index].refused)
        return NULL;
    *out = (struct smtp_login){.user = slice_of(login->user, login->user_size),
                               .secret =
                                   slice_of(login->secret, login->secret_size),
                               .token = login->kind == LOGIN_TOKEN,
                               .host = slice_of(relay->text, relay->size),
                               .port = job->route.port};
    return out;
}

static void
configure(struct deliver *d, uint32_t index)
{
    const struct job *job = d->given.job;
    const struct message *m = d->given.message;

    d->given.work->config =
        (struct smtp_config){.helo = buf_slice(&job->helo),
                             .sender = job->sender,
                             .recipients = job->recipients,
                             .recipient_count = job->recipient_count,
                             .timeout_ms = job->remote_timeout_s * 1000,
                             .dry = d->manner != DELIVER_MAIL,
                             .watched = d->manner == DELIVER_WATCHED,
                             .tls = tls_of(&d->session),
                             .hello = hello_of(&d->session),
                             .login = login_of(d, index),
                             .unproved = d->session.unproved,
                             .careful = d->session.careful,
                             .survey = m->surveyed,
                             .eight_bit = m->survey.eight_bit,
                             .size = m->survey.size};
}

/* Of a candidate. */
static struct policy_demand
demand_of(const struct deliver *d, uint32_t index)
{
    const struct targets *t = d->given.targets;
    const struct policy_candidate *c = &t->candidates.list[index];

    return targets_demand(d->given.job, t, c->host,
                          addr_is_loopback(&c->to.addr));
}

/* Nothing has to be proved to go on, so that all of it is seen. */
static void
watch(struct deliver *d, uint32_t index)
{
    d->demand = demand_of(d, index);
    d->session = policy_begin(&d->demand, false, false, false);
    d->session.proof = POLICY_PROOF_NONE;
    if (d->session.tls == POLICY_TLS_MUST && !d->session.implicit)
        d->session.tls = POLICY_TLS_TRY;
}

void
deliver_begin(struct deliver *d, uint32_t index, int fd)
{
    struct deliver_work *w = d->given.work;

    outcome_init(&d->attempt);
    d->attempt.ip = d->given.targets->candidates.list[index].to.addr;
    if (d->manner == DELIVER_WATCHED)
        watch(d, index);
    configure(d, index);
    link_open(&w->link, fd, &w->tls);
    smtp_init(&w->smtp, &w->config, os_now_ms());
}

/* A login is tried once at an address: how it ended when it was watched is how
 * it would end. */
static enum policy_end
end_login(struct deliver *d, uint32_t index, enum policy_end end)
{
    struct deliver_note *note = &d->notes[index];

    if (d->manner == DELIVER_WATCHED && d->attempt.fault == FAULT_LOGIN) {
        note->refused = true;
        note->login_end = end;
    } else if (d->attempt.fault == FAULT_OK && note->refused) {
        d->attempt.fault = FAULT_LOGIN;
        return note->login_end;
    }
    return end;
}

enum policy_end
deliver_end(struct deliver *d, uint32_t index)
{
    static const enum policy_end ends[] = {
        [SMTP_END_VERDICT] = POLICY_END_VERDICT,
        [SMTP_END_SYNTAX] = POLICY_END_SYNTAX,
        [SMTP_END_UNFIT] = POLICY_END_UNFIT,
        [SMTP_END_MUTE] = POLICY_END_MUTE,
        [SMTP_END_DIED] = POLICY_END_DIED,
        [SMTP_END_DUPLICATE] = POLICY_END_DUPLICATE,
        [SMTP_END_TLS_ABSENT] = POLICY_END_ABSENT,
        [SMTP_END_TLS_REFUSED] = POLICY_END_REFUSED};
    const struct smtp *s = &d->given.work->smtp;

    if (s->tls_refused)
        note_tls_failure(d, index, SLICE("refused by the server"));
    if (s->end == SMTP_END_TLS_BROKEN)
        note_tls_failure(d, index, s->why);
    else if (s->secure)
        d->tally.tls_worked = true;
    if (died_of_tls(d->given.work))
        return fail_tls(d, index, s->why);
    deliver_say_session(d);
    put_starttls(d, index);
    if (s->end == SMTP_END_TLS_BROKEN)
        return break_tls(d);
    return end_login(d, index, ends[s->end]);
}

/* The session from greeting to verdict, TLS in between. */
static enum policy_end
converse(struct deliver *d, uint32_t index)
{
    struct deliver_work *w = d->given.work;
    struct pump p = {.link = &w->link,
                     .smtp = &w->smtp,
                     .message = d->given.message,
                     .report = d->given.report,
                     .ip = &d->attempt.ip,
                     .manner = &d->session};

    pump_run(&p);
    if (smtp_want(&w->smtp) & SMTP_WANT_SECURE) {
        if (!deliver_secure(d, index)) {
            if (!d->tls_ready)
                return POLICY_END_VERDICT;
            note_tls_failure(d, index, w->link.why);
            return fail_tls(d, index, w->link.why);
        }
        smtp_secured(&w->smtp, deliver_is_proved(d), os_now_ms());
        pump_run(&p);
    }
    return deliver_end(d, index);
}

static enum policy_end
hold_session(struct deliver *d, uint32_t index, int fd)
{
    struct deliver_work *w = d->given.work;
    struct message *m = d->given.message;
    bool readable = !m->regular || (message_survey(m) && message_rewind(m));
    enum policy_end end = POLICY_END_VERDICT;

    qmail_report_init(d->given.report, d->given.job->recipient_count);
    deliver_begin(d, index, fd);
    if (readable)
        end = converse(d, index);
    else
        d->attempt.fault = FAULT_MESSAGE;
    link_close(&w->link, smtp_tx(&w->smtp));
    if (d->manner == DELIVER_MAIL)
        sessions_end(d->given.sessions, &w->tls, end);
    /* What a recipient was told counts only with a verdict behind it. */
    if (end != POLICY_END_VERDICT && end != POLICY_END_DUPLICATE)
        qmail_report_init(d->given.report, d->given.job->recipient_count);
    return end;
}

/* Only now is it known that a relay's address is not loopback. */
static bool
lacks_anchors(struct deliver *d)
{
    const struct job *job = d->given.job;
    struct outcome *o = &d->attempt;

    if (d->session.proof != POLICY_PROOF_NAME || job->anchors_fd != OS_NONE)
        return false;
    outcome_init(o);
    o->fault = FAULT_CONTROL;
    o->progress = 1;
    outcome_put_text(&o->detail, "control/trustanchors: needed to log in at ");
    outcome_put(&o->detail, qmail_route_name(&job->route));
    return true;
}

/* One candidate, up to a session that needs no repetition; *end: how the last
 * one ended. */
static enum policy_way
try_candidate(struct deliver *d, uint32_t index, int fd, bool second,
              enum policy_end *end)
{
    struct deliver_note *note = &d->notes[index];
    const struct message *m = d->given.message;

    d->demand = demand_of(d, index);
    d->tally.second_pass = d->tally.second_pass || d->demand.second_pass;
    d->session =
        policy_begin(&d->demand, second, note->broken, m->regular && m->old);
    if (lacks_anchors(d)) {
        os_close(fd);
        *end = POLICY_END_UNFIT;
        return POLICY_WAY_NEXT;
    }
    for (;;) {
        bool spent = false;
        enum policy_way way = POLICY_WAY_REPORT;

        *end = hold_session(d, index, fd);
        note->broken = note->broken || policy_is_broken(*end);
        spent = m->started && !m->regular;
        way = policy_way_of(&d->session, *end, spent);
        if (way == POLICY_WAY_REPORT || way == POLICY_WAY_NEXT)
            return way;
        d->session = policy_again(&d->session, way);
        fd = connect_again(&d->connect, index);
        if (fd != OS_NONE)
            continue;
        put_not_again(d, index, way);
        *end = POLICY_END_DIED;
        return POLICY_WAY_NEXT;
    }
}

/* ---- all of them ---- */

/* Who was asked for the last time: in clear it is no use, and nothing else has
 * become of it. */
static void
leave_out(struct deliver *d)
{
    for (uint32_t i = 0; i < d->given.targets->candidates.count; i++)
        if (!demand_of(d, i).second_pass)
            policy_race_skip(&d->connect.race, i);
}

static void
keep_furthest(const struct outcome *attempt, struct outcome *best)
{
    if (best->fault == FAULT_OK || attempt->progress > best->progress)
        outcome_copy(best, attempt);
}

/* False: nothing was decided; d->tally says more. */
static bool
pass(struct deliver *d, bool second, struct outcome *out)
{
    const struct job *job = d->given.job;
    struct seek seek = {.job = job,
                        .targets = d->given.targets,
                        .work = d->given.looks,
                        .connect = &d->connect,
                        .end_ms = INT64_MAX};
    enum seek_result result = SEEK_NOBODY;
    uint32_t index = 0;
    int fd = OS_NONE;

    d->tally = (struct policy_tally){0};
    connect_init(&d->connect, &d->given.targets->candidates,
                 &d->given.targets->hosts, d->given.tcpto, job);
    if (second)
        leave_out(d);
    while (d->tally.counted < SESSION_COUNT_MAX &&
           (result = seek_next(&seek, &index, &fd)) == SEEK_FOUND) {
        enum policy_end end = POLICY_END_VERDICT;
        bool decided = false;

        d->tls_ready = false; /* the arena had the look-ups in it */
        if (!d->tally.asked)
            seek.end_ms = os_now_ms() + policy_pass_ms(job->remote_timeout_s);
        d->tally.asked = true;
        decided =
            try_candidate(d, index, fd, second, &end) == POLICY_WAY_REPORT;
        if (decided) {
            outcome_copy(out, &d->attempt);
            return true;
        }
        d->tally.counted += policy_counts(&d->demand, second, end);
        keep_furthest(&d->attempt, out);
    }
    d->tally.cut = result != SEEK_NOBODY && seek_is_open(&seek);
    if (result == SEEK_BROKEN && out->fault == FAULT_OK)
        out->fault = FAULT_SYSTEM;
    if (result == SEEK_FAULT)
        out->fault = seek.fault;
    return result == SEEK_FAULT;
}

/* Nobody could be spoken to. */
static void
put_unconnected(const struct deliver *d, struct outcome *out)
{
    const struct connect *c = &d->connect;

    if (!policy_candidates_any(c->candidates)) {
        out->fault = targets_why(d->given.job, d->given.targets);
        targets_put_why(d->given.job, d->given.targets, &out->detail);
        return;
    }
    out->fault = FAULT_CONNECT;
    assert(c->last_failed != POLICY_NOBODY); /* they were all tried */
    addr_print(&out->detail, &c->candidates->list[c->last_failed].to.addr);
    outcome_put_text(&out->detail, ": ");
    outcome_put_text(&out->detail, c->why);
}

void
deliver_init(struct deliver *d, const struct delivery *given,
             enum deliver_manner manner)
{
    d->given = *given;
    d->manner = manner;
    d->demand =
        policy_demand_of(&given->job->hop, false, POLICY_DANE_NONE, true);
    d->session = policy_begin(&d->demand, false, false, false);
    d->tls_ready = false;
    for (uint32_t i = 0; i < CANDIDATE_COUNT_MAX; i++) {
        d->notes[i].broken = false;
        d->notes[i].why_size = 0;
    }
    outcome_init(&d->attempt);
}

bool
deliver_check(const struct delivery *given, struct deliver *d,
              struct outcome *out)
{
    deliver_init(d, given, DELIVER_MAIL);
    d->client_checked = false;
    if (given->job->client_cert.used > 0 && !prepare_tls(d)) {
        outcome_copy(out, &d->attempt);
        return false;
    }
    d->client_checked = true;
    return true;
}

enum fault
deliver_resolve(const struct delivery *given)
{
    const struct job *job = given->job;
    bool by_host =
        job->dns.secure ||
        policy_demand_of(&job->hop, false, POLICY_DANE_NONE, true).proof ==
            POLICY_PROOF_NAME;

    return resolve_begin(job, by_host, given->looks, given->targets);
}

void
deliver(const struct delivery *given, enum deliver_manner manner,
        struct deliver *d, struct outcome *out)
{
    bool decided = false;

    deliver_init(d, given, manner);
    outcome_init(out);
    decided = pass(d, false, out);
    if (!decided && policy_has_second(&d->tally)) {
        /* Any session of the second is further than those of the first. */
        out->progress = 0;
        decided = pass(d, true, out);
    }
    if (!decided && out->fault == FAULT_OK)
        put_unconnected(d, out);
}
