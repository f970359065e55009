/* SPDX-License-Identifier: ISC */
#include "load_relay.h"

#include "base/wipe.h"

/* ---- routes ---- */

static enum fault
search(struct loader *l, const char *file, enum qmail_key_kind kind)
{
    struct qmail_route_search *s = &l->work->routes[kind];
    struct slice line;
    enum file_result result = FILE_END;

    qmail_route_init(s, l->job->name, l->job->sender, kind);
    file_open(l->file, file, l->detail);
    while ((result = file_next(l->file, &line)) == FILE_LINE) {
        enum qmail_problem problem = PROBLEM_NONE;

        if (qmail_control_skip(line))
            continue;
        problem = qmail_login_check(&l->file->lines, line);
        if (problem != PROBLEM_NONE)
            return loader_complain(l, true, problem);
        qmail_route_offer(s, line, l->file->lines.number);
    }
    return result == FILE_BAD ? FAULT_CONTROL : FAULT_OK;
}

/* The secret itself, where the line says in which file it is. */
static enum fault
read_secret(struct loader *l)
{
    struct qmail_login *login = &l->job->login;
    enum qmail_problem problem = PROBLEM_NONE;
    enum fault fault = FAULT_OK;
    struct buf text;

    if (login->kind != LOGIN_FILE)
        return FAULT_OK;
    loader_name(l, l->job->route_file, l->job->route_line,
                slice_of(login->secret, login->secret_size));
    buf_init(&text, l->work->secret, sizeof(l->work->secret));
    fault = loader_read(l, true, &text);
    if (fault != FAULT_OK)
        return fault;
    problem = qmail_login_take(login, buf_slice(&text));
    return problem == PROBLEM_NONE
               ? FAULT_OK
               : loader_complain_path(l, qmail_problem_text(problem));
}

static enum fault
take(struct loader *l, const char *file, enum qmail_key_kind kind)
{
    const struct qmail_route_search *s = &l->work->routes[kind];
    struct job *job = l->job;

    if (s->problem != PROBLEM_NONE) {
        l->file->path = file;
        l->file->lines.number = s->key.line;
        return loader_complain(l, true, s->problem);
    }
    job->route = s->route;
    if (s->login.kind != LOGIN_NONE)
        job->login = s->login;
    if (s->key.line == 0)
        return FAULT_OK;
    job->route_file = file;
    job->route_line = s->key.line;
    return read_secret(l);
}

/* What a secret may have been in. */
static void
forget(struct load_work *w)
{
    wipe(w->routes, sizeof(w->routes));
    wipe(w->secret, sizeof(w->secret));
    wipe(w->file.bytes, sizeof(w->file.bytes));
    wipe(w->file.lines.line, sizeof(w->file.lines.line));
}

enum fault
load_relay(struct loader *l)
{
    static const char by_sender[] = "control/authsenders";
    static const char by_host[] = "control/smtproutes";
    struct load_work *w = l->work;
    const struct qmail_key *key = &w->routes[KEY_SENDER].key;
    enum fault fault = search(l, by_sender, KEY_SENDER);

    if (fault == FAULT_OK)
        fault = search(l, by_host, KEY_HOST);
    if (fault == FAULT_OK && key->line > 0 && !w->routes[KEY_SENDER].empty)
        fault = take(l, by_sender, KEY_SENDER);
    else if (fault == FAULT_OK)
        fault = take(l, by_host, KEY_HOST);
    if (w->routes[KEY_SENDER].login_seen || w->routes[KEY_HOST].login_seen)
        forget(w);
    return fault;
}

/* ---- our own address ---- */

static enum fault
read_from(struct loader *l, const char *file, enum addr_family family,
          enum qmail_problem problem)
{
    struct addr *out = &l->job->from[family - ADDR_IPV4];
    struct slice value;
    bool found = false;
    enum fault fault = loader_read_value(l, file, &value, &found);

    out->family = ADDR_NONE;
    if (fault != FAULT_OK || value.size == 0)
        return fault;
    if (!addr_parse(value, out) || out->family != family)
        return loader_complain(l, false, problem);
    if (addr_is_unspecified(out))
        out->family = ADDR_NONE;
    return FAULT_OK;
}

enum fault
load_from(struct loader *l)
{
    enum fault fault =
        read_from(l, "control/outgoingip", ADDR_IPV4, PROBLEM_NOT_IPV4);

    return fault == FAULT_OK ? read_from(l, "control/outgoingip6", ADDR_IPV6,
                                         PROBLEM_NOT_IPV6)
                             : fault;
}
