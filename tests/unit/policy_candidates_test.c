/* SPDX-License-Identifier: ISC */
#include "policy/candidates.h"

#include "test.h"

enum { NOW_MS = 100000, PATIENCE_MS = NOW_MS + 4000, EVENT_COUNT = 6 };

static struct policy_candidates c;

static struct addr
address(const char *text)
{
    struct addr a = {0};

    if (!addr_parse(slice_text(text), &a))
        printf("no address: %s\n", text);
    return a;
}

/* An address that an answer brings. */
struct event {
    uint16_t host, preference;
    const char *text;
    bool own;
};

static void
put(const struct event *e)
{
    struct policy_candidate candidate = {
        .to = {.addr = address(e->text), .port = 25},
        .preference = e->preference,
        .host = e->host};

    policy_candidates_add(&c, &candidate, e->own);
}

static void
add(uint16_t preference, const char *text)
{
    put(&(struct event){.preference = preference, .text = text});
}

static void
add_of(uint16_t host, uint16_t preference, const char *text)
{
    put(&(struct event){host, preference, text, false});
}

static void
add_own(uint16_t preference, const char *text)
{
    put(&(struct event){.preference = preference, .text = text, .own = true});
}

static void
init(bool by_host)
{
    policy_candidates_init(&c, 1, by_host);
}

/* Those that are not cut, by their numbers, are just these addresses, parted by
 * spaces. */
static bool
usable_are(const char *expected)
{
    uint8_t bytes[CANDIDATE_COUNT_MAX * (ADDR_TEXT_SIZE_MAX + 1)];
    struct buf out;

    buf_init(&out, bytes, sizeof(bytes));
    for (uint32_t i = 0; i < c.count; i++) {
        if (policy_candidates_is_cut(&c, i))
            continue;
        if (out.used > 0)
            buf_put_byte(&out, ' ');
        addr_print(&out, &c.list[i].to.addr);
    }
    if (policy_candidates_any(&c) == (out.used > 0) &&
        slice_equal(buf_slice(&out), slice_text(expected)))
        return true;
    printf("got <%.*s>\n", (int)out.used, (const char *)bytes);
    return false;
}

/* Of the one with this address, or NULL. */
static const struct policy_candidate *
find(const char *text)
{
    struct addr a = address(text);

    for (uint32_t i = 0; i < c.count; i++)
        if (addr_equal(&c.list[i].to.addr, &a))
            return &c.list[i];
    return NULL;
}

/* ---- the list ---- */

TEST(nothing_in_nothing_out)
{
    init(false);
    CHECK(c.count == 0 && !c.own_seen && !policy_candidates_any(&c));
}

TEST(a_candidate_keeps_its_number_and_what_belongs_to_it)
{
    static const uint16_t preferences[] = {30, 10, 65535, 0, 20, 10};
    struct policy_candidate before[sizeof(preferences) / 2];

    init(false);
    for (uint8_t i = 0; i < sizeof(preferences) / 2; i++) {
        struct policy_candidate e = {.preference = preferences[i],
                                     .host = (uint16_t)(100 + i)};

        addr_from_ipv4(&e.to.addr, (uint8_t[]){192, 0, 2, i});
        e.to.port = (uint16_t)(1000 + i);
        policy_candidates_add(&c, &e, false);
        CHECK(c.count == i + 1u);
        before[i] = c.list[i];
        for (uint8_t j = 0; j <= i; j++) {
            CHECK(c.list[j].to.addr.bytes[3] == j);
            CHECK(c.list[j].to.port == 1000 + j);
            CHECK(c.list[j].host == 100 + j);
            CHECK(c.list[j].preference == preferences[j]);
            CHECK(c.list[j].key == before[j].key);
        }
    }
}

TEST(keys_come_from_the_seed)
{
    uint64_t keys[4] = {0};

    for (uint64_t seed = 0; seed < 2; seed++) {
        policy_candidates_init(&c, seed, false);
        add(1, "192.0.2.1");
        add(1, "192.0.2.2");
        keys[seed * 2] = c.list[0].key;
        keys[seed * 2 + 1] = c.list[1].key;
    }
    for (uint32_t i = 0; i < 4; i++)
        for (uint32_t j = 0; j < i; j++)
            CHECK(keys[i] != keys[j]);
    policy_candidates_init(&c, 0, false);
    add(7, "2001:db8::1");
    CHECK(c.list[0].key == keys[0]);
}

