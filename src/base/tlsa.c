/* SPDX-License-Identifier: ISC */
#include "base/tlsa.h"

#include <string.h>

#include "base/assert.h"

void
tlsa_set_init(struct tlsa_set *set)
{
    set->count = 0;
    set->used = 0;
    set->bad = false;
}

/* A whole certificate as an anchor need not be in the server's chain, which is
 * where we look for anchors. */
static bool
is_usable(const struct tlsa *r, size_t size)
{
    if (r->usage != TLSA_DANE_TA && r->usage != TLSA_DANE_EE)
        return false;
    if (r->selector > TLSA_SPKI)
        return false;
    switch (r->type) {
    case TLSA_FULL:
        return r->usage == TLSA_DANE_EE;
    case TLSA_SHA256:
        return size == TLSA_SHA256_SIZE;
    case TLSA_SHA512:
        return size == TLSA_SHA512_SIZE;
    default:
        return false;
    }
}

/* Data in full are kept as they are: a digest of them would have to be made
 * where no hash is known, and such records are rare. */
static bool
add(struct tlsa_set *set, struct slice rdata)
{
    struct tlsa r = {.start = (uint16_t)set->used};
    struct cursor c;

    cursor_init(&c, rdata);
    r.usage = cursor_u8(&c);
    r.selector = cursor_u8(&c);
    r.type = cursor_u8(&c);
    if (c.bad || set->count == TLSA_COUNT_MAX)
        return false;
    r.usable = is_usable(&r, c.rest.size);
    if (r.usable || c.rest.size <= TLSA_SHA512_SIZE) {
        if (c.rest.size > sizeof(set->data) - set->used)
            return false;
        r.size = (uint16_t)c.rest.size;
        if (r.size > 0)
            memcpy(set->data + set->used, c.rest.data, r.size);
        set->used += r.size;
    }
    set->list[set->count++] = r;
    return true;
}

bool
tlsa_set_add(struct tlsa_set *set, struct slice rdata)
{
    set->bad = set->bad || !add(set, rdata);
    return !set->bad;
}

bool
tlsa_set_any(const struct tlsa_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (set->list[i].usable)
            return true;
    return false;
}

bool
tlsa_counts(const struct tlsa_set *set, uint32_t index)
{
    const struct tlsa *r = &set->list[index];

    assert(index < set->count);
    for (uint32_t i = 0; i < set->count && r->type == TLSA_SHA256; i++) {
        const struct tlsa *other = &set->list[i];

        if (other->usable && other->type == TLSA_SHA512 &&
            other->usage == r->usage && other->selector == r->selector)
            return false;
    }
    return r->usable;
}

struct slice
tlsa_data(const struct tlsa_set *set, uint32_t index)
{
    const struct tlsa *r = &set->list[index];

    assert(index < set->count);
    return slice_of(set->data + r->start, r->size);
}
