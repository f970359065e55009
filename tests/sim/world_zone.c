/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "sim/world.h"

enum {
    OWN_INDEX = 200,
    DEAD_INDEX = 90, /* addresses of nobody */
    NS_INDEX = 50,
    PATIENT_S = 45, /* a timeoutdns that does not count */
    FULL_MS_MAX = 6000,
    QUICK_MS = 700,  /* well within the first round */
    SMALL_COUNT = 8, /* exchangers: more may not fit into a datagram */
    STREAM_MS = 200  /* four ways, to a stream that has its turn for 1 s */
};

/* ---- names ---- */

static struct place
draw_place(void)
{
    static const struct place odd[] = {
        {4, {0}},
        {4, {127, 0, 0, 1}},
        {4, {127, 9, 8, 7}},
        {4, {224, 0, 0, 1}},
        {4, {255, 255, 255, 255}},
        {16, {0}},
        {16, {[15] = 1}},
        {16, {[10] = 0xff, 0xff, 127, 0, 0, 1}},
        {16, {[10] = 0xff, 0xff, 192, 0, 2, OWN_INDEX}},
        {16, {0xfe, 0x80, [15] = 1}},
        {16, {0xff, 2, [15] = 1}}};

    if (!world.focused && once_in(20))
        return odd[draw(11)];
    if (!world.focused && once_in(20))
        return place_make(OWN_INDEX + draw(2), chance(50));
    if (!world.focused && once_in(12))
        return place_make(DEAD_INDEX + draw(6), chance(30));
    return world.mtas[draw(world.mta_count)].place;
}

int
zone_add_name(const char *format, uint32_t number)
{
    struct zone *z = &world.zone;
    struct zone_name *n = &z->names[z->name_count];

    *n = (struct zone_name){.alias = -1};
    snprintf(n->text, sizeof(n->text), format, number);
    return (int)z->name_count++;
}

/* An exchanger that is an address. */
int
zone_add_dress(const struct place *p)
{
    int index = zone_add_name("%u", 0);
    struct zone_name *n = &world.zone.names[index];

    snprintf(n->text, sizeof(n->text), "%s", place_text(p));
    n->dress = true;
    zone_add_address(index, p);
    return index;
}

void
zone_add_address(int index, const struct place *p)
{
    struct zone_name *n = &world.zone.names[index];

    if (n->address_count < ZONE_ADDRESS_COUNT_MAX)
        n->addresses[n->address_count++] = *p;
}

void
zone_add_mx(uint32_t preference, int target)
{
    struct zone *z = &world.zone;

    z->mx[z->mx_count++] = (struct zone_mx){(uint16_t)preference, target};
}

static void
fill_name(struct zone_name *n)
{
    n->address_count = chance(75) ? 1 : draw(ZONE_ADDRESS_COUNT_MAX + 1);
    if (world.focused && n->address_count == 0)
        n->address_count = 2;
    for (uint32_t i = 0; i < n->address_count; i++)
        n->addresses[i] = draw_place();
    if (world.focused)
        return;
    if (once_in(20))
        n->state = ZONE_NO_NAME;
    else if (once_in(25))
        n->state = ZONE_BROKEN;
}

/* An alias of a name that is made for it; rarely a loop. */
void
zone_make_alias(int index)
{
    struct zone *z = &world.zone;
    int target = 0;

    if (z->name_count + 2 > NAME_COUNT_MAX)
        return;
    target = zone_add_name("alias%u.sim.test", z->name_count);
    z->names[target] = z->names[index];
    snprintf(z->names[target].text, TEXT_SIZE, "real%u.sim.test",
             z->name_count);
    z->names[index].alias = target;
    z->names[index].address_count = 0;
    z->names[index].state = ZONE_FINE;
    if (once_in(8))
        z->names[target].alias = index;
    if (z->mx_owner == index)
        z->mx_owner = target;
}

