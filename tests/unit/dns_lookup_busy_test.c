/* SPDX-License-Identifier: ISC */
/* REFUSED, as a forwarder says that has too many questions open already. */
#include "dns/lookup.h"

#include "dns_server.h"
#include "test.h"

/* When the first server was asked, in ms. */
static uint32_t
asked_of_first(int64_t at_ms[static EVENT_COUNT_MAX])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < event_count; i++)
        if (events[i].act != DNS_ACT_CLOSE && events[i].server == 0)
            at_ms[count++] = events[i].at_ms - 1000;
    return count;
}

TEST(it_is_asked_for_ten_seconds)
{
    static int64_t at_ms[EVENT_COUNT_MAX];
    uint32_t question = 0, count = 0;

    begin(1);
    manners[0] = REFUSED;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 11010);
    count = asked_of_first(at_ms);
    CHECK(count >= 5 && count <= 10);
    for (uint32_t i = 1; i < count; i++)
        CHECK(at_ms[i] - at_ms[i - 1] >= 1010 &&
              at_ms[i] - at_ms[i - 1] < 2040);
}

/* Not all come back at once. */
TEST(pauses_differ)
{
    static int64_t at_ms[EVENT_COUNT_MAX];
    char name[] = "a.com";
    uint32_t count = 0, differ = 0;

    begin(1);
    manners[0] = REFUSED;
    for (uint32_t i = 0; i < 8; i++) {
        name[0] = (char)('a' + i);
        ask(name, DNS_A);
    }
    CHECK(run(3100));
    count = asked_of_first(at_ms);
    CHECK(count >= 16);
    for (uint32_t i = 9; i < 16; i++)
        differ += at_ms[i] != at_ms[i - 1];
    CHECK(differ >= 6);
}

TEST(there_is_room_again)
{
    for (int64_t room_ms = 500; room_ms < 10000; room_ms += 500) {
        uint32_t question = 0;

        begin(1);
        manners[0] = REFUSED;
        question = ask("example.com", DNS_A);
        CHECK(run(1000 + room_ms) && state(question) == DNS_PENDING);
        manners[0] = TELL;
        delays[0] = 200;
        if (room_ms > 7500) /* the last round may have begun */
            inject_at(events[event_count - 1].attempt, TELL);
        CHECK(finish() && state(question) == DNS_FOUND);
        CHECK(now_ms <= 1000 + room_ms + 2300);
    }
}

/* It takes the question, and is slow then: that is a round as any other. */
TEST(taken_and_slow)
{
    uint32_t question = 0;

    begin(1);
    manners[0] = REFUSED;
    question = ask("example.com", DNS_A);
    CHECK(run(1500));
    manners[0] = TELL;
    delays[0] = 5000;
    CHECK(finish() && state(question) == DNS_FOUND);
    CHECK(now_ms >= 7000 && now_ms < 8100);
}

TEST(one_is_busy_one_fails)
{
    uint32_t question = 0;

    begin(2);
    manners[0] = SERVFAIL;
    manners[1] = REFUSED;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 11020);
    /* the answer of either counts */
    begin(2);
    manners[0] = SERVFAIL;
    manners[1] = REFUSED;
    question = ask("example.com", DNS_A);
    CHECK(run(6000) && state(question) == DNS_PENDING);
    manners[0] = TELL;
    CHECK(finish() && state(question) == DNS_FOUND && now_ms < 8100);
    /* the other one's "no" too: who refused has failed */
    begin(2);
    manners[0] = REFUSED;
    manners[1] = NO_NAME;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_NO_NAME && now_ms == 1020);
}

/* The other one is slow, but has the answer. */
TEST(one_is_busy_one_answers)
{
    uint32_t question = 0;

    for (int64_t delay_ms = 500; delay_ms < 9000; delay_ms += 500) {
        begin(2);
        manners[0] = REFUSED;
        manners[1] = TELL;
        delays[1] = delay_ms;
        question = ask("example.com", DNS_A);
        CHECK(finish() && state(question) == DNS_FOUND);
        CHECK(now_ms == 1010 + delay_ms);
    }
    /* its "no" counts when it comes: who refused has failed */
    begin(2);
    manners[0] = REFUSED;
    manners[1] = NO_NAME;
    delays[1] = 700;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_NO_NAME && now_ms == 1710);
    /* and so does what the full one says after all */
    begin(1);
    manners[0] = REFUSED;
    question = ask("example.com", DNS_A);
    CHECK(run(5000));
    inject(TELL);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 5000);
}

/* All have to have answered badly: with one that is silent time goes by as
 * ever. */
TEST(one_is_busy_one_is_silent)
{
    uint32_t question = 0;

    begin(2);
    manners[0] = REFUSED;
    question = ask("example.com", DNS_A);
    CHECK(run(6500));
    CHECK(
        opens("0:0 10:1 1000:0/plain 1010:1/plain 3000:0/again 3010:1/again"));
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 61000);
}

/* REFUSED in the round that would have decided. */
TEST(busy_once_others_have_failed)
{
    uint32_t question = 0;

    begin(1);
    manners[0] = SERVFAIL;
    question = ask("example.com", DNS_A);
    CHECK(run(1500));
    manners[0] = REFUSED;
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 12020);
    /* and failed after it was busy: ten seconds are granted already */
    begin(1);
    manners[0] = REFUSED;
    question = ask("example.com", DNS_A);
    CHECK(run(1500));
    manners[0] = SERVFAIL;
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 11010);
}

TEST(timeoutdns_caps_it)
{
    uint32_t question = 0;

    begin(1);
    conf.timeout_ms = 3000;
    manners[0] = REFUSED;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 4000);
}

TEST(an_alias_begins_anew)
{
    uint32_t question = 0;

    begin(1);
    manners[0] = REFUSED;
    question = ask("example.com", DNS_A);
    CHECK(run(6000));
    inject_at(attempt_at(question, 0, DNS_FORM_PLAIN), ALIAS);
    CHECK(finish() && state(question) == DNS_FAILED);
    CHECK(now_ms == 6010 + DNS_BUSY_MS);
}

#define CASES(X)                    \
    X(it_is_asked_for_ten_seconds)  \
    X(pauses_differ)                \
    X(there_is_room_again)          \
    X(taken_and_slow)               \
    X(one_is_busy_one_fails)        \
    X(one_is_busy_one_answers)      \
    X(one_is_busy_one_is_silent)    \
    X(busy_once_others_have_failed) \
    X(timeoutdns_caps_it)           \
    X(an_alias_begins_anew)

TEST_MAIN(CASES)
