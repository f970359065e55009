/* SPDX-License-Identifier: ISC */
#include "policy/course.h"

#include "base/assert.h"

/* ---- what is demanded: the first row that applies ---- */

/* What of a hop makes a row apply; of all rows the first. */
enum condition {
    IF_NONE,     /* level none */
    IF_PIN,      /* keys are written down */
    IF_LACKING,  /* level dane, and no record to prove it by */
    IF_LOGIN,    /* a secret that nobody unproved may see, and none either */
    IF_SKIP,     /* what it has to prove is not known */
    IF_AUTH,     /* there is a record to prove it by */
    IF_UNLISTED, /* no records, and not in the next hop's policy of MTA-STS */
    IF_2,        /* level 2 */
    IF_ENCRYPT,  /* there are records, and none of them of use */
    IF_LISTED,   /* it is */
    IF_IMPLICIT, /* TLS from the first byte */
    IF_1,        /* TLS is on, level 1 */
    IF_0,        /* TLS is on, level 0 */
    IF_OFF       /* it is not */
};

static const struct {
    enum policy_tls tls;
    enum policy_proof proof;
    bool second_pass;
    bool unusable;
} demands[] = {
    /*             TLS              proof          second pass, unusable */
    [IF_NONE] = {POLICY_TLS_OFF, POLICY_PROOF_NONE, false, false},
    [IF_PIN] = {POLICY_TLS_MUST, POLICY_PROOF_PIN, false, false},
    [IF_LACKING] = {POLICY_TLS_MUST, POLICY_PROOF_DANE, false, true},
    [IF_LOGIN] = {POLICY_TLS_MUST, POLICY_PROOF_NAME, false, false},
    [IF_SKIP] = {POLICY_TLS_MUST, POLICY_PROOF_DANE, false, true},
    [IF_AUTH] = {POLICY_TLS_MUST, POLICY_PROOF_DANE, false, false},
    [IF_UNLISTED] = {POLICY_TLS_MUST, POLICY_PROOF_NAME, false, true},
    [IF_2] = {POLICY_TLS_MUST, POLICY_PROOF_NAME, false, false},
    [IF_ENCRYPT] = {POLICY_TLS_MUST, POLICY_PROOF_NONE, false, false},
    [IF_LISTED] = {POLICY_TLS_MUST, POLICY_PROOF_NAME, false, false},
    [IF_IMPLICIT] = {POLICY_TLS_MUST, POLICY_PROOF_NONE, false, false},
    [IF_1] = {POLICY_TLS_MUST, POLICY_PROOF_NONE, true, false},
    [IF_0] = {POLICY_TLS_TRY, POLICY_PROOF_NONE, false, false},
    [IF_OFF] = {POLICY_TLS_OFF, POLICY_PROOF_NONE, false, false},
};

static enum condition
first_row(const struct policy_hop *hop, bool loopback, enum policy_dane dane,
          bool listed)
{
    bool auth = dane == POLICY_DANE_AUTH;
    const bool applies[] = {
        [IF_NONE] = hop->level == POLICY_LEVEL_NONE,
        [IF_PIN] = hop->pin,
        [IF_LACKING] = hop->level == POLICY_LEVEL_DANE && !auth,
        [IF_LOGIN] = hop->login && !loopback && !hop->unsafe && !auth,
        [IF_SKIP] = dane == POLICY_DANE_SKIP || dane == POLICY_DANE_PENDING,
        [IF_AUTH] = auth,
        [IF_UNLISTED] = hop->sts && !listed && dane == POLICY_DANE_NONE,
        [IF_2] = hop->level == POLICY_LEVEL_2,
        [IF_ENCRYPT] = dane == POLICY_DANE_ENCRYPT,
        [IF_LISTED] = hop->sts,
        [IF_IMPLICIT] = hop->implicit,
        [IF_1] = hop->tls_on && hop->level == POLICY_LEVEL_1,
        [IF_0] = hop->tls_on,
        [IF_OFF] = true,
    };
    enum condition row = IF_NONE;

    while (!applies[row])
        row++;
    return row;
}

