/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "sim/check.h"

/* Pieces of a secret, as text or as octets; what a server hears under TLS from
 * whoever may know it is not looked at here. */
void
check_secret(const void *data, size_t size, const char *how)
{
    for (uint32_t i = 0; i < world.secret_count; i++)
        if (size > 0 && memmem(data, size, world.secrets[i].data,
                               world.secrets[i].size) != NULL) {
            violated(CHECK_SECRET, "a part of a secret %s", how);
            return;
        }
}
