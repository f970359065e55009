/* SPDX-License-Identifier: ISC */
#include "prove.h"

#include "base/assert.h"

/* Whose records are asked for, in this order. */
enum { NOT_ASKED, ALIAS_ASKED, NAME_ASKED };

_Static_assert(DNS_QUESTION_COUNT_MAX >=
                   3 + DANE_HOST_COUNT_MAX * (ADDR_FAMILY_COUNT + NAME_ASKED),
               "there is room for all questions");

bool
prove_is_holding(const struct resolve_work *w, const struct targets *t,
                 uint32_t host)
{
    return targets_dane(t, host) == POLICY_DANE_PENDING &&
           w->tlsa[host].asked != NOT_ASKED;
}

/* The first answer that brought addresses; NULL: none did. All that did have to
 * be authentic. */
static const struct dns_query *
find_addresses(const struct dns_query *const answers[static ADDR_FAMILY_COUNT],
               bool *secure)
{
    const struct dns_query *first = NULL;

    *secure = true;
    for (uint32_t i = 0; i < ADDR_FAMILY_COUNT; i++) {
        const struct dns_query *q = answers[i];

        if (!q || q->address_count == 0)
            continue;
        first = first ? first : q;
        *secure = *secure && q->secure;
    }
    return first;
}

static const char *
explain(const struct dns_query *q, enum policy_dane class)
{
    if (class == POLICY_DANE_SKIP && q->tlsa->bad)
        return "too many TLSA records, or malformed ones";
    if (class == POLICY_DANE_SKIP && q->refused)
        return q->refused == DNS_RCODE_SERVFAIL ? "SERVFAIL" : "an error";
    if (class == POLICY_DANE_SKIP)
        return "no usable answer";
    if (class == POLICY_DANE_ENCRYPT)
        return "no TLSA record is usable";
    return q->state == DNS_FOUND ? "its TLSA records are not authentic"
                                 : "no TLSA records";
}

/* What the question that was asked for it has brought so far. */
static enum policy_dane
look(const struct resolve_work *w, uint32_t question, struct target_dane *d)
{
    const struct dns_query *q = dns_lookup_answer(&w->lookup, question);
    enum policy_dane class = policy_dane_of(&(struct policy_dane_answer){
        .pending = q->state == DNS_PENDING,
        .failed = q->state == DNS_FAILED,
        .found = q->state == DNS_FOUND,
        .secure = q->secure,
        .usable = q->state == DNS_FOUND && tlsa_set_any(q->tlsa)});

    if (class == POLICY_DANE_PENDING)
        return class;
    d->why = explain(q, class);
    /* Another exchanger may have asked for the same. */
    if (q->tlsa != &d->records)
        d->records = *q->tlsa;
    return class;
}

/* Of a name that is too long to have them there are none. */
static enum policy_dane
ask(const struct job *job, struct resolve_work *w, struct target_dane *d,
    struct resolve_tlsa *tlsa, const struct dns_name *base)
{
    struct dns_name name;
    struct buf text;
    bool asked = false;

    buf_init(&text, d->base, sizeof(d->base));
    dns_name_print(&text, base);
    d->base_size = (uint8_t)text.used;
    if (!dns_name_service(base, job->route.port, &name)) {
        d->why = "the name is too long for TLSA records";
        return POLICY_DANE_NONE;
    }
    asked = dns_lookup_ask(&w->lookup, &name, DNS_TLSA, &d->records,
                           &tlsa->question);
    assert(asked);
    /* For another exchanger it may have been asked, and answered, before. */
    return look(w, tlsa->question, d);
}

void
prove(const struct job *job, struct resolve_work *w, struct targets *t,
      uint32_t host,
      const struct dns_query *const answers[static ADDR_FAMILY_COUNT])
{
    struct target_dane *d = &t->dane[host];
    struct resolve_tlsa *tlsa = &w->tlsa[host];
    bool secure = false;
    const struct dns_query *from = find_addresses(answers, &secure);
    enum policy_dane class = POLICY_DANE_NONE;

    assert(from && d->class == POLICY_DANE_PENDING);
    if (!secure) {
        d->class = POLICY_DANE_NONE;
        d->why = "its addresses are not authentic";
        return;
    }
    if (tlsa->asked != NOT_ASKED)
        class = look(w, tlsa->question, d);
    while (class == POLICY_DANE_NONE && tlsa->asked != NAME_ASKED) {
        /* A name that no server can be asked for is none to prove. */
        bool alias = tlsa->asked == NOT_ASKED && from->alias_count > 0 &&
                     dns_name_is_host(&from->target);

        tlsa->asked = alias ? ALIAS_ASKED : NAME_ASKED;
        class = ask(job, w, d, tlsa, alias ? &from->target : &from->name);
    }
    d->class = class;
}

struct slice
prove_base(const struct targets *t, uint32_t host, enum policy_proof proof)
{
    const struct target_name *n = &t->names[host];
    enum policy_dane class = targets_dane(t, host);

    if (proof != POLICY_PROOF_NAME &&
        (class == POLICY_DANE_AUTH || class == POLICY_DANE_ENCRYPT))
        return slice_of(t->dane[host].base, t->dane[host].base_size);
    return slice_of(n->text, n->size);
}

void
prove_by(const struct job *job, const struct targets *t, uint32_t host,
         struct tls_dane *out)
{
    assert(targets_dane(t, host) == POLICY_DANE_AUTH);
    *out = (struct tls_dane){
        .records = &t->dane[host].records,
        .names = {qmail_key_undot(job->route.relay
                                      ? qmail_route_name(&job->route)
                                      : job->name),
                  slice_of(t->hop.text, t->hop.size)},
        .name_count = t->hop.size > 0 ? 2 : 1};
}
