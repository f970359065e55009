/* SPDX-License-Identifier: ISC */
/* What is authentic, and TLSA records. */
#include "dns/query.h"

#include "dns_packet.h"
#include "test.h"

static struct packet packet;
static struct dns_question sent;
static struct dns_query query;
static struct dns_mx_set mx;
static struct tlsa_set tlsa;

static void
ask(const char *name, enum dns_type type)
{
    struct dns_name n = name_of(name);

    dns_mx_set_init(&mx, 42);
    tlsa.count = 99;
    dns_query_init(&query, &n, type, type == DNS_MX ? &mx : NULL,
                   type == DNS_TLSA ? &tlsa : NULL);
    sent = (struct dns_question){.type = type, .id = 1, .ad = true};
}

static void
reply(uint32_t flags)
{
    sent.name = query.target;
    packet_begin(&packet, sent.id, flags);
    packet_question(&packet, &sent.name, sent.type);
}

static enum dns_verdict
read_udp(void)
{
    return dns_query_read(&query, &sent, false, packet_slice(&packet));
}

/* The answer to a question, all in one reply. */
static bool
secure_with(uint32_t flags)
{
    ask("example.com", DNS_A);
    reply(flags);
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    return read_udp() == DNS_VERDICT_DONE && query.secure;
}

TEST(authentic_answers_are_secure)
{
    CHECK(secure_with(REPLY | AD));
    CHECK(!secure_with(REPLY) && query.state == DNS_FOUND);
    CHECK(!secure_with(REPLY | CD) && query.state == DNS_FOUND);
    CHECK(!secure_with(REPLY | AA) && query.state == DNS_FOUND);
}

/* A server that sets it unasked is none that knows what it means. */
TEST(what_was_not_asked_for_is_not_believed)
{
    ask("example.com", DNS_A);
    sent.ad = false;
    reply(REPLY | AD);
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    CHECK(read_udp() == DNS_VERDICT_DONE && !query.secure);
    CHECK(query.state == DNS_FOUND);
}

/* Three replies, two of them links: by the bits of `links`. */
static bool
chain(uint32_t links)
{
    ask("a.com", DNS_A);
    reply(links & 1 ? REPLY | AD : REPLY);
    packet_alias(&packet, "@", "b.com");
    if (read_udp() != DNS_VERDICT_ALIAS)
        return false;
    reply(links & 2 ? REPLY | AD : REPLY);
    packet_alias(&packet, "@", "C.com");
    if (read_udp() != DNS_VERDICT_ALIAS)
        return false;
    reply(links & 4 ? REPLY | AD : REPLY);
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    return read_udp() == DNS_VERDICT_DONE;
}

TEST(a_chain_is_as_secure_as_its_weakest_link)
{
    struct dns_name end = name_of("c.com");

    for (uint32_t links = 0; links < 8; links++) {
        CHECK(chain(links) && query.secure == (links == 7));
        CHECK(dns_name_identical(&query.target, &end));
        CHECK(query.alias_count == 2);
    }
}

TEST(replies_that_decide_nothing_take_nothing_away)
{
    ask("example.com", DNS_A);
    reply(REPLY | DNS_RCODE_SERVFAIL);
    CHECK(read_udp() == DNS_VERDICT_BAD);
    reply(REPLY | TC);
    CHECK(read_udp() == DNS_VERDICT_STREAM);
    reply(REPLY);
    packet_address(&packet, ANSWER, "example.net", "192.0.2.1");
    CHECK(read_udp() == DNS_VERDICT_BAD);
    reply(REPLY | AD);
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    CHECK(read_udp() == DNS_VERDICT_DONE && query.secure);
}

TEST(a_no_may_be_secure)
{
    ask("example.com", DNS_MX);
    reply(REPLY | AD);
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_NODATA);
    CHECK(query.secure);
    ask("example.com", DNS_TLSA);
    reply(REPLY | AD | DNS_RCODE_NXDOMAIN);
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_NO_NAME);
    CHECK(query.secure && tlsa.count == 0);
    ask("example.com", DNS_TLSA);
    reply(REPLY);
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_NODATA);
    CHECK(!query.secure);
}

TEST(finds_tlsa)
{
    ask("_25._tcp.mx.com", DNS_TLSA);
    reply(REPLY | AD);
    packet_tlsa(&packet, "@",
                SLICE("\3\1\1"
                      "0123456789abcdef0123456789abcdef"));
    packet_tlsa(&packet, "x.com",
                SLICE("\3\1\1"
                      "x123456789abcdef0123456789abcdef"));
    packet_tlsa(&packet, "@",
                SLICE("\1\1\1"
                      "x"));
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_FOUND);
    CHECK(query.secure && query.tlsa == &tlsa && tlsa.count == 2);
    CHECK(slice_equal(tlsa_data(&tlsa, 0),
                      SLICE("0123456789abcdef0123456789abcdef")));
    CHECK(tlsa_counts(&tlsa, 0) && !tlsa_counts(&tlsa, 1));
}

TEST(tlsa_behind_an_alias)
{
    ask("_25._tcp.mx.com", DNS_TLSA);
    reply(REPLY | AD);
    packet_alias(&packet, "@", "keys.example");
    packet_tlsa(&packet, "keys.example", SLICE("\3\1\0key"));
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_FOUND);
    CHECK(query.secure && tlsa.count == 1 && tlsa_counts(&tlsa, 0));
}

/* Malformed, or more than is kept: not "no", and not the rest. */
TEST(tlsa_that_cannot_be_kept_failed)
{
    static const char rdata[] = {3, 1};

    for (size_t size = 0; size <= sizeof(rdata); size++) {
        ask("_25._tcp.mx.com", DNS_TLSA);
        reply(REPLY | AD);
        packet_tlsa(&packet, "@", slice_of(rdata, size));
        packet_tlsa(&packet, "@", SLICE("\3\1\0key"));
        CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_FAILED);
    }
    for (uint32_t count = TLSA_COUNT_MAX; count < TLSA_COUNT_MAX + 2; count++) {
        ask("_25._tcp.mx.com", DNS_TLSA);
        reply(REPLY | AD);
        for (uint32_t i = 0; i < count; i++)
            packet_tlsa(&packet, "@", SLICE("\3\1\0key"));
        CHECK(read_udp() == DNS_VERDICT_DONE);
        CHECK(query.state == (count > TLSA_COUNT_MAX ? DNS_FAILED : DNS_FOUND));
    }
}

#define CASES(X)                                     \
    X(authentic_answers_are_secure)                  \
    X(what_was_not_asked_for_is_not_believed)        \
    X(a_chain_is_as_secure_as_its_weakest_link)      \
    X(replies_that_decide_nothing_take_nothing_away) \
    X(a_no_may_be_secure)                            \
    X(finds_tlsa)                                    \
    X(tlsa_behind_an_alias)                          \
    X(tlsa_that_cannot_be_kept_failed)

TEST_MAIN(CASES)
