/* SPDX-License-Identifier: ISC */
#include "dns/name.h"

#include "dns_packet.h"
#include "test.h"

static struct packet packet;

static bool
parses(const char *text)
{
    struct dns_name n;

    return dns_name_parse(slice_text(text), &n);
}

static bool
prints(const struct dns_name *n, const char *text)
{
    uint8_t bytes[4 * NAME_WIRE_SIZE_MAX];
    struct buf out;

    buf_init(&out, bytes, sizeof(bytes));
    dns_name_print(&out, n);
    return !out.full && slice_equal(buf_slice(&out), slice_text(text));
}

/* The name at `from` of the packet. */
static bool
takes(size_t from, struct dns_name *n, struct cursor *c)
{
    struct slice whole = packet_slice(&packet);

    cursor_init(c, slice_part(whole, from, whole.size));
    dns_name_take(whole, c, n);
    return !c->bad;
}

static bool
takes_text(size_t from, const char *text)
{
    struct dns_name n;
    struct cursor c;

    return takes(from, &n, &c) && prints(&n, text);
}

/* At the end of the packet so far. */
static size_t
here(void)
{
    return packet.buf.used;
}

/* Four labels of the sizes, in text; a size of 0 ends it. */
static struct slice
long_text(uint8_t *text, const size_t sizes[static 4])
{
    size_t used = 0;

    for (int i = 0; i < 4 && sizes[i]; i++) {
        if (i > 0)
            text[used++] = '.';
        memset(text + used, 'a' + i, sizes[i]);
        used += sizes[i];
    }
    return slice_of(text, used);
}

TEST(parses_host_names)
{
    struct dns_name n;

    CHECK(dns_name_parse(SLICE("mx.Example.com"), &n));
    CHECK(slice_equal(slice_of(n.wire, n.size), SLICE("\2mx\7Example\3com\0")));
    CHECK(prints(&n, "mx.Example.com"));
    CHECK(dns_name_parse(SLICE("mx.Example.com."), &n));
    CHECK(prints(&n, "mx.Example.com"));
    CHECK(parses("_25._tcp.a-b.c"));
    CHECK(parses("a"));
    CHECK(parses("1.2.3.4"));
    CHECK(parses("!#$%&'*+/=?^`{|}~.\"(),:;<>[]"));
}

TEST(refuses_bad_text)
{
    static const uint8_t nul[] = {'a', 0, 'b'};
    struct dns_name n;

    CHECK(!parses(""));
    CHECK(!parses("."));
    CHECK(!parses(".."));
    CHECK(!parses(".a"));
    CHECK(!parses("a.."));
    CHECK(!parses("a..b"));
    CHECK(!parses("a b"));
    CHECK(!parses("a\tb"));
    CHECK(!parses("a\nb"));
    CHECK(!parses("a\rb"));
    CHECK(!parses("a\x7f"));
    CHECK(!parses("a\x80"));
    CHECK(!parses("\xff.b"));
    CHECK(!parses("a\\b"));
    CHECK(!dns_name_parse(slice_of(nul, sizeof(nul)), &n));
    CHECK(!dns_name_parse(slice_of(NULL, 0), &n));
}

TEST(bounds_text)
{
    uint8_t text[NAME_TEXT_SIZE_MAX + 2];
    struct dns_name n = {0};

    CHECK(dns_name_parse(long_text(text, (size_t[4]){63}), &n));
    CHECK(!dns_name_parse(long_text(text, (size_t[4]){64}), &n));
    CHECK(dns_name_parse(long_text(text, (size_t[4]){63, 63, 63, 61}), &n));
    CHECK(n.size == NAME_WIRE_SIZE_MAX);
    n.size = 7;
    CHECK(!dns_name_parse(long_text(text, (size_t[4]){63, 63, 63, 62}), &n));
    CHECK(n.size == 7);
    /* The longest, with its dot. */
    long_text(text, (size_t[4]){63, 63, 63, 61});
    text[NAME_TEXT_SIZE_MAX] = '.';
    CHECK(dns_name_parse(slice_of(text, NAME_TEXT_SIZE_MAX + 1), &n));
    CHECK(n.size == NAME_WIRE_SIZE_MAX);
}

