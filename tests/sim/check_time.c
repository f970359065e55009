/* SPDX-License-Identifier: ISC */
#include "sim/check.h"
#include "sim/mta.h"

/* Invariant 6: each wait, and all of it. What the machine itself holds up is
 * excused. */
enum {
    SLACK_MS = 1000,
    SCHEDULE_MS = 60000,  /* of a look-up */
    ANSWER_MS = 6000,     /* its last question is waited for */
    TLSA_STAGE_COUNT = 4, /* of two names, of those and of these */
    STAGE_COUNT = 3,      /* exchangers, addresses of the best, of the others */
    BURST_MAX = 15,       /* questions open at a time */
    CANDIDATES_MAX = 32,
    RACE_MS = 3000,
    PASSES_MAX = 2
};

static int64_t excuse_ms;
static int64_t asked_ms[NAME_COUNT_MAX][ASK_COUNT]; /* -1: never */

void
check_time_reset(void)
{
    excuse_ms = 0;
    for (int i = 0; i < NAME_COUNT_MAX; i++)
        for (int ask = 0; ask < ASK_COUNT; ask++)
            asked_ms[i][ask] = -1;
}

void
check_excuse(int64_t ms)
{
    excuse_ms += ms;
}

static int64_t
schedule_ms(void)
{
    return world.dns_timeout_ms > 0 && world.dns_timeout_ms < SCHEDULE_MS
               ? world.dns_timeout_ms
               : SCHEDULE_MS;
}

/* What had no answer when a session began is asked anew behind it, with a
 * schedule of its own; check_whole knows how long all of them may take. */
static int64_t
resumed_ms(void)
{
    int64_t ms = 0;

    for (uint32_t i = 0; i < session_count; i++)
        if (sessions[i]->conn->closed && sessions[i]->conn->closed_ms > ms)
            ms = sessions[i]->conn->closed_ms;
    return ms;
}

/* While a server is spoken to, no look-up goes on. */
static int64_t
spoken_ms(void)
{
    int64_t ms = 0;

    for (uint32_t i = 0; i < session_count; i++)
        if (sessions[i]->conn->used)
            ms += (sessions[i]->conn->closed ? sessions[i]->conn->closed_ms
                                             : sim_now_ms) -
                  sessions[i]->conn->used_ms;
    return ms;
}

/* ---- the DNS ---- */

/* A name that is an exchanger twice may be looked up twice. */
static bool
is_listed_twice(int name)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world.zone.mx_count; i++)
        count += world.zone.mx[i].target == name;
    return count > 1;
}

void
check_question(int name, enum ask ask, int64_t sent_ms)
{
    if (name < 0 || is_listed_twice(name))
        return;
    if (asked_ms[name][ask] < resumed_ms())
        asked_ms[name][ask] = sent_ms;
    if (sent_ms > asked_ms[name][ask] + schedule_ms() + SLACK_MS + excuse_ms)
        violated(CHECK_TIME, "asks for %s since %lld ms",
                 world.zone.names[name].text,
                 (long long)(sent_ms - asked_ms[name][ask]));
}

/* Questions to the first server whose answers may still come. */
static void
check_burst(void)
{
    bool open[NAME_COUNT_MAX][ASK_COUNT] = {{false}};
    uint32_t count = 0;

    for (const struct conn *c = conns; c; c = c->next) {
        if (c->ns != &world.ns[0] || c->closed || c->name < 0 ||
            open[c->name][c->ask])
            continue;
        open[c->name][c->ask] = true;
        count++;
    }
    if (count > BURST_MAX && world.slow == 0 && world.calm)
        violated(CHECK_QUERY, "asks %u questions at once", count);
}

/* ---- each wait ---- */

/* Something else is waited for, and an answer that is late may still come. */
static bool
is_connecting(void)
{
    for (const struct conn *c = conns; c; c = c->next)
        if (!c->ns && c->stream && !c->closed)
            return true;
    return false;
}

