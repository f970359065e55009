/* SPDX-License-Identifier: ISC */
#include "policy/race.h"

#include "base/assert.h"

void
policy_race_init(struct policy_race *r,
                 const struct policy_candidates *candidates,
                 uint32_t timeout_ms)
{
    *r = (struct policy_race){.candidates = candidates,
                              .timeout_ms = timeout_ms};
}

void
policy_race_skip(struct policy_race *r, uint32_t index)
{
    assert(index < r->candidates->count);
    r->runners[index] = POLICY_OUT;
}

/* The candidates are sorted, so the first that is ready is the best. */
static uint32_t
first_ready(const struct policy_race *r)
{
    for (uint32_t i = 0; i < r->candidates->count; i++)
        if (r->runners[i] == POLICY_READY)
            return i;
    return POLICY_NOBODY;
}

/* The last one that was started and still tries, or POLICY_NOBODY. */
static uint32_t
last_started(const struct policy_race *r)
{
    uint32_t last = POLICY_NOBODY;

    for (uint32_t i = 0; i < r->candidates->count; i++)
        if (r->runners[i] == POLICY_CONNECTING &&
            (last == POLICY_NOBODY || r->started_ms[i] >= r->started_ms[last]))
            last = i;
    return last;
}

/* When candidate `index` may be started. */
static int64_t
start_ms(const struct policy_race *r, uint32_t index, int64_t now_ms)
{
    const struct policy_candidate *list = r->candidates->list;
    uint32_t last = last_started(r);

    if (last == POLICY_NOBODY)
        return now_ms;
    if (list[last].preference == list[index].preference)
        return r->started_ms[last] + RACE_STAGGER_MS;
    return r->started_ms[last] + RACE_SLOW_MS;
}

uint32_t
policy_race_next(struct policy_race *r, int64_t now_ms)
{
    uint32_t index = first_ready(r);

    if (index == POLICY_NOBODY || start_ms(r, index, now_ms) > now_ms)
        return POLICY_NOBODY;
    r->runners[index] = POLICY_CONNECTING;
    r->started_ms[index] = now_ms;
    return index;
}

void
policy_race_failed(struct policy_race *r, uint32_t index)
{
    assert(r->runners[index] == POLICY_CONNECTING);
    r->runners[index] = POLICY_OUT;
}

uint32_t
policy_race_expired(struct policy_race *r, int64_t now_ms)
{
    for (uint32_t i = 0; i < r->candidates->count; i++)
        if (r->runners[i] == POLICY_CONNECTING &&
            now_ms - r->started_ms[i] >= r->timeout_ms) {
            r->runners[i] = POLICY_OUT;
            return i;
        }
    return POLICY_NOBODY;
}

void
policy_race_won(struct policy_race *r, uint32_t index)
{
    assert(r->runners[index] == POLICY_CONNECTING);
    r->runners[index] = POLICY_OUT;
    for (uint32_t i = 0; i < r->candidates->count; i++)
        if (r->runners[i] == POLICY_CONNECTING)
            r->runners[i] = POLICY_READY;
}

bool
policy_race_was_slow(const struct policy_race *r, uint32_t index,
                     int64_t now_ms)
{
    return now_ms - r->started_ms[index] >= RACE_SLOW_MS;
}

int64_t
policy_race_deadline_ms(const struct policy_race *r, int64_t now_ms)
{
    uint32_t ready = first_ready(r);
    int64_t deadline_ms = INT64_MAX;

    if (ready != POLICY_NOBODY)
        deadline_ms = start_ms(r, ready, now_ms);
    for (uint32_t i = 0; i < r->candidates->count; i++) {
        int64_t end_ms = r->started_ms[i] + r->timeout_ms;

        if (r->runners[i] == POLICY_CONNECTING && end_ms < deadline_ms)
            deadline_ms = end_ms;
    }
    return deadline_ms;
}

bool
policy_race_over(const struct policy_race *r)
{
    return first_ready(r) == POLICY_NOBODY && last_started(r) == POLICY_NOBODY;
}
