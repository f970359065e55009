/* SPDX-License-Identifier: ISC */
#include "policy/candidates.h"

#include "test.h"

enum { TRIAL_COUNT = 24000, NOW_MS = 100000 };

static struct policy_candidates c;

static struct addr
address(const char *text)
{
    struct addr a = {0};

    if (!addr_parse(slice_text(text), &a))
        printf("no address: %s\n", text);
    return a;
}

static void
put(uint16_t preference, const char *text, bool own)
{
    struct policy_candidate candidate = {
        .to = {.addr = address(text), .port = 25}, .preference = preference};

    policy_candidates_add(&c, &candidate, own);
}

static void
add(uint16_t preference, const char *text)
{
    put(preference, text, false);
}

/* The list is just the addresses, parted by spaces, in this order. */
static bool
is(const char *expected)
{
    uint8_t bytes[CANDIDATE_COUNT_MAX * (ADDR_TEXT_SIZE_MAX + 1)];
    struct buf out;

    buf_init(&out, bytes, sizeof(bytes));
    for (uint32_t i = 0; i < c.count; i++) {
        if (i > 0)
            buf_put_byte(&out, ' ');
        addr_print(&out, &c.list[i].to.addr);
    }
    if (slice_equal(buf_slice(&out), slice_text(expected)))
        return true;
    printf("got <%.*s>\n", (int)out.used, (const char *)bytes);
    return false;
}

static uint8_t
last_byte(uint32_t index)
{
    const struct addr *a = &c.list[index].to.addr;

    return a->bytes[addr_size(a) - 1];
}

TEST(better_preferences_come_first)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        policy_candidates_init(&c);
        add(0, "192.0.2.1");
        add(10, "192.0.2.2");
        add(10, "192.0.2.3");
        add(65535, "192.0.2.4");
        policy_candidates_finish(&c, seed);
        CHECK(c.count == 4 && !c.own_seen);
        CHECK(last_byte(0) == 1 && last_byte(3) == 4);
        CHECK(last_byte(1) + last_byte(2) == 5);
    }
}

TEST(nothing_in_nothing_out)
{
    policy_candidates_init(&c);
    policy_candidates_finish(&c, 1);
    CHECK(c.count == 0 && !c.own_seen);
}

TEST(an_entry_keeps_what_belongs_to_it)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        policy_candidates_init(&c);
        for (uint8_t i = 1; i <= 8; i++) {
            struct policy_candidate e = {.preference = i / 4, .host = i};

            addr_from_ipv4(&e.to.addr, (uint8_t[]){192, 0, 2, i});
            e.to.port = (uint16_t)(1000 + i);
            policy_candidates_add(&c, &e, false);
        }
        policy_candidates_finish(&c, seed);
        CHECK(c.count == 8);
        for (uint32_t i = 0; i < c.count; i++) {
            CHECK(c.list[i].host == last_byte(i));
            CHECK(c.list[i].to.port == 1000 + last_byte(i));
            CHECK(c.list[i].preference == last_byte(i) / 4);
        }
    }
}

/* All 24 orders of four equals: 1000 of each, deviation 31, six of them. */
TEST(equals_are_shuffled_evenly)
{
    uint32_t counts[256] = {0};
    uint32_t seen = 0;

    for (uint64_t seed = 0; seed < TRIAL_COUNT; seed++) {
        uint32_t order = 0;

        policy_candidates_init(&c);
        add(5, "192.0.2.0");
        add(5, "192.0.2.1");
        add(5, "192.0.2.2");
        add(5, "192.0.2.3");
        policy_candidates_finish(&c, seed);
        for (uint32_t i = 0; i < 4; i++)
            order = order << 2 | last_byte(i);
        counts[order]++;
    }
    for (uint32_t i = 0; i < 256; i++) {
        seen += counts[i] > 0;
        CHECK(counts[i] == 0 || (counts[i] > 810 && counts[i] < 1190));
    }
    CHECK(seen == 24);
}

