/* SPDX-License-Identifier: ISC */
#include "dns/lookup.h"

#include <string.h>

#include "base/assert.h"

enum {
    NO_TASK = DNS_QUESTION_COUNT_MAX,
    NO_SLOT = DNS_PENDING_COUNT_MAX,
    SLOT_SIZE = DNS_SERVER_COUNT_MAX * DNS_FORM_COUNT, /* in attempts */
    STREAM = DNS_ATTEMPT_COUNT_MAX - 1                 /* its attempt */
};

_Static_assert(STREAM == DNS_PENDING_COUNT_MAX * SLOT_SIZE,
               "a socket a question, server and form, and a stream");

/*
 * Attempts and their sockets. Behind begin and end the rest follows by itself,
 * as dns_lookup_next is called.
 */

static uint32_t
attempt_of(const struct dns_task *task, uint32_t server, bool plain)
{
    return task->slot * SLOT_SIZE + server * DNS_FORM_COUNT +
           (plain ? DNS_FORM_PLAIN : DNS_FORM_MIXED);
}

static struct dns_task *
task_of(struct dns_lookup *l, uint32_t attempt)
{
    uint32_t index =
        attempt == STREAM ? l->stream_task : l->slots[attempt / SLOT_SIZE];

    assert(index < l->task_count);
    return &l->tasks[index];
}

static uint32_t
server_of(const struct dns_lookup *l, uint32_t attempt)
{
    return attempt == STREAM ? l->stream_server
                             : attempt % SLOT_SIZE / DNS_FORM_COUNT;
}

static bool
is_mixed(uint32_t attempt)
{
    return attempt != STREAM && attempt % DNS_FORM_COUNT == DNS_FORM_MIXED;
}

static bool
is_listening(const struct dns_lookup *l, uint32_t attempt)
{
    assert(attempt < DNS_ATTEMPT_COUNT_MAX);
    return l->attempts[attempt].state == DNS_ATTEMPT_OPEN ||
           l->attempts[attempt].state == DNS_ATTEMPT_AGAIN;
}

static void
attempt_begin(struct dns_lookup *l, uint32_t attempt)
{
    static const enum dns_attempt_state next[] = {
        [DNS_ATTEMPT_NONE] = DNS_ATTEMPT_DUE,
        [DNS_ATTEMPT_DUE] = DNS_ATTEMPT_DUE,
        [DNS_ATTEMPT_OPEN] = DNS_ATTEMPT_AGAIN,
        [DNS_ATTEMPT_AGAIN] = DNS_ATTEMPT_AGAIN,
        [DNS_ATTEMPT_STALE] = DNS_ATTEMPT_RENEW,
        [DNS_ATTEMPT_RENEW] = DNS_ATTEMPT_RENEW,
    };

    l->attempts[attempt].state = next[l->attempts[attempt].state];
}

static void
attempt_end(struct dns_lookup *l, uint32_t attempt)
{
    static const enum dns_attempt_state next[] = {
        [DNS_ATTEMPT_NONE] = DNS_ATTEMPT_NONE,
        [DNS_ATTEMPT_DUE] = DNS_ATTEMPT_NONE,
        [DNS_ATTEMPT_OPEN] = DNS_ATTEMPT_STALE,
        [DNS_ATTEMPT_AGAIN] = DNS_ATTEMPT_STALE,
        [DNS_ATTEMPT_STALE] = DNS_ATTEMPT_STALE,
        [DNS_ATTEMPT_RENEW] = DNS_ATTEMPT_STALE,
    };

    l->attempts[attempt].state = next[l->attempts[attempt].state];
}

/* The question as this attempt puts it, from its own random bytes. */
static void
attempt_question(struct dns_lookup *l, uint32_t attempt,
                 struct dns_question *out)
{
    const struct dns_task *task = task_of(l, attempt);
    const uint8_t *random = l->attempts[attempt].random;

