/* SPDX-License-Identifier: ISC */
#include "resolve.h"

#include "base/assert.h"

static const enum dns_type address_types[ADDR_FAMILY_COUNT] = {DNS_A, DNS_AAAA};

/* ---- sockets ---- */

static void
close_attempt(struct resolve_work *w, uint32_t attempt)
{
    os_close(w->fds[attempt]);
    w->fds[attempt] = OS_NONE;
    w->unsent[attempt] = false;
}

static void
lose_attempt(struct resolve_work *w, uint32_t attempt)
{
    close_attempt(w, attempt);
    dns_lookup_lost(&w->lookup, attempt, os_now_ms());
}

static void
send_attempt(struct resolve_work *w, const struct dns_action *action)
{
    uint32_t attempt = action->attempt;

    if (action->act == DNS_ACT_OPEN) {
        int fd = os_connect(&action->server, action->tcp);

        w->random_fresh = false;
        w->fds[attempt] = fd >= 0 ? fd : OS_NONE;
        /* A stream takes its packet once it is connected. */
        w->unsent[attempt] = action->tcp;
    }
    if (w->fds[attempt] == OS_NONE ||
        (!action->tcp && os_write(w->fds[attempt], action->packet) !=
                             (ptrdiff_t)action->packet.size))
        lose_attempt(w, attempt);
}

/* Does all that the engine wants at once. False: no randomness. */
static bool
act(struct resolve_work *w)
{
    struct dns_action action;

    for (;;) {
        if (!w->random_fresh && !os_random(w->random, sizeof(w->random)))
            return false;
        w->random_fresh = true;
        dns_lookup_next(&w->lookup, os_now_ms(), w->random, &action);
        if (action.act == DNS_ACT_NONE)
            return true;
        if (action.act == DNS_ACT_CLOSE)
            close_attempt(w, action.attempt);
        else
            send_attempt(w, &action);
    }
}

static void
send_stream(struct resolve_work *w, uint32_t attempt)
{
    struct slice packet = dns_lookup_packet(&w->lookup, attempt);

    /* A fresh stream takes a packet whole, or there is something wrong. */
    if (os_write(w->fds[attempt], packet) == (ptrdiff_t)packet.size)
        w->unsent[attempt] = false;
    else
        lose_attempt(w, attempt);
}

static void
receive(struct resolve_work *w, uint32_t attempt)
{
    size_t room = 0;
    uint8_t *at = dns_lookup_rx(&w->lookup, attempt, &room);
    ptrdiff_t n = 0;

    if (room == 0)
        return;
    n = os_read(w->fds[attempt], at, room);
    if (n >= 0)
        dns_lookup_rx_ack(&w->lookup, attempt, (size_t)n, os_now_ms());
    else if (n != OS_AGAIN)
        lose_attempt(w, attempt);
}

static uint32_t
collect_polls(struct resolve_work *w)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++) {
        bool rx = false;

        if (w->fds[i] == OS_NONE)
            continue;
        rx = !w->unsent[i] && dns_lookup_wants_rx(&w->lookup, i);
        if (!rx && !w->unsent[i])
            continue;
        w->polled[count] = i;
        w->polls[count++] =
            (struct os_poll){.fd = w->fds[i], .rx = rx, .tx = w->unsent[i]};
    }
    return count;
}

/* Waits for something to happen, or for stop_ms. */
static bool
step(struct resolve_work *w, int64_t stop_ms)
{
    int64_t deadline_ms = 0;
    uint32_t count = 0;

    if (!act(w))
        return false;
    /* Where no socket can be had, the last look-up ended just now: nothing
     * would ever end the wait. */
    if (!dns_lookup_pending(&w->lookup))
        return true;
    deadline_ms = dns_lookup_deadline_ms(&w->lookup);
    if (stop_ms < deadline_ms)
        deadline_ms = stop_ms;
    count = collect_polls(w);
    if (!os_poll(w->polls, count, deadline_ms))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        /* One answer may have closed the sockets of its question. */
        if (w->fds[w->polled[i]] != w->polls[i].fd)
            continue;
        if (w->polls[i].can_tx)
            send_stream(w, w->polled[i]);
        else if (w->polls[i].can_rx)
            receive(w, w->polled[i]);
    }
    dns_lookup_tick(&w->lookup, os_now_ms());
    return true;
}

/* ---- exchangers ---- */

static void
ask_host(struct resolve_work *w, const struct dns_name *name,
         uint16_t preference)
{
    struct resolve_host *h = &w->hosts[w->host_count++];
    bool asked = true;

    h->name = *name;
    h->preference = preference;
    h->asked_ms = os_now_ms();
    for (uint32_t i = 0; i < ADDR_FAMILY_COUNT; i++)
        asked = dns_lookup_ask(&w->lookup, name, address_types[i],
                               &h->questions[i]) &&
                asked;
    assert(asked); /* DNS_QUESTION_COUNT_MAX has room for every host */
}

