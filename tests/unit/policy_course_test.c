/* SPDX-License-Identifier: ISC */
#include "policy/course.h"

#include "test.h"

enum {
    LEVEL_COUNT = 3,
    /* level, TLS on, second pass, broken, retry */
    START_COUNT = LEVEL_COUNT * 2 * 2 * 2 * 2,
    /* One session more than there can be, so that one too many is seen. */
    WALK_MAX = POLICY_SESSION_COUNT_MAX + 1
};

static bool
manner_is(const struct policy_manner *m, const struct policy_manner *expected)
{
    return m->tls == expected->tls && m->proof == expected->proof &&
           m->careful == expected->careful && m->helo == expected->helo &&
           m->fallen == expected->fallen;
}

static struct policy_demand
demand_of(uint32_t level, bool tls_on)
{
    return policy_demand_of(
        &(struct policy_hop){.level = level, .tls_on = tls_on});
}

/* ---- what is demanded ---- */

TEST(each_hop_has_its_demand)
{
    static const struct {
        struct policy_hop hop;
        struct policy_demand demand;
    } rows[] = {
        {{0, false}, {POLICY_TLS_OFF, POLICY_PROOF_NONE, false}},
        {{0, true}, {POLICY_TLS_TRY, POLICY_PROOF_NONE, false}},
        {{1, false}, {POLICY_TLS_OFF, POLICY_PROOF_NONE, false}},
        {{1, true}, {POLICY_TLS_MUST, POLICY_PROOF_NONE, true}},
        /* Never in clear, were it let through without anchors. */
        {{2, false}, {POLICY_TLS_MUST, POLICY_PROOF_NAME, false}},
        {{2, true}, {POLICY_TLS_MUST, POLICY_PROOF_NAME, false}},
        /* Nobody can ask for it; it is not less than 2. */
        {{UINT32_MAX, false}, {POLICY_TLS_MUST, POLICY_PROOF_NAME, false}},
    };

    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct policy_demand d = policy_demand_of(&rows[i].hop);

        CHECK(d.tls == rows[i].demand.tls);
        CHECK(d.proof == rows[i].demand.proof);
        CHECK(d.second_pass == rows[i].demand.second_pass);
    }
}

TEST(a_session_begins_as_the_pass_says)
{
    static const struct {
        struct policy_hop hop;
        bool second, broken;
        struct policy_manner manner;
    } rows[] = {
        {{0, false}, false, false, {.tls = POLICY_TLS_OFF}},
        {{0, true}, false, false, {.tls = POLICY_TLS_TRY}},
        {{1, false}, false, false, {.tls = POLICY_TLS_OFF}},
        {{1, true}, false, false, {.tls = POLICY_TLS_MUST}},
        /* TLS is tried again where it was not found broken. */
        {{1, true}, true, false, {.tls = POLICY_TLS_TRY}},
        {{1, true}, true, true, {.tls = POLICY_TLS_OFF, .fallen = true}},
        {{2, true},
         false,
         false,
         {.tls = POLICY_TLS_MUST, .proof = POLICY_PROOF_NAME}},
        /* Each is asked once a pass: a first pass knows of none. */
        {{0, true}, false, true, {.tls = POLICY_TLS_TRY}},
        {{1, true}, false, true, {.tls = POLICY_TLS_MUST}},
        {{2, true},
         false,
         true,
         {.tls = POLICY_TLS_MUST, .proof = POLICY_PROOF_NAME}},
    };

    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int retry = 0; retry < 2; retry++) {
            struct policy_demand d = policy_demand_of(&rows[i].hop);
            struct policy_manner expected = rows[i].manner;
            struct policy_manner m =
                policy_begin(&d, rows[i].second, rows[i].broken, retry);

            expected.careful = retry;
            CHECK(manner_is(&m, &expected));
        }
}

/* ---- where an end leads ---- */

/* R report, N next, L again in clear, C the careful way, H with HELO. A small
 * letter: no session ends so in this manner; where it led would do no harm. */
static const struct {
    enum policy_end end;
    const char *ways; /* a letter a column */
} leads[POLICY_END_COUNT] = {
    /* TLS:                  off  try must */
    /* careful, HELO, both:  -chb -c  -c   */
    {POLICY_END_VERDICT, "RRRR RR RR"},
    /* Once more the careful way; what is said then counts. */
    {POLICY_END_SYNTAX, "CRCR CR CR"},
    /* No other candidate may have it too. */
    {POLICY_END_DUPLICATE, "RRRR RR RR"},
    {POLICY_END_UNFIT, "NNNN NN NN"},
    {POLICY_END_DIED, "NNNN NN NN"},
    /* Once a candidate, and never where TLS must be. */
    {POLICY_END_MUTE, "HHNN HH NN"},
    /* Where TLS need not be, the same session goes on without it. */
    {POLICY_END_ABSENT, "nnnn nn NN"},
    {POLICY_END_REFUSED, "nnnn nn NN"},
    {POLICY_END_BROKEN, "nnnn LL NN"},
    /* Only strictness 2 wants a name proved. */
    {POLICY_END_UNTRUSTED, "nnnn nn NN"},
};

