/* SPDX-License-Identifier: ISC */
#include "dns/stream.h"

#include "dns_server.h"
#include "test.h"

static struct dns_stream stream;

TEST(reads_a_message)
{
    static const char bytes[] = {0, 3, 'a', 'b', 'c'};
    size_t size = 0;

    dns_stream_init(&stream);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        *dns_stream_rx(&stream, &size) = (uint8_t)bytes[i];
        CHECK(size == (i < 2 ? 2 - i : 5 - i));
        CHECK(dns_stream_rx_ack(&stream, 1) == (i == 4));
    }
    CHECK(slice_equal(dns_stream_message(&stream), SLICE("abc")));
}

TEST(what_was_there_is_forgotten)
{
    size_t size = 0;

    dns_stream_init(&stream);
    *dns_stream_rx(&stream, &size) = 9;
    dns_stream_rx_ack(&stream, 1);
    dns_stream_init(&stream);
    CHECK(dns_stream_rx(&stream, &size) == stream.bytes && size == 2);
}

TEST(truncated_goes_to_tcp)
{
    uint32_t question = 0;

    begin(2);
    manners[0] = CUT;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1020);
    CHECK(opens("0:0 10:0/tcp"));
    /* without TCP at that server, the next is asked */
    begin(2);
    manners[0] = CUT;
    manners[1] = TELL;
    question = ask("example.com", DNS_A);
    CHECK(run(1009));
    manners[0] = LOST;
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1030);
    CHECK(opens("0:0 10:0/tcp 20:1"));
}

TEST(use_vc)
{
    uint32_t question = 0;

    begin(2);
    conf.tcp = true;
    manners[0] = TELL;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1010);
    CHECK(opens("0:0/tcp"));
    begin(2);
    conf.tcp = true;
    manners[0] = manners[1] = ALIAS;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FOUND);
    CHECK(opens("0:0/tcp 10:0/tcp"));
    /* the hedge's turn comes when the first server's is over */
    begin(2);
    conf.tcp = true;
    manners[1] = TELL;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 2010);
    CHECK(opens("0:0/tcp 1000:1/tcp"));
}

TEST(packet_once_more)
{
    uint8_t random[DNS_RANDOM_SIZE] = {1, 2, 3}, copy[512];
    struct dns_action action;
    struct slice again;

    begin(1);
    conf.tcp = true;
    ask("example.com", DNS_A);
    dns_lookup_next(&lookup, now_ms, random, &action);
    CHECK(action.tcp && action.attempt == STREAM);
    CHECK(action.packet.size == 2 + 12 + 13 + 4);
    CHECK(action.packet.data[0] == 0 && action.packet.data[1] == 29);
    memcpy(copy, action.packet.data, action.packet.size);
    again = dns_lookup_packet(&lookup, STREAM);
    CHECK(slice_equal(again, slice_of(copy, action.packet.size)));
    dns_lookup_lost(&lookup, STREAM, now_ms);
    CHECK(dns_lookup_packet(&lookup, STREAM).size == 0);
}

TEST(bad_streams)
{
    static const enum manner bad[] = {SERVFAIL, RUBBISH, OTHER_ID, OTHER_NAME,
                                      LOST};
    uint32_t question = 0;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        begin(2);
        conf.tcp = true;
        manners[0] = bad[i];
        manners[1] = TELL;
        question = ask("example.com", DNS_A);
        CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1020);
        CHECK(opens("0:0/tcp 10:1/tcp"));
        CHECK(events[1].act == DNS_ACT_CLOSE && events[1].attempt == STREAM);
    }
}

static void
stream_raw(uint32_t attempt, const char *bytes, size_t size)
{
    size_t room = 0;
    uint8_t *to = dns_lookup_rx(&lookup, attempt, &room);

    if (room < size)
        return;
    memcpy(to, bytes, size);
    dns_lookup_rx_ack(&lookup, attempt, size, now_ms);
}

