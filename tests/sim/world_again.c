/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "sim/world.h"

/* The next delivery in the same world: later, and something may be new. */

enum { MS_PER_S = 1000, SET_BACK_S = 1000000, WALL_2020_S = 1577836800 };

bool
world_has_changed(enum change change)
{
    return world.delivery > 0 && world.change == change;
}

/* Ours: it is another message, and a policy is fetched now and then. */
static void
move_dates(int64_t s)
{
    world.wall_s += s;
    world.message_modified_s += s;
    for (uint32_t i = 0; i < world.file_count; i++)
        if (strncmp(world.files[i].path, "control/mtasts/", 15) == 0)
            world.files[i].modified_s += s;
}

/* ---- what changes ---- */

/* Nothing but tlsstrictness says what the next hop must be. */
static bool
is_plain(void)
{
    /* DANE turns TLS on without anchors, which a name to prove needs. */
    return !world.dane.on && !world.bad_control && world.anchors &&
           world.strictness == 0 && !world.hop.login && !world.hop.implicit &&
           world.hop.proof == PROOF_NONE && !world_file("control/tlspolicy");
}

static bool
make_stricter(void)
{
    struct sim_file *f = world_file("control/tlsstrictness");

    if (!is_plain())
        return false;
    f = f ? f : world_add_file("control/tlsstrictness");
    f->content.size = 0;
    bytes_text(&f->content, "2\n");
    world.strictness = 2;
    world.hop.proof = PROOF_NAME;
    return true;
}

/* One of the things that tell a file from the one before. */
static void
note_change(struct sim_file *f)
{
    uint32_t what = draw(3);

    f->number += what == 0;
    f->modified_s += what == 1;
    f->changed_ns += what == 2;
}

static bool
replace_anchors(void)
{
    bool any = false;

    for (uint32_t i = 0; i < world.file_count; i++) {
        struct sim_file *f = &world.files[i];

        if (strncmp(f->path, "/anchors/", 9) != 0)
            continue;
        if (f->kind == OS_REGULAR)
            world_replace_anchors(f);
        if (f->kind == OS_DIRECTORY || strstr(f->path, "bundle"))
            note_change(f);
        any = true;
    }
    return any;
}

static bool
spoil_certs(void)
{
    static const enum cert bad[] = {CERT_EXPIRED, CERT_UNKNOWN, CERT_SELF};

    for (uint32_t i = 0; i < world.mta_count; i++)
        world.mtas[i].cert = bad[draw(3)];
    return true;
}

static bool
set_clock_back(void)
{
    if (world.wall_s < WALL_2020_S + 2 * SET_BACK_S)
        return false;
    move_dates(-SET_BACK_S);
    return true;
}

static bool
make_change(void)
{
    switch (world.change) {
    case CHANGE_STRICTER:
        return make_stricter();
    case CHANGE_ANCHORS:
        return replace_anchors();
    case CHANGE_CERTS:
        return spoil_certs();
    case CHANGE_KEYS:
        peer_forget();
        return true;
    case CHANGE_CLOCK:
        return set_clock_back();
    default:
        return false;
    }
}

/* ---- all of it ---- */

void
world_again(void)
{
    static const int64_t gaps_s[] = {0, 0, 60, 3000, 10000, 90000, 700000};

    int64_t passed_s = sim_now_ms / MS_PER_S +
                       gaps_s[draw(sizeof(gaps_s) / sizeof(gaps_s[0]))];

    move_dates(passed_s);
    peer_next(passed_s * MS_PER_S);
    if (world.delivery++ == 0 && !make_change())
        world.change = CHANGE_NONE;
    for (uint32_t i = 0; i < world.mta_count; i++)
        world.mtas[i].session_count = 0;
    for (uint32_t i = 0; i < world.ns_count; i++)
        memset(world.ns[i].asked_ms, -1, sizeof(world.ns[i].asked_ms));
    trace("---- another delivery; changed: %u", world.change);
}
