/* SPDX-License-Identifier: ISC */
#include "policy/dane.h"

#include <stdint.h>

#include "test.h"

/* By the bits of an answer, - either. */
static const struct {
    char pending, failed, found, secure, usable;
    enum policy_dane class;
} rows[] = {
    {'1', '-', '-', '-', '-', POLICY_DANE_PENDING},
    {'0', '1', '-', '-', '-', POLICY_DANE_SKIP},
    {'0', '0', '0', '-', '-', POLICY_DANE_NONE},
    {'0', '0', '1', '0', '-', POLICY_DANE_NONE},
    {'0', '0', '1', '1', '0', POLICY_DANE_ENCRYPT},
    {'0', '0', '1', '1', '1', POLICY_DANE_AUTH},
};

static bool
bit_is(char column, bool bit)
{
    return column == '-' || (column == '1') == bit;
}

TEST(each_answer_has_its_class)
{
    for (uint32_t i = 0; i < 32; i++) {
        struct policy_dane_answer a = {.pending = i & 1,
                                       .failed = i & 2,
                                       .found = i & 4,
                                       .secure = i & 8,
                                       .usable = i & 16};
        uint32_t count = 0;

        for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
            if (bit_is(rows[k].pending, a.pending) &&
                bit_is(rows[k].failed, a.failed) &&
                bit_is(rows[k].found, a.found) &&
                bit_is(rows[k].secure, a.secure) &&
                bit_is(rows[k].usable, a.usable)) {
                count++;
                CHECK(policy_dane_of(&a) == rows[k].class);
            }
        CHECK(count == 1);
    }
}

#define CASES(X) X(each_answer_has_its_class)

TEST_MAIN(CASES)
