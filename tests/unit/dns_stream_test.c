/* SPDX-License-Identifier: ISC */
#include "dns/stream.h"

#include "dns_server.h"
#include "test.h"

static struct dns_stream stream;

TEST(reads_one_message_at_a_time)
{
    static const char bytes[] = {0, 3, 'a', 'b', 'c'};
    size_t size = 0;
    struct slice message;

    dns_stream_init(&stream);
    CHECK(!dns_stream_is_held(&stream));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        *dns_stream_rx(&stream, 5, &size) = (uint8_t)bytes[i];
        CHECK(size == (i < 2 ? 2 - i : 5 - i));
        CHECK(dns_stream_rx_ack(&stream, 5, 1, 77) == (i == 4));
        CHECK(stream.since_ms == 77 && !dns_stream_is_for(&stream, 4));
        dns_stream_release(&stream, 4);
        CHECK(dns_stream_is_held(&stream) && dns_stream_is_for(&stream, 5));
    }
    message = dns_stream_message(&stream);
    CHECK(slice_equal(message, SLICE("abc")));
    CHECK(!dns_stream_is_held(&stream) && dns_stream_is_for(&stream, 4));
}

TEST(released_bytes_are_forgotten)
{
    size_t size = 0;

    dns_stream_init(&stream);
    *dns_stream_rx(&stream, 1, &size) = 9;
    dns_stream_rx_ack(&stream, 1, 1, 0);
    dns_stream_release(&stream, 1);
    CHECK(!dns_stream_is_held(&stream));
    CHECK(dns_stream_rx(&stream, 2, &size) == stream.bytes && size == 2);
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
    manners[1] = TELL;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FOUND && now_ms == 1310);
    CHECK(opens("0:0/tcp 300:1/tcp"));
    begin(2);
    conf.tcp = true;
    manners[0] = manners[1] = ALIAS;
    question = ask("example.com", DNS_A);
    CHECK(finish() && state(question) == DNS_FOUND);
    CHECK(opens("0:0/tcp 10:0/tcp"));
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
    CHECK(action.tcp && action.packet.size == 2 + 12 + 13 + 4 + 11);
    CHECK(action.packet.data[0] == 0 && action.packet.data[1] == 40);
    memcpy(copy, action.packet.data, action.packet.size);
    again = dns_lookup_packet(&lookup, 0);
    CHECK(slice_equal(again, slice_of(copy, action.packet.size)));
    dns_lookup_lost(&lookup, 0, now_ms);
    CHECK(dns_lookup_packet(&lookup, 0).size == 0);
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
        CHECK(events[1].act == DNS_ACT_CLOSE && events[1].attempt == 0);
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
    CHECK(dns_lookup_rx(&lookup, 0, &room) == lookup.stream.bytes && room == 2);
    stream_raw(0, "\xff", 1);
    CHECK(dns_lookup_rx(&lookup, 0, &room) == lookup.stream.bytes + 1 &&
          room == 1);
    stream_raw(0, "\xff", 1);
    CHECK(dns_lookup_rx(&lookup, 0, &room) == lookup.stream.bytes + 2);
    CHECK(room == DNS_TCP_SIZE_MAX);
    memset(lookup.stream.bytes + 2, 0, room);
    dns_lookup_rx_ack(&lookup, 0, room, now_ms);
    CHECK(!dns_lookup_wants_rx(&lookup, 0)); /* rubbish: closed */
    CHECK(lookup.tasks[0].phase == DNS_PHASE_PAUSE);
    for (size_t size = 0; size < 12; size++) { /* too short for a header */
        begin(1);
        conf.tcp = true;
        ask("example.com", DNS_A);
        CHECK(run(1100));
        stream_raw(0, "\0", 1);
        stream_raw(0, (char[]){(char)size}, 1);
        CHECK(lookup.tasks[0].phase ==
              (size ? DNS_PHASE_ROUND : DNS_PHASE_PAUSE));
        stream_raw(0, "\0\0\0\0\0\0\0\0\0\0\0", size);
        CHECK(lookup.tasks[0].phase == DNS_PHASE_PAUSE);
        CHECK(act() && !open_sockets[0]);
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
        put_reply(TELL, true, true, &arrivals[0].question);
        CHECK(stream_in(0, step));
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
        put_reply(TELL, true, true, &arrivals[0].question);
        size = packet.buf.used + 2;
        bytes[0] = 0;
        bytes[1] = (uint8_t)packet.buf.used;
        memcpy(bytes + 2, packet.bytes, packet.buf.used);
        for (size_t i = 0; i < cut; i++)
            stream_raw(0, (const char *)bytes + i, 1);
        stream_raw(0, "", 0);
        CHECK(state(question) == DNS_PENDING);
        CHECK(lookup.tasks[0].phase == DNS_PHASE_PAUSE);
        CHECK(act() && !open_sockets[0]);
    }
}

