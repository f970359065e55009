/* SPDX-License-Identifier: ISC */
#include "base/addr.h"

#include <string.h>

#include "base/ascii.h"

enum {
    GROUP_SIZE = 2, /* of an IPv6 address, in bytes */
    GROUP_COUNT = ADDR_SIZE_MAX / GROUP_SIZE,
    GROUP_TEXT_SIZE_MAX = 4,
    HEX_BITS = 4
};

static const uint8_t mapped_prefix[ADDR_SIZE_MAX - ADDR_IPV4_SIZE] = {
    [10] = 0xff, [11] = 0xff};

void
addr_from_ipv4(struct addr *a, const uint8_t bytes[static ADDR_IPV4_SIZE])
{
    *a = (struct addr){.family = ADDR_IPV4};
    memcpy(a->bytes, bytes, ADDR_IPV4_SIZE);
}

void
addr_from_ipv6(struct addr *a, const uint8_t bytes[static ADDR_SIZE_MAX])
{
    if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0) {
        addr_from_ipv4(a, bytes + sizeof(mapped_prefix));
        return;
    }
    a->family = ADDR_IPV6;
    memcpy(a->bytes, bytes, ADDR_SIZE_MAX);
}

static bool
parse_ipv4(struct slice text, uint8_t out[static ADDR_IPV4_SIZE])
{
    for (uint32_t i = 0; i < ADDR_IPV4_SIZE; i++) {
        size_t dot = slice_find(text, '.');
        struct slice part = slice_part(text, 0, dot);
        uint64_t value = 0;

        /* A leading zero means octal to some and decimal to others. */
        if (part.size > 1 && part.data[0] == '0')
            return false;
        if (!ascii_number(part, UINT8_MAX, &value))
            return false;
        if ((dot < text.size) != (i < ADDR_IPV4_SIZE - 1))
            return false;
        out[i] = (uint8_t)value;
        text = slice_part(text, dot + 1, text.size);
    }
    return true;
}

static bool
parse_group(struct slice text, uint8_t out[static GROUP_SIZE])
{
    uint32_t value = 0;

    if (text.size == 0 || text.size > GROUP_TEXT_SIZE_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t digit = ascii_hex(text.data[i]);

        if (digit == 0xff)
            return false;
        value = value << HEX_BITS | digit;
    }
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return true;
}

/* Groups between colons into `out`; returns bytes written, or -1. */
static int
parse_groups(struct slice text, uint8_t out[static ADDR_SIZE_MAX])
{
    size_t used = 0;

    while (text.size > 0) {
        size_t colon = slice_find(text, ':');
        struct slice part = slice_part(text, 0, colon);
        bool last = colon == text.size;

        if (last && slice_find(part, '.') < part.size) {
            if (used + ADDR_IPV4_SIZE > ADDR_SIZE_MAX ||
                !parse_ipv4(part, out + used))
                return -1;
            return (int)(used + ADDR_IPV4_SIZE);
        }
        if (used + 2 > ADDR_SIZE_MAX || !parse_group(part, out + used))
            return -1;
        used += 2;
        if (!last && colon + 1 == text.size)
            return -1; /* a colon with nothing behind it */
        text = slice_part(text, colon + 1, text.size);
    }
    return (int)used;
}

/* Index of the first "::", or text.size. */
static size_t
find_gap(struct slice text)
{
    for (size_t i = 0; i + 1 < text.size; i++)
        if (text.data[i] == ':' && text.data[i + 1] == ':')
            return i;
    return text.size;
}

static bool
parse_ipv6(struct slice text, uint8_t out[static ADDR_SIZE_MAX])
{
    uint8_t tail[ADDR_SIZE_MAX] = {0};
    size_t gap = find_gap(text);
    int head_size = 0, tail_size = 0;

    memset(out, 0, ADDR_SIZE_MAX);
    head_size = parse_groups(slice_part(text, 0, gap), out);
    if (gap == text.size)
        return head_size == ADDR_SIZE_MAX;
    tail_size = parse_groups(slice_part(text, gap + 2, text.size), tail);
    /* The gap stands for one group at least; IPv4 form only at the end. */
    if (head_size < 0 || tail_size < 0 ||
        head_size + tail_size > ADDR_SIZE_MAX - 2)
        return false;
    if (slice_find(slice_part(text, 0, gap), '.') < gap)
        return false;
    memcpy(out + ADDR_SIZE_MAX - tail_size, tail, (size_t)tail_size);
    return true;
}

bool
addr_parse(struct slice text, struct addr *out)
{
    uint8_t bytes[ADDR_SIZE_MAX];

    if (text.size > ADDR_TEXT_SIZE_MAX)
        return false;
    if (slice_find(text, ':') == text.size) {
        if (!parse_ipv4(text, bytes))
            return false;
        addr_from_ipv4(out, bytes);
        return true;
    }
    if (!parse_ipv6(text, bytes))
        return false;
    addr_from_ipv6(out, bytes);
    return true;
}

