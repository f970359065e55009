/* SPDX-License-Identifier: ISC */
/*
 * What a client says to log in, and what nobody may be told of it (RFC 4954,
 * 4616, 7628; LOGIN and XOAUTH2 as they are deployed).
 *
 * in     a user with a password or an access token, a mechanism
 * out    its lines; a reply without what was said in them
 * bound  a line has SMTP_AUTH_LINE_SIZE_MAX octets with its end; the command
 *        SMTP_COMMAND_SIZE_MAX, or its response goes alone
 * fault  none: what is put is in bounds because user and secret are
 */
#ifndef SMTP_AUTH_H
#define SMTP_AUTH_H

#include "base/slice.h"
#include "limits.h"

struct smtp_login {
    struct slice user;   /* up to LOGIN_USER_SIZE_MAX octets */
    struct slice secret; /* 1 to LOGIN_SECRET_SIZE_MAX, no NUL, CR or LF */
    bool token;          /* an OAuth 2 access token, else a password */
    struct slice host;   /* the relay, up to NAME_TEXT_SIZE_MAX, ... */
    uint16_t port;       /* ... for OAUTHBEARER */
};

/* In the order in which they are taken. */
enum smtp_auth_mechanism {
    SMTP_AUTH_NONE,
    SMTP_AUTH_PLAIN,
    SMTP_AUTH_LOGIN,
    SMTP_AUTH_XOAUTH2,
    SMTP_AUTH_OAUTHBEARER,
    SMTP_AUTH_COUNT
};

/* As AUTH names it; a literal. */
const char *smtp_auth_name(enum smtp_auth_mechanism mechanism);
/* The mechanism of that name in any case, or SMTP_AUTH_NONE. */
enum smtp_auth_mechanism smtp_auth_find(struct slice name);
/* The first that can carry the login, out of those whose bits (1 << mechanism)
 * are set. */
enum smtp_auth_mechanism smtp_auth_choose(const struct smtp_login *login,
                                          uint32_t bits);
/* How many responses it has. */
uint32_t smtp_auth_response_count(enum smtp_auth_mechanism mechanism);
/* The AUTH command, with the first response where that is usual and the line is
 * not too long: true. */
bool smtp_auth_put_command(struct buf *out, enum smtp_auth_mechanism mechanism,
                           const struct smtp_login *login);
/* The line in answer to a 334: the response with that index. */
void smtp_auth_put_response(struct buf *out, enum smtp_auth_mechanism mechanism,
                            const struct smtp_login *login, uint32_t index);
/* How many octets of the secret, or of a line that holds it, are enough to be
 * hidden where they stand in a row. */
size_t smtp_auth_run(const struct smtp_login *login);
/* Hides what a reply quotes of the login: all that is at least such a run
 * becomes `***`, letters in any case, and the end of a text that fills its
 * buffer (of such a run at least), for it may be cut in the middle of one.
 * False: the secret itself is shorter, so that no part of the text may be told;
 * it is as it was. */
bool smtp_auth_hide(struct buf *text, const struct smtp_login *login);

#endif
