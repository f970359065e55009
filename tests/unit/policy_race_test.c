/* SPDX-License-Identifier: ISC */
#include "policy/race.h"

#include "test.h"

enum { TIMEOUT_MS = 60000, NOW_MS = 1000000, TRIAL_COUNT = 20000 };

static struct policy_candidates candidates;
static struct policy_race r;
static uint32_t seed;

static uint32_t
random_below(uint32_t count)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % count;
}

/* One candidate a digit, which is its preference. */
static void
begin(const char *preferences)
{
    policy_candidates_init(&candidates);
    for (; *preferences; preferences++)
        candidates.list[candidates.count++].preference =
            (uint16_t)(*preferences - '0');
    policy_race_init(&r, &candidates, TIMEOUT_MS);
}

static uint32_t
next(int64_t ms)
{
    return policy_race_next(&r, NOW_MS + ms);
}

static uint32_t
expired(int64_t ms)
{
    return policy_race_expired(&r, NOW_MS + ms);
}

/* Nothing is to be done a moment before `to`, and then the deadline says so. */
static bool
quiet_until(int64_t from, int64_t to)
{
    return next(from) == POLICY_NOBODY && next(to - 1) == POLICY_NOBODY &&
           expired(to - 1) == POLICY_NOBODY &&
           policy_race_deadline_ms(&r, NOW_MS + from) == NOW_MS + to;
}

TEST(the_first_starts_at_once)
{
    begin("1");
    CHECK(policy_race_deadline_ms(&r, NOW_MS) <= NOW_MS);
    CHECK(!policy_race_over(&r));
    CHECK(next(0) == 0);
    CHECK(next(0) == POLICY_NOBODY && !policy_race_over(&r));
}

TEST(nobody_is_over)
{
    begin("");
    CHECK(policy_race_over(&r) && next(0) == POLICY_NOBODY);
    CHECK(expired(0) == POLICY_NOBODY);
    CHECK(policy_race_deadline_ms(&r, NOW_MS) == INT64_MAX);
}

TEST(equals_start_250_ms_apart)
{
    begin("111");
    CHECK(next(0) == 0 && quiet_until(0, 250));
    CHECK(next(250) == 1 && quiet_until(250, 500));
    CHECK(next(500) == 2 && quiet_until(500, TIMEOUT_MS));
}

/* Started late, the next one counts from then. */
TEST(the_delay_counts_from_the_last_start)
{
    begin("111");
    CHECK(next(0) == 0);
    CHECK(next(400) == 1 && quiet_until(400, 650));
}

TEST(a_failure_starts_the_next_at_once)
{
    begin("1123");
    CHECK(next(0) == 0);
    policy_race_failed(&r, 0);
    CHECK(policy_race_deadline_ms(&r, NOW_MS + 10) <= NOW_MS + 10);
    CHECK(next(10) == 1);
    policy_race_failed(&r, 1);
    CHECK(next(20) == 2);
    policy_race_failed(&r, 2);
    CHECK(next(30) == 3);
    policy_race_failed(&r, 3);
    CHECK(policy_race_over(&r) && next(40) == POLICY_NOBODY);
    CHECK(policy_race_deadline_ms(&r, NOW_MS + 40) == INT64_MAX);
}

TEST(a_worse_preference_waits_3_s)
{
    begin("12");
    CHECK(next(0) == 0 && quiet_until(0, 3000));
    CHECK(next(3000) == 1);
    CHECK(!policy_race_over(&r) && quiet_until(3000, TIMEOUT_MS));
}

TEST(the_3_s_count_from_the_last_of_the_better)
{
    begin("112");
    CHECK(next(0) == 0 && next(250) == 1 && quiet_until(250, 3250));
    CHECK(next(3250) == 2);
}

/* A dead best exchanger does not cost timeoutconnect, nor do two. */
TEST(each_preference_waits_for_the_one_before)
{
    begin("1223");
    CHECK(next(0) == 0 && quiet_until(0, 3000));
    CHECK(next(3000) == 1 && quiet_until(3000, 3250));
    CHECK(next(3250) == 2 && quiet_until(3250, 6250));
    CHECK(next(6250) == 3);
}

TEST(one_better_that_goes_on_holds_the_worse_up)
{
    begin("112");
    CHECK(next(0) == 0 && next(250) == 1);
    policy_race_failed(&r, 0);
    CHECK(next(300) == POLICY_NOBODY && next(3249) == POLICY_NOBODY);
    CHECK(next(3250) == 2);
    begin("112");
    CHECK(next(0) == 0 && next(250) == 1);
    policy_race_failed(&r, 1);
    /* Never while the one that goes on may be merely slow. */
    CHECK(next(300) == POLICY_NOBODY && next(2999) == POLICY_NOBODY);
    CHECK(next(3250) == 2);
    begin("112");
    CHECK(next(0) == 0 && next(250) == 1);
    policy_race_failed(&r, 1);
    policy_race_failed(&r, 0);
    CHECK(next(300) == 2);
}

