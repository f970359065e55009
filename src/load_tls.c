/* SPDX-License-Identifier: ISC */
#include "load_tls.h"

#include "base/ascii.h"
#include "os/os.h"
#include "outcome.h"

static const char anchors_file[] = "control/trustanchors";
static const char tlspolicy_file[] = "control/tlspolicy";

static enum fault
load_strictness(struct loader *l)
{
    struct slice value;
    bool found = false;
    enum fault fault =
        loader_read_value(l, "control/tlsstrictness", &value, &found);
    enum qmail_problem problem = PROBLEM_NONE;

    if (fault != FAULT_OK || !found)
        return fault;
    problem = qmail_control_strictness(value, &l->job->tls_strictness);
    return problem == PROBLEM_NONE ? FAULT_OK
                                   : loader_complain(l, false, problem);
}

/* ---- tlspolicy ---- */

/* The relay where a route names one, else the host. */
static struct slice
next_hop(const struct job *job, struct buf *text)
{
    if (!job->route.relay)
        return job->name;
    if (job->route.kind == ROUTE_NAME)
        return qmail_route_name(&job->route);
    addr_print(text, &job->route.addr);
    return buf_slice(text);
}

static enum fault
load_policy(struct loader *l)
{
    struct qmail_tlspolicy_search *s = &l->work->tlspolicy;
    struct job *job = l->job;
    uint8_t bytes[ADDR_TEXT_SIZE_MAX];
    struct slice line;
    struct buf text;
    enum file_result result = FILE_END;

    buf_init(&text, bytes, sizeof(bytes));
    qmail_tlspolicy_init(s, next_hop(job, &text));
    file_open(l->file, tlspolicy_file, l->detail);
    while ((result = file_next(l->file, &line)) == FILE_LINE) {
        enum qmail_problem problem = PROBLEM_NONE;

        if (qmail_control_skip(line))
            continue;
        problem = qmail_lines_check(&l->file->lines, line);
        if (problem != PROBLEM_NONE)
            return loader_complain(l, true, problem);
        qmail_tlspolicy_offer(s, line, l->file->lines.number);
    }
    if (result == FILE_BAD)
        return FAULT_CONTROL;
    if (s->problem == PROBLEM_NONE && s->policy.level == TLS_LEVEL_DANE &&
        !dns_conf_is_believable(&job->dns))
        s->problem = PROBLEM_DANE;
    if (s->problem == PROBLEM_NONE && s->policy.level == TLS_LEVEL_NONE &&
        job->login.kind != LOGIN_NONE)
        s->problem = PROBLEM_NONE_LOGIN;
    l->file->lines.number = s->key.line;
    if (s->problem != PROBLEM_NONE)
        return loader_complain(l, true, s->problem);
    job->tlspolicy = s->policy;
    job->tlspolicy_line = s->key.line;
    return FAULT_OK;
}

/* Known to be; a relay's name may be, too. */
static bool
is_loopback(const struct job *job)
{
    return job->route.kind == ROUTE_ADDRESS &&
           addr_is_loopback(&job->route.addr);
}

/* DANE is on for the run if the name servers may be believed; at level dane
 * they may. What the administrator says of keys, or of no TLS, is his last
 * word. */
static enum fault
load_dane(struct loader *l)
{
    struct job *job = l->job;
    const struct qmail_tlspolicy *p = &job->tlspolicy;
    struct slice value;
    bool found = false;
    enum fault fault = loader_read_value(l, "control/dane", &value, &found);
    enum qmail_problem problem = PROBLEM_NONE;

    if (fault == FAULT_OK && found)
        problem = qmail_control_switch(value, &job->dane);
    if (problem != PROBLEM_NONE)
        return loader_complain(l, false, problem);
    job->dns.secure = (job->dane || p->level == TLS_LEVEL_DANE) &&
                      p->level != TLS_LEVEL_NONE && p->pin_count == 0 &&
                      dns_conf_is_believable(&job->dns);
    return fault;
}

/* ---- MTA-STS ---- */

/* Whose policies are files: names as they are asked of the DNS, so that none is
 * a path. */
