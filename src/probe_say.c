/* SPDX-License-Identifier: ISC */
#include "probe_say.h"

#include "tls/show.h"

/* ---- where to ---- */

void
probe_say_route(struct root *r)
{
    static const char *const kinds[] = {[ROUTE_MX] = "exchangers",
                                        [ROUTE_NAME] = "relay",
                                        [ROUTE_ADDRESS] = "address"};
    const struct qmail_route *route = &r->job.route;
    const struct slice name = qmail_route_name(route);
    uint32_t line = r->job.route_line;

    say_put(
        &r->say,
        "[route]Route: {%kind}{ of $host}{ $relay}{ @address}{, port #port}"
        "{, by control/smtproutes line #line}{%}\n",
        (const union tell[]){
            {.text = kinds[route->kind]},
            {.slice = route->kind == ROUTE_MX ? &r->job.host : NULL},
            {.slice = route->kind == ROUTE_NAME ? &name : NULL},
            {.addr = route->kind == ROUTE_ADDRESS ? &route->addr : NULL},
            {.number = (uint32_t)route->port},
            {.number = line > 0 ? line : TELL_NO_NUMBER},
            {.text =
                 line > 0 ? NULL : ", no line of control/smtproutes applies"}});
}

/* A name as text, until the next one in its place; behind an exchanger's
 * preference. */
static const struct slice *
print_name(struct say *s, uint32_t place, const struct dns_name *name,
           const struct dns_mx *mx)
{
    struct buf out;

    buf_init(&out, s->names[place], sizeof(s->names[place]));
    if (mx) {
        buf_put_number(&out, mx->preference, 1);
        buf_put_byte(&out, ' ');
    }
    dns_name_print(&out, name);
    s->texts[place] = buf_slice(&out);
    return &s->texts[place];
}

static void
say_answer(struct say *s, const struct dns_query *q)
{
    say_put(s, "{: <answer}", NULL);
    for (uint32_t i = 0; i < q->address_count; i++)
        say_put(s, "{@}", (const union tell[]){{.addr = &q->addresses[i]}});
    for (uint32_t i = 0; q->mx && i < q->mx->count; i++)
        say_put(s, "{$}",
                (const union tell[]){
                    {.slice = print_name(s, 0, &q->mx->items[i].name,
                                         &q->mx->items[i])}});
    say_put(s, ">", NULL);
}

static void
say_question(struct say *s, const struct dns_conf *conf,
             const struct dns_task *task)
{
    static const char *const states[] = {
        [DNS_PENDING] = "not waited for",
        [DNS_NODATA] = "no such record",
        [DNS_NO_NAME] = "no such name",
        [DNS_FAILED] = "no usable answer",
    };
    const struct dns_query *q = &task->query;
    bool answered = task->answered_ms > 0;

    say_put(
        s, "[dns]DNS: {%type}{ $name}{, alias of $alias}{: %state}",
        (const union tell[]){{.text = q->type == DNS_MX  ? "MX"
                                      : q->type == DNS_A ? "A"
                                                         : "AAAA"},
                             {.slice = print_name(s, 0, &q->name, NULL)},
                             {.slice = q->alias_count > 0
                                           ? print_name(s, 1, &q->target, NULL)
                                           : NULL},
                             {.text = states[q->state]}});
    if (q->state == DNS_FOUND)
        say_answer(s, q);
    say_put(
        s, "{, a server says %error}{ (@server}{, #ms}{ ms)%}\n",
        (const union tell[]){
            {.text = answered                           ? NULL
                     : q->refused == 0                  ? NULL
                     : q->refused == DNS_RCODE_SERVFAIL ? "SERVFAIL"
                                                        : "an error"},
            {.addr = answered ? &conf->servers[task->server].addr : NULL},
            {.number = answered ? (uint32_t)(task->answered_ms - task->asked_ms)
                                : TELL_NO_NUMBER},
            {.text = answered ? "" : NULL}});
}

void
probe_say_names(struct root *r)
{
    const struct dns_lookup *l = &r->work.resolve.lookup;

    for (uint32_t i = 0; i < l->task_count; i++)
        if (!l->tasks[i].dropped)
            say_question(&r->say, &r->job.dns, &l->tasks[i]);
}

/* ---- who ---- */

