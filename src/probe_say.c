/* SPDX-License-Identifier: ISC */
#include "probe_say.h"

#include "os/os.h"
#include "tls/show.h"

/* ---- where to ---- */

void
probe_say_begin(struct root *r, struct slice address)
{
    struct qmail_tell *t = say_begin(&r->say, "probe");

    qmail_tell_text(t, "mote ", "version", MOTE_VERSION);
    qmail_tell_number(t, NULL, "time", (uint64_t)os_wall_s());
    qmail_tell_slice(t, ", mail for ", "mail_for", address);
    say_end(&r->say);
}

void
probe_say_route(struct root *r)
{
    static const char *const kinds[] = {[ROUTE_MX] = "exchangers",
                                        [ROUTE_NAME] = "relay",
                                        [ROUTE_ADDRESS] = "address"};
    const struct qmail_route *route = &r->job.route;
    uint32_t line = r->job.route_line;
    struct qmail_tell *t = say_begin(&r->say, "route");

    qmail_tell_words(t, "Route for ");
    qmail_tell_slice(t, "", "host", r->job.host);
    qmail_tell_text(t, ": ", "kind", kinds[route->kind]);
    qmail_tell_slice(t, " ", "relay", qmail_route_name(route));
    qmail_tell_addr(t, " ", "address", &route->addr);
    qmail_tell_number(t, ", port ", "port", route->port);
    qmail_tell_text(t, ", by ", "file", r->job.route_file);
    qmail_tell_number(t, " line ", "line", line > 0 ? line : TELL_NO_NUMBER);
    say_end(&r->say);
}

/* Other rules than tlsstrictness hold for the next hop. */
static bool
is_ruled(const struct root *r)
{
    const struct policy_hop *hop = &r->job.hop;

    return r->job.tlspolicy_line > 0 || hop->login || hop->implicit;
}

/* Its policy of MTA-STS, obeyed or not. */
static void
say_policy(struct root *r)
{
    static const struct qmail_tell_word modes[] = {
        [MTASTS_UNKNOWN] = {"no policy", "unknown"},
        [MTASTS_NONE] = {"mode none", "none"},
        [MTASTS_TESTING] = {"mode testing", "testing"},
        [MTASTS_ENFORCE] = {"enforced", "enforce"}};
    const struct qmail_mtasts *m = &r->job.mtasts;
    int64_t age_s = os_wall_s() - r->job.mtasts_s;
    bool fresh = age_s < (int64_t)m->max_age_s;
    struct qmail_tell *t = NULL;

    if (r->job.mtasts_path.used == 0)
        return;
    t = say_begin(&r->say, "mtasts");
    qmail_tell_slice(t, "MTA-STS: ", "file", buf_slice(&r->job.mtasts_path));
    qmail_tell_word(t, ": ", "mode", modes[m->mode]);
    qmail_tell_number(t, ", ", "age_s", age_s > 0 ? (uint64_t)age_s : 0);
    qmail_tell_words(t, " s old");
    if (fresh) {
        qmail_tell_number(t, ", expires in ", "expires_s",
                          (uint64_t)(m->max_age_s - age_s));
        qmail_tell_words(t, " s");
    }
    if (!r->job.hop.sts)
        qmail_tell_word(t, ", ", "state",
                        fresh ? TELL_WORD("not in force", "not_in_force")
                              : TELL_WORD("expired", "expired"));
    say_end(&r->say);
}

/* What control/tlspolicy and a login make of TLS with it. */
static void
say_hop(struct root *r)
{
    static const struct qmail_tell_word levels[] = {
        [POLICY_LEVEL_NONE] = {"never TLS", "none"},
        [POLICY_LEVEL_0] = {"level 0", "0"},
        [POLICY_LEVEL_1] = {"level 1", "1"},
        [POLICY_LEVEL_2] = {"level 2", "2"},
        [POLICY_LEVEL_DANE] = {"dane", "dane"}};
    const struct qmail_tlspolicy *p = &r->job.tlspolicy;
    const struct qmail_login *login = &r->job.login;
    const struct policy_hop *hop = &r->job.hop;
    uint32_t line = r->job.tlspolicy_line;
    struct qmail_tell *t = NULL;

    if (!is_ruled(r))
        return;
    t = say_begin(&r->say, "hop");
    qmail_tell_words(t, "Next hop: ");
    qmail_tell_word(t, "", "level", levels[hop->level]);
    qmail_tell_flag(t, ", TLS from the first byte", "implicit", hop->implicit);
    if (hop->pin) {
        qmail_tell_number(t, ", proved by ", "pins", p->pin_count);
        qmail_tell_words(t, " pinned keys");
    }
    qmail_tell_slice(t, ", name ", "wanted_name",
                     slice_of(p->name, p->name_size));
    qmail_tell_slice(t, ", logs in as ", "user",
                     slice_of(login->user, login->user_size));
    qmail_tell_flag(t, ", even where nothing is proved", "unsafe",
                    hop->login && hop->unsafe);
    qmail_tell_number(t, ", by control/tlspolicy line ", "line",
                      line > 0 ? line : TELL_NO_NUMBER);
    say_end(&r->say);
}

