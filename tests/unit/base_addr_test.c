/* SPDX-License-Identifier: ISC */
#include "base/addr.h"

#include <arpa/inet.h>

#include "fuzz/addr_reference.h"
#include "test.h"

enum { TRIAL_COUNT = 200000 };

static uint32_t seed;

static uint32_t
random_below(uint32_t count)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % count;
}

static bool
prints(const struct addr *a, const char *text)
{
    uint8_t bytes[ADDR_TEXT_SIZE_MAX];
    struct buf out;

    buf_init(&out, bytes, sizeof(bytes));
    addr_print(&out, a);
    return !out.full && slice_equal(buf_slice(&out), slice_text(text));
}

/* `text` is the address that prints as `canonical`. */
static bool
parses(const char *text, const char *canonical)
{
    struct addr a;

    return addr_parse(slice_text(text), &a) && prints(&a, canonical);
}

static bool
refuses(const char *text)
{
    struct addr a, before;

    memset(&a, 0x55, sizeof(a));
    before = a;
    return !addr_parse(slice_text(text), &a) &&
           memcmp(&a, &before, sizeof(a)) == 0;
}

static bool
literal(const char *text, const char *canonical)
{
    struct addr a;

    return addr_parse_literal(slice_text(text), &a) && prints(&a, canonical);
}

static bool
refuses_literal(const char *text)
{
    struct addr a, before;

    memset(&a, 0x55, sizeof(a));
    before = a;
    return !addr_parse_literal(slice_text(text), &a) &&
           memcmp(&a, &before, sizeof(a)) == 0;
}

static bool
endpoint(const char *text, const char *canonical, uint16_t port)
{
    struct endpoint e;

    return addr_parse_endpoint(slice_text(text), 53, &e) && e.port == port &&
           prints(&e.addr, canonical);
}

static bool
refuses_endpoint(const char *text)
{
    struct endpoint e = {.port = 7};

    return !addr_parse_endpoint(slice_text(text), 53, &e) && e.port == 7;
}

static struct addr
of(const char *text)
{
    struct addr a = {0};

    if (!addr_parse(slice_text(text), &a))
        printf("no address: %s\n", text);
    return a;
}

static bool
is_local(const char *text)
{
    struct addr a = of(text);

    return addr_is_local(&a);
}

static bool
is_unusable(const char *text)
{
    struct addr a = of(text);

    return addr_is_unusable(&a);
}

TEST(parses_dotted_quads)
{
    CHECK(parses("0.0.0.0", "0.0.0.0"));
    CHECK(parses("255.255.255.255", "255.255.255.255"));
    CHECK(parses("192.0.2.10", "192.0.2.10"));
    CHECK(refuses(""));
    CHECK(refuses("1"));
    CHECK(refuses("1.2.3"));
    CHECK(refuses("1.2.3.4.5"));
    CHECK(refuses("1.2.3.4."));
    CHECK(refuses(".1.2.3.4"));
    CHECK(refuses("1..3.4"));
    CHECK(refuses("1.2.3.256"));
    CHECK(refuses("1.2.3.1000"));
    CHECK(refuses("1.2.3.04"));
    CHECK(refuses("1.2.3.00"));
    CHECK(refuses("01.2.3.4"));
    CHECK(refuses("1.2.3.0x4"));
    CHECK(refuses("1.2.3.-4"));
    CHECK(refuses("1.2.3.+4"));
    CHECK(refuses("1.2.3.4 "));
    CHECK(refuses(" 1.2.3.4"));
    CHECK(refuses("1.2.3.4\n"));
    CHECK(refuses("1.2.3.a"));
    CHECK(refuses("[1.2.3.4]"));
    CHECK(refuses("1.2.3.4:25"));
    CHECK(refuses("4294967295"));
}

TEST(a_nul_ends_no_address)
{
    struct addr a;

    CHECK(!addr_parse(SLICE("1.2.3.4\0"), &a));
    CHECK(!addr_parse(SLICE("::1\0"), &a));
    CHECK(!addr_parse(SLICE("1.2.3\0.4"), &a));
    CHECK(!addr_parse(slice_of(NULL, 0), &a));
}

