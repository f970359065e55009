/* SPDX-License-Identifier: ISC */
#include "policy_course_cases.h"

#include "test.h"

/* ---- what is demanded ---- */

/* The table: what a hop and an exchanger are, and what they demand. In each
 * column, by its bits: 1 it is so, 0 it is not, - either. */
static const struct {
    const char *levels;   /* n none, d dane */
    const char *classes;  /* N none, P pending, A auth, E encrypt, S skip */
    const char *policies; /* of MTA-STS: n none, l has it in it, u has not */
    char on, pin, implicit, guarded; /* a login for the proved only */
    char demand; /* x not usable, c clear, t try, 1 TLS, or in a second pass
                    clear, m TLS, n a name, p a pin, r a record */
} demands[] = {
    /* The administrator wins. */
    {"n", "NPAES", "nlu", '-', '-', '-', '-', 'c'},
    {"012d", "NPAES", "nlu", '-', '1', '-', '-', 'p'},
    {"d", "NPES", "nlu", '-', '0', '-', '-', 'x'},
    /* A login counts it as a proof. */
    {"012d", "A", "nlu", '-', '0', '-', '-', 'r'},
    {"012", "NPES", "nlu", '-', '0', '-', '1', 'n'},
    /* What may have records is not told by a policy. */
    {"012", "PS", "nlu", '-', '0', '-', '0', 'x'},
    /* A name that a policy has not in it is the wrong one, well proved. */
    {"012", "N", "u", '-', '0', '-', '0', 'x'},
    /* Never in clear, were it let through without anchors. */
    {"2", "E", "nlu", '-', '0', '-', '0', 'n'},
    {"2", "N", "nl", '-', '0', '-', '0', 'n'},
    /* Who has records has no need of a policy. */
    {"01", "E", "nlu", '-', '0', '-', '0', 'm'},
    {"01", "N", "l", '-', '0', '-', '0', 'n'},
    {"01", "N", "n", '-', '0', '1', '0', 'm'},
    {"1", "N", "n", '1', '0', '0', '0', '1'},
    {"0", "N", "n", '1', '0', '0', '0', 't'},
    {"01", "N", "n", '0', '0', '0', '0', 'c'},
};

static bool
bit_is(char column, bool bit)
{
    return column == '-' || (column == '1') == bit;
}

static bool
row_is(uint32_t row, uint32_t index)
{
    struct policy_hop hop = hop_of(index);

    return strchr(demands[row].levels, "n012d"[hop.level]) &&
           strchr(demands[row].classes, "NPAES"[dane_of(index)]) &&
           strchr(demands[row].policies, !hop.sts           ? 'n'
                                         : is_listed(index) ? 'l'
                                                            : 'u') &&
           bit_is(demands[row].on, hop.tls_on) &&
           bit_is(demands[row].pin, hop.pin) &&
           bit_is(demands[row].implicit, hop.implicit) &&
           bit_is(demands[row].guarded,
                  hop.login && !hop.unsafe && !is_loopback(index));
}

static char
letter_of_demand(const struct policy_demand *d)
{
    static const char proofs[] = {[POLICY_PROOF_NONE] = 'm',
                                  [POLICY_PROOF_NAME] = 'n',
                                  [POLICY_PROOF_PIN] = 'p',
                                  [POLICY_PROOF_DANE] = 'r'};

    if (!d->usable)
        return 'x';
    if (d->tls != POLICY_TLS_MUST && (d->proof || d->second_pass))
        return '?';
    if (d->tls != POLICY_TLS_MUST)
        return d->tls == POLICY_TLS_OFF ? 'c' : 't';
    if (d->second_pass)
        return d->proof == POLICY_PROOF_NONE ? '1' : '?';
    return proofs[d->proof];
}

TEST(each_hop_has_its_demand)
{
    enum { ROW_COUNT = sizeof(demands) / sizeof(demands[0]) };

    for (uint32_t i = 0; i < HOP_COUNT; i++) {
        struct policy_demand d = demand_of(i);
        uint32_t rows = 0;

        for (uint32_t row = 0; row < ROW_COUNT; row++)
            if (row_is(row, i)) {
                rows++;
                CHECK(letter_of_demand(&d) == demands[row].demand);
            }
        CHECK(rows == 1);
    }
}

