/* SPDX-License-Identifier: ISC */
/* Reads a word where none may lie: ends by a signal where that is seen. */
#include <stdint.h>

static uint8_t bytes[8];

int
main(void)
{
    uint8_t *volatile at = bytes + 1;

    return (int)*(volatile uint32_t *)at;
}
