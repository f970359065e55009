/* SPDX-License-Identifier: ISC */
/*
 * What the tests of policy/course share: every hop, and manners compared.
 *
 * in     an index below HOP_COUNT
 * out    a hop, and what its candidate and its exchanger are
 * bound  every combination of what counts
 * fault  none
 */
#ifndef POLICY_COURSE_CASES_H
#define POLICY_COURSE_CASES_H

#include "policy/course.h"

enum {
    LEVEL_COUNT = POLICY_LEVEL_DANE + 1,
    DANE_COUNT = POLICY_DANE_SKIP + 1,
    STS_COUNT = 3,
    CLASS_COUNT = DANE_COUNT * STS_COUNT,
    /* A hop's level, TLS on, pin, implicit, login, unsafe; loopback; class;
     * without a policy of MTA-STS, in it, or not in it. */
    HOP_COUNT = LEVEL_COUNT * 2 * 2 * 2 * 2 * 2 * 2 * CLASS_COUNT
};

static inline bool
manner_is(const struct policy_manner *m, const struct policy_manner *expected)
{
    return m->tls == expected->tls && m->proof == expected->proof &&
           m->careful == expected->careful && m->helo == expected->helo &&
           m->fallen == expected->fallen && m->fresh == expected->fresh &&
           m->implicit == expected->implicit &&
           m->unproved == expected->unproved &&
           m->may_helo == expected->may_helo && m->relay == expected->relay;
}

static inline struct policy_hop
hop_of(uint32_t index)
{
    bool sts = index / DANE_COUNT % STS_COUNT > 0;

    index /= CLASS_COUNT;
    return (struct policy_hop){.sts = sts,
                               .level = index / 64,
                               .tls_on = index & 32,
                               .pin = index & 16,
                               .implicit = index & 8,
                               .login = index & 4,
                               .unsafe = index & 2};
}

static inline bool
is_loopback(uint32_t index)
{
    return index / CLASS_COUNT & 1;
}

static inline enum policy_dane
dane_of(uint32_t index)
{
    return index % DANE_COUNT;
}

static inline bool
is_listed(uint32_t index)
{
    return index / DANE_COUNT % STS_COUNT == 1;
}

static inline struct policy_demand
demand_of(uint32_t index)
{
    struct policy_hop hop = hop_of(index);

    return policy_demand_of(&hop, is_loopback(index), dane_of(index),
                            is_listed(index));
}

#endif