/* NULL: it has none. */
static const struct slice *
name_of(const struct root *r, uint32_t index, struct slice *out)
{
    const struct target_name *name =
        &r->targets.names[r->targets.candidates.list[index].host];

    *out = slice_of(name->text, name->size);
    return name->size > 0 ? out : NULL;
}

static void
say_candidate(struct root *r, uint32_t index)
{
    const struct policy_candidate *c = &r->targets.candidates.list[index];
    struct slice name;

    say_put(&r->say,
            "[candidate]Candidate {#number}: {@address}{ $name}"
            "{, preference #preference}{, not tried: %skipped}\n",
            (const union tell[]){
                {.number = index + 1},
                {.addr = &c->to.addr},
                {.slice = name_of(r, index, &name)},
                {.number = r->job.route.kind == ROUTE_MX ? c->preference
                                                         : TELL_NO_NUMBER},
                {.text = tcpto_skip(&r->tcpto, &c->to.addr)
                             ? "timed out lately (queue/lock/tcpto)"
                             : NULL}});
}

/* NULL: it was not. */
static const char *
why_dropped(const struct root *r, const struct addr *a, uint32_t preference)
{
    const struct policy_candidates *c = &r->targets.candidates;

    for (uint32_t i = 0; i < c->count; i++)
        if (addr_equal(&c->list[i].to.addr, a))
            return NULL;
    if (resolve_is_own(&r->job, a))
        return "an address of this machine";
    if (addr_is_unusable(a))
        return "no mail server can have it";
    if (c->own_seen && preference >= c->own_preference)
        return "no better than an address of this machine";
    return "too many addresses";
}

static void
say_dropped(struct root *r, const struct addr *a, const struct resolve_host *h)
{
    const char *why =
        a ? why_dropped(r, a, h ? h->preference : 0) : "no address is known";

    if (why)
        say_put(
            &r->say, "[dropped]Dropped:{ @address}{ $name}{: %why}\n",
            (const union tell[]){
                {.addr = a},
                {.slice = h ? print_name(&r->say, 0, &h->name, NULL) : NULL},
                {.text = why}});
}

static void
say_addresses(struct root *r, const struct resolve_host *h)
{
    uint32_t count = 0;

    for (uint32_t family = 0; family < ADDR_FAMILY_COUNT; family++) {
        const struct dns_query *q =
            dns_lookup_answer(&r->work.resolve.lookup, h->questions[family]);

        for (uint32_t i = 0; i < q->address_count; i++)
            say_dropped(r, &q->addresses[i], h);
        count += q->address_count;
    }
    if (count == 0)
        say_dropped(r, NULL, h);
}

void
probe_say_candidates(struct root *r)
{
    for (uint32_t i = 0; i < r->targets.candidates.count; i++)
        say_candidate(r, i);
    if (r->job.route.kind == ROUTE_ADDRESS)
        say_dropped(r, &r->job.route.addr, NULL);
    for (uint32_t i = 0; i < r->work.resolve.host_count; i++)
        say_addresses(r, &r->work.resolve.hosts[i]);
}

/* ---- a session ---- */

bool
probe_say_connect(struct root *r, uint32_t index)
{
    struct deliver_work *w = &r->work.deliver;
    int64_t began_ms = os_now_ms();
    int fd = connect_again(&w->connect, index);
    struct slice name;

    say_put(
        &r->say,
        "[connection]To {@address}{ $name}: {connected%}{no connection: %why}"
        "{ (#ms} ms)\n",
        (const union tell[]){
            {.addr = &r->targets.candidates.list[index].to.addr},
            {.slice = name_of(r, index, &name)},
            {.text = fd < 0 ? NULL : ""},
            {.text = fd < 0 ? w->connect.why : NULL},
            {.number = (uint32_t)(os_now_ms() - began_ms)}});
    if (fd >= 0)
        deliver_begin(w, index, fd);
    return fd >= 0;
}

void
probe_say_reply(struct root *r, enum smtp_step step, int64_t took_ms)
{
    const struct smtp *smtp = &r->work.deliver.smtp;
    const struct slice text = buf_slice(&smtp->reply.text);

    say_put(&r->say, "[reply]  {%to}{ over %over}{ (#ms} ms){: $text}\n",
            (const union tell[]){{.text = smtp_step_text(step)},
                                 {.text = smtp->secure ? "TLS" : NULL},
                                 {.number = (uint32_t)took_ms},
                                 {.slice = &text}});
}

