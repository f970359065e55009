/* SPDX-License-Identifier: ISC */
/*
 * The login of a session: what may be said for it, built the slow way, and what
 * may not be told of it.
 *
 * in     a user and a secret
 * out    the lines; MUST holds: no text that anybody reads has a run of them
 * bound  LOGIN_LINE_SIZE octets a line
 * fault  MUST
 */
#ifndef FUZZ_SESSION_LOGIN_H
#define FUZZ_SESSION_LOGIN_H

#include "fuzz.h"
#include "smtp/session.h"

enum {
    LOGIN_LINE_SIZE = 1200,
    LOGIN_PIECE_SIZE = 700, /* a secret that no command has room for */
    LOGIN_LINE_COUNT = 8,
    COMMAND_SIZE = 512,
    PASSWORD_RUN = 4, /* hidden from so many octets on */
    TOKEN_RUN = 6
};

/* By what is said; the first four hold the secret. */
enum line {
    LINE_PLAIN,
    LINE_PASSWORD,
    LINE_XOAUTH2,
    LINE_BEARER,
    LINE_USER,
    LINE_EMPTY,
    LINE_DUMMY,
    LINE_CANCEL
};

struct lines {
    size_t sizes[LOGIN_LINE_COUNT];
    char text[LOGIN_LINE_COUNT][LOGIN_LINE_SIZE];
};

/* A bit at a time. */
static inline void
encode_line(struct lines *l, enum line at, const char *raw, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t used = 0;

    for (size_t bit = 0; bit < 8 * size; bit += 6) {
        unsigned value = 0;

        for (size_t i = bit; i < bit + 6; i++)
            value = 2 * value +
                    (i < 8 * size && (uint8_t)raw[i / 8] >> (7 - i % 8) & 1);
        l->text[at][used++] = letters[value];
    }
    while (used % 4 != 0)
        l->text[at][used++] = '=';
    MUST(used <= LOGIN_LINE_SIZE);
    l->sizes[at] = used;
}

/* `user`: as OAUTHBEARER escapes it. */
static inline void
make_bearer(struct lines *l, const struct smtp_login *login, const char *user)
{
    char raw[LOGIN_LINE_SIZE];
    int n = snprintf(raw, sizeof(raw),
                     "n,a=%s,\1host=%.*s\1port=%u\1auth=Bearer %.*s\1\1", user,
                     (int)login->host.size, (const char *)login->host.data,
                     (unsigned)login->port, (int)login->secret.size,
                     (const char *)login->secret.data);

    memset(l->text[LINE_BEARER], 0, LOGIN_LINE_SIZE);
    encode_line(l, LINE_BEARER, raw, (size_t)n);
}

/* All but that one. */
static inline void
make_lines(struct lines *l, const struct smtp_login *login)
{
    char raw[LOGIN_LINE_SIZE];
    int user = (int)login->user.size, secret = (int)login->secret.size, n = 0;
    const char *u = (const char *)login->user.data;
    const char *s = (const char *)login->secret.data;

    memset(l, 0, sizeof(*l));
    n = snprintf(raw, sizeof(raw), "%c%.*s%c%.*s", 0, user, u, 0, secret, s);
    encode_line(l, LINE_PLAIN, raw, (size_t)n);
    encode_line(l, LINE_PASSWORD, s, (size_t)secret);
    encode_line(l, LINE_USER, u, (size_t)user);
    n = snprintf(raw, sizeof(raw), "user=%.*s\1auth=Bearer %.*s\1\1", user, u,
                 secret, s);
    encode_line(l, LINE_XOAUTH2, raw, (size_t)n);
    encode_line(l, LINE_DUMMY, "\1", 1);
    l->text[LINE_CANCEL][0] = '*';
    l->sizes[LINE_CANCEL] = 1;
}

static inline struct slice
line_of(const struct lines *l, enum line at)
{
    return slice_of(l->text[at], l->sizes[at]);
}

/* The line of ours that it is, or LOGIN_LINE_COUNT. */
static inline uint32_t
find_line(const struct lines *l, struct slice line)
{
    uint32_t at = 0;

    while (at < LOGIN_LINE_COUNT && !slice_equal(line, line_of(l, at)))
        at++;
    return at;
}

/* What is said for a command of a mechanism, and whether its response goes with
 * it. */
static inline bool
is_auth_command(const struct lines *l, struct slice line, const char *name,
                enum line response)
{
    char command[COMMAND_SIZE + LOGIN_LINE_SIZE];
    size_t size = 0;

    snprintf(command, sizeof(command), "AUTH %s", name);
    if (response != LINE_USER) {
        size = strlen(command) + 1 + l->sizes[response] + 2;
        if (size <= COMMAND_SIZE)
            snprintf(command + strlen(command), LOGIN_LINE_SIZE, " %.*s",
                     (int)l->sizes[response], l->text[response]);
    }
    return slice_equal(line, slice_text(command));
}

/* ---- what is told ---- */

static inline bool
has_run(struct slice s, const uint8_t *run, size_t size)
{
    for (size_t i = 0; i + size <= s.size; i++)
        if ((s.data[i] | 32) == (run[0] | 32) &&
            slice_equal_nocase(slice_of(s.data + i, size), slice_of(run, size)))
            return true;
    return false;
}

/* Nothing in the text, of our own asterisks apart, is a run of what was said.
 */
static inline void
check_hidden(const struct lines *l, const struct smtp_login *login,
             struct slice text)
{
    size_t size = login->token ? TOKEN_RUN : PASSWORD_RUN;

    for (size_t i = 0; i + size <= text.size; i++) {
        const uint8_t *run = text.data + i;

        if (slice_find(slice_of(run, size), '*') < size)
            continue;
        MUST(!has_run(login->secret, run, size));
        for (uint32_t at = login->token ? LINE_XOAUTH2 : LINE_PLAIN;
             at <= (login->token ? LINE_BEARER : LINE_PASSWORD); at++)
            MUST(!has_run(line_of(l, at), run, size));
    }
}

/* Of a reply: where the secret is shorter than a run, all but the code. */
static inline void
check_told(const struct lines *l, const struct smtp_login *login,
           struct slice text)
{
    if (text.size == 0)
        return;
    if (login->secret.size < (login->token ? TOKEN_RUN : PASSWORD_RUN))
        MUST(text.size == 8 && memcmp(text.data + 3, " ***\n", 5) == 0);
    else
        check_hidden(l, login, text);
}

/* Why there was none. */
static inline void
check_why(const struct lines *l, const struct smtp_login *login,
          struct slice why)
{
    size_t quote = slice_find(why, '"');

    check_hidden(l, login, slice_part(why, quote, why.size));
    if (login->secret.size < (login->token ? TOKEN_RUN : PASSWORD_RUN))
        MUST(quote == why.size ||
             slice_equal(slice_part(why, quote, why.size), SLICE("\"***\"")));
}

#endif
