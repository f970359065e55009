/* SPDX-License-Identifier: ISC */
#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PEM_SIZE_MAX = 4096,
    TCPTO_COUNT = 64,
    TCPTO_SIZE = 16,
    WALL_2026_S = 1780000000,
    WALL_2039_S = 2180000000,
    KEY_LINE_COUNT = 4,
    KEY_PART_SIZE = 16, /* enough of a secret to know it by */
    KEYS_MS_MAX = 100000,
    GREEDY_MAX = 2000,
    CLEAR_LEVEL = 3, /* no trust anchors, behind the strictnesses */
    SUBMITS_ONE_IN = 6,
    CALM_PERCENT = 75,
    FOCUSED_PERCENT = 35
};

struct world world;

/* Read once. */
static struct fixture {
    const char *name;
    size_t size;
    char text[PEM_SIZE_MAX];
} fixtures[] = {{.name = "root.pem"},
                {.name = "client.pem"},
                {.name = "client.key"},
                {.name = "root.hash"},
                {.name = "client.scalar"}};

enum { ROOT_PEM, CLIENT_PEM, CLIENT_KEY, ROOT_HASH, CLIENT_SCALAR };

/* Other certificates, in a file that is as large. */
void
world_replace_anchors(struct sim_file *f)
{
    size_t size = f->content.size;

    f->content.size = 0;
    bytes_put(&f->content, fixtures[CLIENT_PEM].text,
              fixtures[CLIENT_PEM].size);
    while (f->content.size < size)
        bytes_text(&f->content, "\n");
}

void
load_fixtures(const char *directory)
{
    for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++) {
        char path[512];
        FILE *file = NULL;

        snprintf(path, sizeof(path), "%s/%s", directory, fixtures[i].name);
        file = fopen(path, "r");
        if (!file) {
            fprintf(stderr, "sim: cannot open %s\n", path);
            exit(2);
        }
        fixtures[i].size =
            fread(fixtures[i].text, 1, sizeof(fixtures[i].text) - 1, file);
        fclose(file);
    }
}

/* ---- files ---- */

struct sim_file *
world_file(const char *path)
{
    for (uint32_t i = 0; i < world.file_count; i++)
        if (strcmp(world.files[i].path, path) == 0)
            return &world.files[i];
    return NULL;
}

struct sim_file *
world_add_file(const char *path)
{
    struct sim_file *f = &world.files[world.file_count++];

    snprintf(f->path, sizeof(f->path), "%s", path);
    f->kind = OS_REGULAR;
    return f;
}

/* A value as people write it. */
static void
put_line_end(struct bytes *b)
{
    static const char *const ends[] = {"\n",   "\n", "\r\n", " \n",
                                       "\t\n", "",   "\n\n", "\nsecond line\n"};

    bytes_text(b, "%s", ends[draw(8)]);
}

static void
add_value(const char *path, const char *value)
{
    struct sim_file *f = world_add_file(path);

    bytes_text(&f->content, "%s", value);
    put_line_end(&f->content);
}

static void
add_seconds(const char *path, int64_t *ms, uint32_t low, uint32_t high)
{
    char text[32];

    if (chance(50))
        return;
    *ms = (int64_t)draw_between(low, high) * 1000;
    snprintf(text, sizeof(text), "%lld", (long long)(*ms / 1000));
    add_value(path, text);
}

static void
make_hello(void)
{
    snprintf(world.helo, sizeof(world.helo), "me.sim.test");
    add_value("control/me", "me.sim.test");
    if (chance(20)) {
        snprintf(world.helo, sizeof(world.helo), "helo.sim.test");
        add_value("control/helohost", world.helo);
    }
}

static void
make_times(void)
{
    world.connect_timeout_ms = 60000;
    world.remote_timeout_ms = 1200000;
    world.dns_timeout_ms = 0;
    add_seconds("control/timeoutconnect", &world.connect_timeout_ms, 5, 90);
    add_seconds("control/timeoutremote", &world.remote_timeout_ms, 20, 600);
    if (chance(30))
        add_seconds("control/timeoutdns", &world.dns_timeout_ms, 3, 100);
}

static void
make_own(void)
{
    struct sim_file *f = NULL;

    world.own_count = 0;
    if (chance(40))
        return;
    f = world_add_file("control/ipme");
    bytes_text(&f->content, "# own addresses\n\n");
    for (uint32_t i = 0; i < draw_between(1, OWN_COUNT_MAX); i++) {
        struct place p = place_make(200 + i / 2, i % 2);

        world.own[world.own_count++] = p;
        if (p.size == 4 && chance(20)) /* the same, in another dress */
            bytes_text(&f->content, "::ffff:%s\n", place_text(&p));
        else if (chance(20))
            bytes_text(&f->content, "[%s]", place_text(&p));
        else
            bytes_text(&f->content, "%s", place_text(&p));
        bytes_text(&f->content, "%s", chance(20) ? " \r\n" : "\n");
    }
}