bool
addr_parse_literal(struct slice text, struct addr *out)
{
    struct slice tag = SLICE("IPv6:");
    struct addr a;

    if (text.size < 2 || text.data[0] != '[' || text.data[text.size - 1] != ']')
        return addr_parse(text, out);
    text = slice_part(text, 1, text.size - 1);
    if (!slice_equal_nocase(slice_part(text, 0, tag.size), tag))
        return addr_parse(text, out);
    text = slice_part(text, tag.size, text.size);
    /* The tag promises colons: `[IPv6:1.2.3.4]` is not a literal. */
    if (slice_find(text, ':') == text.size || !addr_parse(text, &a))
        return false;
    *out = a;
    return true;
}

bool
addr_parse_endpoint(struct slice text, uint16_t port, struct endpoint *out)
{
    size_t close = slice_find(text, ']');
    struct endpoint e = {.port = port};
    uint64_t number = 0;

    if (text.size == 0 || text.data[0] != '[') {
        if (!addr_parse(text, &e.addr))
            return false;
        *out = e;
        return true;
    }
    if (close == text.size || !addr_parse(slice_part(text, 1, close), &e.addr))
        return false;
    text = slice_part(text, close + 1, text.size);
    if (text.size > 0) {
        if (text.data[0] != ':' ||
            !ascii_number(slice_part(text, 1, text.size), UINT16_MAX,
                          &number) ||
            number == 0)
            return false;
        e.port = (uint16_t)number;
    }
    *out = e;
    return true;
}

static uint32_t
group_at(const struct addr *a, size_t group)
{
    return (uint32_t)(a->bytes[2 * group] << 8 | a->bytes[2 * group + 1]);
}

/* First group of the longest run of zero groups, of two at least (RFC 5952
 * section 4.2); its length in *count, 0 when there is none. */
static size_t
longest_zeros(const struct addr *a, size_t *count)
{
    size_t best = 0, run = 0;

    *count = 0;
    for (size_t i = 0; i < GROUP_COUNT; i++) {
        run = group_at(a, i) == 0 ? run + 1 : 0;
        if (run > 1 && run > *count) {
            *count = run;
            best = i + 1 - run;
        }
    }
    return best;
}

static void
print_ipv6(struct buf *out, const struct addr *a)
{
    size_t zeros = 0;
    size_t gap = longest_zeros(a, &zeros);

    for (size_t i = 0; i < GROUP_COUNT; i++) {
        if (zeros > 0 && i == gap) {
            buf_put_text(out, "::");
            i += zeros - 1;
            continue;
        }
        if (i > 0 && !(zeros > 0 && i == gap + zeros))
            buf_put_byte(out, ':');
        buf_put_hex(out, group_at(a, i), 1);
    }
}

void
addr_print(struct buf *out, const struct addr *a)
{
    if (a->family == ADDR_IPV6) {
        print_ipv6(out, a);
        return;
    }
    for (size_t i = 0; i < ADDR_IPV4_SIZE; i++) {
        if (i > 0)
            buf_put_byte(out, '.');
        buf_put_number(out, a->bytes[i], 1);
    }
}

size_t
addr_size(const struct addr *a)
{
    return a->family == ADDR_IPV6 ? ADDR_SIZE_MAX : ADDR_IPV4_SIZE;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
    return a->family == b->family &&
           memcmp(a->bytes, b->bytes, addr_size(a)) == 0;
}

bool
addr_is_unspecified(const struct addr *a)
{
    const struct addr zero = {.family = a->family};

    return addr_equal(a, &zero);
}

bool
addr_is_loopback(const struct addr *a)
{
    struct addr loopback = {.family = ADDR_IPV6};

    loopback.bytes[ADDR_SIZE_MAX - 1] = 1;
    return a->family == ADDR_IPV4 ? a->bytes[0] == 127
                                  : addr_equal(a, &loopback);
}

bool
addr_is_local(const struct addr *a)
{
    return addr_is_loopback(a) || addr_is_unspecified(a);
}

bool
addr_is_link_local(const struct addr *a)
{
    return a->family == ADDR_IPV6 && a->bytes[0] == 0xfe &&
           (a->bytes[1] & 0xc0) == 0x80;
}

bool
addr_is_unusable(const struct addr *a)
{
    static const uint8_t broadcast[ADDR_IPV4_SIZE] = {255, 255, 255, 255};

    if (a->family == ADDR_IPV4)
        return (a->bytes[0] & 0xf0) == 0xe0 ||
               memcmp(a->bytes, broadcast, sizeof(broadcast)) == 0;
    return a->bytes[0] == 0xff || addr_is_link_local(a);
}
