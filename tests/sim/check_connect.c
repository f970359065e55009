/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "sim/check.h"
#include "sim/mta.h"

/* Which connections may be opened, and when: policy.md, "How to connect", and
 * the table of servers that timed out. */
enum {
    STAGGER_MS = 250,
    WORSE_MS = 3000,
    SKIP_COUNT = 2,
    SKIP_S = (60 + (SIM_PID & 31)) * 64,
    RECORD_SIZE = 16,
    COUNT_AT = 4
};

/* Of the program's clock and system nothing is out of the ordinary. */
bool
check_is_steady(void)
{
    return world.calm && world.slow == 0;
}

static const struct conn *
opened_before(const struct conn *now, const struct place *p)
{
    for (const struct conn *c = now->next; c; c = c->next)
        if (!c->ns && c->stream && place_equal(&c->place, p))
            return c;
    return NULL;
}

/* ---- tcpto ---- */

static bool
timed_out_lately(const struct mta *m)
{
    int64_t age_s = world.wall_s + sim_now_ms / 1000 - m->tcpto_s;

    return m->tcpto_count >= SKIP_COUNT && age_s >= 0 && age_s < SKIP_S - 1;
}

bool
check_is_skipped(const struct place *p)
{
    if (world_is_barred(p))
        return true;
    for (uint32_t i = 0; i < world.mta_count; i++)
        if (place_equal(&world.mtas[i].place, p))
            return world.mtas[i].tcpto_count >= SKIP_COUNT;
    return false;
}

static void
check_skipped(const struct conn *c)
{
    if (c->mta && check_is_steady() && timed_out_lately(c->mta))
        violated(CHECK_TCPTO, "connects to %s, which timed out lately",
                 place_text(&c->place));
}

/* What timed out is in the table, if there is one with room for all of them and
 * nobody holds it. */
void
check_timed_out(const struct conn *c)
{
    const struct sim_file *f = world_file("queue/lock/tcpto");

    if (!check_is_steady() || c->state != CONN_CONNECTING ||
        c->place.size != 4 || c->ns || !c->stream || !f || f->locked ||
        f->content.size < MTA_COUNT_MAX * RECORD_SIZE)
        return;
    for (size_t i = 0; i + RECORD_SIZE <= f->content.size; i += RECORD_SIZE)
        if (memcmp(f->content.data + i, c->place.bytes, 4) == 0 &&
            f->content.data[i + COUNT_AT] > 0)
            return;
    violated(CHECK_TCPTO, "%s timed out, and the table does not say so",
             place_text(&c->place));
}

/* ---- the race ---- */

/* Others that still try were started long enough ago. */
static void
check_stagger(const struct conn *now)
{
    for (const struct conn *c = now->next; c; c = c->next)
        if (!c->ns && c->stream && !c->closed && c->state == CONN_CONNECTING &&
            sim_now_ms < c->opened_ms + STAGGER_MS)
            violated(CHECK_RACE, "connects to %s %lld ms after another",
                     place_text(&now->place),
                     (long long)(sim_now_ms - c->opened_ms));
}

/* Addresses that are tried once for each of their names. */
static bool
has_many_names(const struct truth *t)
{
    bool named = world.hop.proof == PROOF_NAME || world.dane.on;

    for (uint32_t i = 0; i < t->count && named; i++)
        if (truth_names(t, &t->list[i].place) > 1)
            return true;
    return false;
}

/* The zone is small and was told at once: what is better was tried before, and
 * what still tries had its three seconds. */
static void
check_preference(const struct conn *now)
{
    struct truth t;
    uint32_t own = UINT32_MAX;

    find_truth(&t);
    if (!truth_is_prompt() || !truth_is_sure(&t) ||
        world.route != TO_EXCHANGERS || has_many_names(&t))
        return;
    for (uint32_t i = 0; i < t.count; i++)
        if (place_equal(&t.list[i].place, &now->place) &&
            t.list[i].preference < own)
            own = t.list[i].preference;
    for (uint32_t i = 0; i < t.count; i++) {
        const struct conn *c = opened_before(now, &t.list[i].place);

        if (t.list[i].preference >= own || check_is_skipped(&t.list[i].place))
            continue;
        if (!c)
            violated(CHECK_RACE, "connects to %s before %s",
                     place_text(&now->place), place_text(&t.list[i].place));
        else if (!c->closed && c->state == CONN_CONNECTING &&
                 sim_now_ms < c->opened_ms + WORSE_MS)
            violated(CHECK_RACE, "passes %s over after %lld ms",
                     place_text(&c->place),
                     (long long)(sim_now_ms - c->opened_ms));
    }
}

/* An address of that name was tried, or would have been. */
static bool
is_begun(const struct conn *now, const struct truth *t, int name)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->list[i].name == name && (opened_before(now, &t->list[i].place) ||
                                        check_is_skipped(&t->list[i].place)))
            return true;
    return false;
}

/* Before the first session a better name is waited for until it has an address.
 */
static void
check_waited(const struct conn *now)
{
    struct truth t;
    uint32_t own = UINT32_MAX;

    find_truth(&t);
    if (!truth_is_soon(&t) || world.route != TO_EXCHANGERS ||
        session_count > 0 || has_many_names(&t))
        return;
    for (uint32_t i = 0; i < t.count; i++)
        if (place_equal(&t.list[i].place, &now->place) &&
            t.list[i].preference < own)
            own = t.list[i].preference;
    for (uint32_t i = 0; i < t.count; i++)
        if (t.list[i].preference < own && !is_begun(now, &t, t.list[i].name))
            violated(CHECK_RACE, "connects to %s, and does not wait for %s",
                     place_text(&now->place), place_text(&t.list[i].place));
}

/* Once a server is spoken to, nobody else is. */
void
check_alone(const struct conn *now)
{
    for (const struct conn *c = conns; c; c = c->next)
        if (c != now && !c->ns && c->stream && !c->closed)
            violated(CHECK_RACE, "speaks to %s with a connection to %s open",
                     place_text(&now->place), place_text(&c->place));
}

void
check_race(const struct conn *c)
{
    check_skipped(c);
    if (!check_is_steady())
        return;
    check_stagger(c);
    check_preference(c);
    check_waited(c);
}
