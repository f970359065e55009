/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "sim/world.h"

enum {
    MTA_INDEX = 10, /* their addresses, as the certificates have them */
    OWN_INDEX = 200,
    MTA_COUNT_USUAL = 6,
    TICKET_COUNT_MAX = 8,
    OTHER_PORT = 2525
};

/* ---- mail servers ---- */

static void
make_codes(struct mta *m)
{
    static const uint16_t odd[] = {421, 450, 451, 452, 500, 501, 502, 503,
                                   504, 550, 552, 553, 554, 250, 220, 354,
                                   251, 221, 299, 300, 399, 555};
    static const enum at late[] = {AT_MAIL, AT_RCPT, AT_DATA, AT_END, AT_END};
    enum at at = chance(40) ? late[draw(5)] : (enum at)draw(AT_COUNT);

    m->codes[AT_BODY] = odd[draw(14)];
    if (chance(world.focused ? 80 : 70))
        return;
    if (at == AT_HANDSHAKE)
        m->codes[at] = (uint16_t)draw_between(1, 2);
    else if (at != AT_BODY)
        m->codes[at] = odd[draw(22)];
    if (at == AT_RCPT)
        m->refused_rcpts = chance(50) ? UINT32_MAX : (uint32_t)draw_number();
    if (at == AT_END && m->codes[at] == 221)
        m->codes[at] = 299; /* 221 there is a reply to QUIT */
    if (at == AT_GREETING && m->codes[at] == 220)
        m->codes[at] = 0;
}

static void
make_mischief(struct mta *m)
{
    static const enum mischief plain[] = {CLOSE,   RESET, SILENCE, CUT,
                                          SLOW,    LATE,  DRIP,    ODD,
                                          ENDLESS, TWICE, LONG,    CLOSING};
    static const enum mischief tls[] = {CLOSE,   RESET,  SILENCE, CUT,
                                        GARBLED, BABBLE, GARBLED, CUT};
    static const enum mischief body[] = {CLOSE, RESET, DEAF,
                                         DEAF,  ODD,   CLOSING};

    m->mischief_value = (uint32_t)draw_number();
    m->mischief_secure = chance(40);
    m->mischief_once = chance(20);
    if (chance(world.focused ? 20 : 55))
        return;
    m->mischief_at = (enum at)draw(AT_COUNT);
    m->mischief = plain[draw(12)];
    if (m->mischief_secure && chance(15))
        m->mischief = NAGGING;
    if (m->mischief_at == AT_HANDSHAKE)
        m->mischief = tls[draw(8)];
    if (m->mischief_at == AT_BODY)
        m->mischief = body[draw(6)];
    if (m->mischief_at == AT_STARTTLS && chance(40))
        m->mischief = FORGED;
    if (m->mischief == FORGED && chance(30))
        m->codes[AT_STARTTLS] = 454;
    if (once_in(12))
        m->mischief = TAKEN_OFF;
}

/* What is legal, or at least common, and leads somewhere else. */
static void
make_manners(struct mta *m)
{
    static const uint16_t refusals[] = {500, 501, 502, 503, 504, 555};
    static const enum at places[] = {AT_MAIL, AT_RCPT, AT_DATA};

    m->form = chance(80) ? FORM_PLAIN : (enum form)draw(FORM_COUNT);
    m->nag = chance(85) ? NAG_NONE : (enum nag)draw(NAG_COUNT);
    m->mute = once_in(25);
    if (once_in(12)) {
        m->hates = draw_between(1, HATES_FLIGHTS | HATES_PARAMETERS);
        m->hates_at = places[draw(3)];
        m->hates_code = refusals[draw(6)];
    }
    if (once_in(12)) {
        m->tls_fault = (enum tls_fault)draw(TLS_FAULT_COUNT);
        m->tls_fault_once = chance(60);
    }
    if (once_in(12))
        world_demand_tls(m);
    m->busy = once_in(40);
}

/* Policy, or a client known by its certificate alone. */
void
world_demand_tls(struct mta *m)
{
    static const enum at places[] = {AT_MAIL, AT_RCPT, AT_DATA, AT_END};
    static const uint16_t codes[] = {530, 534, 535, 538, 554, 554, 554, 554};

    m->clear_at = places[draw(4)];
    m->clear_code = codes[draw(8)];
}

static uint32_t
draw_offers(void)
{
    uint32_t offers = (uint32_t)draw_number() & 31;

    offers |= chance(30) ? OFFERS_PIPELINING : 0;
    offers |= chance(20) ? OFFERS_LOOKALIKE : 0;
    return offers;
}