TEST(one_stream_at_a_time)
{
    size_t room = 0;
    uint32_t other = DNS_SERVER_COUNT_MAX; /* question 1, server 0 */

    begin(1);
    conf.tcp = true;
    ask("a.com", DNS_A);
    CHECK(run(1050));
    stream_raw(0, "\0", 1);
    CHECK(dns_lookup_deadline_ms(&lookup) == 2000); /* nobody waits */
    dns_lookup_tick(&lookup, 1999);
    ask("b.com", DNS_A);
    now_ms = 1999;
    CHECK(act());
    CHECK(!dns_lookup_wants_rx(&lookup, other));
    dns_lookup_rx(&lookup, other, &room);
    CHECK(room == 0);
    CHECK(dns_lookup_wants_rx(&lookup, 0));
    dns_lookup_rx(&lookup, 0, &room);
    CHECK(room == 1);
    /* the first closes: the buffer is free, what was in it is forgotten */
    dns_lookup_lost(&lookup, 0, 1999);
    CHECK(dns_lookup_wants_rx(&lookup, other));
    put_reply(TELL, true, true, &arrivals[other].question);
    CHECK(stream_in(other, 3));
    CHECK(state(1) == DNS_FOUND);
}

TEST(a_stream_is_held_so_long)
{
    uint32_t other = DNS_SERVER_COUNT_MAX;

    begin(1);
    conf.tcp = true;
    ask("a.com", DNS_A);
    ask("b.com", DNS_A);
    CHECK(run(2500)); /* second round */
    stream_raw(0, "\0", 1);
    CHECK(dns_lookup_deadline_ms(&lookup) == 2500 + DNS_TCP_HOLD_MS);
    now_ms = 2500 + DNS_TCP_HOLD_MS - 1;
    dns_lookup_tick(&lookup, now_ms);
    stream_raw(0, "\1", 1); /* progress does not help */
    CHECK(!dns_lookup_wants_rx(&lookup, other));
    now_ms++;
    dns_lookup_tick(&lookup, now_ms);
    CHECK(dns_lookup_wants_rx(&lookup, other));
    CHECK(!dns_lookup_wants_rx(&lookup, 0));
    CHECK(act() && !open_sockets[0] && open_sockets[other]);
    CHECK(lookup.tasks[0].phase == DNS_PHASE_PAUSE);
}

TEST(datagrams_do_not_wait_for_a_stream)
{
    begin(2);
    manners[0] = CUT;
    ask("a.com", DNS_A);
    CHECK(run(1009));
    manners[0] = SILENT;
    CHECK(run(3200) && open_sockets[0] && open_sockets[1]);
    stream_raw(0, "\0", 1);
    now_ms += DNS_TCP_HOLD_MS;
    dns_lookup_tick(&lookup, now_ms);
    CHECK(dns_stream_is_held(&lookup.stream));
    CHECK(dns_lookup_wants_rx(&lookup, 0));
}

TEST(a_stream_asked_anew_starts_anew)
{
    size_t room = 0;

    begin(1);
    conf.tcp = true;
    ask("a.com", DNS_A);
    CHECK(run(1900));
    stream_raw(0, "\0", 1);
    CHECK(run(2100) && opens("0:0/tcp 1000:0/tcp"));
    dns_lookup_rx(&lookup, 0, &room);
    CHECK(room == 2);
}

#define CASES(X)                          \
    X(reads_one_message_at_a_time)        \
    X(released_bytes_are_forgotten)       \
    X(truncated_goes_to_tcp)              \
    X(use_vc)                             \
    X(packet_once_more)                   \
    X(bad_streams)                        \
    X(stream_lengths)                     \
    X(stream_in_pieces)                   \
    X(stream_ends_at_each_byte)           \
    X(one_stream_at_a_time)               \
    X(a_stream_is_held_so_long)           \
    X(datagrams_do_not_wait_for_a_stream) \
    X(a_stream_asked_anew_starts_anew)

TEST_MAIN(CASES)
