/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "sim/world.h"

/* Scenes: healthy servers, and one trouble that is met too rarely, or beside
 * too many others, in what is drawn at random. */
enum {
    SCENE_ONE_IN = 3,
    OWN_LATE_MS = 1500,
    DEAF_STEP = 4, /* mischief_value: for ever where it divides it */
    DEAF_COUNT = 20000,
    ANY = 15, /* levels; bits of strictness 0, 1, 2, and no TLS at all: */
    CLEAR = 8,
    TLS_SOMEHOW = 7,
    TLS_IF_ANY = 3,
    SEARCH = 2,
    STRICT = 4
};

/* Of those that a server answers. */
static enum at
some_step(void)
{
    static const enum at steps[] = {AT_GREETING, AT_EHLO, AT_STARTTLS, AT_MAIL,
                                    AT_RCPT,     AT_DATA, AT_END};

    return steps[draw(7)];
}

static struct mta *
some_mta(void)
{
    return &world.mtas[draw(world.mta_count)];
}

/* Exchangers, each server one, in this many preferences; the relay has what
 * the first one has. */
static void
lay_out(uint32_t count, uint32_t spread)
{
    for (uint32_t i = 0; i < count; i++) {
        int name = zone_add_name("mx%u.sim.test", i);

        zone_add_address(name, &world.mtas[i % world.mta_count].place);
        zone_add_mx(10 * (i * spread / count), name);
    }
    world.zone.names[ZONE_RELAY].address_count = 0;
    zone_add_address(ZONE_RELAY, &world.mtas[0].place);
}

static void
lay_out_some(void)
{
    lay_out(draw_between(1, world.mta_count), draw_between(1, 3));
}

/* ---- names ---- */

static void
break_reach(struct mta *m)
{
    static const enum reach reaches[] = {REACH_REFUSED, REACH_NO_ROUTE,
                                         REACH_BLACK_HOLE, REACH_TIMEOUT};

    m->reach = reaches[draw(4)];
}

/* Answers that come late, or not the first time, and a best server that is
 * down, has two families, or is this machine. */
static void
make_late(void)
{
    lay_out_some();
    if (chance(50))
        break_reach(&world.mtas[0]);
    if (chance(50) && world.mta_count > 1) {
        zone_add_address(ZONE_EXCHANGER, &world.mtas[1].place);
        zone_add_address(ZONE_RELAY, &world.mtas[1].place);
    }
    if (world.own_count > 0 && chance(40)) {
        int own = zone_add_name("own.sim.test", 0);

        zone_add_address(own, &world.own[0]);
        zone_add_mx(10 * draw(3), own);
    }
    world.ns[0].loses_first = chance(30);
    world_make_late(chance(50) ? 100 : 40, LATE_MS_MAX);
}

/* This machine among equals, and its answer a moment behind theirs. */
static void
make_own_equal(void)
{
    int own = 0;

    lay_out_some();
    if (world.own_count == 0)
        return;
    own = zone_add_name("own.sim.test", 0);
    zone_add_address(own, &world.own[0]);
    zone_add_mx(world.zone.mx[draw(world.zone.mx_count)].preference, own);
    world_make_late(30, OWN_LATE_MS);
    world.zone.names[own].late_ms[ASK_A] = draw(OWN_LATE_MS);
    world.zone.names[own].late_ms[ASK_AAAA] = draw(OWN_LATE_MS);
}

/* A second server that is asked only because the first is slow. */
static void
make_split(void)
{
    lay_out_some();
    if (chance(30))
        world.zone.mx_count = 0; /* the host itself */
    zone_add_address(ZONE_HOST, &some_mta()->place);
    world.ns[0].latency_ms = 150 + draw(200);
    for (uint32_t i = 1; i < world.ns_count; i++) {
        world.ns[i].manner = chance(50) ? NS_NO_NAME : NS_NO_DATA;
        world.ns[i].latency_ms = draw(10);
        world.ns[i].loss = 0;
    }
}