/* ---- TLS ---- */

static void
make_anchors(void)
{
    struct sim_file *f = NULL;
    char name[TEXT_SIZE];

    if (chance(50)) {
        add_value("control/trustanchors", "/anchors/bundle.pem");
        f = world_add_file("/anchors/bundle.pem");
        bytes_text(&f->content, "# junk\n-----BEGIN JUNK-----\nAAAA\n");
        bytes_put(&f->content, fixtures[CLIENT_PEM].text,
                  fixtures[CLIENT_PEM].size);
        bytes_put(&f->content, fixtures[ROOT_PEM].text,
                  fixtures[ROOT_PEM].size);
        return;
    }
    add_value("control/trustanchors", "/anchors/");
    f = world_add_file("/anchors/");
    f->kind = OS_DIRECTORY;
    bytes_put(&f->content, ".\0..\0README", 12);
    bytes_put(&f->content, fixtures[ROOT_HASH].text, 8);
    bytes_put(&f->content, ".0", 3);
    snprintf(name, sizeof(name), "/anchors/%.8s.0", fixtures[ROOT_HASH].text);
    f = world_add_file(name);
    bytes_put(&f->content, fixtures[ROOT_PEM].text, fixtures[ROOT_PEM].size);
}

void
world_add_secret(const void *data, size_t size)
{
    bytes_put(&world.secrets[world.secret_count++], data, size);
}

/* Parts of the client's key, as text and as octets, that nobody may see. */
static void
note_key(void)
{
    const char *text = fixtures[CLIENT_KEY].text, *end = NULL;
    const uint8_t *octets = (const uint8_t *)fixtures[CLIENT_SCALAR].text;

    for (; world.secret_count < KEY_LINE_COUNT; text = end + 1) {
        end = strchr(text, '\n');
        if (!end)
            break;
        if (*text != '-' && end - text > KEY_PART_SIZE)
            world_add_secret(end - KEY_PART_SIZE, KEY_PART_SIZE);
    }
    world_add_secret(octets, KEY_PART_SIZE);
}

static void
make_client_cert(void)
{
    struct sim_file *f = NULL;

    world.client_cert = chance(20);
    if (!world.client_cert)
        return;
    add_value("control/clientcert", "/client.pem");
    add_value("control/clientkey", "/client.key");
    f = world_add_file("/client.pem");
    bytes_put(&f->content, fixtures[CLIENT_PEM].text,
              fixtures[CLIENT_PEM].size);
    f = world_add_file("/client.key");
    bytes_put(&f->content, fixtures[CLIENT_KEY].text,
              fixtures[CLIENT_KEY].size);
    note_key();
}

static void
draw_strictness(void)
{
    uint32_t level = chance(55) ? CLEAR_LEVEL : draw(CLEAR_LEVEL);

    if (!world.scene && level == CLEAR_LEVEL && chance(45))
        level = 0;
    if (world.submits && level == CLEAR_LEVEL && chance(75))
        level = draw(CLEAR_LEVEL); /* most must prove their names */
    while (world.scene && !(world.scene_levels >> level & 1))
        level = draw(CLEAR_LEVEL + 1);
    world.strictness = level % CLEAR_LEVEL;
    world.anchors = level < CLEAR_LEVEL;
}

static void
make_tls(void)
{
    static const char *const texts[] = {"0", "1", "2"};

    draw_strictness();
    if (world.strictness > 0 || chance(30))
        add_value("control/tlsstrictness", texts[world.strictness]);
    if (!world.scene && once_in(20))
        world.anchors = !world.anchors;
    if (!world.anchors) {
        if (chance(20))
            add_value("control/trustanchors", "");
        world.bad_control = world.strictness == 2;
        return;
    }
    make_anchors();
    make_client_cert();
}

/* ---- the rest ---- */

static void
spoil_control(void)
{
    struct sim_file *f = world_file("control/helohost");
    const char *path =
        chance(50) ? "control/tlsstrictness" : "control/timeoutremote";

    f = f ? f : world_file("control/me");
    switch (draw(4)) {
    case 0:
        f->unreadable = true;
        break;
    case 1:
        f->content.size = 0;
        world_file("control/me")->content.size = 0;
        break;
    case 2:
        f->kind = chance(50) ? OS_DIRECTORY : OS_STREAM;
        break;
    default:
        f = world_file(path);
        f = f ? f : world_add_file(path);
        f->content.size = 0;
        bytes_text(&f->content, "99999999999999999999\n");
    }
    world.bad_control = true;
}

