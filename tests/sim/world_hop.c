/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "sim/peer.h"
#include "sim/world.h"

/* What is configured for the next hop: a login, control/tlspolicy, ports,
 * our own address; and the servers that are asked for it. */
enum {
    PART_SIZE = 12, /* of a secret: enough to know it by */
    SECRET_LONG_SIZE = 8192,
    SECRET_TOKEN_SIZE = SECRET_LONG_SIZE - 7, /* behind `Bearer ` */
    SECRET_LINE_SIZE = 1023,
    SOURCE_INDEX = 240,
    LEVEL_NONE = 3, /* behind 0, 1, 2 */
    SUBMISSION_PORT = 587,
    OTHER_PORT = 2525,
    VALUE_COUNT = 20000
};

static const char relay_name[] = "relay.sim.test";

/* What a line of tlspolicy says. */
struct policy {
    bool there, pinned;
    uint32_t level;
};

/* ---- base64, and the parts of a secret ---- */

void
world_put_base64(struct bytes *b, const void *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = data;

    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = (uint32_t)p[i] << 16;

        bits |= i + 1 < size ? (uint32_t)p[i + 1] << 8 : 0;
        bits |= i + 2 < size ? p[i + 2] : 0;
        for (size_t k = 0; k < 4; k++)
            bytes_put(
                b, i + k <= size ? &digits[bits >> (18 - 6 * k) & 63] : "=", 1);
    }
}

static void
add_part(const void *data, size_t size)
{
    bytes_put(&world.login_parts[world.login_part_count++], data, size);
}

/* As it is, and as base64 where so many octets stand in front of it: without
 * the characters that others have a part in. */
static void
note_window(const uint8_t *window, size_t size)
{
    static const size_t skips[] = {0, 2, 3};

    add_part(window, size);
    for (size_t front = 0; front < 3; front++) {
        struct bytes plain = {0}, text = {0};

        bytes_put(&plain, "\0\0\0", front);
        bytes_put(&plain, window, size);
        world_put_base64(&text, plain.data, plain.size);
        text.size = (front + size) * 4 / 3; /* whole characters */
        add_part(text.data + skips[front], text.size - skips[front]);
    }
}

static void
note_secret(const struct bytes *secret)
{
    size_t size = secret->size < PART_SIZE ? secret->size : PART_SIZE;

    note_window(secret->data, size);
    if (secret->size <= PART_SIZE)
        return;
    note_window(secret->data + (secret->size - size) / 2, size);
    note_window(secret->data + secret->size - size, size);
}

/* ---- the login ---- */

static void
put_long(struct bytes *b, size_t size)
{
    while (b->size < size) {
        char c = (char)('!' + draw('~' - '!'));

        bytes_put(b, &c, 1);
    }
}

static void
draw_login(struct hop *h)
{
    static const char *const users[] = {"user", "me@sim.test", "e=mc2,x",
                                        "caf\xc3\xa9|", "u"};
    static const char *const secrets[] = {
        "sesame-open-9",          "a|b:c d",  "x<y#z\"q\xff!",
        "correct horse: battery", "Qw7#!pL2", "<Ab%s%n\\0Zx"};
    const char *secret = secrets[draw(h->token ? 5 : 6)];

    bytes_text(&h->user, "%s", users[draw(5)]);
    if (once_in(6))
        put_long(&h->secret, chance(50) ? SECRET_LINE_SIZE
                             : h->token ? SECRET_TOKEN_SIZE
                                        : SECRET_LONG_SIZE);
    else if (h->token)
        put_long(&h->secret, draw_between(40, 900));
    else
        bytes_text(&h->secret, "%s", secret);
    h->right = chance(80);
    note_secret(&h->secret);
}

