/* SPDX-License-Identifier: ISC */
/*
 * Sockets for policy/race: connections to the candidates, until one is made.
 *
 * in     candidates and hosts, which may grow; tcpto; the job's own addresses
 * out    a connected stream, or who failed last, and why
 * bound  CANDIDATE_COUNT_MAX sockets
 * fault  a false; `last_failed` and `why`
 * order  init once a pass; admit, start, poll, settle ... until one wins; again
 *        after its session
 */
#ifndef CONNECT_H
#define CONNECT_H

#include "job.h"
#include "os/os.h"
#include "policy/race.h"
#include "tcpto.h"

struct connect {
    const struct policy_candidates *candidates;
    struct tcpto *tcpto;
    const struct addr *from; /* by family */
    struct policy_race race;
    uint32_t admitted; /* candidates seen so far */
    int fds[CANDIDATE_COUNT_MAX];
    uint32_t last_failed; /* or POLICY_NOBODY */
    const char *why;
    char text[CONNECT_WHY_SIZE_MAX + 1];
};

void connect_init(struct connect *c, const struct policy_candidates *candidates,
                  const struct policy_hosts *hosts, struct tcpto *tcpto,
                  const struct job *job);
/* Takes note of new candidates, and lets go of those that are cut by now. */
void connect_admit(struct connect *c);
/* Gives up what took too long, opens every connection whose time has come. */
void connect_start(struct connect *c);
/* What to poll, at most CANDIDATE_COUNT_MAX. */
uint32_t connect_polls(const struct connect *c, struct os_poll *polls);
/* What came of it: a connected stream of candidate *index, or OS_NONE. The
 * others are closed then; those that were slow count as timed out. */
int connect_polled(struct connect *c, const struct os_poll *polls,
                   uint32_t count, uint32_t *index);
/* Closes all that are being made. */
void connect_drop(struct connect *c);
/* Once more to one that was connected: a stream, or OS_NONE and `why`. */
int connect_again(struct connect *c, uint32_t index);

#endif
