/* SPDX-License-Identifier: ISC */
#include "qmail/login.h"

#include <string.h>

#include "base/ascii.h"
#include "qmail/key.h"

struct parts {
    struct slice relay, user, secret;
    bool login;
};

static size_t
find_blank(struct slice s)
{
    size_t at = 0;

    while (at < s.size && s.data[at] != ' ' && s.data[at] != '\t')
        at++;
    return at;
}

static struct parts
split(struct slice value)
{
    size_t at = qmail_key_find(value, SLICE("| \t"));
    struct parts p = {.relay = slice_part(value, 0, at),
                      .login = at < value.size};
    struct slice rest = slice_part(value, at + 1, value.size);
    size_t end = 0;

    if (!p.login)
        return p;
    end = value.data[at] == '|' ? slice_find(rest, '|') : find_blank(rest);
    p.user = slice_part(rest, 0, end);
    p.secret = slice_part(rest, end + 1, rest.size);
    return p;
}

static enum qmail_problem
check_secret(struct slice secret)
{
    if (slice_find(secret, 0) < secret.size)
        return PROBLEM_NUL;
    if (slice_find(secret, '\r') < secret.size)
        return PROBLEM_CONTROL;
    return PROBLEM_NONE;
}

static enum qmail_problem
keep_secret(struct qmail_login *l, enum qmail_login_kind kind,
            struct slice secret)
{
    if (secret.size > sizeof(l->secret))
        return PROBLEM_SECRET_LONG;
    l->kind = kind;
    l->secret_size = secret.size;
    memcpy(l->secret, secret.data, secret.size);
    return PROBLEM_NONE;
}

enum qmail_problem
qmail_login_parse(struct slice value, struct slice *relay,
                  struct qmail_login *out)
{
    struct parts p = split(value);

    *relay = p.relay;
    out->kind = LOGIN_NONE;
    out->user_size = 0;
    out->secret_size = 0;
    if (!p.login)
        return PROBLEM_NONE;
    if (p.secret.size == 0)
        return PROBLEM_USER_ALONE;
    if (p.user.size == 0)
        return PROBLEM_SECRET_ALONE;
    if (p.user.size > sizeof(out->user))
        return PROBLEM_USER_LONG;
    out->user_size = p.user.size;
    memcpy(out->user, p.user.data, p.user.size);
    if (p.secret.data[0] != '<')
        return keep_secret(out, LOGIN_PASSWORD, p.secret);
    p.secret = slice_part(p.secret, 1, p.secret.size);
    if (p.secret.size == 0)
        return PROBLEM_USER_ALONE;
    if (p.secret.size > CONTROL_LINE_SIZE_MAX)
        return PROBLEM_LINE_LONG;
    return keep_secret(out, LOGIN_FILE, p.secret);
}

enum qmail_problem
qmail_login_take(struct qmail_login *l, struct slice file)
{
    struct slice bearer = SLICE("Bearer ");
    struct slice line = slice_part(file, 0, slice_find(file, '\n'));
    enum qmail_login_kind kind = LOGIN_PASSWORD;
    enum qmail_problem problem = PROBLEM_NONE;

    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    if (slice_equal_nocase(slice_part(line, 0, bearer.size), bearer)) {
        kind = LOGIN_TOKEN;
        line = slice_trim(slice_part(line, bearer.size, line.size));
    }
    if (line.size == 0)
        return PROBLEM_EMPTY;
    problem = check_secret(line);
    return problem == PROBLEM_NONE ? keep_secret(l, kind, line) : problem;
}

/* A line that has a problem, unless its secret excuses it. */
static enum qmail_problem
check_parts(struct slice line, enum qmail_problem problem)
{
    size_t colon = qmail_key_find(line, SLICE(":"));
    struct parts p = split(slice_part(line, colon + 1, line.size));
    size_t front = line.size - p.secret.size;

    if (p.secret.size == 0)
        return problem;
    if (front > CONTROL_LINE_SIZE_MAX)
        return PROBLEM_LINE_LONG;
    problem = qmail_control_bytes(slice_part(line, 0, front));
    return problem == PROBLEM_NONE ? check_secret(p.secret) : problem;
}

enum qmail_problem
qmail_login_check(const struct qmail_lines *lines, struct slice line)
{
    enum qmail_problem problem = qmail_lines_check(lines, line);

    return problem == PROBLEM_NONE ? PROBLEM_NONE : check_parts(line, problem);
}