/* Into a file of its own, or into the line. */
static void
put_secret(struct bytes *line)
{
    const struct hop *h = &world.hop;
    bool absolute = chance(50);
    struct sim_file *f = NULL;

    if (!h->token && h->secret.data[0] != '<' && chance(50)) {
        bytes_put(line, h->secret.data, h->secret.size);
        return;
    }
    bytes_text(line, "<%s", absolute ? "/secret" : "control/secret");
    f = world_add_file(absolute ? "/secret" : "control/secret");
    bytes_text(&f->content, "%s",
               !h->token    ? ""
               : chance(50) ? "Bearer "
                            : "bearer ");
    bytes_put(&f->content, h->secret.data, h->secret.size);
    bytes_text(&f->content, "%s", chance(50) ? "\n" : "");
    f->others = !world.focused && once_in(12);
    world.bad_control = world.bad_control || f->others;
}

static void
put_login(struct bytes *line)
{
    const struct hop *h = &world.hop;
    bool blanks = memchr(h->user.data, '|', h->user.size) || chance(30);
    const char *between = blanks ? " " : "|";

    bytes_text(line, "%s", between);
    bytes_put(line, h->user.data, h->user.size);
    bytes_text(line, "%s", between);
    put_secret(line);
}

/* Another one, that is not for this hop and that nobody may see. */
static void
put_decoy(struct bytes *file, const char *key)
{
    static const char secret[] = "DecoySecretNobodySees";

    bytes_text(file, "%s:nowhere.test:587|else|%s\n", key, secret);
    world_add_secret(secret, sizeof(secret) - 1);
}

/* The key by which authsenders knows the sender. */
static const char *
sender_key(void)
{
    if (strcmp(world.sender_wire, "me@from.test") == 0 && chance(70))
        return chance(50) ? "Me@From.TEST" : "@from.test";
    return "";
}

static void
write_routes(const char *relay)
{
    struct sim_file *routes = world_add_file("control/smtproutes");
    struct bytes line = {0};

    bytes_text(&line, "%s%s%u", relay, chance(80) ? ":" : ";", world.port);
    put_login(&line);
    bytes_text(&line, "\n");
    put_decoy(&routes->content, "other.test");
    if (chance(40)) {
        struct sim_file *f = world_add_file("control/authsenders");

        put_decoy(&f->content, "else@from.test");
        bytes_text(&f->content, "%s:", sender_key());
        bytes_put(&f->content, line.data, line.size);
        put_decoy(&routes->content, "dest.sim.test");
        return;
    }
    bytes_text(&routes->content, "%s:", chance(50) ? "" : ".sim.test");
    bytes_put(&routes->content, line.data, line.size);
}

/* The first server is on this machine, behind a tunnel. */
static void
move_here(void)
{
    struct place here = {4, {127, 0, 0, 1}};
    struct zone_name *n = &world.zone.names[ZONE_RELAY];

    if (chance(30))
        here = (struct place){16, {[15] = 1}};
    world.hop.loopback = true;
    world.mtas[0].place = here;
    world.mtas[0].tcpto_count = 0;
    n->alias = -1;
    n->state = ZONE_FINE;
    n->address_count = 0;
    zone_add_address(ZONE_RELAY, &here);
}

static void
make_submission(void)
{
    static const uint16_t ports[] = {SUBMISSION_PORT,
                                     SUBMISSION_PORT,
                                     SUBMISSIONS_PORT,
                                     SUBMISSIONS_PORT,
                                     25,
                                     OTHER_PORT};
    char relay[TEXT_SIZE];
    uint32_t kind = draw(100);

    world.hop.login = true;
    world.hop.token = chance(30);
    draw_login(&world.hop);
    world.port = ports[draw(6)];
    world.relayed = true;
    world.route = TO_RELAY;
    snprintf(relay, sizeof(relay), "%s", relay_name);
    if (kind < 15) {
        move_here();
    } else if (kind < 35) {
        world.route = TO_ADDRESS;
        world.route_place = world.mtas[draw(world.mta_count)].place;
        snprintf(relay, sizeof(relay), "[%s]", place_text(&world.route_place));
    }
    write_routes(relay);
}

/* ---- tlspolicy ---- */

