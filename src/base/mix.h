/* SPDX-License-Identifier: ISC */
/*
 * A stream of well-mixed numbers from one random seed: for order, not for
 * secrets (Steele, Lea, Flood: splittable generators, 2014).
 *
 * in     a seed from the kernel
 * out    numbers that look independent
 * bound  period 2^64
 * fault  none
 */
#ifndef BASE_MIX_H
#define BASE_MIX_H

#include <stdint.h>

/* The next number; `state` moves on. */
uint64_t mix_next(uint64_t *state);
/* One below `count`, which is not 0 and at most 2^32: bias below 2^-32. */
uint32_t mix_below(uint64_t *state, uint32_t count);

#endif
