/* SPDX-License-Identifier: ISC */
/*
 * A set of questions asked at once, until each has its answer (RFC 1034 5.3,
 * 1035, 6891, 7766).
 *
 * in     questions, time, random bytes, datagrams and bytes of streams
 * out    sockets to open and close, packets to send, answers
 * bound  DNS_QUESTION_COUNT_MAX questions (one of them MX), one attempt a
 *        question and server; rounds of 1, 3, 11, 45 s, or the time-out given
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
#include "dns/stream.h"
#include "limits.h"

/* What the shell must do next. */
enum dns_act { DNS_ACT_NONE, DNS_ACT_OPEN, DNS_ACT_CLOSE };

struct dns_action {
    enum dns_act act;
    uint32_t attempt;       /* index; the shell keeps one descriptor for it */
    bool tcp;               /* OPEN: a stream, else a datagram socket */
    struct endpoint server; /* OPEN: connect to it */
    struct slice packet;    /* OPEN: send it (a stream's has its length in
                               front); valid until the next call */
};

/* One question to one server. */
enum dns_attempt_state {
    DNS_ATTEMPT_IDLE,    /* no socket wanted */
    DNS_ATTEMPT_DUE,     /* a fresh socket is wanted */
    DNS_ATTEMPT_WAITING, /* sent; no reply yet */
    DNS_ATTEMPT_REFUSED, /* a bad reply came; a better one may still */
    DNS_ATTEMPT_LOST     /* it ended badly; no socket wanted */
};

struct dns_attempt {
    enum dns_attempt_state state;
    bool open;  /* the shell was told OPEN, and not CLOSE since */
    bool tcp;   /* its next or present socket is a stream */
    bool plain; /* this server does not like EDNS */
    bool lower; /* it was asked in lower case */
    uint8_t random[DNS_RANDOM_SIZE]; /* id and case of its packet */
};

/* Where one question is on its schedule. */
enum dns_phase {
    DNS_PHASE_START,    /* asked for, its time does not run yet */
    DNS_PHASE_ROUND,    /* the servers are asked one after the other */
    DNS_PHASE_PAUSE,    /* all refused; the deciding round comes */
    DNS_PHASE_DECIDING, /* a round after which there is no other */
    DNS_PHASE_OVER      /* answered, or dropped */
};

struct dns_task {
    struct dns_query query;
    enum dns_phase phase;
    uint32_t first;       /* the server this round begins with */
    uint32_t asked_count; /* servers asked in this round, from there on */
    int64_t end_ms;       /* control/timeoutdns */
    int64_t phase_end_ms; /* of the round or the pause */
    int64_t hedge_ms;     /* when the next server is asked anyway */
    /* For whoever wants to tell how it went. */
    int64_t asked_ms;    /* when it was asked first */
    int64_t answered_ms; /* when the answer or the last bad one came, or 0 */
    uint32_t server;     /* whose it was */
    bool dropped;        /* no answer was wanted any more */
};

struct dns_lookup {
    const struct dns_conf *conf;
    uint32_t task_count;
    uint32_t live_server; /* the last to answer; the first to be asked next */
    struct dns_task tasks[DNS_QUESTION_COUNT_MAX];
    struct dns_attempt attempts[DNS_ATTEMPT_COUNT_MAX];
    struct dns_mx_set mx;
    bool mx_taken;
    uint8_t packet[DNS_TCP_PREFIX_SIZE + DNS_QUERY_SIZE_MAX];
    uint8_t datagram[DNS_UDP_SIZE_MAX];
    struct dns_stream stream;
};

/* `conf` is borrowed and at its end; `seed` shuffles the exchangers. */
void dns_lookup_init(struct dns_lookup *l, const struct dns_conf *conf,
                     uint64_t seed);
/* False: full, or a second name's MX. A question that was there already comes
 * back under its number, whatever became of it. Its time starts with the next
 * dns_lookup_next or _tick. */
bool dns_lookup_ask(struct dns_lookup *l, const struct dns_name *name,
                    enum dns_type type, uint32_t *question);
/* No answer is wanted any more: pending becomes failed, its sockets close. */
void dns_lookup_drop(struct dns_lookup *l, uint32_t question);
const struct dns_query *dns_lookup_answer(const struct dns_lookup *l,
                                          uint32_t question);
bool dns_lookup_pending(const struct dns_lookup *l);

/* To be called until it says NONE; all CLOSE come before the first OPEN. Only
 * OPEN uses up `random`. CLOSE may speak of a socket that was never got. */
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