    out->name = task->query.target;
    out->type = task->query.type;
    out->id = (uint16_t)(random[0] << 8 | random[1]);
    out->exact = is_mixed(attempt);
    out->edns = is_mixed(attempt);
    out->ad = l->conf->secure;
    if (out->exact)
        dns_name_mix(&out->name, random + DNS_RANDOM_SIZE - DNS_CASE_SIZE);
}

/* The packet of this attempt, a stream's with its length in front. */
static struct slice
attempt_packet(struct dns_lookup *l, uint32_t attempt)
{
    struct dns_question question;
    struct buf packet, message;

    attempt_question(l, attempt, &question);
    buf_init(&message, l->packet + DNS_TCP_PREFIX_SIZE, DNS_QUERY_SIZE_MAX);
    dns_message_query(&message, &question);
    assert(!message.full && message.used <= UINT16_MAX);
    buf_init(&packet, l->packet, DNS_TCP_PREFIX_SIZE);
    buf_put_network(&packet, (uint32_t)message.used, 2);
    if (attempt != STREAM)
        return buf_slice(&message);
    return slice_of(l->packet, DNS_TCP_PREFIX_SIZE + message.used);
}

/* A packet may be sent again as it is, so that the answer to any of them is
 * heard by the one socket. */
static void
attempt_send(struct dns_lookup *l, uint32_t attempt,
             const uint8_t random[static DNS_RANDOM_SIZE],
             struct dns_action *out)
{
    struct dns_attempt *a = &l->attempts[attempt];

    out->act = DNS_ACT_SEND;
    if (a->state == DNS_ATTEMPT_DUE) {
        out->act = DNS_ACT_OPEN;
        memcpy(a->random, random, DNS_RANDOM_SIZE);
        /* In no packet, but of names that are longer than most. */
        task_of(l, attempt)->schedule.jitter_ms =
            random[DNS_RANDOM_SIZE - 1] * (uint32_t)DNS_JITTER_STEP_MS;
    }
    a->state = DNS_ATTEMPT_OPEN;
    out->attempt = attempt;
    out->tcp = attempt == STREAM;
    out->server = l->conf->servers[server_of(l, attempt)].at;
    out->packet = attempt_packet(l, attempt);
}

/*
 * One task.
 */

static void
task_silence(struct dns_lookup *l, const struct dns_task *task)
{
    for (uint32_t i = 0; i < SLOT_SIZE; i++)
        attempt_end(l, task->slot * SLOT_SIZE + i);
    if (task == &l->tasks[l->stream_task])
        attempt_end(l, STREAM);
}

/* With the answer it has; else with the "no" that was kept; else with none. */
static void
task_end(struct dns_lookup *l, struct dns_task *task, int64_t now_ms)
{
    uint32_t server = task->schedule.no_server;

    if (task->query.state == DNS_PENDING && server != DNS_SERVER_NONE) {
        task->query.state = task->no;
        task->query.secure = task->no_secure;
        task->answered_ms = now_ms;
        task->server = server;
        l->live_server = server;
    }
    if (task->query.state == DNS_PENDING)
        task->query.state = DNS_FAILED;
    task->schedule.phase = DNS_PHASE_OVER;
    if (task->slot == NO_SLOT)
        return;
    task_silence(l, task);
    l->slots[task->slot] = NO_TASK;
    task->slot = NO_SLOT;
}

/* Does what the schedule says. */
static void
task_follow(struct dns_lookup *l, struct dns_task *task, int64_t now_ms)
{
    struct dns_schedule *s = &task->schedule;
    uint32_t server = 0;

    if (s->phase == DNS_PHASE_OVER) {
        task_end(l, task, now_ms);
        return;
    }
    while (dns_schedule_take(s, &server)) {
        task->plain[server] = task->plain[server] || s->round_count > 1;
        if (task->said[server] == DNS_SAID_UNASKED)
            task->said[server] = DNS_SAID_NOTHING;
        if (l->conf->tcp)
            dns_schedule_cut(s, server);
        else
            attempt_begin(l, attempt_of(task, server, task->plain[server]));
    }
}

