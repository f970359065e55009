/* SPDX-License-Identifier: ISC */
/*
 * A race for tests: candidates named by their preference, times from 0.
 *
 * in     "1:12": candidates 0, 1, 2 of preferences 1, 1, 2, the second of IPv6
 * out    what policy_race_* say, with NOW_MS taken off
 * bound  CANDIDATE_COUNT_MAX
 * fault  none
 * order  begin; add, next, expired, deadline ... and policy_race_* on r
 */
#ifndef UNIT_POLICY_TRACK_H
#define UNIT_POLICY_TRACK_H

#include "policy/race.h"

enum { TIMEOUT_MS = 60000, NOW_MS = 1000000 };

static struct policy_candidates candidates;
static struct policy_hosts hosts;
static struct policy_race r;

/* Its address ends in its number. */
static inline struct policy_candidate
candidate(uint16_t preference, enum addr_family family, uint8_t number)
{
    struct policy_candidate e = {.preference = preference};

    if (family == ADDR_IPV6)
        addr_from_ipv6(&e.to.addr, (uint8_t[ADDR_SIZE_MAX]){32, [15] = number});
    else
        addr_from_ipv4(&e.to.addr, (uint8_t[]){192, 0, 2, number});
    return e;
}

static inline void
add_one(uint16_t preference, enum addr_family family)
{
    uint32_t index = candidates.count;
    struct policy_candidate e = candidate(preference, family, (uint8_t)index);

    policy_candidates_add(&candidates, &e, false);
    candidates.list[index].key = index; /* equals in the order they came */
}

/* A digit is a candidate of that preference: of IPv4, or IPv6 behind a colon.
 * They come while the race runs. */
static inline void
add(const char *text)
{
    for (enum addr_family family = ADDR_IPV4; *text; text++) {
        if (*text == ':') {
            family = ADDR_IPV6;
            continue;
        }
        add_one((uint16_t)(*text - '0'), family);
        family = ADDR_IPV4;
    }
}

/* All names are known. */
static inline void
begin(const char *text)
{
    policy_candidates_init(&candidates, 1, false);
    hosts = (struct policy_hosts){0};
    policy_race_init(&r, &candidates, &hosts, TIMEOUT_MS);
    add(text);
}

static inline int64_t
deadline(int64_t ms)
{
    int64_t deadline_ms = policy_race_deadline_ms(&r, NOW_MS + ms);

    return deadline_ms == INT64_MAX ? INT64_MAX : deadline_ms - NOW_MS;
}

static inline uint32_t
next(int64_t ms)
{
    return policy_race_next(&r, NOW_MS + ms);
}

static inline uint32_t
expired(int64_t ms)
{
    return policy_race_expired(&r, NOW_MS + ms);
}

/* Nothing is to be done a moment before `to`, and then the deadline says so. */
static inline bool
quiet_until(int64_t from, int64_t to)
{
    return next(from) == POLICY_NOBODY && next(to - 1) == POLICY_NOBODY &&
           expired(to - 1) == POLICY_NOBODY && deadline(from) == to;
}

#endif
