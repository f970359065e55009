/* SPDX-License-Identifier: ISC */
#include "tls/arena.h"

#include <mbedtls/platform.h>
#include <string.h>

#include "base/assert.h"

enum { ALIGN_SIZE = 8 };

/* In front of every block. What is free is a list in the order of addresses, so
 * that neighbours meet; it begins with a block of no size, and 0 ends it. */
struct block {
    uint32_t size; /* of this too */
    uint32_t next; /* where the next free one is; MARK, mixed, if not free */
};

#define MARK 0x6d6f7465u

_Static_assert(sizeof(struct block) == ALIGN_SIZE, "blocks stay aligned");

static struct {
    uint8_t *memory;
    uint32_t size;
} arena;

static struct block *
block_at(uint32_t place)
{
    return (struct block *)(void *)(arena.memory + place);
}

static uint32_t
place_of(const struct block *block)
{
    return (uint32_t)((const uint8_t *)block - arena.memory);
}

static uint32_t
end_of(const struct block *block)
{
    return place_of(block) + block->size;
}

/* Makes one block of it and the next free one, right behind it. */
static void
absorb(struct block *block)
{
    const struct block *next = block_at(block->next);

    block->size += next->size;
    block->next = next->next;
}

static void *
allocate(size_t count, size_t size)
{
    struct block *before = block_at(0), *block;
    uint32_t need;

    if (size != 0 && count > arena.size / size)
        return NULL;
    need = (uint32_t)((count * size + 2 * ALIGN_SIZE - 1) / ALIGN_SIZE *
                      ALIGN_SIZE);
    while (before->next != 0 && block_at(before->next)->size < need)
        before = block_at(before->next);
    if (before->next == 0)
        return NULL;
    block = block_at(before->next);
    if (block->size - need > ALIGN_SIZE) {
        struct block *rest = block_at(place_of(block) + need);

        rest->size = block->size - need;
        rest->next = block->next;
        block->size = need;
        before->next = place_of(rest);
    } else {
        before->next = block->next;
    }
    block->next = MARK ^ block->size;
    return memset(block + 1, 0, block->size - sizeof(*block));
}

static void
release(void *data)
{
    struct block *before = block_at(0), *block;
    uint32_t place;

    if (data == NULL)
        return;
    block = (struct block *)data - 1;
    place = place_of(block);
    assert(place < arena.size && block->next == (MARK ^ block->size));
    while (before->next != 0 && before->next < place)
        before = block_at(before->next);
    assert(end_of(before) <= place && end_of(block) <= arena.size);
    assert(before->next == 0 || end_of(block) <= before->next);
    block->next = before->next;
    before->next = place;
    if (block->next == end_of(block))
        absorb(block);
    if (end_of(before) == place && before != block_at(0))
        absorb(before);
}

void
tls_arena_init(uint8_t *memory, size_t memory_size)
{
    size_t lost = (size_t)(-(uintptr_t)memory % ALIGN_SIZE);

    assert(memory_size >= lost + 4 * ALIGN_SIZE && memory_size <= INT32_MAX);
    arena.memory = memory + lost;
    arena.size = (uint32_t)((memory_size - lost) / ALIGN_SIZE * ALIGN_SIZE);
    *block_at(0) = (struct block){ALIGN_SIZE, ALIGN_SIZE};
    *block_at(ALIGN_SIZE) = (struct block){arena.size - ALIGN_SIZE, 0};
    (void)mbedtls_platform_set_calloc_free(allocate, release);
}
