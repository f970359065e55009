/* SPDX-License-Identifier: ISC */
/* One question and up to four replies, raw or built from records, against a
 * slow reading of the whole packet. */
#include "dns/query.h"

#include "dns_reference.h"

enum { PACKET_SIZE = 2048, RECORDS_MAX = 80, ID = 0x4142 };

/* ---- packets made of decisions ---- */

static void
put_u16(struct buf *b, uint32_t value)
{
    buf_put_byte(b, (uint8_t)(value >> 8));
    buf_put_byte(b, (uint8_t)value);
}

/* A name: the question's, a pointer anywhere, one of a few, or raw bytes. */
static void
put_name(struct buf *b, const struct dns_name *asked, struct slice *in)
{
    static const char *const names[] = {"\1b\2cd", "\1c\2cd", "\1C\2Cd",
                                        "\3d.d\2cd", ""};
    uint8_t how = fuzz_u8(in);

    switch (how & 7) {
    case 0:
    case 1:
        put_u16(b, 0xc00c);
        break;
    case 2:
        put_u16(b, 0xc000u | fuzz_u16(in) % 0x200u);
        break;
    case 3:
        buf_put(b, slice_of(asked->wire, asked->size));
        break;
    case 4:
        buf_put(b, fuzz_take(in, how >> 3));
        break;
    default:
        buf_put_text(b, names[(how >> 3) % 5]);
        buf_put_byte(b, 0);
    }
}

static void
put_rdata(struct buf *b, const struct dns_name *asked, uint32_t type,
          struct slice *in)
{
    uint8_t bytes[ADDR_SIZE_MAX] = {0};
    struct slice some;

    switch (type) {
    case DNS_MX:
        put_u16(b, fuzz_u8(in) % 4);
        put_name(b, asked, in);
        break;
    case DNS_CNAME:
        put_name(b, asked, in);
        break;
    case DNS_A:
    case DNS_AAAA:
        some = fuzz_take(in, 2);
        if (some.size > 0)
            memcpy(bytes, some.data, some.size);
        buf_put(b, slice_of(bytes, type == DNS_A ? 4 : 16));
        break;
    default:
        buf_put(b, fuzz_take(in, 4));
    }
}

static void
put_record(struct buf *b, const struct dns_name *asked, uint32_t asked_type,
           struct slice *in)
{
    static const uint16_t types[] = {0,      DNS_CNAME, DNS_A, DNS_AAAA,
                                     DNS_MX, 2,         6,     41};
    uint8_t how = fuzz_u8(in);
    uint32_t type = types[how & 7] ? types[how & 7] : asked_type;
    size_t length_at = 0, rdata_at = 0;

    put_name(b, asked, in);
    put_u16(b, type);
    put_u16(b, how & 0x40 ? fuzz_u16(in) : 1);
    put_u16(b, type == 41 && how & 0x20 ? 0x0100 : 0);
    put_u16(b, 0);
    length_at = b->used;
    put_u16(b, 0);
    rdata_at = b->used;
    put_rdata(b, asked, type, in);
    if (b->full)
        return;
    b->data[length_at] = (uint8_t)((b->used - rdata_at) >> 8);
    b->data[length_at + 1] = (uint8_t)(b->used - rdata_at);
    if (how & 0x80) /* it lies */
        b->data[length_at + 1] ^= fuzz_u8(in);
}

static void
build(struct buf *b, const struct dns_question *sent, struct slice *in)
{
    static const uint16_t flags[] = {0x8180, 0x8183, 0x8182, 0x8181,
                                     0x8380, 0x8000, 0x8403, 0x8184};
    uint8_t how = fuzz_u8(in), count = fuzz_u8(in);
    struct dns_name name = sent->name;

    put_u16(b, how & 0x80 ? fuzz_u16(in) : ID);
    put_u16(b, how & 0x40 ? fuzz_u16(in) : flags[how & 7]);
    put_u16(b, how & 0x20 ? fuzz_u8(in) : 1);
    put_u16(b, (count & 15) * (count & 0x40 ? 4u : 1u));
    put_u16(b, count >> 4 & 1);
    put_u16(b, (count >> 5 & 1) + (count >> 7));
    if (how & 0x10)
        dns_name_lower(&name);
    buf_put(b, slice_of(name.wire, name.size));
    put_u16(b, how & 0x08 && how & 0x20 ? fuzz_u8(in) : sent->type);
    put_u16(b, 1);
    for (size_t i = 0; i < RECORDS_MAX && in->size > 0 && !b->full; i++)
        put_record(b, &sent->name, sent->type, in);
}

