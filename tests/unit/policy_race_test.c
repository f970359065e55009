/* SPDX-License-Identifier: ISC */
#include "policy_track.h"

#include "test.h"

/* Whoever can be started is at once, and fails at once: just these. */
static bool
all_are(const char *expected)
{
    for (; *expected; expected++) {
        uint32_t index = next(0);

        if (index != (uint32_t)(*expected - '0'))
            return false;
        policy_race_failed(&r, index);
    }
    return next(0) == POLICY_NOBODY && policy_race_over(&r);
}

/* ---- in which order ---- */

TEST(better_preferences_first_however_they_came)
{
    begin("3142");
    CHECK(all_are("1302"));
    begin("55050");
    CHECK(all_are("24013"));
}

TEST(families_take_turns_from_ipv6)
{
    begin("111:1:1");
    CHECK(all_are("30412"));
    begin(":1:1:11");
    CHECK(all_are("0312"));
    begin("11");
    CHECK(all_are("01"));
    begin(":1:1");
    CHECK(all_are("01"));
    /* Anew at each preference. */
    begin(":12:21:2");
    CHECK(all_are("03214"));
    begin(":12:2");
    CHECK(all_are("021"));
}

/* A turn is who was started last, not who is left. */
TEST(turns_go_on_where_they_were)
{
    begin("11");
    CHECK(next(0) == 0);
    add(":1:1");
    CHECK(next(250) == 2 && next(500) == 1 && next(750) == 3);
    begin(":1:111");
    policy_race_skip(&r, 0);
    CHECK(next(0) == 1);
    policy_race_failed(&r, 1);
    CHECK(next(1) == 2);
    policy_race_won(&r, 2);
    CHECK(next(2) == 3);
    begin(":11:1");
    CHECK(next(0) == 0 && next(250) == 1);
    policy_race_won(&r, 1);
    CHECK(next(300) == 0 && next(550) == 2);
}

/* All 24 orders of four equals: 1000 of each, deviation 31, six of them. */
TEST(equals_are_shuffled_evenly)
{
    uint32_t counts[256] = {0};
    uint32_t seen = 0;

    for (uint64_t n = 0; n < 24000; n++) {
        uint32_t order = 0;

        begin("");
        policy_candidates_init(&candidates, n, false);
        for (uint8_t i = 0; i < 4; i++) {
            struct policy_candidate e = candidate(5, ADDR_IPV4, i);

            policy_candidates_add(&candidates, &e, false);
        }
        for (uint32_t i = 0; i < 4; i++)
            order = order << 2 | (next(i * 250) & 3);
        counts[order]++;
    }
    for (uint32_t i = 0; i < 256; i++) {
        seen += counts[i] > 0;
        CHECK(counts[i] == 0 || (counts[i] > 810 && counts[i] < 1190));
    }
    CHECK(seen == 24);
}

/* Each of the largest set in each place, and the families in turn. */
TEST(a_full_list_is_shuffled_evenly)
{
    static uint32_t counts[CANDIDATE_COUNT_MAX][CANDIDATE_COUNT_MAX];

    memset(counts, 0, sizeof(counts));
    for (uint64_t n = 0; n < 16000; n++) {
        begin("");
        policy_candidates_init(&candidates, n, false);
        for (uint8_t i = 0; i < CANDIDATE_COUNT_MAX; i++) {
            struct policy_candidate e =
                candidate(1, i % 2 ? ADDR_IPV6 : ADDR_IPV4, i);

            policy_candidates_add(&candidates, &e, false);
        }
        for (uint32_t i = 0; i < CANDIDATE_COUNT_MAX; i++)
            counts[next(i * 250)][i]++;
    }
    /* IPv6 in the even places: 1000 each, deviation 31. */
    for (uint32_t i = 0; i < CANDIDATE_COUNT_MAX; i++)
        for (uint32_t place = 0; place < CANDIDATE_COUNT_MAX; place++)
            CHECK(i % 2 == place % 2
                      ? counts[i][place] == 0
                      : counts[i][place] > 810 && counts[i][place] < 1190);
}

/* ---- when ---- */

TEST(the_first_starts_at_once)
{
    begin("1");
    CHECK(deadline(0) == 0);
    CHECK(!policy_race_over(&r));
    CHECK(next(0) == 0);
    CHECK(next(0) == POLICY_NOBODY && !policy_race_over(&r));
}

TEST(nobody_is_over)
{
    begin("");
    CHECK(policy_race_over(&r) && next(0) == POLICY_NOBODY);
    CHECK(expired(0) == POLICY_NOBODY);
    CHECK(deadline(0) == INT64_MAX);
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
    CHECK(deadline(10) == 10);
    CHECK(next(10) == 1);
    policy_race_failed(&r, 1);
    CHECK(next(20) == 2);
    policy_race_failed(&r, 2);
    CHECK(next(30) == 3);
    policy_race_failed(&r, 3);
    CHECK(policy_race_over(&r) && next(40) == POLICY_NOBODY);
    CHECK(deadline(40) == INT64_MAX);
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
    CHECK(quiet_until(300, 3250) && next(3250) == 2);
    begin("112");
    CHECK(next(0) == 0 && next(250) == 1);
    policy_race_failed(&r, 1);
    /* Never while the one that goes on may be merely slow. */
    CHECK(quiet_until(300, 3000) && next(3000) == 2);
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
    CHECK(deadline(TIMEOUT_MS) == TIMEOUT_MS + 250);
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
    CHECK(deadline(0) == (int64_t)CONTROL_SECONDS_MAX * 1000);
    CHECK(expired(1000000) == POLICY_NOBODY);
    r.timeout_ms = UINT32_MAX;
    CHECK(deadline(0) == (int64_t)UINT32_MAX);
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
    CHECK(deadline(60000) == 60000);
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

/* What was due and is not done is due now. */
TEST(a_deadline_is_never_past)
{
    begin("1");
    CHECK(deadline(777) == 777 && next(777) == 0);
    CHECK(deadline(777) == 777 + TIMEOUT_MS);
    CHECK(deadline(9 * TIMEOUT_MS) == 9 * TIMEOUT_MS);
    begin("12");
    CHECK(next(0) == 0 && deadline(5000) == 5000);
    CHECK(deadline(9 * TIMEOUT_MS) == 9 * TIMEOUT_MS);
}

#define CASES(X)                                  \
    X(better_preferences_first_however_they_came) \
    X(families_take_turns_from_ipv6)              \
    X(turns_go_on_where_they_were)                \
    X(equals_are_shuffled_evenly)                 \
    X(a_full_list_is_shuffled_evenly)             \
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
    X(a_deadline_is_never_past)

TEST_MAIN(CASES)
