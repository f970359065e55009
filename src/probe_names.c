/* SPDX-License-Identifier: ISC */
#include "probe_names.h"

/* ---- the DNS ---- */

static void
put_name(struct say *s, const char *words, const char *key,
         const struct dns_name *name)
{
    struct buf out;

    buf_init(&out, s->name, sizeof(s->name));
    dns_name_print(&out, name);
    qmail_tell_slice(&s->tell, words, key, buf_slice(&out));
}

/* A name server, a link-local one with its interface. */
static void
put_server(struct qmail_tell *t, const char *words,
           const struct dns_server *server)
{
    uint8_t bytes[SAY_SERVER_SIZE];
    struct buf text;

    buf_init(&text, bytes, sizeof(bytes));
    addr_print(&text, &server->at.addr);
    if (server->interface[0])
        buf_put_byte(&text, '%');
    buf_put_text(&text, server->interface);
    qmail_tell_slice(t, words, "server", buf_slice(&text));
}

/* Up to what came of the question. */
static struct qmail_tell *
begin_answer(struct root *r, const struct dns_query *q)
{
    struct qmail_tell *t = say_begin(&r->say, "dns");

    qmail_tell_words(t, "DNS: ");
    qmail_tell_text(t, "", "type",
                    q->mx              ? "MX"
                    : q->tlsa          ? "TLSA"
                    : q->type == DNS_A ? "A"
                                       : "AAAA");
    put_name(&r->say, " ", "name", &q->name);
    if (q->alias_count)
        put_name(&r->say, ", alias of ", "alias", &q->target);
    return t;
}

static void
end_answer(struct root *r, const struct dns_task *task)
{
    struct qmail_tell *t = &r->say.tell;

    if (task->query.state != DNS_PENDING && task->query.state != DNS_FAILED) {
        put_server(t, " (", &r->job.dns.servers[task->server]);
        qmail_tell_number(t, ", ", "ms",
                          (uint64_t)(task->answered_ms - task->asked_ms));
        qmail_tell_words(t, " ms)");
    }
    say_end(&r->say);
}

/* What came instead of records. */
static struct qmail_tell_word
state_of(const struct dns_query *q)
{
    static const struct qmail_tell_word states[] = {
        [DNS_PENDING] = {"not waited for", "pending"},
        [DNS_FOUND] = {"no host name in it", "no_host_name"},
        [DNS_NODATA] = {"no such record", "no_record"},
        [DNS_NO_NAME] = {"no such name", "no_name"},
        [DNS_FAILED] = {"no usable answer", "failed"}};

    if (!q->tlsa || q->state != DNS_FOUND)
        return states[q->state];
    return !q->secure              ? TELL_WORD("not authentic", "not_authentic")
           : tlsa_set_any(q->tlsa) ? TELL_WORD("usable records", "usable")
                                   : TELL_WORD("no usable record", "unusable");
}

static struct qmail_tell_word
result_of(uint32_t said)
{
    switch (said) {
    case DNS_SAID_NOTHING:
        return TELL_WORD("silent", "silent");
    case DNS_SAID_LOST:
        return TELL_WORD("cannot be reached", "unreachable");
    case DNS_SAID_ERROR:
        return TELL_WORD("nothing that can be used", "unusable");
    case (uint32_t)DNS_SAID_ERROR + DNS_RCODE_SERVFAIL:
        return TELL_WORD("SERVFAIL", "servfail");
    case (uint32_t)DNS_SAID_ERROR + DNS_RCODE_REFUSED:
        return TELL_WORD("REFUSED", "refused");
    default:
        return TELL_WORD("an error", "error");
    }
}

/* What each name server that was asked made of it. */
static void
say_failure(struct root *r, const struct dns_task *task)
{
    for (uint32_t i = 0; i < r->job.dns.server_count; i++) {
        uint32_t said = task->said[i];
        struct qmail_tell *t = NULL;

        if (said == DNS_SAID_UNASKED)
            continue;
        t = say_begin(&r->say, "server");
        put_server(t, "  ", &r->job.dns.servers[i]);
        qmail_tell_word(t, ": ", "result", result_of(said));
        if (said > DNS_SAID_ERROR)
            qmail_tell_number(t, NULL, "rcode", said - DNS_SAID_ERROR);
        if (task->answered_ms > 0 && task->server == i) {
            qmail_tell_number(t, " (", "ms",
                              (uint64_t)(task->answered_ms - task->asked_ms));
            qmail_tell_words(t, " ms)");
        }
        say_end(&r->say);
    }
}

