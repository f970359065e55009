/* SPDX-License-Identifier: ISC */
#include "load.h"

#include "base/ascii.h"
#include "base/punycode.h"
#include "base/utf8.h"
#include "load_relay.h"
#include "load_tls.h"
#include "loader.h"
#include "os/os.h"
#include "outcome.h"
#include "smtp/address.h"

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
    if (problem == SMTP_ADDRESS_NOT_TEXT)
        return FAULT_NOT_ASCII;
    return complain_usage(l, smtp_address_why(problem));
}

static enum fault
check_host(struct loader *l)
{
    struct job *job = l->job;
    struct slice host = job->host;
    struct buf name;

    if (!utf8_is_text(host))
        return FAULT_NOT_ASCII;
    for (size_t i = 0; i < host.size; i++)
        if (ascii_control(host.data[i]))
            return complain_usage(l, "host contains a control character");
    buf_init(&name, job->name_bytes, sizeof(job->name_bytes));
    job->name = punycode_put_name(&name, host) ? buf_slice(&name) : host;
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
read_seconds(struct loader *l, const char *path, uint32_t normal, uint32_t *out)
{
    struct slice value;
    bool found = false;
    enum fault fault = loader_read_value(l, path, &value, &found);
    enum qmail_problem problem = PROBLEM_NONE;

    if (fault != FAULT_OK)
        return fault;
    problem = qmail_control_seconds(value, normal, out);
    return problem == PROBLEM_NONE ? FAULT_OK
                                   : loader_complain(l, false, problem);
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
        enum fault fault = loader_read_value(l, paths[i], &value, &found);
        enum qmail_problem problem = PROBLEM_NONE;

        if (fault != FAULT_OK)
            return fault;
        if (value.size == 0 || job->helo.used > 0)
            continue;
        problem = qmail_control_host(value);
        if (problem != PROBLEM_NONE)
            return loader_complain(l, false, problem);
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
            return loader_complain(l, true, problem);
    }
    return result == FILE_BAD ? FAULT_CONTROL : FAULT_OK;
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
    struct loader l = {
        .job = job, .work = work, .file = &work->file, .detail = detail};
    enum fault fault = load_args(&l, args);

    dns_conf_init(&job->dns);
    if (fault == FAULT_OK)
        fault = enter_home(&l, args);
    if (fault == FAULT_OK)
        fault = load_helo(&l);
    if (fault == FAULT_OK)
        fault = load_timeouts(&l);
    if (fault == FAULT_OK)
        fault = load_ipme(&l);
    if (fault == FAULT_OK)
        fault = load_relay(&l);
    if (fault == FAULT_OK && job->route.kind != ROUTE_ADDRESS)
        load_dns(&l, args);
    if (fault == FAULT_OK)
        fault = load_from(&l);
    if (fault == FAULT_OK)
        fault = load_tls(&l, args->survey);
    return fault;
}