void
probe_say_hop(struct root *r)
{
    say_hop(r);
    say_policy(r);
}

void
probe_say_sessions(struct root *r)
{
    struct qmail_tell *t = NULL;

    if (!r->sessions.problem)
        return;
    t = say_begin(&r->say, "look");
    qmail_tell_text(t, "look: ", "file", sessions_path);
    qmail_tell_word(t, " ", "what", TELL_WORD("is not used", "not_used"));
    qmail_tell_text(t, ": ", "why", r->sessions.problem);
    say_end(&r->say);
}

/* ---- a session ---- */

bool
probe_say_connect(struct root *r, uint32_t index)
{
    const struct policy_candidate *c = &r->targets.candidates.list[index];
    const struct target_name *n = &r->targets.names[c->host];
    const struct slice name = slice_of(n->text, n->size);
    struct connect *connect = &r->deliver.connect;
    int fd = connect_again(connect, index);
    struct qmail_tell *t = NULL;

    say_about(&r->say, &c->to.addr, name);
    t = say_begin(&r->say, "connection");
    qmail_tell_words(t, "To");
    qmail_tell_addr(t, " ", NULL, &c->to.addr);
    qmail_tell_slice(t, " ", NULL, name);
    qmail_tell_word(t, ": ", "result",
                    fd < 0 ? TELL_WORD("", "failed")
                           : TELL_WORD("connected", "connected"));
    qmail_tell_text(t, ": ", "why", fd < 0 ? connect->why : NULL);
    qmail_tell_number(t, " (", "ms", say_took_ms(&r->say));
    qmail_tell_words(t, " ms)");
    say_end(&r->say);
    if (fd >= 0)
        deliver_begin(&r->deliver, index, fd);
    return fd >= 0;
}

void
probe_say_reply(struct root *r, enum smtp_step step)
{
    const struct smtp *smtp = &r->work.deliver.smtp;
    const char *to = smtp_step_text(step);
    struct qmail_tell *t = say_begin(&r->say, "reply");

    qmail_tell_word(
        t, "  ", "to",
        TELL_WORD(to, step == SMTP_STEP_GREETING ? "greeting" : to));
    if (step == SMTP_STEP_EHLO || step == SMTP_STEP_HELO)
        qmail_tell_slice(t, " ", "helo", smtp->config->helo);
    qmail_tell_flag(t, " over TLS", "tls", smtp->secure);
    qmail_tell_number(t, " (", "ms", say_took_ms(&r->say));
    qmail_tell_words(t, " ms)");
    if (smtp->look_ready) {
        qmail_tell_number(t, NULL, "code", smtp->reply.code);
        qmail_tell_slice(t, ": ", "text", buf_slice(&smtp->reply.text));
    } else {
        qmail_tell_slice(t, ": ", "why", smtp->why);
    }
    say_end(&r->say);
}

/* Ready to be pasted into control/tlspolicy. */
static void
say_pin(struct root *r)
{
    const struct tls *tls = &r->work.deliver.tls;
    uint8_t bytes[TLS_PIN_TEXT_SIZE];
    struct qmail_tell *t = say_begin(&r->say, "key");
    struct buf out;

    buf_init(&out, bytes, sizeof(bytes));
    for (uint32_t i = 0; i < sizeof(tls->pin); i++)
        buf_put_hex(&out, tls->pin[i], 2);
    qmail_tell_slice(t, "  its key: pin=", "pin", buf_slice(&out));
    say_end(&r->say);
}

void
probe_say_tls(struct root *r)
{
    const struct tls *tls = &r->work.deliver.tls;
    struct tls_certificate c;
    struct qmail_tell *t = say_begin(&r->say, "tls");

    qmail_tell_number(t, "  TLS (", "ms", say_took_ms(&r->say));
    qmail_tell_slice(t, " ms): ", "protocol", tls->proto);
    qmail_tell_slice(t, ", ", "cipher", tls->cipher);
    say_end(&r->say);
    for (uint32_t i = 0; tls_show(tls, i, &c); i++) {
        t = say_begin(&r->say, "certificate");
        qmail_tell_word(t, "  ", "what",
                        c.anchor ? TELL_WORD("trust anchor", "anchor")
                        : i == 0 ? TELL_WORD("certificate", "server")
                                 : TELL_WORD("its authority", "authority"));
        qmail_tell_slice(t, ": ", "subject", c.subject);
        qmail_tell_slice(t, ", issued by ", "issuer", c.issuer);
        qmail_tell_slice(t, ", ", "from", c.from);
        qmail_tell_slice(t, " to ", "until", c.until);
        qmail_tell_slice(t, ", for ", "names", c.names);
        say_end(&r->say);
    }
    say_pin(r);
}