/* Some servers timed out lately, one long ago. */
static void
make_tcpto(void)
{
    struct sim_file *f = NULL;

    if (!world.racing && chance(world.focused ? 90 : 70))
        return;
    f = world_add_file("queue/lock/tcpto");
    f->locked = chance(world.racing ? 60 : 25);
    for (uint32_t i = 0; i < TCPTO_COUNT; i++) {
        uint8_t record[TCPTO_SIZE] = {0};
        int64_t when_s = world.wall_s - draw(8000);

        if (i < world.mta_count && world.mtas[i].place.size == 4 &&
            chance(40)) {
            memcpy(record, world.mtas[i].place.bytes, 4);
            record[4] = (uint8_t)draw(world.racing ? 3 : 12);
            world.mtas[i].tcpto_count = record[4];
            world.mtas[i].tcpto_s = when_s;
            for (int k = 0; k < 4; k++)
                record[8 + k] = (uint8_t)(when_s >> 8 * k);
            world.tcpto_used = true;
        }
        bytes_put(&f->content, record, sizeof(record));
    }
    if (once_in(8))
        f->content.size = draw((uint32_t)f->content.size);
    for (uint32_t i = f->content.size / TCPTO_SIZE; i < MTA_COUNT_MAX; i++)
        world.mtas[i].tcpto_count = 0;
}

/* Sessions of TLS that are to be resumed: in a delivery, or in the next. Those
 * begin with the table of who timed out as it is, and so there is none. */
static void
make_sessions(void)
{
    static const uint32_t lives_s[] = {7200, 86400, 604800};
    static const uint8_t empty[SESSION_RECORD_SIZE];
    struct sim_file *f = NULL;

    if (!world.anchors || chance(40))
        return;
    for (uint32_t i = 0; i < world.mta_count; i++) {
        world.mtas[i].first_cert = world.mtas[i].cert;
        world.mtas[i].tls_memory = (enum peer_memory)draw(PEER_MEMORY_COUNT);
        if (world.mtas[i].tls_tickets == 0)
            world.mtas[i].tls_tickets = 1;
    }
    f = world_add_file("run/qmail-remote/tlssessions");
    f->locked = once_in(8);
    world.ticket_life_s = lives_s[draw(3)];
    if (chance(50) && !world_file("queue/lock/tcpto"))
        world.delivery_count = draw_between(2, 3);
    world.change = (enum change)draw(CHANGE_COUNT);
    for (uint32_t i = 0; i < SESSION_RECORD_COUNT; i++)
        bytes_put(&f->content, empty, sizeof(empty));
}

static void
make_machine(void)
{
    static char home[] = "QMAILHOME=/sim";

    world.environment[0] = home;
    world.wall_s = WALL_2026_S + draw(100000000);
    if (once_in(15))
        world.wall_s = draw(100000);
    if (once_in(15))
        world.wall_s = WALL_2039_S + draw(100000000);
    world.short_reads = chance(30);
    world.short_writes = chance(30);
    world.lumps = chance(50);
    world.slow = chance(10) ? draw(30) : 0;
    world.calm = chance(CALM_PERCENT);
    world.focused = chance(FOCUSED_PERCENT);
    world.racing = !world.focused && once_in(12);
    world.greedy = once_in(20) ? draw_between(1, GREEDY_MAX) : 0;
    world.keys_ms = once_in(50) ? draw(KEYS_MS_MAX) : 0;
    world.submits = once_in(SUBMITS_ONE_IN);
    world_draw_scene();
    if (world.calm)
        return;
    world.wall_jumps = chance(30);
    world.stops = chance(20);
    world.fail_call = chance(60) ? draw_between(1, chance(50) ? 60 : 300) : 0;
    world.fail_for_ever = chance(30);
    if (chance(25)) {
        world.fail_call = 0;
        world.fail_write = draw_between(1, 12);
    }
}

void
world_make(uint64_t seed)
{
    memset(&world, 0, sizeof(world));
    world.seed = seed;
    world.delivery_count = 1;
    make_machine();
    make_hello();
    make_times();
    make_own();
    make_tls();
    world_make_message();
    world_make_net();
    world_make_scene();
    make_tcpto();
    world_make_args();
    world_make_hop();
    world_make_dane();
    make_sessions();
    if (!world.focused && once_in(25))
        spoil_control();
}
