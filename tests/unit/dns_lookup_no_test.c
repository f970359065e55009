/* SPDX-License-Identifier: ISC */
/* When "no such name" and "no such record" count, and what an alias does to
 * that: a server that is asked as a hedge may know a part of the world only. */
#include "dns/lookup.h"

#include "dns_server.h"
#include "test.h"

static const enum manner noes[] = {NO_NAME, NO_DATA};
static const enum dns_state states[] = {DNS_NO_NAME, DNS_NODATA};

enum { NO_COUNT = sizeof(noes) / sizeof(noes[0]) };

/* A question to `count` servers, of which each is silent so far. */
static uint32_t
ask_of(uint32_t count)
{
    begin(count);
    return ask("example.com", DNS_A);
}

TEST(of_the_first_at_once)
{
    for (size_t i = 0; i < NO_COUNT; i++) {
        uint32_t question = ask_of(3);

        manners[0] = noes[i];
        CHECK(finish() && state(question) == states[i] && now_ms == 1010);
    }
}

/* The second knows the inside only; the first answers rightly, but slowly. */
TEST(of_a_hedge_waits_for_the_first)
{
    for (size_t i = 0; i < NO_COUNT; i++) {
        uint32_t question = ask_of(2);

        manners[0] = TELL;
        delays[0] = 400;
        manners[1] = noes[i];
        CHECK(run(1399) && state(question) == DNS_PENDING);
        CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1400);
        CHECK(lookup.tasks[question].server == 0);
        CHECK(opens("0:0 300:1"));
    }
}

TEST(of_a_hedge_counts_when_the_round_ends)
{
    for (uint32_t count = 2; count <= DNS_SERVER_COUNT_MAX; count++)
        for (uint32_t who = 1; who < count; who++) {
            uint32_t question = ask_of(count);

            manners[who] = noes[who % NO_COUNT];
            CHECK(run(1999) && state(question) == DNS_PENDING);
            CHECK(finish() && state(question) == states[who % NO_COUNT]);
            CHECK(now_ms == 2000 && lookup.tasks[question].server == who);
        }
}

TEST(of_a_hedge_counts_when_those_before_failed)
{
    static const enum manner bad[] = {SERVFAIL, REFUSED, RUBBISH, LOST};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint32_t question = ask_of(3);

        manners[0] = manners[1] = bad[i];
        manners[2] = NO_NAME;
        CHECK(finish() && state(question) == DNS_NO_NAME && now_ms < 1060);
        /* the first fails after the "no" came */
        question = ask_of(2);
        manners[0] = bad[i];
        delays[0] = 600;
        manners[1] = NO_NAME;
        CHECK(run(1599) && state(question) == DNS_PENDING);
        CHECK(finish() && state(question) == DNS_NO_NAME);
        CHECK(now_ms == (bad[i] == RUBBISH ? 2000 : 1600));
        CHECK(lookup.tasks[question].server == 1);
    }
}

TEST(of_a_hedge_waits_for_all_before_it)
{
    uint32_t question = ask_of(3);

    manners[0] = SERVFAIL;
    manners[1] = TELL;
    delays[1] = 500;
    manners[2] = NO_NAME; /* asked 300 ms behind the second */
    CHECK(run(1509) && state(question) == DNS_PENDING);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1510);
    /* a better place has the better word */
    question = ask_of(3);
    manners[1] = NO_DATA;
    delays[1] = 500;
    manners[2] = NO_NAME;
    CHECK(finish() && state(question) == DNS_NODATA && now_ms == 2000);
    question = ask_of(3);
    manners[1] = NO_DATA;
    manners[2] = NO_NAME;
    CHECK(finish() && state(question) == DNS_NODATA && now_ms == 2000);
}

TEST(it_stops_no_hedge_and_an_answer_counts_at_once)
{
    uint32_t question = ask_of(4);

    manners[1] = NO_NAME;
    manners[3] = TELL;
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1910);
    CHECK(opens("0:0 300:1 600:2 900:3"));
}

TEST(the_last_to_answer_is_no_hedge)
{
    uint32_t question = ask_of(2);

    manners[1] = TELL;
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1310);
    manners[1] = NO_NAME;
    question = ask("example.net", DNS_A);
    CHECK(finish() && state(question) == DNS_NO_NAME && now_ms == 1320);
}

TEST(what_is_asked_in_the_second_round_waits_too)
{
    uint32_t question = ask_of(2);

    manners[0] = TELL;
    delays[0] = 1500;
    manners[1] = NO_NAME;
    delays[1] = 750; /* of the first round's question, in the second */
    CHECK(run(2499) && state(question) == DNS_PENDING);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 2500);
    question = ask_of(2);
    manners[1] = NO_NAME;
    delays[1] = 750;
    CHECK(finish() && state(question) == DNS_NO_NAME && now_ms == 4000);
}

