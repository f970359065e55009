/* SPDX-License-Identifier: ISC */
#include "policy/race.h"

#include "base/assert.h"

void
policy_race_init(struct policy_race *r,
                 const struct policy_candidates *candidates,
                 const struct policy_hosts *hosts, uint32_t timeout_ms)
{
    *r = (struct policy_race){
        .candidates = candidates, .hosts = hosts, .timeout_ms = timeout_ms};
}

void
policy_race_skip(struct policy_race *r, uint32_t index)
{
    assert(index < r->candidates->count);
    r->runners[index] = POLICY_OUT;
}

/* ---- whose turn it is ---- */

static bool
is_ready(const struct policy_race *r, uint32_t index)
{
    return r->runners[index] == POLICY_READY &&
           !policy_candidates_is_cut(r->candidates, index) &&
           !policy_hosts_hide(r->hosts, r->candidates->list[index].preference);
}

/* IPv6 first, then in turn as long as both last. */
static enum addr_family
family_wanted(const struct policy_race *r, uint32_t preference)
{
    const struct policy_candidate *list = r->candidates->list;
    enum addr_family last = ADDR_IPV4;
    uint32_t latest = 0;

    for (uint32_t i = 0; i < r->candidates->count; i++)
        if (list[i].preference == preference && r->starts[i] > latest) {
            latest = r->starts[i];
            last = list[i].to.addr.family;
        }
    return last == ADDR_IPV6 ? ADDR_IPV4 : ADDR_IPV6;
}

/* Of two that may be started. */
static bool
goes_first(const struct policy_candidate *a, const struct policy_candidate *b,
           enum addr_family wanted)
{
    if (a->preference != b->preference)
        return a->preference < b->preference;
    if (a->to.addr.family != b->to.addr.family)
        return a->to.addr.family == wanted;
    return a->key < b->key;
}

static uint32_t
first_ready(const struct policy_race *r)
{
    const struct policy_candidate *list = r->candidates->list;
    enum addr_family wanted = ADDR_NONE;
    uint32_t best = POLICY_NOBODY;

    for (uint32_t i = 0; i < r->candidates->count; i++) {
        if (!is_ready(r, i))
            continue;
        wanted = family_wanted(r, list[i].preference);
        if (best == POLICY_NOBODY || goes_first(&list[i], &list[best], wanted))
            best = i;
    }
    return best;
}

/* When candidate `index` may be started; 0: now. */
static int64_t
start_ms(const struct policy_race *r, uint32_t index)
{
    const struct policy_candidate *list = r->candidates->list;
    uint16_t preference = list[index].preference;
    int64_t latest_ms = policy_hosts_wait_ms(r->hosts, preference);

    for (uint32_t i = 0; i < r->candidates->count; i++) {
        bool better = list[i].preference < preference;
        int64_t pause_ms = better ? RACE_SLOW_MS : RACE_STAGGER_MS;

        if (r->runners[i] == POLICY_CONNECTING &&
            r->started_ms[i] + pause_ms > latest_ms)
            latest_ms = r->started_ms[i] + pause_ms;
    }
    return latest_ms;
}

uint32_t
policy_race_next(struct policy_race *r, int64_t now_ms)
{
    uint32_t index = first_ready(r);

    if (index == POLICY_NOBODY || start_ms(r, index) > now_ms)
        return POLICY_NOBODY;
    r->runners[index] = POLICY_CONNECTING;
    r->starts[index] = ++r->start_count;
    r->started_ms[index] = now_ms;
    return index;
}

/* ---- what became of them ---- */

void
policy_race_failed(struct policy_race *r, uint32_t index)
{
    assert(r->runners[index] == POLICY_CONNECTING);
    r->runners[index] = POLICY_OUT;
}

void
policy_race_dropped(struct policy_race *r, uint32_t index)
{
    assert(r->runners[index] == POLICY_CONNECTING);
    r->runners[index] = POLICY_READY;
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
    int64_t deadline_ms =
        ready == POLICY_NOBODY ? INT64_MAX : start_ms(r, ready);

    for (uint32_t i = 0; i < r->candidates->count; i++)
        if (r->runners[i] == POLICY_CONNECTING &&
            r->started_ms[i] + r->timeout_ms < deadline_ms)
            deadline_ms = r->started_ms[i] + r->timeout_ms;
    return deadline_ms > now_ms ? deadline_ms : now_ms;
}

bool
policy_race_over(const struct policy_race *r)
{
    for (uint32_t i = 0; i < r->candidates->count; i++)
        if (r->runners[i] == POLICY_CONNECTING || is_ready(r, i))
            return false;
    return true;
}
