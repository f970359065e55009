/* SPDX-License-Identifier: ISC */
#include "load.h"

#include "base/ascii.h"
#include "os/os.h"
#include "outcome.h"
#include "smtp/address.h"

struct loader {
    struct job *job;
    struct file *file;
    struct anchors_work *anchors;
    struct buf *detail;
    struct buf path; /* the last one read by read_path; NUL-ended */
    uint8_t path_bytes[CONTROL_LINE_SIZE_MAX + 1];
};

/* ---- argv ---- */

static enum fault
complain_usage(struct loader *l, const char *why)
{
    outcome_put_text(l->detail, why);
    return FAULT_USAGE;
}

static enum fault
check_address(struct loader *l, struct slice address)
{
    enum smtp_address_problem problem = smtp_address_check(address);

    if (problem == SMTP_ADDRESS_OK)
        return FAULT_OK;
    if (problem == SMTP_ADDRESS_NOT_ASCII)
        return FAULT_NOT_ASCII;
    return complain_usage(l, smtp_address_why(problem));
}

static enum fault
check_host(struct loader *l)
{
    struct slice host = l->job->host;

    for (size_t i = 0; i < host.size; i++)
        if (host.data[i] > 0x7f)
            return FAULT_NOT_ASCII;
    for (size_t i = 0; i < host.size; i++)
        if (ascii_control(host.data[i]))
            return complain_usage(l, "host contains a control character");
    return FAULT_OK;
}

static enum fault
load_args(struct loader *l, const struct load_args *args)
{
    enum { HOST = 1, SENDER = 2, RECIPIENT = 3 };
    struct job *job = l->job;
    enum fault fault = FAULT_OK;

    if (args->count <= RECIPIENT)
        return FAULT_USAGE;
    if (args->count - RECIPIENT > RECIPIENT_COUNT_MAX)
        return complain_usage(l, "too many recipients");
    job->host = slice_text(args->values[HOST]);
    job->sender = slice_text(args->values[SENDER]);
    fault = check_host(l);
    if (fault == FAULT_OK)
        fault = check_address(l, job->sender);
    for (int i = RECIPIENT; i < args->count && fault == FAULT_OK; i++) {
        struct slice recipient = slice_text(args->values[i]);

        job->recipients[job->recipient_count++] = recipient;
        fault = recipient.size > 0 ? check_address(l, recipient)
                                   : complain_usage(l, "empty recipient");
    }
    return fault;
}

/* ---- values ---- */

static enum fault
complain(struct loader *l, bool list, enum qmail_problem problem)
{
    file_complain(l->file, list, qmail_problem_text(problem));
    file_close(l->file);
    return FAULT_CONTROL;
}

/* The first line of a file; *found is false when there is no file. */
static enum fault
read_value(struct loader *l, const char *path, struct slice *value, bool *found)
{
    enum file_result result = FILE_END;
    enum qmail_problem problem = PROBLEM_NONE;

    *value = slice_of(path, 0);
    file_open(l->file, path, l->detail);
    *found = l->file->present;
    result = file_next(l->file, value);
    if (result == FILE_BAD)
        return FAULT_CONTROL;
    if (result == FILE_END)
        return FAULT_OK;
    problem = qmail_lines_check(&l->file->lines, *value);
    if (problem != PROBLEM_NONE)
        return complain(l, false, problem);
    file_close(l->file);
    return FAULT_OK;
}

static enum fault
read_seconds(struct loader *l, const char *path, uint32_t normal, uint32_t *out)
{
    struct slice value;
    bool found = false;
    enum fault fault = read_value(l, path, &value, &found);
    enum qmail_problem problem = PROBLEM_NONE;

    if (fault != FAULT_OK)
        return fault;
    problem = qmail_control_seconds(value, normal, out);
    return problem == PROBLEM_NONE ? FAULT_OK : complain(l, false, problem);
}

/* helohost, else me; an empty one counts as missing. As in stock, me has to be
 * readable in any case. */
