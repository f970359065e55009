/* SPDX-License-Identifier: ISC */
#include "probe_dane.h"

/* Three numbers and the beginning of the data: enough to tell records apart. */
static void
say_record(struct root *r, const struct tlsa_set *set, uint32_t index,
           struct qmail_tell_word what)
{
    const struct tlsa *record = &set->list[index];
    const struct slice data =
        slice_part(tlsa_data(set, index), 0, PROBE_TLSA_SIZE);
    struct qmail_tell *t = say_begin(&r->say, "tlsa");
    uint8_t bytes[PROBE_TLSA_TEXT_SIZE];
    struct buf out;

    buf_init(&out, bytes, sizeof(bytes));
    for (size_t i = 0; i < data.size; i++)
        buf_put_hex(&out, data.data[i], 2);
    qmail_tell_number(t, "  TLSA ", "usage", record->usage);
    qmail_tell_number(t, " ", "selector", record->selector);
    qmail_tell_number(t, " ", "type", record->type);
    qmail_tell_slice(t, " ", "data", buf_slice(&out));
    qmail_tell_flag(t, "...", "more", record->size > data.size);
    qmail_tell_word(t, ": ", "state", what);
    say_end(&r->say);
}

static struct qmail_tell_word
state_of(const struct tlsa_set *set, uint32_t index)
{
    if (tlsa_counts(set, index))
        return TELL_WORD("usable", "usable");
    return set->list[index].usable
               ? TELL_WORD("a stronger digest is beside it", "weaker")
               : TELL_WORD("not usable", "unusable");
}

static void
say_host(struct root *r, uint32_t host)
{
    static const struct qmail_tell_word classes[] = {
        [POLICY_DANE_NONE] = {"not in force", "none"},
        [POLICY_DANE_PENDING] = {"not used", "pending"},
        [POLICY_DANE_AUTH] = {"proved by its TLSA records, or no mail", "auth"},
        [POLICY_DANE_ENCRYPT] = {"TLS, or no mail", "encrypt"},
        [POLICY_DANE_SKIP] = {"not used", "skip"}};
    const struct target_dane *d = &r->targets.dane[host];
    const struct target_name *n = &r->targets.names[host];
    const struct slice name = slice_of(n->text, n->size);
    const struct slice base = slice_of(d->base, d->base_size);
    struct qmail_tell *t = say_begin(&r->say, "dane");

    qmail_tell_words(t, "DANE:");
    qmail_tell_slice(t, " ", "name", name);
    if (!slice_equal(base, name))
        qmail_tell_slice(t, ", by the name ", "base", base);
    qmail_tell_word(t, ": ", "class", classes[d->class]);
    if (d->class != POLICY_DANE_AUTH)
        qmail_tell_text(t, ", ", "why", d->why);
    say_end(&r->say);
    for (uint32_t i = 0; base.size > 0 && i < d->records.count; i++)
        say_record(r, &d->records, i, state_of(&d->records, i));
}

void
probe_dane_hosts(struct root *r)
{
    const struct targets *t = &r->targets;

    for (uint32_t i = 0; r->job.dns.secure && i < t->hosts.count; i++)
        if (i < DANE_HOST_COUNT_MAX && t->names[i].size > 0)
            say_host(r, i);
}

void
probe_dane_match(struct root *r, uint32_t index)
{
    const struct tls *tls = &r->work.deliver.tls;
    uint32_t host = r->targets.candidates.list[index].host;
    struct qmail_tell *t = NULL;

    if (r->deliver.demand.proof != POLICY_PROOF_DANE)
        return;
    if (tls->tlsa_index < TLSA_COUNT_MAX)
        say_record(r, &r->targets.dane[host].records, tls->tlsa_index,
                   TELL_WORD("matches", "match"));
    if (tls->reason.size == 0)
        return;
    t = say_begin(&r->say, "unproved");
    qmail_tell_slice(t, "  not proved: ", "why", tls->reason);
    say_end(&r->say);
}
