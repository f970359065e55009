/* SPDX-License-Identifier: ISC */
#include "connect.h"

void
connect_init(struct connect *c, const struct policy_candidates *candidates,
             const struct policy_hosts *hosts, struct tcpto *tcpto,
             const struct job *job)
{
    *c = (struct connect){.candidates = candidates,
                          .tcpto = tcpto,
                          .from = job->from,
                          .last_failed = POLICY_NOBODY};
    policy_race_init(&c->race, candidates, hosts,
                     job->connect_timeout_s * 1000);
}

/* From any other address it would be somebody else's mail: who sets one has it
 * in DNS. */
static const char *
explain_from(struct connect *c, const struct addr *from)
{
    struct buf text;

    buf_init(&text, (uint8_t *)c->text, sizeof(c->text) - 1);
    buf_put_text(&text, "cannot send from ");
    addr_print(&text, from);
    buf_put_text(&text, ": ");
    buf_put_text(&text, os_why());
    c->text[text.used] = '\0';
    return c->text;
}

/* A stream, or what os_connect says and `why`. */
static int
begin(struct connect *c, uint32_t index)
{
    const struct endpoint *to = &c->candidates->list[index].to;
    const struct addr *from = &c->from[to->addr.family - ADDR_IPV4];
    int fd = os_connect(to, from, true);

    if (fd < 0)
        c->why = fd == OS_NO_ADDRESS ? explain_from(c, from) : os_why();
    return fd;
}

static void
drop(struct connect *c, uint32_t index)
{
    os_close(c->fds[index]);
    c->fds[index] = OS_NONE;
}

void
connect_admit(struct connect *c)
{
    for (; c->admitted < c->candidates->count; c->admitted++) {
        c->fds[c->admitted] = OS_NONE;
        if (!tcpto_skip(c->tcpto, &c->candidates->list[c->admitted].to.addr))
            continue;
        policy_race_skip(&c->race, c->admitted);
        c->last_failed = c->admitted;
        c->why = "timed out lately";
    }
    for (uint32_t i = 0; i < c->admitted; i++)
        if (c->fds[i] != OS_NONE &&
            policy_candidates_is_cut(c->candidates, i)) {
            drop(c, i);
            policy_race_dropped(&c->race, i);
        }
}

static void
lose(struct connect *c, uint32_t index, bool timed_out, const char *why)
{
    drop(c, index);
    c->last_failed = index;
    c->why = why;
    tcpto_record(c->tcpto, &c->candidates->list[index].to.addr, timed_out);
}

/* To note a failure may take a while, and the next one starts only then. */
void
connect_start(struct connect *c)
{
    int64_t now_ms = os_now_ms();
    uint32_t index = POLICY_NOBODY;

    while ((index = policy_race_expired(&c->race, now_ms)) != POLICY_NOBODY)
        lose(c, index, true, "timed out");
    while ((index = policy_race_next(&c->race, os_now_ms())) != POLICY_NOBODY) {
        int fd = begin(c, index);

        c->fds[index] = fd >= 0 ? fd : OS_NONE;
        if (fd >= 0)
            continue;
        policy_race_failed(&c->race, index);
        c->last_failed = index;
        /* The server has no part in what this machine lacks. */
        if (fd != OS_NO_ADDRESS)
            tcpto_record(c->tcpto, &c->candidates->list[index].to.addr, false);
    }
}

uint32_t
connect_polls(const struct connect *c, struct os_poll *polls)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < c->admitted; i++)
        if (c->fds[i] != OS_NONE)
            polls[count++] = (struct os_poll){.fd = c->fds[i], .tx = true};
    return count;
}

static int
win(struct connect *c, uint32_t winner, int64_t now_ms)
{
    int fd = c->fds[winner];

    c->fds[winner] = OS_NONE;
    for (uint32_t i = 0; i < c->admitted; i++) {
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

/* The polls are in the order of the candidates whose sockets they are. */
int
connect_polled(struct connect *c, const struct os_poll *polls, uint32_t count,
               uint32_t *index)
{
    uint32_t candidate = 0;

    for (uint32_t i = 0; i < count; i++) {
        while (c->fds[candidate] != polls[i].fd)
            candidate++;
        if (!polls[i].can_tx || !settle(c, candidate, polls[i].error))
            continue;
        *index = candidate;
        return win(c, candidate, os_now_ms());
    }
    return OS_NONE;
}

void
connect_drop(struct connect *c)
{
    for (uint32_t i = 0; i < c->admitted; i++)
        drop(c, i);
}

int
connect_again(struct connect *c, uint32_t index)
{
    int64_t deadline_ms = os_now_ms() + c->race.timeout_ms;
    struct os_poll p = {.tx = true};

    p.fd = begin(c, index);
    if (p.fd < 0)
        return OS_NONE;
    if (os_poll(&p, 1, deadline_ms) && p.can_tx &&
        (!p.error || os_connected(p.fd) == 0))
        return p.fd;
    c->why = !p.can_tx ? "timed out" : os_why();
    os_close(p.fd);
    return OS_NONE;
}
