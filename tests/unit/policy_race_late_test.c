/* SPDX-License-Identifier: ISC */
#include "policy_track.h"

#include "test.h"

enum { TRIAL_COUNT = 20000 };

static uint32_t seed;

static uint32_t
random_below(uint32_t count)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % count;
}

static void
add_own(uint16_t preference)
{
    struct policy_candidate e = candidate(preference, ADDR_IPV4, UINT8_MAX);

    policy_candidates_add(&candidates, &e, true);
}

/* An exchanger without an address yet. */
static void
await(uint16_t preference, int64_t patience_ms)
{
    hosts.list[hosts.count++] =
        (struct policy_host){.preference = preference,
                             .pending = true,
                             .patience_ms = NOW_MS + patience_ms};
}

/* ---- candidates that come while the race runs ---- */

TEST(the_first_to_come_starts_at_once)
{
    begin("");
    CHECK(policy_race_over(&r) && deadline(0) == INT64_MAX);
    add("2");
    CHECK(!policy_race_over(&r) && deadline(99) == 99 && next(99) == 0);
}

TEST(a_better_one_that_comes_late_waits_250_ms_after_the_last_start)
{
    begin("5");
    CHECK(next(0) == 0 && quiet_until(0, TIMEOUT_MS));
    add("1");
    CHECK(quiet_until(10, 250) && next(250) == 1);
    begin("5");
    CHECK(next(0) == 0);
    add("1");
    CHECK(deadline(2000) == 2000 && next(2000) == 1);
    /* Before others that came first. */
    begin("57");
    CHECK(next(0) == 0);
    add("1");
    CHECK(next(250) == 2 && quiet_until(250, 3250) && next(3250) == 1);
}

TEST(an_equal_one_that_comes_late_waits_250_ms)
{
    begin("5");
    CHECK(next(0) == 0);
    add("5");
    CHECK(quiet_until(100, 250) && next(250) == 1);
    add("5");
    CHECK(deadline(900) == 900 && next(900) == 2);
}

TEST(a_worse_one_that_comes_late_waits_3_s)
{
    begin("1");
    CHECK(next(0) == 0);
    add("2");
    CHECK(quiet_until(1000, 3000));
    policy_race_failed(&r, 0);
    CHECK(deadline(1000) == 1000 && next(1000) == 1);
    begin("1");
    CHECK(next(0) == 0);
    add("2");
    CHECK(deadline(3500) == 3500 && next(3500) == 1);
}

TEST(whoever_comes_when_all_others_failed_starts_at_once)
{
    begin("5");
    CHECK(next(0) == 0);
    policy_race_failed(&r, 0);
    CHECK(policy_race_over(&r));
    add("1");
    CHECK(!policy_race_over(&r) && next(10) == 1);
    policy_race_failed(&r, 1);
    CHECK(policy_race_over(&r));
    add("9");
    CHECK(next(20) == 2);
    policy_race_won(&r, 2);
    CHECK(policy_race_over(&r));
    add("9");
    CHECK(next(30) == 3);
}

/* The same address, under a better name. */
static void
improve(uint32_t index, uint16_t preference)
{
    struct policy_candidate e = candidates.list[index];

    e.preference = preference;
    policy_candidates_add(&candidates, &e, false);
}

TEST(a_candidate_that_proves_better_goes_first)
{
    begin("567");
    CHECK(next(0) == 0);
    improve(2, 4);
    CHECK(next(250) == 2);
    improve(1, 3);
    CHECK(next(500) == 1);
    begin("5");
    CHECK(next(0) == 0);
    policy_race_failed(&r, 0);
    improve(0, 1);
    CHECK(policy_race_over(&r));
}

/* All that are better are waited for, not only who was started last. */
TEST(whoever_proves_better_while_it_connects_is_waited_for)
{
    begin("55");
    CHECK(next(0) == 0 && next(250) == 1);
    improve(0, 1);
    add("3");
    CHECK(quiet_until(300, 3000) && next(3000) == 2);
}

