/* SPDX-License-Identifier: ISC */
#include "dns/query.h"

#include <string.h>

#include "base/assert.h"

void
dns_mx_set_init(struct dns_mx_set *set, uint64_t seed)
{
    set->seed = seed;
    set->seen_count = 0;
    set->count = 0;
    set->null = false;
}

/* Steele, Lea, Flood (2014): SplitMix64, the seen_count-th number of `seed`. */
static uint64_t
mx_key(struct dns_mx_set *set)
{
    uint64_t z = set->seed + ++set->seen_count * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static bool
mx_is_better(const struct dns_mx *a, const struct dns_mx *b)
{
    if (a->preference != b->preference)
        return a->preference < b->preference;
    return a->key < b->key;
}

/* Into its place; the worst falls out of a full set. */
static void
mx_put(struct dns_mx_set *set, uint16_t preference, const struct dns_name *name)
{
    struct dns_mx new = {.preference = preference, .name = *name};
    uint32_t place = set->count;
    uint32_t moved_count = 0;

    new.key = mx_key(set);
    while (place > 0 && mx_is_better(&new, &set->items[place - 1]))
        place--;
    if (place == DNS_MX_COUNT_MAX)
        return;
    if (set->count < DNS_MX_COUNT_MAX)
        set->count++;
    moved_count = set->count - 1 - place;
    memmove(&set->items[place + 1], &set->items[place],
            moved_count * sizeof(new));
    set->items[place] = new;
}

void
dns_query_init(struct dns_query *q, const struct dns_name *name,
               enum dns_type type, struct dns_mx_set *mx, struct tlsa_set *tlsa)
{
    assert(type != DNS_CNAME);
    assert((mx != NULL) == (type == DNS_MX));
    assert((tlsa != NULL) == (type == DNS_TLSA));
    assert(name->size > 0);
    *q = (struct dns_query){
        .name = *name, .type = type, .secure = true, .mx = mx, .tlsa = tlsa};
    dns_name_lower(&q->name);
    q->target = q->name;
    if (tlsa)
        tlsa_set_init(tlsa);
}

/* The next answer record of this owner and type. */
static bool
find_next(struct dns_answers *answers, const struct dns_name *owner,
          uint16_t type, struct dns_record *out)
{
    while (dns_answers_next(answers, out))
        if (out->type == type && dns_name_equal(&out->owner, owner))
            return true;
    return false;
}

static bool
find_first(const struct dns_message *m, const struct dns_name *owner,
           uint16_t type, struct dns_record *out)
{
    struct dns_answers answers;

    dns_message_answers(m, &answers);
    return find_next(&answers, owner, type, out);
}

static void
keep_address(struct dns_query *q, const struct dns_record *r)
{
    struct addr *a = &q->addresses[q->address_count];

    if (q->address_count == DNS_ADDRESS_COUNT_MAX)
        return;
    q->address_count++;
    if (q->type == DNS_A)
        addr_from_ipv4(a, r->rdata.data);
    else
        addr_from_ipv6(a, r->rdata.data);
}

static void
keep_exchanger(struct dns_query *q, const struct dns_message *m,
               const struct dns_record *r)
{
    struct dns_name name;
    uint16_t preference = dns_record_exchanger(m->whole, r, &name);

    if (dns_name_is_root(&name)) {
        q->mx->null = true;
        return;
    }
    if (!dns_name_is_host(&name))
        return;
    /* A pointer into the question brings our own mixed case back. */
    dns_name_lower(&name);
    mx_put(q->mx, preference, &name);
}

/* False: this type's records are of use only if all are kept. */
static bool
keep_all(struct dns_query *q, const struct dns_message *m)
{
    struct dns_answers answers;
    struct dns_record r;

    dns_message_answers(m, &answers);
    while (find_next(&answers, &q->target, (uint16_t)q->type, &r)) {
        if (q->type == DNS_MX)
            keep_exchanger(q, m, &r);
        else if (q->type == DNS_TLSA)
            (void)tlsa_set_add(q->tlsa, r.rdata);
        else
            keep_address(q, &r);
    }
    return !q->tlsa || !q->tlsa->bad;
}

/* Follows aliases within the message, whatever their order; *found: the end
 * of the chain has records of the type. False: too many aliases. */
static bool
follow(struct dns_query *q, const struct dns_message *m, bool *found)
{
    struct dns_record r;

    *found = find_first(m, &q->target, (uint16_t)q->type, &r);
    while (!*found && find_first(m, &q->target, DNS_CNAME, &r)) {
        if (q->alias_count == DNS_CNAME_COUNT_MAX)
            return false;
        q->alias_count++;
        dns_record_alias(m->whole, &r, &q->target);
        dns_name_lower(&q->target);
        *found = find_first(m, &q->target, (uint16_t)q->type, &r);
    }
    return true;
}

static enum dns_verdict
done(struct dns_query *q, enum dns_state state)
{
    q->state = state;
    return DNS_VERDICT_DONE;
}

/* A reply that is no answer. Boxes between us and the server may have spoilt
 * it that know no EDNS: they leave a count, or a record in another section, or
 * cut what is over 512 octets. */
static enum dns_verdict
unusable(const struct dns_question *sent)
{
    return sent->edns ? DNS_VERDICT_PLAIN : DNS_VERDICT_BAD;
}

/* What a sound reply with NOERROR or NXDOMAIN says. */
static enum dns_verdict
interpret(struct dns_query *q, const struct dns_question *sent,
          const struct dns_message *m)
{
    struct dns_query next = *q;
    bool no_name = m->rcode == DNS_RCODE_NXDOMAIN;
    bool found = false, moved = false;

    if (!follow(&next, m, &found))
        return done(q, DNS_FAILED);
    moved = next.alias_count > q->alias_count;
    if (found && !no_name) {
        *q = next;
        return done(q, keep_all(q, m) ? DNS_FOUND : DNS_FAILED);
    }
    if (moved && !no_name) {
        *q = next;
        return DNS_VERDICT_ALIAS;
    }
    /* A "no" has to be one in all it says: mail bounces for it. */
    if (found || m->trailing || (m->answer_count > 0 && !moved))
        return unusable(sent);
    if (no_name)
        return done(q, DNS_NO_NAME);
    /* A server that does not recurse sends us elsewhere: no answer. */
    if (m->referral && !m->authoritative && !m->recursive)
        return unusable(sent);
    return done(q, DNS_NODATA);
}

enum dns_verdict
dns_query_read(struct dns_query *q, const struct dns_question *sent, bool tcp,
               struct slice packet)
{
    struct dns_message m;
    enum dns_verdict verdict;

    assert(q->state == DNS_PENDING);
    q->refused = 0;
    switch (dns_message_read(packet, sent, &m)) {
    case DNS_READING_FOREIGN:
        return tcp ? DNS_VERDICT_BAD : DNS_VERDICT_IGNORE;
    case DNS_READING_OTHER_CASE:
        return DNS_VERDICT_PLAIN;
    case DNS_READING_TRUNCATED:
        return tcp ? DNS_VERDICT_BAD : DNS_VERDICT_STREAM;
    case DNS_READING_RUBBISH:
        return unusable(sent);
    case DNS_READING_SOUND:
        break;
    }
    if (m.rcode == DNS_RCODE_NOERROR || m.rcode == DNS_RCODE_NXDOMAIN) {
        verdict = interpret(q, sent, &m);
        if (verdict == DNS_VERDICT_DONE || verdict == DNS_VERDICT_ALIAS)
            q->secure = q->secure && m.authentic;
        return verdict;
    }
    q->refused = m.rcode;
    switch (m.rcode) {
    case DNS_RCODE_FORMERR:
    case DNS_RCODE_NOTIMP:
    case DNS_RCODE_BADVERS:
        return unusable(sent);
    case DNS_RCODE_REFUSED:
        return DNS_VERDICT_BUSY;
    default:
        return DNS_VERDICT_BAD;
    }
}
