/* SPDX-License-Identifier: ISC */
/*
 * Name servers: the truth of the zone, told in the manner of each and when it
 * is known, with forgeries on the way.
 *
 * in     queries, which must be well-formed
 * out    replies; what is false in them leads to a trap (check.c)
 * bound  65535 octets
 * fault  a malformed query is a violation
 */
#include "sim/ns.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sim/check.h"

enum {
    RD = 0x0100,
    AUTHORITY_AT = 8,
    ADDITIONAL_AT = 10,
    DISCARD_MS = 1900 /* Unbound's discard-timeout */
};

/* ---- reading ---- */

uint32_t
ns_u16(const uint8_t *p)
{
    return (uint32_t)(p[0] << 8 | p[1]);
}

static int
find_name(const char *text)
{
    for (uint32_t i = 0; i < world.zone.name_count; i++)
        if (strcasecmp(world.zone.names[i].text, text) == 0)
            return (int)i;
    return -1;
}

/* Whose TLSA records, at the port in use; -1: that is not asked. */
static int
find_tlsa(const struct query *q)
{
    char front[32];
    int size = snprintf(front, sizeof(front), "_%u._tcp.", world.port);

    if (q->type != NS_TYPE_TLSA ||
        strncasecmp(q->name, front, (size_t)size) != 0)
        return -1;
    return find_name(q->name + size);
}

/* The program asks one question, recursion desired, authentic data where it
 * makes use of that, at most an OPT behind. */
bool
ns_read_query(const uint8_t *data, size_t size, struct query *q)
{
    static const uint8_t opt[] = {
        0, 0, NS_TYPE_OPT, NS_EDNS_SIZE >> 8, NS_EDNS_SIZE & 0xff, 0, 0, 0, 0,
        0, 0};
    size_t at = NS_HEADER_SIZE, used = 0;
    uint32_t flags = world.dane.on ? RD | NS_AD : RD;

    if (size < NS_HEADER_SIZE || ns_u16(data + 2) != flags ||
        ns_u16(data + 4) != 1 || ns_u16(data + NS_ANSWER_AT) != 0 ||
        ns_u16(data + AUTHORITY_AT) != 0 || ns_u16(data + ADDITIONAL_AT) > 1)
        return false;
    q->id = ns_u16(data);
    q->edns = ns_u16(data + ADDITIONAL_AT) == 1;
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
    q->index = find_name(q->name);
    if (at + 5 > size || ns_u16(data + at + 3) != 1)
        return false;
    q->type = ns_u16(data + at + 1);
    q->tlsa = find_tlsa(q);
    if (q->type == NS_TYPE_TLSA && (q->tlsa < 0 || !world.dane.on))
        return false;
    q->question = data + NS_HEADER_SIZE;
    q->question_size = at + 5 - NS_HEADER_SIZE;
    at += 5;
    if (!q->edns)
        return at == size;
    return size - at == sizeof(opt) && memcmp(data + at, opt, size - at) == 0;
}

/* ---- forgeries ---- */

/* One letter; false: the question has none in upper case, so that case does
 * not count (it is asked so from the second round on). */
static bool
flip_case(struct bytes *b, const struct query *q)
{
    for (size_t i = NS_HEADER_SIZE; i < NS_HEADER_SIZE + q->question_size - 4;
         i++)
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
    ns_put_header(&b, &other, once_in(3) ? NS_NXDOMAIN : 0);
    if ((b.data[3] & 15) == 0) {
        bytes_put(&rdata, trap.bytes, trap.size);
        ns_put_record(&b, NULL, NS_TYPE_A, &rdata, NS_ANSWER_AT);
    }
    if (way == 1)
        b.data[NS_HEADER_SIZE + 1] ^= 1; /* another name */
    if (way == 2)
        b.data[NS_HEADER_SIZE + q->question_size - 3] ^= 2; /* another type */
    if (way == 3)
        b.data[2] &= 0x7f; /* a query */
    if (way == 4)
        b.data[NS_HEADER_SIZE + q->question_size - 1] = 3; /* another class */
    if (way == 5 && !flip_case(&b, q))
        return;
    trace("ns %s forges (%u)", place_text(&c->place), way);
    conn_datagram(c, b.data, b.size, draw(c->ns->latency_ms + 2));
}

/* ---- what arrives ---- */

static const char *
type_text(uint32_t type)
{
    return type == NS_TYPE_A      ? "A"
           : type == NS_TYPE_AAAA ? "AAAA"
           : type == NS_TYPE_TLSA ? "TLSA"
                                  : "MX";
}

