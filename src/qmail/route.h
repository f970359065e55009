/* SPDX-License-Identifier: ISC */
/*
 * Where mail goes: control/smtproutes by host, control/authsenders by sender,
 * each in one pass.
 *
 * in     host and sender, then every line of the file that is not skipped
 * out    in the search: `route` and `login`, what the best line so far says
 * bound  one route is kept, however many lines there are
 * fault  `problem` of the best line: other mail does not suffer
 * order  init, offer ..., then look at key.line, problem and route
 *
 * Which line is best: qmail/key.h. For mail of the null sender a key `!@` in
 * smtproutes is better than all.
 */
#ifndef QMAIL_ROUTE_H
#define QMAIL_ROUTE_H

#include "base/addr.h"
#include "base/slice.h"
#include "limits.h"
#include "qmail/control.h"
#include "qmail/key.h"
#include "qmail/login.h"

enum qmail_route_kind {
    ROUTE_MX,     /* the host's exchangers */
    ROUTE_NAME,   /* the relay `name`, by A and AAAA only */
    ROUTE_ADDRESS /* `addr`: of the relay, or the host is an address itself */
};

struct qmail_route {
    enum qmail_route_kind kind;
    bool relay; /* a relay is configured: its failures are temporary */
    uint16_t port;
    struct addr addr;                 /* ROUTE_ADDRESS, else ADDR_NONE */
    size_t name_size;                 /* ROUTE_NAME, else 0 */
    uint8_t name[NAME_TEXT_SIZE_MAX]; /* without a dot at its end */
};

struct qmail_route_search {
    struct qmail_key key;
    struct addr addr; /* the host, when it is an address in any spelling */
    bool empty;       /* the best line says nothing */
    enum qmail_problem problem; /* of the best line */
    struct qmail_route route;   /* both valid when there is no problem */
    struct qmail_login login;   /* a secret: wipe it when it is not used */
    bool login_seen;            /* a line that was best for a while had one */
};

/* `host` and `sender` must outlive the search; `kind`: whose keys these are. */
void qmail_route_init(struct qmail_route_search *s, struct slice host,
                      struct slice sender, enum qmail_key_kind kind);
/* `key:value`; without a colon outside brackets it is ignored, as in stock. */
void qmail_route_offer(struct qmail_route_search *s, struct slice line,
                       uint32_t number);
/* Of a relay's text: nothing, host, host:port, address, [address]:port, and
 * :port, which is the host's exchangers at that port. For `:port` also
 * `;port`. */
enum qmail_problem qmail_route_parse(struct slice relay,
                                     struct qmail_route *out);
/* ROUTE_NAME's name, for look-up and TLS; else empty. */
struct slice qmail_route_name(const struct qmail_route *r);

#endif
