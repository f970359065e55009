/* SPDX-License-Identifier: ISC */
#include "dns/query.h"

#include "dns_packet.h"
#include "test.h"

static struct packet packet;
static struct dns_question sent;
static struct dns_query query;
static struct dns_mx_set mx;

/* The question for the query's target, as the next attempt sends it. */
static void
send_again(void)
{
    sent = (struct dns_question){.name = query.target,
                                 .type = query.type,
                                 .id = 0x4321,
                                 .exact = true,
                                 .edns = true};
}

static void
ask(const char *name, enum dns_type type)
{
    struct dns_name n = name_of(name);

    dns_mx_set_init(&mx, 42);
    dns_query_init(&query, &n, type, type == DNS_MX ? &mx : NULL, NULL);
    send_again();
}

static void
reply(uint32_t flags)
{
    packet_begin(&packet, sent.id, flags);
    packet_question(&packet, &sent.name, sent.type);
}

static enum dns_verdict
read_udp(void)
{
    return dns_query_read(&query, &sent, false, packet_slice(&packet));
}

static enum dns_verdict
read_tcp(void)
{
    return dns_query_read(&query, &sent, true, packet_slice(&packet));
}

/* The packet tells nothing; without EDNS it might have. */
static bool
is_unusable(void)
{
    bool unusable = read_udp() == DNS_VERDICT_PLAIN;

    sent.edns = false;
    unusable = unusable && read_udp() == DNS_VERDICT_BAD;
    unusable = unusable && read_tcp() == DNS_VERDICT_BAD;
    sent.edns = true;
    return unusable && query.state == DNS_PENDING && query.address_count == 0;
}

static bool
found(uint32_t count)
{
    return query.state == DNS_FOUND && query.address_count == count;
}

static bool
address_is(uint32_t index, const char *text)
{
    struct addr a;

    return index < query.address_count && addr_parse(slice_text(text), &a) &&
           addr_equal(&query.addresses[index], &a);
}

static bool
mx_is(uint32_t index, uint16_t preference, const char *text)
{
    struct dns_name n = name_of(text);

    return index < mx.count && mx.items[index].preference == preference &&
           dns_name_identical(&mx.items[index].name, &n);
}

TEST(finds_addresses)
{
    ask("Example.com", DNS_A);
    reply(REPLY);
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    packet_address(&packet, ANSWER, "EXAMPLE.com", "192.0.2.2");
    packet_address(&packet, ANSWER, "@", "2001:db8::1");
    packet_address(&packet, ANSWER, "example.net", "192.0.2.3");
    packet_address(&packet, ADDITIONAL, "@", "192.0.2.4");
    CHECK(read_udp() == DNS_VERDICT_DONE && found(2));
    CHECK(address_is(0, "192.0.2.1") && address_is(1, "192.0.2.2"));
    ask("example.com", DNS_AAAA);
    reply(REPLY);
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    packet_address(&packet, ANSWER, "@", "2001:db8::1");
    CHECK(read_udp() == DNS_VERDICT_DONE && found(1));
    CHECK(address_is(0, "2001:db8::1"));
}

TEST(mapped_addresses_are_ipv4)
{
    static const uint8_t mapped[16] = {
        [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};

    ask("example.com", DNS_AAAA);
    reply(REPLY);
    packet_record(&packet, ANSWER, "@", DNS_AAAA, 16);
    buf_put(&packet.buf, slice_of(mapped, 16));
    CHECK(read_udp() == DNS_VERDICT_DONE && found(1));
    CHECK(address_is(0, "127.0.0.1"));
}

TEST(keeps_so_many_addresses)
{
    ask("example.com", DNS_A);
    reply(REPLY);
    for (int i = 0; i < 3 * DNS_ADDRESS_COUNT_MAX; i++)
        packet_address(&packet, ANSWER, "@", "192.0.2.1");
    CHECK(read_udp() == DNS_VERDICT_DONE && found(DNS_ADDRESS_COUNT_MAX));
}

TEST(finds_exchangers)
{
    ask("example.com", DNS_MX);
    sent.name = name_of("eXAMPLE.Com");
    reply(REPLY);
    packet_mx(&packet, "@", 20, "Mx2.example.net");
    packet_mx(&packet, "@", 65535, "mx4.example.net");
    packet_mx(&packet, "@", 10, "@");
    packet_mx(&packet, "@", 30, "mx3.example.net");
    packet_mx(&packet, "example.net", 5, "mx5.example.net");
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_FOUND);
    CHECK(query.mx == &mx && mx.count == 4 && !mx.null);
    CHECK(mx_is(0, 10, "example.com") && mx_is(1, 20, "mx2.example.net"));
    CHECK(mx_is(2, 30, "mx3.example.net"));
    CHECK(mx_is(3, 65535, "mx4.example.net"));
}

