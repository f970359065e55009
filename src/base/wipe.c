/* SPDX-License-Identifier: ISC */
#include "base/wipe.h"

#include <string.h>

void
wipe(void *data, size_t size)
{
    memset(data, 0, size);
    /* Somebody may look there, as far as the compiler knows. */
    __asm__ volatile("" : : "r"(data) : "memory");
}