static bool
name_sts(struct job *job)
{
    struct buf *path = &job->mtasts_path;
    struct slice name = qmail_key_undot(job->route.kind == ROUTE_NAME
                                            ? qmail_route_name(&job->route)
                                            : job->name);

    buf_init(path, job->mtasts_bytes, sizeof(job->mtasts_bytes) - 1);
    if (job->route.kind == ROUTE_ADDRESS ||
        qmail_control_name(name) != PROBLEM_NONE)
        return false;
    buf_put_text(path, "control/mtasts/");
    for (size_t i = 0; i < name.size; i++)
        buf_put_byte(path, ascii_lower(name.data[i]));
    job->mtasts_bytes[path->used] = 0;
    return true;
}

/* What tlspolicy says of keys, of DANE or of no TLS is stronger. */
static enum fault
load_sts(struct loader *l)
{
    struct job *job = l->job;
    struct qmail_mtasts *m = &job->mtasts;
    enum qmail_tls_level level = job->tlspolicy.level;
    struct slice line;
    enum file_result result = FILE_END;

    if (level == TLS_LEVEL_NONE || level == TLS_LEVEL_DANE ||
        job->tlspolicy.pin_count > 0 || !name_sts(job))
        return FAULT_OK;
    file_open(l->file, (const char *)job->mtasts_bytes, l->detail);
    if (!l->file->present && !l->file->bad) {
        buf_reset(&job->mtasts_path);
        return FAULT_OK;
    }
    qmail_mtasts_init(m, l->file->left);
    while ((result = file_next(l->file, &line)) == FILE_LINE)
        qmail_mtasts_line(m, line);
    if (result == FILE_BAD)
        return FAULT_CONTROL;
    qmail_mtasts_end(m);
    job->mtasts_s = l->file->modified_s;
    job->hop.sts = qmail_mtasts_holds(m, job->mtasts_s, os_wall_s());
    if (job->hop.sts && m->problem != PROBLEM_NONE)
        return loader_complain(l, false, m->problem);
    return FAULT_OK;
}

/* What all of it says of the next hop. */
static void
fill_hop(struct job *job)
{
    static const enum policy_level levels[] = {
        [TLS_LEVEL_NONE] = POLICY_LEVEL_NONE,
        [TLS_LEVEL_0] = POLICY_LEVEL_0,
        [TLS_LEVEL_1] = POLICY_LEVEL_1,
        [TLS_LEVEL_2] = POLICY_LEVEL_2,
        [TLS_LEVEL_DANE] = POLICY_LEVEL_DANE};
    const struct qmail_tlspolicy *p = &job->tlspolicy;
    bool login = job->login.kind != LOGIN_NONE;

    job->hop = (struct policy_hop){
        .level = p->level == TLS_LEVEL_DEFAULT
                     ? POLICY_LEVEL_0 + job->tls_strictness
                     : levels[p->level],
        .tls_on = job->anchors != JOB_ANCHORS_NONE || login ||
                  job->tlspolicy_line > 0 || job->dns.secure,
        .pin = p->pin_count > 0,
        .implicit = p->implicit || job->route.port == SUBMISSIONS_PORT,
        .login = login,
        .unsafe = p->unsafe_login,
        .relay = job->route.relay,
        .sts = job->hop.sts};
}

/* ---- trust anchors ---- */

/* There are none, and what for they are wanted. */
static enum fault
miss_anchors(struct loader *l)
{
    const struct job *job = l->job;
    uint8_t bytes[ADDR_TEXT_SIZE_MAX];
    struct buf text;

    buf_init(&text, bytes, sizeof(bytes));
    outcome_put_text(l->detail, anchors_file);
    if (job->tlspolicy.level == TLS_LEVEL_2) {
        outcome_put_text(l->detail, ": needed by ");
        outcome_put_text(l->detail, tlspolicy_file);
        outcome_put_text(l->detail, ":");
        buf_put_number(l->detail, job->tlspolicy_line, 1);
    } else if (job->hop.login && job->hop.level != POLICY_LEVEL_2) {
        outcome_put_text(l->detail, ": needed to log in at ");
        outcome_put(l->detail, next_hop(job, &text));
    } else if (job->hop.sts && job->hop.level != POLICY_LEVEL_2) {
        outcome_put_text(l->detail, ": needed by ");
        outcome_put(l->detail, buf_slice(&job->mtasts_path));
    } else {
        outcome_put_text(l->detail, ": needed at tlsstrictness 2");
    }
    return FAULT_CONTROL;
}

