/* SPDX-License-Identifier: ISC */
/*
 * Linked into a build for tests with --wrap=mbedtls_calloc: the allocation
 * number FAIL_ALLOCATION of the environment fails, with a + behind the number
 * all from there on too. FAIL_ALLOCATION=count: each puts a byte 1 on
 * descriptor 2, which is the report pipe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

void *__real_mbedtls_calloc(size_t count, size_t size);
void *__wrap_mbedtls_calloc(size_t count, size_t size);

void *
__wrap_mbedtls_calloc(size_t count, size_t size)
{
    static unsigned long turn;
    const char *text = getenv("FAIL_ALLOCATION");
    char *end = NULL;
    unsigned long number = text ? strtoul(text, &end, 10) : 0;

    turn++;
    if (text && text[0] == 'c')
        (void)!write(2, "\1", 1);
    if (number > 0 && (turn == number || (*end == '+' && turn > number)))
        return NULL;
    return __real_mbedtls_calloc(count, size);
}