static enum fault
load_helo(struct loader *l)
{
    static const char *const paths[] = {"control/helohost", "control/me"};
    struct job *job = l->job;

    buf_init(&job->helo, job->helo_bytes, sizeof(job->helo_bytes));
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct slice value;
        bool found = false;
        enum fault fault = read_value(l, paths[i], &value, &found);
        enum qmail_problem problem = PROBLEM_NONE;

        if (fault != FAULT_OK)
            return fault;
        if (value.size == 0 || job->helo.used > 0)
            continue;
        problem = qmail_control_host(value);
        if (problem != PROBLEM_NONE)
            return complain(l, false, problem);
        buf_put(&job->helo, value);
    }
    if (job->helo.used > 0)
        return FAULT_OK;
    outcome_put_text(l->detail, "control/me: is missing or empty");
    return FAULT_CONTROL;
}

static enum fault
load_timeouts(struct loader *l)
{
    struct job *job = l->job;
    uint32_t dns_s = 0;
    enum fault fault = read_seconds(l, "control/timeoutconnect",
                                    CONNECT_TIMEOUT_S, &job->connect_timeout_s);

    if (fault == FAULT_OK)
        fault = read_seconds(l, "control/timeoutremote", REMOTE_TIMEOUT_S,
                             &job->remote_timeout_s);
    if (fault == FAULT_OK)
        fault = read_seconds(l, "control/timeoutdns", 0, &dns_s);
    job->dns.timeout_ms = dns_s * 1000;
    return fault;
}

static enum fault
load_from(struct loader *l)
{
    static const char *const paths[] = {"control/outgoingip",
                                        "control/outgoingip6"};

    for (uint32_t i = 0; i < ADDR_FAMILY_COUNT; i++) {
        struct slice value;
        bool found = false;
        struct addr a;
        enum fault fault = read_value(l, paths[i], &value, &found);

        if (fault != FAULT_OK)
            return fault;
        if (addr_parse(value, &a) && a.family == ADDR_IPV4 + i &&
            !addr_is_unspecified(&a))
            l->job->from[i] = a;
    }
    return FAULT_OK;
}

/* ---- lists ---- */

static enum fault
load_ipme(struct loader *l)
{
    struct slice line;
    enum file_result result = FILE_END;

    qmail_ipme_init(&l->job->ipme);
    file_open(l->file, "control/ipme", l->detail);
    while ((result = file_next(l->file, &line)) == FILE_LINE) {
        enum qmail_problem problem = PROBLEM_NONE;

        if (qmail_control_skip(line))
            continue;
        problem = qmail_lines_check(&l->file->lines, line);
        if (problem == PROBLEM_NONE)
            problem = qmail_ipme_add(&l->job->ipme, line);
        if (problem != PROBLEM_NONE)
            return complain(l, true, problem);
    }
    return result == FILE_BAD ? FAULT_CONTROL : FAULT_OK;
}

static enum fault
load_route(struct loader *l)
{
    struct qmail_route_search search;
    struct slice line;
    enum file_result result = FILE_END;

    qmail_route_init(&search, l->job->host);
    file_open(l->file, "control/smtproutes", l->detail);
    while ((result = file_next(l->file, &line)) == FILE_LINE) {
        enum qmail_problem problem = PROBLEM_NONE;

        if (qmail_control_skip(line))
            continue;
        problem = qmail_lines_check(&l->file->lines, line);
        if (problem != PROBLEM_NONE)
            return complain(l, true, problem);
        qmail_route_offer(&search, line, l->file->lines.number);
    }
    if (result == FILE_BAD)
        return FAULT_CONTROL;
    if (search.problem != PROBLEM_NONE) {
        l->file->lines.number = search.line;
        return complain(l, true, search.problem);
    }
    l->job->route = search.route;
    l->job->route_line = search.line;
    return FAULT_OK;
}

/* ---- TLS ---- */

/* A path, NUL-ended in l->path; empty when there is none. */
static enum fault
read_path(struct loader *l, const char *file)
{
    struct slice value;
    bool found = false;
    enum fault fault = read_value(l, file, &value, &found);

    buf_init(&l->path, l->path_bytes, sizeof(l->path_bytes));
    if (fault != FAULT_OK)
        return fault;
    buf_put(&l->path, value);
    l->path_bytes[value.size] = 0;
    return FAULT_OK;
}

