/* SPDX-License-Identifier: ISC */
/*
 * Which addresses may be delivered to, in which order, and how long exchangers
 * whose addresses are still unknown are waited for (RFC 5321 section 5.1,
 * RFC 8305).
 *
 * in     exchangers' addresses as answers bring them, in any order; a random
 *        seed; what is known of each exchanger
 * out    candidates, which keep their number for ever, less those at and behind
 *        our own preference
 * bound  CANDIDATE_COUNT_MAX; what comes last is left out. DNS_MX_COUNT_MAX
 *        exchangers
 * fault  none: no candidate is left, and `own_seen` tells why
 * order  init, add ...; is_cut and wait_ms at any time
 */
#ifndef POLICY_CANDIDATES_H
#define POLICY_CANDIDATES_H

#include "base/addr.h"
#include "limits.h"

struct policy_candidate {
    struct endpoint to;
    uint16_t preference; /* lower is better */
    uint16_t host;       /* index of the exchanger the address belongs to */
    uint64_t key;        /* random: the order of equals; add fills it in */
};

struct policy_candidates {
    uint64_t seed;
    bool by_host;            /* one address under two names counts twice */
    bool own_seen;           /* one of our own addresses was among them, */
    uint32_t own_preference; /* at best with this preference */
    uint32_t count;
    struct policy_candidate list[CANDIDATE_COUNT_MAX];
};

/* `by_host`: a certificate has to be proved, which one name may have and
 * another not. */
void policy_candidates_init(struct policy_candidates *c, uint64_t seed,
                            bool by_host);
/* An address of ours only leaves its preference behind. Unusable and repeated
 * addresses are left out; a repeated one keeps its best preference. */
void policy_candidates_add(struct policy_candidates *c,
                           const struct policy_candidate *candidate, bool own);
/* It is no better than an address of ours: mail there leads back to here. */
bool policy_candidates_is_cut(const struct policy_candidates *c,
                              uint32_t index);
/* There is one that is not. */
bool policy_candidates_any(const struct policy_candidates *c);

/* What is known of one exchanger by now. */
struct policy_host {
    uint16_t preference;
    bool unasked; /* its addresses were not asked for yet */
    bool pending; /* some address look-up has no answer yet */
    bool has_address;
    int64_t first_address_ms; /* when it came, if it has one */
    int64_t patience_ms;      /* how long it is worth waiting for it */
};

struct policy_hosts {
    bool own_listed; /* control/ipme lists an address */
    uint32_t count;
    struct policy_host list[DNS_MX_COUNT_MAX];
};

/* From when on a candidate of this preference may be connected to, as far as
 * look-ups go; 0: now. */
int64_t policy_hosts_wait_ms(const struct policy_hosts *h, uint32_t preference);
/* A better exchanger was not asked for yet: one known by its address has to
 * wait until it was. */
bool policy_hosts_hide(const struct policy_hosts *h, uint32_t preference);

#endif
