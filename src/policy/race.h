/* SPDX-License-Identifier: ISC */
/*
 * When to open a connection to which candidate (RFC 8305 section 5, and the
 * same idea between preferences), while more of them become known.
 *
 * in     the candidates and what is known of their exchangers, time, what
 *        became of each attempt
 * out    the next one to start, when to look again, who lost how
 * bound  CANDIDATE_COUNT_MAX; each fails once a race at most, or is used for
 *        one session. Those that lose are tried again after it
 * fault  none: policy_race_over says that nobody is left who is known
 * order  init; next, failed, tick as time goes by; won; once that session has
 *        failed go on with next. Candidates may be added at any time
 */
#ifndef POLICY_RACE_H
#define POLICY_RACE_H

#include "limits.h"
#include "policy/candidates.h"

enum policy_runner {
    POLICY_READY,      /* may be started */
    POLICY_CONNECTING, /* its connection is being made */
    POLICY_OUT         /* failed, skipped, or had its session */
};

struct policy_race {
    const struct policy_candidates *candidates;
    const struct policy_hosts *hosts;
    uint32_t timeout_ms; /* of one connection */
    uint32_t start_count;
    enum policy_runner runners[CANDIDATE_COUNT_MAX];
    uint32_t starts[CANDIDATE_COUNT_MAX]; /* 1: started first; 0: not yet */
    int64_t started_ms[CANDIDATE_COUNT_MAX];
};

enum { POLICY_NOBODY = CANDIDATE_COUNT_MAX };

/* candidates and hosts are lent until the end. */
void policy_race_init(struct policy_race *r,
                      const struct policy_candidates *candidates,
                      const struct policy_hosts *hosts, uint32_t timeout_ms);
/* Never start this one (tcpto, an earlier session). */
void policy_race_skip(struct policy_race *r, uint32_t index);
/* The one to start now, which counts as started then; or POLICY_NOBODY. */
uint32_t policy_race_next(struct policy_race *r, int64_t now_ms);
void policy_race_failed(struct policy_race *r, uint32_t index);
/* It was given up because it is cut: that is no failure, and a better name may
 * lead to it yet. */
void policy_race_dropped(struct policy_race *r, uint32_t index);
/* The one whose time is up, which counts as failed then; or POLICY_NOBODY. */
uint32_t policy_race_expired(struct policy_race *r, int64_t now_ms);
/* It is connected; the others that were connecting may be started again. */
void policy_race_won(struct policy_race *r, uint32_t index);
/* An attempt this old that lost counts as timed out (two lost SYNs). */
bool policy_race_was_slow(const struct policy_race *r, uint32_t index,
                          int64_t now_ms);
/* When next or expired has something to say; INT64_MAX: never. */
int64_t policy_race_deadline_ms(const struct policy_race *r, int64_t now_ms);
bool policy_race_over(const struct policy_race *r);

#endif