static void
make_mta(struct mta *m, uint32_t index)
{
    static const enum reach reaches[] = {REACH_REFUSED, REACH_NO_ROUTE,
                                         REACH_BLACK_HOLE, REACH_TIMEOUT};

    uint32_t fine = world.focused ? 97 : 80;

    m->place = place_make(MTA_INDEX + index, chance(35));
    m->reach = chance(world.racing ? 25 : fine) ? REACH_FINE : reaches[draw(4)];
    m->latency_ms = draw(chance(80) ? 100 : 2000);
    m->jitter_ms = draw(chance(70) ? 2 : 300);
    m->think_ms = draw(chance(70) ? 50 : 3000);
    m->segment = chance(60) ? 1460 : draw_between(1, 40);
    m->window = chance(60) ? 65536 : draw_between(1, 3000);
    if (once_in(12)) /* so few that a record takes its time */
        m->window = draw_between(1, 30);
    if (world.message.size > 4096 && m->window < 500)
        m->window = 500;
    m->offers[0] = draw_offers();
    m->offers[1] = chance(50) ? m->offers[0] : draw_offers();
    m->offers[1] &= ~(uint32_t)(chance(95) ? OFFERS_STARTTLS : 0);
    m->offers[0] |= chance(40) ? OFFERS_STARTTLS : 0;
    m->knows_ehlo = chance(95);
    m->close_silently = chance(30);
    m->size_max = once_in(20) ? draw(2000) : 0;
    m->text = chance(60) ? draw(2) : (uint32_t)draw_number() & 255;
    m->cert = chance(60) ? CERT_GOOD : (enum cert)draw(CERT_COUNT);
    if (m->cert == CERT_RSA && chance(70))
        m->cert = CERT_GOOD; /* its signatures take long to make */
    m->tls13 = chance(80);
    m->tls12 = !m->tls13 || chance(50);
    m->tls_retry = chance(15);
    m->tls_asks = chance(15);
    m->tls_requires = m->tls_asks && chance(30);
    m->tls_tickets = chance(30) ? draw_between(1, TICKET_COUNT_MAX) : 0;
    make_codes(m);
    make_mischief(m);
    make_manners(m);
}

/* A world where most servers are as they should be. */
static void
make_good(struct mta *m)
{
    m->mischief = chance(70) ? NO_MISCHIEF : SLOW;
    memset(m->codes, 0, sizeof(m->codes));
    m->mischief_at = m->mischief_at == AT_BODY ? AT_END : m->mischief_at;
    m->refused_rcpts = 0;
    m->size_max = 0;
    m->reach = REACH_FINE;
    m->knows_ehlo = true;
    m->clear_code = 0;
}

/* Nothing is wrong, and much of it may still be unusual. */
void
world_heal(struct mta *m)
{
    make_good(m);
    m->mischief = NO_MISCHIEF;
    m->latency_ms = draw(100);
    m->jitter_ms = draw(3);
    m->think_ms = draw(50);
    m->window = 65536;
    m->cert = CERT_GOOD;
    m->tls_requires = false;
    m->mute = false;
    m->hates = 0;
    m->form = FORM_PLAIN;
    m->nag = NAG_NONE;
    m->tls_fault = TLS_FINE;
    m->busy = false;
}

/* ---- where to ---- */

static void
add_route(const char *relay)
{
    struct sim_file *f = &world.files[world.file_count++];

    snprintf(f->path, sizeof(f->path), "control/smtproutes");
    f->kind = OS_REGULAR;
    bytes_text(&f->content, "# routes\nother.test:nowhere.test\n");
    bytes_text(&f->content, "%s:%s%s\n",
               chance(40)   ? ""
               : chance(50) ? ".sim.test"
                            : "DEST.sim.test",
               relay, world.port == 25 ? "" : ":2525");
}

/* An address that is the whole domain, in one of its dresses. */
static void
make_literal(struct place p)
{
    static const struct place loops[] = {
        {4, {127, 0, 0, 1}},
        {4, {127, 9, 8, 7}},
        {16, {[15] = 1}},
        {16, {[10] = 0xff, 0xff, 127, 0, 0, 1}}};
    bool bare = chance(20);

    if (once_in(4))
        p = loops[draw(4)];
    world.route = TO_ADDRESS;
    world.route_place = place_plain(&p);
    world.port = 25;
    snprintf(world.host, sizeof(world.host), "%s%s%s%s", bare ? "" : "[",
             p.size == 16 && !bare && chance(50) ? "IPv6:" : "", place_text(&p),
             bare ? "" : "]");
}

static void
make_route(void)
{
    char text[TEXT_SIZE];
    uint32_t kind = world.scene ? 65 + draw(12) : draw(100);
    struct place p = world.mtas[draw(world.mta_count)].place;

    snprintf(world.host, sizeof(world.host), "%s",
             chance(85)   ? "dest.sim.test"
             : chance(50) ? "Dest.SIM.Test"
                          : "dest.sim.test.");
    world.port = 25;
    world.route = TO_EXCHANGERS;
    if (kind < 70)
        return;
    world.port = chance(40) ? OTHER_PORT : 25;
    if (once_in(8))
        p = place_make(OWN_INDEX, false);
    if (kind < 80) {
        world.route = TO_RELAY;
        world.relayed = true;
        add_route("relay.sim.test");
    } else if (kind < 88) {
        world.route = TO_ADDRESS;
        world.relayed = true;
        world.route_place = p;
        snprintf(text, sizeof(text), "[%s]", place_text(&p));
        add_route(text);
    } else if (kind < 94) {
        make_literal(p);
    } else {
        add_route("");
    }
}

void
world_make_net(void)
{
    bool good = !world.focused && chance(30);

    world.mta_count = draw_between(1, MTA_COUNT_USUAL);
    if (once_in(20) || world.crowded)
        world.mta_count = draw_between(MTA_COUNT_USUAL, MTA_COUNT_MAX);
    for (uint32_t i = 0; i < world.mta_count; i++) {
        make_mta(&world.mtas[i], i);
        if (world.scene)
            world_heal(&world.mtas[i]);
        else if (good || chance(world.focused ? 5 : 20))
            make_good(&world.mtas[i]);
    }
    world_make_zone();
    make_route();
    world_make_ns();
}