TEST(stream_lengths)
{
    size_t room = 0;

    begin(1);
    conf.tcp = true;
    ask("example.com", DNS_A);
    CHECK(run(1100));
    CHECK(dns_lookup_rx(&lookup, STREAM, &room) == lookup.stream.bytes);
    CHECK(room == 2);
    stream_raw(STREAM, "\xff", 1);
    CHECK(dns_lookup_rx(&lookup, STREAM, &room) == lookup.stream.bytes + 1);
    CHECK(room == 1);
    stream_raw(STREAM, "\xff", 1);
    CHECK(dns_lookup_rx(&lookup, STREAM, &room) == lookup.stream.bytes + 2);
    CHECK(room == DNS_TCP_SIZE_MAX);
    memset(lookup.stream.bytes + 2, 0, room);
    dns_lookup_rx_ack(&lookup, STREAM, room, now_ms);
    CHECK(!dns_lookup_wants_rx(&lookup, STREAM)); /* rubbish: closed */
    CHECK(lookup.tasks[0].schedule.phase == DNS_PHASE_PAUSE);
    for (size_t size = 0; size < 12; size++) { /* too short for a header */
        begin(1);
        conf.tcp = true;
        ask("example.com", DNS_A);
        CHECK(run(1100));
        stream_raw(STREAM, "\0", 1);
        stream_raw(STREAM, (char[]){(char)size}, 1);
        CHECK(lookup.tasks[0].schedule.phase ==
              (size ? DNS_PHASE_ROUND : DNS_PHASE_PAUSE));
        stream_raw(STREAM, "\0\0\0\0\0\0\0\0\0\0\0", size);
        CHECK(lookup.tasks[0].schedule.phase == DNS_PHASE_PAUSE);
        CHECK(act() && !open_sockets[STREAM]);
    }
}

TEST(stream_in_pieces)
{
    uint32_t question = 0;

    for (size_t step = 1; step < 64; step++) {
        begin(1);
        conf.tcp = true;
        question = ask("example.com", DNS_A);
        CHECK(run(1100));
        put_reply(TELL, true, true, &arrivals[STREAM].question);
        CHECK(stream_in(STREAM, step));
        CHECK(state(question) == DNS_FOUND);
    }
}

TEST(stream_ends_at_each_byte)
{
    uint8_t bytes[512];
    uint32_t question = 0;
    size_t size = 1;

    for (size_t cut = 0; cut < size; cut++) {
        begin(1);
        conf.tcp = true;
        question = ask("example.com", DNS_A);
        CHECK(run(1100));
        put_reply(TELL, true, true, &arrivals[STREAM].question);
        size = packet.buf.used + 2;
        bytes[0] = 0;
        bytes[1] = (uint8_t)packet.buf.used;
        memcpy(bytes + 2, packet.bytes, packet.buf.used);
        for (size_t i = 0; i < cut; i++)
            stream_raw(STREAM, (const char *)bytes + i, 1);
        stream_raw(STREAM, "", 0);
        CHECK(state(question) == DNS_PENDING);
        CHECK(lookup.tasks[0].schedule.phase == DNS_PHASE_PAUSE);
        CHECK(act() && !open_sockets[STREAM]);
    }
}

TEST(one_stream_at_a_time)
{
    uint32_t first = 0, second = 0;
    size_t room = 0;

    begin(1);
    manners[0] = CUT;
    first = ask("a.com", DNS_A);
    second = ask("b.com", DNS_A);
    CHECK(run(1009));
    manners[0] = SILENT;
    CHECK(run(1050) && opens("0:0 0:0 10:0/tcp"));
    stream_raw(STREAM, "\0", 1);
    /* it is over: what was in the buffer is forgotten */
    dns_lookup_lost(&lookup, STREAM, now_ms);
    CHECK(run(1060) && opens("0:0 0:0 10:0/tcp 50:0/tcp"));
    CHECK(lookup.tasks[first].schedule.words[0] == DNS_WORD_BAD);
    dns_lookup_rx(&lookup, STREAM, &room);
    CHECK(room == 2);
    put_reply(TELL, true, true, &arrivals[STREAM].question);
    CHECK(stream_in(STREAM, 3));
    CHECK(state(second) == DNS_FOUND && state(first) == DNS_PENDING);
}

