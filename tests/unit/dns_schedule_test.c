/* SPDX-License-Identifier: ISC */
/* The schedule by itself: what happens, and then every order of a few things
 * that may happen, each with what must be true behind it. Scripts of whole
 * look-ups are in dns_lookup_*_test.c. */
#include "dns/schedule.h"

#include "test.h"

/* What may happen next; the first three are of no server. */
enum happening { TICK, WAIT, STREAM, BAD, BUSY, NO, CUT, STUCK, ALIAS, END };

static struct dns_schedule s;
static int64_t now_ms;
static uint32_t asked[DNS_SERVER_COUNT_MAX];

static void
take_all(void)
{
    uint32_t server = 0;

    while (dns_schedule_take(&s, &server))
        asked[server]++;
}

static void
begin(uint32_t server_count)
{
    memset(asked, 0, sizeof(asked));
    now_ms = 1000;
    dns_schedule_init(&s, server_count);
    dns_schedule_start(&s, 0, 0, now_ms);
    take_all();
}

static void
tick(void)
{
    now_ms = dns_schedule_deadline_ms(&s);
    dns_schedule_tick(&s, 0, now_ms);
    take_all();
}

TEST(rounds_grow_and_end)
{
    static const int64_t begins_ms[] = {0,     1000,  3000,  6000,  10000,
                                        15000, 20000, 25000, 30000, 35000,
                                        40000, 45000, 50000, 55000};
    uint32_t count = 0;

    begin(1);
    for (uint32_t i = 0; i < sizeof(begins_ms) / sizeof(begins_ms[0]); i++) {
        CHECK(s.round_count == i + 1 && now_ms == 1000 + begins_ms[i]);
        CHECK(asked[0] == ++count);
        tick();
        if (begins_ms[i] < 10000)
            continue;
        /* 3 s into a round of 5 s once more */
        CHECK(s.round_count == i + 1 && now_ms == 1000 + begins_ms[i] + 3000);
        CHECK(asked[0] == ++count);
        tick();
    }
    CHECK(count == 24 && s.phase == DNS_PHASE_OVER &&
          now_ms == 1000 + DNS_SCHEDULE_MS);
    CHECK(s.no_server == DNS_SERVER_NONE);
    CHECK(dns_schedule_deadline_ms(&s) == INT64_MAX);
}

/* Up to the beginning of a round, with nobody saying anything. */
static void
reach(uint32_t round)
{
    while (s.round_count < round)
        tick();
    while (s.asked_count < s.server_count)
        tick();
}

TEST(who_has_said_something_is_not_asked_once_more)
{
    begin(4);
    reach(5);
    dns_schedule_bad(&s, 0, false, now_ms);
    dns_schedule_bad(&s, 1, true, now_ms);
    dns_schedule_cut(&s, 2);
    memset(asked, 0, sizeof(asked));
    tick();
    CHECK(now_ms == 1000 + 13000 && s.round_count == 5);
    CHECK(asked[0] + asked[1] + asked[2] == 0 && asked[3] == 1);
    tick();
    CHECK(now_ms == 1000 + 15000 && s.round_count == 6);

    begin(2);
    reach(5);
    dns_schedule_no(&s, 1);
    memset(asked, 0, sizeof(asked));
    tick();
    CHECK(asked[0] == 1 && asked[1] == 0);
}

/* However late the clock is looked at. */
TEST(late_ticks_do_not_pile_up)
{
    begin(2);
    reach(5);
    memset(asked, 0, sizeof(asked));
    now_ms = 1000 + 14999;
    dns_schedule_tick(&s, 0, now_ms);
    take_all();
    CHECK(s.round_count == 5 && asked[0] == 1 && asked[1] == 1);
    tick();
    CHECK(s.round_count == 6 && asked[0] == 2 && asked[1] == 1);
}

TEST(spans_cap)
{
    static const uint32_t spans_ms[] = {1, 1000, 1500, 59999, 60000, 60001};

    for (size_t i = 0; i < sizeof(spans_ms) / sizeof(spans_ms[0]); i++) {
        dns_schedule_init(&s, 2);
        dns_schedule_start(&s, 1, spans_ms[i], 1000);
        while (s.phase != DNS_PHASE_OVER)
            tick();
        CHECK(now_ms - 1000 == (spans_ms[i] < 60000 ? spans_ms[i] : 60000));
    }
}

TEST(time_that_is_not_due_changes_nothing)
{
    struct dns_schedule before;

    begin(3);
    before = s;
    dns_schedule_tick(&s, 2, now_ms + DNS_HEDGE_MS - 1);
    CHECK(memcmp(&before, &s, sizeof(s)) == 0);
}

/* How many servers this round asks before it. */
static uint32_t
place(uint32_t server)
{
    return (server + s.server_count - s.first) % s.server_count;
}

static bool
is_bad(uint32_t server)
{
    return s.words[server] == DNS_WORD_BAD || s.words[server] == DNS_WORD_BUSY;
}