TEST(unusable_addresses_are_left_out)
{
    init(false);
    add(1, "224.0.0.1");
    add(1, "239.255.255.255");
    add(1, "255.255.255.255");
    add(1, "::ffff:224.0.0.1");
    add(1, "ff02::1");
    add(1, "fe80::1");
    add(2, "192.0.2.1");
    CHECK(c.count == 1 && usable_are("192.0.2.1") && !c.own_seen);
}

TEST(an_address_counts_once_at_its_best)
{
    init(false);
    add_of(1, 20, "192.0.2.1");
    add_of(2, 20, "192.0.2.2");
    add_of(3, 20, "192.0.2.1");
    add_of(4, 30, "::ffff:192.0.2.1");
    CHECK(usable_are("192.0.2.1 192.0.2.2"));
    CHECK(c.list[0].preference == 20 && c.list[0].host == 1);
    /* The better one's name is the one to speak to. */
    add_of(5, 10, "::ffff:192.0.2.1");
    CHECK(usable_are("192.0.2.1 192.0.2.2"));
    CHECK(c.list[0].preference == 10 && c.list[0].host == 5);
    CHECK(c.list[1].preference == 20 && c.list[1].host == 2);
}

TEST(one_address_under_two_names_counts_twice_by_host)
{
    init(true);
    add_of(1, 20, "192.0.2.1");
    add_of(2, 10, "::ffff:192.0.2.1");
    CHECK(usable_are("192.0.2.1 192.0.2.1"));
    CHECK(c.list[0].preference == 20 && c.list[0].host == 1);
    CHECK(c.list[1].preference == 10 && c.list[1].host == 2);
    /* And once under each. */
    add_of(1, 5, "192.0.2.1");
    add_of(2, 30, "192.0.2.1");
    CHECK(usable_are("192.0.2.1 192.0.2.1"));
    CHECK(c.list[0].preference == 5 && c.list[1].preference == 10);
    /* An address of ours is so under every name. */
    add_own(5, "192.0.2.99");
    CHECK(usable_are(""));
}

TEST(at_most_32_are_kept)
{
    init(false);
    for (int i = 0; i < 100; i++) {
        char text[ADDR_TEXT_SIZE_MAX + 1];

        snprintf(text, sizeof(text), "192.0.2.%d", i);
        add((uint16_t)(100 - i), text);
    }
    CHECK(c.count == CANDIDATE_COUNT_MAX);
    for (uint32_t i = 0; i < c.count; i++)
        CHECK(c.list[i].to.addr.bytes[3] == i);
    /* A full list learns, all the same. */
    add(1, "192.0.2.3");
    CHECK(c.list[3].preference == 1);
    add_own(70, "192.0.2.99");
    CHECK(usable_are("192.0.2.3 192.0.2.31"));
}

/* ---- own addresses: RFC 5321 section 5.1 ---- */

TEST(an_own_address_cuts_its_preference_and_worse)
{
    init(false);
    add(10, "192.0.2.1");
    add(20, "192.0.2.2");
    CHECK(usable_are("192.0.2.1 192.0.2.2"));
    add_own(20, "192.0.2.99");
    CHECK(usable_are("192.0.2.1"));
    add(20, "2001:db8::1");
    add(30, "192.0.2.3");
    CHECK(usable_are("192.0.2.1") && c.own_seen && c.own_preference == 20);
    CHECK(!find("192.0.2.99") && c.count == 4);
}

TEST(the_best_own_address_counts)
{
    init(false);
    add(10, "192.0.2.1");
    add(25, "192.0.2.2");
    add_own(30, "192.0.2.98");
    CHECK(usable_are("192.0.2.1 192.0.2.2"));
    add_own(20, "192.0.2.99");
    CHECK(usable_are("192.0.2.1") && c.own_preference == 20);
    add_own(30, "2001:db8::99");
    CHECK(usable_are("192.0.2.1") && c.own_preference == 20);
    add_own(10, "192.0.2.97");
    CHECK(usable_are("") && c.own_seen && c.own_preference == 10);
}

