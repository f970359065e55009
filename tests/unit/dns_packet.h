/* SPDX-License-Identifier: ISC */
/*
 * DNS packets built by hand, for the tests of dns/.
 *
 * in     header fields, questions, records; or any bytes
 * out    the packet, with counts that are right unless changed
 * bound  DNS_TCP_SIZE_MAX
 * fault  what does not fit is left out; the test then fails
 */
#ifndef UNIT_DNS_PACKET_H
#define UNIT_DNS_PACKET_H

#include "base/addr.h"
#include "base/slice.h"
#include "dns/message.h"
#include "dns/name.h"

enum {
    QR = 0x8000,
    AA = 0x0400,
    TC = 0x0200,
    RD = 0x0100,
    RA = 0x0080,
    AD = 0x0020,
    CD = 0x0010,
    REPLY = QR | RD | RA,
    TYPE_NS = 2,
    TYPE_SOA = 6,
    TYPE_OPT = 41
};

/* Places of the header's counts. */
enum section { QUESTION = 4, ANSWER = 6, AUTHORITY = 8, ADDITIONAL = 10 };

struct packet {
    struct buf buf;
    uint8_t bytes[DNS_TCP_SIZE_MAX];
};

static inline void
packet_u16(struct packet *p, uint32_t value)
{
    buf_put_byte(&p->buf, (uint8_t)(value >> 8));
    buf_put_byte(&p->buf, (uint8_t)value);
}

static inline void
packet_begin(struct packet *p, uint32_t id, uint32_t flags)
{
    buf_init(&p->buf, p->bytes, sizeof(p->bytes));
    packet_u16(p, id);
    packet_u16(p, flags);
    for (int i = 0; i < 4; i++)
        packet_u16(p, 0);
}

static inline void
packet_count(struct packet *p, enum section section, int more)
{
    int count = p->bytes[section] << 8 | p->bytes[section + 1];

    count += more;
    p->bytes[section] = (uint8_t)(count >> 8);
    p->bytes[section + 1] = (uint8_t)count;
}

/* Labels between dots, of any bytes; "" is the root; "@" a pointer to the
 * question, "@N" to offset N. */
static inline void
packet_name(struct packet *p, const char *text)
{
    if (text[0] == '@') {
        uint32_t at = 0;

        for (text++; *text; text++)
            at = at * 10 + (uint32_t)(*text - '0');
        packet_u16(p, 0xc000 | (at ? at : DNS_HEADER_SIZE));
        return;
    }
    while (*text) {
        size_t size = 0;

        while (text[size] && text[size] != '.')
            size++;
        buf_put_byte(&p->buf, (uint8_t)size);
        buf_put(&p->buf, slice_of(text, size));
        text += size;
        if (*text == '.')
            text++;
    }
    buf_put_byte(&p->buf, 0);
}

static inline void
packet_question(struct packet *p, const struct dns_name *name, uint32_t type)
{
    buf_put(&p->buf, slice_of(name->wire, name->size));
    packet_u16(p, type);
    packet_u16(p, 1);
    packet_count(p, QUESTION, 1);
}

/* Everything before RDATA. */
static inline void
packet_record(struct packet *p, enum section section, const char *owner,
              uint32_t type, size_t rdata_size)
{
    packet_name(p, owner);
    packet_u16(p, type);
    packet_u16(p, type == TYPE_OPT ? DNS_EDNS_SIZE : 1);
    packet_u16(p, 0);
    packet_u16(p, type == TYPE_OPT ? 0 : 300);
    packet_u16(p, (uint32_t)rdata_size);
    packet_count(p, section, 1);
}

static inline void
packet_address(struct packet *p, enum section section, const char *owner,
               const char *address)
{
    struct addr a = {.family = ADDR_NONE};

    if (!addr_parse(slice_text(address), &a))
        return;
    packet_record(p, section, owner, a.family == ADDR_IPV4 ? DNS_A : DNS_AAAA,
                  addr_size(&a));
    buf_put(&p->buf, slice_of(a.bytes, addr_size(&a)));
}

/* After a record of no RDATA: what was put since `from` is its RDATA. */
static inline void
packet_rdata_end(struct packet *p, size_t from)
{
    size_t size = p->buf.used - from;

    p->bytes[from - 2] = (uint8_t)(size >> 8);
    p->bytes[from - 1] = (uint8_t)size;
}

/* A record whose RDATA is a name. */
static inline void
packet_target(struct packet *p, enum section section, const char *owner,
              uint32_t type, const char *target)
{
    size_t from = 0;

    packet_record(p, section, owner, type, 0);
    from = p->buf.used;
    packet_name(p, target);
    packet_rdata_end(p, from);
}

static inline void
packet_mx(struct packet *p, const char *owner, uint32_t preference,
          const char *target)
{
    size_t from = 0;

    packet_record(p, ANSWER, owner, DNS_MX, 0);
    from = p->buf.used;
    packet_u16(p, preference);
    packet_name(p, target);
    packet_rdata_end(p, from);
}

static inline void
packet_tlsa(struct packet *p, const char *owner, struct slice rdata)
{
    packet_record(p, ANSWER, owner, DNS_TLSA, rdata.size);
    buf_put(&p->buf, rdata);
}

static inline void
packet_alias(struct packet *p, const char *owner, const char *target)
{
    packet_target(p, ANSWER, owner, DNS_CNAME, target);
}

static inline struct slice
packet_slice(const struct packet *p)
{
    return buf_slice(&p->buf);
}

static inline struct dns_name
name_of(const char *text)
{
    struct dns_name n = {0};

    if (!dns_name_parse(slice_text(text), &n))
        n.size = 0;
    return n;
}

#endif