TEST(skipped_ones_never_start)
{
    begin("112");
    policy_race_skip(&r, 0);
    CHECK(next(0) == 1);
    policy_race_failed(&r, 1);
    policy_race_skip(&r, 2);
    CHECK(policy_race_over(&r) && next(9999) == POLICY_NOBODY);
    begin("1");
    policy_race_skip(&r, 0);
    CHECK(policy_race_over(&r));
}

/* All better ones are skipped: nobody is there to be waited for. */
TEST(skipped_ones_hold_nobody_up)
{
    begin("112");
    policy_race_skip(&r, 0);
    policy_race_skip(&r, 1);
    CHECK(next(0) == 2);
}

TEST(each_connection_has_its_time)
{
    begin("11");
    CHECK(next(0) == 0 && next(250) == 1);
    CHECK(expired(TIMEOUT_MS - 1) == POLICY_NOBODY);
    CHECK(expired(TIMEOUT_MS) == 0);
    CHECK(expired(TIMEOUT_MS) == POLICY_NOBODY && !policy_race_over(&r));
    CHECK(policy_race_deadline_ms(&r, NOW_MS + TIMEOUT_MS) ==
          NOW_MS + TIMEOUT_MS + 250);
    CHECK(expired(TIMEOUT_MS + 250) == 1);
    CHECK(policy_race_over(&r));
}

TEST(several_expire_one_by_one)
{
    begin("111");
    CHECK(next(0) == 0 && next(250) == 1 && next(500) == 2);
    CHECK(expired(9 * TIMEOUT_MS) == 0 && expired(9 * TIMEOUT_MS) == 1);
    CHECK(expired(9 * TIMEOUT_MS) == 2);
    CHECK(expired(9 * TIMEOUT_MS) == POLICY_NOBODY && policy_race_over(&r));
}

TEST(a_short_time_out_comes_before_the_3_s)
{
    begin("12");
    r.timeout_ms = 1000;
    CHECK(next(0) == 0 && quiet_until(0, 1000));
    CHECK(expired(1000) == 0);
    CHECK(next(1000) == 1);
}

/* The longest time-out that control files can ask for. */
TEST(a_long_time_out_does_not_wrap)
{
    begin("1");
    r.timeout_ms = (uint32_t)CONTROL_SECONDS_MAX * 1000;
    CHECK(next(0) == 0);
    CHECK(policy_race_deadline_ms(&r, NOW_MS) ==
          NOW_MS + (int64_t)CONTROL_SECONDS_MAX * 1000);
    CHECK(expired(1000000) == POLICY_NOBODY);
    r.timeout_ms = UINT32_MAX;
    CHECK(policy_race_deadline_ms(&r, NOW_MS) == NOW_MS + (int64_t)UINT32_MAX);
    CHECK(expired(UINT32_MAX - 1) == POLICY_NOBODY);
    CHECK(expired(UINT32_MAX) == 0);
}

/* policy.md: an attempt that was 3 s old when another won timed out. */
TEST(slow_losers)
{
    begin("1112");
    CHECK(next(0) == 0 && next(250) == 1 && next(500) == 2);
    CHECK(!policy_race_was_slow(&r, 0, NOW_MS + 2999));
    CHECK(policy_race_was_slow(&r, 0, NOW_MS + 3000));
    CHECK(policy_race_was_slow(&r, 1, NOW_MS + 3250));
    CHECK(!policy_race_was_slow(&r, 1, NOW_MS + 3249));
    /* And still so once the race is won. */
    policy_race_won(&r, 2);
    CHECK(policy_race_was_slow(&r, 0, NOW_MS + 3000));
    CHECK(!policy_race_was_slow(&r, 1, NOW_MS + 3000));
}

TEST(the_losers_may_run_again)
{
    begin("111");
    CHECK(next(0) == 0 && next(250) == 1);
    policy_race_won(&r, 1);
    CHECK(!policy_race_over(&r));
    /* The session took a minute and failed: at once from the best. */
    CHECK(policy_race_deadline_ms(&r, NOW_MS + 60000) <= NOW_MS + 60000);
    CHECK(next(60000) == 0 && quiet_until(60000, 60250));
    CHECK(next(60250) == 2);
    policy_race_failed(&r, 0);
    policy_race_won(&r, 2);
    CHECK(policy_race_over(&r) && next(70000) == POLICY_NOBODY);
}

TEST(a_loser_that_runs_again_has_its_whole_time)
{
    begin("11");
    CHECK(next(0) == 0 && next(250) == 1);
    policy_race_won(&r, 1);
    CHECK(expired(9 * TIMEOUT_MS) == POLICY_NOBODY);
    CHECK(next(9 * TIMEOUT_MS) == 0);
    CHECK(expired(10 * TIMEOUT_MS - 1) == POLICY_NOBODY);
    CHECK(expired(10 * TIMEOUT_MS) == 0);
}

