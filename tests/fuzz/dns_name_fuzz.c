/* SPDX-License-Identifier: ISC */
/* Names: out of messages against a slow reading, and through text. */
#include "dns/name.h"

#include "dns_reference.h"

static void
check_text(const struct dns_name *n)
{
    uint8_t bytes[4 * NAME_WIRE_SIZE_MAX];
    struct dns_name again;
    struct buf b;

    buf_init(&b, bytes, sizeof(bytes));
    dns_name_print(&b, n);
    MUST(!b.full && b.used > 0);
    for (size_t i = 0; i < b.used; i++)
        MUST(bytes[i] > ' ' && bytes[i] < 0x7f);
    if (dns_name_is_root(n))
        MUST(b.used == 1 && bytes[0] == '.' && !dns_name_is_host(n));
    if (!dns_name_is_host(n))
        return;
    MUST(b.used <= NAME_TEXT_SIZE_MAX);
    MUST(dns_name_parse(buf_slice(&b), &again));
    MUST(dns_name_identical(n, &again));
}

static void
check_case(const struct dns_name *n, const uint8_t bits[static DNS_CASE_SIZE])
{
    struct dns_name mixed = *n, lower = *n;

    dns_name_mix(&mixed, bits);
    dns_name_lower(&lower);
    MUST(dns_name_equal(&mixed, n) && dns_name_equal(&lower, n));
    dns_name_lower(&mixed);
    MUST(dns_name_identical(&mixed, &lower));
}

static void
check_take(struct slice m, size_t at, size_t end,
           const uint8_t bits[static DNS_CASE_SIZE])
{
    struct dns_name n, slow = {0};
    struct cursor c;
    size_t after = at;
    bool fine = slow_name(m, &after, end, &slow);

    cursor_init(&c, slice_part(m, at, end));
    dns_name_take(m, &c, &n);
    MUST(c.bad == !fine);
    MUST((n.size > 0) == fine);
    if (!fine)
        return;
    MUST((size_t)(c.rest.data - m.data) == after);
    MUST(dns_name_identical(&n, &slow));
    check_text(&n);
    check_case(&n, bits);
}

static void
check_parse(struct slice text)
{
    struct dns_name n, again = {0};
    size_t at = 0;

    if (!dns_name_parse(text, &n))
        return;
    MUST(n.size >= 3 && n.wire[n.size - 1] == 0);
    MUST(slow_name(slice_of(n.wire, n.size), &at, n.size, &again));
    MUST(at == n.size && dns_name_identical(&n, &again));
    MUST(dns_name_is_host(&n));
    check_text(&n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    size_t at = fuzz_u16(&in), end = fuzz_u16(&in);
    uint8_t bits[DNS_CASE_SIZE] = {0};
    struct slice m = in;
    uint8_t *copy = fuzz_copy(m);

    if (m.size > 0)
        memcpy(bits, m.data, m.size < sizeof(bits) ? m.size : sizeof(bits));
    at = m.size ? at % (m.size + 1) : 0;
    end = end ? at + end % (m.size - at + 1) : m.size;
    m.data = copy;
    check_take(m, at, end, bits);
    check_parse(m);
    free(copy);
    return 0;
}