/* Each of the largest set in each place, also with both families. */
TEST(a_full_list_is_shuffled_evenly)
{
    static uint32_t counts[CANDIDATE_COUNT_MAX][CANDIDATE_COUNT_MAX];

    memset(counts, 0, sizeof(counts));
    for (uint64_t seed = 0; seed < 16000; seed++) {
        policy_candidates_init(&c);
        for (uint8_t i = 0; i < CANDIDATE_COUNT_MAX; i++) {
            struct policy_candidate e = {.preference = 1};
            uint8_t six[ADDR_SIZE_MAX] = {0x20, 1, [15] = i};

            if (i % 2)
                addr_from_ipv6(&e.to.addr, six);
            else
                addr_from_ipv4(&e.to.addr, (uint8_t[]){192, 0, 2, i});
            policy_candidates_add(&c, &e, false);
        }
        policy_candidates_finish(&c, seed);
        for (uint32_t i = 0; i < CANDIDATE_COUNT_MAX; i++)
            counts[last_byte(i)][i]++;
    }
    /* IPv6 in the even places: 1000 each, deviation 31. */
    for (uint32_t i = 0; i < CANDIDATE_COUNT_MAX; i++)
        for (uint32_t place = 0; place < CANDIDATE_COUNT_MAX; place++)
            CHECK(i % 2 == place % 2
                      ? counts[i][place] == 0
                      : counts[i][place] > 810 && counts[i][place] < 1190);
}

TEST(families_take_turns)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        policy_candidates_init(&c);
        add(1, "192.0.2.1");
        add(1, "192.0.2.2");
        add(1, "192.0.2.3");
        add(1, "2001:db8::1");
        add(1, "2001:db8::2");
        add(2, "192.0.2.4");
        add(2, "2001:db8::3");
        policy_candidates_finish(&c, seed);
        CHECK(c.count == 7);
        for (uint32_t i = 0; i < 5; i++)
            CHECK(c.list[i].to.addr.family ==
                  (i == 0 || i == 2 ? ADDR_IPV6 : ADDR_IPV4));
        CHECK(c.list[5].to.addr.family == ADDR_IPV6 && last_byte(5) == 3);
        CHECK(last_byte(6) == 4);
    }
}

TEST(more_ipv6_than_ipv4)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        policy_candidates_init(&c);
        add(1, "2001:db8::1");
        add(1, "2001:db8::2");
        add(1, "2001:db8::3");
        add(1, "192.0.2.1");
        policy_candidates_finish(&c, seed);
        for (uint32_t i = 0; i < 4; i++)
            CHECK((c.list[i].to.addr.family == ADDR_IPV4) == (i == 1));
    }
}

TEST(one_family_alone)
{
    policy_candidates_init(&c);
    add(1, "192.0.2.1");
    policy_candidates_finish(&c, 1);
    CHECK(is("192.0.2.1"));
    policy_candidates_init(&c);
    add(1, "2001:db8::1");
    policy_candidates_finish(&c, 1);
    CHECK(is("2001:db8::1"));
}

/* RFC 5321 section 5.1: the own preference and all that are not better. */
TEST(an_own_address_cuts_its_preference_and_worse)
{
    policy_candidates_init(&c);
    add(10, "192.0.2.1");
    add(20, "192.0.2.2");
    put(20, "192.0.2.99", true);
    add(20, "2001:db8::1");
    add(30, "192.0.2.3");
    policy_candidates_finish(&c, 1);
    CHECK(is("192.0.2.1") && c.own_seen && c.own_preference == 20);
}

TEST(the_best_own_address_counts)
{
    policy_candidates_init(&c);
    add(10, "192.0.2.1");
    put(20, "192.0.2.99", true);
    add(20, "192.0.2.2");
    put(30, "192.0.2.98", true);
    policy_candidates_finish(&c, 1);
    CHECK(is("192.0.2.1") && c.own_preference == 20);
    policy_candidates_init(&c);
    put(30, "192.0.2.98", true);
    put(20, "192.0.2.99", true);
    policy_candidates_finish(&c, 1);
    CHECK(c.count == 0 && c.own_seen && c.own_preference == 20);
}

