/* SPDX-License-Identifier: ISC */
#include "dns/lookup.h"

#include "dns_server.h"
#include "test.h"

TEST(finds)
{
    uint32_t a = 0, aaaa = 0, mx = 0;
    struct dns_name name = name_of("mx.example.com");

    begin(2);
    manners[0] = TELL;
    a = ask("example.com", DNS_A);
    aaaa = ask("example.com", DNS_AAAA);
    mx = ask("example.com", DNS_MX);
    CHECK(a == 0 && aaaa == 1 && mx == 2);
    CHECK(dns_lookup_deadline_ms(&lookup) <= now_ms);
    CHECK(finish() && now_ms == 1010);
    CHECK(state(a) == DNS_FOUND && state(aaaa) == DNS_FOUND);
    CHECK(state(mx) == DNS_FOUND);
    CHECK(dns_lookup_answer(&lookup, a)->address_count == 1);
    CHECK(dns_lookup_answer(&lookup, a)->addresses[0].bytes[3] == 99);
    CHECK(dns_name_equal(&dns_lookup_answer(&lookup, mx)->mx->items[0].name,
                         &name));
    CHECK(opens("0:0 0:0 0:0"));
}

TEST(no_such_name)
{
    uint32_t question = 0;

    begin(2);
    manners[0] = NO_NAME;
    question = ask("example.com", DNS_A);
    CHECK(finish() && now_ms == 1010 && state(question) == DNS_NO_NAME);
}

/* For the probe. */
TEST(who_answered_and_when_is_kept)
{
    uint32_t question = 0;

    begin(2);
    manners[1] = TELL;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FOUND);
    CHECK(lookup.tasks[question].asked_ms == 1000);
    CHECK(lookup.tasks[question].answered_ms == now_ms && now_ms == 1310);
    CHECK(lookup.tasks[question].server == 1);
    CHECK(!lookup.tasks[question].dropped);
}

TEST(what_failed_and_how_is_kept)
{
    uint32_t question = 0, dropped = 0;

    begin(2);
    manners[0] = manners[1] = SERVFAIL;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FAILED);
    CHECK(lookup.tasks[question].answered_ms == now_ms);
    CHECK(lookup.tasks[question].server == 1);
    for (int i = 0; i < 2; i++)
        CHECK(lookup.tasks[question].said[i] ==
              DNS_SAID_ERROR + DNS_RCODE_SERVFAIL);
    dropped = ask("example.com", DNS_AAAA);
    dns_lookup_drop(&lookup, dropped);
    CHECK(lookup.tasks[dropped].dropped && !lookup.tasks[question].dropped);
    CHECK(lookup.tasks[dropped].said[0] == DNS_SAID_UNASKED);
}

TEST(who_failed_and_who_was_silent_is_kept)
{
    uint32_t question = 0;

    begin(2);
    manners[0] = SERVFAIL;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 61000);
    CHECK(lookup.tasks[question].server == 0);
    CHECK(lookup.tasks[question].answered_ms > 1000);
    CHECK(lookup.tasks[question].answered_ms < now_ms);
    CHECK(lookup.tasks[question].said[0] ==
          DNS_SAID_ERROR + DNS_RCODE_SERVFAIL);
    CHECK(lookup.tasks[question].said[1] == DNS_SAID_NOTHING);
    begin(2);
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FAILED);
    CHECK(lookup.tasks[question].answered_ms == 0);
}

TEST(random_is_used)
{
    static const uint8_t random[DNS_RANDOM_SIZE] = {0xab, 0xcd, 0x05};
    struct dns_action action;

    begin(1);
    ask("example.com", DNS_A);
    dns_lookup_next(&lookup, now_ms, random, &action);
    CHECK(action.act == DNS_ACT_OPEN && !action.tcp && action.attempt == 0);
    CHECK(action.server.port == 53 && action.server.addr.bytes[3] == 1);
    CHECK(action.packet.data[0] == 0xab && action.packet.data[1] == 0xcd);
    CHECK(memcmp(action.packet.data + 12, "\7ExAmple\3com", 13) == 0);
    dns_lookup_next(&lookup, now_ms, random, &action);
    CHECK(action.act == DNS_ACT_NONE);
}

TEST(same_question_is_asked_once)
{
    begin(1);
    CHECK(ask("example.com", DNS_A) == 0);
    CHECK(ask("Example.COM", DNS_A) == 0);
    CHECK(ask("example.com", DNS_AAAA) == 1);
    CHECK(ask("example.net", DNS_A) == 2);
    CHECK(ask("example.com", DNS_MX) == 3);
    CHECK(ask("EXAMPLE.com", DNS_MX) == 3);
    CHECK(ask("example.net", DNS_MX) == UINT32_MAX);
}

