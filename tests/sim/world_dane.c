/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "sim/world.h"

/* DANE: whose word the name servers' is, which of their answers are authentic,
 * and the TLSA records of each name. */
enum {
    ALIAS_LATE_MS = 8000,
    DANE_ONE_IN = 4,
    DANE_NAMES_MAX = 10, /* no more exchangers than are used with it */
    NS_FIRST = 53,       /* 127.0.0.53 and so on */
    UNUSABLE_MAX = 3,
    TOO_MANY = 17
};

/* ---- name servers ---- */

/* As before, but for their addresses, and with `trust-ad`. */
static void
write_conf(bool trusted)
{
    struct sim_file *f = world_file("/etc/resolv.conf");
    struct bytes text = {0};

    bytes_put(&text, f->content.data, f->content.size);
    bytes_put(&text, "", 1);
    text.size =
        (size_t)(strstr((char *)text.data, "nameserver") - (char *)text.data);
    if (trusted)
        bytes_text(&text, "options trust-ad\n");
    for (uint32_t i = 0; i < world.ns_count; i++)
        bytes_text(&text, "nameserver %s%s\n", place_text(&world.ns[i].place),
                   world.ns[i].scoped ? "%" SIM_INTERFACE_NAME : "");
    f->content = text;
}

static void
move_servers(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct place here = {4, {127, 0, 0, (uint8_t)(NS_FIRST + i)}};

        world.ns[i].place = here;
        world.ns[i].scoped = false;
    }
}

/* Nobody among them tells lies: what they say of a name is what it is. */
static void
make_honest(void)
{
    for (uint32_t i = 0; i < world.ns_count; i++)
        if (world.ns[i].manner == NS_NO_NAME ||
            world.ns[i].manner == NS_NO_DATA)
            world.ns[i].manner = NS_GOOD;
    world_judge_ns();
}

/* Whether they may be believed. */
static bool
make_believed(void)
{
    const struct sim_file *f = world_file("/etc/resolv.conf");
    bool already = f->content.size > 16 &&
                   memcmp(f->content.data, "options edns0 tr", 16) == 0;
    uint32_t kind = draw(100);

    if (kind < 40)
        move_servers(world.ns_count);
    else if (kind < 50) /* all but one: not enough */
        move_servers(world.ns_count - 1);
    write_conf(kind >= 60);
    return kind < 40 || kind >= 60 || already;
}

/* ---- records ---- */

static uint32_t
pins_of(const struct zone_name *n)
{
    uint32_t pins = 0;

    for (uint32_t i = 0; i < n->address_count; i++) {
        struct place p = place_plain(&n->addresses[i]);

        for (uint32_t k = 0; k < world.mta_count; k++)
            if (place_equal(&world.mtas[k].place, &p))
                pins |= 1U << world.mtas[k].cert;
    }
    return pins;
}

static void
draw_records(struct zone_tlsa *t, const struct zone_name *n)
{
    uint32_t kind = draw(100);

    t->insecure = once_in(10);
    t->state = kind < 30   ? TLSA_ABSENT
               : kind < 85 ? TLSA_THERE
               : kind < 93 ? TLSA_SERVFAIL
                           : TLSA_SILENT;
    kind = draw(100);
    if (kind < 65)
        t->pins = pins_of(n);
    else if (kind < 80)
        t->pins = 1U << draw(CERT_COUNT);
    t->stranger = kind < 80 && (t->pins == 0 || chance(20));
    t->malformed = kind >= 97;
    t->unusable = kind >= 94   ? TOO_MANY
                  : kind >= 80 ? 1 + draw(UNUSABLE_MAX)
                               : draw(UNUSABLE_MAX);
}

/* An exchanger that is none yet, and may be one. */
static bool
may_be_alias(int name)
{
    return name >= 0 && name != world.zone.mx_owner &&
           !world.zone.names[name].dress && world.zone.names[name].alias < 0;
}

/* What is known of it comes behind what is of the one before. */
static void
make_later(struct zone_name *n)
{
    if (once_in(2))
        n->late_ms[ASK_A] = n->late_ms[ASK_AAAA] = draw(ALIAS_LATE_MS);
}

/* Exchangers behind an alias, one link of which may be insecure; some behind
 * the same as the one before: the last of those ends, or -1. */
static int
make_aliases(void)
{
    int end = -1, shared = -1;

    for (uint32_t i = 0; i < world.zone.mx_count; i++) {
        int target = world.zone.mx[i].target;

        if (!may_be_alias(target) || !once_in(2))
            continue;
        if (end >= 0 && !once_in(3)) {
            world.zone.names[target].alias = end;
            world.zone.names[target].address_count = 0;
            world.zone.names[target].state = ZONE_FINE;
            make_later(&world.zone.names[target]);
            shared = end;
        } else {
            zone_make_alias(target);
            end = world.zone.names[target].alias;
        }
    }
    return shared;
}

/* What is known of an exchanger comes in the same turn as a connection. */
static void
make_meetings(void)
{
    const struct mta *m = &world.mtas[draw(world.mta_count)];
    uint32_t ms =
        (1 + draw(2)) * world.ns[0].latency_ms + (1 + draw(2)) * m->latency_ms;

    for (uint32_t i = 0; i < world.zone.mx_count; i++) {
        int target = world.zone.mx[i].target;

        if (may_be_alias(target) && once_in(3))
            world.zone.names[target].late_ms[ASK_A] =
                world.zone.names[target].late_ms[ASK_AAAA] = ms;
    }
}

void
world_make_dane(void)
{
    struct dane *d = &world.dane;
    int shared = -1;

    /* By the seed, so that the runs without it are what they were. */
    if (world.seed % DANE_ONE_IN != 0 || world.route == TO_ADDRESS ||
        world.hop.name[0] || world.bad_control ||
        world.zone.name_count > DANE_NAMES_MAX)
        return;
    bytes_text(&world_add_file("control/dane")->content, "1\n");
    shared = make_aliases();
    if (once_in(3))
        make_meetings();
    world_judge_ns();
    d->there = true;
    d->on = make_believed() && !world.hop.never && world.hop.proof != PROOF_PIN;
    if (!d->on)
        return;
    make_honest();
    world.anchors = true;
    for (uint32_t i = 0; i < world.mta_count; i++) {
        struct mta *m = &world.mtas[i];

        if (chance(40))
            m->cert = (enum cert)draw(CERT_COUNT);
        if (chance(60))
            m->offers[0] |= OFFERS_STARTTLS;
    }
    for (uint32_t i = 0; i < world.zone.name_count; i++) {
        if (once_in(world.zone.names[i].alias >= 0 ? 3 : 8))
            d->insecure |= UINT64_C(1) << i;
        draw_records(&d->tlsa[i], &world.zone.names[i]);
    }
    /* What is known at once to be of no use, for all that share it. */
    if (shared >= 0 && once_in(3))
        d->tlsa[shared] =
            (struct zone_tlsa){.state = TLSA_THERE, .malformed = true};
}
