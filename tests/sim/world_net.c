/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "sim/world.h"

enum {
    MTA_INDEX = 10, /* their addresses, as the certificates have them */
    OWN_INDEX = 200,
    DEAD_INDEX = 90, /* addresses of nobody */
    NS_INDEX = 50,
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
    m->tls_tickets = chance(30);
    make_codes(m);
    make_mischief(m);
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
}

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

static int
add_name(const char *format, uint32_t number)
{
    struct zone *z = &world.zone;
    struct zone_name *n = &z->names[z->name_count];

    snprintf(n->text, sizeof(n->text), format, number);
    n->alias = -1;
    return (int)z->name_count++;
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
static void
make_alias(int index)
{
    struct zone *z = &world.zone;
    int target = 0;

    if (z->name_count + 2 > NAME_COUNT_MAX)
        return;
    target = add_name("alias%u.sim.test", z->name_count);
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

    for (uint32_t i = 0; i < names; i++)
        fill_name(&z->names[add_name("mx%u.sim.test", i)]);
    for (uint32_t i = 0; i < count; i++) {
        z->mx[i].preference = (uint16_t)(10 * draw(spread));
        z->mx[i].target = ZONE_EXCHANGER + (int)(i % names);
    }
    z->mx_count = count;
    if (once_in(40))
        z->mx[draw(count)].target = -1;
}

static void
make_zone(void)
{
    struct zone *z = &world.zone;
    uint32_t kind = draw(100);

    add_name("dest.sim.test", 0);
    add_name("relay.sim.test", 0);
    fill_name(&z->names[ZONE_HOST]);
    fill_name(&z->names[ZONE_RELAY]);
    z->mx_owner = ZONE_HOST;
    if (kind < 60)
        make_exchangers(draw_between(1, 4), 4);
    else if (kind < 66)
        make_exchangers(draw_between(5, 40), 12);
    else if (kind < 67)
        make_exchangers(draw_between(100, ZONE_MX_COUNT_MAX), 12);
    else if (kind < 70 && !world.focused)
        z->mx[z->mx_count++].target = -1;
    if (once_in(10))
        make_alias(ZONE_HOST);
    if (once_in(20))
        make_alias(ZONE_RELAY);
    if (z->mx_count > 0 && once_in(10))
        make_alias(ZONE_EXCHANGER);
}

/* ---- name servers ---- */

static void
make_ns(void)
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
    uint32_t option = draw(8);
    bool good = world.focused || chance(70);

    snprintf(f->path, sizeof(f->path), "/etc/resolv.conf");
    f->kind = OS_REGULAR;
    bytes_text(&f->content, "%s", options[option]);
    world.ns_count = draw_between(1, NS_COUNT_MAX - 1);
    for (uint32_t i = 0; i < world.ns_count; i++) {
        struct ns *n = &world.ns[i];

        n->place = place_make(NS_INDEX + i, chance(30));
        n->manner =
            chance(40) ? NS_GOOD : (enum ns_manner)draw(NS_MANNER_COUNT);
        n->stream =
            chance(60) ? NS_TCP_GOOD : (enum ns_stream)draw(NS_TCP_COUNT);
        n->latency_ms = draw(chance(60) ? 6 : chance(80) ? 200 : 5000);
        n->loss = chance(70) ? 0 : draw(60);
        n->noise = chance(60) ? 0 : draw(50);
        if (i == 0 && good) {
            n->manner = chance(80) ? NS_GOOD : NS_NO_EDNS;
            n->stream = NS_TCP_GOOD;
            n->latency_ms = draw(6);
            n->loss = 0;
        }
        bytes_text(&f->content, "nameserver %s%s", place_text(&n->place),
                   chance(20) ? " \r\n" : "\n");
    }
    world.dns_clean = good && world.slow == 0;
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

static void
make_route(void)
{
    char text[TEXT_SIZE];
    uint32_t kind = draw(100);
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
        world.route = TO_ADDRESS;
        world.route_place = p;
        world.port = 25;
        snprintf(world.host, sizeof(world.host), "[%s%s]",
                 p.size == 16 && chance(50) ? "IPv6:" : "", place_text(&p));
    } else {
        add_route("");
    }
}

void
world_make_net(void)
{
    bool good = !world.focused && chance(30);

    world.mta_count = draw_between(1, MTA_COUNT_MAX);
    for (uint32_t i = 0; i < world.mta_count; i++) {
        make_mta(&world.mtas[i], i);
        if (good || chance(world.focused ? 5 : 20))
            make_good(&world.mtas[i]);
    }
    make_zone();
    make_route();
    make_ns();
}