static void
check_patience(const struct conn *c)
{
    int64_t limit_ms = SLACK_MS + excuse_ms;

    if (c->closed)
        return;
    if (c->ns && !is_connecting() &&
        sim_now_ms > c->opened_ms + schedule_ms() + limit_ms + spoken_ms())
        violated(CHECK_TIME, "waits for the name server %s since %lld ms",
                 place_text(&c->place), (long long)(sim_now_ms - c->opened_ms));
    if (!c->mta)
        return;
    if (c->state == CONN_CONNECTING &&
        sim_now_ms > c->opened_ms + world.connect_timeout_ms + limit_ms)
        violated(CHECK_TIME, "waits for a connection to %s since %lld ms",
                 place_text(&c->place), (long long)(sim_now_ms - c->opened_ms));
    if (c->used &&
        sim_now_ms > c->progress_ms + world.remote_timeout_ms + limit_ms)
        violated(CHECK_TIME, "waits for %s since %lld ms",
                 place_text(&c->place),
                 (long long)(sim_now_ms - c->progress_ms));
}

void
check_time(void)
{
    for (const struct conn *c = conns; c; c = c->next)
        check_patience(c);
    check_burst();
}

/* ---- the sum ---- */

/* A server that is silent once must not cost all others theirs. */
int64_t
check_pass_ms(void)
{
    return world.remote_timeout_ms + world.remote_timeout_ms / 4;
}

static uint32_t
pass_count(void)
{
    return world.strictness == 1 && world.anchors ? PASSES_MAX : 1;
}

/* A session and its repeats: a time-out for each reply and each bit of
 * progress. */
static int64_t
try_ms(uint32_t *from)
{
    const struct mta *m = sessions[*from]->mta;
    int64_t ms = 0;

    for (; *from < session_count && sessions[*from]->mta == m; ++*from) {
        const struct session *s = sessions[*from];

        if (s->conn->used)
            ms += world.connect_timeout_ms +
                  (int64_t)(3 + s->said_count + s->conn->progress_count) *
                      world.remote_timeout_ms;
    }
    return ms;
}

static void
check_whole(void)
{
    int64_t race_ms = CANDIDATES_MAX * RACE_MS + world.connect_timeout_ms;
    int64_t longest_ms = race_ms, bound_ms = 0;

    for (uint32_t i = 0; i < session_count;) {
        int64_t ms = try_ms(&i);

        longest_ms = ms > longest_ms ? ms : longest_ms;
    }
    bound_ms = (STAGE_COUNT + (world.dane.on ? TLSA_STAGE_COUNT : 0)) *
                   (schedule_ms() + ANSWER_MS) +
               SLACK_MS + excuse_ms;
    bound_ms += pass_count() * (race_ms + check_pass_ms() + longest_ms);
    if (sim_now_ms > bound_ms)
        violated(CHECK_TIME, "took %lld ms, the bound is %lld",
                 (long long)sim_now_ms, (long long)bound_ms);
}

/* No session begins later than a pass lasts after the first one of it, but for
 * repeats. As few passes as could be are assumed. */
static void
check_begins(void)
{
    const struct session *first = NULL, *last = NULL;
    uint32_t passes = 0;

    for (uint32_t i = 0; i < session_count; i++) {
        const struct session *s = sessions[i];
        bool repeat = last && last->mta == s->mta;

        if (!s->conn->used)
            continue;
        last = s;
        if (repeat || (first && s->conn->used_ms <= first->conn->used_ms +
                                                        check_pass_ms() +
                                                        SLACK_MS + excuse_ms))
            continue;
        first = s;
        if (++passes > pass_count())
            violated(CHECK_TIME, "begins a session with %s %lld ms late",
                     place_text(&s->mta->place), (long long)s->conn->used_ms);
    }
}

void
check_total(void)
{
    check_begins();
    check_whole();
}
