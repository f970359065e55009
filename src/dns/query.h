/* SPDX-License-Identifier: ISC */
/*
 * One question to the DNS and what the replies make of it (RFC 1034 5.3.3,
 * 2308, 5321 section 5.1, 6698, 7505).
 *
 * in     a name and a type; packets, with the question they should reply to
 * out    state; addresses, the best mail exchangers, or TLSA records
 * bound  DNS_CNAME_COUNT_MAX aliases over all replies, DNS_ADDRESS_COUNT_MAX
 *        addresses, DNS_MX_COUNT_MAX exchangers: the rest is ignored. More
 *        TLSA records than base/tlsa.h keeps, or a malformed one: DNS_FAILED
 * fault  DNS_VERDICT_BAD: this reply decides nothing. DNS_NODATA and
 *        DNS_NO_NAME only ever come from a well-formed reply that says so
 * order  init, then read ... until the state is not DNS_PENDING
 */
#ifndef DNS_QUERY_H
#define DNS_QUERY_H

#include "base/addr.h"
#include "base/slice.h"
#include "base/tlsa.h"
#include "dns/message.h"
#include "dns/name.h"
#include "limits.h"

enum dns_state {
    DNS_PENDING,
    DNS_FOUND,   /* at least one record of the type asked for */
    DNS_NODATA,  /* the name exists, without such a record */
    DNS_NO_NAME, /* NXDOMAIN, of the name or of what it is an alias for */
    DNS_FAILED   /* temporarily: time-out, refusals, rubbish, alias loop */
};

/* What a packet means for the server it came from. */
enum dns_verdict {
    DNS_VERDICT_IGNORE, /* not the reply: go on waiting */
    DNS_VERDICT_DONE,   /* the state says what */
    DNS_VERDICT_ALIAS,  /* ask for `target` now */
    DNS_VERDICT_BAD,    /* it cannot or will not say, or talks rubbish */
    DNS_VERDICT_BUSY,   /* REFUSED */
    DNS_VERDICT_PLAIN,  /* ask it without EDNS and in lower case */
    DNS_VERDICT_STREAM  /* ask it over TCP */
};

struct dns_mx {
    uint16_t preference;
    uint64_t key; /* random: the order of equals */
    struct dns_name name;
};

/* Best first, equals shuffled. Targets that are not host names are left out,
 * so a set that was found may be empty. */
struct dns_mx_set {
    uint64_t seed;
    uint64_t seen_count; /* records that got a key */
    uint32_t count;
    bool null; /* one of the records was a null MX: `0 .` */
    struct dns_mx items[DNS_MX_COUNT_MAX];
};

struct dns_query {
    struct dns_name name;   /* as asked, in lower case */
    struct dns_name target; /* what it is an alias for, as far as known */
    enum dns_type type;
    enum dns_state state;
    uint32_t alias_count;
    bool secure; /* every reply was authentic that the state, if only a "no",
                    or the way to `target` comes from */
    uint32_t refused; /* the error code of the last packet, or 0 */
    uint32_t address_count;
    struct addr addresses[DNS_ADDRESS_COUNT_MAX];
    struct dns_mx_set *mx; /* type DNS_MX only, else NULL */
    struct tlsa_set *tlsa; /* type DNS_TLSA only, else NULL */
};

void dns_mx_set_init(struct dns_mx_set *set, uint64_t seed);

/* `mx` and `tlsa` are borrowed; NULL unless `type` is theirs. */
void dns_query_init(struct dns_query *q, const struct dns_name *name,
                    enum dns_type type, struct dns_mx_set *mx,
                    struct tlsa_set *tlsa);
/* `sent` is the question this packet has to reply to, for `q->target`. */
enum dns_verdict dns_query_read(struct dns_query *q,
                                const struct dns_question *sent, bool tcp,
                                struct slice packet);

#endif
