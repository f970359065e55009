/* SPDX-License-Identifier: ISC */
#include "base/mix.h"

#include "test.h"

enum { DRAW_COUNT = 100000, SIDE_COUNT = 10 };

/* SplitMix64 from seed 1234567: the numbers its authors' code prints. */
TEST(is_the_published_generator)
{
    uint64_t state = 1234567;

    CHECK(mix_next(&state) == UINT64_C(6457827717110365317));
    CHECK(mix_next(&state) == UINT64_C(3203168211198807973));
    CHECK(mix_next(&state) == UINT64_C(9817491932198370423));
    CHECK(mix_next(&state) == UINT64_C(4593380528125082431));
    CHECK(mix_next(&state) == UINT64_C(16408922859458223821));
}

TEST(the_same_seed_gives_the_same_stream)
{
    uint64_t a = 42, b = 42, c = 43;
    uint64_t first = mix_next(&a);

    CHECK(first == mix_next(&b));
    CHECK(first != mix_next(&c));
    CHECK(mix_next(&a) != first);
}

TEST(stays_below_its_bound)
{
    uint64_t state = 0;

    for (uint32_t count = 1; count < 300; count++)
        for (int i = 0; i < 100; i++)
            CHECK(mix_below(&state, count) < count);
    for (int i = 0; i < 1000; i++)
        CHECK(mix_below(&state, 1) == 0);
    for (int i = 0; i < 1000; i++)
        CHECK(mix_below(&state, UINT32_MAX) < UINT32_MAX);
}

/* Also from poor seeds, as a machine without a clock might have. */
TEST(every_value_is_as_likely)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        uint64_t state = seed;
        uint32_t counts[SIDE_COUNT] = {0};

        for (int i = 0; i < DRAW_COUNT; i++)
            counts[mix_below(&state, SIDE_COUNT)]++;
        /* 10000 expected, deviation 95: six of them. */
        for (int i = 0; i < SIDE_COUNT; i++)
            CHECK(counts[i] > 9430 && counts[i] < 10570);
    }
}

/* The first number of neighbouring seeds: a seed is used for one shuffle. */
TEST(neighbouring_seeds_differ)
{
    uint32_t counts[SIDE_COUNT] = {0};

    for (uint64_t seed = 0; seed < DRAW_COUNT; seed++) {
        uint64_t state = seed;

        counts[mix_below(&state, SIDE_COUNT)]++;
    }
    for (int i = 0; i < SIDE_COUNT; i++)
        CHECK(counts[i] > 9430 && counts[i] < 10570);
}

#define CASES(X)                           \
    X(is_the_published_generator)          \
    X(the_same_seed_gives_the_same_stream) \
    X(stays_below_its_bound)               \
    X(every_value_is_as_likely)            \
    X(neighbouring_seeds_differ)

TEST_MAIN(CASES)
