/* SPDX-License-Identifier: ISC */
#include "policy/candidates.h"

#include "base/mix.h"

void
policy_candidates_init(struct policy_candidates *c)
{
    c->count = 0;
    c->own_seen = false;
    c->own_preference = UINT16_MAX;
}

static bool
is_listed(const struct policy_candidates *c,
          const struct policy_candidate *candidate)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (addr_equal(&c->list[i].to.addr, &candidate->to.addr))
            return true;
    return false;
}

void
policy_candidates_add(struct policy_candidates *c,
                      const struct policy_candidate *candidate, bool own)
{
    if (own) {
        if (!c->own_seen || candidate->preference < c->own_preference)
            c->own_preference = candidate->preference;
        c->own_seen = true;
        return;
    }
    if (addr_is_unusable(&candidate->to.addr) || is_listed(c, candidate))
        return;
    if (c->count < CANDIDATE_COUNT_MAX)
        c->list[c->count++] = *candidate;
}

static void
swap(struct policy_candidate *a, struct policy_candidate *b)
{
    struct policy_candidate kept = *a;

    *a = *b;
    *b = kept;
}

static void
shuffle(struct policy_candidate *list, uint32_t count, uint64_t *seed)
{
    for (uint32_t left = count; left > 1; left--)
        swap(&list[left - 1], &list[mix_below(seed, left)]);
}

/* IPv6 first, then in turn as long as both last; the order within a family
 * stays what the shuffle made it. */
static void
interleave(struct policy_candidate *list, uint32_t count)
{
    enum addr_family want = ADDR_IPV6;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t found = i;

        while (found < count && list[found].to.addr.family != want)
            found++;
        for (; found < count && found > i; found--)
            swap(&list[found], &list[found - 1]);
        want = list[i].to.addr.family == ADDR_IPV6 ? ADDR_IPV4 : ADDR_IPV6;
    }
}

/* Behind the entries of `first`'s preference. */
static uint32_t
group_end(const struct policy_candidates *c, uint32_t first)
{
    uint32_t end = first;

    while (end < c->count &&
           c->list[end].preference == c->list[first].preference)
        end++;
    return end;
}

void
policy_candidates_finish(struct policy_candidates *c, uint64_t seed)
{
    uint32_t kept = 0;

    while (c->own_seen && kept < c->count &&
           c->list[kept].preference < c->own_preference)
        kept++;
    if (c->own_seen)
        c->count = kept;
    for (uint32_t first = 0, end = 0; first < c->count; first = end) {
        end = group_end(c, first);
        shuffle(c->list + first, end - first, &seed);
        interleave(c->list + first, end - first);
    }
}

int64_t
policy_hosts_wait_ms(const struct policy_host *hosts, uint32_t count)
{
    const struct policy_host *best = 0;
    int64_t wait_ms = 0;
    bool pending = false;

    for (uint32_t i = 0; i < count; i++) {
        pending = pending || hosts[i].pending;
        if (hosts[i].has_address &&
            (!best || hosts[i].preference < best->preference ||
             (hosts[i].preference == best->preference &&
              hosts[i].first_address_ms < best->first_address_ms)))
            best = &hosts[i];
    }
    if (!pending)
        return 0;
    if (!best)
        return INT64_MAX;
    wait_ms = best->first_address_ms + CANDIDATE_GRACE_MS;
    for (uint32_t i = 0; i < count; i++) {
        const struct policy_host *h = &hosts[i];

        if (h->pending && !h->has_address && h->preference < best->preference &&
            h->patience_ms > wait_ms)
            wait_ms = h->patience_ms;
    }
    return wait_ms;
}
