/* SPDX-License-Identifier: ISC */
/*
 * Where a host's mail goes: control/smtproutes in one pass.
 *
 * in     the host, then every line of the file that is not skipped
 * out    in the search: `route`, what the best line so far says, and its number
 * bound  one route is kept, however many lines there are
 * fault  `problem` of the best line: mail of other hosts does not suffer
 * order  init, offer ..., then look at problem and route
 *
 * Best is the key that is the whole host, then the longest that is an end of
 * it from a dot on, then the empty key; of equals the last. Case, and one dot
 * at the end of host or key, do not matter; addresses in brackets are compared
 * by value.
 */
#ifndef QMAIL_ROUTE_H
#define QMAIL_ROUTE_H

#include "base/addr.h"
#include "base/slice.h"
#include "limits.h"
#include "qmail/control.h"

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
    struct slice host; /* borrowed; without a dot at its end */
    struct addr addr;  /* the host, when it is an address in any spelling */
    uint32_t line;     /* number of the best line, 0: none matches */
    size_t key_size;   /* how good it is */
    enum qmail_problem problem; /* of the best line */
    struct qmail_route route;   /* valid when there is no problem */
};

/* `host` must outlive the search. */
void qmail_route_init(struct qmail_route_search *s, struct slice host);
/* `key:relay`; without a colon outside brackets it is ignored, as in stock. */
void qmail_route_offer(struct qmail_route_search *s, struct slice line,
                       uint32_t number);
/* Of a relay's text: nothing, host, host:port, address, [address]:port, and
 * :port, which is the host's exchangers at that port. */
enum qmail_problem qmail_route_parse(struct slice relay,
                                     struct qmail_route *out);
/* ROUTE_NAME's name, for look-up and TLS; else empty. */
struct slice qmail_route_name(const struct qmail_route *r);

#endif
