/* SPDX-License-Identifier: ISC */
/*
 * Which line of a list `key:value` is for this mail: smtproutes and tlspolicy
 * by host, authsenders by sender.
 *
 * in     a host or a sender, then every line that is not skipped
 * out    the value of the best line so far, and its number
 * bound  nothing is kept of a line
 * fault  none: a line without a colon outside brackets is no such line
 * order  init, offer ...; `line` says whether there was one
 *
 * Best is the key that is the whole, then the longest that is an end of it from
 * a dot (of a sender: or an @) on, then the empty key; of equals the last.
 * Case, and one dot at the end of host or key, do not matter; a host that is an
 * address is compared by value. A key may have labels that are not ASCII, a
 * host has them as A-labels.
 */
#ifndef QMAIL_KEY_H
#define QMAIL_KEY_H

#include "base/addr.h"
#include "base/slice.h"
#include "limits.h"

enum qmail_key_kind { KEY_HOST, KEY_SENDER, KEY_KIND_COUNT };

struct qmail_key {
    enum qmail_key_kind kind;
    struct slice text;  /* borrowed; of a host without a dot at its end */
    struct slice first; /* a key that is better than all others; or empty */
    struct addr addr;   /* the host, when it is an address in any spelling */
    uint32_t line;      /* number of the best line, 0: none matches */
    size_t size;        /* how good it is */
};

/* `text` must outlive the search. */
void qmail_key_init(struct qmail_key *k, enum qmail_key_kind kind,
                    struct slice text);
/* True: `line` is the best so far, and `value` what stands behind its colon. */
bool qmail_key_offer(struct qmail_key *k, struct slice line, uint32_t number,
                     struct slice *value);
/* Index of the first of these bytes outside brackets, or s.size. Without its
 * end a bracket is a byte like any other. */
size_t qmail_key_find(struct slice s, struct slice bytes);
/* An absolute name is the same name; a dot alone stays. */
struct slice qmail_key_undot(struct slice name);

#endif