TEST(what_failed_stays_out)
{
    begin("111");
    CHECK(next(0) == 0);
    policy_race_failed(&r, 0);
    CHECK(next(10) == 1 && next(260) == 2);
    policy_race_won(&r, 2);
    CHECK(next(300) == 1);
    policy_race_failed(&r, 1);
    CHECK(policy_race_over(&r));
}

TEST(one_session_each_to_the_end)
{
    begin("1122");
    for (uint32_t i = 0; i < 4; i++) {
        CHECK(next(i * 100) == i);
        policy_race_won(&r, i);
        CHECK(policy_race_over(&r) == (i == 3));
    }
}

TEST(thirty_two_run)
{
    begin("11111111111111111111111111111111");
    CHECK(candidates.count == CANDIDATE_COUNT_MAX);
    for (uint32_t i = 0; i < CANDIDATE_COUNT_MAX; i++)
        CHECK(next(i * 250) == i);
    CHECK(next(99999) == POLICY_NOBODY);
    for (uint32_t i = 0; i < CANDIDATE_COUNT_MAX; i++)
        policy_race_failed(&r, i);
    CHECK(policy_race_over(&r));
}

/* What is true of every start, whatever became of the others. */
static bool
may_start(const int64_t *started_ms, const bool *out, uint32_t index,
          int64_t now_ms)
{
    for (uint32_t i = 0; i < candidates.count; i++) {
        bool better =
            candidates.list[i].preference < candidates.list[index].preference;
        int64_t wait_ms = better ? 3000 : 250;

        if (i < index && !started_ms[i] && !out[i])
            return false; /* out of order */
        if (i == index
                ? started_ms[i] != 0
                : started_ms[i] && !out[i] && now_ms - started_ms[i] < wait_ms)
            return false; /* twice, or too soon */
    }
    return true;
}

/* One race in which everyone fails at random times, driven by the deadline
 * alone. */
static bool
runs_to_the_end(void)
{
    int64_t started_ms[CANDIDATE_COUNT_MAX] = {0}, now_ms = NOW_MS;
    bool out[CANDIDATE_COUNT_MAX] = {false};

    for (int turn = 0; !policy_race_over(&r); turn++) {
        uint32_t index = policy_race_expired(&r, now_ms);
        uint32_t victim = random_below(candidates.count);

        if (index != POLICY_NOBODY) {
            if (now_ms - started_ms[index] < TIMEOUT_MS)
                return false;
            out[index] = true;
        }
        index = policy_race_next(&r, now_ms);
        if (index != POLICY_NOBODY) {
            if (!may_start(started_ms, out, index, now_ms))
                return false;
            started_ms[index] = now_ms;
        }
        if (random_below(4) == 0 && started_ms[victim] && !out[victim]) {
            policy_race_failed(&r, victim);
            out[victim] = true;
        } else if (policy_race_deadline_ms(&r, now_ms) > now_ms) {
            now_ms = policy_race_deadline_ms(&r, now_ms);
        }
        if (turn > 1000)
            return false; /* stands still */
    }
    for (uint32_t i = 0; i < candidates.count; i++)
        if (!started_ms[i])
            return false;
    return true;
}

TEST(every_race_runs_to_its_end)
{
    seed = 1;
    for (int i = 0; i < TRIAL_COUNT; i++) {
        char preferences[8] = "";
        size_t size = 1 + random_below(sizeof(preferences) - 1);
        char preference = '1';

        for (size_t j = 0; j < size; j++) {
            preferences[j] = preference;
            preference = (char)(preference + random_below(2));
        }
        begin(preferences);
        CHECK(runs_to_the_end());
    }
}

#define CASES(X)                                  \
    X(the_first_starts_at_once)                   \
    X(nobody_is_over)                             \
    X(equals_start_250_ms_apart)                  \
    X(the_delay_counts_from_the_last_start)       \
    X(a_failure_starts_the_next_at_once)          \
    X(a_worse_preference_waits_3_s)               \
    X(the_3_s_count_from_the_last_of_the_better)  \
    X(each_preference_waits_for_the_one_before)   \
    X(one_better_that_goes_on_holds_the_worse_up) \
    X(skipped_ones_never_start)                   \
    X(skipped_ones_hold_nobody_up)                \
    X(each_connection_has_its_time)               \
    X(several_expire_one_by_one)                  \
    X(a_short_time_out_comes_before_the_3_s)      \
    X(a_long_time_out_does_not_wrap)              \
    X(slow_losers)                                \
    X(the_losers_may_run_again)                   \
    X(a_loser_that_runs_again_has_its_whole_time) \
    X(what_failed_stays_out)                      \
    X(one_session_each_to_the_end)                \
    X(thirty_two_run)                             \
    X(every_race_runs_to_its_end)

TEST_MAIN(CASES)