/* They may be known by their address before the better ones are asked for. */
TEST(behind_exchangers_that_were_not_asked_for_nobody_starts)
{
    begin("1");
    add("29");
    hosts.list[hosts.count++] =
        (struct policy_host){.preference = 2, .unasked = true};
    CHECK(next(0) == 0 && quiet_until(0, 3000) && next(3000) == 1);
    CHECK(next(9000) == POLICY_NOBODY);
    policy_race_failed(&r, 0);
    policy_race_failed(&r, 1);
    CHECK(policy_race_over(&r) && next(9000) == POLICY_NOBODY);
    hosts.list[0].unasked = false;
    CHECK(!policy_race_over(&r) && next(9000) == 2);
}

/* ---- own addresses ---- */

TEST(who_is_cut_before_his_start_never_starts)
{
    begin("123");
    CHECK(next(0) == 0);
    add_own(2);
    CHECK(quiet_until(0, TIMEOUT_MS));
    policy_race_failed(&r, 0);
    CHECK(policy_race_over(&r) && next(10) == POLICY_NOBODY);
    CHECK(deadline(10) == INT64_MAX);
    add("2");
    CHECK(policy_race_over(&r));
    add("1");
    CHECK(!policy_race_over(&r) && next(10) == 4);
}

/* Whoever drives it closes the connection; the race holds it as failed. */
TEST(who_is_cut_while_he_connects_is_given_up)
{
    begin("12");
    CHECK(next(0) == 0 && next(3000) == 1);
    add_own(2);
    CHECK(policy_candidates_is_cut(&candidates, 1));
    CHECK(!policy_candidates_is_cut(&candidates, 0));
    policy_race_dropped(&r, 1);
    CHECK(!policy_race_over(&r) && deadline(3000) == TIMEOUT_MS);
    add_own(1);
    policy_race_dropped(&r, 0);
    CHECK(policy_race_over(&r) && deadline(3000) == INT64_MAX);
}

/* He has not failed, and a better name may yet lead to him. */
TEST(who_was_cut_while_he_connected_may_come_back)
{
    begin("12");
    CHECK(next(0) == 0 && next(3000) == 1);
    add_own(2);
    policy_race_dropped(&r, 1);
    policy_race_failed(&r, 0);
    CHECK(policy_race_over(&r));
    improve(1, 1);
    CHECK(!policy_race_over(&r) && next(3100) == 1);
}

TEST(a_loser_that_is_cut_does_not_run_again)
{
    begin("112");
    CHECK(next(0) == 0 && next(250) == 1 && next(3250) == 2);
    policy_race_won(&r, 0);
    add_own(2);
    CHECK(next(4000) == 1);
    policy_race_failed(&r, 1);
    CHECK(policy_race_over(&r));
}

/* ---- names that are still looked up ---- */

TEST(a_better_name_holds_the_start_up)
{
    begin("2");
    await(1, 4000);
    CHECK(!policy_race_over(&r) && quiet_until(0, 4000));
    CHECK(next(4000) == 0);
    /* Its answer came, and is no address. */
    begin("2");
    await(1, 4000);
    CHECK(quiet_until(0, 4000));
    hosts.list[0].pending = false;
    CHECK(deadline(20) == 20 && next(20) == 0);
    /* Its address. */
    begin("2");
    await(1, 4000);
    CHECK(quiet_until(0, 4000));
    add("1");
    hosts.list[0].has_address = true;
    hosts.list[0].first_address_ms = NOW_MS + 30;
    CHECK(quiet_until(30, 80) && next(80) == 1);
    CHECK(quiet_until(80, 3080) && next(3080) == 0);
}

TEST(a_worse_name_holds_nobody_up)
{
    begin("2");
    await(3, 4000);
    CHECK(next(0) == 0);
}

/* And who is next is not passed over meanwhile. */
TEST(the_best_holds_the_others_up)
{
    begin("23");
    await(1, 4000);
    await(2, 9000);
    CHECK(quiet_until(0, 4000) && next(4000) == 0);
    CHECK(quiet_until(4000, 9000) && next(9000) == 1);
}

/* The later of the two. */
TEST(name_and_turn_are_both_waited_for)
{
    begin("2");
    CHECK(next(0) == 0);
    add("23");
    await(1, 100);
    CHECK(quiet_until(10, 250) && next(250) == 1);
    hosts.list[0].patience_ms = NOW_MS + 9000;
    CHECK(quiet_until(300, 9000));
    hosts.list[0].patience_ms = NOW_MS + 3000;
    CHECK(quiet_until(300, 3250) && next(3250) == 2);
}