static const struct dns_query *
answer(const struct resolve_work *w, const struct resolve_host *h,
       uint32_t family)
{
    return dns_lookup_answer(&w->lookup, h->questions[family]);
}

/* The MX answer decides whom to ask for addresses. The host's own were asked
 * for at the same time, in case it is its only exchanger. */
static enum fault
read_exchangers(struct resolve_work *w)
{
    const struct dns_query *q = dns_lookup_answer(&w->lookup, w->mx_question);
    struct resolve_host own = w->hosts[0];
    bool own_wanted = false;

    if (q->state == DNS_NO_NAME)
        return FAULT_NO_HOST;
    if (q->state == DNS_FAILED)
        return FAULT_DNS;
    w->mx_pending = false;
    if (q->state == DNS_NODATA)
        return FAULT_OK;
    if (q->mx->count == 0)
        return q->mx->null ? FAULT_NULL_MX : FAULT_NO_EXCHANGER;
    w->host_count = 0;
    for (uint32_t i = 0; i < q->mx->count; i++) {
        ask_host(w, &q->mx->items[i].name, q->mx->items[i].preference);
        own_wanted = own_wanted || w->hosts[i].questions[0] == own.questions[0];
    }
    for (uint32_t i = 0; i < ADDR_FAMILY_COUNT && !own_wanted; i++)
        dns_lookup_drop(&w->lookup, own.questions[i]);
    return FAULT_OK;
}

/* One that counts: multicast and the like are no reason to stop waiting. */
static bool
has_address(const struct dns_query *q)
{
    for (uint32_t i = 0; i < q->address_count; i++)
        if (!addr_is_unusable(&q->addresses[i]))
            return true;
    return false;
}

static void
note_addresses(struct resolve_work *w)
{
    for (uint32_t i = 0; i < w->host_count; i++) {
        struct resolve_host *h = &w->hosts[i];
        bool found =
            has_address(answer(w, h, 0)) || has_address(answer(w, h, 1));

        if (found && !h->has_address)
            h->first_address_ms = os_now_ms();
        h->has_address = found;
    }
}

/* When to stop waiting. */
static int64_t
stop_ms(const struct resolve_work *w)
{
    struct policy_host hosts[DNS_MX_COUNT_MAX];

    if (w->mx_pending)
        return INT64_MAX;
    for (uint32_t i = 0; i < w->host_count; i++) {
        const struct resolve_host *h = &w->hosts[i];

        hosts[i] = (struct policy_host){
            .preference = h->preference,
            .pending = answer(w, h, 0)->state == DNS_PENDING ||
                       answer(w, h, 1)->state == DNS_PENDING,
            .has_address = h->has_address,
            .first_address_ms = h->first_address_ms,
            .patience_ms = h->asked_ms + DNS_PATIENCE_MS};
    }
    return policy_hosts_wait_ms(hosts, w->host_count);
}

/* ---- candidates ---- */

/* A relay or a literal may be loopback: somebody wrote it down. */
bool
resolve_is_own(const struct job *job, const struct addr *a)
{
    if (qmail_ipme_contains(&job->ipme, a) || addr_is_unspecified(a))
        return true;
    return job->route.kind == ROUTE_MX && addr_is_local(a);
}

static void
add_address(const struct job *job, const struct resolve_work *w, uint32_t host,
            const struct addr *a, struct policy_candidates *out)
{
    struct policy_candidate c = {.to = {.addr = *a, .port = job->route.port},
                                 .preference = w->hosts[host].preference,
                                 .host = (uint16_t)host};
    bool own = resolve_is_own(job, a);

    /* An address of ours among a relay's cuts none of the others off. */
    if (own && job->route.relay)
        c.preference = UINT16_MAX;
    policy_candidates_add(out, &c, own);
}

/* Behind the hosts of `first`'s preference. */
static uint32_t
group_end(const struct resolve_work *w, uint32_t first)
{
    uint32_t end = first;

    while (end < w->host_count &&
           w->hosts[end].preference == w->hosts[first].preference)
        end++;
    return end;
}

/* The addresses of one preference: the first of each host and family, then
 * the second, so that all have their share when there are too many. */
static void
add_addresses(const struct job *job, const struct resolve_work *w,
              uint32_t first, uint32_t end, struct policy_candidates *out)
{
    for (uint32_t i = 0; i < DNS_ADDRESS_COUNT_MAX; i++)
        for (uint32_t q = ADDR_FAMILY_COUNT * first;
             q < ADDR_FAMILY_COUNT * end; q++) {
            uint32_t host = q / ADDR_FAMILY_COUNT;
            const struct dns_query *found =
                answer(w, &w->hosts[host], q % ADDR_FAMILY_COUNT);

            if (i < found->address_count)
                add_address(job, w, host, &found->addresses[i], out);
        }
}

