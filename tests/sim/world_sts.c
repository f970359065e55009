/* SPDX-License-Identifier: ISC */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sim/world.h"

/* A policy of MTA-STS for the next hop, and whether it is to be obeyed. */

enum { MAX_AGE_S = 30 * 86400, RUN_S = 86400 };

/* Names that are addresses, or that certificates of ours have not. */
static bool
has_odd_names(void)
{
    for (uint32_t i = 0; i < world.zone.name_count; i++)
        if (world.zone.names[i].dress || world.zone.names[i].text[0] == '_')
            return true;
    return false;
}

static struct sim_file *
add_file(void)
{
    const char *name = world.route == TO_RELAY
                           ? world.zone.names[ZONE_RELAY].text
                           : "dest.sim.test";
    char path[2 * TEXT_SIZE];
    size_t size = (size_t)snprintf(path, sizeof(path), "control/mtasts/");

    for (size_t i = 0; name[i]; i++)
        path[size++] = (char)tolower((unsigned char)name[i]);
    path[size] = '\0';
    return world_add_file(path);
}

/* Some are not in it, but never all. */
static void
put_names(struct bytes *b)
{
    bool some = world.zone.mx_count > 1 && chance(75);
    uint32_t first = draw(world.zone.mx_count + 1);

    for (uint32_t i = 0; some && i < world.zone.mx_count; i++) {
        int target = world.zone.mx[(first + i) % world.zone.mx_count].target;

        if (target > ZONE_EXCHANGER && i > 0 && chance(60))
            world.sts_excluded |= UINT64_C(1) << target;
    }
    if (world.sts_excluded == 0) {
        bytes_text(b, "mx: %s\n", chance(50) ? "*.sim.test" : "*.SIM.test");
        return;
    }
    for (uint32_t i = 0; i < world.zone.name_count; i++)
        if (!(world.sts_excluded >> i & 1))
            bytes_text(b, "mx: %s\n", world.zone.names[i].text);
}

bool
world_make_sts(void)
{
    static const char *const modes[] = {"enforce", "testing", "none"};
    struct sim_file *f = NULL;
    uint32_t mode = chance(70) ? 0 : 1 + draw(2);
    bool stale = chance(20), obeyed = mode == 0 && !stale;

    if (world.route == TO_ADDRESS || world.wall_jumps || has_odd_names() ||
        world.zone.name_count > 30 || !once_in(world.scene ? 15 : 5))
        return false;
    f = add_file();
    f->modified_s =
        world.wall_s - (stale ? MAX_AGE_S : 0) - draw(MAX_AGE_S - RUN_S);
    bytes_text(&f->content, "version: STSv1\r\nmode: %s\r\nmax_age: %d\n",
               modes[mode], MAX_AGE_S);
    if (obeyed)
        put_names(&f->content);
    else
        bytes_text(&f->content, "mx: nobody.test\n");
    return obeyed;
}
