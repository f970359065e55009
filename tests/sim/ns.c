/* SPDX-License-Identifier: ISC */
/*
 * Name servers: the truth of the zone, told in the manner of each, with
 * forgeries on the way.
 *
 * in     queries, which must be well-formed
 * out    replies; what is false in them leads to a trap (check.c)
 * bound  65535 octets
 * fault  a malformed query is a violation
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sim/check.h"
#include "sim/net.h"

enum {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_MX = 15,
    TYPE_AAAA = 28,
    TYPE_OPT = 41,
    QR = 0x8000,
    AA = 0x0400,
    TC = 0x0200,
    RD = 0x0100,
    RA = 0x0080,
    NOERROR = 0,
    FORMERR = 1,
    SERVFAIL = 2,
    NXDOMAIN = 3,
    NOTIMP = 4,
    REFUSED = 5,
    HEADER_SIZE = 12,
    PLAIN_SIZE = 512,
    EDNS_SIZE = 1232,
    ANSWER_AT = 6,
    AUTHORITY_AT = 8,
    ADDITIONAL_AT = 10,
    ALIAS_MAX = 8,
    POINTER = 0xc000
};

struct query {
    uint32_t id, type;
    bool edns;
    char name[256]; /* dotted, in the case asked */
    const uint8_t *question;
    size_t question_size;
};

/* ---- reading ---- */

static uint32_t
take_u16(const uint8_t *p)
{
    return (uint32_t)(p[0] << 8 | p[1]);
}

/* The program asks one question, recursion desired, at most an OPT behind. */
static bool
read_query(const uint8_t *data, size_t size, struct query *q)
{
    static const uint8_t opt[] = {
        0, 0, TYPE_OPT, EDNS_SIZE >> 8, EDNS_SIZE & 0xff, 0, 0, 0, 0, 0, 0};
    size_t at = HEADER_SIZE, used = 0;

    if (size < HEADER_SIZE || take_u16(data + 2) != RD ||
        take_u16(data + 4) != 1 || take_u16(data + ANSWER_AT) != 0 ||
        take_u16(data + AUTHORITY_AT) != 0 ||
        take_u16(data + ADDITIONAL_AT) > 1)
        return false;
    q->id = take_u16(data);
    q->edns = take_u16(data + ADDITIONAL_AT) == 1;
    while (at < size && data[at] != 0) {
        size_t label = data[at];

        if (label > 63 || at + label >= size || used + label + 1 > 255)
            return false;
        if (used > 0)
            q->name[used++] = '.';
        memcpy(q->name + used, data + at + 1, label);
        used += label;
        at += label + 1;
    }
    q->name[used] = '\0';
    if (at + 5 > size || take_u16(data + at + 3) != 1)
        return false;
    q->type = take_u16(data + at + 1);
    q->question = data + HEADER_SIZE;
    q->question_size = at + 5 - HEADER_SIZE;
    at += 5;
    if (!q->edns)
        return at == size;
    return size - at == sizeof(opt) && memcmp(data + at, opt, size - at) == 0;
}

/* ---- writing ---- */

static void
put_u16(struct bytes *b, uint32_t value)
{
    uint8_t two[] = {(uint8_t)(value >> 8), (uint8_t)value};

    bytes_put(b, two, sizeof(two));
}

static void
set_u16(struct bytes *b, size_t at, uint32_t value)
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
static void
put_record(struct bytes *b, const char *owner, uint32_t type,
           const struct bytes *rdata, size_t count_at)
{
    if (owner)
        put_name(b, owner);
    else
        put_u16(b, POINTER | HEADER_SIZE);
    put_u16(b, type);
    put_u16(b, 1);
    put_u16(b, 0);
    put_u16(b, 300);
    put_u16(b, (uint32_t)rdata->size);
    bytes_put(b, rdata->data, rdata->size);
    set_u16(b, count_at, take_u16(b->data + count_at) + 1);
}

static void
put_header(struct bytes *b, const struct query *q, uint32_t flags)
{
    put_u16(b, q->id);
    put_u16(b, QR | RD | RA | flags);
    put_u16(b, 1);
    for (int i = 0; i < 3; i++)
        put_u16(b, 0);
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
    put_record(b, "sim.test", TYPE_SOA, &rdata, AUTHORITY_AT);
}

static int
find_name(const char *text)
{
    for (uint32_t i = 0; i < world.zone.name_count; i++)
        if (strcasecmp(world.zone.names[i].text, text) == 0)
            return (int)i;
    return -1;
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
        put_record(b, owner, type, &rdata, ANSWER_AT);
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

        put_u16(&rdata, mx->preference);
        put_name(&rdata,
                 mx->target < 0 ? "" : world.zone.names[mx->target].text);
        put_record(b, owner, TYPE_MX, &rdata, ANSWER_AT);
    }
    return world.zone.mx_count;
}

static void
fail_query(struct bytes *b, const struct query *q)
{
    b->size = HEADER_SIZE + q->question_size;
    set_u16(b, ANSWER_AT, 0);
    set_u16(b, 2, take_u16(b->data + 2) | SERVFAIL);
}