TEST(a_late_one_of_the_first_counts_at_once)
{
    uint32_t question = ask_of(2);

    manners[0] = NO_NAME;
    delays[0] = 1200;
    CHECK(finish() && state(question) == DNS_NO_NAME && now_ms == 2200);
}

TEST(it_counts_when_timeoutdns_ends)
{
    uint32_t question = ask_of(2);

    conf.timeout_ms = 2000;
    manners[1] = NO_NAME;
    delays[1] = 750;
    CHECK(finish() && state(question) == DNS_NO_NAME && now_ms == 3000);
    question = ask_of(2);
    conf.timeout_ms = 1000;
    manners[1] = NO_NAME;
    CHECK(finish() && state(question) == DNS_NO_NAME && now_ms == 2000);
}

TEST(it_is_forgotten_when_dropped)
{
    uint32_t question = ask_of(2);

    manners[1] = NO_NAME;
    CHECK(run(1500));
    dns_lookup_drop(&lookup, question);
    CHECK(state(question) == DNS_FAILED && lookup.live_server == 0);
}

/* In the pause everybody has failed. */
TEST(in_the_pause_it_counts)
{
    uint32_t question = ask_of(2);

    manners[0] = manners[1] = SERVFAIL;
    CHECK(run(1500));
    inject_at(attempt_at(question, 1, DNS_FORM_MIXED), NO_NAME);
    CHECK(state(question) == DNS_NO_NAME && finish());
}

TEST(a_longer_answer_is_more_than_a_no)
{
    uint32_t question = ask_of(2);

    /* the first is being asked over TCP as the round ends */
    manners[0] = CUT;
    manners[1] = NO_NAME;
    CHECK(run(1009));
    delays[0] = 1800;
    CHECK(run(2500) && state(question) == DNS_PENDING);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 2810);
    /* which may fail */
    question = ask_of(2);
    manners[0] = CUT;
    manners[1] = NO_NAME;
    CHECK(run(1009));
    manners[0] = LOST;
    delays[0] = 700;
    CHECK(finish() && state(question) == DNS_NO_NAME && now_ms == 1710);
    /* or stall */
    question = ask_of(2);
    manners[0] = CUT;
    manners[1] = NO_NAME;
    CHECK(run(1009));
    manners[0] = SILENT;
    CHECK(finish() && state(question) == DNS_NO_NAME && now_ms == 7000);
}

TEST(a_loop_of_a_hedge_waits_too)
{
    uint32_t question = ask_of(2);

    manners[0] = TELL;
    delays[0] = 600; /* asked anew for each of eight targets */
    manners[1] = ALIAS_LOOP;
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1980);
    question = ask_of(2);
    manners[0] = ALIAS_LOOP;
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 1090);
    question = ask_of(2);
    manners[1] = ALIAS_LOOP;
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 2000);
}

/*
 * Aliases.
 */

TEST(aliases_are_asked_for)
{
    struct dns_name target = name_of("target.com");
    uint32_t question = ask_of(2);

    manners[0] = ALIAS;
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1020);
    CHECK(opens("0:0 10:0"));
    CHECK(dns_name_equal(&events[2].name, &target));
    CHECK(
        dns_name_equal(&dns_lookup_answer(&lookup, question)->target, &target));
}

TEST(an_alias_takes_no_longer_than_a_name)
{
    uint32_t question = ask_of(2);

    manners[1] = ALIAS;
    CHECK(run(1311));
    manners[0] = manners[1] = SILENT;
    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++)
        arrivals[i].due = false;
    CHECK(run(4500));
    CHECK(opens("0:0 300:1 310:0 310:1 1000:1/plain 1300:0/plain 3000:1/again "
                "3300:0/again"));
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 61000);
}

/* The target is asked of all who were asked for the name, and in their order:
 * a hedge's alias lends its "no" no weight. */
TEST(an_alias_of_a_hedge_waits_for_the_first)
{
    uint32_t question = ask_of(3);

    manners[0] = TELL;
    delays[0] = 500;
    manners[1] = ALIAS_NO;
    CHECK(run(1499) && state(question) == DNS_PENDING);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1810);
    CHECK(opens("0:0 300:1 310:0 310:1 610:2"));
    /* it is the first that is slow, and says so too */
    question = ask_of(2);
    manners[0] = ALIAS_NO;
    delays[0] = 350;
    manners[1] = ALIAS_NO;
    CHECK(finish() && state(question) == DNS_NO_NAME && now_ms == 1660);
    CHECK(lookup.tasks[question].server == 0);
    /* or silent */
    question = ask_of(2);
    manners[1] = ALIAS_NO;
    CHECK(finish() && state(question) == DNS_NO_NAME && now_ms == 2000);
    /* or failed before */
    question = ask_of(2);
    manners[0] = SERVFAIL;
    manners[1] = ALIAS_NO;
    CHECK(finish() && state(question) == DNS_NO_NAME && now_ms == 1030);
    CHECK(opens("0:0 10:1 20:1"));
    /* an answer for the target counts at once */
    question = ask_of(2);
    manners[1] = ALIAS;
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1320);
}