/* One address under several names, one of which the certificate has. */
static void
make_shared(void)
{
    uint32_t count = draw_between(2, 4);

    world.mta_count = 1;
    lay_out(count, draw_between(1, 2));
    world.mtas[0].offers[0] |= OFFERS_STARTTLS;
    world.mtas[0].cert = CERT_SECOND;
}

static void
make_dress(void)
{
    uint32_t count = draw_between(1, 3);

    for (uint32_t i = 0; i < count; i++) {
        struct place p = world.mtas[i % world.mta_count].place;

        if (p.size == 4)
            zone_add_mx(10 * draw(2), zone_add_dress(&p));
        else if (chance(50))
            zone_add_mx(10 * draw(2), zone_add_name("none%u.sim.test", i));
    }
    if (world.zone.mx_count == 0)
        lay_out_some();
}

/* Of the exchangers there is said NXDOMAIN, and an address is there. */
static void
make_no_exchanger(void)
{
    world.zone.mx_no_name = true;
    world.zone.names[ZONE_HOST].address_count = 0;
    zone_add_address(ZONE_HOST, &world.mtas[0].place);
    world_make_late(chance(50) ? 60 : 0, LATE_MS_MAX);
    if (once_in(4))
        world.zone.names[ZONE_HOST].state = ZONE_NO_NAME;
}

static void
make_twenty(void)
{
    lay_out(20, draw_between(1, 4));
    for (int i = 0; i < 20; i++) {
        struct zone_name *n = &world.zone.names[ZONE_EXCHANGER + i];

        if (chance(50))
            n->state = ZONE_NO_NAME;
        else if (chance(30))
            n->address_count = 0;
    }
    for (uint32_t i = 0; i + 1 < world.mta_count; i++)
        if (chance(50))
            break_reach(&world.mtas[i]);
    world_make_late(chance(50) ? 50 : 0, LATE_MS_MAX);
}

/* ---- TLS ---- */

static void
make_tls_fault(void)
{
    lay_out_some();
    for (uint32_t i = 0; i < world.mta_count; i++) {
        struct mta *m = &world.mtas[i];

        m->offers[0] |= OFFERS_STARTTLS;
        if (i > 0 && chance(50))
            continue;
        m->tls_fault = (enum tls_fault)draw(TLS_FAULT_COUNT);
        m->tls_fault_once = chance(70);
        m->tls_asks = m->tls_requires = world.client_cert && chance(50);
        if (chance(60))
            world_demand_tls(m);
        m->busy = once_in(8);
    }
}

/* Many servers, one with TLS; or one that was busy the first time. */
static void
make_search(void)
{
    struct mta *with = some_mta();

    lay_out(world.mta_count, draw_between(1, 3));
    for (uint32_t i = 0; i < world.mta_count; i++) {
        struct mta *m = &world.mtas[i];

        m->offers[0] &= ~(uint32_t)OFFERS_STARTTLS;
        if (once_in(6))
            m->tls_fault = TLS_FAULT_REFUSED;
        if (m == with || m->tls_fault)
            m->offers[0] |= OFFERS_STARTTLS;
    }
    with->tls_fault = TLS_FINE;
    if (chance(50))
        return;
    with->mischief = chance(50) ? CLOSING : CLOSE;
    with->mischief_at = chance(50) ? AT_GREETING : AT_EHLO;
    with->mischief_secure = false;
    with->mischief_once = true;
}

static void
make_nag(void)
{
    lay_out_some();
    for (uint32_t i = 0; i < world.mta_count; i++) {
        struct mta *m = &world.mtas[i];

        m->offers[0] |= OFFERS_STARTTLS;
        m->nag = (enum nag)draw_between(1, NAG_COUNT - 1);
        m->tls12 = chance(70);
        m->tls13 = !m->tls12;
        if (chance(70))
            continue;
        m->mischief = NAGGING;
        m->mischief_secure = true;
        m->mischief_at = (enum at)draw_between(AT_MAIL, AT_END);
    }
}

