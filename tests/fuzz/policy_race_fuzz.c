/* SPDX-License-Identifier: ISC */
/*
 * Candidates in order, and the race between them: own addresses and what is
 * worse left out, each connected to once a race, nobody before his time.
 */
#include "policy/race.h"

#include "fuzz.h"

enum { INPUTS_MAX = 64, HOSTS_MAX = 6, TIMEOUT_MS = 60000 };

static struct policy_candidate inputs[INPUTS_MAX];
static bool owns[INPUTS_MAX];

/* ---- the list ---- */

static struct policy_candidate
candidate_of(struct slice *in)
{
    uint8_t how = fuzz_u8(in);
    uint8_t bytes[ADDR_SIZE_MAX] = {how & 0x80 ? 0xfe : 0x20, 0x80};
    struct policy_candidate c = {.to.port = 25};

    bytes[15] = fuzz_u8(in);
    if (how & 1)
        addr_from_ipv6(&c.to.addr, bytes);
    else
        addr_from_ipv4(&c.to.addr, bytes + 12);
    if (!(how & 1))
        c.to.addr.bytes[0] = how & 0x80 ? 224 : 10;
    c.preference = how >> 2 & 3;
    c.host = how;
    return c;
}

static bool
was_added(const struct policy_candidate *c, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!owns[i] && addr_equal(&inputs[i].to.addr, &c->to.addr) &&
            inputs[i].preference == c->preference && inputs[i].host == c->host)
            return true;
    return false;
}

/* Of one preference the families come in turn while both last, IPv6 first. */
static void
check_turns(const struct policy_candidates *c, uint32_t first, uint32_t end)
{
    uint32_t six = 0, four = 0;

    for (uint32_t i = first; i < end; i++)
        *(c->list[i].to.addr.family == ADDR_IPV6 ? &six : &four) += 1;
    for (uint32_t i = first; i < end && six > 0 && four > 0; i++) {
        bool is_six = c->list[i].to.addr.family == ADDR_IPV6;

        MUST(is_six == ((i - first) % 2 == 0));
        *(is_six ? &six : &four) -= 1;
    }
}

static void
check_list(const struct policy_candidates *c, uint32_t count)
{
    uint32_t best = UINT32_MAX;

    for (uint32_t i = 0; i < count; i++)
        if (owns[i] && inputs[i].preference < best)
            best = inputs[i].preference;
    MUST(c->count <= CANDIDATE_COUNT_MAX);
    MUST(c->own_seen == (best < UINT32_MAX));
    for (uint32_t i = 0, first = 0; i < c->count; i++) {
        const struct policy_candidate *x = &c->list[i];

        MUST(x->preference < best && was_added(x, count));
        MUST(!addr_is_unusable(&x->to.addr));
        for (uint32_t j = 0; j < i; j++)
            MUST(!addr_equal(&x->to.addr, &c->list[j].to.addr));
        if (x->preference != c->list[first].preference) {
            MUST(x->preference > c->list[first].preference);
            check_turns(c, first, i);
            first = i;
        }
        if (i + 1 == c->count)
            check_turns(c, first, c->count);
    }
}

/* The addresses come by preference, as resolve brings them. */
static void
fill(struct policy_candidates *c, struct slice *in)
{
    uint32_t count = fuzz_u8(in) % (INPUTS_MAX + 1u), given = 0;
    uint8_t seed = fuzz_u8(in);

    for (uint32_t i = 0; i < count; i++) {
        inputs[i] = candidate_of(in);
        owns[i] = inputs[i].host >= 0x70 && inputs[i].host < 0x78;
    }
    policy_candidates_init(c);
    for (uint16_t preference = 0; preference < 4; preference++)
        for (uint32_t i = 0; i < count; i++)
            if (inputs[i].preference == preference) {
                policy_candidates_add(c, &inputs[i], owns[i]);
                given++;
            }
    MUST(given == count);
    policy_candidates_finish(c, seed);
    check_list(c, count);
}

/* ---- how long is waited ---- */