/* `control/FILE: PATH: reason` */
static enum fault
complain_path(struct loader *l, const char *file, const char *why)
{
    buf_reset(l->detail);
    outcome_put_text(l->detail, file);
    outcome_put_text(l->detail, ": ");
    outcome_put(l->detail, buf_slice(&l->path));
    outcome_put_text(l->detail, ": ");
    outcome_put_text(l->detail, why);
    return FAULT_CONTROL;
}

static enum fault
read_pem(struct loader *l, const char *file, struct buf *out)
{
    int fd = os_open(OS_NONE, (const char *)l->path_bytes, false);
    struct os_file info;
    ptrdiff_t n = 0;

    if (fd == OS_MISSING)
        return complain_path(l, file, "no such file");
    if (fd < 0)
        return complain_path(l, file, os_why());
    if (!os_stat(fd, &info) || info.kind != OS_REGULAR) {
        os_close(fd);
        return complain_path(l, file, "not a regular file");
    }
    do {
        n = os_read(fd, out->data + out->used, buf_room(out));
        if (n > 0)
            out->used += (size_t)n;
    } while (n > 0 && buf_room(out) > 0);
    os_close(fd);
    if (n < 0)
        return complain_path(l, file, os_why());
    if (n > 0)
        return complain_path(l, file, "file too long");
    if (out->used == 0)
        return complain_path(l, file, "file is empty");
    return FAULT_OK;
}

/* Offered when both files name one and STARTTLS is tried; both files have to
 * be readable in any case. */
static enum fault
load_client(struct loader *l)
{
    struct job *job = l->job;
    enum fault fault = read_path(l, "control/clientkey");
    bool used = l->path.used > 0 && job->anchors != JOB_ANCHORS_NONE;

    buf_init(&job->client_cert, job->client_cert_bytes,
             sizeof(job->client_cert_bytes));
    buf_init(&job->client_key, job->client_key_bytes,
             sizeof(job->client_key_bytes));
    if (fault == FAULT_OK)
        fault = read_path(l, "control/clientcert");
    if (fault != FAULT_OK || !used || l->path.used == 0)
        return fault;
    fault = read_pem(l, "control/clientcert", &job->client_cert);
    if (fault == FAULT_OK)
        fault = read_path(l, "control/clientkey");
    if (fault == FAULT_OK)
        fault = read_pem(l, "control/clientkey", &job->client_key);
    return fault;
}

static enum fault
open_anchors(struct loader *l)
{
    struct job *job = l->job;
    const char *why = NULL;
    int fd = OS_NONE;

    if (job->anchors == JOB_ANCHORS_NONE) {
        outcome_put_text(l->detail,
                         "control/trustanchors: needed at tlsstrictness 2");
        return FAULT_CONTROL;
    }
    fd = os_open(OS_NONE, (const char *)l->path_bytes, false);
    if (fd == OS_MISSING)
        return complain_path(l, "control/trustanchors", "no such file");
    if (fd < 0)
        return complain_path(l, "control/trustanchors", os_why());
    job->anchors_fd = fd;
    why = anchors_check(l->anchors, job);
    if (!why)
        return FAULT_OK;
    os_close(fd);
    job->anchors_fd = OS_NONE;
    return complain_path(l, "control/trustanchors", why);
}

/* Known to be; a relay's name may be, too. */
static bool
is_loopback(const struct job *job)
{
    return job->route.kind == ROUTE_ADDRESS &&
           addr_is_loopback(&job->route.addr);
}

/* What all of it says of the next hop. */
static void
fill_hop(struct job *job)
{
    static const enum policy_level levels[] = {[TLS_LEVEL_NONE] =
                                                   POLICY_LEVEL_NONE,
                                               [TLS_LEVEL_0] = POLICY_LEVEL_0,
                                               [TLS_LEVEL_1] = POLICY_LEVEL_1,
                                               [TLS_LEVEL_2] = POLICY_LEVEL_2};
    const struct qmail_tlspolicy *p = &job->tlspolicy;
    bool login = job->login.kind != LOGIN_NONE;

    job->hop = (struct policy_hop){
        .level = p->level == TLS_LEVEL_DEFAULT
                     ? POLICY_LEVEL_0 + job->tls_strictness
                     : levels[p->level],
        .tls_on = job->anchors != JOB_ANCHORS_NONE || login ||
                  job->tlspolicy_line > 0,
        .pin = p->pin_count > 0,
        .implicit = p->implicit || job->route.port == SUBMISSIONS_PORT,
        .login = login,
        .unsafe = p->unsafe_login,
        .relay = job->route.relay};
}

