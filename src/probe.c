/* SPDX-License-Identifier: ISC */
#include "probe.h"

#include <string.h>

#include "confine.h"
#include "output.h"
#include "probe_dane.h"
#include "probe_look.h"
#include "probe_names.h"
#include "probe_say.h"
#include "pump.h"

enum { ERROR_FD = 2, STATUS_USAGE = 2, STATUS_NEVER = 100, STATUS_LATER = 111 };

bool
probe_is_meant(const char *name)
{
    static const char ours[] = "mote-probe";
    size_t size = strlen(name), end_size = sizeof(ours) - 1;

    return size >= end_size && strcmp(name + size - end_size, ours) == 0;
}

/* ---- argv ---- */

/* The letters of an argument; false: one is not known. */
static bool
take_options(struct say *s, const char *option, bool *sender)
{
    for (; *option; option++) {
        if (*option == 'j')
            s->tell.json = true;
        else if (*option == 'v')
            s->tell.lines = true;
        else if (*option == 'f')
            *sender = true;
        else
            return false;
    }
    return true;
}

/* The argument behind the options; NULL: there is none, or there are more. */
static char *
find_address(struct say *s, const struct load_args *args, char **sender)
{
    int at = 1;

    for (; at < args->count && args->values[at][0] == '-'; at++) {
        bool follows = false;

        if (!take_options(s, args->values[at] + 1, &follows))
            return NULL;
        if (follows && ++at < args->count)
            *sender = args->values[at];
    }
    return at + 1 == args->count ? args->values[at] : NULL;
}

/* ---- one candidate ---- */

/* What tlsstrictness 2 would make of it. */
static enum fault
secure(struct root *r, uint32_t index)
{
    struct deliver_work *w = &r->work.deliver;
    struct buf *why = &r->deliver.attempt.why;

    if (!deliver_secure(&r->deliver, index)) {
        outcome_put(why, w->link.why);
        return FAULT_TLS_FAILED;
    }
    probe_say_tls(r);
    probe_dane_match(r, index);
    outcome_put(why, w->tls.reason);
    smtp_secured(&w->smtp, deliver_is_proved(&r->deliver), os_now_ms());
    if (r->job.anchors_fd == OS_NONE)
        return FAULT_CONTROL;
    return why->used > 0 ? FAULT_TLS_UNTRUSTED : FAULT_OK;
}

/* The session, stopping at each reply. If nothing but TLS stands against the
 * mail, attempt is FAULT_OK; returns what tlsstrictness 2 makes of that. */
static enum fault
talk(struct root *r, uint32_t index)
{
    struct deliver_work *w = &r->work.deliver;
    enum fault tls =
        r->job.anchors == JOB_ANCHORS_NONE ? FAULT_CONTROL : FAULT_TLS_ABSENT;
    struct pump p = {
        .link = &w->link, .smtp = &w->smtp, .message = &r->message};

    for (;;) {
        enum smtp_step step = w->smtp.step;
        uint32_t want = 0;

        pump_run(&p);
        want = smtp_want(&w->smtp);
        if (want & SMTP_WANT_END)
            break;
        if (want & SMTP_WANT_LOOK) {
            probe_say_reply(r, step);
            smtp_taken(&w->smtp, os_now_ms());
        } else if ((tls = secure(r, index)) == FAULT_TLS_FAILED) {
            return tls;
        }
    }
    if (w->smtp.why.size > 0)
        probe_say_reply(r, w->smtp.fault_step);
    if (w->smtp.tls_refused)
        tls = FAULT_TLS_REFUSED;
    return deliver_end(&r->deliver, index) == POLICY_END_BROKEN
               ? FAULT_TLS_FAILED
               : tls;
}

static void
survey(struct root *r, const struct delivery *delivery, uint32_t index)
{
    struct deliver_work *w = &r->work.deliver;
    enum fault tls = FAULT_OK;

    deliver_init(&r->deliver, delivery, DELIVER_WATCHED);
    connect_init(&r->deliver.connect, &r->targets.candidates, &r->targets.hosts,
                 &r->tcpto, &r->job);
    if (!probe_say_connect(r, index))
        return;
    tls = talk(r, index);
    probe_say_login(r);
    probe_say_levels(r, index, tls);
    link_close(&w->link, smtp_tx(&w->smtp));
    /* Keys outlive the arena, which the next one begins anew. */
    if (r->deliver.tls_ready)
        tls_end(&w->tls);
}

/* In the order in which they would be tried if each failed. */
static void
survey_all(struct root *r, const struct delivery *delivery)
{
    struct policy_race race;
    uint32_t index = 0;

    policy_race_init(&race, &r->targets.candidates, &r->targets.hosts, 0);
    while ((index = policy_race_next(&race, INT64_MAX)) != POLICY_NOBODY) {
        policy_race_failed(&race, index);
        if (!r->say.lost &&
            !tcpto_skip(&r->tcpto, &r->targets.candidates.list[index].to.addr))
            survey(r, delivery, index);
    }
}

/* ---- the whole ---- */

static int
say_verdict(struct root *r)
{
    char class = 0;

    r->say.tell.lines = false;
    class = probe_say_verdict(r);
    if (r->say.lost || class == 'Z')
        return STATUS_LATER;
    return class == 'D' ? STATUS_NEVER : 0;
}

static void
look(struct root *r, const struct delivery *delivery)
{
    struct outcome *o = &r->outcome;

    probe_look(r);
    tcpto_open(&r->tcpto, false);
    sessions_open(&r->sessions);
    confine(&r->job);
    probe_say_route(r);
    probe_say_hop(r);
    probe_say_sessions(r);
    o->fault = deliver_resolve(delivery);
    if (o->fault == FAULT_OK)
        o->fault = resolve_wait(&r->job, &r->work.resolve, &r->targets);
    probe_names(r);
    probe_dane_hosts(r);
    probe_names_candidates(r);
    resolve_park(&r->job, &r->work.resolve, &r->targets);
    survey_all(r, delivery);
    buf_reset(&o->detail);
    if (o->fault != FAULT_OK)
        targets_put_why(&r->job, &r->targets, &o->detail);
    else if (!r->say.lost && deliver_check(delivery, &r->deliver, o))
        deliver(delivery, DELIVER_DRY, &r->deliver, o);
}

int
probe(const struct load_args *args, const struct delivery *delivery,
      struct root *r)
{
    char *address = NULL, *host = NULL, *end = NULL, *sender = NULL;
    struct load_args as_remote = {
        .count = 4, .environment = args->environment, .survey = true};

    say_init(&r->say);
    if (args->count == 2 && strcmp(args->values[1], "--version") == 0)
        return output(SLICE("mote " MOTE_VERSION "\n")) ? 0 : STATUS_LATER;
    address = find_address(&r->say, args, &sender);
    /* Arguments of qmail-remote: run by mistake in its place. The queue takes
     * this status and no report for "later". */
    if (!address && args->count > 3)
        return STATUS_LATER;
    if (!address) {
        (void)os_write(
            ERROR_FD,
            SLICE("usage: mote-probe [-jv] [-f sender] host|address\n"));
        return STATUS_USAGE;
    }
    for (host = end = address; *end; end++)
        if (*end == '@')
            host = end + 1;
    /* The null sender, if no other is meant. */
    as_remote.values =
        (char *[]){args->values[0], host, sender ? sender : end, address};
    probe_say_begin(r, slice_text(address));
    r->outcome.fault =
        load(&as_remote, &r->work.load, &r->job, &r->outcome.detail);
    if (r->outcome.fault == FAULT_OK)
        look(r, delivery);
    return say_verdict(r);
}
