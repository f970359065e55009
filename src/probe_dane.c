/* SPDX-License-Identifier: ISC */
#include "probe_dane.h"

/* Three numbers and the beginning of the data: enough to tell records apart. */
static void
say_record(struct root *r, const struct tlsa_set *set, uint32_t index,
           const char *what)
{
    static const char digits[] = "0123456789abcdef";
    const struct tlsa *record = &set->list[index];
    const struct slice data =
        slice_part(tlsa_data(set, index), 0, PROBE_TLSA_SIZE);
    uint8_t bytes[PROBE_TLSA_TEXT_SIZE];
    struct buf out;
    struct slice text;

    buf_init(&out, bytes, sizeof(bytes));
    for (size_t i = 0; i < data.size; i++) {
        buf_put_byte(&out, (uint8_t)digits[data.data[i] >> 4]);
        buf_put_byte(&out, (uint8_t)digits[data.data[i] & 15]);
    }
    text = buf_slice(&out);
    say_put(&r->say,
            "[tlsa]  TLSA{ #usage}{ #selector}{ #type}{ $data}{...%}"
            "{: %state}\n",
            (const union tell[]){{.number = record->usage},
                                 {.number = record->selector},
                                 {.number = record->type},
                                 {.slice = &text},
                                 {.text = record->size > data.size ? "" : NULL},
                                 {.text = what}});
}

static const char *
state_of(const struct tlsa_set *set, uint32_t index)
{
    if (tlsa_counts(set, index))
        return "usable";
    return set->list[index].usable ? "a stronger digest is beside it"
                                   : "not usable";
}

static void
say_host(struct root *r, uint32_t host)
{
    static const char *const classes[] = {
        [POLICY_DANE_NONE] = "not in force",
        [POLICY_DANE_PENDING] = "not used",
        [POLICY_DANE_AUTH] = "proved by its TLSA records, or no mail",
        [POLICY_DANE_ENCRYPT] = "TLS, or no mail",
        [POLICY_DANE_SKIP] = "not used"};
    const struct target_dane *d = &r->targets.dane[host];
    const struct target_name *n = &r->targets.names[host];
    const struct slice name = slice_of(n->text, n->size);
    const struct slice base = slice_of(d->base, d->base_size);

    say_put(&r->say,
            "[dane]DANE:{ $name}{, by the name $base}{: %class}{, %why}\n",
            (const union tell[]){
                {.slice = &name},
                {.slice = slice_equal(base, name) ? NULL : &base},
                {.text = classes[d->class]},
                {.text = d->class == POLICY_DANE_AUTH ? NULL : d->why}});
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

    if (r->deliver.demand.proof != POLICY_PROOF_DANE)
        return;
    if (tls->tlsa_index < TLSA_COUNT_MAX)
        say_record(r, &r->targets.dane[host].records, tls->tlsa_index,
                   "matches");
    if (tls->reason.size > 0)
        say_put(&r->say, "[unproved]  not proved:{ $why}\n",
                (const union tell[]){{.slice = &tls->reason}});
}