/* What the path says is only read where it is needed, or for a survey. */
static enum fault
load_anchors(struct loader *l, bool survey)
{
    struct job *job = l->job;
    enum fault fault = read_path(l, "control/trustanchors");

    if (fault != FAULT_OK)
        return fault;
    job->anchors_fd = OS_NONE;
    if (l->path.used > 0)
        job->anchors = l->path_bytes[l->path.used - 1] == '/'
                           ? JOB_ANCHORS_DIRECTORY
                           : JOB_ANCHORS_BUNDLE;
    fill_hop(job);
    if (policy_demand_of(&job->hop, is_loopback(job)).proof ==
        POLICY_PROOF_NAME)
        return open_anchors(l);
    if (survey)
        (void)open_anchors(l);
    return FAULT_OK;
}

static enum fault
load_tls(struct loader *l, bool survey)
{
    struct slice value;
    bool found = false;
    enum fault fault = read_value(l, "control/tlsstrictness", &value, &found);

    if (fault != FAULT_OK)
        return fault;
    if (found) {
        enum qmail_problem problem =
            qmail_control_strictness(value, &l->job->tls_strictness);

        if (problem != PROBLEM_NONE)
            return complain(l, false, problem);
    }
    fault = load_anchors(l, survey);
    return fault == FAULT_OK ? load_client(l) : fault;
}

/* ---- name servers ---- */

static struct slice
find_variable(char **environment, const char *name)
{
    for (; environment && *environment; environment++) {
        struct slice entry = slice_text(*environment);
        size_t equals = slice_find(entry, '=');

        if (equals < entry.size &&
            slice_equal(slice_part(entry, 0, equals), slice_text(name)))
            return slice_part(entry, equals + 1, entry.size);
    }
    return slice_of(name, 0);
}

/* Nothing in resolv.conf is worth failing for: what cannot be read is not
 * there, as in every libc. */
static void
load_dns(struct loader *l, const struct load_args *args)
{
    struct dns_conf *conf = &l->job->dns;
    struct slice line;

    file_open(l->file, "/etc/resolv.conf", l->detail);
    while (file_next(l->file, &line) == FILE_LINE)
        if (!l->file->lines.too_long)
            dns_conf_line(conf, line);
    buf_reset(l->detail);
    dns_conf_cacheip(conf, find_variable(args->environment, "DNSCACHEIP"));
    for (uint32_t i = 0; i < conf->server_count; i++)
        if (conf->servers[i].interface[0] && conf->servers[i].at.scope == 0)
            conf->servers[i].at.scope =
                os_interface(conf->servers[i].interface);
    dns_conf_end(conf);
}

static enum fault
enter_home(struct loader *l, const struct load_args *args)
{
    struct slice home = find_variable(args->environment, "QMAILHOME");

    if (home.size == 0)
        home = SLICE(QMAIL_HOME);
    if (os_chdir((const char *)home.data))
        return FAULT_OK;
    outcome_put(l->detail, slice_part(home, 0, CONTROL_LINE_SIZE_MAX));
    outcome_put_text(l->detail, ": ");
    outcome_put_text(l->detail, os_why());
    return FAULT_HOME;
}

enum fault
load(const struct load_args *args, struct load_work *work, struct job *job,
     struct buf *detail)
{
    struct loader l = {.job = job,
                       .file = &work->file,
                       .anchors = &work->anchors,
                       .detail = detail};
    enum fault fault = load_args(&l, args);

    dns_conf_init(&job->dns);
    if (fault == FAULT_OK)
        fault = enter_home(&l, args);
    if (fault == FAULT_OK)
        fault = load_helo(&l);
    if (fault == FAULT_OK)
        fault = load_timeouts(&l);
    if (fault == FAULT_OK)
        fault = load_from(&l);
    if (fault == FAULT_OK)
        fault = load_ipme(&l);
    if (fault == FAULT_OK)
        fault = load_route(&l);
    if (fault == FAULT_OK && job->route.kind != ROUTE_ADDRESS)
        load_dns(&l, args);
    if (fault == FAULT_OK)
        fault = load_tls(&l, args->survey);
    return fault;
}
