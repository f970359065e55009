/* SPDX-License-Identifier: ISC */
/*
 * Candidates and names that come while the race runs, read a second time in the
 * slowest way: who is listed and cut is told from all that ever came, who may
 * start from all that are connecting, each moment for itself.
 */
#include "policy/race.h"

#include "fuzz.h"

enum { INPUTS_MAX = 64, HOSTS_MAX = 6, STARTS_MAX = 512, TIMEOUT_MS = 60000 };

struct input {
    struct policy_candidate candidate;
    bool own;
};

struct world {
    struct input inputs[INPUTS_MAX];
    uint32_t input_count;
    struct policy_candidates candidates;
    struct policy_hosts hosts;
    struct policy_race race;
    bool connecting[CANDIDATE_COUNT_MAX], out[CANDIDATE_COUNT_MAX];
    int64_t started_ms[CANDIDATE_COUNT_MAX];
    uint32_t starts[STARTS_MAX]; /* one behind the other */
    uint32_t start_count;
    int64_t now_ms;
};

/* ---- the list ---- */

/* Few addresses and few names, so that they meet; some that nobody can have. */
static struct input
input_of(struct slice *in)
{
    uint8_t how = fuzz_u8(in);
    uint8_t six[ADDR_SIZE_MAX] = {how & 0x80 ? 0xff : 0x20};
    uint8_t mapped[ADDR_SIZE_MAX] = {[10] = 0xff, 0xff, 10};
    uint8_t four[ADDR_IPV4_SIZE] = {how & 0x80 ? 224 : 10};
    struct input i = {.own = (how & 0x70) == 0x70};
    uint8_t number = fuzz_u8(in) & 0x3f;

    six[15] = mapped[15] = four[3] = number;
    if (how & 1)
        addr_from_ipv6(&i.candidate.to.addr, how & 2 ? mapped : six);
    else
        addr_from_ipv4(&i.candidate.to.addr, four);
    i.candidate.preference = how >> 2 & 3;
    i.candidate.host = how >> 4 & 3;
    return i;
}

static bool
is_same(const struct world *w, const struct policy_candidate *a,
        const struct policy_candidate *b)
{
    return a->to.addr.family == b->to.addr.family &&
           memcmp(a->to.addr.bytes, b->to.addr.bytes, ADDR_SIZE_MAX) == 0 &&
           (!w->candidates.by_host || a->host == b->host);
}

/* Whom the list must have, by all that came: in the order of their first
 * coming, each as the best of its comings. */
static uint32_t
read_list(const struct world *w, struct policy_candidate *list)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->input_count; i++) {
        const struct policy_candidate *c = &w->inputs[i].candidate;
        uint32_t at = 0;

        if (w->inputs[i].own || addr_is_unusable(&c->to.addr))
            continue;
        while (at < count && !is_same(w, c, &list[at]))
            at++;
        if (at == CANDIDATE_COUNT_MAX)
            continue;
        if (at == count || c->preference < list[at].preference)
            list[at] = *c;
        count += at == count;
    }
    return count;
}

/* Somebody of ours came with this preference or a better one. */
static bool
is_cut(const struct world *w, uint32_t index)
{
    for (uint32_t i = 0; i < w->input_count; i++)
        if (w->inputs[i].own && w->inputs[i].candidate.preference <=
                                    w->candidates.list[index].preference)
            return true;
    return false;
}

static void
check_list(const struct world *w)
{
    static struct policy_candidate list[CANDIDATE_COUNT_MAX];
    uint32_t count = read_list(w, list);
    bool any = false, own = false;

    MUST(w->candidates.count == count);
    for (uint32_t i = 0; i < w->input_count; i++)
        own |= w->inputs[i].own;
    MUST(w->candidates.own_seen == own);
    for (uint32_t i = 0; i < count; i++) {
        const struct policy_candidate *c = &w->candidates.list[i];

        MUST(is_same(w, c, &list[i]) && c->host == list[i].host);
        MUST(c->preference == list[i].preference);
        MUST(policy_candidates_is_cut(&w->candidates, i) == is_cut(w, i));
        any |= !is_cut(w, i);
    }
    MUST(policy_candidates_any(&w->candidates) == any);
}

static void
add(struct world *w, struct slice *in)
{
    static struct policy_candidates before;
    struct input i = input_of(in);

    if (w->input_count == INPUTS_MAX)
        return;
    before = w->candidates;
    w->inputs[w->input_count++] = i;
    policy_candidates_add(&w->candidates, &i.candidate, i.own);
    for (uint32_t j = 0; j < before.count; j++)
        MUST(w->candidates.list[j].key == before.list[j].key);
    check_list(w);
}