/* With HELO there is no TLS. */
static const struct policy_manner columns[] = {
    {.tls = POLICY_TLS_OFF},
    {.tls = POLICY_TLS_OFF, .careful = true},
    {.tls = POLICY_TLS_OFF, .helo = true},
    {.tls = POLICY_TLS_OFF, .careful = true, .helo = true},
    {.tls = POLICY_TLS_TRY},
    {.tls = POLICY_TLS_TRY, .careful = true},
    {.tls = POLICY_TLS_MUST},
    {.tls = POLICY_TLS_MUST, .careful = true}};

enum { COLUMN_COUNT = sizeof(columns) / sizeof(columns[0]) };

static char
letter_of(enum policy_way way)
{
    static const char letters[] = {[POLICY_WAY_REPORT] = 'R',
                                   [POLICY_WAY_NEXT] = 'N',
                                   [POLICY_WAY_CLEAR] = 'L',
                                   [POLICY_WAY_CAREFUL] = 'C',
                                   [POLICY_WAY_HELO] = 'H'};

    return letters[way];
}

static char
upper(char letter)
{
    return letter == 'n' ? 'N' : letter;
}

/* The letter of this row and column; 0: the row is too short. */
static char
lead(uint32_t row, uint32_t column)
{
    for (const char *l = leads[row].ways; *l; l++)
        if (*l != ' ' && column-- == 0)
            return *l;
    return 0;
}

/* Neither what is to be proved nor how a session came to be in clear changes
 * where its end leads. */
TEST(each_end_leads_where_the_rules_say)
{
    bool seen[POLICY_END_COUNT] = {false};

    for (uint32_t row = 0; row < POLICY_END_COUNT; row++) {
        CHECK(!seen[leads[row].end] && lead(row, COLUMN_COUNT) == 0);
        seen[leads[row].end] = true;
        for (uint32_t i = 0; i < COLUMN_COUNT * 4; i++) {
            struct policy_manner m = columns[i / 4];

            m.fallen = i & 1;
            m.proof = i & 2 ? POLICY_PROOF_NAME : POLICY_PROOF_NONE;
            CHECK(letter_of(policy_way_of(&m, leads[row].end, false)) ==
                  upper(lead(row, i / 4)));
        }
    }
}

/* Message octets that cannot be read again were sent: the failure at hand is
 * reported, whatever it is. */
TEST(a_spent_message_is_reported)
{
    for (uint32_t row = 0; row < POLICY_END_COUNT; row++)
        for (uint32_t i = 0; i < COLUMN_COUNT; i++)
            CHECK(policy_way_of(&columns[i], leads[row].end, true) ==
                  POLICY_WAY_REPORT);
}

/* Said of a session that cannot end so, an end costs the candidate, and never
 * what is demanded: no new session, no verdict. */
TEST(what_cannot_be_does_no_harm)
{
    uint32_t count = 0;

    for (uint32_t row = 0; row < POLICY_END_COUNT; row++)
        for (uint32_t i = 0; i < COLUMN_COUNT; i++)
            if (lead(row, i) == 'n') {
                count++;
                CHECK(policy_way_of(&columns[i], leads[row].end, false) ==
                      POLICY_WAY_NEXT);
            }
    CHECK(count == 22);
}

TEST(a_candidate_is_asked_again_as_the_way_says)
{
    static const struct {
        struct policy_manner before;
        enum policy_way way;
        struct policy_manner after;
    } rows[] = {
        {{.tls = POLICY_TLS_TRY},
         POLICY_WAY_CLEAR,
         {.tls = POLICY_TLS_OFF, .fallen = true}},
        {{.tls = POLICY_TLS_TRY, .careful = true},
         POLICY_WAY_CLEAR,
         {.tls = POLICY_TLS_OFF, .careful = true, .fallen = true}},
        {{.tls = POLICY_TLS_TRY},
         POLICY_WAY_CAREFUL,
         {.tls = POLICY_TLS_TRY, .careful = true}},
        {{.tls = POLICY_TLS_MUST, .proof = POLICY_PROOF_NAME},
         POLICY_WAY_CAREFUL,
         {.tls = POLICY_TLS_MUST, .proof = POLICY_PROOF_NAME, .careful = true}},
        {{.tls = POLICY_TLS_OFF},
         POLICY_WAY_CAREFUL,
         {.tls = POLICY_TLS_OFF, .careful = true}},
        {{.tls = POLICY_TLS_OFF, .helo = true, .fallen = true},
         POLICY_WAY_CAREFUL,
         {.tls = POLICY_TLS_OFF,
          .careful = true,
          .helo = true,
          .fallen = true}},
        /* TLS was wanted, and a lost connection took it. */
        {{.tls = POLICY_TLS_TRY},
         POLICY_WAY_HELO,
         {.tls = POLICY_TLS_OFF, .helo = true, .fallen = true}},
        {{.tls = POLICY_TLS_OFF},
         POLICY_WAY_HELO,
         {.tls = POLICY_TLS_OFF, .helo = true}},
        {{.tls = POLICY_TLS_OFF, .careful = true, .fallen = true},
         POLICY_WAY_HELO,
         {.tls = POLICY_TLS_OFF,
          .careful = true,
          .helo = true,
          .fallen = true}},
    };

    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct policy_manner m = policy_again(&rows[i].before, rows[i].way);

        CHECK(manner_is(&m, &rows[i].after));
    }
}