/* The next question that has not begun, and a slot for it. */
static bool
find_waiting(const struct dns_lookup *l, uint32_t *index, uint32_t *slot)
{
    *index = 0;
    *slot = 0;
    while (*index < l->task_count &&
           l->tasks[*index].schedule.phase != DNS_PHASE_START)
        ++*index;
    while (*slot < DNS_PENDING_COUNT_MAX && l->slots[*slot] != NO_TASK)
        ++*slot;
    return *index < l->task_count && *slot < DNS_PENDING_COUNT_MAX;
}

static void
start_tasks(struct dns_lookup *l, int64_t now_ms)
{
    uint32_t index = 0, slot = 0;

    while (find_waiting(l, &index, &slot)) {
        struct dns_task *task = &l->tasks[index];

        l->slots[slot] = index;
        task->slot = slot;
        task->asked_ms = now_ms;
        dns_schedule_start(&task->schedule, l->live_server, l->conf->timeout_ms,
                           now_ms);
        task_follow(l, task, now_ms);
    }
}

/*
 * What comes in.
 */

/* A bad reply counts when it answers the question that was put last; what was
 * put before, or is being asked over TCP, may have a better one. */
static void
attempt_bad(struct dns_lookup *l, uint32_t attempt, bool busy, int64_t now_ms)
{
    struct dns_task *task = task_of(l, attempt);
    uint32_t server = server_of(l, attempt);
    bool last = task->schedule.words[server] == DNS_WORD_NONE &&
                is_mixed(attempt) != task->plain[server];

    if (attempt != STREAM && !last)
        return;
    dns_schedule_bad(&task->schedule, server, busy, now_ms);
    task_follow(l, task, now_ms);
}

/* At once without EDNS and in lower case, if it was not asked so already. */
static void
attempt_plain(struct dns_lookup *l, uint32_t attempt)
{
    struct dns_task *task = task_of(l, attempt);
    uint32_t server = server_of(l, attempt);

    /* One that failed before is not waited for once more. */
    if (task->plain[server] || task->schedule.words[server] != DNS_WORD_NONE)
        return;
    task->plain[server] = true;
    attempt_begin(l, attempt_of(task, server, true));
}

/* An answer, if only an alias or a "no". `chain`: the way to the name it is
 * about was secure. */
static void
attempt_done(struct dns_lookup *l, uint32_t attempt, bool chain, int64_t now_ms)
{
    struct dns_task *task = task_of(l, attempt);
    uint32_t server = server_of(l, attempt);
    enum dns_state said = task->query.state;

    if (said == DNS_FOUND) {
        l->live_server = server;
        task_end(l, task, now_ms);
        return;
    }
    if (said == DNS_PENDING) {
        l->live_server = server;
        task_silence(l, task);
        dns_schedule_alias(&task->schedule, server, now_ms);
    } else {
        dns_schedule_no(&task->schedule, server);
        if (task->schedule.no_server == server) {
            task->no = said;
            task->no_secure = task->query.secure;
        }
        task->query.state = DNS_PENDING;
        task->query.secure = chain;
    }
    task_follow(l, task, now_ms);
}

