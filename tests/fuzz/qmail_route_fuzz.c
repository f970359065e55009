/* SPDX-License-Identifier: ISC */
/* smtproutes and authsenders against a matcher that looks for each key in turn.
 * The first line has the host; behind a @ in front of it, the sender. */
#include "qmail/route.h"

#include "base/ascii.h"
#include "fuzz.h"

#define NAME_BYTES \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

enum { LINES_MAX = 64 };

struct line {
    struct slice key, value;
    uint32_t number;
};

static struct line lines[LINES_MAX];
static uint32_t line_count;

/* From a bracket to its end, if it has one. */
static size_t
skip_brackets(struct slice line, size_t at)
{
    for (size_t i = at; i < line.size && line.data[at] == '['; i++)
        if (line.data[i] == ']')
            return i;
    return at;
}

/* Up to the first colon that is not between a bracket and its end. */
static bool
slow_split(struct slice line, struct line *out)
{
    for (size_t i = 0; i < line.size; i++) {
        i = skip_brackets(line, i);
        if (line.data[i] != ':')
            continue;
        out->key = slice_part(line, 0, i);
        out->value = slice_part(line, i + 1, line.size);
        return true;
    }
    return false;
}

static struct slice
undotted(struct slice s)
{
    return s.size > 1 && s.data[s.size - 1] == '.'
               ? slice_part(s, 0, s.size - 1)
               : s;
}

/* The last line with that key; `whole`: it is the host, which may be an
 * address in another spelling. Of a sender a dot at the end is no matter of
 * spelling. */
static const struct line *
slow_find(struct slice key, bool host, bool whole)
{
    const struct line *found = NULL;
    struct addr a, b;

    for (uint32_t i = 0; i < line_count; i++) {
        struct slice k = host ? undotted(lines[i].key) : lines[i].key;

        if (slice_equal_nocase(k, key) ||
            (host && whole && addr_parse_literal(key, &a) &&
             addr_parse_literal(k, &b) && addr_equal(&a, &b)))
            found = &lines[i];
    }
    return found;
}

static const struct line *
slow_match(struct slice text, bool host)
{
    const struct line *found = slow_find(text, host, true);

    for (size_t i = 1; i < text.size && !found; i++)
        if (text.data[i] == '.' || (!host && text.data[i] == '@'))
            found = slow_find(slice_part(text, i, text.size), host, false);
    return found ? found : slow_find(slice_of(NULL, 0), host, false);
}

/* The key of the null sender, which is no host. */
static const struct line *
slow_null(void)
{
    const struct line *found = NULL;

    for (uint32_t i = 0; i < line_count; i++)
        if (slice_equal(lines[i].key, SLICE("!@")))
            found = &lines[i];
    return found;
}

/* A relay that was accepted, put together again, means the same. */
static void
check_route(const struct qmail_route *r)
{
    uint8_t bytes[CONTROL_LINE_SIZE_MAX];
    struct qmail_route again;
    struct buf b;

    buf_init(&b, bytes, sizeof(bytes));
    MUST(r->port > 0);
    MUST((r->kind == ROUTE_NAME) == (r->name_size > 0));
    MUST((r->kind == ROUTE_ADDRESS) == (r->addr.family != ADDR_NONE));
    MUST(r->relay == (r->kind != ROUTE_MX));
    if (r->kind == ROUTE_ADDRESS) {
        buf_put_text(&b, "[");
        addr_print(&b, &r->addr);
        buf_put_text(&b, "]");
    }
    buf_put(&b, qmail_route_name(r));
    for (size_t i = 0; i < r->name_size; i++)
        MUST(strchr(NAME_BYTES, r->name[i]) && r->name[i] != 0);
    buf_put_text(&b, ":");
    buf_put_number(&b, r->port, 1);
    MUST(qmail_route_parse(buf_slice(&b), &again) == PROBLEM_NONE);
    MUST(again.kind == r->kind && again.port == r->port);
    MUST(addr_equal(&again.addr, &r->addr));
    MUST(slice_equal(qmail_route_name(&again), qmail_route_name(r)));
}

static void
check_search(const struct qmail_route_search *s, const struct line *expected,
             struct slice host)
{
    struct qmail_route r = {.kind = ROUTE_MX};
    enum qmail_problem problem = PROBLEM_NONE;
    static struct qmail_login login;
    struct slice relay;
    struct addr a;

    MUST(s->key.line == (expected ? expected->number : 0));
    MUST(s->empty == (expected && expected->value.size == 0));
    if (!expected) {
        MUST(s->problem == PROBLEM_NONE && !s->route.relay);
        MUST(s->route.port == SMTP_PORT);
    } else {
        problem = qmail_login_parse(expected->value, &relay, &login);
        if (problem == PROBLEM_NONE)
            problem = qmail_route_parse(relay, &r);
        if (problem == PROBLEM_NONE && login.kind != LOGIN_NONE && !r.relay)
            problem = PROBLEM_RELAY_ABSENT;
        MUST(s->problem == problem && problem < PROBLEM_COUNT);
        if (problem != PROBLEM_NONE)
            return;
        check_route(&r);
        MUST(s->login.kind == login.kind);
        MUST(s->route.port == r.port && s->route.relay == r.relay);
    }
    if (r.kind != ROUTE_MX) {
        MUST(s->route.kind == r.kind && addr_equal(&s->route.addr, &r.addr));
        MUST(slice_equal(qmail_route_name(&s->route), qmail_route_name(&r)));
    } else if (addr_parse_literal(host, &a)) {
        MUST(s->route.kind == ROUTE_ADDRESS && addr_equal(&s->route.addr, &a));
    } else {
        MUST(s->route.kind == ROUTE_MX);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(slice_of(data, size));
    struct slice in = slice_of(copy, size), first = fuzz_until(&in, '\n');
    bool by_sender = first.size > 0 && first.data[0] == '@';
    struct slice host = by_sender ? SLICE("[192.0.2.1]") : first;
    struct slice sender =
        by_sender ? slice_part(first, 1, first.size) : slice_of(NULL, 0);
    const struct line *expected = NULL;
    static struct qmail_route_search s;

    line_count = 0;
    qmail_route_init(&s, host, sender, by_sender ? KEY_SENDER : KEY_HOST);
    for (uint32_t number = 1; in.size > 0 && number <= LINES_MAX; number++) {
        struct slice line = slice_chomp(fuzz_until(&in, '\n'));

        lines[line_count].number = number;
        if (slow_split(line, &lines[line_count]))
            line_count++;
        qmail_route_offer(&s, line, number);
    }
    host = undotted(host);
    if (!by_sender)
        expected = slow_null();
    if (!expected)
        expected = slow_match(by_sender ? sender : host, !by_sender);
    check_search(&s, expected, host);
    free(copy);
    return 0;
}