static void
make_exchangers(uint32_t count, uint32_t names)
{
    struct zone *z = &world.zone;
    uint32_t spread = draw_between(1, 3);

    for (uint32_t i = 0; i < names; i++) {
        struct place p = draw_place();

        if (p.size == 4 && once_in(12))
            (void)zone_add_dress(&p);
        else
            fill_name(&z->names[zone_add_name(
                once_in(20) && world.strictness < 2 ? "_mx%u.sim.test"
                                                    : "mx%u.sim.test",
                i)]);
    }
    for (uint32_t i = 0; i < count; i++)
        zone_add_mx(10 * draw(spread), ZONE_EXCHANGER + (int)(i % names));
    if (once_in(40))
        z->mx[draw(count)].target = -1;
}

void
world_make_zone(void)
{
    struct zone *z = &world.zone;
    uint32_t kind = draw(100);

    (void)zone_add_name("dest.sim.test", 0);
    (void)zone_add_name("relay.sim.test", 0);
    fill_name(&z->names[ZONE_HOST]);
    fill_name(&z->names[ZONE_RELAY]);
    z->mx_owner = ZONE_HOST;
    if (world.scene)
        return;
    if (kind < 60)
        make_exchangers(draw_between(1, 4), 4);
    else if (kind < 64)
        make_exchangers(draw_between(5, 40), 12);
    else if (kind < 66)
        make_exchangers(20, 20);
    else if (kind < 67)
        make_exchangers(draw_between(100, ZONE_MX_COUNT_MAX), 12);
    else if (kind < 70 && !world.focused)
        z->mx[z->mx_count++].target = -1;
    else
        z->mx_no_name = once_in(4);
    if (once_in(10))
        zone_make_alias(ZONE_HOST);
    if (once_in(20))
        zone_make_alias(ZONE_RELAY);
    if (z->mx_count > 0 && !z->names[ZONE_EXCHANGER].dress && once_in(10))
        zone_make_alias(ZONE_EXCHANGER);
}

/* ---- name servers ---- */

/* How long the answers take that no server has yet. */
void
world_make_late(uint32_t percent, uint32_t ms_max)
{
    static const uint32_t usual[] = {30, 80, 300, 1000, 3000, 6000, 17500};

    for (uint32_t i = 0; i < world.zone.name_count; i++)
        for (int ask = 0; ask < ASK_COUNT; ask++)
            if (chance(percent))
                world.zone.names[i].late_ms[ask] =
                    chance(60) ? usual[draw(7)] % ms_max : draw(ms_max);
}

static void
make_ns(struct ns *n, uint32_t index)
{
    n->scoped = once_in(12);
    n->place = n->scoped ? place_make_local(NS_INDEX + index)
                         : place_make(NS_INDEX + index, chance(30));
    n->manner = chance(40) ? NS_GOOD : (enum ns_manner)draw(NS_MANNER_COUNT);
    n->stream = chance(60) ? NS_TCP_GOOD : (enum ns_stream)draw(NS_TCP_COUNT);
    n->latency_ms = draw(chance(60) ? 6 : chance(80) ? 200 : 5000);
    n->loss = chance(70) ? 0 : draw(60);
    n->noise = chance(60) ? 0 : draw(50);
    n->loses_first = once_in(8);
    n->discards = chance(40);
    for (int i = 0; i < NAME_COUNT_MAX; i++)
        for (int ask = 0; ask < ASK_COUNT; ask++)
            n->asked_ms[i][ask] = -1;
}

/* The first one, where all is to be well. */
static void
make_first(struct ns *n)
{
    static const enum ns_manner others[] = {NS_LOWER, NS_DROPS_EDNS, NS_CUT,
                                            NS_OPT_ANSWERS, NS_OPT_COUNTED};

    n->manner = chance(80) ? NS_GOOD : NS_NO_EDNS;
    n->stream = NS_TCP_GOOD;
    n->latency_ms = draw(6);
    n->loss = 0;
    n->loses_first = !world.focused && once_in(12);
    n->full_ms = !world.focused && once_in(25) ? draw(FULL_MS_MAX) : 0;
    if (!world.focused && once_in(10))
        n->manner = others[draw(5)];
    if (!world.focused && once_in(10))
        n->latency_ms = draw(QUICK_MS);
}