/* Waiting for a name, the time of those who connect goes on. */
TEST(connections_expire_while_names_are_waited_for)
{
    begin("2");
    CHECK(next(0) == 0);
    add("2");
    await(1, 2 * TIMEOUT_MS);
    CHECK(quiet_until(0, TIMEOUT_MS) && expired(TIMEOUT_MS) == 0);
    CHECK(quiet_until(TIMEOUT_MS, 2 * TIMEOUT_MS));
    CHECK(next(2 * TIMEOUT_MS) == 1);
}

/* ---- every race ---- */

/* What is true of every start, whatever became of the others. */
static bool
may_start(const int64_t *started_ms, const bool *out, uint32_t index,
          int64_t now_ms)
{
    const struct policy_candidate *list = candidates.list;

    if (started_ms[index] != 0)
        return false; /* twice */
    for (uint32_t i = 0; i < candidates.count; i++) {
        bool better = list[i].preference < list[index].preference;
        int64_t wait_ms = better ? 3000 : 250;

        if (out[i])
            continue;
        if (better && !started_ms[i])
            return false; /* out of order */
        if (started_ms[i] && now_ms - started_ms[i] < wait_ms)
            return false; /* too soon */
    }
    return true;
}

/* One turn of a race in which everyone fails at random times; false: wrong. */
static bool
runs_on(int64_t *started_ms, bool *out, int64_t now_ms)
{
    uint32_t victim = random_below(candidates.count);
    uint32_t index = policy_race_expired(&r, now_ms);

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
    }
    return true;
}

/* Driven by the deadline alone, while `late` more candidates come. */
static bool
runs_to_the_end(uint32_t late)
{
    int64_t started_ms[CANDIDATE_COUNT_MAX] = {0}, now_ms = NOW_MS;
    bool out[CANDIDATE_COUNT_MAX] = {false};

    for (int turn = 0; late > 0 || !policy_race_over(&r); turn++) {
        int64_t deadline_ms = INT64_MAX;

        if (!runs_on(started_ms, out, now_ms) || turn > 1000)
            return false; /* wrong, or it stands still */
        deadline_ms = policy_race_deadline_ms(&r, now_ms);
        if (deadline_ms < now_ms)
            return false;
        if (late > 0 && random_below(4) == 0) {
            now_ms += random_below(300);
            add_one((uint16_t)random_below(9), ADDR_IPV4 + random_below(2));
            late--;
        } else if (deadline_ms < INT64_MAX) {
            now_ms = deadline_ms;
        }
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
        uint32_t count = 1 + random_below(7);

        begin("");
        for (uint32_t j = 0; j < count; j++)
            add_one((uint16_t)random_below(9), ADDR_IPV4 + random_below(2));
        CHECK(runs_to_the_end(random_below(4)));
    }
}

#define CASES(X)                                                      \
    X(the_first_to_come_starts_at_once)                               \
    X(a_better_one_that_comes_late_waits_250_ms_after_the_last_start) \
    X(an_equal_one_that_comes_late_waits_250_ms)                      \
    X(a_worse_one_that_comes_late_waits_3_s)                          \
    X(whoever_comes_when_all_others_failed_starts_at_once)            \
    X(a_candidate_that_proves_better_goes_first)                      \
    X(behind_exchangers_that_were_not_asked_for_nobody_starts)        \
    X(whoever_proves_better_while_it_connects_is_waited_for)          \
    X(who_is_cut_before_his_start_never_starts)                       \
    X(who_is_cut_while_he_connects_is_given_up)                       \
    X(who_was_cut_while_he_connected_may_come_back)                   \
    X(a_loser_that_is_cut_does_not_run_again)                         \
    X(a_better_name_holds_the_start_up)                               \
    X(a_worse_name_holds_nobody_up)                                   \
    X(the_best_holds_the_others_up)                                   \
    X(name_and_turn_are_both_waited_for)                              \
    X(connections_expire_while_names_are_waited_for)                  \
    X(every_race_runs_to_its_end)

TEST_MAIN(CASES)
