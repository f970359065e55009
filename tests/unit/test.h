/* SPDX-License-Identifier: ISC */
/*
 * A unit test program: cases, checks, one line a case.
 *
 * in     TEST(case_name) { CHECK(condition); ... } and TESTS(list of cases)
 * out    "ok case_name" or "not ok case_name: file:line condition"
 * bound  none
 * fault  exit status 1 when a case failed
 */
#ifndef UNIT_TEST_H
#define UNIT_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool test_failed;

#define TEST(name) static void name(void)

/* Says what is wrong once a case, and goes on with the next. */
#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            if (!test_failed)                                                 \
                printf("not ok %s: %s:%d %s\n", __func__, __FILE__, __LINE__, \
                       #condition);                                           \
            test_failed = true;                                               \
            return;                                                           \
        }                                                                     \
    } while (0)

#define TEST_RUN(name)            \
    test_failed = false;          \
    name();                       \
    if (!test_failed)             \
        printf("ok %s\n", #name); \
    any_failed |= test_failed;    \
    fflush(stdout);

/* TESTS(X) lists the cases: #define CASES(X) X(first) X(second) */
#define TEST_MAIN(CASES)           \
    int main(void)                 \
    {                              \
        bool any_failed = false;   \
                                   \
        CASES(TEST_RUN)            \
        return any_failed ? 1 : 0; \
    }

#endif