static void
put_pins(struct bytes *b)
{
    uint32_t count = 0;

    if (chance(80))
        world.hop.pins |= 1U << world.mtas[0].cert;
    if (chance(30))
        world.hop.pins |= 1U << draw(CERT_COUNT);
    bytes_text(b, " pin=");
    for (uint32_t cert = 0; cert < CERT_COUNT; cert++) {
        if (!(world.hop.pins >> cert & 1))
            continue;
        bytes_text(b, "%s", count++ > 0 ? "," : "");
        for (int i = 0; i < PEER_PIN_SIZE; i++)
            bytes_text(b, "%02x", peer_pin(cert)[i]);
    }
    for (int i = 0; i < PEER_PIN_SIZE && count == 0; i++)
        bytes_text(b, "%02X", draw(256));
}

static void
put_name(struct bytes *b)
{
    static const char *const names[] = {"relay.sim.test", "other.example",
                                        "mx1.sim.test", "wrong.example"};

    snprintf(world.hop.name, sizeof(world.hop.name), "%s", names[draw(4)]);
    bytes_text(b, " name=%s", world.hop.name);
}

static bool
has_odd_names(void)
{
    for (uint32_t i = 0; i < world.zone.name_count; i++)
        if (world.zone.names[i].text[0] == '_')
            return true;
    return false;
}

static void
put_key(struct bytes *b)
{
    if (chance(30))
        return; /* the empty key: everybody */
    if (world.route == TO_RELAY)
        bytes_text(b, "%s", chance(50) ? relay_name : ".SIM.test");
    else if (world.route == TO_ADDRESS)
        bytes_text(b, "[%s]", place_text(&world.route_place));
    else
        bytes_text(b, "%s", world.host);
}

static struct policy
write_policy(void)
{
    static const char *const levels[] = {"0", "1", "2", "none"};
    struct sim_file *f = world_add_file("control/tlspolicy");
    struct policy p = {.there = true, .level = draw(3)};
    struct bytes *b = &f->content;

    bytes_text(b, "# of others\nother.test:7 what\nelse.test:none\n");
    if (chance(world.hop.login ? 3 : 15))
        p.level = LEVEL_NONE;
    if (has_odd_names() && p.level == 2)
        p.level = 1;
    put_key(b);
    bytes_text(b, ":%s", levels[p.level]);
    if (p.level == LEVEL_NONE) {
        bytes_text(b, "\n");
        return p;
    }
    p.pinned = chance(25);
    if (p.pinned)
        put_pins(b);
    if (chance(20))
        put_name(b);
    if (chance(20)) {
        world.hop.implicit = true;
        bytes_text(b, "\timplicit");
    }
    if (world.hop.login && chance(25)) {
        world.hop.unsafe = true;
        bytes_text(b, " unsafe-login ");
    }
    bytes_text(b, "\n");
    return p;
}

/* relay.md's table of what a session must prove. */
static void
settle(const struct policy *p, bool sts)
{
    struct hop *h = &world.hop;
    bool anchors = world.anchors, secret = h->login;
    uint32_t level = p->there ? p->level : world.strictness;

    secret = secret && !h->loopback && !h->unsafe;
    h->implicit = h->implicit || world.port == SUBMISSIONS_PORT;
    h->proof = PROOF_NONE;
    world.anchors = anchors || h->login || p->there;
    if (level == LEVEL_NONE) {
        world.anchors = h->implicit = false;
        h->never = true;
        world.strictness = 0;
        world.sts_excluded = 0;
        world.bad_control = world.bad_control || h->login;
        return;
    }
    world.strictness = level;
    if (p->pinned)
        h->proof = PROOF_PIN;
    else if (secret || level == 2 || sts)
        h->proof = PROOF_NAME;
    /* What is stronger than a policy does not ask it. */
    if (h->proof != PROOF_NAME || secret)
        world.sts_excluded = 0;
    h->listed = h->proof == PROOF_NAME && !secret && level != 2;
    if (h->proof == PROOF_NAME && !anchors)
        world.bad_control = true;
    if (h->proof != PROOF_NONE || h->implicit) {
        world.anchors = true;
        world.strictness = 2;
    }
}

/* ---- the servers ---- */

