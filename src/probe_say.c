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
    const struct slice relay = qmail_route_name(route);
    uint32_t line = r->job.route_line;

    say_put(&r->say,
            "[route]Route for {$host}: {%kind}{ $relay}{ &address}"
            "{, port #port}{, by %file}{ line #line}\n",
            (const union tell[]){{.slice = &r->job.host},
                                 {.text = kinds[route->kind]},
                                 {.slice = &relay},
                                 {.addr = &route->addr},
                                 {.number = route->port},
                                 {.text = r->job.route_file},
                                 {.number = line > 0 ? line : TELL_NO_NUMBER}});
}

/* Other rules than tlsstrictness hold for the next hop. */
static bool
is_ruled(const struct root *r)
{
    const struct policy_hop *hop = &r->job.hop;

    return r->job.tlspolicy_line > 0 || hop->login || hop->implicit;
}

/* What control/tlspolicy and a login make of TLS with it. */
void
probe_say_hop(struct root *r)
{
    static const char *const levels[] = {[POLICY_LEVEL_NONE] = "never TLS",
                                         [POLICY_LEVEL_0] = "level 0",
                                         [POLICY_LEVEL_1] = "level 1",
                                         [POLICY_LEVEL_2] = "level 2",
                                         [POLICY_LEVEL_DANE] = "dane"};
    const struct qmail_tlspolicy *p = &r->job.tlspolicy;
    const struct policy_hop *hop = &r->job.hop;
    const struct slice name = slice_of(p->name, p->name_size);
    const struct slice user =
        slice_of(r->job.login.user, r->job.login.user_size);
    uint32_t line = r->job.tlspolicy_line;

    if (is_ruled(r))
        say_put(
            &r->say,
            "[hop]Next hop: {%level}{%first}{, proved by #pins}"
            "{ pinned keys%}{, name $name}{, logs in as $user}{%unsafe}"
            "{, by control/tlspolicy line #line}\n",
            (const union tell[]){
                {.text = levels[hop->level]},
                {.text = hop->implicit ? ", TLS from the first byte" : NULL},
                {.number = hop->pin ? p->pin_count : TELL_NO_NUMBER},
                {.text = hop->pin ? "" : NULL},
                {.slice = &name},
                {.slice = &user},
                {.text = hop->login && hop->unsafe
                             ? ", even where nothing is proved"
                             : NULL},
                {.number = line > 0 ? line : TELL_NO_NUMBER}});
}

void
probe_say_sessions(struct root *r)
{
    if (r->sessions.problem)
        say_put(&r->say, "[sessions]look: {%file} is not used{: %problem}\n",
                (const union tell[]){{.text = sessions_path},
                                     {.text = r->sessions.problem}});
}

/* A name as text, until the next one in its place. */
static const struct slice *
print_name(struct say *s, uint32_t place, const struct dns_name *name)
{
    struct buf out;

    buf_init(&out, s->names[place], sizeof(s->names[place]));
    dns_name_print(&out, name);
    s->texts[place] = buf_slice(&out);
    return &s->texts[place];
}

/* Name servers from `first` on, link-local ones with their interface. */
static struct slice
print_servers(struct buf *out, const struct dns_server *first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buf_put_text(out, ", ");
        addr_print(out, &first[i].at.addr);
        if (first[i].interface[0])
            buf_put_byte(out, '%');
        buf_put_text(out, first[i].interface);
    }
    return buf_slice(out);
}

