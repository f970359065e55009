/* SPDX-License-Identifier: ISC */
#include "qmail/route.h"

#include <string.h>

#include "base/ascii.h"
#include "base/assert.h"

/* An absolute name is the same name; a dot alone stays. */
static struct slice
without_dot(struct slice name)
{
    if (name.size > 1 && name.data[name.size - 1] == '.')
        name.size--;
    return name;
}

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
qmail_route_init(struct qmail_route_search *s, struct slice host)
{
    *s = (struct qmail_route_search){.host = without_dot(host),
                                     .route.kind = ROUTE_MX,
                                     .route.port = SMTP_PORT};
    (void)addr_parse_literal(s->host, &s->addr);
    use_host(s);
}

/* Index of the first colon outside brackets, or line.size. */
static size_t
find_colon(struct slice line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (line.data[i] == ':')
            return i;
        if (line.data[i] == '[') {
            size_t close = slice_find(slice_part(line, i, line.size), ']');

            /* Without its end a bracket is a byte like any other. */
            i += i + close < line.size ? close : 0;
        }
    }
    return line.size;
}

/* The key is the host, an end of it from a dot on, or empty. `size` says how
 * much of the host it is. */
static bool
match(const struct qmail_route_search *s, struct slice key, size_t *size)
{
    struct slice host = s->host;
    struct addr a = {.family = ADDR_NONE};

    key = without_dot(key);
    if (s->addr.family != ADDR_NONE && addr_parse_literal(key, &a) &&
        addr_equal(&a, &s->addr)) {
        *size = host.size;
        return true;
    }
    if (key.size > host.size)
        return false;
    if (key.size > 0 && key.size < host.size && key.data[0] != '.')
        return false;
    *size = key.size;
    return slice_equal_nocase(
        key, slice_part(host, host.size - key.size, host.size));
}

void
qmail_route_offer(struct qmail_route_search *s, struct slice line,
                  uint32_t number)
{
    size_t colon = find_colon(line);
    size_t size = 0;

    assert(number > 0);
    if (colon == line.size || !match(s, slice_part(line, 0, colon), &size))
        return;
    if (s->line > 0 && size < s->key_size)
        return;
    s->line = number;
    s->key_size = size;
    s->problem =
        qmail_route_parse(slice_part(line, colon + 1, line.size), &s->route);
    if (s->problem == PROBLEM_NONE && s->route.kind == ROUTE_MX)
        use_host(s);
}

/* A relay's text into host and port, either possibly empty. */
static enum qmail_problem
split(struct slice relay, struct slice *host, struct slice *port)
{
    struct addr a;
    size_t colon = find_colon(relay);
    size_t last = relay.size; /* behind the last colon */

    *host = relay;
    *port = slice_of(relay.data, 0);
    if (addr_parse(relay, &a))
        return PROBLEM_NONE;
    while (last > 0 && relay.data[last - 1] != ':')
        last--;
    if (last > colon + 1 && addr_parse(slice_part(relay, 0, last - 1), &a))
        return PROBLEM_BRACKETS;
    *host = slice_part(relay, 0, colon);
    *port = slice_part(relay, colon + 1, relay.size);
    return PROBLEM_NONE;
}

/* Visible ASCII in labels of legal length (RFC 1035 2.3.4). */
static enum qmail_problem
check_name(struct slice name)
{
    size_t label_size = 0;

    if (name.size > NAME_TEXT_SIZE_MAX)
        return PROBLEM_NAME_LONG;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];

        if (byte <= ' ' || byte >= 0x7f || byte == '[' || byte == ']')
            return PROBLEM_RELAY;
        if (byte != '.' && ++label_size > NAME_LABEL_SIZE_MAX)
            return PROBLEM_NAME_LONG;
        if (byte == '.' && label_size == 0)
            return PROBLEM_RELAY;
        if (byte == '.')
            label_size = 0;
    }
    return label_size > 0 ? PROBLEM_NONE : PROBLEM_RELAY;
}

static enum qmail_problem
parse_host(struct slice host, struct qmail_route *r)
{
    enum qmail_problem problem = PROBLEM_NONE;

    host = without_dot(host);
    if (host.size == 0)
        return PROBLEM_NONE;
    r->relay = true;
    if (addr_parse_literal(host, &r->addr)) {
        r->kind = ROUTE_ADDRESS;
        return PROBLEM_NONE;
    }
    if (host.data[0] == '[')
        return PROBLEM_NOT_ADDRESS;
    problem = check_name(host);
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
