/* SPDX-License-Identifier: ISC */
#include "sim/ns.h"

#include <string.h>

enum {
    QR = 0x8000,
    RD = 0x0100,
    RA = 0x0080,
    FORMERR = 1,
    SERVFAIL = 2,
    NOTIMP = 4,
    REFUSED = 5,
    PLAIN_SIZE = 512,
    AUTHORITY_AT = 8,
    ADDITIONAL_AT = 10,
    ALIAS_MAX = 8,
    POINTER = 0xc000
};

/* ---- writing ---- */

void
ns_put_u16(struct bytes *b, uint32_t value)
{
    uint8_t two[] = {(uint8_t)(value >> 8), (uint8_t)value};

    bytes_put(b, two, sizeof(two));
}

void
ns_set_u16(struct bytes *b, size_t at, uint32_t value)
{
    b->data[at] = (uint8_t)(value >> 8);
    b->data[at + 1] = (uint8_t)value;
}

static void
put_name(struct bytes *b, const char *text)
{
    static const uint8_t root = 0;

    while (*text) {
        uint8_t size = (uint8_t)strcspn(text, ".");

        bytes_put(b, &size, 1);
        bytes_put(b, text, size);
        text += size + (text[size] == '.');
    }
    bytes_put(b, &root, 1);
}

/* Everything of a record; its owner is the question or a name. */
void
ns_put_record(struct bytes *b, const char *owner, uint32_t type,
              const struct bytes *rdata, size_t count_at)
{
    if (owner)
        put_name(b, owner);
    else
        ns_put_u16(b, POINTER | NS_HEADER_SIZE);
    ns_put_u16(b, type);
    ns_put_u16(b, 1);
    ns_put_u16(b, 0);
    ns_put_u16(b, 300);
    ns_put_u16(b, (uint32_t)rdata->size);
    bytes_put(b, rdata->data, rdata->size);
    ns_set_u16(b, count_at, ns_u16(b->data + count_at) + 1);
}

void
ns_put_header(struct bytes *b, const struct query *q, uint32_t flags)
{
    ns_put_u16(b, q->id);
    ns_put_u16(b, QR | RD | RA | flags);
    ns_put_u16(b, 1);
    for (int i = 0; i < 3; i++)
        ns_put_u16(b, 0);
    bytes_put(b, q->question, q->question_size);
}

static void
put_soa(struct bytes *b)
{
    static const uint8_t numbers[20] = {0};
    struct bytes rdata = {0};

    put_name(&rdata, "ns.sim.test");
    put_name(&rdata, "root.sim.test");
    bytes_put(&rdata, numbers, sizeof(numbers));
    ns_put_record(b, "sim.test", NS_TYPE_SOA, &rdata, AUTHORITY_AT);
}

static uint32_t
put_addresses(struct bytes *b, const struct zone_name *n, const char *owner,
              uint32_t size, uint32_t type)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n->address_count; i++) {
        struct bytes rdata = {0};

        if (n->addresses[i].size != size)
            continue;
        bytes_put(&rdata, n->addresses[i].bytes, size);
        ns_put_record(b, owner, type, &rdata, NS_ANSWER_AT);
        count++;
    }
    return count;
}

static uint32_t
put_exchangers(struct bytes *b, const char *owner)
{
    for (uint32_t i = 0; i < world.zone.mx_count; i++) {
        const struct zone_mx *mx = &world.zone.mx[i];
        struct bytes rdata = {0};

        ns_put_u16(&rdata, mx->preference);
        put_name(&rdata,
                 mx->target < 0 ? "" : world.zone.names[mx->target].text);
        ns_put_record(b, owner, NS_TYPE_MX, &rdata, NS_ANSWER_AT);
    }
    return world.zone.mx_count;
}

static void
fail_query(struct bytes *b, const struct query *q)
{
    b->size = NS_HEADER_SIZE + q->question_size;
    ns_set_u16(b, NS_ANSWER_AT, 0);
    ns_set_u16(b, 2, ns_u16(b->data + 2) | SERVFAIL);
}