TEST(null_mx)
{
    ask("example.com", DNS_MX);
    reply(REPLY);
    packet_mx(&packet, "@", 0, "");
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_FOUND);
    CHECK(mx.count == 0 && mx.null);
    ask("example.com", DNS_MX);
    reply(REPLY);
    packet_mx(&packet, "@", 0, "");
    packet_mx(&packet, "@", 10, "mx.example.com");
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_FOUND);
    CHECK(mx.count == 1 && mx.null && mx_is(0, 10, "mx.example.com"));
}

TEST(targets_that_are_no_hosts_are_left_out)
{
    static const char *const odd[] = {"a b",  "a\nb.c", "a\rb",
                                      "a\\b", "\x80.a", "\x7f"};

    ask("example.com", DNS_MX);
    reply(REPLY);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        packet_mx(&packet, "@", 1, odd[i]);
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_FOUND);
    CHECK(mx.count == 0 && !mx.null);
}

/* 800 records; which of the 40 best are kept? */
static bool
keep_some(uint64_t seed, uint32_t kept[static 40], uint32_t *first)
{
    ask("example.com", DNS_MX);
    dns_mx_set_init(&mx, seed);
    reply(REPLY);
    for (uint32_t i = 0; i < 800; i++) {
        char name[] = "a00";

        name[1] = (char)('0' + i / 20 / 10);
        name[2] = (char)('0' + i / 20 % 10);
        packet_mx(&packet, "@", i % 20 == 7 ? 5 : 10, name);
    }
    if (read_tcp() != DNS_VERDICT_DONE || mx.count != DNS_MX_COUNT_MAX)
        return false;
    for (uint32_t i = 0; i < mx.count; i++) {
        const uint8_t *w = mx.items[i].name.wire;
        uint32_t which = (uint32_t)((w[2] - '0') * 10 + (w[3] - '0'));

        if (mx.items[i].preference != 5 || which >= 40)
            return false;
        kept[which]++;
        *first = i == 0 ? which : *first;
    }
    return true;
}

TEST(equals_are_shuffled)
{
    enum { RUNS = 2000 };
    uint32_t kept[40] = {0}, firsts[40] = {0}, first = 0;

    for (uint64_t seed = 0; seed < RUNS; seed++) {
        CHECK(keep_some(seed, kept, &first));
        firsts[first]++;
    }
    for (int i = 0; i < 40; i++) { /* 1000 and 50 on average: 6 sigma */
        CHECK(kept[i] > 866 && kept[i] < 1134);
        CHECK(firsts[i] > 8 && firsts[i] < 92);
    }
}

TEST(follows_aliases_in_any_order)
{
    ask("a.com", DNS_A);
    reply(REPLY);
    packet_address(&packet, ANSWER, "d.com", "192.0.2.1");
    packet_alias(&packet, "c.com", "d.com");
    packet_alias(&packet, "B.com", "c.com");
    packet_alias(&packet, "@", "b.com");
    packet_address(&packet, ANSWER, "x.com", "192.0.2.2");
    CHECK(read_udp() == DNS_VERDICT_DONE && found(1));
    CHECK(address_is(0, "192.0.2.1"));
    ask("a.com", DNS_MX);
    reply(REPLY);
    packet_alias(&packet, "@", "b.com");
    packet_mx(&packet, "b.com", 1, "mx.com");
    packet_mx(&packet, "x.com", 1, "bad.com");
    CHECK(read_udp() == DNS_VERDICT_DONE && mx.count == 1);
    CHECK(mx_is(0, 1, "mx.com"));
}

static void
chain(uint32_t count)
{
    char from[] = "a.com", to[] = "b.com";

    for (uint32_t i = 0; i < count; i++) {
        packet_alias(&packet, from, to);
        from[0]++;
        to[0]++;
    }
    packet_address(&packet, ANSWER, from, "192.0.2.1");
}