static void
say_certificate(struct root *r, uint32_t index, const char *what)
{
    struct tls_certificate c;

    if (tls_show(&r->work.deliver.tls, index, &c))
        say_put(&r->say,
                "[certificate]  {%what}{: $subject}{, issued by $issuer}"
                "{, $from}{ to $until}{, for $names}\n",
                (const union tell[]){
                    {.text = what},
                    {.slice = &c.subject},
                    {.slice = &c.issuer},
                    {.slice = &c.from},
                    {.slice = &c.until},
                    {.slice = c.names.size > 0 ? &c.names : NULL}});
}

void
probe_say_tls(struct root *r, int64_t took_ms)
{
    const struct tls *tls = &r->work.deliver.tls;

    say_put(&r->say, "[tls]  TLS{ (#ms} ms){: $protocol}{, $cipher}\n",
            (const union tell[]){{.number = (uint32_t)took_ms},
                                 {.slice = &tls->proto},
                                 {.slice = &tls->cipher}});
    for (uint32_t i = 0; i < TLS_SHOW_ANCHOR; i++)
        say_certificate(r, i, i == 0 ? "certificate" : "its authority");
    say_certificate(r, TLS_SHOW_ANCHOR, "trust anchor");
}

/* ---- verdicts ---- */

/* The record of the report, without its letter and its NUL. */
static struct slice
record_of(struct root *r, const struct outcome *o)
{
    struct qmail_verdict verdict = outcome_verdict(o, r->job.host);

    qmail_report_init(&r->report, 1);
    qmail_report_final(&r->report, &verdict);
    return slice_part(buf_slice(&r->report.out), 1, r->report.out.used - 1);
}

void
probe_say_failure(struct root *r)
{
    const struct slice report = record_of(r, &r->work.deliver.attempt);

    say_put(&r->say, "[failed]{  no mail to this one: $report}\n",
            (const union tell[]){{.slice = &report}});
}

static void
say_level(struct root *r, uint32_t level, const char *how,
          const struct slice *report)
{
    bool last = level == 1 && !r->work.deliver.smtp.secure &&
                r->job.anchors != JOB_ANCHORS_NONE;

    say_put(
        &r->say,
        "[strictness]  at tlsstrictness {#level}{, %set}"
        "{: mail would go %how}{, if TLS works with no candidate%}"
        "{: no mail: $report}\n",
        (const union tell[]){
            {.number = level},
            {.text = level == r->job.tls_strictness ? "as configured" : NULL},
            {.text = how},
            {.text = last ? "" : NULL},
            {.slice = report}});
}

void
probe_say_levels(struct root *r, enum fault tls)
{
    struct deliver_work *w = &r->work.deliver;
    struct slice report;
    const char *how = "in clear";

    if (tls == FAULT_TLS_FAILED)
        w->smtp.secure = false;
    if (w->smtp.secure)
        how = "over TLS";
    say_level(r, 0, how, NULL);
    say_level(r, 1, how, NULL);
    if (tls == FAULT_OK) {
        say_level(r, 2, "over TLS, verified", NULL);
        return;
    }
    w->attempt.fault = tls;
    buf_reset(&w->attempt.starttls);
    if (tls == FAULT_CONTROL)
        outcome_put(&w->attempt.detail, buf_slice(&r->outcome.detail));
    report = record_of(r, &w->attempt);
    say_level(r, 2, NULL, &report);
}

void
probe_say_verdict(struct root *r)
{
    const struct outcome *o = &r->outcome;
    char class[] = {fault_row(o->fault)->class, 0};
    const struct slice report = record_of(r, o), tls = buf_slice(&o->starttls);

    say_put(&r->say, "[verdict]{!%class}",
            (const union tell[]){{.text = class}});
    if (o->fault == FAULT_OK)
        say_put(&r->say,
                "{Result: now the mail would be sent to @address}{, $tls}\n",
                (const union tell[]){{.addr = &o->ip},
                                     {.slice = tls.size > 0 ? &tls : NULL}});
    else
        say_put(&r->say, "Result: now the mail would {%}{: $report}\n",
                (const union tell[]){
                    {.text = *class == 'D' ? "bounce" : "wait in the queue"},
                    {.slice = &report}});
}