/* Whether a look-up of a host better than `preference` failed temporarily, or
 * was not waited for. */
static bool
is_unsure(const struct resolve_work *w, uint32_t preference)
{
    for (uint32_t i = 0; i < w->host_count; i++)
        for (uint32_t family = 0; family < ADDR_FAMILY_COUNT; family++) {
            enum dns_state state = answer(w, &w->hosts[i], family)->state;

            if (w->hosts[i].preference < preference &&
                (state == DNS_FAILED || state == DNS_PENDING))
                return true;
        }
    return false;
}

static enum fault
why_nobody(const struct job *job, const struct resolve_work *w,
           const struct policy_candidates *c)
{
    if (job->route.relay)
        return c->own_seen ? FAULT_RELAY_OWN : FAULT_DNS;
    if (is_unsure(w, c->own_seen ? c->own_preference : UINT32_MAX))
        return FAULT_DNS;
    return c->own_seen ? FAULT_OWN : FAULT_NO_EXCHANGER;
}

static enum fault
collect(const struct job *job, struct resolve_work *w, struct targets *out)
{
    struct policy_candidates *c = &out->candidates;
    uint64_t seed = 0;

    for (uint32_t i = 0; i < w->host_count; i++) {
        struct buf text;

        buf_init(&text, out->names[i].text, sizeof(out->names[i].text));
        dns_name_print(&text, &w->hosts[i].name);
        out->names[i].size = (uint8_t)text.used;
    }
    for (uint32_t first = 0, end = 0; first < w->host_count; first = end) {
        end = group_end(w, first);
        add_addresses(job, w, first, end, c);
    }
    if (!os_random(&seed, sizeof(seed)))
        return FAULT_SYSTEM;
    policy_candidates_finish(c, seed);
    return c->count > 0 ? FAULT_OK : why_nobody(job, w, c);
}

/* ---- routes ---- */

/* An address needs no look-up. */
static enum fault
take_address(const struct job *job, struct targets *out)
{
    struct policy_candidate c = {
        .to = {.addr = job->route.addr, .port = job->route.port}};
    bool own = resolve_is_own(job, &c.to.addr);

    out->names[0].size = 0;
    policy_candidates_add(&out->candidates, &c, own);
    if (out->candidates.count > 0)
        return FAULT_OK;
    if (job->route.relay)
        return own ? FAULT_RELAY_OWN : FAULT_DNS;
    return own ? FAULT_OWN : FAULT_NO_EXCHANGER;
}

static enum fault
start(const struct job *job, struct resolve_work *w)
{
    bool relay = job->route.kind == ROUTE_NAME;
    struct dns_name name;
    uint64_t seed = 0;

    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++)
        w->fds[i] = OS_NONE;
    if (!dns_name_parse(relay ? qmail_route_name(&job->route) : job->host,
                        &name))
        return relay ? FAULT_DNS : FAULT_NO_HOST;
    w->random_fresh = false;
    if (!os_random(&seed, sizeof(seed)))
        return FAULT_SYSTEM;
    dns_lookup_init(&w->lookup, &job->dns, seed);
    w->mx_pending = !relay;
    if (!relay)
        (void)dns_lookup_ask(&w->lookup, &name, DNS_MX, &w->mx_question);
    ask_host(w, &name, 0);
    return FAULT_OK;
}

static enum fault
wait_for_answers(struct resolve_work *w)
{
    for (;;) {
        if (w->mx_pending &&
            dns_lookup_answer(&w->lookup, w->mx_question)->state !=
                DNS_PENDING) {
            enum fault fault = read_exchangers(w);

            if (fault != FAULT_OK)
                return fault;
        }
        note_addresses(w);
        if (stop_ms(w) <= os_now_ms())
            return FAULT_OK;
        if (!step(w, stop_ms(w)))
            return FAULT_SYSTEM;
    }
}

enum fault
resolve(const struct job *job, struct resolve_work *w, struct targets *out)
{
    enum fault fault = FAULT_OK;

    policy_candidates_init(&out->candidates);
    w->lookup.task_count = 0;
    w->host_count = 0;
    if (job->route.kind == ROUTE_ADDRESS)
        return take_address(job, out);
    fault = start(job, w);
    if (fault == FAULT_OK)
        fault = wait_for_answers(w);
    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++)
        close_attempt(w, i);
    if (fault == FAULT_OK)
        return collect(job, w, out);
    w->host_count = 0;
    return fault;
}