TEST(bounds_aliases)
{
    ask("a.com", DNS_A);
    reply(REPLY);
    chain(DNS_CNAME_COUNT_MAX);
    CHECK(read_udp() == DNS_VERDICT_DONE && found(1));
    ask("a.com", DNS_A);
    reply(REPLY);
    chain(DNS_CNAME_COUNT_MAX + 1);
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_FAILED);
}

TEST(alias_loops_fail)
{
    ask("a.com", DNS_A);
    reply(REPLY);
    packet_alias(&packet, "@", "@");
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_FAILED);
    ask("a.com", DNS_A);
    reply(REPLY | DNS_RCODE_NXDOMAIN);
    packet_alias(&packet, "@", "b.com");
    packet_alias(&packet, "b.com", "@");
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_FAILED);
    /* over several replies */
    ask("a.com", DNS_A);
    for (int i = 0; i < DNS_CNAME_COUNT_MAX; i++) {
        reply(REPLY);
        packet_alias(&packet, "@", i % 2 ? "a.com" : "b.com");
        packet_record(&packet, AUTHORITY, "com", TYPE_SOA, 0);
        CHECK(read_udp() == DNS_VERDICT_ALIAS && query.state == DNS_PENDING);
        send_again();
    }
    reply(REPLY);
    packet_alias(&packet, "@", "b.com");
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_FAILED);
}

TEST(asks_for_the_end_of_a_chain)
{
    struct dns_name c = name_of("c.com"), a = name_of("a.com");

    ask("a.com", DNS_AAAA);
    reply(REPLY);
    packet_alias(&packet, "@", "B.com");
    packet_alias(&packet, "b.com", "C.com");
    CHECK(read_udp() == DNS_VERDICT_ALIAS && query.state == DNS_PENDING);
    CHECK(query.alias_count == 2 && dns_name_identical(&query.target, &c));
    CHECK(dns_name_identical(&query.name, &a));
    CHECK(is_unusable()); /* it says nothing of c.com */
    send_again();
    reply(REPLY);
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_NODATA);
}

TEST(no_such_name)
{
    ask("a.com", DNS_A);
    reply(REPLY | DNS_RCODE_NXDOMAIN);
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_NO_NAME);
    ask("a.com", DNS_A);
    reply(REPLY | DNS_RCODE_NXDOMAIN);
    packet_alias(&packet, "@", "b.com");
    packet_record(&packet, AUTHORITY, "com", TYPE_SOA, 0);
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_NO_NAME);
    /* contradictions */
    ask("a.com", DNS_A);
    reply(REPLY | DNS_RCODE_NXDOMAIN);
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    CHECK(is_unusable());
    reply(REPLY | DNS_RCODE_NXDOMAIN);
    packet_address(&packet, ANSWER, "b.com", "192.0.2.1");
    CHECK(is_unusable());
    reply(REPLY | DNS_RCODE_NXDOMAIN);
    packet_alias(&packet, "@", "b.com");
    packet_address(&packet, ANSWER, "b.com", "192.0.2.1");
    CHECK(is_unusable());
    CHECK(query.alias_count == 0);
    reply(REPLY | DNS_RCODE_NXDOMAIN);
    buf_put_byte(&packet.buf, 0);
    CHECK(is_unusable());
}

TEST(no_data)
{
    ask("a.com", DNS_A);
    reply(REPLY);
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_NODATA);
    ask("a.com", DNS_A);
    reply(REPLY);
    packet_record(&packet, AUTHORITY, "com", TYPE_SOA, 0);
    packet_address(&packet, ADDITIONAL, "@", "192.0.2.1");
    packet_address(&packet, AUTHORITY, "@", "192.0.2.1");
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_NODATA);
    CHECK(query.address_count == 0);
}

TEST(unbelievable_no_data)
{
    ask("a.com", DNS_A);
    reply(REPLY); /* wrong owner */
    packet_address(&packet, ANSWER, "b.com", "192.0.2.1");
    CHECK(is_unusable());
    reply(REPLY); /* wrong type */
    packet_address(&packet, ANSWER, "@", "2001:db8::1");
    CHECK(is_unusable());
    reply(REPLY); /* wrong class */
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    packet.bytes[packet.buf.used - 11] = 3;
    CHECK(is_unusable());
    reply(REPLY); /* a record that no count speaks of */
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    packet_count(&packet, ANSWER, -1);
    CHECK(is_unusable());
}