/* One that knows the zone, or what its resolver finds out about it. */
static bool
is_searching(const struct ns *ns, const struct query *q)
{
    if (ns->manner == NS_NO_EDNS && q->edns)
        return false;
    return ns->manner != NS_NO_NAME && ns->manner != NS_NO_DATA &&
           ns->manner != NS_SERVFAIL && ns->manner != NS_REFUSED &&
           ns->manner != NS_NOTIMP && ns->manner != NS_BARE &&
           ns->manner != NS_LAME && ns->manner != NS_BADVERS;
}

static enum ask
ask_of(const struct query *q)
{
    return q->type == NS_TYPE_MX  ? ASK_MX
           : q->type == NS_TYPE_A ? ASK_A
                                  : ASK_AAAA;
}

/* How long this server has to look until it knows; the first who asked it has
 * begun the search. `first`: he has. */
static int64_t
wait_ms(struct ns *ns, const struct query *q, bool *first)
{
    enum ask ask = ask_of(q);
    int64_t *asked_ms = NULL, left_ms = 0;

    *first = false;
    if (q->index < 0)
        return 0;
    asked_ms = &ns->asked_ms[q->index][ask];
    *first = *asked_ms < 0;
    if (*first)
        *asked_ms = sim_now_ms;
    left_ms = *asked_ms + world.zone.names[q->index].late_ms[ask] - sim_now_ms;
    return left_ms > 0 ? left_ms : 0;
}

void
ns_datagram(struct conn *c, const uint8_t *data, size_t size)
{
    struct ns *ns = c->ns;
    struct query q;
    struct bytes b = {0};
    int64_t after_ms = 0;
    bool first = false;

    if (!ns_read_query(data, size, &q)) {
        violated(CHECK_QUERY, "malformed DNS query: %s", quoted(data, size));
        return;
    }
    trace("ns %s asked %s %s%s", place_text(&c->place), type_text(q.type),
          q.name, q.edns ? "" : " without EDNS");
    c->name = q.index;
    c->ask = ask_of(&q);
    check_question(q.index, c->ask, sim_now_ms);
    if (ns->manner == NS_UNREACHABLE)
        conn_unreachable(c, ns->latency_ms);
    while (chance(ns->noise) && chance(60))
        forge(c, &q);
    if (chance(ns->loss) || !ns_put_reply(ns, &b, &q, false))
        return;
    /* Whoever tells no truth need not search for it. */
    if (is_searching(ns, &q))
        after_ms = wait_ms(ns, &q, &first);
    if ((first && ns->loses_first) || (ns->discards && after_ms > DISCARD_MS)) {
        trace("ns %s: lost", place_text(&c->place));
        return;
    }
    trace("ns %s answers %u octets, flags %04x, %u answers, after %lld ms",
          place_text(&c->place), (unsigned)b.size, ns_u16(b.data + 2),
          ns_u16(b.data + NS_ANSWER_AT), (long long)after_ms);
    after_ms += ns->latency_ms;
    conn_datagram(c, b.data, b.size, after_ms);
    if (chance(ns->noise))
        conn_datagram(c, b.data, b.size, after_ms + draw(3000));
}

void
ns_stream_opened(struct conn *c)
{
    if (c->ns && c->ns->stream == NS_TCP_CLOSED)
        conn_end(c, chance(50));
}

/* A reply by TCP, until it is known. */
struct later {
    struct conn *conn;
    struct bytes text;
};

static void
send_stream(void *context, size_t value)
{
    struct later *l = context;
    struct conn *c = l->conn;
    struct bytes framed = {0};
    enum ns_stream way = c->ns->stream;
    uint32_t length = (uint32_t)l->text.size;

    (void)value;
    if (way == NS_TCP_LENGTH)
        length = once_in(2) ? draw(12) : length + 1 + draw(60000);
    ns_put_u16(&framed, length);
    bytes_put(&framed, l->text.data, l->text.size);
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
    struct later *l = NULL;
    size_t length = 0;
    bool first = false;

    if (!c->ns)
        return;
    bytes_put(&c->query, data, size);
    if (c->query.size < 2)
        return;
    length = ns_u16(c->query.data);
    if (c->query.size < length + 2)
        return;
    if (c->query.size > length + 2 ||
        !ns_read_query(c->query.data + 2, length, &q)) {
        violated(CHECK_QUERY, "malformed DNS query by TCP");
        return;
    }
    trace("ns %s asked %s %s by TCP", place_text(&c->place), type_text(q.type),
          q.name);
    check_question(q.index, ask_of(&q), c->opened_ms);
    l = sim_alloc(sizeof(*l));
    l->conn = c;
    if (c->ns->stream == NS_TCP_SILENT ||
        !ns_put_reply(c->ns, &l->text, &q, true))
        return;
    if (c->ns->stream == NS_TCP_TC)
        ns_set_u16(&l->text, 2, ns_u16(l->text.data + 2) | NS_TC);
    event_at(sim_now_ms +
                 (is_searching(c->ns, &q) ? wait_ms(c->ns, &q, &first) : 0),
             send_stream, l, 0);
}
