/* SPDX-License-Identifier: ISC */
/* Every path that sessions with one candidate can take. */
#include "policy_course_cases.h"
#include "test.h"

enum {
    /* A hop; second pass, broken, retry. */
    START_COUNT = HOP_COUNT * 2 * 2 * 2,
    /* One session more than there can be, so that one too many is seen. */
    WALK_MAX = POLICY_SESSION_COUNT_MAX + 1
};

/* The secret is for who has proved a name, or one of our keys. */
static bool
is_guarded(const struct policy_hop *hop, bool loopback)
{
    return hop->login && !hop->unsafe && !loopback;
}

/* The sessions with one candidate in one pass. All 0: before the first. */
struct walk {
    uint32_t start;
    struct policy_hop hop;
    enum policy_dane dane;
    bool loopback, listed, second, broken, retry;
    uint32_t count;
    struct policy_manner manners[WALK_MAX];
    enum policy_end ends[WALK_MAX];
    enum policy_way ways[WALK_MAX];
};

static bool
is_final(enum policy_way way)
{
    return way == POLICY_WAY_REPORT || way == POLICY_WAY_NEXT;
}

/* By its ends, up to one that does not lead to this candidate. */
static void
walk_go(struct walk *w)
{
    struct policy_demand d =
        policy_demand_of(&w->hop, w->loopback, w->dane, w->listed);
    struct policy_manner m = policy_begin(&d, w->second, w->broken, w->retry);

    w->count = 0;
    for (;;) {
        enum policy_way way = policy_way_of(&m, w->ends[w->count], false);

        w->manners[w->count] = m;
        w->ways[w->count++] = way;
        if (is_final(way) || w->count == WALK_MAX)
            return;
        m = policy_again(&m, way);
    }
}

/* Another path from the same start, or false. */
static bool
walk_other(struct walk *w)
{
    uint32_t last = w->count;

    while (last > 0 && w->ends[last - 1] + 1 == POLICY_END_COUNT)
        last--;
    if (last == 0)
        return false;
    w->ends[last - 1]++;
    for (uint32_t i = last; i < WALK_MAX; i++)
        w->ends[i] = 0;
    walk_go(w);
    return true;
}

/* Every path of ends from every start, those that cannot be among them. */
static bool
walk_next(struct walk *w)
{
    if (w->count > 0 && walk_other(w))
        return true;
    while (w->start < START_COUNT) {
        struct walk next = {.start = w->start + 1,
                            .hop = hop_of(w->start / 8),
                            .loopback = is_loopback(w->start / 8),
                            .dane = dane_of(w->start / 8),
                            .listed = is_listed(w->start / 8),
                            .second = w->start & 4,
                            .broken = w->start & 2,
                            .retry = w->start & 1};

        *w = next;
        walk_go(w);
        return true;
    }
    return false;
}

TEST(every_path_is_walked)
{
    uint32_t count = 0, longest = 0, starts = 0, start = 0;

    for (struct walk w = {0}; walk_next(&w); count++) {
        longest = w.count > longest ? w.count : longest;
        starts += w.start != start;
        start = w.start;
    }
    CHECK(starts == START_COUNT);
    CHECK(longest == POLICY_SESSION_COUNT_MAX);
    CHECK(count > START_COUNT * POLICY_END_COUNT);
}

TEST(at_most_five_sessions_with_one_candidate)
{
    for (struct walk w = {0}; walk_next(&w);) {
        CHECK(w.count <= POLICY_SESSION_COUNT_MAX);
        CHECK(is_final(w.ways[w.count - 1]));
    }
}

/* The strictest of what is asked, but that the administrator's keys are his
 * last word. */
static enum policy_proof
proof_of(const struct walk *w)
{
    bool guarded = is_guarded(&w->hop, w->loopback);

    if (w->hop.pin)
        return POLICY_PROOF_PIN;
    if (w->dane == POLICY_DANE_AUTH || w->hop.level == POLICY_LEVEL_DANE)
        return POLICY_PROOF_DANE;
    if (guarded)
        return POLICY_PROOF_NAME;
    if (w->dane == POLICY_DANE_SKIP || w->dane == POLICY_DANE_PENDING)
        return POLICY_PROOF_DANE;
    if (w->hop.level == POLICY_LEVEL_2)
        return POLICY_PROOF_NAME;
    return w->hop.sts && w->dane == POLICY_DANE_NONE ? POLICY_PROOF_NAME
                                                     : POLICY_PROOF_NONE;
}

TEST(what_must_be_proved_is_never_less)
{
    for (struct walk w = {0}; walk_next(&w);)
        for (uint32_t i = 0; i < w.count; i++) {
            enum policy_proof proof = proof_of(&w);

            if (w.hop.level == POLICY_LEVEL_NONE ||
                (proof == POLICY_PROOF_NONE && w.dane != POLICY_DANE_ENCRYPT))
                continue;
            CHECK(w.manners[i].tls == POLICY_TLS_MUST);
            CHECK(w.manners[i].proof == proof);
            CHECK(!w.manners[i].helo && !w.manners[i].fallen);
        }
}

/* Where a session may take the secret without a proof, the administrator has
 * said so, or it stays on this machine. */
TEST(a_secret_is_for_who_has_proved_himself)
{
    for (struct walk w = {0}; walk_next(&w);)
        for (uint32_t i = 0; w.hop.login && i < w.count; i++) {
            CHECK(w.manners[i].unproved == (w.loopback || w.hop.unsafe));
            CHECK(w.manners[i].proof != POLICY_PROOF_NONE ||
                  w.manners[i].unproved || w.hop.level == POLICY_LEVEL_NONE);
            CHECK(!w.manners[i].helo);
        }
}

