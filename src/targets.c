/* SPDX-License-Identifier: ISC */
#include "targets.h"

#include "os/os.h"
#include "outcome.h"

/* A relay may be loopback: somebody wrote it down. */
bool
targets_is_own(const struct job *job, const struct addr *a)
{
    if (qmail_ipme_contains(&job->ipme, a) || addr_is_unspecified(a))
        return true;
    return !job->route.relay && addr_is_local(a);
}

static const char not_authentic[] = "its MX records are not authentic";
static const char by_address[] = "it is known by its address alone";

static void
set_dane(struct targets *t, uint32_t host, bool wanted, const char *why)
{
    struct target_dane *d = &t->dane[host];

    d->class = wanted ? POLICY_DANE_PENDING : POLICY_DANE_NONE;
    d->why = wanted ? "its TLSA records are not known yet" : why;
    d->base_size = 0;
}

void
targets_secure(struct targets *t, bool secure, const struct dns_name *hop)
{
    struct buf text;

    t->secure = secure;
    set_dane(t, 0, secure, not_authentic);
    buf_init(&text, t->hop.text, sizeof(t->hop.text));
    dns_name_print(&text, hop);
    t->hop.size = text.full ? 0 : (uint8_t)text.used;
}

bool
targets_is_unvouched(const struct job *job, const struct targets *t)
{
    return job->hop.level == POLICY_LEVEL_DANE && !t->secure;
}

enum policy_dane
targets_dane(const struct targets *t, uint32_t host)
{
    return host < DANE_HOST_COUNT_MAX ? t->dane[host].class : POLICY_DANE_NONE;
}

bool
targets_is_listed(const struct job *job, const struct targets *t, uint32_t host)
{
    const struct target_name *n = &t->names[host];

    return job->hop.sts &&
           qmail_mtasts_matches(&job->mtasts, slice_of(n->text, n->size));
}

struct policy_demand
targets_demand(const struct job *job, const struct targets *t, uint32_t host,
               bool loopback)
{
    return policy_demand_of(&job->hop, loopback, targets_dane(t, host),
                            targets_is_listed(job, t, host));
}

/* Who cannot be delivered to is no candidate. An address of ours counts. */
static void
add(const struct job *job, struct targets *t, const struct policy_candidate *c)
{
    const struct addr *a = &c->to.addr;
    bool own = targets_is_own(job, a);

    if (own || targets_demand(job, t, c->host, addr_is_loopback(a)).usable)
        policy_candidates_add(&t->candidates, c, own);
}

void
targets_add_host(struct targets *t, const struct dns_name *name,
                 uint16_t preference)
{
    uint32_t host = t->hosts.count++;
    struct target_name *n = &t->names[host];
    bool left = t->secure && host >= DANE_HOST_COUNT_MAX;
    struct buf text;

    buf_init(&text, n->text, sizeof(n->text));
    dns_name_print(&text, name);
    n->size = (uint8_t)text.used;
    for (uint32_t i = 0; i < ADDR_FAMILY_COUNT; i++)
        n->looks[i] = left ? TARGET_LEFT : TARGET_UNASKED;
    t->hosts.list[host] =
        (struct policy_host){.preference = preference, .unasked = !left};
    if (host < DANE_HOST_COUNT_MAX)
        set_dane(t, host, t->secure, not_authentic);
}

void
targets_add_address(const struct job *job, struct targets *t, uint32_t host,
                    const struct addr *a)
{
    struct policy_candidate c = {.to = {.addr = *a, .port = job->route.port},
                                 .preference = t->hosts.list[host].preference,
                                 .host = (uint16_t)host};

    /* An address of ours among a relay's cuts none of the others off. */
    if (job->route.relay && targets_is_own(job, a))
        c.preference = UINT16_MAX;
    add(job, t, &c);
}

/* An exchanger that is an address in dress needs no look-up. */
void
targets_take_dressed(const struct job *job, struct targets *t, uint32_t host)
{
    struct target_name *n = &t->names[host];
    struct policy_host *h = &t->hosts.list[host];
    struct policy_candidate c = {.to = {.port = job->route.port},
                                 .preference = h->preference,
                                 .host = (uint16_t)host};

    if (!addr_parse(slice_of(n->text, n->size), &c.to.addr))
        return;
    n->size = 0;
    for (uint32_t i = 0; i < ADDR_FAMILY_COUNT; i++)
        n->looks[i] = TARGET_KNOWN;
    h->unasked = false;
    h->has_address = !addr_is_unusable(&c.to.addr);
    h->first_address_ms = os_now_ms();
    if (host < DANE_HOST_COUNT_MAX)
        set_dane(t, host, false, by_address);
    add(job, t, &c);
}

