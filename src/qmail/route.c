/* SPDX-License-Identifier: ISC */
#include "qmail/route.h"

#include <string.h>

#include "base/ascii.h"

/* What the host itself says: an address, or a name with exchangers. */
static void
use_host(struct qmail_route_search *s)
{
    if (s->addr.family == ADDR_NONE)
        return;
    s->route.kind = ROUTE_ADDRESS;
    s->route.addr = s->addr;
}

void
qmail_route_init(struct qmail_route_search *s, struct slice host,
                 struct slice sender, enum qmail_key_kind kind)
{
    s->problem = PROBLEM_NONE;
    s->empty = false;
    s->addr = (struct addr){.family = ADDR_NONE};
    s->route = (struct qmail_route){.kind = ROUTE_MX, .port = SMTP_PORT};
    s->login.kind = LOGIN_NONE;
    s->login_seen = false;
    (void)addr_parse_literal(qmail_key_undot(host), &s->addr);
    use_host(s);
    qmail_key_init(&s->key, kind, kind == KEY_HOST ? host : sender);
    if (kind == KEY_HOST && sender.size == 0)
        s->key.first = SLICE("!@");
}

static enum qmail_problem
parse_value(struct slice value, struct qmail_route_search *s)
{
    struct slice relay;
    enum qmail_problem problem = qmail_login_parse(value, &relay, &s->login);

    s->login_seen =
        s->login_seen || s->login.kind != LOGIN_NONE || problem != PROBLEM_NONE;
    if (problem == PROBLEM_NONE)
        problem = qmail_route_parse(relay, &s->route);
    if (problem == PROBLEM_NONE && s->login.kind != LOGIN_NONE &&
        !s->route.relay)
        return PROBLEM_RELAY_ABSENT;
    return problem;
}

void
qmail_route_offer(struct qmail_route_search *s, struct slice line,
                  uint32_t number)
{
    struct slice value;

    if (!qmail_key_offer(&s->key, line, number, &value))
        return;
    s->empty = value.size == 0;
    s->problem = parse_value(value, s);
    if (s->problem == PROBLEM_NONE && s->route.kind == ROUTE_MX)
        use_host(s);
}

/* A relay's text into host and port, either possibly empty. */
static enum qmail_problem
split(struct slice relay, struct slice *host, struct slice *port)
{
    struct addr a;
    size_t at = qmail_key_find(relay, SLICE(";"));
    size_t last = relay.size; /* behind the last colon */

    *host = relay;
    *port = slice_of(relay.data, 0);
    if (addr_parse(relay, &a))
        return PROBLEM_NONE;
    /* A semicolon is in no address. */
    if (at == relay.size) {
        at = qmail_key_find(relay, SLICE(":"));
        while (last > 0 && relay.data[last - 1] != ':')
            last--;
    }
    if (last > at + 1 && addr_parse(slice_part(relay, 0, last - 1), &a))
        return PROBLEM_BRACKETS;
    *host = slice_part(relay, 0, at);
    *port = slice_part(relay, at + 1, relay.size);
    return PROBLEM_NONE;
}

static enum qmail_problem
parse_host(struct slice host, struct qmail_route *r)
{
    enum qmail_problem problem = PROBLEM_NONE;

    host = qmail_key_undot(host);
    if (host.size == 0)
        return PROBLEM_NONE;
    r->relay = true;
    if (addr_parse_literal(host, &r->addr)) {
        r->kind = ROUTE_ADDRESS;
        return PROBLEM_NONE;
    }
    if (host.data[0] == '[')
        return PROBLEM_NOT_ADDRESS;
    problem = qmail_control_name(host);
    if (problem != PROBLEM_NONE)
        return problem;
    r->kind = ROUTE_NAME;
    r->name_size = host.size;
    memcpy(r->name, host.data, host.size);
    return PROBLEM_NONE;
}

enum qmail_problem
qmail_route_parse(struct slice relay, struct qmail_route *out)
{
    struct qmail_route r = {.kind = ROUTE_MX, .port = SMTP_PORT};
    struct slice host, port;
    uint64_t number = SMTP_PORT;
    enum qmail_problem problem = split(relay, &host, &port);

    if (problem == PROBLEM_NONE)
        problem = parse_host(host, &r);
    if (problem != PROBLEM_NONE)
        return problem;
    if (port.size > 0 &&
        (!ascii_number(port, UINT16_MAX, &number) || number == 0))
        return PROBLEM_PORT;
    r.port = (uint16_t)number;
    *out = r;
    return PROBLEM_NONE;
}

struct slice
qmail_route_name(const struct qmail_route *r)
{
    return slice_of(r->name, r->name_size);
}