TEST(with_level_none_there_is_no_tls)
{
    for (struct walk w = {0}; walk_next(&w);)
        for (uint32_t i = 0; i < w.count; i++)
            if (w.hop.level == POLICY_LEVEL_NONE) {
                CHECK(w.manners[i].tls == POLICY_TLS_OFF);
                CHECK(!w.manners[i].implicit && !w.manners[i].fallen);
            }
}

/* On such a port nobody speaks in clear. */
TEST(tls_from_the_first_byte_stays)
{
    for (struct walk w = {0}; walk_next(&w);)
        for (uint32_t i = 0; i < w.count; i++)
            if (w.hop.implicit && w.hop.level != POLICY_LEVEL_NONE) {
                CHECK(w.manners[i].implicit);
                CHECK(w.manners[i].tls == POLICY_TLS_MUST);
            }
}

TEST(where_tls_must_be_nothing_goes_in_clear)
{
    for (struct walk w = {0}; walk_next(&w);)
        for (uint32_t i = 0; i < w.count; i++) {
            bool must = w.manners[0].tls == POLICY_TLS_MUST;

            CHECK(must == (w.manners[i].tls == POLICY_TLS_MUST));
            CHECK(!must || (w.ways[i] != POLICY_WAY_CLEAR &&
                            w.ways[i] != POLICY_WAY_HELO));
        }
}

static bool
changes_only_as_said(const struct policy_manner *before, enum policy_way way,
                     const struct policy_manner *after)
{
    bool clear = way == POLICY_WAY_CLEAR || way == POLICY_WAY_HELO;

    return after->fresh == (before->fresh || way == POLICY_WAY_FRESH) &&
           after->careful == (before->careful || way == POLICY_WAY_CAREFUL) &&
           after->helo == (before->helo || way == POLICY_WAY_HELO) &&
           after->tls == (clear ? POLICY_TLS_OFF : before->tls) &&
           after->proof == before->proof &&
           after->implicit == before->implicit &&
           after->unproved == before->unproved &&
           after->may_helo == before->may_helo && after->relay == before->relay;
}

TEST(each_manner_changes_once_and_for_good)
{
    for (struct walk w = {0}; walk_next(&w);) {
        uint32_t counts[POLICY_WAY_HELO + 1] = {0};

        for (uint32_t i = 0; i < w.count; i++)
            CHECK(++counts[w.ways[i]] == 1);
        for (uint32_t i = 1; i < w.count; i++) {
            CHECK(!manner_is(&w.manners[i - 1], &w.manners[i]));
            CHECK(changes_only_as_said(&w.manners[i - 1], w.ways[i - 1],
                                       &w.manners[i]));
        }
    }
}

/* A mail that was tried before is never sent in another way. */
TEST(a_retry_is_careful_throughout)
{
    for (struct walk w = {0}; walk_next(&w);)
        for (uint32_t i = 0; w.retry && i < w.count; i++)
            CHECK(w.manners[i].careful && w.ways[i] != POLICY_WAY_CAREFUL);
}

/* Before the session: TLS was wanted, and its failure or a lost connection took
 * it. That a server does not offer it is an honest reply. */
static bool
has_fallen(const struct walk *w, uint32_t session)
{
    bool second_pass =
        policy_demand_of(&w->hop, w->loopback, w->dane, w->listed).second_pass;
    bool fallen = w->second && w->broken && second_pass;

    for (uint32_t i = 0; i < session; i++)
        if (w->manners[i].tls == POLICY_TLS_TRY)
            fallen = fallen || w->ends[i] == POLICY_END_BROKEN ||
                     (w->ends[i] == POLICY_END_STALE && w->manners[i].fresh) ||
                     w->ends[i] == POLICY_END_MUTE;
    return fallen;
}

TEST(fallen_is_who_lost_tls_by_a_fault)
{
    uint32_t count = 0;

    for (struct walk w = {0}; walk_next(&w);)
        for (uint32_t i = 0; i < w.count; i++) {
            bool fallen = w.manners[i].fallen;

            CHECK(fallen == has_fallen(&w, i));
            CHECK(!fallen || w.manners[i].tls == POLICY_TLS_OFF);
            CHECK(!fallen || (w.hop.tls_on && w.hop.level < POLICY_LEVEL_2));
            /* In clear without a fall is only who never wanted else. */
            CHECK(fallen || w.manners[i].tls == w.manners[0].tls);
            count += fallen;
        }
    CHECK(count > 0);
}

/* Where TLS fails with what was offered, nothing else changes before it has
 * failed without. */
TEST(less_comes_only_behind_a_full_handshake)
{
    uint32_t count = 0;

    for (struct walk w = {0}; walk_next(&w);)
        for (uint32_t i = 1; i < w.count; i++)
            if (w.ends[i - 1] == POLICY_END_STALE &&
                w.manners[i - 1].tls != POLICY_TLS_OFF &&
                !w.manners[i - 1].fresh) {
                struct policy_manner m = w.manners[i - 1];

                m.fresh = true;
                CHECK(manner_is(&w.manners[i], &m));
                count++;
            }
    CHECK(count > 0);
}

#define CASES(X)                                \
    X(every_path_is_walked)                     \
    X(at_most_five_sessions_with_one_candidate) \
    X(what_must_be_proved_is_never_less)        \
    X(a_secret_is_for_who_has_proved_himself)   \
    X(with_level_none_there_is_no_tls)          \
    X(tls_from_the_first_byte_stays)            \
    X(where_tls_must_be_nothing_goes_in_clear)  \
    X(each_manner_changes_once_and_for_good)    \
    X(a_retry_is_careful_throughout)            \
    X(fallen_is_who_lost_tls_by_a_fault)        \
    X(less_comes_only_behind_a_full_handshake)

TEST_MAIN(CASES)
