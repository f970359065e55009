/* SPDX-License-Identifier: ISC */
/*
 * A question to a name server, and what is put into a reply to it.
 *
 * in     octets of the program
 * out    octets for it
 * bound  65535 octets
 * fault  ns_read_query tells of a malformed one
 */
#ifndef SIM_NS_H
#define SIM_NS_H

#include "sim/net.h"

enum {
    NS_TYPE_A = 1,
    NS_TYPE_NS = 2,
    NS_TYPE_CNAME = 5,
    NS_TYPE_SOA = 6,
    NS_TYPE_MX = 15,
    NS_TYPE_AAAA = 28,
    NS_TYPE_OPT = 41,
    NS_TYPE_TLSA = 52,
    NS_AD = 0x0020,
    NS_TC = 0x0200,
    NS_NXDOMAIN = 3,
    NS_HEADER_SIZE = 12,
    NS_EDNS_SIZE = 1232,
    NS_ANSWER_AT = 6
};

struct query {
    uint32_t id, type;
    bool edns;
    int index;      /* of its name in the zone, or -1 */
    int tlsa;       /* likewise, of whose TLSA records are asked for */
    char name[256]; /* dotted, in the case asked */
    const uint8_t *question;
    size_t question_size;
};

bool ns_read_query(const uint8_t *data, size_t size, struct query *q);
uint32_t ns_u16(const uint8_t *p);

/* ns_say.c */
void ns_put_u16(struct bytes *b, uint32_t value);
void ns_set_u16(struct bytes *b, size_t at, uint32_t value);
void ns_put_header(struct bytes *b, const struct query *q, uint32_t flags);
/* Everything of a record; its owner is the question or a name. */
void ns_put_record(struct bytes *b, const char *owner, uint32_t type,
                   const struct bytes *rdata, size_t count_at);
/* What this server says; false: nothing. */
bool ns_put_reply(const struct ns *ns, struct bytes *b, const struct query *q,
                  bool tcp);

/* ns_dane.c: how many records. */
uint32_t ns_put_tlsa(struct bytes *b, const struct zone_tlsa *t);

#endif
