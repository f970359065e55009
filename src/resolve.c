/* SPDX-License-Identifier: ISC */
#include "resolve.h"

#include "base/assert.h"
#include "prove.h"

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
        int fd = os_connect(&action->server, NULL, action->tcp);

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

bool
resolve_act(struct resolve_work *w, struct targets *t)
{
    struct dns_action action;

    while (t->live) {
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
    return true;
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

uint32_t
resolve_polls(struct resolve_work *w, const struct targets *t,
              struct os_poll *polls)
{
    uint32_t count = 0;

    for (uint32_t i = 0; t->live && i < DNS_ATTEMPT_COUNT_MAX; i++) {
        bool rx = false;

        if (w->fds[i] == OS_NONE)
            continue;
        rx = !w->unsent[i] && dns_lookup_wants_rx(&w->lookup, i);
        if (!rx && !w->unsent[i])
            continue;
        w->polled[count] = i;
        polls[count++] =
            (struct os_poll){.fd = w->fds[i], .rx = rx, .tx = w->unsent[i]};
    }
    return count;
}

void
resolve_polled(struct resolve_work *w, const struct os_poll *polls,
               uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        /* One answer may have closed the sockets of its question. */
        if (w->fds[w->polled[i]] != polls[i].fd)
            continue;
        if (polls[i].can_tx)
            send_stream(w, w->polled[i]);
        else if (polls[i].can_rx)
            receive(w, w->polled[i]);
    }
    dns_lookup_tick(&w->lookup, os_now_ms());
}

/* ---- exchangers ---- */

static void
ask(struct resolve_work *w, struct targets *t, uint32_t host, uint32_t family)
{
    struct target_name *n = &t->names[host];
    struct dns_name name;
    bool asked = dns_name_parse(slice_of(n->text, n->size), &name) &&
                 dns_lookup_ask(&w->lookup, &name, address_types[family], NULL,
                                &w->questions[host][family]);

    assert(asked); /* it was a name before; there is room for DNS_BURST */
    n->looks[family] = TARGET_ASKED;
}

static void
ask_host(struct resolve_work *w, struct targets *t, uint32_t host)
{
    t->hosts.list[host].unasked = false;
    t->hosts.list[host].patience_ms = os_now_ms() + DNS_PATIENCE_MS;
    for (uint32_t i = 0; i < ADDR_FAMILY_COUNT; i++)
        ask(w, t, host, i);
}

/* NULL: there is no answer to be taken. */
static const struct dns_query *
answer(const struct resolve_work *w, const struct targets *t, uint32_t host,
       uint32_t family)
{
    const struct dns_query *q = NULL;

    if (t->names[host].looks[family] != TARGET_ASKED)
        return NULL;
    q = dns_lookup_answer(&w->lookup, w->questions[host][family]);
    return q->state == DNS_PENDING ? NULL : q;
}

/* It was not asked for, and its preference is worth it. */
static bool
is_wanted(const struct targets *t, uint32_t host)
{
    return t->names[host].looks[0] == TARGET_UNASKED &&
           t->hosts.list[host].preference < t->candidates.own_preference;
}

static bool
ask_best(struct resolve_work *w, struct targets *t)
{
    uint32_t room = DNS_BURST_COUNT_MAX - targets_count(t, TARGET_ASKED);
    uint32_t count = room / ADDR_FAMILY_COUNT;
    uint32_t asked = 0;

    if (count > DNS_HOST_BURST_COUNT)
        count = DNS_HOST_BURST_COUNT;
    for (uint32_t i = 0; i < t->hosts.count && asked < count; i++)
        if (is_wanted(t, i)) {
            ask_host(w, t, i);
            asked++;
        }
    return asked > 0;
}

/* The name has a place before, as good or better. */
static bool
is_repeated(const struct dns_mx_set *mx, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (dns_name_equal(&mx->items[i].name, &mx->items[index].name))
            return true;
    return false;
}

/* The MX answer decides whom to ask for addresses. The host's own were asked
 * for at the same time, in case it is its only exchanger. */
static enum fault
read_exchangers(const struct job *job, struct resolve_work *w,
                struct targets *t)
{
    const struct dns_query *q = dns_lookup_answer(&w->lookup, w->mx_question);
    const struct dns_mx_set *mx = q->mx;
    bool own_wanted = false;
    uint32_t own[ADDR_FAMILY_COUNT] = {w->questions[0][0], w->questions[0][1]};

    if (q->state == DNS_PENDING)
        return FAULT_OK;
    if (q->state == DNS_FAILED)
        return FAULT_DNS;
    t->mx = q->state == DNS_NO_NAME ? TARGET_MX_NO_NAME : TARGET_MX_NONE;
    targets_secure(t, job->dns.secure && q->secure, &q->target);
    if (q->state != DNS_FOUND)
        return FAULT_OK;
    if (mx->count == 0)
        return targets_is_unvouched(job, t) ? FAULT_DANE_LACKING
               : mx->null                   ? FAULT_NULL_MX
                                            : FAULT_NO_EXCHANGER;
    t->hosts.count = 0;
    for (uint32_t i = 0; i < mx->count; i++) {
        const struct dns_mx *item = &mx->items[i];

        if (is_repeated(mx, i))
            continue;
        targets_add_host(t, &item->name, item->preference);
        targets_take_dressed(job, t, t->hosts.count - 1);
        own_wanted = own_wanted || dns_name_equal(&item->name, &q->name);
    }
    for (uint32_t i = 0; i < ADDR_FAMILY_COUNT && !own_wanted; i++)
        dns_lookup_drop(&w->lookup, own[i]);
    (void)ask_best(w, t);
    return FAULT_OK;
}

/* ---- answers ---- */

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
note_answers(const struct job *job, struct resolve_work *w, struct targets *t,
             uint32_t host, int64_t now_ms)
{
    struct policy_host *h = &t->hosts.list[host];
    const struct dns_query *answers[ADDR_FAMILY_COUNT];
    bool has = false;

    h->pending = false;
    for (uint32_t i = 0; i < ADDR_FAMILY_COUNT; i++) {
        const struct dns_query *q = answers[i] = answer(w, t, host, i);

        h->pending =
            h->pending || (!q && t->names[host].looks[i] == TARGET_ASKED);
        has = has || (q && has_address(q));
    }
    if (has && targets_dane(t, host) == POLICY_DANE_PENDING)
        prove(job, w, t, host, answers);
    if (prove_is_holding(w, t, host)) {
        h->pending = true;
    } else if (has && !h->has_address) {
        h->has_address = true;
        h->first_address_ms = now_ms;
    }
}

static void
note_all(const struct job *job, struct resolve_work *w, struct targets *t)
{
    int64_t now_ms = os_now_ms();

    for (uint32_t i = 0; i < t->hosts.count; i++)
        note_answers(job, w, t, i, now_ms);
}

/* When the best exchanger that is known may be delivered to; INT64_MAX: none
 * is known, and some may be. */
static int64_t
wait_ms(const struct targets *t)
{
    const struct policy_host *best = NULL;
    bool pending = false;

    for (uint32_t i = 0; i < t->hosts.count; i++) {
        const struct policy_host *h = &t->hosts.list[i];

        pending = pending || h->pending;
        if (h->has_address && (!best || h->preference < best->preference))
            best = h;
    }
    if (best)
        return policy_hosts_wait_ms(&t->hosts, best->preference);
    return pending ? INT64_MAX : 0;
}

/* Behind the hosts of `first`'s preference. */
static uint32_t
group_end(const struct targets *t, uint32_t first)
{
    const struct policy_host *list = t->hosts.list;
    uint32_t end = first;

    while (end < t->hosts.count &&
           list[end].preference == list[first].preference)
        end++;
    return end;
}

/* The addresses of one preference: the first of each host and family, then
 * the second, so that all have their share when there are too many. */
static void
add_addresses(const struct job *job, const struct resolve_work *w,
              struct targets *t, uint32_t first, uint32_t end)
{
    for (uint32_t i = 0; i < DNS_ADDRESS_COUNT_MAX; i++)
        for (uint32_t k = ADDR_FAMILY_COUNT * first;
             k < ADDR_FAMILY_COUNT * end; k++) {
            uint32_t host = k / ADDR_FAMILY_COUNT;
            const struct dns_query *q =
                answer(w, t, host, k % ADDR_FAMILY_COUNT);

            if (q && i < q->address_count)
                targets_add_address(job, t, host, &q->addresses[i]);
        }
}

static void
take_answers(const struct job *job, const struct resolve_work *w,
             struct targets *t)
{
    for (uint32_t first = 0, end = 0; first < t->hosts.count; first = end) {
        end = group_end(t, first);
        add_addresses(job, w, t, first, end);
    }
    for (uint32_t i = 0; i < t->hosts.count; i++)
        for (uint32_t family = 0; family < ADDR_FAMILY_COUNT; family++) {
            const struct dns_query *q = answer(w, t, i, family);

            if (!q || prove_is_holding(w, t, i))
                continue;
            t->names[i].looks[family] =
                q->state == DNS_FAILED ? TARGET_FAILED : TARGET_KNOWN;
            t->secure = t->secure && (q->state == DNS_FAILED || q->secure);
        }
}

enum fault
resolve_collect(const struct job *job, struct resolve_work *w,
                struct targets *t)
{
    enum fault fault = FAULT_OK;

    if (!t->live)
        return FAULT_OK;
    if (t->mx == TARGET_MX_PENDING)
        fault = read_exchangers(job, w, t);
    if (fault != FAULT_OK || t->mx == TARGET_MX_PENDING)
        return fault;
    note_all(job, w, t);
    if (wait_ms(t) <= os_now_ms())
        take_answers(job, w, t);
    return FAULT_OK;
}

/* ---- what is left ---- */

bool
resolve_pending(const struct targets *t)
{
    return t->mx == TARGET_MX_PENDING || targets_count(t, TARGET_ASKED) > 0 ||
           targets_count(t, TARGET_CUT) > 0;
}

/* How long those that were asked for are worth waiting for before others are;
 * 0: no longer. */
static int64_t
patience_ms(const struct targets *t)
{
    int64_t end_ms = 0;

    for (uint32_t i = 0; i < t->hosts.count; i++)
        if (t->hosts.list[i].pending && t->hosts.list[i].patience_ms > end_ms)
            end_ms = t->hosts.list[i].patience_ms;
    return end_ms;
}

bool
resolve_has_more(const struct targets *t)
{
    bool more = false;

    for (uint32_t i = 0; i < t->hosts.count; i++)
        more = more || is_wanted(t, i);
    return more;
}

bool
resolve_more(struct resolve_work *w, struct targets *t)
{
    return t->live && t->mx != TARGET_MX_PENDING &&
           patience_ms(t) <= os_now_ms() && ask_best(w, t);
}

int64_t
resolve_deadline_ms(const struct resolve_work *w, const struct targets *t)
{
    int64_t now_ms = os_now_ms(), deadline_ms = INT64_MAX;
    const int64_t ends[] = {wait_ms(t), patience_ms(t)};

    if (!t->live)
        return INT64_MAX;
    deadline_ms = dns_lookup_deadline_ms(&w->lookup);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (ends[i] > now_ms && ends[i] < deadline_ms)
            deadline_ms = ends[i];
    return deadline_ms;
}

/* ---- begin, park, resume ---- */

static bool
start_lookup(const struct job *job, struct resolve_work *w, struct targets *t)
{
    uint64_t seed = 0;

    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++) {
        w->fds[i] = OS_NONE;
        w->unsent[i] = false;
    }
    for (uint32_t i = 0; i < DANE_HOST_COUNT_MAX; i++)
        w->tlsa[i].asked = 0;
    w->random_fresh = false;
    if (!os_random(&seed, sizeof(seed)))
        return false;
    dns_lookup_init(&w->lookup, &job->dns, seed);
    t->live = true;
    return true;
}