/* A record of the answer, or that there is none. */
static void
say_answer(struct root *r, const struct dns_task *task,
           const struct addr *address, const struct slice *exchanger,
           uint32_t preference)
{
    static const char states[][sizeof("no host name in it")] = {
        [DNS_PENDING] = "not waited for",  [DNS_FOUND] = "no host name in it",
        [DNS_NODATA] = "no such record",   [DNS_NO_NAME] = "no such name",
        [DNS_FAILED] = "no usable answer",
    };
    const struct dns_query *q = &task->query;
    const struct dns_conf *conf = &r->job.dns;
    struct say *s = &r->say;
    uint8_t bytes[DNS_SERVER_COUNT_MAX * SAY_SERVER_SIZE];
    struct buf room;
    struct slice servers;
    union tell values[] = {
        {.text = q->mx              ? "MX"
                 : q->tlsa          ? "TLSA"
                 : q->type == DNS_A ? "A"
                                    : "AAAA"},
        {.slice = print_name(s, 0, &q->name)},
        {.slice = q->alias_count ? print_name(s, 1, &q->target) : NULL},
        {.text = address || exchanger ? NULL : states[q->state]},
        {.addr = address},
        {.number = preference},
        {.slice = exchanger},
        {.text = NULL},
        {.slice = NULL},
        {.slice = NULL},
        {.number = TELL_NO_NUMBER},
        {.text = NULL}};

    buf_init(&room, bytes, sizeof(bytes));
    if (q->tlsa && q->state == DNS_FOUND)
        values[3].text = !q->secure              ? "not authentic"
                         : tlsa_set_any(q->tlsa) ? "usable records"
                                                 : "no usable record";
    if (q->state == DNS_FAILED && q->refused)
        values[7].text =
            q->refused == DNS_RCODE_SERVFAIL ? "SERVFAIL" : "an error";
    if (q->state != DNS_PENDING && task->answered_ms > 0) {
        servers = print_servers(&room, &conf->servers[task->server], 1);
        values[9].slice = &servers;
        values[10].number = (uint32_t)(task->answered_ms - task->asked_ms);
        values[11].text = "";
    } else if (q->state == DNS_FAILED) {
        servers = print_servers(&room, conf->servers, conf->server_count);
        values[8].slice = &servers;
    }
    say_put(s,
            "[dns]DNS: {%type}{ $name}{, alias of $alias}{: %state}{: &address}"
            "{: #preference}{ $exchanger}{, %error}{ of $asked}{ ($server}"
            "{, #ms}{ ms)%}\n",
            values);
}

static void
say_question(struct root *r, const struct dns_task *task)
{
    const struct dns_query *q = &task->query;
    const struct slice *exchanger = NULL;
    uint32_t preference = TELL_NO_NUMBER;

    for (uint32_t i = 0; i < q->address_count; i++)
        say_answer(r, task, &q->addresses[i], NULL, TELL_NO_NUMBER);
    for (uint32_t i = 0; q->mx && i < q->mx->count; i++)
        say_answer(r, task, NULL, print_name(&r->say, 2, &q->mx->items[i].name),
                   q->mx->items[i].preference);
    if (q->mx && q->mx->null) {
        r->say.texts[2] = SLICE(".");
        exchanger = &r->say.texts[2];
        preference = 0;
    } else if (q->address_count > 0 || (q->mx && q->mx->count > 0)) {
        return;
    }
    say_answer(r, task, NULL, exchanger, preference);
}

void
probe_say_names(struct root *r)
{
    const struct dns_lookup *l = &r->work.resolve.lookup;

    for (uint32_t i = 0; r->targets.live && i < l->task_count; i++)
        if (!l->tasks[i].dropped)
            say_question(r, &l->tasks[i]);
}

/* ---- who ---- */

static void
say_candidate(struct root *r, const char *kind, const struct addr *a,
              uint32_t host, const char *why)
{
    const struct target_name *n = &r->targets.names[host];
    const struct slice name = slice_of(n->text, n->size);
    uint32_t preference = TELL_NO_NUMBER;
    const char *itself = NULL;

    if (r->job.route.kind == ROUTE_MX) {
        preference = r->targets.hosts.list[host].preference;
        if (r->work.resolve.lookup.mx.count == 0)
            itself = "";
    }

    say_put(&r->say,
            "[candidate]{%kind}:{ &address}{ $name}"
            "{, preference #preference}{ (no MX: the domain itself)%}{, not "
            "tried: %why}\n",
            (const union tell[]){{.text = kind},
                                 {.addr = a},
                                 {.slice = name.size > 0 ? &name : NULL},
                                 {.number = preference},
                                 {.text = itself},
                                 {.text = why}});
}