TEST(lame_referral)
{
    static const uint32_t flags[] = {QR, QR | AA, QR | RA};

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        ask("a.com", DNS_A);
        reply(flags[i]);
        packet_target(&packet, AUTHORITY, "com", TYPE_NS, "ns.com");
        if (i == 0)
            CHECK(is_unusable());
        else
            CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_NODATA);
    }
    ask("a.com", DNS_A);
    reply(QR);
    packet_target(&packet, AUTHORITY, "com", TYPE_NS, "ns.com");
    packet_record(&packet, AUTHORITY, "com", TYPE_SOA, 0);
    CHECK(read_udp() == DNS_VERDICT_DONE && query.state == DNS_NODATA);
}

TEST(errors_decide_nothing)
{
    for (uint32_t rcode = 1; rcode < 16; rcode++) {
        bool plain = rcode == DNS_RCODE_FORMERR || rcode == DNS_RCODE_NOTIMP;
        enum dns_verdict verdict =
            rcode == DNS_RCODE_REFUSED ? DNS_VERDICT_BUSY : DNS_VERDICT_BAD;

        if (rcode == DNS_RCODE_NXDOMAIN)
            continue;
        ask("a.com", DNS_A);
        reply(REPLY | rcode);
        packet_address(&packet, ANSWER, "@", "192.0.2.1");
        CHECK(read_udp() == (plain ? DNS_VERDICT_PLAIN : verdict));
        sent.edns = false;
        CHECK(read_udp() == verdict && read_tcp() == verdict);
        packet_begin(&packet, sent.id, REPLY | rcode); /* no question */
        CHECK(read_udp() == verdict);
        CHECK(query.state == DNS_PENDING && query.address_count == 0);
    }
}

TEST(bad_version_is_asked_without_edns)
{
    ask("a.com", DNS_A);
    reply(REPLY);
    packet_record(&packet, ADDITIONAL, "", TYPE_OPT, 0);
    packet.bytes[packet.buf.used - 6] = 1;
    CHECK(read_udp() == DNS_VERDICT_PLAIN);
    packet.bytes[packet.buf.used - 6] = 2; /* some other */
    CHECK(read_udp() == DNS_VERDICT_BAD && query.state == DNS_PENDING);
}

/* What boxes in between leave of an answer that do not know EDNS. */
TEST(spoilt_by_those_who_know_no_edns)
{
    uint8_t bytes[512];

    ask("a.com", DNS_MX);
    reply(REPLY); /* the record of EDNS copied, before the answer */
    packet_record(&packet, ANSWER, "", TYPE_OPT, 0);
    packet_mx(&packet, "@", 10, "mx.com");
    packet_count(&packet, ANSWER, -1);
    CHECK(is_unusable());
    packet_count(&packet, ADDITIONAL, 1);
    CHECK(is_unusable());
    packet_count(&packet, ADDITIONAL, -1);
    packet_count(&packet, ANSWER, 1); /* and counted: harmless, ... */
    CHECK(read_udp() == DNS_VERDICT_DONE && mx.count == 1);
    ask("a.com", DNS_MX);
    reply(REPLY); /* ... but in a "no" */
    packet_record(&packet, ANSWER, "", TYPE_OPT, 0);
    CHECK(is_unusable());
    reply(REPLY); /* taken out, but counted */
    packet_mx(&packet, "@", 10, "mx.com");
    packet_count(&packet, ADDITIONAL, 1);
    CHECK(is_unusable());
    reply(REPLY); /* cut at 512 octets, without a word */
    for (uint32_t i = 0; i < 40; i++)
        packet_mx(&packet, "@", 10, "mx.com");
    CHECK(packet.buf.used > sizeof(bytes));
    memcpy(bytes, packet.bytes, sizeof(bytes));
    CHECK(dns_query_read(&query, &sent, false,
                         slice_of(bytes, sizeof(bytes))) == DNS_VERDICT_PLAIN);
}

