/* SPDX-License-Identifier: ISC */
#include "tls/match.h"

#include "test.h"

enum { EMAIL = 0x81, DNS = 0x82, URI = 0x86, IP = 0x87 };

#define NAMED(entry, name) tls_match_name(DNS, SLICE(entry), SLICE(name))

TEST(matches_names_whole_and_in_any_case)
{
    CHECK(NAMED("mx.example.net", "mx.example.net"));
    CHECK(NAMED("MX.Example.Net", "mx.eXample.net"));
    CHECK(NAMED("localhost", "localhost"));
    CHECK(!NAMED("mx.example.net", "mx.example.ne"));
    CHECK(!NAMED("example.net", "mx.example.net"));
    CHECK(!NAMED("", ""));
    CHECK(!NAMED("mx.example.net\0.evil.org", "mx.example.net"));
    CHECK(!NAMED("mx.example.net", ""));
}

TEST(takes_a_star_for_one_whole_label)
{
    CHECK(NAMED("*.example.net", "mx.example.net"));
    CHECK(NAMED("*.EXAMPLE.net", "mx.example.NET"));
    CHECK(!NAMED("*.example.net", "example.net"));
    CHECK(!NAMED("*.example.net", ".example.net"));
    CHECK(!NAMED("*.example.net", "a.mx.example.net"));
    CHECK(!NAMED("mx*.example.net", "mx1.example.net"));
    CHECK(!NAMED("*mx.example.net", "amx.example.net"));
    CHECK(!NAMED("a.*.net", "a.b.net"));
    CHECK(!NAMED("*.*.net", "a.b.net"));
    CHECK(!NAMED("**.example.net", "mx.example.net"));
    CHECK(!NAMED("*", "localhost"));
    CHECK(!NAMED("*.", "a."));
    CHECK(!NAMED("*.net", "example.net"));
    CHECK(!NAMED("*.net.", "example.net."));
}

TEST(looks_at_names_only)
{
    CHECK(
        !tls_match_name(URI, SLICE("mx.example.net"), SLICE("mx.example.net")));
    CHECK(!tls_match_name(EMAIL, SLICE("mx.example.net"),
                          SLICE("mx.example.net")));
    CHECK(!tls_match_name(IP, SLICE("abcd"), SLICE("abcd")));
}

TEST(matches_addresses)
{
    struct addr four, six;

    CHECK(addr_parse(SLICE("192.0.2.1"), &four));
    CHECK(addr_parse(SLICE("2001:db8::1"), &six));
    CHECK(tls_match_address(IP, SLICE("\xc0\x00\x02\x01"), &four));
    CHECK(!tls_match_address(IP, SLICE("\xc0\x00\x02\x02"), &four));
    CHECK(!tls_match_address(DNS, SLICE("\xc0\x00\x02\x01"), &four));
    CHECK(!tls_match_address(DNS, SLICE("192.0.2.1"), &four));
    CHECK(!tls_match_address(IP, SLICE("\xc0\x00\x02"), &four));
    CHECK(!tls_match_address(IP, slice_of(four.bytes, ADDR_SIZE_MAX), &four));
    CHECK(tls_match_address(IP, slice_of(six.bytes, ADDR_SIZE_MAX), &six));
    CHECK(!tls_match_address(IP, slice_of(six.bytes, ADDR_IPV4_SIZE), &six));
}

#define CASES(X)                           \
    X(matches_names_whole_and_in_any_case) \
    X(takes_a_star_for_one_whole_label)    \
    X(looks_at_names_only)                 \
    X(matches_addresses)

TEST_MAIN(CASES)
