/* SPDX-License-Identifier: ISC */
/* Address text: against the C library's reading of it, and there and back. */
#include "base/addr.h"

#include <arpa/inet.h>

#include "addr_reference.h"
#include "base/ascii.h"
#include "fuzz.h"

/* As addr_parse, by the C library. */
static bool
slow_parse(struct slice text, struct addr *out)
{
    char copy[ADDR_TEXT_SIZE_MAX + 1] = {0};
    uint8_t bytes[ADDR_SIZE_MAX];

    if (text.size > ADDR_TEXT_SIZE_MAX || slice_find(text, 0) < text.size)
        return false;
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    if (inet_pton(AF_INET, copy, bytes) == 1) {
        addr_from_ipv4(out, bytes);
        return true;
    }
    if (inet_pton(AF_INET6, copy, bytes) != 1)
        return false;
    addr_from_ipv6(out, bytes);
    return true;
}

static bool
slow_literal(struct slice text, struct addr *out)
{
    char copy[64] = {0};

    if (text.size < 2 || text.data[0] != '[' || text.data[text.size - 1] != ']')
        return slow_parse(text, out);
    text = slice_part(text, 1, text.size - 1);
    if (text.size < 5 || text.size >= sizeof(copy))
        return slow_parse(text, out);
    memcpy(copy, text.data, 5);
    for (size_t i = 0; i < 4; i++)
        copy[i] = (char)ascii_lower((uint8_t)copy[i]);
    if (memcmp(copy, "ipv6:", 5) != 0)
        return slow_parse(text, out);
    text = slice_part(text, 5, text.size);
    return slice_find(text, ':') < text.size && slow_parse(text, out);
}

static bool
slow_endpoint(struct slice text, uint16_t port, struct endpoint *out)
{
    size_t close = slice_find(text, ']');
    unsigned long number = port;

    out->port = port;
    if (text.size == 0 || text.data[0] != '[')
        return slow_parse(text, &out->addr);
    if (close == text.size ||
        !slow_parse(slice_part(text, 1, close), &out->addr))
        return false;
    text = slice_part(text, close + 1, text.size);
    if (text.size == 0)
        return true;
    if (text.data[0] != ':' || text.size == 1)
        return false;
    number = 0;
    for (size_t i = 1; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (unsigned long)(text.data[i] - '0');
        if (number > UINT16_MAX)
            return false;
    }
    out->port = (uint16_t)number;
    return number > 0;
}

static void
check_print(const struct addr *a, struct slice text)
{
    char expected[INET6_ADDRSTRLEN];

    reference_print(a, expected);
    MUST(slice_equal(text, slice_text(expected)));
}

static void
check_kind(const struct addr *a)
{
    struct in6_addr six;
    bool local = false, bad = false;

    memcpy(&six, a->bytes, sizeof(six));
    if (a->family == ADDR_IPV4) {
        local = a->bytes[0] == 127 || memcmp(a->bytes, "\0\0\0\0", 4) == 0;
        bad = (a->bytes[0] >= 224 && a->bytes[0] < 240) ||
              memcmp(a->bytes, "\377\377\377\377", 4) == 0;
    } else {
        local = IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_UNSPECIFIED(&six);
        bad = IN6_IS_ADDR_MULTICAST(&six) || IN6_IS_ADDR_LINKLOCAL(&six);
    }
    MUST(addr_is_local(a) == local);
    MUST(addr_is_unusable(a) == bad);
    MUST(!addr_is_unspecified(a) || local);
}

static void
check_round_trip(const struct addr *a)
{
    uint8_t bytes[ENDPOINT_TEXT_SIZE_MAX];
    struct endpoint e;
    struct addr again;
    struct buf b;

    MUST(a->family != ADDR_NONE);
    buf_init(&b, bytes, ADDR_TEXT_SIZE_MAX);
    addr_print(&b, a);
    MUST(!b.full && addr_parse(buf_slice(&b), &again) && addr_equal(a, &again));
    check_print(a, buf_slice(&b));
    check_kind(a);

    buf_init(&b, bytes, sizeof(bytes));
    buf_put_byte(&b, '[');
    addr_print(&b, a);
    buf_put_text(&b, "]:");
    buf_put_number(&b, 65535, 1);
    MUST(!b.full && addr_parse_endpoint(buf_slice(&b), 1, &e));
    MUST(e.port == 65535 && addr_equal(&e.addr, a));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(slice_of(data, size));
    struct slice text = slice_of(copy, size);
    struct addr a = {.family = ADDR_NONE}, b = a;
    struct endpoint e, f;
    bool found = addr_parse(text, &a);

    MUST(found == slow_parse(text, &b));
    MUST(!found || addr_equal(&a, &b));
    found = addr_parse_literal(text, &a);
    MUST(found == slow_literal(text, &b));
    MUST(!found || addr_equal(&a, &b));
    if (found)
        check_round_trip(&a);
    found = addr_parse_endpoint(text, 53, &e);
    MUST(found == slow_endpoint(text, 53, &f));
    MUST(!found || (addr_equal(&e.addr, &f.addr) && e.port == f.port));
    if (size >= ADDR_SIZE_MAX) {
        addr_from_ipv6(&a, copy);
        check_round_trip(&a);
        addr_from_ipv4(&a, copy);
        check_round_trip(&a);
    }
    free(copy);
    return 0;
}
