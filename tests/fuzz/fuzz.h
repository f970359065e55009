/* SPDX-License-Identifier: ISC */
/*
 * What every fuzzer shares: the input as a source of decisions, and MUST.
 *
 * in     the fuzzer's bytes; at their end every decision is 0
 * out    numbers, pieces of input, copies with nothing behind them
 * bound  none of its own
 * fault  MUST prints its condition and aborts: a finding
 *
 * tests/fuzz/NAME_fuzz.c is linked with libFuzzer (`make fuzz`), and with
 * replay.c, which feeds it tests/fuzz/corpus/NAME.pack (`make check`).
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) \
    ((condition) ? (void)0 : fuzz_die(__FILE__, __LINE__, #condition))

static inline void
fuzz_die(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: MUST(%s)\n", file, line, condition);
    abort();
}

static inline uint8_t
fuzz_u8(struct slice *in)
{
    uint8_t byte = in->size > 0 ? in->data[0] : 0;

    *in = slice_part(*in, 1, in->size);
    return byte;
}

static inline uint32_t
fuzz_u16(struct slice *in)
{
    uint32_t high = fuzz_u8(in);

    return high << 8 | fuzz_u8(in);
}

static inline uint32_t
fuzz_u32(struct slice *in)
{
    uint32_t high = fuzz_u16(in);

    return high << 16 | fuzz_u16(in);
}

/* The next `size` bytes, or what is left. */
static inline struct slice
fuzz_take(struct slice *in, size_t size)
{
    struct slice taken = slice_part(*in, 0, size);

    *in = slice_part(*in, taken.size, in->size);
    return taken;
}

/* Up to and without the next `byte`, which is taken too. */
static inline struct slice
fuzz_until(struct slice *in, uint8_t byte)
{
    struct slice taken = fuzz_take(in, slice_find(*in, byte));

    *in = slice_part(*in, 1, in->size);
    return taken;
}

/* A copy that AddressSanitizer guards at both ends; to be freed. */
static inline uint8_t *
fuzz_copy(struct slice s)
{
    uint8_t *copy = malloc(s.size ? s.size : 1);

    MUST(copy != NULL);
    if (s.size > 0)
        memcpy(copy, s.data, s.size);
    return copy;
}

#endif
