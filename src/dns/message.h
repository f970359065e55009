/* SPDX-License-Identifier: ISC */
/*
 * One DNS message: a query written, a reply read (RFC 1035 section 4.1,
 * RFC 6891).
 *
 * in     the question as it was sent, a packet
 * out    a packet; what the reply says, and its answer records in turn
 * bound  DNS_QUERY_SIZE_MAX for a query, DNS_TCP_SIZE_MAX for a reply
 * fault  DNS_READING_*: a packet that is not ours tells nothing; one that is
 *        ours and malformed anywhere tells nothing but that
 * order  read, and only after DNS_READING_SOUND: answers, next ...
 */
#ifndef DNS_MESSAGE_H
#define DNS_MESSAGE_H

#include "base/slice.h"
#include "dns/name.h"
#include "limits.h"

enum dns_type {
    DNS_A = 1,
    DNS_CNAME = 5,
    DNS_MX = 15,
    DNS_AAAA = 28,
    DNS_TLSA = 52
};

enum dns_rcode {
    DNS_RCODE_NOERROR = 0,
    DNS_RCODE_FORMERR = 1,
    DNS_RCODE_SERVFAIL = 2,
    DNS_RCODE_NXDOMAIN = 3,
    DNS_RCODE_NOTIMP = 4,
    DNS_RCODE_REFUSED = 5,
    DNS_RCODE_BADVERS = 16
};

struct dns_question {
    struct dns_name name; /* in the case it is sent in */
    enum dns_type type;
    uint16_t id;
    bool exact; /* the reply has to keep the case */
    bool edns;
    bool ad; /* RFC 6840 5.7: to be told whether the answer is authentic */
};

enum dns_reading {
    DNS_READING_FOREIGN,    /* not the reply to this question */
    DNS_READING_OTHER_CASE, /* it is, but for the case of its letters */
    DNS_READING_TRUNCATED,  /* it is, and says that it is not all */
    DNS_READING_RUBBISH,    /* it is, and is malformed */
    DNS_READING_SOUND
};

struct dns_message {
    struct slice whole;
    struct cursor answers; /* at the first answer record */
    uint32_t answer_count;
    uint32_t rcode;     /* with the upper bits of EDNS */
    bool authoritative; /* AA */
    bool recursive;     /* RA */
    bool authentic;     /* AD, which was asked for */
    bool referral;      /* authority: NS and no SOA */
    bool trailing;      /* bytes that no count speaks of */
};

struct dns_record {
    struct dns_name owner;
    uint16_t type;
    uint16_t class;
    uint32_t ttl;
    struct slice rdata; /* in the message, for names compressed in it */
};

/* The answer records not read yet. */
struct dns_answers {
    struct slice whole;
    struct cursor at;
    uint32_t left_count;
};

void dns_message_query(struct buf *out, const struct dns_question *question);
enum dns_reading dns_message_read(struct slice packet,
                                  const struct dns_question *question,
                                  struct dns_message *out);

void dns_message_answers(const struct dns_message *m, struct dns_answers *out);
/* The next answer record of class IN; false: there are no more. */
bool dns_answers_next(struct dns_answers *answers, struct dns_record *out);
/* RDATA of CNAME, of MX; of a sound message they cannot fail. */
void dns_record_alias(struct slice whole, const struct dns_record *r,
                      struct dns_name *out);
uint16_t dns_record_exchanger(struct slice whole, const struct dns_record *r,
                              struct dns_name *out);

#endif