TEST(bounds_questions)
{
    char name[] = "a0.com";

    begin(4);
    for (uint32_t i = 0; i < DNS_QUESTION_COUNT_MAX; i++) {
        name[0] = (char)('a' + i % 26);
        name[1] = (char)('0' + i / 26);
        CHECK(ask(name, DNS_A) == i);
    }
    CHECK(ask("example.com", DNS_A) == UINT32_MAX);
    CHECK(ask("a0.com", DNS_A) == 0);
    manners[3] = TELL;
    CHECK(finish());
    for (uint32_t i = 0; i < DNS_QUESTION_COUNT_MAX; i++)
        CHECK(state(i) == DNS_FOUND);
}

/* The others wait for the first to be answered, and their time does not run. */
TEST(so_many_are_asked_at_a_time)
{
    char name[] = "a.com";

    begin(1);
    conf.timeout_ms = 5000;
    for (uint32_t i = 0; i < DNS_PENDING_COUNT_MAX + 2u; i++) {
        name[0] = (char)('a' + i);
        ask(name, DNS_A);
    }
    CHECK(act() && event_count == DNS_PENDING_COUNT_MAX);
    CHECK(dns_lookup_deadline_ms(&lookup) == 2000);
    CHECK(run(1500) && event_count == DNS_PENDING_COUNT_MAX);
    dns_lookup_drop(&lookup, 3);
    CHECK(dns_lookup_deadline_ms(&lookup) <= now_ms);
    CHECK(act() && event_count == DNS_PENDING_COUNT_MAX + 2u);
    CHECK(events[event_count - 1].act == DNS_ACT_OPEN);
    manners[0] = TELL;
    inject(TELL);
    CHECK(act() && event_count == DNS_PENDING_COUNT_MAX + 4u);
    CHECK(run(1600) && state(DNS_PENDING_COUNT_MAX + 1u) == DNS_FOUND);
    CHECK(state(4) == DNS_PENDING);
    CHECK(finish() && state(4) == DNS_FOUND);
    /* one that waits may be dropped */
    begin(1);
    for (uint32_t i = 0; i < DNS_PENDING_COUNT_MAX + 1u; i++) {
        name[0] = (char)('a' + i);
        ask(name, DNS_A);
    }
    CHECK(act());
    dns_lookup_drop(&lookup, DNS_PENDING_COUNT_MAX);
    CHECK(state(DNS_PENDING_COUNT_MAX) == DNS_FAILED);
    CHECK(finish() && now_ms == 61000);
}

TEST(hedges)
{
    uint32_t question = 0;

    begin(3);
    question = ask("example.com", DNS_A);
    CHECK(run(10999));
    CHECK(opens("0:0 300:1 600:2 1000:0/plain 1300:1/plain 1600:2/plain "
                "3000:0/again 3300:1/again 3600:2/again "
                "6000:0/again 6300:1/again 6600:2/again"));
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 61000);
}

TEST(rounds)
{
    uint32_t question = 0;

    begin(1);
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 61000);
    CHECK(opens("0:0 1000:0/plain 3000:0/again 6000:0/again 10000:0/again "
                "13000:0/again 15000:0/again 18000:0/again 20000:0/again "
                "23000:0/again 25000:0/again 28000:0/again 30000:0/again "
                "33000:0/again 35000:0/again 38000:0/again 40000:0/again "
                "43000:0/again 45000:0/again 48000:0/again 50000:0/again "
                "53000:0/again 55000:0/again 58000:0/again"));
}

/* So a dead first server is waited for once, not for every question. */
TEST(who_answered_is_asked_first)
{
    uint32_t first = 0;
    uint32_t second = 0;

    begin(3);
    manners[1] = TELL;
    first = ask("example.com", DNS_A);
    CHECK(finish() && state(first) == DNS_FOUND && now_ms == 1310);
    second = ask("example.net", DNS_A);
    CHECK(finish() && state(second) == DNS_FOUND && now_ms == 1320);
    manners[1] = SERVFAIL;
    manners[0] = TELL;
    first = ask("example.org", DNS_A);
    CHECK(finish() && state(first) == DNS_FOUND);
    CHECK(opens("0:0 300:1 310:1 320:1 330:2 630:0"));
    second = ask("example.info", DNS_A);
    CHECK(finish() && state(second) == DNS_FOUND);
    CHECK(opens("0:0 300:1 310:1 320:1 330:2 630:0 640:0"));
    /* a "no" that was kept counts too */
    manners[0] = SILENT;
    manners[2] = NO_NAME;
    first = ask("example.mail", DNS_A);
    CHECK(run(now_ms + 900) && state(first) == DNS_PENDING);
    CHECK(run(now_ms + 200) && state(first) == DNS_NO_NAME);
    second = ask("example.post", DNS_A);
    CHECK(act() && events[event_count - 1].server == 2);
}