/* NULL: it was not. */
static const char *
why_dropped(const struct root *r, const struct addr *a, uint32_t host)
{
    const struct policy_candidates *c = &r->targets.candidates;
    uint32_t preference = r->targets.hosts.list[host].preference;

    if (!a)
        return "no address known";
    if (targets_is_own(&r->job, a))
        return "an address of this machine";
    if (addr_is_unusable(a))
        return "no server can have it";
    if (c->own_seen && preference >= c->own_preference)
        return "no better than an address of this machine";
    for (uint32_t i = 0; i < c->count; i++)
        if (addr_equal(&c->list[i].to.addr, a))
            return NULL;
    if (c->count < CANDIDATE_COUNT_MAX && host < DANE_HOST_COUNT_MAX)
        return r->targets.dane[host].why;
    return "too many addresses";
}

static void
say_dropped(struct root *r, const struct addr *a, uint32_t host)
{
    const char *why = why_dropped(r, a, host);

    if (why)
        say_candidate(r, "Dropped", a, host, why);
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
probe_say_candidates(struct root *r)
{
    const struct targets *t = &r->targets;
    struct policy_race race;
    uint32_t index = 0;

    policy_race_init(&race, &t->candidates, &t->hosts, 0);
    while ((index = policy_race_next(&race, INT64_MAX)) != POLICY_NOBODY) {
        const struct policy_candidate *c = &t->candidates.list[index];

        policy_race_failed(&race, index);
        say_candidate(r, "Candidate", &c->to.addr, c->host,
                      tcpto_skip(&r->tcpto, &c->to.addr) ? "timed out lately"
                                                         : NULL);
    }
    if (r->job.route.kind == ROUTE_ADDRESS)
        say_dropped(r, &r->job.route.addr, 0);
    for (uint32_t i = 0; i < t->hosts.count; i++)
        say_addresses(r, i);
}

/* ---- a session ---- */

bool
probe_say_connect(struct root *r, uint32_t index)
{
    const struct policy_candidate *c = &r->targets.candidates.list[index];
    const struct target_name *name = &r->targets.names[c->host];
    const struct slice text = slice_of(name->text, name->size);
    struct connect *connect = &r->deliver.connect;
    int fd = connect_again(connect, index);

    say_put(&r->say,
            "[connection]To{ &address}{ $name}{: %result}{ (#ms} ms)\n",
            (const union tell[]){{.addr = &c->to.addr},
                                 {.slice = &text},
                                 {.text = fd < 0 ? connect->why : "connected"},
                                 {.number = say_took_ms(&r->say)}});
    if (fd >= 0)
        deliver_begin(&r->deliver, index, fd);
    return fd >= 0;
}

void
probe_say_reply(struct root *r, enum smtp_step step)
{
    const struct smtp *smtp = &r->work.deliver.smtp;
    const struct slice text = buf_slice(&smtp->reply.text);
    bool hello = step == SMTP_STEP_EHLO || step == SMTP_STEP_HELO;
    bool replied = smtp->look_ready;

    say_put(&r->say,
            "[reply]  {%to}{ $name}{ over %over}{ (#ms} ms){: $text}"
            "{: $why}\n",
            (const union tell[]){{.text = smtp_step_text(step)},
                                 {.slice = hello ? &smtp->config->helo : NULL},
                                 {.text = smtp->secure ? "TLS" : NULL},
                                 {.number = say_took_ms(&r->say)},
                                 {.slice = replied ? &text : NULL},
                                 {.slice = replied ? NULL : &smtp->why}});
}

/* Ready to be pasted into control/tlspolicy. */
static void
say_pin(struct root *r)
{
    static const char digits[] = "0123456789abcdef";
    const struct tls *tls = &r->work.deliver.tls;
    uint8_t bytes[TLS_PIN_TEXT_SIZE];
    struct slice text = slice_of(bytes, sizeof(bytes));

    for (uint32_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)
            digits[i % 2 ? tls->pin[i / 2] & 15 : tls->pin[i / 2] >> 4];
    say_put(&r->say, "[key]  its key:{ pin=$pin}\n",
            (const union tell[]){{.slice = &text}});
}

void
probe_say_tls(struct root *r)
{
    const struct tls *tls = &r->work.deliver.tls;
    struct tls_certificate c;

    say_put(&r->say, "[tls]  TLS{ (#ms} ms){: $protocol}{, $cipher}\n",
            (const union tell[]){{.number = say_took_ms(&r->say)},
                                 {.slice = &tls->proto},
                                 {.slice = &tls->cipher}});
    for (uint32_t i = 0; tls_show(tls, i, &c); i++)
        say_put(&r->say,
                "[certificate]  {%what}{: $subject}{, issued by $issuer}"
                "{, $from}{ to $until}{, for $names}\n",
                (const union tell[]){{.text = c.anchor ? "trust anchor"
                                              : i == 0 ? "certificate"
                                                       : "its authority"},
                                     {.slice = &c.subject},
                                     {.slice = &c.issuer},
                                     {.slice = &c.from},
                                     {.slice = &c.until},
                                     {.slice = &c.names}});
    say_pin(r);
}

void
probe_say_login(struct root *r)
{
    const struct smtp *s = &r->work.deliver.smtp;
    const struct qmail_login *login = &r->job.login;
    const struct slice user = slice_of(login->user, login->user_size);
    const char *how = s->logged_in                       ? "accepted"
                      : s->fault == FAULT_LOGIN          ? "refused"
                      : s->fault == FAULT_LOGIN_ABSENT   ? "not offered"
                      : s->fault == FAULT_LOGIN_UNPROVED ? "not tried"
                                                         : NULL;

    if (login->kind != LOGIN_NONE && how)
        say_put(&r->say, "[login]  login {%result}{ as $user}{, by %by}\n",
                (const union tell[]){
                    {.text = how},
                    {.slice = &user},
                    {.text = s->auth ? smtp_auth_name(s->auth) : NULL}});
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

/* `how` NULL: the mail would not go, attempt says why. */
static void
say_level(struct root *r, uint32_t level, const char *how, const char *but)
{
    const struct slice report = record_of(r, &r->deliver.attempt);
    union tell values[] = {{.number = level}, {.text = NULL}, {.text = ":"},
                           {.text = how},     {.text = but},  {.slice = NULL}};

    if (level == r->job.tls_strictness)
        values[1].text = "as configured";
    if (level == TELL_NO_NUMBER)
        values[2].text = NULL;
    if (!how)
        values[5].slice = &report;
    say_put(&r->say,
            "[session] { at tlsstrictness #level}{, %set}{%}"
            "{ mail would go %how}{, %}{ no mail: $report}\n",
            values);
}

void
probe_say_levels(struct root *r, uint32_t index, enum fault tls)
{
    const struct smtp *smtp = &r->work.deliver.smtp;
    struct outcome *attempt = &r->deliver.attempt;
    const char *how = "in clear", *but = NULL;
    enum policy_dane dane =
        targets_dane(&r->targets, r->targets.candidates.list[index].host);

    if (attempt->fault != FAULT_OK) {
        say_level(r, TELL_NO_NUMBER, NULL, NULL);
        return;
    }
    /* What tlsstrictness says is not what counts. */
    if (is_ruled(r) || dane != POLICY_DANE_NONE)
        return;
    if (smtp->secure && tls != FAULT_TLS_FAILED) {
        how = "over TLS";
        but = "certificate not checked";
    }
    say_level(r, 0, how, but);
    if (!but && r->job.anchors != JOB_ANCHORS_NONE)
        but = "if no other candidate has TLS";
    say_level(r, 1, how, but);
    attempt->fault = tls;
    buf_reset(&attempt->starttls);
    if (tls == FAULT_CONTROL)
        outcome_put(&attempt->detail, buf_slice(&r->outcome.detail));
    say_level(r, 2, tls == FAULT_OK ? "over TLS, verified" : NULL, NULL);
}

char
probe_say_verdict(struct root *r)
{
    const struct outcome *o = &r->outcome;
    const struct slice report = record_of(r, o), tls = buf_slice(&o->starttls);
    const char *class = &fault_row(o->fault)->class;
    const struct slice letter = slice_of(class, 1);
    const char *words = *class == 'K'   ? "be sent to"
                        : *class == 'D' ? "bounce"
                                        : "wait in the queue";
    bool sent = *class == 'K';

    say_put(&r->say,
            "[verdict]{!$class}Result: now the mail would {%}{ &address}"
            "{ (recipient not asked)%}{, $tls}{: $report}\n",
            (const union tell[]){{.slice = &letter},
                                 {.text = words},
                                 {.addr = sent ? &o->ip : NULL},
                                 {.text = sent ? "" : NULL},
                                 {.slice = sent ? &tls : NULL},
                                 {.slice = sent ? NULL : &report}});
    return *class;
}
