/* SPDX-License-Identifier: ISC */
#include "output.h"

#include "os/os.h"

enum { OUTPUT_FD = 1 };

bool
output(struct slice bytes)
{
    uint32_t tries = 0;

    while (bytes.size > 0) {
        ptrdiff_t n = os_write(OUTPUT_FD, bytes);

        if (n == OS_AGAIN) {
            struct os_poll p = {.fd = OUTPUT_FD, .tx = true};

            if (tries++ < REPORT_TRY_COUNT_MAX && os_poll(&p, 1, INT64_MAX))
                continue;
        }
        if (n < 0)
            return false;
        tries = 0;
        bytes = slice_part(bytes, (size_t)n, bytes.size);
    }
    return true;
}