static void
attempt_read(struct dns_lookup *l, uint32_t attempt, struct slice packet,
             int64_t now_ms)
{
    struct dns_task *task = task_of(l, attempt);
    struct dns_question sent;
    enum dns_verdict verdict = DNS_VERDICT_IGNORE;
    bool chain = task->query.secure;

    attempt_question(l, attempt, &sent);
    verdict = dns_query_read(&task->query, &sent, attempt == STREAM, packet);
    if (verdict == DNS_VERDICT_DONE || verdict == DNS_VERDICT_BAD ||
        verdict == DNS_VERDICT_BUSY) {
        task->answered_ms = now_ms;
        task->server = server_of(l, attempt);
    }
    if (attempt == STREAM)
        attempt_end(l, attempt);
    switch (verdict) {
    case DNS_VERDICT_IGNORE:
        break;
    case DNS_VERDICT_DONE:
    case DNS_VERDICT_ALIAS:
        attempt_done(l, attempt, chain, now_ms);
        break;
    case DNS_VERDICT_BAD:
    case DNS_VERDICT_BUSY:
        task->said[server_of(l, attempt)] =
            DNS_SAID_ERROR + task->query.refused;
        attempt_bad(l, attempt, verdict == DNS_VERDICT_BUSY, now_ms);
        break;
    case DNS_VERDICT_PLAIN:
        attempt_plain(l, attempt);
        break;
    case DNS_VERDICT_STREAM:
        dns_schedule_cut(&task->schedule, server_of(l, attempt));
        break;
    }
}

/*
 * The stream: one at a time, in turns.
 */

static bool
stream_is_held(const struct dns_lookup *l)
{
    enum dns_attempt_state state = l->attempts[STREAM].state;

    return state != DNS_ATTEMPT_NONE && state != DNS_ATTEMPT_STALE;
}

/* Whose turn is next: a question and a server, in one number. */
static bool
stream_find(const struct dns_lookup *l, uint32_t *pair)
{
    uint32_t count = l->task_count * DNS_SERVER_COUNT_MAX;

    for (uint32_t i = 0; i < count; i++) {
        const struct dns_task *task = NULL;

        *pair = (l->stream_next + i) % count;
        task = &l->tasks[*pair / DNS_SERVER_COUNT_MAX];
        if (task->slot != NO_SLOT &&
            task->schedule.words[*pair % DNS_SERVER_COUNT_MAX] == DNS_WORD_CUT)
            return true;
    }
    return false;
}

static void
stream_begin(struct dns_lookup *l, int64_t now_ms)
{
    uint32_t pair = 0;

    if (stream_is_held(l) || !stream_find(l, &pair))
        return;
    l->stream_next = pair + 1;
    l->stream_task = pair / DNS_SERVER_COUNT_MAX;
    l->stream_server = pair % DNS_SERVER_COUNT_MAX;
    l->stream_ms = now_ms;
    dns_stream_init(&l->stream);
    dns_schedule_stream(&l->tasks[l->stream_task].schedule, l->stream_server);
    attempt_begin(l, STREAM);
}

/* One that stalls must not starve those that wait; one that is slow to connect
 * has more time each round. */
static int64_t
stream_end_ms(const struct dns_lookup *l)
{
    const struct dns_schedule *s = &l->tasks[l->stream_task].schedule;
    uint32_t pair = 0;

    if (!stream_is_held(l))
        return INT64_MAX;
    return l->stream_ms +
           (stream_find(l, &pair) ? dns_schedule_round_ms(s) : DNS_STREAM_MS);
}

/*
 * The verbs.
 */

void
dns_lookup_init(struct dns_lookup *l, const struct dns_conf *conf,
                uint64_t seed)
{
    l->conf = conf;
    l->task_count = 0;
    l->live_server = 0;
    l->mx_taken = false;
    l->stream_task = l->stream_next = 0;
    for (uint32_t i = 0; i < DNS_PENDING_COUNT_MAX; i++)
        l->slots[i] = NO_TASK;
    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++)
        l->attempts[i].state = DNS_ATTEMPT_NONE;
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
               enum dns_type type, struct tlsa_set *tlsa, uint32_t *question)
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
    *task = (struct dns_task){.slot = NO_SLOT};
    dns_query_init(&task->query, name, type, type == DNS_MX ? &l->mx : NULL,
                   tlsa);
    dns_schedule_init(&task->schedule, l->conf->server_count);
    *question = index;
    return true;
}