/* ---- names ---- */

static void
name(struct world *w, struct slice *in)
{
    uint8_t how = fuzz_u8(in);
    uint32_t index = (how & 7) % HOSTS_MAX;
    struct policy_host *h = &w->hosts.list[index];

    if (index >= w->hosts.count) {
        h = &w->hosts.list[w->hosts.count++];
        *h = (struct policy_host){.preference = how >> 3 & 3,
                                  .unasked = how & 0x20,
                                  .patience_ms = w->now_ms + fuzz_u8(in) * 20};
    }
    h->unasked = h->unasked && how & 0x20;
    h->pending = how & 0x80;
    if (how & 0x40 && !h->has_address) {
        h->has_address = true;
        h->first_address_ms = w->now_ms;
    }
}

/* The grace after the first address of this preference has not passed. */
static bool
is_graced(const struct policy_hosts *hosts, uint32_t preference, int64_t ms)
{
    bool any = false;

    for (uint32_t i = 0; i < hosts->count; i++) {
        const struct policy_host *h = &hosts->list[i];

        if (h->preference != preference || !h->has_address)
            continue;
        any = true;
        if (ms >= h->first_address_ms + CANDIDATE_GRACE_MS)
            return false;
    }
    return any;
}

static bool
is_held_up(const struct policy_hosts *hosts, uint32_t preference, int64_t ms)
{
    for (uint32_t i = 0; i < hosts->count; i++) {
        const struct policy_host *h = &hosts->list[i];
        int64_t until_ms = h->has_address
                               ? h->first_address_ms + CANDIDATE_GRACE_MS
                               : h->patience_ms;
        bool equal = h->preference == preference;

        if (!h->pending || h->preference > preference)
            continue;
        /* An address of ours may be among equals. */
        if (!equal || hosts->own_listed ? ms < until_ms
                                        : is_graced(hosts, preference, ms))
            return true;
    }
    return false;
}

static void
check_names(const struct world *w)
{
    for (uint32_t preference = 0; preference < 5; preference++) {
        int64_t ms = policy_hosts_wait_ms(&w->hosts, preference);

        MUST(!is_held_up(&w->hosts, preference, ms));
        MUST(ms == 0 || is_held_up(&w->hosts, preference, ms - 1));
    }
}

/* ---- the race ---- */

static bool
is_ready(const struct world *w, uint32_t i)
{
    /* Nobody goes before a better exchanger was asked for. */
    for (uint32_t j = 0; j < w->hosts.count; j++)
        if (w->hosts.list[j].unasked &&
            w->hosts.list[j].preference < w->candidates.list[i].preference)
            return false;
    return !w->connecting[i] && !w->out[i] && !is_cut(w, i);
}

/* The other one than that of the last start at this preference. */
static enum addr_family
family_wanted(const struct world *w, uint16_t preference)
{
    for (uint32_t i = w->start_count; i > 0; i--) {
        const struct policy_candidate *c =
            &w->candidates.list[w->starts[i - 1]];

        if (c->preference == preference)
            return c->to.addr.family == ADDR_IPV6 ? ADDR_IPV4 : ADDR_IPV6;
    }
    return ADDR_IPV6;
}

static bool
goes_before(const struct world *w, uint32_t i, uint32_t j)
{
    const struct policy_candidate *a = &w->candidates.list[i];
    const struct policy_candidate *b = &w->candidates.list[j];

    if (a->preference == b->preference &&
        a->to.addr.family == b->to.addr.family)
        return a->key < b->key;
    if (a->preference == b->preference)
        return a->to.addr.family == family_wanted(w, a->preference);
    return a->preference < b->preference;
}

/* Before whom nobody goes; or POLICY_NOBODY. */
static uint32_t
who_is_next(const struct world *w)
{
    for (uint32_t i = 0; i < w->candidates.count; i++) {
        bool first = is_ready(w, i);

        for (uint32_t j = 0; j < w->candidates.count; j++)
            if (j != i && is_ready(w, j) && goes_before(w, j, i))
                first = false;
        if (first)
            return i;
    }
    return POLICY_NOBODY;
}

static bool
may_start(const struct world *w, uint32_t index, int64_t ms)
{
    const struct policy_candidate *list = w->candidates.list;

    if (index == POLICY_NOBODY)
        return false;
    for (uint32_t i = 0; i < w->candidates.count; i++) {
        if (!w->connecting[i])
            continue;
        if (ms - w->started_ms[i] < RACE_STAGGER_MS)
            return false;
        if (list[i].preference < list[index].preference &&
            ms - w->started_ms[i] < RACE_SLOW_MS)
            return false;
    }
    return !is_held_up(&w->hosts, list[index].preference, ms);
}

