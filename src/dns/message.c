/* SPDX-License-Identifier: ISC */
#include "dns/message.h"

#include "base/assert.h"

enum {
    CLASS_IN = 1,
    TYPE_NS = 2,
    TYPE_SOA = 6,
    TYPE_OPT = 41,

    FLAG_QR = 0x8000,
    FLAG_OPCODE = 0x7800,
    FLAG_AA = 0x0400,
    FLAG_TC = 0x0200,
    FLAG_RD = 0x0100,
    FLAG_RA = 0x0080,
    FLAG_AD = 0x0020,
    FLAG_RCODE = 0x000f,

    RCODE_BITS = 4,      /* of a header; EDNS has those above */
    RCODE_OPT_SHIFT = 24 /* where the TTL of an OPT has them */
};

struct header {
    uint16_t id;
    uint16_t flags;
    uint16_t question_count;
    uint16_t answer_count;
    uint16_t authority_count;
    uint16_t additional_count;
};

static void
put_u16(struct buf *out, uint32_t value)
{
    assert(value <= UINT16_MAX);
    buf_put_network(out, value, 2);
}

void
dns_message_query(struct buf *out, const struct dns_question *question)
{
    put_u16(out, question->id);
    put_u16(out, FLAG_RD | (question->ad ? FLAG_AD : 0));
    put_u16(out, 1);
    put_u16(out, 0);
    put_u16(out, 0);
    put_u16(out, question->edns);

    buf_put(out, slice_of(question->name.wire, question->name.size));
    put_u16(out, question->type);
    put_u16(out, CLASS_IN);
    if (!question->edns)
        return;

    buf_put_byte(out, 0); /* RFC 6891 6.1.2: owned by the root, */
    put_u16(out, TYPE_OPT);
    put_u16(out, DNS_EDNS_SIZE); /* the class is a size, */
    put_u16(out, 0);             /* the TTL extended RCODE, version */
    put_u16(out, 0);             /* and flags */
    put_u16(out, 0);             /* no options */
}

static struct header
take_header(struct cursor *c)
{
    struct header h;

    h.id = cursor_u16(c);
    h.flags = cursor_u16(c);
    h.question_count = cursor_u16(c);
    h.answer_count = cursor_u16(c);
    h.authority_count = cursor_u16(c);
    h.additional_count = cursor_u16(c);
    return h;
}

/* Servers that cannot read a query may return its header alone. That proves
 * less than an echoed question, so it may say no more than this. */
static bool
is_bare_error(const struct header *h)
{
    uint32_t rcode = h->flags & FLAG_RCODE;

    return h->question_count == 0 && h->answer_count == 0 &&
           h->authority_count == 0 && rcode != DNS_RCODE_NOERROR &&
           rcode != DNS_RCODE_NXDOMAIN && !(h->flags & FLAG_TC);
}

/* Takes the question of a reply: SOUND if it is the one that was sent. */
static enum dns_reading
take_question(struct slice packet, struct cursor *c,
              const struct dns_question *sent)
{
    struct dns_name name;
    uint16_t type = 0, class = 0;

    dns_name_take(packet, c, &name);
    type = cursor_u16(c);
    class = cursor_u16(c);
    if (c->bad || type != sent->type || class != CLASS_IN ||
        !dns_name_equal(&name, &sent->name))
        return DNS_READING_FOREIGN;
    if (sent->exact && !dns_name_identical(&name, &sent->name))
        return DNS_READING_OTHER_CASE;
    return DNS_READING_SOUND;
}

static void
take_record(struct slice whole, struct cursor *c, struct dns_record *out)
{
    dns_name_take(whole, c, &out->owner);
    out->type = cursor_u16(c);
    out->class = cursor_u16(c);
    out->ttl = cursor_u32(c);
    out->rdata = cursor_take(c, cursor_u16(c));
}

/* A name, `skip` bytes into RDATA; false unless it ends where RDATA does. */
static bool
rdata_name(struct slice whole, struct slice rdata, size_t skip,
           struct dns_name *out)
{
    struct cursor c;

    cursor_init(&c, rdata);
    cursor_take(&c, skip);
    if (c.bad)
        return false;
    dns_name_take(whole, &c, out);
    return !c.bad && c.rest.size == 0;
}

