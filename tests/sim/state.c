/* SPDX-License-Identifier: ISC */
#include "sim/state.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

extern uint64_t __start_mote_data[], __stop_mote_data[];
extern uint64_t __start_mote_bss[], __stop_mote_bss[];
extern uint64_t __start_peer_data[], __stop_peer_data[];
extern uint64_t __start_peer_bss[], __stop_peer_bss[];

enum { PROGRAM_COUNT = 2, SECTION_COUNT = 4 };

static struct section {
    uint8_t *from, *to;
    uint8_t *saved;
} sections[SECTION_COUNT];

/* Between the variables lie bytes that AddressSanitizer watches, and memcpy
 * would complain of them. */
__attribute__((no_sanitize("address", "undefined"),
               optimize("no-tree-loop-distribute-patterns"))) static void
copy(uint8_t *to, const uint8_t *from, size_t size)
{
    size_t i = 0;

    for (; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t))
        *(uint64_t *)(void *)(to + i) =
            *(const uint64_t *)(const void *)(from + i);
    for (; i < size; i++)
        to[i] = from[i];
}

static void
save(struct section *s, uint64_t *from, uint64_t *to)
{
    s->from = (uint8_t *)from;
    s->to = (uint8_t *)to;
    s->saved = malloc((size_t)(s->to - s->from) + 1);
    if (s->saved == NULL)
        abort();
    copy(s->saved, s->from, (size_t)(s->to - s->from));
}

void
state_save(void)
{
    save(&sections[0], __start_mote_data, __stop_mote_data);
    save(&sections[1], __start_mote_bss, __stop_mote_bss);
    save(&sections[2], __start_peer_data, __stop_peer_data);
    save(&sections[3], __start_peer_bss, __stop_peer_bss);
}

void
state_restore(bool peer)
{
    for (int i = 0; i < (peer ? SECTION_COUNT : PROGRAM_COUNT); i++)
        copy(sections[i].from, sections[i].saved,
             (size_t)(sections[i].to - sections[i].from));
}
