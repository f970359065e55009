/* SPDX-License-Identifier: ISC */
#include "base/mix.h"

#include "base/assert.h"

uint64_t
mix_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t
mix_below(uint64_t *state, uint32_t count)
{
    assert(count > 0);
    return (uint32_t)(((mix_next(state) >> 32) * count) >> 32);
}