static bool
record_is_sound(struct slice whole, const struct dns_record *r)
{
    struct dns_name name;

    if (r->class != CLASS_IN)
        return true;
    switch (r->type) {
    case DNS_A:
        return r->rdata.size == ADDR_IPV4_SIZE;
    case DNS_AAAA:
        return r->rdata.size == ADDR_SIZE_MAX;
    case DNS_CNAME:
        return rdata_name(whole, r->rdata, 0, &name);
    case DNS_MX:
        return rdata_name(whole, r->rdata, sizeof(uint16_t), &name);
    default:
        return true;
    }
}

/* The three sections; the cursor or *sound tells what is wrong. */
static void
take_sections(struct cursor *c, const struct header *h, struct dns_message *m,
              bool *sound)
{
    struct dns_record r;
    bool ns = false, soa = false;
    uint32_t opt_count = 0;

    m->answers = *c;
    for (uint32_t i = 0; i < h->answer_count && !c->bad; i++) {
        take_record(m->whole, c, &r);
        if (!c->bad && !record_is_sound(m->whole, &r))
            *sound = false;
    }
    for (uint32_t i = 0; i < h->authority_count && !c->bad; i++) {
        take_record(m->whole, c, &r);
        ns = ns || r.type == TYPE_NS;
        soa = soa || r.type == TYPE_SOA;
    }
    for (uint32_t i = 0; i < h->additional_count && !c->bad; i++) {
        take_record(m->whole, c, &r);
        if (r.type != TYPE_OPT)
            continue;
        m->rcode |= r.ttl >> RCODE_OPT_SHIFT << RCODE_BITS;
        opt_count++;
    }
    m->referral = ns && !soa;
    if (opt_count > 1) /* RFC 6891 6.1.1 */
        *sound = false;
}

enum dns_reading
dns_message_read(struct slice packet, const struct dns_question *question,
                 struct dns_message *out)
{
    struct cursor c;
    struct header h;
    enum dns_reading reading = DNS_READING_SOUND;
    bool sound = true;

    cursor_init(&c, packet);
    h = take_header(&c);
    if (c.bad || h.id != question->id || !(h.flags & FLAG_QR) ||
        h.flags & FLAG_OPCODE)
        return DNS_READING_FOREIGN;
    if (!is_bare_error(&h)) {
        if (h.question_count != 1)
            return DNS_READING_FOREIGN;
        reading = take_question(packet, &c, question);
    }
    if (reading != DNS_READING_SOUND)
        return reading;
    if (h.flags & FLAG_TC)
        return DNS_READING_TRUNCATED;

    *out = (struct dns_message){.whole = packet,
                                .answer_count = h.answer_count,
                                .rcode = h.flags & FLAG_RCODE,
                                .authoritative = h.flags & FLAG_AA,
                                .recursive = h.flags & FLAG_RA,
                                .authentic = question->ad && h.flags & FLAG_AD};
    take_sections(&c, &h, out, &sound);
    out->trailing = c.rest.size > 0;
    return c.bad || !sound ? DNS_READING_RUBBISH : DNS_READING_SOUND;
}

void
dns_message_answers(const struct dns_message *m, struct dns_answers *out)
{
    *out = (struct dns_answers){
        .whole = m->whole, .at = m->answers, .left_count = m->answer_count};
}

bool
dns_answers_next(struct dns_answers *answers, struct dns_record *out)
{
    while (answers->left_count > 0) {
        answers->left_count--;
        take_record(answers->whole, &answers->at, out);
        assert(!answers->at.bad);
        if (out->class == CLASS_IN)
            return true;
    }
    return false;
}

void
dns_record_alias(struct slice whole, const struct dns_record *r,
                 struct dns_name *out)
{
    bool sound = rdata_name(whole, r->rdata, 0, out);

    assert(r->type == DNS_CNAME && sound);
}

uint16_t
dns_record_exchanger(struct slice whole, const struct dns_record *r,
                     struct dns_name *out)
{
    bool sound = rdata_name(whole, r->rdata, sizeof(uint16_t), out);
    struct cursor c;

    assert(r->type == DNS_MX && sound);
    cursor_init(&c, r->rdata);
    return cursor_u16(&c);
}
