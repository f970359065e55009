/* SPDX-License-Identifier: ISC */
/*
 * Control files (interface.md section 3): lines, and the values in them.
 *
 * in     chunks of a file, split anywhere
 * out    one line after another, without the white space at its end (space,
 *        TAB, CR, LF); numbers and names
 * bound  a line without that white space has CONTROL_LINE_SIZE_MAX bytes at
 *        most, but for a secret at its end (qmail/login.h); a file of any size
 *        and any number of lines is read in one buffer
 * fault  a problem: what to print behind `control/FILE:LINE: `
 * order  init; next until false, then the next chunk; `end` with the last one
 *        (it may be empty). Of a line: skip (lists only), check, then its value
 */
#ifndef QMAIL_CONTROL_H
#define QMAIL_CONTROL_H

#include "base/slice.h"
#include "limits.h"

#define QMAIL_PROBLEMS(X)                                          \
    X(NONE, "")                                                    \
    X(LINE_LONG, "line too long")                                  \
    X(NUL, "contains a NUL byte")                                  \
    X(CONTROL, "contains a control byte")                          \
    X(EMPTY, "is empty")                                           \
    X(SPACE, "contains white space")                               \
    X(NOT_ASCII, "contains a byte that is not ASCII")              \
    X(NAME_LONG, "host name too long")                             \
    X(NUMBER_LARGE, "number too large")                            \
    X(STRICTNESS, "must be 0, 1 or 2")                             \
    X(NOT_ADDRESS, "not an IP address")                            \
    X(NOT_IPV4, "not an IPv4 address")                             \
    X(NOT_IPV6, "not an IPv6 address")                             \
    X(ADDRESS_COUNT, "too many addresses")                         \
    X(RELAY, "relay is neither a host name nor an IP address")     \
    X(PORT, "port must be from 1 to 65535")                        \
    X(BRACKETS, "an IPv6 address before a port needs brackets")    \
    X(USER_ALONE, "a user without a password")                     \
    X(SECRET_ALONE, "a password without a user")                   \
    X(RELAY_ABSENT, "a password without a relay")                  \
    X(USER_LONG, "user too long")                                  \
    X(SECRET_LONG, "password too long")                            \
    X(SWITCH, "must be 0 or 1")                                    \
    X(LEVEL, "level must be none, 0, 1, 2 or dane")                \
    X(DANE, "dane needs a validating name server on this machine") \
    X(WORD, "unknown word behind the level")                       \
    X(PIN, "a pin must have 64 hexadecimal digits")                \
    X(PIN_COUNT, "too many pins")                                  \
    X(NAME, "name= needs one host name")                           \
    X(NONE_WITH, "none goes with neither pin= nor implicit")       \
    X(NONE_LOGIN, "none goes with no login")                       \
    X(STS_LINE, "no line `key: value`")                            \
    X(STS_VERSION, "version must be STSv1")                        \
    X(STS_MODE, "mode must be enforce, testing or none")           \
    X(STS_AGE, "max_age must be a number up to 31557600")          \
    X(STS_MX, "mx must be a host name, or one behind *.")          \
    X(STS_MX_COUNT, "too many mx")                                 \
    X(STS_SIZE, "longer than 64 KiB")

#define QMAIL_PROBLEM_ENUM(NAME, text) PROBLEM_##NAME,
enum qmail_problem { QMAIL_PROBLEMS(QMAIL_PROBLEM_ENUM) PROBLEM_COUNT };
#undef QMAIL_PROBLEM_ENUM

struct qmail_lines {
    uint32_t number; /* of the line last given, from 1 */
    bool too_long;   /* that line is; what was given may be its start */
    bool inside;     /* a line has begun and its LF has not been seen */
    size_t used;
    uint8_t line[CONTROL_KEPT_SIZE_MAX];
};

const char *qmail_problem_text(enum qmail_problem problem);

void qmail_lines_init(struct qmail_lines *l);
/* Takes bytes off `chunk`; true: `line` is whole, and valid until the next
 * call. `end`: nothing follows this chunk; a last line may lack its LF. */
bool qmail_lines_next(struct qmail_lines *l, struct slice *chunk, bool end,
                      struct slice *line);
/* The line last given is too long, or has a control byte other than TAB. A
 * path needs no more than this. */
enum qmail_problem qmail_lines_check(const struct qmail_lines *l,
                                     struct slice line);
/* A NUL, or a control byte other than TAB. */
enum qmail_problem qmail_control_bytes(struct slice s);

/* In a list: empty or a comment (of any length). */
bool qmail_control_skip(struct slice line);
/* As stock: the digits at the start; none: `normal`; what follows is ignored.
 * At most CONTROL_SECONDS_MAX. */
enum qmail_problem qmail_control_seconds(struct slice line, uint32_t normal,
                                         uint32_t *out);
/* Exactly `0`, `1` or `2`: it decides about security. */
enum qmail_problem qmail_control_strictness(struct slice line, uint32_t *out);
/* Exactly `0` or `1`, likewise. */
enum qmail_problem qmail_control_switch(struct slice line, bool *out);
/* What may be said in EHLO: 1 to NAME_TEXT_SIZE_MAX visible ASCII bytes, an
 * address in brackets included. */
enum qmail_problem qmail_control_host(struct slice line);
/* What may be asked of the DNS: letters, digits, `-`, `_` in labels of legal
 * length (RFC 1035 2.3.4). Digits and dots alone are meant as an address. */
enum qmail_problem qmail_control_name(struct slice name);

#endif
