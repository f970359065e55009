/* SPDX-License-Identifier: ISC */
/*
 * How to log in at a relay: the end of a value in control/smtproutes and
 * control/authsenders (`relay|user|secret`, `relay user secret`).
 *
 * in     a value, without white space at its end; for `<path` the file
 * out    the relay's text, struct qmail_login
 * bound  LOGIN_USER_SIZE_MAX, LOGIN_SECRET_SIZE_MAX octets, none of them NUL,
 *        CR or LF; a path has CONTROL_LINE_SIZE_MAX
 * fault  a problem, which never quotes the value
 *
 * A `|` in front of the first blank (outside brackets) makes the first form:
 * the first | ends the relay, the second the user. Else a blank ends each. The
 * rest is the secret, whatever is in it.
 */
#ifndef QMAIL_LOGIN_H
#define QMAIL_LOGIN_H

#include "base/slice.h"
#include "limits.h"
#include "qmail/control.h"

enum qmail_login_kind {
    LOGIN_NONE,     /* the relay takes mail without */
    LOGIN_FILE,     /* `secret` is the path of a file that has it */
    LOGIN_PASSWORD, /* for PLAIN, LOGIN */
    LOGIN_TOKEN     /* OAuth 2 access token, for XOAUTH2, OAUTHBEARER */
};

struct qmail_login {
    enum qmail_login_kind kind;
    size_t user_size, secret_size;
    uint8_t user[LOGIN_USER_SIZE_MAX];
    uint8_t secret[LOGIN_SECRET_SIZE_MAX];
};

/* Parts a value into the text of its relay and the login. */
enum qmail_problem qmail_login_parse(struct slice value, struct slice *relay,
                                     struct qmail_login *out);
/* In place of a path: what its file has, of which the first line counts. */
enum qmail_problem qmail_login_take(struct qmail_login *l, struct slice file);
/* As qmail_lines_check, for a line `key:value` that may end in a secret: that
 * may have control bytes, NUL and CR excepted, and does not count for the
 * length. */
enum qmail_problem qmail_login_check(const struct qmail_lines *lines,
                                     struct slice line);

#endif
