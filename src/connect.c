/* SPDX-License-Identifier: ISC */
#include "connect.h"

void
connect_init(struct connect *c, const struct policy_candidates *candidates,
             struct tcpto *tcpto, uint32_t timeout_ms)
{
    *c = (struct connect){
        .candidates = candidates, .tcpto = tcpto, .last_failed = POLICY_NOBODY};
    policy_race_init(&c->race, candidates, timeout_ms);
    for (uint32_t i = 0; i < candidates->count; i++) {
        c->fds[i] = OS_NONE;
        if (!tcpto_skip(tcpto, &candidates->list[i].to.addr))
            continue;
        policy_race_skip(&c->race, i);
        c->last_failed = i;
        c->why = "timed out lately";
    }
}

static void
drop(struct connect *c, uint32_t index)
{
    os_close(c->fds[index]);
    c->fds[index] = OS_NONE;
}

static void
lose(struct connect *c, uint32_t index, bool timed_out, const char *why)
{
    drop(c, index);
    c->last_failed = index;
    c->why = why;
    tcpto_record(c->tcpto, &c->candidates->list[index].to.addr, timed_out);
}

/* Opens every connection whose time has come. To note a failure may take a
 * while, and the next one starts only then. */
static void
start(struct connect *c)
{
    uint32_t index = POLICY_NOBODY;

    while ((index = policy_race_next(&c->race, os_now_ms())) != POLICY_NOBODY) {
        c->fds[index] = os_connect(&c->candidates->list[index].to, true);
        if (c->fds[index] >= 0)
            continue;
        c->fds[index] = OS_NONE;
        policy_race_failed(&c->race, index);
        lose(c, index, false, os_why());
    }
}

static void
expire(struct connect *c, int64_t now_ms)
{
    uint32_t index = POLICY_NOBODY;

    while ((index = policy_race_expired(&c->race, now_ms)) != POLICY_NOBODY)
        lose(c, index, true, "timed out");
}

/* The others are closed; those that were slow count as timed out. */
static int
win(struct connect *c, uint32_t winner, int64_t now_ms)
{
    int fd = c->fds[winner];

    c->fds[winner] = OS_NONE;
    for (uint32_t i = 0; i < c->candidates->count; i++) {
        if (c->fds[i] == OS_NONE)
            continue;
        if (policy_race_was_slow(&c->race, i, now_ms))
            tcpto_record(c->tcpto, &c->candidates->list[i].to.addr, true);
        drop(c, i);
    }
    policy_race_won(&c->race, winner);
    tcpto_record(c->tcpto, &c->candidates->list[winner].to.addr, false);
    return fd;
}

/* One of those that can be written: connected, or failed. */
static bool
settle(struct connect *c, uint32_t index, bool error)
{
    int result = error ? os_connected(c->fds[index]) : 0;

    if (result == 0)
        return true;
    policy_race_failed(&c->race, index);
    lose(c, index, result == OS_TIMEOUT, os_why());
    return false;
}

/* False: the system refuses to wait. */
static bool
wait_for_one(struct connect *c, int64_t deadline_ms, uint32_t *connected)
{
    struct os_poll polls[CANDIDATE_COUNT_MAX];
    uint32_t owners[CANDIDATE_COUNT_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < c->candidates->count; i++)
        if (c->fds[i] != OS_NONE) {
            owners[count] = i;
            polls[count++] = (struct os_poll){.fd = c->fds[i], .tx = true};
        }
    *connected = POLICY_NOBODY;
    if (!os_poll(polls, count, deadline_ms))
        return false;
    for (uint32_t i = 0; i < count && *connected == POLICY_NOBODY; i++)
        if (polls[i].can_tx && settle(c, owners[i], polls[i].error))
            *connected = owners[i];
    return true;
}

/* Nobody is left, or the system refuses to wait. */
static bool
give_up(struct connect *c)
{
    c->broken = !policy_race_over(&c->race);
    for (uint32_t i = 0; i < c->candidates->count; i++)
        drop(c, i);
    return false;
}

bool
connect_next(struct connect *c, uint32_t *index, int *fd)
{
    for (;;) {
        expire(c, os_now_ms());
        start(c);
        if (policy_race_over(&c->race) ||
            !wait_for_one(c, policy_race_deadline_ms(&c->race, os_now_ms()),
                          index))
            return give_up(c);
        if (*index != POLICY_NOBODY) {
            *fd = win(c, *index, os_now_ms());
            return true;
        }
    }
}

int
connect_again(struct connect *c, uint32_t index)
{
    int64_t deadline_ms = os_now_ms() + c->race.timeout_ms;
    struct os_poll p = {.tx = true};

    p.fd = os_connect(&c->candidates->list[index].to, true);
    if (p.fd >= 0 && os_poll(&p, 1, deadline_ms) && p.can_tx &&
        (!p.error || os_connected(p.fd) == 0))
        return p.fd;
    c->why = p.fd >= 0 && !p.can_tx ? "timed out" : os_why();
    os_close(p.fd);
    return OS_NONE;
}