/* ---- sessions ---- */

static void
make_mute(void)
{
    lay_out_some();
    for (uint32_t i = 0; i < world.mta_count; i++)
        world.mtas[i].mute = i == 0 || chance(30);
    if (chance(30))
        world_demand_tls(&world.mtas[0]);
}

/* EHLO is refused, and HELO in another way; only the first says why. */
static void
make_rude(void)
{
    struct mta *m = &world.mtas[0];

    lay_out(1, 1);
    m->knows_ehlo = false;
    m->mischief = chance(50) ? CLOSE : NO_MISCHIEF;
    m->mischief_at = AT_HELO;
    m->mischief_secure = false;
    m->codes[AT_HELO] = chance(50) ? 503 : 550;
}

static void
make_hates(void)
{
    static const uint16_t refusals[] = {500, 501, 502, 503, 504, 555};

    lay_out_some();
    for (uint32_t i = 0; i < world.mta_count; i++) {
        struct mta *m = &world.mtas[i];

        m->hates = draw_between(1, HATES_FLIGHTS | HATES_PARAMETERS);
        m->hates_at = (enum at)draw_between(AT_MAIL, AT_DATA);
        m->hates_code = refusals[draw(6)];
        m->offers[0] |= OFFERS_PIPELINING | OFFERS_SIZE;
        m->offers[1] = m->offers[0] & ~(uint32_t)OFFERS_STARTTLS;
    }
}

/* All recipients are refused, and then the connection ends: as Exim's `drop`
 * does it. */
static void
make_dropped(void)
{
    struct mta *m = &world.mtas[0];

    lay_out_some();
    m->codes[AT_RCPT] = chance(50) ? 550 : 450;
    m->refused_rcpts = UINT32_MAX;
    m->mischief = chance(50) ? CLOSE : RESET;
    m->mischief_at = AT_DATA;
    m->mischief_secure = world.scene_levels != CLEAR && chance(50);
    m->offers[0] |= OFFERS_PIPELINING;
    m->offers[1] |= OFFERS_PIPELINING;
}

static void
make_form(void)
{
    static const uint16_t codes[] = {0, 0, 421, 450, 521, 550, 554, 503};
    struct mta *m = &world.mtas[0];

    lay_out_some();
    for (uint32_t i = 0; i < world.mta_count; i++)
        world.mtas[i].form = (enum form)draw_between(1, FORM_COUNT - 1);
    m->codes[some_step()] = codes[draw(8)];
    m->refused_rcpts = UINT32_MAX;
    if (chance(70))
        return;
    m->mischief = ODD;
    m->mischief_value = draw(2); /* a refusal that is taken back */
    m->mischief_at = some_step();
    m->mischief_secure = false;
}

/* A server that reads no more, and a kernel that takes what it said it had no
 * room for. */
static void
make_greedy(void)
{
    struct mta *m = &world.mtas[0];

    lay_out(1, 1);
    world.greedy = draw_between(1, 3000);
    m->mischief = DEAF;
    m->mischief_at = AT_BODY;
    m->mischief_value = DEAF_STEP * draw(DEAF_COUNT);
    m->mischief_secure =
        world.anchors && m->offers[0] & OFFERS_STARTTLS && !m->tls_requires;
    m->window = draw_between(200, 5000);
}

/* Everybody says everything slowly, and nobody takes it. */
static void
make_drip(void)
{
    lay_out(world.mta_count, draw_between(1, 3));
    for (uint32_t i = 0; i < world.mta_count; i++) {
        struct mta *m = &world.mtas[i];

        m->mischief = chance(80) ? SLOW : DRIP;
        m->mischief_value |= 128;
        m->mischief_at = some_step();
        m->mischief_secure = chance(30);
        if (chance(80))
            m->codes[some_step()] = 421;
    }
}

