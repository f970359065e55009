/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "sim/check.h"

enum {
    PREFERENCE_COUNT = 6, /* 0, 10 ... 50: world_zone.c */
    EXACT_MX_MAX = 20,
    FIRST_COUNT = 5, /* whose addresses are asked for first */
    EXACT_LATENCY_MS = 5,
    CANDIDATE_MAX = 32,
    LOST_MS = 1300,  /* a datagram: until it is asked again */
    PAUSE_MS = 2100, /* before one who refused is asked again, at most */
    WAIT_MS = 3000,  /* well within the 4 s of policy.md */
    DISCARD_MS = 1900,
    DISCARDED_MS = 4000 /* so long may nothing be asked */
};

static int
follow(int index, struct truth *t)
{
    for (int hops = 0; hops < NAME_COUNT_MAX; hops++) {
        if (world.zone.names[index].alias < 0)
            return index;
        t->aliased = true;
        index = world.zone.names[index].alias;
    }
    t->broken = true; /* a loop */
    return index;
}

/* Its own family may come behind the other, which is not waited for so long: it
 * is late, or a second server knew the other one first. */
static bool
is_behind(const struct zone_name *n, const struct place *own)
{
    bool six = own->size == 16;
    int64_t own_ms = n->late_ms[six ? ASK_AAAA : ASK_A];
    int64_t other_ms = n->late_ms[six ? ASK_A : ASK_AAAA];

    for (uint32_t i = 0; i < n->address_count; i++)
        if (n->addresses[i].size != own->size)
            return own_ms > other_ms || world.ns_count > 1;
    return false;
}

static void
add_name(struct truth *t, int given, uint32_t preference, uint32_t *own_best)
{
    const struct zone_name *n = &world.zone.names[follow(given, t)];

    t->broken = t->broken || n->state == ZONE_BROKEN;
    for (uint32_t i = 0; i < n->address_count && n->state == ZONE_FINE; i++) {
        struct place p = place_plain(&n->addresses[i]);

        if (place_is_own(&p, !world.relayed)) {
            if (preference < *own_best)
                *own_best = preference;
            t->own_behind = t->own_behind || is_behind(n, &n->addresses[i]);
            continue;
        }
        if (!place_is_usable(&p))
            continue;
        if (dane_bars(given, &p)) {
            t->barred = true;
            continue;
        }
        t->list[t->count].place = p;
        t->list[t->count].name = given;
        t->list[t->count++].preference = preference;
    }
}

static void
add_exchangers(struct truth *t, int host, uint32_t *own_best)
{
    bool null = false, other = false;
    bool seen[PREFERENCE_COUNT][NAME_COUNT_MAX] = {{false}};

    for (uint32_t i = 0; i < world.zone.mx_count; i++) {
        const struct zone_mx *mx = &world.zone.mx[i];

        null = null || mx->target < 0;
        other = other || mx->target >= 0;
        if (mx->target < 0 || seen[mx->preference / 10][mx->target])
            continue;
        seen[mx->preference / 10][mx->target] = true;
        add_name(t, mx->target, mx->preference, own_best);
    }
    t->null_only = null && !other;
    if (!null && !other)
        add_name(t, host, 0, own_best);
}

static void
add_literal(struct truth *t)
{
    if (place_is_own(&world.route_place, !world.relayed)) {
        t->own = true;
    } else if (place_is_usable(&world.route_place)) {
        t->list[t->count].place = world.route_place;
        t->list[t->count++].name = -1;
    }
}

void
find_truth(struct truth *t)
{
    uint32_t own_best = UINT32_MAX, kept = 0;
    int host = 0;

    memset(t, 0, sizeof(*t));
    if (world.route == TO_ADDRESS) {
        add_literal(t);
        return;
    }
    if (world.route == TO_RELAY) {
        add_name(t, ZONE_RELAY, 0, &own_best);
    } else {
        host = follow(ZONE_HOST, t);
        t->no_name = world.zone.names[host].state == ZONE_NO_NAME;
        t->broken |= world.zone.names[host].state == ZONE_BROKEN;
        if (!t->no_name && !t->broken)
            add_exchangers(t, host, &own_best);
    }
    t->own = own_best != UINT32_MAX;
    for (uint32_t i = 0; i < t->count; i++)
        if (!t->own || t->list[i].preference < own_best)
            t->list[kept++] = t->list[i];
    t->count = kept;
}

uint32_t
truth_names(const struct truth *t, const struct place *p)
{
    bool seen[NAME_COUNT_MAX + 1] = {false};
    uint32_t count = 0;

    for (uint32_t i = 0; i < t->count; i++) {
        if (!place_equal(&t->list[i].place, p) || seen[t->list[i].name + 1])
            continue;
        seen[t->list[i].name + 1] = true;
        count++;
    }
    return count;
}

/* ---- when ---- */

int64_t
truth_delay_ms(void)
{
    const struct ns *n = &world.ns[0];
    int64_t late_ms = 0;

    for (uint32_t i = 0; i < world.zone.name_count; i++)
        for (int ask = 0; ask < ASK_COUNT; ask++)
            if (world.zone.names[i].late_ms[ask] > late_ms)
                late_ms = world.zone.names[i].late_ms[ask];
    if (n->discards && late_ms > DISCARD_MS)
        late_ms += DISCARDED_MS;
    if (n->loses_first)
        late_ms += LOST_MS;
    if (n->manner == NS_DROPS_EDNS)
        late_ms += LOST_MS;
    if (n->full_ms > 0)
        late_ms += n->full_ms + PAUSE_MS;
    late_ms += 2 * n->latency_ms;
    /* Then the records of the alias's end, then those of the name. */
    return world.dane.on ? 3 * late_ms : late_ms;
}

bool
truth_is_prompt(void)
{
    return world.route == TO_ADDRESS ||
           (world.dns_clean && !world.use_vc &&
            world.ns[0].latency_ms <= EXACT_LATENCY_MS);
}

bool
truth_is_sure(const struct truth *t)
{
    return world.route == TO_ADDRESS ||
           (world.dns_true && world.zone.mx_count <= EXACT_MX_MAX &&
            t->count <= CANDIDATE_MAX && !t->broken);
}

bool
truth_is_soon(const struct truth *t)
{
    return truth_is_sure(t) && world.zone.mx_count <= FIRST_COUNT &&
           !world.use_vc && !t->aliased && truth_delay_ms() <= WAIT_MS;
}

bool
truth_shows_own(const struct truth *t)
{
    if (!truth_is_sure(t) || world.zone.mx_count > FIRST_COUNT)
        return false;
    return truth_is_prompt() ||
           (world.own_count > 0 && !t->own_behind && truth_is_soon(t));
}
