/* SPDX-License-Identifier: ISC */
#include "tls/constraints.h"

#include "base/addr.h"
#include "tls/der.h"

enum tls_constraints
tls_constraints_find(struct slice extensions, struct slice *value)
{
    const struct slice wanted = SLICE("\x55\x1d\x1e"); /* 2.5.29.30 */
    enum tls_constraints found = TLS_CONSTRAINTS_NONE;
    struct cursor outer, c;

    cursor_init(&outer, extensions);
    cursor_init(&c, tls_der_take(&outer, TLS_DER_SEQUENCE));
    while (c.rest.size > 0) {
        struct cursor e;

        cursor_init(&e, tls_der_take(&c, TLS_DER_SEQUENCE));
        if (c.bad)
            return TLS_CONSTRAINTS_BAD;
        if (!slice_equal(tls_der_take(&e, TLS_DER_OID), wanted))
            continue;
        if (tls_der_peek(&e) == TLS_DER_BOOLEAN)
            tls_der_take(&e, TLS_DER_BOOLEAN); /* critical, or not */
        *value = tls_der_take(&e, TLS_DER_OCTETS);
        if (e.bad || found != TLS_CONSTRAINTS_NONE)
            return TLS_CONSTRAINTS_BAD;
        found = TLS_CONSTRAINTS_ALLOW;
    }
    return found;
}

/* Something that names can end in. A leading dot asks for one label more, as
 * OpenSSL has it; the RFC says that of URIs only. */
static bool
is_domain(struct slice base)
{
    for (size_t i = 0; i < base.size; i++)
        if (base.data[i] <= ' ' || base.data[i] >= 0x7f || base.data[i] == '*')
            return false;
    return base.size == 0 || base.data[base.size - 1] != '.';
}

static bool
is_under(struct slice name, struct slice domain)
{
    size_t more = name.size - domain.size;

    if (domain.size == 0)
        return true;
    if (name.size < domain.size ||
        !slice_equal_nocase(slice_part(name, more, name.size), domain))
        return false;
    return more == 0 || domain.data[0] == '.' || name.data[more - 1] == '.';
}

/* `range` is an address and its mask. */
static bool
is_within(struct slice address, struct slice range)
{
    if (range.size != 2 * address.size)
        return false;
    for (size_t i = 0; i < address.size; i++)
        if ((address.data[i] ^ range.data[i]) & range.data[address.size + i])
            return false;
    return true;
}

/* Of a GeneralSubtree: ALLOW where the name is in it, FORBID where not, NONE
 * where it is of another form. */
static enum tls_constraints
look_into(struct slice subtree, uint8_t tag, struct slice name)
{
    struct cursor c;
    uint8_t form;
    struct slice base;
    bool is_inside;

    cursor_init(&c, subtree);
    form = tls_der_peek(&c);
    base = tls_der_take(&c, form);
    if (c.bad)
        return TLS_CONSTRAINTS_BAD;
    if (form != tag)
        return TLS_CONSTRAINTS_NONE;
    /* minimum is 0, and there is no maximum */
    if (c.rest.size > 0 && !slice_equal(c.rest, SLICE("\x80\x01\x00")))
        return TLS_CONSTRAINTS_BAD;
    if (tag == TLS_DER_DNS_NAME) {
        if (!is_domain(base))
            return TLS_CONSTRAINTS_BAD;
        is_inside = is_under(name, base);
    } else {
        if (base.size != 2 * (size_t)ADDR_IPV4_SIZE &&
            base.size != 2 * (size_t)ADDR_SIZE_MAX)
            return TLS_CONSTRAINTS_BAD;
        is_inside = is_within(name, base);
    }
    return is_inside ? TLS_CONSTRAINTS_ALLOW : TLS_CONSTRAINTS_FORBID;
}

/* As look_into, of a list of them; BAD if one is. */
static enum tls_constraints
look_through(struct slice subtrees, uint8_t tag, struct slice name)
{
    enum tls_constraints all = TLS_CONSTRAINTS_NONE;
    struct cursor c;

    cursor_init(&c, subtrees);
    while (c.rest.size > 0) {
        struct slice subtree = tls_der_take(&c, TLS_DER_SEQUENCE);
        enum tls_constraints one =
            c.bad ? TLS_CONSTRAINTS_BAD : look_into(subtree, tag, name);

        if (one == TLS_CONSTRAINTS_BAD)
            return one;
        if (one == TLS_CONSTRAINTS_ALLOW || all == TLS_CONSTRAINTS_NONE)
            all = one;
    }
    return all;
}

static struct slice
take_if_next(struct cursor *c, uint8_t tag)
{
    return tls_der_peek(c) == tag ? tls_der_take(c, tag) : slice_of(NULL, 0);
}

enum tls_constraints
tls_constraints_judge(struct slice value, uint8_t tag, struct slice name)
{
    enum tls_constraints permitted, excluded;
    struct cursor outer, c;

    if (tag != TLS_DER_DNS_NAME && tag != TLS_DER_IP_ADDRESS)
        return TLS_CONSTRAINTS_ALLOW;
    cursor_init(&outer, value);
    cursor_init(&c, tls_der_take(&outer, TLS_DER_SEQUENCE));
    permitted = look_through(take_if_next(&c, TLS_DER_CONTEXT_0), tag, name);
    excluded = look_through(take_if_next(&c, TLS_DER_CONTEXT_1), tag, name);
    if (outer.bad || outer.rest.size > 0 || c.bad || c.rest.size > 0 ||
        permitted == TLS_CONSTRAINTS_BAD || excluded == TLS_CONSTRAINTS_BAD)
        return TLS_CONSTRAINTS_BAD;
    if (permitted == TLS_CONSTRAINTS_FORBID ||
        excluded == TLS_CONSTRAINTS_ALLOW)
        return TLS_CONSTRAINTS_FORBID;
    return TLS_CONSTRAINTS_ALLOW;
}