/* ---- every path ---- */

/* The sessions with one candidate in one pass. All 0: before the first. */
struct walk {
    uint32_t start;
    uint32_t level;
    bool tls_on, second, broken, retry;
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
    struct policy_demand d = demand_of(w->level, w->tls_on);
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
                            .level = w->start / 16,
                            .tls_on = w->start & 8,
                            .second = w->start & 4,
                            .broken = w->start & 2,
                            .retry = w->start & 1};

        *w = next;
        if (w->second && !demand_of(w->level, w->tls_on).second_pass)
            continue;
        walk_go(w);
        return true;
    }
    return false;
}

TEST(every_path_is_walked)
{
    uint32_t count = 0, longest = 0, starts[LEVEL_COUNT] = {0};
    uint32_t start = 0;

    for (struct walk w = {0}; walk_next(&w); count++) {
        longest = w.count > longest ? w.count : longest;
        starts[w.level] += w.start != start;
        start = w.start;
    }
    /* Pass, broken, retry: two hops each, and a second pass of one. */
    CHECK(starts[0] == 8 && starts[1] == 12 && starts[2] == 8);
    CHECK(longest == POLICY_SESSION_COUNT_MAX);
    CHECK(count > START_COUNT * POLICY_END_COUNT / 2);
}

TEST(at_most_four_sessions_with_one_candidate)
{
    for (struct walk w = {0}; walk_next(&w);) {
        CHECK(w.count <= POLICY_SESSION_COUNT_MAX);
        CHECK(is_final(w.ways[w.count - 1]));
    }
}

TEST(strictness_2_is_never_less)
{
    for (struct walk w = {0}; walk_next(&w);)
        for (uint32_t i = 0; w.level == 2 && i < w.count; i++) {
            CHECK(w.manners[i].tls == POLICY_TLS_MUST);
            CHECK(w.manners[i].proof == POLICY_PROOF_NAME);
            CHECK(!w.manners[i].helo && !w.manners[i].fallen);
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

    return after->careful == (before->careful || way == POLICY_WAY_CAREFUL) &&
           after->helo == (before->helo || way == POLICY_WAY_HELO) &&
           after->tls == (clear ? POLICY_TLS_OFF : before->tls) &&
           after->proof == before->proof;
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
    bool fallen = w->second && w->broken;

    for (uint32_t i = 0; i < session; i++)
        if (w->manners[i].tls == POLICY_TLS_TRY)
            fallen = fallen || w->ends[i] == POLICY_END_BROKEN ||
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
            CHECK(!fallen || (w.tls_on && w.level < 2));
            /* In clear without a fall is only who never wanted else. */
            CHECK(fallen || w.manners[i].tls == w.manners[0].tls);
            count += fallen;
        }
    CHECK(count > 0);
}

/* ---- verdicts ---- */

/* What the server says for good, and what it is where that cannot count. */
static const enum fault said[][2] = {
    {FAULT_TOO_BIG, FAULT_TOO_BIG_TEMP},
    {FAULT_SENDER_PERM, FAULT_SENDER_TEMP},
    {FAULT_RECIPIENTS, FAULT_RECIPIENTS_TEMP},
    {FAULT_DATA_PERM, FAULT_DATA_TEMP},
    {FAULT_BODY_PERM, FAULT_BODY_TEMP},
};

/* D for what this machine, the message or the DNS is. */
static const enum fault ours[] = {
    FAULT_USAGE,        FAULT_PARTIAL, FAULT_NOT_ASCII, FAULT_NO_HOST,
    FAULT_NO_EXCHANGER, FAULT_NULL_MX, FAULT_OWN};