void
probe_say_login(struct root *r)
{
    const struct smtp *s = &r->work.deliver.smtp;
    const struct qmail_login *login = &r->job.login;
    struct qmail_tell_word how =
        s->logged_in              ? TELL_WORD("accepted", "accepted")
        : s->fault == FAULT_LOGIN ? TELL_WORD("refused", "refused")
        : s->fault == FAULT_LOGIN_ABSENT
            ? TELL_WORD("not offered", "not_offered")
        : s->fault == FAULT_LOGIN_UNPROVED ? TELL_WORD("not tried", "not_tried")
                                           : TELL_WORD(NULL, NULL);
    struct qmail_tell *t = NULL;

    if (login->kind == LOGIN_NONE || !how.code)
        return;
    t = say_begin(&r->say, "login");
    qmail_tell_word(t, "  login ", "result", how);
    qmail_tell_slice(t, " as ", "user",
                     slice_of(login->user, login->user_size));
    qmail_tell_text(t, ", by ", "by", s->auth ? smtp_auth_name(s->auth) : NULL);
    say_end(&r->say);
}

/* ---- verdicts ---- */

/* The record of the report, without its letter and its NUL. */
static void
put_report(struct root *r, const char *words, const struct outcome *o)
{
    const struct fault_row *row = fault_row(o->fault);
    struct qmail_verdict verdict = outcome_verdict(o, r->job.host);

    qmail_report_init(&r->report, 1);
    qmail_report_final(&r->report, &verdict);
    qmail_tell_text(&r->say.tell, NULL, "fault", row->name);
    if (row->code[0])
        qmail_tell_text(&r->say.tell, NULL, "status", row->code);
    qmail_tell_slice(
        &r->say.tell, words, "report",
        slice_part(buf_slice(&r->report.out), 1, r->report.out.used - 1));
}

/* `how` of none: the mail would not go, attempt says why. */
static void
say_level(struct root *r, uint32_t level, struct qmail_tell_word how,
          struct qmail_tell_word but)
{
    struct qmail_tell *t = say_begin(&r->say, "session");

    qmail_tell_words(t, " ");
    qmail_tell_number(t, " at tlsstrictness ", "level", level);
    qmail_tell_flag(t, ", as configured", "configured",
                    level == r->job.tls_strictness);
    if (level != TELL_NO_NUMBER)
        qmail_tell_words(t, ":");
    qmail_tell_word(t, " mail would go ", "how", how);
    qmail_tell_word(t, ", ", "but", but);
    if (!how.code)
        put_report(r, " no mail: ", &r->deliver.attempt);
    say_end(&r->say);
}

void
probe_say_levels(struct root *r, uint32_t index, enum fault tls)
{
    const struct qmail_tell_word no = TELL_WORD(NULL, NULL);
    const struct smtp *smtp = &r->work.deliver.smtp;
    struct outcome *attempt = &r->deliver.attempt;
    struct qmail_tell_word how = TELL_WORD("in clear", "clear"), but = no;
    enum policy_dane dane =
        targets_dane(&r->targets, r->targets.candidates.list[index].host);

    if (attempt->fault != FAULT_OK) {
        say_level(r, TELL_NO_NUMBER, no, no);
        return;
    }
    /* What tlsstrictness says is not what counts. */
    if (is_ruled(r) || r->job.hop.sts || dane != POLICY_DANE_NONE)
        return;
    if (smtp->secure && tls != FAULT_TLS_FAILED) {
        how = TELL_WORD("over TLS", "tls");
        but = TELL_WORD("certificate not checked", "unchecked");
    }
    say_level(r, 0, how, but);
    if (!but.code && r->job.anchors != JOB_ANCHORS_NONE)
        but = TELL_WORD("if no other candidate has TLS", "unless_other_tls");
    say_level(r, 1, how, but);
    attempt->fault = tls;
    buf_reset(&attempt->starttls);
    if (tls == FAULT_CONTROL)
        outcome_put(&attempt->detail, buf_slice(&r->outcome.detail));
    say_level(
        r, 2,
        tls == FAULT_OK ? TELL_WORD("over TLS, verified", "verified") : no, no);
}

char
probe_say_verdict(struct root *r)
{
    const struct outcome *o = &r->outcome;
    char class = fault_row(o->fault)->class;
    struct qmail_tell *t = NULL;

    say_about(&r->say, NULL, SLICE(""));
    t = say_begin(&r->say, "verdict");
    qmail_tell_word(t, "Result: now the mail would ", "class",
                    class == 'K'   ? TELL_WORD("be sent to", "K")
                    : class == 'D' ? TELL_WORD("bounce", "D")
                                   : TELL_WORD("wait in the queue", "Z"));
    if (class == 'K') {
        qmail_tell_addr(t, " ", "address", &o->ip);
        qmail_tell_words(t, " (recipient not asked)");
        qmail_tell_slice(t, ", ", "tls", buf_slice(&o->starttls));
    } else {
        put_report(r, ": ", o);
    }
    say_end(&r->say);
    return class;
}