static bool
is_any_connecting(const struct world *w)
{
    for (uint32_t i = 0; i < w->candidates.count; i++)
        if (w->connecting[i])
            return true;
    return false;
}

static bool
is_any_expired(const struct world *w, int64_t ms)
{
    for (uint32_t i = 0; i < w->candidates.count; i++)
        if (w->connecting[i] && ms - w->started_ms[i] >= TIMEOUT_MS)
            return true;
    return false;
}

/* It is the first moment from now on with something to do. */
static void
check_deadline(const struct world *w)
{
    int64_t ms = policy_race_deadline_ms(&w->race, w->now_ms);
    uint32_t next = who_is_next(w);
    bool over = next == POLICY_NOBODY && !is_any_connecting(w);

    MUST(policy_race_over(&w->race) == over);
    MUST((ms == INT64_MAX) == over && ms >= w->now_ms);
    if (over)
        return;
    MUST(may_start(w, next, ms) || is_any_expired(w, ms));
    if (ms > w->now_ms)
        MUST(!may_start(w, next, ms - 1) && !is_any_expired(w, ms - 1));
}

static void
leave(struct world *w, uint32_t i)
{
    w->connecting[i] = false;
    w->out[i] = true;
}

static void
expire(struct world *w)
{
    uint32_t i = policy_race_expired(&w->race, w->now_ms);

    for (; i != POLICY_NOBODY; i = policy_race_expired(&w->race, w->now_ms)) {
        MUST(i < w->candidates.count && w->connecting[i]);
        MUST(w->now_ms - w->started_ms[i] >= TIMEOUT_MS);
        leave(w, i);
    }
    MUST(!is_any_expired(w, w->now_ms));
}

static void
start(struct world *w)
{
    uint32_t expected = who_is_next(w), next = 0;

    if (!may_start(w, expected, w->now_ms))
        expected = POLICY_NOBODY;
    next = policy_race_next(&w->race, w->now_ms);
    MUST(next == expected);
    if (next == POLICY_NOBODY)
        return;
    MUST(w->start_count < STARTS_MAX);
    w->connecting[next] = true;
    w->started_ms[next] = w->now_ms;
    w->starts[w->start_count++] = next;
}

static void
win(struct world *w, uint32_t i)
{
    for (uint32_t j = 0; j < w->candidates.count; j++)
        if (w->connecting[j])
            MUST(policy_race_was_slow(&w->race, j, w->now_ms) ==
                 (w->now_ms - w->started_ms[j] >= RACE_SLOW_MS));
    policy_race_won(&w->race, i);
    memset(w->connecting, 0, sizeof(w->connecting));
    leave(w, i);
}

static void
act(struct world *w, uint8_t what, uint32_t i)
{
    if (i >= w->candidates.count)
        return;
    if (what == 0 && !w->connecting[i]) {
        policy_race_skip(&w->race, i);
        leave(w, i);
    } else if (what == 1 && w->connecting[i]) {
        win(w, i);
    } else if (what == 2 && w->connecting[i]) {
        policy_race_failed(&w->race, i);
        leave(w, i);
    }
}

static void
operate(struct world *w, struct slice *in)
{
    uint8_t op = fuzz_u8(in);
    int64_t ms = policy_race_deadline_ms(&w->race, w->now_ms);

    switch (op & 7) {
    case 0:
    case 1:
        w->now_ms = ms < INT64_MAX ? ms : w->now_ms;
        break;
    case 2:
        w->now_ms += fuzz_u8(in) * 8;
        break;
    case 3:
        name(w, in);
        check_names(w);
        break;
    case 4:
        add(w, in);
        break;
    default:
        act(w, (op & 7) - 5, op >> 3);
    }
    check_deadline(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct slice in = slice_of(data, size);
    uint8_t how = fuzz_u8(&in);

    memset(&w, 0, sizeof(w));
    w.now_ms = 1000;
    w.hosts.own_listed = how & 2;
    policy_candidates_init(&w.candidates, how, how & 1);
    policy_race_init(&w.race, &w.candidates, &w.hosts, TIMEOUT_MS);
    check_deadline(&w);
    while (in.size > 0 && w.start_count < STARTS_MAX) {
        operate(&w, &in);
        if (fuzz_u8(&in) & 1)
            continue; /* several things at one moment */
        expire(&w);
        start(&w);
        check_deadline(&w);
    }
    return 0;
}