TEST(slow_servers_are_listened_to)
{
    uint32_t question = 0;

    begin(2);
    manners[0] = TELL;
    delays[0] = 999; /* and asked anew at 1000 */
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1999);
    CHECK(opens("0:0 300:1"));
    begin(2);
    manners[1] = TELL;
    delays[1] = 999; /* asked at 300, answers in the second round */
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 2299);
    CHECK(opens("0:0 300:1 1000:0/plain"));
}

TEST(refusal_hurries)
{
    static const enum manner bad[] = {SERVFAIL, REFUSED, LOST};
    uint32_t question = 0;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        begin(4);
        manners[0] = manners[1] = bad[i];
        manners[3] = TELL;
        question = ask("example.com", DNS_A);
        CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1330);
        CHECK(opens("0:0 10:1 20:2 320:3"));
    }
}

TEST(all_refuse)
{
    static const enum manner bad[] = {SERVFAIL, LOST};
    uint32_t question = 0;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        begin(2);
        manners[0] = manners[1] = bad[i];
        question = ask("example.com", DNS_A);
        CHECK(finish() && state(question) == DNS_FAILED && now_ms == 2040);
        CHECK(opens("0:0 10:1 1020:0/plain 1030:1/plain"));
    }
    /* rubbish is asked for without EDNS first */
    begin(2);
    manners[0] = manners[1] = RUBBISH;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 2060);
    CHECK(opens("0:0 10:0/plain 20:1 30:1/plain 1040:0/again 1050:1/again"));
    /* the deciding round is one, however slow */
    begin(2);
    manners[0] = manners[1] = SERVFAIL;
    question = ask("example.com", DNS_A);
    CHECK(run(1500));
    manners[0] = SILENT;
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 4020);
    CHECK(opens("0:0 10:1 1020:0/plain 1320:1/plain"));
    /* however late */
    begin(1);
    question = ask("example.com", DNS_A);
    CHECK(run(17000));
    inject_at(attempt_at(question, 0, DNS_FORM_PLAIN), SERVFAIL);
    CHECK(finish() && state(question) == DNS_FAILED);
    CHECK(now_ms == 17000 + 1000 + 5000);
    /* and may bring the answer */
    begin(2);
    manners[0] = manners[1] = SERVFAIL;
    question = ask("example.com", DNS_A);
    CHECK(run(1500));
    manners[0] = TELL;
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 2030);
}

TEST(one_refuses_one_is_silent)
{
    uint32_t question = 0;

    begin(2);
    manners[0] = SERVFAIL;
    question = ask("example.com", DNS_A);
    CHECK(run(6500));
    CHECK(
        opens("0:0 10:1 1000:0/plain 1010:1/plain 3000:0/again 3010:1/again"));
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 61000);
}

TEST(refusers_are_still_listened_to)
{
    static const enum manner bad[] = {SERVFAIL, REFUSED, RUBBISH, OTHER_ID,
                                      OTHER_NAME};
    uint32_t question = 0;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        begin(1);
        question = ask("example.com", DNS_A);
        CHECK(run(1100));
        for (int n = 0; n < 1000; n++)
            inject(bad[i]);
        CHECK(state(question) == DNS_PENDING);
        CHECK(dns_lookup_wants_rx(&lookup, 0));
        CHECK(act() && event_count == (bad[i] == RUBBISH ? 2 : 1));
        inject(TELL);
        CHECK(state(question) == DNS_FOUND);
        CHECK(act() && !open_sockets[0]);
    }
}

TEST(junk_extends_no_deadline)
{
    static const enum manner junk[] = {OTHER_ID, OTHER_NAME};
    uint32_t question = 0;

    for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
        begin(1);
        question = ask("example.com", DNS_A);
        for (now_ms = 1000; now_ms < 61000; now_ms += 50) {
            CHECK(act() && state(question) == DNS_PENDING);
            inject(junk[i]);
            dns_lookup_tick(&lookup, now_ms + 50);
        }
        CHECK(state(question) == DNS_FAILED);
    }
    /* nor does a bad reply hurry more than once a round */
    begin(4);
    ask("example.com", DNS_A);
    CHECK(run(1100));
    for (int n = 0; n < 100; n++)
        inject(SERVFAIL);
    CHECK(act() && opens("0:0 100:1"));
}

TEST(late_refusals_hurry_nobody)
{
    begin(3);
    manners[2] = SERVFAIL;
    delays[2] = 500; /* asked at 600, refuses at 1100 */
    ask("example.com", DNS_A);
    CHECK(run(2299) && opens("0:0 300:1 600:2 1000:0/plain"));
    CHECK(run(2700) && opens("0:0 300:1 600:2 1000:0/plain 1300:1/plain "
                             "1600:2/plain"));
}