/* What a relay offers: mostly under TLS only, as most do. */
static void
draw_auth(struct mta *m)
{
    uint32_t ours = world.hop.token ? MECHANISMS_TOKEN : MECHANISMS_PASSWORD;
    uint32_t kind = draw(100);
    uint32_t bits = chance(70) ? ours : (uint32_t)draw_number() & 31;

    if (chance(30))
        bits |= (uint32_t)draw_number() & 31;
    m->auth[0] = kind < 50 ? bits : kind < 60 ? 31 : 0;
    m->auth[1] = kind < 90 ? bits : 0;
    m->auth_equals = chance(15);
    m->auth_lower = chance(15);
}

static void
draw_auth_trouble(struct mta *m)
{
    static const uint16_t finals[] = {432, 454, 504, 535, 421, 530, 534, 538,
                                      550, 300, 399, 334, 334, 250, 500, 334};
    static const uint16_t picky[] = {500, 502, 503, 504, 504};
    static const uint16_t wants[] = {530, 534, 535, 538};
    static const enum mischief drops[] = {CLOSE, RESET, SILENCE, CUT,
                                          ODD,   LATE,  CLOSING, DRIP};

    switch (draw(7)) {
    case 0:
        m->codes[AT_AUTH] = finals[draw(16)];
        break;
    case 1:
        m->auth_picky = (uint32_t)draw_number() & 15;
        m->auth_picky_code = picky[draw(5)];
        break;
    case 2:
        m->codes[chance(50) ? AT_MAIL : AT_RCPT] = wants[draw(4)];
        m->refused_rcpts = UINT32_MAX;
        break;
    case 3:
        m->mischief = drops[draw(8)];
        m->mischief_at = AT_AUTH;
        m->mischief_secure = chance(70);
        break;
    case 4:
        m->auth_quotes = true;
        m->codes[AT_AUTH] = chance(50) ? 535 : 0;
        if (chance(70))
            break;
        m->mischief = ODD;
        m->mischief_at = AT_AUTH;
        m->mischief_secure = chance(70);
        break;
    case 5: /* for ever, and what gives it up is accepted */
        m->codes[AT_AUTH] = 334;
        m->mischief_value = 4 * draw(VALUE_COUNT) + 1;
        break;
    default:
        m->tls_first = !m->tls_first;
    }
}

static void
prepare(struct mta *m)
{
    m->tls_first = world.hop.implicit;
    if (!world.hop.login) {
        m->auth[0] = m->auth[1] = chance(30) ? (uint32_t)draw_number() & 31 : 0;
        return;
    }
    draw_auth(m);
    m->auth_again = chance(15);
    m->auth_challenges = chance(60);
    m->auth_quotes = chance(20);
    if (chance(85) && !world.hop.implicit)
        m->offers[0] |= OFFERS_STARTTLS;
    if (world.focused && chance(50))
        m->knows_ehlo = true;
    if (chance(world.scene ? 40 : 30))
        draw_auth_trouble(m);
    if (world.scene && chance(20))
        m->cert = (enum cert)draw(CERT_COUNT);
}

/* ---- our own address ---- */

static void
make_source(void)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct sim_file *f = NULL;

        if (!once_in(25))
            continue;
        f = world_add_file(i ? "control/outgoingip6" : "control/outgoingip");
        if (chance(20)) {
            bytes_text(&f->content, "%s\n", i ? "::" : "0.0.0.0");
            continue;
        }
        world.hop.source[i] = place_make(SOURCE_INDEX, i == 1);
        world.hop.source_here[i] = chance(75);
        bytes_text(&f->content, "%s\n", place_text(&world.hop.source[i]));
    }
}

bool
world_is_barred(const struct place *p)
{
    uint32_t i = p->size == 16;

    return world.hop.source[i].size > 0 && !world.hop.source_here[i];
}

void
world_make_hop(void)
{
    struct policy p = {0};

    world.bad_control = false;
    if (world.submits)
        make_submission();
    if (world.submits ? chance(50) : !world.scene && chance(20))
        p = write_policy();
    settle(&p, world_make_sts());
    make_source();
    for (uint32_t i = 0; i < world.mta_count; i++)
        prepare(&world.mtas[i]);
}