TEST(what_a_hop_is_goes_with_its_demand)
{
    for (uint32_t i = 0; i < HOP_COUNT * 2; i++) {
        struct policy_hop hop = hop_of(i / 2);
        bool loopback = is_loopback(i / 2);
        struct policy_demand d = {0};

        hop.relay = i & 1;
        d = policy_demand_of(&hop, loopback, dane_of(i / 2), is_listed(i / 2));
        CHECK(d.implicit == (hop.implicit && hop.level != POLICY_LEVEL_NONE));
        CHECK(d.unproved == (loopback || hop.unsafe));
        CHECK(d.helo == !hop.login);
        CHECK(d.relay == hop.relay);
    }
}

TEST(a_session_begins_as_the_pass_says)
{
    static const struct {
        struct policy_hop hop;
        bool second, broken;
        struct policy_manner manner;
    } rows[] = {
        {{.level = POLICY_LEVEL_0, .tls_on = false},
         false,
         false,
         {.tls = POLICY_TLS_OFF}},
        {{.level = POLICY_LEVEL_0, .tls_on = true},
         false,
         false,
         {.tls = POLICY_TLS_TRY}},
        {{.level = POLICY_LEVEL_1, .tls_on = false},
         false,
         false,
         {.tls = POLICY_TLS_OFF}},
        {{.level = POLICY_LEVEL_1, .tls_on = true},
         false,
         false,
         {.tls = POLICY_TLS_MUST}},
        /* TLS is tried again where it was not found broken. */
        {{.level = POLICY_LEVEL_1, .tls_on = true},
         true,
         false,
         {.tls = POLICY_TLS_TRY}},
        {{.level = POLICY_LEVEL_1, .tls_on = true},
         true,
         true,
         {.tls = POLICY_TLS_OFF, .fallen = true}},
        {{.level = POLICY_LEVEL_2, .tls_on = true},
         false,
         false,
         {.tls = POLICY_TLS_MUST, .proof = POLICY_PROOF_NAME}},
        /* Each is asked once a pass: a first pass knows of none. */
        {{.level = POLICY_LEVEL_0, .tls_on = true},
         false,
         true,
         {.tls = POLICY_TLS_TRY}},
        {{.level = POLICY_LEVEL_1, .tls_on = true},
         false,
         true,
         {.tls = POLICY_TLS_MUST}},
        {{.level = POLICY_LEVEL_2, .tls_on = true},
         false,
         true,
         {.tls = POLICY_TLS_MUST, .proof = POLICY_PROOF_NAME}},
        /* Of whom no second pass is demanded nothing less is in it. */
        {{.level = POLICY_LEVEL_1, .tls_on = true, .sts = true},
         true,
         true,
         {.tls = POLICY_TLS_MUST, .proof = POLICY_PROOF_NAME}},
        {{.level = POLICY_LEVEL_2, .tls_on = true},
         true,
         true,
         {.tls = POLICY_TLS_MUST, .proof = POLICY_PROOF_NAME}},
        {{.level = POLICY_LEVEL_1, .tls_on = true, .implicit = true},
         true,
         true,
         {.tls = POLICY_TLS_MUST, .implicit = true}},
    };

    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int retry = 0; retry < 2; retry++) {
            struct policy_demand d =
                policy_demand_of(&rows[i].hop, false, POLICY_DANE_NONE, true);
            struct policy_manner expected = rows[i].manner;
            struct policy_manner m =
                policy_begin(&d, rows[i].second, rows[i].broken, retry);

            expected.careful = retry;
            expected.may_helo = true;
            CHECK(manner_is(&m, &expected));
        }
}

/* ---- where an end leads ---- */

/* R report, N next, L again in clear, F by a full handshake, C the careful way,
 * H with HELO. A small letter: no session ends so in this manner; where it led
 * would do no harm. */
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
    /* What was offered may be all that was wrong. */
    {POLICY_END_STALE, "nnnn FF FF"},
    /* Only strictness 2 wants a name proved. */
    {POLICY_END_UNTRUSTED, "nnnn nn NN"},
};

/* With HELO there is no TLS. */
#define COLUMN(...)                   \
    {                                 \
        .may_helo = true, __VA_ARGS__ \
    }
static const struct policy_manner columns[] = {
    COLUMN(.tls = POLICY_TLS_OFF),
    COLUMN(.tls = POLICY_TLS_OFF, .careful = true),
    COLUMN(.tls = POLICY_TLS_OFF, .helo = true),
    COLUMN(.tls = POLICY_TLS_OFF, .careful = true, .helo = true),
    COLUMN(.tls = POLICY_TLS_TRY),
    COLUMN(.tls = POLICY_TLS_TRY, .careful = true),
    COLUMN(.tls = POLICY_TLS_MUST),
    COLUMN(.tls = POLICY_TLS_MUST, .careful = true)};