static bool
has_name(int index, uint32_t type)
{
    if (index < 0 || world.zone.names[index].dress ||
        world.zone.names[index].state == ZONE_NO_NAME)
        return false;
    return !(world.zone.mx_no_name && type == NS_TYPE_MX &&
             index == world.zone.mx_owner);
}

static void
put_tlsa(struct bytes *b, const struct query *q)
{
    const struct zone_tlsa *t = &world.dane.tlsa[q->tlsa];

    ns_put_header(b, q, t->insecure ? 0 : NS_AD);
    if (t->state == TLSA_SERVFAIL)
        fail_query(b, q);
    else if (ns_put_tlsa(b, t) == 0)
        put_soa(b);
}

/* The truth. Aliases are followed within the packet, or sometimes not. `told`:
 * of which names, by bits. */
static void
put_truth(struct bytes *b, const struct query *q, uint64_t *told)
{
    int index = q->index;
    const char *owner = NULL;
    uint32_t count = 0;

    ns_put_header(b, q, 0);
    for (int hops = 0; index >= 0 && world.zone.names[index].alias >= 0;
         hops++) {
        struct bytes rdata = {0};

        if (hops == ALIAS_MAX) { /* a loop */
            fail_query(b, q);
            return;
        }

        *told |= UINT64_C(1) << index;
        index = world.zone.names[index].alias;
        put_name(&rdata, world.zone.names[index].text);
        ns_put_record(b, owner, NS_TYPE_CNAME, &rdata, NS_ANSWER_AT);
        owner = world.zone.names[index].text;
        if (chance(world.dane.there ? 50 : 20))
            return;
    }
    if (index >= 0)
        *told |= UINT64_C(1) << index;
    if (!has_name(index, q->type)) {
        ns_set_u16(b, 2, ns_u16(b->data + 2) | NS_NXDOMAIN);
    } else if (world.zone.names[index].state == ZONE_BROKEN) {
        fail_query(b, q);
        return;
    } else if (q->type == NS_TYPE_MX && index == world.zone.mx_owner) {
        count = put_exchangers(b, owner);
    } else if (q->type == NS_TYPE_A || q->type == NS_TYPE_AAAA) {
        count = put_addresses(b, &world.zone.names[index], owner,
                              q->type == NS_TYPE_A ? 4 : 16, q->type);
    }
    if (count == 0)
        put_soa(b);
}

static void
put_answer(struct bytes *b, const struct query *q)
{
    uint64_t told = 0;

    if (q->tlsa >= 0) {
        put_tlsa(b, q);
        return;
    }
    put_truth(b, q, &told);
    if (world.dane.there && (told & world.dane.insecure) == 0)
        ns_set_u16(b, 2, ns_u16(b->data + 2) | NS_AD);
}

/* ---- manners ---- */

static void
put_error(struct bytes *b, const struct query *q, uint32_t rcode, bool bare)
{
    ns_put_header(b, q, rcode);
    if (!bare)
        return;
    b->size = NS_HEADER_SIZE;
    ns_set_u16(b, 4, 0);
}

/* RFC 6891 section 6.1: the upper bits of the code are in the TTL. */
static void
put_opt(struct bytes *b, uint8_t code, size_t count_at)
{
    const uint8_t opt[] = {0,
                           0,
                           NS_TYPE_OPT,
                           NS_EDNS_SIZE >> 8,
                           NS_EDNS_SIZE & 0xff,
                           code,
                           0,
                           0,
                           0,
                           0,
                           0};

    bytes_put(b, opt, sizeof(opt));
    ns_set_u16(b, count_at, ns_u16(b->data + count_at) + 1);
}

/* Right id and question, and wrong in a way that can be seen. */
static void
spoil(struct bytes *b, const struct query *q)
{
    static const uint8_t loop[] = {0xc0, 0xff, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4};
    size_t records = NS_HEADER_SIZE + q->question_size;

    switch (draw(4)) {
    case 0: /* a record promised and not there */
        b->size = records;
        ns_set_u16(b, NS_ANSWER_AT, 1 + draw(3));
        break;
    case 1: /* a pointer that leads forward */
        b->size = records;
        bytes_put(b, loop, sizeof(loop));
        ns_set_u16(b, NS_ANSWER_AT, 1);
        ns_set_u16(b, AUTHORITY_AT, 0);
        break;
    case 2: /* cut */
        if (b->size > records)
            b->size = records + draw((uint32_t)(b->size - records));
        ns_set_u16(b, NS_ANSWER_AT, ns_u16(b->data + NS_ANSWER_AT) + 1);
        break;
    default: /* counts */
        ns_set_u16(b, ADDITIONAL_AT, 0xffff);
    }
}