struct policy_demand
policy_demand_of(const struct policy_hop *hop, bool loopback,
                 enum policy_dane dane, bool listed)
{
    enum condition row = first_row(hop, loopback, dane, listed);

    return (struct policy_demand){
        .usable = !demands[row].unusable,
        .tls = demands[row].tls,
        .proof = demands[row].proof,
        .second_pass = demands[row].second_pass,
        .implicit = hop->implicit && demands[row].tls != POLICY_TLS_OFF,
        .unproved = loopback || hop->unsafe,
        .helo = !hop->login,
        .relay = hop->relay};
}

struct policy_manner
policy_begin(const struct policy_demand *demand, bool second, bool broken,
             bool retry)
{
    struct policy_manner m = {.tls = demand->tls,
                              .proof = demand->proof,
                              .careful = retry,
                              .implicit = demand->implicit,
                              .unproved = demand->unproved,
                              .may_helo = demand->helo,
                              .relay = demand->relay};

    if (second && demand->second_pass) {
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
    [POLICY_END_STALE] = {WAYS(NEXT, FRESH, FRESH), false, true},
    [POLICY_END_UNTRUSTED] = {WAYS(NEXT, NEXT, NEXT), false, false},
};

enum policy_way
policy_way_of(const struct policy_manner *manner, enum policy_end end,
              bool spent)
{
    enum policy_way way = POLICY_WAY_REPORT;

    /* Without a session of before it is TLS itself that fails. */
    if (end == POLICY_END_STALE && manner->fresh)
        end = POLICY_END_BROKEN;
    way = ends[end].ways[manner->tls];

    if (spent)
        return POLICY_WAY_REPORT;
    /* Each manner is tried once: what is said in it counts. */
    if (way == POLICY_WAY_CAREFUL && manner->careful)
        return POLICY_WAY_REPORT;
    if (way == POLICY_WAY_HELO && (manner->helo || !manner->may_helo))
        return POLICY_WAY_NEXT;
    return way;
}

struct policy_manner
policy_again(const struct policy_manner *manner, enum policy_way way)
{
    struct policy_manner m = *manner;
    bool clear = way == POLICY_WAY_CLEAR || way == POLICY_WAY_HELO;

    assert(clear || way == POLICY_WAY_CAREFUL || way == POLICY_WAY_FRESH);
    m.careful = m.careful || way == POLICY_WAY_CAREFUL;
    m.fresh = m.fresh || way == POLICY_WAY_FRESH;
    m.helo = m.helo || way == POLICY_WAY_HELO;
    if (clear) {
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
policy_has_second(const struct policy_tally *first)
{
    return first->second_pass && !first->cut && !first->tls_worked;
}

/* ---- verdicts ---- */

/* RFC 4954 section 6: a login is wanted, refused, too weak, or to be
 * encrypted. That is about us. */
static bool
is_about_login(uint32_t code)
{
    return code == 530 || code == 534 || code == 535 || code == 538;
}

bool
policy_softens(const struct policy_manner *manner, bool fallen, uint32_t code)
{
    return manner->fallen || fallen || (manner->relay && is_about_login(code));
}

enum fault
policy_fault(const struct policy_manner *manner, enum fault fault, bool soft)
{
    static const enum fault temporary[FAULT_COUNT] = {
        [FAULT_UTF8_ABSENT] = FAULT_UTF8_ABSENT_TEMP,
        [FAULT_TOO_BIG] = FAULT_TOO_BIG_TEMP,
        [FAULT_SENDER_PERM] = FAULT_SENDER_TEMP,
        [FAULT_RECIPIENTS] = FAULT_RECIPIENTS_TEMP,
        [FAULT_DATA_PERM] = FAULT_DATA_TEMP,
        [FAULT_BODY_PERM] = FAULT_BODY_TEMP,
    };

    /* EHLO, which may have offered it, was never answered. */
    soft = soft || (manner->helo && fault == FAULT_UTF8_ABSENT);
    return soft && temporary[fault] != FAULT_OK ? temporary[fault] : fault;
}

char
policy_recipient(char verdict, bool soft)
{
    if (soft && verdict == 'h')
        return 's';
    return verdict;
}