TEST(parses_ipv6)
{
    CHECK(parses("::", "::"));
    CHECK(parses("::1", "::1"));
    CHECK(parses("1::", "1::"));
    CHECK(parses("2001:DB8:0:0:0:0:0:1", "2001:db8::1"));
    CHECK(parses("2001:0db8::0001", "2001:db8::1"));
    CHECK(parses("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"));
    CHECK(parses("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"));
    CHECK(parses("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"));
    CHECK(parses("1:2:3::5:6:7:8", "1:2:3:0:5:6:7:8"));
    CHECK(parses("64:ff9b::192.0.2.1", "64:ff9b::c000:201"));
    CHECK(parses("1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"));
    CHECK(parses("::192.0.2.1", "::c000:201"));
    CHECK(parses("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
                 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
}

TEST(refuses_bad_ipv6)
{
    static const char *const texts[] = {
        ":",
        ":::",
        "::::",
        "1",
        ":1",
        "1:",
        ":1::2",
        "1::2:",
        "1:::2",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "12345::",
        "::00001",
        "::g",
        "::1%eth0",
        "::1/64",
        "::1 ",
        " ::1",
        "[::1]",
        "1.2.3.4::",
        "::1.2.3.4:5",
        "::1.2.3",
        "::1.2.3.4.5",
        "::1.2.3.256",
        "::01.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:1.2.3.4",
        "1.2.3.4:1:2:3:4:5:6",
        "::-1",
        "::+1",
        "::1.2.3.4::",
        "0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK(refuses(texts[i]));
}

/* RFC 5952 section 4: one canonical form, the longest run of zeros, the first
 * of two, never one group alone. */
TEST(prints_as_rfc_5952)
{
    CHECK(parses("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"));
    CHECK(parses("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"));
    CHECK(parses("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"));
    CHECK(parses("0:0:1:0:0:0:0:0", "0:0:1::"));
    CHECK(parses("0:0:0:0:0:1:0:0", "::1:0:0"));
    CHECK(parses("1:0:0:0:0:0:0:0", "1::"));
    CHECK(parses("0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"));
    CHECK(parses("a0b0:0c00:f:10:100:1000:0:0", "a0b0:c00:f:10:100:1000::"));
}

TEST(a_mapped_address_is_its_ipv4)
{
    struct addr a, b = of("192.0.2.1");

    CHECK(parses("::ffff:192.0.2.1", "192.0.2.1"));
    CHECK(parses("::ffff:c000:201", "192.0.2.1"));
    CHECK(parses("0:0:0:0:0:FFFF:192.0.2.1", "192.0.2.1"));
    a = of("::ffff:192.0.2.1");
    CHECK(a.family == ADDR_IPV4 && addr_equal(&a, &b) && addr_size(&a) == 4);
    CHECK(is_local("::ffff:127.0.0.1"));
    CHECK(is_local("::ffff:0.0.0.0"));
    CHECK(is_unusable("::ffff:224.0.0.1"));
    /* Its neighbours are none. */
    CHECK(parses("::fffe:c000:201", "::fffe:c000:201"));
    CHECK(parses("1::ffff:c000:201", "1::ffff:c000:201"));
}

TEST(parses_literals)
{
    CHECK(literal("1.2.3.4", "1.2.3.4"));
    CHECK(literal("[1.2.3.4]", "1.2.3.4"));
    CHECK(literal("::1", "::1"));
    CHECK(literal("[2001:db8::1]", "2001:db8::1"));
    CHECK(literal("[IPv6:2001:db8::1]", "2001:db8::1"));
    CHECK(literal("[ipv6:2001:db8::1]", "2001:db8::1"));
    CHECK(literal("[IPv6:::]", "::"));
    CHECK(literal("[IPv6:::ffff:1.2.3.4]", "1.2.3.4"));
    CHECK(literal("[IPv6:ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]",
                  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
}

TEST(refuses_bad_literals)
{
    static const char *const texts[] = {
        "",
        "[",
        "]",
        "[]",
        "[1.2.3.4",
        "1.2.3.4]",
        "[[1.2.3.4]]",
        "[IPv6:1.2.3.4]",
        "[IPv6:]",
        "[IPv6]",
        "IPv6:2001:db8::1",
        "[IPv6: 2001:db8::1]",
        "[IPv4:1.2.3.4]",
        "[IPv6:IPv6:::1]",
        "[::1%1]",
        "[1.2.3.4]:25",
        "[ 1.2.3.4]",
        "[example]",
        "example",
        "[x-tag:1]",
        "[IPv6:1.2.3.4:]",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK(refuses_literal(texts[i]));
}

TEST(parses_endpoints)
{
    CHECK(endpoint("1.2.3.4", "1.2.3.4", 53));
    CHECK(endpoint("::1", "::1", 53));
    CHECK(endpoint("[::1]", "::1", 53));
    CHECK(endpoint("[::1]:1", "::1", 1));
    CHECK(endpoint("[1.2.3.4]:65535", "1.2.3.4", 65535));
    CHECK(refuses_endpoint("1.2.3.4:53"));
    CHECK(refuses_endpoint("[::1]:"));
    CHECK(refuses_endpoint("[::1]:0"));
    CHECK(refuses_endpoint("[::1]:65536"));
    CHECK(refuses_endpoint("[::1]:-1"));
    CHECK(refuses_endpoint("[::1]53"));
    CHECK(refuses_endpoint("[::1"));
    CHECK(refuses_endpoint("::1]"));
    CHECK(refuses_endpoint("[]"));
    CHECK(refuses_endpoint("[]:53"));
    CHECK(refuses_endpoint(""));
    CHECK(refuses_endpoint("[::1]:53 "));
    CHECK(refuses_endpoint("[::1]]:53"));
}

TEST(compares_family_and_bytes)
{
    uint8_t four[ADDR_IPV4_SIZE] = {1, 2, 3, 4};
    uint8_t sixteen[ADDR_SIZE_MAX] = {1, 2, 3, 4};
    struct addr a, b;

    addr_from_ipv4(&a, four);
    addr_from_ipv6(&b, sixteen);
    CHECK(!addr_equal(&a, &b));
    CHECK(addr_size(&a) == 4 && addr_size(&b) == 16);
    CHECK(addr_equal(&a, &a) && addr_equal(&b, &b));
    sixteen[ADDR_SIZE_MAX - 1] = 1;
    addr_from_ipv6(&a, sixteen);
    CHECK(!addr_equal(&a, &b));
}

/* Written over another address, nothing of it is left. */
TEST(an_address_replaces_the_one_before)
{
    struct addr a = of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
    struct addr b = {.family = ADDR_IPV4, .bytes = {9, 8, 7, 6}};

    CHECK(addr_parse(SLICE("9.8.7.6"), &a));
    CHECK(memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0);
}

TEST(this_machine)
{
    CHECK(is_local("0.0.0.0") && is_local("::"));
    CHECK(is_local("127.0.0.1") && is_local("127.255.255.255"));
    CHECK(is_local("127.0.0.0") && is_local("::1"));
    CHECK(!is_local("126.255.255.255") && !is_local("128.0.0.0"));
    CHECK(!is_local("::2") && !is_local("1::1") && !is_local("10.0.0.1"));
    CHECK(!is_local("7f00::") && !is_local("fe80::1"));
}

TEST(no_mail_server)
{
    CHECK(is_unusable("224.0.0.0") && is_unusable("239.255.255.255"));
    CHECK(is_unusable("255.255.255.255"));
    CHECK(!is_unusable("223.255.255.255") && !is_unusable("192.0.2.255"));
    CHECK(is_unusable("ff00::") && is_unusable("ff02::1"));
    CHECK(is_unusable("fe80::1") && is_unusable("febf:ffff::"));
    CHECK(!is_unusable("fe7f::1") && !is_unusable("fec0::1"));
    CHECK(!is_unusable("fd00::1") && !is_unusable("2001:db8::1"));
    CHECK(!is_unusable("::") && !is_unusable("::1"));
    CHECK(!is_unusable("127.0.0.1") && !is_unusable("0.0.0.0"));
}

/* The C library's parser decides; it is as strict as ours. */
TEST(agrees_with_the_c_library)
{
    static const char digits[] = "0129afF:::..";
    int known = 0;

    seed = 1;
    for (int i = 0; i < TRIAL_COUNT; i++) {
        char text[ADDR_TEXT_SIZE_MAX + 1] = "";
        uint8_t bytes[ADDR_SIZE_MAX];
        struct addr a, b;
        size_t size = random_below(16);
        bool ours, theirs;

        for (size_t j = 0; j < size; j++)
            text[j] = digits[random_below(sizeof(digits) - 1)];
        ours = addr_parse(slice_text(text), &a);
        theirs = strchr(text, ':') ? inet_pton(AF_INET6, text, bytes) == 1
                                   : inet_pton(AF_INET, text, bytes) == 1;
        CHECK(ours == theirs);
        if (!ours)
            continue;
        known++;
        if (strchr(text, ':'))
            addr_from_ipv6(&b, bytes);
        else
            addr_from_ipv4(&b, bytes);
        CHECK(addr_equal(&a, &b));
    }
    CHECK(known > 1000);
}

TEST(prints_what_it_parses)
{
    seed = 2;
    for (int i = 0; i < TRIAL_COUNT; i++) {
        uint8_t bytes[ADDR_SIZE_MAX], text[ADDR_TEXT_SIZE_MAX];
        char expected[INET6_ADDRSTRLEN];
        struct addr a, b;
        struct buf out;

        for (size_t j = 0; j < sizeof(bytes); j++)
            bytes[j] =
                (uint8_t)(random_below(3) ? 0 : random_below(UINT8_MAX + 1));
        addr_from_ipv6(&a, bytes);
        buf_init(&out, text, sizeof(text));
        addr_print(&out, &a);
        CHECK(!out.full);
        CHECK(addr_parse(buf_slice(&out), &b) && addr_equal(&a, &b));
        reference_print(&a, expected);
        CHECK(slice_equal(buf_slice(&out), slice_text(expected)));
    }
}

#define CASES(X)                          \
    X(parses_dotted_quads)                \
    X(a_nul_ends_no_address)              \
    X(parses_ipv6)                        \
    X(refuses_bad_ipv6)                   \
    X(prints_as_rfc_5952)                 \
    X(a_mapped_address_is_its_ipv4)       \
    X(parses_literals)                    \
    X(refuses_bad_literals)               \
    X(parses_endpoints)                   \
    X(compares_family_and_bytes)          \
    X(an_address_replaces_the_one_before) \
    X(this_machine)                       \
    X(no_mail_server)                     \
    X(agrees_with_the_c_library)          \
    X(prints_what_it_parses)

TEST_MAIN(CASES)
