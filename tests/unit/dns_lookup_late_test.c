/* SPDX-License-Identifier: ISC */
/* Which form a question has, when it is put again, and which answers are still
 * heard. */
#include "dns/lookup.h"

#include "dns_server.h"
#include "test.h"

/* The server answers a question so long after it was put first. */
static bool
is_heard_after(int64_t delay_ms)
{
    uint32_t question = 0;

    begin(1);
    manners[0] = TELL;
    delays[0] = delay_ms;
    question = ask("example.com", DNS_A);
    return finish() && state(question) == DNS_FOUND &&
           now_ms == 1000 + delay_ms;
}

TEST(the_first_question_is_listened_to_all_the_time)
{
    static const int64_t delays_ms[] = {999,  1001,  2999,  3001,
                                        9999, 10001, 17500, 59999};

    for (size_t i = 0; i < sizeof(delays_ms) / sizeof(delays_ms[0]); i++)
        CHECK(is_heard_after(delays_ms[i]));
    CHECK(!is_heard_after(60000));
}

/* Of the later ones too, by the one socket they share. */
TEST(every_question_is_listened_to)
{
    static const int64_t asked_ms[] = {1000, 3000, 6000, 10000, 55000};
    uint32_t question = 0;

    for (size_t i = 0; i < sizeof(asked_ms) / sizeof(asked_ms[0]); i++) {
        begin(1);
        question = ask("example.com", DNS_A);
        CHECK(run(1000 + asked_ms[i] - 1));
        manners[0] = TELL;
        delays[0] = 4900;
        CHECK(run(1000 + asked_ms[i]));
        CHECK(act());
        manners[0] = SILENT;
        CHECK(finish() && state(question) == DNS_FOUND);
        CHECK(now_ms == 1000 + asked_ms[i] + 4900);
    }
}

/* As Unbound does: who asks gets an answer if it comes soon. */
TEST(a_resolver_that_answers_repeated_questions_only)
{
    static const struct {
        int64_t known_ms, told_ms;
    } cases[] = {{500, 500},     {3100, 3100},   {5950, 6000},
                 {6300, 6300},   {11950, 13000}, {17500, 18000},
                 {18200, 18200}, {59000, 59000}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t question = 0;
        int64_t last_ms = 0;

        begin(1);
        question = ask("example.com", DNS_A);
        CHECK(run(1000 + cases[i].known_ms));
        CHECK(act());
        last_ms = events[event_count - 1].at_ms;
        if (now_ms - last_ms <= 1900)
            inject_at(events[event_count - 1].attempt, TELL);
        manners[0] = TELL;
        delays[0] = 0;
        CHECK(finish() && state(question) == DNS_FOUND);
        CHECK(now_ms == 1000 + cases[i].told_ms);
    }
}

TEST(two_sockets_a_server_whatever_comes)
{
    uint32_t question = 0, open = 0;

    begin(4);
    question = ask("example.com", DNS_A);
    CHECK(run(50000));
    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++)
        open += open_sockets[i];
    CHECK(open == 8);
    for (uint32_t server = 0; server < 4; server++)
        for (uint32_t form = 0; form < DNS_FORM_COUNT; form++)
            CHECK(dns_lookup_wants_rx(
                &lookup, attempt_at(question, server, (enum dns_form)form)));
}

TEST(what_is_put_again_is_the_same)
{
    struct dns_action first = {.act = DNS_ACT_CLOSE}, again = first;
    uint8_t random[DNS_RANDOM_SIZE] = {0}, copy[DNS_QUERY_SIZE_MAX];
    size_t size = 0;

    begin(1);
    ask("example.com", DNS_A);
    CHECK(run(1999));
    dns_lookup_tick(&lookup, 2000);
    random[0] = 7;
    dns_lookup_next(&lookup, 2000, random, &first);
    CHECK(first.act == DNS_ACT_OPEN && first.packet.data[0] == 7);
    size = first.packet.size;
    memcpy(copy, first.packet.data, size);
    dns_lookup_tick(&lookup, 4000);
    random[0] = 8;
    dns_lookup_next(&lookup, 4000, random, &again);
    CHECK(again.act == DNS_ACT_SEND && again.attempt == first.attempt);
    CHECK(again.attempt != 0 && !again.tcp);
    CHECK(slice_equal(again.packet, slice_of(copy, size)));
    CHECK(memcmp(copy + 12, "\7example\3com", 13) == 0);
}