static void
say_question(struct root *r, const struct dns_task *task)
{
    const struct dns_query *q = &task->query;
    struct qmail_tell *t = NULL;

    for (uint32_t i = 0; i < q->address_count; i++) {
        t = begin_answer(r, q);
        qmail_tell_addr(t, ": ", "address", &q->addresses[i]);
        end_answer(r, task);
    }
    for (uint32_t i = 0; q->mx && i < q->mx->count; i++) {
        t = begin_answer(r, q);
        qmail_tell_number(t, ": ", "preference", q->mx->items[i].preference);
        put_name(&r->say, " ", "exchanger", &q->mx->items[i].name);
        end_answer(r, task);
    }
    if (q->address_count > 0 || (q->mx && q->mx->count > 0))
        return;
    t = begin_answer(r, q);
    if (q->mx && q->mx->null) {
        qmail_tell_number(t, ": ", "preference", 0);
        qmail_tell_text(t, " ", "exchanger", ".");
    } else {
        qmail_tell_word(t, ": ", "state", state_of(q));
    }
    end_answer(r, task);
    if (q->state == DNS_FAILED)
        say_failure(r, task);
}

void
probe_names(struct root *r)
{
    const struct dns_lookup *l = &r->work.resolve.lookup;

    for (uint32_t i = 0; r->targets.live && i < l->task_count; i++)
        if (!l->tasks[i].dropped)
            say_question(r, &l->tasks[i]);
}

/* ---- who ---- */

/* `why`: it is not tried. */
static void
say_candidate(struct root *r, struct qmail_tell_word kind, const struct addr *a,
              uint32_t host, struct qmail_tell_word why)
{
    const struct target_name *n = &r->targets.names[host];
    struct qmail_tell *t = say_begin(&r->say, "candidate");

    qmail_tell_word(t, "", "kind", kind);
    qmail_tell_words(t, ":");
    qmail_tell_addr(t, " ", "address", a);
    qmail_tell_slice(t, " ", "name", slice_of(n->text, n->size));
    if (r->job.route.kind == ROUTE_MX) {
        qmail_tell_number(t, ", preference ", "preference",
                          r->targets.hosts.list[host].preference);
        qmail_tell_flag(t, " (no MX: the domain itself)", "no_mx",
                        r->work.resolve.lookup.mx.count == 0);
    }
    qmail_tell_flag(t, ", in the policy", "in_policy",
                    targets_is_listed(&r->job, &r->targets, host));
    qmail_tell_word(t, ", not tried: ", "why", why);
    say_end(&r->say);
}

/* None: it was not. */
static struct qmail_tell_word
why_dropped(const struct root *r, const struct addr *a, uint32_t host)
{
    const struct policy_candidates *c = &r->targets.candidates;
    uint32_t preference = r->targets.hosts.list[host].preference;

    if (!a && r->targets.names[host].looks[0] == TARGET_LEFT)
        return TELL_WORD("too many exchangers", "too_many");
    if (!a)
        return TELL_WORD("no address known", "no_address");
    if (targets_is_own(&r->job, a))
        return TELL_WORD("an address of this machine", "own");
    if (addr_is_unusable(a))
        return TELL_WORD("no server can have it", "unusable");
    if (c->own_seen && preference >= c->own_preference)
        return TELL_WORD("no better than an address of this machine",
                         "no_better");
    for (uint32_t i = 0; i < c->count; i++)
        if (addr_equal(&c->list[i].to.addr, a))
            return TELL_WORD(NULL, NULL);
    if (r->job.hop.sts && !targets_is_listed(&r->job, &r->targets, host))
        return TELL_WORD("not in the policy", "not_in_policy");
    if (c->count < CANDIDATE_COUNT_MAX && host < DANE_HOST_COUNT_MAX &&
        r->targets.dane[host].why)
        return TELL_WORD(r->targets.dane[host].why, "dane");
    return TELL_WORD("too many addresses", "too_many");
}

static void
say_dropped(struct root *r, const struct addr *a, uint32_t host)
{
    struct qmail_tell_word why = why_dropped(r, a, host);

    if (why.code)
        say_candidate(r, TELL_WORD("Dropped", "dropped"), a, host, why);
}

static void
say_addresses(struct root *r, uint32_t host)
{
    bool known = r->targets.names[host].size == 0;

    for (uint32_t family = 0; family < ADDR_FAMILY_COUNT; family++) {
        const struct dns_query *q =
            resolve_answer(&r->work.resolve, &r->targets, host, family);

        for (uint32_t i = 0; q && i < q->address_count; i++)
            say_dropped(r, &q->addresses[i], host);
        known = known || (q && q->address_count > 0);
    }
    if (!known)
        say_dropped(r, NULL, host);
}

void
probe_names_candidates(struct root *r)
{
    const struct targets *t = &r->targets;
    struct policy_race race;
    uint32_t index = 0;

    policy_race_init(&race, &t->candidates, &t->hosts, 0);
    while ((index = policy_race_next(&race, INT64_MAX)) != POLICY_NOBODY) {
        const struct policy_candidate *c = &t->candidates.list[index];

        policy_race_failed(&race, index);
        say_candidate(r, TELL_WORD("Candidate", "candidate"), &c->to.addr,
                      c->host,
                      tcpto_skip(&r->tcpto, &c->to.addr)
                          ? TELL_WORD("timed out lately", "timed_out")
                          : TELL_WORD(NULL, NULL));
    }
    if (r->job.route.kind == ROUTE_ADDRESS)
        say_dropped(r, &r->job.route.addr, 0);
    for (uint32_t i = 0; i < t->hosts.count; i++)
        say_addresses(r, i);
}
