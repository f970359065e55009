/* SPDX-License-Identifier: ISC */
/*
 * control/ipme: the machine's own addresses, never connected to.
 *
 * in     lines: an IPv4 or IPv6 address, brackets allowed
 * out    whether an address is listed; an IPv4-mapped one is plain IPv4
 * bound  IPME_COUNT_MAX addresses; one listed twice counts once
 * fault  a problem; then nothing was added
 * order  init, add ..., contains
 */
#ifndef QMAIL_IPME_H
#define QMAIL_IPME_H

#include "base/addr.h"
#include "base/slice.h"
#include "limits.h"
#include "qmail/control.h"

struct qmail_ipme {
    uint32_t count;
    struct addr addrs[IPME_COUNT_MAX];
};

void qmail_ipme_init(struct qmail_ipme *m);
enum qmail_problem qmail_ipme_add(struct qmail_ipme *m, struct slice line);
bool qmail_ipme_contains(const struct qmail_ipme *m, const struct addr *a);

#endif
