/* SPDX-License-Identifier: ISC */
#include "dns/lookup.h"

#include <string.h>

#include "base/assert.h"

static const uint32_t round_ms[] = {DNS_ROUND_1_MS, DNS_ROUND_2_MS,
                                    DNS_ROUND_3_MS, DNS_ROUND_4_MS};

_Static_assert(sizeof(round_ms) / sizeof(round_ms[0]) == DNS_ROUND_COUNT_MAX,
               "one wait a round");

static struct dns_task *
task_of(struct dns_lookup *l, uint32_t attempt)
{
    assert(attempt < l->task_count * DNS_SERVER_COUNT_MAX);
    return &l->tasks[attempt / DNS_SERVER_COUNT_MAX];
}

/* The attempt of a task at a server. */
static uint32_t
attempt_of(const struct dns_lookup *l, const struct dns_task *task,
           uint32_t server)
{
    return (uint32_t)(task - l->tasks) * DNS_SERVER_COUNT_MAX + server;
}

static uint32_t
attempt_count(const struct dns_lookup *l)
{
    return l->task_count * DNS_SERVER_COUNT_MAX;
}

/* It has a socket, and wants it. */
static bool
is_listening(const struct dns_attempt *a)
{
    return a->open &&
           (a->state == DNS_ATTEMPT_WAITING || a->state == DNS_ATTEMPT_REFUSED);
}

/* Every step on is away from what its stream may have left in the buffer. */
static void
attempt_step(struct dns_lookup *l, uint32_t attempt,
             enum dns_attempt_state state)
{
    l->attempts[attempt].state = state;
    dns_stream_release(&l->stream, attempt);
}

/*
 * The schedule of one task.
 */

static void
task_silence(struct dns_lookup *l, struct dns_task *task)
{
    for (uint32_t i = 0; i < DNS_SERVER_COUNT_MAX; i++)
        attempt_step(l, attempt_of(l, task, i), DNS_ATTEMPT_IDLE);
}

static void
task_end(struct dns_lookup *l, struct dns_task *task)
{
    if (task->query.state == DNS_PENDING)
        task->query.state = DNS_FAILED;
    task->phase = DNS_PHASE_OVER;
    task_silence(l, task);
}

/* Has the server been asked in this round? */
static bool
was_asked(const struct dns_lookup *l, const struct dns_task *task,
          uint32_t server)
{
    uint32_t count = l->conf->server_count;

    return (server + count - task->first) % count < task->asked_count;
}

static void
ask_next_server(struct dns_lookup *l, struct dns_task *task, int64_t now_ms)
{
    uint32_t server = (task->first + task->asked_count) % l->conf->server_count;
    uint32_t attempt = attempt_of(l, task, server);

    assert(task->asked_count < l->conf->server_count);
    attempt_step(l, attempt, DNS_ATTEMPT_DUE);
    l->attempts[attempt].lower = task->query.round_count > 1;
    task->asked_count++;
    task->hedge_ms = now_ms + DNS_HEDGE_MS;
}

static void
round_begin(struct dns_lookup *l, struct dns_task *task, enum dns_phase phase,
            int64_t now_ms)
{
    uint32_t wait_ms = round_ms[task->query.round_count];

    if (wait_ms > l->conf->round_ms_max)
        wait_ms = l->conf->round_ms_max;
    task->query.round_count++;
    task->phase = phase;
    task->phase_end_ms = now_ms + wait_ms;
    task->first = l->live_server;
    task->asked_count = 0;
    ask_next_server(l, task, now_ms);
}

static bool
round_is_last(const struct dns_lookup *l, const struct dns_task *task)
{
    return task->phase == DNS_PHASE_DECIDING ||
           task->query.round_count == l->conf->round_count;
}

static bool
in_round(const struct dns_task *task)
{
    return task->phase == DNS_PHASE_ROUND || task->phase == DNS_PHASE_DECIDING;
}

/* Have all servers answered badly? */
static bool
all_refused(struct dns_lookup *l, const struct dns_task *task)
{
    for (uint32_t i = 0; i < l->conf->server_count; i++) {
        const struct dns_attempt *a = &l->attempts[attempt_of(l, task, i)];

        if (a->state != DNS_ATTEMPT_REFUSED && a->state != DNS_ATTEMPT_LOST)
            return false;
    }
    return true;
}

/* A server that was asked in this round answered badly. */
static void
round_hurry(struct dns_lookup *l, struct dns_task *task, int64_t now_ms)
{
    if (task->asked_count < l->conf->server_count) {
        ask_next_server(l, task, now_ms);
        return;
    }
    if (!all_refused(l, task))
        return;
    if (round_is_last(l, task)) {
        task_end(l, task);
        return;
    }
    task->phase = DNS_PHASE_PAUSE;
    task->phase_end_ms = now_ms + DNS_REFUSED_PAUSE_MS;
}