TEST(timeoutdns_caps)
{
    uint32_t question = 0;

    begin(2);
    conf.timeout_ms = 1500;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 2500);
    CHECK(opens("0:0 300:1 1000:0/plain 1300:1/plain"));
    /* from the moment a question was asked */
    begin(1);
    conf.timeout_ms = 2000;
    question = ask("a.com", DNS_A);
    CHECK(run(2500));
    question = ask("b.com", DNS_A);
    CHECK(run(3500) && state(0) == DNS_FAILED);
    CHECK(state(question) == DNS_PENDING);
    CHECK(finish() && now_ms == 4500 && state(question) == DNS_FAILED);
    /* it never lengthens the schedule */
    begin(1);
    conf.timeout_ms = 600000;
    question = ask("a.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 61000);
}

TEST(options_change_no_schedule)
{
    uint32_t question = 0;

    begin(1);
    dns_conf_line(&conf, SLICE("options attempts:1 timeout:1"));
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 61000);
    begin(1);
    dns_conf_line(&conf, SLICE("options timeout:5 attempts:2"));
    manners[0] = TELL;
    delays[0] = 4500;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 5500);
}

TEST(dropped)
{
    uint32_t question = 0;

    begin(2);
    question = ask("example.com", DNS_A);
    CHECK(run(1400) && open_sockets[0] && open_sockets[2]);
    dns_lookup_drop(&lookup, question);
    CHECK(!dns_lookup_pending(&lookup) && state(question) == DNS_FAILED);
    CHECK(!dns_lookup_wants_rx(&lookup, 0));
    inject(TELL); /* what was under way already */
    dns_lookup_rx_ack(&lookup, 0, 40, now_ms);
    dns_lookup_lost(&lookup, 2, now_ms);
    CHECK(state(question) == DNS_FAILED);
    CHECK(finish());
    CHECK(ask("example.com", DNS_A) == question);
    dns_lookup_drop(&lookup, ask("never.asked", DNS_A));
    CHECK(finish() && opens("0:0 300:1"));
    begin(1);
    manners[0] = TELL;
    question = ask("example.com", DNS_A);
    CHECK(finish());
    dns_lookup_drop(&lookup, question);
    CHECK(state(question) == DNS_FOUND);
}

/* Something happens to a random attempt, mostly what could. */
static void
make_noise(uint64_t noise)
{
    uint32_t attempt = (uint32_t)(noise >> 33) % 17;
    enum manner manner = (enum manner)((noise >> 40) % (LOST + 1));

    if (attempt == 16)
        attempt = STREAM;
    if (manner == LOST) {
        dns_lookup_lost(&lookup, attempt, now_ms);
        return;
    }
    put_reply(manner, true, true, &arrivals[attempt].question);
    if ((noise >> 50) % 2)
        packet.bytes[(noise >> 20) % packet.buf.used] = (uint8_t)(noise >> 56);
    if (attempt == STREAM)
        stream_in(attempt, 1 + (noise >> 30) % 50);
    else
        datagram_in(attempt);
}

/* Whatever comes and when: it ends within its time, every socket closed. */
TEST(survives_noise)
{
    uint64_t noise = 1;

    for (uint32_t turn = 0; turn < 300; turn++) {
        begin(1 + turn % 4);
        conf.tcp = turn % 3 == 0;
        ask("example.com", turn % 2 ? DNS_A : DNS_MX);
        ask("example.net", DNS_AAAA);
        while (dns_lookup_pending(&lookup)) {
            CHECK(now_ms <= 1000 + 61000 && act());
            noise = noise * UINT64_C(6364136223846793005) + 1442695040888963407;
            if (noise >> 62)
                make_noise(noise);
            now_ms += (int64_t)(noise >> 36) % 200;
            dns_lookup_tick(&lookup, now_ms);
        }
        CHECK(act() && finish());
    }
}

#define CASES(X)                             \
    X(finds)                                 \
    X(no_such_name)                          \
    X(who_answered_and_when_is_kept)         \
    X(what_failed_and_how_is_kept)           \
    X(who_failed_and_who_was_silent_is_kept) \
    X(random_is_used)                        \
    X(same_question_is_asked_once)           \
    X(bounds_questions)                      \
    X(so_many_are_asked_at_a_time)           \
    X(hedges)                                \
    X(rounds)                                \
    X(who_answered_is_asked_first)           \
    X(slow_servers_are_listened_to)          \
    X(refusal_hurries)                       \
    X(all_refuse)                            \
    X(one_refuses_one_is_silent)             \
    X(refusers_are_still_listened_to)        \
    X(junk_extends_no_deadline)              \
    X(late_refusals_hurry_nobody)            \
    X(timeoutdns_caps)                       \
    X(options_change_no_schedule)            \
    X(dropped)                               \
    X(survives_noise)

TEST_MAIN(CASES)