static bool
is_late(void)
{
    for (uint32_t i = 0; i < world.zone.name_count; i++)
        for (int ask = 0; ask < ASK_COUNT; ask++)
            if (world.zone.names[i].late_ms[ask] > 0)
                return true;
    return false;
}

/* All answers are there in time, if a server knows them. */
static bool
is_punctual(const struct ns *n)
{
    return !is_late() && !n->loses_first && n->full_ms == 0 &&
           n->latency_ms < 6;
}

/* Whether somebody else tells lies before the first one can answer. */
static bool
is_misinformed(const struct ns *first)
{
    bool again = first->loses_first || first->manner == NS_DROPS_EDNS;
    uint32_t late_ms = again || world.use_vc ? QUICK_MS : 0;
    bool lies = false;

    for (uint32_t i = 0; i < world.zone.name_count; i++)
        for (int ask = 0; ask < ASK_COUNT; ask++)
            if (world.zone.names[i].late_ms[ask] > late_ms)
                late_ms = world.zone.names[i].late_ms[ask];
    for (uint32_t i = 1; i < world.ns_count; i++)
        lies = lies || world.ns[i].manner == NS_NO_NAME ||
               world.ns[i].manner == NS_NO_DATA;
    return lies && late_ms + 2 * first->latency_ms >= QUICK_MS;
}

/* Once all of them are made. */
void
world_judge_ns(void)
{
    const struct ns *n = &world.ns[0];
    bool good = n->loss == 0 && n->stream == NS_TCP_GOOD && world.slow == 0;
    bool patient = world.dns_timeout_ms == 0 ||
                   world.dns_timeout_ms >= PATIENT_S * INT64_C(1000);

    /* Streams are held one after the other. */
    if (world.use_vc || world.zone.mx_count > SMALL_COUNT)
        good = good && n->latency_ms < STREAM_MS && !is_late();
    world.dns_clean = good && is_punctual(n) &&
                      (n->manner == NS_GOOD || n->manner == NS_NO_EDNS);
    good = good && (n->manner == NS_GOOD || n->manner == NS_NO_EDNS ||
                    n->manner == NS_LOWER || n->manner == NS_DROPS_EDNS ||
                    n->manner == NS_CUT || n->manner == NS_OPT_ANSWERS ||
                    n->manner == NS_OPT_COUNTED);
    /* The ten seconds that one who refuses is asked for are for all. */
    if (n->full_ms > 0)
        good = good && world.ns_count == 1 && !world.use_vc && !is_late() &&
               !n->loses_first && n->latency_ms < QUICK_MS;
    world.dns_true = world.dns_clean || (good && patient && !is_misinformed(n));
}

void
world_make_ns(void)
{
    static const char *const options[] = {
        "",
        "",
        "",
        "options edns0 trust-ad\n",
        "options attempts:2\n",
        "options timeout:2 attempts:3\n",
        "search else.test\ndomain x\n",
        "# comment\noptions use-vc ; really\n"};
    struct sim_file *f = &world.files[world.file_count++];
    bool good = world.focused || chance(70);
    const char *option = options[draw(8)];

    snprintf(f->path, sizeof(f->path), "/etc/resolv.conf");
    f->kind = OS_REGULAR;
    bytes_text(&f->content, "%s", option);
    world.use_vc = strstr(option, "use-vc") != NULL;
    world.ns_count = draw_between(1, NS_COUNT_MAX - 1);
    for (uint32_t i = 0; i < world.ns_count; i++) {
        struct ns *n = &world.ns[i];

        make_ns(n, i);
        if (i == 0 && good)
            make_first(n);
        bytes_text(&f->content, "nameserver %s%s%s", place_text(&n->place),
                   n->scoped ? "%" SIM_INTERFACE_NAME : "",
                   chance(20) ? " \r\n" : "\n");
    }
    if (!world.focused && once_in(8))
        world_make_late(30, LATE_MS_MAX);
    world_judge_ns();
}