TEST(an_alias_undoes_a_no)
{
    uint32_t question = ask_of(3);

    manners[0] = ALIAS;
    delays[0] = 700;
    manners[1] = NO_NAME;
    CHECK(run(1800) && state(question) == DNS_PENDING);
    CHECK(lookup.tasks[question].schedule.no_server == 1); /* of the target */
    CHECK(finish() && state(question) == DNS_NO_NAME && now_ms == 2000);
}

TEST(timeoutdns_caps_a_chain)
{
    uint32_t question = ask_of(2);

    conf.timeout_ms = 1000;
    manners[0] = ALIAS;
    delays[0] = 600;
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 2000);
}

/* What was said of the name says nothing of the target. */
TEST(an_alias_forgets_a_no)
{
    uint32_t question = ask_of(3);

    manners[1] = NO_NAME;
    manners[2] = ALIAS;
    CHECK(run(1605));
    manners[1] = manners[2] = SILENT;
    CHECK(run(1615) && lookup.tasks[question].schedule.asked_count == 3);
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 61000);
}

/* Who failed is left alone, but for the one that knows better now. */
TEST(an_alias_of_one_that_had_failed)
{
    uint32_t question = ask_of(3);

    manners[0] = manners[1] = SERVFAIL;
    CHECK(run(1100) && opens("0:0 10:1 20:2"));
    manners[0] = TELL;
    inject(ALIAS);
    CHECK(finish() && state(question) == DNS_FOUND);
    CHECK(opens("0:0 10:1 20:2 100:0 100:2"));
}

/* From a server that this round has not come to. */
TEST(a_late_alias)
{
    uint32_t question = ask_of(3);

    manners[2] = ALIAS;
    delays[2] = 450; /* asked at 600 */
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 2500);
    CHECK(opens("0:0 300:1 600:2 1000:0/plain 1050:0/plain 1050:1/plain "
                "1050:2/plain"));
}

TEST(alias_in_the_pause)
{
    uint32_t question = ask_of(1);

    manners[0] = SERVFAIL;
    CHECK(run(1500) && lookup.tasks[0].schedule.phase == DNS_PHASE_PAUSE);
    inject(ALIAS);
    manners[0] = TELL;
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1510);
    CHECK(opens("0:0 500:0/plain"));
}

/* It was an answer: what was granted is granted anew. */
TEST(alias_in_the_deciding_round)
{
    uint32_t question = ask_of(1);

    manners[0] = SERVFAIL;
    CHECK(run(2005));
    inject(ALIAS);
    manners[0] = SILENT;
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 61000);
}

TEST(an_alias_keeps_the_form)
{
    uint32_t question = ask_of(1);

    manners[0] = FORMERR_EDNS;
    CHECK(run(1015) && event_count == 2);
    inject_at(attempt_at(question, 0, DNS_FORM_PLAIN), ALIAS);
    CHECK(finish() && state(question) == DNS_FOUND);
    CHECK(opens("0:0 10:0/plain 15:0/plain"));
}

#define CASES(X)                                      \
    X(of_the_first_at_once)                           \
    X(of_a_hedge_waits_for_the_first)                 \
    X(of_a_hedge_counts_when_the_round_ends)          \
    X(of_a_hedge_counts_when_those_before_failed)     \
    X(of_a_hedge_waits_for_all_before_it)             \
    X(it_stops_no_hedge_and_an_answer_counts_at_once) \
    X(the_last_to_answer_is_no_hedge)                 \
    X(what_is_asked_in_the_second_round_waits_too)    \
    X(a_late_one_of_the_first_counts_at_once)         \
    X(it_counts_when_timeoutdns_ends)                 \
    X(it_is_forgotten_when_dropped)                   \
    X(in_the_pause_it_counts)                         \
    X(a_longer_answer_is_more_than_a_no)              \
    X(a_loop_of_a_hedge_waits_too)                    \
    X(aliases_are_asked_for)                          \
    X(an_alias_takes_no_longer_than_a_name)           \
    X(an_alias_of_a_hedge_waits_for_the_first)        \
    X(an_alias_undoes_a_no)                           \
    X(timeoutdns_caps_a_chain)                        \
    X(an_alias_forgets_a_no)                          \
    X(an_alias_of_one_that_had_failed)                \
    X(a_late_alias)                                   \
    X(alias_in_the_pause)                             \
    X(alias_in_the_deciding_round)                    \
    X(an_alias_keeps_the_form)

TEST_MAIN(CASES)