TEST(takes_names)
{
    struct dns_name n;
    struct cursor c;
    size_t at = 0;

    packet_begin(&packet, 0, 0);
    packet_name(&packet, "example.com"); /* 12 */
    at = here();
    buf_put(&packet.buf, SLICE("\2mx"));
    packet_name(&packet, "@12");
    packet_u16(&packet, 0xabcd);
    CHECK(takes_text(12, "example.com"));
    CHECK(takes(at, &n, &c));
    CHECK(prints(&n, "mx.example.com"));
    CHECK(c.rest.size == 2 && cursor_u16(&c) == 0xabcd);
    /* into the middle, and a pointer to a pointer */
    at = here();
    packet_name(&packet, "@20");
    CHECK(takes_text(at, "com"));
    packet_u16(&packet, 0xc000 | (uint32_t)at);
    CHECK(takes_text(at + 2, "com"));
    at = here();
    packet_name(&packet, "");
    CHECK(takes(at, &n, &c));
    CHECK(dns_name_is_root(&n) && !dns_name_is_host(&n) && prints(&n, "."));
    CHECK(c.rest.size == 0);
}

TEST(rejects_pointer_loop)
{
    struct dns_name n;
    struct cursor c;

    packet_begin(&packet, 0, 0);
    packet_name(&packet, "@12"); /* to itself */
    CHECK(!takes(12, &n, &c) && n.size == 0);
    packet_name(&packet, "@18"); /* 14: forward, into a name */
    packet_u16(&packet, 0);
    packet_name(&packet, "a"); /* 18 */
    CHECK(!takes(14, &n, &c));
    CHECK(takes(18, &n, &c));
    packet_begin(&packet, 0, 0);
    buf_put(&packet.buf, SLICE("\1a")); /* 12 -> 16 -> 12 */
    packet_name(&packet, "@16");
    buf_put(&packet.buf, SLICE("\1b"));
    packet_name(&packet, "@12");
    CHECK(!takes(12, &n, &c));
    CHECK(!takes(16, &n, &c));
    /* a label, then back to that label */
    packet_begin(&packet, 0, 0);
    buf_put(&packet.buf, SLICE("\1a"));
    packet_name(&packet, "@12");
    CHECK(!takes(12, &n, &c));
    /* backwards, but to a label of the same name */
    packet_begin(&packet, 0, 0);
    buf_put(&packet.buf, SLICE("\1a\1b"));
    packet_name(&packet, "@14");
    CHECK(!takes(12, &n, &c));
}

TEST(rejects_pointer_forward_again)
{
    struct dns_name n;
    struct cursor c;

    packet_begin(&packet, 0, 0);
    buf_put(&packet.buf, SLICE("\1a")); /* 12 -> 16, which is fine itself */
    packet_name(&packet, "@16");
    packet_name(&packet, "b");
    packet_name(&packet, "@16"); /* 19 */
    CHECK(takes_text(19, "b"));
    packet_name(&packet, "@12"); /* 21: back, then forward */
    CHECK(!takes(21, &n, &c) && n.size == 0);
}

TEST(rejects_bad_labels_behind_pointers)
{
    static const uint8_t heads[] = {0x3f, 0x40, 0x80, 0xbf};
    struct dns_name n;
    struct cursor c;

    for (size_t i = 0; i < sizeof(heads); i++) {
        packet_begin(&packet, 0, 0);
        buf_put_byte(&packet.buf, heads[i]); /* 63 octets are not there */
        buf_put(&packet.buf, SLICE("\1x"));
        packet_name(&packet, "@12");
        CHECK(!takes(13, &n, &c) && n.size == 0);
        buf_put_byte(&packet.buf, 0);
        CHECK(!takes(13, &n, &c) && n.size == 0);
    }
}

TEST(rejects_pointer_into_header)
{
    struct dns_name n;
    struct cursor c;

    for (uint32_t at = 0; at < DNS_HEADER_SIZE; at++) {
        /* A header that would read as a name everywhere. */
        packet_begin(&packet, 0, 0);
        packet_u16(&packet, 0xc000 | at);
        CHECK(!takes(12, &n, &c) && n.size == 0);
        /* The last label ends in a zero, as if it were the root. */
        packet_begin(&packet, 0, 0);
        buf_put(&packet.buf, slice_of("\1\0", 2));
        packet_u16(&packet, 0xc000 | at);
        CHECK(!takes(12, &n, &c) && n.size == 0);
    }
}