static void
check_wait(struct slice *in)
{
    struct policy_host hosts[HOSTS_MAX];
    uint32_t count = fuzz_u8(in) % (HOSTS_MAX + 1u);
    bool pending = false, known = false;
    int64_t wait_ms = 0, latest_ms = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint8_t how = fuzz_u8(in);

        hosts[i] = (struct policy_host){.preference = how >> 2 & 3,
                                        .pending = how & 1,
                                        .has_address = how & 2,
                                        .first_address_ms = how >> 4,
                                        .patience_ms = fuzz_u8(in) * 20};
        pending |= hosts[i].pending;
        known |= hosts[i].has_address;
        latest_ms =
            hosts[i].patience_ms > latest_ms ? hosts[i].patience_ms : latest_ms;
    }
    wait_ms = policy_hosts_wait_ms(hosts, count);
    if (!pending)
        MUST(wait_ms == 0);
    else if (!known)
        MUST(wait_ms == INT64_MAX);
    else
        MUST(wait_ms >= CANDIDATE_GRACE_MS &&
             (wait_ms <= latest_ms || wait_ms <= 15 + CANDIDATE_GRACE_MS));
}

/* ---- the race ---- */

struct world {
    struct policy_candidates candidates;
    struct policy_race race;
    bool connecting[CANDIDATE_COUNT_MAX], out[CANDIDATE_COUNT_MAX];
    int64_t started_ms[CANDIDATE_COUNT_MAX];
    int64_t last_ms; /* the last start, of one that still tries */
    int64_t now_ms;
};

static void
start(struct world *w, uint32_t i)
{
    const struct policy_candidate *list = w->candidates.list;

    MUST(i < w->candidates.count && !w->connecting[i] && !w->out[i]);
    for (uint32_t j = 0; j < w->candidates.count; j++) {
        if (j < i)
            MUST(w->connecting[j] || w->out[j]);
        if (!w->connecting[j])
            continue;
        MUST(list[j].preference <= list[i].preference);
        MUST(w->now_ms - w->started_ms[j] >= RACE_STAGGER_MS);
        if (list[j].preference < list[i].preference)
            MUST(w->now_ms - w->started_ms[j] >= RACE_SLOW_MS);
    }
    w->connecting[i] = true;
    w->started_ms[i] = w->now_ms;
}

static void
expire(struct world *w)
{
    uint32_t i = policy_race_expired(&w->race, w->now_ms);

    for (; i != POLICY_NOBODY; i = policy_race_expired(&w->race, w->now_ms)) {
        MUST(w->connecting[i]);
        MUST(w->now_ms - w->started_ms[i] >= TIMEOUT_MS);
        w->connecting[i] = false;
        w->out[i] = true;
    }
}

static void
win(struct world *w, uint32_t i)
{
    policy_race_won(&w->race, i);
    for (uint32_t j = 0; j < w->candidates.count; j++) {
        if (w->connecting[j])
            MUST(policy_race_was_slow(&w->race, j, w->now_ms) ==
                 (w->now_ms - w->started_ms[j] >= RACE_SLOW_MS));
        w->connecting[j] = false;
    }
    w->out[i] = true;
}

static bool
is_over(const struct world *w)
{
    for (uint32_t i = 0; i < w->candidates.count; i++)
        if (!w->out[i])
            return false;
    return true;
}

static void
operate(struct world *w, struct slice *in)
{
    uint8_t op = fuzz_u8(in);
    uint32_t i = w->candidates.count ? (op >> 3) % w->candidates.count : 0;
    int64_t deadline_ms = policy_race_deadline_ms(&w->race, w->now_ms);

    MUST((deadline_ms == INT64_MAX) == policy_race_over(&w->race));
    MUST(policy_race_over(&w->race) == is_over(w));
    switch (op & 7) {
    case 0:
    case 1:
        if (deadline_ms < INT64_MAX && deadline_ms > w->now_ms)
            w->now_ms = deadline_ms;
        break;
    case 2:
        w->now_ms += fuzz_u8(in) * 8;
        break;
    case 3:
        if (w->candidates.count > 0 && !w->connecting[i]) {
            policy_race_skip(&w->race, i);
            w->out[i] = true;
        }
        break;
    case 4:
        if (w->connecting[i])
            win(w, i);
        break;
    default:
        if (w->connecting[i]) {
            policy_race_failed(&w->race, i);
            w->connecting[i] = false;
            w->out[i] = true;
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct slice in = slice_of(data, size);

    memset(&w, 0, sizeof(w));
    w.now_ms = 1000;
    check_wait(&in);
    fill(&w.candidates, &in);
    policy_race_init(&w.race, &w.candidates, TIMEOUT_MS);
    while (in.size > 0) {
        uint32_t next = 0;

        expire(&w);
        next = policy_race_next(&w.race, w.now_ms);
        if (next != POLICY_NOBODY)
            start(&w, next);
        operate(&w, &in);
    }
    return 0;
}
