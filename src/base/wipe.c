/* SPDX-License-Identifier: ISC */
#include "base/wipe.h"

void
wipe(void *bytes, size_t size)
{
    volatile unsigned char *at = bytes;

    while (size > 0)
        at[--size] = 0;
}
