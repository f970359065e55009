/* SPDX-License-Identifier: ISC */
#include "policy/course.h"

#include "base/assert.h"

/* ---- what is demanded: the first row that applies ---- */

static const struct {
    uint32_t level; /* applies from this tlsstrictness on, */
    bool tls_on;    /* and where trustanchors says something, if it must */
    struct policy_demand demand;
} demands[] = {
    /* level, on     TLS              proof              second pass */
    {2, false, {POLICY_TLS_MUST, POLICY_PROOF_NAME, false}},
    {1, true, {POLICY_TLS_MUST, POLICY_PROOF_NONE, true}},
    {0, true, {POLICY_TLS_TRY, POLICY_PROOF_NONE, false}},
    {0, false, {POLICY_TLS_OFF, POLICY_PROOF_NONE, false}},
};

struct policy_demand
policy_demand_of(const struct policy_hop *hop)
{
    uint32_t row = 0;

    while (hop->level < demands[row].level ||
           (demands[row].tls_on && !hop->tls_on))
        row++;
    return demands[row].demand;
}

struct policy_manner
policy_begin(const struct policy_demand *demand, bool second, bool broken,
             bool retry)
{
    struct policy_manner m = {
        .tls = demand->tls, .proof = demand->proof, .careful = retry};

    assert(!second || demand->second_pass);
    if (second) {
        m.tls = broken ? POLICY_TLS_OFF : POLICY_TLS_TRY;
        m.fallen = broken;
    }
    return m;
}

/* ---- where an end leads ---- */

#define WAYS(off, try, must)                  \
    {                                         \
        [POLICY_TLS_OFF] = POLICY_WAY_##off,  \
        [POLICY_TLS_TRY] = POLICY_WAY_##try,  \
        [POLICY_TLS_MUST] = POLICY_WAY_##must \
    }

static const struct {
    enum policy_way ways[POLICY_TLS_MUST + 1]; /* by the manner's TLS */
    bool broken;                               /* TLS with this candidate is */
    bool search; /* says nothing but that there is no TLS here */
} ends[POLICY_END_COUNT] = {
    /*                               off      try      must */
    [POLICY_END_VERDICT] = {WAYS(REPORT, REPORT, REPORT), false, false},
    [POLICY_END_SYNTAX] = {WAYS(CAREFUL, CAREFUL, CAREFUL), false, false},
    [POLICY_END_DUPLICATE] = {WAYS(REPORT, REPORT, REPORT), false, false},
    [POLICY_END_UNFIT] = {WAYS(NEXT, NEXT, NEXT), false, false},
    [POLICY_END_DIED] = {WAYS(NEXT, NEXT, NEXT), false, false},
    [POLICY_END_MUTE] = {WAYS(HELO, HELO, NEXT), false, false},
    [POLICY_END_ABSENT] = {WAYS(NEXT, NEXT, NEXT), false, true},
    [POLICY_END_REFUSED] = {WAYS(NEXT, NEXT, NEXT), true, true},
    [POLICY_END_BROKEN] = {WAYS(NEXT, CLEAR, NEXT), true, true},
    [POLICY_END_UNTRUSTED] = {WAYS(NEXT, NEXT, NEXT), false, false},
};

enum policy_way
policy_way_of(const struct policy_manner *manner, enum policy_end end,
              bool spent)
{
    enum policy_way way = ends[end].ways[manner->tls];

    if (spent)
        return POLICY_WAY_REPORT;
    /* Each manner is tried once: what is said in it counts. */
    if (way == POLICY_WAY_CAREFUL && manner->careful)
        return POLICY_WAY_REPORT;
    if (way == POLICY_WAY_HELO && manner->helo)
        return POLICY_WAY_NEXT;
    return way;
}

struct policy_manner
policy_again(const struct policy_manner *manner, enum policy_way way)
{
    struct policy_manner m = *manner;
    bool careful = way == POLICY_WAY_CAREFUL;

    assert(careful || way == POLICY_WAY_CLEAR || way == POLICY_WAY_HELO);
    m.careful = m.careful || careful;
    m.helo = m.helo || way == POLICY_WAY_HELO;
    if (!careful) {
        m.fallen = m.fallen || m.tls != POLICY_TLS_OFF;
        m.tls = POLICY_TLS_OFF;
    }
    return m;
}

bool
policy_is_broken(enum policy_end end)
{
    return ends[end].broken;
}

/* ---- a pass ---- */

bool
policy_counts(const struct policy_demand *demand, bool second,
              enum policy_end end)
{
    /* A first pass looks for TLS with everybody, or there is no second. */
    if (demand->second_pass && !second)
        return !ends[end].search;
    return end != POLICY_END_ABSENT;
}

int64_t
policy_pass_ms(uint32_t remote_timeout_s)
{
    return (int64_t)remote_timeout_s * (1000 + POLICY_PASS_EXTRA_MS);
}

bool
policy_has_second(const struct policy_demand *demand,
                  const struct policy_tally *first)
{
    return demand->second_pass && first->asked && !first->cut &&
           !first->tls_worked;
}

/* ---- verdicts ---- */

enum fault
policy_fault(enum fault fault, bool fallen)
{
    static const enum fault temporary[FAULT_COUNT] = {
        [FAULT_TOO_BIG] = FAULT_TOO_BIG_TEMP,
        [FAULT_SENDER_PERM] = FAULT_SENDER_TEMP,
        [FAULT_RECIPIENTS] = FAULT_RECIPIENTS_TEMP,
        [FAULT_DATA_PERM] = FAULT_DATA_TEMP,
        [FAULT_BODY_PERM] = FAULT_BODY_TEMP,
    };

    return fallen && temporary[fault] != FAULT_OK ? temporary[fault] : fault;
}

char
policy_recipient(char verdict, bool fallen)
{
    if (fallen && verdict == 'h')
        return 's';
    return verdict;
}