static bool
is_tcp(uint32_t server)
{
    return s.words[server] == DNS_WORD_CUT ||
           s.words[server] == DNS_WORD_STREAM;
}

/* Did the "no" end it rightly? `before`: as it was. */
static bool
no_is_right(const struct dns_schedule *before)
{
    bool round_over =
        before->phase == DNS_PHASE_ROUND && now_ms >= before->phase_end_ms;

    if (now_ms >= before->end_ms)
        return true;
    for (uint32_t i = 0; i < s.server_count; i++)
        if (place(i) < place(s.no_server) && !is_bad(i) &&
            (!round_over || is_tcp(i)))
            return false;
    return true;
}

/* What is true whatever happened. */
static bool
is_right(const struct dns_schedule *before)
{
    int64_t deadline_ms = dns_schedule_deadline_ms(&s);
    bool all_bad = true;

    if (s.phase == DNS_PHASE_OVER)
        return s.no_server == DNS_SERVER_NONE || no_is_right(before);
    if (deadline_ms > s.latest_ms || s.end_ms > s.latest_ms)
        return false;
    for (uint32_t i = 0; i < s.server_count; i++) {
        /* only a round that asked it knows a word of it, but for TCP */
        if (place(i) >= s.asked_count && s.words[i] != DNS_WORD_UNASKED &&
            !is_tcp(i))
            return false;
        if (s.due[i] && place(i) >= s.asked_count)
            return false;
        all_bad = all_bad && is_bad(i);
    }
    if (s.grant == DNS_GRANT_ALL && s.end_ms != s.latest_ms)
        return false;
    if (s.phase == DNS_PHASE_ROUND && all_bad)
        return false;
    return s.phase != DNS_PHASE_PAUSE || s.grant != DNS_GRANT_ALL;
}

/* False: it cannot happen now. */
static bool
happen(enum happening what, uint32_t server)
{
    switch (what) {
    case TICK:
        now_ms = dns_schedule_deadline_ms(&s);
        dns_schedule_tick(&s, server, now_ms);
        return true;
    case WAIT:
        now_ms += 20;
        dns_schedule_tick(&s, server, now_ms);
        return true;
    case STREAM:
        if (s.words[server] != DNS_WORD_CUT)
            return false;
        dns_schedule_stream(&s, server);
        return true;
    case BAD:
    case BUSY:
        dns_schedule_bad(&s, server, what == BUSY, now_ms);
        return true;
    case NO:
        dns_schedule_no(&s, server);
        return true;
    case CUT:
        dns_schedule_cut(&s, server);
        return true;
    case STUCK:
        if (s.words[server] != DNS_WORD_STREAM)
            return false;
        dns_schedule_stuck(&s, server);
        return true;
    default:
        dns_schedule_alias(&s, server, now_ms);
        return true;
    }
}

/* All that may come behind, `depth` things deep. The name of what was wrong is
 * on the standard output then. */
static bool
all_orders(uint32_t depth)
{
    const struct dns_schedule before = s;
    const int64_t before_ms = now_ms;

    if (depth == 0 || s.phase == DNS_PHASE_OVER)
        return true;
    for (uint32_t what = TICK; what < END; what++)
        for (uint32_t server = 0; server < s.server_count; server++) {
            bool right = true;

            if (happen((enum happening)what, server)) {
                right = is_right(&before);
                take_all();
                right = right && all_orders(depth - 1);
            }
            s = before;
            now_ms = before_ms;
            if (!right) {
                printf("# %u things before the end: %u of server %u\n", depth,
                       what, server);
                return false;
            }
        }
    return true;
}

TEST(whatever_happens)
{
    begin(1);
    CHECK(all_orders(6));
    begin(2);
    CHECK(all_orders(5));
    begin(3);
    CHECK(all_orders(4));
    begin(4);
    CHECK(all_orders(4));
}

/* It always ends, and in time. */
TEST(whatever_is_said_it_ends)
{
    uint64_t noise = 1;

    for (uint32_t turn = 0; turn < 20000; turn++) {
        begin(1 + turn % 4);
        for (uint32_t i = 0; s.phase != DNS_PHASE_OVER; i++) {
            uint32_t what = 0;

            CHECK(i < 10000 && now_ms <= 1000 + DNS_SCHEDULE_MS);
            noise = noise * UINT64_C(6364136223846793005) + 1442695040888963407;
            what = (uint32_t)(noise >> 33) % (2 * END);
            (void)happen(what < END ? (enum happening)what : TICK,
                         (uint32_t)(noise >> 45) % s.server_count);
            take_all();
        }
    }
}

#define CASES(X)                                     \
    X(rounds_grow_and_end)                           \
    X(who_has_said_something_is_not_asked_once_more) \
    X(late_ticks_do_not_pile_up)                     \
    X(spans_cap)                                     \
    X(time_that_is_not_due_changes_nothing)          \
    X(whatever_happens)                              \
    X(whatever_is_said_it_ends)

TEST_MAIN(CASES)