void
resolve_park(const struct job *job, struct resolve_work *w, struct targets *t)
{
    if (!t->live)
        return;
    /* Some may have come with the connection. */
    if (t->mx != TARGET_MX_PENDING)
        note_all(job, w, t);
    take_answers(job, w, t);
    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++)
        close_attempt(w, i);
    for (uint32_t i = 0; i < t->hosts.count; i++)
        for (uint32_t family = 0; family < ADDR_FAMILY_COUNT; family++)
            if (t->names[i].looks[family] == TARGET_ASKED)
                t->names[i].looks[family] = TARGET_CUT;
    t->live = false;
}

/* The questions are new ones, with a schedule of their own: the name server
 * has looked on meanwhile. */
bool
resolve_resume(const struct job *job, struct resolve_work *w, struct targets *t)
{
    if (t->live ||
        targets_count(t, TARGET_CUT) + targets_count(t, TARGET_UNASKED) == 0)
        return true;
    if (!start_lookup(job, w, t))
        return false;
    for (uint32_t i = 0; i < t->hosts.count; i++)
        for (uint32_t family = 0; family < ADDR_FAMILY_COUNT; family++)
            if (t->names[i].looks[family] == TARGET_CUT)
                ask(w, t, i, family);
    return true;
}

enum fault
resolve_begin(const struct job *job, bool by_host, struct resolve_work *w,
              struct targets *t)
{
    bool relay = job->route.kind == ROUTE_NAME;
    struct dns_name name;
    uint64_t seed = 0;