TEST(rejects_reserved_labels)
{
    struct dns_name n;
    struct cursor c;

    for (uint32_t head = 64; head < 0xc0; head++) {
        packet_begin(&packet, 0, 0);
        buf_put_byte(&packet.buf, (uint8_t)head);
        for (int i = 0; i < 200; i++)
            buf_put_byte(&packet.buf, 0);
        CHECK(!takes(12, &n, &c));
    }
}

TEST(rejects_cut_names)
{
    struct slice whole;
    struct dns_name n;
    struct cursor c;

    packet_begin(&packet, 0, 0);
    packet_name(&packet, "example.com");
    buf_put(&packet.buf, SLICE("\2mx"));
    packet_name(&packet, "@12");
    whole = packet_slice(&packet);
    for (size_t size = 25; size < whole.size; size++) {
        cursor_init(&c, slice_part(whole, 25, size));
        dns_name_take(slice_part(whole, 0, size), &c, &n);
        CHECK(c.bad && n.size == 0);
    }
    /* The part it stands in ends before the name does. */
    for (size_t size = 12; size < 25; size++) {
        cursor_init(&c, slice_part(whole, 12, size));
        dns_name_take(whole, &c, &n);
        CHECK(c.bad && n.size == 0);
    }
    /* A bad cursor stays so. */
    dns_name_take(whole, &c, &n);
    CHECK(c.bad && n.size == 0);
}

TEST(bounds_wire_names)
{
    uint8_t text[NAME_TEXT_SIZE_MAX + 1];
    struct dns_name n;
    struct cursor c;
    size_t at = 0;

    packet_begin(&packet, 0, 0);
    CHECK(dns_name_parse(long_text(text, (size_t[4]){63, 63, 63, 61}), &n));
    buf_put(&packet.buf, slice_of(n.wire, n.size));
    at = here();
    CHECK(takes(12, &n, &c) && n.size == 255);
    /* 256 octets, in one piece and by a pointer */
    for (int i = 0; i < 3; i++) {
        buf_put_byte(&packet.buf, 63);
        buf_put(&packet.buf, slice_of(text, 63));
    }
    buf_put_byte(&packet.buf, 62);
    buf_put(&packet.buf, slice_of(text, 62));
    buf_put_byte(&packet.buf, 0);
    CHECK(!takes(at, &n, &c) && n.size == 0);
    CHECK(takes(at + 64, &n, &c) && n.size == 192);
    at = here();
    buf_put(&packet.buf, slice_of("\0", 1));
    buf_put(&packet.buf, SLICE("\77"));
    buf_put(&packet.buf, slice_of(text, 63));
    packet_name(&packet, "@76"); /* 64 + 191 = 255 */
    CHECK(takes(at + 1, &n, &c) && n.size == 255);
    at = here();
    buf_put(&packet.buf, SLICE("\1x"));
    packet_name(&packet, "@12");
    CHECK(!takes(at, &n, &c) && n.size == 0);
}

TEST(bounds_pointers)
{
    struct dns_name n;
    struct cursor c;
    uint32_t at = DNS_HEADER_SIZE;

    packet_begin(&packet, 0, 0);
    packet_name(&packet, "a"); /* 3 bytes */
    packet_name(&packet, "@12");
    at += 3;
    for (int i = 1; i < DNS_POINTER_COUNT_MAX; i++) {
        packet_u16(&packet, 0xc000 | at);
        at += 2;
    }
    CHECK(takes(at, &n, &c) && n.size == 3);
    packet_u16(&packet, 0xc000 | at);
    CHECK(!takes(at + 2, &n, &c));
    /* 127 labels of one byte, each by a pointer of its own */
    packet_begin(&packet, 0, 0);
    packet_name(&packet, "a");
    at = DNS_HEADER_SIZE;
    for (uint32_t i = 1; i < 127; i++) {
        uint32_t next = (uint32_t)here();

        buf_put(&packet.buf, SLICE("\1b"));
        packet_u16(&packet, 0xc000 | at);
        at = next;
    }
    CHECK(takes(at, &n, &c) && n.size == 255);
}