/* The truth. Aliases are followed within the packet, or sometimes not. */
static void
put_answer(struct bytes *b, const struct query *q)
{
    int index = find_name(q->name);
    const char *owner = NULL;
    uint32_t count = 0;

    put_header(b, q, 0);
    for (int hops = 0; index >= 0 && world.zone.names[index].alias >= 0;
         hops++) {
        struct bytes rdata = {0};

        if (hops == ALIAS_MAX) { /* a loop */
            fail_query(b, q);
            return;
        }

        index = world.zone.names[index].alias;
        put_name(&rdata, world.zone.names[index].text);
        put_record(b, owner, TYPE_CNAME, &rdata, ANSWER_AT);
        owner = world.zone.names[index].text;
        if (chance(20))
            return;
    }
    if (index < 0 || world.zone.names[index].state == ZONE_NO_NAME) {
        set_u16(b, 2, take_u16(b->data + 2) | NXDOMAIN);
    } else if (world.zone.names[index].state == ZONE_BROKEN) {
        fail_query(b, q);
        return;
    } else if (q->type == TYPE_MX && index == world.zone.mx_owner) {
        count = put_exchangers(b, owner);
    } else if (q->type == TYPE_A || q->type == TYPE_AAAA) {
        count = put_addresses(b, &world.zone.names[index], owner,
                              q->type == TYPE_A ? 4 : 16, q->type);
    }
    if (count == 0)
        put_soa(b);
}

/* ---- manners ---- */

static void
put_error(struct bytes *b, const struct query *q, uint32_t rcode, bool bare)
{
    put_header(b, q, rcode);
    if (!bare)
        return;
    b->size = HEADER_SIZE;
    set_u16(b, 4, 0);
}

/* RFC 6891 section 6.1: the upper bits of the code are in the TTL. */
static void
put_opt(struct bytes *b, uint8_t code)
{
    const uint8_t opt[] = {
        0, 0, TYPE_OPT, EDNS_SIZE >> 8, EDNS_SIZE & 0xff, code, 0, 0, 0, 0, 0};

    bytes_put(b, opt, sizeof(opt));
    set_u16(b, ADDITIONAL_AT, take_u16(b->data + ADDITIONAL_AT) + 1);
}

/* Right id and question, and wrong in a way that can be seen. */
static void
spoil(struct bytes *b, const struct query *q)
{
    static const uint8_t loop[] = {0xc0, 0xff, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4};
    size_t records = HEADER_SIZE + q->question_size;

    switch (draw(4)) {
    case 0: /* a record promised and not there */
        b->size = records;
        set_u16(b, ANSWER_AT, 1 + draw(3));
        break;
    case 1: /* a pointer that leads forward */
        b->size = records;
        bytes_put(b, loop, sizeof(loop));
        set_u16(b, ANSWER_AT, 1);
        set_u16(b, AUTHORITY_AT, 0);
        break;
    case 2: /* cut */
        if (b->size > records)
            b->size = records + draw((uint32_t)(b->size - records));
        set_u16(b, ANSWER_AT, take_u16(b->data + ANSWER_AT) + 1);
        break;
    default: /* counts */
        set_u16(b, ADDITIONAL_AT, 0xffff);
    }
}

static void
put_referral(struct bytes *b, const struct query *q)
{
    struct bytes rdata = {0};

    put_header(b, q, 0);
    set_u16(b, 2, QR | RD);
    put_name(&rdata, "ns.else.test");
    put_record(b, "test", TYPE_NS, &rdata, AUTHORITY_AT);
}

static void
lower_question(struct bytes *b, const struct query *q)
{
    for (size_t i = HEADER_SIZE; i < HEADER_SIZE + q->question_size - 4; i++)
        if (b->data[i] >= 'A' && b->data[i] <= 'Z')
            b->data[i] = (uint8_t)(b->data[i] + 'a' - 'A');
}

/* What this server says; false: nothing. */
static bool
put_reply(const struct ns *ns, struct bytes *b, const struct query *q, bool tcp)
{
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
        put_header(b, q, 0);
        put_opt(b, 1);
        return true;
    default:
        break;
    }
    if (ns->manner == NS_NO_EDNS && q->edns) {
        put_error(b, q, chance(50) ? FORMERR : NOTIMP, chance(30));
        return true;
    }
    put_answer(b, q);
    if (q->edns && !chance(10))
        put_opt(b, 0);
    if (ns->manner == NS_RUBBISH)
        spoil(b, q);
    if (ns->manner == NS_LOWER)
        lower_question(b, q);
    if (!tcp && (ns->manner == NS_TRUNCATED ||
                 b->size > (q->edns ? EDNS_SIZE : PLAIN_SIZE))) {
        b->size = HEADER_SIZE + q->question_size;
        memset(b->data + ANSWER_AT, 0, 6);
        set_u16(b, 2, take_u16(b->data + 2) | TC);
    }
    return true;
}