/* An address needs no look-up. */
enum fault
targets_take_address(const struct job *job, struct targets *t)
{
    const struct policy_candidate c = {
        .to = {.addr = job->route.addr, .port = job->route.port}};

    t->names[0].size = 0;
    set_dane(t, 0, false, by_address);
    add(job, t, &c);
    return t->candidates.count > 0 ? FAULT_OK : targets_why(job, t);
}

uint32_t
targets_count(const struct targets *t, enum target_look look)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < t->hosts.count; i++)
        for (uint32_t family = 0; family < ADDR_FAMILY_COUNT; family++)
            count += t->names[i].looks[family] == look;
    return count;
}

/* Whether a look-up of a host better than `preference` failed temporarily, or
 * was not made. */
static bool
is_unsure(const struct targets *t, uint32_t preference)
{
    for (uint32_t i = 0; i < t->hosts.count; i++)
        for (uint32_t family = 0; family < ADDR_FAMILY_COUNT; family++)
            if (t->hosts.list[i].preference < preference &&
                t->names[i].looks[family] != TARGET_KNOWN)
                return true;
    return false;
}

/* It has addresses, and they are not to be used; one that is not in the policy
 * need not have any: no answer of the DNS makes it worth the mail's end. Where
 * a login would let one through, it is for loopback that it does not. */
static bool
is_barred(const struct job *job, const struct targets *t, uint32_t host)
{
    if (t->hosts.list[host].has_address)
        return targets_dane(t, host) != POLICY_DANE_PENDING &&
               !targets_demand(job, t, host, true).usable;
    return job->hop.sts && t->mx != TARGET_MX_NO_NAME &&
           !targets_is_listed(job, t, host);
}

/* An exchanger that only DANE or MTA-STS keeps from being a candidate; the
 * count of them: there is none. */
static uint32_t
find_barred(const struct job *job, const struct targets *t)
{
    uint32_t i = 0;

    for (; i < t->hosts.count; i++)
        if (t->hosts.list[i].preference < t->candidates.own_preference &&
            is_barred(job, t, i))
            return i;
    return i;
}

/* Of such a one: it is not in the policy. */
static bool
is_unlisted(const struct job *job, const struct targets *t, uint32_t host)
{
    enum policy_dane class = targets_dane(t, host);

    return job->hop.sts &&
           (class == POLICY_DANE_NONE || class == POLICY_DANE_PENDING);
}

void
targets_put_why(const struct job *job, const struct targets *t, struct buf *out)
{
    uint32_t host = find_barred(job, t);
    const struct target_dane *d =
        &t->dane[host < DANE_HOST_COUNT_MAX ? host : 0];
    const struct target_name *n = &t->names[host];

    if (host == t->hosts.count)
        return;
    if (is_unlisted(job, t, host)) {
        outcome_put(out, slice_of(n->text, n->size));
        outcome_put_text(out, n->size > 0 ? " is not in " : "it is not in ");
        outcome_put(out, buf_slice(&job->mtasts_path));
        return;
    }
    if (d->base_size > 0) {
        outcome_put_text(out, "_");
        buf_put_number(out, job->route.port, 0);
        outcome_put_text(out, "._tcp.");
        outcome_put(out, slice_of(d->base, d->base_size));
    } else {
        outcome_put(out, slice_of(n->text, n->size));
    }
    outcome_put_text(out, ": ");
    outcome_put_text(out, d->why);
}

enum fault
targets_why(const struct job *job, const struct targets *t)
{
    const struct policy_candidates *c = &t->candidates;
    uint32_t barred = find_barred(job, t);

    if (barred < t->hosts.count && is_unlisted(job, t, barred))
        return FAULT_STS;
    if (barred < t->hosts.count)
        return targets_dane(t, barred) == POLICY_DANE_SKIP ? FAULT_DANE
                                                           : FAULT_DANE_LACKING;
    if (targets_is_unvouched(job, t) || (job->hop.level == POLICY_LEVEL_DANE &&
                                         t->hosts.count == 0 && !c->own_seen))
        return FAULT_DANE_LACKING;
    if (job->route.relay)
        return c->own_seen ? FAULT_RELAY_OWN : FAULT_DNS;
    if (is_unsure(t, c->own_preference))
        return FAULT_DNS;
    /* What did not fit may be better than an address of ours. */
    if (c->count == CANDIDATE_COUNT_MAX)
        return FAULT_DNS;
    if (c->own_seen)
        return FAULT_OWN;
    return t->mx == TARGET_MX_NO_NAME ? FAULT_NO_HOST : FAULT_NO_EXCHANGER;
}
