/* SPDX-License-Identifier: ISC */
#include "sim/core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTED_SIZE_MAX = 160, ESCAPE_SIZE = 4 };

struct event {
    int64_t ms;
    uint64_t order; /* of equals: first come, first served */
    void (*act)(void *context, size_t value);
    void *context;
    size_t value;
};

/* Allocations of a run, in a list to be freed. */
struct block {
    struct block *next;
    max_align_t data[];
};

int64_t sim_now_ms;
bool sim_verbose;
struct violation sim_violation;

static uint64_t state;
static struct event *heap;
static size_t heap_count, heap_room;
static uint64_t event_order;
static struct block *blocks;

/* ---- chance ---- */

void
draw_seed(uint64_t seed)
{
    state = seed;
    (void)draw_number();
}

uint64_t
draw_number(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t
draw(uint32_t count)
{
    return count ? (uint32_t)((draw_number() >> 32) * count >> 32) : 0;
}

uint32_t
draw_between(uint32_t low, uint32_t high)
{
    return low + draw(high - low + 1);
}

bool
chance(uint32_t percent)
{
    return draw(100) < percent;
}

bool
once_in(uint32_t count)
{
    return draw(count) == 0;
}

/* ---- memory ---- */

static void *
allocate(void *old, size_t size)
{
    void *p = realloc(old, size);

    if (p == NULL) {
        fputs("sim: out of memory\n", stderr);
        abort();
    }
    return p;
}

static void *
block_new(size_t size)
{
    struct block *b = allocate(NULL, sizeof(*b) + size);

    b->next = blocks;
    blocks = b;
    return b->data;
}

void *
sim_alloc(size_t size)
{
    return memset(block_new(size), 0, size);
}

void
sim_free_all(void)
{
    while (blocks) {
        struct block *next = blocks->next;

        free(blocks);
        blocks = next;
    }
}

/* Old copies wait for the end of the run with everything else. */
void
bytes_put(struct bytes *b, const void *data, size_t size)
{
    if (b->size + size > b->room) {
        uint8_t *old = b->data;

        b->room = 2 * b->room + size + 64;
        b->data = block_new(b->room);
        if (b->size > 0)
            memcpy(b->data, old, b->size);
    }
    if (size > 0)
        memcpy(b->data + b->size, data, size);
    b->size += size;
}

void
bytes_text(struct bytes *b, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (size >= (int)sizeof(text))
        size = sizeof(text) - 1;
    bytes_put(b, text, (size_t)size);
}

/* ---- time ---- */

static bool
is_before(const struct event *a, const struct event *b)
{
    return a->ms != b->ms ? a->ms < b->ms : a->order < b->order;
}

static void
swap(struct event *a, struct event *b)
{
    struct event kept = *a;

    *a = *b;
    *b = kept;
}

void
event_at(int64_t ms, void (*act)(void *context, size_t value), void *context,
         size_t value)
{
    size_t at = heap_count++;

    if (heap_count > heap_room) {
        heap_room = 2 * heap_room + 64;
        heap = allocate(heap, heap_room * sizeof(*heap));
    }
    heap[at] = (struct event){ms < sim_now_ms ? sim_now_ms : ms, event_order++,
                              act, context, value};
    for (; at > 0 && is_before(&heap[at], &heap[(at - 1) / 2]);
         at = (at - 1) / 2)
        swap(&heap[at], &heap[(at - 1) / 2]);
}

static struct event
event_take(void)
{
    struct event first = heap[0];
    size_t at = 0;

    heap[0] = heap[--heap_count];
    for (;;) {
        size_t best = at, left = 2 * at + 1;

        for (size_t i = left; i < left + 2 && i < heap_count; i++)
            if (is_before(&heap[i], &heap[best]))
                best = i;
        if (best == at)
            return first;
        swap(&heap[at], &heap[best]);
        at = best;
    }
}

bool
clock_next(int64_t deadline_ms)
{
    struct event e;

    if (heap_count == 0 || heap[0].ms > deadline_ms) {
        if (deadline_ms == INT64_MAX)
            return false;
        if (deadline_ms > sim_now_ms)
            sim_now_ms = deadline_ms;
        return true;
    }
    e = event_take();
    sim_now_ms = e.ms;
    e.act(e.context, e.value);
    return true;
}

void
clock_settle(void)
{
    while (heap_count > 0 && heap[0].ms <= sim_now_ms)
        (void)clock_next(sim_now_ms);
}

void
clock_reset(void)
{
    sim_now_ms = 0;
    heap_count = 0;
    event_order = 0;
}

/* ---- words ---- */

void
trace(const char *format, ...)
{
    va_list arguments;

    if (!sim_verbose)
        return;
    printf("%9lld.%03d  ", (long long)(sim_now_ms / 1000),
           (int)(sim_now_ms % 1000));
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

const char *
quoted(const void *data, size_t size)
{
    static char text[QUOTED_SIZE_MAX + 8];
    const uint8_t *from = data;
    size_t used = 0;

    for (size_t i = 0; i < size; i++) {
        uint8_t c = from[i];

        if (used + ESCAPE_SIZE > QUOTED_SIZE_MAX) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, "...");
            break;
        }
        if (c == '\r' || c == '\n')
            used += (size_t)snprintf(text + used, sizeof(text) - used, "\\%c",
                                     c == '\r' ? 'r' : 'n');
        else if (c < ' ' || c >= 0x7f)
            used += (size_t)snprintf(text + used, sizeof(text) - used,
                                     "\\x%02x", c);
        else
            text[used++] = (char)c;
    }
    text[used] = '\0';
    return text;
}

void
violated(int invariant, const char *format, ...)
{
    char text[sizeof(sim_violation.text)];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    trace("VIOLATION of invariant %d: %s", invariant, text);
    if (sim_violation.invariant != 0)
        return;
    sim_violation.invariant = invariant;
    memcpy(sim_violation.text, text, sizeof(text));
}