static bool
is_ours(enum fault fault)
{
    for (uint32_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (ours[i] == fault)
            return true;
    return false;
}

/* As it is where the session has fallen. */
static enum fault
softened(enum fault fault)
{
    for (uint32_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        if (said[i][0] == fault)
            return said[i][1];
    return fault;
}

/* Every D is either of the server's or of ours; a new one must choose. */
TEST(a_fallen_session_says_nothing_for_good)
{
    for (enum fault f = FAULT_OK; f < FAULT_COUNT; f++) {
        enum fault fallen = policy_fault(f, true);

        CHECK(fallen == softened(f));
        CHECK((fault_row(fallen)->class == 'D') == is_ours(f));
        CHECK(fault_row(fallen)->class != 'K' || fallen == f);
        CHECK(strcmp(fault_row(fallen)->text, fault_row(f)->text) == 0);
        CHECK(fault_row(fallen)->code[0] != '5' || is_ours(f));
    }
}

TEST(an_honest_session_is_never_softened)
{
    for (enum fault f = FAULT_OK; f < FAULT_COUNT; f++)
        CHECK(policy_fault(f, false) == f);
}

TEST(a_recipient_is_not_refused_for_good_there)
{
    for (int letter = 0; letter <= INT8_MAX; letter++) {
        CHECK(policy_recipient((char)letter, false) == letter);
        CHECK(policy_recipient((char)letter, true) ==
              (letter == 'h' ? 's' : letter));
    }
}

/* ---- passes ---- */

TEST(broken_is_what_tls_failed_at)
{
    for (enum policy_end end = 0; end < POLICY_END_COUNT; end++)
        CHECK(policy_is_broken(end) ==
              (end == POLICY_END_REFUSED || end == POLICY_END_BROKEN));
}

/* x counts towards SESSION_COUNT_MAX, - does not. A server that only has no
 * TLS does not; and before a second pass everybody must have been asked. */
TEST(sessions_count_as_the_rules_say)
{
    static const struct {
        struct policy_hop hop;
        bool second;
        const char *counts; /* a letter an end, in the order of `leads` */
    } rows[] = {
        /* verdict syntax duplicate unfit died mute; absent refused broken
         * untrusted */
        {{0, false}, false, "xxxxxx-xxx"}, {{0, true}, false, "xxxxxx-xxx"},
        {{1, false}, false, "xxxxxx-xxx"}, {{1, true}, false, "xxxxxx---x"},
        {{1, true}, true, "xxxxxx-xxx"},   {{2, false}, false, "xxxxxx-xxx"},
        {{2, true}, false, "xxxxxx-xxx"},
    };

    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint32_t row = 0; row < POLICY_END_COUNT; row++) {
            struct policy_demand d = policy_demand_of(&rows[i].hop);

            CHECK(policy_counts(&d, rows[i].second, leads[row].end) ==
                  (rows[i].counts[row] == 'x'));
        }
}

/* Strictness 1, once somebody was asked, nobody was left out, and nobody had
 * TLS that worked; however many were asked. */
TEST(a_second_pass_follows_when_the_rules_say)
{
    static const uint32_t counted[] = {0, 1, SESSION_COUNT_MAX};

    for (uint32_t i = 0; i < LEVEL_COUNT * 2 * 8 * 3; i++) {
        uint32_t level = i / 48;
        bool tls_on = i / 24 % 2, asked = i / 12 % 2;
        bool cut = i / 6 % 2, tls_worked = i / 3 % 2;
        struct policy_demand d = demand_of(level, tls_on);
        struct policy_tally first = {.counted = counted[i % 3],
                                     .asked = asked,
                                     .cut = cut,
                                     .tls_worked = tls_worked};

        CHECK(policy_has_second(&d, &first) ==
              (level == 1 && tls_on && asked && !cut && !tls_worked));
    }
}

#define CASES(X)                                  \
    X(each_hop_has_its_demand)                    \
    X(a_session_begins_as_the_pass_says)          \
    X(each_end_leads_where_the_rules_say)         \
    X(a_spent_message_is_reported)                \
    X(what_cannot_be_does_no_harm)                \
    X(a_candidate_is_asked_again_as_the_way_says) \
    X(every_path_is_walked)                       \
    X(at_most_four_sessions_with_one_candidate)   \
    X(strictness_2_is_never_less)                 \
    X(where_tls_must_be_nothing_goes_in_clear)    \
    X(each_manner_changes_once_and_for_good)      \
    X(a_retry_is_careful_throughout)              \
    X(fallen_is_who_lost_tls_by_a_fault)          \
    X(a_fallen_session_says_nothing_for_good)     \
    X(an_honest_session_is_never_softened)        \
    X(a_recipient_is_not_refused_for_good_there)  \
    X(broken_is_what_tls_failed_at)               \
    X(sessions_count_as_the_rules_say)            \
    X(a_second_pass_follows_when_the_rules_say)

TEST_MAIN(CASES)
