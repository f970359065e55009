/* SPDX-License-Identifier: ISC */
/*
 * From a job's route to addresses: the look-ups, which run until a session
 * begins and go on behind it with what was cut short.
 *
 * in     const struct job; name servers, over sockets
 * out    struct targets: the exchangers and the candidates they have so far
 * bound  DNS_MX_COUNT_MAX exchangers, CANDIDATE_COUNT_MAX addresses; at most
 *        DNS_BURST_COUNT_MAX questions open at once
 * fault  why there is nowhere to deliver to
 * order  begin; act, collect, wait (polls, polled) ... ; park before the memory
 *        of the look-ups is anybody else's, resume before act and collect again
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "base/fault.h"
#include "dns/lookup.h"
#include "job.h"
#include "os/os.h"
#include "targets.h"

/* Where the look-up of an exchanger's TLSA records stands. */
struct resolve_tlsa {
    uint32_t asked; /* src/prove.c */
    uint32_t question;
};

/* Memory of the look-ups. */
struct resolve_work {
    struct dns_lookup lookup;
    uint32_t mx_question;
    uint32_t questions[DNS_MX_COUNT_MAX][ADDR_FAMILY_COUNT];
    struct resolve_tlsa tlsa[DANE_HOST_COUNT_MAX];
    bool random_fresh; /* no packet has it */
    uint8_t random[DNS_RANDOM_SIZE];
    int fds[DNS_ATTEMPT_COUNT_MAX];
    bool unsent[DNS_ATTEMPT_COUNT_MAX]; /* a stream that has no packet yet */
    uint32_t polled[DNS_ATTEMPT_COUNT_MAX]; /* whose attempt each poll is */
    struct os_poll polls[OS_POLL_COUNT_MAX];
};

/* Asks, or takes the address that the route is. `by_host`: see
 * policy/candidates.h. */
enum fault resolve_begin(const struct job *job, bool by_host,
                         struct resolve_work *w, struct targets *t);
/* Does what the look-ups want at once. False: the system fails us. */
bool resolve_act(struct resolve_work *w, struct targets *t);
/* Takes the answers that need no more waiting: hosts and candidates grow. A
 * fault ends the run. */
enum fault resolve_collect(const struct job *job, struct resolve_work *w,
                           struct targets *t);
/* Some answer is still to come, or was cut short. */
bool resolve_pending(const struct targets *t);
/* Asks for the next exchangers, if those asked for had their time; false: there
 * are no more, or it is too early. */
bool resolve_more(struct resolve_work *w, struct targets *t);
/* Not all of them were asked for. */
bool resolve_has_more(const struct targets *t);
/* When collect, act or more has something to do. */
int64_t resolve_deadline_ms(const struct resolve_work *w,
                            const struct targets *t);
/* What to poll, at most DNS_ATTEMPT_COUNT_MAX; then what came of it. */
uint32_t resolve_polls(struct resolve_work *w, const struct targets *t,
                       struct os_poll *polls);
void resolve_polled(struct resolve_work *w, const struct os_poll *polls,
                    uint32_t count);
void resolve_park(const struct job *job, struct resolve_work *w,
                  struct targets *t);
bool resolve_resume(const struct job *job, struct resolve_work *w,
                    struct targets *t);
/* Runs until there is a candidate and all others had their time, or nothing is
 * left to ask. */
enum fault resolve_wait(const struct job *job, struct resolve_work *w,
                        struct targets *t);
/* What the DNS said of an exchanger's addresses; NULL: nothing that is known
 * here. Only while the look-ups have their memory. */
const struct dns_query *resolve_answer(const struct resolve_work *w,
                                       const struct targets *t, uint32_t host,
                                       uint32_t family);

#endif