TEST(own_at_the_edges_of_preference)
{
    init(false);
    add_own(0, "192.0.2.99");
    add(0, "192.0.2.1");
    add(1, "192.0.2.2");
    CHECK(usable_are("") && c.own_seen);
    init(false);
    add(65534, "192.0.2.1");
    add_own(65535, "192.0.2.99");
    add(65535, "192.0.2.2");
    CHECK(usable_are("192.0.2.1") && c.own_preference == 65535);
    /* Without one of ours the worst preference is as good as any. */
    init(false);
    add(65535, "192.0.2.1");
    CHECK(usable_are("192.0.2.1") && !c.own_seen);
}

TEST(a_better_name_saves_an_address_that_was_cut)
{
    init(false);
    add_own(20, "192.0.2.99");
    add_of(1, 20, "192.0.2.1");
    CHECK(c.count == 1 && usable_are(""));
    add_of(2, 10, "192.0.2.1");
    CHECK(c.count == 1 && usable_are("192.0.2.1"));
}

/* ---- in any order ---- */

/* The next order of 0, 1, 2 ...; false: that was the last. */
static bool
permute(uint32_t *order, uint32_t count)
{
    uint32_t first = count - 1, other = count - 1, kept = 0;

    while (first > 0 && order[first - 1] > order[first])
        first--;
    if (first == 0)
        return false;
    while (order[other] < order[first - 1])
        other--;
    kept = order[first - 1];
    order[first - 1] = order[other];
    order[other] = kept;
    for (uint32_t i = first, j = count - 1; i < j; i++, j--) {
        kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    return true;
}

static bool
has(const char *text, uint16_t preference, bool cut)
{
    const struct policy_candidate *found = find(text);

    return found && found->preference == preference &&
           policy_candidates_is_cut(&c, (uint32_t)(found - c.list)) == cut;
}

/* Two of ours, an address under two names, one better and one worse. */
TEST(the_order_of_answers_changes_nothing)
{
    static const struct event events[EVENT_COUNT] = {
        {1, 10, "192.0.2.1", false},   {2, 20, "192.0.2.2", false},
        {3, 5, "192.0.2.2", false},    {4, 15, "2001:db8::99", true},
        {5, 15, "2001:db8::1", false}, {6, 40, "192.0.2.99", true}};
    uint32_t order[EVENT_COUNT] = {0, 1, 2, 3, 4, 5}, count = 0;

    do {
        init(false);
        for (uint32_t i = 0; i < EVENT_COUNT; i++)
            put(&events[order[i]]);
        CHECK(c.count == 3 && c.own_seen && c.own_preference == 15);
        CHECK(has("192.0.2.1", 10, false) && has("192.0.2.2", 5, false));
        CHECK(find("192.0.2.2")->host == 3);
        CHECK(has("2001:db8::1", 15, true) && policy_candidates_any(&c));
        count++;
    } while (permute(order, EVENT_COUNT));
    CHECK(count == 720);
}

TEST(by_host_the_order_of_answers_changes_nothing)
{
    static const struct event events[EVENT_COUNT] = {
        {1, 10, "192.0.2.1", false},   {2, 20, "192.0.2.1", false},
        {1, 10, "192.0.2.1", false},   {4, 15, "2001:db8::99", true},
        {1, 10, "2001:db8::1", false}, {2, 20, "2001:db8::1", false}};
    uint32_t order[EVENT_COUNT] = {0, 1, 2, 3, 4, 5};

    do {
        uint32_t usable_count = 0;

        init(true);
        for (uint32_t i = 0; i < EVENT_COUNT; i++)
            put(&events[order[i]]);
        CHECK(c.count == 4 && c.own_preference == 15);
        for (uint32_t i = 0; i < c.count; i++) {
            bool cut = policy_candidates_is_cut(&c, i);

            CHECK(c.list[i].preference == c.list[i].host * 10);
            CHECK(cut == (c.list[i].host == 2));
            usable_count += !cut;
        }
        CHECK(usable_count == 2);
    } while (permute(order, EVENT_COUNT));
}

/* ---- how long unknown addresses are waited for ---- */

static struct policy_host
waiting(uint16_t preference, int64_t patience_ms)
{
    return (struct policy_host){
        .preference = preference, .pending = true, .patience_ms = patience_ms};
}

/* It has an address; is another of it to come? */
static struct policy_host
known(uint16_t preference, int64_t first_address_ms, bool pending)
{
    return (struct policy_host){.preference = preference,
                                .pending = pending,
                                .has_address = true,
                                .first_address_ms = first_address_ms,
                                .patience_ms = PATIENCE_MS};
}

/* All its answers came, and brought none. */
static struct policy_host
without(uint16_t preference)
{
    return (struct policy_host){.preference = preference,
                                .patience_ms = PATIENCE_MS};
}

static int64_t
wait_ms(bool own_listed, uint16_t preference, const struct policy_host *list,
        size_t size)
{
    struct policy_hosts h = {.own_listed = own_listed,
                             .count = (uint32_t)(size / sizeof(*list))};

    memcpy(h.list, list, size);
    return policy_hosts_wait_ms(&h, preference);
}

#define HOSTS(...)                       \
    (struct policy_host[]){__VA_ARGS__}, \
        sizeof((struct policy_host[]){__VA_ARGS__})
#define WAIT_MS(preference, ...) wait_ms(false, preference, HOSTS(__VA_ARGS__))
#define OWN_WAIT_MS(preference, ...) \
    wait_ms(true, preference, HOSTS(__VA_ARGS__))

TEST(with_all_answers_nothing_is_waited_for)
{
    static const struct policy_hosts none = {.own_listed = true};

    CHECK(policy_hosts_wait_ms(&none, 0) == 0);
    CHECK(WAIT_MS(1, known(1, NOW_MS, false)) == 0);
    CHECK(WAIT_MS(2, without(1), known(2, NOW_MS, false)) == 0);
    CHECK(OWN_WAIT_MS(2, without(1), without(2), known(2, NOW_MS, false)) == 0);
}

TEST(a_better_exchanger_without_address_has_its_patience)
{
    CHECK(WAIT_MS(2, waiting(1, PATIENCE_MS), known(2, NOW_MS, false)) ==
          PATIENCE_MS);
    CHECK(OWN_WAIT_MS(2, waiting(1, PATIENCE_MS), known(2, NOW_MS, false)) ==
          PATIENCE_MS);
    /* The longest, whoever has it. */
    CHECK(WAIT_MS(3, waiting(1, NOW_MS + 4000), waiting(2, NOW_MS + 9000),
                  known(3, NOW_MS, true)) == NOW_MS + 9000);
    CHECK(WAIT_MS(3, waiting(2, NOW_MS + 9000), waiting(1, NOW_MS + 4000),
                  known(3, NOW_MS, true)) == NOW_MS + 9000);
    /* It is over: just the other family. */
    CHECK(WAIT_MS(2, waiting(1, NOW_MS - 1), known(2, NOW_MS, true)) ==
          NOW_MS + 50);
}

/* It has an address, which itself may wait for the other family so long. */
TEST(a_better_exchanger_with_an_address_is_waited_for_50_ms)
{
    CHECK(WAIT_MS(2, known(1, NOW_MS, true), known(2, NOW_MS - 99, false)) ==
          NOW_MS + 50);
    CHECK(OWN_WAIT_MS(2, known(1, NOW_MS, true),
                      known(2, NOW_MS - 99, false)) == NOW_MS + 50);
    CHECK(WAIT_MS(2, without(1), known(2, NOW_MS, false)) == 0);
}

TEST(a_worse_exchanger_is_never_waited_for)
{
    CHECK(WAIT_MS(1, known(1, NOW_MS, false), waiting(2, PATIENCE_MS)) == 0);
    CHECK(OWN_WAIT_MS(1, known(1, NOW_MS, false), waiting(2, PATIENCE_MS)) ==
          0);
    CHECK(WAIT_MS(1, known(1, NOW_MS, false), known(2, NOW_MS, true)) == 0);
}

TEST(the_other_family_is_waited_for_50_ms)
{
    CHECK(WAIT_MS(1, known(1, NOW_MS, true)) == NOW_MS + 50);
    CHECK(OWN_WAIT_MS(1, known(1, NOW_MS, true)) == NOW_MS + 50);
}

/* They count from the first address of this preference, whose it is. */
TEST(equals_are_waited_for_50_ms_in_all)
{
    CHECK(WAIT_MS(1, known(1, NOW_MS, false), waiting(1, PATIENCE_MS)) ==
          NOW_MS + 50);
    CHECK(WAIT_MS(1, waiting(1, PATIENCE_MS), known(1, NOW_MS, false)) ==
          NOW_MS + 50);
    CHECK(WAIT_MS(1, known(1, NOW_MS + 10, true), known(1, NOW_MS, false)) ==
          NOW_MS + 50);
    CHECK(WAIT_MS(1, known(1, NOW_MS, false), known(1, NOW_MS + 10, true)) ==
          NOW_MS + 50);
    /* Not from that of another preference. */
    CHECK(WAIT_MS(2, known(1, NOW_MS - 99, false), known(2, NOW_MS, true)) ==
          NOW_MS + 50);
    CHECK(WAIT_MS(1, known(1, NOW_MS, true), known(2, NOW_MS - 99, true)) ==
          NOW_MS + 50);
}

/* An address of ours among them would cut the others off. */
TEST(while_own_addresses_are_listed_equals_have_their_patience)
{
    CHECK(OWN_WAIT_MS(1, known(1, NOW_MS, false), waiting(1, PATIENCE_MS)) ==
          PATIENCE_MS);
    CHECK(OWN_WAIT_MS(1, waiting(1, NOW_MS + 9000), known(1, NOW_MS, true),
                      waiting(1, PATIENCE_MS)) == NOW_MS + 9000);
    CHECK(OWN_WAIT_MS(1, known(1, NOW_MS, false), without(1)) == 0);
}

/* One that has an address is waited for as a better one is, from then on. */
TEST(while_own_addresses_are_listed_each_equal_has_its_50_ms)
{
    CHECK(OWN_WAIT_MS(1, known(1, NOW_MS - 99, false),
                      known(1, NOW_MS, true)) == NOW_MS + 50);
    CHECK(OWN_WAIT_MS(1, known(1, NOW_MS, true), known(1, NOW_MS - 99, true)) ==
          NOW_MS + 50);
}

/* Nobody of this preference has an address: no grace without its beginning. */
TEST(without_a_first_address_equals_are_not_waited_for)
{
    CHECK(WAIT_MS(1, waiting(1, PATIENCE_MS)) == 0);
    CHECK(OWN_WAIT_MS(1, waiting(1, PATIENCE_MS)) == PATIENCE_MS);
    CHECK(WAIT_MS(2, known(1, NOW_MS, false), waiting(2, PATIENCE_MS)) == 0);
}

TEST(a_full_list_of_exchangers)
{
    struct policy_hosts h = {.count = DNS_MX_COUNT_MAX};

    for (uint16_t i = 0; i < DNS_MX_COUNT_MAX; i++)
        h.list[i] = waiting(i, NOW_MS + i);
    for (uint16_t i = 1; i < DNS_MX_COUNT_MAX; i++)
        CHECK(policy_hosts_wait_ms(&h, i) == NOW_MS + i - 1);
    CHECK(policy_hosts_wait_ms(&h, UINT16_MAX) ==
          NOW_MS + DNS_MX_COUNT_MAX - 1);
    CHECK(policy_hosts_wait_ms(&h, 0) == 0);
}

#define CASES(X)                                                 \
    X(nothing_in_nothing_out)                                    \
    X(a_candidate_keeps_its_number_and_what_belongs_to_it)       \
    X(keys_come_from_the_seed)                                   \
    X(unusable_addresses_are_left_out)                           \
    X(an_address_counts_once_at_its_best)                        \
    X(one_address_under_two_names_counts_twice_by_host)          \
    X(at_most_32_are_kept)                                       \
    X(an_own_address_cuts_its_preference_and_worse)              \
    X(the_best_own_address_counts)                               \
    X(own_at_the_edges_of_preference)                            \
    X(a_better_name_saves_an_address_that_was_cut)               \
    X(the_order_of_answers_changes_nothing)                      \
    X(by_host_the_order_of_answers_changes_nothing)              \
    X(with_all_answers_nothing_is_waited_for)                    \
    X(a_better_exchanger_without_address_has_its_patience)       \
    X(a_better_exchanger_with_an_address_is_waited_for_50_ms)    \
    X(a_worse_exchanger_is_never_waited_for)                     \
    X(the_other_family_is_waited_for_50_ms)                      \
    X(equals_are_waited_for_50_ms_in_all)                        \
    X(while_own_addresses_are_listed_each_equal_has_its_50_ms)   \
    X(while_own_addresses_are_listed_equals_have_their_patience) \
    X(without_a_first_address_equals_are_not_waited_for)         \
    X(a_full_list_of_exchangers)

TEST_MAIN(CASES)
