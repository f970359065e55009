/* SPDX-License-Identifier: ISC */
/*
 * A set of questions asked at once, until each has its answer (RFC 1034 5.3,
 * 1035, 6891, 7766).
 *
 * in     questions, time, random bytes, datagrams and bytes of a stream
 * out    sockets to open, use again and close, packets to send, answers
 * bound  DNS_QUESTION_COUNT_MAX questions (one of them MX), of which
 *        DNS_PENDING_COUNT_MAX are asked at a time, the others wait; two
 *        datagram sockets a question and server, and one stream; the time of
 *        dns/schedule.h, or the time-out given
 * fault  an answer's state; temporary failure is never "no such name"
 * order  init, ask ..., then until nothing is pending: next ... until NONE,
 *        wait for input or the deadline, rx/rx_ack or lost, tick
 */
#ifndef DNS_LOOKUP_H
#define DNS_LOOKUP_H

#include "base/addr.h"
#include "base/slice.h"
#include "dns/conf.h"
#include "dns/name.h"
#include "dns/query.h"
#include "dns/schedule.h"
#include "dns/stream.h"
#include "limits.h"

/* What the shell must do next. */
enum dns_act {
    DNS_ACT_NONE,
    DNS_ACT_OPEN, /* connect a socket, send */
    DNS_ACT_SEND, /* send once more, by the datagram socket that is there */
    DNS_ACT_CLOSE
};

struct dns_action {
    enum dns_act act;
    uint32_t attempt;       /* index; the shell keeps one descriptor for it */
    bool tcp;               /* OPEN: a stream, else a datagram socket */
    struct endpoint server; /* OPEN: connect to it */
    struct slice packet;    /* OPEN, SEND: this (a stream's has its length in
                               front); valid until the next call */
};

/* How a question is put in a datagram, each by a socket of its own: so both are
 * listened to, whatever is asked later. */
enum dns_form {
    DNS_FORM_MIXED, /* EDNS, and in mixed case: the first round's */
    DNS_FORM_PLAIN, /* neither: for those who do not like it */
    DNS_FORM_COUNT
};

/* One question to one server in one form, or a stream, and its socket. */
enum dns_attempt_state {
    DNS_ATTEMPT_NONE,  /* no socket */
    DNS_ATTEMPT_DUE,   /* one is wanted */
    DNS_ATTEMPT_OPEN,  /* sent, and listened to */
    DNS_ATTEMPT_AGAIN, /* the same; to be sent once more */
    DNS_ATTEMPT_STALE, /* there is one; it is to be closed, */
    DNS_ATTEMPT_RENEW  /* and another one is wanted */
};

struct dns_attempt {
    enum dns_attempt_state state;
    uint8_t random[DNS_RANDOM_SIZE]; /* id and case of its packet */
};

/* What came of a question at one server, so far. */
enum dns_said {
    DNS_SAID_UNASKED,
    DNS_SAID_NOTHING,
    DNS_SAID_LOST, /* it cannot be reached, or hangs up */
    DNS_SAID_ERROR /* and the RCODE on top of it; 0: nothing that can be used */
};

struct dns_task {
    struct dns_query query;
    struct dns_schedule schedule;
    enum dns_state no; /* what the schedule's `no_server` said, */
    bool no_secure;    /* and whether that was authentic */
    uint32_t slot;     /* its attempts; DNS_PENDING_COUNT_MAX: none */
    bool plain[DNS_SERVER_COUNT_MAX]; /* the form it was asked in last */
    /* For whoever wants to tell how it went. */
    int64_t asked_ms;    /* when it was asked first */
    int64_t answered_ms; /* when the answer or the last bad one came, or 0 */
    uint32_t server;     /* whose it was */
    uint32_t said[DNS_SERVER_COUNT_MAX]; /* enum dns_said, the last of each */
    bool dropped;                        /* no answer was wanted any more */
};

struct dns_lookup {
    const struct dns_conf *conf;
    uint32_t task_count;
    uint32_t live_server; /* the last to answer; the first to be asked next */
    struct dns_task tasks[DNS_QUESTION_COUNT_MAX];
    uint32_t slots[DNS_PENDING_COUNT_MAX]; /* whose; or of nobody */
    struct dns_attempt attempts[DNS_ATTEMPT_COUNT_MAX];
    struct dns_mx_set mx;
    bool mx_taken;
    uint8_t packet[DNS_TCP_PREFIX_SIZE + DNS_QUERY_SIZE_MAX];
    uint8_t datagram[DNS_UDP_SIZE_MAX];
    /* The one stream: whose turn it is, or was; since when; whose is next. */
    uint32_t stream_task, stream_server;
    int64_t stream_ms;
    uint32_t stream_next;
    struct dns_stream stream;
};

/* `conf` is borrowed and at its end; `seed` shuffles the exchangers. */
void dns_lookup_init(struct dns_lookup *l, const struct dns_conf *conf,
                     uint64_t seed);
/* False: full, or a second name's MX. A question that was there already comes
 * back under its number, whatever became of it. Its time starts with the next
 * dns_lookup_next or _tick. `tlsa`, borrowed: where records of that type go,
 * else NULL; what was asked before has them where it said then. */
bool dns_lookup_ask(struct dns_lookup *l, const struct dns_name *name,
                    enum dns_type type, struct tlsa_set *tlsa,
                    uint32_t *question);
/* No answer is wanted any more: pending becomes failed, its sockets close. */
void dns_lookup_drop(struct dns_lookup *l, uint32_t question);
const struct dns_query *dns_lookup_answer(const struct dns_lookup *l,
                                          uint32_t question);
bool dns_lookup_pending(const struct dns_lookup *l);

/* To be called until it says NONE; all CLOSE come before the others. Only OPEN
 * uses up `random`. CLOSE may speak of a socket that was never got. */
void dns_lookup_next(struct dns_lookup *l, int64_t now_ms,
                     const uint8_t random[static DNS_RANDOM_SIZE],
                     struct dns_action *out);
/* The packet of OPEN once more, for a stream that took its time to connect;
 * empty: it need not be sent any longer. Valid until the next call. */
struct slice dns_lookup_packet(struct dns_lookup *l, uint32_t attempt);
/* Is this attempt's socket to be polled for input? */
bool dns_lookup_wants_rx(const struct dns_lookup *l, uint32_t attempt);
/* Room for what the socket brings: a datagram, or bytes of the stream. Size 0:
 * do not read it now, or no longer. */
uint8_t *dns_lookup_rx(struct dns_lookup *l, uint32_t attempt, size_t *size);
/* `size` bytes arrived; of a stream, 0 is its end. */
void dns_lookup_rx_ack(struct dns_lookup *l, uint32_t attempt, size_t size,
                       int64_t now_ms);
/* The socket failed, or there was none to be had. */
void dns_lookup_lost(struct dns_lookup *l, uint32_t attempt, int64_t now_ms);
/* When tick has to be called; INT64_MAX: nothing is pending. */
int64_t dns_lookup_deadline_ms(const struct dns_lookup *l);
void dns_lookup_tick(struct dns_lookup *l, int64_t now_ms);

#endif
