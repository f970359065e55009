/* SPDX-License-Identifier: ISC */
#include "seek.h"

bool
seek_is_open(const struct seek *s)
{
    return !policy_race_over(&s->connect->race) ||
           resolve_pending(s->targets) || resolve_has_more(s->targets);
}

/* All that can be done without waiting. SEEK_FOUND: there is something to wait
 * for. */
static enum seek_result
move(struct seek *s)
{
    do {
        if (!resolve_act(s->work, s->targets))
            return SEEK_BROKEN;
        s->fault = resolve_collect(s->job, s->work, s->targets);
        if (s->fault != FAULT_OK)
            return SEEK_FAULT;
        connect_admit(s->connect);
        connect_start(s->connect);
    } while (policy_race_over(&s->connect->race) &&
             resolve_more(s->work, s->targets));
    return seek_is_open(s) ? SEEK_FOUND : SEEK_NOBODY;
}

static int64_t
deadline_ms(const struct seek *s)
{
    int64_t names_ms = resolve_deadline_ms(s->work, s->targets);
    int64_t race_ms = policy_race_deadline_ms(&s->connect->race, os_now_ms());
    int64_t first_ms = names_ms < race_ms ? names_ms : race_ms;

    return first_ms < s->end_ms ? first_ms : s->end_ms;
}

static enum seek_result
run(struct seek *s, uint32_t *index, int *fd)
{
    struct os_poll *polls = s->work->polls;

    for (;;) {
        enum seek_result result = move(s);
        uint32_t connect_count = 0, name_count = 0;

        if (result != SEEK_FOUND)
            return result;
        if (os_now_ms() >= s->end_ms)
            return SEEK_LATE;
        connect_count = connect_polls(s->connect, polls);
        name_count = resolve_polls(s->work, s->targets, polls + connect_count);
        if (!os_poll(polls, connect_count + name_count, deadline_ms(s)))
            return SEEK_BROKEN;
        if (s->targets->live)
            resolve_polled(s->work, polls + connect_count, name_count);
        *fd = connect_polled(s->connect, polls, connect_count, index);
        if (*fd != OS_NONE)
            return SEEK_FOUND;
    }
}

enum seek_result
seek_next(struct seek *s, uint32_t *index, int *fd)
{
    enum seek_result result = SEEK_BROKEN;

    if (resolve_resume(s->job, s->work, s->targets))
        result = run(s, index, fd);
    connect_drop(s->connect);
    resolve_park(s->job, s->work, s->targets);
    return result;
}
