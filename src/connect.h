/* SPDX-License-Identifier: ISC */
/*
 * Races connections to the candidates: one winner, again and again.
 *
 * in     candidates, the time-out, what tcpto knows
 * out    a connected socket and whose it is
 * bound  timeout_ms a connection; CANDIDATE_COUNT_MAX at once
 * fault  nobody is left; `why` says what the last one failed of
 * order  connect_init, connect_next until it says false
 */
#ifndef CONNECT_H
#define CONNECT_H

#include "os/os.h"
#include "policy/race.h"
#include "tcpto.h"

struct connect {
    struct policy_race race;
    struct tcpto *tcpto;
    const struct policy_candidates *candidates;
    int fds[CANDIDATE_COUNT_MAX];
    uint32_t last_failed; /* or POLICY_NOBODY */
    const char *why;      /* a literal, or the system's */
    bool broken;          /* the system refused to wait */
};

void connect_init(struct connect *c, const struct policy_candidates *candidates,
                  struct tcpto *tcpto, uint32_t timeout_ms);
/* True: `index` is connected, `fd` is the caller's. */
bool connect_next(struct connect *c, uint32_t *index, int *fd);
/* One candidate alone, once more. A descriptor, or below 0. */
int connect_again(struct connect *c, uint32_t index);

#endif
