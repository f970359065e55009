/* SPDX-License-Identifier: ISC */
/*
 * RFC 5952, section 4, read slowly: how an address is written.
 *
 * in     four or sixteen bytes
 * out    text, NUL-ended
 * bound  INET6_ADDRSTRLEN
 * fault  none
 *
 * Not the C library's inet_ntop: musl's leaves the first of two equal runs of
 * zeros for a later one, glibc's writes IPv4 tails for unknown prefixes.
 */
#ifndef FUZZ_ADDR_REFERENCE_H
#define FUZZ_ADDR_REFERENCE_H

#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { REFERENCE_GROUP_COUNT = 8 };

static inline unsigned
reference_group(const uint8_t *bytes, int index)
{
    return (unsigned)bytes[2 * index] << 8 | bytes[2 * index + 1];
}

/* The groups from `from` that are 0. */
static inline int
reference_run(const uint8_t *bytes, int from)
{
    int end = from;

    while (end < REFERENCE_GROUP_COUNT && reference_group(bytes, end) == 0)
        end++;
    return end - from;
}

static inline void
reference_print(const struct addr *a, char out[static INET6_ADDRSTRLEN])
{
    int begin = 0, longest = 1, used = 0;

    if (a->family == ADDR_IPV4) {
        snprintf(out, INET6_ADDRSTRLEN, "%u.%u.%u.%u", a->bytes[0], a->bytes[1],
                 a->bytes[2], a->bytes[3]);
        return;
    }
    for (int i = 0; i < REFERENCE_GROUP_COUNT; i++) {
        if (reference_run(a->bytes, i) > longest) {
            longest = reference_run(a->bytes, i);
            begin = i;
        }
    }
    for (int i = 0; i < REFERENCE_GROUP_COUNT; i++) {
        if (longest > 1 && i == begin) {
            used += snprintf(out + used, INET6_ADDRSTRLEN - (size_t)used, "::");
            i += longest - 1;
        } else {
            bool colon = i > 0 && out[used - 1] != ':';

            used +=
                snprintf(out + used, INET6_ADDRSTRLEN - (size_t)used, "%s%x",
                         colon ? ":" : "", reference_group(a->bytes, i));
        }
    }
}

#endif