TEST(own_at_the_edges_of_preference)
{
    policy_candidates_init(&c);
    put(0, "192.0.2.99", true);
    add(0, "192.0.2.1");
    add(1, "192.0.2.2");
    policy_candidates_finish(&c, 1);
    CHECK(c.count == 0 && c.own_seen);
    policy_candidates_init(&c);
    add(65534, "192.0.2.1");
    put(65535, "192.0.2.99", true);
    add(65535, "192.0.2.2");
    policy_candidates_finish(&c, 1);
    CHECK(is("192.0.2.1") && c.own_seen && c.own_preference == 65535);
}

/* Without one of ours the worst preference is as good as any. */
TEST(no_own_address_cuts_nothing)
{
    policy_candidates_init(&c);
    add(65535, "192.0.2.1");
    policy_candidates_finish(&c, 1);
    CHECK(is("192.0.2.1") && !c.own_seen);
}

TEST(an_own_address_is_never_listed)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        policy_candidates_init(&c);
        put(10, "192.0.2.99", true);
        put(10, "2001:db8::99", true);
        add(5, "192.0.2.1");
        policy_candidates_finish(&c, seed);
        for (uint32_t i = 0; i < c.count; i++)
            CHECK(last_byte(i) == 1);
    }
}

TEST(unusable_addresses_are_dropped)
{
    policy_candidates_init(&c);
    add(1, "224.0.0.1");
    add(1, "239.255.255.255");
    add(1, "255.255.255.255");
    add(1, "::ffff:224.0.0.1");
    add(1, "ff02::1");
    add(1, "fe80::1");
    add(2, "192.0.2.1");
    policy_candidates_finish(&c, 1);
    CHECK(is("192.0.2.1") && !c.own_seen);
}

TEST(an_address_counts_once_at_its_best)
{
    policy_candidates_init(&c);
    add(1, "192.0.2.1");
    add(1, "192.0.2.1");
    add(2, "192.0.2.1");
    add(2, "::ffff:192.0.2.1");
    add(2, "192.0.2.2");
    policy_candidates_finish(&c, 1);
    CHECK(is("192.0.2.1 192.0.2.2"));
    CHECK(c.list[0].preference == 1);
}

TEST(at_most_32_are_kept)
{
    policy_candidates_init(&c);
    for (int i = 0; i < 100; i++) {
        char text[ADDR_TEXT_SIZE_MAX + 1];

        snprintf(text, sizeof(text), "192.0.2.%d", i);
        add((uint16_t)i, text);
    }
    policy_candidates_finish(&c, 1);
    CHECK(c.count == 32);
    for (uint32_t i = 0; i < c.count; i++)
        CHECK(last_byte(i) == i);
}

/* A full list must not hide that the next one is ours. */
TEST(an_own_address_behind_a_full_list_counts)
{
    policy_candidates_init(&c);
    for (int i = 0; i < 40; i++) {
        char text[ADDR_TEXT_SIZE_MAX + 1];

        snprintf(text, sizeof(text), "192.0.2.%d", i);
        add(i < 5 ? 1 : 2, text);
    }
    put(2, "192.0.2.99", true);
    policy_candidates_finish(&c, 1);
    CHECK(c.count == 5 && c.own_seen);
}

/* ---- how long unknown addresses are waited for ---- */

static struct policy_host
waiting(uint16_t preference, int64_t patience_ms)
{
    return (struct policy_host){
        .preference = preference, .pending = true, .patience_ms = patience_ms};
}

static struct policy_host
known(uint16_t preference, int64_t first_address_ms, bool pending)
{
    return (struct policy_host){.preference = preference,
                                .pending = pending,
                                .has_address = true,
                                .first_address_ms = first_address_ms,
                                .patience_ms = NOW_MS + 4000};
}

static struct policy_host
without(uint16_t preference)
{
    return (struct policy_host){.preference = preference,
                                .patience_ms = NOW_MS + 4000};
}

#define WAIT_MS(...)                                                   \
    policy_hosts_wait_ms((struct policy_host[]){__VA_ARGS__},          \
                         sizeof((struct policy_host[]){__VA_ARGS__}) / \
                             sizeof(struct policy_host))

