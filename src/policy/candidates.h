/* SPDX-License-Identifier: ISC */
/*
 * The addresses to deliver to, in the order they are tried (RFC 5321 5.1,
 * RFC 8305 section 4), and how long unknown ones are waited for.
 *
 * in     addresses with the preference of their exchanger, best first; own
 *        addresses; entropy
 * out    a list: by preference, equals shuffled, IPv6 and IPv4 in turn,
 *        without own addresses and what no better preference than theirs is
 * bound  CANDIDATE_COUNT_MAX; further ones are dropped, own ones still count
 * fault  none; `own_seen` and an empty list tell the caller why
 * order  init, add ..., finish
 */
#ifndef POLICY_CANDIDATES_H
#define POLICY_CANDIDATES_H

#include "base/addr.h"
#include "limits.h"

struct policy_candidate {
    struct endpoint to;
    uint16_t preference;
    uint16_t host; /* index of the exchanger's name; the caller's */
};

struct policy_candidates {
    struct policy_candidate list[CANDIDATE_COUNT_MAX];
    uint32_t count;
    bool own_seen;           /* an address was ours */
    uint16_t own_preference; /* the best preference of such a one */
};

/* How far the look-ups of one exchanger are. */
struct policy_host {
    uint16_t preference;
    bool pending;             /* one of its look-ups has no answer yet */
    bool has_address;         /* one of them brought one */
    int64_t first_address_ms; /* when; if has_address */
    int64_t patience_ms;      /* end of its second round */
};

void policy_candidates_init(struct policy_candidates *c);
/* `own`: the address is one of this machine's. */
void policy_candidates_add(struct policy_candidates *c,
                           const struct policy_candidate *candidate, bool own);
void policy_candidates_finish(struct policy_candidates *c, uint64_t seed);
/* The instant at which delivery starts with what is known: one that has
 * passed, or INT64_MAX while nothing is known and something may come. */
int64_t policy_hosts_wait_ms(const struct policy_host *hosts, uint32_t count);

#endif
