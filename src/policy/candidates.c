/* SPDX-License-Identifier: ISC */
#include "policy/candidates.h"

#include "base/mix.h"

void
policy_candidates_init(struct policy_candidates *c, uint64_t seed, bool by_host)
{
    c->seed = seed;
    c->by_host = by_host;
    c->count = 0;
    c->own_seen = false;
    c->own_preference = UINT32_MAX;
}

/* The same address, of the same exchanger where that matters; or NULL. */
static struct policy_candidate *
find(struct policy_candidates *c, const struct policy_candidate *candidate)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (addr_equal(&c->list[i].to.addr, &candidate->to.addr) &&
            (!c->by_host || c->list[i].host == candidate->host))
            return &c->list[i];
    return NULL;
}

void
policy_candidates_add(struct policy_candidates *c,
                      const struct policy_candidate *candidate, bool own)
{
    struct policy_candidate *known = find(c, candidate);

    if (own) {
        if (candidate->preference < c->own_preference)
            c->own_preference = candidate->preference;
        c->own_seen = true;
        return;
    }
    if (addr_is_unusable(&candidate->to.addr))
        return;
    if (known) {
        if (candidate->preference < known->preference) {
            known->preference = candidate->preference;
            known->host = candidate->host;
        }
        return;
    }
    if (c->count == CANDIDATE_COUNT_MAX)
        return;
    c->list[c->count] = *candidate;
    c->list[c->count++].key = mix_next(&c->seed);
}

bool
policy_candidates_is_cut(const struct policy_candidates *c, uint32_t index)
{
    return c->own_seen && c->list[index].preference >= c->own_preference;
}

bool
policy_candidates_any(const struct policy_candidates *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (!policy_candidates_is_cut(c, i))
            return true;
    return false;
}

/* How long this host keeps a candidate of that preference waiting: a better one
 * without an address for its patience, one that has an address for a moment, in
 * which the rest of them may come. While an address of ours may be among them,
 * an equal one is waited for as a better one is. */
static int64_t
host_wait_ms(const struct policy_hosts *hosts, const struct policy_host *h,
             uint32_t preference, int64_t grace_ms)
{
    bool goes_first = h->preference < preference || hosts->own_listed;

    if (!h->pending || h->preference > preference)
        return 0;
    if (!h->has_address && goes_first)
        return h->patience_ms;
    return goes_first ? h->first_address_ms + CANDIDATE_GRACE_MS : grace_ms;
}

int64_t
policy_hosts_wait_ms(const struct policy_hosts *h, uint32_t preference)
{
    int64_t grace_ms = 0, wait_ms = 0;

    for (uint32_t i = 0; i < h->count; i++) {
        const struct policy_host *host = &h->list[i];
        int64_t end_ms = host->first_address_ms + CANDIDATE_GRACE_MS;

        if (host->has_address && host->preference == preference &&
            (grace_ms == 0 || end_ms < grace_ms))
            grace_ms = end_ms;
    }
    for (uint32_t i = 0; i < h->count; i++) {
        int64_t host_ms = host_wait_ms(h, &h->list[i], preference, grace_ms);

        if (host_ms > wait_ms)
            wait_ms = host_ms;
    }
    return wait_ms;
}

bool
policy_hosts_hide(const struct policy_hosts *h, uint32_t preference)
{
    for (uint32_t i = 0; i < h->count; i++)
        if (h->list[i].unasked && h->list[i].preference < preference)
            return true;
    return false;
}