/* Nobody wants us, and says so at once. */
static void
make_unwilling(void)
{
    static const uint16_t codes[] = {421, 450, 554, 521};

    lay_out(world.mta_count, draw_between(1, 3));
    for (uint32_t i = 0; i < world.mta_count; i++) {
        struct mta *m = &world.mtas[i];

        m->codes[chance(50) ? AT_GREETING : AT_EHLO] = codes[draw(4)];
        m->codes[AT_HELO] = 550;
    }
}

/* A reply too many, at any step. */
static void
make_twice(void)
{
    lay_out_some();
    for (uint32_t i = 0; i < world.mta_count; i++) {
        struct mta *m = &world.mtas[i];

        m->mischief = TWICE;
        m->mischief_at = some_step();
        m->mischief_secure = world.anchors && m->offers[0] & OFFERS_STARTTLS;
        if (chance(50))
            m->offers[0] |= OFFERS_PIPELINING;
        if (chance(30)) {
            m->codes[AT_RCPT] = 550;
            m->refused_rcpts = (uint32_t)draw_number();
        }
        if (chance(30))
            m->codes[AT_END] = 554;
    }
}

/* Of a relay; world_hop.c does the rest. */
static void
make_login(void)
{
    lay_out_some();
    if (world.mta_count > 1 && chance(70))
        zone_add_address(ZONE_RELAY, &world.mtas[1].place);
    if (world.mta_count > 2 && chance(40))
        zone_add_address(ZONE_RELAY, &world.mtas[2].place);
}

/* ---- which ---- */

static const struct {
    const char *name;
    void (*make)(void);
    uint32_t levels;
    bool crowded, bulky;
} scenes[] = {
    {"late answers", make_late, ANY, false, false},
    {"late answers", make_late, CLEAR, false, false},
    {"this machine among equals", make_own_equal, CLEAR, false, false},
    {"two horizons", make_split, CLEAR, false, false},
    {"one address, many names", make_shared, ANY, false, false},
    {"one address, many names", make_shared, STRICT, false, false},
    {"addresses in dress", make_dress, ANY, false, false},
    {"no such exchanger", make_no_exchanger, CLEAR, false, false},
    {"twenty exchangers", make_twenty, CLEAR, true, false},
    {"TLS fails", make_tls_fault, TLS_IF_ANY, false, false},
    {"TLS fails", make_tls_fault, TLS_SOMEHOW, false, false},
    {"one has TLS", make_search, SEARCH, true, false},
    {"one has TLS", make_search, SEARCH, false, false},
    {"records that nag", make_nag, TLS_SOMEHOW, false, false},
    {"mute at EHLO", make_mute, ANY, false, false},
    {"hates flights", make_hates, ANY, false, false},
    {"no EHLO, nor HELO", make_rude, CLEAR, false, false},
    {"all refused, dropped", make_dropped, ANY, false, false},
    {"forms of replies", make_form, ANY, false, false},
    {"a greedy kernel", make_greedy, ANY, false, true},
    {"all drip", make_drip, ANY, true, false},
    {"nobody wants us", make_unwilling, ANY, true, false},
    {"a reply too many", make_twice, ANY, false, false},
    {"a login", make_login, ANY, false, false},
    {"a login", make_login, ANY, false, false},
    {"a login", make_login, ANY, false, false}};

void
world_draw_scene(void)
{
    uint32_t number = draw(sizeof(scenes) / sizeof(scenes[0]));

    if (!once_in(SCENE_ONE_IN))
        return;
    world.scene = scenes[number].name;
    world.scene_number = number;
    world.scene_levels = scenes[number].levels;
    world.crowded = scenes[number].crowded;
    world.bulky = scenes[number].bulky;
    world.submits = scenes[number].make == make_login;
    world.focused = world.calm = true;
    world.racing = false;
}

void
world_make_scene(void)
{
    if (!world.scene)
        return;
    scenes[world.scene_number].make();
    world_judge_ns();
}