/* The name is an alias: the same for its target, in what is left of the
 * round, so that a chain takes no longer than a name. */
static void
task_restart(struct dns_lookup *l, struct dns_task *task, int64_t now_ms)
{
    task_silence(l, task);
    for (uint32_t i = 0; i < DNS_SERVER_COUNT_MAX; i++)
        l->attempts[attempt_of(l, task, i)].tcp = l->conf->tcp;
    if (task->phase == DNS_PHASE_PAUSE) {
        round_begin(l, task, DNS_PHASE_ROUND, now_ms);
        return;
    }
    task->phase = DNS_PHASE_ROUND;
    task->first = l->live_server;
    task->asked_count = 0;
    ask_next_server(l, task, now_ms);
}

static void
task_start(struct dns_lookup *l, struct dns_task *task, int64_t now_ms)
{
    task->asked_ms = now_ms;
    task->end_ms = INT64_MAX;
    if (l->conf->timeout_ms > 0)
        task->end_ms = now_ms + l->conf->timeout_ms;
    round_begin(l, task, DNS_PHASE_ROUND, now_ms);
}

static void
task_tick(struct dns_lookup *l, struct dns_task *task, int64_t now_ms)
{
    if (task->phase == DNS_PHASE_OVER)
        return;
    if (task->phase == DNS_PHASE_START) {
        task_start(l, task, now_ms);
        return;
    }
    if (now_ms >= task->end_ms) {
        task_end(l, task);
        return;
    }
    if (task->phase == DNS_PHASE_PAUSE) {
        if (now_ms >= task->phase_end_ms)
            round_begin(l, task, DNS_PHASE_DECIDING, now_ms);
        return;
    }
    if (now_ms >= task->phase_end_ms) {
        if (round_is_last(l, task))
            task_end(l, task);
        else
            round_begin(l, task, DNS_PHASE_ROUND, now_ms);
        return;
    }
    if (now_ms >= task->hedge_ms && task->asked_count < l->conf->server_count)
        ask_next_server(l, task, now_ms);
}

static int64_t
task_deadline_ms(const struct dns_lookup *l, const struct dns_task *task)
{
    int64_t deadline_ms = task->phase_end_ms;

    if (task->phase == DNS_PHASE_OVER)
        return INT64_MAX;
    if (task->phase == DNS_PHASE_START)
        return 0;
    if (in_round(task) && task->asked_count < l->conf->server_count &&
        task->hedge_ms < deadline_ms)
        deadline_ms = task->hedge_ms;
    return deadline_ms < task->end_ms ? deadline_ms : task->end_ms;
}

/*
 * One attempt.
 */

/* Its reply is bad (`state` says whether to go on listening), or it failed. */
static void
attempt_refused(struct dns_lookup *l, uint32_t attempt,
                enum dns_attempt_state state, int64_t now_ms)
{
    struct dns_task *task = task_of(l, attempt);
    bool first = l->attempts[attempt].state == DNS_ATTEMPT_WAITING;

    attempt_step(l, attempt, state);
    /* A late word on an earlier round hurries nobody. */
    if (first && in_round(task) &&
        was_asked(l, task, attempt % DNS_SERVER_COUNT_MAX))
        round_hurry(l, task, now_ms);
}

/* The question as this attempt puts it, from its own random bytes. */
static void
attempt_question(const struct dns_task *task, const struct dns_attempt *a,
                 struct dns_question *out)
{
    out->name = task->query.target;
    out->type = task->query.type;
    out->id = (uint16_t)(a->random[0] << 8 | a->random[1]);
    out->exact = !a->lower;
    out->edns = !a->plain;
    if (!a->lower)
        dns_name_mix(&out->name, a->random + DNS_RANDOM_SIZE - DNS_CASE_SIZE);
}

/* The packet of this attempt, a stream's with its length in front. */
static struct slice
attempt_packet(struct dns_lookup *l, uint32_t attempt)
{
    const struct dns_attempt *a = &l->attempts[attempt];
    struct dns_question question;
    struct buf packet, message;

    attempt_question(task_of(l, attempt), a, &question);
    buf_init(&message, l->packet + DNS_TCP_PREFIX_SIZE, DNS_QUERY_SIZE_MAX);
    dns_message_query(&message, &question);
    assert(!message.full && message.used <= UINT16_MAX);
    buf_init(&packet, l->packet, DNS_TCP_PREFIX_SIZE);
    buf_put_byte(&packet, (uint8_t)(message.used >> 8));
    buf_put_byte(&packet, (uint8_t)message.used);
    if (!a->tcp)
        return buf_slice(&message);
    return slice_of(l->packet, DNS_TCP_PREFIX_SIZE + message.used);
}

