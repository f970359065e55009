/* SPDX-License-Identifier: ISC */
/*
 * How to log in at a relay: the end of a value in control/smtproutes and
 * control/authsenders (`relay|user|secret`, `relay user secret`).
 *
 * in     a value; for `<path` the file's first line
 * out    struct qmail_login
 * bound  LOGIN_USER_SIZE_MAX, LOGIN_SECRET_SIZE_MAX octets, none of them NUL,
 *        CR or LF
 * fault  a problem, which never quotes the value
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

#endif