/* ---- the slow reading ---- */

struct record {
    struct dns_name owner, target;
    uint32_t type, class, preference, ttl;
    struct slice rdata;
};

struct reading {
    bool ours, other_case, cut, sound;
    uint32_t flags, rcode, answer_count;
    bool ns, soa, trailing;
    uint32_t count; /* answers of class IN */
    struct record answers[1024];
};

static struct reading reading;

static uint32_t
u16_at(struct slice m, size_t at)
{
    return at + 2 <= m.size ? m.data[at] * 256u + m.data[at + 1] : 0;
}

/* RDATA that does not say what its type promises. */
static bool
rdata_is_bad(struct slice m, size_t from, struct record *r)
{
    size_t skip = r->type == DNS_MX ? 2 : 0, at = from + skip;

    if (r->class != 1)
        return false;
    if (r->type == DNS_A)
        return r->rdata.size != 4;
    if (r->type == DNS_AAAA)
        return r->rdata.size != 16;
    if (r->type != DNS_MX && r->type != DNS_CNAME)
        return false;
    r->preference = u16_at(m, from);
    return r->rdata.size < skip ||
           !slow_name(m, &at, from + r->rdata.size, &r->target) ||
           at != from + r->rdata.size;
}

/* False: the packet ends too early. */
static bool
slow_record(struct slice m, size_t *at, struct record *r)
{
    size_t size = 0;

    if (!slow_name(m, at, m.size, &r->owner) || *at + 10 > m.size)
        return false;
    r->type = u16_at(m, *at);
    r->class = u16_at(m, *at + 2);
    r->ttl = u16_at(m, *at + 4);
    size = u16_at(m, *at + 8);
    *at += 10;
    if (size > m.size - *at)
        return false;
    r->rdata = slice_of(m.data + *at, size);
    *at += size;
    return true;
}

static void
slow_sections(struct slice m, size_t at, struct reading *out)
{
    uint32_t opts = 0, counts[3];

    out->sound = true;
    for (uint32_t s = 0; s < 3; s++)
        counts[s] = u16_at(m, 6 + 2 * s);
    out->answer_count = counts[0];
    for (uint32_t i = 0; i < counts[0] + counts[1] + counts[2]; i++) {
        struct record r = {.type = 0};

        if (!slow_record(m, &at, &r)) {
            out->sound = false;
            return;
        }
        if (i < counts[0]) {
            if (rdata_is_bad(m, (size_t)(r.rdata.data - m.data), &r))
                out->sound = false;
            if (r.class == 1 && out->count < 1024)
                out->answers[out->count++] = r;
        } else if (i < counts[0] + counts[1]) {
            out->ns |= r.type == 2;
            out->soa |= r.type == 6;
        } else if (r.type == 41) {
            out->rcode |= r.ttl >> 8 << 4;
            out->sound = out->sound && ++opts < 2;
        }
    }
    out->trailing = at < m.size;
}