    if (!os_random(&seed, sizeof(seed)))
        return FAULT_SYSTEM;
    policy_candidates_init(&t->candidates, seed, by_host);
    t->hosts.count = 0;
    t->hosts.own_listed = job->ipme.count > 0;
    t->mx = relay ? TARGET_MX_NONE : TARGET_MX_PENDING;
    t->live = false;
    t->secure = job->dns.secure; /* of a relay there is no MX */
    t->hop.size = 0;
    if (job->route.kind == ROUTE_ADDRESS) {
        t->mx = TARGET_MX_NONE;
        return targets_take_address(job, t);
    }
    if (!dns_name_parse(relay ? qmail_route_name(&job->route) : job->name,
                        &name))
        return relay ? FAULT_DNS : FAULT_NO_HOST;
    if (!start_lookup(job, w, t))
        return FAULT_SYSTEM;
    if (!relay)
        (void)dns_lookup_ask(&w->lookup, &name, DNS_MX, NULL, &w->mx_question);
    targets_add_host(t, &name, 0);
    ask_host(w, t, 0);
    return FAULT_OK;
}

enum fault
resolve_wait(const struct job *job, struct resolve_work *w, struct targets *t)
{
    for (;;) {
        enum fault fault = FAULT_OK;
        uint32_t count = 0;

        if (!resolve_act(w, t))
            return FAULT_SYSTEM;
        fault = resolve_collect(job, w, t);
        if (fault != FAULT_OK)
            return fault;
        if (policy_candidates_any(&t->candidates) &&
            patience_ms(t) <= os_now_ms())
            return FAULT_OK;
        if (resolve_more(w, t))
            continue;
        if (!resolve_pending(t))
            return targets_why(job, t);
        count = resolve_polls(w, t, w->polls);
        if (!os_poll(w->polls, count, resolve_deadline_ms(w, t)))
            return FAULT_SYSTEM;
        resolve_polled(w, w->polls, count);
    }
}

const struct dns_query *
resolve_answer(const struct resolve_work *w, const struct targets *t,
               uint32_t host, uint32_t family)
{
    const struct target_name *n = &t->names[host];

    if (!t->live || n->size == 0 || n->looks[family] <= TARGET_LEFT)
        return NULL;
    return dns_lookup_answer(&w->lookup, w->questions[host][family]);
}