static enum fault
open_anchors(struct loader *l)
{
    struct job *job = l->job;
    const char *why = NULL;
    int fd = OS_NONE;

    if (job->anchors == JOB_ANCHORS_NONE)
        return miss_anchors(l);
    fd = os_open(OS_NONE, (const char *)l->path_bytes, false);
    if (fd == OS_MISSING)
        return loader_complain_path(l, "no such file");
    if (fd < 0)
        return loader_complain_path(l, os_why());
    job->anchors_fd = fd;
    why = anchors_check(&l->work->anchors, job);
    if (!why)
        return FAULT_OK;
    os_close(fd);
    job->anchors_fd = OS_NONE;
    return loader_complain_path(l, why);
}

/* Names have to be proved. Where only a login asks for it, the addresses of a
 * relay's name may be loopback, which need not prove theirs. */
static bool
needs_anchors(const struct job *job)
{
    const struct policy_hop *hop = &job->hop;

    if (policy_demand_of(hop, is_loopback(job), POLICY_DANE_NONE, true).proof !=
        POLICY_PROOF_NAME)
        return false;
    return job->anchors != JOB_ANCHORS_NONE || hop->level == POLICY_LEVEL_2 ||
           hop->sts || job->route.kind != ROUTE_NAME;
}

/* What the path says is only read where it is needed, or for a survey. */
static enum fault
load_anchors(struct loader *l, bool survey)
{
    struct job *job = l->job;
    enum fault fault = loader_read_path(l, anchors_file);

    if (fault != FAULT_OK)
        return fault;
    job->anchors_fd = OS_NONE;
    if (l->path.used > 0)
        job->anchors = l->path_bytes[l->path.used - 1] == '/'
                           ? JOB_ANCHORS_DIRECTORY
                           : JOB_ANCHORS_BUNDLE;
    fill_hop(job);
    if (needs_anchors(job))
        return open_anchors(l);
    if (survey)
        (void)open_anchors(l);
    return FAULT_OK;
}

/* ---- the client certificate ---- */

static enum fault
read_pem(struct loader *l, struct buf *out)
{
    enum fault fault = loader_read(l, false, out);

    if (fault == FAULT_OK && out->used == 0)
        return loader_complain_path(l, "file is empty");
    return fault;
}

/* Offered when both files name one and TLS may be spoken; both files have to be
 * readable in any case. */
static enum fault
load_client(struct loader *l)
{
    struct job *job = l->job;
    enum fault fault = loader_read_path(l, "control/clientkey");
    bool used =
        l->path.used > 0 &&
        policy_demand_of(&job->hop, is_loopback(job), POLICY_DANE_NONE, true)
                .tls != POLICY_TLS_OFF;

    buf_init(&job->client_cert, job->client_cert_bytes,
             sizeof(job->client_cert_bytes));
    buf_init(&job->client_key, job->client_key_bytes,
             sizeof(job->client_key_bytes));
    if (fault == FAULT_OK)
        fault = loader_read_path(l, "control/clientcert");
    if (fault != FAULT_OK || !used || l->path.used == 0)
        return fault;
    fault = read_pem(l, &job->client_cert);
    if (fault == FAULT_OK)
        fault = loader_read_path(l, "control/clientkey");
    if (fault == FAULT_OK)
        fault = read_pem(l, &job->client_key);
    return fault;
}

enum fault
load_tls(struct loader *l, bool survey)
{
    enum fault fault = load_strictness(l);

    if (fault == FAULT_OK)
        fault = load_policy(l);
    if (fault == FAULT_OK)
        fault = load_dane(l);
    if (fault == FAULT_OK)
        fault = load_sts(l);
    if (fault == FAULT_OK)
        fault = load_anchors(l, survey);
    return fault == FAULT_OK ? load_client(l) : fault;
}