/* ---- forgeries ---- */

/* One letter; false: the question has none in upper case, so that case does
 * not count (it is asked so from the second round on). */
static bool
flip_case(struct bytes *b, const struct query *q)
{
    for (size_t i = HEADER_SIZE; i < HEADER_SIZE + q->question_size - 4; i++)
        if (b->data[i] >= 'A' && b->data[i] <= 'Z') {
            b->data[i] ^= 0x20;
            return true;
        }
    return false;
}

/* What somebody off the path may send: never right in id, question and case
 * at once. All it says leads to the trap. */
static void
forge(struct conn *c, const struct query *q)
{
    struct query other = *q;
    struct bytes b = {0}, rdata = {0};
    struct place trap = check_trap();
    uint32_t way = draw(6);

    if (way == 0)
        other.id = (q->id + 1 + draw(65535)) & 0xffff;
    put_header(&b, &other, once_in(3) ? NXDOMAIN : 0);
    if ((b.data[3] & 15) == 0) {
        bytes_put(&rdata, trap.bytes, trap.size);
        put_record(&b, NULL, TYPE_A, &rdata, ANSWER_AT);
    }
    if (way == 1)
        b.data[HEADER_SIZE + 1] ^= 1; /* another name */
    if (way == 2)
        b.data[HEADER_SIZE + q->question_size - 3] ^= 2; /* another type */
    if (way == 3)
        b.data[2] &= 0x7f; /* a query */
    if (way == 4)
        b.data[HEADER_SIZE + q->question_size - 1] = 3; /* another class */
    if (way == 5 && !flip_case(&b, q))
        return;
    trace("ns %s forges (%u)", place_text(&c->place), way);
    conn_datagram(c, b.data, b.size, draw(c->ns->latency_ms + 2));
}

/* ---- what arrives ---- */

static const char *
type_text(uint32_t type)
{
    return type == TYPE_A ? "A" : type == TYPE_AAAA ? "AAAA" : "MX";
}

void
ns_datagram(struct conn *c, const uint8_t *data, size_t size)
{
    struct ns *ns = c->ns;
    struct query q;
    struct bytes b = {0};

    if (!read_query(data, size, &q)) {
        violated(CHECK_QUERY, "malformed DNS query: %s", quoted(data, size));
        return;
    }
    trace("ns %s asked %s %s%s", place_text(&c->place), type_text(q.type),
          q.name, q.edns ? "" : " without EDNS");
    if (ns->manner == NS_UNREACHABLE)
        conn_unreachable(c, ns->latency_ms);
    while (chance(ns->noise) && chance(60))
        forge(c, &q);
    if (chance(ns->loss) || !put_reply(ns, &b, &q, false))
        return;
    trace("ns %s answers %u octets, flags %04x, %u answers",
          place_text(&c->place), (unsigned)b.size, take_u16(b.data + 2),
          take_u16(b.data + ANSWER_AT));
    conn_datagram(c, b.data, b.size, ns->latency_ms);
    if (chance(ns->noise))
        conn_datagram(c, b.data, b.size, ns->latency_ms + draw(3000));
}

void
ns_stream_opened(struct conn *c)
{
    if (c->ns && c->ns->stream == NS_TCP_CLOSED)
        conn_end(c, chance(50));
}

static void
send_stream(struct conn *c, const struct bytes *b)
{
    struct bytes framed = {0};
    enum ns_stream way = c->ns->stream;
    uint32_t length = (uint32_t)b->size;

    if (way == NS_TCP_LENGTH)
        length = once_in(2) ? draw(12) : length + 1 + draw(60000);
    put_u16(&framed, length);
    bytes_put(&framed, b->data, b->size);
    if (way == NS_TCP_SHORT)
        framed.size = draw((uint32_t)framed.size);
    trace("ns %s answers %u octets by TCP", place_text(&c->place),
          (unsigned)framed.size);
    conn_send(c, framed.data, framed.size, 1 + draw(2000));
    if (way == NS_TCP_SHORT || chance(30))
        conn_end(c, false);
}

void
ns_stream(struct conn *c, const uint8_t *data, size_t size)
{
    struct query q;
    struct bytes b = {0};
    size_t length = 0;

    if (!c->ns)
        return;
    bytes_put(&c->query, data, size);
    if (c->query.size < 2)
        return;
    length = take_u16(c->query.data);
    if (c->query.size < length + 2)
        return;
    if (c->query.size > length + 2 ||
        !read_query(c->query.data + 2, length, &q)) {
        violated(CHECK_QUERY, "malformed DNS query by TCP");
        return;
    }
    trace("ns %s asked %s %s by TCP", place_text(&c->place), type_text(q.type),
          q.name);
    if (c->ns->stream == NS_TCP_SILENT || !put_reply(c->ns, &b, &q, true))
        return;
    if (c->ns->stream == NS_TCP_TC)
        set_u16(&b, 2, take_u16(b.data + 2) | TC);
    send_stream(c, &b);
}