TEST(tells_host_names)
{
    static const char odd[] = ". \\\t\r\n\x01\x7f\x80\xff";
    struct dns_name n = name_of("mx_1.example-2.com");

    CHECK(dns_name_is_host(&n));
    for (size_t i = 0; i < sizeof(odd); i++) { /* NUL as well */
        n = name_of("a.bcd.e");
        n.wire[4] = (uint8_t)odd[i];
        CHECK(!dns_name_is_host(&n));
        n = name_of("a.bcd.e");
        n.wire[7] = (uint8_t)odd[i];
        CHECK(!dns_name_is_host(&n));
    }
    n = name_of("a.bcd.e");
    n.wire[4] = '.';
    CHECK(prints(&n, "a.b\\046d.e"));
    n.wire[4] = 0;
    n.wire[5] = 0xff;
    CHECK(prints(&n, "a.b\\000\\255.e"));
}

TEST(compares)
{
    struct dns_name a = name_of("Example.COM"), b = name_of("eXample.com");

    CHECK(dns_name_equal(&a, &b));
    CHECK(!dns_name_identical(&a, &b));
    dns_name_lower(&a);
    dns_name_lower(&b);
    CHECK(dns_name_identical(&a, &b));
    b = name_of("example.co");
    CHECK(!dns_name_equal(&a, &b));
    b = name_of("example.com.com");
    CHECK(!dns_name_equal(&a, &b));
    a = name_of("a[b");
    b = name_of("a{b"); /* 0x20 apart, and no letters */
    CHECK(!dns_name_equal(&a, &b));
}

TEST(mixes_case)
{
    uint8_t bits[DNS_CASE_SIZE] = {0x05, 0x02};
    struct dns_name n = name_of("aB-c1D.efgHIj");
    uint8_t text[NAME_TEXT_SIZE_MAX];

    dns_name_mix(&n, bits);
    CHECK(prints(&n, "Ab-C1d.efghiJ"));
    memset(bits, 0xff, sizeof(bits));
    CHECK(dns_name_parse(long_text(text, (size_t[4]){63, 63, 63, 61}), &n));
    dns_name_mix(&n, bits);
    CHECK(n.wire[0] == 63 && n.wire[1] == 'A' && n.wire[253] == 'D');
    CHECK(n.wire[254] == 0);
    memset(bits, 0, sizeof(bits));
    dns_name_mix(&n, bits);
    CHECK(n.wire[1] == 'a' && n.wire[253] == 'd');
}

TEST(services)
{
    struct dns_name n = name_of("mx.Example.com"), out = {.size = 0};
    uint8_t text[NAME_TEXT_SIZE_MAX];

    CHECK(dns_name_service(&n, 25, &out) &&
          prints(&out, "_25._tcp.mx.Example.com"));
    CHECK(dns_name_service(&n, 65535, &out));
    CHECK(prints(&out, "_65535._tcp.mx.Example.com"));
    /* `_25._tcp.` has nine octets. */
    CHECK(dns_name_parse(long_text(text, (size_t[4]){63, 63, 63, 52}), &n));
    CHECK(dns_name_service(&n, 25, &out) && out.size == NAME_WIRE_SIZE_MAX);
    CHECK(dns_name_parse(long_text(text, (size_t[4]){63, 63, 63, 53}), &n));
    out = name_of("untouched");
    CHECK(!dns_name_service(&n, 25, &out) && prints(&out, "untouched"));
}

#define CASES(X)                          \
    X(services)                           \
    X(parses_host_names)                  \
    X(refuses_bad_text)                   \
    X(bounds_text)                        \
    X(takes_names)                        \
    X(rejects_pointer_loop)               \
    X(rejects_pointer_forward_again)      \
    X(rejects_bad_labels_behind_pointers) \
    X(rejects_pointer_into_header)        \
    X(rejects_reserved_labels)            \
    X(rejects_cut_names)                  \
    X(bounds_wire_names)                  \
    X(bounds_pointers)                    \
    X(tells_host_names)                   \
    X(compares)                           \
    X(mixes_case)

TEST_MAIN(CASES)