TEST(other_case)
{
    ask("a.com", DNS_A);
    reply(REPLY);
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    packet.bytes[13] = 'A';
    CHECK(read_udp() == DNS_VERDICT_PLAIN && query.state == DNS_PENDING);
    packet.bytes[13] = 'B';
    CHECK(read_udp() == DNS_VERDICT_IGNORE);
    packet.bytes[13] = 'A';
    sent.exact = false;
    CHECK(read_udp() == DNS_VERDICT_DONE && found(1));
}

TEST(truncated)
{
    ask("a.com", DNS_A);
    reply(REPLY | TC);
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    CHECK(read_udp() == DNS_VERDICT_STREAM);
    CHECK(read_tcp() == DNS_VERDICT_BAD);
    packet.buf.used -= 3;
    CHECK(read_udp() == DNS_VERDICT_STREAM);
    CHECK(query.state == DNS_PENDING && query.address_count == 0);
}

TEST(foreign)
{
    ask("a.com", DNS_A);
    packet_begin(&packet, sent.id ^ 1, REPLY);
    packet_question(&packet, &sent.name, sent.type);
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    CHECK(read_udp() == DNS_VERDICT_IGNORE);
    CHECK(read_tcp() == DNS_VERDICT_BAD);
    CHECK(query.state == DNS_PENDING && query.address_count == 0);
}

TEST(malformed)
{
    struct slice whole;

    ask("example.com", DNS_A);
    reply(REPLY);
    packet_alias(&packet, "@", "b.com");
    packet_address(&packet, ANSWER, "b.com", "192.0.2.1");
    packet_record(&packet, ADDITIONAL, "", TYPE_OPT, 0);
    whole = packet_slice(&packet);
    for (size_t size = 0; size < whole.size; size++) {
        struct slice part = slice_part(whole, 0, size);

        CHECK(dns_query_read(&query, &sent, false, part) ==
              (size < 29 ? DNS_VERDICT_IGNORE : DNS_VERDICT_PLAIN));
        sent.edns = false;
        CHECK(dns_query_read(&query, &sent, false, part) ==
              (size < 29 ? DNS_VERDICT_IGNORE : DNS_VERDICT_BAD));
        CHECK(dns_query_read(&query, &sent, true, part) == DNS_VERDICT_BAD);
        sent.edns = true;
        CHECK(query.state == DNS_PENDING && query.address_count == 0);
        CHECK(query.alias_count == 0);
    }
    CHECK(read_udp() == DNS_VERDICT_DONE && found(1));
}

/* Whatever byte is changed, an address is only taken from a record that still
 * has the owner and type asked for; it may itself be what changed. */
TEST(mutated)
{
    for (size_t at = 0; at < 12 + 13 + 4 + 16; at++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            bool same = false;

            ask("example.com", DNS_A);
            reply(REPLY);
            packet_address(&packet, ANSWER, "@", "192.0.2.1");
            same = packet.bytes[at] == byte;
            packet.bytes[at] = (uint8_t)byte;
            read_udp();
            if (query.state != DNS_FOUND || same)
                continue;
            CHECK(query.address_count == 1);
            /* flags, unused counts no; owner no; TTL and address yes */
            CHECK(at == 2 || at == 3 || (at >= 35 && at < 39) || at >= 41);
            CHECK(at >= 41 || address_is(0, "192.0.2.1"));
        }
    }
}

#define CASES(X)                              \
    X(finds_addresses)                        \
    X(mapped_addresses_are_ipv4)              \
    X(keeps_so_many_addresses)                \
    X(finds_exchangers)                       \
    X(null_mx)                                \
    X(targets_that_are_no_hosts_are_left_out) \
    X(equals_are_shuffled)                    \
    X(follows_aliases_in_any_order)           \
    X(bounds_aliases)                         \
    X(alias_loops_fail)                       \
    X(asks_for_the_end_of_a_chain)            \
    X(no_such_name)                           \
    X(no_data)                                \
    X(unbelievable_no_data)                   \
    X(lame_referral)                          \
    X(errors_decide_nothing)                  \
    X(bad_version_is_asked_without_edns)      \
    X(spoilt_by_those_who_know_no_edns)       \
    X(other_case)                             \
    X(truncated)                              \
    X(foreign)                                \
    X(malformed)                              \
    X(mutated)

TEST_MAIN(CASES)