static void
put_referral(struct bytes *b, const struct query *q)
{
    struct bytes rdata = {0};

    ns_put_header(b, q, 0);
    ns_set_u16(b, 2, QR | RD);
    put_name(&rdata, "ns.else.test");
    ns_put_record(b, "test", NS_TYPE_NS, &rdata, AUTHORITY_AT);
}

/* Another network's word about a name that it does not know. */
static void
put_other_horizon(struct bytes *b, const struct query *q, bool name)
{
    ns_put_header(b, q, name ? 0 : NS_NXDOMAIN);
    put_soa(b);
}

static void
lower_question(struct bytes *b, const struct query *q)
{
    for (size_t i = NS_HEADER_SIZE; i < NS_HEADER_SIZE + q->question_size - 4;
         i++)
        if (b->data[i] >= 'A' && b->data[i] <= 'Z')
            b->data[i] = (uint8_t)(b->data[i] + 'a' - 'A');
}

/* What this server says; false: nothing. */
bool
ns_put_reply(const struct ns *ns, struct bytes *b, const struct query *q,
             bool tcp)
{
    if (q->tlsa >= 0 && world.dane.tlsa[q->tlsa].state == TLSA_SILENT)
        return false;
    if (ns->full_ms > sim_now_ms) {
        put_error(b, q, REFUSED, false);
        return true;
    }
    switch (ns->manner) {
    case NS_SILENT:
    case NS_UNREACHABLE:
        return false;
    case NS_SERVFAIL:
        put_error(b, q, SERVFAIL, false);
        return true;
    case NS_REFUSED:
        put_error(b, q, REFUSED, false);
        return true;
    case NS_NOTIMP:
        put_error(b, q, NOTIMP, chance(50));
        return true;
    case NS_BARE:
        put_error(b, q, chance(50) ? FORMERR : SERVFAIL, true);
        return true;
    case NS_LAME:
        put_referral(b, q);
        return true;
    case NS_BADVERS:
        ns_put_header(b, q, 0);
        put_opt(b, 1, ADDITIONAL_AT);
        return true;
    case NS_NO_NAME:
    case NS_NO_DATA:
        put_other_horizon(b, q, ns->manner == NS_NO_DATA);
        return true;
    case NS_DROPS_EDNS:
        if (q->edns)
            return false;
        break;
    default:
        break;
    }
    if (ns->manner == NS_NO_EDNS && q->edns) {
        put_error(b, q, chance(50) ? FORMERR : NOTIMP, chance(30));
        return true;
    }
    put_answer(b, q);
    if (q->edns && ns->manner == NS_OPT_COUNTED)
        ns_set_u16(b, ADDITIONAL_AT, ns_u16(b->data + ADDITIONAL_AT) + 1);
    else if (q->edns && ns->manner == NS_OPT_ANSWERS)
        put_opt(b, 0, NS_ANSWER_AT);
    else if (q->edns && !chance(10))
        put_opt(b, 0, ADDITIONAL_AT);
    if (ns->manner == NS_RUBBISH)
        spoil(b, q);
    if (ns->manner == NS_LOWER)
        lower_question(b, q);
    if (!tcp && ns->manner == NS_CUT && q->edns && b->size > PLAIN_SIZE)
        b->size = PLAIN_SIZE;
    if (!tcp && (ns->manner == NS_TRUNCATED ||
                 b->size > (q->edns ? NS_EDNS_SIZE : PLAIN_SIZE))) {
        b->size = NS_HEADER_SIZE + q->question_size;
        memset(b->data + NS_ANSWER_AT, 0, 6);
        ns_set_u16(b, 2, ns_u16(b->data + 2) | NS_TC);
    }
    return true;
}
