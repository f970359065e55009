/* SPDX-License-Identifier: ISC */
/*
 * When which name server is asked a question, and when a "no" counts.
 *
 * in     time; what each server has said
 * out    the servers to ask now; the end
 * bound  DNS_SCHEDULE_MS, or less, in rounds of DNS_ROUND_STEP_MS each longer
 *        than the last, up to DNS_ROUND_MS_MAX. DNS_AGAIN_MS into those the
 *        servers that were silent are asked once more
 * fault  none: that nobody answers is an end without a "no"
 * order  init, start; then what servers say, and tick at the deadline; after
 *        each of these either it is over, or take ... until it says false
 */
#ifndef DNS_SCHEDULE_H
#define DNS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "limits.h"

/* What a server has said in this round. */
enum dns_word {
    DNS_WORD_UNASKED,
    DNS_WORD_NONE,   /* nothing yet */
    DNS_WORD_CUT,    /* its answer needs TCP, whose turn has not come */
    DNS_WORD_STREAM, /* it is being asked over TCP */
    DNS_WORD_BAD,    /* nothing that can be used, or it cannot be reached */
    DNS_WORD_BUSY    /* REFUSED, as forwarders say that are full */
};

enum dns_phase {
    DNS_PHASE_START, /* its time does not run yet */
    DNS_PHASE_ROUND, /* the servers are asked one after the other */
    DNS_PHASE_PAUSE, /* all have answered badly; the next round comes */
    DNS_PHASE_OVER
};

/* What is still granted once all servers have answered badly. */
enum dns_grant {
    DNS_GRANT_ALL, /* none did so far */
    DNS_GRANT_ONE, /* one round, which decides */
    DNS_GRANT_BUSY /* rounds for DNS_BUSY_MS */
};

enum { DNS_SERVER_NONE = DNS_SERVER_COUNT_MAX };

struct dns_schedule {
    enum dns_phase phase;
    enum dns_grant grant;
    uint32_t server_count;
    uint32_t round_count; /* begun */
    uint32_t first;       /* the server this round begins with */
    uint32_t asked_count; /* servers asked in this round, from there on */
    uint32_t no_server;   /* whose "no" is kept, or counted at the end */
    uint32_t jitter_ms;   /* of pauses for the busy; the caller's, random */
    int64_t latest_ms;    /* whatever happens */
    int64_t end_ms;       /* as far as it is granted */
    int64_t phase_end_ms; /* of the round or the pause */
    int64_t hedge_ms;     /* when the next server is asked anyway */
    int64_t again_ms;     /* when the silent are asked once more */
    enum dns_word words[DNS_SERVER_COUNT_MAX];
    bool due[DNS_SERVER_COUNT_MAX]; /* to be asked now */
};

void dns_schedule_init(struct dns_schedule *s, uint32_t server_count);
/* The first round begins. `span_ms` of time for all; 0: DNS_SCHEDULE_MS, which
 * is the most there is. */
void dns_schedule_start(struct dns_schedule *s, uint32_t first,
                        uint32_t span_ms, int64_t now_ms);
/* The next server to be asked now. */
bool dns_schedule_take(struct dns_schedule *s, uint32_t *server);

/* It cannot or will not say. Counts if it was asked in this round. */
void dns_schedule_bad(struct dns_schedule *s, uint32_t server, bool busy,
                      int64_t now_ms);
/* "No such name", "no such record". It counts, and all is over, once those who
 * were asked before it cannot say better any more. */
void dns_schedule_no(struct dns_schedule *s, uint32_t server);
/* The name is an alias: all begins anew with its target, in what is left of
 * the round, so that a chain takes no longer than a name. */
void dns_schedule_alias(struct dns_schedule *s, uint32_t server,
                        int64_t now_ms);
/* Its answer needs TCP; TCP is tried; that took too long. */
void dns_schedule_cut(struct dns_schedule *s, uint32_t server);
void dns_schedule_stream(struct dns_schedule *s, uint32_t server);
void dns_schedule_stuck(struct dns_schedule *s, uint32_t server);

/* How long the round that began last may take. */
uint32_t dns_schedule_round_ms(const struct dns_schedule *s);
int64_t dns_schedule_deadline_ms(const struct dns_schedule *s);
/* `first`: where a round that begins now begins. */
void dns_schedule_tick(struct dns_schedule *s, uint32_t first, int64_t now_ms);

#endif
