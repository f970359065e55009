/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L

#include "tls/arena.h"

#include <mbedtls/platform.h>
#include <stdalign.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mix.h"
#include "test.h"

enum {
    SIZE = 4096,
    HEAD_SIZE = 8,    /* of a block, and what each is a multiple of */
    BLOCK_COUNT = 40, /* held at a time by the walk */
    STEP_COUNT = 20000,
    STEP_SIZE_MAX = 200,
    UNTOUCHED = 0xa5,
};

static alignas(HEAD_SIZE) uint8_t memory[SIZE];

static void
begin(void)
{
    memset(memory, UNTOUCHED, sizeof(memory));
    tls_arena_init(memory, sizeof(memory));
}

/* The largest that can be had now. */
static size_t
largest(void)
{
    for (size_t size = SIZE; size > 0; size--) {
        void *block = mbedtls_calloc(1, size);

        mbedtls_free(block);
        if (block != NULL)
            return size;
    }
    return 0;
}

static bool
all(const uint8_t *bytes, size_t size, uint8_t value)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

TEST(gives_zeros_where_there_were_others)
{
    begin();
    for (size_t size = 0; size < STEP_SIZE_MAX; size++) {
        uint8_t *block = mbedtls_calloc(size, 1);

        CHECK(block != NULL && (uintptr_t)block % HEAD_SIZE == 0);
        CHECK(block >= memory && block + size <= memory + SIZE);
        CHECK(all(block, size, 0));
        memset(block, UNTOUCHED, size);
        mbedtls_free(block);
    }
}

TEST(refuses_what_does_not_fit)
{
    begin();
    CHECK(largest() == SIZE - 2 * HEAD_SIZE);
    CHECK(mbedtls_calloc(1, SIZE) == NULL);
    CHECK(mbedtls_calloc(1, SIZE_MAX) == NULL);
    CHECK(mbedtls_calloc(SIZE_MAX, 1) == NULL);
    CHECK(mbedtls_calloc(SIZE_MAX / 2 + 2, 2) == NULL);
    CHECK(mbedtls_calloc(SIZE_MAX / HEAD_SIZE + 1, HEAD_SIZE) == NULL);
    mbedtls_free(NULL);
    CHECK(mbedtls_calloc(1, SIZE - 2 * HEAD_SIZE) != NULL);
    CHECK(mbedtls_calloc(1, 0) == NULL);
}

TEST(begins_where_memory_is_aligned)
{
    for (size_t lost = 0; lost < HEAD_SIZE; lost++) {
        void *block;

        memset(memory, UNTOUCHED, sizeof(memory));
        tls_arena_init(memory + lost, SIZE - lost - 1);
        block = mbedtls_calloc(1, 1);
        CHECK(block != NULL && (uintptr_t)block % HEAD_SIZE == 0);
        mbedtls_free(block);
        CHECK(largest() > 0 && memory[SIZE - 1] == UNTOUCHED);
        CHECK(all(memory, lost, UNTOUCHED));
    }
}

/* Three blocks and the rest, given back in every order. */
TEST(joins_what_is_given_back)
{
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        void *blocks[3];

        begin();
        for (int j = 0; j < 3; j++)
            CHECK((blocks[j] = mbedtls_calloc(1, STEP_SIZE_MAX)) != NULL);
        for (int j = 0; j < 3; j++)
            mbedtls_free(blocks[orders[i][j]]);
        CHECK(largest() == SIZE - 2 * HEAD_SIZE);
    }
}

TEST(touches_no_more_than_it_needs)
{
    void *first, *second;

    begin();
    for (int i = 0; i < STEP_COUNT; i++) {
        CHECK((first = mbedtls_calloc(1, STEP_SIZE_MAX)) != NULL);
        CHECK((second = mbedtls_calloc(1, STEP_SIZE_MAX)) != NULL);
        mbedtls_free(first);
        mbedtls_free(second);
    }
    CHECK(all(memory + 3 * STEP_SIZE_MAX, SIZE - 3 * STEP_SIZE_MAX, UNTOUCHED));
}

/* A block that is held keeps what was written into it. */
TEST(keeps_blocks_apart)
{
    static struct {
        uint8_t *data;
        size_t size;
    } held[BLOCK_COUNT];
    uint64_t state = 1;
    int refused = 0;

    begin();
    for (int i = 0; i < STEP_COUNT; i++) {
        uint32_t n = mix_below(&state, BLOCK_COUNT);

        if (held[n].data != NULL) {
            CHECK(all(held[n].data, held[n].size, (uint8_t)n));
            mbedtls_free(held[n].data);
            held[n].data = NULL;
            continue;
        }
        held[n].size = mix_below(&state, STEP_SIZE_MAX);
        held[n].data = mbedtls_calloc(1, held[n].size);
        refused += held[n].data == NULL;
        if (held[n].data != NULL) {
            CHECK(all(held[n].data, held[n].size, 0));
            memset(held[n].data, (int)n, held[n].size);
        }
    }
    CHECK(refused > 0 && refused < STEP_COUNT / 4);
    for (int i = 0; i < BLOCK_COUNT; i++)
        mbedtls_free(held[i].data);
    CHECK(largest() == SIZE - 2 * HEAD_SIZE);
}

enum crime { NONE, TWICE, INSIDE, FOREIGN, OVERRUN };

static void
commit(enum crime crime)
{
    static alignas(HEAD_SIZE) uint8_t foreign[2 * HEAD_SIZE];
    uint8_t *first, *second;

    begin();
    first = mbedtls_calloc(1, STEP_SIZE_MAX);
    second = mbedtls_calloc(1, STEP_SIZE_MAX);
    if (crime == OVERRUN)
        memset(first, 1, STEP_SIZE_MAX + 1);
    mbedtls_free(crime == INSIDE    ? first + HEAD_SIZE
                 : crime == FOREIGN ? foreign + HEAD_SIZE
                                    : first);
    if (crime == TWICE)
        mbedtls_free(first);
    mbedtls_free(second);
}

/* Whether a process that does it ends by a signal. */
static bool
ends(enum crime crime)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        commit(crime);
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child &&
           WIFSIGNALED(status);
}

TEST(ends_where_it_is_abused)
{
    CHECK(!ends(NONE));
    CHECK(ends(TWICE));
    CHECK(ends(INSIDE));
    CHECK(ends(FOREIGN));
    CHECK(ends(OVERRUN));
}

#define CASES(X)                           \
    X(gives_zeros_where_there_were_others) \
    X(refuses_what_does_not_fit)           \
    X(begins_where_memory_is_aligned)      \
    X(joins_what_is_given_back)            \
    X(touches_no_more_than_it_needs)       \
    X(keeps_blocks_apart)                  \
    X(ends_where_it_is_abused)

TEST_MAIN(CASES)