void
dns_lookup_drop(struct dns_lookup *l, uint32_t question)
{
    struct dns_task *task = &l->tasks[question];

    assert(question < l->task_count);
    task->dropped = true;
    if (task->query.state == DNS_PENDING)
        task->query.state = DNS_FAILED;
    task_end(l, task, 0);
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
    start_tasks(l, now_ms);
    stream_begin(l, now_ms);
    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++) {
        struct dns_attempt *a = &l->attempts[i];

        if (a->state != DNS_ATTEMPT_STALE && a->state != DNS_ATTEMPT_RENEW)
            continue;
        a->state =
            a->state == DNS_ATTEMPT_RENEW ? DNS_ATTEMPT_DUE : DNS_ATTEMPT_NONE;
        out->act = DNS_ACT_CLOSE;
        out->attempt = i;
        return;
    }
    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++) {
        if (l->attempts[i].state != DNS_ATTEMPT_DUE &&
            l->attempts[i].state != DNS_ATTEMPT_AGAIN)
            continue;
        attempt_send(l, i, random, out);
        return;
    }
}

struct slice
dns_lookup_packet(struct dns_lookup *l, uint32_t attempt)
{
    if (!is_listening(l, attempt))
        return slice_of(l->packet, 0);
    return attempt_packet(l, attempt);
}

bool
dns_lookup_wants_rx(const struct dns_lookup *l, uint32_t attempt)
{
    return is_listening(l, attempt);
}

uint8_t *
dns_lookup_rx(struct dns_lookup *l, uint32_t attempt, size_t *size)
{
    if (is_listening(l, attempt) && attempt == STREAM)
        return dns_stream_rx(&l->stream, size);
    *size = is_listening(l, attempt) ? sizeof(l->datagram) : 0;
    return l->datagram;
}

void
dns_lookup_rx_ack(struct dns_lookup *l, uint32_t attempt, size_t size,
                  int64_t now_ms)
{
    /* An answer to the same question may have come in between. */
    if (!is_listening(l, attempt))
        return;
    if (attempt != STREAM) {
        assert(size <= sizeof(l->datagram));
        attempt_read(l, attempt, slice_of(l->datagram, size), now_ms);
        return;
    }
    if (size == 0)
        dns_lookup_lost(l, attempt, now_ms);
    else if (dns_stream_rx_ack(&l->stream, size))
        attempt_read(l, attempt, dns_stream_message(&l->stream), now_ms);
}

void
dns_lookup_lost(struct dns_lookup *l, uint32_t attempt, int64_t now_ms)
{
    if (!is_listening(l, attempt))
        return;
    attempt_end(l, attempt);
    task_of(l, attempt)->said[server_of(l, attempt)] = DNS_SAID_LOST;
    attempt_bad(l, attempt, false, now_ms);
}

int64_t
dns_lookup_deadline_ms(const struct dns_lookup *l)
{
    int64_t deadline_ms = stream_end_ms(l);
    uint32_t index = 0, slot = 0;

    if (find_waiting(l, &index, &slot))
        return 0;
    for (uint32_t i = 0; i < l->task_count; i++) {
        int64_t task_ms = dns_schedule_deadline_ms(&l->tasks[i].schedule);

        if (task_ms < deadline_ms)
            deadline_ms = task_ms;
    }
    return deadline_ms;
}

void
dns_lookup_tick(struct dns_lookup *l, int64_t now_ms)
{
    if (now_ms >= stream_end_ms(l)) {
        dns_schedule_stuck(&task_of(l, STREAM)->schedule, l->stream_server);
        attempt_end(l, STREAM);
    }
    for (uint32_t i = 0; i < l->task_count; i++) {
        struct dns_task *task = &l->tasks[i];

        if (task->slot == NO_SLOT)
            continue;
        dns_schedule_tick(&task->schedule, l->live_server, now_ms);
        task_follow(l, task, now_ms);
    }
    start_tasks(l, now_ms);
}