/* They take turns, and go on from round to round. */
TEST(a_stream_that_stalls_starves_nobody)
{
    uint32_t first = 0, second = 0, third = 0;

    begin(1);
    manners[0] = CUT;
    first = ask("a.com", DNS_A);
    second = ask("b.com", DNS_A);
    third = ask("c.com", DNS_A);
    CHECK(run(1009));
    manners[0] = SILENT; /* so the first one's stream is */
    CHECK(run(1010) && act());
    CHECK(dns_lookup_deadline_ms(&lookup) == 2000); /* rounds end */
    CHECK(run(2000));
    CHECK(lookup.tasks[first].schedule.words[0] == DNS_WORD_STREAM);
    CHECK(dns_lookup_deadline_ms(&lookup) == 1010 + 2 * DNS_ROUND_STEP_MS);
    stream_raw(STREAM, "\0", 1); /* progress does not help */
    manners[0] = CUT;
    CHECK(finish());
    CHECK(state(first) == DNS_FOUND && state(second) == DNS_FOUND);
    CHECK(state(third) == DNS_FOUND && now_ms < 6000);
}

TEST(a_slow_one_has_its_turn_in_a_later_round)
{
    uint32_t questions[3];

    begin(1);
    manners[0] = CUT;
    for (uint32_t i = 0; i < 3; i++)
        questions[i] =
            ask((const char *[]){"a.com", "b.com", "c.com"}[i], DNS_A);
    CHECK(run(1009));
    delays[0] = 2500;
    CHECK(finish());
    for (uint32_t i = 0; i < 3; i++)
        CHECK(state(questions[i]) == DNS_FOUND);
}

TEST(a_stream_alone_has_more_time)
{
    uint32_t question = 0;

    begin(1);
    manners[0] = CUT;
    question = ask("a.com", DNS_A);
    CHECK(run(1009));
    delays[0] = DNS_STREAM_MS - 1;
    CHECK(finish() && state(question) == DNS_FOUND);
    CHECK(now_ms == 1010 + DNS_STREAM_MS - 1);
    /* then it counts as silence, and the next round asks again */
    begin(1);
    manners[0] = CUT;
    question = ask("a.com", DNS_A);
    CHECK(run(1009));
    manners[0] = SILENT;
    CHECK(run(6500) && state(question) == DNS_PENDING);
    CHECK(opens("0:0 10:0/tcp 1000:0/plain 3000:0/again"));
    manners[0] = CUT;
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 7020);
}

/* A box that lets no TCP through, or sets TC without a cause: what fits in
 * a plain answer comes all the same. */
TEST(a_datagram_may_be_sooner_than_the_stream)
{
    uint32_t question = 0;

    begin(1);
    manners[0] = CUT;
    question = ask("a.com", DNS_A);
    CHECK(run(1009));
    manners[0] = SILENT;
    CHECK(run(1999));
    manners[0] = TELL;
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 2010);
    CHECK(opens("0:0 10:0/tcp 1000:0/plain"));
    CHECK(!open_sockets[STREAM]);
    /* a bad one has no vote */
    begin(1);
    manners[0] = CUT;
    question = ask("a.com", DNS_A);
    CHECK(run(1009));
    manners[0] = TELL;
    delays[0] = 1500;
    CHECK(run(1999));
    manners[0] = SERVFAIL;
    delays[0] = 10;
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 2510);
}