static void
attempt_open(struct dns_lookup *l, uint32_t attempt,
             const uint8_t random[static DNS_RANDOM_SIZE],
             struct dns_action *out)
{
    struct dns_attempt *a = &l->attempts[attempt];

    memcpy(a->random, random, DNS_RANDOM_SIZE);
    a->open = true;
    a->state = DNS_ATTEMPT_WAITING;
    out->act = DNS_ACT_OPEN;
    out->attempt = attempt;
    out->tcp = a->tcp;
    out->server = l->conf->servers[attempt % DNS_SERVER_COUNT_MAX];
    out->packet = attempt_packet(l, attempt);
}

static void
attempt_read(struct dns_lookup *l, uint32_t attempt, struct slice packet,
             int64_t now_ms)
{
    struct dns_task *task = task_of(l, attempt);
    struct dns_attempt *a = &l->attempts[attempt];
    struct dns_question sent;
    enum dns_verdict verdict = DNS_VERDICT_IGNORE;

    attempt_question(task, a, &sent);
    verdict = dns_query_read(&task->query, &sent, a->tcp, packet);
    if (verdict == DNS_VERDICT_DONE || verdict == DNS_VERDICT_BAD) {
        task->answered_ms = now_ms;
        task->server = attempt % DNS_SERVER_COUNT_MAX;
    }
    switch (verdict) {
    case DNS_VERDICT_IGNORE:
        break;
    case DNS_VERDICT_DONE:
        l->live_server = task->server;
        task_end(l, task);
        break;
    case DNS_VERDICT_ALIAS:
        l->live_server = attempt % DNS_SERVER_COUNT_MAX;
        task_restart(l, task, now_ms);
        break;
    case DNS_VERDICT_BAD:
        attempt_refused(l, attempt,
                        a->tcp ? DNS_ATTEMPT_LOST : DNS_ATTEMPT_REFUSED,
                        now_ms);
        break;
    case DNS_VERDICT_PLAIN:
        a->plain = true;
        attempt_step(l, attempt, DNS_ATTEMPT_DUE);
        break;
    case DNS_VERDICT_STREAM:
        a->tcp = true;
        attempt_step(l, attempt, DNS_ATTEMPT_DUE);
        break;
    }
}

/* Does a stream wait for the buffer that another holds? */
static bool
stream_is_wanted(const struct dns_lookup *l)
{
    if (!dns_stream_is_held(&l->stream))
        return false;
    for (uint32_t i = 0; i < attempt_count(l); i++)
        if (i != l->stream.holder && l->attempts[i].tcp &&
            is_listening(&l->attempts[i]))
            return true;
    return false;
}

/*
 * The verbs.
 */

void
dns_lookup_init(struct dns_lookup *l, const struct dns_conf *conf,
                uint64_t seed)
{
    assert(conf->server_count > 0);
    assert(conf->server_count <= DNS_SERVER_COUNT_MAX);
    l->conf = conf;
    l->task_count = 0;
    l->live_server = 0;
    l->mx_taken = false;
    dns_stream_init(&l->stream);
    dns_mx_set_init(&l->mx, seed);
}

/* The task of that name and type, or task_count. */
static uint32_t
task_find(const struct dns_lookup *l, const struct dns_name *name,
          enum dns_type type)
{
    for (uint32_t i = 0; i < l->task_count; i++)
        if (l->tasks[i].query.type == type &&
            dns_name_equal(&l->tasks[i].query.name, name))
            return i;
    return l->task_count;
}

bool
dns_lookup_ask(struct dns_lookup *l, const struct dns_name *name,
               enum dns_type type, uint32_t *question)
{
    uint32_t index = task_find(l, name, type);
    struct dns_task *task = &l->tasks[index];

    if (index < l->task_count) {
        *question = index;
        return true;
    }
    if (index == DNS_QUESTION_COUNT_MAX || (type == DNS_MX && l->mx_taken))
        return false;
    l->mx_taken = l->mx_taken || type == DNS_MX;
    l->task_count++;
    task->phase = DNS_PHASE_START;
    task->answered_ms = 0;
    task->dropped = false;
    dns_query_init(&task->query, name, type, type == DNS_MX ? &l->mx : NULL);
    for (uint32_t i = 0; i < DNS_SERVER_COUNT_MAX; i++)
        l->attempts[attempt_of(l, task, i)] =
            (struct dns_attempt){.tcp = l->conf->tcp};
    *question = index;
    return true;
}