static void
slow_read(struct slice m, const struct dns_question *sent, struct reading *out)
{
    struct dns_name name = {0};
    size_t at = 12;
    bool bare = false;

    memset(out, 0, offsetof(struct reading, answers));
    out->flags = u16_at(m, 2);
    out->rcode = out->flags & 15;
    if (m.size < 12 || u16_at(m, 0) != ID || (out->flags & 0xf800) != 0x8000)
        return;
    out->cut = out->flags & 0x200;
    bare = u16_at(m, 4) + u16_at(m, 6) + u16_at(m, 8) == 0 && out->rcode != 0 &&
           out->rcode != 3 && !out->cut;
    if (!bare) {
        if (u16_at(m, 4) != 1 || !slow_name(m, &at, m.size, &name) ||
            at + 4 > m.size || u16_at(m, at) != sent->type ||
            u16_at(m, at + 2) != 1)
            return;
        if (!dns_name_equal(&name, &sent->name))
            return;
        out->other_case =
            sent->exact && !dns_name_identical(&name, &sent->name);
        at += 4;
    }
    out->ours = true;
    if (!out->cut)
        slow_sections(m, at, out);
}

static struct record *
slow_find(struct reading *r, const struct dns_name *owner, uint32_t type)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (r->answers[i].type == type &&
            dns_name_equal(&r->answers[i].owner, owner))
            return &r->answers[i];
    return NULL;
}

/* What the reply must lead to: state, or a verdict that keeps it pending. */
static enum dns_verdict
slow_verdict(const struct dns_query *q, const struct dns_question *sent,
             bool tcp, enum dns_state *state)
{
    struct reading *r = &reading;
    struct dns_name target = q->target;
    uint32_t aliases = q->alias_count;
    struct record *alias = NULL;
    enum dns_verdict spoilt = sent->edns ? DNS_VERDICT_PLAIN : DNS_VERDICT_BAD;

    *state = DNS_PENDING;
    if (!r->ours)
        return tcp ? DNS_VERDICT_BAD : DNS_VERDICT_IGNORE;
    if (r->other_case)
        return DNS_VERDICT_PLAIN;
    if (r->cut)
        return tcp ? DNS_VERDICT_BAD : DNS_VERDICT_STREAM;
    if (!r->sound || r->rcode == 1 || r->rcode == 4 || r->rcode == 16)
        return spoilt;
    if (r->rcode == 5)
        return DNS_VERDICT_BUSY;
    if (r->rcode != 0 && r->rcode != 3)
        return DNS_VERDICT_BAD;
    while (!slow_find(r, &target, q->type) &&
           (alias = slow_find(r, &target, DNS_CNAME))) {
        if (++aliases > DNS_CNAME_COUNT_MAX) {
            *state = DNS_FAILED;
            return DNS_VERDICT_DONE;
        }
        target = alias->target;
    }
    if (slow_find(r, &target, q->type)) {
        *state = r->rcode == 0 ? DNS_FOUND : DNS_PENDING;
        return r->rcode == 0 ? DNS_VERDICT_DONE : spoilt;
    }
    if (aliases > q->alias_count && r->rcode == 0)
        return DNS_VERDICT_ALIAS;
    if (r->trailing || (r->answer_count > 0 && aliases == q->alias_count))
        return spoilt;
    if (r->rcode == 0 && r->ns && !r->soa && !(r->flags & 0x480))
        return spoilt;
    *state = r->rcode == 3 ? DNS_NO_NAME : DNS_NODATA;
    return DNS_VERDICT_DONE;
}

/* ---- both ---- */

static void
check_exchangers(const struct dns_query *q)
{
    const struct dns_mx_set *set = q->mx;
    uint32_t hosts = 0, better = 0;
    bool null = false;

    for (uint32_t i = 0; i < reading.count; i++) {
        const struct record *r = &reading.answers[i];

        if (r->type != DNS_MX || !dns_name_equal(&r->owner, &q->target))
            continue;
        null |= dns_name_is_root(&r->target);
        if (!dns_name_is_host(&r->target))
            continue;
        hosts++;
        better += set->count > 0 &&
                  r->preference < set->items[set->count - 1].preference;
    }
    MUST(set->null == null);
    MUST(set->count == (hosts < DNS_MX_COUNT_MAX ? hosts : DNS_MX_COUNT_MAX));
    MUST(better <= set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        MUST(dns_name_is_host(&set->items[i].name));
        MUST(i == 0 ||
             set->items[i - 1].preference <= set->items[i].preference);
    }
}