TEST(a_stream_that_fails_late_hurries_nobody)
{
    begin(3);
    manners[0] = CUT;
    ask("a.com", DNS_A);
    CHECK(run(1009));
    manners[0] = SILENT;
    CHECK(run(1999) && opens("0:0 10:0/tcp 300:1 600:2"));
    lookup.live_server = 1; /* where the next round begins */
    CHECK(run(2010));
    dns_lookup_lost(&lookup, STREAM, now_ms);
    CHECK(run(2299));
    CHECK(opens("0:0 10:0/tcp 300:1 600:2 1000:1/plain"));
    CHECK(run(2650));
    CHECK(opens("0:0 10:0/tcp 300:1 600:2 1000:1/plain 1300:2/plain "
                "1600:0/plain"));
}

/* A bad word that was there before is undone, in the pause too, which does not
 * grow. */
TEST(a_cut_answer_behind_a_bad_one)
{
    uint32_t question = 0;

    begin(1);
    manners[0] = SERVFAIL;
    question = ask("example.com", DNS_A);
    CHECK(run(1500) && lookup.tasks[0].schedule.phase == DNS_PHASE_PAUSE);
    inject(CUT);
    manners[0] = LOST;
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 2020);
    CHECK(opens("0:0 500:0/tcp 1010:0/plain"));
    begin(1);
    manners[0] = SERVFAIL;
    question = ask("example.com", DNS_A);
    CHECK(run(1500));
    inject(CUT);
    manners[0] = TELL;
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1510);
}

TEST(timeoutdns_caps_a_stream)
{
    uint32_t question = 0;

    begin(2);
    conf.timeout_ms = 1500;
    manners[0] = CUT;
    question = ask("example.com", DNS_A);
    CHECK(run(1009));
    manners[0] = SILENT;
    CHECK(finish() && state(question) == DNS_FAILED && now_ms == 2500);
    /* who waits for its turn has no more time */
    begin(1);
    conf.tcp = true;
    conf.timeout_ms = 2000;
    question = ask("example.com", DNS_A);
    ask("example.net", DNS_A);
    CHECK(finish() && now_ms == 3000 && state(question) == DNS_FAILED);
}

TEST(use_vc_takes_turns_for_long)
{
    uint32_t questions[3];

    begin(1);
    conf.tcp = true;
    for (uint32_t i = 0; i < 3; i++)
        questions[i] =
            ask((const char *[]){"a.com", "b.com", "c.com"}[i], DNS_A);
    CHECK(run(1000 + 4500));
    manners[0] = TELL;
    CHECK(finish() && now_ms < 7100);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(state(questions[i]) == DNS_FOUND);
}

TEST(a_stream_of_a_dropped_question_ends)
{
    begin(1);
    conf.tcp = true;
    ask("a.com", DNS_A);
    ask("b.com", DNS_A);
    CHECK(run(1100) && opens("0:0/tcp"));
    dns_lookup_drop(&lookup, 0);
    CHECK(run(1101) && opens("0:0/tcp 100:0/tcp"));
}

#define CASES(X)                                \
    X(reads_a_message)                          \
    X(what_was_there_is_forgotten)              \
    X(truncated_goes_to_tcp)                    \
    X(use_vc)                                   \
    X(packet_once_more)                         \
    X(bad_streams)                              \
    X(stream_lengths)                           \
    X(stream_in_pieces)                         \
    X(stream_ends_at_each_byte)                 \
    X(one_stream_at_a_time)                     \
    X(a_stream_that_stalls_starves_nobody)      \
    X(a_slow_one_has_its_turn_in_a_later_round) \
    X(a_stream_alone_has_more_time)             \
    X(a_datagram_may_be_sooner_than_the_stream) \
    X(a_stream_that_fails_late_hurries_nobody)  \
    X(a_cut_answer_behind_a_bad_one)            \
    X(timeoutdns_caps_a_stream)                 \
    X(use_vc_takes_turns_for_long)              \
    X(a_stream_of_a_dropped_question_ends)

TEST_MAIN(CASES)