void
dns_lookup_drop(struct dns_lookup *l, uint32_t question)
{
    assert(question < l->task_count);
    l->tasks[question].dropped = true;
    task_end(l, &l->tasks[question]);
}

const struct dns_query *
dns_lookup_answer(const struct dns_lookup *l, uint32_t question)
{
    assert(question < l->task_count);
    return &l->tasks[question].query;
}

bool
dns_lookup_pending(const struct dns_lookup *l)
{
    for (uint32_t i = 0; i < l->task_count; i++)
        if (l->tasks[i].query.state == DNS_PENDING)
            return true;
    return false;
}

void
dns_lookup_next(struct dns_lookup *l, int64_t now_ms,
                const uint8_t random[static DNS_RANDOM_SIZE],
                struct dns_action *out)
{
    *out = (struct dns_action){.act = DNS_ACT_NONE};
    for (uint32_t i = 0; i < l->task_count; i++)
        if (l->tasks[i].phase == DNS_PHASE_START)
            task_start(l, &l->tasks[i], now_ms);
    for (uint32_t i = 0; i < attempt_count(l); i++) {
        if (!l->attempts[i].open || is_listening(&l->attempts[i]))
            continue;
        l->attempts[i].open = false;
        out->act = DNS_ACT_CLOSE;
        out->attempt = i;
        return;
    }
    for (uint32_t i = 0; i < attempt_count(l); i++) {
        if (l->attempts[i].state != DNS_ATTEMPT_DUE)
            continue;
        attempt_open(l, i, random, out);
        return;
    }
}

struct slice
dns_lookup_packet(struct dns_lookup *l, uint32_t attempt)
{
    assert(attempt < attempt_count(l));
    if (!is_listening(&l->attempts[attempt]))
        return slice_of(l->packet, 0);
    return attempt_packet(l, attempt);
}

bool
dns_lookup_wants_rx(const struct dns_lookup *l, uint32_t attempt)
{
    assert(attempt < attempt_count(l));
    if (!is_listening(&l->attempts[attempt]))
        return false;
    return !l->attempts[attempt].tcp || dns_stream_is_for(&l->stream, attempt);
}

uint8_t *
dns_lookup_rx(struct dns_lookup *l, uint32_t attempt, size_t *size)
{
    if (!dns_lookup_wants_rx(l, attempt)) {
        *size = 0;
        return l->datagram;
    }
    if (!l->attempts[attempt].tcp) {
        *size = sizeof(l->datagram);
        return l->datagram;
    }
    return dns_stream_rx(&l->stream, attempt, size);
}

void
dns_lookup_rx_ack(struct dns_lookup *l, uint32_t attempt, size_t size,
                  int64_t now_ms)
{
    /* An answer to the same question may have come in between. */
    if (!dns_lookup_wants_rx(l, attempt))
        return;
    if (!l->attempts[attempt].tcp) {
        assert(size <= sizeof(l->datagram));
        attempt_read(l, attempt, slice_of(l->datagram, size), now_ms);
        return;
    }
    if (size == 0)
        dns_lookup_lost(l, attempt, now_ms);
    else if (dns_stream_rx_ack(&l->stream, attempt, size, now_ms))
        attempt_read(l, attempt, dns_stream_message(&l->stream), now_ms);
}

void
dns_lookup_lost(struct dns_lookup *l, uint32_t attempt, int64_t now_ms)
{
    assert(attempt < attempt_count(l));
    if (is_listening(&l->attempts[attempt]))
        attempt_refused(l, attempt, DNS_ATTEMPT_LOST, now_ms);
}

int64_t
dns_lookup_deadline_ms(const struct dns_lookup *l)
{
    int64_t deadline_ms = INT64_MAX;

    if (stream_is_wanted(l))
        deadline_ms = l->stream.since_ms + DNS_TCP_HOLD_MS;
    for (uint32_t i = 0; i < l->task_count; i++) {
        int64_t task_ms = task_deadline_ms(l, &l->tasks[i]);

        if (task_ms < deadline_ms)
            deadline_ms = task_ms;
    }
    return deadline_ms;
}

void
dns_lookup_tick(struct dns_lookup *l, int64_t now_ms)
{
    if (stream_is_wanted(l) && now_ms >= l->stream.since_ms + DNS_TCP_HOLD_MS)
        dns_lookup_lost(l, l->stream.holder, now_ms);
    for (uint32_t i = 0; i < l->task_count; i++)
        task_tick(l, &l->tasks[i], now_ms);
}