static void
check_addresses(const struct dns_query *q)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < reading.count; i++) {
        const struct record *r = &reading.answers[i];
        struct addr a;

        if (r->type != (uint32_t)q->type || count == DNS_ADDRESS_COUNT_MAX ||
            !dns_name_equal(&r->owner, &q->target))
            continue;
        if (q->type == DNS_A)
            addr_from_ipv4(&a, r->rdata.data);
        else
            addr_from_ipv6(&a, r->rdata.data);
        MUST(addr_equal(&a, &q->addresses[count]));
        count++;
    }
    MUST(q->address_count == count && count > 0);
}

static enum dns_verdict
reply(struct dns_query *q, const struct dns_question *sent, bool tcp,
      struct slice packet)
{
    uint8_t *copy = fuzz_copy(packet);
    struct slice m = slice_of(copy, packet.size);
    enum dns_state state;
    enum dns_verdict expected, verdict;
    bool secure = q->secure;

    slow_read(m, sent, &reading);
    expected = slow_verdict(q, sent, tcp, &state);
    if (expected == DNS_VERDICT_DONE || expected == DNS_VERDICT_ALIAS)
        secure = secure && sent->ad && reading.flags & 0x20;
    verdict = dns_query_read(q, sent, tcp, m);
    MUST(verdict == expected && q->state == state && q->secure == secure);
    MUST(q->alias_count <= DNS_CNAME_COUNT_MAX && q->target.size > 0);
    if (state == DNS_FOUND && q->type == DNS_MX)
        check_exchangers(q);
    else if (state == DNS_FOUND)
        check_addresses(q);
    else
        MUST(q->address_count == 0 && (!q->mx || q->mx->count == 0));
    free(copy);
    return verdict;
}

/* What is sent, read as a server does. */
static void
check_query(const struct dns_question *sent)
{
    uint8_t bytes[DNS_QUERY_SIZE_MAX];
    struct dns_name name = {0};
    struct buf b;
    size_t at = 12;

    buf_init(&b, bytes, sizeof(bytes));
    dns_message_query(&b, sent);
    MUST(!b.full && u16_at(buf_slice(&b), 0) == sent->id);
    MUST(slow_name(buf_slice(&b), &at, b.used, &name));
    MUST(dns_name_identical(&name, &sent->name));
    MUST(u16_at(buf_slice(&b), at) == (uint32_t)sent->type);
    MUST(b.used == at + 4 + (sent->edns ? 11 : 0));
    MUST(u16_at(buf_slice(&b), 2) == (sent->ad ? 0x120 : 0x100));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_MX};
    static struct dns_mx_set mx;
    static uint8_t bytes[PACKET_SIZE];
    struct slice in = slice_of(data, size);
    uint8_t flags = fuzz_u8(&in);
    struct dns_question sent = {.id = ID};
    struct dns_query q;

    MUST(dns_name_parse(flags & 0x80 ? SLICE("Ab.cd") : SLICE("b.cd"),
                        &sent.name));
    sent.type = types[flags % 3];
    dns_mx_set_init(&mx, flags);
    dns_query_init(&q, &sent.name, sent.type, sent.type == DNS_MX ? &mx : NULL,
                   NULL);
    sent.ad = flags & 0x20;
    for (uint32_t i = 0; i < 4 && q.state == DNS_PENDING; i++) {
        struct slice part = fuzz_take(&in, fuzz_u16(&in) % 300u);
        struct buf b;

        sent.name = q.target;
        sent.exact = flags & 4;
        sent.edns = flags & 8;
        if (sent.exact)
            dns_name_mix(&sent.name, (const uint8_t *)"0123456789abcdef");
        check_query(&sent);
        buf_init(&b, bytes, sizeof(bytes));
        if (flags & 16)
            buf_put(&b, part);
        else
            build(&b, &sent, &part);
        (void)reply(&q, &sent, flags & 32, buf_slice(&b));
    }
    return 0;
}
