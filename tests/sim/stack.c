/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/check.h"

/* Invariant 8. The heap: the program's objects call these by other names, see
 * the Makefile. The stack: painted before a run, and looked at whenever the
 * program asks the system for something. The world lives on the same stack,
 * and deeper; it paints anew before it returns. */
enum {
    STACK_BOUND = 8192,      /* BUDGET has 7000, for other flags and musl */
    PAINTED_COUNT = 1 << 12, /* of 8 bytes */
    NEAR_COUNT = 64,         /* of these functions themselves */
    PAINT = 0xa5,
    WATCHED_ONE_IN = 128 /* it takes time */
};

void *mote_malloc(size_t size);
void *mote_calloc(size_t count, size_t size);
void *mote_realloc(void *old, size_t size);
void mote_free(void *p);

static uint64_t *base;

/* ---- heap ---- */

void *
mote_malloc(size_t size)
{
    violated(CHECK_MEMORY, "%zu bytes of heap", size);
    return malloc(size);
}

void *
mote_calloc(size_t count, size_t size)
{
    violated(CHECK_MEMORY, "%zu bytes of heap", count * size);
    return calloc(count, size);
}

void *
mote_realloc(void *old, size_t size)
{
    violated(CHECK_MEMORY, "%zu bytes of heap", size);
    return realloc(old, size);
}

void
mote_free(void *p)
{
    free(p);
}

/* ---- stack ---- */

static bool
is_watched(void)
{
#ifdef __SANITIZE_ADDRESS__
    return false; /* frames have other sizes, and gaps that must not be read */
#else
    return base && world.seed % WATCHED_ONE_IN == 0;
#endif
}

void *
stack_make(size_t size)
{
    void *low = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (low == MAP_FAILED)
        abort();
    return low;
}

void
stack_begin(void)
{
    base = __builtin_frame_address(0);
    stack_paint();
}

void
stack_paint(void)
{
    uint64_t *here = __builtin_frame_address(0);

    if (is_watched())
        memset(base - PAINTED_COUNT, PAINT,
               (size_t)(here - NEAR_COUNT - (base - PAINTED_COUNT)) *
                   sizeof(*here));
}

void
stack_check(void)
{
    const uint8_t *low = (const uint8_t *)(base - PAINTED_COUNT);
    const uint8_t *bound = (const uint8_t *)base - STACK_BOUND;

    if (!is_watched() ||
        (*low == PAINT && memcmp(low, low + 1, (size_t)(bound - low) - 1) == 0))
        return;
    while (*low == PAINT)
        low++;
    violated(CHECK_MEMORY, "%zu bytes of stack",
             (size_t)((const uint8_t *)base - low));
}