TEST(with_all_answers_nothing_is_waited_for)
{
    CHECK(policy_hosts_wait_ms(NULL, 0) <= NOW_MS);
    CHECK(WAIT_MS(without(1)) <= NOW_MS);
    CHECK(WAIT_MS(known(1, NOW_MS, false)) <= NOW_MS);
    CHECK(WAIT_MS(without(1), known(2, NOW_MS, false)) <= NOW_MS);
}

TEST(nothing_known_is_waited_for_ever)
{
    CHECK(WAIT_MS(waiting(1, NOW_MS)) == INT64_MAX);
    CHECK(WAIT_MS(waiting(1, 0)) == INT64_MAX);
    CHECK(WAIT_MS(without(1), waiting(2, 0)) == INT64_MAX);
}

TEST(the_other_family_is_waited_for_50_ms)
{
    CHECK(WAIT_MS(known(1, NOW_MS, true)) == NOW_MS + 50);
    CHECK(WAIT_MS(known(1, NOW_MS, true), known(2, NOW_MS + 30, true)) ==
          NOW_MS + 50);
    CHECK(WAIT_MS(known(1, NOW_MS + 10, true), known(1, NOW_MS, true)) ==
          NOW_MS + 50);
}

TEST(a_better_exchanger_is_waited_for_to_the_end_of_its_second_round)
{
    CHECK(WAIT_MS(waiting(1, NOW_MS + 4000), known(2, NOW_MS, false)) ==
          NOW_MS + 4000);
    CHECK(WAIT_MS(waiting(1, NOW_MS + 4000), waiting(2, NOW_MS + 9000),
                  known(3, NOW_MS, true)) == NOW_MS + 9000);
    /* That end is over: just the other family. */
    CHECK(WAIT_MS(waiting(1, NOW_MS - 1), known(2, NOW_MS, true)) ==
          NOW_MS + 50);
}

TEST(an_exchanger_that_is_no_better_is_not_waited_for)
{
    CHECK(WAIT_MS(known(1, NOW_MS, true), waiting(1, NOW_MS + 4000)) <=
          NOW_MS + 50);
    CHECK(WAIT_MS(known(1, NOW_MS, true), waiting(2, NOW_MS + 4000)) <=
          NOW_MS + 50);
    CHECK(WAIT_MS(without(1), known(2, NOW_MS, true),
                  waiting(3, NOW_MS + 4000)) <= NOW_MS + 50);
}

/* It has an address: more of it is not worth 4 s. */
TEST(the_best_known_decides)
{
    CHECK(WAIT_MS(known(1, NOW_MS, true), known(2, NOW_MS - 999, false)) ==
          NOW_MS + 50);
    CHECK(WAIT_MS(known(2, NOW_MS - 999, false), known(1, NOW_MS, true)) ==
          NOW_MS + 50);
}

#define CASES(X)                                                       \
    X(better_preferences_come_first)                                   \
    X(nothing_in_nothing_out)                                          \
    X(an_entry_keeps_what_belongs_to_it)                               \
    X(equals_are_shuffled_evenly)                                      \
    X(a_full_list_is_shuffled_evenly)                                  \
    X(families_take_turns)                                             \
    X(more_ipv6_than_ipv4)                                             \
    X(one_family_alone)                                                \
    X(an_own_address_cuts_its_preference_and_worse)                    \
    X(the_best_own_address_counts)                                     \
    X(own_at_the_edges_of_preference)                                  \
    X(no_own_address_cuts_nothing)                                     \
    X(an_own_address_is_never_listed)                                  \
    X(unusable_addresses_are_dropped)                                  \
    X(an_address_counts_once_at_its_best)                              \
    X(at_most_32_are_kept)                                             \
    X(an_own_address_behind_a_full_list_counts)                        \
    X(with_all_answers_nothing_is_waited_for)                          \
    X(nothing_known_is_waited_for_ever)                                \
    X(the_other_family_is_waited_for_50_ms)                            \
    X(a_better_exchanger_is_waited_for_to_the_end_of_its_second_round) \
    X(an_exchanger_that_is_no_better_is_not_waited_for)                \
    X(the_best_known_decides)

TEST_MAIN(CASES)
