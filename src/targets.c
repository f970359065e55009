/* SPDX-License-Identifier: ISC */
#include "targets.h"

#include "os/os.h"

/* A relay may be loopback: somebody wrote it down. */
bool
targets_is_own(const struct job *job, const struct addr *a)
{
    if (qmail_ipme_contains(&job->ipme, a) || addr_is_unspecified(a))
        return true;
    return !job->route.relay && addr_is_local(a);
}

void
targets_add_host(struct targets *t, const struct dns_name *name,
                 uint16_t preference)
{
    uint32_t host = t->hosts.count++;
    struct target_name *n = &t->names[host];
    struct buf text;

    buf_init(&text, n->text, sizeof(n->text));
    dns_name_print(&text, name);
    n->size = (uint8_t)text.used;
    for (uint32_t i = 0; i < ADDR_FAMILY_COUNT; i++)
        n->looks[i] = TARGET_UNASKED;
    t->hosts.list[host] =
        (struct policy_host){.preference = preference, .unasked = true};
}

void
targets_add_address(const struct job *job, struct targets *t, uint32_t host,
                    const struct addr *a)
{
    struct policy_candidate c = {.to = {.addr = *a, .port = job->route.port},
                                 .preference = t->hosts.list[host].preference,
                                 .host = (uint16_t)host};
    bool own = targets_is_own(job, a);

    /* An address of ours among a relay's cuts none of the others off. */
    if (own && job->route.relay)
        c.preference = UINT16_MAX;
    policy_candidates_add(&t->candidates, &c, own);
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
    policy_candidates_add(&t->candidates, &c, targets_is_own(job, &c.to.addr));
}

/* An address needs no look-up. */
enum fault
targets_take_address(const struct job *job, struct targets *t)
{
    const struct policy_candidate c = {
        .to = {.addr = job->route.addr, .port = job->route.port}};

    t->names[0].size = 0;
    policy_candidates_add(&t->candidates, &c, targets_is_own(job, &c.to.addr));
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

enum fault
targets_why(const struct job *job, const struct targets *t)
{
    const struct policy_candidates *c = &t->candidates;

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