enum { COLUMN_COUNT = sizeof(columns) / sizeof(columns[0]) };

static char
letter_of(enum policy_way way)
{
    static const char letters[] = {
        [POLICY_WAY_REPORT] = 'R',  [POLICY_WAY_NEXT] = 'N',
        [POLICY_WAY_CLEAR] = 'L',   [POLICY_WAY_FRESH] = 'F',
        [POLICY_WAY_CAREFUL] = 'C', [POLICY_WAY_HELO] = 'H'};

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
 * where its end leads; that HELO may not be said (there is no login in it) only
 * whether it is. */
TEST(each_end_leads_where_the_rules_say)
{
    bool seen[POLICY_END_COUNT] = {false};

    for (uint32_t row = 0; row < POLICY_END_COUNT; row++) {
        CHECK(!seen[leads[row].end] && lead(row, COLUMN_COUNT) == 0);
        seen[leads[row].end] = true;
        for (uint32_t i = 0; i < COLUMN_COUNT * 16; i++) {
            struct policy_manner m = columns[i / 16];
            char letter = upper(lead(row, i / 16));

            m.fallen = i & 1;
            m.may_helo = i & 2;
            m.proof = i / 4 % 4;
            if (letter == 'H' && !m.may_helo)
                letter = 'N';
            CHECK(letter_of(policy_way_of(&m, leads[row].end, false)) ==
                  letter);
        }
    }
}

/* By a full handshake nothing is offered: what fails then is TLS. */
TEST(a_full_handshake_is_tried_once)
{
    for (uint32_t i = 0; i < COLUMN_COUNT; i++) {
        struct policy_manner m = columns[i];

        m.fresh = true;
        for (enum policy_end end = 0; end < POLICY_END_COUNT; end++)
            CHECK(
                policy_way_of(&m, end, false) ==
                policy_way_of(&columns[i],
                              end == POLICY_END_STALE ? POLICY_END_BROKEN : end,
                              false));
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
    CHECK(count == 26);
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
        /* As strict as before, as careful as before. */
        {{.tls = POLICY_TLS_MUST, .proof = POLICY_PROOF_NAME},
         POLICY_WAY_FRESH,
         {.tls = POLICY_TLS_MUST, .proof = POLICY_PROOF_NAME, .fresh = true}},
        {{.tls = POLICY_TLS_TRY, .careful = true},
         POLICY_WAY_FRESH,
         {.tls = POLICY_TLS_TRY, .careful = true, .fresh = true}},
        {{.tls = POLICY_TLS_TRY, .fresh = true},
         POLICY_WAY_CLEAR,
         {.tls = POLICY_TLS_OFF, .fresh = true, .fallen = true}},
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

/* ---- verdicts ---- */

static const struct policy_manner usual, helo = {.helo = true};

/* What the server says for good, and what it is where that cannot count. */
static const enum fault said[][2] = {
    {FAULT_UTF8_ABSENT, FAULT_UTF8_ABSENT_TEMP},
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

/* As it is where it is no verdict. */
static enum fault
softened(enum fault fault)
{
    for (uint32_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        if (said[i][0] == fault)
            return said[i][1];
    return fault;
}

/* Every D is either of the server's or of ours; a new one must choose. */
TEST(what_is_no_verdict_is_not_for_good)
{
    for (enum fault f = FAULT_OK; f < FAULT_COUNT; f++) {
        enum fault soft = policy_fault(&usual, f, true);

        CHECK(soft == softened(f));
        CHECK((fault_row(soft)->class == 'D') == is_ours(f));
        CHECK(fault_row(soft)->class != 'K' || soft == f);
        CHECK(strcmp(fault_row(soft)->text, fault_row(f)->text) == 0);
        CHECK(fault_row(soft)->code[0] != '5' || is_ours(f));
    }
}

/* What a fallen session says, and on a route what RFC 4954 has for a login that
 * is wanted, refused, too weak, or to be encrypted. */
TEST(who_is_no_judge_of_the_mail)
{
    for (uint32_t code = 0; code < 600; code++)
        for (uint32_t i = 0; i < 8; i++) {
            const struct policy_manner m = {.fallen = i & 1, .relay = i & 2};
            bool refused = i & 4;
            bool login =
                code == 530 || code == 534 || code == 535 || code == 538;

            CHECK(policy_softens(&m, refused, code) ==
                  (m.fallen || refused || (m.relay && login)));
        }
}

TEST(a_verdict_is_never_softened)
{
    for (enum fault f = FAULT_OK; f < FAULT_COUNT; f++)
        CHECK(policy_fault(&usual, f, false) == f);
}

/* HELO has no extensions; what it offers none of, EHLO might have. */
TEST(without_ehlo_an_extension_may_be_there)
{
    for (enum fault f = FAULT_OK; f < FAULT_COUNT; f++) {
        CHECK(policy_fault(&helo, f, false) ==
              (f == FAULT_UTF8_ABSENT ? FAULT_UTF8_ABSENT_TEMP : f));
        CHECK(policy_fault(&helo, f, true) == softened(f));
    }
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
         * stale untrusted */
        {{.level = POLICY_LEVEL_NONE, .tls_on = true}, false, "xxxxxx-xxxx"},
        {{.level = POLICY_LEVEL_0, .tls_on = false}, false, "xxxxxx-xxxx"},
        {{.level = POLICY_LEVEL_0, .tls_on = true}, false, "xxxxxx-xxxx"},
        {{.level = POLICY_LEVEL_1, .tls_on = false}, false, "xxxxxx-xxxx"},
        {{.level = POLICY_LEVEL_1, .tls_on = true}, false, "xxxxxx----x"},
        {{.level = POLICY_LEVEL_1, .tls_on = true}, true, "xxxxxx-xxxx"},
        {{.level = POLICY_LEVEL_1, .tls_on = true, .implicit = true},
         false,
         "xxxxxx-xxxx"},
        {{.level = POLICY_LEVEL_1, .tls_on = true, .pin = true},
         false,
         "xxxxxx-xxxx"},
        {{.level = POLICY_LEVEL_1, .tls_on = true, .login = true},
         false,
         "xxxxxx-xxxx"},
        {{.level = POLICY_LEVEL_1, .tls_on = true, .sts = true},
         false,
         "xxxxxx-xxxx"},
        {{.level = POLICY_LEVEL_2, .tls_on = false}, false, "xxxxxx-xxxx"},
        {{.level = POLICY_LEVEL_2, .tls_on = true}, false, "xxxxxx-xxxx"},
    };

    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint32_t row = 0; row < POLICY_END_COUNT; row++) {
            struct policy_demand d =
                policy_demand_of(&rows[i].hop, false, POLICY_DANE_NONE, true);

            CHECK(policy_counts(&d, rows[i].second, leads[row].end) ==
                  (rows[i].counts[row] == 'x'));
        }
}

/* Once somebody was asked of whom it is demanded, nobody was left out, and
 * nobody had TLS that worked; however many were asked. */
TEST(a_second_pass_follows_when_the_rules_say)
{
    static const uint32_t counted[] = {0, 1, SESSION_COUNT_MAX};

    for (uint32_t i = 0; i < 16 * 3; i++) {
        struct policy_tally first = {.counted = counted[i % 3],
                                     .asked = i / 3 & 1,
                                     .second_pass = i / 3 & 2,
                                     .cut = i / 3 & 4,
                                     .tls_worked = i / 3 & 8};

        CHECK(policy_has_second(&first) ==
              (first.second_pass && !first.cut && !first.tls_worked));
    }
}

#define CASES(X)                                  \
    X(each_hop_has_its_demand)                    \
    X(what_a_hop_is_goes_with_its_demand)         \
    X(a_session_begins_as_the_pass_says)          \
    X(each_end_leads_where_the_rules_say)         \
    X(a_full_handshake_is_tried_once)             \
    X(a_spent_message_is_reported)                \
    X(what_cannot_be_does_no_harm)                \
    X(a_candidate_is_asked_again_as_the_way_says) \
    X(what_is_no_verdict_is_not_for_good)         \
    X(who_is_no_judge_of_the_mail)                \
    X(a_verdict_is_never_softened)                \
    X(without_ehlo_an_extension_may_be_there)     \
    X(a_recipient_is_not_refused_for_good_there)  \
    X(broken_is_what_tls_failed_at)               \
    X(sessions_count_as_the_rules_say)            \
    X(a_second_pass_follows_when_the_rules_say)

TEST_MAIN(CASES)
