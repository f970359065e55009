/* SPDX-License-Identifier: ISC */
/*
 * Name constraints: any DER, of an extension and of a certificate's list of
 * them; and constraints that are built, against a slow reading that goes label
 * by label and bit by bit.
 */
#include "tls/constraints.h"

#include "base/ascii.h"
#include "fuzz.h"
#include "tls/der.h"

enum {
    VALUE_SIZE = 4096,
    SUBTREE_COUNT_MAX = 6,
    LABEL_COUNT_MAX = 8,
    DOMAIN_SIZE_MAX = 64,
    RANGE_SIZE_MAX = 32
};

struct subtree {
    bool excluded, address;
    uint8_t bytes[DOMAIN_SIZE_MAX];
    size_t size;
};

/* ---- any bytes ---- */

static void
check_raw(struct slice in)
{
    uint8_t *copy = fuzz_copy(in);
    struct slice all = slice_of(copy, in.size), value = {0};

    (void)tls_constraints_judge(all, TLS_DER_DNS_NAME, SLICE("mx.example"));
    (void)tls_constraints_judge(all, TLS_DER_IP_ADDRESS, SLICE("\1\2\3\4"));
    if (tls_constraints_find(all, &value) == TLS_CONSTRAINTS_ALLOW) {
        MUST(value.size == 0 ||
             (value.data >= copy && value.data + value.size <= copy + in.size));
        (void)tls_constraints_judge(value, TLS_DER_DNS_NAME, in);
    }
    free(copy);
}

/* ---- the slow reading ---- */

/* Splits at the dots; the labels' number. */
static size_t
labels_of(struct slice name, struct slice *labels)
{
    size_t count = 0;

    while (name.size > 0 && count < LABEL_COUNT_MAX)
        labels[count++] = fuzz_until(&name, '.');
    return count;
}

static bool
is_under(struct slice name, struct slice domain)
{
    struct slice names[LABEL_COUNT_MAX], domains[LABEL_COUNT_MAX];
    bool below = domain.size > 0 && domain.data[0] == '.';
    size_t many, few;

    if (below)
        domain = slice_part(domain, 1, domain.size);
    many = labels_of(name, names);
    few = labels_of(domain, domains);
    if (few > many || (below && few == many))
        return false;
    for (size_t i = 0; i < few; i++)
        if (!slice_equal_nocase(names[many - 1 - i], domains[few - 1 - i]))
            return false;
    return true;
}

static bool
is_within(struct slice address, const struct subtree *s)
{
    if (s->size != 2 * address.size)
        return false;
    for (size_t bit = 0; bit < 8 * address.size; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> bit % 8);

        if (s->bytes[address.size + bit / 8] & mask &&
            (address.data[bit / 8] & mask) != (s->bytes[bit / 8] & mask))
            return false;
    }
    return true;
}

static enum tls_constraints
read_slowly(const struct subtree *list, size_t count, uint8_t tag,
            struct slice name)
{
    bool address = tag == TLS_DER_IP_ADDRESS;
    bool asked = false, permitted = false, excluded = false;

    for (size_t i = 0; i < count; i++) {
        const struct subtree *s = &list[i];
        bool inside = false;

        if (s->address != address)
            continue;
        inside = address ? is_within(name, s)
                         : is_under(name, slice_of(s->bytes, s->size));
        excluded |= s->excluded && inside;
        permitted |= !s->excluded && inside;
        asked |= !s->excluded;
    }
    return excluded || (asked && !permitted) ? TLS_CONSTRAINTS_FORBID
                                             : TLS_CONSTRAINTS_ALLOW;
}

/* ---- constraints that are built ---- */

/* Of few letters, so that they often end alike. */
static size_t
put_domain(struct slice *in, uint8_t *out, bool dot)
{
    size_t size = 0;
    size_t count = fuzz_u8(in) % 5u;

    if (dot && count > 0)
        out[size++] = '.';
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            out[size++] = '.';
        out[size++] = (uint8_t) "abABx-*a"[fuzz_u8(in) & (dot ? 3 : 7)];
        if (fuzz_u8(in) & 1)
            out[size++] = (uint8_t) "aBc"[fuzz_u8(in) % 3u];
    }
    return size;
}

static void
fill(struct slice *in, struct subtree *s)
{
    uint8_t how = fuzz_u8(in);

    s->excluded = how & 1;
    s->address = how & 2;
    if (!s->address) {
        s->size = put_domain(in, s->bytes, how & 4);
        for (size_t i = 0; i < s->size; i++) /* `*` is none of a domain's */
            if (s->bytes[i] == '*')
                s->bytes[i] = 'a';
        return;
    }
    s->size = how & 4 ? RANGE_SIZE_MAX : 8;
    for (size_t i = 0; i < s->size; i++)
        s->bytes[i] = i < s->size / 2 ? fuzz_u8(in) & 3 : fuzz_u8(in);
}

static void
put_list(struct buf *out, const struct subtree *list, size_t count,
         bool excluded)
{
    static uint8_t bytes[VALUE_SIZE];
    struct buf b;

    buf_init(&b, bytes, sizeof(bytes));
    for (size_t i = 0; i < count; i++) {
        if (list[i].excluded != excluded)
            continue;
        tls_der_put_header(&b, TLS_DER_SEQUENCE, 2 + list[i].size);
        tls_der_put_header(
            &b, list[i].address ? TLS_DER_IP_ADDRESS : TLS_DER_DNS_NAME,
            list[i].size);
        buf_put(&b, slice_of(list[i].bytes, list[i].size));
    }
    if (b.used == 0)
        return;
    tls_der_put_header(out, excluded ? TLS_DER_CONTEXT_1 : TLS_DER_CONTEXT_0,
                       b.used);
    buf_put(out, buf_slice(&b));
}

static void
check_built(struct slice in)
{
    static uint8_t list_bytes[VALUE_SIZE], bytes[VALUE_SIZE];
    struct subtree list[SUBTREE_COUNT_MAX];
    size_t count = fuzz_u8(&in) % (SUBTREE_COUNT_MAX + 1u);
    uint8_t name_bytes[DOMAIN_SIZE_MAX], address[RANGE_SIZE_MAX / 2];
    uint8_t how = fuzz_u8(&in);
    struct buf lists, value;
    struct slice name;
    uint8_t tag = how & 1 ? TLS_DER_IP_ADDRESS : TLS_DER_DNS_NAME;

    for (size_t i = 0; i < count; i++)
        fill(&in, &list[i]);
    for (size_t i = 0; i < sizeof(address); i++)
        address[i] = fuzz_u8(&in) & 3;
    name = how & 1 ? slice_of(address, how & 2 ? sizeof(address) : 4)
                   : slice_of(name_bytes, put_domain(&in, name_bytes, false));
    buf_init(&lists, list_bytes, sizeof(list_bytes));
    put_list(&lists, list, count, false);
    put_list(&lists, list, count, true);
    buf_init(&value, bytes, sizeof(bytes));
    tls_der_put_header(&value, TLS_DER_SEQUENCE, lists.used);
    buf_put(&value, buf_slice(&lists));
    MUST(!value.full);
    MUST(tls_constraints_judge(buf_slice(&value), tag, name) ==
         read_slowly(list, count, tag, name));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);

    if (fuzz_u8(&in) & 1)
        check_raw(in);
    else
        check_built(in);
    return 0;
}