/* One that is lost is opened anew, with other random bytes. */
TEST(a_lost_socket_is_replaced)
{
    uint32_t question = 0;

    begin(2);
    question = ask("example.com", DNS_A);
    CHECK(run(2500));
    dns_lookup_lost(&lookup, attempt_at(question, 0, DNS_FORM_PLAIN), now_ms);
    /* the first round's is none that was put last */
    dns_lookup_lost(&lookup, attempt_at(question, 1, DNS_FORM_MIXED), now_ms);
    CHECK(run(5000));
    CHECK(opens("0:0 300:1 1000:0/plain 1300:1/plain 3000:0/plain "
                "3300:1/again"));
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 61000);
}

/*
 * Without EDNS, and in lower case.
 */

TEST(asks_without_edns)
{
    static const enum manner edns[] = {FORMERR_EDNS, RUBBISH_EDNS};
    uint32_t question = 0;

    for (size_t i = 0; i < sizeof(edns) / sizeof(edns[0]); i++) {
        begin(2);
        manners[0] = edns[i];
        question = ask("example.com", DNS_A);
        CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1020);
        CHECK(opens("0:0 10:0/plain"));
    }
    begin(2);
    manners[0] = SILENT_EDNS;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 2010);
    CHECK(opens("0:0 300:1 1000:0/plain"));
}

/* The first form is still listened to, but has no vote any more. */
TEST(both_forms_are_listened_to)
{
    uint32_t question = 0;

    begin(2);
    question = ask("example.com", DNS_A);
    CHECK(run(1010));
    inject(RUBBISH);
    CHECK(act() && opens("0:0 10:0/plain"));
    inject(SERVFAIL);
    inject(FORMERR_EDNS);
    inject(RUBBISH);
    CHECK(act() && event_count == 2);
    inject_at(attempt_at(question, 0, DNS_FORM_PLAIN), SERVFAIL);
    CHECK(act() && opens("0:0 10:0/plain 10:1"));
    inject(TELL);
    CHECK(state(question) == DNS_FOUND && finish());
}

TEST(case_makes_it_be_asked_in_lower_case_at_once)
{
    struct dns_name lower = name_of("example.com");
    uint32_t question = 0;

    begin(1);
    conf.timeout_ms = 1000;
    manners[0] = TELL_LOW;
    question = ask("Example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1020);
    CHECK(opens("0:0 10:0/plain"));
    CHECK(!dns_name_identical(&events[0].name, &lower));
    CHECK(dns_name_identical(&events[1].name, &lower));
    /* so does a forged one, and the right one is heard all the same */
    begin(1);
    question = ask("example.com", DNS_A);
    CHECK(run(1100));
    inject(TELL_LOW);
    inject(TELL_LOW);
    CHECK(state(question) == DNS_PENDING);
    CHECK(act() && opens("0:0 100:0/plain"));
    inject(TELL);
    CHECK(state(question) == DNS_FOUND && finish());
}

TEST(case_matters_of_the_first_form_only)
{
    static const uint8_t upper[DNS_CASE_SIZE] = {0xff, 0xff};
    uint32_t question = 0, plain = 0;

    begin(1);
    question = ask("example.com", DNS_A);
    CHECK(run(2100));
    plain = attempt_at(question, 0, DNS_FORM_PLAIN);
    dns_name_lower(&arrivals[0].question.name);
    inject(TELL);
    CHECK(state(question) == DNS_PENDING);
    dns_name_mix(&arrivals[plain].question.name, upper);
    inject_at(plain, TELL);
    CHECK(state(question) == DNS_FOUND);
}

TEST(who_failed_is_not_asked_once_more)
{
    begin(2);
    ask("example.com", DNS_A);
    CHECK(run(1010));
    inject(SERVFAIL);
    inject(RUBBISH);
    CHECK(act() && opens("0:0 10:1"));
}

/* A hedge is asked in the first form, whatever the first server likes. */
TEST(each_server_has_its_form)
{
    begin(2);
    manners[0] = RUBBISH_EDNS;
    delays[0] = 350;
    ask("example.com", DNS_A);
    CHECK(run(1699) && opens("0:0 300:1 350:0/plain"));
}

#define CASES(X)                                       \
    X(the_first_question_is_listened_to_all_the_time)  \
    X(every_question_is_listened_to)                   \
    X(a_resolver_that_answers_repeated_questions_only) \
    X(two_sockets_a_server_whatever_comes)             \
    X(what_is_put_again_is_the_same)                   \
    X(a_lost_socket_is_replaced)                       \
    X(asks_without_edns)                               \
    X(both_forms_are_listened_to)                      \
    X(case_makes_it_be_asked_in_lower_case_at_once)    \
    X(case_matters_of_the_first_form_only)             \
    X(who_failed_is_not_asked_once_more)               \
    X(each_server_has_its_form)

TEST_MAIN(CASES)
